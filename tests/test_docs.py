"""What people read beside the program: every setting and every command is told, and what is linked to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer
from pydantic import BaseModel

from api.cli import app
from api.config import Config

ROOT = Path(__file__).parents[1]
GUIDES = ("README.md", "docs/using.md", "docs/su-dung.md", "docs/settings.md")


def settings(model: type[BaseModel]) -> Iterator[str]:
    """The names of all settings, those of sections too."""
    for name, field in model.model_fields.items():
        yield name
        for inner in kinds(field.annotation):
            yield from settings(inner)


def kinds(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from kinds(inner)


def test_every_setting_is_described() -> None:
    told = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    named = {word for quoted in re.findall(r"`([^`]+)`", told) for word in re.findall(r"\w+", quoted)}
    assert set(settings(Config)) <= named, sorted(set(settings(Config)) - named)


@pytest.mark.parametrize("guide", ["docs/using.md", "docs/su-dung.md"])
def test_both_guides_name_the_same_commands_and_every_one_there_is(guide: str) -> None:
    groups = {group.name or "" for group in app.registered_groups}
    commands = {c.name or str(getattr(c.callback, "__name__", "")) for c in app.registered_commands} | groups
    text = (ROOT / guide).read_text(encoding="utf-8") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert isinstance(app, typer.Typer) and len(commands) > 20
    assert {name for name in commands if not re.search(rf"dophu\s+{name}\b", text)} == set()
    quoted = [
        set(re.findall(r"`dophu\s+([a-z]+)", (ROOT / each).read_text(encoding="utf-8").replace("\n  ", " ")))
        for each in ("docs/using.md", "docs/su-dung.md")
    ]
    assert quoted[0] == quoted[1]


@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_links_to_is_there(guide: str) -> None:
    page = ROOT / guide
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:deploy|docs)/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path
