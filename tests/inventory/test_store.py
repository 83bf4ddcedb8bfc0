"""The store itself: migrations, transactions, and a database that is locked, full, foreign or too new."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select

from inventory import vocabulary
from inventory.store import Store, facts, runs, versions
from inventory.store.tables import level, metadata
from inventory.words import InputError, StoreError
from tests.inventory.sample import NOW, device, reading

ROW = {"code": "province", "name_vi": "Cấp tỉnh", "name_en": "Province", "rank": 1, "part": False}


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(store: Store) -> None:
    difference = await store.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    assert difference == []
    await store.migrate()
    current, needed = await store.version()
    assert current == needed


async def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    def half(connection: object) -> None:
        connection.execute(insert(level), [ROW])  # type: ignore[attr-defined]
        raise InputError("half-way")

    with pytest.raises(InputError, match="half-way"):
        await store.write(half)
    assert await store.read(lambda c: c.execute(select(level)).all()) == []


async def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    known = vocabulary.load()
    brought = [reading("A", device("A", host, serial=f"SN55{host:04}X"), collector="snmp") for host in range(30)]
    await asyncio.gather(*(store.write(runs.record, known, run, NOW) for run in brought))
    found = await store.read(runs.addresses)
    assert len(found) == len({root for root, *_ in found}) == 30


async def test_a_database_without_tables_says_what_to_do(store_url: str) -> None:
    store = Store.open(store_url)
    with pytest.raises(StoreError, match="run dophu init"):
        await store.read(runs.addresses)
    await store.close()


async def test_a_database_of_a_newer_version_is_left_alone(store: Store) -> None:
    await store.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="of version '9999', which this Dophu does not know: install a newer one"):
        await store.migrate()


async def test_a_locked_database_is_told_and_nothing_half_stored(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'd.db'}", patience_seconds=0.2)
    await store.migrate()
    other = sqlite3.connect(tmp_path / "d.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"database is locked \(another program holds the database\)"):
        await store.write(runs.record, vocabulary.load(), reading("A", device("A", 1)), NOW)
    other.execute("ROLLBACK")
    assert await store.read(runs.addresses) == []
    await store.write(runs.record, vocabulary.load(), reading("A", device("A", 1)), NOW)
    assert len(await store.read(runs.addresses)) == 1
    other.close()
    await store.close()


async def test_a_full_disk_is_told_and_nothing_half_stored(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'd.db'}")
    await store.migrate()
    # SQLite's own limit stands for a full disk: the same error, from the same place.
    pages = await store.read(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())
    known = vocabulary.load()

    def fill(connection: object) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")  # type: ignore[attr-defined]
        for host in range(200):
            runs.record(connection, known, reading("A", device("A", host, description="x" * 1000)), NOW)  # type: ignore[arg-type]

    with pytest.raises(StoreError, match=r"full \(the disk is full\)"):
        await store.write(fill)
    assert await store.read(runs.addresses) == []
    assert await store.read(facts.history, known, "asset", 1) == []
    await store.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://x", "found a database of kind 'mysql', expected sqlite or postgresql"),
        ("nonsense", "the database's address is malformed"),
        ("postgresql://dophu@127.0.0.1:port/dophu", "the database's address is malformed"),
    ],
)
def test_an_address_of_no_known_database_is_refused(url: str, told: str) -> None:
    with pytest.raises(StoreError, match=told):
        Store.open(url)


async def test_errors_hold_neither_password_nor_parameters(tmp_path: Path) -> None:
    store = Store.open("postgresql://dophu:geheim@127.0.0.1:1/dophu")
    with pytest.raises(StoreError) as caught:
        await store.read(runs.addresses)
    assert "geheim" not in str(caught.value)
    await store.close()
    (tmp_path / "no.db").write_text("this is no database, only a text that is long enough to be looked at" * 20)
    store = Store.open(f"sqlite:///{tmp_path / 'no.db'}")
    with pytest.raises(StoreError, match="the file is no database of Dophu's"):
        await store.read(runs.addresses)
    await store.close()


def test_the_version_that_is_needed_is_the_head_of_the_migrations() -> None:
    from alembic.script import ScriptDirectory

    assert versions.needed() == ScriptDirectory(str(versions.MIGRATIONS)).get_current_head()
