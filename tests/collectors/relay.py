"""Stands between a client and a real agent on loopback, and loses, repeats or changes what passes."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Change = Callable[[bytes], list[bytes]]
"""What becomes of one datagram: none, one or several."""


def pass_on(datagram: bytes) -> list[bytes]:
    """No change."""
    return [datagram]


@dataclass
class Relay:
    """What passed; `asked` and `answered` may be set while it runs."""

    port: int
    asked: Change = pass_on
    answered: Change = pass_on
    requests: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)


@contextmanager
def relaying(agent: int) -> Iterator[Relay]:
    """Relays between a port of its own and that of an agent, one client after the other."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        selectors.DefaultSelector() as selector,
    ):
        inward, outward = socket.socketpair()
        with inward, outward:
            near.bind(("127.0.0.1", 0))
            far.connect(("127.0.0.1", agent))
            relay = Relay(near.getsockname()[1])
            for each in (near, far, outward):
                selector.register(each, selectors.EVENT_READ)
            thread = threading.Thread(target=_run, args=(relay, near, far, outward, selector))
            thread.start()
            try:
                yield relay
            finally:
                inward.send(b"x")
                thread.join()


def _run(
    relay: Relay, near: socket.socket, far: socket.socket, end: socket.socket, selector: selectors.BaseSelector
) -> None:
    client: tuple[str, int] = ("", 0)
    while True:
        for key, _ in selector.select():
            if key.fileobj is end:
                return
            if key.fileobj is near:
                datagram, client = near.recvfrom(65_535)
                relay.requests.append(datagram)
                for each in relay.asked(datagram):
                    far.send(each)
            else:
                datagram = far.recv(65_535)
                relay.answers.append(datagram)
                for each in relay.answered(datagram):
                    near.sendto(each, client)
