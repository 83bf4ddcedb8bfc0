"""Copies of a whole database as of one moment, and putting one into an empty database: what a backup is made of."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, create_engine, event, func, inspect, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema

from inventory.store import versions
from inventory.words import InputError, StoreError, Title

__all__ = ["Contents", "adopt", "close_file", "copy", "is_empty", "known_schemas", "put_back", "set_aside", "unpack"]

_PAGES = 2000
"""Pages of SQLite that are copied in one step: 8 MB."""
_PIPE = 1 << 20
_VERSION = "alembic_version"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a database as of one moment."""

    kind: str
    """sqlite or postgresql."""
    at: datetime
    """When it was so: all that was committed before is in it, and nothing that was committed after it was opened."""
    schema: str
    """The version of the tables."""
    rows: Mapping[str, int]
    """How many by table."""


def copy(connection: Connection, to: Path, advance: Callable[[int, int], None]) -> Contents:
    """Copy the database, as the transaction of `connection` sees it, to a new file; nobody who writes has to wait.

    SQLite's online backup reads under the transaction's own snapshot: it begins anew for nobody. PostgreSQL is dumped
    by pg_dump (custom format, compressed) under the exported snapshot of the transaction.

    Args:
        advance: is told how many bytes of how many are done, 0 where that is not known, for the first time when the
            moment is fixed; what it raises ends the copy.

    Raises:
        StoreError: the tables are missing, pg_dump is not here or failed, or the copy is not whole.
    """
    # The first question of a transaction is what fixes its moment, on both databases.
    schema = versions.current(connection)
    at = datetime.now(UTC)
    if schema is None:
        raise StoreError(
            Title(
                "cơ sở dữ liệu chưa có bảng nào: chưa có gì để sao lưu",
                "the database has no tables yet: there is nothing to back up",
            )
        )
    kind = connection.dialect.name
    if kind == "sqlite":
        _copy_sqlite(connection, to, advance)
        with opened_file(to) as copied:
            return Contents(kind, at, schema, _check_and_count(copied))
    _dump(connection, to, advance)
    return Contents(kind, at, schema, _count(connection))


def _copy_sqlite(connection: Connection, to: Path, advance: Callable[[int, int], None]) -> None:
    source: Any = connection.connection.driver_connection
    page, pages = (int(source.execute(f"PRAGMA page_{what}").fetchone()[0]) for what in ("size", "count"))
    advance(0, pages * page)
    try:
        with closing(sqlite3.connect(to)) as copied:
            source.backup(
                copied, pages=_PAGES, progress=lambda _, left, all_: advance((all_ - left) * page, all_ * page)
            )
            # A file by itself, without a log beside it.
            copied.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:  # it is no statement of SQLAlchemy's, which would name it
        raise StoreError(
            Title(f"không sao chép được cơ sở dữ liệu: {error}", f"the database could not be copied: {error}")
        ) from None


def _dump(connection: Connection, to: Path, advance: Callable[[int, int], None]) -> None:
    snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
    namespace = connection.scalar(text("SELECT current_schema()"))
    advance(0, 0)
    chosen = [f'--table="{namespace}"."{name}"' for name in inspect(connection).get_table_names()]
    command = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", *chosen]
    with to.open("xb") as file, _program(connection, command) as dumped:
        done = 0
        while data := dumped.read(_PIPE):
            file.write(data)
            done += len(data)
            advance(done, 0)


@contextmanager
def _program(connection: Connection, command: list[str], *, fed: bool = False) -> Iterator[IO[bytes]]:
    """Run a program of PostgreSQL's on the connection's database; the pipe from which it is read, or through which fed.

    Passwords are never among its arguments: that of the user is in its environment, that of the client's key, for which
    libpq knows no variable, in a service file that its owner alone can read.

    Raises:
        StoreError: it is not here, or it failed; with its last words.
    """
    if (found := shutil.which(command[0])) is None:
        raise StoreError(
            Title(
                f"không có {command[0]}: hãy cài các chương trình khách của PostgreSQL (Debian: postgresql-client)",
                f"found no {command[0]}: install PostgreSQL's client programs (Debian: postgresql-client)",
            )
        )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE} if fed else {"stdout": subprocess.PIPE}
    # Its complaints go to a file: a pipe that nobody reads would stop it.
    with (
        _access(connection.engine.url) as (place, environment),
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603
            [found, f"--dbname={place}", *command[1:]], env=environment, stderr=complaints, **pipes
        ) as process,
    ):
        pipe = cast(IO[bytes], process.stdin if fed else process.stdout)
        try:
            yield pipe
            pipe.close()
        except BrokenPipeError:
            pass  # it ended early and says why
        except BaseException:
            process.kill()
            raise
        status = process.wait()
        complaints.seek(0)
        told = complaints.read(65_536).decode(errors="replace").strip().splitlines()
    if status:
        said = told[-1][:300].removeprefix(f"{command[0]}: ") if told else f"ended with status {status}"
        raise StoreError(f"{command[0]}: {said}")


@contextmanager
def _access(url: URL) -> Iterator[tuple[str, dict[str, str]]]:
    """How a program of PostgreSQL's reaches a database: its address without passwords, and its environment."""
    named = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    # Not as the driver tells it: its own libpq may be newer and know parameters that this program does not.
    place: dict[str, Any] = {name: value for name, value in {**url.query, **named}.items() if value is not None}
    # Both have to leave the parameters; the driver, too, takes the one among them.
    password, key = place.pop("password", None) or url.password, place.pop("sslpassword", None)
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **({"PGPASSWORD": str(password)} if password else {})}
    if key is None:
        yield make_conninfo(**place), environment
        return
    if "service" in place or not str(key).isprintable():
        raise StoreError(
            Title(
                "gặp sslpassword trong địa chỉ của cơ sở dữ liệu, cần ghi nó trong tệp của dịch vụ nêu ở đó",
                "found sslpassword in the database's address, expected it in the file of the service there",
            )
        )
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="dophu-", suffix=".conf") as file:
        file.write(f"[dophu]\nsslpassword={key}\n")
        file.flush()
        yield make_conninfo(**place, service="dophu"), environment | {"PGSERVICEFILE": file.name}


def _count(connection: Connection) -> dict[str, int]:
    names = sorted(set(inspect(connection).get_table_names()) - {_VERSION})
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def _check_and_count(connection: Connection) -> dict[str, int]:
    if (found := connection.scalar(text("PRAGMA quick_check(1)"))) != "ok":
        raise StoreError(Title(f"bản sao bị hỏng: {found}", f"the copy is damaged: {found}"))
    return _count(connection)


@contextmanager
def opened_file(file: Path) -> Iterator[Connection]:
    """A connection to a file of SQLite's, as it is; what is done is committed at the end."""
    engine = create_engine(f"sqlite+pysqlite:///{file}")
    event.listen(engine, "connect", _no_hidden_begin)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _no_hidden_begin(connection: Any, _: object) -> None:
    connection.isolation_level = None


# --- putting back -----------------------------------------------------------------------------------------------------


def known_schemas() -> frozenset[str]:
    """The versions of tables that this Dophu can bring to its own."""
    return frozenset(path.name[:4] for path in (versions.MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all."""
    return not inspect(connection).get_table_names()


def adopt(file: Path, contents: Contents) -> None:
    """Check a copied SQLite database against what it should hold, and bring its tables to this version.

    Raises:
        InputError: it is damaged, or holds something else.
    """
    try:
        with opened_file(file) as connection:
            _compare(versions.current(connection), _check_and_count(connection), contents)
            versions.upgrade(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise StoreError(
                Title(
                    f"không giải nén được cơ sở dữ liệu: {error.orig}",
                    f"the database could not be unpacked: {error.orig}",
                )
            ) from None
        raise InputError(
            Title(
                f"cơ sở dữ liệu trong bản sao lưu bị hỏng: {error.orig}",
                f"the database in the backup is damaged: {error.orig}",
            )
        ) from None


def _compare(schema: str | None, rows: Mapping[str, int], contents: Contents) -> None:
    if schema != contents.schema:
        raise InputError(
            Title(
                f"cơ sở dữ liệu trong bản sao lưu: gặp phiên bản {schema}, cần {contents.schema}",
                f"the database in the backup: found version {schema}, expected {contents.schema}",
            )
        )
    for name in sorted(rows.keys() | contents.rows.keys()):
        if rows.get(name) != contents.rows.get(name):
            raise InputError(
                Title(
                    f"cơ sở dữ liệu trong bản sao lưu, bảng {name}: gặp {rows.get(name)} dòng, cần "
                    f"{contents.rows.get(name)}",
                    f"the database in the backup, table {name}: found {rows.get(name)} rows, "
                    f"expected {contents.rows.get(name)}",
                )
            )


def unpack(connection: Connection, dump: Path, contents: Contents) -> None:
    """Put a dump into the connection's PostgreSQL database, whole or not at all, and compare what came.

    Raises:
        StoreError: pg_restore is not here or failed. InputError: something else came than was dumped.
    """
    command = ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    with dump.open("rb") as file, _program(connection, command, fed=True) as pipe:
        shutil.copyfileobj(file, pipe, _PIPE)
    _compare(versions.current(connection), _count(connection), contents)


def set_aside(connection: Connection, name: str) -> None:
    """Move every table of a PostgreSQL database into a schema of its own, out of the way."""
    connection.execute(CreateSchema(name))
    quote = connection.dialect.identifier_preparer.quote
    for moved in inspect(connection).get_table_names():
        connection.execute(text(f"ALTER TABLE {quote(moved)} SET SCHEMA {quote(name)}"))


def put_back(connection: Connection, name: str | None) -> None:
    """Drop what was half restored, and move the tables back from where `set_aside` put them."""
    namespace = str(connection.scalar(text("SELECT current_schema()")))
    quote = connection.dialect.identifier_preparer.quote
    for half in inspect(connection).get_table_names():
        connection.execute(text(f"DROP TABLE {quote(half)} CASCADE"))
    for moved in inspect(connection).get_table_names(schema=name) if name else ():
        connection.execute(text(f"ALTER TABLE {quote(name or '')}.{quote(moved)} SET SCHEMA {quote(namespace)}"))
    if name:
        connection.execute(text(f"DROP SCHEMA {quote(name)}"))


def close_file(file: Path) -> None:
    """Have an SQLite database be one file that nobody has open, so that it can be moved.

    Raises:
        StoreError: another program has it open.
    """
    try:
        with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise StoreError(
            Title(
                f"{file}: chương trình khác đang mở; hãy dừng dophu serve trước",
                f"{file}: another program has it open; stop dophu serve first",
            )
        ) from None
    except sqlite3.DatabaseError:
        return  # no database at all: it has no log beside it
