"""Facts as columns: one row for each subject, one column for each key, holding the value taken as of an instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory.vocabulary import Key, instant


def pivot(subject: str, keys: Sequence[Key], at: datetime, dialect: str) -> str:
    """A SELECT with a row for each subject and a column for each key, holding the value that is taken as of `at`.

    Of the fresh, known values the best proof wins, then the newest: both stand in front of the value as digits of
    fixed length, so that one MAX finds it without a sort.
    """
    time = instant(at)
    last = f"CASE WHEN t.last < {time} THEN t.last ELSE {time} END"
    ranked = f"CAST((9 - t.proof) * 10000000000000 + {last} AS TEXT) || t.value"
    if dialect == "postgresql":
        ranked = f'({ranked}) COLLATE "C"'
    columns = ""
    for key in keys:
        oldest = time - int(key.max_age.total_seconds() * 1000)
        best = f"SUBSTR(MAX(CASE WHEN t.key = '{key.name}' AND t.last >= {oldest} THEN {ranked} END), 15)"
        columns += f", {_cast(best, key.type, dialect)} AS {key.name}"
    owner = "a.root" if subject == "asset" else "t.subject"
    join = " JOIN asset a ON a.id = t.subject" if subject == "asset" else ""
    names = ", ".join(f"'{k.name}'" for k in keys) or "''"
    return (
        f"SELECT {owner} AS subject{columns} FROM {subject}_fact t{join} "
        f"WHERE t.key IN ({names}) AND t.item = '' AND t.first <= {time} AND t.until > {time} GROUP BY {owner}"
    )


def _cast(value: str, kind: str, dialect: str) -> str:
    if kind == "text":
        return value
    if kind == "bool":
        return f"CAST({value} AS {'BOOLEAN' if dialect == 'postgresql' else 'INTEGER'})"
    return f"CAST({value} AS DOUBLE PRECISION)" if dialect == "postgresql" else f"CAST({value} AS REAL)"
