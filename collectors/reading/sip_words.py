"""Turns what a SIP server calls itself (User-Agent, Server) into maker, model, version and role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collectors.reading.identify import identify_banner
from collectors.reading.origins import Origin
from collectors.vendors import Banner, Knowledge

LONGEST = 300
"""Characters of a server's own words that are looked at: names and versions stand at the start."""


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

    def take(banners: Iterable[Banner]) -> None:
        if said := identify_banner(words, banners, "sip"):
            for key, value in (*said.fields.items(), ("role", said.role)):
                keep(key, value, said.origin)

    take(banner for vendor in known.vendors for banner in vendor.sip)
    if "vendor" not in values:
        keep("vendor", known.named_in(words), Origin("words", raw=words))
    take(known.general.sip)
    return Told(values, origins)
