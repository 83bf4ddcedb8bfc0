"""Previews of the dashboards: what Grafana would show, drawn from the same JSON and the same expressions as one page.

It is no Grafana: it reads of a dashboard what Dophu's dashboards use, so that a person can look at them, and a test,
where there is no Grafana. What it draws keeps to the dashboard's JSON alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboards import Language, as_json, load_dashboards
from dashboards.preview.charts import Mark, nice_step
from dashboards.preview.looks import named_color
from dashboards.preview.panels import HEAD, WIDTH, Box, Drawn, Surroundings, box_of, drawn, labelled
from dashboards.preview.prometheus import Answer, Prometheus, Window
from dashboards.preview.variables import Choice, fill, settle, variable_names
from inventory.words import InputError, Title

__all__ = ["PAGE_WIDTH", "Preview", "Trouble", "draw", "previews"]

PAGE_WIDTH = WIDTH + 32
"""Pixels of a page."""
_POINTS = 400
"""About so many points a line has."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SHORTEST, _LONGEST = 10, 1000 * 86400
_BANNER = 28

WORDS: Mapping[str, Title] = {
    "preview": Title("Bản xem trước, không phải Grafana", "Preview, not Grafana"),
    "no_data": Title("Không có dữ liệu", "No data"),
    "troubles": Title("Những gì không lấy được từ Prometheus", "What Prometheus did not tell"),
    "variable": Title("biến", "variable"),
    "annotation": Title("mốc trên đồ thị", "annotation"),
    "rows": Title("dòng", "rows"),
    "range": Title("Khoảng thời gian", "Time"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """An expression that gave nothing: in which panel and by which letter, and why; no reason where it was empty."""

    panel: str
    letter: str
    why: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as it is drawn: its box, its title, what stands in it (nothing where no answer came), what is missing."""

    kind: str
    box: Box
    title: str
    description: str
    body: Drawn | None
    troubles: tuple[Trouble, ...]

    @property
    def why(self) -> str:
        """The first of the errors, if there is any."""
        return next((trouble.why for trouble in self.troubles if trouble.why), "")


@dataclass(frozen=True, slots=True)
class Preview:
    """One dashboard as a page of HTML that needs nothing else, its height in pixels, and what it does not show."""

    uid: str
    title: str
    html: str
    height: int
    troubles: tuple[Trouble, ...]


def previews(
    address: str,
    language: Language,
    only: Sequence[str] = (),
    last: str | None = None,
    chosen: Sequence[str] = (),
) -> Iterator[Preview]:
    """Each dashboard, drawn of what the Prometheus at an address says now.

    Args:
        only: the names of some dashboards, such as "coverage"; all if empty.
        last: how far graphs go back, such as "6h"; as the dashboards say if absent.
        chosen: values of variables in place of what Grafana would choose, as NAME=VALUE.

    Raises:
        InputError: there is no such dashboard, variable or value, or `last` is no time.
    """
    known = load_dashboards()
    for name in only:
        if name not in known:
            raise InputError(
                Title(
                    f"--only: gặp {name!r}, cần một trong {', '.join(sorted(known))}",
                    f"--only: found {name!r}, expected one of {', '.join(sorted(known))}",
                )
            )
    seconds = None if last is None else _span(last)
    every = {name: as_json(module.build(language)) for name, module in known.items()}
    values = _chosen(chosen, {variable for one in every.values() for variable in variable_names(one)})
    others = [(str(one["uid"]), str(one["title"])) for one in every.values()]
    at = datetime.now(UTC)
    with Prometheus(address) as prometheus:
        for name in only or every:
            yield draw(every[name], others, prometheus, language, at, seconds, values)


def _span(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise InputError(
            Title(
                f"--last: gặp {text!r}, cần khoảng từ 10s đến 1000d, như 6h hoặc 30d",
                f"--last: found {text!r}, expected a time from 10s to 1000d, such as 6h or 30d",
            )
        )
    return float(seconds)


def _chosen(settings: Sequence[str], variables: Set[str]) -> dict[str, str]:
    chosen = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in variables:
            raise InputError(
                Title(
                    f"--set: gặp {setting!r}, cần NAME=VALUE, NAME là một trong {', '.join(sorted(variables))}",
                    f"--set: found {setting!r}, expected NAME=VALUE, NAME one of {', '.join(sorted(variables))}",
                )
            )
        chosen[name] = value
    return chosen


def draw(
    dashboard: Mapping[str, Any],
    others: Sequence[tuple[str, str]],
    prometheus: Prometheus,
    language: Language,
    at: datetime,
    last: float | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Preview:
    """A dashboard, as the JSON that Grafana reads, asked of a Prometheus as of an instant.

    Args:
        others: uid and title of all dashboards that the page leads to.
        last: the seconds that graphs go back; as the dashboard says if absent.
        chosen: values of variables by name; those that this dashboard does not have are passed over.

    Raises:
        InputError: a chosen value is not offered.
    """
    now = at.timestamp()
    zone = ZoneInfo(dashboard["timezone"])
    span = last if last is not None else _span(dashboard["time"]["from"].removeprefix("now-"))
    window = Window(now - span, now, nice_step(span / _POINTS))
    choices = settle(dashboard, chosen or {}, prometheus, now)
    values = {name: choice.value for name, choice in choices.items()}
    marks, refused = _marks(dashboard, prometheus, window, values, language)
    around = Surroundings(window, zone, marks, values)
    panels = [_panel(panel, prometheus, around) for panel in dashboard["panels"]]
    variable = WORDS["variable"].in_language(language)
    unsettled = [Trouble(f"{variable} {one.label}", "", one.error) for one in choices.values() if not one.offered]
    troubles = (*unsettled, *refused, *(trouble for panel in panels for trouble in panel.troubles))
    head = _head_height(dashboard, choices)
    floor = max(panel.box.top + panel.box.height for panel in panels)
    html = _environment().get_template("page.html").render(
        word={name: title.in_language(language) for name, title in WORDS.items()},
        language=language,
        dashboard=dashboard,
        others=others,
        pages=[(link["title"], fill(link["url"], values)) for link in dashboard["links"] if link["type"] == "link"],
        choices=choices.values(),
        annotations=[(one["name"], named_color(one["iconColor"])) for one in _annotations(dashboard)],
        since=_clock(window.start, zone, language),
        until=_clock(now, zone, language),
        panels=panels,
        troubles=troubles,
        head=head,
        floor=floor,
        width=PAGE_WIDTH,
        title_height=HEAD,
    )  # fmt: skip
    height = int(_BANNER + head + floor + 24 + (28 * (len(troubles) + 2) if troubles else 0))
    return Preview(dashboard["uid"], dashboard["title"], html, height, troubles)


def _panel(panel: Mapping[str, Any], prometheus: Prometheus, around: Surroundings) -> Panel:
    answers = [_asked(target, prometheus, around) for target in panel["targets"]]
    troubles = tuple(
        Trouble(panel["title"], target["refId"], answer.error)
        for target, answer in zip(panel["targets"], answers, strict=True)
        if not answer.series
    )
    body = drawn(panel, answers, around) if any(answer.series for answer in answers) else None
    description = panel.get("description") or ""
    return Panel(panel["type"], box_of(panel["gridPos"]), panel["title"], description, body, troubles)


def _asked(target: Mapping[str, Any], prometheus: Prometheus, around: Surroundings) -> Answer:
    expression = fill(target["expr"], around.values)
    if target.get("instant"):
        return prometheus.now(expression, around.window.end)
    return prometheus.over(expression, around.window)


def _marks(
    dashboard: Mapping[str, Any], prometheus: Prometheus, window: Window, values: Mapping[str, str], language: str
) -> tuple[tuple[Mark, ...], tuple[Trouble, ...]]:
    """What the annotations mark, and those that were refused.

    That is the times in which their expression is above zero, or else the moments that its values are.
    """
    marks, troubles = [], []
    step = nice_step((window.end - window.start) / 10_000)
    for annotation in _annotations(dashboard):
        answer = prometheus.over(fill(annotation["expr"], values), Window(window.start, window.end, step))
        if answer.error:
            named = f"{WORDS['annotation'].in_language(language)} {annotation['name']}"
            troubles.append(Trouble(named, "", answer.error))
        color = named_color(annotation["iconColor"])
        for one in answer.series:
            name = labelled(annotation.get("titleFormat") or annotation["name"], one)
            if annotation.get("useValueForTime"):
                times = sorted({value / 1000 for _, value in one.points})
            else:
                times = [at for at, value in one.points if value > 0]
            begins = [i for i, at in enumerate(times) if i == 0 or at - times[i - 1] > step]
            for first, after in zip(begins, [*begins[1:], len(times)], strict=True):
                begin, end = max(times[first], window.start), min(times[after - 1], window.end)
                if begin <= end:
                    marks.append(Mark(name, color, begin, end))
    return tuple(marks), tuple(troubles)


def _annotations(dashboard: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The annotations that ask a Prometheus."""
    every = (dashboard.get("annotations") or {}).get("list") or ()
    return [annotation for annotation in every if annotation.get("expr")]


def _head_height(dashboard: Mapping[str, Any], choices: Mapping[str, Choice]) -> int:
    """Pixels that what stands above the panels takes, on the safe side."""
    text = 1 + int(7.8 * len(dashboard["description"]) / WIDTH)
    chosen, taken = 1, 0.0
    names = [choice.label + choice.shown for choice in choices.values()]
    for name in (*names, *(annotation["name"] for annotation in _annotations(dashboard))):
        needed = min(44 + 8.0 * len(name), WIDTH)
        if taken + needed > WIDTH:
            chosen, taken = chosen + 1, 0.0
        taken += needed
    return 56 + 22 * text + 36 * chosen


def _clock(at: float, zone: ZoneInfo, language: str) -> str:
    pattern = "%H:%M %d/%m/%Y" if language == "vi" else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(at, zone).strftime(pattern)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
