"""A real Prometheus that scrapes the sample snapshot, both on free loopback ports and ended with the tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.prometheus import MetricsPage
from tests.dashboards.grafana import ask
from tests.exporters.sample import SAMPLE, SPOOL

BOUND = 30.0
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "dophu.rules.yml"


@contextmanager
def serve(page: MetricsPage) -> Iterator[int]:
    """`/metrics` as the application serves it; yields the port."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A Prometheus that no longer waits is no error; told with a traceback, it would be parsed in this thread,
            # which Python 3.11 cannot do while a test parses too.
            with suppress(ConnectionError):
                self.tell()

        def tell(self) -> None:
            told = page.render(self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", ""))
            self.send_response(200)
            for name, text in told.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def run_prometheus(directory: Path, scraped: str, more: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Prometheus with the project's rules over one target (host:port), ready and with a scrape in; yields its base URL.

    Args:
        more: sections of its configuration.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    config = directory / "prometheus.yml"
    settings = {
        "global": {
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "evaluation_interval": "1s",
            "external_labels": {"dophu": f"http://{scraped}"},
        },
        "scrape_configs": [{"job_name": "dophu", "static_configs": [{"targets": [scraped]}]}],
        "rule_files": [str(RULES)],
    }
    config.write_text(yaml.safe_dump({**settings, **(more or {})}))
    port = free_port()
    arguments = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    server = f"http://127.0.0.1:{port}"
    with (directory / "log").open("wb") as log, subprocess.Popen(arguments, stdout=log, stderr=log) as process:
        try:
            _wait_for_a_scrape(server, process, directory / "log")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


#: Dophu was read, and what is recorded of it is there.
_READY = """up{job="dophu"} == 1 and on () dophu_snapshot_timestamp_seconds
            and on () plan_level_status:dophu_coverage_status:sum"""


def _wait_for_a_scrape(server: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if ask(server, "query", query=_READY)["result"]:
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        except AssertionError as starting:
            # 503 until the storage is open.
            assert "Unavailable" in str(starting), starting
        time.sleep(0.05)
    pytest.fail(f"Prometheus had no scrape within {BOUND:.0f} s: {log.read_text()}")


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a Prometheus that holds the sample snapshot."""
    page = MetricsPage()
    page.publish(SAMPLE)
    page.publish_spool(SPOOL)
    with serve(page) as port, run_prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{port}") as server:
        yield server
