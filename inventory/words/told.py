"""What people read: texts in two languages, and failures that are told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Title:
    """One name, or one sentence, in the two languages that people read."""

    vi: str
    en: str

    @classmethod
    def same(cls, text: str) -> Title:
        """What is written alike in both, such as a code, a path or the name of an option."""
        return cls(text, text)

    def in_language(self, language: str) -> str:
        """The Vietnamese text, or the English one when `language` is "en"."""
        return self.en if language == "en" else self.vi


class ToldError(Exception):
    """A failure that people read: `told` says it in both languages, and its own text is the English one."""

    def __init__(self, told: Title | str) -> None:
        """Keep what is `told`; a plain text, such as a program's own words, is the same in both languages."""
        super().__init__(told)
        self.told = told if isinstance(told, Title) else Title.same(told)

    def __str__(self) -> str:
        return self.told.en


class InputError(ToldError, ValueError):
    """Input refused as a whole; the text names the file, row or field, what was found and what was expected."""


class SystemRefusalError(ToldError, OSError):
    """What the operating system refused, such as an address that another program has; with what may help."""


class StoreError(ToldError):
    """The database could not do its part: it is locked, full, unreachable or of another version. Nothing was stored."""
