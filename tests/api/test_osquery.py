"""osquery daemons enrol, are asked, and their machine is judged; who they are stands in their key alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, select

from api import rounds
from api.config import Config
from api.workspace import Workspace
from inventory.store import registers
from inventory.store.tables import run
from inventory.words import Agency, Level, Register, Title
from tests.api.pages_server import opened, served
from tests.api.test_agent_real import history
from tests.collectors.osquery_daemon import Daemon

AGENCY = "so-tc"


def errors(connection: Connection) -> list[str]:
    """What the runs that failed say."""
    return list(connection.execute(select(run.c.error).where(run.c.error.is_not(None))).scalars())


@dataclass
class Site:
    """A served workspace with one agency and its token."""

    workspace: Workspace
    client: httpx2.AsyncClient
    token: str

    async def post(self, path: str, body: object, token: str = "") -> dict[str, Any]:
        """What a daemon gets: it gzips, and looks at the answer whatever its status."""
        content = gzip.compress(json.dumps(body).encode())
        answer = await self.client.post(f"/agents/{token or self.token}/osquery/{path}", content=content)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    async def enrol(self, daemon: Daemon) -> Daemon:
        daemon.node_key = (await self.post("enroll", daemon.enrolment()))["node_key"]
        daemon.configure(await self.post("config", daemon.keyed()))
        return daemon

    async def get(self, path: str, **params: str | int) -> list[dict[str, Any]]:
        answer = await self.client.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(tmp_path) as store:
        workspace = Workspace(Config(data=tmp_path, plans=["phu-yen-2021-2025"]), store)
        finance = Agency(AGENCY, Title("Sở Tài chính", "Department of Finance"), "province", None, date(2020, 1, 1))
        await store.write(
            registers.replace, Register((Level("province", Title("Cấp tỉnh", "Province"), 1),), (finance,))
        )
        token = await workspace.issue_token("agent", AGENCY)
        async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
            yield Site(workspace, client, token)


async def test_a_machine_is_there_once_it_enrolled_and_whole_once_it_answered(site: Site) -> None:
    daemon = await site.enrol(Daemon.of("workstation"))
    (machine,) = await site.get("assets")
    assert (machine["sysname"], machine["serial"], machine["agency"]) == ("PC-TCKH-07", "7XK2QW3", AGENCY)
    asked = await site.post("distributed/read", daemon.keyed())
    assert "antivirus" in asked["queries"] and asked["node_invalid"] is False
    assert await site.post("distributed/write", daemon.answers(asked)) == {"node_invalid": False}
    assert await site.post("distributed/read", daemon.keyed()) == {"queries": {}, "node_invalid": False}
    assert len(await site.get("assets")) == 1


async def test_what_it_logs_is_judged(site: Site) -> None:
    daemon = await site.enrol(Daemon.of("workstation"))
    assert await site.post("log", daemon.results(datetime.now(UTC).timestamp())) == {"node_invalid": False}
    await rounds.judge(site.workspace)
    status = {}
    for control in (
        "workstation_antivirus_protected", "workstation_host_firewall", "workstation_drive_encrypted",
        "workstation_smb1_off", "workstation_no_remote_control", "workstation_os_supported",
    ):  # fmt: skip
        (finding,) = await site.get("findings", control=control)
        status[control] = finding["status"]
    assert status == {
        "workstation_antivirus_protected": "unmet",
        "workstation_host_firewall": "unmet",
        "workstation_drive_encrypted": "unmet",
        "workstation_smb1_off": "met",
        "workstation_no_remote_control": "unmet",
        "workstation_os_supported": "unmet",
    }


async def test_the_same_again_changes_no_history(site: Site) -> None:
    daemon = await site.enrol(Daemon.of("workstation"))
    now = datetime.now(UTC).timestamp()
    await site.post("log", daemon.results(now - 7200))
    before = await site.workspace.store.read(history)
    told = {(key, source) for _, key, _, source, *_ in before}
    assert {("antivirus_enabled", "osquery"), ("software", "osquery")} <= told
    await site.post("log", daemon.results(now))
    after = await site.workspace.store.read(history)
    assert {row: until for row, (_, until) in after.items()} == {row: until for row, (_, until) in before.items()}
    confirmed = [row for row, (last, _) in after.items() if last > before[row][0]]  # type: ignore[operator]
    assert {"antivirus_enabled", "software"} <= {row[1] for row in confirmed}


async def test_who_has_no_key_enrols_again_and_a_wrong_token_learns_nothing(site: Site) -> None:
    daemon = await site.enrol(Daemon.of("server"))
    for path in ("config", "log", "distributed/read", "distributed/write"):
        assert await site.post(path, {"node_key": "nobody"}) == {"node_invalid": True}
    other = await site.workspace.issue_token("agent", AGENCY)
    assert await site.post("config", daemon.keyed(), other) == {"node_invalid": True}
    answer = await site.client.post("/agents/wrong/osquery/config", json=daemon.keyed())
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


async def test_a_copied_disk_enrols_again_as_itself(site: Site) -> None:
    first = await site.enrol(Daemon.of("workstation"))
    copied = Daemon.of("workstation")
    copied.identifier, copied.node_key, copied.schedule = "0D0B7F2E-2C1D-11EE-9E5A-3C5282000A99", first.node_key, {}
    copied.configure(await site.post("config", copied.keyed()))
    now = datetime.now(UTC).timestamp()
    assert await site.post("log", copied.results(now)) == {"node_invalid": True}
    hardware = copied.tables["system_info"][0] | {"uuid": copied.identifier, "hardware_serial": "9ZK2QW9"}
    cards = [card | {"mac": f"3c:52:82:00:0b:0{n}"} for n, card in enumerate(copied.tables["interface_details"])]
    copied.tables |= {"system_info": [hardware], "interface_details": cards}
    await site.enrol(copied)
    await site.post("log", copied.results(now))
    await site.post("log", first.results(now))
    assert sorted(m["serial"] for m in await site.get("assets")) == ["7XK2QW3", "9ZK2QW9"]


async def test_a_log_that_cannot_be_read_is_noted_and_not_sent_for_ever(site: Site) -> None:
    daemon = await site.enrol(Daemon.of("workstation"))
    now = datetime.now(UTC).timestamp()
    body = daemon.results(now, "programs", "antivirus")
    by_name = {line["name"]: line for line in body["data"]}
    by_name["programs"]["snapshot"] = [{"name": f"program {n}"} for n in range(20_001)]
    assert await site.post("log", body) == {"node_invalid": False}
    (error,) = await site.workspace.store.read(errors)
    assert "found 20001 rows, expected at most 20000" in error
    (machine,) = await site.get("assets")
    facts = (await site.client.get(f"/api/v1/assets/{machine['id']}")).json()["facts"]
    assert facts["antivirus_enabled"]["value"] is True
    assert await site.post("log", daemon.keyed(log_type="result", data="all")) == {"node_invalid": False}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\x1f\x8b\x08broken", b"\xff\xfe{}"])
async def test_a_body_that_is_none_is_refused(site: Site, body: bytes) -> None:
    for path in ("enroll", "config", "log", "distributed/read", "distributed/write"):
        answer = await site.client.post(f"/agents/{site.token}/osquery/{path}", content=body)
        assert (answer.status_code, answer.json()["status"]) == (400, "error"), path
