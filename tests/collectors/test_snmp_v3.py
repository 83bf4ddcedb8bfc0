"""SNMPv3 against a real snmpd, with a network between that loses, repeats and changes what passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collectors.transports.snmp import SnmpClient, SnmpError, SnmpRefused, SnmpTimeout
from collectors.transports.snmp_engines import ENGINES, Engines
from inventory.words import Credential
from tests.collectors.relay import Relay, relaying
from tests.collectors.snmpd import USERS, secret, snmpd

SYS_NAME = "1.3.6.1.2.1.1.5.0"
NAME = {SYS_NAME: b"may-chu-01"}
USM_STATS = bytes((0x2B, 6, 1, 6, 3, 15, 1, 1))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as port:
        yield port


@pytest.fixture
def relay(agent: int) -> Iterator[Relay]:
    with relaying(agent) as relay:
        yield relay
    ENGINES.forget("127.0.0.1", relay.port)


def client(port: int, user: str = "sha512-aes256", change: dict[str, str] | None = None) -> SnmpClient:
    credential = Credential(user, "snmp-v3", secret(user) | (change or {}))
    return SnmpClient("127.0.0.1", port, credential, timeout=0.5, tries=2, deadline=10)


async def read(
    port: int, user: str = "sha512-aes256", change: dict[str, str] | None = None
) -> tuple[object, bytes | None]:
    async with client(port, user, change) as device:
        return await device.get_many([SYS_NAME]), device.engine_id


@pytest.mark.parametrize("user", USERS)
async def test_a_conversation_opens_with_one_exchange(relay: Relay, user: str) -> None:
    for _ in range(2):
        relay.requests.clear()
        assert (await read(relay.port, user))[0] == NAME
        assert len(relay.requests) == 2


async def test_the_engine_id_of_an_authenticated_device_is_kept_and_asked_by(relay: Relay) -> None:
    _, engine_id = await read(relay.port)
    assert engine_id is not None
    assert ENGINES.get("127.0.0.1", relay.port) == engine_id
    relay.requests.clear()
    await read(relay.port)
    assert all(engine_id in request for request in relay.requests)


async def test_a_wrong_password_keeps_no_engine_id(relay: Relay) -> None:
    with pytest.raises(SnmpRefused, match="authentication password"):
        await read(relay.port, change={"auth_password": "khong-dung-roi"})
    assert ENGINES.get("127.0.0.1", relay.port) is None


@pytest.mark.parametrize("silent", [False, True])
async def test_a_device_that_was_replaced_is_read_by_its_own_id(relay: Relay, silent: bool) -> None:
    """Agents answer a request by another's id with a report of their own, or not at all."""
    other = bytes.fromhex("80001f8880ffffffffffffffff")
    ENGINES.keep("127.0.0.1", relay.port, other)
    if silent:
        relay.asked = lambda datagram: [] if other in datagram else [datagram]
    found, engine_id = await read(relay.port)
    assert found == NAME
    assert engine_id != other
    assert ENGINES.get("127.0.0.1", relay.port) == engine_id


async def test_an_agent_that_tells_its_time_only_when_it_refuses_is_read(relay: Relay) -> None:
    def forget_time(datagram: bytes) -> list[bytes]:
        """The engine id's report with boots 0 and time 0, as agents give it that tell these to nobody unknown."""
        at = datagram.find(USM_STATS + b"\x04")
        if at < 0:
            return [datagram]
        security = bytearray(datagram)
        # Behind the engine id (its length is that of snmpd's) stand two INTEGERs.
        place = datagram.index(bytes.fromhex("80001f88"))
        place += datagram[place - 1]
        for _ in range(2):
            length = security[place + 1]
            security[place + 2 : place + 2 + length] = bytes(length)
            place += 2 + length
        return [bytes(security)]

    relay.answered = forget_time
    assert (await read(relay.port))[0] == NAME
    # The id, the refusal, the answer.
    assert len(relay.requests) == 3


async def test_an_old_answer_played_again_is_not_read(relay: Relay) -> None:
    def replay(datagram: bytes) -> list[bytes]:
        return [*relay.answers, datagram]

    relay.answered = replay
    async with client(relay.port) as device:
        assert await device.get_many([SYS_NAME]) == NAME
        assert await device.get_many(["1.3.6.1.2.1.1.6.0"]) == {"1.3.6.1.2.1.1.6.0": "Phòng máy".encode()}


async def test_every_first_datagram_lost_does_no_harm(relay: Relay) -> None:
    lost: set[int] = set()

    def lose(datagram: bytes) -> list[bytes]:
        lost.add(len(lost))
        return [datagram] if len(lost) % 2 == 0 else []

    relay.asked = lose
    assert (await read(relay.port))[0] == NAME


@pytest.mark.parametrize(
    ("change", "expected", "text"),
    [
        ({"user": "la-mat"}, SnmpRefused, "does not know the user"),
        ({"auth_password": "khong-dung-roi"}, SnmpRefused, "authentication password or protocol is wrong"),
        ({"auth": "SHA256"}, SnmpRefused, "authentication password or protocol is wrong"),
        ({"priv_password": "khong-dung-roi"}, SnmpTimeout, "is the privacy password wrong"),
        ({"priv": "AES"}, SnmpTimeout, "is the privacy password wrong"),
        # This user must encipher.
        ({"priv": "", "priv_password": ""}, SnmpRefused, "refuses credential"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
async def test_what_is_wrong_with_a_credential_is_said(
    relay: Relay, change: dict[str, str], expected: type[SnmpError], text: str, known: bool
) -> None:
    if known:
        await read(relay.port)
    with pytest.raises(expected, match=text) as caught:
        await read(relay.port, change=change)
    assert not any(word in str(caught.value) for word in change.values() if len(word) > 7)


def test_engine_ids_are_kept_for_so_many_addresses() -> None:
    engines = Engines(most=3)
    for number in range(5):
        engines.keep("127.0.0.1", number, b"12345")
    assert len(engines) == 3
    assert engines.get("127.0.0.1", 1) is None
    assert engines.get("127.0.0.1", 4) == b"12345"
