"""Reads nmap's XML piece by piece and says what python-nmap understands of each host in it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from xml.etree.ElementTree import Element, ParseError, SubElement, TreeBuilder, tostring

import nmap
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

IPAddress = IPv4Address | IPv6Address

LARGEST_HOST = 1 << 20
LONGEST_TEXT = 200
LONGEST_SCRIPT = 1_000
_MOST_SCRIPTS = 20
#: Why nmap calls a port filtered: silence, or what a router or a firewall on the way says of it.
_NOT_ITSELF = ("no-response", "admin-prohibited", "host-", "net-", "proto-unreach", "time-exceeded")
_DEEPEST = 16


class NmapError(Exception):
    """nmap could not be run, or did not read all that it was asked to; the text says why."""


@dataclass(frozen=True, slots=True)
class Service:
    """What answers on one open TCP port, as far as nmap recognises it; empty where it does not."""

    port: int
    name: str = ""
    product: str = ""
    version: str = ""
    extra: str = ""
    device: str = ""
    """nmap's device type, such as "printer" or "webcam"."""
    system: str = ""
    """nmap's operating system family, such as "Linux"."""
    tunnel: str = ""
    """"ssl" where the service is inside of TLS."""
    scripts: tuple[tuple[str, str], ...] = ()
    """What nmap's scripts said of it: name and text."""


@dataclass(frozen=True, slots=True)
class Host:
    """One host that answered."""

    address: IPAddress
    reason: str
    """What it answered with, in nmap's words: "arp-response", "echo-reply", "reset", ..."""
    mac: str | None = None
    """Lower case with colons; only seen of hosts on the same segment."""
    services: tuple[Service, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()
    """What nmap's scripts said of the host as a whole."""
    heard: bool = True
    """Whether it said anything itself when its ports were asked, if only that they are closed."""
    timed_out: bool = False
    """nmap gave up on it before every port was read."""


def clean(text: str | None) -> str:
    """Text that came over the network, in one bounded line of printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())[:LONGEST_TEXT]


class Document:
    """nmap's XML read piece by piece; only the host that is being read is kept, so that a /16 costs no more than a /24.

    Raises NmapError for what is not nmap's XML, for entities (billion laughs), for a host of more than `LARGEST_HOST`
    bytes and for absurd nesting. A document that just ends is no error here: see `succeeded`.
    """

    def __init__(self) -> None:
        self.succeeded = False
        """nmap says that it came to its end."""
        self.looked_at = 0
        """How many addresses nmap says it looked at."""
        self._parser = DefusedXMLParser(target=self)
        self._depth = 0
        self._builder: TreeBuilder | None = None
        self._unfinished = 0
        self._done: list[Element] = []

    def feed(self, block: bytes) -> Iterator[Host]:
        """The hosts that `block` completes."""
        self._unfinished += len(block)
        trouble: str | None = None
        try:
            self._parser.feed(block)
        except (ParseError, DefusedXmlException) as error:
            trouble = f"nmap's XML is broken: {clean(str(error))}"
        except NmapError as error:
            trouble = str(error)
        if self._unfinished > LARGEST_HOST:
            trouble = f"nmap's XML has a host of more than {LARGEST_HOST} bytes"
        done, self._done = self._done, []
        for element in done:
            yield read_host(element)
        if trouble:
            raise NmapError(trouble)

    # The parser calls these (xml.etree.ElementTree.XMLParser, target interface).

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag != "nmaprun":
            raise NmapError(f"found <{clean(tag)}>, expected the XML of nmap")
        if self._depth > _DEEPEST:
            raise NmapError("nmap's XML is nested too deep")
        if self._depth == 2 and tag == "host":
            self._builder = TreeBuilder()
        if self._builder is not None:
            self._builder.start(tag, attributes)
        elif tag == "finished":
            self.succeeded = attributes.get("exit") == "success"
        elif tag == "hosts" and attributes.get("total", "").isdecimal():
            self.looked_at = int(attributes["total"][:9])

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._builder is not None:
            self._builder.end(tag)
            if self._depth == 1:
                self._done.append(self._builder.close())
                self._builder, self._unfinished = None, 0

    def data(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def close(self) -> None:
        """Nothing is left to hand over."""


@functools.cache
def reader() -> nmap.PortScanner:
    """python-nmap, used as a reader only: its `scan` splits the host string like a shell, so it is never called."""
    try:
        return nmap.PortScanner()
    except nmap.PortScannerError as error:
        raise NmapError("nmap is not installed: apt-get install nmap") from error


def read_host(element: Element) -> Host:
    """One <host> of nmap's XML, understood by python-nmap; NmapError where it has no address or is malformed."""
    document = Element("nmaprun", args="")
    document.append(element)
    ended = SubElement(document, "runstats")
    SubElement(ended, "finished")
    SubElement(ended, "hosts")
    try:
        scanned = reader().analyse_nmap_xml_scan(tostring(document, "unicode"))["scan"]
        ((address, host),) = scanned.items()
        hints = {
            int(port.get("portid", "0")): (
                clean(service.get("devicetype")),
                clean(service.get("ostype")),
                clean(service.get("tunnel")),
            )
            for port in element.iterfind("ports/port[@protocol='tcp']")
            for service in port.iterfind("service")
        }
        said = {
            int(port.get("portid", "0")): _scripts(port) for port in element.iterfind("ports/port[@protocol='tcp']")
        }
        return Host(
            address=ip_address(address),
            reason=clean(host.get("status", {}).get("reason")),
            mac=_mac(host["addresses"].get("mac")),
            services=tuple(
                Service(
                    port,
                    clean(row["name"]),
                    clean(row["product"]),
                    clean(row["version"]),
                    clean(row["extrainfo"]),
                    *hints.get(port, ("", "", "")),
                    said.get(port, ()),
                )
                for port, row in sorted(host.get("tcp", {}).items())
                if row["state"] == "open"
            ),
            scripts=tuple(each for part in element.iterfind("hostscript") for each in _scripts(part)),
            heard=_heard(element),
            timed_out=element.get("timedout") == "true",
        )
    except (nmap.PortScannerError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise NmapError(f"nmap's XML has a host that cannot be read ({type(error).__name__})") from error


def _heard(element: Element) -> bool:
    """Whether any port was answered by the host; where no ports were asked there is nothing to hear."""
    reasons = [state.get("reason") for state in element.iterfind("ports/port/state")]
    reasons += [more.get("reason") for more in element.iterfind("ports/extraports/extrareasons")]
    return not reasons or any(not (reason or "").startswith(_NOT_ITSELF) for reason in reasons)


def _scripts(element: Element) -> tuple[tuple[str, str], ...]:
    """Name and text of each script: the keys and values that it tells in a structure, else the text for people."""
    told = []
    for script in list(element.iterfind("script"))[:_MOST_SCRIPTS]:
        parts = [part for table in script.iterfind("table") for part in (table.get("key"), *_values(table))]
        parts += [part for value in script.iterfind("elem") for part in (value.get("key"), value.text)]
        texts = [clean(part) for part in parts if part] or [clean(script.get("output"))]
        told.append((clean(script.get("id")), "; ".join(texts)[:LONGEST_SCRIPT]))
    return tuple(told)


def _values(table: Element) -> Iterator[str | None]:
    for value in table.iterfind("elem"):
        yield value.text


def _mac(text: str | None) -> str | None:
    if not text:
        return None
    octets = text.lower().split(":")
    if len(octets) != 6 or any(len(o) != 2 or not set(o) <= set("0123456789abcdef") for o in octets):
        raise ValueError("not a MAC address")
    return ":".join(octets)
