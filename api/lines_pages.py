"""What the pages of lines tell: the list with its states, and one line with its day and its month."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from api.contents import ROWS, Asked, Told, read_day
from api.lines import STATES, month_days, tell_lines, tell_reason, tell_traffic
from api.members import last_page
from api.rendering import Problem
from api.speaking import Speaker
from inventory.availability import Availability
from inventory.periods import ZONE
from inventory.store import Connection, availability, facts, registers
from inventory.store import lines as stored_lines
from inventory.strict_yaml import closest
from inventory.words import Agency, Link, Register

__all__ = ["tell_line", "tell_lines_page"]

_DAILY = ("loss", "round_trip", "round_trip_p95")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Column:
    """One day of a month as a column of a chart: shares of the day by state, and the day's last quality."""

    day: date
    available: Availability
    shares: Mapping[str, float]
    """Of the day's 24 hours, by state; "maintenance" among them."""
    values: Mapping[str, float]
    """Loss (share) and round trips (seconds), as they were last measured that day."""


def tell_lines_page(connection: Connection, asked: Asked) -> Told:
    """All declared lines with their states, those of an agency or in a state."""
    snapshot, query = asked.snapshot, asked.place.query
    register = registers.load(connection)
    agency, state = query.get("agency") or None, query.get("state")
    state = state if state in STATES else None
    span = availability.month_of(snapshot.at), snapshot.at
    own = [s for s in snapshot.links if agency is None or s.agency == agency]
    shown = [s for s in own if state is None or s.state == state]
    last = last_page(len(shown), ROWS)
    page = min(asked.page, last)
    vocabulary = asked.workspace.vocabulary
    here = sorted(shown, key=lambda s: (STATES.index(s.state), s.agency, s.link))[(page - 1) * ROWS : page * ROWS]
    rows = tell_lines(connection, vocabulary, register, here, snapshot.at, span)
    rows.sort(key=lambda row: (STATES.index(row.state.state), row.state.agency, row.link.code))
    names = {a.code: a for a in snapshot.agencies}
    say = Speaker(asked.place.language, vocabulary)
    return {
        "rows": rows, "total": len(shown), "page": page, "last": last, "agency": agency, "state": state,
        "states": STATES, "counted": {s: sum(1 for one in own if one.state == s) for s in STATES},
        "names": names, "choices": [names[code] for code in sorted({s.agency for s in snapshot.links} & names.keys())],
        "reason_of": functools.partial(tell_reason, say=say), "traffic_of": functools.partial(tell_traffic, say=say),
    }  # fmt: skip


def tell_line(connection: Connection, asked: Asked, code: str) -> Told:
    """One line: what is declared of it, how it is, its day and its month."""
    snapshot, query, vocabulary = asked.snapshot, asked.place.query, asked.workspace.vocabulary
    register = registers.load(connection)
    state = next((s for s in snapshot.links if s.link == code), None)
    if state is None:
        known = [s.link for s in snapshot.links]
        near = closest(code, known)
        raise Problem(404, "no_line", name=code, meant=[(near, asked.place.link("lines", near))] if near else [])
    link = next(v for v in register.links if v.code == code)
    chosen = read_day(query.get("day")) or snapshot.at
    at = min(chosen, snapshot.at)
    first, day = month_days(at)
    begin = datetime.combine(day, datetime.min.time(), ZONE)
    end = min(begin + DAY, snapshot.at)
    row = tell_lines(connection, vocabulary, register, [state], snapshot.at, (availability.month_of(at), end))[0]
    say = Speaker(asked.place.language, vocabulary)
    windows = availability.windows_of(connection, register, [link], begin - 31 * DAY).get(code, [])
    way = stored_lines.ways(connection, vocabulary, [code], snapshot.at).get(code)
    said = facts.read(connection, vocabulary, "link", [code], snapshot.at)[code]
    columns = _columns(connection, asked, register, link, first, day, snapshot.at)
    return {
        "row": row, "line": link, "day": day, "first": first, "columns": columns,
        "strip": _strip(connection, asked, register, link, begin, end), "names": _named(register, day),
        "taken": {k: f for k, f in facts.take(vocabulary, said, snapshot.at).items() if k != "link_reason"},
        "behind": [v for v in register.links if v.via == code and v.valid_on(day)], "way": way,
        "windows": list(dict.fromkeys(window for window, _ in windows)),
        "reason": tell_reason(state, say), "traffic": tell_traffic(row, say),
        "curves": _curves(columns),
        "most": {name: max((c.values[name] for c in columns if name in c.values), default=0.0) for name in _DAILY},
        "previous": day - timedelta(days=1), "next": day + timedelta(days=1),
    }  # fmt: skip


def _named(register: Register, day: date) -> dict[str, Agency]:
    return {a.code: a for a in sorted(register.agencies, key=lambda a: (a.valid_on(day), a.valid_from))}


def _columns(
    connection: Connection, asked: Asked, register: Register, link: Link, first: date, last: date, until: datetime
) -> list[Column]:
    """The days of a month, the last one as far as it is known."""
    vocabulary = asked.workspace.vocabulary
    days = availability.by_day(connection, vocabulary, register, link, first, last, until)
    values = stored_lines.daily(connection, vocabulary, link.code, _DAILY, first, last)
    return [Column(day, one, _shares(one), values.get(day, {})) for day, one in days.items()]


def _shares(one: Availability) -> dict[str, float]:
    names = ("up", "degraded", "down", "maintenance", "unknown")
    return {name: getattr(one, name) / DAY for name in names}


def _strip(
    connection: Connection, asked: Asked, register: Register, link: Link, begin: datetime, end: datetime
) -> list[tuple[str, float, float, datetime]]:
    """The states of one day: each with where it begins and how long it is as shares of the day, and when it began."""
    told = availability.timeline(connection, asked.workspace.vocabulary, register, link, begin, end)
    return [(state, (start - begin) / DAY, (stop - start) / DAY, start) for start, stop, state in told]


def _curves(columns: Sequence[Column]) -> dict[str, str]:
    """Lines of what was measured on each day as points of an SVG, 100 wide and 100 high.

    The top is the largest of each kind; the round trips share theirs, so that they can be compared.
    """
    kinds = (("loss",), ("round_trip", "round_trip_p95"))
    width, found = 100 / max(1, len(columns)), dict.fromkeys(_DAILY, "")
    for kind in kinds:
        most = max((c.values[name] for c in columns for name in kind if name in c.values), default=0.0)
        for name in kind:
            points = [
                f"{(n + 0.5) * width:.2f},{100 - (90 * c.values[name] / most if most else 0):.2f}"
                for n, c in enumerate(columns)
                if name in c.values
            ]
            found[name] = " ".join(points) if len(points) > 1 else ""
    return found
