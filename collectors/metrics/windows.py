"""What windows_exporter tells of a Windows: its system, hardware, pending updates and the services of antivirus."""

from __future__ import annotations

import re

from collectors.metrics import Told, label, time_of, value_of
from collectors.transports.scrape import Metrics, Sample
from inventory.words import Value

WANTED = (
    "windows_os_info", "windows_os_hostname", "windows_cs_hostname", "windows_cs_logical_processors",
    "windows_cpu_logical_processor", "windows_cs_physical_memory_bytes", "windows_memory_physical_total_bytes",
    "windows_memory_available_bytes", "windows_memory_physical_free_bytes", "windows_system_boot_time_timestamp",
    "windows_system_system_up_time", "windows_logical_disk_size_bytes", "windows_logical_disk_free_bytes",
    "windows_update_pending_info", "windows_update_pending_published_timestamp",
    "windows_update_scrape_timestamp_seconds",
    "windows_service_state", "windows_exporter_collector_success",
)  # fmt: skip
"""The names, or their beginnings, of the metrics that are read (windows_exporter 0.20 to 0.31)."""

#: Services of products that protect a server, which has no Security Center; by the beginning of the service's name.
_PRODUCTS = {
    "windefend": "Microsoft Defender Antivirus",
    "avp": "Kaspersky",
    "kavfs": "Kaspersky Security for Windows Server",
    "ekrn": "ESET",
    "ntrtscan": "Trend Micro Apex One",
    "ds_agent": "Trend Micro Deep Security",
    "sepmasterservice": "Symantec Endpoint Protection",
    "sophos endpoint defense service": "Sophos",
    "savservice": "Sophos",
    "bdservicehost": "Bitdefender",
    "epprotectedservice": "Bitdefender",
    "csfalconservice": "CrowdStrike Falcon",
    "sentinelagent": "SentinelOne",
    "mfetp": "Trellix",
    "mfemms": "Trellix",
    "bkav": "Bkav",
}
_KB = re.compile(r"\bKB\d{6,8}\b", re.IGNORECASE)


def tell(metrics: Metrics, told: Told) -> None:
    """Adds to `told` what these metrics say."""
    product = label(metrics, "windows_os_info", "product")
    told.say(
        {
            "os_name": product,
            "os_build": _build(metrics),
            "role": _role(product, label(metrics, "windows_os_info", "installation_type")),
            "sysname": label(metrics, "windows_os_hostname", "hostname")
            or label(metrics, "windows_cs_hostname", "hostname"),
            "boot_time": time_of(
                value_of(
                    metrics,
                    "windows_system_boot_time_timestamp_seconds",
                    "windows_system_boot_time_timestamp",
                    "windows_system_system_up_time",
                ),
                told.at,
            ),
            "processors": _processors(metrics),
            **_memory(metrics),
        }
    )
    _storage(metrics, told)
    _updates(metrics, told)
    _antivirus(metrics, told)


def _build(metrics: Metrics) -> str | None:
    """The build with its revision, which tells how far it is patched; older exporters do not tell the revision."""
    number = label(metrics, "windows_os_info", "build_number")
    revision = label(metrics, "windows_os_info", "revision")
    if not number or not number.isdecimal():
        return None
    return f"{number}.{revision}" if revision and revision.isdecimal() else number


def _role(product: str | None, installation: str | None) -> str | None:
    if installation:
        return "server" if "server" in installation.lower() else "workstation"
    if product and "windows" in product.lower():
        return "server" if "server" in product.lower() else "workstation"
    return None


def _processors(metrics: Metrics) -> int | None:
    number = value_of(metrics, "windows_cpu_logical_processor", "windows_cs_logical_processors")
    return int(number) if number and 0 < number < 10_000 else None


def _memory(metrics: Metrics) -> dict[str, Value]:
    size = value_of(metrics, "windows_memory_physical_total_bytes", "windows_cs_physical_memory_bytes")
    free = value_of(metrics, "windows_memory_available_bytes", "windows_memory_physical_free_bytes")
    used = None if not size or size < 0 or free is None or not 0 <= free <= size else round(1 - free / size, 4)
    return {"memory": size if size and size > 0 else None, "memory_used": used}


def _storage(metrics: Metrics, told: Told) -> None:
    free = {s.labels.get("volume"): s.value for s in metrics.get("windows_logical_disk_free_bytes", ())}
    rows: dict[str, Value] = {}
    fullest = 0.0
    for sample in metrics.get("windows_logical_disk_size_bytes", ()):
        volume = sample.labels.get("volume", "")
        left = free.get(volume)
        # Volumes without a letter are partitions of the boot loader and of recovery.
        if not re.fullmatch("[A-Z]:", volume) or left is None or not 0 <= left <= sample.value or not sample.value:
            continue
        share = round(1 - left / sample.value, 4)
        fullest = max(fullest, share)
        rows[volume] = {"kind": "disk", "size": sample.value, "used": sample.value - left, "share": share}
    if rows:
        told.say_rows("storage", rows)
        told.say({"storage_used": fullest})


def _updates(metrics: Metrics, told: Told) -> None:
    at = time_of(value_of(metrics, "windows_update_scrape_timestamp_seconds"), told.at)
    if any(s.labels.get("collector") == "update" and not s.value for s in _successes(metrics)):
        told.problems.append("windows_exporter could not ask Windows Update")
        return
    if at is None:
        # The collector is off by default: that there is no row of it says nothing.
        return
    published = {
        (s.labels.get("id"), s.labels.get("revision")): time_of(s.value, told.at)
        for s in metrics.get("windows_update_pending_published_timestamp", ())
    }
    rows: dict[str, Value] = {}
    security = 0
    pending = [s.labels for s in metrics.get("windows_update_pending_info", ()) if s.value == 1]
    for labels in pending:
        title = " ".join(labels.get("title", "").split())
        security += "security" in labels.get("category", "").lower() or bool(labels.get("severity", "").strip())
        named = _KB.search(title)
        day = published.get((labels.get("id"), labels.get("revision")))
        name = named[0].upper() if named else title or labels.get("id", "")
        rows[name] = {
            "title": title,
            "severity": labels.get("severity", "").lower(),
            "published": day.date().isoformat() if day else "",
        }
    told.say({"updates_pending": len(pending), "security_updates_pending": security}, at=at)
    told.say_rows("pending_update", rows, at=at)


def _successes(metrics: Metrics) -> tuple[Sample, ...]:
    return metrics.get("windows_exporter_collector_success", ())


def _antivirus(metrics: Metrics, told: Told) -> None:
    """A product whose service is installed is installed; that the service runs does not say that it protects."""
    running: dict[str, bool] = {}
    for sample in metrics.get("windows_service_state", ()):
        name = sample.labels.get("name", "").lower()
        product = next((title for begins, title in _PRODUCTS.items() if name.startswith(begins)), None)
        if product and sample.value == 1:
            running[product] = running.get(product, False) or sample.labels.get("state") == "running"
    if not running:
        return
    told.say(
        {"antivirus_installed": True, "antivirus_name": next((p for p, on in running.items() if on), min(running))}
    )
    if not any(running.values()):
        told.say({"antivirus_enabled": False})
