"""Reads what a vendor's file says of traps: which notification tells of which kind of event."""

from __future__ import annotations

from dataclasses import dataclass, field
from re import Pattern
from typing import TYPE_CHECKING

from inventory import vocabulary
from inventory.strict_yaml import Entry

if TYPE_CHECKING:
    from collectors.vendors.load_readings import Reader


@dataclass(frozen=True, slots=True)
class TrapRule:
    """What a notification tells, when its values fit."""

    oids: tuple[str, ...]
    """snmpTrapOID; of SNMPv1 traps as RFC 3584 section 3.1 makes it."""
    kind: str
    """A kind of event of the vocabulary."""
    when: dict[str, Pattern[str]] = field(default_factory=dict)
    """By object (its OID, or its column's): what its value must be."""
    item: tuple[str, ...] = ()
    """Objects of which the first that has text names what the event is about."""
    row: tuple[str, str] | None = None
    """Where none does: a table of the vocabulary, and the object that holds the `index` of its row."""
    detail: tuple[str, ...] = ()
    """Objects whose values are told to people."""
    states: dict[str, bool] = field(default_factory=dict)
    """Facts that follow, by key."""


def read_trap(reader: Reader, entry: Entry) -> TrapRule:
    """One of a file's `traps`."""
    file, known = reader.file, vocabulary.load()
    entries = file.fields(entry, ("oid", "as"), ("when", "item", "row", "detail", "states"))
    row: tuple[str, str] | None = None
    if "row" in entries:
        for name, at in file.mapping(entries["row"]).items():
            tables = [key.name for key in known.keys.values() if key.type == "table" and "index" in key.columns]
            if name not in tables:
                file.note(at, f"found {name!r}, expected a table with an index: {', '.join(tables)}")
            row = name, reader.oid(at)
    states = file.mapping(entries["states"]) if "states" in entries else {}
    flags = [key.name for key in known.keys.values() if key.of == "asset" and key.type == "bool"]
    for name in states.keys() - set(flags):
        file.note(states[name], f"found {name!r}, expected one of {', '.join(flags)}")
    patterns = file.mapping(entries["when"]) if "when" in entries else {}
    return TrapRule(
        _oids(reader, entries.get("oid")),
        file.choice(entries["as"], known.events) if "as" in entries else "notification",
        {
            reader.oid(at, oid): pattern
            for oid, at in patterns.items()
            if (pattern := reader.pattern(at, plain=True)) is not None
        },
        _oids(reader, entries.get("item")),
        row,
        _oids(reader, entries.get("detail")),
        {name: file.flag(at) for name, at in states.items()},
    )


def _oids(reader: Reader, entry: Entry | None) -> tuple[str, ...]:
    return tuple(reader.oid(item) for item in reader.file.items(entry)) if entry else ()
