"""What video-conference devices say of themselves over HTTPS: each module reads the answers of one maker's API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from inventory.urls import is_address
from inventory.words import CallHistory, Value

MOST_CALLS = 500
"""Calls of a history that are asked for at once."""
FIRST_YEAR = 2000
"""Calls before it are those of a clock that is not set."""
LONGEST = 200
_NUMBER = re.compile(r"[+*#\d][\d *#().-]*")
_SCHEME = re.compile(r"^(?:sips?|h323|tel|spark|webex|teams|zoom|callto|h320|https?):(?://)?", re.IGNORECASE)
_EXTENSION = 5
"""Digits of a number within the house at most."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a codec says of its state, by keys of the vocabulary, and the serial number that identifies it."""

    values: Mapping[str, Value] = field(default_factory=dict)
    history: CallHistory | None = None
    problems: tuple[str, ...] = ()
    """What could not be read; none of it yields a value."""


def shorten_remote(text: str) -> str:
    """The other end of a call without any person in it.

    Of an address the domain; of a number its first three digits, for longer ones are somebody's; "extension" for a
    number within the house, "ip" for an IP address, and nothing for a name, which may be a person's.
    """
    plain = _SCHEME.sub("", text.strip()[:LONGEST]).partition(";")[0].partition("?")[0]
    _, at, domain = plain.rpartition("@")
    if at:
        host = domain.partition("/")[0]
        bare = re.sub(r":\d+$", "", host).strip("[]").lower()
        if is_address(bare):
            return "ip"
        return bare if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", bare) else ""
    if is_address(plain.strip("[]")) or is_address(re.sub(r"##.*$|:\d+$", "", plain)):
        return "ip"
    if _NUMBER.fullmatch(plain):
        digits = re.sub(r"\D", "", plain)
        if len(digits) <= _EXTENSION:
            return "extension"
        return f"{'+' if plain.startswith('+') else ''}{digits[:3]}…"
    return ""
