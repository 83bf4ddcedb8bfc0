"""Turns what a SIP server calls itself (User-Agent, Server) into maker, model, version and role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collectors.reading.identify import identify_banner
from collectors.reading.origins import Origin
from collectors.vendors import Banner, Knowledge

LONGEST = 300
"""Characters of a server's own words that are looked at: names and versions stand at the start."""
_GROWN = re.compile(r"^([A-Za-z][a-z]{2,})([A-Z]+-?\d|\d)")
"""A maker's name that has grown together with what follows, such as snom370 or AethraVega."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a server's own words say, by FIELDS and "role", and which rule said it."""

    values: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)


def read_words(software: str, known: Knowledge) -> Told:
    """What the header says: the makers' own rules first, then a maker's name in it, then what is general."""
    words = software[:LONGEST]
    values: dict[str, str] = {}
    origins: dict[str, Origin] = {}

    def keep(key: str, value: str | None, origin: Origin) -> None:
        if value and key not in values:
            values[key], origins[key] = value.replace("_", " ") if key == "model" else value, origin

    def take(text: str, banners: Iterable[Banner]) -> None:
        if said := identify_banner(text, banners, "sip"):
            for key, value in (*said.fields.items(), ("role", said.role)):
                keep(key, value, said.origin)

    take(words, (banner for vendor in known.vendors for banner in vendor.sip))
    apart = _GROWN.sub(r"\1 \2", words, count=1)
    for text in dict.fromkeys((words, apart)):
        if "vendor" not in values and (named := known.named_in(text)):
            keep("vendor", named, Origin("words", raw=words))
    take(words, known.general.sip)
    if apart != words and "vendor" in values and "model" not in values:
        take(apart, known.general.sip)
    return Told(values, origins)
