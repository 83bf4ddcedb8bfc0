"""InfluxDB: every snapshot that the server tells is written there, and what could not be is on disk and sent later."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.config import Config, InfluxSettings
from api.workspace import Workspace
from exporters._influx_delivery import Delivered, Delivery, Server
from exporters._spool import Spool, SpoolState
from inventory.store import snapshots
from inventory.words import InputError, Snapshot, Title

log = logging.getLogger("dophu")

_WAITS = (timedelta(seconds=2), timedelta(minutes=5))
"""After a failure it is tried again after the first, twice as long each time up to the second."""
_HELD = 8
"""So many snapshots wait in memory while others are sent; of more the oldest is left out, and told."""


def open_spool(config: Config) -> Spool:
    """The folder in which points wait.

    Raises:
        InputError: there is no [influxdb] in the settings.
    """
    return Spool(_folder(config), _settings(config).spool_mb * 1_000_000)


async def open_delivery(workspace: Workspace) -> Delivery:
    """What delivers to the server of the settings; it has not been asked anything yet.

    Raises:
        InputError: there is no [influxdb] in the settings, its credential is not stored, of another kind or does not
            open, or its certificates cannot be read.
    """
    wanted = _settings(workspace.config)
    token = ""
    if wanted.credential:
        credential = (await workspace.open_credentials([wanted.credential])).get(wanted.credential)
        if credential is None:
            raise InputError(
                Title(
                    f"influxdb: credential: không có thông tin xác thực {wanted.credential!r}, cần đã lưu",
                    f"influxdb: credential: found no credential {wanted.credential!r}, expected one stored",
                )
            )
        if credential.kind != "influxdb":
            raise InputError(
                Title(
                    f"influxdb: credential: {wanted.credential!r} thuộc loại {credential.kind}, cần influxdb",
                    f"influxdb: credential: {wanted.credential!r} is of the kind {credential.kind}, expected influxdb",
                )
            )
        token = credential.secret["token"]
    server = Server(wanted.url, wanted.org, wanted.bucket, token, wanted.ca, wanted.timeout_seconds)
    # Importing the client reads a few hundred files.
    return await asyncio.to_thread(Delivery, server, open_spool(workspace.config), wanted.batch)


@contextlib.asynccontextmanager
async def delivering(workspace: Workspace) -> AsyncIterator[Delivery]:
    """What delivers until the workspace says stop, closed at the end; raises InputError as `open_delivery`."""
    delivery = await open_delivery(workspace)
    stopping = asyncio.create_task(_stop_with(workspace, delivery))
    try:
        yield delivery
    finally:
        stopping.cancel()
        delivery.stop.set()
        delivery.close()


async def _stop_with(workspace: Workspace, delivery: Delivery) -> None:
    await workspace.stop.wait()
    delivery.stop.set()


def _settings(config: Config) -> InfluxSettings:
    if config.influxdb is None:
        raise InputError(
            Title(
                "không có [influxdb] trong cấu hình, cần một mục có url, org và bucket",
                "found no [influxdb] in the settings, expected one with url, org and bucket",
            )
        )
    return config.influxdb


def _folder(config: Config) -> Path:
    return config.data / "influxdb"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What `dophu influx push` did."""

    kept: int
    points: int
    delivered: Delivered


async def push(workspace: Workspace, since: datetime | None, told: Callable[[datetime, int], None]) -> Pushed:
    """Write the newest snapshot, or all that were kept from `since` on, each as of its instant; then deliver.

    Args:
        told: is called with each one's time and number of points.

    Raises:
        InputError: as `open_delivery`, or nothing was judged. StoreError: the store failed.
    """
    newest = await workspace.store.read(snapshots.newest)
    times = [newest] if newest else []
    if since is not None:
        times = await workspace.store.read(snapshots.kept_since, since)
    if not times:
        raise InputError(
            Title(
                "không có số liệu đã tính nào để ghi; chạy dophu judge, hoặc nêu --since sớm hơn",
                "found no snapshot to write; run dophu judge, or name an earlier --since",
            )
        )
    kept = points = 0
    async with delivering(workspace) as delivery:
        for at in times:
            if workspace.stop.is_set():
                break
            snapshot = await workspace.store.read(snapshots.take, workspace.vocabulary, workspace.goals, at)
            found = await asyncio.to_thread(delivery.keep, snapshot)
            told(at, found)
            kept, points = kept + 1, points + found
        return Pushed(kept, points, await asyncio.to_thread(delivery.deliver))


class Feed:
    """Takes each snapshot as it is told and writes it to InfluxDB, beside all else: judging never waits for it."""

    def __init__(self, workspace: Workspace, told: Callable[[SpoolState], None]) -> None:
        """Nothing is written yet.

        Args:
            told: is called from a thread with how the spool is, after each delivery.
        """
        self._workspace, self._told = workspace, told
        self._held: list[Snapshot] = []
        self._came = asyncio.Event()

    def tell(self, snapshot: Snapshot) -> None:
        """Take a snapshot; returns at once."""
        if len(self._held) == _HELD:
            log.warning("influxdb: left out the snapshot of %s: the server is too slow", self._held[0].at)
        self._held = [*self._held[-_HELD + 1 :], snapshot]
        self._came.set()

    async def keep(self) -> None:
        """Write what comes; runs until it is cancelled. Wrong settings are told, and looked at again later."""
        while True:
            try:
                await self._keep()
            except InputError as error:
                log.error("%s; see dophu doctor", error)
                await asyncio.sleep(_WAITS[1].total_seconds())

    async def _keep(self) -> None:
        async with delivering(self._workspace) as delivery:
            wait = _WAITS[0]
            while True:
                await self._put_on_disk(delivery)
                done = await asyncio.to_thread(delivery.deliver)
                await asyncio.to_thread(self._tell_state, delivery)
                if done.error or done.busy:
                    log.warning("influxdb: %s", done.error or "another process delivers")
                    until = datetime.now(UTC) + (done.wait or wait)
                    wait = min(wait * 2, _WAITS[1])
                    await self._wait_until(until, delivery)
                else:
                    wait = _WAITS[0]
                    await self._came.wait()
                self._came.clear()

    async def _wait_until(self, until: datetime, delivery: Delivery) -> None:
        """Put what comes meanwhile on disk, and ask nothing of the server until then."""
        while (left := (until - datetime.now(UTC)).total_seconds()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._came.wait()
            self._came.clear()
            await self._put_on_disk(delivery)
            await asyncio.to_thread(self._tell_state, delivery)

    def _tell_state(self, delivery: Delivery) -> None:
        self._told(delivery.spool.state())

    async def _put_on_disk(self, delivery: Delivery) -> None:
        while self._held:
            await asyncio.to_thread(delivery.keep, self._held.pop(0))
