"""Trends and what is kept of figures, on SQLite and PostgreSQL: the last of every day, for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from inventory.periods import ZONE
from inventory.store import Store, snapshots
from inventory.store.tables import coverage
from inventory.words import ALL_LEVELS
from tests.inventory.sample import FIREWALL, NOW, device, sweep
from tests.inventory.test_judge import DAY, bring, declare, goals, judge

HOUR = timedelta(hours=1)


async def history(store: Store) -> None:
    """Three judgements a day on ten days; from the fifth day on A has a firewall that answers."""
    await declare(store)
    for day in range(10):
        at = NOW + day * DAY
        if day >= 5:
            await bring(store, sweep("A", device("A", 5, role="firewall", at=at), at=at))
        for hours in (0, 1, 2):
            await judge(store, goals(FIREWALL), at + hours * HOUR, keep=True)


async def kept(store: Store) -> int:
    found = await store.read(lambda c: c.scalar(select(func.count(func.distinct(coverage.c.at)))))
    assert found is not None
    return found


async def days_of(store: Store) -> list[snapshots.Point]:
    plan = goals(FIREWALL).plans["plan"]
    last = NOW + 20 * DAY
    return list(await store.read(snapshots.trend, plan.id, plan.goals[0].id, ALL_LEVELS, last, NOW - DAY))


async def test_each_day_has_its_last_figures(store: Store) -> None:
    await history(store)
    points = await days_of(store)
    assert [p.day for p in points] == [(NOW + n * DAY).astimezone(ZONE).date() for n in range(10)]
    assert {p.at.hour for p in points} == {(NOW + 2 * HOUR).hour}
    assert [p.proven for p in points] == [0.0] * 5 + [1 / 3] * 5
    assert all(p.possible == 1.0 and p.counted == 3 for p in points)


async def test_what_is_asked_for_is_bounded(store: Store) -> None:
    await history(store)
    plan = goals(FIREWALL).plans["plan"]
    name = (plan.id, plan.goals[0].id, ALL_LEVELS)
    some = await store.read(snapshots.trend, *name, NOW + 4 * DAY, NOW + 2 * DAY)
    assert len(some) == 3 and await store.read(snapshots.trend, "other", *name[1:], NOW + 9 * DAY, NOW) == ()


async def test_of_days_long_past_the_last_figures_stay(store: Store) -> None:
    await history(store)
    before = await days_of(store)
    assert await kept(store) == 30
    now = NOW + 13 * DAY
    gone = await store.write(snapshots.prune, now)
    # Five days ended longer ago than every figure is kept: of each one is left.
    assert (gone, await kept(store)) == (2 * 5, 20)
    assert await days_of(store) == before
    assert await store.write(snapshots.prune, now) == 0
    assert await store.read(snapshots.newest) == NOW + 9 * DAY + 2 * HOUR


async def test_the_figures_kept_tell_what_is_to_come(store: Store) -> None:
    await declare(store)
    plan = goals(FIREWALL).plans["plan"]
    goal = replace(plan.goals[0], due=(NOW + 100 * DAY).date())
    for day in range(30):
        at = NOW + day * DAY
        if day >= 5:
            await bring(store, sweep("A", device("A", 5, role="firewall", at=at), at=at))
        if day >= 15:
            await bring(store, sweep("B", device("B", 5, role="firewall", at=at), at=at))
        await judge(store, goals(FIREWALL), at, keep=True)
    told = await store.read(snapshots.ahead, plan.id, goal, ALL_LEVELS, NOW + 29 * DAY)
    # One of three had a firewall from the sixth day on, two from the sixteenth.
    assert told is not None and told.days == 30 and told.per_month > 0.3
    assert told.at_due == 1.0 and told.reached is not None and told.reached < goal.due
    assert await store.read(snapshots.ahead, plan.id, goal, ALL_LEVELS, NOW + 3 * DAY) is None
