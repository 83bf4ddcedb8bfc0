"""Schedules in the store: what comes next, who does it now, and what became of each turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from inventory.cadence import jitter, read_cadence
from inventory.store.tables import schedule, turn
from inventory.text import nfc, storable
from inventory.vocabulary import instant, moment
from inventory.words import InputError, Outcome, Schedule, ScheduleState, Title, Turn

__all__ = [
    "Claimed", "ask", "claim", "finish", "follow_settings", "is_due", "load", "pause", "prune", "put", "remove",
    "renew", "states", "take", "turns",
]  # fmt: skip

LEASE = timedelta(minutes=2)
"""Who does a job says so again within this time; then another takes it that its process has ended."""
KEEP, KEEP_DONE = timedelta(days=400), timedelta(days=30)
"""How long turns are kept: those that went wrong longer, for lines alone are probed every minute."""

_CLOCKS_DIFFER = timedelta(minutes=1)
_LONGEST = 2_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,99}")

#: The first turn after one that was planned for an instant, as of another; None where none will come.
Next = Callable[[Schedule, datetime, datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A turn that is to be done now by who claimed it."""

    schedule: Schedule
    number: int
    """Of the turn."""
    asked: bool = False
    """Whether somebody asked for it to be done now, whatever its hours."""


def load(connection: Connection, name: str | None = None) -> list[Schedule]:
    """Every schedule, or the one of a name, by name."""
    query = select(schedule, turn.c.begun).outerjoin(turn, turn.c.id == schedule.c.turn).order_by(schedule.c.name)
    rows = connection.execute(query if name is None else query.where(schedule.c.name == name))
    return [_schedule(row) for row in rows]


def _schedule(row: Row[Any]) -> Schedule:
    def at(value: int | None) -> datetime | None:
        return None if value is None else moment(value)

    return Schedule(
        row.name, row.job, row.cadence, row.window, tuple(row.agencies.split()), row.argument,
        timedelta(milliseconds=row.jitter), row.origin, bool(row.paused), at(row.planned), at(row.next_at),
        at(row.asked), at(row.begun) if row.owner is not None else None,
    )  # fmt: skip


def put(connection: Connection, wanted: Schedule, now: datetime, after: Next) -> Schedule:
    """Store a schedule in place of one of its name, and return it with its first turn.

    One by interval without a window begins at once, others at their first turn. A job that is under way goes on.

    Raises:
        InputError: its name or cadence is none, or no turn falls into its window.
    """
    if not _NAME.fullmatch(wanted.name):
        raise InputError(
            Title(
                f"lịch: gặp tên {wanted.name!r}, cần chữ thường, chữ số và - _ . :",
                f"schedule: found the name {wanted.name!r}, expected small letters, digits and - _ . :",
            )
        )
    cadence = read_cadence(wanted.cadence)
    coming = after(wanted, now, now)
    if coming is None:
        raise InputError(
            Title(
                f"lịch {wanted.name}: không lượt nào của {wanted.cadence!r} rơi vào khung giờ {wanted.window}",
                f"schedule {wanted.name}: no turn of {wanted.cadence!r} falls into its window {wanted.window}",
            )
        )
    planned = now if cadence.interval is not None and not wanted.window else coming
    row = {
        "job": wanted.job, "cadence": cadence.text, "window": wanted.window, "agencies": " ".join(wanted.agencies),
        "argument": nfc(storable(wanted.argument)), "jitter": int(wanted.jitter.total_seconds() * 1000),
        "origin": wanted.origin, "paused": wanted.paused, "planned": instant(planned), "next_at": instant(planned),
    }  # fmt: skip
    if load(connection, wanted.name):
        connection.execute(update(schedule).where(schedule.c.name == wanted.name).values(**row))
    else:
        connection.execute(insert(schedule).values(name=wanted.name, **row))
    return load(connection, wanted.name)[0]


def follow_settings(
    connection: Connection, wanted: Iterable[Schedule], now: datetime, after: Next, *, add_only: bool = False
) -> None:
    """Store the schedules that follow from the settings, and remove those that no longer do.

    What a person made under the same name stands; what did not change keeps its next turn and whether it is paused.

    Args:
        add_only: what stands is left as it is: a command may have other settings than the server.
    """
    standing = {s.name: s for s in load(connection)}
    kept = set()
    for one in wanted:
        kept.add(one.name)
        old = standing.get(one.name)
        if old is not None and (add_only or old.origin == "person" or _same(old, one)):
            continue
        put(connection, one, now, after)
    for name, old in standing.items():
        if old.origin == "settings" and name not in kept and not add_only:
            connection.execute(delete(schedule).where(schedule.c.name == name))


def _same(one: Schedule, other: Schedule) -> bool:
    def said(s: Schedule) -> tuple[object, ...]:
        return s.job, s.cadence, s.window, s.agencies, s.argument, s.jitter

    return said(one) == said(other)


def remove(connection: Connection, name: str) -> None:
    """Remove a schedule; its turns stay.

    Raises:
        InputError: there is none of this name, or it follows from the settings.
    """
    found = _one(connection, name)
    if found.origin == "settings":
        raise InputError(
            Title(
                f"lịch {name}: được tạo theo cấu hình và sẽ lại có; hãy tạm dừng nó",
                f"schedule {name}: it follows from the settings, and would come again; pause it instead",
            )
        )
    connection.execute(delete(schedule).where(schedule.c.name == name))


def pause(connection: Connection, name: str, paused: bool, now: datetime, after: Next) -> Schedule:
    """Pause a schedule, or let it go on with its next turn; what is under way goes on.

    Raises:
        InputError: there is none of this name.
    """
    found = _one(connection, name)
    values: dict[str, object] = {"paused": paused}
    if not paused and found.paused:
        values |= _coming(found, after(found, found.planned or now, now))
    connection.execute(update(schedule).where(schedule.c.name == name).values(**values))
    return _one(connection, name)


def ask(connection: Connection, name: str, now: datetime) -> Schedule:
    """Ask for a job to be done now, also while it is paused; the turn that is planned stays.

    Raises:
        InputError: there is none of this name.
    """
    found = _one(connection, name)
    connection.execute(update(schedule).where(schedule.c.name == name).values(asked=instant(now)))
    return found


def _one(connection: Connection, name: str) -> Schedule:
    found = load(connection, name)
    if not found:
        raise InputError(
            Title(
                f"không có lịch {name!r}; xem dophu schedule list",
                f"found no schedule {name!r}; see dophu schedule list",
            )
        )
    return found[0]


def claim(
    connection: Connection, owner: str, now: datetime, after: Next, is_open: Callable[[Schedule, datetime], bool]
) -> list[Claimed]:
    """Take what is due, each for `owner` alone; what cannot be done is told as a turn of its own.

    Turns that were missed are done once. One whose predecessor still runs is skipped. One whose window has closed
    meanwhile is missed; what somebody asks for is done all the same. What another began and no longer renews is ended
    as broken off.
    """
    _end_lost(connection, now)
    claimed = []
    for found in load(connection):
        asked = found.asked is not None and found.asked <= now
        due = not found.paused and found.next_at is not None and found.next_at <= now
        planned = found.planned if due and found.planned else now
        values: dict[str, object] = {}
        if due or _is_set_back(found, now, after):
            values = _coming(found, after(found, planned, now))
        if due and not asked and not is_open(found, now):
            _tell(connection, found.name, planned, now, Outcome.MISSED, f"its window {found.window} had closed")
        elif (due or asked) and found.running is not None:
            since = found.running
            _tell(
                connection, found.name, planned, now, Outcome.SKIPPED, f"still running since {since:%Y-%m-%d %H:%M} UTC"
            )
            values["asked"] = None
        elif due or asked:
            number = _tell(connection, found.name, planned, now, Outcome.RUNNING, "")
            values |= {"owner": owner, "lease": instant(now + LEASE), "turn": number, "asked": None}
            claimed.append(Claimed(found, number, asked))
        if values:
            connection.execute(update(schedule).where(schedule.c.name == found.name).values(**values))
    return claimed


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether there is anything for `claim` to look at: most times there is not, and the writer is not asked."""
    s, at = schedule.c, instant(now)
    waits = (s.paused.is_(False) & (s.next_at <= at)) | (s.asked <= at) | (s.lease < at)
    return connection.execute(select(s.name).where(waits).limit(1)).first() is not None


def take(connection: Connection, name: str, owner: str, now: datetime) -> Claimed | None:
    """Take one schedule's job for `owner`, due or not, also while it is paused; None where it is being done.

    Raises:
        InputError: there is none of this name.
    """
    _end_lost(connection, now)
    found = _one(connection, name)
    if found.running is not None:
        return None
    number = _tell(connection, name, now, now, Outcome.RUNNING, "")
    values = {"owner": owner, "lease": instant(now + LEASE), "turn": number}
    connection.execute(update(schedule).where(schedule.c.name == name).values(**values))
    return Claimed(found, number, asked=True)


def _is_set_back(found: Schedule, now: datetime, after: Next) -> bool:
    """Whether the turn that is planned lies beyond the one after it: then the clock was set back since."""
    if found.paused or found.planned is None or found.planned <= now:
        return False
    coming = after(found, now, now)
    return coming is not None and found.planned > coming + _CLOCKS_DIFFER


def _coming(found: Schedule, planned: datetime | None) -> dict[str, object]:
    if planned is None:
        return {"planned": None, "next_at": None}
    return {"planned": instant(planned), "next_at": instant(planned + jitter(found.name, planned, found.jitter))}


def _tell(connection: Connection, name: str, planned: datetime, now: datetime, outcome: Outcome, detail: str) -> int:
    row = {
        "schedule": name, "planned": instant(planned), "begun": instant(now), "outcome": str(outcome),
        "ended": None if outcome is Outcome.RUNNING else instant(now), "detail": detail,
    }  # fmt: skip
    number: int = connection.execute(insert(turn).values(**row).returning(turn.c.id)).scalar_one()
    return number


def _end_lost(connection: Connection, now: datetime) -> None:
    """End what nobody renews any more; a lease far ahead is of a clock that was set back."""
    s = schedule.c
    lost = s.owner.is_not(None) & ((s.lease < instant(now)) | (s.lease > instant(now + 2 * LEASE)))
    numbers = list(connection.scalars(select(s.turn).where(lost)))
    if numbers:
        ended = {"ended": instant(now), "outcome": str(Outcome.BROKEN_OFF), "detail": "its process ended"}
        connection.execute(update(turn).where(turn.c.id.in_(numbers)).values(**ended))
        connection.execute(update(schedule).where(lost).values(owner=None, lease=None, turn=None))


def renew(connection: Connection, owner: str, now: datetime, names: Collection[str]) -> set[str]:
    """Say that these jobs of `owner` are still being done; which of them are its own still."""
    mine = (schedule.c.owner == owner) & schedule.c.name.in_(sorted(names))
    connection.execute(update(schedule).where(mine).values(lease=instant(now + LEASE)))
    return set(connection.scalars(select(schedule.c.name).where(mine)))


def finish(connection: Connection, claimed: Claimed, owner: str, now: datetime, outcome: Outcome, detail: str) -> None:
    """Tell what became of a turn, and let the next one come."""
    values = {"ended": instant(now), "outcome": str(outcome), "detail": nfc(storable(detail))[:_LONGEST]}
    connection.execute(update(turn).where(turn.c.id == claimed.number).values(**values))
    own = (schedule.c.name == claimed.schedule.name) & (schedule.c.owner == owner) & (schedule.c.turn == claimed.number)
    connection.execute(update(schedule).where(own).values(owner=None, lease=None, turn=None))


def turns(connection: Connection, name: str | None = None, limit: int = 50) -> list[Turn]:
    """What became of turns, the newest first; of one schedule or of all."""
    query = select(turn).order_by(turn.c.begun.desc(), turn.c.id.desc()).limit(limit)
    rows = connection.execute(query if name is None else query.where(turn.c.schedule == name))
    return [
        Turn(
            r.id, r.schedule, moment(r.planned), moment(r.begun), None if r.ended is None else moment(r.ended),
            Outcome(r.outcome), r.detail,
        )
        for r in rows
    ]  # fmt: skip


def states(connection: Connection, at: datetime) -> tuple[ScheduleState, ...]:
    """How every schedule that there is now stands, by the turns that had ended by `at`; by name."""
    return tuple(_state(connection, one, at) for one in load(connection))


def _state(connection: Connection, one: Schedule, at: datetime) -> ScheduleState:
    # One row of an index each: the lines alone have more turns in a month than anybody wants to read at each judgement.
    ended = select(turn.c.outcome, turn.c.ended).where(turn.c.schedule == one.name, turn.c.ended <= instant(at))
    newest = ended.order_by(turn.c.begun.desc(), turn.c.id.desc()).limit(1)
    last = connection.execute(newest).first()
    done = connection.execute(newest.where(turn.c.outcome == str(Outcome.DONE))).first()
    return ScheduleState(
        one.name, one.job, Outcome(last.outcome) if last else None, moment(done.ended) if done else None,
        one.running is not None, one.paused, one.next_at,
    )  # fmt: skip


def prune(connection: Connection, now: datetime) -> int:
    """Forget old turns (`KEEP`, `KEEP_DONE`); how many."""
    done = (turn.c.outcome == str(Outcome.DONE)) & (turn.c.begun < instant(now - KEEP_DONE))
    old = turn.c.ended.is_not(None) & (done | (turn.c.begun < instant(now - KEEP)))
    return connection.execute(delete(turn).where(old)).rowcount
