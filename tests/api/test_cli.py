"""The command line as a person uses it: the installed program, its exit status, and where it writes what."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOPHU = Path(sys.executable).with_name("dophu")
REGISTER = Path(__file__).parent.parent / "lab" / "register"
PLANS = ["hau-giang-2015", "lao-cai-2018", "phu-tho-2014", "phu-yen-2021-2025", "vinh-phuc-2020"]
FIELDS = [
    "plan", "goal", "level", "target", "due", "counted", "met", "unmet", "unknown", "not_applicable", "waived",
    "declared", "proven", "possible", "status",
]  # fmt: skip


def dophu(folder: Path, *arguments: str, feed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith("DOPHU_")}
    return subprocess.run(
        [DOPHU, *arguments], cwd=folder, input=feed, capture_output=True, text=True, timeout=60, env=keep | environment
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the lab's register imported, made once."""
    folder = tmp_path_factory.mktemp("cli")
    assert dophu(folder, "init").returncode == 0
    imported = dophu(folder, "register", "import", str(REGISTER))
    assert imported.returncode == 0, imported.stderr
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder for one test."""
    shutil.copytree(made / "data", tmp_path / "data")
    return tmp_path


def test_coverage_is_json_with_every_goal_and_only_its_fields(folder: Path) -> None:
    done = dophu(folder, "coverage", "--plan", "vinh-phuc-2020", "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    assert all(list(row) == FIELDS for row in rows)
    assert len({row["goal"] for row in rows}) == 26
    firewall = {row["level"]: row for row in rows if row["goal"] == "agency_firewall"}
    assert {level: row["counted"] for level, row in firewall.items()} == {"province": 3, "district": 2, "all": 5}
    # Nothing was looked at yet: everything is possible and nothing proven.
    assert {(row["proven"], row["possible"], row["status"]) for row in firewall.values()} == {(0.0, 1.0, "open")}
    unmeasured = [row for row in rows if row["status"] == "not_measured"]
    assert unmeasured and all(row["proven"] is None and row["counted"] == 0 for row in unmeasured)


def test_the_table_is_there_in_both_languages(folder: Path) -> None:
    vietnamese = dophu(folder, "coverage", "--plan", "vinh-phuc-2020")
    english = dophu(folder, "coverage", "--plan", "vinh-phuc-2020", "--language", "en")
    assert "Cơ quan nhà nước cấp tỉnh, cấp huyện có tường lửa" in vietnamese.stdout
    assert "Chưa đo (11)" in vietnamese.stdout and "Not measured (11)" in english.stdout
    assert "mạng chưa được đọc hết" in vietnamese.stdout and "networks not read to the end" in english.stdout


def test_init_and_import_again_change_nothing(folder: Path) -> None:
    before = dophu(folder, "coverage", "--plan", "vinh-phuc-2020", "-o", "json").stdout
    key = (folder / "data" / "keys").read_bytes()
    assert dophu(folder, "init").returncode == 0
    again = dophu(folder, "register", "import", str(REGISTER), "--output", "json")
    assert all(counts["added"] == counts["changed"] == 0 for counts in json.loads(again.stdout).values())
    assert dophu(folder, "coverage", "--plan", "vinh-phuc-2020", "-o", "json").stdout == before
    assert (folder / "data" / "keys").read_bytes() == key


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (
            ["coverage", "--plan", "vinh-phuc-2021"],
            2,
            f"found the plan 'vinh-phuc-2021', expected one of {', '.join(PLANS)}",
        ),
        (
            ["coverage", "--plan", "vinh-phuc-2020", "--as-of", "tomorrow"],
            2,
            "found the time 'tomorrow', expected a date",
        ),
        (["coverage", "--plan", "vinh-phuc-2020", "--as-of", "2999-01-01"], 2, "which is in the future"),
        (
            ["coverage", "--plan", "vinh-phuc-2020", "--output", "xml"],
            2,
            "--output: found 'xml', expected table or json",
        ),
        (["coverage"], 2, "--plan"),
        (["discover", "--agency", "nobody"], 2, "found the agency 'nobody', expected a code of the register"),
        (["collect", "--only", "telepathy"], 2, "found the collector 'telepathy', expected one of icmp, vc, snmp"),
        (["serve", "--host", "0.0.0.0"], 2, "beyond loopback, set DOPHU_API_TOKEN"),
        (["token", "add", "nobody"], 2, "found the agency 'nobody', expected a code of the register"),
        (["asset", "merge", "998", "999", "why"], 2, "expected the id of a known asset"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_was_expected(
    folder: Path, arguments: list[str], status: int, told: str
) -> None:
    done = dophu(folder, *arguments, DOPHU_LANGUAGE="en")
    assert (done.returncode, done.stdout) == (status, "")
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["discover", "--agency", "nobody"], "gặp cơ quan 'nobody', cần một mã trong sổ đăng ký"),
        (["import", "counts", "none.csv"], "none.csv: không có tệp hoặc thư mục này"),
        (["import", "calendar", "none.ics"], "none.ics: không có tệp hoặc thư mục này"),
        (["import", "hosts", "none.csv", "--from", "zabbix"], "none.csv: không có tệp hoặc thư mục này"),
        (["import", "console", "none.csv", "--profile", "wsus"], "none.csv: không có tệp hoặc thư mục này"),
        (["import", "lifecycle", "none.json"], "none.json: không có tệp hoặc thư mục này"),
        (["register", "import", "none.xlsx"], "none.xlsx: không có tệp này"),
        (["import", "ksc", "127.0.0.1:9", "--credential", "none"], "không có thông tin xác thực 'none' loại ksc"),
        (["credential", "pin", "none", "nobody:0:0"], "cần địa chỉ IP, hoặc kèm cổng: 10.1.0.5:22"),
        (["credential", "remove", "none"], "gặp tên 'none', cần tên của một thông tin xác thực đã lưu"),
        (["credential", "add", "c", "--kind", "telnet"], "đầu vào chuẩn: dòng 1: cần một đối tượng JSON"),
        (["waiver", "end", "7"], "gặp miễn trừ 7, cần một số trong dophu waiver list"),
        (["maintenance", "end", "7"], "gặp lần bảo trì 7, cần một số trong dophu maintenance list"),
        (["schedule", "remove", "none"], "không có lịch 'none'; xem dophu schedule list"),
        (["scan", "show", "7"], "không có lần quét 7; xem dophu scan list"),
        (["restore", "none.dophu"], "none.dophu: không có tệp hoặc thư mục này"),
        (["verify", "none.zip"], "none.zip: không có tệp hoặc thư mục này"),
        (["serve", "--host", "0.0.0.0"], "ngoài loopback, hãy đặt DOPHU_API_TOKEN"),
        (["--config", "none.toml", "doctor"], "none.toml: không có tệp hoặc thư mục này"),
    ],
)
def test_wrong_use_is_told_in_vietnamese_where_that_is_asked_for(folder: Path, arguments: list[str], told: str) -> None:
    done = dophu(folder, *arguments, DOPHU_LANGUAGE="vi")
    assert done.returncode == 2 and told in done.stderr, done.stderr
    assert not re.search(r"\b(found|expected|the|is|no such)\b", done.stderr.lower()), done.stderr


def test_a_command_speaks_the_language_that_its_option_asks_for(folder: Path) -> None:
    wrong = ("coverage", "--plan", "none")
    assert "gặp kế hoạch 'none'" in dophu(folder, *wrong).stderr
    assert "found the plan 'none'" in dophu(folder, *wrong, "--language", "en").stderr
    assert "found the plan 'none'" in dophu(folder, *wrong, DOPHU_LANGUAGE="en").stderr
    assert "--language: " in dophu(folder, *wrong, "-l", "fr").stderr


def test_tables_have_heads_in_the_language_of_who_reads_them(folder: Path) -> None:
    tables = (("waiver", "list"), ("schedule", "list"), ("token", "list"), ("asset", "list"), ("reconcile", "console"))
    for table in tables:
        vi, en = (dophu(folder, *table, DOPHU_LANGUAGE=language).stdout.splitlines()[0] for language in ("vi", "en"))
        assert vi != en and not vi.isascii() and en.isascii(), table


def test_a_register_with_problems_is_refused_whole(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "agencies.csv"
    bad.write_text(
        "code,name_vi,level,parent\nso-moi,Sở Mới,provinse,\nso-hai,Sở Hai,province,so-ba\n", encoding="utf-8"
    )
    done = dophu(folder, "register", "import", str(bad))
    assert done.returncode == 2
    assert "provinse" in done.stderr and "so-ba" in done.stderr
    report = json.loads(dophu(folder, "coverage", "--plan", "vinh-phuc-2020", "-o", "json").stdout)
    assert next(r for r in report if (r["goal"], r["level"]) == ("agency_firewall", "all"))["counted"] == 5


def test_secrets_go_in_and_never_come_out(folder: Path) -> None:
    added = dophu(folder, "credential", "add", "lab-v2c", feed='{"community": "bi-mat-123"}')
    assert added.returncode == 0, added.stderr
    wrong = dophu(folder, "credential", "add", "x", "--kind", "snmp-v3", feed='{"user": "u", "passwort": "bi-mat-123"}')
    assert wrong.returncode == 2
    assert "found the field 'passwort', expected auth, auth_password, key_expansion, port, priv, " in wrong.stderr
    listed = dophu(folder, "credential", "list")
    assert listed.stdout == "lab-v2c\tsnmp-v2c\n"
    assert "bi-mat" not in added.stderr + wrong.stderr + listed.stdout
    assert b"bi-mat-123" not in (folder / "data" / "dophu.db").read_bytes()
    doctor = dophu(folder, "doctor", "--output", "json")
    found = {check["check"]: check for check in json.loads(doctor.stdout)}
    assert doctor.returncode == 1 and found["register"]["ok"] and not found["credentials"]["ok"]
    assert "lab-v2c" not in found["credentials"]["found"]


def test_without_init_the_doctor_and_every_command_say_so(tmp_path: Path) -> None:
    done = dophu(tmp_path, "judge")
    assert done.returncode == 1 and "dophu" in done.stderr and "Traceback" not in done.stderr
    doctor = dophu(tmp_path, "doctor")
    assert doctor.returncode == 1 and "-> dophu init" in doctor.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("concurency = 3", "concurency: Extra inputs are not permitted"),
        ("concurrency = 0", "concurrency: Input should be greater than or equal to 1"),
        ("data = [", "dophu.toml"),
        ('database = "mysql://x"', "found a database of kind 'mysql', expected sqlite or postgresql"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "dophu.toml").write_text(text, encoding="utf-8")
    done = dophu(tmp_path, "doctor")
    assert done.returncode in (1, 2)
    assert told in done.stderr and "Traceback" not in done.stderr


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    (tmp_path / "dophu.toml").write_text('data = "here"', encoding="utf-8")
    assert dophu(tmp_path, "init").returncode == 0 and (tmp_path / "here" / "dophu.db").exists()
    assert dophu(tmp_path, "init", DOPHU_DATA=str(tmp_path / "there")).returncode == 0
    assert (tmp_path / "there" / "dophu.db").exists()
