"""The order in which credentials are tried, and that a wrong one is not tried again and again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors import snmp
from collectors.snmp import collect
from collectors.transports.credentials import CREDENTIALS, LASTS, Credentials
from inventory.words import Credential, Target
from tests.collectors.relay import Relay, relaying
from tests.collectors.snmpd import COMMUNITY, secret, snmpd

PLACE = ("127.0.0.1", 161)


def v2c(community: str, name: str = "") -> Credential:
    return Credential(name or community, "snmp-v2c", {"community": community})


A, B, C = v2c("a"), v2c("b"), v2c("c")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> Credentials:
    return Credentials(most=10, clock=clock)


def test_what_a_device_took_is_tried_first_and_the_others_in_their_order(known: Credentials) -> None:
    assert known.in_order(*PLACE, [A, B, C]) == [A, B, C]
    known.took(*PLACE, C, [A, B])
    assert known.in_order(*PLACE, [A, B, C]) == [C, A, B]
    assert known.in_order("127.0.0.1", 1161, [A, B, C]) == [A, B, C]


def test_a_day_later_the_given_order_counts_again(known: Credentials, clock: Clock) -> None:
    known.took(*PLACE, C, [A, B])
    clock.now += LASTS - 1
    # Taking it again within the day proves nothing of the others.
    known.took(*PLACE, C)
    assert known.were_silent(*PLACE, [A, B, C]) == [A, B]
    clock.now += 2
    assert known.in_order(*PLACE, [A, B, C]) == [A, B, C]
    assert known.were_silent(*PLACE, [A, B, C]) == []


def test_what_was_refused_is_left_out_for_a_day(known: Credentials, clock: Clock) -> None:
    known.refused(*PLACE, A)
    assert known.in_order(*PLACE, [A, B]) == [B]
    assert known.in_order("127.0.0.2", 161, [A, B]) == [A, B]
    clock.now += LASTS + 1
    assert known.in_order(*PLACE, [A, B]) == [A, B]


def test_a_secret_put_right_under_the_same_name_is_another_credential(known: Credentials) -> None:
    known.refused(*PLACE, v2c("wrong", "lab"))
    assert known.in_order(*PLACE, [v2c("right", "lab")]) == [v2c("right", "lab")]


def test_only_so_many_devices_are_remembered_and_no_secret_of_them(known: Credentials) -> None:
    for port in range(50):
        known.took("127.0.0.1", port, v2c("bi-mat", "lab"), [v2c("bi-mat-2", "khac")])
        known.refused("127.0.0.1", port, v2c("bi-mat-3", "khac nua"))
    assert len(known) == 10
    for device in known._devices.values():
        held = [repr(getattr(device, name)) for name in device.__slots__]
        assert not any("bi-mat" in text for text in held)


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    monkeypatch.setattr(snmp, "TIMEOUT", 0.3)
    monkeypatch.setattr(snmp, "TRIES", 2)
    with snmpd(tmp_path) as port, relaying(port) as relay:
        CREDENTIALS.forget("127.0.0.1", relay.port)
        yield relay


async def test_the_community_that_was_accepted_is_tried_first_next_time(relay: Relay) -> None:
    target = Target("127.0.0.1", relay.port, credentials=(v2c("public"), v2c("cu"), v2c(COMMUNITY, "moi")))
    wrong = (b"public", b"\x04\x02cu")
    first = await collect(target)
    assert any(word in request for word in wrong for request in relay.requests)
    relay.requests.clear()
    second = await collect(target)
    assert not any(word in request for word in wrong for request in relay.requests)
    for run in (first, second):
        assert run.complete
        # That it is silent on the default community was seen today.
        assert [fact.value for fact in run.observations[0].facts if fact.key == "snmp_public"] == [False]


async def test_a_user_that_was_refused_is_asked_for_once(relay: Relay) -> None:
    wrong = Credential("sai", "snmp-v3", secret("sha-aes") | {"auth_password": "khong-dung-roi"})
    right = Credential("dung", "snmp-v3", secret("sha512-aes256"))
    target = Target("127.0.0.1", relay.port, credentials=(wrong, right))
    assert (await collect(target)).complete
    asked = sum(b"sha-aes" in request for request in relay.requests)
    assert 1 <= asked <= 2
    relay.requests.clear()
    assert (await collect(target)).complete
    assert not any(b"sha-aes" in request for request in relay.requests)
    relay.requests.clear()
    alone = await collect(Target("127.0.0.1", relay.port, credentials=(wrong,)))
    assert relay.requests == []
    assert alone.observations == ()
    assert alone.error is not None
    assert "sai: refused before" in alone.error


async def test_the_others_are_tried_when_the_one_remembered_is_silent(relay: Relay) -> None:
    old, new = v2c("cu", "cu"), v2c(COMMUNITY, "moi")
    CREDENTIALS.took("127.0.0.1", relay.port, old)
    run = await collect(Target("127.0.0.1", relay.port, credentials=(new, old)))
    assert run.complete
    assert b"\x04\x02cu" in relay.requests[0]
