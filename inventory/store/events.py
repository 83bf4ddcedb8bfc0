"""Events in the store: what happened to which asset, told by whom; read by time, agency, asset and kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from inventory.store import assets, facts, incidents
from inventory.store.tables import address, asset, event
from inventory.text import storable
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import Event, Fact, Identity, InputError, Proof, Severity

KEEP = timedelta(days=400)
"""How long events are kept."""
REPEATED = timedelta(minutes=3)
"""Told again within this time, with nothing else told of the same item in between, an event is the same one."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a source told of one asset: what happened, and the facts that follow."""

    event: Event
    sender: Identity
    """Where it came from: an address inside a network, and what identifies the asset."""
    facts: tuple[Fact, ...] = ()
    agent: str | None = None
    """The address of the device that it is about, as the sender says; it counts where that device is known."""
    row: tuple[str, int] | None = None
    """The table and the `index` of its row that the event is about, where the source does not name it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: None for all."""

    agency: str | None = None
    asset: int | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(connection: Connection, vocabulary: Vocabulary, notices: Iterable[Notice], now: datetime) -> facts.Recorded:
    """Record what happened and the facts that follow, each with the asset that it is about.

    Raises:
        InputError: an unknown kind, a time in the future, a sender without address and network, or facts that are not
            acceptable; nothing is stored.
    """
    by_asset: list[tuple[facts.Subject, Fact]] = []
    for notice in notices:
        told = notice.event
        if told.kind not in vocabulary.events:
            raise InputError(f"event {told.kind!r}: expected one of {', '.join(vocabulary.events)}")
        at = facts.check_time(f"event {told.kind} of {told.source}", told.at, now)
        identity = _whose(connection, notice)
        number = assets.resolve(connection, identity, told.at)
        root = connection.execute(select(asset.c.root).where(asset.c.id == number)).scalar_one()
        placed = {"agency": identity.agency, "network": identity.network, "address": identity.address}
        by_asset += [(number, Fact(k, v, told.source, told.at, Proof.MEASURED)) for k, v in placed.items() if v]
        by_asset += [(number, fact) for fact in notice.facts]
        item = told.item or _name_row(connection, vocabulary, root, notice)
        if told.kind in incidents.KINDS:
            incidents.keep(connection, replace(told, item=item), root, identity.agency or "")
        else:
            _keep(connection, replace(told, item=item), root, identity.agency or "", at)
    return facts.record(connection, vocabulary, {"asset": by_asset}, now)


def _whose(connection: Connection, notice: Notice) -> Identity:
    """Another device than the sender only where one is known at the address that the sender names."""
    sender = notice.sender
    if notice.agent is None or notice.agent == sender.address or sender.network is None:
        return sender
    query = select(address.c.asset).where(address.c.network == sender.network, address.c.address == notice.agent)
    if connection.scalar(query) is None:
        return sender
    return Identity(address=notice.agent, network=sender.network, agency=sender.agency)


def _name_row(connection: Connection, vocabulary: Vocabulary, root: int, notice: Notice) -> str:
    if notice.row is None:
        return ""
    table, index = notice.row
    said = facts.read(connection, vocabulary, "asset", [root], notice.event.at, keys={table})[root]
    for fact in facts.table_rows(vocabulary, said, table, notice.event.at):
        if isinstance(fact.value, dict) and fact.value.get("index") == index:
            return fact.item
    return f"#{index}"


def _keep(connection: Connection, told: Event, root: int, agency: str, at: int) -> None:
    item, detail = storable(told.item)[: incidents.LONGEST], storable(told.detail)[: incidents.LONGEST]
    newest = connection.execute(
        select(event)
        .where(event.c.asset == root, event.c.item == item, event.c.source == told.source)
        .where(event.c.at >= at - _milliseconds(timedelta(days=1)))
        .order_by(event.c.at.desc(), event.c.id.desc())
        .limit(1)
    ).one_or_none()
    again = newest is not None and (newest.kind, newest.detail) == (told.kind, detail)
    if newest is not None and again and newest.at <= at <= newest.last + _milliseconds(REPEATED):
        connection.execute(
            update(event)
            .where(event.c.id == newest.id)
            .values(last=max(newest.last, at), times=newest.times + told.times)
        )
        return
    connection.execute(
        insert(event).values(
            asset=root, agency=agency, kind=told.kind, severity=told.severity.value, source=told.source, item=item,
            detail=detail, at=at, last=at, times=told.times,
        )
    )  # fmt: skip


def _milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def read(
    connection: Connection, wanted: Wanted, *, limit: int = 100, offset: int = 0
) -> tuple[list[tuple[int, Event]], int]:
    """The events that are wanted, newest first, each with its id; and how many there are in all.

    An asset's events include those of the assets that were merged into it.
    """
    conditions = _conditions(wanted)
    total = connection.scalar(select(func.count()).select_from(event).where(*conditions)) or 0
    query = (
        select(event, asset.c.root)
        .join(asset, asset.c.id == event.c.asset)
        .where(*conditions)
        .order_by(event.c.at.desc(), event.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [(int(row.id), _event(row)) for row in connection.execute(query)], int(total)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.agency is not None:
        found.append(event.c.agency == wanted.agency)
    if wanted.asset is not None:
        root = select(asset.c.root).where(asset.c.id == wanted.asset).scalar_subquery()
        found.append(event.c.asset.in_(select(asset.c.id).where(asset.c.root == root)))
    if wanted.kind is not None:
        found.append(event.c.kind == wanted.kind)
    if wanted.since is not None:
        found.append(event.c.at >= instant(wanted.since))
    if wanted.until is not None:
        found.append(event.c.at <= instant(wanted.until))
    return found


def _event(row: Row[Any]) -> Event:
    return Event(
        row.kind, moment(row.at), Severity(row.severity), row.source, row.item, row.detail, int(row.root),
        row.agency or None, moment(row.last), int(row.times),
    )  # fmt: skip


def prune(connection: Connection, now: datetime) -> int:
    """Forget events older than `KEEP`; how many."""
    return connection.execute(delete(event).where(event.c.last < instant(now - KEEP))).rowcount
