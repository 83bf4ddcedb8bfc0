"""Reads the vendors' files strictly; `collectors.vendors` says what a file may say."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from collectors.vendors.knowledge import ENTERPRISES, ENTITY, FIELDS, Banner, Knowledge, Read, RoleRule, System, Vendor
from collectors.vendors.load_readings import read_table, read_value
from collectors.vendors.load_traps import read_trap
from collectors.vendors.names import Names
from collectors.vendors.patterns import is_endless
from inventory import vocabulary
from inventory.strict_yaml import Entry, StrictFile
from inventory.words import InputError

_FOLDER = Path(__file__).parent
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,9})){1,60}")
_SOURCES = ("oid", "column", "entity", "descr", "name", "object", "text")


@functools.cache
def load_vendors(folder: Path = _FOLDER) -> Knowledge:
    """Reads the folder; InputError lists every problem with its file and line."""
    files: list[StrictFile] = []
    vendors: list[Vendor] = []
    general = Vendor("_any", "")
    owners: dict[int, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        reader = _VendorFile(StrictFile(path.name))
        files.append(reader.file)
        read = reader.read(path)
        for number, entry in zip(read.enterprises, reader.numbers, strict=True):
            if owners.setdefault(number, path.name) != path.name:
                reader.file.note(entry, f"found {number}, which {owners[number]} names as well; a number has one owner")
        if path.stem == "_any":
            general = read
        else:
            vendors.append(read)
    enterprises = _enterprises(folder / "enterprises.csv")
    for vendor in vendors:
        for number in vendor.enterprises:
            enterprises[number] = (vendor.title, vendor.role or (enterprises.get(number) or ("", None))[1])
    if problems := [str(problem) for file in files for problem in sorted(file.problems)]:
        raise InputError("\n".join(problems))
    titles = [title for title, _ in enterprises.values()] + [vendor.title for vendor in vendors]
    registry = folder / "numbers.tsv"
    return Knowledge(tuple(vendors), general, enterprises, Names.of(titles, registry if registry.exists() else None))


def _enterprises(path: Path) -> dict[int, tuple[str, str | None]]:
    """The names of makers without a file: number, title and, optionally, role on each line."""
    if not path.exists():
        return {}
    roles, named = _roles(), dict[int, tuple[str, str | None]]()
    with path.open(encoding="utf-8", newline="") as lines:
        for at, row in enumerate(csv.reader(lines), 1):
            if at == 1:
                continue
            number, title, role = (*row, "", "", "")[:3]
            if not number.isdecimal() or not title or (role and role not in roles) or int(number) in named:
                raise InputError(
                    f"{path.name}, line {at}: found {','.join(row)!r}, expected a number not yet named, "
                    f"a title and, if any, one of the roles {', '.join(roles)}"
                )
            named[int(number)] = (title, role or None)
    return named


def _roles() -> tuple[str, ...]:
    return vocabulary.load().keys["role"].one_of


class _VendorFile:
    """Reads one vendor's file; problems are noted in `file`."""

    def __init__(self, file: StrictFile) -> None:
        self.file = file
        self.title = ""
        self.subtrees: tuple[str, ...] = ()
        self.numbers: list[Entry] = []

    def read(self, path: Path) -> Vendor:
        top = self.file.open(path)
        if top is None:
            return Vendor(path.stem, "")
        general = path.stem.startswith("_")
        required = () if general else ("title", "enterprises")
        optional = ("title", "enterprises", "role", "systems", "sip", "http", "traps")
        entries = self.file.fields(top, required, [key for key in optional if key not in required])
        numbers: tuple[int, ...] = ()
        if "title" in entries:
            self.title = self.file.text(entries["title"])
        if "enterprises" in entries:
            self.numbers = self.file.items(entries["enterprises"])
            numbers = tuple(int(self.file.number(item)) for item in self.numbers)
        self.subtrees = tuple(f"{ENTERPRISES}.{number}" for number in numbers)
        lists = ("systems", "sip", "http", "traps")
        listed = {key: self.file.items(entries[key]) if key in entries else [] for key in lists}
        return Vendor(
            path.stem,
            self.title,
            numbers,
            self.role(entries),
            tuple(self.system(item) for item in listed["systems"]),
            tuple(self.banner(item) for item in listed["sip"]),
            tuple(self.banner(item) for item in listed["http"]),
            tuple(read_trap(self, item) for item in listed["traps"]),
        )

    def system(self, entry: Entry) -> System:
        optional = ("os", "object", "descr", "present", "says", "role", "roles", "read", "values", "tables", "vlans")
        entries = self.file.fields(entry, (), optional)
        return System(
            self.title,
            self.file.text(entries["os"]) if "os" in entries else None,
            self.objects(entries["object"]) if "object" in entries else self.subtrees,
            self.pattern(entries.get("descr")),
            tuple(self.oid(item) for item in self.file.items(entries["present"])) if "present" in entries else (),
            self.pattern(entries.get("says")),
            self.role(entries),
            tuple(self.role_rule(item) for item in self.file.items(entries["roles"])) if "roles" in entries else (),
            tuple(self.place(item) for item in self.file.items(entries["read"])) if "read" in entries else (),
            tuple(read_value(self, item) for item in self.file.items(entries["values"])) if "values" in entries else (),
            tuple(read_table(self, item) for item in self.file.items(entries["tables"])) if "tables" in entries else (),
            f"vendors/{self.file.name}",
            self.oid(entries["vlans"]) if "vlans" in entries else None,
        )

    def objects(self, entry: Entry) -> tuple[str, ...]:
        if getattr(entry.node, "value", None) == "any":
            return ()
        return tuple(self.oid(item) for item in self.file.items(entry))

    def role_rule(self, entry: Entry) -> RoleRule:
        texts = ("descr", "model", "name", "version")
        entries = self.file.fields(entry, ("role",), ("object", *texts, "says", "unless"))
        objects = self.objects(entries["object"]) if "object" in entries else ()
        patterns = {key: found for key in texts if key in entries and (found := self.pattern(entries[key], plain=True))}
        says, unless = self.values(entries.get("says")), self.values(entries.get("unless"))
        return RoleRule(self.role(entries) or "other", objects, patterns, says, unless)

    def values(self, entry: Entry | None) -> dict[str, re.Pattern[str]]:
        found = {}
        for oid, item in (self.file.mapping(entry) if entry else {}).items():
            if pattern := self.pattern(item, plain=True):
                found[self.oid(item, oid)] = pattern
        return found

    def place(self, entry: Entry) -> Read:
        entries = self.file.fields(entry, (), (*_SOURCES, "as", "pattern", "values", "told"))
        sources = [key for key in _SOURCES if key in entries]
        if len(sources) != 1:
            self.file.note(entry, f"found {', '.join(sources) or 'no source'}, expected one of {', '.join(_SOURCES)}")
            return Read("text")
        source, at = sources[0], entries[sources[0]]
        known = self.file.choice(entries["as"], FIELDS) if "as" in entries else None
        pattern = self.pattern(at if source in ("descr", "name") else entries.get("pattern"))
        if known is None and not (pattern and pattern.groupindex):
            self.file.note(entry, f"missing as, or a pattern with one of the groups {', '.join(FIELDS)}")
        values = (
            {key: self.file.text(item) for key, item in self.file.mapping(entries["values"]).items()}
            if "values" in entries
            else {}
        )
        if source == "object":
            values = {
                self.oid(Entry(item.node, item.line, item.name), key): self.file.text(item)
                for key, item in self.file.mapping(at).items()
            }
        told = self.file.text(entries["told"]) if "told" in entries else "{}"
        return Read(source, self.where(source, at), known, pattern, values, told)

    def where(self, source: str, at: Entry) -> str:
        if source in ("oid", "column"):
            return self.oid(at)
        if source == "entity":
            return self.file.choice(at, ENTITY)
        return self.file.text(at) if source == "text" else ""

    def banner(self, entry: Entry) -> Banner:
        entries = self.file.fields(entry, ("pattern",), ("role",))
        return Banner(
            self.pattern(entries.get("pattern")) or re.compile("$^"),
            self.role(entries),
            self.title,
            f"vendors/{self.file.name}",
        )

    def role(self, entries: Mapping[str, Entry]) -> str | None:
        return self.file.choice(entries["role"], _roles()) if "role" in entries else None

    def oid(self, entry: Entry, text: str | None = None) -> str:
        text = str(getattr(entry.node, "value", "")) if text is None else text
        if not _OID.fullmatch(text):
            self.file.note(entry, f"found {text!r}, expected an OID such as 1.3.6.1.2.1.1.1.0")
        return text

    def pattern(
        self, entry: Entry | None, *, plain: bool = False, groups: Sequence[str] = FIELDS
    ) -> re.Pattern[str] | None:
        if entry is None:
            return None
        text = self.file.code(entry)
        try:
            pattern = re.compile(text, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            self.file.note(entry, f"not a regular expression: {error}")
            return None
        if is_endless(text):
            self.file.note(entry, "found a repeat whose parts repeat as well, such as (a+)+, which may take for ever")
            return None
        for group in pattern.groupindex:
            if plain or group not in groups:
                self.file.note(
                    entry, f"found the group {group!r}, expected one of {', '.join(() if plain else groups)}"
                )
        return pattern
