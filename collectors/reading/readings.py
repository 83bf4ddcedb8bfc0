"""Makes facts of what was read where a vendor's file says: single values, rows of tables, and what they add up to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from collectors.reading.dates import as_time
from collectors.reading.text import as_mac, as_text
from collectors.transports.snmp import Absent, Answer
from collectors.vendors import TableRead, ValueRead
from inventory import vocabulary
from inventory.words import Value

Row = dict[str, object]
Rows = dict[str, Row]

_NUMBER = re.compile(r"\s*([+-]?\d{1,18}(?:\.\d{1,12})?)\s*(?:%|°|[A-Za-z]{1,3}\b.*)?\s*")
#: What a reading of this unit can be; agents fill in -1, 65535 or 2147483647 for what they do not know.
_POSSIBLE = {
    "share": (0, 5),
    "°C": (-60, 200),
    "V": (0, 1000),
    "W": (0, 1e7),
    "seconds": (0, 1e10),
    "bytes": (1 << 20, 1 << 60),
}
_TAKEN: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "mean": fmean,
    "max": max,
    "min": min,
    "first": lambda numbers: numbers[0],
}


def as_real(value: Answer | Absent | None) -> float | None:
    """A number, also where an agent writes it as text, with or without its unit: "23.5 C"; else None."""
    if isinstance(value, int | float):
        return float(value)
    matched = _NUMBER.fullmatch(as_text(value) or "")
    return float(matched[1]) if matched else None


def value_of(read: ValueRead, answers: Mapping[str, Answer], column: Sequence[Answer] = ()) -> Value:
    """What the device says there, in the vocabulary's type and unit; None where it says nothing, or nothing possible.

    Args:
        read: where it stands and what it means.
        answers: single objects by OID.
        column: the values of the column's rows, where `read` takes one.
    """
    key = vocabulary.load().keys[read.key]
    if read.take == "count":
        return len(column) or None
    given = list(column) if read.take else [answers[read.at]] if read.at in answers else []
    known = [v for v in given if not (read.unknown and read.unknown.search(as_text(v) or ""))]
    said = [(text, v) for v in known if (text := as_text(v)) is not None or isinstance(v, bytes)]
    if not said:
        return None
    if read.when:
        return any(read.when.search(text or "") for text, _ in said)
    if key.type == "text":
        text = said[0][0]
        return read.values.get(text or "") if read.values else text
    if key.type == "time":
        times = [time for _, v in said if (time := as_time(v))]
        return min(times, default=None)
    numbers = [number * read.times for _, v in said if (number := as_real(v)) is not None]
    if read.divide:
        whole = as_real(answers.get(read.divide))
        numbers = [number / whole for number in numbers] if whole else []
    least, most = _POSSIBLE.get(key.unit, (-(2.0**53), 2.0**53))
    numbers = [number for number in numbers if least <= number <= most]
    if not numbers:
        return None
    number = _TAKEN[read.take or "first"](numbers)
    return round(number) if key.type == "int" else round(number, 6)


def rows_of(read: TableRead, columns: Mapping[str, Mapping[str, Answer]]) -> Rows:
    """The rows of a table by name, of its columns' values by cell and index."""
    first = next(iter(read.columns))
    rows: Rows = {}
    for index in columns.get(first, {}):
        given = {cell: value for cell in read.columns if (value := columns.get(cell, {}).get(index)) is not None}
        if not all(pattern.search(as_text(given.get(cell)) or "") for cell, pattern in read.where.items()):
            continue
        row = {cell: made for cell in given if cell[0] != "_" and (made := _cell(read, cell, given)) is not None}
        for cell, patterns in read.split.items():
            row |= _split(row.get(cell), patterns)
        name = str(row.pop("name", "") or index)
        row |= read.fixed
        # A row that says nothing is none; a program is one even if only its name is known.
        if row or read.split:
            rows[_item(name, row.get("version"), index, rows)] = row
    return rows


def _split(text: object, patterns: Sequence[re.Pattern[str]]) -> Row:
    """The cells that a text says by the first pattern that it fits."""
    found = next((found for pattern in patterns if isinstance(text, str) and (found := pattern.search(text))), None)
    return {cell: said for cell, said in found.groupdict().items() if said} if found else {}


def _item(name: str, version: object, index: str, rows: Rows) -> str:
    """The row's name; programs of one name are told apart by their version, everything else by its index."""
    told = name if name not in rows or not version else f"{name} ({version})"
    return told if told not in rows else f"{name} ({index})"


def joined(rows: Rows, more: Rows) -> Rows:
    """The rows of two tables of one fact: of the same name the first, unless the other is of another kind.

    A probe of temperature and humidity stands in two tables under one name.
    """
    found = dict(rows)
    for name, row in more.items():
        before = found.get(name)
        other = before is not None and "kind" in row and before.get("kind") != row["kind"]
        found.setdefault(f"{name} ({row['kind']})" if other else name, row)
    return found


def _cell(read: TableRead, cell: str, given: Mapping[str, Answer]) -> object:
    value = given[cell]
    if cell in read.words:
        return read.words[cell].get(as_text(value) or "")
    match read.forms.get(cell):
        case "mac":
            return as_mac(value)
        case "date" | "seconds":
            time = as_time(value)
            return time.date().isoformat() if time else None
    factor, divisor = read.multiply.get(cell), read.divide.get(cell)
    if not (isinstance(value, int | float) or cell in read.times or factor or divisor):
        return as_text(value)
    number = as_real(value)
    if number is None:
        return None
    number *= read.times.get(cell, 1)
    if factor:
        by = as_real(given.get(factor))
        number = None if by is None else number * by
    if divisor and number is not None:
        by = as_real(given.get(divisor))
        number = round(number / by, 4) if by and by > 0 and number >= 0 else None
    return None if number is None else int(number) if number.is_integer() else round(number, 4)


# --- what follows from the rows ---------------------------------------------------------------------------------------


def values_of_tables(tables: Mapping[str, Rows]) -> dict[str, Value]:
    """The single facts that the rows of a device's tables add up to: the highest temperature, the fullest disk."""
    memory = [row for row in _of(tables, "storage") if row.get("kind") == "memory"]
    # Read-only images (the systems of routers, snaps) are full to the last block; a disk in use never quite is.
    disks = [row for row in _of(tables, "storage") if row.get("kind") == "disk" and row.get("used") != row.get("size")]
    guests = _of(tables, "guest")
    sensors = [row for row in _of(tables, "sensor") if row.get("state") != "failed"]
    # A waste container is full when its share is high: it is no supply that runs low.
    supplies = [row for row in _of(tables, "supply") if row.get("kind") != "waste"]
    expiries = [time for row in _of(tables, "licence") if (time := as_time(str(row.get("expires") or "")))]
    found: dict[str, Value] = {
        "memory": max(_numbers(memory, "size"), default=None),
        "memory_used": max(_numbers(memory, "share"), default=None),
        "storage_used": max(_numbers(disks, "share"), default=None),
        "temperature": max(_numbers(sensors, "value", kind="temperature", unit="°C"), default=None),
        "humidity": max(_numbers(sensors, "value", kind="humidity", unit="share"), default=None),
        "supply_lowest": min(_numbers(supplies, "share"), default=None),
        "guests": len(guests) or None,
        "guests_running": sum(row.get("state") == "running" for row in guests) if guests else None,
        "licence_expires": min(expiries, default=None),
    }
    keys = vocabulary.load().keys
    possible = {name: _POSSIBLE.get(keys[name].unit) for name in found}
    return {
        name: value
        for name, value in found.items()
        if value is not None
        and not (isinstance(value, int | float) and (p := possible[name]) and not p[0] <= value <= p[1])
    }


def _of(tables: Mapping[str, Rows], key: str) -> list[Row]:
    return list(tables.get(key, {}).values())


def _numbers(rows: Iterable[Row], cell: str, **other: str) -> list[float]:
    fitting = (row for row in rows if all(row.get(name) == value for name, value in other.items()))
    return [number for row in fitting if isinstance(number := row.get(cell), int | float)]
