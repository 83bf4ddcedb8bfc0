"""Profiles of scans: one file says what is asked of the hosts of a network, and what of their answers is exposed.

    title: {vi:, en:}
    note: {vi:, en:}            what it is for, and what it does not do
    knock: [22, 443]            TCP ports by which the sweep finds hosts, beside ICMP and ARP
    ports: [21, 22, "8000-8010"]  TCP ports that are read of each host found; none: a sweep only
    version: 2                  how much is asked to recognise a service (nmap's intensity, 0-9); absent: nothing
    scripts: [smb-protocols]    nmap's scripts, of those that `collectors.transports.nmap.SCRIPTS` allows
    host_timeout: 120           seconds for the ports of one host
    exposures:                  facts that follow of each host all of whose ports were read
      exposed_telnet: {services: [telnet], ports: [23]}
      smb1: {script: smb-protocols, says: ["NT LM 0.12"]}
    snmp_public: true           whether each host is asked over SNMP with the community that everybody knows
    default_logins: [Dahua]     makers whose login pages make `default_login` true, by their vendor files

The file's name is the profile's id.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collectors.transports.nmap import SCRIPTS, Host, Service
from inventory import vocabulary
from inventory.refusing import meant
from inventory.strict_yaml import Entry, StrictFile, nearest
from inventory.words import InputError, Title

__all__ = ["Exposure", "Profile", "load_profiles", "profile"]

_FOLDER = Path(__file__).parent
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_MOST_PORTS = 5_000


@dataclass(frozen=True, slots=True)
class Exposure:
    """When a truth about a host follows from what its ports answered."""

    key: str
    """A truth value of the vocabulary."""
    services: frozenset[str] = frozenset()
    """nmap's names of services: one of them on any port makes it true."""
    ports: frozenset[int] = frozenset()
    """One of them open makes it true, unless something else was recognised there."""
    plain: bool = False
    """Only what is not inside of TLS."""
    script: str = ""
    says: tuple[str, ...] = ()
    """Parts of what the script says that make it true; where the script said nothing, nothing follows."""
    tunnel: str = ""
    """Unless none of the services is inside of this: then there was nothing to say, and it is not true."""

    def judge(self, host: Host) -> bool | None:
        """Whether it is true of a host whose ports were all read; None where that says nothing."""
        if self.script:
            said = [text for name, text in _said(host) if name == self.script]
            if said:
                return any(part in text for text in said for part in self.says)
            nowhere = self.tunnel and all(service.tunnel != self.tunnel for service in host.services)
            return False if nowhere else None
        return any(self._is_of(service) for service in host.services)

    def _is_of(self, service: Service) -> bool:
        if self.plain and service.tunnel:
            return False
        return service.name in self.services or (service.port in self.ports and not service.product)


def _said(host: Host) -> list[tuple[str, str]]:
    return [*host.scripts, *(said for service in host.services for said in service.scripts)]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a scan asks."""

    id: str
    title: Title
    note: Title
    knock: tuple[int, ...]
    ports: tuple[int, ...] = ()
    version: int | None = None
    scripts: tuple[str, ...] = ()
    host_timeout: int = 90
    exposures: tuple[Exposure, ...] = ()
    snmp_public: bool = False
    default_logins: frozenset[str] = frozenset()
    """Makers that ship with a password that anyone can look up."""


def profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        InputError: there is none.
    """
    known = load_profiles()
    if name not in known:
        raise InputError(
            Title(
                f"gặp kiểu quét {name!r}, cần một trong {', '.join(known)}{meant(name, known).vi}",
                f"found the profile {name!r}, expected one of {', '.join(known)}{nearest(name, known)}",
            )
        )
    return known[name]


@functools.cache
def load_profiles(folder: Path = _FOLDER) -> Mapping[str, Profile]:
    """Every profile by name.

    Raises:
        InputError: with every problem, its file and line.
    """
    files: list[StrictFile] = []
    profiles: dict[str, Profile] = {}
    truths = [key.name for key in vocabulary.load().of("asset") if key.type == "bool"]
    for path in sorted(folder.glob("*.yaml")):
        file = StrictFile(path.name)
        files.append(file)
        if (top := file.open(path)) is not None:
            profiles[path.stem] = _read(file, top, path.stem, truths)
    if problems := [str(p) for file in files for p in sorted(file.problems)]:
        raise InputError("\n".join(problems))
    return profiles


def _read(file: StrictFile, top: Entry, name: str, truths: Sequence[str]) -> Profile:
    optional = ("ports", "version", "scripts", "host_timeout", "exposures", "snmp_public", "default_logins")
    at = file.fields(top, ("title", "note", "knock"), optional)
    nothing = Title("", "")
    version = _number(file, at["version"], 0, 9) if "version" in at else None
    return Profile(
        name,
        file.title(at["title"]) if "title" in at else nothing,
        file.title(at["note"]) if "note" in at else nothing,
        _ports(file, at["knock"]) if "knock" in at else (),
        _ports(file, at["ports"]) if "ports" in at else (),
        version,
        tuple(file.choice(item, SCRIPTS) for item in file.items(at["scripts"])) if "scripts" in at else (),
        _number(file, at["host_timeout"], 10, 3600) if "host_timeout" in at else 90,
        tuple(
            _exposure(file, entry, key)
            for key, entry in (file.fields(at["exposures"], (), truths) if "exposures" in at else {}).items()
        ),
        file.flag(at["snmp_public"]) if "snmp_public" in at else False,
        _texts(file, at.get("default_logins")),
    )


def _exposure(file: StrictFile, entry: Entry, key: str) -> Exposure:
    at = file.fields(entry, (), ("services", "ports", "plain", "script", "says", "tunnel"))
    if ("script" in at) != ("says" in at) or not at.keys() & {"services", "ports", "script"}:
        file.note(entry, "expected services or ports, or script with says")
    return Exposure(
        key,
        _texts(file, at.get("services")),
        frozenset(_ports(file, at["ports"])) if "ports" in at else frozenset(),
        file.flag(at["plain"]) if "plain" in at else False,
        file.choice(at["script"], SCRIPTS) if "script" in at else "",
        tuple(file.text(item) for item in file.items(at["says"])) if "says" in at else (),
        file.choice(at["tunnel"], ("ssl",)) if "tunnel" in at else "",
    )


def _texts(file: StrictFile, entry: Entry | None) -> frozenset[str]:
    return frozenset(file.text(item) for item in file.items(entry)) if entry is not None else frozenset()


def _number(file: StrictFile, entry: Entry, least: int, most: int) -> int:
    number = file.number(entry)
    if number != int(number) or not least <= number <= most:
        file.note(entry, f"found {number:g}, expected a whole number from {least} to {most}")
        return least
    return int(number)


def _ports(file: StrictFile, entry: Entry) -> tuple[int, ...]:
    ports: set[int] = set()
    for item in file.items(entry):
        value = item.node.value
        matched = _RANGE.fullmatch(str(value))
        first, last = (int(matched[1]), int(matched[2])) if matched else (_number(file, item, 1, 65_535),) * 2
        if not 0 < first <= last < 65_536:
            file.note(item, f"found {value!r}, expected a port or a range of ports such as 8000-8010")
            continue
        ports |= set(range(first, last + 1))
    if len(ports) > _MOST_PORTS:
        file.note(entry, f"found {len(ports)} ports, expected at most {_MOST_PORTS}")
    return tuple(sorted(ports))
