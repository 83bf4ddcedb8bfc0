"""The rows of one column of a table as they come in: increasing, bounded, up to an end that is known to be one."""

from __future__ import annotations

from collections.abc import Mapping
from operator import lt

#: OCTET STRING as bytes, OBJECT IDENTIFIER and IpAddress as dotted text, numbers as int (TimeTicks in 1/100 s).
Answer = bytes | str | int | float

REPETITIONS = 25
"""Rows asked for at once where nothing is known of the table: 25 of 100 bytes stay below the codec's 4,080 bytes."""
UNSEEN_REPETITIONS = 65
"""Rows asked for at once where their number is known and their length is not: of a switch with 64 ports."""
MOST_REPETITIONS = 100
FULL = 3_600
"""Bytes of an answer that is filled on purpose: the codec reads 4,080, and rows differ in length."""
_ROW = 10
"""Bytes of a row besides its name and its octets: tags, lengths, and a number."""


class ColumnError(Exception):
    """The rows do not increase, or are more than they may be."""


def arcs(oid: str) -> tuple[int, ...]:
    """The numbers of a dotted OID or index."""
    return tuple(map(int, oid.split(".")))


class Column:
    """A column being walked; `rows` by index, in the device's order."""

    __slots__ = ("_at", "_known", "_most", "_prefix", "_weight", "column", "rows")

    def __init__(self, column: str, most: int, known: list[str] | None = None) -> None:
        """`most` rows at most; `known` are the indexes, increasing, that another column of the table has."""
        self.column = column
        self.rows: dict[str, Answer] = {}
        self._prefix = column + "."
        self._most, self._known, self._at = most, known or [], 0
        self._weight = 0.0

    def expect(self, known: list[str]) -> None:
        """Takes the indexes that another column of the table turned out to have; before the first row."""
        self._known = known

    @property
    def behind(self) -> str:
        """The OID to be asked behind."""
        return self._prefix + next(reversed(self.rows)) if self.rows else self.column

    @property
    def repetitions(self) -> int:
        """How many rows to ask for next: those that are to come and one more, which shows the end."""
        left = len(self._known) - len(self.rows)
        wanted = left + 1 if left > 0 else MOST_REPETITIONS if self.rows else REPETITIONS
        fitting = int(FULL / self._weight) if self._weight else UNSEEN_REPETITIONS
        return max(1, min(wanted, fitting, MOST_REPETITIONS))

    @property
    def known(self) -> list[str]:
        """The objects that are to come if this column has the rows that are known."""
        return [self._prefix + index for index in self._known[self._at :]]

    def fill(self, asked: list[str], answer: Mapping[str, Answer | None]) -> bool:
        """Takes the known rows, which were `asked` for before the first, out of an answer; whether there are any."""
        get, rows = answer.get, self.rows
        for index, oid in zip(self._known, asked, strict=True):
            value = get(oid)
            if value is not None:
                rows[index] = value
        return bool(rows)

    def take(self, answer: Mapping[str, Answer]) -> bool:
        """Adds what a request behind `behind` was answered with; whether that was the end. ColumnError for bad rows."""
        prefix, size = self._prefix, len(self._prefix)
        found = {oid[size:]: value for oid, value in answer.items() if oid.startswith(prefix)}
        ended = len(found) < len(answer)
        if ended:
            self._check_end(answer, len(found))
        indexes = list(found)
        known = self._known[self._at : self._at + len(indexes)] == indexes
        if known:
            # The same rows as in the column that was walked first, whose order was looked at.
            self._at += len(indexes)
        elif indexes:
            self._check_order(indexes)
        if len(self.rows) + len(found) > self._most:
            for index in indexes[: self._most - len(self.rows)]:
                self.rows[index] = found[index]
            raise ColumnError(f"{self.column} has more than {self._most:,} rows")
        self.rows |= found
        if ended or not found:
            return True
        if known and self._at == len(self._known):
            return True
        self._weigh(answer)
        return False

    def _check_end(self, answer: Mapping[str, Answer], inside: int) -> None:
        """What follows the column must lie behind it, and nothing of the column behind that."""
        follower = list(answer)[inside]
        if follower.startswith(self._prefix) or arcs(follower) <= arcs(self.column):
            raise ColumnError(f"the rows of {self.column} do not increase")

    def _check_order(self, indexes: list[str]) -> None:
        numbers = [arcs(index) for index in indexes]
        # After rows that were known to be in order, the last of those is the one to exceed.
        highest = arcs(next(reversed(self.rows))) if self.rows else ()
        if numbers[0] <= highest or not all(map(lt, numbers, numbers[1:])):
            raise ColumnError(f"the rows of {self.column} do not increase")
        self._known, self._at = [], 0

    def _weigh(self, answer: Mapping[str, Answer]) -> None:
        """Learns how long a row is."""
        octets = sum(len(value) for value in answer.values() if isinstance(value, bytes | str))
        name = next(iter(answer))
        self._weight = octets / len(answer) + _ROW + 1.3 * (name.count(".") + 1)
