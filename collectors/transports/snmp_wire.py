"""One SNMP socket: opened, asked with tries and a deadline, closed; `collectors.transports.snmp` reads through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import gufo.snmp as gufo
from gufo.snmp._fast import SnmpV1ClientSocket, SnmpV2cClientSocket, SnmpV3ClientSocket
from gufo.snmp.utils import format_sock_addr

from collectors.transports.snmp_user import v3_user
from inventory.words import Credential, InputError

VERSIONS: Final = ("snmp-v1", "snmp-v2c", "snmp-v3")

T = TypeVar("T")
Socket = SnmpV1ClientSocket | SnmpV2cClientSocket | SnmpV3ClientSocket


class SnmpError(Exception):
    """The device was not read to the end; `read` holds what had come in before, by OID, by index or by column.

    Of several columns, `partial` names those that were not read to their end.
    """

    def __init__(self, text: str, read: Mapping[str, Any] | None = None, partial: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.read: dict[str, Any] = dict(read or {})
        self.partial = frozenset(partial)


class SnmpTimeout(SnmpError):
    """No answer in time."""


class SnmpAnswerError(SnmpError):
    """The device answered, and the answer is no use."""


class SnmpRefused(SnmpAnswerError):
    """The device does not accept the SNMPv3 user, a password or a protocol."""


class _NoAnswer(Exception):
    """One request stayed without an answer."""


@contextmanager
def _told_as_timeout(where: str) -> Iterator[None]:
    """Turns what the operating system says while a socket is made into an SnmpError."""
    try:
        yield
    except OSError as error:
        raise SnmpTimeout(f"{where} cannot be reached: {error.strerror or error}") from None


class SnmpWire:
    """A conversation with one device; as an async context manager it opens and closes itself.

    `timeout` is in seconds for one request, which is sent at most `tries` times; `deadline` is in seconds for the
    whole conversation, counted from `open`. Requests are made one after another.
    """

    def __init__(
        self,
        address: str,
        port: int,
        credential: Credential,
        *,
        timeout: float = 2.0,
        tries: int = 3,
        deadline: float = 60.0,
    ) -> None:
        if credential.kind not in VERSIONS:
            raise InputError(
                f"credential {credential.name}: kind is {credential.kind!r}, expected {', '.join(VERSIONS)}"
            )
        self.where = format_sock_addr(address, port)
        self.credential = credential
        self._timeout, self.tries, self._seconds = timeout, tries, deadline
        self._ends = 0.0
        self._socket: Socket | None = None

    @property
    def engine_id(self) -> bytes | None:
        """The snmpEngineID that an SNMPv3 device gave of itself."""
        return self._socket.get_engine_id() if isinstance(self._socket, SnmpV3ClientSocket) else None

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def open(self) -> None:
        """Makes the socket; with SNMPv3 also learns engine id, boots and time (RFC 3414 section 4)."""
        self._ends = asyncio.get_running_loop().time() + self._seconds
        secret = self.credential.secret
        if self.credential.kind == "snmp-v3":
            await self._open_v3()
            return
        community = secret.get("community", "")
        if not community:
            raise InputError(f"credential {self.credential.name}: a community is needed")
        kind = SnmpV1ClientSocket if self.credential.kind == "snmp-v1" else SnmpV2cClientSocket
        with _told_as_timeout(self.where):
            self._socket = kind(self.where, community, 0, 0, 0, 0)

    async def _open_v3(self) -> None:
        user = v3_user(self.credential)
        # The engine id is asked for every time: one kept from the last time would save one of some thirty exchanges,
        # and make a device that was replaced look dead, since an agent is silent on the id of another.
        with _told_as_timeout(self.where):
            opened = SnmpV3ClientSocket(self.where, b"", "", 0, b"", 0, b"", 0, 0, 0, 0)
        self._socket = opened
        await self.ask(opened.send_refresh, opened.recv_refresh)
        keys = (user.get_auth_alg(), user.get_auth_key(), user.get_priv_alg(), user.get_priv_key())
        opened.set_keys(user.name, *keys)
        if user.require_auth():
            await self.ask(opened.send_refresh, opened.recv_refresh)

    def close(self) -> None:
        """Gives the socket back (the codec closes it with its last reference)."""
        self._socket = None

    @property
    def opened(self) -> Socket:
        if self._socket is None:
            raise SnmpError(f"{self.where}: the conversation is not open")
        return self._socket

    async def ask(self, send: Callable[[], None], receive: Callable[[], T]) -> T:
        """Sends until an answer comes, at most `tries` times and never past the deadline."""
        loop = asyncio.get_running_loop()
        for _ in range(self.tries):
            left = self._ends - loop.time()
            if left <= 0:
                raise SnmpTimeout(f"{self.where} was not read within {self._seconds:g} s")
            try:
                return await self._ask_once(send, receive, loop.time() + min(self._timeout, left))
            except _NoAnswer:
                continue
        raise SnmpTimeout(f"no answer from {self.where}")

    async def _ask_once(self, send: Callable[[], None], receive: Callable[[], T], ends: float) -> T:
        try:
            send()
        except BlockingIOError:
            # The send buffer is full: as good as a datagram lost on the way.
            await asyncio.sleep(min(0.05, self._timeout))
            raise _NoAnswer from None
        except OSError as error:
            raise SnmpTimeout(f"{self.where} cannot be reached: {error.strerror or error}") from None
        while await self._readable(ends):
            try:
                return receive()
            except BlockingIOError:
                continue  # an answer to an earlier request, dropped by its id
            except OSError:
                raise _NoAnswer from None  # ICMP: nobody listens there
            except gufo.NoSuchInstance:
                raise
            except gufo.SnmpAuthError:
                raise SnmpRefused(f"{self.where} refuses credential {self.credential.name}") from None
            except (gufo.SnmpError, ValueError, OverflowError, RuntimeError) as error:
                raise SnmpAnswerError(f"{self.where} sent what cannot be decoded: {error}") from None
            except BaseException as error:
                # The codec panics on some messages that are cut off inside a value. A panic passes every
                # `except Exception`: one bad device would end the whole round.
                if type(error).__module__ != "pyo3_runtime":
                    raise
                raise SnmpAnswerError(f"{self.where} sent what cannot be decoded") from None
        raise _NoAnswer

    async def _readable(self, ends: float) -> bool:
        """Waits for a datagram until `ends` on the loop's clock.

        A plain future and a timer: `asyncio.wait_for` of Python 3.11 returns its result instead of raising when the
        cancellation arrives together with the datagram, and a poll that the runner gave up would go on.
        """
        loop = asyncio.get_running_loop()
        arrival: asyncio.Future[bool] = loop.create_future()

        def wake(arrived: bool) -> None:
            if not arrival.done():
                arrival.set_result(arrived)

        descriptor = self.opened.get_fd()
        loop.add_reader(descriptor, wake, True)
        timer = loop.call_at(ends, wake, False)
        try:
            return await arrival
        finally:
            loop.remove_reader(descriptor)
            timer.cancel()
