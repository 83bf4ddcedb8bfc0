"""A server of the tests' own that answers like Kaspersky Security Center's OpenAPI, for there is none to be had here.

It is written from the maker's description of the calls; what it cannot show is where a real one differs from that.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "dophu", "đọc-thôi"
SESSION = "c2Vzc2lvbg=="


@dataclass
class KscServer:
    """What the server holds, what it was asked, and how it misbehaves."""

    hosts: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    breaks_off_after: int | None = None
    """Chunks beyond so many hosts are empty."""
    wants_code: bool = False
    instead: tuple[str, int, bytes] | None = None
    """Of one method, the status and body that stand in for its answer."""
    port: int = 0
    pem: str = ""
    open_sessions: int = 0

    def answer(self, method: str, headers: Any, asked: dict[str, Any]) -> tuple[int, Any]:
        """The status and the JSON of one call."""
        if method == "Session.StartSession":
            self.logins.append(headers.get("authorization", ""))
            if self.wants_code:
                return 401, "KSCMFA"
            if not _is_right(headers.get("authorization", "")):
                return 401, "KSCBasic"
            self.open_sessions += 1
            return 200, {"PxgRetVal": SESSION}
        if headers.get("x-ksc-session") != SESSION:
            return 401, "KSCBasic"
        lists = {"h": self.hosts, "g": self.groups}
        if method in ("HostGroup.FindHosts", "HostGroup.FindGroups"):
            return 200, {"strAccessor": method.removeprefix("HostGroup.Find")[0].lower(), "PxgRetVal": 1}
        listed = lists.get(asked.get("strAccessor", ""), [])
        if method == "ChunkAccessor.GetItemsCount":
            return 200, {"PxgRetVal": len(listed)}
        if method == "ChunkAccessor.GetItemsChunk":
            start, end = asked["nStart"], asked["nStart"] + asked["nCount"]
            if self.breaks_off_after is not None and listed is self.hosts:
                listed = listed[: self.breaks_off_after]
            rows = [{"type": "params", "value": row} for row in listed[start:end]]
            return 200, {"pChunk": {"KLCSP_ITERATOR_ARRAY": rows}, "PxgRetVal": len(rows)}
        if method == "Session.EndSession":
            self.open_sessions -= 1
            return 200, {}
        return 200, {} if method == "ChunkAccessor.Release" else {"PxgError": {"code": 1, "message": "no such method"}}


def _is_right(authorization: str) -> bool:
    user, password = (base64.b64encode(text.encode()).decode() for text in (USER, PASSWORD))
    return authorization == f'KSCBasic user="{user}", pass="{password}", internal="1"'


@contextmanager
def serve_ksc(folder: Path, server: KscServer) -> Iterator[KscServer]:
    """Serve over TLS on a free port of loopback, with a certificate of its own that no authority vouches for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            method = self.path.rpartition("/")[2]
            server.asked.append(method)
            asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            status, found = server.answer(method, self.headers, asked)
            body = json.dumps(found).encode()
            if server.instead is not None and server.instead[0] == method:
                _, status, body = server.instead
            self.send_response(status)
            if status == 401:
                self.send_header("www-authenticate", str(found))
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the tests look at `asked`."""

    key_file, server.pem = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key_file)
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    server.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(10)


def make_certificate(folder: Path) -> tuple[Path, str]:
    """A key and certificate of its own in one file, and the certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ksc.tinh.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "ksc.pem"
    path.write_bytes(private + pem)
    return path, pem.decode()
