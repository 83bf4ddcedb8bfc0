"""Serving: uvicorn with the application, and beside it the rounds on schedule and the receiver of traps."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import uvicorn
from fastapi import FastAPI

from api.app import Desk, build_app
from api.config import Config
from api.hearing import open_listener
from api.scheduling import SECONDS_TO_STOP, Scheduler
from api.workspace import open_workspace
from inventory.refusing import why
from inventory.words import InputError, StoreError, SystemRefusalError, Title

log = logging.getLogger("dophu")

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
_OBJECTS = 50_000
"""So many more objects make Python look for unused ones: some inventories' worth, a few megabytes."""


def serve(config: Config, host: str, port: int, fd: int | None, with_rounds: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        InputError: beyond loopback without an API token, `fd` is no socket, or `traps` is no address. StoreError: the
        tables are missing or of another version. OSError: the address, or that for traps, is taken.
    """
    token = config.token
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(_open_given(fd) if fd is not None else _open(host))
        host = host if fd is None else _name(listener)
        if not _is_local(host) and not token:
            raise InputError(
                Title(
                    f"gặp địa chỉ {host} mà không có token của API: ngoài loopback, hãy đặt DOPHU_API_TOKEN",
                    f"found the address {host} without an API token: beyond loopback, set DOPHU_API_TOKEN",
                )
            )
        if fd is None:
            try:
                listener.bind((host, port))
            except OSError as error:
                reason = why(error)
                raise SystemRefusalError(
                    Title(
                        f"không nghe được tại {host} cổng {port}: {reason.vi}",
                        f"cannot listen on {host} port {port}: {reason.en}",
                    )
                ) from error
        trap_listener = opened.enter_context(open_listener(config.traps)) if config.traps else None
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        # It tells at each question for the tables' version what it is about to do.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        _share_memory()
        _collect_seldom()
        asyncio.run(_serve(config, listener, trap_listener, token, with_rounds))


def _share_memory() -> None:
    """Have glibc's allocator give all threads two arenas and not one each: what one freed, another uses again.

    Where agents report, this is some 150 MB less; it changes no rate. Other C libraries have no arenas.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def _collect_seldom() -> None:
    """Look for unused circles of objects less often than Python does by itself.

    An inventory is some ten thousand objects that live until it is recorded and form no circle; to walk over them, and
    over all else that is there, while they are made took a sixth of the time of taking it in.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 20, 20)


def _open(host: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener


def _open_given(fd: int) -> socket.socket:
    try:
        return socket.socket(fileno=fd)
    except OSError as error:
        raise InputError(
            Title(
                f"--fd: gặp {fd}, cần một socket đang mở để nghe ({error.strerror})",
                f"--fd: found {fd}, expected an open listening socket ({error.strerror})",
            )
        ) from None


def _name(listener: socket.socket) -> str:
    """The host that a socket listens on, or the path of one in the file system."""
    name = listener.getsockname()
    return str(name[0]) if isinstance(name, tuple) else f"unix:{name}"


def _is_local(host: str) -> bool:
    """Whether only this machine reaches it; the rights of its file say who reaches a socket in the file system."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("unix:")


async def _serve(
    config: Config,
    listener: socket.socket,
    trap_listener: socket.socket | None,
    token: str | None,
    with_rounds: bool,
) -> None:
    async with contextlib.AsyncExitStack() as opened:
        workspace = await opened.enter_async_context(open_workspace(config))
        await workspace.check_version()
        _ = workspace.goals  # wrong goals are told now, not at the first request
        desk = Desk(workspace)
        app = build_app(desk, token)
        app.router.lifespan_context = _lifespan(desk, with_rounds)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5)
        )
        if trap_listener is not None:
            from api.trapping import trapping

            receiving = await opened.enter_async_context(trapping(workspace, trap_listener))
            receiving.changed = desk.reported.set
            log.info("receiving traps on %s", receiving.address)
        log.info("serving on %s", _address(listener))
        # Once it has stopped, uvicorn raises the signal again: that must not end us before the store is closed.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        await server.serve(sockets=[listener])
        if not server.started:
            raise StoreError(Title("máy chủ không khởi động được", "the server could not start"))


def _address(listener: socket.socket) -> str:
    host = _name(listener)
    if host.startswith("unix:"):
        return host
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _lifespan(desk: Desk, with_rounds: bool) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = desk.workspace.stop
        feeding = _feed(desk)
        # The first scrape must not wait for a whole judgement.
        with contextlib.suppress(StoreError):
            await desk.current()
        watching = [
            asyncio.create_task(_forever("judge", desk.judge_after_reports)),
            asyncio.create_task(_forever("follow", desk.follow)),
        ]
        watching += feeding
        scheduler = Scheduler(desk.workspace, desk.judge)
        going = [asyncio.create_task(_until(stop, "scheduler", scheduler.keep))] if with_rounds else []
        try:
            yield
        finally:
            # A round that is told to stop stores what it saw; one that does not end is cancelled.
            stop.set()
            if going:
                await asyncio.wait(going, timeout=SECONDS_TO_STOP + 5)
            for task in (*watching, *going):
                task.cancel()
            await asyncio.gather(*watching, *going, return_exceptions=True)

    return lifespan


def _feed(desk: Desk) -> list[asyncio.Task[None]]:
    """Begin to write what the desk tells to InfluxDB, where the settings name one."""
    if desk.workspace.config.influxdb is None:
        return []
    from api.influx import Feed  # its client is large, and most servers feed none

    feed = Feed(desk.workspace, desk.metrics.publish_spool)
    desk.tellers.append(feed.tell)
    return [asyncio.create_task(_forever("influxdb", feed.keep))]


async def _forever(name: str, job: Callable[[], Awaitable[None]]) -> None:
    while True:
        await _try(name, job)
        await asyncio.sleep(5)


async def _until(stop: asyncio.Event, name: str, job: Callable[[], Awaitable[None]]) -> None:
    while not stop.is_set():
        await _try(name, job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await stop.wait()


async def _try(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Do a job; what it raises is logged, because nobody waits for its end."""
    try:
        await job()
    except (StoreError, InputError) as error:
        log.error("%s: %s", name, error)
    except Exception:
        # What nobody foresaw must neither end the schedule unseen nor be hidden.
        log.exception("%s: failed", name)
