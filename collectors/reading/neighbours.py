"""Reads who is on the other end of each port: neighbours by LLDP (IEEE 802.1AB) and by CDP (CISCO-CDP-MIB)."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.reading.tables import Columns, Rows, Walks
from collectors.reading.text import as_mac, as_number, as_words
from collectors.transports.snmp import Answer

#: lldpRemTable of IEEE 802.1AB-2005 and lldpV2RemTable of -2009: the first column's number, the rest follow in order.
_LLDP = ("1.0.8802.1.1.2.1.4.1.1", 4)
_LLDP_2 = ("1.3.111.2.802.1.1.13.1.4.1.1", 5)
_LLDP_COLUMNS = ("chassis_kind", "chassis", "port_kind", "port", "port_description", "sysname")
_LLDP_LOCAL_PORT = "1.0.8802.1.1.2.1.3.7.1"
_CDP = "1.3.6.1.4.1.9.9.23.1.2.1.1"
_MAC_IN_CHASSIS, _MAC_IN_PORT = 4, 3
"""LldpChassisIdSubtype and LldpPortIdSubtype of a MAC address."""


async def read_neighbours(walks: Walks) -> None:
    """Reads the neighbours, LLDP's first, into the tables of `walks`; needs the interfaces' names there."""
    tables, names = walks.tables, walks.tables.names
    rows = tables.rows.setdefault("neighbour", {})
    lldp, whole = await _read_lldp(walks, *_LLDP, names)
    if not lldp:
        lldp, whole = await _read_lldp(walks, *_LLDP_2, names)
    cdp, cdp_whole = await walks.column(f"{_CDP}.6")
    if cdp:
        remote_ports, _ = await walks.column(f"{_CDP}.7")
        _add_cdp(rows, cdp, remote_ports, names)
    if whole and cdp_whole:
        tables.read.add("neighbour")


async def _read_lldp(walks: Walks, table: str, start: int, names: Mapping[str, str]) -> tuple[bool, bool]:
    """Adds the rows of one table; whether there were any, and whether it was read to its end."""
    chassis, whole = await walks.column(f"{table}.{start + 1}")
    if not chassis:
        return False, whole
    columns: Columns = {"chassis": chassis}
    others = {name: f"{table}.{start + n}" for n, name in enumerate(_LLDP_COLUMNS) if name != "chassis"}
    await walks.columns(others, columns)
    ports, _ = await walks.column(f"{_LLDP_LOCAL_PORT}.3")
    kinds, _ = await walks.column(f"{_LLDP_LOCAL_PORT}.2")
    walks.tables.rows["neighbour"] |= _lldp_rows(columns, ports, kinds, names)
    return True, whole


def _add_cdp(rows: Rows, devices: Mapping[str, Answer], ports: Mapping[str, Answer], names: Mapping[str, str]) -> None:
    """Adds what CDP saw and LLDP did not."""
    known = {(str(row["local_port"]), _host(row.get("sysname"))) for row in rows.values()}
    for index, value in devices.items():
        device, port = as_words(value), as_words(ports.get(index))
        local = index.split(".")[0]
        local = names.get(local, local)
        if device is None or (local, _host(device)) in known:
            continue
        row: dict[str, object] = {"local_port": local, "sysname": device, "port": port, "protocol": "cdp"}
        rows[f"{local} {device}"] = {k: v for k, v in row.items() if v is not None}


def _host(name: object) -> str:
    """A host name without its domain: LLDP tells one, CDP the other form."""
    return str(name or "").split(".")[0].split("(")[0].lower()


def _lldp_rows(
    columns: Mapping[str, Mapping[str, Answer]],
    ports: Mapping[str, Answer],
    kinds: Mapping[str, Answer],
    names: Mapping[str, str],
) -> Rows:
    """Neighbours from lldpRemTable (IEEE 802.1AB); its index is time mark, local port, running number."""
    rows: Rows = {}
    for index, chassis in columns["chassis"].items():
        parts = index.split(".")
        local = parts[1] if len(parts) > 2 else index
        told = None if as_number(kinds.get(local)) == _MAC_IN_PORT else as_words(ports.get(local))
        remote = _identifier(chassis, as_number(columns["chassis_kind"].get(index)) == _MAC_IN_CHASSIS)
        row = {
            "local_port": told or names.get(local, local),
            "chassis": remote,
            "port": _identifier(columns["port"].get(index), as_number(columns["port_kind"].get(index)) == _MAC_IN_PORT),
            "port_description": as_words(columns["port_description"].get(index)),
            "sysname": as_words(columns["sysname"].get(index)),
            "protocol": "lldp",
        }
        if not (remote or row["sysname"] or row["port"]):
            continue  # nobody knows what is there
        item = f"{row['local_port']} {remote or row['sysname'] or index}"
        rows[f"{item} ({index})" if item in rows else item] = {k: v for k, v in row.items() if v is not None}
    return rows


def _identifier(value: Answer | None, hardware: bool) -> str | None:
    """A chassis or port id as text: a hardware address where its kind, or its octets, say so."""
    mac = as_mac(value) if hardware or (isinstance(value, bytes) and len(value) == 6 and not value.isascii()) else None
    return mac or as_words(value)
