"""Asks one link or host for ICMP echoes, and takes silence as an answer only where it says something.

Rounds ask many at once and judge them together (`collectors.lines`); this is for who asks one alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

from collectors import facts
from collectors.quality import measure
from collectors.transports.echo import Pace, Trips, ping_many
from collectors.transports.icmp import LOOPBACK, IPAddress, ProbeError
from inventory.words import Identity, InputError, Observation, Run, Target

COLLECTOR = "icmp"
PACE = Pace(count=5)


async def collect(target: Target) -> Run:
    """Ping the far end of `target.link`, or one host of `target.network`.

    A link has facts also when it is silent: link_answering, loss (share 0-1) and, of what answered, the median
    round_trip (seconds). A host has answering; its silence is a fact only when it `answered_before`, because many
    hosts never answer ICMP, and otherwise the Run's error.

    The Run names no network, though the observation does: one host read to the end is not its network read to the end.

    Raises InputError for an address that cannot be pinged or is not of the network, or a network that may not be
    scanned; ProbeError when the probe itself did not work, NotPermittedError when ICMP is not permitted to us.
    """
    address = _parsed(target)
    started = datetime.now(UTC)
    echoes = await _ask(address)
    observation = _of_link(target.link, echoes) if target.link else _of_host(target, address, echoes)
    silence = f" ({echoes.refusal})" if echoes.refusal else ""
    return Run(
        collector=COLLECTOR,
        target=target.label,
        started=started,
        finished=datetime.now(UTC),
        observations=(observation,) if observation else (),
        complete=observation is not None,
        error=None if observation else f"no ICMP answer, and never had one: says nothing{silence}",
        agency=target.agency or (target.network.agency if target.network else None),
    )


def _parsed(target: Target) -> IPAddress:
    try:
        address = ip_address(target.address)
    except ValueError as error:
        raise InputError(f"{target.label}: found {target.address!r}, expected an IP address") from error
    if getattr(address, "scope_id", None) is not None or address.is_multicast or address.is_unspecified:
        raise InputError(f"{target.label}: found {address}, expected the address of one host")
    if target.link:
        return address
    network = target.network
    if network is None:
        raise InputError(f"{target.label}: found neither a link nor a network, expected one of the register")
    if address not in network.prefix:
        raise InputError(f"{target.label}: found {address}, expected an address in {network.prefix}")
    if not network.scan:
        raise InputError(f"network {network.code} may not be scanned: scan is no in the register")
    return address


async def _ask(address: IPAddress) -> Trips:
    """The echoes of an address. Its silence counts only where our own loopback answers."""
    own = LOOPBACK[address.version]
    found = await ping_many([address, own], PACE)
    echoes = found[address]
    if not echoes.sent:
        raise ProbeError(f"nothing could be sent to {address}: {echoes.unsent}")
    if not echoes.answered and not found[own].answered:
        raise ProbeError(f"the probe does not work: {own} does not answer either")
    return echoes


def _of_link(link: str, echoes: Trips) -> Observation:
    quality = measure([echoes])
    said = {
        "link_answering": echoes.answered,
        "loss": quality.loss if quality else None,
        "round_trip": quality.median if quality else None,
    }
    return Observation(facts=facts(COLLECTOR, datetime.now(UTC), said), link=link)


def _of_host(target: Target, address: IPAddress, echoes: Trips) -> Observation | None:
    if not echoes.answered and not target.answered_before:
        return None
    network = target.network
    where = Identity(
        address=str(address),
        network=network.code if network else None,
        agency=network.agency if network else target.agency,
    )
    return Observation(facts=facts(COLLECTOR, datetime.now(UTC), {"answering": echoes.answered}), asset=where)
