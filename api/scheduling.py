"""The scheduler: begins what is due, once among all processes, and ends it when its window closes."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from api.jobs import JOBS, Doing, from_settings
from api.processes import own_name
from api.windows import Windows, open_windows
from api.workspace import Workspace
from inventory.cadence import read_cadence
from inventory.periods import ZONE
from inventory.store import schedules
from inventory.store.schedules import LEASE, Claimed
from inventory.words import InputError, Outcome, Schedule, StoreError, Title

__all__ = ["Scheduler", "follow_settings", "run_once"]

log = logging.getLogger("dophu")

OFTEN = timedelta(minutes=2)
LOOK_SECONDS = 5.0
"""How often is looked for what is due, and for what somebody asked."""
SECONDS_TO_STOP = 10
"""How long a job that is told to stop may take to keep what it saw."""


@dataclass
class Scheduler:
    """One process's part in the schedules: several on one database share them, and none is done twice.

    It goes by the clock on the wall, looked at anew each time: one that jumps ahead is like having slept, one that
    jumps back leaves no turn waiting in the future. Which zone the machine is in does not matter.
    """

    workspace: Workspace
    judge: Callable[[], Awaitable[object]]
    owner: str = field(default_factory=own_name)
    windows: Windows = field(default_factory=Windows)
    patience: float = SECONDS_TO_STOP
    """Seconds that a job which is told to stop may take."""
    going: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=dict)
    """By schedule the job under way, and what ends it."""
    _year: int = 0

    async def keep(self) -> None:
        """Begin what is due until the workspace says stop; then end what is under way, and keep what it saw."""
        stop = self.workspace.stop
        renewed, looked = datetime.now(UTC), datetime.max.replace(tzinfo=UTC)
        await self._read_windows(renewed)
        await self.workspace.store.write(
            schedules.follow_settings, from_settings(self.workspace.config), renewed, self.windows.next_turn
        )
        try:
            while not stop.is_set():
                now = datetime.now(UTC)
                try:
                    await self._read_windows(now)
                    if self.going and not timedelta(0) <= now - renewed < LEASE / 4:
                        await self._renew(now)
                        renewed = now
                    await self._begin(now, set_back=now < looked)
                    looked = now
                except (StoreError, OSError) as error:
                    # The database may be away for a while; what was due is done when it is back.
                    log.error("scheduler: %s", error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await stop.wait()
        finally:
            await self._end()

    async def _read_windows(self, now: datetime) -> None:
        year = now.astimezone(ZONE).year
        if year == self._year:
            return
        try:
            self.windows, self._year = await open_windows(self.workspace.config, now), year
        except OSError as error:
            if not self._year:
                raise
            # Those that are known hold the days of this year already.
            log.error("scheduler: %s", error)

    async def _begin(self, now: datetime, set_back: bool) -> None:
        if not set_back and not await self.workspace.store.read(schedules.is_due, now):
            return
        claimed = await self.workspace.store.write(
            schedules.claim, self.owner, now, self.windows.next_turn, self.windows.is_open
        )
        for one in claimed:
            stop = asyncio.Event()
            self.going[one.schedule.name] = asyncio.create_task(self._do(one, stop)), stop

    async def _renew(self, now: datetime) -> None:
        mine = await self.workspace.store.write(schedules.renew, self.owner, now, list(self.going))
        for name, (_, stop) in self.going.items():
            if name not in mine:
                # Another took it that this process had ended; the job is its now.
                log.warning("schedule %s: lost to another process", name)
                stop.set()

    async def _do(self, claimed: Claimed, stop: asyncio.Event) -> None:
        name = claimed.schedule.name
        try:
            outcome, detail = await do(self.workspace, claimed, self.windows, self.judge, stop)
            log.log(_level(claimed.schedule, outcome), "%s: %s%s", name, outcome, f": {detail}" if detail else "")
            await self._finish(claimed, outcome, detail)
        finally:
            del self.going[name]

    async def _finish(self, claimed: Claimed, outcome: Outcome, detail: str) -> None:
        """Tell what became of a turn, also where the database is away for a while: else no other could begin."""
        while True:
            try:
                await self.workspace.store.write(
                    schedules.finish, claimed, self.owner, datetime.now(UTC), outcome, detail
                )
                return
            except StoreError as error:
                log.error("%s: %s", claimed.schedule.name, error)
            if self.workspace.stop.is_set():
                return  # its lease runs out
            await asyncio.sleep(LOOK_SECONDS)

    async def _end(self) -> None:
        tasks = [task for task, _ in self.going.values()]
        for _, stop in list(self.going.values()):
            stop.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _level(schedule: Schedule, outcome: Outcome) -> int:
    """How loudly a turn's outcome is logged: what goes well every minute only where somebody looks for it."""
    interval = read_cadence(schedule.cadence).interval
    if outcome is Outcome.DONE and interval is not None and interval <= OFTEN:
        return logging.DEBUG
    return logging.ERROR if outcome is Outcome.FAILED else logging.INFO


async def do(
    workspace: Workspace,
    claimed: Claimed,
    windows: Windows,
    judge: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    *,
    terminal: bool = False,
) -> tuple[Outcome, str]:
    """Do one turn of a schedule until it is done, its window closes or `stop` is set; what became of it, in words."""
    own, schedule = copy.copy(workspace), claimed.schedule
    own.stop = stop
    # What somebody asks for is done until it is done, whatever the hour.
    closes = None if claimed.asked else windows.all_close(schedule, datetime.now(UTC))
    closing = asyncio.create_task(_close(closes, stop)) if closes else None
    try:
        detail = await JOBS[schedule.job](Doing(own, schedule, judge, windows, terminal, claimed.asked))
    except (StoreError, InputError, OSError) as error:
        return Outcome.FAILED, str(error)
    except asyncio.CancelledError:
        return Outcome.BROKEN_OFF, "did not end when told to"
    except Exception as error:
        # What nobody foresaw must neither end the schedule unseen nor be hidden.
        log.exception("schedule %s", schedule.name)
        return Outcome.FAILED, f"{type(error).__name__}: {error}"
    finally:
        if closing:
            closing.cancel()
    if stop.is_set():
        closed = closes is not None and datetime.now(UTC) >= closes
        why = f"its window closed at {closes.astimezone(ZONE):%H:%M}" if closed and closes else "told to stop"
        return Outcome.BROKEN_OFF, f"{why}; {detail}" if detail else why
    return Outcome.DONE, detail


async def _close(at: datetime, stop: asyncio.Event) -> None:
    """Say stop at a time; looked at anew each minute, for the clock may be set."""
    while not stop.is_set() and (left := (at - datetime.now(UTC)).total_seconds()) > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left, 60.0)):
                await stop.wait()
    stop.set()


async def run_once(workspace: Workspace, name: str, judge: Callable[[], Awaitable[object]]) -> tuple[Outcome, str]:
    """Do a schedule's job now, in this process, as a turn of its own; what became of it.

    Raises:
        InputError: there is no such schedule, or it is being done already.
    """
    now, owner = datetime.now(UTC), own_name()
    windows = await open_windows(workspace.config, now)
    await follow_settings(workspace, windows, now)
    claimed = await workspace.store.write(schedules.take, name, owner, now)
    if claimed is None:
        raise InputError(
            Title(
                f"lịch {name}: đang được thực hiện; xem dophu schedule history {name}",
                f"schedule {name}: it is being done already; see dophu schedule history {name}",
            )
        )
    renewing = asyncio.create_task(_renew_for_ever(workspace, owner, name))
    try:
        outcome, detail = await do(workspace, claimed, windows, judge, workspace.stop, terminal=True)
    finally:
        renewing.cancel()
    await workspace.store.write(schedules.finish, claimed, owner, datetime.now(UTC), outcome, detail)
    return outcome, detail


async def follow_settings(workspace: Workspace, windows: Windows, now: datetime) -> None:
    """Have the settings' own schedules there before the server first runs; what stands stays as it is."""
    wanted = from_settings(workspace.config)
    await workspace.store.write(schedules.follow_settings, wanted, now, windows.next_turn, add_only=True)


async def _renew_for_ever(workspace: Workspace, owner: str, name: str) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 4)
        with contextlib.suppress(StoreError):
            await workspace.store.write(schedules.renew, owner, datetime.now(UTC), [name])
