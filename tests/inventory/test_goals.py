"""The strict loader of goals: one small bad file for each mistake, with the whole message."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from inventory import vocabulary
from inventory.goals import Goals, load_goals, set_parameters
from inventory.words import Control, Goal, InputError, Plan, Title

SHIPPED = Path(__file__).parents[2] / "goals"
CONTROL = """\
title:
  vi: Cơ quan có tường lửa
  en: The agency has a firewall
population: agencies
meets: firewalls_answering >= 1
"""
PLAN = """\
title:
  vi: Kế hoạch
  en: Plan
period: "2020"
goals:
  - id: firewall
    statement: VP-031
    cite: P1.I.5, dòng 128–129
    title:
      vi: Có tường lửa
      en: Has a firewall
    levels: [province, district]
    target: {province: 1, district: 0.5}
    due: 2020-12-31
    due_basis: plan-year
    control: has_firewall
"""


def write(folder: Path, *, control: str | bytes = CONTROL, plan: str | bytes = PLAN, **controls: str) -> None:
    """A folder of goals: the control has_firewall, the plan test-2020 and further controls by name."""
    files: dict[str, str | bytes] = {"controls/has_firewall.yaml": control, "plans/test-2020.yaml": plan}
    files |= {f"controls/{name}.yaml": text for name, text in controls.items()}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def load(folder: Path) -> Goals:
    return load_goals(folder, vocabulary.load())


def refusal(folder: Path) -> list[str]:
    """The lines of the error with which the folder is refused."""
    with pytest.raises(InputError) as caught:
        load(folder)
    return str(caught.value).split("\n")


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} must stand once"
    return text.replace(old, new)


def test_good_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    control = Control(
        "has_firewall",
        Title("Cơ quan có tường lửa", "The agency has a firewall"),
        "agencies",
        "firewalls_answering >= 1",
    )
    goal = Goal(
        "firewall",
        Title("Có tường lửa", "Has a firewall"),
        "P1.I.5, dòng 128–129",
        "VP-031",
        ("province", "district"),
        {"province": 1.0, "district": 0.5},
        date(2020, 12, 31),
        "plan-year",
        "has_firewall",
    )
    plan = Plan("test-2020", Title("Kế hoạch", "Plan"), "", None, "2020", (goal,))
    assert load(tmp_path) == Goals({"has_firewall": control}, {"test-2020": plan})


def test_everything_optional_is_read(tmp_path: Path) -> None:
    control = """\
title: {vi: Đầu cuối, en: Endpoint}
population: assets
where: role = wanted
meets: answering and interface_count >= least
declared_as: vc_endpoints
parameters: {wanted: vc_endpoint, least: 2}
note: {vi: Ghi chú, en: Note}
"""
    plan = replaced(PLAN, "period:", "number: 1/KH\nissued: 2019-12-31\nperiod:")
    plan += """\
    note: {vi: Ghi chú, en: Note}
  - id: several
    statement: VP-082
    cite: dòng 1
    title: {vi: Nhiều, en: Several}
    levels: []
    parts:
      - {title: {vi: Một, en: One}, target: 0.3}
      - {title: {vi: Hai, en: Two}, target: 1}
    due_basis: none
"""
    write(tmp_path, control=control, plan=plan)
    goals = load(tmp_path)
    read = goals.controls["has_firewall"]
    assert (read.where, read.declared_as, read.parameters) == (
        "role = wanted",
        "vc_endpoints",
        {"wanted": "vc_endpoint", "least": 2},
    )
    assert isinstance(read.parameters["least"], int)
    assert read.note == Title("Ghi chú", "Note")
    of = goals.plans["test-2020"]
    assert (of.number, of.issued) == ("1/KH", date(2019, 12, 31))
    assert of.goals[0].note == Title("Ghi chú", "Note")
    several = of.goals[1]
    assert several.parts == ((Title("Một", "One"), 0.3), (Title("Hai", "Two"), 1.0))
    assert (several.target, several.due, several.levels) == ({}, None, ())
    # What no control measures is asked of those who can declare it.
    assert several.control == "declared:test-2020/several"


def test_one_number_is_the_target_of_the_goal_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path, plan=replaced(PLAN, "{province: 1, district: 0.5}", "0.9"))
    assert load(tmp_path).plans["test-2020"].goals[0].target == {"all": 0.9}


def test_text_is_put_in_normal_form_c(tmp_path: Path) -> None:
    decomposed = "Có tường lửa"  # NFD: letters and accents apart
    write(tmp_path, plan=replaced(PLAN, decomposed, unicodedata.normalize("NFD", decomposed) + "   đủ"))
    assert load(tmp_path).plans["test-2020"].goals[0].title.vi == "Có tường lửa đủ"


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    write(tmp_path, plan=b"\xef\xbb\xbf" + PLAN.replace("\n", "\r\n").encode())
    assert load(tmp_path).plans["test-2020"].goals[0].id == "firewall"


COLUMNS = ", ".join(sorted(vocabulary.load().columns("agencies")))
BAD_CONTROLS = {
    "unknown key": (
        ("population:", "populaton:"),
        [
            "line 1: missing population",
            "line 4: unknown key 'populaton'; did you mean 'population'?",
        ],
    ),
    "key that resembles none": (
        ("meets:", "xyzzy: 1\nmeets:"),
        [
            "line 5: unknown key 'xyzzy'; known are declared_as, meets, note, parameters, population, severity, title, "
            "where",
        ],
    ),
    "missing language": (
        ("  en: The agency has a firewall\n", ""),
        ["line 1: title: missing en"],
    ),
    "comma inside braces": (
        (
            "  vi: Cơ quan có tường lửa\n  en: The agency has a firewall\n",
            "  {vi: Có phòng, chống mã độc, en: Active}\n",
        ),
        ["line 2: title: unknown key 'chống mã độc'; a comma ends the text inside { }: put the text in quotes"],
    ),
    "title is a text": (
        ("title:\n  vi: Cơ quan có tường lửa\n  en: The agency has a firewall", "title: Tường lửa"),
        ["line 1: title: found 'Tường lửa', expected names with values"],
    ),
    "no where text is expected": (
        ("vi: Cơ quan có tường lửa", "vi: no"),
        ['line 2: title.vi: found the truth value no, expected text: write "no" in quotes'],
    ),
    "number where text is expected": (
        ("vi: Cơ quan có tường lửa", "vi: 0123"),
        ['line 2: title.vi: found the number 0123, expected text: write "0123" in quotes'],
    ),
    "date where text is expected": (
        ("vi: Cơ quan có tường lửa", "vi: 2020-12-31"),
        ['line 2: title.vi: found the date 2020-12-31, expected text: write "2020-12-31" in quotes'],
    ),
    "nothing where text is expected": (
        ("vi: Cơ quan có tường lửa", "vi:"),
        ["line 2: title.vi: found nothing, expected text"],
    ),
    "empty text": (
        ("vi: Cơ quan có tường lửa", "vi: '  '"),
        ["line 2: title.vi: found empty text, expected some"],
    ),
    "list where text is expected": (
        ("vi: Cơ quan có tường lửa", "vi: [a]"),
        ["line 2: title.vi: found a list, expected text"],
    ),
    "foreign tag": (
        ("vi: Cơ quan có tường lửa", "vi: !!python/name:os.system x"),
        ["line 2: title.vi: found 'x' tagged 'tag:yaml.org,2002:python/name:os.system', expected text"],
    ),
    "invisible character": (
        ("Cơ quan có", "Cơ\u00ad quan có"),
        ["line 2: title.vi: found the invisible character U+00AD, expected readable text"],
    ),
    "key that is no text": (
        ("population:", "no: 1\npopulation:"),
        ["line 4: found the truth value no as a key, expected text"],
    ),
    "key twice": (
        ("population:", "population: assets\npopulation:"),
        [
            "line 5: the key 'population' stands twice, first on line 4",
            "line 6: meets: unknown column 'firewalls_answering'; did you mean 'sip_answering'?",
        ],
    ),
    "unknown population": (
        ("agencies", "agency"),
        ["line 4: population: found 'agency', expected one of assets, links, agencies; did you mean 'agencies'?"],
    ),
    "unknown column": (
        ("firewalls_answering", "firewall_answering"),
        ["line 5: meets: unknown column 'firewall_answering'; did you mean 'firewalls_answering'?"],
    ),
    "column that resembles none": (
        ("firewalls_answering >= 1", "xyzzy"),
        [f"line 5: meets: unknown column 'xyzzy'; known are {COLUMNS}"],
    ),
    "function that is not allowed": (
        ("firewalls_answering >= 1", "coalesce(officials, 1) = 1"),
        [
            "line 5: meets: function 'coalesce' is not allowed in 'coalesce(officials, 1) = 1'; "
            "allowed are lower, abs, days_since, days_until"
        ],
    ),
    "two statements": (
        ("firewalls_answering >= 1", "officials = 1; drop table asset"),
        [
            "line 5: meets: found 'officials = 1; drop table asset', expected one expression, not several or a "
            "statement",
        ],
    ),
    "no condition": (
        ("firewalls_answering >= 1", "officials + 1"),
        ["line 5: meets: found 'officials + 1', expected a condition that is true or false"],
    ),
    "wrong where": (
        ("meets:", "where: levl = 'province'\nmeets:"),
        ["line 5: where: unknown column 'levl'; did you mean 'level'?"],
    ),
    "declared count of agencies": (
        ("meets:", "declared_as: workstations\nmeets:"),
        [
            "line 5: declared_as: found it for agencies, expected it only for assets: a declared count is one of "
            "assets",
        ],
    ),
    "unknown declared count": (
        (
            "population: agencies\nmeets: firewalls_answering >= 1",
            "population: assets\nmeets: answering\ndeclared_as: x",
        ),
        ["line 6: declared_as: found 'x', expected one of officials, workstations, servers, vc_endpoints"],
    ),
    "parameter that is a column": (
        ("meets:", "parameters: {level: 1}\nmeets:"),
        ["line 5: parameters.level: a column has this name already"],
    ),
    "parameter that nothing uses": (
        ("meets:", "parameters: {least: 1}\nmeets:"),
        ["line 5: parameters: no expression uses 'least'"],
    ),
    "parameter with a wrong name": (
        ("meets:", "parameters: {Least-1: 1}\nmeets:"),
        ["line 5: parameters.Least-1: expected a name of small letters a-z, digits and underscores"],
    ),
    "parameter that is a truth value": (
        (">= 1", ">= least\nparameters: {least: yes}"),
        ["line 6: parameters.least: found the truth value yes, expected a number such as 2 or 0.5, or text"],
    ),
    "parameter in octal": (
        (">= 1", ">= least\nparameters: {least: 010}"),
        ["line 6: parameters.least: found the number 010, expected a number such as 2 or 0.5, or text"],
    ),
    "parameter without end": (
        (">= 1", ">= least\nparameters: {least: .inf}"),
        ["line 6: parameters.least: found the number .inf, expected a number such as 2 or 0.5, or text"],
    ),
    "text parameter beside a count": (
        (">= 1", ">= least\nparameters: {least: '1 or 1=1'}"),
        [
            "line 5: meets: found the text \"'1 or 1=1'\", expected a number",
        ],
    ),
    "colon inside text": (
        ("vi: Cơ quan có tường lửa", "vi: Tường lửa: có"),
        ["line 2: not readable as YAML: mapping values are not allowed here; put text with a colon in quotes"],
    ),
    "two documents": (
        ("population:", "---\npopulation:"),
        ["line 4: not readable as YAML: but found another document"],
    ),
    "unknown alias": (
        ("agencies", "*agencies"),
        ["line 4: not readable as YAML: found undefined alias 'agencies'"],
    ),
    "escape beyond Unicode": (
        ("vi: Cơ quan có tường lửa", 'vi: "\\UFFFFFFFF"'),
        None,
    ),
    "lone surrogate": (
        ("vi: Cơ quan có tường lửa", 'vi: "\\uD800"'),
        ["line 2: title.vi: found the invisible character U+D800, expected readable text"],
    ),
}


@pytest.mark.parametrize("mistake", BAD_CONTROLS)
def test_bad_control(tmp_path: Path, mistake: str) -> None:
    (old, new), expected = BAD_CONTROLS[mistake]
    write(tmp_path, control=replaced(CONTROL, old, new))
    lines = refusal(tmp_path)
    if expected is None:
        assert len(lines) == 1 and lines[0].startswith("controls/has_firewall.yaml: not readable as YAML: ")
    else:
        assert lines == [f"controls/has_firewall.yaml, {line}" for line in expected]


SECOND_GOAL = PLAN[PLAN.index("  - id") :]
BAD_PLANS = {
    "an own target that is none": (
        ("target: {province: 1, district: 0.5}", "target_basis: own"),
        ["line 13: goals[1].target_basis: found 'own' without target, expected a share such as target: 1.0"],
    ),
    "unknown key": (
        ("period:", "perod:"),
        ["line 1: missing period", "line 4: unknown key 'perod'; did you mean 'period'?"],
    ),
    "id in the file": (
        ("period:", "id: test-2020\nperiod:"),
        ["line 4: unknown key 'id'; known are goals, issued, number, period, reports, reports_basis, title"],
    ),
    "year without quotes": (
        ('"2020"', "2020"),
        ['line 4: period: found the number 2020, expected text: write "2020" in quotes'],
    ),
    "issued on no day": (
        ("period:", "issued: 2019-02-30\nperiod:"),
        ["line 4: issued: found the date 2019-02-30, expected a date such as 2020-12-31"],
    ),
    "goals are no list": (
        ("goals:\n  - id", "goals:\n    id"),
        ["line 5: goals: found names with values, expected a list"],
    ),
    "missing keys of a goal": (
        ("    statement: VP-031\n    cite: P1.I.5, dòng 128–129\n", ""),
        ["line 6: goals[1]: missing statement, cite"],
    ),
    "unknown key of a goal": (
        ("due_basis:", "due_bassis:"),
        [
            "line 6: goals[1]: missing due_basis",
            "line 15: goals[1]: unknown key 'due_bassis'; did you mean 'due_basis'?",
        ],
    ),
    "id with capitals": (
        ("id: firewall", "id: Fire-Wall"),
        ["line 6: goals[1].id: found 'Fire-Wall', expected small letters a-z, digits and underscores"],
    ),
    "statement's form": (
        ("VP-031", "31"),
        ['line 7: goals[1].statement: found the number 31, expected text: write "31" in quotes'],
    ),
    "statement's id": (
        ("VP-031", "VP31"),
        ["line 7: goals[1].statement: found 'VP31', expected a statement's id such as VP-031"],
    ),
    "levels are no list": (
        ("[province, district]", "province"),
        [
            "line 12: goals[1].levels: found 'province', expected a list",
            "line 13: goals[1].target.district: the goal speaks of no such level; none is known",
            "line 13: goals[1].target.province: the goal speaks of no such level; none is known",
        ],
    ),
    "level twice": (
        ("[province, district]", "[province, district, province]"),
        ["line 12: goals[1].levels[3]: the level 'province' stands twice"],
    ),
    "level named all": (
        ("[province, district]", "[province, district, all]"),
        [
            "line 12: goals[1].levels[3]: found 'all', expected the code of a level; [] where the goal speaks of none",
        ],
    ),
    "target at a level that is not the goal's": (
        ("{province: 1, district: 0.5}", "{province: 1, distric: 0.5}"),
        ["line 13: goals[1].target.distric: the goal speaks of no such level; did you mean 'district'?"],
    ),
    "target above one": (
        ("district: 0.5", "district: 90"),
        ["line 13: goals[1].target.district: found the number 90, expected a share from 0 to 1, such as 0.9 for 90 %"],
    ),
    "target below nought": (
        ("{province: 1, district: 0.5}", "-0.1"),
        ["line 13: goals[1].target: found the number -0.1, expected a share from 0 to 1, such as 0.9 for 90 %"],
    ),
    "target in percent": (
        ("{province: 1, district: 0.5}", "90%"),
        ["line 13: goals[1].target: found '90%', expected a share from 0 to 1, such as 0.9 for 90 %"],
    ),
    "target with a decimal comma": (
        ("{province: 1, district: 0.5}", "0,9"),
        ["line 13: goals[1].target: found '0,9', expected a share from 0 to 1, such as 0.9 for 90 %"],
    ),
    "target that is not a number": (
        ("{province: 1, district: 0.5}", ".nan"),
        ["line 13: goals[1].target: found the number .nan, expected a share from 0 to 1, such as 0.9 for 90 %"],
    ),
    "target left blank": (
        ("{province: 1, district: 0.5}", ""),
        ["line 13: goals[1].target: found nothing, expected a share from 0 to 1, such as 0.9 for 90 %"],
    ),
    "target without a share": (
        ("{province: 1, district: 0.5}", "{}"),
        ["line 13: goals[1].target: found no share, expected one number or a share for each level"],
    ),
    "due on no day": (
        ("2020-12-31", "31/12/2020"),
        ["line 14: goals[1].due: found '31/12/2020', expected a date such as 2020-12-31"],
    ),
    "due without a date": (
        ("    due: 2020-12-31\n", ""),
        ["line 14: goals[1].due_basis: found 'plan-year' without due, expected a date such as due: 2020-12-31"],
    ),
    "date without a basis": (
        ("plan-year", "none"),
        ["line 14: goals[1].due: found a date although due_basis is none"],
    ),
    "unknown basis": (
        ("plan-year", "plan_year"),
        [
            "line 15: goals[1].due_basis: found 'plan_year', expected one of written, plan-year, plan-period, none; "
            "did you mean 'plan-year'?",
        ],
    ),
    "target beside parts": (
        (
            "due: 2020-12-31",
            "parts: [{title: {vi: a, en: b}, target: 1}, {title: {vi: c, en: d}, target: 1}]\n    due: 2020-12-31",
        ),
        ["line 13: goals[1].target: found beside parts, expected one of the two"],
    ),
    "single part": (
        ("target: {province: 1, district: 0.5}", "parts: [{title: {vi: a, en: b}, target: 1}]"),
        ["line 13: goals[1].parts: found one part, expected several; a single share is the goal's target"],
    ),
    "part without a target": (
        (
            "target: {province: 1, district: 0.5}",
            "parts:\n      - title: {vi: a, en: b}\n      - {title: {vi: c, en: d}, target: 2}",
        ),
        [
            "line 14: goals[1].parts[1]: missing target",
            "line 15: goals[1].parts[2].target: found the number 2, expected a share from 0 to 1, such as 0.9 for 90 %",
        ],
    ),
    "due before the plan was issued": (
        ('period: "2020"\n', 'issued: 2021-01-01\nperiod: "2020"\n'),
        ["line 15: goals[1].due: found 2020-12-31, expected no day before the plan was issued (2021-01-01)"],
    ),
    "due before the plan's period": (
        ('period: "2020"', "period: 2021-2025"),
        ["line 14: goals[1].due: found 2020-12-31, expected a day in the plan's period (2021-2025)"],
    ),
    "unknown control": (
        ("has_firewall", "has_firewal"),
        ["line 16: goals[1].control: unknown control 'has_firewal'; did you mean 'has_firewall'?"],
    ),
    "goal twice": (
        ("    control: has_firewall\n", "    control: has_firewall\n" + SECOND_GOAL),
        ["line 17: goals[2]: the goal 'firewall' stands twice, first on line 6"],
    ),
    "not a mapping": (
        (PLAN, "- a\n"),
        ["line 1: found a list, expected names with values"],
    ),
}


@pytest.mark.parametrize("mistake", BAD_PLANS)
def test_bad_plan(tmp_path: Path, mistake: str) -> None:
    (old, new), expected = BAD_PLANS[mistake]
    write(tmp_path, plan=replaced(PLAN, old, new))
    unused = ["controls/has_firewall.yaml: no goal of any plan uses this control"]
    lines = [line for line in refusal(tmp_path) if line not in unused]
    assert lines == [f"plans/test-2020.yaml, {line}" for line in expected]


def test_control_that_no_goal_uses(tmp_path: Path) -> None:
    write(tmp_path, another=CONTROL)
    assert refusal(tmp_path) == ["controls/another.yaml: no goal of any plan uses this control"]


def test_unknown_control_where_none_is_alike(tmp_path: Path) -> None:
    write(tmp_path, plan=replaced(PLAN, "has_firewall", "xyzzy"))
    assert refusal(tmp_path) == [
        "controls/has_firewall.yaml: no goal of any plan uses this control",
        "plans/test-2020.yaml, line 16: goals[1].control: unknown control 'xyzzy'; known are has_firewall",
    ]


def test_a_broken_control_is_known_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, control="meets: [")
    lines = refusal(tmp_path)
    assert len(lines) == 1 and lines[0].startswith("controls/has_firewall.yaml, line 1: not readable as YAML: ")


def test_empty_goals(tmp_path: Path) -> None:
    write(tmp_path, plan=PLAN[: PLAN.index("goals:")] + "goals: []\n")
    assert refusal(tmp_path) == [
        "controls/has_firewall.yaml: no goal of any plan uses this control",
        "plans/test-2020.yaml, line 5: goals: found an empty list, expected at least one goal",
    ]


def test_not_utf8(tmp_path: Path) -> None:
    write(tmp_path, plan=PLAN.encode().replace(b"en: Plan", b"en: Pl\xe3n"))
    assert refusal(tmp_path) == [
        "plans/test-2020.yaml, line 3: found the byte 0xe3, expected text saved as UTF-8",
    ]


def test_utf16(tmp_path: Path) -> None:
    write(tmp_path, plan=PLAN.encode("utf-16"))
    assert refusal(tmp_path) == ["plans/test-2020.yaml, line 1: found the byte 0xff, expected text saved as UTF-8"]


def test_control_character(tmp_path: Path) -> None:
    write(tmp_path, plan=replaced(PLAN, "en: Plan", "en: Pl\x00an"))
    assert refusal(tmp_path) == [
        "plans/test-2020.yaml, line 3: found the invisible character U+0000, expected readable text",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "found an empty file"),
        ("# a comment\n", "found an empty file"),
        ("[" * 5000, "not readable as YAML: nested too deeply"),
        ("#" * 1_000_001, "found 1000001 bytes, expected at most 1000000"),
    ],
    ids=["empty", "comment", "nested", "large"],
)
def test_file_without_a_document(tmp_path: Path, content: str, expected: str) -> None:
    write(tmp_path, plan=content)
    assert refusal(tmp_path) == [f"plans/test-2020.yaml: {expected}"]


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "controls" / "odd.yaml").mkdir()
    assert refusal(tmp_path) == [
        "controls/odd.yaml: cannot be read: Is a directory",
        "controls/odd.yaml: no goal of any plan uses this control",
    ]


def test_file_names(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("controls/Has Firewall.yaml", "controls/short.yml", "plans/phú-thọ.yaml", "plans/.hidden.yaml"):
        (tmp_path / name).write_text("x")
    (tmp_path / "controls" / "README.md").write_text("x")
    expected = "expected one such as agency_lan_answering.yaml"
    assert refusal(tmp_path) == [
        f"controls: found the file name 'Has Firewall.yaml', {expected}",
        f"controls: found the file name 'short.yml', {expected}",
        "plans: found the file name 'phú-thọ.yaml', expected one such as vinh-phuc-2020.yaml",
    ]


def test_no_plan(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == [
        "plans: found no plan, expected a file such as plans/vinh-phuc-2020.yaml",
    ]


def test_all_problems_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        control=replaced(CONTROL, "agencies", "agency").replace("vi: Cơ", "vn: Cơ"),
        plan=replaced(PLAN, "VP-031", "x").replace("0.5", "5"),
        another=replaced(CONTROL, "firewalls", "firewals"),
    )
    assert refusal(tmp_path) == [
        "controls/another.yaml: no goal of any plan uses this control",
        "controls/another.yaml, line 5: meets: unknown column 'firewals_answering'; did you mean "
        "'firewalls_answering'?",
        "controls/has_firewall.yaml, line 1: title: missing vi",
        "controls/has_firewall.yaml, line 2: title: unknown key 'vn'; known are en, vi",
        "controls/has_firewall.yaml, line 4: population: found 'agency', expected one of assets, links, agencies; did "
        "you mean 'agencies'?",
        "plans/test-2020.yaml, line 7: goals[1].statement: found 'x', expected a statement's id such as VP-031",
        "plans/test-2020.yaml, line 13: goals[1].target.district: found the number 5, expected a share from 0 to 1, "
        "such as 0.9 for 90 %",
    ]


def test_a_value_of_any_length_is_told_on_one_short_line(tmp_path: Path) -> None:
    write(tmp_path, plan=replaced(PLAN, "period:", f'"a\\n{"b" * 500}": 1\nperiod:').replace("VP-031", "9" * 500))
    lines = refusal(tmp_path)
    assert [line.partition(":")[0] for line in lines] == [
        "plans/test-2020.yaml, line 4",
        "plans/test-2020.yaml, line 8",
    ]
    assert max(len(line) for line in lines) < 200


_lines = st.lists(
    st.one_of(
        st.sampled_from([*PLAN.splitlines(), *CONTROL.splitlines()]),
        st.text(alphabet="abeno019.:-[]{}#&*!|>'\"%@,? \t\n\\xUu", max_size=20),
        st.text(max_size=10),
    ),
    max_size=25,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@example(plan=["a: &a [*a]"], control=["title: &t {vi: *t, en: *t}"])
@example(plan=["? [a]\n: b"], control=["<<: {a: 1}"])
@example(plan=["goals: [" + "{id: a}, " * 50 + "]"], control=["parameters: {'a\\nb': 1}", "population: assets"])
@given(plan=_lines, control=_lines)
def test_any_text_is_read_or_refused(tmp_path: Path, plan: list[str], control: list[str]) -> None:
    write(
        tmp_path,
        control="\n".join(control).encode("utf-8", "surrogatepass"),
        plan="\n".join(plan).encode("utf-8", "surrogatepass"),
    )
    _read_or_refuse(tmp_path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_good_files_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    texts = []
    for text in (CONTROL, PLAN):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        texts.append(text[:start] + data.draw(st.text(max_size=12)) + text[end:])
    write(tmp_path, control=texts[0].encode("utf-8", "surrogatepass"), plan=texts[1].encode("utf-8", "surrogatepass"))
    _read_or_refuse(tmp_path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    meets=st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                ["firewalls_answering", "level", ">=", "=", "1", "'a'", "and", "not", "(", ")", "in", "--", "/*", ";",
                 "select", "null", "is", "case", "least", "$1", '"', "'", "::int", "like", "between", ",", "*", "{}"]
            ),
            max_size=12,
        ).map(" ".join),
    )
)  # fmt: skip
def test_any_expression_is_read_or_refused(tmp_path: Path, meets: str) -> None:
    quoted = meets.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    control = replaced(CONTROL, "firewalls_answering >= 1", f'"{quoted}"')
    write(tmp_path, control=control.encode("utf-8", "surrogatepass"))
    _read_or_refuse(tmp_path)


def _read_or_refuse(folder: Path) -> None:
    try:
        goals = load(folder)
    except InputError as error:
        lines = str(error).split("\n")
        assert all(line.startswith(("controls/has_firewall.yaml", "plans/test-2020.yaml")) for line in lines)
    else:
        assert goals.plans["test-2020"].goals


# --- thresholds that a department sets --------------------------------------------------------------------------------


def test_a_department_sets_thresholds() -> None:
    goals = load_goals(SHIPPED, vocabulary.load())
    changed = set_parameters(goals, {"workstation_seen": {"report_days": 14}})
    assert goals.controls["workstation_seen"].parameters["report_days"] == 30
    assert changed.controls["workstation_seen"].parameters["report_days"] == 14
    assert changed.plans == goals.plans


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"workstation_sen": {"report_days": 1}},
            "unknown control 'workstation_sen'; did you mean",
        ),
        (
            {"workstation_seen": {"days": 1}},
            "parameters.workstation_seen.days: found no such parameter",
        ),
        ({"workstation_seen": {"report_days": "x"}}, "report_days: found 'x', expected a number such as 30"),
        ({"workstation_seen": {"report_days": True}}, "found True, expected a number"),
        ({"workstation_seen": {"report_days": float("inf")}}, "found inf, expected a number"),
        ({"agency_vc_answering": {"x": 1}}, "the control has none"),
    ],
)
def test_a_threshold_that_there_is_not_is_named(given: dict[str, dict[str, Any]], expected: str) -> None:
    with pytest.raises(InputError) as error:
        set_parameters(load_goals(SHIPPED, vocabulary.load()), given)
    assert expected in str(error.value)
