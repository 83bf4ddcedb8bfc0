"""Inventories for the agents' benchmark: machines of a province, each with programs of one catalogue.

A body has the shape of what a real agent sends of a Debian machine (findings of runs: about 320 kB plain, 24 to 60 kB
packed, 960 programs), the sections that are dropped on arrival included.
"""

from __future__ import annotations

import functools
import json
import random
import zlib
from dataclasses import dataclass
from xml.sax.saxutils import escape

CATALOGUE, PROGRAMS, PROCESSES = 3_000, 960, 110

_WORDS = ("lib", "python3", "perl", "gtk", "kế toán", "fonts", "gcc", "văn bản", "driver", "office", "hóa đơn", "tools")


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the catalogue."""

    name: str
    version: str
    publisher: str


@functools.cache
def catalogue(seed: int = 1) -> list[Program]:
    """All programs there are, the same for the same seed."""
    choose = random.Random(seed)  # noqa: S311 - no secret
    return [
        Program(
            f"{choose.choice(_WORDS)}-{number:04}",
            f"{choose.randint(1, 30)}.{choose.randint(0, 99)}.{choose.randint(0, 9999)}-{choose.randint(1, 9)}",
            choose.choice(("Debian", "Microsoft Corporation", "Công ty Cổ phần MISA", "Igor Pavlov")),
        )
        for number in range(CATALOGUE)
    ]


def programs_of(machine: int, programs: list[Program], count: int = PROGRAMS) -> list[Program]:
    """What is installed on a machine: half the same everywhere, half of its own."""
    choose = random.Random(machine)  # noqa: S311 - no secret
    common = programs[: count // 2]
    return [*common, *choose.sample(programs[count // 2 :], count - len(common))]


def content(machine: int, programs: list[Program]) -> dict[str, object]:
    """The sections of one machine's inventory."""
    return {
        "versionclient": "GLPI-Agent_v1.12",
        "hardware": {
            "name": f"may-{machine:06}", "uuid": f"4C4C4544-0051-4210-8031-{0x6F0000000000 + machine:012X}",
            "memory": 8192, "chassis_type": "Desktop", "vmsystem": "Physical",
        },
        "bios": {"ssn": f"7QB{machine:07}", "smanufacturer": "Dell Inc.", "smodel": "OptiPlex 3070"},
        "operatingsystem": {
            "name": "Debian GNU/Linux", "full_name": "Debian GNU/Linux 12 (bookworm)", "version": "12.11",
            "kernel_name": "linux", "kernel_version": "6.1.0-37-amd64", "arch": "x86_64",
        },
        "networks": [
            {"description": "eth0", "mac": (0x001B21000000 + machine).to_bytes(6).hex(":"),
             "ipaddress": f"10.{machine >> 16 & 255}.{machine >> 8 & 255}.{machine & 255}", "status": "up",
             "type": "ethernet", "virtualdev": False}
        ],
        "softwares": [
            {"arch": "amd64", "filesize": 702_464, "from": "deb", "name": p.name, "publisher": p.publisher,
             "system_category": "admin", "version": p.version, "comments": f"what {p.name} is good for, in one line of"
             " some words such as maintainers write them, here and there a little longer than this one, or shorter"}
            for p in programs_of(machine, programs)
        ],
        "processes": [
            {"cmd": f"/usr/lib/program-{n}/bin/program --serve --config /etc/program-{n}/program.conf", "pid": n,
             "cpuusage": "0.0", "mem": "0.1", "started": "2026-11-22 01:08", "tty": "?", "user": "root",
             "virtualmemory": 102_400 + n}
            for n in range(PROCESSES)
        ],
    }  # fmt: skip


def json_body(machine: int, programs: list[Program]) -> bytes:
    """What a GLPI agent sends, plain."""
    document = {
        "action": "inventory", "deviceid": f"may-{machine:06}-2026-03-02-07-41-10", "itemtype": "Computer",
        "content": content(machine, programs),
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False).encode()


def xml_body(machine: int, programs: list[Program]) -> bytes:
    """What a FusionInventory agent sends, plain."""
    parts = ['<?xml version="1.0" encoding="UTF-8" ?>\n<REQUEST>\n  <CONTENT>\n']
    for name, section in content(machine, programs).items():
        for row in section if isinstance(section, list) else [section]:
            if isinstance(row, dict):
                fields = "".join(
                    f"      <{key.upper()}>{escape(str(int(value) if isinstance(value, bool) else value))}"
                    f"</{key.upper()}>\n"
                    for key, value in row.items()
                    if key != "comments"
                )
                parts.append(f"    <{name.upper()}>\n{fields}    </{name.upper()}>\n")
    parts.append(f"  </CONTENT>\n  <DEVICEID>may-{machine:06}-2026-03-02-07-41-10</DEVICEID>\n")
    parts.append("  <QUERY>INVENTORY</QUERY>\n</REQUEST>\n")
    return "".join(parts).encode()


def packed(plain: bytes) -> bytes:
    """As it is on the wire."""
    return zlib.compress(plain, 6)
