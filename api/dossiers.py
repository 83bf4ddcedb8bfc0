"""Everything that is known of one agency or one asset, as of the instant of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.connections import connections_of
from api.figures import counts_for
from api.members import Choice, Listed, list_members, open_judgement, sum_members
from api.workspace import Workspace
from inventory.periods import ZONE
from inventory.store import Connection, assets, events, facts, registers, runs
from inventory.vocabulary import moment
from inventory.words import (
    Agency,
    Control,
    DeclaredCount,
    Event,
    Fact,
    Finding,
    Goal,
    Link,
    Network,
    Plan,
    Snapshot,
    Status,
    Website,
    WebsiteState,
)

_SHOWN_MEMBERS = 10
_SHOWN_EVENTS = 10
HISTORY_ROWS = 50
_HISTORY_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one control says of one agency: its members by status, and the first of them."""

    control: Control
    goals: tuple[tuple[Plan, Goal], ...]
    """The goals whose figures these members are part of."""
    members: Mapping[Status, int]
    listed: Listed
    columns: tuple[str, ...]
    """What the control rests on."""


@dataclass(frozen=True, slots=True)
class AgencyDossier:
    """One code of the register."""

    periods: tuple[Agency, ...]
    current: Agency
    """The period that is valid at the instant, or the newest."""
    valid: bool
    parent: Agency | None
    successor: Agency | None
    children: tuple[Agency, ...]
    networks: tuple[tuple[Network, datetime | None], ...]
    links: tuple[tuple[Link, str, Mapping[str, Fact]], ...]
    """Each with its state and the facts taken of it."""
    counts: tuple[DeclaredCount, ...]
    websites: tuple[tuple[Website, WebsiteState | None], ...]
    """What is declared, and what is known of it."""
    answers: tuple[Answer, ...]
    assets: tuple[Mapping[str, object], ...]
    """Rows of `assets.listing`, by role and name."""


def read_agency(
    connection: Connection, workspace: Workspace, snapshot: Snapshot, code: str, language: str
) -> AgencyDossier | None:
    """The dossier of an agency, or None where the register has no such code."""
    register = registers.load(connection)
    periods = tuple(a for a in register.agencies if a.code == code)
    if not periods:
        return None
    day = snapshot.at.astimezone(ZONE).date()
    valid = [a for a in periods if a.valid_on(day)]
    current = valid[0] if valid else max(periods, key=lambda a: a.valid_from)
    names = {a.code: a for a in sorted(register.agencies, key=lambda a: (a.valid_on(day), a.valid_from))}
    read = runs.read_to_the_end(connection, snapshot.at)
    places = registers.places(register, day)
    own = {c for c, p in places.items() if p.home == code} | {code}
    # Websites have a list of their own.
    listing = [r for r in assets.listing(connection, workspace.vocabulary, snapshot.at) if r["role"] != "website"]
    sites = {site.url: site for site in snapshot.websites}
    return AgencyDossier(
        periods=periods,
        current=current,
        valid=bool(valid),
        parent=names.get(current.parent) if current.parent else None,
        successor=names.get(current.successor) if current.successor else None,
        children=tuple(a for a in snapshot.agencies if a.parent == code),
        networks=tuple((n, read.get(n.code)) for n in register.networks if n.agency in own),
        links=_links(connection, workspace, snapshot, [v for v in register.links if v.agency in own]),
        counts=tuple(c for c in register.counts if c.agency == code),
        websites=tuple((w, sites.get(w.url)) for w in register.websites if w.agency == code and w.valid_on(day)),
        answers=tuple(_answers(connection, workspace, snapshot, code, language)),
        assets=tuple(sorted((row for row in listing if row["agency"] in own), key=_by_role)),
    )


def _by_role(row: Mapping[str, object]) -> tuple[bool, str, str, str]:
    return row["role"] is None, str(row["role"]), str(row["sysname"] or "~"), str(row["address"] or "")


def _links(
    connection: Connection, workspace: Workspace, snapshot: Snapshot, links: Sequence[Link]
) -> tuple[tuple[Link, str, Mapping[str, Fact]], ...]:
    states = {s.link: s.state for s in snapshot.links}
    said = facts.read(connection, workspace.vocabulary, "link", [v.code for v in links], snapshot.at)
    return tuple(
        (v, states.get(v.code, "unknown"), facts.take(workspace.vocabulary, said[v.code], snapshot.at)) for v in links
    )


def _answers(
    connection: Connection, workspace: Workspace, snapshot: Snapshot, code: str, language: str
) -> list[Answer]:
    found = []
    choice = Choice(agency=code)
    asked = {c: sum_members(snapshot.tallies, c.id, choice) for c in snapshot.controls}
    judgement = open_judgement(connection, workspace, snapshot, [c for c, members in asked.items() if members])
    for control, members in asked.items():
        if not members:
            continue
        levels = {t.level for t in snapshot.tallies if t.agency == code and t.control == control.id}
        goals = counts_for(snapshot.plans, control.id, levels)
        listed = list_members(
            connection, workspace, snapshot, judgement, control, choice, language=language, size=_SHOWN_MEMBERS
        )
        found.append(Answer(control, goals, members, listed, judgement.column_names(control.id)))
    return sorted(found, key=lambda answer: not answer.goals)


@dataclass(frozen=True, slots=True)
class MergeStep:
    """One merge of two assets, undone or not."""

    asset: int
    into: int
    reason: str
    at: datetime
    undone: datetime | None


@dataclass(frozen=True, slots=True)
class AssetDossier:
    """One asset: the root of all that were merged into it."""

    root: int
    taken: Mapping[str, Fact]
    stale: tuple[Fact, ...]
    """Said once, too old to use."""
    unstated: tuple[Fact, ...]
    """A source states that it does not know."""
    conflicts: Mapping[str, Sequence[Fact]]
    connections: Sequence[Mapping[str, Any]]
    """See `api.connections.connections_of`."""
    tables: Mapping[str, list[Fact]]
    history: tuple[tuple[Fact, datetime | None], ...]
    """Without the rows of tables."""
    identifiers: tuple[tuple[str, str, bool], ...]
    merges: tuple[MergeStep, ...]
    answers: tuple[tuple[Control, Finding], ...]
    events: tuple[Event, ...]
    """The newest."""
    events_total: int

    @property
    def name(self) -> str | None:
        """The name or address that is taken."""
        named = [self.taken[k].value for k in ("sysname", "address", "url") if k in self.taken]
        return str(named[0]) if named else None


def read_asset(
    connection: Connection,
    workspace: Workspace,
    snapshot: Snapshot,
    number: int,
    language: str,
    *,
    until: datetime | None = None,
) -> AssetDossier:
    """The dossier of an asset.

    Args:
        until: the last instant of which events are told; None for all: they do not wait for the next snapshot.

    Raises:
        InputError: there is no such asset.
    """
    vocabulary, at = workspace.vocabulary, snapshot.at
    root, identifiers, merges = assets.describe(connection, number)
    said = facts.read(connection, vocabulary, "asset", [root], at)[root]
    single = [f for f in said if vocabulary.keys[f.key].type != "table"]
    taken = facts.take(vocabulary, said, at)
    tables = sorted({f.key for f in said} - {f.key for f in single})
    happened, events_total = events.read(connection, events.Wanted(asset=root, until=until), limit=_SHOWN_EVENTS)
    held = facts.history(connection, vocabulary, "asset", root, limit=_HISTORY_LIMIT)
    return AssetDossier(
        root=root,
        taken=dict(sorted(taken.items(), key=lambda pair: list(vocabulary.keys).index(pair[0]))),
        stale=tuple(f for f in single if f.value is not None and facts.is_stale(vocabulary, f, at)),
        unstated=tuple(f for f in single if f.value is None and f.key not in taken),
        conflicts=facts.conflicts(vocabulary, said, at),
        connections=connections_of(connection, vocabulary, root, at),
        tables={key: rows for key in tables if (rows := facts.table_rows(vocabulary, said, key, at))},
        history=tuple((f, until) for f, until in held if vocabulary.keys[f.key].type != "table"),
        identifiers=tuple(identifiers),
        merges=tuple(_merge(row) for row in merges),
        answers=tuple(_asset_answers(connection, workspace, snapshot, root, taken, language)),
        events=tuple(event for _, event in happened),
        events_total=events_total,
    )


def _merge(row: Mapping[str, object]) -> MergeStep:
    def time(value: object) -> datetime | None:
        return moment(value) if isinstance(value, int) else value if isinstance(value, datetime) else None

    at = time(row["at"])
    if at is None:
        raise TypeError(f"merge {row['id']}: found {row['at']!r}, expected a time")
    return MergeStep(int(str(row["asset"])), int(str(row["into"])), str(row["reason"]), at, time(row["undone"]))


def _asset_answers(
    connection: Connection,
    workspace: Workspace,
    snapshot: Snapshot,
    root: int,
    taken: Mapping[str, Fact],
    language: str,
) -> list[tuple[Control, Finding]]:
    if "agency" not in taken:
        return []
    day = snapshot.at.astimezone(ZONE).date()
    place = registers.places(registers.load(connection), day).get(str(taken["agency"].value))
    if place is None:
        return []
    choice = Choice(agency=place.home, member=str(root))
    controls = [c for c in snapshot.controls if c.population == "assets"]
    judgement = open_judgement(connection, workspace, snapshot, controls)
    found = []
    for control in controls:
        listed = list_members(connection, workspace, snapshot, judgement, control, choice, language=language)
        found += [(control, f) for f in listed.rows]
    return found
