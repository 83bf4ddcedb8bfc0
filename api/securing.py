"""Security findings as the API, the command line and the page tell them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.connections import name_assets
from inventory.store import Connection, facts, security
from inventory.vocabulary import Vocabulary
from inventory.words import Control

__all__ = ["list_security"]


def list_security(
    connection: Connection,
    vocabulary: Vocabulary,
    controls: Mapping[str, Control],
    at: datetime,
    language: str,
    wanted: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The security findings that are wanted (see `security.read`), with their members' names and what was seen."""
    rows = security.read(connection, vocabulary, controls, at, **wanted)
    assets = {int(r.member) for r in rows if r.member.isdecimal() and controls[r.control].population == "assets"}
    names = name_assets(connection, vocabulary, assets, at)
    ports = _ports(connection, vocabulary, assets, at)
    told = []
    for r in rows:
        number = int(r.member) if r.member.isdecimal() else None
        told.append(
            {
                "control": r.control, "title": controls[r.control].title.in_language(language), "severity": r.severity,
                "member": r.member, "name": names.get(number or 0), "agency": r.agency, "state": r.state,
                "first_seen": r.first_seen, "last_seen": r.last_seen, "since": r.since, "owner": r.owner,
                "note": r.note, "services": ports.get(number or 0, []),
                "accepted_by": r.waiver.granted_by if r.waiver else None,
                "accepted_until": r.waiver.valid_to if r.waiver else None,
                "reason": r.waiver.reason if r.waiver else None,
            }
        )  # fmt: skip
    return told


def _ports(connection: Connection, vocabulary: Vocabulary, roots: set[int], at: datetime) -> dict[int, list[str]]:
    """The open ports of each asset with what answers there, as they were last read."""
    said = facts.read(connection, vocabulary, "asset", sorted(roots), at, keys=("service",)) if roots else {}
    ports: dict[int, list[str]] = {}
    for root in roots:
        rows = said[root]
        for fact in facts.table_rows(vocabulary, rows, "service", at):
            if isinstance(fact.value, dict) and fact.item:
                words = " ".join(str(fact.value[k]) for k in ("name", "product", "version") if fact.value.get(k))
                ports.setdefault(root, []).append(f"{fact.item} {words}".strip())
    return ports
