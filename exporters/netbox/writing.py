"""Settles single objects in NetBox: made where they are missing, changed where they are Dophu's own and differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from inventory.netbox import LostError, NetBoxError, Record, RefusedError

BULK = 100
"""Objects of one request."""
MOST_LOST = 3
"""After so many requests in a row without an answer the rest is not begun."""


class Wire(Protocol):
    """What can list and write the objects of a NetBox; it raises what `inventory.netbox` names."""

    def list_of(self, kind: str, fields: Sequence[str], by: str, values: Sequence[object]) -> list[Record]:
        """The objects of which the filter `by` has one of many values."""
        ...

    def create(self, kind: str, rows: Sequence[Mapping[str, object]]) -> list[Record]:
        """Make objects, all or none; as they are now, in the same order."""
        ...

    def update(self, kind: str, rows: Sequence[Mapping[str, object]]) -> list[Record]:
        """Change objects, all or none."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One object that was made or changed, or would be."""

    kind: str
    name: str
    made: bool
    fields: Mapping[str, tuple[str, str]]
    """By field what it was ("" where it was nothing) and what it is."""
    of: str = ""
    """The device on which it is; empty for what is on none."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Objects of one request that NetBox did not take, or of which it is not known."""

    kind: str
    names: tuple[str, ...]
    """Empty where the kind could not be listed."""
    why: str
    lost: bool = False
    """Whether no answer came: they may be there all the same, which the next push finds out."""


@dataclass(frozen=True, slots=True)
class Left:
    """What was left as it is, and why: one of `LEFT`."""

    kind: str
    name: str
    why: str
    detail: str = ""


KINDS = (
    "extras/tags", "extras/custom-fields", "dcim/manufacturers", "dcim/device-types", "dcim/device-roles",
    "dcim/platforms", "tenancy/tenant-groups", "tenancy/tenants", "dcim/sites", "dcim/devices", "dcim/interfaces",
    "dcim/mac-addresses", "ipam/vrfs", "ipam/ip-addresses", "dcim/cables",
)  # fmt: skip
"""What is written, in this order."""
LEFT = ("not_own", "no_place", "address_not_own", "address_twice", "other_cable", "not_a_port", "waits")


@dataclass(slots=True)
class Pushed:
    """What came of a push."""

    changes: list[Change] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    unchanged: int = 0
    broken_off: bool = False
    """Whether it was stopped, or NetBox answered no more: the rest was not begun."""


@dataclass(slots=True, eq=False)
class Want:
    """One object as it should be."""

    kind: str
    name: str
    """For people."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What it should say, whenever Dophu may say it."""
    first: Mapping[str, object] = field(default_factory=dict)
    """What it says only when it is made."""
    record: Record | None = None
    """What there is; None where it is missing."""
    own: bool = False
    """Whether what there is may be changed."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """How a person reads values that are numbers of other objects, by field; and what comes with it in further ones."""
    of: str = ""
    """The device on which it is."""
    quiet: bool = False
    """Whether it belongs to another one that was told already."""
    was: Record | None = None
    """What there was before an earlier step of this push, for people; None where it is what there is."""
    made: bool = False

    @property
    def title(self) -> str:
        """What it is called in NetBox, where it is there."""
        return str((self.record or {}).get("name") or self.name)

    @property
    def id(self) -> int | None:
        """Its number in NetBox; below zero for one that a dry run would make."""
        return None if self.record is None else int(self.record["id"])


@dataclass
class Writer:
    """One push on its way."""

    wire: Wire
    dry: bool = False
    advance: Callable[[str, int], None] = lambda kind, number: None
    stopped: Callable[[], bool] = lambda: False
    pushed: Pushed = field(default_factory=Pushed)
    lost: int = 0
    refused: set[str] = field(default_factory=set)
    """The kinds and verbs for which the token has no right."""
    _next: int = 0

    def settle(self, wants: Sequence[Want]) -> None:
        """Make and change objects of one kind, `BULK` in a request; what fails is noted and harms no other."""
        missing = [w for w in wants if w.record is None]
        different = []
        for want in wants:
            if want.record is not None and want.own and (changed := _differing(want.record, want.values)):
                different.append((want, changed))
            elif want.record is not None:
                self.pushed.unchanged += not want.quiet
        # First what is there: a name or an address that it gives up may be that of a new one.
        for at in range(0, len(different), BULK):
            self._change(different[at : at + BULK])
        for at in range(0, len(missing), BULK):
            self._make(missing[at : at + BULK])

    def leave(self, kind: str, name: str, why: str, detail: str = "") -> None:
        """Note what is left as it is."""
        self.pushed.left.append(Left(kind, name, why, detail))

    def _make(self, wants: Sequence[Want]) -> None:
        kind = wants[0].kind
        if self.dry:
            for want in wants:
                self._next -= 1
                want.record = {"id": self._next}
        elif not self._send(kind, "create", wants, [{**want.first, **want.values} for want in wants]):
            return
        for want in wants:
            want.made = want.record is not None
            if want.made:
                said = {**want.first, **want.values}
                shown = {k: ("", _say(want, k, v)) for k, v in said.items() if v not in (None, "")}
                shown |= {k: ("", text) for k, text in want.shown.items() if k not in said}
                self._tell(Change(kind, want.name, True, shown, want.of), want)

    def _change(self, wanted: Sequence[tuple[Want, dict[str, object]]]) -> None:
        kind = wanted[0][0].kind
        before = {id(want): want.was or want.record or {} for want, _ in wanted}
        rows = [{"id": want.id, **changed} for want, changed in wanted]
        done = {id(want) for want, _ in wanted}
        if not self.dry:
            sent = [want for want, _ in wanted]
            records = [want.record for want in sent]
            self._send(kind, "update", sent, rows)
            done = {id(w) for w, old in zip(sent, records, strict=True) if w.record is not old}
        for want, changed in wanted:
            if id(want) in done:
                old = before[id(want)]
                fields = {k: (_say(want, k, _current(old, k, v), former=True), _say(want, k, v))
                          for k, v in changed.items()}  # fmt: skip
                self._tell(Change(kind, want.name, False, fields, want.of), want)

    def _tell(self, change: Change, want: Want) -> None:
        if not want.quiet:
            self.pushed.changes.append(change)

    def _send(self, kind: str, verb: str, wants: Sequence[Want], rows: Sequence[Mapping[str, object]]) -> bool:
        """Send one request, and once more without those that NetBox names as bad; whether anything was taken."""
        if self.pushed.broken_off or (self.stopped() or self.lost >= MOST_LOST):
            self.pushed.broken_off = True
            return False
        if (refusal := f"{verb} {kind}") in self.refused:
            self._fail(kind, wants, "the token has no right to this")
            return False
        try:
            answers = getattr(self.wire, verb)(kind, rows)
        except RefusedError as error:
            self.lost = 0
            return self._send_singly(kind, verb, wants, rows, error)
        except LostError as error:
            self.lost += 1
            self._fail(kind, wants, str(error), lost=True)
            return False
        except NetBoxError as error:
            self.refused.add(refusal)
            self._fail(kind, wants, str(error))
            return False
        self.lost = 0
        for want, answer in zip(wants, answers, strict=True):
            want.record = answer
        self.advance(kind, len(wants))
        return True

    def _send_singly(
        self, kind: str, verb: str, wants: Sequence[Want], rows: Sequence[Mapping[str, object]], error: RefusedError
    ) -> bool:
        if len(wants) == 1:
            self._fail(kind, wants, error.rows.get(0) or str(error))
            return False
        # Those that NetBox names are not asked for again.
        rest = [at for at in range(len(wants)) if at not in error.rows]
        named = [at for at in error.rows if 0 <= at < len(wants)]
        for at in named:
            self._fail(kind, [wants[at]], error.rows[at])
        if named:
            # The others were refused only with them: each turn has fewer, so this ends.
            return bool(rest) and self._send(kind, verb, [wants[at] for at in rest], [rows[at] for at in rest])
        taken = [self._send(kind, verb, [wants[at]], [rows[at]]) for at in rest]
        return any(taken)

    def _fail(self, kind: str, wants: Sequence[Want], why: str, *, lost: bool = False) -> None:
        self.pushed.failures.append(Failure(kind, tuple(w.name for w in wants), why, lost))


def _differing(record: Record, values: Mapping[str, object]) -> dict[str, object]:
    """The fields, and of custom fields and tags the single ones, in which a record is not as it should be."""
    changed: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            own = record.get(name) or {}
            if different := {k: v for k, v in value.items() if own.get(k) != v}:
                changed[name] = different
        elif name == "tags" and isinstance(value, list):
            had = [tag["id"] for tag in record.get("tags") or ()]
            if not set(value) <= set(had):
                changed[name] = sorted({*had, *value})
        elif _plain(record.get(name)) != value:
            changed[name] = value
    return changed


_END = {"object_type", "object_id"}


def _plain(value: object) -> object:
    """A field as it would be written: another object by its number, a choice by its value, an end by its port."""
    if isinstance(value, list):
        return [{k: v[k] for k in _END} if isinstance(v, Mapping) and v.keys() >= _END else v for v in value]
    if isinstance(value, Mapping):
        return value["id"] if "id" in value else value.get("value")
    return value


def _current(record: Record, name: str, wanted: object) -> object:
    value = record.get(name)
    if name == "assigned_object_id" and record.get("assigned_object"):
        return [{"object": record["assigned_object"]}]
    if isinstance(wanted, dict):
        own = value if isinstance(value, Mapping) else {}
        return {k: own.get(k) for k in wanted}
    if isinstance(value, Mapping):
        return value.get("display") or value.get("label") or value.get("value")
    return value


def _say(want: Want, name: str, value: object, *, former: bool = False) -> str:
    if name in want.shown and not former and value is not None:
        return want.shown[name]
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items() if v not in (None, ""))
    if isinstance(value, list):
        return ", ".join(_end(v) if isinstance(v, Mapping) else str(v) for v in value)
    return "" if value is None else str(value)


def _end(termination: Mapping[str, Any]) -> str:
    """An end of a cable: "sw-1 Gi1/0/1"."""
    port = termination.get("object")
    if not isinstance(port, Mapping):
        return str(termination.get("object_id"))
    device = port.get("device")
    names = (device.get("name") if isinstance(device, Mapping) else None, port.get("name"))
    return " ".join(str(name) for name in names if name)
