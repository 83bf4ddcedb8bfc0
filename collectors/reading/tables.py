"""Reads the tables that most devices have: interfaces (IF-MIB, RFC 2863) and neighbours (LLDP-MIB, CISCO-CDP-MIB)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collectors.reading.ports import KINDS, is_port
from collectors.reading.text import as_mac, as_number, as_text
from collectors.transports.snmp import Answer, SnmpAnswerError, SnmpClient, SnmpError

_IF = "1.3.6.1.2.1.2.2.1"
_IFX = "1.3.6.1.2.1.31.1.1.1"
_IF_COLUMNS = {
    "descr": f"{_IF}.2",
    "name": f"{_IFX}.1",
    "type": f"{_IF}.3",
    "admin": f"{_IF}.7",
    "oper": f"{_IF}.8",
    "mac": f"{_IF}.6",
    "speed": f"{_IF}.5",
    "high_speed": f"{_IFX}.15",
    "alias": f"{_IFX}.18",
}
_COUNTED = ("descr", "type", "admin", "oper")
"""Columns that every interface has; some agents leave out one or the other, a few all but ifName."""
_STATES = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "not present", 7: "lower layer down"}
_CARDS = ("ethernet", "wireless")
"""Interfaces whose hardware address is the card's own; of bridges and tunnels it is made up or another's."""

#: lldpRemTable of IEEE 802.1AB-2005 and lldpV2RemTable of -2009: the first column's number, the rest follow in order.
_LLDP = ("1.0.8802.1.1.2.1.4.1.1", 4)
_LLDP_2 = ("1.3.111.2.802.1.1.13.1.4.1.1", 5)
_LLDP_COLUMNS = ("chassis_kind", "chassis", "port_kind", "port", "port_description", "sysname")
_LLDP_LOCAL_PORT = "1.0.8802.1.1.2.1.3.7.1"
_CDP = "1.3.6.1.4.1.9.9.23.1.2.1.1"
_MAC_IN_CHASSIS, _MAC_IN_PORT = 4, 3
"""LldpChassisIdSubtype and LldpPortIdSubtype of a MAC address."""


@dataclass(slots=True)
class Tables:
    """What was read of a device's tables, by row; `problems` names what was not."""

    interfaces: dict[str, dict[str, object]] = field(default_factory=dict)
    """By name, or by index where there is none."""
    interfaces_read: bool = False
    """Whether the table of interfaces was read to its end, so that its rows can be counted."""
    neighbours: dict[str, dict[str, object]] = field(default_factory=dict)
    """By local port and remote id."""
    neighbours_read: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def ports(self) -> int:
        """How many interfaces are ports of their own."""
        return sum(is_port(name, row) for name, row in self.interfaces.items())

    @property
    def up(self) -> int:
        """How many of those work."""
        return sum(row.get("oper") == "up" and is_port(name, row) for name, row in self.interfaces.items())

    def count(self, kind: str) -> int:
        """How many interfaces are of one type."""
        return sum(row.get("type") == kind for row in self.interfaces.values())

    @property
    def macs(self) -> list[str]:
        """The hardware addresses of the network cards."""
        macs = [row.get("mac") for row in self.interfaces.values() if row.get("type") in _CARDS]
        return list(dict.fromkeys(str(mac) for mac in macs if mac))


class TableReader:
    """Reads tables over an open conversation; what was read before a SnmpTimeout stays in `tables`."""

    def __init__(self, client: SnmpClient) -> None:
        self.client = client
        self.tables = Tables()

    async def run(self) -> Tables:
        """Reads interfaces, then neighbours."""
        names = await self._interfaces()
        await self._neighbours(names)
        return self.tables

    async def _walk(self, column: str) -> tuple[dict[str, Answer], bool]:
        """A column's rows, and whether they are all of them."""
        try:
            return await self.client.walk(column), True
        except SnmpAnswerError as error:
            self.tables.problems.append(str(error))
            return error.read, False

    async def _interfaces(self) -> dict[str, str]:
        """Reads the interfaces; gives their names by index."""
        columns: dict[str, dict[str, Answer]] = {}
        counted = False
        try:
            for name, column in _IF_COLUMNS.items():
                columns[name], whole = await self._walk(column)
                counted = counted or (whole and name in (*_COUNTED, "name") and bool(columns[name]))
                if name == "type" and not any(columns.values()):
                    break
        except SnmpError as error:
            columns[name] = error.read
            raise
        finally:
            self.tables.interfaces = _interface_rows(columns)
        # A device without any interface does not exist; an empty table is one that it does not show.
        self.tables.interfaces_read = counted
        return {str(row["index"]): name for name, row in self.tables.interfaces.items()}

    async def _neighbours(self, names: Mapping[str, str]) -> None:
        lldp, whole = await self._lldp(*_LLDP, names)
        if not lldp:
            lldp, whole = await self._lldp(*_LLDP_2, names)
        cdp, cdp_whole = await self._walk(f"{_CDP}.6")
        if cdp:
            remote_ports, _ = await self._walk(f"{_CDP}.7")
            self._add_cdp(cdp, remote_ports, names)
        self.tables.neighbours_read = whole and cdp_whole and bool(lldp or cdp)

    async def _lldp(self, table: str, start: int, names: Mapping[str, str]) -> tuple[bool, bool]:
        """Adds the rows of one table; whether there were any, and whether it was read to its end."""
        chassis, whole = await self._walk(f"{table}.{start + 1}")
        if not chassis:
            return False, whole
        columns = {"chassis": chassis}
        for place, name in enumerate(_LLDP_COLUMNS):
            if name != "chassis":
                columns[name], _ = await self._walk(f"{table}.{start + place}")
        ports, _ = await self._walk(f"{_LLDP_LOCAL_PORT}.3")
        kinds, _ = await self._walk(f"{_LLDP_LOCAL_PORT}.2")
        self.tables.neighbours |= _lldp_rows(columns, ports, kinds, names)
        return True, whole

    def _add_cdp(self, devices: Mapping[str, Answer], ports: Mapping[str, Answer], names: Mapping[str, str]) -> None:
        """Adds what CDP saw and LLDP did not."""
        known = {(str(row["local_port"]), _host(row.get("sysname"))) for row in self.tables.neighbours.values()}
        for index, value in devices.items():
            device, port = as_text(value), as_text(ports.get(index))
            local = index.split(".")[0]
            local = names.get(local, local)
            if device is None or (local, _host(device)) in known:
                continue
            row: dict[str, object] = {"local_port": local, "sysname": device, "port": port, "protocol": "cdp"}
            self.tables.neighbours[f"{local} {device}"] = {k: v for k, v in row.items() if v is not None}


def _host(name: object) -> str:
    """A host name without its domain: LLDP tells one, CDP the other form."""
    return str(name or "").split(".")[0].split("(")[0].lower()


def _interface_rows(columns: Mapping[str, Mapping[str, Answer]]) -> dict[str, dict[str, object]]:
    """The interfaces by name; two of one name are told apart by their index."""
    indexes = dict.fromkeys(index for name in _COUNTED for index in columns.get(name, {}))
    indexes = indexes or dict.fromkeys(columns.get("name", {}))
    rows: dict[str, dict[str, object]] = {}
    for index in indexes:
        at = {name: column.get(index) for name, column in columns.items()}
        kind = as_number(at.get("type"))
        megabits, bits = as_number(at.get("high_speed")), as_number(at.get("speed"))
        row: dict[str, object | None] = {
            "index": int(index) if index.isdecimal() else index,
            "description": as_text(at.get("descr")),
            "alias": as_text(at.get("alias")),
            "type": KINDS.get(kind, str(kind)) if kind is not None else None,
            "admin": _STATES.get(as_number(at.get("admin")) or 0),
            "oper": _STATES.get(as_number(at.get("oper")) or 0),
            # Above 4.29 Gbit/s ifSpeed stands still; ifHighSpeed is in Mbit/s (RFC 2863 section 3.1.8).
            "speed": megabits * 1_000_000 if megabits else bits,
            "mac": as_mac(at.get("mac")),
        }
        name = as_text(at.get("name")) or as_text(at.get("descr")) or index
        rows[f"{name} ({index})" if name in rows else name] = {k: v for k, v in row.items() if v is not None}
    return rows


def _lldp_rows(
    columns: Mapping[str, Mapping[str, Answer]],
    ports: Mapping[str, Answer],
    kinds: Mapping[str, Answer],
    names: Mapping[str, str],
) -> dict[str, dict[str, object]]:
    """Neighbours from lldpRemTable (IEEE 802.1AB); its index is time mark, local port, running number."""
    rows: dict[str, dict[str, object]] = {}
    for index, chassis in columns["chassis"].items():
        parts = index.split(".")
        local = parts[1] if len(parts) > 2 else index
        told = None if as_number(kinds.get(local)) == _MAC_IN_PORT else as_text(ports.get(local))
        remote = _identifier(chassis, as_number(columns["chassis_kind"].get(index)) == _MAC_IN_CHASSIS)
        row = {
            "local_port": told or names.get(local, local),
            "chassis": remote,
            "port": _identifier(columns["port"].get(index), as_number(columns["port_kind"].get(index)) == _MAC_IN_PORT),
            "port_description": as_text(columns["port_description"].get(index)),
            "sysname": as_text(columns["sysname"].get(index)),
            "protocol": "lldp",
        }
        item = f"{row['local_port']} {remote or row['sysname'] or index}"
        rows[f"{item} ({index})" if item in rows else item] = {k: v for k, v in row.items() if v is not None}
    return rows


def _identifier(value: Answer | None, hardware: bool) -> str | None:
    """A chassis or port id as text: a hardware address where its kind, or its octets, say so."""
    mac = as_mac(value) if hardware or (isinstance(value, bytes) and len(value) == 6 and not value.isascii()) else None
    return mac or as_text(value)
