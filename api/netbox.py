"""NetBox both ways: the register and the intended devices come from it, what was found is written there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any

from api.config_netbox import NetBoxSettings
from api.workspace import Workspace
from collectors import netbox as reading
from collectors.transports.netbox import KIND, Wire
from exporters import netbox as writing
from inventory.netbox import SOURCE, NetBoxError, Record, Told
from inventory.periods import ZONE
from inventory.register.merge import SHEETS, key_of, name_of
from inventory.store import netbox as store
from inventory.store import registers, runs
from inventory.words import Credential, InputError, Register, Run, Title

Advance = Callable[[str, int], None]
"""Hears of every list that was read and every request that was taken: the kind, and how many objects."""


def _silent(kind: str, number: int) -> None:
    """Nobody wants to hear of it."""


async def pull(workspace: Workspace, *, dry: bool = False) -> dict[str, Any]:
    """Take in what NetBox declares, whole or not at all, and compare its devices with those found.

    Raises:
        InputError: no NetBox is set, or no such credential; or what it declares has problems (RegisterError).
        NetBoxError: it was not read to the end. Nothing is stored.
    """
    settings, credential = await _opened(workspace)
    names, started = settings.names, datetime.now(UTC)
    try:
        version, lists = await asyncio.to_thread(_read, settings, credential, {**reading.KINDS, **reading.DEVICES})
        told = reading.read_register(lists, names)
        now = datetime.now(UTC)
        run = Run(SOURCE, settings.url, started, now, complete=True)
        do = workspace.store.read if dry else workspace.store.write
        outcome: store.Outcome = await do(
            store.take_in, workspace.vocabulary, told, run, now, settings.device_kinds,
            credentials=tuple(settings.credentials), dry=dry,
        )  # fmt: skip
    except (NetBoxError, InputError) as error:
        await _note(workspace, settings, started, error, dry)
        raise
    counts = {sheet: change.counts for sheet, change in outcome.changes.items() if sheet in PULLED}
    return (
        {"netbox": settings.url, "version": version, "dry_run": dry, "register": counts}
        | {"changes": tell_changes(outcome.before, outcome.after)}
        | _tell_comparison(told, outcome)
    )


async def compare(workspace: Workspace, *, dry: bool = False) -> dict[str, Any]:
    """Compare NetBox's devices with those found and keep where they differ; the register stays as it is.

    Raises:
        InputError, NetBoxError: as `pull` does.
    """
    settings, credential = await _opened(workspace)
    started = datetime.now(UTC)
    wanted = {**{name: reading.KINDS[name] for name in ("groups", "tenants", "sites")}, **reading.DEVICES}
    try:
        version, lists = await asyncio.to_thread(_read, settings, credential, wanted)
        told, now = reading.read_devices(lists, settings.names), datetime.now(UTC)
        run = Run(SOURCE, settings.url, started, now, complete=True)
        do = workspace.store.read if dry else workspace.store.write
        outcome: store.Outcome = await do(
            store.compare, workspace.vocabulary, told, run, now, settings.device_kinds, dry=dry
        )
    except NetBoxError as error:
        await _note(workspace, settings, started, error, dry)
        raise
    return {"netbox": settings.url, "version": version, "dry_run": dry} | _tell_comparison(told, outcome)


async def push(workspace: Workspace, *, dry: bool = False, advance: Advance = _silent) -> dict[str, Any]:
    """Write what was found into NetBox, or tell what would be (`dry`); a second time nothing is sent.

    Raises:
        InputError: no NetBox is set, or no such credential.
        NetBoxError: it was not read to the end, or takes nothing at all.
    """
    settings, credential = await _opened(workspace)
    now = datetime.now(UTC)
    devices, cables, left_out = await workspace.store.read(
        store.find_devices, workspace.vocabulary, now, settings.device_kinds
    )
    register, loop = await workspace.store.read(registers.load), asyncio.get_running_loop()
    day = now.astimezone(ZONE).date()

    titles: dict[str, set[str]] = {}
    for agency in register.agencies:
        titles.setdefault(agency.code, set()).add(agency.title.vi)

    def match(told: Told) -> Mapping[int, int]:
        asked = workspace.store.read(store.match_devices, workspace.vocabulary, told, now)
        return asyncio.run_coroutine_threadsafe(asked, loop).result()

    def work() -> tuple[str, writing.Pushed, int]:
        with Wire(settings.url, credential, settings.seconds) as wire:
            version = wire.greet()
            lists = wire.list_all(writing.LISTS)
            told = reading.read_devices(lists, settings.names)
            content = writing.Content(
                devices, cables,
                agencies={a.code: a for a in register.agencies if a.valid_on(day)},
                networks=[n for n in register.networks if n.valid_on(day)],
                tenants={a.code: a.thing.id for a in told.agencies if a.thing.kind == "tenant"},
                matched=match(told), titles=titles, names=settings.names, by_name=settings.by_name,
                make_places=settings.make_places,
            )  # fmt: skip
            pushed = writing.push(wire, lists, content, dry=dry, advance=advance, stopped=workspace.stop.is_set)
            return version, pushed, wire.writes

    version, pushed, writes = await asyncio.to_thread(work)
    return {
        "netbox": settings.url, "version": version, "dry_run": dry, "devices": len(devices), "writes": writes,
        "made": sum(c.made for c in pushed.changes), "changed": sum(not c.made for c in pushed.changes),
        "unchanged": pushed.unchanged, "broken_off": pushed.broken_off, "other_roles": left_out,
        "changes": [asdict(c) for c in pushed.changes],
        "failures": [asdict(f) for f in pushed.failures],
        "left": [asdict(left) for left in pushed.left],
    }  # fmt: skip


async def meet(workspace: Workspace) -> str:
    """One turn while Dophu serves: read, written where the settings say so, and then compared; what came of it.

    Raises:
        InputError, NetBoxError: as `pull` and `push` do.
    """
    done = await pull(workspace)
    told = f"{done['devices']} devices, {len(done['drift'])} differ from what was found"
    settings = workspace.config.netbox
    if settings is None or not settings.push:
        return told
    sent = await push(workspace)
    told += f"; {sent['made']} made, {sent['changed']} changed, {len(sent['failures'])} requests failed"
    if sent["failures"]:
        told += f", the first: {sent['failures'][0]['why']}"
    if sent["writes"]:
        await compare(workspace)
    return told


PULLED = ("levels", "agencies", "networks", "links")
"""The sheets of the register that NetBox fills."""


def _read(
    settings: NetBoxSettings, credential: Credential, wanted: Mapping[str, tuple[str, Sequence[str]]]
) -> tuple[str, dict[str, list[Record]]]:
    with Wire(settings.url, credential, settings.seconds) as wire:
        return wire.greet(), wire.list_all(wanted)


async def _opened(workspace: Workspace) -> tuple[NetBoxSettings, Credential]:
    settings = workspace.config.netbox
    if settings is None:
        raise InputError(
            Title(
                "không có [netbox] trong cấu hình, cần url và credential ở đó",
                "found no [netbox] in the configuration, expected url and credential there",
            )
        )
    credential = (await workspace.open_credentials([settings.credential])).get(settings.credential)
    if credential is None or credential.kind != KIND:
        raise InputError(
            Title(
                f"netbox.credential: không có thông tin xác thực {settings.credential!r} loại {KIND}; "
                f"dophu credential add {settings.credential} --kind {KIND}",
                f"netbox.credential: found no credential {settings.credential!r} of the kind {KIND}; "
                f"dophu credential add {settings.credential} --kind {KIND}",
            )
        )
    return settings, credential


async def _note(workspace: Workspace, settings: NetBoxSettings, started: datetime, error: Exception, dry: bool) -> None:
    """Keep that it failed, so that it is counted and shown."""
    if not dry:
        run = Run(SOURCE, settings.url, started, datetime.now(UTC), error=str(error)[:500])
        await workspace.store.write(runs.note, run)


def _tell_comparison(told: Told, outcome: store.Outcome) -> dict[str, Any]:
    return {
        "devices": outcome.devices, "matched": outcome.matched, "declared": outcome.declared,
        "drift": [asdict(d) for d in outcome.drifts],
        "left_out": [{"object": thing.kind, "id": thing.id, "name": thing.name, "why": why}
                     for thing, why in told.left_out],
        "facts": outcome.facts, "new": outcome.new,
    }  # fmt: skip


def tell_changes(before: Register, after: Register) -> list[dict[str, Any]]:
    """Every row of the register that was added or changed: by field what it was and what it is, as text."""
    told = []
    for sheet in SHEETS:
        former = {key_of(row): row for row in getattr(before, sheet)}
        for row in getattr(after, sheet):
            old = former.get(key_of(row))
            if old == row:
                continue
            changed = {
                f.name: ["" if old is None else _text(getattr(old, f.name)), _text(getattr(row, f.name))]
                for f in fields(row)
                if f.name != "code" and (None if old is None else getattr(old, f.name)) != getattr(row, f.name)
            }
            kept = {name: pair for name, pair in changed.items() if pair != ["", ""]}
            told.append({"sheet": sheet, "name": name_of(row), "added": old is None, "fields": kept})
    return told


def _text(value: object) -> str:
    match value:
        case None | date.min | () | "":
            return ""
        case Title():
            return value.vi if value.vi == value.en else f"{value.vi} ({value.en})"
        case tuple():
            return " ".join(map(str, value))
        case float():
            return f"{value:g}"
    return str(value)
