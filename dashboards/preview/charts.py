"""Lays out values over time as lines in a picture: where each line, tick and mark of a graph stands, in pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dashboards.preview.looks import Looks
from dashboards.preview.prometheus import Window

__all__ = ["Chart", "Line", "Mark", "lay_out", "nice_step"]

_LETTER = 7.4
"""Pixels that a letter of the axes takes at most, on average."""
_BOTTOM, _TOP, _RIGHT = 24.0, 10.0, 14.0
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000,
          604800, 1209600, 2592000, 5184000, 15552000, 31536000)  # fmt: skip
"""Seconds between ticks of time, and between the points of a range."""
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Line:
    """One series in a graph: its name, colour, whether it is dashed, and its points (time, value)."""

    name: str
    color: str
    dashed: bool
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A time that an annotation marks, in seconds since 1970."""

    name: str
    color: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """What is drawn of one line: strokes (of SVG), and dots where a value stands alone."""

    line: Line
    strokes: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A mark from its begin over its width, which is 0 for an instant."""

    mark: Mark
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A graph in pixels: its size, where its ground lies, and what is on it."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    across: tuple[Tick, ...]
    along: tuple[Tick, ...]
    paths: tuple[Path, ...]
    bands: tuple[Band, ...]


def nice_step(seconds: float) -> float:
    """The next step of time that people count in; one second at least."""
    return float(next((step for step in _TICKS if step >= seconds), _TICKS[-1]))


def lay_out(
    lines: Sequence[Line],
    marks: Iterable[Mark],
    window: Window,
    looks: Looks,
    width: float,
    height: float,
    zone: ZoneInfo,
) -> Chart:
    """The graph of the lines over the window; gaps stay gaps, and the axes begin where the panel says."""
    values = [value for line in lines for _, value in line.points if math.isfinite(value)]
    low = float(looks.properties.get("min", min(values, default=0.0)))
    high = float(looks.properties.get("max", max(values, default=1.0)))
    steps = _value_steps(low, high, max(2, int(height // 55)), whole=looks.properties.get("decimals") == 0)
    low, high = min(low, steps[0]), max(high, steps[-1])
    texts = [looks.with_unit(value) for value in steps]
    left = 14 + _LETTER * max(map(len, texts))
    right, bottom = width - _RIGHT, height - _BOTTOM

    def x(at: float) -> float:
        return left + (at - window.start) / (window.end - window.start) * (right - left)

    def y(value: float) -> float:
        return bottom - (min(max(value, low), high) - low) / (high - low) * (bottom - _TOP)

    paths = []
    for line in lines:
        runs = _runs(line.points, window.step)
        strokes = " ".join(_stroke([(x(at), y(value)) for at, value in run]) for run in runs if len(run) > 1)
        alone = tuple((x(run[0][0]), y(run[0][1])) for run in runs if len(run) == 1)
        paths.append(Path(line, strokes, alone))
    bands = []
    for mark in marks:
        if mark.end >= window.start and mark.start <= window.end:
            begin = x(max(mark.start, window.start))
            bands.append(Band(mark, begin, x(min(mark.end, window.end)) - begin))
    across = tuple(Tick(y(value), text) for value, text in zip(steps, texts, strict=True))
    along = tuple(_time_ticks(window, x, width, zone))
    return Chart(width, height, left, _TOP, right, bottom, across, along, tuple(paths), tuple(bands))


def _value_steps(low: float, high: float, count: int, *, whole: bool) -> list[float]:
    """Round values from at most `low` to at least `high`, about `count` of them."""
    if high - low <= 1e-12 * max(1.0, abs(low)):
        high = low + 1
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # A product of a whole number, and rounded, so that 0.3 is not 0.30000000000000004.
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _time_ticks(window: Window, x: Callable[[float], float], width: float, zone: ZoneInfo) -> Iterable[Tick]:
    span = window.end - window.start
    pattern = "%d/%m" if span > 3 * _DAY else "%d/%m %H:%M" if span > _DAY else "%H:%M" if span > 600 else "%H:%M:%S"
    room = _LETTER * len(datetime.now(UTC).strftime(pattern))
    # A day is written once.
    step = max(nice_step(span * (room + 24) / width), _DAY if span > 3 * _DAY else 0)
    # Days begin where the reader is, and not in Greenwich.
    shift = datetime.fromtimestamp(window.end, zone).utcoffset()
    ahead = shift.total_seconds() if shift else 0.0
    at = math.ceil((window.start + ahead) / step) * step - ahead
    while at <= window.end:
        if room / 2 <= x(at) <= width - room / 2:
            yield Tick(x(at), datetime.fromtimestamp(at, zone).strftime(pattern))
        at += step


def _runs(points: Sequence[tuple[float, float]], step: float) -> list[list[tuple[float, float]]]:
    """The points in pieces without a gap."""
    runs: list[list[tuple[float, float]]] = []
    for point in points:
        if not math.isfinite(point[1]):
            continue
        if runs and point[0] - runs[-1][-1][0] <= 1.5 * step:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _stroke(places: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
