"""Coverage: the tallies of a control summed into the figures of every goal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inventory.words import ALL_LEVELS, AgencyTally, Coverage, Goal, Level, Plan, Status


def cover(plans: Iterable[Plan], tallies: Iterable[AgencyTally], levels: Iterable[Level]) -> tuple[Coverage, ...]:
    """The coverage of every goal of every plan: one for each level that it speaks of, and one for all together.

    A goal that speaks of no level has a row for each level where it has members, and one for all. A goal without a
    control, or with nobody to ask, is there too: as not measured.
    """
    sums: dict[str, dict[str, dict[Status, int]]] = {}
    for tally in tallies:
        by_status = sums.setdefault(tally.control, {}).setdefault(tally.level, {})
        by_status[tally.status] = by_status.get(tally.status, 0) + tally.members
    ranks = {level.code: level.rank for level in levels}
    rows = []
    for plan in plans:
        for goal in plan.goals:
            found = sums.get(goal.control, {}) if goal.control else {}
            own = [code for code in found if code != ALL_LEVELS]
            spoken = goal.levels or tuple(sorted(own, key=lambda code: (ranks.get(code, 0), code)))
            # What was declared of the goal as a whole is of no level.
            overall = dict(found.get(ALL_LEVELS, {}))
            for level in spoken:
                members = found.get(level, {})
                for status, count in members.items():
                    overall[status] = overall.get(status, 0) + count
                if len(spoken) > 1 or goal.levels:
                    rows.append(_row(plan, goal, level, level_target(goal, level), members))
            rows.append(_row(plan, goal, ALL_LEVELS, level_target(goal, ALL_LEVELS), overall))
    return tuple(rows)


def level_target(goal: Goal, level: str) -> float | None:
    """The share that a goal is to reach at a level, or "all" for all of them together; None where there is none."""
    if level == ALL_LEVELS and goal.parts and goal.control:
        # Of a goal with several targets, each with its own share, all are to be reached.
        return 1.0
    # All of everybody is all of each level; a share of everybody says nothing of one level.
    overall = goal.target.get(ALL_LEVELS)
    return goal.target.get(level, overall if overall == 1 or level == ALL_LEVELS else None)


def _row(plan: Plan, goal: Goal, level: str, target: float | None, members: Mapping[Status, int]) -> Coverage:
    return Coverage(
        plan.id, goal.id, level, target, goal.due,
        met=members.get(Status.MET, 0),
        unmet=members.get(Status.UNMET, 0),
        unknown=members.get(Status.UNKNOWN, 0),
        not_applicable=members.get(Status.NOT_APPLICABLE, 0),
        waived=members.get(Status.WAIVED, 0),
        declared=members.get(Status.DECLARED, 0),
        # A goal that nothing measures is measured from when somebody declares it.
        measured=goal.control is not None and (bool(members) or not goal.only_declared),
    )  # fmt: skip
