"""What node_exporter tells of a Linux: its system, hardware, file systems, and the packages that wait (textfiles)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from collectors.metrics import Told, backups, first, label, time_of, value_of
from collectors.transports.scrape import Metrics
from inventory.words import Proof, Value

WANTED = (
    "node_os_info", "node_uname_info", "node_dmi_info", "node_boot_time_seconds", "node_memory_MemTotal_bytes",
    "node_memory_MemAvailable_bytes", "node_cpu_seconds_total", "node_filesystem_size_bytes",
    "node_filesystem_avail_bytes", "node_network_info", "node_reboot_required", "node_textfile_mtime_seconds",
    "apt_upgrades_pending", "apt_package_cache_timestamp_seconds", "yum_upgrades_pending", *backups.WANTED,
)  # fmt: skip
"""The names of the metrics that are read (node_exporter 1.x; apt_info.py and yum.sh of its textfile collectors)."""

_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "vfat", "ntfs", "f2fs", "jfs", "reiserfs"})
_SECURITY = re.compile(r"security", re.IGNORECASE)
#: Cards of virtual machines and containers on the host are not the host's own.
_CARD = re.compile(r"e(n|th|m)|p\d+p\d+|bond|team|wl", re.IGNORECASE)


def tell(metrics: Metrics, told: Told) -> None:
    """Adds to `told` what these metrics say."""
    told.say(
        {
            "os_name": label(metrics, "node_os_info", "pretty_name"),
            "version": label(metrics, "node_os_info", "version_id"),
            "os_build": label(metrics, "node_uname_info", "release"),
            "sysname": label(metrics, "node_uname_info", "nodename"),
            "vendor": label(metrics, "node_dmi_info", "system_vendor"),
            "model": label(metrics, "node_dmi_info", "product_name"),
            "boot_time": time_of(value_of(metrics, "node_boot_time_seconds"), told.at),
            "processors": len({s.labels.get("cpu") for s in metrics.get("node_cpu_seconds_total", ())}) or None,
            **_memory(metrics),
        }
    )
    # A node_exporter runs on servers, now and then on a desktop: better than nothing, and no proof.
    told.say({"role": "server"}, proof=Proof.INFERRED)
    _identify(metrics, told)
    _storage(metrics, told)
    _packages(metrics, told)
    name = label(metrics, "node_uname_info", "nodename") or ""
    backups.tell(metrics, told, name, _written(metrics, ("pgbackrest",), told))


def _memory(metrics: Metrics) -> dict[str, Value]:
    size = value_of(metrics, "node_memory_MemTotal_bytes")
    free = value_of(metrics, "node_memory_MemAvailable_bytes")
    used = None if not size or size < 0 or free is None or not 0 <= free <= size else round(1 - free / size, 4)
    return {"memory": size if size and size > 0 else None, "memory_used": used}


def _identify(metrics: Metrics, told: Told) -> None:
    # Both are readable by root only; without them the machine is known by its address and cards.
    for kind, name in (("serial", "product_serial"), ("uuid", "product_uuid")):
        if text := label(metrics, "node_dmi_info", name):
            told.identifiers.add((kind, text))
            if kind == "serial":
                told.say({"serial": text})
    for sample in metrics.get("node_network_info", ()):
        mac = sample.labels.get("address", "")
        if _CARD.match(sample.labels.get("device", "")) and re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
            told.identifiers.add(("mac", mac))


def _storage(metrics: Metrics, told: Told) -> None:
    free = {tuple(sorted(s.labels.items())): s.value for s in metrics.get("node_filesystem_avail_bytes", ())}
    rows: dict[str, Value] = {}
    fullest = 0.0
    for sample in metrics.get("node_filesystem_size_bytes", ()):
        left = free.get(tuple(sorted(sample.labels.items())))
        mounted, kind = sample.labels.get("mountpoint", ""), sample.labels.get("fstype", "")
        if kind not in _DISKS or not mounted or left is None or not 0 <= left <= sample.value or not sample.value:
            continue
        share = round(1 - left / sample.value, 4)
        fullest = max(fullest, share)
        rows[mounted] = {"kind": "disk", "size": sample.value, "used": sample.value - left, "share": share}
    if rows:
        told.say_rows("storage", rows)
        told.say({"storage_used": fullest})


def _packages(metrics: Metrics, told: Told) -> None:
    apt_at = time_of(value_of(metrics, "apt_package_cache_timestamp_seconds"), told.at)
    apt, yum = metrics.get("apt_upgrades_pending", ()), metrics.get("yum_upgrades_pending", ())
    wrote = _written(metrics, ("apt", "yum", "dnf"), told)
    if apt or "apt_package_cache_timestamp_seconds" in metrics:
        # The number is as old as the package lists that it was counted from, and as the script that counted.
        times = [time for time in (apt_at, wrote) if time]
        if apt_at is None:
            told.say_unknown(("updates_pending", "security_updates_pending"))
            told.problems.append("apt_info says updates but no time of the package lists: they are of no known age")
        else:
            told.say(
                {
                    "updates_pending": _count(s.value for s in apt),
                    "security_updates_pending": _count(
                        s.value for s in apt if _SECURITY.search(s.labels.get("origin", ""))
                    ),
                },
                at=min(times),
            )
    elif yum:
        told.say({"updates_pending": _count(s.value for s in yum)}, at=wrote)
    if reboot := first(metrics, "node_reboot_required"):
        if reboot.value in (0, 1):
            told.say({"reboot_needed": reboot.value == 1}, at=wrote)
        else:
            told.problems.append(f"node_reboot_required is {reboot.value:g}, expected 0 or 1")


def _count(values: Iterable[float]) -> int | None:
    """The sum of numbers of packages; None where one of them can be none."""
    numbers = list(values)
    return int(sum(numbers)) if all(0 <= n < 1_000_000 and n.is_integer() for n in numbers) else None


def _written(metrics: Metrics, names: tuple[str, ...], told: Told) -> datetime | None:
    """When the textfile of one of these was written, the earliest of them; None where nobody says."""
    files = metrics.get("node_textfile_mtime_seconds", ())
    own = [s for s in files if any(name in s.labels.get("file", "").rsplit("/", 1)[-1] for name in names)]
    times = [time for s in own or (files if len(files) == 1 else ()) if (time := time_of(s.value, told.at))]
    return min(times, default=None)
