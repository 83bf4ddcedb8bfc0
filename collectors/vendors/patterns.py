"""Tells regular expressions that may take for ever from those that take their time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

_MANY = 20
"""A repeat that may go on for longer than this is taken for one without end."""
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d*,)")


def is_endless(pattern: str) -> bool:
    """Whether a repeat in the pattern can split one text in ever more ways, as (a+)+ and (\\w+-?)* can.

    On a text that nearly fits, Python's re tries them all. re.error where the pattern is none.
    """
    # Few patterns have a repeated group; only those are worth a second look.
    return _REPEATED_GROUP.search(pattern) is not None and _has_endless(_parser.parse(pattern))


def _has_endless(items: Iterable[Any]) -> bool:
    for kind, arguments in items:
        if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            _, most, body = arguments
            if (most > _MANY and _repeats_alone(list(body))) or _has_endless(body):
                return True
        elif any(_has_endless(body) for body in _bodies(kind, arguments)):
            return True
    return False


def _repeats_alone(items: list[Any]) -> bool:
    """Whether something without end stands in a body beside nothing that has to be there."""
    for at, (kind, arguments) in enumerate(items):
        if any(_least(other) for other in items[:at] + items[at + 1 :]):
            continue
        if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            _, most, body = arguments
            if most > _MANY or _repeats_alone(list(body)):
                return True
        elif any(_repeats_alone(list(body)) for body in _bodies(kind, arguments)):
            return True
    return False


def _bodies(kind: Any, arguments: Any) -> list[Any]:
    """What stands inside a group, the branches of an alternative, or a look ahead or behind."""
    if kind is _constants.SUBPATTERN:
        return [arguments[-1]]
    if kind is _constants.BRANCH:
        return list(arguments[1])
    return [arguments[1]] if kind in (_constants.ASSERT, _constants.ASSERT_NOT) else []


def _least(item: Any) -> int:
    """How many characters an item takes at least."""
    return int(_parser.SubPattern(_parser.State(), [item]).getwidth()[0])
