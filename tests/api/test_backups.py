"""Backups by HTTP, from folders and from files, against a served Dophu, its commands and its page."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import openpyxl
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import backups_files, rounds
from api.config import read_config
from api.receiving_backups import LARGEST
from api.workspace import Workspace
from inventory.store import runs
from inventory.words import Fact, Identity, InputError, Observation, Run
from tests.api.pages_sample import fill
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu
from tests.collectors.sshd import sshd

DAY = timedelta(days=1)
PATH = "/api/v1/backups"
SCRIPT = Path(__file__).parents[2] / "deploy" / "agents" / "dophu-backup.sh"


@pytest_asyncio.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """The sample with two servers, `sql01` of so-yt and `web01` of so-tc."""
    async with opened(tmp_path) as store:
        workspace, _ = await fill(store, tmp_path)
        now = datetime.now(UTC)
        for name, agency in (("sql01", "so-yt"), ("web01", "so-tc")):
            said = {"role": "server", "sysname": name, "agency": agency}
            facts = tuple(Fact(key, value, "snmp", now) for key, value in said.items())
            seen = Observation(facts, Identity(frozenset({("serial", f"SRV{name}77")}), agency=agency))
            await store.write(runs.record, workspace.vocabulary, Run("snmp", name, now, now, (seen,), True), now)
        yield workspace


def ago(days: float) -> str:
    return (datetime.now(UTC) - days * DAY).isoformat(timespec="seconds")


def command(folder: Path, *arguments: str, **more: str) -> tuple[int, str, str]:
    done = dophu(folder, *arguments, DOPHU_DATA=str(folder), **more)
    return done.returncode, done.stdout, done.stderr


def listed(folder: Path, name: str) -> dict[str, Any]:
    rows = json.loads(command(folder, "backups", "-o", "json")[1])
    found: dict[str, Any] = next(row for row in rows if row["name"] == name)
    return found


# --- by HTTP ----------------------------------------------------------------------------------------------------------


async def test_a_script_pushes_and_it_is_seen_everywhere(workspace: Workspace, tmp_path: Path) -> None:
    token = await workspace.issue_token("facts", None, "nas-hcm")
    sent = {"backups": [
        {"system": "sql01", "job": "db", "finished": ago(1), "ok": True, "size": 5 << 30,
         "restore_tested": "2026-01-05"},
        {"system": "SRVweb0177", "finished": ago(2), "ok": False, "why": "đĩa đầy\n<b>"},
    ]}  # fmt: skip
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        head = {"Authorization": f"Bearer {token}"}
        first = await client.post(PATH, json=sent, headers=head)
        assert (first.status_code, first.json()) == (200, {"source": "push", "systems": 2, "jobs": 2, "new": 2})
        again = await client.post(PATH, json=sent, headers=head)
        assert again.json()["new"] == 0
    await rounds.judge(workspace)
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        page = (await client.get("/backups", params={"lang": "vi"})).text
        assert 'data-state="fresh"' in page and 'data-state="failed"' in page
        assert "đĩa đầy &lt;b&gt;" in page and "chương trình báo" in page and "nas-hcm" in page
        assert "Backups and restore tests" in (await client.get("/backups", params={"lang": "en"})).text
    row = listed(tmp_path, "sql01")
    assert (row["state"], row["ok"], row["agency"]) == ("fresh", True, "so-yt")
    (job,) = row["jobs"]
    assert (job["job"], job["source"], job["proof"], job["told"], job["size"]) == (
        "db",
        "push",
        "agent",
        "nas-hcm",
        5 << 30,
    )
    assert listed(tmp_path, "web01")["state"] == "failed"
    status, table, _ = command(tmp_path, "backups", "--state", "failed", "--language", "en")
    assert status == 0 and "web01" in table and "sql01" not in table and "last one failed: đĩa đầy <b>" in table


async def test_the_script_for_linux_tells_how_a_backup_went(workspace: Workspace, tmp_path: Path) -> None:
    token = await workspace.issue_token("facts", None, "cron")
    (tmp_path / "dump").write_bytes(b"x" * 1234)
    async with served(workspace) as address:
        (tmp_path / "backup.conf").write_text(f"DOPHU_URL={address}\nDOPHU_TOKEN={token}\n")

        async def script(*arguments: str) -> tuple[int, str]:
            done = await asyncio.create_subprocess_exec(
                "/bin/sh", str(SCRIPT), "--system", "sql01", *arguments, stdout=PIPE, stderr=STDOUT,
                env={"PATH": os.environ["PATH"], "DOPHU_BACKUP_CONF": str(tmp_path / "backup.conf")},
            )  # fmt: skip
            said, _ = await asyncio.wait_for(done.communicate(), 30)
            return done.returncode or 0, said.decode()

        status, said = await script("--job", 'db "1" \\', "--ok", "yes", "--file", str(tmp_path / "dump"))
        assert status == 0 and '"jobs":1' in said, said
        status, said = await script("--job", "www", "--ok", "no", "--why", "đĩa đầy")
        assert status == 0, said
        status, said = await script("--system", "mail9", "--restore-tested", "2026-01-05")
        assert status == 22 and "found 'mail9'" in said
        status, said = await script("--ok", "maybe")
        assert status == 2 and "expected yes or no" in said
    www, db = listed(tmp_path, "sql01")["jobs"]
    assert (www["job"], www["ok"], www["why"]) == ("www", False, "đĩa đầy")
    assert (db["job"], db["ok"], db["size"], db["told"]) == ('db "1" \\', True, 1234, "cron")


BAD: dict[str, tuple[object, str]] = {
    "no system": ({"job": "a", "finished": "2026-01-01T00:00:00Z", "ok": True}, "backups.0.system: Field required"),
    "no zone": ({"system": "sql01", "finished": "2026-01-01T00:00:00", "ok": True}, "backups.0.finished"),
    "no outcome": ({"system": "sql01", "finished": "2026-01-01T00:00:00Z"}, "expected finished and ok together"),
    "nothing told": ({"system": "sql01"}, "expected finished and ok, restore_tested, or ended"),
    "a field more": ({"system": "sql01", "host": "x", "ended": True}, "backups.0.host: Extra inputs"),
    "below zero": ({"system": "sql01", "finished": "2026-01-01T00:00:00Z", "ok": True, "size": -1}, "backups.0.size"),
    "ahead": ({"system": "sql01", "finished": "2126-01-01T00:00:00Z", "ok": True}, "is in the future"),
    "tested ahead": ({"system": "sql01", "restore_tested": "2126-01-01"}, "restore_tested: found 2126-01-01"),
    "nobody": ({"system": "mail9", "ended": True}, "backups[0], system: found 'mail9', expected the name or serial"),
}  # fmt: skip


async def test_what_is_wrong_is_told_and_nothing_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    token = await workspace.issue_token("facts", None, "nas")
    only = await workspace.issue_token("facts", "so-tc", "nas2")
    agent = await workspace.issue_token("agent", "so-tc", "agents")
    good = {"system": "sql01", "finished": ago(1), "ok": True}
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        head = {"Authorization": f"Bearer {token}"}
        for name, (row, told) in BAD.items():
            answer = await client.post(PATH, json={"backups": [row, good]}, headers=head)
            assert answer.status_code == 422 and told in answer.json()["detail"], (name, answer.text)
        for rows in ([], [good] * 1001, "x", None):
            assert (await client.post(PATH, json={"backups": rows}, headers=head)).status_code == 422
        other = await client.post(PATH, json={"backups": [good]}, headers={"Authorization": f"Bearer {only}"})
        assert "expected an asset of so-tc: the token is for this agency alone" in other.json()["detail"]
        for refused in ("", "Bearer x", f"Bearer {agent}"):
            answer = await client.post(PATH, json={"backups": [good]}, headers={"Authorization": refused})
            assert answer.status_code == 401
        large = await client.post(PATH, content=b" " * (LARGEST + 1), headers=head)
        assert large.status_code == 413
    assert listed(tmp_path, "sql01")["jobs"] == []


# --- folders ----------------------------------------------------------------------------------------------------------


def put(path: Path, size: int, days: float) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"x" * size)
    at = (datetime.now(UTC) - days * DAY).timestamp()
    os.utime(path, (at, at))


async def test_folders_here_and_over_ssh_are_read_in_a_round(workspace: Workspace, tmp_path: Path) -> None:
    put(tmp_path / "here" / "sql01-a.bak", 100, 1)
    put(tmp_path / "here" / "nobody-a.bak", 100, 1)
    put(tmp_path / "there" / "www.tar", 100, 3)
    with sshd(tmp_path / "sshd") as server:
        secret = {"user": server.user, "key": server.key, "host_keys": f"127.0.0.1:{server.port} {server.fingerprint}"}
        (tmp_path / "dophu.toml").write_text(f"""
            [backups]
            [[backups.folders]]
            path = "{tmp_path}/here"
            pattern = "{{system}}-*.bak"
            [[backups.folders]]
            path = "{tmp_path}/there"
            address = "127.0.0.1:{server.port}"
            credential = "nas"
            pattern = "www.tar"
            system = "web01"
            job = "www"
            [[backups.folders]]
            path = "{tmp_path}/none"
            pattern = "x"
            system = "web01"
        """)
        config = read_config(tmp_path / "dophu.toml", workspace.config.data)
        busy = Workspace(config.model_copy(update={"key_file": workspace.config.keys}), workspace.store)
        if not busy.config.keys.exists():
            from inventory.secrets import KeyRing

            KeyRing.create(busy.config.keys)
        await busy.add_credential("nas", "ssh", secret)
        (done,) = await rounds.collect(busy, only=["backups"])
    assert (done.targets, done.complete, done.observations) == (3, 2, 2)
    errors = {run.target: run.error or "" for run in done.failed}
    assert errors[f"{tmp_path}/here"] == "of no known asset: nobody"
    assert "No such file or directory" in errors[f"{tmp_path}/none"]
    assert listed(tmp_path, "sql01")["state"] == "fresh"
    row = listed(tmp_path, "web01")
    assert (row["state"], row["jobs"][0]["job"], row["jobs"][0]["proof"]) == ("fresh", "www", "measured")
    # On schedule it is read once an hour; what failed, with patience.
    (soon,) = await rounds.collect(busy, only=["backups"], due_only=True)
    assert soon.targets == 0


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('path = "b"\npattern = "{system}"', "expected one from / on"),
        ('path = "/b"\npattern = "*.bak"', "expected either {system} in it or a system"),
        ('path = "/b"\npattern = "{system}"\naddress = "10.0.0.1"', "expected address and credential together"),
        ('path = "/b"\npattern = "{system}"\naddress = "nas;x"\ncredential = "a"', "nas;x"),
        ('path = "/b"\npattern = "{host}"', "found {host} in the pattern"),
        ('path = "/b"\npattern = "{system}"\ndepth = 9', "depth"),
    ],
)
def test_a_folder_of_the_settings_that_is_none_is_told(tmp_path: Path, setting: str, told: str) -> None:
    (tmp_path / "dophu.toml").write_text(f"[[backups.folders]]\n{setting}\n")
    with pytest.raises(InputError) as refused:
        read_config(tmp_path / "dophu.toml")
    assert told in str(refused.value) and "backups.folders.0" in str(refused.value)


# --- declared ---------------------------------------------------------------------------------------------------------


def test_a_table_of_people_is_declared(workspace: Workspace, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(
        ["STT", "Máy chủ", "Mã cơ quan", "Lần sao lưu gần nhất", "Kết quả", "Ngày thử khôi phục", "Số văn bản"]
    )
    sheet.append([1, "sql01", "so-yt", datetime.fromisoformat("2026-01-05T01:30"), "Đạt", "03/01/2026", "12/BC-CNTT"])
    sheet.append([2, "web01", "so-tc", "04/01/2026 02:00", "Không", None, None])
    book.save(tmp_path / "b.xlsx")
    status, _, told = command(tmp_path, "import", "backups", str(tmp_path / "b.xlsx"), "--language", "en")
    assert status == 2 and "row 3, document: found nothing, expected the document that it is declared in" in told
    arguments = ("import", "backups", str(tmp_path / "b.xlsx"), "--document", "13/BC-CNTT", "--language", "en")
    status, _, told = command(tmp_path, *arguments, "--dry-run")
    assert (status, told.strip()) == (
        0, "Stored nothing. Read 2 declarations on backups of 2 systems; 2 new or changed.")  # fmt: skip
    assert listed(tmp_path, "sql01")["jobs"] == []
    assert command(tmp_path, *arguments)[0] == 0
    (job,) = listed(tmp_path, "sql01")["jobs"]
    assert (job["proof"], job["told"], job["last_backup"]) == ("declared", "12/BC-CNTT", "2026-01-04 18:30:00+00:00")
    assert listed(tmp_path, "web01")["state"] == "failed"


CELLS = st.text(max_size=30) | st.sampled_from(
    ("sql01", "2026-01-05", "05/01/2026 01:30", "có", "1e9", "=1+1", "31/02/2026")
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), max_size=4))
def test_any_table_is_read_or_refused(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    lines = [
        "system,job,finished,ok,restore_tested",
        *(",".join(f'"{c.replace(chr(34), "")}"' for c in r) for r in rows),
    ]
    path = tmp_path / "b.csv"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        told = backups_files.read_file(path, "1/BC", datetime.now(UTC))
    except InputError as error:
        assert "b.csv" in str(error)
        return
    assert all(one.system and (one.job.tried or one.job.restore_tested) for one in told)
