"""The command line: each command is a thin call; results on standard output, everything else on standard error.

Exit status: 0 done, 1 the work failed, 2 wrong use or bad input.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.main import get_command

from api.commanding import (
    Agencies,
    AsOf,
    Language,
    Output,
    check,
    print_json,
    read_settings,
    run,
    say,
    settings,
    sheet_title,
    word,
)
from api.commands_backup import backup, restore
from api.commands_backups import backups
from api.commands_changes import changes
from api.commands_counts import counts_app
from api.commands_dashboards import dashboards_app
from api.commands_export import export_app
from api.commands_gaps import gaps
from api.commands_import import import_app, reconcile_app
from api.commands_influx import influx_app
from api.commands_lines import lines
from api.commands_maintenance import maintenance_app
from api.commands_meetings import meetings
from api.commands_netbox import netbox_app
from api.commands_report import report
from api.commands_scan import scan_app
from api.commands_schedule import schedule_app
from api.commands_sealing import seal, verify
from api.commands_security import security_app
from api.commands_software import software
from api.commands_stored import asset_app, credential_app, events, findings, token_app
from api.commands_waiver import waiver_app
from api.commands_websites import websites
from api.helping import speak, spoken

if TYPE_CHECKING:  # imported where it is used: `dophu --help` has to be quick
    from api.rounds import Round
    from api.workspace import Workspace

app = typer.Typer(
    name="dophu",
    help="Measures how far an organisation's ICT plan is true on the ground.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register_app = typer.Typer(help="The register of agencies, networks, links, counts and websites.", no_args_is_help=True)
app.add_typer(register_app, name="register")
app.add_typer(waiver_app, name="waiver")
app.add_typer(schedule_app, name="schedule")
app.add_typer(scan_app, name="scan")
app.add_typer(security_app, name="security")
app.add_typer(counts_app, name="counts")
app.add_typer(maintenance_app, name="maintenance")
app.add_typer(credential_app, name="credential")
app.add_typer(token_app, name="token")
app.add_typer(asset_app, name="asset")
app.add_typer(import_app, name="import")
app.add_typer(export_app, name="export")
app.add_typer(reconcile_app, name="reconcile")
app.add_typer(influx_app, name="influx")
app.add_typer(netbox_app, name="netbox")
app.add_typer(dashboards_app, name="dashboards")


@app.callback()
def choose(
    config: Annotated[Path | None, typer.Option(envvar="DOPHU_CONFIG", help="The configuration file.")] = None,
    data: Annotated[Path | None, typer.Option(envvar="DOPHU_DATA", help="The data folder (default: data).")] = None,
) -> None:
    """Settings that hold for every command."""
    settings.update(config=config, data=data)


@app.command()
def init() -> None:
    """Make the data folder, the key and the database's tables; harmless when they are there."""
    config = read_settings()
    from inventory.owning import make_folder

    make_folder(config.data)
    if run(_prepare, fresh=True):
        say(word("cli:key_made", path=config.keys))
    say(word("cli:ready", path=config.data))


async def _prepare(workspace: Workspace) -> bool:
    """Make the tables and, where there is none, the key; whether it was made."""
    from inventory.owning import hand_over
    from inventory.secrets import KeyRing
    from inventory.store import keys
    from inventory.words import InputError, Title

    await workspace.store.migrate()
    if (file := workspace.config.database_file) is not None:
        hand_over(file)
    path = workspace.config.keys
    if path.exists():
        return False
    if sealed := await workspace.store.read(keys.credentials):
        # With another key they would never open again, and the round that needs them would be the first to tell.
        named = ", ".join(sealed)
        raise InputError(
            Title(
                f"tệp khóa {path}: không có, cần khóa đã niêm phong {named}: hãy khôi phục từ "
                "bản sao của nó, hoặc xóa các thông tin xác thực này trước",
                f"key file {path}: found nothing, expected the key that sealed {named}: restore it from its "
                "copy, or remove these credentials first",
            )
        )
    KeyRing.create(path)
    return True


@register_app.command("import")
def register_import(path: Path, output: Output = "table") -> None:
    """Import a register from an XLSX file, a CSV file, or a folder of CSV files: whole, or not at all."""
    check(output)
    from api.registering import import_register

    changes = run(lambda w: import_register(w, path))
    if output == "json":
        print_json(changes)
    else:
        for sheet, counts in changes.items():
            say(word("cli:imported", sheet=sheet_title(sheet), **counts))


@register_app.command("template")
def register_template(path: Path) -> None:
    """Write an empty register as XLSX, with headings, notes and an example row for each sheet."""
    from inventory.register.file import write_template

    write_template(path)
    say(word("cli:wrote", path=path))


@app.command()
def discover(
    agency: Agencies = None,
    output: Output = "table",
    deadline: Annotated[
        float, typer.Option(help="Seconds after which the sweep of a network is broken off.", min=0.1, max=86400)
    ] = 3600,
) -> None:
    """Sweep the networks that the register allows to scan."""
    check(output)
    from api import rounds
    from collectors.progress import TerminalProgress

    done = run(
        lambda w: rounds.discover(w, agencies=agency or (), progress=TerminalProgress("discover"), deadline=deadline),
        stoppable=True,
    )
    _tell([done], output)


@app.command()
def collect(
    agency: Agencies = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this collector; may be repeated.")] = None,
    output: Output = "table",
) -> None:
    """Read every device found and every link declared."""
    check(output)
    from api import rounds
    from collectors.progress import TerminalProgress

    done = run(
        lambda w: rounds.collect(w, agencies=agency or (), only=only or (), progress=TerminalProgress("collect")),
        stoppable=True,
    )
    _tell(done, output)


def _tell(done: list[Round], output: str) -> None:
    """Tell what came of the rounds; they failed where none read anything, or one was broken off or not stored."""
    if output == "json":
        print_json(
            [
                {"collector": r.collector, "targets": r.targets, "complete": r.complete, "failed": len(r.failed),
                 "observations": r.observations, "facts": r.facts, "new": r.new, "unrecorded": r.unrecorded,
                 "broken_off": r.broken_off, "errors": [{"target": f.target, "error": f.error} for f in r.failed]}
                for r in done
            ]
        )  # fmt: skip
    else:
        for r in done:
            counts = {"targets": r.targets, "complete": r.complete, "facts": r.facts, "new": r.new}
            say(word("cli:round", collector=r.collector, **counts))
            if r.unrecorded:
                say(word("cli:not_stored", count=r.unrecorded))
            if r.broken_off:
                say(word("cli:round_broken_off"))
            for failed in r.failed[:20]:
                say(f"  {failed.target}: {failed.error}")
            if len(r.failed) > 20:
                say(word("cli:more", count=len(r.failed) - 20))
    # A kind of source of which nobody answers is told above; that no kind read anything is a failure.
    asked = [r for r in done if r.targets]
    read_nothing = bool(asked) and all(len(r.failed) == r.targets and not r.facts for r in asked)
    if read_nothing or any(r.unrecorded or r.broken_off for r in done):
        raise typer.Exit(1)


@app.command()
def judge(output: Output = "table") -> None:
    """Judge every control now and keep the findings and the coverage."""
    check(output)
    from api import printing, rounds

    snapshot = run(rounds.judge)
    if output == "json":
        print_json(
            {"at": snapshot.at.isoformat(), "coverage": [printing.coverage_object(c) for c in snapshot.coverage]}
        )
    else:
        say(word("cli:judged", controls=len(snapshot.controls), at=f"{snapshot.at:%Y-%m-%d %H:%M:%S}"))


@app.command()
def coverage(
    plan: Annotated[str, typer.Option(help="The plan's id, such as vinh-phuc-2020.")],
    as_of: AsOf = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """The coverage of a plan's goals, judged from the facts as of any time."""
    check(output, language)
    from api import printing

    at = printing.read_instant(as_of)
    report = run(lambda w: printing.judge_plan(w, plan, at, with_members=output == "table", language=language))
    if output == "json":
        print_json([printing.coverage_object(c) for c in report.coverage])
    else:
        printing.print_coverage(report, language)


app.command()(findings)
app.command()(events)
app.command()(software)
app.command()(lines)
app.command()(meetings)
app.command()(websites)
app.command()(backups)
app.command()(gaps)
app.command()(changes)
app.command()(report)
app.command()(seal)
app.command()(verify)
app.command()(backup)
app.command()(restore)


@app.command()
def probe(
    targets: Annotated[
        list[str],
        typer.Argument(help="host[:port], sip:host[:port], sips:host or https://…; - reads them, one a line."),
    ],
    community: Annotated[str, typer.Option(help="SNMP community to try.", envvar="DOPHU_COMMUNITY")] = "public",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.05, max=600)] = 2.0,
    explain: Annotated[bool, typer.Option(help="Tell which rule decided what, and what asking cost.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Ask devices who they are; nothing is stored. Status 1 when none answered, 2 when a line was malformed."""
    check(output, language)
    from api import printing

    why = language if explain else None
    raise typer.Exit(asyncio.run(printing.probe_targets(targets, community, timeout, output, why)))


@app.command()
def record(
    target: Annotated[str, typer.Argument(help="host[:port] or [IPv6]:port of a device that speaks SNMP.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    community: Annotated[
        str | None, typer.Option(help="SNMP community to try (default: public).", envvar="DOPHU_COMMUNITY")
    ] = None,
    credential: Annotated[str | None, typer.Option(help="The name of a stored credential to use instead.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the recording (default: by maker and model).")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.05, max=600)] = 2.0,
    max_rows: Annotated[int, typer.Option(help="Rows of one column of a table.", min=1, max=1_000_000)] = 1_000,
    force: Annotated[bool, typer.Option(help="Overwrite a recording of the same name.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Record all that a device shows, scrubbed of addresses, names and secrets, to be sent to those who know it not."""
    check(output, language)
    from api import recording
    from api.commanding import open_credential
    from collectors.transports.snmp import SnmpError

    if credential:
        used = open_credential(credential)
    else:
        used = [recording.community_credential(version, community or "public") for version in ("v2c", "v1")]
    try:
        status = asyncio.run(
            recording.record_target(
                target, used, out, name=name, seconds=timeout, max_rows=max_rows, force=force, output=output,
                language=language,
            )
        )  # fmt: skip
    except SnmpError as error:
        say(f"dophu: {error}")
        raise typer.Exit(1) from None
    raise typer.Exit(status)


@app.command()
def metrics() -> None:
    """Print the list of all metrics, their labels, units and meaning, as Markdown."""
    from exporters.metric_list import write_list

    print(write_list(), end="")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Beyond loopback, DOPHU_API_TOKEN or api_token must be set.")] = "127.0.0.1",
    fd: Annotated[
        int | None, typer.Option(help="An open listening socket to serve on, in place of host and port.")
    ] = None,
    rounds: Annotated[bool, typer.Option(help="Discover, collect and judge on schedule.")] = True,
) -> None:
    """Serve /metrics, the API, the pages and the agents, receive traps if set, and run the rounds on schedule."""
    from api.serving import serve as run_server

    run_server(read_settings(), host, port, fd, rounds)


@app.command()
def traps(
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where, such as 0.0.0.0:162 (default: the setting traps).")
    ] = None,
    output: Output = "table",
) -> None:
    """Receive SNMP traps and informs without the server, store each and print it on a line, until Ctrl-C."""
    check(output)
    from api.hearing import hear
    from inventory.words import InputError, Title

    where = listen or read_settings().traps
    if not where:
        raise InputError(
            Title(
                "traps: không có địa chỉ, cần --listen HOST:PORT hoặc thiết lập traps",
                "traps: found no address, expected --listen HOST:PORT or the setting traps",
            )
        )
    run(lambda w: hear(w, where, output), stoppable=True)


@app.command()
def doctor(output: Output = "table") -> None:
    """Say what is missing or misconfigured, and the command that mends it."""
    check(output)
    from api.examining import examine

    complaints = asyncio.run(examine(read_settings()))
    if output == "json":
        print_json([{"check": c.check, "ok": c.ok, "found": c.found.en, "mend": c.mend.en} for c in complaints])
    else:
        for c in complaints:
            title, found, mend = (text.in_language(spoken()) for text in (c.title, c.found, c.mend))
            print(f"{'ok  ' if c.ok else 'MISS'} {title}: {found}" + ("" if c.ok else f"\n       -> {mend}"))
    raise typer.Exit(0 if all(c.ok for c in complaints) else 1)


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    from inventory.words import InputError, ToldError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where the terminal's characters are not all there, an escape is better than to fail half-way.
            stream.reconfigure(errors="backslashreplace")
    command = get_command(app)
    speak(command)
    try:
        command()
    except ToldError as error:
        say(f"dophu: {error.told.in_language(spoken())}")
        sys.exit(2 if isinstance(error, InputError) else 1)
    except OSError as error:
        from inventory.refusing import why

        where = f"{error.filename}: " if error.filename else ""
        say(f"dophu: {where}{why(error).in_language(spoken())}")
        sys.exit(1)
    except KeyboardInterrupt:
        say(f"dophu: {word('cli:stopped')}")
        sys.exit(1)
    sys.exit(0)
