"""Reads addresses from their tables: a device's own (IP-MIB), ARP and ND, and what hangs on which port (BRIDGE-MIB)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from collectors.reading.text import as_mac, as_number
from collectors.transports.snmp import Answer

Row = dict[str, object]
Rows = dict[str, Row]
IPAddress = IPv4Address | IPv6Address

_IP = "1.3.6.1.2.1.4"
#: RFC 4293: ipAddressIfIndex and ipAddressPrefix; before it ipAdEntIfIndex and ipAdEntNetMask (RFC 1213).
OWN = (f"{_IP}.34.1.3", f"{_IP}.34.1.5")
OWN_BEFORE = (f"{_IP}.20.1.2", f"{_IP}.20.1.3")
#: ipNetToPhysicalPhysAddress and -Type (RFC 4293); before it ipNetToMediaPhysAddress and -Type (RFC 1213).
ARP = (f"{_IP}.35.1.4", f"{_IP}.35.1.6")
ARP_BEFORE = (f"{_IP}.22.1.2", f"{_IP}.22.1.4")
#: dot1qTpFdbPort and -Status (RFC 4363), by filtering database and MAC; dot1dTpFdbPort and -Status (RFC 4188), by MAC.
FORWARDING = ("1.3.6.1.2.1.17.7.1.2.2.1.2", "1.3.6.1.2.1.17.7.1.2.2.1.3")
FORWARDING_BEFORE = ("1.3.6.1.2.1.17.4.3.1.2", "1.3.6.1.2.1.17.4.3.1.3")
#: dot1dBasePortIfIndex: the interface of each port of the bridge.
BRIDGE_PORT = "1.3.6.1.2.1.17.1.4.1.2"

_INVALID, _LOCAL_ARP = 2, 5
"""ipNetToPhysicalType: an entry that is none any more, and the device's own address."""
_LEARNED = 3
"""dot1dTpFdbStatus of an address seen on the port; the others are the device's own or were typed in."""


def own_addresses(
    found: Mapping[str, Answer], prefixes: Mapping[str, Answer], names: Mapping[str, str], *, before: bool = False
) -> Rows:
    """The device's addresses: interface and length of the prefix, by address.

    Args:
        found: interface indexes by the table's index. prefixes: its prefix, or with `before` its mask.
        names: interface names by index.
    """
    rows: Rows = {}
    for index, number in found.items():
        address = _address(index.split("."), typed=not before)
        if address is None or address.is_loopback or address.is_unspecified:
            continue
        row: Row = {"interface": names.get(str(as_number(number)), str(as_number(number)))}
        length = _mask(prefixes.get(index)) if before else _last_arc(prefixes.get(index), address)
        rows[str(address)] = row | ({"prefix": length} if length is not None else {})
    return rows


def arp_rows(
    found: Mapping[str, Answer], kinds: Mapping[str, Answer], names: Mapping[str, str], *, before: bool
) -> Rows:
    """Who was seen at which address: MAC and interface by address."""
    rows: Rows = {}
    for index, value in found.items():
        interface, *rest = index.split(".")
        address, mac = _address(rest, typed=not before), as_mac(value)
        if address is None or mac is None or address.is_multicast or address.is_link_local or address.is_loopback:
            continue
        if as_number(kinds.get(index)) in ((_INVALID,) if before else (_INVALID, _LOCAL_ARP)):
            continue
        rows[str(address)] = {"mac": mac, "interface": names.get(interface, interface)}
    return rows


def forwarding_rows(
    found: Mapping[str, Answer],
    states: Mapping[str, Answer],
    ports: Mapping[str, Answer],
    names: Mapping[str, str],
    vlan: int | None = None,
) -> Rows:
    """What hangs on which port: the port's name and the VLAN, by MAC.

    Args:
        vlan: the one that the table is of; where it is not given, the table's index may have it.
    """
    rows: Rows = {}
    for index, port in found.items():
        arcs = index.split(".")
        mac = _mac(arcs[-6:])
        state = as_number(states.get(index))
        if mac is None or not as_number(port) or (state is not None and state != _LEARNED):
            continue
        interface = str(
            as_number(
                ports.get(str(as_number(port))),
            )
            or ""
        )
        row: Row = {"port": names.get(interface, interface or f"bridge port {as_number(port)}")}
        if len(arcs) == 7:
            row["vlan"] = int(arcs[0])
        elif vlan is not None:
            row["vlan"] = vlan
        rows.setdefault(mac, row)
    return rows


def _address(arcs: Sequence[str], *, typed: bool) -> IPAddress | None:
    """The address that is a table's index: four arcs, or with its InetAddressType and length in front (RFC 4001)."""
    try:
        numbers = [int(arc) for arc in arcs]
        if typed:
            size = numbers[1]
            # Some agents leave the length out; types 3 and 4 have a zone of four octets behind the address.
            octets = numbers[2 : 2 + (16 if size in (16, 20) else 4)] if size in (4, 8, 16, 20) else numbers[1:]
        else:
            octets = numbers
        return ip_address(bytes(octets)) if len(octets) in (4, 16) else None
    except (ValueError, IndexError):
        return None


def _last_arc(pointer: Answer | None, address: IPAddress) -> int | None:
    """The length of a prefix: the last arc of the RowPointer to it; zero-dot-zero says nothing."""
    last = str(pointer).rpartition(".")[2] if isinstance(pointer, str) else ""
    return int(last) if last.isdecimal() and 0 < int(last) <= address.max_prefixlen else None


def _mask(value: Answer | None) -> int | None:
    try:
        bits = f"{int(IPv4Address(str(value))):032b}"
    except ValueError:
        return None
    return bits.count("1") if "01" not in bits else None


def _mac(arcs: Sequence[str]) -> str | None:
    try:
        return as_mac(bytes(int(arc) for arc in arcs)) if len(arcs) == 6 else None
    except ValueError:
        return None
