"""Lines on the command line, in the API and on pages; maintenance from the command to figures, pages and seals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from api import rounds
from api.commands_maintenance import read_time
from api.config import STATE_SECONDS, Config, LineSettings, read_config
from api.examining import examine
from api.printing import judge_plan
from api.sealing import seal, verify
from api.workspace import Workspace
from inventory.periods import ZONE
from inventory.store import facts
from inventory.vocabulary import load as load_vocabulary
from inventory.words import Fact, InputError, Value
from tests.api.pages_sample import fill
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu
from tests.api.test_pages import CHROMIUM, FLAGS

DOWN, BAD, BEHIND, GOOD = "xa-ho-son-mtslcd", "so-tc-mtslcd", "xa-dao-tru-mtslcd", "so-yt-mtslcd"
QUALITY = "phu-yen-2021-2025"
REASON = "Thay bộ lưu điện <b>"

pytestmark = pytest.mark.asyncio(loop_scope="module")


def told(at: datetime, state: str | None, reason: str, **more: Value) -> list[Fact]:
    answering = None if state is None else state != "down"
    said: dict[str, Value] = {"link_state": state, "link_reason": reason, "link_answering": answering, **more}
    return [Fact(key, value, "icmp", at) for key, value in said.items()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workspace(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workspace]:
    """The sample province; of four lines the last two hours are known, every five minutes."""
    folder = tmp_path_factory.mktemp("lines")
    async with opened(folder) as store:
        workspace, _ = await fill(store, folder)
        now = datetime.now(UTC)
        for minutes in range(120, -1, -5):
            at = now - timedelta(minutes=minutes)
            figures: dict[str, Value] = {"round_trip": 0.012, "round_trip_p95": 0.25, "jitter": 0.003}
            states = {
                GOOD: told(at, "up", "icmp", loss=0.0, **figures),
                BAD: told(at, "degraded", "loss delay", loss=0.2, **figures),
                BEHIND: told(at, None, f"via {GOOD}", loss=None),
                DOWN: told(at, "up" if minutes > 60 else "down", "icmp" if minutes > 60 else "silent", loss=1.0),
            }
            said = [(code, fact) for code, own in states.items() for fact in own]
            await store.write(facts.record, workspace.vocabulary, {"link": said}, now)
        await rounds.judge(workspace, now)
        yield workspace


def lines(folder: Path, *arguments: str, command: str = "lines") -> tuple[int, str, str]:
    done = dophu(folder, command, *arguments, DOPHU_DATA=str(folder))
    return done.returncode, done.stdout, done.stderr


async def ask(workspace: Workspace, path: str, **query: str) -> httpx2.Response:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address) as client:
        return await client.get(path, params=query)


async def test_the_command_says_state_reason_quality_and_availability(workspace: Workspace) -> None:
    folder = workspace.config.data
    since = (datetime.now(ZONE) - timedelta(hours=2)).isoformat()
    status, out, _ = lines(folder, "--from", since, "-o", "json")
    assert status == 0
    found = {row["code"]: row for row in json.loads(out)["lines"]}
    assert len(found) == 7
    assert (found[GOOD]["state"], found[GOOD]["reason"], found[GOOD]["availability"]) == ("up", "icmp", 1)
    assert (found[BAD]["state"], found[BAD]["loss"], found[BAD]["availability"]) == ("degraded", 0.2, 1)
    assert (found[BEHIND]["state"], found[BEHIND]["availability"]) == ("unknown", None)
    assert found[DOWN]["state"] == "down"
    assert found[DOWN]["availability"] == pytest.approx(0.5, abs=0.05)
    _, table, _ = lines(folder, "--language", "vi", "--from", since)
    assert "mất 20 % số gói; trễ p95 250 ms" in table.replace("\u00a0", " ")
    assert "theo lần đo cuối" in table, "the lines that were only read once"
    assert f"đường {GOOD} ở giữa không trả lời" in table


async def test_what_the_command_does_not_take(workspace: Workspace) -> None:
    status, _, said = lines(workspace.config.data, "--state", "broken")
    assert (status, said) == (2, "dophu: --state: gặp 'broken', cần một trong down, degraded, unknown, up\n")


async def test_the_api_tells_the_same(workspace: Workspace) -> None:
    body = (await ask(workspace, "/api/v1/links", state="degraded")).json()
    assert (body["total"], [row["code"] for row in body["items"]]) == (1, [BAD])
    assert body["items"][0]["round_trip_p95"] == 0.25
    assert (await ask(workspace, "/api/v1/links", agency="nobody")).status_code == 422
    assert (await ask(workspace, "/api/v1/links", state="broken")).status_code == 422
    page: dict[str, Any] = (await ask(workspace, "/api/v1/links", limit="2", offset="6")).json()
    assert (page["total"], len(page["items"])) == (7, 1)
    metrics = (await ask(workspace, "/metrics")).text
    assert f'dophu_link_state{{agency="so-tc",kind="mtslcd",link="{BAD}",state="degraded"}} 1.0' in metrics
    assert f'dophu_link_up{{agency="xa-dao-tru",kind="mtslcd",link="{BEHIND}"}}' not in metrics


async def test_the_page_lists_by_state_and_agency(workspace: Workspace) -> None:
    page = (await ask(workspace, "/lines")).text
    order = [page.index(f'data-line="{code}"') for code in (DOWN, BAD, BEHIND, GOOD)]
    assert order == sorted(order), "what asks for attention first"
    assert "Sở Y tế" in page and "kém" in page
    down = (await ask(workspace, "/lines", state="down", lang="en")).text
    assert f'data-line="{DOWN}"' in down and f'data-line="{GOOD}"' not in down
    none = (await ask(workspace, "/lines", agency="so-khcn", state="down")).text
    assert "data-line=" not in none


async def test_the_page_of_one_line_and_of_none(workspace: Workspace) -> None:
    page = (await ask(workspace, f"/lines/{DOWN}", lang="en")).text
    assert "does not answer" in page and 'class="line-down"' in page and 'class="line-up"' in page
    assert (await ask(workspace, f"/lines/{GOOD}", day="2020-02-30")).status_code == 422
    assert (await ask(workspace, f"/lines/{GOOD}", day="2999-01-01")).status_code == 422
    old = await ask(workspace, f"/lines/{GOOD}", day="2026-01-01")
    assert old.status_code == 200 and 'class="line-up" x=' not in old.text
    missing = await ask(workspace, "/lines/so-yt-mtslc")
    assert missing.status_code == 404
    assert "so-yt-mtslcd" in missing.text, "the nearest"
    assert (await ask(workspace, "/lines/<script>")).status_code == 404


async def test_pages_fit_a_telephone_and_a_sheet(workspace: Workspace) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    async with served(workspace) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 360, "height": 700})
        for path in ("/lines", f"/lines/{DOWN}"):
            for language in ("vi", "en"):
                await page.goto(f"{address}{path}?lang={language}")
                assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert await page.locator("svg.strip rect.line-down").count() == 1
        assert len(await page.pdf(format="A4")) > 10_000
        await browser.close()


async def test_maintenance_from_the_command_to_the_figures_the_page_and_the_seal(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = workspace.config.data
    now = datetime.now(ZONE)
    begins, ends = (f"{at:%Y-%m-%dT%H:%M}" for at in (now - timedelta(minutes=30), now + timedelta(hours=1)))
    given = ("add", "--link", DOWN, "--from", begins, "--to", ends, "--reason", REASON, "--by", "Trưởng phòng")
    assert lines(folder, *given, command="maintenance")[:2] == (0, "maintenance 1\n")
    listed = json.loads(lines(folder, "list", "-o", "json", command="maintenance")[1])
    assert [(row["scope"], row["subject"], row["reason"]) for row in listed] == [("link", DOWN, REASON)]
    await rounds.judge(workspace)
    every = Workspace(Config(data=folder), workspace.store)
    report = await judge_plan(every, QUALITY, datetime.now(UTC), with_members=False)
    figure = next(row for row in report.coverage if (row.goal, row.level) == ("link_wan_quality", "commune"))
    assert (figure.unmet, figure.not_applicable) == (0, 1)
    page = (await ask(workspace, f"/lines/{DOWN}")).text
    assert "Thay bộ lưu điện &lt;b&gt;" in page and 'class="line-maintenance"' in page
    row = (await ask(workspace, "/api/v1/links", agency="xa-ho-son")).json()["items"][0]
    assert row["maintenance"] is True and row["maintenance_seconds"] >= 29 * 60
    assert [w["subject"] for w in (await ask(workspace, "/api/v1/maintenance")).json()] == [DOWN]
    made = await seal(every, QUALITY, datetime.now(UTC), tmp_path / "with.zip")
    verdict = await verify(tmp_path / "with.zip", made["sha256"])
    assert verdict.problems == []
    assert lines(folder, "end", "1", command="maintenance")[0] == 0
    assert (await ask(workspace, "/api/v1/maintenance")).json() == []


async def test_a_window_of_nothing_or_of_two_things_is_refused(workspace: Workspace) -> None:
    usual = ("--from", "2026-12-01T00:00", "--to", "2026-12-01T01:00", "--reason", "a", "--by", "b")
    status, _, said = lines(workspace.config.data, "add", *usual, "--link", GOOD, "-a", "so-yt", command="maintenance")
    assert (status, said) == (2, "dophu: maintenance: expected one of --link, --agency, --asset and --network\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-13-01T00:00", "--from: found '2026-13-01T00:00', expected a time such as"),
        ("2026-12-01", "--from: found '2026-12-01' without an hour"),
        ("9999-12-31T00:00", "--from: found the year 9999"),
        ("x" * 500, "--from: found 'xxx"),
        ("", "--from: found ''"),
    ],
)
async def test_a_time_that_is_none_is_refused(text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_time("--from", text)


async def test_times_are_vietnams_unless_they_say_otherwise() -> None:
    assert read_time("--from", "2026-12-31T22:00") == datetime(2026, 12, 31, 15, 0, tzinfo=UTC)
    assert read_time("--from", "2026-12-31T22:00Z") == datetime(2026, 12, 31, 22, 0, tzinfo=UTC)


async def test_settings_of_lines_are_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "dophu.toml"
    file.write_text("[lines]\nseconds = 30\nloss = 0.1\n[lines.kinds.internet]\np95_ms = 400\n")
    settings = read_config(file).lines
    assert (settings.seconds, settings.limits_of("wan").loss, settings.limits_of("wan").p95_ms) == (30, 0.1, 200)
    internet = settings.limits_of("internet")
    assert (internet.loss, internet.p95_ms) == (0.1, 400)
    for text, expected in (
        ("[lines]\nloss = 5\n", "lines.loss"),
        ("[lines]\nsecond = 5\n", "lines.second"),
        ("[lines.kinds.adsl]\nloss = 0.1\n", "lines.kinds.adsl"),
        ("[lines]\nseconds = 300\n", r"lines: .*found 10 echoes within window_minutes \(10 every 300 s\), .* least 20"),
        ("[lines]\nechoes = 3\n", "found 15 echoes"),
        ("[lines]\nseconds = 3600\nechoes = 20\n", "stored every 60 minutes .*at most 19: they count for 20"),
        ("[lines]\nseconds = 590\nwindow_minutes = 15\nechoes = 20\n", "stored every 19.7 minutes"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=expected):
            read_config(file)
    assert Config(data=tmp_path).lines == LineSettings(seconds=60, window_minutes=5, echoes=10)
    assert LineSettings(seconds=900, window_minutes=15, echoes=20).store_seconds == 450
    assert load_vocabulary().max_age("link_state").total_seconds() == STATE_SECONDS


async def test_the_doctor_says_how_it_may_ping(workspace: Workspace) -> None:
    (check,) = [c for c in await examine(workspace.config) if c.check == "right to ping"]
    assert check.ok and "ICMP sockets" in check.found.en
