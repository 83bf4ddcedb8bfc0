"""A plan's figures arranged for reading: each goal with its rows by level and where it stands as a whole. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from inventory.words import ALL_LEVELS, Coverage, CoverageStatus, Goal, Plan, Snapshot, Status


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """One goal of a plan with its figures."""

    number: int
    """Its place in the plan, from 1."""
    goal: Goal
    rows: tuple[Coverage, ...]
    """By level, then for all together; one row where the goal speaks of one level only."""
    status: CoverageStatus

    @property
    def measured(self) -> bool:
        """Whether there is a figure to show."""
        return self.status is not CoverageStatus.NOT_MEASURED


def arrange(plan: Plan, snapshot: Snapshot) -> tuple[GoalFigures, ...]:
    """The goals of a plan in its order, those that nothing measures included."""
    rows: dict[str, list[Coverage]] = {goal.id: [] for goal in plan.goals}
    for row in snapshot.coverage:
        if row.plan == plan.id and row.goal in rows:
            rows[row.goal].append(row)
    return tuple(
        GoalFigures(number, goal, tuple(_shown(rows[goal.id])), stand(rows[goal.id]))
        for number, goal in enumerate(plan.goals, 1)
    )


def _shown(rows: Sequence[Coverage]) -> Sequence[Coverage]:
    levels = [row for row in rows if row.level != ALL_LEVELS]
    return levels if len(levels) == 1 else rows


def stand(rows: Sequence[Coverage]) -> CoverageStatus:
    """Where a goal stands as a whole: by its one target, or by all of them where each level has its own."""
    whole = next((row for row in rows if row.level == ALL_LEVELS), None)
    if whole is None:
        return CoverageStatus.NOT_MEASURED
    if whole.status is not CoverageStatus.NO_TARGET:
        return whole.status
    single = {row.status for row in rows if row.target is not None}
    for status in (CoverageStatus.NOT_REACHED, CoverageStatus.OPEN, CoverageStatus.DECLARED, CoverageStatus.REACHED):
        if status in single:
            return status
    return CoverageStatus.NO_TARGET


def count_by_status(figures: Sequence[GoalFigures]) -> dict[CoverageStatus, int]:
    """How many goals stand where; every status is there."""
    counted = Counter(f.status for f in figures)
    return {status: counted[status] for status in CoverageStatus}


def find_extra(figures: Iterable[GoalFigures]) -> list[Status]:
    """The statuses beside met, unmet and unknown that some member of these goals has."""
    rows = [row for f in figures for row in f.rows]
    return [
        status
        for status in (Status.DECLARED, Status.WAIVED, Status.NOT_APPLICABLE)
        if any(getattr(row, status) for row in rows)
    ]


def counts_for(plans: Iterable[Plan], control: str, levels: Set[str]) -> tuple[tuple[Plan, Goal], ...]:
    """The goals whose figures the members of a control at these levels are part of."""
    return tuple(
        (plan, goal)
        for plan in plans
        for goal in plan.goals
        if goal.control == control and (not goal.levels or levels & set(goal.levels))
    )
