"""Reads what a vendor's file says of facts beyond identity: single values and the rows of tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from collectors.vendors.knowledge import FORMS, TAKES, TableRead, ValueRead
from inventory import vocabulary
from inventory.strict_yaml import Entry, StrictFile
from inventory.vocabulary import Key

NAME = "name"
"""The cell that is the name of a table's row."""


class Reader(Protocol):
    """What reads the parts of a vendor's file that are the same everywhere; problems are noted in `file`."""

    file: StrictFile

    def oid(self, entry: Entry, text: str | None = None) -> str:
        """An OID."""
        ...

    def pattern(
        self, entry: Entry | None, *, plain: bool = False, groups: Sequence[str] = ()
    ) -> re.Pattern[str] | None:
        """A regular expression."""
        ...


def read_value(reader: Reader, entry: Entry) -> ValueRead:
    """One of a system's `values`."""
    file = reader.file
    entries = file.fields(entry, ("as",), ("oid", "column", "take", "times", "when", "unknown", "values", "divide"))
    key = _key(file, entries.get("as"), table=False)
    places = [name for name in ("oid", "column") if name in entries]
    if len(places) != 1:
        file.note(entry, f"found {', '.join(places) or 'no source'}, expected one of oid, column")
        return ValueRead("", "")
    is_column = places[0] == "column"
    if is_column != ("take" in entries):
        file.note(entry, f"a column needs take, and only a column; expected one of {', '.join(TAKES)}")
    if key and (key.type == "bool") != ("when" in entries):
        file.note(entry, "yes or no needs when, and only yes or no: a pattern of the values that mean yes")
    return ValueRead(
        key.name if key else "",
        reader.oid(entries[places[0]]),
        file.choice(entries["take"], TAKES) if "take" in entries else "",
        float(file.number(entries["times"])) if "times" in entries else 1,
        reader.pattern(entries.get("when"), plain=True),
        reader.pattern(entries.get("unknown"), plain=True),
        _texts(file, entries.get("values")),
        reader.oid(entries["divide"]) if "divide" in entries else "",
    )


def read_table(reader: Reader, entry: Entry) -> TableRead:
    """One of a system's `tables`."""
    file = reader.file
    optional = ("fixed", "times", "words", "forms", "where", "multiply", "divide", "split", "long")
    entries = file.fields(entry, ("as", "columns"), optional)
    key = _key(file, entries.get("as"), table=True)
    columns = file.mapping(entries["columns"]) if "columns" in entries else {}
    # A cell that only helps to reckon another has a name that begins with an underscore, and is not kept.
    known = (NAME, *(key.columns if key else ()))
    for cell, at in columns.items():
        if key and cell not in known and not cell.startswith("_"):
            file.note(at, f"found the cell {cell!r}, expected one of {', '.join(known)}, or _… for one not kept")
    parts = {name: file.mapping(entries[name]) for name in optional if name in entries and name != "long"}
    for name, cells in parts.items():
        for cell, at in cells.items():
            if name != "fixed" and cell not in columns:
                file.note(at, f"found the cell {cell!r}, expected one of {', '.join(columns)}")
            if name == "fixed" and key and cell not in key.columns:
                file.note(at, f"found the cell {cell!r}, expected one of {', '.join(key.columns)}")
    return TableRead(
        key.name if key else "",
        {cell: reader.oid(at) for cell, at in columns.items()},
        _texts(file, entries.get("fixed")),
        {cell: float(file.number(at)) for cell, at in parts.get("times", {}).items()},
        {cell: _texts(file, at) for cell, at in parts.get("words", {}).items()},
        {cell: file.choice(at, FORMS) for cell, at in parts.get("forms", {}).items()},
        {c: found for c, at in parts.get("where", {}).items() if (found := reader.pattern(at, plain=True))},
        _cells(file, parts.get("multiply", {}), columns),
        _cells(file, parts.get("divide", {}), columns),
        {
            cell: tuple(found for item in file.items(at) if (found := reader.pattern(item, groups=known)))
            for cell, at in parts.get("split", {}).items()
        },
        "long" in entries and file.flag(entries["long"]),
    )


def _key(file: StrictFile, entry: Entry | None, *, table: bool) -> Key | None:
    if entry is None:
        return None
    keys = {k.name: k for k in vocabulary.load().keys.values() if k.of == "asset" and (k.type == "table") == table}
    return keys.get(file.choice(entry, tuple(keys)))


def _texts(file: StrictFile, entry: Entry | None) -> dict[str, str]:
    return {name: file.text(at) for name, at in (file.mapping(entry) if entry else {}).items()}


def _cells(file: StrictFile, cells: Mapping[str, Entry], columns: Mapping[str, Entry]) -> dict[str, str]:
    return {cell: file.choice(at, tuple(columns)) for cell, at in cells.items()}
