"""Every query of every dashboard, asked of a real Prometheus that scraped the sample snapshot."""

from __future__ import annotations

import re
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards import Language, load_dashboards
from dashboards._panels import PROVEN_BY_STATUS, cut
from dashboards.preview.looks import Looks, named_color
from tests.dashboards.grafana import ask, fill, settle, targets
from tests.dashboards.test_dashboards import EVERY, LANGUAGES, model
from tests.exporters.sample import SAMPLE


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_expression_returns_data(prometheus: str, name: str, language: Language) -> None:
    dashboard = model(name, language)
    values, _ = settle(prometheus, dashboard)
    for panel, target in targets(dashboard):
        expression = fill(target["expr"], values)
        if target.get("instant"):
            found = ask(prometheus, "query", query=expression)["result"]
        else:
            now = time.time()
            window = {"start": f"{now - 60}", "end": f"{now}", "step": "1"}
            found = ask(prometheus, "query_range", query=expression, **window)["result"]
        assert found, f"{panel['title']}: {expression}"


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_table_shows_every_label_that_its_query_gives(prometheus: str, name: str, language: Language) -> None:
    """A label without a column would appear under its bare name; a column without a label would stay empty."""
    dashboard = model(name, language)
    values, _ = settle(prometheus, dashboard)
    tables = [panel for panel in dashboard["panels"] if panel["type"] == "table"]
    assert tables
    for panel in tables:
        steps = {step["id"]: step["options"] for step in panel["transformations"]}
        shown = set(steps["organize"]["renameByName"])
        fields: set[str] = set()
        for target in panel["targets"]:
            result = ask(prometheus, "query", query=fill(target["expr"], values))["result"]
            labels = {label for entry in result for label in entry["metric"]}
            several = len(panel["targets"]) > 1
            fields |= labels | {f"Value #{target['refId']}" if several else "Value"}
            if "groupingToMatrix" in steps:
                matrix = steps["groupingToMatrix"]
                row, column = matrix["rowField"], matrix["columnField"]
                keys = [(entry["metric"][row], entry["metric"][column]) for entry in result]
                assert len(set(keys)) == len(keys), "two values for one cell"
                fields = {f"{row}\\{column}", *(entry["metric"][column] for entry in result)}
                assert fields <= shown
                shown = fields
        assert shown <= fields
        assert fields - shown <= set(steps["organize"]["excludeByName"])


@pytest.mark.parametrize("name", sorted(load_dashboards()))
def test_the_days_on_which_goals_are_due_are_marked_and_no_others(prometheus: str, name: str) -> None:
    dashboard = model(name, "vi")
    values, _ = settle(prometheus, dashboard)
    expression = fill(dashboard["annotations"]["list"][0]["expr"], values)
    due = float(ask(prometheus, "query", query="max(dophu_goal_due_timestamp_seconds)")["result"][0]["value"][1])
    # The figures are those of now, looked at as if it were another moment.
    for before_the_end, goals in ((-1, None), (0, "4"), (86399, "4"), (86400, None)):
        asked = expression.replace("time()", f"{due - before_the_end:.0f}")
        result = ask(prometheus, "query", query=asked)["result"]
        assert [entry["value"][1] for entry in result] == ([] if goals is None else [goals])


@pytest.mark.parametrize("name", sorted(load_dashboards()))
def test_a_seal_is_marked_at_the_moment_of_its_figures_and_names_its_plan(prometheus: str, name: str) -> None:
    dashboard = model(name, "en")
    values, _ = settle(prometheus, dashboard)
    annotation = dashboard["annotations"]["list"][1]
    (seal,) = SAMPLE.seals
    (told,) = ask(prometheus, "query", query=fill(annotation["expr"], values))["result"]
    # Grafana takes the value for the time of the mark, in milliseconds, and fills the labels into its title.
    assert annotation["useValueForTime"] is True and float(told["value"][1]) == 1000 * seal.as_of.timestamp()
    assert annotation["titleFormat"] == "Figures sealed: {{plan}}" and told["metric"]["plan"] == seal.plan


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("name", ["coverage", "lines", "network", "security"])
def test_the_code_of_an_agency_leads_to_its_dashboard(name: str, language: Language) -> None:
    agency = model("agency", language)
    variables = {variable["name"] for variable in agency["templating"]["list"]}
    leading = [
        link["url"]
        for panel in model(name, language)["panels"]
        for override in panel["fieldConfig"]["overrides"]
        for looks in override["properties"]
        if looks["id"] == "links"
        for link in looks["value"]
        if link["url"].startswith("/d/")
    ]
    assert leading
    for url in leading:
        path, query = url.split("?")
        assert path == f"/d/{agency['uid']}"
        carried = set(re.findall(r"var-(\w+)=", query)) | set(re.findall(r"\${(\w+):queryparam}", query))
        assert "agency" in carried and carried <= variables


def test_a_share_is_cut_and_never_rounded_up(prometheus: str) -> None:
    for share, expected in (("0.9996", 0.999), ("1", 1), ("0", 0), ("289 / 1000", 0.289), ("2 / 3", 0.666)):
        (told,) = ask(prometheus, "query", query=cut(f"vector({share})"))["result"]
        assert float(told["value"][1]) == expected
    for panel, target in (pair for name, language in EVERY for pair in targets(model(name, language))):
        if panel["type"] == "bargauge" or ("dophu_coverage_proven" in target["expr"] and target.get("instant")):
            assert "floor(" in target["expr"], panel["title"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_colour_of_what_is_proven_follows_the_goal_s_own_target(prometheus: str, language: Language) -> None:
    dashboard = model("coverage", language)
    now, over_time = (
        next(panel for panel in dashboard["panels"] if panel["type"] == kind) for kind in ("bargauge", "timeseries")
    )
    values, _ = settle(prometheus, dashboard)
    names = {title.in_language(language) for title, _ in PROVEN_BY_STATUS.values()}
    seen = set()
    for row in (row for row in SAMPLE.coverage if row.proven is not None):
        chosen = values | {"goal": row.goal, "level": row.level}
        for panel in (now, over_time):
            asked = fill(panel["targets"][0]["expr"], chosen)
            found = [s["metric"] for s in ask(prometheus, "query", query=asked)["result"]]
            title, color = PROVEN_BY_STATUS[row.status]
            called = title.in_language(language)
            told = [one["share"] for one in found if one.get("level", row.level) == row.level]
            assert [share for share in told if share in names] == [called]
            name = f"x · {called}" if panel is now else called
            assert Looks.of(panel, name, ZoneInfo("UTC")).fixed == named_color(color)
        seen.add(row.status)
    assert {"reached", "open", "not_reached"} <= seen


def test_variables_are_offered_by_name(prometheus: str) -> None:
    _, offered = settle(prometheus, model("coverage", "vi"))
    assert offered["plan"] == [("Kế hoạch ứng dụng CNTT năm 2020 tỉnh Vĩnh Phúc", "vinh-phuc-2020")]
    assert set(offered["level"]) == {
        ("Tất cả các cấp", "all"),
        ("Cấp tỉnh", "province"),
        ("Cấp huyện", "district"),
        ("Cấp xã", "commune"),
    }
    assert {code for _, code in offered["agency"]} == {agency.code for agency in SAMPLE.agencies}
    assert ("Sở Y tế", "so-yt") in offered["agency"]
    # Only what has a share can be drawn.
    assert {goal for _, goal in offered["goal"]} == {"firewalls", "mtslcd", "antivirus", "lans"}


def test_a_level_narrows_the_agencies(prometheus: str) -> None:
    dashboard = model("network", "en")
    level = next(v for v in dashboard["templating"]["list"] if v["name"] == "level")
    level["current"] = {"value": "commune", "text": "Commune"}
    values, offered = settle(prometheus, dashboard)
    assert {code for _, code in offered["agency"]} == {"xa-dong-tinh", "xa-ho-son"}
    assert values["agency"] == "xa-dong-tinh|xa-ho-son"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_any_goal_that_is_offered_can_be_drawn(prometheus: str, language: Language) -> None:
    """Also one without a target."""
    dashboard = model("coverage", language)
    values, offered = settle(prometheus, dashboard)
    for _, goal in offered["goal"]:
        for panel, target in targets(dashboard):
            found = ask(prometheus, "query", query=fill(target["expr"], values | {"goal": goal}))["result"]
            assert found, f"{panel['title']}: {goal}"


def headline(prometheus: str, name: str, asked: str, **chosen: str) -> dict[str, float]:
    """The large numbers whose expressions hold `asked`, by title."""
    dashboard = model(name, "en")
    values, _ = settle(prometheus, dashboard)

    def told(panel: dict[str, Any]) -> float:
        expression = fill(panel["targets"][0]["expr"], values | chosen)
        return float(ask(prometheus, "query", query=expression)["result"][0]["value"][1])

    return {p["title"]: told(p) for p in dashboard["panels"] if p["type"] == "stat" and asked in str(p["targets"])}


def test_an_agency_is_told_what_it_lacks_and_not_what_others_do(prometheus: str) -> None:
    assert headline(prometheus, "agency", "dophu_findings", agency="so-yt") == {
        "Controls unmet": 5, "Controls with unknowns": 3, "High security findings": 9, "Servers not backed up": 0,
    }  # fmt: skip
    assert headline(prometheus, "agency", "dophu_findings", agency="so-khcn") == {
        "Controls unmet": 0, "Controls with unknowns": 0, "High security findings": 0, "Servers not backed up": 0,
    }  # fmt: skip
    assert headline(prometheus, "agency", "answering=", agency="so-khcn") == {"Assets not answering": 1}


def test_dophu_tells_of_itself_what_does_not_run(prometheus: str) -> None:
    counted = headline(prometheus, "dophu", "")
    del counted["Age of the figures"]
    # By the clock every collector of the sample is silent; schedules are measured by the time of the figures.
    assert counted == {
        "Prometheus reads it": 1, "Silent collectors": 3, "Failed targets": 4, "Late schedules": 0,
        "Paused schedules": 1, "Series left out": 0, "Goals not measured": 2, "Waiting for InfluxDB": 2,
    }  # fmt: skip
    late = next(p for p in model("dophu", "en")["panels"] if p["title"] == "Late schedules")["targets"][0]["expr"]
    # If a turn were late a day before it is due: the schedule that runs and the one that is paused are never late.
    (told,) = ask(prometheus, "query", query=late.replace("> 3600", "> -86400"))["result"]
    assert told["value"][1] == "2"


def test_the_headline_counts_every_goal_once(prometheus: str) -> None:
    counted = headline(prometheus, "coverage", "status=")
    assert counted == {
        "Reached": 1, "Declared": 0, "Open": 1, "Not reached": 1, "No target": 1, "Not measured": 3,
    }  # fmt: skip


def test_nothing_was_lost_between_the_page_and_prometheus(prometheus: str) -> None:
    """The OpenMetrics form, which Prometheus prefers, with the odd name in it."""
    found = ask(prometheus, "query", query='dophu_agency_info{agency="xa-ho-son"}')["result"]
    assert found[0]["metric"]["name_vi"] == 'UBND xã Hồ Sơn – bộ phận "Một cửa" \\ phòng họp'
    assert not ask(prometheus, "query", query='dophu_link_up{link="huyen-tam-dao-wan"}')["result"]
