"""What is declared, and never inferred from what answered: levels, agencies, networks, lines, websites, counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network

from inventory.words.told import Title

IPNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Level:
    """An administrative level (cấp): data, because levels are abolished and renamed."""

    code: str
    title: Title
    rank: int
    part: bool = False
    """Units of this level are parts of their parent: what they have counts as the parent's, and they are no members."""


@dataclass(frozen=True, slots=True)
class Agency:
    """A declared unit of the organisation (cơ quan); one value is one period of validity of its code."""

    code: str
    title: Title
    level: str
    parent: str | None = None
    valid_from: date = date.min
    valid_to: date | None = None
    """The last day on which this row is true; None while it still is."""
    successor: str | None = None
    """The code of the agency that took this one over, when it ended."""

    def valid_on(self, day: date) -> bool:
        """Whether the row is true on `day` (both ends included)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Network:
    """An address range of one agency, with its purpose and whether scanning it is allowed."""

    code: str
    agency: str
    prefix: IPNetwork
    purpose: str
    scan: bool = False
    credentials: tuple[str, ...] = ()
    """Names of the credentials to try, in order; never the secrets."""
    valid_from: date = date.min
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        """Whether the network is declared on `day` (both ends included)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Link:
    """A connection of an agency (đường truyền): Internet, the specialised data network (MTSLCD), or a WAN."""

    code: str
    agency: str
    kind: str
    address: str | None = None
    """Where the line is probed: the IP address of its far end."""
    provider: str = ""
    contracted_mbps: float | None = None
    valid_from: date = date.min
    valid_to: date | None = None
    via: str | None = None
    """The code of the link that our probes go through, such as the line of the centre."""
    port: int | None = None
    """A TCP port at its far end that answers where no echo does."""

    def valid_on(self, day: date) -> bool:
        """Whether the link is declared on `day` (both ends included)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Website:
    """A declared website or portal of an agency."""

    url: str
    agency: str
    title: str = ""
    valid_from: date = date.min
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        """Whether the website is declared on `day` (both ends included)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class DeclaredCount:
    """A number that an agency declared of itself on a day, such as its officials or workstations, with the document."""

    agency: str
    key: str
    value: int
    day: date
    document: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """Everything declared: the denominator of every figure."""

    levels: tuple[Level, ...] = ()
    agencies: tuple[Agency, ...] = ()
    networks: tuple[Network, ...] = ()
    links: tuple[Link, ...] = ()
    counts: tuple[DeclaredCount, ...] = ()
    websites: tuple[Website, ...] = ()
