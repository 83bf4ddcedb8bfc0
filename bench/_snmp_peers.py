"""The programs that the SNMP benchmark stands beside: Debian's snmp_exporter and net-snmp's snmpbulkwalk."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench._snmp_clients import COLUMNS
from bench._snmp_responder import PORTS, address_of

EXPORTER, BULKWALK = "prometheus-snmp-exporter", "snmpbulkwalk"
COMMUNITY = "public"
AT_ONCE, ROUNDS = 10, 3
_INDEX = "    indexes: [{labelname: ifIndex, type: gauge}]"


class PeerError(Exception):
    """The peer is not to be had, or did not read what it should have."""


def module() -> str:
    """`snmp.yml` of version 0.21 with one module: the fourteen columns, each a metric, and nothing else.

    Debian ships the exporter without a configuration. No label is looked up, which would cost it more.
    """
    lines = ["if_mib:", f"  version: 2\n  auth: {{community: {COMMUNITY}}}", "  max_repetitions: 25", "  walk:"]
    lines += [f"  - {column}" for column in COLUMNS]
    lines.append("  metrics:")
    for column, (name, kind) in COLUMNS.items():
        lines += [f"  - name: {name}", f"    oid: {column}", f"    type: {kind}", f"    help: {name}", _INDEX]
    return "\n".join(lines) + "\n"


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has taken, its ended threads with it (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def exporter() -> Iterator[tuple[int, int]]:
    """A snmp_exporter of our own on a free port of loopback: its process and its port."""
    program = shutil.which(EXPORTER)
    if program is None:
        raise PeerError(f"not installed: apt-get install {EXPORTER}")
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as name:
        settings, port = Path(name) / "snmp.yml", free_port()
        settings.write_text(module())
        with (Path(name) / "log").open("w+") as log:
            command = [program, f"--config.file={settings}", f"--web.listen-address=127.0.0.1:{port}"]
            process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
            try:
                wait_for(process, port, Path(name) / "log")
                yield process.pid, port
            finally:
                process.terminate()
                process.wait(10)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path, program: str = EXPORTER) -> None:
    """Return when a program listens; PeerError with the end of its log where it does not within ten seconds."""
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise PeerError(f"{program} did not start: {log.read_text().strip()[-200:]}") from None
            time.sleep(0.05)


def scrape(port: int, device: str) -> int:
    """Has the exporter read one device, as Prometheus does; how many values it told."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", f"/snmp?module=if_mib&target={device}")
        lines = connection.getresponse().read().decode().splitlines()
    return sum(line.startswith("if") for line in lines)


def exporter_interfaces(port: int, count: int) -> float:
    """CPU seconds of the exporter for 1,000 devices, warm, the least of three; PeerError where it lost one."""
    with exporter() as (pid, web), ThreadPoolExecutor(AT_ONCE) as threads:

        def one(number: int) -> int:
            return scrape(web, f"{address_of(number)}:{port}")

        list(threads.map(one, range(min(20, count))))
        took = []
        for _ in range(ROUNDS):
            before = cpu_of(pid)
            _check(EXPORTER, list(threads.map(one, range(count))))
            took.append(cpu_of(pid) - before)
    return min(took) / count * 1000


def bulkwalk_interfaces(port: int, count: int) -> float:
    """CPU seconds of as many snmpbulkwalk as there are columns, for 1,000 devices; PeerError where one lost rows."""
    program = shutil.which(BULKWALK)
    if program is None:
        raise PeerError("not installed: apt-get install snmp")
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as name:
        (Path(name) / "snmp.conf").write_text(f"defVersion 2c\ndefCommunity {COMMUNITY}\nmibs :\n")
        environment = {"PATH": os.environ.get("PATH", ""), "SNMPCONFPATH": name, "SNMP_PERSISTENT_DIR": name}

        def walk(number: int) -> int:
            values = 0
            for column in COLUMNS:
                command = [program, "-On", "-Cr25", "-t1", "-r1", f"{address_of(number)}:{port}", column]
                done = subprocess.run(command, capture_output=True, env=environment, timeout=30)  # noqa: S603
                if done.returncode:
                    break
                values += done.stdout.count(b" = ")
            return values

        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = [walk(number) for number in range(count)]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    _check(BULKWALK, told)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count * 1000


def _check(program: str, told: list[int]) -> None:
    if lost := sum(values != len(COLUMNS) * PORTS for values in told):
        raise PeerError(f"{program} read {lost} of {len(told)} devices not to the end")
