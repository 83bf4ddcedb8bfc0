"""The processes of the probe benchmark: each does one kind of work once and prints the CPU seconds that it took."""

from __future__ import annotations

import asyncio
import json
import resource
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address

from collectors.lines import Heard, Line, judge_lines, observe
from collectors.quality import Window
from collectors.transports.echo import Pace, ping_many
from collectors.transports.knock import knock_many

RATE = 20_000.0
"""Requests a second: so high that waiting takes no part in it."""


def address_of(number: int) -> str:
    """The address of the n-th machine on loopback, where the kernel answers for all of 127.0.0.0/8."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def addresses(count: int) -> list[IPv4Address]:
    """The first machines."""
    return [IPv4Address(address_of(n)) for n in range(count)]


def ours_icmp(count: int, _: int) -> int:
    """One echo of each; how many answered."""
    found = asyncio.run(ping_many(addresses(count), Pace(1, 0, 2, RATE)))
    return sum(trips.answered for trips in found.values())


def ours_tcp(count: int, port: int) -> int:
    """One connect to each; how many were let in or refused."""
    found = asyncio.run(knock_many([(address, port) for address in addresses(count)], Pace(1, 0, 2, RATE)))
    return sum(trips.answered for trips in found.values())


def ours_round(count: int, port: int) -> int:
    """A round as it is made each minute: ten echoes and three connects of each, judged and told; how many are up."""

    async def work() -> int:
        places = addresses(count)
        echoes = await ping_many(places, Pace(10, 0, 2, RATE))
        knocks = await knock_many([(address, port) for address in places], Pace(3, 0, 2, RATE))
        lines = {str(address): Line(str(address), address, port) for address in places}
        windows = {code: Window(300) for code in lines}
        for code, line in lines.items():
            if line.address is not None:
                windows[code].add(time.monotonic(), echoes[line.address])
        states = judge_lines(lines, Heard(echoes, knocks), windows)
        now = datetime.now(UTC)
        told = [observe(code, state, now) for code, state in states.items()]
        return sum(one is not None for one in told)

    return asyncio.run(work())


def bare_icmp(count: int, _: int) -> int:
    """One echo of each by a socket and nothing else: no matching, no times, no loss; how many messages came."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    wire.setsockopt(255, 1, struct.pack("=I", ~1 & 0xFFFFFFFF))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    message = struct.pack("!BBHHH", 8, 0, 0xF7FE, 1, 0) + bytes(8)
    message = message[:2] + struct.pack("!H", ~(0x0800 + 1) & 0xFFFF) + message[4:]
    told, got = [(str(address), 0) for address in addresses(count)], 0
    for start in range(0, count, 16):
        for target in told[start : start + 16]:
            wire.sendto(message, target)
        while select.select([wire], [], [], 0 if start + 16 < count else 0.2)[0]:
            wire.recv(2048)
            got += 1
    return got


def bare_tcp(count: int, port: int) -> int:
    """One connect to each by sockets that wait; how many were let in."""
    got = 0
    for address in addresses(count):
        with socket.socket() as opened:
            opened.connect((str(address), port))
            got += 1
    return got


def serve_doors() -> None:
    """Let everybody in at one port of all addresses, and close at once; prints the port."""
    with socket.create_server(("0.0.0.0", 0), backlog=4096) as server:  # noqa: S104 loopback is all there is
        print(server.getsockname()[1], flush=True)
        while True:
            server.accept()[0].close()


WORKS: dict[str, Callable[[int, int], int]] = {
    work.__name__: work for work in (ours_icmp, ours_tcp, ours_round, bare_icmp, bare_tcp)
}


def main() -> None:
    """Do the work that is named, and print its figures as JSON."""
    if sys.argv[1] == "serve":
        serve_doors()
    work, count, port = WORKS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
    before = time.process_time()
    began = time.perf_counter()
    answered = work(count, port)
    took = {"cpu": time.process_time() - before, "seconds": time.perf_counter() - began}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**took, "answered": answered, "peak_mb": peak}))


if __name__ == "__main__":
    main()
