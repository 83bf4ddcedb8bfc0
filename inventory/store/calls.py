"""Calls of video-conference devices, and the meetings of calendars: kept without any person in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from inventory.meetings import Meeting, Room, join_spans, names_of
from inventory.spans import Span
from inventory.store import facts
from inventory.store.tables import FACTS, asset, call, call_span, meeting
from inventory.text import storable
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import CallHistory, Fact

ROLES = ("vc_endpoint", "mcu")
"""The assets in which meetings are held."""
KEEP = timedelta(days=800)
"""How long calls and meetings are kept: the year before the last can be asked for to its end."""
SHOWN = frozenset(
    {"role", "agency", "sysname", "location", "address", "serial", "vendor", "model", "version", "answering",
     "sip_answering", "h323_answering", "registered", "calls", "call_history_read"}
)  # fmt: skip
"""The facts that are told of a room."""
_TITLES = ("sysname", "location", "address")
_CHUNK = 400


def record(connection: Connection, number: int, source: str, history: CallHistory, at: datetime) -> None:
    """Keep the calls that a device listed at `at`; those that are known already stay one row each."""
    _extend(connection, number, source, history, instant(at))
    if not history.calls:
        return
    c = call.c
    first = min(instant(one.begin) for one in history.calls)
    known = {
        (row.begin, row.key): row
        for row in connection.execute(
            select(call).where(c.asset == number, c.source == source, c.begin >= first)
        )
    }  # fmt: skip
    new: dict[tuple[int, str], dict[str, object]] = {}
    for one in history.calls:
        name = (instant(one.begin), storable(one.key))
        end = instant(one.end)
        if name not in known:
            new[name] = {
                "asset": number, "source": source, "begin": name[0], "key": name[1], "end": end,
                "direction": one.direction, "remote": storable(one.remote), "protocol": storable(one.protocol),
            }  # fmt: skip
        elif known[name].end != end:
            # It went on when it was listed before.
            same = (c.asset == number, c.source == source, c.begin == name[0], c.key == name[1])
            connection.execute(update(call).where(*same).values(end=end))
    if new:
        connection.execute(insert(call), list(new.values()))


def _extend(connection: Connection, number: int, source: str, history: CallHistory, at: int) -> None:
    """Note from when to when all calls are known: the time before is joined with where nothing was lost since.

    A history that lists none of the calls that were known of that time was cleared: what was between is lost.
    """
    c = call_span.c
    since = min(instant(history.since), at)
    query = select(call_span).where(c.asset == number, c.source == source).order_by(c.until.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    if last is not None and (
        since <= last.until or (history.whole and not _has_calls(connection, number, source, last))
    ):
        if at > last.until:
            same = (c.asset == number, c.source == source, c.since == last.since)
            connection.execute(update(call_span).where(*same).values(until=at))
        return
    row = {"asset": number, "source": source, "since": since, "until": at}
    connection.execute(insert(call_span), [row])


def _has_calls(connection: Connection, number: int, source: str, span: Row[Any]) -> bool:
    """Whether a call is kept that began in a time of which all are known."""
    c = call.c
    query = select(c.begin).where(c.asset == number, c.source == source, c.begin.between(span.since, span.until))
    return connection.execute(query.limit(1)).first() is not None


def rooms(connection: Connection, vocabulary: Vocabulary, at: datetime, since: datetime) -> list[Room]:
    """Every room as it is known at `at`, with its calls that ended from `since` on."""
    return rooms_with_facts(connection, vocabulary, at, since)[0]


def rooms_with_facts(
    connection: Connection, vocabulary: Vocabulary, at: datetime, since: datetime
) -> tuple[list[Room], dict[int, dict[str, Fact]]]:
    """As `rooms`, and by asset the facts that are taken of each."""
    t = FACTS["asset"]
    query = select(asset.c.root).join(t, t.c.subject == asset.c.id)
    candidates = connection.scalars(query.where(t.c.key == "role", t.c.value.in_(ROLES)).distinct())
    said = facts.read(connection, vocabulary, "asset", sorted(map(int, candidates)), at, SHOWN)
    taken = {int(number): facts.take(vocabulary, own, at) for number, own in said.items()}
    found = {n: own for n, own in taken.items() if "agency" in own and "role" in own and own["role"].value in ROLES}
    calls, known = _spans(connection, found, since)
    made = [
        Room(
            number,
            str(own["agency"].value),
            next((str(own[key].value) for key in _TITLES if key in own), ""),
            frozenset(names_of({key: own[key].value for key in own}, number)),
            calls.get(number, ()),
            known.get(number, ()),
        )
        for number, own in sorted(found.items())
    ]
    return made, found


def _spans(
    connection: Connection, numbers: Collection[int], since: datetime
) -> tuple[Mapping[int, tuple[Span, ...]], Mapping[int, tuple[Span, ...]]]:
    """The calls of each asset, each once however many sources tell of it, and the times of which all are known."""
    calls: dict[int, list[Span]] = {}
    known: dict[int, list[Span]] = {}
    names = sorted(numbers)
    for start in range(0, len(names), _CHUNK):
        own = asset.c.root.in_(names[start : start + _CHUNK])
        ended = select(asset.c.root, call.c.begin, call.c.end).join(call, call.c.asset == asset.c.id)
        for root, begin, end in connection.execute(ended.where(own, call.c.end >= instant(since)).distinct()):
            calls.setdefault(int(root), []).append(Span(moment(begin), moment(end)))
        heard = select(asset.c.root, call_span.c.since, call_span.c.until).join(
            call_span, call_span.c.asset == asset.c.id
        )
        for root, begin, end in connection.execute(heard.where(own)):
            known.setdefault(int(root), []).append(Span(moment(begin), moment(end)))
    return (
        {number: tuple(sorted(spans, key=lambda span: (span.begin, span.end))) for number, spans in calls.items()},
        {number: join_spans(spans) for number, spans in known.items()},
    )


def last_calls(connection: Connection, at: datetime) -> dict[int, datetime]:
    """When the last call of each asset up to `at` began, by its root."""
    query = select(asset.c.root, func.max(call.c.begin)).join(call, call.c.asset == asset.c.id)
    query = query.where(call.c.begin <= instant(at)).group_by(asset.c.root)
    return {int(root): moment(begin) for root, begin in connection.execute(query)}


# --- meetings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declared:
    """A meeting as a calendar tells it, under the hash of its own id."""

    uid: str
    meeting: Meeting


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of a calendar that was imported."""

    meetings: int
    new: int
    changed: int
    removed: int
    """Meetings that the same calendar had before and no longer has."""


def replace_calendar(
    connection: Connection,
    calendar: str,
    days: Span | None,
    given: Sequence[Declared],
    now: datetime,
    *,
    wholes: Collection[str] = (),
    gone: Collection[tuple[str, datetime]] = (),
    dry: bool = False,
) -> Replaced:
    """Put what a calendar says of some days in place of what it said of them before.

    Args:
        days: of which the file tells; what stood there and is not in it was cancelled or moved.
        wholes: the ids of which all stands in the file: one that was moved out of its days, or cancelled, is gone too.
        gone: ids and begins of repetitions that the file says were moved or cancelled.
        dry: only tell what would come of it.
    """
    c = meeting.c
    first, last = (instant(days.begin), instant(days.end)) if days is not None else (0, -1)
    cancelled = {(uid, instant(begin)) for uid, begin in gone}
    stood = {
        (row.uid, row.begin): row
        for row in connection.execute(select(meeting).where(c.calendar == calendar))
        if first <= row.begin <= last or row.uid in wholes or (row.uid, row.begin) in cancelled
    }
    rows = {
        (one.uid, instant(one.meeting.span.begin)): {
            "calendar": calendar, "uid": one.uid, "begin": instant(one.meeting.span.begin),
            "end": instant(one.meeting.span.end), "agency": one.meeting.agency, "room": storable(one.meeting.room),
            "online": one.meeting.online,
        }
        for one in given
    }  # fmt: skip
    fields = ("end", "agency", "room", "online")
    changed = [n for n, row in rows.items() if n in stood and any(getattr(stood[n], f) != row[f] for f in fields)]
    new = [name for name in rows if name not in stood]
    removed = [name for name in stood if name not in rows]
    if not dry:
        for uid, begin in (*changed, *removed):
            connection.execute(delete(meeting).where(c.calendar == calendar, c.uid == uid, c.begin == begin))
        if new or changed:
            connection.execute(insert(meeting), [rows[n] | {"recorded": instant(now)} for n in (*new, *changed)])
    return Replaced(len(rows), len(new), len(changed), len(removed))


def meetings(connection: Connection, period: Span) -> list[Meeting]:
    """The meetings of all calendars that go on in a period, the earliest first."""
    c = meeting.c
    query = (
        select(meeting)
        .where(c.begin <= instant(period.end), c.end >= instant(period.begin))
        .order_by(c.begin, c.calendar, c.uid)
    )
    return [
        Meeting(Span(moment(row.begin), moment(row.end)), row.agency, row.room, row.online)
        for row in connection.execute(query)
    ]


def changed(connection: Connection, period: Span) -> dict[str, datetime]:
    """When the newest word came on a meeting that begins in a period, by agency; what was cancelled left no word."""
    c = meeting.c
    query = select(c.agency, func.max(c.recorded)).where(
        c.begin > instant(period.begin), c.begin <= instant(period.end)
    )  # fmt: skip
    return {agency: moment(recorded) for agency, recorded in connection.execute(query.group_by(c.agency))}


def prune(connection: Connection, now: datetime) -> int:
    """Forget calls and meetings that ended longer than `KEEP` ago; how many."""
    before = instant(now - KEEP)
    return sum(
        connection.execute(delete(table).where(table.c.end < before)).rowcount for table in (call, meeting)
    )  # fmt: skip
