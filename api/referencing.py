"""Imports what facts are held against: when systems end, Windows' monthly releases, and known exploited products."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from api.workspace import Workspace
from inventory.posture import builds, kev, lifecycle
from inventory.posture.derive import References
from inventory.refusing import cannot
from inventory.store import references
from inventory.words import InputError, Title

LARGEST = 64 << 20
"""Bytes of a file; the whole of endoflife.date has about 10 MB."""

Rows = tuple[Any, ...]


async def import_reference(
    workspace: Workspace, kind: str, path: Path, *, dated: date | None = None, dry: bool = False
) -> dict[str, Any]:
    """Import a table of one kind ("lifecycle", "builds" or "kev"); the former one is kept.

    Args:
        dated: of which day the data are, where the file does not say.
        dry: nothing is stored; only what would change is told.

    Returns:
        How many rows it has, its day and age in days, and what is added, changed and removed against what counted so
        far (names, the first alphabetically first).

    Raises:
        InputError: naming the file, and what of it was found and expected; nothing is stored.
    """
    now = datetime.now(UTC)
    rows, day = _read(kind, path, dated)
    if day > now.date():
        raise InputError(
            Title(
                f"{path.name}: gặp ngày {day}, cần ngày không ở tương lai",
                f"{path.name}: found the day {day}, expected one that is not in the future",
            )
        )
    before = await workspace.store.read(references.load)
    listed = await workspace.store.read(references.listing)
    changes = _changes(_by_name(kind, _counting(kind, before, rows)), _by_name(kind, rows))
    if not dry:
        await workspace.store.write(references.keep, kind, rows, references.dated_of(day), path.name, now)
    former = next((kept for kept in listed if kept.kind == kind), None)
    return {
        "kind": kind,
        "file": path.name,
        "dated": day.isoformat(),
        "age_days": (now.date() - day).days,
        "rows": len(rows),
        **changes,
        "former": None if former is None else {"file": former.origin, "dated": former.dated.date().isoformat()},
        "stored": not dry,
    }


async def list_references(workspace: Workspace) -> list[dict[str, Any]]:
    """Every imported table with its age in days, the newest first; the first of a kind is the one that counts."""
    today = datetime.now(UTC).date()
    seen: set[str] = set()
    told = []
    for kept in await workspace.store.read(references.listing):
        told.append(
            {
                "kind": kept.kind,
                "file": kept.origin,
                "dated": kept.dated.date().isoformat(),
                "age_days": (today - kept.dated.date()).days,
                "imported": kept.imported.isoformat(timespec="seconds"),
                "counts": kept.kind not in seen,
            }
        )
        seen.add(kept.kind)
    return told


def _read(kind: str, path: Path, dated: date | None) -> tuple[Rows, date]:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(
                Title(
                    f"{path.name}: gặp {size} byte, cần nhiều nhất {LARGEST}",
                    f"{path.name}: found {size} bytes, expected at most {LARGEST}",
                )
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise cannot(path, error) from None
    except UnicodeDecodeError as error:
        raise InputError(
            Title(
                f"{path.name}: gặp byte không phải UTF-8 tại {error.start}, cần UTF-8",
                f"{path.name}: found a byte that is no UTF-8 at {error.start}, expected UTF-8",
            )
        ) from None
    if kind == "builds":
        table = builds.read_table(text.splitlines(), path.name)
        return table, dated or max(build.day for build in table if build.kind == "B")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            Title(
                f"{path.name}: gặp lỗi ({str(error)[:100]}), cần JSON",
                f"{path.name}: found a mistake ({str(error)[:100]}), expected JSON",
            )
        ) from None
    try:
        rows = _lifecycle(document) if kind == "lifecycle" else kev.read_catalogue(document)
    except InputError as error:
        raise InputError(Title(f"{path.name}: {error.told.vi}", f"{path.name}: {error}")) from None
    return rows, dated or _stated_day(path, document)


def _lifecycle(document: object) -> Rows:
    return tuple(release for releases in lifecycle.read_dump(document).values() for release in releases)


def _stated_day(path: Path, document: object) -> date:
    """The day that the file itself states: endoflife.date's API and CISA's catalogue do."""
    names = ("generated_at", "last_modified", "dateReleased")
    for name in names:
        value = document.get(name) if isinstance(document, dict) else None
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value).date()
            except ValueError:
                raise InputError(
                    Title(
                        f"{path.name}: {name}: gặp {value!r:.40}, cần thời gian",
                        f"{path.name}: {name}: found {value!r:.40}, expected a time",
                    )
                ) from None
    raise InputError(
        Title(
            f"{path.name}: không có {', '.join(names)}; cần --dated kèm ngày của dữ liệu",
            f"{path.name}: found none of {', '.join(names)}; expected --dated with the day of the data",
        )
    )


def _counting(kind: str, before: References, rows: Rows) -> Iterable[Any]:
    """The rows that the import takes the place of; a product that it does not have stays as it is."""
    if kind == "lifecycle":
        products = {release.product for release in rows}
        return [r for product, releases in before.lifecycle.items() if product in products for r in releases]
    if kind == "builds":
        return [build for of_build in before.builds.builds.values() for build in of_build]
    return [entry for entries in (before.kev or {}).values() for entry in entries]


_NAMES: Mapping[str, Callable[[Any], tuple[str, object]]] = {
    "lifecycle": lambda r: (" ".join(part for part in (r.product, r.name, r.edition) if part), r.ends),
    "builds": lambda b: (" ".join(part for part in (f"{b.build}.{b.revision}", b.of) if part), (b.day, b.kb)),
    "kev": lambda e: (e.cve, (e.vendor, e.product, e.ransomware)),
}


def _by_name(kind: str, rows: Iterable[Any]) -> dict[str, object]:
    counted = [row for row in rows if kind != "builds" or row.kind == "B"]
    if kind == "kev":
        # Only what concerns a product that we know by name counts.
        counted = [entry for entries in kev.by_title(counted).values() for entry in entries]
    return dict(_NAMES[kind](row) for row in counted)


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, list[str]]:
    def tell(value: object) -> str:
        return (
            "–" if value is None else " ".join(str(part) for part in (value if isinstance(value, tuple) else (value,)))
        )

    both = before.keys() & after.keys()
    return {
        "added": sorted(after.keys() - before.keys()),
        "changed": [
            f"{name}: {tell(before[name])} → {tell(after[name])}"
            for name in sorted(both)
            if before[name] != after[name]
        ],
        "removed": sorted(before.keys() - after.keys()),
    }
