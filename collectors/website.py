"""Reads declared websites: do they answer, over IPv4 and IPv6, with which certificate and TLS, and how fresh they are.

Only the declared address is asked (GET), on its own host; and beside it the feed that its page links to, or its
sitemap, and whether http:// leads to https://. Where a page sends on to another host that is told and not followed:
nobody declared that host. Nothing is tried that asks for a password.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from collectors import facts
from collectors.reading import freshness
from collectors.reading.freshness import Dated
from collectors.transports import tls
from collectors.transports.http import Fault, FetchError, Limits, Page, connects, fetch, speaks_old_tls
from collectors.transports.names import ResolverError, look_up
from collectors.transports.tls import Shown, Trust
from inventory.text import storable
from inventory.urls import PORTS, Url, follow, read_url, same_site
from inventory.words import Identity, InputError, Observation, Run, Target, Value

COLLECTOR = "website"
MOST_HOPS = 5
"""Pages that one page may send on to."""
_SECONDS = 20.0
"""For the page with all that it sends on to; what is asked beside it has `_BESIDE`."""
_BESIDE = 10.0
_VERSIONS = (4, 6)
_LONGEST = 300
_MOST_WITNESSES, _AT_ONCE = 40, 8
_WITNESS_SECONDS = 3.0
_OF_CERTIFICATE = tuple(f"certificate_{name}" for name in ("expires", "issuer", "names", "key", "weak"))

Resolver = Callable[[str, int], Awaitable[tuple[str, ...]]]


class ProbeError(OSError):
    """The probe itself did not work, which says nothing of the website."""


@dataclass(slots=True)
class Asking:
    """How the websites of one round are asked."""

    trust: Trust = field(default_factory=tls.trust)
    witnesses: Sequence[str] = ()
    """Addresses of others: that one of them takes a connection shows that our own line works."""
    resolve: Resolver = look_up
    limits: Limits = field(default_factory=Limits)
    _works: dict[int, asyncio.Task[bool]] = field(default_factory=dict)

    async def works(self, version: int) -> bool:
        """Whether our own side reaches anybody over an IP version; asked once a round."""
        if version not in self._works:
            self._works[version] = asyncio.create_task(self._reaches(version))
        return await asyncio.shield(self._works[version])

    async def _reaches(self, version: int) -> bool:
        for begin in range(0, min(len(self.witnesses), _MOST_WITNESSES), _AT_ONCE):
            some = self.witnesses[begin : begin + _AT_ONCE]
            if any(await asyncio.gather(*(self._reaches_one(text, version) for text in some))):
                return True
        return False

    async def _reaches_one(self, text: str, version: int) -> bool:
        try:
            url = read_url(text)
            found = await self.addresses(url, version)
        except (InputError, ResolverError):
            return False
        return bool(found) and await connects(found[0], url.port, min(_WITNESS_SECONDS, self.limits.connect))

    async def addresses(self, url: Url, version: int) -> tuple[str, ...]:
        """The addresses of a host of one IP version; a host that is an address has that one."""
        if url.is_address:
            return (url.host,) if (":" in url.host) == (version == 6) else ()
        return await self.resolve(url.host, version)


@dataclass(slots=True)
class _Visit:
    """What came of asking for a website over one IP version."""

    published: bool | None
    """Whether its name has an address of this version; None where our resolver could not be asked."""
    page: Page | None = None
    url: Url | None = None
    """Where the page was that was answered last."""
    leads_to: Url | None = None
    """Another host, which was not asked."""
    shown: Shown | None = None
    """What TLS showed at the declared host."""
    strict: bool = False
    """Whether the page that TLS was first shown with has the header of HSTS (RFC 6797)."""
    code: str = ""
    """Why there was no page, in a word of the key website_problem."""
    why: str = ""
    """The same in detail."""
    answered: bool | None = None
    """None where nothing can be said."""
    took: float = 0.0
    """Seconds."""

    @property
    def seen(self) -> bool:
        return self.answered is True


async def collect(target: Target, asking: Asking | None = None) -> Run:
    """Ask for the declared website `target.address`; with `target.long` also what changes little.

    The facts are about the asset that the address identifies; agency, role and name are the register's to say. Times
    are in seconds. What a round could not look at is left out; what is known not to be there is stated unknown.

    Raises:
        InputError: the address is none. ProbeError: neither our resolver nor our line works: nothing is said.
    """
    url, asking, started = read_url(target.address), asking or Asking(), datetime.now(UTC)
    visits = dict(zip(_VERSIONS, await asyncio.gather(*(_visit(url, v, asking) for v in _VERSIONS)), strict=True))
    if all(not v.published for v in visits.values()) and any(v.published is None for v in visits.values()):
        raise ProbeError(next(v.why for v in visits.values() if v.published is None))
    told = _tell_answers(url, visits)
    if told is None:
        raise ProbeError(f"nothing can be said: {'; '.join(v.why for v in visits.values() if v.why)}")
    told |= _tell_tls(url, visits)
    if not asking.trust.anchors and told.get("certificate_problem") == "unknown_issuer":
        # We know no authority ourselves.
        del told["certificate_valid"], told["certificate_problem"]
    best = next((v for v in visits.values() if v.seen), None)
    if best is not None:
        told |= _tell_page(best)
        if target.long:
            told |= await _look_closer(url, visits, best, asking)
            told["long_tables_read"] = datetime.now(UTC)
    told = {key: _short(value) for key, value in told.items()}
    said = facts(COLLECTOR, datetime.now(UTC), told, keep_none=True)
    identity = Identity(identifiers=frozenset({("url", target.address)}))
    return Run(
        collector=COLLECTOR,
        target=target.label,
        started=started,
        finished=datetime.now(UTC),
        observations=(Observation(said, asset=identity),),
        complete=True,
        agency=target.agency,
    )


# --- asking ---------------------------------------------------------------------------------------------------------


async def _visit(url: Url, version: int, asking: Asking) -> _Visit:
    """Ask for the page over one IP version, and say what its silence means."""
    try:
        addresses = await asking.addresses(url, version)
    except ResolverError as error:
        return _Visit(None, why=str(error))
    visit = _Visit(bool(addresses))
    if not addresses:
        visit.answered = False
        return visit
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(_SECONDS):
            await _walk(visit, url, version, addresses, asking)
        visit.answered = visit.page is not None
    except TimeoutError:
        # Of who never sent anything it may be our own line.
        fault = Fault.SITE if visit.page or visit.shown else Fault.SILENCE
        await _blame(visit, FetchError("endless", f"no page within {_SECONDS:g} s", fault), version, asking)
    except FetchError as error:
        await _blame(visit, error, version, asking)
    except ResolverError as error:
        visit.why = str(error)
    visit.took = loop.time() - began
    if not visit.seen:
        visit.page = None
    return visit


async def _blame(visit: _Visit, error: FetchError, version: int, asking: Asking) -> None:
    """Say why there is no page, and whether that says anything of the site."""
    visit.why, visit.code = str(error), error.code
    visit.shown = visit.shown or error.shown
    if error.fault is Fault.SITE or (error.fault is Fault.SILENCE and await asking.works(version)):
        visit.answered = False
    elif error.fault is Fault.SILENCE:
        visit.why += f"; and no other website was reached over IPv{version}: it may be our own line"


async def _walk(visit: _Visit, url: Url, version: int, addresses: Sequence[str], asking: Asking) -> None:
    """Get the page and what it sends on to on the same site."""
    here, seen = url, {str(url)}
    for _ in range(MOST_HOPS + 1):
        page = await _fetch_any(here, addresses, asking)
        if page.shown is not None and visit.shown is None:
            visit.shown, visit.strict = page.shown, _is_strict(page)
        visit.page, visit.url = page, here
        onward = follow(here, page.headers.get("location", "")) if 300 <= page.status < 400 else None
        if onward is None:
            return
        if not same_site(url, onward):
            visit.leads_to = onward
            return
        if str(onward) in seen:
            raise FetchError("circle", f"it sends on in a circle: {onward}")
        seen.add(str(onward))
        if onward.host != here.host:
            addresses = await asking.addresses(onward, version)
            if not addresses:
                raise FetchError("no_address", f"it sends on to {onward.host}, which has no IPv{version} address")
        here = onward
    raise FetchError("circle", f"it sends on more than {MOST_HOPS} times")


async def _fetch_any(url: Url, addresses: Sequence[str], asking: Asking) -> Page:
    """The page from the first address that has one; where none has, what a host said of itself goes before silence."""
    failed: list[FetchError] = []
    for address in addresses:
        try:
            return await fetch(url, address, asking.trust, asking.limits)
        except FetchError as error:
            failed.append(error)
    raise min(failed, key=lambda error: error.fault is not Fault.SITE)


def _is_strict(page: Page) -> bool:
    said = page.headers.get("strict-transport-security", "").lower().replace('"', "").replace(" ", "")
    ages = [part.removeprefix("max-age=") for part in said.split(";") if part.startswith("max-age=")]
    return bool(ages) and ages[0].isdigit() and bool(ages[0].strip("0"))


# --- telling --------------------------------------------------------------------------------------------------------


def _tell_answers(url: Url, visits: Mapping[int, _Visit]) -> dict[str, Value] | None:
    """Who answered over what; None where nothing can be said of either."""
    said: dict[str, Value] = {}
    for version, visit in visits.items():
        if visit.published is not None and not url.is_address:
            said[f"ipv{version}_published"] = visit.published
        if visit.answered is not None:
            said[f"answers_over_ipv{version}"] = visit.answered
    known = [v.answered for v in visits.values() if v.answered is not None and v.published]
    nameless = all(v.published is False for v in visits.values())
    if not known and not nameless:
        return None
    said["answering"] = any(known)
    failed = {n: v for n, v in visits.items() if v.published and v.answered is False}
    codes = ["no_address"] if nameless else list(dict.fromkeys(v.code for v in failed.values()))
    said["website_problem"] = " ".join(codes) or None
    said["website_detail"] = "; ".join(f"IPv{n}: {v.why}" for n, v in failed.items()) or None
    if not any(known):
        gone = ("http_status", "first_byte_time", "response_time", "content_type", "leads_to", "hsts")
        said |= dict.fromkeys(gone)
    return said


def _tell_page(visit: _Visit) -> dict[str, Value]:
    page = visit.page
    assert page is not None  # noqa: S101 (whoever answered has a page)
    said: dict[str, Value] = {
        "http_status": page.status,
        "first_byte_time": page.first_byte,
        "response_time": visit.took,
        "content_type": page.headers.get("content-type", "").partition(";")[0].strip().lower() or None,
        "leads_to": str(visit.leads_to) if visit.leads_to else None,
        "hsts": visit.strict,
    }
    end = visit.leads_to or visit.url
    if visit.url is not None and end is not None and end.scheme == "http":
        said["https_only"] = False
    return said


def _tell_tls(url: Url, visits: Mapping[int, _Visit]) -> dict[str, Value]:
    """What TLS showed; of two addresses that show other certificates, what is wrong with either."""
    seen = [v for v in visits.values() if v.shown is not None]
    if not seen:
        return _tell_no_tls(url, visits)
    worst = max(seen, key=lambda v: len(v.shown.problems) if v.shown else 0).shown
    oldest = min(v.shown.version for v in seen if v.shown)
    assert worst is not None  # noqa: S101 (one of those that showed something)
    known, problems = worst.certificate, [p for p in worst.problems if p != "weak"]
    said: dict[str, Value] = {
        "certificate_valid": not problems,
        "certificate_problem": " ".join(worst.problems) or None,
        "tls_version": oldest,
    }
    if known is None:
        return said | dict.fromkeys(_OF_CERTIFICATE)
    return said | {
        # A time that cannot be meant is none that days can be counted to.
        "certificate_expires": None if known.absurd else known.expires,
        "certificate_issuer": known.issuer or None,
        "certificate_names": tls.join_names(known.names) or None,
        "certificate_key": known.key,
        "certificate_weak": known.weak,
    }


def _tell_no_tls(url: Url, visits: Mapping[int, _Visit]) -> dict[str, Value]:
    """That there is no certificate, where somebody answered without; silence where nobody did."""
    plain = any(v.seen for v in visits.values())
    if not plain and not (url.scheme == "https" and any(v.code == "no_tls" for v in visits.values())):
        return {}
    said: dict[str, Value] = dict.fromkeys((*_OF_CERTIFICATE, "tls_old"))
    return said | {"certificate_valid": False, "certificate_problem": "none", "tls_version": "none"}


def _short(value: Value) -> Value:
    """What strangers wrote, printable and short."""
    if not isinstance(value, str):
        return value
    return storable("".join(c if c.isprintable() else " " for c in value[:_LONGEST]))


# --- what changes little --------------------------------------------------------------------------------------------


async def _look_closer(url: Url, visits: Mapping[int, _Visit], best: _Visit, asking: Asking) -> dict[str, Value]:
    """Old TLS, whether http:// leads to https://, and how fresh the content is."""
    at = best.url or url
    version = next(number for number, visit in visits.items() if visit is best)
    secure = Url("https", at.host, at.port, at.target) if at.scheme == "https" else None
    try:
        addresses = await asking.addresses(at, version)
    except ResolverError:
        return {}
    said: dict[str, Value] = {}
    if best.leads_to is None and addresses:
        old, only, dated = await asyncio.gather(
            _old_tls(secure, addresses[0], asking),
            _https_only(at, addresses[0], asking),
            _freshness(best, addresses[0], asking),
        )
        said |= {} if old is None else {"tls_old": old}
        said |= {} if only is None else {"https_only": only}
        said |= {"content_at": dated.at if dated else None, "content_dated_by": dated.by if dated else None}
    elif best.leads_to is not None:
        # The content is another host's, which nobody declared.
        said |= {"content_at": None, "content_dated_by": None}
        if best.leads_to.scheme == "https":
            said["https_only"] = True
    return said


async def _old_tls(url: Url | None, address: str, asking: Asking) -> bool | None:
    if url is None:
        return None
    return await speaks_old_tls(url, address, asking.trust, min(_BESIDE / 2, asking.limits.header))


async def _https_only(at: Url, address: str, asking: Asking) -> bool | None:
    """Whether all that is served comes over HTTPS: nothing answers on port 80, or it sends on to https://."""
    if at.scheme != "https":
        return False
    if at.port != PORTS["https"]:
        # A port of its own has no counterpart.
        return True
    here = Url("http", at.host, PORTS["http"], at.target)
    try:
        async with asyncio.timeout(_BESIDE):
            for _ in range(MOST_HOPS):
                page = await fetch(here, address, asking.trust, asking.limits, body=False)
                onward = follow(here, page.headers.get("location", "")) if 300 <= page.status < 400 else None
                if onward is None:
                    # An error page shows nothing that could be read on the way.
                    return page.status >= 400
                if onward.scheme == "https":
                    return True
                if onward.host != here.host or onward.port != here.port:
                    return False
                here = onward
    except TimeoutError:
        return None
    except FetchError as error:
        return None if error.fault is Fault.OURS else True
    return False


async def _freshness(visit: _Visit, address: str, asking: Asking) -> Dated | None:
    """The newest of the feed or sitemap, the page's own dates and Last-Modified."""
    page, url, now = visit.page, visit.url, datetime.now(UTC)
    if page is None or url is None or page.status >= 400:
        return None
    text = freshness.read_text(page.body, page.headers.get("content-type", ""))
    found = [freshness.read_page(text, now), freshness.read_modified(page.headers, now)]
    linked = freshness.find_feed(text)
    for place, by in ((linked, "feed"), (freshness.sitemap_of(str(url)), "sitemap")):
        at = follow(url, place) if place else None
        if at is None or at.host != url.host or not same_site(url, at) or at.port != url.port:
            continue
        listed = await _read_list(at, address, asking, now)
        if listed is not None:
            found.append(Dated(listed, by))
            break
    return freshness.newest([each for each in found if each is not None])


async def _read_list(url: Url, address: str, asking: Asking, now: datetime) -> datetime | None:
    try:
        async with asyncio.timeout(_BESIDE):
            page = await fetch(url, address, asking.trust, replace(asking.limits, body=5.0))
    except (FetchError, TimeoutError):
        return None
    if page.status != 200:
        return None
    return freshness.read_list(freshness.read_text(page.body, page.headers.get("content-type", "")), now)
