"""Vietnamese text: one normal form, and search without accents."""

from __future__ import annotations

import unicodedata

_STROKED = str.maketrans({"đ": "d", "Đ": "D"})


def nfc(text: str) -> str:
    """The text in Unicode normal form C, without leading, trailing or doubled white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold(text: str) -> str:
    """The text as search compares it: lower case, no accents, đ as d ("Sở Y tế" becomes "so y te")."""
    decomposed = unicodedata.normalize("NFD", nfc(text).translate(_STROKED))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
