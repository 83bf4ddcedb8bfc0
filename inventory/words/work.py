"""When work is done: schedules and their turns."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta


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
