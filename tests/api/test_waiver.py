"""Waivers from the command line to the figures, the report and the seal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from api import reporting, rounds
from api.config import ReportSettings
from api.sealing import seal, verify
from api.workspace import Workspace
from exporters.reports import fill as fill_in
from exporters.reports import official_template
from tests.api.pages_sample import PLAN, fill
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu
from tests.api.test_report import words_of

CONTROL = "agency_firewall_answering"
REASON = "Trụ sở đang sửa <b>"


@pytest_asyncio.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with opened(tmp_path) as store:
        workspace, _ = await fill(store, tmp_path)
        yield workspace


def waiver(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = dophu(folder, "waiver", *arguments, DOPHU_DATA=str(folder))
    return done.returncode, done.stdout, done.stderr


def figure(folder: Path) -> tuple[int, int, int]:
    done = dophu(folder, "coverage", "--plan", PLAN, "-o", "json", DOPHU_DATA=str(folder))
    row = next(r for r in json.loads(done.stdout) if (r["goal"], r["level"]) == ("agency_firewall", "all"))
    return row["unmet"], row["waived"], row["counted"]


async def test_a_waiver_takes_its_agency_out_of_the_denominator_and_is_told_everywhere(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert figure(tmp_path) == (1, 0, 5)
    given = ("add", "--control", CONTROL, "--agency", "so-tc", "--reason", REASON, "--by", "Giám đốc Sở KH&CN")
    status, printed, _ = waiver(tmp_path, *given, "--until", "2999-12-31", "--document", "12/QĐ-SKHCN")
    assert (status, printed) == (0, "waiver 1\n")
    assert figure(tmp_path) == (0, 1, 4)
    listed = json.loads(waiver(tmp_path, "list", "-o", "json")[1])
    assert [(v["agency"], v["status"], v["valid_to"]) for v in listed] == [("so-tc", "waived", "2999-12-31")]
    await rounds.judge(workspace)
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        assert [v["reason"] for v in (await client.get("/api/v1/waivers")).json()] == [REASON]
        page = (await client.get(f"/plans/{PLAN}/goals/agency_firewall?status=waived")).text
        assert "Trụ sở đang sửa &lt;b&gt;" in page and "Được miễn trừ" in page
    period = reporting.read_period(f"{reporting.datetime.now(reporting.ZONE):%Y}")
    report = await reporting.make(workspace, PLAN, period, "vi")
    text, tables = words_of(fill_in(official_template("vi"), "form", reporting.context(report, ReportSettings(), "vi")))
    assert "IV. MIỄN TRỪ VÀ KHÔNG ÁP DỤNG" in text and "V. CHỈ TIÊU CHƯA ĐO" in text
    (row,) = tables[3][1:]
    assert row[1:] == ["so-tc", "Được miễn trừ", REASON, "Giám đốc Sở KH&CN, 12/QĐ-SKHCN", "31/12/2999"]
    path = tmp_path / "a.seal.zip"
    await seal(workspace, PLAN, report.at, path)
    assert (await verify(path)).good
    assert waiver(tmp_path, "end", "1")[0] == 0
    assert figure(tmp_path) == (1, 0, 5)
    assert json.loads(waiver(tmp_path, "list", "-o", "json")[1]) == []
    assert [v["number"] for v in json.loads(waiver(tmp_path, "list", "--all", "-o", "json")[1])] == [1]
    assert (await verify(path)).good


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--control", "none", "--agency", "so-tc", "--until", "2999-01-01"], "--control: found 'none'"),
        (["--control", CONTROL, "--agency", "so-x", "--until", "2999-01-01"], "agency: found 'so-x'"),
        (["--control", CONTROL, "--agency", "so-tc"], "until: found nothing"),
        (["--control", CONTROL, "--agency", "so-tc", "--until", "soon"], "--until: found 'soon'"),
        (["--control", CONTROL, "--until", "2999-01-01"], "expected either an agency or one member"),
    ],
)
async def test_what_is_no_waiver_is_refused(
    workspace: Workspace, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    status, _, said = waiver(tmp_path, "add", "--reason", "x", "--by", "y", *arguments)
    assert (status, expected in said) == (2, True), said
    assert waiver(tmp_path, "list", "--all", "-o", "json")[1] == "[]\n"
