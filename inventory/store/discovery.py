"""What others may ask for metrics, as the store knows it: each asset with the sources that say whether it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from inventory.periods import ZONE
from inventory.store import assets, keys, registers, websites
from inventory.store.tables import FACTS, asset
from inventory.vocabulary import Vocabulary, instant
from inventory.words import Agency, Link, Network, Register, Website

__all__ = ["Known", "Surroundings", "assets_to_ask", "surroundings"]


@dataclass(frozen=True, slots=True)
class Known:
    """An asset with an address, as of an instant."""

    number: int
    agency: str
    """The code under which it was found."""
    network: str
    address: str
    role: str
    vendor: str
    name: str
    system: str
    """Its operating system."""
    answering: bool
    by: Mapping[str, bool]
    """By source whether it answered when it was asked last; those whose word is too old are absent."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The register as of a day, with whom each agency counts as, and of which kind the named credentials are."""

    register: Register
    places: Mapping[str, registers.Place]
    networks: Mapping[str, Network]
    links: tuple[Link, ...]
    websites: tuple[Website, ...]
    kinds: Mapping[str, str]
    """By the name of a credential, its kind: never what is in it."""
    sites: Mapping[str, int]
    """By its address, the asset that a website is."""

    @property
    def agencies(self) -> Mapping[str, Agency]:
        """Every code that the register ever had, with its last row."""
        return {a.code: a for a in sorted(self.register.agencies, key=lambda a: a.valid_from)}

    def asset_of(self, url: str) -> str:
        """The number of a website's asset; empty where it has none yet."""
        return str(self.sites.get(url, ""))


def assets_to_ask(connection: Connection, vocabulary: Vocabulary, at: datetime) -> list[Known]:
    """Every asset with an address as of `at`, by its number."""
    t, time = FACTS["asset"], instant(at)
    oldest = time - int(vocabulary.max_age("answering").total_seconds() * 1000)
    query = (
        select(asset.c.root, t.c.source, t.c.value)
        .join(asset, asset.c.id == t.c.subject)
        .where(t.c.key == "answering", t.c.item == "", t.c.first <= time, t.c.until > time, t.c.last >= oldest)
        # Of two assets that became one, who answered stands.
        .order_by(t.c.value)
    )
    said: dict[int, dict[str, bool]] = {}
    for root, source, value in connection.execute(query):
        if value is not None:
            said.setdefault(int(root), {})[source] = value == "1"
    return [
        _known(row, said.get(int(str(row["id"])), {}))
        for row in assets.listing(connection, vocabulary, at)
        if row["address"] and row["agency"]
    ]


def _known(row: Mapping[str, object], by: Mapping[str, bool]) -> Known:
    def text(key: str) -> str:
        value = row[key]
        return "" if value is None else str(value)

    return Known(
        int(text("id")), text("agency"), text("network"), text("address"), text("role"), text("vendor"),
        text("sysname"), text("os_name"), bool(row["answering"]), by,
    )  # fmt: skip


def surroundings(connection: Connection, at: datetime) -> Surroundings:
    """The register as it is valid at `at`."""
    register, day = registers.load(connection), at.astimezone(ZONE).date()
    sites = tuple(w for w in register.websites if w.valid_on(day))
    return Surroundings(
        register,
        registers.places(register, day),
        {n.code: n for n in register.networks if n.valid_on(day)},
        tuple(v for v in register.links if v.valid_on(day)),
        sites,
        {name: kind for name, (kind, _) in keys.credentials(connection).items()},
        websites.roots(connection, sites),
    )
