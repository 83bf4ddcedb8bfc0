"""Tables as files for spreadsheets: CSV and XLSX in which no text becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from api.speaking import clean

__all__ = ["Sheet", "csv_text", "plain", "workbook"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST, _NARROWEST = 38, 8
_A4 = 9
"""Paper sizes as ECMA-376 numbers them."""
_LONGEST = 32_767
"""Characters of a cell of Excel."""
_BOXED = 5_000
"""Rows that are drawn with lines and wrapped."""
_ROWS = 1_048_576
"""Rows of a sheet of Excel."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: lines above the table, its header and its rows."""

    title: str
    above: Sequence[str]
    header: Sequence[str]
    rows: Iterable[Sequence[object]]


def plain(value: object) -> str:
    """What a cell of CSV holds; text that a spreadsheet would take for a formula gets an apostrophe."""
    text = "" if value is None else str(clean(str(value)))
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV (RFC 4180) with the mark by which Excel knows UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows([plain(cell) for cell in row] for row in rows)
    return "\ufeff" + buffer.getvalue()


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """Sheets as an XLSX file that prints well: headers on every page, as wide as the page, filters on the header.

    A table that is longer than a sheet may be ends with a row that says how many are left out.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for sheet in sheets:
        _write(book, sheet)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _write(book: Any, sheet: Sheet) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
    from openpyxl.utils import get_column_letter

    rows = [tuple(row) for row in sheet.rows]
    page = book.create_sheet(sheet.title[:31])
    for number, name in enumerate(sheet.header):
        longest = max((len(str(row[number])) for row in rows[:2000] if row[number] is not None), default=0)
        width = min(_WIDEST, max(_NARROWEST, len(name), longest) + 2)
        page.column_dimensions[get_column_letter(number + 1)].width = width
    last, head = get_column_letter(len(sheet.header)), len(sheet.above) + 1
    page.freeze_panes = f"A{head + 1}"
    page.auto_filter.ref = f"A{head}:{last}{head + len(rows)}"
    page.print_title_rows = f"{head}:{head}"
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", _A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.oddFooter.right.text = "&P/&N"
    thin = Side(style="thin", color="BBBBBB")
    box, wrapped = Border(left=thin, right=thin, top=thin, bottom=thin), Alignment(wrap_text=True, vertical="top")

    def cell(value: object, **styles: Any) -> Any:
        made = WriteOnlyCell(page, value if isinstance(value, int | float) else str(clean(str(value or "")))[:_LONGEST])
        if isinstance(made.value, str):
            made.data_type = "s"  # a name that begins with = is a name
        for name, style in styles.items():
            setattr(made, name, style)
        return made

    def raw(value: object) -> Any:
        if isinstance(value, int | float):
            return value
        text = str(clean(str(value or "")))[:_LONGEST]
        return cell(text) if text.startswith("=") else text

    for number, line in enumerate(sheet.above):
        page.append([cell(line, font=Font(bold=number == 0, size=13 if number == 0 else 11))])
    bold, fill = Font(bold=True), PatternFill("solid", start_color="DDE7F0")
    page.append([cell(name, font=bold, fill=fill, border=box, alignment=wrapped) for name in sheet.header])
    fitting = _ROWS - head - 1
    boxed = len(rows) <= _BOXED
    for row in rows[:fitting]:
        # A cell with a style of its own takes ten times as long as its value: long lists go without.
        page.append(
            [cell(value, border=box, alignment=wrapped) for value in row] if boxed else [raw(value) for value in row]
        )
    if len(rows) > fitting:
        page.append([cell(f"… +{len(rows) - fitting}", font=bold)])
