"""The commands `dophu meetings` and `dophu import calendar`: which meetings were held online."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commanding import Language, Output, check, print_json, print_rows, run, say


def add_calendar(app: typer.Typer) -> None:
    """Put `calendar` among the commands of `dophu import`."""
    app.command("calendar")(import_calendar)


def import_calendar(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="iCalendar (.ics), or CSV: start, end, room or agency.")],
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Whose meetings they are.")] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Its name, by which it is replaced when it is read again.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Store nothing; tell what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Import the meetings of a calendar: when, whose, in which room. Titles and names of people are not read."""
    check(output, language)
    from api import meetings
    from api.wording import WORDS, number

    async def store(workspace: Any) -> dict[str, Any]:
        done = await meetings.import_calendar(workspace, path, calendar=calendar, agency=agency, dry=dry_run)
        if not dry_run:
            kept = await meetings.record_months(workspace, datetime.now(UTC))
            done |= {"counts": kept.counts, "withdrawn": kept.withdrawn}
        return done

    done: dict[str, Any] = run(store)
    if output == "json":
        print_json(done)
        return
    words = WORDS[language]
    figures = {key: number(done[key], language) for key in ("meetings", "new", "changed", "removed", "left_out")}
    text = words["calendar:nothing" if dry_run else "calendar:stored"]
    say(text.format(calendar=done["calendar"], **figures))
    if done["unknown_rooms"]:
        rooms = ", ".join(done["unknown_rooms"][:10])
        say(words["calendar:unknown_rooms"].format(n=len(done["unknown_rooms"]), rooms=rooms))
    if done.get("withdrawn"):
        say(words["calendar:withdrawn"].format(n=number(done["withdrawn"], language)))


def meetings(
    period: Annotated[str | None, typer.Option(help="Such as 2026-10 or 2026-Q3 (default: this month).")] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only this agency.")] = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """The meetings and calls of a period by agency and room: held online, without a call, calls without a meeting."""
    check(output, language)
    from api.meetings import COLUMNS, meetings_object, read_meetings
    from api.wording import WORDS
    from inventory.periods import ZONE, read_period

    now = datetime.now(UTC)
    asked = read_period(period or f"{now.astimezone(ZONE):%Y-%m}")
    (told,) = run(lambda w: read_meetings(w, [asked], now))
    found = meetings_object(told)
    found["agencies"] = [one for one in found["agencies"] if agency is None or one["agency"] == agency]
    if output == "json":
        print_json(found)
        return
    from api.speaking import clean

    words = WORDS[language]
    rows = [
        [one["agency"], clean(each["room"] or words["meetings:no_room"]), *(f"{each[key]:g}" for key in COLUMNS[2:-1]),
         words["yes" if each["history_whole"] else "no"] if each["asset"] else "–"]
        for one in found["agencies"]
        for each in one["rooms"]
    ]  # fmt: skip
    titles = [words[f"meetings:{key}"] for key in COLUMNS]
    print_rows(titles, rows)
    if not told.ended:
        say(words["meetings:not_ended"].format(period=asked.told(language)))
    elif any(one["unknown"] for one in found["agencies"]):
        say(words["meetings:not_known"])
