"""Reads the sensors of ENTITY-SENSOR-MIB (RFC 3433), whose values need their scale and precision."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.reading.text import as_number, as_words
from collectors.transports.snmp import Answer

Rows = dict[str, dict[str, object]]

_SENSOR = "1.3.6.1.2.1.99.1.1.1"
#: entPhySensorType, -Scale, -Precision, -Value, -OperStatus, and entPhysicalDescr and -Name for what they are called.
COLUMNS = {
    "kind": f"{_SENSOR}.1",
    "scale": f"{_SENSOR}.2",
    "precision": f"{_SENSOR}.3",
    "value": f"{_SENSOR}.4",
    "state": f"{_SENSOR}.5",
}
DESCR, NAME = "1.3.6.1.2.1.47.1.1.1.1.2", "1.3.6.1.2.1.47.1.1.1.1.7"

#: EntitySensorDataType: what is measured, in which unit.
_KINDS = {
    3: ("voltage", "V"),
    4: ("voltage", "V"),
    5: ("current", "A"),
    6: ("power", "W"),
    8: ("temperature", "°C"),
    9: ("humidity", "share"),
    10: ("fan", "rpm"),
}
_STATES = {1: "ok", 2: "unavailable", 3: "failed"}
_UNITS_SCALE = 9
"""EntitySensorDataScale counts in steps of a thousand: 8 is milli, 9 units, 10 kilo."""


def sensor_rows(columns: Mapping[str, Mapping[str, Answer]], names: Mapping[str, Answer]) -> Rows:
    """The sensors by name; those that measure nothing that the vocabulary knows are left out.

    Args:
        columns: the columns of COLUMNS by index. names: what each index is called.
    """
    rows: Rows = {}
    for index, value in columns.get("value", {}).items():
        at = {name: as_number(column.get(index)) for name, column in columns.items()}
        known = _KINDS.get(at.get("kind") or 0)
        number = as_number(value)
        if known is None or number is None:
            continue
        state = _STATES.get(at.get("state") or 1, "failed")
        row: dict[str, object] = {"kind": known[0], "unit": known[1], "state": state}
        if state == "ok":
            scale, precision = at.get("scale") or _UNITS_SCALE, at.get("precision") or 0
            if not (1 <= scale <= 17 and -8 <= precision <= 9):
                continue
            scaled = number * 1000.0 ** (scale - _UNITS_SCALE) / 10.0**precision
            row["value"] = round(scaled / 100 if known[1] == "share" else scaled, 4)
        name = as_words(names.get(index)) or index
        rows[f"{name} ({index})" if name in rows else name] = row
    return rows
