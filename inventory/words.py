"""The words of Dophu as small immutable types: what every package passes to the next."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

IPNetwork = IPv4Network | IPv6Network

#: What a fact's value may be: the JSON types and an aware instant; None is "the source states that it does not know".
Value = bool | int | float | str | datetime | list[object] | dict[str, object] | None


class InputError(ValueError):
    """Input refused as a whole; the text names the file, row or field, what was found and what was expected."""


class StoreError(Exception):
    """The database could not do its part: it is locked, full, unreachable or of another version. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Title:
    """One name in the two languages that people read."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        """The Vietnamese text, or the English one when `language` is "en"."""
        return self.en if language == "en" else self.vi


# --- the register: declared, never inferred from what answered -----------------------------------------------------


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


# --- what sources say -----------------------------------------------------------------------------------------------


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


# --- when work is done ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job is done (lịch)."""

    name: str
    job: str
    """What is done: "discover", "collect", "scan" …"""
    cadence: str
    """Five fields of cron, or an interval such as "every 5m"; in Vietnam's time."""
    window: str = ""
    """The name of the window in which alone it is done; empty: at any hour."""
    agencies: tuple[str, ...] = ()
    """Only these; empty: all."""
    argument: str = ""
    """What the job needs to know beside: of a scan its profile, of a console its server."""
    jitter: timedelta = timedelta(0)
    """A turn begins up to so much later than planned, so that several servers do not poll in step."""
    origin: str = "person"
    """"settings" for those that follow from the settings, else "person"."""
    paused: bool = False
    planned: datetime | None = None
    """The turn that comes next; None before the first and while none will come."""
    next_at: datetime | None = None
    """When it begins: as planned, and the jitter."""
    asked: datetime | None = None
    """When somebody asked for it to be done now."""
    running: datetime | None = None
    """Since when it is being done."""


class Outcome(enum.StrEnum):
    """What became of a turn."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The one before was still running."""
    BROKEN_OFF = "broken_off"
    """Its window closed, it was told to stop, or its process ended; what it had seen is kept."""
    MISSED = "missed"
    """Nobody was there to begin it while its window was open."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One time at which a job was, or was to be, done (lượt)."""

    number: int
    schedule: str
    planned: datetime
    begun: datetime
    ended: datetime | None
    outcome: Outcome
    detail: str = ""


# --- questions and answers ------------------------------------------------------------------------------------------


class Status(enum.StrEnum):
    """The answer of a control for one member."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"
    DECLARED = "declared"


SEVERITIES = ("high", "medium", "low")
"""How much a finding asks of those who see to it."""


@dataclass(frozen=True, slots=True)
class Control:
    """A question asked of every member of a population (tiêu chí)."""

    id: str
    title: Title
    population: str
    """"agencies", "assets", "links", or "organisation" for what is declared of a goal as a whole."""
    meets: str
    """A SQL boolean expression over the population's columns; empty where shares are asked for."""
    where: str | None = None
    """Which members it is asked of; None for all."""
    declared_as: str | None = None
    """The declared count that says how many members there should be; what is missing from it counts as unknown."""
    note: Title | None = None
    parameters: Mapping[str, float | str] = field(default_factory=dict, hash=False)
    """Named thresholds that its expressions use."""
    numerator: str | None = None
    """A ratio control sums two numbers of each agency: its members are what `denominator` counts."""
    denominator: str | None = None
    goal: tuple[str, str] | None = None
    """Plan and goal that only declarations answer: no file describes such a control, it follows from the plan."""
    parts: tuple[float, ...] = ()
    """The shares to reach of such a goal's parts; its members are then the parts."""
    severity: str = ""
    """"high", "medium" or "low" where not meeting it is a weakness that somebody has to see to; else empty."""

    @property
    def is_shares(self) -> bool:
        """Whether its members are what was counted, so that one agency may have several answers."""
        return self.numerator is not None or self.goal is not None


@dataclass(frozen=True, slots=True)
class Counted:
    """An asset or link that a count over its agency counted, or could not tell whether to count."""

    count: str
    """The column of the agency."""
    kind: str
    """"asset" or "link"."""
    member: str
    title: str
    sure: bool
    """False where a fact that decides is unknown."""
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer for one member, with what it rests on."""

    control: str
    member: str
    """An agency's code, a link's code, or an asset's id as text; "CODE (missing)" for assets declared but not found."""
    agency: str | None
    level: str | None
    status: Status
    reason: str
    """For unknown: which facts are missing or stale since when; empty when the evidence says it all."""
    since: datetime
    weight: int = 1
    """How many members it stands for (more than 1 only for declared assets that were not found)."""
    title: str = ""
    evidence: tuple[Fact, ...] = ()
    """The facts of the member itself."""
    counted: tuple[Counted, ...] = ()
    """For an agency: what its counts counted, with the facts that decided."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """That somebody need not meet a control for a time, or that it does not apply to them (miễn, không áp dụng)."""

    number: int
    control: str
    member: str
    """A member of the control's population; empty where all members of an agency are meant."""
    agency: str
    status: Status
    """WAIVED or NOT_APPLICABLE."""
    reason: str
    granted_by: str
    document: str
    valid_from: date
    valid_to: date | None
    """The last day; None only where a control does not apply."""
    ended: date | None = None
    """The day from which it no longer holds, where it was ended before."""
    recorded: datetime | None = None

    def valid_on(self, day: date) -> bool:
        """Whether it holds on `day`."""
        last = self.valid_to is None or day <= self.valid_to
        return self.valid_from <= day and last and (self.ended is None or day < self.ended)


SCOPES = ("link", "agency", "asset", "network")
"""What can be under maintenance."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window in which what fails is not counted (bảo trì): of one link, asset or network, or of all of an agency."""

    number: int
    scope: str
    """One of SCOPES."""
    subject: str
    """A code, or an asset's id as text."""
    begins: datetime
    ends: datetime
    """The first instant at which it does not hold any more."""
    reason: str
    granted_by: str
    """Who ordered it."""
    document: str = ""
    ended: datetime | None = None
    """When it was ended before its time."""
    recorded: datetime | None = None

    @property
    def last(self) -> datetime:
        """Where it ended or is to end."""
        return self.ends if self.ended is None else self.ended

    def holds_at(self, at: datetime) -> bool:
        """Whether it is open at an instant."""
        return self.begins <= at < self.last


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a plan reported of a goal before its period began."""

    statement: str
    """The plan statement's id, such as VP-025."""
    cite: str
    """Section and lines of the plan's text."""
    title: Title
    share: float | None = None
    """The share (0-1) where the text gives one, or both of its numbers."""


ONLY_DECLARED = "declared:"
"""How the control of a goal begins that only declarations answer."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A control, a population, a target and a due date, cited to the plan that states it (chỉ tiêu)."""

    id: str
    title: Title
    cite: str
    """Section and lines of the plan's text."""
    statement: str
    """The plan statement's id, such as VP-031."""
    levels: tuple[str, ...]
    """The levels that it speaks of; empty when it speaks of no level."""
    target: Mapping[str, float]
    """The share to reach (0-1) by level, with "all" for the goal as a whole; empty when the plan writes no number."""
    due: date | None
    due_basis: str
    """"written", "plan-year", "plan-period" or "none"."""
    control: str | None = None
    """None: nothing measures it yet; it is shown as not measured, never dropped. Beginning with `ONLY_DECLARED`: no
    control measures it, and what a person declares of it with a document is its answer."""
    parts: tuple[tuple[Title, float], ...] = ()
    """The single targets of a goal that lists several, as the plan writes them."""
    note: Title | None = None
    target_basis: str = "written"
    """"written", or "own" where the plan gives no number and the target is a proposal."""
    baseline: Baseline | None = None
    """Where it stood before, as the plan itself reported it."""

    @property
    def only_declared(self) -> bool:
        """Whether no control measures it, and only a declaration answers it."""
        return self.control is not None and self.control.startswith(ONLY_DECLARED)


@dataclass(frozen=True, slots=True)
class Plan:
    """A document with goals (kế hoạch)."""

    id: str
    title: Title
    number: str
    issued: date | None
    period: str
    goals: tuple[Goal, ...]
    reports: str = "quarter"
    """How often it is reported on: month, quarter, half or year."""
    reports_basis: str = "own"
    """"written" where the plan's text says so."""


class CoverageStatus(enum.StrEnum):
    """Where a goal stands against its target."""

    REACHED = "reached"
    """Proven: no unknown could change it."""
    DECLARED = "declared"
    """Reached only together with what was declared: it rests on the word of a person."""
    OPEN = "open"
    """The target lies between proven and possible, or what was declared may make the difference."""
    NOT_REACHED = "not_reached"
    """Even if every unknown were met, and all that was declared true, the target would not be."""
    NO_TARGET = "no_target"
    """Measured, but the plan writes no number."""
    NOT_MEASURED = "not_measured"
    """No control, or nobody to ask."""


ALL_LEVELS = "all"


class Shares:
    """The shares that follow from how many members have which status."""

    __slots__ = ()

    if TYPE_CHECKING:  # whoever has the shares has these fields

        @property
        def met(self) -> int: ...
        @property
        def unmet(self) -> int: ...
        @property
        def unknown(self) -> int: ...
        @property
        def declared(self) -> int: ...

    @property
    def counted(self) -> int:
        """The denominator: every member but those waived or not concerned."""
        return self.met + self.unmet + self.unknown + self.declared

    @property
    def proven(self) -> float | None:
        """met ÷ counted, or None where nothing counts."""
        return self.met / self.counted if self.counted else None

    @property
    def possible(self) -> float | None:
        """(met + unknown) ÷ counted, or None where nothing counts."""
        return (self.met + self.unknown) / self.counted if self.counted else None


@dataclass(frozen=True, slots=True)
class Coverage(Shares):
    """How far a goal is true at one level (độ phủ): members by status, and the shares that follow."""

    plan: str
    goal: str
    level: str
    target: float | None
    due: date | None
    met: int = 0
    unmet: int = 0
    unknown: int = 0
    not_applicable: int = 0
    waived: int = 0
    declared: int = 0
    measured: bool = False

    @property
    def status(self) -> CoverageStatus:
        """Where the figure stands against the target."""
        if not self.measured or self.proven is None or self.possible is None:
            return CoverageStatus.NOT_MEASURED
        if self.target is None:
            return CoverageStatus.NO_TARGET
        if self.proven >= self.target:
            return CoverageStatus.REACHED
        told = self.met + self.declared
        if self.declared and told / self.counted >= self.target:
            return CoverageStatus.DECLARED
        reachable = (told + self.unknown) / self.counted >= self.target
        return CoverageStatus.OPEN if reachable else CoverageStatus.NOT_REACHED


# --- the snapshot: the only thing that exporters, dashboards, reports and pages read --------------------------------


@dataclass(frozen=True, slots=True)
class AgencyTally:
    """How many members of one agency have one status for one control."""

    control: str
    agency: str
    level: str
    status: Status
    members: int


@dataclass(frozen=True, slots=True)
class AssetTally:
    """How many assets of one agency and role answer ("yes"), do not ("no"), or are not known to ("unknown")."""

    agency: str
    role: str
    answering: str
    assets: int


@dataclass(frozen=True, slots=True)
class LinkState:
    """How one link is: "up", "degraded", "down" or "unknown", why, and in figures what is known of it."""

    link: str
    agency: str
    kind: str
    state: str
    reason: str = ""
    """As the fact `link_reason` says it."""
    loss: float | None = None
    """Share (0-1) of requests that were not answered."""
    round_trip: float | None = None
    """Seconds: the median, the next two the 95th and 99th percentile."""
    round_trip_p95: float | None = None
    round_trip_p99: float | None = None
    jitter: float | None = None
    """Seconds."""
    utilisation: float | None = None
    """Share of the contracted rate."""
    availability: float | None = None
    """Share (0-1) of the month so far: up ÷ (up + down) by time."""
    maintenance: bool = False
    """Whether it is under maintenance."""


@dataclass(frozen=True, slots=True)
class VideoTally:
    """What one agency's video conference does: None where nobody tells."""

    agency: str
    calls: int | None = None
    """Calls that go on in its rooms."""
    meetings: int | None = None
    """Meetings of the newest period that was told, and how many of them were held online."""
    online: int | None = None


@dataclass(frozen=True, slots=True)
class WebsiteState:
    """What is known of one declared website; None is unknown, and where there is nothing to know."""

    asset: int
    url: str
    agency: str
    title: str
    state: str
    """"up", "down" or "unknown"."""
    problem: str = ""
    """Why there is no page, over one IP version at least, in words of the key website_problem."""
    detail: str = ""
    """The same in the collector's words."""
    leads_to: str = ""
    """The other host that it sends on to, which was not asked."""
    http_status: int | None = None
    response_seconds: float | None = None
    https_only: bool | None = None
    hsts: bool | None = None
    certificate_valid: bool | None = None
    certificate_problems: tuple[str, ...] = ()
    certificate_expires: datetime | None = None
    certificate_issuer: str = ""
    tls_version: str = ""
    tls_old: bool | None = None
    ipv4: bool | None = None
    """Whether it answered over IPv4."""
    ipv6_published: bool | None = None
    ipv6: bool | None = None
    content_at: datetime | None = None
    content_dated_by: str = ""
    observed: datetime | None = None
    """When somebody last could say whether it answers."""


@dataclass(frozen=True, slots=True)
class BackupTally:
    """The oldest of the last good backups of one agency's systems."""

    agency: str
    oldest: datetime


@dataclass(frozen=True, slots=True)
class PowerState:
    """What one power device (a UPS) says of itself; None is unknown, and what it does not have."""

    asset: int
    agency: str
    on_battery: bool | None = None
    battery_charge: float | None = None
    """Share (0-1)."""
    battery_runtime: float | None = None
    """Seconds."""
    load: float | None = None
    """Share (0-1) of what it can carry."""


@dataclass(frozen=True, slots=True)
class CollectorState:
    """The newest round of one collector."""

    collector: str
    last_run: datetime
    last_success: datetime | None
    """When a target was last read to the end."""
    duration_seconds: float
    """Longest run of the newest round."""
    targets: int
    """Targets seen in the last 24 hours."""
    failed: int
    """Targets whose newest run has an error."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How one schedule stands: what became of its turns up to the snapshot, and what comes next."""

    schedule: str
    job: str
    outcome: Outcome | None = None
    """Of the newest turn that has ended; None before the first."""
    last_success: datetime | None = None
    """When a turn was last done to its end."""
    running: bool = False
    paused: bool = False
    next_at: datetime | None = None
    """When the next turn is to begin; None while none will."""


@dataclass(frozen=True, slots=True)
class ScanState:
    """When one network of the register was last scanned to its end by one profile."""

    network: str
    agency: str
    profile: str
    completed: datetime


@dataclass(frozen=True, slots=True)
class SealState:
    """When figures of a plan were sealed last, and of when those are."""

    plan: str
    sealed: datetime
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every finding and coverage at one instant, in the sums that are told; the lists behind them share its `at`."""

    at: datetime
    plans: tuple[Plan, ...] = ()
    controls: tuple[Control, ...] = ()
    levels: tuple[Level, ...] = ()
    agencies: tuple[Agency, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    tallies: tuple[AgencyTally, ...] = ()
    assets: tuple[AssetTally, ...] = ()
    links: tuple[LinkState, ...] = ()
    collectors: tuple[CollectorState, ...] = ()
    websites: tuple[WebsiteState, ...] = ()
    video: tuple[VideoTally, ...] = ()
    backups: tuple[BackupTally, ...] = ()
    power: tuple[PowerState, ...] = ()
    schedules: tuple[ScheduleState, ...] = ()
    scans: tuple[ScanState, ...] = ()
    seals: tuple[SealState, ...] = ()
