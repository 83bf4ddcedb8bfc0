"""Programs across all machines: who has what in which version, since when, and where it was removed.

The facts are the truth: a row of the table fact `software` for each program, source and machine. A program is there as
long as its source confirmed it when it last read the machine's programs (`software_read`); else it was removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, text

from inventory.store import facts
from inventory.store.facts import NO_ROW
from inventory.store.tables import FOREVER
from inventory.text import fold
from inventory.vocabulary import Vocabulary, instant, moment, write_value
from inventory.words import Fact, InputError, Title

KEY = "software"
MOST_NAMES = 3_000
"""Programs whose versions are compared at once."""

_OPERATORS = ("<=", ">=", "<", ">", "=")
#: The value is JSON with version, publisher and the day of installation.
_CELL = {"sqlite": "json_extract(f.value, '$.{}')", "postgresql": "CAST(f.value AS json)->>'{}'"}
#: The programs' names, each by one step in the index: there are thousands of them, and of their rows a million.
_NAMES = """
    WITH RECURSIVE names(item) AS (
      SELECT MIN(item) FROM software_name
      UNION ALL
      SELECT (SELECT MIN(n.item) FROM software_name n WHERE n.item > names.item)
      FROM names WHERE names.item IS NOT NULL)
    SELECT item FROM names WHERE item IS NOT NULL
    UNION
    SELECT f.item FROM software_new n CROSS JOIN asset_fact f WHERE f.subject = n.subject AND f.key = 'software'"""
#: Who has one of the names, or ever had. SQLite keeps the order of a CROSS JOIN: else it walks over all facts to find
#: those of the few machines that are new.
_HAVING = """
    SELECT item, subject FROM software_name WHERE item IN :names
    UNION ALL
    SELECT DISTINCT f.item, f.subject FROM software_new n CROSS JOIN asset_fact f
    WHERE f.subject = n.subject AND f.key = 'software' AND f.item IN :names
    AND NOT EXISTS (SELECT 1 FROM software_name s WHERE s.item = f.item AND s.subject = f.subject)"""
WAITING = 50
"""From so many machines with new programs on their names are written down."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which programs and machines are asked for."""

    text: str = ""
    """Words of the program's name, in any order; accents and case do not matter."""
    name: str | None = None
    """The whole name, as it is listed."""
    version: str = ""
    """A version, or one with an operator: "< 24.8", ">= 7"."""
    publisher: str = ""
    agency: str | None = None
    removed: bool = False
    """What was removed, and not what is there."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a program: on how many machines, since when."""

    name: str
    version: str
    publisher: str
    machines: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine that has, or had, a program."""

    asset: int
    machine: str
    agency: str | None
    name: str
    version: str
    publisher: str
    source: str
    first_seen: datetime
    last_seen: datetime
    removed: bool


_READ = text(
    "INSERT INTO software_read (subject, source, last) VALUES (:subject, :source, :last) "
    "ON CONFLICT (subject, source) DO UPDATE SET last = excluded.last WHERE excluded.last > software_read.last"
)
_NEW = text("INSERT INTO software_new (subject) VALUES (:subject) ON CONFLICT DO NOTHING")
_COUNT_NEW = text("SELECT COUNT(*) FROM software_new")


def note_read(connection: Connection, tables: Iterable[tuple[facts.Subject, str, str, int]]) -> None:
    """Note when the programs of machines were read, of the tables that were recorded (see `facts.Recorded`)."""
    read = sorted((int(subject), source, at) for subject, key, source, at in tables if key == KEY)
    if read:
        connection.execute(_READ, [dict(zip(("subject", "source", "last"), row, strict=True)) for row in read])


def note_new(connection: Connection, grown: Iterable[tuple[facts.Subject, str]]) -> None:
    """Note the machines that have programs they never had, and write their names down once there are many."""
    rows = [{"subject": subject} for subject, key in grown if key == KEY]
    if not rows:
        return
    connection.execute(_NEW, rows)
    if (connection.scalar(_COUNT_NEW) or 0) >= WAITING:
        note_names(connection)


def note_names(connection: Connection) -> None:
    """Write the names of new programs down."""
    connection.execute(
        text(
            "INSERT INTO software_name (item, subject) SELECT f.item, f.subject FROM software_new n "
            "CROSS JOIN asset_fact f WHERE f.subject = n.subject AND f.key = 'software' ORDER BY 1, 2 "
            "ON CONFLICT DO NOTHING"
        )
    )
    connection.execute(text("DELETE FROM software_new"))


def programs(
    connection: Connection, vocabulary: Vocabulary, wanted: Wanted, at: datetime, limit: int = 50, offset: int = 0
) -> tuple[list[Version], int]:
    """The programs as of `at`: `limit` names from `offset` on, with all their versions; how many names there are.

    Raises:
        InputError: a version that is none, or one to be compared for more than MOST_NAMES programs.
    """
    names = _names(connection, wanted)
    bound = _bound(wanted.version)
    narrowing = bool(bound or wanted.agency or wanted.publisher)
    if narrowing and len(names) > MOST_NAMES:
        raise InputError(
            Title(
                f"gặp {len(names):,} phần mềm, cần nhiều nhất {MOST_NAMES:,}: hãy nêu một phần tên phần mềm",
                f"found {len(names):,} programs, expected at most {MOST_NAMES:,}: name a part of the program's name",
            )
        )
    if not narrowing and wanted.removed is False and len(names) > limit:
        # Only those shown are counted; of one that was removed everywhere no version is there.
        shown = names[offset : offset + limit]
        return _versions(connection, vocabulary, shown, wanted, at), len(names)
    found = [
        v for v in _versions(connection, vocabulary, names, wanted, at) if bound is None or _within(v.version, bound)
    ]
    groups = [list(rows) for _, rows in groupby(found, key=lambda v: v.name)]
    return [v for rows in groups[offset : offset + limit] for v in rows], len(groups)


def machines(
    connection: Connection, vocabulary: Vocabulary, wanted: Wanted, at: datetime, limit: int = 100, offset: int = 0
) -> tuple[list[Machine], int]:
    """The machines that have the programs as of `at`, or had them (`wanted.removed`); a page, and how many there are.

    Raises:
        InputError: a version that is none, or more than MOST_NAMES programs.
    """
    names, bound = _names(connection, wanted), _bound(wanted.version)
    if len(names) > MOST_NAMES:
        raise InputError(
            Title(
                f"gặp {len(names):,} phần mềm, cần nhiều nhất {MOST_NAMES:,}: hãy nêu một phần tên phần mềm",
                f"found {len(names):,} programs, expected at most {MOST_NAMES:,}: name a part of the program's name",
            )
        )
    rows = [
        row for row in _rows(connection, vocabulary, names, wanted, at) if bound is None or _within(row.version, bound)
    ]
    page = rows[offset : offset + limit]
    said = facts.read(
        connection, vocabulary, "asset", sorted({r.root for r in page}), at, {"sysname", "agency", "address"}
    )
    taken = {int(number): facts.take(vocabulary, own, at) for number, own in said.items()}
    return [_machine(row, taken.get(row.root, {}), wanted.removed) for row in page], len(rows)


def _too_many(names: int) -> InputError:
    return InputError(f"found {names:,} programs, expected at most {MOST_NAMES:,}: name more of the program's name")


def _machine(row: Any, taken: dict[str, Fact], removed: bool) -> Machine:
    named = next((str(taken[k].value) for k in ("sysname", "address") if k in taken), str(row.root))
    agency = str(taken["agency"].value) if "agency" in taken else None
    return Machine(
        row.root, named, agency, row.item, row.version or "", row.publisher or "", row.source, moment(row.first),
        moment(row.last), removed,
    )  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------------------


def _names(connection: Connection, wanted: Wanted) -> list[str]:
    """The items of the table that are asked for, in the order in which people read them."""
    if wanted.name is not None:
        return [wanted.name]
    words = fold(wanted.text).split()
    every = connection.scalars(text(_NAMES))
    folded = ((fold(name), name) for name in every if name != NO_ROW)
    return [name for _, name in sorted(pair for pair in folded if all(word in pair[0] for word in words))]


_BEFORE = ("alpha", "beta", "dev", "pre", "preview", "rc")
"""Words of versions that come before the one that is named: 2.0-rc1 before 2.0."""


def order_of(version: str) -> tuple[tuple[int, int, str], ...]:
    """What versions are compared by: numbers as numbers, 1.0 as 1, what comes before a version before it."""
    order: list[tuple[int, int, str]] = []
    for numbers, word in re.findall(r"((?:\d+[^\da-z]*)*)([a-z]*)", version.casefold()):
        run = [int(number) for number in re.findall(r"\d+", numbers)]
        while len(run) > 1 and run[-1] == 0:
            run.pop()
        order += [(1, number, "") for number in run]
        order += [(-1 if word in _BEFORE else 0, 1, word)] if word else []
    return (*order, (0, 0, ""))


def _bound(version: str) -> tuple[str, str] | None:
    stated = version.strip()
    if not stated:
        return None
    operator = next((o for o in _OPERATORS if stated.startswith(o)), "")
    number = stated[len(operator) :].strip()
    if not number or not re.search(r"\d", number):
        raise InputError(
            Title(
                f"phiên bản: gặp {version!r}, cần như 24.8 hoặc '< 24.8'",
                f"version: found {version!r}, expected such as 24.8 or '< 24.8'",
            )
        )
    return operator or "=", number


def _within(version: str, bound: tuple[str, str]) -> bool:
    if not version:
        return False
    operator, number = bound
    own, other = order_of(version), order_of(number)
    match operator:
        case "<":
            return own < other
        case "<=":
            return own <= other
        case ">":
            return own > other
        case ">=":
            return own >= other
    return own == other


# --- rows -------------------------------------------------------------------------------------------------------------


def _from(
    connection: Connection, vocabulary: Vocabulary, wanted: Wanted, at: datetime
) -> tuple[str, dict[str, object]]:
    """FROM and WHERE: the rows of the items `names` as of `at` that are there, or that were and are gone."""
    values: dict[str, object] = {"at": instant(at)}
    named = ["f.subject = h.subject", "f.key = 'software'", "f.item = h.item"]
    conditions = [*named, "f.first <= :at", "f.value IS NOT NULL"]
    if wanted.removed:
        # The newest row of a series, of which the last reading says nothing.
        conditions += [f"f.until = {FOREVER}", "f.last < r.last", "f.last < :at"]
    else:
        # Confirmed by the last reading, or held at that time, as one that another version followed later; nothing that
        # is out of date.
        held = f"(f.last >= r.last OR f.last >= :at OR f.until < {FOREVER})"
        conditions += ["f.until > :at", held, "f.last >= :oldest"]
        values["oldest"] = instant(at - vocabulary.keys[KEY].max_age)
    if wanted.publisher:
        cell = _CELL[connection.dialect.name].format("publisher")
        conditions.append(f"LOWER({cell}) LIKE :publisher ESCAPE '\\'")
        values["publisher"] = "%" + re.sub(r"([%_\\])", r"\\\1", wanted.publisher.lower()) + "%"
    if wanted.agency:
        conditions.append(
            "a.root IN (SELECT b.root FROM asset_fact g JOIN asset b ON b.id = g.subject WHERE g.key = 'agency' "
            "AND g.value = :agency AND g.first <= :at AND g.until > :at)"
        )
        values["agency"] = write_value(vocabulary.keys["agency"], wanted.agency)
    return (
        f"FROM ({_HAVING}) h CROSS JOIN asset_fact f "
        "JOIN asset a ON a.id = f.subject "
        f"JOIN software_read r ON r.subject = f.subject AND r.source = f.source WHERE {' AND '.join(conditions)}"
    ), values


def _versions(
    connection: Connection, vocabulary: Vocabulary, names: Sequence[str], wanted: Wanted, at: datetime
) -> list[Version]:
    cell = _CELL[connection.dialect.name]
    body, values = _from(connection, vocabulary, wanted, at)
    columns = (
        f"f.item, {cell.format('version')} AS version, MAX({cell.format('publisher')}) AS publisher, "
        "COUNT(DISTINCT a.root) AS machines, MIN(f.first) AS first, MAX(f.last) AS last"
    )
    query = text(f"SELECT {columns} {body} GROUP BY 1, 2").bindparams(bindparam("names", expanding=True))
    found = connection.execute(query, values | {"names": list(names)}) if names else ()
    rows = [
        Version(r.item, r.version or "", r.publisher or "", r.machines, moment(r.first), moment(r.last)) for r in found
    ]
    return sorted(rows, key=lambda v: (fold(v.name), v.name, order_of(v.version), v.version))


def _rows(
    connection: Connection, vocabulary: Vocabulary, names: Sequence[str], wanted: Wanted, at: datetime
) -> list[Any]:
    cell = _CELL[connection.dialect.name]
    body, values = _from(connection, vocabulary, wanted, at)
    columns = (
        f"a.root, f.item, {cell.format('version')} AS version, {cell.format('publisher')} AS publisher, f.source, "
        "f.first, f.last"
    )
    query = text(f"SELECT {columns} {body} ORDER BY f.item, a.root, f.source")
    query = query.bindparams(bindparam("names", expanding=True))
    return list(connection.execute(query, values | {"names": list(names)})) if names else []
