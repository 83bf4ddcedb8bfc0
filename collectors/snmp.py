"""Reads one device over SNMP v1, v2c or v3: what it is, its interfaces, its neighbours, and what it says of itself."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address

from collectors import facts
from collectors.bounds import read_host
from collectors.reading import standard
from collectors.reading.details import read_tables, read_values
from collectors.reading.identify import Identification
from collectors.reading.interfaces import read_interfaces
from collectors.reading.neighbours import read_neighbours
from collectors.reading.origins import Step
from collectors.reading.standard import Portrait
from collectors.reading.tables import Tables, Walks
from collectors.reading.text import as_mac, as_number
from collectors.transports.credentials import CREDENTIALS
from collectors.transports.snmp import Absent, Answer, SnmpAnswerError, SnmpClient, SnmpError, SnmpRefused, SnmpTimeout
from collectors.vendors import System
from inventory.words import Credential, Fact, Identity, Observation, Proof, Run, Target

PORT = 161
TIMEOUT = 2.0
TRIES_AT_FIRST = 2
"""For a credential that may be the wrong one: a wrong community looks like a dead device."""
TRIES = 4
DEADLINE = 50.0
"""Seconds for one credential's conversation, below the runner's own deadline."""
MOST_CREDENTIALS = 5
"""Trying more at one device is guessing."""
DEFAULT_COMMUNITY = "public"

_LLDP_CHASSIS_IS_MAC = 4


async def collect(target: Target) -> Run:
    """Read one device: `target.address` is its IP address, the first of `target.credentials` that it accepts is used.

    What was read before a failure, or before a cancellation, is in the Run, with `error` set and `complete` false.
    A device that stays silent, or answers nothing usable, yields no fact at all.

    Raises InputError for an address outside the network, or a network that may not be scanned.
    """
    read_host(target)
    started = datetime.now(UTC)
    reading = Reading(
        target.address, target.port or PORT, TIMEOUT, TRIES_AT_FIRST, DEADLINE, details=True, long=target.long
    )
    error: str | None = None
    try:
        await reading.run(target.credentials[:MOST_CREDENTIALS])
    except SnmpError as failure:
        error = str(failure)
    except asyncio.CancelledError:
        error = "broken off before the device was read to the end"
    problems = [*([error] if error else []), *reading.problems]
    observations = _observe(target, reading) if reading.accepted else ()
    network = target.network.code if target.network else None
    return Run(
        collector="snmp",
        target=target.label,
        started=started,
        finished=datetime.now(UTC),
        observations=observations,
        complete=not problems,
        error="; ".join(problems) or None,
        agency=target.agency or (target.network.agency if target.network else None),
        network=network,
    )


@dataclass(slots=True)
class Reading:
    """One device being read; what came in is kept as it comes."""

    address: str
    port: int
    timeout: float = TIMEOUT
    tries_at_first: int = TRIES_AT_FIRST
    deadline: float = DEADLINE
    details: bool = False
    """Whether to read more than who it is: counters, values, tables."""
    long: bool = False
    """Whether the tables that are long and change little are among them."""
    long_read: bool = False
    """Whether these were read through, as far as the device has them."""
    accepted: Credential | None = None
    """The credential that the device answered to."""
    refused: list[Credential] = field(default_factory=list)
    """Those that it did not answer to."""
    engine_id: bytes | None = None
    portrait: Portrait = field(default_factory=Portrait)
    tables: Tables = field(default_factory=Tables)
    systems: list[System] = field(default_factory=list)
    """What the device was recognised as running."""
    steps: list[Step] = field(default_factory=list)
    """What reading it cost, part by part."""

    @property
    def problems(self) -> list[str]:
        """What could not be read although the device answers, each once."""
        return list(dict.fromkeys([*self.portrait.problems, *self.tables.problems]))

    async def run(self, credentials: Iterable[Credential]) -> None:
        """Tries the credentials in order, reads with the first that is accepted; SnmpError where none is.

        The one that was accepted before comes first, and what was refused within a day is left out.
        """
        offered, place = list(credentials), (self.address, self.port)
        tried = CREDENTIALS.in_order(*place, offered)
        failures = [f"{c.name}: refused before, not tried again for a day" for c in offered if c not in tried]
        for credential in tried:
            client = SnmpClient(
                self.address,
                self.port,
                credential,
                timeout=self.timeout,
                tries=self.tries_at_first,
                deadline=self.deadline,
            )
            try:
                async with client:
                    with self._step(credential.name, client):
                        found = await self._greet(client)
                    if all(isinstance(value, Absent) for value in found.values()):
                        raise SnmpAnswerError(f"{client.where} answers, and shows nothing of itself")
                    self.accepted = credential
                    CREDENTIALS.took(*place, credential, self.refused)
                    self.refused += [c for c in CREDENTIALS.were_silent(*place, offered) if c not in self.refused]
                    client.tries = TRIES
                    await self.read(client, found)
                return
            except SnmpError as failure:
                if self.accepted:
                    raise
                if isinstance(failure, SnmpRefused):
                    CREDENTIALS.refused(*place, credential)
                self.refused.append(credential)
                failures.append(f"{credential.name}: {failure}")
        where = f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
        raise SnmpTimeout("; ".join(failures) or f"{where}: no credential to try")

    async def _greet(self, client: SnmpClient) -> Mapping[str, Answer | Absent]:
        """What any device can say of itself; an object that it answers with an error is noted, and spoils no other."""
        try:
            return await client.get_many((*standard.SYSTEM_GROUP, *standard.STANDARD))
        except SnmpRefused:
            raise
        except SnmpAnswerError as error:
            if all(isinstance(value, Absent) for value in error.read.values()):
                raise
            self.tables.problems.append(str(error))
            return error.read

    @contextmanager
    def _step(self, name: str, client: SnmpClient) -> Iterator[None]:
        """Notes what a part of the reading costs, also one that fails."""
        started, sent = time.perf_counter(), client.sent
        try:
            yield
        finally:
            self.steps.append(Step(name, time.perf_counter() - started, client.sent - sent))

    async def read(self, client: SnmpClient, found: Mapping[str, Answer | Absent] | None = None) -> None:
        """Reads the device of an open conversation; `found` is what it answered already. SnmpError where it fails."""
        self.engine_id = client.engine_id
        identification = Identification(client, answers=found)
        self.portrait, self.systems = identification.portrait, identification.systems
        with self._step("identify", client):
            await identification.run()
        walks = Walks(client, self.tables)
        try:
            with self._step("interfaces", client):
                await read_interfaces(walks, counters=self.details)
            with self._step("neighbours", client):
                await read_neighbours(walks)
            if self.details:
                await read_values(walks, self.portrait, identification.systems)
                await read_tables(walks, identification.systems, long=self.long)
                self.long_read = self.long
        finally:
            # A device whose words say nothing is still known by its ports.
            if self.portrait.role is None:
                ports, radios = self.tables.count("ethernet"), self.tables.count("wireless")
                self.portrait.decide(standard.what_it_does(self.portrait, ports, radios))

    @property
    def public(self) -> bool | None:
        """Whether the device answers to the community "public"; None where that was not tried.

        False needs a device that is awake: one that answered to another credential and was silent on this one.
        """
        if self.accepted and self.accepted.secret.get("community") == DEFAULT_COMMUNITY:
            return True
        tried = any(c.secret.get("community") == DEFAULT_COMMUNITY for c in self.refused)
        return False if self.accepted and tried else None


def _observe(target: Target, reading: Reading) -> tuple[Observation, ...]:
    """What the device said of itself, and whom it knows by ARP in the networks of its agency."""
    now = datetime.now(UTC)
    portrait, tables = reading.portrait, reading.tables
    stated = facts(
        "snmp",
        now,
        {
            **tables.values,
            "answering": True,
            "address": target.address,
            "role": portrait.role,
            **portrait.fields,
            "sysname": portrait.words(standard.SYS_NAME),
            "description": portrait.words(standard.SYS_DESCR),
            "location": portrait.words(standard.SYS_LOCATION),
            "uptime": standard.uptime(portrait),
            "interface_count": tables.ports if "interface" in tables.read else None,
            "interfaces_up": tables.up if "interface" in tables.read and tables.states else None,
            # Most devices that show no neighbour do not speak these protocols: that is no "has none".
            "neighbour_count": len(tables.neighbours) if tables.neighbours and "neighbour" in tables.read else None,
            "snmp_public": reading.public,
            "long_tables_read": now if reading.long_read else None,
        },
    )
    rows = [
        Fact(key, dict(row), "snmp", now, item=item)
        for key, table in tables.rows.items()
        for item, row in table.items()
    ]
    identity = Identity(
        frozenset(_identifiers(reading)),
        target.address,
        target.network.code if target.network else None,
        target.agency or (target.network.agency if target.network else None),
    )
    return (
        Observation((*stated, *rows), asset=identity, tables_read=frozenset(tables.read)),
        *_known_by_arp(target, reading, now),
    )


def _known_by_arp(target: Target, reading: Reading, now: datetime) -> Iterable[Observation]:
    """Who has an address in a network of the agency: seen on the wire, whether or not it answers anybody.

    That it answers is for others to find: here it is only known to be there, and the maker of its card.
    """
    rows = reading.tables.rows.get("arp", {})
    holders = Counter(str(row["mac"]) for row in rows.values())
    for text, row in rows.items():
        address, mac = ip_address(text), str(row["mac"])
        network = next((n for n in target.networks if address in n.prefix), None)
        # One card with several addresses answers for others (proxy ARP), or is a router on the way.
        if network is None or text == target.address or holders[mac] > 1:
            continue
        told = facts("snmp", now, {"address": text, "seen_in_arp": now})
        if maker := row.get("maker"):
            told += facts("snmp", now, {"vendor": str(maker)}, proof=Proof.INFERRED)
        yield Observation(told, asset=Identity(frozenset({("mac", mac)}), text, network.code, network.agency, True))


def _identifiers(reading: Reading) -> Iterable[tuple[str, str]]:
    """What tells this device from every other; `inventory.identity` leaves out what does not."""
    portrait = reading.portrait
    if serial := portrait.fields.get("serial"):
        yield "serial", serial
    engine = standard.engine_identifier(reading.engine_id or portrait.answers.get(standard.ENGINE_ID))
    if engine:
        yield "engine_id", engine
    chassis = [portrait.answers.get(standard.BRIDGE_ADDRESS)]
    if as_number(portrait.answers.get(standard.LLDP_CHASSIS_KIND)) == _LLDP_CHASSIS_IS_MAC:
        chassis.append(portrait.answers.get(standard.LLDP_CHASSIS))
    for value in chassis:
        if mac := as_mac(value):
            yield "chassis_mac", mac
    for mac in reading.tables.macs:
        yield "mac", mac
