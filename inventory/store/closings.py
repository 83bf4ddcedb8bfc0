"""Figures as of the ends of days: judged once, then read, until something is told of that day or one before.

What arrives late corrects the past, and so do a waiver, a merge of assets, a changed register or plan. Each late word
raises a number for the day of which it is; a closing holds as long as no day up to its own has a higher one than the
closing was made with, and the register, the waivers and the definitions are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from inventory import vocabulary as words
from inventory.coverage import level_target
from inventory.goals import Goals
from inventory.periods import ZONE
from inventory.store import registers, snapshots, waivers
from inventory.store.tables import closing, coverage, revision
from inventory.vocabulary import Vocabulary, instant
from inventory.words import Coverage, Plan, Register

JUDGING = 3
"""To be raised with every change of how is judged: what was closed by the former rule no longer holds."""

__all__ = ["JUDGING", "Closing", "ends_a_day", "figures", "keep", "not_closed"]


@dataclass(frozen=True, slots=True)
class Closing:
    """A plan's figures as of the end of a day, with all that says how long they hold."""

    plan: str
    at: datetime
    digest: str
    number: int
    coverage: tuple[Coverage, ...]
    register: Register
    kept: bool
    """Whether they were read, and not judged."""


def ends_a_day(at: datetime) -> bool:
    """Whether this is the last instant of a day in Vietnam."""
    after = (at + timedelta(milliseconds=1)).astimezone(ZONE)
    return (after.hour, after.minute, after.second, after.microsecond // 1000) == (0, 0, 0, 0)


def figures(connection: Connection, vocabulary: Vocabulary, goals: Goals, plan: Plan, at: datetime) -> Closing:
    """The figures of a plan as of the end of a day: those that were kept where they hold, else judged from the facts.

    Args:
        goals: the plan alone, and its controls.
    """
    register = registers.load(connection)
    digest = _digest(connection, goals, register)
    row = connection.execute(select(closing).where(closing.c.plan == plan.id, closing.c.at == instant(at))).first()
    number = connection.scalar(select(func.max(revision.c.number))) or 0
    if row is not None and row.digest == digest and row.number >= _changed(connection, at):
        return Closing(plan.id, at, digest, row.number, tuple(_read(plan, row.document)), register, kept=True)
    snapshot = snapshots.take(connection, vocabulary, goals, at)
    return Closing(plan.id, at, digest, number, snapshot.coverage, register, kept=False)


def not_closed(connection: Connection, goals: Goals, plan: Plan, ends: Iterable[datetime]) -> list[datetime]:
    """Those of these ends of days of which no figures of a plan are kept that hold, the newest first.

    Days before the first judgement are left out: nothing was known of them.
    """
    first = connection.scalar(select(func.min(coverage.c.at)))
    digest = _digest(connection, goals, registers.load(connection))
    c = closing.c
    kept = {
        row.at: row.number
        for row in connection.execute(select(c.at, c.number).where(c.plan == plan.id, c.digest == digest))
    }
    return [
        at
        for at in sorted(ends, reverse=True)
        if first is not None and instant(at) >= first and kept.get(instant(at), -1) < _changed(connection, at)
    ]


def keep(connection: Connection, made: Closing) -> None:
    """Keep figures that were judged, in place of former ones."""
    c = closing.c
    time = instant(made.at)
    rows = [
        [r.goal, r.level, r.met, r.unmet, r.unknown, r.not_applicable, r.waived, r.declared, r.measured]
        for r in made.coverage
    ]
    connection.execute(delete(closing).where(c.plan == made.plan, c.at == time))
    connection.execute(
        insert(closing).values(
            plan=made.plan, at=time, digest=made.digest, number=made.number, document=json.dumps(rows)
        )
    )


def _changed(connection: Connection, at: datetime) -> int:
    """The highest number of a day up to the one that ends at `at`."""
    day = at.astimezone(ZONE).date()
    return connection.scalar(select(func.max(revision.c.number)).where(revision.c.day <= day)) or 0


def _digest(connection: Connection, goals: Goals, register: Register) -> str:
    """Of all that is not dated by observation: what is declared, who is waived, and how is judged."""
    told = (JUDGING, goals, register, waivers.load(connection), words.FILE.read_bytes())
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _read(plan: Plan, document: str) -> Iterable[Coverage]:
    goals = {goal.id: goal for goal in plan.goals}
    for goal, level, met, unmet, unknown, not_applicable, waived, declared, measured in json.loads(document):
        yield Coverage(
            plan.id, goal, level, level_target(goals[goal], level), goals[goal].due, met, unmet, unknown,
            not_applicable, waived, declared, measured,
        )  # fmt: skip
