"""Turns what a page tells into HTML: the templates, the reader's language and place, and the links between pages."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.speaking import Speaker, clean, is_missing
from api.wording import WORDS
from inventory.vocabulary import Vocabulary
from inventory.words import Level

_HERE = Path(__file__).parent
STYLE = (_HERE / "static" / "style.css").read_bytes()
_STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:12]
_CARRIED = ("lang", "as_of")
"""What a link to another page takes along."""


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Problem(Exception):
    """Why a page cannot be shown, in the reader's words, with where to go instead."""

    def __init__(
        self, status: int, word: str, *, meant: Sequence[tuple[str, str]] = (), known: bool = False, **parts: object
    ) -> None:
        """Keep the HTTP status, the name of the sentence and its parts, and links (text, path) to what there is.

        Args:
            known: `meant` lists what there is, rather than what was probably meant.
        """
        super().__init__(word)
        self.status, self.word, self.parts, self.meant, self.known = status, word, parts, meant, known


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader is: the path and the query, of which links keep language and day."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> Place:
        """The place that a request asks for; of a parameter given twice the last counts, empty ones count not."""
        return cls(request.url.path, {name: value for name, value in request.query_params.items() if value})

    @property
    def language(self) -> str:
        """The reader's language: Vietnamese unless another known one is asked for."""
        asked = self.query.get("lang", "vi")
        return asked if asked in WORDS else "vi"

    def link(self, *segments: object, anchor: str = "", **query: object) -> str:
        """The address of another page in the same language and as of the same day."""
        carried = {name: self.query[name] for name in _CARRIED if name in self.query}
        path = "/" + "/".join(quote(str(s), safe="") for s in segments)
        return _address(path, {**carried, **query}, anchor)

    def here(self, *, anchor: str = "", **changes: object) -> str:
        """The address of this page with some parameters changed; None removes one."""
        return _address(quote(self.path), {**self.query, **changes}, anchor)


def _address(path: str, query: Mapping[str, object], anchor: str) -> str:
    kept = {name: value for name, value in query.items() if value is not None and (name, value) != ("lang", "vi")}
    return path + (f"?{urlencode(kept)}" if kept else "") + (f"#{anchor}" if anchor else "")


def render(
    template: str,
    place: Place,
    vocabulary: Vocabulary,
    told: Mapping[str, object],
    levels: tuple[Level, ...] = (),
    status: int = 200,
) -> Response:
    """A page of a template, in the reader's language.

    Args:
        told: what the template shows.
        levels: the administrative levels, for their names.
    """
    say = Speaker(place.language, vocabulary, levels)
    fixed = {
        "say": say,
        "t": say.word,
        "place": place,
        "link": place.link,
        "here": place.here,
        "is_missing": is_missing,
    }
    text = _environment().get_template(template).render({**fixed, "style_version": _STYLE_VERSION, **told})
    return HTMLResponse(text, status, {"Cache-Control": "no-cache", "Content-Language": place.language})


def render_problem(problem: Problem, place: Place, vocabulary: Vocabulary) -> Response:
    """The page that says why there is no page."""
    told = {"problem": problem, "at": None, "as_of": False}
    return render("problem.html", place, vocabulary, told, status=problem.status)
