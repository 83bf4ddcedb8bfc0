"""Web addresses: which text is one that may be asked, and the parts of it that a request is made of. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit

from inventory.words import InputError, Title

PORTS = {"http": 80, "https": 443}
LONGEST = 500
"""Characters of an address; what is longer identifies nothing (`inventory.identity`)."""
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_REFUSED = re.compile(r"[\s<>\"\\\x00-\x1f]")
# What RFC 3986 lets stand in a path or query as it is, and the sign of what is escaped already.
_PATH = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Url:
    """A web address, ready to be asked."""

    scheme: str
    """"http" or "https"."""
    host: str
    """An IP address, or a name in its ASCII form (RFC 5891), in lower case and without a last dot."""
    port: int
    target: str
    """Path and query in ASCII: the request target of RFC 9112 section 3.2.1."""

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address and no name."""
        return is_address(self.host)

    @property
    def authority(self) -> str:
        """Host and port as the header Host has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def site(self) -> str:
        """The host as which it counts: a site with and without "www." is one."""
        return self.host.removeprefix("www.")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def read_url(text: str) -> Url:
    """The parts of an http(s) address.

    Raises:
        InputError: it is none of a host, holds a name and password, or is longer than `LONGEST`.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError(_expected(text)) from None
    plain = text.isprintable() and not _REFUSED.search(text) and len(text) <= LONGEST
    if not plain or parts.scheme not in PORTS or "@" in parts.netloc or port == 0:
        raise InputError(_expected(text))
    query = f"?{quote(parts.query, safe=_PATH + '?')}" if parts.query else ""
    target = quote(parts.path or "/", safe=_PATH) + query
    return Url(parts.scheme, _ascii_host(host, text), port or PORTS[parts.scheme], target)


def _ascii_host(host: str, text: str) -> str:
    if "%" not in host and is_address(host):
        return str(ip_address(host))
    try:
        name = host.removesuffix(".").encode("idna").decode().lower() if len(host) <= 253 else ""
    except UnicodeError:
        name = ""
    labels = name.split(".")
    # Digits and dots alone are meant as an address: 10.0.0.256 is a mistake, not a name.
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise InputError(_expected(text))
    return name


def is_address(text: str) -> bool:
    """Whether a text is an IP address; that of an interface of ours may name it (fe80::1%eth0)."""
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _expected(text: str) -> Title:
    return Title(
        f"gặp {text!r:.200}, cần địa chỉ như https://example.vn/, không kèm mật khẩu",
        f"found {text!r:.200}, expected an address such as https://example.vn/, without a password",
    )


def follow(url: Url, location: str) -> Url | None:
    """Where a page sends on to; None where that is no web address.

    Servers write blanks into it as they are, and mean them escaped.
    """
    try:
        return read_url(urljoin(str(url), location.strip().replace(" ", "%20")))
    except (InputError, ValueError):
        return None


def same_site(one: Url, other: Url) -> bool:
    """Whether asking `other` still is asking the site of `one`: its host, on its own or the usual ports."""
    return one.site == other.site and other.port in (one.port, *PORTS.values())
