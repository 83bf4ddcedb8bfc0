"""The shipped goals: they load, and every plan says what the list of statements says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory import vocabulary
from inventory.goals import Goals, load_goals
from inventory.words import ALL_LEVELS, ONLY_DECLARED, Goal, Plan, Title

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"
BASES = {"explicit": "written", "plan-year": "plan-year", "plan-period": "plan-period", "none": "none"}
#: What the text is called in the list of statements, and how many goals it states.
PLANS = {
    "vinh-phuc-2020": ("VP", 26),
    "phu-tho-2014": ("PT", 17),
    "hau-giang-2015": ("HG", 5),
    "lao-cai-2018": ("LC", 13),
    "phu-yen-2021-2025": ("PY", 40),
}

# VP-068 writes no share of its own: its sentence means all communes, whose number another sentence (VP-105) gives.
WITHOUT_NUMBER_OF_ITS_OWN = {"VP-068": {ALL_LEVELS: 1.0}}
# Ranks and other statistics are no shares of what the register lists; nor are numbers of points, units and people.
NO_SHARES = {
    *("PY-062", "PY-063", "PY-064", "PY-077", "PY-103"),
    *("PT-020", "PT-029", "HG-028", "HG-029", "HG-030", "HG-035"),
}
# One number for two levels stands at each of them; the same number twice is one target, of what has to hold together.
BY_LEVEL = {"PT-053": {ALL_LEVELS: 1.0}, "PY-082": {"province": 1.0, "district": 1.0, "commune": 0.7}}


# How often each plan is reported on, and whether its text says so or Dophu proposes it.
REPORTED = {
    "vinh-phuc-2020": ("month", "written"),
    "phu-tho-2014": ("quarter", "own"),
    "hau-giang-2015": ("quarter", "written"),
    "lao-cai-2018": ("half", "written"),
    "phu-yen-2021-2025": ("quarter", "own"),
}
# Where each plan that writes its period does so, and in which words.
PERIODS = {
    "vinh-phuc-2020": ((915, 916), "Định kỳ hàng tháng báo cáo"),
    "hau-giang-2015": ((276, 276), "Định kỳ hàng quý có báo cáo"),
    "lao-cai-2018": ((337, 337), "Định kỳ 6 tháng hoặc đột xuất báo cáo"),
}
# How many goals have a baseline at least; Hậu Giang's text reports no figure of what its goals ask.
BASELINES = {
    "vinh-phuc-2020": 5,
    "phu-tho-2014": 12,
    "hau-giang-2015": 0,
    "lao-cai-2018": 7,
    "phu-yen-2021-2025": 8,
}


@pytest.fixture(scope="module")
def shipped() -> Goals:
    return load_goals(ROOT / "goals", vocabulary.load())


@pytest.fixture(scope="module", params=PLANS)
def plan(shipped: Goals, request: pytest.FixtureRequest) -> Plan:
    return shipped.plans[request.param]


@pytest.fixture(scope="module")
def every_statement() -> list[dict[str, Any]]:
    path = SEEDS / "statements.yaml"
    if not path.exists():
        pytest.skip(f"the list of statements is not here: {path.name} beside the project, in shared/seeds")
    # The C loader, where there is one, reads the half megabyte in a tenth of the time.
    read = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    listed: list[dict[str, Any]] = read["statements"]
    return listed


@pytest.fixture
def statements(plan: Plan, every_statement: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The plan's statements, by id."""
    return {s["id"]: s for s in every_statement if s["id"].startswith(PLANS[plan.id][0] + "-")}


def test_every_plan_is_checked(shipped: Goals) -> None:
    assert set(shipped.plans) == set(PLANS)


def test_header(shipped: Goals) -> None:
    plan = shipped.plans["vinh-phuc-2020"]
    assert (plan.id, plan.number, plan.issued, plan.period) == (
        "vinh-phuc-2020",
        "183/KH-UBND",
        date(2019, 12, 31),
        "2020",
    )
    plan = shipped.plans["phu-yen-2021-2025"]
    assert (plan.number, plan.issued, plan.period) == ("224/KH-UBND", date(2020, 12, 31), "2021-2025")


def test_every_goal_of_the_statements_stands_once(plan: Plan, statements: Mapping[str, Any]) -> None:
    stated = [id for id, statement in statements.items() if statement["kind"] == "goal"]
    written = [goal.statement for goal in plan.goals if goal.target_basis == "written"]
    own = {goal.statement for goal in plan.goals if goal.target_basis == "own"}
    assert len(stated) == PLANS[plan.id][1]
    assert len(set(written)) == len(written)
    assert sorted({*written, *(own & set(stated))}) == sorted(stated)
    assert own <= set(statements)


def test_a_target_of_our_own_is_marked_and_explained(plan: Plan) -> None:
    own = [goal for goal in plan.goals if goal.target_basis == "own"]
    assert bool(own) == (plan.id == "phu-yen-2021-2025")
    for goal in own:
        assert goal.target, goal.id
        assert goal.note, goal.id
        assert "con số" in goal.note.vi, goal.id
        assert "number" in goal.note.en, goal.id


def test_goals_stand_in_the_order_of_the_text(plan: Plan) -> None:
    lines = [int(re.search(r"dòng (\d+)", goal.cite)[1]) for goal in plan.goals]  # type: ignore[index]
    assert lines == sorted(lines)


def test_citations_levels_and_due_dates_are_those_of_the_statements(
    plan: Plan, statements: Mapping[str, dict[str, Any]]
) -> None:
    for goal in plan.goals:
        stated = statements[goal.statement]
        lines = ", ".join(f"{first}–{last}" for first, last in stated["lines"])
        assert goal.cite == f"{stated['section']}, dòng {lines}", goal.id
        if stated["kind"] == "goal" and goal.target_basis == "written":
            assert list(goal.levels) == stated["population"]["levels"], goal.id
            assert goal.due_basis == BASES[stated["deadline_basis"]], goal.id
            assert (goal.due.isoformat() if goal.due else None) == stated.get("deadline"), goal.id


def test_targets_are_the_numbers_of_the_statements(plan: Plan, statements: Mapping[str, dict[str, Any]]) -> None:
    for goal in plan.goals:
        if goal.target_basis == "own" or goal.statement in NO_SHARES:
            continue
        shares = _stated_shares(statements[goal.statement])
        if goal.statement in WITHOUT_NUMBER_OF_ITS_OWN:
            assert not shares
            assert goal.target == WITHOUT_NUMBER_OF_ITS_OWN[goal.statement]
            assert goal.note and "VP-105" in goal.note.vi and "VP-105" in goal.note.en
        elif goal.statement in BY_LEVEL:
            assert goal.target == BY_LEVEL[goal.statement]
        elif goal.parts:
            assert [share for _, share in goal.parts] == pytest.approx(shares), goal.id
        elif set(goal.target) == {ALL_LEVELS}:
            assert list(goal.target.values()) == pytest.approx(shares), goal.id
        else:
            counts = statements[goal.statement].get("numbers", {}).get("counts", {})
            assert goal.target == pytest.approx({level: n / 100 for level, n in counts.items()}), goal.id


def _stated_shares(statement: Mapping[str, Any]) -> list[float]:
    """The shares that a statement sets, in order: percentages, and a count over the statement's denominator."""
    whole = statement.get("numbers", {}).get("denominator", 100)
    return [
        target["value"] / (100 if target["unit"] == "percent" else whole) for target in statement.get("targets", ())
    ]


def _measured(plan: Plan) -> dict[str, str]:
    """The controls that measure, by the goal's id."""
    return {
        goal.id: goal.control
        for goal in plan.goals
        if goal.control is not None and not goal.control.startswith(ONLY_DECLARED)
    }


def test_measured_goals_and_their_controls(shipped: Goals) -> None:
    plan = shipped.plans["vinh-phuc-2020"]
    assert _measured(plan) == {
        "agency_firewall": "agency_firewall_answering",
        "agency_lan": "agency_lan_answering",
        "commune_lan_dedicated_network": "agency_lan_and_wan_answering",
        "document_axis": "agency_document_axis",
        "video_conference": "vc_endpoint_answering",
        "document_system_linked": "agency_document_axis",
        "electronic_documents": "documents_electronic",
        "online_work_files": "work_files_online",
        "official_email": "mailboxes_used",
        "digital_signature": "agency_digital_signature",
        "periodic_reports": "periodic_reports",
        "one_stop_dossiers": "dossiers_one_stop",
        "dossiers_solved_online": "dossiers_online",
        "services_on_national_portal": "services_national",
        "commune_lan_wan": "agency_lan_and_wan_answering",
    }


def test_a_goal_that_nothing_measures_is_asked_what_was_declared_of_it(plan: Plan) -> None:
    measured = _measured(plan)
    for goal in plan.goals:
        if goal.id not in measured:
            assert goal.control == f"{ONLY_DECLARED}{plan.id}/{goal.id}"


def test_measured_goals_say_in_both_languages_what_is_not_measured(plan: Plan) -> None:
    measured = _measured(plan)
    for goal in plan.goals:
        if goal.id in measured:
            assert goal.note, goal.id
            assert re.search("không (được )?đo", goal.note.vi), goal.id
            assert re.search(r"\bnot\b", goal.note.en) and "measured" in goal.note.en, goal.id


def test_goals_that_applications_count_say_that_a_person_s_number_stands_apart(shipped: Goals) -> None:
    counted = vocabulary.load().period_counts
    seen = 0
    for plan in shipped.plans.values():
        for goal in plan.goals:
            control = shipped.controls[goal.control or ""]
            if control.numerator in counted or any(re.search(rf"\b{name}\b", control.meets) for name in counted):
                seen += 1
                assert goal.note, goal.id
                assert "khai báo" in goal.note.vi and "ghi riêng" in goal.note.vi, goal.id
                assert "declares" in goal.note.en and "shown apart" in goal.note.en, goal.id
    assert seen >= 20


def test_baselines_are_what_the_plans_own_text_reports(plan: Plan, statements: Mapping[str, dict[str, Any]]) -> None:
    with_one = [goal for goal in plan.goals if goal.baseline]
    assert len(with_one) >= BASELINES[plan.id]
    for goal in with_one:
        baseline = goal.baseline
        assert baseline is not None
        stated = statements[baseline.statement]
        assert stated["kind"] in ("baseline", "limitation"), goal.id
        lines = ", ".join(f"{first}–{last}" for first, last in stated["lines"])
        assert baseline.cite == f"{stated['section']}, dòng {lines}", goal.id
        assert stated.get("numbers"), f"{goal.id}: {baseline.statement} reports no figure"
        # A figure stands in both titles, and they are no copies of the statement.
        for title, written in ((baseline.title.vi, stated["vi"]), (baseline.title.en, stated["en"])):
            assert re.search(r"[0-9]", re.sub(r"\b20[0-9]{2}\b", "", title)), goal.id
            assert title.rstrip(".") != written.rstrip("."), goal.id
        if baseline.share is not None:
            shares = list(_reported_shares(stated["numbers"]))
            assert any(baseline.share == pytest.approx(share, abs=0.0006) for share in shares), (goal.id, shares)


def test_a_baseline_s_share_is_one_of_a_goal_with_one_target(plan: Plan) -> None:
    for goal in plan.goals:
        if goal.baseline and goal.baseline.share is not None:
            assert set(goal.target) == {ALL_LEVELS} and not goal.parts, goal.id


def _reported_shares(numbers: Mapping[str, Any]) -> Iterator[float]:
    """The shares that follow from a statement's numbers: its percentages, and its counts over their totals."""
    counts = numbers.get("counts", {})
    derived = numbers.get("derived_not_in_text", {})
    if "percent" in numbers:
        yield numbers["percent"] / 100
    if "denominator" in numbers:
        yield numbers["numerator"] / numbers["denominator"]
    yield from (counts[name] / counts[f"{name}_of"] for name in counts if f"{name}_of" in counts)
    yield from (value / 100 for name, value in {**counts, **derived}.items() if "percent" in name)


def test_how_often_each_plan_is_reported_on(shipped: Goals) -> None:
    assert {plan.id: (plan.reports, plan.reports_basis) for plan in shipped.plans.values()} == REPORTED
    for plan in shipped.plans:
        # Stated in the file itself, not left to what the loader takes otherwise; with the line in both languages.
        text = (ROOT / "goals" / "plans" / f"{plan}.yaml").read_text(encoding="utf-8")
        assert re.search(r"# .*\bdòng \d+|# Dòng \d+", text[: text.index("\nreports: ")]), plan
        assert re.search(r"^reports: \w+\nreports_basis: \w+\n", text, re.MULTILINE), plan


@pytest.mark.usefixtures("every_statement")  # It skips where the texts are not here.
def test_a_period_said_to_be_written_stands_in_the_text() -> None:
    assert set(PERIODS) == {plan for plan, (_, basis) in REPORTED.items() if basis == "written"}
    files = sorted(SEEDS.glob("00*.txt"))
    for plan, ((first, last), words) in PERIODS.items():
        lines = files[list(PLANS).index(plan)].read_text(encoding="utf-8").split("\n")
        assert words in " ".join(line.strip() for line in lines[first - 1 : last]), plan


def test_no_goal_asks_workstations_what_it_asks_servers(shipped: Goals) -> None:
    for plan in shipped.plans.values():
        for goal in plan.goals:
            # What a goal is called stays as it is, also when something begins to measure it: declarations name it so.
            if goal.id == "backup_recovery":
                continue
            if goal.control and goal.control.partition("_")[0] in ("workstation", "server"):
                assert goal.id.partition("_")[0] == goal.control.partition("_")[0], goal.id


def test_goals_with_several_targets_list_them(shipped: Goals) -> None:
    goals = [goal for plan in shipped.plans.values() for goal in plan.goals]
    assert {goal.statement: len(goal.parts) for goal in goals if goal.parts} == {
        "LC-060": 2,
        "LC-061": 3,
        "LC-063": 3,
        "LC-066": 3,
        "PY-052": 2,
        "PY-065": 2,
        "PY-072": 2,
        "VP-082": 8,
        "VP-086": 2,
        "VP-087": 2,
    }


def test_text_is_normal_form_c_and_written_in_both_languages(shipped: Goals) -> None:
    titles = list(_titles(shipped))
    assert len(titles) > 40
    for title in titles:
        assert title.vi != title.en
        assert unicodedata.is_normalized("NFC", title.vi + title.en)
    for path in sorted((ROOT / "goals").glob("*/*.yaml")):
        assert unicodedata.is_normalized("NFC", path.read_text(encoding="utf-8")), path.name


def test_titles_are_short_and_told_apart(shipped: Goals) -> None:
    for plan in shipped.plans.values():
        for language in ("vi", "en"):
            titles = [goal.title.in_language(language) for goal in plan.goals]
            assert len(set(titles)) == len(titles)
            assert max(map(len, titles)) <= 130


def _titles(goals: Goals) -> Iterator[Title]:
    for control in goals.controls.values():
        yield control.title
        if control.note:
            yield control.note
    for plan in goals.plans.values():
        yield plan.title
        for goal in plan.goals:
            yield from _titles_of(goal)


def _titles_of(goal: Goal) -> Iterator[Title]:
    yield goal.title
    yield from (title for title, _ in goal.parts)
    if goal.note:
        yield goal.note
    if goal.baseline:
        yield goal.baseline.title
