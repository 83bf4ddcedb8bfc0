"""Importing a register: read, merged with what is stored, checked as a whole, and stored whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from api.workspace import Workspace
from inventory.register import RegisterError, check_register
from inventory.register.file import read_register
from inventory.register.merge import merge_registers
from inventory.store import registers


async def import_register(workspace: Workspace, path: Path) -> dict[str, dict[str, int]]:
    """Import the register at `path`; how many rows of each sheet were added, changed and unchanged.

    Raises:
        RegisterError: with every problem of the file, or of what the register would become; nothing is stored.
    """

    # Reading a large workbook takes seconds: the store is not held up meanwhile.
    incoming = read_register(path, await workspace.store.read(registers.load))

    def store(connection: Connection) -> dict[str, dict[str, int]]:
        existing = registers.load(connection)
        if problems := check_register(incoming, existing):
            raise RegisterError(problems, str(path))
        merged, changes = merge_registers(existing, incoming)
        registers.replace(connection, merged)
        registers.record_declared(connection, workspace.vocabulary, merged, datetime.now(UTC))
        return {sheet: change.counts for sheet, change in changes.items()}

    return await workspace.store.write(store)
