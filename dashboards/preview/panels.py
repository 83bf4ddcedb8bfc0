"""From a panel of a dashboard and the answers to its expressions to what stands in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.preview.charts import Chart, Line, Mark, lay_out
from dashboards.preview.looks import PALETTE, Looks, Shown
from dashboards.preview.prometheus import Answer, Series, Window
from dashboards.preview.tables import frame_of, transformed
from dashboards.preview.variables import fill

__all__ = ["WIDTH", "Bar", "Bars", "Box", "Cell", "Graph", "Heading", "Numbers", "Rows", "box_of", "drawn"]

WIDTH = 1568
"""Pixels of all 24 columns together."""
_COLUMNS, _ROW, _GAP = 24, 38, 8
HEAD = 32
"""Pixels of a panel's title."""
_PADDING = 8
_LEGEND = 20
"""Pixels of a line of a legend."""
_LETTER = 7.2
_LEAST_COLUMN = 150.0
"""Pixels that Grafana gives a column at least whose width is not set."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a panel stands, in pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def inner(self) -> tuple[float, float]:
        """Width and height of what is under its title."""
        return self.width - 2 * _PADDING - 2, self.height - HEAD - _PADDING - 2


def box_of(place: Mapping[str, int]) -> Box:
    """The box of a place in the grid."""
    column = (WIDTH + _GAP) / _COLUMNS
    return Box(place["x"] * column, place["y"] * _ROW, place["w"] * column - _GAP, place["h"] * _ROW - _GAP)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Large numbers, each with its name where there are several."""

    shown: tuple[tuple[str, Shown], ...]
    size: float
    """Pixels of the letters."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value as a part of the whole, from 0 to 1."""

    name: str
    shown: Shown
    part: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Values as bars under each other."""

    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of a table: its name, its width in pixels where that is fixed, and on which side its values stand."""

    name: str
    width: float | None
    numeric: bool
    wrapped: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a table and the page of Dophu about it."""

    shown: Shown
    page: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """A table, and the least width at which Grafana shows it without a bar to scroll."""

    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    least: float


@dataclass(frozen=True, slots=True)
class Graph:
    """Values over time, and the pixels that the legend has."""

    chart: Chart
    legend: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all panels of a dashboard share: its time, its marks, and the values of its variables."""

    window: Window
    zone: ZoneInfo
    marks: tuple[Mark, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


Drawn = Numbers | Bars | Rows | Graph


def drawn(panel: Mapping[str, Any], answers: Sequence[Answer], around: Surroundings) -> Drawn:
    """What stands in a panel, of the answers to its targets in their order; at least one of them has a series.

    A type of panel that no dashboard has is a KeyError.
    """
    return _KINDS[panel["type"]](panel, answers, around)


def _named(panel: Mapping[str, Any], answers: Sequence[Answer]) -> list[tuple[str, Series]]:
    """Every series with the name that its target's legend gives it."""
    return [
        (labelled(target.get("legendFormat") or "", one), one)
        for target, answer in zip(panel["targets"], answers, strict=True)
        for one in answer.series
    ]


def labelled(pattern: str, series: Series) -> str:
    """A pattern with the values of labels in the place of their names {{in such}}; without one, the whole series."""
    if pattern:
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: series.labels.get(match[1], match[1]), pattern)
    labels = ", ".join(f'{key}="{value}"' for key, value in series.labels.items() if key != "__name__")
    return series.labels.get("__name__", "") + f"{{{labels}}}"


def _numbers(panel: Mapping[str, Any], answers: Sequence[Answer], around: Surroundings) -> Numbers:
    shown = tuple((name, Looks.of(panel, name, around.zone).show(one.newest)) for name, one in _named(panel, answers))
    width, height = box_of(panel["gridPos"]).inner
    longest = max(len(one.text) for _, one in shown)
    several = len(shown) > 1
    size = min(0.55 * height / len(shown), width / (0.62 * longest), 56.0)
    return Numbers(shown if several else (("", shown[0][1]),), max(size, 12.0))


def _bars(panel: Mapping[str, Any], answers: Sequence[Answer], around: Surroundings) -> Bars:
    bars = []
    for name, one in _named(panel, answers):
        looks = Looks.of(panel, name, around.zone)
        low, high = float(looks.properties.get("min") or 0), float(looks.properties.get("max") or 1)
        value = one.newest
        part = 0.0 if value is None or high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
        bars.append(Bar(name, looks.show(value), part))
    return Bars(tuple(bars))


def _graph(panel: Mapping[str, Any], answers: Sequence[Answer], around: Surroundings) -> Graph:
    lines = []
    for index, (name, one) in enumerate(_named(panel, answers)):
        looks = Looks.of(panel, name, around.zone)
        style = looks.properties.get("custom.lineStyle") or {}
        color = looks.fixed or PALETTE[index % len(PALETTE)]
        lines.append(Line(looks.name or name, color, style.get("fill") == "dash", one.points))
    width, height = box_of(panel["gridPos"]).inner
    legend = min(_LEGEND * _rows_of_legend([line.name for line in lines], width), 0.35 * height)
    looks = Looks.of(panel, "", around.zone)
    chart = lay_out(lines, around.marks, around.window, looks, width, height - legend, around.zone)
    return Graph(chart, legend)


def _rows_of_legend(names: Sequence[str], width: float) -> int:
    """How many lines the names of a graph take side by side."""
    lines, taken = 1, 0.0
    for name in names:
        needed = 36 + _LETTER * len(name)
        if taken and taken + needed > width:
            lines, taken = lines + 1, 0.0
        taken += needed
    return lines


def _rows(panel: Mapping[str, Any], answers: Sequence[Answer], around: Surroundings) -> Rows:
    targets = panel["targets"]
    several = len(targets) > 1
    frames = [
        frame_of(answer.series, f"Value #{target['refId']}" if several else "Value")
        for target, answer in zip(targets, answers, strict=True)
    ]
    frame = transformed(frames, panel.get("transformations") or ())
    for order in reversed((panel.get("options") or {}).get("sortBy") or ()):
        frame = frame.sorted_by(order["displayName"], descending=bool(order.get("desc")))
    looks = [Looks.of(panel, name, around.zone) for name in frame.fields]
    headings = tuple(
        Heading(
            name,
            one.properties.get("custom.width"),
            all(not isinstance(row.get(name), str) for row in frame.rows),
            bool((one.properties.get("custom.cellOptions") or {}).get("wrapText")),
        )
        for name, one in zip(frame.fields, looks, strict=True)
    )
    rows = tuple(
        tuple(_cell(row.get(name), one, around.values) for name, one in zip(frame.fields, looks, strict=True))
        for row in frame.rows
    )
    least = sum(heading.width or _LEAST_COLUMN for heading in headings)
    return Rows(headings, rows, math.ceil(least))


def _cell(value: float | str | None, looks: Looks, values: Mapping[str, str]) -> Cell:
    shown = looks.show(value)
    pages = [link["url"] for link in looks.properties.get("links") or () if not link["url"].startswith("/d/")]
    page = fill(pages[0], values).replace("${__value.raw}", str(value)) if pages and value is not None else None
    return Cell(shown if looks.colored_text else Shown(shown.text), page)


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Sequence[Answer], Surroundings], Drawn]] = {
    "stat": _numbers,
    "bargauge": _bars,
    "table": _rows,
    "timeseries": _graph,
}
