"""What each page tells: read from one snapshot, in one transaction, so that figures and lists agree."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from api.connections import name_assets
from api.dossiers import HISTORY_ROWS, read_agency, read_asset
from api.figures import arrange, count_by_status, counts_for, find_extra
from api.gaps import arrange_parts
from api.members import ORDER, Choice, deciding, last_page, list_members, open_judgement, sum_members
from api.printing import read_instant
from api.rendering import Place, Problem
from api.wording import signed_percent
from api.workspace import Workspace
from inventory.periods import ZONE, recent_periods
from inventory.store import Connection, consoles, events, registers, snapshots, software
from inventory.strict_yaml import closest
from inventory.text import fold
from inventory.words import ALL_LEVELS, Agency, InputError, Plan, Register, Snapshot, Status

ROWS = 200
"""Rows of a long list of agencies, assets or events on one page."""

CONSOLE_LISTS = ("inventory_only", "console_only", "not_covered")
"""The lists of a reconciliation, the one to act on first; each row may tell these besides its agency and machine."""
_CONSOLE_ROW: Mapping[str, Any] = dict.fromkeys(
    ("asset", "role", "console", "reported_at", "address", "mac", "serial", "last_seen", "reason")
)

PROGRAMS = 25
"""Programs on one page: each is counted over all machines."""

_MOST_PAGES = 1_000_000

_WORD = re.compile(r"\w+")

Told = Mapping[str, object]


TREND = timedelta(days=365)
"""How far back a goal's page looks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is made from: where the reader is, and the snapshot that all of it comes from."""

    place: Place
    workspace: Workspace
    snapshot: Snapshot
    as_of: bool
    """Whether the snapshot was judged for a time that the reader chose."""

    @property
    def page(self) -> int:
        """The page of a list that is asked for, from 1."""
        text = self.place.query.get("page", "1")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1

    @property
    def until(self) -> datetime | None:
        """The last instant of which events are told: None for all, since they do not wait for the next snapshot."""
        return self.snapshot.at if self.as_of else None


def read_day(text: str | None, *, begin: bool = False) -> datetime | None:
    """The instant of a day in the query (see `read_instant`), None where there is none.

    Raises:
        Problem: it is no day, or in the future; in the reader's words.
    """
    if text is None:
        return None
    try:
        return read_instant(text, begin=begin)
    except InputError:
        word = "future" if _is_time(text) else "bad_time"
        raise Problem(422, word, text=text) from None


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).year >= 1970
    except ValueError:
        return False


def tell_coverage(_: Connection, asked: Asked) -> Told:
    """A plan: every goal with its figures, and what nothing measures yet."""
    snapshot = asked.snapshot
    plan = _find_plan(asked, asked.place.query.get("plan"))
    figures = arrange(plan, snapshot)
    measured = [f for f in figures if f.measured]
    return {
        "plan": plan,
        "plans": snapshot.plans,
        "periods": recent_periods(asked.snapshot.at),
        "figures": figures,
        "measured": measured,
        "rest": [f for f in figures if not f.measured],
        "extra": find_extra(measured),
        "counted": count_by_status(figures),
        # What ran last is known of now only.
        "collectors": None if asked.as_of else snapshot.collectors,
        "last_run": max((c.last_run for c in snapshot.collectors), default=None),
        "targets": sum(c.targets for c in snapshot.collectors),
        "failed": sum(c.failed for c in snapshot.collectors),
    }


def _find_plan(asked: Asked, wanted: str | None) -> Plan:
    plans = {p.id: p for p in asked.snapshot.plans}
    if wanted is None:
        chosen = asked.workspace.config.plans
        return plans[chosen[0]] if chosen else latest(plans.values(), asked.snapshot.at)
    if wanted not in plans:
        near = closest(wanted, plans)
        shown = [plans[near]] if near else list(plans.values())
        meant = [(p.title.in_language(asked.place.language), asked.place.link(plan=p.id)) for p in shown]
        raise Problem(404, "no_plan", name=wanted, meant=meant, known=near is None)
    return plans[wanted]


def latest(plans: Iterable[Plan], at: datetime) -> Plan:
    """The plan whose period began last; of those that begin together the first. Before any began, the next to begin."""

    def order(plan: Plan) -> tuple[bool, int]:
        year = int(found[0]) if (found := re.search(r"\d{4}", plan.period)) else 0
        begun = year <= at.astimezone(ZONE).year
        return begun, year if begun else -year

    return max(plans, key=order)


def tell_goal(connection: Connection, asked: Asked, plan_id: str, goal_id: str) -> Told:
    """A goal: what it says, its figures, and the members behind them."""
    snapshot, place = asked.snapshot, asked.place
    plan = _find_plan(asked, plan_id)
    figures = {f.goal.id: f for f in arrange(plan, snapshot)}
    if goal_id not in figures:
        near = closest(goal_id, figures)
        shown = [figures[near]] if near else list(figures.values())
        meant = [
            (f.goal.title.in_language(place.language), place.link("plans", plan.id, "goals", f.goal.id)) for f in shown
        ]
        raise Problem(404, "no_goal", name=goal_id, meant=meant, known=near is None)
    figure = figures[goal_id]
    since = snapshot.at - TREND
    points = snapshots.trend(connection, plan.id, goal_id, ALL_LEVELS, snapshot.at, since) if figure.measured else ()
    today = snapshot.at.astimezone(ZONE).date()
    later = figure.goal.due is not None and figure.goal.due > today
    ahead = snapshots.ahead(connection, plan.id, figure.goal, ALL_LEVELS, snapshot.at) if later else None
    told = {"ahead": ahead, "today": today, "signed": functools.partial(signed_percent, language=place.language),
            "plan": plan, "figure": figure, "goal": figure.goal, "control": None, "levels": snapshot.levels,
            "trend": points, "curve": curve(points)}  # fmt: skip
    control = next((c for c in snapshot.controls if c.id == figure.goal.control), None)
    if control is None:
        return told
    spoken = [row.level for row in figure.rows if row.level != ALL_LEVELS]
    level, status = place.query.get("level"), place.query.get("status")
    level = level if level in spoken else None
    choice = Choice(
        levels=(level,) if level else (*figure.goal.levels, *([ALL_LEVELS] if figure.goal.levels else [])),
        status=Status(status) if status in list(Status) else None,
        agency=place.query.get("agency"),
    )
    judgement = open_judgement(connection, asked.workspace, snapshot, [control])
    listed = list_members(
        connection, asked.workspace, snapshot, judgement, control, choice, language=place.language, page=asked.page
    )
    return told | {
        "control": control,
        "extra": find_extra([figure]),
        "columns": judgement.column_names(control.id),
        "spoken": spoken,
        "level": level,
        "choice": choice,
        "members": sum_members(snapshot.tallies, control.id, Choice(levels=figure.goal.levels)),
        "listed": listed,
        "agencies": {a.code: a for a in snapshot.agencies},
        "order": ORDER,
        "deciding": functools.partial(deciding, asked.workspace, snapshot.at),
    }


def tell_gaps(_: Connection, asked: Asked, plan_id: str) -> Told:
    """What a plan lacks, by goal and level; the members are on the goals' pages and in the files."""
    plan, snapshot = _find_plan(asked, plan_id), asked.snapshot
    parts, not_measured = arrange_parts(plan, snapshot.coverage, snapshot.levels, asked.place.language)
    by_goal = [(goal, list(own)) for goal, own in groupby(parts, key=lambda part: part.goal)]
    return {"plan": plan, "by_goal": by_goal, "not_measured": not_measured}


def curve(points: Sequence[snapshots.Point]) -> dict[str, str]:
    """The lines of proven and possible as points of an SVG, 100 wide and 100 high; empty for less than two days."""
    if len(points) < 2:
        return {}
    first, days = points[0].day, max(1, (points[-1].day - points[0].day).days)
    told: dict[str, list[str]] = {"proven": [], "possible": []}
    for point in points:
        for name, share in (("proven", point.proven), ("possible", point.possible)):
            if share is not None:
                told[name].append(f"{100 * (point.day - first).days / days:.2f},{100 - 100 * share:.2f}")
    return {name: " ".join(places) for name, places in told.items()}


def tell_agencies(connection: Connection, asked: Asked) -> Told:
    """The register's agencies, searched without regard to accents, and those that ended."""
    snapshot, query = asked.snapshot, asked.place.query
    wanted, level = fold(query.get("q", "")), query.get("level")
    ranks = {v.code: v.rank for v in snapshot.levels}
    valid = {a.code for a in snapshot.agencies}
    found = [a for a in snapshot.agencies if _fits(a, wanted, level)]
    found.sort(key=lambda a: (ranks.get(a.level, 0), a.code))
    register = registers.load(connection)
    ended = {a.code: a for a in sorted(register.agencies, key=lambda a: a.valid_from) if a.code not in valid}
    day = snapshot.at.astimezone(ZONE).date()
    last = last_page(len(found), ROWS)
    page = min(max(asked.page, 1), last)
    members: dict[str, dict[Status, int]] = {}
    # What agencies count (documents, meetings) does not add up with agencies and machines.
    shares = {control.id for control in snapshot.controls if control.is_shares}
    for tally in snapshot.tallies:
        if tally.control not in shares and counts_for(snapshot.plans, tally.control, {tally.level}):
            own = members.setdefault(tally.agency, {})
            own[tally.status] = own.get(tally.status, 0) + tally.members
    assets: dict[str, int] = {}
    for row in snapshot.assets:
        if row.role != "website":
            assets[row.agency] = assets.get(row.agency, 0) + row.assets
    return {
        "found": found[(page - 1) * ROWS : page * ROWS],
        "total": len(found),
        "page": page,
        "last": last,
        "ended": [a for a in ended.values() if _fits(a, wanted, level) and a.valid_from <= day],
        "levels": [v for v in snapshot.levels if any(a.level == v.code for a in snapshot.agencies)],
        "members": members,
        "assets": assets,
        "names": _names(register, day),
    }


def _fits(agency: Agency, wanted: str, level: str | None) -> bool:
    """Whether every word that is wanted begins a word of the agency's code or names."""
    words = _WORD.findall(fold(f"{agency.code} {agency.title.vi} {agency.title.en}"))
    begun = all(any(word.startswith(part) for word in words) for part in _WORD.findall(wanted))
    return begun and (level is None or agency.level == level)


def _names(register: Register, day: date) -> dict[str, Agency]:
    """Every code's agency: the period valid on the day, or the newest."""
    return {a.code: a for a in sorted(register.agencies, key=lambda a: (a.valid_on(day), a.valid_from))}


def tell_agency(connection: Connection, asked: Asked, code: str) -> Told:
    """An agency: what is declared of it, its findings, its assets."""
    language = asked.place.language
    dossier = read_agency(connection, asked.workspace, asked.snapshot, code, language)
    if dossier is None:
        day = asked.snapshot.at.astimezone(ZONE).date()
        names = _names(registers.load(connection), day)
        near = closest(code, names)
        meant = [(names[near].title.in_language(language), asked.place.link("agencies", near))] if near else []
        raise Problem(404, "no_agency", name=code, meant=meant)
    last = last_page(len(dossier.assets), ROWS)
    page = min(max(asked.page, 1), last)
    return {
        "dossier": dossier,
        "agency": dossier.current,
        "agencies": {a.code: a for a in asked.snapshot.agencies},
        "deciding": functools.partial(deciding, asked.workspace, asked.snapshot.at),
        "assets": dossier.assets[(page - 1) * ROWS : page * ROWS],
        "page": page,
        "last": last,
    }


def _read_number(text: str) -> int | None:
    """The id of an asset; None where the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) < 2**63 else None


def tell_asset(connection: Connection, asked: Asked, text: str) -> Told:
    """An asset: what is taken and from where, what sources disagree on, what changed and what happened."""
    problem, number = Problem(404, "no_asset", name=text), _read_number(text)
    if number is None:
        raise problem
    snapshot = asked.snapshot
    try:
        dossier = read_asset(connection, asked.workspace, snapshot, number, asked.place.language, until=asked.until)
    except InputError:
        raise problem from None
    whole = asked.place.query.get("history") == "all"
    agency = dossier.taken.get("agency")
    names = _names(registers.load(connection), snapshot.at.astimezone(ZONE).date())
    return {
        "dossier": dossier,
        "asked_for": number,
        "agency": names.get(str(agency.value)) if agency else None,
        "names": names,
        "agencies": {a.code: a for a in snapshot.agencies},
        "history": dossier.history if whole else dossier.history[:HISTORY_ROWS],
        "history_rows": HISTORY_ROWS,
        "goals": {g.control: (p, g) for p in snapshot.plans for g in p.goals if g.control},
    }


def tell_software(connection: Connection, asked: Asked) -> Told:
    """The programs on all machines, or with `name` in the query the machines that have one."""
    query, vocabulary, at = asked.place.query, asked.workspace.vocabulary, asked.until or datetime.now(UTC)
    wanted = software.Wanted(
        query.get("q", "")[:200],
        query.get("name"),
        query.get("version", "")[:60],
        query.get("publisher", "")[:200],
        query.get("agency") or None,
        query.get("removed") == "yes",
    )
    size = ROWS if wanted.name is not None else PROGRAMS
    read: Any = software.machines if wanted.name is not None else software.programs
    page, problem = min(asked.page, _MOST_PAGES), ""
    try:
        rows, total = read(connection, vocabulary, wanted, at, size, (page - 1) * size)
        if page > (last := last_page(total, size)):
            page = last
            rows, total = read(connection, vocabulary, wanted, at, size, (page - 1) * size)
    except InputError:
        rows, total, page, last, problem = [], 0, 1, 1, "bad_version" if wanted.version else "too_many_programs"
    names = _names(registers.load(connection), asked.snapshot.at.astimezone(ZONE).date())
    return {
        "wanted": wanted,
        "rows": rows,
        "total": total,
        "page": page,
        "last": last,
        "problem": problem,
        "names": names,
        "choices": [a for a in names.values() if a.code in {b.code for b in asked.snapshot.agencies}],
    }


def tell_consoles(connection: Connection, asked: Asked) -> Told:
    """The machines that only consoles know, that they lack, and of which no report tells; one of these lists."""
    query, at = asked.place.query, asked.until or datetime.now(UTC)
    agency, console = query.get("agency") or None, query.get("console") or None
    lists = consoles.reconcile(connection, asked.workspace.vocabulary, at, console, agency)
    shown = query.get("list", "")
    shown = shown if shown in lists else next((name for name in CONSOLE_LISTS if lists[name]), CONSOLE_LISTS[0])
    rows = sorted(lists[shown], key=lambda row: (str(row["agency"] or ""), fold(str(row["machine"] or ""))))
    last = last_page(len(rows), ROWS)
    page = min(asked.page, last)
    names = _names(registers.load(connection), asked.snapshot.at.astimezone(ZONE).date())
    return {
        "counts": {name: len(lists[name]) for name in CONSOLE_LISTS},
        "shown": shown,
        "rows": [_console_row(row) for row in rows[(page - 1) * ROWS : page * ROWS]],
        "page": page,
        "last": last,
        "console": console,
        "consoles": sorted({str(row["console"]) for listed in lists.values() for row in listed if "console" in row}),
        "agency": agency,
        "names": names,
        "choices": [a for a in names.values() if a.code in {b.code for b in asked.snapshot.agencies}],
    }


def _console_row(row: Mapping[str, object]) -> Mapping[str, object]:
    seen = row.get("last_seen")
    return {**_CONSOLE_ROW, **row, "last_seen": datetime.fromisoformat(seen) if isinstance(seen, str) else None}


def tell_events(connection: Connection, asked: Asked) -> Told:
    """What happened to assets, the newest first: of an agency, a kind, an asset, since a day."""
    snapshot, query, vocabulary = asked.snapshot, asked.place.query, asked.workspace.vocabulary
    kind, agency, text = query.get("kind"), query.get("agency"), query.get("asset", "")
    wanted = events.Wanted(
        agency=agency,
        asset=_read_number(text),
        kind=kind if kind in vocabulary.events else None,
        since=read_day(query.get("since"), begin=True),
        until=asked.until,
    )
    page = min(asked.page, _MOST_PAGES)
    rows, total = events.read(connection, wanted, limit=ROWS, offset=(page - 1) * ROWS)
    last = last_page(total, ROWS)
    if page > last:  # asked for one that there is not
        page = last
        rows, _ = events.read(connection, wanted, limit=ROWS, offset=(page - 1) * ROWS)
    names = _names(registers.load(connection), snapshot.at.astimezone(ZONE).date())
    told = {e.asset for _, e in rows if e.asset is not None}
    asset_names = name_assets(connection, vocabulary, told | ({wanted.asset} if wanted.asset else set()), snapshot.at)
    return {
        "wanted": wanted,
        "since": query.get("since", "")[:10],
        "asset": wanted.asset,
        "asset_name": asset_names.get(wanted.asset or 0),
        "rows": [event for _, event in rows],
        "total": total,
        "page": page,
        "last": last,
        "choices": choose_agencies(names, snapshot, agency),
        "names": names,
        "asset_names": asset_names,
    }


def agency_names(connection: Connection, asked: Asked) -> dict[str, Agency]:
    """Every agency by code as it is, or last was, on the day of the snapshot."""
    return dict(_names(registers.load(connection), asked.snapshot.at.astimezone(ZONE).date()))


def choose_agencies(names: Mapping[str, Agency], snapshot: Snapshot, asked_for: str | None) -> list[Agency]:
    """The agencies that can be chosen in a list: those that are valid, and of those that ended the one asked for."""
    valid, ranks = {a.code for a in snapshot.agencies}, {v.code: v.rank for v in snapshot.levels}
    found = [a for a in names.values() if a.code in valid or a.code == asked_for]
    return sorted(found, key=lambda a: (ranks.get(a.level, 0), a.code))
