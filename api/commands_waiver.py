"""The commands `dophu waiver`: who need not meet a control, why, on whose word, and until when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from api.commanding import AsOf, Output, check, heads, print_json, print_rows, run, say, word

waiver_app = typer.Typer(help="Who need not meet a control, why, on whose word, and until when.", no_args_is_help=True)

Day = Annotated[str | None, typer.Option(help="A day, such as 2026-12-31.")]


@waiver_app.command("add")
def waiver_add(
    control: Annotated[str, typer.Option(help="The control's id, such as agency_firewall_answering.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: Annotated[str, typer.Option(help="Who granted it.")],
    agency: Annotated[str, typer.Option("--agency", "-a", help="All members of this agency.")] = "",
    member: Annotated[str, typer.Option(help="One member: an asset's id, the code of an agency or link.")] = "",
    until: Day = None,
    since: Annotated[str | None, typer.Option("--from", help="The first day; today if absent.")] = None,
    document: Annotated[str, typer.Option(help="The document that says so, with its number and date.")] = "",
    not_applicable: Annotated[bool, typer.Option(help="The control does not apply; this may have no end.")] = False,
) -> None:
    """Waive a control for one member or all of an agency; after the last day they count again."""
    from inventory.periods import ZONE
    from inventory.store import registers, waivers
    from inventory.words import InputError, Status, Title, Waiver

    first = _day("--from", since) or datetime.now(ZONE).date()
    status = Status.NOT_APPLICABLE if not_applicable else Status.WAIVED
    given = Waiver(0, control, member, agency, status, reason, by, document, first, _day("--until", until))

    async def store(workspace: Any) -> int:
        known = workspace.goals.controls
        if control not in known:
            raise InputError(
                Title(
                    f"--control: gặp {control!r}, cần một trong {', '.join(sorted(known))}",
                    f"--control: found {control!r}, expected one of {', '.join(sorted(known))}",
                )
            )
        register = await workspace.store.read(registers.load)
        number: int = await workspace.store.write(waivers.add, known[control], register, given, datetime.now(UTC))
        return number

    number = run(store)
    print(word("cli:waiver", number=number))
    say(word("cli:follow"))


@waiver_app.command("list")
def waiver_list(
    as_of: AsOf = None,
    every: Annotated[bool, typer.Option("--all", help="Those too that do not hold on the day.")] = False,
    output: Output = "table",
) -> None:
    """List the waivers that hold, or all there ever were."""
    check(output)
    from api.printing import read_instant
    from api.speaking import clean
    from inventory.periods import ZONE
    from inventory.store import waivers

    day = None if every else read_instant(as_of).astimezone(ZONE).date()
    found = run(lambda w: w.store.read(waivers.load, day))
    if output == "json":
        print_json([asdict(one) for one in found])
        return
    rows = [
        (v.number, v.control, v.agency or v.member, word(v.status), v.valid_from, v.ended or v.valid_to, v.granted_by,
         v.reason)
        for v in found
    ]  # fmt: skip
    titles = heads("waiver", "control", "whom", "status", "from", "until", "by", "reason")
    print_rows(titles, [[clean(str(cell)) if cell is not None else None for cell in row] for row in rows])


@waiver_app.command("end")
def waiver_end(
    number: int, on: Annotated[str | None, typer.Option("--on", help="From this day; today if absent.")] = None
) -> None:
    """End a waiver before its last day: from then on its members count again."""
    from inventory.periods import ZONE
    from inventory.store import waivers

    day = _day("--on", on) or datetime.now(ZONE).date()
    run(lambda w: w.store.write(waivers.end, number, day))
    say(word("cli:waiver_ended", number=number, day=day))


def _day(option: str, text: str | None) -> date | None:
    from inventory.words import InputError, Title

    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            Title(
                f"{option}: gặp {text!r}, cần một ngày như 2026-12-31",
                f"{option}: found {text!r}, expected a day such as 2026-12-31",
            )
        ) from None
