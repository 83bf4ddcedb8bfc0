"""Waivers in the store: kept for ever, ended and never deleted, so that any day can be judged again with its own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from inventory.store.tables import asset, waiver
from inventory.text import nfc, storable
from inventory.vocabulary import instant, moment
from inventory.words import Control, InputError, Register, Status, Title, Waiver

__all__ = ["add", "end", "load"]

_LONGEST = 1_000


def load(connection: Connection, day: date | None = None) -> tuple[Waiver, ...]:
    """Every waiver, the newest last; with `day` those that hold on it."""
    rows = connection.execute(select(waiver).order_by(waiver.c.id))
    every = (
        Waiver(
            r.id, r.control, r.member, r.agency, Status(r.status), r.reason, r.granted_by, r.document, r.valid_from,
            r.valid_to, r.ended, moment(r.recorded),
        )
        for r in rows
    )  # fmt: skip
    return tuple(one for one in every if day is None or one.valid_on(day))


def add(connection: Connection, control: Control, register: Register, given: Waiver, now: datetime) -> int:
    """Store a waiver; its number.

    Args:
        given: its number, times of record and end are not looked at.

    Raises:
        InputError: it names nobody whom the control asks, no reason, nobody who granted it, or no end.
    """
    texts = {name: nfc(storable(getattr(given, name))).strip() for name in ("reason", "granted_by", "document")}
    for name in ("reason", "granted_by"):
        if not texts[name]:
            raise InputError(
                Title(f"miễn trừ, {name}: để trống, cần nội dung", f"waiver, {name}: found nothing, expected text")
            )
    if longest := next((name for name, text in texts.items() if len(text) > _LONGEST), None):
        raise InputError(
            Title(
                f"miễn trừ, {longest}: gặp {len(texts[longest])} ký tự, cần nhiều nhất {_LONGEST}",
                f"waiver, {longest}: found {len(texts[longest])} characters, expected at most {_LONGEST}",
            )
        )
    if given.status is Status.WAIVED and given.valid_to is None:
        raise InputError(
            Title(
                "miễn trừ, until: để trống, cần ngày cuối cùng: không có ngày hết hạn thì không phải là miễn trừ",
                "waiver, until: found nothing, expected the last day: what has no end is no waiver",
            )
        )
    if given.valid_to is not None and given.valid_to < given.valid_from:
        raise InputError(
            Title(
                f"miễn trừ, until: gặp {given.valid_to}, cần ngày không trước {given.valid_from}",
                f"waiver, until: found {given.valid_to}, expected a day not before {given.valid_from}",
            )
        )
    _check_whom(connection, control, register, given)
    row: dict[str, Any] = {
        "control": given.control, "member": given.member, "agency": given.agency, "status": str(given.status),
        "valid_from": given.valid_from, "valid_to": given.valid_to, "recorded": instant(now), **texts,
    }  # fmt: skip
    number: int = connection.execute(insert(waiver).values(**row).returning(waiver.c.id)).scalar_one()
    return number


def _check_whom(connection: Connection, control: Control, register: Register, given: Waiver) -> None:
    if control.goal is not None:
        raise InputError(
            Title(
                f"miễn trừ, control: gặp {control.id!r}, cần tiêu chí được đo, không phải do khai báo",
                f"waiver, control: found {control.id!r}, expected one that is measured and not declared",
            )
        )
    if bool(given.member) == bool(given.agency):
        raise InputError(
            Title(
                "miễn trừ: cần nêu một cơ quan hoặc một thành viên", "waiver: expected either an agency or one member"
            )
        )
    if given.agency:
        if given.agency not in {one.code for one in register.agencies}:
            raise InputError(
                Title(
                    f"miễn trừ, agency: gặp {given.agency!r}, cần mã của một cơ quan trong sổ đăng ký",
                    f"waiver, agency: found {given.agency!r}, expected the code of an agency in the register",
                )
            )
    elif control.population == "assets":
        known = given.member.isdecimal() and len(given.member) < 19
        row = connection.execute(select(asset.c.root).where(asset.c.id == int(given.member))).first() if known else None
        if row is None or str(row.root) != given.member:
            raise InputError(
                Title(
                    f"miễn trừ, member: gặp {given.member!r}, cần số của một thiết bị",
                    f"waiver, member: found {given.member!r}, expected the id of an asset",
                )
            )
    else:
        listed = register.links if control.population == "links" else register.agencies
        if given.member not in {one.code for one in listed}:
            expected = f"expected a code of the register's {control.population}"
            raise InputError(
                Title(
                    f"miễn trừ, member: gặp {given.member!r}, cần mã có trong sổ đăng ký",
                    f"waiver, member: found {given.member!r}, {expected}",
                )
            )


def end(connection: Connection, number: int, day: date) -> None:
    """End a waiver: from `day` on its members count again. Days before stay as they were.

    Raises:
        InputError: there is none of that number, it has ended, or the day is before it began.
    """
    found = next((one for one in load(connection) if one.number == number), None)
    if found is None:
        raise InputError(
            Title(
                f"gặp miễn trừ {number}, cần một số trong dophu waiver list",
                f"found the waiver {number}, expected one of dophu waiver list",
            )
        )
    if found.ended is not None:
        raise InputError(
            Title(f"miễn trừ {number}: đã kết thúc ngày {found.ended}", f"waiver {number}: was ended on {found.ended}")
        )
    if day < found.valid_from:
        raise InputError(
            Title(
                f"miễn trừ {number}: gặp {day}, cần ngày không trước {found.valid_from}",
                f"waiver {number}: found {day}, expected a day not before {found.valid_from}",
            )
        )
    connection.execute(update(waiver).where(waiver.c.id == number).values(ended=day))
