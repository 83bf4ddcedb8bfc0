"""Tables as files for spreadsheets: CSV and XLSX in which no text becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from api.speaking import clean
from inventory.text import guarded

__all__ = ["Chart", "Sheet", "csv_text", "plain", "workbook"]

_WIDEST, _NARROWEST = 38, 8
_A4 = 9
"""Paper sizes as ECMA-376 numbers them."""
_LONGEST = 32_767
"""Characters of a cell of Excel."""
_ROWS = 1_048_576
"""Rows of a sheet of Excel."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of stacked bars beside a table: one bar for each row."""

    title: str
    names: Sequence[int]
    """The columns whose texts name a bar."""
    values: Sequence[tuple[int, str]]
    """The columns that are stacked, with their colours."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: lines above the table, its header and its rows."""

    title: str
    above: Sequence[str]
    header: Sequence[str]
    rows: Iterable[Sequence[object]]
    chart: Chart | None = None


def plain(value: object) -> str:
    """What a cell of CSV holds; text that a spreadsheet would take for a formula gets an apostrophe."""
    return guarded("" if value is None else str(clean(str(value))))


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
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(buffer, options) as book:
        for sheet in sheets:
            _write(book, sheet)
    return buffer.getvalue()


def _write(book: Any, sheet: Sheet) -> None:
    rows = [tuple(row) for row in sheet.rows]
    page = book.add_worksheet(_name(sheet.title))
    head = len(sheet.above)
    for number, name in enumerate(sheet.header):
        longest = max((len(str(row[number])) for row in rows[:2000] if row[number] is not None), default=0)
        page.set_column(number, number, min(_WIDEST, max(_NARROWEST, len(name) * 0.6, longest) + 2))
    page.freeze_panes(head + 1, 0)
    page.autofilter(head, 0, head + len(rows), len(sheet.header) - 1)
    page.repeat_rows(head)
    page.set_landscape()
    page.set_paper(_A4)
    page.fit_to_pages(1, 0)
    page.set_footer("&R&P/&N")
    title, line = book.add_format({"bold": True, "font_size": 13}), book.add_format()
    top = book.add_format({"bold": True, "bg_color": "#DDE7F0", "border": 1, "text_wrap": True, "valign": "top"})
    cell = book.add_format({"border": 1, "border_color": "#BBBBBB", "text_wrap": True, "valign": "top"})
    for number, text in enumerate(sheet.above):
        page.write_string(number, 0, _text(text), title if number == 0 else line)
    for number, name in enumerate(sheet.header):
        page.write_string(head, number, _text(name), top)
    fitting = _ROWS - head - 2
    for number, row in enumerate(rows[:fitting], head + 1):
        for column, value in enumerate(row):
            if isinstance(value, int | float):
                page.write_number(number, column, value, cell)
            else:
                page.write_string(number, column, _text(value), cell)
    if len(rows) > fitting:
        page.write_string(_ROWS - 1, 0, f"… +{len(rows) - fitting}", title)
    if sheet.chart is not None and rows:
        _draw(book, page, sheet, sheet.chart, head, len(rows))


def _draw(book: Any, page: Any, sheet: Sheet, chart: Chart, head: int, rows: int) -> None:
    name, last = _name(sheet.title), head + rows
    drawn = book.add_chart({"type": "bar", "subtype": "percent_stacked"})
    for column, colour in chart.values:
        drawn.add_series(
            {
                "name": [name, head, column],
                "categories": [name, head + 1, chart.names[0], last, chart.names[-1]],
                "values": [name, head + 1, column, last, column],
                "fill": {"color": colour},
                "gap": 40,
            }
        )
    drawn.set_title({"name": chart.title, "overlay": False})
    drawn.set_legend({"position": "bottom"})
    drawn.set_y_axis({"reverse": True})
    drawn.set_size({"width": 900, "height": max(260, 26 * rows + 140)})
    page.insert_chart(last + 2, 0, drawn)


def _name(title: str) -> str:
    return title[:31]


def _text(value: object) -> str:
    return "" if value is None else str(clean(str(value)))[:_LONGEST]
