"""The words of pages and command line: the same in both languages, none missing; how figures are written."""

from __future__ import annotations

import re
import string
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import api
from api.contents import CONSOLE_LISTS
from api.speaking import Speaker, clean
from api.wording import WORDS, clock, day, number, percent
from inventory.identity import KINDS
from inventory.register import LINK_KINDS, PURPOSES
from inventory.store import consoles
from inventory.vocabulary import load
from inventory.words import CoverageStatus, Fact, Proof, Severity, Status, Value

AT = datetime(2026, 3, 31, 20, 5, tzinfo=UTC)
VI, EN = (Speaker(language, load()) for language in ("vi", "en"))


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_words_with_the_same_places_to_fill() -> None:
    assert WORDS["vi"].keys() == WORDS["en"].keys()
    assert [name for name, text in WORDS["vi"].items() if _places(text) != _places(WORDS["en"][name])] == []


def test_every_word_that_a_template_names_is_there() -> None:
    templates = sorted((Path(api.__file__).parent / "templates").glob("*.html"))
    named = {
        (t.name, word) for t in templates for word in re.findall(r"""\bt\(\s*["']([\w:-]+)["']\s*[,)]""", t.read_text())
    }
    assert len(named) > 100
    assert [pair for pair in sorted(named) if pair[1] not in WORDS["vi"]] == []


def test_everything_that_data_may_name_has_a_word() -> None:
    wanted = {f"role:{role}" for role in load().keys["role"].one_of}
    wanted |= {f"purpose:{p}" for p in PURPOSES} | {f"kind:{k}" for k in LINK_KINDS} | {f"id:{k}" for k in KINDS}
    wanted |= {f"proof:{p.name.lower()}" for p in Proof} | {f"state:{s}" for s in ("up", "down", "unknown")}
    wanted |= {f"col:{column}" for key in load().keys.values() for column in key.columns}
    wanted |= {str(s) for s in (*Status, *CoverageStatus)} | {f"severity:{s}" for s in Severity}
    wanted |= {f"unplaced:{reason}" for reason in consoles.REASONS}
    wanted |= {f"{word}:{name}" for name in CONSOLE_LISTS for word in ("list", "list_means")}
    assert wanted - WORDS["vi"].keys() == set()


def test_shares_are_cut_and_never_rounded_up_to_a_target() -> None:
    assert [percent(share, "vi") for share in (2 / 3, 0.9999, 1.0, 0.0, None)] == [
        "66,6 %",
        "99,9 %",
        "100 %",
        "0 %",
        "–",
    ]
    assert percent(2 / 3, "en") == "66.6 %"


def test_numbers_and_times_in_both_languages() -> None:
    assert (number(1234567, "vi"), number(1234567, "en")) == ("1.234.567", "1,234,567")
    assert (number(1234.5, "vi"), number(1234.5, "en"), number(20.0, "vi")) == ("1.234,5", "1,234.5", "20")
    assert (day(date(2026, 3, 1), "vi"), day(date(2026, 3, 1), "en")) == ("01/03/2026", "1 Mar 2026")
    # Vietnam is seven hours ahead: there it is the next day already.
    assert (clock(AT, "vi"), clock(AT, "en")) == ("03:05 01/04/2026", "1 Apr 2026 03:05")


@pytest.mark.parametrize(
    ("key", "value", "vietnamese", "english"),
    [
        ("role", "vc_endpoint", "thiết bị hội nghị truyền hình", "video-conference endpoint"),
        ("answering", False, "không", "no"),
        ("uptime", 1_038_600.0, "12 ngày 30 phút", "12 d 30 min"),
        ("memory", 8.5 * 2**30, "8,5\u00a0GB", "8.5\u00a0GB"),
        ("loss", 0.125, "12,5\u00a0%", "12.5\u00a0%"),
        ("round_trip", 0.0123, "12,3\u00a0ms", "12.3\u00a0ms"),
        ("interface_count", 1048, "1.048", "1,048"),
        ("boot_time", AT, "03:05 01/04/2026", "1 Apr 2026 03:05"),
        ("version", None, "nguồn cho biết là không rõ", "the source states that it is unknown"),
    ],
)
def test_values_are_said_with_their_units(key: str, value: Value, vietnamese: str, english: str) -> None:
    fact = Fact(key, value, "snmp", AT)
    assert (VI.value(fact), EN.value(fact)) == (vietnamese, english)


def test_ages_are_said_in_their_two_largest_units() -> None:
    ages = (timedelta(hours=26), timedelta(days=8), timedelta(minutes=90), timedelta(0))
    assert [VI.age(age) for age in ages] == ["1 ngày 2 giờ", "8 ngày", "1 giờ 30 phút", "0 giây"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("firewalls_answering >= 1", "“Số tường lửa đang trả lời” ≥ 1"),
        (
            "role in ('mcu') and not answering",
            "“Vai trò” thuộc (thiết bị điều khiển đa điểm (MCU)) và không “Có trả lời”",
        ),
        ("kind = 'wan' and loss < most", "“Loại” = WAN và “Tỷ lệ mất gói” < 0,05"),
        ("version like 'it''s and <b>%'", "“Phiên bản phần mềm” giống ‘it's and <b>%’"),
    ],
)
def test_expressions_are_said_in_words(text: str, said: str) -> None:
    assert VI.expression(text, {"most": 0.05}) == said


def test_text_from_devices_is_cleaned_of_what_cannot_be_seen() -> None:
    assert clean("a\x00b\x1b[31m\u202egnp\ud800 Ma\u0301y\tvà\n") == "a\ufffdb\ufffd[31m\ufffdgnp\ufffd M\u00e1y\tvà\n"
