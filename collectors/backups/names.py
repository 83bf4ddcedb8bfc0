"""Reads names of backup files: which system, which job and which time a file's name tells, by a pattern with places."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import datetime

from inventory.periods import ZONE
from inventory.words import InputError, Title

PLACES = ("system", "job", "date")
LONGEST = 300
"""Characters of a pattern."""
_WILD = 3
"""Stars, {system} and {job} of a pattern at most: each more makes names that nearly fit take longer to refuse."""

# 2026-11-28, 20261128, 2026_11_28; where a time of day follows, 0130, 01-30, 01h30, 013000, T013000.
_DATE = (
    r"(?P<year>20\d\d)(?P<mark>[-_.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d)"
    r"(?:[T_ .-]?(?P<hour>[01]\d|2[0-3])[-_.:hH]?(?P<minute>[0-5]\d)(?:[-_.:mM]?(?P<second>[0-5]\d))?(?!\d))?"
)
_PIECE = re.compile(r"\{(\w*)\}|(\*+)|(\?)|([^{*?]+|\{)")


@dataclass(frozen=True, slots=True)
class Named:
    """What a file's name tells."""

    system: str = ""
    job: str = ""
    at: datetime | None = None
    """The time in it, in Vietnam's zone; None where there is none."""
    to_the_minute: bool = False
    """Whether it has a time of day; otherwise `at` is the beginning of its day."""


@functools.lru_cache(maxsize=200)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression: `*` and `?` as in a shell, {system}, {job} and {date} where they stand.

    Raises:
        InputError: a place that there is not or that stands twice, too many stars, or a text that is no name.
    """
    if not pattern or len(pattern) > LONGEST or not pattern.isprintable() or pattern.startswith("/"):
        raise InputError(
            Title(
                f"gặp mẫu {pattern!r:.80}, cần tên tệp như {{system}}-{{date}}.bak",
                f"found the pattern {pattern!r:.80}, expected a file's name such as {{system}}-{{date}}.bak",
            )
        )
    built, wild, seen = "", 0, set[str]()
    for place, many, one, text in (match.groups() for match in _PIECE.finditer(pattern)):
        if place is not None:
            if place not in PLACES or place in seen:
                known = ", ".join(f"{{{name}}}" for name in PLACES)
                raise InputError(
                    Title(
                        f"gặp {{{place}}} trong mẫu {pattern!r}, cần mỗi tên một lần: {known}",
                        f"found {{{place}}} in the pattern {pattern!r}, expected each once: {known}",
                    )
                )
            seen.add(place)
            wild += place != "date"
            built += _DATE if place == "date" else f"(?P<{place}>[^/]+?)"
        elif many:
            wild += 1
            built += "[^/]*?"
        else:
            built += "[^/]" if one else re.escape(text)
    if wild > _WILD:
        raise InputError(
            Title(
                f"gặp {wild} dấu *, {{system}} và {{job}} trong {pattern!r}, cần nhiều nhất {_WILD}",
                f"found {wild} of *, {{system}} and {{job}} in {pattern!r}, expected at most {_WILD}",
            )
        )
    return re.compile(built)


def read_name(pattern: str, path: str) -> Named | None:
    """What a file's name tells by this pattern; None where it is not of its form, or its date is none.

    Args:
        path: as it lies below the folder; only what stands after the last / where the pattern has no /.
    """
    name = path if "/" in pattern else path.rpartition("/")[2]
    match = compile_pattern(pattern).fullmatch(name)
    if match is None:
        return None
    found = match.groupdict()
    at = None
    if found.get("year"):
        day = (int(found["year"]), int(found["month"]), int(found["day"]))
        time = (int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0))
        try:
            at = datetime(*day, *time, tzinfo=ZONE)
        except ValueError:
            return None
    return Named(found.get("system") or "", found.get("job") or "", at, bool(found.get("hour")))
