"""The register's checks: what is declared is taken whole, or refused with every problem that it has."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TypeVar

from inventory import vocabulary
from inventory.register.merge import SHEETS, Declared, SheetChange, key_of, merge_registers, name_of
from inventory.register.periods import Place, Placed, cycles, first_gap, overlaps
from inventory.register.problems import Problem, RegisterError, describe, one_of, period, quoted
from inventory.strict_yaml import closest
from inventory.urls import read_url
from inventory.words import Agency, DeclaredCount, InputError, Level, Link, Network, Register, Title, Website

__all__ = [
    "LINK_KINDS", "PURPOSES", "SHEETS", "Problem", "RegisterError", "SheetChange", "check_register", "describe",
    "merge_registers",
]  # fmt: skip

LINK_KINDS = ("internet", "mtslcd", "wan")
PURPOSES = ("lan", "wan", "data_centre", "dmz")

WIDEST = {4: 8, 6: 32}
"""The shortest prefix of a network by IP version: no agency has more, and a scan of more is a mistake."""
LARGEST_COUNT = 2_000_000_000

A_LEVEL = Title("mã của một cấp", "the code of a level")
AN_AGENCY = Title("mã của một cơ quan", "the code of an agency")
A_LINK = Title("mã của một đường truyền", "the code of a link")
A_URL = Title("địa chỉ dạng https://ten-mien.vn/", "an address such as https://host.name/")

_Row = TypeVar("_Row", Level, Agency, Network, Link, DeclaredCount, Website)


def check_register(
    register: Register, existing: Register | None = None, *, numbers: Mapping[str, Sequence[int]] | None = None
) -> list[Problem]:
    """All that is wrong with `register` once it is merged into `existing`; empty when it may be stored.

    Args:
        register: what is declared. It may be a part, such as networks only: names may be those of `existing`.
        existing: what is stored. A stored row is named as a problem when what is declared would make it wrong.
        numbers: by sheet, the row in its file of each item; without it items are counted from 1.
    """
    check = _Check(register, existing or Register(), numbers or {})
    for place, level in check.rows(Level):
        check.doubled(place, level, "code")
    for place, agency in check.rows(Agency):
        _check_agency(check, place, agency)
    for code, rows in check.periods.items():
        for row, other in overlaps(rows):
            _note_overlap(check, code, row, other)
    for place, codes in cycles(check.periods):
        path = " → ".join(codes)
        expected = Title("cây không có vòng", "a tree without a cycle")
        check.add(place, "parent", Title(path, path), expected)
    for place, network in check.rows(Network):
        _check_network(check, place, network)
    links = dict[str, tuple[Place, Link]]()
    for place, link in check.rows(Link):
        links.setdefault(link.code, (place, link))
        _check_link(check, place, link)
    for place, link in links.values():
        _check_via(check, place, link, links)
    for place, count in check.rows(DeclaredCount):
        _check_count(check, place, count)
    for place, website in check.rows(Website):
        _check_website(check, place, website)
    return sorted(check.problems, key=lambda p: (SHEETS.index(p.sheet), p.row is None, p.row or 0))


@dataclass
class _Check:
    """One check of a register on its way: where its rows stand, and the problems found so far."""

    register: Register
    existing: Register
    numbers: Mapping[str, Sequence[int]]
    problems: list[Problem] = field(default_factory=list)
    periods: dict[str, list[Placed]] = field(default_factory=lambda: defaultdict(list))
    """The rows of each agency's code, by first day."""
    levels: dict[str, Level] = field(default_factory=dict)
    first: dict[tuple[str, Hashable], Place] = field(default_factory=dict)
    """Where each key was declared first."""

    def __post_init__(self) -> None:
        for place, agency in self.rows(Agency):
            self.periods[agency.code].append((place, agency))
        for rows in self.periods.values():
            rows.sort(key=lambda placed: placed[1].valid_from)
        self.levels = {level.code: level for _, level in self.rows(Level)}

    def rows(self, kind: type[_Row]) -> Iterator[tuple[Place, _Row]]:
        """All rows of a sheet: those declared, and those stored that they do not replace."""
        sheet = _SHEET_OF[kind]
        declared: Sequence[_Row] = getattr(self.register, sheet)
        keys = {key_of(item) for item in declared}
        numbers = self.numbers.get(sheet, range(1, len(declared) + 1))
        for number, item in zip(numbers, declared, strict=True):
            yield Place(sheet, number), item
        for item in getattr(self.existing, sheet):
            if key_of(item) not in keys:
                yield Place(sheet, None, name_of(item)), item

    def add(self, place: Place, column: str, found: Title, expected: Title, nearest: str | None = None) -> None:
        """Note a problem."""
        self.problems.append(Problem(place.sheet, place.row, column, found, expected, nearest, place.stored))

    def doubled(self, place: Place, item: Declared, column: str) -> None:
        """Note a row that was declared before in the same register."""
        first = self.first.setdefault((place.sheet, key_of(item)), place)
        if first != place:
            expected = Title(
                f"mỗi mục một lần, đã có ở {first.title.vi}", f"each once, it is already in {first.title.en}"
            )
            self.add(place, column, quoted(name_of(item)), expected)
            self.problems[-1] = replace(self.problems[-1], twice=first.row)

    def known(self, place: Place, column: str, found: str, known: Collection[str], expected: Title) -> bool:
        """Whether a name is one of `known`; noted if not, with the nearest."""
        if found not in known:
            self.add(place, column, quoted(found), expected, closest(found, known))
        return found in known

    def ordered(self, place: Place, item: Agency | Network | Link | Website) -> None:
        """Note a period that ends before it begins."""
        if item.valid_to is not None and item.valid_to < item.valid_from:
            first = period(item.valid_from, None)
            expected = Title(f"ngày không trước ngày bắt đầu ({first.vi})", f"a day not before the first ({first.en})")
            self.add(place, "valid_to", quoted(item.valid_to.isoformat()), expected)


_SHEET_OF: Mapping[type, str] = dict(zip((Level, Agency, Network, Link, DeclaredCount, Website), SHEETS, strict=True))


# --- the sheets ------------------------------------------------------------------------------------------------------


def _check_agency(check: _Check, place: Place, agency: Agency) -> None:
    check.doubled(place, agency, "code")
    check.ordered(place, agency)
    check.known(place, "level", agency.level, check.levels, A_LEVEL)
    if agency.parent is not None:
        _check_parent(check, place, agency, agency.parent)
    elif agency.level in check.levels and check.levels[agency.level].part:
        vi, en = f"cơ quan cha, vì cấp {agency.level} là bộ phận", f"a parent, for the level {agency.level} is a part"
        check.add(place, "parent", quoted(""), Title(vi, en))
    if agency.successor is not None:
        _check_successor(check, place, agency, agency.successor)


def _check_parent(check: _Check, place: Place, agency: Agency, parent: str) -> None:
    if not check.known(place, "parent", parent, check.periods, AN_AGENCY):
        return
    gap = first_gap(agency, [row for _, row in check.periods[parent]])
    if gap is not None:
        whole, lacking = period(agency.valid_from, agency.valid_to), period(*gap)
        check.add(
            place,
            "parent",
            Title(f"“{parent}”, không có hiệu lực {lacking.vi}", f"“{parent}”, which is not valid {lacking.en}"),
            Title(f"cơ quan cha có hiệu lực {whole.vi}, như dòng này", f"a parent valid {whole.en}, as the row is"),
        )


def _check_successor(check: _Check, place: Place, agency: Agency, successor: str) -> None:
    if successor == agency.code:
        check.add(place, "successor", quoted(successor), Title("một cơ quan khác", "another agency"))
    elif check.known(place, "successor", successor, check.periods, AN_AGENCY) and agency.valid_to is None:
        expected = Title("ngày cuối, vì đã nêu cơ quan kế thừa", "the last day, for a successor is named")
        check.add(place, "valid_to", quoted(""), expected)


def _note_overlap(check: _Check, code: str, one: Placed, two: Placed) -> None:
    # What was declared is at fault, not what was stored; and of two declared rows the later.
    other, row = sorted((one, two), key=lambda placed: (placed[0].row is not None, placed[0].row or 0))
    mine, theirs = (period(placed[1].valid_from, placed[1].valid_to) for placed in (row, other))
    check.add(
        row[0],
        "valid_from",
        Title(f"“{code}” {mine.vi}", f"“{code}” {mine.en}"),
        Title(
            f"thời gian không trùng với {other[0].title.vi} ({theirs.vi})",
            f"a period that does not overlap with {other[0].title.en} ({theirs.en})",
        ),
    )


def _check_network(check: _Check, place: Place, network: Network) -> None:
    check.doubled(place, network, "code")
    check.known(place, "agency", network.agency, check.periods, AN_AGENCY)
    check.known(place, "purpose", network.purpose, PURPOSES, one_of(PURPOSES))
    check.ordered(place, network)
    widest = WIDEST[network.prefix.version]
    if network.prefix.prefixlen < widest:
        expected = Title(f"dải không rộng hơn /{widest}", f"a range no wider than /{widest}")
        check.add(place, "prefix", quoted(network.prefix), expected)


def _check_link(check: _Check, place: Place, link: Link) -> None:
    check.doubled(place, link, "code")
    check.known(place, "agency", link.agency, check.periods, AN_AGENCY)
    check.known(place, "kind", link.kind, LINK_KINDS, one_of(LINK_KINDS))
    check.ordered(place, link)
    if link.address is not None and not _is_host(link.address):
        check.add(place, "address", quoted(link.address), Title("địa chỉ IP của một máy", "an IP address of one host"))
    if link.port is not None and not 0 < link.port < 65_536:
        check.add(place, "port", quoted(link.port), Title("số từ 1 đến 65535", "a number from 1 to 65535"))
    if link.contracted_mbps is not None and not 0 < link.contracted_mbps < math.inf:
        check.add(place, "contracted_mbps", quoted(link.contracted_mbps), Title("số dương", "a number above zero"))


def _check_via(check: _Check, place: Place, link: Link, links: Mapping[str, tuple[Place, Link]]) -> None:
    """Note a line through which this one is said to go and that is unknown, not valid as long, or behind it itself."""
    if link.via is None or not check.known(place, "via", link.via, links, A_LINK):
        return
    path, code = [link.code], str(link.via)
    while code in links and code not in path:
        path.append(code)
        code = links[code][1].via or ""
    if code == link.code:
        told = " → ".join([*path, code])
        check.add(place, "via", Title(told, told), Title("đường đi không có vòng", "a way without a loop"))
        return
    other = links[link.via][1]
    lasts = link.valid_to is not None and (other.valid_to is None or link.valid_to <= other.valid_to)
    if other.valid_from > link.valid_from or not (other.valid_to is None or lasts):
        mine, theirs = (period(v.valid_from, v.valid_to) for v in (link, other))
        check.add(
            place,
            "via",
            Title(f"“{link.via}”, có hiệu lực {theirs.vi}", f"“{link.via}”, which is valid {theirs.en}"),
            Title(f"đường có hiệu lực {mine.vi}, như dòng này", f"a line valid {mine.en}, as the row is"),
        )


def _check_count(check: _Check, place: Place, count: DeclaredCount) -> None:
    check.doubled(place, count, "key")
    check.known(place, "agency", count.agency, check.periods, AN_AGENCY)
    keys = [key.name for key in vocabulary.load().of("agency") if key.type == "int"]
    check.known(place, "key", count.key, keys, one_of(keys))
    if not 0 <= count.value <= LARGEST_COUNT:
        expected = Title(f"số từ 0 đến {LARGEST_COUNT}", f"a number from 0 to {LARGEST_COUNT}")
        check.add(place, "value", quoted(count.value), expected)


def _check_website(check: _Check, place: Place, website: Website) -> None:
    check.doubled(place, website, "url")
    check.known(place, "agency", website.agency, check.periods, AN_AGENCY)
    check.ordered(place, website)
    if not _is_url(website.url):
        check.add(place, "url", quoted(website.url), A_URL)


def _is_host(text: str) -> bool:
    """Whether the text is an IP address of one host, told without an interface of ours."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return "%" not in text and not (address.is_multicast or address.is_unspecified)


def _is_url(text: str) -> bool:
    """Whether the text is an http(s) address of a host, without a name and password in it."""
    try:
        read_url(text)
    except InputError:
        return False
    return True
