"""What agencies and applications count in periods, and what is told of goals as a whole: kept with who said so.

A system that sends a number measures it. A person who writes one down declares it, in a document with a number, a
signer and a date. Of the same source a newer number of the same period replaces the former one, which is kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, func, insert, select, update

from inventory.goals import Goals
from inventory.periods import ZONE, Period, read_period
from inventory.shares import Reported
from inventory.store import registers, revisions
from inventory.store.tables import FOREVER, goal_count, period_count, seal
from inventory.strict_yaml import nearest
from inventory.text import nfc, storable
from inventory.vocabulary import STOCK_AGE, Vocabulary, instant, moment
from inventory.words import ALL_LEVELS, Agency, Fact, InputError, Proof, SealState

__all__ = [
    "DECLARED",
    "Counted",
    "GoalCounted",
    "Origin",
    "Taken",
    "Told",
    "facts_of",
    "goal_reported",
    "listed",
    "newest_counts",
    "note_seal",
    "reported",
    "seal_states",
    "sealed",
    "take_in",
    "told_by",
    "was_there",
    "withdraw",
]  # fmt: skip

DECLARED = "declared"
"""The source of what a person wrote down."""
DECLARED_AGE = timedelta(days=400)
"""How long what was told of a goal as a whole stands: a year, and the time to tell it anew."""
_LARGEST = 2**53
"""What JSON and spreadsheets hold without loss."""
_LONGEST = 300
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Origin:
    """Who says it: a system by its name, or a person in a document."""

    source: str
    document: str = ""
    signer: str = ""
    signed: date | None = None

    @property
    def proof(self) -> Proof:
        """Measured where a system says it."""
        return Proof.DECLARED if self.source == DECLARED else Proof.MEASURED

    @property
    def told(self) -> str:
        """As people read it: the system, or document, signer and day."""
        if self.source != DECLARED:
            return self.source
        return ", ".join(v for v in (self.document, self.signer, f"{self.signed:%d/%m/%Y}" if self.signed else "") if v)


@dataclass(frozen=True, slots=True)
class Counted:
    """A number that an agency counted in a period."""

    place: str
    """Where it stood, such as "row 5": problems begin with it."""
    agency: str
    key: str
    period: str
    value: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class GoalCounted:
    """So many of so many, told of a goal as a whole, of one of its parts (from 1), or at one level."""

    place: str
    plan: str
    goal: str
    period: str
    value: object
    total: object
    origin: Origin
    part: int = 0
    level: str = ALL_LEVELS


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of what was told."""

    rows: int = 0
    new: int = 0
    corrected: int = 0
    """Rows in whose place there was another number, or another document."""


# --- taking in --------------------------------------------------------------------------------------------------------


def take_in(
    connection: Connection,
    vocabulary: Vocabulary,
    goals: Goals,
    given: Sequence[Counted | GoalCounted],
    now: datetime,
    *,
    dry: bool = False,
) -> Taken:
    """Store what was counted, whole or not at all.

    Args:
        dry: only check, and tell what would come of it.

    Raises:
        InputError: with every problem, a line each: an unknown agency, count, plan or goal, a period that has not
            ended, a number that is none or above its total, a declaration without document, signer or date, or one of
            a period whose figures were sealed.
    """
    check = _Check(connection, vocabulary, goals, now, _standing_of(connection, given))
    rows = [check.row(one) for one in given]
    check.wholes([one for one in given if isinstance(one, Counted)])
    if check.problems:
        more = len(check.problems) - _SHOWN
        told = [*check.problems[:_SHOWN], *([f"… and {more} more"] if more > 0 else [])]
        raise InputError("\n".join(told))
    checked = [row for row in rows if row is not None]
    new, corrected = [], []
    for table, values in checked:
        stood = check.stood.get((table.name, *(values[column] for column in _NAMES[table.name])))
        said = [name for name in ("value", "total", "document", "signer", "signed") if name in values]
        if stood is None:
            new.append((table, values))
        elif any(stood[column] != values[column] for column in said):
            corrected.append((table, values, stood["id"]))
    if not dry:
        _store(connection, new, corrected, instant(now))
    return Taken(len(checked), len(new), len(corrected))


class _Check:
    """Turns what was told into rows, and gathers what is wrong with it."""

    def __init__(
        self,
        connection: Connection,
        vocabulary: Vocabulary,
        goals: Goals,
        now: datetime,
        stood: Mapping[tuple[object, ...], RowMapping],
    ) -> None:
        self.problems: list[str] = []
        self.stood = stood
        self._vocabulary, self._goals, self._now = vocabulary, goals, now
        register = registers.load(connection)
        self._agencies: dict[str, list[Agency]] = {}
        for agency in register.agencies:
            self._agencies.setdefault(agency.code, []).append(agency)
        self._levels = {level.code for level in register.levels}
        self._seen: dict[tuple[object, ...], str] = {}
        self._sealed = sealed(connection)

    def row(self, given: Counted | GoalCounted) -> tuple[Table, dict[str, Any]] | None:
        before = len(self.problems)
        period = self._period(given)
        self._origin(given)
        value = self._number(given, "value", given.value)
        told: dict[str, Any] = {
            "period": period.text if period else "", "last": period.last if period else None, "value": value,
            "source": given.origin.source, "proof": int(given.origin.proof), "document": given.origin.document,
            "signer": given.origin.signer, "signed": given.origin.signed,
        }  # fmt: skip
        if isinstance(given, Counted):
            self._agency(given, period)
            if given.key not in self._vocabulary.period_counts:
                near = nearest(given.key, self._vocabulary.period_counts)
                self._note(given, "key", given.key, f"the name of a count{near}")
            name: tuple[object, ...] = (given.agency, given.key, given.period, given.origin.source)
            row: dict[str, Any] = {"agency": given.agency, "key": given.key, "first": period.first if period else None}
            table = period_count
        else:
            total = self._number(given, "total", given.total)
            self._goal(given)
            if isinstance(value, int) and isinstance(total, int) and value > total:
                self._note(given, "value", value, f"a number not above its total {total}")
            name = (given.plan, given.goal, given.part, given.level, given.period, given.origin.source)
            row = {"plan": given.plan, "goal": given.goal, "part": given.part, "level": given.level, "total": total}
            table = goal_count
        if period is not None and given.origin.source == DECLARED:
            self._not_sealed(given, period)
        if name in self._seen:
            self.problems.append(f"{given.place}: stands twice, first in {self._seen[name]}")
        self._seen.setdefault(name, given.place)
        return (table, told | row) if len(self.problems) == before else None

    def _note(self, given: Counted | GoalCounted, field: str, found: object, expected: str) -> None:
        self.problems.append(f"{given.place}, {field}: found {found!r:.80}, expected {expected}")

    def _period(self, given: Counted | GoalCounted) -> Period | None:
        try:
            period = read_period(given.period)
        except InputError as error:
            self.problems.append(f"{given.place}, {error}")
            return None
        if period.text != given.period:
            self._note(given, "period", given.period, f"it without spaces: {period.text}")
        if period.end > self._now:
            self._note(given, "period", given.period, "a period that has ended")
        return period

    def _origin(self, given: Counted | GoalCounted) -> None:
        origin = given.origin
        for field in ("source", "document", "signer"):
            text = getattr(origin, field)
            if nfc(storable(text)) != text or len(text) > _LONGEST:
                self._note(given, field, text, f"text of at most {_LONGEST} characters, on one line")
        if origin.source != DECLARED:
            return
        for field in ("document", "signer", "signed"):
            if not getattr(origin, field):
                self._note(given, field, "", "what a person declares to have a document, a signer and a date")
        if origin.signed and origin.signed > self._now.astimezone(ZONE).date():
            self._note(given, "signed", f"{origin.signed}", "a day that has come")

    def _number(self, given: Counted | GoalCounted, field: str, value: object) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
            return value
        self._note(given, field, value, "a whole number from 0 on")
        return None

    def _agency(self, given: Counted, period: Period | None) -> None:
        rows = self._agencies.get(given.agency)
        if rows is None:
            near = nearest(given.agency, self._agencies)
            self._note(given, "agency", given.agency, f"the code of an agency in the register{near}")
        elif period and not any(was_there(agency, period) for agency in rows):
            self._note(given, "agency", given.agency, f"an agency that there was in {period.text}")

    def _goal(self, given: GoalCounted) -> None:
        plan = self._goals.plans.get(given.plan)
        if plan is None:
            near = nearest(given.plan, self._goals.plans)
            self._note(given, "plan", given.plan, f"one of {', '.join(sorted(self._goals.plans))}{near}")
            return
        goal = next((one for one in plan.goals if one.id == given.goal), None)
        if goal is None:
            self._note(
                given, "goal", given.goal, f"a goal of {plan.id}{nearest(given.goal, [g.id for g in plan.goals])}"
            )
        elif not goal.only_declared:
            self._note(given, "goal", given.goal, f"a goal that no control measures; {goal.control} measures this one")
        elif bool(goal.parts) != bool(given.part) or given.part > len(goal.parts) or given.part < 0:
            expected = f"a part from 1 to {len(goal.parts)}" if goal.parts else "no part, for the goal has none"
            self._note(given, "part", given.part, expected)
        elif given.part and given.level != ALL_LEVELS:
            self._note(given, "level", given.level, "none beside a part, which is of all levels together")
        elif given.level != ALL_LEVELS and given.level not in (goal.levels or self._levels):
            self._note(given, "level", given.level, f"one of {', '.join(goal.levels or sorted(self._levels))}, or none")

    def _not_sealed(self, given: Counted | GoalCounted, period: Period) -> None:
        plans = [given.plan] if isinstance(given, GoalCounted) else plans_of(self._goals, given.key)
        for plan in plans:
            if plan in self._sealed and period.end <= self._sealed[plan]:
                day = self._sealed[plan].astimezone(ZONE).date()
                expected = f"a later one: the figures of {plan} were sealed as of {day}"
                self._note(given, "period", given.period, expected)

    def wholes(self, given: Sequence[Counted]) -> None:
        """Note each number that is above the one of which it is a part, told with it or before by the same source."""
        known = self._vocabulary.period_counts
        told = {(v.agency, v.period, v.origin.source, v.key): v for v in given}
        for one in given:
            parts = [name for name, count in known.items() if count.of == one.key]
            for part, whole in [(one.key, known[one.key].of)] if one.key in known and known[one.key].of else []:
                self._compare(told, one, part, whole)
            for part in parts:
                if (one.agency, one.period, one.origin.source, part) not in told:
                    self._compare(told, one, part, one.key)

    def _compare(self, told: Mapping[tuple[str, str, str, str], Counted], one: Counted, part: str, whole: str) -> None:
        values = []
        for key in (part, whole):
            found = told.get((one.agency, one.period, one.origin.source, key))
            values.append(found.value if found else self._stored(one, key))
        low, high = values
        if isinstance(low, int) and isinstance(high, int) and low > high:
            self.problems.append(
                f"{one.place}, {one.key}: found {part} {low} of {whole} {high}, expected a part not above its total"
            )

    def _stored(self, one: Counted, key: str) -> int | None:
        row = self.stood.get((period_count.name, one.agency, key, one.period, one.origin.source))
        return None if row is None else row["value"]


def was_there(agency: Agency, period: Period) -> bool:
    """Whether there was an agency on a day of a period."""
    return agency.valid_from <= period.last and (agency.valid_to is None or agency.valid_to >= period.first)


def plans_of(goals: Goals, key: str) -> list[str]:
    """The plans with a goal whose figures use a count."""
    used = {
        control.id
        for control in goals.controls.values()
        if key in (control.numerator, control.denominator)
        or re.search(rf"\b{key}\b", f"{control.meets} {control.where}")
    }
    return [plan.id for plan in goals.plans.values() if any(goal.control in used for goal in plan.goals)]


_NAMES: Mapping[str, tuple[str, ...]] = {
    period_count.name: ("agency", "key", "period", "source"),
    goal_count.name: ("plan", "goal", "part", "level", "period", "source"),
}


def _standing_of(
    connection: Connection, given: Sequence[Counted | GoalCounted]
) -> dict[tuple[object, ...], RowMapping]:
    """What stands of the sources and periods that are told of, by table and name: read at once, for there may be
    tens of thousands."""
    found: dict[tuple[object, ...], RowMapping] = {}
    for table, kind in ((period_count, Counted), (goal_count, GoalCounted)):
        told = [one for one in given if isinstance(one, kind)]
        if not told:
            continue
        sources, periods = {one.origin.source for one in told}, {one.period for one in told}
        query = select(table).where(
            table.c.replaced == FOREVER, table.c.source.in_(sorted(sources)), table.c.period.in_(sorted(periods))
        )
        for row in connection.execute(query).mappings():
            found[(table.name, *(row[column] for column in _NAMES[table.name]))] = row
    return found


def _store(
    connection: Connection,
    new: Sequence[tuple[Table, dict[str, Any]]],
    corrected: Sequence[tuple[Table, dict[str, Any], int]],
    now: int,
) -> None:
    for table in (period_count, goal_count):
        ended = [{"b_id": number} for of, _, number in corrected if of is table]
        begun = [values for of, values in new if of is table]
        begun += [values for of, values, _ in corrected if of is table]
        if ended:
            connection.execute(update(table).where(table.c.id == bindparam("b_id")).values(replaced=now), ended)
        if begun:
            connection.execute(insert(table), [{**values, "recorded": now, "replaced": FOREVER} for values in begun])
        for day in sorted({values["last"] for values in begun}):
            revisions.note(connection, day)


# --- taking back ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What stands of one source of an agency and period."""

    values: Mapping[str, int]
    """By the name of the count."""
    recorded: datetime
    """When the last of them was told."""


def told_by(
    connection: Connection, source: str, keys: Collection[str], periods: Collection[str]
) -> dict[tuple[str, str], Told]:
    """What stands of these counts by a source, by agency and period."""
    c = period_count.c
    query = select(c.agency, c.period, c.key, c.value, c.recorded).where(
        c.replaced == FOREVER, c.source == source, c.key.in_(sorted(keys)), c.period.in_(sorted(periods))
    )
    found: dict[tuple[str, str], Told] = {}
    for agency, period, key, value, recorded in connection.execute(query):
        before = found.get((agency, period), Told({}, moment(recorded)))
        newest = max(before.recorded, moment(recorded))
        found[agency, period] = Told({**before.values, key: value}, newest)
    return found


def withdraw(
    connection: Connection, source: str, keys: Collection[str], names: Collection[tuple[str, str]], now: datetime
) -> int:
    """Take back these counts of a source of agencies and periods: nothing stands in their place. How many they were.

    The rows stay, with when they ended: what was told before stays provable.
    """
    withdrawn = 0
    c = period_count.c
    for agency, period in sorted(names):
        mine = (c.agency == agency, c.period == period, c.source == source, c.key.in_(sorted(keys)))
        standing = update(period_count).where(*mine, c.replaced == FOREVER)
        withdrawn += connection.execute(standing.values(replaced=instant(now))).rowcount
        revisions.note(connection, read_period(period).last)
    return withdrawn


# --- what was sealed --------------------------------------------------------------------------------------------------


def note_seal(connection: Connection, plan: str, at: datetime, sha256: str, file: str, now: datetime) -> None:
    """Note that a plan's figures as of `at` were sealed."""
    row = {"sha256": sha256, "plan": plan, "at": instant(at), "sealed": instant(now), "file": storable(file)}
    if connection.scalar(select(func.count()).select_from(seal).where(seal.c.sha256 == sha256)) == 0:
        connection.execute(insert(seal).values(**row))


def sealed(connection: Connection) -> dict[str, datetime]:
    """As of when each plan was sealed last."""
    rows = connection.execute(select(seal.c.plan, func.max(seal.c.at)).group_by(seal.c.plan))
    return {plan: moment(at) for plan, at in rows}


def seal_states(connection: Connection, at: datetime) -> tuple[SealState, ...]:
    """What was sealed last of each plan, up to `at`; of a plan that never was there is nothing."""
    sealing = select(seal.c.plan, seal.c.sealed, seal.c.at).where(seal.c.sealed <= instant(at))
    rows = connection.execute(sealing.order_by(seal.c.plan, seal.c.sealed, seal.c.at))
    last = {plan: SealState(plan, moment(told), moment(as_of)) for plan, told, as_of in rows}
    return tuple(last.values())


# --- reading ----------------------------------------------------------------------------------------------------------


def reported(
    connection: Connection, part: str, whole: str, window: Collection[Period], at: datetime, *, flow: bool
) -> list[Reported]:
    """What each agency told as of `at` of two counts, paired by period, the better word of each taken.

    Args:
        window: the months of the year so far; for a flow only periods within them count.
        flow: otherwise periods count that ended within `STOCK_AGE`.
    """
    told: dict[tuple[str, str], dict[str, dict[str, tuple[int, int, int]]]] = {}
    for row in _standing(connection, {part, whole}, window, at, flow=flow):
        by_source = told.setdefault((row.agency, row.period), {})
        by_source.setdefault(row.source, {})[row.key] = (-row.proof, row.recorded, row.value)
    best: dict[tuple[str, str], dict[str, tuple[int, int, int]]] = {}
    for name, by_source in told.items():
        # Both numbers of one source belong together; only where none told both, one of each is taken.
        whole_pairs = [own for own in by_source.values() if {part, whole} <= own.keys()]
        if whole_pairs:
            best[name] = max(whole_pairs, key=lambda own: (own[whole], own[part]))
        else:
            keys = {key for own in by_source.values() for key in own}
            best[name] = {key: max(own[key] for own in by_source.values() if key in own) for key in keys}
    periods = {period: read_period(period) for _, period in best}
    found = []
    for (agency, period), own in best.items():
        if part in own and whole in own and own[part][2] <= own[whole][2]:
            measured = own[part][0] == own[whole][0] == -int(Proof.MEASURED)
            found.append(Reported(agency, periods[period], own[part][2], own[whole][2], measured))
    return found


def newest_counts(
    connection: Connection, keys: Collection[str], at: datetime
) -> dict[str, dict[str, tuple[int, bool]]]:
    """By agency and count the newest number that still counts as of `at`, and whether it is measured."""
    best: dict[str, dict[str, tuple[tuple[int, date, int], int]]] = {}
    for row in _standing(connection, keys, (), at, flow=False):
        own = best.setdefault(row.agency, {})
        rank = (-row.proof, row.last, row.recorded)
        if row.key not in own or rank > own[row.key][0]:
            own[row.key] = (rank, row.value)
    return {
        agency: {key: (value, rank[0] == -int(Proof.MEASURED)) for key, (rank, value) in own.items()}
        for agency, own in best.items()
    }


def _standing(
    connection: Connection, keys: Collection[str], window: Collection[Period], at: datetime, *, flow: bool
) -> Iterator[Any]:
    c = period_count.c
    ended = [c.key.in_(sorted(keys)), c.replaced == FOREVER, c.last <= _last_day(at)]
    if flow:
        first, last = min(p.first for p in window), max(p.last for p in window)
        ended += [c.first >= first, c.last <= last]
    else:
        ended.append(c.last >= (at - STOCK_AGE).astimezone(ZONE).date())
    query = select(c.agency, c.key, c.period, c.last, c.source, c.value, c.proof, c.recorded).where(*ended)
    yield from connection.execute(query)


def _last_day(at: datetime) -> date:
    """The last day that had ended at an instant; the instant of a day's end is one of them."""
    return (at + timedelta(milliseconds=1)).astimezone(ZONE).date() - timedelta(days=1)


def facts_of(
    connection: Connection, agencies: Collection[str], keys: Collection[str], since: date, at: datetime
) -> list[tuple[str, Fact]]:
    """What these agencies told of these counts, of periods that ended from `since` to `at`, as facts of the periods."""
    c = period_count.c
    query = select(period_count).where(
        c.agency.in_(sorted(agencies)), c.key.in_(sorted(keys)), c.replaced == FOREVER, c.last >= since,
        c.last <= _last_day(at),
    ).order_by(c.last.desc(), c.key, c.proof)  # fmt: skip
    return [
        (r["agency"], Fact(r["key"], r["value"], _origin(r).told, read_period(r["period"]).end, Proof(r["proof"]),
                           r["period"], moment(r["recorded"])))
        for r in connection.execute(query).mappings()
    ]  # fmt: skip


def _origin(row: RowMapping) -> Origin:
    return Origin(row["source"], row["document"], row["signer"], row["signed"])


@dataclass(frozen=True, slots=True)
class GoalReported:
    """What is told of a goal, or of a part of it, at a level."""

    part: int
    level: str
    period: str
    value: int
    total: int
    origin: Origin


def goal_reported(connection: Connection, plan: str, goal: str, at: datetime) -> list[GoalReported]:
    """What stands of a goal as of `at`: by part and level the newest period, measured before declared."""
    c = goal_count.c
    query = select(goal_count).where(
        c.plan == plan, c.goal == goal, c.replaced == FOREVER, c.last <= _last_day(at),
        c.last >= (at - DECLARED_AGE).astimezone(ZONE).date(),
    )  # fmt: skip
    best: dict[tuple[int, str], tuple[tuple[date, int, int], RowMapping]] = {}
    for row in connection.execute(query).mappings():
        rank = (row["last"], -row["proof"], row["recorded"])
        name = (row["part"], row["level"])
        if name not in best or rank > best[name][0]:
            best[name] = (rank, row)
    # Told of the whole and told by level is the same told twice: the newer of the two counts.
    of_all = [rank for (_, level), (rank, _) in best.items() if level == ALL_LEVELS]
    of_levels = [rank for (_, level), (rank, _) in best.items() if level != ALL_LEVELS]
    if of_all and of_levels:
        whole = max(of_all) >= max(of_levels)
        best = {name: row for name, row in best.items() if (name[1] == ALL_LEVELS) is whole}
    return [
        GoalReported(part, level, row["period"], row["value"], row["total"], _origin(row))
        for (part, level), (_, row) in sorted(best.items())
    ]


def listed(
    connection: Connection,
    *,
    agency: str | None = None,
    plan: str | None = None,
    key: str | None = None,
    period: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[dict[str, Any]], int]:
    """A page of what was told, the newest period first, and the size of the list: counts of agencies, or of goals."""
    table = period_count if plan is None else goal_count
    conditions = [table.c.replaced == FOREVER]
    for name, wanted in (("agency", agency), ("plan", plan), ("key", key), ("period", period)):
        if wanted is not None and name in table.c:
            conditions.append(table.c[name] == wanted)
    total = connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0
    query = select(table).where(*conditions).order_by(table.c.last.desc(), table.c.id).limit(limit).offset(offset)
    rows = []
    for row in connection.execute(query).mappings():
        told = {name: row[name] for name in row if name not in ("id", "first", "last", "proof", "replaced", "recorded")}
        rows.append(told | {"measured": row["proof"] == int(Proof.MEASURED), "recorded": moment(row["recorded"])})
    return rows, total
