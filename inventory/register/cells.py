"""One cell of a register file as the value that its column holds, or what is wrong with it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from ipaddress import ip_interface, ip_network

from inventory.register.columns import Column
from inventory.register.problems import quoted
from inventory.register.tables import Cell
from inventory.text import fold, nfc
from inventory.words import IPNetwork, Title

__all__ = ["PLACEHOLDERS", "CellError", "parse_cell"]

_YES = frozenset({"co", "yes", "y", "x", "true", "dung", "1"})
_NO = frozenset({"khong", "no", "n", "false", "sai", "0", "k"})
_PURPOSES = {"data_center": "data_centre", "datacenter": "data_centre", "trung_tam_du_lieu": "data_centre"}
_KINDS = {
    "cpnet": "mtslcd",
    "tslcd": "mtslcd",
    "mang_truyen_so_lieu_chuyen_dung": "mtslcd",
    "truyen_so_lieu_chuyen_dung": "mtslcd",
}

A_VALUE = Title("một giá trị", "a value")
EXPECTED: Mapping[str, Title] = {
    "code": Title("một mã", "a code"),
    "text": Title("chữ", "text"),
    "names": Title("các tên cách nhau bằng dấu cách", "names with spaces between them"),
    "whole": Title("số nguyên, như 12", "a whole number such as 12"),
    "number": Title("số, như 12,5", "a number such as 12.5"),
    "day": Title("ngày dạng 01/07/2025 hoặc 2025-07-01", "a day such as 2025-07-01 or 01/07/2025"),
    "yes": Title("có hoặc không", "yes or no"),
    "prefix": Title("dải địa chỉ như 10.1.2.0/24", "an address range such as 10.1.2.0/24"),
    "purpose": Title("mục đích, như lan", "a purpose such as lan"),
    "kind": Title("loại, như internet", "a kind such as internet"),
}
_TEXT_NUMBER = Title(
    "mã dạng chữ: định dạng cột là Văn bản (Text) rồi nhập lại, vì số bị mất số 0 ở đầu",
    "a code as text: format the column as Text and type it again, for a number loses its leading zeros",
)
_TEXT_DATE = Title(
    "chữ: định dạng cột là Văn bản (Text) rồi nhập lại", "text: format the column as Text and type it again"
)

#: What stands in the place of a value that could not be read, so that the rest of the row is checked too.
PLACEHOLDERS: Mapping[str, object] = {
    "code": "", "text": "", "names": (), "whole": 0, "number": None, "day": None, "yes": False,
    "prefix": ip_network("192.0.2.0/32"), "purpose": "lan", "kind": "internet",
}  # fmt: skip


class CellError(Exception):
    """A cell that does not hold what its column is for."""

    def __init__(self, found: Title, expected: Title, nearest: str | None = None) -> None:
        super().__init__(found.en)
        self.found = found
        self.expected = expected
        self.nearest = nearest


def parse_cell(cell: Cell, column: Column) -> object:
    """The cell's value by its column's kind; None for an empty cell of a column that may be empty.

    Raises:
        CellError: with what was found and what was expected.
    """
    if cell.odd == "formula":
        raise CellError(_named("công thức", "the formula", cell), A_VALUE)
    if cell.odd == "error":
        raise CellError(_named("lỗi", "the error", cell), A_VALUE)
    if cell.odd == "merged":
        raise CellError(
            Title("ô gộp", "a merged cell"), Title("giá trị riêng ở mỗi dòng", "a value of its own in each row")
        )
    if cell.empty:
        if column.empty is not None:
            return None
        raise CellError(quoted(""), EXPECTED[column.kind])
    return _PARSE[column.kind](cell, column)


def _named(vi: str, en: str, cell: Cell) -> Title:
    shown = quoted(cell.value)
    return Title(f"{vi} {shown.vi}", f"{en} {shown.en}")


def _refuse(cell: Cell, column: Column) -> CellError:
    value = cell.value
    if isinstance(value, datetime):
        return CellError(_named("ngày", "the date", Cell(value.date().isoformat())), EXPECTED[column.kind])
    if isinstance(value, bool):
        return CellError(_named("giá trị lô-gic", "the truth value", cell), EXPECTED[column.kind])
    if isinstance(value, int | float):
        return CellError(_named("số", "the number", cell), EXPECTED[column.kind])
    return CellError(quoted(value), EXPECTED[column.kind])


def _text(cell: Cell, column: Column) -> str:
    value = cell.value
    if isinstance(value, date):
        found = _named("ngày", "the date", Cell(value.isoformat()[:10]))
        raise CellError(found, _TEXT_DATE)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refuse(cell, column)
    text = nfc(str(value))
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") for c in text):
        raise CellError(quoted(text), Title("chữ không có ký tự điều khiển", "text without control characters"))
    return text


def _code(cell: Cell, column: Column) -> str:
    """A code; a number only where its format shows leading zeros, and then as it is shown."""
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if cell.width and value >= 0 and float(value).is_integer():
            return str(int(value)).zfill(cell.width)
        raise CellError(_named("số", "the number", cell), _TEXT_NUMBER)
    text = _text(cell, column)
    if " " in text:
        raise CellError(quoted(text), Title("một mã không có dấu cách", "a code without spaces"))
    return text


def _names(cell: Cell, column: Column) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[\s,;]+", _text(cell, column)) if name)


def _whole(cell: Cell, column: Column) -> int:
    """A whole number; in text, groups of three digits may be set apart as either language does."""
    value = cell.value
    if isinstance(value, str):
        text = nfc(value)
        if re.fullmatch(r"[+-]?\d{1,3}(?:([.,\u00a0 ])\d{3})(?:\1\d{3})*", text, re.ASCII):
            text = re.sub(r"[.,\u00a0 ]", "", text)
        if re.fullmatch(r"[+-]?\d{1,12}", text, re.ASCII):
            return int(text)
        raise _refuse(cell, column)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value == int(value):
        return int(value)
    raise _refuse(cell, column)


def _number(cell: Cell, column: Column) -> float:
    value = cell.value
    if isinstance(value, str):
        # 1.000 is one in English and a thousand in Vietnamese, so three digits after a mark are not guessed at.
        match = re.fullmatch(r"(\d{1,9})(?:[.,](\d{1,2}|\d{4,6}))?", nfc(value), re.ASCII)
        if match:
            return float(f"{match[1]}.{match[2] or 0}")
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise _refuse(cell, column)


def _day(cell: Cell, column: Column) -> date:
    value = cell.value
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        text = nfc(value)
        iso = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00)?)?", text, re.ASCII)
        ours = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", text, re.ASCII)
        parts = iso.groups() if iso else ours.groups()[::-1] if ours else None
        if parts:
            try:
                return date(*(int(part) for part in parts))
            except ValueError as error:
                raise _refuse(cell, column) from error
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise CellError(
            _named("số", "the number", cell),
            Title("ngày: định dạng ô là Ngày (Date)", "a day: format the cell as Date"),
        )
    raise _refuse(cell, column)


def _yes(cell: Cell, column: Column) -> bool:
    value = cell.value
    if isinstance(value, bool):
        return value
    word = fold(str(value)) if isinstance(value, str | int) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise _refuse(cell, column)


def _prefix(cell: Cell, column: Column) -> IPNetwork:
    text = _text(cell, column) if isinstance(cell.value, str) else ""
    try:
        stated = ip_interface(text)
    except ValueError as error:
        raise _refuse(cell, column) from error
    # Without its length a range would be one host, and with host bits set it may be another range than was meant.
    if "/" not in text or stated.ip != stated.network.network_address:
        raise CellError(quoted(text), EXPECTED["prefix"], str(stated.network))
    return stated.network


def _word(aliases: Mapping[str, str]) -> Callable[[Cell, Column], str]:
    """A word of a closed list: as it stands in the list where it is known by another name, else as it was typed."""

    def parse(cell: Cell, column: Column) -> str:
        text = _text(cell, column)
        word = re.sub(r"[\s-]+", "_", fold(text))
        return aliases.get(word, word)

    return parse


_PARSE: Mapping[str, Callable[[Cell, Column], object]] = {
    "code": _code, "text": _text, "names": _names, "whole": _whole, "number": _number, "day": _day, "yes": _yes,
    "prefix": _prefix, "purpose": _word(_PURPOSES), "kind": _word(_KINDS),
}  # fmt: skip
