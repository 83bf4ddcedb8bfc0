"""Agents that are wrong in one way: none hangs, none yields a wrong fact, each leaves a named error on its run."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import snmp
from collectors.snmp import collect
from inventory import vocabulary
from inventory.words import Credential, Network, Run, Target
from tests.lab.snmp_agent import Recording, Request, serving
from tests.lab.snmp_spoiler import FOREIGN, SPOILERS, Spoiler, spoiling, with_top_bits

SWITCH = Path(__file__).parents[1] / "recordings" / "snmp" / "catalyst_9200l.snmprec"
NETWORK = Network("LAN-SNN", "SNN", ip_network("127.0.0.0/8"), "lan", scan=True)
WHEN = {"long_tables_read", "seen_in_arp"}
"""Facts that are times of the reading itself."""

pytestmark = pytest.mark.timeout(40)

Facts = dict[tuple[str, str], object]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, for devices that do not answer."""
    monkeypatch.setattr(snmp, "TIMEOUT", 0.3)
    monkeypatch.setattr(snmp, "TRIES", 2)
    monkeypatch.setattr(snmp, "TRIES_AT_FIRST", 2)
    monkeypatch.setattr(snmp, "DEADLINE", 5.0)


@cache
def recording() -> Recording:
    return with_top_bits(Recording.read(SWITCH))


def target(port: int) -> Target:
    credential = Credential("lab", "snmp-v2c", {"community": "public"})
    return Target("127.0.0.1", port, network=NETWORK, credentials=(credential,))


def facts(run: Run) -> Facts:
    """What a run states, and the identifiers."""
    stated: Facts = {}
    for observation in run.observations:
        whose = observation.asset.address if observation.asset else None
        for fact in observation.facts:
            if fact.key not in WHEN:
                stated[f"{whose} {fact.key}", fact.item] = fact.value
        if observation.asset:
            stated |= {(f"{whose} {kind}", value): True for kind, value in observation.asset.identifiers}
    return stated


async def read(spoiler: Spoiler, *, stranger: bool = False) -> Run:
    with spoiling(recording(), spoiler, stranger=stranger) as (_, port):
        return await collect(target(port))


async def read_honestly() -> Facts:
    run = await read(SPOILERS["honest"])
    assert run.error is None
    return facts(run)


def wrong(found: Facts, good: Facts) -> Facts:
    """The facts that are not the good agent's; a row may lack columns."""
    return {
        key: value
        for key, value in found.items()
        if value != good.get(key)
        and not (isinstance(value, dict) and isinstance(row := good.get(key), dict) and value.items() <= row.items())
    }


HARMLESS = ["stale", "duplicated", "sloppy", "padded"]
UNUSABLE = {
    "silent": "no answer from",
    "other-id": "no answer from",
    "other-version": "no answer from",
    "other-community": "no answer from",
    "empty": "an empty datagram",
    "garbage": "no SNMP message",
    "garbage-first": "cannot be decoded",
    "truncated": "cut off",
    "truncated-late": "cut off",
    "all-huge": r"an answer of 63,\d+ bytes, above 4,080",
    "generr": "answers with genErr",
    "nulls": "with an error or nothing",
    "echo": "unexpected tag",
    "more": "objects that were not asked for",
    "others": "objects that were not asked for",
    "twice": "cannot be decoded: invalid pdu",
}
PARTLY = {
    "one-status": r"answers with genErr to 1\.3\.6\.1\.2\.1\.1\.6\.0",
    "one-huge": "an answer of 63,",
    "too-wide": "a number of 6 octets, expected 1 to 4",
    "empty-values": "a number of 0 octets, expected 1 to 4",
}


@pytest.mark.parametrize("mode", HARMLESS)
async def test_what_is_only_careless_changes_nothing(mode: str) -> None:
    good = await read_honestly()
    run = await read(SPOILERS[mode])
    assert (run.error, run.complete) == (None, True)
    assert facts(run) == good


async def test_an_answer_from_another_port_is_not_heard() -> None:
    good = await read_honestly()
    run = await read(SPOILERS["honest"], stranger=True)
    assert run.error is None
    assert facts(run) == good
    alone = await read(SPOILERS["silent"], stranger=True)
    assert alone.observations == ()
    assert alone.error is not None and "no answer from" in alone.error


@pytest.mark.parametrize("mode", UNUSABLE)
async def test_what_is_no_use_is_a_named_error_and_no_fact(mode: str) -> None:
    run = await read(SPOILERS[mode])
    assert run.observations == ()
    assert not run.complete
    assert run.error is not None
    assert_named(run, UNUSABLE[mode])


@pytest.mark.parametrize("mode", PARTLY)
async def test_what_is_wrong_in_part_costs_only_that_part(mode: str) -> None:
    good = await read_honestly()
    run = await read(SPOILERS[mode])
    assert not run.complete
    assert_named(run, PARTLY[mode])
    found = facts(run)
    assert found["127.0.0.1 sysname", ""] == good["127.0.0.1 sysname", ""]
    # Where the ticks cannot be read, the engine's whole seconds tell the time.
    whole = {("127.0.0.1 uptime", ""): float(int(float(str(good["127.0.0.1 uptime", ""]))))}
    assert not {k: v for k, v in wrong(found, good).items() if whole.get(k) != v}


@pytest.mark.parametrize("mode", ["endless", "loop", "decreasing"])
async def test_a_walk_without_an_end_states_no_count(mode: str) -> None:
    with serving(f"bad:{mode}") as ports:
        run = await collect(target(ports[0]))
    assert_named(run, "do not increase|has more than|was not read within")
    assert not {key for key, _ in facts(run)} & {"127.0.0.1 interface_count", "127.0.0.1 interfaces_up"}


async def test_nobody_listening_is_no_answer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    run = await collect(target(port))
    assert run.observations == ()
    assert_named(run, "no answer from")


@pytest.mark.parametrize("mode", ["no-such-object", "no-such-instance", "end-of-view"])
async def test_what_is_not_there_states_nothing(mode: str) -> None:
    run = await read(SPOILERS[mode])
    keys = {key for key, _ in facts(run)}
    assert "127.0.0.1 answering" in keys
    for key in ("sysname", "description", "location", "serial", "model", "version"):
        assert f"127.0.0.1 {key}" not in keys


@pytest.mark.parametrize("mode", ["negative", "holes"])
async def test_a_state_that_there_is_none_of_is_left_out(mode: str) -> None:
    good = await read_honestly()
    assert wrong(facts(await read(SPOILERS[mode])), good) == {}


async def test_a_number_where_a_text_belongs_states_nothing() -> None:
    good = await read_honestly()
    run = await read(SPOILERS["swapped"])
    found = facts(run)
    # What the maker's number alone says is less than what it says beside a description.
    assert {key for key, _ in wrong(found, good)} <= {"127.0.0.1 os_name", "127.0.0.1 role"}
    assert not {"127.0.0.1 sysname", "127.0.0.1 location", "127.0.0.1 serial"} & {key for key, _ in found}


async def test_a_healthy_device_beside_bad_ones_is_read_as_alone() -> None:
    good = await read_honestly()
    with spoiling(recording(), SPOILERS["honest"]) as (_, port), serving("bad:endless", "bad:garbage") as bad:
        healthy, *others = await asyncio.gather(*(collect(target(number)) for number in (port, *bad)))
    assert healthy.error is None
    assert facts(healthy) == good
    assert all(run.error for run in others)


def assert_named(run: Run, pattern: str) -> None:
    """The run's error says what was wrong, and where."""
    assert run.error is not None
    assert re.search(pattern, run.error)
    assert "127.0.0.1:" in run.error
    assert FOREIGN.decode() not in run.error


# --- anything may come -----------------------------------------------------------------------------------------------

Change = tuple[str, int, int]


def mutate(message: bytes, changes: list[Change]) -> bytes:
    """The message with bits flipped, parts cut away, bytes put in and lengths that lie."""
    octets = bytearray(message)
    for kind, at, number in changes:
        at %= max(len(octets), 1)
        match kind:
            case "flip" if octets:
                octets[at] ^= 1 << number % 8
            case "cut":
                del octets[at:]
            case "insert":
                octets.insert(at, number)
            case "length" if octets:
                # The first short length behind `at` that stands behind a tag.
                tags = [n for n in range(at, len(octets) - 1) if octets[n] in (2, 4, 6, 0x30, 0x41, 0x42, 0x43, 0x46)]
                if tags:
                    octets[tags[0] + 1] = number
    return bytes(octets)


changes = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "insert", "length"]), st.integers(0, 3_000), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(which=st.integers(0, 12), changes=changes)
def test_whatever_comes_ends_in_facts_of_their_types(which: int, changes: list[Change]) -> None:
    """A flipped bit inside a value cannot be seen under v2c; what comes of it keeps to the vocabulary."""
    seen = 0

    def spoil(_: Request, message: bytes) -> list[bytes]:
        nonlocal seen
        seen += 1
        return [mutate(message, changes) if seen % 13 == which else message]

    run = asyncio.run(read(spoil))
    assert run.finished >= run.started
    for observation in run.observations:
        for fact in observation.facts:
            vocabulary.load().keys[fact.key].check(fact.value)
            if isinstance(fact.value, Mapping):
                assert all(value is not None for value in fact.value.values())
