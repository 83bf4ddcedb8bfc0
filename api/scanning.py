"""Scans: what may be scanned and how fast, resumed where one was broken off, recorded piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address

from api.processes import is_gone, own_name
from api.rates import rate_of
from api.rounds import Round, record_run
from api.windows import Windows
from api.workspace import Workspace
from collectors import nmap, runner
from collectors.nmap import Kept, Step
from collectors.progress import ScanProgress
from collectors.scans import Profile, profile
from collectors.transports.nmap import Host, IPAddress, Service
from inventory.periods import ZONE
from inventory.refusing import amiss
from inventory.store import Connection, facts, registers, runs, scans
from inventory.vocabulary import Vocabulary
from inventory.words import InputError, Network, Register, Run, StoreError, Target, Title

__all__ = ["Scanned", "Wanted", "scan"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody, or a schedule, wants scanned."""

    profile: str
    agencies: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    """Codes; empty: all that the register allows, of the agencies."""
    window: str = ""
    reason: str = ""
    """Why networks are scanned that the register does not allow; kept with the scan, and with whose word it is."""
    asked_by: str = ""
    again: bool = False
    """Begin anew also where a scan was broken off."""


@dataclass(slots=True)
class Scanned:
    """What came of a scan."""

    number: int
    profile: str
    resumed: bool
    state: str = ""
    round: Round = field(default_factory=lambda: Round(scans.SOURCE))
    left_out: dict[str, Title] = field(default_factory=dict)
    """Networks that were not scanned, and why."""
    changes: list[scans.Change] = field(default_factory=list)


@dataclass(slots=True)
class _Scan:
    """One scan under way."""

    workspace: Workspace
    wanted: Wanted
    profile: Profile
    windows: Windows
    number: int
    stop: asyncio.Event
    progress: ScanProgress | None
    known: dict[str, tuple[IPAddress, ...]]
    rates: dict[str, int]
    """Packets a second by network."""
    ended: set[str] = field(default_factory=set)
    """The networks of which all was read that the profile asks."""
    broken_off: set[str] = field(default_factory=set)
    """Those in which more is to be read."""

    def was_broken_off(self, run: Run) -> bool:
        """Whether a run ended before its network did, by our own doing: then it goes on another time."""
        code = run.network or ""
        return code not in self.ended and (self.stop.is_set() or code in self.broken_off)

    @property
    def source(self) -> str:
        """Of the facts: one for each profile, for another list of ports must not make rows vanish."""
        return f"{scans.SOURCE}-{self.profile.id}"

    async def read(self, target: Target) -> Run:
        """Scan one network, from where it was broken off."""
        assert target.network is not None  # noqa: S101 - made so below
        network, store = target.network, self.workspace.store
        swept, seen = await store.read(scans.kept, self.number, network.code)
        now = datetime.now(UTC)
        seconds = self.workspace.config.scan.hours * 3600
        over = f"the {seconds / 3600:g} h allowed were over"
        closes = self.windows.closes(self.wanted.window, network.agency, now)
        if closes is not None and (closes - now).total_seconds() < seconds:
            seconds = max(0.0, (closes - now).total_seconds())
            over = f"its window closed at {closes.astimezone(ZONE):%H:%M}"
        addresses = len(self.known.get(network.code, ())) or nmap.size(network)

        async def tell(step: Step) -> None:
            going_on = await store.write(
                scans.tell,
                self.number,
                network.code,
                str(step.swept) if step.swept and step.ended else None,
                _rows(step),
            )
            if self.progress:
                found, read = (len(step.hosts), 0) if step.swept else (0, len(step.hosts))
                self.progress.advanced(nmap.sweep_piece(addresses) if step.swept else 0, found, read)
            if not going_on:
                self.stop.set()

        run, whole = await nmap.scan_network(
            target, self.profile, source=self.source, rate=self.rates[network.code], kept=_kept(swept, seen),
            tell=tell, known=self.known.get(network.code, ()), budget_seconds=seconds, over=over,
        )  # fmt: skip
        (self.ended if whole else self.broken_off).add(network.code)
        return run


async def scan(
    workspace: Workspace, wanted: Wanted, windows: Windows | None = None, progress: ScanProgress | None = None
) -> Scanned:
    """Scan networks of the register by a profile, and go on where the last scan of the same ones was broken off.

    Raises:
        InputError: there is no such profile, agency, network or window; nothing is to be scanned; or a network is not
        allowed by the register and no reason, or nobody who asks, is named. StoreError: the store failed.
    """
    chosen, windows = profile(wanted.profile), windows or Windows()
    register = await workspace.store.read(registers.load)
    now = datetime.now(UTC)
    left_out: dict[str, Title] = {}
    networks = []
    for network in choose(register, wanted, now):
        closes = windows.closes(wanted.window, network.agency, now)
        if closes is not None and closes <= now:
            left_out[network.code] = Title("khung giờ của mạng này đang đóng", "its window is closed")
        else:
            networks.append(network)
    if not networks:
        closed = Title("toàn mạng có khung giờ đang đóng", "only networks whose window is closed")
        found = closed if left_out else Title("danh sách mạng rỗng", "no network")
        raise InputError(
            amiss("scan", found, Title("mạng mà sổ đăng ký cho phép quét", "one that the register allows to scan"))
        )
    known = {n.code: await _known(workspace, n) for n in networks if _is_vast(n)}
    for code in [code for code, addresses in known.items() if not addresses]:
        left_out[code] = Title(
            "quá lớn để quét hết, và chưa biết địa chỉ nào trong đó",
            "too large to sweep, and no address in it is known",
        )
    networks = [n for n in networks if n.code not in left_out]
    sizes = {n.code: len(known.get(n.code, ())) or nmap.size(n) for n in networks}
    parts = {n.code: scans.Part(str(n.prefix), sizes[n.code]) for n in networks}
    owner = scans.Owner(own_name(), is_gone)
    begun = await workspace.store.write(
        scans.begin, chosen.id, parts, owner, now, asked_by=wanted.asked_by, reason=wanted.reason, again=wanted.again
    )
    left_out |= {
        code: Title(f"lần quét {number} đang ở trong đó", f"scan {number} is in it")
        for code, number in begun.busy.items()
    }
    if begun.number is None:
        vi, en = ("; ".join(f"{code}: {why.in_language(of)}" for code, why in left_out.items()) for of in ("vi", "en"))
        raise InputError(
            Title(
                f"scan: hiện không có mạng nào quét được ({vi})",
                f"scan: found no network that can be scanned now ({en})",
            )
        )
    number = begun.number
    networks = [n for n in networks if n.code not in begun.busy]
    done = Scanned(number, chosen.id, begun.resumed, left_out=left_out)
    standing = {n.network: n for n in await workspace.store.read(scans.networks, number)}
    left = [n for n in networks if not standing[n.code].complete]
    day = now.astimezone(ZONE).date()
    rates = {n.code: rate_of(n, workspace.config.scan, register, day, left) for n in left}
    going = _Scan(workspace, wanted, chosen, windows, number, asyncio.Event(), progress, known, rates)
    if progress:
        swept = sum(_swept(standing[n.code]) for n in left)
        progress.started(sum(sizes[n.code] for n in left), swept)
    renewing = asyncio.create_task(_renew(workspace, number))
    try:
        await _go(going, left, done)
    finally:
        renewing.cancel()
        if progress:
            progress.finished()
        ended = [n.complete or n.ended is not None for n in await workspace.store.read(scans.networks, number)]
        finished = all(ended) and not done.round.broken_off
        done.state = await workspace.store.write(scans.end, number, datetime.now(UTC), finished)
    done.changes = await workspace.store.read(scans.changes, number)
    return done


def choose(register: Register, wanted: Wanted, now: datetime) -> list[Network]:
    """The networks that are meant: of the register alone, and what it does not allow for a recorded reason only.

    Raises:
        InputError: an agency or network is unknown, or is not allowed to be scanned and no reason stands for it.
    """
    day = now.astimezone(ZONE).date()
    valid = [n for n in register.networks if n.valid_on(day)]
    agencies = {a.code for a in register.agencies}
    if unknown := [a for a in wanted.agencies if a not in agencies]:
        raise InputError(
            Title(
                f"gặp cơ quan {unknown[0]!r}, cần một mã trong sổ đăng ký",
                f"found the agency {unknown[0]!r}, expected a code of the register",
            )
        )
    by_code = {n.code: n for n in valid}
    if unknown := [n for n in wanted.networks if n not in by_code]:
        raise InputError(
            Title(
                f"gặp mạng {unknown[0]!r}, cần một mã trong sổ đăng ký: ngoài ra không quét gì khác",
                f"found the network {unknown[0]!r}, expected a code of the register: nothing else is ever scanned",
            )
        )
    named = [by_code[code] for code in dict.fromkeys(wanted.networks)]
    of_agencies = [n for n in (named or valid) if not wanted.agencies or n.agency in wanted.agencies]
    if not wanted.networks:
        return [n for n in of_agencies if n.scan]
    forbidden = [n.code for n in of_agencies if not n.scan]
    if forbidden and not (wanted.reason.strip() and wanted.asked_by.strip()):
        raise InputError(
            Title(
                f"mạng {forbidden[0]} không được quét: sổ đăng ký ghi scan là no; --reason và --by cho "
                "quét một lần, và cả hai được ghi lại",
                f"network {forbidden[0]} may not be scanned: scan is no in the register; "
                "--reason and --by scan it once, and both are recorded",
            )
        )
    return of_agencies


def _is_vast(network: Network) -> bool:
    return network.prefix.version == 6 and network.prefix.prefixlen < nmap.LARGEST_IPV6


async def _known(workspace: Workspace, network: Network) -> tuple[IPAddress, ...]:
    """The addresses in a network that sources told of: hosts that answered, and neighbours of routers and switches."""
    rows = await workspace.store.read(runs.addresses)
    found = {ip_address(address) for _, code, address in rows if code == network.code}
    return tuple(sorted(a for a in found if a in network.prefix))


async def _go(going: _Scan, networks: Sequence[Network], done: Scanned) -> None:
    workspace, outer = going.workspace, going.workspace.stop
    targets = [Target(str(n.prefix), agency=n.agency, network=n) for n in networks]
    following = asyncio.create_task(_follow(outer, going.stop))
    under_way = runner.run(
        going.source, going.read, targets, concurrency=workspace.config.scan.networks,
        deadline=workspace.config.scan.hours * 3600 + 60, stop=going.stop,
    )  # fmt: skip
    try:
        async with contextlib.aclosing(under_way):
            async for run in under_way:
                network = run.network or ""
                # What could not be stored is not read.
                recorded = await record_run(workspace, done.round, run)
                # What failed by itself was read as far as it could be.
                if not going.was_broken_off(run):
                    now, complete = datetime.now(UTC), recorded.complete
                    await workspace.store.write(scans.end_network, going.number, network, now, complete, recorded.error)
                else:
                    done.round.broken_off = True
                await workspace.store.write(_recognise, workspace.vocabulary, network, run)
    finally:
        following.cancel()
        await asyncio.wait({following})
    done.round.broken_off |= going.stop.is_set()


async def _renew(workspace: Workspace, number: int) -> None:
    """Say now and then that the scan is being done, until it is cancelled."""
    while True:
        await asyncio.sleep(scans.LEASE.total_seconds() / 4)
        with contextlib.suppress(StoreError):
            await workspace.store.write(scans.renew, number, datetime.now(UTC))


async def _follow(outer: asyncio.Event, inner: asyncio.Event) -> None:
    await outer.wait()
    inner.set()


def _recognise(connection: Connection, vocabulary: Vocabulary, network: str, run: Run) -> None:
    addresses = {o.asset.address for o in run.observations if o.asset is not None}
    seen = {root for root, code, address in runs.addresses(connection) if code == network and address in addresses}
    at = run.finished
    facts.record(connection, vocabulary, {"asset": list(scans.recognise(connection, seen, at))}, datetime.now(UTC))


# --- what the store keeps of a host ---------------------------------------------------------------------------------


def _rows(step: Step) -> list[scans.Seen]:
    if step.swept is not None:
        return [scans.Seen(str(host.address), at, _write(host)) for host, at in step.hosts]
    return [scans.Seen(str(host.address), at, "", at, _write(host)) for host, at in step.hosts]


def _write(host: Host) -> str:
    return json.dumps(asdict(host), default=str, ensure_ascii=False)


def _kept(swept: Collection[str], seen: Collection[scans.Seen]) -> Kept:
    return Kept(
        frozenset(ip_address(first) for first in swept),
        {ip_address(one.address): (_read(one.host), one.seen) for one in seen if one.host},
        {ip_address(o.address): (_read(o.services), o.read) for o in seen if o.services is not None and o.read},
    )


def _read(text: str) -> Host:
    told = json.loads(text)
    services = tuple(
        Service(**s | {"scripts": tuple((name, said) for name, said in s["scripts"])}) for s in told["services"]
    )
    scripts = tuple((name, said) for name, said in told["scripts"])
    return Host(**told | {"address": ip_address(told["address"]), "services": services, "scripts": scripts})


def describe(connection: Connection, number: int, now: datetime) -> dict[str, object]:
    """A scan as people and programs read it: its networks, how long it will take, and its changes.

    Raises:
        InputError: there is none of this number.
    """
    found = scans.load(connection, number=number)
    if not found:
        raise InputError(
            Title(f"không có lần quét {number}; xem dophu scan list", f"found no scan {number}; see dophu scan list")
        )
    one, rows = found[0], scans.networks(connection, number)
    swept = [_swept(n) for n in rows]
    return asdict(one) | {
        "eta": _left(one, sum(swept), sum(n.addresses for n in rows), now),
        "networks": [
            {"network": n.network, "addresses": n.addresses, "swept": done, "hosts": n.hosts, "complete": n.complete,
             "ended": n.ended, "error": n.error}
            for n, done in zip(rows, swept, strict=True)
        ],
        "changes": [asdict(change) for change in scans.changes(connection, number)],
    }  # fmt: skip


def _swept(standing: scans.NetworkScan) -> int:
    """How many addresses of a network were swept."""
    if standing.complete:
        return standing.addresses
    return min(standing.addresses, len(standing.swept) * nmap.sweep_piece(standing.addresses))


def _left(one: scans.Standing, swept: int, total: int, now: datetime) -> str:
    """How long a running scan will still take, from how long it took so far; empty where that says nothing."""
    # Of one that was taken up again it is not known how much was done before.
    if one.state != scans.RUNNING or one.taken_up != one.begun or not swept or swept >= total:
        return ""
    seconds = max(0, int((now - one.begun).total_seconds() * (total - swept) / swept))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
