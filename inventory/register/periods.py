"""Periods of validity in the register: gaps, overlaps and cycles of the tree of agencies, which is dated. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from inventory.words import Agency, Title

__all__ = ["Place", "Placed", "cycles", "first_gap", "overlaps"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a declared row stands: its sheet and number, or the name under which it was stored before."""

    sheet: str
    row: int | None
    stored: str | None = None

    @property
    def title(self) -> Title:
        """The place as a part of a sentence."""
        if self.row is None:
            return Title(f"dòng đã lưu {self.stored}", f"the stored row {self.stored}")
        return Title(f"dòng {self.row}", f"row {self.row}")


Placed = tuple[Place, Agency]
"""One period of an agency's code, and where it was declared."""


def first_gap(child: Agency, rows: Sequence[Agency]) -> tuple[date, date | None] | None:
    """The first days of the child's period on which none of `rows` (by first day) is valid; None without such days."""
    day = child.valid_from
    for row in rows:
        if row.valid_from > day:
            until = row.valid_from - timedelta(days=1)
            return day, until if child.valid_to is None else min(until, child.valid_to)
        if _last(row) == date.max:
            return None
        day = max(day, _last(row) + timedelta(days=1))
        if day > _last(child):
            return None
    return day, child.valid_to


def overlaps(rows: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Pairs of periods (by first day) of one code that have a day in common; equal first days are not its concern."""
    longest: Placed | None = None
    for row in rows:
        if longest is not None and longest[1].valid_from < row[1].valid_from <= _last(longest[1]):
            yield longest, row
        if longest is None or _last(row[1]) > _last(longest[1]):
            longest = row


def cycles(periods: Mapping[str, Sequence[Placed]]) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Agencies that are above themselves on some day: where the first row of each cycle stands, and its codes."""
    reported: set[str] = set()
    suspects = _unrooted(periods)
    starts = sorted(
        (placed for code in suspects for placed in periods[code]),
        key=lambda placed: (placed[0].row is None, placed[0].row or 0),
    )
    for place, agency in starts:
        if agency.code in reported:
            continue
        path = _way_back(periods, agency, reported)
        if path:
            reported.update(path)
            yield place, path


def _unrooted(periods: Mapping[str, Sequence[Placed]]) -> set[str]:
    """The codes left when those whose parents all end at a root are taken away, as if all periods were one."""
    children: dict[str, set[str]] = {code: set() for code in periods}
    waiting: dict[str, int] = {}
    for code, rows in periods.items():
        parents = {row.parent for _, row in rows if row.parent in periods}
        waiting[code] = len(parents)
        for parent in parents:
            children[str(parent)].add(code)
    rooted = [code for code, parents_left in waiting.items() if parents_left == 0]
    for code in rooted:
        for child in children[code]:
            waiting[child] -= 1
            if waiting[child] == 0:
                rooted.append(child)
    return periods.keys() - set(rooted)


def _way_back(periods: Mapping[str, Sequence[Placed]], start: Agency, reported: set[str]) -> tuple[str, ...]:
    """The codes from an agency up to itself over parents that are all valid on one day; empty without such a way."""
    ways: list[tuple[Agency, date, date, tuple[str, ...]]] = [
        (start, start.valid_from, _last(start), (start.code,)),
    ]
    while ways:
        agency, first, last, path = ways.pop()
        if agency.parent == start.code:
            return (*path, start.code)
        if agency.parent is None or agency.parent in path or agency.parent in reported:
            continue
        for _, row in periods.get(agency.parent, ()):
            since, until = max(first, row.valid_from), min(last, _last(row))
            if since <= until:
                ways.append((row, since, until, (*path, row.code)))
    return ()


def _last(agency: Agency) -> date:
    return agency.valid_to or date.max
