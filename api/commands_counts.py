"""The commands `dophu counts` and `dophu import counts`: what agencies and applications count in periods."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Language, Output, check, heads, print_csv, print_json, print_rows, run, say, word, write_file

counts_app = typer.Typer(
    help="What agencies and applications count in periods, and what is declared of goals.", no_args_is_help=True
)


def add_counts(app: typer.Typer) -> None:
    """Put `counts` among the commands of `dophu import`."""
    app.command("counts")(import_counts)


def import_counts(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX; see dophu counts template.")],
    document: Annotated[str, typer.Option(help="The number of the document, where the rows name none.")] = "",
    signer: Annotated[str, typer.Option(help="Who signed it.")] = "",
    signed: Annotated[str | None, typer.Option(help="The day on which it was signed, such as 2026-10-05.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Store nothing; tell what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Import what people wrote down: it is declared, with document, signer and date. What systems send is measured."""
    check(output, language)
    from api import counting
    from api.wording import WORDS
    from inventory.words import InputError, Title

    try:
        day = date.fromisoformat(signed) if signed else None
    except ValueError:
        raise InputError(
            Title(
                f"--signed: gặp {signed!r}, cần một ngày như 2026-10-05",
                f"--signed: found {signed!r}, expected a day such as 2026-10-05",
            )
        ) from None
    where = counting.Document(document, signer, day)

    async def store(workspace: Any) -> Any:
        rows = counting.read_file(path, workspace.vocabulary, where)
        return await counting.take_in(workspace, rows, datetime.now(UTC), dry=dry_run)

    taken = run(store)
    if output == "json":
        print_json({"rows": taken.rows, "new": taken.new, "corrected": taken.corrected, "dry_run": dry_run})
        return
    text = WORDS[language]["counts:nothing" if dry_run else "counts:stored"]
    say(text.format(rows=taken.rows, new=taken.new, corrected=taken.corrected))


@counts_app.command("list")
def counts_list(
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only this agency.")] = None,
    plan: Annotated[str | None, typer.Option(help="What was declared of this plan's goals instead.")] = None,
    key: Annotated[str | None, typer.Option(help="Only this count.")] = None,
    period: Annotated[str | None, typer.Option(help="Only this period, such as 2026-09.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at most.")] = 1000,
    output: Annotated[str, typer.Option("--output", "-o", help="table, json or csv.")] = "table",
) -> None:
    """List what was told, the newest period first: by whom, measured or declared."""
    check("table" if output == "csv" else output)
    from api.speaking import clean
    from inventory.store import period_counts

    rows, total = run(
        lambda w: w.store.read(period_counts.listed, agency=agency, plan=plan, key=key, period=period, limit=limit)
    )
    if output == "json":
        print_json(rows)
        return
    titles = tuple(rows[0]) if rows else ("period",)
    if output == "csv":
        print_csv(titles, [list(row.values()) for row in rows])
        return
    print_rows(heads(*titles), [[None if v is None else clean(str(v)) for v in row.values()] for row in rows])
    if total > len(rows):
        say(word("cli:some", shown=len(rows), total=total))


@counts_app.command("template")
def counts_template(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The workbook to make.")],
    period: Annotated[str, typer.Option(help="The period, such as 2026-09 or 2026-Q3.")],
    language: Language = "vi",
) -> None:
    """Make a workbook to be filled in: a row for each agency, a column for each count; and the goals to declare."""
    check("table", language)
    from api import counting
    from inventory.periods import read_period

    asked = read_period(period)
    content: bytes = run(lambda w: counting.template(w, asked, language))
    write_file(to, content, "FILE")
