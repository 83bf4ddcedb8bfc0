"""A small declared province, and runs as collectors would bring them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import ip_network

from inventory.words import (
    Agency,
    Control,
    Fact,
    Identity,
    Level,
    Link,
    Network,
    Observation,
    Proof,
    Register,
    Run,
    Title,
    Value,
)

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)

LEVELS = (
    Level("province", Title("Cấp tỉnh", "Province"), 1),
    Level("commune", Title("Cấp xã", "Commune"), 2),
    Level("unit", Title("Đơn vị trực thuộc", "Unit"), 3, part=True),
)


def agency(code: str, level: str = "province", **more: object) -> Agency:
    return Agency(code, Title(f"Cơ quan {code}", f"Agency {code}"), level, **more)  # type: ignore[arg-type]


def network(code: str, of: str, prefix: str = "192.168.1.0/24", **more: object) -> Network:
    return Network(code, of, ip_network(prefix), "lan", True, **more)  # type: ignore[arg-type]


REGISTER = Register(
    levels=LEVELS,
    agencies=(agency("A"), agency("B"), agency("C", "commune"), agency("A.1", "unit", parent="A")),
    # Every agency has the same private range: only the network tells their addresses apart.
    networks=(network("net-a", "A"), network("net-b", "B"), network("net-c", "C")),
    links=(Link("line-a", "A", "mtslcd", "198.18.0.1"), Link("line-c", "C", "internet", "198.18.0.2")),
)

FIREWALL = Control("firewall", Title("Có tường lửa", "Has a firewall"), "agencies", "firewalls_answering >= 1")
ANTIVIRUS = Control(
    "antivirus",
    Title("Chống mã độc", "Antivirus"),
    "assets",
    "antivirus_enabled and antivirus_up_to_date",
    "role = 'workstation'",
    declared_as="workstations",
)


def facts(source: str, at: datetime, proof: Proof = Proof.MEASURED, /, **values: Value) -> tuple[Fact, ...]:
    return tuple(Fact(key, value, source, at, proof) for key, value in values.items())


def device(
    of: str, host: int, at: datetime = NOW, *, source: str = "nmap", serial: str | None = None, **values: Value
) -> Observation:
    """A device seen at 192.168.1.HOST of an agency's network."""
    identifiers = frozenset({("serial", serial)}) if serial else frozenset()
    identity = Identity(identifiers, f"192.168.1.{host}", f"net-{of.lower()}", of)
    return Observation(facts(source, at, **({"answering": True} | values)), asset=identity)


def sweep(of: str, *seen: Observation, at: datetime = NOW, complete: bool = True, collector: str = "nmap") -> Run:
    """A run that was to read the whole network of an agency."""
    name = f"net-{of.lower()}"
    error = None if complete else "read 64 of 256 addresses: broken off"
    return Run(collector, name, at, at, tuple(seen), complete, error, of, name)


def reading(of: str, *seen: Observation, at: datetime = NOW, collector: str = "snmp") -> Run:
    """A run of one device."""
    return Run(collector, f"{of} device", at, at, tuple(seen), True, None, of)


def since(day: str) -> date:
    return date.fromisoformat(day)
