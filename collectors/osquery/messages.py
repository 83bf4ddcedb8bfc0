"""The bodies of osquery's TLS API: enrolment, configuration, logs of results, questions asked once, and answers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from collectors.agents.rows import text_of
from collectors.agents.wire import inflate, kind_of, load_json
from collectors.osquery.answers import READERS, SOURCE, Answer, identifiers_of
from collectors.osquery.queries import load_queries
from inventory.text import nfc
from inventory.words import Identity, InputError, Observation

__all__ = [
    "Told",
    "configuration",
    "key_for",
    "known_by",
    "open_message",
    "questions",
    "read_answers",
    "read_enrolment",
    "read_log",
]

IDENTIFIER_LIMIT = 255
PROBLEMS_TOLD = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What one body says of its machine."""

    observations: tuple[Observation, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read; the rest was."""
    whole: bool = False
    """Everything that is asked was answered, the machine's own names among it."""
    another: bool = False
    """The body is of another machine than its key: the disk was copied with it. Nothing of it was read."""

    @property
    def error(self) -> str | None:
        """The problems as the error of a run, the first few."""
        further = len(self.problems) - PROBLEMS_TOLD
        shown = [*self.problems[:PROBLEMS_TOLD], *([f"and {further} more"] if further > 0 else [])]
        return "; ".join(shown) or None


@dataclass(slots=True)
class _Reading:
    """Answers of one machine, gathered from one body."""

    device: str
    answers: list[tuple[Answer, datetime]] = field(default_factory=list)
    identifiers: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def take(self, name: str, rows: object, at: datetime) -> bool:
        """Read the rows that answer a query; whether they could be read."""
        try:
            answer = READERS[name](_rows(name, rows), at)
        except InputError as error:
            self.problems.append(str(error))
            return False
        self.answers.append((answer, at))
        self.identifiers |= answer.identifiers
        return True

    def told(self, *, whole: bool = False) -> Told:
        """One observation for each answer that says something, all of the one machine."""
        named = frozenset({("agent_id", self.device), *self.identifiers})
        address = next((answer.address for answer, _ in reversed(self.answers) if answer.address), None)
        observations = tuple(
            Observation(
                tuple(replace(fact, source=SOURCE) for fact in answer.facts),
                asset=Identity(named, address=address),
                tables_read=answer.tables_read,
            )
            for answer, _ in sorted(self.answers, key=lambda pair: pair[1])
            if answer.facts or answer.tables_read
        )
        return Told(observations, tuple(self.problems), whole)


def open_message(body: bytes) -> dict[str, object]:
    """The object that a body holds, which may be gzipped.

    Raises:
        InputError: the body is too large, inflates without end, is damaged, or is no JSON object.
    """
    return load_json(inflate(body).removeprefix(b"\xef\xbb\xbf").lstrip())


def key_for(token: str, identifier: str) -> str:
    """The node key of the daemon with that identifier, which only who knows the agency's token can make."""
    name = base64.urlsafe_b64encode(identifier.encode()).decode().rstrip("=")
    return f"{name}.{_seal(token, identifier)}"


def known_by(token: str, node_key: object) -> str | None:
    """The identifier that a node key was made for, None where it was not made with this token."""
    if not isinstance(node_key, str):
        return None
    name, _, seal = node_key.partition(".")
    try:
        identifier = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    return identifier if hmac.compare_digest(seal.encode(), _seal(token, identifier).encode()) else None


def _seal(token: str, identifier: str) -> str:
    return hmac.new(token.encode(), b"osquery\0" + identifier.encode(), hashlib.sha256).hexdigest()


def configuration() -> dict[str, object]:
    """The answer to /config: every query as a scheduled snapshot, with the machine's own names beside each result."""
    schedule: dict[str, object] = {}
    for name, query in load_queries().items():
        schedule[name] = {"query": query.sql, "interval": query.interval, "snapshot": True} | (
            {} if query.platform == "any" else {"platform": query.platform}
        )
    names = "SELECT uuid, hardware_serial FROM system_info"
    return {"schedule": schedule, "decorators": {"always": [names]}, "node_invalid": False}


def questions() -> dict[str, object]:
    """The answer to /distributed/read for a machine that is not known: every query at once, where its table is."""
    queries = load_queries()
    there = "SELECT 1 FROM osquery_registry WHERE registry = 'table' AND name = '{}'"
    return {
        "queries": {name: query.sql for name, query in queries.items()},
        "discovery": {name: there.format(query.table) for name, query in queries.items()},
        "node_invalid": False,
    }


def read_enrolment(document: Mapping[str, object], at: datetime) -> tuple[str, Told]:
    """Who enrols, and what it says of its machine with that.

    Raises:
        InputError: the host identifier is no name.
    """
    identifier = nfc(text_of(document, "host_identifier") or "")
    if not identifier or len(identifier) > IDENTIFIER_LIMIT or not identifier.isprintable():
        found = repr(identifier[:40]) if identifier else "nothing"
        expected = f"expected a name of 1 to {IDENTIFIER_LIMIT} characters"
        raise InputError(f"osquery's enrolment, host_identifier: found {found}, {expected}")
    details = document.get("host_details")
    details = details if isinstance(details, dict) else {}
    parts = [details.get(name) for name in ("system_info", "os_version")]
    row = {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
    reading = _Reading(_device(identifier))
    if row:
        reading.take("machine", [row], at)
    return identifier, reading.told()


def read_log(document: Mapping[str, object], identifier: str, at: datetime) -> Told:
    """What the results in a log say, each dated by when its query ran, and never later than `at`.

    The log of the daemon's own state (`status`) says nothing of the machine.

    Raises:
        InputError: the log has no list of results.
    """
    if document.get("log_type") == "status":
        return Told()
    data = document.get("data")
    if not isinstance(data, list):
        raise InputError(f"osquery's log, data: found {kind_of(data)}, expected a list")
    reading = _Reading(_device(identifier))
    for number, item in enumerate(data):
        if not isinstance(item, dict):
            reading.problems.append(f"osquery's log, data[{number}]: found {kind_of(item)}, expected an object")
            continue
        if item.get("hostIdentifier", identifier) != identifier:
            return Told(another=True)
        name = item.get("name")
        if not isinstance(name, str) or name not in READERS:
            reading.problems.append(f"osquery's log, data[{number}].name: found {name!r:.60}, which was not asked")
        elif "snapshot" not in item:
            reading.problems.append(f"osquery's log, {name}: found a difference, expected a snapshot")
        elif (ran := _ran(item.get("unixTime"), at)) is None:
            found = f"found {item.get('unixTime')!r:.40}, expected the seconds since 1970"
            reading.problems.append(f"osquery's log, {name}, unixTime: {found}")
        else:
            reading.take(name, item["snapshot"], ran)
            if isinstance(decorations := item.get("decorations"), dict):
                reading.identifiers |= identifiers_of(decorations)
    return reading.told()


def read_answers(document: Mapping[str, object], identifier: str, at: datetime) -> Told:
    """What the answers to `questions` say. A query that failed, or that was not fit for the machine, says nothing.

    Raises:
        InputError: there are no answers.
    """
    queries, statuses = document.get("queries"), document.get("statuses")
    if not isinstance(queries, dict):
        raise InputError(f"osquery's answers, queries: found {kind_of(queries)}, expected an object")
    failed = {name for name, status in statuses.items() if str(status) != "0"} if isinstance(statuses, dict) else set()
    reading = _Reading(_device(identifier))
    read: set[str] = set()
    for name, rows in queries.items():
        if name in failed:
            continue
        if name not in READERS:
            reading.problems.append(f"osquery's answers: found {name!r:.60}, which was not asked")
        elif reading.take(name, rows, at) and rows:
            read.add(name)
    return reading.told(whole="machine" in read)


def _device(identifier: str) -> str:
    return f"osquery {identifier}"


def _ran(seconds: object, at: datetime) -> datetime | None:
    text = str(seconds)
    if isinstance(seconds, bool) or not text.isascii() or not text.isdigit() or len(text) > 11:
        return None
    return min(datetime.fromtimestamp(int(text), UTC), at)


def _rows(name: str, rows: object) -> list[dict[str, object]]:
    if not isinstance(rows, Iterable) or isinstance(rows, dict | bytes) or (isinstance(rows, str) and rows):
        raise InputError(f"osquery's rows of {name}: found {kind_of(rows)}, expected a list")
    found: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f"osquery's rows of {name}[{number}]: found {kind_of(row)}, expected an object")
        found.append(row)
    return found
