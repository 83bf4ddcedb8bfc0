"""LibreOffice opens every document and workbook that people take away, and the pages are there to be looked at."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from api import counting, reporting
from api.config import ReportSettings
from api.gaps import find_gaps
from api.gaps_files import as_workbook as gaps_workbook
from api.workspace import Workspace
from exporters.reports import as_pdf, fill, official_template
from inventory.periods import read_period
from tests.api.pages_sample import PLAN
from tests.api.pages_sample import fill as fill_sample
from tests.api.pages_server import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = ReportSettings(department="Sở Khoa học & Công nghệ", place="Vĩnh Yên", signer="Nguyễn Văn A")
NEEDED = {"soffice": "libreoffice-writer-nogui, libreoffice-calc-nogui", "pdftoppm": "poppler-utils"}


@dataclass(frozen=True)
class Opened:
    """The files as they were made, and the PDF that LibreOffice printed of each; of a PDF the file itself."""

    pdfs: dict[str, Path]

    def text(self, name: str) -> str:
        command = ["pdftotext", "-layout", str(self.pdfs[name]), "-"]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


async def _make(workspace: Workspace, folder: Path) -> dict[str, Path]:
    made: dict[str, bytes] = {}
    year = read_period(f"{datetime.now(UTC):%Y}")
    for language in ("vi", "en"):
        report = await reporting.make(workspace, PLAN, year, language)
        values = reporting.context(report, SETTINGS, language)
        made[f"report-{language}.docx"] = fill(official_template(language), "form", values)
        made[f"figures-{language}.xlsx"] = reporting.as_workbook(report, language)
        made[f"report-{language}.pdf"] = as_pdf(values, language)
        gaps = await find_gaps(workspace, PLAN, datetime.now(UTC), language=language)
        made[f"gaps-{language}.xlsx"] = gaps_workbook(gaps, language)
        made[f"counts-{language}.xlsx"] = await counting.template(workspace, year, language)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in made}


def _print(files: list[Path], folder: Path) -> None:
    """Have LibreOffice print files as PDF, with a profile of its own, so that no other instance is disturbed."""
    profile = f"-env:UserInstallation=file://{folder / 'profile'}"
    command = ["soffice", profile, "--headless", "--norestore", "--convert-to", "pdf", "--outdir", str(folder / "pdf")]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def printed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    for command, packages in NEEDED.items():
        if shutil.which(command) is None:
            pytest.skip(f"{command} is not installed (Debian: {packages})")
    folder = tmp_path_factory.mktemp("opening")
    async with opened(folder) as store:
        workspace, _ = await fill_sample(store, folder)
        files = await _make(workspace, folder)
        await asyncio.to_thread(_print, [path for path in files.values() if path.suffix != ".pdf"], folder)
        pdf = folder / "pdf"
        yield Opened({n: path if path.suffix == ".pdf" else pdf / f"{path.stem}.pdf" for n, path in files.items()})


NAMES = [f"{kind}-{language}.{form}" for language in ("vi", "en") for kind, form in (
    ("report", "docx"), ("report", "pdf"), ("figures", "xlsx"), ("gaps", "xlsx"), ("counts", "xlsx"),
)]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
async def test_every_page_shows_something(printed: Opened, name: str, tmp_path: Path) -> None:
    pages = _draw(printed.pdfs[name], tmp_path)
    assert pages
    for number, (size, pixels) in enumerate(pages, 1):
        assert min(size) > 100
        assert sum(value < 160 for value in pixels) > 20, f"{name}, page {number}: nothing is on it"


def _draw(pdf: Path, folder: Path) -> list[tuple[tuple[int, int], bytes]]:
    """The pages of a PDF as small grey pictures."""
    command = ["pdftoppm", "-gray", "-r", "20", str(pdf), str(folder / "page")]
    subprocess.run(command, check=True, timeout=60)
    return [_grey(page.read_bytes()) for page in sorted(folder.glob("page*.pgm"))]


def _grey(image: bytes) -> tuple[tuple[int, int], bytes]:
    """Size and pixels of a PGM picture (0 is black)."""
    head = re.match(rb"P5\s(\d+)\s(\d+)\s255\s", image)
    assert head is not None
    return (int(head[1]), int(head[2])), image[head.end() :]


@pytest.mark.parametrize(
    ("name", "phrases"),
    [
        (
            "report-vi.docx",
            ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Nơi nhận:", "BÁO CÁO"],
        ),
        ("report-vi.pdf", ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Lưu: VT"]),
        ("report-en.docx", ["SOCIALIST REPUBLIC OF VIET NAM", "RESULTS BY GOAL"]),
        ("figures-vi.xlsx", ["Báo cáo kết quả thực hiện kế hoạch", "66,6 %"]),
        ("figures-en.xlsx", ["66.6 %"]),
        ("gaps-vi.xlsx", ["Sở Tài chính"]),
        ("counts-vi.xlsx", ["Mã cơ quan"]),
    ],
)
async def test_what_a_reader_sees(printed: Opened, name: str, phrases: list[str]) -> None:
    text = " ".join(printed.text(name).split())
    for phrase in phrases:
        assert phrase in text, f"{name}: {phrase}"


async def test_no_word_of_the_head_of_a_table_is_broken(printed: Opened) -> None:
    """A column that is too narrow breaks "Kỳ trước" inside a word."""
    text = printed.text("report-vi.docx")
    assert not re.search(r"trướ\s+c\b", text)
    head = next(line for line in text.splitlines() if "Chỉ tiêu" in line and "Cấp" in line)
    assert re.search(r"\bTT\b", head)
