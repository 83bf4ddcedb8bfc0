"""Reads what a device says beyond its identity: values and tables of its vendor's file, addresses, sensors."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.reading import addresses, sensors
from collectors.reading.makers import makers
from collectors.reading.readings import joined, rows_of, value_of, values_of_tables
from collectors.reading.standard import Portrait
from collectors.reading.tables import Columns, Rows, Walks
from collectors.transports.snmp import Absent, Answer, SnmpAnswerError, SnmpTimeout
from collectors.vendors import System, TableRead

_FIRST_VLAN, _NOT_ETHERNET = 1, range(1002, 1006)
_IN_USE = 1
"""vtpVlanState operational."""
_MOST_VLANS = 250
"""VLANs whose forwarding tables are read; every one costs a few requests."""
_MOST_MACS = 5_000
"""Rows of a forwarding table that are kept: a core switch knows every card of the province, and is no place to look."""


async def read_values(walks: Walks, portrait: Portrait, systems: Sequence[System]) -> None:
    """Reads the single facts that `systems` name, in as few requests as they fit; the first that says one has it."""
    wanted = [read for system in systems for read in system.values]
    oids = [oid for read in wanted if not read.take for oid in (read.at, read.divide) if oid]
    answers: dict[str, Answer | Absent] = dict(portrait.answers)
    try:
        answers |= await walks.client.get_many(oid for oid in oids if oid not in answers) if oids else {}
    except SnmpAnswerError as error:
        walks.tables.problems.append(str(error))
        answers |= error.read
    said = {oid: value for oid, value in answers.items() if not isinstance(value, Absent)}
    for read in wanted:
        if read.key in walks.tables.values:
            continue
        column: dict[str, Answer] = {}
        if read.take:
            column, whole = await walks.column(read.at)
            # A part of a column has another sum, number and mean than the whole.
            column = column if whole else {}
        if (value := value_of(read, said, list(column.values()))) is not None:
            walks.tables.values[read.key] = value


async def read_tables(walks: Walks, systems: Sequence[System], *, long: bool) -> None:
    """Reads the tables that `systems` name and the standard sensors; with `long` also those that are read seldom."""
    for read in (read for system in systems for read in system.tables):
        if long or not read.long:
            await _read_table(walks, read)
    await _read_sensors(walks)
    if long:
        await _read_own_addresses(walks)
        await _read_arp(walks)
        await _read_forwarding(walks, next((system.vlans for system in systems if system.vlans), None))
    for key, value in values_of_tables(walks.tables.rows).items():
        walks.tables.values.setdefault(key, value)


async def _read_table(walks: Walks, read: TableRead) -> None:
    columns: Columns = {}
    first, *others = read.columns
    try:
        ended = await walks.columns({first: read.columns[first]}, columns)
        if columns[first]:
            ended |= await walks.columns({cell: read.columns[cell] for cell in others}, columns)
    finally:
        rows = rows_of(read, columns)
        if rows:
            walks.tables.rows[read.key] = joined(walks.tables.rows.get(read.key, {}), rows)
    if first in ended:
        walks.tables.read.add(read.key)


async def _read_sensors(walks: Walks) -> None:
    columns: Columns = {}
    await walks.columns({"value": sensors.COLUMNS["value"]}, columns)
    if not columns["value"]:
        return
    await walks.columns({k: v for k, v in sensors.COLUMNS.items() if k != "value"}, columns)
    names: dict[str, Answer] = {}
    for column in (sensors.DESCR, sensors.NAME):
        wanted = [f"{column}.{index}" for index in columns["value"]]
        try:
            said = await walks.client.get_many(wanted)
        except SnmpAnswerError as error:
            said = error.read
        names |= {o.removeprefix(f"{column}."): v for o, v in said.items() if v and not isinstance(v, Absent)}
    found = sensors.sensor_rows(columns, names)
    if found:
        walks.tables.rows["sensor"] = joined(walks.tables.rows.get("sensor", {}), found)


async def _read_pair(walks: Walks, newer: tuple[str, str], older: tuple[str, str]) -> tuple[Columns, bool, bool]:
    """The two columns of a table, or where it is empty of the one that it replaced; which, and whether to the end."""
    columns: Columns = {}
    ended = await walks.columns({"first": newer[0]}, columns)
    before = not columns["first"]
    if before:
        ended &= await walks.columns({"first": older[0]}, columns)
    if columns["first"]:
        await walks.columns({"second": (older if before else newer)[1]}, columns)
    return columns, before, "first" in ended


async def _read_own_addresses(walks: Walks) -> None:
    columns, before, whole = await _read_pair(walks, addresses.OWN, addresses.OWN_BEFORE)
    rows = addresses.own_addresses(columns["first"], columns.get("second", {}), walks.tables.names, before=before)
    _keep(walks, "ip_address", rows, whole)


async def _read_arp(walks: Walks) -> None:
    columns, before, whole = await _read_pair(walks, addresses.ARP, addresses.ARP_BEFORE)
    rows = addresses.arp_rows(columns["first"], columns.get("second", {}), walks.tables.names, before=before)
    known = makers(str(row["mac"]) for row in rows.values())
    for row in rows.values():
        if maker := known.get(str(row["mac"])):
            row["maker"] = maker
    _keep(walks, "arp", rows, whole)


async def _read_forwarding(walks: Walks, vlans: str | None) -> None:
    columns, before, whole = await _read_pair(walks, addresses.FORWARDING, addresses.FORWARDING_BEFORE)
    numbers: list[int] = []
    if before and vlans:
        states, ended = await walks.column(vlans)
        numbers = sorted(number for index, state in states.items() if (number := _vlan(index)) and state == _IN_USE)
        whole &= ended
    if not columns["first"] and not numbers:
        return
    ports, _ = await walks.column(addresses.BRIDGE_PORT) if columns["first"] else ({}, True)
    names, own = walks.tables.names, _FIRST_VLAN if numbers else None
    rows = addresses.forwarding_rows(columns["first"], columns.get("second", {}), ports, names, own)
    whole &= await _read_vlans(walks, [number for number in numbers if number != _FIRST_VLAN], rows)
    if len(rows) > _MOST_MACS:
        walks.tables.problems.append(f"{walks.client.where}: {len(rows):,} rows in its forwarding table, not kept")
        return
    known = makers(rows)
    for mac, row in rows.items():
        if maker := known.get(mac):
            row["maker"] = maker
    _keep(walks, "forwarding", rows, whole)


async def _read_vlans(walks: Walks, numbers: Sequence[int], rows: Rows) -> bool:
    """Adds what the forwarding tables of these VLANs hold; whether all of them were read to the end.

    A device that answers for none of them does not keep them in this way: that is no failure.
    """
    answered = False
    for number in numbers[:_MOST_VLANS]:
        client = walks.client.of_vlan(number)
        if client is None:
            return False
        within = Walks(client, walks.tables)
        try:
            async with client:
                columns: Columns = {}
                found, states = addresses.FORWARDING_BEFORE
                ended = await within.columns({"first": found}, columns)
                answered = True
                if columns["first"]:
                    await within.columns({"second": states}, columns)
                    ports, _ = await within.column(addresses.BRIDGE_PORT)
                    more = addresses.forwarding_rows(
                        columns["first"], columns.get("second", {}), ports, walks.tables.names, number
                    )
                    for mac, row in more.items():
                        rows.setdefault(mac, row)
                if not ended:
                    return False
        except SnmpTimeout as error:
            if answered:
                walks.tables.problems.append(f"VLAN {number}: {error}")
            return False
    return len(numbers) <= _MOST_VLANS


def _vlan(index: str) -> int:
    """The number of an Ethernet VLAN by its row; 0 for the four that stand for token ring and FDDI."""
    number = int(index.rpartition(".")[2])
    return 0 if number in _NOT_ETHERNET else number


def _keep(walks: Walks, key: str, rows: Rows, whole: bool) -> None:
    if rows:
        walks.tables.rows[key] = rows
    if whole:
        walks.tables.read.add(key)
