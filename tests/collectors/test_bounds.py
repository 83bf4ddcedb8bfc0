"""What may be asked at all: one host inside its network, and only where the register allows it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from collectors import snmp
from collectors.bounds import read_host
from inventory.words import InputError, Network, Target

NETWORK = Network("SYT-LAN", "SYT", ip_network("198.18.100.0/24"), "LAN", scan=True)
WIDE = replace(NETWORK, prefix=ip_network("0.0.0.0/0"))
WIDE6 = replace(NETWORK, prefix=ip_network("::/0"))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("https://198.18.100.2/", network=NETWORK), "expected an IP address"),
        (Target("198.18.100.0/24", network=NETWORK), "expected an IP address"),
        (Target("example.vn", network=NETWORK), "expected an IP address"),
        (Target("fe80::1%e0", network=WIDE6), "expected the address of one host"),
        (Target("ff02::1", network=WIDE6), "expected the address of one host"),
        (Target("224.0.0.1", network=WIDE), "expected the address of one host"),
        (Target("0.0.0.0", network=WIDE), "expected the address of one host"),
        (Target("198.18.102.2", network=NETWORK), "expected an address in 198.18.100.0/24"),
        (Target("fd00:100::2", network=NETWORK), "expected an address in 198.18.100.0/24"),
        (Target("198.18.100.2", network=replace(NETWORK, scan=False)), "network SYT-LAN may not be scanned"),
    ],
)
async def test_what_may_not_be_asked_is_refused(target: Target, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_host(target)
    with pytest.raises(InputError, match=said):
        await snmp.collect(target)


def test_one_host_of_a_network_that_may_be_scanned_is_asked() -> None:
    assert read_host(Target("198.18.100.2", network=NETWORK)) == ip_address("198.18.100.2")
    assert read_host(Target("fd00::1")) == ip_address("fd00::1")
