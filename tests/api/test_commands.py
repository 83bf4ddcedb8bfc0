"""Commands in bad surroundings: odd input and terminals, keys and databases that are not as they should be."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.config import read_config
from api.examining import Check, examine
from api.printing import read_instant
from inventory import vocabulary
from inventory.secrets import KeyRing
from inventory.store import Store, registers, runs
from inventory.words import InputError, Register
from tests.api.serving import DOPHU, environment
from tests.api.test_cli import dophu
from tests.inventory.sample import LEVELS, agency, device, network, sweep
from tests.postgresql import free_port

NOW = datetime.now(UTC)


async def _fill(folder: Path) -> None:
    store = Store.open(f"sqlite:///{folder / 'dophu.db'}")
    known = vocabulary.load()
    register = Register(LEVELS, (agency("A"), agency("B")), (network("net-a", "A"), network("net-b", "B")))
    await store.write(registers.replace, register)
    for run in (
        sweep("A", device("A", 1, NOW, role="firewall", sysname="tường-lửa"), at=NOW),
        sweep("B", device("B", 1, NOW, role="switch"), at=NOW),
    ):
        await store.write(runs.record, known, run, NOW)
    await store.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with two agencies and a device of each, made once."""
    folder = tmp_path_factory.mktemp("commands")
    assert dophu(folder, "init").returncode == 0
    asyncio.run(_fill(folder / "data"))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "data", tmp_path / "data")
    return tmp_path


def checks(folder: Path) -> dict[str, Check]:
    """What the doctor says, by check."""
    return {c.check: c for c in asyncio.run(examine(read_config(None, folder / "data")))}


# --- lists ------------------------------------------------------------------------------------------------------------


def test_assets_are_listed_and_shown_with_their_sources(folder: Path) -> None:
    listed = dophu(folder, "asset", "list", "--find", "tuong-lua", "-o", "json")
    (row,) = json.loads(listed.stdout)
    assert (row["agency"], row["role"], row["sysname"], row["answering"]) == ("A", "firewall", "tường-lửa", True)
    table = dophu(folder, "asset", "list", "--agency", "B").stdout.splitlines()
    assert [line.split()[:2] for line in table] == [["id", "agency"], ["2", "B"]]
    shown = json.loads(dophu(folder, "asset", "show", str(row["id"]), "-o", "json").stdout)
    assert shown["facts"]["role"]["source"] == "nmap" and shown["facts"]["role"]["proof"] == "measured"
    text = dophu(folder, "asset", "show", str(row["id"]), "--history")
    assert "tường-lửa" in text.stdout and text.returncode == 0
    missing = dophu(folder, "asset", "show", "99")
    assert (missing.returncode, missing.stdout) == (2, "") and "found asset 99" in missing.stderr


def test_findings_are_listed_by_status_and_as_of_a_time(folder: Path) -> None:
    control = ("findings", "--control", "agency_firewall_answering")
    met = json.loads(dophu(folder, *control, "--status", "met", "-o", "json").stdout)
    assert [(f["member"], f["counted"][0]["facts"][0]["source"]) for f in met] == [("A", "nmap")]
    assert "Chưa đạt" in dophu(folder, *control, "--agency", "B").stdout.splitlines()[1]
    before = json.loads(dophu(folder, *control, "--as-of", "2026-01-01", "-o", "json").stdout)
    assert {f["status"] for f in before} == {"unknown"}


def test_tokens_are_listed_by_ids_and_can_be_taken_back(folder: Path) -> None:
    token = dophu(folder, "token", "add", "A", "--note", "tầng 2").stdout.strip()
    (row,) = json.loads(dophu(folder, "token", "list", "-o", "json").stdout)
    assert (row["agency"], row["note"], row["purpose"]) == ("A", "tầng 2", "agent")
    assert token not in str(row)
    assert dophu(folder, "token", "remove", row["id"]).returncode == 0
    gone = dophu(folder, "token", "remove", row["id"])
    assert gone.returncode == 2 and f"found the id '{row['id']}' of 0 tokens" in gone.stderr


# --- input and output -------------------------------------------------------------------------------------------------


def test_a_malformed_line_costs_the_other_devices_nothing(tmp_path: Path) -> None:
    port = free_port()
    lines = [f"127.0.0.1:{port}"] * 300
    lines[7] = "không phải địa chỉ"
    feed = "\n".join(lines).encode() + b"\n\xff\xfe\n10.0.0.256\n"
    done = subprocess.run(
        [DOPHU, "probe", "-", "--timeout", "0.1", "-o", "json"],
        input=feed, capture_output=True, timeout=60, env=environment(tmp_path), cwd=tmp_path,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 299 and all(a["error"] for a in answers)
    told = done.stderr.decode().splitlines()
    assert [line.split(": ")[2] for line in told] == ["dòng 8", "dòng 301", "dòng 302"]
    assert done.returncode == 2


def test_a_terminal_without_our_letters_shows_escapes_and_json_stays_json(folder: Path) -> None:
    rows = dophu(folder, "asset", "list", "-o", "json", PYTHONIOENCODING="ascii")
    assert rows.returncode == 0 and json.loads(rows.stdout)[0]["sysname"] == "tường-lửa"
    table = dophu(folder, "coverage", "--plan", "vinh-phuc-2020", PYTHONIOENCODING="ascii")
    assert table.returncode == 0 and "\\u1ea1" in table.stdout and "Traceback" not in table.stderr


def test_a_reader_that_leaves_early_sees_no_traceback(folder: Path) -> None:
    command = f"'{DOPHU}' coverage --plan vinh-phuc-2020 | true; exit ${{PIPESTATUS[1]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(folder / "data"),
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("discover_hours = inf", "discover_hours: Input should be less than or equal to 8784"),
        ("collect_minutes = 1e300", "collect_minutes: Input should be less than or equal to 10080"),
        ('api_token = "a"\napi_token_file = "t"', "found api_token and api_token_file, expected one of them"),
        ('api_token_file = "none"', "none: No such file or directory"),
        ('api_token_file = "empty"', "empty: found nothing, expected a token"),
        ('api_token = "mật khẩu"', "api_token: expected letters, digits and signs of ASCII without spaces"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "dophu.toml").write_text(text, encoding="utf-8")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(InputError) as refused:
        _ = read_config(tmp_path / "dophu.toml").token
    assert told in str(refused.value) and "khẩu" not in str(refused.value)


def test_settings_are_refused_in_vietnamese_as_well(tmp_path: Path) -> None:
    file = tmp_path / "dophu.toml"
    file.write_text('hours = 3\ndiscover_hours = inf\n[influxdb]\nurl = "ftp://x"\norg = "a"\nbucket = "b"\n')
    with pytest.raises(InputError) as refused:
        read_config(file)
    assert sorted(refused.value.told.vi.splitlines()) == [
        f"{file}: discover_hours: cần không quá 8784.0",
        f"{file}: hours: không có thiết lập này",
        f"{file}: influxdb.url: cần địa chỉ như https://influx.example.vn:8086, không có tên người dùng hay tham số",
    ]


@pytest.mark.parametrize("as_of", ["2026-W10", "2026-W10-3"])
def test_a_week_is_no_date(as_of: str) -> None:
    with pytest.raises(InputError, match=f"found the time '{as_of}', expected a date"):
        read_instant(as_of)


# --- keys and databases -----------------------------------------------------------------------------------------------


def test_the_doctor_and_the_commands_make_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    found = checks(tmp_path)
    assert found["database"].mend.en == found["key"].mend.en == "dophu init"
    judged = dophu(tmp_path, "judge")
    assert judged.returncode == 1 and judged.stderr.endswith("run dophu init\n")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_lost_key_is_never_replaced_while_something_is_sealed_with_it(folder: Path) -> None:
    assert dophu(folder, "credential", "add", "lab", feed='{"community": "bi-mat-123"}').returncode == 0
    key = folder / "data" / "keys"
    key.rename(folder / "copy")
    assert checks(folder)["key"].mend.en == f"restore {key} from its copy: stored credentials need it"
    again = dophu(folder, "init")
    assert again.returncode == 2 and "expected the key that sealed lab" in again.stderr and not key.exists()

    shutil.copy(folder / "copy", key)
    key.chmod(0o644)
    assert checks(folder)["key"].mend.en == f"chmod 600 {key}"

    key.unlink()
    KeyRing.create(key)
    found = checks(folder)
    assert found["key"].ok and found["sealed credentials"].found.en == f"do not open with {key}: lab"


@pytest.mark.parametrize(("version", "mend"), [("9999", "install a newer Dophu"), ("0000", "dophu init")])
def test_tables_of_another_version_are_left_alone(folder: Path, version: str, mend: str) -> None:
    path = folder / "data" / "dophu.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()
    before = path.read_bytes()
    assert checks(folder)["database"].mend.en == mend
    done = dophu(folder, "judge")
    assert done.returncode == 1 and f"of version {version}" in done.stderr and mend in done.stderr
    assert path.read_bytes() == before


def test_a_database_server_that_is_away_is_named_and_its_password_is_not(tmp_path: Path) -> None:
    address = f"postgresql://dophu:bi-mat-123@127.0.0.1:{free_port()}/dophu"
    assert dophu(tmp_path, "init", DOPHU_DATABASE=address).returncode == 1
    done = dophu(tmp_path, "doctor", DOPHU_DATABASE=address)
    assert "Connection refused" in done.stdout and "-> start the database server" in done.stdout
    assert "bi-mat" not in done.stdout + done.stderr
