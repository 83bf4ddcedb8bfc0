"""Lists of hosts that other monitoring systems export: what they declare of each, and nothing that they measured."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from collectors.host_lists import librenms, zabbix
from collectors.host_lists.listed import Listed
from inventory.refusing import cannot
from inventory.text import nfc, storable
from inventory.words import InputError, Title

__all__ = ["SYSTEMS", "HostList", "Listed", "read_hosts"]

SYSTEMS: Mapping[str, Callable[[object], list[Listed]]] = {"librenms": librenms.read, "zabbix": zabbix.read}
"""By name, what reads a system's list; the name is the source of the facts."""

_LARGEST = 64 << 20
"""Bytes of a file: some thousand hosts are some megabytes."""
_MOST = 50_000
_DEEPEST = 30
_LONGEST = 200
"""Characters of a text."""


@dataclass(frozen=True, slots=True)
class HostList:
    """The hosts of one file, and those of which it has no address, by where they stand."""

    hosts: tuple[Listed, ...]
    without: tuple[Listed, ...]


def read_hosts(path: Path, system: str) -> HostList:
    """The hosts that a file of `system` lists: JSON, YAML or CSV by how the file's name ends.

    Raises:
        InputError: it cannot be read, is too large, is none of these, or is no list of this system.
    """
    if system not in SYSTEMS:
        raise InputError(
            Title(
                f"--from: gặp {system!r}, cần {' hoặc '.join(SYSTEMS)}",
                f"--from: found {system!r}, expected {' or '.join(SYSTEMS)}",
            )
        )
    content = _content(path)
    try:
        listed = [_cleaned(host) for host in SYSTEMS[system](content)]
    except InputError as error:
        raise InputError(Title(f"{path.name}: {error.told.vi}", f"{path.name}: {error}")) from None
    if len(listed) > _MOST:
        raise InputError(
            Title(
                f"{path.name}: gặp {len(listed)} máy, cần nhiều nhất {_MOST}",
                f"{path.name}: found {len(listed)} hosts, expected at most {_MOST}",
            )
        )
    return HostList(tuple(h for h in listed if h.address), tuple(h for h in listed if not h.address))


def _content(path: Path) -> object:
    """What the file says, as lists, mappings and texts."""
    readers: Mapping[str, Callable[[str], object]] = {".json": json.loads, ".yaml": _yaml, ".yml": _yaml, ".csv": _csv}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise InputError(
            Title(
                f"{path.name}: gặp đuôi tệp {suffix!r}, cần một trong {', '.join(readers)}",
                f"{path.name}: found the ending {suffix!r}, expected one of {', '.join(readers)}",
            )
        )
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(
                Title(
                    f"{path.name}: gặp {path.stat().st_size >> 20} MB, cần nhiều nhất {_LARGEST >> 20} MB",
                    f"{path.name}: found {path.stat().st_size >> 20} MB, expected at most {_LARGEST >> 20} MB",
                )
            )
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise cannot(path, error) from None
    except UnicodeDecodeError as error:
        raise InputError(
            Title(
                f"{path.name}: byte {error.start + 1} không phải UTF-8",
                f"{path.name}: byte {error.start + 1} is no UTF-8",
            )
        ) from None
    try:
        content = readers[suffix](text)
    except json.JSONDecodeError as error:
        raise InputError(
            Title(
                f"{path.name}: dòng {error.lineno}: cần JSON ({error.msg})",
                f"{path.name}: line {error.lineno}: expected JSON ({error.msg})",
            )
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(
            Title(
                f"{path.name}: dòng {line}: cần YAML ({error.problem})",
                f"{path.name}: line {line}: expected YAML ({error.problem})",
            )
        ) from None
    except yaml.YAMLError as error:
        raise InputError(
            Title(
                f"{path.name}: cần YAML ({str(error).splitlines()[0]})",
                f"{path.name}: expected YAML ({str(error).splitlines()[0]})",
            )
        ) from None
    except csv.Error as error:
        raise InputError(Title(f"{path.name}: cần CSV ({error})", f"{path.name}: expected CSV ({error})")) from None
    except (RecursionError, ValueError):
        raise InputError(
            Title(
                f"{path.name}: gặp nội dung lồng nhau hoặc số quá mức, cần một danh sách",
                f"{path.name}: found what is nested or numbered beyond reason, expected a list",
            )
        ) from None
    return content


def _yaml(text: str) -> object:
    # Every scalar stays the text that it is: a name may be 0123, or no. The loader in C, ten times as fast, would end
    # the process where lists are nested many thousand deep, so that is looked at first.
    loader: type[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    depth = 0
    for event in yaml.parse(text, loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise RecursionError
    # Of all loaders this one makes the least: texts, lists and mappings.
    return yaml.load(text, loader)  # noqa: S506


def _csv(text: str) -> list[dict[str, object]]:
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(",;\t", key=head.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return [{str(name): value for name, value in row.items() if name is not None} for row in rows]


def _cleaned(host: Listed) -> Listed:
    """The host with texts that can be kept, and an address that is one; a loopback of theirs is nobody's address."""
    try:
        stated = ip_address(host.address.strip())
    except ValueError:
        stated = None
    if stated is None or stated.is_loopback or stated.is_unspecified or stated.is_multicast:
        address = ""
    else:
        address = str(stated)
    return replace(host, address=address, name=_text(host.name), location=_text(host.location))


def _text(text: str) -> str:
    return nfc("".join(c for c in storable(text) if c.isprintable() or c.isspace()))[:_LONGEST]
