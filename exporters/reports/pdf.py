"""The usual form of a report as PDF, set by typst; what is reported reaches it as data and never as its language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["as_pdf"]

_FORM = Path(__file__).with_name("official.typ")
_WORDS = Path(__file__).with_name("official.yaml")


def as_pdf(values: Mapping[str, Any], language: str) -> bytes:
    """The report in Vietnamese ("vi") or English ("en"), of the values that `official` names.

    Times New Roman is used where the machine has it, else a font of typst's own that has all Vietnamese letters.
    """
    import typst

    words: dict[str, Any] = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))[language]
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

    def filled(name: str) -> str:
        return environment.from_string(words[name]).render(**values)

    rows = [{**row, "of_all": f"{row['met']}/{row['counted']}"} for row in values["rows"]]
    picture = list(values["chart"]) if values["chart"] else []
    data = {
        **values, "chart": picture, "rows": rows, "words": words, "language": language, "subject": filled("subject"),
        "intro": filled("intro"), "tally_text": filled("tally"), "four_text": filled("four"),
        "left_text": filled("left"),
    }  # fmt: skip
    made = typst.compile(_FORM.read_bytes(), sys_inputs={"data": json.dumps(data, ensure_ascii=False, default=str)})
    return bytes(made)
