"""What a notification shows of itself before it is decoded: version, community, or user and engine (RFC 3412, 3414)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LARGEST: Final = 8_192
"""Bytes of a notification; real ones are below 1,500."""

_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_USM = 3


class BadNotificationError(Exception):
    """What came is no whole SNMP message of a version that there is."""


@dataclass(frozen=True, slots=True)
class Header:
    """The parts of a message that say who it claims to be from; nothing of it is proven yet."""

    version: int
    """0: v1, 1: v2c, 3: v3, as on the wire."""
    community: bytes = b""
    user: bytes = b""
    engine_id: bytes = b""
    """The authoritative engine: the sender's of a trap, ours of an inform, empty where ours is asked for."""
    boots: int = 0
    seconds: int = 0
    """The engine's time since it last booted."""
    level: int = 1
    """1: without authentication, 2: authenticated, 3: encrypted as well."""


def read_header(octets: bytes) -> Header:
    """The header of one datagram.

    Raises:
        BadNotificationError: it is no SNMP message, too large, or cut off.
    """
    if len(octets) > LARGEST:
        raise BadNotificationError("too large")
    message, _ = _take(octets, _SEQUENCE)
    version, rest = _number(message)
    if version in (0, 1):
        return Header(version, community=_take(rest, _OCTETS)[0])
    if version != 3:
        raise BadNotificationError("of an unknown version")
    head, rest = _take(rest, _SEQUENCE)
    _, head = _number(head)
    _, head = _number(head)
    flags, head = _take(head, _OCTETS)
    model, _ = _number(head)
    if len(flags) != 1 or model != _USM:
        raise BadNotificationError("of an unknown security model")
    security, _ = _take(_take(rest, _OCTETS)[0], _SEQUENCE)
    engine_id, security = _take(security, _OCTETS)
    boots, security = _number(security)
    seconds, security = _number(security)
    user, _ = _take(security, _OCTETS)
    level = {0: 1, 1: 2, 3: 3}.get(flags[0] & 3)
    if level is None or len(engine_id) > 32 or len(user) > 32:
        raise BadNotificationError("of parts that there are not")
    return Header(3, b"", user, engine_id, boots, seconds, level)


def _number(octets: bytes) -> tuple[int, bytes]:
    content, rest = _take(octets, _INTEGER)
    if not 1 <= len(content) <= 5:
        raise BadNotificationError("with a number out of bounds")
    return int.from_bytes(content, "big", signed=True), rest


def _take(octets: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first value, which has to be of this tag, and what follows it."""
    if len(octets) < 2 or octets[0] != tag:
        raise BadNotificationError("no SNMP message")
    length, start = octets[1], 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or len(octets) < 2 + count:
            raise BadNotificationError("with a length that SNMP does not know")
        start = 2 + count
        length = int.from_bytes(octets[2:start], "big")
    if len(octets) < start + length:
        raise BadNotificationError("cut off")
    return octets[start : start + length], octets[start + length :]
