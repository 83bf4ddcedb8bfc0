"""The list of metrics for people: it is what would be made, and names what the page has."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporters._families import METRICS
from exporters.metric_list import write_list
from exporters.prometheus import export
from tests.exporters.sample import SAMPLE, SPOOL

COUNTED = ("dophu_influxdb_dropped_points", "dophu_influxdb_refused_points")
FILE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_file_is_what_would_be_made() -> None:
    assert FILE.read_text("utf-8") == write_list(), "run: dophu metrics > docs/metrics.md"


def test_every_series_of_the_page_is_listed_with_its_labels_and_help() -> None:
    listed = {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| `(\w+)` \| (.+?) \| .+? \| (.+) \|$", write_list(), re.M)}
    assert listed.keys() == METRICS.keys()
    for family in text_string_to_metric_families(export(SAMPLE, SPOOL).decode()):
        assert family.type == ("counter" if family.name.startswith(COUNTED) else "gauge")
        for sample in family.samples:
            labels, documentation = listed[sample.name]
            assert {*re.findall(r"`(\w+)`", labels)} == {*sample.labels}
            assert documentation == family.documentation


def test_units_follow_from_the_names() -> None:
    text = write_list()
    assert "`dophu_website_response_seconds` | `url` `agency` | giây / seconds |" in text
    assert "`dophu_snapshot_timestamp_seconds` | – | giây từ 1970-01-01 (UTC) / seconds since 1970 (UTC) |" in text
    assert "`dophu_coverage_proven_ratio` | `plan` `goal` `level` | tỷ lệ 0–1 / ratio 0–1 |" in text
