"""The members behind a figure: of the same snapshot as the figure, unmet first, with reason and evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from api.workspace import Workspace
from inventory.periods import ZONE
from inventory.store import Connection, facts, findings, registers
from inventory.store.judge import Judgement
from inventory.words import AgencyTally, Control, Counted, Fact, Finding, Network, Snapshot, Status

ORDER = (Status.UNMET, Status.UNKNOWN, Status.DECLARED, Status.MET, Status.WAIVED, Status.NOT_APPLICABLE)
"""The order in which members are listed: first what has to be seen to."""

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which members a list is to show; None for any. An empty `levels` is every level."""

    levels: tuple[str, ...] = ()
    status: Status | None = None
    agency: str | None = None
    member: str | None = None

    def fits(self, row: Finding | AgencyTally) -> bool:
        """Whether a finding, or a tally of findings, is one of those; a tally knows no single member."""
        if self.member is not None and isinstance(row, Finding) and row.member != self.member:
            return False
        return (
            (not self.levels or row.level in self.levels)
            and (self.status is None or row.status is self.status)
            and (self.agency is None or row.agency == self.agency)
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of members, and the sums over all of them."""

    rows: tuple[Finding, ...]
    total: int
    """Rows in the whole list; fewer than members where one row stands for several."""
    members: Mapping[Status, int]
    page: int
    """Which page of the list this is, from 1; the last one where a later one was asked for."""
    size: int
    networks: Mapping[str, tuple[tuple[Network, datetime | None], ...]]
    """By agency on this page: its networks and when each was last read to the end."""

    @property
    def last(self) -> int:
        """The number of the last page."""
        return last_page(self.total, self.size)


def last_page(total: int, size: int) -> int:
    """How many pages a list of `total` rows has: at least one."""
    return max(1, -(-total // size))


def sum_members(tallies: Iterable[AgencyTally], control: str, choice: Choice) -> dict[Status, int]:
    """The members of a control by status, in the order of `ORDER`; those that there are."""
    sums = dict.fromkeys(ORDER, 0)
    for tally in tallies:
        if tally.control == control and choice.fits(tally):
            sums[tally.status] += tally.members
    return {status: n for status, n in sums.items() if n}


def open_judgement(
    connection: Connection, workspace: Workspace, snapshot: Snapshot, controls: Iterable[Control]
) -> Judgement:
    """What `list_members` needs to explain these controls; it lives as long as the transaction."""
    register = registers.load(connection)
    return Judgement(connection, workspace.vocabulary, {c.id: c for c in controls}, register, snapshot.at)


def list_members(
    connection: Connection,
    workspace: Workspace,
    snapshot: Snapshot,
    judgement: Judgement,
    control: Control,
    choice: Choice,
    *,
    language: str,
    page: int = 1,
    size: int = 50,
) -> Listed:
    """The members of a control that were summed into the snapshot's figures.

    What was stored with the snapshot's judgement is what is listed. Where that is not what its figures sum, because
    the snapshot was taken anew from the facts (as of a day, or after a restart), its members are judged anew too.
    """
    everyone = Choice(agency=choice.agency)
    stood, _ = findings.read(connection, snapshot.at, control=control.id, agency=choice.agency, limit=_ALL)
    found = stood
    if _sum(stood) != {s: n for s, n in sum_members(snapshot.tallies, control.id, everyone).items() if n}:
        since = {(f.member, f.status): f.since for f in stood}
        judged = findings.read_as_of(judgement, control.id)
        found = [replace(f, since=since.get((f.member, f.status), f.since)) for f in judged if everyone.fits(f)]
    rows = sorted((f for f in found if choice.fits(f)), key=_by_place(snapshot))
    page = min(max(page, 1), last_page(len(rows), size))
    shown = rows[(page - 1) * size : page * size]
    explained = findings.Explainer(workspace.vocabulary, judgement, language).explain(connection, shown, control)
    agencies = {f.agency for f in shown if f.agency} if control.population == "agencies" else set()
    return Listed(tuple(explained), len(rows), _sum(rows), page, size, _networks(judgement, agencies))


def deciding(workspace: Workspace, at: datetime, counted: Counted) -> list[tuple[Fact, bool]]:
    """What decided whether a count counts this: for each key the fact used, or the newest, and whether it is fresh."""
    used = facts.take(workspace.vocabulary, counted.facts, at)
    newest: dict[str, Fact] = {}
    for fact in sorted(counted.facts, key=lambda f: f.observed_at):
        newest[fact.key] = fact
    return [(used.get(key, fact), key in used) for key, fact in sorted(newest.items())]


def _sum(rows: Sequence[Finding]) -> dict[Status, int]:
    sums = dict.fromkeys(ORDER, 0)
    for row in rows:
        sums[row.status] += row.weight
    return {status: n for status, n in sums.items() if n}


def _by_place(snapshot: Snapshot) -> Callable[[Finding], tuple[int, int, str, int, str]]:
    """A sort key: by status, level, agency, member."""
    ranks = {level.code: level.rank for level in snapshot.levels}

    def place(row: Finding) -> tuple[int, int, str, int, str]:
        number = int(row.member) if row.member.isdecimal() else 0
        return ORDER.index(row.status), ranks.get(row.level or "", 0), row.agency or "", number, row.member

    return place


def _networks(judgement: Judgement, agencies: Iterable[str]) -> dict[str, tuple[tuple[Network, datetime | None], ...]]:
    day = judgement.at.astimezone(ZONE).date()
    found: dict[str, tuple[tuple[Network, datetime | None], ...]] = dict.fromkeys(agencies, ())
    for network in judgement.register.networks:
        place = judgement.places.get(network.agency)
        if place is not None and place.home in found and network.valid_on(day):
            found[place.home] += ((network, judgement.read_to_the_end.get(network.code)),)
    return found
