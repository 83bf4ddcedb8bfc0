"""What maintenance changes of answers: which windows they fall into."""

from __future__ import annotations

from sqlalchemy import text

from inventory.store.laid_out import LaidOut
from inventory.words import Maintenance


def windows_of(judged: LaidOut, control: str, member: str, agency: str) -> list[Maintenance]:
    """The open windows for which a member's answer does not count: its own, or of what its counts count."""
    q = judged.questions[control]
    kinds = {"assets": ("asset", "network"), "links": ("link",), "agencies": ()}[q.control.population]
    found = [
        one
        for one in judged.maintenance
        if (one.scope, one.subject) == ("agency", agency) or (one.scope in kinds and _covers(judged, one, member))
    ]
    if q.control.population != "agencies" or found:
        return found
    counts = [judged.vocabulary.counts[c] for c in q.columns if c in judged.counts]
    beneath = {"links": ("link",), "assets": ("asset", "network")}
    scopes = {scope for count in counts for scope in beneath.get(count.of, ())}
    whose = {agency, *(judged.centre if any(count.centre for count in counts) else ())}
    return [
        one
        for one in judged.maintenance
        if (one.scope, one.subject) in {("agency", code) for code in whose}
        or (one.scope in scopes and any(_within(judged, one, code) for code in whose))
    ]


def _covers(judged: LaidOut, one: Maintenance, member: str) -> bool:
    if one.scope != "network":
        return one.subject == member
    query = text("SELECT 1 FROM judged_asset WHERE CAST(member AS TEXT) = :member AND network = :network")
    return judged.connection.execute(query, {"member": member, "network": one.subject}).first() is not None


def _within(judged: LaidOut, one: Maintenance, agency: str) -> bool:
    """Whether what is under maintenance is an agency's."""
    column, table = {"link": ("member", "judged_link"), "asset": ("CAST(member AS TEXT)", "judged_asset"),
                     "network": ("network", "judged_asset")}[one.scope]  # fmt: skip
    query = text(f"SELECT 1 FROM {table} WHERE {column} = :subject AND agency = :agency")
    return judged.connection.execute(query, {"subject": one.subject, "agency": agency}).first() is not None
