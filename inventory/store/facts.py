"""Facts in the store: what each source said, from when to when; the value taken; conflicts and history.

History keeps runs, not repetitions: one row for a value held without a gap longer than the key's maximum age. The rows
of one series (subject, key, item, source) never overlap: each has the time it was first and last observed and `until`,
where the next one begins. What arrives late is put where it belongs, so that any day can be judged again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from inventory.store import revisions
from inventory.store.rows import Name, Series, confirm, named, write
from inventory.store.rows import Subject as Subject
from inventory.store.series import Held, splice
from inventory.store.tables import FACTS, FOREVER, asset
from inventory.text import storable
from inventory.vocabulary import Vocabulary, instant, moment, read_value, write_value
from inventory.words import Fact, InputError, Proof

FUTURE = timedelta(minutes=5)
"""How far a source's clock may be ahead before its facts are refused."""

NO_ROW = "(no row)"
"""The item of the row that says that a table was read and had none."""

DAILY = -1
"""In the place of how long a gap may be: of each day the last value is kept."""
_AHEAD, _A_DAY = 7 * 3_600_000, 24 * 3_600_000
_CHUNK = 400
_LONGEST = 300
"""Characters of a row's name in a table fact."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording facts did to the store."""

    facts: int = 0
    new: int = 0
    """Rows that began: a first value, a changed one, or one that came back after a gap."""
    grown: frozenset[tuple[Subject, str]] = frozenset()
    """The subjects and keys of which a table has an item that it never had."""


def record(
    connection: Connection,
    vocabulary: Vocabulary,
    facts: Mapping[str, Iterable[tuple[Subject, Fact]]],
    now: datetime,
) -> Recorded:
    """Record facts by kind of subject, each with its subject's id.

    Recording the same facts again changes nothing.

    Raises:
        InputError: an unknown key, a key of another subject, a value that is not of the key's type, or a time more
            than `FUTURE` ahead of `now`. The caller's transaction is then to be given up: nothing is half-stored.
    """
    total = new = 0
    earliest: int | None = None
    grown: set[tuple[Subject, str]] = set()
    for kind, pairs in facts.items():
        by_subject: dict[Subject, list[_Said]] = {}
        ages: dict[str, int | None] = {}
        times: dict[datetime, int] = {}
        for subject, fact in pairs:
            key = vocabulary.keys.get(fact.key)
            if key is None or key.of != kind:
                raise InputError(f"fact {fact.key!r} of {fact.source}: expected a key of the {kind}'s facts")
            key.check(fact.value)
            if (at := times.get(fact.observed_at)) is None:
                at = check_time(f"fact {fact.key!r} of {fact.source}", fact.observed_at, now)
                times[fact.observed_at] = at
                earliest = at if earliest is None else min(earliest, at)
            if fact.key not in ages:
                kept = DAILY if key.daily else None
                ages[fact.key] = int(key.max_age.total_seconds() * 1000) if key.history else kept
            name = (subject, fact.key, _item(fact.item) if fact.item else "", fact.source)
            said = (name, write_value(key, fact.value), int(fact.proof), at, ages[fact.key])
            by_subject.setdefault(subject, []).append(said)
            total += 1
        subjects = list(by_subject)
        for start in range(0, len(subjects), _CHUNK):
            chunk = subjects[start : start + _CHUNK]
            begun, longer = _record_chunk(connection, kind, {s: by_subject[s] for s in chunk}, instant(now))
            new += begun
            grown |= longer
    revisions.note_late(connection, earliest, now)
    return Recorded(total, new, frozenset(grown))


def check_time(what: str, at: datetime, now: datetime) -> int:
    """The instant of a time that a source states.

    Raises:
        InputError: a time without its zone, before 1970, or more than `FUTURE` ahead of `now`.
    """
    if at.tzinfo is None or at.year < 1970:
        raise InputError(f"{what}: found the time {at.isoformat()}, expected one with its zone, since 1970")
    if at > now + FUTURE:
        raise InputError(
            f"{what}: found the time {at.isoformat()}, which is in the future; expected one not after "
            f"{now.astimezone(UTC).isoformat()}: check the source's clock"
        )
    return instant(at)


def _item(name: str) -> str:
    """A row's name as the store keeps it: PostgreSQL's keys have a limit of about 2,700 bytes."""
    name = storable(name)
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}… {hashlib.sha256(name.encode()).hexdigest()[:16]}"


#: The name of a series, what was said, on which proof, when, and how long a gap may be; None: no history is kept, or
#: `DAILY`.
_Said = tuple[Name, str | None, int, int, int | None]


def _record_chunk(
    connection: Connection, kind: str, by_subject: Mapping[Subject, Sequence[_Said]], now: int
) -> tuple[int, set[tuple[Subject, str]]]:
    keys = {name[1] for rows in by_subject.values() for name, *_ in rows}
    rows = connection.execute(_HEADS[kind], {"subjects": list(by_subject), "keys": sorted(keys)}).all()
    heads: dict[Name, tuple[int, int, str | None, int]] = {
        (subject, key, item, source): (first, last, value, proof)
        for subject, key, item, source, first, last, value, proof in rows
    }
    found: dict[Name, Series] = {}
    # Of keys that are judged, what the other sources say: a dispute makes it matter when each was confirmed.
    beside: dict[tuple[Subject, str], dict[Name, Series]] = {}
    for name, (first, last, value, proof) in heads.items():
        if not name[2]:
            found[name] = Series([Held(first, last, value, proof)], first)
            beside.setdefault(name[:2], {})[name] = found[name]
    confirmed: dict[Name, int] = {}
    for said in by_subject.values():
        for name, value, proof, at, age in said:
            series = found.get(name)
            if series is None and (head := heads.get(name)) is not None:
                first, last, stored, on = head
                last = confirmed.get(name, last)
                if stored == value and on == proof:
                    # Most rows of a table are as they were: of these only the time moves.
                    if first <= at <= last:
                        continue
                    if age is not None and last < at <= last + age:
                        confirmed[name] = at
                        continue
                confirmed.pop(name, None)
                series = found[name] = Series([Held(first, last, stored, on)], first, moved=last != head[1])
            seen = Held(at, at, value, proof)
            if series is None:
                found[name] = Series([seen])
                if not name[2]:
                    beside.setdefault(name[:2], {})[name] = found[name]
            elif age is None or age == DAILY:
                if at > series.rows[-1].last:
                    _replace(series, seen, keep=age == DAILY)
            elif series.stored is None and at > series.rows[-1].last:
                others = beside.get(name[:2], {}) if not name[2] else {}
                disputed = len(others) > 1 and _is_disputed(connection, kind, others, series.rows[-1], seen)
                _advance(series, seen, age, disputed)
            elif not (series.rows[-1].first <= at <= series.rows[-1].last and series.rows[-1].same(seen)):
                if series.stored is None:
                    _read_whole(connection, kind, name, series)
                series.rows = splice(series.rows, seen, age)
    if confirmed:
        confirm(connection, kind, {name: head[:2] for name, head in heads.items()}, confirmed)
    return write(connection, kind, found, now)


def _is_disputed(connection: Connection, kind: str, others: Mapping[Name, Series], head: Held, seen: Held) -> bool:
    """Whether another source of the same proof contradicted `seen` when it was last confirmed or since.

    Then its word was taken in between. One row over that time would say that this value was confirmed all along, and
    judging that day again would find otherwise.
    """
    t = FACTS[kind]
    for name, other in others.items():
        newest = other.rows[-1]
        if newest is head or newest.last < head.last:
            continue
        if any(row.last >= head.last and row.contradicts(seen) for row in other.rows):
            return True
        if other.stored is None and other.head_first is not None and other.head_first >= head.last:
            query = select(t.c.first, t.c.last, t.c.value, t.c.proof).where(named(t, name), t.c.last >= head.last)
            if any(Held(*row).contradicts(seen) for row in connection.execute(query)):
                return True
    return False


def _replace(series: Series, seen: Held, *, keep: bool) -> None:
    """Put a value in place of the last one, which is kept where it is of a day before and `keep` says so."""
    head = series.rows[-1]
    series.moved = True
    if keep and _day_of(head.last) != _day_of(seen.first):
        head.until = seen.first
        series.rows.append(seen)
    else:
        series.rows[-1] = seen


def _day_of(at: int) -> int:
    """The day of Vietnam of an instant, whose clocks have been seven hours ahead since long before any fact."""
    return (at + _AHEAD) // _A_DAY


def _advance(series: Series, seen: Held, age: int, disputed: bool) -> None:
    head = series.rows[-1]
    series.moved = True
    if head.same(seen) and not disputed and seen.first - head.last <= age:
        head.last = seen.first
    else:
        head.until = seen.first
        series.rows.append(seen)


def _read_whole(connection: Connection, kind: str, name: Name, series: Series) -> None:
    """Put the stored rows of a series before those that are already there because something came late."""
    t = FACTS[kind]
    query = select(t.c.first, t.c.last, t.c.value, t.c.proof, t.c.until).where(named(t, name)).order_by(t.c.first)
    series.stored = [Held(*row) for row in connection.execute(query)]
    series.rows[:0] = [replace(h) for h in series.stored if series.head_first is None or h.first < series.head_first]


# Made once: building a statement costs more than running it.
_HEADS = {
    kind: select(t.c.subject, t.c.key, t.c.item, t.c.source, t.c.first, t.c.last, t.c.value, t.c.proof).where(
        t.c.subject.in_(bindparam("subjects", expanding=True)),
        t.c.key.in_(bindparam("keys", expanding=True)),
        t.c.until == FOREVER,
    )
    for kind, t in FACTS.items()
}


# --- reading --------------------------------------------------------------------------------------------------------


def read(
    connection: Connection,
    vocabulary: Vocabulary,
    kind: str,
    subjects: Collection[Subject],
    at: datetime,
    keys: Collection[str] | None = None,
) -> dict[Subject, list[Fact]]:
    """What every source said of these subjects as of `at`, tables included, the best proof first.

    `observed_at` is when it was last confirmed up to `at`. For assets, `subjects` are roots and what was said of the
    assets merged into them is theirs.
    """
    t, time = FACTS[kind], instant(at)
    result: dict[Subject, list[Fact]] = {s: [] for s in subjects}
    names = list(subjects)
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        owner = asset.c.root if kind == "asset" else t.c.subject
        query = select(owner, t.c.key, t.c.item, t.c.source, t.c.first, t.c.last, t.c.proof, t.c.value).where(
            owner.in_(chunk), t.c.first <= time, t.c.until > time
        )
        if kind == "asset":
            query = query.join_from(t, asset, asset.c.id == t.c.subject)
        if keys is not None:
            query = query.where(t.c.key.in_(keys))
        for subject, name, item, source, first, last, proof, value in connection.execute(query):
            key = vocabulary.keys.get(name)
            if key is not None:
                said = read_value(key, value)
                seen = moment(min(last, time))
                result[subject].append(Fact(name, said, source, seen, Proof(proof), item, moment(first)))
    for facts in result.values():
        facts.sort(key=lambda f: (f.key, f.item, f.proof, -f.observed_at.timestamp(), f.source))
    return result


def take(vocabulary: Vocabulary, facts: Iterable[Fact], at: datetime) -> dict[str, Fact]:
    """For each key the fact that is taken as of `at`: known, fresh, of the best proof, then the newest.

    A key of which nothing usable is known is absent. Tables are left out.
    """
    taken: dict[str, Fact] = {}
    for fact in facts:
        if vocabulary.is_table(fact.key) or fact.value is None or is_stale(vocabulary, fact, at):
            continue
        best = taken.get(fact.key)
        if best is None or _rank(fact) > _rank(best):
            taken[fact.key] = fact
    return taken


def _rank(fact: Fact) -> tuple[int, float, str]:
    return -fact.proof, fact.observed_at.timestamp(), str(fact.value)


def is_stale(vocabulary: Vocabulary, fact: Fact, at: datetime) -> bool:
    """Whether the fact is older at `at` than its key allows."""
    return at - fact.observed_at > vocabulary.max_age(fact.key)


def conflicts(vocabulary: Vocabulary, facts: Iterable[Fact], at: datetime) -> dict[str, list[Fact]]:
    """The keys on which fresh sources disagree as of `at`, each with what they say, the one taken first."""
    said: dict[str, list[Fact]] = {}
    for fact in facts:
        if not vocabulary.is_table(fact.key) and fact.value is not None and not is_stale(vocabulary, fact, at):
            said.setdefault(fact.key, []).append(fact)
    return {
        key: sorted(rows, key=_rank, reverse=True)
        for key, rows in said.items()
        if len({str(f.value) for f in rows}) > 1
    }


def table_rows(vocabulary: Vocabulary, facts: Iterable[Fact], key: str, at: datetime) -> list[Fact]:
    """The rows of a table fact that are there as of `at`.

    A row that its source did not confirm when it last read the table is gone.
    """
    rows = [f for f in facts if f.key == key and f.value is not None and not is_stale(vocabulary, f, at)]
    newest: dict[str, datetime] = {}
    for fact in rows:
        newest[fact.source] = max(newest.get(fact.source, fact.observed_at), fact.observed_at)
    return [f for f in rows if f.observed_at == newest[f.source] and f.item != NO_ROW]


def history(
    connection: Connection, vocabulary: Vocabulary, kind: str, subject: Subject, *, limit: int = 1000
) -> list[tuple[Fact, datetime | None]]:
    """What was ever said of one subject, newest first: each fact with when it was replaced (None: it is the newest).

    `held_since` is when the source first said so, `observed_at` when it last confirmed it.
    """
    t = FACTS[kind]
    owner = asset.c.root if kind == "asset" else t.c.subject
    query = select(t).where(owner == subject).order_by(t.c.first.desc(), t.c.key, t.c.item, t.c.source).limit(limit)
    if kind == "asset":
        query = query.join_from(t, asset, asset.c.id == t.c.subject)
    rows = []
    for row in connection.execute(query):
        key = vocabulary.keys.get(row.key)
        if key is not None:
            fact = Fact(
                row.key, read_value(key, row.value), row.source, moment(row.last), Proof(row.proof), row.item,
                moment(row.first),
            )  # fmt: skip
            rows.append((fact, None if row.until == FOREVER else moment(row.until)))
    return rows
