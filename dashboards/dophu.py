"""Dophu itself: whether collectors, schedules and the metrics page do their work, and what nothing measures."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language
from dashboards._panels import (
    BLUE,
    CODE,
    DATA_AGE,
    GREEN,
    GREY,
    HOURS,
    ID_WIDTH,
    RED,
    SNAPSHOT_AGE_HOURS,
    TRUTH,
    YELLOW,
    Column,
    begin,
    curves,
    data_age,
    finish,
    number,
    rows,
    worded,
)
from dashboards._running import LATE, STALE, collectors, schedules
from inventory.words import Title

#: Prometheus's own series about the scrapes of Dophu, whatever their job is called, also while it does not answer.
_SCRAPES = "and on (job, instance) last_over_time(dophu_build_info[1d])"

#: Stands for a number of waiting snapshots where no InfluxDB is set up.
_NOT_SET_UP = -1

_DESCRIPTION = Title(
    "Dophu có làm việc của mình không: bộ thu thập, lịch, số liệu có mới không, có chuỗi nào bị lược bớt, "
    "và chỉ tiêu nào chưa có gì đo.",
    "Whether Dophu does its own work: collectors, schedules, how fresh the figures are, whether series are left out, "
    "and which goals nothing measures.",
)


def build(language: Language = "vi") -> Dashboard:
    """The dashboard `dophu-dophu`."""
    dashboard = begin("dophu", Title("Bản thân Dophu", "Dophu itself"), _DESCRIPTION, language, "/schedules")
    legend = "{{collector}}"
    return finish(
        dashboard,
        [
            *_numbers(language),
            collectors(language, span=24, height=11),
            schedules(language),
            curves(
                Title("Đích lỗi theo bộ thu thập", "Failed targets by collector"),
                [("max by (collector) (dophu_collector_targets_failed)", legend)],
                [],
                language,
                12,
                "none",
            ),
            curves(
                Title("Lần chạy lâu nhất theo bộ thu thập", "Longest run by collector"),
                [("max by (collector) (dophu_collector_run_duration_seconds)", legend)],
                [],
                language,
                12,
                "s",
            ),
            curves(
                Title("Tuổi của số liệu theo thời gian", "Age of the figures over time"),
                [(SNAPSHOT_AGE_HOURS, DATA_AGE.in_language(language))],
                [(f"{STALE} + 0 * max(dophu_snapshot_timestamp_seconds)", "SnapshotOld")],
                language,
                7,
                HOURS,
            ),
            curves(
                Title("Thời gian Prometheus đọc số liệu", "Time that Prometheus takes to read"),
                [(f"scrape_duration_seconds {_SCRAPES}", "{{instance}}")],
                [],
                language,
                7,
                "s",
            ),
            curves(
                Title("Số chuỗi mỗi lần đọc", "Samples read at once"),
                [(f"scrape_samples_scraped {_SCRAPES}", "{{instance}}")],
                [],
                language,
                7,
                "none",
            ),
            _waiting(language),
            _not_measured(language),
        ],
    )


def _numbers(language: Language) -> list[stat.Panel]:
    ran = "max by (collector) (dophu_collector_last_run_timestamp_seconds)"
    fresh = f"(time() - max by (collector) (dophu_collector_last_success_timestamp_seconds)) < {STALE * 3600}"
    # A schedule's time is compared with that of the figures: if nothing is judged, the figures' age says so.
    due = "max(dophu_snapshot_timestamp_seconds) - on () group_right () dophu_schedule_next_timestamp_seconds"
    excused = "on (schedule) (dophu_schedule_running == 1 or dophu_schedule_paused == 1)"
    late = f"count((({due}) > {LATE * 3600}) unless {excused}) or 0 * count(dophu_schedule_paused)"
    some, doubtful = [(1, RED)], [(1, YELLOW)]
    return [
        worded(
            number(Title("Prometheus đọc được", "Prometheus reads it"), f"min(up {_SCRAPES})", GREY, language, 3),
            TRUTH,
            language,
        ),
        data_age(language, 3, GREEN, limits=[(2, YELLOW), (STALE, RED)]),
        number(
            Title("Bộ thu thập im lặng", "Silent collectors"),
            f"count({ran} unless on (collector) {fresh}) or 0 * count({ran})",
            GREEN,
            language,
            3,
            limits=some,
        ).description(
            Title(
                "Trong 26 giờ không đọc trọn được đích nào.", "They read no target to its end within 26 hours."
            ).in_language(language)
        ),
        number(
            Title("Đích lỗi", "Failed targets"),
            "sum(dophu_collector_targets_failed)",
            GREEN,
            language,
            3,
            limits=doubtful,
        ),
        number(Title("Lịch bị trễ", "Late schedules"), late, GREEN, language, 3, limits=some),
        number(Title("Lịch tạm dừng", "Paused schedules"), "sum(dophu_schedule_paused)", BLUE, language, 3),
        number(
            Title("Chuỗi bị lược bớt", "Series left out"),
            "sum(dophu_series_dropped)",
            GREEN,
            language,
            3,
            limits=doubtful,
        ),
        number(Title("Chỉ tiêu chưa đo", "Goals not measured"), "sum(1 - dophu_goal_measured)", GREY, language, 3),
    ]


def _waiting(language: Language) -> stat.Panel:
    """What is on disk for an InfluxDB, beside the graphs."""
    waiting = f"max(dophu_influxdb_waiting_snapshots) or {_NOT_SET_UP} * count(dophu_build_info)"
    title = Title("Chờ gửi InfluxDB", "Waiting for InfluxDB")
    panel = number(title, waiting, GREY, language, 3, limits=[(0, GREEN), (1, YELLOW)]).height(9)
    told = Title("Số ảnh chụp còn trên đĩa.", "Snapshots that are still on disk.")
    not_used = {str(_NOT_SET_UP): (Title("Không dùng", "Not used"), GREY)}
    return worded(panel, not_used, language).description(told.in_language(language))


def _not_measured(language: Language) -> table.Panel:
    title = f"title_{language}"
    statement = Column("statement", Title("Mục", "Statement"), width=100)
    goals = "dophu_goal_info and on (plan, goal) (dophu_goal_measured == 0)"
    return rows(
        Title("Những chỉ tiêu chưa đo", "Goals that nothing measures"),
        [f"max by (plan, goal, {title}, statement) ({goals})"],
        [
            Column("plan", Title("Kế hoạch", "Plan"), width=160),
            statement,
            Column(title, Title("Chỉ tiêu", "Goal"), wraps=True),
            Column("goal", CODE, width=ID_WIDTH),
        ],
        language,
        span=24,
        height=11,
        description=Title(
            "Chưa có tiêu chí nào đo, hoặc không có ai để hỏi.", "No control measures them, or nobody is there to ask."
        ),
        by=statement,
    )
