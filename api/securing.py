"""Security findings as the API, the command line and the page tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.connections import name_assets
from api.contents import ROWS, Asked, Told, agency_names, choose_agencies
from api.members import last_page
from api.rendering import Problem
from api.scanning import describe
from collectors.scans import load_profiles
from inventory.store import Connection, facts, scans, schedules, security
from inventory.vocabulary import Vocabulary
from inventory.words import SEVERITIES, Control, InputError

__all__ = ["list_security", "tell_scan", "tell_schedules", "tell_security"]


def list_security(
    connection: Connection,
    vocabulary: Vocabulary,
    controls: Mapping[str, Control],
    at: datetime,
    language: str,
    wanted: Mapping[str, Any],
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """The security findings that are wanted (see `security.read`), with their members' names and what was seen."""
    rows = security.read(connection, vocabulary, controls, at, **wanted)
    return _describe(connection, vocabulary, controls, rows[:limit], at, language)


def _describe(
    connection: Connection,
    vocabulary: Vocabulary,
    controls: Mapping[str, Control],
    rows: Sequence[security.SecurityFinding],
    at: datetime,
    language: str,
) -> list[dict[str, Any]]:
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


def tell_security(connection: Connection, asked: Asked) -> Told:
    """The page: what is open by severity, who sees to it, and the scans that it comes from."""
    query, at = asked.place.query, asked.snapshot.at
    states = {"open": ("open",), "accepted": ("accepted",), "fixed": ("fixed",), "unknown": ("unknown",)}
    state = query.get("state", "open") if query.get("state", "open") in states else "open"
    agency, control = query.get("agency"), query.get("control")
    controls, vocabulary = asked.workspace.goals.controls, asked.workspace.vocabulary
    every = security.read(
        connection, vocabulary, controls, at, states=tuple(states), agency=agency,
        owners_at=asked.until or datetime.now(UTC),
    )  # fmt: skip
    severity = query.get("severity") if query.get("severity") in SEVERITIES else None
    here = [r for r in every if r.state == state]
    wanted = [r for r in here if (severity is None or r.severity == severity) and (not control or r.control == control)]
    names = agency_names(connection, asked)
    last = last_page(len(wanted), ROWS)
    page = min(asked.page, last)
    shown = wanted[(page - 1) * ROWS : page * ROWS]
    return {
        "rows": _describe(connection, vocabulary, controls, shown, at, asked.place.language),
        "page": page, "last": last, "state": state,
        "severity": severity, "control": control if control in controls else None, "agency": agency, "names": names,
        "counts": {s: sum(r.state == s for r in every) for s in states},
        "severities": {s: sum(r.severity == s for r in here) for s in SEVERITIES},
        "titles": {c: controls[c].title for c in sorted({r.control for r in here})},
        "choices": choose_agencies(names, asked.snapshot, agency), "scans": scans.load(connection, limit=10),
    }  # fmt: skip


def tell_scan(connection: Connection, asked: Asked, text: str) -> Told:
    """The page of one scan: how far it is in each network, and what it saw otherwise than the one before."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    try:
        found = describe(connection, number, datetime.now(UTC))
    except InputError:
        raise Problem(404, "no_scan") from None
    chosen = load_profiles().get(str(found["profile"]))
    return {"scan": found, "profile": chosen}


def tell_schedules(connection: Connection, asked: Asked) -> Told:
    """The page of what is done when, and what became of the last turns."""
    rows = schedules.load(connection)
    newest = {s.name: schedules.turns(connection, s.name, 1) for s in rows}
    turns = schedules.turns(connection, None, 50)
    return {"rows": rows, "newest": newest, "turns": turns, "names": agency_names(connection, asked)}
