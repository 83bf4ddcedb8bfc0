"""Software across all machines as the API and the command line list it: programs by version, and who has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from inventory.store import Connection, software
from inventory.store.software import Machine, Version, Wanted
from inventory.vocabulary import Vocabulary

PROGRAM_COLUMNS = ("name", "version", "publisher", "machines", "first_seen", "last_seen")
MACHINE_COLUMNS = (
    "asset", "machine", "agency", "name", "version", "publisher", "source", "first_seen", "last_seen", "removed",
)  # fmt: skip


def list_programs(
    connection: Connection, vocabulary: Vocabulary, wanted: Wanted, at: datetime, limit: int, offset: int = 0
) -> tuple[list[dict[str, Any]], int]:
    """The programs with their versions; how many names there are (see `software.programs`)."""
    found, total = software.programs(connection, vocabulary, wanted, at, limit, offset)
    return _objects(found, PROGRAM_COLUMNS), total


def list_machines(
    connection: Connection, vocabulary: Vocabulary, wanted: Wanted, at: datetime, limit: int, offset: int = 0
) -> tuple[list[dict[str, Any]], int]:
    """The machines that have a program; how many there are (see `software.machines`)."""
    found, total = software.machines(connection, vocabulary, wanted, at, limit, offset)
    return _objects(found, MACHINE_COLUMNS), total


def _objects(rows: Sequence[Version] | Sequence[Machine], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: getattr(row, name) for name in columns} for row in rows]
