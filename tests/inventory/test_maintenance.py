"""Maintenance windows on SQLite and PostgreSQL: what fails in one is not counted, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from inventory.store import Store, closings, maintenance, registers, snapshots
from inventory.words import Control, InputError, Link, Maintenance, Observation, Status, Title
from tests.inventory.sample import ANTIVIRUS, FIREWALL, NOW, REGISTER, device, facts, reading, sweep
from tests.inventory.test_judge import BEHIND, DAY, KNOWN, bring, centred, declare, figure, goals, judge

HOUR = timedelta(hours=1)
LINE = Control("line", Title("Đường truyền", "Line"), "links", "link_answering and loss <= 0.05")
WAN = Control("wan", Title("Có WAN", "Has a WAN"), "agencies", "links_wan_answering >= 1")
ANSWERS = Control("answers", Title("Trả lời", "Answers"), "assets", "answering")


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def window(scope: str, subject: str, begins: datetime = NOW - HOUR, hours: float = 2, **more: object) -> Maintenance:
    given: dict[str, object] = {"reason": "Thay bộ lưu điện", "granted_by": "Trưởng phòng CNTT", "document": "7/TB"}
    ends = begins + timedelta(hours=hours)
    return Maintenance(0, scope, subject, begins, ends, **(given | more))  # type: ignore[arg-type]


async def order(store: Store, given: Maintenance) -> int:
    register = await store.read(registers.load)
    return await store.write(maintenance.add, register, given, NOW)


async def say(store: Store, code: str, answering: bool | None, at: datetime = NOW) -> None:
    loss = None if answering is None else float(not answering)
    said = facts("icmp", at, link_answering=answering, loss=loss)
    await bring(store, reading("A", Observation(said, link=code), at=at, collector="icmp"))


@pytest.fixture
async def province(store: Store) -> Store:
    """A's line answers, B's does not, and of C's the source states that it does not know; B has no firewall."""
    links = (*REGISTER.links, Link("line-b", "B", "wan", "198.18.0.3"))
    await declare(store, replace(REGISTER, links=links))
    for days in (-1, 0):
        at = NOW + days * DAY
        await bring(store, sweep("A", device("A", 5, role="firewall", at=at), at=at))
        await bring(store, sweep("B", device("B", 5, role="switch", at=at), at=at))
        for code, answering in (("line-a", True), ("line-b", False), ("line-c", None)):
            await say(store, code, answering, at)
    return store


async def statuses(store: Store, control: Control, at: datetime = NOW) -> dict[str, Status]:
    rows = await store.read(snapshots.members, KNOWN, goals(control), control.id, at)
    return {f.title.partition(" ")[0] if control is ANSWERS else f.member: f.status for f in rows}


async def test_a_line_that_is_down_does_not_count_and_the_others_stay(province: Store) -> None:
    before = {"line-a": Status.MET, "line-b": Status.UNMET, "line-c": Status.UNKNOWN}
    assert await statuses(province, LINE) == before
    for code in before:
        await order(province, window("link", code))
    after = {**before, "line-b": Status.NOT_APPLICABLE}
    assert await statuses(province, LINE) == after, "what is met or unknown stays so"
    assert await statuses(province, LINE, NOW + 2 * HOUR) == before, "it is over"
    rows = await province.read(snapshots.members, KNOWN, goals(LINE), LINE.id, NOW, tuple(Status), "vi")
    reason = next(f.reason for f in rows if f.member == "line-b")
    assert reason == "bảo trì line-b đến 16:00 10/03/2026: Thay bộ lưu điện (Trưởng phòng CNTT, 7/TB)"


async def test_an_agency_is_not_counted_for_what_fails_beneath_it(province: Store) -> None:
    assert (await statuses(province, WAN))["B"] is Status.UNMET
    await order(province, window("link", "line-b"))
    rows = {f.member: f for f in await province.read(snapshots.members, KNOWN, goals(WAN), WAN.id, NOW)}
    assert rows["B"].status is Status.NOT_APPLICABLE
    assert "maintenance of line-b until" in rows["B"].reason
    assert rows["A"].status is Status.MET
    assert (await statuses(province, FIREWALL))["B"] is Status.UNMET, "a firewall that is not there has nothing to do"


@pytest.mark.parametrize(("scope", "subject"), [("network", "net-a"), ("agency", "A"), ("asset", "")])
async def test_assets_of_a_network_an_agency_and_one_alone(province: Store, scope: str, subject: str) -> None:
    gone = device("A", 5, at=NOW, answering=False, role="firewall")
    await bring(province, sweep("A", gone, at=NOW))
    rows = await province.read(snapshots.members, KNOWN, goals(ANSWERS), ANSWERS.id, NOW)
    failed = {f.member: f.agency for f in rows if f.status is Status.UNMET}
    assert list(failed.values()) == ["A"]
    await order(province, window(scope, subject or next(iter(failed))))
    rows = await province.read(snapshots.members, KNOWN, goals(ANSWERS), ANSWERS.id, NOW)
    assert {f.status for f in rows if f.member in failed} == {Status.NOT_APPLICABLE}
    assert {f.status for f in rows if f.member not in failed} == {Status.MET}
    # The firewall would count for its agency: that is not counted either.
    assert (await statuses(province, FIREWALL))["A"] is Status.NOT_APPLICABLE


@pytest.mark.parametrize(("scope", "subject"), [("network", "net-a"), ("agency", "A"), ("asset", "")])
async def test_behind_a_firewall_of_the_centre_that_is_maintained_nobody_is_counted(
    store: Store, scope: str, subject: str
) -> None:
    await centred(store, firewall=True)
    gone = device("A", 1, at=NOW, answering=False, role="firewall")
    await bring(store, sweep("A", gone, at=NOW))
    assert (await statuses(store, BEHIND))["B"] is Status.UNMET
    rows = await store.read(snapshots.members, KNOWN, goals(ANSWERS), ANSWERS.id, NOW)
    (failed,) = (f.member for f in rows if f.status is Status.UNMET)
    await order(store, window(scope, subject or failed))
    found = {f.member: f for f in await store.read(snapshots.members, KNOWN, goals(BEHIND), BEHIND.id, NOW)}
    assert found["B"].status is Status.NOT_APPLICABLE
    assert "maintenance of" in found["B"].reason and "Thay bộ lưu điện" in found["B"].reason
    assert found["C"].status is Status.UNMET, "it has a line to the Internet and no firewall of its own"


async def test_figures_findings_and_lists_agree(province: Store) -> None:
    await order(province, window("link", "line-b"))
    kept = await judge(province, goals(LINE), NOW, keep=True)
    row = figure(kept)
    assert (row.met, row.unmet, row.unknown, row.not_applicable, row.counted) == (1, 0, 1, 1, 2)
    found, _ = await province.read(snapshots.standing, KNOWN, goals(LINE), NOW, snapshots.Wanted(member="line-b"))
    assert [(f.status, "Thay bộ lưu điện" in f.reason) for f in found] == [(Status.NOT_APPLICABLE, True)]


async def test_one_that_is_recorded_late_corrects_the_past(province: Store) -> None:
    asked, end = goals(LINE), NOW - DAY + 8 * HOUR + timedelta(hours=1) - timedelta(milliseconds=1)
    assert closings.ends_a_day(end)
    plan = next(iter(asked.plans.values()))
    await judge(province, asked, NOW - DAY, keep=True)
    made = await province.read(closings.figures, KNOWN, asked, plan, end)
    await province.write(closings.keep, made)
    assert (await province.read(closings.figures, KNOWN, asked, plan, end)).kept
    await order(province, window("link", "line-b", NOW - DAY, 12))
    again = await province.read(closings.figures, KNOWN, asked, plan, end)
    assert not again.kept
    assert [(r.unmet, r.not_applicable) for r in (*made.coverage, *again.coverage) if r.level == "all"] == [
        (1, 0), (0, 1)
    ]  # fmt: skip


async def test_it_ends_before_its_time_and_what_was_stays(province: Store) -> None:
    number = await order(province, window("link", "line-b", hours=5))
    await province.write(maintenance.end, number, NOW + HOUR, NOW)
    told = [(await statuses(province, LINE, NOW + hours * HOUR))["line-b"] for hours in (0, 0.9, 1, 2)]
    assert told == [Status.NOT_APPLICABLE, Status.NOT_APPLICABLE, Status.UNMET, Status.UNMET]
    for wrong in ((number, NOW), (number + 1, NOW)):
        with pytest.raises(InputError, match="maintenance"):
            await province.write(maintenance.end, *wrong, NOW)


async def test_without_a_window_antivirus_is_judged_as_ever(province: Store) -> None:
    before = await judge(province, goals(ANTIVIRUS), NOW)
    await order(province, window("link", "line-b", NOW + DAY))
    assert (await judge(province, goals(ANTIVIRUS), NOW)).coverage == before.coverage


@on_sqlite
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (window("link", "line-x"), "link: found 'line-x', expected the code of a link"),
        (window("line", "line-b"), "found the scope 'line', expected one of link, agency, asset, network"),
        (window("agency", "A.1"), "expected the code of an agency in the register that is no part of another"),
        (window("asset", "99999"), "asset: found '99999', expected the id of an asset"),
        (window("asset", "1 OR 1=1"), "expected the id of an asset"),
        (window("link", "line-b", hours=0), "to: found 2026-03-10 14:00, expected a time after 2026-03-10 14:00"),
        (window("link", "line-b", hours=24 * 400), "found a window of 400 days, expected less than 366"),
        (window("link", "line-b", reason=" "), "reason: found nothing"),
        (window("link", "line-b", granted_by=""), "granted_by: found nothing"),
        (window("link", "line-b", reason="x" * 1001), "reason: found 1001 characters"),
    ],
)
async def test_what_is_no_window_is_refused(province: Store, given: Maintenance, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        await order(province, given)
    assert await province.read(maintenance.load) == ()


async def test_two_windows_of_the_same_may_touch_and_not_overlap(province: Store) -> None:
    number = await order(province, window("link", "line-b"))
    with pytest.raises(InputError, match=rf"in window {number} \(2026-03-10 14:00 to 2026-03-10 16:00\)"):
        await order(province, window("link", "line-b", NOW))
    await order(province, window("link", "line-b", NOW + HOUR))
    await order(province, window("link", "line-a"))
    assert len(await province.read(maintenance.load)) == 3
