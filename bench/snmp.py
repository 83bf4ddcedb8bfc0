"""CPU seconds of reading switches over SNMP, beside gufo-snmp alone, snmp_exporter and snmpbulkwalk; and end to end.

All read the same devices of a responder on loopback (`bench/_snmp_responder.py`) in one run, each in a process of its
own whose CPU time is taken; what a client's ratio is of, are the smallest of several rounds in turn. End to end means
polled, identified, and the changes stored in SQLite, with the collector on one core and the responder on another.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench._snmp_clients import Figures
from bench._snmp_peers import PeerError, bulkwalk_interfaces, cpu_of, exporter_interfaces

ROOT = Path(__file__).parents[1]
DEVICES, AT_ONCE, ROUNDS = 1_000, 50, 3
EXPORTER_DEVICES, BULKWALK_DEVICES = 300, 10
#: End to end: every tenth device is dead.
ALL, ALL_AT_ONCE, DEAD, TRIES = 2_000, 500, 10, 3
BUSY = 0.9
"""Above this share of a core the responder, not the collector, is what is measured."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure beside what it may be."""

    what: str
    found: float | None
    bound: float
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """None where the figure could not be taken."""
        if self.found is None:
            return None
        return self.found >= self.bound if self.at_least else self.found <= self.bound

    def __str__(self) -> str:
        met = {True: "met", False: "MISSED", None: "not measured"}[self.met]
        found = "-" if self.found is None else f"{self.found:.2f}" if self.found < 10 else f"{self.found:.0f}"
        return f"{self.what:<66} {found:>6}   {'>=' if self.at_least else '<='} {self.bound:<6g} {met}"


@contextlib.contextmanager
def serving(devices: int, dead: int = 0, core: int | None = None) -> Iterator[tuple[int, int]]:
    """The responder in a process of its own while the block runs: its port and its process."""
    command = [sys.executable, "-m", "bench._snmp_responder", str(devices), str(dead)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        yield int(process.stdout.readline() if process.stdout else ""), process.pid
    finally:
        process.kill()
        process.communicate()


def client(*words: object, core: int | None = None) -> Figures:
    """The figures of `bench._snmp_clients` in a process of its own."""
    command = [sys.executable, "-m", "bench._snmp_clients", *map(str, words)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            told, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    if process.returncode:
        raise SystemExit(f"bench._snmp_clients {words[0]} {words[1]} failed")
    figures: Figures = json.loads(told)
    return figures


def _peer(measure: Callable[[int, int], float], port: int, count: int) -> float | str:
    try:
        return measure(port, count)
    except PeerError as error:
        return str(error)


def side_by_side() -> list[Limit]:
    """Prints the table; the limits of ratios."""
    least: dict[tuple[str, str], float] = {}
    with serving(DEVICES) as (port, _):
        for work in ("identify", "interfaces"):
            for _round in range(ROUNDS):
                for who in ("ours", "gufo"):
                    figures = client(who, work, port, DEVICES, AT_ONCE)
                    if figures["lost"]:
                        raise SystemExit(f"{who} {work}: {figures['lost']:g} devices were not read rightly")
                    least[who, work] = min(least.get((who, work), 1e9), figures["cpu_per_1000"])
        exporter = _peer(exporter_interfaces, port, EXPORTER_DEVICES)
        bulkwalk = _peer(bulkwalk_interfaces, port, BULKWALK_DEVICES)
    print(f"{'CPU s per 1,000 devices':<36}{'ours':>8}{'gufo-snmp bare':>17}{'snmp_exporter':>16}{'snmpbulkwalk':>15}")
    rows = (("identify", "identify", "-", "-"), ("interfaces", "24 ports, 14 columns", exporter, bulkwalk))
    for work, title, *peers in rows:
        cells = [f"{cell:.2f}" if isinstance(cell, float) else "-" for cell in peers]
        ours, bare = least["ours", work], least["gufo", work]
        print(f"{title:<36}{ours:>8.2f}{bare:>17.2f}{cells[0]:>16}{cells[1]:>15}")
    for name, cell in (("snmp_exporter", exporter), ("snmpbulkwalk", bulkwalk)):
        if isinstance(cell, str):
            print(f"- {name}: {cell}")
    ours = least["ours", "interfaces"]
    return [
        Limit("identify: ours / gufo-snmp bare", least["ours", "identify"] / least["gufo", "identify"], 2),
        Limit("interfaces: ours / gufo-snmp bare", ours / least["gufo", "interfaces"], 1.5),
        Limit("interfaces: ours / snmp_exporter", ours / exporter if isinstance(exporter, float) else None, 0.35),
    ]


def end_to_end() -> list[Limit]:
    """The limits of a whole round, which is stored."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("end to end: there is one core only, which the responder shares with the collector")
    limits = []
    with serving(ALL, DEAD, cores[-1]) as (port, responder):
        for work, rate in (("store-identify", 150), ("store-interfaces", 50)):
            best: Figures = {}
            lost = peak = 0.0
            for _try in range(TRIES):
                before = cpu_of(responder)
                figures = client("ours", work, port, ALL, ALL_AT_ONCE, DEAD, core=cores[0])
                share = (cpu_of(responder) - before) / (ALL / figures["per_second"])
                if share > BUSY:
                    print(f"{work}: the responder took {share:.0%} of its core and may be what was measured")
                lost, peak = max(lost, figures["lost"]), max(peak, figures["peak_mb"])
                if figures["per_second"] > best.get("per_second", 0):
                    best = figures
            title = {"store-identify": "identified and stored", "store-interfaces": "with interfaces"}[work]
            limits += [
                Limit(f"{title}: devices/s on one core (best of {TRIES})", best["per_second"], rate, at_least=True),
                Limit(f"{title}: peak memory, MB", peak, 250),
                Limit(f"{title}: live devices lost", lost, 0),
            ]
    return limits


def main() -> None:
    """Print the table, then each limit with what was measured."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each device
    print(f"{DEVICES:,} devices, {AT_ONCE} at once, smallest of {ROUNDS}; Python {platform.python_version()}")
    print(f"snmp_exporter: {EXPORTER_DEVICES} devices, its process alone; snmpbulkwalk: {BULKWALK_DEVICES} devices\n")
    limits = side_by_side()
    print()
    print(*limits, sep="\n")
    print(f"\nend to end: {ALL:,} devices, {ALL_AT_ONCE} at once, every {DEAD}th dead, stored in SQLite\n")
    print(*end_to_end(), sep="\n")


if __name__ == "__main__":
    main()
