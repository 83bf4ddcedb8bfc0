"""Asks one device who it is, over SNMP, SIP or HTTP, for a person at the command line; nothing is stored."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import urllib.parse
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from collectors.reading.explain import Explanation, reject_systems
from collectors.reading.identify import identify_banner
from collectors.reading.origins import Step
from collectors.reading.sip_words import LONGEST, read_words
from collectors.reading.standard import SYS_NAME
from collectors.snmp import Reading
from collectors.transports import sip
from collectors.transports.sip import SipError, ask_options
from collectors.transports.snmp import SnmpError
from collectors.transports.web import WebError, fetch_front
from collectors.vendors import Banner, load_vendors
from inventory.urls import is_address
from inventory.words import Credential, InputError, Title

KEYS = (
    "target",
    "role",
    "vendor",
    "os_name",
    "model",
    "version",
    "serial",
    "sysname",
    "interfaces",
    "neighbours",
    "error",
)
"""The keys of an answer; what the device does not say is None, its role then "unknown", `neighbours` a list."""

Answer = dict[str, object]

SNMP_PORT = 161
_FORMS = "host[:port], [IPv6]:port, sip:host[:port], sips:host[:port], http://…"
_EXPECTED = Title(f"cần {_FORMS} hoặc https://…", f"expected {_FORMS} or https://…")
_TRANSPORT = re.compile(r";transport=(\w*)$", re.IGNORECASE)
_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?"
)
_WHOLE = 30
"""How many times the waiting time for one answer a whole device may take."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask, and how: scheme is "snmp", "sip", "http" or "https"."""

    scheme: str
    host: str
    port: int
    url: str = ""
    transports: tuple[str, ...] = ()
    """Of SIP: which to try, in order."""


def parse_target(text: str) -> Place:
    """Where a target's text points to; InputError where it is none."""
    plain = text.strip()
    if plain.lower().startswith(("http://", "https://")):
        return _parse_url(plain)
    if plain.lower().startswith(("sip:", "sips:")):
        return _parse_sip(plain)
    host, port = _split(re.sub("^snmp:", "", plain, flags=re.IGNORECASE).removeprefix("//"), text)
    return Place("snmp", host, port or SNMP_PORT)


def _parse_sip(text: str) -> Place:
    """A place of SIP: without a transport UDP, then TCP; "sips" is TLS (RFC 3261 section 19.1)."""
    scheme, _, rest = text.partition(":")
    found = _TRANSPORT.search(rest)
    named = found[1].lower() if found else ""
    if found and named not in sip.TRANSPORTS:
        raise InputError(
            Title(
                f"đích {text!r}: giao thức vận chuyển là {found[1]!r}, cần một trong {', '.join(sip.TRANSPORTS)}",
                f"target {text!r}: the transport is {found[1]!r}, expected one of {', '.join(sip.TRANSPORTS)}",
            )
        )
    if scheme.lower() == "sips":
        if named not in ("", "tcp", "tls"):
            raise InputError(
                Title(
                    f"đích {text!r}: sips được hỏi qua TLS, gặp giao thức {named}",
                    f"target {text!r}: sips is asked over TLS, found the transport {named}",
                )
            )
        named = "tls"
    host, port = _split(_TRANSPORT.sub("", rest).removeprefix("//"), text)
    port = port or (sip.TLS_PORT if named == "tls" else sip.PORT)
    return Place("sip", host, port, transports=(named,) if named else sip.PLAIN)


def _parse_url(text: str) -> Place:
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError(
            Title(f"đích {text!r}: không phải URL; {_EXPECTED.vi}", f"target {text!r}: not a URL; {_EXPECTED.en}")
        ) from None
    if parts.username is not None or not _is_host(host) or re.search(r"[\s\x00-\x1f]", text):
        raise InputError(
            Title(
                f"đích {text!r}: không phải URL của một máy; {_EXPECTED.vi}",
                f"target {text!r}: not a URL of a host; {_EXPECTED.en}",
            )
        )
    return Place(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), text)


def _split(rest: str, text: str) -> tuple[str, int | None]:
    matched = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?|([^:\[\]]+)(?::(\d{1,5}))?|([0-9A-Fa-f:.]+)", rest)
    if not matched:
        raise InputError(Title(f"đích {text!r}: {_EXPECTED.vi}", f"target {text!r}: {_EXPECTED.en}"))
    bracketed, port6, plain, port4, bare = matched.groups()
    host, port = bracketed or plain or bare, int(port6 or port4 or 0) or None
    if not _is_host(host) or (bracketed and not is_address(bracketed)):
        raise InputError(
            Title(
                f"đích {text!r}: {host!r} không phải địa chỉ hay tên máy; {_EXPECTED.vi}",
                f"target {text!r}: {host!r} is no address and no host name; {_EXPECTED.en}",
            )
        )
    if (port6 or port4) and not (port and port <= 65_535):
        raise InputError(
            Title(
                f"đích {text!r}: cổng là {port6 or port4}, cần từ 1 đến 65535",
                f"target {text!r}: the port is {port6 or port4}, expected 1 to 65535",
            )
        )
    return host, port


def _is_host(host: str) -> bool:
    # Digits and dots alone are meant as an address: 10.0.0.256 is a mistake, not a name.
    return is_address(host) or (_NAME.fullmatch(host) is not None and not re.fullmatch(r"[\d.]+", host))


async def probe(
    text: str,
    *,
    community: str,
    timeout: float,  # noqa: ASYNC109 (of one request, not of the whole)
    credentials: Sequence[Credential] = (),
    explain: bool = False,
) -> Answer:
    """One device's answer, with KEYS; `error` says why there is none.

    Args:
        text: see `parse_target`; InputError when it is malformed.
        community: tried over SNMP v2c after `credentials`, and then over v1, for devices that know no other.
        timeout: seconds to wait for the answer to one request.
        explain: whether to add `explain`, as `Explanation.tell` has it.
    """
    place = parse_target(text)
    why = Explanation(explain)
    known = load_vendors()  # before any time is measured
    started = time.perf_counter()
    answer: Answer = dict.fromkeys(KEYS)
    answer |= {"target": text.strip(), "neighbours": []}
    try:
        if place.scheme == "snmp":
            await _probe_snmp(place, answer, why, timeout, _credentials(community, credentials))
        elif place.scheme == "sip":
            said = await ask_options(place.host, place.port, timeout, place.transports)
            told = read_words(said.software, known)
            answer |= told.values
            why.origins = {**why.origins, **told.origins}
        else:
            page = await fetch_front(place.url, timeout)
            # What a maker's own words say goes before the words that any maker uses.
            for vendors in (known.vendors, (known.general,)):
                for words in (page.title, page.realm, page.server):
                    _describe(answer, why, words, [banner for vendor in vendors for banner in vendor.http], "http")
            answer["sysname"] = answer["sysname"] or page.title or None
    except (SnmpError, SipError, WebError) as error:
        answer["error"] = str(error)
    except InputError:
        raise
    except OSError as error:
        answer["error"] = f"{place.host}: {error.strerror or error}"
    answer["role"] = answer["role"] or "unknown"
    if explain:
        if place.scheme != "snmp":
            why.steps.append(Step("request", time.perf_counter() - started, 1))
        answer["explain"] = why.tell(answer)
    return answer


def _credentials(community: str, credentials: Sequence[Credential]) -> list[Credential]:
    tried = list(credentials)
    if community:
        tried += [Credential(f"SNMP {v}", f"snmp-{v}", {"community": community}) for v in ("v2c", "v1")]
    return tried


async def _probe_snmp(
    place: Place, answer: Answer, why: Explanation, seconds: float, credentials: Sequence[Credential]
) -> None:
    address = await resolve(place, seconds)
    reading = Reading(address, place.port, timeout=seconds, deadline=max(_WHOLE * seconds, 10.0))
    try:
        await reading.run(credentials)
    finally:
        answer |= tell(reading)
        why.origins, why.steps = reading.portrait.origins, reading.steps
        if why.wanted and reading.accepted:
            why.rejected = list(reject_systems(load_vendors(), reading.portrait, reading.systems))


def tell(reading: Reading) -> Answer:
    """What was read of a device as an answer, without its target; what it does not say is None."""
    portrait, tables = reading.portrait, reading.tables
    names = [row.get("sysname") or row.get("chassis") for row in tables.neighbours.values()]
    answer: Answer = {"role": portrait.role}
    answer |= {key: portrait.fields.get(key) for key in ("vendor", "os_name", "model", "version", "serial")}
    answer["sysname"] = portrait.text(SYS_NAME)
    answer["interfaces"] = tables.ports if "interface" in tables.read else None
    answer["neighbours"] = [name for name in names if name]
    answer["error"] = "; ".join(reading.problems) or None
    return answer


async def resolve(place: Place, seconds: float) -> str:
    """A place's address, the first of its host name; SnmpError, or OSError, where it has none."""
    if is_address(place.host):
        return place.host
    found = asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_DGRAM)
    try:
        async with asyncio.timeout(seconds):
            return str((await found)[0][4][0])
    except TimeoutError:
        raise SnmpError(f"{place.host}: its name was not resolved within {seconds:g} s") from None


def _describe(answer: Answer, why: Explanation, words: str, banners: Iterable[Banner], kind: str) -> None:
    """Adds what a server's own words say."""
    said = identify_banner(words[:LONGEST], banners, kind)
    if said is None:
        return
    for key, value in (*said.fields.items(), ("role", said.role)):
        if value and answer[key] is None:
            answer[key] = value.replace("_", " ") if key == "model" else value
            why.origins[key] = said.origin


async def probe_all(
    texts: Iterable[str],
    *,
    community: str,
    timeout: float,  # noqa: ASYNC109 (of one request, not of the whole)
    credentials: Sequence[Credential] = (),
    concurrency: int = 100,
    explain: bool = False,
) -> AsyncGenerator[Answer, None]:
    """The answers as they come, at most `concurrency` devices at once.

    InputError before the first, where a text is malformed.
    """
    wanted: Iterator[str] = iter([text for text in texts if parse_target(text)])
    running: set[asyncio.Task[Answer]] = set()
    try:
        while True:
            while len(running) < concurrency and (text := next(wanted, None)) is not None:
                asking = probe(text, community=community, timeout=timeout, credentials=credentials, explain=explain)
                running.add(asyncio.create_task(asking))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
