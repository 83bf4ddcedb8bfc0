"""What the benchmark of scans runs, each in a process of its own inside a namespace: prints JSON.

    python -m bench._scan_work serve                     forty hosts' services, on every address of the namespace
    python -m bench._scan_work ours|bare PREFIX RATE PROFILE
    python -m bench._scan_work sweep PREFIX RATE         what a large network takes

"bare" is nmap itself: one process that sweeps and one that reads the services, with the arguments and the rate that
ours have together.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from ipaddress import ip_network

from collectors import nmap
from collectors.scans import Profile, profile
from collectors.transports.nmap import IPAddress, OptionValue, arguments
from collectors.transports.nmap_xml import Document
from inventory.words import Network, Run, Target

SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
HTTP = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def serve() -> None:
    """Greet on port 22 and answer one request on port 80 until killed."""

    async def greet(_: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        out.write(SSH)
        await asyncio.sleep(0.05)
        out.close()

    async def answer(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        if await reader.read(4096):
            out.write(HTTP)
        out.close()

    servers = [await asyncio.start_server(greet, "0.0.0.0", 22), await asyncio.start_server(answer, "0.0.0.0", 80)]  # noqa: S104
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def ours(prefix: str, rate: int, by: Profile) -> Run:
    """The scan as rounds and schedules run it, without the store."""
    network = Network("lan", "agency", ip_network(prefix), "lan", scan=True)
    return await nmap.scan_network(Target(prefix, agency="agency", network=network), by, rate=rate)


def bare(prefix: str, rate: int, by: Profile) -> dict[str, float]:
    """nmap alone; hosts and open ports that it told."""
    everyone = tuple(ip_network(prefix).hosts())
    present = tuple(host for host, _ in _run(nmap.sweep_options(by, rate), everyone))
    read = _run(nmap.service_options(by, rate), present) if by.ports else []
    return {"hosts": len(present), "services": sum(open_ for _, open_ in read)}


def _run(options: Mapping[str, OptionValue], addresses: tuple[IPAddress, ...]) -> list[tuple[IPAddress, int]]:
    command = ["nmap", *arguments(options, addresses)]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603
    return [(host.address, len(host.services)) for host in Document().feed(done.stdout)]


def main() -> None:
    """Do the work that is named."""
    work = sys.argv[1]
    if work == "serve":
        asyncio.run(serve())
        return
    prefix, rate = sys.argv[2], int(sys.argv[3])
    by = profile(sys.argv[4] if work != "sweep" else "sweep")
    began = time.monotonic()
    if work == "bare":
        told = bare(prefix, rate, by)
    else:
        run = asyncio.run(ours(prefix, rate, by))
        if run.error or not run.complete:
            raise SystemExit(f"the scan was not complete: {run.error}")
        facts = [fact for seen in run.observations for fact in seen.facts]
        told = {"hosts": len(run.observations), "services": sum(fact.key == "service" for fact in facts)}
    seconds = time.monotonic() - began
    own, largest = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"seconds": seconds, "own_mb": own, "largest_nmap_mb": largest, **told}))


if __name__ == "__main__":
    main()
