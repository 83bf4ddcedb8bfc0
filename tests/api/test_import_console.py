"""A console's report against an inventory: both lists, and what the control's column says of each machine."""

from __future__ import annotations

import asyncio
import json
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import openpyxl
import pytest

from inventory import vocabulary
from inventory.store import Store, registers, runs
from inventory.words import Fact, Identity, Observation, Proof, Register, Run
from tests.api.serving import serving
from tests.api.test_cli import dophu
from tests.collectors.ksc_server import PASSWORD, USER, KscServer, serve_ksc
from tests.collectors.test_ksc import host
from tests.inventory.sample import LEVELS, agency, network

NOW = datetime.now(UTC)
HEADERS = "Tên thiết bị;Địa chỉ IP;Nhóm;Lý do;Ngày cơ sở dữ liệu"


def line(name: str, reason: str = "", at: datetime = NOW, of: str = "A") -> str:
    return f"{name};;{of};{reason};{at - timedelta(days=1):%d.%m.%Y %H:%M:%S}"


async def _fill(folder: Path) -> None:
    store = Store.open(f"sqlite:///{folder / 'dophu.db'}")
    register = Register(LEVELS, (agency("A"), agency("B")), (network("net-a", "A"), network("net-b", "B")))
    await store.write(registers.replace, register)
    seen = []
    for n in range(320):
        at = NOW - timedelta(days=2)
        values = {"role": "workstation", "sysname": f"PC-{n:03}"}
        facts = tuple(Fact(k, v, "agent", at, Proof.AGENT) for k, v in values.items())
        seen.append(Observation(facts, asset=Identity(frozenset({("serial", f"SER7{n:05}")}), agency="A")))
    run = Run("agent", "A", NOW - timedelta(days=2), NOW - timedelta(days=2), tuple(seen), True, None, "A")
    await store.write(runs.record, vocabulary.load(), run, NOW)
    await store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert dophu(tmp_path, "init").returncode == 0
    asyncio.run(_fill(tmp_path / "data"))
    return tmp_path


def write(folder: Path, lines: list[str], at: datetime = NOW, encoding: str = "utf-16") -> None:
    title = f"Ngày tạo báo cáo: {at - timedelta(hours=10):%d.%m.%Y %H:%M:%S}"
    text = "\r\n".join(["Báo cáo", title, HEADERS, *lines])
    if encoding == "cp1258":
        # It has the letters of Vietnamese, and the tones as marks of their own.
        text = "".join(c if len(d := unicodedata.normalize("NFD", c)) == 1 else _split(d) for c in text)
    (folder / "r.csv").write_bytes(text.encode(encoding))


def _split(letter: str) -> str:
    tones = "".join(m for m in letter if m in "\u0300\u0301\u0303\u0309\u0323")
    return unicodedata.normalize("NFC", "".join(m for m in letter if m not in tones)) + tones


def managed(folder: Path) -> tuple[int, int, int]:
    """Met, unmet and unknown of the goal that antivirus is centrally managed, of all levels."""
    rows = json.loads(dophu(folder, "coverage", "--plan", "phu-yen-2021-2025", "-o", "json").stdout)
    (row,) = [r for r in rows if (r["goal"], r["level"]) == ("workstation_antivirus_managed", "all")]
    return row["met"], row["unmet"], row["unknown"]


def test_300_in_the_console_against_320_in_the_inventory(folder: Path) -> None:
    # 290 are known, 10 are not; of the 320 the 30 last are missing from the console.
    write(folder, [line(f"PC-{n:03}") for n in range(290)] + [line(f"NEW-{n}") for n in range(10)])
    dry = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky", "--dry-run", "-o", "json")
    assert dry.returncode == 0, dry.stderr
    told = json.loads(dry.stdout)
    assert (told["matched"], len(told["unknown"]), told["missing"], told["problems"]) == (290, 10, 30, [])
    assert told["mapping"]["Tên thiết bị"] == "hostname"
    assert managed(folder) == (0, 0, 320)
    before = json.loads(dophu(folder, "reconcile", "console", "-o", "json").stdout)
    assert (len(before["console_only"]), len(before["not_covered"])) == (0, 320)
    assert dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky").returncode == 0
    found = json.loads(dophu(folder, "reconcile", "console", "-o", "json").stdout)
    assert sorted(r["machine"] for r in found["console_only"]) == sorted(f"NEW-{n}" for n in range(10))
    assert sorted(r["machine"] for r in found["inventory_only"]) == [f"PC-{n:03}" for n in range(290, 320)]
    assert found["not_covered"] == []
    assert managed(folder) == (290, 30, 0)
    again = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky")
    assert again.returncode == 0 and ", 0 mới" in again.stderr
    dry = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky", "--dry-run", "--language", "en")
    assert "290 known, 10 unknown to the inventory, 30 missing from the console" in dry.stderr, dry.stderr
    assert dry.stdout.startswith("Column") and "nothing was stored" in dry.stderr
    assert managed(folder) == (290, 30, 0)
    assert len(json.loads(dophu(folder, "asset", "list", "-o", "json").stdout)) == 320


def test_a_report_of_last_year_is_history_and_nobody_is_missing_from_it(folder: Path) -> None:
    old = NOW - timedelta(days=365)
    write(folder, [line("PC-000", at=old)], old, "utf-8-sig")
    done = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky")
    assert done.returncode == 0 and "đã cũ" in done.stderr
    found = json.loads(dophu(folder, "reconcile", "console", "-o", "json").stdout)
    assert (found["inventory_only"], len(found["not_covered"])) == ([], 320)


def test_what_cannot_be_read_is_named_and_nothing_is_stored(folder: Path) -> None:
    write(folder, [line("PC-000"), "=1+1;;A;;", "PC-002;here;A;;"], encoding="cp1258")
    done = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky")
    assert done.returncode == 2 and "dòng 5, cột " in done.stderr and ", cần địa chỉ IP" in done.stderr
    done = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky", "-l", "en")
    assert done.returncode == 2 and "row 5" in done.stderr and "an IP address" in done.stderr
    dry = dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky", "--dry-run")
    assert dry.returncode == 0 and "dòng 5, cột " in dry.stderr and "cần giá trị, không phải công thức" in dry.stderr
    wrong = dophu(folder, "import", "console", "r.csv", "--profile", "wsus")
    assert wrong.returncode == 2 and "có phải là --profile kaspersky?" in wrong.stderr
    (folder / "r.csv").write_bytes(b"")
    assert (
        "gặp tệp rỗng, cần một báo cáo" in dophu(folder, "import", "console", "r.csv", "--profile", "kaspersky").stderr
    )
    assert len(json.loads(dophu(folder, "reconcile", "console", "-o", "json").stdout)["not_covered"]) == 320
    table = dophu(folder, "reconcile", "console", DOPHU_LANGUAGE="vi").stdout.splitlines()
    assert table[0].startswith("danh sách") and len(table) > 320
    assert "Không có báo cáo nào" in table[1] and "not_covered" not in table[1]


def test_merged_header_cells_are_read(folder: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Report on protection status", None, None])
    sheet.append(["Device", "Group", "Databases"])
    sheet.append([None, None, "Databases date"])
    sheet.append(["PC-001", "A", NOW.replace(tzinfo=None) - timedelta(days=20)])
    for cells in ("A1:C1", "A2:A3", "B2:B3"):
        sheet.merge_cells(cells)
    book.save(folder / "r.xlsx")
    without = dophu(folder, "import", "console", "r.xlsx", "--profile", "kaspersky")
    assert without.returncode == 2 and "--reported-at" in without.stderr
    today = f"{NOW:%Y-%m-%d}"
    done = dophu(folder, "import", "console", "r.xlsx", "--profile", "kaspersky", "--reported-at", today, "--partial")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(dophu(folder, "asset", "list", "--find", "PC-001", "-o", "json").stdout)
    facts = json.loads(dophu(folder, "asset", "show", str(row["id"]), "-o", "json").stdout)["facts"]
    assert facts["antivirus_up_to_date"]["value"] is False and facts["antivirus_managed"]["proof"] == "console"


def test_kaspersky_security_center_itself_is_asked(folder: Path) -> None:
    server = KscServer(groups=[{"id": 7, "name": "A", "parentId": 0}])
    server.hosts = [host(f"PC-{n:03}", KLHST_WKS_GROUPID=7, KLHST_WKS_MAC_ADDRESSES=[]) for n in range(290)]
    server.hosts += [host(f"NEW-{n}", KLHST_WKS_GROUPID=7, KLHST_WKS_MAC_ADDRESSES=[]) for n in range(10)]
    with serve_ksc(folder, server):
        where = f"127.0.0.1:{server.port}"
        secret = json.dumps({"user": USER, "password": PASSWORD})
        assert dophu(folder, "credential", "add", "av", "--kind", "ksc", feed=secret).returncode == 0
        wrong = dophu(folder, "import", "ksc", where, "--credential", "snmp")
        assert (wrong.returncode, "không có thông tin xác thực 'snmp'" in wrong.stderr) == (2, True)
        unknown = dophu(folder, "import", "ksc", where, "--credential", "av")
        assert (unknown.returncode, server.asked) == (1, [])
        shown = unknown.stderr.split("--fingerprint ")[1].strip()
        other = dophu(folder, "credential", "pin", "av", where, "--fingerprint", "SHA256:" + "0" * 64)
        assert (other.returncode, "nothing is pinned" in other.stderr) == (2, True)
        # As openssl writes it.
        digits = shown.removeprefix("SHA256:").lower()
        written = "sha256 Fingerprint=" + ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
        assert dophu(folder, "credential", "pin", "av", where, "--fingerprint", written).returncode == 0
        dry = dophu(folder, "import", "ksc", where, "--credential", "av", "--dry-run", "-o", "json")
        assert dry.returncode == 0, dry.stderr
        told = json.loads(dry.stdout)
        assert (told["matched"], len(told["unknown"]), told["missing"]) == (290, 10, 30)
        assert managed(folder)[0] == 0
        done = dophu(folder, "import", "ksc", where, "--credential", "av")
        assert done.returncode == 0 and "290 đã có trong danh mục, 10 danh mục chưa có" in done.stderr, done.stderr
        assert managed(folder) == (290, 30, 0)
        server.breaks_off_after = 5
        broken = dophu(folder, "import", "ksc", where, "--credential", "av")
        assert (broken.returncode, "dừng ở 5 trong 300 dòng" in broken.stderr) == (1, True)
        assert managed(folder)[0] == 290
    gone = dophu(folder, "import", "ksc", where, "--credential", "av")
    assert gone.returncode == 1 and where in gone.stderr


def test_kaspersky_security_center_is_asked_on_schedule(tmp_path: Path) -> None:
    """By a real `dophu serve`, whose register has no network to look at; what fails is noted by its name."""
    data = tmp_path / "data"
    assert dophu(tmp_path, "init").returncode == 0

    async def declare() -> None:
        store = Store.open(f"sqlite:///{data / 'dophu.db'}")
        await store.write(registers.replace, Register(LEVELS, (agency("A"),)))
        await store.close()

    asyncio.run(declare())
    server = KscServer(groups=[{"id": 7, "name": "A", "parentId": 0}])
    server.hosts = [host(f"PC-{n:03}", KLHST_WKS_GROUPID=7, KLHST_WKS_MAC_ADDRESSES=[]) for n in range(3)]
    with serve_ksc(tmp_path, server):
        where = f"127.0.0.1:{server.port}"
        secret = json.dumps({"user": USER, "password": PASSWORD})
        assert dophu(tmp_path, "credential", "add", "av", "--kind", "ksc", feed=secret).returncode == 0
        shown = dophu(tmp_path, "import", "ksc", where, "--credential", "av").stderr.split("--fingerprint ")[1].strip()
        assert dophu(tmp_path, "credential", "pin", "av", where, "--fingerprint", shown).returncode == 0
        (data / "dophu.toml").write_text(
            f'[[consoles]]\nserver = "{where}"\ncredential = "av"\n\n'
            '[[consoles]]\nserver = "127.0.0.1:1"\ncredential = "av"\nconsole = "ksc-huyen"\nhours = 6\n'
        )
        with serving(data, rounds=True) as address:
            asked = wait_for(address, {"kaspersky", "ksc-huyen"})
    assert (asked["kaspersky"]["failed"], asked["ksc-huyen"]["failed"]) == (0, 1)
    assert asked["kaspersky"]["last_success"] and not asked["ksc-huyen"]["last_success"]
    told = json.loads(dophu(tmp_path, "reconcile", "console", "-o", "json").stdout)
    assert sorted(row["machine"] for row in told["console_only"]) == ["PC-000", "PC-001", "PC-002"]


def wait_for(address: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """The states of these collectors, once all of them were at work."""
    until = time.monotonic() + 30
    while True:
        listed = httpx2.get(f"{address}/api/v1/collectors", timeout=10).json()
        found = {row["collector"]: row for row in listed if row["collector"] in names}
        if found.keys() == names or time.monotonic() > until:
            assert found.keys() == names, listed
            return found
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('server = "http://ksc"\ncredential = "av"', "consoles.0.server: "),
        ('server = "ksc"', "consoles.0.credential: Field required"),
        ('server = "ksc"\ncredential = "av"\nhour = 3', "consoles.0.hour: Extra inputs are not permitted"),
        ('server = "ksc"\ncredential = "av"\nhours = 0', "consoles.0.hours: Input should be greater than 0"),
    ],
)
def test_a_wrong_setting_of_a_console_is_named(tmp_path: Path, settings: str, expected: str) -> None:
    (tmp_path / "dophu.toml").write_text(f"[[consoles]]\n{settings}\n")
    done = dophu(tmp_path, "init")
    assert (done.returncode, expected in done.stderr) == (2, True), done.stderr
