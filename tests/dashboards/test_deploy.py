"""The files of deploy/ for Prometheus and Grafana, as promtool and a YAML reader see them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import Match

from api.config import Config
from api.pages import pages_router
from api.serving import Desk
from api.workspace import Workspace
from exporters.prometheus import METRICS, SERIES_CAP
from tests.api.pages_server import opened
from tests.dashboards.grafana import ask

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "dophu.rules.yml"
TESTS = sorted(RULES.parent.glob("*_test.yml"))


def promtool(*arguments: str) -> str:
    binary = shutil.which("promtool")
    if binary is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    ended = subprocess.run([binary, *arguments], cwd=RULES.parent, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def records() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "record" in rule]


def test_prometheus_takes_the_configuration_and_its_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    assert "30 rules found" in promtool("check", "rules", RULES.name)


def test_alertmanager_takes_its_configuration() -> None:
    binary = shutil.which("amtool")
    if binary is None:
        pytest.skip("amtool is not installed: apt-get install prometheus-alertmanager")
    checked = [binary, "check-config", "alertmanager.yml"]
    ended = subprocess.run(checked, cwd=RULES.parent, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout.count("SUCCESS")) == (0, 1), ended.stdout + ended.stderr
    inhibited = yaml.safe_load((RULES.parent / "alertmanager.yml").read_text())["inhibit_rules"]
    told = {rule["alert"] for rule in alerts()}
    named = {word for rule in inhibited for side in rule.values() for m in side for word in re.findall(r"[A-Z]\w+", m)}
    assert named <= told


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", *(file.name for file in TESTS))


def test_every_alert_is_tested_and_speaks_of_metrics_that_we_have() -> None:
    rules = alerts()
    tested = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    cases = [case for test in tested for case in test.get("alert_rule_test", ())]
    firing = {case["alertname"] for case in cases if case.get("exp_alerts")}
    assert {rule["alert"] for rule in rules} == firing
    for rule in rules:
        assert set(re.findall(r"\bdophu_\w+", rule["expr"])) <= set(METRICS)
        assert {"summary", "summary_en", "url"} == set(rule["annotations"])


async def test_every_alert_leads_to_a_page_that_there_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        routes = pages_router(Desk(Workspace(Config(data=tmp_path), store))).routes
    for rule in alerts():
        url = rule["annotations"]["url"]
        link = re.fullmatch(r"\{\{ with \$externalLabels.dophu \}\}\{\{ . \}\}(/.*)\{\{ end \}\}", url)
        assert link, rule["alert"]
        asked = {"type": "http", "method": "GET", "path": re.sub(r"\{\{ \$labels\.\w+ \}\}", "x", link[1])}
        assert any(route.matches(asked)[0] is Match.FULL for route in routes), asked["path"]


def test_every_record_is_tested_documented_and_made_of_metrics_that_we_have() -> None:
    told = (DEPLOY.parent / "docs" / "recording-rules.md").read_text(encoding="utf-8")
    tested = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    cases = [case for test in tested for case in test.get("promql_expr_test", ()) if case.get("exp_samples")]
    asked = {name for case in cases for name in re.findall(r"[a-z_]+:dophu_\w+:\w+", case["expr"])}
    assert asked == {rule["record"] for rule in records()} == set(re.findall(r"`([a-z_]+:dophu_\w+:\w+)`", told))
    for rule in records():
        # level:metric:operations, of which the metric is one of ours.
        assert rule["record"].split(":")[1] in METRICS
        assert set(re.findall(r"\bdophu_\w+", rule["expr"])) <= set(METRICS)


def test_a_record_says_what_its_expression_says(prometheus: str) -> None:
    for rule in records():
        if "avg" not in rule["record"]:
            made, asked = (ask(prometheus, "query", query=text)["result"] for text in (rule["record"], rule["expr"]))
            values = [
                {
                    tuple(sorted((k, v) for k, v in one["metric"].items() if k != "__name__")): one["value"][1]
                    for one in told
                }
                for told in (made, asked)
            ]
            assert values[0] == values[1] != {}, rule["record"]


def test_a_real_prometheus_finds_the_link_that_is_down(prometheus: str) -> None:
    rules = {rule["alert"]: rule["expr"] for rule in alerts()}
    down = ask(prometheus, "query", query=rules["LinkDown"])["result"]
    assert [(d["metric"]["link"], d["metric"]["name_vi"]) for d in down] == [
        ("xa-dong-tinh-mtslcd", "UBND xã Đồng Tĩnh"),
    ]
    silent = ask(prometheus, "query", query=rules["AgencyUnknown"])["result"]
    assert {entry["metric"]["agency"] for entry in silent} == {"huyen-tam-dao", "xa-ho-son"}
    never = ask(prometheus, "query", query=rules["CollectorSilent"])["result"]
    assert "glpi" in {entry["metric"]["collector"] for entry in never}
    assert not ask(prometheus, "query", query=rules["DophuDown"])["result"]


def test_prometheus_takes_a_whole_page() -> None:
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scrape["sample_limit"] > SERIES_CAP


def test_grafana_finds_its_server_and_the_dashboards() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    provider = yaml.safe_load((provisioning / "dashboards" / "dophu.yaml").read_text())["providers"][0]
    assert provider["type"] == "file" and provider["options"]["path"].startswith("/")
