"""The commands `dophu export`: the register, the inventory or everything, in forms that other programs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Agencies, Language, check, run, say, sheet_title, word, write_file

export_app = typer.Typer(help="The register and the inventory in forms that other programs take.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - is standard output.")]
_STANDARD = Path("-")


@export_app.command("register")
def export_register(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An .xlsx file, or a folder for CSV files.")],
) -> None:
    """Write the register as XLSX, or as CSV files in a folder, for dophu register import."""
    from inventory.register.writing import write_register
    from inventory.store import registers

    written = write_register(path, run(lambda w: w.store.read(registers.load)))
    say(f"{path}: " + ", ".join(f"{sheet_title(sheet)} {rows}" for sheet, rows in written.items()))


@export_app.command("inventory")
def export_inventory(
    path: File,
    agency: Agencies = None,
    form: Annotated[str, typer.Option("--form", "-f", help="csv or xlsx (default: by the file's name).")] = "",
    language: Language = "vi",
) -> None:
    """Write every asset with its main facts, as CSV or XLSX."""
    check("table", language)
    from api import exporting

    form = _form(path, form, ("csv", "xlsx"))
    content = run(lambda w: exporting.inventory(w, agency or (), form, language))
    _put(path, content)


@export_app.command("jsonl")
def export_jsonl(path: File) -> None:
    """Write everything but secrets as JSON Lines, for an empty database: see dophu import dump."""
    from api.dumping import write_dump

    told: dict[str, Any] = run(lambda w: write_dump(w, None if path == _STANDARD else path))
    say(word("cli:dumped", path=path, rows=sum(told["tables"].values()), sha256=told["sha256"]))


@export_app.command("ansible")
def export_ansible(
    path: File,
    agency: Agencies = None,
    form: Annotated[str, typer.Option("--form", "-f", help="yaml or json (default: by the file's name).")] = "",
) -> None:
    """Write what answers as an inventory for Ansible, in groups by agency, level and role."""
    from api import exporting

    form = _form(path, form, ("yaml", "json"), {"yml": "yaml"})
    _put(path, run(lambda w: exporting.ansible(w, agency or (), form)))


@export_app.command("nmap")
def export_nmap(
    path: File,
    agency: Agencies = None,
    hosts: Annotated[bool, typer.Option("--hosts", help="The addresses that are known, not whole networks.")] = False,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="Of IPv6, for nmap -6 -iL; nmap takes one at a time.")] = False,
) -> None:
    """Write targets for nmap -iL: networks that the register allows to scan, and nothing outside them."""
    from api import exporting

    _put(path, run(lambda w: exporting.nmap(w, agency or (), hosts=hosts, version=6 if ipv6 else 4)))


def _form(path: Path, form: str, known: tuple[str, ...], also: dict[str, str] | None = None) -> str:
    """What was asked for, or what the file's name says, or the first."""
    from inventory.words import InputError, Title

    suffix = path.suffix.removeprefix(".").lower()
    found = form or ((also or {}).get(suffix, suffix) if path != _STANDARD else "") or known[0]
    if found not in known:
        raise InputError(
            Title(
                f"--form: gặp {found!r}, cần {' hoặc '.join(known)}",
                f"--form: found {found!r}, expected {' or '.join(known)}",
            )
        )
    return found


def _put(path: Path, content: bytes) -> None:
    if path == _STANDARD:
        import sys

        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        write_file(path, content, "FILE")
