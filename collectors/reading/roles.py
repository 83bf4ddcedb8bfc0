"""Decides the role of a device from what is known of it, the surest word first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collectors.reading.origins import Origin
from collectors.reading.standard import HR_UPTIME, SYS_DESCR, SYS_NAME, SYS_OBJECT_ID, Portrait, what_it_does
from collectors.vendors import RoleRule, System, Vendor, below

Decision = tuple[str, Origin]
"""A role (a value of the vocabulary), and what decided it."""

_PLACES = {"descr": SYS_DESCR, "name": SYS_NAME}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to decide by."""

    portrait: Portrait
    object_id: str
    descr: str
    parts: str
    """What the model and the chassis are called."""

    def role_of(self, system: System, descr: str) -> Decision | None:
        """The role of what runs a system, with `descr` in the place of its sysDescr."""
        fields = self.portrait.fields
        texts = {
            "descr": descr,
            "name": self.portrait.words(SYS_NAME) or "",
            "model": fields.get("model", ""),
            "version": fields.get("version", ""),
        }
        for rule in system.roles:
            if self._holds(rule, texts):
                return rule.role, _why(rule, system, texts)
        if system.role is None:
            return None
        at = next((oid for oid in system.present if oid in self.portrait.answers), "")
        raw = self.portrait.text(at) or "" if at else self.object_id
        return system.role, Origin("system", system.file, system.os or "", at or SYS_OBJECT_ID, raw=raw)

    def _holds(self, rule: RoleRule, texts: Mapping[str, str]) -> bool:
        if rule.objects and not below(self.object_id, rule.objects):
            return False
        if not all(pattern.search(texts[where]) for where, pattern in rule.patterns.items()):
            return False
        said = {oid: self.portrait.text(oid) for oid in (*rule.says, *rule.unless)}
        return all(
            (text := said[oid]) is not None and pattern.search(text) for oid, pattern in rule.says.items()
        ) and not any((text := said[oid]) is not None and pattern.search(text) for oid, pattern in rule.unless.items())


def decide_role(
    evidence: Evidence,
    vendor: Vendor | None,
    system: System | None,
    general: Iterable[System],
    listed: tuple[str, str | None] | None,
) -> Decision | None:
    """The vendor's file, then standard MIBs and words, what the maker's devices usually are, and what the device does.

    `listed` are title and usual role of a maker that has no file; of such a maker's device a Linux inside makes no
    server.
    """
    if system and (said := evidence.role_of(system, evidence.descr)):
        return said
    at_number = (SYS_OBJECT_ID, "", evidence.object_id)
    if vendor and vendor.role:
        return vendor.role, Origin("vendor", vendor.file, "", *at_number)
    general = tuple(general)
    said_by_words = [d for one in general if (d := evidence.role_of(one, evidence.descr))]
    # That it runs Linux or is a host says the least: so do most appliances.
    if said := next(_telling(said_by_words), None):
        return said
    if evidence.parts and (said := next(_telling(evidence.role_of(one, evidence.parts) for one in general), None)):
        return said
    if listed and listed[1]:
        return listed[1], Origin("number", "vendors/enterprises.csv", "", *at_number)
    if said := what_it_does(evidence.portrait):
        return said
    if listed and not vendor and re.match(r"\W*linux\b", evidence.descr, re.IGNORECASE):
        return None
    return next(iter(said_by_words), None) or _role_of_host(evidence.portrait)


def _telling(decisions: Iterable[Decision | None]) -> Iterator[Decision]:
    return (decision for decision in decisions if decision and decision[0] != "server")


def _role_of_host(portrait: Portrait) -> Decision | None:
    uptime = portrait.text(HR_UPTIME)
    return ("server", Origin("function", at=HR_UPTIME, raw=uptime)) if uptime is not None else None


def _why(rule: RoleRule, system: System, texts: Mapping[str, str]) -> Origin:
    """What made a rule hold: its first condition, and what was found there."""
    conditions = [f"{where} ~ {pattern.pattern}" for where, pattern in rule.patterns.items()]
    conditions += [f"{oid} ~ {pattern.pattern}" for oid, pattern in rule.says.items()]
    conditions += [f"{oid} !~ {pattern.pattern}" for oid, pattern in rule.unless.items()]
    conditions += [f"sysObjectID ≤ {', '.join(rule.objects)}"] if rule.objects else []
    where = next(iter(rule.patterns), "")
    matched = rule.patterns[where].search(texts[where]) if where else None
    at = _PLACES.get(where, "") if where else next(iter(rule.says), SYS_OBJECT_ID)
    return Origin("rule", system.file, system.os or "", at, "; ".join(conditions), matched[0] if matched else "")
