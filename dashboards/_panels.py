"""The parts that Dophu's dashboards are made of: queries, panels and the words of their statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders import prometheus as promql
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from inventory.words import Title

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, YELLOW, RED, GREY, BLUE, PURPLE = "green", "yellow", "red", "#8e8e8e", "blue", "purple"

#: How each status is called and coloured: unknown is never red, because nobody has seen it fail.
STATUSES: Mapping[str, tuple[Title, str]] = {
    "reached": (Title("Đạt chỉ tiêu", "Reached"), GREEN),
    "open": (Title("Còn để ngỏ", "Open"), YELLOW),
    "not_reached": (Title("Không đạt chỉ tiêu", "Not reached"), RED),
    "no_target": (Title("Không có mức đề ra", "No target"), BLUE),
    "not_measured": (Title("Chưa đo", "Not measured"), GREY),
    "met": (Title("Đạt", "Met"), GREEN),
    "unmet": (Title("Chưa đạt", "Unmet"), RED),
    "unknown": (Title("Chưa rõ", "Unknown"), YELLOW),
    "declared": (Title("Khai báo", "Declared"), BLUE),
    "waived": (Title("Được miễn", "Waived"), PURPLE),
    "not_applicable": (Title("Không áp dụng", "Not applicable"), GREY),
    "yes": (Title("Có trả lời", "Answering"), GREEN),
    "no": (Title("Không trả lời", "Not answering"), RED),
    "up": (Title("Thông", "Up"), GREEN),
    "degraded": (Title("Kém", "Degraded"), YELLOW),
    "down": (Title("Mất tín hiệu", "Down"), RED),
}

PROVEN = Title("Đã chứng minh", "Proven")
POSSIBLE = Title("Có thể đạt", "Possible")
TARGET = Title("Mức đề ra", "Target")

#: The three shares of a goal, by the part of their metric's name.
SHARES: Mapping[str, tuple[Title, str]] = {
    "proven": (PROVEN, GREEN),
    "possible": (POSSIBLE, YELLOW),
    "target": (TARGET, BLUE),
}
AGENCY = Title("Cơ quan", "Agency")
THRESHOLD = Title("Ngưỡng", "Threshold")

#: The severities of findings, in words and colour.
SEVERITY: Mapping[str, tuple[Title, str]] = {
    "high": (Title("Cao", "High"), RED),
    "medium": (Title("Trung bình", "Medium"), YELLOW),
    "low": (Title("Thấp", "Low"), BLUE),
}
TRUTH: Mapping[str, tuple[Title, str]] = {
    "1": (Title("Có", "Yes"), GREEN),
    "0": (Title("Không", "No"), RED),
}

SNAPSHOT_AGE = "time() - max(dophu_snapshot_timestamp_seconds)"


#: The variable that holds the address of Dophu's pages, for links to them.
_PAGES = "${dophu}"


def begin(name: str, title: Title, description: Title, language: str, page: str = "/") -> grafana.Dashboard:
    """An empty dashboard with its uid, its language, the choice of the Prometheus server, and its links.

    They lead to the other dashboards, with what was chosen here, and to `page` of Dophu itself.
    """
    to_pages = Title("Trang của Dophu", "Dophu's page")
    address = Title("Địa chỉ của Dophu", "Dophu's address")
    return (
        grafana.Dashboard(title.in_language(language))
        .uid(f"dophu-{name}" + ("-en" if language == "en" else ""))
        .description(description.in_language(language))
        .tags(["dophu", f"dophu-{language}"])
        # Due dates and monthly figures are those of the plan's country, wherever the browser stands.
        .timezone("Asia/Ho_Chi_Minh")
        .readonly()
        .time("now-30d", "now")
        .refresh("5m")
        .link(
            grafana.DashboardLink("Dophu")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags([f"dophu-{language}"])
            .keep_time(True)
            .include_vars(True)
        )
        .link(
            grafana.DashboardLink(to_pages.in_language(language))
            .type(model.DashboardLinkType.LINK)
            .url(f"{_PAGES}{page}")
            .target_blank(True)
        )
        .with_variable(grafana.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            grafana.TextBoxVariable("dophu").label(address.in_language(language)).default_value("http://127.0.0.1:8080")
        )
    )


def finish(dashboard: grafana.Dashboard, panels: Sequence[Builder[model.Panel]]) -> model.Dashboard:
    """The dashboard with its panels set from left to right and from top to bottom, numbered from 1."""
    for panel in panels:
        dashboard.with_panel(panel)
    built = dashboard.build()
    for number, placed in enumerate(built.panels or [], start=1):
        placed.id_val = number
    return built


# --- queries and panels -----------------------------------------------------------------------------------------------


def named(expression: str, language: str) -> str:
    """The series of `expression` with the name of their agency as one more label."""
    return f"{expression} * on (agency) group_left (name_{language}) dophu_agency_info"


def shares(selector: str, language: str) -> str:
    """Proven, possible and target (where there is one) in one vector, told apart by the label `share`."""
    return " or ".join(
        f'label_replace(dophu_coverage_{name}_ratio{{{selector}}}, "share", "{words.in_language(language)}", "", "")'
        for name, (words, _) in SHARES.items()
    )


def _query(expression: str, ref: str, legend: str = "") -> promql.Dataquery:
    query = promql.Dataquery().expr(expression).ref_id(ref).datasource(SOURCE)
    return query.legend_format(legend) if legend else query


def _now(expression: str, ref: str) -> promql.Dataquery:
    return _query(expression, ref).instant().format(PromQueryFormat.TABLE)


def _one_color(color: str) -> grafana.ThresholdsConfig:
    return grafana.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps([model.Threshold(None, color)])


def _fixed(color: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def number(title: Title, expression: str, color: str, language: str, span: int, unit: str = "none") -> stat.Panel:
    """One large number, as it is now."""
    return (
        stat.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .with_target(_query(expression, "A").instant())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(looks.BigValueColorMode.VALUE)
        .graph_mode(looks.BigValueGraphMode.NONE)
        .thresholds(_one_color(color))
        .unit(unit)
        .height(4)
        .span(span)
    )


def status_number(status: str, expression: str, language: str, span: int) -> stat.Panel:
    """One large number in the words and colour of a status."""
    title, color = STATUSES[status]
    return number(title, expression, color, language, span)


def bars(title: Title, expression: str, legend: str, language: str, span: int, height: int) -> bargauge.Panel:
    """Shares (0-1) as bars, as they are now, coloured by which share their legend names."""
    panel = (
        bargauge.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .with_target(_query(expression, "A", legend).instant())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .unit("percentunit")
        .min(0)
        .max(1)
        .height(height)
        .span(span)
    )
    for words, color in SHARES.values():
        panel.override_by_regexp(f"/{words.in_language(language)}/", [_fixed(color)])
    return panel


def lines(
    title: Title,
    expression: str,
    label: str,
    words: Mapping[str, tuple[Title, str]],
    language: str,
    span: int,
    unit: str = "none",
) -> timeseries.Panel:
    """Values over time, one line for each value of `label`, called and coloured by `words`; a gap stays a gap."""
    panel = (
        timeseries.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .with_target(_query(expression, "A", f"{{{{{label}}}}}").range())
        .unit(unit)
        .min(0)
        .line_width(2)
        .fill_opacity(5)
        .span_nulls(False)
        .height(9)
        .span(span)
    )
    for value, (name, color) in words.items():
        panel.override_by_name(
            value, [model.DynamicConfigValue("displayName", name.in_language(language)), _fixed(color)]
        )
    return panel


def curves(
    title: Title,
    queries: Sequence[tuple[str, str]],
    thresholds: Sequence[tuple[str, str]],
    language: str,
    span: int,
    unit: str,
    description: Title | None = None,
) -> timeseries.Panel:
    """Values over time by expression and legend, and beside them, dashed, the thresholds of controls."""
    panel = (
        timeseries.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .line_width(2)
        .span_nulls(False)
        .height(9)
        .span(span)
    )
    if description is not None:
        panel.description(description.in_language(language))
    word = THRESHOLD.in_language(language)
    told = [*queries, *((expression, f"{word}: {legend}") for expression, legend in thresholds)]
    for index, (expression, legend) in enumerate(told):
        panel.with_target(_query(expression, chr(ord("A") + index), legend).range())
    dashed = model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
    return panel.override_by_regexp(f"/^{word}: /", [_fixed(RED), dashed])


def threshold(controls: str, parameter: str) -> str:
    """A parameter of the controls that match a regular expression."""
    return f'dophu_control_threshold{{control=~"{controls}",parameter="{parameter}"}}'


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the field that it shows, its heading, and how its values look."""

    field: str
    title: Title
    unit: str | None = None
    width: int | None = None
    color: str | None = None
    words: Mapping[str, tuple[Title, str | None]] | None = None
    """What to show in place of a value, and its colour."""
    page: str | None = None
    """The path of Dophu's page about a value, which follows it."""

    def properties(self, language: str) -> list[model.DynamicConfigValue]:
        """The looks, as Grafana's field properties."""
        found = []
        if self.unit is not None:
            found.append(model.DynamicConfigValue("unit", self.unit))
        if self.width is not None:
            found.append(model.DynamicConfigValue("custom.width", self.width))
        if self.color is not None:
            found.append(_fixed(self.color))
        if self.words is not None:
            shown = {
                value: model.ValueMappingResult(text=title.in_language(language), color=color, index=index)
                for index, (value, (title, color)) in enumerate(self.words.items())
            }
            found.append(model.DynamicConfigValue("mappings", [model.ValueMap(shown)]))
        if self.page is not None:
            link = {"title": "Dophu", "url": f"{_PAGES}{self.page}${{__value.raw}}", "targetBlank": True}
            found.append(model.DynamicConfigValue("links", [link]))
        if self.color is not None or self.words is not None:
            found.append(model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        return found


def status_columns(statuses: Sequence[str]) -> list[Column]:
    """One column for each status, in its words and colour."""
    return [Column(status, STATUSES[status][0], color=STATUSES[status][1], width=120) for status in statuses]


def rows(
    title: Title,
    expressions: Sequence[str],
    columns: Sequence[Column],
    language: str,
    span: int,
    height: int,
    matrix: tuple[str, str] | None = None,
    description: Title | None = None,
    highest: Column | None = None,
) -> table.Panel:
    """A table of what is true now: the columns named and no others.

    Several expressions are merged on the labels that all of them have; their values are the fields "Value #A" and on.
    `matrix` takes one expression and spreads the values of its second label over columns, with a row for each of the
    first; that row's field is then "FIRST\\SECOND". The rows with the highest value of the column `highest` come first.
    """
    panel = table.Panel().title(title.in_language(language)).datasource(SOURCE).height(height).span(span)
    panel.filterable(True).no_value("–")
    if description is not None:
        panel.description(description.in_language(language))
    if highest is not None:
        panel.sort_by([common.TableSortByFieldState().display_name(highest.title.in_language(language)).desc(True)])
    for index, expression in enumerate(expressions):
        panel.with_target(_now(expression, chr(ord("A") + index)))
    if matrix is not None:
        row, column = matrix
        options = {"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "null"}
        panel.with_transformation(model.DataTransformerConfig("groupingToMatrix", options=options))
    elif len(expressions) > 1:
        panel.with_transformation(model.DataTransformerConfig("merge", options={}))
    names = [column.field for column in columns]
    unseen = {"Time", "Value", *(f"Value #{chr(ord('A') + i)}" for i in range(len(expressions)))} - set(names)
    order = {
        "excludeByName": dict.fromkeys(sorted(unseen), True),
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": {column.field: column.title.in_language(language) for column in columns},
    }
    panel.with_transformation(model.DataTransformerConfig("organize", options=order))
    for column_ in columns:
        if properties := column_.properties(language):
            panel.override_by_name(column_.title.in_language(language), properties)
    return panel
