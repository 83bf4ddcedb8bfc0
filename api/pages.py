"""The pages that people read: a plan's coverage, the members behind a figure, one agency, one asset."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from api.dossiers import HISTORY_ROWS, read_agency, read_asset
from api.figures import arrange, count_by_status
from api.members import ORDER, Choice, list_members, open_judgement, sum_members
from api.printing import read_instant
from api.rendering import STYLE, Place, Problem, render, render_problem
from api.workspace import Workspace
from inventory.store import StoreError, registers, snapshots
from inventory.store.judge import columns_of
from inventory.strict_yaml import closest
from inventory.text import fold
from inventory.words import ALL_LEVELS, Agency, CoverageStatus, InputError, Plan, Snapshot, Status

if TYPE_CHECKING:
    from api.app import Desk

MEMBERS_ON_A_PAGE = 50
ROWS_ON_A_PAGE = 200

_HEADERS = {"Cache-Control": "max-age=86400"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is made from: where the reader is, and the snapshot that all of it comes from."""

    place: Place
    workspace: Workspace
    snapshot: Snapshot
    as_of: bool

    def page(self, total: int, size: int) -> tuple[int, int]:
        """The number of the page asked for and of the last one, from 1."""
        last = max(1, -(-total // size))
        text = self.place.query.get("page", "1")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
        return min(max(number, 1), last), last


def pages_router(desk: Desk) -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(include_in_schema=False)

    async def answer(request: Request, template: str, read: Callable[[Connection, Asked], Mapping[str, object]]) -> Response:
        place = Place.of(request)
        try:
            at = _instant(place.query.get("as_of"))
            newest = await desk.current() if at is None else None
            store = desk.workspace.store
            asked, context = await store.read(_look, desk.workspace, place, newest, at, read)
        except Problem as problem:
            return render_problem(problem, place, desk.workspace.vocabulary)
        except StoreError:
            return render_problem(Problem(503, "try_again"), place, desk.workspace.vocabulary)
        levels, at = asked.snapshot.levels, asked.snapshot.at
        shown = {"at": at, "as_of": asked.as_of, "today": datetime.now(UTC), **context}
        return render(template, place, desk.workspace.vocabulary, levels, **shown)

    @router.get("/")
    async def coverage(request: Request) -> Response:
        return await answer(request, "coverage.html", _read_coverage)

    @router.get("/plans/{plan}/goals/{goal}")
    async def goal(request: Request, plan: str, goal: str) -> Response:
        return await answer(request, "goal.html", functools.partial(_read_goal, plan_id=plan, goal_id=goal))

    @router.get("/agencies")
    async def agencies(request: Request) -> Response:
        return await answer(request, "agencies.html", _read_agencies)

    @router.get("/agencies/{code:path}")
    async def agency(request: Request, code: str) -> Response:
        return await answer(request, "agency.html", functools.partial(_read_agency, code=code))

    @router.get("/assets/{number}")
    async def asset(request: Request, number: str) -> Response:
        return await answer(request, "asset.html", functools.partial(_read_asset, text=number))

    @router.get("/static/style.css")
    async def style() -> Response:
        return Response(STYLE, media_type="text/css", headers=_HEADERS)

    return router


def tell_missing(desk: Desk, request: Request) -> Response:
    """The page for an address where there is none."""
    return render_problem(Problem(404, "no_page"), Place.of(request), desk.workspace.vocabulary)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return read_instant(text)
    except (InputError, OverflowError):
        pass
    try:
        future = datetime.fromisoformat(text).year > 1
    except ValueError:
        future = False
    raise Problem(422, "future" if future else "bad_time", text=text)


def _look(
    connection: Connection,
    workspace: Workspace,
    place: Place,
    newest: Snapshot | None,
    at: datetime | None,
    read: Callable[[Connection, Asked], Mapping[str, object]],
) -> tuple[Asked, Mapping[str, object]]:
    """Read a page's figures and lists in one transaction, so that they agree."""
    if newest is None:
        instant = at or datetime.now(UTC)
        newest = snapshots.take(connection, workspace.vocabulary, workspace.goals, instant)
    asked = Asked(place, workspace, newest, at is not None)
    return asked, read(connection, asked)


def _plan(snapshot: Snapshot, wanted: str | None) -> Plan:
    plans = {p.id: p for p in snapshot.plans}
    if wanted is None:
        return next(iter(plans.values()))
    if wanted not in plans:
        near = closest(wanted, plans)
        shown = [plans[near]] if near else list(plans.values())
        meant = [(p.title.vi, f"/?plan={p.id}") for p in shown]
        raise Problem(404, "no_plan", name=wanted, meant=meant, known=near is None)
    return plans[wanted]


def _read_coverage(_: Connection, asked: Asked) -> Mapping[str, object]:
    snapshot = asked.snapshot
    plan = _plan(snapshot, asked.place.query.get("plan"))
    figures = arrange(plan, snapshot)
    controls = {c.id: c for c in snapshot.controls}
    return {
        "plan": plan,
        "plans": snapshot.plans,
        "measured": [f for f in figures if f.measured],
        "rest": [f for f in figures if not f.measured],
        "counted": count_by_status(figures),
        "controls": controls,
        "collectors": () if asked.as_of else snapshot.collectors,
    }


def _read_goal(connection: Connection, asked: Asked, plan_id: str, goal_id: str) -> Mapping[str, object]:
    snapshot, query = asked.snapshot, asked.place.query
    plan = _plan(snapshot, plan_id)
    figures = {f.goal.id: f for f in arrange(plan, snapshot)}
    if goal_id not in figures:
        near = closest(goal_id, figures)
        shown = [figures[near]] if near else list(figures.values())
        meant = [(f.goal.title.vi, f"/plans/{plan.id}/goals/{f.goal.id}") for f in shown]
        raise Problem(404, "no_goal", name=goal_id, meant=meant, known=near is None)
    figure = figures[goal_id]
    context: dict[str, object] = {"plan": plan, "figure": figure, "goal": figure.goal, "control": None, "listed": None}
    control = next((c for c in snapshot.controls if c.id == figure.goal.control), None)
    if control is None:
        return context
    spoken = [row.level for row in figure.rows if row.level != ALL_LEVELS] or list(figure.goal.levels)
    level, status = query.get("level"), query.get("status")
    whole = Choice(levels=figure.goal.levels)
    choice = Choice(
        levels=(level,) if level in spoken else figure.goal.levels,
        status=Status(status) if status in list(Status) else None,
        agency=query.get("agency"),
    )
    judgement = open_judgement(connection, asked.workspace, snapshot, [control])

    def page(offset: int) -> object:
        return list_members(
            connection, asked.workspace, snapshot, judgement, control, choice,
            language=asked.place.language, offset=offset, limit=MEMBERS_ON_A_PAGE,
        )  # fmt: skip

    listed = list_members(
        connection, asked.workspace, snapshot, judgement, control, choice,
        language=asked.place.language, offset=0, limit=MEMBERS_ON_A_PAGE,
    )  # fmt: skip
    number, last = asked.page(listed.total, MEMBERS_ON_A_PAGE)
    return context | {
        "control": control,
        "columns": columns_of(control, asked.workspace.vocabulary),
        "levels": spoken,
        "level": level if level in spoken else None,
        "choice": choice,
        "members": sum_members(snapshot.tallies, control.id, whole),
        "listed": listed if number == 1 else page((number - 1) * MEMBERS_ON_A_PAGE),
        "number": number,
        "last": last,
        "agencies": {a.code: a for a in snapshot.agencies},
        "order": ORDER,
    }
