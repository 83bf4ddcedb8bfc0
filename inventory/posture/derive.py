"""The facts that follow from what a source said of a machine, the same for every source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone

from inventory.posture import builds, editions, kev, lifecycle
from inventory.words import Fact, Observation, Proof, Value

__all__ = ["References", "derive", "is_concerned"]

VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class References:
    """What facts are held against."""

    lifecycle: lifecycle.Table
    builds: builds.Table
    kev: kev.Catalogue | None = None
    """None until the catalogue was imported: nothing follows then, not even that there is nothing to review."""


def is_concerned(observation: Observation) -> bool:
    """Whether anything could follow from an observation."""
    return observation.asset is not None and any(f.key in ("os_name", "software", "model") for f in observation.facts)


def derive(observation: Observation, references: References) -> Observation:
    """The observation with what follows from it, as the word of the same source at the same time.

    A day taken because the edition of a Windows is not known is INFERRED: the earliest of those that it may be. What
    the source itself states is left as it is.
    """
    stated = {f.key: f for f in observation.facts if not f.item}
    found = [*_system(stated, references), *_exploited(observation.facts, stated, references)]
    new = tuple(fact for fact in found if fact.item or fact.key not in stated)
    if not new:
        return observation
    read = observation.tables_read | ({"kev_product"} if any(f.key == "kev_products" for f in new) else set())
    return replace(observation, facts=(*observation.facts, *new), tables_read=read)


def _system(stated: Mapping[str, Fact], references: References) -> Iterable[Fact]:
    name = stated.get("os_name")
    if name is None or not isinstance(name.value, str):
        return
    build, edition, version = (_text(stated, key) for key in ("os_build", "os_edition", "version"))
    known = lifecycle.support(references.lifecycle, name.value, build, edition, version)
    proof = name.proof if known is None or known.sure else Proof.INFERRED
    yield replace(name, key="os_support_ends", value=_end_of(known.ends) if known else None, proof=proof)
    if build is None or not editions.is_windows(name.value):
        return
    day = name.observed_at.astimezone(VIETNAM).date()
    patched = builds.patches(references.builds, build, day, server=editions.is_server(name.value))
    if patched is not None:
        through = None if patched.through is None else _beginning_of(patched.through)
        yield replace(name, key="patched_through", value=through)
        yield replace(name, key="releases_behind", value=patched.behind)


def _exploited(facts: Iterable[Fact], stated: Mapping[str, Fact], references: References) -> Iterable[Fact]:
    if references.kev is None:
        return
    programs = [f for f in facts if f.key == "software" and isinstance(f.value, dict)]
    device = " ".join(text for key in ("vendor", "model") if (text := _text(stated, key)))
    basis = programs[0] if programs else stated.get("model" if "software" not in stated else "software")
    # Of a computer the list of programs is what can be held against the catalogue; without it nobody looked.
    if basis is None or (not programs and _text(stated, "role") in ("workstation", "server")):
        return
    names = [kev.Installed("software", _name(f), _version(f)) for f in programs if kev.may_be_named(f.item)]
    if os_name := _text(stated, "os_name"):
        names.append(kev.Installed("os", os_name, _text(stated, "version") or ""))
    names.append(kev.Installed("device", device, _text(stated, "version") or ""))
    found = kev.exploited(references.kev, names)
    yield replace(basis, key="kev_products", item="", value=len(found))
    for each in found:
        row: Value = {
            "version": each.version,
            "software": each.software,
            "vulnerabilities": each.vulnerabilities,
            "ransomware": each.ransomware,
        }
        yield replace(basis, key="kev_product", item=each.title, value=row)


def _name(fact: Fact) -> str:
    """The program's name without the version by which several of one name are told apart."""
    if not fact.item.endswith(")"):
        return fact.item
    version = _version(fact)
    return fact.item.removesuffix(f" ({version})") if version else fact.item


def _version(fact: Fact) -> str:
    return str(fact.value.get("version") or "") if isinstance(fact.value, dict) else ""


def _text(stated: Mapping[str, Fact], key: str) -> str | None:
    fact = stated.get(key)
    return fact.value if fact is not None and isinstance(fact.value, str) else None


def _beginning_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _end_of(day: date) -> datetime:
    """The last day of support still is one, in Vietnam."""
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(days=1)
