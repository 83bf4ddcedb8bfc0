"""The command line: each command is a thin call; results on standard output, everything else on standard error.

Exit status: 0 done, 1 the work failed, 2 wrong use or bad input.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:  # imported where it is used: `dophu --help` has to be quick
    from api.config import Config
    from api.rounds import Round
    from api.workspace import Workspace

app = typer.Typer(
    name="dophu",
    help="Measures how far an organisation's ICT plan is true on the ground (đo độ phủ của kế hoạch CNTT).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
register_app = typer.Typer(help="The register of agencies, networks, links, counts and websites.", no_args_is_help=True)
credential_app = typer.Typer(help="Credentials for reading devices, sealed at rest.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens with which agents report.", no_args_is_help=True)
asset_app = typer.Typer(help="Assets: what is known of them, merging and undoing.", no_args_is_help=True)
app.add_typer(register_app, name="register")
app.add_typer(credential_app, name="credential")
app.add_typer(token_app, name="token")
app.add_typer(asset_app, name="asset")

Output = Annotated[str, typer.Option("--output", "-o", help="table or json.")]
Language = Annotated[str, typer.Option("--language", "-l", envvar="DOPHU_LANGUAGE", help="vi or en.")]
Agencies = Annotated[list[str] | None, typer.Option("--agency", "-a", help="Only this agency; may be repeated.")]

_settings: dict[str, Path | None] = {}


@app.callback()
def settings(
    config: Annotated[Path | None, typer.Option(envvar="DOPHU_CONFIG", help="The configuration file.")] = None,
    data: Annotated[Path | None, typer.Option(envvar="DOPHU_DATA", help="The data folder (default: data).")] = None,
) -> None:
    """Settings that hold for every command."""
    _settings.update(config=config, data=data)


def _config() -> Config:
    from api.config import read_config

    return read_config(_settings["config"], _settings["data"])


def _run(do: Callable[[Workspace], Awaitable[Any]]) -> Any:
    """Run a command's work on the open workspace."""

    async def work() -> Any:
        from api.workspace import open_workspace

        async with open_workspace(_config()) as workspace:
            # The first Ctrl-C ends a round and keeps what was seen; the second ends the program.
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, _stop, workspace, loop)
            return await do(workspace)

    return asyncio.run(work())


def _stop(workspace: Workspace, loop: asyncio.AbstractEventLoop) -> None:
    _say("dophu: stopping; what was seen is kept")
    workspace.stop.set()
    for again in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(again)


def _check(output: str, language: str = "vi") -> None:
    from inventory.words import InputError

    if output not in ("table", "json"):
        raise InputError(f"--output: found {output!r}, expected table or json")
    if language not in ("vi", "en"):
        raise InputError(f"--language: found {language!r}, expected vi or en")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


@app.command()
def init() -> None:
    """Make the data folder, the key and the database's tables; harmless when they are there."""
    from inventory.secrets import KeyRing

    config = _config()
    config.data.mkdir(parents=True, exist_ok=True, mode=0o750)
    if not config.keys.exists():
        KeyRing.create(config.keys)
        _say(f"made the key {config.keys}: keep a copy apart from the database")
    _run(lambda w: w.store.migrate())
    _say(f"the data folder {config.data} is ready; next: dophu register import FILE")


@register_app.command("import")
def register_import(path: Path, output: Output = "table") -> None:
    """Import a register from an XLSX file, a CSV file, or a folder of CSV files: whole, or not at all."""
    _check(output)
    from api.registering import import_register

    changes = _run(lambda w: import_register(w, path))
    if output == "json":
        _print_json(changes)
    else:
        for sheet, counts in changes.items():
            _say(f"{sheet}: " + ", ".join(f"{number} {what}" for what, number in counts.items()))


@register_app.command("template")
def register_template(path: Path) -> None:
    """Write an empty register as XLSX, with headings, notes and an example row for each sheet."""
    from inventory.register.file import write_template

    write_template(path)
    _say(f"wrote {path}")


@credential_app.command("add")
def credential_add(name: str, kind: Annotated[str, typer.Option(help="snmp-v2c or snmp-v3.")] = "snmp-v2c") -> None:
    """Store a credential read as JSON from standard input, such as {"community": "…"}, or asked for on a terminal."""
    from inventory.words import InputError

    if sys.stdin.isatty() and kind == "snmp-v2c":
        secret: object = {"community": typer.prompt("community", hide_input=True)}
    else:
        try:
            secret = json.loads(sys.stdin.read())
        except json.JSONDecodeError as error:
            raise InputError(f"standard input: line {error.lineno}: expected a JSON object") from None
    if not isinstance(secret, dict):
        raise InputError("standard input: expected a JSON object")
    _run(lambda w: w.add_credential(name, kind, secret))
    _say(f"stored the credential {name}")


@credential_app.command("list")
def credential_list(output: Output = "table") -> None:
    """List the credentials' names and kinds; never what is in them."""
    _check(output)
    from inventory.store import keys

    rows = _run(lambda w: w.store.read(keys.credentials))
    if output == "json":
        _print_json([{"name": name, "kind": kind} for name, (kind, _) in rows.items()])
    for name, (kind, _) in rows.items() if output == "table" else ():
        print(f"{name}\t{kind}")


@credential_app.command("remove")
def credential_remove(name: str) -> None:
    """Forget a credential."""
    from inventory.store import keys

    _run(lambda w: w.store.write(keys.remove_credential, name))
    _say(f"removed the credential {name}")


@token_app.command("add")
def token_add(agency: str, note: str = "") -> None:
    """Make a token with which the agents of an agency report to /agents/TOKEN; it is shown only now."""
    print(_run(lambda w: w.issue_token("agent", agency, note)))


@app.command()
def discover(
    agency: Agencies = None,
    output: Output = "table",
    deadline: Annotated[float, typer.Option(help="Seconds after which the sweep of a network is broken off.")] = 3600,
) -> None:
    """Sweep the networks that the register allows to scan."""
    _check(output)
    from api import rounds
    from collectors.progress import TerminalProgress

    done = _run(
        lambda w: rounds.discover(w, agencies=agency or (), progress=TerminalProgress("discover"), deadline=deadline)
    )
    _tell([done], output)


@app.command()
def collect(
    agency: Agencies = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this collector; may be repeated.")] = None,
    output: Output = "table",
) -> None:
    """Read every device found and every link declared."""
    _check(output)
    from api import rounds
    from collectors.progress import TerminalProgress

    done = _run(
        lambda w: rounds.collect(w, agencies=agency or (), only=only or (), progress=TerminalProgress("collect"))
    )
    _tell(done, output)


def _tell(done: list[Round], output: str) -> None:
    """Tell what came of the rounds; a round that read nothing at all, or could not be stored, has failed."""
    if output == "json":
        _print_json(
            [
                {"collector": r.collector, "targets": r.targets, "complete": r.complete, "failed": len(r.failed),
                 "observations": r.observations, "facts": r.facts, "new": r.new, "unrecorded": r.unrecorded,
                 "errors": [{"target": f.target, "error": f.error} for f in r.failed]}
                for r in done
            ]
        )  # fmt: skip
    else:
        for r in done:
            read = f"{r.targets} targets, {r.complete} read to the end"
            _say(f"{r.collector}: {read}, {r.facts} facts, {r.new} new or changed")
            for failed in r.failed[:20]:
                _say(f"  {failed.target}: {failed.error}")
            if len(r.failed) > 20:
                _say(f"  … and {len(r.failed) - 20} more")
    if any(r.unrecorded for r in done) or any(r.targets and len(r.failed) == r.targets and not r.facts for r in done):
        raise typer.Exit(1)


@app.command()
def judge(output: Output = "table") -> None:
    """Judge every control now and keep the findings and the coverage."""
    _check(output)
    from api import printing, rounds

    snapshot = _run(rounds.judge)
    if output == "json":
        _print_json(
            {"at": snapshot.at.isoformat(), "coverage": [printing.coverage_object(c) for c in snapshot.coverage]}
        )
    else:
        _say(f"judged {len(snapshot.controls)} controls at {snapshot.at:%Y-%m-%d %H:%M:%S} UTC")


@app.command()
def coverage(
    plan: Annotated[str, typer.Option(help="The plan's id, such as vinh-phuc-2020.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="A date (its end) or a time, ISO 8601; now if absent.")
    ] = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """The coverage of a plan's goals, judged from the facts as of any time."""
    _check(output, language)
    from api import printing

    at = printing.read_instant(as_of)
    report = _run(lambda w: printing.judge_plan(w, plan, at, with_members=output == "table", language=language))
    if output == "json":
        _print_json([printing.coverage_object(c) for c in report.coverage])
    else:
        printing.print_coverage(report, language)


@app.command()
def probe(
    targets: Annotated[
        list[str], typer.Argument(help="host[:port], sip:host[:port] or https://…; - reads them, one a line.")
    ],
    community: Annotated[str, typer.Option(help="SNMP community to try.", envvar="DOPHU_COMMUNITY")] = "public",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.05, max=600)] = 2.0,
    output: Output = "table",
) -> None:
    """Ask devices who they are; nothing is stored."""
    _check(output)
    from api import printing

    failed = asyncio.run(printing.probe_targets(targets, community, timeout, output))
    raise typer.Exit(1 if failed else 0)


@app.command()
def dashboards(out: Annotated[Path, typer.Option(help="The folder to write to.")], language: Language = "vi") -> None:
    """Write the Grafana dashboards as JSON."""
    _check("table", language)
    from dashboards import write_dashboards

    for path in write_dashboards(out, "en" if language == "en" else "vi"):
        _say(f"wrote {path}")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Beyond loopback, DOPHU_API_TOKEN or api_token must be set.")] = "127.0.0.1",
    fd: Annotated[
        int | None, typer.Option(help="An open listening socket to serve on, in place of host and port.")
    ] = None,
    rounds: Annotated[bool, typer.Option(help="Discover, collect and judge on schedule.")] = True,
) -> None:
    """Serve /metrics, the API, the pages and the agents, and run the rounds on schedule."""
    from api.serving import serve as run_server

    run_server(_config(), host, port, fd, rounds)


@app.command()
def doctor(output: Output = "table") -> None:
    """Say what is missing or misconfigured, and the command that mends it."""
    _check(output)
    from api.examining import examine

    complaints = asyncio.run(examine(_config()))
    if output == "json":
        _print_json([{"check": c.check, "ok": c.ok, "found": c.found, "mend": c.mend} for c in complaints])
    else:
        for c in complaints:
            print(f"{'ok  ' if c.ok else 'MISS'} {c.check}: {c.found}" + ("" if c.ok else f"\n       -> {c.mend}"))
    raise typer.Exit(0 if all(c.ok for c in complaints) else 1)


@asset_app.command("merge")
def asset_merge(asset: int, into: int, reason: str) -> None:
    """Say that two assets are the same one; both keep their history, and it can be undone."""
    from datetime import UTC, datetime

    from inventory.store import assets

    number = _run(lambda w: w.store.write(assets.join, asset, into, reason, datetime.now(UTC)))
    _say(f"merge {number}" if number else "they were the same asset already")


@asset_app.command("undo")
def asset_undo(merge: int) -> None:
    """Take a merge back."""
    from datetime import UTC, datetime

    from inventory.store import assets

    _run(lambda w: w.store.write(assets.undo, merge, datetime.now(UTC)))
    _say(f"undid merge {merge}")


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    from inventory.words import InputError, StoreError

    try:
        app()
    except InputError as error:
        _say(f"dophu: {error}")
        sys.exit(2)
    except (StoreError, OSError) as error:
        _say(f"dophu: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("dophu: stopped")
        sys.exit(1)
    sys.exit(0)
