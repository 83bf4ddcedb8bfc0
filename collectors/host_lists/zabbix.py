"""Hosts of Zabbix: its export of hosts as YAML or JSON, versions 6.0 to 7.4.

https://www.zabbix.com/documentation/current/en/manual/xml_export_import/hosts
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from collectors.host_lists.listed import Listed, role_of, text
from inventory.words import InputError, Title

__all__ = ["read"]

_KNOWN = re.compile(r"[67]\.\d+")


def read(content: object) -> list[Listed]:
    """The hosts that are not disabled.

    Raises:
        InputError: it is no such export, or of another version.
    """
    export = content.get("zabbix_export") if isinstance(content, dict) else None
    if not isinstance(export, dict):
        raise InputError(
            Title(
                "không có zabbix_export, cần danh sách máy xuất ra YAML hoặc JSON",
                "found no zabbix_export, expected hosts exported as YAML or JSON",
            )
        )
    version = text(export, "version") or str(export.get("version"))
    if not _KNOWN.fullmatch(version):
        raise InputError(
            Title(
                f"version: gặp {version!r:.40}, cần 6.x hoặc 7.x",
                f"version: found {version!r:.40}, expected 6.x or 7.x",
            )
        )
    rows = export.get("hosts")
    if not isinstance(rows, list):
        raise InputError(
            Title(
                "không có hosts, cần bản xuất các máy chứ không phải các mẫu",
                "found no hosts, expected an export of hosts and not of templates",
            )
        )
    listed = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not text(row, "host"):
            raise InputError(
                Title(f"máy {number}: không có tên, cần một máy", f"host {number}: found no name, expected a host")
            )
        if text(row, "status") != "DISABLED":
            listed.append(_listed(str(number), row))
    return listed


def _listed(where: str, row: Mapping[str, object]) -> Listed:
    stock = row.get("inventory")
    stock = stock if isinstance(stock, dict) else {}
    # What the host is watched with says more than the groups that people put it into.
    role = role_of(text(stock, "type")) or role_of(*_names(row, "templates")) or role_of(*_names(row, "groups"))
    return Listed(where, text(row, "name", "host"), _address(row), role, text(stock, "location"))


def _address(row: Mapping[str, object]) -> str:
    """The address of the first interface that is used by address; an agent that is reached by name has none."""
    told = row.get("interfaces")
    for interface in told if isinstance(told, list) else ():
        by_name = isinstance(interface, dict) and text(interface, "useip").upper() in ("NO", "0")
        # The export leaves out what is usual, and the address 127.0.0.1 is.
        if isinstance(interface, dict) and not by_name and (address := text(interface, "ip")):
            return address
    return ""


def _names(row: Mapping[str, object], what: str) -> list[str]:
    told = row.get(what)
    return [text(one, "name") for one in told if isinstance(one, dict)] if isinstance(told, list) else []
