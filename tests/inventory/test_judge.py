"""Judging: unknown is not failed, the denominator is the register's, and any day can be judged again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from inventory import vocabulary
from inventory.goals import Goals
from inventory.store import Store, assets, registers, runs, snapshots
from inventory.words import (
    ALL_LEVELS,
    Agency,
    Control,
    Coverage,
    DeclaredCount,
    Goal,
    Identity,
    Link,
    Observation,
    Plan,
    Proof,
    Register,
    Run,
    Snapshot,
    Status,
    Title,
)
from tests.inventory.sample import (
    ANTIVIRUS,
    FIREWALL,
    LEVELS,
    NOW,
    REGISTER,
    agency,
    device,
    facts,
    network,
    reading,
    sweep,
)

KNOWN = vocabulary.load()
DAY = timedelta(days=1)
TITLE = Title("chỉ tiêu", "goal")


def goals(*controls: Control, levels: tuple[str, ...] = ("province", "commune")) -> Goals:
    found = tuple(
        Goal(
            c.id, TITLE, "P1", "XX-001", levels if c.population == "agencies" else (), {"all": 1.0}, None, "none", c.id
        )
        for c in controls
    )
    return Goals({c.id: c for c in controls}, {"plan": Plan("plan", TITLE, "1", None, "2026", found)})


async def declare(store: Store, register: Register = REGISTER) -> None:
    def do(connection: object) -> None:
        registers.replace(connection, register)  # type: ignore[arg-type]
        registers.record_declared(connection, KNOWN, register, NOW)  # type: ignore[arg-type]

    await store.write(do)


async def bring(store: Store, *brought: Run, now: datetime = NOW + 60 * DAY) -> None:
    for run in brought:
        await store.write(runs.record, KNOWN, run, now)


async def judge(store: Store, what: Goals, at: datetime = NOW, *, keep: bool = False) -> Snapshot:
    do = store.write if keep else store.read
    return await do(snapshots.take, KNOWN, what, at, keep=keep)


async def status_of(store: Store, control: Control, member: str, at: datetime = NOW) -> tuple[Status, str]:
    rows = await store.read(snapshots.members, KNOWN, goals(control), control.id, at)
    found = next(f for f in rows if f.member == member)
    return found.status, found.reason


def figure(snapshot: Snapshot, level: str = ALL_LEVELS) -> Coverage:
    return next(c for c in snapshot.coverage if c.level == level)


# --- looking and finding nothing is not the same as not looking ------------------------------------------------------


async def test_an_agency_that_nobody_looked_at_is_unknown_and_stays_in_the_denominator(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 1, role="firewall")), sweep("B", device("B", 1, role="switch")))
    row = figure(await judge(store, goals(FIREWALL)))
    assert (row.met, row.unmet, row.unknown, row.counted) == (1, 1, 1, 3)
    assert (row.proven, row.possible) == (1 / 3, 2 / 3)
    assert await status_of(store, FIREWALL, "C") == (
        Status.UNKNOWN, "Firewalls that answer: networks not read to the end within 8 d: net-c (never)",
    )  # fmt: skip


async def test_a_sweep_broken_off_proves_what_was_seen_and_nothing_that_was_not(store: Store) -> None:
    await declare(store)
    telnet = Control("nothing", TITLE, "agencies", "firewalls_answering = 0")
    few = Control("few", TITLE, "agencies", "hosts_answering <= 1")
    await bring(
        store,
        sweep("A", device("A", 1, role="firewall"), device("A", 2, role="switch"), complete=False),
        sweep("B", device("B", 1, role="switch"), complete=False),
    )
    assert (await status_of(store, FIREWALL, "A"))[0] is Status.MET
    assert (await status_of(store, FIREWALL, "B"))[0] is Status.UNKNOWN
    assert (await status_of(store, telnet, "A"))[0] is Status.UNMET
    assert (await status_of(store, telnet, "B"))[0] is Status.UNKNOWN
    assert (await status_of(store, few, "A"))[0] is Status.UNMET
    assert (await status_of(store, few, "B"))[0] is Status.UNKNOWN
    await bring(store, sweep("B", device("B", 1, role="switch")))
    assert (await status_of(store, FIREWALL, "B"))[0] is Status.UNMET
    assert (await status_of(store, telnet, "B"))[0] is Status.MET


async def test_a_device_that_answers_but_is_not_identified_leaves_the_answer_open(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("B", device("B", 1, role="switch"), device("B", 7)))
    status, reason = await status_of(store, FIREWALL, "B")
    assert (status, reason) == (Status.UNKNOWN, "Firewalls that answer: devices that answer there are not identified")
    # It is gone when the network is next read to the end: then it cannot be the firewall.
    await bring(store, sweep("B", device("B", 1, role="switch", at=NOW + DAY), at=NOW + DAY))
    assert (await status_of(store, FIREWALL, "B", NOW + DAY))[0] is Status.UNMET


async def test_every_network_of_the_agency_and_its_parts_has_to_be_read(store: Store) -> None:
    extra = network("net-a.1", "A.1", "10.0.0.0/24")
    await declare(store, replace(REGISTER, networks=(*REGISTER.networks, extra)))
    await bring(store, sweep("A", device("A", 1, role="switch")))
    assert (await status_of(store, FIREWALL, "A"))[1].endswith("net-a.1 (never)")
    await bring(store, Run("nmap", "net-a.1", NOW, NOW, (), True, None, "A.1", "net-a.1"))
    assert (await status_of(store, FIREWALL, "A"))[0] is Status.UNMET


async def test_a_firewall_of_a_part_is_its_parents_and_a_part_is_no_member(store: Store) -> None:
    await declare(store)
    seen = Observation(
        facts("snmp", NOW, role="firewall", answering=True),
        asset=Identity(frozenset({("serial", "FW7730019")}), agency="A.1"),
    )
    await bring(store, reading("A.1", seen))
    snapshot = await judge(store, goals(FIREWALL))
    assert {t.agency: t.status for t in snapshot.tallies} == {"A": "met", "B": "unknown", "C": "unknown"}


async def test_a_reading_goes_stale_and_so_does_what_rests_on_it(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 1, role="firewall")), sweep("B", device("B", 1, role="switch")))
    later = NOW + 9 * DAY
    assert (await status_of(store, FIREWALL, "A", later))[0] is Status.UNKNOWN
    assert (await status_of(store, FIREWALL, "B", later))[1].endswith("net-b (last 2026-03-10)")
    # As of the day itself nothing has changed.
    assert (await status_of(store, FIREWALL, "A", NOW))[0] is Status.MET


async def test_a_line_is_unknown_until_it_answered_or_was_measured_silent(store: Store) -> None:
    line = Control("line", TITLE, "links", "link_answering", "kind = 'mtslcd'")
    wan = Control("wan", TITLE, "agencies", "links_wan_answering >= 1")
    await declare(store)
    assert (await status_of(store, line, "line-a"))[1] == "Line answers: never observed"
    assert [(await status_of(store, wan, m))[0] for m in "AC"] == [Status.UNKNOWN, Status.UNMET]
    said = Observation(facts("icmp", NOW, link_answering=True), link="line-a")
    await bring(store, reading("A", said, collector="icmp"))
    assert [(await status_of(store, c, m))[0] for c, m in ((line, "line-a"), (wan, "A"))] == [Status.MET, Status.MET]
    late = NOW + 27 * timedelta(hours=1)
    assert (await status_of(store, line, "line-a", late))[1].startswith("Line answers: stale since 2026-03-11 17:00")


# --- machines ------------------------------------------------------------------------------------------------------


async def test_off_unreadable_and_never_told_are_three_things(store: Store) -> None:
    def agent(host: int, **said: bool | None) -> Observation:
        return device("A", host, role="workstation", antivirus_up_to_date=True, **said)

    await declare(store)
    await bring(
        store,
        reading(
            "A",
            agent(1, antivirus_enabled=True),
            agent(2, antivirus_enabled=False),
            agent(3, antivirus_enabled=None),
            agent(4),
        ),
    )
    snapshot = await judge(store, goals(ANTIVIRUS))
    assert [(c.met, c.unmet, c.unknown) for c in snapshot.coverage if c.level == ALL_LEVELS] == [(1, 1, 2)]
    rows = await store.read(snapshots.members, KNOWN, goals(ANTIVIRUS), "antivirus", NOW)
    assert sorted(f.reason for f in rows if f.status is Status.UNKNOWN) == [
        "Antivirus on: never observed", "Antivirus on: nmap states that it is unknown",
    ]  # fmt: skip


async def test_machines_declared_and_not_found_are_unknown_members(store: Store) -> None:
    counts = (
        DeclaredCount("A", "workstations", 5, date(2026, 1, 2), "12/BC-A"),
        DeclaredCount("B", "workstations", 3, date(2026, 1, 2)),
    )
    await declare(store, replace(REGISTER, counts=counts))
    one = device("A", 1, role="workstation", antivirus_enabled=True, antivirus_up_to_date=True)
    await bring(store, reading("A", one))
    snapshot = await judge(store, goals(ANTIVIRUS), keep=True)
    row = figure(snapshot)
    assert (row.met, row.unknown, row.counted) == (1, 7, 8)
    rows, total = await store.read(snapshots.standing, KNOWN, goals(ANTIVIRUS), snapshot.at, snapshots.Wanted())
    assert (total, sum(f.weight for f in rows)) == (3, 8)
    assert {f.member: f.reason for f in rows if f.weight > 1} == {
        "A (missing)": "Workstations (declared): 4 more declared than found",
        "B (missing)": "Workstations (declared): 3 more declared than found",
    }


# --- time ----------------------------------------------------------------------------------------------------------


async def test_as_of_a_day_before_the_agency_went_silent_gives_that_days_figure(store: Store) -> None:
    await declare(store)
    for day in range(3):
        at = NOW + day * DAY
        await bring(store, sweep("A", device("A", 1, at, role="firewall"), at=at))
        if day == 0:
            await bring(store, sweep("B", device("B", 1, at, role="firewall"), at=at))
    assert figure(await judge(store, goals(FIREWALL), NOW)).met == 2
    row = figure(await judge(store, goals(FIREWALL), NOW + 2 * DAY))
    assert (row.met, row.unknown) == (1, 2)


async def test_a_finding_keeps_since_when_it_stands_and_a_second_judgement_changes_nothing(store: Store) -> None:
    await declare(store)
    what = goals(FIREWALL)
    await bring(store, sweep("A", device("A", 1, role="firewall")))
    for hours in range(3):
        await judge(store, what, NOW + timedelta(hours=hours), keep=True)
    await bring(store, sweep("B", device("B", 1, NOW + timedelta(hours=3), role="switch"), at=NOW + timedelta(hours=3)))
    last = await judge(store, what, NOW + timedelta(hours=3), keep=True)
    rows, _ = await store.read(snapshots.standing, KNOWN, what, last.at, snapshots.Wanted())
    assert {f.member: (str(f.status), f.since) for f in rows} == {
        "A": ("met", NOW), "B": ("unmet", last.at), "C": ("unknown", NOW),
    }  # fmt: skip


async def test_what_was_stored_on_any_day_is_what_the_facts_say_of_it(store: Store) -> None:
    await declare(store)
    what = goals(FIREWALL, ANTIVIRUS)
    kept = []
    for day in range(6):
        at = NOW + day * 2 * DAY
        on = day % 3 != 1
        machine = device(
            "B", 9, at, role="workstation", antivirus_enabled=on, antivirus_up_to_date=True, serial="WS5521093"
        )
        await bring(store, sweep("A", *([device("A", 1, at, role="firewall")] if on else []), at=at), now=at)
        if day < 2:
            await bring(store, reading("B", machine, at=at), now=at)
        kept.append(await judge(store, what, at, keep=True))
    for snapshot in kept:
        again = await judge(store, what, snapshot.at)
        assert again.coverage == snapshot.coverage
        assert again.tallies == snapshot.tallies
        rows, total = await store.read(snapshots.standing, KNOWN, what, snapshot.at, snapshots.Wanted())
        by_status: dict[tuple[str, str, Status], int] = {}
        for f in rows:
            key = (f.control, f.agency or "", f.status)
            by_status[key] = by_status.get(key, 0) + f.weight
        assert total == len(rows)
        assert by_status == {(t.control, t.agency, t.status): t.members for t in snapshot.tallies}


async def test_agencies_merged_on_a_day_count_as_their_successor_from_then_on(store: Store) -> None:
    merged = (
        agency("A", valid_to=date(2026, 3, 31), successor="AB"),
        agency("B", valid_to=date(2026, 3, 31), successor="AB"),
        Agency("AB", Title("Cơ quan hợp nhất", "Merged"), "province", valid_from=date(2026, 4, 1)),
    )
    await declare(store, replace(REGISTER, agencies=merged))
    await bring(store, sweep("A", device("A", 1, role="firewall")))
    assert {t.agency: str(t.status) for t in (await judge(store, goals(FIREWALL))).tallies} == {
        "A": "met",
        "B": "unknown",
    }
    after = datetime(2026, 4, 2, tzinfo=NOW.tzinfo)
    await bring(store, sweep("A", device("A", 1, after, role="firewall"), at=after))
    assert {t.agency: str(t.status) for t in (await judge(store, goals(FIREWALL), after)).tallies} == {"AB": "met"}


async def test_the_same_asset_of_two_sources_is_judged_once_on_the_better_proof(store: Store) -> None:
    await declare(store)
    by_agent = replace(
        device("A", 5, role="workstation", antivirus_enabled=True, antivirus_up_to_date=True, serial="ABC55231"),
        facts=facts("agent", NOW, Proof.AGENT, role="workstation", antivirus_enabled=True, antivirus_up_to_date=True),
    )
    by_console = Observation(
        facts("console", NOW, Proof.CONSOLE, antivirus_enabled=False),
        asset=Identity(frozenset({("mac", "00:1B:21:3C:4D:5E")}), agency="A"),
    )
    await bring(store, reading("A", by_agent), reading("A", by_console, collector="console"))
    numbers = sorted({n for n, *_ in await store.read(assets_of)})
    await store.write(assets.join, numbers[1], numbers[0], "by hand", NOW)
    row = figure(await judge(store, goals(ANTIVIRUS)))
    assert (row.met, row.counted) == (1, 1)


def assets_of(connection: object) -> list[tuple[int]]:
    from sqlalchemy import select

    from inventory.store.tables import asset

    return [tuple(r) for r in connection.execute(select(asset.c.id))]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "meets", ["vendor = 'a:b'", "vendor like '50%'", "vendor <> 'it''s'", "interface_count / 2 > 0.4"]
)
async def test_literals_that_databases_could_misread_are_values(store: Store, meets: str) -> None:
    await declare(store)
    await bring(store, reading("A", device("A", 1, role="switch", vendor="a:b", interface_count=1)))
    control = Control("odd", TITLE, "assets", meets)
    rows = await store.read(snapshots.members, KNOWN, goals(control), "odd", NOW)
    expected = Status.UNMET if "like" in meets else Status.MET
    assert [f.status for f in rows] == [expected]


async def test_links_and_levels_of_the_register_are_of_the_day(store: Store) -> None:
    ended = Link("line-a", "A", "mtslcd", valid_from=date(2026, 1, 1), valid_to=date(2026, 2, 1))
    await declare(store, replace(REGISTER, links=(ended,), levels=LEVELS))
    assert (await judge(store, goals(FIREWALL))).links == ()
    assert [v.link for v in (await judge(store, goals(FIREWALL), datetime(2026, 1, 15, tzinfo=NOW.tzinfo))).links] == [
        "line-a"
    ]


# --- the firewall of the centre ---------------------------------------------------------------------------------------

BEHIND = Control(
    "behind", TITLE, "agencies",
    "firewalls_answering >= 1 or (links_internet = 0 and links_wan_answering >= 1 and firewalls_at_centre >= 1)",
)  # fmt: skip


async def centred(store: Store, *, firewall: bool, complete: bool = True) -> None:
    """A runs the data centre and reaches it by MTSLCD, as C does, which has an Internet line of its own as well."""
    networks = (network("net-a", "A"), network("net-b", "B"), network("net-c", "C"))
    centre = replace(networks[0], purpose="data_centre")
    links = (*REGISTER.links, Link("wan-b", "B", "mtslcd", "198.18.0.3"))
    await declare(store, replace(REGISTER, networks=(centre, *networks[1:]), links=links))
    role = "firewall" if firewall else "server"
    await bring(store, sweep("A", device("A", 1, role=role), complete=complete), sweep("B"), sweep("C"))
    for code in ("line-a", "wan-b"):
        said = Observation(facts("icmp", NOW, link_answering=True), link=code)
        await bring(store, Run("icmp", code, NOW, NOW, (said,), True))


async def test_an_agency_that_reaches_the_internet_through_the_centre_is_behind_its_firewall(store: Store) -> None:
    await centred(store, firewall=True)
    found = {f.member: f for f in await store.read(snapshots.members, KNOWN, goals(BEHIND), "behind", NOW)}
    assert {member: f.status for member, f in found.items()} == {
        "A": Status.MET, "B": Status.MET, "C": Status.UNMET,
    }  # fmt: skip
    counted = {(c.count, c.sure) for c in found["B"].counted}
    assert ("firewalls_at_centre", True) in counted and ("links_wan_answering", True) in counted


async def test_a_centre_that_was_not_read_to_the_end_proves_nothing(store: Store) -> None:
    await centred(store, firewall=False, complete=False)
    status, reason = await status_of(store, BEHIND, "B")
    assert status is Status.UNKNOWN and "networks not read to the end within 8 d: net-a" in reason


async def test_a_centre_without_a_firewall_covers_nobody(store: Store) -> None:
    await centred(store, firewall=False)
    assert (await status_of(store, BEHIND, "B"))[0] is Status.UNMET
