"""Of which days something was told late: what was kept of such a day, and of those after it, is to be judged again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from inventory.periods import ZONE
from inventory.store.tables import revision
from inventory.vocabulary import moment

__all__ = ["note", "note_late"]

_WAITING = timedelta(minutes=15)
"""As long as a writer may wait at most between looking at the clock and being committed."""


def note(connection: Connection, day: date) -> None:
    """Note that something was told late of this day."""
    number = (connection.scalar(select(func.max(revision.c.number))) or 0) + 1
    if not connection.execute(update(revision).where(revision.c.day == day).values(number=number)).rowcount:
        connection.execute(insert(revision).values(day=day, number=number))


def note_late(connection: Connection, observed: int | None, now: datetime) -> None:
    """Note an instant (milliseconds) of which something was told, where its day had ended at `now`."""
    if observed is not None:
        day = moment(observed).astimezone(ZONE).date()
        # What is told just before midnight may be committed after the day was closed.
        if day < (now + _WAITING).astimezone(ZONE).date():
            note(connection, day)
