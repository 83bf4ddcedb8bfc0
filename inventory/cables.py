"""Which asset's port leads to which other's, by the devices' words on their neighbours and forwarding tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.identity import normalise
from inventory.text import fold


@dataclass(frozen=True, slots=True)
class Seen:
    """One device's word on a neighbour: a row of its neighbour table."""

    asset: int
    port: str
    chassis: str | None = None
    sysname: str | None = None
    remote_port: str | None = None
    remote_description: str | None = None


@dataclass(frozen=True, slots=True)
class Cable:
    """A connection between two ports, `asset` being the smaller number; `both` where each end names the other."""

    asset: int
    port: str
    other: int
    other_port: str | None
    both: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """The port of a device behind which a hardware address was seen, and how many others were seen there."""

    mac: str
    asset: int
    port: str
    shared: int


def find_cables(
    seen: Iterable[Seen],
    macs: Mapping[str, int],
    names: Mapping[str, int | None],
    ports: Mapping[int, Mapping[str, str]],
) -> tuple[Cable, ...]:
    """The cables between known assets.

    A neighbour is known by a hardware address, or by a name that only one asset has. What one end calls a port and the
    other end calls it otherwise (Gi1/0/1, GigabitEthernet1/0/1) is one port by what the device itself says.

    Args:
        seen: every row of a neighbour table.
        macs: the asset by normalised hardware address.
        names: the asset by folded host name (see `host_key`); None where several have it.
        ports: by asset, the name of the port by its folded name, description or alias.
    """
    ends: dict[tuple[int, str, int], str | None] = {}
    for row in seen:
        other = _who(row, macs, names)
        if other is None or other == row.asset:
            continue
        known = ports.get(other, {})
        told = [text for text in (row.remote_port, row.remote_description) if text]
        port = next((known[port_key(text)] for text in told if port_key(text) in known), told[0] if told else None)
        local = ports.get(row.asset, {}).get(port_key(row.port), row.port)
        ends[row.asset, local, other] = port
    cables: dict[tuple[int, str, int, str | None], Cable] = {}
    for (asset, port, other), other_port in sorted(ends.items(), key=lambda end: (end[0], end[1] or "")):
        back = other_port is not None and (other, other_port, asset) in ends
        if asset < other:
            cables[asset, port, other, other_port] = Cable(asset, port, other, other_port, back)
        elif not back:
            cables[other, other_port or "", asset, port] = Cable(other, other_port or "", asset, port)
    return tuple(cables.values())


def find_attachments(rows: Iterable[tuple[int, str, str]]) -> dict[str, tuple[Attachment, ...]]:
    """By hardware address the ports behind which it was seen, the nearest first: that with the fewest others.

    Args:
        rows: asset, its port, and the hardware address, of every forwarding table.
    """
    listed = sorted(set(rows))
    crowd: dict[tuple[int, str], int] = {}
    for asset, port, _ in listed:
        crowd[asset, port] = crowd.get((asset, port), 0) + 1
    found: dict[str, list[Attachment]] = {}
    for asset, port, mac in listed:
        found.setdefault(mac, []).append(Attachment(mac, asset, port, crowd[asset, port] - 1))
    return {mac: tuple(sorted(places, key=lambda a: (a.shared, a.asset, a.port))) for mac, places in found.items()}


def host_key(name: str) -> str:
    """A host name as it is compared: without domain and serial ("sw1.tinh.vn", "SW1(FOC1234)"), accents and case."""
    return fold(re.split(r"[.(]", name, maxsplit=1)[0]).strip()


def port_key(name: str) -> str:
    """A port's name as it is compared: "GigabitEthernet1/0/1" and "Gi1/0/1" have one."""
    plain = re.sub(r"\s+", "", fold(name))
    matched = re.fullmatch(r"([a-z-]+?)(?:ernet|ethernet)?[-_]?([\d/.:]+)", plain)
    return f"{matched[1][:2]}{matched[2]}" if matched else plain


def _who(row: Seen, macs: Mapping[str, int], names: Mapping[str, int | None]) -> int | None:
    if row.chassis and (mac := normalise("chassis_mac", row.chassis)) and mac in macs:
        return macs[mac]
    return names.get(host_key(row.sysname)) if row.sysname else None
