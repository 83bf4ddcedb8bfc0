"""How the power devices of a judgement stand: what a UPS says of its battery and load, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from inventory.store import facts
from inventory.vocabulary import Vocabulary
from inventory.words import Fact, PowerState

ROLE = "power"
_KEYS = frozenset({"on_battery", "battery_charge", "battery_runtime", "ups_load"})


def states(
    connection: Connection, vocabulary: Vocabulary, homes: Mapping[int, str], at: datetime
) -> tuple[PowerState, ...]:
    """What is known at `at` of the power devices in `homes` (the agency of each asset's id); silent ones are there."""
    said = facts.read(connection, vocabulary, "asset", list(homes), at, _KEYS)
    return tuple(_state(asset, homes[asset], facts.take(vocabulary, said[asset], at)) for asset in sorted(homes))


def _state(asset: int, agency: str, taken: Mapping[str, Fact]) -> PowerState:
    on_battery = taken["on_battery"].value if "on_battery" in taken else None
    charge, runtime, load = (_number(taken, key) for key in ("battery_charge", "battery_runtime", "ups_load"))
    return PowerState(asset, agency, on_battery if isinstance(on_battery, bool) else None, charge, runtime, load)


def _number(taken: Mapping[str, Fact], key: str) -> float | None:
    value = taken[key].value if key in taken else None
    return float(value) if isinstance(value, int | float) else None
