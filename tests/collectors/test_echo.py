"""Many addresses over one socket: loss and delay by netem, refusals, doors, the routers on the way, and odd clocks."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from collectors.quality import Window, measure, percentile
from collectors.transports.echo import Pace, Trips, ping_many, trace_many
from collectors.transports.icmp import LOOPBACK, IPAddress
from collectors.transports.knock import knock_many
from collectors.transports.routes import read_routes
from tests.collectors.bad_line import delay, lose
from tests.collectors.netns import inside, run, town

QUICK = Pace(count=3, interval=0.02, patience=0.5)
FAR = [ip_address(f"198.18.112.{n}") for n in range(2, 202)]
SILENT, REFUSING, LOSSY, SLOW = FAR[0], FAR[1], ip_address("198.18.113.2"), ip_address("198.18.114.2")
FAR6 = ip_address("fd00:112::2")

FIREWALL = f"""
table inet fw {{
  chain in {{
    type filter hook input priority 0;
    ip daddr {SILENT} drop
    ip daddr {REFUSING} reject with icmp type host-unreachable
  }}
}}
"""
SERVER = "import socket,time; s=socket.create_server(('198.18.112.10',8443)); time.sleep(60)"


@dataclass
class Lines:
    core: str
    far: str


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    """Us, a router, and behind it a host of 200 addresses, a line that loses a fifth and one that is slow."""
    with town() as made:
        core, router, far, slow = (made.add(name) for name in ("core", "router", "far", "slow"))
        made.join(core, "e0", router, "e0")
        made.join(router, "e1", far, "e0")
        made.join(router, "e2", far, "e1")
        made.join(router, "e3", slow, "e0")
        made.address(core, "e0", "198.18.111.1/30", "fd00:111::1/64")
        made.address(router, "e0", "198.18.111.2/30", "fd00:111::2/64")
        made.address(router, "e1", "198.18.112.1/24", "fd00:112::1/64")
        made.address(router, "e2", "198.18.113.1/24")
        made.address(router, "e3", "198.18.114.1/24")
        made.address(far, "e0", *(f"{address}/24" for address in FAR), f"{FAR6}/64")
        made.address(far, "e1", f"{LOSSY}/24")
        made.address(slow, "e0", f"{SLOW}/24")
        run("ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0")  # fmt: skip
        for name, via in ((core, "198.18.111.2"), (far, "198.18.112.1"), (slow, "198.18.114.1")):
            run("ip", "-n", name, "route", "add", "default", "via", via)
        run("ip", "-n", core, "-6", "route", "add", "default", "via", "fd00:111::2")
        run("ip", "-n", far, "-6", "route", "add", "default", "via", "fd00:112::1")
        made.nft(far, FIREWALL)
        lose(made, router, "e2", str(LOSSY), 20)
        delay(made, router, "e3", slow, 60)
        made.start(far, sys.executable, "-c", SERVER)
        yield Lines(core, far)


async def ping(lines: Lines, *addresses: IPAddress, pace: Pace = QUICK) -> list[Trips]:
    with inside(lines.core):
        found = await ping_many(addresses, pace)
    return [found[address] for address in addresses]


async def test_two_hundred_addresses_of_both_versions_answer_each_for_itself(lines: Lines) -> None:
    # The router has to learn two hundred neighbours first, and drops what waits for that.
    await ping(lines, *FAR, FAR6)
    silent, refusing, *others, six = await ping(lines, *FAR, FAR6)
    assert (silent.sent, silent.round_trips, silent.refusal) == (3, (), "")
    assert (refusing.sent, refusing.round_trips, refusing.refusal) == (3, (), "destination unreachable")
    assert {(trips.sent, len(trips.round_trips)) for trips in (*others, six)} == {(3, 3)}
    assert all(0 <= t < QUICK.patience for trips in others for t in trips.round_trips)


async def test_a_fifth_is_lost(lines: Lines) -> None:
    (trips,) = await ping(lines, LOSSY, pace=Pace(300, 0.003, 0.5))
    quality = measure([trips])
    assert quality is not None
    # Of 300 with 20 % loss: six standard deviations (0.023) to either side.
    assert 0.06 < quality.loss < 0.34
    assert quality.median is not None


@pytest.fixture
async def slow(lines: Lines) -> None:
    """The slow line is there."""
    async with asyncio.timeout(10):
        while not (await ping(lines, SLOW))[0].answered:
            pass


@pytest.mark.usefixtures("slow")
async def test_delay_is_measured_and_what_comes_too_late_is_lost(lines: Lines) -> None:
    (trips,) = await ping(lines, SLOW)
    quality = measure([trips])
    assert quality is not None and quality.median is not None
    assert quality.loss == 0
    assert 0.06 <= quality.median < 0.5
    (late,) = await ping(lines, SLOW, pace=Pace(3, 0.02, 0.05))
    assert (late.sent, late.round_trips) == (3, ())


async def test_no_route_is_not_silence(lines: Lines) -> None:
    run("ip", "-n", lines.core, "route", "add", "unreachable", "203.0.113.0/24")
    (trips,) = await ping(lines, ip_address("203.0.113.1"))
    assert (trips.sent, trips.round_trips, trips.unsent) == (0, (), "No route to host")


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("jump", [3_600, -3_600, 0.3])
async def test_a_clock_that_is_set_changes_no_round_trip(lines: Lines, jump: float) -> None:
    turns = itertools.count()

    def wall() -> int:
        return time.time_ns() + int(jump * 1e9) * (next(turns) % 3)

    with inside(lines.core):
        found = await ping_many([SLOW], QUICK, wall=wall)
    assert len(found[SLOW].round_trips) == 3
    assert all(0.06 <= t < QUICK.patience for t in found[SLOW].round_trips)


async def test_doors_open_refused_and_silent(lines: Lines) -> None:
    opened, refused, silent = (FAR[8], 8443), (FAR[8], 1), (SILENT, 443)
    with inside(lines.core):
        # Whether the server listens already or not, the machine answers.
        found = await knock_many([opened, refused, silent], Pace(2, 0.02, 0.3))
    assert {door: (trips.sent, len(trips.round_trips)) for door, trips in found.items()} == {
        opened: (2, 2), refused: (2, 2), silent: (2, 0)
    }  # fmt: skip


async def test_the_routers_on_the_way_and_our_own_gateway(lines: Lines) -> None:
    with inside(lines.core):
        ways = await trace_many([FAR[5], FAR6, SILENT], hops=4, rate=1_000, patience=0.3)
        routes = read_routes()
    assert [(hop.distance, str(hop.address)) for hop in ways[FAR[5]]] == [(1, "198.18.111.2")]
    assert [(hop.distance, str(hop.address)) for hop in ways[FAR6]] == [(1, "fd00:111::2")]
    assert [(hop.distance, str(hop.address)) for hop in ways[SILENT]] == [(1, "198.18.111.2")]
    assert str(routes.gateway_of(FAR[5])) == "198.18.111.2"
    assert str(routes.gateway_of(FAR6)) == "fd00:111::2"
    assert routes.gateway_of(ip_address("198.18.111.2")) is None


async def test_a_router_with_a_link_local_address_is_asked_on_its_interface() -> None:
    """Two routers have the same address, each on an interface of its own; one of them is silent."""
    ours, other, gone = (ip_address(f"fe80::1%{interface}") for interface in ("e0", "e1", "e9"))
    with town() as made:
        core, router, silent = (made.add(name) for name in ("core", "router", "silent"))
        for device, far in (("e0", router), ("e1", silent)):
            made.join(core, device, far, "e0")
            made.address(core, device, "fe80::2/64")
            made.address(far, "e0", "fe80::1/64")
        run("ip", "-n", core, "-6", "route", "add", "default", "via", "fe80::1", "dev", "e0")
        run("ip", "-n", core, "-6", "route", "add", "fd00:115::/64", "via", "fe80::1", "dev", "e1", "metric", "9")
        made.nft(silent, "table inet fw {\nchain c { type filter hook input priority 0; icmpv6 type 128 drop; }\n}\n")
        with inside(core):
            routes = read_routes()
            found = await ping_many([ours, other, gone], QUICK)
    assert routes.gateway_of(FAR6) == ours
    assert routes.gateway_of(ip_address("fd00:115::2")) == other
    assert [(found[place].sent, len(found[place].round_trips)) for place in (ours, other, gone)] == [
        (3, 3), (3, 0), (0, 0)
    ]  # fmt: skip
    assert found[gone].unsent == "No such device"


async def test_a_round_that_is_cancelled_ends_its_thread(lines: Lines) -> None:
    with inside(lines.core):
        asking = asyncio.create_task(ping_many([SILENT], Pace(2, 0.02, 30)))
        await asyncio.sleep(0.05)
        asking.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await asking


CHILD = """
import asyncio, json
from ipaddress import ip_address
from collectors.transports.echo import *
from collectors.transports.icmp import NotPermittedError
async def main():
    places = [ip_address("198.18.112.9"), ip_address("fd00:112::2")]
    try:
        found = await ping_many(places, Pace(2, 0.02, 0.5))
        print(json.dumps([len(found[place].round_trips) for place in places]))
    except NotPermittedError as error:
        print(json.dumps(str(error)))
asyncio.run(main())
"""


def test_datagram_sockets_will_do_and_without_any_it_is_said(lines: Lines) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (apt-get install util-linux)")
    answers = {}
    with inside(lines.core):
        for groups in ("1 0", "0 0"):
            run("sysctl", "-qw", f"net.ipv4.ping_group_range={groups}")
            dropped = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
            answers[groups] = json.loads(run(*dropped, sys.executable, "-c", CHILD))
    assert "ICMP is not permitted to this process: it needs CAP_NET_RAW" in answers["1 0"]
    assert answers["0 0"] == [2, 2]


async def test_answers_to_others_are_not_taken_for_ours() -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ping_many([LOOPBACK[4]], Pace(5, 0.01, 0.5))) for _ in range(4)]
    assert [len(task.result()[LOOPBACK[4]].round_trips) for task in tasks] == [5] * 4


# --- figures ----------------------------------------------------------------------------------------------------------


def test_percentiles_are_by_nearest_rank() -> None:
    assert [percentile(range(1, 101), percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert [percentile([7.0], percent) for percent in (1, 95)] == [7.0, 7.0]


def test_jitter_is_between_neighbours_of_one_round() -> None:
    quality = measure([Trips(3, (0.010, 0.030, 0.020)), Trips(2, (0.5, 0.5))])
    assert quality is not None and quality.jitter == pytest.approx((0.02 + 0.01 + 0) / 3)
    assert measure([Trips(0, ())]) is None
    assert measure([Trips(4, (0.1,))]) is not None


def test_a_window_forgets_and_can_begin_anew() -> None:
    window = Window(300)
    for minute in range(10):
        window.add(minute * 60, Trips(10, (0.01,) * (5 if minute < 5 else 10)))
    quality = window.measure()
    assert quality is not None and (quality.sent, quality.loss) == (50, 0)
    window.restart()
    assert window.measure() is None
