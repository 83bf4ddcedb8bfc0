"""Each system that the plans name has a control or a goal that is declared; and the controls answer rightly."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory import vocabulary
from inventory.goals import Goals, load_goals
from inventory.store import Store, registers, runs, snapshots
from inventory.words import ALL_LEVELS, ONLY_DECLARED, DeclaredCount, Link, Observation, Run, Status, Value
from tests.inventory.sample import NOW, REGISTER, device, facts, network, reading, since, sweep

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"
KNOWN = vocabulary.load()
GOALS = load_goals(ROOT / "goals", KNOWN)
DAY = timedelta(days=1)

#: What measures each system, by the name that it has in the list of statements. The hardware, networks and security
#: come first, then what applications count.
SYSTEMS: dict[str, tuple[str, ...]] = {
    "lan": ("agency_lan_answering", "network_device_answering", "network_device_load", "network_device_healthy"),
    "internet": ("agency_internet_answering", "link_internet_quality"),
    "wan": ("agency_wan_answering", "link_wan_quality"),
    "data_centre": ("hypervisor_answering", "storage_answering", "management_healthy"),
    "servers": ("server_healthy", "server_storage_not_full", "management_healthy"),
    "virtualisation": ("hypervisor_answering", "hypervisor_supported", "hypervisor_healthy"),
    "storage": ("storage_answering", "storage_healthy", "storage_not_full"),
    "ups_cooling": ("power_on_mains", "power_battery_good", "power_load", "room_temperature", "room_humidity"),
    "backup": ("server_backed_up", "server_restore_tested"),
    "firewall": ("agency_firewall_answering", "agency_behind_firewall", "firewall_licence"),
    "other:security_equipment": ("agency_behind_firewall", "firewall_signatures", "firewall_licence"),
    "ids_ips": ("firewall_signatures", "firewall_licence"),
    "other:host_firewall": ("server_host_firewall", "workstation_host_firewall"),
    "antivirus": ("server_antivirus_protected", "workstation_antivirus_protected"),
    "patch": ("server_patched", "workstation_patched", "server_os_supported", "workstation_os_supported"),
    "vc": (
        *("agency_vc_answering", "vc_endpoint_answering", "vc_endpoint_callable", "vc_endpoint_registered"),
        *("mcu_answering", "meetings_online"),
    ),
    "workstation": ("officials_computers", "workstation_seen"),
    "printer_scanner": ("printer_answering", "printer_supplies"),
    "wireless": ("wireless_answering",),
    "email": ("mailboxes_used", "officials_mailboxes"),
    "digital_certificates": ("agency_digital_signature",),
    "other:qlvb": ("agency_document_system", "documents_electronic", "work_files_online"),
    "other:doc_axis": ("agency_document_axis",),
    "other:mot_cua": ("agency_one_stop", "dossiers_one_stop"),
    "other:dvc": ("dossiers_online", "services_national"),
    "other:report_system": ("periodic_reports",),
    "other:database": ("agency_open_data",),
    "ipv6": ("website_ipv6",),
    "website": (
        "website_answering",
        "website_response",
        "website_https",
        "website_certificate",
        "website_tls",
        "website_hsts",
        "website_fresh",
        "agency_website_answering",
    ),
}
#: What nothing measures, and the goals of which it is declared with a document.
DECLARED: dict[str, tuple[str, ...]] = {
    "soc": ("soc_deployed", "soc", "monitoring_capacity"),
    "lgsp": ("lgsp", "citizen_systems_linked"),
    "other:security_levels": ("security_levels", "four_layers"),
}
#: Their two switches and devices are the sign of a LAN in use, and no threshold that anybody would set otherwise.
WITH_A_NUMBER = {"agency_lan_answering", "agency_lan_and_wan_answering", "agency_lan_and_internet_answering"}


# --- the table of systems --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_has_controls_that_goals_use(system: str) -> None:
    used = {goal.control for plan in GOALS.plans.values() for goal in plan.goals}
    for control in SYSTEMS[system]:
        assert control in GOALS.controls, control
        assert control in used, control


@pytest.mark.parametrize("system", DECLARED)
def test_a_system_that_nothing_measures_has_goals_that_are_declared(system: str) -> None:
    plan = GOALS.plans["phu-yen-2021-2025"]
    goals = {goal.id: goal for goal in plan.goals}
    for name in DECLARED[system]:
        goal = goals[name]
        assert goal.control == f"{ONLY_DECLARED}{plan.id}/{name}"
        if goal.target_basis == "own":
            assert goal.target == {ALL_LEVELS: 1.0}, name
            assert goal.note and "không đo được" in goal.note.vi and "khai báo" in goal.note.vi, name
            assert "not measured yet" in goal.note.en and "declared" in goal.note.en, name


def test_every_system_of_hardware_networks_and_security_stands_in_the_table() -> None:
    path = SEEDS / "statements.yaml"
    if not path.exists():
        pytest.skip(f"the list of statements is not here: {path.name} beside the project, in shared/seeds")
    read: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    named = {
        system
        for statement in read["statements"]
        for key in ("systems_named", "systems_implied")
        for system in statement.get(key) or ()
    }
    assert not SYSTEMS.keys() & DECLARED.keys()
    assert SYSTEMS.keys() | DECLARED.keys() <= named
    # The others are staff, budgets, rules and the like.
    assert {system for system in named if ":" not in system} <= SYSTEMS.keys() | DECLARED.keys()


def test_thresholds_are_parameters() -> None:
    for control in GOALS.controls.values():
        if control.id in WITH_A_NUMBER:
            continue
        for text in (control.meets, control.where or ""):
            bare = re.findall(r"\b\d+(?:\.\d+)?\b", re.sub(r"'[^']*'", "", text))
            assert set(bare) <= {"0", "1"}, control.id


def test_a_threshold_is_said_to_be_a_proposal() -> None:
    """Of what this table measures with a number: no plan gives one."""
    seen = 0
    for name in {control for controls in SYSTEMS.values() for control in controls}:
        control = GOALS.controls[name]
        if control.parameters and not {"releases", "minimum"} & control.parameters.keys():
            seen += 1
            assert control.note and "Dophu đề xuất" in control.note.vi, name
            assert "Dophu's proposal" in control.note.en, name
    assert seen >= 11


def test_a_role_that_is_asked_about_is_one_of_the_vocabulary() -> None:
    roles = KNOWN.keys["role"].one_of
    for control in GOALS.controls.values():
        if control.population == "assets":
            assert control.where, control.id
            assert set(re.findall(r"'([^']*)'", control.where)) <= set(roles), control.id


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def province(store: Store) -> AsyncIterator[Store]:
    """The sample's register, with two WAN lines at B and four servers declared at A, recorded."""
    register = replace(
        REGISTER,
        links=(*REGISTER.links, Link("line-b", "B", "wan", "198.18.0.3"), Link("line-b2", "B", "wan", "198.18.0.4")),
        counts=(DeclaredCount("A", "servers", 4, since("2026-01-01")),),
    )

    def do(connection: object) -> None:
        registers.replace(connection, register)  # type: ignore[arg-type]
        registers.record_declared(connection, KNOWN, register, NOW)  # type: ignore[arg-type]

    await store.write(do)
    yield store


async def bring(store: Store, *brought: Run) -> None:
    for run in brought:
        await store.write(runs.record, KNOWN, run, NOW + 60 * DAY)


async def answers(store: Store, control: str) -> dict[str, tuple[Status, str]]:
    """The status and reason by member, or by address where the member is an asset."""
    plan = next(p for p in GOALS.plans.values() if any(g.control == control for g in p.goals))
    goals = tuple(g for g in plan.goals if g.control == control)
    asked = Goals({control: GOALS.controls[control]}, {plan.id: replace(plan, goals=goals)})
    rows = await store.read(snapshots.members, KNOWN, asked, control, NOW)
    return {f.member: (f.status, f.reason) for f in rows}


async def counted(store: Store, control: str) -> list[tuple[Status, int]]:
    """How many members have which answer."""
    statuses = [status for status, _ in (await answers(store, control)).values()]
    return [(s, statuses.count(s)) for s in (Status.MET, Status.UNMET, Status.UNKNOWN)]


def three(met: int, unmet: int, unknown: int) -> list[tuple[Status, int]]:
    return [(Status.MET, met), (Status.UNMET, unmet), (Status.UNKNOWN, unknown)]


def devices(role: str, *told: dict[str, Any]) -> Run:
    """A reading of devices of one role at A, each with what it told."""
    return reading("A", *(device("A", number, role=role, **values) for number, values in enumerate(told, 10)))


def line(code: str, before: int = 0, **told: Value) -> Run:
    """What was measured of a line, so many minutes ago."""
    at = NOW - timedelta(minutes=before)
    return reading("B", Observation(facts("icmp", at, **told), link=code), at=at, collector="icmp")


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@on_sqlite
async def test_a_ups_on_battery_is_unmet_and_one_that_does_not_tell_is_unknown(province: Store) -> None:
    await bring(
        province,
        devices(
            "power",
            {"on_battery": False, "battery_replace": False, "ups_load": 0.8},
            {"on_battery": True, "battery_replace": True, "ups_load": 0.81},
            {"on_battery": None},
            {},
        ),
    )
    for control in ("power_on_mains", "power_battery_good", "power_load"):
        assert await counted(province, control) == three(1, 1, 2), control
    reasons = {reason for status, reason in (await answers(province, "power_on_mains")).values() if status == "unknown"}
    assert reasons == {"On battery: never observed", "On battery: nmap states that it is unknown"}


@on_sqlite
async def test_old_signatures_and_a_licence_that_ends_soon_are_unmet(province: Store) -> None:
    await bring(
        province,
        devices(
            "firewall",
            {"signatures_at": NOW - 7 * DAY, "licence_expires": NOW + 30 * DAY},
            {"signatures_at": NOW - 7.1 * DAY, "licence_expires": NOW + 29.9 * DAY},
            {"signatures_at": NOW - 400 * DAY, "licence_expires": NOW - DAY},
            {},
        ),
    )
    assert await counted(province, "firewall_signatures") == three(1, 2, 1)
    assert await counted(province, "firewall_licence") == three(1, 2, 1)


@on_sqlite
async def test_a_line_that_loses_packets_or_is_silent_is_unmet(province: Store) -> None:
    await bring(
        province,
        line("line-b", 3, link_answering=True, loss=0.2, round_trip_p95=0.01),
        line("line-b2", 3, link_answering=False, loss=1.0, round_trip_p95=None),
    )
    found = await answers(province, "link_wan_quality")
    assert {member: status for member, (status, _) in found.items()} == {
        "line-a": Status.UNKNOWN, "line-b": Status.UNMET, "line-b2": Status.UNMET,
    }  # fmt: skip
    # One of twenty is what is allowed; the line that answers without a word of its loss is not known to be good.
    await bring(
        province,
        line("line-b", 2, link_answering=True, loss=0.05, round_trip_p95=0.2),
        line("line-b2", 2, link_answering=True, loss=None, round_trip_p95=0.2),
    )
    found = await answers(province, "link_wan_quality")
    assert [found[member][0] for member in ("line-b", "line-b2")] == [Status.MET, Status.UNKNOWN]
    await bring(province, line("line-b", 1, link_answering=True, loss=0.0, round_trip_p95=0.21))
    assert (await answers(province, "link_wan_quality"))["line-b"][0] is Status.UNMET
    # What is in between is silent: nothing is known, whatever was measured before.
    await bring(province, line("line-b", link_answering=None, loss=None, round_trip_p95=None))
    assert (await answers(province, "link_wan_quality"))["line-b"][0] is Status.UNKNOWN
    # The Internet line of C is another control's.
    assert {m: s for m, (s, _) in (await answers(province, "link_internet_quality")).items()} == {
        "line-c": Status.UNKNOWN
    }


@on_sqlite
async def test_a_line_that_stays_connected_is_told_from_one_that_does_not(province: Store) -> None:
    told = []
    for code, days, down_from in (("line-b", 29, 0.4), ("line-b2", 29, 0.2), ("line-a", 10, 0.2)):
        for step in range(days * 96):
            at = NOW - timedelta(minutes=15 * step)
            state = "down" if step < down_from * 96 else "up"
            told.append((code, facts("icmp", at, link_state=state)[0]))
    for code in ("line-b", "line-b2", "line-a"):
        own = [fact for of, fact in reversed(told) if of == code]
        said = Observation(tuple(own), link=code)
        await bring(province, reading("B", said, collector="icmp"))
    found = await answers(province, "link_wan_steady")
    assert {member: status for member, (status, _) in found.items()} == {
        "line-a": Status.UNKNOWN, "line-b": Status.UNMET, "line-b2": Status.MET,
    }  # fmt: skip
    assert found["line-b"][1].startswith("Availability of 30 days: 98.6")
    assert found["line-a"][1] == "Availability of 30 days: less than half of the time is known"


@on_sqlite
async def test_full_storage_is_unmet_and_a_server_that_was_not_found_is_unknown(province: Store) -> None:
    await bring(
        province,
        devices("server", {"storage_used": 0.9, "healthy": True}, {"storage_used": 0.95, "healthy": False}, {}),
        reading("B", device("B", 1, role="storage", storage_used=0.86), device("B", 2, role="storage", healthy=True)),
    )
    # Four servers are declared and three were found: the fourth is there, and nothing is known of it.
    assert await counted(province, "server_storage_not_full") == three(1, 1, 2)
    assert await counted(province, "server_healthy") == three(1, 1, 2)
    assert await counted(province, "storage_not_full") == three(0, 1, 1)
    assert await counted(province, "storage_healthy") == three(1, 0, 1)
    assert await counted(province, "storage_answering") == three(2, 0, 0)


@on_sqlite
async def test_a_room_is_as_hot_and_damp_as_its_sensor_says(province: Store) -> None:
    await bring(
        province,
        devices(
            "sensor",
            {"temperature": 27.0, "humidity": 0.2},
            {"temperature": 27.5, "humidity": 0.19},
            {"humidity": 0.81},
        ),
        # The inside of a switch is no room.
        reading("B", device("B", 1, role="switch", temperature=61.0)),
    )
    assert await counted(province, "room_temperature") == three(1, 1, 1)
    assert await counted(province, "room_humidity") == three(1, 2, 0)


@on_sqlite
async def test_a_room_can_be_called_where_one_protocol_answers_or_it_is_registered(province: Store) -> None:
    await bring(
        province,
        devices(
            "vc_endpoint",
            {"sip_answering": True, "registered": False},
            {"sip_answering": False, "h323_answering": True},
            {"registered": True},
            {"sip_answering": False, "h323_answering": False, "registered": False},
            # One that never answered a protocol is not known not to speak it.
            {"sip_answering": False},
        ),
        reading("A", device("A", 99, role="mcu")),
        reading("B", device("B", 99, role="mcu", answering=False)),
    )
    assert await counted(province, "vc_endpoint_callable") == three(3, 1, 1)
    assert await counted(province, "vc_endpoint_registered") == three(1, 2, 2)
    assert await counted(province, "mcu_answering") == three(1, 1, 0)


@on_sqlite
async def test_a_network_device_or_printer_that_went_silent_is_unmet_and_one_not_heard_of_lately_unknown(
    province: Store,
) -> None:
    await bring(
        province,
        reading(
            "A",
            device("A", 1, role="wireless"),
            device("A", 2, role="switch", answering=False, processor_load=0.9),
            device("A", 3, NOW - 2 * DAY, role="router", processor_load=0.1),
            device("A", 4, role="printer", supply_lowest=0.04),
            device("A", 5, role="printer", supply_lowest=0.05),
            device("A", 6, role="printer", answering=False),
        ),
    )
    assert await counted(province, "network_device_answering") == three(1, 1, 1)
    assert await counted(province, "network_device_load") == three(0, 1, 2)
    assert await counted(province, "wireless_answering") == three(1, 0, 0)
    assert await counted(province, "printer_answering") == three(2, 1, 0)
    assert await counted(province, "printer_supplies") == three(1, 1, 1)


@on_sqlite
async def test_a_hypervisor_past_its_support_is_unmet(province: Store) -> None:
    await bring(
        province,
        devices("hypervisor", {"os_support_ends": NOW + DAY}, {"os_support_ends": NOW - DAY}, {"answering": None}),
    )
    assert await counted(province, "hypervisor_supported") == three(1, 1, 1)
    assert await counted(province, "hypervisor_answering") == three(2, 0, 1)


@on_sqlite
async def test_the_centre_s_firewall_is_that_of_an_agency_whose_line_to_it_answers(store: Store) -> None:
    # A runs the data centre; B reaches it by its line; C has an Internet line, and so needs a firewall of its own.
    register = replace(
        REGISTER,
        networks=(*REGISTER.networks, replace(network("net-dc", "A", "10.9.0.0/24"), purpose="data_centre")),
        links=(Link("line-b", "B", "mtslcd", "198.18.0.3"), Link("line-c", "C", "internet", "198.18.0.2"),
               Link("line-c2", "C", "mtslcd", "198.18.0.5")),
    )  # fmt: skip
    await store.write(lambda connection: registers.replace(connection, register))

    async def found() -> dict[str, Status]:
        return {member: status for member, (status, _) in (await answers(store, "agency_behind_firewall")).items()}

    def ping(code: str, answers: bool) -> Run:
        return line(code, link_answering=answers, loss=0.0 if answers else 1.0)

    unknown = dict.fromkeys("ABC", Status.UNKNOWN)
    assert await found() == unknown
    await bring(store, reading("A", device("A", 1, role="firewall")))
    assert await found() == unknown | {"A": Status.MET}
    await bring(store, ping("line-b", True), ping("line-c2", True))
    assert await found() == unknown | {"A": Status.MET, "B": Status.MET}
    # Its networks read to the end without a firewall: C has none, whatever stands at the centre.
    await bring(store, sweep("C", device("C", 1, role="switch")))
    assert await found() == {"A": Status.MET, "B": Status.MET, "C": Status.UNMET}
    # Once B's line is silent it is only known to be without when its own network was read.
    await bring(store, ping("line-b", False))
    assert (await found())["B"] is Status.UNKNOWN
    await bring(store, sweep("B", device("B", 1, role="switch")))
    assert (await found())["B"] is Status.UNMET
