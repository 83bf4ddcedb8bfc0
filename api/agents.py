"""The address that FusionInventory and GLPI agents report to: an inventory is acknowledged once it is recorded."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.requests import ClientDisconnect

from collectors.agent import WIRE_LIMIT, Message, read_message
from inventory.words import Identity, InputError, Run, StoreError

__all__ = ["agents_router"]

log = logging.getLogger(__name__)

HOURS_BETWEEN_REPORTS = 24
HOURS_UNTIL_WHOLE = 1
"""Between the reports of a machine of which no whole inventory is known: one in fourteen reports of an agent is whole,
and no answer can ask for it, so that the way to have it soon is to have them report often."""
SECONDS_FOR_A_BODY = 120
BODIES_AT_ONCE = 64
"""Each may hold WIRE_LIMIT bytes; further ones are sent away to come back."""
PARSED_AT_ONCE = 2

XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_REQUEST_ID = re.compile(r"[0-9A-Fa-f]{8}")
_TOKEN_IN_PATH = re.compile(r"/agents/[^/?\s]+")

_ERRORS: dict[int | str, dict[str, object]] = {
    400: {"description": "The body is not what it says, breaks off, or holds what no fact may be"},
    404: {"description": "There is no such token"},
    408: {"description": "The body took too long"},
    413: {"description": "The body is too long"},
    429: {"description": "Too many requests with this token; Retry-After says when to come again"},
    503: {"description": "Not recorded; Retry-After says when to come again"},
}

Record = Callable[[Run, str], Awaitable[None]]
AgencyOfToken = Callable[[str], Awaitable[str | None]]
IsKnown = Callable[[str], Awaitable[bool]]


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
    """The routes GET and POST /agents/{token}.

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
    desk = _Desk(record, is_known, _Buckets(rate, burst, clock), now)
    router = APIRouter(tags=["agents"], responses=_ERRORS)

    async def agency_for(token: str) -> str:
        agency = await agency_of_token(token)
        if agency is None:
            # As for any address that does not exist: a wrong token learns nothing.
            raise HTTPException(404)
        if (wait := desk.buckets.take(token)) > 0:
            raise _Refusal(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
        return agency

    @router.post("/agents/{token}", summary="Take an agent's question or inventory")
    async def post(token: str, request: Request) -> Response:
        try:
            return await desk.receive(request, await agency_for(token))
        except _Refusal as refusal:
            return refusal.response

    @router.get("/agents/{token}", summary="Tell an agent that no other task waits for it")
    async def get(token: str) -> Response:
        try:
            await agency_for(token)
        except _Refusal as refusal:
            return refusal.response
        return _json({"status": "ok", "expiration": f"{HOURS_BETWEEN_REPORTS}h", "schedule": []})

    return router


class _Refusal(Exception):
    """A request that is not granted, with the answer in the form that GLPI agents write into their log."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = _json({"status": "error", "message": message}, headers, status)


@dataclass
class _Desk:
    """Where bodies are taken in, decoded, recorded and answered."""

    record: Record
    is_known: IsKnown
    buckets: _Buckets
    now: Callable[[], datetime]
    bodies: int = 0
    parsing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARSED_AT_ONCE))

    async def receive(self, request: Request, agency: str) -> Response:
        """Answer one POST of an agent of `agency`."""
        started = self.now()
        peer = request.client.host if request.client else "unknown address"
        with self._place():
            body = await _read_body(request)
            try:
                # Parsing may take seconds for the largest bodies, and other requests go on meanwhile.
                async with self.parsing:
                    message = await asyncio.to_thread(
                        read_message, body, started, glpi_agent="glpi-agent-id" in request.headers
                    )
            except InputError as error:
                run = Run("agent", f"agent at {peer}", started, self.now(), error=str(error), agency=agency)
                await self._commit(run, agency)
                raise _Refusal(400, str(error)) from error
        if message.observation is not None:
            # Where a token is used says whose the machine is; agents cannot know it.
            identity = replace(message.observation.asset or Identity(), agency=agency)
            said = (message.observation, *message.added)
            run = Run(
                "agent",
                f"agent {message.device}",
                started,
                self.now(),
                observations=tuple(replace(observation, asset=identity) for observation in said),
                complete=not message.partial,
                agency=agency,
            )
            await self._commit(run, agency)
        known = message.kind == "prolog" or await self._known(message)
        if message.partial and not known:
            log.warning("agent %s of agency %s: a partial inventory of an unknown machine", message.device, agency)
        return _answer(message, request.headers.get("glpi-request-id", ""), known=known)

    async def _known(self, message: Message) -> bool:
        try:
            return await self.is_known(f"agent {message.device}")
        except StoreError as error:
            # What the agent sent is recorded; when it comes again is no reason to send it away.
            log.warning("agent %s: not known whether its machine is: %s", message.device, error)
            return True

    async def _commit(self, run: Run, agency: str) -> None:
        try:
            await self.record(run, agency)
        except InputError as error:
            # What cannot be recorded today cannot be tomorrow: the agent is told so, and the refusal is kept.
            if run.observations:
                refused = replace(run, error=f"refused: {error}", complete=False, observations=())
                await self._commit(refused, agency)
            raise _Refusal(400, str(error)) from error
        except StoreError as error:
            log.error("%s of agency %s not recorded: %s", run.target, agency, error)
            raise _Refusal(503, "not recorded, come again", {"Retry-After": "60"}) from error
        except Exception as error:
            # Nothing is swallowed: the agent is told, keeps its inventory, and comes again.
            log.error("%s of agency %s not recorded", run.target, agency, exc_info=error)
            raise _Refusal(503, "not recorded, come again", {"Retry-After": "60"}) from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for a body in memory, or 503."""
        if self.bodies >= BODIES_AT_ONCE:
            raise _Refusal(503, "busy, come again", {"Retry-After": "60"})
        self.bodies += 1
        try:
            yield
        finally:
            self.bodies -= 1


@dataclass
class _Buckets:
    """One token bucket for each accepted token, so that there are never more than accepted tokens."""

    rate: float
    burst: int
    clock: Callable[[], float]
    levels: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    """What is left and when that was counted, by token."""

    def take(self, token: str) -> float:
        """Take one request; 0, or the seconds until there is one to take."""
        at = self.clock()
        left, counted = self.levels.get(token, (float(self.burst), at))
        left = min(float(self.burst), left + (at - counted) * self.rate)
        taken = left >= 1
        self.levels[token] = (left - 1 if taken else left, at)
        return 0.0 if taken else (1 - left) / self.rate


async def _read_body(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too long."""
    too_long = f"expected a body of at most {WIRE_LIMIT} bytes"
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > WIRE_LIMIT:
        raise _Refusal(413, too_long)
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS_FOR_A_BODY):
            async for chunk in request.stream():
                body += chunk
                if len(body) > WIRE_LIMIT:
                    raise _Refusal(413, too_long)
    except ClientDisconnect as error:
        raise _Refusal(400, "expected the whole body") from error
    except TimeoutError as error:
        raise _Refusal(408, f"expected the whole body within {SECONDS_FOR_A_BODY} seconds") from error
    return bytes(body)


def _answer(message: Message, request_id: str, *, known: bool) -> Response:
    """What contents the agent that sent this message."""
    headers = {"GLPI-Request-ID": request_id} if _REQUEST_ID.fullmatch(request_id) else {}
    if message.kind == "prolog" and message.reply == "xml":
        # Without SEND the agent sends no inventory; PROLOG_FREQ is in hours.
        return _xml(
            f"<REPLY><RESPONSE>SEND</RESPONSE><PROLOG_FREQ>{HOURS_BETWEEN_REPORTS}</PROLOG_FREQ></REPLY>", headers
        )
    if message.kind == "prolog":
        return _json({"status": "ok", "expiration": HOURS_BETWEEN_REPORTS}, headers)
    if message.kind == "contact":
        return _json(_CONTACT | _expiration(known), headers)
    if message.reply == "xml":
        return _xml("<REPLY></REPLY>", headers)
    answer: dict[str, object] = {"status": "ok"}
    return _json(answer | _expiration(known) | ({} if known or not message.partial else {"message": _UNKNOWN}), headers)


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


def _json(value: dict[str, object], headers: dict[str, str] | None = None, status: int = 200) -> Response:
    return Response(json.dumps(value), status, headers, "application/json")


class HideTokens(logging.Filter):
    """Takes agents' tokens out of the access log's paths."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record's texts, and let it pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(_TOKEN_IN_PATH.sub("/agents/…", a) if isinstance(a, str) else a for a in record.args)
        return True


_HIDE_TOKENS = HideTokens()


def hide_tokens() -> None:
    """Keep agents' tokens out of uvicorn's access log; asking twice changes nothing."""
    logging.getLogger("uvicorn.access").addFilter(_HIDE_TOKENS)
