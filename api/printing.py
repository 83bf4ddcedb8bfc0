"""What the command line prints: the coverage of a plan as a table or JSON, and answers of probed devices."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from rich.console import Console
from rich.table import Table

from api.commanding import print_json, say, word
from api.explaining import print_explanation
from api.helping import spoken
from api.wording import WORDS, percent
from api.workspace import Workspace
from inventory.goals import Goals
from inventory.periods import ZONE
from inventory.store import closings, snapshots
from inventory.words import (
    ALL_LEVELS,
    Coverage,
    CoverageStatus,
    Finding,
    InputError,
    Level,
    Plan,
    Snapshot,
    Status,
    StoreError,
    Title,
)

_SHOWN_MEMBERS = 20


def coverage_object(row: Coverage) -> dict[str, object]:
    """The JSON object of one goal and level: shares 0-1, null where nothing counts."""
    return {
        "plan": row.plan,
        "goal": row.goal,
        "level": row.level,
        "target": row.target,
        "due": row.due.isoformat() if row.due else None,
        "counted": row.counted,
        "met": row.met,
        "unmet": row.unmet,
        "unknown": row.unknown,
        "not_applicable": row.not_applicable,
        "waived": row.waived,
        "declared": row.declared,
        "proven": row.proven,
        "possible": row.possible,
        "status": str(row.status),
    }


def read_instant(text: str | None, *, begin: bool = False) -> datetime:
    """The instant of an ISO 8601 date (its last moment in Vietnam) or time (in Vietnam, unless it says otherwise).

    Args:
        begin: of a date, its first moment instead.

    Raises:
        InputError: the text is neither, or lies in the future.
    """
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        # Of "2026-W10", a week, fromisoformat takes the Monday.
        found = datetime.fromisoformat("" if "W" in text else text)
    except ValueError:
        raise InputError(
            Title(
                f"gặp thời gian {text!r}, cần một ngày như 2026-03-31 hoặc thời gian theo ISO 8601",
                f"found the time {text!r}, expected a date such as 2026-03-31 or an ISO 8601 time",
            )
        ) from None
    if len(text) <= 10:
        start = datetime.combine(found.date(), time(), ZONE)
        # Of a day that has not ended, what is known now.
        at = start if begin or start > now else min(start + timedelta(days=1, milliseconds=-1), now)
    else:
        at = found if found.tzinfo else found.replace(tzinfo=ZONE)
    if at > now:
        raise InputError(
            Title(
                f"gặp thời gian {text!r}, ở tương lai: khi đó chưa quan sát được gì",
                f"found the time {text!r}, which is in the future: nothing was observed then",
            )
        )
    if at.year < 1970:
        raise InputError(
            Title(
                f"gặp thời gian {text!r}, cần thời gian sau năm 1970",
                f"found the time {text!r}, expected one after 1970",
            )
        )
    return at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Report:
    """A plan as of an instant, with the members that are not met."""

    plan: Plan
    at: datetime
    coverage: tuple[Coverage, ...]
    members: dict[str, list[Finding]]
    """By control: who is unmet or unknown."""
    names: dict[str, str]
    """Agencies' names by code."""
    levels: tuple[Level, ...] = ()


def find_plan(goals: Goals, plan: str) -> Plan:
    """The plan of this id.

    Raises:
        InputError: there is none; the known ones are named.
    """
    if plan not in goals.plans:
        raise InputError(
            Title(
                f"gặp kế hoạch {plan!r}, cần một trong {', '.join(sorted(goals.plans))}",
                f"found the plan {plan!r}, expected one of {', '.join(sorted(goals.plans))}",
            )
        )
    return goals.plans[plan]


async def judge_plan(
    workspace: Workspace, plan: str, at: datetime, *, with_members: bool, language: str = "vi", most: int | None = None,
    tree: date | None = None,
) -> Report:  # fmt: skip
    """Judge one plan's goals as of an instant; nothing is stored.

    Args:
        most: of a control with more members that are unmet or unknown each agency's are told together.
        tree: the day whose tree of agencies counts, for figures without members.
    """
    found = find_plan(workspace.goals, plan)
    if not with_members and tree is None and closings.ends_a_day(at) and at < datetime.now(UTC):
        return await _close(workspace, found, at, language)
    used = {g.control for g in found.goals if g.control}
    goals = Goals({c: workspace.goals.controls[c] for c in sorted(used)}, {plan: found})
    snapshot: Snapshot
    members: dict[str, list[Finding]] = {}
    if with_members:
        wanted = (Status.UNMET, Status.UNKNOWN)
        snapshot, members = await workspace.store.read(
            snapshots.take_with_members, workspace.vocabulary, goals, at, wanted, language, most
        )
    else:
        snapshot = await workspace.store.read(snapshots.take, workspace.vocabulary, goals, at, tree=tree)
    names = {a.code: a.title.in_language(language) for a in snapshot.agencies}
    return Report(found, at, snapshot.coverage, members, names, snapshot.levels)


async def _close(workspace: Workspace, plan: Plan, at: datetime, language: str) -> Report:
    """The figures as of the end of a day: kept, or judged now and kept."""
    goals = workspace.goals.only([plan.id])
    closed = await workspace.store.read(closings.figures, workspace.vocabulary, goals, plan, at)
    if not closed.kept:
        # What cannot be kept is judged again the next time.
        with suppress(StoreError):
            await workspace.store.write(closings.keep, closed)
    day = at.astimezone(ZONE).date()
    names = {a.code: a.title.in_language(language) for a in closed.register.agencies if a.valid_on(day)}
    return Report(plan, at, closed.coverage, {}, names, closed.register.levels)


def print_coverage(report: Report, language: str, console: Console | None = None) -> None:
    """Print a plan's coverage as a table, and under it who is unmet or unknown and why."""
    words = WORDS[language]
    # In a pipe there is no width to fit: a table cut off at 80 columns would lose figures.
    console = console or Console(width=None if sys.stdout.isatty() else 150)
    when = report.at.astimezone(ZONE)
    console.print(f"[bold]{report.plan.title.in_language(language)}[/] · {report.plan.number} · {when:%d/%m/%Y %H:%M}")
    table = Table(show_lines=False)
    table.add_column(words["goal"], ratio=1)
    told = ("met", "unmet", "unknown", *(["declared"] if any(c.declared for c in report.coverage) else []))
    levels = {level.code: level.title.in_language(language) for level in report.levels}
    for name in ("level", "target", "proven", "possible", *told, "status"):
        table.add_column(words[name], justify="left" if name in ("level", "status") else "right", no_wrap=True)
    goals = {g.id: g for g in report.plan.goals}
    measured = [c for c in report.coverage if c.status is not CoverageStatus.NOT_MEASURED]
    rows_of = Counter(c.goal for c in measured)
    last = None
    for row in measured:
        if row.level == ALL_LEVELS and rows_of[row.goal] == 2:
            continue  # of one level only, all is the same again
        title = "" if row.goal == last else goals[row.goal].title.in_language(language)
        last = row.goal
        style = {"reached": "green", "not_reached": "red", "open": "yellow"}.get(str(row.status), "")
        table.add_row(
            title, words.get(f"level:{row.level}") or levels.get(row.level, row.level),
            percent(row.target, language), percent(row.proven, language), percent(row.possible, language),
            *(str(getattr(row, name)) for name in told), f"[{style or 'none'}]{words[row.status]}[/]",
        )  # fmt: skip
    console.print(table)
    rest = [c for c in report.coverage if c.level == ALL_LEVELS and c.status is CoverageStatus.NOT_MEASURED]
    if rest:
        console.print(
            f"{words['not_measured']} ({len(rest)}): "
            + "; ".join(goals[c.goal].title.in_language(language) for c in rest)
        )
    for control, members in report.members.items():
        spoken = [g for g in report.plan.goals if g.control == control]
        spoken_of = {level for g in spoken for level in g.levels}
        for status in (Status.UNMET, Status.UNKNOWN):
            own = [m for m in members if m.status is status and (not spoken_of or m.level in (*spoken_of, ALL_LEVELS))]
            if own:
                title = "; ".join(g.title.in_language(language) for g in spoken)
                console.print(f"[bold]{words[status]}[/] · {title}:")
                _print_members(console, own, report, words)


def _print_members(console: Console, members: list[Finding], report: Report, words: dict[str, str]) -> None:
    for m in members[:_SHOWN_MEMBERS]:
        agency = report.names.get(m.agency or "", m.agency or "")
        own = [] if m.member.partition(" ")[0] == m.agency else [m.title or m.member]
        what = " · ".join([*own, f"{agency} ({m.agency})"] if m.agency else own)
        since = f"{m.since.astimezone(ZONE):%d/%m/%Y %H:%M}"
        console.print(
            f"  {what} · {words['since']} {since}" + (f" · {m.reason}" if m.reason else ""),
            highlight=False,
            markup=False,
        )
    if len(members) > _SHOWN_MEMBERS:
        console.print(f"  … +{len(members) - _SHOWN_MEMBERS}")


async def judge_control(
    workspace: Workspace, control: str, status: str | None, at: datetime, language: str, tree: date | None = None
) -> list[Finding]:
    """The members behind a control's figures as of an instant; nothing is stored.

    Raises:
        InputError: there is no such control or status; the known ones are named.
    """
    for found, known, vi, en in (
        (control, workspace.goals.controls, "tiêu chí", "control"),
        (status, tuple(Status), "trạng thái", "status"),
    ):
        if found is not None and found not in known:
            listed = ", ".join(sorted(known))
            raise InputError(
                Title(
                    f"gặp {vi} {found!r}, cần một trong {listed}",
                    f"found the {en} {found!r}, expected one of {listed}",
                )
            )
    wanted = tuple(Status) if status is None else (Status(status),)
    goals = workspace.goals
    return await workspace.store.read(
        snapshots.members, workspace.vocabulary, goals, control, at, wanted, language, tree
    )


async def probe_targets(
    targets: Iterable[str], community: str, seconds: float, output: str, explain: str | None = None
) -> int:
    """Probe targets and print each answer as it comes, explained in the language `explain`; the exit status.

    A malformed target costs the others nothing: it is told on standard error, and the status is 2. Without one it is 1
    when not one of the targets answered.
    """
    from collectors.probe import probe_all  # a quarter of a second that figures do not need

    texts, malformed = _read_targets(targets)
    answered = asked = 0
    async for answer in probe_all(texts, community=community, timeout=seconds, explain=explain is not None):
        asked += 1
        answered += answer["error"] is None
        if output == "json":
            print_json(answer, indent=None)
        elif explain:
            print_explanation(answer, explain)
        else:
            what = [answer[k] for k in ("role", "vendor", "model", "version", "serial", "sysname", "error")]
            print(f"{answer['target']}\t" + " · ".join(str(v) for v in what if v), flush=True)
    if malformed:
        return 2
    return 1 if asked and not answered else 0


def _read_targets(targets: Iterable[str]) -> tuple[list[str], bool]:
    """The targets, with the lines of standard input in place of "-"; and whether any was malformed."""
    from collectors.probe import parse_target

    found: list[str] = []
    malformed = False
    for text in targets:
        lines = sys.stdin.buffer.read().decode(errors="replace").splitlines() if text == "-" else [text]
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                parse_target(line)
            except InputError as error:
                where = word("cli:input_line", number=number) if text == "-" else ""
                say(f"dophu: {where}{error.told.in_language(spoken())}")
                malformed = True
            else:
                found.append(line.strip())
    return found, malformed
