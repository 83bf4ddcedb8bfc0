"""Scans on a small real network: what is found, mended, forbidden, broken off and taken up again.

The telnet server is one of our own that greets as telnetd does (RFC 854); nothing else here is made up.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api import rounds, scanning
from api.config import Config
from api.processes import is_gone, own_name
from api.scanning import Wanted
from api.securing import list_security
from api.windows import Windows
from api.workspace import open_workspace
from inventory.cadence import Window
from inventory.periods import ZONE
from inventory.store import scans
from inventory.words import InputError
from tests.collectors.netns import Town, inside, run, town

DOPHU = Path(sys.executable).with_name("dophu")
REGISTER = {
    "levels.csv": "code,name_vi,name_en,rank\nprovince,Tỉnh,Province,1\n",
    "agencies.csv": "code,name_vi,name_en,level\nso-yte,Sở Y tế,Department of Health,province\n",
    "networks.csv": (
        "code,agency,prefix,purpose,scan\n"
        "yte-lan,so-yte,198.18.64.0/24,lan,yes\nyte-dc,so-yte,198.18.66.0/24,data_centre,no\n"
        "yte-v6,so-yte,fd00:64::/64,lan,yes\n"
    ),
}
TELNET = """
import socket
listening = socket.create_server(("198.18.64.20", 23))
while True:
    caller, _ = listening.accept()
    caller.sendall(b"\\xff\\xfd\\x18\\xff\\xfd\\x20\\xff\\xfd\\x23\\xff\\xfd\\x27\\r\\nlogin: ")
    caller.close()
"""
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off;
  server {{
    listen 198.18.64.30:443 ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_protocols TLSv1;
    ssl_ciphers ALL:@SECLEVEL=0;
    return 200;
  }}
}}
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, str, str]]:
    """An office with three hosts, and where Dophu stands."""
    with town() as made:
        core, office = made.add("core"), made.add("office")
        made.join(core, "o0", office, "e0", "00:1b:54:aa:bb:20")
        made.address(core, "o0", "198.18.64.1/24", "198.18.66.1/24", "fd00:64::1/64")
        made.address(office, "e0", "198.18.64.10/24", "198.18.64.20/24", "198.18.64.30/24", "198.18.66.5/24")
        made.address(office, "e0", "fd00:64::20/64")
        folder = tmp_path_factory.mktemp("tls")
        key, certificate = str(folder / "key.pem"), str(folder / "cert.pem")
        made_by = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=old"]
        run(*made_by, "-keyout", key, "-out", certificate)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        made.start(office, "/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        (folder / "snmpd.conf").write_text("rocommunity public\n")
        snmpd = ("-f", "-Ln", "-C", "-c", str(folder / "snmpd.conf"), "-I", "-smux", "-p", str(folder / "pid"))
        made.start(office, "/usr/sbin/snmpd", *snmpd, "udp:198.18.64.10:161")
        yield made, core, office


@pytest.fixture
def data(tmp_path: Path) -> Path:
    register = tmp_path / "register"
    register.mkdir()
    for name, text in REGISTER.items():
        (register / name).write_text(text)
    (tmp_path / "dophu.toml").write_text('data = "data"\n[scan]\nrate = 4000\n')
    for argv in (("init",), ("register", "import", str(register))):
        done = subprocess.run([DOPHU, *argv], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return tmp_path


def dophu(core: str, data: Path, *argv: str, status: int = 0) -> Any:
    done = subprocess.run(
        ["ip", "netns", "exec", core, DOPHU, *argv, "--output", "json"], cwd=data, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def findings(data: Path, at: datetime | None = None, **wanted: object) -> list[dict[str, Any]]:
    """The security findings as the command lists them, without a process for each question."""

    async def read() -> list[dict[str, Any]]:
        async with open_workspace(Config(data=data / "data")) as w:
            when = at or datetime.now(UTC)
            return await w.store.read(list_security, w.vocabulary, w.goals.controls, when, "vi", wanted)

    return asyncio.run(read())


def public(data: Path) -> dict[str, bool]:
    """Of each address whether the host there was found to answer to the default community."""
    query = (
        "SELECT a.value, p.value FROM asset_fact p JOIN asset_fact a ON a.subject = p.subject "
        "AND a.key = 'address' AND a.source = p.source WHERE p.key = 'snmp_public'"
    )
    with sqlite3.connect(data / "data" / "dophu.db") as database:
        return {address: said == "1" for address, said in database.execute(query)}


def wait_for(core: str, port: int, address: str) -> None:
    asked = ["ip", "netns", "exec", core, "bash", "-c", f"until : </dev/tcp/{address}/{port}; do sleep 0.05; done"]
    subprocess.run(asked, check=True, timeout=20, stderr=subprocess.DEVNULL)


@pytest.mark.timeout(240)
def test_a_telnet_service_opened_is_found_named_accepted_and_closed_again(
    office: tuple[Town, str, str], data: Path
) -> None:
    made, core, hosts = office
    wait_for(core, 443, "198.18.64.30")
    first = dophu(core, data, "scan", "run", "security", "-n", "yte-lan")
    assert (first["state"], first["complete"], first["changes"]) == ("done", 1, [])
    found = {(f["control"], f["name"]): f for f in findings(data)}
    assert ("host_no_old_tls", "198.18.64.30") in found
    assert public(data) == {f"198.18.64.{n}": n == 10 for n in (1, 10, 20, 30)}
    assert not [f for f in found if f[0] == "host_no_telnet"]
    # Nothing but open ports says what they are.
    assert {name for control, name in found if control == "host_recognised"} == {
        "198.18.64.1", "198.18.64.10", "198.18.64.20", "198.18.64.30"
    }  # fmt: skip

    server = made.start(hosts, sys.executable, "-c", TELNET)
    wait_for(core, 23, "198.18.64.20")
    second = dophu(core, data, "scan", "run", "security", "-n", "yte-lan")
    assert [(c["address"], c["kind"], c["port"]) for c in second["changes"]] == [("198.18.64.20", "new_port", "tcp/23")]
    (telnet,) = dophu(core, data, "findings", "--control", "host_no_telnet", "--state", "open")
    assert [f["member"] for f in findings(data, control="host_no_telnet")] == [telnet["member"]]
    assert (telnet["name"], telnet["severity"], telnet["state"]) == ("198.18.64.20", "high", "open")
    assert any(port.startswith("tcp/23 telnet") for port in telnet["services"])
    assert telnet["first_seen"] <= telnet["last_seen"]

    text = subprocess.run(
        [DOPHU, "security", "assign", "host_no_telnet", telnet["member"], "Trần Văn An"], cwd=data, capture_output=True
    )
    assert text.returncode == 0
    assert [f["owner"] for f in findings(data, owner="Trần Văn An")] == ["Trần Văn An"]

    server.kill()
    server.wait()
    third = dophu(core, data, "scan", "run", "security", "-n", "yte-lan")
    assert [(c["address"], c["kind"], c["port"]) for c in third["changes"]] == [
        ("198.18.64.20", "vanished_port", "tcp/23")
    ]
    assert findings(data, control="host_no_telnet", states=("open",)) == []
    (mended,) = findings(data, control="host_no_telnet", states=("fixed",))
    assert (mended["member"], mended["owner"]) == (telnet["member"], "Trần Văn An")
    # The day before yesterday nobody knew of it.
    assert findings(data, at=datetime(2026, 1, 1, tzinfo=UTC)) == []

    accepted = next(f for f in findings(data) if f["control"] == "host_no_old_tls")
    until = (datetime.now(ZONE) + timedelta(days=9)).date().isoformat()
    argv = ["security", "accept", "host_no_old_tls", accepted["member"], "--by", "Giám đốc", "--reason", "cũ"]
    assert subprocess.run([DOPHU, *argv, "--until", until], cwd=data, capture_output=True).returncode == 0
    (now,) = findings(data, states=("accepted",))
    assert (now["accepted_by"], str(now["accepted_until"]), now["reason"]) == ("Giám đốc", until, "cũ")


def test_what_the_register_does_not_allow_is_scanned_for_a_recorded_reason_only(
    office: tuple[Town, str, str], data: Path
) -> None:
    _, core, _ = office
    refused = dophu(core, data, "scan", "run", "sweep", "-n", "yte-dc", status=2)
    assert "scan is no in the register" in refused
    refused = dophu(core, data, "scan", "run", "sweep", "-n", "yte-dc", "--reason", "điều tra", status=2)
    assert "--by" in refused
    assert dophu(core, data, "scan", "list") == []
    done = dophu(core, data, "scan", "run", "sweep", "-n", "yte-dc", "--reason", "điều tra", "--by", "Lê Thị Bình")
    assert done["state"] == "done"
    (one,) = dophu(core, data, "scan", "list")
    assert (one["networks"], one["reason"], one["asked_by"]) == (["yte-dc"], "điều tra", "Lê Thị Bình")
    for outside in ("198.18.99.0/24", "0.0.0.0/0", "; reboot", "không-có"):
        assert "expected a code of the register" in dophu(core, data, "scan", "run", "sweep", "-n", outside, status=2)
    # A network too large to sweep is looked at where somebody is known to be, and never said to be read to the end.
    first = dophu(core, data, "scan", "run", "sweep", "-n", "yte-lan", "-n", "yte-v6")
    assert first["left_out"] == {"yte-v6": "too large to sweep, and no address in it is known"}


def swept(data: Path) -> list[str]:
    with sqlite3.connect(data / "data" / "dophu.db") as database:
        return [piece for (text,) in database.execute("SELECT swept FROM scan_network") for piece in text.split()]


def test_a_scan_that_is_killed_goes_on_where_it_was_and_sees_no_host_twice(
    office: tuple[Town, str, str], data: Path
) -> None:
    _, core, _ = office
    (data / "dophu.toml").write_text('data = "data"\n[scan]\nrates = { yte-lan = 60 }\n')
    argv = ["ip", "netns", "exec", core, DOPHU, "scan", "run", "services", "-n", "yte-lan"]
    killed = subprocess.Popen(argv, cwd=data, stderr=subprocess.DEVNULL, start_new_session=True)
    patience = time.monotonic() + 60
    while not swept(data):
        assert killed.poll() is None and time.monotonic() < patience
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    before = swept(data)
    assert 0 < len(before) < 4
    (data / "dophu.toml").write_text('data = "data"\n[scan]\nrate = 4000\n')
    done = dophu(core, data, "scan", "run", "services", "-n", "yte-lan")
    assert (done["scan"], done["resumed"], done["state"], done["complete"]) == (1, True, "done", 1)
    assert sorted(swept(data)) == sorted({*before, "198.18.64.1", "198.18.64.65", "198.18.64.129", "198.18.64.193"})
    shown = dophu(core, data, "scan", "show", "1")
    assert [(n["swept"], n["hosts"], n["complete"]) for n in shown["networks"]] == [(254, 4, True)]
    addresses = [a["address"] for a in dophu(core, data, "asset", "list")]
    assert sorted(addresses) == ["198.18.64.1", "198.18.64.10", "198.18.64.20", "198.18.64.30"]
    # The next one is another scan.
    assert dophu(core, data, "scan", "run", "services", "-n", "yte-lan")["scan"] == 2


async def test_a_window_that_closes_ends_the_scan_which_goes_on_when_it_opens(
    office: tuple[Town, str, str], data: Path
) -> None:
    _, core, _ = office
    now = datetime.now(ZONE)
    closing = Window(
        "night", frozenset(range(7)), (((now - timedelta(hours=1)).time(), (now + timedelta(seconds=1.5)).time()),)
    )
    config = Config(data=data / "data", scan={"rates": {"yte-lan": 40}})
    with inside(core):
        async with open_workspace(config) as workspace:
            wanted = Wanted("sweep", networks=("yte-lan",), window="night")
            first = await scanning.scan(workspace, wanted, Windows({"night": closing}))
            assert first.state == "broken_off"
            (run_,) = first.round.failed
            assert "its window closed at" in str(run_.error)
            with pytest.raises(Exception, match="only networks whose window is closed"):
                await scanning.scan(workspace, wanted, Windows({"night": closing}))
            config.scan.rates.clear()
            always = Windows({"night": Window("night", frozenset(range(7)), ((now.min.time(), now.min.time()),))})
            second = await scanning.scan(workspace, wanted, always)
            assert (second.number, second.resumed, second.state) == (first.number, True, "done")
            snapshot = await rounds.judge(workspace)
            assert snapshot.at <= datetime.now(UTC)


async def test_a_scan_that_is_cancelled_keeps_what_it_saw_and_is_not_taken_up_again(
    office: tuple[Town, str, str], data: Path
) -> None:
    _, core, _ = office
    config = Config(data=data / "data", scan={"rates": {"yte-lan": 40}})
    with inside(core):
        async with open_workspace(config) as workspace:
            wanted = Wanted("sweep", networks=("yte-lan",))
            going = asyncio.create_task(scanning.scan(workspace, wanted))
            async with asyncio.timeout(60):
                while not await workspace.store.read(lambda c: scans.load(c)):  # noqa: ASYNC110 - the store sets no event
                    await asyncio.sleep(0.02)
            # Nobody else scans the same network meanwhile: together they would ask more than it may be asked.
            with pytest.raises(InputError, match=r"yte-lan: scan 1 is in it"):
                await scanning.scan(workspace, replace(wanted, profile="services"))
            await workspace.store.write(scans.cancel, 1, scans.Owner(own_name(), is_gone), datetime.now(UTC))
            done = await going
            assert done.state == "cancelled"
            config.scan.rates.clear()
            assert (await scanning.scan(workspace, wanted)).number == 2
