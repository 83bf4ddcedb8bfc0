"""The words of what is known of makers: vendors, their systems, where to read what, and which role follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collectors.vendors.load_traps import TrapRule
from collectors.vendors.names import AGENTS, Names

FIELDS = ("vendor", "os_name", "model", "version", "serial")
"""What can be read of a device."""

ENTERPRISES = "1.3.6.1.4.1"

TAKES = ("sum", "mean", "max", "min", "count", "first")
"""What can be made of the rows of a column; `first` is the first row with a value, `count` how many there are."""

FORMS = ("mac", "date", "seconds")
"""Cells as hardware addresses, DateAndTime (RFC 2579) as a date, and Unix seconds as a date."""

#: Columns of entPhysicalTable (RFC 6933).
ENTITY = {"descr": 2, "name": 7, "hardware": 8, "firmware": 9, "software": 10, "serial": 11, "maker": 12, "model": 13}


@dataclass(frozen=True, slots=True)
class Read:
    """One place to read from."""

    source: str
    """oid, column, entity, descr, name, object or text."""
    at: str = ""
    """The OID of `oid` and `column`, the column's name of `entity`, the text of `text`."""
    gives: str | None = None
    """The field that the whole value, or the pattern's first group, is."""
    pattern: re.Pattern[str] | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    told: str = "{}"

    def tell(self, value: str) -> str:
        """What was found, in the words that people use."""
        return self.told.replace("{}", value if self.source == "object" else self.values.get(value, value))


@dataclass(frozen=True, slots=True)
class RoleRule:
    """A role, and the conditions that must all hold for it."""

    role: str
    objects: tuple[str, ...] = ()
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By what they are looked for in: descr, model, name or version."""
    says: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By OID: objects that exist and whose values fit."""
    unless: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By OID: objects of which none may fit."""


@dataclass(frozen=True, slots=True)
class ValueRead:
    """One fact of the vocabulary beyond FIELDS, and where it stands."""

    key: str
    at: str
    """The OID of one object, or of a column where `take` says what is made of its rows."""
    take: str = ""
    """One of TAKES for a column; empty for one object."""
    times: float = 1
    when: re.Pattern[str] | None = None
    """For yes or no: what the value says when it is yes."""
    unknown: re.Pattern[str] | None = None
    """What the value says when the device does not know."""
    values: Mapping[str, str] = field(default_factory=dict)
    divide: str = ""
    """The OID of the object by which the number is divided, such as what is used by what there is."""


@dataclass(frozen=True, slots=True)
class TableRead:
    """The rows of a table fact, and where its columns stand."""

    key: str
    columns: Mapping[str, str]
    """The OID of each column by the cell that it fills; `name` is the row's name. The first one makes the rows."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Cells that are the same in every row."""
    times: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the values of a cell are called."""
    forms: Mapping[str, str] = field(default_factory=dict)
    """One of FORMS for cells that are neither numbers nor text."""
    where: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By cell: what its value, as the device gives it, must be for the row to count."""
    multiply: Mapping[str, str] = field(default_factory=dict)
    """By cell: another cell of the row by which it is multiplied, such as blocks by their size."""
    divide: Mapping[str, str] = field(default_factory=dict)
    """By cell: another cell of the row by which it is divided."""
    split: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    """By cell: patterns whose groups are cells; the first that its text fits takes it apart."""
    long: bool = False
    """Whether it is read seldom, because it is long and changes little."""


@dataclass(frozen=True, slots=True)
class System:
    """A kind of software that a device runs: how it is recognised, and what is read from it."""

    vendor: str
    """The vendor's title; empty in `_any.yaml`."""
    os: str | None = None
    objects: tuple[str, ...] = ()
    """sysObjectID subtrees; empty for any."""
    descr: re.Pattern[str] | None = None
    present: tuple[str, ...] = ()
    says: re.Pattern[str] | None = None
    role: str | None = None
    roles: tuple[RoleRule, ...] = ()
    reads: tuple[Read, ...] = ()
    values: tuple[ValueRead, ...] = ()
    tables: tuple[TableRead, ...] = ()
    file: str = ""
    """Where it stands, such as vendors/fortinet.yaml."""
    vlans: str | None = None
    """The column of its VLANs, where each has a forwarding table of its own."""

    def fits(self, object_id: str, descr: str, *, named: bool = False) -> bool:
        """Whether sysObjectID and sysDescr allow it; what must be present is for the caller to ask the device.

        Without a sysObjectID the words of sysDescr must do, or that the vendor is `named` there: his name alone proves
        what holds for all of his devices.
        """
        if object_id:
            if self.objects and below(object_id, self.objects) == 0:
                return False
        elif self.objects and self.descr is None:
            return named and all(tree.count(".") == ENTERPRISES.count(".") + 1 for tree in self.objects)
        return self.descr is None or self.descr.search(descr) is not None


MOST_FITTING = 4_096
"""Kinds of devices, by their own words, for which it is kept which systems may run on them."""


@dataclass(frozen=True, slots=True)
class Banner:
    """What a server's own words say: the pattern's named groups are FIELDS."""

    pattern: re.Pattern[str]
    role: str | None = None
    vendor: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Vendor:
    """One maker and its devices."""

    id: str
    title: str
    enterprises: tuple[int, ...] = ()
    role: str | None = None
    systems: tuple[System, ...] = ()
    sip: tuple[Banner, ...] = ()
    http: tuple[Banner, ...] = ()
    traps: tuple[TrapRule, ...] = ()

    @property
    def file(self) -> str:
        """Where it stands."""
        return f"vendors/{self.id}.yaml"

    @property
    def subtrees(self) -> tuple[str, ...]:
        """The sysObjectID subtrees that are the vendor's own."""
        return tuple(f"{ENTERPRISES}.{number}" for number in self.enterprises)


@dataclass(frozen=True, slots=True)
class Fitting:
    """What sysObjectID and sysDescr alone tell of a device."""

    named: str | None
    """The maker that sysDescr names, where there is no sysObjectID."""
    own: tuple[Vendor, ...]
    """The vendors whose device it is."""
    systems: tuple[tuple[Vendor, tuple[System, ...]], ...]
    """Those that may run on it, by vendor; a vendor without any is left out."""
    general: tuple[System, ...]
    """Those of `_any.yaml` that may."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that the folder says."""

    vendors: tuple[Vendor, ...]
    general: Vendor
    """`_any.yaml`."""
    enterprises: Mapping[int, tuple[str, str | None]]
    """Title and, where all its devices are of one kind, role, by private enterprise number."""
    names: Names = field(default_factory=Names)
    _fitting: dict[tuple[str, str], Fitting] = field(default_factory=dict, repr=False, compare=False)
    """By sysObjectID and sysDescr: a network has hundreds of devices and dozens of kinds of them."""

    def fitting(self, object_id: str, descr: str) -> Fitting:
        """What these two allow; kept, because all patterns of all vendors are tried for it."""
        found = self._fitting.get((object_id, descr))
        if found is None:
            if len(self._fitting) >= MOST_FITTING:
                self._fitting.clear()
            found = self._fitting[object_id, descr] = self._fit(object_id, descr)
        return found

    def _fit(self, object_id: str, descr: str) -> Fitting:
        named = None if object_id else self.named_in(descr)
        own = tuple(
            v
            for v in self.vendors
            if below(object_id, v.subtrees) or (named and v.title.casefold() == named.casefold())
        )
        # What tells a vendor's own systems apart is proof of nothing on a device that has no sysObjectID.
        systems = (
            (
                v,
                tuple(
                    s
                    for s in v.systems
                    if (object_id or v in own or not s.objects) and s.fits(object_id, descr, named=v in own)
                ),
            )
            for v in self.vendors
        )
        general = tuple(s for s in self.general.systems if s.fits(object_id, descr))
        return Fitting(named, own, tuple(each for each in systems if each[1]), general)

    def vendor_of(self, object_id: str) -> tuple[str, str | None] | None:
        """The title and usual role of the maker in whose subtree a sysObjectID is."""
        number = enterprise_of(object_id)
        if number is None or number in AGENTS:
            return None
        name = self.names.of_number(number) if number not in self.enterprises else None
        return (name, None) if name else self.enterprises.get(number)

    def named_in(self, text: str) -> str | None:
        """The maker that a text names."""
        return self.names.found_in(text)


def enterprise_of(object_id: str) -> int | None:
    """The private enterprise number of a sysObjectID."""
    if not object_id.startswith(f"{ENTERPRISES}."):
        return None
    number = object_id.split(".")[6]
    return int(number) if number.isdecimal() else None


def below(oid: str, subtrees: Iterable[str]) -> int:
    """The length of the longest of `subtrees` that `oid` is at or below; 0 when it is below none."""
    dotted, longest = oid + ".", 0
    for tree in subtrees:
        if dotted.startswith(tree) and dotted.startswith(tree + "."):
            longest = max(longest, tree.count(".") + 1)
    return longest
