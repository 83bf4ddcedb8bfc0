"""What a plan lacks as text, CSV and a workbook."""

from __future__ import annotations

from collections.abc import Iterable

from api.gaps import LIST_COLUMNS, SUMMARY_COLUMNS, Gaps, Part, listed, summed
from api.sheets import Sheet, csv_text, workbook
from api.speaking import clean
from api.wording import WORDS, clock, percent
from inventory.words import Status


def as_csv(gaps: Gaps, language: str) -> str:
    """The list, one row for each member."""
    return csv_text(_titles(LIST_COLUMNS, language), listed(gaps, language))


def as_workbook(gaps: Gaps, language: str) -> bytes:
    """The figures by goal and level, and the list behind them."""
    words = WORDS[language]
    above = _above(gaps, language)
    return workbook(
        [
            Sheet(words["gaps_summary"], above, _titles(SUMMARY_COLUMNS, language), summed(gaps, language)),
            Sheet(words["gaps_list"], above, _titles(LIST_COLUMNS, language), listed(gaps, language)),
        ]
    )


def as_table(gaps: Gaps, language: str, most: int | None) -> str:
    """The figures and the first `most` members of each goal and level, as text; None for all."""
    words = WORDS[language]
    lines = [*_above(gaps, language), ""]
    goal = None
    for part in gaps.parts:
        if part.goal is not goal:
            goal = part.goal
            lines += [clean_line(goal.title.in_language(language)), f"  {words['cite']}: {goal.cite}"]
        lines += _part(part, language, most)
    if gaps.not_measured:
        titles = "; ".join(goal.title.in_language(language) for goal in gaps.not_measured)
        lines += ["", f"{words['not_measured']} ({len(gaps.not_measured)}): {titles}"]
    return "\n".join(lines) + "\n"


def clean_line(text: str) -> str:
    """Text that neither steers the terminal nor breaks the line."""
    return str(clean(text))


def _part(part: Part, language: str, most: int | None) -> Iterable[str]:
    words, c = WORDS[language], part.coverage
    short = "" if part.short is None else f", {words['short']}: {part.short}"
    yield (
        f"  {part.level_name}: {words['met']} {c.met}/{c.counted}, {words['unmet']} {c.unmet}, "
        f"{words['unknown']} {c.unknown}; {words['target']} {percent(c.target, language)}{short}"
    )
    for lack in part.lacks[:most]:
        what = f"{lack.title} · " if lack.title else ""
        reason = f" · {lack.reason}" if lack.reason else ""
        mark = "×" if lack.status is Status.UNMET else "?"
        since = f"{words['since']} {clock(lack.since, language)}"
        yield clean_line(f"    {mark} {what}{lack.agency_name} ({lack.agency}) · {since}{reason}")
    if most is not None and len(part.lacks) > most:
        yield f"    … +{len(part.lacks) - most}"


def _above(gaps: Gaps, language: str) -> list[str]:
    words = WORDS[language]
    plan = " · ".join(text for text in (gaps.plan.title.in_language(language), gaps.plan.number) if text)
    return [f"{words['gaps']}", plan, f"{words['as_of']} {clock(gaps.at, language)} ({words['zone']})"]


def _titles(columns: Iterable[str], language: str) -> list[str]:
    return [WORDS[language][f"gaps:{name}"] for name in columns]
