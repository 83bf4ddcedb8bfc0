"""Importing a register: read, merged with what is stored, checked as a whole, and stored whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from api.workspace import Workspace
from inventory.register.file import read_register
from inventory.store import registers


async def import_register(workspace: Workspace, path: Path) -> dict[str, dict[str, int]]:
    """Import the register at `path`; how many rows of each sheet were added, changed and unchanged.

    Raises:
        RegisterError: with every problem of the file, or of what the register would become; nothing is stored.
    """
    store = workspace.store
    # Reading a large workbook takes seconds: the store is not held up meanwhile.
    incoming = read_register(path, await store.read(registers.load))
    changes = await store.write(registers.take_in, workspace.vocabulary, incoming, str(path), datetime.now(UTC))
    return {sheet: change.counts for sheet, change in changes.items()}
