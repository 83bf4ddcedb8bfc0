"""What a Linux server's own commands say: one module for each family of systems, pure functions from text to facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collectors.transports.ssh import Said
from inventory.words import Fact, Value

__all__ = ["SOURCE", "Answers", "Told"]

SOURCE = "ssh"

Answers = Mapping[str, Said]
"""What was said, by the name of the command."""


@dataclass(slots=True)
class Told:
    """What a machine tells; `problems` names what it would not or could not."""

    at: datetime
    facts: list[Fact] = field(default_factory=list)
    identifiers: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def say(self, values: Mapping[str, Value], *, at: datetime | None = None) -> None:
        """States values; None is silence."""
        self.facts += [Fact(k, v, SOURCE, at or self.at) for k, v in values.items() if v is not None]

    def say_unknown(self, keys: Iterable[str], why: str) -> None:
        """States that what was asked could not be learnt there."""
        self.facts += [Fact(key, None, SOURCE, self.at) for key in keys]
        self.problems.append(why)
