"""The agents' address: the real FusionInventory agent is content, and a 2xx means recorded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from api.agents import agents_router
from collectors.agent import WIRE_LIMIT
from inventory.words import Fact, InputError, Run

RECORDINGS = Path(__file__).parent.parent / "recordings" / "agent"
TOKEN = "c2VjcmV0LXRva2Vu-7f19"
AT = datetime(2026, 3, 3, 0, 45, tzinfo=UTC)


def recorded(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


@dataclass
class Centre:
    """A served router, with what it recorded and switches for what may go wrong."""

    url: str = ""
    runs: list[tuple[Run, str]] = field(default_factory=list)
    full: bool = False
    strict: bool = False
    known: bool = True
    clock: float = 0.0

    async def record(self, run: Run, agency: str) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        if self.strict and run.observations:
            raise InputError("found the key 'shoe_size', expected one of the vocabulary")
        self.runs.append((run, agency))

    async def agency_of_token(self, token: str) -> str | None:
        return "UBND-P01" if token == TOKEN else None

    async def is_known(self, target: str) -> bool:
        assert target.startswith("agent ")
        return self.known

    def facts(self) -> dict[str, Fact]:
        observed = self.runs[-1][0].observations[0]
        return {fact.key: fact for fact in observed.facts if not fact.item}


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The address of the application on a free loopback port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=2))
    task = asyncio.create_task(server.serve([listener]))
    await asyncio.wait_for(server.listening.wait(), 10)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    centre = Centre()
    app = FastAPI()
    app.include_router(
        agents_router(
            centre.record,
            centre.agency_of_token,
            is_known=centre.is_known,
            rate=1,
            burst=10,
            clock=lambda: centre.clock,
            now=lambda: AT,
        )
    )
    async with served(app) as centre.url:
        yield centre


@pytest.fixture
async def client(centre: Centre) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=centre.url, timeout=20) as client:
        yield client


HERE = f"/agents/{TOKEN}"


# --- the real agent ---------------------------------------------------------------------------------------------------


async def run_agent(url: str, folder: Path) -> str:
    """What Debian's agent prints while it reports once."""
    program = shutil.which("fusioninventory-agent")
    if program is None:
        pytest.skip("fusioninventory-agent is not installed")
    config = folder / "agent.cfg"
    config.write_text("logger = stderr\nno-httpd = 1\nbackend-collect-timeout = 20\n")
    process = await asyncio.create_subprocess_exec(
        program,
        f"--conf-file={config}",
        f"--server={url}",
        "--tasks=inventory",
        "--force",
        "--debug",
        "--tag=UBND-P01",
        "--no-category=environment,process,local_user,local_group",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed.decode(errors="replace")


async def test_the_real_agent_reports_its_machine(centre: Centre, tmp_path: Path) -> None:
    printed = await run_agent(centre.url + HERE, tmp_path)
    assert "[error]" not in printed, printed
    assert "running task Inventory" in printed
    ((run, agency),) = centre.runs
    assert (agency, run.agency, run.collector, run.complete, run.error) == ("UBND-P01", "UBND-P01", "agent", True, None)
    (observed,) = run.observations
    found = centre.facts()
    assert found["answering"].value is True and found["last_report"].value == AT
    assert found["role"].value in ("server", "workstation")
    assert found["os_name"].value and found["os_build"].value and found["sysname"].value and found["memory"].value
    assert run.target == f"agent {dict(observed.asset.identifiers)['agent_id']}" if observed.asset else False
    software = {fact.item for fact in observed.facts if fact.key == "software"}
    assert "fusioninventory-agent" in software
    assert observed.asset is not None and observed.asset.agency == "UBND-P01"


async def test_the_real_agent_is_told_when_nothing_was_recorded(centre: Centre, tmp_path: Path) -> None:
    centre.full = True
    printed = await run_agent(centre.url + HERE, tmp_path)
    assert "[error]" in printed and "503" in printed
    assert centre.runs == []
    # It kept its inventory: once there is room again, it arrives.
    centre.full = False
    assert "[error]" not in await run_agent(centre.url + HERE, tmp_path)
    assert len(centre.runs) == 1


# --- the two protocols ------------------------------------------------------------------------------------------------


async def test_fusioninventory_is_asked_to_send(client: httpx2.AsyncClient) -> None:
    answer = await client.post(HERE, content=zlib.compress(recorded("linux-notebook/prolog.xml")))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/xml")
    assert "<RESPONSE>SEND</RESPONSE><PROLOG_FREQ>24</PROLOG_FREQ>" in answer.text


async def test_a_glpi_agent_is_brought_to_json_and_told_what_to_leave_out(client: httpx2.AsyncClient) -> None:
    agent = {"GLPI-Agent-ID": "0c8b1fc6-2b83-4c6f-9e5b-1c9a52b1f001", "GLPI-Request-ID": "0A1B2C3D"}
    first = await client.post(HERE, content=recorded("linux-notebook/prolog.xml"), headers=agent)
    assert first.json() == {"status": "ok", "expiration": 24}
    assert first.headers["glpi-request-id"] == "0A1B2C3D"
    contact = (await client.post(HERE, content=recorded("windows-workstation/contact.json"), headers=agent)).json()
    assert contact["status"] == "ok" and contact["expiration"] == "24h"
    assert set(contact["disabled"]) >= {"collect", "deploy", "esx", "netdiscovery", "netinventory", "wakeonlan"}
    assert contact["tasks"]["inventory"]["no-category"] == "environment,process,local_user,local_group"


async def test_the_request_id_is_echoed_only_if_it_is_one(client: httpx2.AsyncClient) -> None:
    body = recorded("windows-workstation/contact.json")
    answer = await client.post(HERE, content=body, headers={"GLPI-Request-ID": "x" * 500})
    assert "glpi-request-id" not in answer.headers


async def test_inventories_are_recorded(client: httpx2.AsyncClient, centre: Centre) -> None:
    for name, partial in (("inventory.json", False), ("partial.json", True)):
        answer = await client.post(HERE, content=zlib.compress(recorded(f"windows-workstation/{name}")))
        assert answer.json() == {"status": "ok", "expiration": "24h"}
        run, agency = centre.runs[-1]
        assert run.complete is not partial and agency == "UBND-P01"
        assert run.target == "agent VPUBND-017-2026-03-02-07-41-10"
    assert len(centre.runs) == 2


async def test_a_partial_inventory_of_an_unknown_machine_is_kept_and_a_whole_one_asked_for(
    client: httpx2.AsyncClient, centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    centre.known = False
    answer = await client.post(HERE, content=recorded("windows-workstation/partial.json"))
    expected = "recorded, but the machine is not known yet: expected a whole inventory (glpi-agent --full)"
    assert answer.status_code == 200 and answer.json()["status"] == "ok"
    assert answer.json()["message"].startswith(expected)
    # Agents send a whole one in every so many reports: the sooner they report, the sooner it comes.
    assert answer.json()["expiration"] == "1h"
    assert (await client.post(HERE, content=recorded("windows-workstation/contact.json"))).json()["expiration"] == "1h"
    assert centre.facts()["serial"].value == "DPH2201017" and not centre.runs[-1][0].complete
    assert "VPUBND-017-2026-03-02-07-41-10 of agency UBND-P01: a partial inventory of an unknown machine" in caplog.text
    centre.known = True
    again = await client.post(HERE, content=recorded("windows-workstation/partial.json"))
    assert again.json() == {"status": "ok", "expiration": "24h"}


async def test_what_the_script_added_is_recorded_beside(client: httpx2.AsyncClient, centre: Centre) -> None:
    answer = await client.post(HERE, content=recorded("windows-server-script/inventory.json"))
    assert answer.status_code == 200
    run, _ = centre.runs[-1]
    assert len({o.asset for o in run.observations}) == 1 and len(run.observations) == 3
    said = {fact.key: fact.observed_at for o in run.observations for fact in o.facts}
    assert said["security_updates_pending"] < said["reboot_needed"] < said["sysname"]


async def test_a_get_of_another_task_finds_nothing_to_do(client: httpx2.AsyncClient, centre: Centre) -> None:
    answer = await client.get(HERE, params={"action": "getConfig", "machineid": "x"})
    assert answer.status_code == 200 and answer.json()["schedule"] == []
    assert centre.runs == []


# --- acknowledged means recorded --------------------------------------------------------------------------------------


async def test_no_answer_before_it_is_recorded() -> None:
    """The answer waits for the commit, however long that takes."""
    asked, committed = asyncio.Event(), asyncio.Event()

    async def record(run: Run, agency: str) -> None:
        asked.set()
        await committed.wait()

    async def agency_of_token(token: str) -> str | None:
        return "UBND-P01"

    app = FastAPI()
    app.include_router(agents_router(record, agency_of_token))
    async with served(app) as url, httpx2.AsyncClient(base_url=url) as client:
        body = recorded("linux-notebook/inventory.xml")
        answer = asyncio.create_task(client.post(HERE, content=body))
        await asked.wait()
        done, _ = await asyncio.wait([answer], timeout=0.2)
        assert not done
        committed.set()
        assert (await answer).status_code == 200


async def test_what_cannot_be_recorded_is_not_acknowledged(
    client: httpx2.AsyncClient, centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    centre.full = True
    answer = await client.post(HERE, content=recorded("linux-notebook/inventory.xml"))
    assert answer.status_code == 503 and answer.headers["retry-after"] == "60"
    assert answer.json() == {"status": "error", "message": "not recorded, come again"}
    assert "agent may-tinh-12-2026-03-02-08-00-00 of agency UBND-P01 not recorded" in caplog.text
    assert "No space left on device" in caplog.text


# --- bad input --------------------------------------------------------------------------------------------------------


async def test_a_body_that_is_not_what_it_says_is_a_failure_that_is_recorded(
    client: httpx2.AsyncClient, centre: Centre
) -> None:
    answer = await client.post(HERE, content=b'{"action": "inventory", "deviceid": "d", "content": []}')
    expected = "agent's JSON, content: found a list, expected an object"
    assert answer.status_code == 400 and answer.json() == {"status": "error", "message": expected}
    ((run, agency),) = centre.runs
    assert (run.error, run.observations, run.complete, agency) == (expected, (), False, "UBND-P01")
    assert run.target == "agent at 127.0.0.1"


async def test_what_no_fact_may_be_is_refused_and_the_refusal_kept(client: httpx2.AsyncClient, centre: Centre) -> None:
    centre.strict = True
    answer = await client.post(HERE, content=recorded("linux-notebook/inventory.xml"))
    assert answer.status_code == 400 and "found the key 'shoe_size'" in answer.json()["message"]
    ((run, _),) = centre.runs
    assert run.error == "refused: found the key 'shoe_size', expected one of the vocabulary"
    assert run.target.startswith("agent may-tinh-12") and not run.complete and run.observations == ()


async def test_a_bomb_is_refused(client: httpx2.AsyncClient, centre: Centre) -> None:
    packer = zlib.compressobj(1)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(80)) + packer.flush()
    answer = await client.post(HERE, content=bomb)
    assert answer.status_code == 400 and "inflates to more than" in answer.json()["message"]


async def test_a_body_that_says_it_is_too_long_is_not_read(centre: Centre) -> None:
    host, port = centre.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {HERE} HTTP/1.1\r\nHost: x\r\nContent-Length: {WIRE_LIMIT + 1}\r\n\r\n".encode())
    await writer.drain()
    # Not one byte of the body was sent, and the answer is there.
    assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_body_without_a_length_is_cut_off_at_the_limit(centre: Centre) -> None:
    host, port = centre.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {HERE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"10000\r\n" + b"{" * (1 << 16) + b"\r\n"
    answer = asyncio.create_task(reader.readline())
    for _ in range(10 * WIRE_LIMIT >> 16):
        if answer.done():
            break
        writer.write(chunk)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        await asyncio.sleep(0)
    assert b" 413 " in await answer
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    assert centre.runs == []


async def test_an_agent_that_hangs_up_harms_nobody(
    client: httpx2.AsyncClient, centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = centre.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {HERE} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    answer = await client.post(HERE, content=recorded("linux-notebook/inventory.xml"))
    assert answer.status_code == 200 and len(centre.runs) == 1
    assert "Exception" not in caplog.text


# --- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["wrong", TOKEN + "x", TOKEN.lower(), "%00", "a" * 4000])
async def test_a_wrong_token_looks_like_any_address_that_does_not_exist(
    client: httpx2.AsyncClient, centre: Centre, token: str
) -> None:
    nowhere = await client.post("/nothing/here")
    for answer in (
        await client.post(f"/agents/{token}", content=recorded("linux-notebook/inventory.xml")),
        await client.get(f"/agents/{token}"),
    ):
        assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content) == (404, nowhere.content)
    assert centre.runs == []


async def test_one_token_has_its_share_and_no_more(client: httpx2.AsyncClient, centre: Centre) -> None:
    body = recorded("linux-notebook/prolog.xml")
    answers = [(await client.post(HERE, content=body)).status_code for _ in range(10)]
    assert set(answers) == {200}
    refused = await client.post(HERE, content=body)
    assert refused.status_code == 429 and refused.headers["retry-after"] == "2"
    assert (await client.get(HERE)).status_code == 429
    centre.clock += 1.0
    assert [(await client.post(HERE, content=body)).status_code for _ in range(2)] == [200, 429]


async def test_no_token_in_any_log(client: httpx2.AsyncClient, centre: Centre) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    keep = Keep()
    names = ("uvicorn.access", "uvicorn.error", "api.agents")
    for name in names:
        logging.getLogger(name).addHandler(keep)
    try:
        centre.full = True
        await client.post(HERE, content=recorded("linux-notebook/inventory.xml"))
        await client.get(HERE + "?action=getConfig")
        await client.post(HERE, content=b"rubbish")
        await client.get("/agents/another-token/more")
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(keep)
    assert any("POST /agents/… HTTP" in line for line in lines)
    assert any("GET /agents/…?action=getConfig HTTP" in line for line in lines)
    assert not [line for line in lines if TOKEN in line or "another-token" in line]
