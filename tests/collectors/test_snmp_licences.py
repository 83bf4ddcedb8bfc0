"""Until when firewalls are licensed, where a MIB says it; rows as the makers document them, as no recording had any."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.snmp import Reading
from inventory.words import Credential
from tests.collectors.test_snmp_vlans import write
from tests.lab.snmp_agent import serving

FORTIGATE = {
    "1.3.6.1.2.1.1.1.0": "4|FortiGate",
    "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.12356.101.1.1006",
    "1.3.6.1.4.1.12356.101.4.6.3.1.2.1.1.1.1": "4|FortiCare Premium",
    "1.3.6.1.4.1.12356.101.4.6.3.1.2.1.1.1.2": "4|Antivirus",
    "1.3.6.1.4.1.12356.101.4.6.3.1.2.1.2.1.1": "4|Sat Jul 26 01:00:00 2025",
    "1.3.6.1.4.1.12356.101.4.6.3.1.2.1.2.1.2": "4|Sun Jan  3 2027",
}
CHECK_POINT = {
    "1.3.6.1.2.1.1.1.0": "4|Linux gw 3.10.0-1160.15.2cpx86_64",
    "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.2620.1.6.123.1.62",
    "1.3.6.1.4.1.2620.1.6.18.1.1.4.1": "4|Firewall",
    "1.3.6.1.4.1.2620.1.6.18.1.1.4.2": "4|IPS",
    "1.3.6.1.4.1.2620.1.6.18.1.1.5.1": "4|Entitled",
    "1.3.6.1.4.1.2620.1.6.18.1.1.5.2": "4|About to expire",
    "1.3.6.1.4.1.2620.1.6.18.1.1.6.1": "66|0",
    "1.3.6.1.4.1.2620.1.6.18.1.1.6.2": "66|1798675200",
}
SOPHOS = {
    "1.3.6.1.2.1.1.1.0": "4|Sophos Firewall",
    "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.2604.5",
    "1.3.6.1.4.1.2604.5.1.5.1.1.0": "2|3",
    "1.3.6.1.4.1.2604.5.1.5.1.2.0": "4|Dec 31 2999",
    "1.3.6.1.4.1.2604.5.1.5.2.1.0": "2|1",
    "1.3.6.1.4.1.2604.5.1.5.2.2.0": "4|Nov 10 2027",
    "1.3.6.1.4.1.2604.5.1.5.3.1.0": "2|1",
    "1.3.6.1.4.1.2604.5.1.5.3.2.0": "4|Mar 05 2027",
}
JUNOS = {
    "1.3.6.1.2.1.1.1.0": "4|Juniper Networks, Inc. srx340 internet router, kernel JUNOS 21.4R3-S5.4, Build date: 2023",
    "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.2636.1.1.1.2.135",
    "1.3.6.1.4.1.2636.3.63.1.1.1.1.1.8.1": "4x|07eb0a0100000000",
}


@pytest.mark.parametrize(
    ("device", "licences", "first"),
    [
        (FORTIGATE, {"FortiCare Premium": "2025-07-26", "Antivirus": "2027-01-03"}, datetime(2025, 7, 26, tzinfo=UTC)),
        (CHECK_POINT, {"Firewall": None, "IPS": "2026-12-31"}, datetime(2026, 12, 31, tzinfo=UTC)),
        (SOPHOS, {}, datetime(2027, 3, 5, tzinfo=UTC)),
        (JUNOS, {"1": "2027-10-01"}, datetime(2027, 10, 1, tzinfo=UTC)),
    ],
    ids=["fortinet", "checkpoint", "sophos", "juniper"],
)
async def test_the_first_licence_to_expire(
    tmp_path: Path, device: dict[str, str], licences: dict[str, str | None], first: datetime
) -> None:
    write(tmp_path / "device.snmprec", device)
    with serving(str(tmp_path / "device.snmprec")) as ports:
        reading = Reading("127.0.0.1", ports[0], details=True, long=True)
        await reading.run([Credential("noi-bo", "snmp-v2c", {"community": "public"})])
    assert reading.portrait.role == "firewall"
    assert {name: row.get("expires") for name, row in reading.tables.rows.get("licence", {}).items()} == licences
    assert reading.tables.values["licence_expires"] == first
