"""What changed between two days: the figures of a plan side by side, and every member whose answer is another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from api.printing import find_plan, judge_control, judge_plan
from api.wording import WORDS, percent
from api.workspace import Workspace
from inventory.periods import ZONE
from inventory.words import ALL_LEVELS, Coverage, Finding, Goal, InputError, Plan, Status, Title

__all__ = ["CHANGE_COLUMNS", "Change", "Changes", "changes_object", "find_changes", "listed"]

CHANGE_COLUMNS = ("goal", "level", "agency_code", "agency", "member", "before", "after", "reason")


@dataclass(frozen=True, slots=True)
class Change:
    """One member whose answer is another than it was."""

    goal: Goal
    level: str
    agency: str
    agency_name: str
    member: str
    title: str
    before: Status | None
    """None where it was not asked then: it did not exist, or was another's."""
    after: Status | None
    reason: str
    """Of the later answer."""


@dataclass(frozen=True, slots=True)
class Changes:
    """A plan on two days."""

    plan: Plan
    first: datetime
    second: datetime
    figures: tuple[tuple[Goal, Coverage | None, Coverage | None], ...]
    """By goal and level, then and later, of those that are measured on one of the days."""
    changes: tuple[Change, ...]


async def find_changes(
    workspace: Workspace, plan: str, first: datetime, second: datetime, language: str = "vi",
    agency: str | None = None, *, one_tree: bool = False,
) -> Changes:  # fmt: skip
    """Judge a plan as of two instants and compare; nothing is stored.

    Args:
        one_tree: both by the agencies of the second instant: what was told of those that were merged since counts as
            told of the one that they became.

    Raises:
        InputError: there is no such plan, or the first instant is not before the second.
    """
    found = find_plan(workspace.goals, plan)
    if first >= second:
        raise InputError(
            Title(
                f"--from: gặp {first.isoformat()}, cần thời gian trước {second.isoformat()}",
                f"--from: found {first.isoformat()}, expected a time before {second.isoformat()}",
            )
        )
    tree = second.astimezone(ZONE).date() if one_tree else None
    then = await judge_plan(workspace, plan, first, with_members=False, language=language, tree=tree)
    later = await judge_plan(workspace, plan, second, with_members=False, language=language)
    names = then.names | later.names
    rows: list[Change] = []
    answers = {
        control: [await _answers(workspace, control, at, language, tree) for at in (first, second)]
        for control in {goal.control for goal in found.goals if goal.control}
    }
    for goal in found.goals:
        if goal.control is not None:
            old, new = answers[goal.control]
            rows += [c for c in _differences(goal, old, new, names) if agency in (None, c.agency)]
    before = {(c.goal, c.level): c for c in then.coverage if c.counted}
    after = {(c.goal, c.level): c for c in later.coverage if c.counted}
    goals = {goal.id: goal for goal in found.goals}
    order = [(c.goal, c.level) for c in later.coverage]
    figures = tuple((goals[n[0]], before.get(n), after.get(n)) for n in order if n in before or n in after)
    return Changes(found, then.at, later.at, figures, tuple(rows))


async def _answers(
    workspace: Workspace, control: str, at: datetime, language: str, tree: date | None
) -> dict[str, Finding]:
    return {f.member: f for f in await judge_control(workspace, control, None, at, language, tree)}


def _differences(
    goal: Goal, old: dict[str, Finding], new: dict[str, Finding], names: dict[str, str]
) -> Iterator[Change]:
    for member in sorted(old.keys() | new.keys(), key=lambda m: (_agency(new.get(m) or old[m]), m)):
        before, after = old.get(member), new.get(member)
        shown = after or old[member]
        if goal.levels and shown.level not in (*goal.levels, ALL_LEVELS):
            continue
        if (before.status if before else None) is not (after.status if after else None):
            code = _agency(shown)
            title = "" if member == code else shown.title or member
            yield Change(
                goal, shown.level or "", code, names.get(code, code), member, title,
                before.status if before else None, after.status if after else None, after.reason if after else "",
            )  # fmt: skip


def _agency(finding: Finding) -> str:
    return finding.agency or ""


def changes_object(found: Changes) -> dict[str, Any]:
    """The comparison as JSON tells it."""
    return {
        "plan": found.plan.id, "from": found.first, "to": found.second,
        "figures": [
            {"goal": goal.id, "level": (after or before).level,  # type: ignore[union-attr]
             "before": _shares(before), "after": _shares(after)}
            for goal, before, after in found.figures
        ],
        "changes": [
            {"goal": c.goal.id, "level": c.level, "agency": c.agency, "agency_name": c.agency_name, "member": c.member,
             "title": c.title, "before": c.before, "after": c.after, "reason": c.reason}
            for c in found.changes
        ],
    }  # fmt: skip


def _shares(row: Coverage | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"met": row.met, "unmet": row.unmet, "unknown": row.unknown, "counted": row.counted,
            "proven": row.proven, "possible": row.possible}  # fmt: skip


def listed(found: Changes, language: str) -> Iterator[tuple[object, ...]]:
    """The rows of CHANGE_COLUMNS, for people to read."""
    words = WORDS[language]
    for c in found.changes:
        before, after = (words[str(s)] if s else "–" for s in (c.before, c.after))
        level = words.get(f"level:{c.level}", c.level)
        yield c.goal.title.in_language(language), level, c.agency, c.agency_name, c.title, before, after, c.reason


def told(found: Changes, language: str) -> Iterator[str]:
    """The comparison as lines of text: each figure that moved, then each member."""
    words = WORDS[language]
    for goal, before, after in found.figures:
        row = after or before
        if row is None or (before and after and (before.proven, before.possible) == (after.proven, after.possible)):
            continue
        if row.level == ALL_LEVELS or len(goal.levels) < 2:
            old, new = (percent(c.proven if c else None, language) for c in (before, after))
            low, high = (percent(c.possible if c else None, language) for c in (before, after))
            title = goal.title.in_language(language)
            yield f"{title}: {words['proven']} {old} → {new}, {words['possible']} {low} → {high}"
    for _, level, code, name, member, before_, after_, reason in listed(found, language):
        what = f"{member} · " if member else ""
        yield f"  {level} · {what}{name} ({code}): {before_} → {after_}" + (f" · {reason}" if reason else "")
