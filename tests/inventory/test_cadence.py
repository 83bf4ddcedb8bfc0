"""When turns come and windows are open: cron, intervals, nights, week-ends, holidays, clocks that jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.cadence import first_turn, jitter, read_cadence, read_window
from inventory.periods import ZONE
from inventory.words import InputError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


MONDAY = at("2026-11-30T10:00")


@pytest.mark.parametrize(
    ("cadence", "expected"),
    [
        ("30 1 * * *", "2026-12-01T01:30"),
        ("30 1 * * sat", "2026-12-05T01:30"),
        ("0 8-17/3 * * mon-fri", "2026-11-30T11:00"),
        ("*/15 * * * *", "2026-11-30T10:15"),
        ("0 0 1 1 *", "2027-01-01T00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
    ],
)
def test_cron_is_read_in_vietnams_time(cadence: str, expected: str) -> None:
    assert read_cadence(cadence).after(MONDAY, MONDAY.astimezone(UTC)) == at(expected)


def test_turns_that_were_missed_are_not_made_up_for_and_the_beat_is_kept() -> None:
    every = read_cadence("every 10m")
    assert every.after(MONDAY, MONDAY) == MONDAY + timedelta(minutes=10)
    assert every.after(MONDAY, MONDAY + timedelta(minutes=47)) == MONDAY + timedelta(minutes=50)
    # The clock was set back by a day: nothing waits until tomorrow.
    assert every.after(MONDAY, MONDAY - timedelta(days=1)) == MONDAY - timedelta(days=1) + timedelta(minutes=10)


@pytest.mark.parametrize(
    "text", ["", "every", "every 0m", "every 5s", "every 900d", "every 5 x", "* * * *", "* * * * * *", "60 * * * *",
             "0 0 30 2 *", "a b c d e", "0 1 * * mon-", "* * * * *; reboot", "@daily", "every -5m"],
)  # fmt: skip
def test_what_is_no_cadence_is_refused_in_words(text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        read_cadence(text)


@given(st.text(max_size=40))
def test_any_text_is_a_cadence_or_refused(text: str) -> None:
    try:
        cadence = read_cadence(text)
    except InputError:
        return
    assert cadence.after(MONDAY, MONDAY) > MONDAY


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = read_window("night", "mon-fri", ["20:00-05:30"])
    assert night.span(at("2026-12-01T01:00")) == (at("2026-11-30T20:00"), at("2026-12-01T05:30"))
    assert night.is_open(at("2026-12-05T05:29")) and not night.is_open(at("2026-12-05T05:30"))  # Friday's
    assert not night.is_open(at("2026-12-05T21:00")) and not night.is_open(at("2026-12-07T01:00"))  # Saturday, Sunday's


def test_spans_that_touch_are_one() -> None:
    always = read_window("always")
    begin, end = always.span(MONDAY) or (MONDAY, MONDAY)
    assert begin < MONDAY - timedelta(days=7) and end > MONDAY + timedelta(days=7)
    split = read_window("split", hours=["07:30-11:30", "11:30-12:00", "13:30-17:00"])
    assert split.span(MONDAY) == (at("2026-11-30T07:30"), at("2026-11-30T12:00"))
    assert split.opens_after(at("2026-11-30T12:00")) == at("2026-11-30T13:30")


def test_days_off_close_a_window_that_says_so_and_no_other() -> None:
    off = {date(2026, 12, 1)}
    office = read_window("office", "mon-fri", ["07:30-17:00"], holidays=False)
    assert not office.is_open(at("2026-12-01T10:00"), off) and office.is_open(at("2026-12-02T10:00"), off)
    assert read_window("all", "mon-fri", ["07:30-17:00"]).is_open(at("2026-12-01T10:00"), off)


def test_a_turn_comes_only_inside_the_window() -> None:
    night = read_window("night", "mon-fri", ["20:00-05:30"], holidays=False)
    hourly = read_cadence("every 1h")
    assert first_turn(hourly, night, MONDAY, MONDAY) == at("2026-11-30T20:00")
    off = {date(2026, 11, 30), date(2026, 12, 1)}
    assert first_turn(hourly, night, MONDAY, MONDAY, off) == at("2026-12-02T20:00")
    assert first_turn(read_cadence("0 12 * * *"), night, MONDAY, MONDAY) is None
    assert first_turn(read_cadence("0 12 * * *"), None, MONDAY, MONDAY) == at("2026-11-30T12:00")


@given(
    st.integers(0, 366 * 24 * 60),
    st.sampled_from(["every 7m", "13 2-4 * * *", "*/9 * * * *"]),
)
def test_every_turn_lies_after_now_and_in_the_window(minutes: int, cadence: str) -> None:
    night = read_window("night", "sun-thu", ["20:00-05:30"])
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    turn = first_turn(read_cadence(cadence), night, instant, instant)
    assert turn is not None and turn > instant and night.is_open(turn)


@pytest.mark.parametrize(
    ("days", "hours"),
    [("mon-fry", ["07:00-08:00"]), ("", ["07:00-08:00"]), ("mon", ["7-8"]), ("mon", ["25:00-26:00"]), ("mon", []),
     ("mon", ["07:00-24:30"]), ("mon..fri", ["07:00-08:00"])],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_its_name(days: str, hours: list[str]) -> None:
    with pytest.raises(InputError, match=r"^windows\.w: (days|hours): found"):
        read_window("w", days, hours)


def test_jitter_is_the_same_for_one_turn_and_spread_over_many() -> None:
    most = timedelta(minutes=10)
    turns = [jitter("scan", MONDAY + timedelta(days=n), most) for n in range(50)]
    assert turns == [jitter("scan", MONDAY + timedelta(days=n), most) for n in range(50)]
    assert all(timedelta(0) <= late < most for late in turns) and len(set(turns)) == 50
    assert max(turns) - min(turns) > most / 2
