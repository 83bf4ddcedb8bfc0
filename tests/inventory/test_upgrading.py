"""From the first version of the tables to this one: rows go through every migration and can be read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, func, insert, select, text

from inventory import vocabulary
from inventory.store import Store, copies, facts, keys, registers, versions
from inventory.store.tables import FOREVER, metadata
from inventory.words import StoreError

SEEN = int(datetime(2025, 3, 3, 1, tzinfo=UTC).timestamp() * 1000)
FACT = {"item": "", "source": "snmp", "first": SEEN, "last": SEEN, "until": FOREVER, "proof": 5, "recorded": SEEN}

#: Rows as Dophu wrote them when its tables were new; those of all other tables are made up by their columns.
FIRST: dict[str, list[dict[str, Any]]] = {
    "level": [{"code": "province", "name_vi": "Cấp tỉnh", "name_en": "Province", "rank": 1, "part": False}],
    "agency": [{"code": "so-tc", "valid_from": date(2020, 1, 1), "name_vi": "Sở Tài chính", "name_en": "Finance",
                "level": "province"}],
    "network": [{"code": "net", "agency": "so-tc", "prefix": "192.168.1.0/24", "purpose": "lan", "scan": True,
                 "credentials": "may-chu", "valid_from": date(2020, 1, 1)}],
    "link": [{"code": "line", "agency": "so-tc", "kind": "internet", "address": "198.18.0.1", "provider": "Nhà mạng",
              "contracted_mbps": 100.0, "valid_from": date(2020, 1, 1)}],
    "asset": [{"id": 1, "root": 1, "created": SEEN}],
    "asset_fact": [{"subject": 1, "key": "sysname", "value": "sw-01", **FACT},
                   {"subject": 1, "key": "role", "value": "switch", **FACT}],
}  # fmt: skip


def fill(connection: Connection) -> dict[str, int]:
    """Put rows into every table; how many by table."""
    there = MetaData()
    there.reflect(connection)
    tables = [t for t in there.sorted_tables if t.name != "alembic_version"]
    for table in tables:
        rows = FIRST.get(table.name) or [make_up(table)]
        connection.execute(insert(table), [{k: v for k, v in row.items() if k in table.c} for row in rows])
    return {t.name: len(FIRST.get(t.name, [{}])) for t in tables}


def make_up(table: Table) -> dict[str, Any]:
    made: dict[type, Any] = {int: 1, str: "x", bool: True, float: 1.0, date: date(2025, 3, 3)}
    return {c.name: made[c.type.python_type] for c in table.c if not c.nullable}


def count(connection: Connection, names: list[str]) -> dict[str, int]:
    there = MetaData()
    there.reflect(connection, only=names)
    return {name: connection.scalar(select(func.count()).select_from(there.tables[name])) or 0 for name in names}


async def test_the_first_tables_with_rows_become_those_of_today(store_url: str) -> None:
    store, known = Store.open(store_url), vocabulary.load()
    first, *later = sorted(copies.known_schemas())
    await store.write(versions.upgrade, first)
    filled = await store.write(fill)
    assert len(filled) >= 15
    for version in later:
        await store.write(versions.upgrade, version)
        assert await store.read(versions.current) == version
        assert await store.read(count, list(filled)) == filled, version
    assert (await store.version())[0] == versions.needed()
    assert await store.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    register = await store.read(registers.load)
    assert [(a.code, a.title.vi) for a in register.agencies] == [("so-tc", "Sở Tài chính")]
    assert [(link.code, link.contracted_mbps, link.via) for link in register.links] == [("line", 100.0, None)]
    at = datetime.fromtimestamp(SEEN / 1000, UTC)
    said = await store.read(facts.read, known, "asset", [1], at, {"sysname", "role"})
    assert {f.key: f.value for f in said[1]} == {"sysname": "sw-01", "role": "switch"}
    assert await store.read(keys.credentials) == {"x": ("x", "x")}
    await store.close()


async def test_scans_of_before_their_owners_were_kept_become_those_of_today(store_url: str) -> None:
    store = Store.open(store_url)
    await store.write(versions.upgrade, "0014")

    def have_none(connection: Connection) -> None:
        for column in ("owner", "lease"):
            connection.execute(text(f"ALTER TABLE scan DROP COLUMN {column}"))

    await store.write(have_none)
    await store.migrate()
    assert await store.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    await store.close()


async def test_a_migration_that_is_not_there_is_told(store_url: str) -> None:
    store = Store.open(store_url)
    await store.migrate()
    await store.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(StoreError, match="of version '0000', which this Dophu does not know"):
        await store.migrate()
    await store.close()
