"""Snapshots: judge as of an instant, and keep the coverage of every judgement that is told to others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from inventory.coverage import cover, level_target
from inventory.forecast import DAYS, Forecast, forecast
from inventory.goals import Goals
from inventory.periods import ZONE
from inventory.store import findings, judged_states, period_counts, registers, runs, scans, schedules, seals, software
from inventory.store.judge import Judgement
from inventory.store.tables import coverage, finding
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import AgencyTally, Control, Coverage, Finding, Goal, Shares, Snapshot, Status, VideoTally

EVERY_FIGURE = timedelta(days=8)
"""How long the figures of every judgement are kept, and not only those of a day's last."""
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Prepared:
    """A judgement that is ready to be kept."""

    snapshot: Snapshot
    judgement: Judgement
    after: int | None
    """The last judgement in which something changed, when this one was compared with what stood."""


def take(
    connection: Connection,
    vocabulary: Vocabulary,
    goals: Goals,
    at: datetime,
    *,
    keep: bool = False,
    tree: date | None = None,
) -> Snapshot:
    """Every coverage and tally as of `at`, judged from the facts.

    Args:
        tree: the day whose tree of agencies counts, see `Judgement`; not together with `keep`.
        keep: also store what changed in the findings, and the coverage; needs a transaction that writes. See `store`.
    """
    if keep:
        return store(connection, prepare(connection, vocabulary, goals, at))
    judgement = Judgement(connection, vocabulary, goals.controls, registers.load(connection), at, tree)
    snapshot = tell(connection, goals, judgement)
    judgement.close()
    return snapshot


def tell(connection: Connection, goals: Goals, judgement: Judgement) -> Snapshot:
    """The snapshot of a judgement that goes on to be asked."""
    return _snapshot(connection, goals, judgement, judgement.tallies())


def prepare(connection: Connection, vocabulary: Vocabulary, goals: Goals, at: datetime) -> Prepared:
    """Judge as of `at`, and compare with what stands: all that takes long. It changes temporary tables only.

    To be stored by the same connection, whose temporary tables hold it; other writers may come in between.
    """
    after = findings.newest(connection)
    judgement = Judgement(connection, vocabulary, goals.controls, registers.load(connection), at)
    snapshot = _snapshot(connection, goals, judgement, _compare(connection, judgement, goals.controls.values()))
    return Prepared(snapshot, judgement, after)


def store(connection: Connection, prepared: Prepared) -> Snapshot:
    """Store what changed in the findings, and the coverage; needs a transaction that writes.

    A judgement of a time before the newest one kept is not kept: what was told of the days between would change.
    """
    snapshot, judgement = prepared.snapshot, prepared.judgement
    last = newest(connection)
    if last is None or last <= moment(instant(snapshot.at)):
        if findings.newest(connection) != prepared.after:
            # Somebody else judged meanwhile: what changes is what changed since.
            _compare(connection, judgement, snapshot.controls)
        findings.record(connection, judgement)
        _keep(connection, snapshot.coverage, snapshot.at)
    findings.forget_changes(connection)
    judgement.close()
    software.note_names(connection)
    return snapshot


def _compare(connection: Connection, judgement: Judgement, controls: Iterable[Control]) -> tuple[AgencyTally, ...]:
    """Lay out what changes in the findings of all controls; the tallies of their answers."""
    findings.forget_changes(connection)
    tallies: list[AgencyTally] = []
    for control in sorted(c.id for c in controls):
        tallies += judgement.lay_out_answers(control)
        findings.compare(connection, judgement, control)
    return tuple(tallies)


def _snapshot(connection: Connection, goals: Goals, judgement: Judgement, tallies: tuple[AgencyTally, ...]) -> Snapshot:
    at, register = judgement.at, judgement.register
    day = at.astimezone(ZONE).date()
    return Snapshot(
        at=at,
        plans=tuple(goals.plans.values()),
        controls=tuple(goals.controls.values()),
        levels=register.levels,
        agencies=tuple(a for a in register.agencies if a.valid_on(day)),
        coverage=cover(goals.plans.values(), tallies, register.levels),
        tallies=tallies,
        assets=judged_states.asset_tallies(judgement),
        links=judged_states.link_states(judgement),
        collectors=runs.collector_states(connection, at),
        websites=judged_states.website_states(judgement),
        video=_video(connection, judgement),
        backups=judged_states.oldest_backups(judgement),
        power=judged_states.power_states(judgement),
        schedules=schedules.states(connection, at),
        scans=scans.last_complete(connection, (n for n in register.networks if n.valid_on(day)), at),
        seals=seals.seal_states(connection, at),
    )


def _video(connection: Connection, judgement: Judgement) -> tuple[VideoTally, ...]:
    """What goes on in the agencies' rooms, and what the newest period says of their meetings."""
    calls = judged_states.room_calls(judgement)
    told = period_counts.newest_counts(connection, ("meetings", "meetings_online"), judgement.at)
    counts = {
        agency: {key: value for key, (value, _) in own.items()}
        for agency, own in told.items()
        if own.keys() == {"meetings", "meetings_online"}
    }
    return tuple(
        VideoTally(
            agency,
            calls.get(agency),
            counts.get(agency, {}).get("meetings"),
            counts.get(agency, {}).get("meetings_online"),
        )
        for agency in sorted(calls.keys() | counts.keys())
    )


def _keep(connection: Connection, rows: tuple[Coverage, ...], at: datetime) -> None:
    time = instant(at)
    connection.execute(delete(coverage).where(coverage.c.at == time))
    values = [
        {"at": time, "plan": r.plan, "goal": r.goal, "level": r.level, "met": r.met, "unmet": r.unmet,
         "unknown": r.unknown, "not_applicable": r.not_applicable, "waived": r.waived, "declared": r.declared,
         "measured": r.measured}
        for r in rows
    ]  # fmt: skip
    if values:
        connection.execute(insert(coverage), values)


@dataclass(frozen=True, slots=True)
class Point(Shares):
    """The figures of a goal at the last judgement of a day."""

    day: date
    at: datetime
    met: int
    unmet: int
    unknown: int
    declared: int


def trend(
    connection: Connection, plan: str, goal: str, level: str, until: datetime, since: datetime
) -> tuple[Point, ...]:
    """The figures as they were kept, one for each day of Vietnam that was judged, the last of it."""
    c = coverage.c
    rows = connection.execute(
        select(c.at, c.met, c.unmet, c.unknown, c.declared)
        .where(c.plan == plan, c.goal == goal, c.level == level, c.at <= instant(until), c.at >= instant(since))
        .order_by(c.at)
    )
    days: dict[date, Point] = {}
    for row in rows:
        at = moment(row.at)
        day = at.astimezone(ZONE).date()
        days[day] = Point(day, at, row.met, row.unmet, row.unknown, row.declared)
    return tuple(days.values())


def ahead(connection: Connection, plan: str, goal: Goal, level: str, at: datetime) -> Forecast | None:
    """What follows for a goal's due date from the figures that were kept of the days before `at`."""
    points = trend(connection, plan, goal.id, level, at, at - timedelta(days=DAYS))
    shares = [(point.day, point.proven) for point in points if point.proven is not None]
    target = level_target(goal, level)
    return forecast(shares, at.astimezone(ZONE).date(), target, goal.due)


def prune(connection: Connection, now: datetime) -> int:
    """Of every day that ended longer than `EVERY_FIGURE` ago keep the last judgement's figures only; how many went.

    Figures are told every few minutes; what is asked of the past is how it stood on a day. Findings stay as they are.
    """
    times = connection.scalars(
        select(coverage.c.at).where(coverage.c.at < instant(now - EVERY_FIGURE)).distinct().order_by(coverage.c.at)
    ).all()
    last = {moment(time).astimezone(ZONE).date(): time for time in times}
    gone = sorted(set(times) - set(last.values()))
    for begin in range(0, len(gone), _CHUNK):
        connection.execute(delete(coverage).where(coverage.c.at.in_(gone[begin : begin + _CHUNK])))
    return len(gone)


def kept_since(connection: Connection, since: datetime) -> list[datetime]:
    """The instants of the judgements kept from `since` on, the oldest first."""
    c = coverage.c
    return [moment(t) for t in connection.scalars(select(c.at).where(c.at >= instant(since)).distinct().order_by(c.at))]


def newest(connection: Connection) -> datetime | None:
    """The instant of the newest judgement kept, or None."""
    time = connection.scalar(select(func.max(coverage.c.at)))
    return None if time is None else moment(time)


def members(
    connection: Connection,
    vocabulary: Vocabulary,
    goals: Goals,
    control: str,
    at: datetime,
    wanted: Collection[Status] = tuple(Status),
    language: str = "en",
    tree: date | None = None,
) -> list[Finding]:
    """The members behind a control's figures as of `at`, judged from the facts, with reason and evidence.

    `since` is that of the stored finding where it says the same; otherwise, such as after a late delivery, `at`.
    """
    register = registers.load(connection)
    judgement = Judgement(connection, vocabulary, {control: goals.controls[control]}, register, at, tree)
    return _members(connection, findings.Explainer(vocabulary, judgement, language), goals.controls[control], wanted)


def take_with_members(
    connection: Connection,
    vocabulary: Vocabulary,
    goals: Goals,
    at: datetime,
    wanted: Collection[Status],
    language: str,
    most: int | None = None,
) -> tuple[Snapshot, dict[str, list[Finding]]]:
    """Every figure as of `at` and, of one judgement with them, the members behind by control, as `members` tells them.

    Args:
        most: of a control with more members than these that have one of the answers each agency's are told together.
    """
    judgement = Judgement(connection, vocabulary, goals.controls, registers.load(connection), at)
    snapshot = tell(connection, goals, judgement)
    explainer = findings.Explainer(vocabulary, judgement, language)
    listed: dict[str, list[Finding]] = {}
    for control in goals.controls.values():
        number = sum(t.members for t in snapshot.tallies if t.control == control.id and t.status in wanted)
        if most is not None and number > most and control.population == "assets":
            listed[control.id] = explainer.tell_together(control, wanted, _first_since(connection, control.id, at))
        else:
            listed[control.id] = _members(connection, explainer, control, wanted)
    judgement.close()
    return snapshot, listed


def _members(
    connection: Connection, explainer: findings.Explainer, control: Control, wanted: Collection[Status]
) -> list[Finding]:
    rows = findings.read_as_of(explainer.judgement, control.id, wanted)
    since = stood_since(connection, control.id, explainer.at)
    rows = [replace(f, since=since.get((f.member, f.status), f.since)) for f in rows]
    return explainer.explain(connection, rows, control)


def _first_since(connection: Connection, control: str, at: datetime) -> dict[tuple[str, Status], datetime]:
    """Since when the first of each agency's members has had an answer, by agency and status."""
    c, time = finding.c, instant(at)
    rows = connection.execute(
        select(c.agency, c.status, func.min(c.since))
        .where(c.control == control, c.since <= time, c.until > time)
        .group_by(c.agency, c.status)
    )
    return {(agency, Status(status)): moment(since) for agency, status, since in rows}


def stood_since(connection: Connection, control: str, at: datetime) -> dict[tuple[str, Status], datetime]:
    """Since when the findings of a control that stood at `at` say what they say, by member and status."""
    stood, _ = findings.read(connection, at, control=control, limit=1_000_000)
    return {(f.member, f.status): f.since for f in stood}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings a list is to show; None for any."""

    control: str | None = None
    agency: str | None = None
    level: str | None = None
    status: Status | None = None
    member: str | None = None


def standing(
    connection: Connection,
    vocabulary: Vocabulary,
    goals: Goals,
    at: datetime,
    wanted: Wanted,
    limit: int = 100,
    offset: int = 0,
    language: str = "en",
) -> tuple[list[Finding], int]:
    """A page of the findings that stood at `at`, the instant of a kept judgement, explained; and how many there are."""
    rows, total = findings.read(connection, at, **asdict(wanted), limit=limit, offset=offset)
    controls = {f.control: goals.controls[f.control] for f in rows if f.control in goals.controls}
    if not controls:
        return [], total
    judgement = Judgement(connection, vocabulary, controls, registers.load(connection), at)
    explainer = findings.Explainer(vocabulary, judgement, language)
    explained: list[Finding] = []
    for name, control in controls.items():
        explained += explainer.explain(connection, [f for f in rows if f.control == name], control)
    return explained, total
