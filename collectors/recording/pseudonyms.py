"""Replacements for what tells of people and places: of the same kind and shape, the same for the same all through.

IPv4 addresses come from the ranges for documentation (RFC 5737: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24), when
those are used up from the one for benchmarks (RFC 2544: 198.18.0.0/15), and then from 240.0.0.0/4, which nobody uses
either; IPv6 addresses from 2001:db8::/32 (RFC 3849), link-local ones stay link-local. Hardware addresses keep the
maker's three octets. What says nothing is kept: masks, groups, loopback, all zeros and all ones.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address
from itertools import count
from typing import TypeVar

_V4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4")
_MASKS = frozenset(((0xFFFFFFFF << n) & 0xFFFFFFFF) for n in range(33))
_KEPT_OF_SERIAL = 3
"""Characters at the front of a serial number that tell the maker's plant or model and not the device."""

T = TypeVar("T")


def is_special4(octets: bytes) -> bool:
    """Whether an IPv4 address is nobody's: a mask, a group, loopback, 0.x or a broadcast to all."""
    number = int.from_bytes(octets, "big")
    wildcard = ~number & 0xFFFFFFFF
    return number in _MASKS or wildcard in _MASKS or octets[0] in (0, 127) or 224 <= octets[0] < 240


def is_special_mac(octets: bytes) -> bool:
    """Whether a hardware address is nobody's: a group, all zeros or all ones."""
    return set(octets) <= {0} or (bool(octets[0] & 1) and octets[:3] != b"\x33\x33\xff")


def _addresses4() -> Iterator[bytes]:
    for network in map(IPv4Network, _V4):
        for host in network.hosts():
            yield host.packed


@dataclass(slots=True)
class Pseudonyms:
    """What was replaced by what. `avoid` holds originals, none of which is ever handed out as a replacement."""

    avoid: Collection[object] = ()
    given: dict[str, dict[object, object]] = field(default_factory=dict)
    """By kind, replacements by originals."""
    used: Counter[str] = field(default_factory=Counter)
    """By kind, how many times something was replaced."""
    _v4: Iterator[bytes] = field(default_factory=_addresses4)
    _counts: dict[object, Iterator[int]] = field(default_factory=dict)

    @property
    def originals(self) -> set[object]:
        """All that was replaced, as octets and as text."""
        return {original for known in self.given.values() for original in known}

    def address4(self, octets: bytes) -> bytes:
        """In place of an IPv4 address."""
        if is_special4(octets):
            return octets
        return self._give("IPv4 address", octets, self._v4)

    def address6(self, octets: bytes) -> bytes:
        """In place of an IPv6 address."""
        address = IPv6Address(octets)
        if address.is_unspecified or address.is_loopback:
            return octets
        if address.ipv4_mapped:
            return octets[:12] + self.address4(octets[12:])
        if address.is_multicast:
            # Of a solicited node's group (RFC 4291), the last three octets are those of its address.
            solicited = octets[:13] == bytes.fromhex("ff0200000000000000000001ff")
            return self._numbered("IPv6 address", octets, octets[:13], 3) if solicited else octets
        prefix = bytes.fromhex("fe80000000000000" if address.is_link_local else "20010db800000000")
        return self._numbered("IPv6 address", octets, prefix, 8)

    def mac(self, octets: bytes) -> bytes:
        """In place of a hardware address: its maker's octets, and others behind them."""
        if is_special_mac(octets):
            return octets
        # One that was made up has no maker, and its first octets may be anybody's.
        made_up = octets[0] & 2 and octets[:3] != b"\x33\x33\xff"
        return self._numbered("hardware address", octets, b"\x02\x00\x00" if made_up else octets[:3], 3)

    def name(self, kind: str, text: str) -> str:
        """In place of a name: its kind and a number."""
        key = text.strip().casefold()
        return self._give(kind, key, (f"{kind}-{n}" for n in self._count(kind)))

    def number(self, kind: str, text: str) -> str:
        """In place of a telephone number: nothing but its length and marks are left."""
        digits = len(re.findall(r"\d", text))
        return self._give(kind, text, (_fill(text, str(n).zfill(digits)) for n in self._count((kind, digits))))

    def shape(self, kind: str, text: str) -> str:
        """In place of a serial number or a key: letters for letters and digits for digits."""
        kept = min(_KEPT_OF_SERIAL, len(text) // 3) if kind == "serial number" else 0
        return self._give(kind, text, (text[:kept] + _scramble(text[kept:], text[:kept], n) for n in count(1)))

    def octets(self, kind: str, octets: bytes) -> bytes:
        """In place of octets that are no text."""
        size = len(octets)
        made = (hashlib.shake_128(f"{kind} {n}".encode()).digest(size) for n in self._count((kind, size)))
        return self._give(kind, octets, made)

    def _numbered(self, kind: str, octets: bytes, prefix: bytes, size: int) -> bytes:
        return self._give(kind, octets, (prefix + n.to_bytes(size, "big") for n in self._count((kind, prefix))))

    def _count(self, of: object) -> Iterator[int]:
        return self._counts.setdefault(of, count(1))

    def _give(self, kind: str, original: T, candidates: Iterator[T]) -> T:
        known = self.given.setdefault(kind, {})
        self.used[kind] += 1
        if original not in known:
            taken = set(known.values()) if len(known) < 50 else ()
            known[original] = next(c for c in candidates if c not in self.avoid and c != original and c not in taken)
        return known[original]  # type: ignore[return-value]


def _fill(text: str, digits: str) -> str:
    rest = iter(digits)
    return re.sub(r"\d", lambda _: next(rest), text)


def _scramble(text: str, kept: str, number: int) -> str:
    """Other letters and digits in the places of these; from one number to the next in another way."""
    noise = hashlib.shake_128(f"{kept}|{len(text)}|{number}".encode()).digest(len(text) + 1)

    def other(c: str, octet: int) -> str:
        if c.isdigit():
            return str(octet % 10)
        if c.isalpha():
            # Within A to F, so that what was hexadecimal stays so.
            made = chr(ord("A") + octet % (6 if c.upper() <= "F" else 26))
            return made if c.isupper() else made.lower()
        return c

    return "".join(other(c, octet) for c, octet in zip(text, noise, strict=False))
