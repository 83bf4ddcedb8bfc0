"""Which operating system a machine says it runs: its name, build and edition, and the role that follows."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from collectors.agents.rows import Row, text_of
from inventory.text import fold
from inventory.words import Value

#: SMBIOS chassis types (DSP0134, 7.4.1) as agents write them, of machines that stand on a desk. A tower may be either.
DESK_CHASSIS = frozenset(
    {
        "desktop", "low profile desktop", "mini tower", "portable", "laptop", "notebook", "hand held", "all in one",
        "sub notebook", "space-saving", "convertible", "detachable", "tablet", "mini pc", "stick pc",
    }
)  # fmt: skip

_WINDOWS_BUILD = re.compile(r"\d{4,6}\.\d+")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
#: "Microsoft Windows Server 2019 Standard" and "Microsoft® Windows 10 Pro": what stands after the version.
_EDITION = re.compile(r"windows®?\s+(?:server®?\s+)?(?:\d[\d.]*|vista|xp)(?:\s+r2)?\s+(\S.*)", re.IGNORECASE)


def system_facts(hardware: Row, system: Row, at: datetime, *, partial: bool) -> dict[str, Value]:
    """The facts of the operating system, None for what is not said."""
    return {
        "role": _role(hardware, system, partial=partial),
        "os_name": text_of(system, "full_name") or text_of(hardware, "osname"),
        "os_build": _os_build(hardware, system),
        "os_edition": _edition(system),
        "version": text_of(system, "version"),
        "boot_time": _boot_time(system, at),
    }


def is_windows(hardware: Row, system: Row) -> bool:
    """Whether the machine says that it runs Windows."""
    return _names_windows(_system_name(hardware, system))


def is_windows_client(hardware: Row, system: Row) -> bool:
    """Whether it runs a Windows for workstations, which has a Security Center."""
    name = _system_name(hardware, system)
    return _names_windows(name) and "server" not in name


def _role(hardware: Row, system: Row, *, partial: bool) -> str | None:
    """Server or workstation: by the name of the operating system, and where that serves both, by the chassis."""
    name = _system_name(hardware, system)
    if not name:
        return None
    if _names_windows(name):
        return "server" if "server" in name else "workstation"
    if "mac os" in name or "macos" in name or "darwin" in name:
        return "workstation"
    if "android" in name or (partial and not hardware):
        return None
    # The chassis of a virtual machine is made up: that of Hyper-V is always a desktop.
    physical = fold(text_of(hardware, "vmsystem") or "physical") == "physical"
    chassis = fold(text_of(hardware, "chassis_type") or "")
    return "workstation" if physical and chassis in DESK_CHASSIS else "server"


def _system_name(hardware: Row, system: Row) -> str:
    names = (
        text_of(system, "full_name"),
        text_of(system, "name"),
        text_of(system, "kernel_name"),
        text_of(hardware, "osname"),
    )
    return fold(" ".join(name for name in names if name))


def _names_windows(name: str) -> bool:
    return "windows" in name or "mswin32" in name or "hyper-v server" in name


def _os_build(hardware: Row, system: Row) -> str | None:
    """Of Windows the build, with its revision where the agent read it (19045.3086); of others the kernel's version."""
    kernel = text_of(system, "kernel_version") or text_of(hardware, "osversion")
    if not is_windows(hardware, system):
        return kernel
    for text in (text_of(system, "service_pack"), text_of(hardware, "oscomments")):
        if text and _WINDOWS_BUILD.fullmatch(text):
            return text
    # "10.0.19045": the first two numbers are the same for every Windows since 2015.
    return kernel.split(".", 2)[-1] if kernel else None


def _edition(system: Row) -> str | None:
    """The words after the version in the name of a Windows, such as "Pro" or "Enterprise LTSC"."""
    found = _EDITION.search(text_of(system, "full_name") or "")
    return found[1].strip() if found else None


def _boot_time(system: Row, at: datetime) -> datetime | None:
    """The last boot to the minute, which agents write in local time: known only with the zone, never later than now.

    Agents compute it from how long the machine has run, and a second more or less is no other boot.
    """
    zone = system.get("timezone")
    offset = _OFFSET.fullmatch(text_of(zone, "offset") or "") if isinstance(zone, dict) else None
    text = text_of(system, "boot_time")
    if not (offset and text):
        return None
    sign = -1 if offset[1] == "-" else 1
    try:
        ahead = timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
        boot = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ahead)
        return boot.replace(second=0) if boot <= at else None
    except (ValueError, OverflowError):
        return None
