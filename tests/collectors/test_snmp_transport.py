"""The SNMP client against a real snmpd, and against agents that are wrong in every way we know."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.transports.snmp import ABSENT, SnmpAnswerError, SnmpClient, SnmpError, SnmpRefused, SnmpTimeout
from collectors.transports.snmp_user import v3_user
from inventory.words import Credential, InputError
from tests.collectors.snmpd import COMMUNITY, PASSWORDS, USERS, secret, snmpd
from tests.lab.snmp_agent import SYSTEM, Agent, Request, Responder, replay, serving

SYS_DESCR, SYS_NAME, SYS_LOCATION = (f"1.3.6.1.2.1.1.{n}.0" for n in (1, 5, 6))
MISSING = "1.3.6.1.2.1.1.99.0"
IF_DESCR = "1.3.6.1.2.1.2.2.1.2"
NOTHING_THERE = "1.3.6.1.2.1.99"
SECRETS = (COMMUNITY, *PASSWORDS.values(), "bi-mat")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as port:
        yield port


def v2c(community: str = "public", kind: str = "snmp-v2c") -> Credential:
    return Credential("lab", kind, {"community": community})


def client(port: int, credential: Credential | None = None, **limits: float) -> SnmpClient:
    given_limits = {"timeout": 0.2, "tries": 2, "deadline": 10.0} | limits
    return SnmpClient(
        "127.0.0.1",
        port,
        credential or v2c(),
        timeout=given_limits["timeout"],
        tries=int(given_limits["tries"]),
        deadline=given_limits["deadline"],
    )


@contextmanager
def misbehaving(mode: str) -> Iterator[int]:
    with serving(f"bad:{mode}") as ports:
        yield ports[0]


@contextmanager
def answering(responder: Responder) -> Iterator[int]:
    agent = Agent()
    _, port = agent.listen("127.0.0.1", 0, responder)
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        yield port
    finally:
        agent.stop()
        thread.join()
        agent.close()


# --- a real snmpd ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["snmp-v1", "snmp-v2c"])
async def test_reads_objects_and_columns_of_a_real_agent(agent: int, kind: str) -> None:
    async with client(agent, v2c(COMMUNITY, kind), timeout=2) as device:
        found = await device.get_many([SYS_NAME, MISSING, SYS_LOCATION])
        assert found == {SYS_NAME: b"may-chu-01", MISSING: ABSENT, SYS_LOCATION: "Phòng máy".encode()}
        # lo is always there, and its ifDescr is its name.
        assert b"lo" in (await device.walk(IF_DESCR)).values()
        assert await device.walk("1.3.6.1.2.1.1.99") == {}
        assert [value for _, value in await device.first(IF_DESCR, rows=1)] == [b"lo"]


async def test_the_end_of_what_an_agent_shows_is_no_error(agent: int) -> None:
    async with client(agent, v2c(COMMUNITY), timeout=2) as device:
        assert await device.walk("1.3.9") == {}


@pytest.mark.parametrize("user", USERS)
async def test_reads_with_every_algorithm_of_v3(agent: int, user: str) -> None:
    async with client(agent, Credential(user, "snmp-v3", secret(user)), timeout=2) as device:
        assert (await device.get_many([SYS_NAME, MISSING])) == {SYS_NAME: b"may-chu-01", MISSING: ABSENT}
        assert b"lo" in (await device.walk(IF_DESCR)).values()
        assert device.engine_id is not None
        assert 5 <= len(device.engine_id) <= 32


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"user": "la-mat"}, SnmpRefused),
        ({"auth_password": "khong-dung-roi"}, SnmpRefused),
        ({"auth": "SHA512"}, SnmpRefused),
        # What is enciphered with another key looks like noise: an agent drops it in silence.
        ({"priv_password": "khong-dung-roi"}, SnmpTimeout),
    ],
)
async def test_a_wrong_v3_secret_is_an_error_without_the_secret(
    agent: int, change: dict[str, str], expected: type[SnmpError]
) -> None:
    credential = Credential("sai", "snmp-v3", secret("sha256-aes256") | change)
    with pytest.raises(expected) as caught:
        async with client(agent, credential, timeout=0.5, tries=1) as device:
            await device.get_many([SYS_NAME])
    assert not any(word in repr(caught.value) for word in (*SECRETS, *change.values()))


async def test_a_wrong_community_is_silence(agent: int) -> None:
    with pytest.raises(SnmpTimeout) as caught:
        async with client(agent, v2c("bi-mat"), tries=1) as device:
            await device.get_many([SYS_NAME])
    assert "bi-mat" not in repr(caught.value)


async def test_a_closed_port_is_a_timeout() -> None:
    with pytest.raises(SnmpTimeout, match="no answer"):
        async with client(1) as device:
            await device.get_many([SYS_NAME])


def test_the_key_of_a_password_is_made_once() -> None:
    from collectors.transports import snmp_user

    snmp_user._master_key.cache_clear()
    for _ in range(3):
        v3_user(Credential("a", "snmp-v3", secret("sha-aes")))
    # One for the authentication password, one for the privacy password.
    assert snmp_user._master_key.cache_info().misses == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"auth": "bi-mat"}, "auth is not an algorithm"),
        ({"priv": "bi-mat"}, "priv is not an algorithm"),
        ({"auth": ""}, "priv needs auth"),
        ({"auth_password": "ngan"}, "auth_password needs at least 8 characters"),
        ({"user": ""}, "needs a user"),
        ({"auth_pasword": "x"}, "did you mean 'auth_password'"),
    ],
)
def test_a_v3_secret_that_cannot_be_one_is_refused(change: dict[str, str], text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        v3_user(Credential("bad", "snmp-v3", secret("sha-aes") | change))
    assert "bi-mat" not in str(caught.value)
    assert "mat-khau" not in str(caught.value)


def test_an_unknown_kind_of_credential_is_refused() -> None:
    with pytest.raises(InputError, match="snmp-v2c"):
        SnmpClient("127.0.0.1", 161, Credential("x", "ssh", {}))


# --- agents that are wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["silent", "empty", "garbage", "truncated", "generr"])
async def test_nothing_usable_is_an_error(mode: str) -> None:
    with misbehaving(mode) as port:
        async with client(port) as device:
            with pytest.raises(SnmpTimeout if mode == "silent" else SnmpAnswerError):
                await device.get_many([SYS_DESCR, SYS_NAME])
            with pytest.raises(SnmpError):
                await device.walk(IF_DESCR)


async def test_an_error_in_a_walk_is_not_taken_for_the_end_of_the_table() -> None:
    with misbehaving("generr-walk") as port:
        async with client(port) as device:
            assert (await device.get_many([SYS_NAME]))[SYS_NAME] == b"bad-agent"
            with pytest.raises(SnmpAnswerError, match="genErr"):
                await device.walk(IF_DESCR)


async def test_an_object_that_is_answered_with_an_error_spoils_no_other() -> None:
    with misbehaving("generr-one") as port:
        async with client(port) as device:
            with pytest.raises(SnmpAnswerError, match=SYS_LOCATION) as caught:
                await device.get_many([SYS_DESCR, SYS_NAME, SYS_LOCATION, MISSING])
    assert caught.value.read == {SYS_DESCR: b"Misbehaving agent", SYS_NAME: b"bad-agent", MISSING: ABSENT}


async def test_objects_are_asked_for_in_smaller_lots_when_the_answer_is_too_big() -> None:
    with misbehaving("toobig") as port:
        async with client(port) as device:
            found = await device.get_many([SYS_DESCR, SYS_NAME, SYS_LOCATION, MISSING])
    assert found == {SYS_DESCR: b"Misbehaving agent", SYS_NAME: b"bad-agent", SYS_LOCATION: b"lab", MISSING: ABSENT}


async def test_an_object_left_out_of_the_answer_is_not_taken_for_absent() -> None:
    with misbehaving("missing") as port:
        async with client(port) as device:
            await device.get_many([SYS_DESCR, SYS_NAME])
            with pytest.raises(SnmpAnswerError):
                await device.get_many([SYS_LOCATION])


@pytest.mark.parametrize(
    ("mode", "text"),
    [("endless", "more than 500 rows"), ("loop", "do not increase"), ("decreasing", "do not increase")],
)
async def test_a_walk_without_an_end_ends(mode: str, text: str) -> None:
    with misbehaving(mode) as port:
        async with client(port) as device:
            with pytest.raises(SnmpAnswerError, match=text) as caught:
                await device.walk(IF_DESCR, max_rows=500)
    assert len(caught.value.read) <= 500


async def test_an_endless_walk_ends_at_the_deadline() -> None:
    with misbehaving("endless") as port:
        async with client(port, deadline=0.2) as device:
            with pytest.raises(SnmpTimeout, match=r"was not read within 0\.2 s") as caught:
                await device.walk(IF_DESCR, max_rows=10**9)
    assert caught.value.read


async def test_fewer_rows_are_asked_for_when_an_answer_exceeds_the_codec() -> None:
    with misbehaving("oversized") as port:
        async with client(port) as device:
            assert len(await device.walk(IF_DESCR)) == 60


@pytest.mark.parametrize("mode", ["stale", "late"])
async def test_an_answer_to_another_request_and_a_lost_datagram_do_no_harm(mode: str) -> None:
    with misbehaving(mode) as port:
        async with client(port) as device:
            assert (await device.get_many([SYS_NAME, MISSING])) == {SYS_NAME: b"bad-agent", MISSING: ABSENT}
            assert len(await device.walk(IF_DESCR)) == 60


async def test_a_cancellation_is_never_swallowed() -> None:
    """With the codec's own waiting a task in a fast walk needs several calls of `cancel` on Python 3.11."""
    with misbehaving("endless") as port:
        async with client(port) as device:
            for pause in (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05):
                walking = asyncio.create_task(device.walk(IF_DESCR, max_rows=10**9))
                await asyncio.sleep(pause)
                walking.cancel()
                done, _ = await asyncio.wait({walking}, timeout=2)
                assert done and walking.cancelled()


async def test_many_devices_at_once_each_get_their_own_answer(tmp_path: Path) -> None:
    names = [f"thiet-bi-{number}" for number in range(50)]
    for name in names:
        (tmp_path / name).write_text(f"{SYS_NAME}|4|{name}\n{SYS_DESCR}|4|x\n")

    async def ask(port: int) -> object:
        async with client(port, timeout=2, tries=3) as device:
            return (await device.get_many([SYS_NAME, SYS_DESCR]))[SYS_NAME]

    with serving(*(str(tmp_path / name) for name in names)) as ports:
        assert await asyncio.gather(*map(ask, ports)) == [name.encode() for name in names]


# --- anything may come -----------------------------------------------------------------------------------------------


class Mutating:
    """Answers rightly but for some bytes; what they become is set from outside."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, int]] = []
        self.cut: int | None = None
        self.honest = replay(SYSTEM)

    def __call__(self, request: Request) -> bytes | None:
        message = bytearray(self.honest(request) or b"")
        for at, value in self.changes:
            message[at % len(message)] = value
        return bytes(message[: self.cut])


@pytest.fixture(scope="module")
def mutating() -> Iterator[tuple[Mutating, int]]:
    responder = Mutating()
    with answering(responder) as port:
        yield responder, port


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 400), st.sampled_from([0, 1, 2, 4, 5, 6, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xA2, 0xFF])
        ),
        max_size=4,
    ),
    cut=st.none() | st.integers(0, 60),
)
def test_whatever_a_device_sends_is_a_value_or_an_snmp_error(
    mutating: tuple[Mutating, int], changes: list[tuple[int, int]], cut: int | None
) -> None:
    responder, port = mutating
    responder.changes, responder.cut = changes, cut

    async def read() -> None:
        async with client(port, timeout=0.02, tries=1, deadline=0.5) as device:
            for asking in (device.get_many([SYS_DESCR, SYS_NAME, MISSING]), device.walk(IF_DESCR, max_rows=100)):
                try:
                    found = await asking
                except SnmpError:
                    continue
                assert all(isinstance(oid, str) for oid in found)

    asyncio.run(read())
