"""The commands `dophu maintenance`: windows in which what fails is not counted, with who ordered them and why."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.commanding import AsOf, Output, check, heads, print_json, print_rows, run, say, word
from inventory.words import Title

maintenance_app = typer.Typer(help="Windows in which what fails is not counted.", no_args_is_help=True)

_TIME = "A time in Vietnam, such as 2026-12-31T22:00."


@maintenance_app.command("add")
def maintenance_add(
    begins: Annotated[str, typer.Option("--from", help=_TIME)],
    ends: Annotated[str, typer.Option("--to", help=_TIME)],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: Annotated[str, typer.Option(help="Who ordered it.")],
    link: Annotated[str, typer.Option(help="The line with this code.")] = "",
    agency: Annotated[str, typer.Option("--agency", "-a", help="All members of this agency.")] = "",
    asset: Annotated[str, typer.Option(help="The asset with this id.")] = "",
    network: Annotated[str, typer.Option(help="The assets in the network with this code.")] = "",
    document: Annotated[str, typer.Option(help="The document that says so, with its number and date.")] = "",
) -> None:
    """Add a window; one that is past corrects what was judged then. It never makes anything met."""
    from inventory.store import maintenance, registers
    from inventory.words import InputError, Maintenance, Title

    named = [(s, v) for s, v in (("link", link), ("agency", agency), ("asset", asset), ("network", network)) if v]
    if len(named) != 1:
        raise InputError(
            Title(
                "maintenance: cần đúng một trong --link, --agency, --asset và --network",
                "maintenance: expected one of --link, --agency, --asset and --network",
            )
        )
    given = Maintenance(0, *named[0], read_time("--from", begins), read_time("--to", ends), reason, by, document)

    async def store(workspace: Any) -> int:
        register = await workspace.store.read(registers.load)
        number: int = await workspace.store.write(maintenance.add, register, given, datetime.now(UTC))
        return number

    number = run(store)
    print(word("cli:maintenance", number=number))
    say(word("cli:follow"))


@maintenance_app.command("list")
def maintenance_list(
    as_of: AsOf = None,
    every: Annotated[bool, typer.Option("--all", help="Those too that are over.")] = False,
    output: Output = "table",
) -> None:
    """List the windows that are open or to come, those that were open as of a time, or all there ever were."""
    check(output)
    from api.printing import read_instant
    from api.speaking import clean
    from inventory.store import maintenance

    at = read_instant(as_of)
    found = run(lambda w: w.store.read(maintenance.load, at if as_of and not every else None))
    found = [one for one in found if every or as_of or one.last > at]
    if output == "json":
        print_json([asdict(one) for one in found])
        return
    titles = heads("maintenance", "of", "which", "from", "to", "by", "reason")
    rows = [
        (v.number, v.scope, v.subject, _told(v.begins), _told(v.last), v.granted_by, v.reason) for v in found
    ]  # fmt: skip
    print_rows(titles, [[clean(str(cell)) for cell in row] for row in rows])


@maintenance_app.command("end")
def maintenance_end(
    number: int, at: Annotated[str | None, typer.Option("--at", help="From this time on; now if absent.")] = None
) -> None:
    """End a window before its time: from then on failures count again."""
    from inventory.store import maintenance

    now = datetime.now(UTC)
    when = read_time("--at", at) if at else now
    run(lambda w: w.store.write(maintenance.end, number, when, now))
    say(word("cli:maintenance_ended", number=number, at=_told(when)))


def _told(at: datetime) -> str:
    from inventory.periods import ZONE

    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}"


def read_time(option: str, text: str) -> datetime:
    """A time as it is written; without a zone it is Vietnam's."""
    from inventory.periods import ZONE
    from inventory.words import InputError

    expected = Title("cần thời gian như 2026-12-31T22:00", "expected a time such as 2026-12-31T22:00")
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            Title(f"{option}: gặp {text!r:.60}, {expected.vi}", f"{option}: found {text!r:.60}, {expected.en}")
        ) from None
    if ":" not in text:
        raise InputError(
            Title(
                f"{option}: gặp {text!r:.60} không có giờ, {expected.vi}",
                f"{option}: found {text!r:.60} without an hour, {expected.en}",
            )
        )
    if not 1970 <= found.year < 2200:
        raise InputError(
            Title(
                f"{option}: gặp năm {found.year}, {expected.vi}",
                f"{option}: found the year {found.year}, {expected.en}",
            )
        )
    return found if found.tzinfo else found.replace(tzinfo=ZONE)
