"""Fetches one page from one address over HTTP/1.1, bounded in time and size, and says whose fault it is if not."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import h11

from collectors.transports.names import FAMILIES
from collectors.transports.tls import Shown, Trust, show
from inventory.urls import Url

AGENT = "dophu (coverage measurement)"
LARGEST_HEADER = 65_536
LARGEST_BODY = 524_288
_CHUNK = 65_536
_MOST_INFORMED = 20
_MOST_PARTS = 50_000
"""Pieces of a body that are taken in: one byte a chunk is no way to send a page."""

_OURS = {
    errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT, errno.EMFILE, errno.ENFILE,
    errno.ENOBUFS, errno.ENOMEM, errno.ENETDOWN,
}  # fmt: skip
_SILENT = {errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN}


class Fault(enum.Enum):
    """Who is at fault where a page was not had."""

    SITE = "site"
    """The host itself refused, or said what is no answer."""
    SILENCE = "silence"
    """Nothing came back: it may be the site or our own line."""
    OURS = "ours"
    """Nothing could be sent."""


class FetchError(Exception):
    """There was no page."""

    def __init__(self, code: str, why: str, fault: Fault = Fault.SITE, shown: Shown | None = None) -> None:
        """Keep a word of the key website_problem, the details, who is at fault and what TLS showed before."""
        super().__init__(why)
        self.code, self.fault, self.shown = code, fault, shown


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that each step may take."""

    connect: float = 5.0
    """TCP alone."""
    header: float = 10.0
    """TLS, the request and the whole header."""
    body: float = 10.0


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of a web server."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case; of one that is there twice the last."""
    body: bytes
    whole: bool
    """Whether the body was read to its end, and not broken off at its bounds."""
    first_byte: float
    """Seconds from the first packet to the first byte of the header."""
    seconds: float
    """Seconds from the first packet to the end of what was read."""
    shown: Shown | None = None


async def fetch(url: Url, address: str, trust: Trust, limits: Limits | None = None, *, body: bool = True) -> Page:
    """GET `url` from `address`, one of its host's; with `body` off what follows the header is not read.

    A certificate that is not valid is told (`Page.shown`) and not refused: nothing secret is sent.

    Raises:
        FetchError: no whole header came; with what TLS had shown by then.
    """
    limits = limits or Limits()
    loop = asyncio.get_running_loop()
    refusal: ssl.SSLCertVerificationError | None = None
    contexts = (trust.verifying, trust.open) if url.scheme == "https" else (None,)
    for context in contexts:
        began, shown = loop.time(), None
        wire = await _connect(address, url.port, limits.connect)
        try:
            async with asyncio.timeout(limits.header) as deadline, _opened(wire, context, url) as (reader, writer):
                link = writer.get_extra_info("ssl_object")
                shown = show(link, refusal, url.host, datetime.now(UTC)) if link is not None else None
                exchange = _Exchange(reader, writer)
                status, headers, first = await exchange.ask(url, loop)
                deadline.reschedule(None)
                part, whole = b"", True
                if body:
                    part, whole = await _read_body(exchange, limits.body)
                return Page(status, headers, part, whole, first - began, loop.time() - began, shown)
        except ssl.SSLCertVerificationError as error:
            refusal = error
        except TimeoutError:
            if shown is None and context is not None:
                raise FetchError("no_tls", f"TLS does not begin within {limits.header:g} s") from None
            why = f"the header does not end within {limits.header:g} s"
            raise FetchError("endless", why, shown=shown) from None
        except ssl.SSLError as error:
            raise FetchError("broken_off" if shown else "no_tls", f"TLS: {_reason(error)}", shown=shown) from None
        except h11.RemoteProtocolError as error:
            raise FetchError("no_http", f"no HTTP answer: {error}", shown=shown) from None
        except (OSError, EOFError) as error:
            raise FetchError("broken_off", f"broken off: {_because(error)}", shown=shown) from None
    raise FetchError("no_tls", "the certificate cannot be looked at")


async def _connect(address: str, port: int, seconds: float) -> socket.socket:
    try:
        wire = socket.socket(FAMILIES[6 if ":" in address else 4], socket.SOCK_STREAM)
    except OSError as error:
        raise FetchError("silent", f"no socket for {address}: {_because(error)}", Fault.OURS) from None
    wire.setblocking(False)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(wire, (address, port))
    except TimeoutError:
        wire.close()
        why = f"no connection to {address} port {port} within {seconds:g} s"
        raise FetchError("silent", why, Fault.SILENCE) from None
    except OSError as error:
        wire.close()
        fault = Fault.OURS if error.errno in _OURS else Fault.SILENCE if error.errno in _SILENT else Fault.SITE
        code = {errno.ECONNREFUSED: "refused"}.get(error.errno or 0, "broken_off" if fault is Fault.SITE else "silent")
        raise FetchError(code, f"{address} port {port}: {_because(error)}", fault) from None
    except BaseException:
        wire.close()
        raise
    return wire


@contextlib.asynccontextmanager
async def _opened(
    wire: socket.socket, context: ssl.SSLContext | None, url: Url
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    # Where this fails its transport has closed the socket: closed here, the loop would take its number for another's.
    name = url.host if context is not None else None
    reader, writer = await asyncio.open_connection(sock=wire, ssl=context, server_hostname=name, limit=_CHUNK)
    try:
        yield reader, writer
    finally:
        # Without the good-byes of TLS and TCP: who never answers would have us wait for his.
        writer.transport.abort()


class _Exchange:
    """One request and its answer on a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEADER)

    async def ask(self, url: Url, loop: asyncio.AbstractEventLoop) -> tuple[int, dict[str, str], float]:
        """Send the request; the status, the header and when its first byte came."""
        # Compressed bodies are not asked for: a few bytes of them can be gigabytes.
        headers = [
            ("Host", url.authority), ("User-Agent", AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]  # fmt: skip
        request = h11.Request(method="GET", target=url.target, headers=headers)
        self._writer.write((self._wire.send(request) or b"") + (self._wire.send(h11.EndOfMessage()) or b""))
        first, informed = None, 0
        while informed <= _MOST_INFORMED:
            event = self._wire.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(_CHUNK)
                first = first or loop.time()
                self._wire.receive_data(data)
            elif isinstance(event, h11.Response):
                said = {name.decode("latin-1").lower(): _as_text(value) for name, value in event.headers}
                return event.status_code, said, first or loop.time()
            elif isinstance(event, h11.InformationalResponse):
                informed += 1
            else:
                raise EOFError("the connection was closed before an answer")
        raise EOFError("more than one can read came before an answer (1xx)")

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The pieces of the body, to its end."""
        while True:
            event = self._wire.next_event()
            if event is h11.NEED_DATA:
                self._wire.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return


def _as_text(value: bytes) -> str:
    """A header's value: UTF-8, as those who write more than ASCII mean it, else ISO 8859-1 (RFC 9110, 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _read_body(exchange: _Exchange, seconds: float) -> tuple[bytes, bool]:
    """What comes of the body within its bounds, and whether that is all of it."""
    got, size = [], 0
    with contextlib.suppress(TimeoutError, h11.RemoteProtocolError, OSError):
        async with asyncio.timeout(seconds), contextlib.aclosing(exchange.parts()) as parts:
            async for part in parts:
                got.append(part)
                size += len(part)
                if size >= LARGEST_BODY or len(got) >= _MOST_PARTS:
                    return b"".join(got)[:LARGEST_BODY], False
            return b"".join(got), True
    return b"".join(got), False


async def connects(address: str, port: int, seconds: float) -> bool:
    """Whether somebody at an address takes a TCP connection, or refuses it himself."""
    try:
        (await _connect(address, port, seconds)).close()
    except FetchError as error:
        return error.fault is Fault.SITE
    return True


async def speaks_old_tls(url: Url, address: str, trust: Trust, seconds: float) -> bool | None:
    """Whether a server that speaks TLS agrees to 1.0 or 1.1 as well; None where it does not say.

    Args:
        seconds: for the connection, and again for the handshake.
    """
    try:
        wire = await _connect(address, url.port, seconds)
    except FetchError:
        return None
    try:
        async with asyncio.timeout(seconds), _opened(wire, trust.old, url):
            return True
    except TimeoutError:
        return None
    except (ssl.SSLError, OSError):
        # With an alert, or by hanging up: it has just agreed to a newer one.
        return False


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _because(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else str(error) or type(error).__name__
