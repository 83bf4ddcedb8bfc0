"""Reading a register from a spreadsheet or from CSV files, with every problem of the file named at once.

A register file is an XLSX whose sheets are named levels, agencies, networks, links, counts and websites (or Cấp, Cơ
quan, Mạng, Đường truyền, Số khai báo, Trang web); a folder of CSV files of those names; or one such CSV file. Sheets
and columns may be left out where `inventory.register.columns` says what that means; accents and case of names do not
matter, columns of remarks or running numbers are ignored, and nothing is taken of a file that has a problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from openpyxl.utils import get_column_letter

from inventory.refusing import cannot
from inventory.register import check_register
from inventory.register.cells import PLACEHOLDERS, CellError, parse_cell
from inventory.register.columns import IGNORED_COLUMNS, IGNORED_SHEETS, SHEET_OF, Column, Sheet, plain
from inventory.register.merge import Declared
from inventory.register.problems import Problem, RegisterError, one_of, quoted
from inventory.register.rows import BUILD, NAMING
from inventory.register.tables import Cell, Row, Table, Unreadable, read_csv, read_workbook
from inventory.register.template import write_template
from inventory.strict_yaml import closest
from inventory.words import InputError, Register, Title

__all__ = ["read_register", "write_template"]

HEADER_WITHIN = 20
"""The header is looked for in this many rows; a title may stand above it."""

IGNORED = Column("", Title("", ""), "text")
"""Stands for a column that people keep for themselves."""


def read_register(path: Path, existing: Register | None = None) -> Register:
    """The register that a file declares, checked as it would stand once merged into `existing`.

    Args:
        path: an .xlsx file, a .csv file named after a sheet, or a folder of such .csv files.
        existing: what is stored already; a file may name its agencies and levels.

    Raises:
        RegisterError: with every problem of the file, by sheet, row and column.
        InputError: there is no such file, or it is of another type.
    """
    read = _Reading()
    for table in _tables(path, read):
        _read_table(table, read)
    if not read.titles and not read.problems:
        nothing = Title("không có trang tính nào của sổ đăng ký", "no sheet of a register")
        read.note(
            path.name, None, None, nothing, one_of(f"{sheet.name} ({sheet.title.vi})" for sheet in SHEET_OF.values())
        )
    register = Register(**{name: tuple(items) for name, items in read.items.items()})  # type: ignore[arg-type]
    problems = [*read.problems, *_judged(register, existing, read)]
    if problems:
        order = {table: at for at, table in enumerate(read.order)}
        problems.sort(key=lambda p: (order.get(p.sheet, len(order)), p.row is None, p.row or 0))
        raise RegisterError(problems, path.name)
    return register


@dataclass
class _Reading:
    """One register file on its way: what it declares so far, where that stands, and what is wrong."""

    items: dict[str, list[Declared]] = field(default_factory=lambda: {name: [] for name in SHEET_OF})
    numbers: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in SHEET_OF})
    problems: list[Problem] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    """By sheet, its name in the file."""
    headers: dict[tuple[str, str], str] = field(default_factory=dict)
    """By sheet and column, the header in the file."""
    bad: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    """By sheet and row, the columns whose cells could not be read."""
    order: list[str] = field(default_factory=list)
    """The sheets by their names in the file."""

    def note(
        self, sheet: str, row: int | None, column: str | None, found: Title, expected: Title, near: str | None = None
    ) -> None:
        """Note a problem."""
        self.problems.append(Problem(sheet, row, column, found, expected, near))


def _judged(register: Register, existing: Register | None, read: _Reading) -> Iterator[Problem]:
    """What the checks of the whole register say, under the names of the file, without the echoes of unread cells."""
    for problem in check_register(register, existing, numbers=read.numbers):
        bad = read.bad.get((problem.sheet, problem.row), set()) if problem.row is not None else set()
        dated = bad & {"valid_from", "valid_to"} and problem.column in ("parent", "valid_from", "valid_to")
        if problem.column in bad or dated:
            continue
        column = read.headers.get((problem.sheet, problem.column or ""), problem.column)
        yield replace(problem, sheet=read.titles.get(problem.sheet, problem.sheet), column=column)


# --- files and sheets ------------------------------------------------------------------------------------------------


def _tables(path: Path, read: _Reading) -> Iterator[Table]:
    """The tables of a file or folder; what cannot be read is noted."""
    if not path.exists():
        raise InputError(Title(f"{path}: không có tệp này", f"{path}: no such file"))
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv")
        if not files:
            raise InputError(
                Title(
                    f"{path}: không có tệp .csv, cần {', '.join(SHEET_OF)}.csv",
                    f"{path}: found no .csv file, expected {', '.join(SHEET_OF)}.csv",
                )
            )
    elif path.suffix.lower() in (".xlsx", ".xlsm", ".csv"):
        files = [path]
    else:
        raise InputError(
            Title(
                f"{path}: gặp tệp “{path.suffix}”, cần .xlsx hoặc .csv",
                f"{path}: found “{path.suffix}”, expected .xlsx or .csv",
            )
        )
    for file in files:
        try:
            yield from [read_csv(file, file.stem)] if file.suffix.lower() == ".csv" else read_workbook(file)
        except Unreadable as error:
            read.order.append(file.name)
            read.note(file.name, None, None, error.found, error.expected)
        except OSError as error:
            raise cannot(file, error) from error


def _read_table(table: Table, read: _Reading) -> None:
    name = plain(table.name)
    if name in IGNORED_SHEETS:
        return
    read.order.append(table.name)
    known = {plain(alias): sheet for sheet in SHEET_OF.values() for alias in sheet.names}
    if name not in known:
        if table.rows:
            names = [alias for sheet in SHEET_OF.values() for alias in (sheet.name, sheet.title.vi)]
            near = closest(name, known)
            read.note(
                table.name, None, None,
                Title(f"trang tính “{table.name}”", f"the sheet “{table.name}”"),
                one_of(names),
                known[near].name if near else None,
            )  # fmt: skip
        return
    sheet = known[name]
    if sheet.name in read.titles:
        twice = Title(f"“{table.name}”, lần thứ hai", f"“{table.name}”, a second time")
        read.note(table.name, None, None, twice, Title("mỗi trang tính một lần", "each sheet once"))
        return
    read.titles[sheet.name] = table.name
    if table.rows:
        _read_rows(table, sheet, read)


def _read_rows(table: Table, sheet: Sheet, read: _Reading) -> None:
    names = {plain(alias): column for column in sheet.columns for alias in column.names}
    start = _header_row(table, names)
    columns = _columns(table, table.rows[start], sheet, names, read)
    if columns is None:
        return
    for row in table.rows[start + 1 :]:
        _read_row(table, row, sheet, columns, read)


def _header_row(table: Table, names: Mapping[str, Column]) -> int:
    """Which row is the header: of the first ones, that with the most known names."""
    counts = [
        sum(isinstance(cell.value, str) and plain(cell.value) in names for cell in row.cells)
        for row in table.rows[:HEADER_WITHIN]
    ]
    return counts.index(max(counts))


def _columns(
    table: Table, header: Row, sheet: Sheet, names: Mapping[str, Column], read: _Reading
) -> list[Column | None] | None:
    """The column of each cell of a row (None where there is no header); None where the header cannot be used."""
    columns: list[Column | None] = []
    wrong = len(read.problems)
    for cell in header.cells:
        text = "" if cell.empty else str(cell.value).strip()
        name = plain(text)
        column = IGNORED if name in IGNORED_COLUMNS else names.get(name)
        if text and column is None:
            near = closest(name, names)
            known = one_of(f"{c.name} ({c.title.vi})" for c in sheet.columns)
            read.note(table.name, header.number, None, _header(text), known, names[near].name if near else None)
        elif column is not None and column is not IGNORED:
            if column in columns:
                twice = Title("mỗi cột một lần", "each column once")
                read.note(table.name, header.number, None, _header(text), twice)
            read.headers[sheet.name, column.name] = text
        columns.append(column)
    for column in sheet.columns:
        if column.empty is None and column not in columns:
            needed = f"“{column.title.vi}” ({column.name})"
            read.note(
                table.name, header.number, None,
                Title("thiếu cột", "a column missing"), Title(f"cột {needed}", f"the column {needed}"),
            )  # fmt: skip
    return columns if len(read.problems) == wrong else None


def _header(text: str) -> Title:
    shown = quoted(text)
    return Title(f"cột {shown.vi}", f"the column {shown.en}")


# --- rows ------------------------------------------------------------------------------------------------------------


def _read_row(table: Table, row: Row, sheet: Sheet, columns: Sequence[Column | None], read: _Reading) -> None:
    """Read one row; what cannot be read is noted, and stands as a placeholder so that the rest is checked too."""
    values: dict[str, object] = {}
    bad = read.bad.setdefault((sheet.name, row.number), set())
    for at in range(max(len(columns), len(row.cells))):
        column = columns[at] if at < len(columns) else None
        cell = row.cells[at] if at < len(row.cells) else Cell()
        if column is IGNORED:
            continue
        if column is None:
            if not cell.empty:
                above = Title("tiêu đề cột ở trên", "a header above it")
                read.note(table.name, row.number, get_column_letter(at + 1), quoted(cell.value), above)
            continue
        try:
            values[column.name] = parse_cell(cell, column)
        except CellError as error:
            header = read.headers[sheet.name, column.name]
            read.note(table.name, row.number, header, error.found, error.expected, error.nearest)
            values[column.name] = PLACEHOLDERS[column.kind]
            bad.add(column.name)
    if not bad & NAMING[sheet.name]:
        read.items[sheet.name].append(BUILD[sheet.name](values))
        read.numbers[sheet.name].append(row.number)
