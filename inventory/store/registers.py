"""The register in the store: imported whole or not at all, and read as it is valid on a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from ipaddress import ip_network

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select

from inventory.periods import ZONE
from inventory.register import RegisterError, SheetChange, check_register, merge_registers
from inventory.store import facts, tables, websites
from inventory.vocabulary import Vocabulary
from inventory.words import Agency, DeclaredCount, Fact, Level, Link, Network, Proof, Register, Title, Website

_LINK = tuple(f.name for f in fields(Link))


def load(connection: Connection) -> Register:
    """Everything declared, of every period."""
    t = tables
    return Register(
        levels=tuple(
            Level(r.code, Title(r.name_vi, r.name_en), r.rank, r.part)
            for r in connection.execute(select(t.level).order_by(t.level.c.rank, t.level.c.code))
        ),
        agencies=tuple(
            Agency(r.code, Title(r.name_vi, r.name_en), r.level, r.parent, r.valid_from, r.valid_to, r.successor)
            for r in connection.execute(select(t.agency).order_by(t.agency.c.code, t.agency.c.valid_from))
        ),
        networks=tuple(_network(r) for r in connection.execute(select(t.network).order_by(t.network.c.code))),
        links=tuple(
            Link(**{name: r[name] for name in _LINK})
            for r in connection.execute(select(t.link).order_by(t.link.c.code)).mappings()
        ),
        counts=tuple(
            DeclaredCount(r.agency, r.key, r.value, r.day, r.document)
            for r in connection.execute(
                select(t.declared_count).order_by(
                    t.declared_count.c.agency, t.declared_count.c.key, t.declared_count.c.day
                )
            )
        ),
        websites=tuple(
            Website(r.url, r.agency, r.title, r.valid_from, r.valid_to)
            for r in connection.execute(select(t.website).order_by(t.website.c.url))
        ),
    )


def networks_of(connection: Connection, agency: str, day: date) -> list[Network]:
    """An agency's networks that are declared on `day`."""
    rows = connection.execute(_NETWORKS_OF, {"agency": agency})
    return [network for row in rows if (network := _network(row)).valid_on(day)]


# Made once: it is asked for each report of an agent.
_NETWORKS_OF = select(tables.network).where(tables.network.c.agency == bindparam("agency"))


def _network(row: Row[tuple[object, ...]]) -> Network:
    return Network(
        row.code, row.agency, ip_network(row.prefix), row.purpose, row.scan, tuple(row.credentials.split()),
        row.valid_from, row.valid_to,
    )  # fmt: skip


def replace(connection: Connection, register: Register) -> None:
    """Make the stored register exactly this one (already merged and checked by `inventory.register`)."""
    rows: Mapping[Table, list[dict[str, object]]] = {
        tables.level: [
            {"code": v.code, "name_vi": v.title.vi, "name_en": v.title.en, "rank": v.rank, "part": v.part}
            for v in register.levels
        ],
        tables.agency: [
            {"code": v.code, "name_vi": v.title.vi, "name_en": v.title.en, "level": v.level, "parent": v.parent,
             "valid_from": v.valid_from, "valid_to": v.valid_to, "successor": v.successor}
            for v in register.agencies
        ],
        tables.network: [
            {"code": v.code, "agency": v.agency, "prefix": str(v.prefix), "purpose": v.purpose, "scan": v.scan,
             "credentials": " ".join(v.credentials), "valid_from": v.valid_from, "valid_to": v.valid_to}
            for v in register.networks
        ],
        tables.link: [{f.name: getattr(v, f.name) for f in fields(v)} for v in register.links],
        tables.declared_count: [{f.name: getattr(v, f.name) for f in fields(v)} for v in register.counts],
        tables.website: [{f.name: getattr(v, f.name) for f in fields(v)} for v in register.websites],
    }  # fmt: skip
    for table, values in rows.items():
        connection.execute(delete(table))
        if values:
            connection.execute(insert(table), values)


def take_in(
    connection: Connection, vocabulary: Vocabulary, incoming: Register, source: str, now: datetime
) -> Mapping[str, SheetChange]:
    """Merge what is declared into the stored register, whole or not at all; what changed, by sheet.

    Args:
        source: the file it was read from, named in the error.

    Raises:
        RegisterError: with every problem of what the register would become; nothing is stored.
    """
    existing = load(connection)
    if problems := check_register(incoming, existing):
        raise RegisterError(problems, source)
    merged, changes = merge_registers(existing, incoming)
    replace(connection, merged)
    record_declared(connection, vocabulary, merged, now)
    return changes


def record_declared(connection: Connection, vocabulary: Vocabulary, register: Register, now: datetime) -> None:
    """Record what is declared as facts of source "register": counts, each of its day, and the websites."""
    today = now.astimezone(UTC)
    counts = [
        (c.agency, Fact(c.key, c.value, "register", min(_midnight(c.day), today), Proof.DECLARED))
        for c in register.counts
    ]
    facts.record(connection, vocabulary, {"agency": counts}, now)
    websites.declare(connection, vocabulary, register.websites, now)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agency stands on a day: the member that it counts as, and that member's level."""

    agency: Agency
    home: str
    level: str


def places(register: Register, day: date) -> dict[str, Place]:
    """Every code that was an agency's by `day`, with the agency that it counts as on that day.

    An agency that ended counts as its successor; a unit of a level that is "part" counts as its parent, or as who took
    the parent over. Codes that lead to no agency valid on `day` are absent.
    """
    valid = {a.code: a for a in register.agencies if a.valid_on(day)}
    begun = sorted((a for a in register.agencies if a.valid_from <= day), key=lambda a: a.valid_from)
    latest = {a.code: a for a in begun}
    parts = {v.code for v in register.levels if v.part}
    found: dict[str, Place] = {}
    for code in latest:
        current = _now(code, valid, latest)
        if current is None:
            continue
        home, seen = current, {current.code}
        while home.level in parts and home.parent is not None:
            above = _now(home.parent, valid, latest)
            if above is None or above.code in seen:
                break
            home = above
            seen.add(home.code)
        found[code] = Place(current, home.code, home.level)
    return found


def _now(code: str, valid: Mapping[str, Agency], latest: Mapping[str, Agency]) -> Agency | None:
    """The agency that a code stands for: its own while that is valid, else that of the last of its successors."""
    seen = {code}
    while code not in valid:
        successor = latest[code].successor if code in latest else None
        if successor is None or successor in seen:
            return None
        code = successor
        seen.add(code)
    return valid[code]


def declared(register: Register, key: str, day: date, stands: Mapping[str, Place] | None = None) -> dict[str, int]:
    """How many of something the agencies of `day` have declared, by the code of the agency as which they count.

    The newest number stands until there is a newer one, however old: a denominator does not shrink by growing old.
    An agency's own number includes its parts; where it declared none, those of its parts are summed. Of an agency that
    was taken over, the number is added to the successor's, unless that declared anew since.

    Args:
        stands: as whom the agencies count, where that is not as on `day`.
    """
    newest: dict[str, DeclaredCount] = {}
    for count in sorted(register.counts, key=lambda c: c.day):
        if count.key == key and count.day <= day:
            newest[count.agency] = count
    latest = {a.code: a for a in sorted(register.agencies, key=lambda a: a.valid_from) if a.valid_from <= day}
    parts = {v.code for v in register.levels if v.part}
    summed: dict[str, tuple[int, date]] = {}
    for code, count in newest.items():
        whole = _whole(code, latest, parts)
        if whole == code:
            summed[code] = (count.value, count.day)
        elif whole not in newest:
            value, since = summed.get(whole, (0, count.day))
            summed[whole] = (value + count.value, max(since, count.day))
    stands = places(register, day) if stands is None else stands
    total = {code: value for code, (value, _) in summed.items() if code in stands and stands[code].home == code}
    for code, (value, _) in summed.items():
        home = stands[code].home if code in stands else code
        ended = latest[code].valid_to if code in latest else None
        if home != code and (home not in summed or ended is None or summed[home][1] <= ended):
            total[home] = total.get(home, 0) + value
    return total


def _whole(code: str, latest: Mapping[str, Agency], parts: Collection[str]) -> str:
    """The agency that a code is a part of, whether or not either still stands; the code itself where it is no part."""
    seen = {code}
    while code in latest and latest[code].level in parts:
        parent = latest[code].parent
        if parent is None or parent in seen:
            break
        code = parent
        seen.add(code)
    return code
