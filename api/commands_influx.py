"""The commands `dophu influx`: write snapshots to InfluxDB now, and say what waits and what went wrong."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from api.commanding import Language, Output, check, print_json, read_settings, run, say

if TYPE_CHECKING:  # imported where it is used: `dophu --help` has to be quick
    from api.influx import Pushed

influx_app = typer.Typer(help="InfluxDB: what is written to it, and what waits for it.", no_args_is_help=True)


@influx_app.command("push")
def influx_push(
    since: Annotated[
        str | None, typer.Option(help="Every snapshot kept from this date or time on; only the newest if absent.")
    ] = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Write the newest snapshot to InfluxDB, and all that waits; what is there already is not doubled."""
    check(output, language)
    from api.influx import push
    from api.printing import read_instant
    from api.wording import WORDS, clock, number

    words = WORDS[language]
    begin = read_instant(since, begin=True) if since is not None else None

    def told(at: datetime, points: int) -> None:
        say(words["influx:kept"].format(at=clock(at, language), points=number(points, language)))

    done: Pushed = run(lambda w: push(w, begin, told), stoppable=True)
    sent = done.delivered
    if output == "json":
        print_json(
            {"snapshots": done.kept, "points": done.points, "sent_snapshots": sent.snapshots,
             "sent_points": sent.points, "error": sent.error, "busy": sent.busy}
        )  # fmt: skip
    else:
        figures = {"snapshots": number(sent.snapshots, language), "points": number(sent.points, language)}
        say(words["influx:sent"].format(**figures))
        if sent.busy:
            say(words["influx:busy"])
        if sent.error:
            say(words["influx:waits"].format(why=sent.error))
    if sent.error:
        raise typer.Exit(1)


@influx_app.command("status")
def influx_status(output: Output = "table", language: Language = "vi") -> None:
    """Say what waits for InfluxDB, when it took something last, what was lost, and the last error."""
    check(output, language)
    from api.influx import open_spool

    config = read_settings()
    spool = open_spool(config)
    waiting, tally = spool.waiting(), spool.tally()
    size, points = sum(one.size for one in waiting), sum(one.points for one in waiting)
    if output == "json":
        print_json(
            {
                "folder": str(spool.folder), "waiting_snapshots": len(waiting), "waiting_points": points,
                "waiting_bytes": size, "limit_bytes": spool.limit,
                "oldest": waiting[0].at.isoformat() if waiting else None, "sent_snapshots": tally.snapshots,
                "sent_points": tally.points, "dropped_snapshots": tally.dropped_snapshots,
                "dropped_points": tally.dropped_points, "refused_points": tally.refused_points,
                "corrupt_files": tally.corrupt_files, "last_success": tally.last_success or None,
                "last_error": tally.last_error or None, "last_error_at": tally.last_error_at or None,
                "not_before": tally.not_before or None,
            }
        )  # fmt: skip
        return
    from api.wording import WORDS, clock, number

    words = WORDS[language]

    def said(time: str) -> str:
        return clock(datetime.fromisoformat(time), language) if time else words["influx:never"]

    oldest = words["influx:since"].format(at=clock(waiting[0].at, language)) if waiting else ""
    rows = (
        (words["influx:folder"], str(spool.folder)),
        (words["influx:waiting"], _amount(words, language, len(waiting), points) + oldest),
        (
            words["influx:size"],
            words["influx:of"].format(
                size=number(size / 1_000_000, language), limit=number(spool.limit / 1_000_000, language)
            ),
        ),
        (words["influx:taken"], _amount(words, language, tally.snapshots, tally.points)),
        (words["influx:dropped"], _amount(words, language, tally.dropped_snapshots, tally.dropped_points)),
        (words["influx:refused"], number(tally.refused_points, language)),
        (words["influx:corrupt"], number(tally.corrupt_files, language)),
        (words["influx:last_success"], said(tally.last_success)),
        (
            words["influx:last_error"],
            f"{said(tally.last_error_at)}: {tally.last_error}" if tally.last_error else words["influx:never"],
        ),
    )
    width = max(len(title) for title, _ in rows)
    for title, value in rows:
        print(f"{title.ljust(width)}  {value}")


def _amount(words: dict[str, str], language: str, snapshots: int, points: int) -> str:
    from api.wording import number

    return words["influx:amount"].format(snapshots=number(snapshots, language), points=number(points, language))
