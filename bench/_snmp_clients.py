"""One client of the SNMP benchmark in a process of its own: polls so many devices once, prints what that took.

    python -m bench._snmp_clients CLIENT WORK PORT DEVICES CONCURRENCY [DEAD]

CLIENT is ours or gufo; WORK is identify, interfaces, or for ours also store-identify and store-interfaces, where what
was read is recorded in SQLite. Imports, the vendors' files and a first few devices are not in the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gufo.snmp.aio.client import SnmpSession

from bench._snmp_responder import PORTS, address_of, is_dead
from collectors import runner, snmp
from collectors.reading.identify import Identification
from collectors.reading.interfaces import read_interfaces
from collectors.reading.tables import Tables, Walks
from collectors.transports.snmp import OBJECTS_PER_REQUEST, Absent, Answer, SnmpClient
from inventory import vocabulary
from inventory.store import Store, runs
from inventory.words import Credential, Run, Target

_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
COLUMNS = {
    f"{_IF}.2": ("ifDescr", "DisplayString"), f"{_IF}.3": ("ifType", "gauge"),
    f"{_IF}.6": ("ifPhysAddress", "PhysAddress48"),
    f"{_IF}.7": ("ifAdminStatus", "gauge"), f"{_IF}.8": ("ifOperStatus", "gauge"),
    f"{_IF}.13": ("ifInDiscards", "counter"), f"{_IF}.14": ("ifInErrors", "counter"),
    f"{_IF}.19": ("ifOutDiscards", "counter"), f"{_IF}.20": ("ifOutErrors", "counter"),
    f"{_IFX}.1": ("ifName", "DisplayString"), f"{_IFX}.6": ("ifHCInOctets", "counter"),
    f"{_IFX}.10": ("ifHCOutOctets", "counter"), f"{_IFX}.15": ("ifHighSpeed", "gauge"),
    f"{_IFX}.18": ("ifAlias", "DisplayString"),
}  # fmt: skip
"""The fourteen that `read_interfaces` reads, with the name and the type that snmp_exporter gives them (IF-MIB)."""
PUBLIC = Credential("bench", "snmp-v2c", {"community": "public"})
SYS_NAME = "1.3.6.1.2.1.1.5.0"
WARM_UP = 20

Asked = list[tuple[str, list[str] | tuple[str, int]]]
Poll = Callable[[int], Awaitable[bool]]
Figures = dict[str, float]


class Noting(SnmpClient):
    """A client that notes what it is asked for."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(address, port, PUBLIC)
        self.asked: Asked = []

    async def get_many(self, oids: Iterable[str]) -> dict[str, Answer | Absent]:
        """Notes the requests, then makes them."""
        wanted = list(dict.fromkeys(oids))
        for start in range(0, len(wanted), OBJECTS_PER_REQUEST):
            self.asked.append(("get", wanted[start : start + OBJECTS_PER_REQUEST]))
        return await super().get_many(wanted)

    async def first(self, column: str, *, rows: int = 3) -> list[tuple[str, Answer]]:
        """Notes the request, then makes it."""
        self.asked.append(("first", (column, rows)))
        return await super().first(column, rows=rows)


async def identification_asks(port: int) -> Asked:
    """What identification asks of such a device."""
    async with Noting(address_of(0), port) as client:
        await Identification(client).run()
    return client.asked


def ours_identify(port: int) -> Poll:
    """Identification of one device by our client."""

    async def poll(number: int) -> bool:
        async with SnmpClient(address_of(number), port, PUBLIC) as client:
            portrait = await Identification(client).run()
        return portrait.fields.get("serial") == f"JAE2529{number:04}" and portrait.role == "switch"

    return poll


def gufo_identify(port: int, asked: Asked) -> Poll:
    """The same requests by the library alone, whose answers are left as they are."""

    async def poll(number: int) -> bool:
        found: dict[str, object] = {}
        async with SnmpSession(address_of(number), port, community="public", timeout=2) as session:
            for _, what in asked:
                if isinstance(what, list):
                    found |= await session.get_many(what)
                else:
                    rows = 0
                    async for oid, value in session.getbulk(what[0], what[1]):
                        found[oid] = value
                        rows += 1
                        if rows >= what[1]:
                            break
        return found[SYS_NAME] == b"sw-%05d.snnptnt.example.vn" % number

    return poll


def ours_interfaces(port: int) -> Poll:
    """Fourteen columns of one device by our client, and made into rows with a meaning."""

    async def poll(number: int) -> bool:
        tables = Tables()
        async with SnmpClient(address_of(number), port, PUBLIC) as client:
            await read_interfaces(Walks(client, tables), counters=True)
        return len(tables.interfaces) == PORTS and len(tables.rows["interface_counters"]) == PORTS

    return poll


def gufo_interfaces(port: int) -> Poll:
    """The same columns by the library alone, whose answers are left as they are."""

    async def poll(number: int) -> bool:
        rows = 0
        async with SnmpSession(address_of(number), port, community="public", timeout=2) as session:
            for column in COLUMNS:
                values: dict[str, object] = {}
                async for oid, value in session.getbulk(column, PORTS + 1):
                    values[oid] = value
                rows += len(values)
        return rows == len(COLUMNS) * PORTS

    return poll


async def poll_all(poll: Poll, numbers: Iterable[int], concurrency: int) -> int:
    """Polls with so many workers; how many devices were read rightly."""
    left, right = iter(numbers), []

    async def work() -> None:
        for number in left:
            with contextlib.suppress(Exception):
                right.append(await poll(number))

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return sum(right)


class Part(snmp.Reading):
    """One device read in part: who it is, and its interfaces where these are wanted."""

    interfaces = False

    async def read(self, client: SnmpClient, found: Mapping[str, Answer | Absent] | None = None) -> None:
        """Reads that part, as `Reading` does."""
        identification = Identification(client, answers=found)
        self.portrait = identification.portrait
        await identification.run()
        if self.interfaces:
            await read_interfaces(Walks(client, self.tables), counters=True)


class PartWithInterfaces(Part):
    """Who it is, and its interfaces."""

    interfaces = True


PARTS = {"store-identify": Part, "store-interfaces": PartWithInterfaces}


async def stored(part: type[Part], port: int, numbers: range, concurrency: int, folder: Path) -> tuple[int, float]:
    """Polls as a round does and records every run; how many devices are in the store then, and the seconds taken."""

    async def collect(target: Target) -> Run:
        began = datetime.now(UTC)
        reading = part(target.address, port)
        try:
            await reading.run(target.credentials)
        except snmp.SnmpError as error:
            return Run("snmp", target.label, began, datetime.now(UTC), error=str(error))
        observations = snmp._observe(target, reading)
        return Run("snmp", target.label, began, datetime.now(UTC), observations, complete=not reading.problems)

    known = vocabulary.load()
    path = folder / "dophu.db"
    store = Store.open(f"sqlite:///{path}")
    await store.migrate()
    complete, started = 0, time.perf_counter()
    targets = [Target(address_of(number), port, credentials=(PUBLIC,)) for number in numbers]
    going = runner.run("snmp", collect, targets, concurrency=concurrency, deadline=60)
    async with contextlib.aclosing(going):
        async for run in going:
            await store.write(runs.record, known, run, datetime.now(UTC))
            complete += run.complete
    seconds = time.perf_counter() - started
    await store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT COUNT(DISTINCT value) FROM asset_fact WHERE key = 'serial'").fetchone()[0]
    return min(complete, named), seconds


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(client: str, work: str, port: int, count: int, concurrency: int, dead: int = 0) -> Figures:
    """Reads the devices once, after a few of them to warm up; the figures are of this process."""
    with tempfile.TemporaryDirectory(prefix="dophu-bench-") as name:
        folder = Path(name)
        few = range(min(WARM_UP, count, dead - 1 if dead else count))
        if part := PARTS.get(work):
            (folder / "warm").mkdir()
            await stored(part, port, few, 10, folder / "warm")
            before = _cpu()
            right, seconds = await stored(part, port, range(count), concurrency, folder)
        else:
            poll = await _poll_of(client, work, port)
            await poll_all(poll, few, 10)
            before, started = _cpu(), time.perf_counter()
            right = await poll_all(poll, range(count), concurrency)
            seconds = time.perf_counter() - started
        took = _cpu() - before
    living = sum(not is_dead(number, dead) for number in range(count))
    return {
        "cpu_per_1000": took / count * 1000,
        "per_second": count / seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "lost": living - right,
    }


async def _poll_of(client: str, work: str, port: int) -> Poll:
    if client == "gufo":
        return gufo_interfaces(port) if work == "interfaces" else gufo_identify(port, await identification_asks(port))
    return ours_interfaces(port) if work == "interfaces" else ours_identify(port)


def main() -> None:
    """Run and print."""
    client, work, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(client, work, *map(int, numbers)))))


if __name__ == "__main__":
    main()
