"""Sends ICMP echo requests to thousands of addresses over one socket for each IP version, and times the answers.

A round costs one socket and one thread, and not a task and a socket for each address. It has a thread of its own, so
that what else the program does makes no round trip longer; the kernel's own time of arrival is used where the clock
by which it is stamped has run evenly. Intervals are of the monotonic clock only: a clock that is set changes nothing.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from collectors.transports.icmp import IPAddress, NotPermittedError, ProbeError, privileged

__all__ = ["USUAL", "Hop", "Pace", "Trips", "in_thread", "ping_many", "trace_many"]

_RECEIVE_BUFFER = 4 << 20
_BURST = 16
"""Requests that go out together between two looks at what came in."""
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_ICMP_FILTER, _ICMP6_FILTER = 1, 1
_EVEN = 1_000_000
"""Nanoseconds by which the wall clock may drift from the monotonic one between two looks at both."""
_LONGEST_WAIT = 1_000_000_000
"""Nanoseconds that a message may have waited to be read; beyond, the stamp is not believed."""
_HOPS = 16
_GONE = -1
_SENDABLE_LATER = (errno.EAGAIN, errno.ENOBUFS)


@dataclass(frozen=True, slots=True)
class Trips:
    """What came of several requests to one address."""

    sent: int
    round_trips: tuple[float, ...]
    """Seconds, of each that was answered within its time, in the order in which they were sent."""
    refusal: str = ""
    """What a router said instead of an answer, such as "destination unreachable"."""
    unsent: str = ""
    """Why requests could not be sent: no route, a firewall of our own."""

    @property
    def answered(self) -> bool:
        """Whether anything came back."""
        return bool(self.round_trips)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a round asks."""

    count: int = 10
    """Requests to each address."""
    interval: float = 0.2
    """Seconds between two requests to one address, at least."""
    patience: float = 2.0
    """Seconds after which a request is lost; what comes later is not counted."""
    rate: float = 2_000.0
    """Requests a second, at most."""


USUAL = Pace()


@dataclass(frozen=True, slots=True)
class Hop:
    """A router on the way to an address: the distance at which it let a request expire, and its own address."""

    distance: int
    address: IPAddress


async def ping_many(
    addresses: Sequence[IPAddress], pace: Pace = USUAL, *, wall: Callable[[], int] = time.time_ns
) -> Mapping[IPAddress, Trips]:
    """Ask every address for echoes, each once however often it is named.

    It takes as long as the requests take at the pace, and then until all have answered or the patience is over.

    Args:
        wall: the clock by which the kernel stamps what comes in, in nanoseconds.

    Raises:
        NotPermittedError: this process may send no ICMP.
    """
    found: dict[IPAddress, Trips] = {}
    for version in (4, 6):
        own = [a for a in dict.fromkeys(addresses) if a.version == version]
        if own:
            asked = _Asked(own, pace.count)
            try:
                await in_thread(functools.partial(_ask, asked, version, pace, wall))
            except NotPermittedError:
                raise
            except ProbeError as error:
                # One version of IP may not be there at all; the other is asked none the less.
                found |= dict.fromkeys(own, Trips(0, (), unsent=str(error)))
            else:
                found |= asked.trips(pace.patience)
    return found


async def trace_many(
    addresses: Sequence[IPAddress], *, hops: int = _HOPS, rate: float = 100.0, patience: float = 1.0
) -> Mapping[IPAddress, tuple[Hop, ...]]:
    """The routers on the way to each address that let a request expire and say so, the nearest first.

    One request for each address and distance, `rate` a second: slow, and bounded by `hops`. Time exceeded: RFC 792.

    Raises:
        NotPermittedError: raw ICMP is not permitted, without which nothing can be learned. ProbeError: no socket.
    """
    if not privileged():
        raise NotPermittedError("the routers on the way are learned with raw ICMP only: it needs CAP_NET_RAW")
    pace = Pace(hops, 0, patience, rate)
    found: dict[IPAddress, tuple[Hop, ...]] = {}
    for version in (4, 6):
        own = [a for a in dict.fromkeys(addresses) if a.version == version]
        if own:
            asked = _Asked(own, hops)
            await in_thread(functools.partial(_ask, asked, version, pace, time.time_ns, expiring=True))
            found |= asked.ways()
    return found


async def in_thread(do: Callable[[threading.Event], None]) -> None:
    """Run a round in a thread of its own, in our network; it is told to end when the task that waits is cancelled."""
    stop = threading.Event()
    # A thread of a shared pool may have been begun in another network namespace than the one that we are in now.
    with ThreadPoolExecutor(1, "dophu-probe") as own:
        working = asyncio.get_running_loop().run_in_executor(own, do, stop)
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait({working})
            raise


_Place = tuple[str, int]
"""An address as text, and the number of the interface on which it is there: 0 where it is one everywhere, and
`_GONE` where there is no such interface."""


def _place(address: IPAddress) -> _Place:
    text, _, interface = str(address).partition("%")
    try:
        return text, socket.if_nametoindex(interface) if interface else 0
    except OSError:
        return text, _GONE


@dataclass(slots=True)
class _Asked:
    """The requests of a round: number n is the (n // addresses)th to address n % addresses."""

    addresses: Sequence[IPAddress]
    count: int
    sent: list[int] = field(init=False)
    """When each was sent, in nanoseconds of the monotonic clock; 0 where it was not."""
    back: list[int] = field(init=False)
    """After how many nanoseconds it was answered; -1 where it was not."""
    refusals: dict[int, str] = field(default_factory=dict)
    unsent: dict[int, str] = field(default_factory=dict)
    expired: dict[int, IPAddress] = field(default_factory=dict)
    """Who let which request expire."""
    targets: list[_Place] = field(init=False)
    place: dict[_Place, int] = field(init=False)
    open: int = 0
    """Requests under way that nobody answered."""

    def __post_init__(self) -> None:
        total = len(self.addresses) * self.count
        self.sent, self.back = [0] * total, [-1] * total
        self.targets = [_place(address) for address in self.addresses]
        self.place = {target: n for n, target in enumerate(self.targets)}

    def answer(self, number: int, source: _Place, at: int) -> None:
        """Take an answer, once, from the address that was asked."""
        if number < len(self.sent) and self.place.get(source) == number % len(self.addresses):
            began = self.sent[number]
            if began and self.back[number] < 0:
                self.back[number] = max(0, at - began)
                self.open -= 1

    def trips(self, patience: float) -> dict[IPAddress, Trips]:
        """What came of it, by address."""
        width, longest = len(self.addresses), int(patience * 1e9)
        found = {}
        for n, address in enumerate(self.addresses):
            own = range(n, len(self.sent), width)
            times = tuple(self.back[i] / 1e9 for i in own if 0 <= self.back[i] <= longest)
            sent = sum(1 for i in own if self.sent[i])
            found[address] = Trips(sent, times, self.refusals.get(n, ""), self.unsent.get(n, ""))
        return found

    def ways(self) -> dict[IPAddress, tuple[Hop, ...]]:
        """Who let requests expire on the way to each address, the nearest first."""
        width = len(self.addresses)
        found: dict[IPAddress, list[Hop]] = {address: [] for address in self.addresses}
        for number, router in sorted(self.expired.items()):
            found[self.addresses[number % width]].append(Hop(number // width + 1, router))
        return {address: tuple(hops) for address, hops in found.items()}


def _ask(
    asked: _Asked, version: int, pace: Pace, wall: Callable[[], int], stop: threading.Event, *, expiring: bool = False
) -> None:
    """Send all requests of a round and take in what comes back; the work of its thread."""
    width = len(asked.addresses)
    with _Wire(version, wall) as wire:
        for attempt in range(pace.count):
            begin = time.monotonic()
            for start in range(0, width, _BURST):
                for n in range(start, min(start + _BURST, width)):
                    wire.send(asked, attempt * width + n, attempt + 1 if expiring else 0)
                wire.listen(asked, begin + (start + _BURST) / pace.rate, stop, until_all=False)
                if stop.is_set():
                    return
            if attempt < pace.count - 1:
                wire.listen(asked, begin + pace.interval, stop, until_all=False)
        wire.listen(asked, time.monotonic() + pace.patience, stop, until_all=not expiring)


class _Wire:
    """One socket, raw where that is permitted and else a datagram one, and what is said over it.

    Each request holds a secret of the round and its number, by which its answer is known among those to other programs.
    """

    def __init__(self, version: int, wall: Callable[[], int]) -> None:
        self.version, self.wall, self.raw = version, wall, privileged()
        self.family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.request, self.reply = (8, 0) if version == 4 else (128, 129)
        self.secret = secrets.token_bytes(8)
        self.identifier = secrets.randbelow(0xFFFF) + 1
        self._base = _sum(struct.pack("!BBHH", self.request, 0, 0, self.identifier) + self.secret)
        self._offset = wall() - time.monotonic_ns()
        protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
        try:
            self.socket = socket.socket(self.family, socket.SOCK_RAW if self.raw else socket.SOCK_DGRAM, protocol)
        except PermissionError as error:
            raise NotPermittedError(f"ICMP is not permitted to this process: {error.strerror}") from error
        except OSError as error:
            raise ProbeError(f"no ICMP socket: {error.strerror}") from error
        self._poll = select.poll()

    def __enter__(self) -> _Wire:
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        except OSError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if self.raw:
            self._let_in()
        self._poll.register(self.socket, select.POLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _let_in(self) -> None:
        """Have the kernel keep from us what is neither an answer nor a refusal (raw(7); RFC 3542, 3.2)."""
        if self.version == 4:
            wanted = 1 << 0 | 1 << 3 | 1 << 11
            self.socket.setsockopt(socket.SOL_RAW if hasattr(socket, "SOL_RAW") else 255, _ICMP_FILTER,
                                   struct.pack("=I", ~wanted & 0xFFFFFFFF))  # fmt: skip
        else:
            words = [0xFFFFFFFF] * 8
            for kind in (1, 3, 129):
                words[kind >> 5] &= ~(1 << (kind & 31))
            self.socket.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))

    def send(self, asked: _Asked, number: int, expires: int) -> None:
        """Send request `number`; with `expires` it goes so many hops far."""
        n = number % len(asked.addresses)
        message = self._message(number)
        address, scope = asked.targets[n]
        if scope == _GONE:
            # Without it the kernel would take any interface on which there are such addresses.
            asked.unsent[n] = os.strerror(errno.ENODEV)
            return
        target = (address, 0) if self.version == 4 else (address, 0, 0, scope)
        control = []
        if expires:
            kind = (socket.IPPROTO_IP, socket.IP_TTL) if self.version == 4 else (socket.IPPROTO_IPV6, 52)  # HOPLIMIT
            control = [(*kind, struct.pack("=i", expires))]
        for patience in (0.001, 0.005, 0.02, 0):
            began = time.monotonic_ns()
            try:
                self.socket.sendmsg([message], control, 0, target)
            except OSError as error:
                if error.errno in _SENDABLE_LATER and patience:
                    time.sleep(patience)
                    continue
                asked.unsent[n] = os.strerror(error.errno or 0)
                return
            asked.sent[number] = began
            asked.open += 1
            return

    def _message(self, number: int) -> bytes:
        sequence = number & 0xFFFF
        checksum = 0
        if self.raw and self.version == 4:
            total = self._base + sequence + (number >> 16) + (number & 0xFFFF)
            total = (total & 0xFFFF) + (total >> 16)
            checksum = ~(total + (total >> 16)) & 0xFFFF
        head = struct.pack("!BBHHH", self.request, 0, checksum, self.identifier, sequence)
        return head + self.secret + number.to_bytes(4, "big")

    def listen(self, asked: _Asked, until: float, stop: threading.Event, *, until_all: bool) -> None:
        """Take in what comes until a time of the monotonic clock, or, with `until_all`, all were answered."""
        while not stop.is_set() and not (until_all and asked.open <= 0):
            left = until - time.monotonic()
            # A look at what is there already also where no time is left; a stop is heard within a quarter second.
            if self._poll.poll(max(0.0, min(left, 0.25)) * 1000):
                for source, message, at in self._receive():
                    self._take(asked, source, message, at)
            elif left <= 0:
                return

    def _receive(self) -> Iterator[tuple[_Place, bytes, int]]:
        """What waits to be read: from whom, the ICMP message, and when it came by the monotonic clock."""
        for _ in range(512):
            try:
                data, control, _, source = self.socket.recvmsg(2048, 64)
            except OSError:
                return
            now, wall = time.monotonic_ns(), self.wall()
            even = abs(wall - now - self._offset) < _EVEN
            self._offset = wall - now
            at = now
            if even and control and len(control[0][2]) == 16:
                seconds, nanoseconds = struct.unpack("=qq", control[0][2])
                waited = wall - (seconds * 1_000_000_000 + nanoseconds)
                at = now - waited if 0 <= waited <= _LONGEST_WAIT else now
            if self.raw and self.version == 4:
                data = data[(data[0] & 15) * 4 :] if data else b""
            yield (source[0], source[3] if self.version == 6 else 0), data, at

    def _take(self, asked: _Asked, source: _Place, message: bytes, at: int) -> None:
        if len(message) < 20:
            return
        if message[0] == self.reply:
            if message[8:16] == self.secret:
                asked.answer(int.from_bytes(message[16:20], "big"), source, at)
            return
        found = self._quoted(message)
        if found is None:
            return
        address, sequence = found
        # Who speaks of a request to a link-local address got it on the interface on which it was sent.
        n = asked.place.get((str(address), source[1] if address.is_link_local and self.version == 6 else 0))
        if n is None:
            return
        expired = message[0] == (11 if self.version == 4 else 3)
        if expired:
            number = _last_sent(asked, n, sequence)
            if number is not None:
                asked.expired.setdefault(number, ip_address(source[0]))
        asked.refusals.setdefault(n, "time to live exceeded" if expired else "destination unreachable")

    def _quoted(self, message: bytes) -> tuple[IPAddress, int] | None:
        """To whom the request was of which a router speaks, and its sequence number; None where it is none of ours."""
        inner = message[8:]
        if self.version == 4:
            begin = (inner[0] & 15) * 4 if inner else 0
            if len(inner) < begin + 8 or begin < 20 or inner[9] != socket.IPPROTO_ICMP:
                return None
            address: IPAddress = IPv4Address(inner[16:20])
        else:
            begin = 40
            if len(inner) < begin + 8 or inner[6] != socket.IPPROTO_ICMPV6:
                return None
            address = IPv6Address(inner[24:40])
        kind, _, _, identifier, sequence = struct.unpack("!BBHHH", inner[begin : begin + 8])
        # The kernel gives a datagram socket an identifier of its own; it hears of no other program's requests.
        return (address, sequence) if kind == self.request and identifier == self.identifier else None


def _last_sent(asked: _Asked, n: int, sequence: int) -> int | None:
    """The newest request to an address whose number ends so."""
    own = range(n, len(asked.sent), len(asked.addresses))
    return next((i for i in reversed(own) if asked.sent[i] and i & 0xFFFF == sequence), None)


def _sum(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))
