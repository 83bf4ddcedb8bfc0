"""Reads a table of the inventory, as `dophu export inventory` writes it and a person may have changed it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.wording import WORDS
from api.workspace import Workspace
from inventory.register.tables import Cell, Row, Unreadable, read_csv, read_workbook
from inventory.store import inventory_table
from inventory.store.inventory_table import KEYS, AssetRow, trim
from inventory.strict_yaml import nearest
from inventory.text import fold
from inventory.vocabulary import Vocabulary
from inventory.words import InputError

__all__ = ["import_inventory", "read_inventory"]

_HEADER_ROWS = 20
_ID = "id"
_LEFT = ("export:agency_name", "export:level")
_LONGEST = 300
"""Characters of a value."""


async def import_inventory(workspace: Workspace, path: Path, *, dry: bool = False) -> dict[str, Any]:
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
        "changes": [{"where": c.place, "asset": c.asset, "key": c.key, "before": c.before, "after": c.after}
                    for c in outcome.changes],
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
        raise InputError(f"{path.name}: {error.strerror}") from None
    except Unreadable as error:
        raise InputError(f"{path.name}: found {error.found.en}, expected {error.expected.en}") from None
    names = _columns(vocabulary)
    for table in tables:
        for row in table.rows[:_HEADER_ROWS]:
            texts = {number: fold(trim(cell.value or "")) for number, cell in enumerate(row.cells)}
            columns = {number: names[text] for number, text in texts.items() if text in names}
            if {_ID, "agency"} <= {*columns.values()} or {"agency", "role"} <= {*columns.values()}:
                below = [r for r in table.rows if r.number > row.number]
                return _read_rows(path.name, row, texts, columns, below)
    raise InputError(f"{path.name}: found no header, expected a row with ID, agency, network, address and so on (dophu "
                     "export inventory)")  # fmt: skip


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
    problems: list[str] = []
    known = [*KEYS, _ID]
    for number, text in texts.items():
        if text and number not in columns:
            problems.append(f"{file}, row {header.number}: found the column {text!r:.80}, expected one of "
                            f"{', '.join(known)}{nearest(text, known)}")  # fmt: skip
    twice = {name for name in columns.values() if name and [*columns.values()].count(name) > 1}
    problems += [f"{file}, row {header.number}: found the column {name!r} twice" for name in sorted(twice)]
    roles = {fold(words[name]): name.removeprefix("role:") for words in (WORDS["vi"], WORDS["en"])
             for name in words if name.startswith("role:")}  # fmt: skip
    found: list[AssetRow] = []
    for row in rows:
        place = f"{file}, row {row.number}"
        cells = {name: row.cells[number] for number, name in columns.items() if name and number < len(row.cells)}
        told = {name: _text(cell, f"{place}, {name}", problems) for name, cell in cells.items()}
        if not any(told.values()):
            continue
        if (role := fold(told.get("role", ""))) in roles:
            told["role"] = roles[role]
        who = told.pop(_ID, "")
        if who and not (who.isascii() and who.isdigit() and len(who) < 16):
            problems.append(f"{place}, ID: found {who!r:.80}, expected the id of a known asset, or nothing")
            continue
        found.append(AssetRow(place, int(who) if who else None, told))
    if problems:
        more = len(problems) - 20
        raise InputError("\n".join([*problems[:20], *([f"… and {more} more"] if more > 0 else [])]))
    return found


def _text(cell: Cell, place: str, problems: list[str]) -> str:
    if cell.odd:
        problems.append(f"{place}: found a {cell.odd} cell, expected a value")
        return ""
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else trim(value)
    if cell.width and isinstance(value, int):
        text = text.zfill(cell.width)
    if len(text) > _LONGEST:
        problems.append(f"{place}: found {len(text)} characters, expected at most {_LONGEST}")
    return text
