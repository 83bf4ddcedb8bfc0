"""Rounds that read servers: only what is known to be one is asked; host keys are pinned by a command."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from api import rounds
from api.commanding import split_host
from api.config import Config
from api.workspace import Workspace
from inventory.secrets import KeyRing
from inventory.store import facts, registers, runs
from inventory.words import Agency, Fact, Identity, InputError, Level, Network, Observation, Register, Run, Title
from tests.api.pages_server import opened
from tests.api.serving import DOPHU, environment
from tests.collectors.sshd import sshd
from tests.collectors.test_exporter import OK, answering

AGENCY = "so-tc"
METRICS = b'node_uname_info{nodename="sv-01",release="6.1"} 1\nnode_reboot_required 1\n'


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A data centre on loopback with a server and a printer, found by a sweep."""
    async with opened(tmp_path) as store:
        workspace = Workspace(Config(data=tmp_path), store)
        KeyRing.create(workspace.config.keys)
        names, since = ("may-chu", "dang-nhap"), date(2020, 1, 1)
        network = Network("dc", AGENCY, ip_network("127.0.0.0/8"), "dc", True, names, since)
        declared = Register(
            levels=(Level("province", Title("Cấp tỉnh", "Province"), 1),),
            agencies=(Agency(AGENCY, Title("Sở Tài chính", "Finance"), "province", None, since),),
            networks=(network,),
        )
        await store.write(registers.replace, declared)
        at = datetime.now(UTC)
        found = tuple(
            Observation(
                (Fact("answering", True, "nmap", at), Fact("role", role, "snmp", at)),
                asset=Identity(frozenset({("mac", mac)}), address, "dc", AGENCY),
            )
            for role, address, mac in (
                ("server", "127.0.0.1", "3c:52:82:00:00:01"),
                ("printer", "127.0.0.2", "3c:52:82:00:00:02"),
            )
        )
        run = Run("nmap", "dc", at, at, found, True, None, AGENCY, "dc")
        await store.write(runs.record, workspace.vocabulary, run, at)
        yield workspace


async def test_servers_are_scraped_and_printers_are_left_in_peace(workspace: Workspace) -> None:
    seen: list[bytes] = []
    async with answering(OK, METRICS, seen=seen) as port:
        await workspace.add_credential("may-chu", "exporter", {"port": str(port)})
        (done,) = await rounds.collect(workspace, only=["exporter"])
    assert (done.targets, done.complete, len(seen), [r.error for r in done.failed]) == (1, 1, 1, [])
    said = await workspace.store.read(
        facts.read, workspace.vocabulary, "asset", [1, 2], datetime.now(UTC), {"reboot_needed", "sysname"}
    )
    assert {f.key: f.value for f in said[1]} == {"reboot_needed": True, "sysname": "sv-01"}
    assert not said.get(2)


async def test_rounds_that_have_nobody_to_ask_are_not_told_of(workspace: Workspace) -> None:
    assert "exporter" not in {done.collector for done in await rounds.collect(workspace)}


@pytest.mark.parametrize(
    ("kind", "secret", "told"),
    [
        ("exporter", {"scheme": "ftp"}, "expected scheme to be http or https"),
        ("exporter", {"path": "metrics"}, "expected path to begin with /"),
        ("ssh", {"user": "dophu"}, "password or key is missing"),
        ("ssh", {"password": "x"}, "user is missing"),
    ],
)
async def test_a_credential_that_cannot_be_used_is_refused(
    workspace: Workspace, kind: str, secret: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        await workspace.add_credential("x", kind, secret)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10.1.0.5", ("10.1.0.5", 22)), ("10.1.0.5:2222", ("10.1.0.5", 2222)), ("2001:db8::5", ("2001:db8::5", 22)),
        ("[2001:db8::5]", ("2001:db8::5", 22)), ("[2001:db8::5]:2222", ("2001:db8::5", 2222)),
    ],
)  # fmt: skip
def test_a_host_with_and_without_a_port(text: str, told: tuple[str, int]) -> None:
    assert split_host(text, 22) == told


@pytest.mark.parametrize("text", ["", "so-tc.vn", "10.1.0.5:", "10.1.0.5:99999", "10.1.0.5:ssh", "10.1.0.999"])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        split_host(text, 22)


def dophu(folder: Path, *argv: str, feed: str = "") -> subprocess.CompletedProcess[str]:
    own = environment(folder)
    return subprocess.run(
        [DOPHU, *argv], cwd=folder, env=own, input=feed, capture_output=True, text=True, timeout=60, check=False
    )


async def test_a_host_key_is_pinned_and_the_server_read(tmp_path: Path, workspace: Workspace) -> None:
    with sshd(tmp_path / "sshd") as server:
        secret = {"user": server.user, "key": server.key, "port": str(server.port)}
        added = dophu(tmp_path, "credential", "add", "dang-nhap", "--kind", "ssh", feed=json.dumps(secret))
        assert added.returncode == 0, added.stderr
        (before,) = await rounds.collect(workspace, only=["ssh"])
        assert "no host key is pinned" in str(before.failed[0].error)
        place = f"127.0.0.1:{server.port}"
        alone = dophu(tmp_path, "credential", "pin", "dang-nhap", place)
        assert (alone.returncode, server.fingerprint in alone.stderr) == (2, True)
        wrong = dophu(tmp_path, "credential", "pin", "dang-nhap", place, "--fingerprint", "SHA256:another")
        assert (wrong.returncode, "nothing is pinned" in wrong.stderr) == (2, True)
        pinned = dophu(tmp_path, "credential", "pin", "dang-nhap", place, "--fingerprint", server.fingerprint)
        assert pinned.returncode == 0, pinned.stderr
        (done,) = await rounds.collect(workspace, only=["ssh"])
    assert (done.targets, done.observations) == (1, 1)
    said = await workspace.store.read(
        facts.read, workspace.vocabulary, "asset", [1], datetime.now(UTC), {"os_name", "updates_pending"}
    )
    assert {f.key for f in said[1]} == {"os_name", "updates_pending"}
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("dophu.db*"))  # noqa: ASYNC240
    assert server.key.splitlines()[1].encode() not in stored


def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    """The answer no pins nothing."""
    assert dophu(tmp_path, "init").returncode == 0
    with sshd(tmp_path / "sshd") as server:
        secret = {"user": server.user, "key": server.key}
        dophu(tmp_path, "credential", "add", "dang-nhap", "--kind", "ssh", feed=json.dumps(secret))
        ours, theirs = pty.openpty()
        argv = [DOPHU, "credential", "pin", "dang-nhap", f"127.0.0.1:{server.port}"]
        with subprocess.Popen(argv, env=environment(tmp_path), stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            os.write(ours, b"n\n")
            assert process.wait(30) == 1
        shown = os.read(ours, 65_536).decode()
        os.close(ours)
    assert server.fingerprint in "".join(shown.split())
