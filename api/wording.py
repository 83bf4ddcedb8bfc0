"""The words that people read on the command line and on pages, in Vietnamese and English, and how figures look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from api.catalogues import LANGUAGES, read_catalogue
from inventory.periods import ZONE


class _Words(Mapping[str, dict[str, str]]):
    """The words of each language by their names; a catalogue is read when the first of its words is asked for."""

    def __getitem__(self, language: str) -> dict[str, str]:
        if language not in LANGUAGES:
            raise KeyError(language)
        return read_catalogue(language)

    def __iter__(self) -> Iterator[str]:
        return iter(LANGUAGES)

    def __len__(self) -> int:
        return len(LANGUAGES)


WORDS: Mapping[str, dict[str, str]] = _Words()


def percent(share: float | None, language: str) -> str:
    """A share as people write it: "66,7 %" in Vietnamese, "66.7 %" in English; a dash where there is none.

    Shares are cut, never rounded up: 99.96 % is not 100 %.
    """
    if share is None:
        return "–"
    tenths = int(share * 1000 + 1e-9)
    text = f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"
    return (text.replace(".", ",") if language == "vi" else text) + " %"


def signed_percent(share: float, language: str) -> str:
    """A change of a share with its sign: "+1,2 %"."""
    text = percent(abs(share), language)
    return text if text.startswith("0 ") else ("+" if share > 0 else "−") + text


def number(value: float, language: str) -> str:
    """A number as people write it: "1.234,5" in Vietnamese, "1,234.5" in English; at most two decimals."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


def day(value: date, language: str) -> str:
    """A day: "31/03/2026" in Vietnamese, "31 Mar 2026" in English."""
    if language == "vi":
        return f"{value:%d/%m/%Y}"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def clock(value: datetime, language: str) -> str:
    """A time in Vietnam: "14:05 31/03/2026" in Vietnamese, "31 Mar 2026 14:05" in English."""
    here = value.astimezone(ZONE)
    return f"{here:%H:%M} {day(here, language)}" if language == "vi" else f"{day(here, language)} {here:%H:%M}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
