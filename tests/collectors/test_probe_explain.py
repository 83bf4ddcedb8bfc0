"""Why a device is taken for what it is: each field with the rule that decided and what stood at its OID."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import collectors
from api.explaining import print_explanation
from api.wording import WORDS
from collectors.probe import probe
from collectors.reading.explain import EXPLAINED, REASONS
from collectors.reading.identify import Identification
from collectors.reading.origins import KINDS
from collectors.reading.standard import SYS_DESCR, SYS_OBJECT_ID
from collectors.transports.snmp import Answer
from tests.collectors.datagrams import datagram_server
from tests.collectors.test_probe import ok, web_server
from tests.collectors.test_snmp_vendors import Said
from tests.lab.snmp_agent import serving

FOLDER = Path(__file__).parents[1] / "recordings" / "snmp"
CASES = sorted(path.stem for path in FOLDER.glob("*.snmprec"))
COMMUNITY = "giam-sat"


def recorded(case: str) -> dict[str, str]:
    """The recording's values as text, by OID."""
    values = {}
    for line in (FOLDER / f"{case}.snmprec").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            oid, kind, value = line.split("|", 2)
            values[oid] = bytes.fromhex(value).decode("latin-1") if kind.endswith("x") else value
    return values


async def explained(case: str) -> dict[str, Any]:
    with serving(str(FOLDER / f"{case}.snmprec"), community=COMMUNITY) as ports:
        answer: dict[str, Any] = await probe(f"127.0.0.1:{ports[0]}", community=COMMUNITY, timeout=2, explain=True)
    return answer


@pytest.mark.parametrize("case", CASES)
async def test_every_field_of_a_recorded_device_has_an_origin_that_is_in_the_recording(case: str) -> None:
    answer, values = await explained(case), recorded(case)
    told = json.loads(json.dumps(answer["explain"]))
    stated = {name for name in EXPLAINED if answer[name] not in (None, "unknown")}
    assert told["fields"].keys() == stated
    for name, origin in told["fields"].items():
        assert origin["value"] == answer[name]
        assert origin["kind"] in KINDS
        if origin["file"]:
            assert (Path(collectors.__file__).parent / origin["file"]).is_file()
        if origin["at"] and origin["raw"] and origin["kind"] != "function":
            there = " ".join(values[origin["at"]].removeprefix(".").split())
            assert " ".join(origin["raw"].split()) in there
    steps = {step["step"]: step for step in told["steps"]}
    assert steps.keys() == {"SNMP v2c", "identify", "interfaces", "neighbours"}
    assert all(step["requests"] >= 1 for step in steps.values())


async def test_a_firewall_is_one_by_its_vendors_file() -> None:
    told = (await explained("fortigate_100f"))["explain"]
    assert {name: (at["file"], at["kind"]) for name, at in told["fields"].items() if name in ("vendor", "role")} == {
        "vendor": ("vendors/fortinet.yaml", "vendor"),
        "role": ("vendors/fortinet.yaml", "system"),
    }


async def test_an_answer_that_nobody_asked_to_explain_has_no_explanation() -> None:
    with serving(str(FOLDER / "fortigate_100f.snmprec"), community=COMMUNITY) as ports:
        answer = await probe(f"127.0.0.1:{ports[0]}", community=COMMUNITY, timeout=2)
    assert "explain" not in answer


async def test_a_silent_device_is_explained_by_what_was_tried() -> None:
    with serving(str(FOLDER / "fortigate_100f.snmprec"), community=COMMUNITY) as ports:
        answer: dict[str, Any] = await probe(f"127.0.0.1:{ports[0]}", community="khac", timeout=0.1, explain=True)
    told = answer["explain"]
    assert (told["fields"], told["rejected"]) == ({}, [])
    assert [(step["step"], step["requests"]) for step in told["steps"]] == [("SNMP v2c", 2), ("SNMP v1", 2)]
    assert "khac" not in json.dumps(answer)


FORWARDING = "1.3.6.1.2.1.4.1.0"
NOBODY = "1.3.6.1.4.1.4000000.1"


@pytest.mark.parametrize(
    ("said", "field", "kind", "at", "raw"),
    [
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.62331.1"}, "vendor", "number", SYS_OBJECT_ID, "1.3.6.1.4.1.62331.1"),
        ({SYS_DESCR: b"box by Acme, Inc."}, "vendor", None, "", ""),
        ({SYS_DESCR: b"box, made by Acme, Inc."}, "vendor", "words", SYS_DESCR, "box, made by Acme, Inc."),
        ({SYS_OBJECT_ID: NOBODY, SYS_DESCR: b"smart switch"}, "role", "rule", SYS_DESCR, "smart switch"),
        ({SYS_OBJECT_ID: NOBODY, FORWARDING: 1}, "role", "function", FORWARDING, "1"),
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.36153.1"}, "role", "number", SYS_OBJECT_ID, "1.3.6.1.4.1.36153.1"),
        ({SYS_DESCR: b"Unit 7, S/N: AB12345678"}, "serial", "descr", SYS_DESCR, "Unit 7, S/N: AB12345678"),
    ],
)
async def test_what_decides_without_a_vendors_file_is_told_too(
    said: Mapping[str, Answer], field: str, kind: str | None, at: str, raw: str
) -> None:
    origin = (await Identification(Said(said)).run()).origins.get(field)
    assert (origin and (origin.kind, origin.at, origin.raw)) == (kind and (kind, at, raw))


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_the_explanation_is_printed_in_both_languages(language: str) -> None:
    answer = await explained("catalyst_9200l")
    console = Console(record=True, width=400, file=None, quiet=False)
    with console.capture() as printed:
        print_explanation(answer, language, console)
    text = printed.get()
    for name in ("how", "cost", "step:identify"):
        assert WORDS[language][name] in text
    for origin in answer["explain"]["fields"].values():
        assert origin["file"] in text
        assert origin["at"] in text


def test_every_kind_and_reason_has_words() -> None:
    wanted = {*(f"how:{kind}" for kind in KINDS), *(f"rejected:{reason}" for reason in REASONS)}
    for words in WORDS.values():
        assert wanted <= words.keys()


async def test_a_sip_servers_own_words_are_its_origin() -> None:
    async with datagram_server(lambda request: [ok(request, text="Cisco-CUCM12.5")]) as (port, _):
        answer: dict[str, Any] = await probe(f"sip:127.0.0.1:{port}", community="", timeout=2, explain=True)
    told = answer["explain"]
    assert told["fields"]["vendor"]["kind"] == "sip"
    assert told["fields"]["vendor"]["raw"] == "Cisco-CUCM12.5"
    assert told["fields"]["vendor"]["file"] == "vendors/cisco.yaml"
    assert [step["step"] for step in told["steps"]] == ["request"]


async def test_a_web_servers_title_is_its_origin() -> None:
    body = b"<html><head><title>RouterOS router configuration page</title></head></html>"
    page = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    async with web_server(page) as port:
        answer: dict[str, Any] = await probe(f"http://127.0.0.1:{port}/", community="", timeout=2, explain=True)
    role = answer["explain"]["fields"]["role"]
    assert (role["kind"], role["file"], role["raw"]) == (
        "http",
        "vendors/mikrotik.yaml",
        "RouterOS router configuration page",
    )
