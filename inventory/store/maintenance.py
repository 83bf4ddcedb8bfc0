"""Maintenance windows in the store: kept for ever, ended and never deleted, so that any day can be judged again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from inventory.periods import ZONE
from inventory.store import revisions
from inventory.store.tables import asset, maintenance
from inventory.text import nfc, storable
from inventory.vocabulary import instant, moment
from inventory.words import SCOPES, InputError, Maintenance, Register, Title

__all__ = ["LONGEST_DAYS", "add", "end", "load"]

LONGEST_DAYS = 366
"""A window that lasts longer is none: what is never to count has a waiver."""
_LONGEST_TEXT = 1_000


def load(connection: Connection, at: datetime | None = None) -> tuple[Maintenance, ...]:
    """Every window, the newest last; with `at` those that are open then."""
    t = maintenance
    query = select(t).order_by(t.c.id)
    if at is not None:
        query = query.where(t.c.begins <= instant(at), t.c.ends > instant(at))
    every = (
        Maintenance(
            r.id, r.scope, r.subject, moment(r.begins), moment(r.ends), r.reason, r.granted_by, r.document,
            None if r.ended is None else moment(r.ended), moment(r.recorded),
        )
        for r in connection.execute(query)
    )  # fmt: skip
    return tuple(one for one in every if at is None or one.holds_at(at))


def add(connection: Connection, register: Register, given: Maintenance, now: datetime) -> int:
    """Store a window; its number. One of a time that is past is taken as well: what was down then is judged again.

    Args:
        given: its number, times of record and end are not looked at.

    Raises:
        InputError: it names nothing that is there, no reason, nobody who ordered it, has no length, is longer than
            `LONGEST_DAYS`, or overlaps with another of the same.
    """
    texts = {name: nfc(storable(getattr(given, name))).strip() for name in ("reason", "granted_by", "document")}
    for name in ("reason", "granted_by"):
        if not texts[name]:
            raise InputError(
                Title(f"bảo trì, {name}: để trống, cần nội dung", f"maintenance, {name}: found nothing, expected text")
            )
    if longest := next((name for name, text in texts.items() if len(text) > _LONGEST_TEXT), None):
        found = f"found {len(texts[longest])} characters"
        raise InputError(
            Title(
                f"bảo trì, {longest}: gặp {len(texts[longest])} ký tự, cần nhiều nhất {_LONGEST_TEXT}",
                f"maintenance, {longest}: {found}, expected at most {_LONGEST_TEXT}",
            )
        )
    if given.ends <= given.begins:
        raise InputError(
            Title(
                f"bảo trì, to: gặp {_told(given.ends)}, cần thời gian sau {_told(given.begins)}",
                f"maintenance, to: found {_told(given.ends)}, expected a time after {_told(given.begins)}",
            )
        )
    if (given.ends - given.begins).days >= LONGEST_DAYS:
        days = (given.ends - given.begins).days
        raise InputError(
            Title(
                f"bảo trì, to: gặp khoảng {days} ngày, cần ít hơn {LONGEST_DAYS}",
                f"maintenance, to: found a window of {days} days, expected less than {LONGEST_DAYS}",
            )
        )
    _check_subject(connection, register, given)
    for other in load(connection):
        same = (other.scope, other.subject) == (given.scope, given.subject)
        if same and other.begins < given.ends and given.begins < other.last:
            theirs = f"{_told(other.begins)} to {_told(other.last)}"
            raise InputError(
                Title(
                    f"bảo trì, from: gặp thời gian thuộc lần bảo trì {other.number} ({_told(other.begins)} "
                    f"đến {_told(other.last)})",
                    f"maintenance, from: found a time that is in window {other.number} ({theirs})",
                )
            )
    row: dict[str, Any] = {
        "scope": given.scope, "subject": given.subject, "begins": instant(given.begins), "ends": instant(given.ends),
        "recorded": instant(now), **texts,
    }  # fmt: skip
    number: int = connection.execute(insert(maintenance).values(**row).returning(maintenance.c.id)).scalar_one()
    # Figures of days that are past are to be judged again.
    revisions.note_late(connection, instant(given.begins), now)
    return number


def _told(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}"


def _check_subject(connection: Connection, register: Register, given: Maintenance) -> None:
    parts = {level.code for level in register.levels if level.part}
    known: Iterable[str]
    match given.scope:
        case "link":
            known, what = (
                {one.code for one in register.links},
                Title("mã của một đường truyền trong sổ đăng ký", "the code of a link in the register"),
            )
        case "network":
            known, what = (
                {one.code for one in register.networks},
                Title("mã của một mạng trong sổ đăng ký", "the code of a network in the register"),
            )
        case "agency":
            known = {one.code for one in register.agencies if one.level not in parts}
            what = Title(
                "mã của một cơ quan trong sổ đăng ký không thuộc cơ quan khác",
                "the code of an agency in the register that is no part of another",
            )
        case "asset":
            known, what = _asset(connection, given.subject), Title("số của một thiết bị", "the id of an asset")
        case _:
            raise InputError(
                Title(
                    f"bảo trì: gặp phạm vi {given.scope!r}, cần một trong {', '.join(SCOPES)}",
                    f"maintenance: found the scope {given.scope!r}, expected one of {', '.join(SCOPES)}",
                )
            )
    if given.subject not in known:
        raise InputError(
            Title(
                f"bảo trì, {given.scope}: gặp {given.subject!r:.100}, cần {what.vi}",
                f"maintenance, {given.scope}: found {given.subject!r:.100}, expected {what.en}",
            )
        )


def _asset(connection: Connection, text: str) -> set[str]:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        return set()
    row = connection.execute(select(asset.c.root).where(asset.c.id == int(text))).first()
    return set() if row is None else {str(row.root)}


def end(connection: Connection, number: int, at: datetime, now: datetime) -> None:
    """End a window before its time: from `at` on failures count again. What was before stays.

    Raises:
        InputError: there is none of that number, it has ended, or the time is not within it.
    """
    found = next((one for one in load(connection) if one.number == number), None)
    if found is None:
        raise InputError(
            Title(
                f"gặp lần bảo trì {number}, cần một số trong dophu maintenance list",
                f"found the maintenance {number}, expected one of dophu maintenance list",
            )
        )
    if found.ended is not None:
        raise InputError(
            Title(
                f"bảo trì {number}: đã kết thúc lúc {_told(found.ended)}",
                f"maintenance {number}: was ended at {_told(found.ended)}",
            )
        )
    if not found.begins <= at < found.ends:
        span = f"{_told(found.begins)} to {_told(found.ends)}"
        raise InputError(
            Title(
                f"bảo trì {number}: gặp {_told(at)}, cần thời gian từ {_told(found.begins)} đến {_told(found.ends)}",
                f"maintenance {number}: found {_told(at)}, expected a time within {span}",
            )
        )
    connection.execute(update(maintenance).where(maintenance.c.id == number).values(ended=instant(at)))
    revisions.note_late(connection, instant(at), now)
