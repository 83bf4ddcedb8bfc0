"""Dates as agents write them: DateAndTime (RFC 2579), seconds since 1970, and the usual forms of text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from collectors.reading.text import as_text
from collectors.transports.snmp import Absent, Answer

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
#: Year first, with any separator or none; the day first and the month by name, or the month by name first.
_YEAR_FIRST = re.compile(r"\b(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})\b")
_DAY_FIRST = re.compile(r"\b(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ ,-]+(\d{4})\b")
_MONTH_FIRST = re.compile(
    r"\b([A-Za-z]{3})[a-z]* +(\d{1,2}),?(?: +\d{1,2}:\d{2}(?::\d{2})?)?(?: +[A-Z]{2,5})?,? +(\d{4})\b"
)
_EARLIEST, _LATEST = 1990, 2200


def as_time(value: Answer | Absent | None) -> datetime | None:
    """The instant that a value means, None where it is no date, or none that a device could mean.

    Text without a time of day means the beginning of that day, and without a zone UTC.
    """
    if isinstance(value, bytes) and len(value) in (8, 11) and (time := _date_and_time(value)):
        return time
    if isinstance(value, int | float):
        return _since_1970(float(value))
    text = as_text(value) or ""
    if re.fullmatch(r"\d{9,10}", text):
        return _since_1970(float(text))
    if found := _YEAR_FIRST.search(text):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    for found in _DAY_FIRST.finditer(text):
        # In "12:00:00 GMT 2024" the seconds and the zone are no day and month.
        if month := _MONTHS.get(found[2].lower()):
            return _day(int(found[3]), month, int(found[1]))
    if found := _MONTH_FIRST.search(text):
        return _day(int(found[3]), _MONTHS.get(found[1].lower(), 0), int(found[2]))
    return None


def _since_1970(seconds: float) -> datetime | None:
    """None for small numbers too: zero is "never", and a number of days is no date."""
    return datetime.fromtimestamp(seconds, UTC) if 631_152_000 <= seconds < 7_000_000_000 else None


def _day(year: int, month: int, day: int) -> datetime | None:
    if not _EARLIEST <= year <= _LATEST:
        return None
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _date_and_time(octets: bytes) -> datetime | None:
    year, month, day, hour, minute, second = int.from_bytes(octets[:2], "big"), *octets[2:7]
    if not _EARLIEST <= year <= _LATEST:
        return None
    zone = UTC
    try:
        if len(octets) == 11:
            ahead = timedelta(hours=octets[9], minutes=octets[10])
            zone = timezone(-ahead if octets[8:9] == b"-" else ahead)
        # A leap second (60) is the last second of its minute to us.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None
