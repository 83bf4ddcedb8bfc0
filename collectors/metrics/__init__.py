"""What exporters' metrics mean: one module for each exporter, pure functions from samples to facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from collectors.transports.scrape import Metrics, Sample
from inventory.words import Fact, Proof, Value

__all__ = ["Told", "first", "label", "time_of", "value_of"]

SOURCE = "exporter"


@dataclass(slots=True)
class Told:
    """What one page tells of its machine."""

    at: datetime
    """When it was read."""
    facts: list[Fact] = field(default_factory=list)
    identifiers: set[tuple[str, str]] = field(default_factory=set)
    tables_read: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def say(self, values: Mapping[str, Value], *, at: datetime | None = None, proof: Proof = Proof.MEASURED) -> None:
        """States values; None is silence."""
        when = at or self.at
        self.facts += [Fact(k, v, SOURCE, when, proof) for k, v in values.items() if v is not None]

    def say_unknown(self, keys: Iterable[str]) -> None:
        """States that the machine does not know."""
        self.facts += [Fact(key, None, SOURCE, self.at) for key in keys]

    def say_rows(self, key: str, rows: Mapping[str, Value], *, at: datetime | None = None) -> None:
        """States all rows of a table."""
        self.facts += [Fact(key, row, SOURCE, at or self.at, item=item) for item, row in rows.items()]
        self.tables_read.add(key)


def first(metrics: Metrics, name: str) -> Sample | None:
    """The first sample of a metric."""
    return next(iter(metrics.get(name, ())), None)


def value_of(metrics: Metrics, *names: str) -> float | None:
    """The value of the first of these metrics that there is."""
    return next((sample.value for name in names if (sample := first(metrics, name))), None)


def label(metrics: Metrics, metric: str, name: str) -> str | None:
    """A label of a metric that has its meaning in its labels; None where it is empty."""
    sample = first(metrics, metric)
    return " ".join(sample.labels.get(name, "").split()) or None if sample else None


def time_of(seconds: float | None, now: datetime) -> datetime | None:
    """The instant of a Unix time; None for one that is not past, or before 2000."""
    if seconds is None or not 946_684_800 <= seconds <= now.timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC)
