"""Taking in what agencies and applications count: checked as a whole, and stored whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, insert, select, update

from inventory.goals import Goals
from inventory.periods import ZONE, Period, read_period
from inventory.refusing import a_count, all_of, amiss, an_agency, both, meant, within
from inventory.store import registers, revisions
from inventory.store.period_counts import DECLARED, Counted, GoalCounted, was_there
from inventory.store.seals import sealed
from inventory.store.tables import FOREVER, goal_count, period_count
from inventory.text import nfc, storable
from inventory.vocabulary import Vocabulary, instant
from inventory.words import ALL_LEVELS, Agency, InputError, Title

__all__ = ["Taken", "take_in"]

_LARGEST = 2**53
"""What JSON and spreadsheets hold without loss."""
_LONGEST = 300
_SHOWN = 20
_SIGNED = Title(
    "khai báo của con người có văn bản, người ký và ngày",
    "what a person declares to have a document, a signer and a date",
)
_NAMES: Mapping[str, tuple[str, ...]] = {
    period_count.name: ("agency", "key", "period", "source"),
    goal_count.name: ("plan", "goal", "part", "level", "period", "source"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of what was told."""

    rows: int = 0
    new: int = 0
    corrected: int = 0
    """Rows in whose place there was another number, or another document."""


def take_in(
    connection: Connection,
    vocabulary: Vocabulary,
    goals: Goals,
    given: Sequence[Counted | GoalCounted],
    now: datetime,
    *,
    dry: bool = False,
) -> Taken:
    """Store what was counted, whole or not at all.

    Args:
        dry: only check, and tell what would come of it.

    Raises:
        InputError: with every problem, a line each: an unknown agency, count, plan or goal, a period that has not
            ended, a number that is none or above its total, a declaration without document, signer or date, or one of
            a period whose figures were sealed.
    """
    check = _Check(connection, vocabulary, goals, now, _standing_of(connection, given))
    rows = [check.row(one) for one in given]
    check.wholes([one for one in given if isinstance(one, Counted)])
    if check.problems:
        raise InputError(all_of(check.problems, _SHOWN))
    checked = [row for row in rows if row is not None]
    new, corrected = [], []
    for table, values in checked:
        stood = check.stood.get((table.name, *(values[column] for column in _NAMES[table.name])))
        said = [name for name in ("value", "total", "document", "signer", "signed") if name in values]
        if stood is None:
            new.append((table, values))
        elif any(stood[column] != values[column] for column in said):
            corrected.append((table, values, stood["id"]))
    if not dry:
        _store(connection, new, corrected, instant(now))
    return Taken(len(checked), len(new), len(corrected))


class _Check:
    """Turns what was told into rows, and gathers what is wrong with it."""

    def __init__(
        self,
        connection: Connection,
        vocabulary: Vocabulary,
        goals: Goals,
        now: datetime,
        stood: Mapping[tuple[object, ...], RowMapping],
    ) -> None:
        self.problems: list[Title] = []
        self.stood = stood
        self._vocabulary, self._goals, self._now = vocabulary, goals, now
        register = registers.load(connection)
        self._agencies: dict[str, list[Agency]] = {}
        for agency in register.agencies:
            self._agencies.setdefault(agency.code, []).append(agency)
        self._levels = {level.code for level in register.levels}
        self._seen: dict[tuple[object, ...], Title | str] = {}
        self._sealed = sealed(connection)

    def row(self, given: Counted | GoalCounted) -> tuple[Table, dict[str, Any]] | None:
        before = len(self.problems)
        period = self._period(given)
        self._origin(given)
        value = self._number(given, "value", given.value)
        told: dict[str, Any] = {
            "period": period.text if period else "", "last": period.last if period else None, "value": value,
            "source": given.origin.source, "proof": int(given.origin.proof), "document": given.origin.document,
            "signer": given.origin.signer, "signed": given.origin.signed,
        }  # fmt: skip
        if isinstance(given, Counted):
            self._agency(given, period)
            if given.key not in self._vocabulary.period_counts:
                self._note(given, "key", given.key, a_count(given.key, self._vocabulary.period_counts))
            name: tuple[object, ...] = (given.agency, given.key, given.period, given.origin.source)
            row: dict[str, Any] = {"agency": given.agency, "key": given.key, "first": period.first if period else None}
            table = period_count
        else:
            total = self._number(given, "total", given.total)
            self._goal(given)
            if isinstance(value, int) and isinstance(total, int) and value > total:
                self._note(
                    given,
                    "value",
                    value,
                    Title(f"số không lớn hơn tổng {total}", f"a number not above its total {total}"),
                )
            name = (given.plan, given.goal, given.part, given.level, given.period, given.origin.source)
            row = {"plan": given.plan, "goal": given.goal, "part": given.part, "level": given.level, "total": total}
            table = goal_count
        if period is not None and given.origin.source == DECLARED:
            self._not_sealed(given, period)
        if name in self._seen:
            place, first = both(given.place), both(self._seen[name])
            self.problems.append(
                Title(
                    f"{place.vi}: xuất hiện hai lần, lần đầu ở {first.vi}",
                    f"{place.en}: stands twice, first in {first.en}",
                )
            )
        self._seen.setdefault(name, given.place)
        return (table, told | row) if len(self.problems) == before else None

    def _note(self, given: Counted | GoalCounted, field: str, found: object, expected: Title) -> None:
        self.problems.append(amiss(within(given.place, field), f"{found!r:.80}", expected))

    def _period(self, given: Counted | GoalCounted) -> Period | None:
        try:
            period = read_period(given.period)
        except InputError as error:
            place = both(given.place)
            self.problems.append(Title(f"{place.vi}, {error.told.vi}", f"{place.en}, {error.told.en}"))
            return None
        if period.text != given.period:
            self._note(
                given,
                "period",
                given.period,
                Title(f"không có khoảng trắng: {period.text}", f"it without spaces: {period.text}"),
            )
        if period.end > self._now:
            self._note(given, "period", given.period, Title("kỳ đã kết thúc", "a period that has ended"))
        return period

    def _origin(self, given: Counted | GoalCounted) -> None:
        origin = given.origin
        for field in ("source", "document", "signer"):
            text = getattr(origin, field)
            if nfc(storable(text)) != text or len(text) > _LONGEST:
                expected = (
                    f"văn bản tối đa {_LONGEST} ký tự, trên một dòng",
                    f"text of at most {_LONGEST} characters, on one line",
                )
                self._note(given, field, text, Title(*expected))
        if origin.source != DECLARED:
            return
        for field in ("document", "signer", "signed"):
            if not getattr(origin, field):
                self._note(given, field, "", _SIGNED)
        if origin.signed and origin.signed > self._now.astimezone(ZONE).date():
            self._note(given, "signed", f"{origin.signed}", Title("ngày đã đến", "a day that has come"))

    def _number(self, given: Counted | GoalCounted, field: str, value: object) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
            return value
        self._note(given, field, value, Title("số nguyên từ 0 trở lên", "a whole number from 0 on"))
        return None

    def _agency(self, given: Counted, period: Period | None) -> None:
        rows = self._agencies.get(given.agency)
        if rows is None:
            self._note(given, "agency", given.agency, an_agency(given.agency, self._agencies))
        elif period and not any(was_there(agency, period) for agency in rows):
            existing = Title(f"cơ quan đã có trong kỳ {period.text}", f"an agency that there was in {period.text}")
            self._note(given, "agency", given.agency, existing)

    def _goal(self, given: GoalCounted) -> None:
        plan = self._goals.plans.get(given.plan)
        if plan is None:
            near, known = meant(given.plan, self._goals.plans), ", ".join(sorted(self._goals.plans))
            self._note(given, "plan", given.plan, Title(f"một trong {known}{near.vi}", f"one of {known}{near.en}"))
            return
        goal = next((one for one in plan.goals if one.id == given.goal), None)
        if goal is None:
            near = meant(given.goal, [g.id for g in plan.goals])
            of_plan = Title(f"chỉ tiêu của {plan.id}{near.vi}", f"a goal of {plan.id}{near.en}")
            self._note(given, "goal", given.goal, of_plan)
        elif not goal.only_declared:
            measured = (
                f"chỉ tiêu không có tiêu chí nào đo; chỉ tiêu này do {goal.control} đo",
                f"a goal that no control measures; {goal.control} measures this one",
            )
            self._note(given, "goal", given.goal, Title(*measured))
        elif bool(goal.parts) != bool(given.part) or given.part > len(goal.parts) or given.part < 0:
            some = Title(f"thành phần từ 1 đến {len(goal.parts)}", f"a part from 1 to {len(goal.parts)}")
            none = Title("không nêu thành phần, vì chỉ tiêu không có", "no part, for the goal has none")
            self._note(given, "part", given.part, some if goal.parts else none)
        elif given.part and given.level != ALL_LEVELS:
            beside = (
                "không nêu cấp cùng thành phần, vì thành phần tính chung mọi cấp",
                "none beside a part, which is of all levels together",
            )
            self._note(given, "level", given.level, Title(*beside))
        elif given.level != ALL_LEVELS and given.level not in (goal.levels or self._levels):
            listed = ", ".join(goal.levels or sorted(self._levels))
            self._note(
                given, "level", given.level, Title(f"một trong {listed}, hoặc để trống", f"one of {listed}, or none")
            )

    def _not_sealed(self, given: Counted | GoalCounted, period: Period) -> None:
        plans = [given.plan] if isinstance(given, GoalCounted) else plans_of(self._goals, given.key)
        for plan in plans:
            if plan in self._sealed and period.end <= self._sealed[plan]:
                day = self._sealed[plan].astimezone(ZONE).date()
                later = (
                    f"kỳ sau đó: số liệu của {plan} đã niêm phong tính đến {day}",
                    f"a later one: the figures of {plan} were sealed as of {day}",
                )
                self._note(given, "period", given.period, Title(*later))

    def wholes(self, given: Sequence[Counted]) -> None:
        """Note each number that is above the one of which it is a part, told with it or before by the same source."""
        known = self._vocabulary.period_counts
        told = {(v.agency, v.period, v.origin.source, v.key): v for v in given}
        for one in given:
            parts = [name for name, count in known.items() if count.of == one.key]
            for part, whole in [(one.key, known[one.key].of)] if one.key in known and known[one.key].of else []:
                self._compare(told, one, part, whole)
            for part in parts:
                if (one.agency, one.period, one.origin.source, part) not in told:
                    self._compare(told, one, part, one.key)

    def _compare(self, told: Mapping[tuple[str, str, str, str], Counted], one: Counted, part: str, whole: str) -> None:
        values = []
        for key in (part, whole):
            found = told.get((one.agency, one.period, one.origin.source, key))
            values.append(found.value if found else self._stored(one, key))
        low, high = values
        if isinstance(low, int) and isinstance(high, int) and low > high:
            amount = Title(f"{part} {low} trong {whole} {high}", f"{part} {low} of {whole} {high}")
            expected = Title("thành phần không lớn hơn tổng", "a part not above its total")
            self.problems.append(amiss(within(one.place, one.key), amount, expected))

    def _stored(self, one: Counted, key: str) -> int | None:
        row = self.stood.get((period_count.name, one.agency, key, one.period, one.origin.source))
        return None if row is None else row["value"]


def plans_of(goals: Goals, key: str) -> list[str]:
    """The plans with a goal whose figures use a count."""
    used = {
        control.id
        for control in goals.controls.values()
        if key in (control.numerator, control.denominator)
        or re.search(rf"\b{key}\b", f"{control.meets} {control.where}")
    }
    return [plan.id for plan in goals.plans.values() if any(goal.control in used for goal in plan.goals)]


def _standing_of(
    connection: Connection, given: Sequence[Counted | GoalCounted]
) -> dict[tuple[object, ...], RowMapping]:
    """What stands of the sources and periods that are told of, by table and name: read at once, for there may be
    tens of thousands."""
    found: dict[tuple[object, ...], RowMapping] = {}
    for table, kind in ((period_count, Counted), (goal_count, GoalCounted)):
        told = [one for one in given if isinstance(one, kind)]
        if not told:
            continue
        sources, periods = {one.origin.source for one in told}, {one.period for one in told}
        query = select(table).where(
            table.c.replaced == FOREVER, table.c.source.in_(sorted(sources)), table.c.period.in_(sorted(periods))
        )
        for row in connection.execute(query).mappings():
            found[(table.name, *(row[column] for column in _NAMES[table.name]))] = row
    return found


def _store(
    connection: Connection,
    new: Sequence[tuple[Table, dict[str, Any]]],
    corrected: Sequence[tuple[Table, dict[str, Any], int]],
    now: int,
) -> None:
    for table in (period_count, goal_count):
        ended = [{"b_id": number} for of, _, number in corrected if of is table]
        begun = [values for of, values in new if of is table]
        begun += [values for of, values, _ in corrected if of is table]
        if ended:
            connection.execute(update(table).where(table.c.id == bindparam("b_id")).values(replaced=now), ended)
        if begun:
            connection.execute(insert(table), [{**values, "recorded": now, "replaced": FOREVER} for values in begun])
        for day in sorted({values["last"] for values in begun}):
            revisions.note(connection, day)
