"""One way of writing 200,000 points, in a process of its own: prints seconds, CPU seconds and megabytes as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.metrics import synthetic_snapshot
from inventory.words import Snapshot

POINTS, EACH, BATCH = 200_000, 12_500, 5_000


def snapshots() -> Iterator[Snapshot]:
    """Sixteen snapshots of 12,500 points, five minutes apart."""
    from exporters.influxdb import lines

    whole = synthetic_snapshot()
    over = sum(1 for _ in lines(whole)) - EACH
    # Two tallies, of met and unknown, are one point.
    one = replace(whole, tallies=whole.tallies[2 * over :])
    for number in range(POINTS // EACH):
        yield replace(one, at=one.at + timedelta(minutes=5 * number))


def write_ours(url: str, folder: Path) -> float:
    """Through the exporter: lines made, kept on disk, checked, sent; with the server away they stay there."""
    from exporters._influx_delivery import Delivery, Server
    from exporters._spool import Spool

    given = snapshots()
    delivery = Delivery(Server(url, "tinh", "dophu", "token"), Spool(folder, 256_000_000), BATCH)
    began = time.perf_counter()
    for snapshot in given:
        delivery.keep(snapshot)
        delivery.deliver()
    took = time.perf_counter() - began
    tally, waiting = delivery.spool.tally(), sum(one.points for one in delivery.spool.waiting())
    if (tally.points, waiting) not in ((POINTS, 0), (0, POINTS)):
        raise SystemExit(f"found {tally.points} points sent and {waiting} waiting, expected {POINTS} of either")
    return took


def write_bare(url: str, kind: str) -> float:
    """Through influxdb-client's batching WriteApi alone, from lines that are there already or from its own points."""
    from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision

    from exporters.influxdb import lines

    made = [line for snapshot in snapshots() for line in lines(snapshot)]
    parts = [_parts(line) for line in made] if kind == "points" else []
    failed: list[object] = []
    began = time.perf_counter()
    with (
        InfluxDBClient(url, "token", org="tinh") as client,
        client.write_api(WriteOptions(batch_size=BATCH), error_callback=lambda *why: failed.append(why[-1])) as api,
    ):
        if kind == "lines":
            api.write("dophu", record=made, write_precision=WritePrecision.MS)
        for name, tags, values, at in parts:
            point = Point(name).time(at, WritePrecision.MS)
            for tag, value in tags:
                point.tag(tag, value)
            for field, number in values:
                point.field(field, number)
            api.write("dophu", record=point)
    took = time.perf_counter() - began
    if failed:
        raise SystemExit(f"not written: {failed[0]}")
    return took


Parts = tuple[str, list[tuple[str, str]], list[tuple[str, float]], int]


def _parts(line: str) -> Parts:
    series, values, at = line.split(" ")
    name, *tags = series.split(",")
    numbers = [tuple(value.split("=")) for value in values.split(",")]
    named = [(name, int(text[:-1]) if text.endswith("i") else float(text)) for name, text in numbers]
    return name, [(tag.split("=")[0], tag.split("=")[1]) for tag in tags], named, int(at)


def _most_memory() -> float:
    """The most that this process ever held, in megabytes; getrusage would tell its parent's."""
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(found.split()[1]) / 1024


def main() -> None:
    """KIND (ours, lines, points, nothing), the server's address, a folder for the spool."""
    kind, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    before = time.process_time()
    took = write_ours(url, folder) if kind == "ours" else 0.0 if kind == "nothing" else write_bare(url, kind)
    print(
        json.dumps(
            {
                "seconds": took,
                "cpu": time.process_time() - before,
                "megabytes": _most_memory(),
            }
        )
    )


if __name__ == "__main__":
    main()
