"""The lab comes up and goes without a trace, and each situation that it exists for is there when plain tools ask."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import namespaces
from tests.lab.declared import CREDENTIALS, SILENT, UNSCANNED, Device, LabError, devices, links, networks
from tests.lab.loopback import Loopback, moved, present
from tests.lab.province import ROOT, STATES, Province, labs, sweep

reason = namespaces.why_none()
needs_namespaces = pytest.mark.skipif(reason is not None, reason=f"no network namespaces: {reason}")

SYS_NAME = "1.3.6.1.2.1.1.5.0"
LLDP_NEIGHBOUR_NAME = "1.0.8802.1.1.2.1.4.1.1.9"


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """One lab for the tests that leave it as it was."""
    with Province(keep=tmp_path_factory.mktemp("keep"), lifetime=600) as lab:
        yield lab


def by_name(name: str) -> Device:
    """A machine of the lab."""
    return next(device for device in devices() if device.name == name)


def snmp_arguments(credential: str) -> list[str]:
    """How net-snmp's tools are told a credential."""
    kind, secret = CREDENTIALS[credential]
    if kind == "snmp-v2c":
        return ["-v2c", "-c", secret["community"]]
    user = ["-v3", "-l", "authPriv", "-u", secret["user"]]
    auth = ["-a", secret["auth"], "-A", secret["auth_password"]]
    return [*user, *auth, "-x", secret["priv"], "-X", secret["priv_password"]]


def ask(lab: Province, address: str, credential: str, oid: str = SYS_NAME) -> str:
    """What snmpget has for an answer, or nothing."""
    asked = lab.run("snmpget", "-t", "1", "-r", "1", "-Oqv", *snmp_arguments(credential), address, oid)
    return asked.stdout.strip().strip('"')


def pings(lab: Province, address: str) -> bool:
    """Whether an address answers one ping."""
    return lab.run("ping", "-n", "-c", "1", "-W", "1", address).returncode == 0


def until(condition: Callable[[], bool], seconds: float = 40) -> bool:
    """Whether the condition came true in that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def left_over(lab: Province) -> list[Path]:
    """What there is of a lab on this machine."""
    places = [
        lab.state,
        *(folder / name for folder in (namespaces.NAMESPACES, namespaces.NAMES) for name in names(lab)),
    ]
    return [place for place in places if place.exists()]


def gone(pids: set[int]) -> bool:
    """Whether none of these processes runs any more; one that nobody has reaped yet has no program either."""
    return not any(Path(f"/proc/{pid}/exe").exists() for pid in pids)


def names(lab: Province) -> list[str]:
    """The names of a lab's namespaces."""
    return lab.wiring.namespaces


def reachable() -> list[Device]:
    """The machines of agencies whose line is up, outside the network that is left alone."""
    return [d for d in devices() if networks()[d.network].agency != SILENT and d.network != UNSCANNED]


@needs_namespaces
def test_every_machine_answers_to_its_credential(province: Province) -> None:
    answers = {d.name: ask(province, d.address, d.snmp) for d in reachable() if d.snmp}
    assert all(answers.values())
    assert {name: answer for name, answer in answers.items() if by_name(name).kind != "recorded"} == {
        d.name: d.name for d in reachable() if d.snmp and d.kind != "recorded"
    }


@needs_namespaces
def test_a_wrong_community_gets_no_answer(province: Province) -> None:
    assert ask(province, by_name("gw-khcn").address, "lab-default") == ""


@needs_namespaces
def test_recorded_devices_are_of_the_kinds_that_the_plans_ask_for(province: Province) -> None:
    described = {
        device.name: ask(province, device.address, device.snmp, "1.3.6.1.2.1.1.2.0")
        for device in reachable()
        if device.kind == "recorded"
    }
    enterprises = {name: oid.split(".1.4.1.")[-1].split(".")[0] for name, oid in described.items()}
    # IANA's private enterprise numbers: Fortinet, Cisco (which bought Tandberg: 5596), APC.
    assert enterprises["fw-khcn"] == enterprises["fw-yte"] == enterprises["fw-vanhoa"] == "12356"
    assert enterprises["sw-khcn"] == enterprises["sw-thachlam"] == enterprises["sw-anphong"] == "9"
    assert enterprises["vc-yte"] == "5596"
    assert enterprises["ups-khcn"] == "318"


def test_no_two_recorded_devices_say_the_same_of_themselves() -> None:
    from tests.lab.services import read_recording

    told = [read_recording(device) for device in devices() if device.kind == "recorded"]
    assert len(set(told)) == len(told)
    for device in devices():
        if device.kind == "recorded":
            for old, _ in device.replace:
                assert old not in read_recording(device)


@needs_namespaces
def test_the_agency_without_a_firewall_has_only_machines_that_can_be_told(province: Province) -> None:
    here = [device for device in devices() if networks()[device.network].agency == "huyen-thachlam"]
    assert all(device.snmp and not device.name.startswith("fw-") for device in here)
    swept = province.run("nmap", "-n", "-sn", "-T4", networks()["huyen-thachlam-lan"].where, "-oG", "-", timeout=60)
    assert {line.split()[1] for line in swept.stdout.splitlines() if "Status: Up" in line} == {d.address for d in here}


@needs_namespaces
def test_lines_answer_except_those_of_the_silent_agency(province: Province) -> None:
    assert {link.code: pings(province, link.where) for link in links().values()} == {
        link.code: link.agency != SILENT for link in links().values()
    }


@needs_namespaces
def test_an_agency_falls_silent_and_comes_back(province: Province) -> None:
    device = by_name("gw-yte")
    assert ask(province, device.address, device.snmp) == device.name
    province.silence("so-yte")
    try:
        assert ask(province, device.address, device.snmp) == ""
        assert not pings(province, device.address)
    finally:
        province.restore("so-yte")
    assert ask(province, device.address, device.snmp) == device.name
    with pytest.raises(LabError, match="no agency 'so-yt'"):
        province.silence("so-yt")


@needs_namespaces
def test_the_capture_sees_a_packet_that_the_core_sends_and_none_otherwise(tmp_path: Path) -> None:
    with Province(keep=tmp_path, lifetime=600) as lab:
        for device in reachable():
            if device.snmp:
                ask(lab, device.address, device.snmp)
        assert lab.captured() == 0
        assert pings(lab, by_name("may-chu-dc").address)
        assert until(lambda: lab.captured() >= 1, 10)
        before = lab.captured()
        assert not pings(lab, "198.18.16.70"), "nobody has this address"
        assert until(lambda: lab.captured() > before, 10), "a host that is not there was asked for"


@needs_namespaces
def test_a_gateway_sees_its_neighbour_by_lldp(province: Province) -> None:
    gateway = by_name("gw-thachlam")

    def neighbours() -> str:
        argv = ["snmpwalk", "-t", "1", "-Oqv", *snmp_arguments(gateway.snmp), gateway.address, LLDP_NEIGHBOUR_NAME]
        return province.run(*argv).stdout

    assert until(lambda: "may-chu-thachlam-01" in neighbours())


@needs_namespaces
def test_agencies_do_not_reach_each_other_and_nothing_leads_out(province: Province) -> None:
    other = by_name("may-chu-yte").address
    inside = namespaces.inside(f"{province.prefix}may-chu-khcn-01", "ping", "-n", "-c", "1", "-W", "1", other)
    assert subprocess.run(inside, capture_output=True, timeout=20, check=False).returncode != 0
    routes = province.run("ip", "route").stdout.splitlines()
    assert routes
    assert all(route.startswith(("198.18.", "198.19.")) for route in routes)


@needs_namespaces
def test_the_lab_goes_without_a_trace_and_comes_back_the_same(tmp_path: Path) -> None:
    def hardware(lab: Province) -> str:
        argv = ["snmpwalk", "-Oqv", *snmp_arguments("lab-v2c"), by_name("gw-khcn").address, "1.3.6.1.2.1.2.2.1.6"]
        return lab.run(*argv).stdout

    seen = []
    for _ in range(2):
        with Province(keep=tmp_path, lifetime=600) as lab:
            running = namespaces.processes(names(lab))
            assert running
            seen.append((hardware(lab), (tmp_path / "may-chu-yte.key.pub").read_text()))
        assert left_over(lab) == []
        assert gone(running)
    assert seen[0] == seen[1]


@needs_namespaces
def test_two_labs_stand_side_by_side_but_not_under_one_id(province: Province, tmp_path: Path) -> None:
    with Province(keep=tmp_path, lifetime=600) as other:
        other.silence("so-khcn")
        assert not pings(other, by_name("gw-khcn").address)
        assert pings(province, by_name("gw-khcn").address)
        with pytest.raises(LabError, match="is up already"):
            Province(other.lab).up()
        assert pings(other, by_name("gw-yte").address), "the refused one has harmed nothing"


@needs_namespaces
def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tests.lab.province import Province\n"
        "lab = Province(keep=Path(sys.argv[1]), lifetime=600); lab.up(); print(lab.lab, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        lab = Province(owner.stdout.readline().strip())
        sweep()
        assert pings(lab, by_name("gw-khcn").address), "a lab with an owner is let be"
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate(timeout=10)
    assert left_over(lab)
    sweep()
    assert left_over(lab) == []
    assert lab.lab not in labs()


@needs_namespaces
def test_a_lab_that_cannot_come_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Province(keep=tmp_path, lifetime=600)
    monkeypatch.setattr(lab, "watch", lambda network: lab.silence(f"nobody at {network}"))
    with pytest.raises(LabError, match="no agency"):
        lab.up()
    assert left_over(lab) == []
    assert not (STATES / lab.lab).exists()


@needs_namespaces
@pytest.mark.skipif(shutil.which("fusioninventory-agent") is None, reason="fusioninventory-agent is not installed")
def test_the_agent_of_a_workstation_posts_its_inventory_to_the_core(province: Province, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    script = f"""
import http.server, pathlib, zlib
class Take(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = zlib.decompress(self.rfile.read(int(self.headers["content-length"])))
        with open({str(taken)!r}, "ab") as file: file.write(body)
        reply = zlib.compress(b"<REPLY><RESPONSE>SEND</RESPONSE><PROLOG_FREQ>1</PROLOG_FREQ></REPLY>")
        self.send_response(200); self.send_header("content-type", "application/x-compress-zlib")
        self.send_header("content-length", str(len(reply))); self.end_headers(); self.wfile.write(reply)
    def log_message(self, *_): pass
http.server.HTTPServer(("{province.core_address}", 8480), Take).serve_forever()
"""
    server = subprocess.Popen(province.command(sys.executable, "-c", script))
    try:
        assert province.silent([("server", "tcp", province.core_address, 8480, "")], 20) == ""
        province.report_agent(f"http://{province.core_address}:8480/agents/word")
    finally:
        server.terminate()
        server.wait(timeout=10)
    told = taken.read_text()
    assert "<NAME>may-tram-vanhoa-01</NAME>" in told
    assert by_name("may-tram-vanhoa-01").address in told
    assert not any(tag in told for tag in ("<ENVS>", "<PROCESSES>", "<LOCAL_USERS>"))
    with pytest.raises(LabError) as failure:
        province.report_agent(f"http://{province.core_address}:8480/agents/word")
    assert "agents/word" not in str(failure.value)


def test_the_loopback_lab_answers_as_its_register_says() -> None:
    with Loopback() as lab:
        assert (lab.register / "networks.csv").exists()
        for device in present():
            argv = ["snmpget", "-t", "1", "-r", "1", "-Oqv", *snmp_arguments(device.snmp)]
            argv += [f"{moved(device.address)}:{lab.port}", SYS_NAME]
            asked = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
            assert asked.returncode == 0, f"{device.name}: {asked.stderr}"
            if device.kind != "recorded":
                assert asked.stdout.strip().strip('"') == device.name
        pids = {process.pid for process in lab.started}
    assert not lab.state.exists()
    assert gone(pids)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_loopback_lab_needs_no_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    script = "from tests.lab.loopback import Loopback\nwith Loopback() as lab: print(lab.port)"
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--", "/usr/bin/python3", "-c", script]
    ran = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={"TMPDIR": "/tmp"}
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) in (161, 16161)
