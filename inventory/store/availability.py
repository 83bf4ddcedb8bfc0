"""The availability of lines over a span of time, from what was recorded of their states and maintenance windows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, select

from inventory.availability import Availability, Said, Span, add_up, joined, stretches
from inventory.periods import ZONE
from inventory.store import maintenance
from inventory.store.tables import FACTS
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import Link, Register

__all__ = ["STATE", "availability", "by_day", "month_of", "timeline"]

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
    said, spared = _read(connection, links, begin, end), _spared(connection, links)
    age = _age(vocabulary)
    return {
        code: add_up(said.get(code, ()), age, instant(begin), instant(end), spared.get(code, ()), _valid(link))
        for code, link in links.items()
    }


def by_day(
    connection: Connection, vocabulary: Vocabulary, link: Link, first: date, last: date, until: datetime
) -> dict[date, Availability]:
    """The same of one line for each day of Vietnam, up to `until`."""
    begin, end = _midnight(first), min(_midnight(last + timedelta(days=1)), until)
    said = _read(connection, {link.code: link}, begin, end).get(link.code, [])
    spared = _spared(connection, {link.code: link}).get(link.code, [])
    days, found = (last - first).days + 1, {}
    for day in (first + timedelta(days=n) for n in range(days)):
        span = instant(_midnight(day)), min(instant(_midnight(day + timedelta(days=1))), instant(end))
        # Most days need few of the rows of a year.
        own = [row for row in said if row.first < span[1] and row.until > span[0]]
        found[day] = add_up(own, _age(vocabulary), *span, spared, _valid(link))
    return found


def timeline(
    connection: Connection, vocabulary: Vocabulary, link: Link, begin: datetime, end: datetime
) -> list[tuple[datetime, datetime, str]]:
    """What one line was from when to when, with "unknown" and "maintenance" among the states."""
    said = _read(connection, {link.code: link}, begin, end).get(link.code, [])
    spared = joined(_spared(connection, {link.code: link}).get(link.code, []))
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


def _valid(link: Link) -> Span:
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


def _spared(connection: Connection, links: Mapping[str, Link]) -> dict[str, list[Span]]:
    """The maintenance windows of each line: its own and those of its agency."""
    by_scope: dict[tuple[str, str], list[Span]] = {}
    for one in maintenance.load(connection):
        by_scope.setdefault((one.scope, one.subject), []).append((instant(one.begins), instant(one.last)))
    return {
        code: own
        for code, link in links.items()
        if (own := by_scope.get(("link", code), []) + by_scope.get(("agency", link.agency), []))
    }
