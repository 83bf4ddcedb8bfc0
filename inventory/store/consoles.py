"""Consoles' reports in the store: which known asset a line is about, and what is missing on either side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from inventory.identity import contradicts, normalise
from inventory.register.columns import plain
from inventory.store import facts, registers, runs
from inventory.store.facts import NO_ROW
from inventory.store.tables import FACTS, address, asset, identifier
from inventory.text import fold
from inventory.vocabulary import Vocabulary, moment
from inventory.words import Fact, Proof, Run, Value

KEY = "console_only"
ASKED = ("workstation", "server")
NO_ASSET = "no asset of that serial, MAC, name or address"
REASONS = (NO_ASSET, *(f"several assets of that {kind}" for kind in ("serial", "mac", "name")))
"""Why a line is about no asset."""
UNPLACED = "(unplaced)"
"""Stands for the agency of lines of which no agency is known."""


@dataclass(frozen=True, slots=True)
class Told:
    """One machine as a console tells it."""

    row: int
    hostname: str
    address: str | None
    macs: tuple[str, ...]
    serial: str
    agency: str | None
    """What the line says of its agency: a code, a name, or a path of groups."""
    last_seen: datetime | None
    facts: tuple[Fact, ...]


@dataclass(slots=True)
class Outcome:
    """What came of a report: its lines matched, those that the inventory does not know, and who is missing from it."""

    matched: dict[int, Told] = field(default_factory=dict)
    """By asset."""
    unknown: list[tuple[Told, str, str]] = field(default_factory=list)
    """The line, the agency's code (UNPLACED for none), and why."""
    duplicates: int = 0
    """Lines about a machine of which the report has a newer one."""
    covered: set[str] = field(default_factory=set)
    missing: list[int] = field(default_factory=list)
    facts: int = 0
    new: int = 0


@dataclass(slots=True)
class _Known:
    """What the inventory knows its assets by, as of now."""

    identifiers: dict[int, dict[str, set[str]]] = field(default_factory=dict)
    by_identifier: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    by_name: dict[str, set[int]] = field(default_factory=dict)
    by_address: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    agency: dict[int, str] = field(default_factory=dict)
    role: dict[int, str] = field(default_factory=dict)
    name: dict[int, str] = field(default_factory=dict)
    since: dict[int, datetime] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    agencies: dict[str, str] = field(default_factory=dict)


def take_in(
    connection: Connection, vocabulary: Vocabulary, finished: Run, told: Sequence[Told], now: datetime,
    agency: str | None, *, whole: bool, antivirus: bool, dry: bool = False,
) -> Outcome:  # fmt: skip
    """Record a report, whose time is `finished.finished`, and say what it means on either side.

    Args:
        agency: all its lines are of this one; None where each line tells.
        whole: it is complete and fresh: who is not in it is missing from it.
        antivirus: being missing means that no central antivirus manages the machine.
        dry: nothing is stored.
    """
    known = _read_known(connection, vocabulary, now)
    outcome = Outcome()
    for line in told:
        code = agency or _agency(known, line)
        if code is not None and (agency or line.agency):
            outcome.covered.add(code)
        number, why = _find(known, line, code)
        if number is None:
            outcome.unknown.append((line, code or UNPLACED, why))
        elif number in outcome.matched:
            outcome.duplicates += 1
            other = outcome.matched[number]
            if (line.last_seen or _NEVER) > (other.last_seen or _NEVER):
                outcome.matched[number] = line
        else:
            outcome.matched[number] = line
    at = finished.finished
    if whole and antivirus and not any(code == UNPLACED for _, code, _ in outcome.unknown):
        outcome.missing = sorted(
            n
            for n, role in known.role.items()
            if role in ASKED
            and n not in outcome.matched
            and known.agency.get(n) in outcome.covered
            # Who was found only after the report cannot be in it.
            and known.since[n] <= at
        )
    if not dry:
        _store(connection, vocabulary, finished, outcome, now, agency)
    return outcome


_NEVER = datetime.min.replace(tzinfo=UTC)


def _store(
    connection: Connection, vocabulary: Vocabulary, finished: Run, outcome: Outcome, now: datetime, agency: str | None
) -> None:
    source, at = finished.collector, finished.finished
    of_assets = [(n, fact) for n, line in outcome.matched.items() for fact in line.facts]
    absent = Fact("antivirus_managed", False, source, at, Proof.CONSOLE)
    of_assets += [(n, absent) for n in outcome.missing]
    of_agencies: list[tuple[facts.Subject, Fact]] = []
    for line, code, why in outcome.unknown:
        row: dict[str, Value] = {
            "row": line.row, "address": line.address, "mac": ", ".join(line.macs) or None,
            "serial": line.serial or None, "reason": why,
            "last_seen": line.last_seen.isoformat() if line.last_seen else None,
        }  # fmt: skip
        item = line.hostname or line.serial or line.address or ", ".join(line.macs)
        stated = dict(row.items())
        of_agencies.append((code, Fact(KEY, stated, source, at, Proof.CONSOLE, item=item)))  # type: ignore[arg-type]
    told = {code for _, code, _ in outcome.unknown}
    empty = outcome.covered | {UNPLACED} | ({agency} if agency else set())
    of_agencies += [(c, Fact(KEY, {}, source, at, Proof.CONSOLE, item=NO_ROW)) for c in sorted(empty - told)]
    recorded = facts.record(connection, vocabulary, {"asset": of_assets, "agency": of_agencies}, now)
    runs.note(connection, finished, len(outcome.matched) + len(outcome.unknown))
    outcome.facts, outcome.new = recorded.facts, recorded.new


# --- which asset ------------------------------------------------------------------------------------------------------


def _agency(known: _Known, line: Told) -> str | None:
    """The agency by what the line calls it, from the innermost group outwards."""
    text = (line.agency or "").replace("\\", "/").replace(">", "/")
    for part in [line.agency or "", *reversed(text.split("/"))]:
        if (code := known.agencies.get(plain(part))) is not None:
            return code
    return None


def _find(known: _Known, line: Told, agency: str | None) -> tuple[int | None, str]:
    """The asset by serial, MAC, name within the agency, or address within its networks; or why there is none."""
    stated: dict[str, set[str]] = {}
    for kind, values in (("serial", (line.serial,)), ("mac", line.macs)):
        for value in values:
            if value and (text := normalise(kind, value)) is not None:
                stated.setdefault(kind, set()).add(text)
    for kind in ("serial", "mac"):
        kinds = (kind, "chassis_mac") if kind == "mac" else (kind,)
        holders = {n for v in stated.get(kind, ()) for k in kinds for n in known.by_identifier.get((k, v), ())}
        holders = {n for n in holders if not contradicts(stated, known.identifiers.get(n, {}))}
        if len(holders) == 1:
            return holders.pop(), ""
        if holders:
            return None, f"several assets of that {kind}"
    fits = [n for n in _named(known, line.hostname) if _may_be(known, n, stated, agency)]
    if len(fits) == 1:
        return fits[0], ""
    if fits:
        return None, "several assets of that name"
    own_name = fold(line.hostname).partition(".")[0]
    at = {
        n
        for network, n in known.by_address.get(line.address or "", ())
        if (agency is not None and known.networks.get(network) == agency)
        and _may_be(known, n, stated, agency)
        # An address changes hands (DHCP): another name there is another machine.
        and (not own_name or not known.name.get(n) or fold(known.name[n]).partition(".")[0] == own_name)
    }
    return (at.pop(), "") if len(at) == 1 else (None, NO_ASSET)


def _named(known: _Known, hostname: str) -> Iterable[int]:
    name = fold(hostname)
    if not name:
        return ()
    return known.by_name.get(name) or known.by_name.get(name.partition(".")[0]) or ()


def _may_be(known: _Known, number: int, stated: Mapping[str, set[str]], agency: str | None) -> bool:
    if agency is not None and known.agency.get(number) != agency:
        return False
    own = known.identifiers.get(number, {})
    macs = own.get("mac", set()) | own.get("chassis_mac", set())
    theirs = stated.get("mac", set())
    return not contradicts(stated, own) and not (macs and theirs and not macs & theirs)


def _read_known(connection: Connection, vocabulary: Vocabulary, now: datetime) -> _Known:
    known = _Known()
    query = select(asset.c.root, identifier.c.kind, identifier.c.value).join(asset, asset.c.id == identifier.c.asset)
    for root, kind, value in connection.execute(query.where(identifier.c.shared.is_(False))):
        known.identifiers.setdefault(root, {}).setdefault(kind, set()).add(value)
        known.by_identifier.setdefault((kind, value), set()).add(root)
    places = select(asset.c.root, address.c.network, address.c.address).join(asset, asset.c.id == address.c.asset)
    for root, network, where in connection.execute(places):
        known.by_address.setdefault(where, []).append((network, root))
    t = FACTS["asset"]
    first = select(asset.c.root, func.min(t.c.first)).join(asset, asset.c.id == t.c.subject).group_by(asset.c.root)
    known.since = {root: moment(at) for root, at in connection.execute(first)}
    said = facts.read(connection, vocabulary, "asset", list(known.since), now, ("agency", "role", "sysname"))
    for root, all_ in said.items():
        number = int(root)
        taken = {k: str(f.value) for k, f in facts.take(vocabulary, all_, now).items()}
        if "agency" in taken:
            known.agency[number] = taken["agency"]
        if "role" in taken:
            known.role[number] = taken["role"]
        if name := fold(taken.get("sysname", "")):
            known.name[number] = taken["sysname"]
            for each in {name, name.partition(".")[0]}:
                known.by_name.setdefault(each, set()).add(number)
    register = registers.load(connection)
    known.networks = {n.code: n.agency for n in register.networks}
    for a in register.agencies:
        for text in (a.code, a.title.vi, a.title.en):
            known.agencies.setdefault(plain(text), a.code)
    known.agencies.pop("", None)
    return known


# --- both ways --------------------------------------------------------------------------------------------------------


def reconcile(
    connection: Connection, vocabulary: Vocabulary, at: datetime, console: str | None, agency: str | None
) -> dict[str, list[dict[str, object]]]:
    """As of `at`: `console_only`, machines that a console lists and the inventory does not know; `inventory_only`,
    machines that fresh reports covered and did not list; `not_covered`, machines of which no report tells."""
    t = FACTS["agency"]
    codes = list(connection.scalars(select(t.c.subject).where(t.c.key == KEY).distinct()))
    only: list[dict[str, object]] = []
    for code, said in facts.read(connection, vocabulary, "agency", codes, at, (KEY,)).items():
        rows = facts.table_rows(vocabulary, said, KEY, at)
        only += [
            {"agency": None if code == UNPLACED else code, "machine": f.item, "console": f.source,
             "reported_at": f.observed_at} | (f.value if isinstance(f.value, dict) else {})
            for f in rows
            if console in (None, f.source) and agency in (None, code)
        ]  # fmt: skip
    known = _read_known(connection, vocabulary, at)
    asked = [n for n, role in known.role.items() if role in ASKED and agency in (None, known.agency.get(n))]
    missing: list[dict[str, object]] = []
    silent: list[dict[str, object]] = []
    for number, said in facts.read(connection, vocabulary, "asset", asked, at, ("antivirus_managed",)).items():
        n = int(number)
        fresh = [
            f for f in said if f.proof is Proof.CONSOLE and console in (None, f.source)
            and f.value is not None and not facts.is_stale(vocabulary, f, at)
        ]  # fmt: skip
        row: dict[str, object] = {"agency": known.agency.get(n), "asset": n, "machine": known.name.get(n),
                                  "role": known.role[n]}  # fmt: skip
        if any(f.value for f in fresh):
            continue
        if fresh:
            missing.append(row | {"console": fresh[0].source, "reported_at": fresh[0].observed_at})
        else:
            silent.append(row)
    return {"console_only": only, "inventory_only": missing, "not_covered": silent}
