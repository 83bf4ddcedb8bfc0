"""The HTTP side: /metrics, health, the API under /api/v1/, the pages under / and the agents under /agents/."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import rounds
from api.agents import agents_router
from api.pages import pages_router, tell_missing
from api.receiving import FACTS_PATH, counts_router
from api.receiving_backups import BACKUPS_PATH, backups_router
from api.routes import api_router, told_errors
from api.routes_discovery import discovery_router
from api.routes_work import work_router
from api.workspace import Workspace
from exporters.prometheus import MetricsPage
from inventory.store import runs, snapshots
from inventory.words import InputError, Run, Snapshot, StoreError

OPEN_PATHS = ("/healthz", "/readyz", "/agents/")
"""What answers without the API's token: health says nothing, agents have tokens of their own."""

STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}
"""What every answer tells browsers: to guess no type, to tell nobody else what was read, to run no script."""

_SETTLE = timedelta(seconds=5)
"""How long after an agent's report the next judgement waits for more of them."""
_SHARE = 9
"""So many times as long as it took the next judgement waits: while it runs, reports wait to be recorded."""
_LOOK = timedelta(seconds=2)
"""How often is looked whether another process judged."""


@dataclass
class Desk:
    """What the requests of one server share: the workspace and the newest snapshot."""

    workspace: Workspace
    snapshot: Snapshot | None = None
    metrics: MetricsPage = field(default_factory=MetricsPage)
    reported: asyncio.Event = field(default_factory=asyncio.Event)
    tellers: list[Callable[[Snapshot], None]] = field(default_factory=list)
    """Who is told each snapshot as well; they return at once and raise nothing."""
    _judging: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def judge(self) -> Snapshot:
        """Judge now; from here on this snapshot is told."""
        async with self._judging:
            return await self._publish(await rounds.judge(self.workspace))

    async def _publish(self, snapshot: Snapshot) -> Snapshot:
        await asyncio.to_thread(self.metrics.publish, snapshot)
        self.snapshot = snapshot
        for tell in self.tellers:
            tell(snapshot)
        return snapshot

    async def current(self) -> Snapshot:
        """The newest snapshot: after a start, that of the newest judgement kept.

        Raises:
            StoreError: the store failed.
        """
        async with self._judging if self.snapshot is None else contextlib.nullcontext():
            return self.snapshot or await self._publish(await self._load())

    async def _load(self) -> Snapshot:
        at = await self.workspace.store.read(snapshots.newest)
        return await self.workspace.store.read(
            snapshots.take, self.workspace.vocabulary, self.workspace.goals, at or datetime.now(UTC)
        )

    async def judge_after_reports(self) -> None:
        """Judge when agents reported, once they have been quiet for a moment; runs until it is cancelled."""
        took = 0.0
        while True:
            await self.reported.wait()
            await asyncio.sleep(max(_SETTLE.total_seconds(), _SHARE * took))
            self.reported.clear()
            began = time.monotonic()
            try:
                await self.judge()
            except Exception:
                self.reported.set()
                raise
            took = time.monotonic() - began

    async def follow(self) -> None:
        """Tell also what other processes judge, such as `dophu judge`; runs until it is cancelled."""
        while True:
            await asyncio.sleep(_LOOK.total_seconds())
            async with self._judging:
                newest = await self.workspace.store.read(snapshots.newest)
                if self.snapshot is None or (newest is not None and newest > self.snapshot.at):
                    await self._publish(await self._load())


def build_app(desk: Desk, api_token: str | None) -> FastAPI:
    """The application; with `api_token`, everything but `OPEN_PATHS` asks for it (Bearer, or Basic as password)."""
    app = FastAPI(
        title="Dophu",
        summary="Measures how far an organisation's ICT plan is true on the ground, with evidence.",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
    )

    async def record(run: Run, agency: str) -> None:
        await rounds.record_agent(desk.workspace, run, agency)
        desk.reported.set()

    async def is_known(target: str) -> bool:
        return await desk.workspace.store.read(runs.was_whole, "agent", target)

    app.include_router(api_router(desk))
    app.include_router(agents_router(record, desk.workspace.agency_of_token, is_known=is_known))
    app.include_router(counts_router(desk))
    app.include_router(backups_router(desk))
    app.include_router(work_router(desk))
    app.include_router(discovery_router(desk))
    app.include_router(pages_router(desk))

    @app.get("/healthz", response_class=PlainTextResponse, tags=["health"])
    async def healthz() -> str:
        """The process answers."""
        return "ok\n"

    @app.get(
        "/readyz",
        response_class=PlainTextResponse,
        tags=["health"],
        responses={503: {"description": "What is wrong with the store"}},
    )
    async def readyz() -> Response:
        """The store answers and its tables are of this version."""
        try:
            await desk.workspace.check_version()
        except StoreError as error:
            return PlainTextResponse(f"{error}\n", 503)
        return PlainTextResponse("ok\n")

    @app.get("/metrics", response_class=PlainTextResponse, tags=["metrics"], responses=told_errors(401, 503))
    async def metrics(request: Request) -> Response:
        """The newest snapshot for Prometheus."""
        await desk.current()
        wanted = request.headers
        page = desk.metrics.render(wanted.get("accept", ""), wanted.get("accept-encoding", ""))
        return Response(page.body, headers=page.headers)

    @app.exception_handler(404)
    async def not_found(request: Request, error: HTTPException) -> Response:
        people = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
        return tell_missing(desk, request) if people else await http_exception_handler(request, error)

    @app.exception_handler(InputError)
    async def bad_input(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(StoreError)
    async def store_failed(_: Request, error: StoreError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503, headers={"Retry-After": "10"})

    app.add_middleware(Guard, api_token=api_token)
    return app


class Guard:
    """Asks for the API's token, tells browsers to be strict, and answers HEAD as it would GET."""

    def __init__(self, app: ASGIApp, api_token: str | None) -> None:
        self._app = app
        self._api_token = api_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it (401)."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(STRICT)
            await send(message)

        request = Request(scope)
        # Systems that send what they count have tokens of their own.
        sends = request.method == "POST" and request.url.path in (FACTS_PATH, BACKUPS_PATH)
        is_open = sends or request.url.path.startswith(OPEN_PATHS)
        if self._api_token and not is_open and not _presents(request, self._api_token):
            headers = {"WWW-Authenticate": 'Basic realm="Dophu"'}
            refusal = JSONResponse({"detail": "expected the API token"}, 401, headers)
            return await refusal(scope, receive, send_strict)
        if scope["method"] == "HEAD":
            # The server leaves the body out by itself: it still knows what was asked.
            scope = {**scope, "method": "GET"}
        return await self._app(scope, receive, send_strict)


def _presents(request: Request, token: str) -> bool:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(value.encode(), token.encode())
