"""Importing a register: read, merged with what is stored, checked as a whole, and stored whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from api.workspace import Workspace
from inventory.register import RegisterError, check_register, merge_registers
from inventory.register_file import read_register
from inventory.store import registers


async def import_register(workspace: Workspace, path: Path) -> dict[str, dict[str, int]]:
    """Import the register at `path`; how many rows of each sheet were added, changed and unchanged.

    Raises:
        RegisterError: with every problem of the file, or of what the register would become; nothing is stored.
    """
    incoming = read_register(path)

    def store(connection: Connection) -> dict[str, dict[str, int]]:
        merged, summary = merge_registers(registers.load(connection), incoming)
        if problems := check_register(merged):
            raise RegisterError(problems)
        registers.replace(connection, merged)
        registers.record_declared(connection, workspace.vocabulary, merged, datetime.now(UTC))
        return summary

    return await workspace.store.write(store)
