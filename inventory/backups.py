"""What backup jobs are known to have done, job by job, and what follows for their system. Pure.

A system is as well backed up as its worst job: its oldest backup counts, one job that failed is a failure, and a
restore test counts only where every job has one. Where somebody measured, what a person declared of backups does not
count; a restore test is an act of people, and what they declare of it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from inventory.words import InputError, Proof, Value

__all__ = ["BACKUP", "KEY", "RESTORE", "WHOLE", "Job", "Standing", "join", "read_row", "sum_up", "write_row"]

KEY = "backup"
"""The key of the table of jobs."""
WHOLE = "*"
"""The job of a system of which the source names none: all of it."""
BACKUP = ("last_backup", "last_backup_ok", "backup_declared")
RESTORE = ("last_restore_test", "restore_test_declared")
"""The facts that follow from the jobs."""
LONGEST = 200
"""Characters of a job's name, of a reason and of what told it."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one source knows of one backup job of one system."""

    name: str
    seen: datetime
    """When the source last looked, or was told."""
    told: str = ""
    """What it has it from, for people: a folder, a system, a document."""
    tried: datetime | None = None
    """When the newest attempt ended; None where there is none."""
    finished: datetime | None = None
    """When the last attempt that went well ended; None where none is known."""
    ok: bool | None = None
    """Whether the newest attempt went well; None where nobody tells of one."""
    why: str = ""
    """Why it did not: a word of the vocabulary, or what the source says."""
    size: int | None = None
    """Bytes of the newest attempt."""
    restore_tested: datetime | None = None
    """When somebody last restored from it, to see whether it works."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a system stands by its jobs."""

    values: Mapping[str, Value]
    """The facts `BACKUP` and `RESTORE`; None is stated unknown, what is absent is silence."""
    proof: Proof
    """On what the first two rest: on the weakest of the jobs that count."""
    restore_proof: Proof


def write_row(job: Job) -> dict[str, object]:
    """The job as a row of the table: times in ISO 8601 (UTC), what is not known left out."""
    row: dict[str, object] = {
        "seen": _written(job.seen), "told": job.told, "tried": _written(job.tried), "finished": _written(job.finished),
        "ok": job.ok, "why": job.why, "size": job.size, "restore_tested": _written(job.restore_tested),
    }  # fmt: skip
    return {name: value for name, value in row.items() if value not in (None, "")}


def read_row(name: str, row: Mapping[str, object], observed_at: datetime) -> Job:
    """The job that `write_row` wrote; what is no time or number there is not known."""
    ok, size = row.get("ok"), row.get("size")
    return Job(
        name,
        _read(row.get("seen")) or observed_at,
        str(row.get("told", "")),
        _read(row.get("tried")),
        _read(row.get("finished")),
        ok if isinstance(ok, bool) else None,
        str(row.get("why", "")),
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        _read(row.get("restore_tested")),
    )


def _written(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds")


def _read(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


def join(known: Job | None, told: Job) -> Job:
    """What one source knows of a job once it is told more: the newer attempt counts, and nothing known is lost.

    Told twice, or in another order, the same comes out.

    Raises:
        InputError: the two are of different jobs.
    """
    if known is None:
        return told
    if known.name != told.name:
        raise InputError(f"found the job {told.name!r}, expected {known.name!r}")
    newer = told if (told.tried or _NEVER) >= (known.tried or _NEVER) and told.ok is not None else known
    tested = max((t for t in (known.restore_tested, told.restore_tested) if t), default=None)
    finished = max((t for t in (known.finished, told.finished) if t), default=None)
    return replace(newer, seen=max(known.seen, told.seen), finished=finished, restore_tested=tested)


_NEVER = datetime.min.replace(tzinfo=UTC)


def sum_up(told: Iterable[tuple[Job, Proof]], at: datetime, silent: timedelta) -> Standing | None:
    """How a system stands at `at` by the jobs that its sources tell; None where there is none.

    Args:
        silent: where a job's source was silent for longer, it is not known how the system stands.
    """
    jobs = list(told)
    if not jobs:
        return None
    attempts = [(job, proof) for job, proof in jobs if job.ok is not None]
    measured = [(job, proof) for job, proof in attempts if proof < Proof.DECLARED]
    counted = measured or attempts
    values: dict[str, Value] = {}
    if counted:
        lost = any(at - job.seen > silent for job, _ in counted)
        ends = [job.finished for job, _ in counted if job.finished is not None]
        values["last_backup"] = None if lost or len(ends) < len(counted) else min(ends)
        values["last_backup_ok"] = None if lost else all(job.ok for job, _ in counted)
        values["backup_declared"] = not measured
    tests = _restore_tests(jobs, [job for job, _ in counted])
    if any(test is not None for test, _ in tests):
        times = [time for time, _ in tests if time is not None]
        values["last_restore_test"] = min(times) if len(times) == len(tests) else None
        values["restore_test_declared"] = any(proof is Proof.DECLARED for time, proof in tests if time is not None)
    weakest = max((proof for _, proof in counted), default=Proof.DECLARED)
    return Standing(values, weakest, max((proof for time, proof in tests if time), default=Proof.DECLARED))


def _restore_tests(jobs: list[tuple[Job, Proof]], counted: list[Job]) -> list[tuple[datetime | None, Proof]]:
    """The newest restore test of each job that counts, whoever tells it; one of the whole system is one of each."""
    found: list[tuple[datetime | None, Proof]] = []
    for name in sorted({job.name for job in counted}) or [WHOLE]:
        own = [(j.restore_tested, p) for j, p in jobs if j.name in (name, WHOLE) and j.restore_tested is not None]
        found.append(max(own, key=lambda one: one[0]) if own else (None, Proof.DECLARED))
    return found
