"""A device is recorded whole, nothing of the site is left in the files, and they are identified as the device was."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.probe import probe
from collectors.recording.record import make_recording, record
from collectors.recording.saving import name_case, save
from collectors.recording.scrub import scrub
from collectors.recording.snmprec import ADDRESS, OCTETS, Row, parse_oid, read_rows, write_rows
from collectors.transports.snmp import SnmpTimeout
from inventory.words import Credential, InputError
from tests.collectors.snmpd import COMMUNITY, secret, snmpd
from tests.lab.snmp_agent import serving

FOLDER = Path(__file__).parents[1] / "recordings" / "snmp"
SECRET = "mat-ma-cua-ubnd"
ROOT = Path(__file__).parents[2]


def community(text: str, kind: str = "snmp-v2c") -> list[Credential]:
    return [Credential("lab", kind, {"community": text})]


def planted() -> str:
    """A Cisco switch with everything in it that is nobody's business, in as many ways as agents write it."""
    mac, other = bytes.fromhex("0022bd1a2b3c"), bytes.fromhex("a4b1c2d3e4f5")
    inside = ".".join(map(str, other))
    lines = {
        "1.3.6.1.2.1.1.1.0": "4|Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 15.0(2)SE11, "
        "RELEASE SOFTWARE (fc3) at SW-KETOAN-02 on 172.20.31.7, mac 00:22:BD:1A:2B:3C",
        "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.9.1.716",
        "1.3.6.1.2.1.1.3.0": "67|1234",
        "1.3.6.1.2.1.1.4.0": "4|Nguyen Van Tuan, 0912 345 678, tuan.nv@laocai.gov.vn",
        "1.3.6.1.2.1.1.5.0": "4|SW-KETOAN-02.laocai.gov.vn",
        "1.3.6.1.2.1.1.6.0": f"4x|{'Tủ rack tầng 3, Sở Tài chính'.encode().hex()}",
        "1.3.6.1.2.1.2.2.1.2.1": "4|GigabitEthernet0/1",
        "1.3.6.1.2.1.2.2.1.2.2": "4|noi-bo",
        "1.3.6.1.2.1.2.2.1.3.1": "2|6",
        "1.3.6.1.2.1.2.2.1.6.1": f"4x|{mac.hex()}",
        "1.3.6.1.2.1.2.2.1.8.1": "2|1",
        "1.3.6.1.2.1.4.20.1.1.172.20.31.7": "64|172.20.31.7",
        "1.3.6.1.2.1.4.20.1.2.172.20.31.7": "2|1",
        "1.3.6.1.2.1.4.20.1.3.172.20.31.7": "64|255.255.255.0",
        "1.3.6.1.2.1.4.22.1.2.1.172.20.31.9": f"4x|{other.hex()}",
        "1.3.6.1.2.1.4.24.7.1.7.1.4.172.20.0.0.16.2.0.0.1.4.172.20.31.1": "2|1",
        "1.3.6.1.2.1.4.34.1.3.2.16.36.5.72.0.1.2.3.4.0.0.0.0.0.0.0.77": "2|1",
        "1.3.6.1.2.1.4.35.1.4.1.1.4.172.20.31.9": f"4x|{other.hex()}",
        f"1.3.6.1.2.1.17.4.3.1.1.{inside}": f"4x|{other.hex()}",
        f"1.3.6.1.2.1.17.7.1.2.2.1.2.10.{inside}": "2|1",
        "1.3.6.1.2.1.31.1.1.1.1.1": "4|Gi0/1",
        "1.3.6.1.2.1.31.1.1.1.18.1": "4|Noi ve Cong an tinh",
        "1.3.6.1.2.1.47.1.1.1.1.5.1": "2|3",
        "1.3.6.1.2.1.47.1.1.1.1.11.1": "4|FOC1652X9QZ",
        "1.3.6.1.2.1.47.1.1.1.1.13.1": "4|WS-C2960-24TT-L",
        "1.3.6.1.2.1.16.9.2.1.4.1.1": "4|login of tuan.nv",
        "1.3.6.1.6.3.18.1.1.1.2.1": f"4|{SECRET}",
        "1.0.8802.1.1.2.1.4.1.1.5.0.1.1": f"4x|{other.hex()}",
        "1.0.8802.1.1.2.1.4.1.1.4.0.1.1": "2|4",
        "1.0.8802.1.1.2.1.4.1.1.9.0.1.1": "4|FW-BIENGIOI.laocai.gov.vn",
        "1.0.8802.1.1.2.1.4.2.1.3.0.1.1.1.4.172.20.31.9": "2|2",
        "1.3.6.1.4.1.9.9.23.1.2.1.1.4.1.1": "4x|ac141f09",
        "1.3.6.1.4.1.9.9.23.1.2.1.1.6.1.1": "4|FW-BIENGIOI.laocai.gov.vn",
        "1.3.6.1.4.1.14179.2.1.1.1.2.1": "4|WIFI-LANHDAO",
        "1.3.6.1.4.1.9.9.999.1.1": "4|log to 172.20.31.9 (a4b1.c2d3.e4f5) as FW-BIENGIOI, see https://qlvb.laocai.gov.vn/x",
        "1.3.6.1.4.1.9.9.999.1.2": f"4|snmp {SECRET} a4-b1-c2-d3-e4-f5 A4B1C2D3E4F5 2405:4800:102:304::4d",
        "1.3.6.1.4.1.9.9.999.1.3": "4|S/N: FOC1652X9QZ; hotline +84 214 3840 123; SSID WIFI-LANHDAO",
        "1.3.6.1.4.1.9.9.999.2.1.1.12.87.73.70.73.45.76.65.78.72.68.65.79": "2|1",
        f"1.3.6.1.4.1.9.9.999.3.1.1.{inside}": "2|1",
        "1.3.6.1.4.1.9.9.999.5.1": "4|Linux cu-dao 5.10.0-21-amd64",
        "1.3.6.1.4.1.9.9.999.5.2": "4|C:\\ Label:DULIEU  Serial Number 9a8b7c6d, /home/nguyenlan/x, <pppoe-tranbinh>",
        "1.3.6.1.4.1.9.9.999.5.3": "4|QX7731204KL",
        "1.3.6.1.4.1.9.9.999.4.1.1.172.20.31.7.161": "2|1",
    }
    return "".join(f"{oid}|{value}\n" for oid, value in lines.items())


PLANTED = (
    *(
        "sw-ketoan",
        "laocai",
        "tuan",
        "0912",
        "cong an",
        "biengioi",
        "lanhdao",
        "qlvb",
        "3840",
        "foc1652x9qz",
        "tài chính",
    ),
    *("172.20.31.", "172.20.0.0", "2405:4800", "36.5.72.0.1", "1a2b3c", "1a:2b:3c", "d3e4f5", "d3:e4:f5", "d3-e4-f5"),
    *("d3.e4f5", "164.177.194.211.228.245", "ac141f09", "87.73.70.73.45.76", "tài chính", SECRET),
    *("cu-dao", "dulieu", "9a8b7c6d", "nguyenlan", "tranbinh"),
    *("tài chính".encode().hex(), "Sở".encode().hex()),
)


def left_in(*paths: Path) -> list[str]:
    text = "".join(path.read_text("utf-8") for path in paths).casefold()
    return [word for word in PLANTED if word.casefold() in text]


def check_sorted(path: Path) -> list[Row]:
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    oids = [parse_oid(line.split("|")[0]) for line in lines]
    assert oids == sorted(set(oids))
    rows = read_rows(path.read_text("utf-8"))
    assert len(rows) == len(lines)
    return rows


@pytest.mark.parametrize("kind", ["snmp-v2c", "snmp-v1"])
async def test_nothing_of_the_site_is_left(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source.snmprec"
    source.write_text(planted(), "utf-8")
    with serving(str(source), community=SECRET) as ports:
        made = await record(f"127.0.0.1:{ports[0]}", community(SECRET, kind), seconds=2)
    (tmp_path / "out").mkdir()
    rows, expected = save(made, tmp_path / "out")
    assert len(left_in(source)) > len(PLANTED) // 2
    assert left_in(rows, expected) == []
    assert not any(path.name.startswith(".") for path in rows.parent.iterdir())
    assert (made.changed, made.partial, made.problems) == ({}, False, [])
    assert made.left_out == {"logs": 1, "SNMP users, communities, targets and views": 1}
    # What nobody can know is for a person to look at.
    assert made.scrubbed.like_serials == ["QX7731204KL"]
    assert made.scrubbed.ports == ["noi-bo"]
    told = json.loads(expected.read_text("utf-8"))
    assert (told["vendor"], told["model"], told["version"]) == ("Cisco", "WS-C2960-24TT-L", "15.0(2)SE11")
    assert re.fullmatch(r"[A-Z0-9]{11}", told["serial"])
    found = {row.oid: row for row in check_sorted(rows)}
    # The same is the same wherever it stands.
    (arp,) = (row for oid, row in found.items() if oid[:10] == parse_oid("1.3.6.1.2.1.4.22.1.2"))
    (fdb,) = (row for oid, row in found.items() if oid[:11] == parse_oid("1.3.6.1.2.1.17.4.3.1.1"))
    assert arp.value == fdb.value == bytes(fdb.oid[-6:])
    assert bytes(fdb.oid[-6:-3]) == bytes.fromhex("a4b1c2")  # its maker
    (cdp,) = (row for oid, row in found.items() if oid[:14] == parse_oid("1.3.6.1.4.1.9.9.23.1.2.1.1.4"))
    assert cdp.value == bytes(arp.oid[-4:])


async def test_the_files_are_identified_as_expected_by_probe(tmp_path: Path) -> None:
    source = tmp_path / "source.snmprec"
    source.write_text(planted(), "utf-8")
    made = await make_recording(read_rows(planted()), community(SECRET))
    rows, expected = save(made, tmp_path, "case")
    with serving(str(rows)) as ports:
        answer = await probe(f"127.0.0.1:{ports[0]}", community="public", timeout=2)
    told = json.loads(expected.read_text("utf-8"))
    assert {key: answer[key] for key in told if key != "interfaces_up"} == {
        key: value for key, value in told.items() if key != "interfaces_up"
    }


@pytest.mark.parametrize("case", sorted(path.stem for path in FOLDER.glob("*.snmprec")))
async def test_scrubbing_changes_no_identification(case: str) -> None:
    rows = read_rows((FOLDER / f"{case}.snmprec").read_text("utf-8", "surrogateescape"), strict=False)
    made = await make_recording(rows)
    assert made.changed == {}
    assert len(made.scrubbed.rows) + sum(made.left_out.values()) == len(rows)
    named = [row.text for row in rows if row.oid == parse_oid("1.3.6.1.2.1.1.5.0")]
    if named and named[0] and "." in named[0]:
        assert named[0] not in write_rows(made.scrubbed.rows)


@given(
    st.lists(st.ip_addresses(v=4).map(lambda a: a.packed), min_size=1, max_size=30, unique=True),
    st.lists(st.binary(min_size=6, max_size=6), min_size=1, max_size=30, unique=True),
)
def test_addresses_and_macs_are_replaced_each_by_one_of_its_own(addresses: list[bytes], macs: list[bytes]) -> None:
    rows = [Row((*parse_oid("1.3.6.1.2.1.4.20.1.1"), *a), ADDRESS, a) for a in addresses]
    rows += [Row((*parse_oid("1.3.6.1.2.1.2.2.1.6"), n), OCTETS, mac) for n, mac in enumerate(macs)]
    done = scrub(rows)
    assert len(done.rows) == len(rows)
    assert [row.oid for row in done.rows] == sorted({row.oid for row in done.rows})
    for row in done.rows:
        assert row.value not in done.originals
        if row.tag == ADDRESS:
            assert bytes(row.oid[-4:]) == row.value
    assert read_rows(write_rows(done.rows)) == list(done.rows)


@pytest.mark.parametrize("user", ["", "sha512-aes256", "sha256-only"])
async def test_a_real_agent_is_recorded(tmp_path: Path, user: str) -> None:
    with snmpd(tmp_path) as port:
        used = [Credential("v3", "snmp-v3", secret(user))] if user else community(COMMUNITY)
        made = await record(f"127.0.0.1:{port}", used, seconds=2, max_rows=200)
    rows, expected = save(made, tmp_path, "may")
    text = (rows.read_text("utf-8") + expected.read_text("utf-8")).casefold()
    for word in ("may-chu-01", "phòng máy", "Phòng máy".encode().hex(), COMMUNITY, *secret("sha512-aes256").values()):
        if word not in ("SHA512", "AES256"):
            assert word.casefold() not in text
    assert (made.changed, made.partial) == ({}, False)
    assert made.expected["vendor"] == "Linux" or made.expected["os_name"]
    assert check_sorted(rows)
    assert made.left_out["connections"] > 0


@pytest.mark.parametrize("mode", ["endless", "loop", "decreasing"])
async def test_an_agent_without_an_end_is_given_up(mode: str) -> None:
    with serving(f"bad:{mode}") as ports:
        made = await record(f"127.0.0.1:{ports[0]}", community("public"), seconds=2, max_rows=20)
    assert made.problems
    assert len(made.scrubbed.rows) <= 3 * (20 * 100 + 25)
    assert not any("127.0.0.1" in problem for problem in made.problems)


async def test_what_was_read_before_a_stop_is_kept_and_marked(tmp_path: Path) -> None:
    stop = asyncio.Event()

    def advanced(share: float, rows: int) -> None:
        assert 0 <= share <= 1
        if rows >= 50:
            stop.set()

    with serving("bad:endless") as ports:
        target = f"127.0.0.1:{ports[0]}"
        made = await record(target, community("public"), seconds=2, max_rows=100_000, stop=stop, advanced=advanced)
    assert made.partial
    assert made.scrubbed.rows
    assert "# PARTIAL" in save(made, tmp_path, "x")[0].read_text("utf-8")


async def test_a_device_that_is_silent_or_refuses_is_an_error() -> None:
    with serving("bad:silent") as ports, pytest.raises(SnmpTimeout, match="no answer"):
        await record(f"127.0.0.1:{ports[0]}", community(SECRET), seconds=0.05)
    with pytest.raises(InputError, match="only SNMP"):
        await record("sip:127.0.0.1", community(SECRET), seconds=0.05)


def test_a_case_is_named_by_maker_and_model_alone() -> None:
    expected: Mapping[str, object] = {"vendor": "Đại Á", "model": "X-1/2", "role": "switch", "sysname": "sw-ketoan"}
    assert name_case(expected) == "ai_a_x_1_2"
    assert name_case(dict(expected) | {"vendor": None, "model": None}) == "switch"


def dophu(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", "record", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
        env={**os.environ, "DOPHU_COMMUNITY": SECRET, "DOPHU_LANGUAGE": "en"},
    )  # fmt: skip


def test_the_command_writes_tells_and_refuses(tmp_path: Path) -> None:
    source = tmp_path / "source.snmprec"
    source.write_text(planted(), "utf-8")
    out = tmp_path / "out"
    with serving(str(source), "bad:silent", community=SECRET) as ports:
        target, silent = (f"127.0.0.1:{port}" for port in ports)
        done = dophu(target, "--out", out, "--name", "case")
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert "replaced: " in done.stderr
        assert "left out 1 rows: logs" in done.stderr
        assert "look over before sending" in done.stderr
        assert left_in(out / "case.snmprec", out / "case.expected.json") == []
        again = dophu(target, "--out", out, "--name", "case")
        assert (again.returncode, "--force" in again.stderr) == (2, True)
        told = json.loads(dophu(target, "--out", out, "--name", "case", "--force", "--output", "json").stdout)
        assert (told["changed"], told["partial"]) == ({}, False)
        assert told["replaced"]["IPv4 address"]["different"] >= 3
        slash = dophu(target, "--out", out, "--name", "../case")
        assert (slash.returncode, "without slashes" in slash.stderr) == (2, True)
        unwritable = dophu(target, "--out", source)
        assert (unwritable.returncode, "cannot be written to" in unwritable.stderr) == (1, True)
        gone = dophu(silent, "--out", out, "--timeout", "0.1")
        assert (gone.returncode, "no answer" in gone.stderr, SECRET in gone.stderr) == (1, True, False)
    assert sorted(path.name for path in out.iterdir()) == ["case.expected.json", "case.snmprec"]


def test_ctrl_c_keeps_what_was_read(tmp_path: Path) -> None:
    with serving("bad:endless", community=SECRET) as ports:
        code = (
            "import os, signal, collectors.recording.walking as w\n"
            "plain = w._Subtree._take\n"
            "def take(self, rows):\n"
            "    if len(self.walk.rows) > 500: os.kill(os.getpid(), signal.SIGINT); w._Subtree._take = plain\n"
            "    return plain(self, rows)\n"
            "w._Subtree._take = take\n"
            "from api.cli import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "record", f"127.0.0.1:{ports[0]}", "--out", str(tmp_path), "--name", "x",
             "--max-rows", "1000000", "-l", "en"],
            capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
            env={**os.environ, "DOPHU_COMMUNITY": SECRET},
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "PARTIAL" in done.stderr
    assert len(check_sorted(tmp_path / "x.snmprec")) > 500
