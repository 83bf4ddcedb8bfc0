"""Finds addresses, names, telephone numbers and keys inside texts, and puts pseudonyms in their places."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from collectors.reading.text import as_statement
from collectors.recording.pseudonyms import Pseudonyms
from collectors.vendors.names import Names

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*", re.UNICODE)
_URL = re.compile(r"\b(?:https?|ftps?|sftp|tftp|scp|sips?|ldaps?|rtsp|smb)://[^\s\"'<>]+", re.IGNORECASE)
_UNC = re.compile(r"\\\\[^\s\\]+(?:\\[^\s\\]+)*")
_HOST = re.compile(
    r"(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)+"
    r"(?:vn|com|net|org|gov|edu|mil|info|biz|io|int|local|lan|intra|internal|corp|home|localdomain|arpa)(?![\w-]|\.\w)",
    re.IGNORECASE,
)
_MAC = re.compile(
    r"(?<![0-9a-f:.-])(?:[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}"
    r"|[0-9a-f]{2}(?: [0-9a-f]{2}){5}|[0-9a-f]{4}(?:[.-][0-9a-f]{4}){2}|[0-9a-f]{6}[:-][0-9a-f]{6})(?![0-9a-f:-]|\.\d)",
    re.IGNORECASE,
)
_IP4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d]|\.\d)")
_IP6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])", re.I)
_PHONE = re.compile(r"(?<![\w.+:/-])(?:\+84|\(?\+?\d{1,3}\)|0)(?:[ .()-]{0,2}\d){8,10}(?![\w.]?\w)")
_SERIAL = re.compile(
    r"\b(?:s/?n|serial(?:[ _-]?(?:number|num|no))?\.?)(?:[ \t]*[:=#][ \t]*|[ \t]+)"
    r"(?P<it>(?=[^\s,;|]*\d)[A-Za-z0-9][\w-]{4,}(?!/))",
    re.IGNORECASE,
)
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
_TUNNEL = re.compile(r"<(?:pppoe|l2tp|pptp|sstp|ovpn|ipsec)-(?P<it>[^<>]+)>", re.IGNORECASE)
_LABEL = re.compile(r"\bLabel:(?P<it>[^\s:][^:\r\n]*?)(?=\s+Serial Number|\s*$)")
_HOME = re.compile(r"(?:/home/|/Users/|\\Users\\)(?P<it>[^/\\\s]+)")
_UNAME = re.compile(
    r"^(?:Linux|FreeBSD|OpenBSD|NetBSD|SunOS|Darwin|HP-UX|AIX)[ ](?!version|kernel|release)(?P<it>[A-Za-z][\w.-]*)[ ]"
    r"(?=(?:B\.)?\d+[. ]\d)"
)
"""What uname says of a host (POSIX): system, name, release."""
_BEFORE_VERSION = re.compile(
    r"(?:version|firmware|release|revision|software|kernel|build|image|bios|boot(?:rom|loader)?|ver|rev|rel|fw|sw|hw|os|v|r)"
    r"[\s.:=,(_-]*$",
    re.IGNORECASE,
)
_PRIVATE = tuple(
    ipaddress.IPv4Network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
)
_SHORTEST = 3
_ORDINARY = re.compile(
    r"(?:(?:access|admin|ap|camera|controller|core|default|device|ethernet|firewall|gateway|host|hub|internet|lan|linux"
    r"|localhost|localdomain|main|modem|network|none|null|phone|port|printer|private|public|root|router|server|snmp|storage"
    r"|switch|system|test|unknown|ups|uplink|user|vlan|wan|windows|wireless|wlan)[\W_\d]*)+",
    re.IGNORECASE,
)


def is_ordinary(text: str) -> bool:
    """Whether a name is a word that anybody's device may have for a name, so that it tells nothing."""
    return len(text) < _SHORTEST or _ORDINARY.fullmatch(text) is not None or not re.search(r"[^\W_]", text)


_OF_PORTS = re.compile(
    r"\w*eth\w*|\w*gig\w*|\w*sfp\w*|ae|ath|b|base|bond|br|bridge|channel|combo|copper|default|en\w{0,3}|et|f|fa|fc|fe|fiber|g|ge|gi"
    r"|if|ifc|int|interface|internal|irb|lag|lan|lo|local|loopback|me|mgmt|management|module|mp|null|number|p|po|port|ra|radio"
    r"|rj|slot|serial|stack|switch|t|te|trk|trunk|tun\w*|u|uni|unit|vl|vlan|wan|wl|wlan|x|xe|xg"
)


def is_port(text: str) -> bool:
    """Whether a text is what a port is called that nobody gave a name, such as GigabitEthernet1/0/1."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return all(_OF_PORTS.fullmatch(word) for word in words)


def says_nothing(text: str) -> bool:
    """Whether a text is empty or a placeholder."""
    return (
        as_statement(text) is None
        or set(text.upper()) in ({"0"}, {"X"}, {"F"}, {"*"})
        or re.fullmatch(r"<[a-z ]+>", text) is not None
    )


@dataclass(slots=True)
class Texts:
    """Scrubs texts. `kept` are statements of the device, such as its version: nothing in them is an address."""

    pseudonyms: Pseudonyms
    makers: Names
    kept: Collection[str] = ()
    names: dict[str, Callable[[str], str]] = field(default_factory=dict)
    """What to put in the place of a known name or number wherever it stands as a word, by its folded text."""
    macs: Collection[bytes] = ()
    addresses: Collection[bytes] = ()
    """What is known to be an address, because it stood elsewhere as one."""
    doubtful: set[str] = field(default_factory=set)
    """Numbers with dots that were kept as versions."""
    _known: re.Pattern[str] | None = None

    def learn(self, names: Iterable[tuple[str, Callable[[str], str]]]) -> None:
        """Takes names to look for; ordinary words are left where they are."""
        self.names |= {name.casefold(): give for name, give in names if not is_ordinary(name)}
        longest = sorted(self.names, key=len, reverse=True)
        words = "|".join(map(re.escape, longest))
        self._known = re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE) if words else None

    def scrub(self, text: str, *, versions: bool = False) -> str:
        """The text with pseudonyms; `versions`: four numbers with dots between them are a version here."""
        if len(text) < _SHORTEST:
            return text
        give = self.pseudonyms
        text = _EMAIL.sub(lambda m: give.name("user", m[0]) + "@example.org", text) if "@" in text else text
        if "://" in text:
            text = _URL.sub(self._url, text)
        if "\\\\" in text:
            text = _UNC.sub(lambda m: "\\\\" + give.name("share", m[0]), text)
        text = _SERIAL.sub(self._serial, text)
        if self._known:
            text = self._known.sub(self._name, text)
        text = _UNAME.sub(self._uname, text)
        for pattern in (_TUNNEL, _HOME):
            text = pattern.sub(lambda m: _within(m, give.name("user", m["it"])), text)
        text = _LABEL.sub(lambda m: _within(m, give.name("label", m["it"])), text)
        text = _UUID.sub(lambda m: give.shape("UUID", m[0]), text)
        text = _MAC.sub(self._mac, text)
        text = self._bare_macs(text)
        text = _IP6.sub(self._address6, text) if ":" in text else text
        text = text if versions else _IP4.sub(self._address4, text)
        text = _HOST.sub(self._host, text) if "." in text else text
        return _PHONE.sub(lambda m: m[0] if versions else give.number("telephone number", m[0]), text)

    def host(self, text: str) -> str:
        """In place of a host's name, with or without its domain."""
        label, dot, domain = text.strip().partition(".")
        if not (dot and re.fullmatch(r"[\w-]+(?:\.[\w-]+)*\.?", domain)):
            return self.pseudonyms.name("host", text)
        return f"{self.pseudonyms.name('host', label)}.{self.pseudonyms.name('domain', domain)}.example"

    def _uname(self, match: re.Match[str]) -> str:
        known = is_ordinary(match["it"]) or re.fullmatch(r"host-\d+.*", match["it"]) or self.makers.at(match["it"])
        return match[0] if known else _within(match, self.host(match["it"]))

    def _serial(self, match: re.Match[str]) -> str:
        if says_nothing(match["it"]):
            return match[0]
        return _within(match, self.pseudonyms.shape("serial number", match["it"]))

    def _name(self, match: re.Match[str]) -> str:
        return self.names[match[0].casefold()](match[0]) if match[0].casefold() in self.names else match[0]

    def _url(self, match: re.Match[str]) -> str:
        host = re.match(r"\w+://(?:[^/@]*@)?([^/:?#]+)", match[0])
        if host and "@" not in match[0] and self._is_maker(host[1]):
            return match[0]
        return match[0].partition("://")[0] + "://" + self.pseudonyms.name("url", match[0]) + ".example/"

    def _host(self, match: re.Match[str]) -> str:
        # Pseudonyms that were put in before end in what nobody owns.
        if self._is_maker(match[0]) or match[0].casefold().endswith(("example.org", ".example")):
            return match[0]
        return self.host(match[0])

    def _is_maker(self, host: str) -> bool:
        """Whether a host is its maker's, such as www.cisco.com."""
        labels = host.casefold().split(".")
        return len(labels) in (2, 3) and labels[-1] in ("com", "net", "org") and bool(self.makers.at(labels[-2]))

    def _mac(self, match: re.Match[str]) -> str:
        parts = re.split(r"[:. -]", match[0])
        digits = "".join(part.zfill(2) if len(parts) == 6 else part for part in parts)
        made = self.pseudonyms.mac(bytes.fromhex(digits)).hex()
        made = made.upper() if match[0].upper() == match[0] else made
        size = 12 // len(parts)
        mark = next(c for c in match[0] if c in ":. -")
        return mark.join(made[at : at + size] for at in range(0, 12, size))

    def _bare_macs(self, text: str) -> str:
        if not self.macs:
            return text

        def put(match: re.Match[str]) -> str:
            octets = bytes.fromhex(match[0])
            if octets not in self.macs:
                return match[0]
            made = self.pseudonyms.mac(octets).hex()
            return made.upper() if match[0].upper() == match[0] else made

        return re.sub(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{12}(?![0-9A-Fa-f])", put, text)

    def _address4(self, match: re.Match[str]) -> str:
        numbers = [int(part) for part in match[0].split(".")]
        if max(numbers) > 255:
            return match[0]
        octets = bytes(numbers)
        if octets not in self.addresses and self._is_version(match, octets):
            self.doubtful.add(match[0])
            return match[0]
        return str(ipaddress.IPv4Address(self.pseudonyms.address4(octets)))

    def _is_version(self, match: re.Match[str], octets: bytes) -> bool:
        if any(kept.startswith(match[0]) for kept in self.kept) or re.search(r"(?:^|\.)0\d", match[0]):
            return True
        address = ipaddress.IPv4Address(octets)
        if any(address in network for network in _PRIVATE[1:]):
            return False
        if _BEFORE_VERSION.search(match.string[: match.start()]):
            return True
        # Below 10, nearly all numbers with four parts are versions; 1.52.0.0/14 is an operator's in Viet Nam.
        return octets[0] < 10 and max(octets) < 100 and not (octets[0] == 1 and 52 <= octets[1] <= 55)

    def _address6(self, match: re.Match[str]) -> str:
        try:
            address = ipaddress.IPv6Address(match[0])
        except ValueError:
            return match[0]
        return str(ipaddress.IPv6Address(self.pseudonyms.address6(address.packed)))


def _within(match: re.Match[str], put: str) -> str:
    """The match with its part `it` replaced."""
    start, end = match.start("it") - match.start(), match.end("it") - match.start()
    return match[0][:start] + put + match[0][end:]
