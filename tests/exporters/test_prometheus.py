"""The metrics of a snapshot: what they say, what they leave unsaid, their budget, and the opinion of promtool."""

from __future__ import annotations

import dataclasses
import gzip
import math
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from bench.metrics import synthetic_snapshot
from exporters import load_exporters
from exporters.prometheus import METRICS, SERIES_CAP, MetricsPage, SnapshotCollector, export
from inventory.words import AgencyTally, Snapshot, Status
from tests.exporters.sample import AT, COVERAGE, GOALS, PLAN, SAMPLE, SPOOL

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: bytes) -> Series:
    """Every series of a page in text format; refuses one that is there twice."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for metric in parse_text(text.decode()):
        for sample in metric.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


@pytest.fixture(scope="module")
def series() -> Series:
    return read(export(SAMPLE, SPOOL))


def value(series: Series, name: str, **labels: str) -> float | None:
    """The value of one series, or None where there is none."""
    return series.get((name, frozenset(labels.items())))


def test_the_folder_is_the_registry() -> None:
    assert load_exporters()["prometheus"].export(SAMPLE) == export(SAMPLE)


def test_promtool_finds_nothing_to_complain_of() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=export(SAMPLE, SPOOL), capture_output=True, timeout=30
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_every_metric_is_told_and_no_other(series: Series) -> None:
    assert {name for name, _ in series} == set(METRICS)


def test_shares_are_those_of_the_snapshot(series: Series) -> None:
    for row in COVERAGE:
        labels = {"plan": row.plan, "goal": row.goal, "level": row.level}
        told = row.measured and row.counted > 0
        assert value(series, "dophu_coverage_proven_ratio", **labels) == (row.proven if told else None)
        assert value(series, "dophu_coverage_possible_ratio", **labels) == (row.possible if told else None)
        assert value(series, "dophu_coverage_target_ratio", **labels) == row.target
        assert value(series, "dophu_coverage_status", **labels, status=row.status.value) == 1
        assert value(series, "dophu_coverage_members", **labels, status="unknown") == (
            row.unknown if row.measured else None
        )


def test_nothing_is_not_a_number(series: Series) -> None:
    assert not [key for key, number in series.items() if math.isnan(number) or math.isinf(number)]


def test_a_goal_that_nothing_measures_is_there_and_has_no_share(series: Series) -> None:
    """Also "mail", for which the snapshot has no row."""
    for goal in ("documents", "mail"):
        assert value(series, "dophu_goal_measured", plan=PLAN.id, goal=goal) == 0
        labels = {"plan": PLAN.id, "goal": goal, "level": "all"}
        assert value(series, "dophu_coverage_status", **labels, status="not_measured") == 1
        assert value(series, "dophu_coverage_proven_ratio", **labels) is None
    assert value(series, "dophu_goal_measured", plan=PLAN.id, goal="firewalls") == 1
    assert sum(name == "dophu_goal_info" for name, _ in series) == len(GOALS)


def test_the_due_day_ends_in_vietnam(series: Series) -> None:
    due = value(series, "dophu_goal_due_timestamp_seconds", plan=PLAN.id, goal="firewalls")
    assert due == datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC).timestamp()
    assert value(series, "dophu_goal_due_timestamp_seconds", plan=PLAN.id, goal="mail") is None


def test_an_unknown_link_is_neither_up_nor_down(series: Series) -> None:
    down = {"link": "xa-dong-tinh-mtslcd", "agency": "xa-dong-tinh", "kind": "mtslcd"}
    silent = {"link": "huyen-tam-dao-wan", "agency": "huyen-tam-dao", "kind": "wan"}
    assert value(series, "dophu_link_up", **down) == 0
    assert value(series, "dophu_link_up", **silent) is None
    assert value(series, "dophu_link_state", **silent, state="unknown") == 1
    assert value(series, "dophu_link_state", **silent, state="down") == 0


def test_a_degraded_link_is_up_and_its_figures_are_told(series: Series) -> None:
    bad = {"link": "so-yt-wan", "agency": "so-yt", "kind": "wan"}
    assert value(series, "dophu_link_up", **bad) == 1
    assert value(series, "dophu_link_state", **bad, state="degraded") == 1
    assert value(series, "dophu_link_loss_ratio", **bad) == 0.2
    trips = [value(series, "dophu_link_round_trip_seconds", **bad, percentile=p) for p in ("50", "95", "99")]
    assert trips == [0.04, 0.09, 0.2]
    assert value(series, "dophu_link_availability_ratio", **bad) == 0.98
    assert value(series, "dophu_link_maintenance", **bad) == 1
    assert value(series, "dophu_link_utilisation_ratio", **bad) is None, "what is not known has no series"


def test_a_collector_that_never_succeeded_has_no_last_success(series: Series) -> None:
    assert value(series, "dophu_collector_last_success_timestamp_seconds", collector="glpi") is None
    assert value(series, "dophu_collector_last_run_timestamp_seconds", collector="glpi") == AT.timestamp() - 7200
    assert value(series, "dophu_collector_targets_failed", collector="snmp") == 3


def test_assets_that_are_known_to_be_none_are_zero(series: Series) -> None:
    assert value(series, "dophu_assets", agency="so-khcn", role="firewall", answering="no") == 0
    assert value(series, "dophu_assets", agency="so-khcn", role="switch", answering="yes") == 5
    assert value(series, "dophu_assets", agency="so-khcn", role="router", answering="yes") is None


def test_an_agency_has_the_name_of_the_day(series: Series) -> None:
    names = [dict(labels)["name_vi"] for name, labels in series if name == "dophu_agency_info"]
    assert "Sở Khoa học và Công nghệ" in names
    assert "Sở Thông tin và Truyền thông" not in names


def test_vietnamese_quotes_and_backslashes_come_through(series: Series) -> None:
    names = [dict(labels)["name_vi"] for name, labels in series if name == "dophu_agency_info"]
    assert 'UBND xã Hồ Sơn – bộ phận "Một cửa" \\ phòng họp' in names
    assert 'bộ phận \\"Một cửa\\" \\\\ phòng họp"' in export(SAMPLE).decode()


def test_a_line_break_in_a_name_breaks_no_line() -> None:
    odd = dataclasses.replace(SAMPLE.agencies[2], title=dataclasses.replace(SAMPLE.agencies[2].title, vi="Sở\nY tế"))
    series = read(export(Snapshot(at=AT, agencies=(odd,))))
    assert any(dict(labels).get("name_vi") == "Sở\nY tế" for _, labels in series)


def test_tallies_of_the_same_labels_add_up() -> None:
    twice = (SAMPLE.tallies[0], SAMPLE.tallies[0])
    told = read(export(Snapshot(at=AT, tallies=twice)))
    labels = {"control": "agency_has_firewall", "agency": "so-khcn", "level": "province", "status": "met"}
    assert value(told, "dophu_findings", **labels) == 2


def test_video_conference_is_told_and_silence_is_not(series: Series) -> None:
    told = series
    assert value(told, "dophu_vc_devices_up", agency="so-yt", role="vc_endpoint") == 2
    assert value(told, "dophu_vc_devices_up", agency="so-yt", role="mcu") == 0
    assert value(told, "dophu_vc_calls", agency="so-yt") == 1
    assert value(told, "dophu_vc_calls", agency="xa-ho-son") == 0
    assert value(told, "dophu_meetings_online_ratio", agency="so-yt") == 0.75
    assert value(told, "dophu_meetings_online_ratio", agency="so-khcn") == 1
    silent = {("dophu_vc_calls", "so-khcn"), ("dophu_meetings_online_ratio", "xa-ho-son")}
    assert not silent & {(name, dict(labels).get("agency")) for name, labels in told}


def test_backups_tell_the_oldest(series: Series) -> None:
    assert value(series, "dophu_backup_oldest_timestamp_seconds", agency="so-yt") == (AT.timestamp() - 2 * 86_400)


def test_websites_tell_what_is_known_and_nothing_else(series: Series) -> None:
    good = {"url": "https://sokhcn.vi-du.vn/", "agency": "so-khcn"}
    assert value(series, "dophu_website_up", **good) == 1
    assert value(series, "dophu_website_http_status_code", **good) == 200
    assert value(series, "dophu_website_response_seconds", **good) == 0.25
    assert value(series, "dophu_website_certificate_expiry_timestamp_seconds", **good) == AT.timestamp() + 20 * 86_400
    assert value(series, "dophu_website_tls_old", **good) == 0
    assert value(series, "dophu_website_ipv6_up", **good) == 1
    assert value(series, "dophu_website_info", title="Trang của Sở", **good) == 1
    down = {"url": "http://dongtinh.vi-du.vn/", "agency": "xa-dong-tinh"}
    assert value(series, "dophu_website_up", **down) == 0
    unknown = {"url": "https://tamdao.vi-du.vn/", "agency": "huyen-tam-dao"}
    assert value(series, "dophu_website_state", state="unknown", **unknown) == 1
    names = [name for name, labels in series if ("url", unknown["url"]) in labels]
    assert set(names) == {"dophu_website_info", "dophu_website_state"}


def test_a_control_tells_its_severity_and_its_thresholds(series: Series) -> None:
    severities = {
        dict(labels)["control"]: dict(labels)["severity"] for name, labels in series if name == "dophu_control_info"
    }
    assert (severities["host_no_telnet"], severities["agency_has_firewall"]) == ("high", "")
    assert value(series, "dophu_control_threshold", control="link_wan_quality", parameter="loss_share") == 0.05
    # A word is no number.
    assert value(series, "dophu_control_threshold", control="link_wan_steady", parameter="span") is None


def test_schedules_tell_what_became_of_them(series: Series) -> None:
    scan = {"schedule": "night-scan", "kind": "scan"}
    assert value(series, "dophu_schedule_outcome", outcome="broken_off", **scan) == 1
    assert value(series, "dophu_schedule_outcome", outcome="failed", **scan) == 0
    assert value(series, "dophu_schedule_outcome", outcome="running", **scan) is None
    assert value(series, "dophu_schedule_last_success_timestamp_seconds", **scan) == AT.timestamp() - 9 * 86_400
    assert value(series, "dophu_schedule_next_timestamp_seconds", **scan) == AT.timestamp() + 11 * 3600
    assert value(series, "dophu_schedule_running", schedule="collect", kind="collect") == 1
    assert {name for name, labels in series if ("schedule", "console-1") in labels} == {
        "dophu_schedule_running",
        "dophu_schedule_paused",
    }


def test_scans_tell_when_a_network_was_last_scanned_to_its_end(series: Series) -> None:
    told = {"network": "yt-lan", "agency": "so-yt"}
    assert value(series, "dophu_scan_complete_timestamp_seconds", profile="sweep", **told) == AT.timestamp() - 9 * 3600
    assert value(series, "dophu_scan_complete_timestamp_seconds", profile="services", **told) is None


# --- the budget -------------------------------------------------------------------------------------------------------


def test_the_stated_budget_holds(series: Series) -> None:
    """The formula of the module's docstring, for the sample and for 500 agencies."""
    for snapshot, told in ((SAMPLE, series), (synthetic_snapshot(), read(export(synthetic_snapshot())))):
        goals = sum(len(plan.goals) for plan in snapshot.plans)
        rows = len(snapshot.coverage) + goals - len({(row.plan, row.goal) for row in snapshot.coverage})
        plan_wide = 59 + 3 * len(snapshot.plans) + len(snapshot.levels) + len(snapshot.controls) + 3 * goals + 15 * rows
        plan_wide += sum(len(c.parameters) for c in snapshot.controls) + 9 * len(snapshot.schedules)
        pairs = len({(tally.agency, tally.role) for tally in snapshot.assets})
        each = 6 * len(snapshot.agencies) + 13 * len(snapshot.links) + 3 * pairs + len(snapshot.tallies)
        each += 13 * len(snapshot.websites) + len(snapshot.scans)
        assert len(told) <= plan_wide + 5 * len(snapshot.collectors) + each
        assert not any(number for (name, _), number in told.items() if name == "dophu_series_dropped")


def test_over_the_budget_whole_metrics_of_agencies_go_and_are_counted() -> None:
    many = tuple(
        AgencyTally(f"control_{c}", f"xa-{a}", "commune", status, 1)
        for c in range(50)
        for a in range(500)
        for status in (Status.MET, Status.UNMET, Status.UNKNOWN)
    )
    told = read(export(dataclasses.replace(SAMPLE, tallies=many)))
    assert len(told) <= SERIES_CAP
    assert value(told, "dophu_series_dropped", metric="dophu_findings") == len(many)
    assert not [labels for name, labels in told if name == "dophu_findings"]
    assert value(told, "dophu_coverage_proven_ratio", plan=PLAN.id, goal="firewalls", level="all") == 0.5
    assert value(told, "dophu_series_dropped", metric="dophu_assets") == 0


def test_no_budget_is_so_small_that_it_is_passed(series: Series) -> None:
    """What each agency has goes before what the plan has."""
    for cap in (len(METRICS), 100, 360, len(series) - 1):
        told = read(generate_latest(SnapshotCollector(SAMPLE, cap, SPOOL)))
        assert len(told) <= cap
        lost = {dict(labels)["metric"] for (name, labels), n in told.items() if name == "dophu_series_dropped" and n}
        assert lost
        if cap >= 360:
            others = {"dophu_agency_info", "dophu_assets", "dophu_findings"}
            each = (
                "dophu_link_",
                "dophu_website_",
                "dophu_vc_",
                "dophu_meetings_",
                "dophu_scan_",
                "dophu_backup_",
            )
            assert lost <= others | {name for name in METRICS if name.startswith(each)}


# --- the page ---------------------------------------------------------------------------------------------------------


def test_before_the_first_snapshot_the_page_says_only_what_runs() -> None:
    assert {name for name, _ in read(MetricsPage().render().body)} == {"dophu_build_info", "dophu_series_dropped"}


def test_the_page_is_made_once_for_a_snapshot() -> None:
    page = MetricsPage()
    page.publish(SAMPLE)
    first = page.render()
    page.publish(SAMPLE)
    assert page.render() is first
    page.publish(dataclasses.replace(SAMPLE, links=()))
    assert page.render() is not first
    assert "dophu_link_up{" not in page.render().body.decode()


def test_the_form_follows_the_request() -> None:
    page = MetricsPage()
    page.publish_spool(SPOOL)
    page.publish(SAMPLE)
    assert page.render("text/plain;version=0.0.4", "identity").headers["Content-Type"].startswith("text/plain")
    assert "Content-Encoding" not in page.render().headers
    zipped = page.render(accept_encoding="gzip, br")
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == page.render().body == export(SAMPLE, SPOOL)
    metrics = page.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert metrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    told = {s.name for family in parse_open_metrics(metrics.body.decode()) for s in family.samples}
    assert told == set(METRICS)
