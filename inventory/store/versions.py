"""The versions of the tables: which one a database is of, and bringing it to this one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from inventory.words import StoreError

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def current(connection: Connection) -> str | None:
    """The version of the database's tables; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def needed() -> str:
    """The version that this Dophu works with."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def upgrade(connection: Connection) -> None:
    """Bring the tables to this version, making them where there are none.

    Raises:
        StoreError: they were made by a newer Dophu.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    known = {r.revision for r in ScriptDirectory.from_config(config).walk_revisions()}
    found = current(connection)
    if found is not None and found not in known:
        raise StoreError(f"the database is of version {found!r}, which this Dophu does not know: install a newer one")
    command.upgrade(config, "head")
