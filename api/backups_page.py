"""The page of backups: how every system stands, by agency and state, and what each of its jobs tells."""

from __future__ import annotations

import functools

from api.backups import STATES, Look, choose, tell_why
from api.contents import ROWS, Asked, Told
from api.members import last_page
from inventory.periods import ZONE
from inventory.store import Connection, backups, registers

_TONES = {"failed": "unmet", "old": "unmet", "unknown": "unknown", "fresh": "met"}
"""The mark of each state."""


def tell_backups(connection: Connection, asked: Asked) -> Told:
    """Every server and every system of which backups are told, the worst first."""
    query, snapshot, vocabulary = asked.place.query, asked.snapshot, asked.workspace.vocabulary
    look = Look.of(snapshot.controls, snapshot.at)
    agency = query.get("agency") or None
    shown = next((name for name in STATES if name == query.get("list")), "")
    systems = backups.listed(connection, vocabulary, snapshot.at)
    rows = sorted(choose(systems, look, agency, shown), key=lambda s: STATES.index(look.state(s)))
    last = last_page(len(rows), ROWS)
    page = min(max(asked.page, 1), last)
    day = snapshot.at.astimezone(ZONE).date()
    register = registers.load(connection)
    names = {a.code: a for a in sorted(register.agencies, key=lambda a: (a.valid_on(day), a.valid_from))}
    return {
        "look": look,
        "tones": _TONES,
        "why_of": functools.partial(tell_why, vocabulary, language=asked.place.language),
        "counts": {name: len(choose(systems, look, agency, name)) for name in ("", *STATES)},
        "shown": shown,
        "rows": rows[(page - 1) * ROWS : page * ROWS],
        "page": page,
        "last": last,
        "agency": agency,
        "names": names,
        "choices": [names[code] for code in sorted({s.agency for s in systems}) if code in names],
    }
