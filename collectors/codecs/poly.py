"""Reads Poly's room systems (RealPresence Group, G7500, Studio X) by their REST API: status and calls, as JSON.

The addresses are those of the maker's "REST API Reference Guide" of these systems: POST /rest/session logs in, GET
/rest/system, /rest/system/status and /rest/conferences tell the state, /rest/calllog/entries the calls, and the session
is left again. Nothing is changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from collectors.codecs import FIRST_YEAR, MOST_CALLS, Status, shorten_remote
from collectors.transports.codec import CodecError, CodecSession
from inventory.words import Call, CallHistory, Credential, Value

KIND = "poly"
_MILLISECONDS = 10**11
"""Times above this are in milliseconds since 1970, those below in seconds."""


async def read(host: str, port: int, credential: Credential, now: datetime) -> Status:
    """The state of one system and, where it tells them, its calls.

    Raises:
        CodecError: it does not let us in, or its state was not read.
    """
    secret = credential.secret
    async with CodecSession(host, port, credential) as session:
        login = {"action": "Login", "user": secret["user"], "password": secret["password"]}
        answer = _parse(await session.post("/rest/session", json.dumps(login).encode(), "application/json"), "login")
        if isinstance(answer, dict) and answer.get("success") is False:
            raise CodecError(f"{session.where} refuses credential {credential.name}")
        try:
            values = read_system(_parse(await session.get("/rest/system"), "/rest/system"))
            problems: list[str] = []
            history: CallHistory | None = None
            # Not every model and version has all of them: what one lacks says nothing of the others.
            for path, read_values in (("/rest/system/status", read_states), ("/rest/conferences", read_conferences)):
                try:
                    values |= read_values(_parse(await session.get(path), path))
                except CodecError as error:
                    problems.append(str(error))
            try:
                listed = await session.get(f"/rest/calllog/entries?limit={MOST_CALLS}")
                history = read_calls(_parse(listed, "/rest/calllog/entries"), now)
            except CodecError as error:
                problems.append(str(error))
        finally:
            await session.leave("/rest/session", json.dumps({"action": "Logout"}).encode(), "application/json")
    return Status(values, history, tuple(problems))


def read_system(system: object) -> dict[str, Value]:
    """What /rest/system says, by keys of the vocabulary; CodecError where it says nothing of a system."""
    if not isinstance(system, dict) or not (system.get("model") or system.get("softwareVersion")):
        raise CodecError("/rest/system: found neither model nor softwareVersion, expected both")
    state = str(system.get("state") or "").upper()
    told: dict[str, Value] = {
        "role": "vc_endpoint",
        "vendor": "Poly" if "poly" in str(system.get("model") or "").lower().split()[:1] else "Polycom",
        "model": _text(system, "model"),
        "version": _text(system, "softwareVersion"),
        "serial": _text(system, "serialNumber"),
        "sysname": _text(system, "systemName"),
        "uptime": _number(system.get("uptime")),
        "standby": state in ("ASLEEP", "SLEEP", "STANDBY") if state else None,
    }
    return {key: value for key, value in told.items() if value is not None}


def read_states(listed: object) -> dict[str, Value]:
    """What /rest/system/status says of registration, camera and microphone: each "up" or "down"."""
    if not isinstance(listed, list):
        raise CodecError("/rest/system/status: expected a list")
    found: dict[str, str] = {}
    for one in listed:
        if isinstance(one, dict):
            state = one.get("state") if "state" in one else one.get("stateList")
            first = state[0] if isinstance(state, list) and state else state
            name = str(one.get("name") or one.get("langtag") or "").lower().rpartition(".")[2]
            found[name] = str(first or "").lower()
    ups = [
        found[name] for name in ("sipserver", "sipregistrarserver", "gatekeeper") if found.get(name) in ("up", "down")
    ]
    told: dict[str, Value] = {
        "registered": "up" in ups if ups else None,
        "camera_connected": _is_up(found, "camera"),
        "microphone_connected": _is_up(found, "microphones"),
    }
    return {key: value for key, value in told.items() if value is not None}


def _is_up(found: Mapping[str, str], name: str) -> bool | None:
    return {"up": True, "down": False}.get(found.get(name, ""))


def read_conferences(listed: object) -> dict[str, Value]:
    """How many calls there are now, by /rest/conferences: the connections of all of them."""
    if not isinstance(listed, list):
        raise CodecError("/rest/conferences: expected a list")
    connections = (one.get("connections") for one in listed if isinstance(one, dict))
    return {"calls": sum(max(1, len(each)) if isinstance(each, list) else 1 for each in connections)}


def read_calls(listed: object, now: datetime) -> CallHistory:
    """The calls that /rest/calllog/entries lists; those that nobody took are left out.

    Raises:
        CodecError: it is no list.
    """
    if not isinstance(listed, list):
        raise CodecError("/rest/calllog/entries: expected a list")
    rows = [row for row in listed if isinstance(row, dict)]
    begun = [begin for row in rows if (begin := _time(row.get("startTime")))]
    calls = [call for row in rows if (call := _read_call(row)) and call.begin <= now]
    return CallHistory(min(begun, default=now), tuple(calls), len(rows) < MOST_CALLS)


def _read_call(row: Mapping[str, object]) -> Call | None:
    begin, seconds = _time(row.get("startTime")), _number(row.get("duration"))
    if begin is None or not seconds:
        return None
    said = str(row.get("direction") or row.get("callDirection") or row.get("type") or "").lower()
    direction = next((word for word in ("incoming", "outgoing") if word in said), "")
    remote = str(row.get("address") or row.get("number") or "")
    protocol = "".join(c for c in str(row.get("callType") or row.get("protocol") or "").lower() if c.isalnum())
    key = str(row.get("id") or row.get("callId") or "")[:40]
    return Call(begin, begin + timedelta(seconds=min(seconds, 10**7)), direction, shorten_remote(remote), protocol[:20],
                key)  # fmt: skip


def _parse(document: bytes, where: str) -> object:
    try:
        return json.loads(document) if document.strip() else {}
    except (ValueError, RecursionError):
        raise CodecError(f"{where}: found no JSON") from None


def _text(system: Mapping[str, object], name: str) -> str | None:
    value = system.get(name)
    plain = "".join(c for c in " ".join(str(value).split()) if c.isprintable())[:120] if value else ""
    return plain or None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _time(value: object) -> datetime | None:
    number = _number(value)
    if number is None:
        return None
    try:
        read_ = datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    # A clock that was never set begins long before there were such devices.
    return None if read_.year < FIRST_YEAR else read_
