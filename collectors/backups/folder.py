"""Reads a folder into which backups are put, here or on another machine over SSH, and tells what its files are.

Of each system and job the newest file counts. An empty one is no backup, nor is one that is much smaller than those
before it, nor one that is still being written.
"""

from __future__ import annotations

import os
import re
import shlex
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collectors.backups.names import Named, read_name
from collectors.transports.ssh import Shell, SshError
from inventory.backups import LONGEST, WHOLE, Job
from inventory.periods import ZONE
from inventory.words import InputError, Title

MOST_FILES = 50_000
"""Files of one folder that are looked at."""
SETTLED = timedelta(minutes=2)
"""A file that changed within this time may still be written to."""
AHEAD = timedelta(minutes=5)
SHRUNK = 0.5
"""A file below this share of the usual size is no backup."""
_BEFORE = 5
"""How many files before the newest say what size is usual."""
_SKEW = timedelta(minutes=1)
_NO_FOLDER = 44
_LINE = re.compile(r"(\d{1,16}) (\d{1,11}) (/.+)")


@dataclass(frozen=True, slots=True)
class Place:
    """One folder, and how the files in it are to be understood."""

    path: str
    patterns: tuple[str, ...]
    """The first that fits a name tells what it is."""
    system: str = ""
    """Whose backups they are, where no pattern has {system}."""
    job: str = ""
    """Where no pattern has {job}; empty: the folder's path."""
    depth: int = 1
    """How far below it is looked: 1 for what lies in it."""
    shrunk: float = SHRUNK
    """Share of the usual size below which a file is no backup; 0 for any size."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it lies below a folder."""

    path: str
    size: int
    """Bytes."""
    changed: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What lay in a folder."""

    files: tuple[File, ...]
    at: datetime
    skew: timedelta = timedelta(0)
    """How far the clock of the machine is ahead of ours; it is taken out of `changed`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a folder shows: the jobs of systems as they are named there, and what could not be used."""

    jobs: tuple[tuple[str, Job], ...]
    problems: tuple[str, ...] = ()
    unfit: int = 0
    """Files whose names are of no pattern."""


def read_here(place: Place, at: datetime) -> Listing:
    """The files of a folder of this machine.

    Raises:
        InputError: there is no such folder, it may not be read, or it holds more than `MOST_FILES` files.
    """
    root = Path(place.path)
    files: list[File] = []
    try:
        for path, entry in _walk(root, place.depth):
            told = entry.stat(follow_symlinks=False)
            changed = datetime.fromtimestamp(max(told.st_mtime, 0), UTC)
            files.append(File(path, told.st_size, changed))
            if len(files) > MOST_FILES:
                raise InputError(
                    Title(
                        f"gặp hơn {MOST_FILES} tệp, cần ít hơn: hãy nêu một thư mục con",
                        f"found more than {MOST_FILES} files, expected fewer: name a folder below",
                    )
                )
    except OSError as error:
        raise InputError(f"{error.strerror}, expected a folder that can be read") from None
    return Listing(tuple(files), at)


def _walk(folder: Path, depth: int, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield f"{below}{entry.name}", entry
            elif depth > 1 and entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), depth - 1, f"{below}{entry.name}/")


def command(place: Place) -> str:
    """What lists the folder on another machine: its clock, then size, time and name of each file; it only reads.

    It is of find and stat as GNU and BusyBox have them, which is what storage boxes have.
    """
    root = shlex.quote(place.path.rstrip("/") + "/")
    stat = "stat -c '%s %Y %n' {} +"
    found = f"find {root} -maxdepth {place.depth} -type f -exec {stat}"
    return f"if test -d {root}; then date +%s; {found}; else exit {_NO_FOLDER}; fi"


async def read_there(place: Place, shell: Shell, at: datetime) -> Listing:
    """The files of a folder of the machine to which `shell` is open.

    Raises:
        SshError: there is no such folder, or it was not read to its end: nothing follows from a part of it.
    """
    said = await shell.run(command(place))
    if said.status == _NO_FOLDER:
        raise SshError(f"{shell.where}: found no folder {place.path}")
    if not said.whole:
        raise SshError(f"{shell.where}: {place.path} has more files than can be read: name a folder below")
    if not said.succeeded:
        raise SshError(f"{shell.where}: {place.path} could not be read to its end: the account may not see all of it")
    return parse(said.text, place.path, at)


def parse(text: str, root: str, at: datetime) -> Listing:
    """The listing that `command` prints; lines that are none of it are passed over.

    Raises:
        SshError: it does not begin with the machine's clock, or names more than `MOST_FILES` files.
    """
    first, _, rest = text.partition("\n")
    if not re.fullmatch(r"\d{9,10}", first.strip()):
        raise SshError(f"{root}: found {first[:40]!r}, expected the time of the machine's clock")
    skew = datetime.fromtimestamp(int(first), UTC) - at
    skew = skew if abs(skew) > _SKEW else timedelta(0)
    head = root.rstrip("/") + "/"
    files: list[File] = []
    for line in rest.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None or not match[3].startswith(head):
            continue
        if len(files) >= MOST_FILES:
            raise SshError(f"{root}: found more than {MOST_FILES} files, expected fewer: name a folder below")
        try:
            changed = datetime.fromtimestamp(int(match[2]), UTC) - skew
        except (OverflowError, ValueError, OSError):
            continue
        files.append(File(match[3][len(head) :].lstrip("/"), int(match[1]), changed))
    return Listing(tuple(files), at, skew)


def show(place: Place, listing: Listing, where: str) -> Shown:
    """What the files of a folder are: the newest of each system and job, and whether it is a backup.

    A time in a file's name stands before that of its last change: who copies files changes the one and not the other.
    A name with a day alone is of the time of change where that is of the same day, else of the day's beginning.

    Args:
        where: what the folder is called, for people.
    """
    found: dict[tuple[str, str], list[tuple[datetime, File]]] = {}
    problems, unfit, ahead = list[str](), 0, 0
    for file in listing.files:
        named = next((n for pattern in place.patterns if (n := read_name(pattern, file.path)) is not None), None)
        if named is None:
            unfit += 1
            continue
        at = _time(named, file)
        if at > listing.at + AHEAD:
            ahead += 1
            continue
        found.setdefault((named.system or place.system, named.job or place.job), []).append((at, file))
    if ahead:
        problems.append(f"{where}: {ahead} files are dated ahead of now and were passed over")
    if listing.skew:
        problems.append(f"{where}: the machine's clock is off by {listing.skew.total_seconds():.0f} s; reckoned with")
    jobs = [
        (system, _job(place, listing.at, where, job, sorted(files, key=lambda one: (one[0], one[1].path))))
        for (system, job), files in sorted(found.items())
    ]
    if place.system and not jobs:
        nothing = Job(_name(place, place.job), listing.at, where, listing.at, None, False, "none")
        jobs.append((place.system, nothing))
    return Shown(tuple(jobs), tuple(problems), unfit)


def _time(named: Named, file: File) -> datetime:
    if named.at is None:
        return file.changed
    same_day = file.changed.astimezone(ZONE).date() == named.at.date()
    return file.changed if same_day and not named.to_the_minute else named.at


def _name(place: Place, job: str) -> str:
    return (job or place.path.rstrip("/") or WHOLE)[:LONGEST]


def _job(place: Place, at: datetime, where: str, job: str, files: Sequence[tuple[datetime, File]]) -> Job:
    """The job whose files these are, the oldest first."""
    settled = [one for one in files if at - one[1].changed >= SETTLED or one[1].changed > at]
    if not settled:
        return Job(_name(place, job), at, where, why="writing")
    flaws = (_flaw(place, settled, n) for n in range(len(settled) - 1, -1, -1))
    flaw = _flaw(place, settled, len(settled) - 1)
    # Of thousands only the newest are looked at, until one is good.
    back = next((n for n, wrong in enumerate(flaws) if not wrong), None)
    good = None if back is None else settled[-1 - back][0]
    return Job(_name(place, job), at, where, settled[-1][0], good, not flaw, flaw, settled[-1][1].size)


def _flaw(place: Place, files: Sequence[tuple[datetime, File]], number: int) -> str:
    """Why a file is no backup, as a word of the vocabulary; empty where it is one."""
    size = files[number][1].size
    if not size:
        return "empty"
    before = files[max(0, number - _BEFORE) : number]
    usual = statistics.median([file.size for _, file in before if file.size] or [size])
    return "shrank" if size < place.shrunk * usual else ""
