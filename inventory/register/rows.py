"""Rows of a register file, once their cells are read, as the values that they declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import cast

from inventory.register.merge import Declared
from inventory.words import Agency, DeclaredCount, IPNetwork, Level, Link, Network, Title, Website

__all__ = ["BUILD", "NAMING", "Values"]

Values = Mapping[str, object]
"""A row's values by column; None, or no entry, for what was left empty."""

#: The columns without which a row has no name, so that nothing more can be said of it.
NAMING: Mapping[str, frozenset[str]] = {
    "levels": frozenset({"code"}),
    "agencies": frozenset({"code"}),
    "networks": frozenset({"code"}),
    "links": frozenset({"code"}),
    "counts": frozenset({"agency", "key", "day"}),
    "websites": frozenset({"url"}),
}


def _string(values: Values, name: str, default: str = "") -> str:
    return cast(str, values.get(name) or default)


def _optional(values: Values, name: str) -> str | None:
    return _string(values, name) or None


def _title(values: Values) -> Title:
    vi = _string(values, "name_vi")
    return Title(vi, _string(values, "name_en", vi))


def _first_day(values: Values) -> date:
    return cast(date | None, values.get("valid_from")) or date.min


def _last_day(values: Values) -> date | None:
    return cast(date | None, values.get("valid_to"))


def _level(v: Values) -> Level:
    return Level(_string(v, "code"), _title(v), cast(int, v["rank"]), bool(v.get("part")))


def _agency(v: Values) -> Agency:
    parent, successor = _optional(v, "parent"), _optional(v, "successor")
    return Agency(_string(v, "code"), _title(v), _string(v, "level"), parent, _first_day(v), _last_day(v), successor)


def _network(v: Values) -> Network:
    names = cast(tuple[str, ...], v.get("credentials") or ())
    prefix, purpose = cast(IPNetwork, v["prefix"]), _string(v, "purpose")
    place = (_string(v, "code"), _string(v, "agency"))
    return Network(*place, prefix, purpose, bool(v.get("scan")), names, _first_day(v), _last_day(v))


def _link(v: Values) -> Link:
    speed, address = cast(float | None, v.get("contracted_mbps")), _optional(v, "address")
    place = (_string(v, "code"), _string(v, "agency"), _string(v, "kind"))
    via, port = _optional(v, "via"), cast(int | None, v.get("port"))
    return Link(*place, address, _string(v, "provider"), speed, _first_day(v), _last_day(v), via, port)


def _count(v: Values) -> DeclaredCount:
    value, day = cast(int, v["value"]), cast(date, v["day"])
    return DeclaredCount(_string(v, "agency"), _string(v, "key"), value, day, _string(v, "document"))


def _website(v: Values) -> Website:
    place = (_string(v, "url"), _string(v, "agency"), _string(v, "title"))
    return Website(*place, _first_day(v), _last_day(v))


BUILD: Mapping[str, Callable[[Values], Declared]] = {
    "levels": _level, "agencies": _agency, "networks": _network, "links": _link, "counts": _count, "websites": _website,
}  # fmt: skip
