"""Lists of hosts from LibreNMS and Zabbix, written by their public descriptions: placed by the register, or told."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.config import Config
from api.host_lists import import_hosts
from api.workspace import Workspace, open_workspace
from collectors.host_lists import read_hosts
from collectors.host_lists.listed import role_of
from inventory.store import assets, facts, registers, runs
from inventory.words import InputError, Network, Proof, Register
from tests.api.test_cli import dophu
from tests.inventory.sample import LEVELS, agency, device, network, sweep

NOW = datetime.now(UTC)
REGISTER = Register(
    levels=LEVELS,
    agencies=(agency("A"), agency("B")),
    networks=(
        network("net-a", "A"), network("net-b", "B"),
        Network("wide", "B", ip_network("10.0.0.0/8"), "wan"), Network("narrow", "A", ip_network("10.1.0.0/16"), "lan"),
    ),
)  # fmt: skip

LIBRENMS: dict[str, Any] = {
    "status": "ok",
    "devices": [
        {"device_id": 1, "hostname": "sw-core.so-a.vn", "sysName": "sw-core", "ip": "10.1.0.2", "type": "network",
         "location": "Phòng máy tầng 3", "os": "ios", "disabled": 0},
        {"device_id": 2, "hostname": "10.1.0.1", "sysName": "fw-a", "ip": None, "type": "firewall", "location": None,
         "disabled": 0},
        {"device_id": 3, "hostname": "203.0.113.7", "sysName": "xa-la", "ip": "203.0.113.7", "type": "server"},
        {"device_id": 4, "hostname": "sw-tat", "ip": "10.1.0.9", "type": "network", "disabled": 1},
        {"device_id": 5, "hostname": "chi-co-ten.vn", "ip": "", "type": "printer"},
    ],
    "count": 5,
}  # fmt: skip

ZABBIX = """\
zabbix_export:
  version: '7.0'
  host_groups:
    - {uuid: 6f6799aa69e844b4b3918f779f2abf08, name: Máy chủ}
  hosts:
    - host: srv-01
      name: Máy chủ văn bản
      templates: [{name: Linux by Zabbix agent}]
      groups: [{name: Máy chủ}, {name: Sở A}]
      interfaces: [{ip: 10.1.0.20, interface_ref: if1}]
      inventory: {location: 'Trung tâm dữ liệu', type: ''}
      inventory_mode: MANUAL
    - host: fw-02
      templates: [{name: FortiGate by SNMP}]
      groups: [{name: Firewalls}, {name: Switches}]
      interfaces:
        - {useip: 'NO', dns: fw-02.so-a.vn, ip: 10.9.9.9, interface_ref: if1}
        - {type: SNMP, ip: 192.168.1.1, interface_ref: if2}
    - host: cu
      status: DISABLED
      groups: [{name: Máy chủ}]
      interfaces: [{ip: 10.1.0.21, interface_ref: if1}]
    - host: Zabbix server
      groups: [{name: Zabbix servers}]
      interfaces: [{interface_ref: if1}]
"""


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(Config(data=tmp_path)) as opened:
        await opened.store.migrate()
        await opened.store.write(registers.replace, REGISTER)
        yield opened


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), "utf-8")
    return path


async def said(workspace: Workspace, number: int) -> dict[str, tuple[object, Proof, str]]:
    found = await workspace.store.read(facts.read, workspace.vocabulary, "asset", [number], datetime.now(UTC))
    return {f.key: (f.value, f.proof, f.source) for f in found[number]}


async def test_devices_of_librenms_are_declared_where_the_register_has_a_network(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = written(tmp_path, "devices.json", LIBRENMS)
    would = await import_hosts(workspace, path, "librenms", dry=True)
    assert await workspace.store.read(assets.listing, workspace.vocabulary, NOW) == []
    done = await import_hosts(workspace, path, "librenms")
    assert done["placed"] == would["placed"] and done["left_out"] == would["left_out"]
    assert [(h["name"], h["agency"], h["network"], h["role"]) for h in done["placed"]] == [
        ("sw-core", "A", "narrow", None), ("fw-a", "A", "narrow", "firewall"),
    ]  # fmt: skip
    assert [(h["name"], h["reason"]) for h in done["left_out"]] == [
        ("xa-la", "outside"), ("chi-co-ten.vn", "no_address"),
    ]  # fmt: skip
    assert await said(workspace, 1) == {
        key: (value, Proof.DECLARED, "librenms")
        for key, value in {"agency": "A", "network": "narrow", "address": "10.1.0.2", "sysname": "sw-core",
                           "location": "Phòng máy tầng 3"}.items()
    }  # fmt: skip
    again = await import_hosts(workspace, path, "librenms")
    assert (again["facts"], again["new"]) == (10, 0)


async def test_the_same_list_as_csv_is_the_same(tmp_path: Path) -> None:
    names = ["hostname", "sysName", "ip", "type", "location", "disabled"]
    path = tmp_path / "devices.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", delimiter=";")
        writer.writeheader()
        writer.writerows(LIBRENMS["devices"])
    assert read_hosts(path, "librenms") == read_hosts(written(tmp_path, "d.json", LIBRENMS), "librenms")


@pytest.mark.parametrize("name", ["hosts.yaml", "hosts.json"])
async def test_hosts_of_zabbix_are_declared_with_their_clear_roles(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    path = written(tmp_path, name, ZABBIX if name.endswith("yaml") else yaml.safe_load(ZABBIX))
    done = await import_hosts(workspace, path, "zabbix")
    assert [(h["name"], h["address"], h["network"], h["role"], h["location"]) for h in done["placed"]] == [
        ("Máy chủ văn bản", "10.1.0.20", "narrow", "server", "Trung tâm dữ liệu"),
    ]
    # Two agencies have this range; the export leaves out 127.0.0.1, which is nobody's.
    assert [(h["name"], h["reason"]) for h in done["left_out"]] == [
        ("fw-02", "several"),
        ("Zabbix server", "no_address"),
    ]
    chosen = await import_hosts(workspace, path, "zabbix", agency="B")
    assert [(h["name"], h["network"], h["role"]) for h in chosen["placed"]] == [
        ("Máy chủ văn bản", "wide", "server"), ("fw-02", "net-b", "firewall"),
    ]  # fmt: skip


async def test_what_was_measured_stands_before_what_a_list_says(workspace: Workspace, tmp_path: Path) -> None:
    at = NOW - timedelta(hours=2)
    seen = sweep("A", device("A", 7, at, role="switch", sysname="sw-7", serial="FOC7"), at=at)
    await workspace.store.write(runs.record, workspace.vocabulary, seen, NOW)
    device_of = {"hostname": "192.168.1.7", "sysName": "ten-cu", "type": "server", "location": "Tầng 1"}
    path = written(tmp_path, "devices.json", [device_of, device_of])
    done = await import_hosts(workspace, path, "librenms", agency="A")
    assert [h["reason"] for h in done["left_out"]] == ["twice"]
    (row,) = await workspace.store.read(assets.listing, workspace.vocabulary, datetime.now(UTC))
    assert (row["role"], row["sysname"], row["answering"]) == ("switch", "sw-7", True)


def test_a_role_is_taken_only_where_it_is_clear() -> None:
    assert role_of("Linux servers") == "server" and role_of("Tường lửa Sở A") == "firewall"
    assert role_of("Switches", "Firewalls") == "" and role_of("Observers", "Cisco IOS by SNMP") == ""


@pytest.mark.parametrize(
    ("name", "content", "system", "told"),
    [
        ("d.json", "{", "librenms", "d.json: line 1: expected JSON"),
        ("d.json", {"status": "error", "message": "x"}, "librenms", "found the status 'error', expected ok"),
        ("d.json", {"status": "ok"}, "librenms", "found no list of devices"),
        ("d.json", [{"ip": "10.1.0.1"}], "librenms", "device 1: found no hostname"),
        ("d.csv", "a;b\n1;2\n", "librenms", "device 1: found no hostname"),
        ("d.csv", 'hostname\n"sw', "librenms", "expected CSV"),
        ("d.xml", "<x/>", "zabbix", "found the ending '.xml', expected one of .json"),
        ("d.yaml", "a: [", "zabbix", "d.yaml: line"),
        ("d.yaml", "a: !!python/object:os.system x", "zabbix", "found no zabbix_export"),
        ("d.yaml", "[" * 100_000, "zabbix", "nested"),
        ("d.json", "[" * 100_000, "zabbix", "nested"),
        ("d.json", {"zabbix_export": {"version": "5.0", "hosts": []}}, "zabbix", "version: found '5.0', expected 6.x"),
        ("d.json", {"zabbix_export": {"version": "6.4"}}, "zabbix", "found no hosts"),
        ("d.json", {"zabbix_export": {"version": "6.4", "hosts": ["x"]}}, "zabbix", "host 1: found no name"),
        ("d.json", LIBRENMS, "zabbix", "found no zabbix_export"),
        ("d.json", LIBRENMS, "nagios", "--from: found 'nagios', expected librenms or zabbix"),
    ],
)
def test_what_is_no_such_list_is_refused(tmp_path: Path, name: str, content: object, system: str, told: str) -> None:
    with pytest.raises(InputError, match=told.replace(".", r"\.")):
        read_hosts(written(tmp_path, name, content), system)


def test_what_a_list_says_cannot_harm(tmp_path: Path) -> None:
    rows = [{"hostname": "a\x1b[2J\u202e" + "x" * 500, "ip": "10.1.0.1\n", "type": "server", "location": ["x"]}]
    (host,) = read_hosts(written(tmp_path, "d.json", rows), "librenms").hosts
    assert host.name.isprintable() and len(host.name) == 200 and (host.address, host.location) == ("10.1.0.1", "")


def test_the_command_shows_what_would_come_of_it(tmp_path: Path) -> None:
    assert dophu(tmp_path, "init").returncode == 0
    written(tmp_path, "devices.json", LIBRENMS)
    done = dophu(tmp_path, "import", "hosts", "devices.json", "--from", "librenms", "--dry-run", "-l", "en")
    assert done.returncode == 0, done.stderr
    assert "#3 xa-la 203.0.113.7: it is outside the networks of the register" in done.stderr
    assert "0 hosts would be taken as declared, 4 left out; nothing was stored." in done.stderr
