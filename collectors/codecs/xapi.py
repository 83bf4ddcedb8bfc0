"""Reads Cisco's collaboration endpoints (TC, CE and RoomOS software) by xAPI: status and history of calls, as XML.

The addresses and elements are those of the maker's "CE API Reference Guide": GET /status.xml, and POST /putxml with the
command CallHistory Get, over HTTPS with Basic authentication. Nothing else is asked, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collectors.codecs import FIRST_YEAR, MOST_CALLS, Status, shorten_remote
from collectors.transports.codec import CodecError, CodecSession
from inventory.words import Call, CallHistory, Credential, Value

KIND = "xapi"
_HISTORY = (
    '<Command><CallHistory><Get command="True"><DetailLevel>Full</DetailLevel>'
    f"<Limit>{MOST_CALLS}</Limit></Get></CallHistory></Command>"
)
_AWAKE = {"off": False, "standby": True, "halfwake": True, "enteringstandby": True, "true": True, "false": False}


async def read(host: str, port: int, credential: Credential, now: datetime) -> Status:
    """The status of one codec and, where it tells it, the history of its calls.

    Raises:
        CodecError: its status was not read.
    """
    async with CodecSession(host, port, credential, basic=True) as session:
        values = read_status(await session.get("/status.xml"))
        try:
            history = read_history(await session.post("/putxml", _HISTORY.encode(), "text/xml"), now)
        except CodecError as error:
            # The user may lack the right to it, while the state is told.
            return Status(values, None, (str(error),))
    return Status(values, history)


def read_status(document: bytes) -> dict[str, Value]:
    """What a Status document says, by keys of the vocabulary.

    Raises:
        CodecError: it is none.
    """
    root = _parse(document, "/status.xml")
    if root.tag != "Status":
        raise CodecError(f"/status.xml: found the element {root.tag[:40]!r}, expected Status")
    unit = root.find("SystemUnit")
    if unit is None:
        raise CodecError("/status.xml: found no SystemUnit, expected one")
    version = _text(unit, "Software/DisplayName") or _text(unit, "Software/Version")
    told: dict[str, Value] = {
        "role": "vc_endpoint",
        "vendor": "Cisco",
        "model": _text(unit, "ProductPlatform") or _text(unit, "ProductId"),
        "version": version.split()[-1] if version else None,
        "serial": _text(unit, "Hardware/Module/SerialNumber"),
        "uptime": _number(unit, "Uptime"),
        "calls": _number(unit, "State/NumberOfActiveCalls"),
        "registered": _is_registered(root),
        "standby": _AWAKE.get((_text(root, "Standby/State") or _text(root, "Standby/Active") or "").lower()),
        "camera_connected": _any(_texts(root, "Cameras/Camera/Connected"), "true"),
        "microphone_connected": _any(
            _texts(root, "Audio/Input/Connectors/Microphone/ConnectionStatus"), "connected", unknown="unknown"
        ),
    }
    if told["calls"] is None:
        told["calls"] = len(root.findall("Call")) if unit.find("State") is not None else None
    return {key: value for key, value in told.items() if value is not None}


def _is_registered(root: Element) -> bool | None:
    """Whether it is registered with a SIP registrar or a gatekeeper; both say "Inactive" where none is set."""
    said = [
        *_texts(root, "SIP/Registration/Status"),
        *_texts(root, "SIP/Profile/Registration/Status"),
        *_texts(root, "H323/Gatekeeper/Status"),
        *_texts(root, "Webex/Status"),
    ]
    return _any(said, "registered")


def read_history(document: bytes, now: datetime) -> CallHistory:
    """The calls of a CallHistoryGetResult; those that nobody took are left out.

    Raises:
        CodecError: it is none, or the device says that it failed.
    """
    root = _parse(document, "/putxml")
    result = root if root.tag == "CallHistoryGetResult" else root.find("CallHistoryGetResult")
    if result is None or result.get("status") != "OK":
        raise CodecError("/putxml: found no CallHistoryGetResult with the status OK")
    entries = result.findall("Entry")
    calls = [call for entry in entries if (call := _read_call(entry)) and call.begin <= now]
    begun = [begin for entry in entries if (begin := _time(_text(entry, "StartTimeUTC")))]
    return CallHistory(min(begun, default=now), tuple(calls), len(entries) < MOST_CALLS)


def _read_call(entry: Element) -> Call | None:
    begin, end = _time(_text(entry, "StartTimeUTC")), _time(_text(entry, "EndTimeUTC"))
    seconds = _number(entry, "Duration")
    if begin is not None and end is None and seconds is not None:
        end = begin + timedelta(seconds=min(seconds, 10**7))
    if begin is None or end is None or end <= begin or seconds == 0:
        return None
    direction = (_text(entry, "Direction") or "").lower()
    return Call(
        begin,
        end,
        direction if direction in ("incoming", "outgoing") else "",
        shorten_remote(_text(entry, "CallbackNumber") or _text(entry, "RemoteNumber") or ""),
        (_text(entry, "Protocol") or "").lower().replace(".", "")[:20],
        (_text(entry, "CallHistoryId") or "")[:40],
    )


def _parse(document: bytes, where: str) -> Element:
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise CodecError(f"{where}: found no well-formed XML without entities of its own") from None
    for element in root.iter():
        # Some versions put the elements into a namespace.
        element.tag = element.tag.rpartition("}")[2]
    return root


def _texts(element: Element, path: str) -> list[str]:
    found = (" ".join((e.text or "").split()) for e in element.findall(path))
    return ["".join(c for c in text if c.isprintable())[:120] for text in found if text]


def _text(element: Element, path: str) -> str | None:
    return next(iter(_texts(element, path)), None)


def _number(element: Element, path: str) -> int | None:
    text = _text(element, path) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _any(said: Iterable[str], yes: str, *, unknown: str = "") -> bool | None:
    """Whether one says yes; None where none says anything that is known."""
    known = [word.lower() for word in said if word.lower() != unknown]
    return None if not known else yes in known


def _time(text: str | None) -> datetime | None:
    try:
        read_ = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    # A clock that was never set begins long before there were such devices.
    return None if read_.year < FIRST_YEAR else read_ if read_.tzinfo else read_.replace(tzinfo=UTC)
