"""Reads the texts that translators edit: gettext's catalogues in `locale/`, a folder for each language."""

from __future__ import annotations

import functools
from pathlib import Path

__all__ = ["FOLDER", "HELP", "LANGUAGES", "catalogue_path", "read_catalogue"]

FOLDER = Path(__file__).with_name("locale")
LANGUAGES: tuple[str, ...] = tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))
HELP = "help"
"""The context of what the command line's help says; words have none."""


def catalogue_path(language: str) -> Path:
    """Where the catalogue of a language is, as gettext lays them out."""
    return FOLDER / language / "LC_MESSAGES" / "dophu.po"


@functools.cache
def read_catalogue(language: str, context: str | None = None) -> dict[str, str]:
    """The texts of one context by their ids: names of words such as "gaps:proven", or English texts of the help.

    What is not translated, or marked as to be looked at again, is left out, as gettext itself does.
    """
    # Half of the commands say no word of theirs and shall not wait for it. Python's own gettext reads only what was
    # compiled; read as it is, a catalogue holds what its translator saved.
    import polib

    entries = polib.pofile(str(catalogue_path(language)), encoding="utf-8")
    return {entry.msgid: entry.msgstr for entry in entries if entry.translated() and entry.msgctxt == context}
