"""Tables that were told as they were before: a digest of the rows tells, and one statement confirms them all.

Of a table that a source read, such as the programs of a machine, a digest is kept of the rows that were confirmed
together last. It follows from the facts (a test builds it again): the rows that hold on and were confirmed then. Who
writes rows of that table in another way has to `keep` or `forget` it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, FromClause, and_, bindparam, delete, func, insert, select, update

from inventory.store.rows import Subject
from inventory.store.tables import FACTS, FOREVER, table_digest

__all__ = ["Kept", "TableOf", "confirm_all", "digest", "forget", "keep", "stored"]

TableOf = tuple[Subject, str, str]
"""What a table is of: subject, key, source."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of the rows that were confirmed together last."""

    last: int
    """When (milliseconds)."""
    count: int
    digest: str


def digest(rows: Mapping[str, str | None], proof: int) -> str:
    """The digest of a table's rows, item and text of the value, in whatever order; no text of the store holds NUL."""
    items = sorted(rows)
    plain = "\0".join([*items, *[rows[item] or "" for item in items]])
    return hashlib.blake2b(f"{proof}\0{plain}".encode(), digest_size=16).hexdigest()


def stored(connection: Connection, tables: Iterable[TableOf]) -> dict[TableOf, Kept]:
    """What is kept of these tables of assets."""
    wanted = set(tables)
    if not wanted:
        return {}
    of = {"subjects": sorted({int(s) for s, _, _ in wanted}), "keys": sorted({key for _, key, _ in wanted})}
    rows = connection.execute(_STORED, of)
    found = {(subject, key, source): Kept(last, count, text) for subject, key, source, last, count, text in rows}
    return {table: kept for table, kept in found.items() if table in wanted}


def confirm_all(connection: Connection, table: TableOf, kept: Kept, at: int) -> bool:
    """Move the time of all rows that were confirmed together last; False, and nothing done, where one is missing."""
    place = dict(zip(("b_subject", "b_key", "b_source"), table, strict=True))
    moved = connection.execute(_CONFIRM, place | {"b_last": kept.last, "b_count": kept.count, "n_last": at})
    if moved.rowcount != kept.count:
        return False
    connection.execute(_MOVE, place | {"n_last": at})
    return True


def keep(connection: Connection, new: Mapping[TableOf, Kept], had: Collection[TableOf]) -> None:
    """Keep what stands now of these tables, of which some `had` a digest before."""
    forget(connection, [table for table in new if table in had])
    if new:
        rows = [
            {"subject": s, "key": k, "source": source, "last": kept.last, "count": kept.count, "digest": kept.digest}
            for (s, k, source), kept in new.items()
        ]
        connection.execute(insert(table_digest), rows)


def forget(connection: Connection, tables: Collection[TableOf]) -> None:
    """Keep nothing of tables whose rows were written otherwise."""
    if tables:
        names = ("b_subject", "b_key", "b_source")
        connection.execute(_FORGET, [dict(zip(names, table, strict=True)) for table in tables])


# Made once: building a statement costs more than running it.
_d, _f = table_digest.c, FACTS["asset"]
_STORED = select(_d.subject, _d.key, _d.source, _d.last, _d.count, _d.digest).where(
    _d.subject.in_(bindparam("subjects", expanding=True)), _d.key.in_(bindparam("keys", expanding=True))
)
_OF = and_(_d.subject == bindparam("b_subject"), _d.key == bindparam("b_key"), _d.source == bindparam("b_source"))
_FORGET = delete(table_digest).where(_OF)
_MOVE = update(table_digest).where(_OF).values(last=bindparam("n_last"))
_counted = _f.alias()


def _held(t: FromClause) -> ColumnElement[bool]:
    place = [t.c[name] == bindparam(f"b_{name}") for name in ("subject", "key", "source", "last")]
    return and_(*place, t.c.until == FOREVER)


_CONFIRM = (
    update(_f)
    .where(
        _held(_f),
        select(func.count()).select_from(_counted).where(_held(_counted)).scalar_subquery() == bindparam("b_count"),
    )
    .values(last=bindparam("n_last"))
)
