"""The address to which backup scripts tell how each backup went; and the list of how all systems stand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.backups import PUSHED, Look, backup_object, choose
from api.receiving import body_schema, known_sender, read_body
from api.routes import Limit, Offset, Page, told_errors
from inventory.backups import LONGEST, WHOLE, Job
from inventory.periods import ZONE
from inventory.refusing import PAST, amiss, within
from inventory.store import backups
from inventory.store.backups import Told
from inventory.text import nfc
from inventory.words import InputError, Proof

if TYPE_CHECKING:
    from api.app import Desk

__all__ = ["BACKUPS_PATH", "LARGEST", "backups_router"]

BACKUPS_PATH = "/api/v1/backups"
LARGEST = 1 << 20
"""Bytes of a request: some thousand jobs."""


class ToldBackup(BaseModel):
    """How the last backup of one job of one system went, or that restoring from it was tested."""

    model_config = ConfigDict(extra="forbid")

    system: str = Field(min_length=1, max_length=300, description="The asset's name, serial number or IP address.")
    agency: str | None = Field(None, max_length=100, description="Its agency's code; needed with an IP address.")
    job: str = Field(WHOLE, min_length=1, max_length=LONGEST, description="Which job; * for all of the system.")
    finished: AwareDatetime | None = Field(None, description="When the backup ended, with its zone.")
    ok: bool | None = Field(None, description="Whether it went well.")
    why: str = Field("", max_length=LONGEST, description="Why it did not.")
    size: int | None = Field(None, ge=0, lt=2**63, description="Bytes; a backup of 0 bytes is none.")
    restore_tested: AwareDatetime | date | None = Field(None, description="When somebody last restored from it.")
    ended: bool = Field(False, description="There is no such job any more.")

    @model_validator(mode="after")
    def _is_whole(self) -> ToldBackup:
        if (self.finished is None) != (self.ok is None):
            raise ValueError("expected finished and ok together")
        if self.finished is None and self.restore_tested is None and not self.ended:
            raise ValueError("expected finished and ok, restore_tested, or ended")
        return self


class SentBackups(BaseModel):
    """What a system tells of backups."""

    model_config = ConfigDict(extra="forbid")

    backups: list[ToldBackup] = Field(min_length=1, max_length=1000)


class BackupReceipt(BaseModel):
    """What became of it: committed when this is answered; told again, nothing is new."""

    source: str
    systems: int
    jobs: int
    new: int
    """Jobs that are new, or of which something else than before is known."""


def job_of(told: ToldBackup, place: str, by: str, now: datetime) -> Told:
    """What was told as one job.

    Raises:
        InputError: a restore test that lies ahead.
    """
    tested = told.restore_tested
    if tested is not None and not isinstance(tested, datetime):
        tested = datetime(tested.year, tested.month, tested.day, tzinfo=ZONE)
    if tested is not None and tested > now:
        raise InputError(amiss(within(place, "restore_tested"), tested.isoformat(), PAST))
    empty = told.ok is True and told.size == 0
    ok = False if empty else told.ok
    job = Job(
        _clean(told.job) or WHOLE, now, by, told.finished, told.finished if ok else None, ok,
        "empty" if empty else _clean(told.why), told.size, tested,
    )  # fmt: skip
    return Told(place, told.system, job, told.agency, told.ended)


def _clean(text: str) -> str:
    """One line that can be shown."""
    return nfc("".join(c if c.isprintable() else " " for c in text))[:LONGEST]


def backups_router(desk: Desk) -> APIRouter:
    """The routes of backups."""
    router = APIRouter(prefix="/api/v1", tags=["backups"], responses=told_errors(401, 422, 503))
    workspace = desk.workspace

    @router.post("/backups", openapi_extra=body_schema(SentBackups, "backups"))
    async def post_backups(request: Request) -> BackupReceipt:
        """Take how backups went, right after each; it is stored whole or not at all.

        The token is of `dophu token add --facts --note SYSTEM`, sent as `Authorization: Bearer TOKEN`.
        """
        agency, system = await known_sender(request, workspace)
        sent = await read_body(request, SentBackups, LARGEST)
        now, by = datetime.now(UTC), _clean(system)
        told = [job_of(one, f"backups[{number}]", by, now) for number, one in enumerate(sent.backups)]
        outcome = await workspace.store.write(
            backups.take_in, workspace.vocabulary, PUSHED, Proof.AGENT, told, now, agency=agency
        )
        desk.reported.set()
        return BackupReceipt(source=PUSHED, systems=len(outcome.systems), jobs=outcome.jobs, new=outcome.new)

    @router.get("/backups")
    async def list_backups(
        agency: str | None = None,
        state: Annotated[
            Literal["", "fresh", "old", "failed", "unknown"], Query(description="Only systems that stand so.")
        ] = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """Every server and every system of which backups are told, at the snapshot: its last backup, its jobs."""
        snapshot = await desk.current()
        look = Look.of(snapshot.controls, snapshot.at)
        systems = await workspace.store.read(backups.listed, workspace.vocabulary, snapshot.at)
        found = choose(systems, look, agency, state)
        items = [backup_object(one, look) for one in found[offset : offset + limit]]
        return Page(at=snapshot.at, total=len(found), items=items)

    return router
