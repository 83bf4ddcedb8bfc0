"""What was sealed of which plan, and as of when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from inventory.store.tables import seal
from inventory.text import storable
from inventory.vocabulary import instant, moment
from inventory.words import SealState

__all__ = ["note_seal", "seal_states", "sealed"]


def note_seal(connection: Connection, plan: str, at: datetime, sha256: str, file: str, now: datetime) -> None:
    """Note that a plan's figures as of `at` were sealed."""
    row = {"sha256": sha256, "plan": plan, "at": instant(at), "sealed": instant(now), "file": storable(file)}
    if connection.scalar(select(func.count()).select_from(seal).where(seal.c.sha256 == sha256)) == 0:
        connection.execute(insert(seal).values(**row))


def sealed(connection: Connection) -> dict[str, datetime]:
    """As of when each plan was sealed last."""
    rows = connection.execute(select(seal.c.plan, func.max(seal.c.at)).group_by(seal.c.plan))
    return {plan: moment(at) for plan, at in rows}


def seal_states(connection: Connection, at: datetime) -> tuple[SealState, ...]:
    """What was sealed last of each plan, up to `at`; of a plan that never was there is nothing."""
    sealing = select(seal.c.plan, seal.c.sealed, seal.c.at).where(seal.c.sealed <= instant(at))
    rows = connection.execute(sealing.order_by(seal.c.plan, seal.c.sealed, seal.c.at))
    last = {plan: SealState(plan, moment(told), moment(as_of)) for plan, told, as_of in rows}
    return tuple(last.values())
