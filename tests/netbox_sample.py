"""A small province for NetBox: its register, and what collectors would bring of it, cables included."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import ip_network

from inventory import vocabulary
from inventory.store import Store, registers, runs
from inventory.words import Agency, Fact, Identity, Level, Network, Observation, Register, Run, Title

KNOWN = vocabulary.load()
LEVELS = (Level("tinh", Title("Cấp tỉnh", "Province"), 1), Level("xa", Title("Cấp xã", "Commune"), 2))
#: Both have the same private range, as offices do.
REGISTER = Register(
    levels=LEVELS,
    agencies=(
        Agency("SO-YTE", Title("Sở Y tế “mới” 🏥", "Department of Health"), "tinh"),
        Agency("XA-01", Title("Xã Đồng Tâm", "Dong Tam commune"), "xa", parent="SO-YTE"),
    ),
    networks=tuple(
        Network(f"{code}-LAN", code, ip_network("192.168.1.0/24"), "lan", True) for code in ("SO-YTE", "XA-01")
    ),
)


def device(
    agency: str, host: int, name: str, role: str, *, serial: str, at: datetime, ports: int = 2, net: str = "192.168.1",
    neighbours: dict[str, tuple[str, str]] | None = None, **values: str,
) -> Observation:  # fmt: skip
    """A device that SNMP read at NET.HOST, with Gi1/0/1 and so on, and what it says of its neighbours.

    Args:
        neighbours: by port the neighbour's name and port.
    """
    mac = f"00:1b:{host:02x}:{ports:02x}:00"
    told: dict[str, object] = {"answering": True, "sysname": name, "role": role, "serial": serial} | dict(values)
    facts = [Fact(key, value, "snmp", at) for key, value in told.items()]  # type: ignore[arg-type]
    for n in range(1, ports + 1):
        row = {"index": n, "type": "ethernet", "admin": "up", "oper": "up", "speed": 1_000_000_000,
               "mac": f"{mac}:{n:02x}", "alias": f"Phòng {n}" if n == 1 else None}  # fmt: skip
        facts.append(Fact("interface", {k: v for k, v in row.items() if v is not None}, "snmp", at, item=f"Gi1/0/{n}"))
    vlan = {"index": 900, "type": "vlan", "admin": "up", "oper": "up"}
    facts.append(Fact("interface", vlan, "snmp", at, item="Vlan1"))
    facts.append(Fact("ip_address", {"interface": "Vlan1", "prefix": 24}, "snmp", at, item=f"{net}.{host}"))
    for port, (other, other_port) in (neighbours or {}).items():
        row = {"local_port": port, "sysname": other, "port": other_port, "protocol": "lldp"}
        facts.append(Fact("neighbour", row, "snmp", at, item=port))
    who = Identity(frozenset({("serial", serial)}), f"{net}.{host}", f"{agency}-LAN", agency)
    tables = frozenset({"interface", "ip_address", "neighbour"})
    return Observation(tuple(facts), asset=who, tables_read=tables)


def province(at: datetime) -> Run:
    """A firewall and a switch in each agency, cabled, and a workstation, read at one time."""
    seen = []
    for number, code in enumerate(("SO-YTE", "XA-01")):
        fw, sw = f"fw-{code}", f"sw-{code}"
        seen.append(
            device(code, 1, fw, "firewall", serial=f"FGT60F000{number}7", at=at, vendor="Fortinet",
                   model="FortiGate-60F", version="7.4.3", os_name="FortiOS", neighbours={"Gi1/0/1": (sw, "Gi1/0/1")})
        )  # fmt: skip
        seen.append(
            device(code, 2, sw, "switch", serial=f"FOC2233{number}AB", at=at, vendor="Cisco", model="WS-C2960X-48TS-L",
                   version="15.2(7)E3", os_name="IOS", ports=3, neighbours={"Gi1/0/1": (fw, "Gi1/0/1")})
        )  # fmt: skip
    who = Identity(frozenset({("mac", "00:1b:21:00:00:99")}), "192.168.1.50", "SO-YTE-LAN", "SO-YTE")
    pc = (Fact("answering", True, "nmap", at), Fact("role", "workstation", "nmap", at))
    return Run("snmp", "sample", at, at, (*seen, Observation(pc, asset=who)), True, None)


def printers(at: datetime) -> Run:
    """Three printers of the commune that nmap saw: two have one name, and of the third only the address is known."""
    seen = []
    for host, name in ((60, "HP"), (61, "hp"), (62, None)):
        told = {"answering": True, "role": "printer"} | ({"sysname": name} if name else {})
        facts = tuple(Fact(key, value, "nmap", at) for key, value in told.items())
        who = Identity(frozenset(), f"192.168.1.{host}", "XA-01-LAN", "XA-01")
        seen.append(Observation(facts, asset=who))
    return Run("nmap", "printers", at, at, tuple(seen), True, None)


async def fill(store: Store, at: datetime | None = None) -> None:
    """Record the province as it is now."""
    now = at or datetime.now(UTC)
    await store.write(registers.replace, REGISTER)
    await store.write(runs.record, KNOWN, province(now), now)


def since(day: str) -> date:
    return date.fromisoformat(day)
