"""What the tests of video conference talk to: sipp as a SIP endpoint, and servers of the tests' own.

There is no H.323 endpoint, no codec and no gatekeeper to be had here: what stands in for them is written from Q.931,
H.225.0 and the makers' descriptions of their APIs, and cannot show where a real one differs from those.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.ksc_server import make_certificate

RECORDINGS = Path(__file__).parents[1] / "recordings" / "vc"
USER, PASSWORD = "giam-sat", "chỉ-đọc 7"

needs_sipp = pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed (Debian: sip-tester)")


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port of loopback that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


@contextmanager
def sipp(transport: str, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A real sipp that answers OPTIONS over "udp" or "tcp", until it is left; yields its port once it listens."""
    port = port or free_port(socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
    scenario = str(RECORDINGS / "options.sipp.xml")
    command = ["sipp", "-sf", scenario, "-i", host, "-p", str(port), "-t", f"{transport[0]}1", "-nostdin"]
    # A control socket of its own would be the same port for every sipp on the machine.
    with subprocess.Popen([*command, "-cp", str(free_port())], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until(lambda: _listens(host, port, transport), process)
            yield port
        finally:
            process.kill()


def _wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while not holds():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"sipp did not begin to listen (status {process.poll()})")
        time.sleep(0.02)


def _listens(host: str, port: int, transport: str) -> bool:
    wanted = f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}"
    table = Path(f"/proc/net/{transport}").read_text()
    states = {"udp": "07", "tcp": "0A"}
    return any(row.split()[1] == wanted and row.split()[3] == states[transport] for row in table.splitlines()[1:])


Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _listening(speak: Speak, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP port of loopback; at the end every connection is over as well."""
    going: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        going[task] = writer
        # Cancelled at the end: asyncio would log it as an error of the server.
        with suppress(OSError, asyncio.CancelledError):
            await speak(reader, writer)
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in going.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*going, return_exceptions=True)
        for writer in going.values():
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def tls_front(folder: Path, port: int) -> AsyncIterator[int]:
    """Ends TLS in front of a TCP port: Debian's sipp speaks none itself."""
    key_file, _ = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key_file)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.transport.abort()
            with suppress(OSError):
                await far_writer.wait_closed()

    async with _listening(pass_on, context) as secured:
        yield secured


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(4096):
        writer.write(part)
        await writer.drain()
    writer.close()


# --- H.323 ------------------------------------------------------------------------------------------------------------


@dataclass
class Endpoint:
    """A set-up port of the tests' own, and what it was sent."""

    port: int = 0
    received: bytes = b""


@asynccontextmanager
async def setup_port(answer: Callable[[bytes], bytes | None], *, closes: bool = False) -> AsyncIterator[Endpoint]:
    """Takes connections; to the first bytes of each `answer` gives the answer, or None to stay silent; empty closes."""
    endpoint = Endpoint()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(4096)
        endpoint.received += request
        told = answer(request)
        if told:
            writer.write(told)
            await writer.drain()
        if told != b"" and not closes:
            await reader.read()

    async with _listening(speak) as endpoint.port:
        yield endpoint


def q931(kind: int) -> Callable[[bytes], bytes]:
    """Answers a STATUS ENQUIRY with a message of this type for the same call reference, as its other end."""

    def answer(request: bytes) -> bytes:
        message = bytes([0x08, 2, request[6] | 0x80, request[7], kind, 0x08, 0x02, 0x80, 0xD1])
        return b"\x03\x00" + (len(message) + 4).to_bytes(2, "big") + message

    return answer


# --- codecs -----------------------------------------------------------------------------------------------------------


@dataclass
class Codec:
    """A codec of the tests' own: the bodies that it answers with, by method and path, and what it was asked."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    basic: bool = False
    """Whether it wants Basic authentication with each request, and no session."""
    port: int = 0
    pem: str = ""
    sessions: int = 0

    def answer(self, name: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """The status and the body of one answer."""
        if self.basic:
            import base64

            pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if headers.get("authorization") != f"Basic {pair}":
                return 401, b""
        elif name == "POST /rest/session":
            told = json.loads(body)
            if told["action"] == "Logout":
                self.sessions -= 1
                return 200, b"{}"
            right = (told.get("user"), told.get("password")) == (USER, PASSWORD)
            self.sessions += right
            return 200, json.dumps({"success": right}).encode()
        elif "session_id=abc" not in headers.get("cookie", ""):
            return 403, b""
        if name not in self.bodies:
            return 404, b""
        return 200, self.bodies[name]


@contextmanager
def serve_codec(folder: Path, codec: Codec, host: str = "127.0.0.1") -> Iterator[Codec]:
    """Serve over TLS on a free port of loopback, with a certificate of its own that no authority vouches for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            name = f"{self.command} {self.path.partition('?')[0]}"
            codec.asked.append((name, headers, body))
            status, answer = codec.answer(name, headers, body)
            self.send_response(status)
            if name == "POST /rest/session":
                self.send_header("set-cookie", "session_id=abc; Path=/; Secure")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the tests look at `asked`."""

    key_file, codec.pem = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key_file)
    listening = ThreadingHTTPServer((host, 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    codec.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield codec
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(10)
