"""What schedules can do: each job by name, what it needs to know, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from api import rounds
from api.config import Config
from api.meetings import record_months
from api.rounds import Round
from api.windows import Windows
from api.workspace import Workspace
from collectors.progress import ScanProgress, TerminalProgress
from collectors.scans import profile
from inventory.store import calls, events, runs, scans, schedules, snapshots
from inventory.words import InputError, Schedule, StoreError, Title

__all__ = ["JOBS", "Doing", "check_job", "from_settings"]


@dataclass(frozen=True, slots=True)
class Doing:
    """One turn of a schedule under way."""

    workspace: Workspace
    """Its `stop` ends this job alone."""
    schedule: Schedule
    judge: Callable[[], Awaitable[object]]
    windows: Windows = field(default_factory=Windows)
    terminal: bool = False
    """Whether somebody looks on."""
    asked: bool = False
    """Whether somebody asked for it to be done now, whatever its hours."""


async def _discover(doing: Doing) -> str:
    shown = TerminalProgress("discover") if doing.terminal else None
    done = await rounds.discover(
        doing.workspace, agencies=doing.schedule.agencies, due_only=not doing.terminal, progress=shown
    )
    await doing.judge()
    return _tell(done)


async def _collect(doing: Doing) -> str:
    shown = TerminalProgress("collect") if doing.terminal else None
    workspace, now = doing.workspace, datetime.now(UTC)
    done = await rounds.collect(
        workspace, agencies=doing.schedule.agencies, due_only=not doing.terminal, progress=shown
    )
    # What was counted of a month that ended belongs into the next judgement.
    await record_months(workspace, now)
    await doing.judge()
    await forget_old(workspace, now)
    await rounds.close_days(workspace, now)
    return "; ".join(map(_tell, done))


async def forget_old(workspace: Workspace, now: datetime) -> None:
    """Forget what is older than it is kept: runs, events, figures, turns, scans, calls."""
    for prune in (runs.prune, events.prune, snapshots.prune, schedules.prune, scans.prune, calls.prune):
        await workspace.store.write(prune, now)


async def _lines(doing: Doing) -> str:
    done = await rounds.probe_lines(doing.workspace)
    if done.new:
        # Else every minute would be judged in which nothing changed.
        await doing.judge()
    return f"{done.facts} facts, {done.new} new or changed" + "".join(f"; {run.error}" for run in done.failed)


def _tell(done: Round) -> str:
    return f"{done.collector}: {done.targets} targets, {len(done.failed)} failed, {done.new} new or changed"


async def _scan(doing: Doing) -> str:
    from api.scanning import Wanted, scan

    schedule = doing.schedule
    window = "" if doing.asked else schedule.window
    wanted = Wanted(schedule.argument, schedule.agencies, window=window, asked_by=f"schedule {schedule.name}")
    shown = ScanProgress(f"scan {schedule.argument}") if doing.terminal else None
    done = await scan(doing.workspace, wanted, doing.windows, shown)
    await doing.judge()
    told = f"scan {done.number}: {done.state}, {done.round.targets} networks, {len(done.changes)} changes"
    left_out = "".join(f"; {code}: {why.en}" for code, why in done.left_out.items())
    return told + left_out + "".join(f"; {run.network}: {run.error}" for run in done.round.failed)


async def _console(doing: Doing) -> str:
    # What reads consoles' reports is large, and most servers ask none.
    from api.importing import ask_console

    server = next((s for s in doing.workspace.config.consoles if s.server == doing.schedule.argument), None)
    if server is None:
        raise InputError(
            Title(
                f"không có máy chủ quản lý {doing.schedule.argument!r} trong cấu hình",
                f"found no console {doing.schedule.argument!r} in the settings",
            )
        )
    done = await ask_console(doing.workspace, server)
    await doing.judge()
    unknown = len(done["unknown"])
    return f"{done['rows']} machines, {unknown} unknown to the inventory, {done['missing']} missing"


async def _netbox(doing: Doing) -> str:
    # What speaks to NetBox is large, and most servers do not.
    from api import netbox

    told = await netbox.meet(doing.workspace)
    await doing.judge()
    return told


async def _judge(doing: Doing) -> str:
    await doing.judge()
    return ""


async def _backup(doing: Doing) -> str:
    from api.backing import back_up_and_prune

    workspace, stop = doing.workspace, doing.workspace.stop
    settings = workspace.config.backup
    if settings is None:
        raise InputError(Title("không có [backup] trong cấu hình", "found no [backup] in the settings"))

    def advance(_: str, __: int, ___: int) -> None:
        if stop.is_set():
            raise StoreError(
                Title(
                    "bị dừng giữa chừng: không giữ lại gì của bản sao lưu này",
                    "broken off: nothing of this backup was kept",
                )
            )

    to, old = await back_up_and_prune(workspace.store, workspace.config, settings, advance)
    return f"{to.name}: {to.stat().st_size:,} bytes" + (f"; {len(old)} old ones removed" if old else "")


JOBS: Mapping[str, Callable[[Doing], Awaitable[str]]] = {
    "backup": _backup, "collect": _collect, "console": _console, "discover": _discover, "judge": _judge,
    "lines": _lines, "netbox": _netbox, "scan": _scan,
}  # fmt: skip


def check_job(config: Config, schedule: Schedule) -> None:
    """Raise InputError unless there is such a job, and what it needs to know is named."""
    if schedule.job not in JOBS:
        raise InputError(
            Title(
                f"lịch {schedule.name}: gặp việc {schedule.job!r}, cần một trong {', '.join(JOBS)}",
                f"schedule {schedule.name}: found the job {schedule.job!r}, expected one of {', '.join(JOBS)}",
            )
        )
    if schedule.job == "scan":
        profile(schedule.argument)
    if schedule.job == "backup" and config.backup is None:
        raise InputError(
            Title(
                f"lịch {schedule.name}: không có [backup] trong cấu hình",
                f"schedule {schedule.name}: found no [backup] in the settings",
            )
        )
    if schedule.job == "netbox" and config.netbox is None:
        raise InputError(
            Title(
                f"lịch {schedule.name}: không có [netbox] trong cấu hình",
                f"schedule {schedule.name}: found no [netbox] in the settings",
            )
        )
    if schedule.job == "console" and schedule.argument not in [s.server for s in config.consoles]:
        raise InputError(
            Title(
                f"lịch {schedule.name}: không có máy chủ quản lý {schedule.argument!r} trong cấu hình",
                f"schedule {schedule.name}: found no console {schedule.argument!r} in the settings",
            )
        )


def from_settings(config: Config) -> list[Schedule]:
    """The schedules that follow from the settings."""

    def every(hours: float) -> tuple[str, timedelta]:
        interval = timedelta(hours=hours)
        seconds = max(30, round(interval.total_seconds()))
        unit, size = next((u, n) for u, n in (("h", 3600), ("m", 60), ("s", 1)) if seconds % n == 0)
        text = f"every {seconds // size}{unit}"
        return text, interval / 20

    made = []
    for name, job, hours, argument in (
        ("discover", "discover", config.discover_hours, ""),
        ("collect", "collect", config.collect_minutes / 60, ""),
        ("lines", "lines", config.lines.seconds / 3600, ""),
        *((f"console-{s.server.lower().replace('[', '').replace(']', '')}", "console", s.hours, s.server)
          for s in config.consoles),
        *((("backup", "backup", config.backup.hours, ""),) if config.backup and config.backup.hours else ()),
        *((("netbox", "netbox", config.netbox.hours, ""),) if config.netbox and config.netbox.hours else ()),
    ):  # fmt: skip
        cadence, jitter = every(hours)
        made.append(Schedule(name, job, cadence, argument=argument, jitter=jitter, origin="settings"))
    return made
