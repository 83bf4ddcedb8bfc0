"""Speaks SNMP v1, v2c and v3 to one device, with a deadline on everything and no trust in what comes back.

Built on the codec of gufo-snmp, whose gaps this module closes (the measurements are in its tests): it has no retries
and no total deadline; its waiting can swallow a cancellation on Python 3.11; it ignores error-status and drops what
does not exist; it reads at most 4,080 bytes of an answer; and it follows an agent whose walk never ends.

    SnmpError                    the device was not read; `read` holds what had come in before
    ├── SnmpTimeout              no answer in time: dead, unreachable, or a community that it does not know (RFC 3584)
    └── SnmpAnswerError          an answer that is no use: undecodable, an error-status, rows that do not increase
        └── SnmpRefused          SNMPv3 user, password or protocol not accepted (RFC 3414 section 3.2)

No text of an error holds a community or a password.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import gufo.snmp as gufo
from gufo.snmp._fast import GetIter

from collectors.transports.snmp_wire import SnmpAnswerError, SnmpError, SnmpRefused, SnmpTimeout, SnmpWire
from inventory.words import Credential

__all__ = ["ABSENT", "Absent", "Answer", "SnmpAnswerError", "SnmpClient", "SnmpError", "SnmpRefused", "SnmpTimeout"]


class Absent(enum.Enum):
    """What the device says of an object that it does not have: noSuchObject or noSuchInstance (RFC 3416)."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

#: OCTET STRING as bytes, OBJECT IDENTIFIER and IpAddress as dotted text, numbers as int (TimeTicks in 1/100 s).
Answer = bytes | str | int | float


OBJECTS_PER_REQUEST = 20
"""Enough to save round trips, few enough that the answer fits one frame."""
REPETITIONS = 25
"""Rows asked for at once: 25 rows of 100 bytes stay below the codec's 4,080 bytes."""
MAX_ROWS = 10_000


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


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
        self._repetitions = REPETITIONS
        self._witness: str | None = None

    async def get_many(self, oids: Iterable[str]) -> dict[str, Answer | Absent]:
        """The value of each object, or ABSENT; SnmpError, with `read`, where some object got no usable answer.

        An object that the device answers with an error is asked for alone, so that it spoils no other.
        """
        wanted = list(dict.fromkeys(oids))
        found: dict[str, Answer | Absent] = {}
        failure: SnmpAnswerError | None = None
        for start in range(0, len(wanted), OBJECTS_PER_REQUEST):
            try:
                found |= await self._get_part(wanted[start : start + OBJECTS_PER_REQUEST])
            except SnmpAnswerError as error:
                found |= error.read
                failure = error
            except SnmpTimeout as error:
                raise SnmpTimeout(str(error), found) from None
        if failure:
            raise type(failure)(str(failure), found)
        return found

    async def _get_part(self, oids: list[str]) -> dict[str, Answer | Absent]:
        """`get_many` of what fits one request, halved for as long as the answer is of no use."""
        opened = self.opened
        # An error-status and an answer cut short both show as objects missing; an object known to exist, asked for
        # last, tells them from objects that do not exist.
        asked = [*oids, self._witness] if self._witness and self._witness not in oids else oids
        try:
            answer = await self.ask(lambda: opened.send_get_many(asked), opened.recv_get_many)
        except SnmpRefused:
            raise
        except SnmpAnswerError:
            answer = {}
        if any(value is not None for value in answer.values()) and (not self._witness or self._witness in answer):
            self._witness = self._witness or next(iter(answer))
            return {oid: ABSENT if (value := answer.get(oid)) is None else value for oid in oids}
        if len(oids) == 1:
            return {oids[0]: await self._get_one(oids[0])}
        found: dict[str, Answer | Absent] = {}
        failure: SnmpAnswerError | None = None
        for half in (oids[: len(oids) // 2], oids[len(oids) // 2 :]):
            try:
                found |= await self._get_part(half)
            except SnmpAnswerError as error:
                found |= error.read
                failure = error
        if failure:
            raise type(failure)(str(failure), found)
        return found

    async def _get_one(self, oid: str) -> Answer | Absent:
        opened = self.opened
        try:
            value = await self.ask(lambda: opened.send_get(oid), opened.recv_get)
        except gufo.NoSuchInstance:
            return ABSENT
        if value is not None:
            return value
        if self.credential.kind == "snmp-v1":
            return ABSENT  # noSuchName; the codec does not tell it from genErr
        raise SnmpAnswerError(f"{self.where} answers {oid} with an error or nothing")

    async def walk(self, column: str, *, max_rows: int = MAX_ROWS) -> dict[str, Answer]:
        """The rows below `column` by index; SnmpError, with the rows so far in `read`, when there is no clean end."""
        base = _arcs(column)
        last, rows = base, dict[str, Answer]()
        skipped = len(column) + 1
        try:
            while answer := await self._following(".".join(map(str, last))):
                for oid, value in answer.items():
                    arcs = _arcs(oid)
                    if arcs[: len(base)] != base:
                        return rows
                    if arcs <= last:
                        raise SnmpAnswerError(f"{self.where}: the rows of {column} do not increase")
                    if len(rows) >= max_rows:
                        raise SnmpAnswerError(f"{self.where}: {column} has more than {max_rows:,} rows")
                    last = arcs
                    rows[oid[skipped:]] = value
        except SnmpError as error:
            raise type(error)(str(error), rows) from None
        return rows

    async def first(self, column: str, *, rows: int = 3) -> list[tuple[str, Answer]]:
        """The index and value of the first few rows of a column, for tables whose first filled row says enough."""
        base = column + "."
        answer = await self._following(column, repetitions=rows)
        return [(oid.removeprefix(base), value) for oid, value in answer.items() if oid.startswith(base)]

    async def _following(self, oid: str, *, repetitions: int | None = None) -> dict[str, Answer]:
        """What follows `oid`, in order; empty at the end of what the device shows."""
        while True:
            rows = repetitions or self._repetitions
            try:
                answer = await self._next(oid, rows)
            except SnmpRefused:
                raise
            except SnmpAnswerError:
                if rows == 1:
                    raise
                answer = {}
            if answer:
                return {name: value for name, value in answer.items() if value is not None}
            if await self._at_end(oid):
                return {}
            if rows == 1:
                raise SnmpAnswerError(f"{self.where} answers a walk behind {oid} with an error")
            # An answer that is too big, for the device or for the codec, fits when fewer rows are asked for.
            self._repetitions = rows // 2
            repetitions = None if repetitions is None else rows // 2

    async def _next(self, oid: str, rows: int) -> dict[str, Answer]:
        opened = self.opened
        cursor = GetIter(oid, rows)
        if self.credential.kind == "snmp-v1":
            answer = await self.ask(lambda: opened.send_get_next(cursor), opened.recv_get_many)
        else:
            # Read with recv_get_many, not recv_get_bulk: the latter takes an error for the end of the table.
            answer = await self.ask(lambda: opened.send_get_bulk(cursor), opened.recv_get_many)
        return answer  # type: ignore[return-value]  # None values are dropped by the caller

    async def _at_end(self, oid: str) -> bool:
        """Whether nothing follows `oid` (endOfMibView); SnmpAnswerError when the device answers with an error."""
        if self.credential.kind == "snmp-v1":
            return True  # noSuchName; the codec does not tell it from genErr
        opened = self.opened
        cursor = GetIter(oid, 1)
        try:
            value = await self.ask(lambda: opened.send_get_bulk(cursor), opened.recv_get)
        except gufo.NoSuchInstance:
            return True
        if value is None:
            raise SnmpAnswerError(f"{self.where} answers a walk behind {oid} with an error")
        return False
