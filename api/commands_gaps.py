"""The command `dophu gaps`: what a plan still lacks, for people, spreadsheets and programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.commanding import AsOf, Language, check, print_json, run, write_file
from inventory.words import InputError, Title

FORMS = ("table", "json", "csv", "xlsx")
SHOWN = 10


def gaps(
    plan: Annotated[str, typer.Option(help="The plan's id, such as vinh-phuc-2020.")],
    as_of: AsOf = None,
    level: Annotated[str | None, typer.Option(help="Only this level, such as commune.")] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only this agency.")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="table, json, csv or xlsx.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write this file; its ending may name the form.")] = None,
    language: Language = "vi",
) -> None:
    """List what a plan lacks: per goal and level who does not meet it, who is to be visited, and since when."""
    check("table", language)
    form = output or (to.suffix.removeprefix(".").lower() if to is not None else "table")
    if form not in FORMS:
        where = "--output" if output else "--to"
        raise InputError(
            Title(
                f"{where}: gặp {form!r}, cần {', '.join(FORMS[:-1])} hoặc {FORMS[-1]}",
                f"{where}: found {form!r}, expected {', '.join(FORMS[:-1])} or {FORMS[-1]}",
            )
        )
    if form == "xlsx" and to is None:
        raise InputError(Title("--output xlsx: cần --to FILE", "--output xlsx: expected --to FILE"))
    from api import printing
    from api.gaps import find_gaps

    at = printing.read_instant(as_of)
    found = run(lambda w: find_gaps(w, plan, at, language=language, level=level, agency=agency))
    from api.gaps import gap_object
    from api.gaps_files import as_csv, as_table, as_workbook

    if form == "json":
        objects = [gap_object(found, part) for part in found.parts]
        if to is None:
            print_json(objects)
            return
        import json

        content = json.dumps(objects, ensure_ascii=False, indent=1, default=str).encode()
    elif form == "table":
        text = as_table(found, language, None if to is not None else SHOWN)
        if to is None:
            print(text, end="")
            return
        content = text.encode()
    elif form == "csv":
        text = as_csv(found, language)
        if to is None:
            sys.stdout.write(text.removeprefix("\ufeff"))
            return
        content = text.encode()
    else:
        content = as_workbook(found, language)
    if to is not None:
        write_file(to, content, "--to")
