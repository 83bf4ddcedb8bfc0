"""Backups in the store: which asset a report is about, the jobs that each source tells, and what follows for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address

from sqlalchemy import Connection, String, func, literal_column, select

from inventory.backups import BACKUP, KEY, RESTORE, Job, join, read_row, sum_up, write_row
from inventory.identity import normalise
from inventory.periods import ZONE
from inventory.refusing import all_of, amiss, within
from inventory.store import facts, registers
from inventory.store.facts import NO_ROW
from inventory.store.tables import FACTS, FOREVER, address, asset, identifier
from inventory.text import fold
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import Fact, InputError, Proof, Title, Value

__all__ = ["SOURCE", "BackupState", "Outcome", "Told", "conclude_of", "listed", "take_in"]

SOURCE = "backups"
"""Who says how a system stands by all its jobs."""
_SHOWN = ("last_backup", "last_backup_ok", "last_restore_test")
ASKED = ("server", "storage", "hypervisor")
"""The roles that are listed also where nobody tells of their backups."""
_GONE, _WRITING = "gone", "writing"
_PLACED = ("agency", "sysname", "role", "address")
_NEVER = datetime.min.replace(tzinfo=UTC)
_CHUNK = 400
_COMPLAINTS = 20
_MOST_JOBS = 200
"""Jobs of one system that one source may tell of."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one job of a system that is named as people name it."""

    place: Title | str
    """Where it stands: a row, an entry of a request."""
    system: str
    """The asset's name, serial number or IP address."""
    job: Job
    agency: str | None = None
    """Its agency's code; an address tells a system only together with it."""
    ended: bool = False
    """Whether there is no such job any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    jobs: int = 0
    """Jobs of systems that are known."""
    systems: tuple[int, ...] = ()
    unknown: tuple[tuple[Told, Title], ...] = ()
    """What is about no known system, and why."""
    new: int = 0
    """Jobs that are new, or of which something else than before is known."""


def take_in(
    connection: Connection,
    vocabulary: Vocabulary,
    source: str,
    proof: Proof,
    told: Sequence[Told],
    now: datetime,
    *,
    agency: str | None = None,
    folder: str | None = None,
    strict: bool = True,
    dry: bool = False,
) -> Outcome:
    """Store what a source tells of jobs beside what it told of others, and conclude how their systems stand.

    Args:
        agency: the only one of which the source may tell.
        folder: all that there is in this folder was told: what it held before and holds no more is no backup.
        strict: with a system that is not known nothing is stored.
        dry: nothing is stored; it is told what would come of it.

    Raises:
        InputError: naming each system that is not known or is another agency's (with `strict`), too many jobs of one
            system, or a time that lies ahead.
    """
    by_asset: dict[int, list[Told]] = {}
    unknown: list[tuple[Told, Title]] = []
    find = _Finder(connection, vocabulary, now)
    for one in told:
        if one.job.tried is not None:
            facts.check_time(one.place, one.job.tried, now)
        # Whoever may tell of one agency alone does not get at another by naming it.
        number, why = find(one.system, agency or one.agency, only=agency)
        if agency is not None and one.agency not in (None, agency):
            number, why = (
                None,
                Title(
                    f"của {one.agency}; cần thiết bị của {agency}: token này chỉ dành cho cơ quan đó",
                    f"of {one.agency}; expected an asset of {agency}: the token is for this agency alone",
                ),
            )
        if number is None:
            unknown.append((one, why))
        else:
            by_asset.setdefault(number, []).append(one)
    if unknown and strict:
        raise InputError(all_of(_complaints(unknown), _COMPLAINTS))
    at = _after(connection, by_asset, now)
    known = _jobs_of(connection, vocabulary, source, set(by_asset), at)
    if folder is not None:
        for number, jobs in _jobs_in(connection, vocabulary, source, folder, at).items():
            known.setdefault(number, {}).update(jobs)
            by_asset.setdefault(number, [])
        at = _after(connection, by_asset, at)
    said: list[tuple[facts.Subject, Fact]] = []
    new = 0
    for number, own in by_asset.items():
        jobs = _merged(known.get(number, {}), own, folder, now)
        if len(jobs) > _MOST_JOBS:
            found = Title(f"{len(jobs)} việc sao lưu của {own[0].system}", f"{len(jobs)} jobs of {own[0].system}")
            most = Title(f"nhiều nhất {_MOST_JOBS}", f"at most {_MOST_JOBS}")
            raise InputError(amiss(own[0].place, found, most))
        new += _changes(known.get(number, {}), jobs)
        rows: dict[str, dict[str, object]] = {name: write_row(job) for name, job in jobs.items()}
        said += [(number, Fact(KEY, row, source, at, proof, item)) for item, row in (rows or {NO_ROW: {}}).items()]
    if not dry:
        facts.record(connection, vocabulary, {"asset": said}, now)
        _conclude(connection, vocabulary, by_asset, at, now)
    return Outcome(sum(map(len, by_asset.values())), tuple(sorted(by_asset)), tuple(unknown), new)


def _after(connection: Connection, numbers: Collection[int], at: datetime) -> datetime:
    """The time, or the first after all that is known of these assets' backups.

    Reports wait for each other to be stored: one that came first may be stored last, and is no older for that.
    """
    newest, names, t = instant(at), sorted(numbers), FACTS["asset"]
    for start in range(0, len(names), _CHUNK):
        query = (
            select(func.max(t.c.last))
            .join(asset, asset.c.id == t.c.subject)
            .where(asset.c.root.in_(names[start : start + _CHUNK]), t.c.key.in_((KEY, *BACKUP, *RESTORE)))
        )
        newest = max(newest, (connection.scalar(query) or -1) + 1)
    return moment(newest)


def _complaints(unknown: Sequence[tuple[Told, Title]]) -> list[Title]:
    told = []
    for one, why in unknown:
        where, found = within(one.place, "system"), f"{one.system!r:.80}"
        told.append(Title(f"{where.vi}: gặp {found}, {why.vi}", f"{where.en}: found {found}, {why.en}"))
    return told


def _changes(before: Mapping[str, Job], after: Mapping[str, Job]) -> int:
    """How many jobs are new, gone, or not as they were; to have been told of again is no change."""
    names = before.keys() | after.keys()
    then, now = ({n: replace(job, seen=_NEVER) for n, job in jobs.items()} for jobs in (before, after))
    return sum(then.get(name) != now.get(name) for name in names)


def _merged(known: Mapping[str, Job], told: Iterable[Told], folder: str | None, now: datetime) -> dict[str, Job]:
    """A source's jobs of one system, once it told these."""
    jobs = dict(known)
    listed = set()
    for one in told:
        listed.add(one.job.name)
        former = jobs.get(one.job.name)
        if one.ended:
            jobs.pop(one.job.name, None)
        elif folder is not None and one.job.why == _WRITING and former is not None and former.ok is not None:
            # What is not whole yet is no answer: what was known before stands until it is.
            jobs[one.job.name] = replace(former, seen=max(former.seen, one.job.seen))
        else:
            # A folder shows all that there is; a report tells of one attempt.
            jobs[one.job.name] = one.job if folder is not None else join(former, one.job)
    for name, job in jobs.items():
        if folder is not None and job.told == folder and name not in listed:
            jobs[name] = replace(job, seen=now, finished=None, ok=False, why=_GONE, size=None)
    return jobs


def _jobs_of(
    connection: Connection, vocabulary: Vocabulary, source: str, numbers: Collection[int], now: datetime
) -> dict[int, dict[str, Job]]:
    """The jobs that a source told of these assets, by name."""
    said = facts.read(connection, vocabulary, "asset", sorted(numbers), now, {KEY}) if numbers else {}
    return {
        int(root): {
            f.item: read_row(f.item, f.value, f.observed_at)
            for f in facts.table_rows(vocabulary, [f for f in own if f.source == source], KEY, now)
            if isinstance(f.value, dict)
        }
        for root, own in said.items()
    }


def _jobs_in(
    connection: Connection, vocabulary: Vocabulary, source: str, folder: str, now: datetime
) -> dict[int, dict[str, Job]]:
    """All jobs of the assets of which a source found one in this folder."""
    t = FACTS["asset"]
    query = (
        select(asset.c.root)
        .join(t, t.c.subject == asset.c.id)
        .where(t.c.key == KEY, t.c.source == source, t.c.until == FOREVER)
    )
    told = _jobs_of(connection, vocabulary, source, {int(root) for root in connection.scalars(query)}, now)
    return {root: jobs for root, jobs in told.items() if any(job.told == folder for job in jobs.values())}


# --- which asset ------------------------------------------------------------------------------------------------------

UNKNOWN = Title(
    "cần tên hoặc số sê-ri của một thiết bị đã biết, hoặc địa chỉ của nó kèm cơ quan",
    "expected the name or serial number of a known asset, or its address together with its agency",
)


class _Finder:
    """Finds assets by what people call them, as of one instant."""

    def __init__(self, connection: Connection, vocabulary: Vocabulary, now: datetime) -> None:
        self._connection, self._vocabulary, self._now = connection, vocabulary, now
        self._names: dict[str, set[int]] | None = None
        self._taken: dict[int, dict[str, str]] = {}

    def __call__(self, system: str, agency: str | None, *, only: str | None) -> tuple[int | None, Title]:
        """The asset by address, serial number or name, in this agency where one is given; or why there is none."""
        text = system.strip()
        try:
            found = self._at(str(ip_address(text)), agency)
        except ValueError:
            found = self._of_serial(text) or self._named(text)
        fits = {n for n in found if agency is None or self._of(n).get("agency") == agency}
        if len(fits) == 1:
            return fits.pop(), Title("", "")
        if fits:
            return None, Title(
                f"là tên của {len(fits)} thiết bị; cần đúng một: hãy nêu cơ quan hoặc số sê-ri của nó",
                f"which {len(fits)} assets are called; expected one: name its agency or its serial number",
            )
        if found and only is not None:
            return None, Title(
                f"cần thiết bị của {only}: token này chỉ dành cho cơ quan đó",
                f"expected an asset of {only}: the token is for this agency alone",
            )
        if found:
            return None, Title(f"cần thiết bị của cơ quan {agency}", f"expected an asset of the agency {agency}")
        return None, UNKNOWN

    def _at(self, where: str, agency: str | None) -> set[int]:
        """An address counts only inside the networks of an agency: every one has a 192.168.1.0/24."""
        if agency is None:
            return set()
        day = self._now.astimezone(ZONE).date()
        networks = [n.code for n in registers.networks_of(self._connection, agency, day)]
        query = (
            select(asset.c.root)
            .join(address, address.c.asset == asset.c.id)
            .where(address.c.address == where, address.c.network.in_(networks))
        )
        return {int(root) for root in self._connection.scalars(query)}

    def _of_serial(self, text: str) -> set[int]:
        plain = normalise("serial", text)
        if plain is None:
            return set()
        query = (
            select(asset.c.root)
            .join(identifier, identifier.c.asset == asset.c.id)
            .where(identifier.c.kind == "serial", identifier.c.value == plain, identifier.c.shared.is_(False))
        )
        return {int(root) for root in self._connection.scalars(query)}

    def _named(self, text: str) -> set[int]:
        """By its whole name, else by what stands before the first dot on one of both sides."""
        name = fold(text)
        if self._names is None:
            self._names = self._read_names()
        whole = self._names.get(name, set())
        found = whole or self._names.get(name.partition(".")[0], set())
        # What somebody called it once is not its name now.
        return {n for n in found if name and self._is_called(n, name)}

    def _is_called(self, number: int, name: str) -> bool:
        own = fold(self._of(number).get("sysname", ""))
        return own == name or (("." in own) != ("." in name) and own.partition(".")[0] == name.partition(".")[0])

    def _read_names(self) -> dict[str, set[int]]:
        t = FACTS["asset"]
        query = (
            select(asset.c.root, t.c.value)
            .join(t, t.c.subject == asset.c.id)
            .where(t.c.key == "sysname", t.c.until == FOREVER, t.c.value.is_not(None))
        )
        names: dict[str, set[int]] = {}
        for root, value in self._connection.execute(query):
            name = fold(value)
            for each in {name, name.partition(".")[0]}:
                names.setdefault(each, set()).add(int(root))
        return names

    def _of(self, number: int) -> dict[str, str]:
        if number not in self._taken:
            said = facts.read(self._connection, self._vocabulary, "asset", [number], self._now, _PLACED)[number]
            taken = facts.take(self._vocabulary, said, self._now)
            self._taken[number] = {key: str(fact.value) for key, fact in taken.items()}
        return self._taken[number]


# --- what follows -----------------------------------------------------------------------------------------------------


def _conclude(
    connection: Connection, vocabulary: Vocabulary, numbers: Collection[int], at: datetime, now: datetime
) -> None:
    """Record how these assets stand at `at` by the jobs that all their sources tell."""
    said = facts.read(connection, vocabulary, "asset", sorted(numbers), at, {KEY}) if numbers else {}
    told: list[tuple[facts.Subject, Fact]] = []
    for root, own in said.items():
        jobs = _told(vocabulary, own, at)
        standing = sum_up(((job, proof) for job, proof, _ in jobs), at, vocabulary.max_age("last_backup"))
        values: Mapping[str, Value] = standing.values if standing else dict.fromkeys(BACKUP)
        for key, value in values.items():
            proof = Proof.MEASURED if standing is None else standing.proof
            if standing is not None and key in RESTORE:
                proof = standing.restore_proof
            told.append((root, Fact(key, value, SOURCE, at, proof)))
    facts.record(connection, vocabulary, {"asset": told}, now)


def conclude_of(
    connection: Connection, vocabulary: Vocabulary, said: Iterable[tuple[facts.Subject, Fact]], now: datetime
) -> None:
    """Conclude anew for the assets of which jobs were told just now."""
    told = {subject: fact.observed_at for subject, fact in said if fact.key == KEY}
    for subject, at in told.items():
        root = connection.execute(select(asset.c.root).where(asset.c.id == subject)).scalar_one()
        _conclude(connection, vocabulary, [root], _after(connection, [root], at), now)


def _told(vocabulary: Vocabulary, said: Iterable[Fact], at: datetime) -> list[tuple[Job, Proof, str]]:
    """The jobs of one asset as its sources tell them, with proof and source."""
    return [
        (read_row(fact.item, fact.value, fact.observed_at), fact.proof, fact.source)
        for fact in facts.table_rows(vocabulary, said, KEY, at)
        if isinstance(fact.value, dict)
    ]


# --- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BackupState:
    """How one system stands; None is unknown."""

    asset: int
    name: str
    role: str
    agency: str
    """The code under which it counts, empty where it is of none."""
    last_backup: datetime | None = None
    ok: bool | None = None
    restore_tested: datetime | None = None
    jobs: tuple[tuple[Job, Proof, str], ...] = field(default=())
    """Each with on what it rests and who tells it, the oldest backup first."""


def listed(connection: Connection, vocabulary: Vocabulary, at: datetime) -> tuple[BackupState, ...]:
    """Every system of which backups are told, and every one of the roles `ASKED`; by agency and name."""
    t = FACTS["asset"]
    # SQLite finds a partial index by a literal only.
    role = (t.c.key == literal_column("'role'", String)) & t.c.value.in_(ASKED)
    query = select(asset.c.root).join(t, t.c.subject == asset.c.id).where(role | (t.c.key == KEY)).distinct()
    roots = sorted(int(root) for root in connection.scalars(query))
    keys = {*_PLACED, *_SHOWN, KEY}
    places = registers.places(registers.load(connection), at.astimezone(ZONE).date())
    found = []
    for root, said in facts.read(connection, vocabulary, "asset", roots, at, keys).items():
        taken = {key: fact.value for key, fact in facts.take(vocabulary, said, at).items()}
        jobs = sorted(_told(vocabulary, said, at), key=lambda told: (_order(told[0]), told[0].name))
        if taken.get("role") not in ASKED and not jobs:
            continue
        place = places.get(str(taken.get("agency", "")))
        last, ok, tested = (taken.get(key) for key in _SHOWN)
        found.append(
            BackupState(
                int(root),
                str(taken.get("sysname") or taken.get("address") or f"#{root}"),
                str(taken.get("role") or ""),
                place.home if place else "",
                last if isinstance(last, datetime) else None,
                ok if isinstance(ok, bool) else None,
                tested if isinstance(tested, datetime) else None,
                tuple(jobs),
            )
        )
    return tuple(sorted(found, key=lambda state: (state.agency, fold(state.name), state.asset)))


def _order(job: Job) -> float:
    return job.finished.timestamp() if job.finished else 0.0
