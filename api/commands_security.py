"""The commands `dophu security`: security findings by severity, who sees to them, and which are accepted until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.commanding import AsOf, Language, Output, check, heads, print_json, print_rows, run, say, word
from inventory.refusing import meant
from inventory.words import Title

security_app = typer.Typer(help="Security findings: who sees to them, and which are accepted.", no_args_is_help=True)

Control = Annotated[str, typer.Argument(help="The control's id, such as host_no_telnet.")]
Member = Annotated[str, typer.Argument(help="An asset's id.")]


@security_app.command("list")
def security_list(
    severity: Annotated[str | None, typer.Option(help="Only high, medium or low.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="open, accepted, fixed or unknown; all but fixed if absent.")
    ] = None,
    control: Annotated[str | None, typer.Option(help="Only of this control.")] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only those of this agency.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only those that this person sees to.")] = None,
    as_of: AsOf = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """List security findings, the most severe first, as the judgements that were kept have them."""
    check(output, language)
    from api.printing import read_instant
    from api.securing import list_security
    from api.speaking import clean

    wanted: dict[str, Any] = {"severity": severity, "control": control, "agency": agency, "owner": owner}
    if state:
        wanted["states"] = tuple(state)
    at = read_instant(as_of)
    rows = run(lambda w: w.store.read(list_security, w.vocabulary, w.goals.controls, at, language, wanted))
    if output == "json":
        print_json(rows)
        return
    shown = [
        (
            r["severity"], r["control"], r["member"], clean(r["name"] or ""), r["agency"], r["state"],
            _day(r["first_seen"]), _day(r["last_seen"]), clean(r["owner"]), r["accepted_until"],
        )
        for r in rows
    ]  # fmt: skip
    titles = heads(
        "severity", "control", "member", "name", "agency", "state", "first_seen", "last_seen", "owner", "until"
    )
    print_rows(titles, shown)


@security_app.command("assign")
def security_assign(
    control: Control,
    member: Member,
    owner: Annotated[str, typer.Argument(help="Who sees to it; empty text: nobody any more.")],
    note: Annotated[str, typer.Option(help="What is to be known about it.")] = "",
) -> None:
    """Say who sees to a security finding."""
    from inventory.store import security

    async def put(workspace: Any) -> None:
        found = _control(workspace, control)
        await workspace.store.write(security.assign, found, member, owner, note, datetime.now(UTC))

    run(put)
    say(word("cli:assigned", control=control, member=member, owner=owner or word("cli:nobody")))


@security_app.command("accept")
def security_accept(
    control: Control,
    member: Member,
    by: Annotated[str, typer.Option(help="Who accepts it.")],
    until: Annotated[str, typer.Option(help="The last day, such as 2026-12-31.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    document: Annotated[str, typer.Option(help="The document that says so, with its number and date.")] = "",
) -> None:
    """Accept a security finding until a day; it is a waiver of its control, and counts again afterwards."""
    from datetime import date

    from inventory.periods import ZONE
    from inventory.store import registers, waivers
    from inventory.words import InputError, Status, Title, Waiver

    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise InputError(
            Title(
                f"--until: gặp {until!r}, cần một ngày như 2026-12-31",
                f"--until: found {until!r}, expected a day such as 2026-12-31",
            )
        ) from None
    today = datetime.now(ZONE).date()
    given = Waiver(0, control, member, "", Status.WAIVED, reason, by, document, today, last)

    async def put(workspace: Any) -> int:
        from api import rounds

        found = _control(workspace, control)
        register = await workspace.store.read(registers.load)
        number: int = await workspace.store.write(waivers.add, found, register, given, datetime.now(UTC))
        await rounds.judge(workspace)
        return number

    print(word("cli:waiver", number=run(put)))


def _control(workspace: Any, name: str) -> Any:
    from inventory.words import InputError

    known = {n: c for n, c in workspace.goals.controls.items() if c.severity}
    if name not in known:
        near = meant(name, known)
        raise InputError(
            Title(
                f"gặp tiêu chí {name!r}, cần tiêu chí có mức độ{near.vi}",
                f"found the control {name!r}, expected one with a severity{near.en}",
            )
        )
    return known[name]


def _day(at: datetime | None) -> str:
    from inventory.periods import ZONE

    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}" if at else ""
