"""Probing lines and hosts many at once: what a round asks, what is kept in memory, and the runs that come of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, TypeVar

from api.config import LineSettings
from api.workspace import Workspace
from collectors import facts
from collectors.bounds import read_host
from collectors.lines import COLLECTOR, Heard, Limits, Line, State, judge_lines, observe
from collectors.quality import Window
from collectors.transports.echo import Hop, Pace, Trips, ping_many, trace_many
from collectors.transports.icmp import LOOPBACK, IPAddress, NotPermittedError, ProbeError
from collectors.transports.knock import knock_many
from collectors.transports.routes import Routes, read_routes
from inventory.store import lines as stored_lines
from inventory.words import Fact, Identity, InputError, Link, Observation, Run, Target

__all__ = [
    "FRESH",
    "HOSTS",
    "ONCE",
    "Host",
    "Probed",
    "Stopped",
    "Watch",
    "behind",
    "lines_of",
    "probe",
    "probe_hosts",
    "runs_of",
    "taken_together",
    "trace",
]

log = logging.getLogger("dophu")

ONCE = Pace(count=20, interval=0.1)
"""A single round has to say what the quick rounds say of minutes: one lost is 5 %."""
HOSTS = Pace(count=3)
KNOCKS = Pace(count=3, rate=1_000)
FRESH = 180.0
"""Seconds for which the last quick round says how the lines are."""
_TRACED = 30
"""Lines whose way is learned in one round: each costs as many requests as there may be routers on it."""
_SET = 5.0
"""Seconds by which the wall clock is off between two rounds before it is said to have been set."""

T = TypeVar("T")


class Stopped(Exception):
    """A round was told to end: nothing is said of it, for it was not heard to its end."""


@dataclass
class Watch:
    """What the quick rounds know of the lines: the last minutes of each, and what of them is stored."""

    windows: dict[str, Window] = field(default_factory=dict)
    stored: dict[str, tuple[str | None, str, float]] = field(default_factory=dict)
    """State and reason as they were stored last, and when, by the monotonic clock."""
    answered: set[IPAddress] = field(default_factory=set)
    """The addresses that ever answered since we began."""
    ways: dict[str, tuple[IPAddress, ...]] = field(default_factory=dict)
    """The routers on the way to each line that was asked; read from the store when it is asked first."""
    traced: dict[str, float] = field(default_factory=dict)
    """When the way to a line was last learned, by the monotonic clock."""
    probed: Probed | None = None
    """The last round of all lines."""
    limited: Probed | None = None
    """The last round of some agencies' lines alone."""
    offset: float | None = None
    """Of the wall clock from the monotonic one, at the last round."""
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def note_clock(self) -> None:
        """Say so when the wall clock was set since the last round: only the times of facts follow it."""
        offset = time.time() - time.monotonic()
        if self.offset is not None and abs(moved := offset - self.offset) > _SET:
            log.warning("the clock was set by %+.0f s; what is stored is dated by it, what is measured is not", moved)
        self.offset = offset

    def latest(self, codes: Collection[str]) -> Probed | None:
        """The last round in which all of these lines were asked."""
        held = [one for one in (self.probed, self.limited) if one is not None and one.links.keys() >= set(codes)]
        return max(held, key=lambda one: one.at, default=None)

    def to_store(self, states: Mapping[str, State], now: float, every: float) -> list[str]:
        """The lines of which something is to be stored: what changed at once, all else once in a window."""
        return [
            code
            for code, state in states.items()
            if (before := self.stored.get(code)) is None
            or before[:2] != (state.state, state.reason)
            or now - before[2] >= every
        ]

    def note_stored(self, states: Mapping[str, State], now: float) -> None:
        """Note that this is stored of these lines: before, it may still come to nothing."""
        self.stored |= {code: (state.state, state.reason, now) for code, state in states.items()}


@dataclass(frozen=True, slots=True)
class Probed:
    """A round of lines: what was heard, and what follows for each."""

    started: datetime
    finished: datetime
    at: float
    """By the monotonic clock."""
    links: Mapping[str, Link]
    states: Mapping[str, State]
    heard: Heard


async def probe(workspace: Workspace, links: Sequence[Link], pace: Pace, watch: Watch) -> Probed:
    """Ask all lines for echoes, and those that give none at their TCP port; then judge them together.

    Args:
        links: the lines, those that others go through among them.
    """
    started, settings, routes = datetime.now(UTC), workspace.config.lines, read_routes()
    if new := {v.code for v in links} - watch.ways.keys():
        known = await workspace.store.read(stored_lines.ways, workspace.vocabulary, new, started)
        watch.ways |= dict.fromkeys(new, ()) | {c: tuple(map(ip_address, way)) for c, (_, way) in known.items()}
        watch.traced |= {c: time.monotonic() - (started - at).total_seconds() for c, (at, _) in known.items()}
    lines = {v.code: _line(v, settings, watch.ways) for v in links}
    addresses = [line.address for line in lines.values() if line.address is not None]
    heard = await _hear(workspace, addresses, [h for line in lines.values() for h in line.hops], routes, pace, watch)
    silent = [
        (line.address, line.port)
        for line in lines.values()
        if line.address is not None and line.port and not heard.answers(line)
    ]
    heard = replace(heard, knocks=await _unless_stopped(workspace, knock_many(silent, KNOCKS)))
    now = time.monotonic()
    for code, line in lines.items():
        trips = heard.trips_of(line)
        window = watch.windows.setdefault(code, Window(settings.window_minutes * 60))
        if trips is None or not trips.answered:
            window.restart()
        else:
            window.add(now, trips)
    states = judge_lines(lines, heard, watch.windows)
    watch.note_clock()
    return Probed(started, datetime.now(UTC), now, {v.code: v for v in links}, states, heard)


def _line(link: Link, settings: LineSettings, ways: Mapping[str, tuple[IPAddress, ...]]) -> Line:
    limits = settings.limits_of(link.kind)
    address = ip_address(link.address) if link.address else None
    hops = () if link.via else tuple(hop for hop in ways.get(link.code, ()) if hop != address)
    return Line(link.code, address, link.port, link.via, hops, Limits(limits.loss, limits.p95_ms / 1000))


async def _hear(
    workspace: Workspace,
    addresses: Sequence[IPAddress],
    between: Iterable[IPAddress],
    routes: Routes,
    pace: Pace,
    watch: Watch,
) -> Heard:
    """The echoes of addresses, and of all on whose answer it depends whether their silence counts."""
    gateways = {address: routes.gateway_of(address) for address in addresses}
    loopbacks = {version: LOOPBACK[version] for version in {address.version for address in addresses}}
    asked = [*addresses, *between, *(g for g in gateways.values() if g is not None), *loopbacks.values()]
    echoes: Mapping[IPAddress, Trips] = {}
    not_permitted = ""
    try:
        echoes = await _unless_stopped(workspace, ping_many(asked, pace))
    except NotPermittedError as error:
        not_permitted = str(error)
    watch.answered |= {address for address, trips in echoes.items() if trips.answered}
    loopback: dict[int, bool] = {version: own in echoes and echoes[own].answered for version, own in loopbacks.items()}
    return Heard(echoes, {}, gateways, loopback, watch.answered, not_permitted)


async def _unless_stopped(workspace: Workspace, work: Coroutine[Any, Any, T]) -> T:
    """What comes of work that is cancelled once the workspace says stop.

    Raises:
        Stopped: it was.
    """
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(workspace.stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Stopped
        return working.result()
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.wait({working, stopped})


def runs_of(probed: Probed, codes: Iterable[str] | None = None) -> list[Run]:
    """A run for each line: what is said of it, and why nothing can be."""
    made = []
    for code in probed.states if codes is None else codes:
        link, state = probed.links[code], probed.states[code]
        seen = observe(code, state, probed.finished)
        target = Target(str(link.address), agency=link.agency, link=code)
        error = None if state.state is not None else told(state.reason)
        made.append(
            Run(COLLECTOR, target.label, probed.started, probed.finished, (seen,) if seen else (), error is None, error,
                link.agency)
        )  # fmt: skip
    return made


def taken_together(probed: Probed, made: Sequence[Run]) -> Run:
    """Many lines' runs as one: each minute a row for each would fill the store with what says nothing new."""
    errors = list(dict.fromkeys(run.error for run in made if run.error is not None and not run.observations))
    error = f"{'; '.join(errors[:3])}{f'; and {len(errors) - 3} more' if len(errors) > 3 else ''}" if errors else None
    observations = tuple(o for run in made for o in run.observations)
    return Run(COLLECTOR, "lines", probed.started, probed.finished, observations, error is None, error)


def told(reason: str) -> str:
    """Why a line is unknown, as a run says it."""
    word, _, what = reason.partition(" ")
    return {
        "via": f"the line {what} in between does not answer",
        "hop": f"the router {what} in between does not answer",
        "gateway": f"our own gateway {what} does not answer",
        "loopback": "the probe does not work: our own loopback does not answer",
        "unsent": f"nothing could be sent: {what}",
    }.get(word, reason)


async def trace(workspace: Workspace, probed: Probed, watch: Watch) -> list[Observation]:
    """Learn the routers on the way to some of the lines of which that is due and that answer; what is said of them."""
    now, every = time.monotonic(), workspace.config.lines.trace_hours * 3600
    due = [
        link
        for code, link in probed.links.items()
        if link.via is None and link.address and code in probed.states and probed.states[code].answering
        and now - watch.traced.get(code, -every) >= every
    ][:_TRACED]  # fmt: skip
    if not due:
        return []
    places = {link.code: ip_address(str(link.address)) for link in due}
    try:
        ways = await _unless_stopped(workspace, trace_many(list(places.values())))
    except ProbeError as error:
        log.warning("the ways to the lines are not learned: %s", error)
        ways = {}
    watch.traced |= dict.fromkeys(places, now)
    at, found = datetime.now(UTC), []
    for code, address in places.items():
        if address in ways:
            watch.ways[code] = tuple(hop.address for hop in reversed(ways[address]))
            found.append(_way(code, ways[address], at))
    return found


def _way(code: str, hops: Sequence[Hop], at: datetime) -> Observation:
    rows = tuple(
        Fact(stored_lines.PATH, {"address": str(hop.address)}, COLLECTOR, at, item=f"{hop.distance:02}") for hop in hops
    )
    return Observation(rows, link=code, tables_read=frozenset({stored_lines.PATH}))


# --- hosts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is asked whether it is there."""

    target: Target
    """With `answered_before`: only then does its silence say anything."""
    port: int | None = None
    """A TCP port of it that is known to be open."""


def behind(probed: Probed) -> dict[str, str]:
    """The agencies that cannot be reached because none of their lines answers, and why."""
    found: dict[str, str] = {}
    reached = {probed.links[code].agency for code, state in probed.states.items() if state.answering}
    for code, state in probed.states.items():
        agency = probed.links[code].agency
        if agency not in reached:
            why = f"the line {code} does not answer" if state.state == "down" else told(state.reason)
            found.setdefault(agency, why)
    return found


async def probe_hosts(
    workspace: Workspace, hosts: Sequence[Host], cut_off: Mapping[str, str], watch: Watch
) -> list[Run]:
    """Ask all hosts for echoes, and those that give none at a port that they are known to have; a run for each.

    Nothing is sent to what the register does not allow; its run says why.
    """
    started = datetime.now(UTC)
    addresses: dict[str, IPAddress] = {}
    refused = []
    for host in hosts:
        try:
            addresses[host.target.label] = read_host(host.target)
        except InputError as error:
            refused.append(_refused(host.target, str(error), started))
    hosts = [host for host in hosts if host.target.label in addresses]
    heard = await _hear(workspace, list(addresses.values()), (), read_routes(), HOSTS, watch)
    lines = {h.target.label: Line(h.target.label, addresses[h.target.label], h.port) for h in hosts}
    silent = [(v.address, v.port) for v in lines.values() if v.address and v.port and not heard.answers(v)]
    heard = replace(heard, knocks=await _unless_stopped(workspace, knock_many(silent, KNOCKS)))
    # Where one behind it answers, the way to all of them is open: hosts are judged as lines are.
    states = judge_lines(lines, heard)
    return refused + [
        _host_run(host.target, states[host.target.label], cut_off.get(host.target.agency or "", ""), started)
        for host in hosts
    ]


def _refused(target: Target, why: str, started: datetime) -> Run:
    return Run(COLLECTOR, target.label, started, datetime.now(UTC), error=why, agency=target.agency)


def _host_run(target: Target, state: State, cut: str, started: datetime) -> Run:
    at, error, answering = datetime.now(UTC), "", state.answering
    if not answering and cut:
        error = f"{cut}: its silence says nothing"
    elif answering is None:
        error = f"{told(state.reason)}: its silence says nothing"
    elif not answering and not target.answered_before:
        error = "no answer by ICMP or TCP, and never had one: says nothing"
    network = target.network
    seen = () if error else (
        Observation(
            facts(COLLECTOR, at, {"answering": bool(answering)}),
            asset=Identity(
                address=target.address,
                network=network.code if network else None,
                agency=network.agency if network else target.agency,
            ),
        ),
    )  # fmt: skip
    return Run(COLLECTOR, target.label, started, at, seen, not error, error or None, target.agency)


def lines_of(links: Collection[Link], agencies: Collection[str]) -> list[Link]:
    """The lines of these agencies, or of all, with those that they go through."""
    known = {v.code: v for v in links}
    wanted = {v.code for v in links if not agencies or v.agency in agencies}
    for code in list(wanted):
        via = known[code].via
        while via is not None and via in known and via not in wanted:
            wanted.add(via)
            via = known[via].via
    return [v for v in links if v.code in wanted]
