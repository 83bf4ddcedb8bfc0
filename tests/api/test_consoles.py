"""The reconciliation of consoles and inventory by the API and the page, over one store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from api.config import Config
from api.workspace import Workspace
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu
from tests.api.test_import_console import _fill, line, write

API = "/api/v1/reconciliation"
LISTS = ("inventory_only", "console_only", "not_covered")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320 workstations of which a report lists 290, and ten more."""
    folder = tmp_path_factory.mktemp("consoles")
    assert dophu(folder, "init").returncode == 0
    asyncio.run(_fill(folder / "data"))
    write(folder, [line(f"PC-{n:03}") for n in range(290)] + [line(f"NEW-{n}") for n in range(10)])
    assert dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky").returncode == 0
    return folder / "data"


@asynccontextmanager
async def asking(data: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server over the store in `data`."""
    async with (
        opened(data) as store,
        served(Workspace(Config(data=data), store)) as address,
        httpx2.AsyncClient(base_url=address) as client,
    ):
        yield client


async def test_the_api(filled: Path) -> None:
    async with asking(filled) as client:
        found = (await client.get(API)).json()
        assert [len(found[name]) for name in LISTS] == [30, 10, 0]
        assert sorted(r["machine"] for r in found["inventory_only"])[0] == "PC-290"
        assert (await client.get(API, params={"agency": "B"})).json()["console_only"] == []
        before = (await client.get(API, params={"as_of": "2020-01-01"})).json()
        assert [len(before[name]) for name in LISTS] == [0, 0, 0]
        assert (await client.get(API, params={"as_of": "x"})).status_code == 422


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("vi", ("Không được quản lý tập trung", "Máy trạm", "không có thiết bị mang sê-ri")),
        ("en", ("No central antivirus", "Workstation", "no asset of that serial")),
    ],
)
async def test_the_page(filled: Path, language: str, words: tuple[str, str, str]) -> None:
    title, role, reason = words
    async with asking(filled) as client:
        client.params = client.params.set("lang", language)
        page = (await client.get("/consoles")).text
        counts = dict(re.findall(r'data-list="(\w+)" data-count="(\d+)"', page))
        assert counts == {"inventory_only": "30", "console_only": "10", "not_covered": "0"}
        assert title in page and role.lower() in page.lower() and "PC-319" in page and "NEW-1" not in page
        other = (await client.get("/consoles", params={"list": "console_only"})).text
        assert reason in other and "NEW-9" in other and "PC-319" not in other
        none = (await client.get("/consoles", params={"list": "not_covered"})).text
        assert "<table" not in none
        assert "<table" not in (await client.get("/consoles", params={"agency": "B", "list": "nonsense"})).text
