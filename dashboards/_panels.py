"""The parts that Dophu's dashboards are made of: queries, panels and the words of their statuses."""

from __future__ import annotations

import dataclasses
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

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE = "green", "yellow", "orange", "red", "blue", "purple"
GREY = "#8e8e8e"
TEXT = "text"

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
    "waived": (Title("Được miễn trừ", "Waived"), PURPLE),
    "not_applicable": (Title("Không áp dụng", "Not applicable"), GREY),
    "yes": (Title("Có trả lời", "Answering"), GREEN),
    "no": (Title("Không trả lời", "Not answering"), RED),
    "up": (Title("Thông", "Up"), GREEN),
    "degraded": (Title("Kém", "Degraded"), ORANGE),
    "down": (Title("Không thông", "Down"), RED),
}

PROVEN = Title("Đã chứng minh", "Proven")
POSSIBLE = Title("Có thể đạt", "Possible")
TARGET = Title("Mức đề ra", "Target")

#: What a goal's proven share is called and coloured, by where its own target leaves it.
PROVEN_BY_STATUS: Mapping[str, tuple[Title, str]] = {
    "reached": (Title("Đã chứng minh: đạt chỉ tiêu", "Proven: reached"), GREEN),
    "declared": (Title("Đã chứng minh: đạt nhờ khai báo", "Proven: reached by declaration"), PURPLE),
    "open": (Title("Đã chứng minh: còn để ngỏ", "Proven: open"), YELLOW),
    "not_reached": (Title("Đã chứng minh: không đạt chỉ tiêu", "Proven: not reached"), RED),
    "no_target": (Title("Đã chứng minh: không có mức đề ra", "Proven: no target"), BLUE),
}
#: The shares of a goal beside the proven one, by the part of their metric's name.
BOUNDS: Mapping[str, tuple[Title, str]] = {"possible": (POSSIBLE, GREY), "target": (TARGET, TEXT)}
SHARES = (*PROVEN_BY_STATUS.values(), *BOUNDS.values())
AGENCY = Title("Cơ quan", "Agency")
CODE = Title("Mã", "Code")
DATA_AGE = Title("Tuổi của số liệu", "Age of the figures")
THRESHOLD = Title("Ngưỡng", "Threshold")

#: Pixels that the id of a control or goal takes.
ID_WIDTH = 280

#: The severities of findings, in words and colour.
SEVERITY: Mapping[str, tuple[Title, str]] = {
    "high": (Title("Cao", "High"), RED),
    "medium": (Title("Trung bình", "Medium"), YELLOW),
    "low": (Title("Thấp", "Low"), BLUE),
}
#: How the roles of the vocabulary are called; one that is not here is shown by its code.
ROLES: Mapping[str, tuple[Title, str | None]] = {
    code: (Title(vi, en), None)
    for code, vi, en in (
        ("router", "Bộ định tuyến", "Router"),
        ("switch", "Bộ chuyển mạch", "Switch"),
        ("firewall", "Tường lửa", "Firewall"),
        ("server", "Máy chủ", "Server"),
        ("workstation", "Máy trạm", "Workstation"),
        ("hypervisor", "Máy chủ ảo hóa", "Hypervisor"),
        ("storage", "Thiết bị lưu trữ", "Storage"),
        ("power", "Nguồn điện, UPS", "Power, UPS"),
        ("printer", "Máy in", "Printer"),
        ("wireless", "Thiết bị Wi-Fi", "Wireless"),
        ("sensor", "Cảm biến", "Sensor"),
        ("vc_endpoint", "Điểm cầu truyền hình", "Video-conference room"),
        ("mcu", "Thiết bị MCU", "MCU"),
        ("camera", "Camera", "Camera"),
        ("voip", "Điện thoại IP", "IP telephone"),
        ("loadbalancer", "Cân bằng tải", "Load balancer"),
        ("management", "Quản trị từ xa", "Remote management"),
        ("website", "Trang thông tin điện tử", "Website"),
        ("other", "Khác", "Other"),
        ("unknown", "Chưa xác định", "Not identified"),
    )
}

TRUTH: Mapping[str, tuple[Title, str]] = {
    "1": (Title("Có", "Yes"), GREEN),
    "0": (Title("Không", "No"), RED),
}

#: The kinds of links, in words.
LINK_KINDS: Mapping[str, tuple[Title, str | None]] = {
    "internet": (Title("Internet", "Internet"), None),
    "mtslcd": (Title("MTSLCD", "MTSLCD"), None),
    "wan": (Title("WAN", "WAN"), None),
}

#: Ages in words of the language: Grafana's own units of time speak English only.
HOURS = Title("suffix:giờ", "suffix:hours")
DAYS = Title("suffix:ngày", "suffix:days")
#: Differences of shares.
POINTS = Title("suffix:điểm %", "suffix:pp")

#: What a panel says that rests on the recording rules of deploy/prometheus.
RECORDED = Title(
    "Vẽ từ chuỗi tính sẵn: Prometheus phải nạp dophu.rules.yml.",
    "Drawn from recorded series: Prometheus has to load dophu.rules.yml.",
)

SNAPSHOT_AGE_HOURS = "(time() - max(dophu_snapshot_timestamp_seconds)) / 3600"
#: Decimals of units that have any; a value without a unit here is a count and has none.
_DECIMALS: Mapping[str, int] = {
    "none": 0,
    "percentunit": 1,
    **{unit: 1 for words in (HOURS, DAYS, POINTS) for unit in (words.vi, words.en)},
}


#: The variable that holds the address of Dophu's pages, for links to them.
_PAGES = "${dophu}"


def uid(name: str, language: str) -> str:
    """The identifier of a dashboard, which is part of its address and never changes."""
    return f"dophu-{name}" + ("-en" if language == "en" else "")


def begin(
    name: str, title: Title, description: Title, language: str, page: str = "/", plans: str = ""
) -> grafana.Dashboard:
    """An empty dashboard with its uid, its language, the choice of the Prometheus server, its marks and its links.

    The links lead to the other dashboards, with what was chosen here, and to `page` of Dophu itself. Marked are the due
    days and the seals of the plans that the selector `plans` takes: of all, if it is empty.
    """
    to_pages = Title("Trang của Dophu", "Dophu's page")
    address = Title("Địa chỉ của Dophu", "Dophu's address")
    return (
        grafana.Dashboard(title.in_language(language))
        .uid(uid(name, language))
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
        .annotation(_due_days(plans, language))
        .annotation(_sealed_days(plans, language))
    )


def _due_days(selector: str, language: str) -> grafana.AnnotationQuery:
    """Marks, over every graph, the days on which goals are due."""
    # The due moment is the last second of its day, so that its last 24 hours are that day.
    left = f"(dophu_goal_due_timestamp_seconds{{{selector}}} - time())"
    return _marked_day(Title("Ngày đến hạn của chỉ tiêu", "Days on which goals are due"), left, PURPLE, language)


def _sealed_days(selector: str, language: str) -> Builder[model.AnnotationQuery]:
    """Marks, over every graph, as of when figures were sealed, and names their plan."""
    title = Title("Số liệu được chốt (niêm phong)", "Figures sealed")
    expression = f"dophu_snapshot_sealed_as_of_timestamp_seconds{{{selector}}} * 1000"
    query = _annotation(title, BLUE, language).expr(expression)
    return _MarkedMoments(query, f"{title.in_language(language)}: {{{{plan}}}}")


def _marked_day(title: Title, seconds: str, color: str, language: str) -> grafana.AnnotationQuery:
    """Marks the time in which something is less than a day away."""
    return _annotation(title, color, language).expr(f"count({seconds} >= 0 and {seconds} < 86400)")


def _annotation(title: Title, color: str, language: str) -> grafana.AnnotationQuery:
    name = title.in_language(language)
    return grafana.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(color)


class _Moments(model.AnnotationQuery):
    """An annotation whose values are the moments that it marks, in milliseconds since 1970.

    Grafana's data source for Prometheus reads `useValueForTime` and `titleFormat`; its SDK has no words for them.
    """

    title_format = ""

    def to_json(self) -> dict[str, object]:
        """As Grafana reads it."""
        return super().to_json() | {"useValueForTime": True, "titleFormat": self.title_format}


class _MarkedMoments(Builder[model.AnnotationQuery]):
    def __init__(self, query: grafana.AnnotationQuery, title_format: str) -> None:
        self._query, self._title_format = query, title_format

    def build(self) -> model.AnnotationQuery:
        """The annotation, whose title names what its labels say."""
        built = _Moments(**vars(self._query.build()))
        built.title_format = self._title_format
        return built


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


def cut(share: str) -> str:
    """A share cut after the tenth of a percent, as on Dophu's pages: Grafana would round 99.96 % up to 100 %."""
    # A thousand times 0.289 may come out a hair below 289.
    return f"floor(1000 * ({share}) + 1e-9) / 1000"


def shares(selector: str, language: str) -> str:
    """Proven, possible and target (where there is one) in one vector, told apart by the label `share`.

    The proven share is called by where it stands, so that its colour follows the goal's own target.
    """
    proven = (
        f"dophu_coverage_proven_ratio{{{selector}}}"
        f" * on (plan, goal, level) group_left (status) (dophu_coverage_status{{{selector}}} == 1)"
    )
    for status, (words, _) in PROVEN_BY_STATUS.items():
        proven = f'label_replace({proven}, "share", "{words.in_language(language)}", "status", "{status}")'
    bounds = [
        f'label_replace(dophu_coverage_{name}_ratio{{{selector}}}, "share", "{words.in_language(language)}", "", "")'
        for name, (words, _) in BOUNDS.items()
    ]
    return " or ".join((proven, *bounds))


def _query(expression: str, ref: str, legend: str = "") -> promql.Dataquery:
    query = promql.Dataquery().expr(expression).ref_id(ref).datasource(SOURCE)
    return query.legend_format(legend) if legend else query


def _now(expression: str, ref: str) -> promql.Dataquery:
    return _query(expression, ref).instant().format(PromQueryFormat.TABLE)


def _steps(color: str, limits: Sequence[tuple[float, str]]) -> grafana.ThresholdsConfig:
    steps = [model.Threshold(None, color), *(model.Threshold(value, above) for value, above in limits)]
    return grafana.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapped(
    words: Mapping[str, tuple[Title, str]] | Mapping[str, tuple[Title, str | None]], language: str
) -> model.ValueMap:
    shown = {
        value: model.ValueMappingResult(text=title.in_language(language), color=color, index=index)
        for index, (value, (title, color)) in enumerate(words.items())
    }
    return model.ValueMap(shown)


def _unit(unit: str | Title, language: str) -> str:
    return unit if isinstance(unit, str) else unit.in_language(language)


def _fixed(color: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def number(
    title: Title,
    expression: str,
    color: str,
    language: str,
    span: int,
    unit: str | Title = "none",
    limits: Sequence[tuple[float, str]] = (),
) -> stat.Panel:
    """One large number, as it is now; from each of `limits` on, which rise, it has that colour."""
    said = _unit(unit, language)
    panel = (
        stat.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .with_target(_query(expression, "A").instant())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(looks.BigValueColorMode.VALUE)
        .graph_mode(looks.BigValueGraphMode.NONE)
        .thresholds(_steps(color, limits))
        .unit(said)
        .height(4)
        .span(span)
    )
    return panel.decimals(_DECIMALS[said]) if said in _DECIMALS else panel


def data_age(language: str, span: int, color: str = GREY, limits: Sequence[tuple[float, str]] = ()) -> stat.Panel:
    """How many hours ago the figures were judged; `limits` are hours too."""
    return number(DATA_AGE, SNAPSHOT_AGE_HOURS, color, language, span, HOURS, limits)


def worded(panel: stat.Panel, words: Mapping[str, tuple[Title, str]], language: str) -> stat.Panel:
    """The number's panel with words and colours in place of values."""
    return panel.mappings([_mapped(words, language)])


def count(title: Title, expression: str, color: str, language: str, span: int) -> stat.Panel:
    """How many there are as one large number, in their colour where there is any."""
    return number(title, expression, GREY, language, span, limits=[(1, color)])


def status_number(status: str, expression: str, language: str, span: int) -> stat.Panel:
    """One large number in the words and colour of a status."""
    title, color = STATUSES[status]
    return count(title, expression, color, language, span)


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
        .decimals(1)
        .min(0)
        .max(1)
        .height(height)
        .span(span)
    )
    for words, color in SHARES:
        panel.override_by_regexp(f"/{words.in_language(language)}$/", [_fixed(color)])
    return panel


def lines(
    title: Title,
    expression: str,
    label: str,
    words: Mapping[str, tuple[Title, str]],
    language: str,
    span: int,
    unit: str = "none",
    dashed: str | None = None,
) -> timeseries.Panel:
    """Values over time, one line for each value of `label`, called and coloured by `words`; a gap stays a gap.

    The line of the value `dashed` is no measurement and drawn so.
    """
    panel = (
        timeseries.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .with_target(_query(expression, "A", f"{{{{{label}}}}}").range())
        .unit(unit)
        .decimals(_DECIMALS[unit])
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
    if dashed is not None:
        panel.override_by_name(dashed, [_dashes()])
    return panel


def curves(
    title: Title,
    queries: Sequence[tuple[str, str]],
    thresholds: Sequence[tuple[str, str]],
    language: str,
    span: int,
    unit: str | Title,
    description: Title | None = None,
) -> timeseries.Panel:
    """Values over time by expression and legend, and beside them, dashed, the thresholds of controls."""
    said = _unit(unit, language)
    panel = (
        timeseries.Panel()
        .title(title.in_language(language))
        .datasource(SOURCE)
        .unit(said)
        .min(0)
        .line_width(2)
        .span_nulls(False)
        .height(9)
        .span(span)
    )
    if said in _DECIMALS:
        panel.decimals(_DECIMALS[said])
    if description is not None:
        panel.description(description.in_language(language))
    word = THRESHOLD.in_language(language)
    told = [*queries, *((expression, f"{word}: {legend}") for expression, legend in thresholds)]
    for index, (expression, legend) in enumerate(told):
        panel.with_target(_query(expression, chr(ord("A") + index), legend).range())
    return panel.override_by_regexp(f"/^{word}: /", [_fixed(RED), _dashes()])


def _dashes() -> model.DynamicConfigValue:
    return model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})


def threshold(controls: str, parameter: str, language: str) -> tuple[str, str]:
    """A parameter of the controls that match a regular expression, called by the titles of the controls."""
    title = f"title_{language}"
    set_to = f'dophu_control_threshold{{control=~"{controls}",parameter="{parameter}"}}'
    return f"{set_to} * on (control) group_left ({title}) dophu_control_info", f"{{{{{title}}}}}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the field that it shows, its heading, and how its values look."""

    field: str
    title: Title
    unit: str | Title | None = None
    width: int | None = None
    color: str | None = None
    words: Mapping[str, tuple[Title, str | None]] | None = None
    """What to show in place of a value, and its colour."""
    page: str | None = None
    """The path of Dophu's page about a value, which follows it."""
    drill: bool = False
    """Whether the value is an agency's code, which leads to the dashboard of that agency."""
    limits: Sequence[tuple[float, str]] = ()
    """From each of these values on, which rise, the cell has that colour; below the first it has `color`."""
    wraps: bool = False
    """Whether a long text goes on in a further line."""

    def properties(self, language: str) -> list[model.DynamicConfigValue]:
        """The looks, as Grafana's field properties."""
        found = []
        if self.unit is not None:
            unit = _unit(self.unit, language)
            found.append(model.DynamicConfigValue("unit", unit))
            if unit in _DECIMALS:
                found.append(model.DynamicConfigValue("decimals", _DECIMALS[unit]))
        if self.width is not None:
            found.append(model.DynamicConfigValue("custom.width", self.width))
        if self.limits:
            steps = [{"value": value, "color": color} for value, color in ((None, self.color or "text"), *self.limits)]
            found.append(model.DynamicConfigValue("thresholds", {"mode": "absolute", "steps": steps}))
            found.append(model.DynamicConfigValue("color", {"mode": "thresholds"}))
        elif self.color is not None:
            found.append(_fixed(self.color))
        if self.words is not None:
            found.append(model.DynamicConfigValue("mappings", [_mapped(self.words, language)]))
        links: list[dict[str, object]] = []
        if self.drill:
            links.append({"title": AGENCY.in_language(language), "url": _agency_url(language)})
        if self.page is not None:
            links.append({"title": "Dophu", "url": f"{_PAGES}{self.page}${{__value.raw}}", "targetBlank": True})
        if links:
            found.append(model.DynamicConfigValue("links", links))
        colored = self.color is not None or self.words is not None or self.limits
        if colored or self.wraps:
            options: dict[str, object] = {"type": "color-text" if colored else "auto"}
            found.append(
                model.DynamicConfigValue("custom.cellOptions", options | ({"wrapText": True} if self.wraps else {}))
            )
        return found


def _agency_url(language: str) -> str:
    """The dashboard *Agency* about the code in the clicked cell, over the same time and from the same server."""
    carried = "${__url_time_range}&${datasource:queryparam}&${dophu:queryparam}"
    return f"/d/{uid('agency', language)}?{carried}&var-agency=${{__value.raw}}"


def agency_columns(language: str) -> list[Column]:
    """An agency by name, and by its code, which leads to its dashboard and to its page."""
    return [
        Column(f"name_{language}", AGENCY, wraps=True),
        Column("agency", CODE, width=130, page="/agencies/", drill=True),
    ]


def value_columns(columns: Sequence[Column]) -> list[Column]:
    """The columns, each as the value of the expression at its place in a table of several."""
    return [dataclasses.replace(column, field=f"Value #{chr(ord('A') + i)}") for i, column in enumerate(columns)]


def or_zero(counted: str, every: str) -> str:
    """What was counted, and 0 where there is none of it and some of `every`, of the same labels."""
    return f"{counted} or 0 * {every}"


def count_column(field: str, title: Title, color: str, width: int = 100) -> Column:
    """A column of counts, in their colour where there is any."""
    return Column(field, title, "none", width, GREY, limits=[(1, color)])


def status_columns(statuses: Sequence[str]) -> list[Column]:
    """One column for each status, in its words and colour."""
    return [count_column(status, *STATUSES[status], width=120) for status in statuses]


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
    by: Column | None = None,
) -> table.Panel:
    """A table of what is true now: the columns named and no others.

    Several expressions are merged on the labels that all of them have; their values are the fields "Value #A" and on.
    `matrix` takes one expression and spreads the values of its second label over columns, with a row for each of the
    first; that row's field is then "FIRST\\SECOND". The rows with the highest value of the column `highest` come first;
    with `by` they come in the order of that column.
    """
    panel = table.Panel().title(title.in_language(language)).datasource(SOURCE).height(height).span(span)
    panel.filterable(True).no_value("–")
    if description is not None:
        panel.description(description.in_language(language))
    if sorting := highest or by:
        shown = sorting.title.in_language(language)
        panel.sort_by([common.TableSortByFieldState().display_name(shown).desc(highest is not None)])
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


def by_agency(
    title: Title, metric: str, label: str, values: Sequence[str], language: str, *, height: int
) -> table.Panel:
    """A row for each agency chosen, and a column for each value of a label: how many members of a metric have it."""

    def counted(value: str) -> str:
        members = named(f'{metric}{{agency=~"$agency",{label}="{value}"}}', language)
        return f"sum by (agency, name_{language}) ({members})"

    columns = [*agency_columns(language), *value_columns(status_columns(values))]
    return rows(title, [counted(value) for value in values], columns, language, span=14, height=height)
