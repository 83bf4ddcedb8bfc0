"""Keeps what is asked inside the register: one host, of a network that may be scanned."""

from __future__ import annotations

from ipaddress import ip_address

from collectors.transports.icmp import IPAddress
from inventory.words import InputError, Target

__all__ = ["read_host"]


def read_host(target: Target) -> IPAddress:
    """The address of a target that is one host; nothing may be sent to it before this was asked.

    Raises:
        InputError: it is no address of one host, it lies outside the target's network, or that may not be scanned.
    """
    try:
        address = ip_address(target.address)
    except ValueError:
        raise InputError(f"{target.label}: found {target.address!r}, expected an IP address") from None
    if getattr(address, "scope_id", None) is not None or address.is_multicast or address.is_unspecified:
        raise InputError(f"{target.label}: found {address}, expected the address of one host")
    network = target.network
    if network is not None and address not in network.prefix:
        raise InputError(f"{target.label}: found {address}, expected an address in {network.prefix}")
    if network is not None and not network.scan:
        raise InputError(f"network {network.code} may not be scanned: scan is no in the register")
    return address
