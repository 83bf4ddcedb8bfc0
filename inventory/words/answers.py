"""Questions and answers: controls, findings and who is excused of them, goals, plans and coverage."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from inventory.words.facts import Fact
from inventory.words.told import Title


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
    """That somebody need not meet a control for a time, or that it does not apply to them (miễn trừ, không áp dụng)."""

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
