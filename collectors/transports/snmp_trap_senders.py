"""Who may send notifications: the networks of the register, each with the credentials of its devices."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.transports.snmp_trap_header import Header
from inventory.words import Credential, InputError, Network, Title


@dataclass(frozen=True, slots=True)
class Sender:
    """The network that a notification comes from, and the credential that it has to be proven by."""

    network: Network
    credential: Credential

    @property
    def level(self) -> int:
        """The least level of security (1-3) of a notification under this credential."""
        secret = self.credential.secret
        return 1 + bool(secret.get("auth")) + bool(secret.get("priv"))


class UnknownSenderError(Exception):
    """Nobody of the register sends this; `reason` is a word for counting."""

    def __init__(self, reason: str) -> None:
        """Keep the reason: one of the receiver's words."""
        super().__init__(reason)
        self.reason = reason


class Senders:
    """The networks by address: an address counts only inside them."""

    def __init__(self, networks: Iterable[Network] = (), credentials: Iterable[Credential] = ()) -> None:
        """Index the networks; of each the credentials that it names and that are among those opened."""
        opened = {credential.name: credential for credential in credentials}
        self.named: dict[str, tuple[Credential, ...]] = {}
        self._by_prefix: dict[tuple[int, int], dict[int, list[Network]]] = {}
        for network in networks:
            prefix = network.prefix
            place = self._by_prefix.setdefault((prefix.version, prefix.prefixlen), {})
            place.setdefault(int(prefix.network_address), []).append(network)
            self.named[network.code] = tuple(opened[name] for name in network.credentials if name in opened)
        self._lengths = sorted(self._by_prefix, reverse=True)

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Every credential that some network names, each once."""
        return tuple({c.name: c for credentials in self.named.values() for c in credentials}.values())

    def networks_of(self, address: str) -> list[list[Network]]:
        """The networks that hold an address, the narrowest first; those of one length together."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return []
        bits, number, found = parsed.max_prefixlen, int(parsed), []
        for version, length in self._lengths:
            if version == parsed.version:
                start = number >> (bits - length) << (bits - length)
                if networks := self._by_prefix[version, length].get(start):
                    found.append(networks)
        return found

    def identify(self, address: str, header: Header) -> Sender:
        """Who a notification claims to be from.

        Where networks of several agencies hold the address, only the credential can tell them apart.

        Raises:
            UnknownSenderError: unknown_sender: no network holds the address. unknown_community, unknown_user: none of
                its networks' credentials has that. ambiguous_sender: those of several agencies have it.
        """
        held = self.networks_of(address)
        if not held:
            raise UnknownSenderError("unknown_sender")
        for networks in held:
            found = [Sender(n, c) for n in networks for c in self.named[n.code] if _fits(c, header)]
            if len({s.network.agency for s in found}) > 1:
                raise UnknownSenderError("ambiguous_sender")
            if found:
                return found[0]
        raise UnknownSenderError("unknown_user" if header.version == 3 else "unknown_community")


def _fits(credential: Credential, header: Header) -> bool:
    """Whether a notification claims to be under this credential; a device polled by v1 or v2c may send either."""
    if header.version == 3:
        # Who asks for our engine id need not name a user yet.
        return credential.kind == "snmp-v3" and (
            not header.engine_id or credential.secret.get("user", "").encode() == header.user
        )
    return credential.kind in ("snmp-v1", "snmp-v2c") and (
        credential.secret.get("community", "").encode() == header.community
    )


def check_listener(text: str) -> tuple[str, int]:
    """The address and port of a text such as "0.0.0.0:162" or "[::]:10162".

    Raises:
        InputError: it is none.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        colon = ""
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InputError(
            Title(
                f"traps: gặp {text!r}, cần địa chỉ và cổng như 0.0.0.0:162 hoặc [::]:162",
                f"traps: found {text!r}, expected an address and a port such as 0.0.0.0:162 or [::]:162",
            )
        )
    return host, int(port)
