"""Controls and plans: what is asked and what was promised, read strictly from a folder of YAML files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from yaml.nodes import MappingNode, SequenceNode

from inventory import expressions
from inventory.refusing import meant
from inventory.strict_yaml import Entry, Problem, StrictFile, closest, nearest
from inventory.vocabulary import POPULATIONS, Vocabulary
from inventory.words import (
    ALL_LEVELS,
    ONLY_DECLARED,
    SEVERITIES,
    Baseline,
    Control,
    Goal,
    InputError,
    Plan,
    Title,
)  # fmt: skip

DUE_BASES = ("written", "plan-year", "plan-period", "none")
"""Where a due date comes from: the plan's text, the end of its year or period, or nowhere because there is none."""
REPORTS = ("month", "quarter", "half", "year")
"""How often a plan is reported on."""
TARGET_BASES = ("written", "own")
"""Whose number a target is: the plan's, or one of ours where the plan gives a task without a number."""

_IDS = {"controls": re.compile(r"[a-z][a-z0-9_]*"), "plans": re.compile(r"[a-z][a-z0-9-]*")}
_EXAMPLES = {"controls": "agency_lan_answering.yaml", "plans": "vinh-phuc-2020.yaml"}
_FIRST_YEAR = re.compile(r"[12][0-9]{3}(?![0-9])")
_STATEMENT = re.compile(r"[A-Z]{2,5}-[0-9]{3}")
_LARGEST = 1e15
_NO_TITLE = Title("", "")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Goals:
    """What a folder of goals holds: every control and every plan, by id."""

    controls: Mapping[str, Control]
    plans: Mapping[str, Plan]

    def only(self, plans: Sequence[str]) -> Goals:
        """These plans, in this order, and the controls that they use.

        Raises:
            KeyError: there is no such plan.
        """
        kept = {plan: self.plans[plan] for plan in plans}
        used = {goal.control for plan in kept.values() for goal in plan.goals}
        return Goals({name: control for name, control in self.controls.items() if name in used}, kept)


def set_parameters(goals: Goals, given: Mapping[str, Mapping[str, float | str]]) -> Goals:
    """The goals with thresholds of controls in place of those that the files propose.

    Raises:
        InputError: there is no such control or parameter, or the value is of another kind than the file's.
    """
    controls = dict(goals.controls)
    for name, values in given.items():
        if name not in controls:
            near = meant(name, controls)
            raise InputError(
                Title(
                    f"parameters: không có tiêu chí {name!r}{near.vi}", f"parameters: unknown control {name!r}{near.en}"
                )
            )
        known = controls[name].parameters
        for parameter, value in values.items():
            where = f"parameters.{name}.{parameter}"
            if parameter not in known:
                listed = ", ".join(known)
                has = (
                    Title(f"cần một trong {listed}", f"expected one of {listed}")
                    if known
                    else Title("tiêu chí này không có tham số", "the control has none")
                )
                raise InputError(
                    Title(f"{where}: không có tham số này, {has.vi}", f"{where}: found no such parameter, {has.en}")
                )
            wants_text = isinstance(known[parameter], str)
            if not (isinstance(value, str) if wants_text else _is_number(value)):
                expected = Title("văn bản", "text") if wants_text else Title("một số", "a number")
                raise InputError(
                    Title(
                        f"{where}: gặp {value!r:.80}, cần {expected.vi} như {known[parameter]!r}",
                        f"{where}: found {value!r:.80}, expected {expected.en} such as {known[parameter]!r}",
                    )
                )
        controls[name] = replace(controls[name], parameters={**known, **values})
    return Goals(controls, goals.plans)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def load_goals(folder: Path, vocabulary: Vocabulary) -> Goals:
    """Read `controls/<id>.yaml` and `plans/<id>.yaml` of a folder; a file's name is its id.

    Raises:
        InputError: all that is wrong with the folder, a line for each problem, naming file and line, what was found,
            what was expected and, for a misspelt name, the nearest known one.
    """
    problems: list[Problem] = []
    control_files = _files(folder, "controls", problems)
    plan_files = _files(folder, "plans", problems)
    controls: dict[str, Control] = {}
    for control_id, path in control_files.items():
        file = StrictFile(f"controls/{path.name}", problems)
        if top := file.open(path):
            controls[control_id] = _control(file, top, control_id, vocabulary)
    plans: dict[str, Plan] = {}
    for plan_id, path in plan_files.items():
        file = StrictFile(f"plans/{path.name}", problems)
        if top := file.open(path):
            plans[plan_id] = _with_declarations(_plan(file, top, plan_id, control_files), controls)
    if not plan_files and not problems:
        problems.append(Problem("plans", 0, f"found no plan, expected a file such as plans/{_EXAMPLES['plans']}"))
    if len(plans) == len(plan_files):  # A plan that could not be opened may use what no other does.
        problems += _unused(control_files, plans)
    if problems:
        raise InputError("\n".join(str(p) for p in sorted(problems)))
    return Goals(controls, plans)


def _with_declarations(plan: Plan, controls: dict[str, Control]) -> Plan:
    """The plan, each goal that no control measures with one of its own, which asks what was declared of it."""
    goals: list[Goal] = []
    for goal in plan.goals:
        if goal.control is None:
            name = f"{ONLY_DECLARED}{plan.id}/{goal.id}"
            shares = tuple(share for _, share in goal.parts)
            controls[name] = Control(name, goal.title, "organisation", "", goal=(plan.id, goal.id), parts=shares)
            goal = replace(goal, control=name)
        goals.append(goal)
    return replace(plan, goals=tuple(goals))


def _files(folder: Path, kind: str, problems: list[Problem]) -> dict[str, Path]:
    """The YAML files of one kind by id."""
    files: dict[str, Path] = {}
    for path in sorted((folder / kind).glob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in (".yaml", ".yml"):
            continue
        if path.suffix != ".yaml" or not _IDS[kind].fullmatch(path.stem):
            text = f"found the file name {path.name!r}, expected one such as {_EXAMPLES[kind]}"
            problems.append(Problem(kind, 0, text))
        else:
            files[path.stem] = path
    return files


def _unused(controls: Mapping[str, Path], plans: Mapping[str, Plan]) -> list[Problem]:
    used = {goal.control for plan in plans.values() for goal in plan.goals if goal.control and not goal.only_declared}
    # The control that a misspelt name most likely means is not reported a second time.
    meant = {closest(name, controls) for name in used - controls.keys()}
    return [
        Problem(f"controls/{path.name}", 0, "no goal of any plan uses this control")
        for control_id, path in controls.items()
        if control_id not in used | meant
    ]


def _take(entries: Mapping[str, Entry], key: str, read: Callable[[Entry], T], otherwise: T) -> T:
    return read(entries[key]) if key in entries else otherwise


# --- controls -------------------------------------------------------------------------------------------------------


def _control(file: StrictFile, top: Entry, control_id: str, vocabulary: Vocabulary) -> Control:
    ratio = ("numerator", "denominator")
    needed: tuple[str, ...] = ("title", "population", "meets")
    if isinstance(top.node, MappingNode) and any(key.value in ratio for key, _ in top.node.value):
        needed = ("title", "population", *ratio)
    entries = file.fields(top, needed, ("where", "declared_as", "note", "parameters", "severity"))
    population = _take(entries, "population", lambda e: file.choice(e, tuple(POPULATIONS)), "")
    columns = vocabulary.columns(population) if population in POPULATIONS else {}
    parameters: dict[str, float | str] = _take(entries, "parameters", lambda e: _parameters(file, e, columns), {})
    written = {key: file.code(entries[key]) for key in ("where", "meets") if key in entries}
    for key, text in written.items():
        if text and columns:
            _check_expression(file, entries[key], text, columns, parameters)
    for name in parameters:
        if not any(re.search(rf"\b{re.escape(name)}\b", text) for text in written.values()):
            file.note(entries["parameters"], f"no expression uses {name!r}")
    numerator, denominator = _ratio(file, entries, population, vocabulary)
    return Control(
        id=control_id,
        title=_take(entries, "title", file.title, _NO_TITLE),
        population=population,
        meets=written.get("meets", ""),
        where=written.get("where"),
        declared_as=_take(entries, "declared_as", lambda e: _declared_as(file, e, population, vocabulary), None),
        note=_take(entries, "note", file.title, None),
        parameters=parameters,
        numerator=numerator,
        denominator=denominator,
        severity=_take(entries, "severity", lambda e: file.choice(e, SEVERITIES), ""),
    )


def _ratio(
    file: StrictFile, entries: Mapping[str, Entry], population: str, vocabulary: Vocabulary
) -> tuple[str | None, str | None]:
    """The two numbers of a ratio control: counts of periods, or what an agency has beside a number of the register."""
    if "numerator" not in entries or "denominator" not in entries:
        return None, None
    if population in POPULATIONS and population != "agencies":
        file.note(entries["numerator"], f"found it for {population}, expected it only for agencies")
    counted, told = vocabulary.counts, vocabulary.period_counts
    numerator = file.choice(entries["numerator"], [*told, *counted])
    registered = [key.name for key in vocabulary.of("agency") if key.type == "int"]
    if numerator in told and told[numerator].of:
        wholes = [told[numerator].of]
    elif numerator in told and told[numerator].flow:
        wholes = []
        file.note(entries["numerator"], f"found {numerator!r}, which is no part of another count, expected one that is")
    else:
        wholes = registered
    return numerator, file.choice(entries["denominator"], wholes) if wholes else ""


def _check_expression(
    file: StrictFile, entry: Entry, text: str, columns: Mapping[str, str], parameters: Mapping[str, float | str]
) -> None:
    try:
        expressions.parse(text, columns, parameters)
    except InputError as error:
        file.note(entry, str(error))


def _parameters(file: StrictFile, entry: Entry, columns: Mapping[str, str]) -> dict[str, float | str]:
    """Named thresholds: they go into expressions as typed values, never as text."""
    parameters: dict[str, float | str] = {}
    for name, value in file.mapping(entry).items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            file.note(value, "expected a name of small letters a-z, digits and underscores")
        elif name in columns:
            file.note(value, "a column has this name already")
        elif value.node.tag == "tag:yaml.org,2002:str":
            parameters[name] = file.text(value)
        else:
            parameters[name] = file.number(value, "a number such as 2 or 0.5, or text")
    return parameters


def _declared_as(file: StrictFile, entry: Entry, population: str, vocabulary: Vocabulary) -> str:
    if population in POPULATIONS and population != "assets":
        file.note(entry, f"found it for {population}, expected it only for assets: a declared count is one of assets")
    return file.choice(entry, [k.name for k in vocabulary.of("agency") if k.type == "int"])


# --- plans ----------------------------------------------------------------------------------------------------------


def _plan(file: StrictFile, top: Entry, plan_id: str, controls: Collection[str]) -> Plan:
    entries = file.fields(top, ("title", "period", "goals"), ("number", "issued", "reports", "reports_basis"))
    listed: list[Entry] = _take(entries, "goals", file.items, [])
    issued: date | None = _take(entries, "issued", file.day, None)
    period = _take(entries, "period", file.text, "")
    goals: dict[str, Goal] = {}
    lines: dict[str, int] = {}
    for item in listed:
        goal = _goal(file, item, controls, issued, period)
        if goal.id in goals:
            file.note(item, f"the goal {goal.id!r} stands twice, first on line {lines[goal.id]}")
        goals.setdefault(goal.id or item.name, goal)
        lines.setdefault(goal.id, item.line)
    if "goals" in entries and not listed and isinstance(entries["goals"].node, SequenceNode):
        file.note(entries["goals"], "found an empty list, expected at least one goal")
    return Plan(
        id=plan_id,
        title=_take(entries, "title", file.title, _NO_TITLE),
        number=_take(entries, "number", file.text, ""),
        issued=issued,
        period=period,
        goals=tuple(goals.values()),
        reports=_take(entries, "reports", lambda e: file.choice(e, REPORTS), "quarter"),
        reports_basis=_take(entries, "reports_basis", lambda e: file.choice(e, TARGET_BASES), "own"),
    )


def _goal(file: StrictFile, item: Entry, controls: Collection[str], issued: date | None, period: str) -> Goal:
    entries = file.fields(
        item,
        ("id", "statement", "cite", "title", "levels", "due_basis"),
        ("target", "target_basis", "parts", "due", "control", "note", "baseline"),
    )
    levels: tuple[str, ...] = _take(entries, "levels", lambda e: _levels(file, e), ())
    basis = _take(entries, "due_basis", lambda e: file.choice(e, DUE_BASES), "")
    if basis == "none" and "due" in entries:
        file.note(entries["due"], "found a date although due_basis is none")
    elif basis in DUE_BASES and basis != "none" and "due" not in entries:
        file.note(entries["due_basis"], f"found {basis!r} without due, expected a date such as due: 2020-12-31")
    due: date | None = _take(entries, "due", file.day, None)
    if due is not None:
        _check_due(file, entries["due"], due, basis, issued, period)
    target_basis = _take(entries, "target_basis", lambda e: file.choice(e, TARGET_BASES), TARGET_BASES[0])
    if target_basis == "own" and "target" not in entries:
        file.note(entries["target_basis"], "found 'own' without target, expected a share such as target: 1.0")
    if "parts" in entries and "target" in entries:
        file.note(entries["target"], "found beside parts, expected one of the two")
    return Goal(
        id=_take(entries, "id", file.slug, ""),
        title=_take(entries, "title", file.title, _NO_TITLE),
        cite=_take(entries, "cite", file.text, ""),
        statement=_take(entries, "statement", lambda e: _statement(file, e), ""),
        levels=levels,
        target=_take(entries, "target", lambda e: _target(file, e, levels), {}),
        due=due,
        due_basis=basis,
        target_basis=target_basis,
        control=_take(entries, "control", lambda e: _used_control(file, e, controls), None),
        parts=_take(entries, "parts", lambda e: _parts(file, e), ()),
        note=_take(entries, "note", file.title, None),
        baseline=_take(entries, "baseline", lambda e: _baseline(file, e), None),
    )


def _baseline(file: StrictFile, entry: Entry) -> Baseline:
    entries = file.fields(entry, ("statement", "cite", "title"), ("share",))
    return Baseline(
        statement=_take(entries, "statement", lambda e: _statement(file, e), ""),
        cite=_take(entries, "cite", file.text, ""),
        title=_take(entries, "title", file.title, _NO_TITLE),
        share=_take(entries, "share", file.share, None),
    )


def _check_due(file: StrictFile, entry: Entry, due: date, basis: str, issued: date | None, period: str) -> None:
    """Refuse a goal that is due before it was set; a written day before the period may stand so in the plan's text."""
    begin = _FIRST_YEAR.match(period)
    if issued is not None and due < issued:
        file.note(entry, f"found {due}, expected no day before the plan was issued ({issued})")
    elif basis in ("plan-year", "plan-period") and begin is not None and due.year < int(begin[0]):
        file.note(entry, f"found {due}, expected a day in the plan's period ({period})")


def _statement(file: StrictFile, entry: Entry) -> str:
    text = file.text(entry)
    if text and not _STATEMENT.fullmatch(text):
        file.note(entry, f"found {text!r}, expected a statement's id such as VP-031")
    return text


def _levels(file: StrictFile, entry: Entry) -> tuple[str, ...]:
    levels: list[str] = []
    for item in file.items(entry):
        level = file.slug(item)
        if level == ALL_LEVELS:
            file.note(item, f"found {level!r}, expected the code of a level; [] where the goal speaks of none")
        elif level in levels:
            file.note(item, f"the level {level!r} stands twice")
        else:
            levels.append(level)
    return tuple(levels)


def _target(file: StrictFile, entry: Entry, levels: Collection[str]) -> dict[str, float]:
    """The shares by level; one number alone is the goal's as a whole."""
    if not isinstance(entry.node, MappingNode):
        return {ALL_LEVELS: file.share(entry)}
    shares = file.mapping(entry)
    if not shares:
        file.note(entry, "found no share, expected one number or a share for each level")
    for level, share in shares.items():
        if level not in levels and level != ALL_LEVELS:
            file.note(share, f"the goal speaks of no such level{nearest(level, levels)}")
    return {level: file.share(share) for level, share in shares.items()}


def _parts(file: StrictFile, entry: Entry) -> tuple[tuple[Title, float], ...]:
    parts: list[tuple[Title, float]] = []
    for item in file.items(entry):
        entries = file.fields(item, ("title", "target"))
        parts.append((_take(entries, "title", file.title, _NO_TITLE), _take(entries, "target", file.share, 0.0)))
    if len(parts) == 1:
        file.note(entry, "found one part, expected several; a single share is the goal's target")
    return tuple(parts)


def _used_control(file: StrictFile, entry: Entry, controls: Collection[str]) -> str:
    control = file.text(entry)
    if control and control not in controls:
        file.note(entry, f"unknown control {control!r}{nearest(control, controls)}")
    return control
