"""Backups: taken while agents report and rounds write, restored elsewhere and equal; and files that are refused."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import threading
import tomllib
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import psycopg
import pytest
from sqlalchemy import Connection, create_engine, func, select

from api import rounds
from api.backing import NAME, Placing, back_up, back_up_and_prune, restore, tell_restored
from api.config import Config, read_config
from api.config_backup import without_secrets
from api.jobs import JOBS, Doing
from api.printing import coverage_object, judge_plan
from api.trapping import boot
from api.workspace import Workspace, open_workspace
from exporters._spool import Spool
from inventory.secrets import KeyRing
from inventory.store import Store, copies, registers, runs, versions
from inventory.store.tables import FACTS, level, metadata
from inventory.words import Agency, InputError, Level, Link, Register, Schedule, StoreError, Title
from tests.api.serving import DOPHU, environment, serving
from tests.inventory.sample import REGISTER, device, reading

BODY = Path(__file__).parents[1] / "recordings" / "agent" / "linux-notebook" / "inventory.xml"
AGENCY = "so-tc"


def machine(number: int) -> tuple[str, bytes]:
    """The name of a machine and its inventory."""
    name = f"may-{number:05}"
    text = BODY.read_text(encoding="utf-8").replace("may-tinh-12", name).replace("DPHL1412", f"DPHL{number}")
    return name, text.replace("6D4F0E5C", f"{number:08X}").replace("8c:8c:aa", f"8c:{number:02x}:aa").encode()


@dataclass
class Load:
    """Agents that report and rounds that write, one after the other, with a gate that holds them for a moment."""

    workspace: Workspace
    agents: str
    acknowledged: list[str] = field(default_factory=list)
    underway: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once some machines reported and a round was done."""
    over: bool = False
    _report: asyncio.Lock = field(default_factory=asyncio.Lock)
    _round: asyncio.Lock = field(default_factory=asyncio.Lock)
    _number: int = 0

    async def report(self, client: httpx2.AsyncClient) -> None:
        while not self.over:
            async with self._report:
                # Machines come back: their rows are confirmed and changed, and not only added.
                self._number += 1
                name, body = machine(self._number % 60)
                assert (await client.post(self.agents, content=body)).status_code == 200
                self.acknowledged.append(name)

    async def go_round(self) -> None:
        while not self.over:
            async with self._round:
                await rounds.collect(self.workspace, only=["icmp"])
                await rounds.judge(self.workspace)
            if len(self.acknowledged) >= 10:
                self.underway.set()
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def still(self) -> AsyncIterator[set[str]]:
        """Holds all of them, with nothing under way; the machines acknowledged until then."""
        async with self._round, self._report:
            yield set(self.acknowledged)


@contextlib.asynccontextmanager
async def loaded(workspace: Workspace, agents: str) -> AsyncIterator[Load]:
    load = Load(workspace, agents)
    async with httpx2.AsyncClient(timeout=30) as client:
        tasks = [asyncio.create_task(load.report(client)), asyncio.create_task(load.go_round())]
        try:
            yield load
        finally:
            load.over = True
            await asyncio.gather(*tasks)


def names(connection: Connection) -> set[str]:
    t = FACTS["asset"]
    return {str(value) for value in connection.scalars(select(t.c.value).where(t.c.key == "sysname"))}


KEPT = ("asset", "asset_fact", "identifier", "link_fact")
"""Tables that only reports and rounds write; the server judges by itself meanwhile."""


def counts(connection: Connection, of: Sequence[str] = tuple(metadata.tables)) -> dict[str, int]:
    return {n: connection.scalar(select(func.count()).select_from(metadata.tables[n])) or 0 for n in of}


def pausing(fixed: asyncio.Event, more: threading.Event) -> Callable[[str, int, int], None]:
    """Tells when the moment of a backup is fixed, and holds the backup there until there was more."""
    loop = asyncio.get_running_loop()

    def advance(*_: object) -> None:
        loop.call_soon_threadsafe(fixed.set)
        assert more.wait(60)

    return advance


async def figures(workspace: Workspace, at: datetime) -> dict[str, list[dict[str, Any]]]:
    return {
        plan: [coverage_object(c) for c in (await judge_plan(workspace, plan, at, with_members=False)).coverage]
        for plan in workspace.goals.plans
    }


async def run(folder: Path, *argv: str, **more: str) -> tuple[int, str]:
    """A command of its own process in `folder`: its status and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        DOPHU, *argv, cwd=folder, env=environment(folder, DOPHU_LANGUAGE="en", **more),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


@pytest.fixture
def empty_url(store_url: str, tmp_path: Path) -> str:
    """The address of another database of the same kind, with nothing in it."""
    if store_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'other' / 'dophu.db'}"
    with psycopg.connect(store_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {store_url.rsplit('/', 1)[1]}_restored".encode())
    return f"{store_url}_restored"


async def test_what_is_backed_up_under_load_is_restored_equal(tmp_path: Path, store_url: str, empty_url: str) -> None:
    for program in ("pg_dump", "pg_restore") if store_url.startswith("postgresql") else ():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here (Debian: apt-get install postgresql-client)")
    here, there, path = tmp_path / "here", tmp_path / "there", tmp_path / "b.zip"
    here.mkdir()
    there.mkdir()
    async with open_workspace(Config(data=here, database=store_url)) as workspace:
        await workspace.store.migrate()
        declared = Register(
            (Level("province", Title("Cấp tỉnh", "Province"), 1),),
            (Agency(AGENCY, Title("Sở Tài chính", "Finance"), "province", None, date(2020, 1, 1)),),
            links=tuple(Link(f"line-{n}", AGENCY, "wan", f"127.0.0.{n}") for n in (1, 2)),
        )
        await workspace.store.write(registers.replace, declared)
        token = await workspace.issue_token("agent", AGENCY)
        with serving(here, DOPHU_DATABASE=store_url) as address:
            async with loaded(workspace, f"{address}/agents/{token}") as load:
                async with asyncio.timeout(60):
                    await load.underway.wait()
                    async with load.still() as before:
                        instant = datetime.now(UTC)
                        expected, held = await figures(workspace, instant), await workspace.store.read(counts, KEPT)
                        fixed, more = asyncio.Event(), threading.Event()
                        writing = asyncio.create_task(
                            back_up(workspace.store, workspace.config, path, advance=pausing(fixed, more))
                        )
                        await fixed.wait()
                    # The moment is fixed, and nothing was copied yet: what comes now must not be in it.
                    seen = len(load.acknowledged)
                    while len(load.acknowledged) < seen + 5:
                        await asyncio.wait([writing], timeout=0.02)
                    more.set()
                    manifest = await writing
    assert {name: manifest.contents.rows[name] for name in KEPT} == held

    status, said = await run(there, "restore", str(path), DOPHU_DATABASE=empty_url)
    assert status == 0, said
    async with open_workspace(Config(data=there, database=empty_url)) as workspace:
        await workspace.check_version()
        assert before <= await workspace.store.read(names)
        assert await workspace.store.read(counts) == manifest.contents.rows
        found = await figures(workspace, instant)
        differing = [(old, new) for p in expected for old, new in zip(expected[p], found[p], strict=True) if old != new]
        assert differing == []
        assert any(row["met"] + row["unmet"] for rows in found.values() for row in rows), "nothing was judged"
        # It works on: what is new gets a number of its own.
        seen = reading(AGENCY, device(AGENCY, 9, serial="SN-000999"))
        await workspace.store.write(runs.record, workspace.vocabulary, seen, datetime.now(UTC))
        assert (await workspace.store.read(counts, ["asset"]))["asset"] == held["asset"] + 1


@pytest.fixture
async def filled(tmp_path: Path, store_url: str) -> AsyncIterator[Workspace]:
    """A small Dophu with a configuration file, goals of its own and a key."""
    folder = tmp_path / "here"
    shutil.copytree(Config().goals, folder / "goals")
    (folder / "dophu.toml").write_text(
        f'data = "data"\ndatabase = "{store_url}"\ngoals = "goals"\napi_token = "very-secret"\n'
        '[lines]\nseconds = 90\n[backup]\nfolder = "."\nkeep = 2\n',
        encoding="utf-8",
    )
    config = read_config(folder / "dophu.toml")
    config.data.mkdir()
    async with open_workspace(config) as workspace:
        await workspace.store.migrate()
        await workspace.store.write(registers.replace, REGISTER)
        KeyRing.create(config.keys)
        await workspace.add_credential("switches", "snmp-v2c", {"community": "s3cret-community"})
        yield workspace


async def test_the_key_goes_along_only_where_asked(filled: Workspace, tmp_path: Path, empty_url: str) -> None:
    without, with_key = tmp_path / "without.zip", tmp_path / "with.zip"
    assert not (await back_up(filled.store, filled.config, without)).with_key
    assert (await back_up(filled.store, filled.config, with_key, with_key=True)).with_key
    assert stat.S_IMODE(with_key.stat().st_mode) == 0o600
    with zipfile.ZipFile(without) as archive:
        assert "keys" not in archive.namelist()
        settings = archive.read("dophu.toml").decode()
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"very-secret" not in content and b"s3cret-community" not in content
    assert tomllib.loads(settings)["lines"] == {"seconds": 90}
    target = Config(data=tmp_path / "there", database=empty_url)
    done = await restore(with_key, target)
    assert {Path(p).name for p in done.placed} == {"keys", "dophu.toml", "goals"}
    async with open_workspace(target) as workspace:
        opened = await workspace.open_credentials(["switches"])
    assert opened["switches"].secret["community"] == "s3cret-community"
    assert stat.S_IMODE(target.keys.stat().st_mode) == 0o600
    assert {p.name for p in (tmp_path / "there" / "goals").iterdir()} >= {"controls", "plans"}


async def test_what_is_there_stays_or_is_kept_aside(filled: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    await back_up(filled.store, filled.config, path)
    await filled.store.write(lambda c: c.execute(level.update().values(name_en="changed")))
    before = await filled.store.read(lambda c: c.execute(select(level.c.name_en)).all())
    with pytest.raises(InputError, match="--force keeps"):
        await restore(path, filled.config)
    assert await filled.store.read(lambda c: c.execute(select(level.c.name_en)).all()) == before
    await filled.store.close()
    done = await restore(path, filled.config, force=True)
    async with open_workspace(filled.config) as again:
        assert await again.store.read(lambda c: c.execute(select(level.c.name_en)).all()) != before
        [kept] = done.aside
        if kept.startswith("schema "):
            old = level.to_metadata(type(metadata)(), schema=kept.removeprefix("schema "))
            assert await again.store.read(lambda c: c.execute(select(old.c.name_en)).all()) == before
        else:
            with contextlib.closing(sqlite3.connect(kept)) as old_file:
                assert old_file.execute("SELECT name_en FROM level").fetchall() == [tuple(row) for row in before]


async def test_where_a_restored_database_cannot_be_read_what_was_kept_aside_is_told(
    filled: Workspace, tmp_path: Path
) -> None:
    backup = await back_up(filled.store, filled.config, tmp_path / "b.zip")
    (tmp_path / "there").mkdir()
    broken = Config(data=tmp_path / "there")
    (tmp_path / "there" / "dophu.db").write_bytes(b"no database" * 999)
    placing = Placing()
    placing.aside += ["/there/dophu.db.before-1", "/there/keys.before-1"]
    with pytest.raises(StoreError) as caught:
        await tell_restored(broken, backup, placing)
    for told in (caught.value.told.vi, caught.value.told.en):
        assert "not a database" in told and all(kept in told for kept in placing.aside)


async def test_an_older_backup_is_migrated(tmp_path: Path, store_url: str, empty_url: str) -> None:
    store = Store.open(store_url)
    await store.write(versions.upgrade, "0001")
    path = tmp_path / "old.zip"
    backup = await back_up(store, Config(data=tmp_path, database=store_url), path)
    await store.close()
    assert backup.contents.schema == "0001"
    done = await restore(path, Config(data=tmp_path / "there", database=empty_url))
    assert done.schema == versions.needed()


async def test_a_restoration_that_fails_leaves_what_was_there(filled: Workspace, tmp_path: Path) -> None:
    """The manifest counts a row that the database does not have."""
    path, false = tmp_path / "b.zip", tmp_path / "false.zip"
    await back_up(filled.store, filled.config, path)
    forge(path, false, lambda told: told["rows"].update(level=99))
    with pytest.raises(InputError, match="table level: found 3 rows, expected 99"):
        await restore(false, filled.config, force=True)
    assert (await filled.store.read(counts))["level"] == 3
    async with open_workspace(filled.config) as again:
        assert (await again.store.read(counts))["level"] == 3


def forge(source: Path, to: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Another backup with a changed manifest, whose digest is right."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            if name != "manifest.json":
                new.writestr(name, old.read(name))
        told = json.loads(old.read("manifest.json"))
        change(told)
        manifest = json.dumps(told).encode()
        new.writestr("manifest.json", manifest)
        new.comment = hashlib.sha256(manifest).hexdigest().encode()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a new, empty Dophu on SQLite."""
    folder = tmp_path_factory.mktemp("written")
    for argv in (["init"], ["backup", "b.zip"]):
        subprocess.run([DOPHU, *argv], cwd=folder, env=environment(folder), capture_output=True, check=True)
    return folder / "b.zip"


def cut(source: Path, to: Path) -> None:
    to.write_bytes(source.read_bytes()[:-200])


def flip(source: Path, to: Path) -> None:
    """One byte of the database is another."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = bytearray(old.read(name))
            if name.startswith("database/"):
                content[5000] ^= 1
            new.writestr(name, bytes(content))
        new.comment = old.comment


def edit(**changes: object) -> Callable[[Path, Path], None]:
    return lambda source, to: forge(source, to, lambda told: told.update(changes))


def add(source: Path, to: Path) -> None:
    shutil.copy(source, to)
    with zipfile.ZipFile(to, "a") as archive:
        archive.writestr("more", "x")


def rename(told: dict[str, Any]) -> None:
    told["files"]["../../evil"] = told["files"].pop("dophu-backup")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (cut, "was cut short or is damaged"),
        (flip, "database/dophu.db: was changed: its digest is not the one in the manifest"),
        (edit(product="other"), "found a backup of 'other dophu-backup/1', expected 'dophu dophu-backup/1'"),
        (edit(format="dophu-backup/2"), "found a backup of 'dophu dophu-backup/2'"),
        (edit(schema="9999"), "found tables of version 9999 (Dophu 0.1.0), expected at most"),
        (edit(database="postgresql"), "found no database"),
        (edit(rows=3), "manifest.json: is not as expected"),
        (add, "its files are not those of its manifest"),
        (lambda source, to: forge(source, to, rename), "found the name '../../evil'"),
        (lambda _, to: to.write_text("no backup at all " * 100), "found another file, expected a backup of Dophu"),
        (lambda _, to: None, "No such file or directory"),
    ],
)  # fmt: skip
async def test_what_is_no_whole_backup_is_refused(
    written: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], told: str
) -> None:
    spoil(written, tmp_path / "spoilt.zip")
    config = Config(data=tmp_path / "data")
    with pytest.raises(InputError) as refused:
        await restore(tmp_path / "spoilt.zip", config)
    assert told in str(refused.value)
    assert not config.data.exists() or not list(config.data.iterdir())


async def test_the_command_checks_a_backup_and_tells_by_its_status(written: Path, tmp_path: Path) -> None:
    status, said = await run(tmp_path, "backup", "--check", str(written))
    assert (status, "whole: as of" in said) == (0, True)
    flip(written, tmp_path / "spoilt.zip")
    status, said = await run(tmp_path, "backup", "--check", "spoilt.zip")
    assert (status, "was changed" in said) == (2, True)
    status, said = await run(tmp_path, "backup", "new.zip")
    assert (status, "run dophu init" in said) == (1, True)
    status, said = await run(written.parent, "backup", "b.zip")
    assert (status, "backups are not overwritten" in said) == (2, True)
    assert [p.name for p in written.parent.iterdir() if ".zip" in p.name] == ["b.zip"]


async def test_a_database_that_is_open_is_not_replaced(written: Path, tmp_path: Path) -> None:
    async with open_workspace(Config(data=tmp_path)) as workspace:
        await workspace.store.migrate()
        with pytest.raises(StoreError, match="another program has it open; stop dophu serve first"):
            await restore(written, workspace.config, force=True)


async def test_the_scheduled_job_keeps_as_many_as_it_should(filled: Workspace) -> None:
    settings = filled.config.backup
    assert settings is not None
    for day in (1, 2, 3):
        (settings.folder / f"{datetime(2026, 1, day, tzinfo=UTC):{NAME}}").write_bytes(b"old")
    other = settings.folder / "somebody-elses.zip"
    other.write_bytes(b"")

    async def judge() -> None:
        """Nothing follows from a backup."""

    told = await JOBS["backup"](Doing(filled, Schedule("backup", "backup", "every 24h"), judge))
    left = sorted(p.name for p in settings.folder.glob("dophu-*.backup.zip"))
    assert left[0] == "dophu-20260103T000000Z.backup.zip" and len(left) == 2 and other.exists()
    assert told.startswith(left[1]) and told.endswith("2 old ones removed")
    (settings.folder / left[1]).unlink()
    filled.stop.set()
    with pytest.raises(StoreError, match="broken off"):
        await JOBS["backup"](Doing(filled, Schedule("backup", "backup", "every 24h"), judge))
    assert len(list(settings.folder.glob("*.zip"))) == 2


async def test_what_killed_backups_left_is_removed_by_the_next_ones(filled: Workspace) -> None:
    settings = filled.config.backup
    assert settings is not None
    own, young, other = (settings.folder / name for name in (
        ".dophu-20260103T000000Z.backup.zip.k3_x9abc", ".dophu-20260104T000000Z.backup.zip.aaaaaaaa", ".somebody"
    ))  # fmt: skip
    for left in (own, young, other):
        left.mkdir()
        (left / "database").write_bytes(b"half")
    for old in (own, other):
        os.utime(old, (0, 0))
    await back_up_and_prune(filled.store, filled.config, settings)
    assert (own.exists(), young.exists(), other.exists()) == (False, True, True)


def on_full_disk(folder: Path, size: int, *arguments: str | Path, data: Path) -> list[str]:
    """What a command says to standard error while `folder` is a file system of `size` kB, and what is left there."""
    script = (
        f'mount -t tmpfs -o size={size}k tmpfs {folder} && {{ "$@"; status=$?; ls -A {folder} >&2; exit $status; }}'
    )
    mount = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    if os.geteuid() or subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    command = [*mount, DOPHU, *arguments]
    env = environment(data, DOPHU_LANGUAGE="en")
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=data, check=False)
    assert done.returncode in (1, 2), done
    return done.stderr.splitlines()


async def test_a_full_disk_is_named_and_nothing_stays(written: Path, tmp_path: Path) -> None:
    full, data = tmp_path / "full", tmp_path / "data"
    full.mkdir()
    await restore(written, Config(data=data))
    told = on_full_disk(full, 300, "backup", full / "b.zip", data=data)
    assert told == [f"dophu: {full}/b.zip: the database could not be copied: database or disk is full"]
    told = on_full_disk(full, 60, "restore", written, data=full)
    assert told == [f"dophu: {full}: No space left on device; everything is as it was"]


async def test_without_pg_dump_it_says_what_to_install(
    tmp_path: Path, postgresql_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(postgresql_server)
    await store.migrate()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="found no pg_dump: install"):
        await store.read(copies.copy, tmp_path / "dump", lambda _, __: None)
    await store.write(copies.put_back, None)
    await store.close()


def test_a_configuration_is_kept_without_its_secrets() -> None:
    given = {
        "api_token": "x", "database": "postgresql://dophu:geheim@db:5432/dophu?sslmode=require&password=geheim",
        "data": "/srv", "netbox": {"url": "https://nb.example/", "credential": "nb", "token": "x"},
        "consoles": [{"server": "h", "password": "x"}],
    }  # fmt: skip
    assert without_secrets(given) == {
        "database": "postgresql://dophu@db:5432/dophu?sslmode=require", "data": "/srv",
        "netbox": {"url": "https://nb.example/", "credential": "nb"}, "consoles": [{"server": "h"}],
    }  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files that are another's")
async def test_what_root_makes_in_the_folder_of_the_service_is_the_services(written: Path, tmp_path: Path) -> None:
    made, restored = tmp_path / "made", tmp_path / "restored"
    for folder in (made, restored):
        folder.mkdir()
        os.chown(folder, 12_345, 12_346)
    for argv in (["init"], ["backup", "--with-key", str(tmp_path / "k.zip")]):
        assert (await run(made, *argv))[0] == 0
    Spool(made / "influxdb", 1000).put(datetime.now(UTC), ["a b=1"])
    Spool(made / "influxdb", 1000).count(error="away")
    # A link that the service's user put there is no way to what is another's.
    (made / "influxdb" / "link").symlink_to(written)
    boot(made / "traps" / "snmp-engine.json")
    assert (await run(restored, "restore", str(tmp_path / "k.zip")))[0] == 0
    assert {p.name for p in restored.iterdir()} == {"dophu.db", "keys"}
    assert {p.name for p in made.iterdir()} == {"dophu.db", "keys", "influxdb", "traps"}
    mine = [p for folder in (made, restored) for p in folder.rglob("*") if p.name != "link"]
    assert {(p.stat().st_uid, p.stat().st_gid) for p in mine} == {(12_345, 12_346)}
    assert [p.stat().st_uid for p in (written,)] == [0]
    # Root goes on with it: the key of the service opens for root as well.
    assert KeyRing.load(restored / "keys")
    os.chown(restored / "keys", 12_347, 12_347)
    with pytest.raises(InputError, match="found owner 12347"):
        KeyRing.load(restored / "keys")


async def test_where_a_part_cannot_be_put_back_everything_stays_as_it_was(filled: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "k.zip"
    await back_up(filled.store, filled.config, path, with_key=True)
    await filled.store.write(lambda c: c.execute(level.update().values(name_en="changed")))
    await filled.store.close()
    data = filled.config.data
    KeyRing.load(filled.config.keys).add_key()
    before = {p.name: p.read_bytes() for p in data.iterdir() if p.name == "keys"}
    # The folder of the goals cannot be made: a file has its name.
    (data / "file").write_text("no folder")
    blocked = filled.config.model_copy(update={"goals": data / "file" / "goals"})
    with pytest.raises(InputError, match=r"file.*everything is as it was"):
        await restore(path, blocked, force=True)
    assert {p.name: p.read_bytes() for p in data.iterdir() if p.name == "keys"} == before
    assert not [p for p in data.rglob("*") if "before-" in p.name or "restor" in p.name]
    async with open_workspace(filled.config) as again:
        assert {row.name_en for row in await again.store.read(lambda c: c.execute(select(level.c.name_en)).all())} == {
            "changed"
        }


def test_no_password_is_among_the_arguments_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" "$PGPASSWORD"; cat "$PGSERVICEFILE"; stat -c %a "$PGSERVICEFILE"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    address = "postgresql+psycopg://u:first@h/d?sslmode=require&password=second&sslpassword=third"
    asked = cast(Connection, SimpleNamespace(engine=create_engine(address)))
    with copies._program(asked, ["pg_dump", "--format=custom"]) as pipe:
        place, kind, *rest = pipe.read().decode().splitlines()
    assert "sslmode=require" in place and "service=dophu" in place and kind == "--format=custom"
    assert not any(secret in place for secret in ("first", "second", "third"))
    assert rest == ["second", "[dophu]", "sslpassword=third", "600"]
