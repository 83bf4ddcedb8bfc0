"""Waits for the answers that come to a codec's socket, and looks at them first."""

from __future__ import annotations

import asyncio
import os
import socket

_PEEK = int(socket.MSG_PEEK | socket.MSG_TRUNC | socket.MSG_DONTWAIT)
_NOW = int(socket.MSG_DONTWAIT)


class Waiting:
    """Waits for the datagrams of one socket, and looks at them before the codec reads them.

    The descriptor stays with the event loop from one request to the next, and one timer serves them all.
    """

    __slots__ = ("_arrival", "_descriptor", "_ends", "_loop", "_registered", "_socket", "_timer")

    def __init__(self, descriptor: int, six: bool) -> None:
        self._loop = asyncio.get_running_loop()
        # A second descriptor of the same socket: the codec closes its own whenever it likes.
        family = socket.AF_INET6 if six else socket.AF_INET
        self._descriptor = os.dup(descriptor)
        self._socket = socket.socket(family, socket.SOCK_DGRAM, 0, fileno=self._descriptor)
        self._arrival: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends = 0.0
        self._registered = False

    async def readable(self, ends: float) -> bool:
        """Waits for a datagram until `ends` on the loop's clock.

        A plain future and a timer: `asyncio.wait_for` of Python 3.11 returns its result instead of raising when the
        cancellation arrives together with the datagram, and a poll that the runner gave up would go on.
        """
        self._arrival = arrival = self._loop.create_future()
        self._ends = ends
        if not self._registered:
            self._loop.add_reader(self._descriptor, self._arrived)
            self._registered = True
        if self._timer is None or self._timer.when() > ends:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(ends, self._expired)
        try:
            return bool(await arrival)
        finally:
            self._arrival = None

    def _arrived(self) -> None:
        if self._arrival is None:
            # A late answer that nobody waits for would wake the loop again and again.
            self._forget()
        elif not self._arrival.done():
            self._arrival.set_result(True)

    def _expired(self) -> None:
        self._timer = None
        if self._arrival is None or self._arrival.done():
            return
        if self._loop.time() < self._ends:
            self._timer = self._loop.call_at(self._ends, self._expired)
        else:
            self._arrival.set_result(False)

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
