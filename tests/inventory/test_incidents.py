"""One incident is one event, whoever tells of it first: traps, or polling; what flaps is joined."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from inventory import vocabulary
from inventory.store import Store, events, incidents, registers, runs
from inventory.store.events import Notice, Wanted
from inventory.store.incidents import Limits
from inventory.words import Event, Identity, Run
from tests.inventory.sample import NOW, REGISTER, device, reading

KNOWN = vocabulary.load()
LIMITS = Limits(10, 27, 0.2, 0.8)
MINUTE = timedelta(minutes=1)
UPS = Identity(frozenset({("serial", "UPS-77123")}), "192.168.1.20", "net-a", "A")

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


async def trap(store: Store, minute: float, kind: str, detail: str = "") -> None:
    at = NOW + minute * MINUTE
    told = Event(kind, at, KNOWN.events[kind].severity, "traps", "", detail)
    await store.write(events.record, KNOWN, [Notice(told, UPS)], at)


async def poll(store: Store, minute: float, host: int = 20, role: str = "power", **values: object) -> None:
    at = NOW + minute * MINUTE
    seen = device("A", host, at, source="snmp", serial="UPS-77123" if host == 20 else None, role=role, **values)  # type: ignore[arg-type]

    def do(connection: object, run: Run) -> None:
        runs.record(connection, KNOWN, run, at)  # type: ignore[arg-type]
        incidents.notice(connection, KNOWN, run, LIMITS)  # type: ignore[arg-type]

    await store.write(do, reading("A", seen, at=at))


async def told(store: Store) -> list[tuple[str, float, float, int, str]]:
    """The events, the oldest first: kind, first and last minute, how often, source."""

    def minute(at: datetime | None) -> float:
        assert at is not None
        return round((at - NOW) / MINUTE, 1)

    rows, _ = await store.read(events.read, Wanted())
    return [(e.kind, minute(e.at), minute(e.last), e.times, e.source) for _, e in reversed(rows)]


@pytest.fixture(autouse=True)
async def _register(store: Store) -> None:
    await store.write(registers.replace, REGISTER)


async def test_a_trap_and_what_polling_finds_are_one_event(store: Store) -> None:
    await poll(store, 0, on_battery=False, battery_low=False)
    assert await told(store) == []
    await trap(store, 1, "on_battery", "UPS:\0 on battery")
    for minute in (2, 7, 12):
        await poll(store, minute, on_battery=True)
    await trap(store, 13, "on_battery", "UPS: on battery, 20 minutes left")
    assert await told(store) == [("on_battery", 1, 13, 2, "traps")]
    # The trap of its end was lost: polling finds it, once.
    await poll(store, 30, on_battery=False)
    await poll(store, 35, on_battery=False)
    await trap(store, 36, "on_mains")
    assert await told(store) == [("on_battery", 1, 13, 2, "traps"), ("on_mains", 30, 36, 2, "snmp")]


async def test_polling_may_be_the_first_to_tell(store: Store) -> None:
    await poll(store, 0, on_battery=True, battery_low=True)
    await trap(store, 1, "on_battery")
    await trap(store, 20, "on_mains")
    await poll(store, 21, on_battery=False, battery_low=False)
    assert await told(store) == [
        ("on_battery", 0, 1, 2, "snmp"), ("battery_low", 0, 0, 1, "snmp"),
        ("on_mains", 20, 20, 1, "traps"), ("battery_ok", 21, 21, 1, "snmp"),
    ]  # fmt: skip


async def test_mains_that_come_and_go_are_one_incident(store: Store) -> None:
    for minute, on in ((0, True), (5, False), (9, True), (12, False), (15, True), (60, False)):
        await poll(store, minute, on_battery=on)
    assert await told(store) == [("on_battery", 0, 15, 3, "snmp"), ("on_mains", 5, 60, 3, "snmp")]
    await poll(store, 75, on_battery=True)
    await poll(store, 80, on_battery=False)
    assert (await told(store))[2:] == [("on_battery", 75, 75, 1, "snmp"), ("on_mains", 80, 80, 1, "snmp")]


async def test_what_was_read_before_a_trap_came_does_not_end_what_it_told(store: Store) -> None:
    await trap(store, 5, "on_battery")
    await poll(store, 4.9, on_battery=False)
    assert [kind for kind, *_ in await told(store)] == ["on_battery"]


async def test_a_room_is_out_of_range_until_it_is_well_within(store: Store) -> None:
    for minute, warmth in enumerate((26.0, 27.0, 27.1, 30.0, 26.5, 27.2, 26.0, 25.0, 9.9, 10.5, 11.0)):
        await poll(store, minute * 20, 30, "sensor", temperature=warmth)
    assert await told(store) == [
        ("temperature_high", 40, 40, 1, "snmp"), ("temperature_ok", 120, 120, 1, "snmp"),
        ("temperature_low", 160, 160, 1, "snmp"), ("temperature_ok", 200, 200, 1, "snmp"),
    ]  # fmt: skip
    rows, _ = await store.read(events.read, Wanted())
    assert [event.detail for _, event in reversed(rows)] == [
        "27.1 °C > 27.0 °C",
        "26.0 °C",
        "9.9 °C < 10.0 °C",
        "11.0 °C",
    ]


async def test_humidity_and_only_of_rooms(store: Store) -> None:
    await poll(store, 0, 30, "sensor", humidity=0.85)
    await poll(store, 5, 31, "switch", temperature=61.0, humidity=0.9)
    await poll(store, 10, 30, "sensor", humidity=None)
    await poll(store, 60, 30, "sensor", humidity=0.15)
    await poll(store, 90, 30, "sensor", humidity=0.5)
    assert [kind for kind, *_ in await told(store)] == ["humidity_high", "humidity_low", "humidity_ok"]


async def test_another_machine_and_other_kinds_are_events_of_their_own(store: Store) -> None:
    await trap(store, 0, "on_battery")
    await poll(store, 1, 40, on_battery=True)
    await trap(store, 2, "link_down")
    await trap(store, 2.5, "link_down")
    assert [(kind, times) for kind, _, _, times, _ in await told(store)] == [
        ("on_battery", 1), ("on_battery", 1), ("link_down", 2),
    ]  # fmt: skip


def test_every_kind_is_one_of_the_vocabulary() -> None:
    assert KNOWN.events.keys() >= incidents.KINDS
