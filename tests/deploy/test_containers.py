"""Containerfile and compose.yaml, as far as they can be checked without a container engine: there is none here.

Nothing is built and no image is pulled: compose is compared with the Compose Specification's schema, every file that is
named has to be there, and the commands of the containers are run by hand, with the same configuration.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
import yaml

from tests.postgresql import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def mounts() -> Iterator[tuple[str, str, str]]:
    """The service, the source and the target of every mount."""
    for name, service in SERVICES.items():
        for mount in service.get("volumes", ()):
            source, target, *_ = mount.split(":")
            yield name, source, target


def test_compose_is_as_its_specification_says() -> None:
    schema = json.loads((Path(__file__).with_name("compose_spec.json")).read_text())
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_every_file_that_is_mounted_is_there(tmp_path: Path) -> None:
    for service, source, _ in mounts():
        if source.startswith("."):
            assert (DEPLOY / source).exists(), f"{service}: {source}"
        else:
            assert source in COMPOSE["volumes"], f"{service}: {source}"
    assert {source for _, source, _ in mounts() if not source.startswith(".")} == set(COMPOSE["volumes"])
    subprocess.run([DEPLOY / "compose" / "make-secrets.sh", tmp_path], check=True, timeout=30)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == made.keys()
    assert all(len(text) >= 50 for text in made.values()), "NetBox wants 50 characters"
    # Those that are there stay.
    subprocess.run([DEPLOY / "compose" / "make-secrets.sh", tmp_path], check=True, timeout=30)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == made


def test_services_name_only_what_there_is() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", ())) <= SERVICES.keys(), name
        secrets = {s if isinstance(s, str) else s["source"] for s in service.get("secrets", ())}
        assert secrets <= COMPOSE["secrets"].keys(), name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name}: {port} is open to everybody"
    text = "".join(p.read_text() for p in (DEPLOY / "compose").rglob("*.y*ml"))
    named = set(re.findall(r"(?:http://|\")([a-z]+):\d+", text))
    assert named == {"alertmanager", "dophu", "prometheus", "victoriametrics"} <= SERVICES.keys()


def test_grafana_knows_the_source_that_the_dashboards_ask() -> None:
    usual = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    ours = yaml.safe_load((DEPLOY / "compose/grafana/datasources/prometheus.yaml").read_text())
    assert ours["datasources"][0]["uid"] == usual["datasources"][0]["uid"]
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/dophu.yaml").read_text())["providers"][0]
    [place] = [target for name, source, target in mounts() if (name, source) == ("grafana", "dashboards")]
    written = SERVICES["dashboards"]["command"][-1].replace("/dashboards", place, 1)
    assert provider["options"]["path"] == written


def test_what_the_containerfile_copies_is_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
    packages = re.search(r"packages = \[([^]]+)\]", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    for package in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {package} {package}" in CONTAINERFILE


def test_the_container_is_no_root_and_may_do_nothing_but_raw_sockets() -> None:
    stages = CONTAINERFILE.split("FROM ")
    assert re.findall(r"^USER (\w+)$", stages[-1], re.MULTILINE) == ["dophu"]
    own = {name: service for name, service in SERVICES.items() if service["image"] == SERVICES["dophu"]["image"]}
    assert {"dophu", "dashboards"} <= own.keys()
    # What a file's effective capability asks for has to be in the bounding set, or the kernel refuses to run it.
    for name, service in own.items():
        assert (service["cap_drop"], service.get("cap_add")) == (["ALL"], ["NET_RAW"]), name
    assert all("privileged" not in service and "network_mode" not in service for service in SERVICES.values())
    assert set(re.findall(r"setcap (\S+)", CONTAINERFILE)) == {"cap_net_raw+ep"}


def test_prometheus_and_alertmanager_take_their_configuration(tmp_path: Path) -> None:
    for tool in ("promtool", "amtool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here (Debian: apt-get install prometheus prometheus-alertmanager)")
    for name, source, target in mounts():
        if name in ("prometheus", "alertmanager") and source.startswith("."):
            shutil.copy(DEPLOY / source, tmp_path / Path(target).name)
    (tmp_path / "token").write_text("x")
    file = tmp_path / "prometheus.yml"
    file.write_text(file.read_text().replace("/run/secrets/api_token", str(tmp_path / "token")))
    for command in (["promtool", "check", "config", file], ["amtool", "check-config", tmp_path / "alertmanager.yml"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running(command: list[str | Path], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env={**os.environ, **environment})
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if httpx2.get(address, timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        assert process.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def test_what_the_container_runs_makes_the_tables_and_serves(tmp_path: Path) -> None:
    subprocess.run([DEPLOY / "compose" / "make-secrets.sh", tmp_path / "secrets"], check=True, timeout=30)
    secret, port = tmp_path / "secrets" / "api_token", free_port()
    inside = SERVICES["dophu"]["environment"] | {"DOPHU_API_TOKEN_FILE": str(secret)}
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DOPHU_DATA": str(tmp_path / "data")}
    start: list[str | Path] = ["sh", DEPLOY / "compose" / "start.sh"]
    with running(start, tmp_path / "log", **inside, **own, DOPHU_PORT=str(port)) as process:
        wait_for(f"http://127.0.0.1:{port}/readyz", process, tmp_path / "log")
        asked = f"http://127.0.0.1:{port}/metrics"
        token = {"Authorization": f"Bearer {secret.read_text().strip()}"}
        assert httpx2.get(asked).status_code == 401
        assert httpx2.get(asked, headers=token).status_code == 200
    done = subprocess.run([*start, "dophu", "dashboards", "--out", tmp_path / "out"], env={**os.environ, **own},
                          timeout=60, capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 0 and list((tmp_path / "out").glob("*.json"))


def test_victoriametrics_takes_its_command(tmp_path: Path) -> None:
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("victoria-metrics is not here (Debian: apt-get install victoria-metrics)")
    port = free_port()
    command = [
        option.replace("/victoria-metrics-data", str(tmp_path / "data")).replace(":8428", f"127.0.0.1:{port}")
        for option in SERVICES["victoriametrics"]["command"]
    ]
    with running([program, *command], tmp_path / "log") as process:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health", process, tmp_path / "log")
        # A point that is written twice is one.
        at = int(time.time()) - 60
        for _ in range(2):
            httpx2.post(f"{address}/api/v2/write", content=f"m v=1 {at}000000000".encode()).raise_for_status()
            httpx2.get(f"{address}/internal/force_flush").raise_for_status()
        asked = {"query": "count_over_time(m_v[1h])", "time": at + 1, "nocache": 1}
        (found,) = httpx2.get(f"{address}/api/v1/query", params=asked).json()["data"]["result"]
        assert found["value"][1] == "1"
