"""Delivering points to InfluxDB (API v2): first kept on disk, then sent in batches and in their order, until taken.

What a server answers decides what becomes of the points: refused lines are put aside one by one and the rest goes on;
what is too large is halved; whatever else goes wrong leaves all of it on disk, to be sent again from its begin.

Source: https://docs.influxdata.com/influxdb/v2/api/#operation/PostWrite
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exporters._spool import CorruptError, Spool, Waiting
from exporters.influxdb import lines
from inventory.words import InputError, Snapshot

if TYPE_CHECKING:  # imported where it is used: most organisations have no InfluxDB
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import WriteApi

_SHORT = 200
"""So many characters of what a server says are told."""
_LONGEST_WAIT = timedelta(hours=1)
"""A server that asks to be left alone for longer is asked again after this."""
_FIRST_REFUSED = 20
"""A server that refuses so many lines before it takes one is set up wrongly: the lines are not to blame."""
_STOPPED = "stopped; the rest waits"
_MOST_REFUSED = 100
"""After so many refused lines of a batch the rest of it is put aside unseen."""


class AwayError(Exception):
    """The points were not taken now and wait on disk; the text says why."""

    def __init__(self, text: str, wait: timedelta | None = None, *, gone: bool = False) -> None:
        super().__init__(text)
        self.gone = gone
        """Nobody answers."""
        self.wait = wait
        """How long the server asked to be left alone."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where points are sent to."""

    url: str
    org: str
    bucket: str
    token: str = field(default="", repr=False)
    ca: Path | None = None
    """A file of certificates (PEM) that is trusted besides those of the system."""
    seconds: float = 10
    """How long one request may take to connect, and to be answered."""

    def client(self) -> InfluxDBClient:
        """A client that follows no redirect, asks the environment for nothing and does not try again by itself.

        Raises:
            InputError: the file of certificates cannot be used.
        """
        from influxdb_client.client.influxdb_client import InfluxDBClient

        trusted = ssl.create_default_context()
        if self.ca is not None:
            try:
                trusted.load_verify_locations(self.ca)
            except (OSError, ssl.SSLError) as error:
                raise InputError(f"influxdb: ca: {self.ca}: {error.strerror or error}") from None
        return InfluxDBClient(
            self.url.rstrip("/"),
            self.token,
            org=self.org,
            timeout=round(self.seconds * 1000),
            ssl_context=trusted,
        )


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery did."""

    snapshots: int = 0
    points: int = 0
    error: str = ""
    """Why the rest waits; empty where nothing does."""
    wait: timedelta | None = None
    """How long the server asked to be left alone."""
    busy: bool = False
    """Whether another process is delivering."""


class Delivery:
    """From snapshots to a server, through a spool."""

    def __init__(self, server: Server, spool: Spool, batch: int = 5_000) -> None:
        """Nothing is asked of the server yet.

        Args:
            batch: points in one request.

        Raises:
            InputError: the server's certificates cannot be used.
        """
        from influxdb_client.client.write_api import SYNCHRONOUS

        self.server, self.spool, self.batch = server, spool, batch
        self.stop = threading.Event()
        """Set to end a delivery after the request under way."""
        self._client = server.client()
        self._api: WriteApi = self._client.write_api(write_options=SYNCHRONOUS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def keep(self, snapshot: Snapshot) -> int:
        """Put a snapshot's points into the spool; how many they are.

        Where the disk takes nothing, what waits is sent first, which may make room; a snapshot that finds none even
        then is sent from memory, and only if that fails as well is it dropped and counted.
        """
        try:
            return self.spool.put(snapshot.at, lines(snapshot))
        except OSError as error:
            why = f"the spool cannot be written: {error.strerror}"
        self.spool.count(error=why)
        sent = self.deliver()
        try:
            return self.spool.put(snapshot.at, lines(snapshot))
        except OSError:
            return self._send_from_memory(snapshot, sent, why)

    def deliver(self) -> Delivered:
        """Send what waits, the oldest first, until all is taken or something goes wrong, which is told and counted."""
        try:
            with self.spool.delivering() as alone:
                return self._deliver() if alone else Delivered(busy=True)
        except OSError as error:
            return self._failed(Delivered(), f"the spool cannot be read: {error.strerror}")

    def _deliver(self) -> Delivered:
        done = Delivered()
        asked = self.spool.tally().not_before
        if asked and datetime.now(UTC) < (until := datetime.fromisoformat(asked)):
            left = until - datetime.now(UTC)
            return Delivered(error=f"the server asked to wait until {until:%H:%M:%S} UTC", wait=left)
        self.spool.forget_sent()
        for one in self.spool.waiting():
            if self.stop.is_set():
                return Delivered(done.snapshots, done.points, _STOPPED)
            try:
                taken = self._send(one)
            except FileNotFoundError:
                continue  # dropped meanwhile, and counted as such
            except CorruptError as error:
                self.spool.put_aside(one, f"damaged, kept aside: {error}")
                continue
            except AwayError as error:
                if str(error) == _STOPPED:
                    return Delivered(done.snapshots, done.points, _STOPPED)
                if error.gone:
                    self.spool.recall()
                if error.wait:
                    self.spool.count(not_before=(datetime.now(UTC) + error.wait).isoformat(timespec="seconds"))
                return self._failed(done, str(error), error.wait)
            self.spool.set_sent(one)
            self._count_sent(taken)
            done = Delivered(done.snapshots + 1, done.points + taken)
        return done

    def _failed(self, done: Delivered, why: str, wait: timedelta | None = None) -> Delivered:
        self.spool.count(error=why)
        return Delivered(done.snapshots, done.points, why, wait)

    def _count_sent(self, points: int) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.spool.count(snapshots=1, points=points, last_success=now, not_before="")

    def _send(self, one: Waiting) -> int:
        """Send a snapshot's points; how many were taken."""
        return self._send_batches(self.spool.batches(one, self.batch))

    def _send_batches(self, batches: Iterable[list[bytes]]) -> int:
        sending = _Sending(self._post)
        for batch in batches:
            if self.stop.is_set():
                raise AwayError(_STOPPED)
            sending.send(batch)
        sending.check()
        # Only now: what is sent again must not be counted twice.
        for line, why, points in sending.refused:
            self.spool.keep_refused(line, why, points)
        return sending.taken

    def _send_from_memory(self, snapshot: Snapshot, sent: Delivered, why: str) -> int:
        found = [line.encode() for line in lines(snapshot)]
        try:
            if sent.error or sent.busy:
                raise AwayError(sent.error or "another process delivers")  # what is older comes first
            self._count_sent(self._send_batches(found[n : n + self.batch] for n in range(0, len(found), self.batch)))
        except AwayError as error:
            self.spool.count(dropped_snapshots=1, dropped_points=len(found), error=f"{why}; {error}")
            return 0
        return len(found)

    def _post(self, body: bytes) -> None:
        """Have a batch written.

        Raises:
            RefusedError: the points are to blame. AwayError: anything else.
        """
        from influxdb_client.domain.write_precision import WritePrecision
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        server = self.server
        try:
            self._api.write(server.bucket, server.org, body, WritePrecision.MS)  # type: ignore[arg-type]
        except ApiException as error:
            headers = {str(k).lower(): str(v) for k, v in (error.headers or {}).items()}
            raise _read(error.status or 0, error.body or str(error.reason or ""), headers) from None
        except (HTTPError, OSError) as error:
            # What urllib3 says begins with its own object.
            why = re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): |\[Errno \d+\] ", "", str(error)) or type(error).__name__
            raise AwayError(f"cannot be reached: {_clean(why)}", gone=True) from None


class RefusedError(Exception):
    """The server did not take a batch because of what is in it."""

    def __init__(self, text: str, *, size: bool = False, line: int = 0, dropped: int = 0) -> None:
        super().__init__(text)
        self.size = size
        """It is too large."""
        self.line = line
        """The first line that is to blame, from 1; 0: it did not say which."""
        self.dropped = dropped
        """All others were written, and so many were not; 0: nothing was written."""


def _read(status: int, body: bytes | str, headers: dict[str, str]) -> Exception:
    """What an answer that is none of success means."""
    text = body if isinstance(body, str) else body[:10_000].decode(errors="replace")
    line = 0
    try:
        said = json.loads(text)
        text = str(said.get("message") or said.get("error") or text)
        line = said["line"] if isinstance(said.get("line"), int) else 0
    except (ValueError, AttributeError, RecursionError):
        pass
    told = f"HTTP {status}: {_clean(text)}" if status else _clean(text)
    if status in (400, 422):
        dropped = re.search(r"dropped=(\d{1,9})", text) if "partial write" in text else None
        return RefusedError(told, line=line, dropped=int(dropped[1]) if dropped else 0)
    if status == 413:
        return RefusedError(told, size=True)
    if status in (401, 403):
        return AwayError(f"the token may not write into this bucket: {told}")
    if status == 404:
        return AwayError(f"there is no such organisation or bucket, or no InfluxDB at this address: {told}")
    return AwayError(told, _wait(headers.get("retry-after", "")) if status in (429, 503) else None)


def _wait(text: str) -> timedelta | None:
    """How long Retry-After asks to wait (RFC 9110, 10.2.3: seconds or a date), at most an hour; None if not at all."""
    if text.isdecimal() and text.isascii() and len(text) < 10:
        return min(timedelta(seconds=int(text)), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    left = (until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(left, timedelta(0)), _LONGEST_WAIT)


def _clean(text: str) -> str:
    """What a server said: one line, printable and short."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[: _SHORT * 10]).split())
    return plain if len(plain) <= _SHORT else f"{plain[:_SHORT]}…"


class _Sending:
    """One snapshot on its way: what was taken, and what was refused of it."""

    def __init__(self, post: Callable[[bytes], None]) -> None:
        self._post = post
        self.taken = 0
        self.refused: list[tuple[bytes, str, int]] = []
        """Each line (empty where nobody knows it), what was said of it, and for how many points it stands."""

    def send(self, batch: list[bytes]) -> None:
        """Send a batch; of what the server refuses only the lines that are to blame are left out.

        Raises:
            AwayError: the server is, or refuses everything.
        """
        parts, before = [batch], len(self.refused)
        while parts:
            part = parts.pop()
            try:
                self._post(b"\n".join(part))
            except RefusedError as why:
                if why.dropped:
                    self.taken += max(len(part) - why.dropped, 0)
                    self.refused.append((b"", str(why), why.dropped))
                    continue
                blamed, rest = _blame(part, why)
                parts += rest
                self.refused += [(line, str(why), 1) for line in blamed]
                if len(self.refused) - before > _MOST_REFUSED and self.taken:
                    self.refused += [(line, str(why), 1) for left in reversed(parts) for line in left]
                    return
                if len(self.refused) >= _FIRST_REFUSED:
                    self.check(str(why))
            else:
                self.taken += len(part)

    def check(self, why: str = "") -> None:
        """Raise AwayError if lines were refused and none was taken: a server set up wrongly, not the lines."""
        if self.refused and not self.taken:
            raise AwayError(f"the server refuses every point: {why or self.refused[-1][1]}")


def _blame(part: list[bytes], why: RefusedError) -> tuple[list[bytes], list[list[bytes]]]:
    """The lines of a refused batch to blame, and what to send then, the last first: halves, if that is unknown."""
    if len(part) == 1:
        return part, []
    if 0 < why.line <= len(part):
        at = why.line - 1
        return [part[at]], [part[:at] + part[at + 1 :]]
    half = len(part) // 2
    return [], [part[half:], part[:half]]
