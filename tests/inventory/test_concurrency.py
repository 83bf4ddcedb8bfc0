"""Several programs at one database: nothing is made twice, and what is read together is of one moment."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import func, select, text

from inventory.store import Connection, Store, facts, registers, runs, snapshots
from inventory.store.tables import FACTS, FOREVER, asset, finding
from inventory.words import Fact, InputError, Observation, StoreError
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


async def test_writers_go_on_while_a_judgement_is_made_and_it_minds_another_that_was_kept_meanwhile(
    store: Store,
) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, role="firewall")))
    prepared, kept = threading.Event(), threading.Event()

    def prepare(connection: Connection) -> snapshots.Prepared:
        made = snapshots.prepare(connection, KNOWN, goals(FIREWALL), NOW)
        prepared.set()
        # Others write, and judge, before this one is stored.
        assert kept.wait(30)
        return made

    judging = asyncio.create_task(store.write_prepared(prepare, snapshots.store))
    await asyncio.to_thread(prepared.wait, 30)
    await bring(store, sweep("B", device("B", 5, role="switch")))
    between = await judge(store, goals(FIREWALL), NOW, keep=True)
    assert {t.agency: str(t.status) for t in between.tallies} == {"A": "met", "B": "unmet", "C": "unknown"}
    kept.set()
    assert {t.agency: str(t.status) for t in (await judging).tallies} == {"A": "met", "B": "unknown", "C": "unknown"}
    f = finding.c
    rows = await store.read(lambda c: c.execute(select(f.member, f.status).where(f.until == FOREVER)).all())
    assert sorted(map(tuple, rows)) == [("A", "met"), ("B", "unknown"), ("C", "unknown")]


async def test_an_older_judgement_that_comes_later_is_not_kept(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, role="firewall")))
    prepared, kept = threading.Event(), threading.Event()

    def prepare(connection: Connection) -> snapshots.Prepared:
        made = snapshots.prepare(connection, KNOWN, goals(FIREWALL), NOW)
        prepared.set()
        assert kept.wait(30)
        return made

    judging = asyncio.create_task(store.write_prepared(prepare, snapshots.store))
    await asyncio.to_thread(prepared.wait, 30)
    later = NOW.replace(minute=NOW.minute + 1)
    await judge(store, goals(FIREWALL), later, keep=True)
    kept.set()
    await judging
    assert await store.read(snapshots.newest) == later
    assert await store.read(lambda c: c.scalar(select(func.count()).select_from(finding))) == 3


# --- several in one transaction ---------------------------------------------------------------------------------------


def counting(connection: Connection, number: int) -> int:
    """Make an asset and say which; numbers that are no good are refused after that."""
    connection.execute(asset.insert().values(id=number, root=number, created=0))
    if number % 7 == 3:
        raise InputError(f"{number} is no good")
    if number % 7 == 5:
        connection.execute(asset.insert().values(id=number, root=number, created=0))
    return number


async def test_of_several_that_share_a_transaction_only_the_bad_ones_fail(store: Store) -> None:
    told = await asyncio.gather(
        *(store.write_together(counting, number) for number in range(1, 41)), return_exceptions=True
    )
    for number, result in enumerate(told, 1):
        match number % 7:
            case 3:
                assert isinstance(result, InputError) and str(result) == f"{number} is no good"
            case 5:
                assert isinstance(result, StoreError)
            case _:
                assert result == number
    stored = await store.read(lambda c: c.execute(select(asset.c.id).order_by(asset.c.id)).scalars().all())
    assert stored == [number for number in range(1, 41) if number % 7 not in (3, 5)]


async def test_who_gave_up_before_its_turn_is_left_out(store: Store) -> None:
    held, free = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        held.set()
        assert free.wait(30)

    first = asyncio.create_task(store.write(hold))
    await asyncio.to_thread(held.wait, 30)
    gave_up, stays = (asyncio.create_task(store.write_together(counting, number)) for number in (1, 2))
    await asyncio.sleep(0)
    gave_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gave_up
    free.set()
    assert (await first, await stays) == (None, 2)
    assert await store.read(lambda c: c.execute(select(asset.c.id)).scalars().all()) == [2]


async def test_a_database_that_fails_is_told_to_all_that_wait(store: Store) -> None:
    def broken(connection: Connection) -> None:
        connection.execute(text("SELECT no_such_function()"))

    told = await asyncio.gather(*(store.write_together(broken) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(error, StoreError) for error in told)


async def test_a_register_is_taken_in_by_two_programs_at_once(store: Store, store_url: str) -> None:
    other = Store.open(store_url)
    await asyncio.gather(
        *(one.write(registers.take_in, KNOWN, REGISTER, "register.csv", NOW) for one in (store, other) * 2)
    )
    assert len((await store.read(registers.load)).agencies) == 4
    await other.close()


async def test_who_is_cancelled_while_its_thread_works_leaves_no_connection_half_used(store: Store) -> None:
    held, free = threading.Event(), threading.Event()

    def prepare(connection: Connection) -> int:
        held.set()
        assert free.wait(30)
        return int(connection.scalar(select(func.count()).select_from(asset)) or 0)

    for _ in range(12):  # more than there are connections in the pool
        held.clear()
        free.clear()
        going = asyncio.create_task(store.write_prepared(prepare, lambda _, counted: counted))
        await asyncio.to_thread(held.wait, 30)
        going.cancel()
        await asyncio.sleep(0)
        assert not going.done()  # its thread still has the connection
        free.set()
        with pytest.raises(asyncio.CancelledError):
            await going
    assert await store.read(lambda c: c.scalar(select(func.count()).select_from(asset))) == 0
