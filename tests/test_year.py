"""A year day by day: what was told then, what is told of then, and what changed, beside a recomputation of its own.

The province has silences, repairs, lines that are down and deliver later, sweeps that are broken off, a merger in July,
a waiver that expires, a count declared anew, and documents told month by month. `Chronicle` is the recomputation: plain
lists of what was observed, gone through from the start for every question, by the rules of the design and nothing else.
"""

from __future__ import annotations

import dataclasses
import math
import random
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.changes import find_changes
from api.config import Config
from api.printing import judge_plan
from api.sealing import seal, verify
from api.workspace import Workspace
from inventory.periods import ZONE, end_of_day
from inventory.store import Connection, Store, counts_told, registers, runs, snapshots, waivers
from inventory.store.period_counts import DECLARED, Counted, Origin
from inventory.words import (
    ALL_LEVELS,
    Coverage,
    DeclaredCount,
    Fact,
    Identity,
    Level,
    Observation,
    Proof,
    Register,
    Run,
    Status,
    Title,
    Waiver,
)
from tests.inventory.sample import agency, network

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range(365)]
MERGER = date(2025, 7, 1)
LEVELS = (
    Level("province", Title("Cấp tỉnh", "Province"), 1),
    Level("commune", Title("Cấp xã", "Commune"), 2),
)
#: Declared workstations by agency and day: B's count for C after the merger, until C declares anew.
DECLARED_COUNTS = {("A", FIRST): 5, ("B", FIRST): 5, ("C", FIRST): 3, ("C", date(2025, 10, 1)): 6, ("E", FIRST): 3}
MACHINES = {"A": 4, "B": 4, "C": 3, "D": 3, "E": 2, "F": 3}
LEVEL_OF = {"A": "province", "B": "province", "C": "province", "D": "province", "E": "commune", "F": "commune"}
WAIVED = ("D", date(2025, 3, 1), date(2025, 5, 31))


def register() -> Register:
    found = [agency(code, level) for code, level in LEVEL_OF.items() if code != "B"]
    found.append(agency("B", "province", valid_to=MERGER - timedelta(days=1), successor="C"))
    counts = tuple(DeclaredCount(code, "workstations", n, day) for (code, day), n in DECLARED_COUNTS.items())
    return Register(LEVELS, tuple(found), tuple(network(f"net-{c.lower()}", c) for c in LEVEL_OF), counts=counts)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE)


# --- the recomputation ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """One thing observed, and when it became known."""

    agency: str
    machine: str
    when: datetime
    known: datetime
    good: tuple[bool, bool] = (True, True)


@dataclass(frozen=True)
class Swept:
    agency: str
    when: datetime
    complete: bool
    answered: frozenset[str]


@dataclass
class Chronicle:
    """All that happened, and the figures that follow from it."""

    reports: list[Seen] = field(default_factory=list)
    sweeps: list[Swept] = field(default_factory=list)
    documents: list[tuple[str, date, datetime, int, int, bool]] = field(default_factory=list)
    """Agency, last day of the month, when it was told, signed, of how many, whether a system told it."""
    tree: date | None = None
    """The day whose tree of agencies counts; None for that of each day."""

    def figures(self, when: datetime, known: datetime) -> dict[tuple[str, str], Counter[Status]]:
        """By goal and level how many members have which status as of `when`, by what was known at `known`."""
        found: dict[tuple[str, str], Counter[Status]] = {}
        for goal, answers in (
            ("firewall", self.firewalls(when)),
            ("antivirus", self.antivirus(when, known)),
            ("signed", self.signed(when, known)),
        ):
            for level in ("province", "commune", ALL_LEVELS):
                counted: Counter[Status] = Counter()
                for home, status, weight in answers:
                    if level in (ALL_LEVELS, LEVEL_OF[home]):
                        counted[status] += weight
                found[goal, level] = +counted
        return found

    def homes(self, day: date) -> dict[str, str]:
        day = self.tree or day
        return {code: "C" if code == "B" and day >= MERGER else code for code in LEVEL_OF}

    def firewalls(self, when: datetime) -> list[tuple[str, Status, int]]:
        day, found = when.astimezone(ZONE).date(), []
        homes = self.homes(day)
        for home in sorted(set(homes.values())):
            own = [code for code in homes if homes[code] == home]
            low = unsure = 0
            read = True
            for code in own:
                before = [s for s in self.sweeps if s.agency == code and s.when <= when]
                read &= any(s.complete and when - s.when <= timedelta(days=8) for s in before)
                ever = {name for s in before for name in s.answered}
                if f"{code}-firewall" in ever:
                    states = [(s.when, f"{code}-firewall" in s.answered) for s in before
                              if s.complete or f"{code}-firewall" in s.answered]  # fmt: skip
                    first = min(when for when, answered in states if answered)
                    told, answered = max(state for state in states if state[0] >= first)
                    if when - told > timedelta(hours=26):
                        unsure += 1
                    else:
                        low += answered
            waived = home == WAIVED[0] and WAIVED[1] <= day <= WAIVED[2]
            status = (
                Status.WAIVED if waived else Status.MET if low else Status.UNMET if read and not unsure
                else Status.UNKNOWN
            )  # fmt: skip
            found.append((home, status, 1))
        return found

    def antivirus(self, when: datetime, known: datetime) -> list[tuple[str, Status, int]]:
        day = when.astimezone(ZONE).date()
        homes, found = self.homes(day), []
        machines: dict[str, set[str]] = {}
        for machine, code in {(s.machine, s.agency) for s in self.reports if s.when <= when and s.known <= known}:
            mine = [s for s in self.reports if s.machine == machine and s.when <= when and s.known <= known]
            last = max(mine, key=lambda s: s.when)
            fresh = when - last.when <= timedelta(days=7)
            status = Status.UNKNOWN if not fresh else Status.MET if all(last.good) else Status.UNMET
            found.append((homes[code], status, 1))
            machines.setdefault(homes[code], set()).add(machine)
        for home in sorted(set(homes.values())):
            declared = self.declared(home, day)
            if declared > len(machines.get(home, ())):
                found.append((home, Status.UNKNOWN, declared - len(machines.get(home, ()))))
        return found

    def declared(self, home: str, day: date) -> int:
        own = [(since, n) for (code, since), n in DECLARED_COUNTS.items() if code == home and since <= day]
        total = max(own)[1] if own else 0
        if home == "C" and (self.tree or day) >= MERGER and max(own)[0] < MERGER:
            total += DECLARED_COUNTS["B", FIRST]
        return total

    def signed(self, when: datetime, known: datetime) -> list[tuple[str, Status, int]]:
        """Summed over the months of the year that have ended; in January over those of the year before, all silent."""
        ended = [day for day in month_ends(when.astimezone(ZONE).year) if end_of_day(day) <= when]
        year = [day for day in ended if day.year == ended[-1].year]
        homes = self.homes(when.astimezone(ZONE).date())
        told: dict[str, list[tuple[int, int, bool]]] = {home: [] for home in homes.values()}
        silent: Counter[str] = Counter()
        for code, home in homes.items():
            for last in year:
                mine = [d for d in self.documents if d[0] == code and d[1] == last and d[2] <= known]
                if mine:
                    told[home].append(mine[0][3:])
                elif code != "B" or last < MERGER:
                    silent[home] += 1
        average = {home: sum(n for _, n, _ in rows) / len(rows) for home, rows in told.items() if rows}
        found = []
        for home, rows in told.items():
            if silent[home]:
                peers = [average[h] for h in average if LEVEL_OF[h] == LEVEL_OF[home]]
                usual = average.get(home, sum(peers) / len(peers) if peers else None)
                found.append((home, Status.UNKNOWN, 1 if usual is None else max(1, math.ceil(usual * silent[home]))))
            for part, whole, measured in rows:
                found.append((home, Status.MET if measured else Status.DECLARED, part))
                found.append((home, Status.UNMET, whole - part))
        return found


def month_ends(year: int) -> Iterator[date]:
    for number in range(1, 25):
        first = date(year - 1 + number // 12, number % 12 + 1, 1)
        yield first - timedelta(days=1)


# --- the year ---------------------------------------------------------------------------------------------------------


def observed(code: str, machine: str, host: int, when: datetime, source: str, **values: Any) -> Observation:
    proof = Proof.AGENT if source == "agent" else Proof.MEASURED
    facts = tuple(Fact(key, value, source, when, proof) for key, value in values.items())
    identity = Identity(frozenset({("serial", f"SN-{machine}")}), f"192.168.1.{host}", f"net-{code.lower()}", code)
    return Observation(facts, asset=identity)


@dataclass
class Province:
    """Draws what happens on each day, tells it to the store and writes it down."""

    chance: random.Random
    chronicle: Chronicle = field(default_factory=Chronicle)
    bad: set[str] = field(default_factory=set)
    line_down: dict[str, date] = field(default_factory=dict)
    held_back: dict[str, list[tuple[Run, Seen]]] = field(default_factory=dict)
    dead_firewall: dict[str, date] = field(default_factory=dict)

    def day(self, day: date) -> list[Run]:
        brought: list[Run] = []
        for code in LEVEL_OF:
            brought += self.sweep(code, day)
            brought += self.agents(code, day)
        return brought

    def sweep(self, code: str, day: date) -> Iterator[Run]:
        chance = self.chance.random()
        if self.dead_firewall.get(code, day) < day:
            del self.dead_firewall[code]
        elif self.chance.random() < 0.02:
            self.dead_firewall[code] = day + timedelta(days=self.chance.randint(1, 12))
        if chance < 0.1 or (code == "E" and day.month == 9):
            return  # nobody swept; in September nobody ever sweeps E
        has_firewall = code not in "FD" and (code != "E" or day >= date(2025, 4, 10))
        answered = {f"{code}-switch"}
        if has_firewall and code not in self.dead_firewall:
            answered.add(f"{code}-firewall")
        complete = chance > 0.2
        if not complete:
            answered.discard(f"{code}-switch")
        seen = [
            observed(code, name, 1 + (role == "switch"), at(day, 2), "nmap", answering=True, role=role)
            for name in sorted(answered)
            for role in [name.partition("-")[2]]
        ]
        self.chronicle.sweeps.append(Swept(code, at(day, 2), complete, frozenset(answered)))
        net, error = f"net-{code.lower()}", None if complete else "broken off"
        yield Run("nmap", net, at(day, 2), at(day, 2), tuple(seen), complete, error, code, net)

    def agents(self, code: str, day: date) -> Iterator[Run]:
        if self.line_down.get(code, day) < day:
            del self.line_down[code]
            for run, seen in self.held_back.pop(code, []):
                self.chronicle.reports.append(dataclasses.replace(seen, known=at(day, 8)))
                yield run
        elif self.chance.random() < 0.01:
            self.line_down[code] = day + timedelta(days=self.chance.randint(2, 15))
        for number in range(MACHINES[code]):
            machine = f"{code}-pc{number}"
            if self.chance.random() < (0.02 if machine not in self.bad else 0.08):
                self.bad ^= {machine}
            silent = number == 2 and day.month in (5, 6)
            if self.chance.random() < 0.6 or silent:
                continue
            when = at(day, 9, number)
            good = (machine not in self.bad or number % 2 == 0, machine not in self.bad)
            said = observed(code, machine, 100 + number, when, "agent", role="workstation", antivirus_enabled=good[0],
                            antivirus_up_to_date=good[1])  # fmt: skip
            run = Run("agent", f"agent {machine}", when, when, (said,), True, None, code)
            seen = Seen(code, machine, when, when, good)
            if code in self.line_down:
                self.held_back.setdefault(code, []).append((run, seen))
            else:
                self.chronicle.reports.append(seen)
                yield run

    def documents(self, day: date) -> Iterator[Counted]:
        """On the sixth day of a month some agencies tell of the month before."""
        if day.day != 6:
            return
        last = day.replace(day=1) - timedelta(days=1)
        for code in LEVEL_OF:
            gone = code == "B" and last >= MERGER
            if last.year != FIRST.year or gone or code == "F" or self.chance.random() < 0.15:
                continue
            whole = self.chance.randint(50, 90)
            part, measured = self.chance.randint(0, whole), code != "E"
            self.chronicle.documents.append((code, last, at(day, 10), part, whole, measured))
            origin = Origin("eoffice") if measured else Origin(DECLARED, f"{last.month}/BC", "Lê Văn Cả", day)
            for key, value in (("documents", whole), ("documents_signed", part)):
                yield Counted(f"{code} {last}", code, key, f"{last:%Y-%m}", value, origin)


GOAL = """
- {{id: {id}, statement: XX-00{n}, cite: P1, title: {{vi: {id}, en: {id}}}, levels: [province, commune],
   target: 0.8, due: 2025-12-31, due_basis: written, control: {id}}}
"""
CONTROLS = {
    "firewall": "population: agencies\nmeets: firewalls_answering >= 1",
    "antivirus": "population: assets\nwhere: role = 'workstation'\nmeets: antivirus_enabled and antivirus_up_to_date\n"
    "declared_as: workstations",
    "signed": "population: agencies\nnumerator: documents_signed\ndenominator: documents",
}


def write_goals(folder: Path) -> Path:
    goals = "".join(textwrap.dedent(GOAL.format(id=name, n=n)) for n, name in enumerate(CONTROLS, 1))
    plan = f"title: {{vi: Một năm, en: A year}}\nperiod: '2025'\ngoals:\n{goals}"
    for kind, files in (("plans", {"year": plan}), ("controls", CONTROLS)):
        (folder / kind).mkdir(parents=True)
        for name, text in files.items():
            head = "" if kind == "plans" else f"title: {{vi: {name}, en: {name}}}\n"
            (folder / kind / f"{name}.yaml").write_text(head + text, encoding="utf-8")
    return folder


def told(row: Coverage | snapshots.Point) -> Counter[Status]:
    names = [status for status in Status if hasattr(row, status)]
    return +Counter({status: getattr(row, status) for status in names})


def in_one(workspace: Workspace, brought: list[Run], now: datetime) -> Callable[[Connection], None]:
    def write(connection: Connection) -> None:
        for run in brought:
            runs.record(connection, workspace.vocabulary, run, now)

    return write


async def live_through(workspace: Workspace) -> tuple[Chronicle, dict[date, dict[tuple[str, str], Counter[Status]]]]:
    """The year, judged every evening; what happened, and the figures as they were told on each day."""
    store, province = workspace.store, Province(random.Random(1402))
    control = workspace.goals.controls["firewall"]
    whole = register()

    def begin(connection: Connection) -> None:
        registers.replace(connection, whole)
        registers.record_declared(connection, workspace.vocabulary, whole, at(LAST, 23))
        given = Waiver(0, "firewall", "", WAIVED[0], Status.WAIVED, "Đang sửa trụ sở", "Giám đốc", "", *WAIVED[1:])
        waivers.add(connection, control, whole, given, at(FIRST, 0))

    await store.write(begin)
    then: dict[date, dict[tuple[str, str], Counter[Status]]] = {}
    for day in DAYS:
        await store.write(in_one(workspace, province.day(day), at(day, 12)))
        if counted := list(province.documents(day)):
            await store.write(counts_told.take_in, workspace.vocabulary, workspace.goals, counted, at(day, 12))
        snapshot = await store.write(snapshots.take, workspace.vocabulary, workspace.goals, at(day, 20), keep=True)
        then[day] = {(c.goal, c.level): told(c) for c in snapshot.coverage}
        if day.day % 5 == 0:
            # Asked for, the figures of the evening before are kept; what is told of it later is to be in them.
            await judge_plan(workspace, "year", end_of_day(day - timedelta(days=1)), with_members=False)
    return province.chronicle, then


async def test_a_year_day_by_day(store_url: str, tmp_path: Path) -> None:
    store = Store.open(store_url)
    await store.migrate()
    workspace = Workspace(Config(data=tmp_path, goals=write_goals(tmp_path / "goals")), store)
    try:
        chronicle, then = await live_through(workspace)
        # What was told on each day is what follows from what was known on that day.
        for day in DAYS:
            assert then[day] == chronicle.figures(at(day, 20), at(day, 20)), day
        await check_trend(workspace, then)
        # Of any day before, all is told that became known since, and nothing else.
        late = 0
        for day in DAYS[::9]:
            known = chronicle.figures(at(day, 20), at(LAST, 20))
            report = await judge_plan(workspace, "year", at(day, 20), with_members=False)
            assert {(c.goal, c.level): told(c) for c in report.coverage} == known, day
            late += known != then[day]
        for day in DAYS[3::5]:
            report = await judge_plan(workspace, "year", end_of_day(day), with_members=False)
            known = chronicle.figures(end_of_day(day), end_of_day(LAST))
            assert {(c.goal, c.level): told(c) for c in report.coverage} == known, day
        assert late > 5, "what came late corrects the past"
        await check_events(workspace, chronicle)
        await check_changes(workspace, chronicle, date(2025, 6, 30), date(2025, 7, 1))
        await check_changes(workspace, chronicle, date(2025, 5, 20), date(2025, 11, 20))
        await check_one_tree(workspace, chronicle, date(2025, 6, 20), date(2025, 8, 20))
        sealed = tmp_path / "year.seal.zip"
        await seal(workspace, "year", at(date(2025, 8, 14), 20), sealed)
        verdict = await verify(sealed)
        assert verdict.good and verdict.figures == 9, verdict.problems
    finally:
        await store.close()


async def check_trend(workspace: Workspace, then: dict[date, dict[tuple[str, str], Counter[Status]]]) -> None:
    shown = {Status.MET, Status.UNMET, Status.UNKNOWN, Status.DECLARED}
    for goal, level in then[FIRST]:
        points = await workspace.store.read(snapshots.trend, "year", goal, level, at(LAST, 23), at(FIRST, 0))
        assert [point.day for point in points] == DAYS
        for point in points:
            expected = Counter({s: n for s, n in then[point.day][goal, level].items() if s in shown})
            assert told(point) == expected
            counted = sum(expected.values())
            assert point.proven == (pytest.approx(expected[Status.MET] / counted) if counted else None)


async def check_events(workspace: Workspace, chronicle: Chronicle) -> None:
    """What the year is made of did happen: without it the comparison would prove little."""

    def firewall(day: date) -> dict[str, Status]:
        return {home: status for home, status, _ in chronicle.firewalls(at(day, 20))}

    assert "B" in firewall(date(2025, 6, 30)) and "B" not in firewall(MERGER)
    assert [firewall(day)["D"] for day in (date(2025, 5, 31), date(2025, 6, 1))] == [Status.WAIVED, Status.UNMET]
    assert firewall(date(2025, 9, 28))["E"] is Status.UNKNOWN
    seen = {status for day in DAYS for status in firewall(day).values()}
    assert seen == {Status.MET, Status.UNMET, Status.UNKNOWN, Status.WAIVED}
    report = await judge_plan(workspace, "year", at(date(2025, 9, 28), 20), with_members=True)
    unknown = {home for home, status in firewall(date(2025, 9, 28)).items() if status is Status.UNKNOWN}
    assert {f.member for f in report.members["firewall"] if f.status is Status.UNKNOWN} == unknown


async def check_changes(workspace: Workspace, chronicle: Chronicle, first: date, second: date) -> None:
    """Agency by agency, what the comparison of two days says of firewalls; and its figures."""
    found = await find_changes(workspace, "year", at(first, 20), at(second, 20))
    then, later = ({home: status for home, status, _ in chronicle.firewalls(at(day, 20))} for day in (first, second))
    expected = {
        (home, then.get(home), later.get(home))
        for home in then.keys() | later.keys()
        if then.get(home) != later.get(home)
    }
    assert {(c.member, c.before, c.after) for c in found.changes if c.goal.id == "firewall"} == expected
    before, after = (chronicle.figures(at(day, 20), at(LAST, 20)) for day in (first, second))
    for goal, old, new in found.figures:
        row = new or old
        assert row is not None
        name = (goal.id, row.level)
        assert (told(old) if old else Counter(), told(new) if new else Counter()) == (before[name], after[name])


async def check_one_tree(workspace: Workspace, chronicle: Chronicle, first: date, second: date) -> None:
    """Across the merger, both days by the agencies of the second: nobody comes or goes, and the figures compare."""
    found = await find_changes(workspace, "year", at(first, 20), at(second, 20), one_tree=True)
    by_tree = dataclasses.replace(chronicle, tree=second)
    then, later = ({h: s for h, s, _ in by_tree.firewalls(at(day, 20))} for day in (first, second))
    assert then.keys() == later.keys() and "B" not in then
    assert {(c.member, c.before, c.after) for c in found.changes if c.goal.id == "firewall"} == {
        (home, then[home], later[home]) for home in then if then[home] != later[home]
    }
    before, after = (by_tree.figures(at(day, 20), at(LAST, 20)) for day in (first, second))
    assert before != chronicle.figures(at(first, 20), at(LAST, 20)), "by its own tree B still stood"
    for goal, old, new in found.figures:
        row = new or old
        assert row is not None and old is not None and new is not None
        assert (told(old), told(new)) == (before[goal.id, row.level], after[goal.id, row.level])
