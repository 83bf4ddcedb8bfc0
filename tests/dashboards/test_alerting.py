"""From a telnet service on a real network to the message of a real Alertmanager, and back when it is closed.

The telnet server is that of the scans' tests; what takes the messages is a small web server of our own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.serving import serving
from tests.api.test_scanning import DOPHU, REGISTER, TELNET, dophu, wait_for
from tests.collectors.netns import run, town
from tests.dashboards.conftest import BOUND, free_port, run_prometheus

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"


class Inbox:
    """What Alertmanager sent so far: pairs of the path, which is the receiver's, and the alert."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._told: list[tuple[str, dict[str, Any]]] = []

    def put(self, path: str, message: dict[str, Any]) -> None:
        with self._news:
            self._told += [(path, alert) for alert in message["alerts"]]
            self._news.notify_all()

    def told(self, path: str, status: str) -> list[dict[str, Any]]:
        """The alerts about exposures that this receiver was told of."""
        return [
            alert
            for to, alert in self._told
            if to == path and alert["status"] == status and alert["labels"]["alertname"] == "SevereExposure"
        ]

    def wait(self, path: str, status: str) -> dict[str, Any]:
        """The first of them; fails where none comes in time."""
        with self._news:
            arrived = self._news.wait_for(lambda: self.told(path, status), BOUND)
            assert arrived, f"no alert of status {status} came to {path}: {self._told}"
            return self.told(path, status)[0]


@contextmanager
def receiving() -> Iterator[tuple[Inbox, int]]:
    """A web server that takes Alertmanager's messages."""
    inbox = Inbox()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            inbox.put(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield inbox, server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def alertmanager(folder: Path, webhooks: int) -> Iterator[str]:
    """The project's Alertmanager, quicker and with its webhooks at this port; yields its host and port."""
    binary = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if binary is None:
        pytest.skip("Alertmanager is not installed: apt-get install prometheus-alertmanager")
    text = (DEPLOY / "alertmanager.yml").read_text().replace("127.0.0.1:9095", f"127.0.0.1:{webhooks}")
    settings = yaml.safe_load(text)
    settings["route"] |= {"group_wait": "100ms", "group_interval": "1s"}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(settings))
    at = f"127.0.0.1:{free_port()}"
    command = [
        binary, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={at}", "--cluster.listen-address=",
    ]  # fmt: skip
    with (folder / "alertmanager.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until = time.monotonic() + BOUND
            while not _is_ready(at):
                assert process.poll() is None and time.monotonic() < until, (folder / "alertmanager.log").read_text()
                time.sleep(0.05)
            yield at
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_ready(at: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{at}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.mark.timeout(180)
def test_a_telnet_service_opened_is_told_to_the_agency_and_closed_it_is_over(tmp_path: Path) -> None:
    with town() as made, receiving() as (inbox, webhooks), alertmanager(tmp_path, webhooks) as sender:
        core, office = made.add("core"), made.add("office")
        made.join(core, "o0", office, "e0", "00:1b:54:aa:bb:20")
        made.address(core, "o0", "198.18.64.17/28")
        made.address(office, "e0", "198.18.64.20/28")
        register = tmp_path / "register"
        register.mkdir()
        networks = "code,agency,prefix,purpose,scan\nyte-lan,so-yte,198.18.64.16/28,lan,yes\n"
        for name, text in (REGISTER | {"networks.csv": networks}).items():
            (register / name).write_text(text)
        (tmp_path / "dophu.toml").write_text('data = "data"\n[scan]\nrate = 4000\n')
        for argv in (["init"], ["register", "import", str(register)]):
            run("ip", "netns", "exec", core, "env", "-C", str(tmp_path), str(DOPHU), *argv)
        telnet = made.start(office, sys.executable, "-c", TELNET)
        wait_for(core, 23, "198.18.64.20")
        alerting = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["alerting"]
        alerting["alertmanagers"] = [{"static_configs": [{"targets": [sender]}]}]
        with (
            serving(tmp_path, DOPHU_DATA=str(tmp_path / "data")) as server,
            run_prometheus(tmp_path, server.removeprefix("http://"), {"alerting": alerting}),
        ):
            assert not inbox.told("/so-yte", "firing")
            dophu(core, tmp_path, "scan", "run", "security", "-n", "yte-lan")
            for receiver in ("/so-yte", "/province"):
                alert = inbox.wait(receiver, "firing")
                told = {name: alert["labels"][name] for name in ("agency", "control", "name_vi", "severity")}
                assert told == {
                    "agency": "so-yte", "control": "host_no_telnet", "name_vi": "Sở Y tế", "severity": "critical"
                }  # fmt: skip
                assert alert["annotations"]["summary"] == "Sở Y tế: 1 thiết bị không đạt «Máy không mở telnet»"
                assert "The host has no telnet open" in alert["annotations"]["summary_en"]
                assert alert["annotations"]["url"] == f"{server}/security" and "dophu" not in alert["labels"]
            with urllib.request.urlopen(alert["annotations"]["url"], timeout=10) as page:
                assert "<h1" in page.read().decode()
            telnet.kill()
            telnet.wait()
            assert not inbox.told("/so-yte", "resolved")
            dophu(core, tmp_path, "scan", "run", "security", "-n", "yte-lan")
            for receiver in ("/so-yte", "/province"):
                over = inbox.wait(receiver, "resolved")
                assert (over["labels"]["agency"], over["labels"]["control"]) == ("so-yte", "host_no_telnet")
