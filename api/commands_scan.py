"""The commands `dophu scan`: look at the networks of the register by a profile, and what differs from last time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.commanding import Agencies, Language, Output, check, heads, print_json, print_rows, run, say, word, yes_or_no
from api.helping import spoken

scan_app = typer.Typer(help="Scans of the register's networks, and what differs between them.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="As in dophu scan list.", min=1, max=2**63 - 1)]


@scan_app.command("run")
def scan_run(
    profile: Annotated[str, typer.Argument(help="As in dophu scan profiles.")] = "security",
    agency: Agencies = None,
    network: Annotated[
        list[str] | None, typer.Option("--network", "-n", help="Only this network; may be repeated.")
    ] = None,
    window: Annotated[str, typer.Option(help="The name of a window of the settings: not outside of it.")] = "",
    reason: Annotated[str, typer.Option(help="Why a network is scanned that the register does not allow.")] = "",
    by: Annotated[str, typer.Option(help="On whose word; recorded with the reason.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Begin anew also where one was broken off.")] = False,
    output: Output = "table",
) -> None:
    """Scan the networks that the register allows; one that was broken off goes on where it was.

    Ctrl-C ends it and keeps what was seen. Status 1 when it was broken off or nothing could be read.
    """
    check(output)
    from api.scanning import Scanned, Wanted, scan
    from api.windows import open_windows
    from collectors.progress import ScanProgress

    wanted = Wanted(profile, tuple(agency or ()), tuple(network or ()), window, reason, by, again)

    async def do(workspace: Any) -> Scanned:
        from api import rounds

        windows = await open_windows(workspace.config, datetime.now(UTC))
        done = await scan(workspace, wanted, windows, ScanProgress(f"scan {profile}", word("cli:services")))
        await rounds.judge(workspace)
        return done

    done: Scanned = run(do, stoppable=True)
    if output == "json":
        print_json(
            {
                "scan": done.number, "profile": done.profile, "resumed": done.resumed, "state": done.state,
                "networks": done.round.targets, "complete": done.round.complete,
                "left_out": {code: why.en for code, why in done.left_out.items()},
                "errors": [{"network": f.network, "error": f.error} for f in done.round.failed],
                "changes": [asdict(change) for change in done.changes],
            }
        )  # fmt: skip
    else:
        state = word(f"scan_state:{done.state}")
        named = {"number": done.number, "profile": done.profile, "state": state}
        say(word("cli:scan_resumed" if done.resumed else "cli:scan", **named))
        counts = {"networks": done.round.targets, "complete": done.round.complete, "new": done.round.new}
        say(word("cli:scan_read", **counts))
        for code, why in done.left_out.items():
            say(word("cli:scan_left_out", code=code, why=why.in_language(spoken())))
        for failed in done.round.failed:
            say(f"  {failed.network}: {failed.error}")
        if done.changes:
            _print_changes([asdict(change) for change in done.changes])
    if done.state != "done" or (done.round.targets and len(done.round.failed) == done.round.targets):
        raise typer.Exit(1)


@scan_app.command("profiles")
def scan_profiles(output: Output = "table", language: Language = "vi") -> None:
    """List the profiles: what each asks, and what it does not do."""
    check(output, language)
    from collectors.scans import load_profiles

    found = load_profiles().values()
    if output == "json":
        print_json(
            [
                {"profile": p.id, "title": p.title.in_language(language), "note": p.note.in_language(language),
                 "ports": p.ports, "scripts": p.scripts, "exposures": [e.key for e in p.exposures]}
                for p in found
            ]
        )  # fmt: skip
        return
    for p in found:
        print(f"{p.id}: {p.title.in_language(language)}\n  {p.note.in_language(language)}")


@scan_app.command("list")
def scan_list(
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)] = 20, output: Output = "table"
) -> None:
    """List the scans, the newest first."""
    check(output)
    from api.speaking import clean
    from inventory.store import scans

    rows = run(lambda w: w.store.read(lambda c: scans.load(c, limit=limit)))
    if output == "json":
        print_json([asdict(one) for one in rows])
        return
    shown = [
        (
            s.number, s.profile, len(s.networks), word(f"scan_state:{s.state}"), _time(s.begun),
            _time(s.ended), clean(s.asked_by), clean(s.reason),
        )
        for s in rows
    ]  # fmt: skip
    print_rows(heads("scan", "profile", "networks", "state", "begun", "ended", "asked_by", "reason"), shown)


@scan_app.command("show")
def scan_show(number: Number, output: Output = "table") -> None:
    """Show how far a scan is in each network, when it will be done, and what it saw otherwise than the one before."""
    check(output)
    from api.scanning import describe

    found = run(lambda w: w.store.read(describe, number, datetime.now(UTC)))
    if output == "json":
        print_json(found)
        return
    left = word("cli:scan_eta", eta=found["eta"]) if found["eta"] else ""
    state = word(f"scan_state:{found['state']}")
    say(word("cli:scan", number=number, profile=found["profile"], state=state) + left)
    shown = [
        (n["network"], f"{n['swept']}/{n['addresses']}", n["hosts"], yes_or_no(bool(n["complete"])), n["error"])
        for n in found["networks"]
    ]
    print_rows(heads("network", "addresses", "hosts", "complete", "error"), shown)
    if found["changes"]:
        print()
        _print_changes(found["changes"])


@scan_app.command("cancel")
def scan_cancel(number: Number) -> None:
    """End a scan after what is under way; it is not taken up again, and what it saw is kept."""
    from api.processes import is_gone, own_name
    from inventory.store import scans

    run(lambda w: w.store.write(scans.cancel, number, scans.Owner(own_name(), is_gone), datetime.now(UTC)))
    say(word("cli:scan_cancelled", number=number))


_CHANGE = ("network", "address", "kind", "port", "before", "now")


def _print_changes(changes: Any) -> None:
    titles = heads("network", "address", "kind", "port", "before", "now")
    rows = [change | {"kind": word(f"scan_change:{change['kind']}")} for change in changes]
    print_rows(titles, [[row[k] for k in _CHANGE] for row in rows])


def _time(at: datetime | None) -> str:
    from inventory.periods import ZONE

    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}" if at else ""
