"""Whether Dophu's own work gets done: the tables of its collectors and of its schedules."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table

from dashboards import Language
from dashboards._panels import BLUE, GREEN, GREY, HOURS, RED, TRUTH, YELLOW, Column, rows
from inventory.words import Title

#: How long "it answers" may rest on one look, in hours; alerts take the same.
STALE = 26
#: How late a turn may begin, in hours; alerts take the same.
LATE = 1

_OUTCOMES: dict[str, tuple[Title, str | None]] = {
    "done": (Title("Xong", "Done"), GREEN),
    "failed": (Title("Thất bại", "Failed"), RED),
    "skipped": (Title("Bỏ qua", "Skipped"), YELLOW),
    "broken_off": (Title("Dừng giữa chừng", "Broken off"), YELLOW),
    "missed": (Title("Bị lỡ", "Missed"), RED),
}
#: The jobs of schedules.
_JOBS: dict[str, tuple[Title, str | None]] = {
    "backup": (Title("Sao lưu", "Backup"), None),
    "collect": (Title("Thu thập", "Collect"), None),
    "console": (Title("Đọc bảng quản trị", "Read a console"), None),
    "discover": (Title("Tìm thiết bị", "Discover"), None),
    "judge": (Title("Đánh giá", "Judge"), None),
    "lines": (Title("Đo đường truyền", "Probe links"), None),
    "netbox": (Title("Đồng bộ NetBox", "NetBox"), None),
    "scan": (Title("Quét", "Scan"), None),
}


def collectors(language: Language, span: int, height: int) -> table.Panel:
    """What each collector did last, how long it took and what it could not read."""

    def newest(metric: str) -> str:
        return f"max by (collector) (dophu_collector_{metric})"

    return rows(
        Title("Bộ thu thập", "Collectors"),
        [
            f"(time() - {newest('last_success_timestamp_seconds')}) / 3600",
            f"(time() - {newest('last_run_timestamp_seconds')}) / 3600",
            newest("targets"),
            newest("targets_failed"),
            newest("run_duration_seconds"),
        ],
        [
            Column("collector", Title("Bộ thu thập", "Collector")),
            Column(
                "Value #A", Title("Thành công cách đây", "Last success, ago"), HOURS, 160, GREEN, limits=[(STALE, RED)]
            ),
            Column("Value #B", Title("Chạy cách đây", "Last run, ago"), HOURS, 130),
            Column("Value #C", Title("Số đích", "Targets"), "none", 90),
            Column("Value #D", Title("Đích lỗi", "Failed"), "none", 90, limits=[(1, RED)]),
            Column("Value #E", Title("Lâu nhất", "Longest run"), "s", 110),
        ],
        language,
        span=span,
        height=height,
        description=Title(
            "Ô trống ở cột «thành công»: chưa lần nào đọc trọn một đích.",
            "No last success: no target was ever read to the end.",
        ),
    )


def schedules(language: Language) -> table.Panel:
    """What became of each schedule's newest turn, when the next one is due, and which are paused."""

    def each(expression: str) -> str:
        return f"max by (schedule, kind) ({expression})"

    return rows(
        Title("Lịch thu thập và quét", "Schedules"),
        [
            each("dophu_schedule_running"),
            "max by (schedule, kind, outcome) (dophu_schedule_outcome == 1)",
            each("(time() - dophu_schedule_last_success_timestamp_seconds) / 3600"),
            each("(dophu_schedule_next_timestamp_seconds - time()) / 3600"),
            each("dophu_schedule_paused"),
        ],
        [
            Column("schedule", Title("Lịch", "Schedule")),
            Column("kind", Title("Việc", "Job"), width=150, words=_JOBS),
            Column("outcome", Title("Lượt gần nhất", "Newest turn"), width=160, words=_OUTCOMES),
            Column("Value #C", Title("Xong cách đây", "Last done, ago"), HOURS, 140),
            Column("Value #D", Title("Lượt kế tiếp", "Next in"), HOURS, 120, RED, limits=[(-LATE, YELLOW), (0, GREEN)]),
            Column(
                "Value #A",
                Title("Đang chạy", "Running"),
                width=110,
                words={"1": (TRUTH["1"][0], BLUE), "0": (TRUTH["0"][0], GREY)},
            ),
            Column(
                "Value #E",
                Title("Tạm dừng", "Paused"),
                width=110,
                words={"1": (TRUTH["1"][0], YELLOW), "0": (TRUTH["0"][0], GREY)},
            ),
        ],
        language,
        span=24,
        height=9,
    )
