"""What a push is made of, and how what was found is written in NetBox: names, slugs, and types of interfaces. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface

from inventory.netbox import FoundCable, FoundDevice, FoundInterface, Names
from inventory.text import fold, nfc
from inventory.words import Agency, Network

UNKNOWN = "Unknown"
"""The manufacturer and the type of what does not say who made it; NetBox has no device without."""
PRIMARY = "primary"
"""The interface of an address of which it is not known to which interface it belongs."""
_LATELY = 24 * 3600
_NAME, _SERIAL, _TEXT, _SLUG = 64, 50, 200, 100
_SPEEDS = (
    (400_000_000_000, "400gbase-x-qsfpdd"), (200_000_000_000, "200gbase-x-qsfp56"), (100_000_000_000,
    "100gbase-x-qsfp28"), (50_000_000_000, "50gbase-x-sfp56"), (40_000_000_000, "40gbase-x-qsfpp"), (25_000_000_000,
    "25gbase-x-sfp28"), (10_000_000_000, "10gbase-x-sfpp"), (5_000_000_000, "5gbase-t"), (2_500_000_000, "2.5gbase-t"),
    (1_000_000_000, "1000base-t"), (1, "100base-tx"),
)  # fmt: skip
_KINDS = {"loopback": "virtual", "tunnel": "virtual", "vlan": "virtual", "virtual": "virtual", "ppp": "virtual",
          "bridge": "bridge", "aggregate": "lag", "wireless": "other-wireless"}  # fmt: skip
NO_PORTS = ("virtual", "bridge", "lag", "other-wireless")
"""The types of interfaces into which no cable fits."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be told to NetBox."""

    devices: Sequence[FoundDevice]
    cables: Sequence[FoundCable]
    agencies: Mapping[str, Agency]
    """By code, as valid today."""
    networks: Sequence[Network]
    """Of all agencies, as valid today."""
    tenants: Mapping[str, int]
    """By the code of an agency, the tenant that is it."""
    matched: Mapping[int, int]
    """By NetBox's id of a device, the asset that it is."""
    titles: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By the code of an agency, all its names until now: what is called so has the name that Dophu gave it."""
    names: Names = field(default_factory=Names)
    by_name: bool = True
    """Whether a tenant or site that is called as an agency is that agency's."""
    make_places: bool = True
    """Whether tenants and sites are made for agencies that NetBox does not have."""


def slug_of(text: str) -> str:
    """A text as NetBox's slugs are: "Sở Y tế" becomes "so-y-te"."""
    plain = re.sub(r"[^a-z0-9_]+", "-", fold(text)).strip("-")[:_SLUG].strip("-")
    return plain or f"x-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def name_of(text: str) -> str:
    """A name of at most 64 characters, without what cannot be seen."""
    return clean(text, _NAME)


def clean(text: str, longest: int = _TEXT) -> str:
    """A text as NetBox keeps it."""
    return nfc("".join(c if c.isprintable() else " " for c in text))[:longest].strip()


def serial_of(text: str) -> str:
    """A serial of at most 50 characters."""
    return clean(text, _SERIAL)


def type_of(interface: FoundInterface) -> str:
    """NetBox's type of an interface, by its kind and speed; whether it is copper or fibre is not known."""
    kind = interface.kind or ""
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "ethernet" and interface.speed:
        return next(name for least, name in _SPEEDS if interface.speed >= least)
    return "other"


def mac_of(text: str) -> str:
    """A hardware address as NetBox writes it."""
    return text.upper()


def names_of(devices: Sequence[FoundDevice]) -> dict[int, str]:
    """By asset the name of each, no two of one agency alike: one that replaced another has its name and address."""
    told: dict[tuple[str, str], list[FoundDevice]] = {}
    for device in devices:
        told.setdefault((device.agency, fold(name_of(device.name))), []).append(device)
    names: dict[int, str] = {}
    for alike in told.values():
        places = Counter(device.address for device in alike)
        for device in alike:
            name = name_of(device.name)
            mark = device.address if device.address and places[device.address] == 1 else f"#{device.asset}"
            more = f" ({mark})" if len(alike) > 1 and mark != name else ""
            names[device.asset] = name[: _NAME - len(more)] + more
    return names


def addresses_of(device: FoundDevice, networks: Mapping[str, Network]) -> list[tuple[str, str, bool]]:
    """The addresses of a device: with the length of the prefix, the interface, and whether it is the primary one."""
    found: dict[str, tuple[str, str, bool]] = {}
    for text, interface in device.addresses:
        at = ip_interface(text)
        is_own = str(at.ip) == device.address
        if at.is_loopback or at.is_link_local or at.is_multicast or at.is_unspecified:
            continue
        if _is_of_all(at) and (is_own or at.version == 4):
            text = f"{at.ip}/{at.max_prefixlen}"  # the length is wrong: somebody has it
        elif _is_of_all(at):
            continue  # that of all routers of the network (RFC 4291, 2.6.1)
        found.setdefault(str(at.ip), (text, interface, is_own))
    if device.address and device.address not in found:
        where = ip_address(device.address)
        network = networks.get(device.network or "")
        length = network.prefix.prefixlen if network is not None and where in network.prefix else where.max_prefixlen
        found[device.address] = (f"{device.address}/{length}", PRIMARY, True)
    return list(found.values())


def told_last(claims: Sequence[tuple[FoundDevice, str]]) -> dict[tuple[str, str], set[int]]:
    """By agency and address, the assets that said lately that they have it: within a day of who said so last."""
    said: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for device, text in claims:
        at = device.placed.timestamp() if device.placed is not None else 0.0
        said.setdefault((device.agency, str(ip_interface(text).ip)), []).append((at, device.asset))
    return {place: {n for at, n in rows if at >= max(rows)[0] - _LATELY} for place, rows in said.items()}


def _is_of_all(at: IPv4Interface | IPv6Interface) -> bool:
    """Whether it is the first or last address of its network, which NetBox gives to no interface."""
    if at.network.prefixlen == 0:
        return True
    first = at.ip == at.network.network_address
    last = at.version == 4 and at.ip == at.network.broadcast_address
    return at.network.prefixlen < at.max_prefixlen - 1 and (first or last)
