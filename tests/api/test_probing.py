"""Lines from the wire to the store: whose silence counts, what is degraded, and what is stored how often."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from api import probing, rounds
from api.config import Config, LineSettings
from api.lines import LineRow, now, read_lines, read_span
from api.probing import Watch
from api.workspace import Workspace
from collectors.transports.echo import Pace
from inventory.store import Connection, facts, registers
from inventory.store.tables import FACTS, run
from inventory.words import Identity, Level, Link, Network, Observation, Register, Run, Title
from tests.api.pages_server import opened
from tests.collectors.bad_line import delay, lose
from tests.collectors.netns import Town, inside, town
from tests.collectors.netns import run as do
from tests.inventory.sample import agency
from tests.inventory.sample import facts as say

PACE = Pace(count=20, interval=0.005, patience=0.3)
LEVELS = (Level("xa", Title("Cấp xã", "Commune"), 1),)
LINKS = (
    Link("centre", "TT", "wan", "198.18.120.2"),
    Link("a", "A", "mtslcd", "198.18.121.2", via="centre"),
    Link("b", "B", "mtslcd", "198.18.122.2", via="centre"),
    Link("lossy", "L", "mtslcd", "198.18.123.2", via="centre"),
    Link("slow", "S", "mtslcd", "198.18.124.2", via="centre"),
    # Its far end answers no ping, but somebody is at its port.
    Link("door", "D", "internet", "198.18.125.2", port=443),
    Link("own", "O", "internet", "198.18.126.2"),
    Link("paper", "O", "wan"),
)
REGISTER = Register(
    LEVELS,
    tuple(agency(code, "xa") for code in ("TT", "A", "B", "L", "S", "D", "O")),
    (Network("net-a", "A", ip_network("198.18.121.0/24"), "lan", scan=True),),
    LINKS,
)


@dataclass
class Place:
    town: Town
    core: str
    centre: str
    ends: dict[str, str]

    def cut(self, name: str) -> None:
        """Have all packets vanish that a namespace gets."""
        self.town.nft(name, "table inet cut {\nchain c { type filter hook prerouting priority -400; drop; }\n}\n")

    def mend(self, name: str) -> None:
        self.town.nft(name, "table inet cut {}\ndelete table inet cut\n")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Us, the router at the end of the central line and four lines behind it, and two lines of their own."""
    with town() as made:
        core, centre = made.add("core"), made.add("centre")
        made.join(core, "e0", centre, "e0")
        made.address(core, "e0", "198.18.120.1/24")
        made.address(centre, "e0", "198.18.120.2/24")
        do("ip", "netns", "exec", centre, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        ends = {}
        for number, code in enumerate(("a", "b", "lossy", "slow"), 1):
            ends[code] = made.add(code)
            made.join(centre, f"e{number}", ends[code], "e0")
            made.address(centre, f"e{number}", f"198.18.12{number}.1/24")
            made.address(ends[code], "e0", f"198.18.12{number}.2/24")
            do("ip", "-n", ends[code], "route", "add", "default", "via", f"198.18.12{number}.1")
            do("ip", "-n", core, "route", "add", f"198.18.12{number}.0/24", "via", "198.18.120.2")
        for number, code in ((5, "door"), (6, "own")):
            ends[code] = made.add(code)
            made.join(core, f"e{number}", ends[code], "e0")
            made.address(core, f"e{number}", f"198.18.12{number}.1/24")
            made.address(ends[code], "e0", f"198.18.12{number}.2/24")
        made.address(ends["a"], "e0", "198.18.121.7/24")
        do("ip", "netns", "exec", ends["door"], "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
        lose(made, centre, "e3", "198.18.123.2", 20)
        delay(made, centre, "e4", ends["slow"], 60)
        yield Place(made, core, centre, ends)


@pytest_asyncio.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with opened(tmp_path) as store:
        await store.write(registers.replace, REGISTER)
        settings = LineSettings(kinds={"mtslcd": {"p95_ms": 50}})  # type: ignore[dict-item]
        # The ways are learned by the test that is about them: for the others that would be seconds each.
        known = Watch(ways={}, traced={v.code: time.monotonic() for v in LINKS})
        yield Workspace(Config(data=tmp_path, lines=settings), store, lines=[known])


async def probe(place: Place, workspace: Workspace) -> rounds.Round:
    with inside(place.core):
        return await rounds.probe_lines(workspace, PACE)


async def rows(workspace: Workspace) -> dict[str, LineRow]:
    at = now()
    told = await workspace.store.read(read_lines, workspace.vocabulary, at, read_span(None, None, at))
    return {row.link.code: row for row in told}


async def states(place: Place, workspace: Workspace) -> dict[str, tuple[str, str]]:
    """A round, and what is stored of each line afterwards."""
    await probe(place, workspace)
    return {code: (row.state.state, row.state.reason) for code, row in (await rows(workspace)).items()}


async def test_lossy_slow_and_good_lines_are_told_apart_with_their_figures(place: Place, workspace: Workspace) -> None:
    # Until the loss of so many echoes says for sure what it is, and the slow line's machine is there.
    for _ in range(6):
        await probe(place, workspace)
    workspace.lines[0].stored.clear()
    found = await states(place, workspace)
    known = await rows(workspace)
    assert found["centre"] == found["a"] == found["own"] == ("up", "icmp")
    assert found["door"] == ("up", "tcp 443")
    assert found["paper"] == ("unknown", "")
    assert found["lossy"] == ("degraded", "loss")
    # Of 140 echoes with 20 % loss: four and a half standard deviations (0.034) to either side.
    assert known["lossy"].state.loss is not None and 0.05 < known["lossy"].state.loss < 0.36
    slow = known["slow"].state
    assert "delay" in slow.reason and slow.state == "degraded"
    assert slow.round_trip_p95 is not None and slow.round_trip_p95 >= 0.06
    good = known["a"].state
    assert good.loss == 0 and good.round_trip is not None and good.round_trip_p99 is not None
    assert good.round_trip <= good.round_trip_p99 and good.jitter is not None


async def test_our_own_line_down_is_unknown_for_those_behind_it_and_they_come_back(
    place: Place, workspace: Workspace
) -> None:
    before = await states(place, workspace)
    assert [before[code][0] for code in ("centre", "a", "b", "own")] == ["up"] * 4
    place.cut(place.centre)
    try:
        cut = await states(place, workspace)
    finally:
        place.mend(place.centre)
    assert cut["centre"] == ("down", "silent")
    assert {code: cut[code] for code in ("a", "b", "lossy", "slow")} == dict.fromkeys(
        ("a", "b", "lossy", "slow"), ("unknown", "via centre")
    )
    assert cut["own"] == ("up", "icmp")
    known = await rows(workspace)
    assert known["a"].state.loss is None, "what was measured before does not hold on"
    after = await states(place, workspace)
    assert [after[code][0] for code in ("centre", "a", "b")] == ["up"] * 3


async def test_an_agencys_own_line_down_is_down_and_its_neighbour_stays_up(place: Place, workspace: Workspace) -> None:
    await probe(place, workspace)
    place.cut(place.ends["a"])
    try:
        found = await states(place, workspace)
    finally:
        place.mend(place.ends["a"])
    assert (found["a"], found["b"], found["centre"]) == (("down", "silent"), ("up", "icmp"), ("up", "icmp"))
    assert (await rows(workspace))["a"].available.down.total_seconds() >= 0
    assert (await states(place, workspace))["a"] == ("up", "icmp")


async def test_a_line_behind_which_another_answers_is_not_down(place: Place, workspace: Workspace) -> None:
    place.town.nft(
        place.centre,
        "table inet shy {\nchain c { type filter hook input priority 0; icmp type echo-request drop; }\n}\n",
    )
    try:
        found = await states(place, workspace)
    finally:
        place.town.nft(place.centre, "delete table inet shy\n")
    assert found["centre"] == ("up", "behind a")
    assert found["a"] == ("up", "icmp")


async def test_without_declared_ways_the_routers_are_learned_and_used(place: Place, workspace: Workspace) -> None:
    workspace.lines.clear()
    links = tuple(replace(v, via=None) for v in LINKS if v.code in ("a", "b", "own"))
    await workspace.store.write(registers.replace, replace(REGISTER, links=links))
    await probe(place, workspace)
    said = await workspace.store.read(facts.read, workspace.vocabulary, "link", ["a", "own"], now(), {"path_gateway"})
    assert [(f.item, f.value) for f in said["a"]] == [("01", {"address": "198.18.120.2"})]
    assert [(f.item, f.value) for f in said["own"]] == [(facts.NO_ROW, {})]
    place.cut(place.centre)
    try:
        found = await states(place, workspace)
    finally:
        place.mend(place.centre)
    assert found["a"] == found["b"] == ("unknown", "hop 198.18.120.2")
    assert found["own"] == ("up", "icmp")


async def test_hosts_behind_a_cut_line_are_not_said_to_be_gone(
    place: Place, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pace in ("ONCE", "HOSTS", "KNOCKS"):
        monkeypatch.setattr(probing, pace, PACE)
    at = datetime.now(UTC)
    seen = Observation(
        say("icmp", at, answering=True), asset=Identity(address="198.18.121.7", network="net-a", agency="A")
    )
    made = Run("icmp", "net-a", at, at, (seen,), complete=True, agency="A", network="net-a")
    await workspace.store.write(rounds.runs.record, workspace.vocabulary, made, at)
    with inside(place.core):
        (good,) = await rounds.collect(workspace, only=["icmp"])
    assert "net-a 198.18.121.7" not in {failed.target for failed in good.failed}
    place.cut(place.centre)
    try:
        with inside(place.core):
            (done,) = await rounds.collect(workspace, only=["icmp"])
    finally:
        place.mend(place.centre)
    failed = {one.target: one.error for one in done.failed}
    assert failed["net-a 198.18.121.7"] == "the line centre in between does not answer: its silence says nothing"
    assert failed["a 198.18.121.2"] == "the line centre in between does not answer"
    assert "centre 198.18.120.2" not in failed, "that it is down is no failure to measure it"
    said = await workspace.store.read(facts.read, workspace.vocabulary, "asset", [1], now(), {"answering"})
    assert [f.value for f in said[1]] == [True]
    place.cut(place.ends["a"])
    try:
        with inside(place.core):
            (done,) = await rounds.collect(workspace, only=["icmp"])
    finally:
        place.mend(place.ends["a"])
    failed = {one.target: one.error for one in done.failed}
    assert failed["net-a 198.18.121.7"] == "the line a does not answer: its silence says nothing"


def _stored(connection: Connection) -> tuple[int, int]:
    t = FACTS["link"]
    return (
        connection.scalar(select(func.count()).select_from(t).where(t.c.key == "link_state")) or 0,
        connection.scalar(select(func.count()).select_from(run)) or 0,
    )


async def test_a_minute_in_which_nothing_changes_stores_nothing(place: Place, workspace: Workspace) -> None:
    await workspace.store.write(registers.replace, replace(REGISTER, links=(LINKS[0], LINKS[1], LINKS[6])))
    first = await probe(place, workspace)
    assert (first.targets, first.failed) == (1, [])
    before = await workspace.store.read(_stored)
    for _ in range(3):
        again = await probe(place, workspace)
        assert (again.targets, again.new) == (0, 0)
    assert await workspace.store.read(_stored) == before
    place.cut(place.ends["a"])
    try:
        changed = await probe(place, workspace)
    finally:
        place.mend(place.ends["a"])
    assert changed.targets == 1
    assert (await workspace.store.read(_stored))[0] == before[0] + 1, "one line has a new state, the others none"


async def test_what_the_store_could_not_take_is_said_again(place: Place, workspace: Workspace) -> None:
    full = "CREATE TRIGGER full BEFORE INSERT ON link_fact BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    await workspace.store.write(lambda connection: connection.exec_driver_sql(full))
    first = await probe(place, workspace)
    assert (first.unrecorded, (await workspace.store.read(_stored))[0]) == (1, 0)
    await workspace.store.write(lambda connection: connection.exec_driver_sql("DROP TRIGGER full"))
    again = await probe(place, workspace)
    assert (again.unrecorded, again.targets) == (0, 1)
    assert (await rows(workspace))["own"].state.state == "up"


async def test_a_round_of_some_agencies_is_not_taken_for_one_of_all(
    place: Place, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "ONCE", PACE)
    (watch,) = workspace.lines

    async def asked(*agencies: str) -> int:
        with inside(place.core):
            (done,) = await rounds.collect(workspace, agencies=agencies, only=["icmp"], due_only=True)
        return done.targets

    assert await asked("A") == 2, "its line and the one that it goes through"
    assert await asked("A") == 0, "they were asked just now"
    assert await asked("O") == 1
    assert watch.probed is None
    assert await asked() == len(LINKS) - 1, "all but the one without an address"
    (every, alone) = (watch.probed, watch.limited)
    assert every is not None and alone is not None
    assert await asked("S") == await asked() == 0, "they were among all"
    with inside(place.core):
        await rounds.collect(workspace, agencies=["A"], only=["icmp"])
    assert watch.probed is every and watch.limited is not alone
    found = watch.latest(["a"]), watch.latest(["own", "a"]), watch.latest(["new"])
    assert found == (watch.limited, every, None)


async def test_a_round_that_is_stopped_says_nothing(place: Place, workspace: Workspace) -> None:
    workspace.stop.set()
    done = await probe(place, workspace)
    assert (done.broken_off, done.targets) == (True, 0)
    assert (await workspace.store.read(_stored))[0] == 0


CHILD = """
import asyncio, json, sys
from pathlib import Path
from api import rounds
from api.config import Config
from api.workspace import open_workspace
from collectors.transports.echo import Pace
async def main():
    async with open_workspace(Config(data=Path(sys.argv[1]))) as workspace:
        done = await rounds.probe_lines(workspace, Pace(2, 0.01, 0.3))
        states = {code: state.state for code, state in workspace.lines[0].probed.states.items()}
        print(json.dumps([[run.error for run in done.failed], states]))
asyncio.run(main())
"""


async def test_without_the_right_to_ping_only_doors_are_knocked_at_and_it_is_said(
    place: Place, workspace: Workspace
) -> None:
    with inside(place.core):
        do("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
        dropped = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
        told = await asyncio.to_thread(
            do, "ip", "netns", "exec", place.core, *dropped, sys.executable, "-c", CHILD, str(workspace.config.data)
        )
    (error,), found = json.loads(told)
    assert error.startswith("nothing could be sent: ICMP is not permitted to this process: it needs CAP_NET_RAW")
    assert found == {code: "up" if code == "door" else None for code in found}
    known = await rows(workspace)
    assert {known[code].state.state for code in ("a", "centre")} == {"unknown"}
    assert known["door"].state.state == "up"


async def test_what_is_not_there_can_not_be_asked_for(workspace: Workspace) -> None:
    at = now()
    with pytest.raises(ValueError, match="--agency: found 'AA'"):
        await workspace.store.read(read_lines, workspace.vocabulary, at, read_span(None, None, at), ["AA"])
    for wrong, expected in (
        (("2999-01-01", None), "in the future"),
        (("x", None), "expected a date"),
        (("2026-01-02", "2026-01-01"), "expected a time before the end"),
        (("2000-01-01", "2026-01-01"), "expected at most 1098"),
    ):
        with pytest.raises(ValueError, match=expected):
            read_span(*wrong, at)
