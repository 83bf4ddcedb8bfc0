"""Inventories that FusionInventory 2.x and GLPI 1.x agents push: one body becomes one small value.

Agents call us, so this collector has no `collect`: whoever serves the agents' address calls `read_message`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from collectors.agents.machine import observe
from collectors.agents.wire import INFLATED_LIMIT, WIRE_LIMIT, inflate, parse
from inventory.text import nfc
from inventory.words import InputError, Observation

__all__ = ["INFLATED_LIMIT", "WIRE_LIMIT", "Message", "read_message"]

DEVICE_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Message:
    """What one body asks or tells."""

    kind: Literal["prolog", "contact", "inventory"]
    """A FusionInventory agent's (or a GLPI agent's first) question, a GLPI agent's question, or an inventory."""
    device: str
    """The agent's own name for its machine: the host name and the time of the agent's first run."""
    reply: Literal["xml", "json"]
    """The form that the agent expects the answer in."""
    partial: bool = False
    """Only the sections that changed were sent; what is absent is as before."""
    observation: Observation | None = None
    """What the machine said of itself, for an inventory; the agency and network are for the receiver to add."""
    added: tuple[Observation, ...] = ()
    """What a script on the machine added, dated by when it looked."""


def read_message(body: bytes, at: datetime, *, glpi_agent: bool = False) -> Message:
    """Decode one body received at `at` (aware).

    A GLPI agent's first question is FusionInventory's XML, told apart by its GLPI-Agent-ID header (`glpi_agent`) and
    answered in JSON, which makes it speak JSON from then on.

    Raises:
        InputError: the body is too large, inflates without end, is damaged, or is not what it says.
    """
    parsed = parse(inflate(body))
    device = nfc(parsed.device)
    if not device or len(device) > DEVICE_LIMIT or not device.isprintable():
        found = "nothing" if not device else f"{device[:40]!r}"
        raise InputError(f"agent's body, deviceid: found {found}, expected a name of 1 to {DEVICE_LIMIT} characters")
    if parsed.query == "PROLOG":
        return Message("prolog", device, "json" if glpi_agent else "xml")
    if parsed.query == "contact":
        return Message("contact", device, "json")
    if parsed.item_type != "Computer":
        raise InputError(f"agent's body, itemtype: found {parsed.item_type[:40]!r}, expected 'Computer'")
    observation, *added = observe(parsed.sections, device, at, partial=parsed.partial)
    return Message("inventory", device, parsed.form, parsed.partial, observation, tuple(added))
