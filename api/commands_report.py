"""The command `dophu report`: the figures of a period as a Word document, PDF, a workbook, CSV or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.commanding import Language, check, read_settings, run, say, write_file
from inventory.refusing import cannot
from inventory.words import InputError, Title

FORMS = ("docx", "pdf", "xlsx", "csv", "json")


def report(
    plan: Annotated[str | None, typer.Option(help="The plan's id, such as vinh-phuc-2020.")] = None,
    period: Annotated[str | None, typer.Option(help="2026-09, 2026-Q3, 2026-H1 or 2026.")] = None,
    form: Annotated[str, typer.Option("--format", "-f", help="docx, pdf, xlsx, csv or json.")] = "docx",
    to: Annotated[Path | None, typer.Option("--to", help="The file; by default PLAN-PERIOD.FORMAT, here.")] = None,
    template: Annotated[Path | None, typer.Option(help="A Word document with tags for the usual form.")] = None,
    save_template: Annotated[Path | None, typer.Option(help="Only write the usual form, to edit it in Word.")] = None,
    language: Language = "vi",
) -> None:
    """Report on a plan at the end of a month, quarter, half or whole year, beside the figures before it."""
    check("table", language)
    if save_template is not None:
        from exporters.reports import official_template

        write_file(save_template, official_template(language), "--save-template")
        return
    if plan is None or period is None:
        raise InputError(
            Title(
                "cần --plan và --period, ví dụ --plan vinh-phuc-2020 --period 2026-Q3",
                "expected --plan and --period, such as --plan vinh-phuc-2020 --period 2026-Q3",
            )
        )
    if form not in FORMS:
        raise InputError(
            Title(
                f"--format: gặp {form!r}, cần {', '.join(FORMS[:-1])} hoặc {FORMS[-1]}",
                f"--format: found {form!r}, expected {', '.join(FORMS[:-1])} or {FORMS[-1]}",
            )
        )
    if template is not None and form != "docx":
        raise InputError(
            Title(
                f"--template: chỉ docx có mẫu, gặp --format {form}",
                f"--template: only a docx has one, found --format {form}",
            )
        )
    from api import reporting

    asked = reporting.read_period(period)
    made = run(lambda w: reporting.make(w, plan, asked, language))
    path = to or Path(f"{plan}-{asked.text}.{form}")
    if form == "docx":
        from exporters.reports import fill, official_template

        name = template.name if template else "the usual form"
        values = reporting.context(made, read_settings().report, language)
        content = fill(_read(template) if template else official_template(language), name, values)
    elif form == "pdf":
        from exporters.reports import as_pdf

        content = as_pdf(reporting.context(made, read_settings().report, language), language)
    elif form == "xlsx":
        content = reporting.as_workbook(made, language)
    elif form == "csv":
        content = reporting.as_csv(made, language).encode()
    else:
        content = json.dumps(reporting.as_json(made), ensure_ascii=False, indent=1, default=str).encode()
    write_file(path, content, "--to")
    say(f"{made.plan.title.in_language(language)}: {asked.told(language)}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot(f"--template {path}", error) from None
