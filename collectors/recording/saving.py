"""Writes a recording and its expected result as two files, each whole or not at all."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from collectors.recording.record import Recording
from collectors.recording.snmprec import write_rows
from inventory.refusing import why
from inventory.words import InputError, SystemRefusalError, Title

_NAME = re.compile(r"[\w][\w.+-]{0,99}")


_MOST = 20
"""Problems that are told one by one; a device that is wrong in one place is often wrong in a hundred."""


def check_place(folder: Path, name: str | None, *, force: bool) -> None:
    """Makes the folder and tries whether it can be written to, before a device is walked for nothing.

    InputError where the name is none or its files are there, OSError where the folder cannot be written to.
    """
    if name is not None:
        if not _NAME.fullmatch(name) or name.endswith("."):
            raise InputError(
                Title(
                    f"--name: gặp {name!r}, cần chữ, số và . _ + - không có dấu gạch chéo",
                    f"--name: found {name!r}, expected letters, digits and . _ + - without slashes",
                )
            )
        _refuse_existing(folder, name, force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".dophu-"):
            pass
    except OSError as error:
        reason = why(error)
        raise SystemRefusalError(
            Title(f"{folder}: không ghi được: {reason.vi}", f"{folder}: cannot be written to: {reason.en}")
        ) from None


def paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Where a recording and its expected result are."""
    return folder / f"{name}.snmprec", folder / f"{name}.expected.json"


def _refuse_existing(folder: Path, name: str, *, force: bool) -> None:
    for path in paths(folder, name):
        if path.exists() and not force:
            raise InputError(
                Title(
                    f"{path}: đã có sẵn; --force ghi đè, --name đặt tên khác",
                    f"{path}: is there already; --force overwrites it, --name gives another name",
                )
            )


def name_case(expected: Mapping[str, object]) -> str:
    """A name by maker and model, or by role: never by where the device is or what it is called."""
    words = [str(expected[key]) for key in ("vendor", "model") if expected[key]] or [str(expected["role"])]
    plain = unicodedata.normalize("NFKD", " ".join(words)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:60] or "device"


def save(recording: Recording, folder: Path, name: str | None = None, *, force: bool = False) -> tuple[Path, Path]:
    """Writes both files and says where they are; InputError where they are there and `force` is not."""
    chosen = name or name_case(recording.expected)
    if name is None and not force:
        chosen = _free(folder, chosen)
    _refuse_existing(folder, chosen, force=force)
    comments = ["Recorded with dophu record; names, addresses and numbers of the site are pseudonyms"]
    comments += ["PARTIAL: it was broken off before the end"] if recording.partial else []
    comments += [f"Not read: {problem}" for problem in recording.problems[:_MOST]]
    if len(recording.problems) > _MOST:
        comments.append(f"Not read: {len(recording.problems) - _MOST} more")
    rows, expected = paths(folder, chosen)
    _write(rows, write_rows(recording.scrubbed.rows, comments))
    _write(expected, json.dumps(recording.expected, ensure_ascii=False, indent=2) + "\n")
    return rows, expected


def _free(folder: Path, name: str) -> str:
    """A name that is not taken: nobody chose it."""
    number, found = 1, name
    while any(path.exists() for path in paths(folder, found)):
        number += 1
        found = f"{name}_{number}"
    return found


def _write(path: Path, text: str) -> None:
    """By a temporary file beside it, so that nobody ever sees half of it."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=".dophu-", delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            # Others may read it, as any file: it holds nothing that is secret.
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        finally:
            Path(file.name).unlink(missing_ok=True)
