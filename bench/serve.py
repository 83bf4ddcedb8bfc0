"""What `dophu serve` costs at rest with 500 agencies, how long `/metrics` and `dophu --help` take: prints JSON.

Everything is the installed program: the memory is that of the process (VmRSS) after it served every kind of request
and lay idle for a moment, the times are those of a caller, best of several. Beside them stands what a bare Python with
the same libraries needs.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from inventory import vocabulary
from inventory.goals import load_goals
from inventory.store import Store, registers, runs, snapshots
from inventory.words import Agency, Fact, Identity, Level, Link, Network, Observation, Proof, Register, Run, Title

AGENCIES, DEVICES, TRIES = 500, 20, 7
LIMIT_MB, LIMIT_HELP_SECONDS, LIMIT_METRICS_MS = 150.0, 0.5, 150.0

DOPHU = Path(sys.executable).with_name("dophu")
GOALS = Path(__file__).parent.parent / "goals"
PATHS = ("/metrics", "/", "/agencies", "/api/v1/coverage?plan=vinh-phuc-2020", "/api/v1/findings", "/api/v1/assets")
_ROLES = ("firewall", "switch", "router", "server", "workstation", "printer")
_LEVELS = ("province", "district", "commune")
#: What any server on these libraries holds before its first line of own code.
_BARE = "import fastapi, uvicorn, sqlalchemy, jinja2; print(open('/proc/self/status').read())"


def _register() -> Register:
    codes = [f"co-quan-{n:03}" for n in range(AGENCIES)]
    return Register(
        levels=tuple(Level(code, Title(code, code), rank) for rank, code in enumerate(_LEVELS)),
        agencies=tuple(
            Agency(code, Title(f"Cơ quan số {n}", f"Agency number {n}"), _LEVELS[n % 3], valid_from=date(2020, 1, 1))
            for n, code in enumerate(codes)
        ),
        networks=tuple(
            Network(f"{code}-lan", code, ip_network(f"10.{n // 250}.{n % 250}.0/24"), "lan", scan=True)
            for n, code in enumerate(codes)
        ),
        links=tuple(
            Link(f"{code}-internet", code, "internet", f"10.250.{n // 250}.{n % 250}") for n, code in enumerate(codes)
        ),
    )


def _sweep(number: int, network: Network, at: datetime) -> Run:
    """A sweep of one agency that found its devices."""
    seen = tuple(
        Observation(
            tuple(Fact(k, v, "nmap", at, Proof.MEASURED) for k, v in (("answering", True), ("role", _ROLES[n % 6]))),
            asset=Identity(frozenset(), str(network.prefix[n + 1]), network.code, network.agency),
        )
        for n in range(DEVICES)
    )
    return Run(
        "nmap", f"{network.code} {network.prefix}", at, at + timedelta(seconds=number % 60),
        observations=seen, complete=True, agency=network.agency, network=network.code,
    )  # fmt: skip


async def _fill(path: Path) -> None:
    store, known, now = Store.open(f"sqlite:///{path}"), vocabulary.load(), datetime.now(UTC)
    now = now.replace(microsecond=0)
    await store.migrate()
    register = _register()
    await store.write(registers.replace, register)
    for number, network in enumerate(register.networks):
        await store.write(runs.record, known, _sweep(number, network, now - timedelta(minutes=10)), now)
    await store.write(snapshots.take, known, load_goals(GOALS, known), now, keep=True)
    await store.close()


def _resident_mb(status: str) -> float:
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - our own server on loopback
        return bytes(answer.read())


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            _get(f"{address}/readyz")
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _measure(folder: Path) -> dict[str, object]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOPHU_")} | {"DOPHU_DATA": str(folder)}
    command = [str(DOPHU), "serve", "--port", str(port), "--no-rounds"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)  # noqa: S603
        try:
            _wait(address, server)
            status = Path(f"/proc/{server.pid}/status")
            fresh = _resident_mb(status.read_text())
            size = len(_get(f"{address}/metrics"))
            metrics = min(_seconds(lambda: _get(f"{address}/metrics")) for _ in range(TRIES))
            health = min(_seconds(lambda: _get(f"{address}/healthz")) for _ in range(TRIES))
            for path in PATHS:
                _get(address + path)
            time.sleep(2)
            served = _resident_mb(status.read_text())
        finally:
            server.terminate()
            server.wait(30)
    return {
        "idle_mb": round(fresh, 1), "idle_after_requests_mb": round(served, 1), "limit_mb": LIMIT_MB,
        "metrics_ms": round(metrics * 1000, 1), "limit_metrics_ms": LIMIT_METRICS_MS, "metrics_bytes": size,
        "raw_metrics_ms": round(health * 1000, 1), "raw_metrics": "GET /healthz",
    }  # fmt: skip


def main() -> None:
    """Print megabytes, seconds and milliseconds, each beside its limit."""
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as made:
        folder = Path(made)
        asyncio.run(_fill(folder / "dophu.db"))
        figures = _measure(folder)
    bare = subprocess.run([sys.executable, "-c", _BARE], capture_output=True, text=True, check=True).stdout  # noqa: S603
    help_ = [str(DOPHU), "--help"]
    seconds = min(_seconds(lambda: subprocess.run(help_, capture_output=True, check=True)) for _ in range(TRIES))  # noqa: S603
    python = [sys.executable, "-c", "import typer"]
    raw = min(_seconds(lambda: subprocess.run(python, capture_output=True, check=True)) for _ in range(TRIES))  # noqa: S603
    figures = {
        "bench": "serve", "agencies": AGENCIES, "assets": AGENCIES * DEVICES, **figures,
        "raw_mb": round(_resident_mb(bare), 1), "raw": "a process that imported the libraries",
        "help_seconds": round(seconds, 2), "limit_help_seconds": LIMIT_HELP_SECONDS,
        "raw_help_seconds": round(raw, 2), "raw_help": "python -c 'import typer'",
        "python": platform.python_version(),
    }  # fmt: skip
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
