"""What a judgement rests on, taken out of a store as rows and put into an empty one: register, facts, networks read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Date, Table, and_, func, insert, or_, select

from inventory.periods import ZONE
from inventory.store import tables
from inventory.store.availability import STATE
from inventory.store.tables import FACTS, FOREVER, asset, run
from inventory.vocabulary import COMPUTED_FROM, instant
from inventory.words import InputError, Title

__all__ = ["TABLES", "dump", "rebuild"]

_COUNTS = (tables.period_count, tables.goal_count)
_REGISTER = (tables.level, tables.agency, tables.network, tables.link, tables.declared_count, tables.waiver,
             tables.maintenance)  # fmt: skip
TABLES: Mapping[str, Table] = {t.name: t for t in (*_REGISTER, asset, *FACTS.values(), run, *_COUNTS)}
"""By name, in the order in which `dump` gives them."""
_TOGETHER = 5_000

Row = dict[str, Any]


def dump(
    connection: Connection, keys: Collection[str], at: datetime, *, counts: Collection[str] = (), plan: str = ""
) -> Iterator[tuple[str, Iterator[Row]]]:
    """The rows of each table, as JSON can hold them: what was observed of these keys up to `at`, as it is known now.

    Of counts of periods only these, and of what was told of goals only what concerns this plan.

    Of runs only the last that read a network to its end; of facts no table, and nothing that was replaced before `at`,
    but for the states that lines had of late.
    """
    # Of what lines were also what the availability of the last days follows from.
    time, since = instant(at), instant(at - COMPUTED_FROM)
    for table in _REGISTER:
        order = list(table.primary_key.columns)
        yield table.name, _rows(connection, select(table).order_by(*order))
    yield asset.name, _rows(connection, select(asset).order_by(asset.c.id))
    for facts in FACTS.values():
        query = select(facts).where(
            facts.c.key.in_(sorted(keys)), facts.c.item == "", facts.c.first <= time,
            or_(facts.c.until > time, and_(facts.c.key == STATE, facts.c.until > since)),
        )  # fmt: skip
        rows = _rows(connection, query.order_by(facts.c.subject, facts.c.key, facts.c.source))
        yield facts.name, ({**row, "last": min(row["last"], time)} for row in rows)
    read = (
        select(run.c.network, func.max(run.c.finished).label("finished"))
        .where(run.c.network.is_not(None), run.c.complete, run.c.finished <= time)
        .group_by(run.c.network)
        .order_by(run.c.network)
    )
    yield run.name, _rows(connection, read)
    for table, named in zip(_COUNTS, (_COUNTS[0].c.key.in_(sorted(counts)), _COUNTS[1].c.plan == plan), strict=True):
        stood = select(table).where(named, table.c.replaced == FOREVER, table.c.last <= at.astimezone(ZONE).date())
        yield table.name, _rows(connection, stood.order_by(table.c.id))


def _rows(connection: Connection, query: Any) -> Iterator[Row]:
    # PostgreSQL would otherwise hand over millions of facts at once.
    options = {"stream_results": True, "yield_per": _TOGETHER}
    for row in connection.execute(query, execution_options=options).mappings():
        yield {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def rebuild(connection: Connection, dumped: Iterable[tuple[str, Iterable[Row]]]) -> None:
    """Put what `dump` gave into the tables of an empty store.

    Raises:
        InputError: a table or column that there is not, or a value that no column of its kind holds.
    """
    for name, rows in dumped:
        if name not in TABLES:
            raise InputError(
                Title(
                    f"gặp bảng {name!r}, cần một trong {', '.join(TABLES)}",
                    f"found the table {name!r}, expected one of {', '.join(TABLES)}",
                )
            )
        table, left = TABLES[name], iter(rows)
        while chunk := [_row(table, row) for row in islice(left, _TOGETHER)]:
            connection.execute(insert(table), chunk)


def _row(table: Table, row: Row) -> Row:
    given = dict(row)
    if table is run:
        given |= {"collector": "sealed", "target": str(row.get("network")), "started": row.get("finished"),
                  "complete": True, "observations": 0}  # fmt: skip
    if unknown := given.keys() - table.c.keys():
        raise InputError(
            Title(
                f"{table.name}: gặp cột {sorted(unknown)[0]!r}, cần {', '.join(table.c.keys())}",
                f"{table.name}: found the column {sorted(unknown)[0]!r}, expected {', '.join(table.c.keys())}",
            )
        )
    for column in table.c:
        if isinstance(column.type, Date) and isinstance(given.get(column.name), str):
            try:
                given[column.name] = date.fromisoformat(given[column.name])
            except ValueError:
                found = f"{given[column.name]!r:.40}"
                raise InputError(
                    Title(
                        f"{table.name}.{column.name}: gặp {found}, cần một ngày",
                        f"{table.name}.{column.name}: found {found}, expected a date",
                    )
                ) from None
    return given
