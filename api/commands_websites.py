"""The command `dophu websites`: what the declared websites show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.commanding import AsOf, Output, check, heads, print_json, print_rows, run

if TYPE_CHECKING:  # imported where it is used: `dophu --help` has to be quick
    from api.sites import Look
    from api.workspace import Workspace
    from inventory.words import WebsiteState


def websites(
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only those of this agency.")] = None,
    lack: Annotated[
        str, typer.Option(help="Only those with a lack: down, unknown, certificate, https, tls, ipv6 or content.")
    ] = "all",
    find: Annotated[str, typer.Option(help="Only those with this text in a value; accents are ignored.")] = "",
    as_of: AsOf = None,
    output: Output = "table",
) -> None:
    """List the declared websites: whether each answers, its certificate, TLS, IPv6, and how fresh it is."""
    check(output)
    from api.printing import read_instant
    from api.sites import LISTS, Look, choose, site_object
    from inventory.store import websites as stored
    from inventory.words import InputError, Title

    if lack not in LISTS:
        raise InputError(
            Title(
                f"--lack: gặp {lack!r}, cần một trong {', '.join(LISTS)}",
                f"--lack: found {lack!r}, expected one of {', '.join(LISTS)}",
            )
        )
    at = read_instant(as_of)

    async def read(workspace: Workspace) -> tuple[tuple[WebsiteState, ...], Look]:
        found = await workspace.store.read(stored.states_at, workspace.vocabulary, at)
        return found, Look(tuple(workspace.goals.controls.values()), at)

    found, look = run(read)
    rows = choose(found, look, agency, lack, find)
    if output == "json":
        print_json([site_object(w, look) for w in rows])
    else:
        titles = heads(
            "agency", "website", "state", "http", "seconds", "certificate", "tls", "https_only", "ipv6", "content"
        )
        print_rows(titles, [_row(w, look) for w in rows])


def _row(site: WebsiteState, look: Look) -> tuple[object, ...]:
    from api.speaking import clean
    from inventory.periods import ZONE

    left = look.days_left(site)
    days = "" if left is None else f"{left} d"
    said = " ".join(site.certificate_problems) or ("valid" if site.certificate_valid else "")
    old = " +old" if site.tls_old else ""
    why = f"{site.state}: {site.detail or site.problem}" if site.problem and site.state == "down" else site.state
    return (
        site.agency,
        clean(site.url),
        clean(f"{why} -> {site.leads_to}" if site.leads_to else why),
        site.http_status,
        None if site.response_seconds is None else f"{site.response_seconds:.3f}",
        f"{said} {days}".strip(),
        site.tls_version + old,
        _yes(site.https_only),
        _yes(site.ipv6),
        f"{site.content_at.astimezone(ZONE):%Y-%m-%d}" if site.content_at else "",
    )


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[value]
