"""Hosts that another system lists, in the store: each in the network of the register that holds its address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, and_, select

from inventory.host_lists import Listed
from inventory.periods import ZONE
from inventory.placing import narrowest
from inventory.refusing import amiss, an_agency
from inventory.store import assets, facts, registers
from inventory.store.tables import address, asset
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, Identity, InputError, Network, Proof, Value

__all__ = ["REASONS", "Outcome", "take_in"]

REASONS = ("no_address", "outside", "several", "twice")
"""Why a host is not stored: it has no address, none of the networks holds it, several do, or it was listed before."""


@dataclass(slots=True)
class Outcome:
    """What came of a list."""

    placed: list[tuple[Listed, Network]] = field(default_factory=list)
    left_out: list[tuple[Listed, str]] = field(default_factory=list)
    """With one of REASONS."""
    facts: int = 0
    new: int = 0


def take_in(
    connection: Connection, vocabulary: Vocabulary, source: str, hosts: Iterable[Listed], now: datetime, *,
    agency: str | None = None, dry: bool = False,
) -> Outcome:  # fmt: skip
    """Record what a list declares of the hosts that the register has a network for; whole or not at all.

    Args:
        agency: only its networks count, where several agencies have the same range.
        dry: nothing is stored.

    Raises:
        InputError: the agency is not in the register.
    """
    networks = _networks(connection, now, agency)
    outcome = Outcome()
    seen: set[tuple[str, str]] = set()
    told: list[tuple[facts.Subject, Fact]] = []
    for host in hosts:
        place = _place(host, networks)
        if isinstance(place, str):
            outcome.left_out.append((host, place))
            continue
        if (place.code, host.address) in seen:
            outcome.left_out.append((host, "twice"))
            continue
        seen.add((place.code, host.address))
        outcome.placed.append((host, place))
        if not dry:
            root = _asset(connection, host, place, now)
            told += [(root, Fact(k, v, source, now, Proof.DECLARED)) for k, v in _said(host, place).items()]
    if not dry:
        recorded = facts.record(connection, vocabulary, {"asset": told}, now)
        outcome.facts, outcome.new = recorded.facts, recorded.new
    return outcome


def _networks(connection: Connection, now: datetime, agency: str | None) -> list[Network]:
    register, day = registers.load(connection), now.astimezone(ZONE).date()
    codes = {a.code for a in register.agencies}
    if agency is not None and agency not in codes:
        raise InputError(amiss("--agency", f"{agency!r}", an_agency(agency, codes)))
    return [n for n in register.networks if n.valid_on(day) and agency in (None, n.agency)]


def _place(host: Listed, networks: Iterable[Network]) -> Network | str:
    """The narrowest network that holds the address, or why there is none."""
    if not host.address:
        return "no_address"
    found = narrowest(host.address, networks)
    if not found:
        return "outside"
    return found[0] if len(found) == 1 else "several"


def _asset(connection: Connection, host: Listed, place: Network, now: datetime) -> int:
    """Who was seen at the address, or a new asset: being listed is no sight of anybody."""
    at = and_(address.c.network == place.code, address.c.address == host.address)
    root = connection.scalar(select(asset.c.root).join(address, address.c.asset == asset.c.id).where(at))
    if root is not None:
        return int(root)
    who = Identity(address=host.address, network=place.code, agency=place.agency)
    return assets.resolve(connection, who, now)


def _said(host: Listed, place: Network) -> dict[str, Value]:
    told: dict[str, Value] = {
        "agency": place.agency, "network": place.code, "address": host.address, "sysname": host.name, "role": host.role,
        "location": host.location,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value}
