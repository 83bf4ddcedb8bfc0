"""In which of the register's networks an address lies."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from inventory.words import Network

__all__ = ["narrowest"]


def narrowest(address: str, networks: Iterable[Network]) -> list[Network]:
    """The narrowest networks that hold an IP address, in their order: several where one range is declared twice."""
    where = ip_address(address)
    within = [n for n in networks if n.prefix.version == where.version and where in n.prefix]
    longest = max((n.prefix.prefixlen for n in within), default=0)
    return [n for n in within if n.prefix.prefixlen == longest]
