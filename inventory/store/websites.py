"""Declared websites in the store: what the register says of each is facts of an asset; and how each stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from inventory.identity import normalise
from inventory.periods import ZONE
from inventory.store import assets, facts
from inventory.store.tables import asset, identifier
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, Identity, Proof, Value, Website, WebsiteState

if TYPE_CHECKING:  # the register declares websites, and they stand where its agencies do
    from inventory.store.registers import Place

SOURCE = "register"
ROLE = "website"
_CONFIRMED = timedelta(days=1)
"""How often the register's word is confirmed while nobody changes it: facts grow old, what is declared does not."""
_STATE = frozenset(
    {
        "in_register", "agency", "url", "sysname", "answering", "website_problem", "website_detail", "leads_to",
        "http_status", "response_time", "https_only", "hsts", "certificate_valid", "certificate_problem",
        "certificate_expires", "certificate_issuer", "tls_version", "tls_old", "answers_over_ipv4", "ipv6_published",
        "answers_over_ipv6", "content_at", "content_dated_by",
    }
)  # fmt: skip


def declare(connection: Connection, vocabulary: Vocabulary, websites: Iterable[Website], now: datetime) -> None:
    """Record of every website that is declared today, and of those that no longer are, whether the register has it.

    A website is a member of what is asked of websites from here on, also when nothing could ever read it. Its agency is
    the register's to say and no collector's, so that one that moves to another agency is that one's at once.
    """
    day = now.astimezone(ZONE).date()
    told: list[tuple[facts.Subject, Fact]] = []
    listed: set[int] = set()
    for site in websites:
        if not site.valid_on(day) or normalise("url", site.url) is None:
            continue
        root = assets.resolve(connection, Identity(identifiers=frozenset({("url", site.url)})), now)
        listed.add(root)
        said: dict[str, Value] = {
            "in_register": True, "role": ROLE, "agency": site.agency, "url": site.url,
            "sysname": site.title or site.url,
        }  # fmt: skip
        told += [(root, Fact(key, value, SOURCE, now, Proof.DECLARED)) for key, value in said.items()]
    left = _declared(connection, vocabulary, now).keys() - listed
    told += [(root, Fact("in_register", False, SOURCE, now, Proof.DECLARED)) for root in sorted(left)]
    facts.record(connection, vocabulary, {"asset": told}, now)


def confirm(connection: Connection, vocabulary: Vocabulary, websites: Iterable[Website], now: datetime) -> None:
    """Declare again what is declared, where that was not done for a day or is no longer so."""
    wanted, day = list(websites), now.astimezone(ZONE).date()
    valid = [site for site in wanted if site.valid_on(day) and normalise("url", site.url) is not None]
    known, standing = roots(connection, valid), _declared(connection, vocabulary, now)
    changed = len(known) < len(valid) or set(known.values()) != standing.keys()
    if changed or any(now - at > _CONFIRMED for at in standing.values()):
        declare(connection, vocabulary, wanted, now)


def _declared(connection: Connection, vocabulary: Vocabulary, at: datetime) -> dict[int, datetime]:
    """The assets of which the register says that it has them, and when it last said so."""
    said = facts.read(connection, vocabulary, "asset", _roots(connection), at, {"in_register"})
    return {
        int(root): fact.observed_at
        for root, own in said.items()
        for fact in own
        if fact.source == SOURCE and fact.value
    }


def roots(connection: Connection, websites: Iterable[Website]) -> dict[str, int]:
    """The assets that declared websites are, by their addresses as declared."""
    known = select(identifier.c.value, asset.c.root).join(asset, asset.c.id == identifier.c.asset)
    held = {value: int(root) for value, root in connection.execute(known.where(identifier.c.kind == "url"))}
    named = ((site.url, normalise("url", site.url)) for site in websites)
    return {url: held[name] for url, name in named if name in held}


def _roots(connection: Connection) -> list[int]:
    """Every asset that was ever known by a web address."""
    known = select(asset.c.root).join(identifier, identifier.c.asset == asset.c.id)
    return sorted({int(root) for root in connection.scalars(known.where(identifier.c.kind == "url"))})


def states(
    connection: Connection, vocabulary: Vocabulary, places: Mapping[str, Place], at: datetime
) -> tuple[WebsiteState, ...]:
    """How every website stands that was declared at `at`, by agency and address."""
    said = facts.read(connection, vocabulary, "asset", _roots(connection), at, _STATE)
    found = (_state(int(root), facts.take(vocabulary, own, at), places) for root, own in said.items())
    return tuple(sorted((s for s in found if s is not None), key=lambda s: (s.agency, s.url)))


def states_at(connection: Connection, vocabulary: Vocabulary, at: datetime) -> tuple[WebsiteState, ...]:
    """How every website stands that was declared at `at`, without judging anything."""
    from inventory.store import registers

    places = registers.places(registers.load(connection), at.astimezone(ZONE).date())
    return states(connection, vocabulary, places, at)


def _state(root: int, taken: Mapping[str, Fact], places: Mapping[str, Place]) -> WebsiteState | None:
    values = {key: fact.value for key, fact in taken.items()}
    place = places.get(str(values.get("agency", "")))
    if not values.get("in_register") or place is None:
        return None
    answering, seconds, status = values.get("answering"), values.get("response_time"), values.get("http_status")
    return WebsiteState(
        asset=root,
        url=_text(values, "url"),
        agency=place.home,
        title=_text(values, "sysname"),
        state="unknown" if answering is None else "up" if answering else "down",
        problem=_text(values, "website_problem"),
        detail=_text(values, "website_detail"),
        leads_to=_text(values, "leads_to"),
        http_status=status if isinstance(status, int) else None,
        response_seconds=seconds if isinstance(seconds, float) else None,
        https_only=_flag(values, "https_only"),
        hsts=_flag(values, "hsts"),
        certificate_valid=_flag(values, "certificate_valid"),
        certificate_problems=tuple(_text(values, "certificate_problem").split()),
        certificate_expires=_time(values, "certificate_expires"),
        certificate_issuer=_text(values, "certificate_issuer"),
        tls_version=_text(values, "tls_version"),
        tls_old=_flag(values, "tls_old"),
        ipv4=_flag(values, "answers_over_ipv4"),
        ipv6_published=_flag(values, "ipv6_published"),
        ipv6=_flag(values, "answers_over_ipv6"),
        content_at=_time(values, "content_at"),
        content_dated_by=_text(values, "content_dated_by"),
        observed=taken["answering"].observed_at if "answering" in taken else None,
    )


def _text(values: Mapping[str, Value], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _flag(values: Mapping[str, Value], key: str) -> bool | None:
    value = values.get(key)
    return value if isinstance(value, bool) else None


def _time(values: Mapping[str, Value], key: str) -> datetime | None:
    value = values.get(key)
    return value if isinstance(value, datetime) else None
