"""Exports and what takes them back: the register, a dump of everything, and lists that Ansible and nmap read."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import resource
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
import pytest
import yaml
from alembic import command
from alembic.config import Config as AlembicConfig

from api import exporting
from api.config import Config
from api.dumping import read_dump, write_dump
from api.printing import coverage_object, judge_plan
from api.registering import import_register
from api.workspace import Workspace, open_workspace
from exporters.ansible import Host, write_inventory
from inventory.register.file import read_register
from inventory.register.writing import write_register
from inventory.store import Connection, copies, dumping, keys, registers, runs, versions
from inventory.words import DeclaredCount, InputError, Link, Network, Register, Website
from tests.api.test_cli import dophu
from tests.inventory.sample import LEVELS, agency, device, network, sweep
from tests.postgresql import find_binaries, postgresql

NOW = datetime.now(UTC).replace(microsecond=0)
PLAN = "vinh-phuc-2020"
REGISTER = Register(
    levels=LEVELS,
    agencies=(
        agency("A", valid_from=date(2025, 7, 1)),
        agency("B"),
        agency("C", "commune", valid_to=date(2025, 6, 30), successor="B"),
        agency("A.1", "unit", parent="A", valid_from=date(2025, 7, 1)),
    ),
    networks=(
        network("net-a", "A", credentials=("snmp-chung", "ssh-quan-tri")),
        network("net-b", "B"),
        Network("net-dmz", "B", ip_network("10.9.8.0/29"), "dmz"),
        Network("net-6", "B", ip_network("2001:db8::/120"), "lan", True),
    ),
    links=(
        Link("line-a", "A", "mtslcd", "198.18.0.1", "Nhà mạng, “A”", 1.125, date(2025, 7, 1)),
        Link("line-b", "B", "internet", "198.18.0.2", "", 100.0, via="line-a", valid_from=date(2025, 7, 1), port=179),
    ),
    counts=(DeclaredCount("A", "workstations", 1_234_567, date(2025, 12, 31), "Báo cáo 15/BC"),),
    websites=(Website("https://so-a.example.vn/", "A", "Trang; “chính”"),),
)


async def fill(opened: Workspace) -> None:
    store, known = opened.store, opened.vocabulary
    await store.write(registers.replace, REGISTER)
    await store.write(registers.record_declared, known, REGISTER, NOW)
    await store.write(keys.put_credential, "snmp-chung", "snmp-v2c", "b1-m4t-khong-ke")
    await store.write(keys.put_token, "b1-m4t-khong-ke", "agent", "A", "", NOW)
    for days in (20, 10, 0):
        at = NOW - timedelta(days=days)
        seen = [device("A", 1, at, role="firewall", sysname="tường-lửa", serial="FGT60F0001", vendor="Fortinet")]
        if days < 15:
            seen.append(device("A", 2, at, role="server", sysname="{{ lookup('pipe','id') }}", os_name="Debian"))
        await store.write(runs.record, known, sweep("A", *seen, at=at), NOW)
        await store.write(runs.record, known, sweep("B", device("B", 1, at, role="switch"), at=at), NOW)


@asynccontextmanager
async def opened(folder: Path, database: str | None = None) -> AsyncIterator[Workspace]:
    config = Config(data=folder) if database is None else Config(data=folder, database=database)
    async with open_workspace(config) as workspace:
        await workspace.store.migrate()
        yield workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a province that was measured on three days, made once."""
    folder = tmp_path_factory.mktemp("export")

    async def make() -> None:
        (folder / "data").mkdir()
        async with opened(folder / "data") as workspace:
            await fill(workspace)

    asyncio.run(make())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "data", tmp_path / "data")
    return tmp_path


def told(folder: Path, export: Callable[..., Awaitable[bytes]], *arguments: object, **named: object) -> str:
    """What is exported of a folder's data, as text."""

    async def work() -> bytes:
        async with opened(folder / "data") as workspace:
            return await export(workspace, *arguments, **named)

    return asyncio.run(work()).decode()


# --- the register -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["register.xlsx", "register"])
def test_a_register_that_was_exported_changes_nothing_when_it_is_imported(folder: Path, name: str) -> None:
    done = dophu(folder, "export", "register", name)
    assert done.returncode == 0, done.stderr
    for sheet, rows in asdict(read_register(folder / name)).items():
        assert sorted(rows, key=str) == sorted(asdict(REGISTER)[sheet], key=str)

    async def back() -> list[dict[str, int]]:
        async with opened(folder / "data") as workspace:
            return [*(await import_register(workspace, folder / name)).values()]

    changes = asyncio.run(back())
    assert all(counts["added"] == counts["changed"] == 0 for counts in changes)
    assert sum(counts["unchanged"] for counts in changes) == 15


def test_numbers_and_names_come_back_as_they_were(tmp_path: Path) -> None:
    speeds = (0.5, 1.125, 33.3333, 1000.0, 12.25)
    links = tuple(Link(f"0{n}", "A", "wan", provider="'- @x", contracted_mbps=v) for n, v in enumerate(speeds))
    odd = Register(LEVELS, (agency("A"), agency("007", parent="A")), links=links)
    for name in ("r.xlsx", "r"):
        write_register(tmp_path / name, odd)
        assert read_register(tmp_path / name) == odd
    # A spreadsheet shows it as text, and takes it for no formula.
    texts = ("=1+1", "+84 211", "-", "@x", "'=1", "''", "plain")
    links = tuple(Link(f"l{n}", "A", "wan", provider=text) for n, text in enumerate(texts))
    named = Register(LEVELS, (agency("A"),), links=links)
    for name in ("f.xlsx", "f"):
        write_register(tmp_path / name, named)
        assert read_register(tmp_path / name) == named
    with (tmp_path / "f" / "links.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=1+1" in cells and not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "r.xlsx").write_bytes(b"as it was")
    (tmp_path / ".r.xlsx.part").mkdir()
    with pytest.raises(InputError, match="directory"):
        write_register(tmp_path / "r.xlsx", REGISTER)
    assert (tmp_path / "r.xlsx").read_bytes() == b"as it was"


def test_a_folder_that_cannot_be_written_whole_is_taken_away_again(tmp_path: Path) -> None:
    links = tuple(Link(f"l{n}", "A", "wan", provider="x" * 99) for n in range(500))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(InputError, match="File too large"):
            write_register(tmp_path / "r", Register(LEVELS, (agency("A"),), links=links))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [*tmp_path.iterdir()] == []


def test_a_folder_with_files_and_other_endings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for path, told in ((tmp_path, "not empty"), (tmp_path / "r.ods", "expected .xlsx"), (tmp_path / "no/r", "No such")):
        with pytest.raises(InputError, match=told):
            write_register(path, REGISTER)


# --- the inventory ----------------------------------------------------------------------------------------------------


def test_the_inventory_is_a_table_in_either_language(folder: Path) -> None:
    shown = dophu(folder, "export", "inventory", "-", "--agency", "A", "-l", "en")
    rows = list(csv.DictReader(io.StringIO(shown.stdout.removeprefix("\ufeff"))))
    assert [(r["Agency"], r["Level"], r["Role"], r["Answers"]) for r in rows][1:] == [
        ("A", "province", "firewall", "yes"), ("A", "province", "server", "yes"),
    ]  # fmt: skip
    assert dophu(folder, "export", "inventory", "all.xlsx").returncode == 0
    sheet = openpyxl.load_workbook(folder / "all.xlsx").worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert len(cells) == 3 + 4 and "tường-lửa" in cells[4]
    with pytest.raises(InputError, match="found 'D', expected the code of an agency"):
        told(folder, exporting.inventory, ("D",), "csv", "en")


# --- Ansible and nmap -------------------------------------------------------------------------------------------------


def rewrite(path: Path, change: Callable[[list[list[str]]], None]) -> None:
    """Change the rows of a CSV file; the first is its header."""
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def imported(folder: Path, path: str, *options: str) -> dict[str, Any]:
    done = dophu(folder, "import", "inventory", path, "-o", "json", *options)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("name", ["all.csv", "all.xlsx"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_inventory_that_was_exported_changes_nothing_when_it_is_imported(
    folder: Path, name: str, language: str
) -> None:
    assert dophu(folder, "export", "inventory", name, "-l", language).returncode == 0
    done = imported(folder, name)
    assert (done["rows"], done["added"], done["changes"], done["facts"]) == (4, 0, [], 0)


def test_what_a_person_changed_in_the_inventory_is_declared(folder: Path) -> None:
    assert dophu(folder, "export", "inventory", "all.csv", "-l", "en").returncode == 0
    before = told(folder, exporting.inventory, (), "csv", "en")

    def change(rows: list[list[str]]) -> None:
        at = {name: number for number, name in enumerate(rows[0])}
        firewall = next(row for row in rows if row[at["Name"]] == "tường-lửa")
        firewall[at["Model"]], firewall[at["Vendor"]] = "'=60F", "Fortinet Inc"  # none was known; another was measured
        new = {
            "Agency": "A",
            "IP address": "192.168.1.77",
            "Role": "máy in",
            "Serial number": "000123",
            "Name": "In “2”",
        }
        rows.append([new.get(name, "") for name in rows[0]])

    rewrite(folder / "all.csv", change)
    would = imported(folder, "all.csv", "--dry-run")
    assert told(folder, exporting.inventory, (), "csv", "en") == before
    done = imported(folder, "all.csv")
    assert would["changes"] == done["changes"] and (done["rows"], done["added"]) == (5, 1)
    known = {(c["key"], c["before"], c["after"]) for c in done["changes"] if c["asset"] is not None}
    assert known == {("model", "", "=60F"), ("vendor", "Fortinet", "Fortinet Inc")}
    rows = {row[11]: row for row in csv.reader(told(folder, exporting.inventory, (), "csv", "en").splitlines()[1:])}
    assert rows["tường-lửa"][7:9] == ["Fortinet", "'=60F"]  # what was measured goes before what is declared
    new = rows["In “2”"]
    assert (new[1], new[4:7], new[10]) == ("A", ["net-a", "192.168.1.77", "printer"], "000123")
    # Again, with and without the new one's id, nothing changes; an emptied cell takes back what was declared.
    assert imported(folder, "all.csv")["changes"] == []
    assert dophu(folder, "export", "inventory", "all.csv", "-l", "en").returncode == 0
    assert imported(folder, "all.csv")["changes"] == []

    def empty(rows: list[list[str]]) -> None:
        for row in rows[1:]:
            row[rows[0].index("Model")] = ""

    rewrite(folder / "all.csv", empty)
    (taken_back,) = imported(folder, "all.csv")["changes"]
    assert (taken_back["key"], taken_back["before"], taken_back["after"]) == ("model", "=60F", "")


def test_a_wrong_inventory_is_refused_whole_with_every_problem(folder: Path) -> None:
    header = "ID,agency,network,address,role,serial,sysname"
    wrong = ("99,A,,,,,", ",A,net-b,,,S1234567,", ",A,net-a,10.9.9.9,,,", ",X,,1.2.3,swich,S7654321,", ",A,,,,,x",
             ",A,,192.168.1.9,,,", ",A,net-a,192.168.1.9,,,", "x,A,,,,,", ",A,,,website,FOC2233AB7,")  # fmt: skip
    for rows, problems in (
        (wrong[:7], (
            "row 2, ID: found 99, expected the id of a known asset, or nothing",
            "row 3, network: found 'net-b', which is B's, expected one of 'A'",
            "row 4, address: found 10.9.9.9, which is not in the network net-a (192.168.1.0/24), expected one that is",
            "row 5, agency: found 'X', expected the code of an agency of the register",
            "row 5, role: found 'swich', expected a role; did you mean 'switch'?",
            "row 5, address: found '1.2.3', expected an IP address",
            "row 6: found neither a serial number nor an address in a network of the agency",
            "row 8: found the asset of bad.csv, row 7 again, expected each once",
        )),
        (wrong[7:8], ("row 2, ID: found 'x', expected the id of a known asset, or nothing",)),
        (wrong[8:], ("row 2, role: found website, expected it in the register",)),
        ((",A,,,=1+1,,",), ("row 2, role: found a formula, expected a value",)),
    ):  # fmt: skip
        (folder / "bad.csv").write_text("\n".join((header, *rows)), "utf-8")
        done = dophu(folder, "import", "inventory", "bad.csv", "-l", "en")
        lines = done.stderr.removeprefix("dophu: ").splitlines()
        assert done.returncode != 0 and len(lines) == len(problems), done.stderr
        for line, problem in zip(lines, problems, strict=True):
            assert line.startswith(f"bad.csv, {problem}")
    for content, problem in (("a,b\n1,2", "found no header"), ("ID,agency,roel\n", "found the column 'roel'"),
                             ("ID,agency,role,role\n", "found the column 'role' twice")):  # fmt: skip
        (folder / "bad.csv").write_text(content, "utf-8")
        assert problem in dophu(folder, "import", "inventory", "bad.csv", "-l", "en").stderr


def test_ansible_gets_groups_by_agency_level_and_role_and_no_templates(folder: Path) -> None:
    assert dophu(folder, "export", "ansible", "hosts.yml").returncode == 0
    text = (folder / "hosts.yml").read_text("utf-8")
    tree = yaml.safe_load(text)["all"]
    assert json.loads(told(folder, exporting.ansible, (), "json"))["all"] == tree
    assert {*tree["children"]} == {"agency_a", "agency_b", "level_province", "role_firewall", "role_server",
                                   "role_switch"}  # fmt: skip
    assert {*tree["children"]["level_province"]["children"]} == {"agency_a", "agency_b"}
    assert tree["hosts"]["tuong-lua"] == {
        "ansible_host": "192.168.1.1", "dophu_asset": 2, "dophu_agency": "A", "dophu_level": "province",
        "dophu_role": "firewall", "dophu_network": "net-a", "dophu_vendor": "Fortinet",
    }  # fmt: skip
    assert "{{" not in text and {*tree["hosts"]} == {"tuong-lua", "lookup-pipe-id", "192.168.1.1"}


def test_hosts_and_groups_of_one_name_stay_apart() -> None:
    hosts = [
        Host(1, "sw", "10.0.0.1", "SO-1", "a", "switch"), Host(2, "SW", "10.0.0.2", "SO.1", "a", "switch"),
        Host(4, "sw-1", "10.0.0.4", "SO-1", "a", "router"),
        Host(3, "[1:9]", "fd00::1", "SO-1", "a", "other", vendor="a\n{% x %}"),
    ]  # fmt: skip
    tree = yaml.safe_load(write_inventory(hosts, "yaml"))["all"]
    assert {*tree["hosts"]} == {"sw-1", "sw-2", "sw-1-4", "1-9"}
    assert {*tree["children"]["agency_so_1"]["hosts"]} == {"sw-1", "sw-1-4", "1-9"}
    assert {*tree["children"]["agency_so_1_2"]["hosts"]} == {"sw-2"}
    assert tree["hosts"]["1-9"]["dophu_vendor"] == "a(% x %)"
    # A play for Ansible's own machine, or for a group, must not go to a printer that calls itself so.
    named = [Host(n, name, f"10.0.0.{n}", "SO-1", "a", "printer")
             for n, name in enumerate(("localhost", "ALL", "role printer", "agency_so_1", "level_b"))]  # fmt: skip
    named = [replace(one, name=one.name.replace(" ", "_")) for one in named]
    tree = yaml.safe_load(write_inventory(named, "yaml"))["all"]
    assert {*tree["hosts"]} == {"localhost-0", "all-1", "role_printer-2", "agency_so_1-3", "level_b"}


def test_nmap_gets_only_what_the_register_allows(folder: Path) -> None:
    assert dophu(folder, "export", "nmap", "t.txt").returncode == 0
    assert (folder / "t.txt").read_text() == "192.168.1.0/24  # A net-a, B net-b\n"
    known = "192.168.1.1  # A net-a\n192.168.1.2  # A net-a\n"
    assert told(folder, exporting.nmap, ("A",), hosts=True) == known
    assert told(folder, exporting.nmap, (), hosts=False, version=6) == "2001:db8::/120  # B net-6\n"
    if (nmap := shutil.which("nmap")) is None:
        pytest.skip("nmap is not installed: apt-get install nmap")
    listed = subprocess.run([nmap, "-sL", "-n", "-iL", "t.txt"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert listed.stdout.count("Nmap scan report for 192.168.1.") == 256


# --- everything -------------------------------------------------------------------------------------------------------


def test_a_dump_in_an_empty_database_gives_the_same_figures(folder: Path) -> None:
    assert dophu(folder, "export", "jsonl", "all.jsonl").returncode == 0
    assert (folder / "all.jsonl").stat().st_mode & 0o777 == 0o600
    lines = (folder / "all.jsonl").read_bytes().splitlines(keepends=True)
    head, last = json.loads(lines[0]), json.loads(lines[-1])
    assert (head["product"], head["left_out"]) == ("dophu", ["credential", "token"])
    assert head["tables"]["network"] == 4 and sum(head["tables"].values()) == len(lines) - 2
    assert last == {"sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest()}
    text = b"".join(lines).decode()
    assert {*head["tables"]} == {*dumping.TABLES} and '"table":"credential"' not in text
    assert "b1-m4t-khong-ke" not in text
    assert dophu(folder, "--data", "new", "init").returncode == 0
    done = dophu(folder, "--data", "new", "import", "dump", "all.jsonl")
    assert done.returncode == 0, done.stderr
    again = dophu(folder, "--data", "new", "export", "jsonl", "-")
    assert again.stdout.splitlines()[1:-1] == text.splitlines()[1:-1]
    one, other = (asyncio.run(figures(folder / data)) for data in ("data", "new"))
    assert one == other and len({str(rows) for rows in one}) > 1


async def test_a_database_that_is_not_empty_takes_no_dump(folder: Path) -> None:
    async with opened(folder / "data") as filled:
        await write_dump(filled, folder / "all.jsonl")
        with pytest.raises(InputError, match="the database is not empty"):
            await read_dump(filled, folder / "all.jsonl")


async def figures(data: Path) -> list[list[dict[str, object]]]:
    """The figures as of four days, on which not the same was found."""
    days = (NOW, NOW - timedelta(days=9), NOW - timedelta(days=19), NOW - timedelta(days=30))
    async with opened(data) as workspace:
        reports = [await judge_plan(workspace, PLAN, at, with_members=False) for at in days]
    return [[coverage_object(row) for row in report.coverage] for report in reports]


async def test_a_dump_moves_to_postgresql_where_new_assets_have_new_numbers(made: Path, tmp_path: Path) -> None:
    if (binaries := find_binaries()) is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    async with opened(made / "data") as source:
        await write_dump(source, tmp_path / "all.jsonl")
        before = [coverage_object(row) for row in (await judge_plan(source, PLAN, NOW, with_members=False)).coverage]
    with postgresql(binaries) as url:
        async with opened(tmp_path, url) as other:
            await read_dump(other, tmp_path / "all.jsonl")
            after = [coverage_object(row) for row in (await judge_plan(other, PLAN, NOW, with_members=False)).coverage]
            assert after == before
            new = sweep("B", device("B", 9, NOW, role="printer"), at=NOW)
            await other.store.write(runs.record, other.vocabulary, new, NOW)


@pytest.mark.parametrize("version", ["0009", "0013", "0014"])
async def test_a_dump_of_former_tables_is_brought_to_these(made: Path, tmp_path: Path, version: str) -> None:
    """As by the Dophu of then: from a database that is taken back to its tables."""
    shutil.copy(made / "data" / "dophu.db", tmp_path / "then.db")
    with copies.opened_file(tmp_path / "then.db") as connection:
        taken_back(connection, version)
    with copies.opened_file(tmp_path / "then.db") as connection:
        former = dumping.reflected(connection)
        head = {"product": "dophu", "format": 1, "version": "0.1", "schema": version, "left_out": []}
        rows = [{"table": name, "row": row} for name, row in dumping.dump(connection, former)]
        lines = [head | {"tables": dumping.counts(connection, former)}, *rows, {}]
    (tmp_path / "then.jsonl").write_bytes(b"".join(signed([json.dumps(line).encode() + b"\n" for line in lines])))
    with copies.opened_file(tmp_path / "then.db") as connection:
        versions.upgrade(connection)
    (tmp_path / "now").mkdir()
    async with opened(tmp_path / "now") as imported:
        told = await read_dump(imported, tmp_path / "then.jsonl")
        assert told["schema"] == version and told["tables"]["network"] == 4
        after = await imported.store.read(lambda c: list(dumping.dump(c)))
    with copies.opened_file(tmp_path / "then.db") as connection:
        assert after == list(dumping.dump(connection)) and len(after) > 50
    assert sorted(path.name for path in (tmp_path / "now").iterdir() if path.name.startswith(".")) == []


def taken_back(connection: Connection, version: str) -> None:
    """Give a database the tables of a former version."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(versions.MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, version)


def test_a_disk_that_is_full_is_no_matter_of_the_database(made: Path) -> None:
    async def work(full: BinaryIO) -> None:
        async with opened(made / "data") as source:
            await write_dump(source, None, full)

    with Path("/dev/full").open("wb", 0) as full, pytest.raises(InputError, match="output: No space left on"):
        asyncio.run(work(full))


def head_of(**changed: object) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [json.dumps(json.loads(lines[0]) | changed).encode() + b"\n", *lines[1:]]


def signed(lines: list[bytes]) -> list[bytes]:
    """The lines with a digest that fits, as by one who knows the form."""
    return [*lines[:-1], json.dumps({"sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest()}).encode() + b"\n"]


def with_row(table: str, **changed: object) -> Callable[[list[bytes]], list[bytes]]:
    def change(lines: list[bytes]) -> list[bytes]:
        at = next(n for n, line in enumerate(lines) if json.loads(line).get("table") == table)
        row = json.loads(lines[at])["row"] | changed
        return signed([*lines[:at], json.dumps({"table": table, "row": row}).encode() + b"\n", *lines[at + 1 :]])

    return change


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (head_of(schema="9999", version="9.0"), "newer version .made by Dophu 9.0, tables 9999"),
        (head_of(format=2), "newer version"),
        (head_of(schema="0000"), "its tables are of version 0000, expected one up to"),
        (head_of(schema="0001"), "found link with or without .port."),
        (head_of(product="netbox"), "found the product 'netbox', expected a dump of Dophu"),
        (lambda lines: lines[1:], "found no first line of a dump"),
        (lambda lines: [], "found no first line of a dump"),
        (lambda lines: lines[:-1], "no digest at the end: the file is cut short"),
        (lambda lines: [*lines[:9], lines[9][:20]], "line 10: the file is cut short"),
        (lambda lines: [*lines[:9], *lines[10:]], "the lines have [0-9a-f]{64}: it was changed"),
        (lambda lines: signed([*lines[:9], *lines[10:]]), "cut short or was changed"),
        (lambda lines: [*lines, b"{}\n"], "found more after the digest"),
        (lambda lines: [lines[0], b"[" * 100_000 + b"\n"], "line 2: found .* expected a JSON object"),
        (with_row("network", scan="yes"), r"network.scan: found 'yes', expected true or false"),
        (with_row("agency", valid_from="31/12/2025"), r"agency.valid_from: .* expected a day"),
        (with_row("asset", root=2**70), r"asset.root: found \d+, expected a whole number"),
        (with_row("level", colour="red"), "found level with or without 'colour'"),
    ],
)
async def test_what_is_no_whole_dump_is_refused_and_nothing_is_stored(
    made: Path, tmp_path: Path, spoil: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    async with opened(made / "data") as source:
        await write_dump(source, tmp_path / "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "bad.jsonl").write_bytes(b"".join(spoil(lines)))
    async with opened(tmp_path) as empty:
        with pytest.raises(InputError, match=told):
            await read_dump(empty, tmp_path / "bad.jsonl")
        assert await empty.store.read(dumping.first_filled) is None
