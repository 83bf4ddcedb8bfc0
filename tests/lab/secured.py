"""The lab's server over TLS: answers given requests with files, as a website or as the API of a video codec.

    python tests/lab/secured.py --listen ADDRESS:PORT --certificate PEM [--login-file FILE] --answer "GET /=FILE"…

For the codec it speaks as the description of Cisco's xAPI says: there is no codec to be had here.
"""

from __future__ import annotations

import argparse
import base64
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TYPES = {".html": "text/html; charset=utf-8", ".xml": "text/xml"}


def main() -> None:
    """Answer until told to end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--login-file", help="user:password, asked for with every request (RFC 7617)")
    parser.add_argument("--answer", action="append", required=True)
    options = parser.parse_args()
    wanted = None
    if options.login_file:
        wanted = f"Basic {base64.b64encode(Path(options.login_file).read_bytes()).decode()}"
    files = {request: Path(file) for request, _, file in (given.rpartition("=") for given in options.answer)}

    class Answer(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            file = files.get(f"{self.command} {self.path}")
            if wanted is not None and self.headers.get("authorization") != wanted:
                self.say(401, b"", "text/plain")
            elif file is None:
                self.say(404, b"", "text/plain")
            else:
                self.say(200, file.read_bytes(), TYPES[file.suffix])

        do_POST = do_GET

        def say(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    host, _, port = options.listen.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    server = ThreadingHTTPServer((host, int(port)), Answer)
    # The handshake is made by the thread of each connection, so that a silent one holds up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
