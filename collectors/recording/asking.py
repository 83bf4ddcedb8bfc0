"""Asks a device for what follows an OID, with the types of the values: SNMP v1 and v2c by `message`, v3 by pysnmp."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Protocol, Self

from collectors.recording.message import GET_BULK, GET_NEXT, request, response
from collectors.recording.snmprec import Oid, Row
from collectors.transports.snmp import SnmpAnswerError, SnmpRefused, SnmpTimeout
from collectors.transports.snmp_user import v3_user
from inventory.words import Credential

NO_SUCH_NAME = 2
TRIES = 4


class Asking(Protocol):
    """An open conversation with one device."""

    where: str
    single: bool
    """Whether it gives one object an answer (SNMP v1)."""

    async def following(self, oid: Oid, rows: int, tries: int = TRIES) -> Sequence[Row]:
        """The objects behind `oid`, about `rows` of them; none at the end of what the device shows.

        SnmpTimeout where no answer comes, SnmpAnswerError where it is no use.
        """
        ...


def ask(address: str, port: int, credential: Credential, seconds: float) -> AbstractAsyncContextManager[Asking]:
    """A conversation to be opened; `seconds` is how long to wait for the answer to one request."""
    if credential.kind == "snmp-v3":
        return UserConversation(address, port, credential, seconds)
    return CommunityConversation(address, port, credential, seconds)


def _where(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class CommunityConversation:
    """SNMP v1 or v2c."""

    def __init__(self, address: str, port: int, credential: Credential, seconds: float) -> None:
        self.where = _where(address, port)
        self.single = credential.kind == "snmp-v1"
        self._place, self._seconds = (address, port), seconds
        self._community = credential.secret.get("community", "").encode()
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            # Connected, the socket takes answers from nobody else.
            self._socket.connect(self._place)
        except OSError as error:
            self._socket.close()
            raise SnmpTimeout(f"{self.where} cannot be reached: {error.strerror or error}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket:
            self._socket.close()

    async def following(self, oid: Oid, rows: int, tries: int = TRIES) -> Sequence[Row]:
        """See `Asking`."""
        number = secrets.randbelow(2**31 - 1) + 1
        kind = GET_NEXT if self.single or rows == 1 else GET_BULK
        message = request(0 if self.single else 1, self._community, kind, number, oid, rows)
        unreadable = False
        for _ in range(tries):
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._exchange(message, number)
            except TimeoutError:
                continue
            except ValueError:
                unreadable = True
            except OSError as error:
                if not isinstance(error, ConnectionError):
                    raise SnmpTimeout(f"{self.where} cannot be reached: {error.strerror or error}") from None
        if unreadable:
            raise SnmpAnswerError(f"{self.where} sent what cannot be decoded")
        raise SnmpTimeout(f"no answer from {self.where}")

    async def _exchange(self, message: bytes, number: int) -> Sequence[Row]:
        assert self._socket is not None  # noqa: S101 (entered)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, message)
        while True:
            answer = response(await loop.sock_recv(self._socket, 65_535))
            if answer.id != number:
                continue  # to an earlier request
            if answer.status and not (self.single and answer.status == NO_SUCH_NAME):
                raise SnmpAnswerError(f"{self.where} answers with error-status {answer.status}")
            return [] if answer.status else answer.rows


class UserConversation:
    """SNMP v3. That pysnmp takes thirty times the processor time of the codec that collects does no harm here."""

    single = False

    def __init__(self, address: str, port: int, credential: Credential, seconds: float) -> None:
        v3_user(credential)  # InputError where the secret is none
        self.where = _where(address, port)
        self._place, self._seconds, self._credential = (address, port), seconds, credential

    async def __aenter__(self) -> Self:
        # pysnmp takes half a second to import: only those who record over SNMPv3 pay for it.
        import pysnmp.hlapi.v3arch.asyncio as pysnmp
        from pysnmp.error import PySnmpError

        kind: Any = pysnmp.Udp6TransportTarget if ":" in self._place[0] else pysnmp.UdpTransportTarget
        self._pysnmp: Any = pysnmp
        self._engine: Any = pysnmp.SnmpEngine()
        self._user: Any = _user(pysnmp, self._credential)
        try:
            self._target: Any = await kind.create(self._place, timeout=self._seconds, retries=TRIES - 1)
        except (PySnmpError, OSError) as error:
            raise SnmpTimeout(f"{self.where} cannot be reached: {error}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close_dispatcher()

    async def following(self, oid: Oid, rows: int, tries: int = TRIES) -> Sequence[Row]:
        """See `Asking`."""
        self._target.retries = tries - 1
        name = self._pysnmp.ObjectType(self._pysnmp.ObjectIdentity(oid))
        indication, status, _, bindings = await self._pysnmp.bulk_cmd(
            self._engine, self._user, self._target, self._pysnmp.ContextData(), 0, rows, name, lookupMib=False
        )
        if indication:
            text = str(indication)
            if "timeout" in text.lower() or "no snmp response" in text.lower():
                raise SnmpTimeout(f"no answer from {self.where}")
            # Its words name the user at times.
            raise SnmpRefused(f"{self.where} refuses credential {self._credential.name}")
        if status:
            raise SnmpAnswerError(f"{self.where} answers with error-status {int(status)}")
        found = []
        for given, value in bindings:
            tag = value.tagSet.superTags[-1]
            if tag.tagClass & 0x80:
                break  # noSuchObject, noSuchInstance, endOfMibView
            found.append(_row(tuple(int(arc) for arc in given), tag.tagClass | tag.tagId, value))
        return found


def _row(oid: Oid, tag: int, value: Any) -> Row:
    if tag == 6:
        return Row(oid, tag, tuple(int(arc) for arc in value))
    if hasattr(value, "asOctets"):
        return Row(oid, tag, bytes(value.asOctets()))
    return Row(oid, tag, b"" if tag == 5 else int(value))


def _user(pysnmp: Any, credential: Credential) -> Any:
    """The credential as pysnmp has it."""
    secret = credential.secret
    auth = _plain(secret.get("auth", ""), {"SHA1": "SHA"})
    priv = _plain(secret.get("priv", ""), {"AES128": "AES"})
    auths = {
        "MD5": pysnmp.usmHMACMD5AuthProtocol,
        "SHA": pysnmp.usmHMACSHAAuthProtocol,
        "SHA224": pysnmp.usmHMAC128SHA224AuthProtocol,
        "SHA256": pysnmp.usmHMAC192SHA256AuthProtocol,
        "SHA384": pysnmp.usmHMAC256SHA384AuthProtocol,
        "SHA512": pysnmp.usmHMAC384SHA512AuthProtocol,
    }
    cisco = secret.get("key_expansion", "").lower() == "cisco"
    privs = {
        "DES": pysnmp.usmDESPrivProtocol,
        "AES": pysnmp.usmAesCfb128Protocol,
        "AES192": pysnmp.usmAesCfb192Protocol if cisco else pysnmp.usmAesBlumenthalCfb192Protocol,
        "AES256": pysnmp.usmAesCfb256Protocol if cisco else pysnmp.usmAesBlumenthalCfb256Protocol,
    }
    given: dict[str, Any] = {}
    if auth:
        given |= {"authKey": secret["auth_password"], "authProtocol": auths[auth]}
    if priv:
        given |= {"privKey": secret["priv_password"], "privProtocol": privs[priv]}
    return pysnmp.UsmUserData(secret["user"], **given)


def _plain(name: str, aliases: dict[str, str]) -> str:
    name = name.upper().replace("-", "").replace("_", "")
    return aliases.get(name, name)
