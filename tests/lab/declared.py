"""What the lab consists of: the register of `register/*.csv` and, beneath it, the machines of `devices.csv`."""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REGISTER = HERE / "register"
RECORDINGS = HERE.parent / "recordings" / "snmp"

CORE_ADDRESS = "198.18.255.1"
"""Where Dophu's collectors stand; all of 198.18.0.0/15 is set aside for tests (RFC 2544)."""

SILENT = "so-taichinh"
"""The agency whose line is cut when the lab comes up."""

UNSCANNED = "so-khcn-dc"
"""The network that may not be scanned; a capture runs in it."""

CREDENTIALS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "lab-v2c": ("snmp-v2c", {"community": "tinh-lab"}),
    "lab-default": ("snmp-v2c", {"community": "public"}),
    "lab-v3": (
        "snmp-v3",
        {
            "user": "dophu",
            "auth": "SHA",
            "auth_password": "xac-thuc-lab",
            "priv": "AES",
            "priv_password": "bao-mat-lab",
        },
    ),
    "lab-codec": ("xapi", {"user": "giam-sat", "password": "chi-doc-lab"}),
}
"""Name to kind and secret. They open nothing but the lab's own devices, which live in namespaces or on 127.x."""


class LabError(RuntimeError):
    """The lab did not do what it should; the text says which part, with the end of its log."""


@dataclass(frozen=True, slots=True)
class Device:
    """One machine of the lab."""

    name: str
    network: str
    address: str
    kind: str
    """"gateway" (the agency's router), "linux" (a real host), or "recorded" (answered from a recording)."""
    source: str
    """For "recorded": the recording's file name without its suffix."""
    replace: tuple[tuple[str, str], ...]
    """Texts of the recording (such as its serial number) and what this device says in their place."""
    snmp: str
    """The credential that it answers to; empty when it speaks no SNMP."""
    services: frozenset[str]
    """Of "ssh", "http", "https", "lldp", "xapi", and "agent" for the machine that runs an inventory agent."""
    location: str


@dataclass(frozen=True, slots=True)
class Row:
    """A declared network or link, as far as the lab needs it."""

    code: str
    agency: str
    kind: str
    """A network's purpose, or a link's kind."""
    where: str
    """A network's prefix, or the address of a link's far end."""


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file in UTF-8 with a header."""
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def networks() -> dict[str, Row]:
    """The declared networks by code."""
    rows = read_csv(REGISTER / "networks.csv")
    return {r["code"]: Row(r["code"], r["agency"], r["purpose"], r["prefix"]) for r in rows}


def links() -> dict[str, Row]:
    """The declared links by code."""
    rows = read_csv(REGISTER / "links.csv")
    return {r["code"]: Row(r["code"], r["agency"], r["kind"], r["address"]) for r in rows}


def devices() -> tuple[Device, ...]:
    """The machines of the lab, in the order of the file, which also fixes their hardware addresses."""
    return tuple(
        Device(
            name=row["name"],
            network=row["network"],
            address=str(ipaddress.ip_address(row["address"])),
            kind=row["kind"],
            source=row["source"],
            replace=tuple((old, new) for old, _, new in (pair.partition("=") for pair in row["replace"].split())),
            snmp=row["snmp"],
            services=frozenset(row["services"].split()),
            location=row["location"],
        )
        for row in read_csv(HERE / "devices.csv")
    )


def vary(recording: str, replace: tuple[tuple[str, str], ...]) -> str:
    """The recording's text as another device of the same kind: each text replaced, in hexadecimal values too."""
    for old, new in replace:
        recording = recording.replace(old, new)
        recording = recording.replace(old.encode().hex(), new.encode().hex())
    return recording
