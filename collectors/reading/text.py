"""Octets as people read them: text, hardware addresses, and which text says nothing."""

from __future__ import annotations

import functools
import re
import unicodedata

from collectors.transports.snmp import Absent, Answer

_NOTHING = re.compile(
    r"[\W_]*|n/?a|none|null|unknown|undefined|unspecified|not[ -](available|specified|applicable|set|present|defined)"
    r"|(system )?(serial number|product name|manufacturer)|(default|empty) string"
    r"|to be filled.*|no asset.*|0+|x+|f{6,}|\?+",
    re.IGNORECASE,
)
_SHORT = 64


def as_text(value: Answer | Absent | None) -> str | None:
    """The value as one line of text in normal form C; None where nothing readable is left of it.

    DisplayStrings are ASCII by RFC 2579, and in practice UTF-8 or, from old firmware, Latin-1.
    """
    if isinstance(value, bytes):
        # The ports of all switches of a make have the same names.
        return _short_text(value) if len(value) <= _SHORT else _one_line(_decode(value))
    return None if value is None or isinstance(value, Absent) else _one_line(str(value))


@functools.lru_cache(maxsize=4096)
def _short_text(octets: bytes) -> str | None:
    return _one_line(_decode(octets))


def _one_line(text: str) -> str | None:
    if text.isascii() and text.isprintable() and " " not in text:
        return text or None  # as most names of interfaces
    if not text.isprintable():
        # Line ends and tabs separate words; other control characters are noise.
        text = "".join(" " if c.isspace() else c for c in text if c.isspace() or c.isprintable())
    text = " ".join(text.split())
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None


def _decode(octets: bytes) -> str:
    if b"\0" in octets:
        # What follows a NUL is left over from a longer text.
        octets = octets.strip(b"\0").split(b"\0", 1)[0]
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def as_words(value: Answer | Absent | None) -> str | None:
    """`as_text` of an object that is a text by its MIB; None for a number, which is then no answer to the question."""
    return as_text(value) if isinstance(value, bytes | str) else None


def as_lines(value: Answer | Absent | None) -> str:
    """`as_words` with the line ends kept, for patterns; empty where there is no text."""
    if not isinstance(value, bytes):
        return as_words(value) or ""
    return "\n".join(text for line in value.splitlines() if (text := as_text(line)))


def as_statement(value: Answer | Absent | None) -> str | None:
    """`as_text`, or None where the text is a placeholder that says nothing, such as "N/A" or zeros."""
    text = as_text(value)
    return None if text is None or _NOTHING.fullmatch(text) else text


def as_number(value: Answer | Absent | None) -> int | None:
    """A whole number, or None."""
    if isinstance(value, int):
        return value
    text = as_text(value)
    return int(text) if text and re.fullmatch(r"-?\d{1,18}", text) else None


def as_mac(value: Answer | Absent | None) -> str | None:
    """A hardware address as aa:bb:cc:dd:ee:ff; None where the value is none, all zeros or all ones."""
    if not isinstance(value, bytes):
        return None
    digits = value
    if len(value) != 6:
        # Some agents write the address out: 00:11:22:33:44:55, 0:11:22:33:44:55 or 001122334455.
        text = as_text(value) or ""
        parts = re.split(r"[:-]", text) if re.search(r"[:-]", text) else re.findall("..", text)
        if len(parts) != 6 or not all(re.fullmatch(r"[0-9A-Fa-f]{1,2}", part) for part in parts):
            return None
        digits = bytes(int(part, 16) for part in parts)
    return digits.hex(":") if set(digits) not in ({0}, {255}) else None
