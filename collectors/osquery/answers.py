"""What the rows that answer a query say, by one reader for each query of `queries.yaml`; all their values are text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import ip_address

from collectors import facts
from collectors.agents.antivirus import antivirus_facts
from collectors.agents.encryption import encryption_facts
from collectors.agents.remote_control import remote_control_facts
from collectors.agents.rows import Row, filled_in, flag_of, text_of, whole_number_of
from collectors.agents.software import software_facts
from collectors.agents.system import system_facts
from inventory.words import Fact, Proof, Value

__all__ = ["READERS", "SOURCE", "Answer", "identifiers_of"]

SOURCE = "osquery"
MEBIBYTE = 1 << 20

#: What hypervisors write where a maker writes its name: osquery has no other word for a virtual machine.
_VIRTUAL = re.compile(r"qemu|kvm|vmware|virtualbox|innotek|xen|bochs|virtual machine|openstack|nutanix", re.IGNORECASE)
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MONTH_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")

Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rows of one query say."""

    facts: tuple[Fact, ...] = ()
    identifiers: frozenset[tuple[str, str]] = frozenset()
    address: str | None = None
    tables_read: frozenset[str] = frozenset()


Reader = Callable[[Rows, datetime], Answer]


def identifiers_of(row: Row) -> frozenset[tuple[str, str]]:
    """The hardware's own names in a row of `system_info`; placeholders are for `inventory.identity` to tell."""
    named = {"uuid": (text_of(row, "uuid") or "").lower(), "serial": text_of(row, "hardware_serial")}
    return frozenset((kind, value) for kind, value in named.items() if value)


def _machine(rows: Rows, at: datetime) -> Answer:
    row = _first(rows)
    if not row:
        return Answer()
    windows = "windows" in (text_of(row, "platform") or "")
    name, version = text_of(row, "name"), text_of(row, "version")
    full_name = " ".join(part for part in (name, version) if part)
    build, revision = text_of(row, "build"), text_of(row, "revision")
    system: dict[str, object] = {
        "full_name": name if windows else full_name,
        "version": version,
        "kernel_version": text_of(row, "kernel_version") or (version if windows else None),
        "service_pack": f"{build}.{revision}" if build and revision else None,
    }
    # A Linux on hardware may be on a desk or in a rack: of that another query tells (see `_screen`).
    hypervisor = _hypervisor(row)
    hardware: dict[str, object] = {"vmsystem": hypervisor} if hypervisor else {}
    values: dict[str, Value] = {
        "answering": True,
        "last_report": at,
        "vendor": filled_in(row, "hardware_vendor"),
        "model": filled_in(row, "hardware_model"),
        "serial": filled_in(row, "hardware_serial"),
        "sysname": text_of(row, "hostname") or text_of(row, "computer_name"),
        "memory": _memory(row),
        **system_facts(hardware, system, at, partial=True),
    }
    return Answer(_said(at, values), identifiers_of(row))


def _hypervisor(row: Row) -> str | None:
    virtual = _VIRTUAL.search(f"{text_of(row, 'hardware_vendor')} {text_of(row, 'hardware_model')}")
    return virtual[0] if virtual else None


def _screen(rows: Rows, at: datetime) -> Answer:
    """The role of a Linux on hardware, concluded from whether people log in on its screen; unknown without systemd."""
    row = _first(rows)
    if not whole_number_of(row, "units") or _hypervisor(row):
        return Answer()
    role = "workstation" if whole_number_of(row, "managers") else "server"
    return Answer(facts(SOURCE, at, {"role": role}, proof=Proof.INFERRED))


def _interfaces(rows: Rows, at: datetime) -> Answer:
    macs: set[tuple[str, str]] = set()
    ranked: list[tuple[int, str]] = []
    for row in rows:
        mac = (text_of(row, "mac") or "").lower()
        own = _is_own(row)
        if own and _MAC.fullmatch(mac) and mac.strip("0:"):
            macs.add(("mac", mac))
        text = text_of(row, "address") or ""
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            ranked.append(((0 if own else 2) + (address.version == 6), str(address)))
    address_of_machine = min(ranked, key=lambda pair: pair[0])[1] if ranked else None
    return Answer(_said(at, {"address": address_of_machine}), frozenset(macs), address_of_machine)


def _is_own(row: Row) -> bool:
    """Whether a card is part of the machine: a physical one, and not of the kind that is plugged in and carried on."""
    described = (text_of(row, "description") or text_of(row, "friendly_name") or "").lower()
    if "usb" in described or "bluetooth" in described:
        return False
    return flag_of(row, "physical_adapter") is True or text_of(row, "pci_slot") is not None


def _antivirus(rows: Rows, at: datetime) -> Answer:
    products = [
        {"name": row.get("name"), "enabled": _is_on(row), "uptodate": row.get("signatures_up_to_date")}
        for row in rows
        if (text_of(row, "type") or "").lower() == "antivirus"
    ]
    # The table is empty on a Windows for servers, and where Security Center does not answer: neither means "none".
    return Answer(antivirus_facts(products, at, expected=True))


def _is_on(row: Row) -> str | None:
    return {"on": "1", "off": "0", "snoozed": "0", "expired": "0"}.get((text_of(row, "state") or "").lower())


def _security_center(rows: Rows, at: datetime) -> Answer:
    """`Good` is any firewall that Windows knows of; what is not monitored, or an error, is unknown."""
    row = _first(rows)
    if not row:
        return Answer()
    state = {"good": True, "poor": False, "snoozed": False}.get((text_of(row, "firewall") or "").lower())
    return Answer(_said(at, {"host_firewall": state}, keep_none=True))


def _installed_updates(rows: Rows, at: datetime) -> Answer:
    updates = [
        {
            "name": row.get("hotfix_id"),
            "comments": row.get("description"),
            "install_date": _month_first(text_of(row, "installed_on") or ""),
        }
        for row in rows
    ]
    # When an update of any kind was installed last is told by another query, and better.
    told = tuple(fact for fact in software_facts(updates, at) if fact.key == "installed_update")
    return Answer(told, tables_read=frozenset({"installed_update"}))


def _month_first(text: str) -> str | None:
    """Windows Management writes 6/14/2023 for the fourteenth of June, whatever the language."""
    found = _MONTH_FIRST.fullmatch(text)
    if found is None:
        return text or None
    try:
        return date(int(found[3]), int(found[1]), int(found[2])).isoformat()
    except ValueError:
        return None


def _last_update(rows: Rows, at: datetime) -> Answer:
    seconds = whole_number_of(_first(rows), "last_update", digits=10)
    last = datetime.fromtimestamp(seconds, UTC) if seconds else None
    return Answer(_said(at, {"last_update": last if last is not None and last <= at else None}))


def _reboot(rows: Rows, at: datetime) -> Answer:
    waiting = whole_number_of(_first(rows), "waiting")
    return Answer(_said(at, {"reboot_needed": None if waiting is None else waiting > 0}))


def _programs(rows: Rows, at: datetime) -> Answer:
    told = tuple(fact for fact in software_facts(rows, at) if fact.key == "software")
    tools = remote_control_facts((), rows, at, partial=False)
    return Answer((*told, *tools), tables_read=frozenset({"software", "remote_control"}))


def _packages(rows: Rows, at: datetime) -> Answer:
    """A Linux has one of two package managers, and the other's table is empty: that is no list of what is installed."""
    return _programs(rows, at) if rows else Answer()


def _bitlocker(rows: Rows, at: datetime) -> Answer:
    drives = [
        {
            "letter": row.get("device_id"),
            "systemdrive": row.get("boot_partition"),
            "encrypt_status": _bitlocker_state(row),
            "encrypt_name": "BitLocker" if _bitlocker_state(row) in ("yes", "partially") else None,
            "encrypt_algo": row.get("encryption_method"),
        }
        for row in rows
    ]
    return Answer(encryption_facts(drives, at))


def _bitlocker_state(row: Row) -> str | None:
    """Encrypted is what is so to the end and protected: with protection suspended the key lies open beside it."""
    protection, conversion = text_of(row, "protection_status"), text_of(row, "conversion_status")
    if protection == "1" and conversion == "1":
        return "yes"
    if conversion in ("2", "3", "4", "5"):
        return "partially"
    return "no" if protection == "0" else None


def _disk_encryption(rows: Rows, at: datetime) -> Answer:
    states = {"encrypted": "yes", "not encrypted": "no"}
    drives = [
        {
            "letter": row.get("path"),
            "encrypt_status": states.get((text_of(row, "encryption_status") or "").lower()),
            "encrypt_name": row.get("type"),
        }
        for row in rows
    ]
    return Answer(encryption_facts(drives, at))


def _password_policy(rows: Rows, at: datetime) -> Answer:
    row = _first(rows)
    values: dict[str, Value] = {
        "password_length": whole_number_of(row, "minimum_password_length"),
        "password_complex": flag_of(row, "password_complexity"),
    }
    return Answer(_said(at, values))


def _smb1(rows: Rows, at: datetime) -> Answer:
    """Of the feature the part that serves, where Windows knows it as a part; 1 is on, 2 off, 3 not there at all."""
    states = {text_of(row, "name"): text_of(row, "state") for row in rows}
    state = states.get("SMB1Protocol-Server", states.get("SMB1Protocol"))
    return Answer(_said(at, {"smb1": {"1": True, "2": False, "3": False}.get(state or "")}))


def _first(rows: Iterable[Row]) -> Row:
    return next(iter(rows), {})


def _memory(row: Row) -> int | None:
    """Bytes, which vary a little with what the firmware keeps: in whole mebibytes, as agents tell it."""
    text = text_of(row, "physical_memory") or ""
    return int(text) // MEBIBYTE * MEBIBYTE if re.fullmatch(r"[1-9]\d{6,17}", text) else None


def _said(at: datetime, values: Mapping[str, Value], *, keep_none: bool = False) -> tuple[Fact, ...]:
    return facts(SOURCE, at, values, proof=Proof.AGENT, keep_none=keep_none)


#: By the name of the query. Every one may raise InputError, for a field that is no text or too many rows.
READERS: Mapping[str, Reader] = {
    "machine": _machine,
    "screen": _screen,
    "interfaces": _interfaces,
    "antivirus": _antivirus,
    "security_center": _security_center,
    "installed_updates": _installed_updates,
    "last_update": _last_update,
    "reboot": _reboot,
    "programs": _programs,
    "deb_packages": _packages,
    "rpm_packages": _packages,
    "bitlocker": _bitlocker,
    "disk_encryption": _disk_encryption,
    "password_policy": _password_policy,
    "smb1": _smb1,
}
