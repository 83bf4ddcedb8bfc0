"""Several programs at one database: nothing is made twice, and what is read together is of one moment."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from inventory.store import Connection, Store, facts, registers, runs, snapshots
from inventory.store.tables import FACTS, FOREVER, asset, finding
from inventory.words import Fact, Observation
from tests.inventory.sample import FIREWALL, NOW, REGISTER, device, reading, sweep
from tests.inventory.test_judge import KNOWN, bring, declare, goals, judge


async def test_programs_that_meet_the_same_new_device_make_one_asset(store: Store, store_url: str) -> None:
    others = [Store.open(store_url) for _ in range(4)]
    serial = "FW99120034"
    brought = [
        (one, reading("A", device("A", 5, serial=serial, role="firewall", source=f"s{n}"), collector=f"s{n}"))
        for n, one in enumerate([store, *others] * 3)
    ]
    await asyncio.gather(*(one.write(runs.record, KNOWN, run, NOW) for one, run in brought))
    assert await store.read(lambda c: c.scalar(select(func.count()).select_from(asset))) == 1
    for one in others:
        await one.close()


async def test_programs_that_confirm_the_same_series_keep_it_one(store: Store, store_url: str) -> None:
    others = [Store.open(store_url) for _ in range(3)]

    def said(second: int) -> Observation:
        at = NOW.replace(second=second)
        return Observation((Fact("link_answering", second % 3 > 0, "icmp", at),), link="line-a")

    await asyncio.gather(
        *(
            one.write(runs.record, KNOWN, reading("A", said(n)), NOW.replace(minute=30))
            for n, one in enumerate(others * 6)
        )
    )
    t = FACTS["link"].c
    assert await store.read(lambda c: c.scalar(select(func.count()).where(t.until == FOREVER))) == 1
    rows = [
        (f.held_since, f.observed_at, until) for f, until in await store.read(facts.history, KNOWN, "link", "line-a")
    ]
    assert all(since <= last for since, last, _ in rows)
    assert [until for *_, until in rows] == [None, *(since for since, *_ in rows[:-1])]
    for one in others:
        await one.close()


async def test_two_programs_may_make_the_tables_at_once(store_url: str) -> None:
    stores = [Store.open(store_url) for _ in range(3)]
    await asyncio.gather(*(one.migrate() for one in stores))
    assert len({await one.version() for one in stores}) == 1
    for one in stores:
        await one.close()


async def test_what_is_read_together_is_of_one_moment(store: Store, store_url: str) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, role="firewall")))
    other = Store.open(store_url)

    loop = asyncio.get_running_loop()

    def look(connection: Connection) -> list[dict[str, str]]:
        seen = []
        for agency in "BC":
            snapshot = snapshots.take(connection, KNOWN, goals(FIREWALL), NOW)
            seen.append({t.agency: str(t.status) for t in snapshot.tallies})
            # Before it looks again, another program brings something new.
            brought = bring(other, sweep(agency, device(agency, 5, role="firewall")))
            asyncio.run_coroutine_threadsafe(brought, loop).result(30)
        return seen

    first, second = await store.read(look)
    assert first == second == {"A": "met", "B": "unknown", "C": "unknown"}
    after = await judge(store, goals(FIREWALL))
    assert {str(t.status) for t in after.tallies} == {"met"}
    await other.close()


async def test_two_programs_that_judge_keep_one_finding_for_each_member(store: Store, store_url: str) -> None:
    await declare(store)
    other = Store.open(store_url)
    await bring(store, sweep("A", device("A", 5, role="firewall")))
    await asyncio.gather(*(judge(one, goals(FIREWALL), NOW, keep=True) for one in (store, other) * 3))
    rows = await store.read(lambda c: c.execute(select(finding.c.member).where(finding.c.until == FOREVER)).all())
    assert sorted(r.member for r in rows) == ["A", "B", "C"]
    await other.close()


async def test_a_register_is_taken_in_by_two_programs_at_once(store: Store, store_url: str) -> None:
    other = Store.open(store_url)
    await asyncio.gather(
        *(one.write(registers.take_in, KNOWN, REGISTER, "register.csv", NOW) for one in (store, other) * 2)
    )
    assert len((await store.read(registers.load)).agencies) == 4
    await other.close()
