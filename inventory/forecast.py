"""Where a goal's proven share will be on its due date, if it goes on as in the last months. Pure.

The line through the kept daily figures is that of Theil and Sen: the median of the slopes between all pairs of days. A
day on which a line was cut, or a late delivery, does not bend it as it would bend one of least squares.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["DAYS", "Forecast", "forecast"]

DAYS = 90
"""How far back the figures are looked at."""
_FEWEST_DAYS = 14
"""Between the first and the last figure; from less nothing is concluded."""
_FEWEST = 5
_FARTHEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What follows from the figures of some days."""

    first: date
    """The first day that was looked at."""
    days: int
    """How many days have a figure."""
    per_month: float
    """By how much the share changes in 30 days."""
    at_due: float | None
    """The share (0-1) on the due date; None without one that lies ahead."""
    reached: date | None
    """The day on which the target is reached; None where it is not within ten years, or there is none."""


def forecast(
    points: Sequence[tuple[date, float]], today: date, target: float | None, due: date | None
) -> Forecast | None:
    """Prolong the line of the last `DAYS` days; None where there are too few figures.

    Args:
        points: a share (0-1) for each of some days, in their order.
        today: the day from which to look ahead; figures after it are not looked at.
    """
    recent = [(day, share) for day, share in points if today - timedelta(days=DAYS) <= day <= today]
    if len(recent) < _FEWEST or (recent[-1][0] - recent[0][0]).days < _FEWEST_DAYS:
        return None
    slope = statistics.median((b[1] - a[1]) / (b[0] - a[0]).days for a, b in itertools.combinations(recent, 2))
    here = statistics.median(share + slope * (today - day).days for day, share in recent)

    def on(day: date) -> float:
        return min(1.0, max(0.0, here + slope * (day - today).days))

    reached = None
    if target is not None and here >= target:
        reached = today
    elif target is not None and slope > 0 and (ahead := (target - here) / slope) <= _FARTHEST.days:
        reached = today + timedelta(days=math.ceil(ahead - 1e-6))
    at_due = on(due) if due is not None and due > today else None
    return Forecast(recent[0][0], len(recent), slope * 30, at_due, reached)
