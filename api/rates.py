"""How many packets a second may be sent into a network, so that its line is left to those who work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from api.config import ScanSettings
from inventory.refusing import meant
from inventory.words import InputError, Network, Register, Title

__all__ = ["rate_of"]

_PACKET_BITS = 480
"""A probe with its frame, in bits: 60 bytes."""
_SLOWEST = 8
"""Packets a second below which no sweep would end."""


def rate_of(
    network: Network, settings: ScanSettings, register: Register, day: date, beside: Collection[Network] = ()
) -> int:
    """Packets a second: as set for the network, else by the contracted rate of the agency's slowest line.

    Args:
        beside: the networks that are looked at in the same round; those of one agency share what its line may carry.

    Raises:
        InputError: the settings name a network that the register does not have.
    """
    codes = {n.code for n in register.networks}
    if unknown := sorted(settings.rates.keys() - codes):
        near = meant(unknown[0], codes)
        raise InputError(
            Title(
                f"scan.rates: gặp mạng {unknown[0]!r}{near.vi}",
                f"scan.rates: found the network {unknown[0]!r}{near.en}",
            )
        )
    if network.code in settings.rates:
        return settings.rates[network.code]
    lines = [line for line in register.links if line.agency == network.agency and line.valid_on(day)]
    contracted = [line.contracted_mbps for line in lines if line.contracted_mbps]
    if not contracted:
        return settings.rate
    sharing = min(settings.networks, max(1, sum(n.agency == network.agency for n in beside)))
    by_line = min(contracted) * 1_000_000 * settings.share / _PACKET_BITS / sharing
    return max(_SLOWEST, min(settings.rate, int(by_line)))
