"""What can be seen of an answer before the codec reads it: whether it is whole, its error-status, a report's reason.

The codec ignores error-status, takes every report for a refusal, and panics on some messages that are cut off. The
outermost values of a message are enough to tell (RFC 1157, RFC 3416 section 3, RFC 3412 section 6).
"""

from __future__ import annotations

from typing import Final

LARGEST: Final = 4_080
"""Bytes of an answer that the codec can read."""

TOO_BIG, NO_SUCH_NAME, GEN_ERR = 1, 2, 5
STATUSES: Final = {
    1: "tooBig",
    2: "noSuchName",
    3: "badValue",
    4: "readOnly",
    5: "genErr",
    6: "noAccess",
    13: "resourceUnavailable",
    16: "authorizationError",
}
"""error-status of RFC 3416 in its own words."""

NOT_IN_TIME, UNKNOWN_ENGINE = 2, 4
REASONS: Final = {
    1: "it does not offer this level of security",
    2: "our idea of its time is wrong",
    3: "it does not know the user",
    4: "it is another engine",
    5: "the authentication password or protocol is wrong",
    6: "the privacy password or protocol is wrong",
}
"""The counters of RFC 3414 section 5 that a report names, by the last number of their OID."""
_USM_STATS: Final = bytes((0x2B, 6, 1, 6, 3, 15, 1, 1))

_WIDTHS: Final = {0x02: 4, 0x41: 4, 0x42: 4, 0x43: 4, 0x46: 8}
"""Octets of INTEGER, Counter32, Gauge32, TimeTicks and Counter64 (RFC 2578 section 7.1), without a leading zero."""

_INTEGER, _OCTETS, _SEQUENCE, _RESPONSE = 0x02, 0x04, 0x30, 0xA2


class BadDatagramError(Exception):
    """What came is no whole SNMP message that the codec could read."""


class StrangeDatagramError(Exception):
    """What came is a message, of another version than was asked in."""


def glance(octets: bytearray, size: int, version: int) -> tuple[int, int, int, int]:
    """The error-status and error-index of an answer of `size` bytes, its objects' number, and its request id.

    Of SNMPv3, whose answers may be enciphered: a report's reason and zeros. Only whole messages of `version` (0, 1 or
    3, as on the wire) get this far, whose numbers fit their types. What else lies deeper is the codec's affair.
    """
    if size > LARGEST:
        raise BadDatagramError(f"an answer of {size:,} bytes, above {LARGEST:,}")
    if size == 0:
        raise BadDatagramError("an empty datagram")
    at, end = _content(octets, 0, size) if octets[0] == _SEQUENCE else (0, 0)
    if not end:
        raise BadDatagramError("no SNMP message")
    if end > size:
        raise BadDatagramError("a message that is cut off")
    if octets[at] != _INTEGER or octets[at + 1] != 1:
        raise BadDatagramError("no SNMP message")
    if octets[at + 2] != version:
        raise StrangeDatagramError
    if version == 3:
        found = octets.find(_USM_STATS, at, size - 1)
        return (octets[found + len(_USM_STATS)] if found >= 0 else 0), 0, 0, 0
    head = _head(octets, at + 3, size)
    if not head:
        return 0, 0, 0, 0
    number, status, index, at = head
    return status, index, _count(octets, at, size), number


def _head(octets: bytearray, at: int, size: int) -> tuple[int, int, int, int] | None:
    """Request id, error-status, error-index behind the version, and where they end; None for what is not a response."""
    _, at = _content(octets, at, size)  # over the community
    if not at or at + 2 > size or octets[at] != _RESPONSE:
        return None
    at, _ = _content(octets, at, size)
    found = []
    for _ in range(3):
        if at + 2 > size or octets[at] != _INTEGER:
            return None
        length = octets[at + 1]
        start, at = (at + 2, at + 2 + length) if length < 0x80 else _content(octets, at, size)
        if not at or at > size:
            return None
        found.append(int.from_bytes(octets[start:at], "big", signed=True))
    return found[0], found[1], found[2], at


def _count(octets: bytearray, at: int, size: int) -> int:
    """How many objects the list at `at` holds; BadDatagramError for a number that its type cannot hold.

    The codec takes a number of no octets for 0 and the low bits of one that is too long: both would be wrong facts.
    """
    count = 0
    at, _ = _content(octets, at, size)
    # Every row of every table passes here: most are laid out as the one before, whose heads are then the same octets.
    heads = types = bytearray()
    to_value = to_next = 0
    while at and at + 4 <= size:
        if to_next and octets.startswith(heads, at) and octets.startswith(types, at + to_value):
            count += 1
            at += to_next
            continue
        first, length = at, octets[at + 1]
        name, end = (at + 2, at + 2 + length) if length < 0x80 else _content(octets, at, size)
        if not name or name + 2 > size:
            break  # the codec refuses it
        length = octets[name + 1]
        value = name + 2 + length if length < 0x80 else _content(octets, name, size)[1]
        if not value or value + 2 > size:
            break
        width = _WIDTHS.get(octets[value], 0x7F)
        fits = octets[value + 1] <= width
        if (not fits or octets[value + 1] == 0) and width < 0x7F:
            start, stop = _content(octets, value, size)
            surplus = octets[start : max(stop - width, start)]
            if stop <= start or len(surplus) > 1 or surplus.strip(b"\0" if octets[value] != _INTEGER else b"\0\xff"):
                raise BadDatagramError(f"a number of {stop - start} octets, expected 1 to {width}")
        count += 1
        at = end
        if fits and end - first < 0x80:
            heads, types = octets[first : first + 4], octets[value : value + 2]
            to_value, to_next = value - first, end - first
    return count


def _content(octets: bytearray, at: int, size: int) -> tuple[int, int]:
    """Where the content of the value at `at` starts and ends; (0, 0) for a length that SNMP does not know."""
    if at + 2 > size:
        return 0, 0
    length = octets[at + 1]
    if length < 0x80:
        return at + 2, at + 2 + length
    count = length & 0x7F
    if not 1 <= count <= 4 or at + 2 + count > size:
        return 0, 0
    start = at + 2 + count
    return start, start + int.from_bytes(octets[at + 2 : start], "big")
