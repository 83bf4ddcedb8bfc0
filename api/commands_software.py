"""The command `dophu software`: which programs are on the machines, who has them, and what was removed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.commanding import AsOf, check, heads, print_csv, print_json, print_rows, run, say, word


def software(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Words of the name; accents do not matter.")] = "",
    version: Annotated[str, typer.Option(help="A version, or such as '< 24.8'.")] = "",
    publisher: Annotated[str, typer.Option(help="A part of the publisher's name.")] = "",
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only on machines of this agency.")] = None,
    machines: Annotated[bool, typer.Option(help="List the machines, not the programs.")] = False,
    removed: Annotated[bool, typer.Option(help="What was removed, not what is there.")] = False,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1_000_000)] = 100,
    output: Annotated[str, typer.Option("--output", "-o", help="table, json or csv.")] = "table",
) -> None:
    """Search the software of all machines: who has what, in which version, first and last seen."""
    check("table" if output == "csv" else output)
    from api import programs
    from api.printing import read_instant
    from api.speaking import clean
    from inventory.store.software import Wanted
    from inventory.words import InputError, Title

    if machines and not text:
        raise InputError(
            Title(
                "--machines: cần một phần tên của phần mềm: dophu software libreoffice --machines",
                "--machines: expected a part of the program's name: dophu software libreoffice --machines",
            )
        )
    wanted, at = Wanted(text, None, version, publisher, agency, removed), read_instant(as_of)
    do = programs.list_machines if machines else programs.list_programs
    found, total = run(lambda w: w.store.read(do, w.vocabulary, wanted, at, limit))
    columns = programs.MACHINE_COLUMNS if machines else programs.PROGRAM_COLUMNS
    if output == "json":
        print_json(found)
        return
    if output == "csv":
        print_csv(columns, [[_cell(row[name], "yes", "no") for name in columns] for row in found])
    else:
        # Programs' names come from the machines and must not steer the terminal.
        rows = [[clean(_cell(row[name], word("yes"), word("no"))) for name in columns] for row in found]
        print_rows(heads(*columns), rows)
    if total > limit:
        say(word("cli:some", shown=f"{limit:,}", total=f"{total:,}"))


def _cell(value: Any, yes: str, no: str) -> str:
    """What a table shows."""
    if value is None or isinstance(value, bool):
        return {None: "", True: yes, False: no}[value]
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "year") else str(value)
