"""Speaks SNMP v1, v2c and v3 to one device, with a deadline on everything and no trust in what comes back.

Built on the codec of gufo-snmp, whose gaps this module closes (the measurements are in its tests): it has no retries
and no total deadline; its waiting can swallow a cancellation on Python 3.11; it ignores error-status and drops what
does not exist; it reads at most 4,080 bytes of an answer; and it follows an agent whose walk never ends.

    SnmpError                    the device was not read; `read` holds what had come in before
    ├── SnmpTimeout              no answer in time: dead, unreachable, or a community that it does not know (RFC 3584)
    └── SnmpAnswerError          an answer that is no use: undecodable, rows that do not increase
        ├── SnmpStatus           an error-status (RFC 3416 section 3)
        └── SnmpRefused          SNMPv3 user, password or protocol not accepted (RFC 3414 section 3.2)

No text of an error holds a community or a password.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, cast

import gufo.snmp as gufo
from gufo.snmp._fast import GetIter

from collectors.transports.snmp_column import MOST_REPETITIONS, Answer, Column, ColumnError, arcs
from collectors.transports.snmp_datagram import NO_SUCH_NAME, TOO_BIG
from collectors.transports.snmp_wire import (
    SnmpAnswerError,
    SnmpError,
    SnmpRefused,
    SnmpStatus,
    SnmpTimeout,
    SnmpWire,
)
from inventory.words import Credential

__all__ = [
    "ABSENT",
    "Absent",
    "Answer",
    "SnmpAnswerError",
    "SnmpClient",
    "SnmpError",
    "SnmpRefused",
    "SnmpStatus",
    "SnmpTimeout",
]


class Absent(enum.Enum):
    """What the device says of an object that it does not have: noSuchObject or noSuchInstance (RFC 3416)."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

OBJECTS_PER_REQUEST = 20
"""Enough to save round trips, few enough that the answer fits one frame."""
MAX_ROWS = 10_000
WHOLE_TRIES, SMALL = 2, 8
"""After so many tries without an answer only so many rows are asked for."""
FRAME = 1_400
"""Bytes of objects that fit one frame, beside the heads of Ethernet, IP, UDP and SNMP."""


class SnmpClient(SnmpWire):
    """A conversation with one device; as an async context manager it opens and closes itself.

    `timeout` is in seconds for one request, which is sent at most `tries` times; `deadline` is in seconds for the
    whole conversation, counted from `open`. Requests are made one after another.
    """

    def __init__(
        self,
        address: str,
        port: int,
        credential: Credential,
        *,
        timeout: float = 2.0,
        tries: int = 3,
        deadline: float = 60.0,
    ) -> None:
        super().__init__(address, port, credential, timeout=timeout, tries=tries, deadline=deadline)
        self._repetitions = MOST_REPETITIONS
        self._witness: str | None = None
        self._together = credential.kind != "snmp-v1"
        """Whether the device answers for several columns at once; over SNMP v1 one missing object costs them all."""

    def of_vlan(self, number: int) -> SnmpClient | None:
        """A client for what the device keeps apart for one VLAN, within this one's deadline.

        Such devices tell it to a community with the VLAN's number behind it. None over SNMPv3, where it stands in a
        context, which the codec cannot name.
        """
        community = self.credential.secret.get("community")
        if community is None:
            return None
        credential = replace(self.credential, secret={**self.credential.secret, "community": f"{community}@{number}"})
        address, port = self._place
        left = self._ends - asyncio.get_running_loop().time()
        return SnmpClient(address, port, credential, timeout=self._timeout, tries=self.tries, deadline=max(left, 0))

    async def get_many(self, oids: Iterable[str]) -> dict[str, Answer | Absent]:
        """The value of each object, or ABSENT; SnmpError, with `read`, where some object got no usable answer.

        An object that the device answers with an error is asked for alone, so that it spoils no other.
        """
        wanted = list(dict.fromkeys(oids))
        return await self._get_parts(
            wanted[start : start + OBJECTS_PER_REQUEST] for start in range(0, len(wanted), OBJECTS_PER_REQUEST)
        )

    async def _get_part(self, oids: list[str]) -> dict[str, Answer | Absent]:
        """`get_many` of what fits one request, halved for as long as the answer is of no use."""
        found: dict[str, Answer | Absent] = {}
        left = list(oids)
        while left:
            try:
                answer = await self._ask_for(left)
            except SnmpStatus as error:
                found[left.pop(error.index - 1)] = ABSENT
                continue
            if answer is not None:
                return found | {oid: ABSENT if (value := answer.get(oid)) is None else value for oid in left}
            try:
                parts = [left[: len(left) // 2], left[len(left) // 2 :]]
                found |= await (self._get_one(left[0]) if len(left) == 1 else self._get_parts(parts))
            except SnmpError as error:
                raise type(error)(str(error), found | error.read) from None
            return found
        return found

    async def _get_parts(self, parts: Iterable[list[str]]) -> dict[str, Answer | Absent]:
        """The objects of all parts; an answer that is no use to one part does not cost the others."""
        found: dict[str, Answer | Absent] = {}
        failure: SnmpAnswerError | None = None
        for part in parts:
            try:
                found |= await self._get_part(part)
            except SnmpAnswerError as error:
                found |= error.read
                failure = error
            except SnmpTimeout as error:
                raise SnmpTimeout(str(error), found | error.read) from None
        if failure:
            raise type(failure)(str(failure), found)
        return found

    async def _ask_for(self, oids: list[str], tries: int | None = None) -> Mapping[str, Answer | None] | None:
        """One request's answer, without what there is not or with None for it.

        None where it is of no use, SnmpStatus where it says which object there is not.
        """
        opened = self.opened
        # In SNMPv3 an error-status is not seen, and shows as objects missing, as does an answer cut short; an object
        # known to exist, asked for last, tells them from objects that do not exist.
        asked = [*oids, self._witness] if self._witness and self._witness not in oids else oids
        try:
            answer = await self.ask(lambda: opened.send_get_many(asked), opened.recv_get_many, tries)
        except SnmpRefused:
            raise
        except SnmpStatus as error:
            if error.status == NO_SUCH_NAME and 1 <= error.index <= len(oids):
                raise
            return None
        except SnmpAnswerError:
            return None
        if not answer.keys() <= set(asked):
            raise SnmpAnswerError(f"{self.where} answers with objects that were not asked for")
        # An object that is told twice has no value: the codec would keep the last.
        if not answer or self._objects > len(asked) or (self._witness and self._witness not in answer):
            return None
        self._witness = self._witness or next(iter(answer))
        return cast("Mapping[str, Answer | None]", answer)

    async def _get_one(self, oid: str) -> dict[str, Answer | Absent]:
        opened = self.opened
        try:
            value = await self.ask(lambda: opened.send_get(oid), opened.recv_get)
        except gufo.NoSuchInstance:
            return {oid: ABSENT}
        except SnmpStatus as error:
            if error.status == NO_SUCH_NAME:
                return {oid: ABSENT}
            raise SnmpAnswerError(f"{error} to {oid}") from None
        if value is None:
            raise SnmpAnswerError(f"{self.where} answers {oid} with an error or nothing")
        return {oid: value}

    async def walk(self, column: str, *, max_rows: int = MAX_ROWS) -> dict[str, Answer]:
        """The rows below `column` by index; SnmpError, with the rows so far in `read`, when there is no clean end."""
        walked = Column(column, max_rows)
        try:
            await self._walk(walked)
        except SnmpError as error:
            raise type(error)(str(error), walked.rows) from None
        return walked.rows

    async def walk_many(
        self,
        columns: Iterable[str],
        *,
        max_rows: int = MAX_ROWS,
        known: Iterable[str] = (),
        numbers: Collection[str] = (),
    ) -> dict[str, dict[str, Answer]]:
        """The rows of columns of one table, by column and index; {} for a column that the device does not have.

        A column is read with one request where its rows fit one answer: how many there are is known from the first
        column, so the fullest goes first (over SNMP v1 the others are asked for its rows only); `known` are the
        indexes of a column of the same rows that was walked before. Those of the columns that hold `numbers` are read
        several at a time, as they are known to fit one frame. SnmpError where one was not read to its end: `read` holds
        the rows of every column, `partial` names those that are not whole. After an SnmpAnswerError the other columns
        were read all the same; after an SnmpTimeout the rest is partial too.
        """
        partial: dict[str, SnmpAnswerError] = {}
        # Over SNMP v1, where only known rows are asked for, each walk has to find out for itself which there are.
        indexes = [] if self.credential.kind == "snmp-v1" else list(known)
        left = {name: Column(name, max_rows, indexes) for name in columns}
        read = {name: column.rows for name, column in left.items()}
        while left:
            group = self._fitting([name for name in left if name in numbers], indexes)
            if len(group) > 1 and self._together:
                for name in await self._get_columns([left[name] for name in group]):
                    del left[name]
                numbers = [name for name in numbers if name not in group]
                continue
            name = next(iter(left))
            try:
                await self._walk(left[name])
            except SnmpRefused:
                raise
            except SnmpAnswerError as error:
                partial[name] = error
            except SnmpTimeout as error:
                raise SnmpTimeout(str(error), read, [*partial, *left]) from None
            del left[name]
            if not indexes and name not in partial:
                indexes = list(read[name])
                for column in left.values():
                    column.expect(indexes)
        if partial:
            texts = dict.fromkeys(str(error) for error in partial.values())
            raise SnmpAnswerError("; ".join(texts), read, partial)
        return read

    def _fitting(self, columns: list[str], indexes: list[str]) -> list[str]:
        """Those of the columns of numbers whose rows fit one frame together."""
        if len(columns) < 2 or not indexes:
            return []
        # An object is its name and a number of at most nine octets, with their tags and lengths (X.690).
        arcs_of_one = arcs(f"{columns[0]}.{indexes[-1]}")
        size = 14 + sum(1 + (arc > 127) + (arc > 16_383) + (arc > 2_097_151) + (arc >> 28 > 0) for arc in arcs_of_one)
        return columns[: FRAME // (size * len(indexes))]

    async def _get_columns(self, columns: list[Column]) -> list[str]:
        """Asks for the rows of these columns at once; the names of those that have some, the others are to be walked.

        What a device does not answer in this way it may still answer column by column.
        """
        named = [column.known for column in columns]
        oids = [oid for part in named for oid in part]
        try:
            answer = await self._ask_for(oids, WHOLE_TRIES)
        except SnmpRefused:
            raise
        except (SnmpAnswerError, SnmpTimeout):
            answer = None
        if answer is None:
            self._together = False
            return []
        return [column.column for column, part in zip(columns, named, strict=True) if column.fill(part, answer)]

    async def _walk(self, column: Column) -> None:
        try:
            if self.credential.kind == "snmp-v1" and column.known:
                await self._walk_v1(column)
                return
            while answer := await self._following(column.behind, column.repetitions):
                if column.take(answer):
                    return
        except ColumnError as error:
            raise SnmpAnswerError(f"{self.where}: {error}") from None

    async def _walk_v1(self, column: Column) -> None:
        """SNMP v1 has no GETBULK: behind the first row, those that the table is known to have are asked for."""
        answer = await self._following(column.column, 1)
        if not answer or column.take(answer):
            return
        failure: SnmpError | None = None
        try:
            found = await self.get_many(column.known)
        except SnmpError as error:
            failure, found = error, error.read
        column.take({oid: value for oid, value in found.items() if not isinstance(value, Absent)})
        if failure:
            raise failure

    async def first(self, column: str, *, rows: int = 3) -> list[tuple[str, Answer]]:
        """The index and value of the first few rows of a column, for tables whose first filled row says enough."""
        base = column + "."
        answer = await self._following(column, rows)
        return [(oid.removeprefix(base), value) for oid, value in answer.items() if oid.startswith(base)]

    async def _following(self, oid: str, rows: int) -> dict[str, Answer]:
        """What follows `oid`, in order, at most about `rows` of it; empty at the end of what the device shows."""
        rows = min(rows, self._repetitions)
        refused = False
        while True:
            try:
                answer = await self._next(oid, rows)
            except SnmpRefused:
                raise
            except SnmpStatus as error:
                if error.status == NO_SUCH_NAME:
                    return {}
                if rows == 1 or self.credential.kind == "snmp-v1":
                    raise SnmpAnswerError(f"{error} to a walk behind {oid}") from None
                refused = True
                # What is no matter of size is soon tried with one row.
                rows = rows if error.status == TOO_BIG else rows // 4 or 2
            except SnmpAnswerError:
                if rows == 1:
                    raise
            else:
                if answer:
                    if refused:
                        # What was too much for the device once will be again.
                        self._repetitions = min(self._repetitions, rows)
                    return answer
                if await self._at_end(oid):
                    return {}
                if rows == 1:
                    raise SnmpAnswerError(f"{self.where} answers a walk behind {oid} with an error")
                refused = True
            rows //= 2

    async def _next(self, oid: str, rows: int) -> dict[str, Answer]:
        opened = self.opened
        cursor = GetIter(oid, rows)
        if self.credential.kind == "snmp-v1":
            answer = await self.ask(lambda: opened.send_get_next(cursor), opened.recv_get_many)
        else:
            sent = 0

            def send() -> None:
                nonlocal sent
                sent += 1
                # Where large answers are lost on the way, in fragments, a small one gets through.
                opened.send_get_bulk(cursor if sent <= WHOLE_TRIES else GetIter(oid, min(rows, SMALL)))

            # Read with recv_get_many, not recv_get_bulk: the latter takes an error for the end of the table.
            answer = await self.ask(send, opened.recv_get_many)
        return answer  # type: ignore[return-value]  # it leaves out NULL and what does not exist

    async def _at_end(self, oid: str) -> bool:
        """Whether nothing follows `oid` (endOfMibView); SnmpAnswerError when the device answers with an error."""
        opened = self.opened
        cursor = GetIter(oid, 1)
        if self.credential.kind == "snmp-v1":
            return True  # no error-status, and NULL or nothing: so some agents end a walk
        try:
            value = await self.ask(lambda: opened.send_get_bulk(cursor), opened.recv_get)
        except gufo.NoSuchInstance:
            return True
        if value is None:
            raise SnmpAnswerError(f"{self.where} answers a walk behind {oid} with an error")
        return False
