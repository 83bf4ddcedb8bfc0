"""The folder in which points wait for a server: one file a snapshot, bounded, the oldest dropped first and counted."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO

from inventory.owning import hand_over, make_folder

_ENDING, _SENT, _CORRUPT = ".lp.gz", ".sent", ".corrupt"
_KEPT_SECONDS = 60
"""So long what was sent is kept. VictoriaMetrics acknowledges what it writes to its disk some seconds later."""
_REFUSED_BYTES = 1_000_000
"""So much is kept of the lines that a server refused; after that they are only counted."""
_AT_ONCE = 1_000
"""Lines that are packed together."""
_ABANDONED = 3600
"""Seconds after which nobody is writing a file any more."""
_CORRUPT_FILES = 5
"""So many damaged files are kept aside, the newest."""


class CorruptError(Exception):
    """A file of the spool is not what was written; the text names it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the points since the folder was made, and how the last deliveries went."""

    snapshots: int = 0
    """Snapshots that the server took whole."""
    points: int = 0
    dropped_snapshots: int = 0
    """Those that found no room: the spool was full, or its disk."""
    dropped_points: int = 0
    refused_points: int = 0
    """Points that the server refused, one by one; the first ones are in `refused.lp`."""
    corrupt_files: int = 0
    last_success: str = ""
    """ISO 8601, UTC; empty: never."""
    last_error: str = ""
    last_error_at: str = ""
    not_before: str = ""
    """Until when the server asked to be left alone."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """How a spool is, in the numbers that are told."""

    waiting: int = 0
    """Snapshots on disk that were not taken."""
    last_success: datetime | None = None
    dropped_points: int = 0
    refused_points: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """One snapshot's points on disk."""

    path: Path
    at: datetime
    points: int
    size: int
    """Bytes, compressed."""
    inode: int = 0


class Spool:
    """The folder; several processes may use it at once.

    A file is named by the time and the number of its points, and is an ordinary gzip of line protocol, so that
    `zcat` shows it and gzip's check sum proves it. It appears whole or not at all.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """The folder is made when it is first written to.

        Args:
            limit: bytes, compressed, that may wait.
        """
        self.folder, self.limit = folder, limit
        self._uncounted: dict[str, int | str] = {}

    def put(self, at: datetime, lines: Iterable[str]) -> int:
        """Keep the points of one snapshot, in place of those of the same time; how many they are.

        What is then more than the limit is dropped, the oldest snapshots first, and counted; the newest one stays.

        Raises:
            OSError: the disk is full or cannot be written; nothing is left of it.
        """
        make_folder(self.folder)
        # By a name of its own: several threads and processes may write at once.
        opened, name = tempfile.mkstemp(".part", ".", self.folder)
        part, points = Path(name), 0
        try:
            with os.fdopen(opened, "wb") as file:
                # Level 1: lines that differ by a number compress well by any. No time: the same points, the same file.
                with gzip.GzipFile("", "wb", 1, file, mtime=0) as packed:
                    rest = iter(lines)
                    while some := list(islice(rest, _AT_ONCE)):
                        points += len(some)
                        packed.write(("\n".join(some) + "\n").encode())
                file.flush()
                os.fsync(file.fileno())
            hand_over(part)
            path = self.folder / f"{round(at.timestamp() * 1000):015d}-{points}{_ENDING}"
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        for other in self.folder.glob(f"{path.name.partition('-')[0]}-*{_ENDING}"):
            if other != path:
                other.unlink(missing_ok=True)
        self._trim()
        return points

    def waiting(self) -> list[Waiting]:
        """What waits, the oldest first."""
        found = []
        for path in sorted(self.folder.glob(f"*{_ENDING}")):
            milliseconds, _, points = path.name.removesuffix(_ENDING).partition("-")
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                if milliseconds.isdecimal() and points.isdecimal():
                    at = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
                    status = path.stat()
                    found.append(Waiting(path, at, int(points), status.st_size, status.st_ino))
        return found

    def batches(self, one: Waiting, size: int) -> Iterator[list[bytes]]:
        """The lines of a snapshot, `size` at a time, once the whole file is proven to be as it was written.

        Raises:
            CorruptError: it is not. FileNotFoundError: it was dropped meanwhile.
        """
        with one.path.open("rb") as file:
            try:
                with gzip.open(file) as packed:
                    found = sum(1 for _ in packed)
            except (EOFError, OSError, zlib.error) as error:  # not gzip, or the disk cannot read it
                raise CorruptError(f"{one.path.name}: {error}") from None
            if found != one.points:
                raise CorruptError(f"{one.path.name}: found {found} points, expected {one.points}")
            file.seek(0)
            with gzip.open(file) as packed:
                while batch := [line[:-1] for line in islice(packed, size)]:
                    yield batch

    def set_sent(self, one: Waiting) -> None:
        """Note that a snapshot was sent, unless the same one was put there anew meanwhile; it is kept for a little."""
        with contextlib.suppress(FileNotFoundError):
            if one.path.stat().st_ino == one.inode:
                one.path.touch()
                one.path.replace(one.path.with_suffix(_SENT))

    def forget_sent(self) -> None:
        """Forget what was sent long enough ago to be on the server's disk as well."""
        for path in self._sent_before(time.time() - _KEPT_SECONDS):
            path.unlink(missing_ok=True)

    def recall(self) -> None:
        """Have what was sent a moment ago wait again: the server is gone, and may have had it in memory only."""
        self.forget_sent()
        for path in self._sent_before(time.time() + _KEPT_SECONDS):
            path.replace(path.with_suffix(".gz"))
            points = int(path.name.split(".")[0].partition("-")[2])
            self.count(snapshots=-1, points=-points)

    def _sent_before(self, instant: float) -> list[Path]:
        return [path for path in sorted(self.folder.glob(f"*{_SENT}")) if path.stat().st_mtime < instant]

    def put_aside(self, one: Waiting, why: str) -> None:
        """Keep a damaged file out of the way, to be looked at by a person; only the newest few are kept."""
        with contextlib.suppress(FileNotFoundError):
            one.path.replace(one.path.with_suffix(_CORRUPT))
        for old in sorted(self.folder.glob(f"*{_CORRUPT}"))[:-_CORRUPT_FILES]:
            old.unlink(missing_ok=True)
        self.count(corrupt_files=1, error=why)

    def keep_refused(self, line: bytes, why: str, points: int = 1) -> None:
        """Keep a line that the server refused, as long as there is room, and count the points that it stands for."""
        path = self.folder / "refused.lp"
        with contextlib.suppress(OSError):  # a full disk: it is counted all the same
            if not path.exists() or path.stat().st_size < _REFUSED_BYTES:
                with path.open("ab") as file:
                    file.write(b"# " + why.encode() + b"\n" + line + b"\n")
                hand_over(path)
        self.count(refused_points=points, error=f"refused: {why}")

    @contextlib.contextmanager
    def delivering(self) -> Iterator[bool]:
        """Whether this process alone delivers while the block runs; two would break the order."""
        try:
            make_folder(self.folder)
            opened = self._lock("delivering")
        except OSError:
            opened = None
        if opened is None:
            yield True  # where nothing can be written nothing waits, and there is no order to break
            return
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def tally(self) -> Tally:
        """What was counted so far; all zero where nothing was, or where it cannot be read."""
        try:
            said = json.loads((self.folder / "tally.json").read_bytes())
            empty = asdict(Tally())
            kept = _add(Tally(), {k: type(zero)(said[k]) for k, zero in empty.items() if k in said})
        except (OSError, ValueError, TypeError):
            kept = Tally()
        return _add(kept, self._uncounted)

    def state(self) -> SpoolState:
        """How it is now."""
        tally = self.tally()
        last = datetime.fromisoformat(tally.last_success) if tally.last_success else None
        return SpoolState(len(self.waiting()), last, tally.dropped_points, tally.refused_points)

    def count(self, *, error: str = "", **more: int | str) -> None:
        """Add numbers to the tally, set its texts, and note an error with its time.

        What a full disk does not take is remembered, and written with what is counted next.
        """
        if error:
            more |= {"last_error": error, "last_error_at": datetime.now(UTC).isoformat(timespec="seconds")}
        for name, value in more.items():
            before = self._uncounted.get(name, 0)
            self._uncounted[name] = before + value if isinstance(value, int) and isinstance(before, int) else value
        part = self.folder / ".tally.part"
        with contextlib.suppress(OSError):
            make_folder(self.folder)
            with self._lock("counting") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                part.write_text(json.dumps(asdict(self.tally()), ensure_ascii=False), encoding="utf-8")
                hand_over(part)
                part.replace(self.folder / "tally.json")
                self._uncounted.clear()

    def _lock(self, name: str) -> IO[str]:
        path = self.folder / name
        lock = path.open("a")
        hand_over(path)
        return lock

    def _trim(self) -> None:
        for part in self.folder.glob(".*.part"):
            # Of a process that was killed while it wrote.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _ABANDONED:
                    part.unlink()
        self.forget_sent()
        found = self.waiting()
        size = sum(one.size for one in found)
        for one in found[:-1]:
            if size <= self.limit:
                return
            one.path.unlink(missing_ok=True)
            size -= one.size
            self.count(
                dropped_snapshots=1,
                dropped_points=one.points,
                error=f"the spool was full ({self.limit:,} bytes): dropped the points of {one.at:%Y-%m-%d %H:%M} UTC",
            )


def _add(tally: Tally, more: Mapping[str, int | str]) -> Tally:
    sums = asdict(tally)
    for name, value in more.items():
        sums[name] = sums[name] + value if isinstance(value, int) else value
    return Tally(**sums)
