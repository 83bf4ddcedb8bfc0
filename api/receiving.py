"""The address to which systems send what they count: measured by them, or declared in a document that they name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import counting
from api.routes import Limit, Offset, Page, told_errors
from inventory.refusing import both
from inventory.store import period_counts
from inventory.store.period_counts import DECLARED, Counted, Origin
from inventory.words import InputError, Title

if TYPE_CHECKING:
    from api.app import Desk
    from api.workspace import Workspace

__all__ = ["FACTS_PATH", "LARGEST", "body_schema", "counts_router", "known_sender", "read_body"]

FACTS_PATH = "/api/v1/facts"
_Body = TypeVar("_Body", bound=BaseModel)

LARGEST = 8 << 20
"""Bytes of a request: some 50,000 numbers."""


class Told(BaseModel):
    """One number: of an agency in a period, or of a goal as a whole."""

    model_config = ConfigDict(extra="forbid")

    agency: str | None = Field(None, description="An agency's code in the register.")
    key: str | None = Field(None, description="The name of a count, such as documents_signed.")
    period: str = Field(description="2026-09, 2026-Q3, 2026-H1 or 2026; it has to have ended.")
    value: int | None = Field(None, ge=0)
    plan: str | None = None
    goal: str | None = Field(None, description="A goal that no control measures.")
    part: int | None = Field(None, ge=1, description="Which of the targets, where the goal lists several.")
    level: str | None = None
    count: int | None = Field(None, ge=0)
    total: int | None = Field(None, ge=0)


class Sent(BaseModel):
    """What a system counted. With a document, its signer and its date it is what a person declares."""

    model_config = ConfigDict(extra="forbid")

    facts: list[Told] = Field(min_length=1, max_length=50_000)
    document: str = ""
    signer: str = ""
    signed: date | None = None


class Receipt(BaseModel):
    """What became of it: committed when this is answered."""

    source: str
    measured: bool
    facts: int
    new: int
    corrected: int


def body_schema(model: type[BaseModel], listed: str) -> dict[str, Any]:
    """What a body is, in one piece: the handler reads it itself, so nobody else describes it.

    Args:
        listed: the field that is a list of objects.
    """
    schema = model.model_json_schema()
    name = schema["properties"][listed]["items"]["$ref"].rpartition("/")[2]
    schema["properties"][listed]["items"] = schema.pop("$defs")[name]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_TOLD = 20
"""Problems of a body that are told: of thousands nobody reads more, and telling all would take longer than to read."""


async def known_sender(request: Request, workspace: Workspace) -> tuple[str | None, str]:
    """The agency (None: all) of which the sender may tell, and the system that it is, by its token.

    Raises:
        HTTPException: 401.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = await workspace.system_of_token(token.strip()) if scheme.lower() == "bearer" else None
    if known is None:
        raise HTTPException(401, "expected a token for facts: dophu token add --facts", {"WWW-Authenticate": "Bearer"})
    return known


async def read_body(request: Request, model: type[_Body], largest: int) -> _Body:
    """The body, once its sender is known, and of no more than `largest` bytes whatever it says of its length.

    Raises:
        HTTPException: 413, 422.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise HTTPException(413, f"expected a body of at most {largest >> 20} MB")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        rows = error.errors(include_url=False, include_context=False, include_input=False)[:_TOLD]
        told = [f"{'.'.join(map(str, row['loc'])) or 'the body'}: {row['msg']}" for row in rows]
        more = error.error_count() - len(told)
        raise HTTPException(422, "\n".join([*told, *([f"… and {more} more"] if more else [])])) from None


def counts_router(desk: Desk) -> APIRouter:
    """The routes of what agencies and applications count."""
    router = APIRouter(prefix="/api/v1", tags=["facts"], responses=told_errors(401, 422, 503))
    workspace = desk.workspace

    @router.post("/facts", openapi_extra=body_schema(Sent, "facts"))
    async def post_facts(request: Request) -> Receipt:
        """Take what a system counted in periods; it is stored whole or not at all.

        The token is of `dophu token add --facts --note SYSTEM`, sent as `Authorization: Bearer TOKEN`.
        """
        agency, system = await known_sender(request, workspace)
        sent = await read_body(request, Sent, LARGEST)
        declared = bool(sent.document or sent.signer or sent.signed)
        origin = Origin(DECLARED if declared else system, sent.document, sent.signer, sent.signed)
        rows = counting.read_sent([one.model_dump() for one in sent.facts], origin)
        others = [v for v in rows if agency is not None and not (isinstance(v, Counted) and v.agency == agency)]
        if others:
            raise InputError(
                Title(
                    f"{both(others[0].place).vi}: chỉ nhận số đếm của {agency}: token này chỉ dành cho cơ quan đó",
                    f"{both(others[0].place).en}: expected only counts of {agency}: the token is for this agency alone",
                )
            )
        taken = await counting.take_in(workspace, rows, datetime.now(UTC), dry=False)
        desk.reported.set()
        return Receipt(
            source=origin.told, measured=not declared, facts=taken.rows, new=taken.new, corrected=taken.corrected
        )

    @router.get("/facts")
    async def list_facts(
        agency: str | None = None,
        plan: str | None = None,
        key: str | None = None,
        period: str | None = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Page:
        """What agencies told of periods, the newest first; with `plan` what was told of its goals as a whole."""
        snapshot = await desk.current()
        rows, total = await workspace.store.read(
            period_counts.listed, agency=agency, plan=plan, key=key, period=period, limit=limit, offset=offset
        )
        told: list[dict[str, Any]] = rows
        return Page(at=snapshot.at, total=total, items=told)

    return router
