"""What an inventory says of the machine's own firewall, by profile (the kind of network that it applies to)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from collectors import facts
from collectors.agents.rows import SOURCE, Row, flag_of, text_of
from inventory.words import Fact, Proof, Value

#: How Windows names its profiles in the registry, and what people read.
PROFILES = {"domainprofile": "domain", "standardprofile": "private", "publicprofile": "public"}


def firewall_facts(rows: Iterable[Row], at: datetime) -> tuple[Fact, ...]:
    """The facts of a section that is there.

    Windows is on when all its profiles are: which one applies depends on where the machine is plugged in. On Linux the
    agent looks at firewalld and ufw alone, so its "off" says nothing of rules that another program set: unknown.
    """
    profiles: dict[str, bool | None] = {}
    on_linux: list[bool] = []
    for row in rows:
        on = {"on": True, "off": False}.get((text_of(row, "status") or "").lower())
        profile = (text_of(row, "profile") or "").lower()
        if profile:
            profiles.setdefault(PROFILES.get(profile, profile), on)
        elif on is not None:
            on_linux.append(on)
    if profiles:
        return _by_profile(profiles, at)
    return _stated(True if any(on_linux) else None, at) if on_linux else ()


def effective_firewall_facts(posture: Row, at: datetime) -> tuple[Fact, ...]:
    """The facts of what a script read of Windows with its policies applied (`firewall_domain` and so on).

    Another firewall that Security Center lists as on stands in for that of Windows, whose profiles are then off.
    """
    states = {name: flag_of(posture, f"firewall_{name}") for name in ("domain", "private", "public")}
    profiles = {name: on for name, on in states.items() if on is not None}
    if product := text_of(posture, "firewall_product"):
        other = Fact("firewall_profile", {"state": "on"}, SOURCE, at, Proof.AGENT, product)
        return (*_stated(True, at), *_rows(profiles, at), other)
    return _by_profile(profiles, at) if len(profiles) == len(states) else ()


def _by_profile(profiles: Mapping[str, bool | None], at: datetime) -> tuple[Fact, ...]:
    states = profiles.values()
    on: Value = False if False in states else None if None in states else True
    return (*_stated(on, at), *_rows(profiles, at))


def _stated(on: Value, at: datetime) -> tuple[Fact, ...]:
    return facts(SOURCE, at, {"host_firewall": on}, proof=Proof.AGENT, keep_none=True)


def _rows(profiles: Mapping[str, bool | None], at: datetime) -> tuple[Fact, ...]:
    words = {True: "on", False: "off", None: "unknown"}
    return tuple(
        Fact("firewall_profile", {"state": words[on]}, SOURCE, at, Proof.AGENT, name) for name, on in profiles.items()
    )
