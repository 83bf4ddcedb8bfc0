"""Websites of every kind on a real nginx in a network namespace of their own, with the names that lead to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from collectors.transports import tls
from tests.collectors.certificates import DAY, Signed, make, save
from tests.collectors.netns import Town, inside, town

NGINX = "/usr/sbin/nginx"
#: The addresses that names have; what is not there has none. Old TLS is a matter of the address, not of the name.
NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("good", "expired", "future", "wrong", "self", "unknown", "chain", "weak", "plain", "away", "circle", "error"),
        ("127.0.0.1", "::1"),
    ),
    "www.good": ("127.0.0.1", "::1"),
    "old": ("127.0.0.2",),
    "mixed": ("127.0.0.3",),
    "four": ("127.0.0.1",),
    # glibc takes ::1 in a file of hosts for an IPv4 address as well.
    "six": ("fd00::6",),
    "broken6": ("127.0.0.1", "::9"),
    "silent": ("127.0.0.9",),
    "refused": ("127.0.0.8",),
    "beyond": ("203.0.113.1",),
}
DOMAIN = ".vi-du.vn"
FEED = """<rss version="2.0"><channel><title>Tin</title><item><pubDate>{}</pubDate></item></channel></rss>"""
PAGE = """<!doctype html><html><head><title>Cổng</title>
<link rel="alternate" type="application/rss+xml" href="/tin.rss"></head><body>Cập nhật ngày 02/01/2020</body></html>"""
DROP = """
table ip fw {
  chain in {
    type filter hook input priority 0;
    ip daddr 127.0.0.9 drop
  }
}
"""


@dataclass(frozen=True)
class Sites:
    """Where they are, and whom they have to be trusted by."""

    namespace: str
    folder: Path
    authority: Path
    trust: tls.Trust
    published: datetime
    """What the feed of "good" says."""

    async def resolve(self, host: str, version: int) -> tuple[str, ...]:
        """In place of the system's resolver."""
        found = NAMES.get(host.removesuffix(DOMAIN), ())
        return tuple(a for a in found if (":" in a) == (version == 6))


@contextlib.contextmanager
def sites(folder: Path) -> Iterator[Sites]:
    """Websites that end with the block; skips the test where there is no nginx or no namespace."""
    if not shutil.which(NGINX):
        pytest.skip(f"{NGINX} is not installed: apt-get install nginx-light")
    published = (datetime.now(UTC) - 3 * DAY).replace(microsecond=0)
    root = _write_certificates(folder)
    _write_pages(folder, published)
    (folder / "nginx.conf").write_text(_configuration(folder))
    # The distribution's own settings would keep nginx from what is old and weak.
    (folder / "openssl.cnf").write_text(
        "openssl_conf = d\n[d]\nssl_conf = s\n[s]\nsystem_default = l\n[l]\nCipherString = DEFAULT:@SECLEVEL=0\n"
    )
    with town() as made:
        namespace = made.add("web")
        made.address(namespace, "lo", "fd00::6/128")
        made.nft(namespace, DROP)
        _start(made, namespace, folder)
        (folder / "authority.pem").write_bytes(root.pem)
        yield Sites(namespace, folder, folder / "authority.pem", tls.trust([folder / "authority.pem"]), published)


def _start(made: Town, namespace: str, folder: Path) -> None:
    environment = f"OPENSSL_CONF={folder / 'openssl.cnf'}"
    process = made.start(namespace, "env", environment, NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"))
    until = time.monotonic() + 10
    with inside(namespace):
        while True:
            try:
                socket.create_connection(("127.0.0.1", 443), 1).close()
                return
            except OSError:
                log = folder / "error.log"
                told = log.read_text() if log.exists() else ""
                assert process.poll() is None and time.monotonic() < until, told
                time.sleep(0.02)


def _write_certificates(folder: Path) -> Signed:
    now = datetime.now(UTC)
    root, stranger = make("Dophu test", authority=True), make("Nobody", authority=True)
    between = make("Between", root, authority=True)
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 (that is the point)
    good = [f"{name}{DOMAIN}" for name in ("good", "www.good", "four", "six")]
    chains = {
        "good": [make("good" + DOMAIN, between, names=good), between],
        "expired": [make("expired" + DOMAIN, root, begins=now - 9 * DAY, expires=now - 2 * DAY)],
        "future": [make("future" + DOMAIN, root, begins=now + 2 * DAY)],
        "wrong": [make("another.vn", root)],
        "self": [make("self" + DOMAIN)],
        "unknown": [make("unknown" + DOMAIN, stranger)],
        "chain": [make("chain" + DOMAIN, between)],
        "weak": [make("weak" + DOMAIN, root, key=weak)],
        "old": [make("old" + DOMAIN, root, names=["old" + DOMAIN, "mixed" + DOMAIN])],
    }  # fmt: skip
    for name, chain in chains.items():
        save(folder, name, *chain)
    return root


def _write_pages(folder: Path, published: datetime) -> None:
    www = folder / "www"
    www.mkdir()
    (www / "index.html").write_text(PAGE)
    (www / "tin.rss").write_text(FEED.format(f"{published:%a, %d %b %Y %H:%M:%S} +0000"))
    (www / "only.html").write_text("<p>Thứ Sáu, ngày 02/01/2026</p><p>ngày 28 tháng 2 năm 2020</p>")
    os.utime(www / "index.html", (1_500_000_000, 1_500_000_000))
    os.utime(www / "only.html", (1_500_000_000, 1_500_000_000))


def _configuration(folder: Path) -> str:
    both = "listen 127.0.0.1:443 ssl; listen [::1]:443 ssl ipv6only=on;"
    secure = "".join(
        _server(folder, name, both.replace(" ipv6only=on", "") if number else both)
        for number, name in enumerate(("expired", "future", "wrong", "self", "unknown", "chain", "weak"))
    )
    listen = both.replace(" ipv6only=on", "")
    good = _server(
        folder,
        "good",
        f"{listen} listen [fd00::6]:443 ssl;",
        'add_header Strict-Transport-Security "max-age=31536000";',
        "good www.good four six broken6",
    )
    versions = "ssl_protocols {}; ssl_ciphers DEFAULT:@SECLEVEL=0;"
    old = _server(folder, "old", "listen 127.0.0.2:443 ssl;", versions.format("TLSv1 TLSv1.1"))
    mixed = _server(
        folder, "old", "listen 127.0.0.3:443 ssl;", versions.format("TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"), "mixed"
    )
    plain = "listen 127.0.0.1:80; listen [::1]:80;"
    others = "".join(
        f"server {{ {plain} server_name {name}{DOMAIN} www.{name}{DOMAIN}; {does} }}\n"
        for name, does in {
            "plain": f"root {folder}/www;",
            "away": "return 302 https://elsewhere.vn/x;",
            "circle": "return 302 http://circle.vi-du.vn/;",
            "error": "return 503;",
            "good": f"return 301 https://www.good{DOMAIN}$request_uri;",
        }.items()
    )
    return (
        f"user root; daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\nhttp { access_log off; ssl_protocols TLSv1.2 TLSv1.3;\n"
        "types { text/html html; application/rss+xml rss; }\n"
        + "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi", "client_body"))
        + f"\n{secure}{good}{old}{mixed}{others}}}\n"
    )


def _server(folder: Path, name: str, listen: str, more: str = "", names: str = "") -> str:
    known = " ".join(each + DOMAIN for each in (names or name).split())
    certificate = f"ssl_certificate {folder}/{name}.pem; ssl_certificate_key {folder}/{name}.key;"
    return f"server {{ {listen} server_name {known}; {certificate} {more} root {folder}/www; }}\n"
