"""Lays out the members of every population as of an instant: one table with the columns that controls name.

The same path serves now and any day before: facts observed up to `at`, with their ages taken at `at`, the register
valid on that day, and the networks that had been read to the end by then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, text

from inventory.expressions import Expression, parse
from inventory.periods import ZONE, year_so_far
from inventory.store import availability, maintenance, period_counts, registers, runs, waivers
from inventory.store.columns import pivot
from inventory.vocabulary import COMPUTED, COMPUTED_FROM, POPULATIONS, Key, Vocabulary
from inventory.words import Control, Maintenance, Register, Waiver

MEMBER = {"assets": "judged_asset", "links": "judged_link", "agencies": "judged_agency"}
"""The table of each population's members."""
LINE = ("link_answering", availability.STATE, "link_reason", "loss", "round_trip", "round_trip_p95", "round_trip_p99",
         "jitter", "utilisation")  # fmt: skip
"""The keys by which the state of every line is told; former vocabularies have not all of them."""
_ALWAYS = {"agency", "role", "answering", "in_register", *LINE}
CENTRE = "data_centre"
"""The purpose of the networks by which the agencies are known that run the data centre."""


@dataclass(frozen=True, slots=True)
class Question:
    """A control with its expressions read."""

    control: Control
    where: Expression | None
    meets: Expression | None
    """None where shares are asked for."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names: its evidence."""
        asked = self.where.columns if self.where else ()
        ratio = (self.control.numerator, self.control.denominator)
        meets = self.meets.columns if self.meets else tuple(name for name in ratio if name)
        return tuple(dict.fromkeys((*asked, *meets)))


class LaidOut:
    """The members of every population as of one instant; they live as long as the transaction of their connection."""

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
        self.connection = connection
        self.vocabulary = vocabulary
        self.dialect = connection.dialect.name
        # Letters have one order, and capitals one meaning, whatever language the database was made for.
        self.text = 'TEXT COLLATE "C"' if self.dialect == "postgresql" else "TEXT"
        self.questions = {c.id: _question(c, vocabulary) for c in controls.values()}
        self.counts = {
            name: parse(count.where, vocabulary.columns(count.of))
            for name, count in vocabulary.counts.items()
            if any(name in q.columns for q in self.questions.values())
        }
        self.read_to_the_end = runs.read_to_the_end(connection, at)
        self.year = year_so_far(at)
        self.maintenance = self._open_windows()
        self._lay_out_places()
        self.waivers = self._lay_out_waivers()
        networks = {"network"} if any(one.scope == "network" for one in self.maintenance) else set()
        self._lay_out("assets", {"agency", "role", "answering", "in_register", "calls", "last_backup", *networks})
        self._lay_out("links", set(LINE))
        self._lay_out_spared()
        self._lay_out("agencies", set())

    @property
    def period_counts(self) -> set[str]:
        """The counts of periods that it rests on."""
        return {column for q in self.questions.values() for column in q.columns} & self.vocabulary.period_counts.keys()

    @property
    def keys(self) -> set[str]:
        """The keys of the facts that it rests on."""
        named = {column for q in self.questions.values() for column in q.columns}
        named |= {column for expression in self.counts.values() for column in expression.columns}
        if any(one.scope == "network" for one in self.maintenance):
            named.add("network")
        return (named | self.declared_keys(named) | _ALWAYS) & self.vocabulary.keys.keys()

    def declared_keys(self, named: Collection[str]) -> set[str]:
        """The keys that say of these, where there is one, whether they are only what a person declared."""
        known = self.vocabulary.keys
        return {known[name].declared for name in named if name in known and known[name].declared}

    def run(self, sql: str, parameters: object = None) -> None:
        """Run a statement on the tables of members, whose result nobody reads."""
        self.connection.execute(text(sql), parameters)  # type: ignore[call-overload]

    # --- tables ----------------------------------------------------------------------------------------------------

    def _lay_out_places(self) -> None:
        self.run("DROP TABLE IF EXISTS judged_place")
        columns = f"code {self.text} PRIMARY KEY, home {self.text}, level {self.text}"
        self.run(f"CREATE TEMPORARY TABLE judged_place ({columns})")
        rows = [{"code": code, "home": p.home, "level": p.level} for code, p in self.places.items()]
        if rows:
            self.run("INSERT INTO judged_place VALUES (:code, :home, :level)", rows)

    def _lay_out_waivers(self) -> dict[str, list[Waiver]]:
        """The waivers that hold on the day, by control, and the table of whom they are for."""
        found: dict[str, list[Waiver]] = {}
        for one in waivers.load(self.connection, self.at.astimezone(ZONE).date()):
            # An agency that became part of another has its waiver there no longer: the other is asked for itself.
            if one.control in self.questions and (not one.agency or one.agency in self.places):
                found.setdefault(one.control, []).append(one)
        self.run("DROP TABLE IF EXISTS judged_waiver")
        words = ", ".join(f"{name} {self.text}" for name in ("control", "member", "agency", "status"))
        self.run(f"CREATE TEMPORARY TABLE judged_waiver ({words})")
        rows = [
            {"c": v.control, "m": v.member, "a": v.agency, "s": str(v.status)} for own in found.values() for v in own
        ]
        if rows:
            self.run("INSERT INTO judged_waiver VALUES (:c, :m, :a, :s)", rows)
        return found

    def _open_windows(self) -> list[Maintenance]:
        """The maintenance windows that are open, but those of agencies that have become part of another."""
        return [
            one
            for one in maintenance.load(self.connection, self.at)
            if one.scope != "agency" or (one.subject in self.places and self.places[one.subject].home == one.subject)
        ]

    def _lay_out_spared(self) -> None:
        """The table of the members that are under maintenance."""
        self.run("DROP TABLE IF EXISTS judged_spared")
        self.run(
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
                    self.run(
                        f"INSERT INTO judged_spared SELECT '{population}', CAST(member AS TEXT) "
                        f"FROM {MEMBER[population]} WHERE {column} = :subject AND CAST(member AS TEXT) NOT IN "
                        f"(SELECT member FROM judged_spared WHERE population = '{population}')",
                        {"subject": subject},
                    )
        if agencies:
            rows = [{"member": member} for member in sorted(set(agencies))]
            self.run("INSERT INTO judged_spared VALUES ('agencies', :member)", rows)

    def _lay_out(self, population: str, always: set[str]) -> None:
        """Make the table of a population's members with one column for each fact key that is asked for."""
        named = {
            column for q in self.questions.values() if q.control.population == population for column in q.columns
        } | always
        for name, expression in self.counts.items():
            if self.vocabulary.counts[name].of == population:
                named |= set(expression.columns)
        named |= self.declared_keys(named)
        subject = POPULATIONS[population]
        keys = [k for k in self.vocabulary.of(subject) if k.name in named]
        table = MEMBER[population]
        self.run(f"DROP TABLE IF EXISTS {table}")
        members = pivot(subject, keys, self.at, self.dialect)
        getattr(self, f"_lay_out_{population}")(table, members, keys)

    def _lay_out_assets(self, table: str, members: str, keys: list[Key]) -> None:
        others = "".join(f", f.{k.name}" for k in keys if k.name != "agency")
        self.run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT f.subject AS member, p.home AS agency, p.level{others} "
            f"FROM ({members}) f JOIN judged_place p ON p.code = f.agency"
        )

    def _lay_out_links(self, table: str, members: str, keys: list[Key]) -> None:
        columns = "".join(f", {k.name}" for k in keys)
        self.run(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS judged_line (code {self.text} PRIMARY KEY, agency {self.text}, "
            f"kind {self.text}, provider {self.text}, contracted_mbps DOUBLE PRECISION, "
            "availability_30d DOUBLE PRECISION)"
        )
        self.run("DELETE FROM judged_line")
        steady = self._steady() if any(c in q.columns for q in self.questions.values() for c in COMPUTED) else {}
        day = self.at.astimezone(ZONE).date()
        rows = [
            {"code": v.code, "agency": v.agency, "kind": v.kind, "provider": v.provider, "mbps": v.contracted_mbps,
             "steady": steady.get(v.code)}
            for v in self.register.links
            if v.valid_on(day) and v.agency in self.places
        ]  # fmt: skip
        if rows:
            self.run("INSERT INTO judged_line VALUES (:code, :agency, :kind, :provider, :mbps, :steady)", rows)
        self.run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT n.code AS member, p.home AS agency, p.level, n.kind, "
            f"n.provider, n.contracted_mbps, n.availability_30d{columns} FROM judged_line n "
            f"JOIN judged_place p ON p.code = n.agency LEFT JOIN ({members}) f ON f.subject = n.code"
        )

    def _steady(self) -> dict[str, float | None]:
        """The availability of each line over the last days; None where less than half of them is known."""
        begin = self.at - COMPUTED_FROM
        found = availability.availability(self.connection, self.vocabulary, self.register, begin, self.at)
        return {code: own.share if own.unknown <= own.up + own.degraded + own.down else None
                for code, own in found.items()}  # fmt: skip

    def _lay_out_agencies(self, table: str, members: str, keys: list[Key]) -> None:
        columns = "".join(f", f.{k.name}" for k in keys)
        bounds, joins = self._lay_out_period_counts()
        self.run("CREATE TEMPORARY TABLE IF NOT EXISTS judged_look (home TEXT, name TEXT, PRIMARY KEY (home, name))")
        self.run("DELETE FROM judged_look")
        for number, (name, expression) in enumerate(self.counts.items()):
            count = self.vocabulary.counts[name]
            where = write(expression, self.dialect, self.at)
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
                f"{f', {failing} AS spared' if self.maintenance else ''} FROM {self.countable(name)} "
                f"GROUP BY agency) c{number} ON c{number}.agency = p.home"
            )
            high = f"COALESCE(c{number}.low + c{number}.unsure, 0)"
            if count.looked is not None:
                looked = [{"home": home, "name": name} for home in self._looked_through(count.looked)]
                if looked:
                    self.run("INSERT INTO judged_look VALUES (:home, :name)", looked)
                joins += f" LEFT JOIN judged_look l{number} ON l{number}.home = p.home AND l{number}.name = '{name}'"
                high = f"CASE WHEN l{number}.home IS NOT NULL THEN {high} END"
            bounds += f", COALESCE(c{number}.low, 0) AS {name}__low, {high} AS {name}__high"
            if self.maintenance:
                bounds += f", {high} + COALESCE(c{number}.spared, 0) AS {name}__spared"
        self.run(
            f"CREATE TEMPORARY TABLE {table} AS SELECT p.home AS member, p.home AS agency, p.level{columns}{bounds} "
            f"FROM judged_place p LEFT JOIN ({members}) f ON f.subject = p.code{joins} WHERE p.code = p.home"
        )

    @staticmethod
    def is_spared(population: str, member: str = "CAST(member AS TEXT)") -> str:
        """The condition that a member is under maintenance."""
        return f"{member} IN (SELECT s.member FROM judged_spared s WHERE s.population = '{population}')"

    @property
    def centre(self) -> list[str]:
        """The agencies that run the data centre: those with a network of that purpose."""
        day = self.at.astimezone(ZONE).date()
        networks = (n for n in self.register.networks if n.purpose == CENTRE and n.valid_on(day))
        return sorted({self.places[n.agency].home for n in networks if n.agency in self.places})

    def askable(self, population: str, columns: Collection[str]) -> str:
        """The table of those of whom an expression with these columns can be asked.

        A declared website is no device on the agency's networks: only what names `in_register` is asked of websites,
        and of nothing else, also where of a device it is unknown what it is.
        """
        table = MEMBER[population]
        # Seals from before websites were read have their own vocabulary.
        if population != "assets" or "in_register" not in self.vocabulary.keys:
            return table
        return f"(SELECT * FROM {table} WHERE in_register{'' if 'in_register' in columns else ' IS NULL'}) askable"

    def countable(self, count: str) -> str:
        """The table of those whom a count may count."""
        return self.askable(self.vocabulary.counts[count].of, self.counts[count].columns)

    def _failing_spared(self, population: str, where: str) -> str:
        """The sum of those that a count would count if they did not fail, and that are under maintenance."""
        return f"SUM(CASE WHEN NOT ({where}) AND {self.is_spared(population)} THEN 1 ELSE 0 END)"

    def _count_at_centre(self, name: str, where: str) -> tuple[int, int | None, int]:
        """How many a count counts in the agencies that run the data centre: at least, and at most (None: not known);
        and how many more it would if what is under maintenance did not fail."""
        centre, count = self.centre, self.vocabulary.counts[name]
        query = text(
            f"SELECT SUM(CASE WHEN ({where}) THEN 1 ELSE 0 END), SUM(CASE WHEN ({where}) IS NULL THEN 1 ELSE 0 END), "
            f"{self._failing_spared(count.of, where)} FROM {self.countable(name)} WHERE agency IN :centre"
        ).bindparams(bindparam("centre", value=centre, expanding=True))
        sums = self.connection.execute(query).one() if centre else (0, 0, 0)
        low, unsure, spared = (int(value or 0) for value in sums)
        # Where nobody runs a data centre nobody looked into it.
        read = bool(centre) and (count.looked is None or set(centre) <= set(self._looked_through(count.looked)))
        return low, low + unsure if read else None, spared

    def _lay_out_period_counts(self) -> tuple[str, str]:
        """The columns and joins of what agencies counted of late, their parts' and predecessors' numbers added."""
        named = sorted(
            {c for q in self.questions.values() for e in (q.meets, q.where) if e for c in e.columns}
            & self.vocabulary.period_counts.keys()
        )
        if not named:
            return "", ""
        self.run("DROP TABLE IF EXISTS judged_told")
        columns = [column for name in named for column in (name, f"{name}__declared")]
        self.run(
            f"CREATE TEMPORARY TABLE judged_told (home {self.text} PRIMARY KEY, {' BIGINT, '.join(columns)} BIGINT)"
        )
        counted = period_counts.newest_counts(self.connection, named, self.at)
        rows: dict[str, dict[str, object]] = {}
        for name in named:
            for home, (value, measured) in self.told_by_home(counted, name).items():
                own = rows.setdefault(home, {"home": home, **dict.fromkeys(columns)})
                own |= {name: value, f"{name}__declared": int(not measured)}
        if rows:
            values = ", ".join(f":{name}" for name in ("home", *columns))
            self.run(f"INSERT INTO judged_told VALUES ({values})", list(rows.values()))
        return "".join(f", t.{name}" for name in columns), " LEFT JOIN judged_told t ON t.home = p.home"

    def told_by_home(
        self, counted: Mapping[str, Mapping[str, tuple[int, bool]]], name: str
    ) -> dict[str, tuple[int, bool]]:
        """A count by the code as which agencies count, summed, and whether all of it is measured."""
        found: dict[str, tuple[int, bool]] = {}
        for code, own in counted.items():
            if code in self.places and name in own:
                value, measured = found.get(home := self.places[code].home, (0, True))
                found[home] = (value + own[name][0], measured and own[name][1])
        return found

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
            *MEMBER.values(),
            "judged_place",
            "judged_line",
            "judged_look",
            "judged_waiver",
            "judged_spared",
            "judged_told",
        ):
            self.run(f"DROP TABLE IF EXISTS {table}")


def _question(control: Control, vocabulary: Vocabulary) -> Question:
    if control.goal is not None:
        return Question(control, None, None)
    columns = vocabulary.columns(control.population)
    where = parse(control.where, columns, control.parameters) if control.where else None
    meets = None if control.is_shares else parse(control.meets, columns, control.parameters)
    return Question(control, where, meets)


def write(expression: Expression, dialect: str, at: datetime) -> str:
    """An expression as SQL that is run as text."""
    # A colon in a literal would be taken for the name of a bound parameter.
    return expression.sql(dialect, at).replace(":", "\\:")
