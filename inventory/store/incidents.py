"""Incidents: what begins and ends, such as running on battery. One incident is one event, whoever tells of it first.

Traps tell of the moment, polling sees how it is: a UPS that sent a trap and is then found on its battery is one event.
What ends and begins again within `FLAPPING` goes on: its event is told once more, and so is the one that it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from inventory.store import assets, facts
from inventory.store.tables import asset, event
from inventory.text import storable
from inventory.vocabulary import Vocabulary, instant
from inventory.words import Event, Fact, Run

__all__ = ["ENDED_BY", "FLAPPING", "KINDS", "LONGEST", "Limits", "keep", "notice"]

ENDED_BY: Mapping[str, str] = {
    "on_battery": "on_mains", "battery_low": "battery_ok",
    "temperature_high": "temperature_ok", "temperature_low": "temperature_ok",
    "humidity_high": "humidity_ok", "humidity_low": "humidity_ok",
}  # fmt: skip
"""The kinds of events that begin an incident, and the one that ends it."""
KINDS = frozenset(ENDED_BY) | frozenset(ENDED_BY.values())
LONGEST = 1000
"""Characters of what is told of an event."""
FLAPPING = timedelta(minutes=10)
"""What was over for no longer than this was not over."""
_FLAGS = {"on_battery": ("on_battery", "on_mains"), "battery_low": ("battery_low", "battery_ok")}
_WATCHED = (*_FLAGS, "temperature", "humidity")
_OF_ROOMS = frozenset(kind for kind in KINDS if kind.startswith(("temperature", "humidity")))
_ROOMS = ("sensor",)
"""The roles whose temperature and humidity are those of a room: in a switch it is warm by itself."""
_WARMTH, _DAMP = 1.0, 0.03
"""How far within its limit a value has to be again (°C, share), so that one on the limit does not begin and end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server room may have: degrees Celsius, and shares (0-1) of relative humidity; None: any is right."""

    coldest: float | None = None
    warmest: float | None = None
    driest: float | None = None
    dampest: float | None = None


def keep(connection: Connection, told: Event, root: int, agency: str, *, seen: bool = False) -> None:
    """Keep what was told of one of `KINDS`: as a new event, or as the same incident going on or ending again.

    Args:
        seen: it was found when polling: that it is as it was is then no news, and that nothing is wrong none either.
    """
    told = replace(told, item=storable(told.item)[:LONGEST], detail=storable(told.detail)[:LONGEST])
    at = instant(told.at)
    end = ENDED_BY.get(told.kind, told.kind)
    known = _newest(connection, root, [end, *(begin for begin, over in ENDED_BY.items() if over == end)])
    current = max(known.values(), key=lambda row: (row.last, row.id), default=None)
    own = known.get(told.kind)
    if seen and (at <= current.last if current is not None else told.kind == end):
        return
    if current is not None and current.kind == told.kind:
        if not seen:
            _tell_again(connection, current, max(current.last, at), told)
    elif current is not None and own is not None and _goes_on(current, own, told.kind == end, at):
        # What counts is which of both was told last.
        _tell_again(connection, own, max(at, current.last + 1), told)
    elif not seen or current is not None or told.kind != end:
        connection.execute(
            insert(event).values(
                asset=root, agency=agency, kind=told.kind, severity=told.severity.value, source=told.source,
                item=told.item, detail=told.detail, at=at, last=at, times=told.times,
            )
        )  # fmt: skip


def _newest(connection: Connection, root: int, kinds: list[str]) -> dict[str, Row[Any]]:
    """The newest event of each of these kinds of an asset and of those that were merged into it."""
    own = select(asset.c.id).where(asset.c.root == root)
    found = {}
    for kind in kinds:
        query = select(event).where(event.c.asset.in_(own), event.c.kind == kind)
        row = connection.execute(query.order_by(event.c.at.desc(), event.c.id.desc()).limit(1)).first()
        if row is not None:
            found[kind] = row
    return found


def _goes_on(current: Row[Any], own: Row[Any], ends: bool, at: int) -> bool:
    """Whether the incident of `own` goes on: it was over for a moment only, or it is over once more."""
    if ends:
        return bool(own.last >= current.at)
    return bool(at - current.last <= FLAPPING.total_seconds() * 1000)


def _tell_again(connection: Connection, row: Row[Any], last: int, told: Event) -> None:
    detail = row.detail or told.detail
    values = {"last": last, "times": row.times + told.times, "detail": detail}
    connection.execute(update(event).where(event.c.id == row.id).values(**values))


# --- what polling sees ------------------------------------------------------------------------------------------------


def notice(connection: Connection, vocabulary: Vocabulary, finished: Run, limits: Limits) -> None:
    """Keep the incidents that follow from what a run read, once its facts are recorded."""
    for observation in finished.observations:
        told = {f.key: f for f in observation.facts if f.key in _WATCHED and f.value is not None}
        if not told or observation.asset is None:
            continue
        at = max(fact.observed_at for fact in told.values())
        number = assets.resolve(connection, observation.asset, at)
        root = int(connection.execute(select(asset.c.root).where(asset.c.id == number)).scalar_one())
        for one in _seen(vocabulary, told.values(), limits):
            if one.kind in _OF_ROOMS and not _is_room(connection, vocabulary, root, at):
                continue
            keep(connection, one, root, observation.asset.agency or "", seen=True)


def _seen(vocabulary: Vocabulary, told: Iterable[Fact], limits: Limits) -> Iterator[Event]:
    """What values mean: a kind for each that is out of its limits or well within them, none for one between."""
    bounds = {
        "temperature": (limits.coldest, limits.warmest, _WARMTH),
        "humidity": (limits.driest, limits.dampest, _DAMP),
    }
    for fact in told:
        kind = detail = None
        if fact.key in _FLAGS:
            kind = _FLAGS[fact.key][0 if fact.value else 1]
        elif isinstance(fact.value, int | float):
            low, high, margin = bounds[fact.key]
            if high is not None and fact.value > high:
                kind, detail = f"{fact.key}_high", f"{_show(fact.key, fact.value)} > {_show(fact.key, high)}"
            elif low is not None and fact.value < low:
                kind, detail = f"{fact.key}_low", f"{_show(fact.key, fact.value)} < {_show(fact.key, low)}"
            elif (high is None or fact.value <= high - margin) and (low is None or fact.value >= low + margin):
                kind, detail = f"{fact.key}_ok", _show(fact.key, fact.value)
        if kind is not None:
            yield Event(kind, fact.observed_at, vocabulary.events[kind].severity, fact.source, "", detail or "")


def _show(key: str, value: float) -> str:
    return f"{value:.1f} °C" if key == "temperature" else f"{value:.0%}"


def _is_room(connection: Connection, vocabulary: Vocabulary, root: int, at: datetime) -> bool:
    said = facts.read(connection, vocabulary, "asset", [root], at, {"role"})[root]
    taken = facts.take(vocabulary, said, at).get("role")
    return taken is not None and taken.value in _ROOMS
