"""What the sections of an agent's inventory say of its machine: which asset it is, and its facts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

from collectors import facts
from collectors.agents.wire import Sections
from inventory.text import fold, nfc
from inventory.words import Fact, Identity, InputError, Observation, Proof, Value

__all__ = ["observe"]

SOURCE = "agent"
SOFTWARE_LIMIT = 20_000
"""Rows; a workstation has some hundreds, a server some thousands."""
TEXT_LIMIT = 300
MEBIBYTE = 1 << 20

#: SMBIOS chassis types (DSP0134, 7.4.1) as agents write them, of machines that stand on a desk. A tower may be either.
DESK_CHASSIS = frozenset(
    {
        "desktop", "low profile desktop", "mini tower", "portable", "laptop", "notebook", "hand held", "all in one",
        "sub notebook", "space-saving", "convertible", "detachable", "tablet", "mini pc", "stick pc",
    }
)  # fmt: skip

#: Windows device paths of network cards that are software (ROOT), a radio link to a telephone (BTH), or plugged in and
#: carried from machine to machine (USB): their MAC does not identify this machine.
FOREIGN_CARDS = ("ROOT\\", "BTH\\", "USB\\", "SWD\\", "{")
FOREIGN_TYPES = frozenset({"loopback", "bridge", "alias", "aggregate", "bluetooth", "dialup", "infiniband"})

_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")
_WINDOWS_BUILD = re.compile(r"\d{4,6}\.\d+")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")

Row = Mapping[str, object]


def observe(sections: Sections, device: str, at: datetime, *, partial: bool = False) -> Observation:
    """What one inventory, received at `at`, says of its machine.

    In a partial inventory an absent section means "as before" and yields no fact. A complete one that should have
    found an antivirus and did not states that it does not know (see `_antivirus`).

    Raises:
        InputError: a field that is not text, a number or a yes/no; more software than a machine can have.
    """
    bios, hardware, system = (_only(sections, name) for name in ("bios", "hardware", "operatingsystem"))
    networks = sections.get("networks", [])
    address = _address(networks)
    values: dict[str, Value] = {
        "answering": True,
        "last_report": at,
        "vendor": _text(bios, "smanufacturer") or _text(bios, "mmanufacturer"),
        "model": _text(bios, "smodel") or _text(bios, "mmodel"),
        "serial": _text(bios, "ssn"),
        "sysname": _text(hardware, "name"),
        "address": address,
        "memory": _memory(hardware),
        "role": _role(hardware, system),
        "os_name": _text(system, "full_name") or _text(hardware, "osname"),
        "os_build": _os_build(hardware, system),
        "version": _text(system, "version"),
        "boot_time": _boot_time(system, at),
    }
    observed = facts(SOURCE, at, values, proof=Proof.AGENT)
    observed += _antivirus(sections, hardware, system, at, partial=partial)
    observed += _software(sections.get("softwares", []), at)
    return Observation(observed, asset=Identity(_identifiers(bios, hardware, networks, device), address=address))


def _identifiers(bios: Row, hardware: Row, networks: Iterable[Row], device: str) -> frozenset[tuple[str, str]]:
    """All that may identify the machine; placeholders and shared values are for `inventory.identity` to tell."""
    found = {("agent_id", device)}
    if serial := _text(bios, "ssn"):
        found.add(("serial", serial))
    if uuid := _text(hardware, "uuid"):
        found.add(("uuid", uuid.lower()))
    for card in networks:
        mac = (_text(card, "mac") or _text(card, "macaddr") or "").lower()
        if _MAC.fullmatch(mac) and mac.strip("0:-") and _is_own(card):
            found.add(("mac", mac.replace("-", ":")))
    return frozenset(found)


def _is_own(card: Row) -> bool:
    """Whether a network card is a physical part of the machine."""
    path, kind = _text(card, "pnpdeviceid") or "", (_text(card, "type") or "").lower()
    return not (_flag(card, "virtualdev") or kind in FOREIGN_TYPES or path.upper().startswith(FOREIGN_CARDS))


def _address(networks: Iterable[Row]) -> str | None:
    """The machine's own IPv4 address: of the card with the default gateway, else of a physical, else of any card."""
    ranked: list[tuple[int, str]] = []
    for card in networks:
        text = _text(card, "ipaddress") or ""
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            ranked.append((0 if _text(card, "ipgateway") else 1 if _is_own(card) else 2, str(address)))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _role(hardware: Row, system: Row) -> str | None:
    """Server or workstation: by the name of the operating system, and where that serves both, by the chassis."""
    name = _system_name(hardware, system)
    if not name:
        return None
    if _is_windows(name):
        return "server" if "server" in name else "workstation"
    if "mac os" in name or "macos" in name or "darwin" in name:
        return "workstation"
    if "android" in name:
        return None
    # The chassis of a virtual machine is made up: that of Hyper-V is always a desktop.
    physical = fold(_text(hardware, "vmsystem") or "physical") == "physical"
    chassis = fold(_text(hardware, "chassis_type") or "")
    return "workstation" if physical and chassis in DESK_CHASSIS else "server"


def _system_name(hardware: Row, system: Row) -> str:
    names = (_text(system, "full_name"), _text(system, "name"), _text(system, "kernel_name"), _text(hardware, "osname"))
    return fold(" ".join(name for name in names if name))


def _is_windows(name: str) -> bool:
    return "windows" in name or "mswin32" in name or "hyper-v server" in name


def _os_build(hardware: Row, system: Row) -> str | None:
    """Of Windows the build, with its revision where the agent read it (19045.3086); of others the kernel's version."""
    kernel = _text(system, "kernel_version") or _text(hardware, "osversion")
    if not _is_windows(_system_name(hardware, system)):
        return kernel
    for text in (_text(system, "service_pack"), _text(hardware, "oscomments")):
        if text and _WINDOWS_BUILD.fullmatch(text):
            return text
    # "10.0.19045": the first two numbers are the same for every Windows since 2015.
    return kernel.split(".", 2)[-1] if kernel else None


def _boot_time(system: Row, at: datetime) -> datetime | None:
    """The last boot, which agents write in local time: known only with the zone, and never later than now."""
    zone = system.get("timezone")
    offset = _OFFSET.fullmatch(_text(zone, "offset") or "") if isinstance(zone, dict) else None
    text = _text(system, "boot_time")
    if not (offset and text):
        return None
    sign = -1 if offset[1] == "-" else 1
    try:
        ahead = timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
        boot = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ahead)
        return boot if boot <= at else None
    except (ValueError, OverflowError):
        return None


def _memory(hardware: Row) -> int | None:
    """Bytes; agents write mebibytes."""
    text = _text(hardware, "memory") or ""
    return int(text) * MEBIBYTE if re.fullmatch(r"[1-9]\d{0,8}", text) else None


def _antivirus(sections: Sections, hardware: Row, system: Row, at: datetime, *, partial: bool) -> tuple[Fact, ...]:
    """What Security Center or the agent's own search says of the antivirus.

    Only Windows for workstations keeps a list of all products (Security Center). There, a complete inventory without
    one means that the list could not be read or holds nothing that registers: stated unknown, never "no antivirus".
    On servers the agent looks for a few products only, so finding none says nothing.
    """
    rows = [row for row in sections.get("antivirus", []) if _text(row, "name")]
    if not rows:
        client = _role(hardware, system) == "workstation" and _is_windows(_system_name(hardware, system))
        names = ("antivirus_installed", "antivirus_enabled", "antivirus_up_to_date")
        unknown = dict.fromkeys(names) if client and not partial else {}
        return facts(SOURCE, at, unknown, proof=Proof.AGENT, keep_none=True)
    # What protects the machine is what is on; Windows lists its own product, switched off, beside another.
    switched_on = [row for row in rows if _flag(row, "enabled")]
    judged = switched_on or rows
    current = [row for row in judged if _flag(row, "uptodate")]
    values: dict[str, Value] = {
        "antivirus_installed": True,
        "antivirus_enabled": True if switched_on else _all_say_no(rows, "enabled"),
        "antivirus_up_to_date": True if current else _all_say_no(judged, "uptodate"),
        "antivirus_name": _text((current or judged)[0], "name"),
    }
    return facts(SOURCE, at, values, proof=Proof.AGENT, keep_none=True)


def _all_say_no(rows: Iterable[Row], name: str) -> bool | None:
    return False if all(_flag(row, name) is False for row in rows) else None


def _software(rows: list[dict[str, object]], at: datetime) -> tuple[Fact, ...]:
    """One fact per program; programs of one name in several versions are told apart by the version."""
    if len(rows) > SOFTWARE_LIMIT:
        raise InputError(f"agent's inventory, softwares: found {len(rows)} rows, expected at most {SOFTWARE_LIMIT}")
    listed = dict.fromkeys(
        (name, _text(row, "version") or "", _text(row, "publisher") or "")
        for row in rows
        if (name := _text(row, "name"))
    )
    versions = Counter(name for name, _ in {(name, version) for name, version, _ in listed})
    found: dict[str, Value] = {}
    for name, version, publisher in listed:
        item = name if versions[name] == 1 else f"{name} ({version})"
        found.setdefault(item, {"version": version, "publisher": publisher})
    return tuple(Fact("software", value, SOURCE, at, Proof.AGENT, item) for item, value in found.items())


def _only(sections: Sections, name: str) -> Row:
    """The row of a section that stands once; empty where it is absent."""
    rows = sections.get(name, [])
    return rows[0] if rows else {}


def _text(row: Row, name: str) -> str | None:
    """A field as clean text (NFC, no control characters, at most TEXT_LIMIT), None where it is absent or blank."""
    value = row.get(name)
    if value is None or (isinstance(value, dict) and not value):
        return None
    if isinstance(value, dict | list):
        raise InputError(f"agent's inventory, {name}: found {type(value).__name__}, expected text")
    # Categories Cc, Cs: no store and no page takes NUL characters and halves of surrogate pairs.
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in str(value)[: 4 * TEXT_LIMIT])
    return nfc(clean)[:TEXT_LIMIT].strip() or None


def _flag(row: Row, name: str) -> bool | None:
    """A yes/no field: true and false in JSON, 1 and 0 in XML; None where it says neither."""
    return {"true": True, "1": True, "false": False, "0": False}.get((_text(row, name) or "").lower())
