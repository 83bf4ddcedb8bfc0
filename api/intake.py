"""What all addresses for agents have in common: tokens, rates, bodies, and runs that are committed or refused."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from fastapi import HTTPException, Request, Response
from starlette.requests import ClientDisconnect

from collectors.agent import WIRE_LIMIT
from inventory.words import InputError, Run, StoreError

__all__ = ["ERRORS", "AgencyOfToken", "Buckets", "Intake", "IsKnown", "Record", "Refusal", "hide_tokens", "json_answer"]

log = logging.getLogger(__name__)

SECONDS_FOR_A_BODY = 120
BODIES_AT_ONCE = 64
"""Each may hold WIRE_LIMIT bytes; further ones are sent away to come back."""
PARSED_AT_ONCE = 2

_TOKEN_IN_PATH = re.compile(r"/agents/[^/?\s]+")

ERRORS: dict[int | str, dict[str, object]] = {
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
T = TypeVar("T")


class Refusal(Exception):
    """A request that is not granted, with the answer in the form that GLPI agents write into their log."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = json_answer({"status": "error", "message": message}, headers, status)


@dataclass
class Intake:
    """Where bodies are taken in, decoded and recorded."""

    record: Record
    agency_of_token: AgencyOfToken
    is_known: IsKnown
    buckets: Buckets
    now: Callable[[], datetime]
    bodies: int = 0
    parsing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARSED_AT_ONCE))

    async def agency_for(self, token: str) -> str:
        """The agency whose token it is, one request of which is taken."""
        agency = await self.agency_of_token(token)
        if agency is None:
            # As for any address that does not exist: a wrong token learns nothing.
            raise HTTPException(404)
        if (wait := self.buckets.take(token)) > 0:
            raise Refusal(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
        return agency

    async def take_in(self, request: Request, agency: str, read: Callable[[bytes, datetime], T]) -> T:
        """What `read` makes of the body, received now; a body that it refuses is answered 400 and noted."""
        started = self.now()
        with self._place():
            body = await _read_body(request)
            try:
                # Parsing may take seconds for the largest bodies, and other requests go on meanwhile.
                async with self.parsing:
                    return await asyncio.to_thread(read, body, started)
            except InputError as error:
                peer = request.client.host if request.client else "unknown address"
                run = Run("agent", f"agent at {peer}", started, self.now(), error=str(error), agency=agency)
                await self.commit(run, agency)
                raise Refusal(400, str(error)) from error

    async def knows(self, target: str) -> bool:
        """Whether a whole inventory of the machine was recorded of late."""
        try:
            return await self.is_known(target)
        except StoreError as error:
            # What the agent sent is recorded; when it comes again is no reason to send it away.
            log.warning("%s: not known whether its machine is: %s", target, error)
            return True

    async def commit(self, run: Run, agency: str) -> None:
        """Record a run of that agency; Refusal where it cannot be, today (503) or ever (400)."""
        try:
            await self.record(run, agency)
        except InputError as error:
            # What cannot be recorded today cannot be tomorrow: the agent is told so, and the refusal is kept.
            if run.observations:
                refused = replace(run, error=f"refused: {error}", complete=False, observations=())
                await self.commit(refused, agency)
            raise Refusal(400, str(error)) from error
        except StoreError as error:
            log.error("%s of agency %s not recorded: %s", run.target, agency, error)
            raise Refusal(503, "not recorded, come again", {"Retry-After": "60"}) from error
        except Exception as error:
            # Nothing is swallowed: the agent is told, keeps its inventory, and comes again.
            log.error("%s of agency %s not recorded", run.target, agency, exc_info=error)
            raise Refusal(503, "not recorded, come again", {"Retry-After": "60"}) from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for a body in memory, or 503."""
        if self.bodies >= BODIES_AT_ONCE:
            raise Refusal(503, "busy, come again", {"Retry-After": "60"})
        self.bodies += 1
        try:
            yield
        finally:
            self.bodies -= 1


@dataclass
class Buckets:
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
        raise Refusal(413, too_long)
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS_FOR_A_BODY):
            async for chunk in request.stream():
                body += chunk
                if len(body) > WIRE_LIMIT:
                    raise Refusal(413, too_long)
    except ClientDisconnect as error:
        raise Refusal(400, "expected the whole body") from error
    except TimeoutError as error:
        raise Refusal(408, f"expected the whole body within {SECONDS_FOR_A_BODY} seconds") from error
    return bytes(body)


def json_answer(value: dict[str, object], headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """A response of JSON."""
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
