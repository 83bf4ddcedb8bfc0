"""The API under /api/v1/: of one snapshot agencies, assets, goals, coverage, findings with evidence; and events."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from api import connections, lines, listing, programs, sites
from api.gaps import find_gaps, gap_object
from api.printing import coverage_object, find_plan, judge_plan, read_instant
from inventory.periods import ZONE
from inventory.store import assets, consoles, events, maintenance, registers, snapshots, waivers
from inventory.store.software import Wanted
from inventory.text import fold
from inventory.words import ALL_LEVELS, Agency, Goal, InputError, Status

if TYPE_CHECKING:
    from api.app import Desk

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="How many to pass over.")]
AsOf = Annotated[str | None, Query(description="A date (its end in Vietnam) or an ISO 8601 time.", max_length=40)]


class Page(BaseModel):
    """A page of a list: `total` counts the whole list, `at` is the snapshot that all of it comes from."""

    at: datetime
    total: int
    items: list[dict[str, Any]]


class Reconciliation(BaseModel):
    """Machines that only a console knows, that a fresh report should have listed and did not, that no report covers."""

    at: datetime
    console_only: list[dict[str, Any]]
    inventory_only: list[dict[str, Any]]
    not_covered: list[dict[str, Any]]


class CoverageRow(BaseModel):
    """The coverage of one goal at one level; shares are 0-1, null where nothing counts."""

    plan: str
    goal: str
    level: str
    target: float | None
    due: date | None
    counted: int
    met: int
    unmet: int
    unknown: int
    not_applicable: int
    waived: int
    declared: int
    proven: float | None
    possible: float | None
    status: str


class CoveragePage(BaseModel):
    """A plan's coverage and the instant of which it is."""

    at: datetime
    items: list[CoverageRow]


class Refusal(BaseModel):
    """Why a request was refused: in words, or by parameter where one is not of its form."""

    detail: str | list[dict[str, Any]]


_ERRORS = {
    401: "The API's token is missing or wrong",
    404: "There is no such thing",
    422: "A parameter is not what is expected",
    503: "The store could not be read now; Retry-After says when to come again",
}


def told_errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What the description of the API says of these status codes."""
    content = {"application/json": {"schema": Refusal.model_json_schema()}}
    return {code: {"description": _ERRORS[code], "content": content} for code in codes}


def api_router(desk: Desk) -> APIRouter:
    """The routes, reading from the desk's workspace and snapshot."""
    router = APIRouter(prefix="/api/v1", responses=told_errors(401, 422, 503))
    store, vocabulary = desk.workspace.store, desk.workspace.vocabulary

    @router.get("/agencies", tags=["register"])
    async def list_agencies(
        q: Annotated[str, Query(max_length=200)] = "", level: str | None = None, limit: Limit = 100, offset: Offset = 0
    ) -> Page:
        """The agencies that are valid at the snapshot; `q` looks into codes and names, accents ignored."""
        snapshot = await desk.current()
        found = [
            a
            for a in snapshot.agencies
            if (level is None or a.level == level) and fold(q) in fold(f"{a.code} {a.title.vi} {a.title.en}")
        ]
        return Page(at=snapshot.at, total=len(found), items=[_agency(a) for a in found[offset : offset + limit]])

    @router.get("/agencies/{code}", tags=["register"], responses=told_errors(404))
    async def get_agency(code: str) -> dict[str, Any]:
        """One agency: its periods, networks, links and what it declared."""
        register = await store.read(registers.load)
        periods = [a for a in register.agencies if a.code == code]
        if not periods:
            raise HTTPException(404, f"found the agency {code!r}, expected a code of the register")
        return {
            "code": code,
            "periods": [_agency(a) for a in periods],
            "networks": [
                {"code": n.code, "prefix": str(n.prefix), "purpose": n.purpose, "scan": n.scan}
                for n in register.networks
                if n.agency == code
            ],
            "links": [
                {"code": v.code, "kind": v.kind, "address": v.address, "provider": v.provider,
                 "contracted_mbps": v.contracted_mbps, "via": v.via}
                for v in register.links if v.agency == code
            ],
            "counts": [
                {"key": c.key, "value": c.value, "day": c.day.isoformat(), "document": c.document}
                for c in register.counts if c.agency == code
            ],
            "websites": [{"url": w.url, "title": w.title} for w in register.websites if w.agency == code],
        }  # fmt: skip

    @router.get("/assets", tags=["assets"])
    async def list_assets(
        agency: str | None = None,
        role: str | None = None,
        q: Annotated[str, Query(max_length=200)] = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """The assets at the snapshot; `q` looks into names, addresses, vendors, models and serials."""
        snapshot = await desk.current()
        rows = await store.read(assets.listing, vocabulary, snapshot.at)
        found = listing.filter_assets(rows, agency, role, q)
        return Page(at=snapshot.at, total=len(found), items=found[offset : offset + limit])

    @router.get("/assets/{number}", tags=["assets"], responses=told_errors(404))
    async def get_asset(number: int, history: bool = False) -> dict[str, Any]:
        """One asset: identifiers, the facts taken, what sources disagree on, its tables, and on demand its history."""
        snapshot = await desk.current()
        if not 0 < number < 2**63:
            raise HTTPException(404, "expected the id of a known asset")
        try:
            return await store.read(listing.describe_asset, vocabulary, number, snapshot.at, history=history)
        except InputError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/websites", tags=["websites"])
    async def list_websites(
        agency: str | None = None,
        lack: Annotated[sites.Lack, Query(description="Only those that lack something.")] = "all",
        q: Annotated[str, Query(description="A part of name or address.", max_length=200)] = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """The declared websites at the snapshot: whether each answers, its certificate, TLS, IPv6, how fresh it is."""
        snapshot = await desk.current()
        look = sites.Look(snapshot.controls, snapshot.at)
        found = sites.choose(snapshot.websites, look, agency, lack, q)
        items = [sites.site_object(w, look) for w in found[offset : offset + limit]]
        return Page(at=snapshot.at, total=len(found), items=items)

    @router.get("/cables", tags=["assets"])
    async def list_cables(limit: Limit = 100, offset: Offset = 0) -> Page:
        """The cables between known assets at the snapshot, from LLDP and CDP; `both` where each end names the other."""
        snapshot = await desk.current()
        found = await store.read(connections.list_cables, vocabulary, snapshot.at)
        return Page(at=snapshot.at, total=len(found), items=found[offset : offset + limit])

    @router.get("/software", tags=["software"])
    async def list_software(
        q: Annotated[str, Query(description="Words of the name; accents and case do not matter.", max_length=200)] = "",
        version: Annotated[str, Query(description="24.8, or with an operator: < 24.8", max_length=60)] = "",
        publisher: Annotated[str, Query(max_length=200)] = "",
        agency: str | None = None,
        removed: bool = False,
        as_of: AsOf = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 25,
        offset: Offset = 0,
    ) -> Page:
        """The programs on all machines, by name and version; `total` and paging count names."""
        at = read_instant(as_of) if as_of is not None else datetime.now(UTC)
        wanted = Wanted(q, None, version, publisher, agency, removed)
        found, total = await store.read(programs.list_programs, vocabulary, wanted, at, limit, offset)
        return Page(at=at, total=total, items=found)

    @router.get("/software/machines", tags=["software"])
    async def list_machines(
        q: Annotated[str, Query(max_length=200)] = "",
        name: Annotated[str | None, Query(description="The whole name, as it is listed.", max_length=400)] = None,
        version: Annotated[str, Query(max_length=60)] = "",
        publisher: Annotated[str, Query(max_length=200)] = "",
        agency: str | None = None,
        removed: bool = False,
        as_of: AsOf = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """The machines that have programs, or had them, with when each was first and last seen there."""
        if not q and name is None:
            raise HTTPException(422, "expected q or name: whose machines are to be listed")
        at = read_instant(as_of) if as_of is not None else datetime.now(UTC)
        wanted = Wanted(q, name, version, publisher, agency, removed)
        found, total = await store.read(programs.list_machines, vocabulary, wanted, at, limit, offset)
        return Page(at=at, total=total, items=found)

    @router.get("/reconciliation", tags=["assets"])
    async def reconcile_consoles(
        console: Annotated[str | None, Query(max_length=100)] = None, agency: str | None = None, as_of: AsOf = None
    ) -> Reconciliation:
        """The machines that consoles list beside those of the inventory: what is only on one side."""
        at = read_instant(as_of) if as_of is not None else datetime.now(UTC)
        found = await store.read(consoles.reconcile, vocabulary, at, console, agency)
        return Reconciliation(at=at, **found)

    @router.get("/events", tags=["assets"])
    async def list_events(
        agency: str | None = None,
        kind: str | None = None,
        asset: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        since: Annotated[
            str | None, Query(description="A date (its begin) or an ISO 8601 time.", max_length=40)
        ] = None,
        until: AsOf = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """What happened to assets, the newest first, up to now: events do not wait for the next snapshot."""
        at = datetime.now(UTC)
        first = read_instant(since, begin=True) if since is not None else None
        wanted = events.Wanted(agency, asset, kind, first, read_instant(until) if until is not None else None)
        found, total = await store.read(listing.list_events, vocabulary, wanted, at, limit=limit, offset=offset)
        return Page(at=at, total=total, items=found)

    @router.get("/plans", tags=["goals"])
    async def list_plans() -> list[dict[str, Any]]:
        """The plans."""
        return [
            {
                "id": p.id,
                "title": _title(p),
                "number": p.number,
                "issued": p.issued,
                "goals": len(p.goals),
                "reports": p.reports,
            }
            for p in desk.workspace.goals.plans.values()
        ]

    @router.get("/goals", tags=["goals"])
    async def list_goals(plan: str) -> list[dict[str, Any]]:
        """The goals of a plan, those that nothing measures yet included."""
        return [_goal(g) for g in find_plan(desk.workspace.goals, plan).goals]

    @router.get("/controls", tags=["goals"])
    async def list_controls() -> list[dict[str, Any]]:
        """The controls: what is asked of whom."""
        return [
            {"id": c.id, "title": _title(c), "population": c.population, "where": c.where, "meets": c.meets}
            for c in desk.workspace.goals.controls.values()
        ]

    @router.get("/coverage", tags=["coverage"])
    async def get_coverage(plan: str, as_of: AsOf = None) -> CoveragePage:
        """The coverage of a plan: of the newest snapshot, or judged from the facts as of any time."""
        find_plan(desk.workspace.goals, plan)
        if as_of is None:
            snapshot = await desk.current()
            at, rows = snapshot.at, tuple(c for c in snapshot.coverage if c.plan == plan)
        else:
            report = await judge_plan(desk.workspace, plan, read_instant(as_of), with_members=False)
            at, rows = report.at, report.coverage
        return CoveragePage(at=at, items=[CoverageRow.model_validate(coverage_object(c)) for c in rows])

    @router.get("/trend", tags=["coverage"], responses=told_errors(404))
    async def get_trend(
        plan: str, goal: str, level: str = ALL_LEVELS, since: str | None = None, as_of: AsOf = None
    ) -> list[dict[str, Any]]:
        """The figures of a goal, one for each day that was judged, as they were told; the last year without `since`."""
        found = find_plan(desk.workspace.goals, plan)
        if goal not in {one.id for one in found.goals}:
            raise HTTPException(404, f"found the goal {goal!r}, expected one of the plan {plan}")
        until = read_instant(as_of)
        begin = read_instant(since, begin=True) if since is not None else until - timedelta(days=365)
        points = await store.read(snapshots.trend, plan, goal, level, until, begin)
        return [{**asdict(p), "counted": p.counted, "proven": p.proven, "possible": p.possible} for p in points]

    @router.get("/forecast", tags=["coverage"], responses=told_errors(404))
    async def get_forecast(plan: str, goal: str, level: str = ALL_LEVELS, as_of: AsOf = None) -> dict[str, Any] | None:
        """Where a goal's proven share will be on its due date if it goes on as in the last 90 days; null from too few.

        The line is the median of the slopes between all pairs of days (Theil and Sen).
        """
        found = next((one for one in find_plan(desk.workspace.goals, plan).goals if one.id == goal), None)
        if found is None:
            raise HTTPException(404, f"found the goal {goal!r}, expected one of the plan {plan}")
        told = await store.read(snapshots.ahead, plan, found, level, read_instant(as_of))
        return None if told is None else asdict(told)

    @router.get("/waivers", tags=["coverage"])
    async def list_waivers(as_of: AsOf = None) -> list[dict[str, Any]]:
        """The waivers that hold now, or held as of a time: who need not meet a control, why, on whose word."""
        day = read_instant(as_of).astimezone(ZONE).date()
        return [asdict(one) for one in await store.read(waivers.load, day)]

    @router.get("/gaps", tags=["coverage"])
    async def list_gaps(
        plan: str, as_of: AsOf = None, level: str | None = None, agency: str | None = None
    ) -> list[dict[str, Any]]:
        """What a plan lacks, by goal and level: who does not meet it, who is to be visited, and since when."""
        at = (await desk.current()).at if as_of is None else read_instant(as_of)
        found = await find_gaps(desk.workspace, plan, at, language="en", level=level, agency=agency)
        return [gap_object(found, part) for part in found.parts]

    @router.get("/findings", tags=["coverage"], responses=told_errors(404))
    async def list_findings(
        control: str | None = None,
        agency: str | None = None,
        level: str | None = None,
        status: Status | None = None,
        as_of: AsOf = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """The findings behind the figures, with reason and evidence; as of a time, those of one control."""
        if control is not None and control not in desk.workspace.goals.controls:
            raise HTTPException(404, f"found the control {control!r}, expected one of GET /api/v1/controls")
        if as_of is not None:
            if control is None:
                raise HTTPException(422, "as_of needs a control")
            at = read_instant(as_of)
            wanted = (status,) if status else tuple(Status)
            rows = await store.read(snapshots.members, vocabulary, desk.workspace.goals, control, at, wanted)
            rows = [f for f in rows if (agency is None or f.agency == agency) and (level is None or f.level == level)]
            total, rows = len(rows), rows[offset : offset + limit]
        else:
            at = (await desk.current()).at
            which = snapshots.Wanted(control, agency, level, status)
            goals = desk.workspace.goals
            rows, total = await store.read(snapshots.standing, vocabulary, goals, at, which, limit, offset)
        return Page(at=at, total=total, items=[listing.finding_object(f) for f in rows])

    @router.get("/links", tags=["lines"])
    async def list_links(
        agency: str | None = None,
        state: Literal["up", "degraded", "down", "unknown"] | None = None,
        first: Annotated[str | None, Query(alias="from", description="Availability from; this month.")] = None,
        last: Annotated[str | None, Query(alias="to", description="Availability to the end of; now.")] = None,
        as_of: AsOf = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """The lines with their states and reasons, quality, traffic and availability; as they are now or were."""
        at = lines.now() if as_of is None else read_instant(as_of)
        span = lines.read_span(first, last, at)
        rows = await store.read(lines.read_lines, vocabulary, at, span, [agency] if agency else ())
        rows = [row for row in rows if state is None or row.state.state == state]
        items = [lines.line_object(row) for row in rows[offset : offset + limit]]
        return Page(at=at, total=len(rows), items=items)

    @router.get("/maintenance", tags=["lines"])
    async def list_maintenance(as_of: AsOf = None) -> list[dict[str, Any]]:
        """The maintenance windows that are open now, or were as of a time."""
        return [asdict(one) for one in await store.read(maintenance.load, read_instant(as_of))]

    @router.get("/collectors", tags=["collectors"])
    async def list_collectors() -> list[dict[str, Any]]:
        """The newest round of every collector."""
        return [
            {"collector": c.collector, "last_run": c.last_run, "last_success": c.last_success,
             "duration_seconds": c.duration_seconds, "targets": c.targets, "failed": c.failed}
            for c in (await desk.current()).collectors
        ]  # fmt: skip

    return router


def _title(of: Any) -> dict[str, str]:
    return {"vi": of.title.vi, "en": of.title.en}


def _agency(a: Agency) -> dict[str, Any]:
    return {
        "code": a.code, "name": _title(a), "level": a.level, "parent": a.parent, "successor": a.successor,
        "valid_from": None if a.valid_from == date.min else a.valid_from, "valid_to": a.valid_to,
    }  # fmt: skip


def _goal(g: Goal) -> dict[str, Any]:
    return {
        "id": g.id, "title": _title(g), "statement": g.statement, "cite": g.cite, "levels": list(g.levels),
        "target": dict(g.target), "due": g.due, "due_basis": g.due_basis,
        "target_basis": g.target_basis, "control": g.control,
        "measured": g.control is not None and not g.only_declared,
        "parts": [{"title": {"vi": t.vi, "en": t.en}, "target": share} for t, share in g.parts],
        "note": {"vi": g.note.vi, "en": g.note.en} if g.note else None,
        "baseline": asdict(g.baseline) if g.baseline else None,
    }  # fmt: skip
