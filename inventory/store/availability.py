"""The availability of lines over a span of time, from what was recorded of their states and maintenance windows."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, select

from inventory.availability import Availability, Said, add_up, stretches
from inventory.periods import ZONE
from inventory.spans import Stretch, joined
from inventory.store import maintenance, registers
from inventory.store.tables import FACTS
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import Link, Maintenance, Register

__all__ = ["STATE", "availability", "by_day", "month_of", "timeline", "windows_of"]

STATE = "link_state"
_CHUNK = 400


def month_of(at: datetime) -> datetime:
    """The first instant of the month of an instant, in Vietnam."""
    return at.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def availability(
    connection: Connection,
    vocabulary: Vocabulary,
    register: Register,
    begin: datetime,
    end: datetime,
    codes: Collection[str] | None = None,
) -> dict[str, Availability]:
    """How long each line of the register was in which state from `begin` up to `end`.

    Exact to the millisecond, and what a judgement as of any instant in between would say: a state counts until another
    is said, and no longer than its maximum age. Times before a line's first day and after its last are in no figure.

    Args:
        codes: of these lines only.
    """
    links = {v.code: v for v in register.links if codes is None or v.code in codes}
    said, spared = _read(connection, links, begin, end), _spared(connection, register, links.values(), begin)
    age = _age(vocabulary)
    return {
        code: add_up(said.get(code, ()), age, instant(begin), instant(end), spared.get(code, ()), _valid(link))
        for code, link in links.items()
    }


def by_day(
    connection: Connection,
    vocabulary: Vocabulary,
    register: Register,
    link: Link,
    first: date,
    last: date,
    until: datetime,
) -> dict[date, Availability]:
    """The same of one line for each day of Vietnam, up to `until`."""
    begin, end = _midnight(first), min(_midnight(last + timedelta(days=1)), until)
    said = _read(connection, {link.code: link}, begin, end).get(link.code, [])
    spared = _spared(connection, register, [link], begin).get(link.code, [])
    days, found = (last - first).days + 1, {}
    for day in (first + timedelta(days=n) for n in range(days)):
        span = instant(_midnight(day)), min(instant(_midnight(day + timedelta(days=1))), instant(end))
        # Most days need few of the rows of a year.
        own = [row for row in said if row.first < span[1] and row.until > span[0]]
        found[day] = add_up(own, _age(vocabulary), *span, spared, _valid(link))
    return found


def timeline(
    connection: Connection, vocabulary: Vocabulary, register: Register, link: Link, begin: datetime, end: datetime
) -> list[tuple[datetime, datetime, str]]:
    """What one line was from when to when, with "unknown" and "maintenance" among the states."""
    said = _read(connection, {link.code: link}, begin, end).get(link.code, [])
    spared = joined(_spared(connection, register, [link], begin).get(link.code, []))
    pieces: list[tuple[int, int, str]] = []
    for start, stop, state in stretches(said, _age(vocabulary), instant(begin), instant(end)):
        at = start
        for first, last in (span for span in spared if span[0] < stop and span[1] > start):
            pieces.append((at, first, state or "unknown"))
            pieces.append((max(first, start), min(last, stop), "maintenance"))
            at = min(last, stop)
        pieces.append((at, stop, state or "unknown"))
    found: list[tuple[datetime, datetime, str]] = []
    for a, b, state in (piece for piece in pieces if piece[0] < piece[1]):
        if found and found[-1][2] == state:
            found[-1] = (found[-1][0], moment(b), state)
        else:
            found.append((moment(a), moment(b), state))
    return found


def _age(vocabulary: Vocabulary) -> int:
    return int(vocabulary.max_age(STATE).total_seconds() * 1000)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE)


def _valid(link: Link) -> Stretch:
    begin = 0 if link.valid_from.year < 1970 else instant(_midnight(link.valid_from))
    if link.valid_to is None or link.valid_to.year > 9000:
        return begin, 10**15
    return begin, instant(_midnight(link.valid_to + timedelta(days=1)))


def _read(connection: Connection, codes: Collection[str], begin: datetime, end: datetime) -> dict[str, list[Said]]:
    t, names = FACTS["link"], sorted(codes)
    found: dict[str, list[Said]] = {}
    for start in range(0, len(names), _CHUNK):
        query = select(t.c.subject, t.c.first, t.c.last, t.c.until, t.c.value, t.c.proof, t.c.source).where(
            t.c.subject.in_(names[start : start + _CHUNK]), t.c.key == STATE, t.c.item == "",
            t.c.first < instant(end), t.c.until > instant(begin),
        )  # fmt: skip
        for row in connection.execute(query):
            found.setdefault(row.subject, []).append(
                Said(row.first, row.last, row.until, row.value, row.proof, row.source)
            )
    return found


def windows_of(
    connection: Connection, register: Register, links: Collection[Link], since: datetime
) -> dict[str, list[tuple[Maintenance, Stretch]]]:
    """The maintenance windows of each line that end after `since`, with the times for which they are the line's.

    They are its own, and those of the agency as which its agency counts on the day: a window of one that became part
    of another ends there, as it does for whoever judges.
    """
    found: dict[str, list[tuple[Maintenance, Stretch]]] = {}
    for one in maintenance.load(connection):
        if one.last <= since:
            continue
        if one.scope == "link":
            span = instant(one.begins), instant(one.last)
            for link in links:
                if link.code == one.subject:
                    found.setdefault(link.code, []).append((one, span))
        elif one.scope == "agency":
            for day, span in _with_one_tree(register, one):
                places = registers.places(register, day)
                for link in links:
                    place = places.get(link.agency)
                    if place is not None and place.home == one.subject:
                        found.setdefault(link.code, []).append((one, span))
    return found


def _with_one_tree(register: Register, one: Maintenance) -> Iterator[tuple[date, Stretch]]:
    """The parts of a window in which the tree of agencies stays the same: the first day of each, and the part."""
    first, last = one.begins.astimezone(ZONE).date(), one.last.astimezone(ZONE).date()
    begun = {agency.valid_from for agency in register.agencies if first < agency.valid_from <= last}
    ended = {a.valid_to + timedelta(days=1) for a in register.agencies if a.valid_to and first <= a.valid_to < last}
    marks = [instant(one.begins), *(instant(_midnight(day)) for day in sorted(begun | ended)), instant(one.last)]
    yield from zip([first, *sorted(begun | ended)], itertools.pairwise(marks), strict=True)


def _spared(
    connection: Connection, register: Register, links: Collection[Link], since: datetime
) -> dict[str, list[Stretch]]:
    """The times after `since` for which each line is under maintenance."""
    windows = windows_of(connection, register, links, since)
    return {code: [span for _, span in own] for code, own in windows.items()}
