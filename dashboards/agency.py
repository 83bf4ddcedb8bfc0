"""Agency: all that is known of one agency: what it reaches, its assets, lines, websites, findings and backups."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    AGENCY,
    CODE,
    DAYS,
    GREEN,
    ID_WIDTH,
    LINK_KINDS,
    PURPLE,
    RED,
    ROLES,
    SEVERITY,
    STATUSES,
    YELLOW,
    Column,
    begin,
    count_column,
    cut,
    data_age,
    finish,
    lines,
    number,
    or_zero,
    rows,
    status_columns,
    value_columns,
)
from dashboards._running import STALE
from dashboards._variables import choice
from inventory.words import Status, Title

_HERE = 'agency="$agency"'
_ANSWERS = ("yes", "no", "unknown")
_STATES = ("up", "degraded", "down", "unknown")
_DAY = 86400

_DESCRIPTION = Title(
    "Mọi điều đã biết về một cơ quan: kết quả theo chỉ tiêu và tiêu chí, thiết bị, đường truyền, trang thông tin, "
    "điểm yếu, lần quét và bản sao lưu. Chưa rõ không có nghĩa là chưa đạt.",
    "All that is known of one agency: how it stands by goal and control, its assets, lines, websites, security "
    "findings, scans and backups. Unknown does not mean unmet.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-agency`."""
    dashboard = begin("agency", AGENCY, _DESCRIPTION, language, "/agencies/${agency}")
    dashboard.with_variable(choice("agency", AGENCY, language, "dophu_agency_info", "agency", f"name_{language}"))
    answering = f"sum by (answering) (dophu_assets{{{_HERE}}})"
    over_time = f"sum by (status) (dophu_findings{{{_HERE}}})"
    statuses = {status.value: STATUSES[status] for status in Status}
    return finish(
        dashboard,
        [
            *_numbers(language),
            _goals(language),
            _controls(language),
            _assets_by_role(language),
            lines(Title("Thiết bị theo thời gian", "Assets over time"), answering, "answering", STATUSES, language, 14),
            _links(language),
            _websites(language),
            _security_findings(language),
            _scans(language),
            lines(
                Title("Kết quả theo thời gian", "Findings over time"), over_time, "status", statuses, language, span=14
            ),
        ],
    )


def _numbers(language: Language) -> list[stat.Panel]:
    def having(status: str) -> str:
        """How many controls have a member of this status here."""
        asked = f"sum by (control) (dophu_findings{{{_HERE}}})"
        held = f'sum by (control) (dophu_findings{{{_HERE},status="{status}"}}) > 0'
        return or_zero(f"count({held})", f"count({asked})")

    high = or_zero(f"sum({_of_severity('unmet', 'high')})", f"sum({_of_severity('.+', 'high')})")
    backup = f"(time() - min(dophu_backup_oldest_timestamp_seconds{{{_HERE}}})) / {_DAY}"
    some = [(1, RED)]
    return [
        number(Title("Tiêu chí chưa đạt", "Controls unmet"), having("unmet"), GREEN, language, 3, limits=some),
        number(
            Title("Tiêu chí còn chưa rõ", "Controls with unknowns"),
            having("unknown"),
            GREEN,
            language,
            3,
            limits=[(1, YELLOW)],
        ),
        number(Title("Điểm yếu mức cao", "High security findings"), high, GREEN, language, 3, limits=some),
        number(
            Title("Thiết bị không trả lời", "Assets not answering"),
            f'sum(dophu_assets{{{_HERE},answering="no"}})',
            GREEN,
            language,
            3,
            limits=some,
        ),
        number(
            Title("Đường không thông", "Lines down"),
            f'sum(dophu_link_state{{{_HERE},state="down"}})',
            GREEN,
            language,
            3,
            limits=some,
        ),
        number(
            Title("Máy chủ sao lưu không đạt", "Servers not backed up"),
            or_zero(
                f'sum(dophu_findings{{{_HERE},control="server_backed_up",status="unmet"}})',
                f'sum(dophu_findings{{{_HERE},control="server_backed_up"}})',
            ),
            GREEN,
            language,
            3,
            limits=some,
        ),
        number(
            Title("Sao lưu cũ nhất", "Oldest backup"),
            backup,
            GREEN,
            language,
            3,
            DAYS,
            # The days of the control server_backed_up, and those of the alert.
            limits=[(7, YELLOW), (9, RED)],
        ),
        data_age(language, 3, limits=[(STALE, RED)]),
    ]


def _goals(language: Language) -> table.Panel:
    title = f"title_{language}"
    day = "time:DD/MM/YYYY" if language == "vi" else "time:YYYY-MM-DD"
    asked = f"sum by (control) (dophu_findings{{{_HERE}}})"
    goals = f"dophu_goal_info and on (control) dophu_findings{{{_HERE}}}"

    def members(status: str) -> str:
        counted = or_zero(f'sum by (control) (dophu_findings{{{_HERE},status="{status}"}})', asked)
        return f"max by (plan, goal) (dophu_goal_info * on (control) group_left () ({counted}))"

    unmet = count_column("Value #C", STATUSES["unmet"][0], RED, 100)
    return rows(
        Title("Chỉ tiêu của kế hoạch", "Goals of the plans"),
        [
            f"max by (plan, goal, {title}, statement) ({goals})",
            members("met"),
            members("unmet"),
            members("unknown"),
            f"max by (plan, goal) (dophu_goal_due_timestamp_seconds and on (plan, goal) ({goals})) * 1000",
        ],
        [
            Column("plan", Title("Kế hoạch", "Plan"), width=150),
            Column("statement", Title("Mục", "Statement"), width=100),
            Column(title, Title("Chỉ tiêu", "Goal"), wraps=True),
            Column("goal", CODE, width=ID_WIDTH),
            count_column("Value #B", STATUSES["met"][0], GREEN, 90),
            unmet,
            count_column("Value #D", STATUSES["unknown"][0], YELLOW, 100),
            Column("Value #E", Title("Thời hạn", "Due"), day, 110),
        ],
        language,
        span=24,
        height=11,
        description=Title(
            "Những chỉ tiêu mà tiêu chí của chúng xét đến cơ quan này; chỉ tiêu có thể chỉ tính một số cấp.",
            "The goals whose control asks about this agency; a goal may count some levels only.",
        ),
        highest=unmet,
    )


def _controls(language: Language) -> table.Panel:
    title = f"title_{language}"

    def members(status: str) -> str:
        found = f'dophu_findings{{{_HERE},status=~"{status}"}}'
        return f"sum by (control, {title}) ({found} * on (control) group_left ({title}) dophu_control_info)"

    columns = value_columns(status_columns([status.value for status in Status]))
    unmet = next(column for column in columns if column.title == STATUSES["unmet"][0])
    return rows(
        Title("Tiêu chí", "Controls"),
        [or_zero(members(status), members(".+")) for status in Status],
        [Column(title, Title("Tiêu chí", "Control"), wraps=True), Column("control", CODE, width=ID_WIDTH), *columns],
        language,
        span=24,
        height=12,
        highest=unmet,
    )


def _assets_by_role(language: Language) -> table.Panel:
    return rows(
        Title("Thiết bị theo vai trò", "Assets by role"),
        [f"sum by (role, answering) (dophu_assets{{{_HERE}}})"],
        [Column("role\\answering", Title("Vai trò", "Role"), words=ROLES), *status_columns(_ANSWERS)],
        language,
        span=10,
        height=9,
        matrix=("role", "answering"),
    )


def _links(language: Language) -> table.Panel:
    def each(metric: str, more: str = "") -> str:
        return f"max by (link, kind) (dophu_link_{metric}{{{_HERE}{more}}})"

    return rows(
        Title("Đường truyền", "Lines"),
        [
            f"max by (link, kind, state) (dophu_link_state{{{_HERE}}} == 1)",
            each("loss_ratio"),
            each("round_trip_seconds", ',percentile="95"'),
            cut(each("availability_ratio")),
        ],
        [
            Column("link", Title("Đường truyền", "Link"), page="/lines/", wraps=True),
            Column("kind", Title("Loại", "Kind"), width=100, words=LINK_KINDS),
            Column("state", Title("Trạng thái", "State"), width=120, words={s: STATUSES[s] for s in _STATES}),
            Column("Value #B", Title("Mất gói", "Loss"), "percentunit", 90),
            Column("Value #C", Title("Đi về, 95%", "Round trip, 95 %"), "s", 120),
            Column("Value #D", Title("Tỷ lệ sẵn sàng (tháng)", "Availability (month)"), "percentunit", 175),
        ],
        language,
        span=12,
        height=9,
    )


def _websites(language: Language) -> table.Panel:
    def each(expression: str) -> str:
        return f"max by (url) ({expression})"

    return rows(
        Title("Trang thông tin điện tử", "Websites"),
        [
            f"max by (url, state) (dophu_website_state{{{_HERE}}} == 1)",
            each(f"dophu_website_http_status_code{{{_HERE}}}"),
            each(f"dophu_website_response_seconds{{{_HERE}}}"),
            each(f"(dophu_website_certificate_expiry_timestamp_seconds{{{_HERE}}} - time()) / {_DAY}"),
        ],
        [
            Column("url", Title("Trang", "Website"), wraps=True),
            Column("state", Title("Trạng thái", "State"), width=120, words={s: STATUSES[s] for s in _STATES}),
            Column("Value #B", Title("Mã HTTP", "HTTP code"), "none", 90),
            Column("Value #C", Title("Thời gian trả lời", "Response time"), "s", 140),
            Column(
                "Value #D",
                Title("Chứng thư còn", "Certificate, left"),
                DAYS,
                150,
                RED,
                limits=[(0, YELLOW), (30, GREEN)],
            ),
        ],
        language,
        span=12,
        height=9,
    )


def _of_severity(status: str, severity: str, labels: str = "severity") -> str:
    """The findings whose status matches, of controls whose severity does, with labels of the control."""
    findings = f'dophu_findings{{{_HERE},status=~"{status}"}}'
    return f'{findings} * on (control) group_left ({labels}) dophu_control_info{{severity=~"{severity}"}}'


def _security_findings(language: Language) -> table.Panel:
    title = f"title_{language}"

    def members(status: str) -> str:
        return f"sum by (control, severity, {title}) ({_of_severity(status, '.+', f'severity, {title}')})"

    unmet = count_column("Value #A", Title("Chưa xử lý", "Open"), RED, 100)
    return rows(
        Title("Điểm yếu", "Security findings"),
        [or_zero(members(status), members(".+")) for status in ("unmet", "waived", "unknown")],
        [
            Column("severity", Title("Mức độ", "Severity"), width=110, words=SEVERITY),
            Column(title, Title("Tiêu chí", "Control"), wraps=True),
            Column("control", CODE, width=ID_WIDTH),
            unmet,
            count_column("Value #B", Title("Chấp nhận", "Accepted"), PURPLE, 110),
            count_column("Value #C", STATUSES["unknown"][0], YELLOW, 100),
        ],
        language,
        span=24,
        height=9,
        highest=unmet,
    )


def _scans(language: Language) -> table.Panel:
    age = Column("Value", Title("Cách đây", "Ago"), DAYS, 130)
    return rows(
        Title("Lần quét trọn vẹn gần nhất", "Newest complete scan"),
        [f"max by (network, profile) (time() - dophu_scan_complete_timestamp_seconds{{{_HERE}}}) / {_DAY}"],
        [
            Column("network", Title("Mạng", "Network")),
            Column("profile", Title("Kiểu quét", "Profile"), width=110),
            age,
        ],
        language,
        span=10,
        height=9,
        description=Title(
            "Mạng chưa từng được quét trọn vẹn thì không có trong bảng.",
            "A network that was never scanned to its end is not in the table.",
        ),
        highest=age,
    )
