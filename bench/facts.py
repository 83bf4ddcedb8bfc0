"""Facts recorded per second on SQLite, beside a bare executemany of as many rows into a table of the same shape."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inventory import vocabulary
from inventory.store import Store, facts
from inventory.words import Fact

ASSETS, BATCH = 10_000, 500
VALUES = {
    "answering": True, "role": "workstation", "vendor": "Dell Inc.", "model": "OptiPlex 7010", "version": "10.0.19045",
    "sysname": "PC-0001", "os_name": "Microsoft Windows 10 Pro", "uptime": 86400.0, "antivirus_enabled": True,
    "antivirus_up_to_date": False, "antivirus_installed": True, "agency": "H60.01",
}  # fmt: skip


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as folder:
        print(json.dumps(asyncio.run(_measure(Path(folder))), indent=1))


async def _measure(folder: Path) -> dict[str, object]:
    store = Store.open(f"sqlite:///{folder / 'dophu.db'}")
    await store.migrate()
    known = vocabulary.load()
    now = datetime.now(UTC) - timedelta(days=1)
    rates = {}
    changed = dict(VALUES, antivirus_enabled=False, uptime=1.0)
    for name, values, at in (
        ("first", VALUES, now),
        ("confirmed", VALUES, now + timedelta(hours=1)),
        ("two_of_twelve_changed", changed, now + timedelta(hours=2)),
    ):
        started = time.perf_counter()
        for begin in range(1, ASSETS + 1, BATCH):
            batch = [
                (subject, Fact(key, value, "bench", at))
                for subject in range(begin, begin + BATCH)
                for key, value in values.items()
            ]
            await store.write(facts.record, known, {"asset": batch}, at)
        rates[name] = ASSETS * len(values) / (time.perf_counter() - started)
    await store.close()
    bare = _bare(folder / "bare.db")
    return {
        "bench": "facts",
        "facts": ASSETS * len(VALUES),
        "facts_per_second": {name: round(rate) for name, rate in rates.items()},
        "bare_executemany_per_second": round(bare),
        "ratio_to_bare": {name: round(bare / rate, 2) for name, rate in rates.items()},
        "limit": "at least 20000 facts/s committed",
        "within": min(rates.values()) >= 20_000,
    }


def _bare(path: Path) -> float:
    """Rows per second of executemany in the same batches, committed, into a table of the same columns and key."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE f (subject INTEGER, key TEXT, item TEXT, source TEXT, first INTEGER, last INTEGER, "
        "until INTEGER, proof INTEGER, value TEXT, recorded INTEGER, "
        "PRIMARY KEY (subject, key, item, source, first)) WITHOUT ROWID"
    )
    started = time.perf_counter()
    for begin in range(1, ASSETS + 1, BATCH):
        rows = [
            (subject, key, "", "bench", 1_800_000_000_000, 1_800_000_000_000, 9_999_999_999_999, 1, str(value), 0)
            for subject in range(begin, begin + BATCH)
            for key, value in VALUES.items()
        ]
        connection.executemany("INSERT INTO f VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
        connection.commit()
    return ASSETS * len(VALUES) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
