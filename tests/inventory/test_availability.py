"""Availability: up ÷ (up + down) by time, held against a count of every millisecond, and against what is judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.availability import Availability, Said, add_up, stretches
from inventory.periods import ZONE, end_of_day
from inventory.spans import Stretch, joined
from inventory.store import Connection, Store, availability, facts, judged_states, maintenance, registers
from inventory.store import lines as stored_lines
from inventory.store.judge import Judgement
from inventory.vocabulary import instant
from inventory.words import Fact, Link, LinkState, Maintenance
from tests.inventory.sample import NOW, REGISTER, agency
from tests.inventory.test_judge import KNOWN, declare

STATES = ("up", "degraded", "down", None)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AGE = KNOWN.max_age(availability.STATE)


def _naive(said: list[Said], age: int, begin: int, end: int, spared: list[Stretch]) -> dict[str, int]:
    """The state of every millisecond, one after the other."""
    times = dict.fromkeys(("up", "degraded", "down", "unknown", "maintenance"), 0)
    for at in range(begin, end):
        if any(a <= at < b for a, b in spared):
            times["maintenance"] += 1
            continue
        # Half a millisecond on: what is confirmed at this very instant by two is not in doubt.
        known = [
            (9 - r.proof, min(r.last, at + 0.5), r.value)
            for r in said
            if r.first <= at < r.until and at - r.last <= age and r.value is not None
        ]
        times[max(known)[2] if known else "unknown"] += 1
    return times


@st.composite
def _series(draw: st.DrawFn, source: str) -> list[Said]:
    """The rows of one source: in order, each until the next begins."""
    marks = sorted(draw(st.lists(st.integers(0, 80), max_size=8, unique=True)))
    rows = []
    for number, first in enumerate(marks):
        until = marks[number + 1] if number + 1 < len(marks) else 10**6
        last = min(first + draw(st.integers(0, 30)), until)
        rows.append(Said(first, last, until, draw(st.sampled_from(STATES)), draw(st.integers(1, 2)), source))
    return rows


_spans = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=3)


@given(_series("icmp"), _series("poller"), st.integers(0, 25), st.integers(0, 60), st.integers(0, 60), _spans)
@settings(max_examples=150)
def test_it_is_what_counting_every_millisecond_finds(
    one: list[Said], two: list[Said], age: int, begin: int, length: int, spared: list[Stretch]
) -> None:
    said, end = one + two, begin + length
    found = add_up(said, age, begin, end, spared)
    told = {name: getattr(found, name) // timedelta(milliseconds=1) for name in _naive([], 0, 0, 0, [])}
    assert told == _naive(said, age, begin, end, spared)
    assert sum(told.values()) == length
    parts = stretches(said, age, begin, end)
    assert [a for a, _, _ in parts[1:]] == [b for _, b, _ in parts[:-1]]


@given(_series("icmp"), st.integers(0, 25), st.integers(1, 99), _spans)
@settings(max_examples=50)
def test_the_parts_of_a_span_add_up_to_it(said: list[Said], age: int, cut: int, spared: list[Stretch]) -> None:
    whole = add_up(said, age, 0, 100, spared)
    assert add_up(said, age, 0, cut, spared) + add_up(said, age, cut, 100, spared) == whole


def test_unknown_is_never_up_and_nothing_known_is_no_share() -> None:
    assert Availability(unknown=MINUTE, maintenance=MINUTE).share is None
    assert Availability(up=MINUTE, degraded=MINUTE, down=2 * MINUTE, unknown=60 * MINUTE).share == 0.5
    assert joined([(3, 5), (1, 3), (9, 9), (8, 7)]) == [(1, 5), (9, 9)]


# --- in the store -----------------------------------------------------------------------------------------------------

LINE = Link("line-a", "A", "mtslcd", "198.18.0.1")


async def say(store: Store, *said: tuple[float, str | None], code: str = "line-a") -> None:
    """States by minutes after NOW, in the order in which they are told."""
    for minutes, state in said:
        fact = Fact(availability.STATE, state, "icmp", NOW + minutes * MINUTE)
        await store.write(facts.record, KNOWN, {"link": [(code, fact)]}, NOW + timedelta(days=9))


async def available(store: Store, begin: float, end: float, code: str = "line-a") -> Availability:
    register = await store.read(registers.load)
    span = NOW + begin * MINUTE, NOW + end * MINUTE
    return (await store.read(availability.availability, KNOWN, register, *span))[code]


@pytest.fixture
async def line(store: Store) -> Store:
    await declare(store, replace(REGISTER, links=(LINE,)))
    return store


async def test_a_state_holds_until_the_next_and_no_longer_than_its_age(line: Store) -> None:
    await say(line, (0, "up"), (5, "up"), (8, "down"), (10, "degraded"), (12, None))
    found = await available(line, -5, 60)
    assert found.up == 8 * MINUTE
    assert (found.down, found.degraded) == (2 * MINUTE, 2 * MINUTE)
    assert found.unknown == 65 * MINUTE - 12 * MINUTE
    assert found.share == pytest.approx(10 / 12)
    await say(line, (30, "up"))
    assert (await available(line, 30, 90)).up == AGE + timedelta(milliseconds=1)


async def test_what_comes_late_corrects_it(line: Store) -> None:
    await say(line, (0, "up"), (4, "up"), (8, "up"))
    assert (await available(line, 0, 8)).down == timedelta()
    await say(line, (6, "down"))
    found = await available(line, 0, 8)
    assert (found.up, found.down) == (6 * MINUTE, 2 * MINUTE)


async def test_maintenance_of_the_line_or_its_agency_is_taken_out(line: Store) -> None:
    await say(line, (0, "up"), (5, "down"), (10, "down"), (15, "up"), (20, "up"))
    register = await line.read(registers.load)
    for scope, subject, begin, end in (("link", "line-a", 4, 8), ("agency", "A", 7, 10), ("agency", "B", 0, 20)):
        window = Maintenance(0, scope, subject, NOW + begin * MINUTE, NOW + end * MINUTE, "Sửa", "Sở")
        await line.write(maintenance.add, register, window, NOW)
    found = await available(line, 0, 20)
    assert (found.up, found.down, found.maintenance) == (9 * MINUTE, 5 * MINUTE, 6 * MINUTE)
    told = await line.read(availability.timeline, KNOWN, register, LINE, NOW, NOW + 20 * MINUTE)
    assert [((b - a) // MINUTE, state) for a, b, state in told] == [
        (4, "up"), (6, "maintenance"), (5, "down"), (5, "up")
    ]  # fmt: skip


async def test_maintenance_of_the_agency_as_which_its_agency_counts_is_taken_out(store: Store) -> None:
    """The line of a unit is its agency's; from the day of a merger on it is the successor's, and no longer the old."""
    merged = NOW.astimezone(ZONE).date() + timedelta(days=1)
    midnight = datetime.combine(merged, datetime.min.time(), ZONE)
    agencies = (
        agency("A"),
        agency("A.1", "unit", parent="A"),
        agency("B", valid_to=merged - timedelta(days=1), successor="N"),
        agency("N", valid_from=merged),
    )
    lines = tuple(Link(f"line-{code}", code, "mtslcd", "198.18.0.1") for code in ("A.1", "B", "N"))
    register = replace(REGISTER, agencies=agencies, networks=(), links=lines)
    await declare(store, register)
    for subject in ("A", "B", "N"):
        window = Maintenance(0, "agency", subject, midnight - 2 * HOUR, midnight + HOUR, "Sửa", "Sở")
        await store.write(maintenance.add, register, window, NOW)
    span = midnight - 4 * HOUR, midnight + 4 * HOUR
    found = await store.read(availability.availability, KNOWN, register, *span)
    # Two hours of B's own window and one of N's: what is merged is one agency at a time.
    assert {code: own.maintenance // HOUR for code, own in found.items()} == {"line-A.1": 3, "line-B": 3, "line-N": 1}
    told = await store.read(availability.windows_of, register, lines, span[0])
    assert [window.subject for window, _ in told["line-B"]] == ["B", "N"]
    for hours in (-1, 0.5):
        states = await store.read(_link_states, midnight + hours * HOUR)
        spared = {code for code, own in told.items() for _, (a, b) in own if a <= instant(midnight + hours * HOUR) < b}
        assert {s.link for s in states if s.maintenance} == spared, "as a judgement as of then says"


async def test_days_outside_a_lines_life_are_in_no_figure(store: Store) -> None:
    day = NOW.astimezone(ZONE).date()
    await declare(store, replace(REGISTER, links=(replace(LINE, valid_from=day, valid_to=day),)))
    await say(store, (0, "up"), (2, "up"))
    found = await available(store, -3 * 1440, 3 * 1440)
    assert found.up + found.unknown == timedelta(days=1)


async def test_a_month_day_by_day_is_the_month(line: Store) -> None:
    at = -3 * 1440.0
    told: list[tuple[float, str | None]] = []
    for number in range(40):
        told.append((at, STATES[number % 4]))
        at += 47 + 13 * (number % 7)
    await say(line, *told)
    first, last = (NOW - timedelta(days=3)).astimezone(ZONE).date(), NOW.astimezone(ZONE).date()
    register = await line.read(registers.load)
    days = await line.read(availability.by_day, KNOWN, register, LINE, first, last, NOW)
    assert list(days) == [first + timedelta(days=n) for n in range(4)]
    begin = datetime.combine(first, datetime.min.time(), ZONE)
    whole = (await line.read(availability.availability, KNOWN, register, begin, NOW))["line-a"]
    assert sum(days.values(), Availability()) == whole
    assert whole.up > timedelta() and whole.down > timedelta()


def _judged(connection: Connection, at: datetime) -> str:
    return next(s.state for s in _link_states(connection, at) if s.link == "line-a")


def _link_states(connection: Connection, at: datetime) -> tuple[LinkState, ...]:
    judgement = Judgement(connection, KNOWN, {}, registers.load(connection), at)
    states = judged_states.link_states(judgement)
    judgement.close()
    return states


async def test_at_every_instant_it_is_what_a_judgement_as_of_then_says(line: Store) -> None:
    await say(line, (0, "up"), (9, "up"), (21, "down"), (22, None), (30, "degraded"), (31, "degraded"))
    register = await line.read(registers.load)
    for tenths in range(-20, 620, 31):
        at = NOW + tenths * MINUTE / 10
        (part,) = await line.read(availability.timeline, KNOWN, register, LINE, at, at + timedelta(milliseconds=1))
        assert part[2] == await line.read(_judged, at), tenths


async def test_the_last_measurement_of_each_day_is_kept(line: Store) -> None:
    day = date(2026, 3, 9)
    for hours in range(0, 72, 5):
        at = end_of_day(day) + timedelta(hours=hours, milliseconds=1)
        said = [("line-a", Fact(key, value, "icmp", at)) for key, value in (("loss", hours / 100), ("jitter", None))]
        await line.write(facts.record, KNOWN, {"link": said}, datetime(2026, 4, 1, tzinfo=UTC))
    found = await line.read(stored_lines.daily, KNOWN, "line-a", ("loss", "jitter"), day, day + timedelta(days=3))
    assert found == {
        date(2026, 3, 10): {"loss": 0.2},
        date(2026, 3, 11): {"loss": 0.45},
        date(2026, 3, 12): {"loss": 0.7},
    }
