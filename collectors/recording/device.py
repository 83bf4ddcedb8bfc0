"""A recorded device in the place of one on the network: the same questions, answered from memory."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address

from collectors.recording.snmprec import ADDRESS, NULL, Oid, Row, dotted, parse_oid
from collectors.transports.snmp import ABSENT, MAX_ROWS, Absent, Answer, SnmpAnswerError, SnmpClient
from inventory.words import Credential


class RecordedDevice(SnmpClient):
    """Answers as `SnmpClient` does when it reads the device that was recorded; never opens a socket."""

    def __init__(self, rows: Iterable[Row]) -> None:
        super().__init__("127.0.0.1", 161, Credential("recording", "snmp-v2c", {"community": "recording"}))
        # The codec leaves NULL out of every answer.
        answers = {row.oid: _answer(row) for row in rows if row.tag != NULL}
        self._oids = sorted(answers)
        self._answers = answers

    @property
    def engine_id(self) -> bytes | None:
        """None: only a conversation in SNMPv3 tells it."""
        return None

    async def open(self) -> None:
        """Nothing is opened."""

    def close(self) -> None:
        """Nothing is closed."""

    async def get_many(self, oids: Iterable[str]) -> dict[str, Answer | Absent]:
        """The value of each object, or ABSENT."""
        return {oid: self._answers.get(parse_oid(oid), ABSENT) for oid in oids}

    async def walk(self, column: str, *, max_rows: int = MAX_ROWS) -> dict[str, Answer]:
        """The rows below `column` by index; SnmpAnswerError where they are more than `max_rows`."""
        rows: dict[str, Answer] = {}
        for index, value in self._below(column):
            if len(rows) == max_rows:
                raise SnmpAnswerError(f"{column} has more than {max_rows:,} rows", rows)
            rows[index] = value
        return rows

    async def walk_many(
        self,
        columns: Iterable[str],
        *,
        max_rows: int = MAX_ROWS,
        known: Iterable[str] = (),
        numbers: Collection[str] = (),
    ) -> dict[str, dict[str, Answer]]:
        """The rows of columns of one table, by column and index."""
        read: dict[str, dict[str, Answer]] = {}
        failures: dict[str, str] = {}
        for column in columns:
            try:
                read[column] = await self.walk(column, max_rows=max_rows)
            except SnmpAnswerError as error:
                read[column], failures[column] = error.read, str(error)
        if failures:
            raise SnmpAnswerError("; ".join(failures.values()), read, failures)
        return read

    async def first(self, column: str, *, rows: int = 3) -> list[tuple[str, Answer]]:
        """The index and value of the first few rows of a column."""
        found = self._below(column)
        return [row for row, _ in zip(found, range(rows), strict=False)]

    def _below(self, column: str) -> Iterator[tuple[str, Answer]]:
        base: Oid = parse_oid(column)
        for at in range(bisect.bisect_right(self._oids, base), len(self._oids)):
            oid = self._oids[at]
            if oid[: len(base)] != base:
                return
            yield dotted(oid[len(base) :]), self._answers[oid]


def _answer(row: Row) -> Answer:
    """The value as the codec gives it."""
    if isinstance(row.value, tuple):
        return dotted(row.value)
    if row.tag == ADDRESS and isinstance(row.value, bytes) and len(row.value) == 4:
        return str(IPv4Address(row.value))
    return row.value
