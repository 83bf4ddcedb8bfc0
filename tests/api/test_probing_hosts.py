"""Hosts and lines that are asked: silence is an answer only where the probe works and there was an answer before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import pytest
import pytest_asyncio

from api import probing
from api.config import Config
from api.probing import Host, Watch, probe, probe_hosts, runs_of
from api.workspace import Workspace
from collectors.transports.echo import Pace
from inventory.words import Link, Network, Run, Target
from tests.api.pages_server import opened
from tests.collectors.netns import inside, run, town

PACE = Pace(count=5, interval=0.01, patience=0.3)
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


@pytest_asyncio.fixture
async def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workspace]:
    for pace in ("HOSTS", "KNOCKS"):
        monkeypatch.setattr(probing, pace, PACE)
    async with opened(tmp_path) as store:
        yield Workspace(Config(data=tmp_path), store)


async def ask(namespace: str, workspace: Workspace, targets: Sequence[Target]) -> dict[str, Run]:
    """The runs of hosts, by address."""
    with inside(namespace):
        made = await probe_hosts(workspace, [Host(target) for target in targets], {}, Watch())
    return {one.target.split()[-1]: one for one in made}


async def ask_lines(namespace: str, workspace: Workspace, *addresses: str) -> dict[str, Run]:
    """The runs of lines, by address."""
    links = [Link(f"line-{n}", "SYT", "wan", address) for n, address in enumerate(addresses)]
    with inside(namespace):
        probed = await probe(workspace, links, PACE, Watch(ways={}))
    return {one.target.split()[-1]: one for one in runs_of(probed)}


def told(done: Run) -> dict[str, object]:
    (observation,) = done.observations
    return {fact.key: fact.value for fact in observation.facts if fact.value is not None}


async def test_a_silent_refused_or_absent_line_is_measured_as_not_answering(lan: Lan, workspace: Workspace) -> None:
    good, lossy = "198.18.100.2", "198.18.100.3"
    silent = ["198.18.100.4", "198.18.100.5", "198.18.100.99", "fd00:100::4"]
    runs = await ask_lines(lan.core, workspace, good, lossy, *silent)
    for address in silent:
        assert (runs[address].error, runs[address].complete) == (None, True)
        assert told(runs[address]) == {
            "link_answering": False, "link_state": "down", "link_reason": "silent", "loss": 1.0
        }  # fmt: skip
    assert (told(runs[good])["loss"], told(runs[lossy])["loss"]) == (0, 0.4)
    assert told(runs[lossy])["link_answering"] is True and "round_trip" in told(runs[lossy])
    assert (runs[good].agency, runs[good].network, runs[good].observations[0].asset) == ("SYT", None, None)


async def test_without_a_working_probe_silence_says_nothing(lan: Lan, workspace: Workspace) -> None:
    line = (await ask_lines(lan.without_loopback, workspace, "198.18.101.9"))["198.18.101.9"]
    network = replace(NETWORK, prefix=ip_network("198.18.101.0/24"))
    target = Target("198.18.101.9", network=network, answered_before=True)
    host = (await ask(lan.without_loopback, workspace, [target]))["198.18.101.9"]
    for done in (line, host):
        assert (done.complete, done.observations) == (False, ())
        assert "the probe does not work" in str(done.error)


async def test_what_could_not_be_sent_says_nothing(lan: Lan, workspace: Workspace) -> None:
    said = {"203.0.113.1": "Network is unreachable", "198.18.100.6": "Operation not permitted"}
    runs = await ask_lines(lan.core, workspace, *said)
    for address, why in said.items():
        assert (runs[address].complete, runs[address].observations) == (False, ())
        assert runs[address].error == f"nothing could be sent: {why}"


async def test_a_host_that_answers(lan: Lan, workspace: Workspace) -> None:
    targets = [Target("198.18.100.2", network=NETWORK), Target("fd00:100::2", network=NETWORK6)]
    runs = await ask(lan.core, workspace, [replace(target, agency="SYT") for target in targets])
    done = runs["198.18.100.2"]
    # One host is not its network: a complete Run must not make a count over the network a number.
    assert (done.error, done.complete, done.agency, done.network) == (None, True, "SYT", None)
    (observation,) = done.observations
    assert observation.asset is not None
    assert observation.asset.identifiers == frozenset()
    assert (observation.asset.address, observation.asset.network) == ("198.18.100.2", "SYT-LAN")
    assert observation.asset.agency == "SYT"
    assert told(done) == told(runs["fd00:100::2"]) == {"answering": True}


async def test_the_silence_of_a_host_is_a_fact_only_after_an_answer(lan: Lan, workspace: Workspace) -> None:
    targets = [Target("198.18.100.4", network=NETWORK), Target("198.18.100.5", network=NETWORK, answered_before=True)]
    runs = await ask(lan.core, workspace, targets)
    never, before = runs["198.18.100.4"], runs["198.18.100.5"]
    assert (never.complete, never.observations) == (False, ())
    assert never.error == "no answer by ICMP or TCP, and never had one: says nothing"
    assert (before.error, before.complete) == (None, True)
    assert told(before) == {"answering": False}


async def test_what_the_register_does_not_allow_gets_no_packet_and_is_told(lan: Lan, workspace: Workspace) -> None:
    closed = Network("SYT-DMZ", "SYT", ip_network("198.18.100.2/32"), "DMZ")
    # A firewall of our own that only counts sees what leaves.
    counting = """table inet seen {
        chain c { type filter hook output priority -10; ip daddr 198.18.100.2 counter; }
    }"""
    targets = [Target("198.18.100.2", network=n) for n in (closed, replace(NETWORK, prefix=ip_network("10.0.0.0/8")))]
    with inside(lan.core):
        run("nft", counting)
        try:
            made = await probe_hosts(workspace, [Host(target) for target in targets], {}, Watch())
            rules = run("nft", "list", "table", "inet", "seen")
        finally:
            run("nft", "delete", "table", "inet", "seen")
    assert "packets 0" in rules
    assert [(one.complete, one.observations) for one in made] == [(False, ())] * 2
    assert [str(one.error) for one in made] == [
        "network SYT-DMZ may not be scanned: scan is no in the register",
        "SYT-LAN 198.18.100.2: found 198.18.100.2, expected an address in 10.0.0.0/8",
    ]
