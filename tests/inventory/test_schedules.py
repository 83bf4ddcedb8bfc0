"""Schedules in the store: done once among many, coalesced, skipped, missed, paused, and taken up when one dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from inventory.cadence import Window, first_turn, read_cadence, read_window
from inventory.store import Store, schedules
from inventory.store.schedules import LEASE, Claimed
from inventory.words import InputError, Outcome, Schedule

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOWS: dict[str, Window] = {"night": read_window("night", "mon-fri", ["20:00-05:30"])}


def after(schedule: Schedule, planned: datetime, now: datetime) -> datetime | None:
    return first_turn(read_cadence(schedule.cadence), WINDOWS.get(schedule.window), planned, now)


def is_open(schedule: Schedule, now: datetime) -> bool:
    window = WINDOWS.get(schedule.window)
    return window is None or window.is_open(now)


def hourly(name: str = "h", **more: object) -> Schedule:
    return Schedule(name, "judge", "every 1h", **more)  # type: ignore[arg-type]


async def put(store: Store, schedule: Schedule, now: datetime = NOW) -> Schedule:
    return await store.write(schedules.put, schedule, now, after)


async def claim(store: Store, now: datetime, owner: str = "one") -> list[Claimed]:
    if not await store.read(schedules.is_due, now):
        return []
    return await store.write(schedules.claim, owner, now, after, is_open)


async def finish(store: Store, claimed: Claimed, now: datetime, owner: str = "one") -> None:
    await store.write(schedules.finish, claimed, owner, now, Outcome.DONE, "")


async def outcomes(store: Store, name: str = "h") -> list[Outcome]:
    return [turn.outcome for turn in reversed(await store.read(schedules.turns, name))]


async def test_a_turn_is_taken_by_one_of_many(store: Store) -> None:
    await put(store, hourly())
    taken = await asyncio.gather(*(claim(store, NOW, f"process {n}") for n in range(8)))
    assert sum(map(len, taken)) == 1
    assert [s.running for s in await store.read(schedules.load)] == [NOW]


async def test_missed_turns_are_done_once_and_the_beat_is_kept(store: Store) -> None:
    await put(store, hourly())
    (first,) = await claim(store, NOW)
    await finish(store, first, NOW + MINUTE)
    assert await claim(store, NOW + 59 * MINUTE) == []
    (late,) = await claim(store, NOW + timedelta(hours=7, minutes=20))
    await finish(store, late, NOW + timedelta(hours=7, minutes=21))
    (standing,) = await store.read(schedules.load)
    assert standing.planned == NOW + timedelta(hours=8)
    assert await outcomes(store) == [Outcome.DONE, Outcome.DONE]


async def test_a_turn_whose_predecessor_still_runs_is_skipped_and_told(store: Store) -> None:
    await put(store, hourly())
    (first,) = await claim(store, NOW)
    for minutes in range(1, 62):
        await store.write(schedules.renew, "one", NOW + minutes * MINUTE, ["h"])
        assert await claim(store, NOW + minutes * MINUTE, "two") == []
    skipped, running = await store.read(schedules.turns, "h")
    assert (running.outcome, skipped.outcome) == (Outcome.RUNNING, Outcome.SKIPPED)
    assert "still running since 2026-11-30 03:00" in skipped.detail
    await finish(store, first, NOW + 62 * MINUTE)
    assert len(await claim(store, NOW + 121 * MINUTE)) == 1


async def test_what_a_killed_process_did_is_broken_off_and_done_again(store: Store) -> None:
    await put(store, hourly())
    (lost,) = await claim(store, NOW)
    assert await claim(store, NOW + LEASE / 2, "two") == []
    (again,) = await claim(store, NOW + timedelta(hours=1), "two")
    assert await outcomes(store) == [Outcome.BROKEN_OFF, Outcome.RUNNING]
    # The one that was thought dead comes back: the job is no longer its own, and it ends nobody else's.
    assert await store.write(schedules.renew, "one", NOW + timedelta(hours=1), ["h"]) == set()
    await finish(store, lost, NOW + timedelta(hours=1, minutes=1), "one")
    assert (await store.read(schedules.load))[0].running is not None
    await finish(store, again, NOW + timedelta(hours=1, minutes=2), "two")
    assert (await store.read(schedules.load))[0].running is None


async def test_paused_nothing_begins_but_what_somebody_asks_for(store: Store) -> None:
    await put(store, hourly())
    await store.write(schedules.pause, "h", True, NOW, after)
    assert await claim(store, NOW + timedelta(hours=5)) == []
    await store.write(schedules.ask, "h", NOW + timedelta(hours=5))
    (asked,) = await claim(store, NOW + timedelta(hours=5))
    await finish(store, asked, NOW + timedelta(hours=5, minutes=1))
    resumed = await store.write(schedules.pause, "h", False, NOW + timedelta(hours=6, minutes=5), after)
    assert resumed.next_at == NOW + timedelta(hours=7)


async def test_outside_of_its_window_a_turn_is_missed_and_the_next_lies_inside(store: Store) -> None:
    night = await put(store, hourly(window="night"))
    assert night.next_at == datetime(2026, 11, 30, 13, 0, tzinfo=UTC)  # 20:00 in Vietnam
    morning = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
    assert await claim(store, morning) == []
    assert await outcomes(store) == [Outcome.MISSED]
    (standing,) = await store.read(schedules.load)
    assert standing.next_at == datetime(2026, 12, 1, 13, 0, tzinfo=UTC)
    with pytest.raises(InputError, match="no turn of '0 12"):
        await put(store, Schedule("noon", "judge", "0 12 * * *", "night"))


async def test_a_clock_that_was_set_back_leaves_no_turn_waiting_in_the_future(store: Store) -> None:
    await put(store, hourly(), NOW + timedelta(days=30))
    assert await store.write(schedules.claim, "one", NOW, after, is_open) == []
    (standing,) = await store.read(schedules.load)
    assert standing.next_at == NOW + timedelta(hours=1)


async def test_jitter_moves_the_begin_and_not_the_beat(store: Store) -> None:
    await put(store, hourly(jitter=timedelta(minutes=10)))
    (first,) = await claim(store, NOW)
    await finish(store, first, NOW + MINUTE)
    (standing,) = await store.read(schedules.load)
    assert standing.planned == NOW + timedelta(hours=1)
    assert standing.next_at is not None and standing.planned < standing.next_at < standing.planned + 10 * MINUTE


async def test_the_settings_schedules_follow_them_and_a_persons_stand(store: Store) -> None:
    def said(*names: str) -> list[Schedule]:
        return [Schedule(name, "judge", "every 1h", origin="settings") for name in names]

    await put(store, Schedule("b", "judge", "every 2h"))
    await store.write(schedules.follow_settings, said("a", "b"), NOW, after)
    (claimed, _) = await claim(store, NOW)
    await finish(store, claimed, NOW)
    await store.write(schedules.pause, "a", True, NOW, after)
    await store.write(schedules.follow_settings, said("a", "b"), NOW + MINUTE, after)
    first, second = await store.read(schedules.load)
    assert (first.cadence, first.paused, first.next_at) == ("every 1h", True, NOW + timedelta(hours=1))
    assert (second.cadence, second.origin) == ("every 2h", "person")
    with pytest.raises(InputError, match="follows from the settings"):
        await store.write(schedules.remove, "a")
    # A command may have other settings than the server: it takes nothing away.
    await store.write(lambda c: schedules.follow_settings(c, said("c"), NOW, after, add_only=True))
    assert [s.name for s in await store.read(schedules.load)] == ["a", "b", "c"]
    await store.write(schedules.follow_settings, said("c"), NOW, after)
    assert [s.name for s in await store.read(schedules.load)] == ["b", "c"]


REFUSED: list[tuple[Callable[[], Schedule], str]] = [
    (lambda: Schedule("Tên có dấu", "judge", "every 1h"), "found the name"),
    (lambda: Schedule("", "judge", "every 1h"), "found the name"),
    (lambda: Schedule("x; rm -rf", "judge", "every 1h"), "found the name"),
    (lambda: Schedule("x", "judge", "hourly"), "expected five fields"),
]


@pytest.mark.parametrize(("made", "why"), REFUSED)
async def test_what_is_no_schedule_is_refused(store: Store, made: Callable[[], Schedule], why: str) -> None:
    with pytest.raises(InputError, match=why):
        await put(store, made())
    for do in (schedules.remove, lambda c, name: schedules.ask(c, name, NOW)):
        with pytest.raises(InputError, match="found no schedule"):
            await store.write(do, "nobody")


async def test_old_turns_are_forgotten_and_running_ones_are_not(store: Store) -> None:
    await put(store, hourly())
    (first,) = await claim(store, NOW)
    assert await store.write(schedules.prune, NOW + timedelta(days=500)) == 0
    await finish(store, first, NOW)
    assert await store.write(schedules.prune, NOW + timedelta(days=500)) == 1


async def test_how_a_schedule_stands_is_told_by_the_turns_that_had_ended(store: Store) -> None:
    await put(store, hourly())
    (never,) = await store.read(schedules.states, NOW)
    assert (never.outcome, never.last_success, never.running, never.next_at) == (None, None, False, NOW)
    (first,) = await claim(store, NOW)
    (going,) = await store.read(schedules.states, NOW)
    assert (going.running, going.outcome) == (True, None)
    await finish(store, first, NOW + MINUTE)
    (second,) = await claim(store, NOW + timedelta(hours=1))
    failed = NOW + timedelta(hours=1) + MINUTE
    await store.write(schedules.finish, second, "one", failed, Outcome.FAILED, "no answer")
    (now,) = await store.read(schedules.states, failed)
    assert (now.outcome, now.last_success, now.running) == (Outcome.FAILED, NOW + MINUTE, False)
    assert now.next_at == NOW + timedelta(hours=2)
    (before,) = await store.read(schedules.states, NOW + timedelta(minutes=30))
    assert (before.outcome, before.last_success) == (Outcome.DONE, NOW + MINUTE)


async def test_what_was_asked_for_is_claimed_as_such_and_only_what_is_done_is_renewed(store: Store) -> None:
    await put(store, hourly("a", window="night"))
    await put(store, hourly("b", window="night"))
    await store.write(schedules.ask, "a", NOW)
    (asked,) = await claim(store, NOW)
    assert asked.asked
    await store.write(schedules.ask, "b", NOW)
    await claim(store, NOW)
    # The end of "b" could not be told: nobody renews it, and it ends by itself.
    assert await store.write(schedules.renew, "one", NOW + LEASE, ["a"]) == {"a"}
    await store.write(schedules.ask, "b", NOW + LEASE + MINUTE)
    (again,) = await claim(store, NOW + LEASE + MINUTE, "two")
    assert again.schedule.name == "b"
