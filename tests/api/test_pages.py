"""The pages in a real Chromium: figures agree with their lists, in both languages, on a telephone and on A4."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, async_playwright

from inventory.store import events
from inventory.store.events import Notice
from inventory.words import Event, Identity
from tests.api.pages_sample import HOSTILE, PLAN, SILENT, fill
from tests.api.pages_server import opened, served

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHROMIUM = Path("/usr/bin/chromium")
INSTALLED = CHROMIUM.exists()
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FIREWALL = f"/plans/{PLAN}/goals/agency_firewall"
STATUSES = ("met", "unmet", "unknown")


@dataclass(frozen=True)
class Site:
    """The served sample, and the day on which its silent agency still answered."""

    address: str
    day: date


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("pages")
    async with opened(folder) as store:
        workspace, day = await fill(store, folder)
        now = datetime.now(UTC)
        for kind, detail in (("on_battery", HOSTILE), ("notification", "1.3.6" * 150), ("link_down", "")):
            event = Event(kind, now, workspace.vocabulary.events[kind].severity, "traps", "ge-0/0/1", detail)
            told = Notice(event, Identity(address="10.2.0.1", network="so-tc-lan", agency="so-tc"))
            await store.write(events.record, workspace.vocabulary, [told], now)
        async with served(workspace) as address:
            yield Site(address, day)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def context(site: Site) -> AsyncIterator[BrowserContext]:
    if not INSTALLED:
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        made = await browser.new_context(base_url=site.address, viewport={"width": 1280, "height": 900})
        made.set_default_timeout(10_000)
        yield made
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, site: Site) -> AsyncIterator[Page]:
    """A page that has nothing to complain of at the end: no script error, nothing blocked, nothing from elsewhere."""
    made = await context.new_page()
    wrong: list[str] = []
    made.on("console", lambda message: wrong.append(message.text) if message.type != "log" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
    made.on("request", lambda r: None if r.url.startswith((site.address, "data:")) else wrong.append(r.url))
    yield made
    await made.close()
    assert [text for text in wrong if "404" not in text and "422" not in text] == []


async def texts(found: Locator) -> list[str]:
    return [" ".join(text.split()) for text in await found.all_inner_texts()]


async def text_of(found: Locator) -> str:
    """What is shown, with every white space a single space."""
    return " ".join((await found.inner_text()).split())


async def numbers_of(row: Locator) -> dict[str, str]:
    """The cells of a row of figures by their label."""
    cells = await row.locator("td").all()
    return {str(await c.get_attribute("data-label")): " ".join((await c.inner_text()).split()) for c in cells}


async def listed(page: Page) -> dict[str, int]:
    """The members that the lists of a goal's page hold, by status: rows, each with what it stands for."""
    sums: dict[str, int] = {}
    for heading in await page.locator("h3[data-status]").all():
        table = heading.locator("xpath=following-sibling::table[1]")
        weights = [await r.get_attribute("data-weight") for r in await table.locator("tbody > tr[data-member]").all()]
        told = sum(int(w or 0) for w in weights)
        assert (await text_of(heading)).split()[-1] == str(told)
        sums[str(await heading.get_attribute("data-status"))] = told
    return sums


async def addresses(page: Page) -> list[str]:
    """One page of every kind, as linked."""
    await page.goto("/agencies/so-tc")
    switch = await page.locator("tr[data-asset] a", has_text="<script>").get_attribute("href")
    await page.goto("/agencies/so-yt")
    computer = await page.locator("tr[data-asset] a", has_text="pc-tiepdan-01").get_attribute("href")
    return [
        "/", FIREWALL, f"/plans/{PLAN}/goals/video_conference", f"/plans/{PLAN}/goals/online_services", "/agencies",
        "/agencies/so-yt", "/agencies/so-tc", "/agencies/so-tttt", "/events", str(switch), str(computer),
        "/agencies/so-xx", "/no/such/page",
    ]  # fmt: skip


# --- figures and lists ----------------------------------------------------------------------------------------------


async def test_the_coverage_page_tells_the_figures_of_the_plan(page: Page) -> None:
    await page.goto("/")
    rows = page.locator("tbody[data-goal=agency_firewall] tr.figure")
    assert await texts(rows.locator("th")) == ["Cấp tỉnh", "Cấp huyện", "Tất cả các cấp"]
    whole = await numbers_of(rows.last)
    assert whole == {
        "Mục tiêu": "100 %", "Đã chứng minh": "60 %", "Có thể đạt": "80 %", "Biểu đồ": "", "Tổng số": "5", "Đạt": "3",
        "Chưa đạt": "1", "Chưa rõ": "1", "Tình trạng": "Không đạt mục tiêu",
    }  # fmt: skip
    tiles = {await t.get_attribute("data-status"): int(await t.locator("dd").inner_text())
             for t in await page.locator(".tile").all()}  # fmt: skip
    assert tiles == {
        "reached": 0, "declared": 0, "open": 8, "not_reached": 3, "no_target": 4, "not_measured": 11,
    }  # fmt: skip
    assert "1/20 đích không đọc được" in await page.locator("section .meta").inner_text()


async def test_every_goal_of_the_plan_stands_there_with_its_citation(page: Page) -> None:
    await page.goto("/")
    goals = await page.locator("[data-goal]").evaluate_all("rows => rows.map(r => [r.dataset.goal, r.innerText])")
    assert len(goals) == len({goal for goal, _ in goals}) == 26
    assert all(re.search(r"P[12]\.[IV]+\.\d\w?, dòng \d+–\d+", text) for _, text in goals), goals


async def test_each_figure_is_the_number_of_members_behind_it(page: Page) -> None:
    await page.goto("/")
    told = []
    for row in await page.locator("tr.figure").all():
        cells = await numbers_of(row)
        link = await row.locator("[data-label='Tổng số'] a").get_attribute("href")
        told.append(
            (str(link), {s: int(cells[w]) for s, w in zip(STATUSES, ("Đạt", "Chưa đạt", "Chưa rõ"), strict=True)})
        )
    assert len(told) == 58
    for link, figures in told:
        await page.goto(link)
        assert await listed(page) == {status: n for status, n in figures.items() if n}, link


async def test_the_list_begins_with_who_has_to_act_and_says_why(page: Page) -> None:
    await page.goto(FIREWALL)
    assert await page.locator("h3[data-status]").evaluate_all("a => a.map(h => h.dataset.status)") == [
        "unmet", "unknown", "met",
    ]  # fmt: skip
    unmet = page.locator("tr[data-member=so-tc]")
    assert await unmet.locator("th a").inner_text() == "Sở Tài chính"
    await unmet.locator("summary").click()
    assert "Số tường lửa đang trả lời: 0" in await unmet.inner_text()
    silent = await page.locator(f"tr[data-member={SILENT}]").inner_text()
    assert "mạng chưa được đọc hết trong 8 ngày: huyen-tam-dao-lan" in silent


async def test_from_the_figure_to_the_facts_of_a_device(page: Page) -> None:
    await page.goto("/")
    await page.locator("tbody[data-goal=agency_firewall] tr.figure").last.locator("[data-label='Đạt'] a").click()
    assert "status=met" in page.url
    assert await listed(page) == {"met": 3}
    member = page.locator("tr[data-member=so-yt]")
    await member.locator("summary").click()
    assert "Có trả lời: có (nmap," in await member.locator(".counted").inner_text()
    await member.locator(".counted a").click()
    assert await page.locator("h1").inner_text() == "fw-soyte"
    facts = await texts(page.locator("section[aria-labelledby=facts] tbody tr"))
    assert any(row.startswith("Phiên bản phần mềm 7.4.0 snmp đo trên thiết bị") for row in facts), facts


async def test_filters_narrow_the_list_and_can_be_taken_away(page: Page) -> None:
    await page.goto(FIREWALL)
    await page.locator("label", has_text="Cấp").locator("select[name=level]").select_option("district")
    await page.locator("label", has_text="Tình trạng").locator("select").select_option("unknown")
    await page.get_by_role("button", name="Lọc danh sách").click()
    assert await page.locator("tr[data-member]").evaluate_all("a => a.map(r => r.dataset.member)") == [SILENT]
    await page.get_by_role("link", name="Bỏ lọc").click()
    assert sum((await listed(page)).values()) == 5


async def test_declared_assets_that_were_not_found_count_as_unknown(page: Page) -> None:
    await page.goto(f"/plans/{PLAN}/goals/video_conference")
    assert await listed(page) == {"unknown": 2, "met": 1}
    assert "2 thiết bị khai báo, chưa tìm thấy" in await page.locator("main").inner_text()


# --- as of a day ----------------------------------------------------------------------------------------------------


async def test_as_of_a_day_the_figure_and_its_list_are_those_of_that_day(page: Page, site: Site) -> None:
    await page.goto("/")
    await page.get_by_label("Tính đến hết ngày").fill(site.day.isoformat())
    await page.get_by_role("button", name="Xem").click()
    row = page.locator("tbody[data-goal=agency_firewall] tr.figure").last
    cells = await numbers_of(row)
    shown = [cells[name] for name in ("Đã chứng minh", "Có thể đạt", "Tổng số", "Đạt", "Chưa đạt", "Chưa rõ")]
    assert shown == ["80 %", "80 %", "5", "4", "1", "0"]
    assert f"{site.day:%d/%m/%Y}" in await page.locator(".notice").inner_text()
    await row.locator("[data-label='Tổng số'] a").click()
    assert await listed(page) == {"unmet": 1, "met": 4}
    await page.locator(f"tr[data-member={SILENT}] th a").click()
    assert f"as_of={site.day}" in page.url
    status = page.locator("tr[data-control=agency_firewall_answering] .status")
    assert await status.inner_text() == "Đạt"
    await page.get_by_role("link", name="Xem hiện tại").click()
    assert await status.inner_text() == "Chưa rõ"


async def test_a_day_that_cannot_be_answered_is_refused_in_words(page: Page) -> None:
    refused = {
        "2999-01-01": "ở tương lai",
        "31/03/2026": "không phải là ngày",
        "0001-01-01": "không phải là ngày",
        "x" * 300: "không phải là ngày",
    }
    for text, said in refused.items():
        answer = await page.goto(f"/?as_of={text}")
        assert answer is not None
        assert answer.status == 422
        assert said in await page.locator(".notice").inner_text()


# --- languages ------------------------------------------------------------------------------------------------------


async def test_the_language_changes_and_the_place_stays(page: Page) -> None:
    await page.goto(f"{FIREWALL}?status=unknown")
    before = await listed(page)
    assert await page.locator("html").get_attribute("lang") == "vi"
    await page.get_by_role("link", name="English").click()
    assert page.url.endswith(f"{FIREWALL}?status=unknown&lang=en")
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await text_of(page.locator("h3[data-status]")) == "Unknown 1"
    assert "networks not read to the end within 8 d" in await page.locator(f"tr[data-member={SILENT}]").inner_text()
    assert await listed(page) == before
    await page.locator(f"tr[data-member={SILENT}] th a").click()
    assert await page.locator("h1").inner_text() == "Tam Đảo District"
    await page.get_by_role("link", name="Tiếng Việt").click()
    assert await page.locator("h1").inner_text() == "UBND huyện Tam Đảo"
    assert "lang" not in page.url


async def test_numbers_and_days_are_written_as_each_language_writes_them(page: Page) -> None:
    await page.goto("/agencies/so-yt")
    assert "1.258 31/01/2026" in (await texts(page.locator("section[aria-labelledby=declared] tr")))[1]
    await page.goto("/agencies/so-yt?lang=en")
    assert "1,258 31 Jan 2026" in (await texts(page.locator("section[aria-labelledby=declared] tr")))[1]
    await page.goto("/")
    assert "66,6 %" in await text_of(page.locator("tbody[data-goal=agency_firewall]"))
    await page.goto("/?lang=en")
    assert "66.6 %" in await text_of(page.locator("tbody[data-goal=agency_firewall]"))


async def test_all_text_is_in_normal_form_c(page: Page) -> None:
    await page.goto("/agencies/so-khcn")
    shown = await page.locator("body").inner_text()
    assert "M\u00e1y ch\u1ee7 NFD" in shown
    assert unicodedata.is_normalized("NFC", shown)


# --- agencies and assets --------------------------------------------------------------------------------------------


async def test_agencies_are_found_without_accents(page: Page) -> None:
    await page.goto("/agencies")
    for typed, found in {
        "so y te": {"so-yt"},
        "SỞ Y TẾ": {"so-yt"},
        "dao tru": {"xa-dao-tru"},
        "health": {"so-yt"},
        "so-yt": {"so-yt"},
        "thong tin va truyen thong": {"so-tttt"},
        "ubnd xa": {"xa-dao-tru", "xa-ho-son"},
        "khong co": set(),
    }.items():
        await page.get_by_label("Tìm theo tên hoặc mã").fill(typed)
        await page.get_by_role("button", name="Tìm").click()
        shown = await page.locator("tr[data-agency]").evaluate_all("a => a.map(r => r.dataset.agency)")
        assert set(shown) == found, typed


async def test_the_list_of_agencies_tells_what_counts_for_a_goal(page: Page) -> None:
    await page.goto("/agencies")
    told = {}
    for row in await page.locator("tr[data-agency]:has([data-label='Thiết bị'])").all():
        cells = await numbers_of(row)
        told[await row.get_attribute("data-agency")] = [cells[k] for k in ("Thiết bị", "Đạt", "Chưa đạt", "Chưa rõ")]
    assert told == {
        # Asked too, but only the goals that speak of no level speak of it.
        "ubnd-tinh": ["0", "0", "0", "1"], "so-khcn": ["3", "2", "0", "2"], "so-tc": ["3", "1", "1", "2"],
        "so-yt": ["4", "3", "0", "2"], "huyen-tam-dao": ["3", "0", "0", "6"], "tp-vinh-yen": ["3", "2", "0", "2"],
        "xa-dao-tru": ["2", "1", "0", "2"], "xa-ho-son": ["2", "0", "1", "2"],
    }  # fmt: skip


async def test_an_agency_that_ended_leads_to_its_successor(page: Page) -> None:
    await page.goto("/agencies/so-tttt")
    assert "Đã kết thúc" in await page.locator(".notice").inner_text()
    await page.locator(".notice a").click()
    assert await page.locator("h1").inner_text() == "Sở Khoa học và Công nghệ"


async def test_an_agency_shows_all_that_is_declared_and_found(page: Page) -> None:
    await page.goto("/agencies/so-yt")
    link = await text_of(page.locator("section[aria-labelledby=links] tbody tr"))
    for part in ("thông", "20 Mbit/s", "10.200.0.1", "0 %", "12,3 ms"):
        assert part in link, part
    assert "10.1.0.0/24" in await page.locator("section[aria-labelledby=networks]").inner_text()
    assert await page.locator("tr[data-asset]").count() == 4
    controls = await page.locator("tr[data-control]").evaluate_all("a => a.map(r => r.dataset.control)")
    assert len(controls) == 13
    # What counts for no goal at this level comes last and says so.
    assert "không tính vào chỉ tiêu nào" in await page.locator("tr[data-control]").last.inner_text()


async def test_an_asset_shows_conflicts_history_and_merges(page: Page) -> None:
    await page.goto("/agencies/so-yt")
    await page.locator("tr[data-asset] a", has_text="pc-tiepdan-01").click()
    names = await texts(page.locator("tbody[data-conflict=sysname] tr"))
    assert [re.sub(r"\d\d:\d\d .*?\d{4} ", "", row) for row in names] == [
        "Tên thiết bị pc-tiepdan-01 snmp đo trên thiết bị được dùng",
        "Tên thiết bị PC-TIEPDAN agent tác tử trên máy báo không dùng",
    ]
    history = await texts(page.locator("section[aria-labelledby=history] tbody tr"))
    versions = [row for row in history if row.startswith("Phiên bản phần mềm")]
    assert ["7.4.0" in versions[0], "đang giữ" in versions[0], "7.2.1" in versions[1], "đang giữ" in versions[1]] == [
        True, True, True, False,
    ]  # fmt: skip
    identifiers = await page.locator("section[aria-labelledby=identifiers]").inner_text()
    assert "3C:52:82:00:01:03" in identifiers
    assert re.search(r"Thiết bị \d+ được gộp vào \d+: cùng (MAC|Mã tác tử|Số sê-ri)", identifiers), identifiers
    merged = re.search(r"Thiết bị (\d+) được gộp", identifiers)
    assert merged is not None
    await page.goto(f"/assets/{merged[1]}")
    assert await page.locator("h1").inner_text() == "pc-tiepdan-01"
    assert "LibreOffice" in await page.locator("section[aria-labelledby=table-software]").inner_text()
    assert "nguồn cho biết là không rõ" in await page.locator("section[aria-labelledby=stale]").inner_text()


async def test_what_devices_call_themselves_stays_text(page: Page) -> None:
    await page.goto("/agencies/so-tc")
    shown = HOSTILE.replace("\u202e", "\ufffd")
    await page.get_by_role("link", name="document.title").click()
    assert await page.locator("h1").inner_text() == shown
    assert await page.title() == f"{shown} · Độ phủ"
    assert shown in await page.locator("section[aria-labelledby=table-interface]").inner_text()
    assert await page.locator("img, script, iframe").count() == 0
    await page.goto("/agencies/so-tc")
    assert "javascript:alert(1)" in await page.locator("section[aria-labelledby=websites]").inner_text()
    assert await page.locator("a[href^='javascript']").count() == 0
    await page.goto('/agencies?q="><script>alert(1)</script>&level="x&as_of=')
    assert await page.get_by_label("Tìm theo tên hoặc mã").input_value() == '"><script>alert(1)</script>'
    assert await page.locator("script").count() == 0


async def test_events_are_filtered_and_lead_to_the_asset_and_its_agency(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="Sự kiện").click()
    assert await page.locator("tr[data-event]").count() == 3
    shown = await text_of(page.locator("tr[data-event=on_battery]"))
    assert "Chuyển sang chạy ắc quy (nghiêm trọng)" in shown and HOSTILE.replace("\u202e", "\ufffd") in shown
    await page.get_by_label("Loại").select_option(label="Cổng mất kết nối")
    await page.get_by_label("Cơ quan").select_option(label="Sở Tài chính")
    await page.get_by_role("button", name="Tìm").click()
    assert await page.locator("tr[data-event]").evaluate_all("a => a.map(r => r.dataset.event)") == ["link_down"]
    await page.locator("tr[data-event] [data-label='Thiết bị'] a").click()
    assert await page.locator("section[aria-labelledby=events] tr[data-event]").count() == 3
    assert await page.locator("img, script, iframe").count() == 0


# --- what there is not ----------------------------------------------------------------------------------------------


MISSING: list[tuple[str, str, str | None]] = [
    ("/?plan=vinh-phuc-2002", "Không có kế hoạch “vinh-phuc-2002”", f"/?plan={PLAN}"),
    ("/?plan=x", "Không có kế hoạch “x”", f"/?plan={PLAN}"),
    (f"/plans/{PLAN}/goals/agency_firewal", "không có chỉ tiêu “agency_firewal”", FIREWALL),
    ("/plans/vinh-phuc/goals/agency_lan", "Không có kế hoạch “vinh-phuc”", f"/?plan={PLAN}"),
    ("/agencies/so-yte", "không có cơ quan mã “so-yte”", "/agencies/so-yt"),
    ("/assets/9999", "Không có thiết bị số “9999”", None),
    ("/assets/99999999999999999999999", "Không có thiết bị", None),
    ("/assets/²", "Không có thiết bị", None),
    ("/no/such/page", "Không có trang nào ở địa chỉ này", None),
]


async def test_what_is_not_there_is_said_in_words_with_the_nearest_that_is(page: Page) -> None:
    for address, said, meant in MISSING:
        answer = await page.goto(address)
        assert answer is not None
        assert answer.status == 404, address
        assert await page.locator("h1").inner_text() == "Không tìm thấy"
        assert said in await page.locator(".notice").inner_text()
        if meant:
            assert await page.locator("main ul a").first.get_attribute("href") == meant
            followed = await page.goto(meant)
            assert followed is not None
            assert followed.status == 200


# --- how it reads ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [380, 1280])
async def test_no_page_is_wider_than_the_screen(page: Page, width: int) -> None:
    every = await addresses(page)
    await page.set_viewport_size({"width": width, "height": 800})
    for address in every:
        await page.goto(f"{address}?evidence=open")
        over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, (address, over)


_OUTLINE = """() => {
  const wrong = [], all = what => [...document.querySelectorAll(what)];
  let before = 0;
  for (const h of all('h1,h2,h3,h4')) {
    const level = Number(h.tagName[1]);
    if (level > before + 1) wrong.push(`${h.tagName} after h${before}: ${h.innerText}`);
    before = level;
  }
  if (all('h1').length !== 1) wrong.push('not one h1');
  for (const th of all('th:not([scope])')) wrong.push(`th without scope: ${th.innerText}`);
  for (const t of all('table')) if (!t.caption) wrong.push('table without caption');
  for (const i of all('input:not([type=hidden]),select')) if (!i.labels.length) wrong.push(`no label: ${i.name}`);
  for (const s of all('svg[role=img]')) if (!s.getAttribute('aria-label')) wrong.push('bar without words');
  for (const s of all('.status')) if (!s.textContent.trim() || !s.querySelector('svg')) wrong.push('colour alone');
  const ids = all('[id]').map(e => e.id);
  for (const id of ids.filter((v, n) => ids.indexOf(v) !== n)) wrong.push(`id ${id} twice`);
  return wrong;
}"""

_CONTRAST = """() => {
  const linear = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const parse = text => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    return parts.length > 3 && parts[3] === 0 ? null : parts.slice(0, 3);
  };
  const wrong = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.nodeValue.trim() || !e.getClientRects().length) continue;
    const ink = parse(getComputedStyle(e).color);
    let paper = null;
    for (let up = e; up && !paper; up = up.parentElement) paper = parse(getComputedStyle(up).backgroundColor);
    const [a, b] = [light(ink), light(paper || [255, 255, 255])].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) wrong.push(`${ratio.toFixed(2)}: ${walk.currentNode.nodeValue.trim().slice(0, 40)}`);
  }
  return wrong;
}"""


async def test_pages_are_in_order_for_those_who_cannot_see_them(page: Page) -> None:
    for address in await addresses(page):
        await page.goto(address)
        assert await page.evaluate(_OUTLINE) == [], address


async def test_text_stands_out_from_its_ground(page: Page) -> None:
    for address in await addresses(page):
        await page.goto(f"{address}?evidence=open")
        assert await page.evaluate(_CONTRAST) == [], address


async def test_on_paper_there_is_no_navigation_and_all_evidence(page: Page) -> None:
    await page.goto(FIREWALL)
    evidence = page.locator("tr[data-member=so-yt] .inside")
    assert not await evidence.is_visible()
    await page.emulate_media(media="print")
    for hidden in ("header.site nav", "form.choose"):
        assert not await page.locator(hidden).first.is_visible(), hidden
    assert await evidence.is_visible()
    assert (
        await page.locator("table.figures thead").evaluate("e => getComputedStyle(e).display") == "table-header-group"
    )
    assert await page.locator("h1").is_visible()
    printed = await page.pdf(prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert sizes
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {(595, 842)}


async def test_the_bar_shows_proven_possible_and_target(page: Page) -> None:
    await page.goto("/")
    bar = page.locator("tbody[data-goal=agency_firewall] tr.figure").last.locator(".bar")
    assert await bar.get_attribute("aria-label") == "Đã chứng minh 60\u00a0%, Có thể đạt 80\u00a0%, Mục tiêu 100\u00a0%"
    box = {part: await bar.locator(f".{part}").bounding_box() for part in ("rest", "sure", "maybe", "goal-line")}
    whole = box["rest"]
    assert whole is not None
    spans = {
        part: ((b["x"] - whole["x"]) / whole["width"], b["width"] / whole["width"]) for part, b in box.items() if b
    }
    assert spans["sure"] == pytest.approx((0, 0.6), abs=0.01)
    assert spans["maybe"] == pytest.approx((0.6, 0.2), abs=0.01)
    assert spans["goal-line"][0] == pytest.approx(1, abs=0.03)
