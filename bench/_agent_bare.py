"""The cost of an inventory without Dophu: inflating, parsing and inserting its programs, one transaction a body."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from defusedxml import ElementTree

Rows = Iterable[tuple[str, str, str]]
"""Name, version and publisher of each program."""


def bare_json(bodies: Sequence[bytes], path: Path) -> float:
    """CPU seconds for each body."""
    return _measure(bodies, path, _read_json)


def bare_xml(bodies: Sequence[bytes], path: Path) -> float:
    """CPU seconds for each body."""
    return _measure(bodies, path, _read_xml)


def _read_json(body: bytes) -> Rows:
    return ((row["name"], row["version"], row["publisher"]) for row in json.loads(body)["content"]["softwares"])


def _read_xml(body: bytes) -> Rows:
    for row in ElementTree.fromstring(body).iterfind("CONTENT/SOFTWARES"):
        yield row.findtext("NAME") or "", row.findtext("VERSION") or "", row.findtext("PUBLISHER") or ""


def _measure(bodies: Sequence[bytes], path: Path, read: Callable[[bytes], Rows]) -> float:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE f (subject INTEGER, key TEXT, item TEXT, source TEXT, first INTEGER, last INTEGER, "
        "until INTEGER, proof INTEGER, value TEXT, recorded INTEGER, "
        "PRIMARY KEY (subject, key, item, source, first)) WITHOUT ROWID"
    )
    began = time.process_time()
    for subject, body in enumerate(bodies):
        connection.executemany(
            "INSERT INTO f VALUES (?,'software',?,'agent',?,?,9999999999999,2,?,?)",
            [
                (subject, name, 1_800_000_000_000, 1_800_000_000_000,
                 json.dumps({"publisher": publisher, "version": version}), 0)
                for name, version, publisher in read(zlib.decompress(body))
            ],
        )  # fmt: skip
        connection.commit()
    spent = time.process_time() - began
    connection.close()
    return spent / len(bodies)
