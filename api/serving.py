"""Serving: uvicorn with the application, and the rounds on schedule beside it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import uvicorn
from fastapi import FastAPI

from api import rounds
from api.app import Desk, build_app
from api.config import Config
from api.workspace import Workspace, open_workspace
from inventory.store import runs
from inventory.words import InputError, StoreError

log = logging.getLogger("dophu")


def serve(config: Config, host: str, port: int, fd: int | None, with_rounds: bool) -> None:
    """Serve until stopped.

    Raises:
        InputError: beyond loopback without an API token. StoreError: the tables are missing or of another version.
        OSError: the address is taken.
    """
    token = config.api_token.get_secret_value() if config.api_token else None
    if fd is not None:
        listener = socket.socket(fileno=fd)
        host = str(listener.getsockname()[0])
    else:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        if not _is_loopback(host) and not token:
            raise InputError(f"found the address {host} without an API token: beyond loopback, set DOPHU_API_TOKEN")
        if fd is None:
            listener.bind((host, port))
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        asyncio.run(_serve(config, listener, token, with_rounds))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve(config: Config, listener: socket.socket, token: str | None, with_rounds: bool) -> None:
    async with open_workspace(config) as workspace:
        current, needed = await workspace.store.version()
        if current != needed:
            raise StoreError(f"the database is of version {current}, expected {needed}: run dophu init")
        _ = workspace.goals  # wrong goals are told now, not at the first request
        desk = Desk(workspace)
        app = build_app(desk, token)
        app.router.lifespan_context = _lifespan(desk, with_rounds)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=5))
        host, port = listener.getsockname()[:2]
        log.info("serving on http://%s:%s", f"[{host}]" if ":" in host else host, port)
        await server.serve(sockets=[listener])


def _lifespan(desk: Desk, with_rounds: bool) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        jobs = [_forever("judge", desk.judge_after_reports)]
        if with_rounds:
            config = desk.workspace.config
            jobs += [
                repeat("discover", timedelta(hours=config.discover_hours), lambda: _discover(desk)),
                repeat("collect", timedelta(minutes=config.collect_minutes), lambda: _collect(desk)),
            ]
        # The first scrape must not wait for a whole judgement.
        with contextlib.suppress(StoreError):
            await desk.current()
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


async def _discover(desk: Desk) -> None:
    done = await rounds.discover(desk.workspace, due_only=True)
    log.info("discover: %d networks, %d read to the end, %d failed", done.targets, done.complete, len(done.failed))
    await desk.judge()


async def _collect(desk: Desk) -> None:
    for done in await rounds.collect(desk.workspace, due_only=True):
        log.info(
            "%s: %d targets, %d failed, %d new or changed", done.collector, done.targets, len(done.failed), done.new
        )
    await desk.judge()
    await _prune(desk.workspace)


async def _prune(workspace: Workspace) -> None:
    await workspace.store.write(runs.prune, datetime.now(UTC))


async def repeat(name: str, every: timedelta, job: Callable[[], Awaitable[None]]) -> None:
    """Do a job at once and then every so often, never twice at a time; a failure is logged and the next turn comes.

    A turn begins up to a twentieth of the interval late, so that several servers do not poll in step.
    """
    seconds = every.total_seconds()
    loop = asyncio.get_running_loop()
    turn = loop.time()
    while True:
        try:
            await job()
        except (StoreError, InputError) as error:
            log.error("%s: %s", name, error)
        # Turns that were missed, because one took long or the machine slept, are not made up for.
        turn += seconds * max(1, -(-(loop.time() - turn) // seconds))
        await asyncio.sleep(turn - loop.time() + random.uniform(0, seconds / 20))  # noqa: S311


async def _forever(name: str, job: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await job()
        except (StoreError, InputError) as error:
            log.error("%s: %s", name, error)
            await asyncio.sleep(5)
