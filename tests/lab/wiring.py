"""How the lab is wired: the `ip` commands that make veth pairs, bridges, addresses and routes from the register."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.lab.declared import CORE_ADDRESS, Device, devices, links, networks

ENDS = {"mtslcd": "wan0", "internet": "inet0"}
"""A gateway's interface for each kind of link."""

BRIDGES = {"lan": "lan0", "data_centre": "dc0"}
"""A gateway's bridge for each purpose of a network."""


@dataclass(slots=True)
class Wiring:
    """What `ip -batch` is given: once for the machine, then inside each namespace."""

    core: str
    namespaces: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    inside: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gateways: dict[str, str] = field(default_factory=dict)
    """Agency to the namespace of its gateway."""


def hardware_addresses() -> Iterator[str]:
    """The addresses set aside for documentation (RFC 7042, 2.1.1): always the same, so that devices stay themselves."""
    return (f"00:00:5e:00:53:{number:02x}" for number in range(256))


def home(device: Device) -> str:
    """The end of the name of the namespace in which a device lives: recorded ones share one for each network."""
    return f"{device.network}-rec" if device.kind == "recorded" else device.name


def wire(prefix: str) -> Wiring:
    """The wiring of the lab whose namespaces' names begin with `prefix`.

    The core has one line to each gateway and no way out; a gateway has one bridge for each network of its agency.
    """
    wiring, free = Wiring(core=f"{prefix}core"), hardware_addresses()
    wiring.namespaces.append(wiring.core)
    wiring.inside[wiring.core].append(f"addr add {CORE_ADDRESS}/32 dev lo")
    declared = networks()
    for device in devices():
        if device.kind == "gateway":
            wiring.gateways[declared[device.network].agency] = f"{prefix}{home(device)}"
    wiring.namespaces.extend(wiring.gateways.values())
    wire_links(wiring, free)
    wire_networks(wiring, prefix, free)
    return wiring


def wire_links(wiring: Wiring, free: Iterator[str]) -> None:
    """Lays each declared line: the core's end has the address just below the gateway's, which is the one declared."""
    for number, link in enumerate(links().values(), 1):
        gateway, end = wiring.gateways[link.agency], ENDS[link.kind]
        far = ipaddress.ip_address(link.where)
        near = far - 1
        wiring.pairs.append(
            f"link add name line{number} address {next(free)} netns {wiring.core}"
            f" type veth peer name {end} address {next(free)} netns {gateway}"
        )
        wiring.inside[wiring.core] += [f"addr add {near}/30 dev line{number}", f"link set line{number} up"]
        wiring.inside[gateway] += [f"addr add {far}/30 dev {end}", f"link set {end} up"]
        if end == "wan0":
            wiring.inside[gateway].append(f"route add default via {near}")
            wiring.inside[wiring.core] += [
                f"route add {network.where} via {far} src {CORE_ADDRESS}"
                for network in networks().values()
                if network.agency == link.agency
            ]


def wire_networks(wiring: Wiring, prefix: str, free: Iterator[str]) -> None:
    """Builds each declared network as a bridge on its gateway and plugs the agency's machines into it."""
    ports: defaultdict[str, int] = defaultdict(int)
    for network in networks().values():
        gateway, bridge = wiring.gateways[network.agency], BRIDGES[network.kind]
        net = ipaddress.ip_network(network.where)
        router = net.network_address + 1
        wiring.inside[gateway] += [
            f"link add name {bridge} address {next(free)} type bridge",
            f"addr add {router}/{net.prefixlen} dev {bridge}",
            f"link set {bridge} up",
        ]
        plugged: set[str] = set()
        for device in devices():
            if device.network != network.code or device.kind == "gateway":
                continue
            namespace = f"{prefix}{home(device)}"
            wiring.inside[namespace].append(f"addr add {device.address}/{net.prefixlen} dev eth0")
            if namespace in plugged:
                continue
            plugged.add(namespace)
            ports[gateway] += 1
            port = f"p{ports[gateway]}"
            wiring.namespaces.append(namespace)
            wiring.pairs.append(
                f"link add name eth0 address {next(free)} netns {namespace}"
                f" type veth peer name {port} address {next(free)} netns {gateway}"
            )
            wiring.inside[gateway] += [f"link set {port} master {bridge}", f"link set {port} up"]
            wiring.inside[namespace] += ["link set eth0 up", f"route add default via {router}"]
