"""The pieces of the probe benchmark, with a few addresses: each asks all of them, and one that fails counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from bench import probes
from bench._probe_work import WORKS, address_of
from bench._snmp_peers import PeerError

FEW = 20


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where everybody is let in."""
    with probes.doors() as port:
        yield port


@pytest.mark.parametrize("work", WORKS)
def test_every_work_asks_every_address(port: int, work: str) -> None:
    figures = probes.measure(work, FEW, port)
    assert figures["answered"] == FEW
    assert figures["cpu"] > 0


def test_addresses_are_many_and_all_of_loopback() -> None:
    told = {address_of(n) for n in range(3_000)}
    assert len(told) == 3_000
    assert all(one.startswith("127.1.") for one in told)


def test_the_peer_probes_every_address_and_a_shut_door_is_told(port: int) -> None:
    if shutil.which(probes.EXPORTER) is None:
        pytest.skip(f"no {probes.EXPORTER} is installed (deploy/setup.sh bench)")
    assert probes.exporter_cpu("tcp", FEW, port) >= 0
    with pytest.raises(PeerError, match=f"{FEW} of {FEW} probes failed"):
        probes.exporter_cpu("tcp", FEW, 1)
