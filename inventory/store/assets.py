"""Assets in the store: which one an observation is about, merging the same one seen by several sources, undoing it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, text, update

from inventory.identity import KINDS, Known, Match, match, normalise
from inventory.periods import ZONE
from inventory.store import revisions
from inventory.store.columns import pivot
from inventory.store.tables import FACTS, address, asset, identifier, merge
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import Identity, InputError, Title

LATELY = timedelta(days=1)
"""How long who was seen at an address is taken to be there still, against hearsay."""


def resolve(connection: Connection, identity: Identity, at: datetime) -> int:
    """The id of the asset that an observation is about: known, merged from several, or new.

    Remembers what identifies it and where it was seen. The id may be one that was merged into another: facts are
    recorded under the asset that is the root now.

    Raises:
        InputError: the identity holds neither an identifier that identifies nor an address inside a network.
    """
    stated: dict[str, set[str]] = {}
    for kind, value in identity.identifiers:
        if kind not in KINDS:
            raise InputError(f"identifier kind {kind!r}: expected one of {', '.join(KINDS)}")
        if (plain := normalise(kind, value)) is not None:
            stated.setdefault(kind, set()).add(plain)
    holders = _without_shared(connection, stated)
    if not stated and not (identity.address and identity.network):
        raise InputError(
            Title(
                "quan sát không có mã nhận dạng dùng được, cũng không có địa chỉ trong một mạng",
                "an observation with no identifier that identifies, and no address inside a network",
            )
        )
    known, had = _find_known(connection, holders, identity)
    found = match(stated, known)
    if found.asset is None and identity.hearsay and (holder := _seen_lately(connection, identity, at)) is not None:
        # A switch answers with the address of a VLAN, a cluster with one that its members share.
        return holder
    if found.shared:
        _mark_shared(connection, found)
        for kind, value in found.shared:
            stated.get(kind, set()).discard(value)
    number = found.asset if found.asset is not None else _create(connection, at)
    own = set(had.get(number, ()))
    for other in found.absorbed:
        if not _was_undone(connection, other, number):
            join(connection, other, number, found.reason, at)
            own |= had[other]
            continue
        # A person said that they are two: what the other had first stays its own.
        theirs = next(k.identifiers for k in known if k.asset == other)
        stated = {kind: values - theirs.get(kind, set()) for kind, values in stated.items()}
    _remember(connection, number, stated, own, identity, at)
    return number


# Made once: building a statement costs more than running it, and a device is recorded with a dozen of them.
_WITH_ROOT = identifier.join(asset, asset.c.id == identifier.c.asset)
_HOLDERS = (
    select(identifier.c.kind, identifier.c.value, identifier.c.shared, asset.c.root)
    .select_from(_WITH_ROOT)
    .where(
        identifier.c.kind.in_(bindparam("kinds", expanding=True)),
        identifier.c.value.in_(bindparam("values", expanding=True)),
    )
)
_IDENTIFIERS = (
    select(asset.c.root, identifier.c.kind, identifier.c.value, identifier.c.shared)
    .select_from(_WITH_ROOT)
    .where(asset.c.root.in_(bindparam("roots", expanding=True)))
)
_AT_ADDRESS = (
    select(asset.c.root, address.c.asset, address.c.seen)
    .join(address, address.c.asset == asset.c.id)
    .where(address.c.network == bindparam("network"), address.c.address == bindparam("address"))
)
_PLACE = and_(address.c.network == bindparam("at_network"), address.c.address == bindparam("at_address"))
_HELD = select(address.c.seen).where(_PLACE)
_MOVE = update(address).where(_PLACE).values(asset=bindparam("asset"), seen=bindparam("seen"))


def _without_shared(connection: Connection, stated: dict[str, set[str]]) -> set[int]:
    """Takes from what is stated that which identifies nothing any more; the roots of who has the rest."""
    if not stated:
        return set()
    values = sorted(set().union(*stated.values()))
    rows = connection.execute(_HOLDERS, {"kinds": list(stated), "values": values}).all()
    rows = [row for row in rows if row.value in stated[row.kind]]
    for row in rows:
        if row.shared:
            stated[row.kind].discard(row.value)
    holders = {int(row.root) for row in rows if row.value in stated[row.kind]}
    for kind in [kind for kind, left in stated.items() if not left]:
        del stated[kind]
    return holders


def _find_known(
    connection: Connection, holders: set[int], identity: Identity
) -> tuple[list[Known], dict[int, set[tuple[str, str]]]]:
    """The assets that it may be, and of each every identifier that it has, the shared ones too."""
    roots = set(holders)
    at_address = None
    if identity.address and identity.network:
        place = {"network": identity.network, "address": identity.address}
        if (row := connection.execute(_AT_ADDRESS, place).first()) is not None:
            at_address = int(row.root)
            roots.add(at_address)
    known = {root: Known(root, by_address=root == at_address) for root in sorted(roots)}
    had: dict[int, set[tuple[str, str]]] = {root: set() for root in roots}
    if roots:
        for root, kind, value, shared in connection.execute(_IDENTIFIERS, {"roots": sorted(roots)}):
            had[root].add((kind, value))
            if not shared:
                known[root].identifiers.setdefault(kind, set()).add(value)
    return list(known.values()), had


def _seen_lately(connection: Connection, identity: Identity, at: datetime) -> int | None:
    """The root of who was itself seen at the address, within LATELY."""
    if not (identity.address and identity.network):
        return None
    row = connection.execute(_AT_ADDRESS, {"network": identity.network, "address": identity.address}).first()
    return int(row.root) if row is not None and instant(at - LATELY) <= row.seen else None


def _create(connection: Connection, at: datetime) -> int:
    number = connection.execute(insert(asset).values(root=0, created=instant(at)).returning(asset.c.id)).scalar_one()
    connection.execute(update(asset).where(asset.c.id == number).values(root=number))
    return int(number)


def _mark_shared(connection: Connection, found: Match) -> None:
    for kind, value in found.shared:
        connection.execute(
            update(identifier).where(identifier.c.kind == kind, identifier.c.value == value).values(shared=True)
        )


def _remember(
    connection: Connection,
    number: int,
    stated: dict[str, set[str]],
    had: set[tuple[str, str]],
    identity: Identity,
    at: datetime,
) -> None:
    """Notes the identifiers that are new to the asset, of which it `had` some, and the address at which it was seen."""
    new = [
        {"kind": kind, "value": value, "asset": number, "shared": False}
        for kind, values in stated.items()
        for value in sorted(values)
        if (kind, value) not in had
    ]
    if new:
        connection.execute(insert(identifier), new)
    if identity.address and identity.network:
        place = {"at_network": identity.network, "at_address": identity.address}
        held = connection.execute(_HELD, place).scalar_one_or_none()
        if held is None:
            row = {"network": identity.network, "address": identity.address, "asset": number, "seen": instant(at)}
            connection.execute(insert(address), [row])
        # A delivery that comes late must not take the address from who has it now.
        elif held <= instant(at):
            connection.execute(_MOVE, place | {"asset": number, "seen": instant(at)})


def _was_undone(connection: Connection, one: int, other: int) -> bool:
    """Whether a merge between these two roots, or what is merged into them, was taken back and not made again."""
    first, second = (select(asset.c.id).where(asset.c.root == root) for root in (one, other))
    between = or_(
        and_(merge.c.asset.in_(first), merge.c.into.in_(second)),
        and_(merge.c.asset.in_(second), merge.c.into.in_(first)),
    )
    query = select(merge.c.id).where(between, merge.c.undone.is_not(None)).limit(1)
    return connection.scalar(query) is not None


def join(connection: Connection, number: int, into: int, reason: str, at: datetime) -> int | None:
    """Merge the asset `number` into `into`; both keep their facts, and it can be undone. The merge's id, or None.

    Raises:
        InputError: one of the two does not exist.
    """
    roots = dict(connection.execute(select(asset.c.id, asset.c.root).where(asset.c.id.in_((number, into)))).all())
    for wanted in (number, into):
        if wanted not in roots:
            raise InputError(
                Title(
                    f"gặp thiết bị {wanted}, cần số của một thiết bị đã biết",
                    f"found asset {wanted}, expected the id of a known asset",
                )
            )
    if roots[number] == roots[into]:
        return None
    done = connection.execute(
        insert(merge)
        .values(asset=roots[number], into=roots[into], reason=reason, at=instant(at), undone=None)
        .returning(merge.c.id)
    ).scalar_one()
    _settle_roots(connection, (roots[number], roots[into]))
    return int(done)


def undo(connection: Connection, number: int, at: datetime) -> None:
    """Take a merge back: both assets are again what they were, with what was said of each.

    Raises:
        InputError: there is no such merge, or it was undone before.
    """
    row = connection.execute(select(merge).where(merge.c.id == number, merge.c.undone.is_(None))).one_or_none()
    if row is None:
        raise InputError(
            Title(
                f"gặp lần gộp {number}, cần số của một lần gộp chưa được tách lại",
                f"found merge {number}, expected the id of a merge that is not undone",
            )
        )
    connection.execute(update(merge).where(merge.c.id == number).values(undone=instant(at)))
    _settle_roots(connection, (row.asset, row.into))


def _settle_roots(connection: Connection, touched: Iterable[int]) -> None:
    """Give every asset that the standing merges connect with `touched` its root: the one that all lead into."""
    group, edges = set(touched), []
    while True:
        standing = merge.c.undone.is_(None)
        query = select(merge.c.asset, merge.c.into).where(
            standing, or_(merge.c.asset.in_(group), merge.c.into.in_(group))
        )
        edges = [(int(a), int(b)) for a, b in connection.execute(query.order_by(merge.c.id))]
        wider = group | {n for edge in edges for n in edge}
        if wider == group:
            break
        group = wider
    into = dict(edges)
    stood = connection.execute(select(asset.c.id, asset.c.root).where(asset.c.id.in_(group)))
    before = {int(number): int(root) for number, root in stood}
    for number in sorted(group):
        root, seen = number, {number}
        while root in into and into[root] not in seen:
            root = into[root]
            seen.add(root)
        if before.get(number) != root:
            connection.execute(update(asset).where(asset.c.id == number).values(root=root))
            t = FACTS["asset"]
            first = connection.scalar(select(func.min(t.c.first)).where(t.c.subject == number))
            if first is not None:
                # From when it was first seen on there is one asset more, or one less, than was told.
                revisions.note(connection, moment(first).astimezone(ZONE).date())


#: What a list of assets shows of each.
SHOWN = (
    "agency",
    "network",
    "address",
    "role",
    "vendor",
    "model",
    "version",
    "serial",
    "sysname",
    "os_name",
    "answering",
)


def listing(connection: Connection, vocabulary: Vocabulary, at: datetime) -> list[dict[str, object]]:
    """Every asset as of `at`, with the values taken of `SHOWN` (None where nothing usable is known)."""
    keys = [vocabulary.keys[name] for name in SHOWN]
    names = ", ".join(SHOWN)
    query = f"SELECT subject, {names} FROM ({pivot('asset', keys, at, connection.dialect.name)}) f ORDER BY subject"
    return [dict(zip(("id", *SHOWN), row, strict=True)) for row in connection.execute(text(query))]


def describe(connection: Connection, number: int) -> tuple[int, list[tuple[str, str, bool]], list[dict[str, object]]]:
    """An asset's root, its identifiers (kind, value, shared) and the merges that made it.

    Raises:
        InputError: there is no such asset.
    """
    root = connection.scalar(select(asset.c.root).where(asset.c.id == number))
    if root is None:
        raise InputError(
            Title(
                f"gặp thiết bị {number}, cần số của một thiết bị đã biết",
                f"found asset {number}, expected the id of a known asset",
            )
        )
    own = select(asset.c.id).where(asset.c.root == root)
    identifiers = [
        (kind, value, shared)
        for kind, value, shared in connection.execute(
            select(identifier.c.kind, identifier.c.value, identifier.c.shared)
            .where(identifier.c.asset.in_(own))
            .order_by(identifier.c.kind, identifier.c.value)
        )
    ]
    rows = connection.execute(select(merge).where(merge.c.into.in_(own)).order_by(merge.c.id))
    return int(root), identifiers, [dict(row) for row in rows.mappings()]
