"""What goes through declared lines: from two readings of the counters of the interface that has a line's address."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from inventory.periods import ZONE, end_of_day
from inventory.store import facts
from inventory.store.tables import FACTS, FOREVER, link
from inventory.vocabulary import Vocabulary, instant, moment, read_value
from inventory.words import Fact, Observation

__all__ = ["CARRYING", "PATH", "daily", "doors", "traffic", "ways"]

PATH = "path_gateway"

CARRYING = 20_000
"""Bits a second in both directions from which on a line carries traffic: what Dophu itself asks is less."""
_SHORTEST, _LONGEST = timedelta(seconds=30), timedelta(hours=26)
"""Between two readings: of shorter spans agents tell old numbers, of longer ones nothing is known of when."""
_COUNTERS = "interface_counters"


@dataclass(frozen=True, slots=True)
class _Line:
    code: str
    address: str
    contracted: float | None


def traffic(
    connection: Connection, observation: Observation, subject: int, agency: str | None
) -> Iterator[tuple[str, Fact]]:
    """What is to be recorded of lines because this device was read: the line's code and each fact.

    Asked before the device's counters are recorded, for those that are stored are the ones before.

    Args:
        subject: the asset that was read. agency: whose it is; its lines are looked for among the device's addresses.
    """
    counters = {f.item: f for f in observation.facts if f.key == _COUNTERS and isinstance(f.value, dict)}
    if not counters or agency is None:
        return
    for line in _lines(connection, agency, next(iter(counters.values())).observed_at):
        name = _interface(connection, observation, subject, line.address)
        now = counters.get(name or "")
        if now is None or not isinstance(now.value, dict):
            continue
        before = _before(connection, subject, now)
        if before is None or (rates := _rates(before, now)) is None:
            continue
        into, out = rates
        told: dict[str, Any] = {"traffic_in": into, "traffic_out": out}
        if line.contracted:
            told["utilisation"] = max(into, out) / (line.contracted * 1_000_000)
        since = None if into + out >= CARRYING else _idle_since(connection, line.code, now.observed_at)
        if since is None:
            told |= {"idle_since": now.observed_at, "idle_days": 0}
        else:
            told["idle_days"] = max(0, (now.observed_at - since).days)
        for key, value in told.items():
            yield line.code, Fact(key, value, now.source, now.observed_at, now.proof)


def _lines(connection: Connection, agency: str, at: datetime) -> list[_Line]:
    day = at.astimezone(ZONE).date()
    rows = connection.execute(select(link).where(link.c.agency == agency, link.c.address.is_not(None)))
    return [_Line(r.code, str(r.address), r.contracted_mbps) for r in rows if _holds(r.valid_from, r.valid_to, day)]


def _holds(first: date, last: date | None, day: date) -> bool:
    return first <= day and (last is None or day <= last)


def _interface(connection: Connection, observation: Observation, subject: int, address: str) -> str | None:
    """The name of the interface that has an address: as just read, or as it was read with the long tables before."""
    for fact in observation.facts:
        if fact.key == "ip_address" and fact.item == address and isinstance(fact.value, dict):
            return str(fact.value.get("interface", "")) or None
    t = FACTS["asset"]
    query = select(t.c.value).where(
        t.c.subject == subject, t.c.key == "ip_address", t.c.item == address, t.c.until == FOREVER
    )  # fmt: skip
    found = connection.scalar(query.limit(1))
    return None if found is None else str(json.loads(found).get("interface", "")) or None


def _before(connection: Connection, subject: int, now: Fact) -> Fact | None:
    t = FACTS["asset"]
    row = connection.execute(
        select(t.c.last, t.c.value).where(
            t.c.subject == subject, t.c.key == _COUNTERS, t.c.item == now.item, t.c.source == now.source,
            t.c.until == FOREVER,
        )
    ).first()  # fmt: skip
    if row is None or row.value is None:
        return None
    return Fact(_COUNTERS, json.loads(row.value), now.source, moment(row.last), now.proof, now.item)


def _rates(before: Fact, now: Fact) -> tuple[float, float] | None:
    """Bits a second in and out; None where the counters began anew, or the readings lie too near or too far apart."""
    span = now.observed_at - before.observed_at
    if not _SHORTEST <= span <= _LONGEST:
        return None
    rates = []
    for name in ("in_octets", "out_octets"):
        old, new = _octets(before.value, name), _octets(now.value, name)
        if old is None or new is None or new < old:
            return None
        rates.append((new - old) * 8 / span.total_seconds())
    return rates[0], rates[1]


def _octets(value: object, name: str) -> int | None:
    number = value.get(name) if isinstance(value, Mapping) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def ways(
    connection: Connection, vocabulary: Vocabulary, codes: Collection[str], at: datetime
) -> dict[str, tuple[datetime, tuple[str, ...]]]:
    """When the routers on the way to each line were last learned, and their addresses, the farthest first.

    Lines whose way was never learned, or longer ago than counts, are absent.
    """
    found: dict[str, tuple[datetime, tuple[str, ...]]] = {}
    for code, said in facts.read(connection, vocabulary, "link", sorted(codes), at, {PATH}).items():
        rows = [f for f in said if not facts.is_stale(vocabulary, f, at)]
        if rows:
            newest = facts.table_rows(vocabulary, said, PATH, at)
            told = sorted((f.item, str(f.value.get("address", ""))) for f in newest if isinstance(f.value, dict))
            found[str(code)] = max(f.observed_at for f in rows), tuple(address for _, address in reversed(told))
    return found


def daily(
    connection: Connection, vocabulary: Vocabulary, code: str, keys: Collection[str], first: date, last: date
) -> dict[date, dict[str, float]]:
    """What was measured last on each day of Vietnam, by key; days and keys of which nothing is known are absent."""
    t = FACTS["link"]
    begin, end = (instant(end_of_day(day)) for day in (first - timedelta(days=1), last))
    query = (
        select(t.c.key, t.c.last, t.c.value)
        .where(t.c.subject == code, t.c.key.in_(sorted(keys)), t.c.item == "", t.c.last > begin, t.c.last <= end)
        .order_by(t.c.last)
    )
    found: dict[date, dict[str, float]] = {}
    for key, seen, value in connection.execute(query):
        told = read_value(vocabulary.keys[key], value)
        own = found.setdefault(moment(seen).astimezone(ZONE).date(), {})
        if isinstance(told, int | float):
            own[key] = float(told)
        else:
            own.pop(key, None)
    return found


def doors(connection: Connection, vocabulary: Vocabulary, assets: Collection[int], at: datetime) -> dict[int, int]:
    """The lowest TCP port of each asset that was found open; assets without one are absent."""
    said = facts.read(connection, vocabulary, "asset", sorted(assets), at, {"service"})
    found: dict[int, int] = {}
    for asset, own in said.items():
        items = (f.item.partition("/") for f in facts.table_rows(vocabulary, own, "service", at))
        ports = [int(port) for kind, _, port in items if kind == "tcp" and port.isdecimal()]
        if ports:
            found[int(asset)] = min(ports)
    return found


def _idle_since(connection: Connection, code: str, at: datetime) -> datetime | None:
    """Since when nothing was seen going through a line; None where it begins now.

    It begins with the last reading that saw traffic, and anew after a time in which nobody read the line: then it may
    have carried, and is not said to have been idle.
    """
    t = FACTS["link"]
    own = (t.c.subject == code, t.c.first <= instant(at))
    counted = connection.scalar(select(func.max(t.c.last)).where(*own, t.c.key == "idle_days"))
    if counted is None or at - moment(counted) > _LONGEST:
        return None
    since = connection.scalar(select(func.max(t.c.last)).where(*own, t.c.key == "idle_since"))
    return None if since is None else moment(since)
