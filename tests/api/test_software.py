"""The search for software by the command line, the API and the page, over one store."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from api.config import Config
from api.workspace import Workspace
from inventory.store import registers, runs
from inventory.words import Register
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu
from tests.inventory.sample import LEVELS, agency
from tests.inventory.test_software import report

PROGRAMS = {"LibreOffice": "24.2", "Hóa đơn điện tử": "2.0", "=cmd|' /C calc'!A0": "1"}


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with opened(tmp_path / "data") as store:
        workspace = Workspace(Config(data=tmp_path / "data"), store)
        await store.write(registers.replace, Register(LEVELS, (agency("A"), agency("B"))))
        now = datetime.now(UTC)
        for run in (report(1, now, PROGRAMS), report(2, now, {"LibreOffice": "7.4"}, "B")):
            await store.write(runs.record, workspace.vocabulary, run, now)
        yield workspace


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path


async def test_the_command(folder: Path, workspace: Workspace) -> None:
    found = json.loads(dophu(folder, "software", "hoa don", "-o", "json").stdout)
    assert [(v["name"], v["version"], v["machines"]) for v in found] == [("Hóa đơn điện tử", "2.0", 1)]
    machines = dophu(folder, "software", "libre", "--version", "< 8", "--machines", "-o", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(machines))
    assert (row["machine"], row["agency"], row["version"], row["removed"]) == ("PC-002", "B", "7.4", "no")
    formula = dophu(folder, "software", "calc", "-o", "csv").stdout
    assert "\n'=cmd" in formula
    more = dophu(folder, "software", "--limit", "1")
    assert more.returncode == 0 and "1 of 3; --limit shows more" in more.stderr
    wrong = dophu(folder, "software", "libre", "--version", "newest")
    assert (wrong.returncode, "found 'newest', expected such as 24.8" in wrong.stderr) == (2, True)
    assert dophu(folder, "software", "--machines").returncode == 2


async def test_the_api(workspace: Workspace) -> None:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=f"{address}/api/v1") as client:
        found = (await client.get("/software", params={"q": "libreoffice"})).json()
        assert [(v["version"], v["machines"]) for v in found["items"]] == [("7.4", 1), ("24.2", 1)]
        assert found["total"] == 1
        machines = (await client.get("/software/machines", params={"name": "LibreOffice", "agency": "A"})).json()
        assert [(m["asset"], m["machine"], m["version"]) for m in machines["items"]] == [(1, "PC-001", "24.2")]
        assert (await client.get("/software", params={"version": "x"})).status_code == 422
        assert (await client.get("/software/machines")).status_code == 422
        yesterday = (await client.get("/software", params={"as_of": "2020-01-01"})).json()
        assert yesterday["items"] == []


@pytest.mark.parametrize(("language", "words"), [("vi", ("Phần mềm", "Số máy")), ("en", ("Software", "Machines"))])
async def test_the_page(workspace: Workspace, language: str, words: tuple[str, str]) -> None:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        page = (await client.get("/software", params={"lang": language})).text
        assert all(word in page for word in words)
        assert re.findall(r'data-program="([^"]+)"', page)[1:] == ["Hóa đơn điện tử", "LibreOffice", "LibreOffice"]
        assert "=cmd|&#39; /C calc&#39;!A0" in page
        machines = (await client.get("/software", params={"lang": language, "name": "LibreOffice"})).text
        assert re.findall(r'data-asset="(\d+)"', machines) == ["1", "2"]
        assert 'href="/assets/1' in machines
        wrong = await client.get("/software", params={"lang": language, "q": "a", "version": "none"})
        assert wrong.status_code == 200 and 'role="alert"' in wrong.text
        beyond = (await client.get("/software", params={"lang": language, "page": "99"})).text
        assert "LibreOffice" in beyond
