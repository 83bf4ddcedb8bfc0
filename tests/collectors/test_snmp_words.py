"""What follows from the words of a sysDescr alone, for devices of makers that no file knows."""

from __future__ import annotations

import pytest

from collectors.reading.identify import Identification
from collectors.reading.standard import SYS_DESCR, SYS_OBJECT_ID
from collectors.transports.snmp import Answer
from tests.collectors.test_snmp_vendors import Said

UNKNOWN = "1.3.6.1.4.1.4000000.1"


@pytest.mark.parametrize(
    ("descr", "role", "model", "version"),
    [
        (
            "Acme Networks, Inc. GS-2400 24-port gigabit PoE switch, Software Version 2.1.7b",
            "switch",
            "GS-2400",
            "2.1.7b",
        ),
        ("Managed Gigabit Ethernet Switch FGS-2616X-28P", "switch", "FGS-2616X-28P", None),
        ("Northwind IP Console Switch CS-16, firmware 1.20.4", "management", "CS-16", "1.20.4"),
        ("Transfer switch ATS-16A", "power", "ATS-16A", None),
        ("8/20q Fibre Channel Switch", "switch", None, None),
        ("XGS-1210-12, V2.00(ABTY.1)", "switch", "XGS-1210-12", "2.00(ABTY.1)"),
        ("Acme 802.11ac access point, model: AX-300, rev 4.2", "wireless", "AX-300", "4.2"),
        ("Wireless LAN Controller WC-500, Release 6.1", "wireless", "WC-500", "6.1"),
        ("5 GHz subscriber module SM450", "wireless", None, None),
        ("1U rack server with 3.60GHz processor", "server", None, None),
        ("Contoso Ethernet Label Printer CL-4NX, F/W: 08.00.05", "printer", "CL-4NX", "08.00.05"),
        ("Acme Widgets GmbH Industrial LTE Router IR-615, Version: V1.0.0.r10", "router", "IR-615", "1.0.0.r10"),
        ("GPON OLT GP3600-16B, software version R10.1.12.4", "router", "GP3600-16B", "R10.1.12.4"),
        ("SIP Gateway 8 FXS, Hardware: 2.0; Software: 5.40.A.12", "voip", None, "5.40.A.12"),
        ("VoIP phone X5, Boot version 1.0, Version 9.4.2", "voip", "X5", "9.4.2"),
        ("Network camera NC-3012; H.264; 5.40.9.2; 2012-05-15", "camera", "NC-3012", "5.40.9.2"),
        ("Temperature and humidity sensor TH-2, HW:1.1 FW:2.30", "sensor", "TH-2", "2.30"),
        ("Serial device server NP-5110 Ver 2.6 Build 10", "management", "NP-5110", "2.6"),
        ("Web Application Firewall WAF-200 version 3.2.1", "firewall", "WAF-200", "3.2.1"),
        ("GPS NTP Time Server TS-2 v4.10", "other", "TS-2", "4.10"),
        ("Rack PDU, 16 outlets, 3.7kVA", "power", None, None),
        (
            "Generic Routing Platform Software, Version 8.200\r\nCopyright (c) 2012\r\nACME CX 8000 M8",
            "router",
            "ACME CX 8000 M8",
            "8.200",
        ),
        ("unit 7", None, None, None),
    ],
)
async def test_the_words_of_an_unknown_maker_are_read(
    descr: str, role: str | None, model: str | None, version: str | None
) -> None:
    portrait = await Identification(Said({SYS_OBJECT_ID: UNKNOWN, SYS_DESCR: descr.encode()})).run()
    assert (portrait.role, portrait.fields.get("version")) == (role, version)
    if model:
        assert portrait.fields["model"] == model


@pytest.mark.parametrize(
    "sign", ["S/N: AB12345678", "SN AB-1", "Serial Number: AB12345678", "Ser#:AB12345678", "serial"]
)
async def test_a_serial_is_read_only_where_the_text_calls_it_one(sign: str) -> None:
    portrait = await Identification(Said({SYS_DESCR: f"Unit 7, {sign}".encode()})).run()
    assert portrait.fields.get("serial") == ("AB12345678" if "12345678" in sign else None)


async def test_the_kernel_of_a_device_whose_maker_is_known_is_no_version_and_makes_no_server() -> None:
    said: dict[str, Answer] = {SYS_DESCR: b"Linux unit7 5.4.0 #1 SMP armv7l", SYS_OBJECT_ID: "1.3.6.1.4.1.62331.1"}
    portrait = await Identification(Said(said)).run()
    assert (portrait.role, portrait.fields) == (None, {"vendor": "Watermark Auto Group"})
    portrait = await Identification(Said(said | {SYS_OBJECT_ID: "1.3.6.1.4.1.8072.3.2.10"})).run()
    assert (portrait.role, portrait.fields["version"]) == ("server", "5.4.0")


ENTITY = "1.3.6.1.2.1.47.1.1.1.1"


async def test_the_chassis_that_says_something_stands_for_the_device() -> None:
    """A stack of two (RFC 6933): the stack's own row and the first chassis say nothing of model and serial."""
    said: dict[str, Answer] = {
        SYS_OBJECT_ID: UNKNOWN,
        f"{ENTITY}.5.1": 11,
        f"{ENTITY}.5.2": 3,
        f"{ENTITY}.5.3": 3,
        f"{ENTITY}.5.4": 9,
        f"{ENTITY}.2.2": b"48-port access switch",
        f"{ENTITY}.13.3": b"GS-48",
        f"{ENTITY}.11.3": b"AB12345678",
        f"{ENTITY}.10.3": b"AcmeSwitch-48 v7.2.6,build1575 (GA)",
        f"{ENTITY}.12.3": b"Acme Networks, Inc.",
        f"{ENTITY}.13.4": b"PWR-1",
    }
    portrait = await Identification(Said(said)).run()
    assert portrait.role == "switch"
    assert portrait.fields == {"model": "GS-48", "serial": "AB12345678", "version": "7.2.6", "vendor": "Acme Networks"}
