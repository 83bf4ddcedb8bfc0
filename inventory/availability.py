"""How long a line was up, degraded, down and unknown over a span of time, from what was said of it and when. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from inventory.spans import Stretch, joined

__all__ = ["Availability", "Said", "add_up", "stretches"]


@dataclass(frozen=True, slots=True)
class Said:
    """That a source held a state (None: stated as unknown) from `first` to `last`, until it said something else."""

    first: int
    last: int
    until: int
    value: str | None
    proof: int = 1
    source: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """Times by state, which add up to the span; what was under maintenance is in no other."""

    up: timedelta = timedelta()
    degraded: timedelta = timedelta()
    """It answered, and badly."""
    down: timedelta = timedelta()
    unknown: timedelta = timedelta()
    maintenance: timedelta = timedelta()

    @property
    def share(self) -> float | None:
        """Up ÷ (up + down) by time, degraded being up; None where neither is known of any moment."""
        answered, known = self.up + self.degraded, self.up + self.degraded + self.down
        return answered / known if known else None

    def __add__(self, other: Availability) -> Availability:
        return Availability(
            self.up + other.up, self.degraded + other.degraded, self.down + other.down, self.unknown + other.unknown,
            self.maintenance + other.maintenance,
        )  # fmt: skip


def stretches(said: Iterable[Said], age: int, begin: int, end: int) -> list[tuple[int, int, str | None]]:
    """The state at every instant of a span, as a judgement as of that instant takes it: (from, up to, state).

    What a source said counts while it is not replaced and not older than `age` milliseconds; of several that count the
    best proof, then the newest confirmation, then the last in the order of letters.
    """
    rows = sorted((row for row in said if row.first < end and min(row.until, row.last + age + 1) > begin),
                  key=lambda row: row.first)  # fmt: skip
    marks = {begin, end}
    for row in rows:
        # A row counts up to and with the instant at which it is as old as it may be.
        marks |= {at for at in (row.first, row.last, row.until, row.last + age + 1) if begin < at < end}
    order, found, next_row = sorted(marks), list[tuple[int, int, str | None]](), 0
    standing: list[tuple[int, int, Said]] = []
    for start, stop in itertools.pairwise(order):
        while next_row < len(rows) and rows[next_row].first <= start:
            row = rows[next_row]
            heapq.heappush(standing, (min(row.until, row.last + age + 1), next_row, row))
            next_row += 1
        while standing and standing[0][0] <= start:
            heapq.heappop(standing)
        known = [row for _, _, row in standing if row.value is not None]
        # Inside the stretch, and not at its first instant, it shows which of two was confirmed later.
        best = max(known, key=lambda r: (-r.proof, min(r.last, start + 0.5), r.value or ""), default=None)
        state = best.value if best else None
        if found and found[-1][2] == state:
            found[-1] = (found[-1][0], stop, state)
        else:
            found.append((start, stop, state))
    return found


def add_up(
    said: Iterable[Said],
    age: int,
    begin: int,
    end: int,
    maintenance: Sequence[Stretch] = (),
    valid: Stretch | None = None,
) -> Availability:
    """How long each state was held in a span, maintenance taken out.

    Args:
        age: milliseconds for which what was said counts.
        maintenance: spans that are not counted, whatever was said.
        valid: when there was the line at all; the rest of the span is in no figure.
    """
    if valid is not None:
        begin, end = max(begin, valid[0]), min(end, valid[1])
    if begin >= end:
        return Availability()
    out = joined((max(a, begin), min(b, end)) for a, b in maintenance)
    times = {"up": 0, "degraded": 0, "down": 0, "unknown": 0}
    place = 0
    for start, stop, state in stretches(said, age, begin, end):
        length = stop - start
        while place < len(out) and out[place][1] <= start:
            place += 1
        for a, b in out[place:]:
            if a >= stop:
                break
            length -= max(0, min(b, stop) - max(a, start))
        times[state if state in times else "unknown"] += length
    spared = sum(b - a for a, b in out)
    return Availability(**{name: timedelta(milliseconds=ms) for name, ms in times.items()},
                        maintenance=timedelta(milliseconds=spared))  # fmt: skip
