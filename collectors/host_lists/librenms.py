"""Devices of LibreNMS: the answer of its API `/api/v0/devices`, or a list with the same names as columns.

https://docs.librenms.org/API/Devices/ (list_devices)
"""

from __future__ import annotations

from collections.abc import Mapping

from collectors.host_lists.listed import Listed, text
from inventory.urls import is_address
from inventory.words import InputError, Title

__all__ = ["read"]

_ROLES: Mapping[str, str] = {
    "server": "server", "firewall": "firewall", "wireless": "wireless", "power": "power", "printer": "printer",
    "storage": "storage", "workstation": "workstation", "loadbalancer": "loadbalancer", "management": "management",
    "environment": "sensor",
}  # fmt: skip
"""Roles by LibreNMS' types; its `network` is a switch, a router or something else, and says nothing."""


def read(content: object) -> list[Listed]:
    """The devices that are not disabled.

    Raises:
        InputError: it is no such list.
    """
    rows = content
    if isinstance(content, dict):
        if content.get("status") not in (None, "ok"):
            raise InputError(
                Title(
                    f"gặp trạng thái {str(content['status'])!r:.60}, cần ok",
                    f"found the status {str(content['status'])!r:.60}, expected ok",
                )
            )
        rows = content.get("devices")
    if not isinstance(rows, list):
        raise InputError(
            Title(
                "không có danh sách thiết bị, cần câu trả lời của /api/v0/devices hoặc tệp CSV",
                "found no list of devices, expected the answer of /api/v0/devices or a CSV file",
            )
        )
    listed = []
    for number, row in enumerate(rows, 1):
        where = str(number)
        if not isinstance(row, dict) or not text(row, "hostname", "Hostname"):
            raise InputError(
                Title(
                    f"thiết bị {where}: không có hostname, cần một thiết bị",
                    f"device {where}: found no hostname, expected a device",
                )
            )
        if text(row, "disabled") not in ("1", "true"):
            listed.append(_listed(where, row))
    return listed


def _listed(where: str, row: Mapping[str, object]) -> Listed:
    host = text(row, "hostname", "Hostname")
    name = text(row, "sysName", "SysName", "sysname", "display") or ("" if is_address(host) else host)
    address = text(row, "ip", "IP") or (host if is_address(host) else "")
    kind = text(row, "type", "Type").lower()
    return Listed(where, name or host, address, _ROLES.get(kind, ""), text(row, "location", "Location"))
