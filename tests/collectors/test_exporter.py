"""Exporters: a real node_exporter with textfiles, a recorded windows_exporter, and servers that mean no good."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import exporter, runner
from collectors.metrics import Told, node, windows
from collectors.transports import scrape
from collectors.transports.scrape import ScrapeError, read_metrics
from inventory import vocabulary
from inventory.words import Credential, Fact, InputError, Network, Proof, Run, Target, Value

RECORDED = Path(__file__).parent.parent / "recordings" / "exporter"
HERE = Network("lo", "so-tc", ip_network("127.0.0.0/8"), "dc", True, ("exporter",), date(2020, 1, 1))
AT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
APT = """\
# HELP apt_upgrades_pending Apt packages pending updates by origin
apt_upgrades_pending{arch="amd64",origin="Debian:bookworm-security/oldstable-security"} 7
apt_upgrades_pending{arch="amd64",origin="Debian:bookworm/oldstable"} 5
apt_package_cache_timestamp_seconds %d
node_reboot_required 1
"""


def values(run: Run) -> dict[str, Value]:
    return {fact.key: fact.value for o in run.observations for fact in o.facts if not fact.item}


def fact(run: Run, key: str) -> Fact:
    return next(f for o in run.observations for f in o.facts if f.key == key)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def target(port: int, **secret: str) -> Target:
    credential = Credential("exporter", "exporter", {"port": str(port)} | secret)
    return Target("127.0.0.1", agency="so-tc", network=HERE, credentials=(credential,))


@contextlib.contextmanager
def node_exporter(folder: Path) -> Iterator[int]:
    """Debian's node_exporter on a free loopback port, with `folder` for its textfiles."""
    program = shutil.which("prometheus-node-exporter")
    if program is None:
        pytest.skip("prometheus-node-exporter is not installed")
    port = free_port()
    process = subprocess.Popen(
        [program, f"--web.listen-address=127.0.0.1:{port}", f"--collector.textfile.directory={folder}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None and time.monotonic() < until, "node_exporter did not start"
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


async def test_a_real_node_exporter_with_the_packages_that_wait(tmp_path: Path) -> None:
    listed = int(time.time()) - 3_600
    (tmp_path / "apt.prom").write_text(APT % listed)
    with node_exporter(tmp_path) as port:
        run = await exporter.collect(target(port))
    found = values(run)
    assert (run.error, run.complete) == (None, True)
    assert (found["updates_pending"], found["security_updates_pending"], found["reboot_needed"]) == (12, 7, True)
    assert fact(run, "updates_pending").observed_at == datetime.fromtimestamp(listed, UTC)
    assert found["sysname"] == socket.gethostname()
    assert "Debian" in str(found["os_name"]) or "Ubuntu" in str(found["os_name"])
    assert isinstance(found["memory"], float) and found["memory"] > 1 << 20
    assert isinstance(found["boot_time"], datetime)
    assert fact(run, "role").proof is Proof.INFERRED
    known = vocabulary.load().keys
    assert {f.key for o in run.observations for f in o.facts} <= set(known)


async def test_lists_of_long_ago_make_the_numbers_old_and_not_small(tmp_path: Path) -> None:
    ago = datetime.now(UTC) - timedelta(days=90)
    text = "".join(line + "\n" for line in (APT % ago.timestamp()).splitlines() if "upgrades_pending{" not in line)
    (tmp_path / "apt.prom").write_text(text)
    with node_exporter(tmp_path) as port:
        run = await exporter.collect(target(port))
    zero = fact(run, "updates_pending")
    assert zero.value == 0
    assert abs(zero.observed_at - ago) < timedelta(seconds=2)
    assert datetime.now(UTC) - zero.observed_at > vocabulary.load().keys["updates_pending"].max_age  # so: unknown


BACKUPS = """\
borg_last_archive_timestamp{host="%(name)s",repo="/srv/borg"} %(borg)d
borg_last_archive_timestamp{host="another",repo="/srv/other"} 1
restic_snapshots_latest_time{hostname="%(name)s"} 99999999999
pgbackrest_backup_since_last_completion_seconds{backup_type="full",block_incr="n",stanza="main"} 600000
pgbackrest_backup_since_last_completion_seconds{backup_type="incr",block_incr="n",stanza="main"} 3600
pgbackrest_stanza_status{stanza="main"} 2
"""


async def test_backup_programs_tell_of_this_machine_by_textfiles(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    text = BACKUPS % {"name": os.uname().nodename, "borg": now.timestamp() - 86_400}
    (tmp_path / "pgbackrest.prom").write_text(text)
    os.utime(tmp_path / "pgbackrest.prom", (now.timestamp() - 7200,) * 2)
    with node_exporter(tmp_path) as port:
        run = await exporter.collect(target(port))
    jobs = {f.item: f.value for o in run.observations for f in o.facts if f.key == "backup"}
    assert jobs.keys() == {"borg /srv/borg", "pgbackrest main"}
    borg, pgbackrest = jobs["borg /srv/borg"], jobs["pgbackrest main"]
    assert isinstance(borg, dict) and isinstance(pgbackrest, dict)
    assert (borg["finished"], borg["ok"]) == ((now - timedelta(days=1)).isoformat(), True)
    # What was an hour ago when it was written two hours ago is three hours old.
    assert pgbackrest["finished"] == (now - timedelta(hours=3)).isoformat()
    assert (pgbackrest["ok"], pgbackrest["why"]) == (False, "status 2")
    assert "found the time 1e+11 of the last backup" in (run.error or "")


async def test_a_textfile_that_nobody_writes_any_more_is_old(tmp_path: Path) -> None:
    written = time.time() - 40 * 86_400
    (tmp_path / "apt.prom").write_text(APT % (time.time() - 60))
    os.utime(tmp_path / "apt.prom", (written, written))
    with node_exporter(tmp_path) as port:
        run = await exporter.collect(target(port))
    for key in ("updates_pending", "reboot_needed"):
        assert abs(fact(run, key).observed_at.timestamp() - written) < 2


async def test_without_a_textfile_nothing_is_said_of_updates(tmp_path: Path) -> None:
    with node_exporter(tmp_path) as port:
        run = await exporter.collect(target(port))
    assert run.complete
    assert not {"updates_pending", "security_updates_pending", "reboot_needed"} & values(run).keys()


# --- pure: what metrics mean ------------------------------------------------------------------------------------------


def told(text: str) -> Told:
    made = Told(AT)
    metrics = read_metrics(text, (*node.WANTED, *windows.WANTED))
    (windows if any(name.startswith("windows_") for name in metrics) else node).tell(metrics, made)
    return made


def said(made: Told) -> dict[str, Value]:
    return {f.key: f.value for f in made.facts if not f.item}


def test_a_recorded_windows_exporter() -> None:
    """No Windows is to be had here: the recording is written from the exporter's documented metrics."""
    made = told((RECORDED / "windows_server_2022.prom").read_text(encoding="utf-8"))
    found = said(made)
    assert (found["os_name"], found["os_build"], found["role"], found["sysname"]) == (
        "Microsoft Windows Server 2022 Standard",
        "20348.2849",
        "server",
        "STC-APP1",
    )
    assert (found["updates_pending"], found["security_updates_pending"]) == (3, 1)
    assert (found["antivirus_installed"], found["antivirus_name"]) == (True, "Microsoft Defender Antivirus")
    assert "antivirus_enabled" not in found  # that its service runs does not say that it protects
    assert (found["processors"], found["memory_used"], found["storage_used"]) == (8, 0.75, 0.75)
    rows = {f.item: f.value for f in made.facts if f.key == "pending_update"}
    assert rows["KB5075906"] == {
        "title": "2026-02 Cumulative Update for Microsoft server operating system version 21H2 for x64-based Systems "
        "(KB5075906)",
        "severity": "critical",
        "published": "2026-02-10",
    }
    assert "pending_update" in made.tables_read
    assert next(f for f in made.facts if f.key == "updates_pending").observed_at == datetime(
        2026, 3, 3, 18, 40, tzinfo=UTC
    )


def test_without_its_update_collector_windows_says_nothing_of_updates() -> None:
    text = (RECORDED / "windows_server_2022.prom").read_text(encoding="utf-8")
    off = "".join(line + "\n" for line in text.splitlines() if "update" not in line)
    assert "updates_pending" not in said(told(off))
    failed = text.replace('collector_success{collector="update"} 1', 'collector_success{collector="update"} 0')
    made = told(failed)
    assert "updates_pending" not in said(made)
    assert made.problems == ["windows_exporter could not ask Windows Update"]


def test_an_antivirus_whose_service_is_stopped_is_off() -> None:
    found = said(told('windows_os_info{product="x"} 1\nwindows_service_state{name="ekrn",state="stopped"} 1\n'))
    assert (found["antivirus_installed"], found["antivirus_name"], found["antivirus_enabled"]) == (True, "ESET", False)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ('apt_upgrades_pending{origin="x"} -3', ("updates_pending",)),
        ('apt_upgrades_pending{origin="x"} 2.5', ("updates_pending",)),
        ('apt_upgrades_pending{origin="x"} NaN', ()),
        ("node_reboot_required 7", ("reboot_needed",)),
        ("node_boot_time_seconds 99999999999", ("boot_time",)),
        ("node_memory_MemTotal_bytes -1", ("memory",)),
        ("node_memory_MemTotal_bytes +Inf", ("memory",)),
    ],
)
def test_numbers_that_cannot_be_are_no_facts(line: str, keys: tuple[str, ...]) -> None:
    found = said(told(f"{line}\napt_package_cache_timestamp_seconds {AT.timestamp() - 60}\n"))
    assert not set(keys) & found.keys()


def test_a_cache_of_the_future_or_of_no_known_age_leaves_updates_unknown() -> None:
    for stamp in (AT.timestamp() + 3_600, 0):
        made = told(f'apt_upgrades_pending{{origin="x"}} 0\napt_package_cache_timestamp_seconds {stamp}\n')
        assert said(made)["updates_pending"] is None
        assert made.problems


def test_a_line_of_another_program_spoils_nothing_and_a_bad_one_of_ours_is_named() -> None:
    assert said(told("myapp_thing{x= } nonsense\nnode_reboot_required 0\n"))["reboot_needed"] is False
    with pytest.raises(ValueError, match="found the line 'node_reboot_required yes'"):
        told("node_reboot_required yes\n")


@given(st.text(alphabet=st.sampled_from('nodeaptyum_upgrads{}="\\,#\n 0159.-+eNaInf'), max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    with contextlib.suppress(ValueError):
        told(f"node_{text}\napt_upgrades_pending{text}")


# --- servers that mean no good ----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def answering(
    head: bytes, body: bytes = b"", *, endless: bool = False, seen: list[bytes] | None = None
) -> AsyncIterator[int]:
    """An HTTP server on loopback that answers everything with these bytes, and adds the requests to `seen`."""

    handling = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            handling.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            if seen is not None:
                seen.append(request)
            writer.write(head + b"\r\n\r\n" + body)
            await writer.drain()
            while endless and body:
                writer.write(body)
                await writer.drain()
            if endless:
                await reader.read()  # until the client goes
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*handling, return_exceptions=True), 10)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close"


@pytest.mark.parametrize(
    ("head", "body", "endless", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html", b"<html>", False, "found text/html, expected metrics"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/", b"", False, "found status 302, expected 200"),
        (b"HTTP/1.1 401 Unauthorized", b"", False, "found status 401"),
        (OK, b"node_x" * 100_000, True, "more than 16 MB"),
        (OK, b'node_boot_time_seconds{a="%d"} 1\n' * 60_000, False, "expected at most 50,000"),
        (OK, b"\xff\xfe", False, "found no UTF-8 at byte 0"),
        (OK, b"up 1\n", False, "found no metrics of node_exporter or windows_exporter"),
        (b"\x00\x01garbage", b"", False, "127.0.0.1"),
    ],
)
async def test_what_is_no_page_of_metrics_is_told_and_yields_no_fact(
    head: bytes, body: bytes, endless: bool, told: str
) -> None:
    async with answering(head, body, endless=endless) as port:
        runs = [run async for run in runner.run("exporter", exporter.collect, [target(port)], deadline=30)]
    assert runs[0].observations == () and not runs[0].complete
    assert told in (runs[0].error or "")


async def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "SECONDS", 0.3)
    async with answering(OK + b"\r\nContent-Length: 999", endless=True) as port:
        with pytest.raises(ScrapeError, match=r"no whole answer within 0\.3 s"):
            await exporter.collect(target(port))


async def test_a_token_is_sent_and_never_told() -> None:
    seen: list[bytes] = []
    async with answering(b"HTTP/1.1 403 Forbidden\r\nConnection: close", seen=seen) as port:
        asked = target(port, token="bi-mat-9f", path="/bi-mat-9f")
        (run,) = [run async for run in runner.run("exporter", exporter.collect, [asked], deadline=30)]
    assert b"authorization: bearer bi-mat-9f" in seen[0].lower()
    assert "found status 403" in (run.error or "") and "bi-mat-9f" not in (run.error or "")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Target("127.0.0.1", network=HERE), "found no credential of the kind exporter"),
        (
            Target("10.9.9.9", network=HERE, credentials=(Credential("e", "exporter", {}),)),
            "expected an address in 127",
        ),
        (Target("so-tc.vn", credentials=(Credential("e", "exporter", {}),)), "expected an IP address"),
        (
            Target("127.0.0.1", 1, credentials=(Credential("e", "exporter", {"scheme": "https", "ca": "x"}),)),
            "expected certificates in PEM",
        ),
    ],
)
async def test_wrong_targets_are_refused(asked: Target, told: str) -> None:
    with pytest.raises(InputError, match=told):
        await exporter.collect(asked)


def test_the_bounds_are_what_the_tests_say() -> None:
    assert (scrape.LARGEST, scrape.MOST_SAMPLES) == (16 << 20, 50_000)
