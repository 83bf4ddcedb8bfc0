"""What all who speak ICMP share: whether this process may, and how it is told when it cannot."""

from __future__ import annotations

import functools
import socket
from ipaddress import IPv4Address, IPv6Address

IPAddress = IPv4Address | IPv6Address

LOOPBACK: dict[int, IPAddress] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}


class ProbeError(OSError):
    """The probe itself did not work, which says nothing of what it was to probe."""


class NotPermittedError(ProbeError):
    """This process may send no ICMP at all."""


@functools.cache
def privileged() -> bool:
    """Whether raw sockets are used (CAP_NET_RAW), else datagram sockets (net.ipv4.ping_group_range, icmp(7)).

    Raises NotPermittedError where neither is allowed; that answer is not kept, because it can be mended meanwhile.
    """
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        return kind == socket.SOCK_RAW
    raise NotPermittedError(
        "ICMP is not permitted to this process: it needs CAP_NET_RAW, or its group in net.ipv4.ping_group_range"
    )
