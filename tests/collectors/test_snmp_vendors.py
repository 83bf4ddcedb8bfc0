"""The vendors' files: read strictly, and what follows from their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from collectors.reading.identify import Identification
from collectors.reading.standard import LLDP_DOES, SYS_DESCR, SYS_OBJECT_ID, SYS_SERVICES, Portrait, what_it_does
from collectors.transports.snmp import Absent, Answer
from collectors.vendors import load_vendors
from inventory.words import InputError

FORWARDING = "1.3.6.1.2.1.4.1.0"


class Said:
    """A device that says the given objects and nothing else."""

    def __init__(self, values: Mapping[str, Answer]) -> None:
        self.values = values

    async def get_many(self, oids: Iterable[str]) -> dict[str, Answer | Absent]:
        return {oid: self.values[oid] for oid in oids if oid in self.values}

    async def first(self, column: str, *, rows: int = 3) -> list[tuple[str, Answer]]:
        found = [(o.removeprefix(f"{column}."), v) for o, v in self.values.items() if o.startswith(f"{column}.")]
        return found[:rows]


def write(folder: Path, text: str) -> Path:
    (folder / "acme.yaml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title: Acme\n", "missing enterprises"),
        ("titel: Acme\nenterprises: [1]\n", "acme.yaml, line 1: unknown key 'titel'; did you mean 'title'?"),
        ("title: Acme\nenterprises: [1]\nrole: fierwall\n", "line 3: role: found 'fierwall'"),
        (
            "title: Acme\nenterprises: [1]\nsystems: [{descr: '('}]\n",
            "line 3: systems[1].descr: not a regular expression",
        ),
        ("title: Acme\nenterprises: [1]\nsystems: [{descr: '(?P<colour>x)'}]\n", "the group 'colour'"),
        ("title: Acme\nenterprises: [1]\nsystems: [{object: [1.2.x]}]\n", "found '1.2.x', expected an OID"),
        ("title: Acme\nenterprises: [1]\nsystems: [{read: [{as: model}]}]\n", "no source"),
        ("title: Acme\nenterprises: [1]\nsystems: [{read: [{oid: 1.2.3}]}]\n", "missing as"),
        ("title: Acme\nenterprises: [1]\nsystems: [{read: [{entity: seral, as: serial}]}]\n", "did you mean 'serial'"),
        ("title: Acme\nenterprises: [one]\n", "expected a number"),
        (
            "title: Acme\nenterprises: [1]\nsystems: [{values: [{oid: 1.2.3, as: sesions}]}]\n",
            "did you mean 'sessions'",
        ),
        (
            "title: Acme\nenterprises: [1]\nsystems: [{values: [{column: 1.2.3, as: sessions}]}]\n",
            "a column needs take",
        ),
        ("title: Acme\nenterprises: [1]\nsystems: [{values: [{as: sessions}]}]\n", "no source"),
        ("title: Acme\nenterprises: [1]\nsystems: [{values: [{oid: 1.2.3, as: on_battery}]}]\n", "needs when"),
        ("title: Acme\nenterprises: [1]\nsystems: [{values: [{oid: 1.2.3, as: sensor}]}]\n", "found 'sensor'"),
        ("title: Acme\nenterprises: [1]\nsystems: [{tables: [{as: sensor}]}]\n", "missing columns"),
        (
            "title: Acme\nenterprises: [1]\nsystems: [{tables: [{as: sensor, columns: {valeu: 1.2.3}}]}]\n",
            "found the cell 'valeu'",
        ),
        (
            "title: Acme\nenterprises: [1]\nsystems: [{tables: [{as: sensor, columns: {value: 1.2}, long: maybe}]}]\n",
            "expected true or false",
        ),
        (
            "title: Acme\nenterprises: [1]\n"
            "systems: [{tables: [{as: sensor, columns: {value: 1.2}, divide: {value: x}}]}]\n",
            "found 'x', expected one of value",
        ),
        ("title: [\n", "not readable as YAML"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        load_vendors(write(tmp_path, text))
    assert problem in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("title: Two\nenterprises: [2]\nrole: nothing\nsip: [{}]\n")
    with pytest.raises(InputError) as caught:
        load_vendors(write(tmp_path, "title: Acme\nenterprises: [1]\nmodel: x\n"))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "acme.yaml, line 3",
        "two.yaml, line 3",
        "two.yaml, line 4",
    ]


def test_a_bad_line_of_the_numbers_is_named(tmp_path: Path) -> None:
    (tmp_path / "enterprises.csv").write_text("number,title,role\n9,Cisco,\nx,Acme,\n")
    with pytest.raises(InputError, match=r"enterprises\.csv, line 3"):
        load_vendors(tmp_path)


async def test_a_new_vendor_is_one_file(tmp_path: Path) -> None:
    text = """
title: Acme
enterprises: [99999]
systems:
  - os: AcmeOS
    descr: 'AcmeOS (?P<version>[\\d.]+)'
    roles: [{role: firewall, model: '^Wall'}]
    role: router
    read:
      - {oid: 1.3.6.1.4.1.99999.1.0, pattern: 'M-(\\d+)', as: model, told: 'Wall {}'}
      - {oid: 1.3.6.1.4.1.99999.2.0, as: serial}
"""
    device = Said(
        {
            SYS_OBJECT_ID: "1.3.6.1.4.1.99999.7",
            SYS_DESCR: b"AcmeOS 4.2",
            "1.3.6.1.4.1.99999.1.0": b"M-300",
            "1.3.6.1.4.1.99999.2.0": b"n/a",
        }
    )
    portrait = await Identification(device, load_vendors(write(tmp_path, text))).run()
    assert portrait.role == "firewall"
    # A serial that is a placeholder is no serial.
    assert portrait.fields == {"vendor": "Acme", "os_name": "AcmeOS", "version": "4.2", "model": "Wall 300"}


@pytest.mark.parametrize(
    ("object_id", "descr", "role", "vendor"),
    [
        ("1.3.6.1.4.1.12356.101.1.1006", "", "firewall", "Fortinet"),
        ("1.3.6.1.4.1.12356.102.1.1000", "FortiAnalyzer", "management", "Fortinet"),
        ("1.3.6.1.4.1.12356.103.1.64", "FortiManager", "management", "Fortinet"),
        ("1.3.6.1.4.1.311.1.1.3.1.1", "Hardware: x86 - Software: Windows Version 6.3", "workstation", "Microsoft"),
        ("1.3.6.1.4.1.311.1.1.3.1.2", "Hardware: x86 - Software: Windows Version 6.3", "server", "Microsoft"),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux may-chu 6.1.0-13-amd64 #1 SMP x86_64", "server", "Linux"),
        (
            "1.3.6.1.4.1.8072.3.2.10",
            "Linux pve1 6.5.11-7-pve #1 SMP PREEMPT_DYNAMIC PMX x86_64",
            "hypervisor",
            "Proxmox",
        ),
        ("1.3.6.1.4.1.14988.1", "RouterOS CCR2004-1G-12S+2XS", "router", "MikroTik"),
        ("1.3.6.1.4.1.14988.1", "RouterOS CRS326-24G-2S+", "switch", "MikroTik"),
        ("1.3.6.1.4.1.25461.2.3.9", "Palo Alto Networks PA-220 series firewall", "firewall", "Palo Alto Networks"),
        ("1.3.6.1.4.1.2435.2.3.9.1", "Brother NC-8300h, Firmware Ver.1.14", "printer", "Brother"),
        # Makers that no file knows: their number's name, and what the words say.
        ("1.3.6.1.4.1.2544.1.1", "Carrier Ethernet switch", "switch", "ADVA"),
        ("1.3.6.1.4.1.4000000.1", "24-port gigabit PoE switch", "switch", None),
    ],
)
async def test_the_role_follows_from_what_a_device_says(
    object_id: str, descr: str, role: str, vendor: str | None
) -> None:
    portrait = await Identification(Said({SYS_OBJECT_ID: object_id, SYS_DESCR: descr.encode()})).run()
    assert (portrait.role, portrait.fields.get("vendor")) == (role, vendor)


async def test_a_linux_that_forwards_packets_is_a_router_unless_it_says_that_it_is_a_host() -> None:
    linux = {SYS_OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10", SYS_DESCR: b"Linux gw 6.1.0-13-amd64 #1 SMP", FORWARDING: 1}
    assert (await Identification(Said(linux)).run()).role == "router"
    assert (await Identification(Said(linux | {FORWARDING: 2})).run()).role == "server"
    assert (await Identification(Said(linux | {SYS_SERVICES: 72})).run()).role == "server"


async def test_what_a_device_does_is_taken_when_it_says_nothing_else() -> None:
    silent = {SYS_OBJECT_ID: "1.3.6.1.4.1.4000000.1", SYS_DESCR: b"unit 7", FORWARDING: 1}
    assert (await Identification(Said(silent)).run()).role == "router"
    assert (await Identification(Said(silent | {"1.3.6.1.2.1.17.1.2.0": 26})).run()).role == "switch"
    assert (await Identification(Said(silent | {SYS_DESCR: b"storage array 7"})).run()).role == "storage"


@pytest.mark.parametrize(
    ("values", "ports", "radios", "role"),
    [
        ({}, 0, 0, None),
        ({}, 24, 0, "switch"),
        ({}, 2, 1, "wireless"),
        ({FORWARDING: 1}, 2, 0, "router"),
        ({FORWARDING: 2}, 2, 0, None),
        # LLDP capabilities: bridge; access point; router; telephone and bridge.
        ({LLDP_DOES: b"\x20\x00"}, 0, 0, "switch"),
        ({LLDP_DOES: b"\x30\x00"}, 0, 0, "wireless"),
        ({LLDP_DOES: b"\x08\x00"}, 0, 0, "router"),
        ({LLDP_DOES: b"\x24\x00"}, 0, 0, "voip"),
        ({LLDP_DOES: b""}, 0, 0, None),
    ],
)
def test_a_role_follows_from_what_a_device_does(
    values: dict[str, Answer], ports: int, radios: int, role: str | None
) -> None:
    assert (what_it_does(Portrait(values), ports, radios) or (None,))[0] == role


async def test_standard_objects_tell_what_an_unknown_maker_makes() -> None:
    ups = {SYS_OBJECT_ID: "1.3.6.1.4.1.4000000.1", SYS_DESCR: b"unit", "1.3.6.1.2.1.33.1.1.2.0": b"Line 3000"}
    portrait = await Identification(Said(ups)).run()
    assert (portrait.role, portrait.fields["model"]) == ("power", "Line 3000")
    printer = {SYS_OBJECT_ID: "1.3.6.1.4.1.4000000.1", "1.3.6.1.2.1.43.5.1.1.17.1": b"PR1234567"}
    portrait = await Identification(Said(printer)).run()
    assert (portrait.role, portrait.fields["serial"]) == ("printer", "PR1234567")


async def test_a_device_that_says_nothing_is_given_no_role() -> None:
    portrait = await Identification(Said({})).run()
    assert (portrait.role, portrait.fields) == (None, {})
