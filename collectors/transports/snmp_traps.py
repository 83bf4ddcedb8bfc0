"""Receives SNMP notifications on a UDP socket: proven, bounded, and acknowledged only when they were stored."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import socket
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from collectors.transports.snmp_trap_engine import FAILURES, Address, Received, TrapEngine, Value
from collectors.transports.snmp_trap_header import BadNotificationError, Header, read_header
from collectors.transports.snmp_trap_senders import Sender, Senders, UnknownSenderError
from inventory.refusing import why
from inventory.words import InputError, StoreError, SystemRefusalError, Title

log = logging.getLogger("dophu")

QUEUE: Final = 1_000
"""Notifications that wait to be stored."""
BATCH: Final = 50
"""Notifications that are stored at once."""
A_SOURCE: Final = (10.0, 100.0)
"""Datagrams a second that one address may send in the long run, and at once: a device in a storm harms nobody."""
ALL: Final = (200.0, 1_000.0)
"""The same for all addresses together: decoding costs a millisecond or more."""
SOURCES: Final = 10_000
ENGINES: Final = 32
USERS: Final = 5_000
"""Pairs of user and engine after which an engine is made anew: keys are learnt again in milliseconds."""
ANSWERED: Final = 4_096
"""Informs that are known to be stored when they come again, because the answer was lost."""
ANSWERED_FOR: Final = 300.0
WINDOW: Final = 150
"""Seconds of RFC 3414 section 2.2.3."""
BUFFER: Final = 4 << 20

_AGENT_ADDRESS: Final = "1.3.6.1.6.3.18.1.3.0"
"""snmpTrapAddress (RFC 3584): of which device it is, when another one sends it."""

REASONS: Final = (
    "undecodable", "unknown_sender", "ambiguous_sender", "unknown_community", "unknown_user", "wrong_password",
    "too_little_security", "replayed", "too_many", "queue_full", "not_stored", "refused", "bad_credential",
)  # fmt: skip
"""Why a datagram was dropped."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One trap or inform."""

    address: str
    """The sender's IP address."""
    sender: Sender
    oid: str
    values: dict[str, Value]
    version: int
    confirmed: bool
    engine_id: bytes | None = None
    """The sender's, where it is proven: of SNMPv3 traps."""

    @property
    def agent(self) -> str | None:
        """The address of the device that it is about, as the sender says."""
        found = self.values.get(_AGENT_ADDRESS)
        return found if isinstance(found, str) and found != "0.0.0.0" else None  # noqa: S104


class Bucket:
    """How much is allowed now: so much a second in the long run, and so much at once."""

    __slots__ = ("_at", "_left")

    def __init__(self, now: float, most: float) -> None:
        """A full one."""
        self._at, self._left = now, most

    def take(self, now: float, limit: tuple[float, float]) -> bool:
        """Whether one more is allowed."""
        rate, most = limit
        self._left = min(most, self._left + (now - self._at) * rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    notification: Notification
    received: Received
    engine: TrapEngine
    mark: bytes


class TrapReceiver(asyncio.DatagramProtocol):
    """Receives on one socket, and gives what is proven to `store`.

    `store` returns when all that it was given is committed; it raises StoreError when it is not, or InputError when
    it never can be. An inform is answered after that: one that was not stored comes again. Traps, which never come
    again, wait for the store.
    """

    def __init__(
        self,
        store: Callable[[Sequence[Notification]], Awaitable[None]],
        engine_id: bytes,
        boots: int,
        senders: Senders | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A receiver that is not listening yet; `engine_id` with `boots` must never have been used before."""
        self._store, self._engine_id, self._boots, self._clock = store, engine_id, boots, clock
        self.senders = senders or Senders()
        self.received = 0
        self.stored: Counter[str] = Counter()
        """By version."""
        self.dropped: Counter[str] = Counter()
        self.last_dropped: dict[str, str] = {}
        """The address of which a datagram was last dropped, by reason."""
        self._queue: deque[_Waiting] = deque()
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self._emptied.set()
        self._sources: OrderedDict[str, Bucket] = OrderedDict()
        self._all = Bucket(clock(), ALL[1])
        self._engines: list[TrapEngine] = []
        self._answered: OrderedDict[bytes, float] = OrderedDict()
        self._heard: OrderedDict[bytes, tuple[int, int]] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def waiting(self) -> int:
        """Notifications that are not stored yet."""
        return len(self._queue)

    async def listen(self, bound: socket.socket) -> None:
        """Begin to receive on a bound UDP socket."""
        with contextlib.suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        bound.setblocking(False)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=bound)
        self._tasks = [asyncio.create_task(self._keep_storing()), asyncio.create_task(self._tick())]

    async def close(self, patience: float = 3) -> None:
        """Receive no more, and give what came a few seconds to be stored."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._emptied.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
        for engine in self._engines:
            engine.close()

    def use(self, senders: Senders) -> None:
        """Know other networks and credentials from now on; what is no longer theirs is forgotten."""
        self.senders = senders
        self._engines = []

    # --- receiving --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """asyncio's: one datagram."""
        if self._closing:
            return
        self.received += 1
        address = str(addr[0]).partition("%")[0].removeprefix("::ffff:")
        try:
            reason = self._take(data, address, addr)
        except BadNotificationError:
            reason = "undecodable"
        except UnknownSenderError as error:
            reason = error.reason
        except InputError:
            reason = "bad_credential"
        except Exception:
            # pysnmp raises whatever a hostile datagram leads it to: nothing of it may end the receiver.
            reason = "undecodable"
        if reason is not None:
            self._drop(reason, address)

    def _drop(self, reason: str, address: str) -> None:
        self.dropped[reason] += 1
        self.last_dropped[reason] = address

    def _take(self, data: bytes, address: str, addr: Address) -> str | None:
        """Take one datagram, or say why not; cheap questions first."""
        header = read_header(data)
        sender = self.senders.identify(address, header)
        now = self._clock()
        if not self._source(address, now).take(now, A_SOURCE) or not self._all.take(now, ALL):
            return "too_many"
        if header.engine_id and header.level < sender.level and header.version == 3:
            return "too_little_security"
        if len(self._queue) >= QUEUE:
            return "queue_full"
        engine = self._engine_for(sender, header)
        received = engine.receive(data, addr)
        if not isinstance(received, Received):
            return received
        own = header.version == 3 and header.engine_id != self._engine_id
        if own and header.level > 1 and not self._is_new(header):
            return "replayed"
        mark = hashlib.sha256(f"{addr[:2]} ".encode() + received.mark).digest()
        if received.confirmed and self._was_answered(mark, now):
            self._answer(engine, received)
            return None
        notification = Notification(
            address, sender, received.oid, dict(received.values), header.version, received.confirmed,
            header.engine_id if own else None,
        )  # fmt: skip
        self._queue.append(_Waiting(notification, received, engine, mark))
        self._emptied.clear()
        self._filled.set()
        return None

    def _source(self, address: str, now: float) -> Bucket:
        if address not in self._sources:
            self._sources[address] = Bucket(now, A_SOURCE[1])
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(address)
        return self._sources[address]

    def _engine_for(self, sender: Sender, header: Header) -> TrapEngine:
        """The engine that knows the sender's secret: another one where the name for it is taken by another secret."""
        credential = sender.credential
        found = next((engine for engine in self._engines if engine.fits(credential)), None)
        if found is not None and found.users >= USERS:
            self._engines.remove(found)
            found = None
        if found is None:
            if len(self._engines) >= ENGINES:
                self._engines.pop(0)
            found = TrapEngine(self._engine_id, self._boots, self._send)
            self._engines.append(found)
        if header.version != 3 or header.engine_id:
            found.learn(credential, header.engine_id)
        return found

    def _send(self, outgoing: bytes, address: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(outgoing, address)

    def _is_new(self, header: Header) -> bool:
        """Whether an engine's message is not older than what came of it before (RFC 3414 section 3.2 step 7b)."""
        boots, seconds = self._heard.get(header.engine_id, (0, 0))
        if (header.boots, header.seconds + WINDOW) < (boots, seconds):
            return False
        self._heard[header.engine_id] = max((boots, seconds), (header.boots, header.seconds))
        self._heard.move_to_end(header.engine_id)
        if len(self._heard) > SOURCES:
            self._heard.popitem(last=False)
        return True

    # --- storing ----------------------------------------------------------------------------------------------------

    async def _keep_storing(self) -> None:
        while True:
            await self._filled.wait()
            taken = [self._queue[n] for n in range(min(BATCH, len(self._queue)))]
            # An inform that came again before it was stored is stored once, and each of its copies answered.
            copies = {w.mark if w.notification.confirmed else n: w for n, w in enumerate(taken)}
            fresh = [w for w in copies.values() if not self._was_answered(w.mark, self._clock())]
            await self._settle(fresh)
            for waiting in taken:
                if waiting not in fresh and self._was_answered(waiting.mark, self._clock()):
                    self._answer(waiting.engine, waiting.received)
            # What was being stored counted as waiting until here: the queue's bound is the memory's.
            for _ in taken:
                self._queue.popleft()
            if not self._queue:
                self._filled.clear()
                self._emptied.set()

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Store a batch and answer its informs; what cannot be stored now waits, or comes again by itself."""
        patience = 0.5
        while batch:
            try:
                await self._store([waiting.notification for waiting in batch])
            except StoreError:
                for waiting in batch:
                    if waiting.notification.confirmed:
                        self._drop("not_stored", waiting.notification.address)
                batch = [waiting for waiting in batch if not waiting.notification.confirmed]
                if batch:
                    await asyncio.sleep(patience)
                patience = min(patience * 2, 30)
            except Exception as error:
                # One that nobody foresaw must neither end the storing of all others nor be hidden.
                if len(batch) == 1:
                    if not isinstance(error, InputError):
                        log.exception("traps: what came from %s was not stored", batch[0].notification.address)
                    self._drop("refused", batch[0].notification.address)
                    return
                for waiting in batch:
                    await self._settle([waiting])
                return
            else:
                for waiting in batch:
                    self._settled(waiting)
                return

    def _settled(self, waiting: _Waiting) -> None:
        self.stored[("v1", "v2c", "", "v3")[waiting.notification.version]] += 1
        if waiting.notification.confirmed:
            self._answered[waiting.mark] = self._clock()
            if len(self._answered) > ANSWERED:
                self._answered.popitem(last=False)
            self._answer(waiting.engine, waiting.received)

    def _was_answered(self, mark: bytes, now: float) -> bool:
        at = self._answered.get(mark)
        return at is not None and now - at < ANSWERED_FOR

    def _answer(self, engine: TrapEngine, received: Received) -> None:
        # The engine may have forgotten it since: then it comes again.
        with contextlib.suppress(*FAILURES):
            engine.answer(received)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            for engine in self._engines:
                engine.tick()


def bind(host: str, port: int) -> socket.socket:
    """A UDP socket bound to an address.

    Raises:
        OSError: the address is taken, or may not be used; the text says what to do.
    """
    family: Any = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        reason, hint = why(error), ("", "")
        if error.errno == errno.EACCES:
            hint = (
                " (cổng dưới 1024 cần quyền mở: CAP_NET_BIND_SERVICE)",
                " (ports below 1024 need the right to bind them: CAP_NET_BIND_SERVICE)",
            )
        raise SystemRefusalError(
            Title(
                f"không nhận được trap tại {host} cổng {port}: {reason.vi}{hint[0]}",
                f"cannot receive traps on {host} port {port}: {reason.en}{hint[1]}",
            )
        ) from error
    return bound
