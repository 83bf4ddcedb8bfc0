"""Meetings and calls: what is joined, what stays unknown, and a history that is read again and again."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.meetings import LEAST, Held, Meeting, Room, count, count_each, find_room, join_spans, judge
from inventory.spans import Span
from inventory.store import Store, calls, registers, runs
from inventory.store.calls import Declared
from inventory.vocabulary import load
from inventory.words import Call, CallHistory, Identity, Observation, Run
from tests.inventory.sample import NOW, REGISTER, facts

VOCABULARY = load()
DAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
MONTH = Span(datetime(2026, 2, 28, 16, 59, 59, tzinfo=UTC), datetime(2026, 3, 31, 16, 59, 59, tzinfo=UTC))


def span(begin: float, minutes: float, day: datetime = DAY) -> Span:
    """A stretch of time that begins so many minutes after `day`."""
    start = day + timedelta(minutes=begin)
    return Span(start, start + timedelta(minutes=minutes))


def room(*found: Span, known: Span | None = None, asset: int = 1, agency: str = "A") -> Room:
    return Room(asset, agency, f"Phòng {asset}", frozenset({f"phong {asset}"}), found, (known,) if known else ())


ALL = span(-60 * 48, 60 * 24 * 40)


@pytest.mark.parametrize(
    ("rooms", "held"),
    [
        ([room(span(0, 60), known=ALL)], Held.ONLINE),
        ([room(span(55, 60), known=ALL)], Held.ONLINE),
        ([room(span(56, 60), known=ALL)], Held.NOT_ONLINE),
        ([room(span(56, 60))], Held.UNKNOWN),
        # Dialled twice, three minutes each; and two rooms at once are no ten minutes.
        ([room(span(0, 3), span(10, 3), known=ALL)], Held.ONLINE),
        ([room(span(0, 4), known=ALL), room(span(0, 4), known=ALL, asset=2)], Held.NOT_ONLINE),
        # One room of two was not read, and the calls of the other say nothing of it.
        ([room(known=ALL), room(asset=2)], Held.UNKNOWN),
        ([room(span(0, 60)), room(asset=2)], Held.ONLINE),
        # The history ends within the meeting.
        ([room(known=span(-60, 90))], Held.UNKNOWN),
        ([], Held.UNKNOWN),
    ],
)
def test_a_meeting_is_online_when_a_call_goes_on_for_long_enough(rooms: list[Room], held: Held) -> None:
    assert judge(Meeting(span(0, 60), "A"), rooms) is held


def test_a_meeting_shorter_than_the_least_is_to_be_a_call_from_begin_to_end() -> None:
    short = Meeting(span(0, 3), "A")
    assert judge(short, [room(span(0, 3), known=ALL)]) is Held.ONLINE
    assert judge(short, [room(span(1, 3), known=ALL)]) is Held.NOT_ONLINE


def test_what_is_counted_of_a_month_by_agency_and_room() -> None:
    first = room(span(0, 60), span(600, 30), known=ALL)
    second = room(span(1440, 10), asset=2, known=ALL)
    other = room(asset=3, agency="B")
    meetings = [
        Meeting(span(0, 60), "A", "PHÒNG 1"),
        Meeting(span(120, 60), "A", "Phong 1", online=True),
        Meeting(span(1440, 60), "A", "một chỗ khác"),
        # Could not be held online: counted nowhere, though the call during it is no call without a meeting.
        Meeting(span(600, 60), "A", "Phòng 1", online=False),
        Meeting(span(0, 60), "B"),
        Meeting(span(60 * 24 * 40, 60), "A"),
    ]
    told = {one.agency: one for one in count([first, second, other], meetings, MONTH)}
    by_room = {each.room.asset if each.room else None: each for each in told["A"].rooms}
    assert (by_room[1].meetings, by_room[1].online, by_room[1].not_online, by_room[1].unknown) == (2, 1, 1, 0)
    assert (by_room[1].calls, by_room[1].seconds, by_room[1].calls_alone) == (2, 5400, 0)
    assert (by_room[2].meetings, by_room[2].calls, by_room[2].calls_alone) == (0, 1, 0)
    assert (by_room[None].meetings, by_room[None].online) == (1, 1)
    assert (told["A"].meetings, told["A"].online, told["A"].unknown) == (3, 2, 0)
    assert (told["B"].meetings, told["B"].online, told["B"].unknown) == (1, 0, 1)
    assert by_room[1].whole and not told["B"].rooms[0].whole
    (whole,) = count([room(known=Span(MONTH.begin, MONTH.end))], [], MONTH)
    assert whole.rooms[0].whole


moments = st.integers(0, 60 * 24 * 70)


@given(
    st.lists(st.tuples(moments, st.sampled_from((4, 60, 60 * 24 * 7))), max_size=6),
    st.lists(st.tuples(moments, st.sampled_from((4, 60, 300))), max_size=6),
)
def test_what_is_counted_is_what_comparing_all_with_all_finds(
    spoken: list[tuple[int, int]], held: list[tuple[int, int]]
) -> None:
    going, told = [span(*call) for call in spoken], [Meeting(span(*one), "A") for one in held]
    months = [span(60 * 24 * 30 * n, 60 * 24 * 30) for n in range(3)]
    for month, (sums,) in zip(months, count_each([room(*going)], told, months), strict=True):
        within = [call for call in going if month.begin < call.begin <= month.end]
        met = [one.span for one in told if month.begin < one.span.begin <= month.end]
        online = [one for one in met if _minutes_in_calls(one, going) >= min(5, _minutes(one))]
        alone = [
            call
            for call in within
            if not any(
                call.common(one.span) >= min(LEAST, call.end - call.begin, one.span.end - one.span.begin)
                for one in told
            )
        ]
        assert (sums.meetings, sums.online) == (len(met), len(online))
        assert [(own.calls, own.calls_alone) for own in sums.rooms if own.room] == [(len(within), len(alone))]


def _minutes(span: Span) -> int:
    return (span.end - span.begin) // timedelta(minutes=1)


def _minutes_in_calls(meeting: Span, calls: list[Span]) -> int:
    """One minute after the other."""
    instants = (meeting.begin + timedelta(minutes=n) for n in range(_minutes(meeting)))
    return sum(any(call.begin <= at < call.end for call in calls) for at in instants)


def test_two_rooms_of_one_name_are_no_known_room() -> None:
    twins = [room(asset=1), Room(2, "A", "", frozenset({"phong 1"}))]
    assert find_room(twins, "Phòng 1") is None
    assert find_room(twins[:1], "  PHÒNG  1 ") == twins[0]
    assert find_room(twins, "") is None


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=12))
def test_joined_spans_cover_the_same_minutes_once(pairs: list[tuple[int, int]]) -> None:
    spans = [span(begin, length) for begin, length in pairs]
    joined = join_spans(spans)
    covered = {minute for begin, length in pairs for minute in range(begin, begin + length)}
    assert sum((each.end - each.begin).total_seconds() / 60 for each in joined) == len(covered)
    assert all(one.end < other.begin for one, other in itertools.pairwise(joined))


# --- the store --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def province(store: Store) -> Store:
    await store.write(registers.replace, REGISTER)
    return store


def reading(history: CallHistory, at: datetime = NOW) -> Run:
    said = facts("vc", at, role="vc_endpoint", sysname="Phòng họp", serial="FOC1", answering=True, call_history_read=at)
    identity = Identity(frozenset({("serial", "FOC1")}), "192.168.1.9", "net-a", "A")
    return Run("vc", "net-a 192.168.1.9", at, at, (Observation(said, asset=identity, history=history),), True)


def call(begin: float, minutes: float = 30, key: str = "") -> Call:
    at = span(begin, minutes)
    return Call(at.begin, at.end, "outgoing", "tinh.example", "sip", key)


async def rooms(store: Store, at: datetime = NOW) -> list[Room]:
    return await store.read(calls.rooms, VOCABULARY, at, DAY - timedelta(days=400))


async def test_a_history_that_is_read_again_is_kept_once(province: Store) -> None:
    first = CallHistory(DAY, (call(0, key="1"), call(100, key="2"), call(100, key="3")), whole=True)
    for _ in range(2):
        await province.write(runs.record, VOCABULARY, reading(first), NOW)
    # The last of them went on, and there is one more.
    later = NOW + timedelta(minutes=5)
    again = CallHistory(DAY, (call(0, key="1"), call(100, 45, key="2"), call(100, key="3"), call(200, key="4")), True)
    await province.write(runs.record, VOCABULARY, reading(again, later), later)
    (found,) = await rooms(province, later)
    assert [(c.begin, (c.end - c.begin).total_seconds() / 60) for c in found.calls] == [
        (span(0, 0).begin, 30), (span(100, 0).begin, 30), (span(100, 0).begin, 45), (span(200, 0).begin, 30),
    ]  # fmt: skip
    assert found.known == (Span(DAY, later),)
    assert (found.agency, found.title) == ("A", "Phòng họp")
    assert {"phong hop", "192.168.1.9", "foc1", str(found.asset)} <= found.names


async def test_what_was_lost_between_two_readings_is_a_gap(province: Store) -> None:
    early, late = DAY, DAY + timedelta(days=5)
    await province.write(runs.record, VOCABULARY, reading(CallHistory(early, (), True), early), NOW)
    # The device lists no more than so many, and the first of them is younger than the reading before.
    since = late - timedelta(hours=1)
    await province.write(runs.record, VOCABULARY, reading(CallHistory(since, (), whole=False), late), NOW)
    (found,) = await rooms(province)
    assert found.known == (Span(early, early), Span(since, late))
    # One that is delivered late takes nothing back.
    await province.write(runs.record, VOCABULARY, reading(CallHistory(early, (), True), early), NOW)
    assert (await rooms(province))[0].known == found.known


async def test_a_history_that_was_cleared_is_not_joined_over_the_gap(province: Store) -> None:
    async def read(minutes: float, *listed: Call) -> list[tuple[float, float]]:
        at = DAY + timedelta(minutes=minutes)
        begun = min((one.begin for one in listed), default=at)
        await province.write(runs.record, VOCABULARY, reading(CallHistory(begun, listed, whole=True), at), NOW)
        ((known,), minute) = ([one.known for one in await rooms(province)], timedelta(minutes=1))
        return [((span.begin - DAY) / minute, (span.end - DAY) / minute) for span in known]

    # As long as there was none, no call is no sign of a history that was cleared.
    assert await read(0) == [(0, 0)]
    assert await read(10) == [(0, 10)]
    assert await read(100, call(20)) == [(0, 100)]
    assert await read(110, call(20), call(105, 3)) == [(0, 110)]
    # Cleared while nobody looked: of the time before the first call that is listed now it is not known what was lost.
    assert await read(2000, call(1500)) == [(0, 110), (1500, 2000)]
    assert await read(2010, call(1500)) == [(0, 110), (1500, 2010)]
    assert await read(2020) == [(0, 110), (1500, 2010), (2020, 2020)]
    assert await read(2030) == [(0, 110), (1500, 2010), (2020, 2030)]


async def test_a_calendar_replaces_what_it_said_of_its_days(province: Store) -> None:
    def given(uid: str, begin: float, **more: object) -> Declared:
        return Declared(uid, Meeting(span(begin, 60), "A", **more))  # type: ignore[arg-type]

    days = Span(DAY - timedelta(hours=1), DAY + timedelta(days=1))
    first = await province.write(calls.replace_calendar, "c", days, [given("a", 0), given("b", 60)], NOW)
    assert (first.meetings, first.new, first.changed, first.removed) == (2, 2, 0, 0)
    await province.write(calls.replace_calendar, "c", span(60 * 24 * 3, 60), [given("z", 60 * 24 * 3)], NOW)
    dry = await province.read(calls.replace_calendar, "c", days, [given("a", 0, room="1")], NOW, dry=True)
    assert (dry.new, dry.changed, dry.removed) == (0, 1, 1)
    moved = [given("a", 0, room="1"), given("b", 120)]
    second = await province.write(calls.replace_calendar, "c", days, moved, NOW)
    assert (second.meetings, second.new, second.changed, second.removed) == (2, 1, 1, 1)
    await province.write(calls.replace_calendar, "another", days, [given("a", 0)], NOW)
    found = await province.read(calls.meetings, Span(DAY - timedelta(days=1), DAY + timedelta(days=9)))
    assert [(m.span.begin - DAY, m.room) for m in found] == [
        (timedelta(), ""), (timedelta(), "1"), (timedelta(hours=2), ""), (timedelta(days=3), ""),
    ]  # fmt: skip
    assert await province.write(calls.prune, NOW + calls.KEEP * 2) == 4
