"""From what an agent posts to a finding with its reason: outdated, off, not stated, not looked at."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api import rounds
from api.config import Config
from api.workspace import Workspace
from inventory.store import registers, runs
from inventory.words import Agency, Fact, Identity, Level, Observation, Proof, Register, Run, Title
from tests.api.pages_server import opened, served

RECORDINGS = Path(__file__).parent.parent / "recordings" / "agent"
PLAN = "phu-yen-2021-2025"
AGENCY = "so-yt"
BADLY_KEPT, SERVER, SERVER_WITH_SCRIPT = "windows-posture", "windows-server", "windows-server-script"


def machine(recording: str, number: int, **sections: object) -> dict[str, Any]:
    """A recorded inventory as that of another machine, with sections put in the place of its own."""
    document: dict[str, Any] = json.loads((RECORDINGS / recording / "inventory.json").read_bytes())
    content = document["content"] | sections
    content["hardware"] = content["hardware"] | {
        "name": f"MAY-{number:02}",
        "uuid": f"61B7E0A2-44C1-11ED-8F55-D45D6400B{number:03}",
    }
    content["bios"] = content["bios"] | {"ssn": f"SN20261127{number:02}"}
    content["networks"] = [{"description": "Ethernet", "mac": f"3c:52:82:00:0a:{number:02x}", "status": "up"}]
    return document | {"deviceid": f"MAY-{number:02}-2026-03-02-07-41-10", "content": content}


def defender(**told: object) -> list[dict[str, object]]:
    return [{"company": "Microsoft Corporation", "name": "Windows Defender", "version": "4.18.26010.5"} | told]


MACHINES = {
    "outdated": machine(BADLY_KEPT, 1),
    "disabled": machine(BADLY_KEPT, 2, antivirus=defender(enabled=False, uptodate=True)),
    "not stated": machine(BADLY_KEPT, 3, antivirus=[{"name": "Bkav Endpoint", "enabled": True}]),
    "kept": machine(BADLY_KEPT, 4, antivirus=defender(enabled=True, uptodate=True)),
    "server": machine(SERVER, 5),
    "server with script": machine(SERVER_WITH_SCRIPT, 6),
}


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A register of one agency, and what its machines' agents posted to the application, judged."""
    async with opened(tmp_path) as store:
        workspace = Workspace(Config(data=tmp_path, plans=[PLAN]), store)
        declared = Register(
            levels=(Level("province", Title("Cấp tỉnh", "Province"), 1),),
            agencies=(Agency(AGENCY, Title("Sở Y tế", "Department of Health"), "province", None, date(2020, 1, 1)),),
        )
        await store.write(registers.replace, declared)
        token = await workspace.issue_token("agent", AGENCY)
        async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
            for document in MACHINES.values():
                answer = await client.post(f"/agents/{token}", content=zlib.compress(json.dumps(document).encode()))
                assert (answer.status_code, answer.json()["status"]) == (200, "ok"), answer.text
        await rounds.judge(workspace)
        yield workspace


async def findings(client: httpx2.AsyncClient, control: str) -> dict[str, dict[str, Any]]:
    """The findings of a control by the machine's name."""
    known = {
        str(m["id"]): m["sysname"] for m in (await client.get("/api/v1/assets", params={"limit": 100})).json()["items"]
    }
    found = (await client.get("/api/v1/findings", params={"control": control})).json()["items"]
    return {known[finding["member"]]: finding for finding in found}


def statuses(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    names = {document["content"]["hardware"]["name"]: name for name, document in MACHINES.items()}
    return {names[machine]: finding["status"] for machine, finding in found.items()}


async def test_outdated_and_disabled_are_unmet_and_what_is_not_stated_is_unknown(workspace: Workspace) -> None:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        protected = await findings(client, "workstation_antivirus_protected")
        assert statuses(protected) == {
            "outdated": "unmet", "disabled": "unmet", "not stated": "unknown", "kept": "met",
        }  # fmt: skip
        installed = await findings(client, "workstation_antivirus_installed")
        assert set(statuses(installed).values()) == {"met"}
        firewall = await findings(client, "workstation_host_firewall")
        assert set(statuses(firewall).values()) == {"unmet"}
        supported = await findings(client, "workstation_os_supported")
        assert set(statuses(supported).values()) == {"unmet"}  # Windows 10 Pro since 14 October 2025
        assert {f["reason"] != "" for f in firewall.values()} == {True}
        # The script did not run there: nobody looked.
        assert set(statuses(await findings(client, "workstation_smb1_off")).values()) == {"unknown"}


async def test_a_server_without_security_center_is_unknown(workspace: Workspace) -> None:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        protected = statuses(await findings(client, "server_antivirus_protected"))
        assert protected == {"server": "unknown", "server with script": "met"}


@pytest.mark.parametrize(
    ("language", "outdated", "disabled"),
    [
        ("vi", "Mẫu mã độc được cập nhật: không", "Chống mã độc đang bật: không"),
        ("en", "Antivirus up to date: no", "Antivirus on: no"),
    ],
)
async def test_the_reasons_can_be_read(workspace: Workspace, language: str, outdated: str, disabled: str) -> None:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        page = await client.get(
            f"/plans/{PLAN}/goals/workstation_antivirus", params={"lang": language, "evidence": "open"}
        )
        assert page.status_code == 200
        for reason in (outdated, disabled):
            assert reason in page.text, page.text


async def test_two_sources_that_disagree_are_shown(workspace: Workspace) -> None:
    at = datetime.now(UTC)
    serial = f"SN20261127{4:02}"
    console = Observation(
        (Fact("antivirus_enabled", False, "console", at, Proof.CONSOLE),),
        asset=Identity(frozenset({("serial", serial)}), agency=AGENCY),
    )
    run = Run("console", "kaspersky", at, at, (console,), True, None, AGENCY)
    await workspace.store.write(runs.record, workspace.vocabulary, run, at)
    await rounds.judge(workspace)
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        found = (await findings(client, "workstation_antivirus_protected"))["MAY-04"]
        assert found["status"] == "met"  # the agent's word weighs more than the console's
        asset = (await client.get(f"/api/v1/assets/{found['member']}")).json()
        conflict = asset["conflicts"]["antivirus_enabled"]
        assert {(one["source"], one["value"]) for one in conflict} == {("agent", True), ("console", False)}
        page = (await client.get(f"/assets/{found['member']}", params={"lang": "vi"})).text
        assert "Mâu thuẫn giữa các nguồn" in page
