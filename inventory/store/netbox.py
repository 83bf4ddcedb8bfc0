"""NetBox in the store: its register taken in, its devices matched with assets, where they differ, what to tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from inventory.identity import normalise
from inventory.netbox import (
    SOURCE,
    Drift,
    FoundCable,
    FoundDevice,
    FoundInterface,
    Told,
    ToldDevice,
)
from inventory.periods import ZONE
from inventory.placing import narrowest
from inventory.register import RegisterError, SheetChange, check_register, merge_registers
from inventory.register.columns import plain
from inventory.register.netbox import declare, name_problems
from inventory.store import assets, cables, facts, registers, runs
from inventory.store.tables import FACTS, address, asset, identifier
from inventory.text import fold
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, Identity, Network, Proof, Register, Run, Value

__all__ = ["Outcome", "compare", "find_devices", "list_drift", "match_devices", "take_in"]

COMPARED = ("netbox_compared", "netbox_listed", "netbox_difference", "netbox_url")
"""The facts that a comparison states."""
_DECLARED = ("agency", "network", "address", "sysname", "role", "vendor", "model", "serial")
"""The facts that a device of NetBox declares."""
_SHORTEST_MODEL = 4


@dataclass(slots=True)
class Outcome:
    """What came of a reading of NetBox."""

    before: Register = field(default_factory=Register)
    after: Register = field(default_factory=Register)
    changes: Mapping[str, SheetChange] = field(default_factory=dict)
    devices: int = 0
    matched: int = 0
    """Devices that are an asset that somebody has seen."""
    declared: int = 0
    """Devices that nobody has seen."""
    drifts: list[Drift] = field(default_factory=list)
    facts: int = 0
    new: int = 0


def take_in(
    connection: Connection, vocabulary: Vocabulary, told: Told, finished: Run, now: datetime, roles: Collection[str], *,
    credentials: tuple[str, ...] = (), dry: bool = False,
) -> Outcome:  # fmt: skip
    """Take in what NetBox declares, whole or not at all: the register and the devices.

    Args:
        roles: of what is found, that which NetBox should list.
        credentials: the names of those that are tried in networks that are new.
        dry: nothing is stored.

    Raises:
        RegisterError: with every problem, under the names of NetBox's objects; nothing is stored.
    """
    existing = registers.load(connection)
    incoming, things = declare(existing, told, now.astimezone(ZONE).date(), credentials)
    if problems := name_problems(check_register(incoming, existing), things, told):
        raise RegisterError(problems, "NetBox")
    merged, changes = merge_registers(existing, incoming)
    if not dry and merged != existing:
        registers.replace(connection, merged)
    outcome = Outcome(existing, merged, changes)
    _compare(connection, vocabulary, merged, told, finished, now, roles, outcome, dry=dry)
    return outcome


def compare(
    connection: Connection, vocabulary: Vocabulary, told: Told, finished: Run, now: datetime, roles: Collection[str], *,
    dry: bool = False,
) -> Outcome:  # fmt: skip
    """Compare NetBox's devices with those found, and keep what differs; the register stays as it is."""
    register = registers.load(connection)
    outcome = Outcome(register, register)
    _compare(connection, vocabulary, register, told, finished, now, roles, outcome, dry=dry)
    return outcome


# --- which device is which asset -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Asset:
    """What the inventory knows of one asset, as of now."""

    root: int
    taken: dict[str, Value] = field(default_factory=dict)
    found: bool = False
    """Whether somebody other than NetBox knows it."""
    identifiers: set[tuple[str, str]] = field(default_factory=set)
    places: list[tuple[str, str]] = field(default_factory=list)
    """Network and address."""
    declared: set[str] = field(default_factory=set)
    """What NetBox says of it until now."""
    compared: bool = False

    def text(self, key: str) -> str:
        """A fact as text, empty where it is not known."""
        value = self.taken.get(key)
        return "" if value is None else str(value)


def match_devices(connection: Connection, vocabulary: Vocabulary, told: Told, now: datetime) -> dict[int, int]:
    """By NetBox's id of a device, the asset that it is; those that are no known asset are absent."""
    known = _read_assets(connection, vocabulary, now)
    return _match(known, told.devices, registers.load(connection), now)


def _match(
    known: Mapping[int, _Asset], devices: Sequence[ToldDevice], register: Register, now: datetime
) -> dict[int, int]:
    """What tells most comes first, for all devices: a weaker sign takes no asset from whom a stronger one names.

    What somebody has seen is preferred to what only NetBox lists; so a device that was declared with a wrong serial is
    the one that is found in its place, and its serial differs.
    """
    by: dict[str, dict[object, set[int]]] = {"serial": {}, "asset_tag": {}, "place": {}, "name": {}}
    for one in known.values():
        for kind, value in one.identifiers:
            if kind in by:
                by[kind].setdefault(value, set()).add(one.root)
        for place in one.places:
            by["place"].setdefault(place, set()).add(one.root)
        if name := fold(one.text("sysname")):
            by["name"].setdefault((one.text("agency"), name.partition(".")[0]), set()).add(one.root)
    networks = _by_agency(register, now)
    # What is on the network is rather one that is said to be there.
    devices = sorted(devices, key=lambda d: not d.live)
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for found in (True, False):
        for sign in ("asset", "serial", "asset_tag", "place", "name"):
            for device in devices:
                if device.thing.id in matched:
                    continue
                if sign == "asset":
                    named = [device.asset] if device.asset and _still_fits(known, device, networks) else []
                else:
                    named = sorted(by[sign].get(_sign(device, sign, networks), ()))
                fits = [n for n in named if n not in taken and known[n].found is found]
                if len(fits) == 1:
                    matched[device.thing.id] = fits[0]
                    taken.add(fits[0])
    return matched


def _sign(device: ToldDevice, sign: str, networks: Mapping[str, Sequence[Network]]) -> object:
    match sign:
        case "serial":
            return normalise("serial", device.serial)
        case "asset_tag":
            return normalise("asset_tag", device.asset_tag)
        case "place":
            network = _network_of(device, networks)
            return (network.code, device.address) if network is not None else None
        case _:
            return device.agency, fold(device.thing.name).partition(".")[0]


def _still_fits(known: Mapping[int, _Asset], device: ToldDevice, networks: Mapping[str, Sequence[Network]]) -> bool:
    """Whether the asset for which Dophu made a device has its number still: the database may be another."""
    one = known.get(device.asset or 0)
    if one is None:
        return False
    # Of several with one name each has its address behind it.
    name, own = fold(device.thing.name).partition(" (")[0], fold(one.text("sysname"))
    return (
        ("serial", normalise("serial", device.serial)) in one.identifiers
        or _sign(device, "place", networks) in one.places
        or name in (own, fold(one.text("address")), f"#{one.root}")
        or (bool(own) and name.partition(".")[0] == own.partition(".")[0])
    )


def _by_agency(register: Register, now: datetime) -> dict[str, list[Network]]:
    day, found = now.astimezone(ZONE).date(), dict[str, list[Network]]()
    for network in register.networks:
        if network.valid_on(day):
            found.setdefault(network.agency, []).append(network)
    return found


def _network_of(device: ToldDevice, networks: Mapping[str, Sequence[Network]]) -> Network | None:
    """The narrowest network of its agency that holds its primary address."""
    if device.address is None or device.agency is None:
        return None
    return next(iter(narrowest(device.address, networks.get(device.agency, ()))), None)


def _read_assets(connection: Connection, vocabulary: Vocabulary, now: datetime) -> dict[int, _Asset]:
    known = {int(root): _Asset(int(root)) for root in connection.scalars(select(asset.c.root).distinct())}
    query = select(asset.c.root, identifier.c.kind, identifier.c.value).join(asset, asset.c.id == identifier.c.asset)
    for root, kind, value in connection.execute(query.where(identifier.c.shared.is_(False))):
        known[root].identifiers.add((kind, value))
    places = select(asset.c.root, address.c.network, address.c.address).join(asset, asset.c.id == address.c.asset)
    for root, network, where in connection.execute(places):
        known[root].places.append((network, where))
    t = FACTS["asset"]
    # A sweep says of what is only declared that it does not answer: that is no sight of it.
    sight = and_(t.c.source != SOURCE, or_(t.c.key != "answering", t.c.value == "1"))
    for root in connection.scalars(select(asset.c.root).join(t, t.c.subject == asset.c.id).where(sight).distinct()):
        known[root].found = True
    keys = (*_DECLARED, "answering", *COMPARED)
    for root, said in facts.read(connection, vocabulary, "asset", list(known), now, keys).items():
        one = known[int(root)]
        own = [f for f in said if f.source == SOURCE and f.value is not None]
        one.declared = {f.key for f in own if f.key in _DECLARED}
        one.compared = any(f.key == "netbox_compared" and f.value for f in own)
        # What NetBox itself says of an asset is no evidence against NetBox.
        others = [f for f in said if f.source != SOURCE] if one.found else said
        one.taken = {k: f.value for k, f in facts.take(vocabulary, others, now).items()}
    return known


# --- comparing -------------------------------------------------------------------------------------------------------


def _compare(
    connection: Connection, vocabulary: Vocabulary, register: Register, told: Told, finished: Run, now: datetime,
    roles: Collection[str], outcome: Outcome, *, dry: bool,
) -> None:  # fmt: skip
    """Match the devices with assets, and state of each what NetBox says; also of those that it does not list."""
    known = _read_assets(connection, vocabulary, now)
    networks, at = _by_agency(register, now), finished.finished
    matched = _match(known, told.devices, register, now)
    said: list[tuple[facts.Subject, Fact]] = []
    used: set[tuple[str, str]] = set()
    for root in matched.values():
        used |= {*known[root].places, *known[root].identifiers}
    listed: set[int] = set()
    for device in told.devices:
        network = _network_of(device, networks)
        match = known.get(matched.get(device.thing.id, 0))
        if not device.live and (match is None or match.taken.get("answering") is not True):
            told.left_out.append((device.thing, "status"))
            continue
        if match is not None:
            one = match
        else:
            identity = _identity(device, network, used)
            if device.agency is None or identity is None:
                told.left_out.append((device.thing, "no_agency" if device.agency is None else "not_identified"))
                continue
            one = _Asset(0 if dry else assets.resolve(connection, identity, at))
        listed.add(one.root)
        outcome.devices += 1
        outcome.matched += one.found
        outcome.declared += not one.found
        difference = _difference(one, device) if one.found else ""
        said += _state(one.root, at, compared=True, listed=True, difference=difference, url=device.url)
        if not device.own:
            said += [(one.root, Fact(k, v, SOURCE, at, Proof.DECLARED)) for k, v in _declared(one, device, network)]
        _note_drift(outcome, one, device, difference)
    covered = {a.code for a in told.agencies} | {one.text("agency") for one in known.values() if one.root in listed}
    for one in known.values():
        if one.root in listed:
            continue
        if _should_be_listed(one, covered, roles):
            said += _state(one.root, at, compared=True, listed=False, difference="", url=None)
            outcome.drifts.append(_drift("not_in_netbox", one))
        elif one.compared or one.declared:
            # It is no longer in NetBox, and no longer intended.
            said += _state(one.root, at, compared=False, listed=False, difference=None, url=None)
            said += [(one.root, Fact(key, None, SOURCE, at, Proof.DECLARED)) for key in sorted(one.declared)]
    outcome.drifts.sort(key=lambda d: (d.kind, d.agency or "", d.name))
    if not dry:
        recorded = facts.record(connection, vocabulary, {"asset": said}, now)
        runs.note(connection, finished, outcome.devices)
        outcome.facts, outcome.new = recorded.facts, recorded.new


def _identity(device: ToldDevice, network: Network | None, used: set[tuple[str, str]]) -> Identity | None:
    """By what a device that nobody has seen will be known again; None where it has nothing that another has not."""
    told = {("serial", normalise("serial", device.serial)), ("asset_tag", normalise("asset_tag", device.asset_tag))}
    stated = {(kind, value) for kind, value in told if value is not None} - used
    place = (network.code, device.address) if network is not None and device.address is not None else None
    if place in used:
        place = None
    if not stated and place is None:
        return None
    used |= stated
    if place is None:
        return Identity(frozenset(stated), agency=device.agency)
    used.add(place)
    return Identity(frozenset(stated), place[1], place[0], device.agency)


def _state(
    root: int, at: datetime, *, compared: bool, listed: bool, difference: str | None, url: str | None
) -> list[tuple[facts.Subject, Fact]]:
    values: dict[str, Value] = {
        "netbox_compared": compared, "netbox_listed": listed, "netbox_difference": difference, "netbox_url": url,
    }  # fmt: skip
    return [(root, Fact(key, value, SOURCE, at, Proof.DECLARED)) for key, value in values.items()]


def _declared(one: _Asset, device: ToldDevice, network: Network | None) -> Iterable[tuple[str, Value]]:
    """What NetBox declares of a device; where it is, only of one that nobody has seen."""
    told = {"sysname": device.thing.name, "role": device.role, "vendor": device.vendor, "model": device.model,
            "serial": device.serial}  # fmt: skip
    if not one.found:
        told |= {"agency": device.agency, "network": network.code if network else None, "address": device.address}
    for key, value in told.items():
        if value and value != "?":
            yield key, value
        elif key in one.declared:
            yield key, None


def _difference(one: _Asset, device: ToldDevice) -> str | None:
    """Where serial and model differ: "serial A ≠ B", NetBox's first; empty where none does, None where nothing can be
    compared."""
    serials = normalise("serial", device.serial), normalise("serial", one.text("serial"))
    models = plain(device.model), plain(one.text("model"))
    told = []
    if all(serials) and serials[0] != serials[1]:
        told.append(f"serial {device.serial} ≠ {one.text('serial')}")
    comparable = all(len(m) >= _SHORTEST_MODEL or (m and m in models) for m in models) and "unknown" not in models
    if comparable and not any(a and a in b for a, b in (models, models[::-1])):
        told.append(f"model {device.model} ≠ {one.text('model')}")
    if told:
        return "; ".join(told)
    return "" if all(serials) or comparable else None


def _should_be_listed(one: _Asset, covered: Collection[str], roles: Collection[str]) -> bool:
    there = one.found and one.taken.get("answering") is True
    return there and one.text("agency") in covered and one.text("role") in roles


def _note_drift(outcome: Outcome, one: _Asset, device: ToldDevice, difference: str | None) -> None:
    drift = replace(
        _drift("different", one),
        agency=one.text("agency") or device.agency, name=device.thing.name, url=device.url,
        address=one.text("address") or device.address,
    )  # fmt: skip
    if difference:
        outcome.drifts.append(replace(drift, difference=difference))
    # Silence is no answer: where nobody has looked, or not lately, it is unknown whether it is there.
    if one.taken.get("answering") is False:
        outcome.drifts.append(replace(drift, kind="not_on_network"))


def _drift(kind: str, one: _Asset) -> Drift:
    name = one.text("sysname") or one.text("address") or f"#{one.root}"
    return Drift(kind, one.root, one.text("agency") or None, name, one.text("address") or None)


def list_drift(connection: Connection, vocabulary: Vocabulary, at: datetime) -> list[Drift]:
    """Where NetBox and the network differ, by the newest comparison up to `at`."""
    known = _read_assets(connection, vocabulary, at)
    keys = (*COMPARED, "answering", "agency", "sysname", "address")
    found: list[Drift] = []
    for root, said in facts.read(connection, vocabulary, "asset", list(known), at, keys).items():
        taken = {k: f.value for k, f in facts.take(vocabulary, said, at).items()}
        if not taken.get("netbox_compared"):
            continue
        one = _Asset(int(root), taken)
        difference, url = one.text("netbox_difference"), one.text("netbox_url")
        if not taken.get("netbox_listed"):
            found.append(_drift("not_in_netbox", one))
            continue
        if difference:
            found.append(replace(_drift("different", one), difference=difference, url=url))
        if taken.get("answering") is False:
            found.append(replace(_drift("not_on_network", one), url=url))
    return sorted(found, key=lambda d: (d.kind, d.agency or "", d.name))


# --- what NetBox can be told -----------------------------------------------------------------------------------------


def find_devices(
    connection: Connection, vocabulary: Vocabulary, now: datetime, roles: Collection[str]
) -> tuple[list[FoundDevice], list[FoundCable], dict[str, int]]:
    """The devices of some roles that somebody has seen, the cables between them, and by role how many others there are.

    A device without an agency that stands today is none: there is no place for it in NetBox.
    """
    known = {n: one for n, one in _read_assets(connection, vocabulary, now).items() if one.found}
    stands = registers.places(registers.load(connection), now.astimezone(ZONE).date())
    keys = ("agency", "network", "address", "role", "vendor", "model", "serial", "version", "os_name", "sysname",
            "interface", "ip_address")  # fmt: skip
    wanted = [n for n, one in known.items() if one.text("role") in roles]
    left_out: dict[str, int] = {}
    for one in known.values():
        if one.text("role") not in roles:
            left_out[one.text("role") or "unknown"] = left_out.get(one.text("role") or "unknown", 0) + 1
    devices = []
    for root, said in facts.read(connection, vocabulary, "asset", wanted, now, keys).items():
        others = [f for f in said if f.source != SOURCE]
        taken = {k: str(f.value) for k, f in facts.take(vocabulary, others, now).items()}
        place = stands.get(taken.get("agency", ""))
        if place is None:
            left_out["no_agency"] = left_out.get("no_agency", 0) + 1
            continue
        found = _device(vocabulary, int(root), taken, others, place.agency.code, now)
        told = [f.observed_at for f in others if f.key == "address" and f.value == found.address]
        devices.append(replace(found, placed=max(told, default=None)))
    own = {d.asset for d in devices}
    joined = [
        FoundCable(c.asset, c.port, c.other, c.other_port)
        for c in cables.cables(connection, vocabulary, now)
        if c.asset in own and c.other in own and c.port and c.other_port
    ]
    return sorted(devices, key=lambda d: d.asset), joined, left_out


def _device(
    vocabulary: Vocabulary, root: int, taken: Mapping[str, str], said: Sequence[Fact], agency: str, now: datetime
) -> FoundDevice:
    interfaces = tuple(
        _interface(row.item, row.value)
        for row in facts.table_rows(vocabulary, said, "interface", now)
        if isinstance(row.value, dict) and row.value
    )
    addresses = tuple(
        (f"{row.item}/{row.value['prefix']}", str(row.value["interface"]))
        for row in facts.table_rows(vocabulary, said, "ip_address", now)
        if isinstance(row.value, dict) and row.value.get("interface") and isinstance(row.value.get("prefix"), int)
    )
    return FoundDevice(
        root, agency, taken.get("sysname") or taken.get("address") or f"#{root}", taken["role"],
        taken.get("vendor", ""), taken.get("model", ""), taken.get("serial", ""), taken.get("version", ""),
        taken.get("os_name", ""), taken.get("address"), taken.get("network"), interfaces, addresses,
    )  # fmt: skip


def _interface(name: str, row: Mapping[str, object]) -> FoundInterface:
    speed, admin = row.get("speed"), row.get("admin")
    return FoundInterface(
        name,
        str(row["type"]) if row.get("type") else None,
        None if admin is None else admin == "up",
        speed if isinstance(speed, int) and not isinstance(speed, bool) else None,
        str(row["mac"]) if row.get("mac") else None,
        str(row.get("alias") or ""),
    )
