"""Merging registers: which declared row is which, and what taking in a register changes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields

from inventory.words import Agency, DeclaredCount, Level, Link, Network, Register, Website

__all__ = ["SHEETS", "Declared", "SheetChange", "key_of", "merge_registers", "name_of"]

Declared = Level | Agency | Network | Link | DeclaredCount | Website

SHEETS = tuple(f.name for f in fields(Register))
"""The parts of a register, in the order in which they refer to each other."""


def key_of(item: Declared) -> tuple[Hashable, ...]:
    """What makes a declared row the same row when it is declared again.

    An agency's row is one period of its code, so the first day belongs to the key. Two addresses of a website that
    differ in case or in a last slash are one.
    """
    match item:
        case Agency():
            return (item.code, item.valid_from)
        case DeclaredCount():
            return (item.agency, item.key, item.day)
        case Website():
            return (item.url.rstrip("/").lower(),)
        case _:
            return (item.code,)


def name_of(item: Declared) -> str:
    """The row's name for a person."""
    match item:
        case DeclaredCount():
            return f"{item.agency} {item.key} {item.day.isoformat()}"
        case Website():
            return item.url
        case _:
            return item.code


@dataclass(frozen=True, slots=True)
class SheetChange:
    """What taking in a register changed in one sheet: the names of the rows, or how many there were."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many rows were added, changed and unchanged."""
        return {"added": len(self.added), "changed": len(self.changed), "unchanged": self.unchanged}


def merge_registers(existing: Register, incoming: Register) -> tuple[Register, Mapping[str, SheetChange]]:
    """The existing register with the incoming rows in the places of those with the same key, and new ones after them.

    What `incoming` does not name stays as it is: an agency ends by its `valid_to`, never by being left out. Merging
    the same register twice changes nothing. The changes are by sheet.
    """
    merged: dict[str, tuple[Declared, ...]] = {}
    changes: dict[str, SheetChange] = {}
    for sheet in SHEETS:
        new: Sequence[Declared] = getattr(incoming, sheet)
        rows: dict[tuple[Hashable, ...], Declared] = {key_of(item): item for item in getattr(existing, sheet)}
        added = [name_of(item) for item in new if key_of(item) not in rows]
        changed = [name_of(item) for item in new if rows.get(key_of(item), item) != item]
        rows.update((key_of(item), item) for item in new)
        merged[sheet] = tuple(rows.values())
        changes[sheet] = SheetChange(tuple(added), tuple(changed), len(new) - len(added) - len(changed))
    return Register(**merged), changes  # type: ignore[arg-type]
