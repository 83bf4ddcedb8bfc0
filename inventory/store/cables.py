"""Reads from the store which assets are connected: neighbour and forwarding tables as of an instant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from inventory.cables import Attachment, Cable, Seen, find_attachments, find_cables, host_key, port_key
from inventory.store.tables import FACTS, asset, identifier
from inventory.vocabulary import Vocabulary, instant


def cables(connection: Connection, vocabulary: Vocabulary, at: datetime) -> tuple[Cable, ...]:
    """Every cable between known assets as of `at`, from what was confirmed within the table's maximum age."""
    seen = [
        Seen(
            root,
            str(row.get("local_port") or item),
            _text(row, "chassis"),
            _text(row, "sysname"),
            _text(row, "port"),
            _text(row, "port_description"),
        )
        for root, item, row in _rows(connection, vocabulary, "neighbour", at)
    ]
    if not seen:
        return ()
    names: dict[str, int | None] = {}
    for root, name in _names(connection, vocabulary, at):
        key = host_key(name)
        names[key] = root if names.get(key, root) == root else None
    ports: dict[int, dict[str, str]] = {}
    for root, item, row in _rows(connection, vocabulary, "interface", at):
        known = ports.setdefault(root, {})
        known[port_key(item)] = item
        for told in (_text(row, "description"), _text(row, "alias"), _text(row, "mac")):
            if told:
                known.setdefault(port_key(told), item)
    return find_cables(seen, _macs(connection), names, ports)


def attachments(connection: Connection, vocabulary: Vocabulary, at: datetime) -> dict[str, tuple[Attachment, ...]]:
    """By hardware address (aa:bb:cc:dd:ee:ff) where it was seen in forwarding tables as of `at`, the nearest first."""
    rows = _rows(connection, vocabulary, "forwarding", at)
    return find_attachments((root, str(row.get("port") or ""), mac) for root, mac, row in rows)


def _rows(
    connection: Connection, vocabulary: Vocabulary, key: str, at: datetime
) -> Iterator[tuple[int, str, Mapping[str, object]]]:
    """The rows of a table of all assets that their source confirmed when it last read the table: root, item, row."""
    t, now = FACTS["asset"], instant(at)
    oldest = instant(at - vocabulary.keys[key].max_age)
    query = (
        select(asset.c.root, t.c.subject, t.c.source, t.c.item, t.c.last, t.c.value)
        .join(asset, asset.c.id == t.c.subject)
        .where(t.c.key == key, t.c.first <= now, t.c.until > now, t.c.last >= oldest, t.c.value.is_not(None))
        .order_by(t.c.subject, t.c.source, t.c.item)
    )
    found = connection.execute(query).all()
    newest: dict[tuple[int, str], int] = {}
    for _, subject, source, _, last, _ in found:
        newest[subject, source] = max(newest.get((subject, source), 0), min(last, now))
    for root, subject, source, item, last, value in found:
        row = json.loads(value)
        if min(last, now) == newest[subject, source] and row:
            yield int(root), item, row


def _names(connection: Connection, vocabulary: Vocabulary, at: datetime) -> Iterator[tuple[int, str]]:
    t, now = FACTS["asset"], instant(at)
    query = (
        select(asset.c.root, t.c.value)
        .join(asset, asset.c.id == t.c.subject)
        .where(t.c.key == "sysname", t.c.first <= now, t.c.until > now, t.c.value.is_not(None))
        .where(t.c.last >= instant(at - vocabulary.keys["sysname"].max_age))
    )
    for root, name in connection.execute(query):
        yield int(root), name


def _macs(connection: Connection) -> dict[str, int]:
    query = (
        select(identifier.c.value, asset.c.root)
        .join(asset, asset.c.id == identifier.c.asset)
        .where(identifier.c.kind.in_(("chassis_mac", "mac")), ~identifier.c.shared)
    )
    return {value: int(root) for value, root in connection.execute(query)}


def _text(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    return str(value) if value else None
