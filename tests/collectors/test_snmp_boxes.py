"""What is read of power, storage, servers and room sensors beyond their identity, from documented objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.snmp import collect
from inventory.words import Credential, Target
from tests.lab.snmp_agent import serving

FOLDER = Path(__file__).parents[1] / "recordings" / "snmp"
COMMUNITY = "giam-sat"

#: By recording: single facts.
FACTS = {
    "apc_smart_ups": {
        "on_battery": False,
        "battery_low": False,
        "battery_charge": 1.0,
        "battery_runtime": 5220.0,
        "ups_load": 0.31,
    },
    "eaton_9px": {
        "on_battery": True,
        "battery_charge": 0.84,
        "battery_runtime": 1260.0,
        "power": 998.0,
        "ups_load": 0.37,
        "temperature": 29.0,
    },
    "synology_ds923": {"healthy": True, "temperature": 38.0},
    "netapp_fas": {"healthy": True, "processor_load": 0.12, "storage_used": 0.75},
    "vmware_esxi_8": {"os_build": "22380479", "guests": 2, "guests_running": 1},
    "hwg_ste": {"temperature": 24.3, "humidity": 0.785},
    "netbotz_rack": {"temperature": 26.4, "humidity": 0.71},
}

#: By recording: rows, as table and name.
ROWS = {
    "vmware_esxi_8": {
        ("guest", "mail"): {
            "state": "running",
            "system": "Debian GNU/Linux 12 (64-bit)",
            "processors": 4,
            "memory": 8 << 30,
        },
        ("guest", "test"): {
            "state": "stopped",
            "system": "Windows Server 2022 (64-bit)",
            "processors": 2,
            "memory": 4 << 30,
        },
    },
    "synology_ds923": {
        ("sensor", "Volume 1"): {"kind": "raid", "state": "degraded"},
        ("sensor", "Drive 2"): {"kind": "disk temperature", "unit": "°C", "value": 36, "state": "alarm"},
        ("part", "Drive 1"): {"class": "disk", "model": "ST4000VN006-3CW104"},
    },
    "netapp_fas": {("storage", "/vol/data/"): {"kind": "disk", "size": 1 << 40, "used": 3 << 38, "share": 0.75}},
    "hwg_ste": {
        ("sensor", "Phong may"): {"kind": "temperature", "unit": "°C", "value": 24.3, "state": "ok"},
        ("sensor", "Phong may (humidity)"): {"kind": "humidity", "unit": "share", "value": 0.785, "state": "alarm"},
    },
    "netbotz_rack": {
        ("sensor", "Tu mang"): {"kind": "temperature", "unit": "°C", "value": 26.4, "state": "ok"},
        ("sensor", "Tu mang (humidity)"): {"kind": "humidity", "unit": "share", "value": 0.71, "state": "warning"},
    },
}


@pytest.mark.parametrize("case", sorted(FACTS.keys() | ROWS.keys()))
async def test_a_recorded_device_says_how_it_is(case: str) -> None:
    with serving(str(FOLDER / f"{case}.snmprec"), community=COMMUNITY) as ports:
        credential = Credential("lab", "snmp-v2c", {"community": COMMUNITY})
        run = await collect(Target("127.0.0.1", ports[0], credentials=(credential,)))
    said = {fact.key: fact.value for fact in run.observations[0].facts if not fact.item}
    rows = {(fact.key, fact.item): fact.value for fact in run.observations[0].facts if fact.item}
    wanted, wanted_rows = FACTS.get(case, {}), ROWS.get(case, {})
    assert {key: said.get(key) for key in wanted} == wanted
    assert {place: rows.get(place) for place in wanted_rows} == wanted_rows
