"""Long lists in pages, and figures that agree with their lists when facts come late or nothing was judged yet."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from api import rounds
from api.config import Config
from api.figures import stand
from api.members import last_page
from api.workspace import Workspace
from inventory.store import Store, registers, runs
from inventory.vocabulary import load
from inventory.words import Agency, Coverage, CoverageStatus, Register, Title
from tests.api.pages_sample import LEVELS, PLAN, SILENT, catch_up, fill
from tests.api.pages_server import opened, served

FIREWALL = f"/plans/{PLAN}/goals/agency_firewall"
COMMUNES = 120


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as made:
        yield made


async def read(address: str, path: str, status: int = 200) -> str:
    async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def members(page: str) -> list[str]:
    return re.findall(r'data-member="([^"]+)"', page)


def figure(page: str, goal: str = "agency_firewall") -> dict[str, int]:
    """The numbers of a goal's row for all levels."""
    body = page.split(f'<tbody data-goal="{goal}">')[1].split("</tbody>")[0]
    row = body.split('<tr class="figure')[-1]
    cells = dict(re.findall(r'<td class="num"[^>]* data-label="([^"]+)">(.*?)</td>', row, re.DOTALL))
    return {name: int(re.sub(r"<[^>]+>", "", cells[name])) for name in ("Tổng số", "Đạt", "Chưa đạt", "Chưa rõ")}


async def test_a_long_list_comes_in_pages_that_together_are_the_figure(store: Store, tmp_path: Path) -> None:
    communes = [
        Agency(f"xa-{n:03d}", Title(f"UBND xã số {n}", f"Commune {n}"), "commune", None, date(2019, 1, 1))
        for n in range(COMMUNES)
    ]
    declared = Register(levels=LEVELS, agencies=tuple(communes))
    await store.write(registers.replace, declared)
    workspace = Workspace(Config(data=tmp_path, plans=[PLAN]), store)
    await rounds.judge(workspace)
    found: list[str] = []
    async with served(workspace) as address:
        goal = f"/plans/{PLAN}/goals/commune_lan_wan"
        assert figure(await read(address, "/"), "commune_lan_wan") == {
            "Tổng số": COMMUNES, "Đạt": 0, "Chưa đạt": COMMUNES, "Chưa rõ": 0,
        }  # fmt: skip
        link: str | None = goal
        while link:
            page = await read(address, link)
            found += members(page)
            following = re.search(r'<a href="([^"#]+)#members" rel="next">', page)
            link = following[1].replace("&amp;", "&") if following else None
        assert len(await _shown(address, f"{goal}?page=999999999")) == COMMUNES % 50
        assert len(await _shown(address, f"{goal}?page=-1")) == 50
        assert len(await _shown(address, f"{goal}?page=%C2%B2")) == 50
        agencies = await read(address, "/agencies?lang=en")
    assert found == [c.code for c in communes]
    assert "120 agencies" in agencies


async def _shown(address: str, path: str) -> list[str]:
    return members(await read(address, path))


async def test_what_comes_late_does_not_set_a_figure_against_its_list(store: Store, tmp_path: Path) -> None:
    """The silent agency's line was down, its poller delivers afterwards; the snapshot told is still the former one."""
    workspace, _ = await fill(store, tmp_path)
    async with served(workspace) as address:
        before = figure(await read(address, "/"))
        for run in catch_up(datetime.now(UTC) - timedelta(hours=2)):
            await store.write(runs.record, load(), run, datetime.now(UTC))
        page = await read(address, FIREWALL)
        assert figure(await read(address, "/")) == figure(page) == before
        assert len(members(page)) == before["Tổng số"] == 5
        assert SILENT in page.split('data-status="unknown"')[1].split("</table>")[0]
    # After a restart the same instant is judged anew, with what is known by now: so is the list.
    async with served(workspace) as address:
        after = figure(await read(address, "/"))
        page = await read(address, FIREWALL)
        assert after == {"Tổng số": 5, "Đạt": 4, "Chưa đạt": 1, "Chưa rõ": 0}
        assert figure(page) == after
        assert SILENT in page.split('data-status="met"')[1]


async def test_before_anything_was_collected_or_judged_the_pages_say_so(store: Store, tmp_path: Path) -> None:
    workspace = Workspace(Config(data=tmp_path, plans=[PLAN]), store)
    async with served(workspace) as address:
        page = await read(address, "/")
        assert page.count("data-goal=") == 26
        assert "Chưa có số liệu." in page
        assert "Chưa có lần chạy nào." in page
        assert "0 cơ quan" in await read(address, "/agencies")
        assert "chưa có đối tượng" in await read(address, FIREWALL)


async def test_a_database_without_tables_is_told_in_words(tmp_path: Path) -> None:
    bare = Store.open(f"sqlite:///{tmp_path / 'dophu.db'}")
    async with served(Workspace(Config(data=tmp_path, plans=[PLAN]), bare)) as address:
        assert "Cơ sở dữ liệu chưa trả lời" in await read(address, "/", status=503)
        assert "The database does not answer" in await read(address, "/assets/1?lang=en", status=503)
    await bare.close()


def _row(level: str, target: float | None, met: int, unmet: int, unknown: int) -> Coverage:
    return Coverage("p", "g", level, target, None, met, unmet, unknown, measured=True)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], CoverageStatus.NOT_MEASURED),
        ([_row("all", 0.9, 9, 1, 0)], CoverageStatus.REACHED),
        # Targets by level only: the goal is as far as its furthest level.
        ([_row("a", 0.8, 9, 1, 0), _row("b", 0.5, 4, 2, 4), _row("all", None, 13, 3, 4)], CoverageStatus.OPEN),
        ([_row("a", 0.8, 1, 9, 0), _row("b", 0.5, 4, 2, 4), _row("all", None, 5, 11, 4)], CoverageStatus.NOT_REACHED),
        ([_row("a", 0.8, 9, 1, 0), _row("b", 0.5, 6, 4, 0), _row("all", None, 15, 5, 0)], CoverageStatus.REACHED),
        ([_row("a", None, 9, 1, 0), _row("all", None, 9, 1, 0)], CoverageStatus.NO_TARGET),
        ([_row("all", 0.9, 0, 0, 0)], CoverageStatus.NOT_MEASURED),
    ],
)
def test_where_a_goal_stands_as_a_whole(rows: list[Coverage], expected: CoverageStatus) -> None:
    assert stand(rows) is expected


def test_a_list_has_at_least_one_page() -> None:
    assert [last_page(total, 50) for total in (0, 1, 50, 51, 120)] == [1, 1, 1, 2, 3]
