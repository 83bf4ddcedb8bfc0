"""What agents' inventories cost `dophu serve` on SQLite, and how long a search for a program takes, beside limits.

The machines of a province (10,000 with 100 programs each) are stored first, in bulk. Then agents post to the real
server: new machines with 960 programs each as fast as they are answered, the same machines again without a change, and
others at half the rate to be held. Beside it stands the CPU time of inflating, parsing and inserting the same bodies
with nothing else (`bench/_agent_bare.py`). Bodies have 300 kB plain (`bench/_agent_bodies.py`); the agents share the
cores with the server.

CPU is what the server's process took while it was posted to, the least of several turns. It judges by the clock,
however many reports came, and waits nine times as long as it takes: the posts as fast as possible end before, and what
a judgement takes is told apart; the long ones at half the rate have it among them. Wall times are only as good as the
machine is idle.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from api.config import Config
from api.workspace import Workspace, open_workspace
from bench._agent_bare import bare_json, bare_xml
from bench._agent_bodies import catalogue, json_body, packed, programs_of, xml_body
from bench._agent_load import Answers, post
from bench._snmp_peers import cpu_of
from bench.serve import DOPHU
from bench.snmp import Limit
from inventory.posture import kev
from inventory.store import references, registers, runs, snapshots
from inventory.words import Agency, Fact, Identity, Level, Network, Observation, Proof, Register, Run, Title

MACHINES, INSTALLED, AT_ONCE = 10_000, 100, 100
TURNS = 2
PROVINCE = "province.db"
AGENCIES = 20
"""Each with a token of its own: one token may make 20 requests a second."""
JSON_BODIES, XML_BODIES, STEADY_SECONDS, FIRST_BODIES = 240, 120, 20, 20
JSON_RATE, XML_RATE = 40.0, 15.0
P99_MS, MEMORY_MB, SEARCH_MS, RATIO = 500.0, 350.0, 200.0, 2.0
TRIES = 5
EXPLOITED = (
    ("Google", "Chromium V8"),
    ("Mozilla", "Firefox"),
    ("RARLAB", "WinRAR"),
    ("7-Zip", "7-Zip"),
    ("Oracle", "Java SE"),
)
"""Makers and products of a catalogue that every machine's programs are held against."""


def _register() -> Register:
    codes = [f"xa-{number:02}" for number in range(AGENCIES)]
    return Register(
        levels=(Level("commune", Title("Cấp xã", "Commune"), 0),),
        agencies=tuple(Agency(code, Title(f"Xã {code}", f"Commune {code}"), "commune") for code in codes),
        networks=tuple(
            Network(f"{code}-lan", code, ip_network(f"10.{number}.0.0/16"), "lan") for number, code in enumerate(codes)
        ),
    )


def _machine(number: int, at: datetime) -> Observation:
    """A machine with INSTALLED programs, as an agent reported it."""
    values = {"answering": True, "role": "workstation", "last_report": at, "sysname": f"tram-{number:05}"}
    told = [Fact(key, value, "agent", at, Proof.AGENT) for key, value in values.items()]
    told += [
        Fact("software", {"version": p.version, "publisher": p.publisher}, "agent", at, Proof.AGENT, p.name)
        for p in programs_of(number, catalogue(), INSTALLED)
    ]
    identity = Identity(frozenset({("agent_id", f"tram-{number:05}")}), agency=f"xa-{number % AGENCIES:02}")
    return Observation(tuple(told), asset=identity)


async def _fill(workspace: Workspace) -> list[str]:
    """Store the province's machines; the agencies' tokens."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    await workspace.store.migrate()
    await workspace.store.write(registers.replace, _register())
    exploited = tuple(kev.Exploited(f"CVE-2025-{n:04}", *names, ransomware=False) for n, names in enumerate(EXPLOITED))
    await workspace.store.write(references.keep, "kev", exploited, at, "benchmark", at)
    for begin in range(0, MACHINES, AT_ONCE):
        seen = tuple(_machine(number, at) for number in range(begin, begin + AT_ONCE))
        run = Run("agent", f"machines from {begin}", at, at, observations=seen)
        await workspace.store.write(runs.record, workspace.vocabulary, run, datetime.now(UTC))
    await workspace.store.write(snapshots.take, workspace.vocabulary, workspace.goals, datetime.now(UTC), keep=True)
    return [await workspace.issue_token("agent", f"xa-{number:02}") for number in range(AGENCIES)]


async def _prepare(folder: Path) -> list[str]:
    async with open_workspace(Config(data=folder)) as workspace:
        return await _fill(workspace)


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[int, int]]:
    """The real server on the folder's data: its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOPHU_")} | {"DOPHU_DATA": str(folder)}
    command = [str(DOPHU), "serve", "--port", str(port), "--no-rounds"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)  # noqa: S603
        try:
            _wait(port, server)
            yield port, server.pid
        finally:
            server.terminate()
            server.wait(30)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            _get(port, "/readyz")
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return bytes(answer.read())


def _settle(port: int, pid: int) -> float:
    """Wait until the server judged what was reported until now, and has nothing to do; the CPU seconds that it took."""
    began, posted = cpu_of(pid), datetime.now(UTC)
    while datetime.fromisoformat(json.loads(_get(port, "/api/v1/agencies?limit=1"))["at"]) < posted:
        time.sleep(1)
    before, quiet = cpu_of(pid), 0
    while quiet < 2:
        time.sleep(1)
        now = cpu_of(pid)
        quiet, before = (quiet + 1 if now - before < 0.05 else 0), now
    return before - began


def _load(
    name: str, port: int, pid: int, tokens: Sequence[str], bodies: Sequence[bytes], rate: float | None = None
) -> tuple[Answers, float]:
    """Post, and print a line; the answers, and the server's CPU seconds for each body."""
    before = cpu_of(pid)
    answers = post(port, tokens, bodies, rate)
    cost = (cpu_of(pid) - before) / len(bodies)
    if answers.refused:
        raise SystemExit(
            f"{name}: {len(answers.refused)} of {len(bodies)} refused, the first with {answers.refused[0]}"
        )
    print(
        f"{name:<36}{answers.per_second:>8.1f}{answers.percentile(0.5):>10.0f}{answers.percentile(0.99):>10.0f}"
        f"{cost * 1000:>12.1f}",
        flush=True,
    )
    return answers, cost


def _ingest(port: int, pid: int, tokens: Sequence[str], folder: Path) -> list[Limit]:
    programs, machine = catalogue(), MACHINES
    limits: list[Limit] = []
    # How long a judgement takes decides when the next one is.
    post(port, tokens, [packed(json_body(machine + number, programs)) for number in range(FIRST_BODIES)])
    machine += FIRST_BODIES
    judging = [_settle(port, pid)]
    print(f"{'':<36}{'per s':>8}{'p50 ms':>10}{'p99 ms':>10}{'CPU ms each':>12}")
    for form, make, bare, count, rate in (
        ("JSON", json_body, bare_json, JSON_BODIES, JSON_RATE),
        ("XML", xml_body, bare_xml, XML_BODIES, XML_RATE),
    ):
        steady = [packed(make(machine + number, programs)) for number in range(int(rate / 2 * STEADY_SECONDS))]
        machine += len(steady)
        rates, new, again, bare_new, bare_again = [], [], [], [], []
        for _ in range(TURNS):
            bodies = [packed(make(machine + number, programs)) for number in range(count)]
            machine += count
            for name, costs in (("new machines", new), ("again without a change", again)):
                answers, cost = _load(f"{form}, {name}", port, pid, tokens, bodies)
                costs.append(cost)
                rates += [answers.per_second] if costs is new else []
                judging.append(_settle(port, pid))
            alone = bare(bodies, folder / PROVINCE)
            bare_new.append(alone.new)
            bare_again.append(alone.again)
        half, _ = _load(f"{form}, new, {rate / 2:g} a second", port, pid, tokens, steady, rate / 2)
        judging.append(_settle(port, pid))
        for name, costs in (("new machines", bare_new), ("again", bare_again)):
            print(f"{f'{form}, {name}, bare':<36}{'':>28}{min(costs) * 1000:>12.1f}", flush=True)
        limits += [
            Limit(f"{form}: inventories acknowledged a second", max(rates), rate, at_least=True),
            Limit(f"{form}: p99 at half of that rate, ms", half.percentile(0.99), P99_MS),
            Limit(f"{form}: CPU, ours / inflating, parsing, inserting", min(new) / min(bare_new), RATIO),
            Limit(f"{form}: CPU, again without a change / the same", min(again) / min(bare_again), RATIO),
        ]
    print(f"{'a judgement':<36}{'':>28}{sorted(judging)[len(judging) // 2] * 1000:>12.0f}")
    return limits


def _search(port: int) -> Limit:
    """A search over the province's programs by the API: a word that hundreds of them have, the first page."""
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        _get(port, "/api/v1/software?q=office")
        took.append((time.perf_counter() - began) * 1000)
    return Limit(f"software search over {MACHINES * INSTALLED:,} rows, ms (best of {TRIES})", min(took), SEARCH_MS)


def main() -> None:
    """Print the tables, then each limit with what was measured."""
    print(f"{MACHINES:,} machines with {INSTALLED} programs; Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as made:
        folder = Path(made)
        began = time.perf_counter()
        tokens = asyncio.run(_prepare(folder))
        shutil.copyfile(folder / "dophu.db", folder / PROVINCE)
        print(f"stored in {time.perf_counter() - began:.0f} s, {(folder / 'dophu.db').stat().st_size >> 20} MB\n")
        with _serving(folder) as (port, pid):
            search = _search(port)
            limits = _ingest(port, pid, tokens, folder)
            status = Path(f"/proc/{pid}/status").read_text()
    peak = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
    limits.append(search)
    limits.append(Limit("peak memory of the server, MB", peak, MEMORY_MB))
    print()
    print(*limits, sep="\n")


if __name__ == "__main__":
    main()
