"""Puts pseudonyms in the places of addresses and names that stand in OIDs, as the indexes of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from collectors.recording.left_out import INDEXES
from collectors.recording.pseudonyms import Pseudonyms
from collectors.recording.snmprec import Oid, parse_oid, text_of
from collectors.recording.texts import Texts

_PARTS: Final = {parse_oid(oid): tuple(parts.split()) for oid, parts in INDEXES.items()}
_SHORTEST, _LONGEST = min(map(len, _PARTS)), max(map(len, _PARTS))
_COLUMN = 8
"""Arcs that are never looked at where the table is not known: 1.3.6.1.4.1, maker, object."""
_FAMILIES = {1: 4, 2: 16, 3: 8, 4: 20}
"""InetAddressType (RFC 4001) by the octets of the address: ipv4, ipv6, ipv4z, ipv6z."""
_AFN_MAC = 6
"""AddressFamilyNumbers (IANA) of 802 addresses; 1 and 2 are IPv4 and IPv6."""
_LEAST = 3
"""Letters of a text."""


class _Cursor:
    """The arcs behind an entry and its column; `take` gives None where they do not fit."""

    def __init__(self, arcs: Oid) -> None:
        self.arcs, self.at = arcs, 0
        self.made: list[int] = []

    def take(self, count: int) -> bytes | None:
        part = self.arcs[self.at : self.at + count]
        if len(part) < count or any(arc > 255 for arc in part):
            return None
        self.at += count
        return bytes(part)

    def keep(self, count: int) -> Oid | None:
        part = self.arcs[self.at : self.at + count]
        if len(part) < count:
            return None
        self.at += count
        self.made += part
        return part


class Indexes:
    """Scrubs OIDs; `known` are the octets that were replaced elsewhere, with their replacements."""

    def __init__(self, pseudonyms: Pseudonyms, known: Mapping[bytes, Callable[[], bytes]], texts: Texts) -> None:
        self.pseudonyms = pseudonyms
        self.texts = texts
        self.texts_kept: set[str] = set()
        self.known = known
        self.lengths = sorted({len(octets) for octets in known}, reverse=True)

    def scrub(self, oid: Oid) -> Oid:
        """The OID with pseudonyms."""
        for length in range(_SHORTEST, min(len(oid), _LONGEST) + 1):
            if (parts := _PARTS.get(oid[:length])) and len(oid) > length + 1:
                cursor = _Cursor(oid[length + 1 :])
                self._typed(cursor, parts)
                rest = cursor.arcs[cursor.at :]
                head = (*oid[: length + 1], *cursor.made)
                return (*head, *self._found(rest, 0))
        return (*oid[:_COLUMN], *self._found(oid[_COLUMN:], 0))

    def _typed(self, cursor: _Cursor, parts: tuple[str, ...]) -> None:
        """Goes as far as the arcs are what the MIB says."""
        for part in parts:
            if not self._part(cursor, part):
                return

    def _part(self, cursor: _Cursor, part: str) -> bool:
        give = self.pseudonyms
        if part == "n":
            return cursor.keep(1) is not None
        if part in ("ip4", "ip6", "mac"):
            size, change = {"ip4": (4, give.address4), "ip6": (16, give.address6), "mac": (6, give.mac)}[part]
            octets = cursor.take(size)
            cursor.made += change(octets) if octets else b""
            return octets is not None
        if part == "oid":
            length = cursor.keep(1)
            return length is not None and cursor.keep(length[0]) is not None
        if part == "str":
            return self._sized(cursor, None)
        kind = cursor.keep(1)
        if kind is None:
            return False
        usual = _FAMILIES.get(kind[0]) if part == "inet" else None
        if usual and cursor.arcs[cursor.at : cursor.at + 1] != (usual,):
            # Some agents leave the length out.
            octets = cursor.take(usual)
            cursor.made += self._address(octets, kind[0]) if octets else b""
            return octets is not None
        mac = part == "addr" and kind == (_AFN_MAC,)
        return self._sized(cursor, None if mac else kind[0])

    def _sized(self, cursor: _Cursor, family: int | None) -> bool:
        """A length and its octets."""
        size = cursor.keep(1)
        octets = cursor.take(size[0]) if size and size[0] else None
        if octets is None:
            return False
        cursor.made += self._address(octets, family)
        return True

    def _address(self, octets: bytes, family: int | None) -> bytes:
        if len(octets) == 6:
            return self.pseudonyms.mac(octets)
        if family is not None and len(octets) in (4, 8):
            return self.pseudonyms.address4(octets[:4]) + octets[4:]
        if family is not None and len(octets) in (16, 20):
            return self.pseudonyms.address6(octets[:16]) + octets[16:]
        return self.known[octets]() if octets in self.known else octets

    def _found(self, arcs: Oid, start: int) -> Iterator[int]:
        """Arcs of which nothing is known but what was replaced elsewhere, and what an address looks like."""
        at = start
        while at < len(arcs):
            size, made = self._here(arcs, at)
            if not size:
                yield arcs[at]
                at += 1
                continue
            yield from made
            at += size

    def _here(self, arcs: Oid, at: int) -> tuple[int, tuple[int, ...] | bytes]:
        """How many arcs are replaced at a place, and by what."""
        give = self.pseudonyms
        if at + 1 < len(arcs):
            # InetAddressType, length and address (RFC 4001) stand in the indexes of many tables of makers'.
            size = arcs[at + 1]
            octets = _octets(arcs, at + 2, size) if _FAMILIES.get(arcs[at]) == size else None
            # The length of a text behind a column's number is none.
            text = octets and octets[0] == len(arcs) - at - 3
            if octets and not text and size in (4, 16) and (octets[0] >= 10 or size == 16) and len(set(octets)) > 1:
                made = give.address4(octets) if size == 4 else give.address6(octets)
                return size + 2, (*arcs[at : at + 2], *made)
            octets = _octets(arcs, at + 2, 6) if arcs[at + 1] == 6 and len(arcs) == at + 8 else None
            if octets and octets[:2] != b"\x01\x04" and max(octets[3:]) > 31 and text_of(octets) is None:
                return 8, (*arcs[at : at + 2], *give.mac(octets))
        four = _octets(arcs, at, 4)
        if four and four[:2] == b"\xc0\xa8":
            return 4, give.address4(four)
        for size in self.lengths:
            octets = _octets(arcs, at + 1, size) if at + 1 < len(arcs) and arcs[at] == size else None
            if octets and octets in self.known:
                put = self.known[octets]()
                return size + 1, (len(put), *put)
            octets = _octets(arcs, at, size)
            if octets and octets in self.known and len(put := self.known[octets]()) == size:
                return size, put
        return self._text(arcs, at)

    def _text(self, arcs: Oid, at: int) -> tuple[int, Oid]:
        """A length and so many letters up to the end."""
        size = len(arcs) - at - 1
        octets = _octets(arcs, at + 1, size) if size >= _LEAST and arcs[at] == size else None
        text = text_of(octets) if octets else None
        if not text or sum(c.isalpha() for c in text) < _LEAST:
            return 0, ()
        made = self.texts.scrub(text)
        if made == text:
            self.texts_kept.add(text)
            return 0, ()
        put = made.encode()
        return size + 1, (len(put), *put)


def _octets(arcs: Oid, at: int, count: int) -> bytes | None:
    part = arcs[at : at + count]
    return bytes(part) if len(part) == count and all(arc <= 255 for arc in part) else None
