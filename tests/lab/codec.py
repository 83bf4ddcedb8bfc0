"""The lab's video codec: answers Cisco's xAPI over HTTPS for a recorded endpoint, with a call that goes on.

    python tests/lab/codec.py --listen ADDRESS:PORT --certificate PEM --status FILE --history FILE --login-file FILE

It is a server of our own, written from the maker's description of the API: there is no codec to be had here.
"""

from __future__ import annotations

import argparse
import base64
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    """Answer until told to end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("listen", "certificate", "status", "history", "login-file"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    login = base64.b64encode(Path(options.login_file).read_bytes()).decode()
    bodies = {"GET /status.xml": Path(options.status).read_bytes(), "POST /putxml": Path(options.history).read_bytes()}

    class Answer(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = bodies.get(f"{self.command} {self.path}", b"")
            allowed = self.headers.get("authorization") == f"Basic {login}"
            self.send_response(401 if not allowed else 200 if body else 404)
            said = body if allowed else b""
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET

    host, _, port = options.listen.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    server = ThreadingHTTPServer((host, int(port)), Answer)
    # The handshake is made by the thread of each connection, so that a silent one holds up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
