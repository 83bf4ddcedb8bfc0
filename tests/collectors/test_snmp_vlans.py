"""Switches that keep a forwarding table for each VLAN, and tell it to community@VLAN, as Cisco's do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from collectors.reading.makers import makers
from collectors.snmp import Reading
from inventory.words import Credential
from tests.lab.snmp_agent import serving

IOS = b"Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E4, RELEASE SOFTWARE (fc2)".hex()
SWITCH = {
    "1.3.6.1.2.1.1.1.0": f"4x|{IOS}",
    "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.9.1.1208",
    "1.3.6.1.2.1.1.5.0": "4|sw-tang2",
    **{f"1.3.6.1.2.1.2.2.1.2.{n}": f"4|GigabitEthernet1/0/{n}" for n in (1, 2, 3)},
    **{f"1.3.6.1.2.1.2.2.1.3.{n}": "2|6" for n in (1, 2, 3)},
}
STATES = {1: 1, 10: 1, 20: 2, 30: 1, 1002: 1, 1005: 1}
"""vtpVlanState by VLAN: 20 is suspended, and those from 1002 are not of Ethernet."""
CARDS = {1: {"3c52820000a1": 1}, 10: {"3c52820000b1": 2, "3c52820000b2": 2}, 30: {"3c52820000c1": 3, "3c52820000a1": 3}}


def forwarding(cards: Mapping[str, int]) -> dict[str, str]:
    """dot1dTpFdbPort and -Status, and the ports' interfaces; bridge port n + 50 is interface n."""
    rows = {}
    for mac, port in cards.items():
        index = ".".join(str(octet) for octet in bytes.fromhex(mac))
        rows[f"1.3.6.1.2.1.17.4.3.1.2.{index}"] = f"2|{port + 50}"
        rows[f"1.3.6.1.2.1.17.4.3.1.3.{index}"] = "2|3"
        rows[f"1.3.6.1.2.1.17.1.4.1.2.{port + 50}"] = f"2|{port}"
    return rows


def write(path: Path, *parts: Mapping[str, str]) -> None:
    rows = {oid: value for part in parts for oid, value in part.items()}
    ordered = sorted(rows, key=lambda oid: tuple(map(int, oid.split("."))))
    path.write_text("".join(f"{oid}|{rows[oid]}\n" for oid in ordered))


@pytest.fixture
def switch(tmp_path: Path) -> Path:
    """The recording of a switch, and beside it what it tells of its VLANs."""
    states = {f"1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.{vlan}": f"2|{state}" for vlan, state in STATES.items()}
    write(tmp_path / "switch.snmprec", SWITCH, states, forwarding(CARDS[1]))
    for vlan in (10, 30):
        write(tmp_path / f"switch@{vlan}.snmprec", SWITCH, forwarding(CARDS[vlan]))
    return tmp_path / "switch.snmprec"


async def read(switch: Path, kind: str = "snmp-v2c") -> Reading:
    with serving(str(switch)) as ports:
        reading = Reading("127.0.0.1", ports[0], timeout=0.3, details=True, long=True)
        await reading.run([Credential("noi-bo", kind, {"community": "public"})])
    return reading


@pytest.mark.parametrize("kind", ["snmp-v1", "snmp-v2c"])
async def test_what_hangs_on_the_switch_is_read_of_every_vlan_in_use(switch: Path, kind: str) -> None:
    reading = await read(switch, kind)
    found = {mac: (row["port"], row["vlan"]) for mac, row in reading.tables.rows["forwarding"].items()}
    assert found == {
        # Seen in two VLANs it is told of the first.
        "3c:52:82:00:00:a1": ("GigabitEthernet1/0/1", 1),
        "3c:52:82:00:00:b1": ("GigabitEthernet1/0/2", 10),
        "3c:52:82:00:00:b2": ("GigabitEthernet1/0/2", 10),
        "3c:52:82:00:00:c1": ("GigabitEthernet1/0/3", 30),
    }
    assert "forwarding" in reading.tables.read and reading.problems == []


async def test_a_switch_that_answers_for_no_vlan_is_read_as_far_as_it_goes(switch: Path) -> None:
    for vlan in (10, 30):
        switch.with_name(f"switch@{vlan}.snmprec").unlink()
    reading = await read(switch)
    assert set(reading.tables.rows["forwarding"]) == {"3c:52:82:00:00:a1"}
    # What it knows of the other VLANs is not known: nothing of before is gone.
    assert "forwarding" not in reading.tables.read and reading.problems == []


async def test_a_vlan_that_does_not_answer_is_named(switch: Path) -> None:
    switch.with_name("switch@30.snmprec").unlink()
    reading = await read(switch)
    assert set(reading.tables.rows["forwarding"]) == {f"3c:52:82:00:00:{end}" for end in ("a1", "b1", "b2")}
    assert "forwarding" not in reading.tables.read
    assert len(reading.problems) == 1 and reading.problems[0].startswith("VLAN 30: no answer from 127.0.0.1")


async def test_an_empty_vlan_is_read_to_its_end(switch: Path) -> None:
    write(switch.with_name("switch@10.snmprec"), SWITCH)
    reading = await read(switch)
    assert set(reading.tables.rows["forwarding"]) == {"3c:52:82:00:00:a1", "3c:52:82:00:00:c1"}
    assert "forwarding" in reading.tables.read


def test_addresses_of_a_protocol_have_no_maker() -> None:
    """The virtual router of VRRP, and that of HSRP, whose addresses Cisco gave it."""
    found = makers(["00:00:5e:00:01:0a", "00:00:0c:07:ac:01", "3c:52:82:00:00:a1"])
    assert "00:00:5e:00:01:0a" not in found
    assert "Cisco" in found["00:00:0c:07:ac:01"] and "Hewlett" in found["3c:52:82:00:00:a1"]
