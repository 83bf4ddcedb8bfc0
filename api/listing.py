"""Assets, facts, findings and events as the objects that the API and the command line tell alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from api.connections import connections_of, name_assets
from inventory.store import Connection, assets, events, facts
from inventory.text import fold
from inventory.vocabulary import Vocabulary
from inventory.words import Event, Fact, Finding, InputError, Title


def filter_assets(
    rows: Iterable[dict[str, object]], agency: str | None = None, role: str | None = None, text: str = ""
) -> list[dict[str, Any]]:
    """The rows of `assets.listing` of an agency and a role ("unknown" for none) that hold a text, accents ignored."""
    wanted = fold(text)
    return [
        row | {"answering": None if row["answering"] is None else bool(row["answering"])}
        for row in rows
        if (agency is None or row["agency"] == agency)
        and (role is None or (row["role"] or "unknown") == role)
        and (not wanted or wanted in fold(" ".join(str(v) for v in row.values() if v is not None)))
    ]


def describe_asset(
    connection: Connection, vocabulary: Vocabulary, number: int, at: datetime, *, history: bool = False
) -> dict[str, Any]:
    """One asset as of `at`: identifiers, merges, the facts taken, what sources disagree on, tables; also its history.

    Raises:
        InputError: there is no such asset.
    """
    root, identifiers, merges = assets.describe(connection, number)
    said = facts.read(connection, vocabulary, "asset", [root], at)[root]
    taken = facts.take(vocabulary, said, at)
    tables = sorted({f.key for f in said if vocabulary.keys[f.key].type == "table"})
    answer: dict[str, Any] = {
        "id": root,
        "at": at,
        "identifiers": [{"kind": k, "value": v, "shared": s} for k, v, s in identifiers],
        "merges": merges,
        "facts": {k: fact_object(f) for k, f in sorted(taken.items())},
        "conflicts": {k: [fact_object(f) for f in rows] for k, rows in facts.conflicts(vocabulary, said, at).items()},
        "connections": connections_of(connection, vocabulary, root, at),
        "tables": {k: [fact_object(f) for f in facts.table_rows(vocabulary, said, k, at)] for k in tables},
    }
    if history:
        rows = facts.history(connection, vocabulary, "asset", root)
        answer["history"] = [fact_object(f) | {"replaced_at": until} for f, until in rows]
    return answer


def fact_object(f: Fact) -> dict[str, Any]:
    """A fact with its source, proof and times."""
    return {
        "key": f.key, "item": f.item, "value": f.value, "source": f.source, "proof": f.proof.name.lower(),
        "observed_at": f.observed_at, "held_since": f.held_since,
    }  # fmt: skip


def finding_object(f: Finding) -> dict[str, Any]:
    """A finding with its reason and evidence."""
    return {
        "control": f.control, "member": f.member, "title": f.title, "agency": f.agency, "level": f.level,
        "status": str(f.status), "reason": f.reason, "since": f.since, "weight": f.weight,
        "evidence": [fact_object(e) for e in f.evidence],
        "counted": [
            {"count": c.count, "kind": c.kind, "member": c.member, "title": c.title, "sure": c.sure,
             "facts": [fact_object(e) for e in c.facts]}
            for c in f.counted
        ],
    }  # fmt: skip


def list_events(
    connection: Connection,
    vocabulary: Vocabulary,
    wanted: events.Wanted,
    at: datetime,
    *,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[dict[str, Any]], int]:
    """The events that are wanted, newest first, with the names that their assets have at `at`; and how many in all.

    Raises:
        InputError: there is no such kind of event; the known ones are named.
    """
    if wanted.kind is not None and wanted.kind not in vocabulary.events:
        raise InputError(
            Title(
                f"gặp loại {wanted.kind!r}, cần một trong {', '.join(vocabulary.events)}",
                f"found the kind {wanted.kind!r}, expected one of {', '.join(vocabulary.events)}",
            )
        )
    rows, total = events.read(connection, wanted, limit=limit, offset=offset)
    names = name_assets(connection, vocabulary, {e.asset for _, e in rows if e.asset is not None}, at)
    return [{"id": number} | event_object(e, names) for number, e in rows], total


def event_object(e: Event, names: Mapping[int, str]) -> dict[str, Any]:
    """An event with its asset's name; `at` is when it was told first, `last` and `times` tell of its repetitions."""
    return {
        "at": e.at, "kind": e.kind, "severity": str(e.severity), "agency": e.agency, "asset": e.asset,
        "asset_name": names.get(e.asset or 0), "item": e.item, "detail": e.detail, "source": e.source, "last": e.last,
        "times": e.times,
    }  # fmt: skip
