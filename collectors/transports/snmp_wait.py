"""Waits for the answers that come to a codec's socket, and looks at them first."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TypeVar

_PEEK = int(socket.MSG_PEEK | socket.MSG_TRUNC | socket.MSG_DONTWAIT)
_NOW = int(socket.MSG_DONTWAIT)


T = TypeVar("T")


class Waiting:
    """Waits for the datagrams of one socket, and has them looked at before the codec reads them.

    The descriptor stays with the event loop from one request to the next, and one timer serves them all.
    """

    __slots__ = ("_arrival", "_descriptor", "_ends", "_look", "_loop", "_registered", "_socket", "_timer")

    def __init__(self, descriptor: int, six: bool) -> None:
        self._loop = asyncio.get_running_loop()
        # A second descriptor of the same socket: the codec closes its own whenever it likes.
        family = socket.AF_INET6 if six else socket.AF_INET
        self._descriptor = os.dup(descriptor)
        self._socket = socket.socket(family, socket.SOCK_DGRAM, 0, fileno=self._descriptor)
        self._look: Callable[[], object] | None = None
        self._arrival: asyncio.Future[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends = 0.0
        self._registered = False

    async def until(self, look: Callable[[], T | Exception | None], ends: float) -> T | None:
        """What `look` makes of the datagrams that come; None where that is nothing until `ends`.

        An exception that `look` returns is raised here. It is called as soon as a datagram is there, and not when this
        task is next in turn: by then the loop would have reported the same datagram again, and woken the next request
        for nothing. `ends` is on the loop's clock.

        A plain future and a timer: `asyncio.wait_for` of Python 3.11 returns its result instead of raising when the
        cancellation arrives together with the datagram, and a poll that the runner gave up would go on.
        """
        arrival: asyncio.Future[T | Exception | None] = self._loop.create_future()
        self._look, self._arrival = look, arrival  # type: ignore[assignment]  # the loop gives back what it was given
        self._ends = ends
        if not self._registered:
            self._loop.add_reader(self._descriptor, self._arrived)
            self._registered = True
        if self._timer is None or self._timer.when() > ends:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(ends, self._expired)
        try:
            found = await arrival
        finally:
            self._look = self._arrival = None
        if isinstance(found, Exception):
            raise found
        return found

    def _arrived(self) -> None:
        if self._look is None or self._arrival is None:
            # A late answer that nobody waits for would wake the loop again and again.
            self._forget()
        elif not self._arrival.done():
            found = self._look()
            if found is not None:
                self._arrival.set_result(found)

    def _expired(self) -> None:
        self._timer = None
        if self._arrival is None or self._arrival.done():
            return
        if self._loop.time() < self._ends:
            self._timer = self._loop.call_at(self._ends, self._expired)
        else:
            self._arrival.set_result(None)

    def peek(self, octets: bytearray) -> int:
        """Copies the waiting datagram, as much of it as fits, and gives its whole size in bytes."""
        return self._socket.recv_into(octets, 0, _PEEK)

    def drop(self) -> None:
        """Takes the waiting datagram away."""
        self._socket.recv_into(bytearray(1), 0, _NOW)

    def _forget(self) -> None:
        if self._registered:
            self._loop.remove_reader(self._descriptor)
            self._registered = False

    def close(self) -> None:
        """Ends all waiting."""
        self._forget()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._socket.close()
