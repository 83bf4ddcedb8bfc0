"""The commands `dophu import dump` and `dophu import hosts`: what another Dophu, or another system, wrote out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Output, check, print_json, run, say


def add_exchange(app: typer.Typer) -> None:
    """Adds these commands to `dophu import`."""
    app.command("dump")(import_dump)


def import_dump(path: Annotated[Path, typer.Argument(metavar="FILE.jsonl")], output: Output = "table") -> None:
    """Put what dophu export jsonl wrote into an empty database: whole, or not at all."""
    check(output)
    from api.dumping import read_dump

    told: dict[str, Any] = run(lambda w: read_dump(w, path))
    if output == "json":
        print_json(told)
    else:
        rows = sum(told["tables"].values())
        say(f"{path.name}: {rows} rows of Dophu {told['version']}, {told['made']}; credentials and tokens to be added")
