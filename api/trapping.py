"""Receives traps and informs for as long as a block runs: who may send them, and their way into the store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.metrics_core import CounterMetricFamily

from api.workspace import Workspace
from collectors.backups import veeam
from collectors.reading.standard import engine_identifier
from collectors.transports.snmp_trap_senders import Senders
from collectors.transports.snmp_traps import REASONS, Notification, TrapReceiver
from collectors.traps import tell
from inventory.owning import hand_over, make_folder
from inventory.periods import ZONE
from inventory.store import Connection, backups, events, facts, registers
from inventory.store.backups import Told
from inventory.store.events import Notice
from inventory.vocabulary import Vocabulary
from inventory.words import Credential, Identity, InputError, Network, Proof, StoreError, Title

log = logging.getLogger("dophu")

LOOK_AGAIN = 30.0
"""Seconds until a changed register or credential is known."""
TELL = 60.0
"""Seconds between the log's lines on what was dropped."""

# RFC 3411 section 5: the highest bit, an enterprise number (pysnmp's, whose engine this is), format 5: octets.
_ENGINE_ID_HEAD = bytes.fromhex("80004fb805")
_MOST_BOOTS = 2**31 - 2


@dataclass
class Trapping:
    """The receiver of one process, and what came of it."""

    workspace: Workspace
    receiver: TrapReceiver
    address: str
    """Where it listens."""
    heard: Callable[[Sequence[Notice]], None] = lambda _: None
    """Called with what was stored."""
    changed: Callable[[], None] = lambda: None
    """Called when facts began or changed."""
    events: Counter[str] = field(default_factory=Counter)
    """What was stored since the start, by kind."""
    _known: tuple[tuple[Network, ...], tuple[Credential, ...]] | None = None

    async def learn(self) -> None:
        """Read the networks of today and the credentials that they name.

        Raises:
            StoreError: the store failed. InputError: the key does not open the credentials.
        """
        register = await self.workspace.store.read(registers.load)
        today = datetime.now(ZONE).date()
        networks = tuple(n for n in register.networks if n.valid_on(today))
        opened = await self.workspace.open_credentials({name for n in networks for name in n.credentials})
        credentials = tuple(opened[name] for name in sorted(opened))
        if (networks, credentials) != self._known:
            self._known = networks, credentials
            self.receiver.use(Senders(networks, credentials))

    async def keep_learning(self) -> None:
        """Look again and again; runs until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            try:
                await self.learn()
            except (StoreError, InputError) as error:
                log.error("traps: the register could not be read: %s", error)

    async def keep_telling(self) -> None:
        """Log what was dropped, in sums: a line for each trap would be a storm of its own."""
        before: Counter[str] = Counter()
        while True:
            await asyncio.sleep(TELL)
            now = Counter(self.receiver.dropped)
            for reason, number in (now - before).items():
                log.warning(
                    "traps: dropped %d as %s, the last from %s", number, reason, self.receiver.last_dropped[reason]
                )
            before = now

    async def record(self, notifications: Sequence[Notification]) -> None:
        """Store what notifications tell; when this returns it is committed.

        Raises:
            StoreError: the store could not take it now. InputError: it never can.
        """
        now = datetime.now(UTC)
        notices = [_notice(notification, now) for notification in notifications]
        told = [told for notification in notifications if (told := _backup(notification, now)) is not None]
        done = await self.workspace.store.write(_record, self.workspace.vocabulary, notices, told, now)
        self.events.update(notice.event.kind for notice in notices)
        self.heard(notices)
        if done.new or told:
            self.changed()

    def metrics(self) -> list[CounterMetricFamily]:
        """What came since the process started, for Prometheus."""
        received = CounterMetricFamily("dophu_traps_received", "Datagrams that came to the trap receiver.")
        received.add_metric([], self.receiver.received)
        stored = CounterMetricFamily("dophu_traps_stored", "Traps and informs that were stored.", labels=["version"])
        for version in ("v1", "v2c", "v3"):
            stored.add_metric([version], self.receiver.stored[version])
        dropped = CounterMetricFamily("dophu_traps_dropped", "Datagrams that were dropped, and why.", labels=["reason"])
        for reason in REASONS:
            dropped.add_metric([reason], self.receiver.dropped[reason])
        told = CounterMetricFamily("dophu_events", "Events that were stored, by kind.", labels=["kind"])
        for kind in self.workspace.vocabulary.events:
            told.add_metric([kind], self.events[kind])
        return [received, stored, dropped, told]


def _notice(notification: Notification, now: datetime) -> Notice:
    told, network = tell(notification, now), notification.sender.network
    engine = engine_identifier(notification.engine_id) if notification.engine_id else None
    identity = Identity(
        frozenset({("engine_id", engine)} if engine else ()), notification.address, network.code, network.agency
    )
    return Notice(told.event, identity, told.facts, notification.agent, told.row)


def _backup(notification: Notification, now: datetime) -> Told | None:
    """What a backup server tells of a machine; it may tell of those of its own agency."""
    told = veeam.tell(notification.oid, notification.values, now)
    agency = notification.sender.network.agency
    return None if told is None else Told(f"trap of {notification.address}", *told, agency)


def _record(
    connection: Connection, vocabulary: Vocabulary, notices: Sequence[Notice], told: Sequence[Told], now: datetime
) -> facts.Recorded:
    done = events.record(connection, vocabulary, notices, now)
    if told:
        # Of a machine that nobody knows there is the event, and no fact.
        backups.take_in(connection, vocabulary, veeam.SOURCE, Proof.CONSOLE, told, now, strict=False)
    return done


@contextlib.asynccontextmanager
async def trapping(workspace: Workspace, bound: socket.socket) -> AsyncIterator[Trapping]:
    """Receive on a bound socket until the block ends; what came is stored first.

    Raises:
        StoreError: the register could not be read. InputError: the key does not open the credentials, or the file with
            the engine's id is none.
    """
    engine_id, boots = boot(workspace.config.data / "snmp-engine.json")
    host, port = bound.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def store(notifications: Sequence[Notification]) -> None:
        await running.record(notifications)

    receiver = TrapReceiver(store, engine_id, boots)
    running = Trapping(workspace, receiver, address)
    await running.learn()
    await receiver.listen(bound)
    beside = [asyncio.create_task(running.keep_learning()), asyncio.create_task(running.keep_telling())]
    try:
        yield running
    finally:
        await receiver.close()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def boot(path: Path) -> tuple[bytes, int]:
    """Our SNMP engine's id, which never changes, and how often it booted, this time included (RFC 3414 section 2.2).

    Devices make their keys from the id: with another one none of their informs would be understood.

    Raises:
        InputError: the file is none of ours.
    """
    engine_id, boots = _ENGINE_ID_HEAD + secrets.token_bytes(8), 0
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        engine_id, boots = bytes.fromhex(found["engine_id"]), int(found["boots"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError):
        raise InputError(
            Title(
                f"{path}: cần mã và boots của engine SNMP, như dophu ghi",
                f"{path}: expected the SNMP engine's id and boots, as dophu writes them",
            )
        ) from None
    if not 5 <= len(engine_id) <= 32 or not 0 <= boots < _MOST_BOOTS:
        raise InputError(
            Title(
                f"{path}: cần mã engine từ 5 đến 32 octet, và boots nhỏ hơn 2^31 - 2",
                f"{path}: expected an engine id of 5 to 32 octets, and boots below 2^31 - 2",
            )
        )
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with part.open("w", encoding="utf-8") as file:
        json.dump({"engine_id": engine_id.hex(), "boots": boots + 1}, file)
        file.flush()
        os.fsync(file.fileno())
    hand_over(part)
    part.replace(path)
    return engine_id, boots + 1
