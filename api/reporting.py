"""Reports of a period: the figures at its end beside those before it, what is missing, and what is not measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api.config import ReportSettings
from api.figures import stand
from api.gaps import LIST_COLUMNS, Gaps, find_gaps, listed
from api.printing import coverage_object, judge_plan
from api.sheets import Chart, Sheet, csv_text, workbook
from api.wording import WORDS, clock, day, percent, signed_percent
from api.workspace import Workspace
from inventory.forecast import Forecast
from inventory.periods import ZONE, Period, read_period, recent_periods
from inventory.store import Connection, snapshots, waivers
from inventory.words import ALL_LEVELS, Coverage, CoverageStatus, Goal, InputError, Plan, Title, Waiver

__all__ = [
    "FIGURE_COLUMNS",
    "Period",
    "PlanReport",
    "as_csv",
    "as_json",
    "as_workbook",
    "context",
    "make",
    "read_period",
    "recent_periods",
]

FIGURE_COLUMNS = (
    "number", "goal", "cite", "level", "baseline", "target", "due", "counted", "met", "declared", "unmet", "unknown",
    "proven", "before", "possible", "short", "status", "at_due", "reached",
)  # fmt: skip
AHEAD_COLUMNS = ("goal", "level", "target", "baseline", "proven", "per_month", "due", "at_due", "reached")
"""Of goals that are due later: where they will be if it goes on as in the last 90 days."""
WAIVER_COLUMNS = ("control", "whom", "status", "reason", "granted_by", "until")
_MOST_NAMED = 2_000
"""Members of one control that are named one by one in the workbook; of more, each agency has a row."""
MOST_MISSING = 150
"""Rows of what is missing in a document; the workbook has all."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What is reported of a plan."""

    plan: Plan
    period: Period
    at: datetime
    """The end of the period, or now where it has not ended."""
    gaps: Gaps
    coverage: tuple[Coverage, ...]
    before: tuple[Coverage, ...]
    """The figures before the period; empty where nothing was known then."""
    waivers: tuple[Waiver, ...] = ()
    """Those that held at the end, of the plan's controls."""
    controls: Mapping[str, str] = field(default_factory=dict)
    """The controls' titles by id."""
    ahead: Mapping[tuple[str, str], Forecast] = field(default_factory=dict)
    """What is to be expected, by goal and level, where there are figures enough."""


async def make(workspace: Workspace, plan: str, period: Period, language: str) -> PlanReport:
    """Judge a plan at the end of a period and before it; nothing is stored.

    Raises:
        InputError: there is no such plan, or the period has not begun.
    """
    now = datetime.now(UTC)
    if period.begin > now:
        raise InputError(
            Title(
                f"--period: gặp {period.text!r}, kỳ chưa bắt đầu: khi đó chưa quan sát được gì",
                f"--period: found {period.text!r}, which has not begun: nothing was observed then",
            )
        )
    at = min(period.end, now)
    gaps = await find_gaps(workspace, plan, at, language=language, most=_MOST_NAMED)
    before = (await judge_plan(workspace, plan, period.begin, with_members=False)).coverage
    known = any(row.met or row.unmet for row in before)
    used = {goal.control for goal in gaps.plan.goals}
    held = await workspace.store.read(waivers.load, at.astimezone(ZONE).date())
    ahead = await workspace.store.read(_look_ahead, gaps, at)
    titles = {name: control.title.in_language(language) for name, control in workspace.goals.controls.items()}
    return PlanReport(
        gaps.plan, period, at, gaps, gaps.coverage, before if known else (),
        tuple(one for one in held if one.control in used), titles, ahead,
    )  # fmt: skip


def _look_ahead(connection: Connection, gaps: Gaps, at: datetime) -> dict[tuple[str, str], Forecast]:
    found = {
        (part.goal.id, part.level): snapshots.ahead(connection, gaps.plan.id, part.goal, part.level, at)
        for part in gaps.parts
    }
    return {name: one for name, one in found.items() if one is not None}


def chart(goals: Sequence[Goal], coverage: Iterable[Coverage], language: str, form: str) -> bytes:
    """The picture of the goals that count somebody, all levels together, as "svg" or "png"; b"" where none does.

    It takes a second: another process draws it.
    """
    from exporters.reports import draw

    whole = {c.goal: c for c in coverage if c.level == ALL_LEVELS and c.counted}
    bars = [
        {"name": f"{number}. {goal.title.in_language(language)}", "target": c.target}
        | {name: getattr(c, name) / c.counted for name in ("met", "declared", "unknown", "unmet")}
        for number, goal in enumerate(goals, 1)
        if (c := whole.get(goal.id)) is not None
    ]
    words = {name: WORDS[language][f"gaps:{name}"] for name in ("declared", "unknown", "unmet")}
    return draw(bars, words | {"met": WORDS[language]["gaps:proven"]}, form) if bars else b""


def context(report: PlanReport, settings: ReportSettings, language: str, *, with_chart: bool = True) -> dict[str, Any]:
    """What the tags of a template stand for (see `exporters.reports.official`)."""
    here = report.at.astimezone(ZONE)
    today = datetime.now(ZONE).date()
    missing = _condensed(report.gaps, language)
    words = WORDS[language]
    statuses = Counter(stand([c for c in report.coverage if c.goal == goal.id]) for goal in report.plan.goals)
    return {
        "authority": settings.authority, "department": settings.department, "number": settings.number,
        "place": settings.place, "signer_title": settings.signer_title, "signer": settings.signer,
        "recipients": list(settings.recipients),
        "signed_on": words["signed_on"].format(day=today.day, month=today.month, year=today.year),
        "plan": report.plan.title.in_language(language), "plan_number": report.plan.number,
        "period": report.period.told(language), "as_of": clock(here, language),
        "compared": day(report.period.first - timedelta(days=1), language) if report.before else "",
        "tally": {"goals": len(report.plan.goals)} | {str(name): statuses.get(name, 0) for name in CoverageStatus},
        "rows": _told_once([dict(zip(FIGURE_COLUMNS, row, strict=True)) for row in _figures(report, language)]),
        "chart": chart(report.plan.goals, report.coverage, language, "png") if with_chart else b"",
        "ahead_how": words["ahead_how"],
        "ahead": _told_once([dict(zip(AHEAD_COLUMNS, row, strict=True)) for row in _ahead(report, language)]),
        "missing": _told_once(missing[:MOST_MISSING]), "missing_left": max(0, len(missing) - MOST_MISSING),
        "waivers": [dict(zip(WAIVER_COLUMNS, row, strict=True)) for row in _waived(report, language)],
        "rest": [
            {"number": number, "goal": goal.title.in_language(language), "cite": goal.cite}
            for number, goal in enumerate(report.gaps.not_measured, 1)
        ],
    }  # fmt: skip


def _ahead(report: PlanReport, language: str) -> list[tuple[object, ...]]:
    """Of the goals that are due after the report: before the plan, now, by how much in a month, when due, reached."""
    rows: list[tuple[object, ...]] = []
    today = report.at.astimezone(ZONE).date()
    for part in report.gaps.parts:
        c, goal, told = part.coverage, part.goal, report.ahead.get((part.goal.id, part.level))
        if told is None or goal.due is None or goal.due <= today:
            continue
        rows.append(
            (
                goal.title.in_language(language), part.level_name, percent(c.target, language),
                _before_plan(goal, language), percent(c.proven, language),
                signed_percent(told.per_month, language), day(goal.due, language),
                percent(told.at_due, language), _reached(told, language),
            )
        )  # fmt: skip
    return rows


def _before_plan(goal: Goal, language: str) -> str:
    return percent(goal.baseline.share, language) if goal.baseline and goal.baseline.share is not None else ""


def _reached(told: Forecast | None, language: str) -> str:
    return day(told.reached, language) if told and told.reached else ""


def _waived(report: PlanReport, language: str) -> list[tuple[object, ...]]:
    words = WORDS[language]
    return [
        (
            report.controls.get(v.control, v.control), v.agency or v.member, words[str(v.status)], v.reason,
            ", ".join(text for text in (v.granted_by, v.document) if text),
            day(v.valid_to, language) if v.valid_to else "",
        )
        for v in report.waivers
    ]  # fmt: skip


def _condensed(gaps: Gaps, language: str) -> list[dict[str, Any]]:
    """What each agency lacks of each goal: how many members, and why where it is the same for all."""
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for row in listed(gaps, language):
        told = dict(zip(LIST_COLUMNS, row, strict=True))
        name = (str(told["goal"]), str(told["level"]), str(told["agency_code"]), str(told["need"]))
        if (kept := found.get(name)) is None:
            found[name] = told
            continue
        kept["number"] = int(str(kept["number"])) + int(str(told["number"]))
        kept["reason"] = kept["reason"] if kept["reason"] == told["reason"] else ""
    return list(found.values())


def _told_once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, the goal named in the first of its own only."""
    last = None
    for row in rows:
        if row["goal"] == last:
            row["goal"] = ""
            row["number"] = "" if "agency" not in row else row["number"]
        else:
            last = row["goal"]
    return rows


def _figures(report: PlanReport, language: str) -> list[tuple[object, ...]]:
    words = WORDS[language]
    numbers = {goal.id: number for number, goal in enumerate(report.plan.goals, 1)}
    before = {(c.goal, c.level): c for c in report.before}
    rows: list[tuple[object, ...]] = []
    for part in report.gaps.parts:
        c, goal = part.coverage, part.goal
        old, told = before.get((goal.id, part.level)), report.ahead.get((goal.id, part.level))
        rows.append(
            (
                numbers[goal.id], goal.title.in_language(language), goal.cite, part.level_name,
                _before_plan(goal, language), percent(c.target, language), day(c.due, language) if c.due else "",
                c.counted, c.met, c.declared, c.unmet, c.unknown,
                percent(c.proven, language), percent(old.proven if old else None, language),
                percent(c.possible, language), "" if part.short is None else part.short, words[c.status],
                percent(told.at_due if told else None, language), _reached(told, language),
            )
        )  # fmt: skip
    return rows


def as_workbook(report: PlanReport, language: str) -> bytes:
    """The figures with a chart, the list behind them, and what is not measured."""
    words = WORDS[language]
    ahead = _ahead(report, language)
    above = [words["report_title"], report.plan.title.in_language(language),
             f"{report.period.told(language)}; {words['as_of']} {clock(report.at, language)}"]  # fmt: skip
    chart = Chart(words["measured_goals"], (0,), [(1, "#2E7D32"), (2, "#F2B84B"), (3, "#C62828")])
    rest = [(goal.title.in_language(language), goal.cite) for goal in report.gaps.not_measured]
    return workbook(
        [
            Sheet(words["figures"], above, _titles(FIGURE_COLUMNS, language), _figures(report, language)),
            Sheet(
                words["bar"],
                above,
                _titles(("goal", "met", "unknown", "unmet"), language),
                _bars(report, language),
                chart,
            ),
            Sheet(words["ahead"], [*above, words["ahead_how"]], _titles(AHEAD_COLUMNS, language), ahead),
            Sheet(words["gaps_list"], above, _titles(LIST_COLUMNS, language), listed(report.gaps, language)),
            Sheet(words["waivers"], above, _titles(WAIVER_COLUMNS, language), _waived(report, language)),
            Sheet(words["not_measured_goals"], above, _titles(("goal", "cite"), language), rest),
        ]
    )


def _bars(report: PlanReport, language: str) -> list[tuple[object, ...]]:
    """Of each goal that counts somebody how many met, unknown and unmet, all levels together."""
    whole = {c.goal: c for c in report.coverage if c.level == ALL_LEVELS and c.counted}
    found = [(goal.title.in_language(language), whole[goal.id]) for goal in report.plan.goals if goal.id in whole]
    return [(title, c.met, c.unknown, c.unmet) for title, c in found]


def as_csv(report: PlanReport, language: str) -> str:
    """The figures."""
    return csv_text(_titles(FIGURE_COLUMNS, language), _figures(report, language))


def as_json(report: PlanReport) -> dict[str, Any]:
    """The figures as data, those before the period beside them."""
    return {
        "plan": report.plan.id, "period": report.period.text, "from": report.period.first, "to": report.period.last,
        "as_of": report.at, "coverage": [coverage_object(c) for c in report.coverage],
        "before": [coverage_object(c) for c in report.before],
        "forecast": [{"goal": g, "level": level, **asdict(f)} for (g, level), f in report.ahead.items()],
        "waivers": [asdict(v) for v in report.waivers],
    }  # fmt: skip


def _titles(columns: Sequence[str], language: str) -> list[str]:
    return [WORDS[language][f"gaps:{name}"] for name in columns]
