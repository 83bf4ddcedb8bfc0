"""Spans of time, and those that touch or overlap made one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

__all__ = ["Span", "Stretch", "joined"]

T = TypeVar("T", int, datetime)

Stretch = tuple[int, int]
"""From an instant (milliseconds) up to, and without, another."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, such as a call."""

    begin: datetime
    end: datetime

    def common(self, other: Span) -> timedelta:
        """How long both go on at once."""
        return max(min(self.end, other.end) - max(self.begin, other.begin), timedelta())


def joined(spans: Iterable[tuple[T, T]]) -> list[tuple[T, T]]:
    """Begins and ends in order, those that touch or overlap as one; what ends before it begins is left out."""
    found: list[tuple[T, T]] = []
    for begin, end in sorted(span for span in spans if span[0] <= span[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
