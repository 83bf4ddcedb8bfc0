"""Forecasts: the line of the last months, not bent by a bad day, and silent where there is too little to see."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.forecast import DAYS, forecast

TODAY = date(2026, 6, 30)


def line(start: float, per_day: float, days: int = 60) -> list[tuple[date, float]]:
    return [(TODAY - timedelta(days=n), start + per_day * (days - n)) for n in range(days, -1, -1)]


def test_what_grows_evenly_goes_on() -> None:
    told = forecast(line(0.4, 0.002), TODAY, 0.9, date(2026, 12, 31))
    assert told is not None and told.at_due == pytest.approx(0.52 + 0.002 * 184)
    assert told.per_month == pytest.approx(0.06)
    assert told.reached == TODAY + timedelta(days=190)
    assert (told.first, told.days) == (TODAY - timedelta(days=60), 61)


def test_a_day_on_which_a_line_was_cut_does_not_bend_it() -> None:
    points = [(day, 0.0 if (TODAY - day).days in (0, 7, 20) else share) for day, share in line(0.4, 0.002)]
    told = forecast(points, TODAY, None, date(2026, 12, 31))
    assert told is not None and told.at_due == pytest.approx(0.52 + 0.002 * 184, abs=0.01)
    assert told.reached is None


def test_what_is_reached_is_reached_today_and_what_falls_never() -> None:
    reached = forecast(line(0.95, 0), TODAY, 0.9, date(2026, 12, 31))
    falling = forecast(line(0.8, -0.001), TODAY, 0.9, date(2028, 12, 31))
    slow = forecast(line(0.1, 0.000001), TODAY, 0.9, None)
    assert reached is not None and reached.reached == TODAY
    assert falling is not None and (falling.reached, falling.at_due) == (None, 0.0)
    assert slow is not None and (slow.reached, slow.at_due) == (None, None)


@pytest.mark.parametrize("points", [[], line(0.5, 0, 3), line(0.5, 0, 13), [(TODAY - timedelta(days=300), 0.1)] * 9])
def test_from_too_little_nothing_follows(points: list[tuple[date, float]]) -> None:
    assert forecast(points, TODAY, 0.9, date(2026, 12, 31)) is None


def test_a_due_date_that_has_passed_has_no_forecast() -> None:
    told = forecast(line(0.5, 0.001), TODAY, 0.9, TODAY)
    assert told is not None and told.at_due is None


@given(
    st.dictionaries(st.integers(-20, 200), st.floats(0, 1), max_size=40),
    st.floats(0, 1) | st.none(),
    st.integers(-10, 4000) | st.none(),
)
def test_a_share_is_told_whatever_was_kept(kept: dict[int, float], target: float | None, due: int | None) -> None:
    points = sorted((TODAY - timedelta(days=n), share) for n, share in kept.items())
    told = forecast(points, TODAY, target, None if due is None else TODAY + timedelta(days=due))
    if told is not None:
        assert told.at_due is None or 0 <= told.at_due <= 1
        assert told.reached is None or told.reached >= TODAY
        assert told.days <= DAYS + 1 and told.first >= TODAY - timedelta(days=DAYS)
