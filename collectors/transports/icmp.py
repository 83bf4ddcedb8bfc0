"""Sends ICMP echo requests with icmplib, and tells what was not sent from what was not answered."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from icmplib import (
    AsyncSocket,
    ICMPLibError,
    ICMPRequest,
    ICMPSocketError,
    ICMPv4Socket,
    ICMPv6Socket,
    SocketPermissionError,
    TimeoutExceeded,
)
from icmplib.utils import unique_identifier

IPAddress = IPv4Address | IPv6Address

LOOPBACK: dict[int, IPAddress] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}


class ProbeError(OSError):
    """The probe itself did not work, which says nothing of what it was to probe."""


class NotPermittedError(ProbeError):
    """This process may send no ICMP at all."""


@dataclass(frozen=True, slots=True)
class Echoes:
    """What came of some echo requests to one address."""

    sent: int
    round_trips: tuple[float, ...]
    """Seconds, one for each answer."""
    refusal: str | None = None
    """What a router said instead of an answer, such as "Destination host unreachable"."""

    @property
    def loss(self) -> float:
        """The share (0-1) of requests without an answer."""
        return 1 - len(self.round_trips) / self.sent


@functools.cache
def privileged() -> bool:
    """Whether raw sockets are used (CAP_NET_RAW), else datagram sockets (net.ipv4.ping_group_range, icmp(7)).

    Raises NotPermittedError where neither is allowed; that answer is not kept, because it can be mended meanwhile.
    """
    for raw in (True, False):
        try:
            ICMPv4Socket(privileged=raw).close()
        except SocketPermissionError:
            continue
        return raw
    raise NotPermittedError(
        "ICMP is not permitted to this process: it needs CAP_NET_RAW, or its group in net.ipv4.ping_group_range"
    )


async def ping(address: IPAddress, *, count: int = 5, interval: float = 0.2, patience: float = 2.0) -> Echoes:
    """Send `count` echo requests `interval` seconds apart, and wait up to `patience` seconds for the last answers.

    Raises ProbeError when none could be sent (no route, a firewall of our own), NotPermittedError when none may be.
    """
    loop = asyncio.get_running_loop()
    asked: dict[tuple[int, int], ICMPRequest] = {}
    answers: dict[tuple[int, int], float | str] = {}
    identifier = unique_identifier()
    unsent = ""
    with _open(address) as wire:
        for sequence in range(count):
            request = ICMPRequest(destination=str(address), id=identifier, sequence=sequence)
            try:
                wire.send(request)
            except ICMPLibError as error:
                unsent = _because(error)
            else:
                # Only now: the kernel may have given the request another identifier.
                asked[request.id, sequence] = request
            last = sequence == count - 1
            until = loop.time() + (patience if last else interval)
            while (left := until - loop.time()) > 0 and len(answers) < len(asked):
                await _listen(wire, asked, answers, left)
            if not last:
                await asyncio.sleep(max(0.0, until - loop.time()))
    if not asked:
        raise ProbeError(f"nothing could be sent to {address}: {unsent}")
    refusals = [answer for answer in answers.values() if isinstance(answer, str)]
    round_trips = tuple(answer for answer in answers.values() if isinstance(answer, float))
    return Echoes(len(asked), round_trips, refusals[0] if refusals else None)


def _open(address: IPAddress) -> AsyncSocket:
    kind = ICMPv4Socket if address.version == 4 else ICMPv6Socket
    try:
        return AsyncSocket(kind(privileged=privileged()))
    except SocketPermissionError as error:
        raise NotPermittedError(f"ICMP is not permitted to this process: {error}") from error
    except ICMPSocketError as error:
        raise ProbeError(f"no ICMP socket: {error}") from error


async def _listen(
    wire: AsyncSocket,
    asked: Mapping[tuple[int, int], ICMPRequest],
    answers: dict[tuple[int, int], float | str],
    seconds: float,
) -> None:
    """Take in one message, if one comes within `seconds`; a raw socket also sees those that are for others."""
    try:
        reply = await wire.receive(timeout=seconds)
    except TimeoutExceeded:
        return
    except ICMPSocketError:
        # A datagram socket reports a router's refusal so, without saying of which request.
        return
    key = reply.id, reply.sequence
    if key not in asked or key in answers:
        return
    try:
        reply.raise_for_status()
        # The clock may be set back between the two.
        answers[key] = max(0.0, reply.time - asked[key].time)
    except ICMPLibError as error:
        answers[key] = str(error)


def _because(error: ICMPLibError) -> str:
    # icmplib takes every refusal of the kernel for a matter of broadcasts; the kernel's word is the cause.
    cause = error.__context__
    return cause.strerror or str(cause) if isinstance(cause, OSError) else str(error)


async def confirm(version: int) -> None:
    """Raise ProbeError unless the loopback address of an IP version answers: only then does another's silence count."""
    try:
        answered = (await ping(LOOPBACK[version], count=1, patience=1.0)).round_trips
    except ProbeError as error:
        raise ProbeError(f"the probe does not work: {error}") from error
    if not answered:
        raise ProbeError(f"the probe does not work: {LOOPBACK[version]} does not answer either")
