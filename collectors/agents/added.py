"""What a script on the machine adds to the agent's inventory (`--additional-content`): sections of our own.

The agent passes the sections `posture` (one object) and `windows_updates` (a list) through as they are; the form is in
`deploy/agents/README.md`. They are dated by when the script looked, not by when the agent sent them: a script that no
longer runs lets its facts become stale. A field that is absent or null was not known and is no fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from collectors import facts
from collectors.agents.firewall import effective_firewall_facts
from collectors.agents.rows import (
    SOURCE,
    Row,
    beginning,
    day_of,
    flag_of,
    instant_of,
    only,
    text_of,
    whole_number_of,
    written,
)
from collectors.agents.wire import Sections
from inventory.words import Fact, Identity, InputError, Observation, Proof, Value

UPDATES_LIMIT = 1_000
AHEAD = timedelta(minutes=5)
"""How far the machine's clock may be ahead; beyond it what it dates is not used."""


def observe_added(
    sections: Sections, identity: Identity, at: datetime, *, edition_known: bool
) -> tuple[Observation, ...]:
    """What the sections say, in one observation for each time at which the script looked.

    Args:
        edition_known: the agent itself told the edition of the operating system, so that the script's word is not used.

    Raises:
        InputError: more pending updates than a machine can have, or a field that is no text, number or yes/no.
    """
    posture = only(sections, "posture")
    observations = []
    if (checked := _looked(posture, "checked_at", at)) is not None:
        observations.append(Observation(_settings(posture, checked, edition_known), asset=identity))
    if (searched := _looked(posture, "updates_searched_at", at)) is not None:
        rows = sections.get("windows_updates")
        counts = _counts(posture, searched)
        pending = _pending(rows, searched) if rows is not None else ()
        whole = rows is not None or counts.get("updates_pending") == 0
        told = (*facts(SOURCE, searched, counts, proof=Proof.AGENT), *pending)
        read = frozenset({"pending_update"} if whole and told else ())
        observations.append(Observation(told, asset=identity, tables_read=read))
    return tuple(observation for observation in observations if observation.facts)


def _looked(posture: Row, name: str, at: datetime) -> datetime | None:
    looked = instant_of(posture, name)
    return None if looked is None or looked > at + AHEAD else min(looked, at)


def _settings(posture: Row, checked: datetime, edition_known: bool) -> tuple[Fact, ...]:
    last = instant_of(posture, "last_update") or beginning(day_of(posture, "last_update", checked))
    values: dict[str, Value] = {
        "reboot_needed": flag_of(posture, "reboot_needed"),
        "smb1": flag_of(posture, "smb1"),
        "password_length": whole_number_of(posture, "password_length"),
        "password_complex": flag_of(posture, "password_complex"),
        "os_edition": None if edition_known else text_of(posture, "edition"),
        "last_update": last if last is not None and last <= checked else None,
    }
    return (*facts(SOURCE, checked, values, proof=Proof.AGENT), *effective_firewall_facts(posture, checked))


def _counts(posture: Row, searched: datetime) -> dict[str, Value]:
    names = ("updates_pending", "security_updates_pending")
    return {name: whole_number_of(posture, name) for name in names}


def _pending(rows: Sequence[Row], searched: datetime) -> tuple[Fact, ...]:
    if len(rows) > UPDATES_LIMIT:
        found = f"found {len(rows)} rows, expected at most {UPDATES_LIMIT}"
        raise InputError(f"agent's inventory, windows_updates: {found}")
    pending: dict[str, Value] = {}
    for row in rows:
        if name := text_of(row, "kb") or text_of(row, "title"):
            value: dict[str, object] = {
                "title": text_of(row, "title") or "",
                "severity": text_of(row, "severity") or "",
                "published": written(day_of(row, "published", searched)),
            }
            pending.setdefault(name, value)
    return tuple(Fact("pending_update", value, SOURCE, searched, Proof.AGENT, name) for name, value in pending.items())
