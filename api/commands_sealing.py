"""The commands `dophu seal` and `dophu verify`: figures that never change, and the proof that they did not."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.commanding import AsOf, Language, Output, check, print_json, run, say, word
from api.helping import spoken
from inventory.words import InputError, Title


def seal(
    plan: Annotated[str, typer.Option(help="The plan's id, such as vinh-phuc-2020.")],
    as_of: AsOf = None,
    to: Annotated[Path | None, typer.Option("--to", help="The file; by default PLAN-DAY.seal.zip, here.")] = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Seal a plan's figures as of a day, with the facts and definitions behind them, in a file that can be verified."""
    check(output, language)
    from api import sealing
    from api.printing import read_instant
    from inventory.periods import ZONE

    at = read_instant(as_of)
    path = to or Path(f"{plan}-{at.astimezone(ZONE):%Y-%m-%d}.seal.zip")
    if path.exists():
        raise InputError(
            Title(
                f"{path}: đã có sẵn, và những gì đã niêm phong thì không thay đổi; --to nêu tên khác",
                f"{path}: is there already, and what was sealed is not changed; --to names another",
            )
        )
    done = run(lambda w: sealing.seal(w, plan, at, path, language))
    if output == "json":
        print_json(done)
    else:
        say(word("cli:sealed", path=done["file"], size=f"{done['bytes']:,}", at=done["as_of"]))
        print(f"SHA-256 {done['sha256']}")


def verify(
    path: Annotated[Path, typer.Argument(metavar="FILE")],
    sha256: Annotated[str | None, typer.Option(help="The digest that the file had when it was sealed.")] = None,
    output: Output = "table",
) -> None:
    """Verify a sealed file: that no byte of it changed, and that its figures follow from the facts in it.

    Only with --sha256, from the report, is it certain that it is the file that was sealed, and not one made since.
    """
    check(output)
    from api import sealing

    verdict = asyncio.run(sealing.verify(path, sha256))
    if output == "json":
        problems = [problem.en for problem in verdict.problems]
        print_json({**asdict(verdict), "problems": problems, "good": verdict.good})
    else:
        for problem in verdict.problems:
            say(f"{path.name}: {problem.in_language(spoken())}")
        if verdict.good:
            about = verdict.about
            told = {"sealed": about.get("sealed_at"), "plan": about.get("plan"), "at": about.get("as_of")}
            told |= {"figures": verdict.figures, "members": f"{verdict.members:,}"}
            say(word("cli:verified", path=path.name, **told))
        print(f"SHA-256 {verdict.sha256}")
    if not verdict.good:
        raise typer.Exit(1)
