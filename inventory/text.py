"""Text: one normal form, search without accents, and nothing that a database cannot keep."""

from __future__ import annotations

import re
import unicodedata

_STROKED = str.maketrans({"đ": "d", "Đ": "D"})


_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as every database can keep it: without NUL, and with U+FFFD for what is half a character.

    Devices send NUL as padding, and JSON can hold halves of surrogate pairs (RFC 8259 §8.2).
    """
    return text if text.isascii() and "\0" not in text else _HALVES.sub("\ufffd", text.replace("\0", ""))


def decode(octets: bytes, charset: str = "utf-8") -> str:
    """The text of octets by the name of their character set, as others give it; what is none of it becomes U+FFFD.

    A name that means no character set is as none: Python has codecs that decode no bytes ("hex") or never replace what
    they cannot read ("idna").
    """
    try:
        return octets.decode(charset, "replace")
    except (LookupError, UnicodeError):
        return octets.decode("utf-8", "replace")


def nfc(text: str) -> str:
    """The text in Unicode normal form C, without leading, trailing or doubled white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold(text: str) -> str:
    """The text as search compares it: lower case, no accents, đ as d ("Sở Y tế" becomes "so y te")."""
    decomposed = unicodedata.normalize("NFD", nfc(text).translate(_STROKED))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet takes for a formula, or one that was kept from being one before."""


def guarded(text: str) -> str:
    """A text as a cell of CSV, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text of a cell of CSV: without the one apostrophe that `guarded` puts before it."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
