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

from collectors.transports.snmp_datagram import (
    LARGEST,
    NOT_IN_TIME,
    REASONS,
    STATUSES,
    UNKNOWN_ENGINE,
    BadDatagramError,
    StrangeDatagramError,
    glance,
)
from collectors.transports.snmp_engines import ENGINES
from collectors.transports.snmp_user import v3_user
from collectors.transports.snmp_wait import Waiting
from inventory.words import Credential, InputError, Title

VERSIONS: Final = {"snmp-v1": 0, "snmp-v2c": 1, "snmp-v3": 3}
"""The versions as credentials name them, and as they are on the wire."""

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


class SnmpStatus(SnmpAnswerError):
    """The device answered with an error-status (RFC 3416 section 3); `index` is the object's place, from 1."""

    status = 0
    index = 0


class SnmpRefused(SnmpAnswerError):
    """The device does not accept the SNMPv3 user, a password or a protocol."""


class _Again(Exception):
    """The request has to be sent again, or the conversation opened anew."""


class _NoAnswer(_Again):
    """One request stayed without an answer."""


class _OtherTime(_Again):
    """The SNMPv3 engine told its boots and time, which the codec now has; the request has to be sent again."""


class _OtherEngine(_Again):
    """The SNMPv3 engine is not the one that was asked."""


@contextmanager
def _told_as_timeout(where: str) -> Iterator[None]:
    """Turns what the operating system says while a socket is made into an SnmpError."""
    try:
        yield
    except OSError as error:
        raise SnmpTimeout(f"{where} cannot be reached: {error.strerror or error}") from None


_peeked = bytearray(LARGEST + 1)
"""What is looked at of an answer; one for all, as nothing is awaited between looking and reading."""


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
                Title(
                    f"thông tin xác thực {credential.name}: gặp loại {credential.kind!r}, cần {', '.join(VERSIONS)}",
                    f"credential {credential.name}: kind is {credential.kind!r}, expected {', '.join(VERSIONS)}",
                )
            )
        self.where = format_sock_addr(address, port)
        self.credential = credential
        self._place = (address, port)
        self._version = VERSIONS[credential.kind]
        self._timeout, self.tries, self._seconds = timeout, tries, deadline
        self._ends = 0.0
        self._socket: Socket | None = None
        self.sent = 0
        """Datagrams with which something was asked, those sent again among them."""
        self._objects = 0
        """How many objects the last answer held; 0 where that cannot be seen, as with SNMPv3."""
        self._answered = 0
        """The id of the request that was answered last; 0 where there is none."""
        self._greeted = False
        self._waiting: Waiting | None = None

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
            raise InputError(
                Title(
                    f"thông tin xác thực {self.credential.name}: cần có community",
                    f"credential {self.credential.name}: a community is needed",
                )
            )
        kind = SnmpV1ClientSocket if self.credential.kind == "snmp-v1" else SnmpV2cClientSocket
        with _told_as_timeout(self.where):
            self._take(kind(self.where, community, 0, 0, 0, 0))

    async def _open_v3(self) -> None:
        user = v3_user(self.credential)
        keys = (user.get_auth_alg(), user.get_auth_key(), user.get_priv_alg(), user.get_priv_key())
        kept = ENGINES.get(*self._place) if user.require_auth() else None
        if kept:
            # An agent says nothing or gives its own id when asked by that of another: a device that was replaced.
            opened = SnmpV3ClientSocket(self.where, kept, user.name, *keys, 0, 0, 0, 0)
            with _told_as_timeout(self.where):
                self._take(opened)
            try:
                await self._exchange(opened.send_refresh, opened.recv_refresh, tries=1, kept=True)
                self._greeted = True
                return
            except (SnmpTimeout, _OtherEngine, _OtherTime):
                ENGINES.forget(*self._place)
            self.close()
        with _told_as_timeout(self.where):
            opened = SnmpV3ClientSocket(self.where, b"", "", 0, b"", 0, b"", 0, 0, 0, 0)
        self._take(opened)
        await self._exchange(opened.send_refresh, opened.recv_refresh)
        self._greeted = True
        # Its boots and time came along with the id, or come when it refuses the first request for them.
        opened.set_keys(user.name, *keys)

    def _take(self, opened: Socket) -> None:
        self._socket = opened
        self._waiting = Waiting(opened.get_fd(), ":" in self._place[0])

    def close(self) -> None:
        """Gives the socket back (the codec closes it with its last reference)."""
        if self._waiting:
            self._waiting.close()
        self._socket = self._waiting = None

    @property
    def opened(self) -> Socket:
        if self._socket is None:
            raise SnmpError(f"{self.where}: the conversation is not open")
        return self._socket

    async def ask(self, send: Callable[[], None], receive: Callable[[], T], tries: int | None = None) -> T:
        """Sends until an answer comes, at most `tries` times and never past the deadline."""
        try:
            answer = await self._exchange(send, receive, tries=tries)
        except SnmpTimeout as error:
            if self._greeted and self.credential.secret.get("priv"):
                # What is enciphered with a wrong key is dropped without a word.
                raise SnmpTimeout(f"{error}, which answered to its engine id: is the privacy password wrong?") from None
            raise
        if self._greeted:
            self._greeted = False
            if self.credential.secret.get("auth") and (engine_id := self.engine_id):
                ENGINES.keep(*self._place, engine_id)
        return answer

    async def _exchange(
        self, send: Callable[[], None], receive: Callable[[], T], *, tries: int | None = None, kept: bool = False
    ) -> T:
        loop = asyncio.get_running_loop()
        corrected = 0
        left = tries or self.tries
        while left:
            now = loop.time()
            if now >= self._ends:
                raise SnmpTimeout(f"{self.where} was not read within {self._seconds:g} s")
            try:
                return await self._ask_once(send, receive, min(now + self._timeout, self._ends), kept)
            except _NoAnswer:
                left -= 1
            except _OtherTime:
                corrected += 1
                if corrected > 2:
                    raise SnmpAnswerError(f"{self.where}: {REASONS[NOT_IN_TIME]}, however often it is told") from None
        raise SnmpTimeout(f"no answer from {self.where}")

    async def _ask_once(self, send: Callable[[], None], receive: Callable[[], T], ends: float, kept: bool) -> T:
        waiting = self._waiting
        if waiting is None:
            raise SnmpError(f"{self.where}: the conversation is not open")
        self.sent += 1
        try:
            send()
        except BlockingIOError:
            # The send buffer is full: as good as a datagram lost on the way.
            await asyncio.sleep(min(0.05, self._timeout))
            raise _NoAnswer from None
        except OSError as error:
            raise SnmpTimeout(f"{self.where} cannot be reached: {error.strerror or error}") from None
        answer = await waiting.until(lambda: self._look(waiting, receive, kept), ends)
        if answer is None:
            raise _NoAnswer
        return answer[0]

    def _look(self, waiting: Waiting, receive: Callable[[], T], kept: bool) -> tuple[T] | Exception | None:
        """What `_receive` gives or raises."""
        try:
            return self._receive(waiting, receive, kept)
        except (SnmpError, gufo.NoSuchInstance, _Again) as error:
            return error

    def _receive(self, waiting: Waiting, receive: Callable[[], T], kept: bool) -> tuple[T] | None:
        """The answer that is waiting, read by the codec; None where that was none to this request."""
        try:
            status, index, self._objects, number = glance(_peeked, waiting.peek(_peeked), self._version)
        except BlockingIOError:
            return None
        except StrangeDatagramError:
            waiting.drop()
            return None
        except BadDatagramError as error:
            waiting.drop()
            raise SnmpAnswerError(f"{self.where} sent what cannot be decoded: {error}") from None
        except OSError:
            raise _NoAnswer from None  # ICMP: nobody listens there
        if number and number == self._answered:
            # Two copies of an answer: the codec would pass over this one to the next, which we had not looked at.
            waiting.drop()
            return None
        try:
            answer = receive()
        except BlockingIOError:
            # An answer to an earlier request, dropped by its id; or one of another engine.
            if kept and status == UNKNOWN_ENGINE:
                raise _OtherEngine from None
            return None
        except OSError:
            raise _NoAnswer from None
        except gufo.NoSuchInstance:
            raise
        except gufo.SnmpAuthError:
            if status == NOT_IN_TIME:
                raise _OtherTime from None
            raise self._refusal(status) from None
        except (gufo.SnmpError, ValueError, OverflowError, RuntimeError) as error:
            raise SnmpAnswerError(f"{self.where} sent what cannot be decoded: {error}") from None
        except BaseException as error:
            # The codec panics on some messages that are cut off inside a value. A panic passes every
            # `except Exception`: one bad device would end the whole round.
            if type(error).__module__ != "pyo3_runtime":
                raise
            raise SnmpAnswerError(f"{self.where} sent what cannot be decoded") from None
        self._answered = number
        if status:
            self._judge(status, index)
        return (answer,)

    def _judge(self, status: int, index: int) -> None:
        """Raises what an error-status, or the reason of a report that the codec passed over, amounts to."""
        if self._version != 3:
            error = SnmpStatus(f"{self.where} answers with {STATUSES.get(status, f'error-status {status}')}")
            error.status, error.index = status, index
            raise error
        # Its engine id and its time are what a device is asked for while the conversation opens.
        if status not in (NOT_IN_TIME, UNKNOWN_ENGINE):
            raise self._refusal(status)

    def _refusal(self, reason: int) -> SnmpRefused:
        why = f": {REASONS[reason]}" if reason in REASONS else ""
        return SnmpRefused(f"{self.where} refuses credential {self.credential.name}{why}")
