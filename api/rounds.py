"""The rounds: discover, collect, judge; the map of the program from targets to the snapshot."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from api import backups, environment, probing
from api.rates import rate_of
from api.workspace import Workspace
from collectors import load_collectors, nmap, runner
from collectors.progress import Progress
from collectors.transports.echo import Pace
from inventory.periods import ZONE, end_of_day, last_months
from inventory.placing import narrowest
from inventory.store import Connection, closings, facts, incidents, lines, registers, runs, snapshots, websites
from inventory.vocabulary import Vocabulary
from inventory.words import Identity, InputError, Link, Network, Run, Snapshot, StoreError, Target, Title

SWEEP_SECONDS = 3600.0
"""The deadline of one network's discovery."""
READ_SECONDS = 60.0
"""The deadline of one device, link or host."""
CLOSED_DAYS = 35
"""Of how many days past the figures as of their end are kept ready."""
CLOSE_SECONDS = 20.0
SERVERS = ("server", "hypervisor", "storage")
"""What is asked over SSH and for an exporter's metrics."""
TALKING = ("vc_endpoint", "mcu", "voip")
"""What is asked whether it answers by SIP and H.323, beside what has one of TALKING_PORTS open."""
TALKING_PORTS = ("tcp/1720", "tcp/5060", "tcp/5061")
AFFIRMED = ("sip_answering", "h323_answering")
"""The keys by which silence is told from what never spoke."""
CODEC_ROLES = ("vc_endpoint", "mcu")
"""What gets the password of a codec's API: nothing else is logged in to."""
LONG_TABLES = timedelta(hours=6)
"""How often a device's long tables are read: parts, programs, ARP, forwarding."""


@dataclass(slots=True)
class Round:
    """What came of a round, in numbers, and the failures in words."""

    collector: str
    targets: int = 0
    complete: int = 0
    observations: int = 0
    facts: int = 0
    new: int = 0
    """Values that began or changed."""
    failed: list[Run] = field(default_factory=list)
    unrecorded: int = 0
    """Runs that the store could not take; nothing of them was stored."""
    broken_off: bool = False
    """Whether it was stopped: targets that it had not begun are in no number."""


async def discover(
    workspace: Workspace,
    *,
    agencies: Sequence[str] = (),
    due_only: bool = False,
    progress: Progress | None = None,
    deadline: float = SWEEP_SECONDS,
) -> Round:
    """Sweep every network of the register that may be scanned, of these agencies or of all.

    Raises:
        InputError: an agency that is not in the register. StoreError: the store failed before the round began.
    """
    networks = [n for n in await _networks(workspace, agencies) if n.scan]
    targets = [Target(str(n.prefix), agency=n.agency, network=n) for n in networks]
    register, settings = await workspace.store.read(registers.load), workspace.config.scan
    today = datetime.now(ZONE).date()
    rates = {n.code: rate_of(n, settings, register, today, networks) for n in networks}

    async def sweep(target: Target) -> Run:
        code = target.network.code if target.network else ""
        return await nmap.collect(target, rate=rates.get(code, settings.rate))

    return await _go(
        workspace, "nmap", targets, due_only, progress, deadline, whole_network=True, concurrency=settings.networks,
        read=sweep,
    )  # fmt: skip


async def collect(
    workspace: Workspace,
    *,
    agencies: Sequence[str] = (),
    only: Sequence[str] = (),
    due_only: bool = False,
    progress: Progress | None = None,
) -> list[Round]:
    """Read every device that discovery found and every link of the register: a round for each kind of source.

    Raises:
        InputError: an agency or collector that is unknown. StoreError: the store failed before the round began.
    """
    declared = await _networks(workspace, agencies)
    networks = {n.code: n for n in declared if n.scan}
    found = await workspace.store.read(runs.addresses)
    places = [(root, networks[network], address) for root, network, address in found if network in networks]
    readers: dict[str, Callable[[], Awaitable[Round]]] = {
        "icmp": functools.partial(_ping, workspace, places, agencies, due_only, progress),
        # Before SNMP, whose word on a device's maker and model is to be the last.
        "vc": functools.partial(_ask_vc, workspace, places, agencies, due_only, progress),
        "snmp": functools.partial(_read_by_snmp, workspace, places, declared, due_only, progress),
        "exporter": functools.partial(_read_servers, workspace, "exporter", places, due_only, progress),
        "ssh": functools.partial(_read_servers, workspace, "ssh", places, due_only, progress),
        "website": functools.partial(_read_websites, workspace, agencies, due_only, progress),
        "backups": functools.partial(_read_backups, workspace, agencies, due_only, progress),
    }
    if unknown := set(only) - readers.keys():
        raise InputError(
            Title(
                f"gặp bộ thu thập {sorted(unknown)[0]!r}, cần một trong {', '.join(readers)}",
                f"found the collector {sorted(unknown)[0]!r}, expected one of {', '.join(readers)}",
            )
        )
    done = [await read() for name, read in readers.items() if not only or name in only]
    # Where no network names a credential for servers, or no website is declared, there is nothing to tell of them.
    return [each for each in done if each.targets or each.collector in (*only, "icmp", "snmp")]


async def judge(workspace: Workspace, at: datetime | None = None) -> Snapshot:
    """Judge now, store what changed, and return the snapshot."""
    now = at or datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return await workspace.store.write_prepared(
        snapshots.prepare, snapshots.store, workspace.vocabulary, workspace.goals, now
    )


async def close_days(workspace: Workspace, now: datetime) -> int:
    """Judge the ends of days that are asked for later: of the last weeks, and of the months of a year; how many.

    One that something was told of since is judged again. It takes as long as `CLOSE_SECONDS`, and goes on next time.
    """
    today = now.astimezone(ZONE).date()
    days = {today - timedelta(days=n) for n in range(1, CLOSED_DAYS + 1)}
    months = {month.first - timedelta(days=1) for month in last_months(now, 12)}
    ends = [end_of_day(day) for day in days | months]
    loop, closed = asyncio.get_running_loop(), 0
    until = loop.time() + CLOSE_SECONDS
    for plan in workspace.goals.plans.values():
        goals = workspace.goals.only([plan.id])
        for at in await workspace.store.read(closings.not_closed, goals, plan, ends):
            if loop.time() >= until or workspace.stop.is_set():
                return closed
            made = await workspace.store.read(closings.figures, workspace.vocabulary, goals, plan, at)
            if not made.kept:
                await workspace.store.write(closings.keep, made)
                closed += 1
    return closed


async def _networks(workspace: Workspace, agencies: Sequence[str]) -> list[Network]:
    register = await workspace.store.read(registers.load)
    today = datetime.now(ZONE).date()
    known = {a.code for a in register.agencies}
    if unknown := [a for a in agencies if a not in known]:
        raise InputError(
            Title(
                f"gặp cơ quan {unknown[0]!r}, cần một mã trong sổ đăng ký",
                f"found the agency {unknown[0]!r}, expected a code of the register",
            )
        )
    return [n for n in register.networks if n.valid_on(today) and (not agencies or n.agency in agencies)]


async def _links(workspace: Workspace, agencies: Sequence[str] = ()) -> list[Link]:
    """The lines that are declared today of these agencies, or of all, with those that they go through."""
    register = await workspace.store.read(registers.load)
    today = datetime.now(ZONE).date()
    return probing.lines_of([v for v in register.links if v.valid_on(today)], agencies)


async def _ping(
    workspace: Workspace,
    places: Sequence[tuple[int, Network, str]],
    agencies: Sequence[str],
    due_only: bool,
    progress: Progress | None,
) -> Round:
    """Ping the lines first, then the hosts: behind a line that does not answer, a host's silence says nothing."""
    watch, done = _watch(workspace), Round("icmp")
    links = await _links(workspace, agencies)
    try:
        async with watch.busy:
            probed = watch.latest([v.code for v in links])
            if not due_only or probed is None or time.monotonic() - probed.at > probing.FRESH:
                probed = await probing.probe(workspace, links, probing.ONCE, watch)
                if agencies:
                    watch.limited = probed
                else:
                    watch.probed = probed
                for code, run in zip(probed.states, probing.runs_of(probed), strict=True):
                    await _record_lines(workspace, done, run, watch, probed, [code])
        hosts = await _hosts(workspace, places, due_only)
        if progress:
            progress.started(len(hosts))
        for run in await probing.probe_hosts(workspace, hosts, probing.behind(probed), watch):
            await record_run(workspace, done, run)
            if progress:
                progress.advanced(run)
    except probing.Stopped:
        done.broken_off = True
    finally:
        if progress:
            progress.finished()
    return done


def _watch(workspace: Workspace) -> probing.Watch:
    if not workspace.lines:
        workspace.lines.append(probing.Watch())
    return workspace.lines[0]


async def _hosts(
    workspace: Workspace, places: Sequence[tuple[int, Network, str]], due_only: bool
) -> list[probing.Host]:
    before = await workspace.store.read(runs.answered_before, "asset", "icmp", "answering")
    now = datetime.now(UTC)
    doors = await workspace.store.read(lines.doors, workspace.vocabulary, {root for root, _, _ in places}, now)
    known = [
        (Target(address, agency=n.agency, network=n, answered_before=root in before), doors.get(root))
        for root, n, address in places
    ]
    if due_only:
        due = set(runner.due([t for t, _ in known], await workspace.store.read(runs.failures, "icmp")))
        known = [(target, port) for target, port in known if target in due]
    return [probing.Host(target, port) for target, port in known]


async def probe_lines(workspace: Workspace, pace: Pace | None = None) -> Round:
    """A quick round of all lines: what changed is stored at once, and all once in a window of minutes.

    Args:
        pace: otherwise that of the settings.

    What is known of the last minutes is in the workspace. Afterwards the ways to some lines are learned, where due.

    Raises:
        StoreError: the register could not be read.
    """
    watch, settings, done = _watch(workspace), workspace.config.lines, Round("icmp")
    links = await _links(workspace)
    pace = pace or Pace(settings.echoes, rate=settings.rate)
    try:
        async with watch.busy:
            probed = watch.probed = await probing.probe(workspace, links, pace, watch)
            due = watch.to_store(probed.states, probed.at, settings.store_seconds)
            made = probing.taken_together(probed, probing.runs_of(probed, due))
            if due:
                await _record_lines(workspace, done, made, watch, probed, due)
            if ways := await probing.trace(workspace, probed, watch):
                await record_run(workspace, done, replace(made, observations=tuple(ways), error=None, complete=True))
    except probing.Stopped:
        done.broken_off = True
    return done


async def _record_lines(
    workspace: Workspace, done: Round, run: Run, watch: probing.Watch, probed: probing.Probed, codes: Sequence[str]
) -> None:
    """Record what a round says of some lines; what the store could not take is said again in the next one."""
    before = done.unrecorded
    await record_run(workspace, done, run)
    if done.unrecorded == before:
        watch.note_stored({code: probed.states[code] for code in codes}, probed.at)


async def _read_by_snmp(
    workspace: Workspace,
    places: Sequence[tuple[int, Network, str]],
    declared: Sequence[Network],
    due_only: bool,
    progress: Progress | None,
) -> Round:
    """Ask every device that was found in a network for which there is a credential."""
    names = {name for _, network, _ in places for name in network.credentials}
    opened = await workspace.open_credentials(names)
    by_agency: dict[str, list[Network]] = {}
    for network in declared:
        by_agency.setdefault(network.agency, []).append(network)
    read_long = await workspace.store.read(runs.last_stated, "snmp", "long_tables_read")
    since = datetime.now(UTC) - LONG_TABLES
    targets = []
    for root, network, address in places:
        own = [opened[n] for n in network.credentials if n in opened and opened[n].kind.startswith("snmp")]
        # Devices that answer elsewhere than on port 161 say so in their credential.
        port = next((int(c.secret["port"]) for c in own if "port" in c.secret), None)
        secrets = tuple(replace(c, secret={k: v for k, v in c.secret.items() if k != "port"}) for c in own)
        if own:
            targets.append(
                Target(
                    address,
                    port,
                    network.agency,
                    network,
                    credentials=secrets,
                    networks=tuple(by_agency[network.agency]),
                    long=root not in read_long or read_long[root] < since,
                )
            )
    return await _go(workspace, "snmp", targets, due_only, progress, READ_SECONDS)


async def _ask_vc(
    workspace: Workspace,
    places: Sequence[tuple[int, Network, str]],
    agencies: Sequence[str],
    due_only: bool,
    progress: Progress | None,
) -> Round:
    """Ask what is known to talk, or has a port for it open; rooms by the API of their maker where a network names one.

    A phone that was never heard of is found by its role or its open ports, which discovery tells. Behind lines of which
    none answers, silence says nothing.
    """
    from collectors.vc import CODECS

    talking = await workspace.store.read(_talking, workspace.vocabulary, {root for root, _, _ in places})
    asked = [(root, network, address) for root, network, address in places if root in talking]
    opened = await workspace.open_credentials({name for _, network, _ in asked for name in network.credentials})
    before = {
        key: await workspace.store.read(runs.answered_before, "asset", "vc", key) if asked else set()
        for key in AFFIRMED
    }
    watch = _watch(workspace)
    probed = watch.latest([v.code for v in await _links(workspace, agencies)]) or watch.probed
    cut_off = probing.behind(probed) if probed is not None else {}
    targets = [
        Target(
            address,
            agency=network.agency,
            network=network,
            credentials=tuple(
                opened[name] for name in network.credentials if name in opened and opened[name].kind in CODECS
            )
            if talking[root] in CODEC_ROLES
            else (),
            affirmed=frozenset(key for key in AFFIRMED if root in before[key] and network.agency not in cut_off),
            role_known=talking[root] not in ("", *TALKING),
        )
        for root, network, address in asked
    ]
    return await _go(workspace, "vc", targets, due_only, progress, READ_SECONDS)


def _talking(connection: Connection, vocabulary: Vocabulary, assets: Collection[int]) -> dict[int, str]:
    """The assets that are to be asked by SIP and H.323, with their roles; empty where that is not known."""
    now = datetime.now(UTC)
    said = facts.read(connection, vocabulary, "asset", sorted(assets), now, {"role", "service"}) if assets else {}
    found: dict[int, str] = {}
    for asset, own in said.items():
        taken = facts.take(vocabulary, own, now).get("role")
        role = str(taken.value) if taken is not None else ""
        if role in TALKING or any(f.key == "service" and f.item in TALKING_PORTS for f in own):
            found[int(asset)] = role
    return found


async def _read_servers(
    workspace: Workspace,
    kind: str,
    places: Sequence[tuple[int, Network, str]],
    due_only: bool,
    progress: Progress | None,
) -> Round:
    """Ask every server in a network for which there is a credential of this kind, with the collector of that name.

    Only what is known to be a server is asked: what a printer gets on port 9100 it prints.
    """
    opened = await workspace.open_credentials({name for _, network, _ in places for name in network.credentials})
    opened = {name: credential for name, credential in opened.items() if credential.kind == kind}
    own = {network.code: tuple(opened[n] for n in network.credentials if n in opened) for _, network, _ in places}
    asked = [(root, network, address) for root, network, address in places if own[network.code]]
    servers = await workspace.store.read(_of_roles, workspace.vocabulary, {root for root, _, _ in asked}, SERVERS)
    targets = [
        Target(address, agency=network.agency, network=network, credentials=own[network.code])
        for root, network, address in asked
        if root in servers
    ]
    return await _go(workspace, kind, targets, due_only, progress, READ_SECONDS)


def _of_roles(
    connection: Connection, vocabulary: Vocabulary, assets: Collection[int], roles: Collection[str]
) -> set[int]:
    now = datetime.now(UTC)
    said = facts.read(connection, vocabulary, "asset", sorted(assets), now, {"role"}) if assets else {}
    taken = {int(asset): facts.take(vocabulary, own, now).get("role") for asset, own in said.items()}
    return {asset for asset, role in taken.items() if role is not None and role.value in roles}


async def _read_websites(
    workspace: Workspace, agencies: Sequence[str], due_only: bool, progress: Progress | None
) -> Round:
    """Ask for every website that is declared today; what changes little only every `LONG_TABLES`."""
    declared = (await workspace.store.read(registers.load)).websites
    now = datetime.now(UTC)
    await workspace.store.write(websites.confirm, workspace.vocabulary, declared, now)
    standing = [w for w in declared if w.valid_on(now.astimezone(ZONE).date())]
    if not standing:
        return Round("website")
    from collectors import website  # what it needs is large, and many registers have none
    from collectors.transports.tls import trust

    roots = await workspace.store.read(websites.roots, standing)
    read_long = await workspace.store.read(runs.last_stated, "website", "long_tables_read")
    fresh = {url for url, root in roots.items() if root in read_long and now - read_long[root] < LONG_TABLES}
    targets = [
        Target(w.url, agency=w.agency, long=w.url not in fresh)
        for w in standing
        if not agencies or w.agency in agencies
    ]
    settings = workspace.config.websites
    try:
        trusted = trust(settings.ca)
    except InputError as error:
        if not due_only:
            raise
        # On schedule it is told as a failure, and keeps nobody from judging what the others read.
        failed = Run("website", "websites.ca", now, datetime.now(UTC), error=str(error))
        done = Round("website", targets=1, failed=[failed])
        await _note(workspace, done, failed)
        return done
    asking = website.Asking(trusted, (*settings.witnesses, *(w.url for w in standing)))
    read = functools.partial(website.collect, asking=asking)
    return await _go(workspace, "website", targets, due_only, progress, READ_SECONDS, read=read)


async def _read_backups(
    workspace: Workspace, agencies: Sequence[str], due_only: bool, progress: Progress | None
) -> Round:
    """Look into the folders of backup servers that the settings name."""
    done = Round(backups.FILES)
    async with contextlib.aclosing(backups.read_folders(workspace, agencies, due_only, progress)) as going:
        async for run, outcome in going:
            done.targets += 1
            done.complete += run.complete
            done.observations += outcome.jobs
            done.facts += outcome.jobs
            done.new += outcome.new
            if run.error is not None:
                done.failed.append(run)
            await _note(workspace, done, run)
    done.broken_off = workspace.stop.is_set()
    return done


async def _go(
    workspace: Workspace,
    name: str,
    targets: list[Target],
    due_only: bool,
    progress: Progress | None,
    deadline: float,
    *,
    whole_network: bool = False,
    concurrency: int | None = None,
    read: Callable[[Target], Awaitable[Run]] | None = None,
) -> Round:
    """Read all targets with one collector and record each run as it comes: a failure harms no other target.

    Args:
        read: in place of the collector's `collect`, where it needs to know more than the target.
    """
    done = Round(name)
    if due_only:
        targets = list(runner.due(targets, await workspace.store.read(runs.failures, name)))
    read = read or load_collectors()[name].collect
    going = runner.run(
        name,
        read,
        targets,
        concurrency=concurrency or workspace.config.concurrency,
        deadline=deadline,
        progress=progress,
        stop=workspace.stop,
    )
    # Whatever ends this round, its tasks and processes end with it, and not when the garbage is collected.
    async with contextlib.aclosing(going):
        async for run in going:
            # Only a sweep can say that something is not there: a device's run is not of its whole network.
            finished = run if whole_network else replace(run, network=None)
            await record_run(workspace, done, finished)
    done.broken_off = workspace.stop.is_set()
    return done


async def record_run(workspace: Workspace, done: Round, run: Run) -> Run:
    """Record a run and count it; the run as it stands then: one that could not be stored is not complete."""
    done.targets += 1
    try:
        limits = environment.limits_of(workspace)
        recorded = await workspace.store.write(_record, workspace.vocabulary, run, limits, datetime.now(UTC))
    except InputError as error:
        run = replace(run, error=f"refused: {error}", complete=False, observations=())
        await _note(workspace, done, run)
    except StoreError as error:
        done.unrecorded += 1
        run = replace(run, error=f"not stored: {error}", complete=False)
    else:
        done.facts += recorded.facts
        done.new += recorded.new
        done.observations += len(run.observations)
    done.complete += run.complete
    if run.error is not None:
        done.failed.append(run)
    return run


def _record(
    connection: Connection, vocabulary: Vocabulary, run: Run, limits: incidents.Limits, now: datetime
) -> facts.Recorded:
    recorded = runs.record(connection, vocabulary, run, now)
    incidents.notice(connection, vocabulary, run, limits)
    return recorded


async def _note(workspace: Workspace, done: Round, run: Run) -> None:
    try:
        await workspace.store.write(runs.note, run)
    except StoreError:
        done.unrecorded += 1


async def record_agent(workspace: Workspace, run: Run, agency: str) -> None:
    """Record what an agent of this agency reported; when this returns it is committed.

    The machine is in the network of its agency whose range holds its address, if there is one.

    Raises:
        InputError: the inventory holds what no fact may be. StoreError: the store could not take it now.
    """
    await workspace.store.write_together(_record_of_agency, workspace.vocabulary, run, agency, datetime.now(UTC))


def _record_of_agency(connection: Connection, vocabulary: Vocabulary, run: Run, agency: str, now: datetime) -> None:
    networks = registers.networks_of(connection, agency, now.astimezone(ZONE).date())
    placed = tuple(replace(o, asset=_place(o.asset, networks)) if o.asset is not None else o for o in run.observations)
    runs.record(connection, vocabulary, replace(run, network=None, observations=placed), now)


def _place(identity: Identity, networks: Sequence[Network]) -> Identity:
    if identity.address is None:
        return identity
    found = narrowest(identity.address, networks)
    return replace(identity, network=found[0].code if found else None)
