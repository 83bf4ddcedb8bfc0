"""What is told of members besides answers: how many assets there are, and how lines, websites and devices are."""

from __future__ import annotations

from sqlalchemy import text

from inventory.store import availability, power, websites
from inventory.store.laid_out import LINE, LaidOut
from inventory.vocabulary import moment
from inventory.words import AssetTally, BackupTally, LinkState, PowerState, WebsiteState

_STATE = ("link", "agency", "kind", "state", "reason", *LINE[3:], "maintenance")


def asset_tallies(judged: LaidOut) -> tuple[AssetTally, ...]:
    """Assets by agency, role and whether they answer."""
    answers = "CASE WHEN answering THEN 'yes' WHEN NOT answering THEN 'no' ELSE 'unknown' END"
    query = (
        f"SELECT agency, COALESCE(role, 'unknown'), {answers}, COUNT(*) FROM judged_asset "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return tuple(AssetTally(*row) for row in judged.connection.execute(text(query)))


def room_calls(judged: LaidOut) -> dict[str, int]:
    """How many calls go on in each agency's rooms; agencies of which no room tells are absent."""
    if not {"role", "calls"} <= judged.vocabulary.keys.keys():
        return {}  # a seal has the vocabulary of its day
    query = (
        "SELECT agency, SUM(calls) FROM judged_asset WHERE role IN ('vc_endpoint', 'mcu') AND calls IS NOT NULL "
        "GROUP BY agency"
    )
    return {agency: int(calls) for agency, calls in judged.connection.execute(text(query))}


def oldest_backups(judged: LaidOut) -> tuple[BackupTally, ...]:
    """The oldest of the last good backups of each agency's systems; agencies of which none is known are absent."""
    if "last_backup" not in judged.vocabulary.keys:
        return ()
    query = "SELECT agency, MIN(last_backup) FROM judged_asset WHERE last_backup IS NOT NULL GROUP BY 1 ORDER BY 1"
    return tuple(BackupTally(code, moment(int(oldest))) for code, oldest in judged.connection.execute(text(query)))


def link_states(judged: LaidOut) -> tuple[LinkState, ...]:
    """Every declared link, how it is and what is known of it.

    Its state is the one of the last minutes; where nobody probes it so often, whether it answered last.
    """
    known = judged.vocabulary.keys
    columns = {key: key if key in known else "NULL" for key in LINE}
    answered = "WHEN link_answering THEN 'up' WHEN NOT link_answering THEN 'down' ELSE 'unknown' END"
    state = f"CASE WHEN {columns[availability.STATE]} IS NOT NULL THEN {columns[availability.STATE]} {answered}"
    figures = ", ".join(columns[key] for key in LINE[3:])
    reason = f"COALESCE({columns['link_reason']}, '')"
    query = f"SELECT member, agency, kind, {state}, {reason}, {figures}, {judged.is_spared('links')} FROM judged_link"
    month = _month(judged)
    rows = judged.connection.execute(text(f"{query} ORDER BY member"))
    told = (dict(zip(_STATE, row, strict=True)) for row in rows)
    return tuple(
        LinkState(**{**one, "maintenance": bool(one["maintenance"]), "availability": month.get(one["link"])})
        for one in told
    )


def _month(judged: LaidOut) -> dict[str, float | None]:
    """The availability of every line in the month so far."""
    if availability.STATE not in judged.vocabulary.keys:
        return {}
    begin = availability.month_of(judged.at)
    found = availability.availability(judged.connection, judged.vocabulary, judged.register, begin, judged.at)
    return {code: own.share for code, own in found.items()}


def website_states(judged: LaidOut) -> tuple[WebsiteState, ...]:
    """Every declared website and what is known of it."""
    return websites.states(judged.connection, judged.vocabulary, judged.places, judged.at)


def power_states(judged: LaidOut) -> tuple[PowerState, ...]:
    """Every power device that is a member, and what it says of its battery and load."""
    if "role" not in judged.vocabulary.keys:
        return ()  # a seal has the vocabulary of its day
    query = text("SELECT member, agency FROM judged_asset WHERE role = :role")
    homes = {int(member): agency for member, agency in judged.connection.execute(query, {"role": power.ROLE})}
    return power.states(judged.connection, judged.vocabulary, homes, judged.at)
