"""A real `dophu serve` that is stopped, killed, crowded out and asked oddly: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from api import app
from inventory.words import StoreError
from tests.api.serving import DOPHU, environment
from tests.api.serving import serving as served
from tests.api.test_cli import dophu
from tests.collectors.netns import town
from tests.postgresql import free_port

REGISTER = {
    "levels": "code,name_vi,name_en,rank,part\nwhole,Toàn tỉnh,Whole,0,no\nprovince,Cấp tỉnh,Province,1,no\n",
    "agencies": "code,name_vi,level,parent,valid_from\ntinh,UBND tỉnh,whole,,2015-01-01\n"
    "so-a,Sở A,province,tinh,2015-01-01\n",
    "networks": "code,agency,prefix,purpose,scan,valid_from\nnet-a,so-a,198.18.0.0/16,lan,yes,2015-01-01\n",
    "links": "code,agency,kind,address,provider,contracted_mbps,valid_from\n"
    + "".join(f"link-{n},so-a,mtslcd,127.0.0.{n},Nhà mạng A,100,2015-01-01\n" for n in range(1, 61)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving")
    register = folder / "register"
    register.mkdir()
    for name, text in REGISTER.items():
        (register / f"{name}.csv").write_text(text, encoding="utf-8")
    assert dophu(folder, "init").returncode == 0
    done = dophu(folder, "register", "import", str(register))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "data", tmp_path / "data")
    return tmp_path / "data"


def assets(folder: Path) -> list[dict[str, object]]:
    listed = dophu(folder, "asset", "list", "-o", "json", DOPHU_DATA=str(folder))
    return json.loads(listed.stdout)  # type: ignore[no-any-return]


def wait_for(condition: str, ready: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < until, f"not within {seconds} s: {condition}"
        time.sleep(0.05)


# --- ending -----------------------------------------------------------------------------------------------------------


AGENTS, EACH, KILLS = 20, 3, 2


def test_of_twenty_agents_nothing_acknowledged_is_lost_and_all_comes_in_the_end(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = dophu(folder, "token", "add", "so-a", DOPHU_DATA=str(folder)).stdout.strip()
    body = (Path(__file__).parents[1] / "recordings" / "agent" / "linux-notebook" / "inventory.xml").read_text()
    port = free_port()
    acknowledged: list[str] = []
    refused: list[str] = []
    over = threading.Event()

    def report(agent: int) -> None:
        """As an agent does: what was not acknowledged is sent again."""
        for number in range(agent * EACH, agent * EACH + EACH):
            name = f"may-{number:05}"
            own = body.replace("may-tinh-12", name).replace("DPHL1412", f"DPHL{number}")
            own = own.replace("6D4F0E5C", f"{number:08X}").replace("8c:8c:aa", f"8c:{number:02x}:aa")
            while not over.is_set():
                try:
                    answer = httpx2.post(f"http://127.0.0.1:{port}/agents/{token}", content=own.encode(), timeout=20)
                except httpx2.TransportError:
                    refused.append(name)
                    wait_for("the server again", lambda: over.is_set() or _listens(port))
                    continue
                if answer.status_code == 200:
                    acknowledged.append(name)
                    break
                refused.append(name)
                over.wait(float(answer.headers.get("retry-after", "1")))

    agents = [threading.Thread(target=report, args=(n,)) for n in range(AGENTS)]
    try:
        for life in range(KILLS + 1):
            with (folder / "serve.log").open("ab") as log:
                command = [DOPHU, "serve", "--port", str(port), "--no-rounds"]
                server = subprocess.Popen(command, env=environment(folder), cwd=folder, stdout=log, stderr=log)
            try:
                wait_for("the server", lambda: _listens(port))
                if life == 0:
                    for thread in agents:
                        thread.start()
                enough = AGENTS * EACH * (life + 1) // (KILLS + 1)
                wait_for(f"{enough} reports", lambda enough=enough: len(acknowledged) >= enough, 120)  # type: ignore[misc]
                before = list(acknowledged)
            finally:
                server.kill()
                server.wait()
            known = [row["sysname"] for row in assets(folder)]
            assert set(known) >= set(before), sorted(set(before) - set(known))
    finally:
        over.set()
        for thread in agents:
            thread.join()
    known = [row["sysname"] for row in assets(folder)]
    assert sorted(known) == sorted(f"may-{number:05}" for number in range(AGENTS * EACH))  # type: ignore[type-var]
    assert token not in (folder / "serve.log").read_text()
    with capsys.disabled():
        print(f"\n{AGENTS} agents, {KILLS} kills: {len(acknowledged)} acknowledged, {len(refused)} sent again, 0 lost")


def test_a_signal_ends_it_in_order(folder: Path) -> None:
    with (folder / "serve.log").open("wb") as log:
        command = [DOPHU, "serve", "--port", "0", "--no-rounds"]
        server = subprocess.Popen(command, env=environment(folder), cwd=folder, stdout=log, stderr=log)
    try:
        wait_for("the server", lambda: "serving on" in (folder / "serve.log").read_text())
        # Only when it listens are signals uvicorn's.
        port = int((folder / "serve.log").read_text().split("127.0.0.1:")[1].split()[0])
        wait_for("an answer", lambda: _listens(port))
        server.send_signal(signal.SIGTERM)
        assert server.wait(15) == 0
    finally:
        server.kill()
        server.wait()
    # The last connection that closes takes SQLite's journal away.
    assert not (folder / "dophu.db-wal").exists()
    lines = (folder / "serve.log").read_text().splitlines()
    assert len(lines) == 1, lines


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap (apt-get install nmap)")
@pytest.mark.parametrize("command", ["discover", "serve"])
def test_a_sweep_that_is_stopped_keeps_what_it_saw(folder: Path, command: str) -> None:
    with town() as here:
        core = here.add("core")
        here.join(core, "lan", here.add("office"), "lan")
        here.address(core, "lan", "198.18.0.1/16")
        inside = ["ip", "netns", "exec", core, DOPHU, command, *(["--port", "18099"] if command == "serve" else [])]
        with (folder / "out").open("wb") as out:
            running = subprocess.Popen(inside, env=environment(folder), cwd=folder, stdout=out, stderr=out)
        try:
            # Four pieces are read at once: with the twelfth under way the first are through.
            begun: set[str] = set()
            wait_for("nmap", lambda: len(begun.update(_nmap(core)) or begun) >= 12)  # type: ignore[func-returns-value]
            running.send_signal(signal.SIGINT if command == "discover" else signal.SIGTERM)
            assert running.wait(25) == (1 if command == "discover" else 0)
        finally:
            running.kill()
            running.wait()
        assert not _nmap(core)
        said = (folder / "out").read_text()
        assert "Traceback" not in said and "Task" not in said
        connection = sqlite3.connect(folder / "dophu.db")
        ((complete, error),) = connection.execute("SELECT complete, error FROM run WHERE collector = 'nmap'").fetchall()
        connection.close()
        assert not complete and "of 65534 addresses: broken off" in error
        assert [row["address"] for row in assets(folder)] == ["198.18.0.1"]


def _nmap(namespace: str) -> list[str]:
    """The processes of nmap inside a namespace."""
    found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True).stdout
    names = {}
    for number in found.split():
        try:
            names[number] = Path(f"/proc/{number}/comm").read_text().strip()
        except OSError:
            continue  # it ended meanwhile
    return [number for number, name in names.items() if name == "nmap"]


# --- the database and the disk ----------------------------------------------------------------------------------------


def test_a_full_disk_costs_only_what_came_meanwhile(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root for a private mount")
    script = f"""
        set -e; mount --make-rprivate /; mkdir small; mount -t tmpfs -o size=8m tmpfs small; cp -p dophu.db keys small/
        head -c 9000000 /dev/zero > small/ballast 2>/dev/null || true; truncate -s -100K small/ballast
        export DOPHU_DATA=small
        set +e
        '{DOPHU}' collect --only icmp -o json > full.json; echo $? > full.status
        rm small/ballast
        '{DOPHU}' collect --only icmp -o json > again.json; echo $? > again.status
    """
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", script],
        cwd=folder, capture_output=True, text=True, timeout=100, env=environment(folder),
    )  # fmt: skip
    if "permission denied" in done.stderr.lower() or "not permitted" in done.stderr.lower():
        pytest.skip(f"no private mount can be made here: {done.stderr.strip()}")
    (full,), (again,) = (json.loads((folder / f"{name}.json").read_text()) for name in ("full", "again"))
    assert "Traceback" not in done.stderr
    # The round went on to the end, and says of how many targets it has nothing.
    assert full["targets"] == 60 and 0 < full["unrecorded"] < 60
    assert full["complete"] == 60 - full["unrecorded"] == 60 - len(full["errors"])
    assert all("not stored: SQLite: " in each["error"] for each in full["errors"])
    assert (folder / "full.status").read_text() == "1\n" and (folder / "again.status").read_text() == "0\n"
    assert (again["complete"], again["unrecorded"]) == (60, 0)


# --- the address ------------------------------------------------------------------------------------------------------


def test_an_address_that_cannot_be_had_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = dophu(folder, "serve", "--port", str(port), DOPHU_DATA=str(folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"dophu: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    done = dophu(folder, "serve", "--fd", "0", DOPHU_DATA=str(folder))
    assert done.returncode == 2 and "--fd: found 0, expected an open listening socket" in done.stderr


def test_a_given_socket_may_be_one_in_the_file_system(folder: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    listener.listen()
    with (folder / "serve.log").open("wb") as log:
        command = [DOPHU, "serve", "--fd", str(listener.fileno()), "--no-rounds"]
        server = subprocess.Popen(
            command, env=environment(folder), cwd=folder, stdout=log, stderr=log, pass_fds=[listener.fileno()]
        )
    try:
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(folder / "s")), timeout=30) as client:
            assert client.get("http://dophu/healthz").text == "ok\n"
            assert client.get("http://dophu/").status_code == 200
    finally:
        server.terminate()
        server.wait(15)
        listener.close()
    assert f"serving on unix:{folder / 's'}" in (folder / "serve.log").read_text()


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_token_from_a_file_guards_every_method_and_refusals_are_strict(folder: Path) -> None:
    (folder / "token").write_text("mot-token-dai\n")
    with served(folder, DOPHU_API_TOKEN_FILE=str(folder / "token")) as address:
        for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
            refused = httpx2.request(method, f"{address}/metrics")
            assert refused.status_code == 401 and refused.headers["x-content-type-options"] == "nosniff"
        for authorization in ("Bearer", "Basic", "Basic !", "Basic Og==", "Bearer mot-token", "Bearer é"):
            headers = {"Authorization": authorization.encode()}
            status = httpx2.get(f"{address}/metrics", headers=headers).status_code
            assert status == 401, authorization
        own = {"Authorization": "Bearer mot-token-dai"}
        for path in ("/", "/metrics", "/api/v1/plans", "/healthz"):
            got, head = (httpx2.request(m, address + path, headers=own) for m in ("GET", "HEAD"))
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-type"] == got.headers["content-type"]
        described = httpx2.get(f"{address}/openapi.json", headers=own).json()["paths"]
        assert set(described["/api/v1/assets/{number}"]["get"]["responses"]) == {"200", "401", "404", "422", "503"}
        assert set(described["/metrics"]["get"]["responses"]) == {"200", "401", "503"}


def test_what_another_process_judges_or_breaks_is_told(folder: Path) -> None:
    with served(folder) as address:
        coverage = f"{address}/api/v1/coverage?plan=vinh-phuc-2020"
        before = httpx2.get(coverage).json()["at"]
        assert dophu(folder, "judge", DOPHU_DATA=str(folder)).returncode == 0
        wait_for("the new figures", lambda: httpx2.get(coverage).json()["at"] > before)
        connection = sqlite3.connect(folder / "dophu.db")
        with connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        ready = httpx2.get(f"{address}/readyz")
        assert ready.status_code == 503 and "of version 9999" in ready.text and "install a newer Dophu" in ready.text
        assert httpx2.get(f"{address}/healthz").status_code == 200


# --- the schedule -----------------------------------------------------------------------------------------------------


async def test_reports_are_judged_once_the_store_takes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_SETTLE", timedelta(0))
    tried: list[bool] = []

    class Desk(app.Desk):
        async def judge(self) -> None:  # type: ignore[override]
            tried.append(True)
            if len(tried) == 1:
                raise StoreError("locked")
            raise asyncio.CancelledError

    desk = Desk(workspace=None)  # type: ignore[arg-type]
    desk.reported.set()
    with pytest.raises(StoreError):
        await desk.judge_after_reports()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await desk.judge_after_reports()
    assert len(tried) == 2
