"""What every Linux says of itself: its system, hardware, memory, encryption, host firewall and antivirus services."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from collectors.servers import Answers, Told
from inventory.words import Value

#: Services of products for Linux servers, by unit.
PRODUCTS = {
    "clamav-daemon": "ClamAV", "clamd@scan": "ClamAV", "kesl": "Kaspersky Endpoint Security for Linux",
    "ds_agent": "Trend Micro Deep Security", "eea": "ESET Endpoint Antivirus for Linux", "efs": "ESET Server Security",
    "mdatp": "Microsoft Defender for Endpoint", "bdsec": "Bitdefender", "falcon-sensor": "CrowdStrike Falcon",
    "sav-protect": "Sophos", "sophos-spl": "Sophos", "sisamddaemon": "Symantec Endpoint Protection",
}  # fmt: skip

COMMANDS = {
    "os": "cat /etc/os-release",
    "kernel": "uname -r",
    "name": "uname -n",
    "uptime": "cat /proc/uptime",
    "memory": "cat /proc/meminfo",
    "processors": "nproc",
    "hardware": "cd /sys/class/dmi/id && grep -H . sys_vendor product_name product_serial product_uuid",
    "cards": "cd /sys/class/net && for c in *; do test -e $c/device && echo $c $(cat $c/address); done; true",
    "disks": "lsblk -J -o NAME,TYPE,MOUNTPOINT",
    "firewalld": "firewall-cmd --state",
    "ufw": "ufw status",
    "nft": "nft list ruleset",
    "antivirus": f"systemctl is-active {' '.join(PRODUCTS)}",
    "installed": f"systemctl list-unit-files --no-legend --no-pager {' '.join(f'{unit}.service' for unit in PRODUCTS)}",
}
"""Each only reads."""

_DROPS = re.compile(r"hook input[^}]*?(policy drop|\bdrop\b|\breject\b)", re.DOTALL)


def read_release(text: str) -> dict[str, str]:
    """The fields of /etc/os-release (os-release(5))."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, found, value = line.strip().partition("=")
        if found and re.fullmatch("[A-Z][A-Z0-9_]*", name):
            fields[name] = value.strip().strip("\"'")
    return fields


def tell(answers: Answers, told: Told) -> None:
    """Adds to `told` what these answers say."""
    release = read_release(answers["os"].text)
    hardware = _hardware(answers["hardware"].text)
    told.say(
        {
            "os_name": release.get("PRETTY_NAME") or None,
            "version": release.get("VERSION_ID") or None,
            "os_build": _line(answers, "kernel"),
            "sysname": _line(answers, "name"),
            "vendor": hardware.get("sys_vendor"),
            "model": hardware.get("product_name"),
            "serial": hardware.get("product_serial"),
            "processors": _number(_line(answers, "processors")),
            "role": "server",
        }
    )
    for kind, name in (("serial", "product_serial"), ("uuid", "product_uuid")):
        if name in hardware:
            told.identifiers.add((kind, hardware[name]))
    for line in answers["cards"].text.splitlines():
        mac = line.split()[-1] if line.split() else ""
        if re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", mac):
            told.identifiers.add(("mac", mac))
    _memory(answers, told)
    _boot(answers, told)
    told.say({"disk_encrypted": encrypted_root(answers["disks"].text)})
    _firewall(answers, told)
    _antivirus(answers, told)


def _line(answers: Answers, name: str) -> str | None:
    said = answers[name]
    lines = said.text.split("\n") if said.succeeded else []
    return " ".join(lines[0].split())[:200] or None if lines else None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[1-9]\d{0,4}", text) else None


def _hardware(text: str) -> dict[str, str]:
    found = (line.partition(":") for line in text.splitlines())
    return {name: " ".join(value.split())[:200] for name, _, value in found if value.strip()}


def _memory(answers: Answers, told: Told) -> None:
    sizes = {m[1]: int(m[2]) * 1024 for m in re.finditer(r"^(\w+):\s+(\d{1,15}) kB$", answers["memory"].text, re.M)}
    size, free = sizes.get("MemTotal"), sizes.get("MemAvailable")
    if size:
        used = round(1 - free / size, 4) if free is not None and free <= size else None
        told.say({"memory": float(size), "memory_used": used})


def _boot(answers: Answers, told: Told) -> None:
    found = re.match(r"(\d{1,11}(?:\.\d+)?) ", answers["uptime"].text)
    if found:
        # To the minute: what was computed twice is then the same instant.
        boot = told.at - timedelta(seconds=float(found[1]))
        told.say({"uptime": float(found[1]), "boot_time": boot.replace(second=0, microsecond=0)})


def encrypted_root(text: str) -> bool | None:
    """Whether the root file system of `lsblk -J` lies in an encrypted volume; None where it is not to be seen."""
    try:
        tree = json.loads(text)
    except ValueError:
        return None
    devices = tree.get("blockdevices") if isinstance(tree, dict) else None
    return _find_root(devices, inside=False, depth=0)


def _find_root(devices: object, *, inside: bool, depth: int) -> bool | None:
    for device in devices if isinstance(devices, list) and depth < 20 else ():
        if not isinstance(device, dict):
            continue
        within = inside or device.get("type") == "crypt"
        mounts = device.get("mountpoints") or [device.get("mountpoint")]
        if isinstance(mounts, list) and "/" in mounts:
            return within
        found = _find_root(device.get("children"), inside=within, depth=depth + 1)
        if found is not None:
            return found
    return None


def _firewall(answers: Answers, told: Told) -> None:
    """On where one program says so; off only where all rules were to be read, and none of them refuses anything."""
    if answers["firewalld"].succeeded and "running" in answers["firewalld"].text.split("\n")[0]:
        on: bool | None = True
    elif re.search(r"^Status: active", answers["ufw"].text, re.M):
        on = True
    elif answers["nft"].succeeded:
        on = bool(_DROPS.search(answers["nft"].text))
    else:
        on = None
    if on is None:
        told.say_unknown(("host_firewall",), "the host firewall may be read by root only")
    else:
        told.say({"host_firewall": on})


def _antivirus(answers: Answers, told: Told) -> None:
    states = answers["antivirus"].text.split()
    if len(states) != len(PRODUCTS):
        told.say_unknown(("antivirus_installed",), "systemctl did not say which antivirus services there are")
        return
    active = [title for (_, title), state in zip(PRODUCTS.items(), states, strict=True) if state == "active"]
    installed = [
        t
        for unit, t in PRODUCTS.items()
        if re.search(rf"^{re.escape(unit)}\.service\s", answers["installed"].text, re.M)
    ]
    if active or installed:
        values: dict[str, Value] = {"antivirus_installed": True, "antivirus_name": (active or installed)[0]}
        # A service that runs may still have its protection switched off; one that does not run protects nothing.
        told.say(values if active else values | {"antivirus_enabled": False})
    else:
        # Another product than these may be there.
        told.say_unknown(("antivirus_installed",), "none of the known antivirus services is there")
