"""The versions of the tables: which one a database is of, and bringing it to this one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from inventory.words import StoreError, Title

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def current(connection: Connection) -> str | None:
    """The version of the database's tables; None where there are none."""
    # Every command asks; to ask Alembic, it would have to be imported, which takes longer than most of them work.
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def needed() -> str:
    """The version that this Dophu works with."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables to this version, or to a former one, making them where there are none.

    Raises:
        StoreError: they were made by a newer Dophu.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    known = {r.revision for r in ScriptDirectory.from_config(config).walk_revisions()}
    found = current(connection)
    if found is not None and found not in known:
        raise StoreError(
            Title(
                f"cơ sở dữ liệu ở phiên bản {found!r} mà bản Dophu này không biết: hãy cài bản mới hơn",
                f"the database is of version {found!r}, which this Dophu does not know: install a newer one",
            )
        )
    command.upgrade(config, to)
