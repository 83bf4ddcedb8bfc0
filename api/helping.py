"""Says the command line's help in the language of who asks; its texts stand in the code in English."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import typer
from typer.core import TyperGroup

from api.catalogues import HELP, LANGUAGES, read_catalogue

__all__ = ["FIXED", "commands", "help_language", "in_language", "speak", "spoken"]

FIXED = (
    "ARGUMENTS_PANEL_TITLE",
    "OPTIONS_PANEL_TITLE",
    "COMMANDS_PANEL_TITLE",
    "ERRORS_PANEL_TITLE",
    "ABORTED_TEXT",
    "DEFAULT_STRING",
    "ENVVAR_STRING",
    "REQUIRED_LONG_STRING",
    "RICH_HELP",
)
"""What Typer says around every help, by the names that its rich_utils has for it."""
USAGE = "Usage: "
_asked: ContextVar[str | None] = ContextVar("language", default=None)


def help_language(environment: Mapping[str, str]) -> str:
    """The language of the help: DOPHU_LANGUAGE where it is one that there is, else the locale's, else English."""
    told = environment.get("DOPHU_LANGUAGE", "")
    if told in LANGUAGES:
        return told
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    spoken = re.split(r"[_.@]", locale)[0]
    return spoken if spoken in LANGUAGES else "en"


def spoken() -> str:
    """The language of the command that runs: the one its --language asks for, else that of the help."""
    return _asked.get() or help_language(os.environ)


def in_language(text: str, language: str) -> str:
    """A text of the help in a language; as it is where the catalogue has none."""
    return read_catalogue(language, HELP).get(text, text)


def commands(command: Any) -> Iterator[Any]:
    """A command of Click and all below it."""
    yield command
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            yield from commands(below)


def speak(command: Any) -> None:
    """Let a command and all below it say their help in the language that the environment asks for."""
    for one in commands(command):
        one.context_class = _Context


class _Formatter(typer.Context.formatter_class):  # type: ignore[misc, valid-type]  # Typer has no name for it
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or in_language(USAGE, help_language(os.environ)))


class _Context(typer.Context):
    """One call of a command. Click makes a formatter before it renders help or usage, and only then: until that moment
    nothing is read and nothing translated, so that no other command takes longer."""

    formatter_class = _Formatter

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; what is refused later is told in the language that it was asked for."""
        if kwargs.get("language") in LANGUAGES:
            _asked.set(kwargs["language"])
        return super().invoke(*args, **kwargs)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        """Let a command that is written wrongly be refused in the language of the help."""
        if error is not None and help_language(os.environ) == "vi":
            from api.misuse import in_vietnamese, is_misuse

            if is_misuse(error):
                self._translate("vi")
                in_vietnamese(error)
        return super().__exit__(kind, error, trace)

    def make_formatter(self) -> Any:
        language = help_language(os.environ)
        if language != "en":
            self._translate(language)
        return super().make_formatter()

    def _translate(self, language: str) -> None:
        from typer import rich_utils

        for name in FIXED:
            if text := getattr(rich_utils, name, ""):
                setattr(rich_utils, name, in_language(text, language))
        below = self.command.commands.values() if isinstance(self.command, TyperGroup) else ()
        for said in (self.command, *below, *self.command.get_params(self)):
            for name in ("help", "short_help", "epilog"):
                if text := getattr(said, name, None):
                    setattr(said, name, in_language(text, language))
