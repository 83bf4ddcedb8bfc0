"""Joins declared meetings with the calls of rooms: which were held online, which not, which nobody knows. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory.text import fold

LEAST = timedelta(minutes=5)
"""How long a call has to go on during a meeting for it to be held online."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, such as a call."""

    begin: datetime
    end: datetime

    def common(self, other: Span) -> timedelta:
        """How long both go on at once."""
        return max(min(self.end, other.end) - max(self.begin, other.begin), timedelta())


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


def judge(meeting: Meeting, rooms: Sequence[Room], least: timedelta = LEAST) -> Held:
    """Whether a meeting was held online, by the calls of the rooms in which it may have been.

    A meeting shorter than `least` has to be a call from begin to end.
    """
    needed = min(least, meeting.span.end - meeting.span.begin)
    calls = [call for room in rooms for call in room.calls]
    if _covered(meeting.span, calls) >= needed:
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
    """What each agency with a room or a meeting has in a period, by agency and room.

    A meeting and a call belong to the period in which they begin. A meeting that could not be held online is counted
    nowhere, though a call during it is no call without a meeting.
    """
    by_agency: dict[str, dict[int | None, Sum]] = {}
    own: dict[str, list[Room]] = {}
    for each in rooms:
        own.setdefault(each.agency, []).append(each)
        calls = [call for call in each.calls if period.begin < call.begin <= period.end]
        spans = [meeting.span for meeting in meetings if meeting.agency == each.agency]
        by_agency.setdefault(each.agency, {})[each.asset] = Sum(
            each.agency,
            each,
            calls=len(calls),
            seconds=sum((call.end - call.begin).total_seconds() for call in calls),
            calls_alone=_alone(calls, spans, least),
            whole=each.knows(period),
        )
    for meeting in meetings:
        if meeting.online is False or not period.begin < meeting.span.begin <= period.end:
            continue
        mine = own.get(meeting.agency, [])
        room = find_room(mine, meeting.room)
        sums = by_agency.setdefault(meeting.agency, {})
        told = sums.setdefault(room.asset if room else None, Sum(meeting.agency, room))
        held = judge(meeting, [room] if room else mine, least)
        told.meetings += 1
        told.online += held is Held.ONLINE
        told.unknown += held is Held.UNKNOWN
    return [AgencySum(code, tuple(sums.values())) for code, sums in sorted(by_agency.items())]


def _alone(calls: Sequence[Span], meetings: Sequence[Span], least: timedelta) -> int:
    """How many calls go on during no meeting."""
    return sum(
        not any(call.common(span) >= min(least, call.end - call.begin, span.end - span.begin) for span in meetings)
        for call in calls
    )


def join_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with those that touch made one, the earliest first."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.begin):
        if joined and span.begin <= joined[-1].end:
            joined[-1] = Span(joined[-1].begin, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def names_of(values: Mapping[str, object], number: int) -> Collection[str]:
    """By which names a calendar may mean an asset: its name, place, address, serial number and number, folded."""
    told = (values.get(key) for key in ("sysname", "location", "address", "serial"))
    return frozenset(fold(str(text)) for text in (*told, number) if text)
