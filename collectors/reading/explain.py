"""Tells why a device is taken for what it is: what decided each field, what was rejected, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from collectors.reading.origins import Origin, Step
from collectors.reading.standard import SYS_DESCR, SYS_OBJECT_ID, Portrait
from collectors.reading.text import as_lines
from collectors.vendors import Knowledge, System, below

EXPLAINED = ("vendor", "os_name", "model", "version", "serial", "role")
_SHOWN = 60
"""Characters of a pattern that are shown."""


REASONS = ("object", "descr", "present", "says", "words")
"""Why not: its sysObjectID is elsewhere; its sysDescr does not fit; it has none of the objects; their values do not
fit; without a sysObjectID such words are no proof."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A system of the device's own maker that it does not run, and why."""

    file: str
    system: str
    reason: str
    """One of REASONS."""
    expected: str = ""
    found: str = ""


@dataclass(slots=True)
class Explanation:
    """What is kept for somebody who asks why."""

    wanted: bool = False
    origins: dict[str, Origin] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def tell(self, answer: Mapping[str, object]) -> dict[str, object]:
        """As JSON: `fields` by name with value, kind, file, system, at, rule and raw; `rejected`; `steps`."""
        fields = {
            name: {"value": answer.get(name), **asdict(self.origins[name])}
            for name in EXPLAINED
            if name in self.origins
        }
        rejected = [asdict(one) for one in self.rejected]
        steps = [{"step": s.name, "seconds": round(s.seconds, 4), "requests": s.requests} for s in self.steps]
        return {"fields": fields, "rejected": rejected, "steps": steps}


def reject_systems(knowledge: Knowledge, portrait: Portrait, chosen: Sequence[System]) -> Iterator[Rejected]:
    """The systems of the maker that stand before the chosen one in its file, or all of them where none was chosen."""
    object_id = portrait.text(SYS_OBJECT_ID) or ""
    descr = as_lines(portrait.answers.get(SYS_DESCR))
    own = knowledge.fitting(object_id, descr).own
    picked = next((system for system in chosen if system.vendor), None)
    for vendor in knowledge.vendors:
        if vendor not in own and not (picked and picked in vendor.systems):
            continue
        for system in vendor.systems:
            if system is picked:
                break
            if reason := _reason(system, portrait, object_id, descr):
                yield Rejected(system.file, system.os or vendor.title, *reason)


def _reason(system: System, portrait: Portrait, object_id: str, descr: str) -> tuple[str, str, str] | None:
    """Why a device does not run a system, what was expected and what found; None where nothing speaks against it."""
    if object_id and system.objects and not below(object_id, system.objects):
        return "object", ", ".join(system.objects), object_id
    if system.descr and not system.descr.search(descr):
        return "descr", _short(system.descr.pattern), descr
    told = [text for oid in system.present if (text := portrait.text(oid)) is not None]
    if system.present and not told:
        return "present", ", ".join(system.present), ""
    if system.says and not any(map(system.says.search, told)):
        return "says", _short(system.says.pattern), told[0]
    return ("words", "sysObjectID", "") if system.objects and not object_id else None


def _short(pattern: str) -> str:
    return pattern if len(pattern) <= _SHOWN else f"{pattern[: _SHOWN - 1]}…"
