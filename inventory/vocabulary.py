"""The vocabulary of fact keys and the columns that controls may name, read from `vocabulary.yaml`."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inventory.strict_yaml import read_own
from inventory.text import storable
from inventory.words import InputError, Severity, Title, Value

SUBJECTS = ("asset", "link", "agency")
POPULATIONS = {"assets": "asset", "links": "link", "agencies": "agency"}
"""What a control may be asked of, and the subject whose facts are its columns."""

_LARGEST = 2**63
"""No number of a device is larger; PostgreSQL would give up every figure over one beyond what it can compute with."""
_DEEPEST = 20

_TYPES = ("bool", "int", "number", "text", "time", "table")
_AGE = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Key:
    """What one fact key means: whose it is, its type, unit, maximum age and names."""

    name: str
    of: str
    type: str
    max_age: timedelta
    title: Title
    unit: str = ""
    one_of: tuple[str, ...] = ()
    history: bool = True
    """Whether former values are kept; not for what changes with every reading."""
    columns: tuple[str, ...] = ()
    """What the rows of a table hold, in the order in which people read it."""
    daily: bool = False
    """Whether of each day the last value is kept, where not all are: what is judged can be judged as of its end."""
    because: str = ""
    """The key that says why, where this one is false."""
    declared: str = ""
    """The key that is true where the value is only what a person declared."""
    says: Mapping[str, Title] = field(default_factory=dict, hash=False)
    """What the words mean of which a text of this key is made."""

    def check(self, value: Value) -> None:
        """Refuse a value that is not of the key's type (None, stated unknown, always passes).

        Raises:
            InputError: naming the key, what was found and what was expected.
        """
        match self.type:
            case "table":
                ok = isinstance(value, dict)
            case "text":
                ok = isinstance(value, str)
            case "bool":
                ok = isinstance(value, bool)
            case "int":
                ok = isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
            case "number":
                ok = isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
            case _:
                ok = isinstance(value, datetime) and value.tzinfo is not None and 0 < value.year < 9999
        if value is not None and not (ok and (not self.one_of or value in self.one_of)):
            expected = f"one of {', '.join(self.one_of)}" if self.one_of else f"a value of type {self.type}"
            huge = isinstance(value, int) and not -_LARGEST <= value <= _LARGEST
            found = "a number beyond 2^63" if huge else f"{value!r:.200}"
            raise InputError(f"fact {self.name}: found {found}, expected {expected}")


@dataclass(frozen=True, slots=True)
class Count:
    """A column of agencies: how many of an agency's assets or links an expression is true for."""

    name: str
    of: str
    where: str
    looked: timedelta | None
    """Within this age all the agency's networks must have been read to the end; None where the register is complete."""
    title: Title
    centre: bool = False
    """Not of the agency itself, but of those that run the data centre: the same number for every agency."""


@dataclass(frozen=True, slots=True)
class PeriodCount:
    """A number that an agency or application counts in a period, such as its documents of a month."""

    name: str
    title: Title
    flow: bool
    """Whether the periods of a year add up; of a stock the newest number counts."""
    of: str = ""
    """The count that it is a part of; empty where it is a part of none."""


STOCK_AGE = timedelta(days=100)
"""How long after the end of its period a stock counts, and a flow answers whether there was any: a quarter and more."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """What can happen to an asset, and how much it asks of people."""

    name: str
    severity: Severity
    title: Title


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All fact keys, counts and kinds of events."""

    keys: Mapping[str, Key]
    counts: Mapping[str, Count]
    events: Mapping[str, EventKind]
    period_counts: Mapping[str, PeriodCount] = field(default_factory=dict)

    def of(self, subject: str) -> tuple[Key, ...]:
        """The keys of one subject, tables left out."""
        return tuple(k for k in self.keys.values() if k.of == subject and k.type != "table")

    def columns(self, population: str) -> Mapping[str, str]:
        """The names and types that an expression over this population may use."""
        columns = {k.name: k.type for k in self.of(POPULATIONS[population])}
        columns |= REGISTER_COLUMNS[population]
        if population == "agencies":
            columns |= dict.fromkeys(self.counts, "count") | dict.fromkeys(self.period_counts, "int")
        return columns

    def max_age(self, name: str) -> timedelta:
        """How old a fact of this key, or a count of a period after its end, may be."""
        return STOCK_AGE if name in self.period_counts else self.keys[name].max_age

    def is_table(self, name: str) -> bool:
        """Whether a key holds rows."""
        return name not in self.period_counts and self.keys[name].type == "table"

    def say(self, name: str, value: str, language: str) -> str:
        """A text of a key in a language, where it is made of words that have a meaning; else as it is."""
        says = self.keys[name].says if name in self.keys else {}
        if not says:
            return value
        return "; ".join(says[word].in_language(language) if word in says else word for word in value.split())

    def title(self, column: str) -> Title:
        """The names of a key or count; the column's own name where it comes from the register."""
        known = self.keys.get(column) or self.counts.get(column) or self.period_counts.get(column)
        return known.title if known else COMPUTED.get(column, Title(column, column))


#: Columns that come from the register and not from facts. The level is that of the agency (of the part's parent).
REGISTER_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "assets": {"agency": "text", "level": "text"},
    "links": {"agency": "text", "level": "text", "kind": "text", "provider": "text", "contracted_mbps": "number",
              "availability_30d": "number"},
    "agencies": {"agency": "text", "level": "text"},
}  # fmt: skip

#: Columns that are shares (0-1), computed from the history of facts when they are asked for.
COMPUTED: Mapping[str, Title] = {
    "availability_30d": Title("Tỷ lệ sẵn sàng 30 ngày", "Availability of 30 days"),
}
COMPUTED_FROM = timedelta(days=30)
"""How far back they look."""


def parse_age(text: str) -> timedelta:
    """The time span of a text such as "26h", "8d" or "90m"."""
    match = _AGE.fullmatch(text)
    if not match:
        raise InputError(f"vocabulary.yaml: found age {text!r}, expected a number and m, h or d, such as 26h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


FILE = Path(__file__).with_name("vocabulary.yaml")


@functools.cache
def load(path: Path = FILE) -> Vocabulary:
    """Read the vocabulary.

    Raises:
        InputError: a key twice, an unknown type, an age that cannot be read.
    """
    data = read_own(path)
    keys: dict[str, Key] = {}
    for subject in SUBJECTS:
        for name, row in data[subject].items():
            if name in keys or row["type"] not in _TYPES:
                raise InputError(f"{path.name}: {subject}.{name}: a key may stand once and its type be one of {_TYPES}")
            keys[name] = Key(
                name,
                subject,
                row["type"],
                parse_age(row["max_age"]),
                Title(**row["title"]),
                row.get("unit", ""),
                tuple(row.get("one_of", ())),
                row.get("history", True) is True,
                tuple(row.get("columns", ())),
                row.get("history", True) == "daily",
                row.get("because", ""),
                row.get("declared", ""),
                {word: Title(**title) for word, title in row.get("says", {}).items()},
            )
    counts = {
        name: Count(
            name,
            row["of"],
            row["where"],
            parse_age(row["looked"]) if "looked" in row else None,
            Title(**row["title"]),
            row.get("centre", False),
        )
        for name, row in data["counts"].items()
    }
    for name in ("because", "declared"):
        if lost := [k.name for k in keys.values() if getattr(k, name) and getattr(k, name) not in keys]:
            raise InputError(f"{path.name}: {lost[0]}: {name}: expected the name of a key")
    if both := keys.keys() & counts.keys():
        raise InputError(f"{path.name}: {', '.join(sorted(both))} is both a key and a count")
    events = {
        name: EventKind(name, Severity(row["severity"]), Title(**row["title"])) for name, row in data["events"].items()
    }
    return Vocabulary(keys, counts, events, _period_counts(path, data.get("period_counts", {}), {*keys, *counts}))


def _period_counts(path: Path, data: Mapping[str, Any], others: Collection[str]) -> dict[str, PeriodCount]:
    found: dict[str, PeriodCount] = {}
    for name, row in data.items():
        whole = row.get("of", "")
        if name in others or row["kind"] not in ("flow", "stock"):
            raise InputError(f"{path.name}: period_counts.{name}: expected a name of its own, of kind flow or stock")
        if whole and (whole not in found or found[whole].flow != (row["kind"] == "flow")):
            raise InputError(
                f"{path.name}: period_counts.{name}: of: found {whole!r}, expected one of its kind above it"
            )
        found[name] = PeriodCount(name, Title(**row["title"]), row["kind"] == "flow", whole)
    return found


def write_value(key: Key, value: Value) -> str | None:
    """The canonical text in which the store keeps a value: equal values have equal texts; None stays None."""
    if type(value) is dict:  # as nearly all are: the rows of tables
        return _dump(key, value)
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return str(instant(value))
    if isinstance(value, dict | list):
        return _dump(key, value)
    if key.type == "number":
        return repr(float(value))
    return storable(str(value))


def read_value(key: Key, text: str | None) -> Value:
    """The value that `write_value` wrote."""
    if text is None:
        return None
    match key.type:
        case "bool":
            return text == "1"
        case "int":
            return int(text)
        case "number":
            return float(text)
        case "time":
            return moment(int(text))
        case "table":
            return _load(text)
        case _:
            return text


def instant(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time: the form in which the store keeps every time."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """The aware time (UTC) of the store's milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


_ONLY_TEXTS = frozenset({str})


def _dump(key: Key, value: object) -> str:
    # Rows of texts, as programs are, come alike from many machines.
    if isinstance(value, dict) and _ONLY_TEXTS.issuperset(map(type, value.values())):
        text = _dump_texts((*value, *value.values()))
    else:
        text = _dump_plain(value)
    return _json(_plain(key, value)) if text is None else text


@functools.lru_cache(maxsize=20_000)
def _dump_texts(names_and_texts: tuple[str, ...]) -> str | None:
    half = len(names_and_texts) // 2
    return _dump_plain(dict(zip(names_and_texts[:half], names_and_texts[half:], strict=True)))


def _dump_plain(value: object) -> str | None:
    """The value as JSON; None where it holds what JSON or a database cannot."""
    try:
        text = _json(value)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if "\\u0000" not in text and storable(text) == text else None


#: Made once: `json.dumps` with these arguments would make one for each row.
_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def _plain(key: Key, value: object, depth: int = 0) -> object:
    """The value of a table's row as JSON and every database can hold it; a number that is none becomes unknown."""
    if depth < _DEEPEST:
        match value:
            case None | bool() | int():
                return value
            case str():
                return storable(value)
            case float():
                return value if math.isfinite(value) else None
            case dict():
                return {storable(str(k)): _plain(key, v, depth + 1) for k, v in value.items()}
            case list() | tuple():
                return [_plain(key, v, depth + 1) for v in value]
    found = f"values nested more than {_DEEPEST} deep" if depth >= _DEEPEST else f"a {type(value).__name__}"
    raise InputError(f"fact {key.name}: found {found}, expected text, numbers, true, false and lists of them")


def _load(text: str) -> Value:
    loaded: Value = json.loads(text)
    return loaded
