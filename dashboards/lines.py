"""Lines: which links are up, degraded, down or unknown, and what they lose, delay and carry, beside the thresholds."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    LINK_KINDS,
    PURPLE,
    STATUSES,
    Column,
    agency_columns,
    begin,
    by_agency,
    count,
    curves,
    cut,
    data_age,
    finish,
    lines,
    named,
    rows,
    status_number,
    threshold,
)
from dashboards._variables import agency_choice, choice, level_choice
from inventory.words import Title

_HERE = 'agency=~"$agency"'
_CHOSEN = 'link=~"$link"'
_STATES = ("up", "degraded", "down", "unknown")
_QUALITY = "link_(wan|internet)_quality"

_LINK = Title("Đường truyền", "Link")
_KIND = Title("Loại", "Kind")
_STATE = Title("Trạng thái", "State")
_LOSS = Title("Mất gói", "Loss")
_TRIP = Title("Thời gian đi về", "Round trip")
_JITTER = Title("Độ biến thiên trễ", "Jitter")
_USED = Title("Mức sử dụng", "Utilisation")
_AVAILABILITY = Title("Tỷ lệ sẵn sàng (tháng)", "Availability (month)")

_DESCRIPTION = Title(
    "Đường truyền nào thông, kém, không thông hay chưa rõ; mất gói, trễ, mức sử dụng và tỷ lệ sẵn sàng trong tháng. "
    "Đường mà chính phía đo bị đứt ở giữa là chưa rõ, không tính là không thông.",
    "Which links are up, degraded, down or unknown; their loss, delay, utilisation and availability of the month. "
    "A link to which our own way is cut is unknown and not down.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-lines`."""
    dashboard = begin("lines", Title("Đường truyền", "Lines"), _DESCRIPTION, language, "/lines")
    # Only what has figures can be drawn.
    one = f'label_join(last_over_time(dophu_link_loss_ratio{{{_HERE}}}[1d]), "title", " · ", "link", "kind")'
    dashboard.with_variable(level_choice(language)).with_variable(agency_choice(language))
    dashboard.with_variable(choice("link", _LINK, language, one, "link", "title").multi(True))
    maintained = f"sum(dophu_link_maintenance{{{_HERE}}})"
    states = f"sum by (state) (dophu_link_state{{{_HERE}}})"
    return finish(
        dashboard,
        [
            *(status_number(s, f'sum(dophu_link_state{{{_HERE},state="{s}"}})', language, span=4) for s in _STATES),
            count(Title("Đang bảo trì", "Under maintenance"), maintained, PURPLE, language, span=4),
            data_age(language, span=4),
            lines(Title("Trạng thái theo thời gian", "States over time"), states, "state", STATUSES, language, 10),
            _agencies(language),
            _links(language),
            *_figures(language),
        ],
    )


def _agencies(language: Language) -> table.Panel:
    return by_agency(Title("Theo cơ quan", "By agency"), "dophu_link_state", "state", _STATES, language, height=9)


def _links(language: Language) -> table.Panel:
    name = f"name_{language}"
    keys = f"link, kind, agency, {name}"

    def each(metric: str, more: str = "") -> str:
        return f"max by ({keys}) ({named(f'dophu_link_{metric}{{{_HERE}{more}}}', language)})"

    state = named(f"(dophu_link_state{{{_HERE}}} == 1)", language)
    loss = Column("Value #B", _LOSS, "percentunit", 90)
    return rows(
        Title("Các đường truyền", "Links"),
        [
            f"max by ({keys}, state) ({state})",
            each("loss_ratio"),
            each("round_trip_seconds", ',percentile="50"'),
            each("round_trip_seconds", ',percentile="95"'),
            each("jitter_seconds"),
            each("utilisation_ratio"),
            cut(each("availability_ratio")),
            each("maintenance"),
        ],
        [
            *agency_columns(language),
            Column("link", _LINK, page="/lines/", wraps=True),
            Column("kind", _KIND, width=100, words=LINK_KINDS),
            Column("state", _STATE, width=120, words={s: STATUSES[s] for s in _STATES}),
            loss,
            Column("Value #C", Title("Đi về, trung vị", "Round trip, 50 %"), "s", 130),
            Column("Value #D", Title("Đi về, 95%", "Round trip, 95 %"), "s", 120),
            Column("Value #E", _JITTER, "s", 145),
            Column("Value #F", _USED, "percentunit", 110),
            Column("Value #G", _AVAILABILITY, "percentunit", 150),
            Column(
                "Value #H",
                Title("Bảo trì", "Maintenance"),
                width=110,
                words={"1": (Title("Đang bảo trì", "Under way"), PURPLE), "0": (Title("–", "-"), None)},
            ),
        ],
        language,
        span=24,
        height=12,
        description=Title(
            "Ô trống: chưa biết. Tỷ lệ sẵn sàng không tính thời gian bảo trì; đường kém mà vẫn trả lời là thông.",
            "An empty cell is not known. Maintenance is taken out of availability; a degraded link that answers is up.",
        ),
        highest=loss,
    )


def _figures(language: Language) -> list[timeseries.Panel]:
    """The chosen links over time, each figure beside the threshold of the control that asks about it."""
    legend = "{{link}}"
    return [
        curves(
            _LOSS,
            [(f"dophu_link_loss_ratio{{{_CHOSEN}}}", legend)],
            [threshold(_QUALITY, "loss_share", language)],
            language,
            12,
            "percentunit",
        ),
        curves(
            _TRIP,
            [(f"dophu_link_round_trip_seconds{{{_CHOSEN}}}", "{{link}} · {{percentile}}%")],
            [threshold(_QUALITY, "slow_seconds", language)],
            language,
            12,
            "s",
            Title(
                "Trung vị, và mức mà 95% và 99% số gói không vượt quá; ngưỡng áp dụng cho mức 95%.",
                "The median, and what 95 % and 99 % of packets do not exceed; the threshold is that of the 95 %.",
            ),
        ),
        curves(_JITTER, [(f"dophu_link_jitter_seconds{{{_CHOSEN}}}", legend)], [], language, 8, "s"),
        curves(
            Title("Mức sử dụng so với băng thông thuê", "Utilisation of the contracted rate"),
            [(f"dophu_link_utilisation_ratio{{{_CHOSEN}}}", legend)],
            [threshold("link_utilisation", "busy_share", language)],
            language,
            8,
            "percentunit",
        ),
        curves(
            _AVAILABILITY,
            [(f"dophu_link_availability_ratio{{{_CHOSEN}}}", legend)],
            [threshold("link_wan_steady", "steady_share", language)],
            language,
            8,
            "percentunit",
            Title(
                "Từ đầu tháng; tiêu chí xét 30 ngày gần nhất.",
                "Since the month began; the control asks about the last 30 days.",
            ),
        ),
    ]
