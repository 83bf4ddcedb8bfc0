"""A series: the rows of what one source said under one key of one subject, and where a late value belongs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.store.tables import FOREVER


@dataclass(slots=True)
class Held:
    """One row of a series: a value held from `first` to `last` (milliseconds), replaced at `until`."""

    first: int
    last: int
    value: str | None
    proof: int
    until: int = FOREVER

    def same(self, other: Held) -> bool:
        """Whether both say the same, on the same proof."""
        return self.value == other.value and self.proof == other.proof

    def contradicts(self, other: Held) -> bool:
        """Whether the two state different values on the same proof, so that the newer is taken."""
        return self.proof == other.proof and None not in (self.value, other.value) and self.value != other.value


def splice(rows: Sequence[Held], seen: Held, age: int) -> list[Held]:
    """The rows of a series with one more value, seen at one time, put where it belongs.

    A late contradiction inside a row splits it: what the row says is known again from when it was last confirmed.

    Args:
        rows: a whole series, in any order.
        seen: the value, with the time at which it was seen as `first` and `last`.
        age: the key's maximum age in milliseconds: a longer gap ends a row even where the value is the same.
    """
    pieces = [seen]
    for row in rows:
        inside = row.first <= seen.first <= row.last
        if inside and row.same(seen):
            return list(rows)
        if not inside:
            pieces.append(Held(row.first, row.last, row.value, row.proof))
            continue
        if row.first < seen.first:
            pieces.append(Held(row.first, seen.first, row.value, row.proof))
        if seen.first < row.last < row.until:
            pieces.append(Held(row.last, row.last, row.value, row.proof))
    joined: list[Held] = []
    new: Held | None = None  # The row that holds `seen`: only it is joined with its neighbours.
    for row in sorted(pieces, key=lambda h: (h.first, h is seen)):
        before = joined[-1] if joined else None
        near = before is not None and (row is seen or before is new)
        if near and before is not None and before.same(row) and row.first - before.last <= age:
            before.last = max(before.last, row.last)
            new = before
        else:
            if before is not None:
                before.until = row.first
            joined.append(row)
            new = row if row is seen else new
    return joined
