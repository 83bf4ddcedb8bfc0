"""What asks the benchmark's websites, each in a process of its own: prints the CPU milliseconds of one probe.

    python -m bench._website_clients bare|fetch|site|site-long PORT COUNT CA

"bare" is Python's ssl on a blocking socket, without looking at anything: what TLS and one GET cost at least.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import time
from pathlib import Path

from collectors import website
from collectors.transports.http import fetch
from collectors.transports.names import look_up
from collectors.transports.tls import trust
from inventory.urls import read_url
from inventory.words import Target

AT_ONCE = 10
WARM = 20


def bare(port: int, count: int, ca: str) -> float:
    """One handshake that verifies, one GET, all of the body."""
    context = ssl.create_default_context(cafile=ca)
    request = f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode()

    def one() -> None:
        with (
            socket.create_connection(("127.0.0.1", port)) as wire,
            context.wrap_socket(wire, server_hostname="localhost") as link,
        ):
            link.sendall(request)
            while link.recv(65_536):
                pass

    for _ in range(WARM):
        one()
    began = time.process_time()
    for _ in range(count):
        one()
    return (time.process_time() - began) / count * 1000


async def resolve(host: str, version: int) -> tuple[str, ...]:
    """Both loopback addresses, whatever the machine's file of hosts says; with what asking the resolver costs."""
    await look_up("localhost", 4)
    return ("127.0.0.1",) if version == 4 else ("::1",)


async def ours(work: str, port: int, count: int, ca: str) -> float:
    """The transport alone, or the collector over both IP versions; refused where a probe did not see all."""
    asking, text = website.Asking(trust([Path(ca)]), resolve=resolve), f"https://localhost:{port}/"
    url, turn = read_url(text), asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with turn:
            if work == "fetch":
                page = await fetch(url, "127.0.0.1", asking.trust)
                good = page.status == 200 and page.whole and page.shown is not None and not page.shown.problems
            else:
                done = await website.collect(Target(text, long=work == "site-long"), asking)
                said = {f.key: f.value for o in done.observations for f in o.facts}
                good = bool(said["answers_over_ipv4"] and said["answers_over_ipv6"] and said["certificate_valid"])
                good = good and (work == "site" or said["content_dated_by"] == "feed")
            if not good:
                raise SystemExit(f"{work}: a probe did not see what is there")

    await asyncio.gather(*(one() for _ in range(WARM)))
    began = time.process_time()
    await asyncio.gather(*(one() for _ in range(count)))
    return (time.process_time() - began) / count * 1000


if __name__ == "__main__":
    kind, at, times, authority = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    took = bare(at, times, authority) if kind == "bare" else asyncio.run(ours(kind, at, times, authority))
    print(json.dumps({"cpu_ms": took}))
