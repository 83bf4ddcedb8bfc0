"""Tells which assets are connected with which, for the API, the command line and the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from inventory.identity import normalise
from inventory.store import Connection, assets, cables, facts
from inventory.vocabulary import Vocabulary


def list_cables(connection: Connection, vocabulary: Vocabulary, at: datetime) -> list[dict[str, Any]]:
    """Every cable between known assets as of `at`: both ends by id, name and port, and whether each names the other."""
    found = cables.cables(connection, vocabulary, at)
    names = name_assets(connection, vocabulary, {end for c in found for end in (c.asset, c.other)}, at)
    return [
        {
            "asset": c.asset, "name": names.get(c.asset), "port": c.port or None,
            "other": c.other, "other_name": names.get(c.other), "other_port": c.other_port, "both": c.both,
        }
        for c in found
    ]  # fmt: skip


def connections_of(connection: Connection, vocabulary: Vocabulary, root: int, at: datetime) -> list[dict[str, Any]]:
    """What one asset is connected with as of `at`.

    Each has `port` (its own, None where unknown), `other`, `other_name`, `other_port`, `both` (both ends say so) and
    `shared`: how many other hardware addresses are behind the other's port, for what only a forwarding table tells.
    """
    own: list[dict[str, Any]] = []
    for c in cables.cables(connection, vocabulary, at):
        if c.asset == root:
            own.append({"port": c.port or None, "other": c.other, "other_port": c.other_port, "both": c.both})
        elif c.other == root:
            own.append({"port": c.other_port, "other": c.asset, "other_port": c.port or None, "both": c.both})
    _, identifiers, _ = assets.describe(connection, root)
    macs = {value for kind, value, shared in identifiers if kind in ("mac", "chassis_mac") and not shared}
    cabled = {row["other"] for row in own}
    for mac, places in cables.attachments(connection, vocabulary, at).items():
        near = places[0]
        if normalise("mac", mac) in macs and near.asset != root and near.asset not in cabled:
            row = {"port": None, "other": near.asset, "other_port": near.port, "both": False, "shared": near.shared}
            own.append(row)
            cabled.add(near.asset)
    names = name_assets(connection, vocabulary, {row["other"] for row in own}, at)
    return [{"shared": None} | row | {"other_name": names.get(row["other"])} for row in own]


def name_assets(connection: Connection, vocabulary: Vocabulary, roots: set[int], at: datetime) -> dict[int, str]:
    """What each asset is called: its name, or its address."""
    said = facts.read(connection, vocabulary, "asset", sorted(roots), at, keys=("sysname", "address"))
    names = {}
    for root in roots:
        taken = facts.take(vocabulary, said[root], at)
        if fact := taken.get("sysname") or taken.get("address"):
            names[root] = str(fact.value)
    return names
