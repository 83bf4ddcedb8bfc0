"""Reads `queries.yaml`, what daemons are asked, strictly."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inventory.strict_yaml import StrictFile
from inventory.words import InputError

__all__ = ["Query", "load_queries"]

PLATFORMS = ("windows", "linux", "posix", "any")
_FILE = Path(__file__).parent / "queries.yaml"


@dataclass(frozen=True, slots=True)
class Query:
    """One question: its SQL, how often (seconds), on which platform, and the table without which it is not asked."""

    sql: str
    interval: int
    platform: str
    table: str


@functools.cache
def load_queries(path: Path = _FILE) -> Mapping[str, Query]:
    """Every query by name; InputError lists every problem with its line."""
    file = StrictFile(path.name)
    queries: dict[str, Query] = {}
    if (top := file.open(path)) is not None:
        for name, entry in file.mapping(top).items():
            at = file.fields(entry, ("query", "interval", "table"), ("platform",))
            platform = file.choice(at["platform"], PLATFORMS) if "platform" in at else "any"
            if {"query", "interval", "table"} <= at.keys():
                sql, table = file.text(at["query"]), file.text(at["table"])
                queries[name] = Query(sql, int(file.number(at["interval"])), platform, table)
    if file.problems:
        raise InputError("\n".join(str(problem) for problem in sorted(file.problems)))
    return queries
