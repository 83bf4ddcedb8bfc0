"""Register files: what people really type is understood, and each mistake is named where it stands."""

from __future__ import annotations

import codecs
import gc
import io
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from ipaddress import ip_network
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from inventory.register import RegisterError, check_register, merge_registers
from inventory.register.columns import IGNORED_COLUMNS, SHEET_OF, plain
from inventory.register.file import read_register, write_template
from inventory.words import Agency, DeclaredCount, InputError, Level, Link, Network, Register, Title, Website

Rows = list[list[object]]

SHEETS: dict[str, Rows] = {
    "levels": [["code", "name_vi", "name_en", "rank", "part"], ["tinh", "Cấp tỉnh", "Province", 1, "no"]],
    "agencies": [
        ["code", "name_vi", "level", "parent", "valid_from", "valid_to", "successor"],
        ["001", "Sở Y tế", "tinh", None, date(2015, 1, 1), None, None],
        ["002", "Sở Tài chính", "tinh", "001", "2020-01-31", "30/06/2025", "001"],
    ],
    "networks": [
        ["code", "agency", "prefix", "purpose", "scan", "credentials"],
        ["N1", "001", "192.168.1.0/24", "lan", "yes", "a b"],
    ],
    "links": [["code", "agency", "kind", "address", "contracted_mbps"], ["L1", "001", "mtslcd", "10.0.0.1", 100]],
    "counts": [["agency", "key", "value", "day", "document"], ["001", "officials", 12, "2025-12-31", "BC 1"]],
    "websites": [["url", "agency", "title"], ["https://yte.example.vn/", "001", "Trang"]],
}

REGISTER = Register(
    (Level("tinh", Title("Cấp tỉnh", "Province"), 1),),
    (
        Agency("001", Title("Sở Y tế", "Sở Y tế"), "tinh", None, date(2015, 1, 1)),
        Agency(
            "002", Title("Sở Tài chính", "Sở Tài chính"), "tinh", "001", date(2020, 1, 31), date(2025, 6, 30), "001"
        ),
    ),
    (Network("N1", "001", ip_network("192.168.1.0/24"), "lan", True, ("a", "b")),),
    (Link("L1", "001", "mtslcd", "10.0.0.1", "", 100.0),),
    (DeclaredCount("001", "officials", 12, date(2025, 12, 31), "BC 1"),),
    (Website("https://yte.example.vn/", "001", "Trang"),),
)


def workbook(path: Path, sheets: dict[str, Rows], change: Callable[[openpyxl.Workbook], object] | None = None) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    if change:
        change(book)
    book.save(path)
    return path


def changed(sheet: str, row: int, column: int, value: object) -> dict[str, Rows]:
    """The good sheets with one cell changed; row and column as spreadsheets count."""
    sheets = {name: [list(cells) for cells in rows] for name, rows in SHEETS.items()}
    sheets[sheet][row - 1][column - 1] = value
    return sheets


def problems(path: Path, language: str = "en", existing: Register | None = None) -> list[str]:
    with pytest.raises(RegisterError) as caught:
        read_register(path, existing)
    head, *lines = caught.value.text(language).splitlines()
    assert path.name in head
    return [line.removeprefix("- ") for line in lines]


def csv_folder(path: Path, sheets: dict[str, Rows], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path.mkdir(exist_ok=True)
    for name, rows in sheets.items():
        text = "\r\n".join(delimiter.join("" if v is None else str(v) for v in row) for row in rows)
        (path / f"{name}.csv").write_bytes(text.encode(encoding))
    return path


# --- what is understood ----------------------------------------------------------------------------------------------


def test_a_workbook(tmp_path: Path) -> None:
    assert read_register(workbook(tmp_path / "so.xlsx", SHEETS)) == REGISTER


def test_vietnamese_names_without_accents_in_any_order(tmp_path: Path) -> None:
    sheets: dict[str, Rows] = {
        "CAP": [["Thu bac", "Mã cấp *", "Tên cấp"], [1, "tinh", "Cấp tỉnh"]],
        "Cơ quan": [
            ["STT", "Mã cơ quan", "Tên cơ quan", "Cấp", "Cơ quan cha", "Từ ngày", "Đến ngày", "Ghi chú"],
            [1, "001", "Sở Y tế", "tinh", "", "1/1/2015", "", "xem lại"],
        ],
        unicodedata.normalize("NFD", "Mạng"): [
            ["Mã mạng", "Mã cơ quan", unicodedata.normalize("NFD", "Dải địa chỉ"), "Mục đích", "Cho phép quét"],
            ["N1", "001", "10.0.0.0/24", "Trung tâm dữ liệu", "Có"],
            ["N2", "001", "2001:DB8:0::/48", "DMZ", "không"],
        ],
        "Đường truyền": [
            ["Mã", "Cơ quan", "Loại", "Băng thông (Mbps)", "Đi qua đường truyền", "Cổng TCP"],
            ["L1", "001", "CPNet", "12,5", "", ""],
            ["L2", "001", "CPNet", "", "L1", 443],
        ],
        "Số khai báo": [["Cơ quan", "Chỉ số", "Số lượng", "Ngày"], ["001", "officials", "1.250", "31-12-2025"]],
        "Trang web": [["Địa chỉ", "Cơ quan"], ["https://yte.example.vn/", "001"]],
        "Hướng dẫn": [["Đọc trước khi điền"]],
        "Sheet7": [],
    }
    register = read_register(workbook(tmp_path / "so.xlsx", sheets))
    assert register.levels == (Level("tinh", Title("Cấp tỉnh", "Cấp tỉnh"), 1),)
    assert register.agencies == (Agency("001", Title("Sở Y tế", "Sở Y tế"), "tinh", None, date(2015, 1, 1)),)
    assert register.networks == (
        Network("N1", "001", ip_network("10.0.0.0/24"), "data_centre", True),
        Network("N2", "001", ip_network("2001:db8::/48"), "dmz", False),
    )
    assert register.links[0].contracted_mbps == 12.5 and register.links[0].kind == "mtslcd"
    assert [(v.via, v.port) for v in register.links] == [(None, None), ("L1", 443)]
    assert register.counts == (DeclaredCount("001", "officials", 1250, date(2025, 12, 31)),)


def test_every_header_names_one_column_and_every_sheet_name_one_sheet() -> None:
    names = [plain(name) for sheet in SHEET_OF.values() for name in {plain(n) for n in sheet.names}]
    assert len(names) == len(set(names))
    for sheet in SHEET_OF.values():
        headers = [name for column in sheet.columns for name in {plain(n) for n in column.names}]
        assert len(headers) == len(set(headers)) and not IGNORED_COLUMNS & set(headers)


def test_texts_are_composed_and_trimmed(tmp_path: Path) -> None:
    sheets = changed("agencies", 2, 2, "  " + unicodedata.normalize("NFD", "Sở  Y\u00a0tế") + "\n")
    assert read_register(workbook(tmp_path / "so.xlsx", sheets)).agencies[0].title.vi == "Sở Y tế"


def test_titles_headings_and_empty_rows_are_skipped(tmp_path: Path) -> None:
    sheets = dict(SHEETS)
    header, *rows = SHEETS["agencies"]
    sheets["agencies"] = [["DANH SÁCH CƠ QUAN"], [], header, ["I. Cấp tỉnh"], rows[0], [None, " "], ["II."], rows[1]]

    def merge(book: openpyxl.Workbook) -> None:
        for row in (1, 4, 7):
            book["agencies"].merge_cells(start_row=row, end_row=row, start_column=1, end_column=7)

    assert read_register(workbook(tmp_path / "so.xlsx", sheets, merge)) == REGISTER


def test_a_number_shown_with_leading_zeros_is_that_code(tmp_path: Path) -> None:
    def as_numbers(book: openpyxl.Workbook) -> None:
        for place in ("agencies:A2", "agencies:D3", "networks:B2"):
            sheet, cell = place.split(":")
            book[sheet][cell] = 1
            book[sheet][cell].number_format = "000"

    assert read_register(workbook(tmp_path / "so.xlsx", SHEETS, as_numbers)) == REGISTER


def test_a_template_is_a_register_with_notes(tmp_path: Path) -> None:
    path = tmp_path / "mau.xlsx"
    write_template(path)
    register = read_register(path)
    assert all(len(getattr(register, name)) == 1 for name in SHEET_OF)
    assert check_register(register) == []
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Hướng dẫn", "Cấp", "Cơ quan", "Mạng", "Đường truyền", "Số khai báo", "Trang web"]
    assert [cell.value for cell in book["Mạng"][1]][:3] == ["Mã mạng *", "Mã cơ quan *", "Dải địa chỉ *"]
    note = book["Mạng"]["E1"].comment
    assert note is not None and note.text == "scan: có hoặc không. Để trống: không.\nyes or no. Empty: no."
    # A code typed into the template stays text.
    assert book["Cơ quan"]["A300"].number_format == "@"


def test_reading_twice_changes_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path / "so.xlsx", SHEETS)
    stored, _ = merge_registers(Register(), read_register(path))
    again, changes = merge_registers(stored, read_register(path, stored))
    assert again == stored
    assert not any(change.added or change.changed for change in changes.values())


# --- CSV -------------------------------------------------------------------------------------------------------------

TEXT_SHEETS: dict[str, Rows] = changed("agencies", 2, 5, "2015-01-01")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_folder_of_csv_files(tmp_path: Path, delimiter: str, encoding: str) -> None:
    assert read_register(csv_folder(tmp_path / "so", TEXT_SHEETS, delimiter, encoding)) == REGISTER


def to_cp1258(text: str) -> bytes:
    """As old Windows writes Vietnamese: base letters with circumflex, breve or horn, and tone marks after them."""
    parts = []
    for character in text:
        try:
            parts.append(character.encode("cp1258"))
        except UnicodeEncodeError:
            decomposed = unicodedata.normalize("NFD", character)
            tone = next(c for c in decomposed if c in "\u0300\u0301\u0303\u0309\u0323")
            base = unicodedata.normalize("NFC", decomposed.replace(tone, ""))
            parts.append((base + tone).encode("cp1258"))
    return b"".join(parts)


PANGRAM = "Ủy ban nhân dân xã Đạo Đức, Hổ Sơn, Nguyễn Trãi, Quế Võ, Kỳ Sơn, ỹ ữ ằ ẵ ẩ ộ ợ"


def test_windows_1258(tmp_path: Path) -> None:
    (tmp_path / "levels.csv").write_bytes(to_cp1258(f'code,name_vi,rank\nxa,"{PANGRAM}",1\n'))
    assert read_register(tmp_path / "levels.csv").levels[0].title.vi == PANGRAM


@pytest.mark.parametrize("name", ["cơ quan.csv", "CO-QUAN.csv", "agencies.CSV"])
def test_a_single_csv_file_adds_to_what_is_stored(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("sep=;\ncode;name_vi;level\n003;Sở Ba;tinh\n")
    assert read_register(path, REGISTER).agencies == (Agency("003", Title("Sở Ba", "Sở Ba"), "tinh"),)
    assert problems(path) == [f"{path.stem}, row 2, column level: found “tinh”, expected the code of a level"]


CSV_WRONG: dict[str, tuple[bytes, str]] = {
    "TCVN3": (
        b"code,name_vi,rank\nxa,\"C\xcap x\xb7, \xae\xa7n v\xde\",1\n",
        "levels.csv: found characters not of Vietnamese ® · ṽ (TCVN3, VNI?), "
        "expected a CSV file in UTF-8 (Excel: save as “CSV UTF-8”)",
    ),
    "no encoding at all": (
        b"code,name_vi,rank\nxa,\x9d\xd2\xff,1\n",
        "levels.csv: found byte 22, which is no cp1258, expected a CSV file in UTF-8 (Excel: save as “CSV UTF-8”)",
    ),
    "half of UTF-16": (
        "code,name_vi,rank\n".encode("utf-16")[:-1],
        "levels.csv: found byte 37, which is no utf-16, expected a CSV file in UTF-8 (Excel: save as “CSV UTF-8”)",
    ),
    "a quote that is never closed": (
        b'code,name_vi,rank\nxa,"X\xc3\xa3,1\nhuyen,H,2\n',
        "levels.csv: found a wrong mark in line 3 (unexpected end of data), expected a well-formed CSV file",
    ),
    "a formula": (
        b'code,name_vi,rank\nxa,"=HYPERLINK(""x"")",1\n',
        "levels, row 2, column name_vi: found the formula “=HYPERLINK(\"x\")”, expected a value",
    ),
    "a value under no header": (
        b"code,name_vi,rank\nxa,X,1,lost\n",
        "levels, row 2, column D: found “lost”, expected a header above it",
    ),
    "NUL": (
        b"code,name_vi,rank\nxa,X\0Y,1\n",
        "levels, row 2, column name_vi: found “X\\x00Y”, expected text without control characters",
    ),
    "an invisible character": (
        "code,name_vi,rank\nx\u200ba,X,1\n".encode(),
        "levels, row 2, column code: found “x\\u200ba”, expected text without control characters",
    ),
    "no header": (
        b"xa,X,1\n",
        "levels, row 1: found the column “xa”, expected one of code (Mã cấp), name_vi (Tên cấp), "
        "name_en (Tên tiếng Anh), rank (Thứ bậc), part (Là bộ phận)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV_WRONG)
def test_what_is_wrong_with_a_csv_file(tmp_path: Path, name: str) -> None:
    content, expected = CSV_WRONG[name]
    (tmp_path / "levels.csv").write_bytes(content)
    assert problems(tmp_path / "levels.csv")[0] == expected


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "so.xls").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name, expected in {
        "none.xlsx": ("không có tệp này", "no such file"),
        "so.xls": ("gặp tệp “.xls”, cần .xlsx hoặc .csv", "found “.xls”, expected .xlsx or .csv"),
        "empty": (
            "không có tệp .csv, cần levels, agencies, networks, links, counts, websites.csv",
            "found no .csv file, expected levels, agencies, networks, links, counts, websites.csv",
        ),
    }.items():
        with pytest.raises(InputError) as caught:
            read_register(tmp_path / name)
        assert caught.value.told == Title(*(f"{tmp_path / name}: {text}" for text in expected))


def test_a_csv_file_of_an_unknown_name(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "so", TEXT_SHEETS | {"netwroks": [["code"], ["N9"]]})
    assert problems(folder) == [
        "netwroks: found the sheet “netwroks”, expected one of levels, Cấp, agencies, Cơ quan, networks, Mạng, links, "
        "Đường truyền, counts, Số khai báo, websites, Trang web; the nearest is “networks”"
    ]


# --- one mistake, one message ----------------------------------------------------------------------------------------

AS_TEXT = "expected a code as text: format the column as Text and type it again, for a number loses its leading zeros"
A_DAY = "expected a day such as 2025-07-01 or 01/07/2025"

CELLS: dict[str, tuple[str, int, int, object, str]] = {
    "a number for a code": ("agencies", 2, 1, 101, f"agencies, row 2, column code: found the number “101”, {AS_TEXT}"),
    "a number for a parent": (
        "agencies", 3, 4, 1, f"agencies, row 3, column parent: found the number “1”, {AS_TEXT}",
    ),
    "a date for a code": (
        "agencies", 2, 1, date(2025, 2, 1),
        "agencies, row 2, column code: found the date “2025-02-01”, "
        "expected text: format the column as Text and type it again",
    ),
    "a code with a space": (
        "networks", 2, 1, "N 1", "networks, row 2, column code: found “N 1”, expected a code without spaces",
    ),
    "nothing for a code": ("levels", 2, 1, None, "levels, row 2, column code: found an empty cell, expected a code"),
    "nothing for a name": ("levels", 2, 2, " ", "levels, row 2, column name_vi: found an empty cell, expected text"),
    "text for a number": (
        "levels", 2, 4, "một", "levels, row 2, column rank: found “một”, expected a whole number such as 12",
    ),
    "a part of a number": (
        "counts", 2, 3, 12.5, "counts, row 2, column value: found the number “12.5”, "
        "expected a whole number such as 12",
    ),
    "a number that may be another": (
        "links", 2, 5, "1.000", "links, row 2, column contracted_mbps: found “1.000”, expected a number such as 12.5",
    ),
    "a truth value for a number": (
        "levels", 2, 4, True,
        "levels, row 2, column rank: found the truth value “True”, expected a whole number such as 12",
    ),
    "neither yes nor no": (
        "networks", 2, 5, "maybe", "networks, row 2, column scan: found “maybe”, expected yes or no",
    ),
    "a day that there is not": (
        "agencies", 2, 5, "31/06/2025", f"agencies, row 2, column valid_from: found “31/06/2025”, {A_DAY}",
    ),
    "a year of two digits": (
        "agencies", 2, 5, "1/6/25", f"agencies, row 2, column valid_from: found “1/6/25”, {A_DAY}",
    ),
    "a time of day": ("agencies", 2, 5, time(7, 30), f"agencies, row 2, column valid_from: found “07:30:00”, {A_DAY}"),
    "a day as a number": (
        "counts", 2, 4, 46000,
        "counts, row 2, column day: found the number “46000”, expected a day: format the cell as Date",
    ),
    "a range with host bits": (
        "networks", 2, 3, "10.1.2.5/24",
        "networks, row 2, column prefix: found “10.1.2.5/24”, expected an address range such as 10.1.2.0/24; "
        "the nearest is “10.1.2.0/24”",
    ),
    "a range without a length": (
        "networks", 2, 3, "10.1.2.5",
        "networks, row 2, column prefix: found “10.1.2.5”, expected an address range such as 10.1.2.0/24; "
        "the nearest is “10.1.2.5/32”",
    ),
    "no range": (
        "networks", 2, 3, "10.1.2.0-255",
        "networks, row 2, column prefix: found “10.1.2.0-255”, expected an address range such as 10.1.2.0/24",
    ),
    "a formula": (
        "agencies", 2, 2, '=A2&" Y tế"',
        "agencies, row 2, column name_vi: found the formula “=A2&\" Y tế\"”, expected a value",
    ),
    "an error": (
        "agencies", 2, 2, "#REF!",
        "agencies, row 2, column name_vi: found the error “#REF!”, expected a value",
    ),
    "an unknown level": (
        "agencies", 2, 3, "tihn",
        "agencies, row 2, column level: found “tihn”, expected the code of a level; the nearest is “tinh”",
    ),
    "an unknown agency": (
        "websites", 2, 2, "01",
        "websites, row 2, column agency: found “01”, expected the code of an agency; the nearest is “001”",
    ),
    "an unknown purpose": (
        "networks", 2, 4, "Văn phòng",
        "networks, row 2, column purpose: found “van_phong”, expected one of lan, wan, data_centre, dmz",
    ),
    "a cycle": (
        "agencies", 3, 4, "002",
        "agencies, row 3, column parent: found 002 → 002, expected a tree without a cycle",
    ),
    "an unknown column": (
        "agencies", 1, 4, "parrent",
        "agencies, row 1: found the column “parrent”, expected one of code (Mã cơ quan), name_vi (Tên cơ quan), "
        "name_en (Tên tiếng Anh), level (Mã cấp), parent (Mã cơ quan cha), valid_from (Từ ngày), valid_to (Đến ngày), "
        "successor (Mã cơ quan kế thừa); the nearest is “parent”",
    ),
    "a column twice": (
        "agencies", 1, 7, "Đến ngày",
        "agencies, row 1: found the column “Đến ngày”, expected each column once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_one_mistake_is_one_problem(tmp_path: Path, name: str) -> None:
    sheet, row, column, value, expected = CELLS[name]
    # A code that could not be read is missed where it is referred to, and only there is more said.
    said = problems(workbook(tmp_path / "so.xlsx", changed(sheet, row, column, value)))
    assert expected in said
    if not (column == 1 or (sheet, row) == ("agencies", 1)):
        assert said == [expected]


def test_the_whole_message_in_both_languages(tmp_path: Path) -> None:
    sheets = changed("agencies", 2, 5, "31/06/2025")
    sheets["networks"][1][1] = "O01"
    path = workbook(tmp_path / "so.xlsx", {"Cơ quan" if n == "agencies" else n: rows for n, rows in sheets.items()})
    with pytest.raises(RegisterError) as caught:
        read_register(path)
    told = caught.value.told
    assert f"{told.vi}\n{told.en}" == (
        "sổ đăng ký so.xlsx: 2 lỗi; chưa nhập dòng nào\n"
        "- Cơ quan, dòng 2, cột valid_from: gặp “31/06/2025”, cần ngày dạng 01/07/2025 hoặc 2025-07-01\n"
        "- networks, dòng 2, cột agency: gặp “O01”, cần mã của một cơ quan; gần nhất là “001”\n"
        "register so.xlsx: 2 problems; nothing was taken in\n"
        "- Cơ quan, row 2, column valid_from: found “31/06/2025”, expected a day such as 2025-07-01 or 01/07/2025\n"
        "- networks, row 2, column agency: found “O01”, expected the code of an agency; the nearest is “001”"
    )


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    sheets = changed("levels", 2, 4, "một")
    sheets["agencies"][2][2] = "?"
    sheets["agencies"][2][5] = "hôm nay"
    sheets["counts"][1][2] = -3
    sheets["websites"][1][0] = "yte.example.vn"
    assert problems(workbook(tmp_path / "so.xlsx", sheets)) == [
        "levels, row 2, column rank: found “một”, expected a whole number such as 12",
        f"agencies, row 3, column valid_to: found “hôm nay”, {A_DAY}",
        "agencies, row 3, column level: found “?”, expected the code of a level",
        "counts, row 2, column value: found “-3”, expected a number from 0 to 2000000000",
        "websites, row 2, column url: found “yte.example.vn”, expected an address such as https://host.name/",
    ]


def test_a_workbook_without_a_register(tmp_path: Path) -> None:
    assert problems(workbook(tmp_path / "so.xlsx", {"Sheet1": [], "Guide": [["x"]]})) == [
        "so.xlsx: found no sheet of a register, expected one of levels (Cấp), agencies (Cơ quan), networks (Mạng), "
        "links (Đường truyền), counts (Số khai báo), websites (Trang web)"
    ]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    sheets = dict(SHEETS) | {"websites": [["url"], ["https://yte.example.vn/"]]}
    assert problems(workbook(tmp_path / "so.xlsx", sheets)) == [
        "websites, row 1: found a column missing, expected the column “Mã cơ quan” (agency)"
    ]


def test_a_sheet_twice_and_an_unknown_sheet(tmp_path: Path) -> None:
    sheets = dict(SHEETS) | {"Cơ quan": SHEETS["agencies"], "lniks": SHEETS["links"]}
    twice, unknown = problems(workbook(tmp_path / "so.xlsx", sheets))
    assert twice == "Cơ quan: found “Cơ quan”, a second time, expected each sheet once"
    assert unknown.startswith("lniks: found the sheet “lniks”") and unknown.endswith("the nearest is “links”")


def test_cells_merged_downwards_are_named(tmp_path: Path) -> None:
    sheets = dict(SHEETS)
    sheets["networks"] = [*SHEETS["networks"], ["N2", None, "10.0.0.0/24", "lan", "no", None]]

    def merge(book: openpyxl.Workbook) -> None:
        book["networks"].merge_cells("B2:B3")

    assert problems(workbook(tmp_path / "so.xlsx", sheets, merge)) == [
        "networks, row 3, column agency: found a merged cell, expected a value of its own in each row"
    ]


def test_a_day_with_a_time_is_that_day(tmp_path: Path) -> None:
    sheets = changed("agencies", 2, 5, datetime(2015, 1, 1, 0, 0))  # noqa: DTZ001
    assert read_register(workbook(tmp_path / "so.xlsx", sheets)) == REGISTER


# --- files made to harm ----------------------------------------------------------------------------------------------


def rewritten(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_workbook_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "so.xlsx", SHEETS)
    rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * (80 << 20))
    assert path.stat().st_size < 1 << 20
    (line,) = problems(path)
    assert line.startswith("so.xlsx: found ") and line.endswith("80 MB unpacked, expected at most 1000, 64 MB")


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "so.xlsx", SHEETS)
    head = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: head + xml)
    assert problems(path) == [
        "so.xlsx: found a damaged or other file (ValueError), expected an undamaged Excel .xlsx file"
    ]


def test_a_row_beyond_all_rows_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "so.xlsx", SHEETS)
    rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'<row r="2"', b'<row r="99999999999"'))
    assert problems(path) == ["so.xlsx: found row 1048577, expected rows up to 1048576"]


def test_a_merged_range_of_a_whole_sheet_costs_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path / "so.xlsx", SHEETS, lambda book: book["levels"].merge_cells("H1:H2"))
    rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'"H1:H2"', b'"H1:XFD1048576"'))
    assert read_register(path) == REGISTER


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0 an old workbook", b"<html></html>"])
def test_what_is_no_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "so.xlsx"
    path.write_bytes(content)
    assert problems(path) == [
        "so.xlsx: found a damaged or other file (BadZipFile), expected an undamaged Excel .xlsx file"
    ]


def test_a_damaged_workbook_leaves_no_open_file(tmp_path: Path) -> None:
    path = workbook(tmp_path / "so.xlsx", SHEETS)
    rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: xml[:74] + b"<" + xml[83:])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert len(problems(path)) == 1
        gc.collect()
    assert [str(warning.message) for warning in told if warning.category is ResourceWarning] == []


# --- anything at all -------------------------------------------------------------------------------------------------


def survive(path: Path) -> None:
    try:
        register = read_register(path)
    except InputError as error:
        assert str(error)
    else:
        assert check_register(register) == []


texts = st.text(max_size=12) | st.sampled_from(
    ["tinh", "001", "=A1", "1/1/2025", "lan", "có", "10.0.0.0/8", '"', "\ufeff"]
)


@given(content=st.binary(max_size=200), name=st.sampled_from(list(SHEETS)))
@example(b"", "levels")
@example(codecs.BOM_UTF16_LE, "levels")
@example(codecs.BOM_UTF8 + b"\xff", "levels")
@example(b"sep=", "levels")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_register_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_bytes(content)
    survive(path)


@given(
    rows=st.lists(st.lists(texts, min_size=4, max_size=8), max_size=4),
    name=st.sampled_from(list(SHEETS)),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_are_a_register_or_refused(
    tmp_path: Path, rows: list[list[str]], name: str, delimiter: str, encoding: str
) -> None:
    lines = [delimiter.join(str(v) for v in SHEETS[name][0]), *(delimiter.join(row) for row in rows)]
    path = tmp_path / f"{name}.csv"
    path.write_bytes("\n".join(lines).encode(encoding, "replace"))
    survive(path)


def _packed() -> bytes:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    assert isinstance(page, Worksheet)
    page.title = "levels"
    for row in SHEETS["levels"]:
        page.append(row)
    file = io.BytesIO()
    book.save(file)
    stored = io.BytesIO()
    with zipfile.ZipFile(file) as packed, zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as archive:
        for name in packed.namelist():
            archive.writestr(name, packed.read(name))
    return stored.getvalue()


PACKED = _packed()


@given(damage=st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_damaged_workbook_is_a_register_or_refused(tmp_path: Path, damage: list[tuple[int, int]]) -> None:
    content = bytearray(PACKED)
    for place, byte in damage:
        content[place] = byte
    path = tmp_path / "so.xlsx"
    path.write_bytes(content)
    survive(path)


@given(
    part=st.sampled_from(["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml",
                          "xl/_rels/workbook.xml.rels"]),
    cut=st.integers(0, 2000), size=st.integers(1, 60), put=st.sampled_from([b"", b"<", b"9", b'"', b"A1", b"<row/>"]),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
def test_a_workbook_with_a_damaged_part_is_a_register_or_refused(
    tmp_path: Path, part: str, cut: int, size: int, put: bytes
) -> None:
    path = tmp_path / "so.xlsx"
    path.write_bytes(PACKED)

    def change(xml: bytes) -> bytes:
        at = cut % len(xml)
        return xml[:at] + put + xml[at + size :]

    survive(rewritten(path, part, change))
