"""Every recorded device is recognised: the folder is the list; a recording and its expected answer are one case."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
def practice() -> Path:
    """Recordings of real devices, which are not ours to publish; the programs that serve and score lie beside them."""
    folder = Path(os.environ.get("DOPHU_RECORDINGS", Path(__file__).parents[3] / "shared" / "recordings"))
    for needed in (folder / "snmp", folder / "banners" / "sysdescr.json", *(tool(folder, name) for name in TOOLS)):
        if not needed.exists():
            pytest.skip(f"no practice recordings: {needed} is missing (DOPHU_RECORDINGS names another folder)")
    return folder


TOOLS = ("serve_snmprec.py", "score_identification.py", "score_banners.py")


def tool(practice: Path, name: str) -> Path:
    """A program of those beside the practice recordings."""
    return practice.parent / "tools" / name


@contextmanager
def served(practice: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Serves a folder's recordings while the block runs; yields the name of each by its address."""
    command = [sys.executable, tool(practice, "serve_snmprec.py"), folder, "--port", "0", "--base", "127.61.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield {address: name for name, address in json.loads(process.stdout.readline()).items()}
        finally:
            process.terminate()


async def results(practice: Path, folder: Path) -> dict[str, Mapping[str, object]]:
    """What is said of each recording of a folder, by its name."""
    with served(practice, folder) as names:
        answers = probe_all(names, community="public", timeout=5, concurrency=20)
        return {names[str(answer["target"])]: answer async for answer in answers}


def below(floors: Mapping[str, float], reached: Mapping[str, float]) -> dict[str, float]:
    """What does not reach its floor, in percent."""
    return {field: reached[field] for field, floor in floors.items() if reached[field] < floor}


def test_the_practice_set_is_identified(practice: Path, tmp_path: Path) -> None:
    found = asyncio.run(results(practice, practice / "snmp"))
    (tmp_path / "results.json").write_text(json.dumps([{**one, "file": name} for name, one in found.items()]), "utf-8")
    command = [sys.executable, tool(practice, "score_identification.py"), practice / "snmp", tmp_path / "results.json"]
    subprocess.run([*command, "--json", tmp_path / "score.json"], check=True, capture_output=True)
    score = json.loads((tmp_path / "score.json").read_text("utf-8"))["ALL"]
    reached = {field: 100 * right / of for field, (right, of) in score.items() if of}
    print(reached)
    assert len(found) == len(list((practice / "snmp").glob("*.snmprec")))
    assert below(FLOORS, reached) == {}


FLOORS = {"role": 97, "role_strict": 95, "vendor": 97, "model": 85, "version": 90, "serial": 90, "ports": 98}
FLOORS_OF_WORDS = {"vendor": 90, "role": 85, "version": 80, "model": 75}
"""Percent."""


def test_devices_that_say_nothing_but_their_sysdescr_are_identified(practice: Path, tmp_path: Path) -> None:
    banners = practice / "banners" / "sysdescr.json"
    texts = [row["text"] for row in json.loads(banners.read_text("utf-8"))]
    (tmp_path / "devices").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / "devices" / f"{number}.snmprec").write_text(
            f"1.3.6.1.2.1.1.1.0|4x|{text.encode().hex()}\n", "utf-8"
        )
    found = asyncio.run(results(practice, tmp_path / "devices"))
    told = [{**found[str(number)], "text": text} for number, text in enumerate(texts)]
    (tmp_path / "results.json").write_text(json.dumps(told), "utf-8")
    command = [sys.executable, tool(practice, "score_banners.py"), banners, tmp_path / "results.json"]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(line)
    reached = {field: float(share) for field, share in re.findall(r"(\w+) ([\d.]+) \(", line)}
    assert below(FLOORS_OF_WORDS, reached) == {}
