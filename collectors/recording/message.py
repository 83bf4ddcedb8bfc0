"""Messages of SNMP v1 and v2c as octets (RFC 1157, RFC 3416), with the type of every value kept as it came.

The codec that collects gives Python's numbers for six types of SNMP, and a recording has to tell them apart. pysnmp
keeps them, and drops every message with a counter that is encoded sloppily: the devices that nobody knows yet are
likely to be among those that do that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collectors.recording.snmprec import ADDRESS, INTEGER, NULL, OBJECT, OCTETS, OPAQUE, Oid, Row

GET_NEXT, RESPONSE, GET_BULK = 0xA1, 0xA2, 0xA5
_SEQUENCE = 0x30
_END_OF_MIB = 0x82
_ABSENT = (0x80, 0x81, _END_OF_MIB)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `rows` ends before the first object that the device says it does not have."""

    id: int
    status: int
    rows: tuple[Row, ...]


def request(version: int, community: bytes, kind: int, number: int, oid: Oid, rows: int) -> bytes:
    """A GETNEXT (kind 0xA1), or a GETBULK (0xA5) of `rows` repetitions; version is 0 for v1, 1 for v2c."""
    bindings = _encode(_SEQUENCE, _encode(_SEQUENCE, _encode(OBJECT, encode_oid(oid)) + _encode(NULL, b"")))
    second = rows if kind == GET_BULK else 0
    head = b"".join(_encode(INTEGER, encode_integer(n)) for n in (number, 0, second))
    pdu = _encode(kind, head + bindings)
    return _encode(_SEQUENCE, _encode(INTEGER, bytes((version,))) + _encode(OCTETS, community) + pdu)


def response(octets: bytes) -> Response:
    """Reads an answer; ValueError where the octets are none."""
    version, community, (kind, pdu) = _some(_all(octets)[0], 3)
    if version[0] != INTEGER or community[0] != OCTETS or kind != RESPONSE:
        raise ValueError("no response")
    number, status, _, (tag, bindings) = _some((RESPONSE, pdu), 4)
    if tag != _SEQUENCE:
        raise ValueError("no bindings")
    rows = []
    for binding in _all(bindings):
        (name, arcs), (tag, content) = _some(binding, 2)
        if name != OBJECT:
            raise ValueError("no name")
        if tag in _ABSENT:
            break
        rows.append(Row(decode_oid(arcs), tag, _value(tag, content)))
    return Response(int.from_bytes(number[1], "big", signed=True), int.from_bytes(status[1], "big"), tuple(rows))


def _value(tag: int, content: bytes) -> int | bytes | Oid:
    if tag == OBJECT:
        return decode_oid(content)
    if tag in (OCTETS, OPAQUE, NULL) or (tag == ADDRESS and len(content) == 4):
        return content
    if tag == INTEGER:
        return int.from_bytes(content, "big", signed=True)
    if tag in (65, 66, 67, 70):
        # Some agents leave out the zero in front of a number whose first bit is set: it is never negative.
        return int.from_bytes(content, "big") & (2**64 - 1 if tag == 70 else 2**32 - 1)
    raise ValueError(f"no type {tag}")


def encode_integer(number: int) -> bytes:
    """The shortest two's complement."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def encode_oid(oid: Oid) -> bytes:
    """The content of an OBJECT IDENTIFIER (X.690 section 8.19)."""
    octets = bytearray()
    for arc in (40 * oid[0] + oid[1], *oid[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        octets.extend(reversed(groups))
    return bytes(octets)


def decode_oid(content: bytes) -> Oid:
    """The arcs of an OBJECT IDENTIFIER's content; ValueError where they do not end."""
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            # RFC 2578 section 3.5: 32 bits; some agents write a negative index with more.
            arcs.append(arc & 0xFFFF_FFFF)
            arc = 0
    if not arcs or content[-1] & 0x80:
        raise ValueError("no OID")
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - 40 * first, *arcs[1:])


def _encode(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _all(content: bytes) -> Sequence[tuple[int, bytes]]:
    """The values that `content` is made of."""
    found, at = [], 0
    while at < len(content):
        if at + 2 > len(content):
            raise ValueError("cut off")
        tag, size = content[at], content[at + 1]
        start = at + 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("no length")
            size = int.from_bytes(content[start : start + count], "big")
            start += count
        at = start + size
        if at > len(content):
            raise ValueError("cut off")
        found.append((tag, content[start:at]))
    if not found:
        raise ValueError("empty")
    return found


def _some(value: tuple[int, bytes], count: int) -> Sequence[tuple[int, bytes]]:
    """The `count` values of a constructed one."""
    if not value[0] & 0x20 or len(found := _all(value[1])) != count:
        raise ValueError("not the structure of an SNMP message")
    return found
