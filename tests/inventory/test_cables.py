"""Which assets are connected, and behind which port an address is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory import vocabulary
from inventory.cables import Attachment, Cable, Seen, find_attachments, find_cables, host_key, port_key
from inventory.store import Store, cables, runs
from inventory.words import Fact, Identity, Observation
from tests.inventory.sample import NOW, facts, reading

PORTS = {
    1: {port_key("Gi1/0/1"): "Gi1/0/1", port_key("Gi1/0/2"): "Gi1/0/2"},
    2: {port_key("port1"): "port1", port_key("LAN"): "port1"},
}


def test_two_ends_that_name_each_other_are_one_cable() -> None:
    seen = [
        Seen(1, "GigabitEthernet1/0/1", "e0:23:ff:4a:10:04", "fw.tinh.vn", "x", "LAN"),
        Seen(2, "port1", None, "SW1", "Gi1/0/1"),
    ]
    found = find_cables(seen, {"E023FF4A1004": 2}, {"sw1": 1}, PORTS)
    assert found == (Cable(1, "Gi1/0/1", 2, "port1", both=True),)


def test_one_end_is_enough_and_is_told_so() -> None:
    found = find_cables([Seen(2, "port1", None, "sw1(FOC1)", "Gi1/0/2")], {}, {"sw1": 1}, PORTS)
    assert found == (Cable(1, "Gi1/0/2", 2, "port1", both=False),)


def test_a_name_that_several_have_and_the_device_itself_connect_nothing() -> None:
    seen = [Seen(1, "Gi1/0/1", None, "switch"), Seen(1, "Gi1/0/2", "e0:23:ff:4a:10:04")]
    assert find_cables(seen, {"E023FF4A1004": 1}, {"switch": None}, PORTS) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GigabitEthernet1/0/1", "Gi1/0/1"),
        ("TenGigabitEthernet1/1/2", "Te1/1/2"),
        ("FastEthernet0/24", "Fa0/24"),
        ("Ethernet1/3", "Eth1/3"),
    ],
)
def test_short_and_long_names_of_a_port_are_one(one: str, other: str) -> None:
    assert port_key(one) == port_key(other)
    assert port_key(one) != port_key(other[:-1] + "9")


def test_hosts_are_compared_without_their_domain_and_accents() -> None:
    assert host_key("SW-Phòng.tinh.vn") == host_key("sw-phong(FOC123)")


def test_an_address_is_behind_the_port_with_the_fewest_others() -> None:
    mac = "00:1b:21:00:00:01"
    rows = [(1, "uplink", mac), (1, "uplink", "00:1b:21:00:00:02"), (2, "Gi1/0/7", mac)]
    found = find_attachments(rows)
    assert found[mac] == (Attachment(mac, 2, "Gi1/0/7", 0), Attachment(mac, 1, "uplink", 1))


async def test_cables_and_attachments_of_the_store_are_those_of_the_day(store: Store) -> None:
    def switch(host: int, name: str, mac: str, *rows: Fact) -> Observation:
        identity = Identity(frozenset({("chassis_mac", mac)}), f"192.168.1.{host}", "net-a", "A")
        return Observation((*facts("snmp", NOW, sysname=name), *rows), asset=identity)

    one = switch(
        1, "sw1", "70:6b:b9:11:22:00",
        Fact("interface", {"index": 1}, "snmp", NOW, item="Gi1/0/1"),
        Fact("neighbour", {"local_port": "Gi1/0/1", "sysname": "sw2", "port": "Gi0/2"}, "snmp", NOW, item="a"),
        Fact("forwarding", {"port": "Gi1/0/5"}, "snmp", NOW, item="00:1b:21:00:00:01"),
    )  # fmt: skip
    two = switch(2, "sw2", "70:6b:b9:11:33:00", Fact("interface", {"index": 2}, "snmp", NOW, item="Gi0/2"))
    known = vocabulary.load()
    for observation in (one, two):
        await store.write(runs.record, known, reading("A", observation), NOW)
    (cable,) = await store.read(cables.cables, known, NOW)
    assert (cable.port, cable.other_port, cable.both) == ("Gi1/0/1", "Gi0/2", False)
    places = await store.read(cables.attachments, known, NOW)
    assert [(a.port, a.shared) for a in places["00:1b:21:00:00:01"]] == [("Gi1/0/5", 0)]
    late = NOW + known.keys["neighbour"].max_age + timedelta(seconds=1)
    assert await store.read(cables.cables, known, late) == ()
    assert await store.read(cables.cables, known, NOW - timedelta(days=1)) == ()
