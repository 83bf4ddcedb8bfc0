"""Fetches the front page of a device or website: its status, its Server header, its title and its realm."""

from __future__ import annotations

import asyncio
import html
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory.text import decode

if TYPE_CHECKING:
    import httpx2

LARGEST = 65_536
MOST_PAGES = 4
"""The front page and those it sends on to."""
_TITLE = re.compile(rb"<title[^>]*>(.{0,500}?)</title", re.IGNORECASE | re.DOTALL)


_REALM = re.compile(r'\brealm\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))', re.IGNORECASE)


class WebError(Exception):
    """No HTTP answer."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a web server says of itself; any status is an answer."""

    status: int
    server: str
    title: str
    realm: str = ""
    """The first realm of WWW-Authenticate (RFC 9110 section 11.5): where a device wants a password, often its name."""


async def fetch_front(url: str, seconds: float) -> WebAnswer:
    """Reads at most the first 64 KiB at `url`, in at most `seconds`; WebError where nothing answers.

    A page that sends on to another of the same host is followed, as most devices send to their login; another host is
    not asked. Certificates are not verified, because this looks at devices, which sign their own: nothing is trusted
    or sent.
    """
    import httpx2  # costs 0.2 s to import, and most probes are SNMP

    client = httpx2.AsyncClient(verify=False, timeout=seconds, trust_env=False)
    answer: WebAnswer | None = None
    error = ""
    try:
        async with asyncio.timeout(seconds), client:
            for _ in range(MOST_PAGES):
                answer, url = await _fetch(client, url)
                if not url:
                    break
    except TimeoutError:
        error = f"no answer within {seconds:g} s"
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, LookupError) as caught:
        error = str(caught) or type(caught).__name__
    # What sends on to a page that does not answer has answered.
    if answer is None:
        raise WebError(error)
    return answer


async def _fetch(client: httpx2.AsyncClient, url: str) -> tuple[WebAnswer, str]:
    """One page, and where on the same host it sends on to; empty where it does not."""
    async with client.stream("GET", url) as response:
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) >= LARGEST or _TITLE.search(body):
                break
        matched = _TITLE.search(body[:LARGEST])
        title = html.unescape(decode(matched[1], response.encoding or "utf-8")) if matched else ""
        server = " ".join(response.headers.get("server", "").split())
        realm = read_realm(response.headers.get("www-authenticate", ""))
        answer = WebAnswer(response.status_code, server, " ".join(title.split()), realm)
        return answer, _next_page(url, response.headers.get("location", "")) if response.is_redirect else ""


def _next_page(url: str, location: str) -> str:
    try:
        following = urllib.parse.urljoin(url, location)
        parts, before = urllib.parse.urlsplit(following), urllib.parse.urlsplit(url)
        same = parts.hostname == before.hostname and parts.username is None
    except ValueError:
        return ""
    return following if location and same and parts.scheme in ("http", "https") else ""


def read_realm(header: str) -> str:
    """The first realm that a WWW-Authenticate header names; empty where it names none."""
    matched = _REALM.search(header)
    if not matched:
        return ""
    return " ".join(re.sub(r"\\(.)", r"\1", matched[1] if matched[1] is not None else matched[2]).split())
