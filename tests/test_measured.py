"""The whole path on the lab's province: what `make demo` does, and what must be true of it afterwards."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dashboards import load_dashboards
from dashboards.preview import previews
from tests.dashboards.conftest import run_prometheus
from tests.dashboards.grafana import KNOWN, ask, fill, settle, targets
from tests.dashboards.test_dashboards import EVERY, model
from tests.lab import namespaces
from tests.lab.declared import UNSCANNED
from tests.lab.demo import DOPHU, Demo, end, open_port
from tests.lab.province import ROOT, Province

PLAN = "vinh-phuc-2020"
WITHOUT_FIREWALL, SILENT, COMMUNE = "huyen-thachlam", "so-taichinh", "xa-anphong"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        namespaces.why_none() is not None, reason=f"no network namespaces here: {namespaces.why_none()}"
    ),
]


@contextmanager
def folder_for(name: str) -> Iterator[Path]:
    made = ROOT / ".lab" / f"test-{name}-{secrets.token_hex(3)}"
    made.mkdir(parents=True)
    (made / "dophu.toml").touch()
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, run once from an empty folder."""
    with folder_for("measured") as folder, Province(keep=tmp_path_factory.mktemp("keep")) as lab:
        ready = Demo(lab, folder, credentials=lab.credentials)
        ready.run()
        yield ready


def ask_dophu(demo: Demo, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = subprocess.run(
        demo.lab.command(str(DOPHU), *arguments, "--output", "json"),
        capture_output=True, text=True, timeout=200, env=demo.environment, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def figure(demo: Demo, goal: str, level: str = "all", *more: str) -> dict[str, Any]:
    rows = ask_dophu(demo, "coverage", "--plan", PLAN, *more)
    return next(row for row in rows if (row["goal"], row["level"]) == (goal, level))


@contextmanager
def served(demo: Demo) -> Iterator[str]:
    """`dophu serve` over the demo's data, reached from this machine's loopback."""
    with open_port(0) as listening:
        argv = demo.lab.command(str(DOPHU), "serve", "--no-rounds", "--fd", str(listening.fileno()))
        with (demo.folder / "test-serve.log").open("wb") as log:
            server = subprocess.Popen(
                argv, env=demo.environment, cwd=ROOT, pass_fds=[listening.fileno()], stdout=log, stderr=log
            )
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            patience = time.monotonic() + 30
            while True:
                try:
                    if httpx2.get(f"{address}/readyz", timeout=20).status_code == 200:
                        break
                except httpx2.TransportError:
                    pass
                assert server.poll() is None and time.monotonic() < patience, "dophu serve does not answer"
            yield address
        finally:
            end(server)


def test_a_share_is_proven_a_greater_one_possible_and_who_lacks_what_is_named(demo: Demo) -> None:
    row = figure(demo, "agency_firewall")
    assert (row["met"], row["unmet"], row["unknown"], row["counted"]) == (3, 1, 1, 5)
    assert row["proven"] == 0.6 < row["possible"] == 0.8 < row["target"]
    with served(demo) as address:
        listed = httpx2.get(f"{address}/api/v1/findings", params={"control": "agency_firewall_answering"}).json()
    # The goal speaks of provinces and districts; the control is asked of communes too.
    found = [f for f in listed["items"] if f["level"] in ("province", "district")]
    assert {f["member"] for f in found if f["status"] == "unmet"} == {WITHOUT_FIREWALL}
    assert {f["member"]: f["reason"] for f in found if f["status"] == "unknown"} == {
        SILENT: "Firewalls that answer: networks not read to the end within 8 d: so-taichinh-lan (never)"
    }
    met = [f for f in found if f["status"] == "met"]
    assert all(c["kind"] == "asset" and (c["facts"] or not c["sure"]) for f in met for c in f["counted"])


def test_what_is_declared_of_the_whole_province_is_told_without_an_agency(demo: Demo) -> None:
    shown = subprocess.run(
        demo.lab.command(str(DOPHU), "coverage", "--plan", PLAN),
        capture_output=True, text=True, timeout=60, env={**demo.environment, "COLUMNS": "200"}, cwd=ROOT,
    ).stdout  # fmt: skip
    assert "\n  11 × · từ " in shown and "()" not in shown


def test_the_devices_are_who_they_are(demo: Demo) -> None:
    with served(demo) as address:
        assets = httpx2.get(f"{address}/api/v1/assets", params={"limit": 1000}).json()["items"]
    roles: dict[str, int] = {}
    for asset in assets:
        roles[asset["role"] or "unknown"] = roles.get(asset["role"] or "unknown", 0) + 1
    assert roles["firewall"] == 3 and roles["vc_endpoint"] >= 1 and roles["power"] >= 1 and roles["switch"] >= 4
    # One device is left unidentified on purpose, one in the network that may not be scanned is in its gateway's ARP
    # table, and the machine with the agent is one asset and not two.
    assert roles["unknown"] == 2
    assert [a["network"] for a in assets if a["answering"] is None] == [UNSCANNED]
    with_agent = [a for a in assets if a["sysname"] and a["sysname"].startswith("may-tram")]
    assert len({a["sysname"] for a in with_agent}) == len(with_agent) >= 1


def test_no_packet_went_into_the_network_that_may_not_be_scanned(demo: Demo) -> None:
    assert isinstance(demo.lab, Province)
    assert demo.lab.captured(UNSCANNED) == 0


OF_TWO_READINGS = ("link_wan_carrying", "link_utilisation", "network_device_load")
"""Controls that a second reading may answer otherwise: a rate needs two, and a load is that of the moment."""


def test_a_second_round_changes_nothing_that_the_world_did_not(demo: Demo) -> None:
    before = ask_dophu(demo, "coverage", "--plan", PLAN)
    with served(demo) as address:
        stood = httpx2.get(f"{address}/api/v1/findings", params={"limit": 1000}).json()
        assets = httpx2.get(f"{address}/api/v1/assets", params={"limit": 1}).json()["total"]
    (sweep,) = ask_dophu(demo, "discover")
    rounds = {r["collector"]: r for r in ask_dophu(demo, "collect")}
    ask_dophu(demo, "judge")
    assert sweep["new"] == 0 and sweep["facts"] > 0
    assert rounds["icmp"]["new"] == 0
    assert ask_dophu(demo, "coverage", "--plan", PLAN) == before
    with served(demo) as address:
        stands = httpx2.get(f"{address}/api/v1/findings", params={"limit": 1000}).json()
        assert httpx2.get(f"{address}/api/v1/assets", params={"limit": 1}).json()["total"] == assets
    first, second = (
        {(f["control"], f["member"], f["since"]) for f in found["items"] if f["control"] not in OF_TWO_READINGS}
        for found in (stood, stands)
    )
    assert first ^ second == set()


def test_a_real_prometheus_scrapes_it_and_every_expression_of_the_dashboards_returns_data(
    demo: Demo, tmp_path: Path
) -> None:
    # The rounds of this lab are done by hand; a schedule that was never followed has no turn to tell of.
    assert ask_dophu(demo, "schedule", "run", "lines")["outcome"] == "done"
    ask_dophu(demo, "judge")
    with served(demo) as address, run_prometheus(tmp_path, address.removeprefix("http://")) as prometheus:
        text = httpx2.get(f"{address}/metrics").text
        clean = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
        assert (clean.returncode, clean.stdout + clean.stderr) == (0, "")
        silent: list[str] = []
        for name, language in EVERY:
            dashboard = model(name, language)
            values, _ = settle(prometheus, dashboard)
            for panel, target in targets(dashboard):
                expression = fill(target["expr"], values)
                now = time.time()
                window = {"start": f"{now - 60}", "end": f"{now}", "step": "1"}
                instant = target.get("instant")
                found = ask(
                    prometheus, "query" if instant else "query_range", query=expression, **({} if instant else window)
                )
                if not found["result"]:
                    silent.append(f"{name} {language}, {panel['title']}: {expression}")
        assert not silent, "\n".join(silent)
        # Nor does anything that is drawn miss something.
        for name in load_dashboards():
            (made,) = previews(prometheus, "vi", [name], "1m", [f"agency={KNOWN}"] if name == "agency" else [])
            assert made.troubles == ()
            assert made.html.count("<section") == len(model(name, "vi")["panels"])


def test_as_of_a_time_before_the_line_was_cut_the_figure_is_that_of_then(demo: Demo) -> None:
    assert isinstance(demo.lab, Province)
    assert figure(demo, "commune_lan_wan", "commune")["met"] == 1
    before = datetime.now(UTC).isoformat()
    demo.lab.silence(COMMUNE)
    try:
        ask_dophu(demo, "collect", "--agency", COMMUNE, "--only", "icmp")
        row = figure(demo, "commune_lan_wan", "commune")
        assert (row["met"], row["unmet"]) == (0, 1)
        then = figure(demo, "commune_lan_wan", "commune", "--as-of", before)
        assert (then["met"], then["unmet"]) == (1, 0)
        # Nothing is concluded of what stands behind the line: its firewall goal is what it was.
        assert figure(demo, "agency_lan")["unmet"] == 0
    finally:
        demo.lab.restore(COMMUNE)
    ask_dophu(demo, "collect", "--agency", COMMUNE, "--only", "icmp")
    assert figure(demo, "commune_lan_wan", "commune")["met"] == 1


def test_discovery_broken_off_proves_what_was_seen_and_never_a_lack(demo: Demo) -> None:
    with folder_for("broken-off") as folder:
        other = Demo(demo.lab, folder, credentials=demo.credentials)
        other.dophu("init")
        other.dophu("register", "import", os.path.relpath(other.register, ROOT))
        other.add_credentials()
        done = subprocess.run(
            demo.lab.command(str(DOPHU), "discover", "--agency", WITHOUT_FIREWALL, "--deadline", "0.2", "-o", "json"),
            capture_output=True, text=True, timeout=60, env=other.environment, cwd=ROOT,
        )  # fmt: skip
        (sweep,) = json.loads(done.stdout)
        assert (sweep["complete"], sweep["failed"]) == (0, 1)
        ask_dophu(other, "collect", "--agency", WITHOUT_FIREWALL, "--only", "snmp")
        row = figure(other, "agency_firewall", "district")
        assert (row["unmet"], row["unknown"]) == (0, 2)
        ask_dophu(other, "discover", "--agency", WITHOUT_FIREWALL)
        ask_dophu(other, "collect", "--agency", WITHOUT_FIREWALL, "--only", "snmp")
        assert figure(other, "agency_firewall", "district")["unmet"] == 1
