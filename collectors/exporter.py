"""Scrapes node_exporter and windows_exporter of servers: their system, hardware and the updates that wait."""

from __future__ import annotations

from datetime import UTC, datetime

from collectors.bounds import read_host
from collectors.metrics import SOURCE, Told, node, windows
from collectors.transports.scrape import ScrapeError, scrape
from inventory.words import Credential, Identity, InputError, Observation, Run, Target

COLLECTOR = SOURCE
KIND = "exporter"
"""The kind of its credentials."""
PORTS = (9100, 9182)
"""Of node_exporter and of windows_exporter, where the credential names none."""
SECONDS = 20.0
_KNOWN = {"node_": node, "windows_": windows}


async def collect(target: Target) -> Run:
    """Scrape the exporter of one machine at `target.address`, on `target.port` or on the usual ones in turn.

    The credentials of kind "exporter" of the target say how; without one the exporter is not asked. Facts are of the
    time at which the machine itself looked, where it tells that: a count of updates is as old as its package lists.

    Raises InputError for an address outside the network; ScrapeError where no exporter answered.
    """
    credentials = [credential for credential in target.credentials if credential.kind == KIND]
    if not credentials:
        raise InputError(
            f"{target.label}: found no credential of the kind {KIND}, expected one that says how to scrape"
        )
    address = str(read_host(target))
    started = datetime.now(UTC)
    told = await _ask(address, target, credentials)
    network = target.network
    where = Identity(
        frozenset(told.identifiers),
        address if network else None,
        network.code if network else None,
        network.agency if network else target.agency,
    )
    told.say({"answering": True})
    return Run(
        collector=COLLECTOR,
        target=target.label,
        started=started,
        finished=datetime.now(UTC),
        observations=(Observation(tuple(told.facts), asset=where, tables_read=frozenset(told.tables_read)),),
        complete=not told.problems,
        error="; ".join(told.problems) or None,
        agency=where.agency,
    )


async def _ask(address: str, target: Target, credentials: list[Credential]) -> Told:
    """What the first exporter tells that answers; ScrapeError with what each said."""
    wanted = (*node.WANTED, *windows.WANTED)
    failures: list[str] = []
    for credential in credentials:
        own = credential.secret.get("port")
        for port in (target.port,) if target.port else (int(own),) if own else PORTS:
            try:
                metrics = await scrape(address, port, credential, wanted, SECONDS)
            except ScrapeError as error:
                failures.append(str(error))
                continue
            told = Told(datetime.now(UTC))
            readers = [tell for prefix, tell in _KNOWN.items() if any(name.startswith(prefix) for name in metrics)]
            if readers:
                readers[0].tell(metrics, told)
                return told
            failures.append(f"{address}:{port}: found no metrics of node_exporter or windows_exporter")
    raise ScrapeError("; ".join(dict.fromkeys(failures)))
