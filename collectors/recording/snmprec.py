"""Reads and writes recordings of SNMP devices: `OID|TAG|VALUE` a line, as snmpsim has them (.snmprec)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from inventory.words import InputError

Oid = tuple[int, ...]

INTEGER, OCTETS, NULL, OBJECT, ADDRESS, OPAQUE, COUNTER64 = 2, 4, 5, 6, 64, 68, 70
_OF_OCTETS = (OCTETS, ADDRESS, OPAQUE)
_KNOWN = (INTEGER, OCTETS, NULL, OBJECT, ADDRESS, 65, 66, 67, OPAQUE, COUNTER64)


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a device; `tag` is the BER type of RFC 2578 as a number."""

    oid: Oid
    tag: int
    value: int | bytes | Oid
    """bytes of OCTET STRING, IpAddress and Opaque, arcs of OBJECT IDENTIFIER, b"" of NULL, else a whole number."""

    @property
    def octets(self) -> bytes:
        """The value of an OCTET STRING, IpAddress or Opaque; empty for any other."""
        return self.value if isinstance(self.value, bytes) else b""

    @property
    def text(self) -> str | None:
        """The value of an OCTET STRING that is text (UTF-8 without control characters but line ends), else None."""
        return text_of(self.value) if self.tag == OCTETS and isinstance(self.value, bytes) else None


def text_of(octets: bytes) -> str | None:
    """Octets as text, or None where they are none."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None


def dotted(oid: Iterable[int]) -> str:
    """An OID as text."""
    return ".".join(map(str, oid))


def parse_oid(text: str) -> Oid:
    """The arcs of a dotted OID; ValueError where it is none."""
    arcs = tuple(int(arc) if arc.isascii() and arc.isdigit() else -1 for arc in text.strip().strip(".").split("."))
    if len(arcs) < 2 or not all(0 <= arc <= 0xFFFF_FFFF for arc in arcs):
        raise ValueError(f"{text!r} is no OID")
    return arcs


def write_rows(rows: Iterable[Row], comments: Iterable[str] = ()) -> str:
    """The text of a recording, its rows in the order of their OIDs."""
    lines = [f"# {' '.join(comment.split())}" for comment in comments]
    lines += [f"{dotted(row.oid)}|{_value(row)}" for row in sorted(rows, key=lambda row: row.oid)]
    return "\n".join(lines) + "\n"


def _value(row: Row) -> str:
    value = row.value
    if isinstance(value, tuple):
        return f"{row.tag}|{dotted(value)}"
    if isinstance(value, int):
        return f"{row.tag}|{value}"
    if row.tag == ADDRESS and len(value) == 4:
        return f"{row.tag}|{IPv4Address(value)}"
    # Blanks at the ends get lost where lines are stripped, and what is not ASCII where they are decoded.
    plain = all(0x20 <= octet < 0x7F for octet in value) and value == value.strip()
    return f"{row.tag}|{value.decode('ascii')}" if plain and row.tag == OCTETS else f"{row.tag}x|{value.hex()}"


def read_rows(text: str, where: str = "recording", *, strict: bool = True) -> list[Row]:
    """The rows of a recording's text in the order of their OIDs; of an OID that stands twice, the last.

    InputError names the line that is none, unless such lines are to be left out.
    """
    found = {}
    for number, line in _lines(text):
        try:
            oid, tag, value = line.split("|", 2)
            row = _parse(parse_oid(oid), tag.partition(":")[0], value)
            found[row.oid] = row
        except (ValueError, OverflowError) as error:
            if strict:
                raise InputError(f"{where} line {number}: {error}; expected OID|TAG|VALUE") from None
    return [found[oid] for oid in sorted(found)]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if (line := line.rstrip("\r")) and not line.startswith("#"):
            yield number, line


def _parse(oid: Oid, tag: str, text: str) -> Row:
    kind, hexadecimal = int(tag.removesuffix("x")), tag.endswith("x")
    if kind not in _KNOWN:
        raise ValueError(f"no type {tag!r}")
    if kind == NULL:
        return Row(oid, kind, b"")
    if kind == OBJECT:
        return Row(oid, kind, tuple(int(arc) for arc in text.strip().strip(".").split(".")) if text.strip() else (0, 0))
    if kind == ADDRESS and not hexadecimal:
        return Row(oid, kind, IPv4Address(text).packed)
    if kind in _OF_OCTETS:
        return Row(oid, kind, bytes.fromhex(text) if hexadecimal else text.encode("utf-8", "surrogateescape"))
    return Row(oid, kind, int(text, 16) if hexadecimal else int(text))
