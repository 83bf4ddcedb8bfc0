"""What an inventory says of the antivirus: each product, and what protects the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from collectors import facts
from collectors.agents.rows import SOURCE, Row, beginning, day_of, flag_of, text_of, written
from inventory.text import fold
from inventory.words import Fact, Proof, Value

JUDGED = ("antivirus_installed", "antivirus_enabled", "antivirus_up_to_date")


def antivirus_facts(rows: Sequence[Row], at: datetime, *, expected: bool) -> tuple[Fact, ...]:
    """The facts of the listed products.

    Only Windows for workstations keeps a list of all products (Security Center). There, a complete inventory without
    one means that the list could not be read or holds nothing that registers: stated unknown, never "no antivirus".
    On servers the agent looks for a few products only, so finding none says nothing.

    Args:
        rows: the section's rows.
        expected: whether a list was to be expected, so that none is stated unknown.
    """
    rows = [row for row in rows if text_of(row, "name")]
    if not rows:
        return facts(SOURCE, at, dict.fromkeys(JUDGED), proof=Proof.AGENT, keep_none=True) if expected else ()
    # What protects the machine is what is on; Windows lists its own product, switched off, beside another.
    switched_on = [row for row in rows if flag_of(row, "enabled")]
    judged = switched_on or rows
    current = [row for row in judged if flag_of(row, "uptodate")]
    taken = (current or judged)[0]
    stated: dict[str, Value] = {
        "antivirus_installed": True,
        "antivirus_enabled": True if switched_on else _all_say_no(rows, "enabled"),
        "antivirus_up_to_date": True if current else _all_say_no(judged, "uptodate"),
        "antivirus_name": text_of(taken, "name"),
        "antivirus_version": text_of(taken, "version"),
        "antivirus_expires": beginning(day_of(taken, "expiration")),
        "signatures_at": beginning(_signatures(taken, at)),
    }
    told = {key: value for key, value in stated.items() if value is not None or key in JUDGED}
    return (*facts(SOURCE, at, told, proof=Proof.AGENT, keep_none=True), *_products(rows, at))


def _products(rows: Iterable[Row], at: datetime) -> Iterable[Fact]:
    found: dict[str, Value] = {}
    for row in rows:
        product: dict[str, object] = {
            "enabled": flag_of(row, "enabled"),
            "up_to_date": flag_of(row, "uptodate"),
            "version": text_of(row, "version") or "",
            "signatures": written(_signatures(row, at)) or text_of(row, "base_version") or "",
            "expires": written(day_of(row, "expiration")),
        }
        found.setdefault(text_of(row, "name") or "", product)
    return [Fact("antivirus", product, SOURCE, at, Proof.AGENT, name) for name, product in found.items()]


def _signatures(row: Row, at: datetime) -> date | None:
    """The day of the signatures; of Kaspersky the agent writes that of the last update as their version (20261101)."""
    day = day_of(row, "base_creation", at)
    if day is None and "kaspersky" in fold(text_of(row, "name") or ""):
        day = day_of(row, "base_version", at)
    return day


def _all_say_no(rows: Iterable[Row], name: str) -> bool | None:
    return False if all(flag_of(row, name) is False for row in rows) else None
