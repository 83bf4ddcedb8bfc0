"""The commands `dophu import …`: what other systems write down is read whole, or not at all."""

from __future__ import annotations

import typer

import_app = typer.Typer(help="Reports and data sets of other systems, read from files.", no_args_is_help=True)
