"""What SIP servers call themselves: maker, model, version and role, by the makers' rules and without them.

The texts have the forms that these products use, and were written for this test; expected is what a person reads there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.reading.sip_words import LONGEST, read_words
from collectors.vendors import Knowledge, load_vendors

_TEXT = (Path(__file__).parents[1] / "recordings" / "vc" / "sip_words.tsv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(_TEXT.splitlines(), delimiter="\t"))
KNOWN = load_vendors()


def words(text: str | None) -> list[str]:
    return re.findall(r"[a-z]+|\d+", (text or "").lower())


def agrees(key: str, expected: str, found: str | None) -> bool:
    """A maker by its first word, a version where one begins with the other, a model where one holds the other."""
    wanted, had = words(expected), words(found)
    if not had:
        return False
    if key == "role":
        return expected == found
    if key == "vendor":
        return wanted[0] == had[0]
    if key == "version":
        return wanted[: len(had)] == had[: len(wanted)]
    inside = any(had[n : n + len(wanted)] == wanted for n in range(len(had)))
    return inside or any(wanted[n : n + len(had)] == had for n in range(len(wanted)))


def shares(known: Knowledge, *, without_the_maker: bool = False) -> Mapping[str, float]:
    """Of each field the share of the texts that say it in which it is read."""
    counts = {key: [0, 0] for key in ("vendor", "model", "version", "role")}
    for row in ROWS:
        asked = known
        if without_the_maker:
            files = {origin.file for origin in read_words(row["text"], known).origins.values()}
            asked = replace(known, vendors=tuple(replace(v, sip=()) if v.file in files else v for v in known.vendors))
        told = read_words(row["text"], asked).values
        for key, count in counts.items():
            if row[key]:
                count[0] += agrees(key, row[key], told.get(key))
                count[1] += 1
    return {key: good / all_ for key, (good, all_) in counts.items()}


def test_makers_models_versions_and_roles_are_read() -> None:
    found = shares(KNOWN)
    assert found["vendor"] >= 0.97 and found["version"] >= 0.97 and found["model"] >= 0.95 and found["role"] >= 0.97


def test_general_rules_read_what_no_maker_s_file_knows() -> None:
    """As if the maker were new: its own rules for SIP are left out."""
    found = shares(KNOWN, without_the_maker=True)
    assert found["vendor"] >= 0.7 and found["version"] >= 0.85 and found["model"] >= 0.6 and found["role"] >= 0.68


@pytest.mark.parametrize("text", ["", "SIP/2.0", "-", "x" * 10_000, "\0\xff\u202e", "a/" * 500, "(" * 300, "1." * 300])
def test_words_that_say_nothing_are_read_in_no_time(text: str) -> None:
    assert len(str(read_words(text, KNOWN).values)) < 4 * LONGEST
