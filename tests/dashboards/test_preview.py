"""The previews of the dashboards: what Prometheus says is what stands in them, and all of it can be read in Chromium.

The Prometheus that fails is a small web server of our own; all others are real.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from dashboards import Language, load_dashboards
from dashboards.preview import PAGE_WIDTH, Preview, draw, previews
from dashboards.preview.charts import Line, Mark, lay_out
from dashboards.preview.looks import Looks
from dashboards.preview.prometheus import Prometheus, Series, Window
from dashboards.preview.tables import Frame, frame_of, transformed
from tests.api.test_pages import CHROMIUM, FLAGS, INSTALLED
from tests.dashboards.conftest import free_port
from tests.dashboards.grafana import KNOWN, ask, fill, panels, settle
from tests.dashboards.test_dashboards import EVERY, model
from tests.lab.demo import DOPHU

NAMES = sorted(load_dashboards())

#: What a reader could not read: text that is cut, stands over other text, or leaves its panel.
UNREADABLE = """() => {
  const wrong = [];
  const cut = box => box.scrollWidth > box.clientWidth + 1;
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const told = (what, text) => wrong.push(`${what}: ${text.trim().slice(0, 80)}`);
  const pairs = (what, boxes) => boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    if (meet(a.getBoundingClientRect(), b.getBoundingClientRect())) told(what, `${a.textContent} | ${b.textContent}`);
  }));
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  for (const box of all(".title, th, td, .rows, .choice, h1, header p, .empty, .bars")) {
    if (cut(box)) told("cut", box.textContent);
  }
  const head = document.querySelector("header");
  if (head.scrollHeight > head.clientHeight) told("the head is too low", head.textContent);
  pairs("panels", all("section"));
  for (const panel of all("section")) {
    const outer = panel.getBoundingClientRect();
    pairs("words of a panel", all("svg text, .legend, h2, .numbers", panel));
    for (const box of all("svg text, .legend span, .value, .name", panel)) {
      const inner = box.getBoundingClientRect();
      const inside = inner.left >= outer.left && inner.right <= outer.right;
      const above = inner.bottom <= outer.bottom || box.closest(".bars");
      if (!inside || !above || !inner.width) told("outside", box.textContent);
    }
    for (const legend of all(".legend", panel)) {
      if (legend.scrollHeight > legend.clientHeight) told("a legend is too low", legend.textContent);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) told("wide", document.title);
  return wrong;
}"""


def drawn(server: str, name: str, language: Language) -> Preview:
    """One dashboard; of the agencies, where one is chosen, that of which most is known."""
    chosen = [f"agency={KNOWN}"] if name == "agency" else []
    (made,) = previews(server, language, [name], "1m", chosen)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if not INSTALLED:
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "language"), EVERY)
async def test_every_panel_shows_data_that_a_person_can_read(
    prometheus: str, browser: Browser, name: str, language: Language
) -> None:
    made = drawn(prometheus, name, language)
    assert made.troubles == ()
    page = await browser.new_page(viewport={"width": PAGE_WIDTH, "height": made.height})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url))
    await page.set_content(made.html)
    text = await page.inner_text("body")
    said = {"vi": "Bản xem trước, không phải Grafana", "en": "Preview, not Grafana"}[language]
    assert text.startswith(said) and "None" not in text and "$" not in text
    assert await page.locator("section").count() == len(panels(model(name, language)))
    assert await page.locator(".empty").count() == 0
    assert await page.locator("svg").count() == await page.locator("svg:has(path.line, circle)").count()
    assert await page.evaluate(UNREADABLE) == []
    assert await page.evaluate("document.documentElement.scrollHeight") <= made.height
    assert complaints == []
    await page.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_test_for_what_cannot_be_read_finds_it(prometheus: str, browser: Browser) -> None:
    page = await browser.new_page(viewport={"width": PAGE_WIDTH, "height": 900})
    html = drawn(prometheus, "lines", "en").html
    await page.set_content(html.replace("Round trip, 50 %", "Round trip of one half of all packets"))
    assert [one for one in await page.evaluate(UNREADABLE) if "one half" in one]
    await page.set_content(re.sub(r"left:[\d.]+px", "left:0px", html))
    assert [one for one in await page.evaluate(UNREADABLE) if one.startswith("panels")]
    await page.close()


def test_what_prometheus_says_is_what_stands_there(prometheus: str) -> None:
    """Each large number of each dashboard, asked once more."""
    compared = 0
    for name in NAMES:
        dashboard = model(name, "en")
        values, _ = settle(prometheus, dashboard)
        shown = re.findall(r'class="value"[^>]*>([^<]*)<', drawn(prometheus, name, "en").html)
        for panel in (panel for panel in dashboard["panels"] if panel["type"] == "stat"):
            text = shown.pop(0)
            unit = panel["fieldConfig"]["defaults"]["unit"]
            if unit == "none" and "mappings" not in panel["fieldConfig"]["defaults"]:
                (told,) = ask(prometheus, "query", query=fill(panel["targets"][0]["expr"], values))["result"]
                assert float(text) == float(told["value"][1]), panel["title"]
                compared += 1
    assert compared > 30


def test_a_table_stands_as_its_transformations_say(prometheus: str) -> None:
    html = drawn(prometheus, "coverage", "vi").html
    table = html[html.index("Các chỉ tiêu") :]
    heads = re.findall(r"<th(?: [^>]*)?>([^<]*)<", table[: table.index("</thead>")])
    assert heads == [
        "Mục", "Chỉ tiêu", "Mã", "Kết quả", "Đã chứng minh", "Có thể đạt", "Mức đề ra", "So với mức đề ra",
        "Chưa đạt", "Chưa rõ", "Thời hạn",
    ]  # fmt: skip
    rows = [
        re.findall(r"<td[^>]*>(?:<a [^>]*>)?([^<]*)<", row)
        for row in re.findall(r"<tr>(<td.*?)</tr>", table[: table.index("</tbody>")], re.DOTALL)
    ]
    assert [row[0] for row in rows] == ["VP-031", "VP-067", "VP-068", "VP-070", "VP-073", "VP-075", "VP-090"]
    assert rows[0][2:] == [
        "firewalls",
        "Không đạt chỉ tiêu",
        "50.0%",
        "75.0%",
        "100.0%",
        "-50.0 điểm %",
        "1",
        "1",
        "31/12/2026",
    ]
    assert rows[5][2:] == ["mail", "Chưa đo", *["–"] * 7]


def test_a_mark_stands_over_each_time_in_which_its_expression_is_above_zero(prometheus: str) -> None:
    dashboard = model("coverage", "en")
    due, sealed = dashboard["annotations"]["list"]
    due["expr"] = "vector(1) * (time() % 20 < bool 10)"
    sealed["expr"] = "nonsense("
    with Prometheus(prometheus) as server:
        made = draw(dashboard, [], server, "en", datetime.now(UTC), 60.0)
    (told,) = made.troubles
    assert told.panel == "annotation Figures sealed" and told.why.startswith("HTTP 400: ")
    assert made.html.count("<title>Days on which goals are due</title>") in (3, 4)


def test_a_mark_of_moments_stands_where_its_values_say_and_is_called_by_its_labels(prometheus: str) -> None:
    dashboard = model("coverage", "en")
    sealed = dashboard["annotations"]["list"][1]
    at = datetime.now(UTC)
    # One a minute ago, one before all that is drawn.
    sealed["expr"] = " or ".join(
        f'label_replace(vector({1000 * (at.timestamp() - ago):.0f}), "plan", "{plan}", "", "")'
        for plan, ago in (("seen", 60), ("before", 7200))
    )
    with Prometheus(prometheus) as server:
        made = draw(dashboard, [], server, "en", at, 600.0)
    assert made.troubles == ()
    assert made.html.count("<title>Figures sealed: seen</title>") == 1
    assert "before</title>" not in made.html


# --- from the command line --------------------------------------------------------------------------------------------


def dophu(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status and what was said."""
    command = [str(DOPHU), "dashboards", "preview", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, env={**os.environ, "DOPHU_LANGUAGE": "en", **environment}
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def scanlines(picture: bytes) -> tuple[int, int, int]:
    """Width, height and how many different rows of pixels a PNG has (RFC 2083)."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, size = 8, b"", (0, 0)
    while at < len(picture):
        length, kind = struct.unpack(">I4s", picture[at : at + 8])
        chunk = picture[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", chunk[:8])
        elif kind == b"IDAT":
            packed += chunk
        at += 12 + length
    pixels = zlib.decompress(packed)
    stride = len(pixels) // size[1]
    return *size, len({pixels[i : i + stride] for i in range(0, len(pixels), stride)})


def test_the_command_writes_pages_and_pictures_that_are_not_blank(prometheus: str, tmp_path: Path) -> None:
    if not INSTALLED:
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    out = tmp_path / "new" / "folder"
    status, said = dophu("--out", str(out), "--prometheus", prometheus, "--last", "1m", "--png", "--only", "network",
                         "--only", "video", "--set", "level=province", "--language", "en")  # fmt: skip
    assert (status, "Traceback" in said) == (0, False), said
    assert sorted(file.name for file in out.iterdir()) == [
        "dophu-network-en.html", "dophu-network-en.png", "dophu-video-en.html", "dophu-video-en.png",
    ]  # fmt: skip
    for picture in out.glob("*.png"):
        width, height, different = scanlines(picture.read_bytes())
        assert width == PAGE_WIDTH and height > 900 and different > 300
    text = (out / "dophu-network-en.html").read_text()
    assert "Dong Tinh Commune" not in text and "Department of Health" in text


def test_a_prometheus_that_is_away_is_told_in_every_panel_and_asked_once(tmp_path: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    arguments = ("--out", str(tmp_path), "--only", "video", "--language", "en")
    status, said = dophu(*arguments, DOPHU_PROMETHEUS=f"http://reader:s3cret@{away}")
    assert status == 1 and f"http://{away}: " in said and "Prometheus told nothing of" in said
    html = (tmp_path / "dophu-video-en.html").read_text()
    assert "s3cret" not in said + html
    assert html.count('class="empty error"') == html.count("<section") == len(model("video", "en")["panels"])


@pytest.mark.parametrize(
    "address", ["prometheus", "ftp://127.0.0.1", "http://[::1", "http://127.0.0.1:99999", "", "//"]
)
def test_an_address_that_is_none_is_said_to_be_none(address: str) -> None:
    (made,) = previews(address, "en", ["video"])
    assert len({trouble.why for trouble in made.troubles}) == 1 and made.troubles[0].why


@contextmanager
def failing(answer: bytes, status: int) -> Iterator[tuple[str, list[str]]]:
    """A web server that answers everything the same; its address, and the paths that were asked."""
    asked: list[str] = []

    class Failing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (b'{"status":"error","errorType":"execution","error":"too many <samples>"}', 422, "too many <samples>"),
        (b"<html>502 Bad Gateway</html>", 502, "found no answer of Prometheus"),
        (b'{"status":"success","data":{"resultType":"matrix"}}', 200, "found no answer of Prometheus"),
        (b'{"status":"success","data":{"resultType":"vector","result":[{"metric":7}]}}', 200, "found no answer"),
        (b"[" * 100_000, 200, "found no answer of Prometheus"),
        (b'{"status":"success","data":{"resultType":"vector","result":[]}}', 200, ""),
    ],
)
def test_a_bad_answer_is_told_where_it_is_missed(answer: bytes, status: int, why: str) -> None:
    with failing(answer, status) as (address, asked):
        (made,) = previews(address, "en", ["video"])
    expected = sum(len(panel["targets"]) for panel in panels(model("video", "en")))
    of_panels = [trouble for trouble in made.troubles if trouble.letter]
    assert len(of_panels) == expected and all(why in trouble.why for trouble in made.troubles)
    # An annotation that marks nothing is none.
    silent = 0 if why else len(model("video", "en")["annotations"]["list"])
    assert len(asked) == len(made.troubles) + silent and set(asked) == {"/api/v1/query", "/api/v1/query_range"}
    assert "<samples>" not in made.html


def test_an_answer_that_never_ends_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.preview.prometheus._LARGEST", 1000)
    with failing(b" " * 5000, 200) as (address, _):
        (made,) = previews(address, "en", ["video"])
    assert {trouble.why for trouble in made.troubles} == {"found an answer of more than 0 MB"}


def test_what_is_partly_empty_shows_the_rest(prometheus: str) -> None:
    (made,) = previews(prometheus, "en", ["agency"], "1m", ["agency=so-yt"])
    assert {(trouble.panel, trouble.letter) for trouble in made.troubles} == {("Websites", one) for one in "ABCD"}
    assert made.html.count('class="empty"') == 1 and "Department of Health" in made.html


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "covrage"], "--only: found 'covrage', expected one of agency, coverage, dophu"),
        (["--last", "1 week"], "--last: found '1 week', expected a time from 10s to 1000d"),
        (["--last", "9999w"], "--last: found '9999w'"),
        (["--set", "province=x"], "--set: found 'province=x', expected NAME=VALUE, NAME one of agency, control"),
        (["--set", "level"], "--set: found 'level', expected NAME=VALUE"),
        (["--set", "level=ward"], "--set: found level=ward, expected one of all, commune, district, province"),
        (["--language", "fr"], "--language: found 'fr', expected vi or en"),
    ],
)
def test_what_there_is_not_is_refused(prometheus: str, tmp_path: Path, arguments: list[str], said: str) -> None:
    status, told = dophu("--out", str(tmp_path / "out"), "--prometheus", prometheus, *arguments)
    assert status == 2 and f"dophu: {said}" in told


def test_without_chromium_there_is_no_picture_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    environment = {"PATH": str(tmp_path / "bin")}
    status, said = dophu("--out", str(tmp_path / "out"), "--png", **environment)
    assert status == 2 and said.startswith("dophu: --png: found no Chromium, expected one of chromium, ")
    broken = tmp_path / "bin" / "chromium"
    broken.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no display')\n")
    broken.chmod(0o755)
    away = f"http://127.0.0.1:{free_port()}"
    status, said = dophu("--out", str(tmp_path / "out"), "--prometheus", away, "--png", **environment)
    assert status == 1 and "made no picture (exit status 1): no display" in said


def test_writing_the_dashboards_needs_a_folder(tmp_path: Path) -> None:
    for arguments, status in ((["--out", str(tmp_path / "out")], 0), ([], 2)):
        done = subprocess.run([str(DOPHU), "dashboards", *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
    assert done.stderr == "dophu: --out: chưa nêu, cần thư mục để ghi vào\n"
    assert len(list((tmp_path / "out").iterdir())) == len(NAMES)


# --- values, tables, graphs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "properties", "text", "color"),
    [
        (0.0, {"unit": "percentunit"}, "0%", None),
        (2 / 3, {"unit": "percentunit"}, "66.7%", None),
        (0.99949, {"unit": "percentunit", "decimals": 1}, "99.9%", None),
        (12345.678, {}, "12346", None),
        (0.012345, {"unit": "none"}, "0.0123", None),
        (-3.0, {"unit": "suffix:ngày", "decimals": 1}, "-3.0 ngày", None),
        (0.25, {"unit": "s"}, "250 ms", None),
        (5400.0, {"unit": "s"}, "1.50 hours", None),
        (1_798_736_399_000.0, {"unit": "time:DD/MM/YYYY"}, "31/12/2026", None),
        (1e300, {"unit": "time:DD/MM/YYYY"}, "Invalid date", None),
        (math.inf, {"unit": "percentunit"}, "∞%", None),
        (None, {"noValue": "–"}, "–", None),
        (5.0, {"thresholds": {"steps": [{"color": "green"}, {"color": "red", "value": 5}]}}, "5", "#f2495c"),
        (4.9, {"thresholds": {"steps": [{"color": "green"}, {"color": "red", "value": 5}]}}, "4.90", "#73bf69"),
        (1.0, {"mappings": [{"type": "value", "options": {"1": {"text": "Có", "color": "#abc"}}}]}, "Có", "#abc"),
        ("x", {"color": {"mode": "fixed", "fixedColor": "blue"}}, "x", "#5794f2"),
    ],
)
def test_a_value_looks_as_the_panel_says(
    value: float | str | None, properties: dict[str, Any], text: str, color: str | None
) -> None:
    shown = Looks(properties, ZoneInfo("Asia/Ho_Chi_Minh")).show(value)
    assert (shown.text, shown.color) == (text, color)


def test_what_one_name_says_goes_before_what_all_say() -> None:
    panel = {
        "fieldConfig": {
            "defaults": {"unit": "s", "custom": {"width": 50}},
            "overrides": [
                {"matcher": {"id": "byName", "options": "a"}, "properties": [{"id": "unit", "value": "none"}]},
                {
                    "matcher": {"id": "byRegexp", "options": "/^b: /"},
                    "properties": [{"id": "custom.width", "value": 7}],
                },
            ],
        }
    }
    found = {name: Looks.of(panel, name, ZoneInfo("UTC")).properties for name in ("a", "b: c", "ab: ")}
    assert [found[name]["unit"] for name in found] == ["none", "s", "s"]
    assert [found[name]["custom.width"] for name in found] == [50, 7, 50]


def frame(value: str, *rows: dict[str, Any]) -> Frame:
    return frame_of([Series({k: v for k, v in row.items() if k != value}, ((0.0, row[value]),)) for row in rows], value)


def test_rows_that_agree_are_one_and_those_that_contradict_are_two() -> None:
    merged = transformed(
        [
            frame("Value #A", {"goal": "a", "title": "A", "Value #A": 1.0},
                  {"goal": "b", "title": "B", "Value #A": 1.0}),
            frame("Value #B", {"goal": "b", "Value #B": 0.5}, {"goal": "c", "Value #B": 0.7}),
            frame("Value #C", {"goal": "a", "status": "x", "Value #C": 1.0},
                  {"goal": "a", "status": "y", "Value #C": 1.0}),
        ],
        [{"id": "merge"}, {"id": "organize", "options": {"excludeByName": {"Value #A": True, "Value #C": True},
                                                         "indexByName": {"status": 0, "goal": 1},
                                                         "renameByName": {"goal": "Goal"}}}],
    )  # fmt: skip
    assert merged.fields[:2] == ("status", "Goal") and set(merged.fields[2:]) == {"title", "Value #B"}
    assert list(merged.rows) == [
        {"Goal": "a", "title": "A", "status": "x"},
        {"Goal": "a", "status": "y"},
        {"Goal": "b", "title": "B", "Value #B": 0.5},
        {"Goal": "c", "Value #B": 0.7},
    ]
    fallen = merged.sorted_by("Value #B", descending=True)
    assert [row.get("Value #B") for row in fallen.rows] == [0.7, 0.5, None, None]


def test_a_matrix_has_a_row_and_a_column_for_each_value() -> None:
    told = frame("Value", {"role": "x", "up": "yes", "Value": 2.0}, {"role": "x", "up": "no", "Value": 0.0},
                 {"role": "y", "up": "no", "Value": 4.0})  # fmt: skip
    options = {"rowField": "role", "columnField": "up", "valueField": "Value"}
    spread = transformed([told], [{"id": "groupingToMatrix", "options": options}])
    assert spread.fields == ("role\\up", "yes", "no")
    assert list(spread.rows) == [{"role\\up": "x", "yes": 2.0, "no": 0.0}, {"role\\up": "y", "no": 4.0}]
    with pytest.raises(KeyError):
        transformed([told], [{"id": "filterByValue"}])


def test_a_gap_stays_a_gap_a_lonely_value_is_a_dot_and_a_mark_stands_at_its_time() -> None:
    window = Window(1000.0, 1100.0, 10.0)
    line = Line(
        "a", "red", dashed=False, points=((1000.0, 0.0), (1010.0, 1.0), (1050.0, 2.0), (1090.0, 4.0), (1100.0, 4.0))
    )
    marks = [
        Mark("in", "blue", 1050.0, 1060.0),
        Mark("before", "blue", 10.0, 20.0),
        Mark("over", "blue", 990.0, 2000.0),
    ]
    chart = lay_out([line], marks, window, Looks({"min": 0, "decimals": 0}), 640.0, 300.0, ZoneInfo("UTC"))
    (path,) = chart.paths
    assert path.strokes.count("M") == 2 and len(path.dots) == 1
    assert [tick.text for tick in chart.across] == ["0", "1", "2", "3", "4"]
    middle = (chart.left + chart.right) / 2
    assert [(band.mark.name, band.left) for band in chart.bands] == [("in", middle), ("over", chart.left)]
    assert chart.bands[1].width == pytest.approx(chart.right - chart.left)
    assert path.dots[0] == (middle, (chart.top + chart.bottom) / 2)
    assert [tick.text for tick in chart.along][:2] == ["00:16:45", "00:17:00"]


def test_a_dashboard_that_is_read_is_the_one_that_is_written(tmp_path: Path, prometheus: str) -> None:
    """What the preview draws of is the JSON, byte for byte what Grafana gets."""
    status = subprocess.run(
        [str(DOPHU), "dashboards", "--out", str(tmp_path)], capture_output=True, timeout=60
    ).returncode
    assert status == 0
    for name in NAMES:
        assert json.loads((tmp_path / f"dophu-{name}.json").read_text()) == model(name, "vi")
