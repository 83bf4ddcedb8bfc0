"""Facts are kept as dated runs: what was true on any day can be asked again, whatever order it arrived in."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from inventory import vocabulary
from inventory.store import Store, facts
from inventory.store.series import Held, splice
from inventory.store.tables import FACTS, FOREVER, asset
from inventory.vocabulary import instant, write_value
from inventory.words import Fact, InputError, Proof
from tests.inventory.sample import NOW

KNOWN = vocabulary.load()
HOUR = timedelta(hours=1)
AGE = 100


async def record(store: Store, *said: Fact, subject: str = "L1") -> facts.Recorded:
    return await store.write(facts.record, KNOWN, {"link": [(subject, f) for f in said]}, NOW + timedelta(days=30))


async def read(store: Store, at: object, subject: str = "L1") -> list[Fact]:
    return (await store.read(facts.read, KNOWN, "link", [subject], at))[subject]


def answering(value: bool | None, hours: float, source: str = "icmp", proof: Proof = Proof.MEASURED) -> Fact:
    return Fact("link_answering", value, source, NOW + hours * HOUR, proof)


async def test_a_value_that_is_confirmed_stays_one_row_and_moves_its_time(store: Store) -> None:
    assert (await record(store, answering(True, 0))).new == 1
    for hour in range(1, 20):
        assert (await record(store, answering(True, hour))).new == 0
    rows = await store.read(facts.history, KNOWN, "link", "L1")
    assert [(f.value, f.held_since, f.observed_at) for f, _ in rows] == [(True, NOW, NOW + 19 * HOUR)]


async def test_recording_the_same_again_changes_nothing(store: Store) -> None:
    said = [answering(True, 0), answering(False, 1), answering(True, 2)]
    await record(store, *said)
    before = await store.read(facts.history, KNOWN, "link", "L1")
    for _ in range(2):
        assert (await record(store, *said)).new == 0
    assert await store.read(facts.history, KNOWN, "link", "L1") == before


async def test_of_what_changes_with_every_reading_only_the_newest_value_is_kept(store: Store) -> None:
    said = [Fact("round_trip", 0.01 * hour, "icmp", NOW + hour * HOUR) for hour in (1, 3, 2)]
    await record(store, *said[:1])
    for one in (said[1], said[2], said[1]):
        await record(store, one)
    rows = await store.read(facts.history, KNOWN, "link", "L1")
    assert [(f.value, f.held_since, f.observed_at) for f, _ in rows] == [(0.03, NOW + 3 * HOUR, NOW + 3 * HOUR)]
    # As of a time before that reading it is unknown, not what it is now.
    assert await read(store, NOW + 2 * HOUR) == []


async def test_a_change_and_a_gap_longer_than_the_maximum_age_begin_a_new_row(store: Store) -> None:
    await record(store, answering(True, 0), answering(False, 1), answering(False, 1 + 27))
    rows = await store.read(facts.history, KNOWN, "link", "L1")
    assert [(f.value, until) for f, until in rows] == [
        (False, None), (False, NOW + 28 * HOUR), (True, NOW + HOUR),
    ]  # fmt: skip


async def test_as_of_a_time_sees_only_what_was_observed_until_then(store: Store) -> None:
    await record(store, answering(True, 0), answering(True, 10), answering(False, 20))
    assert await read(store, NOW - HOUR) == []
    assert [(f.value, f.observed_at) for f in await read(store, NOW + 5 * HOUR)] == [(True, NOW + 5 * HOUR)]
    assert [(f.value, f.observed_at) for f in await read(store, NOW + 15 * HOUR)] == [(True, NOW + 10 * HOUR)]
    assert [f.value for f in await read(store, NOW + 25 * HOUR)] == [False]


async def test_what_arrives_late_corrects_the_past(store: Store) -> None:
    await record(store, answering(True, 0), answering(True, 20))
    await record(store, answering(False, 10))
    assert [(await read(store, NOW + h * HOUR))[0].value for h in (5, 12, 20)] == [True, False, True]
    # A batch that mixes late and new facts of the same series
    await record(store, answering(False, 2), answering(False, 22), answering(True, 3))
    assert [(await read(store, NOW + h * HOUR))[0].value for h in (1, 2.5, 5, 12, 20, 22)] == [
        True, False, True, False, True, False,
    ]  # fmt: skip


async def test_the_better_proof_is_taken_and_the_other_kept_as_a_conflict(store: Store) -> None:
    await record(store, answering(True, 0, "icmp"), answering(False, 3, "console", Proof.CONSOLE))
    said = await read(store, NOW + 4 * HOUR)
    assert facts.take(KNOWN, said, NOW + 4 * HOUR)["link_answering"].source == "icmp"
    assert [f.source for f in facts.conflicts(KNOWN, said, NOW + 4 * HOUR)["link_answering"]] == ["icmp", "console"]
    # Once the measurement is stale, the console's word is all there is.
    later = NOW + 28 * HOUR
    said = await read(store, later)
    assert facts.take(KNOWN, said, later)["link_answering"].source == "console"
    assert facts.conflicts(KNOWN, said, later) == {}


async def test_stated_unknown_is_no_value_and_hides_none_of_lesser_proof(store: Store) -> None:
    await record(store, answering(None, 0, "icmp"), answering(True, 0, "console", Proof.CONSOLE))
    said = await read(store, NOW)
    assert [f.value for f in said] == [None, True]
    assert facts.take(KNOWN, said, NOW)["link_answering"].value is True


async def test_rows_of_a_table_that_its_source_no_longer_lists_are_gone(store: Store) -> None:
    async def interfaces(hours: int, *names: str) -> None:
        said = [Fact("interface", {"up": True}, "snmp", NOW + hours * HOUR, item=n) for n in names]
        await store.write(facts.record, KNOWN, {"asset": [(1, f) for f in said]}, NOW + timedelta(days=30))

    await interfaces(0, "ge-0/0/1", "ge-0/0/2")
    await interfaces(1, "ge-0/0/2", "ge-0/0/3")
    await store.write(lambda c: c.execute(insert(asset).values(id=1, root=1, created=0)))
    said = (await store.read(facts.read, KNOWN, "asset", [1], NOW + 2 * HOUR))[1]
    rows = facts.table_rows(KNOWN, said, "interface", NOW + 2 * HOUR)
    assert [f.item for f in rows] == ["ge-0/0/2", "ge-0/0/3"]


@pytest.mark.parametrize("seed", range(6))
async def test_the_rows_of_a_table_are_kept_as_if_each_had_been_recorded_alone(store: Store, seed: int) -> None:
    # Rows that hold on are confirmed many at a time; that may change nothing that is kept.
    choose = random.Random(seed)
    key, table = KNOWN.keys["software"], FACTS["asset"]
    age = int(key.max_age.total_seconds() * 1000)
    names, expected = [f"program {n:02}" for n in range(30)], {}
    hours = 0.0
    for _ in range(20):
        hours += choose.choice((1, 24, 24, age / 3_600_000, age / 3_600_000 + 1))
        said = []
        for name in names:
            if choose.random() < 0.9:
                at = NOW + (hours if choose.random() < 0.97 else choose.uniform(0, hours)) * HOUR
                at = at.replace(microsecond=0)
                version = choose.choice("2345") if choose.random() < 0.03 else "1"
                proof = Proof.AGENT if choose.random() < 0.98 else Proof.MEASURED
                said.append((1, Fact("software", {"version": version}, "agent", at, proof, name)))
                seen = Held(instant(at), instant(at), write_value(key, {"version": version}), proof)
                expected[name] = splice(expected[name], seen, age) if name in expected else [seen]
        await store.write(facts.record, KNOWN, {"asset": said}, NOW + timedelta(days=4000))
        kept: dict[str, list[Held]] = {}
        for row in await store.read(lambda c: c.execute(select(table).order_by(table.c.first)).all()):
            kept.setdefault(row.item, []).append(Held(row.first, row.last, row.value, row.proof, row.until))
        assert kept == expected


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (
            Fact("link_answerin", True, "icmp", NOW),
            "fact 'link_answerin' of icmp: expected a key of the link's facts",
        ),
        (
            Fact("answering", True, "icmp", NOW),
            "fact 'answering' of icmp: expected a key of the link's facts",
        ),
        (Fact("link_answering", "yes", "icmp", NOW), "fact link_answering: found 'yes', expected a value of type bool"),
        (Fact("loss", float("nan"), "icmp", NOW), "fact loss: found nan, expected a value of type number"),
    ],
)
async def test_what_is_no_fact_is_refused_and_nothing_of_it_stored(store: Store, fact: Fact, told: str) -> None:
    with pytest.raises(InputError) as caught:
        await record(store, answering(True, 0), fact)
    assert str(caught.value) == told
    assert await read(store, NOW) == []


async def test_a_fact_from_the_future_is_refused_and_names_the_clock(store: Store) -> None:
    with pytest.raises(InputError, match=r"found the time 2026-05-01T08:00:00\+00:00, which is in the future"):
        await record(store, answering(True, 0), Fact("loss", 0.0, "icmp", NOW.replace(month=5, day=1)))
    assert await read(store, NOW) == []


points = st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(["a", "b", None])), min_size=1, max_size=25)


@given(points)
def test_a_series_is_always_sorted_disjoint_and_open_at_its_end(seen: list[tuple[int, str | None]]) -> None:
    rows: list[Held] = []
    for at, value in seen:
        point = Held(at, at, value, 1)
        rows = splice(rows, point, AGE) if rows else [point]
    for row, after in itertools.pairwise(rows):
        assert row.first < after.first
        assert row.first <= row.last <= row.until == after.first
        assert not row.same(after) or after.first - row.last > AGE
    assert rows[-1].until == FOREVER


@given(points)
def test_in_order_every_instant_has_the_value_seen_last(seen: list[tuple[int, str | None]]) -> None:
    said = dict(sorted(dict(seen).items()))
    rows: list[Held] = []
    for at, value in said.items():
        rows = splice(rows, Held(at, at, value, 1), AGE) if rows else [Held(at, at, value, 1)]
    for at, value in said.items():
        assert [r.value for r in rows if r.first <= at < r.until] == [value]


@given(points, st.randoms(use_true_random=False))
def test_in_any_order_each_instant_keeps_what_was_said_of_it_last(
    seen: list[tuple[int, str | None]], random: object
) -> None:
    said = dict(seen)
    rows: list[Held] = []
    for at, value in said.items():
        rows = splice(rows, Held(at, at, value, 1), AGE) if rows else [Held(at, at, value, 1)]
        # What was just said of this instant is what it now holds.
        assert [r.value for r in rows if r.first <= at < r.until] == [value]
