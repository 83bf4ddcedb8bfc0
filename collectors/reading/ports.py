"""Kinds of interfaces, and which rows of IF-MIB are ports of their own: those are counted, all rows are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

KINDS = {
    1: "other",
    6: "ethernet",
    # Digital channels and the layers under a line: DS0, DS0 bundles, DS1, DS3, SONET, AAL5, ATM subinterfaces, SHDSL.
    **dict.fromkeys((18, 30, 39, 49, 81, 82, 134, 169), "channel"),
    23: "ppp",
    24: "loopback",
    28: "slip",
    53: "virtual",
    62: "ethernet",
    69: "ethernet",
    71: "wireless",
    # E&M, FXO, FXS, and what carries voice over IP, ATM and frame relay.
    **dict.fromkeys((100, 101, 102, 103, 104, 152, 153, 211, 212, 213, 234), "voice"),
    117: "ethernet",
    131: "tunnel",
    135: "vlan",
    136: "vlan",
    150: "label path",
    160: "usb",
    161: "aggregate",
    166: "label path",
    209: "bridge",
}
"""ifType by IANAifType-MIB, in words; those not met on network devices keep their number."""

_NO_PORTS = frozenset({"channel", "slip", "voice", "label path", "usb"})
"""Kinds that run on or inside a port which has a row of its own, or that no cable of a network fits into."""

_NO_PORT_NAMES = re.compile(
    # Templates, virtual switches and their ports: a device's own inner wiring.
    r"^(distributed )?virtual\b|^virtual-(template|access)"
    # VLANs of a switch that has no address in them, and the channel between the modules of a chassis.
    r"|\bunrouted\b|^eobc|^voip-null"
    # Windows: filters on top of an adapter, and adapters that stand for a way of packing packets.
    r"|\bqos\b|\bisatap\b|\bbluetooth\b"
    # Lines into which somebody dials, and a session of one caller each.
    r"|\basync\b|^async\d|^<pppoe-|^sslvpn"
    # Printer cables and pseudo devices of BSD.
    r"|^(lp|plip|faith|ng|sl)\d+$"
    # Layers of an ATM, DSL or ISDN port beside the port itself.
    r"|-(atm|physical|signall?ing|aal5)( layer)?$|-(atm|aal5)[ .]",
    re.IGNORECASE,
)


def is_port(name: str, row: Mapping[str, object]) -> bool:
    """Whether a row of IF-MIB is a port of its own.

    `row` has, as far as the device says it, `description` (ifDescr), `alias`, `type` (one of KINDS or a number) and
    `oper`. Physical ports, aggregates, VLANs, tunnels and loopbacks are; voice channels, the layers below a port,
    ports whose module is not plugged in (ifOperStatus notPresent) and rows without any name are not.
    """
    words = [text for text in (name, row.get("description")) if text]
    if name == str(row.get("index")) and not (row.get("description") or row.get("alias")):
        return False
    if row.get("oper") == "not present" or row.get("type") in _NO_PORTS:
        return False
    return not any(_NO_PORT_NAMES.search(str(text)) for text in words)
