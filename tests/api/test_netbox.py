"""NetBox both ways, with a real NetBox 4.7; what it never does itself, a relay of our own does in front of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api import netbox
from api.app import Desk
from api.config import Config
from api.config_netbox import NetBoxSettings
from api.scheduling import run_once
from api.workspace import Workspace, open_workspace
from inventory.netbox import NetBoxError
from inventory.periods import ZONE
from inventory.register import RegisterError
from inventory.secrets import KeyRing
from inventory.store import Store, registers, runs, snapshots
from inventory.words import Fact, InputError, Observation, Outcome, Register, Run, Status, Title
from tests import netbox_sample
from tests.netbox import TOKEN_V1, TOKEN_V2, NetBox, install, missing
from tests.netbox import netbox as run_netbox
from tests.netbox_relay import Relay, relay

pytestmark = pytest.mark.timeout(600)  # the first time, NetBox is installed


@pytest.fixture(scope="module")
def server() -> Iterator[NetBox]:
    if (why := missing() or install()) is not None:
        pytest.skip(why)
    with run_netbox() as running:
        yield running


@pytest.fixture
def empty(server: NetBox) -> NetBox:
    """An empty NetBox."""
    server.reset()
    return server


@pytest.fixture(scope="module")
def province(server: NetBox) -> NetBox:
    """A NetBox in which `declare_province` was kept as "province"."""
    server.reset()
    declare_province(server)
    server.keep("province")
    return server


@pytest.fixture
def filled(province: NetBox) -> NetBox:
    """A NetBox in which administrators keep the province."""
    province.reset("province")
    return province


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A Dophu with the sample's province, and a credential for NetBox."""
    config = Config(data=tmp_path)
    KeyRing.create(config.keys)
    async with open_workspace(config) as opened:
        await opened.store.migrate()
        await netbox_sample.fill(opened.store)
        await opened.add_credential("nb", "netbox", {"token": TOKEN_V2})
        yield opened


def use(workspace: Workspace, url: str, **more: Any) -> None:
    settings = NetBoxSettings.model_validate({"url": url, "credential": "nb"} | more)
    workspace.config = workspace.config.model_copy(update={"netbox": settings})


def ask(server: NetBox, method: str, path: str, body: object = None) -> Any:
    """What a person does in NetBox, by its API."""
    headers = {"Authorization": f"Token {TOKEN_V1}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/api/{path}", content, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        told = json.loads(answer.read() or b"null")
    return told["results"] if isinstance(told, dict) and "results" in told else told


async def register_of(workspace: Workspace) -> Register:
    return await workspace.store.read(registers.load)


CONTROL = "netbox_device_as_intended"


async def answers(workspace: Workspace) -> dict[str, tuple[Status, str]]:
    """By the member's name, the control's answer and its reason."""
    goals, now = workspace.goals, datetime.now(UTC)
    found = await workspace.store.read(snapshots.members, workspace.vocabulary, goals, CONTROL, now)
    return {f.title.partition(" · ")[0]: (f.status, f.reason) for f in found}


# --- with a real NetBox ----------------------------------------------------------------------------------------------


async def test_what_was_found_is_there_once_and_what_differs_is_told(empty: NetBox, workspace: Workspace) -> None:
    use(workspace, empty.url)
    would = await netbox.push(workspace, dry=True)
    assert would["writes"] == 0 and ask(empty, "GET", "dcim/devices/") == []
    done = await netbox.push(workspace)
    assert done["failures"] == [] and done["left"] == []
    # A dry run tells what is then done.
    assert [(c["kind"], c["name"]) for c in would["changes"]] == [(c["kind"], c["name"]) for c in done["changes"]]
    assert done["other_roles"] == {"workstation": 1}

    devices = {d["name"]: d for d in ask(empty, "GET", "dcim/devices/?limit=0")}
    assert sorted(devices) == ["fw-SO-YTE", "fw-XA-01", "sw-SO-YTE", "sw-XA-01"]
    switch = devices["sw-SO-YTE"]
    assert (switch["serial"], switch["role"]["slug"], switch["platform"]["name"]) == ("FOC22330AB", "switch", "IOS")
    assert (switch["device_type"]["manufacturer"]["name"], switch["device_type"]["model"]) == (
        "Cisco",
        "WS-C2960X-48TS-L",
    )
    assert switch["custom_fields"]["software_version"] == "15.2(7)E3"
    assert switch["primary_ip4"]["address"] == "192.168.1.2/24"
    assert switch["site"]["name"] == switch["tenant"]["name"] == "Sở Y tế “mới” 🏥"
    assert [tag["slug"] for tag in switch["tags"]] == ["dophu"]
    ports = {p["name"]: p for p in ask(empty, "GET", f"dcim/interfaces/?device_id={switch['id']}")}
    port = ports["Gi1/0/1"]
    assert (port["type"]["value"], port["speed"], port["enabled"]) == ("1000base-t", 1_000_000, True)
    assert (port["mac_address"], port["description"]) == ("00:1B:02:03:00:01", "Phòng 1")
    assert [peer["device"]["name"] for peer in port["link_peers"]] == ["fw-SO-YTE"]
    assert len(ask(empty, "GET", "dcim/cables/")) == 2
    # Two agencies have the same address: each in a VRF of its own.
    vrfs = {a["vrf"]["name"] for a in ask(empty, "GET", "ipam/ip-addresses/?address=192.168.1.1")}
    assert vrfs == {"SO-YTE", "XA-01"}

    again = await netbox.push(workspace)
    assert (again["writes"], again["made"], again["changed"]) == (0, 0, 0)
    # Read back it is what is known: the agencies, and the parent by the group of tenants.
    assert (await netbox.pull(workspace, dry=True))["changes"] == []
    [commune] = ask(empty, "GET", "tenancy/tenants/?slug=xa-01")
    assert commune["group"]["name"] == "Sở Y tế “mới” 🏥"
    assert commune["custom_fields"] == {"agency_code": "XA-01", "agency_level": "xa"}
    assert (await netbox.compare(workspace))["drift"] == []
    assert {status for status, _ in (await answers(workspace)).values()} == {Status.MET}

    # A person writes another serial: one finding differs, and the next push has what was found again.
    ask(empty, "PATCH", f"dcim/devices/{switch['id']}/", {"serial": "FOC9999ZZZZ"})
    [drift] = (await netbox.compare(workspace))["drift"]
    assert (drift["kind"], drift["name"]) == ("different", "sw-SO-YTE")
    assert drift["difference"] == "serial FOC9999ZZZZ ≠ FOC22330AB"
    found = await answers(workspace)
    unmet = {name: why for name, (status, why) in found.items() if status is Status.UNMET}
    assert unmet == {"sw-SO-YTE": "Differs from NetBox (NetBox ≠ found): serial FOC9999ZZZZ ≠ FOC22330AB"}
    would = await netbox.push(workspace, dry=True)
    assert [(c["name"], c["fields"]) for c in would["changes"]] == [
        ("sw-SO-YTE", {"serial": ("FOC9999ZZZZ", "FOC22330AB")})
    ]
    # As `dophu serve` does at each turn: read, written, compared and judged.
    use(workspace, empty.url, push=True)
    desk = Desk(workspace)
    outcome = await run_once(workspace, "netbox", desk.judge)
    assert outcome == (
        Outcome.DONE,
        "4 devices, 1 differ from what was found; 0 made, 1 changed, 0 requests failed",
    )
    assert {status for status, _ in (await answers(workspace)).values()} == {Status.MET}
    assert desk.snapshot is not None
    tallied = {(t.agency, t.status, t.members) for t in desk.snapshot.tallies if t.control == CONTROL}
    assert tallied == {("SO-YTE", Status.MET, 2), ("XA-01", Status.MET, 2)}


async def test_the_register_follows_netbox_with_its_date(filled: NetBox, workspace: Workspace) -> None:
    use(workspace, filled.url)
    before = await register_of(workspace)
    tried = await netbox.pull(workspace, dry=True)
    assert await register_of(workspace) == before
    done = await netbox.pull(workspace)
    assert tried["changes"] == done["changes"] and tried["register"] == done["register"]
    register, today = await register_of(workspace), datetime.now(ZONE).date()
    rows = {(a.code, a.valid_from): a for a in register.agencies}
    # Its level in NetBox is another from today on; until yesterday it stays as it was.
    [old] = [a for a in register.agencies if a.code == "XA-01" and a.valid_to is not None]
    assert (old.level, old.valid_to, old.title.vi) == ("xa", today - timedelta(days=1), "Xã Đồng Tâm")
    new = rows["XA-01", today]
    assert (new.title.vi, new.parent, new.level) == ("Phường Đồng Tâm", "SO-YTE", "xa")
    assert [a for a in register.agencies if a.code == "SO-YTE"] == [a for a in before.agencies if a.code == "SO-YTE"]
    networks = {n.code: n for n in register.networks}
    # Known by its range, it keeps its code; a new one gets one.
    assert (networks["SO-YTE-LAN"].scan, networks["SO-YTE-LAN"].purpose) == (True, "lan")
    assert networks["SO-YTE-10.9.0.0_24"].purpose == "data_centre" and not networks["SO-YTE-10.9.0.0_24"].scan
    [link] = register.links
    assert (link.code, link.agency, link.kind, link.provider) == ("TSLCD-001", "XA-01", "mtslcd", "VNPT “Phú Yên”")
    assert (link.contracted_mbps, link.address) == (50.0, "10.255.1.2")
    assert {(row["name"], row["why"]) for row in done["left_out"]} == {("Nhà thầu", "no_code"), ("spare", "status")}
    # One device was found, with another model, and three found ones NetBox does not list; for the ups nobody looked.
    assert (done["devices"], done["matched"], done["declared"]) == (2, 1, 1)
    told = {(d["kind"], d["name"], d["difference"]) for d in done["drift"]}
    assert told == {
        ("different", "fw-yte", "model FortiGate-100F ≠ FortiGate-60F"),
        ("not_in_netbox", "sw-SO-YTE", ""),
        ("not_in_netbox", "fw-XA-01", ""),
        ("not_in_netbox", "sw-XA-01", ""),
    }
    statuses = {name: status for name, (status, _) in (await answers(workspace)).items()}
    assert statuses.pop("ups 🔌") is Status.UNKNOWN  # nobody has looked whether it answers
    assert set(statuses.values()) == {Status.UNMET} and len(statuses) == 4
    # What is a person's own is left alone.
    pushed = await netbox.push(workspace, dry=True)
    assert [(left["name"], left["why"]) for left in pushed["left"]] == [("fw-SO-YTE", "not_own")]
    unchanged = await netbox.pull(workspace)
    assert unchanged["changes"] == []
    assert {counts["changed"] + counts["added"] for counts in unchanged["register"].values()} == {0}
    # It leaves NetBox, and is intended no longer.
    [ups] = ask(filled, "GET", "dcim/devices/?serial=UPS0001234")
    ask(filled, "DELETE", f"dcim/devices/{ups['id']}/")
    gone = await netbox.pull(workspace)
    assert "ups 🔌" not in {d["name"] for d in gone["drift"]} and "ups 🔌" not in await answers(workspace)


async def test_an_empty_dophu_has_its_levels_from_netbox(filled: NetBox, workspace: Workspace) -> None:
    await workspace.store.write(registers.replace, Register())
    use(workspace, filled.url)
    done = await netbox.pull(workspace)
    assert done["register"]["levels"] == {"added": 2, "changed": 0, "unchanged": 0}
    register = await register_of(workspace)
    assert {v.code for v in register.levels} == {"tinh", "xa"}
    assert {a.code: a.level for a in register.agencies} == {"SO-YTE": "tinh", "XA-01": "xa"}
    assert (await netbox.pull(workspace))["changes"] == []


async def test_what_people_have_there_stays_and_what_is_not_known_is_said_to_be(
    empty: NetBox, workspace: Workspace
) -> None:
    """A type with ports of its own, an address that a person reserved, a device of which only its address is known."""
    use(workspace, empty.url)
    maker = ask(empty, "POST", "dcim/manufacturers/", {"name": "CISCO", "slug": "cisco-systems"})["id"]
    model = {"manufacturer": maker, "model": "Catalyst 2960X", "part_number": "WS-C2960X-48TS-L", "slug": "c2960x"}
    kind = ask(empty, "POST", "dcim/device-types/", model)["id"]
    port = {"device_type": kind, "name": "Gi1/0/1", "type": "1000base-x-sfp"}
    ask(empty, "POST", "dcim/interface-templates/", port)
    reserved = {"name": "Của tôi", "enforce_unique": True}
    vrf = ask(empty, "POST", "ipam/vrfs/", reserved)["id"]
    tenant = {"name": "xã ĐỒNG TÂM", "slug": "dong-tam"}
    tenant = ask(empty, "POST", "tenancy/tenants/", tenant)["id"]
    ask(empty, "POST", "ipam/prefixes/", {"prefix": "192.168.1.0/24", "tenant": tenant, "vrf": vrf})
    ask(empty, "POST", "ipam/ip-addresses/", {"address": "192.168.1.1/24", "vrf": vrf, "description": "dành riêng"})
    await workspace.store.write(
        runs.record, workspace.vocabulary, netbox_sample.printers(datetime.now(UTC)), datetime.now(UTC)
    )
    done = await netbox.push(workspace)
    assert done["failures"] == []
    assert [(left["name"], left["why"]) for left in done["left"]] == [
        ("fw-XA-01 Vlan1 192.168.1.1/24", "address_not_own")
    ]
    devices = {d["name"]: d for d in ask(empty, "GET", "dcim/devices/")}
    assert devices["sw-XA-01"]["device_type"]["id"] == kind and devices["sw-XA-01"]["tenant"]["id"] == tenant
    # The port came with the type: it is Dophu's now, and not there twice.
    ports = [p for p in ask(empty, "GET", "dcim/interfaces/?name=Gi1/0/1") if p["device"]["name"] == "sw-XA-01"]
    assert [(p["type"]["value"], p["tags"][0]["slug"], p["mac_address"]) for p in ports] == [
        ("1000base-x-sfp", "dophu", "00:1B:02:03:00:01")
    ]
    addresses = {(a["address"], (a["vrf"] or {}).get("name")) for a in ask(empty, "GET", "ipam/ip-addresses/?limit=0")}
    assert ("192.168.1.2/24", "Của tôi") in addresses and ("192.168.1.2/24", "SO-YTE") in addresses
    # Two printers that have one name, and one that has none.
    named = {n: d for n, d in devices.items() if d["role"]["slug"] == "printer"}
    assert sorted(named) == ["192.168.1.62", "HP (192.168.1.60)", "hp (192.168.1.61)"]
    bare = named["192.168.1.62"]
    assert (bare["device_type"]["manufacturer"]["name"], bare["device_type"]["model"]) == ("Unknown", "Unknown")
    assert bare["primary_ip4"]["address"] == "192.168.1.62/24"
    again = await netbox.push(workspace)
    assert again["writes"] == 0 and again["changes"] == []
    # A person sets the type and the site of what is Dophu's: nothing that was found says otherwise.
    ask(empty, "PATCH", f"dcim/devices/{bare['id']}/", {"device_type": kind})
    assert (await netbox.push(workspace))["writes"] == 0


def declare_province(server: NetBox) -> None:
    """What the administrators of a NetBox have in it: with missing fields, quotes and emoji."""
    for name, of in (("agency_code", "tenancy.tenant"), ("agency_level", "tenancy.tenant"), ("scan", "ipam.prefix"),
                     ("far_address", "circuits.circuit")):  # fmt: skip
        kind = "boolean" if name == "scan" else "text"
        ask(server, "POST", "extras/custom-fields/", {"name": name, "type": kind, "object_types": [of]})
    group = ask(server, "POST", "tenancy/tenant-groups/", {"name": "Sở Y tế “mới” 🏥", "slug": "so-y-te"})["id"]
    own = {"agency_code": "SO-YTE", "agency_level": "tinh"}
    tenants = [
        {"name": "Sở Y tế “mới” 🏥", "slug": "so-yte", "custom_fields": own},
        {"name": "Phường Đồng Tâm", "slug": "xa-01", "group": group,
         "custom_fields": {"agency_code": "XA-01", "agency_level": "xa"}},
        {"name": "Nhà thầu", "slug": "nha-thau"},
    ]  # fmt: skip
    yte, xa, _ = (t["id"] for t in ask(server, "POST", "tenancy/tenants/", tenants))
    sites = [{"name": "Trụ sở", "slug": "tru-so", "tenant": yte}]
    [site] = (s["id"] for s in ask(server, "POST", "dcim/sites/", sites))
    roles = [{"name": "LAN", "slug": "lan"}, {"name": "TTDL", "slug": "data-center"}]
    lan, centre = (r["id"] for r in ask(server, "POST", "ipam/roles/", roles))
    prefixes = [
        {"prefix": "192.168.1.0/24", "tenant": yte, "role": lan, "custom_fields": {"scan": True}},
        {"prefix": "10.9.0.0/24", "scope_type": "dcim.site", "scope_id": site, "role": centre},
    ]
    ask(server, "POST", "ipam/prefixes/", prefixes)
    provider = ask(server, "POST", "circuits/providers/", {"name": "VNPT “Phú Yên”", "slug": "vnpt"})["id"]
    kind = ask(server, "POST", "circuits/circuit-types/", {"name": "TSLCD", "slug": "tslcd-cap-2"})["id"]
    circuits = [
        {"cid": "TSLCD-001", "provider": provider, "type": kind, "status": "active", "tenant": xa,
         "commit_rate": 50_000, "custom_fields": {"far_address": "10.255.1.2"}},
    ]  # fmt: skip
    ask(server, "POST", "circuits/circuits/", circuits)
    maker = ask(server, "POST", "dcim/manufacturers/", {"name": "Fortinet", "slug": "fortinet"})["id"]
    models = [{"manufacturer": maker, "model": m, "slug": m.lower()} for m in ("FortiGate-100F", "APC")]
    firewall, ups = (m["id"] for m in ask(server, "POST", "dcim/device-types/", models))
    roles = [{"name": "Tường lửa", "slug": "edge-firewall"}, {"name": "UPS", "slug": "ups"}]
    edge, power = (r["id"] for r in ask(server, "POST", "dcim/device-roles/", roles))
    devices = [
        {"name": "fw-yte", "device_type": firewall, "role": edge, "site": site, "serial": " fgt60f00007 "},
        {"name": "ups 🔌", "device_type": ups, "role": power, "site": site, "serial": "UPS0001234"},
        {"name": "spare", "device_type": ups, "role": power, "site": site, "status": "inventory"},
    ]
    ask(server, "POST", "dcim/devices/", devices)


async def test_what_netbox_declares_wrongly_is_named_and_nothing_is_taken_in(
    filled: NetBox, workspace: Workspace
) -> None:
    use(workspace, filled.url)
    tenants = {t["slug"]: t["id"] for t in ask(filled, "GET", "tenancy/tenants/")}
    ask(filled, "PATCH", f"tenancy/tenants/{tenants['so-yte']}/", {"custom_fields": {"agency_level": "tihn"}})
    ask(filled, "PATCH", f"tenancy/tenants/{tenants['xa-01']}/", {"custom_fields": {"agency_level": None}})
    [prefix] = ask(filled, "GET", "ipam/prefixes/?prefix=10.9.0.0/24")
    ask(filled, "PATCH", f"ipam/prefixes/{prefix['id']}/", {"role": None})
    before = await register_of(workspace)
    with pytest.raises(RegisterError) as refused:
        await netbox.pull(workspace)
    told = refused.value.text("en").splitlines()
    assert told[0] == "register NetBox: 3 problems; nothing was taken in"
    yte, xa = tenants["so-yte"], tenants["xa-01"]
    assert told[1:4] == [
        f"- tenant “Phường Đồng Tâm” (id {xa}), column agency_level: found nothing, expected the code of a level",
        f"- prefix “10.9.0.0/24” (id {prefix['id']}), column role: found nothing, "
        "expected one of lan, wan, data_centre, dmz",
        f"- tenant “Sở Y tế “mới” 🏥” (id {yte}), column agency_level: found “tihn”, expected the code of a level; "
        "the nearest is “tinh”",
    ]
    assert await register_of(workspace) == before
    states = {s.collector: s for s in await workspace.store.read(runs.collector_states, datetime.now(UTC))}
    assert states["netbox"].failed == 1


async def test_one_that_netbox_refuses_harms_no_other(filled: NetBox, workspace: Workspace) -> None:
    use(workspace, filled.url)
    want_plain_versions(filled)
    done = await netbox.push(workspace)
    assert [f["names"] for f in done["failures"]] == [("sw-SO-YTE",), ("sw-XA-01",)]
    assert all("software_version" in f["why"] and not f["lost"] for f in done["failures"])
    # The firewall of the department is a person's, by its serial; a cable waits for its other end.
    assert {d["name"] for d in ask(filled, "GET", "dcim/devices/?tag=dophu")} == {"fw-XA-01"}
    assert ask(filled, "GET", "dcim/cables/") == []


async def test_a_token_without_rights_and_no_token_are_told_apart(server: NetBox, workspace: Workspace) -> None:
    user = ask(server, "POST", "users/users/", {"username": "doc", "password": "Mat-Khau-2026!"})["id"]
    token = ask(server, "POST", "users/tokens/", {"user": user, "version": 2})
    use(workspace, server.url)
    await workspace.add_credential("nb", "netbox", {"token": f"nbt_{token['key']}.{token['token']}"})
    with pytest.raises(NetBoxError, match=r"refuses the token \(403\): You do not have permission.*“view” on "):
        await netbox.pull(workspace)
    await workspace.add_credential("nb", "netbox", {"token": "0" * 40})
    with pytest.raises(NetBoxError, match=r"refuses the token \(403\): Invalid v1 token; expected a valid token"):
        await netbox.pull(workspace)
    await workspace.add_credential("nb", "netbox", {"token": TOKEN_V1})
    assert (await netbox.pull(workspace))["version"] == "4.7.3"


def test_the_commands_tell_it_so_that_a_person_can_read_it(filled: NetBox, tmp_path: Path) -> None:
    settings = f'data = "{tmp_path}"\n[netbox]\nurl = "{filled.url}"\ncredential = "nb"\n'
    (tmp_path / "dophu.toml").write_text(settings)

    def dophu(*arguments: str, given: str | None = None, status: int = 0) -> tuple[list[str], list[str]]:
        command = [Path(sys.executable).with_name("dophu"), *arguments]
        place = os.environ | {"DOPHU_CONFIG": str(tmp_path / "dophu.toml")}
        done = subprocess.run(command, env=place, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout.splitlines(), done.stderr.splitlines()

    dophu("init")
    dophu("credential", "add", "nb", "--kind", "netbox", given=json.dumps({"token": TOKEN_V2}))
    store = Store.open(f"sqlite:///{tmp_path / 'dophu.db'}")
    asyncio.run(netbox_sample.fill(store))
    asyncio.run(store.close())
    changes, told = dophu("netbox", "pull", "--dry-run", "-l", "en")
    yesterday, today = (datetime.now(ZONE).date() - timedelta(days=n) for n in (1, 0))
    assert changes == [
        f"~ agency XA-01 (Valid to: – → {yesterday})",
        f"+ agency XA-01 (Agency name: Phường Đồng Tâm; Level: xa; Parent: SO-YTE; Valid from: {today})",
        "+ network SO-YTE-10.9.0.0_24 (Agency: SO-YTE; Address range: 10.9.0.0/24; Purpose: data_centre; "
        f"Leave to scan: False; Valid from: {today})",
        "+ link TSLCD-001 (Agency: XA-01; Kind: mtslcd; Far address: 10.255.1.2; Provider: VNPT “Phú Yên”; "
        "Contracted Mbps: 50)",
    ]
    assert told[0] == "agency: 1 added, 1 changed, 1 unchanged"
    assert told[-3:] == [
        "left out 1 tenant (no agency code): Nhà thầu (id 3)",
        "left out 1 device (not in use by its status): spare (id 3)",
        "dry run: nothing was stored",
    ]
    dophu("netbox", "pull")
    rows, told = dophu("netbox", "drift")
    assert rows[0].split("  ")[0] == "Khác biệt" and len(rows) == 5
    assert rows[1].split() == [*["khác", "số", "sê-ri", "hoặc", "kiểu", "máy", "SO-YTE", "fw-yte", "192.168.1.1"],
                               *["model", "FortiGate-100F", "≠", "FortiGate-60F"]]  # fmt: skip
    assert told[0].endswith("3 có trên mạng, không có trong NetBox")
    lines, told = dophu("netbox", "push", "--dry-run", "-l", "en")
    assert "+ sw-XA-01: 4 interface: Gi1/0/1, Gi1/0/2, Gi1/0/3, Vlan1" in lines
    assert "= device fw-SO-YTE: not tagged as Dophu's, left as it is" in told
    want_plain_versions(filled)
    _, told = dophu("netbox", "push", "-l", "en", status=1)
    assert any(line.startswith("! device sw-SO-YTE [1]: ") for line in told)
    _, told = dophu("--data", str(tmp_path / "none"), "netbox", "pull", status=1)
    assert "dophu init" in told[0]


def want_plain_versions(server: NetBox) -> None:
    """A rule of the administrators' that the version of the switches breaks: NetBox refuses all that come with one."""
    rule = {
        "name": "software_version",
        "type": "text",
        "object_types": ["dcim.device"],
        "validation_regex": "^[0-9.]+$",
    }
    ask(server, "POST", "extras/custom-fields/", rule)


# --- what NetBox itself never does -----------------------------------------------------------------------------------


FIREWALL: dict[str, Any] = {"vendor": "Fortinet", "model": "FortiGate-60F", "version": "7.4.3", "os_name": "FortiOS"}
SWITCH: dict[str, Any] = {"vendor": "Cisco", "model": "WS-C2960X-48TS-L", "version": "15.2(7)E3", "os_name": "IOS"}


async def see(workspace: Workspace, *seen: Observation) -> None:
    """Record what SNMP read now."""
    now = datetime.now(UTC)
    run = Run("snmp", "now", now, now, seen, complete=True)
    await workspace.store.write(runs.record, netbox_sample.KNOWN, run, now)


async def push_twice(workspace: Workspace) -> dict[str, Any]:
    """Push; the second time nothing is sent."""
    done = await netbox.push(workspace)
    assert done["failures"] == []
    again = await netbox.push(workspace)
    assert (again["writes"], again["failures"]) == (0, [])
    return done


def cables_of(server: NetBox) -> dict[int, list[str]]:
    """By its number what each cable joins."""
    ends = ("a_terminations", "b_terminations")
    return {
        c["id"]: sorted(f"{t['object']['device']['name']} {t['object']['name']}" for end in ends for t in c[end])
        for c in ask(server, "GET", "dcim/cables/")
    }


def addresses_of(server: NetBox) -> set[tuple[str, str, str]]:
    """The address, the VRF and the device of each."""
    return {
        (a["address"], a["vrf"]["name"] if a["vrf"] else "", a["assigned_object"]["device"]["name"])
        for a in ask(server, "GET", "ipam/ip-addresses/")
    }


async def test_cables_follow_the_neighbours(empty: NetBox, workspace: Workspace) -> None:
    use(workspace, empty.url)
    await netbox.push(workspace)
    first = cables_of(empty)
    assert sorted(first.values()) == [
        ["fw-SO-YTE Gi1/0/1", "sw-SO-YTE Gi1/0/1"],
        ["fw-XA-01 Gi1/0/1", "sw-XA-01 Gi1/0/1"],
    ]

    # Somebody deletes a device: NetBox keeps the cable with one end, and that is where it is led back to.
    [switch] = ask(empty, "GET", "dcim/devices/?name=sw-XA-01")
    ask(empty, "DELETE", f"dcim/devices/{switch['id']}/")
    done = await push_twice(workspace)
    assert done["left"] == [] and cables_of(empty) == first

    # The neighbours change places: four ports, two cables, and neither is free before the other has moved.
    def at(agency: str, host: int, role: str, serial: str, **more: Any) -> Observation:
        kind = FIREWALL if role == "firewall" else SWITCH
        name = f"{'fw' if role == 'firewall' else 'sw'}-{agency}"
        return netbox_sample.device(agency, host, name, role, serial=serial, at=datetime.now(UTC), **more, **kind)

    yte = at("SO-YTE", 1, "firewall", "FGT60F00007", neighbours={"Gi1/0/1": ("sw-XA-01", "Gi1/0/1")})
    xa = at("XA-01", 1, "firewall", "FGT60F00017", neighbours={"Gi1/0/1": ("sw-SO-YTE", "Gi1/0/1")})
    sw = [
        at("SO-YTE", 2, "switch", "FOC22330AB", ports=3, neighbours={"Gi1/0/1": ("fw-XA-01", "Gi1/0/1")}),
        at("XA-01", 2, "switch", "FOC22331AB", ports=3, neighbours={"Gi1/0/1": ("fw-SO-YTE", "Gi1/0/1")}),
    ]
    await see(workspace, yte, xa, *sw)
    would = await netbox.push(workspace, dry=True)
    done = await push_twice(workspace)
    told = [(c["kind"], c["name"], c["fields"]) for c in done["changes"]]
    assert told == [(c["kind"], c["name"], c["fields"]) for c in would["changes"]]
    assert sorted(cables_of(empty).values()) == [
        ["fw-SO-YTE Gi1/0/1", "sw-XA-01 Gi1/0/1"], ["fw-XA-01 Gi1/0/1", "sw-SO-YTE Gi1/0/1"]
    ]  # fmt: skip
    assert cables_of(empty).keys() == first.keys()

    # One that is plugged into another port; a cable that is not Dophu's stays where it is.
    moved = {"Gi1/0/1": ("sw-XA-01", "Gi1/0/3")}
    yte = at("SO-YTE", 1, "firewall", "FGT60F00007", neighbours=moved)
    to = at("XA-01", 2, "switch", "FOC22331AB", ports=3, neighbours={"Gi1/0/3": ("fw-SO-YTE", "Gi1/0/1")})
    await see(workspace, yte, to)
    done = await push_twice(workspace)
    [change] = done["changes"]
    assert change["fields"] == {"b_terminations": ("sw-XA-01 Gi1/0/1", "sw-XA-01 Gi1/0/3")} or change["fields"] == {
        "a_terminations": ("sw-XA-01 Gi1/0/1", "sw-XA-01 Gi1/0/3")
    }
    for number in cables_of(empty):
        ask(empty, "PATCH", f"dcim/cables/{number}/", {"tags": []})
    before = cables_of(empty)
    yte = at("SO-YTE", 1, "firewall", "FGT60F00007", neighbours={"Gi1/0/1": ("sw-XA-01", "Gi1/0/2")})
    to = at("XA-01", 2, "switch", "FOC22331AB", ports=3, neighbours={"Gi1/0/2": ("fw-SO-YTE", "Gi1/0/1")})
    await see(workspace, yte, to)
    done = await push_twice(workspace)
    assert [left["why"] for left in done["left"]] == ["other_cable"] and cables_of(empty) == before


async def test_addresses_follow_the_devices_that_have_them(empty: NetBox, workspace: Workspace) -> None:
    use(workspace, empty.url)
    await netbox.push(workspace)

    def switch(agency: str, host: int, name: str, serial: str) -> Observation:
        return netbox_sample.device(
            agency, host, name, "switch", serial=serial, at=datetime.now(UTC), ports=3, **SWITCH
        )

    # The switch gets another address, and a new one the former; then the two change places.
    for one, other in ((5, 2), (2, 5)):
        await see(
            workspace, switch("SO-YTE", one, "sw-SO-YTE", "FOC22330AB"), switch("SO-YTE", other, "new", "FOC2233ZZZ")
        )
        done = await push_twice(workspace)
        assert done["left"] == []
        primary = {d["name"]: d["primary_ip4"]["address"] for d in ask(empty, "GET", "dcim/devices/")}
        assert (primary["sw-SO-YTE"], primary["new"]) == (f"192.168.1.{one}/24", f"192.168.1.{other}/24")

    # One that replaces another has its name and its address: it gets it once the former one is not heard of any more.
    old, new = (
        netbox_sample.device("SO-YTE", 40, "r1", "router", serial=serial, at=datetime.now(UTC) - timedelta(days=days))
        for serial, days in (("R1OLD23456", 3), ("R1NEW23456", 0))
    )
    for seen in (old, new):
        at = seen.facts[0].observed_at
        await workspace.store.write(
            runs.record, netbox_sample.KNOWN, Run("snmp", "r1", at, at, (seen,), complete=True), datetime.now(UTC)
        )
        done = await push_twice(workspace)
    assert [left["why"] for left in done["left"]] == ["address_twice"]
    there = {d["serial"]: d for d in ask(empty, "GET", "dcim/devices/?role=router")}
    assert there["R1NEW23456"]["primary_ip4"]["address"] == "192.168.1.40/24"
    assert there["R1OLD23456"]["primary_ip4"] is None
    assert {d["name"] for d in there.values()} == {f"r1 (#{d['custom_fields']['dophu_asset']})" for d in there.values()}
    # Two that have one address at once, as a cluster does, do not take it from each other.
    for serial in ("FGT60F11111A", "FGT60F22222B", "FGT60F11111A"):
        twin = netbox_sample.device("SO-YTE", 41, f"c-{serial}", "firewall", serial=serial, at=datetime.now(UTC))
        await see(workspace, twin)
        await push_twice(workspace)
        [holder] = (name for text, _, name in addresses_of(empty) if text == "192.168.1.41/24")
        assert holder == "c-FGT60F11111A"

    # A device that goes to another agency takes its address out of the former one's VRF.
    await see(workspace, switch("XA-01", 9, "new", "FOC2233ZZZ"))
    done = await push_twice(workspace)
    assert ("192.168.1.9/24", "XA-01", "new") in addresses_of(empty)
    await see(workspace, switch("SO-YTE", 9, "new", "FOC2233ZZZ"))
    done = await push_twice(workspace)
    assert {a for a in addresses_of(empty) if a[0] == "192.168.1.9/24"} == {("192.168.1.9/24", "SO-YTE", "new")}


async def test_agencies_of_one_name_stay_apart_and_their_places_are_renamed_with_them(
    empty: NetBox, workspace: Workspace
) -> None:
    use(workspace, empty.url)
    register = await register_of(workspace)
    commune = next(a for a in register.agencies if a.code == "XA-01")
    lan = next(n for n in register.networks if n.agency == "XA-01")
    more = replace(
        register,
        agencies=(*register.agencies, replace(commune, code="XA-02")),
        networks=(*register.networks, replace(lan, code="XA-02-LAN", agency="XA-02")),
    )
    await workspace.store.write(registers.replace, more)
    now = datetime.now(UTC)
    await see(workspace, netbox_sample.device("XA-02", 2, "sw-XA-02", "switch", serial="FOC9993AB", at=now, **SWITCH))
    await push_twice(workspace)

    def places() -> dict[str, tuple[str, str]]:
        found = ask(empty, "GET", "dcim/devices/")
        return {d["name"]: (d["tenant"]["name"], d["site"]["name"]) for d in found}

    coded = {code: f"Xã Đồng Tâm ({code})" for code in ("XA-01", "XA-02")}
    assert {name: at for name, at in places().items() if name.startswith("sw-XA")} == {
        f"sw-{code}": (name, name) for code, name in coded.items()
    }
    # What Dophu wrote there is not taken for a change, before or after the agency is renamed in the register.
    assert (await netbox.pull(workspace))["changes"] == []
    day = now.astimezone(ZONE).date() - timedelta(days=9)
    renamed = (
        replace(commune, valid_to=day - timedelta(days=1)),
        replace(commune, title=Title("Phường “Mới”", "New ward"), valid_from=day),
    )
    others = tuple(a for a in more.agencies if a.code != "XA-01")
    await workspace.store.write(registers.replace, replace(more, agencies=(*others, *renamed)))
    assert (await netbox.pull(workspace))["changes"] == []
    await push_twice(workspace)
    assert (places()["sw-XA-01"], places()["sw-XA-02"][0]) == (("Phường “Mới”", "Phường “Mới”"), "Xã Đồng Tâm")
    # A name that a person gave stays, and is taken over.
    [tenant] = ask(empty, "GET", "tenancy/tenants/?slug=xa-01")
    ask(empty, "PATCH", f"tenancy/tenants/{tenant['id']}/", {"name": "Phường của NetBox"})
    assert (await netbox.push(workspace))["writes"] == 0
    await netbox.pull(workspace)
    assert "Phường của NetBox" in {a.title.vi for a in (await register_of(workspace)).agencies}


async def test_an_address_that_is_no_hosts_is_not_refused_again_and_again(empty: NetBox, workspace: Workspace) -> None:
    use(workspace, empty.url)
    now = datetime.now(UTC)
    router = netbox_sample.device("SO-YTE", 9, "r9", "router", serial="R9SERIAL9", at=now, **SWITCH)
    odd = (("2001:db8:1::9", 64), ("2001:db8:1::", 64), ("10.200.1.0", 24), ("10.200.2.255", 24), ("10.200.3.1", 0))
    stated = [Fact("ip_address", {"interface": "Gi1/0/2", "prefix": n}, "snmp", now, item=text) for text, n in odd]
    await see(workspace, replace(router, facts=(*router.facts, *stated)))
    await push_twice(workspace)
    assert {a for a, _, name in addresses_of(empty) if name == "r9"} == {
        "2001:db8:1::9/64", "10.200.1.0/32", "10.200.2.255/32", "10.200.3.1/32", "192.168.1.9/24"
    }  # fmt: skip


async def test_a_gateway_that_breaks_in_the_middle_harms_only_what_was_sent(
    empty: NetBox, workspace: Workspace
) -> None:
    with relay(empty.url) as between:
        use(workspace, between.url)
        between.spoil = lambda method, path: "502" if method == "POST" and "/interfaces/" in path else None
        done = await netbox.push(workspace)
        [failure] = done["failures"]
        assert failure["lost"] and "NetBox answers 502: Bad Gateway (text/html)" in failure["why"]
        assert len(failure["names"]) == 14 and len(ask(empty, "GET", "dcim/devices/")) == 4
        between.spoil = lambda method, path: None
        again = await netbox.push(workspace)
        assert again["failures"] == [] and len(ask(empty, "GET", "dcim/cables/")) == 2
        between.asked.clear()
        assert (await netbox.push(workspace))["writes"] == 0
        assert {method for method, _ in between.asked} == {"GET"}
        # On the way it can be read no more: what was done until then is told.
        between.spoil = lambda method, path: "502" if method == "GET" and "/interfaces/" in path else None
        halfway = await netbox.push(workspace)
        assert halfway["broken_off"] and [f["names"] for f in halfway["failures"]] == [()]
        between.spoil = lambda method, path: "502" if "/prefixes/" in path else None
        before = await register_of(workspace)
        with pytest.raises(NetBoxError, match="ipam/prefixes: NetBox answers 502"):
            await netbox.pull(workspace)
        assert await register_of(workspace) == before


@pytest.fixture
def another() -> Iterator[Relay]:
    """A server with no NetBox behind it."""
    with relay("") as running:
        yield running


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("page", r"found an answer that is no JSON, expected NetBox"),
        ("redirect", r"sends on to https://netbox\.example\.vn/api/: write that address into netbox\.url"),
        ("502", r"NetBox answers 502"),
        ("hold", r"timed out"),
    ],
)
async def test_what_is_no_netbox_is_named(another: Relay, workspace: Workspace, does: str, told: str) -> None:
    another.spoil = lambda method, path: does
    use(workspace, another.url, seconds=0.2)
    for do in (netbox.pull, netbox.push, netbox.compare):
        with pytest.raises(NetBoxError, match=told):
            await do(workspace)


async def test_without_settings_or_credential_it_is_said_what_is_missing(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"found no \[netbox\] in the configuration"):
        await netbox.push(workspace)
    use(workspace, "http://127.0.0.1:9", credential="other")
    with pytest.raises(InputError, match="dophu credential add other --kind netbox"):
        await netbox.push(workspace)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "netbox.example.vn"}, "expected an address such as https://netbox.example.vn"),
        ({"roles": ["swich"]}, "found 'swich', expected one of"),
        ({"kinds": {"ftth": "inet"}}, "found 'inet', expected one of internet, mtslcd, wan"),
        ({"seconds": 0}, "greater than 0"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        NetBoxSettings.model_validate({"url": "https://a.vn", "credential": "nb"} | settings)


async def test_where_there_is_no_netbox_the_control_has_no_members(workspace: Workspace) -> None:
    assert await answers(workspace) == {}
