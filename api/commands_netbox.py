"""The commands `dophu netbox`: the register from NetBox, what was found into NetBox, and where the two differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commanding import Language, Output, check, print_json, print_rows, run, say

if TYPE_CHECKING:
    from rich.status import Status

netbox_app = typer.Typer(help="NetBox both ways: what is intended, and what was found.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; show what would come of it.")]
_PLAIN = frozenset({"name", "slug", "tags", "color", "vm_role", "status", "label", "address", "device", "tenant",
                    "assigned_object_type", "assigned_object_id", "a_terminations", "b_terminations"})  # fmt: skip
"""What nobody needs to read of an object that is made: it stands in its name, or is always the same."""
_SOME = 4
_MOST = 100
"""Of what is the same again and again, so many are shown; `--output json` has all."""


@netbox_app.command("pull")
def netbox_pull(dry_run: DryRun = False, output: Output = "table", language: Language = "vi") -> None:
    """Take in tenants, prefixes, circuits and devices: whole, or not at all; then compare devices with those found."""
    check(output, language)
    from api import netbox

    with _working("netbox:asking", language):
        done: dict[str, Any] = run(lambda w: netbox.pull(w, dry=dry_run))
    if output == "json":
        print_json(done)
        return
    words = _words(language)
    for change in done["changes"]:
        _show(change["added"], words[f"netbox_kind:{change['sheet']}"], change["name"], _labelled(change, language))
    for sheet, counts in done["register"].items():
        if sheet == "levels" and not any(counts.values()):
            continue  # they hardly ever change
        say(words["netbox:sheet"].format(sheet=words[f"netbox_kind:{sheet}"], **counts))
    _tell_devices(done, language)
    _tell_left_out(done["left_out"], language)
    say(words["netbox:dry" if dry_run else "netbox:taken_in"])


@netbox_app.command("push")
def netbox_push(dry_run: DryRun = False, output: Output = "table", language: Language = "vi") -> None:
    """Write the devices found, their interfaces, addresses and cables; only what Dophu made there is ever changed.

    Nothing is deleted. Status 1 where NetBox did not take all of it.
    """
    check(output, language)
    from api import netbox

    words = _words(language)
    sent: Counter[str] = Counter()
    with _working("netbox:writing", language) as shown:

        def advance(kind: str, number: int) -> None:
            sent[kind] += number
            if shown is not None:
                shown.update(f"{words[f'netbox_kind:{kind}']}: {sent[kind]}")

        done: dict[str, Any] = run(lambda w: netbox.push(w, dry=dry_run, advance=advance), stoppable=True)
    if output == "json":
        print_json(done)
    else:
        _tell_push(done, words)
    if done["failures"] or done["broken_off"]:
        raise typer.Exit(1)


@netbox_app.command("drift")
def netbox_drift(dry_run: DryRun = False, output: Output = "table", language: Language = "vi") -> None:
    """Ask NetBox for its devices and list where it and the network differ; the findings follow with dophu judge."""
    check(output, language)
    from api import netbox

    with _working("netbox:asking", language):
        done: dict[str, Any] = run(lambda w: netbox.compare(w, dry=dry_run))
    if output == "json":
        print_json(done)
        return
    words = _words(language)
    titles = (words["netbox:drift"], words["netbox:of"], words["netbox:device"], words["netbox:address"],
              words["netbox:difference"])  # fmt: skip
    rows = [
        [words[f"netbox_drift:{d['kind']}"], d["agency"], _clean(d["name"]), d["address"], _clean(d["difference"])]
        for d in done["drift"]
    ]
    if rows:
        print_rows(titles, rows)
    _tell_devices(done, language)
    _tell_left_out(done["left_out"], language)


def _tell_push(done: Mapping[str, Any], words: Mapping[str, str]) -> None:
    for (made, kind, of), changes in _together(done["changes"]).items():
        if made and of and len(changes) > 1:
            names = [_clean(c["name"].removeprefix(f"{of} ")) for c in changes]
            told = ", ".join(names[:_SOME]) + (f", … {names[-1]}" if len(names) > _SOME else "")
            print(f"+ {_clean(of)}: {len(names)} {words[f'netbox_kind:{kind}']}: {told}")
            continue
        for change in changes:
            _show(made, words[f"netbox_kind:{kind}"], change["name"], change["fields"])
    for left in done["left"][:_MOST]:
        say(f"= {words['netbox_kind:' + left['kind']]} {_clean(left['name'])}: {words['netbox_left:' + left['why']]}")
    if len(done["left"]) > _MOST:
        say(words["netbox:more"].format(n=len(done["left"]) - _MOST))
    for failure in done["failures"]:
        few = ", ".join(map(_clean, failure["names"][:3])) + (" …" if len(failure["names"]) > 3 else "")
        kind = words[f"netbox_kind:{failure['kind']}"]
        lost = f" ({words['netbox:lost']})" if failure["lost"] else ""
        whom = f" {few} [{len(failure['names'])}]" if few else ""
        say(f"! {kind}{whom}: {_clean(failure['why'])}{lost}")
    if done["other_roles"]:
        told = ", ".join(f"{words.get('role:' + r, words.get('netbox_left_out:' + r, r))} {n}"
                         for r, n in sorted(done["other_roles"].items()))  # fmt: skip
        say(words["netbox:other_roles"].format(roles=told))
    if done["broken_off"]:
        say(words["netbox:broken_off"])
    say(words["netbox:would_push" if done["dry_run"] else "netbox:pushed"].format(**done))


def _together(changes: Sequence[Mapping[str, Any]]) -> dict[tuple[bool, str, str], list[Mapping[str, Any]]]:
    """What was made of one kind on one device, together; what was changed stays single."""
    found: dict[tuple[bool, str, str], list[Mapping[str, Any]]] = {}
    for change in changes:
        found.setdefault((change["made"], change["kind"], change["of"]), []).append(change)
    return found


def _show(added: bool, kind: str, name: str, fields: Mapping[str, Sequence[str]]) -> None:
    """One change on a line: + what is new, ~ what is changed, with its former value."""
    if added:
        told = [f"{field}: {_clean(new)}" for field, (_, new) in fields.items() if new and field not in _PLAIN]
    else:
        told = [f"{field}: {_clean(old) or '–'} → {_clean(new) or '–'}" for field, (old, new) in fields.items()]
    print(f"{'+' if added else '~'} {kind} {_clean(name)}" + (f" ({'; '.join(told)})" if told else ""))


def _labelled(change: Mapping[str, Any], language: str) -> dict[str, Sequence[str]]:
    """The fields of a change in the register under the headers of its sheets."""
    from inventory.register.columns import SHEET_OF

    titles = {c.name: c.title.in_language(language) for c in SHEET_OF[change["sheet"]].columns}
    titles["title"] = titles.get("name_vi", "")
    return {titles.get(name, name): pair for name, pair in change["fields"].items()}


def _tell_devices(done: Mapping[str, Any], language: str) -> None:
    words = _words(language)
    kinds = Counter(d["kind"] for d in done["drift"])
    told = "; ".join(f"{n} {words[f'netbox_drift:{kind}']}" for kind, n in sorted(kinds.items()))
    say(words["netbox:devices"].format(drift=told or words["netbox:no_drift"], **{
        name: done[name] for name in ("devices", "matched", "declared")
    }))  # fmt: skip


def _tell_left_out(left_out: Sequence[Mapping[str, Any]], language: str) -> None:
    words = _words(language)
    by_reason: dict[tuple[str, str], list[str]] = {}
    for row in left_out:
        by_reason.setdefault((row["object"], row["why"]), []).append(f"{_clean(row['name'])} (id {row['id']})")
    for (kind, why), names in by_reason.items():
        some = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        reason = words[f"netbox_left_out:{why}"]
        say(words["netbox:left_out"].format(n=len(names), kind=words[f"netbox_kind:{kind}"], reason=reason, names=some))


def _clean(text: str) -> str:
    # What others wrote must not steer the terminal.
    from api.speaking import clean

    return str(clean(text))


def _words(language: str) -> Mapping[str, str]:
    from api.wording import WORDS

    return WORDS[language]


def _working(name: str, language: str) -> AbstractContextManager[Status | None]:
    """Shows on a terminal, and only there, what is being worked on."""
    import sys

    if not sys.stderr.isatty():
        return nullcontext(None)
    from rich.console import Console

    return Console(stderr=True).status(_words(language)[name])
