"""Probing one target over SNMP, SIP and HTTP, with servers of the tests' own on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.probe import KEYS, Place, parse_target, probe, probe_all
from collectors.transports.sip import read_answer
from collectors.transports.web import read_realm
from inventory.words import Credential, InputError
from tests.collectors.datagrams import datagram_server
from tests.collectors.snmpd import COMMUNITY, secret, snmpd
from tests.lab.snmp_agent import serving

RECORDINGS = Path(__file__).parents[1] / "recordings" / "snmp"

# --- targets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("10.0.0.1", Place("snmp", "10.0.0.1", 161)),
        (" 10.0.0.1:1161 ", Place("snmp", "10.0.0.1", 1161)),
        ("[2001:db8::1]:1161", Place("snmp", "2001:db8::1", 1161)),
        ("[2001:db8::1]", Place("snmp", "2001:db8::1", 161)),
        ("2001:db8::1", Place("snmp", "2001:db8::1", 161)),
        ("sw-tang1.example.vn", Place("snmp", "sw-tang1.example.vn", 161)),
        ("sip:phong-hop:5070", Place("sip", "phong-hop", 5070, transports=("udp", "tcp"))),
        ("SIP:10.0.0.9", Place("sip", "10.0.0.9", 5060, transports=("udp", "tcp"))),
        ("sip:[::1]:5062", Place("sip", "::1", 5062, transports=("udp", "tcp"))),
        ("sips:phong-hop", Place("sip", "phong-hop", 5061, transports=("tls",))),
        ("sips:[::1]:5071", Place("sip", "::1", 5071, transports=("tls",))),
        ("sip:10.0.0.9;transport=TCP", Place("sip", "10.0.0.9", 5060, transports=("tcp",))),
        ("sip:10.0.0.9;transport=tls", Place("sip", "10.0.0.9", 5061, transports=("tls",))),
        ("https://www.example.vn/a?b=c", Place("https", "www.example.vn", 443, "https://www.example.vn/a?b=c")),
        ("http://[::1]:8080/", Place("http", "::1", 8080, "http://[::1]:8080/")),
    ],
)
def test_a_target_names_a_place(text: str, place: Place) -> None:
    assert parse_target(text) == place


@pytest.mark.parametrize(
    "text",
    ["", ":161", "10.0.0.256", "10.0.0.1:0", "10.0.0.1:70000", "10.0.0.1:abc", "host name", "-oG", "a;b", "[10]:1",
     "[::1", "ftp://host", "http://", "http://user:pass@host/", "https://ho st/", "http://host:99999/", "sip:",
     "sips:", "sip:a;transport=ws", "sip:a;transport=", "sips:a;transport=udp", "sip:a;x=1",
     "../etc", "a" * 300],
)  # fmt: skip
async def test_a_malformed_target_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="target"):
        await probe(text, community="public", timeout=0.1)


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        place = parse_target(text)
        assert 1 <= place.port <= 65_535
        assert place.host


# --- SNMP ------------------------------------------------------------------------------------------------------------


async def test_a_device_answers_with_all_keys() -> None:
    with serving(str(RECORDINGS / "fortigate_100f.snmprec")) as ports:
        answer = await probe(f"127.0.0.1:{ports[0]}", community="public", timeout=2)
    assert tuple(answer) == KEYS
    assert (answer["role"], answer["vendor"], answer["interfaces"], answer["error"]) == (
        "firewall",
        "Fortinet",
        12,
        None,
    )


async def test_ipv6_and_names_are_probed() -> None:
    with serving(str(RECORDINGS / "apc_smart_ups.snmprec"), host="::1") as ports:
        assert (await probe(f"[::1]:{ports[0]}", community="public", timeout=2))["role"] == "power"
    with serving(str(RECORDINGS / "apc_smart_ups.snmprec")) as ports:
        assert (await probe(f"localhost:{ports[0]}", community="public", timeout=2))[
            "target"
        ] == f"localhost:{ports[0]}"


async def test_v3_credentials_are_tried_first(tmp_path: Path) -> None:
    with snmpd(tmp_path) as port:
        credential = Credential("v3", "snmp-v3", secret("sha256-aes256"))
        answer = await probe(f"127.0.0.1:{port}", community="", timeout=2, credentials=[credential])
        by_community = await probe(f"127.0.0.1:{port}", community=COMMUNITY, timeout=2)
    assert answer["sysname"] == by_community["sysname"] == "may-chu-01"
    assert answer["error"] is None


@pytest.mark.parametrize("mode", ["silent", "garbage", "truncated", "empty", "generr", "generr-walk", "decreasing"])
async def test_a_bad_device_is_an_answer_with_an_error(mode: str) -> None:
    with serving(f"bad:{mode}") as ports:
        answer = await probe(f"127.0.0.1:{ports[0]}", community="public", timeout=0.1)
    assert tuple(answer) == KEYS
    assert answer["error"]
    assert answer["interfaces"] is None


async def test_a_wrong_community_is_an_error_that_does_not_tell_it() -> None:
    with serving(str(RECORDINGS / "apc_smart_ups.snmprec"), community="dung") as ports:
        answer = await probe(f"127.0.0.1:{ports[0]}", community="bi-mat", timeout=0.1)
    assert "no answer" in str(answer["error"])
    assert "bi-mat" not in str(answer)


async def test_answers_come_as_they_are_ready_and_dead_devices_hold_nobody_up() -> None:
    with serving(*["bad:silent"] * 3, *[str(RECORDINGS / "telepresence_sx20.snmprec")] * 3) as ports:
        texts = [f"127.0.0.1:{port}" for port in ports]
        answers = [answer async for answer in probe_all(texts, community="public", timeout=0.3)]
    assert sorted(str(answer["target"]) for answer in answers) == sorted(texts)
    assert [answer["error"] is None for answer in answers] == [True] * 3 + [False] * 3


async def test_one_malformed_target_refuses_all_before_any_is_asked() -> None:
    with serving("bad:silent") as ports, pytest.raises(InputError):
        async for _ in probe_all([f"127.0.0.1:{ports[0]}", "10.0.0.256"], community="public", timeout=9):
            pass


# --- SIP -------------------------------------------------------------------------------------------------------------


def ok(request: bytes, status: str = "200 OK", header: str = "User-Agent", text: str = "") -> bytes:
    """The answer of a SIP server to a request."""
    lines = request.decode().split("\r\n")
    kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    said = [f"{header}: {text}"] if text else []
    return "\r\n".join([f"SIP/2.0 {status}", *kept, *said, "Content-Length: 0", "", ""]).encode()


@pytest.mark.parametrize(
    ("text", "role", "vendor", "version"),
    [
        ("TANDBERG/529 (ce9.15.0.11)", "vc_endpoint", "Cisco", "ce9.15.0.11"),
        ("PolycomRealPresenceGroup500", "vc_endpoint", "Polycom", None),
        ("TANDBERG/4137 (X12.5.7)", "mcu", "Cisco", "X12.5.7"),
        ("Polycom HDX 7000 HD (Release - 3.1.0-21178)", "vc_endpoint", "Polycom", "3.1.0-21178"),
        ("Lifesize Icon 600/LS_RM3_2.1.1", "vc_endpoint", "LifeSize", "2.1.1"),
        ("Yealink VC800 63.345.0.25", "vc_endpoint", "Yealink", "63.345.0.25"),
        ("Yealink SIP-T46G 28.80.0.70", "voip", "Yealink", "28.80.0.70"),
        ("HUAWEI TE60/V500R002C00", "vc_endpoint", "Huawei", "V500R002C00"),
        ("Pexip Infinity Conferencing Platform/12 (30246.0.0)", "mcu", "Pexip", "12"),
        ("Grandstream HT818 1.0.8.7", "voip", "Grandstream", "1.0.8.7"),
        ("Patton SN4638 5BIS 00A0BA02B4B9 R4.2 2007-12-11 SIP M5T SIP Stack/4.0.26", "voip", "Patton", "4.2"),
        ("Nobody XY-200 build 3.14.15", "voip", "Nobody", "3.14.15"),
        ("Something unheard of", "unknown", None, None),
    ],
)
async def test_a_sip_server_is_told_by_its_own_words(
    text: str, role: str | None, vendor: str | None, version: str | None
) -> None:
    async with datagram_server(lambda request: [ok(request, header="Server", text=text)]) as (port, server):
        answer = await probe(f"sip:127.0.0.1:{port}", community="public", timeout=2)
    assert tuple(answer) == KEYS
    assert (answer["error"], answer["role"], answer["vendor"], answer["version"]) == (None, role, vendor, version)
    assert server.requests[0].startswith(b"OPTIONS sip:127.0.0.1:")


async def test_a_phone_is_of_the_model_that_its_maker_sells() -> None:
    text = "Polycom/5.9.5.0614 PolycomVVX-VVX_411-UA/5.9.5.0614"
    async with datagram_server(lambda request: [ok(request, text=text)]) as (port, _):
        answer = await probe(f"sip:127.0.0.1:{port}", community="public", timeout=2)
    assert (answer["vendor"], answer["model"], answer["version"]) == ("Polycom", "VVX 411", "5.9.5.0614")


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "486 Busy Here", "503 Service Unavailable"])
async def test_any_final_sip_answer_is_alive(status: str) -> None:
    def answers(request: bytes) -> list[bytes]:
        return [
            b"noise",
            ok(request, "100 Trying"),
            ok(request.replace(b"Call-ID: ", b"Call-ID: x")),
            ok(request, status),
        ]

    async with datagram_server(answers) as (port, _):
        assert (await probe(f"sip:127.0.0.1:{port}", community="", timeout=2))["error"] is None


async def test_a_lost_sip_request_is_sent_again() -> None:
    seen: list[bytes] = []

    def second(request: bytes) -> list[bytes]:
        seen.append(request)
        return [ok(request)] if len(seen) > 1 else []

    async with datagram_server(second) as (port, _):
        assert (await probe(f"sip:127.0.0.1:{port}", community="", timeout=3))["error"] is None
    assert seen[0] == seen[1]


async def test_sip_goes_over_tcp_where_udp_is_not_answered() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(request, text="Cisco-CUCM12.5"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        said = await probe(f"sip:127.0.0.1:{port}", community="", timeout=2)
    assert (said["error"], said["role"], said["vendor"]) == (None, "voip", "Cisco")


async def test_no_sip_answer_is_an_error() -> None:
    async with datagram_server(lambda _: [b"not SIP", b""]) as (port, _):
        answer = await probe(f"sip:127.0.0.1:{port}", community="", timeout=0.2)
    assert "UDP: no answer" in str(answer["error"])
    assert "TCP: " in str(answer["error"])


@given(st.binary(max_size=200) | st.builds(lambda b: b"SIP/2.0 " + b + b"\r\n\r\n", st.binary(max_size=60)))
def test_any_datagram_is_a_sip_answer_or_none(datagram: bytes) -> None:
    assert read_answer(datagram, "x", "udp") is None


# --- HTTP ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def web_server(answer: bytes, *, stay: bool = False, host: str = "127.0.0.1") -> AsyncIterator[int]:
    serving_now: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving_now.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if stay:
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        # Each handler ends when its client hangs up.
        await asyncio.gather(*serving_now)


@pytest.mark.parametrize(
    ("asks", "realm"),
    [
        ('Basic realm="hikvision"', "hikvision"),
        ('Digest qop="auth", Realm = "TP-LINK  IP-Camera", nonce="AA="', "TP-LINK IP-Camera"),
        (r'Basic realm="a \"b\" \\ c", Digest realm="d"', r'a "b" \ c'),
        ("Basic realm=SmartAX", "SmartAX"),
        ('Basic realm=""', ""),
        ("Negotiate", ""),
        ("", ""),
    ],
)
def test_the_first_realm_is_read(asks: str, realm: str) -> None:
    assert read_realm(asks) == realm


async def test_a_web_page_is_told_by_its_realm() -> None:
    asks = b'WWW-Authenticate: Digest qop="auth", realm="Hikvision"'
    head = b"HTTP/1.1 401 Unauthorized\r\n" + asks + b"\r\nContent-Length: 0\r\n\r\n"
    async with web_server(head) as port:
        answer = await probe(f"http://127.0.0.1:{port}/", community="", timeout=2)
    assert (answer["error"], answer["role"], answer["vendor"]) == (None, "camera", "Hikvision")


def moved(to: str, server: str = "first") -> bytes:
    """An answer that sends on to another page."""
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nServer: {server}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_a_page_that_sends_on_to_its_login_is_followed() -> None:
    body = b"<title>FortiGate</title>"
    login = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with web_server(login) as port, web_server(moved(f"http://127.0.0.1:{port}/login")) as front:
        answer = await probe(f"http://127.0.0.1:{front}/", community="", timeout=2)
    assert (answer["error"], answer["role"], answer["sysname"]) == (None, "firewall", "FortiGate")


@pytest.mark.parametrize("to", ["http://127.0.0.2:{port}/", "//127.0.0.2:{port}/", "ftp://127.0.0.1/", "http://[", ""])
async def test_a_page_that_sends_on_to_another_host_is_not_followed(to: str) -> None:
    other = b"HTTP/1.1 200 OK\r\nServer: MikroTik\r\nContent-Length: 0\r\n\r\n"
    async with (
        web_server(other, host="127.0.0.2") as port,
        web_server(moved(to.format(port=port), "DNVRS-Webs")) as front,
    ):
        answer = await probe(f"http://127.0.0.1:{front}/", community="", timeout=2)
    assert (answer["error"], answer["vendor"]) == (None, "Hikvision")


@pytest.mark.parametrize("to", ["/", "http://127.0.0.1:1/"])
async def test_a_page_that_sends_on_for_ever_or_to_nobody_has_answered(to: str) -> None:
    async with web_server(moved(to, "DNVRS-Webs")) as front:
        answer = await probe(f"http://127.0.0.1:{front}/", community="", timeout=2)
    assert (answer["error"], answer["vendor"]) == (None, "Hikvision")


async def test_a_web_page_is_told_by_its_server_and_title() -> None:
    body = b"<html><TITLE>\n RouterOS router configuration page </TITLE>"
    head = b"HTTP/1.1 401 Unauthorized\r\nServer: mikrotik\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with web_server(head + body) as port:
        answer = await probe(f"http://127.0.0.1:{port}/", community="", timeout=2)
    assert tuple(answer) == KEYS
    assert (answer["error"], answer["role"], answer["vendor"]) == (None, "router", "MikroTik")
    assert answer["sysname"] == "RouterOS router configuration page"


@pytest.mark.parametrize("charset", ["undefined", "idna", "hex", "no-such"])
async def test_a_title_in_a_character_set_that_is_none_is_read(charset: str) -> None:
    body = "<title>Router của Sở</title>".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={charset}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with web_server(head.encode() + body) as port:
        answer = await probe(f"http://127.0.0.1:{port}/", community="", timeout=2)
    assert (answer["error"], answer["sysname"]) == (None, "Router của Sở")


@pytest.mark.parametrize(
    "reply", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 xx\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]
)
async def test_a_bad_web_server_is_an_error(reply: bytes) -> None:
    async with web_server(reply, stay=reply.startswith(b"HTTP/1.1 200")) as port:
        answer = await probe(f"http://127.0.0.1:{port}/", community="", timeout=0.3)
    assert answer["error"]


async def test_an_endless_page_is_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\nServer: x\r\n\r\n"
    async with web_server(head + b"a" * 300_000, stay=True) as port:
        assert (await probe(f"http://127.0.0.1:{port}/", community="", timeout=5))["error"] is None


async def test_nobody_listening_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for text in (
        f"http://127.0.0.1:{port}/",
        f"https://127.0.0.1:{port}/",
        f"sip:127.0.0.1:{port}",
        f"127.0.0.1:{port}",
    ):
        assert (await probe(text, community="public", timeout=0.3))["error"], text
