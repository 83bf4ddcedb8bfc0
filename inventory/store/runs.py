"""Runs in the store: what collectors brought back, recorded whole; what targets are due; what was read to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, String, and_, bindparam, delete, func, insert, literal_column, select, update

from inventory.posture.derive import derive, is_concerned
from inventory.store import assets, backups, calls, facts, lines, revisions, software
from inventory.store.facts import NO_ROW
from inventory.store.references import load as load_references
from inventory.store.tables import FACTS, address, asset, run, target_state
from inventory.text import storable
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import CollectorState, Fact, Identity, Observation, Proof, Run

KEEP = timedelta(days=30)
"""How long runs are kept that read no whole network; the others are evidence and stay."""

_CHUNK = 400


def record(connection: Connection, vocabulary: Vocabulary, finished: Run, now: datetime) -> facts.Recorded:
    """Record a run: its observations' facts, each under its asset, link or agency, and how it went.

    A run that read a whole network to the end also says of every asset known there that it did not see: it does not
    answer. A run that was broken off says nothing of them.

    Raises:
        InputError: the observations are not acceptable (see `facts.record` and `assets.resolve`); nothing is stored.
    """
    for time in (finished.started, finished.finished):
        facts.check_time(f"run of {finished.collector}", time, now)
    by_kind: dict[str, list[tuple[facts.Subject, Fact]]] = {"asset": [], "link": [], "agency": []}
    seen: set[int] = set()
    references = load_references(connection) if any(map(is_concerned, finished.observations)) else None
    for said in finished.observations:
        observation = said if references is None else derive(said, references)
        told = _sum_up(observation, finished)
        kind, subject = _subject(connection, observation, told.at)
        by_kind[kind] += [(subject, fact) for fact in observation.facts]
        by_kind[kind] += [(subject, fact) for fact in _emptied(observation, told, finished)]
        if kind == "asset" and isinstance(subject, int):
            seen.add(subject)
            if observation.history is not None:
                calls.record(connection, subject, finished.collector, observation.history, finished.finished)
            by_kind["link"] += lines.traffic(connection, observation, subject, finished.agency)
            by_kind[kind] += [(subject, fact) for fact in _placed(observation, told, finished)]
            by_kind[kind] += [(subject, fact) for fact in _passed_over(connection, observation, subject)]
    if finished.complete and finished.network is not None:
        absent = Fact("answering", False, finished.collector, finished.finished)
        missing = _was_in(connection, finished.network, finished.collector, instant(finished.finished)) - seen
        by_kind["asset"] += [(number, absent) for number in sorted(missing)]
    recorded = facts.record(connection, vocabulary, by_kind, now)
    # How a system stands by its backup jobs follows from what all sources tell of them.
    backups.conclude_of(connection, vocabulary, by_kind["asset"], now)
    software.note_read(connection, recorded.tables)
    software.note_new(connection, recorded.grown)
    note(connection, finished, len(finished.observations))
    if finished.complete and finished.network is not None:
        revisions.note_late(connection, instant(finished.finished), now)
    return recorded


@dataclass(frozen=True, slots=True)
class _Told:
    """What the facts of an observation have in common."""

    at: datetime
    """The time of the newest; of the run where there is none."""
    proof: Proof | None
    """The best; None where there is none."""
    keys: frozenset[str]


def _sum_up(observation: Observation, finished: Run) -> _Told:
    said = observation.facts
    at = max({fact.observed_at for fact in said}, default=finished.finished)
    return _Told(at, min((fact.proof for fact in said), default=None), frozenset([fact.key for fact in said]))


def _subject(connection: Connection, observation: Observation, at: datetime) -> tuple[str, facts.Subject]:
    if observation.link is not None:
        return "link", observation.link
    if observation.agency is not None:
        return "agency", observation.agency
    return "asset", assets.resolve(connection, observation.asset or Identity(), at)


def _emptied(observation: Observation, told: _Told, finished: Run) -> list[Fact]:
    """For each table that was read to its end and has no row, one nameless row without anything in it.

    A row is gone when its source read the table again and did not list it; with no row at all nothing would say so.
    """
    proof = Proof.MEASURED if told.proof is None else told.proof
    empty = sorted(observation.tables_read - told.keys)
    return [Fact(key, {}, finished.collector, told.at, proof, item=NO_ROW) for key in empty]


def _placed(observation: Observation, told: _Told, finished: Run) -> list[Fact]:
    """Where an asset was seen is a fact like any other: its agency and network, and its address there."""
    identity = observation.asset or Identity()
    placed = {"agency": identity.agency, "network": identity.network, "address": identity.address}
    return [
        Fact(key, value, finished.collector, told.at, told.proof)
        for key, value in placed.items()
        if value and key not in told.keys and told.proof is not None
    ]


def _passed_over(connection: Connection, observation: Observation, subject: int) -> list[Fact]:
    """What the last sweep of a network says of one that is known there by hearsay only: it did not answer it.

    The sweep looked at every address. Of who was not known then, nothing was written; without this it would be unknown
    until the next sweep whether a firewall is hidden there.
    """
    identity = observation.asset
    if identity is None or not identity.hearsay or identity.network is None:
        return []
    t = FACTS["asset"]
    own = select(asset.c.id).where(asset.c.root == subject)
    said = select(t.c.first).where(t.c.subject.in_(own), t.c.key == "answering").limit(1)
    if connection.execute(said).first() is not None:
        return []
    sweep = (
        select(run.c.collector, run.c.finished)
        .where(run.c.network == identity.network, run.c.complete)
        .order_by(run.c.finished.desc())
        .limit(1)
    )
    last = connection.execute(sweep).first()
    return [] if last is None else [Fact("answering", False, last.collector, moment(last.finished))]


def _was_in(connection: Connection, network: str, source: str, at: int) -> set[int]:
    """The assets last seen in a network, by anybody, of whose silence this source can speak.

    Those that it once saw answer, and those that nobody ever saw answer or not, such as one that is only in a router's
    ARP table. One that was seen elsewhere since is not absent, it moved; one whose address another device has now is.
    """
    t = FACTS["asset"]
    # SQLite finds a partial index by a literal only.
    in_network = t.c.key == literal_column("'network'", String)
    there = select(asset.c.root).join(t, t.c.subject == asset.c.id)
    query = there.where(in_network, t.c.value == network, t.c.first <= at, t.c.until > at)
    candidates = sorted({int(root) for root in connection.scalars(query)})
    places: dict[int, tuple[int, str]] = {}
    answered: set[int] = set()
    spoken_of: set[int] = set()
    for start in range(0, len(candidates), _CHUNK):
        known = (
            select(asset.c.root, t.c.key, t.c.source, t.c.last, t.c.until, t.c.value)
            .join(t, t.c.subject == asset.c.id)
            .where(
                asset.c.root.in_(candidates[start : start + _CHUNK]),
                t.c.key.in_(("network", "answering")),
                t.c.item == "",
                t.c.first <= at,
            )
        )
        for root, key, said_by, last, until, stated in connection.execute(known):
            if key == "answering":
                answered |= {int(root)} if said_by == source and stated == "1" else set()
                spoken_of |= set() if said_by == source and stated == "0" else {int(root)}
            elif until > at and stated is not None:
                places[root] = max(places.get(root, (0, "")), (min(last, at), stated))
    return {root for root in candidates if (root in answered or root not in spoken_of) and places[root][1] == network}


_TARGET = and_(target_state.c.collector == bindparam("of_collector"), target_state.c.target == bindparam("of_target"))
_AS_BEFORE = delete(run).where(
    run.c.finished == bindparam("at_finished"),
    run.c.started == bindparam("at_started"),
    run.c.collector == bindparam("of_collector"),
    run.c.target == bindparam("of_target"),
)
_STATE = select(target_state).where(_TARGET)
_NEW_STATE: dict[str, object] = {
    name: bindparam(name) for name in ("last_run", "last_success", "duration", "failures", "error")
}
_NEWER = update(target_state).where(_TARGET).values(**_NEW_STATE)


def note(connection: Connection, finished: Run, observations: int = 0) -> None:
    """Note how a run went, without its observations: for one that failed, or whose observations were refused.

    A run that is delivered again is noted once; one that arrives late does not undo what is known of newer ones.
    """
    started, ended, good = instant(finished.started), instant(finished.finished), finished.error is None
    error = None if finished.error is None else storable(finished.error)
    of = {"collector": finished.collector, "target": finished.target}
    place = {f"of_{name}": value for name, value in of.items()}
    before = connection.execute(_STATE, place).one_or_none()
    if before is not None and ended <= before.last_run:
        connection.execute(_AS_BEFORE, place | {"at_started": started, "at_finished": ended})
    row = of | {
        "agency": finished.agency, "network": finished.network, "started": started, "finished": ended,
        "complete": finished.complete, "observations": observations, "error": error,
    }  # fmt: skip
    connection.execute(insert(run), [row])
    times = 0 if before is None else before.failures - (before.last_run == ended)
    state = {
        "last_run": ended,
        "last_success": ended if good else (before.last_success if before else None),
        "duration": ended - started,
        "failures": 0 if good else max(times, 0) + 1,
        "error": error,
    }
    if before is None:
        connection.execute(insert(target_state), [of | state])
    elif before.last_run <= ended:
        connection.execute(_NEWER, place | state)
    elif good and (before.last_success or 0) < ended:
        connection.execute(update(target_state).where(_TARGET).values(last_success=ended), place)


def was_whole(connection: Connection, collector: str, target: str) -> bool:
    """Whether a target was read to the end in a run that is still kept (see `KEEP`)."""
    query = select(run.c.complete).where(run.c.collector == collector, run.c.target == target, run.c.complete).limit(1)
    return connection.execute(query).first() is not None


def failures(connection: Connection, collector: str) -> dict[str, tuple[int, datetime]]:
    """The targets of a collector whose newest run failed: how often in a row, and when last."""
    query = select(target_state.c.target, target_state.c.failures, target_state.c.last_run).where(
        target_state.c.collector == collector, target_state.c.failures > 0
    )
    return {target: (times, moment(last)) for target, times, last in connection.execute(query)}


def last_runs(connection: Connection, collector: str) -> dict[str, datetime]:
    """When each target of a collector was last read, or was tried to be."""
    query = select(target_state.c.target, target_state.c.last_run).where(target_state.c.collector == collector)
    return {target: moment(last) for target, last in connection.execute(query)}


def read_to_the_end(connection: Connection, at: datetime) -> Mapping[str, datetime]:
    """When each network was last read to the end, as of `at`."""
    query = (
        select(run.c.network, func.max(run.c.finished))
        .where(run.c.network.is_not(None), run.c.complete, run.c.finished <= instant(at))
        .group_by(run.c.network)
    )
    return {network: moment(finished) for network, finished in connection.execute(query)}


def collector_states(connection: Connection, at: datetime) -> tuple[CollectorState, ...]:
    """The newest round of every collector: the targets seen within a day before `at`."""
    t = target_state.c
    since = instant(at - timedelta(days=1))
    recent = t.last_run >= since
    query = (
        select(
            t.collector,
            func.max(t.last_run),
            func.max(t.last_success),
            func.max(t.duration).filter(recent),
            func.count().filter(recent),
            func.count().filter(and_(recent, t.failures > 0)),
        )
        .group_by(t.collector)
        .order_by(t.collector)
    )
    return tuple(
        CollectorState(
            collector,
            moment(last),
            None if success is None else moment(success),
            (duration or 0) / 1000,
            targets,
            failed,
        )
        for collector, last, success, duration, targets, failed in connection.execute(query)
    )


def answered_before(connection: Connection, kind: str, source: str, key: str) -> set[facts.Subject]:
    """The subjects (roots, for assets) of which a source ever stated that `key` is true."""
    t = FACTS[kind]
    query = select(t.c.subject)
    if kind == "asset":
        query = select(asset.c.root).join(t, t.c.subject == asset.c.id)
    return set(connection.scalars(query.where(t.c.key == key, t.c.source == source, t.c.value == "1").distinct()))


def last_stated(connection: Connection, source: str, key: str) -> dict[int, datetime]:
    """When a source last stated a fact of this key, by the root of each asset of which it ever did."""
    t = FACTS["asset"]
    query = (
        select(asset.c.root, func.max(t.c.last))
        .join(t, t.c.subject == asset.c.id)
        .where(t.c.key == key, t.c.source == source)
        .group_by(asset.c.root)
    )
    return {int(root): moment(last) for root, last in connection.execute(query)}


def addresses(connection: Connection) -> list[tuple[int, str, str]]:
    """Every asset's addresses: root, network, address."""
    query = (
        select(asset.c.root, address.c.network, address.c.address)
        .join(address, address.c.asset == asset.c.id)
        .order_by(address.c.network, address.c.address)
    )
    return [(int(root), network, where) for root, network, where in connection.execute(query)]


def prune(connection: Connection, now: datetime) -> int:
    """Forget runs older than `KEEP` that read no whole network; how many."""
    done = connection.execute(delete(run).where(run.c.network.is_(None), run.c.finished < instant(now - KEEP)))
    return done.rowcount
