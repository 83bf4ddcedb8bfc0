"""A real `dophu serve` for tests: its own process, data folder and free port, ended with the test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.postgresql import free_port

DOPHU = Path(sys.executable).with_name("dophu")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a command that works in `folder` and nowhere else."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("DOPHU_")}
    return keep | {"DOPHU_DATA": str(folder)} | more


@contextmanager
def serving(folder: Path, *arguments: str, rounds: bool = False, **more: str) -> Iterator[str]:
    """Serve the data of `folder`, without rounds unless the register names nothing to look at; yields the address."""
    port = free_port()
    with (folder / "serve.log").open("wb") as log:
        command = [DOPHU, "serve", "--port", str(port), *([] if rounds else ["--no-rounds"]), *arguments]
        server = subprocess.Popen(command, env=environment(folder, **more), cwd=folder, stdout=log, stderr=log)
        try:
            _wait(server, f"http://127.0.0.1:{port}", folder / "serve.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(15)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if httpx2.get(f"{address}/readyz", timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"the server did not come up: {log.read_text(errors='replace')}")
        time.sleep(0.05)
