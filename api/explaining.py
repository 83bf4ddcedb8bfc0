"""What `dophu probe --explain` prints: which rule decided what, what was rejected, and what asking cost."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.wording import WORDS, number
from inventory import vocabulary

_LONGEST = 70
"""Characters of a value or pattern that are shown."""


def print_explanation(answer: Mapping[str, Any], language: str, console: Console | None = None) -> None:
    """Print the answer of one probed device, field by field, with the origin of each.

    `answer` is one of `collectors.probe.probe` with `explain`.
    """
    words = WORDS[language]
    # In a pipe there is no width to fit: a table cut off at 80 columns would lose OIDs.
    console = console or Console(width=None if sys.stdout.isatty() else 200)
    told = answer["explain"]
    console.print(f"{answer['target']} · {answer['sysname'] or '–'}", markup=False, highlight=False, style="bold")
    if answer["error"]:
        console.print(str(answer["error"]), markup=False, highlight=False, style="red")
    titles = {name: key.title.in_language(language) for name, key in vocabulary.load().keys.items()}
    if told["fields"]:
        _print_table(
            console,
            "",
            [words[name] for name in ("key", "value", "how", "source", "rule", "oid", "raw")],
            ((titles[name], words.get(f"role:{at['value']}", at["value"]) if name == "role" else at["value"],
              words[f"how:{at['kind']}"], " · ".join(filter(None, (at["file"], at["system"]))), at["rule"], at["at"],
              at["raw"]) for name, at in told["fields"].items()),
        )  # fmt: skip
    if told["rejected"]:
        _print_table(
            console,
            words["rejected"],
            [words[name] for name in ("source", "reason", "found_there")],
            ((f"{one['file']} · {one['system']}", words[f"rejected:{one['reason']}"].format(what=one["expected"]),
              one["found"]) for one in told["rejected"]),
        )  # fmt: skip
    steps = [(words.get(f"step:{s['step']}", s["step"]), s["requests"], s["seconds"] * 1000) for s in told["steps"]]
    total = (words["step:total"], sum(s[1] for s in steps), sum(s[2] for s in steps))
    _print_table(
        console,
        words["cost"],
        [words[name] for name in ("step", "requests", "milliseconds")],
        ((name, str(requests), number(round(ms, 1), language)) for name, requests, ms in (*steps, total)),
    )


def _print_table(console: Console, title: str, heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(title=title or None, title_justify="left", show_lines=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        # As Text: what a device says may look like the markup of a console.
        table.add_row(*(Text(_short(cell)) for cell in row))
    console.print(table, highlight=False)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
