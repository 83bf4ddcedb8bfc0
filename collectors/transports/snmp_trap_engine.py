"""pysnmp's engine as a receiver of notifications that answers an inform only when it is told to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.proto import error, rfc3411
from pysnmp.proto.api import v1, v2c
from pysnmp.proto.proxy import rfc2576

from collectors.transports.snmp_user import master_keys
from inventory.words import Credential

AUTH: Final[Mapping[str, tuple[int, ...]]] = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA224": config.USM_AUTH_HMAC128_SHA224,
    "SHA256": config.USM_AUTH_HMAC192_SHA256,
    "SHA384": config.USM_AUTH_HMAC256_SHA384,
    "SHA512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV: Final[Mapping[tuple[str, bool], tuple[int, ...]]] = {
    ("DES", False): config.USM_PRIV_CBC56_DES,
    ("AES", False): config.USM_PRIV_CFB128_AES,
    ("AES192", False): config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    ("AES256", False): config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    ("DES", True): config.USM_PRIV_CBC56_DES,
    ("AES", True): config.USM_PRIV_CFB128_AES,
    ("AES192", True): config.USM_PRIV_CFB192_AES,
    ("AES256", True): config.USM_PRIV_CFB256_AES,
}
"""By algorithm and whether short keys are stretched in Cisco's way."""

_SNMP_TRAP_OID: Final = "1.3.6.1.6.3.1.1.4.1.0"
_REASONS: Final = {
    "WrongDigest": "wrong_password",
    "AuthenticationFailure": "wrong_password",
    "DecryptionError": "wrong_password",
    "UnknownUserName": "unknown_user",
    "UnknownSecurityName": "unknown_user",
    "UnsupportedSecurityLevel": "too_little_security",
    "UnknownCommunityName": "unknown_community",
}
"""The engine's words for a refusal; all others are the normal course of finding out about each other."""

Value = int | str | bytes | None
Address = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A notification that is proven to be from who it claims."""

    oid: str
    """snmpTrapOID; of an SNMPv1 trap what RFC 3584 section 3.1 makes of it."""
    values: Mapping[str, Value]
    """By OID; OIDs and addresses as text."""
    confirmed: bool
    """Whether the sender waits for an answer."""
    mark: bytes
    """The same for an inform that is sent again."""
    state: tuple[Any, ...] = ()
    """What the engine needs to answer."""


class _Wire(AbstractTransportDispatcher):  # type: ignore[misc]
    """Gives the engine's messages to whoever owns the socket."""

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        super().__init__()
        self._send = send
        self.sent = False

    def send_message(self, outgoing: bytes, domain: tuple[int, ...], address: Address) -> None:
        self.sent = True
        self._send(outgoing, tuple(address))


class TrapEngine:
    """One engine: its id, its boots and its users; of two secrets for one user name it can know only one.

    It neither opens a socket nor runs by itself: `receive` does all that a datagram asks for.
    """

    def __init__(self, engine_id: bytes, boots: int, send: Callable[[bytes, Address], None]) -> None:
        """An engine that never had this id with this number of boots before (RFC 3414 section 2.2)."""
        # Given to the constructor, the id would make it keep its boots in a folder that all users share.
        self._engine: Any = SnmpEngine()
        framework = self._engine.get_mib_builder().import_symbols(
            "__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots"
        )
        framework[0].syntax = framework[0].syntax.clone(engine_id)
        framework[1].syntax = framework[1].syntax.clone(boots)
        self._engine.snmpEngineID = framework[0].syntax
        self._wire = _Wire(send)
        self._wire.set_timer_resolution(1)
        self._engine.register_transport_dispatcher(self._wire)
        kinds = (v1.TrapPDU.tagSet, v2c.SNMPv2TrapPDU.tagSet, v2c.InformRequestPDU.tagSet)
        self._engine.message_dispatcher.register_context_engine_id(b"", kinds, self._process)
        self._engine.observer.register_observer(
            self._note_failure, "rfc3412.prepareDataElements:sm-failure", "rfc2576.prepareDataElements:sm-failure"
        )
        self.secrets: dict[str, Mapping[str, str]] = {}
        self._known: set[tuple[str, bytes]] = set()
        self._got: Received | None = None
        self._datagram = b""
        self._failure: str | None = None

    @property
    def users(self) -> int:
        """How many pairs of user and engine it holds keys for."""
        return len(self._known)

    def fits(self, credential: Credential) -> bool:
        """Whether the credential's name for itself is free here, or already has this secret."""
        held = self.secrets.get(_name(credential))
        return held is None or held == dict(credential.secret)

    def learn(self, credential: Credential, engine_id: bytes) -> None:
        """Make the credential usable: an SNMPv3 user for one authoritative engine, ours or the sender's."""
        name = _name(credential)
        key = (name, engine_id if credential.kind == "snmp-v3" else b"")
        if key in self._known:
            return
        self.secrets[name] = dict(credential.secret)
        if credential.kind == "snmp-v3":
            auth, auth_key, priv, priv_key = master_keys(credential)
            cisco = credential.secret.get("key_expansion", "").lower() == "cisco"
            config.add_v3_user(
                self._engine,
                credential.secret["user"],
                AUTH[auth] if auth else config.USM_AUTH_NONE,
                auth_key,
                PRIV[priv, cisco] if priv else config.USM_PRIV_NONE,
                priv_key,
                securityEngineId=v2c.OctetString(engine_id),
                authKeyType=config.USM_KEY_TYPE_MASTER,
                privKeyType=config.USM_KEY_TYPE_MASTER,
            )
        else:
            config.add_v1_system(self._engine, f"c{len(self._known)}", credential.secret["community"])
        self._known.add(key)

    def receive(self, datagram: bytes, address: Address) -> Received | str | None:
        """What a datagram is: a notification, a word for why it is refused, or None for what leads to one.

        Raises whatever the engine does on what it cannot decode.
        """
        self._got, self._failure, self._wire.sent, self._datagram = None, None, False, datagram
        domain = udp6.DOMAIN_NAME if len(address) > 2 else udp.DOMAIN_NAME
        self._engine.message_dispatcher.receive_message(self._engine, domain, address, datagram)
        if self._got is not None or self._failure is not None:
            return self._got or self._failure
        return None if self._wire.sent else "undecodable"

    def answer(self, received: Received) -> None:
        """Tell the sender of an inform that it arrived: the response of RFC 3416 section 4.2.7."""
        *arguments, pdu, size, reference = received.state
        response = v2c.apiPDU.get_response(pdu)
        v2c.apiPDU.set_varbinds(response, v2c.apiPDU.get_varbinds(pdu))
        self._engine.message_dispatcher.return_response_pdu(self._engine, *arguments, response, size, reference, {})

    def tick(self) -> None:
        """Forget what was begun and never ended; to be called each second."""
        self._wire.handle_timer_tick(time.time())

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.unregister_transport_dispatcher()

    def _note_failure(self, _: Any, __: str, found: Mapping[str, Any], ___: Any) -> None:
        reason = found["statusInformation"].get("errorIndication")
        self._failure = _REASONS.get(type(reason).__name__, self._failure)

    def _process(
        self,
        engine: Any,
        processing: Any,
        model: Any,
        name: Any,
        level: Any,
        context_engine: Any,
        context: Any,
        version: Any,
        pdu: Any,
        size: Any,
        reference: Any,
    ) -> None:
        confirmed = pdu.tagSet in rfc3411.CONFIRMED_CLASS_PDUS
        told = rfc2576.v1_to_v2(pdu) if int(processing) == 0 else pdu
        values = {str(oid): _plain(value) for oid, value in v2c.apiPDU.get_varbinds(told)}
        mark = self._datagram
        if int(processing) == 3:
            # Sent again it is encrypted anew; what is in it is the same.
            mark = f"{name} {v2c.apiPDU.get_request_id(pdu)} {sorted(values.items())}".encode()
        state = (processing, model, name, level, context_engine, context, version, pdu, size, reference)
        self._got = Received(str(values.get(_SNMP_TRAP_OID) or ""), values, confirmed, mark, state if confirmed else ())


def _name(credential: Credential) -> str:
    """Under what the engine knows a credential: two of one name with two secrets need two engines."""
    secret = credential.secret
    return f"user {secret['user']}" if credential.kind == "snmp-v3" else f"community {secret['community']}"


def _plain(value: Any) -> Value:
    """A value of SNMP as one of Python's."""
    if isinstance(value, v2c.ObjectIdentifier):
        return str(value)
    # SNMPv1's addresses are of another class with the same tag.
    if getattr(value, "tagSet", None) == v2c.IpAddress.tagSet:
        return ".".join(str(octet) for octet in value.asOctets())
    if isinstance(value, v2c.Null):
        return None
    if hasattr(value, "asOctets"):
        return bytes(value.asOctets())
    return int(value)


FAILURES = (error.StatusInformation, error.ProtocolError)
"""What answering may raise when the engine has forgotten the inform."""
