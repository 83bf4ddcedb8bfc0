"""When a job's turns come and when its window is open: cron or interval, in Vietnam's time. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from cronsim import CronSim, CronSimError

from inventory.periods import ZONE
from inventory.words import InputError, Title

__all__ = ["Cadence", "Window", "first_turn", "jitter", "read_cadence", "read_window"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(days=366)
_INTERVAL = re.compile(r"every\s+([0-9]{1,5})\s*(s|m|h|d)", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_HOURS = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01]?[0-9]|2[0-4]):([0-5][0-9])")
MOST_DAYS = 400
"""So many days, and openings, are looked through for a turn that falls into a window."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often: five fields of cron (crontab(5)), or an interval."""

    text: str
    interval: timedelta | None = None
    """None: `text` is cron's."""

    def after(self, planned: datetime, now: datetime) -> datetime:
        """The first turn after `now`, where one was planned for `planned`: turns that were missed are not made up for.

        A clock that was set back leaves `planned` in the future; then it counts from `now`.
        """
        if self.interval is None:
            return next(CronSim(self.text, now.astimezone(ZONE)))
        if planned > now:
            return now + self.interval
        return planned + self.interval * ((now - planned) // self.interval + 1)


def read_cadence(text: str) -> Cadence:
    """A cadence of cron's five fields, such as "30 1 * * mon-fri", or of "every 5m" (s, m, h, d).

    Raises:
        InputError: it is neither, never comes, or comes more often than every 30 seconds or less than once a year.
    """
    plain = " ".join(text.split())
    if matched := _INTERVAL.fullmatch(plain):
        interval = timedelta(**{_UNITS[matched[2].lower()]: int(matched[1])})
        if not SHORTEST <= interval <= LONGEST:
            raise InputError(
                Title(
                    f"gặp {text!r}, cần chu kỳ từ 30 giây đến 366 ngày",
                    f"found {text!r}, expected an interval from 30 seconds to 366 days",
                )
            )
        return Cadence(plain, interval)
    expected = Title(
        'năm trường của cron như "30 1 * * mon-fri", hoặc chu kỳ như "every 5m"',
        'expected five fields of cron such as "30 1 * * mon-fri", or an interval such as "every 5m"',
    )
    if len(plain.split(" ")) != 5:
        raise InputError(Title(f"gặp {text!r:.80}, cần {expected.vi}", f"found {text!r:.80}, {expected.en}"))
    try:
        next(CronSim(plain, datetime(2026, 1, 1, tzinfo=ZONE)))
    except CronSimError as error:
        raise InputError(
            Title(f"gặp {text!r:.80}, cần {expected.vi} ({error})", f"found {text!r:.80}, {expected.en} ({error})")
        ) from None
    except StopIteration:
        raise InputError(
            Title(
                f"gặp {text!r:.80}, không bao giờ đến lượt; cần {expected.vi}",
                f"found {text!r:.80}, which never comes; {expected.en}",
            )
        ) from None
    return Cadence(plain)


def jitter(name: str, planned: datetime, most: timedelta) -> timedelta:
    """How much later than planned a turn begins: less than `most`, for one turn always the same."""
    share = zlib.crc32(f"{name} {planned.timestamp()}".encode()) / 2**32
    return most * share


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which something may be done, by days of the week, in Vietnam's time."""

    name: str
    days: frozenset[int]
    """0 is Monday. A span over midnight belongs to the day on which it begins."""
    hours: tuple[tuple[time, time], ...]
    """Begin and end; an end that is not after its begin is on the next day."""
    holidays: bool = True
    """Whether public holidays count as days."""
    agencies: tuple[str, ...] = ()
    """Whose own window this is, in place of the one that a schedule names."""

    def span(self, at: datetime, holidays: Collection[date] = ()) -> tuple[datetime, datetime] | None:
        """Begin and end of the time around `at` in which it is open without a pause; None where it is closed."""
        day = at.astimezone(ZONE).date()
        open_times = sorted(s for n in range(-8, 9) for s in self._of_day(day + timedelta(days=n), holidays))
        joined: list[tuple[datetime, datetime]] = []
        for begin, end in open_times:
            if joined and begin <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(joined[-1][1], end)
            else:
                joined.append((begin, end))
        return next((each for each in joined if each[0] <= at < each[1]), None)

    def is_open(self, at: datetime, holidays: Collection[date] = ()) -> bool:
        """Whether it is open at `at`."""
        return self.span(at, holidays) is not None

    def opens_after(self, at: datetime, holidays: Collection[date] = ()) -> datetime | None:
        """When it opens next after `at`; None where it does not within the days looked through."""
        day = at.astimezone(ZONE).date()
        for n in range(-1, MOST_DAYS):
            begins = [begin for begin, _ in self._of_day(day + timedelta(days=n), holidays) if begin > at]
            if begins:
                return min(begins)
        return None

    def _of_day(self, day: date, holidays: Collection[date]) -> list[tuple[datetime, datetime]]:
        if day.weekday() not in self.days or (not self.holidays and day in holidays):
            return []
        spans = []
        for begin, end in self.hours:
            until = day if end > begin else day + timedelta(days=1)
            spans.append((datetime.combine(day, begin, ZONE), datetime.combine(until, end, ZONE)))
        return spans


def read_window(
    name: str, days: str = "mon-sun", hours: Collection[str] = ("00:00-24:00",), holidays: bool = True,
    agencies: Collection[str] = (),
) -> Window:  # fmt: skip
    """A window as the settings write it: days "mon-fri" or "sat,sun", hours "07:30-11:30"; "20:00-05:30" is a night.

    Raises:
        InputError: a day or an hour that is none.
    """
    where = f"windows.{name}"
    numbers: set[int] = set()
    for part in days.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise InputError(
                Title(
                    f"{where}: days: gặp {part!r}, cần như mon-fri hoặc sat,sun",
                    f"{where}: days: found {part!r}, expected such as mon-fri or sat,sun",
                )
            )
        begin, end = DAYS.index(first), DAYS.index(last or first)
        numbers |= {n % 7 for n in range(begin, end + 1 + (7 if end < begin else 0))}
    spans = []
    for text in hours:
        matched = _HOURS.fullmatch(text.strip())
        if matched is None or (matched[3] == "24" and matched[4] != "00"):
            raise InputError(
                Title(
                    f"{where}: hours: gặp {text!r}, cần như 07:30-11:30",
                    f"{where}: hours: found {text!r}, expected such as 07:30-11:30",
                )
            )
        spans.append((time(int(matched[1]), int(matched[2])), time(int(matched[3]) % 24, int(matched[4]))))
    if not spans:
        raise InputError(
            Title(
                f"{where}: hours: để trống, cần như 07:30-11:30",
                f"{where}: hours: found none, expected such as 07:30-11:30",
            )
        )
    return Window(name, frozenset(numbers), tuple(spans), holidays, tuple(agencies))


def first_turn(
    cadence: Cadence, window: Window | None, planned: datetime, now: datetime, holidays: Collection[date] = ()
) -> datetime | None:
    """The first turn after `now` that falls into the window; None where there is none."""
    turn = cadence.after(planned, now)
    for _ in range(MOST_DAYS):
        if window is None or window.is_open(turn, holidays):
            return turn
        opening = window.opens_after(turn, holidays)
        if opening is None:
            return None
        turn = cadence.after(turn, opening - timedelta(milliseconds=1))
    return None
