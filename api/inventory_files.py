"""Reads a table of the inventory, as `dophu export inventory` writes it and a person may have changed it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.wording import WORDS
from api.workspace import Workspace
from inventory.refusing import ODD, all_of, amiss, cannot, meant, row_of, within
from inventory.register.tables import Cell, Row, Unreadable, read_csv, read_workbook
from inventory.store import inventory_table
from inventory.store.inventory_table import KEYS, AssetRow, trim
from inventory.text import fold
from inventory.vocabulary import Vocabulary
from inventory.words import InputError, Title

__all__ = ["import_inventory", "read_inventory"]

_HEADER_ROWS = 20
_ID = "id"
_LEFT = ("export:agency_name", "export:level")
_ONCE = Title("mỗi cột một lần", "each once")
_AN_ID = Title("ID của một thiết bị đã biết, hoặc để trống", "the id of a known asset, or nothing")
_LONGEST = 300
"""Characters of a value."""


async def import_inventory(
    workspace: Workspace, path: Path, *, dry: bool = False, language: str = "en"
) -> dict[str, Any]:
    """Take the table at `path` in, or tell what that would do (`dry`): what is new, and what is declared otherwise.

    Raises:
        InputError: the file cannot be read, or holds what cannot be; with every problem. Nothing is stored.
    """
    rows = await asyncio.to_thread(read_inventory, path, workspace.vocabulary)
    do = workspace.store.read if dry else workspace.store.write
    outcome = await do(inventory_table.take_in, workspace.vocabulary, rows, datetime.now(UTC), dry=dry)
    return {
        "file": path.name, "dry_run": dry, "rows": outcome.rows, "added": outcome.added, "facts": outcome.facts,
        "new": outcome.new,
        "changes": [{"where": c.place.in_language(language), "asset": c.asset, "key": c.key, "before": c.before,
                     "after": c.after} for c in outcome.changes],
    }  # fmt: skip


def read_inventory(path: Path, vocabulary: Vocabulary) -> list[AssetRow]:
    """The rows of a CSV or XLSX file, by the headers of either language or the names of the facts.

    Raises:
        InputError: the file cannot be read, has no header, or cells or columns that say nothing known.
    """
    try:
        excel = path.suffix.lower() in (".xlsx", ".xlsm")
        tables = read_workbook(path, headings=True) if excel else [read_csv(path, path.stem)]
    except OSError as error:
        raise cannot(path.name, error) from None
    except Unreadable as error:
        raise InputError(amiss(path.name, error.found, error.expected)) from None
    names = _columns(vocabulary)
    for table in tables:
        for row in table.rows[:_HEADER_ROWS]:
            texts = {number: fold(trim(cell.value or "")) for number, cell in enumerate(row.cells)}
            columns = {number: names[text] for number, text in texts.items() if text in names}
            if {_ID, "agency"} <= {*columns.values()} or {"agency", "role"} <= {*columns.values()}:
                below = [r for r in table.rows if r.number > row.number]
                return _read_rows(path.name, row, texts, columns, below)
    expected = Title(
        "một dòng có ID, mã cơ quan, mạng, địa chỉ và các cột khác (dophu export inventory)",
        "a row with ID, agency, network, address and so on (dophu export inventory)",
    )
    raise InputError(amiss(path.name, Title("không có dòng tiêu đề", "no header"), expected))


def _columns(vocabulary: Vocabulary) -> dict[str, str]:
    """What stands under each header, in small letters without accents; empty for what is only for people."""
    names = {_ID: _ID, **{key: key for key in KEYS}}
    for words, language in ((WORDS["vi"], "vi"), (WORDS["en"], "en")):
        names |= {fold(words["export:agency"]): "agency", fold(words["export:network"]): "network"}
        names |= {fold(words[name]): "" for name in _LEFT}
        told = (*(key for key in KEYS if key not in ("agency", "network")), "answering")
        titles = {key: fold(vocabulary.keys[key].title.in_language(language)) for key in told}
        names |= {title: key if key in KEYS else "" for key, title in titles.items()}
    return names


def _read_rows(
    file: str, header: Row, texts: Mapping[int, str], columns: Mapping[int, str], rows: list[Row]
) -> list[AssetRow]:
    problems: list[Title] = []
    known = [*KEYS, _ID]
    for number, text in texts.items():
        if text and number not in columns:
            near = meant(text, known)
            expected = Title(f"một trong {', '.join(known)}{near.vi}", f"one of {', '.join(known)}{near.en}")
            found_here = Title(f"cột {text!r:.80}", f"the column {text!r:.80}")
            problems.append(amiss(row_of(file, header.number), found_here, expected))
    twice = {name for name in columns.values() if name and [*columns.values()].count(name) > 1}
    problems += [
        amiss(row_of(file, header.number), Title(f"cột {n!r} hai lần", f"the column {n!r} twice"), _ONCE)
        for n in sorted(twice)
    ]
    roles = {fold(words[name]): name.removeprefix("role:") for words in (WORDS["vi"], WORDS["en"])
             for name in words if name.startswith("role:")}  # fmt: skip
    found: list[AssetRow] = []
    for row in rows:
        place = row_of(file, row.number)
        cells = {name: row.cells[number] for number, name in columns.items() if name and number < len(row.cells)}
        told = {name: _text(cell, within(place, name), problems) for name, cell in cells.items()}
        if not any(told.values()):
            continue
        if (role := fold(told.get("role", ""))) in roles:
            told["role"] = roles[role]
        who = told.pop(_ID, "")
        if who and not (who.isascii() and who.isdigit() and len(who) < 16):
            problems.append(amiss(within(place, "ID"), f"{who!r:.80}", _AN_ID))
            continue
        found.append(AssetRow(place, int(who) if who else None, told))
    if problems:
        raise InputError(all_of(problems, 20))
    return found


def _text(cell: Cell, place: Title, problems: list[Title]) -> str:
    if cell.odd:
        odd = ODD.get(cell.odd, Title("ô gộp", "a merged cell"))
        problems.append(amiss(place, odd, Title("một giá trị", "a value")))
        return ""
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else trim(value)
    if cell.width and isinstance(value, int):
        text = text.zfill(cell.width)
    if len(text) > _LONGEST:
        n = len(text)
        most = Title(f"nhiều nhất {_LONGEST}", f"at most {_LONGEST}")
        problems.append(amiss(place, Title(f"{n} ký tự", f"{n} characters"), most))
    return text
