"""What any device can say of itself by the standard MIBs, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.reading.origins import Origin
from collectors.reading.text import as_number, as_text, as_words
from collectors.transports.snmp import Answer

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
SYS_NAME = "1.3.6.1.2.1.1.5.0"
SYS_LOCATION = "1.3.6.1.2.1.1.6.0"
SYS_SERVICES = "1.3.6.1.2.1.1.7.0"
SYSTEM_GROUP = (SYS_OBJECT_ID, SYS_DESCR, SYS_UPTIME, SYS_NAME, SYS_LOCATION, SYS_SERVICES)

ENGINE_ID = "1.3.6.1.6.3.10.2.1.1.0"
ENGINE_TIME = "1.3.6.1.6.3.10.2.1.3.0"
IP_FORWARDING = "1.3.6.1.2.1.4.1.0"
BRIDGE_ADDRESS = "1.3.6.1.2.1.17.1.1.0"
BRIDGE_PORTS = "1.3.6.1.2.1.17.1.2.0"
IF_TYPE = "1.3.6.1.2.1.2.2.1.3"
HR_UPTIME = "1.3.6.1.2.1.25.1.1.0"
LLDP_CHASSIS_KIND = "1.0.8802.1.1.2.1.3.1.0"
LLDP_CHASSIS = "1.0.8802.1.1.2.1.3.2.0"
LLDP_DOES = "1.0.8802.1.1.2.1.3.6.0"
STANDARD = (
    ENGINE_ID,
    ENGINE_TIME,
    IP_FORWARDING,
    BRIDGE_ADDRESS,
    BRIDGE_PORTS,
    HR_UPTIME,
    LLDP_CHASSIS_KIND,
    LLDP_CHASSIS,
    LLDP_DOES,
)
"""What RFC 3418, 3411, 4293, 4188, 2790 and IEEE 802.1AB say of any device, asked for in one request."""

_BRIDGE_PORTS = 5
"""Bridges with fewer ports are access points, phones and hosts with virtual machines."""
_SWITCH_PORTS = 8
"""Ethernet interfaces; routers and firewalls have as many, but say what they are in other ways."""


@dataclass(slots=True)
class Portrait:
    """What was made out of a device; a field stays None where the device does not say."""

    answers: dict[str, Answer] = field(default_factory=dict)
    """Everything read, by OID."""
    fields: dict[str, str] = field(default_factory=dict)
    """By name, those of `vendors.FIELDS` that were found."""
    role: str | None = None
    origins: dict[str, Origin] = field(default_factory=dict)
    """Why each of `fields`, and the role under "role", is what it is."""
    problems: list[str] = field(default_factory=list)
    """What could not be read."""

    def keep(self, name: str, value: str, origin: Origin) -> None:
        """Fills a field that nothing filled before."""
        if name not in self.fields:
            self.fields[name] = value
            self.origins[name] = origin

    def decide(self, decision: tuple[str, Origin] | None) -> None:
        """Takes a role and what decided it, where something did."""
        if decision:
            self.role, self.origins["role"] = decision

    def text(self, oid: str) -> str | None:
        """An object's value as text."""
        return as_text(self.answers.get(oid))

    def words(self, oid: str) -> str | None:
        """The value of an object that is a text by its MIB; None where there is none, or a number in its place."""
        return as_words(self.answers.get(oid))

    def number(self, oid: str) -> int | None:
        """An object's value as a whole number."""
        return as_number(self.answers.get(oid))


def what_it_does(portrait: Portrait, ports: int = 0, radios: int = 0) -> tuple[str, Origin] | None:
    """A role by what a device does: which capabilities it announces, whether it bridges many ports or forwards packets.

    `ports` and `radios` are its numbers of Ethernet and of 802.11 interfaces, where they are known.
    """
    capable = portrait.answers.get(LLDP_DOES)
    first = capable[0] if isinstance(capable, bytes) and capable else 0
    # LldpSystemCapabilitiesMap (IEEE 802.1AB): bit 0 is the first octet's highest.
    bridge, wireless, router, telephone = (bool(first & 0x80 >> bit) for bit in (2, 3, 4, 5))
    announced = Origin("function", at=LLDP_DOES, rule="lldpLocSysCapEnabled", raw=f"{first:08b}")
    bridged = portrait.number(BRIDGE_PORTS) or 0
    if wireless:
        return "wireless", announced
    if radios:
        return "wireless", Origin("function", at=IF_TYPE, rule="ifType 802.11", raw=str(radios))
    if telephone:
        return "voip", announced
    if bridged >= _BRIDGE_PORTS:
        return "switch", Origin(
            "function", at=BRIDGE_PORTS, rule=f"dot1dBaseNumPorts ≥ {_BRIDGE_PORTS}", raw=str(bridged)
        )
    if ports >= _SWITCH_PORTS:
        return "switch", Origin("function", at=IF_TYPE, rule=f"ifType Ethernet ≥ {_SWITCH_PORTS}", raw=str(ports))
    if router:
        return "router", announced
    if portrait.number(IP_FORWARDING) == 1:
        return "router", Origin("function", at=IP_FORWARDING, rule="ipForwarding = 1", raw="1")
    return ("switch", announced) if bridge else None


def uptime(portrait: Portrait) -> float | None:
    """Seconds since the device started.

    sysUpTime counts from the start of the SNMP agent and begins anew after 497 days; hrSystemUptime (RFC 2790) and
    snmpEngineTime (RFC 3411, whole seconds, for 68 years) tell more where there are any.
    """
    ticks = portrait.number(HR_UPTIME) or portrait.number(SYS_UPTIME)
    seconds = portrait.number(ENGINE_TIME)
    known = [*([ticks / 100] if ticks is not None else []), *([float(seconds)] if seconds else [])]
    return max(known, default=None)


def engine_identifier(value: Answer | bytes | None) -> str | None:
    """An snmpEngineID as hexadecimal digits; None for one that names no single device.

    RFC 3411 section 5: formats 1 and 2 are made of an IP address, which every agency has once more.
    """
    if not isinstance(value, bytes) or not 5 <= len(value) <= 32:
        return None
    if value[0] & 0x80 and value[4] in (1, 2):
        return None
    return value.hex()
