"""Fetches the front page of a device or website: its status, its Server header, its title and its realm."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass

LARGEST = 65_536
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

    Certificates are not verified, because this looks at devices, which sign their own: nothing is trusted or sent.
    """
    import httpx2  # costs 0.2 s to import, and most probes are SNMP

    client = httpx2.AsyncClient(verify=False, timeout=seconds, trust_env=False)
    try:
        async with asyncio.timeout(seconds), client, client.stream("GET", url) as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) >= LARGEST or _TITLE.search(body):
                    break
            matched = _TITLE.search(body[:LARGEST])
            title = html.unescape(matched[1].decode(response.encoding or "utf-8", "replace")) if matched else ""
            server = response.headers.get("server", "")
            realm = read_realm(response.headers.get("www-authenticate", ""))
            return WebAnswer(response.status_code, " ".join(server.split()), " ".join(title.split()), realm)
    except TimeoutError:
        raise WebError(f"no answer within {seconds:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, LookupError) as error:
        raise WebError(str(error) or type(error).__name__) from None


def read_realm(header: str) -> str:
    """The first realm that a WWW-Authenticate header names; empty where it names none."""
    matched = _REALM.search(header)
    if not matched:
        return ""
    return " ".join(re.sub(r"\\(.)", r"\1", matched[1] if matched[1] is not None else matched[2]).split())
