"""Register files as tables of cells: XLSX and CSV, read within limits and never calculated."""

from __future__ import annotations

import csv
import io
import re
import struct
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import openpyxl
from openpyxl.utils import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from inventory.text import unguarded
from inventory.words import Title

__all__ = ["Cell", "Row", "Table", "Unreadable", "read_csv", "read_workbook"]

FILE_LIMIT = 20 << 20
INFLATED_LIMIT = 64 << 20
PART_LIMIT = 16 << 20
"""Of the parts that are no sheets, such as the table of texts."""
HIGHEST_ROW = 1_048_576
MEMBER_LIMIT = 1_000
ROW_LIMIT = 50_000
COLUMN_LIMIT = 60
MERGE_LIMIT = 5_000

_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})"')
#: What damaged workbooks make openpyxl raise; it has no error of its own for them.
_DAMAGE = (
    zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError,
    zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, struct.error, AssertionError,
)  # fmt: skip


class Unreadable(Exception):
    """A file that is no table, with what was found and what was expected."""

    def __init__(self, found: Title, expected: Title) -> None:
        super().__init__(found.en)
        self.found = found
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cell holds: text, number, date, truth value or nothing."""

    value: object = None
    odd: Literal["", "formula", "error", "merged"] = ""
    """Why it has no value of its own: calculated, an error, or covered by a merged range that begins elsewhere."""
    width: int = 0
    """The number of digits that its number format shows ("00000" shows 7 as 00007); 0 for other formats."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see in it."""
        return self.value is None or (isinstance(self.value, str) and not self.value.strip())


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not empty, with its number as spreadsheets count."""

    number: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet or CSV file under the name that it has there."""

    name: str
    rows: Sequence[Row]


# --- XLSX ------------------------------------------------------------------------------------------------------------


def read_workbook(path: Path, *, headings: bool = False) -> list[Table]:
    """The sheets of an XLSX file; rows that are one wide heading are left out unless `headings`.

    Raises:
        Unreadable: it is no XLSX, too large, or inflates beyond the limit.
    """
    _check_size(path)
    expected = Title("một tệp Excel .xlsx nguyên vẹn", "an undamaged Excel .xlsx file")
    try:
        # Openpyxl warns of what it does not read, such as drop-down lists; nothing of that is data.
        # The file is opened here: of a damaged one, openpyxl would leave its own handle to the garbage collector.
        with path.open("rb") as file, zipfile.ZipFile(file) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_archive(archive)
            book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
            try:
                return [_read_sheet(sheet, archive, headings) for sheet in book.worksheets]
            finally:
                book.close()
    except _DAMAGE as error:
        name = type(error).__name__
        raise Unreadable(
            Title(f"tệp hỏng hoặc khác loại ({name})", f"a damaged or other file ({name})"), expected
        ) from error


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > FILE_LIMIT:
        limit = FILE_LIMIT >> 20
        raise Unreadable(
            Title(f"tệp {size >> 20} MB", f"a file of {size >> 20} MB"),
            Title(f"tối đa {limit} MB", f"at most {limit} MB"),
        )


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that inflates far beyond what a register needs; zipfile reads no more than is declared here."""
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    large = any(m.file_size > PART_LIMIT for m in members if not m.filename.startswith("xl/worksheets/"))
    if size > INFLATED_LIMIT or len(members) > MEMBER_LIMIT or large:
        limit = f"{MEMBER_LIMIT}, {INFLATED_LIMIT >> 20} MB"
        raise Unreadable(
            Title(
                f"{len(members)} phần, {size >> 20} MB khi giải nén", f"{len(members)} parts, {size >> 20} MB unpacked"
            ),
            Title(f"tối đa {limit}", f"at most {limit}"),
        )
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise zipfile.BadZipFile("compressed as no spreadsheet is")


def _read_sheet(sheet: object, archive: zipfile.ZipFile, headings: bool) -> Table:
    title: str = sheet.title  # type: ignore[attr-defined]
    merged = _merged_ranges(archive.read(sheet._worksheet_path))  # type: ignore[attr-defined]
    # The dimensions that a file states of itself may be wrong.
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    rows: list[Row] = []
    for number, cells in enumerate(sheet.iter_rows(), 1):  # type: ignore[attr-defined]
        if number > HIGHEST_ROW:
            # The file may say of a row that it is the 10^11th, and all before it would be gone through.
            found = Title(f"dòng {number}", f"row {number}")
            raise Unreadable(found, Title(f"đến dòng {HIGHEST_ROW}", f"rows up to {HIGHEST_ROW}"))
        read = [_read_cell(cell) for cell in cells[:COLUMN_LIMIT]]
        if all(cell.empty for cell in read):
            continue
        here = [m for m in merged if m[1] <= number <= m[3]]
        if here and not headings and _is_heading(read, here, number):
            continue
        rows.append(Row(number, [_mark_merged(cell, at, number, here) for at, cell in enumerate(read, 1)]))
        _check_rows(rows)
    return Table(title, rows)


def _merged_ranges(xml: bytes) -> list[tuple[int, int, int, int]]:
    """The merged ranges as first column, first row, last column, last row."""
    found = _MERGE.findall(xml)
    if len(found) > MERGE_LIMIT:
        raise Unreadable(
            Title(f"{len(found)} ô gộp", f"{len(found)} merged cells"), Title("không có ô gộp", "no merged cells")
        )
    ranges = [range_boundaries(ref.decode()) for ref in found]
    return [(a or 1, b or 1, c or 1, d or 1) for a, b, c, d in ranges]


def _is_heading(cells: Sequence[Cell], here: Sequence[tuple[int, int, int, int]], number: int) -> bool:
    """Whether all that the row holds spans several columns, as a title or the heading of a group of rows does."""
    wide = {m[0] for m in here if m[2] > m[0] and m[1] == number}
    return all(cell.empty or at in wide for at, cell in enumerate(cells, 1))


def _mark_merged(cell: Cell, at: int, number: int, here: Sequence[tuple[int, int, int, int]]) -> Cell:
    covered = cell.empty and any(m[0] <= at <= m[2] and (m[0], m[1]) != (at, number) for m in here)
    return Cell(None, "merged") if covered else cell


def _read_cell(cell: object) -> Cell:
    value, kind = getattr(cell, "value", None), getattr(cell, "data_type", "n")
    if kind == "f":
        return Cell(value if isinstance(value, str) and len(value) > 1 else "=…", "formula")
    if kind == "e":
        return Cell(str(value), "error")
    width = 0
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = str(getattr(cell, "number_format", ""))
        width = len(shown) if shown and set(shown) == {"0"} and len(shown) > 1 else 0
    return Cell(value, width=width)


def _check_rows(rows: Sequence[Row]) -> None:
    if len(rows) > ROW_LIMIT:
        raise Unreadable(
            Title(f"hơn {ROW_LIMIT} dòng", f"more than {ROW_LIMIT} rows"),
            Title(f"tối đa {ROW_LIMIT} dòng", f"at most {ROW_LIMIT} rows"),
        )


# --- CSV -------------------------------------------------------------------------------------------------------------

_DELIMITERS = ",;\t"
_ENCODING = Title(
    "tệp CSV mã hóa UTF-8 (Excel: Lưu thành “CSV UTF-8”)", "a CSV file in UTF-8 (Excel: save as “CSV UTF-8”)"
)
#: Letters of Vietnamese beside those of ASCII, composed (NFC), and the marks that offices use.
_VIETNAMESE = frozenset(
    unicodedata.normalize("NFC", base + mark)
    for base in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
    for mark in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
) | frozenset("đĐ–—‘’“”…•°§\u00a0«»ªº")


def read_csv(path: Path, name: str, *, delimiter: str | None = None, western: bool = False) -> Table:
    """One CSV file as a table; comma, semicolon or tab, UTF-8, UTF-16 or windows-1258.

    Args:
        delimiter: where it is known; otherwise found in the first lines.
        western: what cannot be Vietnamese is read as windows-1252 instead of refused.

    Raises:
        Unreadable: it is too large, in another encoding, or no CSV.
    """
    _check_size(path)
    raw = path.read_bytes()
    _check_kind(raw)
    text = _decode(raw, western)
    if text.count("\0") * 4 > len(text):
        # One among letters is a cell's mistake, and is named where it stands.
        raise Unreadable(Title("ký tự NUL, không phải văn bản", "NUL characters, which no text has"), _ENCODING)
    first, _, rest = text.partition("\n")
    if match := re.fullmatch(r"sep=(.)\r?", first):
        # Excel writes and hides this line.
        delimiter, text = match[1], rest
    delimiter = delimiter or _delimiter(text)
    # Strictly: a quote that is never closed would make one cell of the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        for number, record in enumerate(reader, 1):
            cells = [_csv_cell(value) for value in record[:COLUMN_LIMIT]]
            if not all(cell.empty for cell in cells):
                rows.append(Row(number, cells))
                _check_rows(rows)
    except csv.Error as error:
        line = reader.line_num
        raise Unreadable(
            Title(
                f"dấu sai ở hàng {line} ({error})",
                f"a wrong mark in line {line} ({error})",
            ),
            Title("tệp CSV đúng quy cách", "a well-formed CSV file"),
        ) from error
    return Table(name, rows)


_OTHER_KINDS = (
    (
        re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        Title("tệp Excel kiểu cũ (.xls), hoặc có mật khẩu", "an old Excel file (.xls), or one with a password"),
    ),
    (re.compile(rb"%PDF-"), Title("tệp PDF", "a PDF file")),
    (re.compile(rb"\{\\rtf"), Title("tệp RTF", "an RTF file")),
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|!doctype|html|head|table|meta|workbook)\b", re.IGNORECASE),
        Title("trang web hoặc XML đặt tên như bảng tính", "a web page or XML under the name of a table"),
    ),
    (
        re.compile(rb"\xff\xfe<\0[?!h]\0", re.IGNORECASE),
        Title("trang web hoặc XML đặt tên như bảng tính", "a web page or XML under the name of a table"),
    ),
)
"""What consoles export beside tables, by how it begins."""


def _check_kind(raw: bytes) -> None:
    for begins, found in _OTHER_KINDS:
        if begins.match(raw):
            expected = Title(
                "CSV, hoặc .xlsx không có mật khẩu (mở bằng Excel rồi lưu thành .xlsx)",
                "CSV, or .xlsx without a password (open it in Excel and save it as .xlsx)",
            )
            raise Unreadable(found, expected)


def _csv_cell(value: str) -> Cell:
    if (text := unguarded(value)) != value:
        return Cell(text)
    return Cell(value, "formula" if value.lstrip().startswith("=") else "")


def _delimiter(text: str) -> str:
    """The mark that stands most often in the first line that has one, outside quotes."""
    for line in text.splitlines()[:20]:
        bare = re.sub(r'"[^"]*"', "", line)
        if any(mark in bare for mark in _DELIMITERS):
            return max(_DELIMITERS, key=bare.count)
    return ","


def _decode(raw: bytes, western: bool) -> str:
    for encoding, marks in (("utf-8-sig", (b"\xef\xbb\xbf",)), ("utf-16", (b"\xff\xfe", b"\xfe\xff"))):
        if raw.startswith(marks):
            return _decode_as(raw, encoding)
    if raw[1:2] == b"\0" or raw[:1] == b"\0":
        return _decode_as(raw, "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        text = unicodedata.normalize("NFC", _decode_as(raw, "cp1258"))
    # Nearly any bytes are windows-1258. Only text of Vietnamese letters was written in it; TCVN3 and VNI do not.
    odd = sorted({c for c in text if not (c.isascii() or c in _VIETNAMESE)})
    if odd and western:
        return _decode_as(raw, "cp1252")
    if odd:
        shown = " ".join(odd[:8])
        raise Unreadable(
            Title(f"ký tự lạ {shown} (TCVN3, VNI?)", f"characters not of Vietnamese {shown} (TCVN3, VNI?)"),
            _ENCODING,
        )
    return text


def _decode_as(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        at = error.start
        raise Unreadable(
            Title(f"byte thứ {at + 1} không phải {encoding}", f"byte {at + 1}, which is no {encoding}"), _ENCODING
        ) from error
