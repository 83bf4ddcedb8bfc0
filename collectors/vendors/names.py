"""Makers' names: by private enterprise number, and as they stand in what a device says of itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

AGENTS = frozenset({99, 2021, 8072})
"""SNMP Research, UCD-SNMP and Net-SNMP: agents that many makers build in, so that their number names no maker."""

SYSTEMS = frozenset({"Linux", "FreeBSD", "OpenBSD", "NetBSD", "Microsoft"})
"""Names of what runs inside: a sysDescr that begins with one may still be of another maker's device."""

_FORM = (
    r"(?:inc(?:orporated)?|corp(?:oration)?|company|co|limited|ltd|llc|plc|gmbh|ag|kg|s\.?a|s\.?a\.?s|s\.?r\.?l|s\.?p\.?a"
    r"|b\.?v|n\.?v|a/?s|ab|oy|k\.?k|pty|pte|bhd|sdn|l\.?p)(?![\w/])\.?"
)
#: What follows a legal form belongs to no name, such as "Acme Networks, Inc. M-300".
_LEGAL = re.compile(rf"(?P<name>[A-Z][\w&.'-]*(?:[ -][A-Z&][\w&.'-]*){{0,4}}?),? (?i:{_FORM})")
_CLAUSE = re.compile(r"[-,;:/|(\n]\s*")
_CREDIT = re.compile(
    r"(?:\(c\)|\(r\)|©|\bcopyright|\b(?:manufactured|made|developed|produced|built|designed) by"
    r"|\b(?:vendor|manufacturer|maker|mfg|mfr|company)\s*[:=])"
    # Signs, years and words that may stand between this and the name.
    r"(?:[\s,.:;=-]|\(c\)|\(r\)|©|copyright|(?:19|20)\d\d|by\b|all rights reserved)*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9][\w&-]*")
#: Makers whose names are also words of other meaning, or stand in others' texts: parts, systems, standards.
_COMMON = re.compile(
    r"accord|alpha|appear|arbiter|array|argus|atlas|axis|brother|buffalo|canonical|casa|chantry|comet|commend|darwin|delta"
    r"|develop|digital|edgewater|evolution|exalt|extreme|freebsd|galleon|garland|grand|harmonic|hughes|inform|intel|legrand"
    r"|linux|lucent|marconi|microsoft|milestone|netbsd|niagara|nimble|openbsd|option|oracle|orion|overture|overland|paradox"
    r"|phoenix|pillar|planar|planet|power|promise|quantum|redline|ribbon|riverbed|sharp|shiva|silex|solid|spectra|symbol"
    r"|tandem|unify|unix|verint|versa|violin|visual|windows|wireless|zebra"
)
_LEAST = 5
"""Letters of a name that is looked for anywhere in a text; shorter ones are parts of product names as well."""


@dataclass(frozen=True, slots=True)
class Names:
    """The makers' names that are known, by the first word of each."""

    titles: dict[str, list[str]] = field(default_factory=dict)
    registry: Path | None = None
    """Every number with its organisation, one a line; read only for a number that nothing else names."""

    @classmethod
    def of(cls, titles: Iterable[str], registry: Path | None) -> Names:
        """The names, the longest of each first word first."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for title in sorted({title for title in titles if title}, key=lambda title: (-len(title), title)):
            if word := _WORD.match(title):
                found[word[0].casefold()].append(title)
        return cls(dict(found), registry)

    def of_number(self, number: int) -> str | None:
        """The organisation to which a private enterprise number is assigned."""
        if self.registry is None or number in AGENTS:
            return None
        try:
            lines = self.registry.read_bytes()
        except OSError:
            return None
        # A search through the whole is 100 times faster than making 60,000 strings of it.
        key = b"\n%d\t" % number
        at = lines.find(key)
        return lines[at + len(key) : lines.find(b"\n", at + 1)].decode() if at >= 0 else None

    def at(self, text: str, place: int = 0) -> str | None:
        """The known name that stands at a place of a text."""
        word = _WORD.match(text, place)
        for title in self.titles.get(word[0].casefold(), ()) if word else ():
            end = place + len(title)
            if text[place:end].casefold() == title.casefold() and not text[end : end + 1].isalnum():
                return title
        return None

    def known(self, name: str) -> str:
        """A name as people know it: the known one that it begins with, or itself without its legal form."""
        plain = name.strip(" \"'.,")
        legal = _LEGAL.match(plain)
        return self.at(plain) or (legal["name"] if legal else plain)

    def leave_out(self, maker: str, model: str) -> str:
        """A model without its maker's name at the start, where a number is left: of "Acme, Inc. M-300" M-300."""
        if not maker or not model.startswith(maker):
            return model
        rest = re.fullmatch(rf"[\s,]*(?i:{_FORM})?[\s,:-]+(?P<model>\S.*)", model[len(maker) :])
        return rest["model"] if rest and re.search(r"\d", rest["model"]) else model

    def found_in(self, text: str) -> str | None:
        """The maker that a text names: at its start, with a legal form, in a copyright, or anywhere."""
        start = re.match(r"[\s\"'(\[;,.]*(?:the )?", text, re.IGNORECASE)
        place = start.end() if start else 0
        if found := self.at(text, place) or self._legal(text, place):
            return found
        for credit in _CREDIT.finditer(text):
            if found := self.at(text, credit.end()) or self._legal(text, credit.end()):
                return found
        for word in _WORD.finditer(text):
            title = self.at(text, word.start())
            if title and len(title) >= _LEAST and not _COMMON.fullmatch(title.casefold()):
                return title
        return next((name for clause in _CLAUSE.finditer(text) if (name := self._legal(text, clause.end()))), None)

    def _legal(self, text: str, place: int) -> str | None:
        matched = _LEGAL.match(text, place)
        return matched["name"] if matched else None
