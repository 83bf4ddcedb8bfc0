"""Joins declared meetings with the calls of rooms: which were held online, which not, which nobody knows. Pure."""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate

from inventory.spans import Span, joined
from inventory.text import fold

LEAST = timedelta(minutes=5)
"""How long a call has to go on during a meeting for it to be held online."""


@dataclass(frozen=True, slots=True)
class Room:
    """A device in which meetings are held, what it is called, and what is known of its calls."""

    asset: int
    agency: str
    title: str
    names: frozenset[str] = frozenset()
    """Its names, address and number, folded (`inventory.text.fold`): by one of them a calendar means it."""
    calls: tuple[Span, ...] = ()
    known: tuple[Span, ...] = ()
    """The times of which all its calls are known."""

    def knows(self, span: Span) -> bool:
        """Whether all of its calls during `span` are known."""
        return any(known.begin <= span.begin and span.end <= known.end for known in self.known)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting that a calendar declares."""

    span: Span
    agency: str
    room: str = ""
    """As the calendar names it; empty where it names none."""
    online: bool | None = None
    """Whether it was to be held online; False: it could not be, and is not counted."""


class Held(enum.Enum):
    """Whether a meeting was held online."""

    ONLINE = "online"
    NOT_ONLINE = "not_online"
    UNKNOWN = "unknown"
    """No call is known, and not all calls are: looking and finding nothing is not the same as not looking."""


@dataclass(slots=True)
class Sum:
    """What is counted of one room, or of meetings in no known room, in a period."""

    agency: str
    room: Room | None
    meetings: int = 0
    online: int = 0
    unknown: int = 0
    """Meetings of which it is not known whether they were held online."""
    calls: int = 0
    seconds: float = 0
    """How long the calls took, together."""
    calls_alone: int = 0
    """Calls during no meeting."""
    whole: bool = False
    """Whether all calls of the room in the period are known."""

    @property
    def not_online(self) -> int:
        """Meetings that were held without a call."""
        return self.meetings - self.online - self.unknown


@dataclass(frozen=True, slots=True)
class AgencySum:
    """The meetings of one agency in a period, and its rooms'."""

    agency: str
    rooms: tuple[Sum, ...] = field(default_factory=tuple)

    @property
    def meetings(self) -> int:
        """Meetings that could be held online."""
        return sum(each.meetings for each in self.rooms)

    @property
    def online(self) -> int:
        """Meetings that were."""
        return sum(each.online for each in self.rooms)

    @property
    def unknown(self) -> int:
        """Meetings of which nobody knows."""
        return sum(each.unknown for each in self.rooms)


def find_room(rooms: Iterable[Room], name: str) -> Room | None:
    """The one room that a calendar's words mean; None where there is none, or more than one."""
    wanted = fold(name)
    found = [room for room in rooms if wanted and wanted in room.names]
    return found[0] if len(found) == 1 else None


class _Ordered:
    """Spans in order, of which those that overlap with another are found without a look at all."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans, key=lambda span: span.begin)
        self._begins = [span.begin for span in self._spans]
        self._latest = list(accumulate((span.end for span in self._spans), max))
        """The latest end up to each."""

    def during(self, span: Span) -> list[Span]:
        """Those that go on at some time of a span, the earliest first."""
        first, last = bisect_right(self._latest, span.begin), bisect_left(self._begins, span.end)
        return [own for own in self._spans[first:last] if own.end > span.begin]


def judge(meeting: Meeting, rooms: Sequence[Room], least: timedelta = LEAST) -> Held:
    """Whether a meeting was held online, by the calls of the rooms in which it may have been.

    A meeting shorter than `least` has to be a call from begin to end.
    """
    return _judge(meeting, rooms, [_Ordered(room.calls) for room in rooms], least)


def _judge(meeting: Meeting, rooms: Sequence[Room], calls: Iterable[_Ordered], least: timedelta) -> Held:
    needed = min(least, meeting.span.end - meeting.span.begin)
    if _covered(meeting.span, [call for own in calls for call in own.during(meeting.span)]) >= needed:
        return Held.ONLINE
    return Held.NOT_ONLINE if rooms and all(room.knows(meeting.span) for room in rooms) else Held.UNKNOWN


def _covered(span: Span, calls: Iterable[Span]) -> timedelta:
    """For how much of `span` at least one of the calls goes on."""
    total, reached = timedelta(), span.begin
    for call in sorted(calls, key=lambda call: call.begin):
        begin, end = max(call.begin, reached), min(call.end, span.end)
        if end > begin:
            total, reached = total + (end - begin), end
    return total


def count(
    rooms: Sequence[Room], meetings: Sequence[Meeting], period: Span, least: timedelta = LEAST
) -> list[AgencySum]:
    """What each agency with a room or a meeting has in a period: `count_each` of one."""
    return count_each(rooms, meetings, [period], least)[0]


def count_each(
    rooms: Sequence[Room], meetings: Sequence[Meeting], periods: Sequence[Span], least: timedelta = LEAST
) -> list[list[AgencySum]]:
    """What each agency with a room or a meeting has in each period, by agency and room.

    A meeting and a call belong to the period in which they begin. A meeting that could not be held online is counted
    nowhere, though a call during it is no call without a meeting.
    """
    counting = _Counting(rooms, meetings, least)
    return [counting.count(period) for period in periods]


class _Counting:
    """Rooms and meetings laid out by agency: asked of many periods they are put in order once."""

    def __init__(self, rooms: Sequence[Room], meetings: Sequence[Meeting], least: timedelta) -> None:
        self._rooms, self._least = rooms, least
        self._own: dict[str, list[Room]] = {}
        for room in rooms:
            self._own.setdefault(room.agency, []).append(room)
        self._calls = {room.asset: _Ordered(room.calls) for room in rooms}
        spans: dict[str, list[Span]] = {}
        for meeting in meetings:
            spans.setdefault(meeting.agency, []).append(meeting.span)
        self._spans = {agency: _Ordered(own) for agency, own in spans.items()}
        self._meetings = sorted(meetings, key=lambda meeting: meeting.span.begin)
        self._begins = [meeting.span.begin for meeting in self._meetings]

    def count(self, period: Span) -> list[AgencySum]:
        """What each agency has in a period."""
        by_agency: dict[str, dict[int | None, Sum]] = {}
        for each in self._rooms:
            by_agency.setdefault(each.agency, {})[each.asset] = self._sum(each, period)
        first, last = (bisect_right(self._begins, at) for at in (period.begin, period.end))
        for meeting in self._meetings[first:last]:
            if meeting.online is False:
                continue
            mine = self._own.get(meeting.agency, [])
            room = find_room(mine, meeting.room)
            asked = [room] if room else mine
            sums = by_agency.setdefault(meeting.agency, {})
            told = sums.setdefault(room.asset if room else None, Sum(meeting.agency, room))
            held = _judge(meeting, asked, [self._calls[each.asset] for each in asked], self._least)
            told.meetings += 1
            told.online += held is Held.ONLINE
            told.unknown += held is Held.UNKNOWN
        return [AgencySum(code, tuple(sums.values())) for code, sums in sorted(by_agency.items())]

    def _sum(self, room: Room, period: Span) -> Sum:
        """What is counted of a room without its meetings."""
        calls = [call for call in room.calls if period.begin < call.begin <= period.end]
        seconds = sum((call.end - call.begin).total_seconds() for call in calls)
        alone = sum(self._is_alone(call, room.agency) for call in calls)
        return Sum(
            room.agency, room, calls=len(calls), seconds=seconds, calls_alone=alone, whole=room.knows(period)
        )  # fmt: skip

    def _is_alone(self, call: Span, agency: str) -> bool:
        """Whether a call goes on during no meeting of an agency."""
        meetings = self._spans.get(agency)
        length = call.end - call.begin
        return meetings is None or not any(
            call.common(span) >= min(self._least, length, span.end - span.begin) for span in meetings.during(call)
        )


def join_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with those that touch made one, the earliest first."""
    return tuple(Span(*both) for both in joined((span.begin, span.end) for span in spans))


def names_of(values: Mapping[str, object], number: int) -> Collection[str]:
    """By which names a calendar may mean an asset: its name, place, address, serial number and number, folded."""
    told = (values.get(key) for key in ("sysname", "location", "address", "serial"))
    return frozenset(fold(str(text)) for text in (*told, number) if text)
