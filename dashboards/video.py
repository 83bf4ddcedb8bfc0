"""Video conference: which rooms and MCUs answer, how many calls go on, and what share of meetings is held online."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    BLUE,
    STATUSES,
    Column,
    agency_columns,
    begin,
    cut,
    data_age,
    finish,
    lines,
    named,
    number,
    rows,
    status_columns,
    status_number,
)
from dashboards._variables import agency_choice, level_choice
from inventory.words import Status, Title

_HERE = 'agency=~"$agency"'
_VIDEO = f'{_HERE},role=~"vc_endpoint|mcu"'
_CONTROLS = "vc_endpoint_.+|mcu_answering|agency_vc_answering|agency_online_meetings|meetings_online"
_ANSWERS = ("yes", "no", "unknown")

_DESCRIPTION = Title(
    "Phòng họp và MCU nào có trả lời, bao nhiêu cuộc gọi đang diễn ra, bao nhiêu phần cuộc họp là họp trực tuyến.",
    "Which rooms and MCUs answer, how many calls go on, and what share of meetings is held online.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-video`."""
    dashboard = begin("video", Title("Hội nghị truyền hình", "Video conference"), _DESCRIPTION, language, "/video")
    dashboard.with_variable(level_choice(language)).with_variable(agency_choice(language))
    answering = f"sum by (answering) (dophu_assets{{{_VIDEO}}})"
    return finish(
        dashboard,
        [
            *(status_number(a, f'sum(dophu_assets{{{_VIDEO},answering="{a}"}})', language, span=4) for a in _ANSWERS),
            number(
                Title("Cuộc gọi đang diễn ra", "Calls now"), f"sum(dophu_vc_calls{{{_HERE}}})", BLUE, language, span=4
            ),
            number(
                Title("Trung bình họp trực tuyến", "Meetings online, mean of agencies"),
                cut(f"avg(dophu_meetings_online_ratio{{{_HERE}}})"),
                BLUE,
                language,
                span=4,
                unit="percentunit",
            ),
            data_age(language, span=4),
            lines(
                Title("Thiết bị theo thời gian", "Devices over time"), answering, "answering", STATUSES, language, 12
            ),
            _agencies(language),
            _controls(language),
        ],
    )


def _agencies(language: Language) -> table.Panel:
    name = f"name_{language}"

    def by_agency(expression: str) -> str:
        return f"max by (agency, {name}) ({named(expression, language)})"

    return rows(
        Title("Theo cơ quan", "By agency"),
        [
            by_agency(f"sum by (agency) (dophu_vc_devices_up{{{_HERE}}})"),
            by_agency(f"sum by (agency) (dophu_assets{{{_VIDEO}}})"),
            by_agency(f"dophu_vc_calls{{{_HERE}}}"),
            cut(by_agency(f"dophu_meetings_online_ratio{{{_HERE}}}")),
        ],
        [
            *agency_columns(language),
            Column("Value #A", Title("Thiết bị có trả lời", "Devices answering"), "none", 150),
            Column("Value #B", Title("Thiết bị", "Devices"), "none", 90),
            Column("Value #C", Title("Đang gọi", "Calls"), "none", 90),
            Column("Value #D", Title("Họp trực tuyến", "Meetings online"), "percentunit", 130),
        ],
        language,
        span=12,
        height=9,
        description=Title(
            "Ô trống: chưa biết. Tỷ lệ họp trực tuyến là của kỳ mới nhất có số liệu.",
            "An empty cell is not known. The share of meetings is that of the newest period told.",
        ),
    )


def _controls(language: Language) -> table.Panel:
    title = f"title_{language}"
    findings = f'dophu_findings{{{_HERE},control=~"{_CONTROLS}"}}'
    told = f"{findings} * on (control) group_left ({title}) dophu_control_info"
    return rows(
        Title("Kết quả theo tiêu chí", "What the controls found"),
        [f"sum by ({title}, status) ({told})"],
        [
            Column(f"{title}\\status", Title("Tiêu chí", "Control"), wraps=True),
            *status_columns([s.value for s in Status]),
        ],
        language,
        span=24,
        height=8,
        matrix=(title, "status"),
    )
