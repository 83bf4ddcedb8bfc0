"""The words of pages and command line: the same in both languages, none missing; how figures are written."""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import collectors.recording
from api.backups import DECLARED, FILES, PUSHED
from api.backups import STATES as BACKUP_STATES
from api.changes import CHANGE_COLUMNS
from api.contents import CONSOLE_LISTS
from api.gaps import LIST_COLUMNS, SUMMARY_COLUMNS
from api.meetings import COLUMNS
from api.netbox import PULLED
from api.programs import MACHINE_COLUMNS, PROGRAM_COLUMNS
from api.reporting import AHEAD_COLUMNS, FIGURE_COLUMNS, WAIVER_COLUMNS
from api.sites import LISTS
from api.speaking import Speaker, clean
from api.wording import WORDS, clock, day, number, percent
from collectors.reading import explain, origins
from collectors.recording.left_out import LEFT_OUT
from collectors.recording.places import KINDS_OF_TEXT
from exporters.netbox.writing import KINDS as WRITTEN
from exporters.netbox.writing import LEFT
from inventory.goals import DUE_BASES, REPORTS, TARGET_BASES
from inventory.identity import KINDS
from inventory.netbox import DRIFTS
from inventory.netbox import LEFT_OUT as NETBOX_LEFT_OUT
from inventory.register import LINK_KINDS, PURPOSES
from inventory.store import consoles, host_lists
from inventory.store.security import STATES
from inventory.store.tables import goal_count, period_count
from inventory.vocabulary import POPULATIONS, REGISTER_COLUMNS, load
from inventory.words import ALL_LEVELS, SEVERITIES, CoverageStatus, Fact, Outcome, Proof, Severity, Status, Value
from tests.api.named import named_words

AT = datetime(2026, 3, 31, 20, 5, tzinfo=UTC)
VI, EN = (Speaker(language, load()) for language in ("vi", "en"))


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _expected() -> set[str]:
    """Every word that the code, the templates and what the data may name ask for."""
    names = {name for _, name in named_words() if name and not name.endswith(":")}
    names |= {f"{family}:{name}" for family, named in FAMILIES.items() for name in named}
    return names | {column for columns in REGISTER_COLUMNS.values() for column in columns} | SAID


def _scrubbed() -> set[str]:
    """What a recording leaves out, and by which names what it replaces is told."""
    code = "".join(path.read_text(encoding="utf-8") for path in Path(collectors.recording.__file__).parent.glob("*.py"))
    given = set(re.findall(r"""\b(?:_give|_giving|_numbered|name|number|octets|shape)\(\s*"([\w ]+)\"""", code))
    return given | {*LEFT_OUT, *KINDS_OF_TEXT} | set(re.findall(r'left_out\["([^"]+)"\]', code))


COUNTED_COLUMNS = {column.name for table in (period_count, goal_count) for column in table.c} - {
    "id", "first", "last", "proof", "replaced"
} | {"measured"}  # fmt: skip
SAID = {str(status) for status in (*Status, *CoverageStatus)} | {"and", "or", "not", "in", "like", "true", "false"}
"""What answers, figures and expressions are made of."""
FAMILIES: dict[str, Collection[str]] = {
    "asked_of": (*POPULATIONS, "organisation"),
    "backup_job": ("good", "bad"),
    "backup_source": (FILES, PUSHED, DECLARED, "exporter", "veeam"),
    "backup_state": BACKUP_STATES,
    "basis": TARGET_BASES,
    "col": {column for key in load().keys.values() for column in key.columns},
    "danger": SEVERITIES,
    "due": DUE_BASES,
    "finding_state": STATES,
    "gaps": {*SUMMARY_COLUMNS, *LIST_COLUMNS, *CHANGE_COLUMNS, *FIGURE_COLUMNS, *AHEAD_COLUMNS, *WAIVER_COLUMNS},
    "head": {*PROGRAM_COLUMNS, *MACHINE_COLUMNS, *COUNTED_COLUMNS},
    "how": origins.KINDS,
    "id": KINDS,
    "kind": LINK_KINDS,
    # Levels are data and have names of their own; these are for figures from before the register was there.
    "level": (ALL_LEVELS, "province", "district", "commune"),
    "list": CONSOLE_LISTS,
    "list_means": CONSOLE_LISTS,
    "meetings": COLUMNS,
    "need": (Status.UNMET, Status.UNKNOWN),
    "netbox_drift": DRIFTS,
    "netbox_kind": {*PULLED, "tenant", "tenant group", "prefix", "circuit", "device", *WRITTEN},
    "netbox_left": LEFT,
    "netbox_left_out": NETBOX_LEFT_OUT,
    "problem": ("404", "422", "503"),
    "proof": [proof.name.lower() for proof in Proof],
    "purpose": PURPOSES,
    "record": ("doubtful", "in_indexes", "like_serials", "ports"),
    "reference": ("added", "changed", "removed"),
    "rejected": explain.REASONS,
    "reports": REPORTS,
    "role": load().keys["role"].one_of,
    "outcome": tuple(Outcome),
    "scan_change": ("new_host", "vanished_host", "new_port", "vanished_port", "changed_port"),
    "scan_state": ("running", "done", "broken_off", "cancelling", "cancelled"),
    "room": ("up", "down", "unknown"),
    "scrubbed": _scrubbed(),
    "severity": tuple(Severity),
    "left_host": host_lists.REASONS,
    "line": ("never", "last", "loss", "delay", "tcp", "behind", "silent", "via", "hop", "gateway"),
    "state": ("up", "degraded", "down", "unknown"),
    "site": LISTS,
    "site_state": ("up", "down", "error", "unknown"),
    "step": ("identify", "interfaces", "neighbours", "request"),
    "unplaced": consoles.REASONS,
}
"""Words whose name is put together from a family and what the data say."""


@pytest.mark.parametrize("language", WORDS)
def test_every_language_has_the_same_words_with_the_same_places_to_fill(language: str) -> None:
    assert WORDS[language].keys() == WORDS["en"].keys()
    assert [name for name, text in WORDS[language].items() if _places(text) != _places(WORDS["en"][name])] == []


def test_words_are_known_by_their_languages() -> None:
    assert {"vi", "en"} <= {*WORDS}
    assert "../vi" not in WORDS and "" not in WORDS


def test_the_code_names_words_only_of_families_that_are_known_here() -> None:
    named = [(place, name) for place, name in named_words() if name]
    assert len({name for place, name in named if place.endswith(".html")}) > 200
    assert len({name for place, name in named if place.endswith(".py")}) > 100
    assert [pair for pair in named if pair[1].endswith(":") and pair[1][:-1] not in FAMILIES] == []


@pytest.mark.parametrize("language", WORDS)
def test_every_word_that_is_asked_for_is_there_and_no_other(language: str) -> None:
    assert sorted(_expected() - WORDS[language].keys()) == []
    assert sorted(WORDS[language].keys() - _expected()) == []


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
