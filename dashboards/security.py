"""Security posture: open findings by severity, control and agency, certificates, and whether scans are up to date."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    CODE,
    DAYS,
    GREEN,
    ID_WIDTH,
    POSSIBLE,
    PROVEN,
    PURPLE,
    RECORDED,
    RED,
    SEVERITY,
    STATUSES,
    TRUTH,
    YELLOW,
    Column,
    agency_columns,
    begin,
    count,
    count_column,
    cut,
    data_age,
    finish,
    lines,
    named,
    or_zero,
    rows,
    value_columns,
)
from dashboards._running import schedules
from dashboards._variables import agency_choice, level_choice
from inventory.words import Title

_HERE = 'agency=~"$agency"'
#: How many findings there are of controls with a severity; 0 of one kind is told where there are others.
_ASKED = f"sum(dophu_findings{{{_HERE}}})"
#: What machines are asked of their protection, their patches and their system.
_POSTURE = (
    "(workstation|server)_(antivirus_protected|antivirus_signatures|patched|no_security_update_pending|os_supported"
    "|host_firewall|smb1_off|drive_encrypted)"
)
_SEVERITY = Title("Mức độ", "Severity")

_DESCRIPTION = Title(
    "Những điểm yếu chưa xử lý theo mức độ, tiêu chí và cơ quan; máy trạm, máy chủ được bảo vệ và cập nhật đến đâu; "
    "chứng thư số còn bao lâu; lần quét gần nhất. Chưa rõ không có nghĩa là an toàn.",
    "Open security findings by severity, control and agency; how far machines are protected and patched; how long "
    "certificates last; when networks were last scanned. Unknown does not mean safe.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-security`."""
    title = Title("An toàn thông tin", "Security posture")
    dashboard = begin("security", title, _DESCRIPTION, language, "/security")
    dashboard.with_variable(level_choice(language)).with_variable(agency_choice(language))
    accepted, unknown = (
        or_zero(f"sum({_of_severity(status, 'severity')})", _ASKED) for status in ("waived", "unknown")
    )
    # What the rules recorded: of a month, the findings of every control would be too many series.
    over_time = f'sum by (severity) (agency_severity_status:dophu_findings:sum{{{_HERE},status="unmet"}})'
    return finish(
        dashboard,
        [
            *(
                count(
                    Title(f"Chưa xử lý: {word.vi.lower()}", f"Open: {word.en.lower()}"),
                    or_zero(f"sum({_of_severity('unmet', 'severity', severity)})", _ASKED),
                    color,
                    language,
                    span=4,
                )
                for severity, (word, color) in SEVERITY.items()
            ),
            count(Title("Được chấp nhận", "Accepted"), accepted, PURPLE, language, span=4),
            count(Title("Chưa rõ", "Unknown"), unknown, YELLOW, language, span=4),
            data_age(language, span=4),
            lines(
                Title("Điểm yếu chưa xử lý theo thời gian", "Open security findings over time"),
                over_time,
                "severity",
                SEVERITY,
                language,
                12,
            ).description(RECORDED.in_language(language)),
            _agencies(language),
            _controls(language),
            _posture(language),
            _certificates(language),
            _scans(language),
            schedules(language),
        ],
    )


def _of_severity(status: str, labels: str, severity: str = ".+") -> str:
    """The findings of a status whose control has a severity, with some of the control's labels."""
    findings = f'dophu_findings{{{_HERE},status=~"{status}"}}'
    return f'{findings} * on (control) group_left ({labels}) dophu_control_info{{severity=~"{severity}"}}'


def _agencies(language: Language) -> table.Panel:
    def counted(status: str, severity: str) -> str:
        members = f"sum by (agency) ({_of_severity(status, 'severity', severity)})"
        return f"sum by (agency, name_{language}) ({named(members, language)})"

    high, *lower = value_columns([count_column(s, word, color, 110) for s, (word, color) in SEVERITY.items()])
    return rows(
        Title("Điểm yếu chưa xử lý theo cơ quan", "Open security findings by agency"),
        [or_zero(counted("unmet", severity), counted("unmet", ".+")) for severity in SEVERITY],
        [*agency_columns(language), high, *lower],
        language,
        span=12,
        height=9,
        highest=high,
    )


def _controls(language: Language) -> table.Panel:
    title = f"title_{language}"
    unmet = count_column("Value #A", Title("Chưa xử lý", "Open"), RED, 90)

    def counted(status: str) -> str:
        return f"sum by (control, severity, {title}) ({_of_severity(status, f'severity, {title}')})"

    return rows(
        Title("Điểm yếu theo tiêu chí", "Security findings by control"),
        [or_zero(counted(status), counted(".+")) for status in ("unmet", "waived", "unknown", "met")],
        [
            Column("severity", _SEVERITY, width=100, words=SEVERITY),
            Column(title, Title("Tiêu chí", "Control"), wraps=True),
            Column("control", CODE, width=ID_WIDTH),
            unmet,
            count_column("Value #B", Title("Chấp nhận", "Accepted"), PURPLE, 100),
            count_column("Value #C", STATUSES["unknown"][0], YELLOW, 90),
            count_column("Value #D", STATUSES["met"][0], GREEN, 90),
        ],
        language,
        span=24,
        height=13,
        highest=unmet,
    )


def _posture(language: Language) -> table.Panel:
    title = f"title_{language}"

    def members(statuses: str) -> str:
        return f'sum by (control) (dophu_findings{{{_HERE},control=~"{_POSTURE}",status=~"{statuses}"}})'

    counted = members("met|unmet|unknown|declared")

    def share(statuses: str) -> str:
        part = f"({cut(f'({or_zero(members(statuses), counted)}) / {counted}')})"
        return f"max by (control, {title}) ({part} * on (control) group_left ({title}) dophu_control_info)"

    name = Column(title, Title("Tiêu chí", "Control"), wraps=True)
    return rows(
        Title("Máy trạm, máy chủ: bảo vệ, bản vá, hệ điều hành", "Machines: protection, patches, systems"),
        [share("met"), share("met|unknown"), f"max by (control) ({counted})"],
        [
            name,
            Column("control", CODE, width=ID_WIDTH),
            Column("Value #A", PROVEN, "percentunit", 140),
            Column("Value #B", POSSIBLE, "percentunit", 120),
            Column("Value #C", Title("Tổng số", "Counted"), "none", 100),
        ],
        language,
        span=24,
        height=12,
        by=name,
    )


def _certificates(language: Language) -> table.Panel:
    name = f"name_{language}"

    def each(expression: str) -> str:
        return f"max by (url, agency, {name}) ({named(expression, language)})"

    left = f"(dophu_website_certificate_expiry_timestamp_seconds{{{_HERE}}} - time()) / 86400"
    return rows(
        Title("Chứng thư số của các trang", "Certificates of websites"),
        [
            each(f"({left})"),
            each(f"dophu_website_certificate_valid{{{_HERE}}}"),
            each(f"dophu_website_tls_old{{{_HERE}}}"),
        ],
        [
            *agency_columns(language),
            Column("url", Title("Trang", "Website"), wraps=True),
            Column("Value #A", Title("Còn", "Left"), DAYS, 110, RED, limits=[(0, YELLOW), (30, GREEN)]),
            Column("Value #B", Title("Hợp lệ", "Valid"), width=90, words=TRUTH),
            Column(
                "Value #C",
                Title("Nhận TLS cũ", "Takes old TLS"),
                width=120,
                words={"1": (TRUTH["1"][0], RED), "0": (TRUTH["0"][0], GREEN)},
            ),
        ],
        language,
        span=12,
        height=11,
    )


def _scans(language: Language) -> table.Panel:
    name = f"name_{language}"
    age = Column("Value", Title("Cách đây", "Ago"), DAYS, 130)
    told = named(f"((time() - dophu_scan_complete_timestamp_seconds{{{_HERE}}}) / 86400)", language)
    return rows(
        Title("Lần quét trọn vẹn gần nhất", "Newest complete scan"),
        [f"max by (network, agency, profile, {name}) ({told})"],
        [
            *agency_columns(language),
            Column("network", Title("Mạng", "Network")),
            Column("profile", Title("Kiểu quét", "Profile"), width=110),
            age,
        ],
        language,
        span=12,
        height=11,
        description=Title(
            "Mạng chưa từng được quét trọn vẹn thì không có trong bảng.",
            "A network that was never scanned to its end is not in the table.",
        ),
        highest=age,
    )
