"""A list of targets for `nmap -iL`: each once, with whose it is as a comment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ListedTarget", "write_targets"]


@dataclass(frozen=True, slots=True)
class ListedTarget:
    """An address or a network of one agency that may be scanned."""

    target: str
    """An IP address, or a network in CIDR form."""
    agency: str
    network: str
    """The network's code."""


def write_targets(targets: Iterable[ListedTarget]) -> str:
    """A line for each address or network, in the order of the targets."""
    lines = dict[str, list[str]]()
    for one in targets:
        # Private ranges are those of several agencies; to nmap they are one.
        lines.setdefault(one.target, []).append(f"{one.agency} {one.network}")
    return "".join(f"{target}  # {', '.join(whose)}\n" for target, whose in lines.items())
