"""Which rows of IF-MIB are counted as ports, by kind, state and name, as devices of many makers tell them."""

from __future__ import annotations

import pytest

from collectors.reading.ports import KINDS, is_port


@pytest.mark.parametrize(
    ("name", "kind", "oper"),
    [
        ("Gi1/0/1", 6, "up"),
        ("Gi1/0/2", 6, "down"),
        ("xe-0/0/3.0", 53, "lower layer down"),
        ("Null0", 1, "up"),
        ("Vlan20", 53, "up"),
        ("lo0.16384", 24, "up"),
        ("ae1", 161, "up"),
        ("gre0", 131, "down"),
        ("internal5", 6, "up"),
        ("CPU0", 1, "up"),
        ("FC port 0/4", 56, "up"),
        ("WLAN-1", 71, "up"),
        ("pppoe-out1", 23, "up"),
        ("Extreme Networks Virtual Services Platform 1440 - 1000BaseTX Port 1/1", 6, "up"),
    ],
)
def test_what_a_cable_or_an_address_belongs_to_is_a_port(name: str, kind: int, oper: str) -> None:
    assert is_port(name, {"index": 7, "description": name, "type": KINDS.get(kind, str(kind)), "oper": oper})


@pytest.mark.parametrize(
    ("name", "description", "kind", "oper"),
    [
        ("Analog Port 1/1", "Analog FXS interface 1/1", 102, "up"),
        ("lsi", "lsi", 150, "up"),
        ("Radio Interface", "Radio Interface", 39, "up"),
        ("AT0/1/0-aal5", "ATM0/1/0-aal5 layer", 49, "up"),
        ("VLAN-1002", "unrouted VLAN 1002", 53, "unknown"),
        ("EO0", "EOBC0/0", 53, "up"),
        ("Virtual-Template0", "Virtual-Template0", 23, "up"),
        ("vmk0", "Virtual interface: vmk0 on port 67108877", 258, "up"),
        ("Po3", "Port-Channel3", 161, "not present"),
        ("sl0", "sl0", 28, "up"),
        ("Ethernet 2-QoS Packet Scheduler-0000", "Ethernet 2-QoS Packet Scheduler-0000", 6, "up"),
        ("Microsoft ISATAP Adapter #2", "Microsoft ISATAP Adapter #2", 131, "down"),
        ("<pppoe-user7>", "<pppoe-user7>", 23, "up"),
        ("ng0", "ng0", 1, "up"),
    ],
)
def test_what_runs_inside_a_port_is_none(name: str, description: str, kind: int, oper: str) -> None:
    row = {"index": 7, "description": description, "type": KINDS.get(kind, str(kind)), "oper": oper}
    assert not is_port(name, row)


def test_a_row_without_any_name_is_no_port_unless_somebody_described_it() -> None:
    assert not is_port("7", {"index": 7, "type": "ethernet", "oper": "up"})
    assert is_port("7", {"index": 7, "type": "ethernet", "oper": "up", "alias": "Uplink"})
    assert is_port("7", {"index": 7, "type": "ethernet", "oper": "up", "description": "7"})
