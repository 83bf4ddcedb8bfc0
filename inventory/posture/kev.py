"""Which products on a machine stand in CISA's catalogue of known exploited vulnerabilities: to be reviewed, no more."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from inventory.strict_yaml import read_own
from inventory.text import fold
from inventory.words import InputError, Title

__all__ = ["Catalogue", "Exploited", "Found", "Installed", "by_title", "exploited", "may_be_named", "read_catalogue"]

_NAMES = Path(__file__).with_name("kev_names.yaml")
_LATEST = 100_000
_LONGEST = 300
"""Characters of what is installed that are looked at."""
_FIELDS = ("cveID", "vendorProject", "product", "knownRansomwareCampaignUse", "dateAdded")


@dataclass(frozen=True, slots=True)
class Exploited:
    """One entry of the catalogue."""

    cve: str
    vendor: str
    product: str
    ransomware: bool


Catalogue = Mapping[str, tuple[Exploited, ...]]
"""The entries that concern each of the products that we know by name."""


class Installed(NamedTuple):
    """A name that a machine says of itself: kind is software, os or device."""

    kind: str
    name: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A product of the catalogue that a machine has, in a version that may or may not be one of those exploited."""

    title: str
    software: str
    version: str
    vulnerabilities: int
    ransomware: bool


@dataclass(frozen=True, slots=True)
class _Name:
    title: str
    vendor: re.Pattern[str]
    product: re.Pattern[str]
    patterns: Mapping[str, re.Pattern[str]]


@functools.cache
def _names() -> tuple[_Name, ...]:
    rows = read_own(_NAMES)
    return tuple(
        _Name(
            row["title"],
            re.compile(str(row["vendor"])),
            re.compile(str(row["product"])),
            {kind: re.compile(str(row[kind])) for kind in ("software", "os", "device") if kind in row},
        )
        for row in rows
    )


def exploited(catalogue: Catalogue, installed: Iterable[Installed]) -> tuple[Found, ...]:
    """The products of the catalogue among what is installed, each once, in the order of our names."""
    hits: dict[int, Installed] = {}
    for each in installed:
        for number in _named(each.kind, each.name[:_LONGEST]):
            hits.setdefault(number, each)
    found = []
    for number, name in enumerate(_names()):
        if number in hits and (entries := catalogue[name.title]):
            ransomware = any(entry.ransomware for entry in entries)
            found.append(Found(name.title, hits[number].name, hits[number].version, len(entries), ransomware))
    return tuple(found)


def by_title(entries: Iterable[Exploited]) -> Catalogue:
    """The entries of the catalogue by the titles of our names."""
    listed = list(entries)
    return {
        name.title: tuple(
            entry
            for entry in listed
            if name.vendor.fullmatch(fold(entry.vendor)) and name.product.fullmatch(fold(entry.product))
        )
        for name in _names()
    }


@functools.lru_cache(maxsize=32_768)
def may_be_named(row: str) -> bool:
    """Whether the name of a row of programs, with the version in brackets after it or without, may be one of ours.

    Nearly all of a machine's programs are those of others, and of them nothing more needs to be known.
    """
    cuts = [len(row), *(found.start() for found in re.finditer(r" \(", row) if row.endswith(")"))]
    return any(_named("software", row[:cut][:_LONGEST]) for cut in cuts)


@functools.lru_cache(maxsize=32_768)
def _named(kind: str, name: str) -> tuple[int, ...]:
    """Which of our names something that is installed has; nearly all of a machine's programs are those of others."""
    folded = fold(name)
    # A program is named at its beginning; what merely mentions it ("Firefox helper of …") is another one.
    matches = ((number, each.patterns.get(kind)) for number, each in enumerate(_names()))
    return tuple(
        number
        for number, pattern in matches
        if pattern is not None and (pattern.match if kind == "software" else pattern.search)(folded)
    )


def read_catalogue(document: object) -> tuple[Exploited, ...]:
    """The entries of the catalogue's JSON (`known_exploited_vulnerabilities.json`).

    Raises:
        InputError: another form, or an entry without one of its fields.
    """
    rows = document.get("vulnerabilities") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows:
        raise InputError(
            Title(
                "không có lỗ hổng nào, cần danh mục lỗ hổng đang bị khai thác của CISA (JSON)",
                "found no vulnerabilities, expected CISA's catalogue of known exploited vulnerabilities (JSON)",
            )
        )
    if len(rows) > _LATEST:
        raise InputError(
            Title(
                f"gặp {len(rows)} lỗ hổng, cần nhiều nhất {_LATEST}",
                f"found {len(rows)} vulnerabilities, expected at most {_LATEST}",
            )
        )
    return tuple(_entry(number, row) for number, row in enumerate(rows, start=1))


def _entry(number: int, row: object) -> Exploited:
    if not isinstance(row, dict):
        raise InputError(
            Title(
                f"lỗ hổng {number}: không phải đối tượng, cần một đối tượng",
                f"vulnerability {number}: found no object, expected one",
            )
        )
    for name in _FIELDS:
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise InputError(
                Title(
                    f"lỗ hổng {number}: {name}: gặp {row.get(name)!r:.40}, cần văn bản",
                    f"vulnerability {number}: {name}: found {row.get(name)!r:.40}, expected text",
                )
            )
    if not re.fullmatch(r"CVE-\d{4}-\d{4,}", row["cveID"]):
        raise InputError(
            Title(
                f"lỗ hổng {number}: cveID: gặp {row['cveID']!r:.40}, cần như CVE-2025-1234",
                f"vulnerability {number}: cveID: found {row['cveID']!r:.40}, expected one such as CVE-2025-1234",
            )
        )
    ransomware = row["knownRansomwareCampaignUse"].strip() == "Known"
    return Exploited(row["cveID"], row["vendorProject"].strip(), row["product"].strip(), ransomware)
