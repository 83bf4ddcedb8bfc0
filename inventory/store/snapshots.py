"""Snapshots: judge as of an instant, and keep the coverage of every judgement that is told to others."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from inventory.coverage import cover
from inventory.goals import Goals
from inventory.store import findings, registers, runs
from inventory.store.judge import ZONE, Judgement
from inventory.store.tables import coverage
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import Coverage, Snapshot


def take(connection: Connection, vocabulary: Vocabulary, goals: Goals, at: datetime, *, keep: bool = False) -> Snapshot:
    """Every coverage and tally as of `at`, judged from the facts.

    Args:
        keep: also store what changed in the findings, and the coverage; needs a transaction that writes.
    """
    register = registers.load(connection)
    judgement = Judgement(connection, vocabulary, goals.controls, register, at)
    tallies = judgement.tallies()
    rows = cover(goals.plans.values(), tallies, register.levels)
    if keep:
        findings.record(connection, judgement, goals.controls.values())
        _keep(connection, rows, at)
    day = at.astimezone(ZONE).date()
    snapshot = Snapshot(
        at=at,
        plans=tuple(goals.plans.values()),
        controls=tuple(goals.controls.values()),
        levels=register.levels,
        agencies=tuple(a for a in register.agencies if a.valid_on(day)),
        coverage=rows,
        tallies=tallies,
        assets=judgement.asset_tallies(),
        links=judgement.link_states(),
        collectors=runs.collector_states(connection, at),
    )
    judgement.close()
    return snapshot


def _keep(connection: Connection, rows: tuple[Coverage, ...], at: datetime) -> None:
    c = coverage.c
    time = instant(at)
    if connection.scalar(select(func.count()).select_from(coverage).where(c.at == time)):
        return
    values = [
        {"at": time, "plan": r.plan, "goal": r.goal, "level": r.level, "met": r.met, "unmet": r.unmet,
         "unknown": r.unknown, "not_applicable": r.not_applicable, "waived": r.waived, "declared": r.declared,
         "measured": r.measured}
        for r in rows
    ]  # fmt: skip
    if values:
        connection.execute(insert(coverage), values)


def newest(connection: Connection) -> datetime | None:
    """The instant of the newest judgement kept, or None."""
    time = connection.scalar(select(func.max(coverage.c.at)))
    return None if time is None else moment(time)
