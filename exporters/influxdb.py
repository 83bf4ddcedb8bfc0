"""The snapshot as points of InfluxDB, in its line protocol: what is charted over years, beside Prometheus's weeks.

Every point of a snapshot has the snapshot's time, in milliseconds, and tags that follow from what it is about alone. A
point that is written twice is therefore the same point: what was not acknowledged is sent again without harm.

Values are numbers and never texts, so that VictoriaMetrics takes them as well; counts are integers, all else is float.
What is not known has no field, and a point without a field is none. A status is a field and not a tag: a series goes on
when an answer changes, and a point has all answers, those that nobody has being 0.

**Tags are bounded** by what is declared or found, whatever happens on the network: plans x goals x levels, controls x
agencies, links, websites, agencies x roles, power devices, collectors. No name, address or reason is a tag.

Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from inventory.words import Coverage, CoverageStatus, LinkState, Snapshot, Status, WebsiteState

__all__ = ["MEASUREMENTS", "export", "lines"]

#: Every measurement: its tags and its fields.
MEASUREMENTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "dophu_coverage": (
        ("plan", "goal", "level"),
        ("proven", "possible", "target", "reached", *(s.value for s in Status)),
    ),
    "dophu_findings": (("control", "agency", "level"), tuple(s.value for s in Status)),
    "dophu_assets": (("agency", "role"), ("answering", "silent", "unknown")),
    "dophu_link": (
        ("link", "agency", "kind"),
        ("up", "degraded", "loss", "round_trip", "round_trip_p95", "round_trip_p99", "jitter", "utilisation",
         "availability", "maintenance"),
    ),
    "dophu_website": (("url", "agency"), ("up", "response", "http_status", "certificate_days")),
    "dophu_power": (("asset", "agency"), ("on_battery", "battery_charge", "battery_runtime", "load")),
    "dophu_collector": (("collector",), ("targets", "failed", "duration")),
}  # fmt: skip

_DAY = 86_400
_ANSWERS = ("yes", "no", "unknown")
"""The answers of `AssetTally`, as the fields of dophu_assets stand."""
_STATUSES = tuple(Status)
_SPECIAL = re.compile(r"([,= ])")

Values = Mapping[str, float | int | bool | None]


def export(snapshot: Snapshot) -> bytes:
    """The whole snapshot in line protocol, UTF-8, times in milliseconds."""
    return "".join(f"{line}\n" for line in lines(snapshot)).encode()


def lines(snapshot: Snapshot) -> Iterator[str]:
    """Every point of a snapshot, a line each without its end; the same snapshot always gives the same lines."""
    time = round(snapshot.at.timestamp() * 1000)
    yield from (f"{series} {counts} {time}" for series, counts in _tallied(snapshot))
    for series, values in _measured(snapshot):
        fields = ",".join(f"{name}={_number(value)}" for name, value in values.items() if value is not None)
        if fields:
            yield f"{series} {fields} {time}"


def _series(measurement: str, *tags: str) -> str:
    """A measurement with its tags; one that is empty is left out, as the protocol asks."""
    names = MEASUREMENTS[measurement][0]
    return measurement + "".join(
        [f",{name}={_escape(tag)}" for name, tag in zip(names, tags, strict=True) if tag]  # a list is quicker
    )


def _tallied(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """The points that are counts alone, most of all: their series and fields."""
    for measurement, found in (("dophu_findings", _findings(snapshot)), ("dophu_assets", _assets(snapshot))):
        form = ",".join(f"{name}={{}}i" for name in MEASUREMENTS[measurement][1])
        for tags, counts in found.items():
            yield _series(measurement, *tags), form.format(*counts)


def _findings(snapshot: Snapshot) -> dict[tuple[str, str, str], list[int]]:
    """Members by control, agency and level: how many have each status."""
    place = {status: number for number, status in enumerate(_STATUSES)}
    found: dict[tuple[str, str, str], list[int]] = {}
    for tally in snapshot.tallies:
        key = (tally.control, tally.agency, tally.level)
        if (own := found.get(key)) is None:
            own = found[key] = [0] * len(_STATUSES)
        own[place[tally.status]] += tally.members
    return found


def _assets(snapshot: Snapshot) -> dict[tuple[str, str], list[int]]:
    """Assets by agency and role: how many give each answer."""
    found: dict[tuple[str, str], list[int]] = {}
    for tally in snapshot.assets:
        # The two other answers are known to be none, which is a 0 and not a silence.
        own = found.setdefault((tally.agency, tally.role), [0, 0, 0])
        own[_ANSWERS.index(tally.answering)] += tally.assets
    return found


def _measured(snapshot: Snapshot) -> Iterator[tuple[str, Values]]:
    """All other points: their series, and their fields with those that are not known."""
    for row in snapshot.coverage:
        if row.measured:
            yield _series("dophu_coverage", row.plan, row.goal, row.level), _coverage(row)
    for link in snapshot.links:
        yield _series("dophu_link", link.link, link.agency, link.kind), _link(link)
    for site in snapshot.websites:
        yield _series("dophu_website", site.url, site.agency), _website(site, snapshot)
    for device in snapshot.power:
        names = MEASUREMENTS["dophu_power"][1]
        yield (
            _series("dophu_power", str(device.asset), device.agency),
            {name: getattr(device, name) for name in names},
        )
    for state in snapshot.collectors:
        values = {"targets": state.targets, "failed": state.failed, "duration": float(state.duration_seconds)}
        yield _series("dophu_collector", state.collector), values


def _coverage(row: Coverage) -> Values:
    decided = row.status not in (CoverageStatus.NO_TARGET, CoverageStatus.NOT_MEASURED)
    return {
        "proven": row.proven,
        "possible": row.possible,
        "target": _float(row.target),
        "reached": row.status is CoverageStatus.REACHED if decided else None,
        **{status.value: int(getattr(row, status.value)) for status in _STATUSES},
    }


def _link(link: LinkState) -> Values:
    known = link.state != "unknown"
    figures = ("loss", "round_trip", "round_trip_p95", "round_trip_p99", "jitter", "utilisation", "availability")
    return {
        "up": link.state != "down" if known else None,
        "degraded": link.state == "degraded" if known else None,
        **{name: _float(getattr(link, name)) for name in figures},
        "maintenance": link.maintenance,
    }


def _website(site: WebsiteState, snapshot: Snapshot) -> Values:
    expires = site.certificate_expires
    return {
        "up": None if site.state == "unknown" else site.state == "up",
        "response": _float(site.response_seconds),
        "http_status": site.http_status,
        "certificate_days": (expires - snapshot.at).total_seconds() / _DAY if expires else None,
    }


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _number(value: float) -> str:
    """A field's value: 1i, or 0.5; whether something holds is 1i or 0i."""
    return f"{int(value)}i" if isinstance(value, int) else repr(value)


@lru_cache(maxsize=65_536)
def _escape(tag: str) -> str:
    """A tag's value: no line can be broken, nor the next sign swallowed, by what it holds."""
    plain = tag if tag.isprintable() else "".join(c if c.isprintable() else "?" for c in tag)
    return _SPECIAL.sub(r"\\\1", plain.replace("\\", "/"))
