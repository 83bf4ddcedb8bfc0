"""The scheduler in a process: what fails does not end it, what is told to stop does, and what was asked for is done."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.config import Config
from api.scheduling import Scheduler, run_once
from api.windows import Windows, public_holidays
from api.workspace import Workspace, open_workspace
from inventory.cadence import Window
from inventory.periods import ZONE
from inventory.store import schedules
from inventory.words import InputError, Outcome, Schedule, StoreError, Turn
from tests.api.serving import DOPHU, environment, serving


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    # Rounds that never come, so that only what a test schedules is done.
    config = Config(data=tmp_path, discover_hours=8784, collect_minutes=10080)
    async with open_workspace(config) as opened:
        await opened.store.migrate()
        for name in ("collect", "discover", "lines"):
            job = Schedule(name, name, "0 0 29 2 *")
            await opened.store.write(schedules.put, job, datetime.now(UTC), Windows().next_turn)
        yield opened


async def put(workspace: Workspace, name: str = "j", **more: object) -> None:
    wanted = Schedule(name, **{"job": "judge", "cadence": "every 1h"} | more)  # type: ignore[arg-type]
    await workspace.store.write(schedules.put, wanted, datetime.now(UTC), Windows().next_turn)


async def until_ended(workspace: Workspace, count: int) -> list[Turn]:
    async with asyncio.timeout(60):
        while True:
            turns = await workspace.store.read(schedules.turns)
            if sum(turn.ended is not None for turn in turns) >= count:
                return turns
            await asyncio.sleep(0.02)


async def keep(workspace: Workspace, judge: Callable[[], Awaitable[None]], count: int) -> list[Turn]:
    """Run a scheduler until so many turns have ended."""
    going = asyncio.create_task(Scheduler(workspace, judge).keep())
    turns = await until_ended(workspace, count)
    workspace.stop.set()
    await going
    return turns


async def test_what_fails_is_told_and_ends_nothing_else(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    raised: list[Exception] = [StoreError("locked"), KeyError("nobody foresaw this")]
    for name in ("a", "b", "c"):
        await put(workspace, name)
    await put(workspace, "scan", job="scan", argument="sweep")

    async def judge() -> None:
        if raised:
            raise raised.pop(0)

    turns = {turn.schedule: turn for turn in await keep(workspace, judge, 4)}
    assert {name: str(turn.outcome) for name, turn in turns.items()} == {
        "a": "failed", "b": "failed", "c": "done", "scan": "failed"
    }  # fmt: skip
    assert turns["a"].detail == "locked"
    assert turns["b"].detail == "KeyError: 'nobody foresaw this'"
    assert "expected one that the register allows to scan" in turns["scan"].detail
    assert "nobody foresaw this" in caplog.text  # with its traceback


async def test_a_job_is_told_to_stop_and_keeps_what_it_has(workspace: Workspace) -> None:
    begun = asyncio.Event()

    async def judge() -> None:
        begun.set()
        await asyncio.Event().wait()

    await put(workspace)
    going = asyncio.create_task(Scheduler(workspace, judge, patience=0.2).keep())
    await begun.wait()
    workspace.stop.set()
    # One that does not end when told to is ended.
    await going
    (turn,) = await workspace.store.read(schedules.turns, "j")
    assert (turn.outcome, turn.detail) == (Outcome.BROKEN_OFF, "did not end when told to")
    assert [s.running for s in await workspace.store.read(schedules.load, "j")] == [None]


async def test_a_window_that_closes_says_stop(workspace: Workspace) -> None:
    now = datetime.now(ZONE)
    hours = (now - timedelta(hours=1)).time(), (now + timedelta(seconds=0.5)).time()
    windows = Windows({"w": Window("w", frozenset(range(7)), (hours,))})
    scheduler = Scheduler(workspace, lambda: asyncio.sleep(0))
    stopped = asyncio.Event()

    async def judge() -> None:
        # The job's own copy of the workspace is not to be had here: what ends it is the scheduler's.
        while not any(stop.is_set() for _, stop in scheduler.going.values()):  # noqa: ASYNC110 - there is no one event
            await asyncio.sleep(0.01)
        stopped.set()

    scheduler.judge, scheduler.windows, scheduler._year = judge, windows, now.year
    wanted = Schedule("j", "judge", "every 1h", "w")
    # It is due: what somebody asks for is done whatever the hour.
    await workspace.store.write(schedules.put, wanted, now.astimezone(UTC) - timedelta(hours=2), windows.next_turn)
    going = asyncio.create_task(scheduler.keep())
    turns = await until_ended(workspace, 1)
    workspace.stop.set()
    await going
    assert stopped.is_set()
    assert turns[0].outcome is Outcome.BROKEN_OFF and turns[0].detail.startswith("its window closed at")


async def test_run_now_is_a_turn_of_its_own_and_never_beside_another(workspace: Workspace) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def judge() -> None:
        begun.set()
        await end.wait()

    await put(workspace, cadence="0 0 29 2 *")
    going = asyncio.create_task(run_once(workspace, "j", judge))
    await begun.wait()
    with pytest.raises(InputError, match="being done already"):
        await run_once(workspace, "j", judge)
    end.set()
    assert await going == (Outcome.DONE, "")
    with pytest.raises(InputError, match="found no schedule 'k'"):
        await run_once(workspace, "k", judge)


def test_public_holidays_have_the_lunar_new_year() -> None:
    days = {day.isoformat() for day in public_holidays((2026, 2027))}
    assert {"2026-01-01", "2026-02-17", "2026-04-30", "2026-09-02", "2027-02-06"} <= days


def test_the_server_does_what_is_asked_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    def dophu(*argv: str) -> str:
        done = subprocess.run(
            [DOPHU, *argv], env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def history(name: str) -> list[dict[str, object]]:
        read: list[dict[str, object]] = json.loads(dophu("schedule", "history", name, "--output", "json"))
        return read

    dophu("init")
    dophu("schedule", "add", "yearly", "judge", "--at", "0 0 29 2 *")
    for restarts in range(2):
        with serving(tmp_path, rounds=True):
            dophu("schedule", "run", "yearly", "--ask")
            while sum(turn["outcome"] == "done" for turn in history("yearly")) <= restarts:
                pass
    # The rounds were done when the server first began, and not again when it came back.
    listed = {s["name"]: s for s in json.loads(dophu("schedule", "list", "--output", "json"))}
    assert listed["discover"]["last"]["outcome"] == "done" and len(history("discover")) == 1
    assert len(history("collect")) == 1
