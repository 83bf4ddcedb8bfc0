"""An inventory for Ansible: what answers, in groups by agency, level and role.

The form is that of Ansible's plugin `yaml`, which takes JSON as well. What devices say of themselves becomes a variable
only without braces: Ansible would run what stands between two of them as a template.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from inventory.text import fold

__all__ = ["Host", "write_inventory"]


_NOBODY = ("localhost", "127.0.0.1", "localhost.localdomain")
"""Names that many machines have."""


@dataclass(frozen=True, slots=True)
class Host:
    """An asset as Ansible is to know it."""

    number: int
    name: str
    address: str
    agency: str
    level: str
    role: str
    vendor: str = ""
    model: str = ""
    system: str = ""
    network: str = ""


def write_inventory(hosts: Sequence[Host], form: str) -> str:
    """The inventory as "yaml" or "json"; the same hosts always give the same text."""
    tree = _tree(hosts)
    if form == "json":
        return json.dumps(tree, ensure_ascii=False, indent=1) + "\n"
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)


def _tree(hosts: Sequence[Host]) -> dict[str, Any]:
    agencies = _groups("agency", (h.agency for h in hosts))
    levels = _groups("level", (h.level for h in hosts))
    roles = _groups("role", (h.role for h in hosts))
    names = _names(hosts, {"all", "ungrouped", *agencies.values(), *levels.values(), *roles.values()})
    children: dict[str, Any] = {}
    for host, name in zip(hosts, names, strict=True):
        children.setdefault(agencies[host.agency], {"hosts": {}})["hosts"][name] = {}
        children.setdefault(roles[host.role], {"hosts": {}})["hosts"][name] = {}
        under = children.setdefault(levels[host.level], {"children": {}})["children"]
        under.setdefault(agencies[host.agency], {})
    told = {name: _variables(host) for host, name in zip(hosts, names, strict=True)}
    return {"all": {"hosts": told, "children": dict(sorted(children.items()))}}


def _variables(host: Host) -> dict[str, str | int]:
    told = {
        "dophu_agency": host.agency, "dophu_level": host.level, "dophu_role": host.role, "dophu_network": host.network,
        "dophu_vendor": host.vendor, "dophu_model": host.model, "dophu_system": host.system,
    }  # fmt: skip
    variables = {key: _harmless(value) for key, value in told.items() if value}
    return {"ansible_host": host.address, "dophu_asset": host.number, **variables}


def _names(hosts: Sequence[Host], groups: Collection[str]) -> list[str]:
    """Each host's name as it tells it, and with its number where that is another's too, or a group's; by its address
    where it has none."""
    plain = [re.sub(r"[^\w.-]+", "-", fold(h.name)).strip("-.") or h.address.replace(":", "-") for h in hosts]
    many = Counter(plain)
    # Ansible takes these for the machine that it runs on, and for groups: a play for one would go to the other.
    many.update(dict.fromkeys((*_NOBODY, *groups), 2))
    names: list[str] = []
    taken: set[str] = set()
    for host, name in zip(hosts, plain, strict=True):
        unique = f"{name}-{host.number}" if many[name] > 1 else name
        while unique in taken:
            unique = f"{unique}-{host.number}"
        taken.add(unique)
        names.append(unique)
    return names


def _groups(kind: str, codes: Iterable[str]) -> dict[str, str]:
    """The name of each code's group: letters, digits and underscores, none twice."""
    names: dict[str, str] = {}
    for code in sorted(set(codes)):
        base = f"{kind}_{re.sub(r'[^a-z0-9]+', '_', fold(code)).strip('_')}"
        name, number = base, 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[code] = name
    return names


def _harmless(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).translate({ord("{"): "(", ord("}"): ")"})[:200]
