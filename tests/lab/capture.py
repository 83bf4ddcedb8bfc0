"""Reads a packet capture (libpcap's file format) as far as the lab asks: what did the core send into a network."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path

HEADER, RECORD = 24, 16
IPV4, ARP = 0x0800, 0x0806
WHO_HAS = 1
BROADCAST = b"\xff" * 6


def frames(path: Path) -> Iterator[bytes]:
    """The Ethernet frames of a capture that may still be growing; a record that is not whole yet is left out."""
    content = path.read_bytes()
    order = "<" if content[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = HEADER
    while at + RECORD <= len(content):
        size = struct.unpack_from(f"{order}I", content, at + 8)[0]
        if at + RECORD + size > len(content):
            return
        yield content[at + RECORD : at + RECORD + size]
        at += RECORD + size


def count_packets(path: Path, senders: set[ipaddress.IPv4Address], router: ipaddress.IPv4Address) -> int:
    """The packets that `senders` caused: their own, and the router's broadcast questions for hosts that are not there.

    The router has nothing of its own to say in the network, so who it asks for by broadcast somebody wanted to reach.
    """
    count = 0
    for frame in frames(path):
        kind = int.from_bytes(frame[12:14], "big")
        if kind == IPV4 and len(frame) >= 34:
            count += ipaddress.IPv4Address(frame[26:30]) in senders
        elif kind == ARP and len(frame) >= 42:
            asks = int.from_bytes(frame[20:22], "big") == WHO_HAS and frame[:6] == BROADCAST
            count += asks and ipaddress.IPv4Address(frame[28:32]) == router
    return count
