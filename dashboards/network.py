"""Network: which assets and links answer, which do not, which nobody could ask, and whether the collectors run."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    AGENCY,
    GREY,
    RED,
    SNAPSHOT_AGE,
    STATUSES,
    Column,
    begin,
    finish,
    lines,
    named,
    number,
    rows,
    status_columns,
    status_number,
)
from dashboards._variables import agency_choice, level_choice
from inventory.words import Title

_HERE = 'agency=~"$agency"'
_ANSWERS = ("yes", "no", "unknown")
_STATES = ("up", "down", "unknown")

_DESCRIPTION = Title(
    "Thiết bị và đường truyền nào có trả lời, nào không, nào chưa rõ; các bộ thu thập có chạy không.",
    "Which assets and links answer, which do not, which are unknown; whether the collectors run.",
)

#: How the roles of the vocabulary are called; one that is not here is shown by its code.
_ROLES: dict[str, tuple[Title, str | None]] = {
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
    )
}


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-network`."""
    dashboard = begin("network", Title("Mạng và thiết bị", "Network and assets"), _DESCRIPTION, language, "/agencies")
    dashboard.with_variable(level_choice(language)).with_variable(agency_choice(language))
    assets = Title("Thiết bị", "Assets")
    links = Title("Đường truyền", "Links")
    numbers = [
        *(_counted(assets, f'sum(dophu_assets{{{_HERE},answering="{a}"}})', a, language) for a in _ANSWERS),
        *(_counted(links, f'sum(dophu_link_state{{{_HERE},state="{s}"}})', s, language) for s in _STATES),
        number(Title("Tuổi của số liệu", "Age of the figures"), SNAPSHOT_AGE, GREY, language, span=3, unit="s"),
        number(Title("Chuỗi bị lược bớt", "Series left out"), "sum(dophu_series_dropped)", GREY, language, span=3),
    ]
    answering = f"sum by (answering) (dophu_assets{{{_HERE}}})"
    states = f"sum by (state) (dophu_link_state{{{_HERE}}})"
    return finish(
        dashboard,
        [
            *numbers,
            _assets_by_role(language),
            _assets_by_agency(language),
            lines(Title("Thiết bị theo thời gian", "Assets over time"), answering, "answering", STATUSES, language, 12),
            lines(Title("Đường truyền theo thời gian", "Links over time"), states, "state", STATUSES, language, 12),
            _links(language),
            _collectors(language),
        ],
    )


def _counted(of: Title, expression: str, status: str, language: Language) -> stat.Panel:
    words, _ = STATUSES[status]
    panel = status_number(status, expression, language, span=3)
    return panel.title(f"{of.in_language(language)}: {words.in_language(language).lower()}")


def _assets_by_role(language: Language) -> table.Panel:
    return rows(
        Title("Thiết bị theo vai trò", "Assets by role"),
        [f"sum by (role, answering) (dophu_assets{{{_HERE}}})"],
        [Column("role\\answering", Title("Vai trò", "Role"), words=_ROLES), *status_columns(_ANSWERS)],
        language,
        span=10,
        height=10,
        matrix=("role", "answering"),
    )


def _assets_by_agency(language: Language) -> table.Panel:
    name = f"name_{language}"
    summed = f"sum by (agency, {name}, answering) ({named(f'dophu_assets{{{_HERE}}}', language)})"
    return rows(
        Title("Thiết bị theo cơ quan", "Assets by agency"),
        [f'label_join({summed}, "member", " · ", "{name}", "agency")'],
        [Column("member\\answering", AGENCY), *status_columns(_ANSWERS)],
        language,
        span=14,
        height=10,
        matrix=("member", "answering"),
    )


def _links(language: Language) -> table.Panel:
    name = f"name_{language}"
    known = named(f"(dophu_link_state{{{_HERE}}} == 1)", language)
    return rows(
        Title("Các đường truyền", "Links"),
        [f"max by (link, kind, {name}, state) ({known})"],
        [
            Column(name, AGENCY),
            Column("link", Title("Đường truyền", "Link")),
            Column("kind", Title("Loại", "Kind"), width=110),
            Column(
                "state", Title("Trạng thái", "State"), width=130, words={s: STATUSES[s] for s in (*_STATES, "degraded")}
            ),
        ],
        language,
        span=12,
        height=12,
    )


def _collectors(language: Language) -> table.Panel:
    def newest(metric: str) -> str:
        return f"max by (collector) (dophu_collector_{metric})"

    return rows(
        Title("Bộ thu thập", "Collectors"),
        [
            f"time() - {newest('last_success_timestamp_seconds')}",
            f"time() - {newest('last_run_timestamp_seconds')}",
            newest("targets"),
            newest("targets_failed"),
            newest("run_duration_seconds"),
        ],
        [
            Column("collector", Title("Bộ thu thập", "Collector")),
            Column("Value #A", Title("Thành công cách đây", "Last success, ago"), "s", 160),
            Column("Value #B", Title("Chạy cách đây", "Last run, ago"), "s", 130),
            Column("Value #C", Title("Số đích", "Targets"), "none", 90),
            Column("Value #D", Title("Đích lỗi", "Failed"), "none", 90, RED),
            Column("Value #E", Title("Lâu nhất", "Longest run"), "s", 110),
        ],
        language,
        span=12,
        height=12,
        description=Title(
            "Ô trống ở cột «thành công»: chưa lần nào đọc trọn một đích.",
            "No last success: no target was ever read to the end.",
        ),
    )
