"""What goes through declared lines, from two readings of a device's counters, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from inventory.store import Store, facts
from inventory.words import Control, Fact, Identity, Link, Observation, Run, Status, Title
from tests.inventory.sample import NOW, REGISTER
from tests.inventory.test_judge import DAY, KNOWN, bring, declare, goals, judge

MINUTE = timedelta(minutes=1)
LINE = Link("line-a", "A", "mtslcd", "198.18.0.1", contracted_mbps=20)
CARRYING = Control("carrying", Title("a", "a"), "links", "idle_days <= 1", "kind = 'mtslcd'")


@pytest.fixture
async def province(store: Store) -> Store:
    await declare(store, replace(REGISTER, links=(LINE, Link("line-c", "C", "mtslcd", "198.18.0.1"))))
    return store


def read(at: datetime, into: object, out: object, *, address: str | None = "198.18.0.1", agency: str = "A") -> Run:
    """A reading of an agency's router: what has gone through wan0 since it was switched on."""
    said = [Fact("interface_counters", {"in_octets": into, "out_octets": out}, "snmp", at, item="wan0"),
            Fact("interface_counters", {"in_octets": 9, "out_octets": 9}, "snmp", at, item="lan0")]  # fmt: skip
    if address:
        said.append(Fact("ip_address", {"interface": "wan0", "prefix": 30}, "snmp", at, item=address))
    identity = Identity(frozenset({("serial", "RT-000123")}), "192.168.1.1", f"net-{agency.lower()}", agency)
    observation = Observation(tuple(said), asset=identity)
    return Run("snmp", "192.168.1.1", at, at, (observation,), True, None, agency)


async def told(store: Store, at: datetime, line: str = "line-a") -> dict[str, object]:
    said = (await store.read(facts.read, KNOWN, "link", [line], at))[line]
    return {key: fact.value for key, fact in facts.take(KNOWN, said, at).items()}


async def test_the_rate_of_a_line_is_that_of_the_interface_with_its_address(province: Store) -> None:
    await bring(province, read(NOW, 1_000, 500))
    assert await told(province, NOW) == {}, "of one reading no rate follows"
    # A later short reading does not read the addresses again.
    await bring(province, read(NOW + 5 * MINUTE, 1_000 + 75_000_000, 500 + 7_500_000, address=None))
    at = NOW + 5 * MINUTE
    assert await told(province, at) == {
        "idle_since": at, "traffic_in": 2_000_000.0, "traffic_out": 200_000.0, "utilisation": 0.1, "idle_days": 0,
    }  # fmt: skip
    assert await told(province, NOW + 5 * MINUTE, "line-c") == {}, "the same address elsewhere is another line"


@pytest.mark.parametrize(
    ("minutes", "into", "out"),
    [
        (0.2, 9_000_000, 9_000_000),
        (60 * 27, 9_000_000, 9_000_000),
        (5, 10, 9_000_000),
        (5, None, 9_000_000),
        (5, "9000000", 9_000_000),
    ],
)
async def test_what_proves_no_rate_says_nothing(province: Store, minutes: float, into: object, out: object) -> None:
    """Readings too near or too far apart, counters that began anew, and what is no number."""
    await bring(province, read(NOW, 1_000_000, 1_000_000))
    at = NOW + minutes * MINUTE
    await bring(province, read(at, into, out))
    assert await told(province, at) == {}


async def test_a_line_that_answers_and_carries_nothing_is_idle_day_by_day(province: Store) -> None:
    octets = 0
    for hour in range(0, 24 * 5, 12):
        octets += 900_000_000 if hour < 24 else 1_000
        await bring(province, read(NOW + timedelta(hours=hour), octets, octets))
    # The last reading with traffic was after twelve hours.
    days = [await told(province, NOW + timedelta(hours=h)) for h in (12, 36, 60, 108)]
    assert [told_then["idle_days"] for told_then in days] == [0, 1, 2, 4]
    for day, status in ((1, Status.MET), (4, Status.UNMET), (8, Status.UNKNOWN)):
        snapshot = await judge(province, goals(CARRYING), NOW + day * DAY)
        (tally,) = [t for t in snapshot.tallies if t.agency == "A"]
        assert tally.status is status, day


async def test_a_line_that_never_carried_anything_is_idle_since_it_was_first_counted(province: Store) -> None:
    for hour in range(0, 24 * 3, 12):
        await bring(province, read(NOW + timedelta(hours=hour), 1_000 + hour, 1_000))
    assert (await told(province, NOW + timedelta(hours=60)))["idle_days"] == 2


async def test_of_days_on_which_nobody_read_the_line_it_is_not_said_that_it_was_idle(province: Store) -> None:
    await bring(province, read(NOW, 0, 0), read(NOW + 5 * MINUTE, 10**9, 10**9))
    back = NOW + 20 * DAY
    await bring(province, read(back, 10**12, 10**12), read(back + 5 * MINUTE, 10**12 + 50, 10**12))
    assert (await told(province, back + 5 * MINUTE))["idle_days"] == 0
    later = back + timedelta(hours=25)
    await bring(province, read(later, 10**12 + 99, 10**12))
    assert (await told(province, later))["idle_days"] == 1


async def test_lines_without_address_or_of_other_days_are_left_alone(store: Store) -> None:
    ended = replace(LINE, valid_to=(NOW - 5 * DAY).date())
    await declare(store, replace(REGISTER, links=(ended, Link("x", "A", "wan"))))
    await bring(store, read(NOW, 1, 1), read(NOW + 5 * MINUTE, 10**9, 10**9))
    assert await told(store, NOW + 5 * MINUTE) == {} == await told(store, NOW + 5 * MINUTE, "x")
