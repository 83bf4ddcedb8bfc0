"""The windows that the settings name, with the public holidays, and which of them holds for whom."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from api.config import Config
from inventory.cadence import Window, first_turn, read_cadence, read_window
from inventory.periods import ZONE
from inventory.words import InputError, Schedule, Title

__all__ = ["Windows", "open_windows", "public_holidays"]

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Windows:
    """Every window by name."""

    named: Mapping[str, Window] = field(default_factory=dict)
    holidays: Collection[date] = ()

    def of(self, name: str, agency: str | None = None) -> Window | None:
        """The window that holds for an agency where a schedule names this one: its own, if it has one.

        Raises:
            InputError: there is none of this name.
        """
        if not name:
            return None
        if name not in self.named:
            known = ", ".join(sorted(self.named)) or "none: write [windows.NAME] into the settings"
            raise InputError(
                Title(
                    f"gặp khung giờ {name!r}, cần một trong {known}",
                    f"found the window {name!r}, expected one of {known}",
                )
            )
        return next((w for w in self.named.values() if agency in w.agencies), self.named[name])

    def _all_of(self, schedule: Schedule) -> list[Window]:
        """Those in which something of a schedule may be done: the one it names, and its agencies' own."""
        own = [w for w in self.named.values() if set(w.agencies) & set(schedule.agencies or w.agencies)]
        named = self.of(schedule.window)
        return [named, *(w for w in own if w is not named)] if named else []

    def is_open(self, schedule: Schedule, at: datetime) -> bool:
        """Whether some of a schedule's job may be done at `at`."""
        every = self._all_of(schedule)
        return not every or any(w.is_open(at, self.holidays) for w in every)

    def closes(self, name: str, agency: str | None, at: datetime) -> datetime | None:
        """When the window that is open at `at` closes; `at` where it is closed, None where there is no window."""
        window = self.of(name, agency)
        if window is None:
            return None
        span = window.span(at, self.holidays)
        return span[1] if span else at

    def closed_for(self, schedule: Schedule, at: datetime) -> list[str]:
        """The agencies with a window of their own that is closed at `at`: of them a turn then does nothing."""
        if not schedule.window:
            return []
        own = {agency: w for w in self.named.values() for agency in w.agencies}
        asked = schedule.agencies or tuple(own)
        return sorted(a for a in asked if a in own and not own[a].is_open(at, self.holidays))

    def all_close(self, schedule: Schedule, at: datetime) -> datetime | None:
        """When the last window that is open for some of a schedule's job closes; None where there is none to close."""
        spans = [w.span(at, self.holidays) for w in self._all_of(schedule)]
        return max((span[1] for span in spans if span), default=None)

    def next_turn(self, schedule: Schedule, planned: datetime, now: datetime) -> datetime | None:
        """The first turn of a schedule after `now` that falls into its window, where one was planned for `planned`."""
        window = self.of(schedule.window, schedule.agencies[0] if len(schedule.agencies) == 1 else None)
        return first_turn(read_cadence(schedule.cadence), window, planned, now, self.holidays)


async def open_windows(config: Config, now: datetime) -> Windows:
    """The windows of the settings, with the holidays of this year and the next where one asks for them."""
    named = {name: read_window(name, w.days, w.hours, w.holidays, w.agencies) for name, w in config.windows.items()}
    twice = [
        a for n, w in enumerate(named.values()) for o in list(named.values())[:n] for a in w.agencies if a in o.agencies
    ]
    if twice:
        raise InputError(
            Title(
                f"windows: cơ quan {twice[0]!r} có trong hai khung giờ, cần nhiều nhất một",
                f"windows: found the agency {twice[0]!r} in two of them, expected one at most",
            )
        )
    holidays = set(config.holidays)
    if any(not window.holidays for window in named.values()):
        year = now.astimezone(ZONE).year
        holidays |= await asyncio.to_thread(public_holidays, (year, year + 1))
    return Windows(named, frozenset(holidays))


def public_holidays(years: Iterable[int]) -> set[date]:
    """Vietnam's public holidays, lunar ones and those that make up for a week-end included.

    The table of all countries' holidays takes 20 MB and a second: it is asked in a process of its own, once a year.

    Raises:
        OSError: that process failed.
    """
    asked = [sys.executable, "-m", "api.windows", *map(str, years)]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise OSError(f"public holidays: no answer within {_SECONDS} s") from None
    if told.returncode != 0:
        raise OSError(
            f"public holidays: {told.stderr.strip().splitlines()[-1] if told.stderr.strip() else 'no answer'}"
        )
    return {date.fromisoformat(day) for day in json.loads(told.stdout)}


if __name__ == "__main__":
    import holidays as tables

    found = tables.country_holidays("VN", years=[int(year) for year in sys.argv[1:]])
    print(json.dumps([day.isoformat() for day in sorted(found)]))
