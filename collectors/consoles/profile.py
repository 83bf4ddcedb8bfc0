"""Reads the consoles' profiles strictly; `collectors.consoles` says what a file may say."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory.register.columns import plain
from inventory.strict_yaml import Entry, StrictFile
from inventory.words import InputError

#: What a column may hold, and how it is read.
FIELDS: Mapping[str, str] = {
    "hostname": "name", "address": "address", "mac": "mac", "serial": "text", "agency": "text", "reason": "text",
    "name": "text", "version": "text", "console": "text",
    "installed": "flag", "enabled": "flag", "up_to_date": "flag", "managed": "flag", "reboot_needed": "flag",
    "signatures_at": "time", "last_scan": "time", "last_seen": "time", "reported_at": "time",
    "infections": "count", "updates_pending": "count",
}  # fmt: skip
NAMING = ("hostname", "address", "mac", "serial")
FLAGS = tuple(name for name, kind in FIELDS.items() if kind == "flag")
TELLING = tuple(name for name in FIELDS if name not in (*NAMING, "agency", "reported_at", "last_seen", "console"))
_FOLDER = Path(__file__).parent / "profiles"
_DIRECTIVE = re.compile(r"%[dmYyHMSIpbB]")
_STATES: Mapping[str, bool | None] = {"yes": True, "no": False, "unknown": None}


@dataclass(frozen=True, slots=True)
class Profile:
    """How one console's reports are read."""

    name: str
    title: str = ""
    product: str = ""
    antivirus: bool = True
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By field its headers as people write them, the best first."""
    dates: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, bool | None]] = field(default_factory=dict)
    """By field, plain word → its meaning."""
    texts: Mapping[str, tuple[tuple[tuple[str, ...], Mapping[str, bool | None]], ...]] = field(default_factory=dict)
    """By field: plain parts of a text, and the flags that follow where it holds one of them."""
    up_to_date_days: float | None = None
    fresh_days: float = 7
    report_time: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, tuple[str, int]]:
        """Plain header → field and rank among the field's headers."""
        return {plain(h): (name, at) for name, all_ in self.columns.items() for at, h in enumerate(all_)}


@functools.cache
def load_profiles(folder: Path = _FOLDER) -> Mapping[str, Profile]:
    """Every profile by name; InputError lists every problem with its file and line."""
    files: list[StrictFile] = []
    profiles: dict[str, Profile] = {}
    for path in sorted(folder.glob("*.yaml")):
        file = StrictFile(path.name)
        files.append(file)
        if (top := file.open(path)) is not None:
            profiles[path.stem] = _read(file, top, path.stem)
    if problems := [str(p) for file in files for p in sorted(file.problems)]:
        raise InputError("\n".join(problems))
    return profiles


def _read(file: StrictFile, top: Entry, name: str) -> Profile:
    optional = ("product", "words", "texts", "up_to_date_days", "report_time")
    at = file.fields(top, ("title", "antivirus", "columns", "dates", "fresh_days"), optional)
    columns = {
        k: _texts(file, v) for k, v in (file.fields(at["columns"], (), FIELDS) if "columns" in at else {}).items()
    }
    if columns and not set(columns) & set(NAMING):
        file.note(at["columns"], f"expected one of {', '.join(NAMING)}: nothing names the machines")
    owners: dict[str, str] = {}
    for field_name, headers in columns.items():
        for header in headers:
            if owners.setdefault(plain(header), field_name) != field_name:
                file.note(at["columns"], f"the header {header!r} stands under {owners[plain(header)]} and {field_name}")
    days = file.number(at["up_to_date_days"]) if "up_to_date_days" in at else None
    return Profile(
        name,
        file.text(at["title"]) if "title" in at else "",
        file.text(at["product"]) if "product" in at else "",
        file.flag(at["antivirus"]) if "antivirus" in at else True,
        columns,
        _dates(file, at["dates"]) if "dates" in at else (),
        _words(file, at["words"]) if "words" in at else {},
        _said(file, at["texts"]) if "texts" in at else {},
        days,
        file.number(at["fresh_days"]) if "fresh_days" in at else 7,
        _texts(file, at["report_time"]) if "report_time" in at else (),
    )


def _texts(file: StrictFile, entry: Entry) -> tuple[str, ...]:
    return tuple(file.text(item) for item in file.items(entry))


def _dates(file: StrictFile, entry: Entry) -> tuple[str, ...]:
    found = []
    for item in file.items(entry):
        form = file.text(item)
        if form and (re.sub(_DIRECTIVE, "", form).count("%") or "%Y" not in form.replace("%y", "%Y")):
            file.note(item, f"found {form!r}, expected a date as strptime reads it, such as %d/%m/%Y %H:%M")
        found.append(form)
    return tuple(found)


def _words(file: StrictFile, entry: Entry) -> dict[str, dict[str, bool | None]]:
    words: dict[str, dict[str, bool | None]] = {}
    for name, group in file.fields(entry, (), FLAGS).items():
        words[name] = {}
        for state, said in file.fields(group, (), tuple(_STATES)).items():
            for word in _texts(file, said):
                if words[name].setdefault(plain(word), _STATES[state]) is not _STATES[state]:
                    file.note(said, f"the word {word!r} has two meanings")
    return words


def _said(file: StrictFile, entry: Entry) -> dict[str, tuple[tuple[tuple[str, ...], Mapping[str, bool | None]], ...]]:
    said: dict[str, tuple[tuple[tuple[str, ...], Mapping[str, bool | None]], ...]] = {}
    known = [name for name, kind in FIELDS.items() if kind == "text"]
    for name, rules in file.fields(entry, (), known).items():
        found = []
        for rule in file.items(rules):
            parts = file.fields(rule, ("has",), FLAGS)
            flags = {k: _STATES.get(file.choice(v, tuple(_STATES))) for k, v in parts.items() if k != "has"}
            found.append((tuple(plain(t) for t in _texts(file, parts["has"])) if "has" in parts else (), flags))
        said[name] = tuple(found)
    return said
