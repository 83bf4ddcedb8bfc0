"""Fixtures for all tests: the store on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from inventory.store import Store
from tests.postgresql import find_binaries, postgresql

_names = itertools.count()

# A test never asserts a time: hypothesis would, for each example.
settings.register_profile("dophu", deadline=None)
settings.load_profile("dophu")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with postgresql(binaries) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'dophu.db'}"
    server: str = request.getfixturevalue("postgresql_server")
    name = f"dophu_{next(_names)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open store with its tables made."""
    opened = Store.open(store_url)
    await opened.migrate()
    yield opened
    await opened.close()


LONG = (
    "test_measured.py", "api/test_netbox.py", "test_year.py", "api/test_import_console.py", "api/test_scanning.py",
    "api/test_serving.py", "api/test_cli.py", "api/test_agent_real.py", "api/test_websites.py", "api/test_pages.py",
    "deploy/test_nginx.py", "api/test_scheduling.py", "dashboards/test_alerting.py", "api/test_lines.py",
)  # fmt: skip
"""What takes minutes: begun first, the longest before all, so that no processor waits for it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; within a file the order stays."""
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(
        key=lambda item: next((n for name, n in place.items() if str(item.path).endswith(f"/{name}")), len(LONG))
    )
