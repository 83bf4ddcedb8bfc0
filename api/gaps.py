"""What a plan still lacks: by goal who does not meet it, who is to be visited, and how many the target is short of.

It is the list from which the next year's plan is written. Its figures are those of the coverage: the members of a level
add up to what is unmet and unknown there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from api.printing import judge_plan
from api.speaking import is_missing
from api.wording import WORDS, clock, day, number, percent
from api.workspace import Workspace
from inventory.store.judge import ALL_OF_AGENCY
from inventory.words import ALL_LEVELS, Coverage, Finding, Goal, InputError, Level, Plan, Status, Title

__all__ = [
    "LIST_COLUMNS",
    "SUMMARY_COLUMNS",
    "Gaps",
    "Lack",
    "Part",
    "arrange_parts",
    "find_gaps",
    "gap_object",
    "listed",
    "summed",
]

MOST = 20_000
"""So many members of one control are named; of more, each agency's are told together."""
SUMMARY_COLUMNS = ("goal", "level", "target", "due", "counted", "met", "unmet", "unknown", "short")
LIST_COLUMNS = ("goal", "level", "agency_code", "agency", "member", "need", "since", "reason", "number")


@dataclass(frozen=True, slots=True)
class Lack:
    """One member that does not meet a goal, or of which it is not known."""

    agency: str
    agency_name: str
    member: str
    title: str
    """What people call it; empty where the member is the agency itself."""
    status: Status
    since: datetime
    reason: str
    number: int
    """How many it stands for: more than one for what was declared and not found."""


@dataclass(frozen=True, slots=True)
class Part:
    """One goal at one level."""

    goal: Goal
    level: str
    level_name: str
    coverage: Coverage
    lacks: tuple[Lack, ...] = ()
    """The unmet first, then the unknown; by the agency's name."""

    @property
    def short(self) -> int | None:
        """How many more have to meet it for the target; None where there is none."""
        c = self.coverage
        if c.target is None:
            return None
        return max(0, math.ceil(c.target * c.counted - 1e-9) - c.met)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a plan lacks as of an instant."""

    plan: Plan
    at: datetime
    parts: tuple[Part, ...]
    not_measured: tuple[Goal, ...]
    """The goals of which nothing can be listed: nothing measures them, or there is nobody to ask."""
    coverage: tuple[Coverage, ...]
    """The plan's figures, of every goal and level."""


async def find_gaps(
    workspace: Workspace,
    plan: str,
    at: datetime,
    *,
    language: str = "vi",
    level: str | None = None,
    agency: str | None = None,
    most: int | None = MOST,
) -> Gaps:
    """Judge a plan as of `at`, and list what is missing; nothing is stored.

    Args:
        level, agency: only what is of this level or agency; the figures of a level stay those of the whole level.
        most: of a control that more members lack than these, each agency's are one row; None: always all.

    Raises:
        InputError: there is no such plan, level or agency; the known plans and levels are named.
    """
    report = await judge_plan(workspace, plan, at, with_members=True, language=language, most=most)
    if agency is not None and agency not in report.names:
        raise InputError(
            Title(
                f"--agency: gặp {agency!r}, cần mã của cơ quan có trong sổ đăng ký vào ngày đó",
                f"--agency: found {agency!r}, expected the code of an agency that the register had on that day",
            )
        )
    if level is not None and level not in {one.code for one in report.levels}:
        raise InputError(
            Title(
                f"--level: gặp {level!r}, cần một trong {', '.join(one.code for one in report.levels)}",
                f"--level: found {level!r}, expected one of {', '.join(one.code for one in report.levels)}",
            )
        )
    parts, not_measured = arrange_parts(report.plan, report.coverage, report.levels, language)
    of_level = [part for part in parts if level in (None, part.level)]
    by_level = {part.goal.id for part in of_level if part.level != ALL_LEVELS}
    # Who lacks it stands once, at their level, and not again under the figure of all together.
    found = [
        [] if part.level == ALL_LEVELS and part.goal.id in by_level else report.members.get(part.goal.control or "", [])
        for part in of_level
    ]
    whole = tuple(
        replace(part, lacks=_lacks(part, members, report.names, agency, language))
        for part, members in zip(of_level, found, strict=True)
    )
    return Gaps(report.plan, report.at, whole, not_measured, report.coverage)


def arrange_parts(
    plan: Plan, coverage: Iterable[Coverage], levels: Iterable[Level], language: str
) -> tuple[tuple[Part, ...], tuple[Goal, ...]]:
    """The figures of a plan by goal and level, without their members; and the goals that have none."""
    names = {one.code: one.title.in_language(language) for one in sorted(levels, key=lambda one: one.rank)}
    parts: list[Part] = []
    not_measured: list[Goal] = []
    figures = [row for row in coverage if row.plan == plan.id]
    for goal in plan.goals:
        rows = [row for row in figures if row.goal == goal.id]
        if not any(row.counted for row in rows):
            not_measured.append(goal)
            continue
        for row in _by_level(rows, list(names)):
            name = names.get(row.level) or WORDS[language].get(f"level:{row.level}", row.level)
            parts.append(Part(goal, row.level, name, row))
    return tuple(parts), tuple(not_measured)


def _lacks(
    part: Part, findings: Iterable[Finding], names: dict[str, str], agency: str | None, language: str
) -> tuple[Lack, ...]:
    own = (f for f in findings if part.level in (ALL_LEVELS, f.level) and agency in (None, f.agency))
    return tuple(sorted((_lack(f, names, language) for f in own), key=_order))


def _by_level(rows: Sequence[Coverage], levels: Sequence[str]) -> list[Coverage]:
    """The figures of the levels where somebody counts, in the levels' order, and that of all together where no level
    has one or only all together have a target."""
    own = [row for row in rows if row.level != ALL_LEVELS and row.counted]
    whole = [row for row in rows if row.level == ALL_LEVELS]
    if not own or (whole and whole[0].target is not None and all(row.target is None for row in own)):
        # A share of everybody is a target of no level: only the figure of all together says whether it is reached.
        own += whole
    return sorted(own, key=lambda row: levels.index(row.level) if row.level in levels else len(levels))


def _lack(finding: Finding, names: dict[str, str], language: str) -> Lack:
    agency = finding.agency or ""
    title = "" if finding.member == agency else finding.title or finding.member
    if finding.member.startswith("*"):
        title = finding.title
    if finding.member.endswith(ALL_OF_AGENCY):
        title = WORDS[language]["summed"].format(n=number(finding.weight, language))
    if is_missing(finding.member):
        title = WORDS[language]["not_found"].format(n=finding.weight)
    return Lack(
        agency, names.get(agency, agency), finding.member, title, finding.status, finding.since, finding.reason,
        finding.weight,
    )  # fmt: skip


def _order(lack: Lack) -> tuple[bool, str, str, str]:
    return lack.status is not Status.UNMET, lack.agency_name, lack.title, lack.member


def gap_object(gaps: Gaps, part: Part) -> dict[str, Any]:
    """A part as JSON tells it; `to_visit` are those of which it is not known."""
    c = part.coverage
    return {
        "plan": gaps.plan.id, "goal": part.goal.id, "level": part.level, "target": c.target, "due": c.due,
        "counted": c.counted, "met": c.met, "unmet": c.unmet, "unknown": c.unknown, "short": part.short,
        "members": [
            {"agency": v.agency, "agency_name": v.agency_name, "member": v.member, "title": v.title,
             "status": str(v.status), "to_visit": v.status is Status.UNKNOWN, "since": v.since, "reason": v.reason,
             "number": v.number}
            for v in part.lacks
        ],
    }  # fmt: skip


def summed(gaps: Gaps, language: str) -> Iterator[tuple[object, ...]]:
    """The rows of SUMMARY_COLUMNS, for people to read."""
    for part in gaps.parts:
        c = part.coverage
        due = _day(c.due, language)
        yield (
            part.goal.title.in_language(language), part.level_name, percent(c.target, language), due, c.counted, c.met,
            c.unmet, c.unknown, part.short,
        )  # fmt: skip


def listed(gaps: Gaps, language: str) -> Iterator[tuple[object, ...]]:
    """The rows of LIST_COLUMNS, for people to read; times are Vietnam's."""
    words = WORDS[language]
    for part in gaps.parts:
        for lack in part.lacks:
            yield (
                part.goal.title.in_language(language), part.level_name, lack.agency, lack.agency_name, lack.title,
                words[f"need:{lack.status}"], clock(lack.since, language), lack.reason, lack.number,
            )  # fmt: skip


def _day(due: date | None, language: str) -> str:
    return "" if due is None else day(due, language)
