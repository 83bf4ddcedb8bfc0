"""The bodies that FusionInventory 2.x and GLPI 1.x agents send, inflated and parsed within limits.

Both agents post to one address and the body says what it is: `<` is FusionInventory's XML, `{` is GLPI's JSON, after
zlib (78) or gzip (1f 8b) by their first bytes; the Content-Type header is not to be relied on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from inventory.words import InputError

__all__ = ["INFLATED_LIMIT", "WIRE_LIMIT", "Body", "Sections", "inflate", "kind_of", "load_json", "parse"]

WIRE_LIMIT = 8 << 20
"""Bytes of a body as sent; the largest public example has 1.4 MB before compression."""
INFLATED_LIMIT = 64 << 20
"""Bytes of a body after inflating."""
NODE_LIMIT = 1_000_000
"""Elements or JSON values of a body: what a parser builds weighs far more than the bytes it reads."""
DEPTH_LIMIT = 32

#: The sections that become facts. All others, among them the environment, the command lines of processes and the
#: accounts of users, which hold secrets, are dropped while parsing.
WANTED = frozenset(
    {
        "antivirus", "bios", "drives", "firewall", "firewalls", "hardware", "networks", "operatingsystem", "posture",
        "remote_mgmt", "softwares", "windows_updates",
    }
)  # fmt: skip

#: Rows by section; a section that can stand only once is a list of one. Names are in lower case.
Sections = Mapping[str, list[dict[str, object]]]

_Leaf = TypeVar("_Leaf", str, bool)


@dataclass(frozen=True, slots=True)
class Body:
    """One parsed body: `query` is PROLOG or INVENTORY in XML, and the action (contact, inventory) in JSON."""

    form: Literal["xml", "json"]
    query: str
    device: str
    item_type: str = "Computer"
    partial: bool = False
    sections: Sections = field(default_factory=dict)


def inflate(body: bytes) -> bytes:
    """The body without its compression.

    Raises:
        InputError: it is too long, ends early, is damaged, or inflates beyond the limit.
    """
    if len(body) > WIRE_LIMIT:
        raise InputError(f"agent's body: found {len(body)} bytes, expected at most {WIRE_LIMIT}")
    if body[:1] != b"\x78" and body[:2] != b"\x1f\x8b":
        return body
    kind = "zlib" if body[:1] == b"\x78" else "gzip"
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        plain = stream.decompress(body, INFLATED_LIMIT + 1)
    except zlib.error as error:
        raise InputError(f"agent's body: found damaged {kind} data ({error}), expected {kind}") from error
    if len(plain) > INFLATED_LIMIT:
        raise InputError(f"agent's body: inflates to more than {INFLATED_LIMIT} bytes, expected at most that")
    if not stream.eof:
        raise InputError(f"agent's body: found {kind} data that end early, after {len(plain)} bytes inflated")
    if stream.unused_data:
        raise InputError(f"agent's body: found {len(stream.unused_data)} bytes after the end of the {kind} data")
    return plain


def parse(plain: bytes) -> Body:
    """The body's query, device and wanted sections.

    Raises:
        InputError: it is neither XML nor JSON of an agent; the text says what was found and what was expected.
    """
    text = plain.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<":
        return _parse_xml(text)
    if text[:1] == b"{":
        return _parse_json(text)
    if not text:
        raise InputError("agent's body: found nothing, expected XML (<) or JSON ({)")
    hint = " (UTF-16?)" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    raise InputError(f"agent's body: found bytes that begin {text[:8].hex(' ')}{hint}, expected XML (<) or JSON ({{)")


# --- XML: <REQUEST><CONTENT><SECTION><FIELD>text</FIELD>…</SECTION>…</CONTENT><DEVICEID/><QUERY/></REQUEST> ----------


class _Request:
    """What expat tells of the elements: it keeps the fields of wanted sections and forgets the rest as it goes by."""

    def __init__(self) -> None:
        self.sections: dict[str, list[dict[str, object]]] = {}
        self.heads: dict[str, str] = {}
        self._head = self._field = self._inner = ""
        self._row: dict[str, object] | None = None
        """The row of a wanted section that is being read."""
        self._text: list[str] = []
        self._nodes = self._depth = 0

    def start(self, tag: str, _attributes: object) -> None:
        self._nodes += 1
        self._depth = depth = self._depth + 1
        self._text.clear()
        if self._nodes > NODE_LIMIT or depth > DEPTH_LIMIT:
            raise InputError(f"agent's XML: expected at most {NODE_LIMIT} elements, nested {DEPTH_LIMIT} deep")
        if depth == 4:
            self._field = tag
        elif depth == 5:
            self._inner = tag
        elif depth == 3 and self._head == "content" and (section := tag.lower()) in WANTED:
            self._row = {}
            self.sections.setdefault(section, []).append(self._row)
        elif depth == 2:
            self._head = tag.lower()
        elif depth == 1 and tag != "REQUEST":
            raise InputError(f"agent's XML: found <{tag[:40]}>, expected <REQUEST>")

    def data(self, text: str) -> None:
        if self._row is not None or self._depth == 2:
            self._text.append(text)

    def end(self, _tag: str) -> None:
        depth = self._depth
        self._depth = depth - 1
        if self._row is not None:
            if depth == 4:
                # A field that had fields of its own, such as TIMEZONE, is already there as a row.
                self._row.setdefault(self._field.lower(), "".join(self._text))
            elif depth == 5:
                inner = self._row.setdefault(self._field.lower(), {})
                if isinstance(inner, dict):
                    inner.setdefault(self._inner.lower(), "".join(self._text))
            elif depth == 3:
                self._row = None
        elif depth == 2:
            self.heads.setdefault(self._head, "".join(self._text))
        self._text.clear()

    def close(self) -> None:
        """Nothing is left to do at the end; the parser asks for it."""


def _parse_xml(text: bytes) -> Body:
    request = _Request()
    parser = DefusedXMLParser(target=request, forbid_dtd=True)
    # Told by expat itself: what ElementTree does in between takes longer than all that is done here.
    expat = parser.parser
    expat.StartElementHandler, expat.CharacterDataHandler, expat.EndElementHandler = (
        request.start, request.data, request.end,
    )  # fmt: skip
    try:
        for begin in range(0, len(text), 1 << 16):
            parser.feed(text[begin : begin + (1 << 16)])
        parser.close()
    except DefusedXmlException as error:
        raise InputError("agent's XML: found a document type or an entity of its own, expected neither") from error
    except ParseError as error:
        raise InputError(f"agent's XML: found a mistake ({error}), expected well-formed XML in its encoding") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"agent's XML: found an encoding that cannot be read ({error}), expected UTF-8") from error
    query = request.heads.get("query", "")
    if query not in ("PROLOG", "INVENTORY"):
        raise InputError(f"agent's XML, QUERY: found {query[:40]!r}, expected PROLOG or INVENTORY")
    if query == "INVENTORY" and "content" not in request.heads:
        raise InputError("agent's XML, CONTENT: found nothing, expected the inventory")
    return Body("xml", query, request.heads.get("deviceid", ""), sections=request.sections)


# --- JSON: {"action": …, "deviceid": …, "content": {"section": {…} or [{…}, …]}} -------------------------------------


def load_json(text: bytes) -> dict[str, object]:
    """The object that a body holds.

    Raises:
        InputError: it is none, or of more values than an inventory has.
    """
    # A value takes a byte: most bodies are too short to hold too many, and need not be counted through.
    if len(text) > NODE_LIMIT and sum(text.count(mark) for mark in (b",", b"[", b"{")) > NODE_LIMIT:
        raise InputError(f"agent's JSON: expected at most {NODE_LIMIT} values")
    try:
        document = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InputError(f"agent's JSON: found a byte that is no UTF-8 at {error.start}, expected UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"agent's JSON: found a mistake ({str(error)[:200]}), expected JSON") from error
    if not isinstance(document, dict):
        raise InputError(f"agent's JSON: found {kind_of(document)}, expected an object")
    return document


def _parse_json(text: bytes) -> Body:
    document = load_json(text)
    action = _leaf(document, "action", str)
    if action not in ("contact", "inventory"):
        raise InputError(f"agent's JSON, action: found {action[:40]!r}, expected contact or inventory")
    device = _leaf(document, "deviceid", str)
    if action == "contact":
        return Body("json", action, device)
    content = document.get("content")
    if not isinstance(content, dict):
        raise InputError(f"agent's JSON, content: found {kind_of(content)}, expected an object")
    sections = {name: _rows(name, content[name]) for name in WANTED & content.keys()}
    item_type = _leaf(document, "itemtype", str) if "itemtype" in document else "Computer"
    partial = _leaf(document, "partial", bool) if "partial" in document else False
    return Body("json", action, device, item_type, partial, sections)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _leaf(document: Mapping[str, object], name: str, type_: type[_Leaf]) -> _Leaf:
    value = document.get(name)
    if not isinstance(value, type_):
        expected = "text" if type_ is str else "true or false"
        raise InputError(f"agent's JSON, {name}: found {kind_of(value)}, expected {expected}")
    return value


def _rows(name: str, section: object) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number, row in enumerate(section if isinstance(section, list) else [section]):
        if not isinstance(row, dict):
            raise InputError(f"agent's JSON, content.{name}[{number}]: found {kind_of(row)}, expected an object")
        rows.append(row)
    return rows


def kind_of(value: object) -> str:
    """What a JSON value is, in words for a person."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
