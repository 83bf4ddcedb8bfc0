"""A small province in one snapshot: every status, a silent agency, a link down, a link unknown, goals not measured."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from exporters._spool import SpoolState
from inventory.words import (
    Agency,
    AgencyTally,
    AssetTally,
    BackupTally,
    CollectorState,
    Control,
    Coverage,
    Goal,
    Level,
    LinkState,
    Outcome,
    Plan,
    ScanState,
    ScheduleState,
    SealState,
    Snapshot,
    Status,
    Title,
    VideoTally,
    WebsiteState,
)

AT = datetime(2026, 3, 31, 3, 0, tzinfo=UTC)

LEVELS = (
    Level("province", Title("Cấp tỉnh", "Province"), 1),
    Level("district", Title("Cấp huyện", "District"), 2),
    Level("commune", Title("Cấp xã", "Commune"), 3),
)

AGENCIES = (
    # The same code under its former name: only the name of the day may be told.
    Agency(
        "so-khcn",
        Title("Sở Thông tin và Truyền thông", "Department of Information and Communications"),
        "province",
        valid_to=date(2025, 2, 28),
    ),
    Agency(
        "so-khcn",
        Title("Sở Khoa học và Công nghệ", "Department of Science and Technology"),
        "province",
        valid_from=date(2025, 3, 1),
    ),
    Agency("so-yt", Title("Sở Y tế", "Department of Health"), "province"),
    Agency("tp-vinh-yen", Title("UBND thành phố Vĩnh Yên", "Vinh Yen City"), "district"),
    Agency("huyen-tam-dao", Title("UBND huyện Tam Đảo", "Tam Dao District"), "district"),
    Agency("xa-dong-tinh", Title("UBND xã Đồng Tĩnh", "Dong Tinh Commune"), "commune", "huyen-tam-dao"),
    Agency(
        "xa-ho-son",
        Title('UBND xã Hồ Sơn – bộ phận "Một cửa" \\ phòng họp', 'Ho Son Commune, "one-stop" \\ hall'),
        "commune",
        "huyen-tam-dao",
    ),
)

CONTROLS = (
    Control(
        "agency_has_firewall",
        Title("Cơ quan có tường lửa đang hoạt động", "The agency has a working firewall"),
        "agencies",
        "firewalls_answering >= 1",
    ),
    Control(
        "agency_on_mtslcd",
        Title("Cơ quan kết nối mạng truyền số liệu chuyên dùng", "The agency is on the specialised data network"),
        "agencies",
        "links_wan_answering >= 1",
    ),
    Control(
        "workstation_antivirus_active",
        Title("Máy trạm có phần mềm chống mã độc đang bật", "Workstations have an antivirus that is on"),
        "assets",
        "antivirus_enabled",
        where="role = 'workstation'",
    ),
    Control(
        "workstation_antivirus_protected",
        Title("Máy trạm được bảo vệ", "Workstations are protected"),
        "assets",
        "antivirus_enabled",
        severity="high",
    ),
    Control(
        "workstation_patched",
        Title("Máy trạm có bản vá mới", "Workstations are patched"),
        "assets",
        "days_since_patch <= days",
        parameters={"days": 45},
        severity="medium",
    ),
    Control(
        "workstation_drive_encrypted",
        Title("Máy trạm mã hóa ổ đĩa", "Workstations have encrypted drives"),
        "assets",
        "drive_encrypted",
        severity="low",
    ),
    Control(
        "host_no_telnet",
        Title("Máy không mở telnet", "The host has no telnet open"),
        "assets",
        "not exposed_telnet",
        severity="high",
    ),
    Control(
        "vc_endpoint_answering",
        Title("Điểm cầu có trả lời", "Rooms answer"),
        "assets",
        "answering",
        where="role = 'vc_endpoint'",
    ),
    Control(
        "link_wan_quality",
        Title("Đường WAN thông, ít mất gói", "The WAN line loses few packets"),
        "links",
        "loss <= loss_share and round_trip_p95 <= slow_seconds",
        where="kind in ('mtslcd', 'wan')",
        parameters={"loss_share": 0.05, "slow_seconds": 0.2},
    ),
    Control(
        "link_utilisation",
        Title("Đường truyền không quá tải", "The line is not too full"),
        "links",
        "utilisation <= busy_share",
        parameters={"busy_share": 0.9},
    ),
    Control(
        "link_wan_steady",
        Title("Đường WAN giữ được kết nối", "The WAN line stays connected"),
        "links",
        "availability_30d >= steady_share",
        parameters={"steady_share": 0.99, "span": "30d"},
    ),
)


def _goal(id_: str, statement: str, title: Title, control: str | None, target: dict[str, float], written: bool) -> Goal:
    return Goal(
        id=id_,
        title=title,
        cite="P2.II, dòng 120-124",
        statement=statement,
        levels=("province", "district"),
        target=target,
        due=date(2026, 12, 31) if written else None,
        due_basis="written" if written else "none",
        control=control,
    )


GOALS = (
    _goal(
        "firewalls",
        "VP-031",
        Title("Toàn bộ cơ quan cấp tỉnh, cấp huyện phải có tường lửa", "All provincial and district agencies"),
        "agency_has_firewall",
        {"all": 1.0, "province": 1.0, "district": 1.0},
        written=True,
    ),
    _goal(
        "mtslcd",
        "VP-068",
        Title("Hoàn thiện mạng LAN cấp xã và kết nối MTSLCD", "Communes connected to the specialised data network"),
        "agency_on_mtslcd",
        {"all": 0.9},
        written=True,
    ),
    _goal(
        "antivirus",
        "VP-090",
        Title("Máy trạm được cài phần mềm chống mã độc", "Workstations have antivirus"),
        "workstation_antivirus_active",
        {"all": 0.5},
        written=True,
    ),
    _goal(
        "lans",
        "VP-067",
        Title("Nâng cấp, hoàn thiện LAN sở, ngành, địa phương", "Better LANs"),
        "agency_on_mtslcd",
        {},
        written=False,
    ),
    _goal("documents", "VP-073", Title("90% văn bản điện tử", "90% of documents"), None, {"all": 0.9}, written=True),
    _goal("mail", "VP-075", Title("Tăng dùng thư công vụ", "More official mail"), None, {}, written=False),
    _goal(
        "rooms", "VP-070", Title("Duy trì hội nghị truyền hình", "Video rooms"), "agency_on_mtslcd", {}, written=False
    ),
)

PLAN = Plan(
    "vinh-phuc-2020",
    Title("Kế hoạch ứng dụng CNTT năm 2020 tỉnh Vĩnh Phúc", "ICT plan 2020 of Vinh Phuc"),
    "183/KH-UBND",
    date(2019, 12, 31),
    "2020",
    GOALS,
)


def _row(goal: str, level: str, target: float | None, **members: int) -> Coverage:
    return Coverage(PLAN.id, goal, level, target, date(2026, 12, 31), **members, measured=True)


COVERAGE = (
    _row("firewalls", "all", 1.0, met=2, unmet=1, unknown=1, waived=1),
    _row("firewalls", "province", 1.0, met=2),
    _row("firewalls", "district", 1.0, unmet=1, unknown=1, waived=1),
    _row("mtslcd", "all", 0.9, met=5, unknown=1),
    _row("mtslcd", "commune", 0.9, met=1, unknown=1),
    _row("antivirus", "all", 0.5, met=41, unmet=9, unknown=12, declared=4, not_applicable=2),
    _row("antivirus", "commune", 0.5, met=3, unmet=1),
    _row("lans", "all", None, met=4, unmet=2),
    # Measured, but nobody counts: there is no share to tell.
    _row("rooms", "all", None, not_applicable=6),
    # "documents" is not measured; "mail" has no row at all.
    Coverage(PLAN.id, "documents", "all", 0.9, date(2026, 12, 31)),
)

TALLIES = (
    AgencyTally("agency_has_firewall", "so-khcn", "province", Status.MET, 1),
    AgencyTally("agency_has_firewall", "so-yt", "province", Status.MET, 1),
    AgencyTally("agency_has_firewall", "tp-vinh-yen", "district", Status.UNMET, 1),
    AgencyTally("agency_has_firewall", "huyen-tam-dao", "district", Status.UNKNOWN, 1),
    AgencyTally("agency_has_firewall", "xa-dong-tinh", "commune", Status.NOT_APPLICABLE, 1),
    AgencyTally("agency_has_firewall", "xa-ho-son", "commune", Status.WAIVED, 1),
    AgencyTally("agency_on_mtslcd", "xa-ho-son", "commune", Status.UNKNOWN, 1),
    AgencyTally("agency_on_mtslcd", "huyen-tam-dao", "district", Status.UNKNOWN, 1),
    AgencyTally("workstation_antivirus_active", "so-yt", "province", Status.MET, 38),
    AgencyTally("workstation_antivirus_active", "so-yt", "province", Status.UNMET, 8),
    AgencyTally("workstation_antivirus_active", "xa-dong-tinh", "commune", Status.DECLARED, 4),
    AgencyTally("workstation_antivirus_active", "huyen-tam-dao", "district", Status.UNKNOWN, 12),
    AgencyTally("workstation_antivirus_protected", "so-yt", "province", Status.MET, 30),
    AgencyTally("workstation_antivirus_protected", "so-yt", "province", Status.UNMET, 8),
    AgencyTally("workstation_antivirus_protected", "xa-dong-tinh", "commune", Status.MET, 4),
    AgencyTally("workstation_patched", "so-yt", "province", Status.UNMET, 3),
    AgencyTally("workstation_patched", "so-yt", "province", Status.UNKNOWN, 35),
    AgencyTally("workstation_drive_encrypted", "so-yt", "province", Status.UNMET, 38),
    AgencyTally("vc_endpoint_answering", "so-yt", "province", Status.MET, 2),
    AgencyTally("vc_endpoint_answering", "so-yt", "province", Status.UNKNOWN, 1),
    AgencyTally("host_no_telnet", "so-yt", "province", Status.MET, 40),
    AgencyTally("host_no_telnet", "so-yt", "province", Status.UNMET, 1),
    AgencyTally("host_no_telnet", "so-khcn", "province", Status.WAIVED, 1),
)

ASSETS = (
    AssetTally("so-khcn", "firewall", "yes", 2),
    AssetTally("so-khcn", "switch", "yes", 5),
    AssetTally("so-khcn", "switch", "no", 1),
    AssetTally("so-yt", "firewall", "yes", 1),
    AssetTally("so-yt", "workstation", "yes", 38),
    AssetTally("so-yt", "workstation", "unknown", 8),
    AssetTally("so-yt", "vc_endpoint", "yes", 2),
    AssetTally("so-yt", "vc_endpoint", "unknown", 1),
    AssetTally("so-yt", "mcu", "no", 1),
    AssetTally("huyen-tam-dao", "switch", "unknown", 3),
    AssetTally("xa-dong-tinh", "printer", "no", 1),
)

LINKS = (
    LinkState("so-khcn-internet", "so-khcn", "internet", "up", "icmp", 0.0, 0.004, 0.009, 0.02, 0.001, 0.35, 0.9995),
    LinkState("so-yt-wan", "so-yt", "wan", "degraded", "loss", 0.2, 0.04, 0.09, 0.2, 0.01, None, 0.98, True),
    LinkState("so-khcn-mtslcd", "so-khcn", "mtslcd", "up"),
    LinkState("xa-dong-tinh-mtslcd", "xa-dong-tinh", "mtslcd", "down"),
    LinkState("huyen-tam-dao-wan", "huyen-tam-dao", "wan", "unknown"),
)

WEBSITES = (
    WebsiteState(
        31, "https://sokhcn.vi-du.vn/", "so-khcn", "Trang của Sở", "up", http_status=200, response_seconds=0.25,
        https_only=True, hsts=True, certificate_valid=True, certificate_expires=AT + timedelta(days=20),
        tls_version="TLSv1.3", tls_old=False, ipv4=True, ipv6_published=True, ipv6=True,
        content_at=AT - timedelta(days=3), content_dated_by="feed",
    ),
    WebsiteState(32, "http://dongtinh.vi-du.vn/", "xa-dong-tinh", "Trang của xã", "down", problem="refused"),
    WebsiteState(33, "https://tamdao.vi-du.vn/", "huyen-tam-dao", "Trang của huyện", "unknown"),
)  # fmt: skip

COLLECTORS = (
    CollectorState("nmap", AT - timedelta(minutes=12), AT - timedelta(minutes=12), 94.2, 9, 0),
    CollectorState("snmp", AT - timedelta(minutes=4), AT - timedelta(minutes=4), 3.25, 14, 3),
    # Ran, and never read a target to the end.
    CollectorState("glpi", AT - timedelta(hours=2), None, 0.4, 1, 1),
)

SCHEDULES = (
    ScheduleState("lines", "lines", Outcome.DONE, AT - timedelta(minutes=1), next_at=AT + timedelta(minutes=1)),
    ScheduleState("night-scan", "scan", Outcome.BROKEN_OFF, AT - timedelta(days=9), next_at=AT + timedelta(hours=11)),
    # Never ran, and is not to.
    ScheduleState("console-1", "console", paused=True),
    ScheduleState("collect", "collect", Outcome.FAILED, None, running=True, next_at=AT + timedelta(minutes=9)),
)

SCANS = (
    ScanState("yt-lan", "so-yt", "security", AT - timedelta(days=40)),
    ScanState("yt-lan", "so-yt", "sweep", AT - timedelta(hours=9)),
    ScanState("khcn-lan", "so-khcn", "security", AT - timedelta(days=6)),
)

SAMPLE = Snapshot(
    at=AT,
    plans=(PLAN,),
    controls=CONTROLS,
    levels=LEVELS,
    agencies=AGENCIES,
    coverage=COVERAGE,
    tallies=(
        *TALLIES,
        AgencyTally("server_backed_up", "so-yt", "province", Status.UNKNOWN, 3),
        AgencyTally("server_backed_up", "so-khcn", "province", Status.MET, 2),
    ),
    assets=ASSETS,
    links=LINKS,
    collectors=COLLECTORS,
    video=(VideoTally("so-yt", 1, 12, 9), VideoTally("so-khcn", None, 4, 4), VideoTally("xa-ho-son", 0)),
    websites=WEBSITES,
    schedules=SCHEDULES,
    scans=SCANS,
    seals=(SealState(PLAN.id, AT - timedelta(days=2), AT - timedelta(days=5)),),
    backups=(BackupTally("so-yt", AT - timedelta(days=2)), BackupTally("so-khcn", AT - timedelta(hours=8))),
)

#: What waits for InfluxDB beside the sample.
SPOOL = SpoolState(waiting=2, last_success=AT - timedelta(hours=3), dropped_points=40, refused_points=1)
