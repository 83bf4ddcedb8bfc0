"""The commands `dophu schedule`: what is done when, by whom it was asked, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from api.commanding import Agencies, Output, check, heads, print_json, print_rows, run, say, word

schedule_app = typer.Typer(help="What is done when: rounds, scans, consoles.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="As in dophu schedule list.")]


@schedule_app.command("list")
def schedule_list(output: Output = "table") -> None:
    """List the schedules with their next turns and what became of the last."""
    check(output)
    from inventory.store import schedules

    async def read(workspace: Any) -> list[tuple[Any, Any]]:
        await _follow_settings(workspace)
        listed = await workspace.store.read(schedules.load)
        return [(s, await workspace.store.read(schedules.turns, s.name, 1)) for s in listed]

    rows = run(read)
    if output == "json":
        print_json([asdict(s) | {"last": asdict(last[0]) if last else None} for s, last in rows])
        return
    shown = [
        (
            s.name, " ".join(part for part in (s.job, s.argument) if part), s.cadence, s.window, " ".join(s.agencies),
            word("cli:is_paused") if s.paused else _time(s.next_at),
            word("cli:running_since", at=_time(s.running)) if s.running else "",
            f"{word(f'outcome:{last[0].outcome}')} {_time(last[0].ended or last[0].begun)}" if last else "",
        )
        for s, last in rows
    ]  # fmt: skip
    print_rows(heads("schedule", "job", "cadence", "window", "agencies", "next", "running", "last"), shown)


@schedule_app.command("add")
def schedule_add(
    name: Annotated[str, typer.Argument(help="Small letters, digits and - _ . :")],
    job: Annotated[str, typer.Argument(help="backup, collect, console, discover, judge, lines, netbox or scan.")],
    cadence: Annotated[str, typer.Option("--at", help='Cron, such as "30 1 * * mon-fri", or "every 6h".')],
    argument: Annotated[str, typer.Option("--with", help="Of a scan its profile, of a console its server.")] = "",
    window: Annotated[str, typer.Option(help="The name of a window of the settings: never outside of it.")] = "",
    agency: Agencies = None,
    jitter: Annotated[float, typer.Option(help="Minutes by which a turn may begin later.", min=0, max=1440)] = 0,
    output: Output = "table",
) -> None:
    """Add a schedule, in place of one of the same name; its times are Vietnam's."""
    check(output)
    from inventory.words import InputError, Schedule, Title

    wanted = Schedule(name, job, cadence, window, tuple(agency or ()), argument, timedelta(minutes=jitter))

    async def put(workspace: Any) -> Schedule:
        from api.jobs import check_job
        from api.windows import open_windows
        from inventory.store import registers, schedules

        check_job(workspace.config, wanted)
        now = datetime.now(UTC)
        windows = await open_windows(workspace.config, now)
        windows.of(window)
        known = {a.code for a in (await workspace.store.read(registers.load)).agencies}
        if unknown := [a for a in wanted.agencies if a not in known]:
            raise InputError(
                Title(
                    f"--agency: gặp {unknown[0]!r}, cần một mã trong sổ đăng ký",
                    f"--agency: found {unknown[0]!r}, expected a code of the register",
                )
            )
        stored: Schedule = await workspace.store.write(schedules.put, wanted, now, windows.next_turn)
        for code in windows.closed_for(stored, stored.planned or now):
            say(word("cli:own_window", code=code))
        return stored

    stored = run(put)
    if output == "json":
        print_json(asdict(stored))
    else:
        _tell_next(stored)


@schedule_app.command("remove")
def schedule_remove(name: Name) -> None:
    """Remove a schedule; what it did stays in the history."""
    from inventory.store import schedules

    run(lambda w: w.store.write(schedules.remove, name))
    say(word("cli:schedule_removed", name=name))


@schedule_app.command("pause")
def schedule_pause(name: Name) -> None:
    """Pause a schedule: no turn begins until dophu schedule resume; what is under way goes on."""
    _pause(name, True)
    say(word("cli:schedule_paused", name=name))


@schedule_app.command("resume")
def schedule_resume(name: Name) -> None:
    """Let a paused schedule go on with its next turn."""
    _tell_next(_pause(name, False))


def _tell_next(schedule: Any) -> None:
    if schedule.next_at is None:
        say(word("cli:schedule_never", name=schedule.name))
    else:
        say(word("cli:schedule_next", name=schedule.name, at=_time(schedule.next_at)))


def _pause(name: str, paused: bool) -> Any:
    async def change(workspace: Any) -> Any:
        from api.windows import open_windows
        from inventory.store import schedules

        await _follow_settings(workspace)
        now = datetime.now(UTC)
        windows = await open_windows(workspace.config, now)
        return await workspace.store.write(schedules.pause, name, paused, now, windows.next_turn)

    return run(change)


@schedule_app.command("run")
def schedule_run(
    name: Name,
    ask: Annotated[bool, typer.Option("--ask", help="Have the running server do it, and do not wait.")] = False,
    output: Output = "table",
) -> None:
    """Do a schedule's job now, whatever its hours; status 1 where it failed or was broken off."""
    check(output)
    from inventory.words import Outcome

    async def do(workspace: Any) -> tuple[Outcome, str] | None:
        from api import rounds
        from api.scheduling import run_once
        from inventory.store import schedules

        if ask:
            await workspace.store.write(schedules.ask, name, datetime.now(UTC))
            return None
        return await run_once(workspace, name, lambda: rounds.judge(workspace))

    done = run(do, stoppable=True)
    if done is None:
        say(word("cli:schedule_asked", name=name))
        return
    outcome, detail = done
    if output == "json":
        print_json({"schedule": name, "outcome": outcome, "detail": detail})
    else:
        said = word("cli:schedule_ran", name=name, outcome=word(f"outcome:{outcome}"))
        say(said + "".join(f"\n  {part}" for part in detail.split("; ") if part))
    if outcome is not Outcome.DONE:
        raise typer.Exit(1)


@schedule_app.command("history")
def schedule_history(
    name: Annotated[str | None, typer.Argument(help="Of one schedule; all if absent.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)] = 50,
    output: Output = "table",
) -> None:
    """What became of each turn, the newest first: done, failed, skipped, broken off or missed."""
    check(output)
    from api.speaking import clean
    from inventory.store import schedules

    rows = run(lambda w: w.store.read(schedules.turns, name, limit))
    if output == "json":
        print_json([asdict(turn) for turn in rows])
        return
    shown = [
        (t.schedule, _time(t.planned), _time(t.begun), _time(t.ended), word(f"outcome:{t.outcome}"), clean(t.detail))
        for t in rows
    ]
    print_rows(heads("schedule", "planned", "begun", "ended", "outcome", "detail"), shown)


async def _follow_settings(workspace: Any) -> None:
    from api.scheduling import follow_settings
    from api.windows import open_windows

    now = datetime.now(UTC)
    await follow_settings(workspace, await open_windows(workspace.config, now), now)


def _time(at: datetime | None) -> str:
    from inventory.periods import ZONE

    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}" if at else ""
