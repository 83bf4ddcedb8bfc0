"""Collectors: one module reads facts from one kind of source. They know the words, never the store."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, cast

from inventory.words import Fact, Proof, Run, Target, Value

__all__ = ["Collector", "facts", "load_collectors"]


class Collector(Protocol):
    """One kind of source.

    A module of this package that has a `collect` function is a collector, and its file name is the collector's name.
    `collect` reads one target and returns what it saw as a Run; it may raise anything, the runner turns that into
    `Run.error`. What it saw before it failed it returns, with `error` set and `complete` false.
    """

    async def collect(self, target: Target) -> Run:
        """Read `target` once."""
        ...


def load_collectors() -> Mapping[str, Collector]:
    """Every collector by name; the folder is the registry."""
    found: dict[str, Collector] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(loaded, "collect"):
            found[module.name] = cast(Collector, loaded)
    return found


def facts(
    source: str, at: datetime, values: Mapping[str, Value], *, proof: Proof = Proof.MEASURED, keep_none: bool = False
) -> tuple[Fact, ...]:
    """The facts of one source at one time; a None value is left out (silence) unless `keep_none` (stated unknown)."""
    return tuple(Fact(k, v, source, at, proof) for k, v in values.items() if v is not None or keep_none)
