"""A real VictoriaMetrics on loopback, which takes the write API of InfluxDB 2; it can be killed and started again."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.postgresql import free_port


class Victoria:
    """The process and its data."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder, self._program = folder, program
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            self._program, f"-httpListenAddr=127.0.0.1:{self._port}", f"-storageDataPath={self._folder / 'data'}",
            # The same point twice is kept twice unless this is set, and a month is kept by default.
            "-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.latencyOffset=0s",
            "-memory.allowedBytes=64MB",
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while True:
            try:
                if httpx2.get(f"{self.url}/health", timeout=2).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            assert self._process.poll() is None and time.monotonic() < until, (self._folder / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def series(self) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
        """Every sample of every series by its labels, as (milliseconds, value)."""
        httpx2.get(f"{self.url}/internal/force_flush", timeout=10)
        asked = {"match[]": '{__name__=~"dophu_.*"}', "start": "0"}
        answer = httpx2.get(f"{self.url}/api/v1/export", params=asked, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[tuple[tuple[str, str], ...], list[tuple[int, float]]] = {}
        for line in answer.text.splitlines():
            said = json.loads(line)
            key = tuple(sorted(said["metric"].items()))
            found.setdefault(key, []).extend(zip(said["timestamps"], said["values"], strict=True))
        return found


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[Victoria]:
    """The server while the block runs; skips the test where it is not installed."""
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("victoria-metrics is not installed (Debian: apt-get install victoria-metrics)")
    folder.mkdir()
    server = Victoria(folder, program)
    server.start()
    try:
        yield server
    finally:
        server.kill()
