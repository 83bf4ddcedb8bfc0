"""Reads interfaces with state, speed and counters (IF-MIB, RFC 2863)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from collectors.reading.ports import KINDS
from collectors.reading.tables import Columns, Rows, Walks
from collectors.reading.text import as_mac, as_number, as_words
from collectors.transports.snmp import Answer

_IF = "1.3.6.1.2.1.2.2.1"
_IFX = "1.3.6.1.2.1.31.1.1.1"
_FIRST = {"descr": f"{_IF}.2", "name": f"{_IFX}.1"}
_TYPE = {"type": f"{_IF}.3"}
_REST = _TYPE | {
    "admin": f"{_IF}.7",
    "oper": f"{_IF}.8",
    "mac": f"{_IF}.6",
    "high_speed": f"{_IFX}.15",
    "alias": f"{_IFX}.18",
}
_SPEED = {"speed": f"{_IF}.5"}
_COUNTERS = {
    "in_octets": f"{_IFX}.6",
    "out_octets": f"{_IFX}.10",
    "in_errors": f"{_IF}.14",
    "out_errors": f"{_IF}.20",
    "in_discards": f"{_IF}.13",
    "out_discards": f"{_IF}.19",
}
#: Asked for together, as how long their values are is known.
_NUMBERS = ("type", "admin", "oper", "high_speed", "speed", *_COUNTERS)
_OCTETS_32 = {"in_octets": f"{_IF}.10", "out_octets": f"{_IF}.16"}
"""Of devices without the 64-bit counters: these begin anew after 4.29 GB."""
_COUNTED = ("descr", "type", "admin", "oper")
"""Columns that every interface has; some agents leave out one or the other, a few all but ifName."""
_TEXTS = ("descr", "name", "mac", "alias")
_SHOWN = ("type", "admin", "oper", "high_speed", "speed")
_STATES = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "not present", 7: "lower layer down"}


async def read_interfaces(walks: Walks, *, counters: bool = False) -> None:
    """Reads the interfaces, and with `counters` what went through them, into the tables of `walks`."""
    columns: Columns = {}
    tables = walks.tables
    ended: set[str] = set()
    known: list[str] = []
    try:
        ended |= await walks.columns(_FIRST, columns)
        if not any(columns.values()):
            ended |= await walks.columns(_TYPE, columns)
        if any(columns.values()):
            known = next((list(columns[name]) for name in columns if name in ended and columns[name]), known)
            rest = {name: oid for name, oid in _REST.items() if name not in columns}
            ended |= await walks.columns(rest, columns, known, _NUMBERS)
            indexes = _indexes(columns)
            if any(not as_number(columns["high_speed"].get(index)) for index in indexes):
                await walks.columns(_SPEED, columns, known)
    finally:
        tables.rows["interface"] = _interface_rows(columns)
    # A device without any interface does not exist; an empty table is one that it does not show.
    if tables.rows["interface"] and any(columns.get(name) for name in (*_COUNTED, "name") if name in ended):
        tables.read.add("interface")
    if counters and tables.interfaces:
        await _read_counters(walks, known)


async def _read_counters(walks: Walks, known: list[str]) -> None:
    columns: Columns = {}
    try:
        await walks.columns(_COUNTERS, columns, known, _NUMBERS)
        missing = {name: oid for name, oid in _OCTETS_32.items() if not columns.get(name)}
        await walks.columns(missing, columns, known, _NUMBERS)
    finally:
        rows: Rows = {}
        numbers = {key: _numbers(column) for key, column in columns.items()}
        for index, name in walks.tables.names.items():
            told: dict[str, object] = {key: column[index] for key, column in numbers.items() if index in column}
            if told:
                rows[name] = told
        walks.tables.rows["interface_counters"] = rows


def _indexes(columns: Mapping[str, Mapping[str, Answer]]) -> list[str]:
    counted = dict.fromkeys(index for name in _COUNTED for index in columns.get(name, {}))
    return list(counted or dict.fromkeys(columns.get("name", {})))


def _numbers(column: Mapping[str, Answer]) -> Mapping[str, int]:
    """Those of a column's values that are numbers."""
    if set(map(type, column.values())) == {int}:
        return cast("Mapping[str, int]", column)
    return {index: number for index, value in column.items() if (number := as_number(value)) is not None}


def _interface_rows(columns: Mapping[str, Mapping[str, Answer]]) -> Rows:
    """The interfaces by name; two of one name are told apart by their index."""
    rows: Rows = {}
    descr, named, mac, alias = (columns.get(name, {}) for name in _TEXTS)
    type_, admin, oper, high_speed, speed = (_numbers(columns.get(name, {})) for name in _SHOWN)
    for index in _indexes(columns):
        kind, megabits = type_.get(index), high_speed.get(index)
        description = as_words(descr.get(index))
        row = {
            "index": int(index) if index.isdecimal() else index,
            "description": description,
            "alias": as_words(alias.get(index)),
            "type": KINDS.get(kind, str(kind)) if kind and kind > 0 else None,
            "admin": _STATES.get(admin.get(index, 0)),
            "oper": _STATES.get(oper.get(index, 0)),
            # Above 4.29 Gbit/s ifSpeed stands still; ifHighSpeed is in Mbit/s (RFC 2863 section 3.1.8).
            "speed": megabits * 1_000_000 if megabits else speed.get(index),
            "mac": as_mac(mac.get(index)),
        }
        name = as_words(named.get(index)) or description
        if name is None and all(value is None for key, value in row.items() if key != "index"):
            continue  # nothing is known of it but a number
        name = name or index
        rows[f"{name} ({index})" if name in rows else name] = {k: v for k, v in row.items() if v is not None}
    return rows
