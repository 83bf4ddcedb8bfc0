"""What agencies and applications count in periods, and what is told of goals as a whole: kept with who said so.

A system that sends a number measures it. A person who writes one down declares it, in a document with a number, a
signer and a date. Of the same source a newer number of the same period replaces the former one, which is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from inventory.periods import ZONE, Period, read_period
from inventory.shares import Reported
from inventory.store import revisions
from inventory.store.tables import FOREVER, goal_count, period_count
from inventory.vocabulary import STOCK_AGE, instant, moment
from inventory.words import ALL_LEVELS, Agency, Fact, Proof, Title

__all__ = [
    "DECLARED",
    "Counted",
    "GoalCounted",
    "GoalReported",
    "Origin",
    "Told",
    "facts_of",
    "goal_reported",
    "listed",
    "newest_counts",
    "reported",
    "told_by",
    "was_there",
    "withdraw",
]  # fmt: skip

DECLARED = "declared"
"""The source of what a person wrote down."""
DECLARED_AGE = timedelta(days=400)
"""How long what was told of a goal as a whole stands: a year, and the time to tell it anew."""


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

    place: Title | str
    """Where it stood, such as "row 5": problems begin with it."""
    agency: str
    key: str
    period: str
    value: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class GoalCounted:
    """So many of so many, told of a goal as a whole, of one of its parts (from 1), or at one level."""

    place: Title | str
    plan: str
    goal: str
    period: str
    value: object
    total: object
    origin: Origin
    part: int = 0
    level: str = ALL_LEVELS


def was_there(agency: Agency, period: Period) -> bool:
    """Whether there was an agency on a day of a period."""
    return agency.valid_from <= period.last and (agency.valid_to is None or agency.valid_to >= period.first)


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
