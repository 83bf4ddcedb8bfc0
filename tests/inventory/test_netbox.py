"""What NetBox declares in the register and the inventory: dates, which asset a device is, and where the two differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import goals
from inventory import vocabulary
from inventory.goals import load_goals
from inventory.netbox import Thing, Told, ToldAgency, ToldDevice, ToldLevel, ToldLink, ToldNetwork
from inventory.register import check_register
from inventory.register.netbox import declare, name_problems
from inventory.register.problems import describe
from inventory.store import Store, assets, registers, runs, snapshots
from inventory.store import netbox as store_netbox
from inventory.store.netbox import Outcome
from inventory.words import Agency, Level, Link, Register, Run, Status, Title
from tests.inventory.sample import NOW, REGISTER, device, reading, sweep

KNOWN = vocabulary.load()
GOALS = load_goals(Path(next(iter(goals.__path__))), KNOWN)
TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)
ROLES = ("switch", "firewall", "power")


# --- dates -----------------------------------------------------------------------------------------------------------


def agency(code: str, name: str = "Sở", **more: Any) -> ToldAgency:
    told = ToldAgency(Thing("tenant", 1, name), code, name, None, "province", None, TODAY, date(2025, 7, 1))
    return replace(told, **more)


def rows(existing: Register, *told: ToldAgency, today: date = TODAY) -> list[tuple[str, date, date | None]]:
    register, _ = declare(existing, Told(agencies=list(told)), today)
    return [(a.title.vi, a.valid_from, a.valid_to) for a in register.agencies]


HAD = Register(
    levels=(Level("province", Title("Tỉnh", "Province"), 1),),
    agencies=(Agency("A", Title("Sở", "Department"), "province", None, date(2020, 1, 1)),),
)


def test_a_first_register_holds_since_the_beginning_and_later_agencies_since_they_were_made() -> None:
    assert rows(Register(), agency("A")) == [("Sở", date.min, None)]
    assert rows(HAD, agency("B")) == [("Sở", date(2025, 7, 1), None)]
    assert rows(HAD, agency("B", valid_from=date(2025, 9, 1))) == [("Sở", date(2025, 9, 1), None)]


def test_levels_come_of_groups_and_those_that_are_there_stay() -> None:
    groups = [("xa", "Cấp xã", 1), ("tinh", "Cấp tỉnh", 0), ("xa", "Xã", 2)]
    told = Told(
        levels=[ToldLevel(Thing("tenant group", n, name), code, name, None, depth)
                for n, (code, name, depth) in enumerate(groups)],
        agencies=[agency("A", level="tinh"), agency("B", level="xa", parent="A")],
    )  # fmt: skip
    register, things = declare(Register(), told, TODAY)
    tinh, xa = Level("tinh", Title("Cấp tỉnh", "Cấp tỉnh"), 1), Level("xa", Title("Cấp xã", "Cấp xã"), 2)
    assert register.levels == (tinh, xa) and [thing.id for thing in things["levels"]] == [1, 0]
    assert check_register(register) == []
    known = Register(levels=(Level("tinh", Title("Tỉnh", "Province"), 5, part=False),))
    assert declare(known, told, TODAY)[0].levels == (replace(xa, rank=6),)
    assert declare(register, told, TODAY)[0].levels == ()


def test_a_register_without_levels_gets_those_that_agencies_name_and_later_a_slip_is_one() -> None:
    told = Told(agencies=[agency("B", level="xa", parent="A"), agency("A", level="tinh"), agency("C", level="")])
    levels = declare(Register(), told, TODAY)[0].levels
    assert [(level.code, level.title.vi, level.rank) for level in levels] == [("tinh", "tinh", 1), ("xa", "xa", 2)]
    slip = Told(agencies=[agency("A", level="tihn")])
    register, _ = declare(Register(levels=levels), slip, TODAY)
    assert register.levels == ()
    assert [(p.column, p.nearest) for p in check_register(register, Register(levels=levels))] == [("level", "tinh")]
    circle = Told(agencies=[agency("A", level="a", parent="B"), agency("B", level="b", parent="A")])
    assert {level.code for level in declare(Register(), circle, TODAY)[0].levels} == {"a", "b"}


def test_a_changed_agency_has_a_new_row_from_the_day_of_the_change() -> None:
    changed = agency("A", "Sở mới", changed=date(2026, 3, 5))
    assert rows(HAD, changed) == [
        ("Sở", date(2020, 1, 1), date(2026, 3, 4)),
        ("Sở mới", date(2026, 3, 5), None),
    ]
    # A clock that is ahead dates nothing into the future.
    assert rows(HAD, replace(changed, changed=TODAY + DAY))[1][1] == TODAY
    assert rows(HAD, replace(changed, valid_from=date(2026, 1, 1)))[1][1] == date(2026, 1, 1)
    # Corrected on the same day it is one row.
    again = replace(HAD, agencies=(replace(HAD.agencies[0], valid_from=TODAY),))
    assert rows(again, replace(changed, changed=TODAY)) == [("Sở mới", TODAY, None)]


def test_what_did_not_change_stays_as_it_is_with_what_netbox_does_not_know() -> None:
    declared, _ = declare(HAD, Told(agencies=[agency("A")]), TODAY)
    assert declared.agencies == HAD.agencies  # the English name too
    with_parent = replace(HAD, agencies=(replace(HAD.agencies[0], parent="P"),))
    declared, _ = declare(with_parent, Told(agencies=[agency("A")]), TODAY)
    assert declared.agencies == with_parent.agencies


def test_an_agency_that_had_ended_begins_anew_after_its_end() -> None:
    ended = replace(HAD, agencies=(replace(HAD.agencies[0], valid_to=date(2026, 2, 28)),))
    assert rows(ended, agency("A")) == [("Sở", date(2026, 3, 1), None)]
    assert rows(ended, agency("A", valid_to=date(2027, 1, 1))) == [("Sở", date(2026, 3, 1), date(2027, 1, 1))]
    # Of its parent NetBox says nothing: that is who it was, as long as there is one.
    parent = replace(HAD.agencies[0], code="P")
    below = replace(ended, agencies=(replace(ended.agencies[0], parent="P"), parent))
    for to, expected in ((None, "P"), (date(2026, 2, 1), None)):
        gone = replace(below, agencies=(below.agencies[0], replace(parent, valid_to=to)))
        assert declare(gone, Told(agencies=[agency("A")]), TODAY)[0].agencies[0].parent == expected


def test_what_netbox_repeats_of_a_former_row_does_not_undo_the_newer_one() -> None:
    former = replace(HAD.agencies[0], title=Title("Sở TT&TT", "Old"), parent="P", valid_to=date(2026, 2, 28))
    now = replace(HAD.agencies[0], title=Title("Sở KH&CN", "New"), parent="Q", valid_from=date(2026, 3, 1))
    register = replace(HAD, agencies=(former, now, *(replace(HAD.agencies[0], code=c) for c in "PQ")))

    def pulled(name: str, **more: Any) -> list[Agency]:
        declared, _ = declare(register, Told(agencies=[agency("A", name, **more)]), TODAY)
        return list(declared.agencies)

    # Dophu made the tenant, lately even; or nobody has changed it since the agency was renamed.
    late, early = {"own": True, "changed": TODAY}, {"changed": date(2026, 1, 5)}
    for told in ({"name": "Sở TT&TT", **late}, {"name": "Sở TT&TT (A)", **late}, {"name": "Sở TT&TT", **early}):
        assert pulled(parent="P", **told) == [now]
    # What a person writes there is news, in a tenant that Dophu made as well.
    assert [a.title.vi for a in pulled("Sở mới", **late)] == ["Sở KH&CN", "Sở mới"]
    assert [a.title.vi for a in pulled("Sở TT&TT", changed=TODAY)] == ["Sở KH&CN", "Sở TT&TT"]


def test_what_two_objects_of_netbox_say_is_told_by_their_names() -> None:
    network = ToldNetwork(Thing("prefix", 7, "10.0.0.0/24"), None, "A", "10.0.0.0/24", "lan", False, TODAY)
    told = Told(agencies=[agency("A")], networks=[network, replace(network, thing=Thing("prefix", 9, "10.0.0.0/24"))])
    declared, things = declare(HAD, told, TODAY)
    problems = name_problems(check_register(declared, HAD), things, told)
    assert [describe(p, "en") for p in problems] == [
        "prefix “10.0.0.0/24” (id 9), column code: found “A-10.0.0.0_24”, expected each once, as prefix “10.0.0.0/24” "
        "(id 7) has it"
    ]


def test_an_agency_of_which_netbox_says_that_it_ended_can_be_told_again_and_again() -> None:
    former = replace(HAD.agencies[0], valid_to=date(2026, 2, 28), successor="B")
    ended = replace(HAD, agencies=(former, replace(HAD.agencies[0], code="B")))
    declared, _ = declare(ended, Told(agencies=[agency("A", valid_to=date(2026, 2, 28))]), TODAY)
    assert declared.agencies == (former,) and not check_register(declared, ended)
    sooner = agency("A", "Sở cũ", valid_to=date(2026, 1, 31), successor="C")
    declared, _ = declare(ended, Told(agencies=[sooner]), TODAY)
    assert declared.agencies == (
        Agency("A", Title("Sở cũ", "Sở cũ"), "province", None, date(2020, 1, 1), date(2026, 1, 31), "C"),
    )


def test_an_end_that_is_taken_back_in_netbox_is_none_any_more() -> None:
    ending = replace(HAD.agencies[0], valid_to=date(2026, 12, 31), successor="B")
    had = replace(HAD, agencies=(ending,))
    assert declare(had, Told(agencies=[agency("A")]), TODAY)[0].agencies == HAD.agencies
    # A NetBox without a field for it says nothing, and what begins anew later ends what was before.
    assert declare(had, Told(agencies=[agency("A", dated=False)]), TODAY)[0].agencies == (ending,)
    again = replace(ending, valid_from=date(2027, 1, 1), valid_to=None, successor=None)
    had = replace(HAD, agencies=(ending, again))
    assert declare(had, Told(agencies=[agency("A")]), TODAY)[0].agencies == (ending,)
    line = Link("L", "A", "wan", "10.0.0.1", "VNPT", 50.0, date(2020, 1, 1), date(2026, 2, 1))
    told = ToldLink(Thing("circuit", 1, "L"), "L", "A", "wan", "10.0.0.1", "VNPT", 50.0, TODAY)
    assert declare(replace(HAD, links=(line,)), Told(links=[told]), TODAY)[0].links == (replace(line, valid_to=None),)


# --- devices ---------------------------------------------------------------------------------------------------------


def told_device(number: int, **more: Any) -> ToldDevice:
    thing = Thing("device", number, more.pop("name", f"d{number}"))
    plain = ToldDevice(thing, "A", None, False, None, "", "", None, "", "", f"https://netbox/devices/{number}/")
    return replace(plain, **more)


@pytest.fixture
async def province(store: Store) -> Store:
    """Two devices of A that answer: a switch whose serial is known, and a firewall of which it is not."""
    await store.write(registers.replace, REGISTER)
    seen = (
        device("A", 2, serial="FOC1111AAAA", role="switch", model="C9300-48P", sysname="sw1.tinh.vn"),
        device("A", 1, role="firewall", model="FortiGate-60F"),
    )
    for one in seen:
        # A serial is a fact as well as an identifier.
        serials = [value for _, value in one.asset.identifiers] if one.asset else []
        facts = (*one.facts, *(replace(one.facts[0], key="serial", value=v) for v in serials))
        await store.write(runs.record, KNOWN, reading("A", replace(one, facts=facts)), NOW)
    return store


async def compare(
    store: Store, *devices: ToldDevice, at: datetime = NOW, agencies: tuple[str, ...] = ("A",)
) -> Outcome:
    told = Told(agencies=[agency(code) for code in agencies], devices=list(devices))
    finished = Run("netbox", "https://netbox", at, at, complete=True)
    outcome: Outcome = await store.write(store_netbox.compare, KNOWN, told, finished, at, ROLES)
    return outcome


def drifts(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(d.kind, d.name, d.difference) for d in outcome.drifts]


async def answers(store: Store, at: datetime = NOW) -> dict[str, Status]:
    found = await store.read(snapshots.members, KNOWN, GOALS, "netbox_device_as_intended", at)
    return {f.title.partition(" · ")[0]: f.status for f in found}


SWITCH = told_device(1, serial="foc1111aaaa", model="C9300-48P-E", role="switch", name="sw1")
FIREWALL = told_device(2, address="192.168.1.1", model="FortiGate-60F", role="firewall", name="fw1")


async def test_what_agrees_is_met_by_serial_or_by_address_in_its_network(province: Store) -> None:
    outcome = await compare(province, SWITCH, FIREWALL)
    assert (outcome.devices, outcome.matched, outcome.declared, outcome.drifts) == (2, 2, 0, [])
    # What NetBox calls the firewall is its name, as nobody else knows one.
    assert await answers(province) == {"sw1.tinh.vn": Status.MET, "fw1": Status.MET}
    # Told again nothing begins anew.
    assert (await compare(province, SWITCH, FIREWALL)).new == 0
    assert await province.read(store_netbox.list_drift, KNOWN, NOW) == []


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"serial": "FOC2222BBBB"}, "serial FOC2222BBBB ≠ FOC1111AAAA"),
        ({"model": "C9200L-24T"}, "model C9200L-24T ≠ C9300-48P"),
        ({"serial": "FOC2222BBBB", "model": "X670"}, "serial FOC2222BBBB ≠ FOC1111AAAA; model X670 ≠ C9300-48P"),
        ({"serial": "To be filled by O.E.M."}, ""),
        ({"model": "Unknown"}, ""),
    ],
)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_another_serial_or_model_is_one_difference(
    province: Store, change: dict[str, str], difference: str
) -> None:
    outcome = await compare(province, replace(SWITCH, **change), FIREWALL)
    assert drifts(outcome) == ([("different", "sw1", difference)] if difference else [])
    assert (await answers(province))["sw1.tinh.vn"] is (Status.UNMET if difference else Status.MET)


async def test_what_only_one_side_knows_is_told_and_forgotten_when_it_is_settled(province: Store) -> None:
    ups = told_device(3, asset_tag="TS-0042", name="ups", role="power")
    outcome = await compare(province, SWITCH, ups)
    # Of the ups it is not known whether it is there: nobody has looked.
    assert drifts(outcome) == [("not_in_netbox", "192.168.1.1", "")]
    assert await province.read(store_netbox.list_drift, KNOWN, NOW) == outcome.drifts
    assert await answers(province) == {
        "sw1.tinh.vn": Status.MET,
        "192.168.1.1": Status.UNMET,
        "ups": Status.UNKNOWN,  # nobody has looked
    }
    later = NOW + DAY
    assert (await compare(province, SWITCH, ups, at=NOW)).new == 0  # by its tag it is the same one
    # NetBox has it no longer: it is no asset of anybody any more.
    await compare(province, SWITCH, FIREWALL, at=later)
    listed = await province.read(assets.listing, KNOWN, later)
    assert [row["agency"] for row in listed if row["sysname"] == "ups"] in ([], [None])
    assert "ups" not in await answers(province, later)


async def test_a_declared_device_that_a_sweep_does_not_see_is_unmet(province: Store) -> None:
    ghost = told_device(3, serial="GHOST000123", address="192.168.1.77", name="ghost", role="switch")
    await compare(province, SWITCH, FIREWALL, ghost)
    later = NOW + timedelta(hours=1)
    seen = (device("A", 2, later, role="switch"), device("A", 1, later, role="firewall"))
    await province.write(runs.record, KNOWN, sweep("A", *seen, at=later), later)
    assert (await answers(province, later))["ghost"] is Status.UNMET
    outcome = await compare(province, SWITCH, FIREWALL, ghost, at=later)
    assert drifts(outcome) == [("not_on_network", "ghost", "")]
    assert await province.read(store_netbox.list_drift, KNOWN, later) == outcome.drifts
    # Long after, nobody knows any more: list and control say so together.
    old = later + timedelta(days=30)
    assert (await answers(province, old)).get("ghost") in (Status.UNKNOWN, None)
    assert [d for d in await province.read(store_netbox.list_drift, KNOWN, old) if d.kind == "not_on_network"] == []
    # It comes up with another serial: it is found in the place of the declared one, and differs.
    other = device("A", 77, later, serial="REAL0000999", role="switch", sysname="new")
    facts = (*other.facts, replace(other.facts[0], key="serial", value="REAL0000999"))
    await province.write(runs.record, KNOWN, reading("A", replace(other, facts=facts), at=later), later)
    outcome = await compare(province, SWITCH, FIREWALL, ghost, at=later)
    assert drifts(outcome) == [("different", "ghost", "serial GHOST000123 ≠ REAL0000999")]
    assert sorted(map(str, (await answers(province, later)).values())) == ["met", "met", "unmet"]


async def test_two_that_state_the_same_are_not_one_asset_and_nothing_names_no_asset(province: Store) -> None:
    twin = replace(SWITCH, thing=Thing("device", 9, "twin"))
    bare = told_device(10, name="bare")
    stray = told_device(11, agency=None, serial="STRAY00012", name="stray")
    told = Told(agencies=[agency("A")], devices=[SWITCH, twin, bare, stray, FIREWALL])
    finished = Run("netbox", "https://netbox", NOW, NOW, complete=True)
    outcome: Outcome = await province.write(store_netbox.compare, KNOWN, told, finished, NOW, ROLES)
    assert outcome.devices == 2
    assert {(thing.name, why) for thing, why in told.left_out} == {
        ("twin", "not_identified"),
        ("bare", "not_identified"),
        ("stray", "no_agency"),
    }


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_is_planned_is_not_missed_and_not_twice_where_it_is_found(province: Store) -> None:
    planned = replace(SWITCH, live=False)
    assert (
        drifts(await compare(province, planned, FIREWALL, replace(told_device(3, asset_tag="T-1"), live=False))) == []
    )
    live = replace(SWITCH, thing=Thing("device", 9, "sw1"))
    assert drifts(await compare(province, planned, live, FIREWALL)) == []
    matched = await province.read(store_netbox.match_devices, KNOWN, Told(devices=[planned, live]), NOW)
    assert list(matched) == [9]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_dry_run_stores_nothing_and_tells_the_same(province: Store) -> None:
    told = Told(
        agencies=[agency("A")], devices=[replace(SWITCH, serial="FOC2222BBBB"), told_device(3, asset_tag="T-1")]
    )
    finished = Run("netbox", "https://netbox", NOW, NOW, complete=True)
    tried = await province.read(store_netbox.compare, KNOWN, told, finished, NOW, ROLES, dry=True)
    assert await answers(province) == {} and tried.facts == 0
    done = await province.write(store_netbox.compare, KNOWN, told, finished, NOW, ROLES)
    assert drifts(tried) == drifts(done) and (tried.matched, tried.declared) == (done.matched, done.declared)
