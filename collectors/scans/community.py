"""Which hosts answer over SNMP to the community that everybody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from collectors.transports.nmap import IPAddress
from collectors.transports.snmp import Absent, SnmpClient, SnmpError
from collectors.transports.snmp_wire import SnmpStatus, SnmpTimeout
from inventory.words import Credential

__all__ = ["answer_to_public"]

PORT = 161
AT_ONCE = 32
"""Hosts asked at once at most; each is sent a datagram a second."""
SECONDS, TRIES = 1.0, 2
_OBJECT = "1.3.6.1.2.1.1.2.0"
"""sysObjectID (RFC 3418)."""
_KINDS = ("snmp-v2c", "snmp-v1")


async def answer_to_public(
    addresses: Collection[IPAddress], rate: int, port: int = PORT
) -> dict[IPAddress, bool | None]:
    """For each host whether it answers to "public", over SNMP v2c or v1: False is silence to both, None tells nothing.

    Args:
        rate: datagrams a second at most.
    """
    turns = asyncio.Semaphore(max(1, min(AT_ONCE, rate)))

    async def ask(address: IPAddress) -> bool | None:
        async with turns:
            said = [await _answers(address, port, kind) for kind in _KINDS]
        return True if True in said else None if None in said else False

    asked = list(addresses)
    return dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))


async def _answers(address: IPAddress, port: int, kind: str) -> bool | None:
    credential = Credential("the default community", kind, {"community": "public"})
    try:
        async with SnmpClient(str(address), port, credential, timeout=SECONDS, tries=TRIES) as client:
            found = await client.get_many([_OBJECT])
    except SnmpStatus:
        return True  # an error is an answer to the community all the same
    except SnmpTimeout:
        return False
    except (SnmpError, OSError):
        return None
    return not all(isinstance(value, Absent) for value in found.values())
