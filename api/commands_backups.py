"""The commands `dophu backups` and `dophu import backups`: how systems are backed up, and what is declared of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commanding import AsOf, Language, Output, check, print_json, print_rows, run, say

if TYPE_CHECKING:  # imported where it is used: `dophu --help` has to be quick
    from api.backups import Look
    from api.workspace import Workspace
    from inventory.store.backups import BackupState, Outcome


def add_backups(app: typer.Typer) -> None:
    """Put `backups` among the commands of `dophu import`."""
    app.command("backups")(import_backups)


def backups(
    agency: Annotated[str | None, typer.Option("--agency", "-a", help="Only those of this agency.")] = None,
    state: Annotated[str, typer.Option(help="Only systems that stand so: fresh, old, failed or unknown.")] = "",
    as_of: AsOf = None,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """List servers and what else is backed up: the last good backup of each job, and the last restore test."""
    check(output, language)
    from api.backups import STATES, Look, backup_object, choose
    from api.printing import read_instant
    from inventory.store import backups as stored
    from inventory.words import InputError, Title

    if state not in ("", *STATES):
        raise InputError(
            Title(
                f"--state: gặp {state!r}, cần một trong {', '.join(sorted(STATES))}",
                f"--state: found {state!r}, expected one of {', '.join(sorted(STATES))}",
            )
        )
    at = read_instant(as_of)

    async def read(workspace: Workspace) -> tuple[tuple[BackupState, ...], Look, Workspace]:
        found = await workspace.store.read(stored.listed, workspace.vocabulary, at)
        return found, Look.of(workspace.all_goals.controls, at), workspace

    found, look, workspace = run(read)
    rows = choose(found, look, agency, state)
    if output == "json":
        print_json([backup_object(system, look) for system in rows])
        return
    from api.speaking import Speaker

    speaker = Speaker(language, workspace.vocabulary)
    titles = [
        speaker.word(name)
        for name in ("agency", "backup:system", "state", "backup:last", "backup:age", "backup:job", "backup:restore",
                     "source")
    ]  # fmt: skip
    print_rows(titles, [row for system in rows for row in _rows(system, look, workspace, language)])


def _rows(system: BackupState, look: Look, workspace: Workspace, language: str) -> list[tuple[object, ...]]:
    """A row for the system, and where it has several jobs one for each beneath it."""
    from api.backups import tell_why
    from api.speaking import Speaker, clean
    from api.wording import clock
    from inventory.backups import WHOLE

    word = Speaker(language, workspace.vocabulary).word

    def age(time: datetime | None) -> str:
        return "" if time is None else f"{look.age(time):.1f} d"

    def at(time: datetime | None) -> str:
        return "" if time is None else clock(time, language)

    def name(job: str) -> str:
        return word("backup:whole") if job == WHOLE else str(clean(job))

    jobs = []
    for job, _, source in system.jobs:
        went = "" if job.ok is None else word("backup_job:good" if job.ok else "backup_job:bad")
        why = clean(tell_why(workspace.vocabulary, job.why, language))
        told = f"{word('backup_source:' + source)}: {clean(job.told)}" if job.told else word("backup_source:" + source)
        jobs.append(
            (" ", " ", f"{went}: {why}" if why else went or " ", at(job.finished), age(job.finished), name(job.name),
             at(job.restore_tested), told)
        )  # fmt: skip
    last, tested = system.last_backup, system.restore_tested
    state = word("backup_state:" + look.state(system))
    one = jobs[0] if len(jobs) == 1 else None
    whose = (one[5], at(tested), one[7]) if one else (f"{len(jobs)}" if jobs else "", at(tested), "")
    why = one[2].partition(": ")[2] if one else ""
    head = (system.agency, clean(system.name), f"{state}: {why}" if why else state, at(last), age(last), *whose)
    return [head] if one else [head, *jobs]


def import_backups(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX: system, finished, ok, restore_tested.")],
    document: Annotated[str, typer.Option(help="The number of the document, where the rows name none.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Store nothing; tell what would come of it.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Import what people wrote down of backups and restore tests: declared, and shown apart from what is measured."""
    check(output, language)
    from api import backups as working
    from api.backups_files import read_file
    from api.wording import WORDS
    from inventory.store import backups as stored
    from inventory.words import Proof

    now = datetime.now(UTC)
    told = read_file(path, document, now)

    async def store(workspace: Workspace) -> Outcome:
        do = workspace.store.read if dry_run else workspace.store.write
        return await do(stored.take_in, workspace.vocabulary, working.DECLARED, Proof.DECLARED, told, now, dry=dry_run)

    done = run(store)
    if output == "json":
        print_json({"jobs": done.jobs, "systems": len(done.systems), "new": done.new, "dry_run": dry_run})
    else:
        text = WORDS[language]["backups:nothing" if dry_run else "backups:stored"]
        say(text.format(jobs=done.jobs, systems=len(done.systems), new=done.new))
