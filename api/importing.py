"""Taking in what a console tells, from its report or itself: matched with the inventory, stored whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.commanding import split_host
from api.config import ConsoleServer
from api.wording import WORDS
from api.workspace import Workspace
from collectors.consoles import Problem, Report, read_report
from inventory.store import consoles, registers, runs
from inventory.words import InputError, Run, Title

SHOWN = 20


async def import_console(
    workspace: Workspace,
    path: Path,
    profile: str,
    *,
    console: str | None = None,
    agency: str | None = None,
    reported_at: datetime | None = None,
    dry: bool = False,
    partial: bool = False,
    skip_bad: bool = False,
) -> dict[str, Any]:
    """Import the report at `path`, or tell what that would do (`dry`).

    Args:
        console: the source of its facts, where there are several consoles of one kind (default: the profile's name).
        partial: the report does not list every machine: nothing is concluded of who is missing.
        skip_bad: rows that cannot be read are left out instead of refusing the report, which is then partial.

    Raises:
        InputError: the report cannot be read; with its rows unless `dry` or `skip_bad`. Nothing is stored.
    """
    now = datetime.now(UTC)
    await _check_agency(workspace, agency)
    source = console or profile
    report = await asyncio.to_thread(read_report, path, profile, now, source=source, reported_at=reported_at)
    if report.problems and not (dry or skip_bad):
        raise InputError(Title(*(_refuse(path.name, report, language) for language in ("vi", "en"))))
    digest = await asyncio.to_thread(lambda: hashlib.sha256(path.read_bytes()).hexdigest())
    label = f"{path.name} sha256:{digest}"
    whole = not partial and not report.problems
    told = {"file": path.name, "sha256": digest}
    return told | await _take_in(workspace, report, source, label, now, agency=agency, whole=whole, dry=dry)


async def import_ksc(
    workspace: Workspace, host: str, port: int | None, credential: str, *, console: str | None = None,
    agency: str | None = None, dry: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Read Kaspersky Security Center at `host` itself, or tell what that would do (`dry`).

    Without a `port` it is the credential's, else the usual one. Hosts that cannot be read are told; the list is then
    not whole, and nobody is missing from it.

    Raises:
        InputError: there is no such credential of the kind "ksc".
        KscError: the server was not read to the end. Nothing is stored.
    """
    from collectors.consoles import ksc
    from collectors.transports.ksc import KIND, PORT
    from collectors.transports.pinned import place

    await _check_agency(workspace, agency)
    opened = (await workspace.open_credentials([credential])).get(credential)
    if opened is None or opened.kind != KIND:
        raise InputError(
            Title(
                f"--credential: không có thông tin xác thực {credential!r} loại {KIND}",
                f"--credential: found no credential {credential!r} of the kind {KIND}",
            )
        )
    source = console or ksc.PROFILE
    port = port or int(opened.secret.get("port", PORT))
    report = await ksc.read_server(host, port, opened, source=source)
    where, whole = place(host, port), not report.problems
    done = await _take_in(workspace, report, source, where, report.reported_at, agency=agency, whole=whole, dry=dry)
    return {"server": where} | done


async def ask_console(workspace: Workspace, server: ConsoleServer) -> dict[str, Any]:
    """Read a console of the configuration; how it went is noted also where it failed.

    Raises:
        InputError, KscError: as `import_ksc` does.
    """
    from collectors.consoles import ksc
    from collectors.transports.ksc import KscError

    host, port = split_host(server.server, 0, names=True)
    source, started = server.console or ksc.PROFILE, datetime.now(UTC)
    try:
        return await import_ksc(workspace, host, port or None, server.credential, console=source, agency=server.agency)
    except (InputError, KscError) as error:
        run = Run(source, server.server, started, datetime.now(UTC), error=str(error), agency=server.agency)
        await workspace.store.write(runs.note, run)
        raise


async def _check_agency(workspace: Workspace, agency: str | None) -> None:
    if agency is not None:
        codes = {a.code for a in (await workspace.store.read(registers.load)).agencies}
        if agency not in codes:
            raise InputError(
                Title(
                    f"--agency: gặp {agency!r}, cần mã của một cơ quan trong sổ đăng ký",
                    f"--agency: found {agency!r}, expected the code of an agency in the register",
                )
            )


async def _take_in(
    workspace: Workspace, report: Report, source: str, label: str, now: datetime, *,
    agency: str | None, whole: bool, dry: bool,
) -> dict[str, Any]:  # fmt: skip
    """Match a report with the inventory, store it unless `dry`, and tell what it meant."""
    fresh = report.is_fresh(now)
    whole = whole and fresh
    told = [
        consoles.Told(v.row, v.hostname, v.address, v.macs, v.serial, v.agency, v.last_seen, v.facts)
        for v in report.lines
    ]
    run = Run(source, label, report.reported_at, report.reported_at, complete=whole, agency=agency)
    do = workspace.store.read if dry else workspace.store.write
    outcome: consoles.Outcome = await do(
        consoles.take_in, workspace.vocabulary, run, told, now, agency,
        whole=whole, antivirus=report.profile.antivirus, dry=dry,
    )  # fmt: skip
    return {
        "profile": report.profile.name, "console": source, "dry_run": dry,
        "reported_at": report.reported_at, "stale": not fresh, "whole": whole, "mapping": report.mapping,
        "ignored": report.ignored, "rows": len(report.lines), "matched": len(outcome.matched),
        "duplicates": outcome.duplicates, "covered": sorted(outcome.covered), "missing": len(outcome.missing),
        "unknown": [{"row": v.row, "machine": v.hostname or v.address or v.serial, "agency": code, "reason": why}
                    for v, code, why in outcome.unknown],
        "facts": outcome.facts, "new": outcome.new,
        "problems": [{"row": p.row, "column": p.column, "found": p.found.en, "expected": p.expected.en}
                     for p in report.problems],
        "told": report.problems,
    }  # fmt: skip


def tell_problem(problem: Problem, language: str) -> str:
    """One cell that could not be read, on one line: where, what was found, what was expected."""
    found, expected = problem.found.in_language(language), problem.expected.in_language(language)
    line = WORDS[language]["import:problem"]
    return line.format(row=problem.row, column=problem.column, found=found, expected=expected)


def _refuse(name: str, report: Report, language: str) -> str:
    """Why a report is refused, with the first of its cells that cannot be read."""
    words, count = WORDS[language], len(report.problems)
    lines = [words["import:unreadable"].format(name=name, count=count)]
    lines += [tell_problem(problem, language) for problem in report.problems[:SHOWN]]
    return "\n".join([*lines, *([words["import:more"].format(count=count - SHOWN)] if count > SHOWN else [])])
