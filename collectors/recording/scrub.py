"""Scrubs the rows of a recording: what tells of people and places gets a pseudonym, the same wherever it stands.

Twice over: the first time to learn what is there, so that what stands as an address or a name in one place is known in
the others, and so that no original is ever handed out as a pseudonym.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from collectors.recording.indexes import Indexes
from collectors.recording.left_out import is_left_out
from collectors.recording.places import KINDS_OF_TEXT, place_of
from collectors.recording.pseudonyms import Pseudonyms, is_special4, is_special_mac
from collectors.recording.snmprec import ADDRESS, OCTETS, OPAQUE, Oid, Row, parse_oid
from collectors.recording.texts import Texts, is_ordinary, is_port, says_nothing
from collectors.vendors import load_vendors

_NAMED = ("host", "contact", "location", "alias", "ssid", "serial number", "secret", "domain", "user")
"""Kinds that are looked for inside every text; a VLAN's name is a word like any other."""
_IN_WORDS = ("contact", "location", "alias")
_LEAST = {"host": 3, "ssid": 4, "user": 3, "secret": 1}
_LEAST_ELSE = 5
_ENTERPRISES = (1, 3, 6, 1, 4, 1)
_IF_NAMES = (parse_oid("1.3.6.1.2.1.2.2.1.2"), parse_oid("1.3.6.1.2.1.31.1.1.1.1"))
_LIKE_SERIAL = re.compile(r"(?=(?:[A-Z-]*\d){4})(?=\d*-?[A-Z])[A-Z0-9-]{8,24}")
_OF_VLAN = ("default", "fddi", "token", "trnet", "trcrf", "trbrf")


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a recording became."""

    rows: Sequence[Row]
    replaced: Counter[str]
    """How many times something was replaced, by its kind."""
    different: Counter[str]
    """How many different ones there were."""
    left_out: Counter[str]
    """Rows left out, by the reason."""
    doubtful: Sequence[str]
    """Kept, and perhaps an address."""
    in_indexes: Sequence[str]
    """Texts that were kept in the indexes of tables."""
    like_serials: Sequence[str]
    """Texts that look like serial numbers, of makers' objects of which nobody knows what they are."""
    ports: Sequence[str]
    """Names of interfaces that somebody may have given them; they are kept, because ports are told by their names."""
    originals: frozenset[str | bytes] = field(repr=False, default=frozenset())
    """All that was replaced."""


def scrub(
    rows: Iterable[Row], *, secrets: Collection[str] = (), serials: Collection[str] = (), kept: Collection[str] = ()
) -> Scrubbed:
    """The rows with pseudonyms, in the order of their OIDs and each OID once.

    Args:
        rows: of one device.
        secrets: such as the community, which stand nowhere in what comes out.
        serials: what identification took for the device's serial number.
        kept: what it took for vendor, model and version: it is no name and no address.
    """
    left_out: Counter[str] = Counter()
    some = []
    for row in rows:
        if why := is_left_out(row.oid):
            left_out[why] += 1
        else:
            some.append(row)
    learnt = Pseudonyms()
    before = _Scrub(learnt, Pseudonyms(), secrets, serials, kept)
    before.run(some)
    # What is found only on the way, such as an address in a text, is known from the second time on.
    again = Pseudonyms()
    _Scrub(again, learnt, secrets, serials, kept).run(some)
    originals = again.originals | learnt.originals
    final = Pseudonyms(avoid=originals)
    scrubbing = _Scrub(final, again, secrets, serials, kept)
    done = scrubbing.run(some)
    if lost := len(some) - len(done):
        left_out["rows whose indexes became the same"] += lost
    different = Counter({kind: len(known) for kind, known in final.given.items()})
    return Scrubbed(
        [done[oid] for oid in sorted(done)],
        final.used,
        different,
        left_out,
        sorted(scrubbing.texts.doubtful),
        sorted(scrubbing.indexes.texts_kept),
        _like_serials(some, done),
        sorted({row.text for row in done.values() if row.oid[:-1] in _IF_NAMES and row.text and not is_port(row.text)}),
        frozenset(original for original in originals if isinstance(original, (str, bytes))),
    )


def _like_serials(rows: Iterable[Row], done: Mapping[Oid, Row]) -> list[str]:
    """Texts of makers' objects that look like serial numbers and were kept."""
    kept = {row.text for row in done.values() if row.oid[:6] == _ENTERPRISES}
    before = {row.text for row in rows if row.oid[:6] == _ENTERPRISES}
    return sorted(text for text in kept & before if text and _LIKE_SERIAL.fullmatch(text))


class _Scrub:
    """One time through the rows; `known` is what an earlier time replaced."""

    def __init__(
        self,
        give: Pseudonyms,
        known: Pseudonyms,
        secrets: Collection[str],
        serials: Collection[str],
        kept: Collection[str],
    ) -> None:
        self.give = give
        self.public = {word.casefold() for word in kept}
        self.serials = {serial for serial in serials if len(serial) >= _LEAST_ELSE}
        macs = [mac for mac in known.given.get("hardware address", {}) if isinstance(mac, bytes)]
        fours = [four for four in known.given.get("IPv4 address", {}) if isinstance(four, bytes)]
        sixes = [six for six in known.given.get("IPv6 address", {}) if isinstance(six, bytes)]
        versions = [word for word in kept if any(c.isdigit() for c in word)]
        self.texts = Texts(give, load_vendors().names, versions, macs=frozenset(macs), addresses=frozenset(fours))
        # A community that is a maker's name is no secret, and would take the maker out of every text.
        names = [(secret, self._giving("secret")) for secret in secrets if not self._is_public(secret)]
        names += [(serial, self._giving("serial number")) for serial in self.serials]
        self.whole: dict[str, Callable[[str], str]] = {}
        for kind in _NAMED:
            for text in known.given.get(kind, {}):
                if not isinstance(text, str) or len(text) < _LEAST.get(kind, _LEAST_ELSE) or self._is_public(text):
                    continue
                # One plain word that is no host's name, such as "backup", means itself inside other texts.
                if kind in _IN_WORDS and text.isascii() and text.isalpha():
                    self.whole[text.casefold()] = self._giving(kind)
                else:
                    names.append((text, self._giving(kind)))
        self.texts.learn(names)
        in_octets: dict[bytes, Callable[[], bytes]] = {mac: _later(give.mac, mac) for mac in macs}
        in_octets |= {six: _later(give.address6, six) for six in sixes}
        # Low numbers stand one behind another in many an OID.
        in_octets |= {four: _later(give.address4, four) for four in fours if four[0] >= 10}
        for text, change in names:
            if len(text) >= 4 and not is_ordinary(text):
                in_octets[text.encode()] = _as_octets(change, text)
        self.indexes = Indexes(give, in_octets, self.texts)
        self.in_octets = in_octets

    def run(self, rows: Iterable[Row]) -> dict[tuple[int, ...], Row]:
        """The scrubbed rows by OID."""
        done: dict[tuple[int, ...], Row] = {}
        for row in rows:
            oid = self.indexes.scrub(row.oid)
            done.setdefault(oid, Row(oid, row.tag, self._value(row)))
        return done

    def _giving(self, kind: str) -> Callable[[str], str]:
        if kind == "host":
            return self.texts.host
        if kind in ("serial number", "secret"):
            return lambda text: self.give.shape(kind, text)
        return lambda text: self.give.name(kind, text)

    def _value(self, row: Row) -> int | bytes | tuple[int, ...]:
        value = row.value
        if isinstance(value, tuple):
            return self.indexes.scrub(value)
        if isinstance(value, int):
            serial = str(value) in self.serials or (value > 9999 and place_of(row.oid) == "serial number")
            return self._number(value) if serial else value
        if row.tag == ADDRESS and len(value) == 4:
            return self.give.address4(value)
        if row.tag not in (OCTETS, OPAQUE, ADDRESS) or not value:
            return value
        return self._octets(value, place_of(row.oid))

    def _number(self, value: int) -> int:
        """In place of a serial number that is a whole number."""
        made = int(self.give.shape("serial number", str(value)))
        return made if made <= 0x7FFF_FFFF else made % 0x7FFF_FFFF

    def _is_public(self, text: str) -> bool:
        """Whether a name is the maker's or the model's own, as devices have that nobody named."""
        return text.casefold() in self.public or (self.texts.makers.at(text) or "").casefold() == text.casefold()

    def _octets(self, value: bytes, place: str) -> bytes:
        if place == "mac" and len(value) == 6:
            return self.give.mac(value)
        if place == "bridge" and len(value) == 8:
            return value[:2] + self.give.mac(value[2:])
        if place == "address" and len(value) in (4, 16):
            return self.give.address4(value) if len(value) == 4 else self.give.address6(value)
        if place == "engine":
            return self._engine(value)
        found = _decode(value)
        if found is None:
            return self._binary(value, place)
        text, codec = found
        return self._text(text, place).encode(codec, "replace")

    def _text(self, text: str, place: str) -> str:
        plain = text.strip(" \0\r\n\t")
        if self._is_public(plain) or says_nothing(plain):
            return text
        if place == "serial number":
            return text.replace(plain, self.give.shape("serial number", plain))
        # Some makers keep more in such an object than its name.
        more = any(serial in plain for serial in self.serials)
        if place in KINDS_OF_TEXT and not more and self._is_name(plain, place):
            return self.texts.host(plain) if place == "host" else self.give.name(place, plain)
        if plain.casefold() in self.whole and not is_ordinary(plain):
            return self.whole[plain.casefold()](plain)
        made = self.texts.scrub(text, versions=place == "version")
        if made != text or not (place == "chassis" or (place == "port" and not is_port(plain))):
            return made
        return self.texts.host(plain) if place == "chassis" else self.give.name("alias", plain)

    def _is_name(self, text: str, place: str) -> bool:
        if place == "vlan":
            return not text.casefold().startswith(_OF_VLAN) and not text.casefold().removeprefix("vlan").isdigit()
        if place == "alias" and is_port(text):
            return False
        return any(c.isalnum() for c in text) and not (place == "host" and is_ordinary(text))

    def _engine(self, value: bytes) -> bytes:
        """RFC 3411 section 5: maker, format, and an address, a text or octets."""
        if len(value) < 6 or not value[0] & 0x80:
            return value[:4] + self.give.octets("engine id", value[4:]) if len(value) > 4 else value
        head, rest = value[:5], value[5:]
        if value[4] == 1 and len(rest) == 4:
            return head + self.give.address4(rest)
        if value[4] == 2 and len(rest) == 16:
            return head + self.give.address6(rest)
        if value[4] == 3 and len(rest) == 6:
            return head + self.give.mac(rest)
        return head + self.give.octets("engine id", rest)

    def _binary(self, value: bytes, place: str) -> bytes:
        if len(value) == 6 and value[3:].strip(b"\0") and not is_special_mac(value):
            return self.give.mac(value)
        if len(value) == 4 and not is_special4(value):
            return self.give.address4(value)
        if place in ("chassis", "port") and value[0] in (1, 2) and len(value) in (5, 17):
            change = self.give.address4 if len(value) == 5 else self.give.address6
            return value[:1] + change(value[1:])
        if len(value) == 16:
            return self.give.address6(value) if value[:2] in (b"\xfe\x80", b"\x20\x01") else self._hidden(value)
        return self._within(value)

    def _hidden(self, value: bytes) -> bytes:
        """Sixteen octets are an address or a key; few of either are of use to anybody else."""
        return value if len(set(value)) < 4 else self.give.octets("key", value)

    def _within(self, value: bytes) -> bytes:
        for octets, made in self.in_octets.items():
            if len(octets) > 4 and octets in value:
                value = value.replace(octets, made())
        return value


def _later(change: Callable[[bytes], bytes], original: bytes) -> Callable[[], bytes]:
    return lambda: change(original)


def _as_octets(change: Callable[[str], str], text: str) -> Callable[[], bytes]:
    return lambda: change(text).encode()


def _decode(value: bytes) -> tuple[str, str] | None:
    """Octets as text and how it is encoded, or None where they are none."""
    for codec in ("utf-8", "latin-1"):
        try:
            text = value.decode(codec)
        except UnicodeDecodeError:
            continue
        if all(c.isprintable() or c in "\r\n\t\0" for c in text) and text.strip("\0"):
            plain = sum(c.isascii() and (c.isalnum() or c in " .,-_") for c in text)
            if codec == "utf-8" or (len(value) > 6 and plain >= 0.6 * len(text)):
                return text, codec
    return None
