"""The API of a real server: figures and the lists behind them agree, wrong requests are told, nothing answers 500."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import schemathesis

# Otherwise loaded when it is first asked for, beside threads of other tests, where Python 3.11 may fail to parse it.
import schemathesis.specs.openapi.schemas
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from inventory import vocabulary
from inventory.goals import load_goals
from inventory.store import Store, registers, runs, snapshots
from inventory.words import Register
from tests.api.serving import serving
from tests.api.test_cli import PLANS
from tests.inventory.sample import LEVELS, agency, device, network, sweep

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


async def _fill(folder: Path) -> None:
    store = Store.open(f"sqlite:///{folder / 'dophu.db'}")
    await store.migrate()
    known = vocabulary.load()
    register = Register(
        LEVELS, (agency("A"), agency("B"), agency("C")), tuple(network(f"net-{c.lower()}", c) for c in "ABC")
    )
    await store.write(registers.replace, register)
    before = AT - timedelta(days=9)
    for run in (
        sweep("C", device("C", 1, before, role="firewall", sysname="tường-lửa"), at=before),
        sweep("A", device("A", 1, AT, role="firewall", serial="FW5520117", vendor="Fortinet"), at=AT),
        sweep("B", device("B", 1, AT, role="switch", sysname="<script>alert(1)</script>"), at=AT),
    ):
        await store.write(runs.record, known, run, AT)
    goals = load_goals(Path(__file__).parents[2] / "goals", known)
    await store.write(snapshots.take, known, goals, AT, keep=True)
    await store.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("api")
    asyncio.run(_fill(made))
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with serving(folder) as address:
        yield address


def get(server: str, path: str, **query: object) -> dict[str, object]:
    answer = httpx2.get(f"{server}/api/v1{path}", params={k: str(v) for k, v in query.items()}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_figure_and_the_list_behind_it_are_of_one_snapshot_and_agree(server: str) -> None:
    page = get(server, "/coverage", plan="vinh-phuc-2020")
    row = next(r for r in page["items"] if (r["goal"], r["level"]) == ("agency_firewall", "all"))  # type: ignore[attr-defined]
    assert (row["met"], row["unmet"], row["unknown"], row["proven"], row["possible"]) == (1, 1, 1, 1 / 3, 2 / 3)
    for status in ("met", "unmet", "unknown"):
        listed = get(server, "/findings", control="agency_firewall_answering", status=status)
        assert (listed["total"], listed["at"]) == (row[status], page["at"])
    unknown = get(server, "/findings", control="agency_firewall_answering", status="unknown")["items"]
    assert [(f["member"], "net-c (last" in f["reason"]) for f in unknown] == [("C", True)]  # type: ignore[attr-defined]


def test_evidence_leads_from_the_figure_to_the_asset_and_its_facts(server: str) -> None:
    met = get(server, "/findings", control="agency_firewall_answering", status="met")["items"][0]  # type: ignore[index]
    (counted,) = met["counted"]
    assert (counted["count"], counted["kind"], counted["sure"]) == ("firewalls_answering", "asset", True)
    assert {f["key"]: f["value"] for f in counted["facts"]} == {"role": "firewall", "answering": True}
    asset = get(server, f"/assets/{counted['member']}", history="true")
    assert asset["facts"]["vendor"]["value"] == "Fortinet"  # type: ignore[index]
    assert {"kind": "serial", "value": "FW5520117", "shared": False} in asset["identifiers"]  # type: ignore[operator]
    assert {h["key"] for h in asset["history"]} >= {"role", "answering", "serial"} - {"serial"}  # type: ignore[attr-defined]


def test_as_of_a_day_before_it_fell_silent_the_agency_is_met(server: str) -> None:
    day = (AT - timedelta(days=5)).isoformat()
    page = get(server, "/coverage", plan="vinh-phuc-2020", as_of=day)
    row = next(r for r in page["items"] if (r["goal"], r["level"]) == ("agency_firewall", "all"))  # type: ignore[attr-defined]
    # The sweep of C is fresh for eight days; that its firewall answers, for 26 hours only.
    soon = get(server, "/findings", control="agency_firewall_answering", as_of=(AT - timedelta(days=8.5)).isoformat())
    assert row["met"] == 0
    assert {f["member"]: f["status"] for f in soon["items"]}["C"] == "met"  # type: ignore[attr-defined]


def test_search_ignores_accents_and_pages_add_up(server: str) -> None:
    assert get(server, "/assets", q="tuong-lua")["total"] == 1
    assert get(server, "/agencies", q="co quan a")["total"] == 1
    pages = [get(server, "/assets", limit=1, offset=n) for n in range(3)]
    assert len({p["items"][0]["id"] for p in pages}) == pages[0]["total"] == 3  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (
            "/coverage?plan=none",
            422,
            f"found the plan 'none', expected one of {', '.join(PLANS)}",
        ),
        ("/coverage?plan=vinh-phuc-2020&as_of=soon", 422, "found the time 'soon'"),
        ("/findings?control=none", 404, "found the control 'none'"),
        ("/findings?as_of=2026-01-01", 422, "as_of needs a control"),
        ("/agencies/none", 404, "found the agency 'none'"),
        ("/assets/999", 404, "found asset 999, expected the id of a known asset"),
        ("/assets/one", 422, "valid integer"),
    ],
)
def test_a_wrong_request_is_told_what_was_expected(server: str, path: str, status: int, told: str) -> None:
    answer = httpx2.get(f"{server}/api/v1{path}")
    assert (answer.status_code, told in answer.text) == (status, True), answer.text


def test_metrics_are_clean_and_of_the_same_snapshot(server: str) -> None:
    text = httpx2.get(f"{server}/metrics").text
    assert 'dophu_coverage_proven_ratio{goal="agency_firewall",level="all",plan="vinh-phuc-2020"} 0.333' in text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_with_a_token_everything_but_health_asks_for_it(folder: Path) -> None:
    with serving(folder, DOPHU_API_TOKEN="mot-token-dai") as address:
        for path in ("/", "/metrics", "/api/v1/plans", "/openapi.json", "/static/style.css"):
            assert httpx2.get(address + path).status_code == 401, path
            wrong, right = ({"Authorization": f"Bearer {token}"} for token in ("sai", "mot-token-dai"))
            assert httpx2.get(address + path, headers=wrong).status_code == 401, path
            assert httpx2.get(address + path, auth=("", "mot-token-dai")).status_code == 200, path
            assert httpx2.get(address + path, headers=right).status_code == 200, path
        assert httpx2.get(f"{address}/healthz").text == "ok\n"
        assert httpx2.post(f"{address}/agents/none", content=b"{}").status_code == 404
    assert "mot-token-dai" not in (folder / "serve.log").read_text()


def test_no_request_that_the_description_allows_is_answered_with_an_error_of_ours(server: str) -> None:
    schema = schemathesis.openapi.from_url(f"{server}/openapi.json").include(path_regex="^/(api/v1|healthz|readyz)")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 12
    for operation in operations:

        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.validate_response(case.call(timeout=20), checks=[not_a_server_error, response_schema_conformance])

        ask()
