"""Traps and informs of net-snmp's own programs, received, stored and acknowledged, or rightly not."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from api.config import Config
from api.trapping import Trapping, boot, trapping
from api.workspace import Workspace
from collectors.transports import snmp_traps
from collectors.transports.snmp_traps import Notification
from inventory.secrets import KeyRing
from inventory.store import Store, assets, backups, events, facts, registers, runs
from inventory.store.events import Wanted
from inventory.words import Event, Fact, Identity, InputError, Network, Observation, Proof, Register, Run
from tests.api.trap_sender import COMMUNITY, LINK_DOWN, ON_BATTERY, PASSWORDS, Device, secret
from tests.inventory.sample import LEVELS, agency, device, reading

REGISTER = Register(
    levels=LEVELS,
    agencies=(agency("A"), agency("B"), agency("C")),
    networks=(
        Network("net-a", "A", ip_network("127.0.0.0/24"), "lan", True, ("v2c", "sha-aes", "sha512-aes256")),
        # The same range twice: only the credentials tell the agencies apart.
        Network("net-b", "B", ip_network("127.7.0.0/24"), "lan", True, ("of-b", "sha-aes-b", "both")),
        Network("net-c", "C", ip_network("127.7.0.0/24"), "lan", True, ("of-c", "both")),
    ),
)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; a test that waits for ever is ended by its own timeout."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@dataclass
class Site:
    """A workspace that receives, and a device that sends."""

    workspace: Workspace
    trapping: Trapping
    device: Device

    async def events(self, **wanted: object) -> list[Event]:
        found, _ = await self.workspace.store.read(events.read, Wanted(**wanted))  # type: ignore[arg-type]
        return [event for _, event in found]

    async def stored(self, number: int = 1) -> list[Event]:
        """The events once there are as many, the newest first."""
        await until(lambda: sum(self.trapping.events.values()) >= number)
        return await self.events()

    async def dropped(self, reason: str, number: int = 1) -> None:
        await until(lambda: self.trapping.receiver.dropped[reason] >= number)

    def at(self, source: str) -> Device:
        return Device(self.device.folder, self.device.port, source)


async def prepare(folder: Path, url: str) -> Workspace:
    workspace = Workspace(Config(data=folder / "data", database=url), Store.open(url, patience_seconds=0.2))
    workspace.config.data.mkdir()
    KeyRing.create(workspace.config.keys)
    await workspace.store.migrate()
    await workspace.store.write(registers.replace, REGISTER)
    await workspace.add_credential("v2c", "snmp-v2c", {"community": COMMUNITY})
    for user in ("sha-aes", "sha512-aes256"):
        await workspace.add_credential(user, "snmp-v3", secret(user))
    # The same user as in net-a, with another password.
    await workspace.add_credential("sha-aes-b", "snmp-v3", secret("sha-aes") | {"auth_password": "cua-co-quan-b"})
    for name in ("of-b", "of-c", "both"):
        await workspace.add_credential(name, "snmp-v2c", {"community": f"chuoi-{name}"})
    return workspace


@contextlib.asynccontextmanager
async def opened(folder: Path, url: str) -> AsyncIterator[Site]:
    workspace = await prepare(folder, url)
    try:
        async with trapping(workspace, snmp_traps.bind("127.0.0.1", 0)) as running:
            port = int(running.address.rpartition(":")[2])
            yield Site(workspace, running, Device(folder, port))
    finally:
        await workspace.store.close()


@pytest.fixture
async def site(tmp_path: Path, store_url: str) -> AsyncIterator[Site]:
    async with opened(tmp_path, store_url) as made:
        yield made


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Site]:
    """A site on SQLite only."""
    async with opened(tmp_path, f"sqlite:///{tmp_path / 'dophu.db'}") as made:
        yield made


async def test_a_trap_becomes_an_event_of_the_asset_at_its_sender(site: Site) -> None:
    await site.device.trap(site.device.v2c(), LINK_DOWN, "1.3.6.1.2.1.2.2.1.1.7", "i", "7")
    (event,) = await site.stored()
    assert (event.kind, event.agency, event.item, event.source) == ("link_down", "A", "#7", "traps")
    said = await site.workspace.store.read(facts.read, site.workspace.vocabulary, "asset", [event.asset], event.at)
    assert {f.key: f.value for f in said[event.asset]} == {"agency": "A", "network": "net-a", "address": "127.0.0.1"}


@pytest.mark.parametrize("user", ["sha-aes", "sha512-aes256"])
async def test_traps_of_snmp_v3_are_proven_with_keys_of_the_senders_engine(small: Site, user: str) -> None:
    await small.device.trap(small.device.v3(user), LINK_DOWN, "1.3.6.1.2.1.31.1.1.1.1.7", "s", "Gi0/7")
    (event,) = await small.stored()
    assert (event.kind, event.item) == ("link_down", "Gi0/7")
    assert event.asset is not None
    _, identifiers, _ = await small.workspace.store.read(assets.describe, event.asset)
    assert ("engine_id", "80001F8803AABBCCDDEE01", False) in identifiers


@pytest.mark.parametrize("who", ["v2c", "sha-aes", "sha512-aes256"])
async def test_an_inform_is_acknowledged_once_it_is_stored(site: Site, who: str) -> None:
    as_who = site.device.v2c() if who == "v2c" else site.device.v3(who)
    assert await site.device.inform(as_who, ON_BATTERY)
    (event,) = await site.events()
    assert (event.kind, event.times, event.severity) == ("on_battery", 1, "critical")
    said = await site.workspace.store.read(facts.read, site.workspace.vocabulary, "asset", [event.asset], event.at)
    assert [(f.key, f.value) for f in said[event.asset] if f.key == "on_battery"] == [("on_battery", True)]


async def test_what_the_store_refuses_is_not_acknowledged_and_comes_again(small: Site, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "dophu.db")
    holder.execute("BEGIN IMMEDIATE")
    assert not await small.device.inform(small.device.v2c(), ON_BATTERY, seconds=1)
    await small.dropped("not_stored", 1)
    assert await small.events() == []
    trying = asyncio.create_task(small.device.inform(small.device.v2c(), ON_BATTERY, tries=20, seconds=1))
    await small.dropped("not_stored", 2)
    holder.rollback()
    assert await trying
    (event,) = await small.events()
    assert event.times == 1
    holder.close()


async def test_a_trap_waits_for_the_store(small: Site, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "dophu.db")
    holder.execute("BEGIN IMMEDIATE")
    await small.device.trap(small.device.v2c(), ON_BATTERY)
    await until(lambda: small.trapping.receiver.waiting == 1)
    holder.rollback()
    (event,) = await small.stored()
    assert event.kind == "on_battery"
    holder.close()


async def test_an_inform_that_comes_again_is_stored_once(small: Site) -> None:
    """The answer may be lost: what is sent again, byte for byte, is answered again and not stored again."""
    request = bytes.fromhex(
        "3042020101040a62312d6d34742d626179a631020404000001020100020100302330"
        "0f06082b060102010103004303012345301006"
        "0a2b06010603010104010006022b06"
    )
    # snmpTrapOID has to be an OID as long as its header says: made whole here.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.settimeout(10)
        sending.connect(("127.0.0.1", small.device.port))
        for _ in range(2):
            sending.send(request)
            answer = await asyncio.to_thread(sending.recv, 2048)
            assert answer[0] == 0x30
            assert bytes.fromhex("020404000001") in answer
    (event,) = await small.events()
    assert event.times == 1


# --- what traps tell ------------------------------------------------------------------------------------------------

ALARM_DESCR = "1.3.6.1.2.1.33.1.6.2.1.2.1"
UPS_TRAPS = {
    "UPS-MIB, alarm added": ("1.3.6.1.2.1.33.2.3", (ALARM_DESCR, "o", "1.3.6.1.2.1.33.1.6.3.2"), "on_battery", True),
    "UPS-MIB, alarm removed": ("1.3.6.1.2.1.33.2.4", (ALARM_DESCR, "o", "1.3.6.1.2.1.33.1.6.3.2"), "on_mains", False),
    "UPS-MIB, another alarm": ("1.3.6.1.2.1.33.2.3", (ALARM_DESCR, "o", "1.3.6.1.2.1.33.1.6.3.18"), "alarm", None),
    "Eaton": ("1.3.6.1.4.1.534.1.11.4.1.0.3", ("1.3.6.1.4.1.534.1.11.3.0", "s", "On battery"), "on_battery", True),
    "MGE": ("1.3.6.1.4.1.705.1.11.0.12", (), "on_mains", False),
    "Vertiv": (
        "1.3.6.1.4.1.476.1.42.3.3.0.1",
        ("1.3.6.1.4.1.476.1.42.3.2.3.1.2", "o", "1.3.6.1.4.1.476.1.42.3.2.1.72"),
        "on_battery",
        True,
    ),
}


@pytest.mark.parametrize("maker", UPS_TRAPS)
async def test_a_ups_tells_of_its_battery_in_the_words_of_its_maker(small: Site, maker: str) -> None:
    oid, values, kind, on_battery = UPS_TRAPS[maker]
    await small.device.trap(small.device.v2c(), oid, *values)
    (event,) = await small.stored()
    assert event.kind == kind
    assert await on_battery_of(small, event) == on_battery


async def test_a_veeam_server_tells_of_the_backup_of_a_machine_of_its_agency(small: Site) -> None:
    seen, now = device("A", 77, datetime.now(UTC), role="server", sysname="sql01"), datetime.now(UTC)
    known = small.workspace.vocabulary
    await small.workspace.store.write(runs.record, known, reading("A", seen, at=now), now)
    base = "1.3.6.1.4.1.31023.1.1"

    async def trap(number: int, machine: str, result: str) -> None:
        values = ((102, "Nightly"), (105, machine), (106, "esx1"), (107, result), (108, "đĩa đầy"))
        told = [word for column, text in values for word in (f"{base}.{column}.0", "s", text)]
        await small.device.trap(small.device.v2c(), f"{base}.1.0.2", *told)
        await small.stored(number)

    for number, (machine, result) in enumerate((("sql01", "Success"), ("nobody", "Success"), ("sql01", "Failed")), 1):
        await trap(number, machine, result)
    found = [(event.kind, event.item) for event in reversed(await small.events())]
    assert found == [("backup_done", "sql01"), ("backup_done", "nobody"), ("backup_failed", "sql01")]
    later = datetime.now(UTC) + timedelta(seconds=1)
    (system,) = [s for s in await small.workspace.store.read(backups.listed, known, later) if s.jobs]
    ((job, proof, source),) = system.jobs
    assert (system.name, system.ok, job.name, job.why) == ("sql01", False, "Nightly", "Failed: đĩa đầy")
    assert job.finished is not None and (proof, source) == (Proof.CONSOLE, "veeam")


async def on_battery_of(site: Site, event: Event) -> object:
    assert event.asset is not None
    said = await site.workspace.store.read(facts.read, site.workspace.vocabulary, "asset", [event.asset], event.at)
    return next((f.value for f in said[event.asset] if f.key == "on_battery"), None)


async def test_traps_of_snmp_v1_are_known_by_enterprise_and_number(small: Site) -> None:
    send = small.device.trap_v1
    await send("1.3.6.1.4.1.318", "127.0.0.1", "6", "5", "", "1.3.6.1.4.1.318.2.3.3.0", "s", "UPS: on battery")
    await send("1.3.6.1.4.1.534.1.0.0", "127.0.0.1", "6", "5", "")
    await send("1.3.6.1.4.1.9.1.1", "127.0.0.1", "0", "0", "")
    found = await small.stored(3)
    assert [(e.kind, e.detail) for e in reversed(found)] == [
        ("on_battery", "UPS: on battery"),
        ("on_mains", ""),
        ("cold_start", ""),
    ]
    assert await on_battery_of(small, found[0]) is False


async def test_a_trap_that_no_rule_knows_is_kept_with_its_oid_and_maker(small: Site) -> None:
    await small.device.trap(small.device.v2c(), "1.3.6.1.4.1.9.9.43.2.0.1")
    (event,) = await small.stored()
    assert (event.kind, event.detail) == ("notification", "1.3.6.1.4.1.9.9.43.2.0.1 (Cisco)")


async def poll(site: Site, address: str, *told: Fact, serial: str = "FOC1234X0YZ") -> None:
    """What a poll by SNMP would have stored of a device in net-a."""
    now = datetime.now(UTC)
    identity = Identity(frozenset({("serial", serial)}), address, "net-a", "A")
    run = Run("snmp", address, now, now, (Observation(told, asset=identity),), True, None, "A")
    await site.workspace.store.write(runs.record, site.workspace.vocabulary, run, now)


async def test_a_link_is_named_as_the_poll_named_the_interface(small: Site) -> None:
    port = Fact("interface", {"index": 7, "oper": "up"}, "snmp", datetime.now(UTC), item="Gi1/0/7")
    await poll(small, "127.0.0.1", port)
    await small.device.trap(small.device.v2c(), LINK_DOWN, "1.3.6.1.2.1.2.2.1.1.7", "i", "7")
    (event,) = await small.stored()
    assert (event.kind, event.item, event.asset) == ("link_down", "Gi1/0/7", 1)


async def test_who_sends_for_another_device_is_believed_where_that_device_is_known(small: Site) -> None:
    await poll(small, "127.0.0.9", Fact("answering", True, "snmp", datetime.now(UTC)))
    await small.device.trap_v1("1.3.6.1.4.1.9.1.1", "127.0.0.9", "3", "0", "", community=COMMUNITY)
    await small.device.trap_v1("1.3.6.1.4.1.9.1.1", "127.0.0.77", "2", "0", "", community=COMMUNITY)
    known, sender = reversed(await small.stored(2))
    assert (known.kind, known.asset) == ("link_up", 1)
    assert sender.kind == "link_down" and sender.asset != 1


async def test_what_is_told_again_and_again_is_one_event(small: Site) -> None:
    """A UPS repeats upsTrapOnBattery each minute (RFC 1628); a link that went up in between went down twice."""
    for _ in range(3):
        await small.device.trap(small.device.v2c(), ON_BATTERY)
    (event,) = await small.stored(3)
    assert event.times == 3 and event.last is not None and event.last > event.at
    for oid in (LINK_DOWN, "1.3.6.1.6.3.1.1.5.4", LINK_DOWN):
        await small.device.trap(small.device.v2c(), oid, "1.3.6.1.2.1.2.2.1.1.7", "i", "7")
    assert [e.kind for e in (await small.stored(6))[:3]] == ["link_down", "link_up", "link_down"]


# --- who may send ---------------------------------------------------------------------------------------------------


async def test_a_wrong_community_is_dropped_and_counted(small: Site) -> None:
    assert not await small.device.inform(small.device.v2c("sai-roi"), ON_BATTERY, seconds=0.2)
    assert small.trapping.receiver.dropped == {"unknown_community": 1}
    assert small.trapping.receiver.last_dropped == {"unknown_community": "127.0.0.1"}


async def test_a_wrong_password_is_dropped_and_counted(small: Site) -> None:
    wrong = small.device.v3("sha-aes", "mat-khau-khac-han")
    await small.device.trap(wrong, ON_BATTERY)
    await small.dropped("wrong_password")
    assert not await small.device.inform(wrong, ON_BATTERY, seconds=0.5)
    await small.dropped("wrong_password", 2)
    assert await small.events() == []


async def test_an_unknown_user_is_dropped_and_counted(small: Site) -> None:
    stranger = ["la-hoac" if part == "sha-aes" else part for part in small.device.v3("sha-aes")]
    await small.device.trap(stranger, ON_BATTERY)
    await small.dropped("unknown_user")


async def test_a_known_user_without_its_password_is_not_believed(small: Site) -> None:
    """pysnmp by itself takes such a trap: the level is its sender's to choose."""
    await small.device.trap(["-v3", "-u", "sha-aes", "-l", "noAuthNoPriv"], ON_BATTERY)
    await small.dropped("too_little_security")
    assert await small.events() == []


async def test_an_old_message_is_not_taken_for_a_new_one(small: Site) -> None:
    newer, older = (["-Z", boots_and_time] for boots_and_time in ("5,1000", "5,700"))
    who = small.device.v3("sha-aes")
    await small.device.trap([*who, *newer], ON_BATTERY)
    await small.stored()
    await small.device.trap([*who, *older], LINK_DOWN)
    await small.dropped("replayed")
    assert [e.kind for e in await small.events()] == ["on_battery"]


async def test_a_sender_outside_the_register_is_told_and_makes_no_asset(small: Site) -> None:
    stranger = small.at("127.9.9.9")
    await stranger.trap(stranger.v2c(), ON_BATTERY)
    await small.dropped("unknown_sender")
    assert small.trapping.receiver.last_dropped == {"unknown_sender": "127.9.9.9"}
    assert await small.workspace.store.read(runs.addresses) == []


async def test_where_two_agencies_have_one_range_the_credential_tells_them_apart(small: Site) -> None:
    sender = small.at("127.7.0.5")
    await sender.trap(sender.v2c("chuoi-of-c"), ON_BATTERY)
    await small.stored()
    await sender.trap(sender.v2c("chuoi-of-b"), ON_BATTERY)
    found = await small.stored(2)
    assert sorted((e.agency, e.times) for e in found) == [("B", 1), ("C", 1)]
    await sender.trap(sender.v2c("chuoi-both"), ON_BATTERY)
    await small.dropped("ambiguous_sender")


async def test_one_user_name_may_have_another_password_in_another_network(small: Site) -> None:
    of_b = small.at("127.7.0.5")
    assert await small.device.inform(small.device.v3("sha-aes"), ON_BATTERY)
    assert await of_b.inform(of_b.v3("sha-aes", "cua-co-quan-b"), ON_BATTERY)
    assert not await of_b.inform(of_b.v3("sha-aes"), ON_BATTERY, seconds=0.5)
    assert sorted(str(e.agency) for e in await small.events()) == ["A", "B"]


async def test_what_changes_in_the_register_holds_for_the_next_trap(small: Site) -> None:
    assert not await small.device.inform(small.device.v2c("moi-dat"), ON_BATTERY, seconds=0.2)
    await small.workspace.add_credential("v2c", "snmp-v2c", {"community": "moi-dat"})
    await small.trapping.learn()
    assert await small.device.inform(small.device.v2c("moi-dat"), ON_BATTERY)
    assert not await small.device.inform(small.device.v2c(), ON_BATTERY, seconds=0.2)


# --- hostile --------------------------------------------------------------------------------------------------------


def trap_datagram(request: int) -> bytes:
    """A whole SNMPv2c trap with a request id of its own."""
    head = bytes.fromhex("020101040a") + COMMUNITY.encode()
    pdu = (
        bytes.fromhex("0204")
        + request.to_bytes(4)
        + bytes.fromhex("0201000201003026301006082b06010201010300430430392a103012060a2b06010603010104010006042b060103")
    )
    body = head + b"\xa7" + bytes([len(pdu)]) + pdu
    return b"\x30" + bytes([len(body)]) + body


async def test_a_storm_is_bounded_counted_and_survived(small: Site) -> None:
    receiver = small.trapping.receiver
    tracemalloc.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as storm:
            storm.connect(("127.0.0.1", small.device.port))
            for number in range(10_000):
                storm.send(trap_datagram(number))
                if number % 100 == 99:
                    await until(lambda sent=number: receiver.received > sent - 1_000)
            await until(lambda: receiver.received == 10_000)
        await until(lambda: receiver.waiting == 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    dropped = sum(receiver.dropped.values())
    assert receiver.dropped["too_many"] > 8_000
    assert set(receiver.dropped) == {"too_many"} and sum(small.trapping.events.values()) >= 100
    assert sum(small.trapping.events.values()) + dropped == 10_000
    assert peak < 60_000_000
    # Others are heard meanwhile, and the source itself again once it has calmed down.
    other = small.at("127.0.0.66")
    assert await other.inform(other.v2c(), ON_BATTERY)
    assert await small.device.inform(small.device.v2c(), ON_BATTERY, tries=10, seconds=1)


async def test_what_nobody_foresaw_costs_one_trap_and_is_logged(
    small: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stored = small.trapping.record

    async def fail(notifications: Sequence[Notification]) -> None:
        if any(notification.oid == LINK_DOWN for notification in notifications):
            raise KeyError("nobody foresaw this")
        await stored(notifications)

    monkeypatch.setattr(small.trapping, "record", fail)
    assert not await small.device.inform(small.device.v2c(), LINK_DOWN, seconds=0.5)
    await small.dropped("refused")
    assert "nobody foresaw this" in caplog.text
    assert await small.device.inform(small.device.v2c(), ON_BATTERY)


async def test_garbage_is_counted_and_survived(small: Site) -> None:
    whole, chance = trap_datagram(1), random.Random(7)
    garbage = [b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\xff" * 1400, b"\x30\x80" * 700, b"x" * 9000]
    garbage += [whole[:cut] for cut in range(1, len(whole) - 1, 3)]
    for _ in range(40):
        spoilt = bytearray(whole)
        spoilt[chance.randrange(16, len(spoilt))] ^= 1 << chance.randrange(8)
        garbage.append(bytes(spoilt))
    receiver = small.trapping.receiver
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.connect(("127.0.0.1", small.device.port))
        for datagram in garbage:
            sending.send(datagram)
    await until(lambda: receiver.received == len(garbage))
    assert receiver.dropped["undecodable"] >= 6 + len(whole) // 3
    other = small.at("127.0.0.66")
    assert await other.inform(other.v2c(), ON_BATTERY)


async def test_no_secret_is_in_what_is_told(small: Site, caplog: pytest.LogCaptureFixture) -> None:
    await small.device.trap(small.device.v2c("bi-mat-sai"), ON_BATTERY)
    await small.dropped("unknown_community")
    told = f"{small.trapping.receiver.__dict__} {caplog.text}"
    for hidden in ("bi-mat-sai", COMMUNITY, *PASSWORDS.values()):
        assert hidden not in told


# --- our engine -----------------------------------------------------------------------------------------------------


def test_our_engine_keeps_its_id_and_counts_its_boots(tmp_path: Path) -> None:
    first, second = boot(tmp_path / "engine.json"), boot(tmp_path / "engine.json")
    assert first[0] == second[0]
    assert (first[1], second[1]) == (1, 2)
    (tmp_path / "engine.json").write_text("{}")
    with pytest.raises(InputError, match="expected the SNMP engine's id"):
        boot(tmp_path / "engine.json")


async def test_events_are_read_by_time_agency_and_kind_and_forgotten_at_last(small: Site) -> None:
    await small.device.trap(small.device.v2c(), ON_BATTERY)
    (event,) = await small.stored()
    later = event.at + timedelta(seconds=1)
    assert await small.events(agency="A", kind="on_battery", since=event.at, until=later, asset=event.asset) == [event]
    for other in ({"agency": "B"}, {"kind": "link_up"}, {"since": later}, {"asset": 99}):
        assert await small.events(**other) == []
    await small.workspace.store.write(events.prune, event.at + events.KEEP)
    assert await small.events() == [event]
    await small.workspace.store.write(events.prune, later + events.KEEP)
    assert await small.events() == []
