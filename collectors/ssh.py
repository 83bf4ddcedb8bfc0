"""Reads Linux servers over SSH by fixed commands that only read: updates that wait, reboot, firewall, encryption."""

from __future__ import annotations

from datetime import UTC, datetime

from collectors.bounds import read_host
from collectors.servers import SOURCE, Told, debian, redhat, system
from collectors.transports.ssh import Said, Shell, SshError
from inventory.words import Identity, InputError, Observation, Run, Target

COLLECTOR = SOURCE
KIND = "ssh"
"""The kind of its credentials."""
PORT = 22
FAMILIES = (debian, redhat)


async def collect(target: Target) -> Run:
    """Log in to the machine at `target.address` with the target's first credential of kind "ssh", and ask.

    One topic that is not permitted or fails leaves the others as they are; the Run says which.

    Raises InputError for an address outside the network, or a credential that lacks something; HostKeyError where the
    host key is not the one pinned, SshError where the machine could not be read.
    """
    credential = next((c for c in target.credentials if c.kind == KIND), None)
    if credential is None:
        raise InputError(f"{target.label}: found no credential of the kind {KIND}, expected one")
    address, network = read_host(target), target.network
    started = datetime.now(UTC)
    port = target.port or int(credential.secret.get("port", PORT))
    async with Shell(str(address), port, credential) as shell:
        told = await _ask(shell, started)
    where = Identity(
        frozenset(told.identifiers),
        str(address) if network else None,
        network.code if network else None,
        network.agency if network else target.agency,
    )
    told.say({"answering": True})
    return Run(
        collector=COLLECTOR,
        target=target.label,
        started=started,
        finished=datetime.now(UTC),
        observations=(Observation(tuple(told.facts), asset=where),),
        complete=not told.problems,
        error="; ".join(told.problems) or None,
        agency=where.agency,
    )


async def _ask(shell: Shell, at: datetime) -> Told:
    told = Told(at)
    answers: dict[str, Said] = {name: await shell.run(command) for name, command in system.COMMANDS.items()}
    if not answers["os"].succeeded:
        raise SshError(f"{shell.where}: /etc/os-release could not be read: is it a Linux?")
    system.tell(answers, told)
    release = system.read_release(answers["os"].text)
    named = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    family = next((family for family in FAMILIES if named & set(family.FAMILY)), None)
    if family is None:
        told.problems.append(f"updates are not read on {release.get('ID', 'this system')[:40]}")
        return told
    answers |= {name: await shell.run(command) for name, command in family.COMMANDS.items()}
    family.tell(answers, told)
    return told
