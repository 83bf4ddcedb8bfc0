"""200,000 points through our exporter beside a bare batching WriteApi of influxdb-client, in one run, and its memory.

Ours makes the lines, keeps each snapshot on disk, reads it back, checks it and sends it; the bare WriteApi is given
lines that are there already, or makes them of its own Point objects. The server is VictoriaMetrics, and one of our own
that reads and drops; each way has a process of its own, and what counts is the quickest of several rounds in turn.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from bench._influx_work import BATCH, POINTS
from bench.snmp import Limit
from tests.postgresql import free_port

ROOT = Path(__file__).parent.parent
ROUNDS = 3
AT_LEAST, MOST_MB = 0.7, 200.0
PROGRAM = "victoria-metrics"


class _Dropping(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read all and say that it was written."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _dropping() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Dropping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def _victoria(folder: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [PROGRAM, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}", "-retentionPeriod=100y",
               "-dedup.minScrapeInterval=1ms", "-loggerLevel=ERROR", "-memory.allowedBytes=256MB"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):  # noqa: S310
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def _work(kind: str, url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench._influx_work", kind, url, folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{kind}: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _compare(server: str, url: str, kinds: tuple[str, ...]) -> dict[str, float]:
    """The points a second of each way, the best of all rounds."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for kind in kinds:
            best[kind] = max(best.get(kind, 0), POINTS / _work(kind, url)["seconds"])
    cells = "".join(f"{best[kind]:>14,.0f}" if kind in best else f"{'-':>14}" for kind in ("ours", "lines", "points"))
    print(f"{server:<30}{cells}")
    return best


def main() -> None:
    """Print points a second beside each other, the memory with the server away, and the limits."""
    print(f"{f'points/s ({POINTS:,} in {BATCH:,})':<30}{'ours':>14}{'bare, lines':>14}{'bare, Points':>14}")
    found: dict[str, dict[str, float]] = {}
    with _dropping() as url:
        found["dropping"] = _compare("a server that drops them", url, ("ours", "lines", "points"))
    if shutil.which(PROGRAM):
        with tempfile.TemporaryDirectory() as folder, _victoria(Path(folder)) as url:
            found["victoria"] = _compare("VictoriaMetrics", url, ("ours", "lines"))
    else:
        print(f"- VictoriaMetrics: {PROGRAM} is not installed")
    away = f"http://127.0.0.1:{free_port()}"
    kept, nothing = _work("ours", away), _work("nothing", away)
    print(f"away: {POINTS:,} points kept on disk in {kept['seconds']:.1f} s, {kept['megabytes']:.0f} MB of memory "
          f"({nothing['megabytes']:.0f} MB without doing anything)")  # fmt: skip
    limits = [
        Limit(
            f"{server}: ours / bare WriteApi with lines that are there already",
            found[server]["ours"] / found[server]["lines"] if server in found else None,
            AT_LEAST,
            at_least=True,
        )
        for server in ("dropping", "victoria")
    ]
    points = found["dropping"]["ours"] / found["dropping"]["points"]
    limits.append(Limit("dropping: ours / bare WriteApi with Point objects", points, AT_LEAST, at_least=True))
    limits.append(Limit("megabytes with the server away", kept["megabytes"], MOST_MB))
    for limit in limits:
        print(limit)
    print(json.dumps({"points_a_second": found, "away": kept, "limits_met": [limit.met for limit in limits]}))
    if any(limit.met is False for limit in limits):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
