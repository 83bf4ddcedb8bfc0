"""CPU seconds of probing addresses by ICMP and TCP, beside blackbox_exporter and bare sockets in the same run.

All probe the same machines of loopback, where the kernel answers echoes for all of 127.0.0.0/8 and a server lets in
at one port, each in a process of its own whose CPU time is taken: the smallest of several rounds in turn. The peer is
asked as Prometheus asks it, one address and one echo at a time, and only its own process is counted.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench._probe_work import address_of
from bench._snmp_peers import PeerError, cpu_of, free_port, wait_for
from bench.snmp import Limit

ROOT = Path(__file__).parents[1]
ADDRESSES, ROUNDS, EXPORTER_ADDRESSES, AT_ONCE = 2_000, 3, 500, 10
MINUTE = 60.0
EXPORTER = "prometheus-blackbox-exporter"
SETTINGS = """
modules:
  icmp: {prober: icmp, timeout: 5s, icmp: {preferred_ip_protocol: ip4}}
  tcp: {prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4}}
"""


@contextlib.contextmanager
def doors() -> Iterator[int]:
    """The server that lets in, in a process of its own; its port."""
    command = [sys.executable, "-m", "bench._probe_work", "serve"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield int(process.stdout.readline() if process.stdout else "")
    finally:
        process.kill()
        process.communicate()


def measure(work: str, count: int, port: int) -> dict[str, float]:
    """The figures of a work in a process of its own.

    Raises:
        SystemExit: it failed, or somebody did not answer.
    """
    command = [sys.executable, "-m", "bench._probe_work", work, str(count), str(port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{work} failed: {done.stderr.strip()[-300:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["answered"] != count:
        raise SystemExit(f"{work}: {figures['answered']:g} of {count} answered")
    return figures


@contextlib.contextmanager
def exporter() -> Iterator[tuple[int, int]]:
    """A blackbox_exporter of our own on a free port of loopback: its process and its port."""
    program = shutil.which(EXPORTER)
    if program is None:
        raise PeerError(f"not installed: apt-get install {EXPORTER}")
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as name:
        settings, log, port = Path(name) / "blackbox.yml", Path(name) / "log", free_port()
        settings.write_text(SETTINGS)
        with log.open("w") as told:
            command = [program, f"--config.file={settings}", f"--web.listen-address=127.0.0.1:{port}"]
            process = subprocess.Popen(command, stdout=told, stderr=told)  # noqa: S603
            try:
                wait_for(process, port, log, EXPORTER)
                yield process.pid, port
            finally:
                process.terminate()
                process.wait(10)


def scrape(web: int, module: str, target: str) -> bool:
    """Has the exporter probe one address, as Prometheus does; whether it succeeded."""
    connection = http.client.HTTPConnection("127.0.0.1", web, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", f"/probe?module={module}&target={target}")
        return b"\nprobe_success 1\n" in connection.getresponse().read()


def exporter_cpu(module: str, count: int, port: int) -> float:
    """CPU seconds of the exporter for one probe, warm, the least of several rounds; PeerError where one failed."""
    with exporter() as (pid, web), ThreadPoolExecutor(AT_ONCE) as threads:

        def one(number: int) -> bool:
            address = address_of(number)
            return scrape(web, module, f"{address}:{port}" if module == "tcp" else address)

        list(threads.map(one, range(min(20, count))))
        took = []
        for _ in range(ROUNDS):
            before = cpu_of(pid)
            if failed := [n for n, good in enumerate(threads.map(one, range(count))) if not good]:
                raise PeerError(f"{EXPORTER}: {len(failed)} of {count} probes failed")
            took.append(cpu_of(pid) - before)
    return min(took) / count


def side_by_side() -> list[Limit]:
    """Prints the table; the limits of ratios and of a round."""
    least: dict[str, float] = {}
    peers: dict[str, float | str] = {}
    whole: dict[str, float] = {}
    with doors() as port:
        for _ in range(ROUNDS):
            for work in ("ours_icmp", "bare_icmp", "ours_tcp", "bare_tcp"):
                figures = measure(work, ADDRESSES, port)
                least[work] = min(least.get(work, 1e9), figures["cpu"] / ADDRESSES)
            figures = measure("ours_round", ADDRESSES, port)
            whole = figures if not whole or figures["cpu"] < whole["cpu"] else whole
        for module in ("icmp", "tcp"):
            try:
                peers[module] = exporter_cpu(module, EXPORTER_ADDRESSES, port)
            except PeerError as error:
                peers[module] = str(error)
    print(f"{'CPU µs per probe':<22}{'ours':>8}{'bare sockets':>15}{'blackbox_exporter':>20}")
    for module, title in (("icmp", "ICMP, one echo"), ("tcp", "TCP, one connect")):
        peer = peers[module]
        cells = least[f"ours_{module}"], least[f"bare_{module}"]
        told = f"{peer * 1e6:.0f}" if isinstance(peer, float) else "-"
        print(f"{title:<22}{cells[0] * 1e6:>8.0f}{cells[1] * 1e6:>15.0f}{told:>20}")
    for name in {peer for peer in peers.values() if isinstance(peer, str)}:
        print(f"- {name}")
    ratios = {m: least[f"ours_{m}"] / p if isinstance(p, float) and p else None for m, p in peers.items()}
    bare = {m: least[f"ours_{m}"] / least[f"bare_{m}"] for m in peers}
    return [
        Limit("ICMP: ours / blackbox_exporter", ratios["icmp"], 0.5),
        Limit("TCP: ours / blackbox_exporter", ratios["tcp"], 0.5),
        Limit("ICMP: ours / bare sockets", bare["icmp"], 4),
        Limit("TCP: ours / bare sockets", bare["tcp"], 3),
        Limit(f"a minute's round of {ADDRESSES:,} addresses: % of a core", 100 * whole["cpu"] / MINUTE, 10),
        Limit("a round: peak memory, MB", whole["peak_mb"], 150),
    ]


def main() -> None:
    """Print the table, then each limit with what was measured."""
    print(f"{ADDRESSES:,} addresses, smallest of {ROUNDS}; Python {platform.python_version()}")
    print(f"blackbox_exporter: {EXPORTER_ADDRESSES} addresses, its process alone")
    print("a round: ten echoes and three connects to each, judged and told\n")
    began = time.monotonic()
    limits = side_by_side()
    print()
    print(*limits, sep="\n")
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
