"""Reference data in the store: imported tables, the former ones kept, and the newest of each kind for what follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import URL, Connection, func, insert, select

from inventory.posture import builds, kev, lifecycle
from inventory.posture.derive import References
from inventory.store.tables import reference
from inventory.vocabulary import instant, moment

KINDS = ("lifecycle", "builds", "kev")


@dataclass(frozen=True, slots=True)
class Kept:
    """One imported table."""

    id: int
    kind: str
    dated: datetime
    imported: datetime
    origin: str


def keep(
    connection: Connection, kind: str, rows: tuple[object, ...], dated: datetime, origin: str, now: datetime
) -> int:
    """Keep a table of one of `KINDS`; what was imported before stays."""
    document = json.dumps([asdict(row) for row in rows], default=str, ensure_ascii=False)  # type: ignore[call-overload]
    row = {"kind": kind, "dated": instant(dated), "imported": instant(now), "origin": origin, "document": document}
    made = connection.execute(insert(reference).returning(reference.c.id), row)
    return int(made.scalar_one())


def dated_of(day: date) -> datetime:
    """The instant as which a day of reference data is kept."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def listing(connection: Connection) -> list[Kept]:
    """Every imported table, the newest first."""
    t = reference.c
    query = select(t.id, t.kind, t.dated, t.imported, t.origin).order_by(t.id.desc())
    return [
        Kept(id_, kind, moment(dated), moment(imported), origin)
        for id_, kind, dated, imported, origin in connection.execute(query)
    ]


def load(connection: Connection) -> References:
    """What facts are held against now: of each kind what was imported last, else what Dophu brings along."""
    name = (connection.engine.url, tuple(sorted(tuple(row) for row in connection.execute(_NEWEST))))
    if name not in _LOADED:
        while len(_LOADED) >= _MOST:
            _LOADED.pop(next(iter(_LOADED)), None)
        _LOADED[name] = _read(connection, {kind: id_ for kind, id_, _ in name[1]})
    return _LOADED[name]


#: A table of a million characters is read and parsed once, and not for every device.
_LOADED: dict[tuple[URL, tuple[Any, ...]], References] = {}
_MOST = 4
_r = reference.c
_NEWEST = select(_r.kind, _r.id, _r.imported).where(_r.id.in_(select(func.max(_r.id)).group_by(_r.kind)))


def _read(connection: Connection, ids: Mapping[str, int]) -> References:
    rows = {
        kind: json.loads(
            connection.execute(select(reference.c.document).where(reference.c.id == ids[kind])).scalar_one()
        )
        for kind in ids
    }
    return References(
        # Products that the import does not have stay as they were.
        {**lifecycle.own_table()} | {**lifecycle.by_product(_release(row) for row in rows.get("lifecycle", ()))},
        builds.by_build(_build(row) for row in rows["builds"]) if "builds" in rows else builds.own_table(),
        kev.by_title(kev.Exploited(**row) for row in rows["kev"]) if "kev" in rows else None,
    )


def _release(row: dict[str, Any]) -> lifecycle.Release:
    ends = None if row["ends"] is None else date.fromisoformat(row["ends"])
    return lifecycle.Release(row["product"], row["name"], row["edition"], row["build"], ends)


def _build(row: dict[str, Any]) -> builds.Build:
    return builds.Build(**row | {"day": date.fromisoformat(row["day"])})
