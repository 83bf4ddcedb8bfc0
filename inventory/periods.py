"""Months, quarters, halves and years: the periods of which people report, in Vietnam's days. Pure."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from inventory.words import InputError, Title

__all__ = ["ZONE", "Period", "end_of_day", "last_months", "read_period", "recent_periods", "year_so_far"]

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""Days, as in "valid until", are days in Vietnam."""

_PERIOD = re.compile(r"(\d{4})(?:-(?:(Q[1-4])|(H[12])|(0[1-9]|1[0-2])))?")
_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_TOLD = {
    "": Title("năm {year}", "in {year}"),
    "Q": Title("quý {name} năm {year}", "in quarter {name} of {year}"),
    "H": Title("6 tháng {name} năm {year}", "in half {name} of {year}"),
    "m": Title("tháng {n} năm {year}", "in month {n} of {year}"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """A month, quarter, half or whole year, in Vietnam's time."""

    text: str
    """As it was written: 2026-09, 2026-Q3, 2026-H1 or 2026."""
    first: date
    last: date

    @property
    def begin(self) -> datetime:
        """The instant before its first day."""
        return end_of_day(self.first - timedelta(days=1))

    @property
    def end(self) -> datetime:
        """Its last instant."""
        return end_of_day(self.last)

    @property
    def months(self) -> tuple[str, ...]:
        """The months that it consists of, such as 2026-09."""
        return tuple(f"{self.first:%Y}-{month:02}" for month in range(self.first.month, self.last.month + 1))

    def told(self, language: str) -> str:
        """As people say it: "quý III năm 2026"."""
        year, kind = self.text[:4], self.text[5:]
        if not kind:
            return _TOLD[""].in_language(language).format(year=year)
        if kind[0] in "QH":
            return _TOLD[kind[0]].in_language(language).format(name=_ROMAN[kind[1]], year=year)
        return _TOLD["m"].in_language(language).format(n=int(kind), year=year)


def read_period(text: str) -> Period:
    """The period that a text names.

    Raises:
        InputError: it names none.
    """
    found = _PERIOD.fullmatch(text.strip())
    if found is None or not 1900 <= int(found[1]) <= 9000:
        raise InputError(
            Title(
                f"kỳ: gặp {text!r:.60}, cần như 2026-09, 2026-Q3, 2026-H1 hoặc 2026",
                f"period: found {text!r:.60}, expected such as 2026-09, 2026-Q3, 2026-H1 or 2026",
            )
        )
    year = int(found[1])
    if found[2]:
        first, months = 3 * int(found[2][1]) - 2, 3
    elif found[3]:
        first, months = 6 * int(found[3][1]) - 5, 6
    elif found[4]:
        first, months = int(found[4]), 1
    else:
        first, months = 1, 12
    last = first + months - 1
    return Period(text.strip(), date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1]))


def end_of_day(day: date) -> datetime:
    """The last instant of a day."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC) - timedelta(milliseconds=1)


def last_months(at: datetime, number: int) -> list[Period]:
    """The month of an instant and those before it, so many together, the newest first."""
    here = at.astimezone(ZONE).date()
    months = (here.year * 12 + here.month - 1 - back for back in range(number))
    return [read_period(f"{month // 12}-{month % 12 + 1:02}") for month in months]


def recent_periods(at: datetime) -> list[Period]:
    """The month, quarter and year of an instant, and the month before: what people report on."""
    here = at.astimezone(ZONE).date()
    before = here.replace(day=1) - timedelta(days=1)
    texts = (f"{before:%Y-%m}", f"{here:%Y-%m}", f"{here:%Y}-Q{(here.month + 2) // 3}", f"{here:%Y}")
    return [read_period(text) for text in texts]


def year_so_far(at: datetime) -> tuple[Period, ...]:
    """The months that have ended by `at`, of the year of the last of them: in January those of the year before."""
    here = at.astimezone(ZONE).date()
    month = read_period(f"{here:%Y-%m}")
    if month.end > at:
        here = here.replace(day=1) - timedelta(days=1)
    return tuple(read_period(f"{here:%Y}-{number:02}") for number in range(1, here.month + 1))
