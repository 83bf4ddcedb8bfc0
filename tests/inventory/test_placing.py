"""In which network of the register an address lies."""

from __future__ import annotations

from ipaddress import ip_network

from inventory.placing import narrowest
from inventory.words import Network


def network(code: str, prefix: str) -> Network:
    return Network(code, "A", ip_network(prefix), "lan")


def test_the_narrowest_network_holds_an_address_and_several_where_a_range_is_declared_twice() -> None:
    wide, narrow, again = network("w", "10.0.0.0/8"), network("n", "10.1.0.0/24"), network("a", "10.1.0.0/24")
    six, all_ = network("6", "2001:db8::/32"), network("0", "0.0.0.0/0")
    every = [wide, narrow, again, six, all_]
    assert narrowest("10.1.0.7", every) == [narrow, again]
    assert narrowest("10.2.0.7", every) == [wide]
    assert narrowest("192.0.2.1", every) == [all_] and narrowest("192.0.2.1", [wide, six]) == []
    assert narrowest("2001:db8::1", every) == [six]
