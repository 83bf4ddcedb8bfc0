"""Taking in a list of hosts of another monitoring system: placed by the register, stored whole or not at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.workspace import Workspace
from collectors.host_lists import read_hosts
from inventory.store import host_lists

__all__ = ["import_hosts"]


async def import_hosts(
    workspace: Workspace, path: Path, system: str, *, agency: str | None = None, dry: bool = False
) -> dict[str, Any]:
    """Import the list at `path`, or tell what that would do (`dry`): who was placed where, and who was left out.

    Raises:
        InputError: the file cannot be read, or the agency is not in the register. Nothing is stored.
    """
    listed = await asyncio.to_thread(read_hosts, path, system)
    hosts = (*listed.hosts, *listed.without)
    do = workspace.store.read if dry else workspace.store.write
    now = datetime.now(UTC)
    outcome = await do(host_lists.take_in, workspace.vocabulary, system, hosts, now, agency=agency, dry=dry)
    return {
        "file": path.name, "source": system, "dry_run": dry, "hosts": len(hosts), "facts": outcome.facts,
        "new": outcome.new,
        "placed": [{"where": h.where, "name": h.name, "address": h.address, "role": h.role or None,
                    "location": h.location or None, "agency": n.agency, "network": n.code}
                   for h, n in outcome.placed],
        "left_out": [{"where": h.where, "name": h.name, "address": h.address or None, "reason": why}
                     for h, why in outcome.left_out],
    }  # fmt: skip
