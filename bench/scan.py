"""A scan's wall time beside nmap alone with the same arguments, and the memory of sweeping a /16, in one run.

All of it happens in network namespaces that no packet leaves: a router, and behind it a /24 in which 40 hosts answer
and the rest is silent, as in a LAN behind a WAN line. Ours and nmap alone scan it in turn at the same rate; what counts
is the median. The /16 answers with every one of its addresses: then the most has to be remembered, and it does not take
an hour. Of silent addresses nothing is kept.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from bench.snmp import Limit
from collectors.nmap import PROCESSES
from tests.collectors.netns import Town, town, why_not

ROOT = Path(__file__).parents[1]
HOSTS, ROUNDS, PROFILE = 40, 3, "services"
RATE, FAST = 500, 10_000
LAN, LARGE = "198.18.64.0/24", "198.19.0.0/16"
WALL, MEMORY = 1.1, 300.0


def measure(namespace: str, *argv: str) -> dict[str, float]:
    """The figures of a work in a process of its own inside the namespace.

    Raises:
        SystemExit: it failed.
    """
    command = ["ip", "netns", "exec", namespace, sys.executable, "-m", "bench._scan_work", *argv]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1_800)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{argv[0]} failed: {done.stderr.strip()[-500:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def build(made: Town) -> str:
    """The LAN behind its router, and the /16; where we stand."""
    here, there = made.add("centre"), made.add("office")
    made.join(here, "w0", there, "w1")
    made.address(here, "w0", "198.18.0.1/30")
    made.address(there, "w1", "198.18.0.2/30")
    made.address(there, "lo", *(f"198.18.64.{number * 5 + 10}/32" for number in range(HOSTS)))
    for network in (LAN, LARGE):
        subprocess.run(["ip", "-n", here, "route", "add", network, "via", "198.18.0.2"], check=True)  # noqa: S603, S607
    # Who is not there is silent, and all of the /16 is here.
    subprocess.run(["ip", "-n", there, "route", "add", "blackhole", LAN], check=True)  # noqa: S603, S607
    subprocess.run(["ip", "-n", there, "route", "add", "local", LARGE, "dev", "lo"], check=True)  # noqa: S603, S607
    made.start(there, "env", "-C", str(ROOT), sys.executable, "-m", "bench._scan_work", "serve")
    for port in (22, 80):
        waiting = f"until : </dev/tcp/198.18.64.10/{port}; do sleep 0.1; done"
        command = ["ip", "netns", "exec", here, "bash", "-c", waiting]
        subprocess.run(command, check=True, timeout=30, stderr=subprocess.DEVNULL)  # noqa: S603
    return here


def main() -> None:
    """Print the table and the limits; status 1 where one is missed."""
    if reason := why_not():
        raise SystemExit(reason)
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    saw: dict[str, tuple[float, float]] = {}
    with town() as made:
        here = build(made)
        for _ in range(ROUNDS):
            for work, seconds in took.items():
                figures = measure(here, work, LAN, str(RATE), PROFILE)
                seconds.append(figures["seconds"])
                saw[work] = figures["hosts"], figures["services"]
        large = measure(here, "sweep", LARGE, str(FAST))
    if saw["ours"] != saw["bare"] or saw["ours"][0] != HOSTS:
        raise SystemExit(f"not the same was seen (hosts, services): {saw}")
    wall = {work: statistics.median(seconds) for work, seconds in took.items()}
    print(f"{f'/24, {HOSTS} hosts, profile {PROFILE}, {RATE} packets/s':<58}{'seconds':>10}{'least':>8}{'most':>8}")
    for work, name in (("ours", "ours, piece by piece"), ("bare", "nmap alone: one sweep, one reading of services")):
        print(f"{name:<58}{wall[work]:>10.1f}{min(took[work]):>8.1f}{max(took[work]):>8.1f}")
    peers = f"{PROCESSES} nmap at once of at most {large['largest_nmap_mb']:.0f} MB each"
    print(
        f"/16 swept in {large['seconds']:.0f} s, {large['hosts']:.0f} answer: {large['own_mb']:.0f} MB, beside {peers}"
    )
    limits = [
        Limit("a scan's wall time: ours / nmap alone", wall["ours"] / wall["bare"], WALL),
        Limit("memory of sweeping a /16 all of which answers, MB", large["own_mb"], MEMORY),
    ]
    for limit in limits:
        print(limit)
    print(json.dumps({"seconds": took, "large": large, "limits_met": [limit.met for limit in limits]}))
    if any(limit.met is False for limit in limits):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
