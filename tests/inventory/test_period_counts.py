"""Counts of periods on SQLite and PostgreSQL: measured and declared stand apart, and what is wrong is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inventory.goals import Goals
from inventory.store import Store, counts_told, period_counts, registers, seals, snapshots
from inventory.store.counts_told import Taken
from inventory.store.period_counts import DECLARED, Counted, GoalCounted, Origin
from inventory.words import (
    ALL_LEVELS,
    Control,
    Coverage,
    CoverageStatus,
    DeclaredCount,
    Goal,
    InputError,
    Plan,
    Register,
    Status,
    Title,
)
from tests.inventory.sample import LEVELS, NOW, REGISTER, agency
from tests.inventory.test_judge import DAY, KNOWN, declare, figure, judge

TITLE = Title("chỉ tiêu", "goal")
SIGNED = Control("signed", TITLE, "agencies", "", numerator="documents_signed", denominator="documents")
SIGNS = Control("signs", TITLE, "agencies", "documents_signed >= 1")
MAIL = Control("mail", TITLE, "agencies", "", numerator="mailboxes", denominator="officials")
BUILT = Control("declared:plan/built", TITLE, "organisation", "", goal=("plan", "built"))
SERVICES = Control("declared:plan/services", TITLE, "organisation", "", goal=("plan", "services"), parts=(0.3, 0.5))
CONTROLS = (SIGNED, SIGNS, MAIL, BUILT, SERVICES)
PARTS = ((Title("a", "a"), 0.3), (Title("b", "b"), 0.5))
GOALS = Goals(
    {c.id: c for c in CONTROLS},
    {"plan": Plan("plan", TITLE, "1", None, "2026", tuple(
        Goal(c.id.rpartition("/")[2], TITLE, "P1", "XX-001", (), {} if c.parts else {ALL_LEVELS: 0.5}, None, "none",
             c.id, parts=PARTS if c.parts else ())
        for c in CONTROLS
    ))},
)  # fmt: skip
EOFFICE = Origin("eoffice")
PAPER = Origin(DECLARED, "12/BC-STTTT", "Nguyễn Văn Ân", date(2026, 3, 5))


def told(of: str, period: str, origin: Origin = EOFFICE, **counts: object) -> list[Counted]:
    return [Counted(f"{of} {period}", of, key, period, value, origin) for key, value in counts.items()]


async def take_in(store: Store, *rows: Counted | GoalCounted, days: float = 0, dry: bool = False) -> Taken:
    do = store.read if dry else store.write
    return await do(counts_told.take_in, KNOWN, GOALS, rows, NOW + days * DAY, dry=dry)


async def of_goal(store: Store, goal: str, days: float = 0, level: str = ALL_LEVELS) -> Coverage:
    snapshot = await judge(store, GOALS, NOW + days * DAY)
    return next(c for c in snapshot.coverage if (c.goal, c.level) == (goal, level))


def numbers(row: Coverage) -> tuple[int, int, int, int]:
    return row.met, row.unmet, row.declared, row.unknown


# --- figures ----------------------------------------------------------------------------------------------------------


async def test_what_systems_send_is_proven_and_what_people_write_down_stands_beside_it(store: Store) -> None:
    await declare(store)
    await take_in(
        store,
        *told("A", "2026-01", documents=100, documents_signed=80),
        *told("A", "2026-02", documents=100, documents_signed=90),
        *told("B", "2026-01", PAPER, documents=50, documents_signed=40),
        *told("B", "2026-02", PAPER, documents=50, documents_signed=40),
    )
    row = await of_goal(store, "signed")
    # C, the only agency of its level, told nothing: it is there with one.
    assert numbers(row) == (170, 30 + 20, 80, 1)
    assert (row.counted, row.status) == (301, CoverageStatus.REACHED)
    assert numbers(await of_goal(store, "signed", level="commune")) == (0, 0, 0, 1)
    # A month that is told later is in that month: before the end of February only January counts.
    assert numbers(await of_goal(store, "signed", days=-12)) == (80, 20 + 10, 40, 1)


async def test_who_signs_at_all_is_met_by_measure_and_declared_by_paper(store: Store) -> None:
    await declare(store)
    await take_in(store, *told("A", "2026-02", documents_signed=3), *told("B", "2026-02", PAPER, documents_signed=3))
    row = await of_goal(store, "signs")
    assert (row.met, row.declared, row.unknown) == (1, 1, 1)
    # A quarter after the period the number says nothing of today.
    later = await of_goal(store, "signs", days=120)
    assert (later.met, later.declared, later.unknown) == (0, 0, 3)


async def test_mailboxes_beside_the_officials_of_the_register(store: Store) -> None:
    day = date(2026, 1, 5)
    counts = (DeclaredCount("A", "officials", 10, day), DeclaredCount("B", "officials", 20, day))
    await declare(store, Register(LEVELS, REGISTER.agencies, counts=counts))
    await take_in(store, *told("A", "2026-02", mailboxes=12), *told("B", "2026-02", mailboxes=15))
    assert numbers(await of_goal(store, "mail")) == (25, 5, 0, 1)


async def test_after_a_merger_the_months_of_the_old_agency_count_for_the_new_one(store: Store) -> None:
    merged = (
        agency("A", valid_to=date(2026, 1, 31), successor="B"), agency("B"), agency("C", "commune"),
    )  # fmt: skip
    await declare(store, Register(LEVELS, merged))
    await take_in(
        store,
        *told("A", "2026-01", documents=10, documents_signed=4),
        *told("B", "2026-01", documents=10, documents_signed=5),
        *told("B", "2026-02", documents=10, documents_signed=6),
    )
    assert numbers(await of_goal(store, "signed", level="province")) == (15, 15, 0, 0)
    with pytest.raises(InputError, match="an agency that there was in 2026-02"):
        await take_in(store, *told("A", "2026-02", documents=1))


async def test_of_one_source_a_newer_number_takes_the_place_of_the_former(store: Store) -> None:
    await declare(store)
    rows = told("A", "2026-02", documents=10, documents_signed=5)
    assert await take_in(store, *rows) == Taken(2, new=2)
    assert await take_in(store, *rows) == Taken(2)
    corrected = told("A", "2026-02", documents_signed=6)
    assert await take_in(store, *corrected, dry=True) == Taken(1, corrected=1)
    assert numbers(await of_goal(store, "signed", level="province"))[:2] == (5, 5)
    assert await take_in(store, *corrected) == Taken(1, corrected=1)
    assert numbers(await of_goal(store, "signed", level="province"))[:2] == (6, 4)
    # Measured wins over declared, whenever it was told.
    await take_in(store, *told("A", "2026-02", PAPER, documents=99, documents_signed=99), days=1)
    assert numbers(await of_goal(store, "signed", level="province"))[:3] == (6, 4, 0)


async def test_what_is_declared_of_a_goal_as_a_whole(store: Store) -> None:
    await declare(store)
    assert (await of_goal(store, "built")).status is CoverageStatus.NOT_MEASURED
    await take_in(store, GoalCounted("row 1", "plan", "built", "2026-02", 93, 100, PAPER))
    row = await of_goal(store, "built")
    assert (row.declared, row.unmet, row.proven, row.status) == (93, 7, 0, CoverageStatus.DECLARED)
    await take_in(store, GoalCounted("row 1", "plan", "built", "2026-02", 95, 100, EOFFICE))
    assert numbers(await of_goal(store, "built")) == (95, 5, 0, 0)
    # Before its period had ended nobody could know.
    assert (await of_goal(store, "built", days=-12)).status is CoverageStatus.NOT_MEASURED


async def test_the_parts_of_a_goal_are_its_members(store: Store) -> None:
    await declare(store)
    await take_in(store, GoalCounted("row 1", "plan", "services", "2026-02", 3, 10, PAPER, part=1))
    row = await of_goal(store, "services")
    assert (numbers(row), row.target, row.status) == ((0, 0, 1, 1), 1.0, CoverageStatus.OPEN)
    await take_in(store, GoalCounted("row 2", "plan", "services", "2026-02", 4, 10, EOFFICE, part=2))
    row = await of_goal(store, "services")
    assert (numbers(row), row.status) == ((0, 1, 1, 0), CoverageStatus.NOT_REACHED)


async def test_a_figure_and_its_list_agree_and_say_where_they_come_from(store: Store) -> None:
    await declare(store)
    await take_in(
        store,
        *told("A", "2026-01", documents=100, documents_signed=80),
        *told("A", "2026-02", PAPER, documents=10, documents_signed=4),
        *told("B", "2026-02", documents=100, documents_signed=90),
    )
    row = await of_goal(store, "signed")
    for language, words in (("en", "counted 80 of 100 (01/2026); declared 4 of 10 (02/2026)"),
                            ("vi", "đo được 80 trên 100 (01/2026); khai báo 4 trên 10 (02/2026)")):  # fmt: skip
        found = await store.read(snapshots.members, KNOWN, GOALS, "signed", NOW, tuple(Status), language)
        sums = {status: sum(f.weight for f in found if f.status is status) for status in Status}
        assert (sums[Status.MET], sums[Status.UNMET], sums[Status.DECLARED], sums[Status.UNKNOWN]) == numbers(row)
        by_member = {f.member: f for f in found}
        assert by_member["A"].reason == by_member["A (declared)"].reason == words
    evidence = {(f.key, f.item): (f.value, f.source) for f in by_member["A"].evidence}
    assert evidence["documents_signed", "2026-02"] == (4, "12/BC-STTTT, Nguyễn Văn Ân, 05/03/2026")
    assert evidence["documents", "2026-01"] == (100, "eoffice")
    assert by_member["B (unknown)"].reason.startswith("chưa có số liệu 01/2026")


async def test_a_kept_judgement_stores_its_answers_and_ends_them_when_they_change(store: Store) -> None:
    await declare(store)
    await take_in(store, *told("A", "2026-02", documents=10, documents_signed=4))
    first = await judge(store, GOALS, NOW, keep=True)
    await take_in(store, *told("A", "2026-02", documents_signed=7))
    second = await judge(store, GOALS, NOW + timedelta(hours=1), keep=True)
    assert figure(first).met == 4 and figure(second).met == 7
    found = await store.read(snapshots.members, KNOWN, GOALS, "signed", NOW + timedelta(hours=1))
    assert {f.member: f.weight for f in found if f.agency == "A"} == {
        "A": 7, "A (unmet)": 3, "A (unknown)": 10,
    }  # fmt: skip


async def test_both_numbers_of_one_source_belong_together(store: Store) -> None:
    await declare(store)
    await take_in(store, *told("A", "2026-02", Origin("x"), documents=100, documents_signed=90))
    await take_in(store, *told("A", "2026-02", Origin("y"), documents=90), days=1)
    row = await of_goal(store, "signed", level="province", days=2)
    assert (row.met, row.unmet) == (90, 10)


async def test_told_of_the_whole_and_told_by_level_is_not_added_up(store: Store) -> None:
    await declare(store)
    await take_in(store, GoalCounted("x", "plan", "built", "2026-01", 10, 100, PAPER))
    for level, value in (("province", 50), ("commune", 45)):
        await take_in(store, GoalCounted("x", "plan", "built", "2026-02", value, 50, PAPER, level=level))
    row = await of_goal(store, "built")
    assert (row.declared, row.unmet) == (95, 5)
    # After more than a year it stands no longer.
    assert (await of_goal(store, "built", days=500)).status is CoverageStatus.NOT_MEASURED


async def test_after_a_merger_the_officials_of_the_old_agency_are_among_those_of_the_new_one(store: Store) -> None:
    day = date(2026, 1, 5)
    merged = (agency("A", valid_to=date(2026, 1, 31), successor="B"), agency("B"), agency("C", "commune"))
    counts = (DeclaredCount("A", "officials", 10, day), DeclaredCount("B", "officials", 10, day))
    await declare(store, Register(LEVELS, merged, counts=counts))
    await take_in(store, *told("A", "2026-01", mailboxes=9), *told("B", "2026-02", mailboxes=1))
    assert numbers(await of_goal(store, "mail", level="province")) == (10, 10, 0, 0)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (told("A", "2026-02", documents=5, documents_signed=6), "found documents_signed 6 of documents 5"),
        (told("Z", "2026-02", documents=5), "agency: found 'Z', expected the code of an agency in the register"),
        (
            told("A", "2026-02", documets=5),
            "expected the name of a count; did you mean 'documents'?",
        ),
        (told("A", "2026-03", documents=5), "period: found '2026-03', expected a period that has ended"),
        (told("A", " 2026-02", documents=5), "period: found ' 2026-02', expected it without spaces: 2026-02"),
        (told("A", "02/2026", documents=5), "period: found '02/2026', expected such as 2026-09"),
        (told("A", "2026-02", documents=-1), "value: found -1, expected a whole number from 0 on"),
        (told("A", "2026-02", documents=True), "value: found True, expected a whole number"),
        (told("A", "2026-02", documents=2**60), "expected a whole number"),
        (told("A", "2026-02", documents=5) * 2, "stands twice, first in A 2026-02"),
        (told("A", "2026-02", Origin(DECLARED, "1/BC", "An"), documents=5), "signed: found '', expected what a person"),
        (told("A", "2026-02", Origin(DECLARED, "", "An", date(2026, 3, 1)), documents=5), "document: found ''"),
        (
            told("A", "2026-02", Origin(DECLARED, "1", "An", date(2026, 4, 1)), documents=5),
            "a day that has come",
        ),
        ([GoalCounted("x", "plan", "built", "2026-02", 11, 10, PAPER)], "value: found 11, expected a number not above"),
        ([GoalCounted("x", "plan", "bilt", "2026-02", 1, 1, PAPER)], "found 'bilt', expected a goal of plan; did you"),
        ([GoalCounted("x", "plan", "signed", "2026-02", 1, 1, PAPER)], "signed measures this one"),
        ([GoalCounted("x", "plan", "services", "2026-02", 1, 1, PAPER)], "part: found 0, expected a part from 1 to 2"),
        ([GoalCounted("x", "plan", "built", "2026-02", 1, 1, PAPER, part=1)], "expected no part"),
        ([GoalCounted("x", "plan", "built", "2026-02", 1, 1, PAPER, level="xa")], "level: found 'xa', expected one of"),
        (
            [GoalCounted("x", "plan", "services", "2026-02", 1, 1, PAPER, part=1, level="province")],
            "level: found 'province', expected none beside a part",
        ),
        ([GoalCounted("x", "pln", "built", "2026-02", 1, 1, PAPER)], "plan: found 'pln', expected one of plan"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_stored(
    store: Store, rows: list[Counted | GoalCounted], expected: str
) -> None:
    await declare(store)
    good = told("B", "2026-01", documents=5)
    with pytest.raises(InputError) as error:
        await take_in(store, *good, *rows)
    assert expected in str(error.value)
    assert (await store.read(period_counts.listed))[1] == 0


async def test_a_part_is_held_against_the_total_told_before(store: Store) -> None:
    await declare(store)
    await take_in(store, *told("A", "2026-02", documents=5, documents_signed=4))
    with pytest.raises(InputError, match="found documents_signed 6 of documents 5"):
        await take_in(store, *told("A", "2026-02", documents_signed=6))
    with pytest.raises(InputError, match="found documents_signed 4 of documents 3"):
        await take_in(store, *told("A", "2026-02", documents=3))
    await take_in(store, *told("A", "2026-02", documents=9, documents_signed=6))


async def test_of_a_period_that_was_sealed_nothing_more_is_declared(store: Store) -> None:
    await declare(store)
    await store.write(seals.note_seal, "plan", NOW, "ab" * 32, "plan.seal.zip", NOW)
    for row in (*told("A", "2026-02", PAPER, documents=5), GoalCounted("x", "plan", "built", "2026-02", 1, 1, PAPER)):
        with pytest.raises(InputError, match="expected a later one: the figures of plan were sealed as of 2026-03-10"):
            await take_in(store, row)
    # A system measures: what comes late is a revision beside the seal. And what no goal of the plan uses is not in it.
    await take_in(store, *told("A", "2026-02", documents=5), *told("A", "2026-02", PAPER, meetings=5))
    await take_in(store, *told("A", "2026-03", PAPER, documents=5), days=40)
    assert (await store.read(registers.load)).agencies
