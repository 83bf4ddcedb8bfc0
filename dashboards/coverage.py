"""Coverage: how far the goals of a plan are true, what is proven, what is possible, and which agencies are missing."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, table, timeseries
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    CODE,
    GREEN,
    ID_WIDTH,
    POINTS,
    POSSIBLE,
    PROVEN,
    RED,
    SHARES,
    STATUSES,
    TARGET,
    YELLOW,
    Column,
    agency_columns,
    bars,
    begin,
    count_column,
    cut,
    data_age,
    finish,
    lines,
    named,
    or_zero,
    rows,
    shares,
    status_columns,
    status_number,
    value_columns,
)
from dashboards._variables import agency_choice, choice, level_choice
from inventory.words import CoverageStatus, Status, Title

_PLAN = 'plan="$plan"'
_ROW = 'plan="$plan",level="$level"'
_GOAL = 'plan="$plan",goal="$goal"'

_DESCRIPTION = Title(
    "Độ phủ của các chỉ tiêu trong kế hoạch. «Đã chứng minh» là phần đã đo được; «có thể đạt» cộng thêm phần chưa rõ. "
    "Chưa rõ không có nghĩa là chưa đạt.",
    "How far the goals of a plan are true. What is proven was measured; what is possible adds the unknown. "
    "Unknown does not mean unmet.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-coverage`."""
    dashboard = begin(
        "coverage", Title("Độ phủ kế hoạch CNTT", "ICT plan coverage"), _DESCRIPTION, language, plans=_PLAN
    )
    title = f"title_{language}"
    drawable = f"dophu_goal_info{{{_PLAN}}} and on (plan, goal) dophu_coverage_proven_ratio"
    asked = f"dophu_control_info and on (control) dophu_goal_info{{{_PLAN}}}"
    for variable in (
        choice("plan", Title("Kế hoạch", "Plan"), language, "dophu_plan_info", "plan", title),
        level_choice(language),
        choice("goal", Title("Chỉ tiêu", "Goal"), language, drawable, "goal", title),
        choice("control", Title("Tiêu chí", "Control"), language, asked, "control", title),
        agency_choice(language),
    ):
        dashboard.with_variable(variable)
    standing = [
        status_number(status, f'sum(dophu_coverage_status{{{_ROW},status="{status}"}})', language, span=3)
        for status in CoverageStatus
    ]
    return finish(
        dashboard,
        [
            *standing,
            data_age(language, span=6),
            _goals(language),
            _chosen_now(language),
            _chosen_over_time(language),
            _agencies(language),
        ],
    )


def _goals(language: Language) -> table.Panel:
    title = f"title_{language}"
    statement = Column("statement", Title("Mục", "Statement"), width=100)
    day = "time:DD/MM/YYYY" if language == "vi" else "time:YYYY-MM-DD"
    return rows(
        Title("Các chỉ tiêu", "Goals"),
        [
            f"max by (goal, {title}, statement) (dophu_goal_info{{{_PLAN}}})",
            cut(f"max by (goal) (dophu_coverage_proven_ratio{{{_ROW}}})"),
            cut(f"max by (goal) (dophu_coverage_possible_ratio{{{_ROW}}})"),
            f"max by (goal) (dophu_coverage_target_ratio{{{_ROW}}})",
            f"100 * {cut(f'max by (goal) (dophu_coverage_proven_ratio{{{_ROW}}} - dophu_coverage_target_ratio)')}",
            f'max by (goal) (dophu_coverage_members{{{_ROW},status="unmet"}})',
            f'max by (goal) (dophu_coverage_members{{{_ROW},status="unknown"}})',
            f"max by (goal) (dophu_goal_due_timestamp_seconds{{{_PLAN}}}) * 1000",
            f"max by (goal, status) (dophu_coverage_status{{{_ROW}}} == 1)",
        ],
        [
            statement,
            Column(title, Title("Chỉ tiêu", "Goal"), wraps=True),
            Column("goal", CODE, width=ID_WIDTH),
            Column("status", Title("Kết quả", "Standing"), width=150, words={s: STATUSES[s] for s in CoverageStatus}),
            Column("Value #B", PROVEN, "percentunit", 120),
            Column("Value #C", POSSIBLE, "percentunit", 110),
            Column("Value #D", TARGET, "percentunit", 100),
            # Below the target it has no colour of its own: whether that is open or lost stands in the standing.
            Column("Value #E", Title("So với mức đề ra", "To target"), POINTS, 130, limits=[(0, GREEN)]),
            count_column("Value #F", STATUSES["unmet"][0], RED, 90),
            count_column("Value #G", STATUSES["unknown"][0], YELLOW, 90),
            Column("Value #H", Title("Thời hạn", "Due"), day, 110),
        ],
        language,
        span=24,
        height=14,
        description=Title(
            "Chỉ tiêu chưa đo vẫn nằm trong bảng, không có tỷ lệ.",
            "Goals that nothing measures stay in the table, without a share.",
        ),
        by=statement,
    )


def _chosen_now(language: Language) -> bargauge.Panel:
    """By level; dophu_level_info also names the whole."""
    title = f"title_{language}"
    return bars(
        Title("Chỉ tiêu đã chọn theo cấp", "The chosen goal by level"),
        f"({cut(shares(_GOAL, language))}) * on (level) group_left ({title}) dophu_level_info",
        f"{{{{{title}}}}} · {{{{share}}}}",
        language,
        span=10,
        height=9,
    )


def _chosen_over_time(language: Language) -> timeseries.Panel:
    selector = f'{_GOAL},level="$level"'
    return lines(
        Title("Chỉ tiêu đã chọn theo thời gian", "The chosen goal over time"),
        f"max by (share) ({shares(selector, language)})",
        "share",
        {words.in_language(language): (words, color) for words, color in SHARES},
        language,
        span=14,
        unit="percentunit",
        dashed=TARGET.in_language(language),
    )


def _agencies(language: Language) -> table.Panel:
    def members(selector: str) -> str:
        findings = named(f'dophu_findings{{control="$control",agency=~"$agency"{selector}}}', language)
        return f"sum by (agency, name_{language}) ({findings})"

    return rows(
        Title("Cơ quan theo kết quả của tiêu chí", "Agencies by what the control found"),
        [or_zero(members(f',status="{status}"'), members("")) for status in Status],
        [*agency_columns(language), *value_columns(status_columns([status.value for status in Status]))],
        language,
        span=24,
        height=14,
    )
