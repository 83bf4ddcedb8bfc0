"""What a plan lacks: the lists add up to the figures, on any day, and in every form in which they are given away."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import openpyxl
import pytest
import pytest_asyncio

from api.gaps import Gaps, find_gaps
from api.gaps_files import as_csv, as_table, as_workbook
from api.printing import judge_plan, read_instant
from api.sheets import Sheet, csv_text, workbook
from api.workspace import Workspace
from inventory.words import ALL_LEVELS, InputError, Status
from tests.api.pages_sample import PLAN, SILENT, fill
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Sample:
    """The sample province, served; the day on which its silent agency still answered."""

    workspace: Workspace
    folder: Path
    client: httpx2.AsyncClient
    day: date


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sample(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sample]:
    folder = tmp_path_factory.mktemp("gaps")
    async with opened(folder) as store:
        workspace, day = await fill(store, folder)
        async with served(workspace) as address, httpx2.AsyncClient(base_url=address, timeout=60) as client:
            yield Sample(workspace, folder, client, day)


def lacking(gaps: Gaps, goal: str, status: Status) -> set[str]:
    return {v.agency for part in gaps.parts if part.goal.id == goal for v in part.lacks if v.status is status}


async def test_the_lists_add_up_to_the_figures(sample: Sample) -> None:
    at = datetime.now(UTC)
    gaps = await find_gaps(sample.workspace, PLAN, at)
    report = await judge_plan(sample.workspace, PLAN, at, with_members=False)
    of_levels = {part.goal.id for part in gaps.parts if part.level != ALL_LEVELS}
    for part in gaps.parts:
        figure = part.coverage
        if part.level == ALL_LEVELS and part.goal.id in of_levels:
            # Only all together have a target; who lacks it stands once, under their level.
            assert part.lacks == () and figure.target is not None
            continue
        for status, count in ((Status.UNMET, figure.unmet), (Status.UNKNOWN, figure.unknown)):
            assert sum(v.number for v in part.lacks if v.status is status) == count, (part.goal.id, part.level)
        if part.short is not None and figure.target is not None:
            assert math.isclose(part.short, max(0, math.ceil(figure.target * figure.counted) - figure.met))
        assert figure in report.coverage
    listed = {part.goal.id for part in gaps.parts} | {goal.id for goal in gaps.not_measured}
    assert listed == {goal.id for goal in gaps.plan.goals}
    for goal in {part.goal.id for part in gaps.parts}:
        own = [p.coverage for p in gaps.parts if p.goal.id == goal and (p.level != ALL_LEVELS or goal not in of_levels)]
        (whole,) = (c for c in report.coverage if c.goal == goal and c.level == ALL_LEVELS)
        assert (sum(c.unmet for c in own), sum(c.unknown for c in own)) == (whole.unmet, whole.unknown)


async def test_who_lacks_a_firewall_and_who_is_to_be_visited(sample: Sample) -> None:
    gaps = await find_gaps(sample.workspace, PLAN, datetime.now(UTC), language="en")
    assert lacking(gaps, "agency_firewall", Status.UNMET) == {"so-tc"}
    assert lacking(gaps, "agency_firewall", Status.UNKNOWN) == {SILENT}
    (finance,) = (v for p in gaps.parts for v in p.lacks if p.goal.id == "agency_firewall" and v.agency == "so-tc")
    assert (finance.agency_name, finance.title, finance.number) == ("Department of Finance", "", 1)
    assert finance.reason == "Firewalls that answer: 0"
    short = {part.level: part.short for part in gaps.parts if part.goal.id == "agency_firewall"}
    assert short == {"province": 1, "district": 1}


async def test_on_the_day_before_the_silence_nobody_had_to_be_visited(sample: Sample) -> None:
    gaps = await find_gaps(sample.workspace, PLAN, read_instant(sample.day.isoformat()))
    assert lacking(gaps, "agency_firewall", Status.UNKNOWN) == set()
    assert lacking(gaps, "agency_firewall", Status.UNMET) == {"so-tc"}


async def test_of_one_level_or_agency(sample: Sample) -> None:
    now = datetime.now(UTC)
    gaps = await find_gaps(sample.workspace, PLAN, now, level="district", agency=SILENT)
    assert {part.level for part in gaps.parts} == {"district"}
    assert {v.agency for part in gaps.parts for v in part.lacks} == {SILENT}
    for wrong in ({"level": "ward"}, {"agency": "so-x"}):
        with pytest.raises(InputError, match="found"):
            await find_gaps(sample.workspace, PLAN, now, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_every_form_says_the_same(sample: Sample, language: str) -> None:
    gaps = await find_gaps(sample.workspace, PLAN, datetime.now(UTC), language=language)
    lacks = [(v.agency, v.number) for part in gaps.parts for v in part.lacks]
    read = list(csv.reader(io.StringIO(as_csv(gaps, language).removeprefix("\ufeff"))))
    assert [(row[2], int(row[8])) for row in read[1:]] == lacks
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(gaps, language)))
    summary, listed = book.worksheets
    rows = list(listed.iter_rows(min_row=5, values_only=True))
    assert [(row[2], row[8]) for row in rows] == lacks
    figures = list(summary.iter_rows(min_row=5, values_only=True))
    assert [row[4:8] for row in figures] == [
        (p.coverage.counted, p.coverage.met, p.coverage.unmet, p.coverage.unknown) for p in gaps.parts
    ]
    assert listed.print_title_rows == "$4:$4" and listed.page_setup.orientation == "landscape"
    text = as_table(gaps, language, None)
    assert sum(line.startswith(("    × ", "    ? ")) for line in text.splitlines()) == len(lacks)


async def test_the_command(sample: Sample) -> None:
    folder, data = sample.folder, {"DOPHU_DATA": str(sample.folder)}
    told = json.loads(dophu(folder, "gaps", "--plan", PLAN, "-o", "json", **data).stdout)
    firewall = [part for part in told if part["goal"] == "agency_firewall"]
    assert [(p["level"], p["short"], len(p["members"])) for p in firewall] == [("province", 1, 1), ("district", 1, 1)]
    assert {m["to_visit"] for p in firewall for m in p["members"]} == {True, False}
    done = dophu(folder, "gaps", "--plan", PLAN, "--to", "gaps.xlsx", **data)
    assert done.returncode == 0 and openpyxl.load_workbook(folder / "gaps.xlsx").sheetnames == ["Tổng hợp", "Danh sách"]
    for arguments, expected in (
        (["--plan", "none"], "gặp kế hoạch 'none'"),
        (["--plan", PLAN, "-o", "xlsx"], "cần --to FILE"),
        (["--plan", PLAN, "--to", "gaps.pdf"], "gặp 'pdf', cần table, json, csv hoặc xlsx"),
        (["--plan", PLAN, "--to", "nowhere/gaps.csv"], "không có tệp hoặc thư mục này"),
    ):
        wrong = dophu(folder, "gaps", *arguments, **data)
        assert (wrong.returncode, expected in wrong.stderr) == (2, True), wrong.stderr
    assert not list(folder.glob(".*.part"))


async def test_the_api_the_page_and_its_files(sample: Sample) -> None:
    get = sample.client.get
    told = (await get("/api/v1/gaps", params={"plan": PLAN, "level": "district"})).json()
    assert {part["level"] for part in told} == {"district"}
    for params in ({"plan": "none"}, {"plan": PLAN, "level": "ward"}, {"plan": PLAN, "as_of": "soon"}):
        assert (await get("/api/v1/gaps", params=params)).status_code == 422
    page = (await get(f"/plans/{PLAN}/gaps")).text
    assert page.index('data-goal="agency_firewall"') < page.index('data-goal="agency_lan"')
    assert f"/plans/{PLAN}/goals/agency_firewall?level=province&amp;status=unmet#members" in page
    for form, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        answer = await get(f"/plans/{PLAN}/gaps.{form}", params={"as_of": sample.day.isoformat()})
        assert answer.status_code == 200 and answer.content.startswith(begins)
        assert answer.headers["content-disposition"] == f'attachment; filename="gaps-{PLAN}-{sample.day}.{form}"'
    for path in (f"/plans/{PLAN}/gaps.pdf", "/plans/none/gaps.csv", "/plans/none/gaps"):
        assert (await get(path)).status_code == 404, path
    assert (await get(f"/plans/{PLAN}/gaps.csv", params={"as_of": "2999-01-01"})).status_code == 422


HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", 'a"b', "x\ty", "\u202egnp.exe", "a\x00b", "x" * 40_000]


async def test_no_name_is_a_formula_in_any_spreadsheet() -> None:
    rows = [(name, number) for number, name in enumerate(HOSTILE)]
    sheet = Sheet("Danh sách " * 5, ["=1+1"], ["=name", "number"], rows)
    page = openpyxl.load_workbook(io.BytesIO(workbook([sheet]))).worksheets[0]
    cells = list(page.iter_rows())
    assert {cell.data_type for row in cells for cell in row if cell.value is not None} <= {"s", "n"}
    assert [row[1].value for row in cells[2:]] == list(range(len(HOSTILE)))
    for row in csv.reader(io.StringIO(csv_text(["name", "number"], rows).removeprefix("\ufeff"))):
        assert not row[0].startswith(("=", "+", "-", "@", "\t"))


async def test_a_long_list_has_every_row() -> None:
    rows = [(f"=máy {number}" if number % 7 == 0 else f"máy {number}", number) for number in range(6_000)]
    page = openpyxl.load_workbook(io.BytesIO(workbook([Sheet("a", [], ["name", "number"], rows)]))).worksheets[0]
    assert list(page.iter_rows(min_row=2, values_only=True)) == rows
    assert {row[0].data_type for row in page.iter_rows(min_row=2)} == {"s"}


async def test_a_goals_page_shows_how_it_went(sample: Sample) -> None:
    answer = await sample.client.get("/api/v1/trend", params={"plan": PLAN, "goal": "agency_firewall"})
    points = answer.json()
    assert len(points) >= 2 and points == sorted(points, key=lambda p: p["at"])
    assert {"day", "met", "unmet", "unknown", "counted", "proven", "possible"} <= points[0].keys()
    page = (await sample.client.get(f"/plans/{PLAN}/goals/agency_firewall")).text
    assert page.count("<polyline") == 2 and "Diễn biến" in page
    now = await find_gaps(sample.workspace, PLAN, datetime.now(UTC))
    figures = [part.coverage for part in now.parts if part.goal.id == "agency_firewall"]
    assert (points[-1]["met"], points[-1]["counted"]) == (sum(c.met for c in figures), sum(c.counted for c in figures))
    for params, status in (({"plan": "none", "goal": "x"}, 422), ({"plan": PLAN, "goal": "x"}, 404)):
        assert (await sample.client.get("/api/v1/trend", params=params)).status_code == status
