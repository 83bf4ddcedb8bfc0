"""YAML files that people write by hand, read strictly: every problem is noted with its line, none is guessed away."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from inventory.text import nfc
from inventory.words import Title

_MAX_BYTES = 1_000_000
_DEEPEST = 100
_SHOWN = 60
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What YAML 1.1 silently makes of unquoted text, such as no, 0123 or 2020: why the tag is looked at before the value.
_KINDS = {"bool": "the truth value", "int": "the number", "float": "the number", "timestamp": "the date"}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with one file; its text form is one line for a person."""

    file: str
    line: int
    """From 1; 0 when it concerns the whole file."""
    text: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value in a file: where it stands, and under which name a person knows it."""

    node: Node
    line: int
    """The line of its key, or of the value itself in a list; from 1."""
    name: str = ""
    """Its path in the file, such as "target.province"; empty for the file as a whole."""


@dataclass(slots=True)
class StrictFile:
    """One YAML file being read. What is wrong is noted and a harmless value given, so that one reading finds it all."""

    name: str
    problems: list[Problem] = field(default_factory=list)

    def note(self, at: Entry | int, text: str) -> None:
        """Keep a problem of an entry, or of a line (0 for the file)."""
        line = at.line if isinstance(at, Entry) else at
        name = at.name if isinstance(at, Entry) else ""
        self.problems.append(Problem(self.name, line, f"{name}: {text}" if name else text))

    def open(self, path: Path) -> Entry | None:
        """The file's one document, or None when it cannot be read as YAML at all."""
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig")
        except OSError as error:
            self.note(0, f"cannot be read: {error.strerror}")
            return None
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.note(line, f"found the byte 0x{content[error.start]:02x}, expected text saved as UTF-8")
            return None
        if len(content) > _MAX_BYTES:
            self.note(0, f"found {len(content)} bytes, expected at most {_MAX_BYTES}")
            return None
        node = self._compose(text)
        return None if node is None else Entry(node, _line(node))

    def _compose(self, text: str) -> Node | None:
        node: Node | None
        try:
            node = _compose_fast(text) or yaml.compose(text, Loader=yaml.SafeLoader)
            if node is None:
                self.note(0, "found an empty file")
            return node
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            hint = "; put text with a colon in quotes" if "mapping values" in str(error.problem) else ""
            self.note(mark.line + 1 if mark else 0, f"not readable as YAML: {error.problem}{hint}")
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            self.note(line, f"found the invisible character U+{error.character:04X}, expected readable text")
        except RecursionError:
            self.note(0, "not readable as YAML: nested too deeply")
        except (ValueError, OverflowError) as error:
            # An escape beyond Unicode: PyYAML lets Python's own error through.
            self.note(0, f"not readable as YAML: {error}")
        return None

    def mapping(self, entry: Entry) -> dict[str, Entry]:
        """The values of a mapping by key; a key that stands twice or is no text is noted."""
        if not isinstance(entry.node, MappingNode):
            self.note(entry, f"found {found(entry.node)}, expected names with values")
            return {}
        entries: dict[str, Entry] = {}
        for key, value in entry.node.value:
            at = Entry(key, _line(key), entry.name)
            if _type(key) != "str":
                self.note(at, f"found {found(key)} as a key, expected text")
            elif key.value in entries:
                self.note(at, f"the key {_shown(key.value)} stands twice, first on line {entries[key.value].line}")
            else:
                own = key.value if key.value.isprintable() and len(key.value) <= _SHOWN else _shown(key.value)
                entries[key.value] = Entry(value, at.line, f"{entry.name}.{own}" if entry.name else own)
        return entries

    def fields(self, entry: Entry, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Entry]:
        """The values of a mapping whose keys are known; unknown and missing keys are noted."""
        entries = self.mapping(entry)
        known = [*required, *optional]
        for key in [k for k in entries if k not in known]:
            unknown = entries.pop(key)
            hint = nearest(key, known)
            if getattr(entry.node, "flow_style", False) and _type(unknown.node) == "null":
                hint = "; a comma ends the text inside { }: put the text in quotes"
            self.note(Entry(unknown.node, unknown.line, entry.name), f"unknown key {_shown(key)}{hint}")
        if isinstance(entry.node, MappingNode) and (missing := [k for k in required if k not in entries]):
            self.note(entry, f"missing {', '.join(missing)}")
        return entries

    def items(self, entry: Entry) -> list[Entry]:
        """The values of a list, named from 1."""
        if isinstance(entry.node, SequenceNode):
            return [Entry(n, _line(n), f"{entry.name}[{i}]") for i, n in enumerate(entry.node.value, 1)]
        self.note(entry, f"found {found(entry.node)}, expected a list")
        return []

    def text(self, entry: Entry) -> str:
        """Text for people: in normal form C, on one line, with nothing invisible in it."""
        return self._visible(entry, nfc(self._scalar(entry)))

    def code(self, entry: Entry) -> str:
        """An expression: in normal form C, on one line, the white space inside it kept."""
        lines = unicodedata.normalize("NFC", self._scalar(entry)).splitlines()
        return self._visible(entry, " ".join(line.strip() for line in lines).strip())

    def _scalar(self, entry: Entry) -> str:
        node = entry.node
        if _type(node) == "str":
            if not node.value.strip():
                self.note(entry, "found empty text, expected some")
            return str(node.value)
        hint = f': write "{node.value}" in quotes' if _type(node) in _KINDS and len(node.value) <= _SHOWN else ""
        self.note(entry, f"found {found(node)}, expected text{hint}")
        return ""

    def _visible(self, entry: Entry, text: str) -> str:
        # Soft hyphens and zero-width spaces come with text copied from Word or PDF, and make equal texts differ.
        if hidden := next((c for c in text if not c.isprintable()), None):
            self.note(entry, f"found the invisible character U+{ord(hidden):04X}, expected readable text")
        return text

    def slug(self, entry: Entry) -> str:
        """A name in small letters, digits and underscores."""
        text = self.text(entry)
        if text and not _NAME.fullmatch(text):
            self.note(entry, f"found {_shown(text)}, expected small letters a-z, digits and underscores")
        return text

    def title(self, entry: Entry) -> Title:
        """A name in both languages."""
        both = self.fields(entry, ("vi", "en"))
        return Title(*(self.text(both[k]) if k in both else "" for k in ("vi", "en")))

    def choice(self, entry: Entry, choices: Collection[str]) -> str:
        """One text of a closed list."""
        text = self.text(entry)
        if text and text not in choices:
            self.note(entry, f"found {_shown(text)}, expected one of {', '.join(choices)}{_meant(text, choices)}")
        return text

    def number(self, entry: Entry, expected: str = "a number such as 2 or 0.5") -> float:
        """A plain decimal number, whole ones as int; YAML's octal, sexagesimal and infinite numbers are refused."""
        node = entry.node
        if _type(node) in ("int", "float") and _NUMBER.fullmatch(node.value):
            return float(node.value) if "." in node.value else int(node.value)
        self.note(entry, f"found {found(node)}, expected {expected}")
        return 0

    def flag(self, entry: Entry) -> bool:
        """Yes or no, written true or false."""
        if _type(entry.node) == "bool" and entry.node.value in ("true", "false"):
            return bool(entry.node.value == "true")
        self.note(entry, f"found {found(entry.node)}, expected true or false")
        return False

    def share(self, entry: Entry) -> float:
        """A number from 0 to 1."""
        expected = "a share from 0 to 1, such as 0.9 for 90 %"
        share = self.number(entry, expected)
        if not 0 <= share <= 1:
            self.note(entry, f"found {found(entry.node)}, expected {expected}")
        return float(share)

    def day(self, entry: Entry) -> date | None:
        """A date written year-month-day."""
        if _type(entry.node) in ("timestamp", "str") and _DAY.fullmatch(entry.node.value):
            try:
                return date.fromisoformat(entry.node.value)
            except ValueError:
                pass  # Such as 31 June: noted below like any other text that is no date.
        self.note(entry, f"found {found(entry.node)}, expected a date such as 2020-12-31")
        return None


def found(node: Node) -> str:
    """What stands at a node, as a person would say it, cut short."""
    if isinstance(node, MappingNode):
        return "names with values"
    if isinstance(node, SequenceNode):
        return "a list"
    if (kind := _type(node)) == "null":
        return "nothing"
    if kind in _KINDS:
        return f"{_KINDS[kind]} {node.value if len(node.value) <= _SHOWN else node.value[:_SHOWN] + '…'}"
    return _shown(node.value) if kind == "str" else f"{_shown(node.value)} tagged {_shown(node.tag)}"


def nearest(name: str, known: Collection[str]) -> str:
    """The end of an error about an unknown name: the nearest known one, or all of them."""
    return _meant(name, known) or (f"; known are {', '.join(sorted(known))}" if known else "; none is known")


def closest(name: str, known: Collection[str]) -> str | None:
    """The known name that a misspelt one most likely means."""
    return next(iter(difflib.get_close_matches(name[:_SHOWN], known, n=1, cutoff=0.6)), None)


def _meant(name: str, known: Collection[str]) -> str:
    meant = closest(name, known)
    return f"; did you mean {meant!r}?" if meant else ""


def _shown(text: str) -> str:
    """The text in quotes, cut short, with what is invisible written out."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def read_own(path: Path) -> Any:
    """What one of Dophu's own files says: nothing of it is checked, and libyaml reads it where it is there."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(path.read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _compose_fast(text: str) -> Node | None:
    """What libyaml makes of a text, several times faster; None where it is not there or refuses, for PyYAML tells why.

    libyaml crashes while it composes what is nested too deeply, so the depth is counted before.
    """
    loader = getattr(yaml, "CSafeLoader", None)
    if loader is None:
        return None
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return None
        node: Node | None = yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, ValueError, OverflowError):
        return None
    return node


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _type(node: Node) -> str:
    """The type of a scalar in YAML's short name, such as str; empty for lists and mappings."""
    return str(node.tag).removeprefix("tag:yaml.org,2002:") if isinstance(node, ScalarNode) else ""
