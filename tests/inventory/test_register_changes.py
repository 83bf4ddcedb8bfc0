"""What registers that change do to figures: agencies that end, merge or move, and what they had declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from inventory.store import Store, registers
from inventory.store.registers import places
from inventory.words import Agency, Control, DeclaredCount, Level, Link, Register, Status, Title
from tests.inventory.sample import ANTIVIRUS, LEVELS, NOW, REGISTER, agency, device, network, reading, sweep
from tests.inventory.test_judge import DAY, TITLE, bring, declare, figure, goals, judge, status_of

HOUR = timedelta(hours=1)


def homes(agencies: tuple[Agency, ...], day: str, levels: tuple[Level, ...] = LEVELS) -> dict[str, str]:
    found = places(Register(levels=levels, agencies=agencies), date.fromisoformat(day))
    return {code: p.home for code, p in found.items()}


def count(of: str, value: int, day: str = "2026-01-02") -> DeclaredCount:
    return DeclaredCount(of, "workstations", value, date.fromisoformat(day))


def test_what_ended_counts_as_what_stands_at_the_end_of_its_successors() -> None:
    chain = (
        agency("A", valid_to=date(2025, 6, 30), successor="B"),
        agency("B", valid_to=date(2026, 6, 30), successor="C"),
        agency("C", valid_from=date(2026, 7, 1)),
        agency("A.1", "unit", parent="A"),
        agency("D", valid_to=date(2025, 6, 30)),
        agency("E", valid_to=date(2025, 6, 30), successor="F"),
        agency("F", valid_to=date(2025, 6, 30), successor="E"),
    )
    assert homes(chain, "2025-06-30") == {"A": "A", "B": "B", "A.1": "A", "D": "D", "E": "E", "F": "F"}
    assert homes(chain, "2025-07-01") == {"A": "B", "B": "B", "A.1": "B"}
    assert homes(chain, "2026-07-01") == dict.fromkeys(("A", "B", "C", "A.1"), "C")


def test_a_code_that_comes_back_is_its_successor_in_between() -> None:
    twice = (
        agency("A", valid_to=date(2024, 12, 31), successor="B"),
        agency("A", valid_from=date(2027, 1, 1), parent="B"),
        agency("B"),
    )
    assert [homes(twice, day).get("A") for day in ("2024-12-31", "2026-01-01", "2027-01-01")] == ["A", "B", "A"]


def test_a_code_that_has_not_begun_is_nobody_yet() -> None:
    later = (agency("A", valid_from=date(2027, 1, 1), valid_to=date(2028, 1, 1), successor="B"), agency("B"))
    assert homes(later, "2026-01-01") == {"B": "B"}


def test_parts_of_parts_and_parts_in_a_circle_end_somewhere() -> None:
    nested = (agency("A"), agency("A.1", "unit", parent="A"), agency("A.1.1", "unit", parent="A.1"))
    assert homes(nested, "2026-01-01") == dict.fromkeys(("A", "A.1", "A.1.1"), "A")
    circle = (agency("X", "unit", parent="Y"), agency("Y", "unit", parent="X"))
    assert homes(circle, "2026-01-01").keys() == {"X", "Y"}


async def test_a_declared_number_does_not_shrink_by_growing_old(store: Store) -> None:
    await declare(store, replace(REGISTER, counts=(count("A", 5),)))
    machine = device(
        "A", 1, NOW, role="workstation", antivirus_enabled=True, antivirus_up_to_date=True, serial="PC5521X"
    )
    for later in (timedelta(0), 500 * DAY):
        at = NOW + later
        seen = replace(machine, facts=tuple(replace(f, observed_at=at) for f in machine.facts))
        await bring(store, reading("A", seen, at=at), now=at)
        row = figure(await judge(store, goals(ANTIVIRUS), at))
        assert (row.met, row.unknown) == (1, 4)


async def test_a_number_is_declared_from_the_first_hour_of_its_day_in_vietnam(store: Store) -> None:
    await declare(store, replace(REGISTER, counts=(count("A", 5, "2026-03-01"),)))
    officials = Control("officials", TITLE, "agencies", "workstations >= 5", "agency = 'A'")
    for at, known, unknown in (("2026-02-28T23:59:59+07:00", 0, 0), ("2026-03-01T00:00:00+07:00", 1, 5)):
        snapshot = await judge(store, goals(officials, ANTIVIRUS), datetime.fromisoformat(at))
        assert [(c.met, c.goal) for c in snapshot.coverage if c.goal == "officials" and c.level == "all"] == [
            (known, "officials")
        ]
        assert [c.unknown for c in snapshot.coverage if c.goal == "antivirus"] == [unknown]


@pytest.mark.parametrize(
    ("counts", "before", "after"),
    [
        ((count("A", 10), count("B", 8)), {"A": 10, "B": 8}, {"AB": 18}),
        # What the successor declares anew holds what it took over; what it had declared before does not.
        ((count("A", 10), count("B", 8), count("AB", 15, "2026-05-01")), {"A": 10, "B": 8}, {"AB": 15}),
        ((count("A", 10), count("AB", 3)), {"A": 10}, {"AB": 13}),
        # An agency's own number includes its parts; without one of its own they are summed.
        ((count("A", 10), count("A.1", 4)), {"A": 10}, {"AB": 10}),
        ((count("A.1", 4), count("A.2", 3), count("B", 8)), {"A": 7, "B": 8}, {"AB": 15}),
        ((count("A", 10, "2025-01-01"), count("A", 12, "2026-05-09")), {"A": 10}, {"AB": 12}),
    ],
)
def test_what_agencies_declared_goes_with_them_when_they_merge(
    counts: tuple[DeclaredCount, ...], before: dict[str, int], after: dict[str, int]
) -> None:
    merged = (
        *(agency(code, valid_to=date(2026, 3, 31), successor="AB") for code in ("A", "B")),
        *(agency(c, "unit", parent="A", valid_to=date(2026, 3, 31), successor="AB") for c in ("A.1", "A.2")),
        agency("AB", valid_from=date(2026, 4, 1)),
    )
    register = Register(levels=LEVELS, agencies=merged, counts=counts)
    assert registers.declared(register, "workstations", date(2026, 3, 31)) == before
    assert registers.declared(register, "workstations", date(2026, 6, 1)) == after
    assert registers.declared(register, "servers", date(2026, 6, 1)) == {}


async def test_more_found_than_declared_counts_what_was_found(store: Store) -> None:
    await declare(store, replace(REGISTER, counts=(count("A", 1), count("B", 0), count("A.1", 7))))
    machines = [device("A", n, role="workstation", antivirus_enabled=False) for n in range(1, 4)]
    await bring(store, sweep("A", *machines), sweep("B", device("B", 1, role="workstation")))
    row = figure(await judge(store, goals(ANTIVIRUS)))
    assert (row.met, row.unmet, row.unknown) == (0, 3, 1)


async def test_an_agency_or_line_of_which_it_is_unknown_whether_it_is_asked_stays(store: Store) -> None:
    fast = Link("line-b", "B", "wan", contracted_mbps=100.0)
    await declare(store, replace(REGISTER, links=(*REGISTER.links, fast), counts=(count("A", 50), count("B", 2))))
    big = Control("big", TITLE, "agencies", "hosts_answering >= 1", "workstations >= 10")
    await bring(store, sweep("A", device("A", 1)), sweep("B", device("B", 1)), sweep("C", device("C", 1)))
    # C may be one of the big ones: it is neither left out nor taken for one that meets it.
    assert [await status_of(store, big, code) for code in "AC"] == [
        (Status.MET, ""), (Status.UNKNOWN, "Workstations (declared): never observed"),
    ]  # fmt: skip
    row = figure(await judge(store, goals(big)))
    assert (row.met, row.unmet, row.unknown) == (1, 0, 1)
    quick = Control("quick", TITLE, "links", "link_answering", "contracted_mbps >= 50")
    rows = {t.agency: t.status for t in (await judge(store, goals(quick))).tallies}
    assert rows == {"A": Status.UNKNOWN, "B": Status.UNKNOWN, "C": Status.UNKNOWN}


async def test_networks_count_while_they_are_declared(store: Store) -> None:
    old = network("net-a", "A", valid_to=date(2026, 3, 9))
    new = network("net-new", "A", "10.9.0.0/24", valid_from=date(2026, 3, 12))
    await declare(store, replace(REGISTER, networks=(old, new)))
    none = Control("none", TITLE, "agencies", "firewalls_answering = 0", "agency = 'A'")
    await bring(store, sweep("A", device("A", 1, NOW - DAY, role="switch"), at=NOW - DAY))
    assert (await status_of(store, none, "A", NOW - HOUR * 16))[0] is Status.MET
    # Between the two it has no network at all, then one that nobody read: neither proves that there is no firewall.
    assert (await status_of(store, none, "A", NOW))[1].endswith("the agency has no network in the register")
    assert (await status_of(store, none, "A", NOW + 3 * DAY))[1].endswith("net-new (never)")


async def test_an_asset_that_moved_to_another_agency_counts_there_and_once(store: Store) -> None:
    await declare(store)
    machine = {"role": "workstation", "antivirus_enabled": True, "antivirus_up_to_date": True}
    await bring(store, reading("A", device("A", 1, serial="PC5521X", **machine)))
    await bring(store, reading("B", device("B", 9, NOW + HOUR, serial="PC5521X", **machine), at=NOW + HOUR))
    for at, holder in ((NOW + HOUR / 2, "A"), (NOW + HOUR, "B")):
        assert {t.agency: t.members for t in (await judge(store, goals(ANTIVIRUS), at)).tallies} == {holder: 1}


def test_the_title_of_a_level_is_no_part_of_its_meaning() -> None:
    assert homes((agency("A", "x", parent="B"), agency("B")), "2026-01-01", (Level("x", Title("", ""), 1, True),)) == {
        "A": "B", "B": "B",
    }  # fmt: skip
