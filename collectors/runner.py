"""The one runner: reads many targets at once with one collector, bounded in number and time, failures as values."""

from __future__ import annotations

import asyncio
import base64
import re
import traceback
import urllib.parse
import zlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from collections.abc import Sized as _Sized
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from collectors.progress import Progress
from inventory.words import InputError, Run, Target

FIRST_BACK_OFF = timedelta(minutes=1)
LONGEST_BACK_OFF = timedelta(hours=6)
LONGEST_ERROR = 500

#: What of a credential is the name of an algorithm, a place or a public key, which anyone may read.
_NOT_SECRET = frozenset({"auth", "priv", "port", "scheme", "path", "host_keys", "ca", "certificates"})

#: Tasks that went on after their cancellation: held here until they end, because the loop holds tasks only weakly.
_abandoned: set[asyncio.Task[Run]] = set()


async def run(
    collector: str,
    collect: Callable[[Target], Awaitable[Run]],
    targets: AsyncIterable[Target] | Iterable[Target],
    *,
    concurrency: int = 50,
    deadline: float = 60.0,
    grace: float = 5.0,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncGenerator[Run, None]:
    """Read `targets` with `collect`, at most `concurrency` at once, and yield each Run as it is done, in any order.

    A target that is not done after `deadline` seconds is cancelled; a collector may answer its cancellation by
    returning a Run of what it saw so far. One that is still busy `grace` seconds later is abandoned, and its Run says
    so. Once `stop` is set no further target is begun, and those under way are treated as if their deadline had come:
    what they saw is still yielded. When the consumer itself ends or is cancelled, everything under way is cancelled
    and awaited for `grace` seconds, and its results are lost (close the generator with `contextlib.aclosing` to have
    that at once).

    Every failure of a target becomes `Run.error`, without the target's secrets. Only a failure of `targets` itself is
    raised, after the Runs of what had been begun.
    """
    if concurrency < 1:
        raise InputError(f"concurrency: found {concurrency}, expected at least 1")
    stopped = asyncio.create_task((stop or asyncio.Event()).wait())
    source = _as_async(targets)
    rounds = _Round(collector, collect, source, deadline, grace, stopped, asyncio.Queue(concurrency))
    workers = [asyncio.create_task(rounds.work()) for _ in range(concurrency)]
    closing = asyncio.create_task(rounds.close_after(workers))
    if progress:
        progress.started(len(targets) if isinstance(targets, _Sized) else None)
    try:
        while (done := await rounds.results.get()) is not None:
            if progress:
                progress.advanced(done)
            yield done
        for worker in workers:
            worker.result()
    finally:
        for task in (*workers, closing, stopped):
            task.cancel()
        await asyncio.wait({*workers, closing, stopped})
        for worker in workers:
            # Looked at, so that the loop does not complain of it: it was raised above, or nobody is left to hear.
            _ = worker.cancelled() or worker.exception()
        await source.aclose()
        if progress:
            progress.finished()


async def _as_async(targets: AsyncIterable[Target] | Iterable[Target]) -> AsyncGenerator[Target, None]:
    if isinstance(targets, AsyncIterable):
        try:
            async for target in targets:
                yield target
        finally:
            if isinstance(targets, AsyncGenerator):
                await targets.aclose()
    else:
        for target in targets:
            yield target


@dataclass
class _Round:
    """What the workers of one round share."""

    collector: str
    collect: Callable[[Target], Awaitable[Run]]
    source: AsyncGenerator[Target, None]
    deadline: float
    grace: float
    stopped: asyncio.Task[bool]
    results: asyncio.Queue[Run | None]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def work(self) -> None:
        """Read one target after the other until there are none, or the round is stopped."""
        while (target := await self._next()) is not None:
            await self.results.put(await self._read(target))

    async def close_after(self, workers: list[asyncio.Task[None]]) -> None:
        """Tell the consumer that the last Run is out."""
        await asyncio.wait(workers)
        await self.results.put(None)

    async def _next(self) -> Target | None:
        async with self.turn:
            if self.stopped.done():
                return None
            upcoming = asyncio.ensure_future(anext(self.source, None))
            try:
                await asyncio.wait({upcoming, self.stopped}, return_when=asyncio.FIRST_COMPLETED)
                return upcoming.result() if upcoming.done() and not self.stopped.done() else None
            finally:
                if upcoming.cancel():
                    await asyncio.wait({upcoming})

    async def _read(self, target: Target) -> Run:
        """One target, whatever its collector does."""
        started = datetime.now(UTC)
        reading = asyncio.create_task(self._guarded(target, started))
        try:
            await asyncio.wait({reading, self.stopped}, timeout=self.deadline, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Also on the way out of our own cancellation: nothing is left running behind the consumer's back.
            late = not reading.done()
            if late:
                await _end(reading, self.grace)
        if reading.done() and not reading.cancelled():
            return _without_secrets(reading.result(), target)
        deadline = "broken off" if self.stopped.done() else f"no result within {self.deadline:g} s"
        why = deadline if late else "cancelled itself"
        if not reading.done():
            why += f", and the collector ignored its cancellation for {self.grace:g} s: abandoned"
        return self._failed(target, started, why)

    async def _guarded(self, target: Target, started: datetime) -> Run:
        try:
            done = await self.collect(target)
            if not isinstance(done, Run):
                raise TypeError(f"the collector returned a {type(done).__name__}, expected a Run")
            return done
        except Exception as error:  # the one place where every failure becomes a value
            return self._failed(target, started, explain(error))

    def _failed(self, target: Target, started: datetime, why: str) -> Run:
        return Run(
            collector=self.collector,
            target=target.label,
            started=started,
            finished=datetime.now(UTC),
            error=mask(why, target)[:LONGEST_ERROR],
            agency=target.agency or (target.network.agency if target.network else None),
            network=target.network.code if target.network else None,
        )


async def _end(task: asyncio.Task[Run], grace: float) -> None:
    """Cancel a task and wait for it; twice, because a cancellation can be swallowed by accident (asyncio.wait_for)."""
    for _ in range(2):
        task.cancel()
        await asyncio.wait({task}, timeout=grace / 2)
        if task.done():
            return
    _abandoned.add(task)
    task.add_done_callback(_abandoned.discard)


# --- errors ---------------------------------------------------------------------------------------------------------


def explain(error: BaseException) -> str:
    """An exception in one line: its text, and for what nobody foresaw its type and the place in the code."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(explain(each) for each in error.exceptions))
    text = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    if isinstance(error, InputError):
        return text
    name = type(error).__name__
    if isinstance(error, OSError | TimeoutError):
        return f"{name}: {text}" if text else name
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return f"{name}: {text}{place}" if text else f"{name}{place}"


def mask(text: str, target: Target) -> str:
    """The text without the secrets of the target's credentials, also where they stand quoted, escaped or encoded."""
    written: set[str] = set()
    for credential in target.credentials:
        for name, secret in credential.secret.items():
            if name not in _NOT_SECRET and secret:
                written |= _spellings(secret)
    if not written:
        return text
    # The longest first: a shorter secret may be a part of a longer one.
    pattern = "|".join(re.escape(each) for each in sorted(written, key=len, reverse=True))
    return re.sub(pattern, "•••", text, flags=re.IGNORECASE)


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        " ".join(secret.split()) or secret,
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
        repr(raw)[2:-1],
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        raw.hex(),
        base64.b64encode(raw).decode(),
    }


def _without_secrets(done: Run, target: Target) -> Run:
    if done.error is None:
        return done
    return replace(done, error=mask(done.error, target)[:LONGEST_ERROR])


# --- back-off -------------------------------------------------------------------------------------------------------


def due_after(failures: int, last: datetime, label: str = "") -> datetime:
    """When a target that failed `failures` times in a row, last at `last`, may be tried again.

    At once after a success (`failures` = 0), else after a minute that doubles with each failure up to six hours. The
    target's label takes up to a quarter off, always the same, so that what failed together does not come back together.
    """
    if failures <= 0:
        return last
    wait = min(FIRST_BACK_OFF * (1 << min(failures - 1, 20)), LONGEST_BACK_OFF)
    share = zlib.crc32(label.encode()) / 2**32
    return last + wait * (1 - share / 4)


def due(
    targets: Iterable[Target], history: Mapping[str, tuple[int, datetime]], now: datetime | None = None
) -> Iterator[Target]:
    """The targets that may be tried now; `history` gives the failures in a row and the last try by target label."""
    now = now or datetime.now(UTC)
    for target in targets:
        failures, last = history.get(target.label, (0, now))
        # A last try in the future means that a clock was wrong: it must not silence a target for years.
        if last > now or due_after(failures, last, target.label) <= now:
            yield target
