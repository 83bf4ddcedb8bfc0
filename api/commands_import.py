"""The commands `dophu import` and `dophu reconcile`: what others write down, and how it fits the inventory."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Language, Output, check, heads, print_csv, print_json, print_rows, run, say, split_host, word
from api.commands_backups import add_backups
from api.commands_counts import add_counts
from api.commands_exchange import add_exchange
from api.commands_meetings import add_calendar
from api.commands_reference import add_references

import_app = typer.Typer(help="Reports and data sets of other systems, read from files.", no_args_is_help=True)
add_references(import_app)
add_counts(import_app)
add_backups(import_app)
add_calendar(import_app)
add_exchange(import_app)
reconcile_app = typer.Typer(help="What other systems know beside what the inventory knows.", no_args_is_help=True)

Agency = Annotated[str | None, typer.Option("--agency", "-a", help="The report is of this agency alone.")]


@import_app.command("console")
def import_console(
    path: Annotated[Path, typer.Argument(metavar="FILE")],
    profile: Annotated[str, typer.Option(help="How it is read; see dophu import profiles.")],
    agency: Agency = None,
    reported_at: Annotated[str | None, typer.Option(help="When the report was made, where it does not say.")] = None,
    console: Annotated[str | None, typer.Option(help="The console's name, where there are several of a kind.")] = None,
    partial: Annotated[bool, typer.Option(help="It does not list all machines: none is missing from it.")] = False,
    skip_bad: Annotated[bool, typer.Option(help="Leave out the rows that cannot be read.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Store nothing; show what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Import a report of an antivirus console or of WSUS (CSV, TSV or XLSX)."""
    check(output, language)
    from api import importing
    from api.printing import read_instant

    at = None if reported_at is None else min(read_instant(reported_at), datetime.now(UTC))
    with _working("import:reading", language, path.name):
        done: dict[str, Any] = run(
            lambda w: importing.import_console(
                w, path, profile, console=console, agency=agency, reported_at=at, dry=dry_run, partial=partial,
                skip_bad=skip_bad,
            )
        )  # fmt: skip
    _tell(done, output, language)


@import_app.command("ksc")
def import_ksc(
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="Its name or address; port 13299 as a rule.")],
    credential: Annotated[str, typer.Option(help="A credential of the kind ksc.")],
    agency: Agency = None,
    console: Annotated[str | None, typer.Option(help="The console's name, where there are several.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Store nothing; show what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Ask Kaspersky Security Center itself, by its OpenAPI, for the machines that it manages."""
    check(output, language)
    from api import importing

    address, port = split_host(host, 0, names=True)
    with _working("import:asking", language, host):
        done: dict[str, Any] = run(
            lambda w: importing.import_ksc(
                w, address, port or None, credential, console=console, agency=agency, dry=dry_run
            )
        )
    _tell(done, output, language)


def _working(name: str, language: str, what: str) -> AbstractContextManager[object]:
    """Shows on a terminal, and only there, that `what` is being worked on."""
    from rich.console import Console
    from rich.markup import escape

    from api.wording import WORDS

    return Console(stderr=True).status(escape(WORDS[language][name].format(name=what)))


def _tell(done: dict[str, Any], output: str, language: str) -> None:
    """What came of a report, as JSON or in words."""
    told = done.pop("told")
    if output == "json":
        print_json(done)
        return
    from api.importing import tell_problem
    from api.wording import WORDS, clock, day, number

    words = WORDS[language]
    if done["dry_run"]:
        ignored = [(head, words["import:ignored"]) for head in done["ignored"]]
        print_rows((words["import:column"], words["import:read_as"]), [*done["mapping"].items(), *ignored])
    if done["dry_run"] or "server" in done:
        for problem in told:
            say(tell_problem(problem, language))
    if done["stale"]:
        say(words["import:stale"].format(day=day(done["reported_at"], language)))
    counts = {"rows": done["rows"], "matched": done["matched"], "unknown": len(done["unknown"]),
              "missing": done["missing"], "duplicates": done["duplicates"],
              "facts": done["facts"], "new": done["new"]}  # fmt: skip
    figures = {name: number(count, language) for name, count in counts.items()}
    stored = words["import:nothing" if done["dry_run"] else "import:stored"].format(**figures)
    say(words["import:done"].format(at=clock(done["reported_at"], language), stored=stored, **figures))


@import_app.command("profiles")
def list_profiles(output: Output = "table") -> None:
    """List the profiles of consoles' reports."""
    check(output)
    from collectors.consoles import load_profiles

    rows = [{"name": p.name, "title": p.title, "columns": dict(p.columns)} for p in load_profiles().values()]
    if output == "json":
        print_json(rows)
    else:
        print_rows(heads("name", "title"), [(r["name"], r["title"]) for r in rows])


@reconcile_app.command("console")
def reconcile_console(
    console: Annotated[str | None, typer.Option("--console", "--profile", help="Only this console.")] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only this agency.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="table, json or csv.")] = "table",
) -> None:
    """Machines in a console and unknown to the inventory, and the other way round (no central antivirus)."""
    check("table" if output == "csv" else output)
    from api.speaking import clean
    from inventory.store import consoles

    found = run(lambda w: w.store.read(consoles.reconcile, w.vocabulary, datetime.now(UTC), console, agency))
    if output == "json":
        print_json(found)
        return
    titles = ("list", "agency", "machine", "asset", "role", "console", "reported_at", "address", "mac", "reason")
    rows = [[name, *(r.get(k) for k in titles[1:])] for name, listed in found.items() for r in listed]
    if output == "csv":
        print_csv(titles, rows)
    else:
        shown = heads(
            "list", "agency", "machine", "asset", "role", "console", "reported_at", "address", "mac", "reason"
        )
        families = {"list": "list:", "role": "role:", "reason": "unplaced:"}
        said = [
            [cell and (word(families[title] + str(cell)) if title in families else clean(str(cell)))
             for title, cell in zip(titles, row, strict=True)]
            for row in rows
        ]  # fmt: skip
        print_rows(shown, said)
