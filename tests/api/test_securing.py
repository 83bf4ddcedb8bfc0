"""Security findings, scans and schedules on pages and in the API: what is told agrees with what was judged."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from api import rounds
from api.config import Config
from api.windows import Windows
from api.workspace import Workspace
from inventory.store import registers, runs, scans, schedules, security
from inventory.words import Fact, InputError, Observation, Schedule
from tests.api.pages_server import opened, served
from tests.inventory.sample import REGISTER, device, sweep

NOW = datetime.now(UTC) - timedelta(hours=1)
LAN = REGISTER.networks[0]


def host(number: int, **said: bool) -> Observation:
    seen = device("A", number, NOW, source="scan", **said)
    row: dict[str, object] = {"name": "telnet", "product": "Linux telnetd", "version": ""}
    return Observation((*seen.facts, Fact("service", row, "scan", NOW, item="tcp/23")), asset=seen.asset)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A province in which a scan found telnet on one machine and FTP on another, and the address of its pages."""
    folder: Path = tmp_path_factory.mktemp("security")
    async with opened(folder) as store:
        workspace = Workspace(Config(data=folder), store)
        await store.write(registers.replace, REGISTER)
        found = (
            host(20, exposed_telnet=True, exposed_ftp=False),
            device("A", 21, NOW, source="scan", exposed_telnet=False, exposed_ftp=True),
        )
        done = sweep("A", *found, at=NOW, collector="scan")
        await store.write(runs.record, workspace.vocabulary, done, datetime.now(UTC))
        await rounds.judge(workspace)
        control = workspace.goals.controls["host_no_telnet"]
        (telnet,) = await store.read(
            security.read, workspace.vocabulary, workspace.goals.controls, datetime.now(UTC), control="host_no_telnet"
        )
        await store.write(security.assign, control, telnet.member, "Trần <b>An</b>", "đổi sang SSH", datetime.now(UTC))
        owner = scans.Owner("elsewhere", lambda _: False)
        begun = await store.write(
            scans.begin,
            "security",
            {LAN.code: scans.Part(str(LAN.prefix), 254)},
            owner,
            NOW,
            asked_by="Lê Bình",
            reason="điều tra sự cố",
        )
        number = begun.number or 0
        await store.write(scans.tell, number, LAN.code, "192.168.1.1", ())
        await store.write(scans.end, number, NOW, False)
        wanted = Schedule("nightly", "scan", "0 1 * * *", argument="security")
        await store.write(schedules.put, wanted, NOW, Windows().next_turn)
        async with served(workspace) as address:
            yield address


async def get(address: str, **query: str | list[str]) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=60) as client:
        return await client.get(address, params=query)


def rows(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<tr data-control="(\w+)" data-member="(\d+)">', page)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_open_is_listed_the_most_severe_first_with_who_sees_to_it(site: str) -> None:
    page = (await get(f"{site}/security")).text
    assert [control for control, _ in rows(page)] == ["host_no_telnet", "host_no_ftp"]
    assert "Trần &lt;b&gt;An&lt;/b&gt;" in page and "đổi sang SSH" in page and "tcp/23 telnet Linux telnetd" in page
    assert re.findall(r'data-severity="(\w+)" data-count="(\d+)"', page) == [
        ("high", "1"), ("medium", "1"), ("low", "0")
    ]  # fmt: skip
    listed = (await get(f"{site}/api/v1/security")).json()
    assert [(f["control"], f["member"]) for f in listed] == rows(page)
    assert [control for control, _ in rows((await get(f"{site}/security", severity="medium")).text)] == ["host_no_ftp"]
    assert rows((await get(f"{site}/security", state="fixed")).text) == []
    assert rows((await get(f"{site}/security", agency="B")).text) == []
    english = (await get(f"{site}/security", lang="en")).text
    assert "The host has no telnet open" in english


async def test_as_of_a_day_before_nobody_knew_of_it(site: str) -> None:
    assert (await get(f"{site}/api/v1/security", as_of="2026-01-31")).json() == []
    mine = (await get(f"{site}/api/v1/security", owner="Trần <b>An</b>")).json()
    assert [f["control"] for f in mine] == ["host_no_telnet"]


@pytest.mark.parametrize("query", [{"severity": "awful"}, {"state": "broken"}, {"control": "agency_lan_answering"}])
async def test_what_there_is_not_is_refused_with_what_there_is(site: str, query: dict[str, str]) -> None:
    answer = await get(f"{site}/api/v1/security", **query)
    assert answer.status_code == 422 and "expected" in answer.json()["detail"]


async def test_a_scan_tells_how_far_it_is_and_for_what_reason_it_was_done(site: str) -> None:
    page = (await get(f"{site}/scans/1")).text
    assert "64 / 254" in page and "điều tra sự cố" in page and "Lê Bình" in page
    told = (await get(f"{site}/api/v1/scans/1")).json()
    assert (told["state"], told["networks"][0]["swept"], told["changes"]) == ("broken_off", 64, [])
    assert (await get(f"{site}/scans/7")).status_code == 404
    assert (await get(f"{site}/api/v1/scans/7")).status_code == 404
    assert [s["number"] for s in (await get(f"{site}/api/v1/scans")).json()] == [1]


async def test_a_schedule_is_told_and_asked_for(site: str) -> None:
    page = (await get(f"{site}/schedules")).text
    assert 'data-schedule="nightly"' in page and "0 1 * * *" in page
    async with httpx2.AsyncClient(timeout=60) as client:
        asked = await client.post(f"{site}/api/v1/schedules/nightly/run")
        assert asked.status_code == 202
        assert (await client.post(f"{site}/api/v1/schedules/nobody/run")).status_code == 404
    (told,) = (await get(f"{site}/api/v1/schedules")).json()
    assert told["asked"] is not None and told["cadence"] == "0 1 * * *"
    assert (await get(f"{site}/api/v1/schedules/nightly/turns")).json() == []


async def test_only_a_weakness_has_somebody_who_sees_to_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        workspace = Workspace(Config(data=tmp_path), store)
        controls = workspace.goals.controls
        for control, why in (("agency_lan_answering", "one with a severity"), ("host_no_telnet", "a member of")):
            with pytest.raises(InputError, match=why):
                await store.write(security.assign, controls[control], "1", "An", "", NOW)
