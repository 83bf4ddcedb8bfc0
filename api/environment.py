"""What a server room may have: the thresholds of its controls, which say when an event begins as well."""

from __future__ import annotations

from api.workspace import Workspace
from inventory.store.incidents import Limits


def limits_of(workspace: Workspace) -> Limits:
    """The thresholds of goals/controls/room_temperature.yaml and room_humidity.yaml, as the settings have them.

    Raises:
        InputError: the folder of goals is wrong.
    """
    controls = workspace.all_goals.controls

    def value(control: str, name: str) -> float | None:
        found = controls[control].parameters.get(name) if control in controls else None
        return float(found) if isinstance(found, int | float) else None

    warmth, damp = "room_temperature", "room_humidity"
    return Limits(value(warmth, "lowest"), value(warmth, "highest"), value(damp, "driest"), value(damp, "dampest"))
