"""Walks everything that a device shows, and ends whatever the device does."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from collectors.recording.asking import Asking
from collectors.recording.left_out import is_left_out, long_column
from collectors.recording.snmprec import Oid, Row, dotted
from collectors.transports.snmp import SnmpAnswerError, SnmpTimeout

SUBTREES: Final[tuple[Oid, ...]] = ((1, 0, 8802), (1, 3, 6, 1), (1, 3, 111))
"""LLDP (IEEE 802.1AB), all that the IETF's tree holds, IEEE 802 (its newer LLDP among it)."""
REPETITIONS = 25
MANY = 100
"""How many times the rows of one column a whole walk may have."""
_JUMPS = 20
"""Places that a device may answer with an error, or out of order, before the rest of a subtree is given up."""
_SILENCES = 3
_FEWEST_ARCS = 9
"""A column lies at least this deep: 1.3.6.1.4.1, maker, object, column."""


@dataclass(slots=True)
class Walk:
    """What was read so far; `problems` says why it is not all."""

    rows: dict[Oid, Row] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows that are not kept, by the reason."""

    def tell(self, problem: str) -> None:
        """Notes a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)


async def walk_all(
    asking: Asking,
    walk: Walk,
    subtrees: Sequence[Oid] = SUBTREES,
    *,
    max_rows: int,
    advanced: Callable[[Oid, int], None] = lambda oid, rows: None,
) -> None:
    """Adds to `walk` what the device shows below `subtrees`.

    What it answers with errors is jumped over and noted, and so are rows behind the first `max_rows` of a column.
    SnmpTimeout where it is silent from the start or falls silent for good.

    Args:
        max_rows: of one column; MANY times as many in all.
        advanced: told after each answer how far the walk has come, and how many rows it has.
    """
    for subtree in subtrees:
        await _Subtree(asking, walk, subtree, max_rows, advanced).run()


class _Subtree:
    """The walk of one subtree."""

    def __init__(
        self, asking: Asking, walk: Walk, subtree: Oid, max_rows: int, advanced: Callable[[Oid, int], None]
    ) -> None:
        self.asking, self.walk, self.subtree = asking, walk, subtree
        self.max_rows, self.advanced = max_rows, advanced
        self.at = subtree
        self.repetitions = 1 if asking.single else REPETITIONS
        self.jumps = self.silences = 0
        self.recent: deque[Oid] = deque(maxlen=max_rows)
        self.of_column: Counter[Oid] = Counter()

    async def run(self) -> None:
        """Until the end of the subtree."""
        while True:
            try:
                rows = await self.asking.following(self.at, self.repetitions)
            except SnmpTimeout as error:
                if not self.walk.rows or not self._skip_silence(error):
                    raise
                continue
            except SnmpAnswerError as error:
                if self.repetitions > 1:
                    self.repetitions = max(1, self.repetitions // 4)
                elif not self._jump(f"{error} behind {dotted(self.at)}"):
                    return
                continue
            self.silences = 0
            if not rows or not self._take(rows):
                return
            self.advanced(self.at, len(self.walk.rows))
            if len(self.walk.rows) >= MANY * self.max_rows:
                self.walk.tell(f"broken off after {len(self.walk.rows):,} rows")
                return
            # A device whose answers are quick keeps the loop from ever looking at signals and deadlines.
            await asyncio.sleep(0)

    def _skip_silence(self, error: SnmpTimeout) -> bool:
        """Many an agent dies of one object and is there for the next; one that is gone stays silent."""
        self.silences += 1
        if self.silences == 1 and self.repetitions > 1:
            self.repetitions = max(1, self.repetitions // 4)  # its answer may be too long for the way
            return True
        return self.silences < _SILENCES and self._jump(f"{error} behind {dotted(self.at)}")

    def _take(self, rows: Sequence[Row]) -> bool:
        """Keeps rows; whether there are more to come."""
        for row in rows:
            if row.oid[: len(self.subtree)] != self.subtree:
                return row.oid <= self.at and self._jump(f"{self.asking.where}: the rows of {dotted(self.at)} decrease")
            if row.oid <= self.at:
                return self._jump(f"{self.asking.where}: the rows behind {dotted(self.at)} do not increase")
            if self._is_beyond(row.oid):
                return True
            self.at = row.oid
            if why := is_left_out(row.oid):
                self.walk.left_out[why] += 1
            else:
                self.walk.rows[row.oid] = row
        return True

    def _is_beyond(self, oid: Oid) -> bool:
        """Whether the column has had its rows; the walk then goes on behind it."""
        column = long_column(oid)
        if column:
            self.of_column[column] += 1
            full = self.of_column[column] > self.max_rows
        else:
            column = self._column_of_run(oid)
            full = bool(column)
        if not full:
            return False
        self.walk.tell(f"{dotted(column)}: only its first {self.max_rows:,} rows")
        self.at = _behind(column)
        self.recent.clear()
        return True

    def _column_of_run(self, oid: Oid) -> Oid:
        """The column of which as many rows as may be came one after another; empty where it is none."""
        self.recent.append(oid)
        if len(self.recent) < self.max_rows:
            return ()
        first = self.recent[0]
        common = next((n for n, (a, b) in enumerate(zip(first, oid, strict=False)) if a != b), 0)
        if common < _FEWEST_ARCS or len(oid) <= common:
            return ()
        # The columns of one table are few, and so many different arcs are rows.
        different = {other[common] for other in self.recent if len(other) > common}
        return oid[:common] if len(different) >= self.max_rows // 2 else ()

    def _jump(self, problem: str) -> bool:
        """Goes on behind what could not be read, further with every time; False where it is given up."""
        self.walk.tell(problem)
        self.jumps += 1
        keep = max(len(self.at) - 1 - (self.jumps - 1) % 4, len(self.subtree) + 1)
        if self.jumps > _JUMPS or len(self.at) <= len(self.subtree):
            return False
        self.at = _behind(self.at[:keep])
        self.recent.clear()
        return True


def _behind(oid: Oid) -> Oid:
    """The first OID that is not below `oid`: it is no instance, so nothing is passed over."""
    return (*oid[:-1], oid[-1] + 1)
