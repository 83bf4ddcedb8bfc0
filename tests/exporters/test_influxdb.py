"""Points for InfluxDB: what they say, and what becomes of them on a real VictoriaMetrics and on our own test server."""

from __future__ import annotations

import dataclasses
import gzip
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporters import load_exporters
from exporters._influx_delivery import Delivery, Server
from exporters._spool import Spool
from exporters.influxdb import MEASUREMENTS, export, lines
from inventory.words import InputError, PowerState, Snapshot
from tests.exporters.influx_server import TOKEN, Answer, InfluxServer, influx_server
from tests.exporters.sample import AT, LINKS, SAMPLE
from tests.exporters.victoria import victoria_metrics
from tests.postgresql import free_port

FULL = dataclasses.replace(
    SAMPLE, power=(PowerState(7, "so-yt", True, 0.4, 900.0, 0.25), PowerState(8, "so-yt"))
)  # fmt: skip
TINY = dataclasses.replace(SAMPLE, coverage=(), tallies=(), assets=(), websites=(), collectors=())
"""A snapshot of five links: five points."""


def at(minutes: int, of: Snapshot = TINY) -> Snapshot:
    return dataclasses.replace(of, at=AT + timedelta(minutes=minutes))


def milliseconds(minutes: int) -> int:
    return round((AT + timedelta(minutes=minutes)).timestamp() * 1000)


def deliverer(folder: Path, server: str, limit: int = 10_000_000, batch: int = 5_000, **more: object) -> Delivery:
    wanted: dict[str, object] = {"org": "tinh", "bucket": "dophu", "token": TOKEN} | more
    return Delivery(Server(server, **wanted), Spool(folder / "spool", limit), batch)  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[InfluxServer]:
    with influx_server() as running:
        yield running


@pytest.fixture
def delivery(server: InfluxServer, tmp_path: Path) -> Iterator[Delivery]:
    with closing(deliverer(tmp_path, server.url)) as made:
        yield made


def fields(line: str) -> dict[str, str]:
    return dict(one.split("=") for one in line.split(" ")[1].split(","))


# --- what the points say ----------------------------------------------------------------------------------------------


def test_the_folder_is_the_registry() -> None:
    assert load_exporters()["influxdb"].export(FULL) == export(FULL)
    assert export(FULL).decode().splitlines() == list(lines(FULL))


def test_every_point_has_the_time_of_the_snapshot_and_the_tags_and_fields_of_its_measurement() -> None:
    seen = set()
    for line in lines(FULL):
        series, _, told = line.split(" ")
        name, *tags = series.split(",")
        assert told == "1774926000000"
        assert {tag.split("=")[0] for tag in tags} <= set(MEASUREMENTS[name][0])
        assert set(fields(line)) <= set(MEASUREMENTS[name][1])
        assert series not in seen, "the same point twice in one snapshot"
        seen.add(series)
    assert {series.split(",")[0] for series in seen} == set(MEASUREMENTS)


def test_what_is_unknown_has_no_field_and_what_is_known_to_be_none_is_0() -> None:
    told = {line.split(" ")[0]: fields(line) for line in lines(FULL)}
    assert told["dophu_link,link=huyen-tam-dao-wan,agency=huyen-tam-dao,kind=wan"] == {"maintenance": "0i"}
    assert told["dophu_link,link=so-yt-wan,agency=so-yt,kind=wan"]["degraded"] == "1i"
    assert told["dophu_power,asset=7,agency=so-yt"] == {
        "on_battery": "1i", "battery_charge": "0.4", "battery_runtime": "900.0", "load": "0.25",
    }  # fmt: skip
    assert not [series for series in told if series.startswith("dophu_power,asset=8")]
    assert told["dophu_assets,agency=so-khcn,role=switch"] == {"answering": "5i", "silent": "1i", "unknown": "0i"}
    findings = told["dophu_findings,control=workstation_antivirus_active,agency=so-yt,level=province"]
    assert (findings["met"], findings["unmet"], findings["waived"]) == ("38i", "8i", "0i")
    coverage = told["dophu_coverage,plan=vinh-phuc-2020,goal=firewalls,level=all"]
    assert (coverage["proven"], coverage["possible"], coverage["reached"]) == ("0.5", "0.75", "0i")
    assert not [series for series in told if "goal=documents" in series], "nothing measures it"


def test_no_name_breaks_a_line_or_swallows_the_next_sign(tmp_path: Path) -> None:
    hostile = 'a b,c=d"\\ é\nx=1 2\u2028\\'
    snapshot = dataclasses.replace(TINY, links=(dataclasses.replace(LINKS[0], link=hostile, agency=""),))
    (line,) = lines(snapshot)
    assert line.startswith('dophu_link,link=a\\ b\\,c\\=d"/\\ é?x\\=1\\ 2?/,kind=internet up=1i')
    with victoria_metrics(tmp_path / "vm") as real, closing(deliverer(tmp_path, real.url)) as delivery:
        delivery.keep(snapshot)
        assert delivery.deliver().points == 1
        (labels,) = {dict(key)["link"] for key in real.series()}
        assert labels == 'a b,c=d"/ é?x=1 2?/'


# --- a real server, killed --------------------------------------------------------------------------------------------


def until_true(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_victoria_metrics_that_is_killed_and_started_again_has_every_point_once(tmp_path: Path) -> None:
    minutes = range(60)
    with (
        victoria_metrics(tmp_path / "vm") as real,
        closing(deliverer(tmp_path, real.url, batch=10)) as delivery,
    ):
        for minute in minutes:
            delivery.keep(at(minute, FULL))

        def kill() -> None:
            until_true(lambda: delivery.spool.tally().snapshots >= 15)
            real.kill()

        killing = threading.Thread(target=kill)
        killing.start()
        first = delivery.deliver()
        killing.join()
        assert 14 <= first.snapshots < 60
        assert "cannot be reached" in first.error
        # While it is away, more comes.
        delivery.keep(at(60, FULL))
        assert delivery.deliver().error
        real.start()
        assert not delivery.deliver().error
        assert delivery.spool.waiting() == []
        each = len(list(lines(FULL)))
        assert (delivery.spool.tally().snapshots, delivery.spool.tally().points) == (61, 61 * each)
        series = real.series()
        assert len(series) == sum(len(fields(line)) for line in lines(FULL))
        expected = [milliseconds(minute) for minute in range(61)]
        assert [key for key, samples in series.items() if [time for time, _ in samples] != expected] == []


_CHILD = """
import sys
from pathlib import Path
from tests.exporters.test_influxdb import deliverer
deliverer(Path(sys.argv[1]), sys.argv[2], batch=2).deliver()
"""


def test_an_exporter_that_is_killed_goes_on_and_no_point_is_lost_or_doubled(
    server: InfluxServer, delivery: Delivery, tmp_path: Path
) -> None:
    for minute in range(6):
        delivery.keep(at(minute))
    server.delay = 0.02
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path), server.url])
    until_true(lambda: server.requests >= 8 or child.poll() is not None)
    child.send_signal(signal.SIGKILL)
    child.wait()
    begun = max(server.written)
    assert begun < milliseconds(5)
    server.written.clear()
    assert not delivery.deliver().error
    assert server.written == sorted(server.written)
    assert server.written[0] <= begun
    expected = {tuple(line.rsplit(" ", 1)[:1]) for n in range(6) for line in lines(at(n))}
    assert len(server.points) == 6 * len(expected) == 30


def test_two_processes_do_not_send_at_once(server: InfluxServer, delivery: Delivery, tmp_path: Path) -> None:
    delivery.keep(TINY)
    with closing(deliverer(tmp_path, server.url)) as other, other.spool.delivering() as alone:
        assert alone
        assert delivery.deliver().busy
    assert delivery.deliver().snapshots == 1


# --- what a server may answer -----------------------------------------------------------------------------------------


def refuse(line: str, named: bool) -> Callable[[list[str]], Answer | None]:
    """As InfluxDB answers a malformed line: 400, nothing written; newer ones name its number."""

    def decide(found: list[str]) -> Answer | None:
        for number, one in enumerate(found, 1):
            if line in one:
                said: dict[str, object] = {"code": "invalid", "message": f"unable to parse {one!r}: bad timestamp"}
                return 400, said | ({"line": number} if named else {}), {}
        return None

    return decide


@pytest.mark.parametrize("named", [True, False])
def test_one_refused_line_is_kept_aside_and_the_rest_goes_on(
    server: InfluxServer, delivery: Delivery, named: bool
) -> None:
    server.decide = refuse("link=xa-dong-tinh-mtslcd", named)
    for minute in range(2):
        delivery.keep(at(minute, FULL))
    done = delivery.deliver()
    each = len(list(lines(FULL))) - 1
    assert (done.error, done.snapshots, done.points, len(server.points)) == ("", 2, 2 * each, 2 * each)
    tally = delivery.spool.tally()
    assert (tally.refused_points, delivery.spool.waiting()) == (2, [])
    assert tally.last_error.startswith("refused: HTTP 400: unable to parse")
    aside = (delivery.spool.folder / "refused.lp").read_text()
    assert aside.count("\ndophu_link,link=xa-dong-tinh-mtslcd") == 2


def test_a_partial_write_counts_what_was_dropped_and_is_not_sent_again(
    server: InfluxServer, delivery: Delivery
) -> None:
    def decide(found: list[str]) -> Answer:
        server.write(found[1:])
        what = 'partial write: field type conflict: input field "up" on measurement "dophu_link" dropped=1'
        return 422, {"code": "unprocessable entity", "message": what}, {}

    server.decide = decide
    delivery.keep(TINY)
    assert delivery.deliver().points == 4
    assert (server.requests, delivery.spool.tally().refused_points, delivery.spool.waiting()) == (1, 1, [])


def test_a_server_that_refuses_every_point_gets_none_and_loses_none(server: InfluxServer, delivery: Delivery) -> None:
    server.decide = lambda _: (400, {"code": "invalid", "message": "no\nthank\x1b[31m you" + "!" * 9000}, {})
    delivery.keep(FULL)
    done = delivery.deliver()
    assert done.error.startswith("the server refuses every point: HTTP 400: no thank [31m you!!!")
    assert len(done.error) < 300
    assert [one.at for one in delivery.spool.waiting()] == [AT]
    assert delivery.spool.tally().refused_points == 0
    server.decide = lambda _: None
    assert delivery.deliver().points == len(list(lines(FULL)))


@pytest.mark.parametrize(
    ("given", "said"),
    [({"token": "other"}, "the token may not write into this bucket: HTTP 401"),
     ({"bucket": "elsewhere"}, "there is no such organisation or bucket, or no InfluxDB at this address: HTTP 404")],
)  # fmt: skip
def test_wrong_settings_are_told_and_the_points_wait(
    server: InfluxServer, tmp_path: Path, given: dict[str, object], said: str
) -> None:
    with closing(deliverer(tmp_path, server.url, **given)) as wrong:
        wrong.keep(TINY)
        assert wrong.deliver().error.startswith(said)
        assert wrong.spool.tally().last_error.startswith(said)
        assert "other" not in wrong.spool.tally().last_error
        assert len(wrong.spool.waiting()) == 1
    with closing(deliverer(tmp_path, server.url)) as right:
        assert right.deliver().points == 5


def test_a_batch_that_is_too_large_is_halved(server: InfluxServer, delivery: Delivery) -> None:
    server.most_bytes = 300
    delivery.keep(FULL)
    done = delivery.deliver()
    longer = [line for line in lines(FULL) if len(line.encode()) > 300]
    assert (done.error, delivery.spool.tally().refused_points) == ("", len(longer))
    assert len(server.points) == len(list(lines(FULL))) - len(longer)


def test_retry_after_is_kept_to_also_by_the_next_process(
    server: InfluxServer, delivery: Delivery, tmp_path: Path
) -> None:
    server.decide = lambda _: (429, {"code": "too many requests", "message": "slow down"}, {"Retry-After": "2"})
    delivery.keep(TINY)
    done = delivery.deliver()
    assert (done.error, done.wait) == ("HTTP 429: slow down", timedelta(seconds=2))
    server.decide = lambda _: None
    with closing(deliverer(tmp_path, server.url)) as other:
        assert other.deliver().error.startswith("the server asked to wait until ")
        assert server.requests == 1
        until = datetime.fromisoformat(other.spool.tally().not_before)
        until_true(lambda: datetime.now(UTC) >= until)
        assert other.deliver().points == 5
        assert other.spool.tally().not_before == ""


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry-After": "99999999"}, timedelta(hours=1)), ({"Retry-After": "soon"}, None), ({}, None),
     ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, timedelta(0))],
)  # fmt: skip
def test_an_unavailable_server_is_asked_again_and_a_strange_retry_after_harms_nothing(
    server: InfluxServer, delivery: Delivery, headers: dict[str, str], wait: timedelta | None
) -> None:
    server.decide = lambda _: (503, {"code": "unavailable", "message": "starting"}, headers)
    delivery.keep(TINY)
    done = delivery.deliver()
    assert (done.error, done.wait, len(delivery.spool.waiting())) == ("HTTP 503: starting", wait, 1)


def test_a_server_that_is_slow_or_sends_on_elsewhere_is_told_and_gets_no_token_there(
    server: InfluxServer, tmp_path: Path
) -> None:
    with influx_server() as other, closing(deliverer(tmp_path, server.url, seconds=0.2)) as delivery:
        delivery.keep(TINY)
        server.delay = 1
        assert "cannot be reached" in delivery.deliver().error
        server.delay = 0
        server.decide = lambda _: (307, {}, {"Location": f"{other.url}/api/v2/write"})
        assert delivery.deliver().error.startswith("HTTP 307")
        assert (other.requests, len(delivery.spool.waiting())) == (0, 1)


def test_nobody_listens(tmp_path: Path) -> None:
    with closing(deliverer(tmp_path, f"http://127.0.0.1:{free_port()}")) as delivery:
        delivery.keep(TINY)
        assert delivery.deliver().error.startswith("cannot be reached: ")
        assert TOKEN not in repr(delivery.server) + delivery.spool.tally().last_error


def test_a_certificate_is_verified(tmp_path: Path) -> None:
    certificate = tmp_path / "server.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=influx", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "ca.pem"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    certificate.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "ca.pem").read_bytes())
    with influx_server(certificate) as server:
        with closing(deliverer(tmp_path, server.url)) as delivery:
            delivery.keep(TINY)
            assert "certificate" in delivery.deliver().error.lower()
            assert server.tokens == set()
        with closing(deliverer(tmp_path, server.url, ca=tmp_path / "ca.pem")) as delivery:
            assert delivery.deliver().points == 5
    with pytest.raises(InputError, match=re.escape(f"influxdb: ca: {tmp_path / 'none.pem'}: No such file")):
        deliverer(tmp_path, server.url, ca=tmp_path / "none.pem")


# --- the spool --------------------------------------------------------------------------------------------------------


def test_the_oldest_is_dropped_first_and_counted(tmp_path: Path) -> None:
    with closing(deliverer(tmp_path, "http://127.0.0.1:1")) as delivery:
        delivery.keep(TINY)
        size = delivery.spool.waiting()[0].size
        delivery.spool.limit = size * 3 + size // 2
        for minute in range(1, 6):
            delivery.keep(at(minute))
        assert [one.at for one in delivery.spool.waiting()] == [at(n).at for n in (3, 4, 5)]
        tally = delivery.spool.tally()
        assert (tally.dropped_snapshots, tally.dropped_points) == (3, 15)
        assert tally.last_error.startswith("the spool was full")
        delivery.spool.limit = 1
        delivery.keep(at(9))
        assert [one.at for one in delivery.spool.waiting()] == [at(9).at], "the newest stays, whatever its size"


def test_the_same_snapshot_waits_once(delivery: Delivery) -> None:
    delivery.keep(TINY)
    before = delivery.spool.waiting()[0].path.read_bytes()
    delivery.keep(TINY)
    assert [one.path.read_bytes() for one in delivery.spool.waiting()] == [before]
    delivery.keep(dataclasses.replace(TINY, links=LINKS[:2]))
    assert [one.points for one in delivery.spool.waiting()] == [2]


@pytest.mark.parametrize("damage", ["cut", "flipped", "other", "empty"])
def test_a_damaged_file_is_kept_aside_and_told_and_the_others_go_on(
    server: InfluxServer, delivery: Delivery, damage: str
) -> None:
    for minute in range(3):
        delivery.keep(at(minute, FULL))
    path = delivery.spool.waiting()[1].path
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    other = gzip.compress(b"dophu_link up=1i 1\n")
    path.write_bytes({"cut": whole[:middle], "flipped": flipped, "other": other, "empty": b""}[damage])
    assert delivery.deliver().snapshots == 2
    assert {time for _, time in server.points} == {milliseconds(0), milliseconds(2)}
    tally = delivery.spool.tally()
    assert (tally.corrupt_files, delivery.spool.waiting()) == (1, [])
    assert tally.last_error.startswith(f"damaged, kept aside: {path.name}")
    assert path.with_suffix(".corrupt").exists()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 64 kB in a folder."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_where_nothing_can_be_written_it_is_sent_from_memory(server: InfluxServer, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    with closing(deliverer(tmp_path, server.url, batch=2)) as delivery:
        assert delivery.keep(TINY) == 5
        assert len(server.points) == 5
        assert (delivery.spool.tally().points, delivery.spool.tally().dropped_snapshots) == (5, 0)
        assert delivery.spool.tally().last_error.startswith("the spool cannot be written: ")


def test_a_full_disk_drops_nothing_while_the_server_answers_and_counts_while_it_does_not(
    server: InfluxServer, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk"), closing(deliverer(tmp_path / "disk", server.url)) as delivery:
        delivery.keep(TINY)
        with (tmp_path / "disk" / "other").open("wb", buffering=0) as other, pytest.raises(OSError, match="No space"):
            while True:
                other.write(bytes(1024))
        server.decide = lambda _: (503, {"message": "starting"}, {})
        assert delivery.keep(at(1)) == 0
        tally = delivery.spool.tally()
        assert (tally.dropped_snapshots, tally.dropped_points) == (1, 5)
        assert tally.last_error == "the spool cannot be written: No space left on device; HTTP 503: starting"
        server.decide = lambda _: None
        assert delivery.keep(at(2)) == 5
        delivery.deliver()
        assert sorted({time for _, time in server.points}) == [milliseconds(0), milliseconds(2)]
        (tmp_path / "disk" / "other").unlink()
        delivery.keep(at(3))
        assert delivery.deliver().points == 5
        assert delivery.spool.tally().dropped_snapshots == 1


def test_two_threads_of_one_process_write_into_the_spool_at_once(tmp_path: Path) -> None:
    spool, both = Spool(tmp_path, 1_000_000), threading.Barrier(2)

    def write(number: int) -> None:
        def told() -> Iterator[str]:
            both.wait(10)  # both files are open
            yield f"a b={number}"
            both.wait(10)

        spool.put(AT + timedelta(minutes=number), told())

    threads = [threading.Thread(target=write, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [list(spool.batches(one, 9)) for one in spool.waiting()] == [[[b"a b=1"]], [[b"a b=2"]]]
    assert not list(tmp_path.glob(".*.part"))
