"""Reports of consoles as people save them: any encoding, any header of the profile, and files that are no tables."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.consoles import FIELDS, Report, load_profiles, read_report
from inventory.words import InputError, Value

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
PROFILES = load_profiles()
HEADERS = "Tên thiết bị;Địa chỉ IP;Nhóm;Lý do;Ngày cơ sở dữ liệu"
ROW = "PC-01;10.0.0.7;Phòng Tài chính;;27.11.2026 10:00:00"

#: What a cell of each kind of field may hold, in forms that every profile reads.
SAMPLES = {
    "hostname": "PC-01", "address": "10.0.0.7", "mac": "3C-52-82-00-0A-11", "serial": "7XK2QW3",
    "agency": "P. Tài chính", "reason": "", "name": "Endpoint", "version": "12.4", "console": "KSC",
    "flag": "Yes", "time": "2026-11-27 10:00:00", "count": "1,204",
}  # fmt: skip


def read(folder: Path, content: bytes, profile: str = "kaspersky", name: str = "report.csv") -> Report:
    path = folder / name
    path.write_bytes(content)
    return read_report(path, profile, NOW, reported_at=NOW)


def refused(folder: Path, content: bytes, name: str = "report.csv", profile: str = "kaspersky") -> str:
    with pytest.raises(InputError) as caught:
        read(folder, content, profile, name)
    assert str(caught.value).startswith(f"{name}: found ") and ", expected" in str(caught.value).replace(";", ",")
    return str(caught.value)


def table(*rows: str) -> bytes:
    return "\r\n".join([HEADERS, *rows]).encode()


def facts(report: Report, line: int = 0) -> dict[str, Value]:
    return {fact.key: fact.value for fact in report.lines[line].facts}


# --- profiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_every_header_of_a_profile_is_taken_for_its_field(tmp_path: Path, name: str) -> None:
    profile = PROFILES[name]
    for rank in range(max(len(headers) for headers in profile.columns.values())):
        shown = {field: headers[min(rank, len(headers) - 1)] for field, headers in profile.columns.items()}
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter="\t")
        writer.writerow(shown.values())
        writer.writerow([SAMPLES.get(field) or SAMPLES.get(FIELDS[field], "") for field in shown])
        report = read(tmp_path, buffer.getvalue().encode(), name)
        assert report.mapping == {header: field for field, header in shown.items()}
        assert (report.problems, [line.label for line in report.lines]) == ([], ["PC-01"]), shown


@pytest.mark.parametrize("name", PROFILES)
def test_every_word_of_a_profile_is_read(tmp_path: Path, name: str) -> None:
    profile = PROFILES[name]
    host = profile.columns["hostname"][0]
    for field, words in profile.words.items():
        for word, meaning in words.items():
            report = read(tmp_path, f"{host}\t{profile.columns[field][0]}\r\nPC-01\t{word}".encode(), name)
            key = field if field == "reboot_needed" else f"antivirus_{field}"
            assert facts(report)[key] is meaning, (field, word)


# --- how files are saved ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_any_encoding_and_mark(tmp_path: Path, encoding: str, mark: str) -> None:
    (line,) = read(tmp_path, f"{HEADERS}\r\n{ROW}".replace(";", mark).encode(encoding)).lines
    assert (line.hostname, line.address, line.agency) == ("PC-01", "10.0.0.7", "Phòng Tài chính")


def test_what_excel_puts_before_the_header_and_below_the_rows(tmp_path: Path) -> None:
    title = "sep=;\r\nBáo cáo trạng thái bảo vệ\r\n\r\n"
    report = read(tmp_path, f"{title}{HEADERS}\r\n{ROW}\r\nTổng số: 1\r\n".encode())
    assert (len(report.lines), report.problems) == (1, [])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # One of them tells which form the column has; where none does, the likelier form of the console is taken.
        (["03/04/2026", "25/04/2026"], [(4, 3), (4, 25)]),
        (["03/04/2026 01:00:00 PM", "04/25/2026 01:00:00 PM"], [(3, 4), (4, 25)]),
        (["03.04.2026 10:00:00"], [(4, 3)]),
        (["2026-04-03"], [(4, 3)]),
    ],
)
def test_dates_are_read_as_the_whole_column_has_them(
    tmp_path: Path, cells: list[str], expected: list[tuple[int, int]]
) -> None:
    report = read(tmp_path, table(*(f"PC-{n};;;;{cell}" for n, cell in enumerate(cells))))
    days = [facts(report, n)["signatures_at"] for n in range(len(cells))]
    assert [(d.month, d.day) for d in days if isinstance(d, datetime)] == expected


def test_a_date_in_the_future_is_named_and_its_row_left_out(tmp_path: Path) -> None:
    report = read(tmp_path, table("PC-01;;;;27.11.2027 10:00:00", ROW))
    assert [(p.row, p.column) for p in report.problems] == [(2, "Ngày cơ sở dữ liệu")]
    assert [line.row for line in report.lines] == [3]


# --- what is no table -------------------------------------------------------------------------------------------------

OTHERS = {
    "a web page": (b"\xef\xbb\xbf <HTML><body><table></table>", "a web page or XML under the name of a table"),
    "Excel's XML": (b'<?xml version="1.0"?><Workbook/>', "a web page or XML under the name of a table"),
    "a web page in UTF-16": ("<html>".encode("utf-16"), "a web page or XML under the name of a table"),
    "an old or locked workbook": (
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
        "an old Excel file (.xls), or one with a password",
    ),
    "a PDF": (b"%PDF-1.7\n", "a PDF file"),
    "UTF-32": (f"{HEADERS}\r\n{ROW}".encode("utf-32"), "NUL characters, which no text has"),
    "zeros": (b"\0" * 1000, "NUL characters, which no text has"),
    "a header alone": (HEADERS.encode(), "a header and no row below it"),
    "nothing": (b"", "an empty file"),
    "an open quote": (table('"PC-01;;;;'), "a wrong mark in line 2"),
    "a cell without end": (table("P" * 200_000), "a wrong mark in line 2"),
    "too many rows": (table(*(f"PC-{n}" for n in range(50_001))), "more than 50000 rows"),
    "another table": (b"Name of song;Year\r\nHello;1984", "the headers Name of song, Year"),
    "half of a zip": (b"PK\x03\x04" + b"\0" * 20, "a damaged or other file"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, found = OTHERS[name]
    assert found in refused(tmp_path, content)


def test_a_report_of_another_console_names_its_profile(tmp_path: Path) -> None:
    content = b"Computer;IPAddress;NeededCount;LastSyncTime\r\nPC-01;10.0.0.7;3;2026-11-27"
    assert "expected --profile wsus?" in refused(tmp_path, content)


def workbook(**parts: bytes) -> bytes:
    """A workbook with one machine, some of its parts changed: `sheet` for the first sheet's XML."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS.split(";"))
    sheet.append(ROW.split(";"))
    saved, changed = io.BytesIO(), io.BytesIO()
    book.save(saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            content = old.read(part)
            if part.endswith("sheet1.xml"):
                content = content.replace(b"<sheetData>", parts.get("before", b"<sheetData>"))
                content = content.replace(b"</sheetData>", parts.get("after", b"") + b"</sheetData>")
            new.writestr(part, content)
    return changed.getvalue()


def test_a_workbook(tmp_path: Path) -> None:
    assert [line.hostname for line in read(tmp_path, workbook(), name="report.xlsx").lines] == ["PC-01"]


def test_a_workbook_that_inflates_without_end_is_not_inflated(tmp_path: Path) -> None:
    bomb = workbook(after=b"<!--" + b" " * (100 << 20) + b"-->")
    assert len(bomb) < 1 << 20
    assert "MB unpacked" in refused(tmp_path, bomb, "report.xlsx")


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    entities = b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><sheetData>'
    assert "a damaged or other file" in refused(tmp_path, workbook(before=entities), "report.xlsx")


def test_formulas_and_errors_are_no_values(tmp_path: Path) -> None:
    report = read(tmp_path, table("=HYPERLINK(1);;;;", ROW))
    assert [(p.row, p.column, p.expected.en) for p in report.problems] == [
        (2, "Tên thiết bị", "a value, not a formula or an error")
    ]
    assert len(report.lines) == 1


CELLS = (
    st.sampled_from([*HEADERS.split(";"), "PC-1", "10.0.0.1", "=1", "", "27.11.2026", "1/1/1970", "N/A"]) | st.text()
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, max_size=6), max_size=8), st.sampled_from(sorted(PROFILES)), st.booleans())
def test_any_grid_is_a_report_or_refused(tmp_path: Path, grid: list[list[str]], profile: str, header: bool) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";").writerows([HEADERS.split(";"), *grid] if header else grid)
    try:
        report = read(tmp_path, buffer.getvalue().encode("utf-8", "surrogatepass"), profile)
    except InputError as error:
        assert "report.csv: " in str(error)
    else:
        # Nothing is lost without a word: a row is a line, a problem, or says nothing or one thing that names nobody.
        for line in report.lines:
            assert line.label and all(fact.observed_at <= NOW for fact in line.facts)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"]))
def test_any_bytes_are_a_report_or_refused(tmp_path: Path, content: bytes, begin: bytes) -> None:
    with pytest.raises(InputError):
        read(tmp_path, begin + content)
