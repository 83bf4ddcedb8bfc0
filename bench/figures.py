"""Figures of 100,000 workstations in 500 agencies: all plans judged, a plan as of any day of a year, a report, a seal.

On SQLite and PostgreSQL, beside the raw limit: one query that does no more than group all facts by their subject. The
year has daily changes of 2 % of the workstations, late deliveries among them, and what agencies count month by month.
"""

from __future__ import annotations

import asyncio
import functools
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg

from api import reporting
from api.config import Config, ReportSettings
from api.printing import judge_plan
from api.sealing import seal
from api.workspace import Workspace
from inventory import vocabulary
from inventory.periods import ZONE, read_period
from inventory.store import Store, registers, snapshots
from inventory.store.tables import FOREVER
from inventory.vocabulary import instant
from inventory.words import Agency, DeclaredCount, Level, Link, Network, Register, Title
from tests.postgresql import find_binaries, postgresql

WORKSTATIONS, AGENCIES, DAYS = 100_000, 500, 365
NOW = datetime(2026, 11, 1, 1, tzinfo=UTC)
DAY = 86_400_000
PLAN = "phu-yen-2021-2025"
LIMITS = {
    "judged_sqlite_seconds": 20, "judged_postgresql_seconds": 10, "as_of_seconds": 1, "report_seconds": 15,
    "seal_mb": 50, "peak_mb": 400,
}  # fmt: skip
#: What is known of a workstation, and with which values: of most that they are good.
KEYS: dict[str, tuple[str, ...]] = {
    "antivirus_installed": ("1", "1", "1", "0"), "antivirus_enabled": ("1", "1", "1", "0"),
    "antivirus_up_to_date": ("1", "1", "0"), "antivirus_managed": ("1", "0"), "infections": ("0", "0", "0", "2"),
    "host_firewall": ("1", "1", "0"), "smb1": ("0", "0", "1"), "disk_encrypted": ("1", "0"),
    "releases_behind": ("0", "1", "5"), "security_updates_pending": ("0", "0", "4"), "reboot_needed": ("0", "1"),
    "password_length": ("8", "12", "0"), "password_complex": ("1", "0"), "remote_control_tools": ("0", "1"),
    "kev_products": ("0", "0", "2"),
}  # fmt: skip
TIMES = ("last_scan", "last_update", "os_support_ends", "patched_through", "last_report")


def register() -> Register:
    level = ("province", "district", "commune")
    codes = [(f"A{n:03}", level[0 if n < 40 else 1 if n < 60 else 2]) for n in range(AGENCIES)]
    since = date(2020, 1, 1)
    return Register(
        levels=tuple(Level(code, Title(code, code), rank) for rank, code in enumerate(level, 1)),
        agencies=tuple(Agency(code, Title(f"Cơ quan {code}", code), at, None, since) for code, at in codes),
        networks=tuple(
            Network(f"net-{code}", code, ip_network(f"10.{n // 250}.{n % 250}.0/24"), "lan", True, (), since)
            for n, (code, _) in enumerate(codes)
        ),
        links=tuple(
            Link(f"{kind}-{code}", code, kind, valid_from=since) for code, _ in codes for kind in ("mtslcd", "internet")
        ),
        counts=tuple(
            DeclaredCount(code, key, number, since)
            for code, _ in codes
            for key, number in (("workstations", WORKSTATIONS // AGENCIES + 3), ("officials", 190))
        ),
    )


def asset_facts() -> Iterator[tuple[object, ...]]:
    """The rows of all assets: a firewall, a switch and a room for each agency, the workstations, and their changes."""
    chance, now, begin = random.Random(11), instant(NOW), instant(NOW) - DAYS * DAY  # noqa: S311
    for n in range(AGENCIES):
        code = f"A{n:03}"
        for kind, role in enumerate(("firewall", "switch", "vc_endpoint")):
            said = {"agency": code, "network": f"net-{code}", "role": role, "answering": "01"[(n + kind) % 7 > 0],
                    "snmp_public": "01"[n % 9 == 0]}  # fmt: skip
            for key, value in said.items():
                yield 1 + n * 3 + kind, key, "", "snmp", begin, now - 3_600_000, FOREVER, 1, value, begin
    changed: dict[int, list[int]] = {}
    for day in range(DAYS):
        for _ in range(WORKSTATIONS // 50):
            changed.setdefault(chance.randrange(WORKSTATIONS), []).append(begin + day * DAY + chance.randrange(DAY))
    keys = list(KEYS)
    for n in range(WORKSTATIONS):
        subject, last = 1 + AGENCIES * 3 + n, now - chance.randrange(12 * 3_600_000)
        said = {"agency": f"A{n % AGENCIES:03}", "role": "workstation"}
        for key, value in said.items():
            yield subject, key, "", "agent", begin, last, FOREVER, 2, value, begin
        turns: dict[str, list[int]] = {}
        for at in sorted(changed.get(n, ())):
            turns.setdefault(keys[(n + at) % len(keys)], []).append(at)
        for number, (key, values) in enumerate(KEYS.items()):
            first = begin
            for step, turn in enumerate([*turns.get(key, ()), FOREVER]):
                value = values[(n * 7 + number + step) % len(values)]
                end = last if turn == FOREVER else turn - 1
                yield subject, key, "", "agent", first, max(first, end), turn, 2, value, first
                first = turn
        for number, key in enumerate(TIMES):
            told = now + ((n + number) % 400 - 100 if key == "os_support_ends" else -((n * 3 + number) % 60)) * DAY
            yield subject, key, "", "agent", begin, last, FOREVER, 2, str(told), begin


def other_rows() -> dict[str, list[tuple[object, ...]]]:
    """What is known of links, when networks were read, and what agencies counted month by month."""
    now, begin = instant(NOW), instant(NOW) - DAYS * DAY
    codes = [f"A{n:03}" for n in range(AGENCIES)]
    links = [
        (f"{kind}-{code}", "link_answering", "", "icmp", begin, now - 60_000, FOREVER, 1, "01"[n % 11 > 0], begin)
        for n, code in enumerate(codes) for kind in ("mtslcd", "internet")
    ]  # fmt: skip
    runs = [
        (None, "nmap", f"net-{code}", code, f"net-{code}", at, at, True, 3, None)
        for code in codes for at in range(begin, now, 7 * DAY)
    ]  # fmt: skip
    counts = []
    for n, code in enumerate(codes):
        for month in range(1, 11):
            period = read_period(f"2026-{month:02}")
            for number, count in enumerate(vocabulary.load().period_counts.values()):
                if (n + month) % 13:
                    value = 40 + n % 50 if not count.of else 40 - (number + n) % 20
                    counts.append((None, code, count.name, period.text, period.first, period.last, value, "eoffice", 1,
                                   "", "", None, instant(period.end), FOREVER))  # fmt: skip
    return {"link_fact": links, "run": runs, "period_count": counts}


_FACT = "subject, key, item, source, first, last, until, proof, value, recorded"
_COLUMNS = {
    "asset_fact": _FACT, "link_fact": _FACT,
    "run": "id, collector, target, agency, network, started, finished, complete, observations, error",
    "period_count": "id, agency, key, period, first, last, value, source, proof, document, signer, signed, recorded, "
    "replaced",
}  # fmt: skip


def fill_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    assets = AGENCIES * 3 + WORKSTATIONS
    connection.executemany("INSERT INTO asset VALUES (?, ?, 0)", ((n, n) for n in range(1, assets + 1)))
    for table, rows in ({"asset_fact": asset_facts()} | other_rows()).items():
        names = _COLUMNS[table]
        marks = ", ".join("?" * (names.count(",") + 1))
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", (_plain(row) for row in rows))
    connection.commit()
    connection.execute("ANALYZE")
    connection.close()


def _plain(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(v.isoformat() if isinstance(v, date) else v for v in row)


def fill_postgresql(address: str) -> None:
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        assets = AGENCIES * 3 + WORKSTATIONS
        with cursor.copy("COPY asset (id, root, created) FROM STDIN") as copy:
            for n in range(1, assets + 1):
                copy.write_row((n, n, 0))
        for table, rows in ({"asset_fact": asset_facts()} | other_rows()).items():
            names = _COLUMNS[table].removeprefix("id, ")
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row if names == _COLUMNS[table] else row[1:])
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


async def took(do: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await do()
    return round(time.perf_counter() - started, 2)


async def measure(url: str, folder: Path) -> dict[str, Any]:
    """All that is asked, over one store that is filled."""
    store = Store.open(url)
    workspace = Workspace(Config(data=folder), store)
    known, goals = workspace.vocabulary, workspace.goals
    # What anybody has to do who reads the facts: all of them once, by whom they are of.
    raw = "SELECT COUNT(*) FROM (SELECT subject, MAX(value) FROM asset_fact GROUP BY subject) s"
    from sqlalchemy import text

    figures: dict[str, Any] = {
        "raw_seconds": await took(lambda: store.read(lambda c: c.execute(text(raw)).all())),
        "judged_seconds": await took(lambda: store.read(snapshots.take, known, goals, NOW)),
        "kept_seconds": await took(lambda: store.write_prepared(snapshots.prepare, snapshots.store, known, goals, NOW)),
    }
    # The ends of days are judged in the night, as `serve` does it, and asked for later.
    for plan in goals.plans:
        await judge_plan(workspace, plan, read_period("2026-Q2").end, with_members=False)
    days = [_end(NOW - timedelta(days=n)) for n in (3, 90, 200, 350)]
    closing: list[float] = []
    asked: list[float] = []
    for plan in goals.plans:
        for at in days:
            ask = functools.partial(judge_plan, workspace, plan, at, with_members=False)
            closing.append(await took(ask))
            asked.append(await took(ask))
    figures["closing_seconds"], figures["as_of_seconds"] = max(closing), max(asked)
    period = read_period("2026-Q3")

    async def report() -> None:
        made = await reporting.make(workspace, PLAN, period, "vi")
        from exporters.reports import fill, official_template

        fill(official_template("vi"), "form", reporting.context(made, ReportSettings(), "vi"))
        reporting.as_workbook(made, "vi")

    figures["report_seconds"] = await took(report)
    to = folder / "figures.seal.zip"
    figures["seal_seconds"] = await took(lambda: seal(workspace, PLAN, NOW, to))
    figures["seal_mb"] = round(to.stat().st_size / 1e6, 1)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    await store.close()
    return figures


def _end(at: datetime) -> datetime:
    day = at.astimezone(ZONE).date()
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(days=1) - timedelta(milliseconds=1)


async def _prepare(url: str) -> None:
    store = Store.open(url)
    await store.migrate()
    whole, known = register(), vocabulary.load()
    await store.write(registers.replace, whole)
    await store.write(registers.record_declared, known, whole, NOW)
    await store.close()


def run(url: str, folder: Path) -> dict[str, Any]:
    """One store in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "bench.figures", "--measure", url, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(asyncio.run(measure(sys.argv[2], Path(sys.argv[3])))))
        return
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as made:
        folder = Path(made)
        (folder / "sqlite").mkdir()
        path = folder / "sqlite" / "dophu.db"
        asyncio.run(_prepare(f"sqlite:///{path}"))
        fill_sqlite(path)
        results["sqlite"] = run(f"sqlite:///{path}", folder / "sqlite")
        shutil.rmtree(folder / "sqlite")
        if binaries := find_binaries():
            with postgresql(binaries) as address:
                asyncio.run(_prepare(address))
                fill_postgresql(address)
                results["postgresql"] = run(address, folder)
        else:
            print("postgresql: not installed (Debian: apt-get install postgresql)")
    for kind, figures in results.items():
        print(f"{kind}: {WORKSTATIONS:,} workstations, {AGENCIES} agencies")
        ratio = figures["judged_seconds"] / max(figures["raw_seconds"], 0.01)
        print(f"  judged / reading all facts once: {ratio:.1f}")
        for name, value in figures.items():
            limit = LIMITS.get(name if name != "judged_seconds" else f"judged_{kind}_seconds")
            told = "" if limit is None else f"  (limit {limit}: {'ok' if value <= limit else 'MISSED'})"
            print(f"  {name}: {value}{told}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
