"""A server of datagrams for tests, which answers each as the test says: SIP, a gatekeeper."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast


class DatagramServer(asyncio.DatagramProtocol):
    """Answers each datagram with what `answers` makes of it, and keeps what it was asked."""

    def __init__(self, answers: Callable[[bytes], list[bytes]]) -> None:
        self.answers, self.requests = answers, list[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests.append(data)
        for answer in self.answers(data):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def datagram_server(answers: Callable[[bytes], list[bytes]]) -> AsyncIterator[tuple[int, DatagramServer]]:
    """Serve on a free port of loopback; yields the port and the server."""
    server = DatagramServer(answers)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], server
    finally:
        transport.close()
