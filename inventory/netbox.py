"""The words for NetBox: what it refuses, what it declares, and what of the inventory can be told to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inventory.text import nfc
from inventory.words import InputError, Title

if TYPE_CHECKING:  # the configuration is read by every command and has no problems of a register
    from inventory.register.problems import Problem

Record = Mapping[str, Any]
"""One object of NetBox as its API tells it."""

SOURCE = "netbox"
"""The source of the facts that follow from NetBox."""


class NetBoxError(OSError):
    """NetBox was not read to the end, or did not take what was sent: who refused what, and what was expected."""


class LostError(NetBoxError):
    """NetBox did not answer in time, or broke off: what was sent may be there or not."""


class RefusedError(NetBoxError):
    """NetBox does not take what was sent; nothing of it is there."""

    def __init__(self, message: str, rows: Mapping[int, str]) -> None:
        """`rows` says by their place what is wrong with the rows that NetBox names."""
        super().__init__(message)
        self.rows = rows


def read_url(text: str) -> str:
    """The address of a NetBox without a slash or "/api" at its end; InputError for what is none."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise InputError(
            Title(
                f"gặp {text!r:.200}, cần địa chỉ như https://netbox.example.vn",
                f"found {text!r:.200}, expected an address such as https://netbox.example.vn",
            )
        )
    return text.rstrip("/").removesuffix("/api").rstrip("/")


_PLACE = 100


def place_name(title: str, code: str = "") -> str:
    """What the tenant, group and site of an agency are called there: at most 100 characters.

    Args:
        code: the agency's, where another one is called the same.
    """
    more = f" ({code})" if code else ""
    plain = nfc("".join(c if c.isprintable() else " " for c in title))
    return plain[: _PLACE - len(more)].strip() + more


@dataclass(frozen=True, slots=True)
class Names:
    """What the things are called in this NetBox that Dophu needs and that have no place of their own there."""

    tag: str = "dophu"
    """The slug of the tag on what Dophu made; nothing without it is ever changed."""
    code: str = "agency_code"
    """The custom field of tenants and groups of tenants with the agency's code; of prefixes and circuits their own."""
    level: str = "agency_level"
    """The custom field of tenants and groups with a level's code; a group without an agency's code is that level."""
    name_en: str = "name_en"
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    successor: str = "successor"
    scan: str = "scan"
    """The custom field of prefixes, or the slug of a tag on them, that allows to scan."""
    far_address: str = "far_address"
    """The custom field of circuits with the address at which the line is probed."""
    asset: str = "dophu_asset"
    """The custom field of devices with the id of the asset for which Dophu made it."""
    version: str = "software_version"
    purpose: str = ""
    """The purpose of prefixes without a role; empty: there may be none."""
    purposes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The purpose by the slug of a prefix's role."""
    kinds: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The kind of a link by the slug of a circuit's type; empty for what is no link."""
    roles: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The role of an asset by the slug of a device's role."""


# --- what NetBox declares ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of NetBox as errors and lists name it."""

    kind: str
    """"tenant", "tenant group", "prefix", "circuit" or "device"."""
    id: int
    name: str

    def __str__(self) -> str:
        return f"{self.kind} “{self.name}” (id {self.id})"


@dataclass(frozen=True, slots=True)
class ToldLevel:
    """A group of tenants that is an administrative level and no agency."""

    thing: Thing
    code: str
    name: str
    name_en: str | None
    depth: int
    """How many groups are above it."""


@dataclass(frozen=True, slots=True)
class ToldAgency:
    """A tenant, or a group of tenants that has a code, as an agency."""

    thing: Thing
    code: str
    name: str
    name_en: str | None
    level: str
    parent: str | None
    changed: date
    """The day, in Vietnam, of its last change in NetBox."""
    created: date
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None
    dated: bool = True
    """Whether NetBox has a field for its end: only then an empty one says something."""
    own: bool = False
    """Whether Dophu made the tenant: what it wrote there itself is no news."""


@dataclass(frozen=True, slots=True)
class ToldNetwork:
    """A prefix as a network."""

    thing: Thing
    code: str | None
    agency: str
    prefix: str
    purpose: str
    scan: bool
    created: date


@dataclass(frozen=True, slots=True)
class ToldLink:
    """A circuit as a link."""

    thing: Thing
    code: str
    agency: str
    kind: str
    address: str | None
    provider: str
    contracted_mbps: float | None
    created: date
    installed: date | None = None
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class ToldDevice:
    """A device that NetBox says is there."""

    thing: Thing
    agency: str | None
    asset: int | None
    """The asset for which Dophu made it; None where a person made it."""
    own: bool
    """Whether Dophu made it: then its serial and model declare nothing, they are only compared."""
    address: str | None
    serial: str
    asset_tag: str
    role: str | None
    vendor: str
    model: str
    url: str
    live: bool = True
    """Whether NetBox says that it is on the network; one that is planned or stored is not missed there."""


@dataclass(slots=True)
class Told:
    """All that one reading of NetBox declares."""

    levels: list[ToldLevel] = field(default_factory=list)
    agencies: list[ToldAgency] = field(default_factory=list)
    networks: list[ToldNetwork] = field(default_factory=list)
    links: list[ToldLink] = field(default_factory=list)
    devices: list[ToldDevice] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """With one of them nothing of the register is taken in."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What the columns of the register are called in this NetBox."""
    left_out: list[tuple[Thing, str]] = field(default_factory=list)
    """Objects that are none of the register's concern, each with the reason: one of `LEFT_OUT`."""


LEFT_OUT = ("no_code", "no_agency", "status", "container", "not_a_link", "not_identified")


# --- what can be told to NetBox ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundInterface:
    """An interface of a device, as the device says."""

    name: str
    kind: str | None
    """In the words of `collectors.reading.ports`: "ethernet", "vlan", "aggregate" …"""
    enabled: bool | None
    speed: int | None
    """bit/s."""
    mac: str | None
    description: str


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device of the inventory that somebody has seen."""

    asset: int
    agency: str
    name: str
    """Its own name, else its address."""
    role: str
    vendor: str
    model: str
    serial: str
    version: str
    system: str
    """The operating system, for NetBox's platform."""
    address: str | None
    network: str | None
    interfaces: tuple[FoundInterface, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    """Its addresses with the length of their prefix, each with the name of its interface."""
    placed: datetime | None = None
    """When it was told last that it has its address: of two that have one, the newer word counts."""


@dataclass(frozen=True, slots=True)
class FoundCable:
    """A cable between two ports of devices."""

    asset: int
    port: str
    other: int
    other_port: str


# --- where the two differ ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drift:
    """One device on which NetBox and the network do not agree."""

    kind: str
    """One of `DRIFTS`."""
    asset: int
    agency: str | None
    name: str
    address: str | None
    difference: str = ""
    url: str = ""


DRIFTS = ("not_on_network", "not_in_netbox", "different")
