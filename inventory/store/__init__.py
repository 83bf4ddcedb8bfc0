"""The store: the only SQL of Dophu, on SQLite or PostgreSQL.

The functions of this package take a connection inside a transaction and do one thing to it; `Store` opens the database
and gives them their transactions, so that what one call does is committed whole or not at all.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from inventory.words import StoreError, Title

__all__ = ["Connection", "Store"]

# SQLite has one writer by itself. The lock is PostgreSQL's own, of this database, and ends with the transaction.
_ONE_WRITER = text("SELECT pg_advisory_xact_lock(7203061953)")
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

READERS = 8
"""Transactions that read at the same time."""
TOGETHER = 16
"""So many of those that wait for the writer share a transaction: more would make the first of them wait too long."""


@dataclass(slots=True)
class _Turn:
    """One who waits for the writer and shares its transaction."""

    do: Callable[[Connection], Any]
    done: Future[Any] = field(default_factory=Future)


class Store:
    """One open database.

    Its work is done in threads of its own: a driver that crosses threads for every statement costs more than the
    statements (see ARCHITECTURE.md). Giving up waiting does not take a transaction back that has begun.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = ThreadPoolExecutor(READERS, "dophu-read")
        # SQLite has one writer: waiting here is fair and endless, waiting in the database is neither.
        self._writer = ThreadPoolExecutor(1, "dophu-write")
        self._turns: deque[_Turn] = deque()

    @classmethod
    def open(cls, url: str, *, patience_seconds: float = 10) -> Store:
        """Open "sqlite:///PATH" or "postgresql://…"; nothing is read or made yet.

        Args:
            patience_seconds: how long to wait for another program that holds an SQLite database.

        Raises:
            StoreError: the address is of no database that Dophu knows.
        """
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise StoreError(
                Title(
                    "địa chỉ của cơ sở dữ liệu sai dạng; cần sqlite:///PATH hoặc postgresql://…",
                    "the database's address is malformed; expected sqlite:///PATH or postgresql://…",
                )
            ) from None
        drivers = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
        kind = parsed.get_backend_name()
        if kind not in drivers:
            raise StoreError(
                Title(
                    f"gặp cơ sở dữ liệu loại {kind!r}, cần sqlite hoặc postgresql",
                    f"found a database of kind {kind!r}, expected sqlite or postgresql",
                )
            )
        sqlite = {"timeout": patience_seconds, "check_same_thread": False}
        waiting = sqlite if kind == "sqlite" else {"connect_timeout": 10}
        engine = create_engine(
            parsed.set(drivername=drivers[kind]), connect_args=waiting, pool_size=READERS + 1, hide_parameters=True,
            # The one that was used last is used next: each keeps pages of the database in memory.
            pool_use_lifo=True,
        )  # fmt: skip
        if kind == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return cls(engine)

    async def read(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do(connection, …)` in a transaction of its own that is rolled back: temporary tables go with it.

        All of it sees the database as it was at one moment, so that a figure agrees with the list behind it.

        Raises:
            StoreError: the database failed.
        """
        return await self._work(self._readers, lambda: self._read(lambda c: do(c, *args, **kwargs)))

    async def write(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `do(connection, …)` in a transaction and commit it; when this returns, it is on disk.

        There is one writer at a time, in whatever process: two that meet the same new device would make it twice.

        Raises:
            StoreError: the database failed; nothing of it was stored.
        """
        return await self._work(self._writer, lambda: self._write(lambda c: do(c, *args, **kwargs)))

    async def write_together(self, do: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `write`, in one transaction with others that wait: pages that many of them change are written once.

        Where one of them fails, all is undone and each is done again in a transaction of its own.

        Raises:
            StoreError: the database failed; nothing of it was stored.
        """
        turn = _Turn(lambda c: do(c, *args, **kwargs))
        self._turns.append(turn)
        self._writer.submit(self._write_turns)
        try:
            result: T = await asyncio.wrap_future(turn.done)
        except (DBAPIError, OSError) as error:
            raise StoreError(_explain(error)) from error
        return result

    def _write_turns(self) -> None:
        turns: list[_Turn] = []
        while self._turns and len(turns) < TOGETHER:
            turn = self._turns.popleft()
            if turn.done.set_running_or_notify_cancel():
                turns.append(turn)
        if not turns:
            return  # those who came before took this one along
        try:
            results = self._write(lambda c: [turn.do(c) for turn in turns])
        except OperationalError as error:
            # The database itself: trying once for each would only take so many times as long.
            for turn in turns:
                turn.done.set_exception(error)
        except Exception as error:
            if len(turns) == 1:
                turns[0].done.set_exception(error)
            for turn in turns if len(turns) > 1 else ():
                self._write_turn(turn)
        else:
            for turn, result in zip(turns, results, strict=True):
                turn.done.set_result(result)

    def _write_turn(self, turn: _Turn) -> None:
        try:
            turn.done.set_result(self._write(turn.do))
        except Exception as error:
            turn.done.set_exception(error)

    async def write_prepared(
        self,
        prepare: Callable[Concatenate[Connection, P], R],
        do: Callable[[Connection, R], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `prepare(connection, …)` as a reader, then `do(connection, prepared)` as the writer, and commit that.

        What takes long and only reads is no reason for other writers to wait. Both have one connection, so the
        temporary tables that the first makes are there for the second; what others wrote in between, `do` has to mind.

        Raises:
            StoreError: the database failed; nothing of it was stored.
        """
        connection = await self._work(self._readers, self._engine.connect)
        try:
            prepared = await self._work_whole(
                self._readers, lambda: self._prepare(connection, lambda c: prepare(c, *args, **kwargs))
            )
            return await self._work_whole(self._writer, lambda: self._write_on(connection, lambda c: do(c, prepared)))
        finally:
            await self._work(self._readers, connection.close)

    async def _work_whole(self, threads: ThreadPoolExecutor, do: Callable[[], T]) -> T:
        """Like `_work`; who gives up waiting waits all the same, for the thread has the connection until it is done."""
        working = asyncio.ensure_future(self._work(threads, do))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait({working})
            working.exception()  # looked at: nobody is left to hear it
            raise

    def _prepare(self, connection: Connection, do: Callable[[Connection], T]) -> T:
        with connection.begin():
            if self._engine.dialect.name == "postgresql":
                connection.execute(_ONE_MOMENT)
            return do(connection)

    def _write_on(self, connection: Connection, do: Callable[[Connection], T]) -> T:
        connection.execution_options(dophu_write=True)
        with connection.begin():
            if self._engine.dialect.name == "postgresql":
                connection.execute(_ONE_WRITER)
            return do(connection)

    async def _work(self, threads: ThreadPoolExecutor, do: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, do)
        except (DBAPIError, OSError) as error:
            raise StoreError(_explain(error)) from error

    def _read(self, do: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            try:
                return do(connection)
            finally:
                connection.rollback()

    def _write(self, do: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return self._write_on(connection, do)

    async def migrate(self) -> None:
        """Bring the tables to this version, making them where there are none.

        Raises:
            StoreError: the database failed, or was written by a newer Dophu.
        """
        # Alembic is slow to import, and only these two need it.
        from inventory.store import versions

        await self.write(versions.upgrade)

    async def version(self) -> tuple[str | None, str]:
        """The version of the tables (None: there are none) and the one that this Dophu needs."""
        from inventory.store import versions

        return await self.read(versions.current), versions.needed()

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        for threads in (self._readers, self._writer):
            await asyncio.to_thread(threads.shutdown)
        self._engine.dispose()


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver's own transaction handling is off, so that BEGIN is ours (see _begin_sqlite).
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (
        "synchronous=FULL",
        "temp_store=FILE",
        "cache_size=-32000",
        # The programs of one machine lie in many places of their index: it is written back for many machines at once.
        "wal_autocheckpoint=16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    # SQLite waits for no lock while it changes the journal, which several programs do at once on a new database.
    ends = time.monotonic() + cursor.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                raise
        time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that will write takes the lock at once: one that upgrades half-way cannot wait and fails.
    write = connection.get_execution_options().get("dophu_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


_NO_TABLES = Title("cơ sở dữ liệu chưa có bảng: chạy dophu init", "the database has no tables yet: run dophu init")


def _explain(error: DBAPIError | OSError) -> Title:
    """The cause in words, without the statement's parameters: they may hold what is nobody's business."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    told = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    hints = {
        "locked": Title("chương trình khác đang giữ cơ sở dữ liệu", "another program holds the database"),
        "full": Title("hết chỗ trên đĩa", "the disk is full"),
        "disk I/O error": Title("đĩa hết chỗ hoặc hỏng", "the disk is full or failing"),
        "readonly": Title("không được ghi vào tệp cơ sở dữ liệu", "the database file may not be written"),
        "unable to open": Title(
            "không mở được tệp cơ sở dữ liệu: có thư mục của nó không?",
            "the database file cannot be opened: does its folder exist?",
        ),
        "no such table": _NO_TABLES,
        "does not exist": _NO_TABLES,
        "not a database": Title("tệp này không phải cơ sở dữ liệu của Dophu", "the file is no database of Dophu's"),
    }
    hint = next((h for found, h in hints.items() if found in told), None)
    own = Title.same("SQLite") if isinstance(cause, sqlite3.Error) else Title("cơ sở dữ liệu", "the database")
    ends = (f" ({hint.vi})", f" ({hint.en})") if hint else ("", "")
    return Title(f"{own.vi}: {told}{ends[0]}", f"{own.en}: {told}{ends[1]}")
