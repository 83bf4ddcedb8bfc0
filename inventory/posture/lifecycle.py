"""Until when makers support operating systems: the lifecycle table, ours or one that was imported."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from inventory.posture import editions
from inventory.words import InputError, Title

__all__ = ["OWN", "Release", "Support", "Table", "by_product", "own_table", "read_dump", "support"]

OWN = Path(__file__).with_name("lifecycle.csv")
#: Products of which what endoflife.date calls the extended support is free, and needs no step of the owner's.
FREE_EXTENSION = frozenset({"debian"})
_EDITIONS = {"e-lts": "lts", "iot-lts": "iot", "e": "e", "w": "w", "iot": "iot", "sac": "sac", "ac": "ac"}
_CYCLE = re.compile(rf"(.+?)-({'|'.join(_EDITIONS)})")
_LATEST = 100_000
"""Releases of a dump; the largest has some thousands."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a product, and the day on which its free security updates end (None: none is set)."""

    product: str
    name: str
    edition: str
    build: str
    ends: date | None


@dataclass(frozen=True, slots=True)
class Support:
    """The day on which a system's support ends."""

    ends: date
    sure: bool
    """False where the edition is not known and the earliest day of those that it may be was taken."""


Table = Mapping[str, tuple[Release, ...]]
"""The releases by product."""


@functools.cache
def own_table() -> Table:
    """The table that Dophu brings along."""
    with OWN.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return by_product(
            Release(
                r["product"], r["release"], r["edition"], r["build"],
                date.fromisoformat(r["ends"]) if r["ends"] else None,
            )
            for r in rows
        )  # fmt: skip


def by_product(releases: Iterable[Release]) -> Table:
    """A table of releases in any order."""
    found: dict[str, list[Release]] = {}
    for release in releases:
        found.setdefault(release.product, []).append(release)
    return {product: tuple(rows) for product, rows in found.items()}


def support(
    table: Table, os_name: str, os_build: str | None, os_edition: str | None, version: str | None
) -> Support | None:
    """Until when a system is supported; None where the table does not have it or its maker has set no day.

    Args:
        os_name: as the source writes it, such as "Microsoft Windows 10 Pro" or "Debian GNU/Linux 12 (bookworm)".
        os_build: of Windows the build, with or without its revision.
        version: where the name holds no release, such as "7.2.6" of FortiOS.
    """
    if editions.is_windows(os_name):
        found = _windows(table, os_name, os_build)
        known = _earliest(found, _edition(os_name, os_edition))
        bare = {release.name.split("-sp")[0] for release in found if "-sp" in release.name}
        if known is not None and not os_build and any(release.name in bare for release in table.get("windows", ())):
            return replace(known, sure=False)  # the name does not tell whether the service pack is installed
        return known
    named = editions.product_of(os_name, version)
    if named is None:
        return None
    product, release = named
    return _earliest([r for r in table.get(product, ()) if r.name == release], "")


def _windows(table: Table, os_name: str, os_build: str | None) -> list[Release]:
    server = editions.is_server(os_name)
    rows = table.get("windows-server" if server else "windows", ())
    build = (os_build or "").split(".")[0]
    if build.isdecimal():
        of_build = [r for r in rows if r.build == build]
        # One build may be of a release by year and of a half-yearly one.
        year = editions.server_release(os_name) if server else None
        by_year = [r for r in of_build if r.name.startswith(year)] if year else []
        return by_year or of_build
    name = editions.server_release(os_name) if server else editions.client_release(os_name)
    return [r for r in rows if name is not None and (r.name == name or (server and r.name.startswith(f"{name}-sp")))]


def _edition(os_name: str, os_edition: str | None) -> str | None:
    if editions.is_server(os_name):
        return "lts" if editions.server_release(os_name) else None
    return editions.edition_of(os_name, os_edition)


def _earliest(rows: list[Release], edition: str | None) -> Support | None:
    """The day of the edition; where that is unknown or not listed, the earliest of those that it may be."""
    exact = [r for r in rows if r.edition == edition] or [r for r in rows if not r.edition and edition in ("w", "e")]
    days = [r.ends for r in exact or rows]
    known = [day for day in days if day is not None]
    if not known or (exact and len(known) < len(days)):
        return None
    return Support(min(known), bool(exact) or len(set(rows)) == 1)


# --- a dump of endoflife.date ---------------------------------------------------------------------------------------


def read_dump(document: object) -> Table:
    """The releases by product of a dump of endoflife.date, in any of the forms in which it is to be had.

    The forms: {"products": {"debian": {"releases": […]}}}; {"result": [{"name": "debian", "releases": […]}]}, as from
    `/api/v1/products/full`; {"debian": [{"cycle": "12", "eol": "2026-06-10"}]}, as from `/api/debian.json`.

    Raises:
        InputError: another form; a product without releases; an end that is neither a day nor true or false.
    """
    found: dict[str, tuple[Release, ...]] = {}
    for product, releases in _products(document).items():
        if not isinstance(releases, list) or not all(isinstance(r, dict) for r in releases):
            raise InputError(
                Title(
                    f"{product}: không có danh sách bản phát hành, cần danh sách đối tượng",
                    f"{product}: found no list of releases, expected one of objects",
                )
            )
        found[product] = tuple(
            release for number, row in enumerate(releases) if (release := _release(product, number, row)) is not None
        )
    if not any(found.values()):
        raise InputError(
            Title(
                "không có bản phát hành của sản phẩm nào, cần bản tải về của endoflife.date",
                "found no release of any product, expected a dump of endoflife.date",
            )
        )
    if sum(map(len, found.values())) > _LATEST:
        raise InputError(
            Title(
                f"gặp hơn {_LATEST} bản phát hành, cần bản tải về của endoflife.date",
                f"found more than {_LATEST} releases, expected a dump of endoflife.date",
            )
        )
    return found


def _products(document: object) -> dict[str, object]:
    if isinstance(document, dict) and isinstance(document.get("products"), dict):
        return {str(name): _releases(name, product) for name, product in document["products"].items()}
    if isinstance(document, dict) and isinstance(document.get("result"), list):
        listed = [p for p in document["result"] if isinstance(p, dict) and isinstance(p.get("name"), str)]
        if len(listed) != len(document["result"]):
            raise InputError(
                Title(
                    "result: cần danh sách sản phẩm, mỗi sản phẩm có name và releases",
                    "result: expected a list of products, each with its name and releases",
                )
            )
        return {p["name"]: _releases(p["name"], p) for p in listed}
    if isinstance(document, dict) and document and all(isinstance(v, list) for v in document.values()):
        return {str(name): releases for name, releases in document.items()}
    raise InputError(
        Title(
            "cần bản tải về của endoflife.date: một đối tượng có products, result, hoặc danh sách theo sản phẩm",
            "expected a dump of endoflife.date: an object with products, a result, or lists by product",
        )
    )


def _releases(name: object, product: object) -> object:
    if not isinstance(product, dict) or "releases" not in product:
        raise InputError(
            Title(
                f"{name}: không có releases, cần danh sách của chúng",
                f"{name}: found no releases, expected a list of them",
            )
        )
    return product["releases"]


def _release(product: str, number: int, row: Mapping[str, object]) -> Release | None:
    name = row.get("releaseCycle", row.get("cycle", row.get("name")))
    if not isinstance(name, str | int | float) or isinstance(name, bool):
        raise InputError(
            Title(
                f"{product}: bản phát hành {number + 1}: không có tên, cần releaseCycle, cycle hoặc name",
                f"{product}: release {number + 1}: found no name, expected releaseCycle, cycle or name",
            )
        )
    where = f"{product}: release {name}"
    ends = _end(where, row, "eol", "eolFrom")
    extended = _end(where, row, "eoes", "eoesFrom", "extendedSupport")
    if product in FREE_EXTENSION and extended is not None:
        ends = extended
    build = ""
    text, edition = str(name), ""
    if product in ("windows", "windows-server"):
        latest = row.get("latest")
        latest = latest.get("name") if isinstance(latest, dict) else latest
        build = str(latest or "").split(".")[2] if str(latest or "").count(".") >= 2 else ""
        if match := _CYCLE.fullmatch(text):
            text, edition = match[1], _EDITIONS[match[2]]
        elif product == "windows-server":
            edition = "lts"
    return Release(product, text, edition, build, ends)


def _end(where: str, row: Mapping[str, object], *names: str) -> date | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise InputError(
                    Title(
                        f"{where}: {name}: gặp {value!r:.40}, cần một ngày như 2026-06-10",
                        f"{where}: {name}: found {value!r:.40}, expected a day such as 2026-06-10",
                    )
                ) from None
        if value is not None and not isinstance(value, bool):
            raise InputError(
                Title(
                    f"{where}: {name}: gặp {value!r:.40}, cần một ngày, true hoặc false",
                    f"{where}: {name}: found {value!r:.40}, expected a day, true or false",
                )
            )
    return None
