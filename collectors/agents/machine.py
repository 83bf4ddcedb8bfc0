"""What the sections of an agent's inventory say of its machine: which asset it is, and its facts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address

from collectors import facts
from collectors.agents.added import observe_added
from collectors.agents.antivirus import antivirus_facts
from collectors.agents.encryption import encryption_facts
from collectors.agents.firewall import firewall_facts
from collectors.agents.remote_control import remote_control_facts
from collectors.agents.rows import SOURCE, Row, filled_in, flag_of, only, text_of
from collectors.agents.software import software_facts
from collectors.agents.system import is_windows_client, system_facts
from collectors.agents.wire import Sections
from inventory.words import Fact, Identity, Observation, Proof, Value

__all__ = ["observe"]

MEBIBYTE = 1 << 20

#: Windows device paths of network cards that are software (ROOT), a radio link to a telephone (BTH), or plugged in and
#: carried from machine to machine (USB): their MAC does not identify this machine.
FOREIGN_CARDS = ("ROOT\\", "BTH\\", "USB\\", "SWD\\", "{")
FOREIGN_TYPES = frozenset({"loopback", "bridge", "alias", "aggregate", "bluetooth", "dialup", "infiniband"})

#: What a script of ours reads better than the agent: the firewall with its policies applied, and the last update of any
#: kind. Of one source there is one word at a time, so the agent's own is left out.
BETTER_READ = frozenset({"host_firewall", "firewall_profile", "last_update"})
SCRIPT_RUNS = timedelta(days=7)
"""A script that did not look for longer than this no longer stands in for the agent."""

_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")


def observe(sections: Sections, device: str, at: datetime, *, partial: bool = False) -> tuple[Observation, ...]:
    """What one inventory, received at `at`, says of its machine; then what a script of ours added to it.

    In a partial inventory an absent section means "as before" and yields no fact. A complete one that should have
    found an antivirus and did not states that it does not know (see `antivirus_facts`).

    Raises:
        InputError: a field that is not text, a number or a yes/no; more software than a machine can have.
    """
    bios, hardware, system = (only(sections, name) for name in ("bios", "hardware", "operatingsystem"))
    networks = sections.get("networks", [])
    address = _address(networks)
    values: dict[str, Value] = {
        "answering": True,
        "last_report": at,
        "vendor": filled_in(bios, "smanufacturer") or filled_in(bios, "mmanufacturer"),
        "model": filled_in(bios, "smodel") or filled_in(bios, "mmodel"),
        "serial": filled_in(bios, "ssn"),
        "sysname": text_of(hardware, "name"),
        "address": address,
        "memory": _memory(hardware),
        **system_facts(hardware, system, at, partial=partial),
    }
    observed = facts(SOURCE, at, values, proof=Proof.AGENT)
    expected = not partial and is_windows_client(hardware, system)
    observed += antivirus_facts(sections.get("antivirus", []), at, expected=expected)
    observed += _posture(sections, at, partial=partial)
    identity = Identity(_identifiers(bios, hardware, networks, device), address=address)
    added = observe_added(sections, identity, at, edition_known=values["os_edition"] is not None)
    better = {fact.key for o in added for fact in o.facts if fact.observed_at >= at - SCRIPT_RUNS} & BETTER_READ
    observed = tuple(fact for fact in observed if fact.key not in better)
    whole = Observation(observed, asset=identity, tables_read=_tables_read(sections, partial=partial))
    return (whole, *added)


def _posture(sections: Sections, at: datetime, *, partial: bool) -> tuple[Fact, ...]:
    found: tuple[Fact, ...] = ()
    # FusionInventory's XML calls the section FIREWALL.
    for name in ("firewalls", "firewall"):
        found += firewall_facts(sections.get(name, []), at)
    found += encryption_facts(sections.get("drives", []), at)
    programs = sections.get("softwares")
    found += remote_control_facts(sections.get("remote_mgmt"), programs, at, partial=partial)
    return found + software_facts(programs or [], at)


def _tables_read(sections: Sections, *, partial: bool) -> frozenset[str]:
    """What of the machine's tables was read to the end, so that a row that is not there is gone."""
    if "softwares" not in sections:
        return frozenset()
    return frozenset({"software"} if partial else {"software", "installed_update", "remote_control"})


def _identifiers(bios: Row, hardware: Row, networks: Iterable[Row], device: str) -> frozenset[tuple[str, str]]:
    """All that may identify the machine; placeholders and shared values are for `inventory.identity` to tell."""
    found = {("agent_id", device)}
    if serial := text_of(bios, "ssn"):
        found.add(("serial", serial))
    if uuid := text_of(hardware, "uuid"):
        found.add(("uuid", uuid.lower()))
    for card in networks:
        mac = (text_of(card, "mac") or text_of(card, "macaddr") or "").lower()
        if _MAC.fullmatch(mac) and mac.strip("0:-") and _is_own(card):
            found.add(("mac", mac.replace("-", ":")))
    return frozenset(found)


def _is_own(card: Row) -> bool:
    """Whether a network card is a physical part of the machine."""
    path, kind = text_of(card, "pnpdeviceid") or "", (text_of(card, "type") or "").lower()
    return not (flag_of(card, "virtualdev") or kind in FOREIGN_TYPES or path.upper().startswith(FOREIGN_CARDS))


def _address(networks: Iterable[Row]) -> str | None:
    """The machine's own IPv4 address: of the card with the default gateway, else of a physical, else of any card."""
    ranked: list[tuple[int, str]] = []
    for card in networks:
        text = text_of(card, "ipaddress") or ""
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            ranked.append((0 if text_of(card, "ipgateway") else 1 if _is_own(card) else 2, str(address)))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _memory(hardware: Row) -> int | None:
    """Bytes; agents write mebibytes."""
    text = text_of(hardware, "memory") or ""
    return int(text) * MEBIBYTE if re.fullmatch(r"[1-9]\d{0,8}", text) else None
