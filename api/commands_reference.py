"""The commands `dophu import lifecycle`, `builds`, `kev` and `references`: what facts are held against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Output, check, heads, print_json, print_rows, run, say, word, yes_or_no

File = Annotated[Path, typer.Argument(metavar="FILE")]
Dated = Annotated[str | None, typer.Option(help="The day of the data, where the file does not say: 2026-08-22.")]
DryRun = Annotated[bool, typer.Option(help="Store nothing; show what would change.")]

_SHOWN = 20


def add_references(app: typer.Typer) -> None:
    """Add the commands to `dophu import`."""
    app.command("lifecycle")(import_lifecycle)
    app.command("builds")(import_builds)
    app.command("kev")(import_kev)
    app.command("references")(list_references)


def import_lifecycle(path: File, dated: Dated = None, dry_run: DryRun = False, output: Output = "table") -> None:
    """Import when systems end, from a dump of endoflife.date (JSON); products that it does not have stay."""
    _import("lifecycle", path, dated, dry_run, output)


def import_builds(path: File, dated: Dated = None, dry_run: DryRun = False, output: Output = "table") -> None:
    """Import Windows' monthly releases (CSV: build,of,revision,day,kb,kind)."""
    _import("builds", path, dated, dry_run, output)


def import_kev(path: File, dated: Dated = None, dry_run: DryRun = False, output: Output = "table") -> None:
    """Import CISA's catalogue of known exploited vulnerabilities (JSON): what is found is to be reviewed, no more."""
    _import("kev", path, dated, dry_run, output)


def list_references(output: Output = "table") -> None:
    """List the tables that were imported, with their age; the former ones are kept."""
    check(output)
    from api import referencing

    rows: list[dict[str, Any]] = run(referencing.list_references)
    if output == "json":
        print_json(rows)
        return
    columns = ("kind", "file", "dated", "age_days", "imported", "counts")
    titles = heads("kind", "file", "dated", "age_days", "imported", "counts")
    print_rows(titles, [[yes_or_no(row[name]) for name in columns] for row in rows])


def _import(kind: str, path: Path, dated: str | None, dry: bool, output: str) -> None:
    check(output)
    from api import referencing

    day = None if dated is None else _day(dated)
    done: dict[str, Any] = run(lambda w: referencing.import_reference(w, kind, path, dated=day, dry=dry))
    if output == "json":
        print_json(done)
        return
    kinds = ("added", "changed", "removed")
    for what in kinds:
        more = len(done[what]) - _SHOWN
        for name in [*done[what][:_SHOWN], *([f"… +{more}"] if more > 0 else [])]:
            say(word(f"reference:{what}", name=name))
    counts = {what: len(done[what]) for what in kinds}
    say(word("cli:reference", rows=done["rows"], dated=done["dated"], age=done["age_days"], **counts))
    former = done["former"]
    said = word("cli:reference_own") if former is None else word("cli:reference_former", **former)
    say(word("cli:reference_dry" if dry else "cli:reference_stored", former=said))


def _day(text: str) -> Any:
    from datetime import date

    from inventory.words import InputError, Title

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            Title(
                f"--dated: gặp {text!r}, cần một ngày như 2026-08-22",
                f"--dated: found {text!r}, expected a day such as 2026-08-22",
            )
        ) from None
