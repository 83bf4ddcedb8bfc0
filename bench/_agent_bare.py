"""The cost of inventories without Dophu: inflating, parsing and inserting their programs into the same database.

What is inserted is what Dophu keeps of the programs: a fact for each, and its name in the index by which programs are
searched. It goes into a copy of the same province's database, as cheaply as is known: facts of several machines in one
transaction, names of many machines at once and in their order. Of machines that are told again only the time of the
facts is moved. Nothing is checked, compared, judged or answered.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from defusedxml import ElementTree

from inventory.store import TOGETHER
from inventory.store.software import WAITING
from inventory.store.tables import FOREVER

Rows = Iterable[tuple[str, str, str]]
"""Name, version and publisher of each program."""

FIRST_MACHINE = 1_000_000
_INSERT = (
    "INSERT INTO asset_fact (subject, key, item, source, first, last, until, value, proof, recorded) "
    f"VALUES (?, 'software', ?, 'agent', ?, ?, {FOREVER}, ?, 2, ?)"
)
_CONFIRM = f"{_INSERT} ON CONFLICT (subject, key, item, source, first) DO UPDATE SET last = excluded.last"
_FIRST, _SECOND = 1_800_000_000_000, 1_800_086_400_000
_SETTINGS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32000", "wal_autocheckpoint=16000")
"""Those of Dophu's store."""


@dataclass(frozen=True, slots=True)
class Bare:
    """CPU seconds for each body."""

    new: float
    again: float


def bare_json(bodies: Sequence[bytes], province: Path) -> Bare:
    """Of GLPI's JSON; `province` is the database to work on a copy of."""
    return _measure(bodies, province, _read_json)


def bare_xml(bodies: Sequence[bytes], province: Path) -> Bare:
    """Of FusionInventory's XML."""
    return _measure(bodies, province, _read_xml)


def _read_json(body: bytes) -> Rows:
    return ((row["name"], row["version"], row["publisher"]) for row in json.loads(body)["content"]["softwares"])


def _read_xml(body: bytes) -> Rows:
    for row in ElementTree.fromstring(body).iterfind("CONTENT/SOFTWARES"):
        yield row.findtext("NAME") or "", row.findtext("VERSION") or "", row.findtext("PUBLISHER") or ""


def _measure(bodies: Sequence[bytes], province: Path, read: Callable[[bytes], Rows]) -> Bare:
    copy = province.with_name("bare.db")
    shutil.copyfile(province, copy)
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            began = time.process_time()
            _take_in(connection, bodies, read, _INSERT, _FIRST, with_names=True)
            between = time.process_time()
            _take_in(connection, bodies, read, _CONFIRM, _SECOND, with_names=False)
            ended = time.process_time()
    finally:
        copy.unlink()
    return Bare((between - began) / len(bodies), (ended - between) / len(bodies))


def _take_in(
    connection: sqlite3.Connection,
    bodies: Sequence[bytes],
    read: Callable[[bytes], Rows],
    statement: str,
    at: int,
    *,
    with_names: bool,
) -> None:
    names: list[tuple[str, int]] = []
    for begin in range(0, len(bodies), TOGETHER):
        connection.execute("BEGIN IMMEDIATE")
        for machine, body in enumerate(bodies[begin : begin + TOGETHER], FIRST_MACHINE + begin):
            programs = list(read(zlib.decompress(body)))
            connection.executemany(
                statement,
                [
                    (machine, name, _FIRST, at, json.dumps({"publisher": publisher, "version": version}), at)
                    for name, version, publisher in programs
                ],
            )
            if with_names:
                names += [(name, machine) for name, _, _ in programs]
        if len(names) >= WAITING * len(programs):
            names.sort()
            connection.executemany("INSERT INTO software_name (item, subject) VALUES (?, ?)", names)
            names.clear()
        connection.execute("COMMIT")
