"""ICMP: silence is an answer only where the probe works and there was an answer before."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest

from collectors import icmp, runner
from inventory.words import InputError, Network, Run, Target
from tests.collectors.netns import inside, run, town

NETWORK = Network("SYT-LAN", "SYT", ip_network("198.18.100.0/24"), "LAN", scan=True)
NETWORK6 = Network("SYT-LAN6", "SYT", ip_network("fd00:100::/64"), "LAN", scan=True)

#: What the host does with requests to its addresses: .3 loses two of five, .4 loses all, .5 refuses.
FIREWALL = """
table inet fw {
  chain in {
    type filter hook input priority 0;
    ip daddr 198.18.100.3 icmp type echo-request numgen inc mod 5 < 2 drop
    ip daddr 198.18.100.4 drop
    ip daddr 198.18.100.5 reject with icmp type host-unreachable
    ip6 daddr fd00:100::4 icmpv6 type echo-request drop
  }
}
"""
OWN_FIREWALL = """
table inet fw {
  chain out {
    type filter hook output priority 0;
    ip daddr 198.18.100.6 drop
  }
}
"""


@dataclass
class Lan:
    core: str
    without_loopback: str


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    """Us in one namespace and a host of many addresses in another; and a third whose loopback is down."""
    with town() as made:
        core, host, broken = made.add("core"), made.add("host"), made.add("broken")
        made.join(core, "e0", host, "e0")
        made.join(broken, "e0", host, "e1")
        made.address(core, "e0", "198.18.100.1/24", "fd00:100::1/64")
        made.address(host, "e0", *(f"198.18.100.{n}/24" for n in range(2, 7)), "fd00:100::2/64", "fd00:100::4/64")
        made.address(broken, "e0", "198.18.101.1/24")
        made.nft(host, FIREWALL)
        made.nft(core, OWN_FIREWALL)
        run("ip", "-n", broken, "link", "set", "lo", "down")
        yield Lan(core, broken)


async def collect_all(namespace: str, targets: list[Target]) -> list[Run]:
    """By the runner, as everywhere: what the collector raises is the Run's error."""
    with inside(namespace):
        return [done async for done in runner.run("icmp", icmp.collect, targets)]


async def collect(namespace: str, target: Target) -> Run:
    (done,) = await collect_all(namespace, [target])
    return done


def told(done: Run) -> dict[str, object]:
    (observation,) = done.observations
    return {fact.key: fact.value for fact in observation.facts}


def link(address: str) -> Target:
    return Target(address, link="SYT-WAN", agency="SYT")


async def test_a_link_that_answers(lan: Lan) -> None:
    done = await collect(lan.core, link("198.18.100.2"))
    assert (done.error, done.complete, done.agency, done.network) == (None, True, "SYT", None)
    (observation,) = done.observations
    assert (observation.link, observation.asset, observation.agency) == ("SYT-WAN", None, None)
    facts = told(done)
    assert facts["link_answering"] is True
    assert facts["loss"] == 0
    assert isinstance(facts["round_trip"], float)
    assert 0 <= facts["round_trip"] < 2


async def test_a_link_that_loses_two_packets_of_five(lan: Lan) -> None:
    facts = told(await collect(lan.core, link("198.18.100.3")))
    assert facts["link_answering"] is True
    assert facts["loss"] == pytest.approx(0.4)
    assert "round_trip" in facts


async def test_a_silent_refused_or_absent_link_is_measured_as_not_answering(lan: Lan) -> None:
    addresses = ["198.18.100.4", "198.18.100.5", "198.18.100.99", "fd00:100::4"]
    runs = await collect_all(lan.core, [link(address) for address in addresses])
    assert sorted(done.target for done in runs) == sorted(f"SYT-WAN {address}" for address in addresses)
    for done in runs:
        assert (done.error, done.complete) == (None, True)
        assert told(done) == {"link_answering": False, "loss": 1.0}


async def test_without_a_working_probe_silence_says_nothing(lan: Lan) -> None:
    done = await collect(lan.without_loopback, link("198.18.101.9"))
    assert (done.complete, done.observations) == (False, ())
    assert done.error is not None
    assert "the probe does not work" in done.error


@pytest.mark.parametrize(
    ("address", "said"),
    [("203.0.113.1", "Network is unreachable"), ("198.18.100.6", "Operation not permitted")],
)
async def test_what_could_not_be_sent_says_nothing(lan: Lan, address: str, said: str) -> None:
    done = await collect(lan.core, link(address))
    assert (done.complete, done.observations) == (False, ())
    assert done.error is not None
    assert f"nothing could be sent to {address}" in done.error
    assert said in done.error


async def test_a_host_that_answers(lan: Lan) -> None:
    done = await collect(lan.core, Target("198.18.100.2", network=NETWORK))
    # One host is not its network: a complete Run must not make a count over the network a number.
    assert (done.error, done.complete, done.agency, done.network) == (None, True, "SYT", None)
    (observation,) = done.observations
    assert observation.asset is not None
    assert observation.asset.identifiers == frozenset()
    assert (observation.asset.address, observation.asset.network) == ("198.18.100.2", "SYT-LAN")
    assert observation.asset.agency == "SYT"
    assert told(done) == {"answering": True}


async def test_a_host_answers_by_ipv6(lan: Lan) -> None:
    assert told(await collect(lan.core, Target("fd00:100::2", network=NETWORK6))) == {"answering": True}


async def test_the_silence_of_a_host_is_a_fact_only_after_an_answer(lan: Lan) -> None:
    targets = [Target("198.18.100.4", network=NETWORK, answered_before=before) for before in (False, True)]
    never, before = sorted(await collect_all(lan.core, targets), key=lambda done: done.complete)
    assert (never.complete, never.observations) == (False, ())
    assert never.error == "no ICMP answer, and never had one: says nothing"
    assert (before.error, before.complete) == (None, True)
    assert told(before) == {"answering": False}


async def test_what_a_router_said_is_told(lan: Lan) -> None:
    done = await collect(lan.core, Target("198.18.100.5", network=NETWORK))
    assert done.error is not None
    assert done.error.startswith("no ICMP answer, and never had one: says nothing (")
    assert "unreachable" in done.error.lower()


CHILD = """
import asyncio, json
from collectors import icmp, runner
from collectors.transports import icmp as transport
from inventory.words import Target
async def main():
    target = Target("198.18.100.2", link="SYT-WAN")
    (run,) = [one async for one in runner.run("icmp", icmp.collect, [target])]
    facts = {fact.key: fact.value for o in run.observations for fact in o.facts}
    print(json.dumps([run.error, facts.get("link_answering")]))
asyncio.run(main())
"""


def test_not_permitted_is_not_down_and_datagram_sockets_will_do(lan: Lan) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (apt-get install util-linux)")
    answers = {}
    with inside(lan.core):
        for groups in ("1 0", "0 0"):
            run("sysctl", "-qw", f"net.ipv4.ping_group_range={groups}")
            dropped = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
            answers[groups] = json.loads(run(*dropped, sys.executable, "-c", CHILD))
    error, answering = answers["1 0"]
    assert "ICMP is not permitted to this process: it needs CAP_NET_RAW" in error
    assert answering is None
    assert answers["0 0"] == [None, True]


async def test_many_hosts_at_once_do_not_mistake_each_others_answers(lan: Lan) -> None:
    silent = [Target("198.18.100.4", link=f"SILENT-{n}") for n in range(10)]
    answering = [Target("198.18.100.2", link=f"UP-{n}") for n in range(40)]
    runs = await collect_all(lan.core, [*silent, *answering])
    assert len(runs) == 50
    assert all(told(done)["link_answering"] is ("UP" in done.target) for done in runs)


async def test_a_cancelled_ping_leaves_nothing_open(lan: Lan) -> None:
    with inside(lan.core):
        reading = asyncio.create_task(icmp.collect(link("198.18.100.4")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("https://198.18.100.2/", link="SYT-WAN"), "expected an IP address"),
        (Target("198.18.100.0/24", network=NETWORK), "expected an IP address"),
        (Target("example.vn", link="SYT-WAN"), "expected an IP address"),
        (Target("fe80::1%e0", link="SYT-WAN"), "expected the address of one host"),
        (Target("224.0.0.1", link="SYT-WAN"), "expected the address of one host"),
        (Target("0.0.0.0", link="SYT-WAN"), "expected the address of one host"),
        (Target("198.18.100.2"), "neither a link nor a network"),
        (Target("198.18.102.2", network=NETWORK), "expected an address in 198.18.100.0/24"),
        (Target("fd00:100::2", network=NETWORK), "expected an address in 198.18.100.0/24"),
        (
            Target("198.18.100.2", network=Network("SYT-DMZ", "SYT", ip_network("198.18.100.0/24"), "DMZ")),
            "network SYT-DMZ may not be scanned",
        ),
    ],
)
async def test_what_cannot_be_pinged_is_refused(target: Target, said: str) -> None:
    with pytest.raises(InputError, match=said):
        await icmp.collect(target)
