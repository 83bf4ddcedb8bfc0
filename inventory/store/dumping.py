"""Everything that a store keeps, taken out as rows and put into an empty one."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Date,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    text,
)

from inventory.store import tables, versions
from inventory.store.copies import opened_file
from inventory.words import InputError, Title

__all__ = ["LEFT_OUT", "TABLES", "counts", "dump", "first_filled", "reflected", "restore", "upgraded"]

LEFT_OUT = ("credential", "token")
"""Secrets, sealed and hashed as they are, leave the store with a backup alone and never with an export."""
TABLES: Mapping[str, Table] = {t.name: t for t in tables.metadata.sorted_tables if t.name not in LEFT_OUT}
"""By name, in the order in which they are dumped."""
_TOGETHER = 5_000
_DIGITS = 2**63

Row = dict[str, Any]


def reflected(connection: Connection) -> dict[str, Table]:
    """The tables that are dumped, as this database has them: of a former version, others than `TABLES`."""
    found = MetaData()
    found.reflect(connection)
    return {t.name: t for t in found.sorted_tables if t.name not in (*LEFT_OUT, "alembic_version")}


def counts(connection: Connection, of: Mapping[str, Table] = TABLES) -> dict[str, int]:
    """How many rows each table has."""
    return {name: int(connection.scalar(select(func.count()).select_from(t)) or 0) for name, t in of.items()}


def first_filled(connection: Connection) -> str | None:
    """The first table that holds a row; None where the store is as it was made."""
    for name, table in TABLES.items():
        if connection.execute(select(table).limit(1)).first() is not None:
            return name
    return None


def dump(connection: Connection, of: Mapping[str, Table] = TABLES) -> Iterator[tuple[str, Row]]:
    """Every row with its table, in the order of the keys, as JSON can hold it; some thousand rows are in memory."""
    options = {"stream_results": True, "yield_per": _TOGETHER}
    for name, table in of.items():
        query = select(table).order_by(*table.primary_key.columns)
        for row in connection.execute(query, execution_options=options).mappings():
            yield name, {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}


def restore(
    connection: Connection, rows: Iterable[tuple[Title, str, Row]], into: Mapping[str, Table] = TABLES
) -> dict[str, int]:
    """Put rows into the tables of an empty store; how many of each table there were.

    Args:
        rows: where each stands, for the error; its table; and the row as `dump` gives it.

    Raises:
        InputError: a table or column that there is not, or a value that its column does not hold. The caller's
            transaction is then to be given up.
    """
    put = dict.fromkeys(into, 0)
    for name, run in groupby(rows, key=lambda told: told[1]):
        while chunk := [_row(where, name, row, into) for where, _, row in islice(run, _TOGETHER)]:
            connection.execute(insert(into[name]), chunk)
            put[name] += len(chunk)
    if connection.dialect.name == "postgresql":
        _continue_numbers(connection)
    return put


@contextmanager
def upgraded(
    rows: Iterable[tuple[Title, str, Row]], version: str, folder: Path
) -> Iterator[tuple[dict[str, int], Iterator[tuple[Title, str, Row]]]]:
    """Rows of former tables as rows of these: how many of each former table there were, and what became of them.

    They are put into a database of their version in `folder`, which is brought to this one and is gone at the end.

    Args:
        version: that of the tables which the rows are of; one of `copies.known_schemas`.

    Raises:
        InputError: as `restore` does.
    """
    with tempfile.TemporaryDirectory(prefix=".upgrading-", dir=folder) as beside:
        file = Path(beside) / "dump.db"
        with opened_file(file) as connection:
            versions.upgrade(connection, version)
            put = restore(connection, rows, reflected(connection))
        with opened_file(file) as connection:
            versions.upgrade(connection)
        with opened_file(file) as connection:
            yield put, ((_upgraded(name), name, row) for name, row in dump(connection))


def _upgraded(name: str) -> Title:
    return Title(f"{name}, đã nâng lên phiên bản này", f"{name}, brought to this version")


def _continue_numbers(connection: Connection) -> None:
    """Have PostgreSQL number new rows after those that were put in with their numbers."""
    for name, table in TABLES.items():
        own = table.autoincrement_column
        if own is not None and (highest := connection.scalar(select(func.max(own)))) is not None:
            sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": name, "c": own.name})
            if sequence is not None:
                connection.execute(text("SELECT setval(:s, :n)"), {"s": sequence, "n": highest})


def _row(where: Title, name: str, row: Row, into: Mapping[str, Table]) -> Row:
    if name not in into:
        raise InputError(
            Title(
                f"{where.vi}: gặp bảng {name!r:.60}, cần một trong {', '.join(into)}",
                f"{where.en}: found the table {name!r:.60}, expected one of {', '.join(into)}",
            )
        )
    table = into[name]
    if row.keys() != {*table.c.keys()}:
        odd = sorted(row.keys() ^ {*table.c.keys()})[0]
        raise InputError(
            Title(
                f"{where.vi}: gặp {name} thừa hoặc thiếu {odd!r:.60}, cần {', '.join(table.c.keys())}",
                f"{where.en}: found {name} with or without {odd!r:.60}, expected {', '.join(table.c.keys())}",
            )
        )
    given: Row = {}
    for column in table.c:
        value = row[column.name]
        if value is None and column.nullable:
            given[column.name] = None
            continue
        expected, holds = _HOLDS[_kind(column.type)]
        if not holds(value):
            raise InputError(
                Title(
                    f"{where.vi}: {name}.{column.name}: gặp {value!r:.60}, cần {expected.vi}",
                    f"{where.en}: {name}.{column.name}: found {value!r:.60}, expected {expected.en}",
                )
            )
        given[column.name] = date.fromisoformat(value) if isinstance(column.type, Date) else value
    return given


def _kind(of: object) -> type:
    return next(kind for kind in _HOLDS if isinstance(of, kind))


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_DIGITS <= value < _DIGITS


#: What a column of each type holds. Big integers are integers, and texts are strings.
_HOLDS: Mapping[type, tuple[Title, Callable[[Any], bool]]] = {
    Boolean: (Title("true hoặc false", "true or false"), lambda v: isinstance(v, bool)),
    Date: (Title("một ngày như 2026-03-31", "a day such as 2026-03-31"), _is_day),
    BigInteger: (Title("số nguyên", "a whole number"), _is_whole),
    Integer: (Title("số nguyên", "a whole number"), _is_whole),
    Float: (Title("một số", "a number"), _is_number),
    String: (Title("văn bản", "text"), lambda v: isinstance(v, str) and "\0" not in v),
}
