"""What could make a figure wrong: devices that move, registers that change, late word, and text that is none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from inventory.store import Store, facts, runs
from inventory.store.tables import run, target_state
from inventory.words import Run, Status
from tests.inventory.sample import FIREWALL, NOW, device, sweep
from tests.inventory.test_judge import DAY, KNOWN, bring, declare, status_of

HOUR = timedelta(hours=1)
MAC, MAC2 = "00:1b:21:3c:4d:5e", "00:1b:21:aa:bb:cc"


async def answers(store: Store, number: int, at: datetime) -> bool | None:
    said = (await store.read(facts.read, KNOWN, "asset", [number], at))[number]
    taken = facts.take(KNOWN, said, at)
    return bool(taken["answering"].value) if "answering" in taken else None


# --- devices that move ----------------------------------------------------------------------------------------------


async def test_a_device_that_moved_is_not_absent_where_it_was(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, serial="SW99120034", role="firewall")))
    later = NOW + DAY
    await bring(store, sweep("B", device("B", 5, later, serial="SW99120034", role="firewall"), at=later))
    await bring(store, sweep("A", at=later + HOUR))
    assert await answers(store, 1, later + 2 * HOUR) is True
    assert (await status_of(store, FIREWALL, "B", later + 2 * HOUR))[0] is Status.MET
    # A sweep of where it is now does say so.
    await bring(store, sweep("B", at=later + 3 * HOUR))
    assert await answers(store, 1, later + 4 * HOUR) is False


async def test_a_device_whose_address_another_has_now_is_absent(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, serial="FW99120034", role="firewall")))
    later = NOW + HOUR
    await bring(store, sweep("A", device("A", 5, later, serial="PC77120035", role="workstation"), at=later))
    assert await answers(store, 1, later) is False
    assert (await status_of(store, FIREWALL, "A", later))[0] is Status.UNMET


async def test_a_sweep_that_arrives_late_says_nothing_of_what_came_after_it(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, serial="FW99120034", role="firewall"), at=NOW))
    await bring(store, sweep("A", at=NOW - DAY))
    assert len(await store.read(facts.history, KNOWN, "asset", 1)) == 5
    assert await answers(store, 1, NOW) is True


async def test_the_end_of_a_sweep_looks_only_at_its_own_network(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5)), sweep("B", device("B", 6)))

    def plans(connection: object) -> str:
        asked: list[str] = []
        from sqlalchemy import event

        def note(_c: object, _k: object, statement: str, values: object, *_: object) -> None:
            if "asset_fact" in statement and statement.startswith("SELECT"):
                plan = connection.connection.cursor()  # type: ignore[attr-defined]
                plan.execute("EXPLAIN QUERY PLAN " + statement, values)
                asked.extend(str(row) for row in plan.fetchall())

        event.listen(connection, "before_cursor_execute", note)
        runs.record(connection, KNOWN, sweep("A", at=NOW + HOUR), NOW + HOUR)  # type: ignore[arg-type]
        event.remove(connection, "before_cursor_execute", note)
        return "\n".join(asked)

    if not (await store.read(lambda c: c.dialect.name)) == "sqlite":
        pytest.skip("the plan is asked of SQLite; on so few rows PostgreSQL reads tables whole whatever its indexes")
    told = await store.write(plans)
    assert "asset_fact_network" in told
    assert "SCAN asset_fact" not in told


async def test_a_run_that_is_delivered_twice_counts_once(store: Store) -> None:
    failed = Run("snmp", "A device", NOW, NOW, (), False, "no answer", "A")
    await bring(store, failed, failed, sweep("A", device("A", 1)), sweep("A", device("A", 1)))
    assert await store.read(lambda c: c.scalar(select(func.count()).select_from(run))) == 2
    assert await store.read(lambda c: c.scalar(select(func.max(target_state.c.failures)))) == 1
