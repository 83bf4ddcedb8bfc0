"""The command `dophu lines`: every declared line, how it is and how available it was over a span of days."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commanding import Agencies, AsOf, Language, Output, check, print_json, run


def lines(
    agency: Agencies = None,
    state: Annotated[str | None, typer.Option(help="Only lines in this state: up, degraded, down or unknown.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Availability from this day or time; of this month if absent.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Availability to the end of this day, or this time.")
    ] = None,
    as_of: AsOf = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """List the lines: state with its reason, since when, loss, round trips, traffic, and availability."""
    check(output, language)
    from api import lines as told
    from api.printing import read_instant
    from api.speaking import Speaker
    from inventory.words import InputError, Title

    if state is not None and state not in told.STATES:
        raise InputError(
            Title(
                f"--state: gặp {state!r}, cần một trong {', '.join(told.STATES)}",
                f"--state: found {state!r}, expected one of {', '.join(told.STATES)}",
            )
        )
    at = read_instant(as_of) if as_of else told.now()
    span = told.read_span(since, until, at)
    rows = run(lambda w: w.store.read(told.read_lines, w.vocabulary, at, span, agency or ()))
    rows = [row for row in rows if state is None or row.state.state == state]
    if output == "json":
        print_json({"at": at, "from": span[0], "to": span[1], "lines": [told.line_object(row) for row in rows]})
    else:
        from inventory.vocabulary import load

        told.print_lines(rows, span, Speaker(language, load()))
