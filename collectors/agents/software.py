"""What an inventory says of the programs and updates that are installed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from collectors import facts
from collectors.agents.rows import SOURCE, Row, beginning, day_of, text_of, written
from inventory.words import Fact, InputError, Proof, Value

SOFTWARE_LIMIT = 20_000
"""Rows; a workstation has some hundreds, a server some thousands."""

_KB = frozenset({"KB", "kb", "Kb", "kB"})
_UPDATE = re.compile(r"KB\d{6,8}", re.IGNORECASE)


def software_facts(rows: Sequence[Row], at: datetime) -> tuple[Fact, ...]:
    """The facts of a section that is there: programs, Windows' installed updates, and when the newest was installed.

    Programs of one name in several versions are told apart by the version.

    Raises:
        InputError: more rows than a machine can have programs.
    """
    if len(rows) > SOFTWARE_LIMIT:
        raise InputError(f"agent's inventory, softwares: found {len(rows)} rows, expected at most {SOFTWARE_LIMIT}")
    programs: dict[tuple[str, str, str], str] = {}
    updates: list[tuple[str, Row]] = []
    for row in rows:
        name = text_of(row, "name")
        if name is None:
            continue
        if name[:2] in _KB and _UPDATE.fullmatch(name):
            updates.append((name, row))
            continue
        program = (name, text_of(row, "version") or "", text_of(row, "publisher") or "")
        dated = "install_date" in row or "installdate" in row
        installed = written(_installed(row, at)) if dated else ""
        if installed >= programs.get(program, ""):
            programs[program] = installed
    return (*_programs(programs, at), *_updates(updates, at))


def _programs(listed: Mapping[tuple[str, str, str], str], at: datetime) -> tuple[Fact, ...]:
    """A fact for each program, of names, versions and publishers with the day of installation."""
    several: Collection[str] = ()
    if len({name for name, _, _ in listed}) < len(listed):
        versions = Counter(name for name, _ in {(name, version) for name, version, _ in listed})
        several = {name for name, count in versions.items() if count > 1}
    found: dict[str, Value] = {}
    for (name, version, publisher), installed in listed.items():
        item = f"{name} ({version})" if name in several else name
        found.setdefault(item, {"version": version, "publisher": publisher, "installed": installed})
    proof = Proof.AGENT
    return tuple([Fact("software", value, SOURCE, at, proof, item) for item, value in found.items()])


def _updates(rows: Sequence[tuple[str, Row]], at: datetime) -> tuple[Fact, ...]:
    found: dict[str, Value] = {}
    newest: date | None = None
    for name, row in rows:
        installed = _installed(row, at)
        newest = max((day for day in (newest, installed) if day is not None), default=None)
        category = text_of(row, "system_category") or text_of(row, "release_type") or text_of(row, "comments") or ""
        value: dict[str, object] = {"category": category.lower().replace(" ", "_"), "installed": written(installed)}
        found.setdefault(name.upper(), value)
    updates = tuple(Fact("installed_update", value, SOURCE, at, Proof.AGENT, item) for item, value in found.items())
    return (*updates, *facts(SOURCE, at, {"last_update": beginning(newest)}, proof=Proof.AGENT))


def _installed(row: Row, at: datetime) -> date | None:
    """XML calls the field INSTALLDATE, JSON install_date; the first of January 1970 means that nobody knows."""
    return day_of(row, "install_date", at) or day_of(row, "installdate", at)
