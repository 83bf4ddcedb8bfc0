"""A relay before a real NetBox that spoils chosen requests: a test server of our own, for what NetBox never does.

It answers 502 in the middle, keeps an answer back, or is another product altogether.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

PAGE = b"<!doctype html><title>Grafana</title><p>Not NetBox"


@dataclass
class Relay:
    """One relay: what it was asked, and what it does to a request (None: passes it on)."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path."""
    spoil: Callable[[str, str], str | None] = lambda method, path: None
    """"502", "hold" (no answer until the relay ends), "page" or "redirect"."""


@contextmanager
def relay(to: str) -> Iterator[Relay]:
    """Run a relay to the server at `to` ("" where there is none behind it)."""
    told, ended = Relay(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on()

        do_POST = do_PATCH = do_GET

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            told.asked.append((self.command, self.path))
            match told.spoil(self.command, self.path):
                case "502":
                    return self._answer(502, b"<h1>Bad Gateway</h1>", "text/html")
                case "page":
                    return self._answer(200, PAGE, "text/html")
                case "redirect":
                    return self._answer(301, b"", "text/html", {"Location": "https://netbox.example.vn/api/"})
                case "hold":
                    ended.wait(30)
                    self.close_connection = True
                    return None
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding", "connection")}
            request = urllib.request.Request(to + self.path, body, kept, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return self._answer(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
            except urllib.error.HTTPError as error:
                return self._answer(error.code, error.read(), error.headers.get("Content-Type", ""))

        def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """What it was asked is in the list."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield told
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
