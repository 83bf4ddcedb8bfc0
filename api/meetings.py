"""Meetings and calls: importing a calendar, what was held online in a period, and the counts that follow for plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api import counting
from api.calendars import Entry, read_calendar
from api.workspace import Workspace
from inventory.meetings import AgencySum, Room, count, find_room
from inventory.periods import Period, last_months
from inventory.refusing import all_of, amiss, an_agency, within
from inventory.spans import Span
from inventory.store import Connection, calls, period_counts, registers
from inventory.store.calls import Declared
from inventory.store.counts_told import Taken
from inventory.store.period_counts import Counted, Origin
from inventory.vocabulary import Vocabulary
from inventory.words import InputError, Title

SOURCE = "meetings"
"""The source of the counts: measured, because the calls are; what a person declares stands beside it."""
KEYS = ("meetings", "meetings_online")
MONTHS_BACK = 3
"""Of how many months that ended the counts are kept up to date: calls are read late, calendars are mended."""
COLUMNS = (
    *("agency", "room", "meetings", "online", "meetings_without_call", "unknown", "calls", "minutes"),
    *("calls_without_meeting", "history_whole"),
)
"""What is told of a room in a period."""
_SHOWN = 20


async def import_calendar(
    workspace: Workspace, path: Path, *, calendar: str | None = None, agency: str | None = None, dry: bool = False
) -> dict[str, Any]:
    """Import the meetings of a file, whole or not at all; of the file's days it replaces what the calendar said before.

    Args:
        calendar: its name (default: the file's, within the agency), by which it is replaced when it is read again.
        agency: whose meetings they are, where they neither say so nor name a known room.

    Raises:
        InputError: the file cannot be read, or a meeting is of nobody that is known; with every problem.
    """
    now = datetime.now(UTC)
    read = read_calendar(path)
    codes = {a.code for a in (await workspace.store.read(registers.load)).agencies}
    if agency is not None and agency not in codes:
        raise InputError(amiss(Title.same("--agency"), f"{agency!r}", an_agency(agency, codes)))
    rooms = await workspace.store.read(calls.rooms, workspace.vocabulary, now, now)
    problems: list[Title] = []
    given = [
        Declared(entry.uid, entry.of(owner))
        for entry in read.entries
        if (owner := _owner(entry, agency, codes, rooms, problems))
    ]
    if problems:
        raise InputError(all_of(problems, _SHOWN))
    name = calendar or "/".join(part for part in (agency, path.stem) if part)
    do = workspace.store.read if dry else workspace.store.write
    done = await do(calls.replace_calendar, name, read.days, given, now, wholes=read.wholes, gone=read.gone, dry=dry)
    unknown = sorted({one.meeting.room for one in given if one.meeting.room and not find_room(rooms, one.meeting.room)})
    return {
        "calendar": name, "meetings": done.meetings, "new": done.new, "changed": done.changed,
        "removed": done.removed, "left_out": read.left_out, "unknown_rooms": unknown, "dry_run": dry,
    }  # fmt: skip


def _owner(
    entry: Entry, agency: str | None, codes: set[str], rooms: Sequence[Room], problems: list[Title]
) -> str | None:
    """Whose meeting it is: as it says, else whose room it is in, else the agency of the file."""
    if entry.agency:
        if entry.agency in codes:
            return entry.agency
        expected = an_agency(entry.agency, codes)
        problems.append(amiss(within(entry.place, "agency"), f"{entry.agency[:60]!r}", expected))
        return None
    room = find_room(rooms, entry.room)
    if agency is not None or room is not None:
        return agency or (room.agency if room else None)
    problems.append(
        amiss(
            within(entry.place, "room"),
            f"{entry.room[:60]!r}",
            Title(
                "tên, nơi đặt, địa chỉ hoặc số gọi của một phòng đã biết; hoặc nêu --agency",
                "the name, place, address or number of one known room; or give --agency",
            ),
        )
    )
    return None


@dataclass(frozen=True, slots=True)
class Meetings:
    """What was held in a period."""

    period: Period
    agencies: tuple[AgencySum, ...]
    least: timedelta
    """How long a call had to go on."""
    at: datetime

    @property
    def ended(self) -> bool:
        """Whether the period is over."""
        return self.period.end <= self.at


def tell(
    connection: Connection, vocabulary: Vocabulary, periods: Sequence[Period], least: timedelta, at: datetime
) -> list[Meetings]:
    """The meetings and calls of each period by agency and room, as they are known at `at`."""
    spans = [Span(period.begin, period.end) for period in periods]
    rooms = calls.rooms(connection, vocabulary, at, min(span.begin for span in spans))
    return [
        Meetings(period, tuple(count(rooms, calls.meetings(connection, span), span, least)), least, at)
        for period, span in zip(periods, spans, strict=True)
    ]


async def read_meetings(workspace: Workspace, periods: Sequence[Period], now: datetime) -> list[Meetings]:
    """As `tell`, with the threshold of the configuration."""
    least = timedelta(minutes=workspace.config.meeting_minutes)
    return await workspace.store.read(tell, workspace.vocabulary, periods, least, now)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the counts of the last months."""

    counts: int = 0
    """How many are new or corrected."""
    withdrawn: int = 0
    """How many no longer count, for the calendar was changed and no longer says so."""


async def record_months(workspace: Workspace, now: datetime) -> Kept:
    """Keep what was counted of the last months that ended, agency by agency.

    Only where it is known of every meeting whether it was held online. Where a changed calendar makes that unknown, or
    leaves no meeting, what was counted by the former one is withdrawn; where only the room or its calls can no longer
    be asked it was measured all the same. What people declared of the same month is not touched: both are told, and
    the measured number is taken before the declared one.
    """
    months = last_months(now, MONTHS_BACK + 1)[1:]
    stood = await workspace.store.read(period_counts.told_by, SOURCE, KEYS, [month.text for month in months])
    # Most provinces have no calendar, and this is asked after each round.
    if not stood and not await workspace.store.read(calls.meetings, Span(months[-1].begin, months[0].end)):
        return Kept()
    rows: list[Counted] = []
    gone: list[tuple[str, str]] = []
    agencies = (await workspace.store.read(registers.load)).agencies
    for month in await read_meetings(workspace, months, now):
        period, told = month.period, {one.agency: one for one in month.agencies}
        there = {agency.code for agency in agencies if period_counts.was_there(agency, period)}
        changed = await workspace.store.read(calls.changed, Span(period.begin, period.end))
        for code in sorted(told.keys() | {code for code, text in stood if text == period.text}):
            one, before = told.get(code, AgencySum(code)), stood.get((code, period.text))
            if one.meetings and not one.unknown and code in there:
                rows += _counts(one, period.text)
            elif before and (
                one.meetings != before.values.get("meetings") or (code in changed and changed[code] > before.recorded)
            ):
                gone.append((code, period.text))
    taken = await counting.take_in(workspace, rows, now, dry=False) if rows else Taken()
    withdrawn = await workspace.store.write(period_counts.withdraw, SOURCE, KEYS, gone, now) if gone else 0
    return Kept(taken.new + taken.corrected, withdrawn)


def _counts(told: AgencySum, month: str) -> list[Counted]:
    place, numbers = f"{told.agency}, {month}", (told.meetings, told.online)
    return [Counted(place, told.agency, key, month, n, Origin(SOURCE)) for key, n in zip(KEYS, numbers, strict=True)]


def meetings_object(told: Meetings) -> dict[str, Any]:
    """A period's meetings as JSON tells them; shares are None where no meeting is counted."""
    return {
        "period": told.period.text,
        "ended": told.ended,
        "least_minutes": told.least.total_seconds() / 60,
        "agencies": [
            {
                "agency": one.agency, "meetings": one.meetings, "online": one.online, "unknown": one.unknown,
                "share_online": one.online / one.meetings if one.meetings else None,
                "rooms": [
                    {
                        "asset": each.room.asset if each.room else None,
                        "room": each.room.title if each.room else None,
                        "meetings": each.meetings, "online": each.online, "unknown": each.unknown,
                        "meetings_without_call": each.not_online, "calls": each.calls,
                        "minutes": round(each.seconds / 60, 1), "calls_without_meeting": each.calls_alone,
                        "history_whole": each.whole,
                    }
                    for each in one.rooms
                ],
            }
            for one in told.agencies
        ],
    }  # fmt: skip
