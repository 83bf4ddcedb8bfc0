"""Kaspersky Security Center asked itself (a server of the tests' own): hosts, groups, trust, and broken lists."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.consoles import Report
from collectors.consoles.ksc import read_server
from collectors.transports.ksc import AT_ONCE, KscError, certificate
from inventory.words import Credential, InputError, Proof
from tests.collectors.ksc_server import PASSWORD, USER, KscServer, serve_ksc

NOW = datetime.now(UTC).replace(microsecond=0)
GROUPS = [
    {"id": 0, "name": "Managed devices", "parentId": -1},
    {"id": 7, "name": "Sở Y tế", "parentId": 0},
    {"id": 9, "name": "Văn phòng", "parentId": 7},
]


def wrapped(at: datetime) -> dict[str, str]:
    return {"type": "datetime", "value": f"{at:%Y-%m-%dT%H:%M:%SZ}"}


def host(name: str, **more: object) -> dict[str, Any]:
    """A machine with the agent (bits 2 and 3) and protection (4), running, with bases of yesterday."""
    return {
        "KLHST_WKS_WINHOSTNAME": name, "KLHST_WKS_DN": f"{name} (tầng 2)", "KLHST_WKS_GROUPID": 9,
        "KLHST_WKS_STATUS": 0b11101, "KLHST_WKS_RTP_STATE": {"type": "long", "value": 5},
        "KLHST_WKS_RTP_AV_VERSION": "12.6.0.438", "KLHST_WKS_IP_LONG": 0x0A010005,
        "KLHST_WKS_RTP_AV_BASES_TIME": wrapped(NOW - timedelta(days=1)),
        "KLHST_WKS_LAST_NAGENT_CONNECTED": wrapped(NOW - timedelta(hours=1)),
        "KLHST_WKS_LAST_FULLSCAN": wrapped(datetime(1970, 1, 1, tzinfo=UTC)),
        "KLHST_WKS_UNCURED_COUNT": 0, "KLHST_WKS_RBT_REQUIRED": False,
        "KLHST_WKS_MAC_ADDRESSES": [{"type": "binary", "value": "ABEiM0RV"}],
    } | more  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KscServer]:
    with serve_ksc(tmp_path, KscServer(groups=GROUPS)) as serving:
        yield serving


def credential(server: KscServer, **more: str) -> Credential:
    shown, _ = asyncio.run(certificate("127.0.0.1", server.port))
    secret = {"user": USER, "password": PASSWORD, "certificates": f"127.0.0.1:{server.port} {shown}"} | more
    return Credential("ksc", "ksc", {k: v for k, v in secret.items() if v})


def read(server: KscServer, **more: str) -> Report:
    return asyncio.run(read_server("127.0.0.1", server.port, credential(server, **more), source="kaspersky"))


def facts(server: KscServer, **more: object) -> dict[str, object]:
    server.hosts = [host("PC-1", **more)]
    (line,) = read(server).lines
    assert {f.proof for f in line.facts} == {Proof.CONSOLE}
    return {f.key: f.value for f in line.facts}


def test_a_host_is_told_with_its_group_and_state(server: KscServer) -> None:
    said = facts(server)
    (line,) = read(server).lines
    assert (line.hostname, line.address, line.macs) == ("PC-1", "10.1.0.5", ("001122334455",))
    assert line.agency == "Managed devices/Sở Y tế/Văn phòng"
    assert line.last_seen == NOW - timedelta(hours=1)
    assert said["antivirus_installed"] is said["antivirus_enabled"] is said["antivirus_managed"] is True
    assert said["antivirus_up_to_date"] is True and said["antivirus_version"] == "12.6.0.438"
    assert said["reboot_needed"] is False and said["infections"] == 0 and "last_scan" not in said
    # Of when the machine last called, not of now: a machine that was off for a month is not known to be protected.
    assert {f.observed_at for f in line.facts if f.key == "antivirus_enabled"} == {NOW - timedelta(hours=1)}
    assert server.open_sessions == 0


@pytest.mark.parametrize(
    ("more", "key", "value"),
    [
        ({"KLHST_WKS_RTP_STATE": 1}, "antivirus_enabled", False),
        ({"KLHST_WKS_RTP_STATE": 9}, "antivirus_enabled", False),
        ({"KLHST_WKS_RTP_STATE": 3}, "antivirus_enabled", None),
        ({"KLHST_WKS_RTP_STATE": 0}, "antivirus_enabled", None),
        ({"KLHST_WKS_STATUS": 0b00001}, "antivirus_managed", False),
        ({"KLHST_WKS_STATUS": 0b01101}, "antivirus_installed", False),
        ({"KLHST_WKS_STATUS": 0b01101}, "antivirus_enabled", False),
        ({"KLHST_WKS_STATUS_MASK_5": True}, "antivirus_installed", False),
        ({"KLHST_WKS_STATUS": None}, "antivirus_installed", None),
        ({"KLHST_WKS_STATUS_MASK_7": True}, "antivirus_up_to_date", False),
        ({"KLHST_WKS_RTP_AV_BASES_TIME": wrapped(NOW - timedelta(days=30))}, "antivirus_up_to_date", False),
        ({"KLHST_WKS_UNCURED_COUNT": {"type": "long", "value": 3}}, "infections", 3),
        ({"KLHST_WKS_RBT_REQUIRED": True}, "reboot_needed", True),
    ],
)
def test_states_are_yes_no_or_unknown(server: KscServer, more: dict[str, object], key: str, value: object) -> None:
    assert facts(server, **more)[key] is value or facts(server, **more)[key] == value


def test_bases_of_no_date_leave_the_signatures_unknown(server: KscServer) -> None:
    said = facts(server, KLHST_WKS_RTP_AV_BASES_TIME=wrapped(datetime(1970, 1, 1, tzinfo=UTC)))
    assert "signatures_at" not in said and "antivirus_up_to_date" not in said


def test_lists_longer_than_one_answer_are_whole(server: KscServer) -> None:
    server.hosts = [host(f"PC-{n}") for n in range(2 * AT_ONCE + 1)]
    assert len({line.hostname for line in read(server).lines}) == 2 * AT_ONCE + 1
    assert server.asked.count("ChunkAccessor.Release") == 2


def test_a_list_that_breaks_off_is_none(server: KscServer) -> None:
    # Whoever is missing from a list counts as unprotected: half of it must not be taken for the whole.
    server.hosts, server.breaks_off_after = [host(f"PC-{n}") for n in range(700)], 600
    with pytest.raises(KscError, match="broke off after 600 of 700 rows"):
        read(server)


@pytest.mark.parametrize(
    ("method", "status", "body", "expected"),
    [
        ("HostGroup.FindHosts", 200, b"<html>", "no JSON object"),
        ("HostGroup.FindHosts", 200, b"[" * 100_000, "no JSON object"),
        ("HostGroup.FindHosts", 500, b"{}", "found status 500"),
        ("HostGroup.FindHosts", 200, b'{"PxgError": {"code": 1, "message": "Access denied"}}', "Access denied"),
        ("HostGroup.FindHosts", 200, b'{"strAccessor": 5}', "found no accessor"),
        ("ChunkAccessor.GetItemsCount", 200, b'{"PxgRetVal": -1}', "found -1 rows"),
        ("ChunkAccessor.GetItemsCount", 200, b'{"PxgRetVal": "many"}', "found 'many' rows"),
        ("ChunkAccessor.GetItemsChunk", 200, b'{"pChunk": {"KLCSP_ITERATOR_ARRAY": [7]}}', "broke off after 0"),
        ("Session.StartSession", 200, b"{}", "found no session"),
    ],
)
def test_what_is_no_answer_is_an_error(server: KscServer, method: str, status: int, body: bytes, expected: str) -> None:
    server.hosts, server.instead = [host("PC-1")], (method, status, body)
    with pytest.raises(KscError, match=expected):
        read(server)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"KLHST_WKS_WINHOSTNAME": "a b"}, "a host name"),
        ({"KLHST_WKS_WINHOSTNAME": "x" * 5000}, "at most"),
        (
            {"KLHST_WKS_WINHOSTNAME": "", "KLHST_WKS_DN": None, "KLHST_WKS_IP_LONG": 0, "KLHST_WKS_MAC_ADDRESSES": 5},
            "a host name",
        ),
    ],
)
def test_a_host_that_cannot_be_read_is_named(server: KscServer, more: dict[str, object], problem: str) -> None:
    server.hosts = [host("PC-1"), host("PC-2") | more]
    report = read(server)
    assert [line.hostname for line in report.lines] == ["PC-1"]
    (told,) = report.problems
    assert told.row == 2 and problem in told.expected.en


def test_odd_values_of_attributes_are_unknown(server: KscServer) -> None:
    odd = {name: {"type": "datetime", "value": [1]} for name in host("x") if name != "KLHST_WKS_WINHOSTNAME"}
    server.hosts = [host("PC-1") | odd]
    (line,) = read(server).lines
    assert line.address is None and line.macs == () and line.last_seen is None


def test_nothing_is_sent_to_a_server_that_nobody_vouches_for(server: KscServer) -> None:
    with pytest.raises(KscError, match=r"dophu credential pin ksc 127\.0\.0\.1:[0-9]+ --fingerprint SHA256:"):
        read(server, certificates="")
    with pytest.raises(KscError, match="pinned is SHA256:00: it was renewed"):
        read(server, certificates=f"127.0.0.1:{server.port} SHA256:00")
    with pytest.raises(InputError, match="expected certificates in PEM"):
        read(server, certificates="", ca="-----BEGIN")
    # It vouches for itself, but under another name than the address it is asked at.
    with pytest.raises(KscError, match="shows a certificate that no authority vouches for"):
        read(server, certificates="", ca=server.pem)
    assert server.asked == []


def test_a_refused_login_is_said_without_the_secret(server: KscServer) -> None:
    with pytest.raises(KscError, match="refuses credential ksc") as raised:
        read(server, password="wrong-secret")
    assert "wrong-secret" not in str(raised.value)
    with pytest.raises(KscError, match="refuses credential ksc"):
        read(server, domain="TINH")
    assert 'internal="0"' in server.logins[-1]
    server.wants_code = True
    with pytest.raises(KscError, match="one-time code"):
        read(server)


def test_groups_in_a_ring_end(server: KscServer) -> None:
    server.groups = [{"id": 7, "name": "A", "parentId": 9}, {"id": 9, "name": "B", "parentId": 7}]
    server.hosts = [host("PC-1")]
    assert [line.agency for line in read(server).lines] == ["A/B"]


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(KscError, match=r"127\.0\.0\.1:1:"):
        asyncio.run(certificate("127.0.0.1", 1))


def test_the_attributes_that_are_asked_are_the_ones_that_are_read(server: KscServer) -> None:
    server.hosts = [host("PC-1")]
    assert set(json.loads(json.dumps(dict(read(server).mapping)))) >= set(host("x"))
