"""What NetBox declares as rows of the register: which row is meant, and from which day a change holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import ip_network

from inventory.netbox import Thing, Told, ToldAgency, ToldLink, ToldNetwork, place_name
from inventory.register.problems import Problem
from inventory.words import Agency, Level, Link, Network, Register, Title

__all__ = ["declare", "name_problems"]

Things = Mapping[str, Sequence[Thing]]
"""By sheet, the object of NetBox behind each row."""


def declare(existing: Register, told: Told, today: date, credentials: tuple[str, ...] = ()) -> tuple[Register, Things]:
    """The rows that NetBox declares, to be merged into `existing`, and the object behind each.

    An agency whose name, level or parent changed gets a new row from the day on which NetBox was changed, and the
    former one ends the day before; so past days stay as they were. Of networks and links there is one row a code, as in
    files. What NetBox has no place for, such as the names of credentials, stays as it is. What comes first, into an
    empty register, holds since the beginning; what comes later since it was made in NetBox.

    Levels that are there stay as they are, for NetBox has no place for their rank; new ones come of the groups of
    tenants that are levels. A register without levels gets those that the agencies name where no group is one; later
    such a name is looked for among the levels, so that a slip of the pen makes none.

    Args:
        credentials: the names of those that are tried in networks that are new.
    """
    levels = _levels(existing, told)
    agencies = [(row, t.thing) for t in told.agencies for row in _agency_rows(existing, t, today)]
    networks = [(_network(existing, t, credentials), t.thing) for t in told.networks]
    links = [(_link(existing, t), t.thing) for t in told.links]
    register = Register(
        levels=tuple(row for row, _ in levels),
        agencies=tuple(row for row, _ in agencies),
        networks=tuple(row for row, _ in networks),
        links=tuple(row for row, _ in links),
    )
    named: dict[str, Iterable[tuple[object, Thing]]] = {
        "levels": levels,
        "agencies": agencies,
        "networks": networks,
        "links": links,
    }
    return register, {sheet: [thing for _, thing in rows] for sheet, rows in named.items()}


def name_problems(problems: Iterable[Problem], things: Things, told: Told) -> list[Problem]:
    """What was found on reading, and the problems of the rows that came of it, by NetBox's objects and their fields.

    Of a field that could not be read nothing more is told; problems of stored rows stay as they are.
    """
    found = list(told.problems)
    noted = {(p.sheet, p.column) for p in found}
    for p in problems:
        if p.row is None or p.sheet not in things:
            found.append(p)
            continue
        column = told.columns.get(p.column or "", p.column)
        named = replace(p, sheet=str(things[p.sheet][p.row - 1]), row=None, column=column)
        if p.twice is not None:
            # NetBox has no rows: it is another object that says the same.
            other = things[p.sheet][p.twice - 1]
            named = replace(named, expected=Title(f"mỗi mục một lần, đã có ở {other}", f"each once, as {other} has it"))
        if (named.sheet, column) not in noted:
            found.append(named)
    return found


def _levels(existing: Register, told: Told) -> list[tuple[Level, Thing]]:
    """The levels that are new, ranked below those that are there: the outer groups or agencies first."""
    found: dict[str, tuple[int, Title, Thing]] = {}
    for t in sorted(told.levels, key=lambda t: t.depth):
        found.setdefault(t.code, (t.depth, Title(t.name, t.name_en or t.name), t.thing))
    if not existing.levels and not told.levels:
        parents = {a.code: a.parent for a in told.agencies}
        for depth, a in sorted(((_depth(parents, a.code), a) for a in told.agencies), key=lambda pair: pair[0]):
            if a.level:
                found.setdefault(a.level, (depth, Title(a.level, a.level), a.thing))
    known = {level.code for level in existing.levels}
    lowest = max((level.rank for level in existing.levels), default=0)
    new = [(code, title, thing) for code, (_, title, thing) in found.items() if code not in known]
    return [(Level(code, title, lowest + n), thing) for n, (code, title, thing) in enumerate(new, 1)]


def _depth(parents: Mapping[str, str | None], code: str) -> int:
    """How many agencies are above one; a circle, which is refused later, ends."""
    above, number = {code}, parents.get(code)
    while number is not None and number not in above:
        above.add(number)
        number = parents.get(number)
    return len(above) - 1


def _agency_rows(existing: Register, t: ToldAgency, today: date) -> list[Agency]:
    own = sorted((a for a in existing.agencies if a.code == t.code), key=lambda a: a.valid_from)
    row = next((a for a in own if a.valid_on(today)), None)
    if row is None and own and _ended(last := own[-1], t):
        # NetBox tells of what is over, at most that it was over sooner: nothing begins anew.
        return [replace(last, title=_title(last, t), valid_to=t.valid_to, successor=t.successor or last.successor)]
    if row is None:
        begins = t.valid_from or (t.created if existing.agencies else date.min)
        if own and own[-1].valid_to is not None and begins <= own[-1].valid_to:
            begins = own[-1].valid_to + timedelta(days=1)
        title = Title(t.name, t.name_en or t.name)
        # A tenant in no group of an agency says nothing of its parent: it is the former one, where that still stands.
        former = own[-1].parent if own else None
        parent = t.parent or (
            former if any((a.code, a.valid_to) == (former, None) for a in existing.agencies) else None
        )
        return [Agency(t.code, title, t.level, parent, begins, t.valid_to, t.successor)]
    t = _without_echo(t, row, own)
    title = _title(row, t)
    # Where NetBox has a place for the end, an empty one says that there is none, or none any more.
    follows = any(a.valid_from > row.valid_from for a in own)
    ends = t.valid_to or (row.valid_to if follows or not t.dated else None)
    successor = t.successor or (row.successor if ends is not None else None)
    # A tenant in no group of an agency says nothing of its parent.
    parent = t.parent or row.parent
    now = replace(row, title=title, level=t.level, parent=parent, valid_to=ends, successor=successor)
    changed = min(t.valid_from or t.changed, today)
    if changed <= row.valid_from or (row.title, row.level, row.parent) == (title, t.level, parent):
        return [now]
    return [replace(row, valid_to=changed - timedelta(days=1), successor=None), replace(now, valid_from=changed)]


def _without_echo(t: ToldAgency, row: Agency, rows: Sequence[Agency]) -> ToldAgency:
    """What NetBox says anew. A tenant that Dophu made, or that nobody changed since the row began, repeats what the
    register said once: of that the register's own word is the newer one."""
    if not (t.own or t.changed < row.valid_from):
        return t
    names = {name for a in rows for name in (a.title.vi, place_name(a.title.vi), place_name(a.title.vi, a.code))}
    return replace(
        t,
        name=row.title.vi if t.name in names else t.name,
        level=row.level if t.level in {a.level for a in rows} else t.level,
        parent=row.parent if t.parent in {a.parent for a in rows} else t.parent,
    )


def _ended(last: Agency, t: ToldAgency) -> bool:
    return last.valid_to is not None and t.valid_to is not None and t.valid_to <= last.valid_to


def _title(row: Agency, t: ToldAgency) -> Title:
    """The name; NetBox has one, and the English one stays while the Vietnamese one does."""
    return Title(t.name, t.name_en or (row.title.en if row.title.vi == t.name else t.name))


def _network(existing: Register, t: ToldNetwork, credentials: tuple[str, ...]) -> Network:
    prefix = ip_network(t.prefix)
    by_code = {n.code: n for n in existing.networks}
    same = next((n for n in existing.networks if (n.agency, n.prefix) == (t.agency, prefix)), None)
    row = by_code.get(t.code) if t.code is not None else same
    if row is None:
        code = t.code or f"{t.agency}-{t.prefix.replace('/', '_')}"
        begins = t.created if existing.networks else date.min
        return Network(code, t.agency, prefix, t.purpose, t.scan, credentials, begins)
    return replace(row, agency=t.agency, prefix=prefix, purpose=t.purpose, scan=t.scan)


def _link(existing: Register, t: ToldLink) -> Link:
    row = next((v for v in existing.links if v.code == t.code), None)
    if row is None:
        begins = t.installed or (t.created if existing.links else date.min)
        return Link(t.code, t.agency, t.kind, t.address, t.provider, t.contracted_mbps, begins, t.ended)
    # Through which line it is probed, and at which port, NetBox has no place for.
    return replace(
        row, agency=t.agency, kind=t.kind, address=t.address, provider=t.provider, contracted_mbps=t.contracted_mbps,
        valid_from=t.installed or row.valid_from, valid_to=t.ended,
    )  # fmt: skip


def code_of(text: str) -> str:
    """A name as a code: without white space."""
    return re.sub(r"\s+", "-", text.strip())
