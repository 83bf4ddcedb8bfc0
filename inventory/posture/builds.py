"""How far a Windows is patched: its build's revision held against the table of monthly releases."""

from __future__ import annotations

import bisect
import csv
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from inventory.words import InputError, Title

__all__ = ["OWN", "Build", "Patches", "Table", "by_build", "own_table", "patches", "read_table"]

OWN = Path(__file__).with_name("builds.csv")
FIELDS = ("build", "of", "revision", "day", "kb", "kind")
KINDS = ("B", "C", "OOB")
STALE = timedelta(days=45)
"""Releases come once a month: a table that has had none for longer does not know the newest."""

_REVISION = re.compile(r"(\d{4,6})\.(\d{1,6})")
_KB = re.compile(r"(KB\d{6,8})?")


@dataclass(frozen=True, slots=True, order=True)
class Build:
    """One release of updates for one build of Windows."""

    build: int
    of: str
    """client or server, where one build has a series of releases for each; empty for both."""
    revision: int
    day: date
    kb: str
    kind: str
    """B the monthly security release, C a preview, OOB out of band."""


@dataclass(frozen=True, slots=True)
class Patches:
    """How far a machine is patched."""

    through: date | None
    """The day of the newest monthly release that it has; None where it is older than the table."""
    behind: int | None
    """How many monthly releases it lacks; None where the table is too old to know."""


@dataclass(frozen=True, slots=True)
class Table:
    """The monthly security releases, the only ones that count."""

    days: tuple[date, ...]
    """On which there was one for any build, the earliest first."""
    builds: Mapping[int, tuple[Build, ...]]


def by_build(releases: Iterable[Build]) -> Table:
    """A table of releases of any kind and order."""
    monthly = sorted(release for release in releases if release.kind == "B")
    found: dict[int, list[Build]] = {}
    for release in monthly:
        found.setdefault(release.build, []).append(release)
    days = tuple(sorted({release.day for release in monthly}))
    return Table(days, {build: tuple(rows) for build, rows in found.items()})


@functools.cache
def own_table() -> Table:
    """The table that Dophu brings along."""
    return by_build(read_table(OWN.read_text(encoding="utf-8").splitlines(), OWN.name))


def patches(table: Table, os_build: str, day: date, *, server: bool) -> Patches | None:
    """How far a machine was patched on a day; None where its revision is not known or its build not in the table.

    Only monthly security releases count: previews and those out of band are in the next of them. A revision beyond the
    table is not behind, unless the table is too old to say so.
    """
    found = _REVISION.fullmatch(os_build)
    if found is None:
        return None
    build, revision = int(found[1]), int(found[2])
    of = ("", "server" if server else "client")
    own = [b for b in table.builds.get(build, ()) if b.of in of and b.day <= day]
    if not own:
        return None
    had = [b.day for b in own if b.revision <= revision]
    stale = day - table.days[bisect.bisect_right(table.days, day) - 1] > STALE
    return Patches(max(had, default=None), None if stale else sum(b.revision > revision for b in own))


def read_table(lines: Sequence[str], where: str) -> tuple[Build, ...]:
    """The releases of a table in CSV: the fields of `FIELDS`, lines that begin with # left out.

    Raises:
        InputError: naming the line and field, what was found and what was expected.
    """
    numbered = [(n, line) for n, line in enumerate(lines, start=1) if line.strip() and not line.startswith("#")]
    reader = csv.reader(line for _, line in numbered)
    rows = list(zip((n for n, _ in numbered), reader, strict=False))
    if not rows or tuple(name.strip() for name in rows[0][1]) != FIELDS:
        found = ",".join(rows[0][1])[:80] if rows else "nothing"
        raise InputError(
            Title(
                f"{where}: gặp {found!r}, cần dòng tiêu đề {','.join(FIELDS)}",
                f"{where}: found {found!r}, expected the header {','.join(FIELDS)}",
            )
        )
    table = [
        _build(Title(f"{where}, dòng {number}", f"{where}, line {number}"), [cell.strip() for cell in cells])
        for number, cells in rows[1:]
    ]
    if not any(build.kind == "B" for build in table):
        raise InputError(
            Title(
                f"{where}: không có bản phát hành hằng tháng nào (kind B), cần có",
                f"{where}: found no monthly release (kind B), expected some",
            )
        )
    if len(set(table)) != len(table):
        twice = next(b for n, b in enumerate(table) if b in table[:n])
        raise InputError(
            Title(
                f"{where}: bản phát hành {twice.build}.{twice.revision} xuất hiện hai lần",
                f"{where}: the release {twice.build}.{twice.revision} stands twice",
            )
        )
    return tuple(sorted(table))


def _build(where: Title, cells: list[str]) -> Build:
    if len(cells) != len(FIELDS):
        raise InputError(
            Title(
                f"{where.vi}: gặp {len(cells)} trường, cần {len(FIELDS)}",
                f"{where.en}: found {len(cells)} fields, expected {len(FIELDS)}",
            )
        )
    build, of, revision, day, kb, kind = cells
    expected = {
        "build": (
            build,
            re.fullmatch(r"\d{4,6}", build),
            Title("số có bốn đến sáu chữ số", "a number of four to six digits"),
        ),
        "of": (of, of in ("", "client", "server"), Title("client, server hoặc để trống", "client, server or nothing")),
        "revision": (revision, re.fullmatch(r"\d{1,6}", revision), Title("một số", "a number")),
        "kb": (kb, _KB.fullmatch(kb), Title("KB và số của nó, hoặc để trống", "KB and its number, or nothing")),
        "kind": (kind, kind in KINDS, Title(f"một trong {', '.join(KINDS)}", f"one of {', '.join(KINDS)}")),
    }
    for name, (found, good, what) in expected.items():
        if not good:
            raise InputError(
                Title(
                    f"{where.vi}, {name}: gặp {found!r:.40}, cần {what.vi}",
                    f"{where.en}, {name}: found {found!r:.40}, expected {what.en}",
                )
            )
    try:
        released = date.fromisoformat(day)
    except ValueError:
        raise InputError(
            Title(
                f"{where.vi}, day: gặp {day!r:.40}, cần một ngày như 2026-03-10",
                f"{where.en}, day: found {day!r:.40}, expected a day such as 2026-03-10",
            )
        ) from None
    return Build(int(build), of, int(revision), released, kb, kind)
