"""What sources say: facts and observations, runs and the targets that they look at, events."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from inventory.words.register import Network

#: What a fact's value may be: the JSON types and an aware instant; None is "the source states that it does not know".
Value = bool | int | float | str | datetime | list[object] | dict[str, object] | None


class Proof(enum.IntEnum):
    """The order of proof: of two fresh values the smaller number is taken, the other kept as a conflict."""

    MEASURED = 1
    """Asked of the device itself, or seen of it on the wire."""
    AGENT = 2
    """Reported by a program on the machine."""
    CONSOLE = 3
    """Exported by another management system."""
    DECLARED = 4
    """Said by a person."""
    INFERRED = 5
    """Concluded from outside, such as a role from open ports: better than nothing, worse than any statement."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that one source said about one asset, link or agency at one time."""

    key: str
    """A key of the vocabulary."""
    value: Value
    source: str
    """The collector's name."""
    observed_at: datetime
    proof: Proof = Proof.MEASURED
    item: str = ""
    """For keys that hold a table (interfaces, services): which row of it; empty otherwise."""
    held_since: datetime | None = None
    """Set by the store: since when this source has said so without a gap longer than the key's maximum age."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an observation knows of which asset it is about; `inventory.identity` says what identifies."""

    identifiers: frozenset[tuple[str, str]] = frozenset()
    """Pairs of kind and value; the kinds are those of `inventory.identity.KINDS`."""
    address: str | None = None
    """An IP address, which counts only inside `network`."""
    network: str | None = None
    """The code of the network in which `address` was seen."""
    agency: str | None = None
    """The agency that the asset belongs to by where it was seen."""
    hearsay: bool = False
    """Whether another device says so, as a router of who is in its ARP table: then the one that was itself seen at
    the address within a day stays the one, whatever hardware address its line has there."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a video-conference device remembers (cuộc gọi)."""

    begin: datetime
    end: datetime
    direction: str = ""
    """"incoming", "outgoing", or empty where the device does not say."""
    remote: str = ""
    """The other end without any person in it: a domain, the begin of a number, "ip" or "extension"."""
    protocol: str = ""
    """"sip", "h323" or another in small letters; empty where the device does not say."""
    key: str = ""
    """What tells it from another that began at the same second, as the device says it."""


@dataclass(frozen=True, slots=True)
class CallHistory:
    """The calls of one device as it lists them: from `since` on they are all that there were."""

    since: datetime
    calls: tuple[Call, ...] = ()
    whole: bool = False
    """Whether it listed all that it remembers: where it knew of no call before, none is missing since."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one source said about one subject at one time: exactly one of `asset`, `link` and `agency` is set."""

    facts: tuple[Fact, ...]
    asset: Identity | None = None
    link: str | None = None
    agency: str | None = None
    tables_read: frozenset[str] = frozenset()
    """The table keys that were read to their end: what is not among their rows is gone, also where there is no row."""
    history: CallHistory | None = None
    """Of a video-conference device whose history of calls was read."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A named secret, opened: it never leaves the process, and its text form hides it."""

    name: str
    kind: str
    """"snmp-v1", "snmp-v2c" or "snmp-v3"."""
    secret: Mapping[str, str] = field(repr=False)
    """v1, v2c: community; v3: user, and where they apply auth, auth_password, priv, priv_password, key_expansion."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one collector is to look, once."""

    address: str
    """A parsed IP address, a network in CIDR form, or a URL: never text for a command line."""
    port: int | None = None
    agency: str | None = None
    network: Network | None = None
    link: str | None = None
    credentials: tuple[Credential, ...] = ()
    answered_before: bool = False
    """Whether this collector ever had an answer from here: only then does silence say anything."""
    networks: tuple[Network, ...] = ()
    """The networks of the agency: where the addresses may be that a device knows of others."""
    long: bool = True
    """Whether the tables that are long and change little are to be read as well."""
    affirmed: frozenset[str] = frozenset()
    """The keys that this collector ever stated to be true here: only of these does silence state the contrary."""
    role_known: bool = False
    """Whether other sources say what it is: then no role is concluded from how it answers."""

    @property
    def label(self) -> str:
        """The name under which runs, progress and back-off know this target; free of secrets."""
        where = self.link or (self.network.code if self.network else None)
        host = f"{self.address}:{self.port}" if self.port else self.address
        return f"{where} {host}" if where else host


@dataclass(frozen=True, slots=True)
class Run:
    """What one collector brought back from one target, failures included: `error` is None when nothing failed."""

    collector: str
    target: str
    started: datetime
    finished: datetime
    observations: tuple[Observation, ...] = ()
    complete: bool = False
    """The target was read to the end. A network's complete run is what lets a count over its agency be a number."""
    error: str | None = None
    agency: str | None = None
    network: str | None = None
    """Set only by a run that was to read this whole network: only such a run can say that something is not there."""


class Severity(enum.StrEnum):
    """How much an event asks of those who read it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one asset at one time, told by a source (sự kiện): a fact holds, an event is over."""

    kind: str
    """A kind of the vocabulary."""
    at: datetime
    """When it was first told: the sources' own clocks are not trusted."""
    severity: Severity
    source: str
    """The collector's name."""
    item: str = ""
    """What of the asset it is about, such as the name of an interface; empty for all of it."""
    detail: str = ""
    """What the source said about it, for people."""
    asset: int | None = None
    """Set by the store, as are the next three."""
    agency: str | None = None
    last: datetime | None = None
    """When it was told last, where it was told again soon after."""
    times: int = 1
