"""The commands `dophu dashboards`: write the Grafana dashboards, and draw a preview of each from a Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commanding import Language, check, say, word

dashboards_app = typer.Typer()


@dashboards_app.callback(invoke_without_command=True)
def dashboards(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="The folder to write to.")] = None,
    language: Language = "vi",
) -> None:
    """Write the Grafana dashboards as JSON, or look at them without a Grafana."""
    if context.invoked_subcommand is not None:
        return
    check("table", language)
    from dashboards import write_dashboards
    from inventory.words import InputError, Title

    if out is None:
        raise InputError(
            Title("--out: chưa nêu, cần thư mục để ghi vào", "--out: found nothing, expected the folder to write to")
        )
    for path in write_dashboards(out, "en" if language == "en" else "vi"):
        say(word("cli:wrote", path=path))


@dashboards_app.command("preview")
def dashboards_preview(
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    prometheus: Annotated[
        str, typer.Option(help="The address of the Prometheus to ask.", envvar="DOPHU_PROMETHEUS")
    ] = "http://127.0.0.1:9090",
    only: Annotated[list[str] | None, typer.Option(help="Only this dashboard; may be repeated.")] = None,
    last: Annotated[
        str | None, typer.Option(help="How far graphs go back, such as 6h or 30d; as the dashboards say if absent.")
    ] = None,
    choose: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE of a variable, such as agency=so-yte; may be repeated."),
    ] = None,
    png: Annotated[bool, typer.Option("--png", help="Also take a picture of each page; needs Chromium.")] = False,
    language: Language = "vi",
) -> None:
    """Draw a preview of each dashboard from a Prometheus as a page of HTML; it is not Grafana.

    The exit status is 1 where Prometheus did not answer an expression, or had nothing to say to it.
    """
    check("table", language)
    from api.wording import WORDS
    from dashboards.preview import PAGE_WIDTH, previews
    from dashboards.preview.pictures import find_chromium, take_picture

    chromium = find_chromium() if png else None
    words = WORDS[language]
    missing = 0
    for made in previews(prometheus, "en" if language == "en" else "vi", only or (), last, choose or ()):
        page = out / f"{made.uid}.html"
        out.mkdir(parents=True, exist_ok=True)
        page.write_text(made.html, encoding="utf-8")
        say(word("cli:wrote", path=page))
        if chromium:
            say(word("cli:wrote", path=take_picture(chromium, page, PAGE_WIDTH, made.height)))
        for one in made.troubles:
            where = f"{one.panel} · {one.letter}" if one.letter else one.panel
            say(f"dophu: {made.title}: {where}: {one.why or words['dashboards:no_data']}")
        missing += len(made.troubles)
    if missing:
        say(words["dashboards:missing"].format(expressions=missing))
        raise typer.Exit(1)
