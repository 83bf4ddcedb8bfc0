"""Says values, times, facts and expressions in one language, for the pages."""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from markupsafe import Markup

from api.wording import WORDS, clock, day, number, percent
from inventory.periods import ZONE
from inventory.store.judge import MISSING
from inventory.vocabulary import REGISTER_COLUMNS, Vocabulary
from inventory.words import ALL_LEVELS, Fact, Level, Title

_TOKEN = re.compile(r"\s+|'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*|[0-9.]+|<>|!=|>=|<=|.", re.DOTALL)
_SIGNS = {">=": "≥", "<=": "≤", "<>": "≠", "!=": "≠"}
#: Columns of tables that hold times, in ISO 8601.
_CELL_TIMES = ("finished", "tried", "seen", "restore_tested")
#: Cells of tables whose numbers have the same unit in every table.
_CELL_UNITS = {
    "share": "share",
    **dict.fromkeys(("size", "used", "memory", "in_octets", "out_octets"), "bytes"),
}
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(value: object) -> object:
    """A value as a page may show it: text in NFC, with a mark in place of what is invisible or turns text around."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _NOT_SHOWN.sub("\ufffd", unicodedata.normalize("NFC", value))
    return value


@dataclass(frozen=True, slots=True)
class Speaker:
    """One language and the titles that are data: of levels, keys and counts."""

    language: str
    vocabulary: Vocabulary
    levels: tuple[Level, ...] = ()

    def word(self, name: str, /, **parts: object) -> str:
        """The word of this name, with its {parts} filled in; the name itself where there is none."""
        text = WORDS[self.language].get(name, name.partition(":")[2] or name)
        return text.format(**parts) if parts else text

    def title(self, title: Title) -> str:
        """A title in this language, or in the other where this one is empty."""
        return title.in_language(self.language) or title.vi or title.en

    def level(self, code: str | None) -> str:
        """An administrative level's name."""
        if code is None or code == ALL_LEVELS:
            return self.word("all_levels")
        return next((self.title(v.title) for v in self.levels if v.code == code), code)

    def share(self, share: float | None) -> str:
        """A share that does not break over two lines."""
        return percent(share, self.language).replace(" ", "\u00a0")

    def number(self, value: float) -> str:
        """A number with its separators."""
        return number(value, self.language)

    def day(self, value: date | None) -> str:
        """A day; a dash where there is none."""
        return "–" if value is None else day(value, self.language)

    def time(self, value: datetime | None) -> Markup:
        """A `<time>` in Vietnam's hours; "never" where there is none."""
        if value is None:
            return Markup("{}").format(self.word("never"))
        return Markup('<time datetime="{}">{}</time>').format(
            value.isoformat(timespec="seconds"), clock(value, self.language)
        )

    def period(self, start: date, end: date | None) -> str:
        """A period of validity, both ends included."""
        first = self.word("always") if start == date.min else self.day(start)
        last = self.word("still") if end is None else self.day(end)
        return f"{first} – {last}"

    def age(self, age: timedelta | float) -> str:
        """A span of time in its two largest units: "3 d 4 h"."""
        left = int(age.total_seconds() if isinstance(age, timedelta) else age)
        parts = []
        for unit, seconds in (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
            count, left = divmod(left, seconds)
            if count:
                parts.append(self.word(unit, n=count))
        return " ".join(parts[:2]) or self.word("seconds", n=0)

    # --- facts ------------------------------------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """The title of a fact key or count."""
        return self.title(self.vocabulary.title(name))

    def event(self, kind: str) -> str:
        """What a kind of event is called; its own name where the vocabulary no longer has it."""
        known = self.vocabulary.events.get(kind)
        return self.title(known.title) if known else kind

    def value(self, fact: Fact) -> str:
        """What a fact says."""
        known = self.vocabulary.keys.get(fact.key)
        unit = known.unit if known else ""
        if isinstance(fact.value, int | float) and not isinstance(fact.value, bool) and unit:
            return self.quantity(fact.value, unit)
        if fact.key == "link_state" and isinstance(fact.value, str):
            return self.word(f"state:{fact.value}")
        if fact.key == "role" and isinstance(fact.value, str):
            return self.word(f"role:{fact.value}")
        if isinstance(fact.value, str):
            return self.vocabulary.say(fact.key, fact.value, self.language)
        return self.plain(fact.value)

    def local_day(self, value: datetime) -> str:
        """The day in Vietnam on which an instant is."""
        return self.day(value.astimezone(ZONE).date())

    def quantity(self, value: float, unit: str) -> str:
        """A number with its unit."""
        match unit:
            case "share":
                return self.share(value)
            case "seconds" if value < 1:
                return f"{self.number(round(value * 1000, 1))}\u00a0ms"
            case "seconds":
                return self.age(value)
            case "bytes":
                # The prefixes of IEC 80000-13; people write them as GB.
                for size, name in ((2**40, "TB"), (2**30, "GB"), (2**20, "MB")):
                    if value >= size:
                        return f"{self.number(round(value / size, 1))}\u00a0{name}"
                return f"{self.number(round(value / 1024, 1))}\u00a0kB"
            case _:
                return f"{self.number(value)}\u00a0{unit}"

    def plain(self, value: object) -> str:
        """A value without a unit."""
        match value:
            case None:
                return self.word("stated_unknown")
            case bool():
                return self.word("yes" if value else "no")
            case datetime():
                return clock(value, self.language)
            case int() | float():
                return self.number(value)
            case str():
                return value
            case _:
                return json.dumps(value, ensure_ascii=False, default=str)

    def cell(self, column: str, value: object) -> str:
        """One cell of a table fact; empty where the source did not say."""
        if value is None:
            return ""
        if column == "speed" and isinstance(value, int | float):
            for size, name in ((10**9, "Gbit/s"), (10**6, "Mbit/s"), (10**3, "kbit/s")):
                if value >= size:
                    return f"{self.number(round(value / size, 1))}\u00a0{name}"
            return f"{self.number(value)}\u00a0bit/s"
        if column in _CELL_TIMES and isinstance(value, str):
            with contextlib.suppress(ValueError):
                return clock(datetime.fromisoformat(value), self.language)
        if column == "why" and isinstance(value, str) and value in (known := self.vocabulary.keys["backup"].says):
            return self.title(known[value])
        if column in _CELL_UNITS and isinstance(value, int | float):
            return self.quantity(value, _CELL_UNITS[column])
        return self.plain(value)

    def columns(self, key: str, rows: list[Fact]) -> list[str]:
        """The columns that the rows of a table fill, in the vocabulary's order; what else they hold comes after."""
        filled = {name for f in rows if isinstance(f.value, dict) for name, v in f.value.items() if v not in (None, "")}
        first = [name for name in self.vocabulary.keys[key].columns if name in filled]
        return first + sorted(filled - set(first))

    # --- questions --------------------------------------------------------------------------------------------------

    def expression(self, text: str, parameters: Mapping[str, float | str]) -> str:
        """A control's expression with titles in place of columns: "Role is one of (switch)"."""
        return "".join(self._token(token, parameters) for token in _TOKEN.findall(text)).strip()

    def _token(self, token: str, parameters: Mapping[str, float | str]) -> str:
        if token.isspace():
            return " "
        if token.startswith("'"):
            return self._literal(token[1:-1].replace("''", "'"))
        if token in parameters:
            value = parameters[token]
            return self._literal(value) if isinstance(value, str) else self.number(value)
        known = (self.vocabulary.keys, self.vocabulary.counts, self.vocabulary.period_counts)
        if any(token in names for names in known):
            return f"“{self.key(token)}”"
        if any(token in columns for columns in REGISTER_COLUMNS.values()):
            return f"“{self.word(token)}”"
        if token.lower() in ("and", "or", "not", "in", "like", "true", "false"):
            return self.word(token.lower())
        return _SIGNS.get(token, token)

    def _literal(self, value: str) -> str:
        known = {f"role:{value}", f"kind:{value}"} & WORDS[self.language].keys()
        return self.word(known.pop()) if known else f"‘{value}’"

    def identifier(self, kind: str) -> str:
        """The name of a kind of identifier."""
        return self.word(f"id:{kind}")

    def identifier_value(self, kind: str, value: str) -> str:
        """An identifier as people know it: a hardware address in pairs."""
        return (
            value if kind not in ("mac", "chassis_mac") else ":".join(value[n : n + 2] for n in range(0, len(value), 2))
        )

    def merge_reason(self, reason: str) -> str:
        """Why two assets were merged; as it was written where a person wrote it."""
        if reason == "same address in the same network":
            return self.word("same:address")
        kind = reason.removeprefix("same ")
        return self.word("same", what=self.identifier(kind)) if f"id:{kind}" in WORDS[self.language] else reason


def is_missing(member: str) -> bool:
    """Whether a finding stands for assets that were declared and not found."""
    return member.endswith(MISSING)
