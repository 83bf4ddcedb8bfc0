"""The real application on a free loopback port of the test's own loop, ended with the test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from api.app import Desk, build_app
from api.workspace import Workspace
from inventory.store import Store


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    """An empty store on SQLite in a folder."""
    store = Store.open(f"sqlite:///{folder / 'dophu.db'}")
    await store.migrate()
    yield store
    await store.close()


@asynccontextmanager
async def served(workspace: Workspace) -> AsyncIterator[str]:
    """Serve a workspace; yields the address once it answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = build_app(Desk(workspace), None)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
