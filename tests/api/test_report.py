"""Reports of a period: the Word document and the workbook say what the figures say, and a bad template is named."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import docx
import httpx2
import openpyxl
import pytest
import pytest_asyncio

from api import reporting
from api.config import ReportSettings
from api.printing import coverage_object, judge_plan
from api.wording import day
from api.workspace import Workspace
from exporters.reports import as_pdf, fill, official_template
from inventory.forecast import Forecast
from inventory.words import ALL_LEVELS, InputError
from tests.api.pages_sample import PLAN
from tests.api.pages_sample import fill as fill_sample
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
"""The smallest picture."""
SETTINGS = ReportSettings(department="Sở Khoa học & Công nghệ", place="Vĩnh Yên", signer="Nguyễn Văn A <b>")


@dataclass(frozen=True)
class Sample:
    """The sample province and its report of the year so far."""

    workspace: Workspace
    folder: Path
    report: reporting.PlanReport


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sample(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sample]:
    folder = tmp_path_factory.mktemp("report")
    async with opened(folder) as store:
        workspace, _ = await fill_sample(store, folder)
        period = reporting.read_period(f"{datetime.now(reporting.ZONE):%Y}")
        yield Sample(workspace, folder, await reporting.make(workspace, PLAN, period, "vi"))


def words_of(content: bytes) -> tuple[str, list[list[list[str]]]]:
    """The paragraphs of a document, and the cells of its tables."""
    document = docx.Document(io.BytesIO(content))
    tables = [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
    return "\n".join(p.text for p in document.paragraphs), tables


# --- periods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first", "last", "vi", "en"),
    [
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "tháng 2 năm 2024", "in month 2 of 2024"),
        ("2026-Q3", date(2026, 7, 1), date(2026, 9, 30), "quý III năm 2026", "in quarter III of 2026"),
        ("2026-H2", date(2026, 7, 1), date(2026, 12, 31), "6 tháng II năm 2026", "in half II of 2026"),
        ("2025", date(2025, 1, 1), date(2025, 12, 31), "năm 2025", "in 2025"),
    ],
)
async def test_a_period_is_of_whole_days_in_vietnam(text: str, first: date, last: date, vi: str, en: str) -> None:
    period = reporting.read_period(text)
    assert (period.first, period.last, period.told("vi"), period.told("en")) == (first, last, vi, en)
    assert period.end.astimezone(reporting.ZONE).date() == last and period.begin < period.end
    assert period.begin.astimezone(reporting.ZONE).date() < first


@pytest.mark.parametrize("text", ["", "2026-13", "2026-Q5", "2026-H3", "26", "2026-9", "2026-Q", "next year", "1066"])
async def test_what_is_no_period_is_named(text: str) -> None:
    with pytest.raises(InputError, match="period: found"):
        reporting.read_period(text)


async def test_of_a_period_to_come_there_is_no_report(sample: Sample) -> None:
    with pytest.raises(InputError, match="which has not begun"):
        await reporting.make(sample.workspace, PLAN, reporting.read_period("2999"), "vi")


# --- what is reported -------------------------------------------------------------------------------------------------


async def test_the_figures_are_those_of_the_end_of_the_period_beside_those_before_it(sample: Sample) -> None:
    report = sample.report
    assert abs((report.at - datetime.now(UTC)).total_seconds()) < 600
    again = await judge_plan(sample.workspace, PLAN, report.at, with_members=False)
    assert reporting.as_json(report)["coverage"] == [coverage_object(c) for c in again.coverage]
    assert report.before == ()  # a year ago nobody measured anything
    month = await reporting.make(sample.workspace, PLAN, reporting.read_period(f"{report.at:%Y-%m}"), "vi")
    assert {(c.goal, c.level) for c in month.before} <= {(c.goal, c.level) for c in month.coverage}


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_the_document_says_what_the_figures_say(sample: Sample, language: str) -> None:
    values = reporting.context(sample.report, SETTINGS, language)
    text, (head, figures, missing, foot) = words_of(fill(official_template(language), "form", values))
    assert "SỞ KHOA HỌC & CÔNG NGHỆ" in head[0][0] and "Vĩnh Yên" in head[0][1]
    assert foot[0][1].endswith("Nguyễn Văn A <b>")
    goals = {goal.id: goal.title.in_language(language) for goal in sample.report.plan.goals}
    parts = sample.report.gaps.parts
    assert [row[4] for row in figures[1:]] == [f"{p.coverage.met}/{p.coverage.counted}" for p in parts]
    assert {row[1] for row in figures[1:]} - {""} == {goals[p.goal.id] for p in parts}
    lacking = sum(v.number for p in parts for v in p.lacks)
    assert sum(int(row[4]) for row in missing[1:]) == lacking
    for number, goal in enumerate(sample.report.gaps.not_measured, 1):
        assert f"{number}. {goals[goal.id]} ({goal.cite})." in text
    assert not any(mark in text for mark in ("{{", "{%", "}}"))


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_the_pdf_says_what_the_document_says(sample: Sample, tmp_path: Path, language: str) -> None:
    values = reporting.context(sample.report, SETTINGS, language)
    made = as_pdf(values, language)
    assert made.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (poppler-utils)")
    write_bytes(tmp_path / "a.pdf", made)
    command = ["pdftotext", "-layout", str(tmp_path / "a.pdf"), "-"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    text = " ".join(done.stdout.split())
    assert "SỞ KHOA HỌC & CÔNG" in text and "Sở Khoa học & Công nghệ" in text and "Nguyễn Văn A <b>" in text
    assert all(f"{p.coverage.met}/{p.coverage.counted}" in text for p in sample.report.gaps.parts)
    assert str(values["tally"]["goals"]) in text and f"({sample.report.gaps.not_measured[-1].cite})." in text


async def test_nothing_that_is_reported_is_taken_for_typst(sample: Sample) -> None:
    values = reporting.context(sample.report, SETTINGS, "vi")
    hostile = '#panic("x") $ \\ ] } " #read("/etc/hostname") *_`'
    values |= {
        "department": hostile,
        "recipients": [hostile],
        "rest": [{"number": 1, "goal": hostile, "cite": hostile}],
    }
    assert as_pdf(values, "vi").startswith(b"%PDF-")


async def test_the_tally_counts_every_goal_once(sample: Sample) -> None:
    tally = reporting.context(sample.report, SETTINGS, "vi")["tally"]
    assert tally.pop("goals") == sum(tally.values()) == len(sample.report.plan.goals)
    whole = [c for c in sample.report.coverage if c.level == ALL_LEVELS]
    assert tally["not_measured"] == sum(str(c.status) == "not_measured" for c in whole)


async def test_a_long_list_is_cut_and_says_so(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "MOST_MISSING", 1)
    values = reporting.context(sample.report, SETTINGS, "vi")
    text, (_, _, missing, _) = words_of(fill(official_template("vi"), "form", values))
    assert len(missing) == 2 and f"Còn {values['missing_left']} mục khác" in text and values["missing_left"] > 0


async def test_the_workbook_has_figures_chart_list_and_what_is_not_measured(sample: Sample) -> None:
    content = reporting.as_workbook(sample.report, "vi")
    book = openpyxl.load_workbook(io.BytesIO(content))
    names = ["Số liệu theo cấp", "Biểu đồ", "Dự báo", "Danh sách", "Miễn trừ và không áp dụng", "Chỉ tiêu chưa đo"]
    assert book.sheetnames == names
    figures, bars, _, listed, _, rest = (list(page.iter_rows(min_row=5, values_only=True)) for page in book.worksheets)
    assert [(row[7], row[8], row[10], row[11]) for row in figures] == [
        (p.coverage.counted, p.coverage.met, p.coverage.unmet, p.coverage.unknown) for p in sample.report.gaps.parts
    ]
    assert len(listed) == sum(len(p.lacks) for p in sample.report.gaps.parts)
    assert len(rest) == len(sample.report.gaps.not_measured)
    assert [sum(row[1:]) for row in bars if row[1] is not None] == [
        c.counted for c in sample.report.coverage if c.level == ALL_LEVELS and c.counted
    ]
    assert "xl/charts/chart1.xml" in zipfile.ZipFile(io.BytesIO(content)).namelist()


# --- templates --------------------------------------------------------------------------------------------------------


def template(*paragraphs: str) -> bytes:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


async def test_a_department_has_a_form_of_its_own(sample: Sample) -> None:
    loop = ("{%p for r in rows %}", "{{ r.goal }}|{{ r.met }}", "{%p endfor %}")
    own = template("{{ plan_number }}: {{ tally.goals }}", *loop)
    text, _ = words_of(fill(own, "own.docx", reporting.context(sample.report, SETTINGS, "vi")))
    assert text.startswith("183/KH-UBND: 26\n") and text.count("|") == len(sample.report.gaps.parts)


BROKEN = {
    "{{ plan": "found a broken tag",
    "{% for r in rows %}": "found a broken tag",
    "{{ plan | shout }}": "shout",
    "{{ department_of_health }}": "'department_of_health' is undefined",
    "{{ tally.lost }}": "no attribute 'lost'",
    "{{ plan + 1 }}": "TypeError",
    "{{ ''.__class__.__mro__ }}": "cannot be filled in",
    "{{ rows.__class__ }}": "cannot be filled in",
    "{{ rows.append(1) }}": "cannot be filled in",
    "{% import 'os' as os %}": "cannot be filled in",
    "{% include '/etc/hostname' %}": "cannot be filled in",
}


@pytest.mark.parametrize("tag", BROKEN)
async def test_a_tag_that_cannot_be_filled_in_is_named(tag: str) -> None:
    values: dict[str, Any] = {"plan": "Kế hoạch", "rows": [], "tally": {"goals": 1}}
    with pytest.raises(InputError) as caught:
        fill(template("Mở đầu", f"Trước {tag} sau"), "mau.docx", values)
    assert str(caught.value).startswith("mau.docx: ") and BROKEN[tag] in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"Hello", b"%PDF-1.7"])
async def test_what_is_no_word_document_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"found no Word document, expected a \.docx file"):
        fill(content, "mau.docx", {})


async def test_a_template_that_inflates_without_end_is_refused() -> None:
    bomb = io.BytesIO(template("x"))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("word/media/image1.png", b"\0" * (201 << 20))
    with pytest.raises(InputError, match="of a usual size"):
        fill(bomb.getvalue(), "mau.docx", {})


# --- the command ------------------------------------------------------------------------------------------------------


async def test_the_command(sample: Sample, tmp_path: Path) -> None:
    data = {"DOPHU_DATA": str(sample.folder)}
    year = sample.report.period.text
    settings = '[report]\nauthority = "UBND TỈNH VĨNH PHÚC"\nrecipients = ["Bộ KH&CN"]\n'
    write(tmp_path / "dophu.toml", settings)
    assert dophu(tmp_path, "report", "--save-template", "mau.docx").returncode == 0
    done = dophu(tmp_path, "report", "--plan", PLAN, "--period", year, "--template", "mau.docx", **data)
    assert done.returncode == 0, done.stderr
    _, tables = words_of(read(tmp_path / f"{PLAN}-{year}.docx"))
    assert tables[0][0][0].startswith("UBND TỈNH VĨNH PHÚC") and "- Bộ KH&CN;" in tables[-1][0][0]
    for form in ("pdf", "xlsx", "csv", "json"):
        assert dophu(tmp_path, "report", "--plan", PLAN, "--period", year, "-f", form, **data).returncode == 0
    told = json.loads(read(tmp_path / f"{PLAN}-{year}.json"))
    assert (told["plan"], told["period"], len(told["coverage"]) > 26) == (PLAN, year, True)
    for arguments, expected in (
        ([], "cần --plan và --period"),
        (["--plan", PLAN, "--period", "soon"], "kỳ: gặp 'soon'"),
        (["--plan", "none", "--period", year], "gặp kế hoạch 'none'"),
        (
            ["--plan", PLAN, "--period", year, "-f", "odt"],
            "gặp 'odt', cần docx, pdf, xlsx, csv hoặc json",
        ),
        (["--plan", PLAN, "--period", year, "--template", "gone.docx"], "không có tệp hoặc thư mục này"),
        (["--plan", PLAN, "--period", year, "-f", "csv", "--template", "mau.docx"], "chỉ docx có mẫu"),
    ):
        wrong = dophu(tmp_path, "report", *arguments, **data)
        assert (wrong.returncode, expected in wrong.stderr) == (2, True), wrong.stderr


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def read(path: Path) -> bytes:
    return path.read_bytes()


async def test_the_pages_offer_the_reports_of_the_periods_that_people_report_on(sample: Sample) -> None:
    async with served(sample.workspace) as address, httpx2.AsyncClient(base_url=address, timeout=60) as client:
        page = (await client.get("/")).text
        periods = reporting.recent_periods(sample.report.at)
        assert [p.told("vi") in page for p in periods] == [True] * 4
        for form, begins in (("docx", b"PK"), ("pdf", b"%PDF-"), ("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf")):
            answer = await client.get(f"/plans/{PLAN}/report.{form}", params={"period": periods[3].text})
            assert answer.status_code == 200 and answer.content.startswith(begins), form
            disposition = f'attachment; filename="{PLAN}-{periods[3].text}.{form}"'
            assert answer.headers["content-disposition"] == disposition
        for period in ("soon", "2999"):
            assert (await client.get(f"/plans/{PLAN}/report.docx", params={"period": period})).status_code == 422
        for path in (f"/plans/{PLAN}/report.odt", "/plans/none/report.docx"):
            assert (await client.get(path)).status_code == 404


async def test_what_is_to_come_is_told_of_goals_that_are_due_later(sample: Sample) -> None:
    later = date(2999, 12, 31)
    parts = tuple(replace(part, goal=replace(part.goal, due=later)) for part in sample.report.gaps.parts)
    part = parts[0]
    told = Forecast(date(2026, 1, 1), 60, 0.021, 0.95, date(2027, 3, 1))
    report = replace(
        sample.report, gaps=replace(sample.report.gaps, parts=parts), ahead={(part.goal.id, part.level): told}
    )
    values = reporting.context(report, ReportSettings(), "vi")
    assert [(r["per_month"], r["at_due"], r["reached"]) for r in values["ahead"]] == [("+2,1 %", "95 %", "01/03/2027")]
    text, _ = words_of(fill(official_template("vi"), "form", values))
    assert "Dự báo đến hạn" in text and "độ dốc" in text
    rows = list(openpyxl.load_workbook(io.BytesIO(reporting.as_workbook(report, "en")))["Forecast"].values)
    assert any(day(told.reached, "en") in map(str, row) for row in rows if told.reached)
    assert reporting.as_json(report)["forecast"][0]["at_due"] == 0.95


async def test_one_chart_is_in_the_document_the_pdf_and_on_the_page(sample: Sample) -> None:
    values = reporting.context(sample.report, SETTINGS, "vi")
    assert values["chart"].startswith(b"\x89PNG")
    with zipfile.ZipFile(io.BytesIO(fill(official_template("vi"), "form", values))) as parts:
        (picture,) = (name for name in parts.namelist() if name.startswith("word/media/"))
        assert parts.read(picture) == values["chart"]
    assert len(as_pdf(values, "vi")) > len(as_pdf(values | {"chart": b""}, "vi")) + 1000
    async with served(sample.workspace) as address, httpx2.AsyncClient(base_url=address, timeout=60) as client:
        for language, word in (("vi", "Đã chứng minh"), ("en", "Proven")):
            drawn = await client.get(f"/plans/{PLAN}/chart.svg", params={"lang": language})
            assert drawn.headers["content-type"] == "image/svg+xml" and word in drawn.text
            measured = {c.goal for c in sample.report.coverage if c.level == ALL_LEVELS and c.counted}
            titles = [g.title.in_language(language) for g in sample.report.plan.goals if g.id in measured]
            assert all(f". {title[:12]}" in drawn.text for title in titles)
        assert (await client.get(f"/plans/{PLAN}/chart.svg", params={"as_of": "2020-01-01"})).status_code == 200
        assert (await client.get("/plans/none/chart.svg")).status_code == 404


async def test_where_nobody_counts_there_is_no_chart(sample: Sample) -> None:
    assert reporting.chart(sample.report.plan.goals, (), "vi", "png") == b""
    values = reporting.context(sample.report, SETTINGS, "vi", with_chart=False)
    text, _ = words_of(fill(official_template("vi"), "form", values))
    assert "TỔNG HỢP" in text and as_pdf(values, "vi").startswith(b"%PDF")


@pytest.mark.parametrize("tag", ["chart.tpl", "chart.tpl.save('x.docx')", "chart.image_descriptor", "chart.__class__"])
async def test_a_template_can_place_the_picture_and_ask_nothing_else_of_it(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="a tag cannot be filled in"):
        fill(template("{{ " + tag + " }}"), "mau.docx", {"chart": PIXEL})
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240
    assert fill(template("{{ chart }}"), "mau.docx", {"chart": PIXEL})
