"""Through which gateway this machine reaches an address, as its kernel's routing tables say (/proc/net)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from collectors.transports.icmp import IPAddress

__all__ = ["Routes", "read_routes"]

_UP, _GATEWAY = 0x1, 0x2
_MOST = 100_000
"""Routes that are read; no machine that probes has more."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes with their gateways, the narrowest first; None where the network is our own."""

    routes: tuple[tuple[IPv4Network | IPv6Network, IPAddress | None], ...]

    def gateway_of(self, address: IPAddress) -> IPAddress | None:
        """The router that our packets to an address go to first; None where there is none, or no way at all."""
        for network, gateway in self.routes:
            if network.version == address.version and address in network:
                return gateway
        return None


def read_routes(folder: Path = Path("/proc/thread-self/net")) -> Routes:
    """The main routing tables of this thread's network as they are now; what cannot be read has no routes."""
    found = [*_version_4(_lines(folder / "route")), *_version_6(_lines(folder / "ipv6_route"))]
    found.sort(key=lambda route: (-route[0].prefixlen, route[2]))
    return Routes(tuple((network, gateway) for network, gateway, _ in found))


_Found = tuple[IPv4Network | IPv6Network, IPAddress | None, int]


def _lines(path: Path) -> list[str]:
    try:
        with path.open() as file:
            return [line for _, line in zip(range(_MOST), file, strict=False)]
    except OSError:
        return []


def _version_4(lines: Iterable[str]) -> Iterable[_Found]:
    # Interface, destination, gateway, flags, two counters, metric, mask: numbers as the machine stores them.
    for line in list(lines)[1:]:
        fields = line.split()
        flags = int(fields[3], 16)
        if flags & _UP:
            base, mask = (struct.unpack(">I", struct.pack("=I", int(fields[n], 16)))[0] for n in (1, 7))
            gateway = IPv4Address(struct.pack("=I", int(fields[2], 16))) if flags & _GATEWAY else None
            yield IPv4Network((base, bin(mask).count("1"))), gateway, int(fields[6])


def _router(address: IPv6Address, interface: str) -> IPv6Address | None:
    """A router as it can be asked: a link-local address, which most have, is there on one interface (RFC 4007, 11)."""
    if not address.is_link_local:
        return address
    return IPv6Address(f"{address}%{interface}") if "%" not in interface else None


def _version_6(lines: Iterable[str]) -> Iterable[_Found]:
    # Destination, its length, source, its length, next hop, metric, two counters, flags, interface: all hexadecimal.
    for line in lines:
        fields = line.split()
        flags = int(fields[8], 16)
        if flags & _UP and fields[9] != "lo":
            gateway = _router(IPv6Address(bytes.fromhex(fields[4])), fields[9]) if flags & _GATEWAY else None
            yield IPv6Network((bytes.fromhex(fields[0]), int(fields[1], 16))), gateway, int(fields[5], 16)
