"""The pieces of the SNMP benchmark, with a few devices: each reads all of them, and one that is not there counts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator

import pytest

from bench._snmp_clients import COLUMNS, identification_asks, measure
from bench._snmp_peers import BULKWALK, EXPORTER, PeerError, bulkwalk_interfaces, exporter_interfaces
from bench._snmp_responder import address_of
from bench.snmp import Limit, client, serving
from collectors.reading.interfaces import read_interfaces
from collectors.reading.tables import Tables, Walks
from collectors.transports.snmp import SnmpClient
from inventory.words import Credential

DEVICES = 5
WORKS = [
    ("ours", "identify"), ("gufo", "identify"), ("ours", "interfaces"), ("gufo", "interfaces"),
    ("ours", "store-identify"), ("ours", "store-interfaces"),
]  # fmt: skip
PEERS = {EXPORTER: exporter_interfaces, BULKWALK: bulkwalk_interfaces}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where five switches answer."""
    with serving(DEVICES) as (port, _):
        yield port


@pytest.mark.parametrize(("who", "work"), WORKS)
def test_every_client_reads_every_device(port: int, who: str, work: str) -> None:
    figures = asyncio.run(measure(who, work, port, DEVICES, 2))
    assert figures["lost"] == 0
    assert figures["cpu_per_1000"] > 0


@pytest.mark.parametrize(("who", "work"), WORKS)
def test_a_device_that_is_not_there_is_counted_as_lost(port: int, who: str, work: str) -> None:
    assert asyncio.run(measure(who, work, port, DEVICES + 1, 3))["lost"] == 1


def test_a_dead_device_is_no_lost_one() -> None:
    with serving(DEVICES, dead=DEVICES) as (port, _):
        assert client("ours", "store-identify", port, DEVICES, DEVICES, DEVICES)["lost"] == 0


@pytest.mark.parametrize("program", PEERS)
def test_every_peer_reads_every_device(port: int, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} is installed (deploy/setup.sh bench)")
    # It raises where one was lost; so few devices may take less than the ten milliseconds of the clock of processes.
    assert PEERS[program](port, DEVICES) >= 0
    with pytest.raises(PeerError, match=f"{program} read 1 of {DEVICES + 1} devices not to the end"):
        PEERS[program](port, DEVICES + 1)


def test_the_columns_of_all_are_those_that_reading_interfaces_asks_for(port: int) -> None:
    asked: list[str] = []

    class Noting(SnmpClient):
        async def walk_many(self, columns, **options):  # type: ignore[no-untyped-def]
            asked.extend(columns := list(columns))
            return await super().walk_many(columns, **options)

    async def read() -> None:
        async with Noting(address_of(0), port, Credential("bench", "snmp-v2c", {"community": "public"})) as device:
            await read_interfaces(Walks(device, Tables()), counters=True)

    asyncio.run(read())
    assert sorted(asked) == sorted(COLUMNS)


def test_the_requests_of_identification_are_noted(port: int) -> None:
    asked = asyncio.run(identification_asks(port))
    assert len(asked) > 1
    assert asked[0][0] == "get"


def test_a_limit_says_whether_it_is_met() -> None:
    assert [Limit("x", found, 2).met for found in (1.9, 2.0, 2.1, None)] == [True, True, False, None]
    assert [Limit("x", found, 150, at_least=True).met for found in (149, 150)] == [False, True]
    assert "MISSED" in str(Limit("x", 3, 2))
