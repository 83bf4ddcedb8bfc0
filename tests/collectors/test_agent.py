"""Agents' bodies: what they say becomes facts, what they hide is dropped, and what they are not is refused."""

from __future__ import annotations

import gzip
import json
import resource
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from collectors.agent import INFLATED_LIMIT, WIRE_LIMIT, Message, read_message
from inventory import vocabulary
from inventory.words import InputError, Observation, Proof, Value

RECORDINGS = Path(__file__).parent.parent / "recordings" / "agent"
SHARED = Path(__file__).parents[3] / "shared" / "recordings" / "agents"
AT = datetime(2026, 3, 3, 0, 45, tzinfo=UTC)


def recorded(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


def observation(body: bytes) -> Observation:
    observed = read_message(body, AT).observation
    assert observed is not None
    return observed


def values(observed: Observation) -> dict[str, Value]:
    return {fact.key: fact.value for fact in observed.facts if not fact.item}


def identifiers(observed: Observation) -> frozenset[tuple[str, str]]:
    assert observed.asset is not None
    return observed.asset.identifiers


def assert_sound(message: Message) -> None:
    """Whatever was accepted, a store can keep it: known keys, values of their type, encodable text, no NUL."""
    facts = message.observation.facts if message.observation else ()
    assert all(fact.observed_at == AT for fact in facts)
    for fact in (*facts, *(fact for added in message.added for fact in added.facts)):
        key = vocabulary.load().keys[fact.key]
        key.check(fact.value)
        vocabulary.write_value(key, fact.value)
        assert (fact.source, fact.proof) == ("agent", Proof.AGENT) and fact.observed_at <= AT
        text = repr(fact.value) + fact.item
        assert "\x00" not in fact.item
        text.encode()
        fact.item.encode()


# --- what machines say -----------------------------------------------------------------------------------------------


def test_a_windows_workstation_over_glpi() -> None:
    message = read_message(recorded("windows-workstation/inventory.json"), AT)
    assert (message.kind, message.reply, message.partial) == ("inventory", "json", False)
    assert message.device == "VPUBND-017-2026-03-02-07-41-10"
    assert_sound(message)
    assert message.observation is not None
    assert values(message.observation) == {
        "answering": True,
        "last_report": AT,
        "vendor": "FPT Elead",
        "model": "T10500i",
        "serial": "DPH2201017",
        "sysname": "VPUBND-017",
        "address": "192.168.1.57",
        "memory": 8 << 30,
        "role": "workstation",
        "os_name": "Microsoft Windows 10 Pro",
        "os_build": "19045.4291",
        "version": "22H2",
        "boot_time": datetime(2026, 3, 2, 0, 30, tzinfo=UTC),
        "antivirus_installed": True,
        "antivirus_enabled": True,
        # The one that is up to date is switched off.
        "antivirus_up_to_date": False,
        "antivirus_name": "Kaspersky Endpoint Security",
        "antivirus_version": "12.6.0.438",
        "signatures_at": datetime(2026, 2, 1, tzinfo=UTC),
        "os_edition": "Pro",
        "last_update": datetime(2026, 2, 11, tzinfo=UTC),
        "remote_control_tools": 0,
    }


def test_only_what_is_part_of_the_machine_identifies_it() -> None:
    observed = observation(recorded("windows-workstation/inventory.json"))
    assert identifiers(observed) == {
        ("agent_id", "VPUBND-017-2026-03-02-07-41-10"),
        ("serial", "DPH2201017"),
        ("uuid", "8f3a2c10-5d41-11ec-a0b3-5c60ba0017f2"),
        ("mac", "5c:60:ba:00:17:f2"),
    }
    assert observed.asset is not None
    assert (observed.asset.address, observed.asset.network) == ("192.168.1.57", None)


def test_software_of_one_name_is_told_apart_by_version() -> None:
    observed = observation(recorded("windows-workstation/inventory.json"))
    assert {fact.item: fact.value for fact in observed.facts if fact.key == "software"} == {
        "UniKey": {"version": "4.6 RC2", "publisher": "", "installed": ""},
        "Microsoft .NET Runtime (6.0.36)": {"version": "6.0.36", "publisher": "Microsoft Corporation", "installed": ""},
        "Microsoft .NET Runtime (8.0.11)": {"version": "8.0.11", "publisher": "Microsoft Corporation", "installed": ""},
        "Phần mềm kế toán MISA Mimosa": {"version": "2026.1", "publisher": "Công ty Cổ phần MISA", "installed": ""},
    }


def test_a_linux_notebook_over_fusioninventory() -> None:
    message = read_message(zlib.compress(recorded("linux-notebook/inventory.xml")), AT)
    assert (message.kind, message.reply, message.device) == ("inventory", "xml", "may-tinh-12-2026-03-02-08-00-00")
    assert_sound(message)
    assert message.observation is not None
    assert values(message.observation) == {
        "answering": True,
        "last_report": AT,
        "vendor": "LENOVO",
        "model": "ThinkPad L14",
        "serial": "DPHL1412",
        "sysname": "may-tinh-12",
        "address": "192.168.1.58",
        "memory": 15842 << 20,
        "role": "workstation",
        "os_name": "Ubuntu 24.04.1 LTS",
        "os_build": "6.8.0-48-generic",
        "version": "24.04",
        "boot_time": datetime(2026, 3, 2, 0, 55, tzinfo=UTC),
        "antivirus_installed": True,
        "antivirus_enabled": True,
        "antivirus_up_to_date": True,
        "antivirus_name": "Bitdefender Endpoint Security Tools",
        "remote_control_tools": 0,
    }
    assert ("mac", "8c:8c:aa:00:12:01") in identifiers(message.observation)
    assert not any("02:42" in value for _, value in identifiers(message.observation))


@pytest.mark.parametrize("name", ["windows-workstation/inventory.json", "linux-notebook/inventory.xml"])
def test_sections_with_secrets_are_dropped(name: str) -> None:
    assert b"recorded-secret" in recorded(name)
    assert "recorded-secret" not in repr(read_message(recorded(name), AT))


def test_a_partial_inventory_says_only_what_it_holds() -> None:
    message = read_message(recorded("windows-workstation/partial.json"), AT)
    assert message.partial and message.observation is not None
    # No antivirus, no software, no system: as before, which is no fact.
    assert set(values(message.observation)) == {
        "answering", "last_report", "vendor", "model", "serial", "sysname", "memory",
    }  # fmt: skip
    assert ("serial", "DPH2201017") in identifiers(message.observation)


# --- antivirus: absent, unknown and off are three things ------------------------------------------------------------

ANTIVIRUS = ("antivirus_installed", "antivirus_enabled", "antivirus_up_to_date")


def with_antivirus(name: str, antivirus: object) -> dict[str, Value]:
    document = json.loads(recorded(name))
    document["content"].pop("antivirus", None)
    if antivirus is not None:
        document["content"]["antivirus"] = antivirus
    found = values(observation(json.dumps(document).encode()))
    return {key: found[key] for key in (*ANTIVIRUS, "antivirus_name") if key in found}


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_no_antivirus_listed_is_unknown_on_a_workstation_and_silence_on_a_server(nothing: object) -> None:
    assert with_antivirus("windows-workstation/inventory.json", nothing) == dict.fromkeys(ANTIVIRUS)
    assert with_antivirus("windows-server/inventory.json", nothing) == {}


@pytest.mark.parametrize(
    ("products", "expected"),
    [
        ([{"name": "A", "enabled": False, "uptodate": True}], (True, False, True, "A")),
        ([{"name": "A", "enabled": False}], (True, False, None, "A")),
        ([{"name": "A"}], (True, None, None, "A")),
        ([{"name": "A", "enabled": False}, {"name": "B"}], (True, None, None, "A")),
        ({"name": "A", "enabled": True, "uptodate": True}, (True, True, True, "A")),
        (
            [{"name": "A", "enabled": "1", "uptodate": "0"}, {"name": "B", "enabled": "1", "uptodate": "1"}],
            (True, True, True, "B"),
        ),
        ([{"name": "A", "enabled": True, "uptodate": "perhaps"}], (True, True, None, "A")),
    ],
)
def test_what_the_list_of_products_says(products: object, expected: tuple[Value, ...]) -> None:
    found = with_antivirus("windows-workstation/inventory.json", products)
    assert tuple(found[key] for key in (*ANTIVIRUS, "antivirus_name")) == expected


# --- roles and builds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "hardware", "role"),
    [
        ({"full_name": "Microsoft® Windows Server® 2008 Standard"}, {}, "server"),
        ({"full_name": "Microsoft Hyper-V Server 2019"}, {}, "server"),
        ({"full_name": "Microsoft Windows 11 Pro"}, {"chassis_type": "Rack Mount Chassis"}, "workstation"),
        ({"full_name": "Debian GNU/Linux 12 (bookworm)"}, {}, "server"),
        ({"full_name": "Debian GNU/Linux 12 (bookworm)"}, {"chassis_type": "Tower"}, "server"),
        ({"full_name": "Debian GNU/Linux 12 (bookworm)"}, {"chassis_type": "All In One"}, "workstation"),
        ({"full_name": "Debian GNU/Linux 12"}, {"chassis_type": "Desktop", "vmsystem": "Hyper-V"}, "server"),
        ({"full_name": "macOS 15.1"}, {}, "workstation"),
        ({"name": "Android", "full_name": "Android 14"}, {}, None),
        ({}, {}, None),
    ],
)
def test_roles(system: dict[str, str], hardware: dict[str, str], role: str | None) -> None:
    content = {"operatingsystem": system, "hardware": hardware}
    body = json.dumps({"action": "inventory", "deviceid": "d", "content": content}).encode()
    assert values(observation(body)).get("role") == role


@pytest.mark.parametrize(
    ("system", "build"),
    [
        ({"full_name": "Microsoft Windows 10 Pro", "kernel_version": "10.0.19045"}, "19045"),
        ({"full_name": "Microsoft Windows 7", "kernel_version": "6.1.7601", "service_pack": "Service Pack 1"}, "7601"),
        ({"full_name": "Debian GNU/Linux 12", "kernel_version": "6.1.0-18-amd64"}, "6.1.0-18-amd64"),
        ({"full_name": "Debian GNU/Linux 12"}, None),
    ],
)
def test_builds(system: dict[str, str], build: str | None) -> None:
    body = json.dumps({"action": "inventory", "deviceid": "d", "content": {"operatingsystem": system}}).encode()
    assert values(observation(body)).get("os_build") == build


def test_a_boot_in_the_future_or_without_zone_is_no_fact() -> None:
    document = json.loads(recorded("windows-workstation/inventory.json"))
    system = document["content"]["operatingsystem"]
    for change in ({"boot_time": "2036-01-01 00:00:00"}, {"timezone": {}}, {"timezone": None}, {"boot_time": "today"}):
        system_changed = system | change
        document["content"]["operatingsystem"] = system_changed
        assert "boot_time" not in values(observation(json.dumps(document).encode()))


def test_text_that_no_store_takes_is_cleaned() -> None:
    content = {
        "hardware": {"name": "a\u0000b\ud800c\n d"},
        "bios": {"ssn": 12345, "smodel": "Tie\u0302\u0301ng " + "x" * 900},
    }
    body = json.dumps({"action": "inventory", "deviceid": "d", "content": content}).encode()
    message = read_message(body, AT)
    assert_sound(message)
    assert message.observation is not None
    found = values(message.observation)
    assert found["sysname"] == "a b c d"
    assert found["serial"] == "12345"
    assert str(found["model"]).startswith("Tiếng xxx") and len(str(found["model"])) == 300


# --- questions -------------------------------------------------------------------------------------------------------


def test_questions() -> None:
    prolog = recorded("linux-notebook/prolog.xml")
    assert read_message(prolog, AT) == Message("prolog", "may-tinh-12-2026-03-02-08-00-00", "xml")
    assert read_message(prolog, AT, glpi_agent=True).reply == "json"
    contact = recorded("windows-workstation/contact.json")
    assert read_message(contact, AT) == Message("contact", "VPUBND-017-2026-03-02-07-41-10", "json")


@pytest.mark.parametrize("pack", [bytes, zlib.compress, gzip.compress, lambda body: b"\xef\xbb\xbf" + body])
@pytest.mark.parametrize("name", ["windows-workstation/inventory.json", "linux-notebook/inventory.xml"])
def test_the_first_bytes_say_how_a_body_is_packed(name: str, pack: Callable[[bytes], bytes]) -> None:
    assert read_message(pack(recorded(name)), AT) == read_message(recorded(name), AT)


# --- what is refused -------------------------------------------------------------------------------------------------


def xml(content: str, query: str = "INVENTORY", head: str = "") -> bytes:
    return f"{head}<REQUEST><CONTENT>{content}</CONTENT><DEVICEID>d</DEVICEID><QUERY>{query}</QUERY></REQUEST>".encode()


def inventory_json(**parts: object) -> bytes:
    return json.dumps({"action": "inventory", "deviceid": "d", "content": {}} | parts).encode()


ENTITIES = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
ACCENTED = recorded("windows-workstation/inventory.json").decode()

REFUSED = {
    "nothing": (b"", "agent's body: found nothing, expected XML (<) or JSON ({)"),
    "nothing, packed": (zlib.compress(b" "), "agent's body: found nothing, expected XML (<) or JSON ({)"),
    "an image": (
        b"\x89PNG\r\n\x1a\n0000",
        "agent's body: found bytes that begin 89 50 4e 47 0d 0a 1a 0a, expected XML (<) or JSON ({)",
    ),
    "UTF-16": (
        "<REQUEST/>".encode("utf-16"),
        "agent's body: found bytes that begin ff fe 3c 00 52 00 45 00 (UTF-16?), expected XML (<) or JSON ({)",
    ),
    "zlib that ends early": (
        zlib.compress(b"<REQUEST>" + b" " * 50_000)[:40],
        "agent's body: found zlib data that end early, after {n} bytes inflated",
    ),
    "zlib with a tail": (zlib.compress(b"{}") + b"tail", "agent's body: found 4 bytes after the end of the zlib data"),
    "text that begins like zlib": (
        b"xyz",
        "agent's body: found damaged zlib data (Error -3 while decompressing data: incorrect header check), "
        "expected zlib",
    ),
    "damaged gzip": (
        gzip.compress(b"{}")[:-8] + b"\0" * 8,
        "agent's body: found damaged gzip data (Error -3 while decompressing data: incorrect data check), "
        "expected gzip",
    ),
    "a web page": (b"<html></html>", "agent's XML: found <html>, expected <REQUEST>"),
    "XML that ends early": (
        b"<REQUEST><CONTENT>",
        "agent's XML: found a mistake (no element found: line 1, column 18), expected well-formed XML in its encoding",
    ),
    "XML in another encoding": (
        xml("<BIOS><SMODEL>Máy</SMODEL></BIOS>", head='<?xml version="1.0" encoding="UTF-8"?>')
        .decode()
        .encode("latin-1"),
        "agent's XML: found a mistake (not well-formed (invalid token): line 1, column 71), "
        "expected well-formed XML in its encoding",
    ),
    "XML in an unknown encoding": (
        xml("", head='<?xml version="1.0" encoding="TCVN3"?>'),
        "agent's XML: found an encoding that cannot be read (unknown encoding: TCVN3), expected UTF-8",
    ),
    "XML with entities": (
        xml("", head=ENTITIES),
        "agent's XML: found a document type or an entity of its own, expected neither",
    ),
    "another query": (xml("", "UPDATE"), "agent's XML, QUERY: found 'UPDATE', expected PROLOG or INVENTORY"),
    "an inventory without content": (
        b"<REQUEST><DEVICEID>d</DEVICEID><QUERY>INVENTORY</QUERY></REQUEST>",
        "agent's XML, CONTENT: found nothing, expected the inventory",
    ),
    "a field with fields": (
        xml("<BIOS><SSN><A>1</A></SSN></BIOS>"),
        "agent's inventory, ssn: found dict, expected text",
    ),
    "JSON that ends early": (
        b'{"action": "inv',
        "agent's JSON: found a mistake (Unterminated string starting at: line 1 column 12 (char 11)), expected JSON",
    ),
    "JSON in another encoding": (
        ACCENTED.encode("cp1258", "ignore"),
        "agent's JSON: found a byte that is no UTF-8 at {n}, expected UTF-8",
    ),
    "NaN": (
        b'{"action": "inventory", "deviceid": "d", "content": {"hardware": {"memory": NaN}}}',
        "agent's JSON: found a mistake (NaN is no number of JSON), expected JSON",
    ),
    "an action of another task": (
        inventory_json(action="netinventory"),
        "agent's JSON, action: found 'netinventory', expected contact or inventory",
    ),
    "no action": (b"{}", "agent's JSON, action: found nothing, expected text"),
    "content that is no content": (
        inventory_json(content="<REQUEST/>"),
        "agent's JSON, content: found text, expected an object",
    ),
    "a section that is no section": (
        inventory_json(content={"bios": 7}),
        "agent's JSON, content.bios[0]: found a number, expected an object",
    ),
    "a row that is no row": (
        inventory_json(content={"softwares": [{}, "x"]}),
        "agent's JSON, content.softwares[1]: found text, expected an object",
    ),
    "a switch that is no switch": (
        inventory_json(partial="yes"),
        "agent's JSON, partial: found text, expected true or false",
    ),
    "a printer": (inventory_json(itemtype="Printer"), "agent's body, itemtype: found 'Printer', expected 'Computer'"),
    "no device": (
        inventory_json(deviceid=" "),
        "agent's body, deviceid: found nothing, expected a name of 1 to 255 characters",
    ),
    "a device with control characters": (
        inventory_json(deviceid="a\x00b"),
        "agent's body, deviceid: found 'a\\x00b', expected a name of 1 to 255 characters",
    ),
    "more software than there is": (
        inventory_json(content={"softwares": [{"name": "x"}] * 20_001}),
        "agent's inventory, softwares: found 20001 rows, expected at most 20000",
    ),
    "too many elements": (
        zlib.compress(xml("<X/>" * 1_000_000)),
        "agent's XML: expected at most 1000000 elements, nested 32 deep",
    ),
    "too deep XML": (xml("<X>" * 40), "agent's XML: expected at most 1000000 elements, nested 32 deep"),
    "too many values": (
        zlib.compress(inventory_json(content={"x": [0] * 1_000_001})),
        "agent's JSON: expected at most 1000000 values",
    ),
    "too long": (b"{" * (WIRE_LIMIT + 1), f"agent's body: found {WIRE_LIMIT + 1} bytes, expected at most {WIRE_LIMIT}"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_not_what_it_says_is_refused(name: str) -> None:
    body, expected = REFUSED[name]
    with pytest.raises(InputError) as caught:
        read_message(body, AT)
    before, _, after = expected.partition("{n}")
    assert str(caught.value) == expected or (
        "{n}" in expected and str(caught.value).startswith(before) and str(caught.value).endswith(after)
    )


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(InputError, match="agent's JSON: found a mistake"):
        read_message(b'{"a":' * 100_000, AT)


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, zlib.MAX_WBITS | 16])
def test_a_body_that_inflates_without_end_costs_no_more_than_the_limit(wbits: int) -> None:
    packer = zlib.compressobj(1, wbits=wbits)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(320)) + packer.flush()
    assert len(bomb) < WIRE_LIMIT
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        read_message(bomb, AT)
    assert str(caught.value) == f"agent's body: inflates to more than {INFLATED_LIMIT} bytes, expected at most that"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < 3 * INFLATED_LIMIT


# --- anything at all -------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["ssn", "uuid", "name", "version", "publisher", "mac", "ipaddress", "enabled", "uptodate", "memory", "full_name",
     "kernel_version", "boot_time", "timezone", "virtualdev", "type", "expiration", "base_creation", "profile",
     "status", "letter", "encrypt_status", "install_date", "checked_at", "updates_searched_at",
     "updates_pending", "smb1", "last_update", "firewall_product", "kb"]
)  # fmt: skip
rows = st.dictionaries(fields, json_values, max_size=5)
sections = st.dictionaries(
    st.sampled_from(
        [
            "antivirus",
            "bios",
            "hardware",
            "networks",
            "operatingsystem",
            "softwares",
            "envs",
            "drives",
            "firewalls",
            "remote_mgmt",
            "posture",
            "windows_updates",
        ]
    ),
    rows | st.lists(rows, max_size=3) | json_values,
)


def survive(body: bytes) -> None:
    try:
        message = read_message(body, AT)
    except InputError as error:
        assert str(error).startswith("agent's ")
    else:
        assert_sound(message)


@given(st.binary(max_size=300) | st.binary(max_size=100).map(zlib.compress) | st.binary(max_size=99).map(gzip.compress))
@example(b"\x78")
@example(b"\x1f\x8b")
@example(b"{")
@example(b"<")
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    survive(body)


@given(sections)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_content_is_a_message_or_refused(content: object) -> None:
    survive(json.dumps({"action": "inventory", "deviceid": "d", "content": content}).encode())


@given(
    st.sampled_from(["windows-workstation/inventory.json", "linux-notebook/inventory.xml"]),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
def test_a_damaged_recording_is_a_message_or_refused(name: str, damage: list[tuple[int, int]], packed: bool) -> None:
    body = bytearray(zlib.compress(recorded(name)) if packed else recorded(name))
    for place, byte in damage:
        body[place % len(body)] = byte
    survive(bytes(body))


# --- recordings of real agents, where they are at hand --------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "01_inventory_format_tests-data-2.xml",
        "02_inventory_format_tests-data-12.xml",
        "03_real_fusioninventory-agent-2.6_debian12_av-injected.xml",
        "04_real_glpi-agent-1.12dev_debian12_av-injected.json",
        "11_ASSEMBLED_windows10_kaspersky-outdated_fw-off.json",
    ],
)
def test_recordings_of_others(name: str) -> None:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the recording {name} is not at hand")
    message = read_message(path.read_bytes(), AT)
    assert_sound(message)
    assert message.observation is not None
    found = values(message.observation)
    assert found["antivirus_installed"] is True and isinstance(found["antivirus_up_to_date"], bool)
    assert found["role"] in ("server", "workstation") and found["os_name"] and found["os_build"] and found["memory"]
    assert any(kind == "mac" for kind, _ in identifiers(message.observation))
