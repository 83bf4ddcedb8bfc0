"""Scans in the store: how far each has come, what it saw, and what differs from the scan before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from inventory.store.tables import FACTS, FOREVER, asset, scan, scan_host, scan_network
from inventory.text import nfc, storable
from inventory.vocabulary import instant, moment
from inventory.words import Fact, InputError, Network, Proof, ScanState, Title

__all__ = [
    "Begun", "Change", "NetworkScan", "Owner", "Part", "Seen", "Standing", "begin", "cancel", "changes", "end",
    "end_network", "kept", "last_complete", "load", "networks", "prune", "recognise", "renew", "state", "tell",
]  # fmt: skip

KEEP = timedelta(days=400)
LEASE = timedelta(minutes=2)
"""Who scans says so again within this time; then it is taken that its process has ended."""
RESUMED = timedelta(days=7)
"""A scan that was broken off longer ago is not taken up again: what it saw may have changed."""
RUNNING, DONE, BROKEN_OFF, CANCELLED, CANCELLING = "running", "done", "broken_off", "cancelled", "cancelling"
SOURCE = "scan"
"""How the sources of what scans tell begin; each profile has its own, "scan-security"."""
_LOOKING = ("nmap", "icmp")
"""Who only looks from outside, beside scans."""
_TELLING = ("role", "serial", "sysname", "os_name", "model")
_LONGEST = 1_000
_TOGETHER = 400


@dataclass(frozen=True, slots=True)
class Owner:
    """Who does the work: a process."""

    name: str
    is_gone: Callable[[str], bool]
    """Whether another of this name is known to have ended; where that is not known, its lease says so."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be looked at in one network."""

    prefix: str
    addresses: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A scan that was taken up or begun."""

    number: int | None
    """None: another scan is in every network."""
    resumed: bool
    busy: Mapping[str, int]
    """The networks that were left out, and the scan that is in each."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One scan (lần quét)."""

    number: int
    profile: str
    networks: tuple[str, ...]
    state: str
    """"running", "done", "broken_off" (it can be taken up again), "cancelling" or "cancelled"."""
    begun: datetime
    taken_up: datetime
    """When it was begun, or last taken up again."""
    ended: datetime | None
    asked_by: str
    reason: str
    """Why networks were scanned that the register does not allow; else empty."""
    detail: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One address as a scan saw it; `host` and `services` are the collector's own JSON."""

    address: str
    seen: datetime
    host: str
    read: datetime | None = None
    services: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkScan:
    """How far a scan has come in one network."""

    network: str
    addresses: int
    swept: tuple[str, ...]
    """The first address of each piece that was swept."""
    ended: datetime | None
    complete: bool
    error: str
    hosts: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What one scan saw otherwise than the one before it, of the same network by the same profile."""

    network: str
    address: str
    kind: str
    """"new_host", "vanished_host", "new_port", "vanished_port" or "changed_port"."""
    port: str = ""
    before: str = ""
    now: str = ""


def begin(
    connection: Connection,
    profile: str,
    parts: Mapping[str, Part],
    owner: Owner,
    now: datetime,
    *,
    asked_by: str = "",
    reason: str = "",
    again: bool = False,
) -> Begun:
    """Take up the newest scan by this profile of just these networks where it was broken off, or begin one.

    A network that another process is scanning now is left out: both together would ask more than it may be asked.

    Args:
        parts: by the code of a network what is to be looked at in it.
        again: begin one in any case. What was done for another reason, or on another's word, is never taken up.
    """
    busy = {network: number for network, number in _busy(connection, owner, now).items() if network in parts}
    wanted = [network for network in parts if network not in busy]
    if not wanted:
        return Begun(None, False, busy)
    texts = {"asked_by": nfc(storable(asked_by))[:_LONGEST], "reason": nfc(storable(reason))[:_LONGEST]}
    mine = {"state": RUNNING, "ended": None, "detail": "", "owner": owner.name, "lease": instant(now + LEASE)}
    mine["taken_up"] = instant(now)
    kept = None if again else _broken_off(connection, profile, {code: parts[code] for code in wanted}, texts, now)
    if kept is not None:
        connection.execute(update(scan).where(scan.c.id == kept).values(**mine))
        return Begun(kept, True, busy)
    row = {"profile": profile, "networks": json.dumps(wanted), "begun": instant(now), **texts, **mine}
    number: int = connection.execute(insert(scan).values(**row).returning(scan.c.id)).scalar_one()
    rows = [
        {"scan": number, "network": network, "prefix": parts[network].prefix, "addresses": parts[network].addresses,
         "swept": "", "ended": None, "complete": False, "error": ""}
        for network in wanted
    ]  # fmt: skip
    connection.execute(insert(scan_network), rows)
    return Begun(number, False, busy)


def _busy(connection: Connection, owner: Owner, now: datetime) -> dict[str, int]:
    """The networks in which a scan is under way, and its number; one whose process is gone is not."""
    rows = connection.execute(
        select(scan.c.id, scan.c.networks, scan.c.owner).where(
            scan.c.state.in_([RUNNING, CANCELLING]), scan.c.lease >= instant(now), scan.c.owner != owner.name
        )
    )
    return {n: int(r.id) for r in rows if not owner.is_gone(r.owner) for n in json.loads(r.networks)}


def _broken_off(
    connection: Connection, profile: str, parts: Mapping[str, Part], texts: Mapping[str, str], now: datetime
) -> int | None:
    """The newest scan by this profile of just these networks that was broken off or whose process ended.

    What was done for a reason goes on for the same and on the same word only; a network that has another prefix since
    is another.
    """
    rows = connection.execute(
        select(scan.c.id, scan.c.asked_by, scan.c.reason)
        .where(
            scan.c.profile == profile, scan.c.state.in_([RUNNING, BROKEN_OFF]),
            scan.c.begun >= instant(now - RESUMED),
        )
        .order_by(scan.c.begun.desc(), scan.c.id.desc())
    ).all()  # fmt: skip
    wanted = {(code, part.prefix) for code, part in parts.items()}
    for row in rows:
        of = select(scan_network.c.network, scan_network.c.prefix).where(scan_network.c.scan == row.id)
        same = {(r.network, r.prefix) for r in connection.execute(of)} == wanted
        if same and row.reason == texts["reason"] and (not row.reason or row.asked_by == texts["asked_by"]):
            return int(row.id)
    return None


def renew(connection: Connection, number: int, now: datetime) -> None:
    """Say that a scan is still being done."""
    connection.execute(update(scan).where(scan.c.id == number).values(lease=instant(now + LEASE)))


def kept(connection: Connection, number: int, network: str) -> tuple[tuple[str, ...], list[Seen]]:
    """What a scan has of one network: the first addresses of the pieces that were swept, and what it saw."""
    where = (scan_network.c.scan == number) & (scan_network.c.network == network)
    swept = connection.scalar(select(scan_network.c.swept).where(where)) or ""
    rows = connection.execute(select(scan_host).where(scan_host.c.scan == number, scan_host.c.network == network))
    seen = [
        Seen(r.address, moment(r.seen), r.host, None if r.read is None else moment(r.read), r.services) for r in rows
    ]
    return tuple(swept.split()), seen


def tell(connection: Connection, number: int, network: str, swept: str | None, seen: Iterable[Seen]) -> bool:
    """Keep what came of a piece; whether the scan is to go on (False: it is to be cancelled)."""
    here = (scan_network.c.scan == number) & (scan_network.c.network == network)
    if swept is not None:
        pieces = connection.scalar(select(scan_network.c.swept).where(here)) or ""
        connection.execute(update(scan_network).where(here).values(swept=f"{pieces} {swept}".strip()))
    for one in seen:
        at = (scan_host.c.scan == number) & (scan_host.c.network == network) & (scan_host.c.address == one.address)
        values: dict[str, Any] = {"seen": instant(one.seen), "host": one.host}
        if one.services is not None and one.read is not None:
            values = {"read": instant(one.read), "services": one.services}
        if connection.execute(update(scan_host).where(at).values(**values)).rowcount == 0:
            row = {"seen": instant(one.seen), "host": one.host, "read": None, "services": None} | values
            connection.execute(insert(scan_host).values(scan=number, network=network, address=one.address, **row))
    return state(connection, number) == RUNNING


def state(connection: Connection, number: int) -> str:
    """The state of a scan."""
    return connection.scalar(select(scan.c.state).where(scan.c.id == number)) or CANCELLED


def end_network(
    connection: Connection, number: int, network: str, now: datetime, complete: bool, error: str | None
) -> None:
    """Store that one network was read, to its end or not."""
    here = (scan_network.c.scan == number) & (scan_network.c.network == network)
    values = {"ended": instant(now), "complete": complete, "error": (error or "")[:_LONGEST]}
    connection.execute(update(scan_network).where(here).values(**values))


def end(connection: Connection, number: int, now: datetime, finished: bool, detail: str = "") -> str:
    """Store that a scan is done, or was broken off; its state."""
    cancelled = state(connection, number) in (CANCELLING, CANCELLED)
    became = CANCELLED if cancelled else DONE if finished else BROKEN_OFF
    values = {"state": became, "ended": instant(now), "detail": detail[:_LONGEST], "owner": None, "lease": None}
    connection.execute(update(scan).where(scan.c.id == number).values(**values))
    return became


def cancel(connection: Connection, number: int, owner: Owner, now: datetime) -> None:
    """Have a scan end after the pieces that are under way; it is not taken up again.

    Raises:
        InputError: there is no such scan, or it has ended.
    """
    row = connection.execute(select(scan).where(scan.c.id == number)).first()
    if row is None:
        raise InputError(
            Title(f"không có lần quét {number}; xem dophu scan list", f"found no scan {number}; see dophu scan list")
        )
    if row.state not in (RUNNING, BROKEN_OFF, CANCELLING):
        raise InputError(
            Title(
                f"lần quét {number}: trạng thái {row.state}, cần lần quét đang chạy hoặc dừng giữa chừng",
                f"scan {number}: found it {row.state}, expected one that is running or broken off",
            )
        )
    under_way = row.state != BROKEN_OFF and (row.lease or 0) >= instant(now) and not owner.is_gone(row.owner or "")
    values = {"state": CANCELLING if under_way else CANCELLED, "ended": instant(now)}
    connection.execute(update(scan).where(scan.c.id == number).values(**values))


def load(connection: Connection, *, number: int | None = None, limit: int = 50) -> list[Standing]:
    """Scans, the newest first."""
    query = select(scan).order_by(scan.c.begun.desc(), scan.c.id.desc()).limit(limit)
    rows = connection.execute(query if number is None else query.where(scan.c.id == number))
    return [
        Standing(
            r.id, r.profile, tuple(json.loads(r.networks)), r.state, moment(r.begun), moment(r.taken_up),
            None if r.ended is None else moment(r.ended), r.asked_by, r.reason, r.detail,
        )
        for r in rows
    ]  # fmt: skip


def networks(connection: Connection, number: int) -> list[NetworkScan]:
    """How far a scan has come in each of its networks."""
    hosts = select(scan_host.c.network, func.count()).where(scan_host.c.scan == number).group_by(scan_host.c.network)
    counted: dict[str, int] = {row[0]: row[1] for row in connection.execute(hosts)}
    rows = connection.execute(
        select(scan_network).where(scan_network.c.scan == number).order_by(scan_network.c.network)
    )
    return [
        NetworkScan(
            r.network, r.addresses, tuple(r.swept.split()), None if r.ended is None else moment(r.ended),
            bool(r.complete), r.error, counted.get(r.network, 0),
        )
        for r in rows
    ]  # fmt: skip


def last_complete(connection: Connection, declared: Iterable[Network], at: datetime) -> tuple[ScanState, ...]:
    """When each of these networks was last scanned to its end by each profile, up to `at`; never scanned: no entry."""
    s, n = scan.c, scan_network.c
    rows = connection.execute(
        select(n.network, s.profile, func.max(n.ended))
        .join(scan, s.id == n.scan)
        .where(n.complete, n.ended <= instant(at))
        .group_by(n.network, s.profile)
        .order_by(n.network, s.profile)
    )
    agencies = {network.code: network.agency for network in declared}
    return tuple(ScanState(code, agencies[code], by, moment(at)) for code, by, at in rows if code in agencies)


def recognise(connection: Connection, seen: Iterable[int], now: datetime) -> list[tuple[int, Fact]]:
    """For each asset that a scan saw, whether more than open ports says what it is: an agent, SNMP, a console …"""
    t = FACTS["asset"]
    wanted = sorted(set(seen))
    known: set[int] = set()
    for start in range(0, len(wanted), _TOGETHER):
        query = (
            select(asset.c.root)
            .join(t, t.c.subject == asset.c.id)
            .where(
                asset.c.root.in_(wanted[start : start + _TOGETHER]), t.c.key.in_(_TELLING), t.c.until == FOREVER,
                t.c.proof < int(Proof.INFERRED), t.c.value.is_not(None), t.c.source.not_in(_LOOKING),
                t.c.source.not_like(f"{SOURCE}%"),
            )
        )  # fmt: skip
        known |= {int(root) for root in connection.scalars(query.distinct())}
    return [(number, Fact("recognised", number in known, SOURCE, now)) for number in wanted]


def changes(connection: Connection, number: int) -> list[Change]:
    """What a scan saw otherwise than the one before it that read the same network to its end by the same profile.

    Of a network that either did not read to the end, only what is new is told: nothing shows what has vanished. A host
    whose ports were not read in both is compared by its presence alone.
    """
    profile = connection.scalar(select(scan.c.profile).where(scan.c.id == number))
    found: list[Change] = []
    for now in networks(connection, number):
        before = connection.scalar(
            select(func.max(scan_network.c.scan))
            .join(scan, scan.c.id == scan_network.c.scan)
            .where(
                scan_network.c.network == now.network, scan_network.c.scan < number, scan_network.c.complete,
                scan.c.profile == profile,
            )
        )  # fmt: skip
        if before is not None:
            found += _compare(_hosts(connection, before, now.network), _hosts(connection, number, now.network), now)
    return found


def _hosts(connection: Connection, number: int, network: str) -> dict[str, dict[str, str] | None]:
    """By address the open ports with what answers there; None where the ports were not read."""
    rows = connection.execute(
        select(scan_host.c.address, scan_host.c.services).where(
            scan_host.c.scan == number, scan_host.c.network == network
        )
    )
    return {address: None if services is None else _ports(services) for address, services in rows}


def _ports(services: str) -> dict[str, str]:
    return {
        f"tcp/{s['port']}": " ".join(part for part in (s["name"], s["product"], s["version"]) if part)
        for s in json.loads(services)["services"]
    }


def _compare(
    before: Mapping[str, dict[str, str] | None], now: Mapping[str, dict[str, str] | None], end: NetworkScan
) -> list[Change]:
    found = [Change(end.network, address, "new_host") for address in sorted(now.keys() - before.keys())]
    if end.complete:
        found += [Change(end.network, address, "vanished_host") for address in sorted(before.keys() - now.keys())]
    for address in sorted(before.keys() & now.keys()):
        old, new = before[address], now[address]
        if old is None or new is None:
            continue
        for port in sorted(old.keys() | new.keys(), key=lambda p: int(p.partition("/")[2])):
            if port not in old:
                found.append(Change(end.network, address, "new_port", port, "", new[port]))
            elif port not in new:
                found.append(Change(end.network, address, "vanished_port", port, old[port]))
            elif old[port] != new[port]:
                found.append(Change(end.network, address, "changed_port", port, old[port], new[port]))
    return found


def prune(connection: Connection, now: datetime) -> int:
    """Forget scans older than `KEEP`; how many."""
    old = list(connection.scalars(select(scan.c.id).where(scan.c.begun < instant(now - KEEP))))
    if old:
        for table in (scan_host, scan_network):
            connection.execute(delete(table).where(table.c.scan.in_(old)))
        connection.execute(delete(scan).where(scan.c.id.in_(old)))
    return len(old)
