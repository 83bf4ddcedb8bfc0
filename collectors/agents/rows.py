"""The fields of an inventory's rows as clean values: text, yes or no, whole numbers, days and instants."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from collectors.agents.wire import Sections
from inventory.text import nfc
from inventory.words import InputError

SOURCE = "agent"
TEXT_LIMIT = 300

Row = Mapping[str, object]

_EARLIEST, _LATEST = 1990, 2200
_AHEAD = timedelta(days=1)
"""A day that has begun somewhere on Earth is not in the future."""

_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?")
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
#: What boards carry that nobody filled in.
_PLACEHOLDER = re.compile(
    r"to be filled.*|default string|system (manufacturer|product name|version|serial number)|not (specified|available|"
    r"applicable)|none|unknown|o\.?e\.?m\.?|empty|invalid|n/a|x+|0+",
    re.IGNORECASE,
)


def only(sections: Sections, name: str) -> Row:
    """The row of a section that stands once; empty where it is absent."""
    rows = sections.get(name, [])
    return rows[0] if rows else {}


def text_of(row: Row, name: str) -> str | None:
    """A field as clean text (NFC, no control characters, at most TEXT_LIMIT), None where it is absent or blank."""
    value = row.get(name)
    if type(value) is str and len(value) <= TEXT_LIMIT:  # as nearly all of thousands of names and versions are
        return _clean_known(value)
    if value is None or (isinstance(value, dict) and not value):
        return None
    if isinstance(value, dict | list):
        raise InputError(f"agent's inventory, {name}: found {type(value).__name__}, expected text")
    return _clean(str(value)[: 4 * TEXT_LIMIT])


def _clean(text: str) -> str | None:
    if text.isprintable():
        if text.isascii():
            return " ".join(text.split())[:TEXT_LIMIT].strip() or None
    else:
        # Categories Cc, Cs: no store and no page takes NUL characters and halves of surrogate pairs.
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return nfc(text)[:TEXT_LIMIT].strip() or None


#: Machines name the same programs, versions and publishers: nearly all texts of an inventory were seen before.
_clean_known = functools.lru_cache(maxsize=32_768)(_clean)


def filled_in(row: Row, name: str) -> str | None:
    """A field as text, None also where the board's maker left a placeholder such as "To be filled by O.E.M."."""
    text = text_of(row, name)
    return None if text is None or _PLACEHOLDER.fullmatch(text) else text


def flag_of(row: Row, name: str) -> bool | None:
    """A yes/no field: true and false in JSON, 1 and 0 in XML; None where it says neither."""
    return {"true": True, "1": True, "false": False, "0": False}.get((text_of(row, name) or "").lower())


def whole_number_of(row: Row, name: str, *, digits: int = 9) -> int | None:
    """A field that counts something, None where it is no whole number of at most so many digits."""
    text = text_of(row, name) or ""
    return int(text) if len(text) <= digits and re.fullmatch(r"[0-9]+", text) else None


def day_of(row: Row, name: str, at: datetime | None = None) -> date | None:
    """A field as a day: 2023-06-14 (with a time or without), 14/06/2023 or 20230614.

    The XML of these agents writes the day first; where that is no date (06/14/2023) nothing is guessed.

    Args:
        at: with it, what lies after it is no answer: a day on which something happened cannot be to come.
    """
    text = text_of(row, name)
    read = _day(text) if text else None
    return None if read is None or (at is not None and read > (at + _AHEAD).date()) else read


@functools.lru_cache(maxsize=4096)
def _day(text: str) -> date | None:
    if found := _YEAR_FIRST.fullmatch(text) or _DIGITS.fullmatch(text):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
    elif found := _DAY_FIRST.fullmatch(text):
        year, month, day = int(found[3]), int(found[2]), int(found[1])
    else:
        return None
    try:
        return date(year, month, day) if _EARLIEST <= year <= _LATEST else None
    except ValueError:
        return None


def written(day: date | None) -> str:
    """The day as the rows of tables hold it, such as 2023-06-14; empty where it is unknown."""
    return "" if day is None else day.isoformat()


def beginning(day: date | None) -> datetime | None:
    """The instant at which a day begins (UTC)."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def instant_of(row: Row, name: str) -> datetime | None:
    """A field as an instant, which needs its zone (2026-11-20T02:00:00+07:00, or Z); None without."""
    try:
        read = datetime.fromisoformat(text_of(row, name) or "")
    except ValueError:
        return None
    return read if read.tzinfo is not None and _EARLIEST <= read.year <= _LATEST else None
