"""Declared websites as people look at them: which ones lack what, as a page, a table and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from api.contents import ROWS, Asked, Told
from api.members import last_page
from inventory.periods import ZONE
from inventory.store import Connection, registers
from inventory.text import fold
from inventory.words import Control, WebsiteState

CERTIFICATE_DAYS, CONTENT_DAYS = 30.0, 30.0
"""What counts where no control of the province says otherwise (goals/controls/website_*.yaml)."""


class Look:
    """What is asked of websites at one time, with the thresholds of the controls."""

    def __init__(self, controls: Sequence[Control], at: datetime) -> None:
        """Take the thresholds from the controls, where they are there."""
        self.at = at
        self._given = {c.id: c.parameters for c in controls}
        self.lacks: Mapping[str, Callable[[WebsiteState], bool]] = {
            "all": lambda _: True,
            "down": lambda w: w.state == "down" or (w.http_status or 0) >= 400,
            "unknown": lambda w: w.state == "unknown",
            "certificate": lambda w: w.certificate_valid is False or self.expires_soon(w),
            "https": lambda w: w.https_only is False,
            "tls": lambda w: w.tls_old is True,
            "ipv6": lambda w: w.ipv6 is False,
            "content": self.is_old,
        }
        """Of each list whether a website belongs to it; what is unknown lacks nothing."""

    def _parameter(self, control: str, name: str, default: float) -> float:
        value = self._given.get(control, {}).get(name, default)
        return value if isinstance(value, int | float) else default

    def days_left(self, site: WebsiteState) -> int | None:
        """Whole days until the certificate expires, below zero where it has; None where that is not known."""
        if site.certificate_expires is None:
            return None
        return (site.certificate_expires - self.at) // timedelta(days=1)

    def expires_soon(self, site: WebsiteState) -> bool:
        """Whether the certificate expires within the days that the control gives."""
        left = self.days_left(site)
        return left is not None and left < self._parameter("website_certificate", "certificate_days", CERTIFICATE_DAYS)

    def is_old(self, site: WebsiteState) -> bool:
        """Whether the newest content is older than the control allows."""
        limit = self._parameter("website_fresh", "content_days", CONTENT_DAYS)
        return site.content_at is not None and (self.at - site.content_at).total_seconds() > limit * 86_400


Lack = Literal["all", "down", "unknown", "certificate", "https", "tls", "ipv6", "content"]
LISTS: tuple[Lack, ...] = get_args(Lack)


def choose(
    sites: Sequence[WebsiteState], look: Look, agency: str | None = None, lack: str = "all", text: str = ""
) -> list[WebsiteState]:
    """The websites of an agency that lack something and hold a text in name or address, accents ignored."""
    wanted = fold(text)
    return [
        w
        for w in sites
        if (agency is None or w.agency == agency)
        and look.lacks[lack](w)
        and (not wanted or wanted in fold(f"{w.title} {w.url}"))
    ]


def tell_websites(connection: Connection, asked: Asked) -> Told:
    """The declared websites: what each shows, how many lack what, by agency."""
    query, snapshot = asked.place.query, asked.snapshot
    look = Look(snapshot.controls, snapshot.at)
    agency, text = query.get("agency") or None, query.get("q", "")[:200]
    shown = next((name for name in LISTS if name == query.get("list")), "all")
    rows = choose(snapshot.websites, look, agency, shown, text)
    last = last_page(len(rows), ROWS)
    page = min(max(asked.page, 1), last)
    day = snapshot.at.astimezone(ZONE).date()
    register = registers.load(connection)
    names = {a.code: a for a in sorted(register.agencies, key=lambda a: (a.valid_on(day), a.valid_from))}
    return {
        "look": look,
        "counts": {name: len(choose(snapshot.websites, look, agency, name, text)) for name in LISTS},
        "shown": shown,
        "rows": rows[(page - 1) * ROWS : page * ROWS],
        "page": page,
        "last": last,
        "agency": agency,
        "text": text,
        "names": names,
        "choices": [names[code] for code in sorted({w.agency for w in snapshot.websites}) if code in names],
    }


def site_object(site: WebsiteState, look: Look) -> dict[str, Any]:
    """A website as an object; `certificate_days_left` is counted from the time that was judged."""
    return asdict(site) | {"certificate_days_left": look.days_left(site)}
