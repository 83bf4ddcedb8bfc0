"""The quality of a line in figures, from the round trips of several echoes: loss, percentiles and jitter. Pure."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from collectors.transports.echo import Trips

__all__ = ["Quality", "Window", "measure", "percentile"]


@dataclass(frozen=True, slots=True)
class Quality:
    """What a number of requests say of a line; times in seconds, None where too few were answered to say."""

    sent: int
    loss: float
    """The share (0-1) of the requests that were not answered within their time."""
    median: float | None = None
    p95: float | None = None
    p99: float | None = None
    jitter: float | None = None


def measure(rounds: Sequence[Trips]) -> Quality | None:
    """The quality over some rounds of requests to one address; None where nothing was sent.

    Percentiles are by nearest rank: the smallest round trip that at least so many in a hundred do not exceed; of fewer
    than a hundred round trips p99 is the longest. Jitter is the mean of the differences, without their sign, between
    each round trip and the next of its round: RFC 3550's D(i-1,i) (6.4.1) of round trips and not of one way, and the
    plain mean where RTP smooths.
    """
    sent = sum(one.sent for one in rounds)
    if not sent:
        return None
    times = sorted(t for one in rounds for t in one.round_trips)
    loss = 1 - len(times) / sent
    if not times:
        return Quality(sent, loss)
    steps = [abs(b - a) for one in rounds for a, b in zip(one.round_trips, one.round_trips[1:], strict=False)]
    jitter = statistics.fmean(steps) if steps else None
    return Quality(sent, loss, statistics.median(times), percentile(times, 95), percentile(times, 99), jitter)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The value of nearest rank in an ordered sequence that is not empty."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(slots=True)
class Window:
    """The newest rounds to one address, as long ago as the window is long."""

    seconds: float
    rounds: deque[tuple[float, Trips]] = field(default_factory=deque)
    """With the time of the monotonic clock at which each was made."""

    def add(self, at: float, made: Trips) -> None:
        """Take a round in, and forget those that are too old."""
        self.rounds.append((at, made))
        while self.rounds and self.rounds[0][0] <= at - self.seconds:
            self.rounds.popleft()

    def restart(self, kept: Iterable[tuple[float, Trips]] = ()) -> None:
        """Forget what was: what a line lost while it was down says nothing of how it is now."""
        self.rounds = deque(kept)

    def measure(self) -> Quality | None:
        """The quality over the window."""
        return measure([made for _, made in self.rounds])
