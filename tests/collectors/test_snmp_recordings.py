"""Every recorded device is recognised: the folder is the list; a recording and its expected answer are one case."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from collectors.probe import probe, probe_all
from collectors.snmp import collect
from inventory import vocabulary
from inventory.words import Credential, Target
from tests.lab.snmp_agent import serving

FOLDER = Path(__file__).parents[1] / "recordings" / "snmp"
CASES = sorted(path.stem for path in FOLDER.glob("*.snmprec"))
COMMUNITY = "giam-sat"


@pytest.mark.parametrize("case", CASES)
async def test_a_recorded_device_is_what_it_is(case: str) -> None:
    expected = json.loads((FOLDER / f"{case}.expected.json").read_text("utf-8"))
    with serving(str(FOLDER / f"{case}.snmprec"), community=COMMUNITY) as ports:
        answer = await probe(f"127.0.0.1:{ports[0]}", community=COMMUNITY, timeout=2)
        credential = Credential("lab", "snmp-v2c", {"community": COMMUNITY})
        run = await collect(Target("127.0.0.1", ports[0], credentials=(credential,)))
    assert answer["error"] is None
    neighbours = answer["neighbours"]
    assert isinstance(neighbours, list)
    told = answer | {"neighbours": sorted(neighbours)}
    assert {key: told[key] for key in expected if key != "interfaces_up"} == {
        key: value for key, value in expected.items() if key != "interfaces_up"
    }
    assert (run.error, run.complete) == (None, True)
    stated = {fact.key: fact.value for fact in run.observations[0].facts if not fact.item}
    assert (stated["interface_count"], stated["interfaces_up"]) == (expected["interfaces"], expected["interfaces_up"])
    for fact in run.observations[0].facts:
        vocabulary.load().keys[fact.key].check(fact.value)


def test_every_recording_has_an_expected_answer_and_the_reverse() -> None:
    assert CASES
    assert sorted(path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json")) == CASES


@pytest.fixture
def practice() -> dict[Path, str]:
    """Recordings of real devices by role, which are not ours to publish: read where their folder lies beside ours."""
    folder = Path(os.environ.get("DOPHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "recordings" / "snmp"))
    if not folder.is_dir():
        pytest.skip(f"no practice recordings at {folder} (DOPHU_RECORDINGS names another folder)")
    roles = {}
    for path in sorted(folder.glob("*.expected.json")):
        role = json.loads(path.read_text("utf-8"))["role_strict"]
        if role in {"firewall", "switch", "power", "printer", "vc_endpoint"}:
            roles[path.with_name(path.name.removesuffix(".expected.json") + ".snmprec")] = role
    return roles


async def test_the_practice_set_is_recognised(practice: dict[Path, str]) -> None:
    right = 0
    with serving(*map(str, practice), strict=False) as ports:
        targets = {f"127.0.0.1:{port}": role for port, role in zip(ports, practice.values(), strict=True)}
        async for answer in probe_all(targets, community="public", timeout=5, concurrency=8):
            right += answer["role"] == targets[str(answer["target"])]
    assert right >= 0.95 * len(practice)
