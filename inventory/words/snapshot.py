"""The snapshot: the only thing that exporters, dashboards, reports and pages read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inventory.words.answers import Control, Coverage, Plan, Status
from inventory.words.register import Agency, Level
from inventory.words.work import Outcome


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
