"""Traps at a real `dophu serve` and a real `dophu traps`: received, stored, told; addresses that cannot be had."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from tests.api.serving import DOPHU, environment
from tests.api.test_cli import dophu
from tests.api.test_trapping import prepare
from tests.api.trap_sender import LINK_DOWN, ON_BATTERY, Device
from tests.postgresql import free_port


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A working folder whose data has a register with networks and credentials."""
    workspace = await prepare(tmp_path, f"sqlite:///{tmp_path / 'data' / 'dophu.db'}")
    await workspace.store.close()
    return tmp_path


async def wait_for(log: Path, holds: Callable[[str], object], process: subprocess.Popen[bytes]) -> str:
    """What a process wrote, once something holds of it."""
    while not holds(text := log.read_text()):  # noqa: ASYNC240
        assert process.poll() is None, text
        await asyncio.sleep(0.02)
    return text


def start(folder: Path, out: int, *command: str, **settings: str) -> subprocess.Popen[bytes]:
    """Start a command that writes results to a descriptor, and everything else to `log`."""
    own = environment(folder / "data", **settings)
    with (folder / "log").open("wb") as said:
        return subprocess.Popen([DOPHU, *command], cwd=folder, env=own, stdout=out, stderr=said)


@contextlib.asynccontextmanager
async def running(
    folder: Path, *command: str, **settings: str
) -> AsyncIterator[tuple[subprocess.Popen[bytes], Path, Device]]:
    """A command that receives traps on a port of its own; its output, and a device that sends to it."""
    out, log = folder / "out", folder / "log"
    with out.open("wb") as told:
        process = start(folder, told.fileno(), *command, **settings)
    try:
        text = await wait_for(log, lambda text: "receiving traps on " in text, process)
        port = text.split("receiving traps on 127.0.0.1:")[1].split()[0]
        yield process, out, Device(folder, int(port))
    finally:
        process.kill()
        process.wait()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    while not await holds():  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_the_server_receives_traps_where_it_is_told_to(folder: Path) -> None:
    port = free_port()
    async with running(folder, "serve", "--no-rounds", "--port", str(port), DOPHU_TRAPS="127.0.0.1:0") as (
        server,
        _,
        device,
    ):
        assert await device.inform(device.v2c(), ON_BATTERY)
        assert not await device.inform(device.v2c("sai-roi"), ON_BATTERY, seconds=0.2)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:

            async def facts() -> object:
                """The facts of the asset, once the server answers and judged what the trap told."""
                with contextlib.suppress(httpx2.TransportError):
                    answer = await client.get("/api/v1/assets/1")
                    return answer.status_code == 200 and "on_battery" in answer.json()["facts"]

            await until(facts)
        server.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait, 20) == 0
    assert "Traceback" not in (folder / "log").read_text()


@pytest.mark.parametrize("output", ["table", "json"])
async def test_traps_alone_are_stored_and_printed_a_line_each(folder: Path, output: str) -> None:
    async with running(folder, "traps", "--listen", "127.0.0.1:0", "-o", output) as (process, out, device):
        assert await device.inform(device.v2c(), ON_BATTERY)
        await device.trap(device.v3("sha512-aes256"), LINK_DOWN, "1.3.6.1.2.1.31.1.1.1.1.7", "s", "Gi0/7\n\x1b[31m")
        text = await wait_for(out, lambda text: text.count("\n") == 2, process)
        assert not await device.inform(device.v2c("sai-roi"), ON_BATTERY, seconds=0.2)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 20) == 0
    first, second = text.splitlines()
    if output == "json":
        told = json.loads(first)
        assert (told["kind"], told["agency"], told["address"]) == ("on_battery", "A", "127.0.0.1")
        assert told["severity"] == "critical" and told["facts"] == {"on_battery": True}
        assert json.loads(second)["item"].startswith("Gi0/7")
    else:
        assert first.split("\t")[1] == "127.0.0.1 · A · on_battery · on_battery=True"
        assert "\x1b" not in second and "127.0.0.1 · A · link_down · Gi0/7" in second
    assert "3 received, 2 stored, 1 dropped as unknown_community" in (folder / "log").read_text()


async def test_who_reads_no_further_ends_it_and_loses_nothing(folder: Path) -> None:
    reading, writing = os.pipe()
    process = start(folder, writing, "traps", "--listen", "127.0.0.1:0")
    os.close(writing)
    os.close(reading)
    try:
        text = await wait_for(folder / "log", lambda text: "receiving traps on " in text, process)
        device = Device(folder, int(text.split("127.0.0.1:")[1].split()[0]))
        assert await device.inform(device.v2c(), ON_BATTERY)
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()
    assert (folder / "log").read_text().splitlines()[1:] == ["1 received, 1 stored"]


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("traps",)])
async def test_an_address_that_cannot_be_had_is_named(folder: Path, command: tuple[str, ...]) -> None:
    def ask(where: str) -> tuple[int, str]:
        done = dophu(folder, *command, DOPHU_TRAPS=where)
        return done.returncode, done.stderr

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        told = f"dophu: cannot receive traps on 127.0.0.1 port {port}: Address already in use\n"
        assert ask(f"127.0.0.1:{port}") == (1, told)
    status, said = ask("everywhere:162")
    assert status == 2 and "traps: found 'everywhere:162', expected an address and a port such as 0.0.0.0:162" in said


def test_a_port_that_may_not_be_used_is_named_with_the_right_that_is_missing(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give up the right to bind ports below 1024")
    command = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", DOPHU, "traps"]
    inside = ["unshare", "--net", *command, "--listen", "0.0.0.0:162"]
    done = subprocess.run(
        inside, cwd=folder, env=environment(folder / "data"), capture_output=True, text=True, timeout=60
    )
    if "unshare" in done.stderr:
        pytest.skip(f"no network namespace can be made here: {done.stderr.strip()}")
    assert done.returncode == 1
    assert done.stderr.startswith("dophu: cannot receive traps on 0.0.0.0 port 162: Permission denied")
    assert "CAP_NET_BIND_SERVICE" in done.stderr


def test_without_an_address_traps_says_where_one_is_set(tmp_path: Path) -> None:
    done = dophu(tmp_path, "traps")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "dophu: traps: found no address, expected --listen HOST:PORT or the setting traps\n"
