"""The dashboards' form: what Grafana needs to load them, and that they speak of our metrics in both languages."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import Language, as_json, load_dashboards, write_dashboards
from exporters.prometheus import METRICS
from tests.dashboards.grafana import panels, queries, targets

LANGUAGES = get_args(Language)
EVERY = list(itertools.product(sorted(load_dashboards()), LANGUAGES))


def model(name: str, language: Language) -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return as_json(load_dashboards()[name].build(language))


def test_the_folder_is_the_registry() -> None:
    assert set(load_dashboards()) == {"agency", "coverage", "dophu", "lines", "network", "security", "video"}


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_grafana_can_place_and_tell_apart_what_is_on_it(name: str, language: Language) -> None:
    dashboard = model(name, language)
    assert dashboard["uid"] == f"dophu-{name}" + ("-en" if language == "en" else "")
    assert len(dashboard["uid"]) <= 40
    assert dashboard["schemaVersion"] == 41
    placed = panels(dashboard)
    assert len({panel["id"] for panel in placed}) == len(placed)
    taken: dict[tuple[int, int], str] = {}
    for panel in placed:
        at = panel["gridPos"]
        assert at["x"] >= 0 and at["x"] + at["w"] <= 24, panel["title"]
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_query_asks_the_chosen_server_for_metrics_that_we_have(name: str, language: Language) -> None:
    dashboard = model(name, language)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    expressions = [*queries(dashboard).values()]
    for panel, target in targets(dashboard):
        assert panel["datasource"] == target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        expressions.append(target["expr"])
    for panel in panels(dashboard):
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0
    for expression in expressions:
        used = set(re.findall(r"\bdophu_\w+", expression))
        assert used and used <= set(METRICS), expression
        assert set(re.findall(r"\$(\w+)", expression)) <= variables


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_sdk_reads_back_what_it_wrote(name: str, language: Language) -> None:
    register_default_plugins()
    dashboard = model(name, language)
    again = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    for annotation in dashboard["annotations"]["list"]:
        # Grafana reads these, its SDK does not know them.
        for ours in ("useValueForTime", "titleFormat"):
            annotation.pop(ours, None)
    assert again == dashboard


@pytest.mark.parametrize("name", sorted(load_dashboards()))
def test_both_languages_say_the_same_in_their_own_words(name: str) -> None:
    vietnamese, english = (model(name, language) for language in LANGUAGES)
    assert [p["type"] for p in panels(vietnamese)] == [p["type"] for p in panels(english)]
    for one, other in zip(panels(vietnamese), panels(english), strict=True):
        assert one["title"] != other["title"]
        assert one["gridPos"] == other["gridPos"]
    texts = json.dumps(english["panels"], ensure_ascii=False) + english["title"] + english["description"]
    assert not re.search("[ăâđêôơưĂÂĐÊÔƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", texts)


def test_writing_gives_one_file_each_and_the_same_bytes_again(tmp_path: Path) -> None:
    files = [file for language in LANGUAGES for file in write_dashboards(tmp_path / "new" / "folder", language)]
    assert sorted(file.name for file in files) == [
        "dophu-agency-en.json",
        "dophu-agency.json",
        "dophu-coverage-en.json",
        "dophu-coverage.json",
        "dophu-dophu-en.json",
        "dophu-dophu.json",
        "dophu-lines-en.json",
        "dophu-lines.json",
        "dophu-network-en.json",
        "dophu-network.json",
        "dophu-security-en.json",
        "dophu-security.json",
        "dophu-video-en.json",
        "dophu-video.json",
    ]
    before = {file: file.read_bytes() for file in files}
    assert "Độ phủ kế hoạch" in before[tmp_path / "new" / "folder" / "dophu-coverage.json"].decode()
    for language in LANGUAGES:
        write_dashboards(tmp_path / "new" / "folder", language)
    assert {file: file.read_bytes() for file in files} == before
