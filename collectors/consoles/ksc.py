"""What Kaspersky Security Center itself says of the machines it manages, in the form of a report of its own."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address

from collectors.consoles import cells
from collectors.consoles.profile import load_profiles
from collectors.consoles.report import NAMELESS, Problem, Report, line_of, shown
from collectors.transports.ksc import AdministrationServer, Row
from inventory.register.tables import Cell
from inventory.words import Credential, Title, Value

PROFILE = "kaspersky"

#: Which attribute of a host tells which field of a line; the first one that tells it wins.
ATTRIBUTES: Mapping[str, str] = {
    "KLHST_WKS_WINHOSTNAME": "hostname", "KLHST_WKS_FQDN": "hostname", "KLHST_WKS_DN": "hostname",
    "KLHST_WKS_IP_LONG": "address", "KLHST_WKS_MAC_ADDRESSES": "mac", "KLHST_WKS_GROUPID": "agency",
    "KLHST_WKS_STATUS": "managed", "KLHST_WKS_STATUS_MASK_5": "installed", "KLHST_WKS_RTP_STATE": "enabled",
    "KLHST_WKS_RTP_AV_VERSION": "version", "KLHST_WKS_STATUS_MASK_7": "up_to_date",
    "KLHST_WKS_RTP_AV_BASES_TIME": "signatures_at", "KLHST_WKS_LAST_FULLSCAN": "last_scan",
    "KLHST_WKS_UNCURED_COUNT": "infections", "KLHST_WKS_RBT_REQUIRED": "reboot_needed",
    "KLHST_WKS_LAST_NAGENT_CONNECTED": "last_seen",
}  # fmt: skip

_HAS_AGENT, _HAS_PROTECTION = 1 << 2, 1 << 4
"""Bits of KLHST_WKS_STATUS."""
_STATES: Mapping[int, bool] = {1: False, 2: False, 4: True, 5: True, 6: True, 7: True, 8: True, 9: False}
"""KLHST_WKS_RTP_STATE: stopped, suspended, five ways of running, failed; unknown (0) and starting (3) say neither."""
_EARLIEST = 1990


async def read_server(host: str, port: int, credential: Credential, *, source: str) -> Report:
    """Every machine that the server at `host` manages; its facts are of `source`.

    The report is of the moment at which it is read, and what it says of a machine is of when the machine last called.

    Raises:
        KscError: the server was not read to the end.
        InputError: the credential cannot be used.
    """
    async with AdministrationServer(host, port, credential) as server:
        groups = await server.groups()
        report = Report(load_profiles()[PROFILE], datetime.now(UTC), mapping=dict(ATTRIBUTES))
        number = 0
        async for row in server.hosts(tuple(ATTRIBUTES)):
            number += 1
            _tell(report, number, row, groups, source)
    return report


def _tell(report: Report, number: int, row: Row, groups: Mapping[int, str], source: str) -> None:
    """Add a host to the report, or what of it cannot be read to its problems."""
    name = next((str(row[k]) for k, v in ATTRIBUTES.items() if v == "hostname" and row.get(k)), "")
    try:
        # A display name may be anything; what other sources know the machine by is its host name.
        hostname = cells.read_name(cells.text_of(Cell(name))) if name else ""
    except cells.Misread as error:
        report.problems.append(Problem(number, "KLHST_WKS_WINHOSTNAME", shown(name), error.expected))
        return
    address, macs = _address(row.get("KLHST_WKS_IP_LONG")), _macs(row.get("KLHST_WKS_MAC_ADDRESSES"))
    if not (hostname or address or macs):
        report.problems.append(Problem(number, "KLHST_WKS_DN", NAMELESS, Title("tên máy", "a host name")))
        return
    status, group = row.get("KLHST_WKS_STATUS"), row.get("KLHST_WKS_GROUPID")
    values: dict[str, Value | tuple[str, ...]] = {
        "hostname": hostname,
        "address": address,
        "mac": macs,
        "agency": groups.get(group, "") if isinstance(group, int) else "",
        "managed": bool(status & _HAS_AGENT) if isinstance(status, int) else None,
        "installed": _installed(row),
        "enabled": _STATES.get(state) if isinstance(state := row.get("KLHST_WKS_RTP_STATE"), int) else None,
        "version": _version(row.get("KLHST_WKS_RTP_AV_VERSION")),
        "signatures_at": _time(row, "KLHST_WKS_RTP_AV_BASES_TIME", report.reported_at),
        "last_scan": _time(row, "KLHST_WKS_LAST_FULLSCAN", report.reported_at),
        "last_seen": _time(row, "KLHST_WKS_LAST_NAGENT_CONNECTED", report.reported_at),
        "infections": _count(row.get("KLHST_WKS_UNCURED_COUNT")),
        "reboot_needed": _flag(row.get("KLHST_WKS_RBT_REQUIRED")),
    }
    if _flag(row.get("KLHST_WKS_STATUS_MASK_7")):
        values["up_to_date"] = False
    if values["installed"] is False:
        values["enabled"] = False
    report.lines.append(line_of(number, {k: v for k, v in values.items() if _is_told(k, v)}, report, source))


def _is_told(name: str, value: Value | tuple[str, ...]) -> bool:
    # A flag that the server does not know is said to be unknown: it takes back what was known before.
    return name in ("managed", "installed", "enabled", "reboot_needed") or value not in (None, "", ())


def _installed(row: Row) -> bool | None:
    if _flag(row.get("KLHST_WKS_STATUS_MASK_5")):
        return False
    status = row.get("KLHST_WKS_STATUS")
    return bool(status & _HAS_PROTECTION) if isinstance(status, int) else None


def _address(value: object) -> str | None:
    """An IPv4 address that the server holds as one number."""
    if not isinstance(value, int) or not 0 < value < 1 << 32:
        return None
    return cells.read_address(str(ip_address(value)))


def _macs(value: object) -> tuple[str, ...]:
    """Hardware addresses, each six bytes in base64."""
    found = []
    for each in value if isinstance(value, list) else ():
        try:
            raw = base64.b64decode(str(each), validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(raw) == 6 and any(raw):
            found.append(raw.hex().upper())
    return tuple(found)


def _version(value: object) -> str:
    try:
        return cells.text_of(Cell(value if isinstance(value, str) else ""))
    except cells.Misread:
        return ""


def _time(row: Row, name: str, latest: datetime) -> datetime | None:
    """A time that has been; the server writes 1970 for never."""
    value = row.get(name)
    if not isinstance(value, datetime) or value.year < _EARLIEST:
        return None
    return min(value, latest)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else None


def _flag(value: object) -> bool | None:
    return bool(value) if isinstance(value, bool | int) else None
