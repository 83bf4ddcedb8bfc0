"""What the SNMP collector states of a device, and what it keeps silent about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import snmp
from collectors.reading.standard import engine_identifier
from collectors.reading.text import as_lines, as_mac, as_number, as_statement, as_text
from collectors.snmp import collect
from inventory import vocabulary
from inventory.words import Credential, Fact, Network, Run, Target
from tests.collectors.snmpd import COMMUNITY, secret, snmpd
from tests.lab.snmp_agent import serving

RECORDINGS = Path(__file__).parents[1] / "recordings" / "snmp"
NETWORK = Network("LAN-SNN", "SNN", ip_network("127.0.0.0/8"), "lan", scan=True)


def v2c(community: str, name: str = "lab") -> Credential:
    return Credential(name, "snmp-v2c", {"community": community})


def target(port: int, *credentials: Credential) -> Target:
    return Target("127.0.0.1", port, network=NETWORK, credentials=credentials or (v2c("public"),))


def stated(run: Run) -> dict[str, object]:
    return {fact.key: fact.value for fact in run.observations[0].facts if not fact.item}


def rows(run: Run, key: str) -> dict[str, Fact]:
    return {fact.item: fact for fact in run.observations[0].facts if fact.key == key}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, for devices that do not answer."""
    monkeypatch.setattr(snmp, "TIMEOUT", 0.1)
    monkeypatch.setattr(snmp, "TRIES", 1)
    monkeypatch.setattr(snmp, "TRIES_AT_FIRST", 1)


@pytest.fixture
def switch() -> Iterator[int]:
    with serving(str(RECORDINGS / "catalyst_9200l.snmprec")) as ports:
        yield ports[0]


async def test_a_switch_is_stated_with_its_ports_neighbours_and_identity(switch: int) -> None:
    run = await collect(target(switch))
    assert (run.collector, run.complete, run.error, run.agency, run.network) == ("snmp", True, None, "SNN", "LAN-SNN")
    facts = stated(run)
    assert facts["answering"] is True
    assert facts["snmp_public"] is True
    assert facts["role"] == "switch"
    assert facts["address"] == "127.0.0.1"
    assert facts["location"] == "Tầng 1"
    assert facts["uptime"] == pytest.approx(4221001.33)
    assert facts["neighbour_count"] == 4
    port = rows(run, "interface")["Gi1/0/1"].value
    assert port == {
        "index": 9,
        "description": "GigabitEthernet1/0/1",
        "alias": "uplink fw-snnptnt",
        "type": "ethernet",
        "admin": "up",
        "oper": "up",
        "speed": 1_000_000_000,
        "mac": "70:6b:b9:11:22:01",
    }
    neighbour = rows(run, "neighbour")["Gi1/0/1 e0:23:ff:4a:10:04"].value
    assert neighbour == {
        "local_port": "Gi1/0/1",
        "chassis": "e0:23:ff:4a:10:04",
        "port": "port1",
        "port_description": "LAN",
        "sysname": "fw-snnptnt",
        "protocol": "lldp",
    }
    identity = run.observations[0].asset
    assert identity is not None
    assert {
        ("serial", "JAE2529ZZ9Q"),
        ("chassis_mac", "70:6b:b9:11:22:00"),
        ("engine_id", "800000090300706bb9112200"),
        ("mac", "70:6b:b9:11:22:01"),
    } <= identity.identifiers
    assert (identity.address, identity.network, identity.agency) == ("127.0.0.1", "LAN-SNN", "SNN")
    for fact in run.observations[0].facts:
        vocabulary.load().keys[fact.key].check(fact.value)


@pytest.mark.parametrize("user", [None, "sha-aes", "sha256-aes256"])
async def test_a_real_agent_is_read_to_the_end(tmp_path: Path, user: str | None) -> None:
    credential = Credential(user, "snmp-v3", secret(user)) if user else v2c(COMMUNITY)
    with snmpd(tmp_path) as port:
        run = await collect(target(port, credential))
    assert (run.error, run.complete) == (None, True)
    facts = stated(run)
    assert facts["os_name"] == "Linux"
    assert facts["sysname"] == "may-chu-01"
    assert facts["location"] == "Phòng máy"
    assert "snmp_public" not in facts
    assert isinstance(facts["interface_count"], int)
    assert facts["interface_count"] >= 1
    identity = run.observations[0].asset
    assert identity is not None
    assert [kind for kind, _ in identity.identifiers if kind == "engine_id"]


async def test_the_second_credential_is_tried_when_the_first_is_not_known(switch: int, impatient: None) -> None:
    run = await collect(target(switch, v2c("khong-dung", "cu"), v2c("public", "moi")))
    assert run.complete
    assert stated(run)["role"] == "switch"


async def test_a_device_that_is_silent_on_public_is_known_not_to_use_it(tmp_path: Path, impatient: None) -> None:
    with snmpd(tmp_path) as port:
        run = await collect(target(port, v2c("public"), v2c(COMMUNITY)))
    assert stated(run)["snmp_public"] is False


@pytest.mark.parametrize("mode", ["silent", "empty", "garbage", "truncated", "generr"])
async def test_no_usable_answer_is_an_error_and_no_fact(mode: str, impatient: None) -> None:
    with serving(f"bad:{mode}") as ports:
        run = await collect(target(ports[0], v2c("public", "mac-dinh"), v2c("bi-mat", "rieng")))
    assert run.observations == ()
    assert run.complete is False
    assert run.error is not None
    assert "mac-dinh" in run.error
    assert "bi-mat" not in run.error


async def test_no_credential_is_an_error_that_says_so() -> None:
    run = await collect(Target("127.0.0.1", 161))
    assert run.observations == ()
    assert run.error is not None
    assert "no credential" in run.error


async def test_what_was_read_before_a_failure_is_kept(impatient: None) -> None:
    with serving("bad:generr-walk") as ports:
        run = await collect(target(ports[0]))
    assert run.complete is False
    assert run.error is not None
    facts = stated(run)
    assert (facts["sysname"], facts["answering"]) == ("bad-agent", True)
    # The table answered with an error: how many ports there are is not known.
    assert "interface_count" not in facts


@pytest.mark.parametrize("mode", ["endless", "loop", "decreasing"])
async def test_tables_without_an_end_are_an_error_and_not_counted(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp, "DEADLINE", 1.0)
    with serving(f"bad:{mode}") as ports:
        run = await collect(target(ports[0]))
    assert run.complete is False
    assert run.error is not None
    assert "interface_count" not in stated(run)


async def test_a_cancelled_reading_returns_what_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("bad:endless") as ports:
        reading = asyncio.create_task(collect(target(ports[0])))
        done, _ = await asyncio.wait({reading}, timeout=0.5)
        assert not done, "the endless walk of this agent is what is broken off"
        reading.cancel()
        run = await reading
    assert run.complete is False
    assert run.error is not None
    assert "broken off" in run.error
    assert stated(run)["answering"] is True


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (bytes.fromhex("80001f8880e8ea357729580266"), "80001f8880e8ea357729580266"),
        # Made of 192.168.1.1, which every office has once more.
        (bytes.fromhex("8000000901c0a80101"), None),
        (b"\x80", None),
        (None, None),
    ],
)
def test_an_engine_id_made_of_an_address_identifies_nothing(octets: bytes | None, expected: str | None) -> None:
    assert engine_identifier(octets) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"Ph\xc3\xb2ng m\xc3\xa1y", "Phòng máy"),
        (b"Caf\xe9", "Café"),
        (b"two\r\nlines \x00rest", "two lines"),
        (b"\x00\x00\x00", None),
        (b"", None),
    ],
)
def test_octets_become_one_line_of_text(octets: bytes, expected: str | None) -> None:
    assert as_text(octets) == expected


@pytest.mark.parametrize("octets", [b"N/A", b"none", b"000000000000", b"To be filled by O.E.M.", b" - ", b"Unknown"])
def test_a_placeholder_states_nothing(octets: bytes) -> None:
    assert as_statement(octets) is None


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (bytes.fromhex("706bb9112201"), "70:6b:b9:11:22:01"),
        (b"70:6B:B9:11:22:1", "70:6b:b9:11:22:01"),
        (b"706bb9112201", "70:6b:b9:11:22:01"),
        (bytes(6), None),
        (b"eth0", None),
    ],
)
def test_hardware_addresses_have_one_form(octets: bytes, expected: str | None) -> None:
    assert as_mac(octets) == expected


@given(st.binary(max_size=80) | st.text(max_size=40) | st.integers() | st.none())
def test_any_value_is_read_without_an_error(value: bytes | str | int | None) -> None:
    for read in (as_text, as_statement, as_number, as_mac, as_lines):
        read(value)
    text = as_text(value)
    assert text is None or (text == text.strip() and text.isprintable())
