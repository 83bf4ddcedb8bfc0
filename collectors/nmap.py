"""Discovers the hosts of one network with nmap: a sweep in small pieces, then the services of what answered."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network

from collectors import facts, role
from collectors.reading.identify import identify_banner
from collectors.reading.makers import makers as makers_of
from collectors.scans import Profile
from collectors.scans.community import answer_to_public
from collectors.transports.nmap import Host, IPAddress, NmapError, OptionValue, Service, raw_allowed, scan
from collectors.vendors import load_vendors
from inventory.words import Fact, Identity, InputError, Network, Observation, Proof, Run, Target, Title

COLLECTOR = "nmap"
#: What the sweep and the services of one network may take when nobody allows less.
BUDGET_SECONDS = 1800.0
#: One nmap process looks at so many addresses: a sweep that is broken off loses at most what was under way.
SWEEP_PIECE, LARGEST_SWEEP_PIECE = 64, 256
#: One nmap process reads the services of so many hosts.
LEAST_SERVICE_PIECE, SERVICE_PIECE = 4, 16
PROCESSES = 4
#: Packets a second for the whole network.
RATE = 500
#: After so many failed pieces the rest would fail too.
MOST_FAILURES = 3
LARGEST_IPV4 = 16
LARGEST_IPV6 = 120

_PAGES = frozenset({"http-title", "http-auth"})
_WEB = frozenset({"http", "https", "http-alt", "https-alt", "http-proxy"})
_OURSELVES = "localhost-response"
#: Addresses that move between routers (VRRP and CARP, HSRP): they identify a service, not a device. RFC 9568 §7.3.
_SHARED_MACS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")


DISCOVERY = Profile(
    "discovery", Title("Tìm thiết bị", "Discovery"), Title("", ""), knock=(22, 80, 443, 445, 3389), version=2,
    ports=(
        *(21, 22, 23, 25, 53, 80, 88, 110, 135, 139, 143, 161, 389, 443, 445, 515, 554, 631, 1433, 1720, 3306, 3389),
        *(5060, 5061, 5432, 5900, 8000, 8080, 8443, 9100, 10050),
    ),
)  # fmt: skip
"""What the rounds ask, so that everything can be identified."""


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of a network that was swept, or hosts whose services were read: what a scan goes on from."""

    swept: IPAddress | None
    """The first address of the piece; None where services were read."""
    hosts: tuple[tuple[Host, datetime], ...]
    ended: bool = True
    """Whether the piece was read to its end; else it has to be swept again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How far a scan of a network had come when it was broken off."""

    swept: frozenset[IPAddress] = frozenset()
    """The first addresses of the pieces that were swept to their end."""
    seen: Mapping[IPAddress, tuple[Host, datetime]] = field(default_factory=dict)
    services: Mapping[IPAddress, tuple[Host, datetime]] = field(default_factory=dict)


async def collect(target: Target, *, rate: int = RATE, budget_seconds: float = BUDGET_SECONDS) -> Run:
    """Sweep `target.network` and read the services of what answered, as `scan_network` does by the usual profile.

    Args:
        rate: packets a second for the whole network.

    Raises InputError, before any packet, for a network that may not be scanned.
    """
    if target.network is not None and not target.network.scan:
        raise InputError(
            Title(
                f"mạng {target.network.code} không được quét: sổ đăng ký ghi scan là no",
                f"network {target.network.code} may not be scanned: scan is no in the register",
            )
        )
    run, _ = await scan_network(target, DISCOVERY, rate=rate, budget_seconds=budget_seconds)
    return run


async def _nobody(step: Step) -> None:
    """Nobody goes on from here."""


async def scan_network(
    target: Target,
    profile: Profile,
    *,
    source: str = COLLECTOR,
    rate: int = RATE,
    kept: Kept | None = None,
    tell: Callable[[Step], Awaitable[None]] = _nobody,
    known: Sequence[IPAddress] = (),
    budget_seconds: float = BUDGET_SECONDS,
    over: str = "",
) -> tuple[Run, bool]:
    """Sweep `target.network` and read the services of what answered, by a profile.

    Returns the Run, and whether all that the profile asks was done: where it was broken off there is more to do.

    The Run is complete when every address was looked at and something other than ourselves answered: a network that is
    wholly silent, as one behind a broken line is, says nothing of what is in it. Services that could not be read are an
    error of a Run that is still complete, since who is present is known. When `budget_seconds` are over, or the task is
    cancelled, nmap is killed and what was seen so far is returned, with "read N of M addresses" as its error.

    Hosts that did not answer get no observation; whoever holds the facts concludes absence from a complete Run.

    Args:
        target: its address is the network's prefix.
        source: of the facts.
        rate: packets a second for the whole network.
        kept: what was seen of it before; that is not looked at again.
        tell: told of each piece as it is done, before the next begins.
        known: addresses that are known to be in a network too large to sweep (IPv6): only they are looked at, and the
            Run is never complete.
        over: what it says when the time is over.

    Raises InputError, before any packet, for a target without a network, an address that is not the network's prefix,
    or a prefix too large to sweep. Whether the network may be scanned is for the caller to know.
    """
    network = _permitted(target, bool(known))
    reading = _Reading(network, target.label, profile, source, kept or Kept(), tell, tuple(known))
    try:
        async with asyncio.timeout(budget_seconds):
            await _each_piece(reading.unswept(), reading.sweep, rate, reading.sweep_failures)
            if profile.ports:
                await _each_piece(reading.unread(), reading.read_services, rate, reading.service_failures)
            if profile.snmp_public:
                await reading.ask_public(rate)
    except TimeoutError:
        reading.broken_off = over or f"the {budget_seconds:g} s allowed were over"
    except asyncio.CancelledError:
        # Who cancels a collector takes what it saw (collectors.runner); the task itself ends here.
        if task := asyncio.current_task():
            task.uncancel()
        reading.broken_off = "broken off"
    return await reading.run(), reading.broken_off is None


def _permitted(target: Target, known: bool) -> Network:
    network = target.network
    if network is None:
        raise InputError(f"{target.label}: found no network, expected one of the register")
    prefix = network.prefix
    try:
        same = ip_network(target.address) == prefix
    except ValueError:
        same = False
    if not same:
        raise InputError(f"network {network.code}: found address {target.address!r}, expected its prefix {prefix}")
    longest = LARGEST_IPV4 if prefix.version == 4 else LARGEST_IPV6
    if prefix.prefixlen < longest and not known:
        raise InputError(
            Title(
                f"mạng {network.code}: {prefix} quá lớn để quét, cần /{longest} hoặc nhỏ hơn",
                f"network {network.code}: {prefix} is too large to sweep, expected /{longest} or smaller",
            )
        )
    return network


def _batches(addresses: Iterable[IPAddress], size: int) -> Iterator[tuple[IPAddress, ...]]:
    left = iter(addresses)
    while piece := tuple(itertools.islice(left, size)):
        yield piece


def sweep_piece(addresses: int) -> int:
    """How many addresses of a network of so many one process sweeps: the same each time, for a scan goes on by pieces.

    At the end of a piece nmap waits a second or two for late answers: many small pieces would add that up.
    """
    pieces = -(-addresses // (SWEEP_PIECE * PROCESSES))
    return min(LARGEST_SWEEP_PIECE, max(1, pieces) * SWEEP_PIECE)


def _service_piece(hosts: int) -> int:
    """How many hosts one process reads the services of, so that all processes end about together.

    Recognising a service takes seconds of waiting however few they are: a last piece by itself would cost them again.
    """
    turns = -(-hosts // (SERVICE_PIECE * PROCESSES))
    return max(LEAST_SERVICE_PIECE, -(-hosts // max(1, turns * PROCESSES)))


async def _each_piece(
    pieces: Iterable[tuple[IPAddress, ...]],
    read: Callable[[tuple[IPAddress, ...], int], Awaitable[None]],
    rate: int,
    failures: list[str],
) -> None:
    """Read every piece, a few at once, each at its share of the packets a second.

    A piece that fails harms no other, until so many fail that all would.
    """
    left = iter(pieces)
    first = list(itertools.islice(left, PROCESSES))
    left = itertools.chain(first, left)

    async def work() -> None:
        for piece in left:
            if len(failures) >= MOST_FAILURES:
                return
            try:
                await read(piece, max(1, rate // len(first)))
            except NmapError as error:
                failures.append(str(error))

    async with asyncio.TaskGroup() as group:
        for _ in first:
            group.create_task(work())


def _how(rate: int) -> dict[str, OptionValue]:
    """What the sweep and the services have in common."""
    raw = "--privileged" if raw_allowed() else "--unprivileged"
    return {raw: None, "--max-rate": rate, "--max-rtt-timeout": 1500}


def sweep_options(profile: Profile, rate: int) -> Mapping[str, OptionValue]:
    """How one process is asked who is there, at so many packets a second."""
    options = _how(rate) | {"-sn": None, "--max-retries": 1, "-PS": profile.knock}
    # Without a floor nmap slows down where nothing answers, as if the line were full: a minute for 64 silent addresses.
    # What is allowed is the bound of the network; with a lower floor a silent piece took a third longer than needed.
    options["--min-rate"] = rate
    if "--privileged" in options:
        options["-PE"] = None
    return options


def service_options(profile: Profile, rate: int) -> Mapping[str, OptionValue]:
    """How one process is asked what answers on the ports, at so many packets a second."""
    options = _how(rate) | {
        "-Pn": None, "-p": profile.ports, "--max-retries": 2, "--host-timeout": profile.host_timeout,
    }  # fmt: skip
    if profile.version is not None:
        options |= {"-sV": None, "--version-intensity": profile.version}
    if profile.scripts:
        options |= {"--script": profile.scripts, "--script-timeout": profile.host_timeout // 2}
    return options


def _no_route(addresses: Sequence[IPAddress]) -> str | None:
    """Why this machine has no way to the addresses, else None; unprivileged nmap would say that nobody is there."""
    for address in (addresses[0], addresses[-1]):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        # Connecting a datagram socket asks the routing table and sends nothing.
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            try:
                asking.connect((str(address), 9))
            except OSError as error:
                return f"no route to {address}: {error.strerror}"
    return None


@dataclass
class _Reading:
    """What has been seen of one network so far."""

    network: Network
    label: str
    profile: Profile
    source: str
    kept: Kept
    tell: Callable[[Step], Awaitable[None]]
    known: tuple[IPAddress, ...]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    broken_off: str | None = None
    read: int = 0
    """Addresses in the pieces that were swept to their end."""
    told: int = 0
    """Addresses in the pieces of which nmap told anything yet."""
    seen: dict[IPAddress, tuple[Host, datetime]] = field(default_factory=dict)
    services: dict[IPAddress, tuple[Host, datetime]] = field(default_factory=dict)
    sweep_failures: list[str] = field(default_factory=list)
    service_failures: list[str] = field(default_factory=list)
    public: Mapping[IPAddress, bool] = field(default_factory=dict)
    """Whether hosts answer to the default SNMP community."""
    slow: int = 0
    """Hosts on which nmap gave up before every port was read."""

    def __post_init__(self) -> None:
        """Begin with what was kept."""
        self.seen |= self.kept.seen
        self.services |= self.kept.services

    def addresses(self) -> Iterable[IPAddress]:
        """All that is to be looked at."""
        return self.known or self.network.prefix.hosts()

    def unswept(self) -> Iterator[tuple[IPAddress, ...]]:
        """The pieces of the network that were not swept yet."""
        for piece in _batches(self.addresses(), sweep_piece(len(self.known) or size(self.network))):
            # Of known addresses there may be more than there were: a piece that begins as one did may be another.
            if piece[0] in self.kept.swept and not self.known:
                self.told += len(piece)
                self.read += len(piece)
            else:
                yield piece

    def unread(self) -> Iterator[tuple[IPAddress, ...]]:
        """The hosts whose services were not read yet."""
        unread = [address for address in self.present() if address not in self.services]
        return _batches(unread, _service_piece(len(unread)))

    async def sweep(self, piece: tuple[IPAddress, ...], rate: int) -> None:
        """Find out which addresses of the piece answer."""
        if why := _no_route(piece):
            raise NmapError(why)
        found: list[tuple[Host, datetime]] = []
        try:
            async with aclosing(scan(piece, sweep_options(self.profile, rate))) as hosts:
                async for host in hosts:
                    self.told += 0 if found else len(piece)
                    found.append((host, datetime.now(UTC)))
                    self.seen[host.address] = found[-1]
        except NmapError:
            await self.tell(Step(piece[0], tuple(found), ended=False))
            raise
        self.told += 0 if found else len(piece)
        self.read += len(piece)
        await self.tell(Step(piece[0], tuple(found)))

    async def read_services(self, piece: tuple[IPAddress, ...], rate: int) -> None:
        """Find out what answers on the ports that matter."""
        done: list[tuple[Host, datetime]] = []
        async with aclosing(scan(piece, service_options(self.profile, rate))) as hosts:
            async for host in hosts:
                if host.timed_out:
                    self.slow += 1
                else:
                    done.append((host, datetime.now(UTC)))
        # All ports silent may be its firewall, or a line that broke since: then nothing of it was read.
        there = await self.still_there([host.address for host, _ in done if not host.heard], rate)
        done = [each for each in done if each[0].heard or each[0].address in there]
        self.services |= {each[0].address: each for each in done}
        await self.tell(Step(None, tuple(done)))

    async def ask_public(self, rate: int) -> None:
        """Ask the hosts over SNMP with the default community; silence counts of those that are there afterwards."""
        said = await answer_to_public(self.present(), rate)
        silent = [address for address in said if said[address] is False]
        there: set[IPAddress] = set()
        for piece in _batches(silent, LARGEST_SWEEP_PIECE):
            there |= await self.still_there(piece, rate)
        self.public = {a: yes for a, yes in said.items() if yes is not None and (yes or a in there)}

    async def still_there(self, addresses: Sequence[IPAddress], rate: int) -> set[IPAddress]:
        """Which of these hosts answer a sweep now."""
        if not addresses or _no_route(addresses):
            return set()
        async with aclosing(scan(addresses, sweep_options(self.profile, rate))) as hosts:
            return {host.address async for host in hosts}

    def answered_for(self) -> frozenset[str]:
        """How something on the way, such as a firewall or a proxy, answers in the place of all, if it does."""
        if self.known:
            return frozenset()  # who was seen before may well answer again
        reasons = Counter(host.reason for host, _ in self.seen.values())
        ways = (frozenset({"reset", "conn-refused"}), frozenset({"syn-ack"}))
        counted = {way: sum(reasons[reason] for reason in way) for way in ways}
        return frozenset().union(*(w for w, n in counted.items() if n >= 16 and n >= 0.95 * self.told))

    def present(self) -> list[IPAddress]:
        """The addresses that are believed to have answered themselves, in order."""
        doubtful = self.answered_for()
        return [address for address in sorted(self.seen) if self.seen[address][0].reason not in doubtful]

    def _own_macs(self) -> Set[str]:
        """The MACs that identify: not one that routers share, nor one of several addresses (proxy ARP)."""
        holders = Counter(host.mac for host, _ in self.seen.values())
        return {mac for mac, count in holders.items() if mac and count == 1 and not mac.startswith(_SHARED_MACS)}

    async def run(self) -> Run:
        """The Run of what has been seen."""
        # Reading the table of vendors takes a moment: not in the loop, and not when no MAC was seen.
        own_macs = self._own_macs()
        vendors = await asyncio.to_thread(makers_of, own_macs) if own_macs else {}
        total = len(self.known) or size(self.network)
        met = any(host.reason != _OURSELVES for host, _ in self.seen.values())
        present = self.present()
        return Run(
            collector=self.source,
            target=self.label,
            started=self.started,
            finished=datetime.now(UTC),
            observations=tuple(self._observe(address, own_macs, vendors) for address in present),
            complete=self.read == total and met and not self.answered_for() and not self.known,
            error="; ".join(self._complaints(total, met, len(present))) or None,
            agency=self.network.agency,
            network=self.network.code,
        )

    def _complaints(self, total: int, met: bool, present: int) -> Iterator[str]:
        if self.read < total:
            why = [self.broken_off] if self.broken_off else []
            yield f"read {self.read} of {total} addresses: {', '.join(dict.fromkeys([*why, *self.sweep_failures]))}"
        elif not met:
            yield f"none of {total} addresses answered: that says nothing of what is there"
        if self.answered_for():
            alike = len(self.seen) - present
            yield f"{alike} of {total} addresses answer as one: something on the way answers for them, not counted"
        if self.known:
            where = self.network.prefix
            yield f"looked at the {total} addresses that are known in {where}: who else is there is unknown"
        if self.profile.ports and len(self.services) < present:
            why = [self.broken_off] if self.broken_off else []
            slow = [f"{self.slow} took too long"] if self.slow else []
            whys = ", ".join(dict.fromkeys([*why, *self.service_failures, *slow])) or "they no longer answered"
            yield f"services of {len(self.services)} of {present} hosts were read: {whys}"

    def _observe(self, address: IPAddress, own_macs: Set[str], vendors: Mapping[str, str]) -> Observation:
        host, at = self.seen[address]
        told = list(facts(self.source, at, {"answering": True, "address": str(address)}))
        mac = host.mac if host.mac in own_macs else None
        if mac and mac in vendors:
            told += facts(self.source, at, {"vendor": vendors[mac]}, proof=Proof.INFERRED)
        if address in self.public:
            told += facts(self.source, at, {"snmp_public": self.public[address]})
        tables: frozenset[str] = frozenset()
        if address in self.services:
            scanned, when = self.services[address]
            tables = frozenset({"service"})
            told += [
                Fact("service", _row(service), self.source, when, item=f"tcp/{service.port}")
                for service in scanned.services
            ]
            told += facts(self.source, when, {"role": role.conclude(scanned.services)}, proof=Proof.INFERRED)
            told += facts(self.source, when, {each.key: each.judge(scanned) for each in self.profile.exposures})
            if self.profile.default_logins:
                told += _of_pages(scanned, self.profile, self.source, when)
        return Observation(
            facts=tuple(told),
            asset=Identity(
                identifiers=frozenset({("mac", mac)} if mac else ()),
                address=str(address),
                network=self.network.code,
                agency=self.network.agency,
            ),
            tables_read=tables,
        )


def size(network: Network) -> int:
    """How many addresses `hosts()` of its prefix has."""
    prefix = network.prefix
    edges = 0 if prefix.prefixlen >= prefix.max_prefixlen - 1 else 2 if prefix.version == 4 else 1
    return prefix.num_addresses - edges


def _of_pages(host: Host, profile: Profile, source: str, when: datetime) -> Iterator[Fact]:
    """What a host's web pages say of it by title and greeting, and whether its maker's default password is public."""
    known = load_vendors()
    makers: set[str] = set()
    spoke = [text for service in host.services for name, text in service.scripts if name in _PAGES]
    for words in spoke:
        for vendors in (known.vendors, (known.general,)):
            said = identify_banner(words, [banner for vendor in vendors for banner in vendor.http], "http")
            makers |= {said.fields["vendor"]} if said and "vendor" in said.fields else set()
    if len(makers) == 1:
        yield Fact("vendor", next(iter(makers)), source, when, Proof.INFERRED)
    # A web port of which no page told anything says nothing.
    if spoke or not any(service.name in _WEB for service in host.services):
        yield Fact("default_login", bool(makers & profile.default_logins), source, when)


def _row(service: Service) -> dict[str, object]:
    return {"name": service.name, "product": service.product, "version": service.version}
