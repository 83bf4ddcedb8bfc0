"""From the words of a snapshot to the metrics that Prometheus reads: their names, labels, HELP and values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from exporters._spool import SpoolState
from inventory.words import ALL_LEVELS, Coverage, CoverageStatus, Level, Outcome, Snapshot, Status, Title

#: Where plans are written: a due date ends when its day ends there.
PLAN_TIME = ZoneInfo("Asia/Ho_Chi_Minh")

#: Values of one metric by the values of its labels, in their order.
Samples = Mapping[tuple[str, ...], float]

_TABLE = """
dophu_build_info{version} The version of Dophu that made this page.
dophu_snapshot_timestamp_seconds{} When the snapshot was judged.
dophu_influxdb_waiting_snapshots{} Snapshots on disk that InfluxDB has not taken; absent where none is set up.
dophu_influxdb_last_success_timestamp_seconds{} When InfluxDB last took a snapshot whole; absent if never.
dophu_influxdb_dropped_points_total{} Points that were left out for want of room on the disk.
dophu_influxdb_refused_points_total{} Points that InfluxDB refused.
dophu_collector_last_run_timestamp_seconds{collector} When the collector's newest run ended, failed or not.
dophu_collector_last_success_timestamp_seconds{collector} When a target was last read to the end; absent if never.
dophu_collector_run_duration_seconds{collector} Longest run of one target in the newest round.
dophu_collector_targets{collector} Targets looked at in the last 24 hours.
dophu_collector_targets_failed{collector} Targets whose newest run has an error.
dophu_plan_info{plan title_vi title_en number} A plan's title and number.
dophu_snapshot_sealed_timestamp_seconds{plan} When figures of the plan were sealed last; absent if never.
dophu_snapshot_sealed_as_of_timestamp_seconds{plan} Of when the figures are that were sealed last; absent if none.
dophu_control_info{control title_vi title_en population severity} Title, population, and severity of not meeting it.
dophu_control_threshold{control parameter} A number that a control's condition names, as it is set.
dophu_level_info{level title_vi title_en rank} An administrative level's title and rank; "all" is all of them.
dophu_schedule_last_success_timestamp_seconds{schedule kind} When a turn was last done; absent if never.
dophu_schedule_next_timestamp_seconds{schedule kind} When the next turn is to begin; absent while none will.
dophu_schedule_outcome{schedule kind outcome} What became of the newest turn that ended: 1 for it, 0 for the others.
dophu_schedule_running{schedule kind} Whether its job is being done: 1 or 0.
dophu_schedule_paused{schedule kind} Whether it is paused: 1 or 0.
dophu_goal_info{plan goal title_vi title_en statement control} A goal's title, the plan's statement, and its control.
dophu_goal_measured{plan goal} Whether anything measures the goal: 0 when no control does or nobody is there to ask.
dophu_goal_due_timestamp_seconds{plan goal} Last second of the due day (UTC+7); absent if the goal has no date.
dophu_coverage_proven_ratio{plan goal level} Proven share of those counted (0-1); absent where nothing counts.
dophu_coverage_possible_ratio{plan goal level} Share if every unknown were met (0-1); absent where nothing counts.
dophu_coverage_target_ratio{plan goal level} Share that the plan sets (0-1); absent if it sets none.
dophu_coverage_status{plan goal level status} Where the figure stands: 1 for the status that holds, 0 for the others.
dophu_coverage_members{plan goal level status} Members by status of their finding; absent where nothing measures.
dophu_agency_info{agency name_vi name_en level parent} A declared agency's names, level and parent.
dophu_link_up{link agency kind} Whether the link answered, degraded or not: 1 or 0; absent while that is unknown.
dophu_link_state{link agency kind state} What is known of the link: 1 for the state that holds, 0 for the others.
dophu_link_loss_ratio{link agency kind} Share of probes that were not answered (0-1); absent while unknown.
dophu_link_round_trip_seconds{link agency kind percentile} Round trips of the last minutes: percentiles 50, 95, 99.
dophu_link_jitter_seconds{link agency kind} Mean difference between successive round trips.
dophu_link_utilisation_ratio{link agency kind} Share of the contracted rate that is in use.
dophu_link_availability_ratio{link agency kind} This month so far (UTC+7): up / (up + down) by time, no maintenance.
dophu_link_maintenance{link agency kind} Whether the link is under maintenance: 1 or 0.
dophu_website_info{url agency title} A declared website's agency and title.
dophu_website_up{url agency} Whether the website answered: 1 or 0; absent while that is unknown.
dophu_website_state{url agency state} What is known of the website: 1 for the state that holds, 0 for the others.
dophu_website_http_status_code{url agency} The status of its newest answer (RFC 9110); absent if there is none.
dophu_website_response_seconds{url agency} From connecting to the end of the page; absent if there is none.
dophu_website_https_only{url agency} Whether all is served over HTTPS: 1 or 0; absent while that is unknown.
dophu_website_certificate_valid{url agency} Whether the certificate is valid: 1 or 0; absent while that is unknown.
dophu_website_certificate_expiry_timestamp_seconds{url agency} When the certificate expires; absent without one.
dophu_website_tls_old{url agency} Whether it agrees to TLS 1.0 or 1.1: 1 or 0; absent while that is unknown.
dophu_website_ipv6_up{url agency} Whether it answered over IPv6: 1 or 0; absent while that is unknown.
dophu_website_content_timestamp_seconds{url agency} The date of its newest content; absent if it tells none.
dophu_assets{agency role answering} Assets by role and by whether they answer (yes, no, unknown).
dophu_vc_devices_up{agency role} Video-conference devices that answer, by role (vc_endpoint, mcu).
dophu_vc_calls{agency} Calls that go on in the agency's rooms; absent where no room tells.
dophu_meetings_online_ratio{agency} Share of meetings held online, newest period told; absent where nobody told.
dophu_scan_complete_timestamp_seconds{network agency profile} When it was last scanned to its end; absent if never.
dophu_backup_oldest_timestamp_seconds{agency} Last good backup of the system whose one is the oldest.
dophu_findings{control agency level status} Members of an agency by the status of a control's finding.
dophu_series_dropped{metric} Series left out of this page because it has a budget.
"""

#: Every metric: its labels and its HELP, in the order in which they are kept when the budget is short.
METRICS: Mapping[str, tuple[tuple[str, ...], str]] = {
    name: (tuple(labels.split()), documentation)
    for name, labels, documentation in re.findall(r"(\w+)\{(.*?)\} (.+)", _TABLE)
}

_ALL = Level(ALL_LEVELS, Title("Tất cả các cấp", "All levels"), 0)
_VIDEO_ROLES = ("vc_endpoint", "mcu")
_OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.RUNNING)
_ANSWERING = ("yes", "no", "unknown")
_LINK_STATES = ("up", "degraded", "down", "unknown")
_PERCENTILES = {"50": "round_trip", "95": "round_trip_p95", "99": "round_trip_p99"}
_WEBSITE_STATES = ("up", "down", "unknown")


def metrics(snapshot: Snapshot | None, spool: SpoolState | None = None) -> list[Metric]:
    """Every metric of a snapshot but `dophu_series_dropped`, in the order of METRICS; of none yet, those of the server.

    Args:
        spool: what waits for InfluxDB; None where none is set up.
    """
    own = {**_build(), **_influxdb(spool)}
    if snapshot is None:
        return [family(name, own[name]) for name in METRICS if name in own]
    values: dict[str, Samples] = {
        **own,
        "dophu_snapshot_timestamp_seconds": {(): snapshot.at.timestamp()},
        **_titles(snapshot),
        "dophu_snapshot_sealed_timestamp_seconds": {(s.plan,): s.sealed.timestamp() for s in snapshot.seals},
        "dophu_snapshot_sealed_as_of_timestamp_seconds": {(s.plan,): s.as_of.timestamp() for s in snapshot.seals},
        **_collectors(snapshot),
        **_schedules(snapshot),
        **_goals(snapshot),
        **_coverage(_rows(snapshot)),
        **_links(snapshot),
        **_websites(snapshot),
        "dophu_assets": _assets(snapshot),
        **_video(snapshot),
        "dophu_scan_complete_timestamp_seconds": {
            (s.network, s.agency, s.profile): s.completed.timestamp() for s in snapshot.scans
        },
        "dophu_backup_oldest_timestamp_seconds": _backups(snapshot),
        "dophu_findings": _findings(snapshot),
    }
    return [family(name, values[name]) for name in METRICS if name in values]


def _build() -> dict[str, Samples]:
    try:
        installed = version("dophu")
    except PackageNotFoundError:
        installed = "unknown"
    return {"dophu_build_info": {(installed,): 1}}


def _influxdb(spool: SpoolState | None) -> dict[str, Samples]:
    if spool is None:
        return {}
    last = spool.last_success
    return {
        "dophu_influxdb_waiting_snapshots": {(): spool.waiting},
        "dophu_influxdb_last_success_timestamp_seconds": {(): last.timestamp()} if last else {},
        "dophu_influxdb_dropped_points_total": {(): spool.dropped_points},
        "dophu_influxdb_refused_points_total": {(): spool.refused_points},
    }


def _titles(snapshot: Snapshot) -> dict[str, Samples]:
    """The names of what the other metrics call by id, for joins."""
    day = snapshot.at.astimezone(PLAN_TIME).date()
    goals = [(plan.id, goal) for plan in snapshot.plans for goal in plan.goals]
    # By code, so that no code has two names at once.
    agencies = {a.code: a for a in snapshot.agencies if a.valid_on(day)}.values()
    return {
        "dophu_plan_info": {(p.id, p.title.vi, p.title.en, p.number): 1 for p in snapshot.plans},
        "dophu_level_info": {(v.code, v.title.vi, v.title.en, str(v.rank)): 1 for v in (_ALL, *snapshot.levels)},
        "dophu_control_info": {
            (c.id, c.title.vi, c.title.en, c.population, c.severity): 1 for c in snapshot.controls if c.goal is None
        },
        "dophu_control_threshold": {
            (c.id, name): float(number)
            for c in snapshot.controls
            for name, number in c.parameters.items()
            if not isinstance(number, str)
        },
        "dophu_goal_info": {(p, g.id, g.title.vi, g.title.en, g.statement, g.control or ""): 1 for p, g in goals},
        "dophu_agency_info": {(a.code, a.title.vi, a.title.en, a.level, a.parent or ""): 1 for a in agencies},
    }


def _collectors(snapshot: Snapshot) -> dict[str, Samples]:
    states = {(c.collector,): c for c in snapshot.collectors}
    told: dict[str, Samples] = {
        "last_run_timestamp_seconds": {k: c.last_run.timestamp() for k, c in states.items()},
        "last_success_timestamp_seconds": {
            k: c.last_success.timestamp() for k, c in states.items() if c.last_success is not None
        },
        "run_duration_seconds": {k: c.duration_seconds for k, c in states.items()},
        "targets": {k: c.targets for k, c in states.items()},
        "targets_failed": {k: c.failed for k, c in states.items()},
    }
    return {f"dophu_collector_{name}": values for name, values in told.items()}


def _schedules(snapshot: Snapshot) -> dict[str, Samples]:
    # Prometheus itself gives every series a label `job`.
    states = {(s.schedule, s.job): s for s in snapshot.schedules}
    return {
        "dophu_schedule_last_success_timestamp_seconds": {
            key: s.last_success.timestamp() for key, s in states.items() if s.last_success is not None
        },
        "dophu_schedule_next_timestamp_seconds": {
            key: s.next_at.timestamp() for key, s in states.items() if s.next_at is not None
        },
        "dophu_schedule_outcome": {
            (*key, o.value): float(o is s.outcome) for key, s in states.items() if s.outcome for o in _OUTCOMES
        },
        "dophu_schedule_running": {key: float(s.running) for key, s in states.items()},
        "dophu_schedule_paused": {key: float(s.paused) for key, s in states.items()},
    }


def _goals(snapshot: Snapshot) -> dict[str, Samples]:
    goals = {(plan.id, goal.id): goal for plan in snapshot.plans for goal in plan.goals}
    measured = {(row.plan, row.goal) for row in snapshot.coverage if row.measured}
    return {
        "dophu_goal_measured": {key: float(key in measured) for key in goals},
        "dophu_goal_due_timestamp_seconds": {key: _end_of(goal.due) for key, goal in goals.items() if goal.due},
    }


def _rows(snapshot: Snapshot) -> list[Coverage]:
    """The coverage, with a not measured row for each goal that has none: no goal is ever dropped."""
    known = {(row.plan, row.goal) for row in snapshot.coverage}
    missing = (
        Coverage(plan.id, goal.id, ALL_LEVELS, goal.target.get(ALL_LEVELS), goal.due)
        for plan in snapshot.plans
        for goal in plan.goals
        if (plan.id, goal.id) not in known
    )
    return [*snapshot.coverage, *missing]


def _coverage(rows: Sequence[Coverage]) -> dict[str, Samples]:
    proven, possible, target, status, members = (dict[tuple[str, ...], float]() for _ in range(5))
    for row in rows:
        key = (row.plan, row.goal, row.level)
        status |= {(*key, s.value): float(s is row.status) for s in CoverageStatus}
        if row.target is not None:
            target[key] = row.target
        if not row.measured:
            continue
        members |= {(*key, s.value): float(getattr(row, s.value)) for s in Status}
        if row.proven is not None and row.possible is not None:
            proven[key], possible[key] = row.proven, row.possible
    return {
        "dophu_coverage_proven_ratio": proven,
        "dophu_coverage_possible_ratio": possible,
        "dophu_coverage_target_ratio": target,
        "dophu_coverage_status": status,
        "dophu_coverage_members": members,
    }


def _links(snapshot: Snapshot) -> dict[str, Samples]:
    links = {(k.link, k.agency, k.kind): k for k in snapshot.links}
    figures = {"loss_ratio": "loss", "jitter_seconds": "jitter", "utilisation_ratio": "utilisation",
               "availability_ratio": "availability"}  # fmt: skip
    told: dict[str, Samples] = {
        f"dophu_link_{metric}": {key: value for key, k in links.items() if (value := getattr(k, name)) is not None}
        for metric, name in figures.items()
    }
    return told | {
        "dophu_link_up": {key: float(k.state != "down") for key, k in links.items() if k.state != "unknown"},
        "dophu_link_state": {(*key, s): float(s == k.state) for key, k in links.items() for s in _LINK_STATES},
        "dophu_link_round_trip_seconds": {
            (*key, percentile): value
            for key, k in links.items()
            for percentile, name in _PERCENTILES.items()
            if (value := getattr(k, name)) is not None
        },
        "dophu_link_maintenance": {key: float(k.maintenance) for key, k in links.items()},
    }


def _websites(snapshot: Snapshot) -> dict[str, Samples]:
    sites = {(w.url, w.agency): w for w in snapshot.websites}
    known: dict[str, dict[tuple[str, ...], float | None]] = {
        "up": {key: None if w.state == "unknown" else w.state == "up" for key, w in sites.items()},
        "http_status_code": {key: w.http_status for key, w in sites.items()},
        "response_seconds": {key: w.response_seconds for key, w in sites.items()},
        "https_only": {key: w.https_only for key, w in sites.items()},
        "certificate_valid": {key: w.certificate_valid for key, w in sites.items()},
        "certificate_expiry_timestamp_seconds": {
            key: w.certificate_expires.timestamp() if w.certificate_expires else None for key, w in sites.items()
        },
        "tls_old": {key: w.tls_old for key, w in sites.items()},
        "ipv6_up": {key: w.ipv6 for key, w in sites.items()},
        "content_timestamp_seconds": {
            key: w.content_at.timestamp() if w.content_at else None for key, w in sites.items()
        },
    }
    told: dict[str, Samples] = {
        f"dophu_website_{name}": {key: float(value) for key, value in values.items() if value is not None}
        for name, values in known.items()
    }
    told["dophu_website_info"] = {(*key, w.title): 1 for key, w in sites.items()}
    told["dophu_website_state"] = {(*key, s): float(s == w.state) for key, w in sites.items() for s in _WEBSITE_STATES}
    return told


def _assets(snapshot: Snapshot) -> Samples:
    assets: Counter[tuple[str, ...]] = Counter()
    for tally in snapshot.assets:
        # The two other answers are known to be none, which is a 0 and not a silence.
        assets.update({(tally.agency, tally.role, answer): 0 for answer in _ANSWERING})
        assets[tally.agency, tally.role, tally.answering] += tally.assets
    return assets


def _video(snapshot: Snapshot) -> dict[str, Samples]:
    up: Counter[tuple[str, ...]] = Counter()
    for tally in snapshot.assets:
        if tally.role in _VIDEO_ROLES:
            up[tally.agency, tally.role] += tally.assets if tally.answering == "yes" else 0
    return {
        "dophu_vc_devices_up": up,
        "dophu_vc_calls": {(v.agency,): v.calls for v in snapshot.video if v.calls is not None},
        "dophu_meetings_online_ratio": {
            (v.agency,): min(v.online / v.meetings, 1.0) for v in snapshot.video if v.meetings and v.online is not None
        },
    }


def _backups(snapshot: Snapshot) -> Samples:
    return {(b.agency,): b.oldest.timestamp() for b in snapshot.backups}


def _findings(snapshot: Snapshot) -> Samples:
    findings: Counter[tuple[str, ...]] = Counter()
    for tally in snapshot.tallies:
        findings[tally.control, tally.agency, tally.level, tally.status.value] += tally.members
    return findings


def _end_of(day: date) -> float:
    return datetime.combine(day, time(23, 59, 59), tzinfo=PLAN_TIME).timestamp()


def family(name: str, samples: Samples) -> Metric:
    """The metric `name` of METRICS with these values."""
    labels, documentation = METRICS[name]
    if name.endswith("_info"):
        info = InfoMetricFamily(name.removesuffix("_info"), documentation, labels=labels)
        for values in samples:
            info.add_metric(values, {})
        return info
    if name.endswith("_total"):
        counter = CounterMetricFamily(name.removesuffix("_total"), documentation, labels=labels)
        for values, value in samples.items():
            counter.add_metric(values, value)
        return counter
    gauge = GaugeMetricFamily(name, documentation, labels=labels)
    for values, value in samples.items():
        gauge.add_metric(values, value)
    return gauge
