"""An empty register file to fill in: Vietnamese headers with notes, and one example row on each sheet."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from inventory.register.cells import EXPECTED
from inventory.register.columns import SHEET_OF, Column

__all__ = ["FORMATS", "write_template"]

PREPARED_ROWS = 500
"""Rows whose cells are formatted, so that a code typed there stays text."""

FORMATS = {"day": "dd/mm/yyyy", "whole": "0", "number": "0.##"}
"""The number formats of Excel by the kind of a column; others hold text."""


def write_template(path: Path) -> None:
    """Write an XLSX file that `read_register` takes, examples included; they are to be replaced."""
    book = Workbook()
    guide = book.worksheets[0]
    guide.title = "Hướng dẫn"
    guide.column_dimensions["A"].width = 20
    guide.column_dimensions["B"].width = 110
    for sheet in SHEET_OF.values():
        guide.append([sheet.title.vi, sheet.note.vi])
        guide.append([f"({sheet.name})", sheet.note.en])
        page = book.create_sheet(sheet.title.vi)
        page.freeze_panes = "A2"
        for at, column in enumerate(sheet.columns, 1):
            head = page.cell(1, at, column.title.vi + (" *" if column.empty is None else ""))
            head.font = Font(bold=True)
            head.comment = _note(column)
            page.column_dimensions[get_column_letter(at)].width = max(14, len(column.title.vi) + 4)
            for row in range(2, PREPARED_ROWS + 2):
                page.cell(row, at).number_format = FORMATS.get(column.kind, "@")
            example = sheet.example.get(column.name)
            is_day = column.kind == "day" and isinstance(example, str)
            page.cell(2, at).value = date.fromisoformat(str(example)) if is_day else example
    for row in range(1, guide.max_row + 1):
        guide.cell(row, 1).font = Font(bold=True)
        guide.cell(row, 2).alignment = Alignment(wrap_text=True, vertical="top")
    book.save(path)


def _note(column: Column) -> Comment:
    expected = EXPECTED[column.kind]
    empty = column.empty
    lines = [
        f"{column.name}: {expected.vi}. " + ("Bắt buộc." if empty is None else f"Để trống: {empty.vi}."),
        f"{expected.en}. " + ("Required." if empty is None else f"Empty: {empty.en}."),
    ]
    return Comment("\n".join(lines), "Dophu", height=110, width=320)
