"""Writing what changed in series of facts: rows that are confirmed, replaced, put in between, or begin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, insert, update
from sqlalchemy.sql.dml import Update

from inventory.store.series import Held
from inventory.store.tables import FACTS, FOREVER

Subject = int | str
Name = tuple[Subject, str, str, str]
"""What a series is of: subject, key, item, source."""

_MANY = 8
"""From so many rows of one table on they are confirmed by one statement,"""
_EXCEPTIONS = 300
"""if not more than so many rows stand beside them that are not."""


@dataclass(slots=True)
class Series:
    """A series while facts are being added: its newest row, or all rows once something came late."""

    rows: list[Held]
    head_first: int | None = None
    """The stored newest row's `first`, which names it; None when nothing was stored."""
    moved: bool = False
    stored: list[Held] | None = None
    """All rows as they were stored, once they had to be read: `rows` replaces them."""


def named(t: Table, name: Name) -> ColumnElement[bool]:
    """Whether a row is of this series."""
    return and_(t.c.subject == name[0], t.c.key == name[1], t.c.item == name[2], t.c.source == name[3])


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Rows of one table that hold on, observed again."""

    table: tuple[Subject, str, str]
    """Subject, key, source."""
    heads: Mapping[str, tuple[int, int, str | None, int]]
    """All newest rows of the table by item: when each was first and last observed, its value and proof."""
    items: Collection[str]
    """Those that hold on."""
    at: int
    """When that was observed."""


def confirm(connection: Connection, kind: str, confirmed: Iterable[Confirmed]) -> None:
    """Move the time of newest rows that hold on; to be called before anything else of their tables is written.

    What was confirmed together last time and is again, such as the programs of a machine, is moved by one statement.
    """
    single: list[dict[str, Subject | None]] = []
    for each in confirmed:
        subject, key, source = each.table
        here = set(each.items)
        together: dict[int, list[str]] = {}
        apart: dict[int, list[str]] = {}
        for item, (_, last, _, _) in each.heads.items():
            (together if item in here else apart).setdefault(last, []).append(item)
        for last, items in together.items():
            others = apart.get(last, [])
            if len(items) >= _MANY and len(others) <= _EXCEPTIONS:
                place = {"b_subject": subject, "b_key": key, "b_source": source, "b_last": last, "n_last": each.at}
                connection.execute(_CONFIRM[kind], place | {"others": others})
                continue
            names = [(subject, key, item, source) for item in items]
            single += [_head(n, each.heads[n[2]][0]) | {"n_last": each.at, "n_until": FOREVER} for n in names]
    if single:
        connection.execute(_MOVE[kind], single)


Row = tuple[Subject | None, ...]
"""A row as it is stored, in the order of `_COLUMNS`."""


def write(
    connection: Connection, kind: str, found: Mapping[Name, Series], new_rows: Sequence[Row], now: int
) -> tuple[int, set[tuple[Subject, str]]]:
    """Write rows of what was not stored before, and the series that changed.

    Returns:
        How many rows began, and the subjects and keys of which a table has an item that is new among `found`.
    """
    t = FACTS[kind]
    begun = list(new_rows)
    moved: list[dict[str, Subject | None]] = []
    replaced: list[dict[str, Subject | None]] = []
    new = len(begun)
    grown: set[tuple[Subject, str]] = set()
    for name, series in found.items():
        rows = series.rows
        if series.stored is not None:
            if rows == series.stored:
                continue
            connection.execute(delete(t).where(named(t, name)))
            new += max(0, len(rows) - len(series.stored))
        elif series.head_first is not None:
            if series.moved:
                head = rows[0]
                row = _head(name, series.head_first) | {"n_last": head.last, "n_until": head.until}
                if head.first == series.head_first:
                    moved.append(row)
                else:
                    replaced.append(row | {"n_first": head.first, "n_value": head.value, "n_proof": head.proof})
            rows = rows[1:]
        elif name[2]:
            grown.add(name[:2])
        new += len(rows) if series.stored is None else 0
        begun += [(*name, h.first, h.last, h.until, h.value, h.proof, now) for h in rows]
    if moved:
        connection.execute(_MOVE[kind], moved)
    if replaced:
        connection.execute(_REPLACE[kind], replaced)
    if begun:
        _begin(connection, kind, begun)
    return new, grown


def _begin(connection: Connection, kind: str, begun: list[Row]) -> None:
    if connection.dialect.name == "sqlite":
        # Handed to the driver as they are: what SQLAlchemy does for each row takes longer than SQLite.
        connection.exec_driver_sql(_BEGIN_SQLITE[kind], begun)
    else:
        connection.execute(_BEGIN[kind], [dict(zip(_COLUMNS, row, strict=True)) for row in begun])


def _head(name: Name, first: int) -> dict[str, Subject | None]:
    return {"b_subject": name[0], "b_key": name[1], "b_item": name[2], "b_source": name[3], "b_first": first}


def _update(t: Table, *columns: str) -> Update:
    names = ("subject", "key", "item", "source", "first")
    place = and_(*(t.c[name] == bindparam(f"b_{name}") for name in names))
    changed: dict[str, object] = {column: bindparam(f"n_{column}") for column in columns}
    return update(t).where(place).values(**changed)


# Made once: building a statement costs more than running it. Most rows are only confirmed: two columns, and not the
# key, are quick to write.
_COLUMNS = ("subject", "key", "item", "source", "first", "last", "until", "value", "proof", "recorded")
_BEGIN = {kind: insert(t) for kind, t in FACTS.items()}
_BEGIN_SQLITE = {
    kind: f"INSERT INTO {t.name} ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
    for kind, t in FACTS.items()
}
_MOVE = {kind: _update(t, "last", "until") for kind, t in FACTS.items()}
_REPLACE = {kind: _update(t, "first", "last", "until", "value", "proof") for kind, t in FACTS.items()}
_CONFIRM = {
    kind: update(t)
    .where(
        *(t.c[name] == bindparam(f"b_{name}") for name in ("subject", "key", "source", "last")),
        t.c.until == FOREVER,
        t.c.item.not_in(bindparam("others", expanding=True)),
    )
    .values(last=bindparam("n_last"))
    for kind, t in FACTS.items()
}
