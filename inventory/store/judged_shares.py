"""The answers of controls whose members are what agencies and applications counted, and of goals told as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import text

from inventory.periods import ZONE
from inventory.shares import Asked, Reported, Share, add_up, newest, out_of
from inventory.store import period_counts, registers
from inventory.store.laid_out import MEMBER, LaidOut, Question, write
from inventory.words import ALL_LEVELS, Control, Proof, Status

OTHER_ANSWERS = {status: f" ({status})" for status in (Status.UNMET, Status.UNKNOWN, Status.DECLARED)}
"""What is put behind a member that has several answers, one for each status: what it counted is met in part only."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One control's answer for one member, as judged."""

    member: str
    agency: str
    level: str
    status: Status
    gaps: tuple[str, ...] = ()
    weight: int = 1


def count_shares(judged: LaidOut, q: Question) -> dict[str, Share]:
    """What each agency counted for a ratio control, by the code as which it counts."""
    part, whole = q.control.numerator or "", q.control.denominator or ""
    known, homes = judged.vocabulary.period_counts, _asked_homes(judged, q)
    if part in known and known[part].flow:
        told = period_counts.reported(judged.connection, part, whole, judged.year, judged.at, flow=True)
        return add_up(_asked(judged, homes, by_month=True), told)
    asked = _asked(judged, homes, by_month=False)
    if part in known and whole in known:
        return newest(asked, period_counts.reported(judged.connection, part, whole, (), judged.at, flow=False))
    low, high = (f"{part}__low", f"{part}__high") if part in judged.counts else ("0", "0")
    query = f"SELECT member, {low}, {high} FROM {MEMBER['agencies']}"
    # As the denominators of all lists: with those of parts and predecessors, and however old.
    of_whom = registers.declared(judged.register, whole, judged.at.astimezone(ZONE).date(), judged.places)
    rows = [
        (home, *map(_whole, numbers), of_whom.get(home)) for home, *numbers in judged.connection.execute(text(query))
    ]
    if part in judged.counts:
        return out_of(asked, {home: (least or 0, most, of) for home, least, most, of in rows})
    counted = period_counts.newest_counts(judged.connection, [part], judged.at)
    own, month = judged.told_by_home(counted, part), judged.year[-1]
    return newest(
        asked,
        [Reported(home, month, min(own[home][0], of), of, own[home][1])
         for home, _, _, of in rows if of is not None and home in own],
    )  # fmt: skip


def _asked_homes(judged: LaidOut, q: Question) -> set[str]:
    """The agencies that a ratio control asks, and those of which it is not known whether it does."""
    where = ""
    if q.where:
        asked = write(q.where, judged.dialect, judged.at)
        where = f" WHERE ({asked}) OR ({asked}) IS NULL"
    query = f"SELECT member FROM {MEMBER['agencies']}{where}"
    return {row[0] for row in judged.connection.execute(text(query))}


def _asked(judged: LaidOut, homes: Collection[str], *, by_month: bool) -> dict[str, Asked]:
    """Every code that counts as one of these homes, with the months of which it has to tell.

    An agency tells of the months at whose end there was one; parts of others need not, and may.
    """
    parts = {level.code for level in judged.register.levels if level.part}
    months: dict[str, set[str]] = {}
    for agency in judged.register.agencies if by_month else ():
        if agency.level not in parts:
            ended = (month for month in judged.year if agency.valid_on(month.last))
            months.setdefault(agency.code, set()).update(month.text for month in ended)
    return {
        code: Asked(
            place.home, place.level,
            frozenset(months.get(code, ()) if by_month else (judged.year[-1].text,) if code == place.home else ()),
        )
        for code, place in sorted(judged.places.items())
        if place.home in homes
    }  # fmt: skip


def share_verdicts(judged: LaidOut, control: str, shares: Mapping[str, Share]) -> list[Verdict]:
    """The answers of a control whose members are what was counted: for each agency one for each status."""
    q = judged.questions[control]
    found: list[Verdict] = []
    for home, share in sorted(shares.items()):
        waived = [str(v.status) for v in judged.waivers.get(control, ()) if home in (v.member, v.agency)]
        if waived:
            weight = max(1, share.known + share.unknown)
            found.append(Verdict(home, home, share.level, Status(min(waived)), weight=weight))
            continue
        answers = {Status.MET: share.met, Status.UNMET: share.unmet, Status.UNKNOWN: share.unknown,
                   Status.DECLARED: share.declared}  # fmt: skip
        for status, weight in answers.items():
            if weight:
                gaps = (q.control.numerator or "",) if status is Status.UNKNOWN else ()
                found.append(Verdict(home + OTHER_ANSWERS.get(status, ""), home, share.level, status, gaps, weight))
    return found


def goal_verdicts(judged: LaidOut, control: Control, plan: str, goal: str) -> list[Verdict]:
    """The answers of what is told of a goal as a whole; none where nobody told anything."""
    told = period_counts.goal_reported(judged.connection, plan, goal, judged.at)
    found: list[Verdict] = []
    if control.parts:
        by_part = {row.part: row for row in told if row.level == ALL_LEVELS}
        for number, target in enumerate(control.parts, 1) if by_part else ():
            row = by_part.get(number)
            reached = row is not None and row.total > 0 and row.value / row.total >= target
            status = Status.UNKNOWN if row is None else _answer(row.origin.proof) if reached else Status.UNMET
            found.append(Verdict(f"*{number}", "", ALL_LEVELS, status))
        return found
    for row in told:
        name = "*" if row.level == ALL_LEVELS else f"*{row.level}"
        for status, weight in ((_answer(row.origin.proof), row.value), (Status.UNMET, row.total - row.value)):
            if weight:
                found.append(Verdict(name + OTHER_ANSWERS.get(status, ""), "", row.level, status, weight=weight))
    return found


def _answer(proof: Proof) -> Status:
    return Status.DECLARED if proof is Proof.DECLARED else Status.MET


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
