"""When the content of a website was last changed, from what it says itself: its feed, its sitemap, its page. Pure.

A server that makes each page anew dates it with the time of the request, and many portals show what day it is: neither
says that anything was published. Such dates are left out.
"""

from __future__ import annotations

import email.utils
import html
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inventory.periods import ZONE
from inventory.text import decode

LONGEST = 524_288
"""Characters of a page, feed or sitemap that are looked at."""
_OLDEST = 1995
_JUST_NOW = timedelta(minutes=5)

_CLOCK = r"(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?"
# What stands in the middle of an address or a number is no date.
_ISO = re.compile(rf"(?<![\w=/.-])(\d{{4}})-(\d{{2}})-(\d{{2}})(?:[T ]{_CLOCK})?(?![\w/-])")
_WEEKDAY = r"(?:thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật)"
_SHORT = re.compile(
    rf"({_WEEKDAY} ?,? ?(?:ngày )?)?(?<![\w=/.-])(\d{{1,2}})([/.-])(\d{{1,2}})\3(\d{{4}})(?![\w/-])", re.I
)
_LONG = re.compile(rf"({_WEEKDAY} ?,? ?)?ngày (\d{{1,2}}) tháng (\d{{1,2}}) ?,? năm (\d{{4}})", re.I)
_LINK = re.compile(r"<link\b[^<>]{0,1000}>", re.I)
_ATTRIBUTE = re.compile(r"""\b(type|href)\s*=\s*(?:"([^"<>]{0,500})"|'([^'<>]{0,500})'|([^\s"'<>]{1,500}))""", re.I)
_FEEDS = ("application/rss+xml", "application/atom+xml")
_DATED = re.compile(r"<(?:\w{1,10}:)?(lastmod|pubDate|updated|published|date)> ?([^<>]{6,60}?) ?</", re.I)
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w-]{1,30})", re.I)


@dataclass(frozen=True, slots=True)
class Dated:
    """When content was last changed, and what says so: "feed", "sitemap", "page" or "last_modified"."""

    at: datetime
    by: str


def newest(found: list[Dated]) -> Dated | None:
    """The newest of several."""
    return max(found, key=lambda d: d.at, default=None)


def read_text(body: bytes, content_type: str) -> str:
    """A page as text, by the character set that its header names, else UTF-8; what is none of it becomes U+FFFD."""
    named = _CHARSET.search(content_type)
    return decode(body[:LONGEST], named[1] if named else "utf-8")


def read_page(text: str, now: datetime) -> Dated | None:
    """The newest day in a page that is not past `now`: ISO forms, 28/11/2026 and "ngày 28 tháng 11 năm 2026".

    Today's date next to a day of the week is left out: it is what portals show in their heads.
    """
    told = [at for at in _dates(_plain(html.unescape(text[:LONGEST])), now) if at is not None]
    return Dated(max(told), "page") if told else None


def _plain(text: str) -> str:
    """The text with each white space one blank: expressions that allow any number of them would search for ever."""
    return " ".join(text.split())


def _dates(text: str, now: datetime) -> Iterator[datetime | None]:
    for match in _ISO.finditer(text):
        yield _usable(_iso(match), now)
    today = now.astimezone(ZONE).date()
    for pattern, parts in ((_SHORT, (5, 4, 2)), (_LONG, (4, 3, 2))):
        for match in pattern.finditer(text):
            at = _usable(_day(*(int(match[n]) for n in parts)), now)
            clock = match[1] is not None and at is not None and at.astimezone(ZONE).date() == today
            yield None if clock else at


def _iso(match: re.Match[str]) -> datetime | None:
    year, month, day = (int(match[n]) for n in (1, 2, 3))
    if match[4] is None:
        return _day(year, month, day)
    zone = match[7] or "+07:00"
    try:
        return datetime.fromisoformat(
            f"{match[1]}-{match[2]}-{match[3]}T{match[4]}:{match[5]}:{match[6] or '00'}{zone}"
        )
    except ValueError:
        return None


def _day(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day, tzinfo=ZONE)
    except ValueError:
        return None


def _usable(at: datetime | None, now: datetime) -> datetime | None:
    """A time that content may have been changed at: what is announced for later was written before."""
    return at.astimezone(UTC) if at is not None and at.year >= _OLDEST and at <= now else None


def read_modified(headers: Mapping[str, str], now: datetime) -> Dated | None:
    """The time of Last-Modified (RFC 9110 section 8.8.2), unless it is that of the request."""
    at = _http_date(headers.get("last-modified", ""))
    made = _http_date(headers.get("date", "")) or now
    if at is None or abs(made - at) < _JUST_NOW or abs(now - at) < _JUST_NOW:
        return None
    usable = _usable(at, now)
    return Dated(usable, "last_modified") if usable else None


def _http_date(text: str) -> datetime | None:
    try:
        at = email.utils.parsedate_to_datetime(text[:60])
    except (ValueError, IndexError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def read_list(text: str, now: datetime) -> datetime | None:
    """The newest time that a feed (RSS 2.0, RFC 4287) or a sitemap (sitemaps.org) gives one of its entries."""
    told = [_usable(_entry_time(m[2]), now) for m in _DATED.finditer(_plain(text[:LONGEST]))]
    # A feed that is made anew for each request has the time of the request in its head.
    return max((at for at in told if at is not None and now - at >= _JUST_NOW), default=None)


def _entry_time(text: str) -> datetime | None:
    matched = _ISO.match(text)
    return _iso(matched) if matched else _http_date(text)


def find_feed(text: str) -> str | None:
    """The address of the first feed that a page links to."""
    for link in _LINK.finditer(text[:LONGEST]):
        said = {m[1].lower(): next(g for g in m.groups()[1:] if g is not None) for m in _ATTRIBUTE.finditer(link[0])}
        if said.get("type", "").lower() in _FEEDS and said.get("href"):
            return html.unescape(said["href"])
    return None


def sitemap_of(url: str) -> str:
    """Where the sitemap of a site usually is."""
    return urllib.parse.urljoin(url, "/sitemap.xml")
