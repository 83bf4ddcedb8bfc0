"""The API of the work that is done: schedules and their turns, scans with what changed, security findings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query

from api.printing import read_instant
from api.routes import AsOf, told_errors
from api.scanning import describe
from api.securing import list_security
from inventory.store import scans, schedules
from inventory.words import InputError

if TYPE_CHECKING:
    from api.app import Desk

Most = Annotated[int, Query(ge=1, le=1000, description="How many at most, the newest first.")]


def work_router(desk: Desk) -> APIRouter:
    """The routes, reading from the desk's workspace."""
    router = APIRouter(prefix="/api/v1", responses=told_errors(401, 422, 503))
    store = desk.workspace.store

    @router.get("/schedules", tags=["work"])
    async def list_schedules() -> list[dict[str, Any]]:
        """What is done when: cadence, window, the next turn, and since when one is being done."""
        return [_plain(asdict(one)) for one in await store.read(schedules.load)]

    @router.get("/schedules/{name}/turns", tags=["work"])
    async def list_turns(name: str, limit: Most = 50) -> list[dict[str, Any]]:
        """What became of a schedule's turns: running, done, failed, skipped, broken_off or missed."""
        return [asdict(one) for one in await store.read(schedules.turns, name, limit)]

    @router.post("/schedules/{name}/run", tags=["work"], status_code=202, responses=told_errors(404))
    async def run_schedule(name: str) -> dict[str, Any]:
        """Ask for a schedule's job to be done now; a server that runs the rounds begins it within seconds."""
        try:
            return _plain(asdict(await store.write(schedules.ask, name, datetime.now(UTC))))
        except InputError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/scans", tags=["work"])
    async def list_scans(limit: Most = 50) -> list[dict[str, Any]]:
        """The scans, with who asked for what the register does not allow, and why."""
        return [asdict(one) for one in await store.read(lambda c: scans.load(c, limit=limit))]

    @router.get("/scans/{number}", tags=["work"], responses=told_errors(404))
    async def show_scan(number: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> dict[str, Any]:
        """One scan: how far it is in each network, how long it will take, and what it saw otherwise than before."""
        try:
            return await store.read(describe, number, datetime.now(UTC))
        except InputError as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/security", tags=["work"])
    async def list_findings(
        severity: str | None = None,
        state: Annotated[list[str] | None, Query(description="open, accepted, fixed or unknown.")] = None,
        control: str | None = None,
        agency: str | None = None,
        owner: str | None = None,
        as_of: AsOf = None,
        limit: Most = 1000,
    ) -> list[dict[str, Any]]:
        """Security findings, the most severe first: first and last seen, owner, state, accepted by whom until when."""
        wanted: dict[str, Any] = {"severity": severity, "control": control, "agency": agency, "owner": owner}
        if state:
            wanted["states"] = tuple(state)
        at = (await desk.current()).at if as_of is None else read_instant(as_of)
        wanted["owners_at"] = datetime.now(UTC) if as_of is None else at
        workspace = desk.workspace
        return await store.read(list_security, workspace.vocabulary, workspace.goals.controls, at, "en", wanted, limit)

    return router


def _plain(schedule: dict[str, Any]) -> dict[str, Any]:
    return schedule | {"jitter": schedule["jitter"].total_seconds()}
