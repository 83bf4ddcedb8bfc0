"""Knocks at TCP ports of thousands of addresses with connects that wait for nothing: for those that answer no ICMP.

A port that refuses is an answer too: somebody is there. Nothing is sent over a connection, and it is closed at once.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collectors.transports.echo import Pace, Trips, in_thread
from collectors.transports.icmp import IPAddress

__all__ = ["Door", "knock_many"]

Door = tuple[IPAddress, int]
"""An address and a port."""
_AT_ONCE = 500
"""Connects under way, each of which is an open file."""
USUAL = Pace(3, 0.2, 2.0, 1_000.0)
_ANSWERS = (0, errno.ECONNREFUSED, errno.ECONNRESET)
_OUR_OWN = (errno.ENETUNREACH, errno.EPERM, errno.EACCES, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE,
            errno.EAFNOSUPPORT, errno.EINVAL)  # fmt: skip
"""What is wrong here and says nothing of the other side."""


async def knock_many(doors: Sequence[Door], pace: Pace = USUAL) -> Mapping[Door, Trips]:
    """Connect to every door so often, and time how long it takes to be let in or refused.

    At most `rate` connects a second are begun, and at most some hundred are under way. What a router says instead, and
    what takes longer than the patience, is no answer.
    """
    if not doors:
        return {}
    asked = {door: _Knocks() for door in dict.fromkeys(doors)}
    await in_thread(lambda stop: _knock(asked, pace, stop))
    return {door: own.trips() for door, own in asked.items()}


@dataclass(slots=True)
class _Knocks:
    sent: int = 0
    times: dict[int, float] = field(default_factory=dict)
    """Seconds of each attempt that was answered."""
    refusal: str = ""
    unsent: str = ""

    def trips(self) -> Trips:
        return Trips(self.sent, tuple(self.times[n] for n in sorted(self.times)), self.refusal, self.unsent)

    def end(self, attempt: int, code: int, seconds: float) -> None:
        """Note how a connect ended."""
        if code in _OUR_OWN:
            self.unsent = os.strerror(code)
            return
        self.sent += 1
        if code in _ANSWERS:
            self.times[attempt] = seconds
        elif code != errno.ETIMEDOUT:
            self.refusal = os.strerror(code).lower()


@dataclass(slots=True)
class _Waiting:
    door: Door
    attempt: int
    socket: socket.socket
    began: float


def _knock(asked: Mapping[Door, _Knocks], pace: Pace, stop: threading.Event) -> None:
    """Make all connects of a round; the work of its thread."""
    waiting: dict[int, _Waiting] = {}
    with select.epoll() as ready:
        try:
            for attempt in range(pace.count):
                begin = time.monotonic()
                for number, door in enumerate(asked):
                    while not stop.is_set() and (
                        time.monotonic() < begin + number / pace.rate or len(waiting) >= _AT_ONCE
                    ):
                        left = begin + number / pace.rate - time.monotonic()
                        _settle(asked, waiting, ready, max(0.001, left), pace.patience)
                    if stop.is_set():
                        return
                    _begin(asked[door], door, attempt, waiting, ready)
                while not stop.is_set() and time.monotonic() < begin + pace.interval:
                    _settle(asked, waiting, ready, begin + pace.interval - time.monotonic(), pace.patience)
            while waiting and not stop.is_set():
                _settle(asked, waiting, ready, 0.25, pace.patience)
        finally:
            for one in waiting.values():
                one.socket.close()


def _begin(knocks: _Knocks, door: Door, attempt: int, waiting: dict[int, _Waiting], ready: select.epoll) -> None:
    address, port = door
    began = time.monotonic()
    try:
        opened = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    except OSError as error:
        knocks.unsent = error.strerror or str(error)
        return
    opened.setblocking(False)
    code = opened.connect_ex((str(address), port))
    if code != errno.EINPROGRESS:
        opened.close()
        knocks.end(attempt, code, time.monotonic() - began)
        return
    waiting[opened.fileno()] = _Waiting(door, attempt, opened, began)
    ready.register(opened.fileno(), select.EPOLLOUT)


def _settle(
    asked: Mapping[Door, _Knocks], waiting: dict[int, _Waiting], ready: select.epoll, seconds: float, patience: float
) -> None:
    """Wait a little for connects to end, and give up those whose time is over."""
    events = ready.poll(max(0.0, min(seconds, 0.05)))
    now = time.monotonic()
    for number, _ in events:
        one = waiting.pop(number)
        code = one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        # Closed, it leaves the epoll set by itself.
        one.socket.close()
        asked[one.door].end(one.attempt, code, now - one.began)
    # They were begun in this order: the first that still has time ends the look.
    late = []
    for number, one in waiting.items():
        if now - one.began < patience:
            break
        late.append(number)
    for number in late:
        one = waiting.pop(number)
        one.socket.close()
        asked[one.door].end(one.attempt, errno.ETIMEDOUT, patience)
