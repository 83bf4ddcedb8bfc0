"""Network: which assets and links answer, which do not, which nobody could ask, and whether the collectors run."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    GREY,
    LINK_KINDS,
    RECORDED,
    ROLES,
    STATUSES,
    Column,
    agency_columns,
    begin,
    by_agency,
    data_age,
    finish,
    lines,
    named,
    number,
    rows,
    status_columns,
    status_number,
)
from dashboards._running import collectors
from dashboards._variables import agency_choice, level_choice
from inventory.words import Title

_HERE = 'agency=~"$agency"'
_ANSWERS = ("yes", "no", "unknown")
_STATES = ("up", "down", "unknown")

_DESCRIPTION = Title(
    "Thiết bị và đường truyền nào có trả lời, nào không, nào chưa rõ; các bộ thu thập có chạy không.",
    "Which assets and links answer, which do not, which are unknown; whether the collectors run.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-network`."""
    dashboard = begin("network", Title("Mạng và thiết bị", "Network and assets"), _DESCRIPTION, language, "/agencies")
    dashboard.with_variable(level_choice(language)).with_variable(agency_choice(language))
    assets = Title("Thiết bị", "Assets")
    links = Title("Đường truyền", "Links")
    numbers = [
        *(_counted(assets, f'sum(dophu_assets{{{_HERE},answering="{a}"}})', a, language) for a in _ANSWERS),
        *(_counted(links, f'sum(dophu_link_state{{{_HERE},state="{s}"}})', s, language) for s in _STATES),
        data_age(language, span=3),
        number(Title("Chuỗi bị lược bớt", "Series left out"), "sum(dophu_series_dropped)", GREY, language, span=3),
    ]
    answering = f"sum by (answering) (agency_answering:dophu_assets:sum{{{_HERE}}})"
    states = f"sum by (state) (dophu_link_state{{{_HERE}}})"
    return finish(
        dashboard,
        [
            *numbers,
            _assets_by_role(language),
            _assets_by_agency(language),
            lines(
                Title("Thiết bị theo thời gian", "Assets over time"), answering, "answering", STATUSES, language, 12
            ).description(RECORDED.in_language(language)),
            lines(Title("Đường truyền theo thời gian", "Links over time"), states, "state", STATUSES, language, 12),
            _links(language),
            collectors(language, span=12, height=12),
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
        [Column("role\\answering", Title("Vai trò", "Role"), words=ROLES), *status_columns(_ANSWERS)],
        language,
        span=10,
        height=10,
        matrix=("role", "answering"),
    )


def _assets_by_agency(language: Language) -> table.Panel:
    title = Title("Thiết bị theo cơ quan", "Assets by agency")
    return by_agency(title, "dophu_assets", "answering", _ANSWERS, language, height=10)


def _links(language: Language) -> table.Panel:
    name = f"name_{language}"
    known = named(f"(dophu_link_state{{{_HERE}}} == 1)", language)
    return rows(
        Title("Các đường truyền", "Links"),
        [f"max by (link, kind, agency, {name}, state) ({known})"],
        [
            *agency_columns(language),
            Column("link", Title("Đường truyền", "Link"), wraps=True),
            Column("kind", Title("Loại", "Kind"), width=100, words=LINK_KINDS),
            Column(
                "state", Title("Trạng thái", "State"), width=130, words={s: STATUSES[s] for s in (*_STATES, "degraded")}
            ),
        ],
        language,
        span=12,
        height=12,
    )
