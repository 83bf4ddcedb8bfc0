"""The snapshot as Prometheus metrics: what network administrators chart and are alerted by.

What is not known has no series: a share of nothing, a link that nobody could ask, a collector that never succeeded are
absent, never 0 and never NaN. Counts that are known to be zero are there as 0.

**Budget of series.** One snapshot gives

    59 + 3 x plans + levels + controls + thresholds of controls + 3 x goals + 15 x (goal, level) rows   (plan-wide)
       + 5 x collectors + 9 x schedules
       + 6 x agencies + 13 x links + 3 x (agency, role) pairs + (control, agency, status) tallies    (for each agency)
       + 13 x websites                                                                              (for each website)
       + profiles x networks                                                              (for each network scanned)

at most: 500 agencies with two links, six roles, 20 controls and two statuses each make 45,000, 60 goals at four levels
3,600. Over `SERIES_CAP` whole metrics are left out, those for each agency before any plan-wide one, because half a
metric would give wrong sums; `dophu_series_dropped` says how many series each one lost. /api/v1/ still has them.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from exporters._families import METRICS, family, metrics
from exporters._spool import SpoolState
from inventory.words import Snapshot

__all__ = ["METRICS", "SERIES_CAP", "MetricsPage", "Rendering", "SnapshotCollector", "SpoolState", "export"]

#: No page has more series than this.
SERIES_CAP = 50_000


def export(snapshot: Snapshot, spool: SpoolState | None = None) -> bytes:
    """The snapshot, and what waits for InfluxDB, in the Prometheus text format 0.0.4, UTF-8."""
    return generate_latest(SnapshotCollector(snapshot, spool=spool))


class SnapshotCollector(Collector):
    """A prometheus_client collector over one snapshot; without one, only what concerns the server itself is there."""

    def __init__(self, snapshot: Snapshot | None, cap: int = SERIES_CAP, spool: SpoolState | None = None) -> None:
        self.snapshot = snapshot
        self.cap = cap
        self.spool = spool

    def collect(self) -> Iterator[Metric]:
        """The metrics that fit into the budget, and how many series did not."""
        found = metrics(self.snapshot, self.spool)
        room = self.cap - len(found)
        dropped: dict[tuple[str, ...], float] = {}
        for metric in found:
            size = len(metric.samples)
            fits = size <= room
            ending = {"info": "_info", "counter": "_total"}.get(metric.type, "")
            dropped[(metric.name + ending,)] = 0 if fits else size
            if fits:
                room -= size
                yield metric
        yield family("dophu_series_dropped", dropped)


@dataclass(frozen=True, slots=True)
class Rendering:
    """One answer to a scrape: the body, and the headers that tell its form."""

    body: bytes
    content_type: str
    content_encoding: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers; Vary, because the form follows the request's Accept and Accept-Encoding."""
        headers = {"Content-Type": self.content_type, "Vary": "Accept, Accept-Encoding"}
        if self.content_encoding:
            headers["Content-Encoding"] = self.content_encoding
        return headers


class MetricsPage:
    """What `/metrics` answers: made once for a snapshot, then served from memory."""

    def __init__(self, cap: int = SERIES_CAP) -> None:
        self._cap = cap
        self._snapshot: Snapshot | None = None
        self._spool: SpoolState | None = None
        self._forms = _forms(SnapshotCollector(None))
        self._making = threading.Lock()

    def publish(self, snapshot: Snapshot) -> None:
        """Show `snapshot` from now on; nothing happens if it is the one shown already (the same object).

        Every form of the page is made here, so that no scrape waits; until then scrapes get the page before. It
        computes for 0.1 s in a province and 0.6 s at 37,000 series, so whoever judges calls it from a thread.
        """
        with self._making:
            if snapshot is not self._snapshot:
                self._show(snapshot, self._spool)

    def publish_spool(self, spool: SpoolState) -> None:
        """Show from now on what waits for InfluxDB; what it costs is as with `publish`."""
        with self._making:
            if spool != self._spool:
                self._show(self._snapshot, spool)

    def _show(self, snapshot: Snapshot | None, spool: SpoolState | None) -> None:
        self._forms = _forms(SnapshotCollector(snapshot, self._cap, spool))
        self._snapshot, self._spool = snapshot, spool

    def render(self, accept: str = "", accept_encoding: str = "") -> Rendering:
        """The page in the form that the request's headers Accept and Accept-Encoding ask for.

        Text 0.0.4 unless `accept` names OpenMetrics; gzip if `accept_encoding` names it.
        """
        return self._forms["application/openmetrics-text" in accept, "gzip" in accept_encoding]


def _forms(collector: Collector) -> dict[tuple[bool, bool], Rendering]:
    """Every form of one page, by whether it is OpenMetrics and whether it is compressed."""
    forms: dict[tuple[bool, bool], Rendering] = {}
    bodies: tuple[tuple[bool, bytes, str], ...] = (
        (False, generate_latest(collector), CONTENT_TYPE_PLAIN_0_0_4),
        (
            True,
            openmetrics.generate_latest(collector),  # type: ignore[no-untyped-call]
            openmetrics.CONTENT_TYPE_LATEST,
        ),
    )
    for open_metrics, body, content_type in bodies:
        forms[open_metrics, False] = Rendering(body, content_type)
        forms[open_metrics, True] = Rendering(gzip.compress(body, compresslevel=3, mtime=0), content_type, "gzip")
    return forms
