"""The commands `dophu import dump`, `hosts` and `inventory`: what a Dophu, or another system, wrote out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Language, Output, check, print_json, print_rows, run, say


def add_exchange(app: typer.Typer) -> None:
    """Adds these commands to `dophu import`."""
    app.command("dump")(import_dump)
    app.command("hosts")(import_hosts)
    app.command("inventory")(import_inventory)


def import_dump(
    path: Annotated[Path, typer.Argument(metavar="FILE.jsonl")], output: Output = "table", language: Language = "vi"
) -> None:
    """Put a dump into an empty database, whole or not at all: a file of dophu export jsonl."""
    check(output, language)
    from api.dumping import read_dump
    from api.wording import WORDS, number

    told: dict[str, Any] = run(lambda w: read_dump(w, path))
    if output == "json":
        print_json(told)
    else:
        rows = sum(told["tables"].values())
        told |= {"file": path.name, "rows": number(rows, language)}
        say(WORDS[language]["dump:taken_in"].format(**told))


def import_hosts(
    path: Annotated[Path, typer.Argument(metavar="FILE")],
    system: Annotated[str, typer.Option("--from", help="Whose list it is: librenms or zabbix.")],
    agency: Annotated[
        str | None, typer.Option("--agency", "-a", help="Only its networks, where several agencies have one range.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Store nothing; show what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Take the hosts of LibreNMS (JSON, CSV) or Zabbix (YAML, JSON) as declared, in the networks of the register."""
    check(output, language)
    from api import host_lists
    from api.speaking import clean
    from api.wording import WORDS

    done: dict[str, Any] = run(lambda w: host_lists.import_hosts(w, path, system, agency=agency, dry=dry_run))
    if output == "json":
        print_json(done)
        return
    words = WORDS[language]
    if dry_run and done["placed"]:
        titles = (words["export:agency"], words["export:network"], words["hosts:address"], words["hosts:name"],
                  words["hosts:role"], words["hosts:location"])  # fmt: skip
        shown = [(h["agency"], h["network"], h["address"], clean(h["name"]),
                  words[f"role:{h['role']}"] if h["role"] else None, clean(h["location"] or ""))
                 for h in done["placed"]]  # fmt: skip
        print_rows(titles, shown)
    for host in done["left_out"]:
        say(f"#{host['where']} {clean(host['name'])} {host['address'] or ''}: {words['left_host:' + host['reason']]}")
    placed, left = len(done["placed"]), len(done["left_out"])
    said = words["hosts:would" if dry_run else "hosts:stored"]
    say(said.format(placed=placed, left=left, facts=done["facts"], new=done["new"]))


def import_inventory(
    path: Annotated[Path, typer.Argument(metavar="FILE")],
    dry_run: Annotated[bool, typer.Option(help="Store nothing; show what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Take back a table of dophu export inventory (CSV, XLSX): what differs, and new rows, are declared.

    A table that nobody changed changes nothing. What is measured goes before what is declared; both are kept.
    """
    check(output, language)
    from api.inventory_files import import_inventory as take_in
    from api.speaking import clean
    from api.wording import WORDS

    done: dict[str, Any] = run(lambda w: take_in(w, path, dry=dry_run, language="en" if output == "json" else language))
    if output == "json":
        print_json(done)
        return
    words = WORDS[language]
    if done["changes"]:
        from inventory.vocabulary import load

        keys = load().keys
        titles = ("ID", words["inventory:where"], words["inventory:fact"], words["inventory:before"],
                  words["inventory:after"])  # fmt: skip
        rows = [(c["asset"], clean(c["where"]), keys[c["key"]].title.in_language(language), clean(c["before"]),
                 clean(c["after"])) for c in done["changes"]]  # fmt: skip
        print_rows(titles, rows)
    said = words["inventory:would" if dry_run else "inventory:stored"]
    say(said.format(rows=done["rows"], added=done["added"], changed=len(done["changes"]), new=done["new"]))
