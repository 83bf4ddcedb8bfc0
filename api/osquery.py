"""osquery's TLS API below an agency's address: /agents/{token}/osquery/enroll, config, log and distributed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter, Request, Response

from api.intake import ERRORS, Intake, Refusal, json_answer
from collectors.osquery import (
    Told,
    configuration,
    key_for,
    known_by,
    open_message,
    questions,
    read_answers,
    read_enrolment,
    read_log,
)
from inventory.words import Identity, InputError, Run

__all__ = ["osquery_router"]

log = logging.getLogger(__name__)

#: Daemons look at this field alone, whatever the status of HTTP is: true makes them enrol again.
_VALID: dict[str, object] = {"node_invalid": False}
_INVALID: dict[str, object] = {"node_invalid": True}

Document = dict[str, object]
Reader = Callable[[Document, str, datetime], Told]


def osquery_router(intake: Intake) -> APIRouter:
    """The routes of one intake, all POST with a JSON object that may be gzipped.

    The agency's token stands in the address, so `enroll_secret` is not looked at. What cannot be read of a log is noted
    as the error of its run, and the log acknowledged all the same: a daemon sends a log that is refused again and
    again, and keeps all later ones behind it.
    """
    router = APIRouter(prefix="/agents/{token}/osquery", tags=["agents"], responses=ERRORS)

    async def take(token: str, request: Request, read: Reader) -> str | None:
        """The identifier of the daemon whose message was read and recorded, None where it has to enrol first."""
        agency = await intake.agency_for(token)
        started = intake.now()
        identifier, told = await intake.take_in(request, agency, lambda body, at: _read(body, token, at, read))
        if identifier is not None and told.another:
            log.warning("osquery %s of agency %s: another machine uses its node key", identifier, agency)
            return None
        if identifier is not None:
            await _commit(intake, told, agency, identifier, started)
        return identifier

    async def answered(token: str, request: Request, read: Reader, answer: Document) -> Response:
        try:
            return json_answer(_INVALID if await take(token, request, read) is None else answer)
        except Refusal as refusal:
            return refusal.response

    @router.post("/enroll", summary="Enrol an osquery daemon")
    async def enroll(token: str, request: Request) -> Response:
        try:
            agency = await intake.agency_for(token)
            started = intake.now()
            identifier, told = await intake.take_in(
                request, agency, lambda body, at: read_enrolment(open_message(body), at)
            )
            await _commit(intake, told, agency, identifier, started)
        except Refusal as refusal:
            return refusal.response
        return json_answer({"node_key": key_for(token, identifier), **_VALID})

    @router.post("/config", summary="Tell an osquery daemon what to query, and how often")
    async def config(token: str, request: Request) -> Response:
        return await answered(token, request, _read_nothing, configuration())

    @router.post("/log", summary="Take an osquery daemon's results")
    async def results(token: str, request: Request) -> Response:
        return await answered(token, request, read_log, _VALID)

    @router.post("/distributed/read", summary="Ask a machine that is not known everything at once")
    async def ask(token: str, request: Request) -> Response:
        try:
            identifier = await take(token, request, _read_nothing)
        except Refusal as refusal:
            return refusal.response
        if identifier is None:
            return json_answer(_INVALID)
        known = await intake.knows(_target(identifier))
        return json_answer({"queries": {}, **_VALID} if known else questions())

    @router.post("/distributed/write", summary="Take the answers to what was asked at once")
    async def write(token: str, request: Request) -> Response:
        return await answered(token, request, read_answers, _VALID)

    return router


def _read(body: bytes, token: str, at: datetime, read: Reader) -> tuple[str | None, Told]:
    """Who sent a body, None where its key is not of this token, and what it tells."""
    document = open_message(body)
    identifier = known_by(token, document.get("node_key"))
    if identifier is None:
        return None, Told()
    try:
        return identifier, read(document, identifier, at)
    except InputError as error:
        return identifier, Told(problems=(str(error),))


def _read_nothing(_document: Document, _identifier: str, _at: datetime) -> Told:
    return Told()


async def _commit(intake: Intake, told: Told, agency: str, identifier: str, started: datetime) -> None:
    """Record what was told as one run; nothing, where it says nothing."""
    if not told.observations and told.error is None:
        return
    owned = tuple(replace(o, asset=replace(o.asset or Identity(), agency=agency)) for o in told.observations)
    whole = told.whole and told.error is None
    run = Run("agent", _target(identifier), started, intake.now(), owned, whole, told.error, agency)
    try:
        await intake.commit(run, agency)
    except Refusal as refusal:
        # What can never be recorded is noted as such, and must not be sent for ever.
        if refusal.response.status_code != 400:
            raise


def _target(identifier: str) -> str:
    return f"osquery {identifier}"
