"""Tells what SNMP notifications mean: which event happened, and which facts follow; the vendors' files say so."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from collectors import facts
from collectors.reading.text import as_number, as_text
from collectors.transports.snmp_trap_engine import Value
from collectors.transports.snmp_traps import Notification
from collectors.vendors import load_vendors
from collectors.vendors.load_traps import TrapRule
from inventory import vocabulary
from inventory.words import Event, Fact

SOURCE = "traps"
_OTHER = "notification"


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification tells."""

    event: Event
    facts: tuple[Fact, ...] = ()
    row: tuple[str, int] | None = None
    """The table and the `index` of its row that the event is about, where nothing names it."""


@functools.cache
def load_rules() -> Mapping[str, tuple[TrapRule, ...]]:
    """The rules of all vendors and of the standard MIBs, by the notification's OID, in their order."""
    known, found = load_vendors(), dict[str, tuple[TrapRule, ...]]()
    for vendor in (*known.vendors, known.general):
        for rule in vendor.traps:
            for oid in rule.oids:
                found[oid] = (*found.get(oid, ()), rule)
    return found


def tell(notification: Notification, at: datetime) -> Told:
    """What a notification that came at `at` tells; one that no rule knows is told by its OID and maker."""
    values = notification.values
    rule = next((r for r in load_rules().get(notification.oid, ()) if _fits(r, values)), None)
    if rule is None:
        maker = load_vendors().vendor_of(notification.oid)
        detail = f"{notification.oid} ({maker[0]})" if maker else notification.oid
        return Told(_event(_OTHER, at, "", detail))
    item = next((text for oid in rule.item for v in _of(values, oid) if (text := as_text(v))), "")
    row = None
    if not item and rule.row is not None:
        index = next((n for v in _of(values, rule.row[1]) if (n := as_number(v)) is not None), None)
        row = (rule.row[0], index) if index is not None else None
    detail = "; ".join(text for oid in rule.detail for v in _of(values, oid) if (text := as_text(v)))
    return Told(_event(rule.kind, at, item, detail), facts(SOURCE, at, rule.states), row)


def _event(kind: str, at: datetime, item: str, detail: str) -> Event:
    return Event(kind, at, vocabulary.load().events[kind].severity, SOURCE, item, detail)


def _fits(rule: TrapRule, values: Mapping[str, Value]) -> bool:
    return all(
        any(pattern.search(as_text(value) or "") for value in _of(values, oid)) for oid, pattern in rule.when.items()
    )


def _of(values: Mapping[str, Value], oid: str) -> Iterator[Value]:
    """The values of an object: itself, its only instance, or the rows of a column."""
    for name, value in values.items():
        if name == oid or name.startswith(f"{oid}."):
            yield value
