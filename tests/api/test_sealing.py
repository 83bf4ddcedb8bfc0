"""Sealed figures: verified without the database, refused after one byte, and as they were whatever comes in later."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.printing import coverage_object, judge_plan, read_instant
from api.rounds import judge
from api.sealing import SUMS, seal, verify
from api.workspace import Workspace
from exporters.prometheus import export
from inventory.store import runs, seals
from inventory.words import InputError
from tests.api.pages_sample import PLAN, SILENT, catch_up, fill
from tests.api.pages_server import opened
from tests.api.test_cli import dophu

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Sealed:
    """A sealed file of the sample province, as of now."""

    workspace: Workspace
    folder: Path
    path: Path
    sha256: str
    figures: list[dict[str, Any]]
    day: date
    at: datetime


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sealed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sealed]:
    folder = tmp_path_factory.mktemp("sealing")
    async with opened(folder) as store:
        workspace, day = await fill(store, folder)
        at, path = datetime.now(UTC), folder / "now.seal.zip"
        done = await seal(workspace, PLAN, at, path)
        report = await judge_plan(workspace, PLAN, at, with_members=False)
        yield Sealed(workspace, folder, path, done["sha256"], [coverage_object(c) for c in report.coverage], day, at)


def changed(sealed: Sealed, to: Path, change: Callable[[dict[str, bytes]], None], *, forged: bool = False) -> Path:
    """A copy with some of its files changed; `forged` makes all digests in it fit."""
    with zipfile.ZipFile(sealed.path) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
        comment = bundle.comment
    change(files)
    if forged:
        sums = "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in files if n != SUMS)
        files[SUMS] = sums.encode()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
        bundle.comment = comment
    if forged:
        whole = to.read_bytes()
        to.write_bytes(whole[:-64] + hashlib.sha256(whole[:-64]).hexdigest().encode())
    return to


async def test_a_seal_is_verified_without_the_database(sealed: Sealed, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.zip"
    shutil.copy(sealed.path, copy)
    verdict = await verify(copy, sealed.sha256)
    assert (verdict.problems, verdict.good, verdict.sha256) == ([], True, sealed.sha256)
    assert (verdict.figures, verdict.about["plan"]) == (len(sealed.figures), PLAN)
    assert verdict.members > 15
    with zipfile.ZipFile(copy) as bundle:
        assert json.loads(bundle.read("coverage.json")) == sealed.figures
        told = [json.loads(line) for line in bundle.read("findings/agency_firewall_answering.jsonl").splitlines()]
        assert {f["agency"]: f["status"] for f in told}["so-tc"] == "unmet"
        facts = [json.loads(line) for line in bundle.read("data/asset_fact.jsonl").splitlines()]
        assert {"subject", "key", "value", "source", "proof", "first", "last", "recorded"} <= facts[0].keys()


async def test_the_next_judgement_tells_when_a_plan_was_sealed(sealed: Sealed) -> None:
    told = await judge(sealed.workspace)
    assert [state.plan for state in told.seals] == [PLAN]
    assert told.seals[0].sealed <= told.at
    begin = f'dophu_snapshot_sealed_timestamp_seconds{{plan="{PLAN}"}} '
    (line,) = (line for line in export(told).decode().splitlines() if line.startswith(begin))
    assert float(line.removeprefix(begin)) == told.seals[0].sealed.timestamp()
    # The database keeps milliseconds.
    assert abs(told.seals[0].as_of - sealed.at) < timedelta(milliseconds=1)
    before = told.seals[0].sealed - timedelta(milliseconds=1)
    assert await sealed.workspace.store.read(seals.seal_states, before) == ()


async def test_its_digests_are_those_of_sha256sum(sealed: Sealed, tmp_path: Path) -> None:
    with zipfile.ZipFile(sealed.path) as bundle:
        bundle.extractall(tmp_path)
        names = bundle.namelist()
    sums = "sha256sum --check --strict SHA256SUMS"
    checked = await asyncio.to_thread(subprocess.run, sums.split(), cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0 and checked.stdout.count(": OK\n") == len(names) - 1
    whole = (await asyncio.to_thread(subprocess.run, ["sha256sum", sealed.path], capture_output=True, text=True)).stdout
    assert whole.split()[0] == sealed.sha256


async def test_any_byte_that_changed_is_seen(sealed: Sealed, tmp_path: Path) -> None:
    """A bit of every 97th byte, of all bytes of the archive's directory's end, and the lack or excess of one."""
    whole, path = sealed.path.read_bytes(), tmp_path / "a.zip"
    places = [*range(0, len(whole), 97), *range(len(whole) - 120, len(whole))]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            verdict = await verify(path)
        except InputError:
            assert 30 <= place < 40  # the name of the first file, by which a seal is known for one
        else:
            assert not verdict.good, place
    for content in (whole[:-1], whole + b"\0", whole[:50] + whole[51:]):
        path.write_bytes(content)
        assert not (await verify(path)).good


async def test_what_was_changed_is_named(sealed: Sealed, tmp_path: Path) -> None:
    with zipfile.ZipFile(sealed.path) as bundle:
        info = bundle.getinfo("data/asset_fact.jsonl")
    whole = bytearray(sealed.path.read_bytes())
    whole[info.header_offset + 200] ^= 1
    (tmp_path / "a.zip").write_bytes(whole)
    (problem,) = (await verify(tmp_path / "a.zip")).problems
    assert problem.en.startswith("data/asset_fact.jsonl: was changed")

    def change(files: dict[str, bytes]) -> None:
        files["coverage.json"] = files["coverage.json"].replace(b'"met": 0', b'"met": 9', 1)
        files["more.json"] = b"{}"
        del files["data/run.jsonl"]

    verdict = await verify(changed(sealed, tmp_path / "b.zip", change))
    assert [problem.en for problem in verdict.problems] == [
        "more.json: was not in the seal",
        "coverage.json: was changed",
        "data/run.jsonl: is missing",
    ]


async def test_a_forged_figure_or_finding_does_not_follow_from_the_facts(sealed: Sealed, tmp_path: Path) -> None:
    def better(files: dict[str, bytes]) -> None:
        name = "findings/agency_firewall_answering.jsonl"
        files[name] = files[name].replace(b'"status": "unmet"', b'"status": "met"')
        rows = json.loads(files["coverage.json"])
        row = next(r for r in rows if (r["goal"], r["level"]) == ("agency_firewall", "province"))
        row["met"], row["unmet"] = row["met"] + 1, 0
        files["coverage.json"] = json.dumps(rows).encode()

    verdict = await verify(changed(sealed, tmp_path / "a.zip", better, forged=True))
    assert {problem.en.split(":")[0] for problem in verdict.problems} == {
        "coverage.json",
        "findings/agency_firewall_answering.jsonl",
    }
    assert any("so-tc: sealed as met, judged again unmet" in problem.en for problem in verdict.problems)

    def invent(files: dict[str, bytes]) -> None:
        files["data/asset_fact.jsonl"] = files["data/asset_fact.jsonl"].replace(b'"switch"', b'"firewall"')

    invented = changed(sealed, tmp_path / "b.zip", invent, forged=True)
    assert not (await verify(invented)).good
    # Whoever changes facts and figures alike makes another good file: it has another digest than the report tells.
    assert any("not the one that was sealed" in p.en for p in (await verify(invented, sealed.sha256)).problems)


async def test_a_definition_that_was_loosened_changes_the_figures(sealed: Sealed, tmp_path: Path) -> None:
    def loosen(files: dict[str, bytes]) -> None:
        name = "definitions/controls/agency_firewall_answering.yaml"
        files[name] = files[name].replace(b"firewalls_answering >= 1", b"firewalls_answering >= 0")

    verdict = await verify(changed(sealed, tmp_path / "a.zip", loosen, forged=True))
    assert any("so-tc: sealed as unmet, judged again met" in problem.en for problem in verdict.problems)


async def test_what_comes_in_later_corrects_the_past_and_not_the_seal(sealed: Sealed, tmp_path: Path) -> None:
    store, vocabulary = sealed.workspace.store, sealed.workspace.vocabulary
    then = read_instant(sealed.day.isoformat()).replace(hour=4)
    before = await judge_plan(sealed.workspace, PLAN, datetime.now(UTC), with_members=False)
    path = tmp_path / "before.zip"
    await seal(sealed.workspace, PLAN, before.at, path)
    for run in catch_up(before.at):
        await store.write(runs.record, vocabulary, run, datetime.now(UTC))
    after = await judge_plan(sealed.workspace, PLAN, before.at, with_members=False)
    assert after.coverage != before.coverage
    assert (await verify(path)).good and (await verify(sealed.path, sealed.sha256)).good
    # As of a day long before, what came in now says nothing.
    old = await judge_plan(sealed.workspace, PLAN, then, with_members=True)
    assert {f.agency for f in old.members["agency_firewall_answering"] if f.agency == SILENT} == set()


@pytest.mark.parametrize("content", [b"", b"Hello", b"PK\x05\x06" + b"\0" * 18])
async def test_what_is_no_seal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="expected a seal"):
        await verify(tmp_path / "a.zip")


async def test_another_zip_file_is_no_seal(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("letter.txt", "Hello")
    with pytest.raises(InputError, match=r"found a ZIP file without SHA256SUMS and about\.json, expected"):
        await verify(tmp_path / "a.zip")


async def test_the_commands(sealed: Sealed, tmp_path: Path) -> None:
    data = {"DOPHU_DATA": str(sealed.folder)}
    day = sealed.day.isoformat()
    done = dophu(tmp_path, "seal", "--plan", PLAN, "--as-of", day, "-o", "json", **data)
    told = json.loads(done.stdout)
    assert (done.returncode, told["file"]) == (0, f"{PLAN}-{day}.seal.zip")
    again = dophu(tmp_path, "seal", "--plan", PLAN, "--as-of", day, **data)
    assert (again.returncode, "những gì đã niêm phong thì không thay đổi" in again.stderr) == (2, True)
    good = dophu(tmp_path, "verify", told["file"], "--sha256", told["sha256"])
    assert (good.returncode, "judged again, the same" in good.stderr) == (0, True), good.stderr
    whole = (tmp_path / told["file"]).read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[:900] + bytes([whole[900] ^ 4]) + whole[901:])
    bad = dophu(tmp_path, "verify", "b.zip", "-o", "json")
    assert (bad.returncode, json.loads(bad.stdout)["good"]) == (1, False)
    for arguments, expected in (
        (["seal", "--plan", "none"], "gặp kế hoạch 'none'"),
        (["seal", "--plan", PLAN, "--to", "nowhere/a.zip"], "không có tệp hoặc thư mục này"),
        (["verify", "gone.zip"], "No such file or directory"),
        (["verify", told["file"], "--sha256", "abc"], "expected 64 hexadecimal digits"),
    ):
        wrong = dophu(tmp_path, *arguments, **data)
        assert (wrong.returncode, expected in wrong.stderr) == (2, True), wrong.stderr
    assert await asyncio.to_thread(lambda: list(tmp_path.glob(".*.part"))) == []


async def test_a_seal_holds_the_thresholds_that_the_department_set(sealed: Sealed, tmp_path: Path) -> None:
    config = sealed.workspace.config.model_copy(
        update={"plans": [], "parameters": {"workstation_seen": {"report_days": 3}}}
    )
    stricter = Workspace(config, sealed.workspace.store)
    await seal(stricter, "phu-yen-2021-2025", datetime.now(UTC), tmp_path / "strict.zip")
    verdict = await verify(tmp_path / "strict.zip")
    assert verdict.good, verdict.problems
    with zipfile.ZipFile(tmp_path / "strict.zip") as bundle:
        assert json.loads(bundle.read("definitions/parameters.json"))["workstation_seen"] == {"report_days": 3}


async def test_a_seal_of_a_former_version_still_verifies() -> None:
    """Made before goals without a control could be declared: they are judged as they were then, and parts as well."""
    verdict = await verify(Path(__file__).parents[1] / "recordings" / "seal" / "before-declarations.seal.zip")
    assert verdict.good and (verdict.figures, verdict.members) == (33, 9), verdict.problems
