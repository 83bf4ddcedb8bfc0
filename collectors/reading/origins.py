"""Why a field of a device is what it is: which rule decided, where it looked, and what stood there."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = (
    *("oid", "column", "entity", "descr", "name", "object", "text"),
    *("system", "rule", "vendor", "number", "words", "function", "sip", "http"),
)
"""What can decide: the places that a vendor's file reads from; a system as such; a rule for the role; the vendor of a
sysObjectID; the list of enterprise numbers; a maker's name in a text; what the device does; a server's own words."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one field comes from."""

    kind: str
    """One of KINDS."""
    file: str = ""
    """The file with the rule, such as vendors/fortinet.yaml; empty where the rule is in code."""
    system: str = ""
    """The kind of software in that file to which the rule belongs."""
    at: str = ""
    """The OID of the object that was looked at."""
    rule: str = ""
    """The pattern or condition that fitted."""
    raw: str = ""
    """What stood there, before a pattern cut it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of reading a device."""

    name: str
    seconds: float
    requests: int
    """Datagrams or connections with which something was asked."""
