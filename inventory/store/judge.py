"""Judging in SQL: one table of members with their columns as of an instant, then each control over it.

The same path serves now and any day before: facts observed up to `at`, with their ages taken at `at`, the register
valid on that day, and the networks that had been read to the end by then.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, text

from inventory.expressions import Expression, parse
from inventory.periods import ZONE, year_so_far
from inventory.shares import Asked, Reported, Share, add_up, newest, out_of
from inventory.store import availability, maintenance, period_counts, power, registers, runs, waivers, websites
from inventory.store.columns import pivot
from inventory.vocabulary import COMPUTED, COMPUTED_FROM, POPULATIONS, Key, Vocabulary, moment
from inventory.words import (
    ALL_LEVELS,
    AgencyTally,
    AssetTally,
    BackupTally,
    Control,
    LinkState,
    Maintenance,
    PowerState,
    Proof,
    Register,
    Status,
    Waiver,
    WebsiteState,
)

_MEMBER = {"assets": "judged_asset", "links": "judged_link", "agencies": "judged_agency"}
_LINE = ("link_answering", availability.STATE, "link_reason", "loss", "round_trip", "round_trip_p95", "round_trip_p99",
         "jitter", "utilisation")  # fmt: skip
"""The keys by which the state of every line is told; former vocabularies have not all of them."""
_STATE = ("link", "agency", "kind", "state", "reason", *_LINE[3:], "maintenance")
_ALWAYS = {"agency", "role", "answering", "in_register", *_LINE}
CENTRE = "data_centre"
"""The purpose of the networks by which the agencies are known that run the data centre."""
MISSING = " (missing)"
ALL_OF_AGENCY = " (all)"
"""What is put behind an agency whose members are told together."""
OTHER_ANSWERS = {status: f" ({status})" for status in (Status.UNMET, Status.UNKNOWN, Status.DECLARED)}
"""What is put behind a member that has several answers, one for each status: what it counted is met in part only."""
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


@dataclass(slots=True)
class Summed:
    """The members of one agency that have one answer, together."""

    agency: str
    level: str
    status: Status
    number: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    """By column: of how many it is unknown, or part of a condition that does not hold."""


@dataclass(frozen=True, slots=True)
class _Question:
    control: Control
    where: Expression | None
    meets: Expression | None
    """None where shares are asked for."""

    @property
    def columns(self) -> tuple[str, ...]:
        asked = self.where.columns if self.where else ()
        ratio = (self.control.numerator, self.control.denominator)
        meets = self.meets.columns if self.meets else tuple(name for name in ratio if name)
        return tuple(dict.fromkeys((*asked, *meets)))


class Judgement:
    """All controls judged as of one instant; it lives as long as the transaction of its connection."""

    def __init__(
        self,
        connection: Connection,
        vocabulary: Vocabulary,
        controls: Mapping[str, Control],
        register: Register,
        at: datetime,
        tree: date | None = None,
    ) -> None:
        """Lay out the members of every population with the columns that the controls name.

        Args:
            tree: the day whose tree of agencies counts instead of that of `at`: after a merger, what was then told of
                the old agencies counts as the new one's, so that both can be compared.
        """
        self.at = at
        self.register = register
        self.places = registers.places(register, tree or at.astimezone(ZONE).date())
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
        self.year = year_so_far(at)
        self._shares: dict[str, dict[str, Share]] = {}
        self._indexed = False
        self.maintenance = self._open_windows()
        self._lay_out_places()
        self.waivers = self._lay_out_waivers()
        networks = {"network"} if any(one.scope == "network" for one in self.maintenance) else set()
        self._lay_out("assets", {"agency", "role", "answering", "in_register", "calls", "last_backup", *networks})
        self._lay_out("links", set(_LINE))
        self._lay_out_spared()
        self._lay_out("agencies", set())

    @property
    def period_counts(self) -> set[str]:
        """The counts of periods that it rests on."""
        return {
            column for q in self._questions.values() for column in q.columns
        } & self._vocabulary.period_counts.keys()

    @property
    def keys(self) -> set[str]:
        """The keys of the facts that it rests on."""
        named = {column for q in self._questions.values() for column in q.columns}
        named |= {column for expression in self._counts.values() for column in expression.columns}
        if any(one.scope == "network" for one in self.maintenance):
            named.add("network")
        return (named | self._declared(named) | _ALWAYS) & self._vocabulary.keys.keys()

    def _declared(self, named: Collection[str]) -> set[str]:
        """The keys that say of these, where there is one, whether they are only what a person declared."""
        known = self._vocabulary.keys
        return {known[name].declared for name in named if name in known and known[name].declared}

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

    def _open_windows(self) -> list[Maintenance]:
        """The maintenance windows that are open, but those of agencies that have become part of another."""
        return [
            one
            for one in maintenance.load(self._connection, self.at)
            if one.scope != "agency" or (one.subject in self.places and self.places[one.subject].home == one.subject)
        ]

    def _lay_out_spared(self) -> None:
        """The table of the members that are under maintenance."""
        self._run("DROP TABLE IF EXISTS judged_spared")
        self._run(
            f"CREATE TEMPORARY TABLE judged_spared (population {self.text}, member {self.text}, "
            "PRIMARY KEY (population, member))"
        )
        of: dict[str, list[str]] = {}
        for one in self.maintenance:
            of.setdefault(one.scope, []).append(one.subject)
        agencies, own = of.get("agency", []), {"assets": of.get("asset", []), "links": of.get("link", [])}
        for population, members in own.items():
            places = {"agency": agencies, "CAST(member AS TEXT)": members}
            if population == "assets" and "network" in of:
                places["network"] = of["network"]
            for column, subjects in places.items():
                for subject in subjects:
                    self._run(
                        f"INSERT INTO judged_spared SELECT '{population}', CAST(member AS TEXT) "
                        f"FROM {_MEMBER[population]} WHERE {column} = :subject AND CAST(member AS TEXT) NOT IN "
                        f"(SELECT member FROM judged_spared WHERE population = '{population}')",
                        {"subject": subject},
                    )
        if agencies:
            rows = [{"member": member} for member in sorted(set(agencies))]
            self._run("INSERT INTO judged_spared VALUES ('agencies', :member)", rows)

    def _lay_out(self, population: str, always: set[str]) -> None:
        """Make the table of a population's members with one column for each fact key that is asked for."""
        named = {
            column for q in self._questions.values() if q.control.population == population for column in q.columns
        } | always
        for name, expression in self._counts.items():
            if self._vocabulary.counts[name].of == population:
                named |= set(expression.columns)
        named |= self._declared(named)
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
            f"kind {self.text}, provider {self.text}, contracted_mbps DOUBLE PRECISION, "
            "availability_30d DOUBLE PRECISION)"
        )
        self._run("DELETE FROM judged_line")
        steady = self._steady() if any(c in q.columns for q in self._questions.values() for c in COMPUTED) else {}
        day = self.at.astimezone(ZONE).date()
        rows = [
            {"code": v.code, "agency": v.agency, "kind": v.kind, "provider": v.provider, "mbps": v.contracted_mbps,
             "steady": steady.get(v.code)}
            for v in self.register.links
            if v.valid_on(day) and v.agency in self.places
        ]  # fmt: skip
        if rows:
            self._run("INSERT INTO judged_line VALUES (:code, :agency, :kind, :provider, :mbps, :steady)", rows)
        self._run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT n.code AS member, p.home AS agency, p.level, n.kind, "
            f"n.provider, n.contracted_mbps, n.availability_30d{columns} FROM judged_line n "
            f"JOIN judged_place p ON p.code = n.agency LEFT JOIN ({members}) f ON f.subject = n.code"
        )

    def _steady(self) -> dict[str, float | None]:
        """The availability of each line over the last days; None where less than half of them is known."""
        begin = self.at - COMPUTED_FROM
        found = availability.availability(self._connection, self._vocabulary, self.register, begin, self.at)
        return {code: own.share if own.unknown <= own.up + own.degraded + own.down else None
                for code, own in found.items()}  # fmt: skip

    def _lay_out_agencies(self, table: str, members: str, keys: list[Key]) -> None:
        columns = "".join(f", f.{k.name}" for k in keys)
        bounds, joins = self._lay_out_period_counts()
        self._run("CREATE TEMPORARY TABLE IF NOT EXISTS judged_look (home TEXT, name TEXT, PRIMARY KEY (home, name))")
        self._run("DELETE FROM judged_look")
        for number, (name, expression) in enumerate(self._counts.items()):
            count = self._vocabulary.counts[name]
            where = _write(expression, self._dialect, self.at)
            if count.centre:
                low, most, spared = self._count_at_centre(name, where)
                high = "CAST(NULL AS BIGINT)" if most is None else str(most)
                bounds += f", {low} AS {name}__low, {high} AS {name}__high"
                if self.maintenance:
                    bounds += f", {high} + {spared} AS {name}__spared"
                continue
            failing = self._failing_spared(count.of, where)
            joins += (
                f" LEFT JOIN (SELECT agency, SUM(CASE WHEN ({where}) THEN 1 ELSE 0 END) AS low, "
                f"SUM(CASE WHEN ({where}) IS NULL THEN 1 ELSE 0 END) AS unsure"
                f"{f', {failing} AS spared' if self.maintenance else ''} FROM {self._countable(name)} "
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
            if self.maintenance:
                bounds += f", {high} + COALESCE(c{number}.spared, 0) AS {name}__spared"
        self._run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT p.home AS member, p.home AS agency, p.level{columns}{bounds} "
            f"FROM judged_place p LEFT JOIN ({members}) f ON f.subject = p.code{joins} WHERE p.code = p.home"
        )

    @staticmethod
    def _is_spared(population: str, member: str = "CAST(member AS TEXT)") -> str:
        return f"{member} IN (SELECT s.member FROM judged_spared s WHERE s.population = '{population}')"

    @property
    def centre(self) -> list[str]:
        """The agencies that run the data centre: those with a network of that purpose."""
        day = self.at.astimezone(ZONE).date()
        networks = (n for n in self.register.networks if n.purpose == CENTRE and n.valid_on(day))
        return sorted({self.places[n.agency].home for n in networks if n.agency in self.places})

    def _askable(self, population: str, columns: Collection[str]) -> str:
        """The table of those of whom an expression with these columns can be asked.

        A declared website is no device on the agency's networks: only what names `in_register` is asked of websites,
        and of nothing else, also where of a device it is unknown what it is.
        """
        table = _MEMBER[population]
        # Seals from before websites were read have their own vocabulary.
        if population != "assets" or "in_register" not in self._vocabulary.keys:
            return table
        return f"(SELECT * FROM {table} WHERE in_register{'' if 'in_register' in columns else ' IS NULL'}) askable"

    def _countable(self, count: str) -> str:
        return self._askable(self._vocabulary.counts[count].of, self._counts[count].columns)

    def _failing_spared(self, population: str, where: str) -> str:
        """The sum of those that a count would count if they did not fail, and that are under maintenance."""
        return f"SUM(CASE WHEN NOT ({where}) AND {self._is_spared(population)} THEN 1 ELSE 0 END)"

    def _count_at_centre(self, name: str, where: str) -> tuple[int, int | None, int]:
        """How many a count counts in the agencies that run the data centre: at least, and at most (None: not known);
        and how many more it would if what is under maintenance did not fail."""
        centre, count = self.centre, self._vocabulary.counts[name]
        query = text(
            f"SELECT SUM(CASE WHEN ({where}) THEN 1 ELSE 0 END), SUM(CASE WHEN ({where}) IS NULL THEN 1 ELSE 0 END), "
            f"{self._failing_spared(count.of, where)} FROM {self._countable(name)} WHERE agency IN :centre"
        ).bindparams(bindparam("centre", value=centre, expanding=True))
        sums = self._connection.execute(query).one() if centre else (0, 0, 0)
        low, unsure, spared = (int(value or 0) for value in sums)
        # Where nobody runs a data centre nobody looked into it.
        read = bool(centre) and (count.looked is None or set(centre) <= set(self._looked_through(count.looked)))
        return low, low + unsure if read else None, spared

    def _lay_out_period_counts(self) -> tuple[str, str]:
        """The columns and joins of what agencies counted of late, their parts' and predecessors' numbers added."""
        named = sorted(
            {c for q in self._questions.values() for e in (q.meets, q.where) if e for c in e.columns}
            & self._vocabulary.period_counts.keys()
        )
        if not named:
            return "", ""
        self._run("DROP TABLE IF EXISTS judged_told")
        columns = [column for name in named for column in (name, f"{name}__declared")]
        self._run(
            f"CREATE TEMPORARY TABLE judged_told (home {self.text} PRIMARY KEY, {' BIGINT, '.join(columns)} BIGINT)"
        )
        counted = period_counts.newest_counts(self._connection, named, self.at)
        rows: dict[str, dict[str, object]] = {}
        for name in named:
            for home, (value, measured) in self._told(counted, name).items():
                own = rows.setdefault(home, {"home": home, **dict.fromkeys(columns)})
                own |= {name: value, f"{name}__declared": int(not measured)}
        if rows:
            values = ", ".join(f":{name}" for name in ("home", *columns))
            self._run(f"INSERT INTO judged_told VALUES ({values})", list(rows.values()))
        return "".join(f", t.{name}" for name in columns), " LEFT JOIN judged_told t ON t.home = p.home"

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
        for table in (
            *_MEMBER.values(),
            "judged_place",
            "judged_line",
            "judged_look",
            "judged_waiver",
            "judged_spared",
            "judged_told",
            ANSWERS,
        ):
            self._run(f"DROP TABLE IF EXISTS {table}")

    # --- answering --------------------------------------------------------------------------------------------------

    def answers_sql(self, control: str, flags: Sequence[str] = ()) -> str:
        """The SELECT of a control: member, agency, level, status and, where unknown, the columns that were.

        Args:
            flags: conditions that become further columns, flag_0 and so on: 1 where they hold, else 0.
        """
        q = self._questions[control]
        told_apart = "".join(
            f", CASE WHEN {flag} THEN 1 ELSE 0 END AS flag_{number}" for number, flag in enumerate(flags)
        )
        passed_on = "".join(f", v.flag_{number}" for number in range(len(flags)))
        if q.meets is None:
            raise ValueError(f"{control}: its answers are shares")
        meets = _write(q.meets, self._dialect, self.at)
        columns = q.meets.columns if q.control.population == "assets" else q.columns
        gaps = " || ".join(f"CASE WHEN {self._is_unknown(c)} THEN '{c} ' ELSE '' END" for c in columns)
        where = f" WHERE {_write(q.where, self._dialect, self.at)}" if q.where else ""
        if q.where and q.control.population != "assets":
            # Of an agency or link that the register has, it may be unknown whether it is asked; it is no less there.
            asked = _write(q.where, self._dialect, self.at)
            where = f" WHERE ({asked}) OR ({asked}) IS NULL"
            meets = f"CASE WHEN ({asked}) THEN ({meets}) END"
        told = [f"{c}__declared = 1" for c in q.meets.columns if c in self._vocabulary.period_counts]
        told += sorted(self._declared(q.meets.columns))
        met = f"CASE WHEN {' OR '.join(told)} THEN 'declared' ELSE 'met' END" if told else "'met'"
        unmet = self._unmet(q, meets)
        status = f"CASE WHEN ({meets}) THEN {met} WHEN NOT ({meets}) THEN {unmet} ELSE 'unknown' END"
        answers = (
            f"SELECT CAST(member AS TEXT) AS member, agency, level, {status} AS status, "
            f"CASE WHEN ({meets}) IS NULL THEN {gaps} ELSE '' END AS gaps{told_apart} "
            f"FROM {self._askable(q.control.population, q.columns)}{where}"
        )
        if control not in self.waivers:
            return answers
        waived = (
            f"(SELECT MIN(w.status) FROM judged_waiver w WHERE w.control = '{control}' "
            "AND (w.member = q.member OR (w.member = '' AND w.agency = q.agency)))"
        )
        return (
            "SELECT v.member, v.agency, v.level, CASE WHEN v.waived IS NULL THEN v.status ELSE v.waived END AS status, "
            f"CASE WHEN v.waived IS NULL THEN v.gaps ELSE '' END AS gaps{passed_on} "
            f"FROM (SELECT q.*, {waived} AS waived FROM ({answers}) q) v"
        )

    def _unmet(self, q: _Question, meets: str) -> str:
        """What a member's unmet answer is: not applicable where it is under maintenance, or would not be unmet if what
        is under maintenance beneath it did not fail. Nothing that is met or unknown is touched."""
        if not self.maintenance:
            return "'unmet'"
        spared = self._is_spared(q.control.population)
        counts = [c for c in q.columns if c in self._counts]
        if q.control.population == "agencies" and counts:
            otherwise = meets
            for count in counts:
                otherwise = re.sub(rf"\b{count}__high\b", f"{count}__spared", otherwise)
            spared = f"{spared} OR NOT COALESCE(NOT ({otherwise}), FALSE)"
        return f"CASE WHEN {spared} THEN 'not_applicable' ELSE 'unmet' END"

    def windows_of(self, control: str, member: str, agency: str) -> list[Maintenance]:
        """The open windows for which a member's answer does not count: its own, or of what its counts count."""
        q = self._questions[control]
        kinds = {"assets": ("asset", "network"), "links": ("link",), "agencies": ()}[q.control.population]
        found = [
            one
            for one in self.maintenance
            if (one.scope, one.subject) == ("agency", agency) or (one.scope in kinds and self._covers(one, member))
        ]
        if q.control.population != "agencies" or found:
            return found
        counts = [self._vocabulary.counts[c] for c in q.columns if c in self._counts]
        beneath = {"links": ("link",), "assets": ("asset", "network")}
        scopes = {scope for count in counts for scope in beneath.get(count.of, ())}
        whose = {agency, *(self.centre if any(count.centre for count in counts) else ())}
        return [
            one
            for one in self.maintenance
            if (one.scope, one.subject) in {("agency", code) for code in whose}
            or (one.scope in scopes and any(self._within(one, code) for code in whose))
        ]

    def _covers(self, one: Maintenance, member: str) -> bool:
        if one.scope != "network":
            return one.subject == member
        query = text("SELECT 1 FROM judged_asset WHERE CAST(member AS TEXT) = :member AND network = :network")
        return self._connection.execute(query, {"member": member, "network": one.subject}).first() is not None

    def _within(self, one: Maintenance, agency: str) -> bool:
        """Whether what is under maintenance is an agency's."""
        column, table = {"link": ("member", "judged_link"), "asset": ("CAST(member AS TEXT)", "judged_asset"),
                         "network": ("network", "judged_asset")}[one.scope]  # fmt: skip
        query = text(f"SELECT 1 FROM {table} WHERE {column} = :subject AND agency = :agency")
        return self._connection.execute(query, {"subject": one.subject, "agency": agency}).first() is not None

    def _is_unknown(self, column: str) -> str:
        if column not in self._counts:
            return f"{column} IS NULL"
        return f"({column}__high IS NULL OR {column}__high > {column}__low)"

    def missing(self, control: str) -> list[Verdict]:
        """The verdicts for what is declared beyond what was found: it exists, and nothing is known of it."""
        if self._questions[control].control.declared_as is None or self._questions[control].meets is None:
            return []
        return self._missing(control, self._tally(f"({self.answers_sql(control)})"))

    def _missing(self, control: str, tallied: Iterable[tuple[str, str, str, int]]) -> list[Verdict]:
        declared_as = self._questions[control].control.declared_as
        if declared_as is None:
            return []
        found: dict[str, int] = {}
        for agency, _, _, members in tallied:
            found[agency] = found.get(agency, 0) + members
        day = self.at.astimezone(ZONE).date()
        declared = registers.declared(self.register, declared_as, day, self.places)
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
        if self._questions[control].meets is None:
            words = ", ".join(f"{name} {self.text}" for name in ("member", "agency", "level", "status", "gaps"))
            self._run(f"CREATE TEMPORARY TABLE {ANSWERS} ({words}, weight BIGINT)")
            rows, missing = {}, self._share_verdicts(control)
        else:
            sql = self.answers_sql(control)
            self._run(f"CREATE TEMPORARY TABLE {ANSWERS} AS SELECT a.*, 1 AS weight FROM ({sql}) a")
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
            rows: dict[tuple[str, str, Status], int] = {}
            if self._questions[control].meets is None:
                added = self._share_verdicts(control)
            else:
                rows = {(a, level, Status(s)): n for a, level, s, n in self._tally(f"({self.answers_sql(control)})")}
                added = self._missing(control, [(*name, members) for name, members in rows.items()])
            for v in added:
                rows[v.agency, v.level, v.status] = rows.get((v.agency, v.level, v.status), 0) + v.weight
            found += [AgencyTally(control, *name, members) for name, members in sorted(rows.items())]
        return tuple(found)

    def verdicts(self, control: str, wanted: Collection[Status] = tuple(Status)) -> Iterator[Verdict]:
        """The members' answers for one control, those of them that are wanted."""
        if self._questions[control].meets is None:
            yield from (v for v in self._share_verdicts(control) if v.status in wanted)
            return
        among = "" if len(wanted) == len(Status) else " WHERE status IN :wanted"
        query = text(f"SELECT * FROM ({self.answers_sql(control)}) a{among}")
        if among:
            query = query.bindparams(bindparam("wanted", [str(status) for status in wanted], expanding=True))
        for member, agency, level, status, gaps in self._connection.execute(query):
            yield Verdict(member, agency, level, Status(status), tuple(gaps.split()))
        yield from (v for v in self.missing(control) if v.status in wanted)

    # --- shares -----------------------------------------------------------------------------------------------------

    def shares(self, control: str) -> dict[str, Share]:
        """What each agency counted for a ratio control, by the code as which it counts."""
        if control not in self._shares:
            self._shares[control] = self._count_shares(self._questions[control])
        return self._shares[control]

    def _count_shares(self, q: _Question) -> dict[str, Share]:
        part, whole = q.control.numerator or "", q.control.denominator or ""
        known, homes = self._vocabulary.period_counts, self._asked_homes(q)
        if part in known and known[part].flow:
            told = period_counts.reported(self._connection, part, whole, self.year, self.at, flow=True)
            return add_up(self._asked(homes, by_month=True), told)
        asked = self._asked(homes, by_month=False)
        if part in known and whole in known:
            return newest(asked, period_counts.reported(self._connection, part, whole, (), self.at, flow=False))
        low, high = (f"{part}__low", f"{part}__high") if part in self._counts else ("0", "0")
        query = f"SELECT member, {low}, {high} FROM {_MEMBER['agencies']}"
        # As the denominators of all lists: with those of parts and predecessors, and however old.
        of_whom = registers.declared(self.register, whole, self.at.astimezone(ZONE).date(), self.places)
        rows = [
            (home, *map(_whole, numbers), of_whom.get(home)) for home, *numbers in self._connection.execute(text(query))
        ]
        if part in self._counts:
            return out_of(asked, {home: (least or 0, most, of) for home, least, most, of in rows})
        own, month = self._told(period_counts.newest_counts(self._connection, [part], self.at), part), self.year[-1]
        return newest(
            asked,
            [Reported(home, month, min(own[home][0], of), of, own[home][1])
             for home, _, _, of in rows if of is not None and home in own],
        )  # fmt: skip

    def _told(self, counted: Mapping[str, Mapping[str, tuple[int, bool]]], name: str) -> dict[str, tuple[int, bool]]:
        """A count by the code as which agencies count, summed, and whether all of it is measured."""
        found: dict[str, tuple[int, bool]] = {}
        for code, own in counted.items():
            if code in self.places and name in own:
                value, measured = found.get(home := self.places[code].home, (0, True))
                found[home] = (value + own[name][0], measured and own[name][1])
        return found

    def _asked_homes(self, q: _Question) -> set[str]:
        """The agencies that a ratio control asks, and those of which it is not known whether it does."""
        where = ""
        if q.where:
            asked = _write(q.where, self._dialect, self.at)
            where = f" WHERE ({asked}) OR ({asked}) IS NULL"
        query = f"SELECT member FROM {_MEMBER['agencies']}{where}"
        return {row[0] for row in self._connection.execute(text(query))}

    def _asked(self, homes: Collection[str], *, by_month: bool) -> dict[str, Asked]:
        """Every code that counts as one of these homes, with the months of which it has to tell.

        An agency tells of the months at whose end there was one; parts of others need not, and may.
        """
        parts = {level.code for level in self.register.levels if level.part}
        months: dict[str, set[str]] = {}
        for agency in self.register.agencies if by_month else ():
            if agency.level not in parts:
                ended = (month for month in self.year if agency.valid_on(month.last))
                months.setdefault(agency.code, set()).update(month.text for month in ended)
        return {
            code: Asked(
                place.home, place.level,
                frozenset(months.get(code, ()) if by_month else (self.year[-1].text,) if code == place.home else ()),
            )
            for code, place in sorted(self.places.items())
            if place.home in homes
        }  # fmt: skip

    def _share_verdicts(self, control: str) -> list[Verdict]:
        """The answers of a control whose members are what was counted: for each agency one for each status."""
        q = self._questions[control]
        if q.control.goal is not None:
            return self._goal_verdicts(q.control, *q.control.goal)
        found: list[Verdict] = []
        for home, share in sorted(self.shares(control).items()):
            waived = [str(v.status) for v in self.waivers.get(control, ()) if home in (v.member, v.agency)]
            if waived:
                weight = max(1, share.known + share.unknown)
                found.append(Verdict(home, home, share.level, Status(min(waived)), weight=weight))
                continue
            answers = {Status.MET: share.met, Status.UNMET: share.unmet, Status.UNKNOWN: share.unknown,
                       Status.DECLARED: share.declared}  # fmt: skip
            for status, weight in answers.items():
                if weight:
                    gaps = (q.control.numerator or "",) if status is Status.UNKNOWN else ()
                    found.append(Verdict(home + OTHER_ANSWERS.get(status, ""), home, share.level, status, gaps, weight))
        return found

    def _goal_verdicts(self, control: Control, plan: str, goal: str) -> list[Verdict]:
        """The answers of what is told of a goal as a whole; none where nobody told anything."""
        told = period_counts.goal_reported(self._connection, plan, goal, self.at)
        found: list[Verdict] = []
        if control.parts:
            by_part = {row.part: row for row in told if row.level == ALL_LEVELS}
            for number, target in enumerate(control.parts, 1) if by_part else ():
                row = by_part.get(number)
                reached = row is not None and row.total > 0 and row.value / row.total >= target
                status = Status.UNKNOWN if row is None else _answer(row.origin.proof) if reached else Status.UNMET
                found.append(Verdict(f"*{number}", "", ALL_LEVELS, status))
            return found
        for row in told:
            name = "*" if row.level == ALL_LEVELS else f"*{row.level}"
            for status, weight in ((_answer(row.origin.proof), row.value), (Status.UNMET, row.total - row.value)):
                if weight:
                    found.append(Verdict(name + OTHER_ANSWERS.get(status, ""), "", row.level, status, weight=weight))
        return found

    def by_agency(self, control: str, wanted: Collection[Status]) -> list[Summed]:
        """How many members of each agency have these answers, and of how many each column is what is wrong.

        For lists too long to name every member; not for controls whose members are what was counted.
        """
        q = self._questions[control]
        parts = q.meets.parts if q.meets else ()
        flags = [f"NOT ({_write(part, self._dialect, self.at)})" for part in parts]
        sums = "".join(f", SUM(flag_{number})" for number in range(len(flags)))
        query = (
            f"SELECT agency, level, status, gaps, COUNT(*){sums} FROM ({self.answers_sql(control, flags)}) a "
            "WHERE status IN :wanted GROUP BY agency, level, status, gaps ORDER BY agency, status"
        )
        asked = text(query).bindparams(bindparam("wanted", [str(v) for v in wanted], expanding=True))
        found: dict[tuple[str, str, Status], Summed] = {}
        for agency, level, status, gaps, number, *failed in self._connection.execute(asked):
            own = found.setdefault((agency, level, Status(status)), Summed(agency, level, Status(status)))
            own.number += number
            if status == Status.UNMET:
                wrong = [(part.columns, times) for part, times in zip(parts, failed, strict=True)]
            else:
                wrong = [((column,), number) for column in gaps.split()]
            for columns, times in wrong:
                for column in columns if times else ():
                    own.wrong[column] = own.wrong.get(column, 0) + times
        return list(found.values())

    def asset_tallies(self) -> tuple[AssetTally, ...]:
        """Assets by agency, role and whether they answer."""
        answers = "CASE WHEN answering THEN 'yes' WHEN NOT answering THEN 'no' ELSE 'unknown' END"
        query = (
            f"SELECT agency, COALESCE(role, 'unknown'), {answers}, COUNT(*) FROM judged_asset "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        return tuple(AssetTally(*row) for row in self._connection.execute(text(query)))

    def room_calls(self) -> dict[str, int]:
        """How many calls go on in each agency's rooms; agencies of which no room tells are absent."""
        if not {"role", "calls"} <= self._vocabulary.keys.keys():
            return {}  # a seal has the vocabulary of its day
        query = (
            "SELECT agency, SUM(calls) FROM judged_asset WHERE role IN ('vc_endpoint', 'mcu') AND calls IS NOT NULL "
            "GROUP BY agency"
        )
        return {agency: int(calls) for agency, calls in self._connection.execute(text(query))}

    def oldest_backups(self) -> tuple[BackupTally, ...]:
        """The oldest of the last good backups of each agency's systems; agencies of which none is known are absent."""
        if "last_backup" not in self._vocabulary.keys:
            return ()
        query = "SELECT agency, MIN(last_backup) FROM judged_asset WHERE last_backup IS NOT NULL GROUP BY 1 ORDER BY 1"
        return tuple(BackupTally(code, moment(int(oldest))) for code, oldest in self._connection.execute(text(query)))

    def link_states(self) -> tuple[LinkState, ...]:
        """Every declared link, how it is and what is known of it.

        Its state is the one of the last minutes; where nobody probes it so often, whether it answered last.
        """
        known = self._vocabulary.keys
        columns = {key: key if key in known else "NULL" for key in _LINE}
        answered = "WHEN link_answering THEN 'up' WHEN NOT link_answering THEN 'down' ELSE 'unknown' END"
        state = f"CASE WHEN {columns[availability.STATE]} IS NOT NULL THEN {columns[availability.STATE]} {answered}"
        figures = ", ".join(columns[key] for key in _LINE[3:])
        reason = f"COALESCE({columns['link_reason']}, '')"
        query = (
            f"SELECT member, agency, kind, {state}, {reason}, {figures}, {self._is_spared('links')} FROM judged_link"
        )
        month = self._month()
        rows = self._connection.execute(text(f"{query} ORDER BY member"))
        told = (dict(zip(_STATE, row, strict=True)) for row in rows)
        return tuple(
            LinkState(**{**one, "maintenance": bool(one["maintenance"]), "availability": month.get(one["link"])})
            for one in told
        )

    def _month(self) -> dict[str, float | None]:
        """The availability of every line in the month so far."""
        if availability.STATE not in self._vocabulary.keys:
            return {}
        begin = availability.month_of(self.at)
        found = availability.availability(self._connection, self._vocabulary, self.register, begin, self.at)
        return {code: own.share for code, own in found.items()}

    def website_states(self) -> tuple[WebsiteState, ...]:
        """Every declared website and what is known of it."""
        return websites.states(self._connection, self._vocabulary, self.places, self.at)

    def power_states(self) -> tuple[PowerState, ...]:
        """Every power device that is a member, and what it says of its battery and load."""
        if "role" not in self._vocabulary.keys:
            return ()  # a seal has the vocabulary of its day
        query = text("SELECT member, agency FROM judged_asset WHERE role = :role")
        homes = {int(member): agency for member, agency in self._connection.execute(query, {"role": power.ROLE})}
        return power.states(self._connection, self._vocabulary, homes, self.at)

    def counted(self, control: str, agencies: Collection[str]) -> Iterator[tuple[str, str, str, bool]]:
        """What the counts that a control names counted in these agencies: agency, count, member, whether for sure."""
        for name in self._questions[control].columns:
            if name not in self._counts:
                continue
            table, where = self._countable(name), _write(self._counts[name], self._dialect, self.at)
            query = text(
                f"SELECT agency, CAST(member AS TEXT), CASE WHEN ({where}) THEN 1 ELSE 0 END FROM {table} "
                f"WHERE agency IN :agencies AND (({where}) OR ({where}) IS NULL) ORDER BY 1, 3 DESC, 2"
            )
            centre = self._vocabulary.counts[name].centre
            asked = self.centre if centre else list(agencies)
            bound = query.bindparams(bindparam("agencies", value=asked, expanding=True))
            for agency, member, sure in self._connection.execute(bound) if asked else ():
                for whose in agencies if centre else (agency,):
                    yield whose, name, member, bool(sure)

    def failing(self, control: str, members: Collection[str]) -> dict[str, dict[str, float | None]]:
        """Of members that do not meet a control: the columns of the conditions that do not hold, in order.

        Beside a count stands how many were counted, beside what is computed its share, beside every other column None.
        """
        question = self._questions[control]
        if question.meets is None:
            return {}
        parts = [(part.columns, _write(part, self._dialect, self.at)) for part in question.meets.parts]
        flags = ", ".join(f"CASE WHEN NOT ({sql}) THEN 1 ELSE 0 END" for _, sql in parts)
        counts = [c for c in question.meets.columns if c in self._counts or c in COMPUTED]
        lows = "".join(f", {c if c in COMPUTED else f'{c}__low'}" for c in counts)
        asked: list[object] = list(members)
        if question.control.population == "assets":
            asked = [int(member) for member in members]
            self._index_assets()
        query = text(
            f"SELECT CAST(member AS TEXT), {flags}{lows} FROM {_MEMBER[question.control.population]} "
            "WHERE member IN :members"
        ).bindparams(bindparam("members", value=asked, expanding=True))
        found: dict[str, dict[str, float | None]] = {}
        for member, *said in self._connection.execute(query) if members else ():
            counted = dict(zip(counts, said[len(parts) :], strict=True))
            columns = [c for (names, _), failed in zip(parts, said, strict=False) if failed for c in names]
            found[member] = {column: counted.get(column) for column in columns}
        return found

    def _index_assets(self) -> None:
        """Have members looked up and not searched for; made when somebody first asks, for most judgements never do."""
        if not self._indexed:
            self._run(f"CREATE INDEX judged_asset_member ON {_MEMBER['assets']} (member)")
            self._indexed = True

    def count_columns(self, count: str) -> tuple[str, ...]:
        """The columns that decide whether a count counts a member."""
        return self._counts[count].columns

    def column_names(self, control: str) -> tuple[str, ...]:
        """The columns that a control rests on: its evidence."""
        return self._questions[control].columns


def _answer(proof: Proof) -> Status:
    return Status.DECLARED if proof is Proof.DECLARED else Status.MET


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _question(control: Control, vocabulary: Vocabulary) -> _Question:
    if control.goal is not None:
        return _Question(control, None, None)
    columns = vocabulary.columns(control.population)
    where = parse(control.where, columns, control.parameters) if control.where else None
    meets = None if control.is_shares else parse(control.meets, columns, control.parameters)
    return _Question(control, where, meets)


def _write(expression: Expression, dialect: str, at: datetime) -> str:
    # A colon in a literal would be taken for the name of a bound parameter.
    return expression.sql(dialect, at).replace(":", "\\:")
