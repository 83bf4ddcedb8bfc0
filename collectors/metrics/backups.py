"""What backup programs (borg, restic, pgBackRest) tell on the page of a server's node_exporter: its last backups.

Only what is said of this very machine is taken: on the page of a backup server stand the backups of others too. How old
a backup is, these programs say; whether attempts since failed, they do not: that shows as a backup that grows old.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from collectors.metrics import Told, time_of
from collectors.transports.scrape import Metrics, Sample
from inventory.backups import KEY, LONGEST, Job, write_row
from inventory.words import Value

_TIMES = {
    "borg_last_archive_timestamp": ("borg", ("repo", "repository", "instance")),
    "borg_last_backup_timestamp": ("borg", ("repository", "repo", "hostname")),
    "borgmatic_last_backup_timestamp": ("borgmatic", ("repository",)),
    "restic_backup_timestamp": ("restic", ("snapshot_tag", "snapshot_tags")),
    "restic_snapshots_latest_time": ("restic", ()),
}
"""Metrics whose value is when the last backup was made (Unix time): whose they are, and the labels that name a job."""
_AGES = {"pgbackrest_backup_since_last_completion_seconds": ("pgbackrest", ("stanza",))}
"""Metrics whose value is how many seconds ago it was."""
_HOSTS = ("client_hostname", "hostname", "host")
"""Labels that name the machine whose backup it is."""
_STATUS = "pgbackrest_stanza_status"
WANTED = (*_TIMES, *_AGES, _STATUS)
"""The names of the metrics that are read: of textfile scripts for borg, of the exporters of borg, borgmatic, restic and
pgBackRest as they name them (2026)."""
_MOST = 50
"""Jobs of one machine."""


def tell(metrics: Metrics, told: Told, name: str, written: datetime | None) -> None:
    """Adds to `told` the backup jobs of the machine that is called `name`.

    Args:
        name: as the page itself says; empty where it does not, then only what names no machine is taken.
        written: when pgBackRest's textfile was; what it says is so many seconds ago was so then, and not now.
    """
    jobs: dict[str, Job] = {}
    for program, job, seconds in _read(metrics, name, written):
        at = time_of(seconds, told.at)
        if at is None:
            told.problems.append(f"{program}: found the time {seconds:g} of the last backup, expected one that is past")
            continue
        title = f"{program} {job}".strip()[:LONGEST]
        known = jobs.get(title)
        if known is None or known.finished is None or at > known.finished:
            jobs[title] = Job(title, told.at, program, at, at, True)
    for sample in metrics.get(_STATUS, ()):
        title = f"pgbackrest {sample.labels.get('stanza', '')}".strip()[:LONGEST]
        if sample.value != 0 and title in jobs:
            # 1 to 6: a missing stanza or backup, data that differ (pgBackRest's user guide, section on info).
            old = jobs[title]
            jobs[title] = Job(title, old.seen, old.told, old.tried, old.finished, False, f"status {sample.value:g}")
    if len(jobs) > _MOST:
        told.problems.append(f"found {len(jobs)} backup jobs, expected at most {_MOST}: none was taken")
    elif jobs:
        rows: dict[str, Value] = {title: write_row(job) for title, job in jobs.items()}
        told.say_rows(KEY, rows)


def _read(metrics: Metrics, name: str, written: datetime | None) -> Iterator[tuple[str, str, float]]:
    """The program, the job, and when its last backup was (Unix time), for each sample of this machine."""
    for metric, (program, labels) in _TIMES.items():
        for sample in metrics.get(metric, ()):
            if _is_own(sample, name) and sample.value:
                yield program, _job(sample, labels), sample.value
    if written is None:
        return
    for metric, (program, labels) in _AGES.items():
        # There is one for each kind of backup; the newest of full, differential and incremental counts.
        for sample in metrics.get(metric, ()):
            yield program, _job(sample, labels), written.timestamp() - max(sample.value, 0)


def _is_own(sample: Sample, name: str) -> bool:
    """Whether it is of this machine: where labels name one, it is this one."""
    hosts = [sample.labels[label] for label in _HOSTS if sample.labels.get(label)]
    return all(host.casefold().partition(".")[0] == name.casefold().partition(".")[0] for host in hosts)


def _job(sample: Sample, labels: tuple[str, ...]) -> str:
    text = next((sample.labels[label] for label in labels if sample.labels.get(label)), "")
    return "".join(c for c in text if c.isprintable())
