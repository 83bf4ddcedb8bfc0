"""The page of video conference: every room with its state and calls, and the share of meetings held online by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from api.contents import Asked, Told
from inventory.meetings import AgencySum, Sum, count_each
from inventory.periods import ZONE, Period, last_months
from inventory.spans import Span
from inventory.store import Connection, calls, registers
from inventory.words import Fact

MONTHS = 12
"""Months of which the share of meetings held online is told, this one among them."""


@dataclass(frozen=True, slots=True)
class RoomRow:
    """One room as the page shows it."""

    asset: int
    title: str
    agency: str
    facts: Mapping[str, Fact]
    """What is taken of it now, by key."""
    month: Sum
    """Its meetings and calls of this month."""
    last_call: datetime | None

    def value(self, key: str) -> object:
        """The value of a fact; None where it is not known."""
        return self.facts[key].value if key in self.facts else None


@dataclass(frozen=True, slots=True)
class Month:
    """The meetings of a month."""

    period: Period
    meetings: int
    online: int
    unknown: int
    calls: int
    seconds: float

    @property
    def proven(self) -> float | None:
        """The share that is known to have been held online."""
        return self.online / self.meetings if self.meetings else None

    @property
    def possible(self) -> float | None:
        """The share if all of which nobody knows were."""
        return (self.online + self.unknown) / self.meetings if self.meetings else None

    target: ClassVar[None] = None
    """A plan sets a share for a year, and none for a month: the bar has no mark."""


def tell_video(connection: Connection, asked: Asked) -> Told:
    """The rooms of all agencies, or of the one that is asked for, and their meetings by month."""
    at, vocabulary = asked.snapshot.at, asked.workspace.vocabulary
    months = last_months(at, MONTHS)
    since = months[-1].begin
    rooms, taken = calls.rooms_with_facts(connection, vocabulary, at, since)
    meetings = calls.meetings(connection, Span(since, at))
    least = timedelta(minutes=asked.workspace.config.meeting_minutes)
    agency = asked.place.query.get("agency") or None
    day = at.astimezone(ZONE).date()
    declared = registers.load(connection).agencies
    names = {a.code: a for a in sorted(declared, key=lambda a: (a.valid_on(day), a.valid_from))}
    ranks = {level.code: level.rank for level in asked.snapshot.levels}
    shown = [room for room in rooms if agency is None or room.agency == agency]
    rank = {code: ranks.get(agency.level, len(ranks)) for code, agency in names.items()}
    shown.sort(key=lambda room: (rank.get(room.agency, len(ranks)), room.agency, room.title, room.asset))
    counted = count_each(shown, meetings, [Span(period.begin, period.end) for period in months], least)
    month = {each.room.asset: each for one in counted[0] for each in one.rooms if each.room is not None}
    last = calls.last_calls(connection, at)
    valid = {a.code for a in asked.snapshot.agencies}
    return {
        "rooms": [
            RoomRow(room.asset, room.title, room.agency, taken[room.asset], month[room.asset], last.get(room.asset))
            for room in shown
        ],
        "months": [
            told for period, sums in zip(months, counted, strict=True)
            if (told := _month(period, [one for one in sums if agency is None or one.agency == agency])).meetings
            or told.calls
        ],
        "period": months[0],
        "least": least,
        "agency": agency,
        "names": names,
        "choices": [a for a in names.values() if a.code in valid and any(r.agency == a.code for r in rooms)],
    }  # fmt: skip


def _month(period: Period, told: Sequence[AgencySum]) -> Month:
    sums = [each for one in told for each in one.rooms]
    return Month(
        period,
        sum(one.meetings for one in told),
        sum(one.online for one in told),
        sum(one.unknown for one in told),
        sum(each.calls for each in sums),
        sum(each.seconds for each in sums),
    )
