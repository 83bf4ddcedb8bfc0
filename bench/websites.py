"""CPU of asking websites over HTTPS, beside prometheus-blackbox-exporter and Python's bare ssl, in one run.

All ask the same nginx on loopback (a page of 20 kB, an RSA certificate of 2,048 bits whose issuer they know), each in a
process of its own whose CPU time is taken; what counts are the smallest of several rounds in turn. A site is asked over
IPv4 and IPv6, for which blackbox_exporter needs two probes, and every six hours for its feed and old TLS as well.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from bench._snmp_peers import PeerError, cpu_of
from bench.snmp import Limit
from tests.collectors.certificates import make, save

ROOT = Path(__file__).parents[1]
EXPORTER, NGINX = "prometheus-blackbox-exporter", "/usr/sbin/nginx"
COUNT, ROUNDS, AT_ONCE = 500, 3, 10
BOUND = 1.5
_PAGE = (
    '<!doctype html><link rel="alternate" type="application/rss+xml" href="/feed.xml"><p>Cập nhật 02/01/2026</p>'
    + "<p>Cổng thông tin điện tử của tỉnh.</p>" * 450
)
_CONFIGURATION = """
user root; daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{
  access_log off; types {{ text/html html; application/rss+xml xml; }} root {folder}/www;
  ssl_certificate {folder}/site.pem; ssl_certificate_key {folder}/site.key; ssl_session_tickets off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl; }}
}}
"""
_MODULES = """
modules:
  https: {{prober: http, timeout: 5s, http: {{tls_config: {{ca_file: {ca}, server_name: localhost}}}}}}
"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[int]:
    """A server that takes connections on a port while the block runs: its process."""
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)  # noqa: S603
        until = time.monotonic() + 10
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise PeerError(f"{command[0]} did not start: {log.read_text().strip()[-300:]}") from None
                    time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def site(folder: Path) -> Iterator[tuple[int, Path]]:
    """The website: its port, and the certificate of who issued its own."""
    if shutil.which(NGINX) is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light")
    issuer = make("Issuer", authority=True, key=rsa.generate_private_key(65537, 2048))
    save(folder, "issuer", issuer)
    save(folder, "site", make("localhost", issuer, key=rsa.generate_private_key(65537, 2048)), issuer)
    (folder / "www").mkdir()
    (folder / "www" / "index.html").write_text(_PAGE)
    day = datetime.now(UTC) - timedelta(days=2)
    (folder / "www" / "feed.xml").write_text(
        f"<rss><item><pubDate>{day:%a, %d %b %Y %H:%M:%S} +0000</pubDate></item></rss>"
    )
    port = _free_port()
    (folder / "nginx.conf").write_text(_CONFIGURATION.format(folder=folder, port=port))
    with running([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], port, folder / "nginx.log"):
        yield port, folder / "issuer.pem"


def client(work: str, port: int, ca: Path) -> float:
    """CPU milliseconds of one probe by `bench._website_clients` in a process of its own."""
    command = [sys.executable, "-m", "bench._website_clients", work, str(port), str(COUNT), str(ca)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{work}: {done.stderr.strip()[-500:]}")
    return float(json.loads(done.stdout)["cpu_ms"])


class Peer:
    """A blackbox_exporter of our own, asked as Prometheus asks it."""

    def __init__(self, pid: int, web: int, port: int) -> None:
        """Keep its process, its port and the website's."""
        self._pid, self._web, self._port = pid, web, port

    def probe(self, host: str) -> None:
        """Have it ask once; PeerError where it did not see the page."""
        connection = http.client.HTTPConnection("127.0.0.1", self._web, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", f"/probe?module=https&target=https://{host}:{self._port}/")
            told = connection.getresponse().read()
        if b"probe_success 1" not in told:
            raise PeerError(f"{EXPORTER} did not see the page at {host}")

    def cost(self, hosts: Sequence[str]) -> float:
        """CPU milliseconds of one probe of each of these addresses."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(self.probe, hosts * 20))
            before = cpu_of(self._pid)
            list(threads.map(self.probe, hosts * COUNT))
            return (cpu_of(self._pid) - before) / COUNT * 1000


@contextlib.contextmanager
def peer(folder: Path, port: int, ca: Path) -> Iterator[Peer]:
    """The peer while the block runs; PeerError where it is not to be had."""
    program = shutil.which(EXPORTER)
    if program is None:
        raise PeerError(f"not installed: apt-get install {EXPORTER}")
    settings, web = folder / "blackbox.yml", _free_port()
    settings.write_text(_MODULES.format(ca=ca))
    command = [program, f"--config.file={settings}", f"--web.listen-address=127.0.0.1:{web}"]
    with running(command, web, folder / "blackbox.log") as pid:
        yield Peer(pid, web, port)


def measure(folder: Path, port: int, ca: Path, least: dict[str, float]) -> str:
    """Put the least of each work's CPU milliseconds into `least`; why the peer is missing, where it is."""
    why = ""
    with contextlib.ExitStack() as opened:
        try:
            other = opened.enter_context(peer(folder, port, ca))
        except PeerError as error:
            other, why = None, str(error)
        for _ in range(ROUNDS):
            took = {work: client(work, port, ca) for work in ("bare", "fetch", "site", "site-long")}
            if other is not None:
                took |= {"peer": other.cost(["127.0.0.1"]), "peer-site": other.cost(["127.0.0.1", "[::1]"])}
            for work, cost in took.items():
                least[work] = min(least.get(work, cost), cost)
    return why


def main() -> None:
    """Print the table and the limits; status 1 where one is missed."""
    least: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as name, site(Path(name)) as (port, ca):
        why = measure(Path(name), port, ca, least)
    print(f"{'CPU ms':<44}{'ours':>8}{'bare ssl':>10}{'blackbox_exporter':>19}")
    for title, own, raw, theirs in (
        ("one page over HTTPS, certificate judged", "fetch", "bare", "peer"),
        ("a site over IPv4 and IPv6", "site", "", "peer-site"),
        ("a site with its feed, dates and old TLS", "site-long", "", ""),
    ):
        cells = [f"{least[key]:.2f}" if key in least else "-" for key in (own, raw, theirs)]
        print(f"{title:<44}{cells[0]:>8}{cells[1]:>10}{cells[2]:>19}")
    if why:
        print(f"- {EXPORTER}: {why}")
    limits = [
        Limit("one page: ours / blackbox_exporter", least["fetch"] / least["peer"] if "peer" in least else None, BOUND),
        Limit(
            "a site: ours / blackbox_exporter's two probes",
            least["site"] / least["peer-site"] if "peer-site" in least else None,
            BOUND,
        ),
    ]
    for limit in limits:
        print(limit)
    print(json.dumps({"cpu_ms": least, "limits_met": [limit.met for limit in limits]}))
    if any(limit.met is False for limit in limits):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
