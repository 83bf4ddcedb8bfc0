"""Service discovery, as Prometheus uses it: its own server with snmp_exporter and blackbox_exporter, on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
import yaml

from api.discovering import Wanted, find_targets
from inventory import vocabulary
from inventory.secrets import KeyRing
from inventory.store import Store, keys, registers, runs
from inventory.words import Fact, Identity, InputError, Link, Network, Observation, Register, Run, Website
from tests.api.serving import serving
from tests.collectors.snmpd import COMMUNITY, snmpd
from tests.dashboards.grafana import ask
from tests.inventory.sample import LEVELS, agency
from tests.postgresql import free_port

NOW = datetime.now(UTC)
KNOWN = vocabulary.load()
DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"
BOUND = 15.0
HEAD = "__meta_dophu_"
REGISTER = Register(
    levels=LEVELS,
    agencies=(agency("A"), agency("C", "commune"), agency("A.1", "unit", parent="A")),
    networks=(
        Network("net-a", "A", ip_network("127.0.0.0/8"), "lan", True, ("nodes", "public-read", "spare")),
        Network("net-c", "C", ip_network("fd00::/64"), "lan", True),
        Network("net-u", "A.1", ip_network("10.9.0.0/24"), "lan", True),
    ),
    links=(
        Link("line-a", "A", "mtslcd", "127.0.0.1", "Nhà mạng A"),
        Link("line-c", "C", "internet", "198.18.0.2", port=179),
        Link("line-x", "C", "wan"),
    ),
)


def asset(of: str, net: str, address: str, source: str = "snmp", /, *, at: datetime = NOW, **values: Any) -> Run:
    told = {"answering": True} | values
    seen = tuple(Fact(key, value, source, at) for key, value in told.items())
    who = Identity(frozenset(), address, net, of)
    return Run(source, f"{net} {address}", at, at, (Observation(seen, asset=who),), True, None, of)


FOUND = (
    asset("A", "net-a", "127.0.0.1", role="switch", vendor="Cisco", sysname="sw-1"),
    asset("A", "net-a", "127.0.0.2", role="power", vendor="APC by Schneider Electric"),
    asset("A", "net-a", "127.0.0.3", "agent", role="server", os_name="Debian GNU/Linux 12"),
    asset("A", "net-a", "127.0.0.4", "agent", role="workstation", os_name="Microsoft Windows 11 Pro"),
    asset("A", "net-a", "127.0.0.5", "nmap", role="server"),
    asset("C", "net-c", "fd00::5", "exporter", role="server", os_name="Windows Server 2022"),
    asset("C", "net-c", "fd00::6", "exporter", role="server"),
    asset("A.1", "net-u", "10.9.0.1", role="printer", vendor="HP"),
    asset("A", "net-a", "127.0.0.8", role="switch", answering=False),
    asset("A", "net-a", "127.0.0.9", role="router", at=NOW - timedelta(days=3)),
)


async def fill(folder: Path, register: Register, found: tuple[Run, ...]) -> Store:
    store = Store.open(f"sqlite:///{folder / 'dophu.db'}")
    await store.migrate()
    ring = KeyRing.create(folder / "dophu.key") or KeyRing.load(folder / "dophu.key")
    await store.write(registers.replace, register)
    await store.write(registers.record_declared, KNOWN, register, NOW)
    for name, kind in (("public-read", "snmp-v2c"), ("spare", "snmp-v3"), ("nodes", "exporter")):
        await store.write(keys.put_credential, name, kind, ring.seal(json.dumps({"community": "b1-m4t"}), name))
    for run in found:
        await store.write(runs.record, KNOWN, run, NOW)
    return store


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Asks for the groups of one kind; by target, its labels without their common beginning."""
    folder = tmp_path_factory.mktemp("sd")
    site = Website("https://so-a.example.vn/", "A", "Trang của Sở")
    store = asyncio.run(fill(folder, replace(REGISTER, websites=(site,)), FOUND))

    def find(kind: Any, **wanted: Any) -> dict[str, dict[str, str]]:
        chosen = Wanted(**{k: v if isinstance(v, bool) else tuple(v.split()) for k, v in wanted.items()})
        groups = asyncio.run(store.read(find_targets, KNOWN, kind, chosen, NOW))
        assert all(isinstance(v, str) for g in groups for v in g["labels"].values())
        assert COMMUNITY not in json.dumps(groups)
        return {t: {k.removeprefix(HEAD): v for k, v in g["labels"].items()} for g in groups for t in g["targets"]}

    yield find
    asyncio.run(store.close())


def test_what_snmp_reads_is_told_with_module_and_the_name_of_the_credential(asked: Any) -> None:
    found = asked("snmp")
    assert {t: v["module"] for t, v in found.items()} == {
        "127.0.0.1": "if_mib", "127.0.0.2": "apcups", "10.9.0.1": "printer_mib",
    }  # fmt: skip
    assert found["127.0.0.1"] == {
        "agency": "A", "agency_name": "Cơ quan A", "agency_name_en": "Agency A", "counts_as": "A", "level": "province",
        "role": "switch", "network": "net-a", "vendor": "Cisco", "asset": "2", "name": "sw-1", "module": "if_mib",
        "credential": "public-read", "credentials": "public-read,spare",
    }  # fmt: skip
    assert (found["10.9.0.1"]["credential"], found["10.9.0.1"]["level"]) == ("", "province")
    # What was read before and is silent now is kept on demand; whose last word is too old is not.
    assert {*asked("snmp", silent=True)} - {*found} == {"127.0.0.8"}


def test_hosts_are_told_by_their_system_with_the_ports_of_their_exporters(asked: Any) -> None:
    assert {*asked("node")} == {"127.0.0.3:9100", "[fd00::6]:9100"}
    assert {*asked("windows")} == {"127.0.0.4:9182", "[fd00::5]:9182"}
    assert {*asked("node", agency="A")} == {"127.0.0.3:9100"}


def test_websites_and_lines_are_all_that_is_declared(asked: Any) -> None:
    found = asked("blackbox")
    assert {t: v["module"] for t, v in found.items()} == {
        "https://so-a.example.vn/": "http_2xx", "127.0.0.1": "icmp", "198.18.0.2:179": "tcp_connect",
    }  # fmt: skip
    assert (found["127.0.0.1"]["link"], found["127.0.0.1"]["vendor"]) == ("line-a", "Nhà mạng A")
    assert found["https://so-a.example.vn/"]["asset"] == "1" and found["127.0.0.1"]["asset"] == ""
    assert {*asked("blackbox", level="commune")} == {"198.18.0.2:179"}


def test_filters_choose_and_unknown_names_are_refused(asked: Any) -> None:
    assert {*asked("snmp", agency="A")} == {"127.0.0.1", "127.0.0.2", "10.9.0.1"}
    assert {*asked("snmp", agency="A.1")} == {"10.9.0.1"} == {*asked("snmp", network="net-u")}
    assert {*asked("snmp", role="power")} == {"127.0.0.2"}
    assert {*asked("snmp", role="power switch")} == {"127.0.0.1", "127.0.0.2"}
    assert asked("snmp", agency="C") == {} and asked("snmp", agency="C A.1") == asked("snmp", agency="A.1")
    for wrong in ({"agency": "A.9"}, {"level": "ward"}, {"role": "swich"}, {"network": "net"}):
        ((what, named),) = wrong.items()
        with pytest.raises(InputError, match=f"found the {what} '{named}', expected"):
            asked("blackbox", **wrong)


def test_promtool_takes_the_example() -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([promtool, "check", "config", DEPLOY / "discovery.yml"], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# --- with Prometheus and its exporters --------------------------------------------------------------------------------


@contextmanager
def running(name: str, log: Path, *arguments: str) -> Iterator[None]:
    binary = shutil.which(name)
    if binary is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    with log.open("wb") as to, subprocess.Popen([binary, *arguments], stdout=to, stderr=to, cwd=log.parent) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def page() -> Iterator[str]:
    """A website of one page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


def modules(where: Path) -> str:
    """What snmp_exporter walks, with the credential where its version expects it (auths since 0.23)."""
    walked = {
        "walk": ["1.3.6.1.2.1.1.3"],
        "metrics": [{"name": "sysUpTime", "oid": "1.3.6.1.2.1.1.3", "type": "gauge", "help": "Since it started."}],
    }
    auth = {"community": COMMUNITY}
    version = subprocess.run(["prometheus-snmp-exporter", "--version"], capture_output=True, text=True, timeout=10)
    minor = int((version.stdout + version.stderr).split("version ")[1].split(".")[1])
    new = {"auths": {"public-read": auth | {"version": 2}}, "modules": {"if_mib": walked}}
    where.write_text(json.dumps(new if minor >= 23 else {"if_mib": walked | {"version": 2, "auth": auth}}))
    return str(where)


def configure(dophu: str, token: Path, ports: dict[str, int]) -> str:
    """The example of deploy/ with the addresses of this test and no pause; the agent's port is no usual one."""
    config = yaml.safe_load((DEPLOY / "discovery.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    for job in config["scrape_configs"]:
        job |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
        (source,) = job["http_sd_configs"]
        source |= {"url": source["url"].replace("http://127.0.0.1:8080", dophu), "refresh_interval": "1s"}
        source["authorization"] = {"type": "Bearer", "credentials_file": str(token)}
        for rule in job["relabel_configs"]:
            if rule.get("replacement") == "127.0.0.1:9115":
                rule["replacement"] = f"127.0.0.1:{ports['blackbox']}"
            if rule.get("replacement") == "127.0.0.1:9116":
                rule["replacement"] = f"127.0.0.1:{ports['exporter']}"
            if rule.get("target_label") == "__param_target" and job["job_name"] == "dophu-snmp":
                rule["replacement"] = f"$1:{ports['snmpd']}"
    return yaml.safe_dump(config)


def test_a_real_prometheus_scrapes_what_dophu_found(tmp_path: Path) -> None:
    for needed in ("prometheus", "prometheus-snmp-exporter", "prometheus-blackbox-exporter"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed: apt-get install {needed}")
    ports = {name: free_port() for name in ("exporter", "blackbox", "prometheus")}
    with ExitStack() as opened:
        (tmp_path / "agent").mkdir()
        ports["snmpd"] = opened.enter_context(snmpd(tmp_path / "agent"))
        url = opened.enter_context(page())
        register = replace(REGISTER, websites=(Website(url, "A", "Trang"),), links=REGISTER.links[:1])
        asyncio.run(_made(tmp_path, register))
        token = tmp_path / "token"
        token.write_text("t-0123456789")
        dophu = opened.enter_context(serving(tmp_path, DOPHU_API_TOKEN=token.read_text()))
        bare = httpx2.get(f"{dophu}/api/v1/sd/snmp")
        assert (bare.status_code, bare.json()) == (401, {"detail": "expected the API token"})
        headers = {"Authorization": f"Bearer {token.read_text()}"}
        wrong = httpx2.get(f"{dophu}/api/v1/sd/snmp?agency=SO-99", headers=headers)
        assert wrong.status_code == 404 and "found the agency 'SO-99', expected the code" in wrong.json()["detail"]
        assert httpx2.get(f"{dophu}/api/v1/sd/ipmi", headers=headers).status_code == 422
        slip = httpx2.get(f"{dophu}/api/v1/sd/snmp?agancy=A", headers=headers)
        assert slip.status_code == 422 and "did you mean 'agency'?" in slip.json()["detail"]
        several = httpx2.get(f"{dophu}/api/v1/sd/blackbox?agency=A&agency=C&agency=A.1", headers=headers)
        assert several.status_code == 200
        (tmp_path / "prometheus.yml").write_text(configure(dophu, token, ports))
        (tmp_path / "blackbox.yml").write_text(
            "modules: {http_2xx: {prober: http}, icmp: {prober: icmp}, tcp_connect: {prober: tcp}}"
        )
        for name, *arguments in (
            ("prometheus-snmp-exporter", f"--config.file={modules(tmp_path / 'snmp.yml')}",
             f"--web.listen-address=127.0.0.1:{ports['exporter']}"),
            ("prometheus-blackbox-exporter", "--config.file=blackbox.yml",
             f"--web.listen-address=127.0.0.1:{ports['blackbox']}"),
            ("prometheus", "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
             "--storage.tsdb.path=tsdb"),
        ):  # fmt: skip
            opened.enter_context(running(name, tmp_path / f"{name}.log", *arguments))
        server = f"http://127.0.0.1:{ports['prometheus']}"
        (read,) = wait_for(server, 'sysUpTime{job="dophu-snmp"} > 0')
        assert {read[name] for name in ("agency", "level", "role", "name", "instance")} == {
            "A", "province", "switch", "sw-1", "127.0.0.1",
        }  # fmt: skip
        (site,) = wait_for(server, f'probe_success{{instance="{url}"}} == 1')
        assert site["agency"] == "A"
        (line,) = wait_for(server, 'probe_success{link="line-a"}')
        assert line["instance"] == "127.0.0.1"


async def _made(folder: Path, register: Register) -> None:
    await (await fill(folder, register, FOUND[:1])).close()


def wait_for(server: str, query: str) -> list[dict[str, str]]:
    """The labels of what a query gives, once it gives something."""
    until = time.monotonic() + BOUND
    while time.monotonic() < until:
        try:
            if found := ask(server, "query", query=query)["result"]:
                return [one["metric"] for one in found]
        except (urllib.error.URLError, ConnectionError, AssertionError):
            pass  # it starts
        time.sleep(0.1)
    pytest.fail(f"{query} gave nothing within {BOUND:.0f} s")
