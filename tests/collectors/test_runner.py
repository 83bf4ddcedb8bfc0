"""The runner: one bad target harms no other, nothing hangs, nothing leaks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from collectors import progress, runner
from inventory.words import Credential, InputError, Network, Run, Target

Collect = Callable[[Target], Awaitable[Run]]


def target(number: int, **more: object) -> Target:
    return Target(f"192.0.2.{number}", agency="SYT", **more)  # type: ignore[arg-type]


def seen(at: Target, error: str | None = None) -> Run:
    now = datetime.now(UTC)
    return Run("test", at.label, now, now, complete=error is None, error=error, agency=at.agency)


async def all_runs(collect: Collect, targets: list[Target], **more: object) -> dict[str, Run]:
    return {run.target: run async for run in runner.run("test", collect, targets, **more)}  # type: ignore[arg-type]


async def test_one_bad_target_harms_no_other() -> None:
    async def collect(at: Target) -> Run:
        if at.address == "192.0.2.3":
            raise RuntimeError("it broke")
        return seen(at)

    runs = await all_runs(collect, [target(n) for n in range(1, 8)])
    assert len(runs) == 7
    assert [r.target for r in runs.values() if r.error] == ["192.0.2.3"]
    failed = runs["192.0.2.3"]
    assert failed.error is not None
    assert failed.error.startswith("RuntimeError: it broke (test_runner.py:")
    assert (failed.collector, failed.agency, failed.complete, failed.observations) == ("test", "SYT", False, ())


async def test_the_run_of_a_failure_names_its_network_and_agency() -> None:
    network = Network("SYT-LAN", "SYT", ip_network("192.0.2.0/24"), "LAN", scan=True)

    async def collect(at: Target) -> Run:
        raise InputError("networks.csv row 3: no")

    runs = await all_runs(collect, [Target("192.0.2.0/24", network=network)])
    (failed,) = runs.values()
    assert (failed.target, failed.agency, failed.network) == ("SYT-LAN 192.0.2.0/24", "SYT", "SYT-LAN")
    assert failed.error == "networks.csv row 3: no"


async def test_no_more_than_the_stated_number_is_under_way() -> None:
    busy = most = 0
    full = asyncio.Event()

    async def collect(at: Target) -> Run:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        if busy == 7:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        busy -= 1
        return seen(at)

    assert len(await all_runs(collect, [target(n) for n in range(200)], concurrency=7)) == 200
    assert most == 7


async def test_targets_may_come_from_an_asynchronous_source_and_may_be_none() -> None:
    async def source(count: int) -> AsyncIterator[Target]:
        for n in range(count):
            await asyncio.sleep(0)
            yield target(n)

    async def collect(at: Target) -> Run:
        return seen(at)

    assert len([run async for run in runner.run("test", collect, source(5), concurrency=2)]) == 5
    assert [run async for run in runner.run("test", collect, source(0))] == []
    assert await all_runs(collect, []) == {}


async def test_a_failing_source_of_targets_is_raised_after_what_was_begun() -> None:
    async def failing() -> AsyncIterator[Target]:
        yield target(1)
        raise LookupError("the register is gone")

    async def collect(at: Target) -> Run:
        return seen(at)

    got: list[Run] = []
    with pytest.raises(LookupError, match="the register is gone"):
        async for run in runner.run("test", collect, failing()):
            got.append(run)
    assert [run.target for run in got] == ["192.0.2.1"]


async def test_a_deadline_ends_one_target_and_keeps_what_it_saw() -> None:
    async def collect(at: Target) -> Run:
        if at.address == "192.0.2.1":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return seen(at, "read 3 of 9 addresses")
        if at.address == "192.0.2.2":
            await asyncio.Event().wait()
        return seen(at)

    runs = await all_runs(collect, [target(n) for n in (1, 2, 3)], deadline=0.1)
    assert runs["192.0.2.1"].error == "read 3 of 9 addresses"
    assert runs["192.0.2.2"].error == "no result within 0.1 s"
    assert runs["192.0.2.3"].error is None


async def test_a_collector_that_ignores_its_cancellation_is_abandoned_and_told() -> None:
    let_go = asyncio.Event()

    async def collect(at: Target) -> Run:
        while at.address == "192.0.2.1" and not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
        return seen(at)

    runs = await all_runs(collect, [target(1), target(2)], deadline=0.1, grace=0.1, concurrency=1)
    assert runs["192.0.2.1"].error is not None
    assert "ignored its cancellation" in runs["192.0.2.1"].error
    assert runs["192.0.2.2"].error is None
    let_go.set()
    await asyncio.wait(runner._abandoned)


async def test_a_cancellation_swallowed_once_is_repeated() -> None:
    swallowed = 0

    async def collect(at: Target) -> Run:
        nonlocal swallowed
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed += 1
        await asyncio.Event().wait()
        return seen(at)

    (run,) = (await all_runs(collect, [target(1)], deadline=0.1, grace=0.2)).values()
    assert swallowed == 1
    assert run.error == "no result within 0.1 s"


async def test_a_collector_that_cancels_itself_or_returns_nonsense_is_told() -> None:
    async def collect(at: Target) -> Run:
        if at.address == "192.0.2.1":
            raise asyncio.CancelledError
        return None  # type: ignore[return-value]

    runs = await all_runs(collect, [target(1), target(2)])
    assert runs["192.0.2.1"].error == "cancelled itself"
    assert runs["192.0.2.2"].error is not None
    assert "returned a NoneType, expected a Run" in runs["192.0.2.2"].error


@pytest.mark.parametrize("way", ["break", "cancel"])
async def test_when_the_consumer_stops_everything_under_way_is_cancelled(way: str) -> None:
    begun, ended = 0, 0
    all_begun = asyncio.Event()

    async def collect(at: Target) -> Run:
        nonlocal begun, ended
        if at.address == "192.0.2.0":
            await all_begun.wait()
            return seen(at)
        begun += 1
        if begun == 9:
            all_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # cleaning up takes a moment, and is waited for
            ended += 1
        return seen(at)

    got_one = asyncio.Event()

    async def consume() -> None:
        async with contextlib.aclosing(
            runner.run("test", collect, [target(n) for n in range(99)], concurrency=10)
        ) as runs:
            async for _ in runs:
                got_one.set()
                if way == "break":
                    return

    consumer = asyncio.create_task(consume())
    await got_one.wait()
    if way == "cancel":
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
    else:
        await consumer
    assert ended == begun
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_stopping_a_round_still_yields_what_was_seen_and_begins_nothing_more() -> None:
    stop = asyncio.Event()
    begun: list[str] = []

    async def collect(at: Target) -> Run:
        begun.append(at.address)
        if len(begun) == 3:
            stop.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if at.address == "192.0.2.2":
                raise
        return seen(at, "read 1 of 2 addresses")

    runs = await all_runs(collect, [target(n) for n in range(50)], concurrency=3, stop=stop)
    assert sorted(runs) == sorted(begun) == ["192.0.2.0", "192.0.2.1", "192.0.2.2"]
    assert runs["192.0.2.1"].error == "read 1 of 2 addresses"
    assert runs["192.0.2.2"].error == "broken off"


async def test_stopping_a_round_does_not_wait_for_a_source_that_is_silent() -> None:
    stop = asyncio.Event()
    closed = False

    async def source() -> AsyncIterator[Target]:
        nonlocal closed
        try:
            yield target(1)
            await asyncio.Event().wait()
            yield target(2)
        finally:
            closed = True

    async def collect(at: Target) -> Run:
        return seen(at)

    got = []
    async for run in runner.run("test", collect, source(), stop=stop):
        got.append(run.target)
        stop.set()
    assert got == ["192.0.2.1"]
    assert closed


# --- secrets --------------------------------------------------------------------------------------------------------

SECRETS = ["s3cr3t", "quo\"te\\and'space x", "mật-khẩu", "a+b/c=", "line\nbreak"]


@pytest.mark.parametrize("secret", SECRETS)
async def test_no_spelling_of_a_secret_reaches_the_error(secret: str) -> None:
    raw = secret.encode()
    spellings = [secret, repr(secret), ascii(secret), str(raw), raw.hex(), base64.b64encode(raw).decode()]
    credential = Credential("lan-v2c", "snmp-v2c", {"community": secret})

    async def collect(at: Target) -> Run:
        if at.address == "192.0.2.1":
            raise RuntimeError(" and ".join(spellings))
        if at.address == "192.0.2.2":
            raise ExceptionGroup(secret, [ValueError(secret), OSError(5, secret)])
        return seen(at, f"the device said {secret}")

    for run in (await all_runs(collect, [target(n, credentials=(credential,)) for n in (1, 2, 3)])).values():
        assert run.error is not None
        assert "•••" in run.error
        for spelling in (*spellings, repr(secret)[1:-1], str(raw)[2:-1], " ".join(secret.split())):
            assert spelling not in run.error


def test_the_longer_of_two_secrets_is_hidden_whole_and_names_of_algorithms_stay() -> None:
    secret = {"user": "ops", "auth": "SHA", "auth_password": "pass", "priv": "AES", "priv_password": "password-2"}
    at = target(1, credentials=(Credential("v3", "snmp-v3", secret),))
    assert runner.mask("SHA of password-2, AES of pass for ops", at) == "SHA of •••, AES of ••• for •••"


def test_an_error_is_one_bounded_line_without_control_characters() -> None:
    assert runner.explain(OSError("\x1b[31mred\x1b[0m\r\n\x00 line")) == "OSError: [31mred [0m line"
    assert runner.explain(TimeoutError()) == "TimeoutError"
    assert runner.explain(ExceptionGroup("g", [OSError("a"), OSError("a"), InputError("b")])) == "OSError: a; b"


async def test_a_long_error_is_cut() -> None:
    async def collect(at: Target) -> Run:
        raise OSError("x" * 100_000)

    (run,) = (await all_runs(collect, [target(1)])).values()
    assert run.error is not None
    assert len(run.error) == runner.LONGEST_ERROR


# --- back-off -------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def test_back_off_doubles_up_to_six_hours_and_is_always_the_same() -> None:
    waits = [runner.due_after(failures, NOON, "SYT-LAN 192.0.2.1") - NOON for failures in range(40)]
    assert waits[0] == timedelta(0)
    assert timedelta(seconds=45) <= waits[1] <= timedelta(minutes=1)
    assert waits == sorted(waits)
    assert abs(waits[2] - waits[1] * 2) < timedelta(milliseconds=1)
    assert timedelta(hours=4.5) <= waits[-1] <= timedelta(hours=6)
    assert runner.due_after(10**9, NOON) - NOON <= timedelta(hours=6)
    assert waits == [runner.due_after(failures, NOON, "SYT-LAN 192.0.2.1") - NOON for failures in range(40)]


def test_targets_that_failed_together_do_not_come_back_together() -> None:
    assert len({runner.due_after(5, NOON, f"192.0.2.{n}") for n in range(100)}) == 100


def test_only_what_is_due_is_tried() -> None:
    targets = [target(n) for n in range(5)]
    history = {
        "192.0.2.1": (0, NOON),
        "192.0.2.2": (3, NOON - timedelta(seconds=30)),
        "192.0.2.3": (3, NOON - timedelta(minutes=30)),
        "192.0.2.4": (3, NOON + timedelta(days=900)),  # a clock was wrong
    }
    assert [t.address[-1] for t in runner.due(targets, history, NOON)] == ["0", "1", "3", "4"]


# --- progress -------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def _round_with_progress() -> None:
    async def collect(at: Target) -> Run:
        return seen(at, "no" if at.address == "192.0.2.1" else None)

    await all_runs(collect, [target(n) for n in range(3)], progress=progress.TerminalProgress("Khám phá mạng"))


async def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    await _round_with_progress()
    assert "Khám phá mạng (✗ 1)" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


async def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    await _round_with_progress()
    assert capsys.readouterr() == ("", "")


async def test_progress_ends_with_the_consumer() -> None:
    told: list[str] = []

    class Listener:
        def started(self, total: int | None) -> None:
            told.append(f"started {total}")

        def advanced(self, run: Run) -> None:
            told.append(run.target)

        def finished(self) -> None:
            told.append("finished")

    async def collect(at: Target) -> Run:
        return seen(at)

    runs = runner.run("test", collect, [target(1), target(2)], concurrency=1, progress=Listener())
    assert (await anext(runs)).target == "192.0.2.1"
    await runs.aclose()
    assert told == ["started 2", "192.0.2.1", "finished"]
