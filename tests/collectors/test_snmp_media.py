"""What video and voice systems say beyond their identity: calls, registration, temperature, whether they are well."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.snmp import collect
from inventory.words import Credential, Target
from tests.lab.snmp_agent import serving

FOLDER = Path(__file__).parents[1] / "recordings" / "snmp"


@pytest.mark.parametrize(
    ("case", "facts"),
    [
        # SIP is off and H.323 registered: the first that is in use says it.
        ("polycom_group_500", {"calls": 1, "registered": True, "healthy": True}),
        ("polycom_rmx_2000", {"calls": 3, "healthy": False}),
        ("asterisk_pbx", {"calls": 4}),
        ("patton_sn4638", {"calls": 3, "temperature": 44, "processor_load": 0.07}),
        ("axis_p3245", {"temperature": 51}),
        ("avaya_g450", {"temperature": 47}),
        ("dahua_nvr", {"processor_load": 0.12, "memory_used": 0.41}),
    ],
)
async def test_a_media_system_says_how_it_is(case: str, facts: dict[str, object]) -> None:
    with serving(str(FOLDER / f"{case}.snmprec")) as ports:
        credential = Credential("lab", "snmp-v2c", {"community": "public"})
        run = await collect(Target("127.0.0.1", ports[0], credentials=(credential,)))
    assert run.error is None
    said = {fact.key: fact.value for fact in run.observations[0].facts if not fact.item}
    asked = ("calls", "registered", "healthy", "temperature", "processor_load", "memory_used")
    assert {key: said[key] for key in asked if key in said} == facts
