"""What Prometheus is to scrape, from the inventory: targets and labels as its HTTP service discovery expects them.

The form is Prometheus' own (HTTP SD): a list of `{"targets": [...], "labels": {...}}`, all labels texts. Their names
begin with `__meta_dophu_`; relabelling chooses which of them stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Literal

from inventory.refusing import meant
from inventory.store import Connection
from inventory.store.discovery import Known, Surroundings, assets_to_ask, surroundings
from inventory.text import fold
from inventory.vocabulary import Vocabulary
from inventory.words import InputError, Title

__all__ = ["Kind", "Wanted", "find_targets"]

Kind = Literal["snmp", "blackbox", "node", "windows"]

NODE_PORT, WINDOWS_PORT = 9100, 9182
"""Where node_exporter and windows_exporter listen as a rule."""
_HOSTS = ("server", "workstation")
_PREFIX = "__meta_dophu_"

_MODULES: Mapping[tuple[str, str], str] = {
    ("power", "apc"): "apcups",
    ("power", "schneider"): "apcups",
    ("printer", ""): "printer_mib",
    ("storage", "synology"): "synology",
    ("firewall", "palo alto"): "paloalto_fw",
    ("wireless", "cisco"): "cisco_wlc",
}
"""By role, and by a word of the vendor's name where it matters, a module that snmp_exporter brings along."""
_ANY_MODULE = "if_mib"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: one of these each; none: any."""

    agency: Collection[str] = ()
    level: Collection[str] = ()
    role: Collection[str] = ()
    network: Collection[str] = ()
    silent: bool = False
    """Also what a source reads as a rule and that does not answer now."""


def find_targets(
    connection: Connection, vocabulary: Vocabulary, kind: Kind, wanted: Wanted, at: datetime
) -> list[dict[str, Any]]:
    """The target groups of one kind as of `at`, one for each target, in the inventory's order.

    Raises:
        InputError: the agency, level, role or network is none that there is.
    """
    around = surroundings(connection, at)
    _check(around, vocabulary, wanted)
    if kind == "blackbox":
        found = [*_websites(around), *_links(around)]
    else:
        found = [
            made for one in assets_to_ask(connection, vocabulary, at) if (made := _asset(kind, around, one, wanted))
        ]
    return [_group(target, labels) for target, labels in found if _is_wanted(labels, wanted)]


def _check(around: Surroundings, vocabulary: Vocabulary, wanted: Wanted) -> None:
    networks = [n.code for n in around.register.networks]
    roles = [*vocabulary.keys["role"].one_of, "unknown"]
    for what, wanted_ones, known in (
        ("agency", wanted.agency, around.agencies),
        ("level", wanted.level, [v.code for v in around.register.levels]),
        ("role", wanted.role, roles),
        ("network", wanted.network, networks),
    ):
        for named in wanted_ones:
            if named in known:
                continue
            near, (vi, en) = meant(named, known), _A.get(what, ("", ""))
            expected = (
                Title(f"một trong {', '.join(roles)}", f"one of {', '.join(roles)}")
                if what == "role"
                else Title(f"mã của một {vi} trong sổ đăng ký", f"the code of {en} of the register")
            )
            raise InputError(
                Title(
                    f"gặp {vi or 'vai trò'} {named!r}, cần {expected.vi}{near.vi}",
                    f"found the {what} {named!r}, expected {expected.en}{near.en}",
                )
            )


_A = {"agency": ("cơ quan", "an agency"), "level": ("cấp", "a level"), "network": ("mạng", "a network")}
Labels = dict[str, str]


def _place(around: Surroundings, code: str) -> Labels | None:
    """Who an agency's code stands for on the day; None where it stands for nobody."""
    place = around.places.get(code)
    if place is None:
        return None
    return {
        "agency": place.agency.code, "agency_name": place.agency.title.vi, "agency_name_en": place.agency.title.en,
        "counts_as": place.home, "level": place.level,
    }  # fmt: skip


def _asset(kind: Kind, around: Surroundings, one: Known, wanted: Wanted) -> tuple[str, Labels] | None:
    labels = _place(around, one.agency)
    if labels is None or not _is_asked(kind, one, wanted.silent):
        return None
    labels |= {
        "role": one.role or "unknown", "network": one.network, "vendor": one.vendor, "asset": str(one.number),
        "name": one.name,
    }  # fmt: skip
    if kind != "snmp":
        port = NODE_PORT if kind == "node" else WINDOWS_PORT
        return _with_port(one.address, port), labels | {"system": one.system}
    network = around.networks.get(one.network)
    # The order is that in which Dophu tries them; which one a device took is not kept.
    names = [n for n in (network.credentials if network else ()) if around.kinds.get(n, "").startswith("snmp-")]
    labels |= {"credential": names[0] if names else "", "credentials": ",".join(names)}
    return one.address, labels | {"module": _module(one)}


def _is_asked(kind: Kind, one: Known, silent: bool) -> bool:
    def answers(source: str) -> bool:
        return one.by.get(source, False) or (silent and source in one.by)

    if kind == "snmp":
        return answers("snmp")
    # Where an exporter is read, the system need not have told its name.
    is_windows = "windows" in fold(one.system)
    is_host = one.role in _HOSTS and bool(one.system) and (one.answering or silent)
    return is_windows is (kind == "windows") and (answers("exporter") or is_host)


def _module(one: Known) -> str:
    vendor = fold(one.vendor)
    fits = [m for (role, word), m in _MODULES.items() if role == one.role and word in vendor]
    return fits[0] if fits else _ANY_MODULE


def _websites(around: Surroundings) -> Iterator[tuple[str, Labels]]:
    for site in around.websites:
        if (labels := _place(around, site.agency)) is not None:
            labels |= {"role": "website", "network": "", "vendor": "", "asset": around.asset_of(site.url)}
            yield site.url, labels | {"name": site.title, "module": "http_2xx"}


def _links(around: Surroundings) -> Iterator[tuple[str, Labels]]:
    for link in around.links:
        labels = _place(around, link.agency)
        if labels is None or link.address is None:
            continue
        # A port is declared where the far end answers no echo.
        target = link.address if link.port is None else _with_port(link.address, link.port)
        module = "icmp" if link.port is None else "tcp_connect"
        labels |= {"role": "", "network": "", "vendor": link.provider, "asset": "", "name": link.code}
        yield target, labels | {"module": module, "link": link.code, "link_kind": link.kind}


def _is_wanted(labels: Labels, wanted: Wanted) -> bool:
    of = labels["agency"], labels["counts_as"]
    return (
        (not wanted.agency or any(code in wanted.agency for code in of))
        and (not wanted.level or labels["level"] in wanted.level)
        and (not wanted.role or labels["role"] in wanted.role)
        and (not wanted.network or labels["network"] in wanted.network)
    )


def _group(target: str, labels: Labels) -> dict[str, Any]:
    return {"targets": [target], "labels": {_PREFIX + name: value for name, value in labels.items()}}


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ip_address(address).version == 6 else f"{address}:{port}"
