"""The command `dophu changes`: what changed in a plan between two days, agency by agency."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commanding import Language, check, print_csv, print_json, run
from inventory.words import InputError, Title


def changes(
    plan: Annotated[str, typer.Option(help="The plan's id, such as vinh-phuc-2020.")],
    first: Annotated[str, typer.Option("--from", help="A date (its end) or a time, ISO 8601.")],
    second: Annotated[str | None, typer.Option("--to", help="A date (its end) or a time; now if absent.")] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only this agency.")] = None,
    one_tree: Annotated[
        bool, typer.Option("--one-tree", help="Both by the agencies of the second day, after a merger.")
    ] = False,
    output: Annotated[str, typer.Option("--output", "-o", help="table, json or csv.")] = "table",
    language: Language = "vi",
) -> None:
    """Compare a plan on two days: the figures that moved, and every member whose answer is another."""
    check("table", language)
    if output not in ("table", "json", "csv"):
        raise InputError(
            Title(
                f"--output: gặp {output!r}, cần table, json hoặc csv",
                f"--output: found {output!r}, expected table, json or csv",
            )
        )
    from api import changes as comparing
    from api.printing import read_instant
    from api.speaking import clean
    from api.wording import WORDS

    begin, end = read_instant(first), read_instant(second)
    found = run(lambda w: comparing.find_changes(w, plan, begin, end, language, agency, one_tree=one_tree))
    if output == "json":
        print_json(comparing.changes_object(found))
    elif output == "csv":
        titles = [WORDS[language][f"gaps:{name}"] for name in comparing.CHANGE_COLUMNS]
        print_csv(titles, comparing.listed(found, language))
    else:
        lines = list(comparing.told(found, language))
        for line in lines or [WORDS[language]["no_changes"]]:
            print(clean(line))
