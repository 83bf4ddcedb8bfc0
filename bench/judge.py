"""Judging 20 controls over 100,000 and 1,000,000 assets of 500 agencies, beside hand-written SQL for the same counts.

The hand-written queries read the same tables and answer the same question: for each control, how many members of each
agency are met, unmet and unknown, with stale facts unknown and superseded ones left out. As a person would write them,
they join one fact for each column and know that there is one source; they make no reasons and store no findings.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from inventory import vocabulary
from inventory.goals import Goals
from inventory.store import Store, registers, snapshots
from inventory.vocabulary import instant
from inventory.words import Agency, Control, Level, Register, Title

AGENCIES = 500
NOW = datetime(2026, 11, 1, tzinfo=UTC)
QUESTIONS = [
    ("antivirus_enabled", "workstation"), ("antivirus_up_to_date", "workstation"),
    ("antivirus_installed", "workstation"),
    ("answering", "workstation"), ("answering", "server"), ("answering", "switch"), ("answering", "printer"),
    ("antivirus_enabled", "server"), ("antivirus_up_to_date", "server"), ("antivirus_installed", "server"),
]  # fmt: skip
PAIRS = [("antivirus_enabled", "antivirus_up_to_date"), ("antivirus_installed", "answering")]
ROLES = ("workstation", "workstation", "workstation", "server", "switch", "printer")


def controls() -> dict[str, tuple[str, list[str], str]]:
    """Twenty controls: id -> role, columns, expression."""
    made = {}
    for number, (column, role) in enumerate(QUESTIONS):
        made[f"one_{number}"] = (role, [column], column)
    for number in range(10):
        first, second = PAIRS[number % 2]
        role = ("workstation", "server", "switch", "printer", "workstation")[number // 2]
        made[f"two_{number}"] = (role, [first, second], f"{first} and {second}")
    return made


def fill(path: Path, assets: int) -> None:
    """Write the assets and their facts straight into the tables: recording is another benchmark."""
    connection = sqlite3.connect(path)
    at = instant(NOW)
    connection.execute("PRAGMA synchronous=OFF")
    connection.executemany("INSERT INTO asset VALUES (?, ?, ?)", ((n, n, at) for n in range(1, assets + 1)))
    hour = 3_600_000
    bools = ("answering", "antivirus_enabled", "antivirus_up_to_date", "antivirus_installed")

    def rows() -> object:
        for n in range(1, assets + 1):
            texts = {"agency": f"A{n % AGENCIES:03}", "role": ROLES[n % 6], "sysname": f"PC-{n}", "model": "OptiPlex"}
            values = texts | {key: str((n * (i + 7) // 3) % 2) for i, key in enumerate(bools)}
            for i, key in enumerate(sorted(values)):
                age = (n * 31 + i * 17) % 240 * hour
                yield n, key, "", "agent", at - age - 1000 * hour, at - age, 9_999_999_999_999, 2, values[key], at

    connection.executemany("INSERT INTO asset_fact VALUES (?,?,?,?,?,?,?,?,?,?)", rows())  # type: ignore[arg-type]
    connection.commit()
    connection.close()


def by_hand(
    path: Path, asked: dict[str, tuple[str, list[str], str]]
) -> tuple[float, dict[str, list[tuple[object, ...]]]]:
    """Seconds of the hand-written queries, and their counts by agency."""
    connection = sqlite3.connect(path)
    keys = vocabulary.load().keys
    at = instant(NOW)
    answers = {}
    started = time.perf_counter()
    for name, (role, columns, _) in asked.items():
        joins = tests = ""
        for i, column in enumerate(columns):
            oldest = at - int(keys[column].max_age.total_seconds() * 1000)
            joins += (
                f" LEFT JOIN asset_fact c{i} ON c{i}.subject = r.subject AND c{i}.key = '{column}' AND c{i}.item = ''"
                f" AND c{i}.first <= {at} AND c{i}.until > {at} AND c{i}.last >= {oldest}"
            )
            tests += (" AND " if i else "") + f"CAST(c{i}.value AS INTEGER)"
        query = (
            f"SELECT g.value, CASE WHEN ({tests}) THEN 'met' WHEN NOT ({tests}) THEN 'unmet' "
            "ELSE 'unknown' END, COUNT(*) "
            f"FROM asset_fact r JOIN asset_fact g ON g.subject = r.subject AND g.key = 'agency' AND g.item = '' "
            f"AND g.first <= {at} AND g.until > {at}{joins} "
            f"WHERE r.key = 'role' AND r.value = '{role}' AND r.item = '' AND r.first <= {at} AND r.until > {at} "
            "GROUP BY 1, 2"
        )
        answers[name] = connection.execute(query).fetchall()
    return time.perf_counter() - started, answers


async def judged(path: Path, goals: Goals) -> tuple[float, float, float, snapshots.Snapshot]:
    """Seconds to take a snapshot, to keep the first one's findings, and to keep a second one's."""
    store = Store.open(f"sqlite:///{path}")
    known = vocabulary.load()
    started = time.perf_counter()
    snapshot = await store.read(snapshots.take, known, goals, NOW)
    took = time.perf_counter() - started
    kept = []
    for moment in (NOW, NOW + timedelta(minutes=5)) if "--keep" in sys.argv else ():
        started = time.perf_counter()
        await store.write(snapshots.take, known, goals, moment, keep=True)
        kept.append(time.perf_counter() - started)
    await store.close()
    return took, *(kept or [0.0, 0.0]), snapshot  # type: ignore[return-value]


async def _prepare(path: Path) -> None:
    store = Store.open(f"sqlite:///{path}")
    await store.migrate()
    register = Register(
        levels=(Level("commune", Title("Xã", "Commune"), 1),),
        agencies=tuple(
            Agency(f"A{n:03}", Title(f"Xã {n}", f"Commune {n}"), "commune", valid_from=date(2020, 1, 1))
            for n in range(AGENCIES)
        ),
    )
    await store.write(registers.replace, register)
    await store.close()


def measure(assets: int) -> dict[str, object]:
    """One size: seconds of both, their ratio, and whether they agree."""
    asked = controls()
    goals = Goals(
        {n: Control(n, Title(n, n), "assets", meets, f"role = '{role}'") for n, (role, _, meets) in asked.items()}, {}
    )
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as folder:
        path = Path(folder) / "dophu.db"
        asyncio.run(_prepare(path))
        fill(path, assets)
        took, first, second, snapshot = asyncio.run(judged(path, goals))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        hand, answers = by_hand(path, asked)
    wanted = {(n, a, s): c for n, rows in answers.items() for a, s, c in rows}
    found = {(t.control, t.agency, str(t.status)): t.members for t in snapshot.tallies}
    result: dict[str, object] = {
        "assets": assets,
        "judge_s": round(took, 2),
        "by_hand_s": round(hand, 2),
        "ratio_to_hand": round(took / hand, 2),
        "peak_mb": round(peak),
        "same_counts": wanted == found,
    }
    return result | ({"keep_first_s": round(first, 2), "keep_next_s": round(second, 2)} if "--keep" in sys.argv else {})


def main() -> None:
    """Run both sizes and print; --keep also stores the findings."""
    small = measure(100_000)
    large = measure(1_000_000)
    growth = float(str(large["judge_s"])) / float(str(small["judge_s"]))
    print(
        json.dumps(
            {
                "bench": "judge",
                "controls": len(controls()),
                "agencies": AGENCIES,
                "sizes": [small, large],
                "growth_for_ten_times_the_assets": round(growth, 1),
                "limit": "at most 3 x by hand and 300 MB at 100,000 assets; linear",
                "within": float(str(small["ratio_to_hand"])) <= 3 and int(str(small["peak_mb"])) <= 300,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
