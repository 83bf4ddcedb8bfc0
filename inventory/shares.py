"""Ratio controls: what agencies counted in their periods, summed into met, unmet, declared and unknown. Pure.

A ratio's members are what is counted (documents, meetings), not the agencies. Of an agency that said nothing it is not
known how many there are; it stays in the denominator all the same, with as many as it has in other months, else with as
many as an agency of its level has on average, and with at least one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inventory.periods import Period

__all__ = ["Asked", "Reported", "Share", "add_up", "newest", "out_of"]


@dataclass(frozen=True, slots=True)
class Reported:
    """What one agency counted in one period: `part` of `whole`."""

    agency: str
    period: Period
    part: int
    whole: int
    measured: bool
    """Whether both numbers came from a system; otherwise a person wrote one of them down."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An agency that is asked: as whom it counts, and of which months it has to tell."""

    home: str
    level: str
    months: frozenset[str] = frozenset()


@dataclass(slots=True)
class Share:
    """The members of one agency by status, and where they come from."""

    level: str
    met: int = 0
    unmet: int = 0
    declared: int = 0
    unknown: int = 0
    silent: list[tuple[str, str]] = field(default_factory=list)
    """Code and month of what was not told; the month is empty for numbers that do not add up over months."""
    used: list[Reported] = field(default_factory=list)

    @property
    def known(self) -> int:
        """How many were told of."""
        return self.met + self.unmet + self.declared

    def take(self, row: Reported) -> None:
        """Add what was reported: of what a person wrote down, the part is declared."""
        if row.measured:
            self.met += row.part
        else:
            self.declared += row.part
        self.unmet += row.whole - row.part
        self.used.append(row)


def add_up(asked: Mapping[str, Asked], reported: Iterable[Reported]) -> dict[str, Share]:
    """The shares of all homes, of numbers that add up: each month counts once, measured before declared.

    Of periods that overlap and stand on the same proof the longer is taken: it is told later, and of more.

    Args:
        asked: by code, also those that have to tell of no month and may have told all the same.
        reported: rows of these codes, in the periods of the year.
    """
    shares = _shares(asked)
    by_agency: dict[str, list[Reported]] = {}
    for row in reported:
        by_agency.setdefault(row.agency, []).append(row)
    told: dict[str, int] = {}
    for code, whom in asked.items():
        share, covered = shares[whom.home], set[str]()
        for row in sorted(by_agency.get(code, ()), key=_order):
            if covered.isdisjoint(row.period.months):
                covered.update(row.period.months)
                share.take(row)
        told[whom.home] = told.get(whom.home, 0) + len(covered)
        share.silent += [(code, month) for month in sorted(whom.months - covered)]
    months = {home: share.known / told[home] for home, share in shares.items() if told[home]}
    usual = _by_level(shares, months)
    for home, share in shares.items():
        if share.silent:
            one = months.get(home, usual.get(share.level))
            share.unknown = max(1, math.ceil(one * len(share.silent))) if one is not None else 1
    return shares


def newest(asked: Mapping[str, Asked], reported: Iterable[Reported]) -> dict[str, Share]:
    """The shares of all homes, of numbers that do not add up: the measured before the declared, then the newest."""
    shares = _shares(asked)
    best: dict[str, Reported] = {}
    for row in reported:
        if row.agency not in best or _rank(row) > _rank(best[row.agency]):
            best[row.agency] = row
    for code, whom in asked.items():
        if code in best:
            shares[whom.home].take(best[code])
        elif whom.months:
            shares[whom.home].silent.append((code, ""))
    return _with_unknown(shares)


def out_of(asked: Mapping[str, Asked], bounds: Mapping[str, tuple[int, int | None, int | None]]) -> dict[str, Share]:
    """The shares of numbers beside one that the register holds, such as workstations for officials.

    Args:
        bounds: by home: how many there are at least, at most (None: not known), and of how many (None: not known).
    """
    shares = _shares(asked)
    for home, share in shares.items():
        low, high, whole = bounds.get(home, (0, None, None))
        if whole is None:
            share.silent.append((home, ""))
        else:
            share.met = min(low, whole)
            share.unmet = whole - min(whole if high is None else high, whole)
            share.unknown = whole - share.met - share.unmet
    return _with_unknown(shares)


def _shares(asked: Mapping[str, Asked]) -> dict[str, Share]:
    return {whom.home: Share(whom.level) for whom in asked.values()}


def _with_unknown(shares: dict[str, Share]) -> dict[str, Share]:
    usual = _by_level(shares, {home: float(v.known + v.unknown) for home, v in shares.items() if not v.silent})
    for share in shares.values():
        if share.silent:
            share.unknown = max(1, math.ceil(usual.get(share.level, 1.0))) if not share.used else 1
    return shares


def _by_level(shares: Mapping[str, Share], numbers: Mapping[str, float]) -> dict[str, float]:
    """The average of these homes' numbers by level."""
    levels: dict[str, list[float]] = {}
    for home, number in numbers.items():
        levels.setdefault(shares[home].level, []).append(number)
    return {level: sum(own) / len(own) for level, own in levels.items()}


def _order(row: Reported) -> tuple[bool, int, str]:
    return not row.measured, -len(row.period.months), row.period.text


def _rank(row: Reported) -> tuple[bool, str, int]:
    return row.measured, f"{row.period.last}", len(row.period.months)
