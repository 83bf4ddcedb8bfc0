"""Judging in SQL: one table of members with their columns as of an instant, then each control over it.

The same path serves now and any day before: facts observed up to `at`, with their ages taken at `at`, the register
valid on that day, and the networks that had been read to the end by then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, text

from inventory.expressions import Expression, parse
from inventory.store import registers, runs, waivers
from inventory.store.columns import pivot
from inventory.vocabulary import POPULATIONS, Key, Vocabulary
from inventory.words import AgencyTally, AssetTally, Control, LinkState, Register, Status, Waiver

ZONE = registers.ZONE

_MEMBER = {"assets": "judged_asset", "links": "judged_link", "agencies": "judged_agency"}
_ALWAYS = {"agency", "role", "answering", "link_answering"}
MISSING = " (missing)"
ANSWERS = "judged_now"
"""The table of one control's answers: member, agency, level, status, gaps, weight."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One control's answer for one member, as judged."""

    member: str
    agency: str
    level: str
    status: Status
    gaps: tuple[str, ...] = ()
    weight: int = 1


@dataclass(frozen=True, slots=True)
class _Question:
    control: Control
    where: Expression | None
    meets: Expression

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*(self.where.columns if self.where else ()), *self.meets.columns)))


class Judgement:
    """All controls judged as of one instant; it lives as long as the transaction of its connection."""

    def __init__(
        self,
        connection: Connection,
        vocabulary: Vocabulary,
        controls: Mapping[str, Control],
        register: Register,
        at: datetime,
    ) -> None:
        """Lay out the members of every population with the columns that the controls name."""
        self.at = at
        self.register = register
        self.places = registers.places(register, at.astimezone(ZONE).date())
        self._connection = connection
        self._vocabulary = vocabulary
        self._dialect = connection.dialect.name
        # Letters have one order, and capitals one meaning, whatever language the database was made for.
        self.text = 'TEXT COLLATE "C"' if self._dialect == "postgresql" else "TEXT"
        self._questions = {c.id: _question(c, vocabulary) for c in controls.values()}
        self._counts = {
            name: parse(count.where, vocabulary.columns(count.of))
            for name, count in vocabulary.counts.items()
            if any(name in q.columns for q in self._questions.values())
        }
        self.read_to_the_end = runs.read_to_the_end(connection, at)
        self._lay_out_places()
        self.waivers = self._lay_out_waivers()
        self._lay_out("assets", {"agency", "role", "answering"})
        self._lay_out("links", {"link_answering"})
        self._lay_out("agencies", set())

    @property
    def keys(self) -> set[str]:
        """The keys of the facts that it rests on."""
        named = {column for q in self._questions.values() for column in q.columns}
        named |= {column for expression in self._counts.values() for column in expression.columns}
        return (named | _ALWAYS) & self._vocabulary.keys.keys()

    # --- laying out -------------------------------------------------------------------------------------------------

    def _run(self, sql: str, parameters: object = None) -> None:
        self._connection.execute(text(sql), parameters)  # type: ignore[call-overload]

    def _lay_out_places(self) -> None:
        self._run("DROP TABLE IF EXISTS judged_place")
        columns = f"code {self.text} PRIMARY KEY, home {self.text}, level {self.text}"
        self._run(f"CREATE TEMPORARY TABLE judged_place ({columns})")
        rows = [{"code": code, "home": p.home, "level": p.level} for code, p in self.places.items()]
        if rows:
            self._run("INSERT INTO judged_place VALUES (:code, :home, :level)", rows)

    def _lay_out_waivers(self) -> dict[str, list[Waiver]]:
        """The waivers that hold on the day, by control, and the table of whom they are for."""
        found: dict[str, list[Waiver]] = {}
        for one in waivers.load(self._connection, self.at.astimezone(ZONE).date()):
            # An agency that became part of another has its waiver there no longer: the other is asked for itself.
            if one.control in self._questions and (not one.agency or one.agency in self.places):
                found.setdefault(one.control, []).append(one)
        self._run("DROP TABLE IF EXISTS judged_waiver")
        words = ", ".join(f"{name} {self.text}" for name in ("control", "member", "agency", "status"))
        self._run(f"CREATE TEMPORARY TABLE judged_waiver ({words})")
        rows = [
            {"c": v.control, "m": v.member, "a": v.agency, "s": str(v.status)} for own in found.values() for v in own
        ]
        if rows:
            self._run("INSERT INTO judged_waiver VALUES (:c, :m, :a, :s)", rows)
        return found

    def _lay_out(self, population: str, always: set[str]) -> None:
        """Make the table of a population's members with one column for each fact key that is asked for."""
        named = {
            column for q in self._questions.values() if q.control.population == population for column in q.columns
        } | always
        for name, expression in self._counts.items():
            if self._vocabulary.counts[name].of == population:
                named |= set(expression.columns)
        subject = POPULATIONS[population]
        keys = [k for k in self._vocabulary.of(subject) if k.name in named]
        table = _MEMBER[population]
        self._run(f"DROP TABLE IF EXISTS {table}")
        members = pivot(subject, keys, self.at, self._dialect)
        getattr(self, f"_lay_out_{population}")(table, members, keys)

    def _lay_out_assets(self, table: str, members: str, keys: list[Key]) -> None:
        others = "".join(f", f.{k.name}" for k in keys if k.name != "agency")
        self._run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT f.subject AS member, p.home AS agency, p.level{others} "
            f"FROM ({members}) f JOIN judged_place p ON p.code = f.agency"
        )

    def _lay_out_links(self, table: str, members: str, keys: list[Key]) -> None:
        columns = "".join(f", {k.name}" for k in keys)
        self._run(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS judged_line (code {self.text} PRIMARY KEY, agency {self.text}, "
            f"kind {self.text}, provider {self.text}, contracted_mbps DOUBLE PRECISION)"
        )
        self._run("DELETE FROM judged_line")
        day = self.at.astimezone(ZONE).date()
        rows = [
            {"code": v.code, "agency": v.agency, "kind": v.kind, "provider": v.provider, "mbps": v.contracted_mbps}
            for v in self.register.links
            if v.valid_on(day) and v.agency in self.places
        ]
        if rows:
            self._run("INSERT INTO judged_line VALUES (:code, :agency, :kind, :provider, :mbps)", rows)
        self._run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT n.code AS member, p.home AS agency, p.level, n.kind, "
            f"n.provider, n.contracted_mbps{columns} FROM judged_line n JOIN judged_place p ON p.code = n.agency "
            f"LEFT JOIN ({members}) f ON f.subject = n.code"
        )

    def _lay_out_agencies(self, table: str, members: str, keys: list[Key]) -> None:
        columns = "".join(f", f.{k.name}" for k in keys)
        bounds, joins = "", ""
        self._run("CREATE TEMPORARY TABLE IF NOT EXISTS judged_look (home TEXT, name TEXT, PRIMARY KEY (home, name))")
        self._run("DELETE FROM judged_look")
        for number, (name, expression) in enumerate(self._counts.items()):
            count = self._vocabulary.counts[name]
            where = _write(expression, self._dialect, self.at)
            joins += (
                f" LEFT JOIN (SELECT agency, SUM(CASE WHEN ({where}) THEN 1 ELSE 0 END) AS low, "
                f"SUM(CASE WHEN ({where}) IS NULL THEN 1 ELSE 0 END) AS unsure FROM {_MEMBER[count.of]} "
                f"GROUP BY agency) c{number} ON c{number}.agency = p.home"
            )
            high = f"COALESCE(c{number}.low + c{number}.unsure, 0)"
            if count.looked is not None:
                looked = [{"home": home, "name": name} for home in self._looked_through(count.looked)]
                if looked:
                    self._run("INSERT INTO judged_look VALUES (:home, :name)", looked)
                joins += f" LEFT JOIN judged_look l{number} ON l{number}.home = p.home AND l{number}.name = '{name}'"
                high = f"CASE WHEN l{number}.home IS NOT NULL THEN {high} END"
            bounds += f", COALESCE(c{number}.low, 0) AS {name}__low, {high} AS {name}__high"
        self._run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT p.home AS member, p.home AS agency, p.level{columns}{bounds} "
            f"FROM judged_place p LEFT JOIN ({members}) f ON f.subject = p.code{joins} WHERE p.code = p.home"
        )

    def unread_networks(self, agency: str, within: timedelta) -> list[str]:
        """The networks of an agency and its parts that were not read to the end within an age; "" where it has none."""
        day = self.at.astimezone(ZONE).date()
        homes = {code: p.home for code, p in self.places.items()}
        own = [n.code for n in self.register.networks if n.valid_on(day) and homes.get(n.agency) == agency]
        read = self.read_to_the_end
        return [n for n in own if n not in read or self.at - read[n] > within] if own else [""]

    def _looked_through(self, within: timedelta) -> list[str]:
        homes = {p.home for p in self.places.values()}
        return sorted(home for home in homes if not self.unread_networks(home, within))

    def close(self) -> None:
        """Drop the tables of members; a transaction that is rolled back does so by itself."""
        for table in (*_MEMBER.values(), "judged_place", "judged_line", "judged_look", "judged_waiver", ANSWERS):
            self._run(f"DROP TABLE IF EXISTS {table}")

    # --- answering --------------------------------------------------------------------------------------------------

    def answers_sql(self, control: str) -> str:
        """The SELECT of a control: member, agency, level, status and, where unknown, the columns that were."""
        q = self._questions[control]
        meets = _write(q.meets, self._dialect, self.at)
        columns = q.meets.columns if q.control.population == "assets" else q.columns
        gaps = " || ".join(f"CASE WHEN {self._is_unknown(c)} THEN '{c} ' ELSE '' END" for c in columns)
        where = f" WHERE {_write(q.where, self._dialect, self.at)}" if q.where else ""
        if q.where and q.control.population != "assets":
            # Of an agency or link that the register has, it may be unknown whether it is asked; it is no less there.
            asked = _write(q.where, self._dialect, self.at)
            where = f" WHERE ({asked}) OR ({asked}) IS NULL"
            meets = f"CASE WHEN ({asked}) THEN ({meets}) END"
        status = f"CASE WHEN ({meets}) THEN 'met' WHEN NOT ({meets}) THEN 'unmet' ELSE 'unknown' END"
        answers = (
            f"SELECT CAST(member AS TEXT) AS member, agency, level, {status} AS status, "
            f"CASE WHEN ({meets}) IS NULL THEN {gaps} ELSE '' END AS gaps FROM {_MEMBER[q.control.population]}{where}"
        )
        if control not in self.waivers:
            return answers
        waived = (
            f"(SELECT MIN(w.status) FROM judged_waiver w WHERE w.control = '{control}' "
            "AND (w.member = q.member OR (w.member = '' AND w.agency = q.agency)))"
        )
        return (
            "SELECT v.member, v.agency, v.level, CASE WHEN v.waived IS NULL THEN v.status ELSE v.waived END AS status, "
            "CASE WHEN v.waived IS NULL THEN v.gaps ELSE '' END AS gaps "
            f"FROM (SELECT q.*, {waived} AS waived FROM ({answers}) q) v"
        )

    def _is_unknown(self, column: str) -> str:
        if column not in self._counts:
            return f"{column} IS NULL"
        return f"({column}__high IS NULL OR {column}__high > {column}__low)"

    def missing(self, control: str) -> list[Verdict]:
        """The verdicts for what is declared beyond what was found: it exists, and nothing is known of it."""
        if self._questions[control].control.declared_as is None:
            return []
        return self._missing(control, self._tally(f"({self.answers_sql(control)})"))

    def _missing(self, control: str, tallied: Iterable[tuple[str, str, str, int]]) -> list[Verdict]:
        declared_as = self._questions[control].control.declared_as
        if declared_as is None:
            return []
        found: dict[str, int] = {}
        for agency, _, _, members in tallied:
            found[agency] = found.get(agency, 0) + members
        declared = registers.declared(self.register, declared_as, self.at.astimezone(ZONE).date())
        return [
            Verdict(
                agency + MISSING, agency, self.places[agency].level, self._status_of_missing(control, agency),
                (declared_as,),
                number - found.get(agency, 0),
            )
            for agency, number in sorted(declared.items())
            if number > found.get(agency, 0)
        ]  # fmt: skip

    def _status_of_missing(self, control: str, agency: str) -> Status:
        own = [str(v.status) for v in self.waivers.get(control, ()) if v.agency == agency]
        return Status(min(own)) if own else Status.UNKNOWN

    def waiver_of(self, control: str, member: str, agency: str) -> Waiver | None:
        """The waiver behind an answer, the newest of several."""
        own = [v for v in self.waivers.get(control, ()) if v.member == member or (not v.member and v.agency == agency)]
        return own[-1] if own else None

    def _tally(self, answers: str) -> list[tuple[str, str, str, int]]:
        query = f"SELECT agency, level, status, COUNT(*) FROM {answers} a GROUP BY agency, level, status"
        return [(row[0], row[1], row[2], row[3]) for row in self._connection.execute(text(query))]

    def lay_out_answers(self, control: str) -> tuple[AgencyTally, ...]:
        """Make the table ANSWERS of one control; how many members have which answer, by agency."""
        self._run(f"DROP TABLE IF EXISTS {ANSWERS}")
        self._run(f"CREATE TEMPORARY TABLE {ANSWERS} AS SELECT a.*, 1 AS weight FROM ({self.answers_sql(control)}) a")
        rows = {(a, level, Status(status)): members for a, level, status, members in self._tally(ANSWERS)}
        missing = self._missing(control, [(*name, members) for name, members in rows.items()])
        for v in missing:
            rows[v.agency, v.level, v.status] = rows.get((v.agency, v.level, v.status), 0) + v.weight
        if missing:
            self._run(
                f"INSERT INTO {ANSWERS} (member, agency, level, status, gaps, weight) VALUES (:m, :a, :l, :s, :g, :w)",
                [
                    {"m": v.member, "a": v.agency, "l": v.level, "s": v.status, "g": " ".join(v.gaps), "w": v.weight}
                    for v in missing
                ],
            )
        if self._dialect == "sqlite":
            self._run(f"CREATE UNIQUE INDEX {ANSWERS}_member ON {ANSWERS} (member)")
        return tuple(AgencyTally(control, *name, members) for name, members in sorted(rows.items()))

    def tallies(self) -> tuple[AgencyTally, ...]:
        """For every control, agency and status: how many members."""
        found: list[AgencyTally] = []
        for control in sorted(self._questions):
            rows = {(a, level, Status(s)): n for a, level, s, n in self._tally(f"({self.answers_sql(control)})")}
            for v in self._missing(control, [(*name, members) for name, members in rows.items()]):
                rows[v.agency, v.level, v.status] = rows.get((v.agency, v.level, v.status), 0) + v.weight
            found += [AgencyTally(control, *name, members) for name, members in sorted(rows.items())]
        return tuple(found)

    def verdicts(self, control: str) -> Iterator[Verdict]:
        """Every member's answer for one control."""
        for member, agency, level, status, gaps in self._connection.execute(text(self.answers_sql(control))):
            yield Verdict(member, agency, level, Status(status), tuple(gaps.split()))
        yield from self.missing(control)

    def asset_tallies(self) -> tuple[AssetTally, ...]:
        """Assets by agency, role and whether they answer."""
        answers = "CASE WHEN answering THEN 'yes' WHEN NOT answering THEN 'no' ELSE 'unknown' END"
        query = (
            f"SELECT agency, COALESCE(role, 'unknown'), {answers}, COUNT(*) FROM judged_asset "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        return tuple(AssetTally(*row) for row in self._connection.execute(text(query)))

    def link_states(self) -> tuple[LinkState, ...]:
        """Every declared link and whether it answers."""
        state = "CASE WHEN link_answering THEN 'up' WHEN NOT link_answering THEN 'down' ELSE 'unknown' END"
        query = f"SELECT member, agency, kind, {state} FROM judged_link ORDER BY member"
        return tuple(LinkState(*row) for row in self._connection.execute(text(query)))

    def counted(self, control: str, agencies: Collection[str]) -> Iterator[tuple[str, str, str, bool]]:
        """What the counts that a control names counted in these agencies: agency, count, member, whether for sure."""
        for name in self._questions[control].columns:
            if name not in self._counts:
                continue
            table, where = _MEMBER[self._vocabulary.counts[name].of], _write(self._counts[name], self._dialect, self.at)
            query = text(
                f"SELECT agency, CAST(member AS TEXT), CASE WHEN ({where}) THEN 1 ELSE 0 END FROM {table} "
                f"WHERE agency IN :agencies AND (({where}) OR ({where}) IS NULL) ORDER BY 1, 3 DESC, 2"
            ).bindparams(bindparam("agencies", value=list(agencies), expanding=True))
            for agency, member, sure in self._connection.execute(query):
                yield agency, name, member, bool(sure)

    def failing(self, control: str, members: Collection[str]) -> dict[str, dict[str, float | None]]:
        """Of members that do not meet a control: the columns of the conditions that do not hold, in order.

        Beside a count stands how many were counted, beside every other column None.
        """
        question = self._questions[control]
        parts = [(part.columns, _write(part, self._dialect, self.at)) for part in question.meets.parts]
        flags = ", ".join(f"CASE WHEN NOT ({sql}) THEN 1 ELSE 0 END" for _, sql in parts)
        counts = [c for c in question.meets.columns if c in self._counts]
        lows = "".join(f", {count}__low" for count in counts)
        query = text(
            f"SELECT CAST(member AS TEXT), {flags}{lows} FROM {_MEMBER[question.control.population]} "
            "WHERE CAST(member AS TEXT) IN :members"
        ).bindparams(bindparam("members", value=list(members), expanding=True))
        found: dict[str, dict[str, float | None]] = {}
        for member, *said in self._connection.execute(query) if members else ():
            counted = dict(zip(counts, said[len(parts) :], strict=True))
            columns = [c for (names, _), failed in zip(parts, said, strict=False) if failed for c in names]
            found[member] = {column: counted.get(column) for column in columns}
        return found

    def count_columns(self, count: str) -> tuple[str, ...]:
        """The columns that decide whether a count counts a member."""
        return self._counts[count].columns

    def column_names(self, control: str) -> tuple[str, ...]:
        """The columns that a control rests on: its evidence."""
        return self._questions[control].columns


def _question(control: Control, vocabulary: Vocabulary) -> _Question:
    columns = vocabulary.columns(control.population)
    where = parse(control.where, columns, control.parameters) if control.where else None
    return _Question(control, where, parse(control.meets, columns, control.parameters))


def _write(expression: Expression, dialect: str, at: datetime) -> str:
    # A colon in a literal would be taken for the name of a bound parameter.
    return expression.sql(dialect, at).replace(":", "\\:")
