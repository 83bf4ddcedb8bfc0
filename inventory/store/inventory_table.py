"""A table of the inventory that a person changed, taken back into the store: what differs is declared, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address

from sqlalchemy import Connection, select

from inventory.identity import normalise
from inventory.periods import ZONE
from inventory.placing import narrowest
from inventory.refusing import NOTHING, all_of, amiss, meant, within
from inventory.store import assets, facts, registers
from inventory.store.tables import address, asset, identifier
from inventory.text import nfc
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, Identity, InputError, Network, Proof, Title

__all__ = ["KEYS", "SOURCE", "AssetRow", "Change", "Outcome", "take_in", "trim"]

SOURCE = "inventory"
"""The source of what such a table declares."""
KEYS = tuple(key for key in assets.SHOWN if key != "answering")
"""The facts that it may declare; whether something answers is measured and nothing that a person says."""
_SHOWN_PROBLEMS = 20
_AGENCY = Title("mã của một cơ quan trong sổ đăng ký", "the code of an agency of the register")
_NETWORK = Title("mã của một mạng trong sổ đăng ký", "the code of a network of the register")
_NO_SIGN = Title(
    "không có số sê-ri, cũng không có địa chỉ thuộc một mạng của cơ quan",
    "neither a serial number nor an address in a network of the agency",
)
_A_SIGN = Title("một trong hai, để nhận lại thiết bị", "one by which the asset is known again")


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One row of the table."""

    place: Title
    """Where it stands, for people."""
    number: int | None
    """The asset's id; None for one that the row only describes."""
    values: Mapping[str, str]
    """By key, for the columns that the table has; empty for an empty cell."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value that the table declares and that was not known so."""

    place: Title
    asset: int | None
    """None for an asset that is new."""
    key: str
    before: str
    after: str
    """Empty where a declared value is taken back."""


@dataclass(slots=True)
class Outcome:
    """What came of a table."""

    rows: int = 0
    added: int = 0
    changes: list[Change] = field(default_factory=list)
    facts: int = 0
    new: int = 0


def take_in(
    connection: Connection, vocabulary: Vocabulary, rows: Sequence[AssetRow], now: datetime, *, dry: bool = False
) -> Outcome:
    """Declare what a table says otherwise than it is known, whole or not at all.

    A table as it was exported changes nothing. What somebody measured goes before what is declared, and both are kept.
    A row without an id is the asset with its serial, or at its address in its network, or else a new one. An empty cell
    says nothing, but takes back what such a table had declared. What the table does not list stays as it is.

    Raises:
        InputError: with every problem and where it stands; nothing is stored.
    """
    known = _Known(connection, vocabulary, now)
    outcome, problems, said = Outcome(rows=len(rows)), list[Title](), list[tuple[facts.Subject, Fact]]()
    used: dict[int, Title] = {}
    new: list[tuple[AssetRow, Mapping[str, str]]] = []
    for row in rows:
        values = known.placed(row.values)
        before = len(problems)
        root = known.find(row, values, problems)
        known.check(row, values, root, problems)
        if root is not None and used.setdefault(root, row.place) != row.place:
            problems.append(
                amiss(row.place, Title(f"thiết bị {root} lần nữa", f"asset {root} again"), _once(used[root]))
            )
        if len(problems) > before:
            continue
        if root is None:
            new.append((row, values))
            continue
        told = known.differing(row, values, root, outcome.changes)
        said += [(root, Fact(key, value, SOURCE, now, Proof.DECLARED)) for key, value in told]
    problems += _doubled(new)
    if problems:
        raise InputError(all_of(problems, _SHOWN_PROBLEMS))
    outcome.added = len(new)
    for row, values in new:
        declared = {key: value for key, value in values.items() if value}
        outcome.changes += [Change(row.place, None, key, "", value) for key, value in declared.items()]
        if not dry:
            root = assets.resolve(connection, _identity(values), now)
            said += [(root, Fact(key, value, SOURCE, now, Proof.DECLARED)) for key, value in declared.items()]
    if not dry:
        recorded = facts.record(connection, vocabulary, {"asset": said}, now)
        outcome.facts, outcome.new = recorded.facts, recorded.new
    return outcome


def trim(text: object) -> str:
    """A value as two tables have it alike: one line, without what cannot be seen or stands in its place."""
    shown = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in nfc(str(text)).replace("\ufffd", ""))
    return " ".join(shown.split())


class _Known:
    """What the store knows as of now."""

    def __init__(self, connection: Connection, vocabulary: Vocabulary, now: datetime) -> None:
        register, day = registers.load(connection), now.astimezone(ZONE).date()
        self.agencies = {a.code for a in register.agencies}
        self.networks = {n.code: n for n in register.networks if n.valid_on(day)}
        self.roles = vocabulary.keys["role"].one_of
        self.shown = {int(str(row["id"])): row for row in assets.listing(connection, vocabulary, now)}
        self.own: dict[int, dict[str, str]] = {}
        roots = list(self.shown)
        for root, told in facts.read(connection, vocabulary, "asset", roots, now, KEYS).items():
            self.own[int(root)] = {f.key: str(f.value) for f in told if f.source == SOURCE and f.value is not None}
        of = select(asset.c.root, identifier.c.value).join(asset, asset.c.id == identifier.c.asset)
        serials = of.where(identifier.c.kind == "serial", identifier.c.shared.is_(False))
        self.serials = {value: int(root) for root, value in connection.execute(serials)}
        at = select(asset.c.root, address.c.network, address.c.address).join(asset, asset.c.id == address.c.asset)
        self.places = {(network, where): int(root) for root, network, where in connection.execute(at)}

    def placed(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """With the narrowest network of the agency that holds the address, where the row names none."""
        where = _address(values.get("address", ""))
        if where is None:
            return values
        values = {**values, "address": where}
        if values.get("network"):
            return values
        own = (network for network in self.networks.values() if network.agency == values.get("agency"))
        within = narrowest(where, own)
        return {**values, "network": within[0].code} if within else values

    def find(self, row: AssetRow, values: Mapping[str, str], problems: list[Title]) -> int | None:
        """The asset of a row; None for a new one."""
        if row.number is not None:
            if row.number not in self.shown:
                expected = Title("ID của một thiết bị đã biết, hoặc để trống", "the id of a known asset, or nothing")
                problems.append(amiss(within(row.place, "ID"), str(row.number), expected))
            return row.number if row.number in self.shown else None
        serial = normalise("serial", values.get("serial", ""))
        root = self.serials.get(serial or "")
        if root is None and (place := (values.get("network", ""), values.get("address", ""))) in self.places:
            root = self.places[place]
        return root

    def check(self, row: AssetRow, values: Mapping[str, str], root: int | None, problems: list[Title]) -> None:
        """Note what the register or the vocabulary does not have."""
        before = self.shown.get(root or 0, {})
        # What is known so already needs no leave: an agency may have ended since.
        told = {key: value for key, value in values.items() if value and value != trim(before.get(key) or "")}
        for key, known, a_code in (("agency", self.agencies, _AGENCY), ("network", set(self.networks), _NETWORK),
                                   ("role", set(self.roles), Title("một vai trò", "a role"))):  # fmt: skip
            if key in told and told[key] not in known:
                near = meant(told[key], known)
                expected = Title(a_code.vi + near.vi, a_code.en + near.en)
                problems.append(amiss(within(row.place, key), f"{told[key]!r:.80}", expected))
        self._check_place(row, values, told, problems)
        if root is None and row.number is None:
            if not values.get("agency"):
                problems.append(amiss(within(row.place, "agency"), NOTHING, _AGENCY))
            if values.get("role") == "website":
                expected = Title(
                    "trong sổ đăng ký (dophu register import)", "it in the register (dophu register import)"
                )
                problems.append(amiss(within(row.place, "role"), "website", expected))
            if _is_nobody(values):
                problems.append(amiss(row.place, _NO_SIGN, _A_SIGN))

    def _check_place(
        self, row: AssetRow, values: Mapping[str, str], told: Mapping[str, str], problems: list[Title]
    ) -> None:
        network, at = self.networks.get(values.get("network", "")), told.get("address")
        if at is not None and _address(at) is None:
            an_address = Title("một địa chỉ IP", "an IP address")
            problems.append(amiss(within(row.place, "address"), f"{at!r:.80}", an_address))
        elif at is not None and network is not None and not _holds(network, _address(at)):
            where = f"{network.code} ({network.prefix})"
            found = Title(f"{at}, không thuộc mạng {where}", f"{at}, which is not in the network {where}")
            problems.append(amiss(within(row.place, "address"), found, Title("địa chỉ thuộc mạng đó", "one that is")))
        if told.keys() & {"agency", "network"} and network is not None and network.agency != values.get("agency"):
            found = Title(f"{network.code!r} của {network.agency}", f"{network.code!r}, which is {network.agency}'s")
            whose = values.get("agency", "")
            problems.append(
                amiss(within(row.place, "network"), found, Title(f"mạng của {whose!r}", f"one of {whose!r}"))
            )

    def differing(
        self, row: AssetRow, values: Mapping[str, str], root: int, changes: list[Change]
    ) -> list[tuple[str, str | None]]:
        """What is to be declared of a known asset; what was not declared before is noted as a change."""
        told: list[tuple[str, str | None]] = []
        own = self.own.get(root, {})
        for key, cell in row.values.items():
            # A network that followed from the address does so again.
            value = values[key] if key == "address" or key in own else cell
            before = trim(self.shown[root].get(key) or "")
            if value and value == trim(own.get(key, "")):
                told.append((key, own[key]))  # said once more
            elif not value and key in own:
                told.append((key, None))
                changes.append(Change(row.place, root, key, own[key], ""))
            elif value and value != before:
                told.append((key, value))
                changes.append(Change(row.place, root, key, before, value))
        return told


def _doubled(new: Sequence[tuple[AssetRow, Mapping[str, str]]]) -> list[Title]:
    """Rows that describe the same new asset."""
    first: dict[tuple[str, str], Title] = {}
    problems = []
    for row, values in new:
        who = _identity(values)
        signs = {*who.identifiers, *([(who.network or "", who.address)] if who.address else [])}
        again = next((first[sign] for sign in signs if sign in first), None)
        if again is not None:
            found = Title(f"lại thiết bị của {again.vi}", f"the asset of {again.en} again")
            problems.append(amiss(row.place, found, _once(again)))
        first |= dict.fromkeys(signs, row.place)
    return problems


def _once(place: Title) -> Title:
    return Title(f"mỗi thiết bị một lần, đã có ở {place.vi}", f"each once, it is already in {place.en}")


def _identity(values: Mapping[str, str]) -> Identity:
    serial = normalise("serial", values.get("serial", ""))
    stated = frozenset({("serial", serial)} if serial is not None else ())
    network, where = values.get("network") or None, values.get("address") or None
    at = where if network is not None else None
    return Identity(stated, at, network if at is not None else None, values.get("agency") or None)


def _is_nobody(values: Mapping[str, str]) -> bool:
    who = _identity(values)
    return not who.identifiers and who.address is None


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _holds(network: Network, where: str | None) -> bool:
    at = ip_address(where) if where else None
    return at is not None and at.version == network.prefix.version and at in network.prefix
