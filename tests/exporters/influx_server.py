"""A test server of our own for the write API of InfluxDB 2, written from its description: what VictoriaMetrics ignores.

It keeps points as InfluxDB does (same measurement, tags and time are the same point), knows one organisation, bucket
and token, and answers what a test tells it to: malformed lines, partial writes, too large, too many, unavailable.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TOKEN = "bi-mat-7f3a"

Answer = tuple[int, dict[str, object], dict[str, str]]
_LINE = re.compile(r"((?:[^,\\ ]|\\.)+(?:,(?:[^=,\\ ]|\\.)+=(?:[^,=\\ ]|\\.)+)*) ((?:[^\s,=]+=[^\s,=]+,?)+) (\d+)")


@dataclass
class InfluxServer:
    """What it holds, and how it answers."""

    token: str = TOKEN
    most_bytes: int = 10_000_000
    decide: Callable[[list[str]], Answer | None] = lambda _: None
    """What to answer to lines in place of writing them; None writes them."""
    delay: float = 0.0
    url: str = ""
    points: dict[tuple[str, int], str] = field(default_factory=dict)
    """The fields by series and time."""
    written: list[int] = field(default_factory=list)
    """The time of every line written, in order."""
    requests: int = 0
    tokens: set[str] = field(default_factory=set)

    def take(self, path: str, token: str, body: bytes) -> Answer:
        self.requests += 1
        self.tokens.add(token)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if token != f"Token {self.token}":
            return 401, {"code": "unauthorized", "message": "unauthorized access"}, {}
        if asked.get("org") != "tinh" or asked.get("bucket") != "dophu":
            return 404, {"code": "not found", "message": f'bucket "{asked.get("bucket")}" not found'}, {}
        assert asked["precision"] == "ms"
        if len(body) > self.most_bytes:
            return 413, {"code": "request too large", "message": "request body too large"}, {}
        found = body.decode().split("\n")
        time.sleep(self.delay)
        answer = self.decide(found)
        if answer is None:
            self.write(found)
        return answer or (204, {}, {})

    def write(self, found: list[str]) -> None:
        for line in found:
            match = _LINE.fullmatch(line)
            assert match, line
            self.points[match[1], int(match[3])] = match[2]
            self.written.append(int(match[3]))


@contextmanager
def influx_server(certificate: Path | None = None, port: int = 0) -> Iterator[InfluxServer]:
    """The server on loopback while the block runs; over TLS with a file of certificate and key."""
    state = InfluxServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said, headers = state.take(self.path, self.headers.get("Authorization", ""), body)
            answer = json.dumps(said).encode() if said else b""
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(answer))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that gave up

    server = Quiet(("127.0.0.1", port), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
