"""The address that FusionInventory and GLPI agents report to: an inventory is acknowledged once it is recorded."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from api.intake import ERRORS, AgencyOfToken, Buckets, Intake, IsKnown, Record, Refusal, hide_tokens, json_answer
from api.osquery import osquery_router
from collectors.agent import Message, read_message
from inventory.words import Identity, Run

__all__ = ["agents_router"]

log = logging.getLogger(__name__)

HOURS_BETWEEN_REPORTS = 24
HOURS_UNTIL_WHOLE = 1
"""Between the reports of a machine of which no whole inventory is known: one in fourteen reports of an agent is whole,
and no answer can ask for it, so that the way to have it soon is to have them report often."""
XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_REQUEST_ID = re.compile(r"[0-9A-Fa-f]{8}")


async def _all_known(_target: str) -> bool:
    return True


def agents_router(
    record: Record,
    agency_of_token: AgencyOfToken,
    *,
    is_known: IsKnown = _all_known,
    rate: float = 20.0,
    burst: int = 200,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """The routes GET and POST /agents/{token}, and those of osquery below it.

    Args:
        record: commits the run of the agency with that code before it returns; an InputError is answered 400, and
            whatever else it raises 503, upon which agents keep their inventory and come again.
        agency_of_token: the code of the agency that a token belongs to, or None.
        is_known: whether a whole inventory of a machine (the run's target) was recorded of late; a partial one of a
            machine that is not known is recorded all the same, and the agent told to report again soon.
        rate, burst: requests per second and at once that one token may make; beyond them 429.
        clock: seconds that only grow, for the rate. now: the aware time at which a body counts as received.
    """
    hide_tokens()
    intake = Intake(record, agency_of_token, is_known, Buckets(rate, burst, clock), now)
    router = APIRouter(tags=["agents"], responses=ERRORS)

    @router.post("/agents/{token}", summary="Take an agent's question or inventory")
    async def post(token: str, request: Request) -> Response:
        try:
            return await _receive(intake, request, await intake.agency_for(token))
        except Refusal as refusal:
            return refusal.response

    @router.get("/agents/{token}", summary="Tell an agent that no other task waits for it")
    async def get(token: str) -> Response:
        try:
            await intake.agency_for(token)
        except Refusal as refusal:
            return refusal.response
        return json_answer({"status": "ok", "expiration": f"{HOURS_BETWEEN_REPORTS}h", "schedule": []})

    router.include_router(osquery_router(intake))
    return router


async def _receive(intake: Intake, request: Request, agency: str) -> Response:
    """Answer one POST of an agent of `agency`."""
    started = intake.now()
    glpi_agent = "glpi-agent-id" in request.headers
    message = await intake.take_in(request, agency, lambda body, at: read_message(body, at, glpi_agent=glpi_agent))
    target = f"agent {message.device}"
    if message.observation is not None:
        # Where a token is used says whose the machine is; agents cannot know it.
        identity = replace(message.observation.asset or Identity(), agency=agency)
        said = (message.observation, *message.added)
        run = Run(
            "agent",
            target,
            started,
            intake.now(),
            observations=tuple(replace(observation, asset=identity) for observation in said),
            complete=not message.partial,
            agency=agency,
        )
        await intake.commit(run, agency)
    whole = message.observation is not None and not message.partial  # and committed just now
    known = whole or message.kind == "prolog" or await intake.knows(target)
    if message.partial and not known:
        log.warning("%s of agency %s: a partial inventory of an unknown machine", target, agency)
    return _answer(message, request.headers.get("glpi-request-id", ""), known=known)


def _answer(message: Message, request_id: str, *, known: bool) -> Response:
    """What contents the agent that sent this message."""
    headers = {"GLPI-Request-ID": request_id} if _REQUEST_ID.fullmatch(request_id) else {}
    if message.kind == "prolog" and message.reply == "xml":
        # Without SEND the agent sends no inventory; PROLOG_FREQ is in hours.
        return _xml(
            f"<REPLY><RESPONSE>SEND</RESPONSE><PROLOG_FREQ>{HOURS_BETWEEN_REPORTS}</PROLOG_FREQ></REPLY>", headers
        )
    if message.kind == "prolog":
        return json_answer({"status": "ok", "expiration": HOURS_BETWEEN_REPORTS}, headers)
    if message.kind == "contact":
        return json_answer(_CONTACT | _expiration(known), headers)
    if message.reply == "xml":
        return _xml("<REPLY></REPLY>", headers)
    answer: dict[str, object] = {"status": "ok"}
    return json_answer(
        answer | _expiration(known) | ({} if known or not message.partial else {"message": _UNKNOWN}), headers
    )


def _expiration(known: bool) -> dict[str, object]:
    return {"expiration": f"{HOURS_BETWEEN_REPORTS if known else HOURS_UNTIL_WHOLE}h"}


_UNKNOWN = (
    "recorded, but the machine is not known yet: expected a whole inventory (glpi-agent --full), found a partial one"
)


#: Asks for the inventory and nothing else, and for that without the sections that hold people's secrets.
_CONTACT: dict[str, object] = {
    "status": "ok",
    "disabled": ["collect", "deploy", "esx", "netdiscovery", "netinventory", "remoteinventory", "wakeonlan"],
    "tasks": {
        "inventory": {
            "server": "glpi",
            "version": "10.0.0",
            "no-category": "environment,process,local_user,local_group",
        }
    },
}


def _xml(text: str, headers: dict[str, str]) -> Response:
    return Response(XML_HEAD + text, media_type="application/xml", headers=headers)
