"""Connections of urllib3 that wait for the head of an answer no longer in all than for any one part of it."""

from __future__ import annotations

import socket
import threading
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["POOLS"]


class _Bounded:
    """A connection that is cut off where a server drips its head: urllib3 bounds each part that it receives alone."""

    sock: Any
    timeout: Any

    def getresponse(self) -> Any:
        """The head of the answer; TimeoutError where it is not there within `timeout` seconds."""
        over = threading.Event()

        def cut(reached: socket.socket) -> None:
            over.set()
            try:
                # Not the method of an SSL socket, which would go on in clear.
                socket.socket.shutdown(reached, socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself

        timer = threading.Timer(self.timeout, cut, (self.sock,))
        timer.daemon = True
        timer.start()
        try:
            answer = super().getresponse()  # type: ignore[misc]
        except (OSError, ValueError):
            if over.is_set():
                raise TimeoutError(f"no answer within {self.timeout:g} s") from None
            raise
        finally:
            timer.cancel()
        if over.is_set():
            # Of a head that was cut off http.client takes what it has.
            answer.close()
            raise TimeoutError(f"no answer within {self.timeout:g} s")
        return answer


class _Plain(_Bounded, HTTPConnection):
    pass


class _Secure(_Bounded, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}
"""What a PoolManager of urllib3 takes as `pool_classes_by_scheme`."""
