"""Facts in the store: what each source said, from when to when; the value taken; conflicts and history.

History keeps runs, not repetitions: one row for a value held without a gap longer than the key's maximum age. The rows
of one series (subject, key, item, source) never overlap: each has the time it was first and last observed and `until`,
where the next one begins. What arrives late is put where it belongs, so that any day can be judged again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from inventory.refusing import both
from inventory.store import digests, revisions
from inventory.store.digests import Kept, TableOf
from inventory.store.rows import Confirmed, Name, Series, confirm, named, write
from inventory.store.rows import Subject as Subject
from inventory.store.series import Held, splice
from inventory.store.tables import FACTS, FOREVER, asset
from inventory.text import storable
from inventory.vocabulary import Key, Vocabulary, instant, moment, read_value, write_value
from inventory.words import Fact, InputError, Proof, Title

FUTURE = timedelta(minutes=5)
"""How far a source's clock may be ahead before its facts are refused."""

NO_ROW = "(no row)"
"""The item of the row that says that a table was read and had none."""

DAILY = -1
"""In the place of how long a gap may be: of each day the last value is kept."""
_AHEAD, _A_DAY = 7 * 3_600_000, 24 * 3_600_000
_CHUNK = 400
_MANY = 16
"""Of tables from so many rows on a digest is kept."""
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
    tables: frozenset[tuple[Subject, str, str, int]] = frozenset()
    """The tables of which rows were told: subject, key, source, and when (milliseconds)."""


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
    instants: set[int] = set()
    grown: set[tuple[Subject, str]] = set()
    tables: set[tuple[Subject, str, str, int]] = set()
    for kind, pairs in facts.items():
        by_subject: dict[Subject, list[_Told]] = {}
        for told in _gather(vocabulary, kind, pairs, now):
            by_subject.setdefault(told.subject, []).append(told)
            instants.add(told.at)
            total += len(told.rows)
            if "" not in told.rows:
                tables.add((*told.table, told.at))
        subjects = list(by_subject)
        for start in range(0, len(subjects), _CHUNK):
            chunk = [told for subject in subjects[start : start + _CHUNK] for told in by_subject[subject]]
            begun, longer = _record_chunk(connection, kind, chunk, instant(now))
            new += begun
            grown |= longer
    revisions.note_late(connection, min(instants, default=None), now)
    return Recorded(total, new, frozenset(grown), frozenset(tables))


@dataclass(slots=True)
class _Told:
    """What one source said of one subject at one time under one key: one value, or rows of a table."""

    subject: Subject
    key: str
    source: str
    at: int
    proof: int
    age: int | None
    """How long a gap may be (milliseconds); None: no history is kept, or `DAILY`."""
    rows: dict[str, str | None]
    """The value as it is stored, by item."""

    @property
    def table(self) -> TableOf:
        """The table that these are rows of."""
        return self.subject, self.key, self.source


def _gather(vocabulary: Vocabulary, kind: str, pairs: Iterable[tuple[Subject, Fact]], now: datetime) -> Iterator[_Told]:
    """The facts, checked, those that stand together as one."""
    told: _Told | None = None
    key: Key | None = None
    common: tuple[object, ...] = ()
    for subject, fact in pairs:
        item = fact.item and _item(fact.item)
        # Compared as one: of the rows of a table, of which there are thousands, these are the same objects.
        shared = (subject, fact.key, fact.observed_at, fact.source, fact.proof)
        if told is None or key is None or shared != common or item in told.rows:
            if told is not None:
                yield told
            key = vocabulary.keys.get(fact.key)
            if key is None or key.of != kind:
                raise InputError(f"fact {fact.key!r} of {fact.source}: expected a key of the {kind}'s facts")
            at = check_time(f"fact {fact.key!r} of {fact.source}", fact.observed_at, now)
            told = _Told(subject, fact.key, fact.source, at, int(fact.proof), _gap(key), {})
            common = shared
        value = fact.value
        if type(value) is not dict or key.type != "table":
            key.check(value)
        told.rows[item] = write_value(key, value)
    if told is not None:
        yield told


def _gap(key: Key) -> int | None:
    if key.history:
        return int(key.max_age.total_seconds() * 1000)
    return DAILY if key.daily else None


def check_time(place: Title | str, at: datetime, now: datetime) -> int:
    """The instant of a time that a source states.

    Raises:
        InputError: a time without its zone, before 1970, or more than `FUTURE` ahead of `now`.
    """
    what = both(place)
    if at.tzinfo is None or at.year < 1970:
        raise InputError(
            Title(
                f"{what.vi}: gặp thời gian {at.isoformat()}, cần thời gian có múi giờ, từ năm 1970",
                f"{what.en}: found the time {at.isoformat()}, expected one with its zone, since 1970",
            )
        )
    if at > now + FUTURE:
        raise InputError(
            Title(
                f"{what.vi}: gặp thời gian {at.isoformat()}, ở tương lai; cần không sau "
                f"{now.astimezone(UTC).isoformat()}: hãy kiểm tra đồng hồ của nguồn",
                f"{what.en}: found the time {at.isoformat()}, which is in the future; expected one not after "
                f"{now.astimezone(UTC).isoformat()}: check the source's clock",
            )
        )
    return instant(at)


def _item(name: str) -> str:
    """A row's name as the store keeps it: PostgreSQL's keys have a limit of about 2,700 bytes."""
    if len(name) <= _LONGEST and name.isascii() and "\0" not in name:  # as nearly all of thousands are
        return name
    name = storable(name)
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}… {hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _record_chunk(
    connection: Connection, kind: str, chunk: Sequence[_Told], now: int
) -> tuple[int, set[tuple[Subject, str]]]:
    """Record what was told of some subjects; how many rows began, and where a table has an item that it never had."""
    times = Counter(told.table for told in chunk)
    tables = [told for told in chunk if kind == "asset" and "" not in told.rows]
    kept = digests.stored(connection, [told.table for told in tables])
    keep: dict[TableOf, Kept] = {}
    for told in tables:
        if len(told.rows) >= _MANY and told.age is not None and told.age != DAILY and times[told.table] == 1:
            keep[told.table] = Kept(told.at, len(told.rows), digests.digest(told.rows, told.proof))
    rest = []
    for told in chunk:
        before, seen = kept.get(told.table), keep.get(told.table)
        if before is None or seen is None or not _is_as_before(connection, told, before, seen):
            rest.append(told)
        else:
            del keep[told.table], kept[told.table]
    done = _Chunk(connection, kind, times, _heads(connection, kind, rest))
    for told in rest:
        done.add(told)
    for table in [table for table, seen in keep.items() if done.newest(table) >= seen.last]:
        del keep[table]
    digests.forget(connection, [table for table in kept if table not in keep])
    digests.keep(connection, keep, kept)
    return done.write(now)


def _is_as_before(connection: Connection, told: _Told, before: Kept, seen: Kept) -> bool:
    """Whether a table is as it was told last, no longer ago than a gap may be; then its rows are confirmed."""
    same = (before.count, before.digest) == (seen.count, seen.digest)
    soon = told.age is not None and before.last < told.at <= before.last + told.age
    return same and soon and digests.confirm_all(connection, told.table, before, told.at)


_Head = tuple[int, int, str | None, int]
"""Of the newest row of a series: when it was first and last observed, the value, on which proof."""


def _heads(connection: Connection, kind: str, chunk: Sequence[_Told]) -> dict[TableOf, dict[str, _Head]]:
    """The newest rows of everything that is known under these keys of these subjects, by item."""
    found: dict[TableOf, dict[str, _Head]] = {}
    if not chunk:
        return found
    of = {"subjects": list({told.subject: None for told in chunk}), "keys": sorted({told.key for told in chunk})}
    for subject, key, source, item, first, last, value, proof in connection.execute(_HEADS[kind], of):
        table = (subject, key, source)
        if (rows := found.get(table)) is None:
            rows = found[table] = {}
        rows[item] = (first, last, value, proof)
    return found


class _Chunk:
    """What some subjects' facts do to the rows that are stored."""

    def __init__(
        self,
        connection: Connection,
        kind: str,
        times: Mapping[TableOf, int],
        heads: Mapping[TableOf, Mapping[str, _Head]],
    ) -> None:
        self._connection, self._kind = connection, kind
        self._times, self._heads = times, heads
        self._found: dict[Name, Series] = {}
        # Of keys that are judged, what the other sources say: a dispute makes it matter when each was confirmed.
        self._beside: dict[tuple[Subject, str], dict[Name, Series]] = {}
        self._confirmed: list[Confirmed] = []
        self._new: list[_Told] = []
        for (subject, key, source), rows in heads.items():
            if (head := rows.get("")) is not None:
                self._remember((subject, key, "", source), _series(head))

    def newest(self, table: TableOf) -> int:
        """When a row of the table was last observed, as it is stored."""
        return max((last for _, last, _, _ in self._heads.get(table, {}).values()), default=0)

    def add(self, told: _Told) -> None:
        """Take in what was told."""
        heads = self._heads.get(told.table, {})
        once = self._times[told.table] == 1 and "" not in told.rows
        if once and not heads:
            self._new.append(told)
            return
        confirmed: list[str] = []
        for item, value in told.rows.items():
            if once and (head := heads.get(item)) is not None:
                first, last, stored, on = head
                if stored == value and on == told.proof:
                    # Most rows of a table are as they were: of these only the time moves.
                    if first <= told.at <= last:
                        continue
                    if told.age is not None and last < told.at <= last + told.age:
                        confirmed.append(item)
                        continue
            self._add(told, item, value)
        if confirmed:
            self._confirmed.append(Confirmed(told.table, heads, confirmed, told.at))

    def _add(self, told: _Told, item: str, value: str | None) -> None:
        """Take in one value, wherever it belongs."""
        name, at, age = (told.subject, told.key, item, told.source), told.at, told.age
        series = self._found.get(name)
        if series is None and (head := self._heads.get(told.table, {}).get(item)) is not None:
            series = self._remember(name, _series(head))
        seen = Held(at, at, value, told.proof)
        if series is None:
            self._remember(name, Series([seen]))
        elif age is None or age == DAILY:
            if at > series.rows[-1].last:
                _replace(series, seen, keep=age == DAILY)
        elif series.stored is None and at > series.rows[-1].last:
            others = self._beside.get(name[:2], {}) if not item else {}
            disputed = len(others) > 1 and _is_disputed(self._connection, self._kind, others, series.rows[-1], seen)
            _advance(series, seen, age, disputed)
        elif not (series.rows[-1].first <= at <= series.rows[-1].last and series.rows[-1].same(seen)):
            if series.stored is None:
                _read_whole(self._connection, self._kind, name, series)
            series.rows = splice(series.rows, seen, age)

    def _remember(self, name: Name, series: Series) -> Series:
        self._found[name] = series
        if not name[2]:
            self._beside.setdefault(name[:2], {})[name] = series
        return series

    def write(self, now: int) -> tuple[int, set[tuple[Subject, str]]]:
        """Store it; how many rows began, and the subjects and keys of which a table has an item that it never had."""
        confirm(self._connection, self._kind, self._confirmed)
        began = [
            (told.subject, told.key, item, told.source, told.at, told.at, FOREVER, value, told.proof, now)
            for told in self._new
            for item, value in told.rows.items()
        ]
        new, grown = write(self._connection, self._kind, self._found, began, now)
        return new, grown | {(told.subject, told.key) for told in self._new}


def _series(head: _Head) -> Series:
    first, last, value, proof = head
    return Series([Held(first, last, value, proof)], first)


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
    kind: select(t.c.subject, t.c.key, t.c.source, t.c.item, t.c.first, t.c.last, t.c.value, t.c.proof).where(
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
