"""Sealed credentials and hashed tokens in the store; neither can be read without what is not stored beside them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from inventory.store.tables import agency, credential, token
from inventory.vocabulary import instant, moment
from inventory.words import InputError, Title


def put_credential(connection: Connection, name: str, kind: str, sealed: str) -> None:
    """Keep a sealed credential in place of one of the same name."""
    connection.execute(delete(credential).where(credential.c.name == name))
    connection.execute(insert(credential).values(name=name, kind=kind, sealed=sealed))


def credentials(connection: Connection) -> dict[str, tuple[str, str]]:
    """Every credential's kind and sealed text by name."""
    rows = connection.execute(select(credential.c.name, credential.c.kind, credential.c.sealed))
    return {name: (kind, sealed) for name, kind, sealed in rows}


def remove_credential(connection: Connection, name: str) -> None:
    """Forget a credential.

    Raises:
        InputError: there is none of this name.
    """
    if not connection.execute(delete(credential).where(credential.c.name == name)).rowcount:
        raise InputError(
            Title(
                f"gặp tên {name!r}, cần tên của một thông tin xác thực đã lưu",
                f"found the name {name!r}, expected that of a stored credential",
            )
        )


def put_token(
    connection: Connection, sha256: str, purpose: str, of_agency: str | None, note: str, now: datetime
) -> None:
    """Keep a token's hash.

    Raises:
        InputError: the agency is not in the register.
    """
    if of_agency is not None:
        known = connection.scalar(select(agency.c.code).where(agency.c.code == of_agency).limit(1))
        if known is None:
            raise InputError(
                Title(
                    f"gặp cơ quan {of_agency!r}, cần một mã trong sổ đăng ký",
                    f"found the agency {of_agency!r}, expected a code of the register",
                )
            )
    row = {"sha256": sha256, "purpose": purpose, "agency": of_agency, "note": note, "created": instant(now)}
    connection.execute(insert(token).values(**row))


def agency_of_token(connection: Connection, sha256: str, purpose: str) -> str | None:
    """The agency that a token of this purpose belongs to, or None where there is no such token."""
    return connection.scalar(select(token.c.agency).where(token.c.sha256 == sha256, token.c.purpose == purpose))


def system_of_token(connection: Connection, sha256: str) -> tuple[str | None, str] | None:
    """The agency and the note of a token with which a system tells what it counts, or None where there is none."""
    c = token.c
    row = connection.execute(select(c.agency, c.note).where(c.sha256 == sha256, c.purpose == "facts")).first()
    return None if row is None else (row.agency, row.note)


def tokens(connection: Connection) -> list[tuple[str, str, str | None, str, datetime]]:
    """Every token's hash, purpose, agency, note and when it was made, oldest first."""
    c = token.c
    rows = connection.execute(select(c.sha256, c.purpose, c.agency, c.note, c.created).order_by(c.created, c.sha256))
    return [(sha256, purpose, of_agency, note, moment(created)) for sha256, purpose, of_agency, note, created in rows]


def remove_token(connection: Connection, begins: str) -> None:
    """Forget the token whose hash begins so.

    Raises:
        InputError: there is none, or more than one.
    """
    found = [sha256 for sha256, *_ in tokens(connection) if begins and sha256.startswith(begins)]
    if len(found) != 1:
        raise InputError(
            Title(
                f"gặp mã {begins!r} của {len(found)} token, cần mã của một token trong danh sách",
                f"found the id {begins!r} of {len(found)} tokens, expected that of one in the list of tokens",
            )
        )
    connection.execute(delete(token).where(token.c.sha256 == found[0]))
