"""Waivers on SQLite and PostgreSQL: who is waived does not count as long as it holds, and every day has its own."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inventory.periods import ZONE
from inventory.store import Store, registers, snapshots, waivers
from inventory.words import Control, Finding, InputError, Status, Title, Waiver
from tests.inventory.sample import FIREWALL, NOW, device, sweep
from tests.inventory.test_judge import DAY, KNOWN, bring, declare, figure, goals, judge

TODAY = NOW.astimezone(ZONE).date()
VC = Control(
    "vc", Title("Thiết bị", "Device"), "assets", "answering", where="role = 'vc_endpoint'", declared_as="vc_endpoints"
)


def waiver(agency: str = "B", **more: object) -> Waiver:
    given: dict[str, object] = {
        "number": 0, "control": FIREWALL.id, "member": "", "agency": agency, "status": Status.WAIVED,
        "reason": "Đang sửa trụ sở", "granted_by": "Giám đốc Sở", "document": "12/QĐ-SKHCN",
        "valid_from": TODAY - timedelta(days=2), "valid_to": TODAY + timedelta(days=2),
    }  # fmt: skip
    return Waiver(**(given | more))  # type: ignore[arg-type]


async def grant(store: Store, given: Waiver, control: Control = FIREWALL) -> int:
    register = await store.read(registers.load)
    return await store.write(waivers.add, control, register, given, NOW)


@pytest.fixture
async def province(store: Store) -> Store:
    """A has a firewall, B has none, of C nothing is known."""
    await declare(store)
    for days in (-5, 0, 5):
        at = NOW + days * DAY
        await bring(store, sweep("A", device("A", 5, role="firewall", at=at), at=at))
        await bring(store, sweep("B", device("B", 5, role="switch", at=at), at=at))
    return store


async def counts(store: Store, days: int = 0) -> tuple[int, int, int, int, int]:
    row = figure(await judge(store, goals(FIREWALL), NOW + days * DAY))
    return row.met, row.unmet, row.unknown, row.waived, row.counted


async def members(store: Store, control: Control = FIREWALL, language: str = "en") -> dict[str, Finding]:
    rows = await store.read(snapshots.members, KNOWN, goals(control), control.id, NOW, tuple(Status), language)
    return {f.member: f for f in rows}


async def test_who_is_waived_does_not_count_and_is_told_why(province: Store) -> None:
    assert await counts(province) == (1, 1, 1, 0, 3)
    await grant(province, waiver())
    assert await counts(province) == (1, 0, 1, 1, 2)
    found = (await members(province))["B"]
    until = TODAY + timedelta(days=2)
    assert (found.status, found.reason) == (
        Status.WAIVED, f"Đang sửa trụ sở (Giám đốc Sở, 12/QĐ-SKHCN; until {until})",
    )  # fmt: skip


async def test_it_holds_from_its_first_day_to_its_last(province: Store) -> None:
    await grant(province, waiver())
    waived = [(await counts(province, days))[3] for days in range(-4, 5)]
    assert waived == [0, 0, 1, 1, 1, 1, 1, 0, 0]


async def test_what_does_not_apply_may_have_no_end(province: Store) -> None:
    await grant(province, waiver("C", status=Status.NOT_APPLICABLE, valid_to=None))
    row = figure(await judge(province, goals(FIREWALL), NOW + 5 * DAY))
    assert (row.met, row.unmet, row.not_applicable, row.counted) == (1, 1, 1, 2)
    assert (await members(province))["C"].reason.endswith("; without end)")


async def test_one_that_is_ended_counts_again_and_the_days_before_stay(province: Store) -> None:
    number = await grant(province, waiver())
    await province.write(waivers.end, number, TODAY + timedelta(days=1))
    assert [(await counts(province, days))[3] for days in (-1, 0, 1, 2)] == [1, 1, 0, 0]
    for wrong in ((number, TODAY), (number + 1, TODAY)):
        with pytest.raises(InputError, match="waiver"):
            await province.write(waivers.end, *wrong)


async def test_a_finding_is_kept_as_waived_and_goes_on_when_it_expired(province: Store) -> None:
    await judge(province, goals(FIREWALL), NOW - 4 * DAY, keep=True)
    await grant(province, waiver())
    for days in (0, 4):
        await judge(province, goals(FIREWALL), NOW + days * DAY, keep=True)
    for days, status in ((-4, Status.UNMET), (0, Status.WAIVED), (4, Status.UNMET)):
        at = NOW + days * DAY
        rows, _ = await province.read(snapshots.standing, KNOWN, goals(FIREWALL), at, snapshots.Wanted(member="B"))
        assert [f.status for f in rows] == [status], days


async def test_one_asset_and_what_was_declared_and_not_found(store: Store) -> None:
    await declare(store)
    seen = (device("A", 5, role="vc_endpoint"), device("A", 6, role="vc_endpoint"))
    await bring(store, sweep("A", *seen))
    before = await members(store, VC)
    first = sorted(m for m in before if m.isdecimal())[0]
    await grant(store, waiver("", control=VC.id, member=first), VC)
    after = await members(store, VC)
    assert after[first].status is Status.WAIVED
    assert {m: f.status for m, f in after.items() if m != first} == {
        m: f.status for m, f in before.items() if m != first
    }


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"reason": " "}, "reason: found nothing"),
        ({"granted_by": ""}, "granted_by: found nothing"),
        ({"valid_to": None}, "until: found nothing, expected the last day"),
        ({"valid_to": date(2020, 1, 1)}, "expected a day not before"),
        ({"agency": "X"}, "agency: found 'X', expected the code of an agency"),
        ({"agency": ""}, "expected either an agency or one member"),
        ({"agency": "", "member": "X"}, "member: found 'X', expected a code of the register's agencies"),
        ({"reason": "x" * 1001}, "reason: found 1001 characters"),
    ],
)
async def test_a_waiver_that_is_none_is_refused(province: Store, wrong: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        await grant(province, waiver(**wrong))  # type: ignore[arg-type]
    assert await province.read(waivers.load) == ()


@pytest.mark.parametrize("member", ["0", "999", "-1", "1e3", "9" * 30])
async def test_an_asset_that_there_is_not_has_no_waiver(store: Store, member: str) -> None:
    await declare(store)
    with pytest.raises(InputError, match="expected the id of an asset"):
        await grant(store, waiver("", control=VC.id, member=member), VC)
