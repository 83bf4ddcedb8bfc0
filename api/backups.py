"""Backups taken in: what lies in the folders of backup servers, and what people write down; and how they are listed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from api.commanding import split_host
from api.config import BackupFolder
from api.workspace import Workspace
from collectors import runner
from collectors.backups import folder as folders
from collectors.backups.folder import Place, Shown
from collectors.progress import Progress
from collectors.transports.ssh import Shell
from inventory.backups import KEY, WHOLE, Job
from inventory.store import backups, runs
from inventory.store.backups import BackupState, Outcome, Told
from inventory.vocabulary import Vocabulary
from inventory.words import Control, InputError, Proof, Run, StoreError, Target, Title

FILES, PUSHED, DECLARED = "backups", "push", "declared"
"""The sources: files in folders, what systems push, what people declare."""
_SECONDS = 120.0
"""The deadline of one folder."""
_SSH_PORT = 22


def place_of(folder: BackupFolder) -> Place:
    """The folder as its reader takes it."""
    return Place(folder.path, folder.patterns, folder.system, folder.job, folder.depth, folder.shrunk)


async def read_folders(
    workspace: Workspace, agencies: Sequence[str], due_only: bool, progress: Progress | None
) -> AsyncGenerator[tuple[Run, Outcome], None]:
    """Read every folder of the settings, store what is in it, and yield how it went and what came of it.

    Args:
        agencies: only folders of these; none: all. due_only: only those that were not read for the hours of the
            settings, or that failed and are to be tried again.
    """
    settings, now = workspace.config.backups, datetime.now(UTC)
    wanted = {f.label: f for f in settings.folders if not agencies or f.agency in agencies}
    if due_only and wanted:
        last = await workspace.store.read(runs.last_runs, FILES)
        fresh = now - timedelta(hours=settings.hours)
        failed = await workspace.store.read(runs.failures, FILES)
        # What failed is tried again sooner, and never later: a file of nobody known must not hide the others.
        again = set(runner.due([Target(label) for label in wanted if label in failed], failed))
        targets = [t for t in map(Target, wanted) if t in again or last.get(t.label, fresh) <= fresh]
    else:
        targets = [Target(label) for label in wanted]
    shown: dict[str, Shown] = {}

    async def read(target: Target) -> Run:
        started = datetime.now(UTC)
        shown[target.address] = await _look(workspace, wanted[target.address])
        problems = shown[target.address].problems
        return Run(FILES, target.label, started, datetime.now(UTC), complete=True, error="; ".join(problems) or None)

    going = runner.run(FILES, read, targets, concurrency=4, deadline=_SECONDS, progress=progress, stop=workspace.stop)
    async with aclosing(going):
        async for run in going:
            found = shown.pop(run.target, None)
            yield (run, Outcome()) if found is None else await _store(workspace, wanted[run.target], found, run)


async def _look(workspace: Workspace, folder: BackupFolder) -> Shown:
    """What a folder shows.

    Raises:
        InputError: there is no such credential or folder. SshError, HostKeyError: it was not read to its end.
    """
    place, at = place_of(folder), datetime.now(UTC)
    if not folder.address:
        listing = await asyncio.to_thread(folders.read_here, place, at)
        return folders.show(place, listing, folder.label)
    credential = (await workspace.open_credentials([folder.credential])).get(folder.credential)
    if credential is None or credential.kind != "ssh":
        raise InputError(
            Title(
                f"không có thông tin xác thực {folder.credential!r} loại ssh, cần có",
                f"found no credential {folder.credential!r} of the kind ssh, expected one",
            )
        )
    address, port = split_host(folder.address, 0)
    async with Shell(address, port or int(credential.secret.get("port", _SSH_PORT)), credential) as shell:
        listing = await folders.read_there(place, shell, at)
    return folders.show(place, listing, folder.label)


async def _store(workspace: Workspace, folder: BackupFolder, found: Shown, run: Run) -> tuple[Run, Outcome]:
    told = [Told(f"{folder.label} {system}", system, job, folder.agency or None) for system, job in found.jobs]
    try:
        outcome = await workspace.store.write(
            backups.take_in, workspace.vocabulary, FILES, Proof.MEASURED, told, datetime.now(UTC),
            folder=folder.label, strict=False,
        )  # fmt: skip
    except (InputError, StoreError) as error:
        return replace(run, complete=False, error=f"not stored: {error}"), Outcome()
    problems = [run.error] if run.error else []
    if outcome.unknown:
        names = ", ".join(dict.fromkeys(f"{one.system:.40}" for one, _ in outcome.unknown[:5]))
        more = len(outcome.unknown) - 5
        problems.append(f"of no known asset: {names}" + (f" and {more} more" if more > 0 else ""))
    if not found.jobs:
        problems.append(f"found no file of the pattern {' or '.join(folder.patterns)}")
    return replace(run, error="; ".join(problems) or None), outcome


# --- the list ---------------------------------------------------------------------------------------------------------

DAYS, RESTORE_DAYS = 7.0, 365.0
"""What counts where no control of the province says otherwise (goals/controls/server_backed_up.yaml and _restore_…)."""
STATES = ("failed", "old", "unknown", "fresh")
"""How a system stands, the worst first."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked of backups at one time, with the thresholds of the controls."""

    at: datetime
    days: float = DAYS
    restore_days: float = RESTORE_DAYS

    @classmethod
    def of(cls, controls: Sequence[Control] | Mapping[str, Control], at: datetime) -> Look:
        """With the thresholds that the province has set."""
        known = controls.values() if isinstance(controls, Mapping) else controls
        given = {control.id: control.parameters for control in known}
        days = given.get("server_backed_up", {}).get("backup_days", DAYS)
        restore = given.get("server_restore_tested", {}).get("restore_days", RESTORE_DAYS)
        return cls(at, float(days), float(restore))

    def state(self, system: BackupState) -> str:
        """One of `STATES`: failed where its last backup did, old where it is older than the control allows."""
        if system.ok is False:
            return "failed"
        if system.last_backup is None or system.ok is None:
            return "unknown"
        return "fresh" if self.age(system.last_backup) <= self.days else "old"

    def age(self, time: datetime) -> float:
        """Days since."""
        return (self.at - time).total_seconds() / 86_400

    def restore_state(self, system: BackupState) -> str:
        """Whether a restore was tested lately: "fresh", "old" or "unknown"."""
        if system.restore_tested is None:
            return "unknown"
        return "fresh" if self.age(system.restore_tested) <= self.restore_days else "old"


def tell_why(vocabulary: Vocabulary, why: str, language: str) -> str:
    """Why a backup is none, in a language where it is one of the vocabulary's words; else as its source says it."""
    known = vocabulary.keys[KEY].says
    return known[why].in_language(language) if why in known else why


def choose(systems: Sequence[BackupState], look: Look, agency: str | None, state: str) -> list[BackupState]:
    """The systems of an agency that stand so; "" for all."""
    return [s for s in systems if agency in (None, s.agency) and state in ("", look.state(s))]


def backup_object(system: BackupState, look: Look) -> dict[str, Any]:
    """A system as an object; ages are counted from the time that was judged."""
    return {
        "asset": system.asset, "name": system.name, "role": system.role or None, "agency": system.agency or None,
        "state": look.state(system), "last_backup": system.last_backup,
        "age_days": None if system.last_backup is None else round(look.age(system.last_backup), 2),
        "ok": system.ok, "last_restore_test": system.restore_tested, "restore_state": look.restore_state(system),
        "jobs": [_job_object(job, proof, source) for job, proof, source in system.jobs],
    }  # fmt: skip


def _job_object(job: Job, proof: Proof, source: str) -> dict[str, Any]:
    return {
        "job": None if job.name == WHOLE else job.name, "source": source, "proof": proof.name.lower(),
        "told": job.told, "last_backup": job.finished, "ok": job.ok, "why": job.why or None, "tried": job.tried,
        "size": job.size, "restore_tested": job.restore_tested, "seen": job.seen,
    }  # fmt: skip
