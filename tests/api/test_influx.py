"""InfluxDB behind the real commands and a real `dophu serve`: away, back again, set up wrongly; and power devices."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
import urllib.request
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from api import rounds
from api.config import read_config
from api.examining import Check, examine
from api.influx import open_delivery, push
from api.workspace import Workspace, open_workspace
from exporters._spool import Spool
from inventory import vocabulary
from inventory.goals import load_goals
from inventory.store import Store, registers, runs, snapshots
from inventory.words import InputError, PowerState, Run
from tests.api.serving import serving
from tests.api.test_cli import dophu
from tests.exporters.influx_server import TOKEN, InfluxServer, influx_server
from tests.exporters.victoria import victoria_metrics
from tests.inventory.sample import NOW, REGISTER, device
from tests.postgresql import free_port

T = TypeVar("T")
KNOWN = vocabulary.load()
GOALS = load_goals(Path(__file__).parents[2] / "goals", KNOWN)
SHEETS = {
    "levels": "code,name_vi,name_en,rank,part\nprovince,Cấp tỉnh,Province,1,no\n",
    "agencies": "code,name_vi,level,parent,valid_from\nso-a,Sở A,province,,2015-01-01\n",
    "links": "code,agency,kind,address,provider,contracted_mbps,valid_from\n"
    "link-1,so-a,mtslcd,127.0.0.1,A,100,2015-01-01\n",
}


def settings(folder: Path, url: str, **more: object) -> None:
    wanted = {"url": url, "org": "tinh", "bucket": "dophu", "credential": "influx"} | more
    text = "\n".join(f"{name} = {json.dumps(value)}" for name, value in wanted.items())
    (folder / "dophu.toml").write_text(f'data = "."\n[influxdb]\n{text}\n', encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was judged once."""
    folder = tmp_path_factory.mktemp("influx")
    (folder / "register").mkdir()
    for name, text in SHEETS.items():
        (folder / "register" / f"{name}.csv").write_text(text, encoding="utf-8")
    for command in (["init"], ["register", "import", str(folder / "register")]):
        done = command_of(folder, *command)
        assert done[0] == 0, done
    judge(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


def command_of(folder: Path, *arguments: str, feed: str = "") -> tuple[int, str, str]:
    done = dophu(folder, *arguments, feed=feed, DOPHU_DATA=str(folder))
    return done.returncode, done.stdout, done.stderr


def store_token(folder: Path, token: str) -> tuple[int, str, str]:
    return command_of(
        folder, "credential", "add", "influx", "--kind", "influxdb", feed=json.dumps({"token": token})
    )  # fmt: skip


def in_workspace(folder: Path, do: Callable[[Workspace], Awaitable[T]]) -> T:
    """What a command would do, without a process of its own."""

    async def work() -> T:
        path = folder / "dophu.toml"
        async with open_workspace(read_config(path if path.exists() else None, folder)) as workspace:
            return await do(workspace)

    return asyncio.run(work())


def judge(folder: Path) -> None:
    in_workspace(folder, rounds.judge)


def examined(folder: Path) -> Check:
    """What the doctor says of InfluxDB."""
    found = asyncio.run(examine(read_config(folder / "dophu.toml")))
    return next(one for one in found if one.check == "InfluxDB")


def wait_for(what: str, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 80
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def times(server: InfluxServer) -> list[int]:
    return sorted({time for _, time in server.points})


def metric(address: str, name: str) -> float | None:
    """The value of a metric without labels; None while it is absent."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
        told = answer.read().decode()
    found = re.search(rf"^{name} (\S+)$", told, re.MULTILINE)
    return float(found[1]) if found else None


def test_the_server_writes_every_judgement_and_what_it_could_not_once_influxdb_is_back(folder: Path) -> None:
    port = free_port()
    settings(folder, f"http://127.0.0.1:{port}")
    assert store_token(folder, TOKEN)[0] == 0
    spool = Spool(folder / "influxdb", 1_000_000)
    with serving(folder) as address:
        wait_for("the judgement of before", lambda: len(spool.waiting()) == 1)
        judge(folder)
        wait_for("the new one", lambda: len(spool.waiting()) == 2)
        wait_for("an attempt", lambda: spool.tally().last_error != "")
        wait_for("the metric", lambda: metric(address, "dophu_influxdb_waiting_snapshots") == 2)
        assert metric(address, "dophu_influxdb_last_success_timestamp_seconds") is None
        told = json.loads(command_of(folder, "influx", "status", "-o", "json")[1])
        assert (told["waiting_snapshots"], told["sent_points"], told["last_success"]) == (2, 0, None)
        assert "cannot be reached" in told["last_error"]
        check = examined(folder)
        assert not check.ok and "2 snapshots wait, 0 dropped; last error: cannot be reached" in check.found.en
        with influx_server(port=port) as server:
            wait_for("both", lambda: len(times(server)) == 2)
            wait_for("the spool to be empty", lambda: spool.waiting() == [])
            assert server.written == sorted(server.written)
            judge(folder)
            wait_for("the third", lambda: len(times(server)) == 3)
            wait_for("its acknowledgement", lambda: spool.tally().snapshots == 3)
            wait_for("the metric", lambda: metric(address, "dophu_influxdb_waiting_snapshots") == 0)
            assert metric(address, "dophu_influxdb_last_success_timestamp_seconds") is not None
        assert TOKEN not in (folder / "serve.log").read_text() + (spool.folder / "tally.json").read_text()
    assert examined(folder).ok


def test_pushing_again_writes_the_same_points_and_since_writes_all_that_were_kept(folder: Path) -> None:
    with victoria_metrics(folder / "vm") as real:
        settings(folder, real.url, credential="")
        code, out, told = command_of(folder, "influx", "push", "-o", "json")
        assert code == 0, told
        first = json.loads(out)
        points = first["points"]
        assert first == {
            "snapshots": 1, "points": points, "sent_snapshots": 1, "sent_points": points, "error": "", "busy": False,
        }  # fmt: skip
        before = real.series()
        assert before and all(len(samples) == 1 for samples in before.values())
        assert in_workspace(folder, lambda w: push(w, None, lambda *_: None)).delivered.snapshots == 1
        assert real.series() == before
        judge(folder)
        out = command_of(folder, "influx", "push", "--since", "2020-01-01", "-o", "json")[1]
        assert json.loads(out)["snapshots"] == 2
        assert {len(samples) for samples in real.series().values()} == {2}


def test_both_languages_tell_what_waits_and_why(folder: Path) -> None:
    settings(folder, f"http://127.0.0.1:{free_port()}", credential="")
    code, _, told = command_of(folder, "influx", "push")
    assert code == 1
    assert "InfluxDB đã nhận 0 lần đánh giá" in told
    assert "phần còn lại chờ trên đĩa, sẽ được gửi lại: cannot be reached" in told
    vietnamese, english = (command_of(folder, "influx", "status", "-l", language)[1] for language in ("vi", "en"))
    assert "Đang chờ gửi" in vietnamese and "khi đầy, bỏ phần cũ nhất trước" in vietnamese
    assert "Waiting" in english and "when it is full, the oldest is dropped first" in english


def test_wrong_settings_are_told_before_anything_is_asked(folder: Path) -> None:
    with pytest.raises(InputError, match=re.escape("found no [influxdb] in the settings")):
        in_workspace(folder, open_delivery)
    settings(folder, "https://influx.vi-du.vn")
    code, _, told = command_of(folder, "influx", "push")
    assert code == 2 and "influxdb: credential: không có thông tin xác thực 'influx'" in told
    in_workspace(folder, lambda w: w.add_credential("influx", "snmp-v2c", {"community": "x"}))
    check = examined(folder)
    assert check.found.en == "influxdb: credential: 'influx' is of the kind snmp-v2c, expected influxdb"
    assert check.mend.en.endswith("dophu credential add influx --kind influxdb")
    code, _, told = store_token(folder, "a\nb")
    assert code == 2 and "expected token to be letters, digits and signs of ASCII" in told and "a\nb" not in told
    settings(folder, "http://influx.vi-du.vn", credential="influx")
    in_workspace(folder, lambda w: w.add_credential("influx", "influxdb", {"token": "x"}))
    check = examined(folder)
    assert not check.ok and "unencrypted" in check.found.en


@pytest.mark.parametrize(
    ("text", "said"),
    [('url = "influx:8086"\norg = "a"\nbucket = "b"', "influxdb.url: Value error, expected an address such as"),
     ('url = "http://u:p@x"\norg = "a"\nbucket = "b"', "influxdb.url: Value error, expected an address such as"),
     ('url = "http://x"\nbucket = "b"', "influxdb.org: Field required"),
     ('url = "http://x"\norg = " "\nbucket = "b"', "influxdb.org: Value error, expected a name"),
     ('url = "http://x"\norg = "a"\nbucket = "b"\ntoken = "geheim"', "influxdb.token: Extra inputs"),
     ('url = "http://x"\norg = "a"\nbucket = "b"\nspool_mb = 0', "influxdb.spool_mb: Input should be")],
)  # fmt: skip
def test_settings_are_read_strictly(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "dophu.toml"
    path.write_text(f"[influxdb]\n{text}\n")
    with pytest.raises(InputError) as told:
        read_config(path)
    assert f"{path}: {said}" in str(told.value)
    assert "geheim" not in str(told.value)


async def test_power_devices_are_in_the_snapshot_with_what_is_known_and_fresh(store: Store) -> None:
    await store.write(registers.take_in, KNOWN, REGISTER, "register", NOW)
    seen = (
        device("A", 5, role="power", on_battery=True, battery_charge=0.5, battery_runtime=600.0, ups_load=0.25),
        device("B", 6, role="power"),
        device("C", 7, role="switch", on_battery=True),
    )
    await store.write(runs.record, KNOWN, Run("snmp", "x", NOW, NOW, seen, complete=True), NOW)
    told = (await store.read(snapshots.take, KNOWN, GOALS, NOW)).power
    known, silent = sorted(told, key=lambda one: one.agency)
    assert known == PowerState(known.asset, "A", True, 0.5, 600.0, 0.25)
    assert silent == PowerState(silent.asset, "B")
    later = (await store.read(snapshots.take, KNOWN, GOALS, NOW + timedelta(days=3))).power
    assert {one.on_battery for one in later} == {None}, "an old word is no word"
