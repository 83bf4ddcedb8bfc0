"""How a value looks: its unit, its words and its colour, by the field configuration of a Grafana panel."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["PALETTE", "Looks", "Shown", "named_color"]

#: The colours that panels name, as they look on a dark ground.
_COLORS = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "orange": "#ff9830",
    "text": "#ccccdc",
}
#: The colours of series that have none of their own, in turn.
PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#c8f2c2", "#ffa6b0", "#37872d")

#: From how many seconds on a duration is told in this many of them, and in which word.
_DURATIONS = (
    (31_536_000.0, " years"),
    (604_800.0, " weeks"),
    (86_400.0, " days"),
    (3600.0, " hours"),
    (60.0, " mins"),
    (1.0, " s"),
    (1e-3, " ms"),
    (1e-6, " µs"),
)
_MOMENT = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


def named_color(name: str) -> str:
    """A colour of CSS for one that a panel names."""
    return _COLORS.get(name, name)


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as a reader sees it."""

    text: str
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Looks:
    """The properties of one field: those of all of a panel, and in front of them those of its name."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    @classmethod
    def of(cls, panel: Mapping[str, Any], name: str, zone: ZoneInfo) -> Looks:
        """What the field configuration of a panel says of the field that is shown under a name."""
        configured = panel.get("fieldConfig") or {}
        found: dict[str, Any] = dict(configured.get("defaults") or {})
        found |= {f"custom.{key}": value for key, value in (found.pop("custom", None) or {}).items()}
        for override in configured.get("overrides") or ():
            if _matches(override["matcher"], name):
                found |= {one["id"]: one.get("value") for one in override["properties"]}
        return cls(found, zone)

    @property
    def name(self) -> str | None:
        """What the field is called instead."""
        return self.properties.get("displayName")

    @property
    def fixed(self) -> str | None:
        """The colour that the field has whatever its values."""
        color = self.properties.get("color") or {}
        return named_color(color["fixedColor"]) if color.get("mode") == "fixed" else None

    @property
    def colored_text(self) -> bool:
        """Whether a table writes the field's values in their colour."""
        return bool((self.properties.get("custom.cellOptions") or {}).get("type") == "color-text")

    def show(self, value: float | str | None) -> Shown:
        """A value in words, else with its unit; none at all as the panel says."""
        if value is None:
            return Shown(str(self.properties.get("noValue") or "-"))
        text = value if isinstance(value, str) else _plain(value)
        for mapping in self.properties.get("mappings") or ():
            if mapping["type"] == "value" and text in mapping["options"]:
                told = mapping["options"][text]
                color = told.get("color")
                return Shown(told.get("text") or text, named_color(color) if color else self.color_of(value))
        if isinstance(value, str):
            return Shown(value, self.fixed)
        return Shown(self.with_unit(value), self.color_of(value))

    def color_of(self, value: float | str) -> str | None:
        """The fixed colour, else that of the highest threshold which a number reaches."""
        if self.fixed is not None or isinstance(value, str):
            return self.fixed
        found = None
        for step in (self.properties.get("thresholds") or {}).get("steps") or ():
            if step.get("value") is None or value >= step["value"]:
                found = step["color"]
        return named_color(found) if found else None

    def with_unit(self, value: float) -> str:
        """A number with the unit and the decimals of the field."""
        unit = self.properties.get("unit") or "none"
        decimals = self.properties.get("decimals")
        if unit == "percentunit":
            return f"{rounded(100 * value, decimals)}%"
        if unit == "s":
            return _duration(value, decimals)
        if unit.startswith("time:"):
            return _moment(value, unit.removeprefix("time:"), self.zone)
        if unit.startswith("suffix:"):
            return f"{rounded(value, decimals)} {unit.removeprefix('suffix:')}"
        return rounded(value, decimals)


def _matches(matcher: Mapping[str, Any], name: str) -> bool:
    if matcher["id"] == "byName":
        return bool(matcher["options"] == name)
    if matcher["id"] == "byRegexp":
        return re.search(str(matcher["options"]).strip("/"), name) is not None
    return False


def rounded(value: float, decimals: float | None = None) -> str:
    """A number with so many decimals; of itself with three figures, and with none where it is whole."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if decimals is None:
        decimals = 0 if value == int(value) else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{int(decimals)}f}"


def _plain(value: float) -> str:
    """A number as the key of a mapping."""
    return str(int(value)) if not math.isinf(value) and value == int(value) else repr(value)


def _duration(seconds: float, decimals: float | None) -> str:
    for size, word in _DURATIONS:
        if abs(seconds) >= size:
            return rounded(seconds / size, decimals) + word
    return rounded(seconds, decimals) + " s"


def _moment(milliseconds: float, pattern: str, zone: ZoneInfo) -> str:
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return "Invalid date"
    return re.sub("|".join(_MOMENT), lambda part: at.strftime(_MOMENT[part[0]]), pattern)
