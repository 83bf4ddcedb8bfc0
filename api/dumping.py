"""Everything as JSON Lines, to be read by others or put into an empty database: written and read row by row.

The first line says what the file is (`product`, `format`, `version`, `schema`, `made`, `tables` with how many rows each
has, `left_out`); each further line is one row (`table`, `row`); the last has the SHA-256 of all bytes before it
(`sha256`).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

from api.workspace import Workspace
from inventory.refusing import amiss, cannot
from inventory.store import Connection, copies, dumping, versions
from inventory.words import InputError, Title

__all__ = ["FORMAT", "PRODUCT", "read_dump", "write_dump"]

PRODUCT, FORMAT = "dophu", 1
_LONGEST = 16 << 20
"""Bytes of a line: a row of the widest table has less."""
_CUT_SHORT = Title("tệp bị cắt cụt", "the file is cut short")


async def write_dump(workspace: Workspace, to: Path | None, out: BinaryIO | None = None) -> dict[str, Any]:
    """Write everything but secrets to a file, whole or not at all, or to standard output; first line and digest.

    Args:
        to: the file; None for `out`, which is standard output if it is not given.

    Raises:
        InputError: the file cannot be written.
    """
    if to is None:
        return await workspace.store.read(_write, out or sys.stdout.buffer, "standard output")
    beside = to.with_name(f".{to.name}.{secrets.token_hex(6)}.part")
    try:
        # Who may read everything is for the person to say who asked for it.
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            told = await workspace.store.read(_write, file, str(to))
        beside.replace(to)
    except OSError as error:
        raise cannot(to, error) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return told


def _write(connection: Connection, to: BinaryIO, name: str) -> dict[str, Any]:
    try:
        return _write_lines(connection, to)
    except OSError as error:
        # The store would take it for an error of its own.
        raise cannot(name, error) from None


def _write_lines(connection: Connection, to: BinaryIO) -> dict[str, Any]:
    digest = hashlib.sha256()

    def line(value: object) -> None:
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        digest.update(content)
        to.write(content)

    head = {
        "product": PRODUCT, "format": FORMAT, "version": version("dophu"), "schema": versions.current(connection),
        "made": datetime.now(UTC).isoformat(timespec="seconds"), "tables": dumping.counts(connection),
        "left_out": list(dumping.LEFT_OUT),
    }  # fmt: skip
    line(head)
    for table, row in dumping.dump(connection):
        line({"table": table, "row": row})
    told = digest.hexdigest()
    line({"sha256": told})
    to.flush()
    return head | {"sha256": told}


async def read_dump(workspace: Workspace, path: Path) -> dict[str, Any]:
    """Put a dump into the database, which has to be empty, whole or not at all; the first line and the digest.

    A dump of a former version is brought to this one in a database of its own in the data folder.

    Raises:
        InputError: the database is not empty; the file is of another product or a newer version, cut short, or changed.
            Nothing is stored.
    """
    try:
        with path.open("rb") as file:
            return await workspace.store.write(_read, file, path.name, workspace.config.data)
    except OSError as error:
        raise cannot(path, error) from None


def _read(connection: Connection, file: BinaryIO, name: str, folder: Path) -> dict[str, Any]:
    try:
        return _read_lines(connection, file, name, folder)
    except OSError as error:
        raise cannot(name, error) from None


def _read_lines(connection: Connection, file: BinaryIO, name: str, folder: Path) -> dict[str, Any]:
    lines = _Lines(file, name)
    head = _check_head(lines.head(), name)
    if (filled := dumping.first_filled(connection)) is not None:
        raise InputError(
            Title(
                f"cơ sở dữ liệu không trống (có dòng trong {filled!r}): bản xuất được đưa vào cơ sở dữ "
                "liệu mới, tạo bằng dophu init",
                f"the database is not empty (found rows in {filled!r}): a dump is put into a new one, "
                "made by dophu init",
            )
        )
    if head["schema"] == versions.needed():
        _compare(dumping.restore(connection, lines.rows()), head, name)
    else:
        with dumping.upgraded(lines.rows(), head["schema"], folder) as (put, rows):
            _compare(put, head, name)
            dumping.restore(connection, rows)
    return head | {"sha256": lines.sha256}


def _compare(put: Mapping[str, int], head: Mapping[str, Any], name: str) -> None:
    for table, rows in put.items():
        if rows != (told := head["tables"].get(table)):
            raise InputError(
                Title(
                    f"{name}: gặp {rows} dòng của {table}, cần {told}: {_CUT_SHORT.vi} hoặc đã bị thay đổi",
                    f"{name}: found {rows} rows of {table}, expected {told}: {_CUT_SHORT.en} or was changed",
                )
            )


class _Lines:
    """The lines of a dump, one at a time, with the digest of those that were read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name, self._number = file, name, 0
        self._digest = hashlib.sha256()
        self.sha256 = ""

    def head(self) -> dict[str, Any]:
        """The first line; empty where it is none."""
        content = self._file.readline(_LONGEST)
        self._digest.update(content)
        self._number = 1
        with suppress(ValueError, RecursionError):
            value = json.loads(content)
            if isinstance(value, dict):
                return value
        return {}

    def rows(self) -> Iterator[tuple[Title, str, dict[str, Any]]]:
        """Where each row stands, its table and itself; the last line and the digest are checked at the end."""
        while content := self._file.readline(_LONGEST):
            self._number += 1
            where = Title(f"{self._name}: dòng {self._number}", f"{self._name}: line {self._number}")
            value = self._parse(content, where)
            if "sha256" in value:
                self._end(str(value["sha256"]))
                return
            self._digest.update(content)
            table, row = value.get("table"), value.get("row")
            if not isinstance(table, str) or not isinstance(row, dict):
                raise InputError(
                    Title(
                        f"{where.vi}: gặp {content[:40].decode(errors='replace')!r}, cần một bảng và dòng của nó",
                        f"{where.en}: found {content[:40].decode(errors='replace')!r}, expected a table and its row",
                    )
                )
            yield where, table, row
        raise InputError(
            Title(
                f"{self._name}: gặp {self._number} dòng mà không có mã băm ở cuối: {_CUT_SHORT.vi}",
                f"{self._name}: found {self._number} lines and no digest at the end: {_CUT_SHORT.en}",
            )
        )

    def _parse(self, content: bytes, where: Title) -> dict[str, Any]:
        if not content.endswith(b"\n"):
            long = len(content) >= _LONGEST
            more = Title(f"gặp hơn {_LONGEST} byte", f"found more than {_LONGEST} bytes")
            why = more if long else _CUT_SHORT
            raise InputError(Title(f"{where.vi}: {why.vi}", f"{where.en}: {why.en}"))
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise InputError(
                Title(
                    f"{where.vi}: gặp {content[:40].decode(errors='replace')!r}, cần một đối tượng JSON",
                    f"{where.en}: found {content[:40].decode(errors='replace')!r}, expected a JSON object",
                )
            )
        return value

    def _end(self, told: str) -> None:
        self.sha256 = self._digest.hexdigest()
        if told != self.sha256:
            raise InputError(
                Title(
                    f"{self._name}: gặp mã băm {told:.80}, các dòng có mã {self.sha256}: đã bị thay đổi",
                    f"{self._name}: found the digest {told:.80}, the lines have {self.sha256}: it was changed",
                )
            )
        if self._file.read(1):
            raise InputError(
                Title(
                    f"{self._name}: còn nội dung sau mã băm, cần hết tệp",
                    f"{self._name}: found more after the digest, expected the end",
                )
            )


def _check_head(head: dict[str, Any], name: str) -> dict[str, Any]:
    if head.get("product") != PRODUCT:
        named = f"{str(head.get('product'))!r:.60}"
        found = (
            Title(f"sản phẩm {named}", f"the product {named}")
            if "product" in head
            else Title("tệp không có dòng đầu của bản xuất", "no first line of a dump")
        )
        expected = Title("bản xuất của Dophu (dophu export jsonl)", "a dump of Dophu (dophu export jsonl)")
        raise InputError(amiss(name, found, expected))
    needed, schema = versions.needed(), str(head.get("schema"))
    if head.get("format") != FORMAT or schema > needed:
        version = f"{head.get('version')!s:.40}"
        vi, en = f"tạo bằng Dophu {version}, bảng {schema:.40}", f"made by Dophu {version}, tables {schema:.40}"
        raise InputError(
            Title(
                f"{name}: thuộc phiên bản mới hơn ({vi}; ở đây {needed}): hãy cài Dophu mới hơn",
                f"{name}: it is of a newer version ({en}; here {needed}): install a newer Dophu",
            )
        )
    if schema not in copies.known_schemas():
        raise InputError(
            Title(
                f"{name}: các bảng thuộc phiên bản {schema:.40}, cần một phiên bản không sau {needed}",
                f"{name}: its tables are of version {schema:.40}, expected one up to {needed}",
            )
        )
    if not isinstance(head.get("tables"), dict):
        raise InputError(
            Title(
                f"{name}: dòng đầu không có số dòng của các bảng", f"{name}: the first line has no counts of the tables"
            )
        )
    return head
