"""Figures of the ends of days are kept, and judged again as soon as anything is told of the days before."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from inventory.goals import Goals
from inventory.periods import ZONE, end_of_day
from inventory.store import Store, assets, closings, counts_told, registers, snapshots, waivers
from inventory.store.period_counts import Counted, Origin
from inventory.store.tables import closing
from inventory.words import Control, Identity, Status, Title, Waiver
from tests.inventory.sample import FIREWALL, NOW, REGISTER, agency, device, reading, sweep
from tests.inventory.test_judge import DAY, KNOWN, bring, declare, goals

SIGNED = Control("signed", Title("ký", "signed"), "agencies", "", numerator="documents_signed", denominator="documents")
GOALS = goals(FIREWALL, SIGNED)
PLAN = GOALS.plans["plan"]
TODAY = NOW.astimezone(ZONE).date()
END = end_of_day(TODAY)


async def figures(store: Store, at: datetime = END, what: Goals = GOALS) -> closings.Closing:
    found = await store.read(closings.figures, KNOWN, what, what.plans["plan"], at)
    if not found.kept:
        await store.write(closings.keep, found)
    judged = await store.read(snapshots.take, KNOWN, what, at)
    assert found.coverage == judged.coverage, "whatever is kept is what is judged"
    return found


@pytest.fixture
async def closed(store: Store) -> Store:
    """A province whose last three days are closed; A has a firewall."""
    await declare(store)
    for days in (-2, -1, 0):
        at = NOW + days * DAY
        await bring(store, sweep("A", device("A", 5, role="firewall", at=at, serial="SN-000111"), at=at), now=at)
        await bring(store, sweep("B", device("B", 5, role="switch", at=at), at=at), now=at)
    for days in (0, 1, 2):
        await figures(store, END - days * DAY)
    return store


@pytest.mark.parametrize(
    ("at", "ends"),
    [(END, True), (END - timedelta(milliseconds=1), False), (END + timedelta(milliseconds=1), False), (NOW, False)],
)
def test_the_last_instant_of_a_day_in_vietnam_ends_it(at: datetime, ends: bool) -> None:
    assert closings.ends_a_day(at) is ends


async def test_what_was_closed_is_read(closed: Store) -> None:
    assert (await figures(closed)).kept
    false = [["firewall", "all", 77, 0, 0, 0, 0, 0, True]]

    await closed.write(lambda c: c.execute(update(closing).values(document=json.dumps(false))))
    found = await closed.read(closings.figures, KNOWN, GOALS, PLAN, END)
    assert [row.met for row in found.coverage] == [77], "nothing was judged"


async def late_report(store: Store) -> None:
    at = NOW - 1 * DAY + timedelta(hours=1)
    await bring(store, reading("B", device("B", 9, role="firewall", at=at, source="snmp"), at=at), now=NOW + 2 * DAY)


async def late_sweep(store: Store) -> None:
    at = NOW - 1 * DAY + timedelta(hours=2)
    await bring(store, sweep("C", at=at), now=NOW + 2 * DAY)


async def merger(store: Store) -> None:
    at = NOW + timedelta(hours=1)
    other = device("A", 6, role="firewall", at=at, source="snmp", serial="SN-000222")
    await bring(store, reading("A", other, at=at), now=at)
    await figures(store)
    one, two = [
        await store.write(assets.resolve, Identity(frozenset({("serial", s)}), agency="A"), NOW)
        for s in ("SN-000111", "SN-000222")
    ]
    await store.write(assets.join, two, one, "the same", NOW + 2 * DAY)


async def waive(store: Store) -> None:
    given = Waiver(0, FIREWALL.id, "", "B", Status.WAIVED, "a", "b", "", TODAY - timedelta(days=5), TODAY)
    await store.write(waivers.add, FIREWALL, REGISTER, given, NOW)


async def other_register(store: Store) -> None:
    ended = agency("B", valid_to=TODAY - timedelta(days=1), successor="A")
    agencies = tuple(ended if a.code == "B" else a for a in REGISTER.agencies)
    await store.write(registers.replace, replace(REGISTER, agencies=agencies))


async def count(store: Store) -> None:
    rows = [Counted("row", "A", key, "2026-02", 5, Origin("x")) for key in ("documents", "documents_signed")]
    await store.write(counts_told.take_in, KNOWN, GOALS, rows, NOW + 2 * DAY)


@pytest.mark.parametrize("tell", [late_report, late_sweep, merger, waive, other_register, count])
async def test_what_is_told_later_of_a_closed_day_is_in_its_figures(
    closed: Store, tell: Callable[[Store], Awaitable[None]]
) -> None:
    before = await figures(closed)
    await tell(closed)
    after = await figures(closed)
    assert not after.kept
    if tell is not merger:
        assert after.coverage != before.coverage
    assert (await figures(closed)).kept


async def test_what_is_told_of_today_leaves_the_days_before_closed(closed: Store) -> None:
    at = NOW + DAY
    await bring(closed, sweep("B", device("B", 9, role="firewall", at=at), at=at), now=at)
    assert (await figures(closed)).kept
    # And what is told late of a day leaves those before it.
    await late_report(closed)
    assert [(await figures(closed, END - n * DAY)).kept for n in (0, 1, 2)] == [False, False, True]


async def test_another_plan_or_control_is_judged_anew(closed: Store) -> None:
    stricter = goals(replace(FIREWALL, meets="firewalls_answering >= 2"), SIGNED)
    found = await figures(closed, what=stricter)
    assert not found.kept and found.coverage[-1].met == 0


async def test_which_days_are_still_to_be_closed(closed: Store) -> None:
    ends = [END - n * DAY for n in range(5)]
    assert await closed.read(closings.not_closed, GOALS, PLAN, ends) == [], "before any judgement nothing is"
    await closed.write(snapshots.take, KNOWN, GOALS, END - 4 * DAY, keep=True)
    assert await closed.read(closings.not_closed, GOALS, PLAN, ends) == [END - 3 * DAY, END - 4 * DAY]
    await late_report(closed)
    assert await closed.read(closings.not_closed, GOALS, PLAN, ends) == [END - n * DAY for n in (0, 1, 3, 4)]


async def test_of_what_changes_with_every_reading_each_day_keeps_its_last(store: Store) -> None:
    """Else a past day would be unknown as soon as the next reading came, and its closing would say otherwise."""
    warm = Control("warm", Title("a", "a"), "assets", "temperature <= 27", "role = 'sensor'")
    what = goals(warm)
    await declare(store)
    for hours, degrees in ((0, 20.0), (5, 30.0), (24, 21.0), (29, 22.0), (48, 40.0)):
        at = NOW + timedelta(hours=hours)
        said = device("A", 7, at=at, source="snmp", role="sensor", temperature=degrees)
        await bring(store, reading("A", said, at=at), now=at)
    found = []
    for day in (0, 1, 2):
        await figures(store, END + day * DAY, what)
        coverage = (await figures(store, END + day * DAY, what)).coverage[-1]
        found.append((coverage.met, coverage.unmet, coverage.unknown))
    assert found == [(0, 1, 0), (1, 0, 0), (0, 1, 0)]


async def test_what_is_told_at_midnight_and_committed_after_it_is_in_the_day(store: Store) -> None:
    await declare(store)
    await figures(store)
    at = END - timedelta(seconds=2)
    await bring(store, sweep("A", device("A", 5, role="firewall", at=at), at=at), now=END - timedelta(seconds=1))
    assert not (await figures(store)).kept
