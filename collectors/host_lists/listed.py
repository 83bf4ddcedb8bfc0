"""What the readers of all systems share: the texts of a host, and the role that words name."""

from __future__ import annotations

from collections.abc import Mapping

from inventory.host_lists import Listed
from inventory.text import fold

__all__ = ["Listed", "role_of", "text"]


def text(of: Mapping[str, object], *names: str) -> str:
    """The first of these that holds text or a number, without the white space around it."""
    for name in names:
        value = of.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


_WORDS: Mapping[str, str] = {
    "firewall": "firewall", "firewalls": "firewall", "fortigate": "firewall", "tuong lua": "firewall",
    "router": "router", "routers": "router", "dinh tuyen": "router",
    "switch": "switch", "switches": "switch", "chuyen mach": "switch",
    "access point": "wireless", "access points": "wireless", "wireless": "wireless", "wifi": "wireless",
    "printer": "printer", "printers": "printer", "may in": "printer",
    "ups": "power", "pdu": "power", "luu dien": "power",
    "camera": "camera", "cameras": "camera",
    "hypervisor": "hypervisor", "hypervisors": "hypervisor", "esxi": "hypervisor",
    "nas": "storage", "san": "storage", "luu tru": "storage",
    "server": "server", "servers": "server", "may chu": "server",
    "workstation": "workstation", "workstations": "workstation", "may tram": "workstation",
}  # fmt: skip
"""Words of groups and templates that name a role, without accents."""


def role_of(*texts: str) -> str:
    """The one role that these texts name; empty where they name none, or several."""
    found: set[str] = set()
    for one in texts:
        words = f" {' '.join(''.join(c if c.isalnum() else ' ' for c in fold(one)).split())} "
        found |= {role for word, role in _WORDS.items() if f" {word} " in words}
    return found.pop() if len(found) == 1 else ""
