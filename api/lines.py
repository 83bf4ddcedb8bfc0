"""Lines as people and programs are told of them: state and reason, since when, quality, traffic and availability."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.commanding import print_rows
from api.printing import read_instant
from api.speaking import Speaker, clean
from api.wording import clock
from inventory.availability import Availability
from inventory.periods import ZONE
from inventory.refusing import amiss, an_agency
from inventory.store import Connection, availability, facts, judged_states, registers
from inventory.store.judge import Judgement
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, InputError, Link, LinkState, Register, Title

__all__ = ["STATES", "LineRow", "line_object", "print_lines", "read_lines", "read_span", "tell_reason"]

STATES = ("down", "degraded", "unknown", "up")
"""In the order in which they ask for attention."""
_LONGEST = timedelta(days=3 * 366)
_TOLD = ("link_state", "link_answering", "traffic_in", "traffic_out")


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line as of an instant, and how available it was over a span."""

    link: Link
    state: LinkState
    since: datetime | None
    """Since when it has this state; None where it is not known to have one."""
    observed: datetime | None
    """When it was last probed."""
    traffic_in: float | None
    """Bits a second."""
    traffic_out: float | None
    available: Availability


def read_span(first: str | None, last: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The span from the beginning of a day or an instant to the end of another: this month so far where none is named.

    Raises:
        InputError: they are no days or times, in the wrong order, or further apart than three years.
    """
    end = min(read_instant(last), now) if last else now
    # Of a day all of it, up to and without the first instant of the next.
    end = end if end == now else end + timedelta(milliseconds=1)
    begin = read_instant(first, begin=True) if first else availability.month_of(end)
    if begin >= end:
        raise InputError(
            Title(
                f"--from: gặp {begin.astimezone(ZONE):%Y-%m-%d %H:%M}, cần thời gian trước khi kết thúc",
                f"--from: found {begin.astimezone(ZONE):%Y-%m-%d %H:%M}, expected a time before the end",
            )
        )
    if end - begin > _LONGEST:
        raise InputError(
            Title(
                f"--from: gặp khoảng {(end - begin).days} ngày, cần nhiều nhất {_LONGEST.days}",
                f"--from: found a span of {(end - begin).days} days, expected at most {_LONGEST.days}",
            )
        )
    return begin, end


def read_lines(
    connection: Connection,
    vocabulary: Vocabulary,
    at: datetime,
    span: tuple[datetime, datetime],
    agencies: Collection[str] = (),
) -> list[LineRow]:
    """Every line that is declared on the day of `at`, as of then, by agency and code.

    Raises:
        InputError: an agency that is not in the register.
    """
    register = registers.load(connection)
    known = {one.code for one in register.agencies}
    if unknown := [one for one in agencies if one not in known]:
        raise InputError(amiss("--agency", f"{unknown[0]!r}", an_agency(unknown[0], known)))
    judgement = Judgement(connection, vocabulary, {}, register, at)
    states = judged_states.link_states(judgement)
    judgement.close()
    return tell_lines(connection, vocabulary, register, states, at, span, agencies)


def tell_lines(
    connection: Connection,
    vocabulary: Vocabulary,
    register: Register,
    states: Sequence[LinkState],
    at: datetime,
    span: tuple[datetime, datetime],
    agencies: Collection[str] = (),
) -> list[LineRow]:
    """The same where the states are known already, of which the figures of a snapshot are."""
    links = {v.code: v for v in register.links}
    wanted = [s for s in states if s.link in links and (not agencies or s.agency in agencies)]
    codes = [s.link for s in wanted]
    said = facts.read(connection, vocabulary, "link", codes, at, set(_TOLD))
    available = availability.availability(connection, vocabulary, register, *span, codes)
    rows = []
    for state in wanted:
        taken = facts.take(vocabulary, said[state.link], at)
        held = taken.get("link_state") or taken.get("link_answering")
        rows.append(
            LineRow(
                links[state.link], state, held.held_since if held else None, held.observed_at if held else None,
                _number(taken, "traffic_in"), _number(taken, "traffic_out"), available[state.link],
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: (row.state.agency, row.link.code))


def _number(taken: Mapping[str, Fact], key: str) -> float | None:
    value = taken[key].value if key in taken else None
    return float(value) if isinstance(value, int | float) else None


def line_object(row: LineRow) -> dict[str, Any]:
    """A line as JSON: shares 0-1, times in seconds, traffic in bits a second."""
    s, a = row.state, row.available
    return {
        "code": row.link.code, "agency": s.agency, "kind": s.kind, "address": row.link.address, "via": row.link.via,
        "provider": row.link.provider, "contracted_mbps": row.link.contracted_mbps, "state": s.state,
        "reason": s.reason, "maintenance": s.maintenance, "since": row.since, "observed": row.observed,
        "loss": s.loss, "round_trip": s.round_trip, "round_trip_p95": s.round_trip_p95,
        "round_trip_p99": s.round_trip_p99, "jitter": s.jitter, "traffic_in": row.traffic_in,
        "traffic_out": row.traffic_out, "utilisation": s.utilisation, "availability": a.share,
        "up_seconds": (a.up + a.degraded).total_seconds(), "degraded_seconds": a.degraded.total_seconds(),
        "down_seconds": a.down.total_seconds(), "unknown_seconds": a.unknown.total_seconds(),
        "maintenance_seconds": a.maintenance.total_seconds(),
    }  # fmt: skip


def tell_reason(state: LinkState, say: Speaker) -> str:
    """Why a line has its state, in a person's words; empty where it merely answers."""
    words, _, what = state.reason.partition(" ")
    if not state.reason:
        # Of a line that nobody has probed for a while it is known only whether it answered then.
        return say.word("line:never" if state.state == "unknown" else "line:last")
    if state.state == "degraded":
        told = []
        if "loss" in state.reason.split():
            told.append(say.word("line:loss", share=say.share(state.loss)))
        if "delay" in state.reason.split():
            told.append(say.word("line:delay", time=say.quantity(state.round_trip_p95 or 0.0, "seconds")))
        return "; ".join(told)
    known = {"icmp": "", "tcp": "line:tcp", "behind": "line:behind", "silent": "line:silent", "via": "line:via",
             "hop": "line:hop", "gateway": "line:gateway"}  # fmt: skip
    name = known.get(words, "")
    return say.word(name, what=clean(what)) if name else ""


def print_lines(rows: Sequence[LineRow], span: tuple[datetime, datetime], say: Speaker) -> None:
    """The lines as a table."""
    names = ("line", "agency", "state", "since", "loss_short", "median_short", "p95_short", "jitter", "traffic",
             "utilisation_short", "availability", "reason")  # fmt: skip
    titles = [say.word(name)[:1].upper() + say.word(name)[1:] for name in names]
    print(say.word("span", begin=clock(span[0], say.language), end=clock(span[1], say.language)))
    print_rows(titles, [_cells(row, say) for row in rows])


def _cells(row: LineRow, say: Speaker) -> list[object]:
    s = row.state
    seconds = (
        say.quantity(v, "seconds") if v is not None else None for v in (s.round_trip, s.round_trip_p95, s.jitter)
    )
    state = say.word(f"state:{s.state}") + (f" ({say.word('maintenance')})" if s.maintenance else "")
    return [
        clean(row.link.code), clean(s.agency), state, clock(row.since, say.language) if row.since else None,
        None if s.loss is None else say.share(s.loss), *seconds, tell_traffic(row, say),
        None if s.utilisation is None else say.share(s.utilisation),
        None if row.available.share is None else say.share(row.available.share), tell_reason(s, say),
    ]  # fmt: skip


def tell_traffic(row: LineRow, say: Speaker) -> str:
    """What goes through it, in and out."""
    return " / ".join(say.cell("speed", v) for v in (row.traffic_in, row.traffic_out) if v is not None)


def month_days(at: datetime) -> tuple[date, date]:
    """The first day of the month of an instant, and its day, in Vietnam."""
    day = at.astimezone(ZONE).date()
    return day.replace(day=1), day


def now() -> datetime:
    """This instant to the millisecond, as the store keeps it."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
