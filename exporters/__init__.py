"""Exporters: one module writes a snapshot out in one form. They read a Snapshot and nothing else.

What writes the inventory itself elsewhere, as `netbox` does, is handed plain values and has no `export`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, cast

from inventory.words import Snapshot

__all__ = ["Exporter", "load_exporters"]


class Exporter(Protocol):
    """One form of a snapshot.

    A module of this package that has an `export` function is an exporter, and its file name is the exporter's name.
    """

    def export(self, snapshot: Snapshot) -> bytes:
        """The whole snapshot in this form; the same snapshot always gives the same bytes."""
        ...


def load_exporters() -> Mapping[str, Exporter]:
    """Every exporter by name; the folder is the registry."""
    found: dict[str, Exporter] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(loaded, "export"):
            found[module.name] = cast(Exporter, loaded)
    return found
