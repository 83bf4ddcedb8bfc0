"""The pages that people read: a plan's coverage, the members behind a figure, one agency, one asset, events."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from api import contents, lines_pages, reporting
from api.backups_page import tell_backups
from api.config import ReportSettings
from api.contents import Asked, Told
from api.gaps import Gaps, find_gaps
from api.gaps_files import as_csv, as_workbook
from api.printing import judge_plan
from api.rendering import STYLE, Place, Problem, render, render_problem
from api.securing import tell_scan, tell_schedules, tell_security
from api.sites import tell_websites
from api.video import tell_video
from api.workspace import Workspace
from inventory.periods import ZONE
from inventory.store import Connection, snapshots
from inventory.words import Coverage, InputError, Snapshot, StoreError

if TYPE_CHECKING:
    from api.app import Desk

Tell = Callable[[Connection, Asked], Told]

_FILES: Mapping[str, tuple[str, Callable[[Gaps, str], bytes | str]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_workbook),
}
"""The files that a page offers, by their ending: what they are, and how they are made."""


def _as_document(made: reporting.PlanReport, settings: ReportSettings, language: str) -> bytes:
    from exporters.reports import fill, official_template

    return fill(official_template(language), "the usual form", reporting.context(made, settings, language))


def _as_pdf(made: reporting.PlanReport, settings: ReportSettings, language: str) -> bytes:
    from exporters.reports import as_pdf

    return as_pdf(reporting.context(made, settings, language), language)


_REPORTS: Mapping[str, tuple[str, Callable[[reporting.PlanReport, ReportSettings, str], bytes | str]]] = {
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", _as_document),
    "pdf": ("application/pdf", _as_pdf),
    "xlsx": (_FILES["xlsx"][0], lambda made, _, language: reporting.as_workbook(made, language)),
    "csv": (_FILES["csv"][0], lambda made, _, language: reporting.as_csv(made, language)),
}


_CHARTS = 8
"""Drawings that are kept: each took a second, and is asked for again by whoever opens the page."""
_NO_CHART = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


async def _figures(desk: Desk, plan: str, day: datetime | None) -> tuple[datetime, Sequence[Coverage]]:
    """The figures that are told now, or those as of the end of a day."""
    if day is None:
        snapshot = await desk.current()
        return snapshot.at, [row for row in snapshot.coverage if row.plan == plan]
    report = await judge_plan(desk.workspace, plan, day, with_members=False)
    return report.at, report.coverage


def pages_router(desk: Desk) -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(include_in_schema=False)
    charts: dict[tuple[str, str, tuple[Coverage, ...]], bytes] = {}

    @router.get("/")
    async def coverage(request: Request) -> Response:
        return await _answer(desk, request, "coverage.html", contents.tell_coverage)

    @router.get("/plans/{plan}/goals/{goal}")
    async def goal(request: Request, plan: str, goal: str) -> Response:
        tell = functools.partial(contents.tell_goal, plan_id=plan, goal_id=goal)
        return await _answer(desk, request, "goal.html", tell)

    @router.get("/plans/{plan}/gaps")
    async def gaps(request: Request, plan: str) -> Response:
        return await _answer(desk, request, "gaps.html", functools.partial(contents.tell_gaps, plan_id=plan))

    @router.get("/plans/{plan}/gaps.{form}")
    async def gaps_file(request: Request, plan: str, form: str) -> Response:
        place, vocabulary = Place.of(request), desk.workspace.vocabulary
        if form not in _FILES or plan not in desk.workspace.goals.plans:
            return tell_missing(desk, request)
        try:
            # What a file says is what was known when the page was: of the newest judgement, or of the day asked for.
            at = contents.read_day(place.query.get("as_of")) or (await desk.current()).at
            found = await find_gaps(desk.workspace, plan, at, language=place.language)
        except Problem as problem:
            return render_problem(problem, place, vocabulary)
        except StoreError:
            return render_problem(Problem(503, "try_again"), place, vocabulary)
        content = await asyncio.to_thread(_FILES[form][1], found, place.language)
        name = f"gaps-{plan}-{found.at.astimezone(ZONE):%Y-%m-%d}.{form}"
        return Response(
            content, media_type=_FILES[form][0], headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @router.get("/plans/{plan}/report.{form}")
    async def report_file(request: Request, plan: str, form: str) -> Response:
        place, workspace = Place.of(request), desk.workspace
        if form not in _REPORTS or plan not in workspace.goals.plans:
            return tell_missing(desk, request)
        text = place.query.get("period") or f"{datetime.now(ZONE):%Y}"
        try:
            made = await reporting.make(workspace, plan, reporting.read_period(text), place.language)
        except InputError:
            return render_problem(Problem(422, "bad_period", text=text), place, workspace.vocabulary)
        except StoreError:
            return render_problem(Problem(503, "try_again"), place, workspace.vocabulary)
        kind, write = _REPORTS[form]
        content = await asyncio.to_thread(write, made, workspace.config.report, place.language)
        name = f"{plan}-{made.period.text}.{form}"
        return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.get("/plans/{plan}/chart.svg")
    async def chart(request: Request, plan: str) -> Response:
        place, workspace = Place.of(request), desk.workspace
        if plan not in workspace.goals.plans:
            return tell_missing(desk, request)
        try:
            day = contents.read_day(place.query.get("as_of"))
            _, coverage = await _figures(desk, plan, day)
        except Problem as problem:
            return render_problem(problem, place, workspace.vocabulary)
        except StoreError:
            return render_problem(Problem(503, "try_again"), place, workspace.vocabulary)
        # Of a day that is past the figures may change, when something of it comes late.
        known = (plan, place.language, tuple(coverage))
        if known not in charts:
            goals = workspace.goals.plans[plan].goals
            drawn = await asyncio.to_thread(reporting.chart, goals, coverage, place.language, "svg")
            while len(charts) >= _CHARTS:
                charts.pop(next(iter(charts)))
            charts[known] = drawn
        return Response(charts[known] or _NO_CHART, media_type="image/svg+xml")

    @router.get("/agencies")
    async def agencies(request: Request) -> Response:
        return await _answer(desk, request, "agencies.html", contents.tell_agencies)

    @router.get("/agencies/{code:path}")
    async def agency(request: Request, code: str) -> Response:
        return await _answer(desk, request, "agency.html", functools.partial(contents.tell_agency, code=code))

    @router.get("/assets/{number}")
    async def asset(request: Request, number: str) -> Response:
        return await _answer(desk, request, "asset.html", functools.partial(contents.tell_asset, text=number))

    @router.get("/lines")
    async def lines(request: Request) -> Response:
        return await _answer(desk, request, "lines.html", lines_pages.tell_lines_page)

    @router.get("/lines/{code:path}")
    async def line(request: Request, code: str) -> Response:
        return await _answer(desk, request, "line.html", functools.partial(lines_pages.tell_line, code=code))

    @router.get("/websites")
    async def websites(request: Request) -> Response:
        return await _answer(desk, request, "websites.html", tell_websites)

    @router.get("/backups")
    async def backups(request: Request) -> Response:
        return await _answer(desk, request, "backups.html", tell_backups)

    @router.get("/security")
    async def security(request: Request) -> Response:
        return await _answer(desk, request, "security.html", tell_security)

    @router.get("/scans/{number}")
    async def scan(request: Request, number: str) -> Response:
        return await _answer(desk, request, "scan.html", functools.partial(tell_scan, text=number))

    @router.get("/schedules")
    async def schedules(request: Request) -> Response:
        return await _answer(desk, request, "schedules.html", tell_schedules)

    @router.get("/software")
    async def software(request: Request) -> Response:
        return await _answer(desk, request, "software.html", contents.tell_software)

    @router.get("/consoles")
    async def consoles(request: Request) -> Response:
        return await _answer(desk, request, "consoles.html", contents.tell_consoles)

    @router.get("/video")
    async def video(request: Request) -> Response:
        return await _answer(desk, request, "video.html", tell_video)

    @router.get("/events")
    async def events(request: Request) -> Response:
        return await _answer(desk, request, "events.html", contents.tell_events)

    @router.get("/static/style.css")
    async def style() -> Response:
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=86400"})

    return router


def tell_missing(desk: Desk, request: Request) -> Response:
    """The page for an address where there is none."""
    return render_problem(Problem(404, "no_page"), Place.of(request), desk.workspace.vocabulary)


async def _answer(desk: Desk, request: Request, template: str, tell: Tell) -> Response:
    place, vocabulary = Place.of(request), desk.workspace.vocabulary
    try:
        at = contents.read_day(place.query.get("as_of"))
        newest = await desk.current() if at is None else None
        snapshot, told = await desk.workspace.store.read(_look, desk.workspace, place, newest, at, tell)
    except Problem as problem:
        return render_problem(problem, place, vocabulary)
    except StoreError:
        return render_problem(Problem(503, "try_again"), place, vocabulary)
    shown = {"at": snapshot.at, "as_of": at is not None, "today": datetime.now(ZONE).date(), **told}
    return render(template, place, vocabulary, shown, snapshot.levels)


def _look(
    connection: Connection,
    workspace: Workspace,
    place: Place,
    newest: Snapshot | None,
    at: datetime | None,
    tell: Tell,
) -> tuple[Snapshot, Told]:
    """What a page tells, and the snapshot that it is of: the newest, or one judged now as of `at`."""
    goals = workspace.goals
    snapshot = newest or snapshots.take(connection, workspace.vocabulary, goals, at or datetime.now(UTC))
    return snapshot, tell(connection, Asked(place, workspace, snapshot, as_of=newest is None))
