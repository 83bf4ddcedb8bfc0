"""Answers as the rows of a table, with the transformations that Dophu's tables use: merge, matrix, organize, sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.preview.prometheus import Series

__all__ = ["Frame", "frame_of", "transformed"]

Cell = float | str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """The fields of a table, in their order, and its rows by field; a cell that is not there is empty."""

    fields: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]

    def sorted_by(self, name: str, *, descending: bool) -> Frame:
        """The rows in the order of a field, texts without regard to case, empty cells below all others."""

        def order(row: Mapping[str, Cell]) -> tuple[int, float, str]:
            value = row.get(name)
            if value is None:
                return (0, 0.0, "")
            return (2, 0.0, value.casefold()) if isinstance(value, str) else (1, value, "")

        return Frame(self.fields, tuple(sorted(self.rows, key=order, reverse=descending)))


def frame_of(series: Sequence[Series], value: str) -> Frame:
    """A row for each series, with its labels and its newest value in the field `value`."""
    labels = sorted({label for one in series for label in one.labels})
    return Frame((*labels, value), tuple({**one.labels, value: one.newest} for one in series))


def transformed(frames: Sequence[Frame], steps: Sequence[Mapping[str, Any]]) -> Frame:
    """The frames after a panel's transformations; where they do not make one of several, the first.

    A transformation that is not known here is a KeyError: the panel would look otherwise in Grafana.
    """
    for step in steps:
        frames = _STEPS[step["id"]](frames, step.get("options") or {})
    return frames[0]


def _merge(frames: Sequence[Frame], _: Mapping[str, Any]) -> list[Frame]:
    """One frame: rows that agree on the fields which all frames have, and contradict in none, become one."""
    frames = [frame for frame in frames if frame.rows]
    if not frames:
        return [Frame((), ())]
    keys = [name for name in frames[0].fields if all(name in frame.fields for frame in frames)]
    fields = list(dict.fromkeys(name for frame in frames for name in frame.fields))
    merged: dict[tuple[Cell, ...], list[dict[str, Cell]]] = {}
    for frame in frames:
        for row in frame.rows:
            same = merged.setdefault(tuple(row.get(key) for key in keys), [])
            fitting = next((one for one in same if all(one.get(k, v) == v for k, v in row.items())), None)
            if fitting is None:
                same.append(dict(row))
            else:
                fitting |= row
    return [Frame(tuple(fields), tuple(row for same in merged.values() for row in same))]


def _matrix(frames: Sequence[Frame], options: Mapping[str, Any]) -> list[Frame]:
    """A row for each value of one field, a column for each of another."""
    row, column, value = options["rowField"], options["columnField"], options["valueField"]
    corner = f"{row}\\{column}"
    spread: dict[Cell, dict[str, Cell]] = {}
    for one in frames[0].rows:
        spread.setdefault(one.get(row), {corner: one.get(row)})[str(one.get(column))] = one.get(value)
    columns = dict.fromkeys(str(one.get(column)) for one in frames[0].rows)
    return [Frame((corner, *columns), tuple(spread.values()))]


def _organize(frames: Sequence[Frame], options: Mapping[str, Any]) -> list[Frame]:
    """Fields left out, put in order and renamed; those without a place stand last."""
    left_out, places = options.get("excludeByName") or {}, options.get("indexByName") or {}
    names = options.get("renameByName") or {}
    kept = [name for name in frames[0].fields if not left_out.get(name)]
    kept.sort(key=lambda name: places.get(name, len(places)))
    rows = tuple({names.get(k, k): v for k, v in row.items() if k in kept} for row in frames[0].rows)
    return [Frame(tuple(names.get(name, name) for name in kept), rows)]


_STEPS: Mapping[str, Callable[[Sequence[Frame], Mapping[str, Any]], list[Frame]]] = {
    "merge": _merge,
    "groupingToMatrix": _matrix,
    "organize": _organize,
}
