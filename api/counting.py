"""What agencies and applications count in periods, read from tables that people fill in and from what systems send.

A table has a row for each agency and period, with a column for each count; or a row for each goal that only a person
can answer. A system sends the same as JSON. Everything is checked before anything is stored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from api.sheets import Sheet, workbook
from api.workspace import Workspace
from inventory.periods import Period
from inventory.refusing import (
    ODD,
    PLAIN_TEXT,
    a_count,
    all_of,
    amiss,
    cannot,
    row_of,
    sheet_of,
    within,
)
from inventory.register.tables import Cell, Row, Unreadable, read_csv, read_workbook
from inventory.store import counts_told, registers
from inventory.store.counts_told import Taken
from inventory.store.period_counts import DECLARED, Counted, GoalCounted, Origin
from inventory.text import fold, nfc
from inventory.vocabulary import Vocabulary
from inventory.words import ALL_LEVELS, Goal, InputError, Title

__all__ = ["Document", "read_file", "read_sent", "take_in", "template"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agency": ("agency", "ma co quan", "ma don vi", "agency code"),
    "period": ("period", "ky", "ky bao cao"),
    "document": ("document", "van ban", "so van ban", "so hieu van ban"),
    "signer": ("signer", "nguoi ky"),
    "signed": ("signed", "ngay ky"),
    "plan": ("plan", "ke hoach"),
    "goal": ("goal", "chi tieu"),
    "part": ("part", "thanh phan"),
    "level": ("level", "cap"),
    "value": ("count", "so dat", "so luong dat"),
    "total": ("total", "tong so"),
}
_NOTHING = ("agency_name", "name", "ten co quan", "agency name", "stt", "text", "noi dung", "ghi chu", "note")
"""Columns that help people who fill it in, and say nothing."""
_GROUPED = re.compile(r"\d{1,3}([ .,\u00a0])\d{3}(?:\1\d{3})*")
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_MONTH = re.compile(r"(?:thang )?(\d{1,2})[/-](\d{4})")
_HEADER_ROWS = 20
_TEXTS = ("agency", "key", "period", "plan", "goal", "level")
_FIELDS = ("agency", "key", "period", "value", "plan", "goal", "part", "level", "count", "total")


@dataclass(frozen=True, slots=True)
class Document:
    """The document in which a person declares numbers, where the table itself does not name one."""

    number: str = ""
    signer: str = ""
    signed: date | None = None


async def take_in(workspace: Workspace, given: Sequence[Counted | GoalCounted], now: datetime, *, dry: bool) -> Taken:
    """Check what was told, and store it whole or not at all.

    Raises:
        InputError: with every problem and where it stands.
    """
    do = workspace.store.read if dry else workspace.store.write
    return await do(counts_told.take_in, workspace.vocabulary, workspace.goals, given, now, dry=dry)


# --- from systems -----------------------------------------------------------------------------------------------------


def read_sent(told: Sequence[Mapping[str, Any]], origin: Origin) -> list[Counted | GoalCounted]:
    """The facts of a request: each of an agency (`agency`, `key`, `period`, `value`) or of a goal (`plan`, `goal`,
    `period`, `count`, `total`, and where it has them `part` or `level`).

    Raises:
        InputError: naming the facts that are neither, or that have a field that there is not.
    """
    found: list[Counted | GoalCounted] = []
    problems: list[Title] = []
    for number, one in enumerate(told):
        place, fields = (
            Title.same(f"facts[{number}]"),
            {name: value for name, value in one.items() if value is not None},
        )
        goal = "goal" in fields
        needed = {"plan", "goal", "period", "count", "total"} if goal else {"agency", "key", "period", "value"}
        allowed = needed | ({"part", "level"} if goal else set())
        if fields.keys() - allowed or needed - fields.keys():
            expected = ", ".join(name for name in _FIELDS if name in needed)
            named = ", ".join(sorted(fields))
            told_fields = Title(f"các trường {named or '(không có)'}", f"the fields {named or 'none'}")
            problems.append(amiss(place, told_fields, expected))
        elif wrong := [name for name in _TEXTS if not isinstance(fields.get(name, ""), str)]:
            problems.append(amiss(within(place, wrong[0]), f"{fields[wrong[0]]!r:.80}", Title("văn bản", "text")))
        elif goal:
            part = fields.get("part", 0)
            if not isinstance(part, int) or isinstance(part, bool):
                problems.append(amiss(within(place, "part"), f"{part!r:.80}", Title("số nguyên", "a whole number")))
                continue
            found.append(
                GoalCounted(place, fields["plan"], fields["goal"], fields["period"], fields["count"], fields["total"],
                            origin, part, fields.get("level", ALL_LEVELS))
            )  # fmt: skip
        else:
            found.append(Counted(place, fields["agency"], fields["key"], fields["period"], fields["value"], origin))
    if problems:
        raise InputError(all_of(problems, 20))
    return found


# --- from people ------------------------------------------------------------------------------------------------------


def read_file(path: Path, vocabulary: Vocabulary, document: Document) -> list[Counted | GoalCounted]:
    """The rows of a CSV or XLSX file, declared in the documents that they name, or else in `document`.

    Raises:
        InputError: the file cannot be read, has no header, or cells that hold no number, period or day.
    """
    try:
        excel = path.suffix.lower() in (".xlsx", ".xlsm")
        tables = read_workbook(path, headings=True) if excel else [read_csv(path, path.stem)]
    except OSError as error:
        raise cannot(path.name, error) from None
    except Unreadable as error:
        raise InputError(
            Title(
                f"{path.name}: gặp {error.found.vi}, cần {error.expected.vi}",
                f"{path.name}: found {error.found.en}, expected {error.expected.en}",
            )
        ) from None
    found: list[Counted | GoalCounted] = []
    problems: list[Title] = []
    headed = False
    for table in tables:
        header = _find_header(table.rows, vocabulary)
        if header is None:
            continue
        headed = True
        where = sheet_of(path.name, table.name if len(tables) > 1 else None)
        number, columns, unknown = header
        known = [*vocabulary.period_counts, *_COLUMNS]
        problems += [
            amiss(row_of(where, number), Title(f"cột {text!r:.80}", f"the column {text!r:.80}"), a_count(text, known))
            for text in unknown
        ]
        for row in table.rows:
            if row.number > number:
                found += _read_row(row, columns, row_of(where, row.number), document, problems)
    if not headed:
        raise InputError(
            Title(
                f"{path.name}: không có dòng tiêu đề, cần một dòng có agency, period và các số đếm (dophu "
                "counts template), hoặc plan, goal, period, count và total",
                f"{path.name}: found no header, expected a row with agency, period and counts (dophu counts template), "
                "or with plan, goal, period, count and total",
            )
        )
    if problems:
        raise InputError(all_of(problems, 20))
    return found


def _find_header(rows: Iterable[Row], vocabulary: Vocabulary) -> tuple[int, dict[int, str], list[str]] | None:
    """The number of the row that names the columns, what each column is for, and the names that say nothing."""
    names = {text: field for field, texts in _COLUMNS.items() for text in texts}
    for count in vocabulary.period_counts.values():
        names |= {fold(text): f"#{count.name}" for text in (count.name, count.title.vi, count.title.en)}
    for row in list(rows)[:_HEADER_ROWS]:
        texts = {number: fold(str(c.value or "")).replace("*", "").strip() for number, c in enumerate(row.cells)}
        columns = {number: names[text] for number, text in texts.items() if text in names}
        fields = set(columns.values())
        if "period" in fields and ("agency" in fields or {"plan", "goal", "value", "total"} <= fields):
            return row.number, columns, [t for t in texts.values() if t and t not in names and t not in _NOTHING]
    return None


def _read_row(
    row: Row, columns: Mapping[int, str], place: Title, document: Document, problems: list[Title]
) -> list[Counted | GoalCounted]:
    cells = {field: row.cells[number] for number, field in columns.items() if number < len(row.cells)}
    before = len(problems)
    texts = {name: _text(cells[name], within(place, name), problems) for name in cells if not name.startswith("#")}
    numbers = {
        name: number
        for name in cells
        if (name.startswith("#") or name in ("value", "total", "part"))
        and (number := _number(cells[name], within(place, name.removeprefix("#")), problems)) is not None
    }
    if not numbers.keys() - {"part"} and len(problems) == before:
        return []  # nothing was filled in
    signed = _day(cells.get("signed"), within(place, "signed"), problems) or document.signed
    period = _period(cells.get("period", Cell()), texts.get("period", ""))
    if len(problems) > before:
        return []
    origin = Origin(DECLARED, texts.get("document") or document.number, texts.get("signer") or document.signer, signed)
    if texts.get("goal"):
        level = texts.get("level") or ALL_LEVELS
        return [
            GoalCounted(
                place, texts.get("plan", ""), texts["goal"], period, numbers.get("value"), numbers.get("total"), origin,
                numbers.get("part", 0), level,
            )
        ]  # fmt: skip
    return [
        Counted(place, texts.get("agency", ""), name[1:], period, number, origin)
        for name, number in numbers.items()
        if name.startswith("#")
    ]


def _text(cell: Cell, place: Title, problems: list[Title]) -> str:
    if cell.odd in ("formula", "error"):
        problems.append(amiss(place, ODD[cell.odd], Title("giá trị", "a value")))
        return ""
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = nfc(str(value)) if value is not None else ""
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") for c in text):
        problems.append(amiss(place, f"{text!r:.80}", PLAIN_TEXT))
        return ""
    return text


def _number(cell: Cell, place: Title, problems: list[Title]) -> int | None:
    if cell.empty:
        return None
    value = cell.value
    if cell.odd:
        found = ODD[cell.odd]
    elif isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return int(value)
    else:
        text = str(value).strip()
        if text.isascii() and text.isdigit() and len(text) < 20:
            return int(text)
        if _GROUPED.fullmatch(text):
            return int(re.sub(r"\D", "", text))
        found = Title.same(repr(value)[:80])
    problems.append(amiss(place, found, Title("số nguyên như 1250", "a whole number such as 1250")))
    return None


def _day(cell: Cell | None, place: Title, problems: list[Title]) -> date | None:
    if cell is None or cell.empty:
        return None
    value = cell.value
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    try:
        if found := _DAY.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text)
    except ValueError:
        expected = Title("một ngày như 2026-10-05 hoặc 05/10/2026", "a day such as 2026-10-05 or 05/10/2026")
        problems.append(amiss(place, f"{text!r:.80}", expected))
        return None


def _period(cell: Cell, text: str) -> str:
    """The period as it is written everywhere; what spreadsheets make of a month is turned back."""
    value = cell.value
    if isinstance(value, date) and value.day == 1:
        return f"{value:%Y-%m}"
    if found := _MONTH.fullmatch(fold(text)):
        return f"{found[2]}-{int(found[1]):02}"
    return text.upper()


async def template(workspace: Workspace, period: Period, language: str) -> bytes:
    """A workbook to be filled in: a row for each agency that there was at the end of the period, a column for each
    count; and a sheet for the goals that only a person can answer."""
    register = await workspace.store.read(registers.load)
    ranks = {level.code: level.rank for level in register.levels}
    parts = {level.code for level in register.levels if level.part}
    agencies = sorted(
        (a for a in register.agencies if a.valid_on(period.last) and a.level not in parts),
        key=lambda a: (ranks.get(a.level, 0), a.code),
    )
    vi = language == "vi"
    counts = list(workspace.vocabulary.period_counts.values())
    heads = ["Mã cơ quan", "Tên cơ quan", "Kỳ"] if vi else ["agency", "agency name", "period"]
    document = ["Số văn bản", "Người ký", "Ngày ký"] if vi else ["document", "signer", "signed"]
    titles = [count.title.in_language(language) for count in counts]
    rows = [(a.code, a.title.in_language(language), period.text, *([""] * len(counts)), "", "", "") for a in agencies]
    goals = [
        (plan.id, goal.id, part or "", period.text, "", "", "", "", "", _title(goal, part, language))
        for plan in workspace.goals.plans.values()
        for goal in plan.goals
        if workspace.goals.controls[goal.control or ""].goal is not None
        for part in (range(1, len(goal.parts) + 1) if goal.parts else (0,))
    ]  # fmt: skip
    told = ["Kế hoạch", "Chỉ tiêu", "Thành phần", "Kỳ", "Số đạt", "Tổng số"] if vi else [
        "plan", "goal", "part", "period", "count", "total"]  # fmt: skip
    return workbook(
        [
            Sheet("Số liệu" if vi else "counts", [], [*heads, *titles, *document], rows),
            Sheet("Chỉ tiêu" if vi else "goals", [], [*told, *document, "Nội dung" if vi else "text"], goals),
        ]
    )


def _title(goal: Goal, part: int, language: str) -> str:
    title = goal.title.in_language(language)
    return f"{title} – {goal.parts[part - 1][0].in_language(language)}" if part else title
