"""Reads what people write down of backups and restore tests: CSV or XLSX, with the document that declares it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from inventory.backups import LONGEST, WHOLE, Job
from inventory.periods import ZONE
from inventory.refusing import NOTHING, ODD, PAST, PLAIN_TEXT, all_of, amiss, cannot, meant, row_of, sheet_of, within
from inventory.register.tables import Cell, Row, Unreadable, read_csv, read_workbook
from inventory.store.backups import Told
from inventory.text import fold, nfc
from inventory.words import InputError, Title

__all__ = ["read_file"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "system": ("system", "may chu", "he thong", "ten may", "so se-ri", "serial", "server"),
    "agency": ("agency", "ma co quan", "ma don vi", "agency code"),
    "job": ("job", "tac vu", "tac vu sao luu", "backup job"),
    "finished": ("finished", "last backup", "sao luu gan nhat", "lan sao luu gan nhat", "ngay sao luu"),
    "ok": ("ok", "ket qua", "thanh cong", "result"),
    "size": ("size", "dung luong (byte)", "size (bytes)"),
    "restore_tested": ("restore_tested", "restore test", "last restore test", "thu khoi phuc gan nhat",
                       "lan thu khoi phuc gan nhat", "ngay thu khoi phuc"),
    "document": ("document", "van ban", "so van ban", "so hieu van ban"),
}  # fmt: skip
_NOTHING = ("stt", "tt", "note", "ghi chu", "ten co quan", "agency name")
_YES = ("yes", "ok", "co", "dat", "thanh cong", "true", "1", "x")
_NO = ("no", "failed", "khong", "khong dat", "that bai", "loi", "false", "0")
_HEADER_ROWS, _TOLD = 20, 20
_LOCAL = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


@dataclass
class _Reading:
    """The rows of one file while they are read."""

    now: datetime
    document: str
    told: list[Told] = field(default_factory=list)
    problems: list[Title] = field(default_factory=list)

    def row(self, place: Title, cells: Mapping[str, Cell]) -> None:
        """Take one row, or note what is wrong in it; an empty one says nothing."""
        if all(cell.empty for cell in cells.values()):
            return
        before = len(self.problems)
        text = {name: self._text(cell, within(place, name)) for name, cell in cells.items()}
        finished = self._time(cells.get("finished"), within(place, "finished"))
        tested = self._time(cells.get("restore_tested"), within(place, "restore_tested"))
        ok = self._yes(text.get("ok", ""), within(place, "ok")) if finished else None
        size = self._whole(text.get("size", ""), within(place, "size"))
        document = text.get("document") or self.document
        if not text.get("system"):
            expected = Title("tên, số sê-ri hoặc địa chỉ", "a name, serial number or address")
            self.problems.append(amiss(within(place, "system"), NOTHING, expected))
        if finished is None and tested is None and len(self.problems) == before:
            self.problems.append(
                amiss(
                    place,
                    Title("không có thời gian", "no time"),
                    Title("finished hoặc restore_tested", "finished or restore_tested"),
                )
            )
        if not document:
            expected = Title("văn bản khai báo việc này", "the document that it is declared in")
            self.problems.append(amiss(within(place, "document"), NOTHING, expected))
        if len(self.problems) > before:
            return
        empty = ok is True and size == 0
        good = ok is True and not empty
        job = Job(
            text.get("job", "")[:LONGEST] or WHOLE, self.now, document[:LONGEST], finished,
            finished if good else None, good if finished else None, "empty" if empty else "", size, tested,
        )  # fmt: skip
        self.told.append(Told(place, text["system"], job, text.get("agency") or None))

    def _text(self, cell: Cell, place: Title) -> str:
        if cell.odd in ("formula", "error"):
            self.problems.append(amiss(place, ODD[cell.odd], Title("giá trị", "a value")))
            return ""
        value = int(cell.value) if isinstance(cell.value, float) and cell.value.is_integer() else cell.value
        text = "" if value is None else nfc(str(value))
        if not text.isprintable():
            self.problems.append(amiss(place, f"{text!r:.80}", PLAIN_TEXT))
            return ""
        return text

    def _yes(self, text: str, place: Title) -> bool | None:
        word = fold(text)
        if word in _YES or not word:
            return True
        if word not in _NO:
            self.problems.append(amiss(place, f"{text!r:.80}", Title("có hoặc không", "yes or no")))
        return False

    def _whole(self, text: str, place: Title) -> int | None:
        if text and not (text.isascii() and text.isdigit() and len(text) < 19):
            expected = Title("số byte nguyên như 1048576", "whole bytes such as 1048576")
            self.problems.append(amiss(place, f"{text!r:.80}", expected))
            return None
        return int(text) if text else None

    def _time(self, cell: Cell | None, place: Title) -> datetime | None:
        """A time in Vietnam's zone where it names none; a day alone is its beginning."""
        if cell is None or cell.empty or cell.odd:
            return None
        time = _read_time(cell.value)
        if time is None:
            found = f"{cell.value!r:.80}"
            expected = Title("thời gian như 2026-10-05 01:30 hoặc 05/10/2026", "such as 2026-10-05 01:30 or 05/10/2026")
            self.problems.append(amiss(place, found, expected))
        elif time > self.now:
            self.problems.append(amiss(place, time.isoformat(), PAST))
        return time


def _a_column(text: str) -> Title:
    near = meant(text, _COLUMNS)
    names = ", ".join(_COLUMNS)
    return Title(f"một trong {names}{near.vi}", f"one of {names}{near.en}")


def _read_time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=ZONE)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=ZONE)
    text = str(value).strip()
    try:
        if found := _LOCAL.fullmatch(text):
            day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=ZONE)
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=ZONE)


def read_file(path: Path, document: str, now: datetime) -> list[Told]:
    """What the rows of a CSV or XLSX file declare, in the document that they name or else in `document`.

    Raises:
        InputError: the file cannot be read or has no header, or with every cell that is not what is expected.
    """
    try:
        excel = path.suffix.lower() in (".xlsx", ".xlsm")
        tables = read_workbook(path, headings=True) if excel else [read_csv(path, path.stem)]
    except OSError as error:
        raise cannot(path.name, error) from None
    except Unreadable as error:
        raise InputError(amiss(Title.same(path.name), error.found, error.expected)) from None
    reading, headed = _Reading(now, nfc(document)), False
    for table in tables:
        header = _find_header(table.rows)
        if header is None:
            continue
        headed, (number, columns, unknown) = True, header
        where = sheet_of(path.name, table.name if len(tables) > 1 else None)
        reading.problems += [
            amiss(row_of(where, number), Title(f"cột {text!r:.80}", f"the column {text!r:.80}"), _a_column(text))
            for text in unknown
        ]
        for row in table.rows:
            if row.number > number:
                cells = {name: row.cells[at] for at, name in columns.items() if at < len(row.cells)}
                reading.row(row_of(where, row.number), cells)
    if not headed:
        raise InputError(
            Title(
                f"{path.name}: không có dòng tiêu đề, cần một dòng có system, và finished hoặc restore_tested",
                f"{path.name}: found no header, expected a row with system, and finished or restore_tested",
            )
        )
    if reading.problems:
        raise InputError(all_of(reading.problems, _TOLD))
    return reading.told


def _find_header(rows: Sequence[Row]) -> tuple[int, dict[int, str], list[str]] | None:
    """The number of the row that names the columns, what each is for, and the names that say nothing."""
    names = {text: name for name, texts in _COLUMNS.items() for text in texts}
    for row in rows[:_HEADER_ROWS]:
        texts = {at: fold(str(cell.value or "")).replace("*", "").strip() for at, cell in enumerate(row.cells)}
        columns = {at: names[text] for at, text in texts.items() if text in names}
        if "system" in columns.values() and {"finished", "restore_tested"} & set(columns.values()):
            return row.number, columns, [t for t in texts.values() if t and t not in names and t not in _NOTHING]
    return None
