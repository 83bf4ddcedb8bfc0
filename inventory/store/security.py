"""Security findings in the store: those of controls with a severity, since when, seen when, and who sees to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, insert, or_, select, tuple_, update

from inventory.expressions import parse
from inventory.periods import ZONE
from inventory.store import waivers
from inventory.store.tables import FACTS, FOREVER, asset, finding, finding_owner
from inventory.text import nfc, storable
from inventory.vocabulary import Vocabulary, instant, moment
from inventory.words import SEVERITIES, Control, InputError, Status, Title, Waiver

__all__ = ["STATES", "SecurityFinding", "assign", "read"]

STATES = ("open", "accepted", "fixed", "unknown")
"""Unmet; waived by somebody until a day; met again; not known any more since it was unmet."""
FIXED = timedelta(days=30)
"""How long what was mended is told."""
_TOGETHER = 400
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class SecurityFinding:
    """A weakness of one member: that it does not, or until lately did not, meet a control with a severity."""

    control: str
    severity: str
    member: str
    agency: str
    state: str
    first_seen: datetime
    """When it was first observed since it last was not so."""
    last_seen: datetime | None
    """When the newest fact about it was observed; None where there is none."""
    since: datetime
    """Since when it has its state."""
    owner: str = ""
    note: str = ""
    waiver: Waiver | None = None
    """For what is accepted: by whom, why, until when."""


@dataclass(frozen=True, slots=True)
class _Interval:
    status: Status
    since: int
    until: int
    agency: str


def read(
    connection: Connection,
    vocabulary: Vocabulary,
    controls: Mapping[str, Control],
    at: datetime,
    *,
    states: Collection[str] = ("open", "accepted", "unknown"),
    severity: str | None = None,
    control: str | None = None,
    agency: str | None = None,
    owner: str | None = None,
    owners_at: datetime | None = None,
) -> list[SecurityFinding]:
    """The security findings as they stood at `at`, the most severe first, then the newest.

    Args:
        owners_at: as of when who sees to them is told, where that is later than what was judged.

    Raises:
        InputError: there is no such state, severity, or control with a severity.
    """
    asked = {name: c for name, c in controls.items() if c.severity}
    _check(asked, states, severity, control)
    if severity is not None:
        asked = {name: c for name, c in asked.items() if c.severity == severity}
    if control is not None:
        asked = {control: asked[control]} if control in asked else {}
    time = instant(at)
    members = _members(connection, asked, time)
    intervals = _intervals(connection, members, time)
    owners = _owners(connection, instant(owners_at or at))
    granted = [w for w in waivers.load(connection, at.astimezone(ZONE).date()) if w.status is Status.WAIVED]
    found = []
    for (name, member), own in intervals.items():
        told = _tell(asked[name], member, own, time, owners.get((name, member), ("", "")), granted)
        if told is None or told.state not in states or (agency is not None and told.agency != agency):
            continue
        if owner is None or told.owner == owner:
            found.append(told)
    seen = _seen(connection, vocabulary, asked, [(f.control, f.member) for f in found], time)
    rows = [_with_seen(f, seen.get((f.control, f.member))) for f in found]
    return sorted(rows, key=lambda f: (SEVERITIES.index(f.severity), -f.first_seen.timestamp(), f.control, f.member))


def _check(asked: Mapping[str, Control], states: Collection[str], severity: str | None, control: str | None) -> None:
    if unknown := [state for state in states if state not in STATES]:
        raise InputError(
            Title(
                f"gặp trạng thái {unknown[0]!r}, cần một trong {', '.join(STATES)}",
                f"found the state {unknown[0]!r}, expected one of {', '.join(STATES)}",
            )
        )
    if severity is not None and severity not in SEVERITIES:
        raise InputError(
            Title(
                f"gặp mức độ {severity!r}, cần một trong {', '.join(SEVERITIES)}",
                f"found the severity {severity!r}, expected one of {', '.join(SEVERITIES)}",
            )
        )
    if control is not None and control not in asked:
        raise InputError(
            Title(
                f"gặp {control!r}, cần tiêu chí có mức độ: {', '.join(sorted(asked))}",
                f"found {control!r}, expected a control with a severity: {', '.join(sorted(asked))}",
            )
        )


def _members(connection: Connection, asked: Collection[str], time: int) -> list[tuple[str, str]]:
    """Whoever is unmet or waived now, or was unmet within `FIXED`."""
    f = finding.c
    lately = time - int(FIXED.total_seconds() * 1000)
    query = select(f.control, f.member).where(
        f.control.in_(sorted(asked)),
        f.since <= time,
        or_(
            and_(f.status == str(Status.UNMET), f.until > lately),
            and_(f.status.in_([str(Status.WAIVED), str(Status.UNKNOWN)]), f.until > time),
        ),
    )
    rows = {(control, member) for control, member in connection.execute(query)}
    # "N (missing)" stands for machines that are declared and were not found: nobody can mend them.
    return sorted(row for row in rows if "(" not in row[1])


def _intervals(
    connection: Connection, members: Sequence[tuple[str, str]], time: int
) -> dict[tuple[str, str], list[_Interval]]:
    """Every interval of each of them that began by `time`, the oldest first."""
    f = finding.c
    found: dict[tuple[str, str], list[_Interval]] = {}
    for start in range(0, len(members), _TOGETHER):
        query = (
            select(f.control, f.member, f.status, f.since, f.until, f.agency)
            .where(tuple_(f.control, f.member).in_(members[start : start + _TOGETHER]), f.since <= time)
            .order_by(f.since)
        )
        for control, member, status, since, until, agency in connection.execute(query):
            found.setdefault((control, member), []).append(_Interval(Status(status), since, until, agency))
    return found


def _tell(
    control: Control,
    member: str,
    own: Sequence[_Interval],
    time: int,
    owner: tuple[str, str],
    granted: Iterable[Waiver],
) -> SecurityFinding | None:
    newest = own[-1]
    if newest.until <= time:
        return None  # it is no member any more
    first = None
    for interval in reversed(own):
        # One that was met in between was mended, and came again.
        if interval.status in (Status.MET, Status.NOT_APPLICABLE) and interval is not newest:
            break
        if interval.status is Status.UNMET:
            first = interval.since
    state = {Status.UNMET: "open", Status.WAIVED: "accepted", Status.MET: "fixed", Status.UNKNOWN: "unknown"}.get(
        newest.status
    )
    if state is None or (first is None and state != "accepted"):
        return None
    waiver = None
    if state == "accepted":
        named = [w for w in granted if w.control == control.id and (member == w.member or w.agency == newest.agency)]
        waiver = named[-1] if named else None
    seen = first if first is not None else newest.since
    return SecurityFinding(
        control.id, control.severity, member, newest.agency, state, moment(seen), None, moment(newest.since), *owner,
        waiver,
    )  # fmt: skip


def _with_seen(found: SecurityFinding, seen: tuple[datetime, datetime] | None) -> SecurityFinding:
    if seen is None:
        return found
    # It was there before it was judged; what is mended or unknown has other facts now.
    first = min(found.first_seen, seen[0]) if found.state in ("open", "accepted") else found.first_seen
    return replace(found, first_seen=first, last_seen=seen[1])


def _seen(
    connection: Connection,
    vocabulary: Vocabulary,
    asked: Mapping[str, Control],
    members: Collection[tuple[str, str]],
    time: int,
) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """Since when the facts that a control's condition names have said so of an asset, and when they last did.

    Of several sources of a fact the first to say so counts; of several facts the last to become so.
    """
    t = FACTS["asset"]
    seen: dict[tuple[str, str], tuple[datetime, datetime]] = {}
    for name in {control for control, _ in members}:
        control = asked[name]
        if control.population != "assets":
            continue
        columns = parse(control.meets, vocabulary.columns("assets"), control.parameters).columns
        keys = [column for column in columns if column in vocabulary.keys]
        own = sorted(int(member) for control_id, member in members if control_id == name)
        for start in range(0, len(own), _TOGETHER):
            query = (
                select(asset.c.root, func.min(t.c.first), func.max(t.c.last))
                .join(t, t.c.subject == asset.c.id)
                .where(
                    asset.c.root.in_(own[start : start + _TOGETHER]), t.c.key.in_(keys), t.c.first <= time,
                    t.c.until > time,
                )
                .group_by(asset.c.root, t.c.key)
            )  # fmt: skip
            for root, first, last in connection.execute(query):
                before = seen.get((name, str(root)), (moment(first), moment(last)))
                seen[name, str(root)] = max(before[0], moment(first)), max(before[1], moment(last))
    return seen


def _owners(connection: Connection, time: int) -> dict[tuple[str, str], tuple[str, str]]:
    o = finding_owner.c
    rows = connection.execute(select(o.control, o.member, o.owner, o.note).where(o.since <= time, o.until > time))
    return {(control, member): (owner, note) for control, member, owner, note in rows}


def assign(connection: Connection, control: Control, member: str, owner: str, note: str, now: datetime) -> None:
    """Say who sees to a finding from now on; an empty owner: nobody any more. Who did before stays on record.

    Raises:
        InputError: the control has no severity, nobody of this name was ever asked by it, or the text is too long.
    """
    texts = {"owner": nfc(storable(owner)).strip(), "note": nfc(storable(note)).strip()}
    if not control.severity:
        raise InputError(
            Title(
                f"gặp tiêu chí {control.id!r}, cần tiêu chí có mức độ",
                f"found the control {control.id!r}, expected one with a severity",
            )
        )
    if long := next((name for name, text in texts.items() if len(text) > _LONGEST), None):
        raise InputError(
            Title(
                f"{long}: gặp {len(texts[long])} ký tự, cần nhiều nhất {_LONGEST}",
                f"{long}: found {len(texts[long])} characters, expected at most {_LONGEST}",
            )
        )
    f, o = finding.c, finding_owner.c
    known = select(f.member).where(f.control == control.id, f.member == member).limit(1)
    if connection.execute(known).first() is None:
        raise InputError(
            Title(
                f"gặp {member!r}, cần một thành viên của {control.id}: xem dophu security list",
                f"found {member!r}, expected a member of {control.id}: see dophu security list",
            )
        )
    standing = and_(o.control == control.id, o.member == member, o.until == FOREVER)
    connection.execute(update(finding_owner).where(standing).values(until=instant(now)))
    if texts["owner"]:
        row = {"control": control.id, "member": member, "since": instant(now), "until": FOREVER, **texts}
        connection.execute(insert(finding_owner).values(**row))
