"""Records one device: walks all that it shows, scrubs it, and says what the recording identifies as."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collectors.probe import parse_target, resolve, tell
from collectors.recording.asking import Asking, ask
from collectors.recording.device import RecordedDevice
from collectors.recording.scrub import Scrubbed, scrub
from collectors.recording.snmprec import Oid, Row, parse_oid
from collectors.recording.walking import SUBTREES, Walk, walk_all
from collectors.snmp import Reading
from collectors.transports.snmp import SnmpError, SnmpTimeout
from inventory.words import Credential, InputError, Title

MAX_ROWS = 1_000
"""Rows of one column: enough to tell what it is."""
EXPECTED: Final = (
    *("role", "vendor", "os_name", "model", "version", "serial", "sysname"),
    *("interfaces", "interfaces_up", "neighbours"),
)
"""What the expected result of a recording says."""
_FIRST: Final = parse_oid("1.3.6.1.2.1.1")
_TRIES_AT_FIRST = 2
_NO_SECRETS: Final = ("auth", "priv", "key_expansion", "port")
"""Fields of a credential that are no secret, but the name of an algorithm."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A device, scrubbed, and what is to be said of it."""

    scrubbed: Scrubbed
    expected: Mapping[str, object]
    """With EXPECTED: what `probe` tells of it."""
    changed: Mapping[str, tuple[object, object]]
    """What identification says otherwise of the scrubbed rows: before and after, by field."""
    problems: Sequence[str] = ()
    """Why it is not all that the device shows."""
    partial: bool = False
    """Whether it was broken off."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows left out, by the reason."""


async def record(
    target: str,
    credentials: Sequence[Credential],
    *,
    seconds: float,
    max_rows: int = MAX_ROWS,
    stop: asyncio.Event | None = None,
    advanced: Callable[[float, int], None] = lambda share, rows: None,
) -> Recording:
    """Walks a device to the end, or until `stop` is set, and scrubs what it shows.

    Args:
        target: host[:port] or [IPv6]:port; InputError where it is none.
        credentials: tried in order.
        seconds: to wait for the answer to one request.
        max_rows: of one column.
        advanced: told after each answer how far the walk has come, 0 to 1, and how many rows it has.

    Raises:
        SnmpError: nothing at all was read.
    """
    place = parse_target(target)
    if place.scheme != "snmp":
        raise InputError(
            Title(
                f"đích {target!r}: chỉ ghi được SNMP; cần host[:port] hoặc [IPv6]:port",
                f"target {target!r}: only SNMP is recorded; expected host[:port] or [IPv6]:port",
            )
        )
    try:
        address = await resolve(place, seconds)
    except OSError as error:
        raise SnmpTimeout(f"{place.host}: {error.strerror or error}") from None
    walk = Walk()
    walking = asyncio.create_task(_walk(address, place.port, credentials, seconds, max_rows, walk, advanced))
    stopping = asyncio.create_task((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait((walking, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        walking.cancel()
    broken_off = await _outcome(walking, walk)
    if not walk.rows:
        raise SnmpTimeout(
            f"{target}: broken off before anything was read" if broken_off else f"{target}: shows nothing"
        )
    where = [f"{address}:{place.port}", f"[{address}]:{place.port}", place.host]
    return await make_recording(
        walk.rows.values(), credentials, problems=_unplaced(walk.problems, where), partial=broken_off,
        left_out=walk.left_out,
    )  # fmt: skip


async def _outcome(walking: asyncio.Task[None], walk: Walk) -> bool:
    """Whether the walk was broken off; what made it fail is raised where it read nothing, and else noted."""
    try:
        await walking
    except asyncio.CancelledError:
        return True
    except SnmpError as error:
        if not walk.rows:
            raise
        walk.tell(str(error))
        return True
    return False


def _unplaced(problems: Iterable[str], where: Iterable[str]) -> list[str]:
    """Problems without the device's address: they go into the recording."""
    told = []
    for problem in problems:
        for place in where:
            problem = problem.replace(place, "the device")
        told.append(problem)
    return list(dict.fromkeys(told))


async def _walk(
    address: str,
    port: int,
    credentials: Sequence[Credential],
    seconds: float,
    max_rows: int,
    walk: Walk,
    advanced: Callable[[float, int], None],
) -> None:
    """Walks with the first credential that the device answers to; SnmpTimeout where it answers to none."""
    failures = []
    for credential in credentials:
        async with ask(address, port, credential, seconds) as asking:
            try:
                if not await asking.following(_FIRST, 1, _TRIES_AT_FIRST):
                    failures.append(f"{credential.name}: {asking.where} shows nothing")
                    continue
            except SnmpError as error:
                failures.append(f"{credential.name}: {error}")
                continue
            await _walk_subtrees(asking, walk, max_rows, advanced)
            return
    raise SnmpTimeout("; ".join(failures) or "no credential to try")


async def _walk_subtrees(asking: Asking, walk: Walk, max_rows: int, advanced: Callable[[float, int], None]) -> None:
    await walk_all(asking, walk, max_rows=max_rows, advanced=lambda oid, rows: advanced(_share(oid), rows))


def _share(oid: Oid) -> float:
    """How far a walk has come at an OID: a guess, for nobody knows how much a device shows."""
    if oid[:4] != SUBTREES[1]:
        return 0.02 if oid < SUBTREES[1] else 0.98
    if oid[:6] == (1, 3, 6, 1, 2, 1):
        return 0.05 + 0.45 * min((oid[6] if len(oid) > 6 else 0) / 50, 1)
    if oid[:6] == (1, 3, 6, 1, 4, 1):
        number = oid[6] if len(oid) > 6 else 0
        return 0.5 + 0.45 * min(number / 60_000, 1)
    return 0.05 if oid < (1, 3, 6, 1, 2) else 0.95


async def make_recording(
    rows: Iterable[Row],
    credentials: Sequence[Credential] = (),
    *,
    problems: Sequence[str] = (),
    partial: bool = False,
    left_out: Mapping[str, int] | None = None,
) -> Recording:
    """Scrubs rows, and compares what identification says of them before and after.

    The secrets of `credentials` stand nowhere in what comes out.
    """
    rows = list(rows)
    before = await _identify(rows)
    fields = before.portrait.fields
    serial = fields.get("serial")
    known = [fields[name] for name in ("vendor", "os_name", "model", "version") if name in fields]
    # Many a device that nobody named has a word of its maker's for a name.
    known += " ".join(fields[name] for name in ("vendor", "os_name") if name in fields).split()
    secrets = [v for c in credentials for k, v in c.secret.items() if k not in _NO_SECRETS]
    scrubbed = scrub(
        rows,
        secrets=secrets,
        serials=[serial] if serial else [],
        kept=known,
    )
    after = await _identify(scrubbed.rows)
    was, expected = _expect(before), _expect(after)
    same = ("role", "vendor", "os_name", "model", "version", "interfaces", "interfaces_up")
    changed = {key: (was[key], expected[key]) for key in same if was[key] != expected[key]}
    if bool(was["serial"]) != bool(expected["serial"]):
        changed["serial"] = was["serial"], expected["serial"]
    neighbours = (len(before.tables.neighbours), len(after.tables.neighbours))
    if neighbours[0] != neighbours[1]:
        changed["neighbours"] = neighbours
    return Recording(scrubbed, expected, changed, list(problems), partial, Counter(left_out or {}) + scrubbed.left_out)


async def _identify(rows: Iterable[Row]) -> Reading:
    reading = Reading("127.0.0.1", 161)
    await reading.read(RecordedDevice(rows))
    return reading


def _expect(reading: Reading) -> dict[str, object]:
    """What the expected result says."""
    told = tell(reading)
    known: Mapping[str, object] = {
        **told,
        "role": told["role"] or "unknown",
        "interfaces_up": reading.tables.up if "interface" in reading.tables.read else None,
        "neighbours": sorted(map(str, found)) if isinstance(found := told["neighbours"], list) else [],
    }
    return {key: known[key] for key in EXPECTED}
