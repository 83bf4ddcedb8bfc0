"""The commands on what is stored: credentials, agents' tokens, assets, events and findings."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.commanding import (
    AsOf,
    Language,
    Output,
    check,
    heads,
    print_json,
    print_rows,
    run,
    say,
    split_host,
    word,
    yes_or_no,
)

credential_app = typer.Typer(help="Credentials for reading devices, sealed at rest.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens with which agents and systems report.", no_args_is_help=True)
asset_app = typer.Typer(help="Assets: what is known of them, merging and undoing.", no_args_is_help=True)

_ID_LENGTH = 12
"""How much of a token's hash is shown as its id."""


@credential_app.command("add")
def credential_add(
    name: str,
    kind: Annotated[
        str, typer.Option(help="snmp-v1, snmp-v2c, snmp-v3, exporter, influxdb, ssh, ksc, netbox, xapi or poly.")
    ] = "snmp-v2c",
) -> None:
    """Store a credential read as JSON from standard input, such as {"community": "…"}, or asked for on a terminal."""
    from inventory.words import InputError, Title

    if sys.stdin.isatty() and kind == "snmp-v2c":
        secret: object = {"community": typer.prompt("community", hide_input=True)}
    else:
        try:
            secret = json.loads(sys.stdin.buffer.read())
        except json.JSONDecodeError as error:
            raise InputError(
                Title(
                    f"đầu vào chuẩn: dòng {error.lineno}: cần một đối tượng JSON",
                    f"standard input: line {error.lineno}: expected a JSON object",
                )
            ) from None
        except UnicodeDecodeError:
            raise InputError(
                Title(
                    "đầu vào chuẩn: cần một đối tượng JSON mã hóa UTF-8",
                    "standard input: expected a JSON object in UTF-8",
                )
            ) from None
    if not isinstance(secret, dict):
        raise InputError(Title("đầu vào chuẩn: cần một đối tượng JSON", "standard input: expected a JSON object"))
    run(lambda w: w.add_credential(name, kind, secret))
    say(word("cli:credential_stored", name=name))


@credential_app.command("pin")
def credential_pin(
    name: str,
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="The usual port where none is named.")],
    fingerprint: Annotated[
        str, typer.Option(help="What the machine itself says of its key or certificate; without it you are asked.")
    ] = "",
) -> None:
    """Pin a machine's SSH host key or certificate: from now on it is read only as long as it shows this one."""
    from inventory.store import keys
    from inventory.words import InputError, Title

    kinds = {n: kind for n, (kind, _) in run(lambda w: w.store.read(keys.credentials)).items()}
    place, shown = asyncio.run(_shown_by(kinds.get(name, ""), host))
    if fingerprint and _plain_print(fingerprint) != _plain_print(shown):
        raise InputError(
            Title(
                f"{host} đưa ra {shown}, cần {fingerprint}: chưa ghim gì",
                f"{host} shows {shown}, expected {fingerprint}: nothing is pinned",
            )
        )
    if not fingerprint:
        if not sys.stdin.isatty():
            raise InputError(
                Title(
                    f"{host} đưa ra {shown}: hãy đối chiếu tại chính máy đó, rồi nêu bằng --fingerprint",
                    f"{host} shows {shown}: compare it at the machine, then give it with --fingerprint",
                )
            )
        typer.confirm(word("cli:pin_asked", host=host, shown=shown), abort=True)
    run(lambda w: w.pin(name, place, shown))
    say(word("cli:pinned", shown=shown, place=place, name=name))


async def _shown_by(kind: str, host: str) -> tuple[str, str]:
    """How a machine is named among what is pinned, and what it shows now."""
    if kind in ("ksc", "xapi", "poly"):
        from collectors.transports import codec, ksc, pinned

        address, port = split_host(host, ksc.PORT if kind == "ksc" else codec.PORT, names=True)
        return pinned.place(address, port), (await pinned.certificate(address, port))[0]
    from collectors.transports import ssh

    address, port = split_host(host, 22)
    return ssh.place(address, port), await ssh.host_key(address, port)


def _plain_print(fingerprint: str) -> str:
    """A fingerprint as it is compared; openssl writes "sha256 Fingerprint=" and colons."""
    _, _, after = fingerprint.strip().rpartition("=" if "ingerprint=" in fingerprint else "SHA256:")
    plain = after.replace(":", "")
    return plain.upper() if re.fullmatch(r"[0-9A-Fa-f]{64}", plain) else after


@credential_app.command("list")
def credential_list(output: Output = "table") -> None:
    """List the credentials' names and kinds; never what is in them."""
    check(output)
    from inventory.store import keys

    rows = run(lambda w: w.store.read(keys.credentials))
    if output == "json":
        print_json([{"name": name, "kind": kind} for name, (kind, _) in rows.items()])
    for name, (kind, _) in rows.items() if output == "table" else ():
        print(f"{name}\t{kind}")


@credential_app.command("remove")
def credential_remove(name: str) -> None:
    """Forget a credential."""
    from inventory.store import keys

    run(lambda w: w.store.write(keys.remove_credential, name))
    say(word("cli:credential_removed", name=name))


@token_app.command("add")
def token_add(
    agency: Annotated[str | None, typer.Argument(help="The agency; a system may tell of all, then without.")] = None,
    note: Annotated[str, typer.Option(help="What it is for; with --facts the name of the system.")] = "",
    facts: Annotated[bool, typer.Option("--facts", help="For a system that sends what it counts.")] = False,
) -> None:
    """Make a token with which an agency's agents report to /agents/TOKEN, or a system to /api/v1/facts.

    It is shown only now.
    """
    from inventory.words import InputError, Title

    if not facts and agency is None:
        raise InputError(
            Title(
                "AGENCY: chưa nêu, cần cơ quan có các tác tử báo cáo bằng token này",
                "AGENCY: found nothing, expected the agency whose agents report with it",
            )
        )
    if facts and not note:
        raise InputError(
            Title(
                "--note: chưa nêu, cần tên của hệ thống: số liệu của nó được nêu kèm tên này",
                "--note: found nothing, expected the name of the system: its numbers are told with it",
            )
        )
    print(run(lambda w: w.issue_token("facts" if facts else "agent", agency, note)))


@token_app.command("list")
def token_list(output: Output = "table") -> None:
    """List the tokens by their ids; the tokens themselves are not stored."""
    check(output)
    from inventory.store import keys

    rows = [(sha256[:_ID_LENGTH], *rest) for sha256, *rest in run(lambda w: w.store.read(keys.tokens))]
    titles = ("id", "purpose", "agency", "note", "created")
    if output == "json":
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_rows(
            heads("id", "purpose", "agency", "note", "created"),
            [(*row[:-1], f"{row[-1]:%Y-%m-%d %H:%M} UTC") for row in rows],
        )


@token_app.command("remove")
def token_remove(id_: Annotated[str, typer.Argument(metavar="ID", help="As in the list of tokens.")]) -> None:
    """Forget a token: from now on nobody reports with it."""
    from inventory.store import keys

    run(lambda w: w.store.write(keys.remove_token, id_))
    say(word("cli:token_removed", id=id_))


@asset_app.command("list")
def asset_list(
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only those of this agency.")] = None,
    role: Annotated[str | None, typer.Option(help="Only those of this role, such as firewall or unknown.")] = None,
    find: Annotated[str, typer.Option(help="Only those with this text in a value; accents are ignored.")] = "",
    output: Output = "table",
) -> None:
    """List the assets and what is known of them now."""
    check(output)
    from api.listing import filter_assets
    from inventory.store import assets

    listed = run(lambda w: w.store.read(assets.listing, w.vocabulary, datetime.now(UTC)))
    rows = filter_assets(listed, agency, role, find)
    if output == "json":
        print_json(rows)
    else:
        shown = ("id", "agency", "address", "role", "vendor", "model", "version", "serial", "sysname", "answering")
        titles = heads(
            "id", "agency", "address", "role", "vendor", "model", "version", "serial", "sysname", "answering"
        )
        print_rows(titles, [[yes_or_no(r[k]) if k == "answering" else r[k] for k in shown] for r in rows])


@asset_app.command("cables")
def asset_cables(output: Output = "table") -> None:
    """List the cables between known assets, from what they say of their neighbours (LLDP, CDP)."""
    check(output)
    from api.connections import list_cables

    rows = run(lambda w: w.store.read(list_cables, w.vocabulary, datetime.now(UTC)))
    if output == "json":
        print_json(rows)
    else:
        shown = ("asset", "name", "port", "other", "other_name", "other_port", "both")
        titles = heads("asset", "name", "port", "other", "other_name", "other_port", "both")
        print_rows(titles, [[yes_or_no(r[k]) if k == "both" else r[k] for k in shown] for r in rows])


@asset_app.command("show")
def asset_show(
    asset: int, history: Annotated[bool, typer.Option(help="All that was ever said.")] = False, output: Output = "table"
) -> None:
    """Show one asset: what identifies it, and every fact with its source and time."""
    check(output)
    from api.listing import describe_asset

    now = datetime.now(UTC)
    found = run(lambda w: w.store.read(describe_asset, w.vocabulary, asset, now, history=history))
    if output == "json":
        print_json(found)
        return
    print(word("cli:asset", id=found["id"]))
    for one in found["identifiers"]:
        print(f"{one['kind']} {one['value']}" + (word("cli:shared") if one["shared"] else ""))
    rows = list(found["facts"].values())
    rows += [fact for table in found["tables"].values() for fact in table]
    rows += found.get("history", [])
    print()
    print_rows(heads("key", "item", "value", "source", "proof", "observed"), [_fact_row(fact) for fact in rows])
    for key, said in found["conflicts"].items():
        each = (word("cli:source_says", source=fact["source"], value=_plain(fact["value"])) for fact in said)
        say(word("cli:disagree", key=key, said="; ".join(each)))


def _fact_row(fact: dict[str, Any]) -> tuple[object, ...]:
    when = f"{fact['observed_at']:%Y-%m-%d %H:%M:%S}"
    return fact["key"], fact["item"], _plain(fact["value"]), fact["source"], fact["proof"], when


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


@asset_app.command("merge")
def asset_merge(asset: int, into: int, reason: str) -> None:
    """Say that two assets are the same one; both keep their history, and it can be undone."""
    from inventory.store import assets

    number = run(lambda w: w.store.write(assets.join, asset, into, reason, datetime.now(UTC)))
    if number:
        print(word("cli:merged", number=number))
    else:
        say(word("cli:same_asset"))


@asset_app.command("undo")
def asset_undo(merge: int) -> None:
    """Take a merge back."""
    from inventory.store import assets

    run(lambda w: w.store.write(assets.undo, merge, datetime.now(UTC)))
    say(word("cli:merge_undone", number=merge))


def events(
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only those of this agency.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as on_battery.")] = None,
    asset: Annotated[int | None, typer.Option(help="Only those of this asset.", min=1, max=2**63 - 1)] = None,
    since: Annotated[str | None, typer.Option(help="A date (its begin) or a time, ISO 8601.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1_000_000)] = 100,
    output: Output = "table",
) -> None:
    """List what happened to assets, the newest first."""
    check(output)
    from api.listing import list_events
    from api.printing import read_instant
    from api.speaking import clean
    from inventory.store.events import Wanted
    from inventory.text import nfc

    now = datetime.now(UTC)
    wanted = Wanted(agency, asset, kind, read_instant(since, begin=True) if since is not None else None)
    rows, total = run(lambda w: w.store.read(list_events, w.vocabulary, wanted, now, limit=limit))
    if output == "json":
        print_json(rows)
        return
    shown = ("agency", "asset", "asset_name", "severity", "kind", "item", "detail", "times")
    # What devices say of themselves must not steer the terminal.
    cells = [[f"{r['at']:%Y-%m-%d %H:%M:%S}", *(clean(nfc(str(r[k] or ""))) for k in shown)] for r in rows]
    print_rows(heads("at", "agency", "asset", "asset_name", "severity", "kind", "item", "detail", "times"), cells)
    if total > len(rows):
        say(word("cli:newest", shown=len(rows), total=total))


def findings(
    control: Annotated[
        str | None, typer.Option(help="The control's id, such as agency_firewall_answering; absent: those of security.")
    ] = None,
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only those of this agency.")] = None,
    status: Annotated[str | None, typer.Option(help="Only met, unmet, unknown …")] = None,
    severity: Annotated[str | None, typer.Option(help="Of security, only high, medium or low.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="Of security, only open, accepted, fixed or unknown.")] = None,
    owner: Annotated[str | None, typer.Option(help="Of security, only those that this person sees to.")] = None,
    as_of: AsOf = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """The members behind a control's figures, judged from the facts as of any time, with reason and evidence.

    Without a control: what is open in security, the most severe first: dophu security list.
    """
    check(output, language)
    if control is None or severity or state or owner:
        from api.commands_security import security_list
        from inventory.words import InputError, Title

        if status is not None:
            raise InputError(
                Title(
                    "--status: gặp khi không có --control, cần --state cho các phát hiện an ninh",
                    "--status: found it without --control, expected --state for findings of security",
                )
            )
        security_list(severity, state, control, agency, owner, as_of, output, language)
        return
    from api import listing, printing

    at = printing.read_instant(as_of)
    found = run(lambda w: printing.judge_control(w, control, status, at, language))
    rows = [f for f in found if agency is None or f.agency == agency]
    if output == "json":
        print_json([listing.finding_object(f) for f in rows])
    else:
        shown = [(f.member, f.title, f.agency, word(f.status), f"{f.since:%Y-%m-%d %H:%M}", f.reason) for f in rows]
        print_rows(heads("member", "title", "agency", "status", "since", "reason"), shown)
