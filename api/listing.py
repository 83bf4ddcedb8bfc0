"""Assets, facts and findings as the objects that the API and the command line tell alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from api.connections import connections_of
from inventory.store import Connection, assets, facts
from inventory.text import fold
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, Finding


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
