"""What is wrong with a register, told in Vietnamese and English by sheet, row and column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from inventory.words import InputError, Title

__all__ = ["Problem", "RegisterError", "day", "describe", "period", "quoted"]

SHOWN = 80
LISTED = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one cell, row or sheet."""

    sheet: str
    row: int | None
    """As a spreadsheet counts rows, or from 1 in a register that comes from no file; None for no row of the input."""
    column: str | None
    found: Title
    expected: Title
    nearest: str | None = None
    """The known name that was most likely meant."""
    stored: str | None = None
    """The name of the row, where it is not the input's but one that was stored before."""
    twice: int | None = None
    """The row of the same sheet that says the same, where that is what is wrong."""


class RegisterError(InputError):
    """A register refused as a whole, with every problem that it has."""

    def __init__(self, problems: Sequence[Problem], source: str = "") -> None:
        """Keep `problems`, found in `source` (a file's name, or empty)."""
        self.problems = tuple(problems)
        self.source = source
        super().__init__(Title(self.text("vi"), self.text("en")))

    def text(self, language: str) -> str:
        """All problems in "vi" or "en": a line that counts them, and one line each."""
        count = len(self.problems)
        of = f" {self.source}" if self.source else ""
        if language == "en":
            head = f"register{of}: {count} problem{'' if count == 1 else 's'}; nothing was taken in"
            rest = f"… and {count - LISTED} more"
        else:
            head = f"sổ đăng ký{of}: {count} lỗi; chưa nhập dòng nào"
            rest = f"… và {count - LISTED} lỗi nữa"
        lines = [f"- {describe(problem, language)}" for problem in self.problems[:LISTED]]
        return "\n".join([head, *lines, *([f"- {rest}"] if count > LISTED else [])])


def describe(problem: Problem, language: str) -> str:
    """The problem as one line in "vi" or "en"."""
    english = language == "en"
    places = [problem.sheet]
    if problem.row is not None:
        places.append(f"row {problem.row}" if english else f"dòng {problem.row}")
    elif problem.stored is not None:
        places.append(f"stored row {problem.stored}" if english else f"dòng đã lưu {problem.stored}")
    if problem.column is not None:
        places.append(f"column {problem.column}" if english else f"cột {problem.column}")
    found, expected = problem.found.in_language(language), problem.expected.in_language(language)
    told = f"found {found}, expected {expected}" if english else f"gặp {found}, cần {expected}"
    near = ""
    if problem.nearest is not None:
        near = f"; the nearest is “{problem.nearest}”" if english else f"; gần nhất là “{problem.nearest}”"
    return f"{', '.join(places)}: {told}{near}"


def quoted(value: object) -> Title:
    """The value in quotes, cut short, with what is invisible written out; nothing as "an empty cell"."""
    text = str(value)
    if not text:
        return Title("ô trống", "an empty cell")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:SHOWN]) + ("…" if len(text) > SHOWN else "")
    return Title(f"“{shown}”", f"“{shown}”")


def period(first: date, last: date | None) -> Title:
    """A period of validity, both ends included."""
    vi = "từ đầu" if first == date.min else f"từ {day(first).vi}"
    en = "from the beginning" if first == date.min else f"from {day(first).en}"
    if last is None:
        return Title(f"{vi} trở đi", f"{en} on")
    return Title(f"{vi} đến {day(last).vi}", f"{en} to {day(last).en}")


def day(value: date) -> Title:
    """A day as each language writes it."""
    return Title(f"{value.day:02}/{value.month:02}/{value.year:04}", value.isoformat())


def one_of(names: Iterable[str]) -> Title:
    """What was expected where only some names are known."""
    listed = ", ".join(names)
    return Title(f"một trong các giá trị {listed}", f"one of {listed}")
