"""Ratio controls: documents and meetings are summed over the year, and who tells nothing stays in the denominator."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory.periods import read_period, year_so_far
from inventory.shares import Asked, Reported, add_up, newest, out_of
from tests.inventory.sample import NOW

MONTHS = frozenset(f"2026-{month:02}" for month in range(1, 7))
A, B = Asked("A", "province", MONTHS), Asked("B", "province", MONTHS)


def told(agency: str, period: str, part: int, whole: int, *, measured: bool = True) -> Reported:
    return Reported(agency, read_period(period), part, whole, measured)


def test_the_months_of_the_year_that_ended_are_asked() -> None:
    assert [month.text for month in year_so_far(NOW)] == ["2026-01", "2026-02"]
    # The last instant of a month is in it; in January the year before is told.
    assert year_so_far(read_period("2026-03").end)[-1].text == "2026-03"
    assert [year_so_far(read_period("2025-12").end)[i].text for i in (0, -1)] == ["2025-01", "2025-12"]


def test_each_month_counts_once_measured_before_declared() -> None:
    rows = [
        told("A", "2026-Q1", 60, 90),
        told("A", "2026-01", 1, 30),
        told("A", "2026-H1", 10, 10, measured=False),
        told("A", "2026-05", 5, 10, measured=False),
    ]
    share = add_up({"A": A}, rows)["A"]
    # The quarter stands for its months; the half year overlaps it and is left; April and June are not known.
    assert (share.met, share.declared, share.unmet) == (60, 5, 30 + 5)
    assert share.silent == [("A", "2026-04"), ("A", "2026-06")]
    assert share.unknown == 50, "two months of 100 in four"


def test_who_told_nothing_has_as_many_as_others_of_the_level_and_at_least_one() -> None:
    asked = {"A": A, "B": B, "C": Asked("C", "commune", MONTHS)}
    shares = add_up(asked, [told("A", "2026-H1", 50, 60)])
    assert (shares["A"].unknown, shares["B"].unknown, shares["C"].unknown) == (0, 60, 1)
    assert (shares["B"].met, shares["B"].unmet) == (0, 0)


def test_a_predecessor_tells_of_its_months_and_a_part_may_tell_too() -> None:
    asked = {
        "OLD": Asked("A", "province", frozenset({"2026-01", "2026-02", "2026-03"})),
        "A": Asked("A", "province", frozenset({"2026-04", "2026-05", "2026-06"})),
        "A.1": Asked("A", "province"),
    }
    shares = add_up(asked, [told("OLD", "2026-Q1", 3, 6), told("A", "2026-Q2", 4, 4), told("A.1", "2026-06", 1, 2)])
    assert (shares["A"].met, shares["A"].unmet, shares["A"].unknown) == (8, 4, 0)


def test_of_what_does_not_add_up_the_newest_counts() -> None:
    now = {"A": Asked("A", "province", frozenset({"2026-06"})), "B": Asked("B", "province", frozenset({"2026-06"}))}
    rows = [told("A", "2026-05", 9, 10), told("A", "2026-06", 7, 12), told("A", "2026-H1", 12, 12, measured=False)]
    shares = newest(now, rows)
    assert (shares["A"].met, shares["A"].unmet, shares["A"].declared) == (7, 5, 0)
    assert shares["B"].unknown == 12


def test_a_surplus_of_one_agency_does_not_make_up_for_another() -> None:
    asked = {code: Asked(code, "province") for code in "ABCD"}
    shares = out_of(asked, {"A": (30, 30, 20), "B": (5, 5, 20), "C": (5, None, 20), "D": (3, 3, None)})
    told_of = {code: (v.met, v.unmet, v.unknown) for code, v in shares.items()}
    assert told_of == {"A": (20, 0, 0), "B": (5, 15, 0), "C": (5, 0, 15), "D": (0, 0, 20)}


reports = st.builds(
    told, st.sampled_from("ABX"), st.sampled_from([*sorted(MONTHS), "2026-Q1", "2026-Q2", "2026-H1"]),
    st.integers(0, 5), st.integers(5, 9), measured=st.booleans(),
)  # fmt: skip


@given(st.lists(reports, max_size=12))
def test_whatever_is_told_no_month_counts_twice_and_none_is_lost(rows: list[Reported]) -> None:
    shares = add_up({"A": A, "B": B}, rows)
    for home, share in shares.items():
        used = [month for row in share.used for month in row.period.months]
        silent = [month for _, month in share.silent]
        assert sorted(used + silent) == sorted(MONTHS)
        assert share.known == sum(row.whole for row in share.used)
        assert share.met + share.declared == sum(row.part for row in share.used)
        assert (share.unknown > 0) == bool(silent)
        told_at_all = {month for row in rows if row.agency == home for month in row.period.months}
        assert set(used) <= told_at_all
        # A month of which a system told is never taken from what a person wrote down of that month alone.
        for row in share.used:
            if not row.measured:
                overlapping = [r for r in rows if r.agency == home and r.measured]
                assert all(set(r.period.months) - {*row.period.months, *silent} or
                           not set(r.period.months) & set(row.period.months) for r in overlapping)  # fmt: skip
