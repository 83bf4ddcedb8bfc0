"""Writing a register as the files that `read_register` takes: what comes back is what was written."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from inventory.refusing import cannot
from inventory.register.columns import SHEET_OF, Column, Sheet
from inventory.register.merge import Declared
from inventory.register.template import FORMATS
from inventory.text import guarded
from inventory.words import InputError, Register, Title

__all__ = ["write_register"]


def write_register(path: Path, register: Register) -> dict[str, int]:
    """Write an .xlsx file, or CSV files into a folder that is new or empty; how many rows of each sheet.

    Raises:
        InputError: the name is of neither, the folder holds something, or a file cannot be written.
    """
    if path.suffix.lower() not in (".xlsx", ""):
        raise InputError(
            Title(
                f"{path}: gặp đuôi tệp {path.suffix!r}, cần .xlsx, hoặc không có đuôi cho thư mục các tệp CSV",
                f"{path}: found the ending {path.suffix!r}, expected .xlsx, or none for a folder of CSV files",
            )
        )
    try:
        if path.suffix:
            _write_beside(path, lambda beside: _write_workbook(beside, register))
        else:
            _write_folder(path, register)
    except OSError as error:
        raise cannot(path, error) from None
    return {name: len(getattr(register, name)) for name in SHEET_OF}


def _write_beside(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under another name and rename it, so that what stood there stays where the writing fails."""
    beside = path.with_name(f".{path.name}.part")
    try:
        write(beside)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _write_folder(path: Path, register: Register) -> None:
    was_there = path.exists()
    path.mkdir(exist_ok=True)
    if any(path.iterdir()):
        # A file of another time beside them would be read as a part of it.
        raise InputError(
            Title(
                f"{path}: thư mục không rỗng, cần thư mục mới", f"{path}: the folder is not empty, expected a new one"
            )
        )
    written: list[Path] = []
    try:
        for sheet in SHEET_OF.values():
            written.append(path / f"{sheet.name}.csv")
            _write_beside(written[-1], partial(_write_sheet, sheet, register))
    except BaseException:
        # A part of a register would be read as a whole one.
        with suppress(OSError):
            for file in written:
                file.unlink(missing_ok=True)
            if not was_there:
                path.rmdir()
        raise


def _write_sheet(sheet: Sheet, register: Register, to: Path) -> None:
    # The mark by which Excel knows UTF-8.
    with to.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(column.name for column in sheet.columns)
        writer.writerows([_csv_text(value) for value in row] for row in _rows(sheet, register))


def _csv_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            # Three digits after a mark are read as thousands by some: they are written with more.
            whole, _, part = f"{value:.6f}".rstrip("0").rstrip(".").partition(".")
            return whole + (f".{part.ljust(4, '0') if len(part) == 3 else part}" if part else "")
        case date():
            return value.isoformat()
    return guarded(str(value))


def _write_workbook(path: Path, register: Register) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in SHEET_OF.values():
        page = book.create_sheet(sheet.title.vi)
        page.freeze_panes = "A2"
        for at, column in enumerate(sheet.columns, 1):
            page.cell(1, at, column.title.vi).font = Font(bold=True)
            page.column_dimensions[get_column_letter(at)].width = max(14, len(column.title.vi) + 4)
        for number, row in enumerate(_rows(sheet, register), 2):
            for at, (column, value) in enumerate(zip(sheet.columns, row, strict=True), 1):
                _put(page, number, at, column, value)
    book.save(path)


def _put(page: Worksheet, row: int, at: int, column: Column, value: object) -> None:
    cell = page.cell(row, at)
    cell.number_format = FORMATS.get(column.kind, "@")
    if isinstance(value, bool):
        value = "có" if value else "không"
    cell.value = value  # type: ignore[assignment]
    if isinstance(value, str) and cell.data_type == "f":
        # A name that begins with = is a name.
        cell.data_type = "s"


def _rows(sheet: Sheet, register: Register) -> Iterator[list[object]]:
    for item in getattr(register, sheet.name):
        values = _values(item)
        yield [values[column.name] for column in sheet.columns]


def _values(item: Declared) -> Mapping[str, object]:
    """A row's values by column; None for what is left empty."""
    values: dict[str, object] = {}
    for name in item.__dataclass_fields__:
        value = getattr(item, name)
        match value:
            case Title():
                values |= {"name_vi": value.vi, "name_en": None if value.en == value.vi else value.en}
            case tuple():
                values[name] = " ".join(value) or None
            case bool() | int() | float():
                values[name] = value
            case date():
                values[name] = None if value == date.min else value
            case None | "":
                values[name] = None
            case _:
                values[name] = str(value)
    return values
