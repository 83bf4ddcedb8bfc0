"""Video conference: what answers by SIP and H.323, what a codec says of itself, and what silence means."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import runner, vc
from collectors.codecs import poly, shorten_remote, xapi
from collectors.probe import probe
from collectors.transports import pinned
from collectors.transports.codec import LARGEST, CodecError
from collectors.transports.h323 import (
    RELEASE_COMPLETE,
    STATUS,
    ask_h323,
    gatekeeper_request,
    read_q931,
    read_ras,
    status_enquiry,
)
from collectors.transports.sip import MOST_DATAGRAMS, SipError, ask_options, read_answer
from inventory.words import Credential, InputError, Network, Run, Target
from tests.collectors.datagrams import datagram_server
from tests.collectors.test_probe import ok
from tests.collectors.vc_servers import (
    PASSWORD,
    RECORDINGS,
    USER,
    Codec,
    free_port,
    needs_sipp,
    q931,
    serve_codec,
    setup_port,
    sipp,
    tls_front,
)

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
NETWORK = Network("SYT-LAN", "SYT", ip_network("127.0.0.0/8"), "lan", scan=True)
ROOM = Target("127.0.0.1", agency="SYT", network=NETWORK)
KNOWN = frozenset({"sip_answering", "h323_answering"})
CODEC = Credential("room", "xapi", {"user": USER, "password": PASSWORD})


def told(run: Run) -> dict[str, object]:
    (observation,) = run.observations
    return {fact.key: fact.value for fact in observation.facts}


def closed() -> vc.Ports:
    """Ports on which nobody listens."""
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    return vc.Ports(free_port(datagram), free_port(stream), free_port(stream), free_port(datagram))


# --- SIP by sipp ------------------------------------------------------------------------------------------------------


@needs_sipp
async def test_a_sip_endpoint_alive_and_then_dead() -> None:
    ports = closed()
    with sipp("udp") as port:
        alive = await vc.collect(ROOM, ports=replace(ports, options=port), seconds=2)
        facts = told(alive)
        assert (alive.error, alive.complete) == (None, True)
        assert (facts["sip_answering"], facts["answering"]) == (True, True)
        assert (facts["vendor"], facts["version"], facts["role"]) == ("Cisco", "ce9.15.3.25", "vc_endpoint")
        assert facts["sip_software"] == "TANDBERG/529 (ce9.15.3.25)"
        assert "h323_answering" not in facts
    dead = await vc.collect(replace(ROOM, affirmed=KNOWN), ports=replace(ports, options=port), seconds=0.2)
    # Its port refuses: SIP does not answer, though somebody at the address said so.
    assert told(dead) == {"sip_answering": False, "h323_answering": False}


@needs_sipp
async def test_sip_over_tcp_and_tls(tmp_path: Path) -> None:
    with sipp("tcp") as port:
        by_tcp = await ask_options("127.0.0.1", port, 2)
        assert (by_tcp.transport, by_tcp.code, by_tcp.software) == ("tcp", 200, "TANDBERG/529 (ce9.15.3.25)")
        async with tls_front(tmp_path, port) as secured:
            by_tls = await ask_options("127.0.0.1", secured, 2, ("tls",))
            assert (by_tls.transport, by_tls.software) == ("tls", "TANDBERG/529 (ce9.15.3.25)")
            found = await vc.collect(ROOM, ports=replace(closed(), options_tls=secured), seconds=2)
            probed = await probe(f"sips:127.0.0.1:{secured}", community="", timeout=2)
            assert (probed["vendor"], probed["version"], probed["error"]) == ("Cisco", "ce9.15.3.25", None)
    assert told(found)["sip_answering"] is True
    with pytest.raises(SipError, match="TCP: Connection refused; TLS: Connection refused"):
        await ask_options("127.0.0.1", secured, 0.5, ("tcp", "tls"))
    async with setup_port(lambda _: b"SIP/2.0 400 Bad Request\r\n\r\n") as plain:
        with pytest.raises(SipError, match="TLS: no TLS"):
            await ask_options("127.0.0.1", plain.port, 0.5, ("tls",))


# --- SIP as it should not be ------------------------------------------------------------------------------------------


def test_an_answer_cut_short_is_one_as_long_as_it_names_our_call() -> None:
    whole = (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1\r\ni: abc\r\nServer: Yealink VC800\r\n 63.345\r\n"
        b'WWW-Authenticate : Digest\r\n realm="\xff"\r\n\r\n'
    )
    answer = read_answer(whole, "abc", "udp")
    assert answer is not None
    assert answer.software == "Yealink VC800 63.345"
    for cut in range(len(whole)):
        answer = read_answer(whole[:cut], "abc", "udp")
        assert (answer is not None) == (cut > whole.index(b"abc\r\n") + 3)
        # What may be half a header is not read.
        assert answer is None or answer.software in ("", "Yealink VC800", "Yealink VC800 63.345")
    assert read_answer(whole, "abcd", "udp") is None
    assert read_answer(b"SIP/2.0 999 Odd\r\ni: abc\r\n\r\n", "abc", "udp") is None


async def test_answers_to_others_and_garbage_are_told_and_no_answer() -> None:
    def others(request: bytes) -> list[bytes]:
        return [ok(request.replace(b"Call-ID: ", b"Call-ID: x"), text="Yealink"), b"\0\xff" * 50]

    async with datagram_server(others) as (port, _):
        with pytest.raises(SipError, match=r"UDP: no answer within 0\.2 s, but 2 messages"):
            await ask_options("127.0.0.1", port, 0.2, ("udp",))


async def test_a_flood_is_given_up_and_holds_nobody_up() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with datagram_server(lambda _: [b"SIP/2.0 100 Trying\r\n\r\n"] * (2 * MOST_DATAGRAMS)) as (port, _):
        counting = asyncio.create_task(count_turns())
        with pytest.raises(SipError, match=f"gave up, but {MOST_DATAGRAMS} messages"):
            await ask_options("127.0.0.1", port, 5, ("udp",))
        counting.cancel()
    assert turns >= MOST_DATAGRAMS / 2


@pytest.mark.parametrize(
    ("sent", "closes", "why"),
    [
        (b"x" * 300_000, False, "gave up, but no whole messages"),
        (b"SIP/2.0 100 Trying\r\n\r\n" * 15_000, False, "gave up, but"),
        (b"SIP/2.0 200 OK\r\nCall-ID: another", True, "closed without an answer to OPTIONS, but no whole messages"),
        (b"SIP/2.0 200 OK\r\nCall-ID: another", False, "no answer within 0.3 s, but no whole messages (32 bytes)"),
    ],
)
async def test_a_stream_without_our_answer_is_bounded(sent: bytes, closes: bool, why: str) -> None:
    async with setup_port(lambda _: sent, closes=closes) as endpoint:
        with pytest.raises(SipError) as error:
            await ask_options("127.0.0.1", endpoint.port, 0.3 if len(sent) < 100 else 5, ("tcp",))
    assert why in str(error.value)


# --- H.323 ------------------------------------------------------------------------------------------------------------


def test_what_is_sent_calls_nobody() -> None:
    """The bytes as Wireshark reads them: STATUS ENQUIRY, and a GatekeeperRequest of a terminal."""
    assert status_enquiry(0x1234).hex(" ") == "03 00 00 09 08 02 12 34 75"
    assert (
        gatekeeper_request(777, ("10.0.0.1", 40000)).hex(" ")
        == "00 00 03 08 06 00 08 91 4a 00 04 00 0a 00 00 01 9c 40 02 00"
    )


@pytest.mark.parametrize(("kind", "word"), [(STATUS, "STATUS"), (RELEASE_COMPLETE, "RELEASE COMPLETE")])
async def test_a_set_up_port_that_answers(kind: int, word: str) -> None:
    async with setup_port(q931(kind)) as endpoint:
        state = await ask_h323("127.0.0.1", 1, endpoint.port, free_port())
        assert (state.open, state.speaks, state.gatekeeper, state.words) == (True, True, None, word)
        found = await vc.collect(ROOM, ports=replace(closed(), setup=endpoint.port), seconds=0.5)
    assert told(found) == {"h323_answering": True, "answering": True}
    # One question in each connection, and it is none that begins a call.
    assert {endpoint.received[n + 8] for n in range(0, len(endpoint.received), 9)} == {0x75}


@pytest.mark.parametrize(
    ("answer", "speaks", "words"),
    [
        (lambda _: None, None, "open, and silent"),
        (lambda _: b"", None, "closed without a word"),
        (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", False, "not TPKT"),
        (lambda _: b"\x03\x00\xff\xff" + b"\x08" * 3000, False, "TPKT of 65535 bytes"),
        (lambda _: b"\x03\x00\x00\x04\x08\x02\x00\x00\x7d", False, "TPKT of 4 bytes"),
        (lambda _: b"\x03\x00\x00\x09\x08\x02\x7f\xff\x7d", False, "of another call"),
    ],
)
async def test_a_set_up_port_that_says_something_else(
    answer: Callable[[bytes], bytes | None], speaks: bool | None, words: str
) -> None:
    async with setup_port(answer) as endpoint:
        state = await ask_h323("127.0.0.1", 0.3, endpoint.port, free_port())
    assert (state.open, state.speaks) == (True, speaks)
    assert words in state.words


@pytest.mark.parametrize(("first", "speaks", "gate"), [("0400", True, True), ("0800", True, True), ("60", True, None)])
async def test_a_gatekeeper_is_known_by_its_answer(first: str, speaks: bool, gate: bool | None) -> None:
    def answer(request: bytes) -> list[bytes]:
        return [b"\x04\x00\xff\xff", bytes.fromhex(first) + request[2:4] + b"\x06\x00\x08\x91\x4a\x00\x04"]

    async with datagram_server(answer) as (port, asked):
        state = await ask_h323("127.0.0.1", 1, free_port(socket.SOCK_STREAM), port)
    assert (state.open, state.speaks, state.gatekeeper) == (False, speaks, gate)
    assert len(asked.requests) == 1


async def test_a_gatekeeper_that_floods_is_given_up() -> None:
    async with datagram_server(lambda _: [b"\x0b"] * 500) as (port, _):
        assert (await ask_h323("127.0.0.1", 0.4, free_port(socket.SOCK_STREAM), port)).speaks is False


@given(st.binary(max_size=40), st.integers(1, 0x7FFF))
def test_any_bytes_are_an_answer_or_none(received: bytes, number: int) -> None:
    assert read_ras(received, number) in (None, "GCF", "GRJ", "XRS")
    try:
        word = read_q931(received, number)
    except ValueError:
        return
    assert word is None or len(received) >= 9


# --- silence, refusals, networks --------------------------------------------------------------------------------------


async def test_silence_counts_only_where_it_answered_before() -> None:
    with ExitStack() as opened:
        # An address of its own, where nobody else has a port of either protocol.
        address = f"127.{os.getpid() >> 8 & 0x7F | 0x40}.{os.getpid() & 0xFF}.9"
        udp = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        tcp, tls, setup = (_silent(opened, address) for _ in range(3))
        udp.bind((address, tcp))
        target = replace(ROOM, address=address)
        ports = vc.Ports(tcp, tls, setup, free_port())
        never = await vc.collect(target, ports=ports, seconds=0.2)
        before = await vc.collect(replace(target, affirmed=KNOWN), ports=ports, seconds=0.2)
    assert (never.observations, never.complete) == ((), False)
    assert "SIP, port" in str(never.error)
    # Whether the room itself is there is the probe's to say: it knows whether the way is open.
    assert told(before) == {"sip_answering": False, "h323_answering": False}
    assert before.complete


async def test_a_question_that_was_broken_off_or_could_not_be_put_says_nothing() -> None:
    with ExitStack() as opened:
        address = f"127.{os.getpid() >> 8 & 0x7F | 0x40}.{os.getpid() & 0xFF}.10"
        udp = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        tcp, setup = (_silent(opened, address) for _ in range(2))
        udp.bind((address, tcp))
        target = replace(ROOM, address=address, affirmed=KNOWN)
        # H.323 ends at once, for a port refuses; SIP is still waited for when the deadline comes.
        for ports, expected in ((vc.Ports(tcp, tcp, free_port(socket.SOCK_STREAM), free_port()),
                                 {"h323_answering": False}), (vc.Ports(tcp, tcp, setup, free_port()), {})):  # fmt: skip
            asking = functools.partial(vc.collect, ports=ports, seconds=30)
            reading = runner.run("vc", asking, [target], deadline=0.5)
            (run,) = [each async for each in reading]
            assert {fact.key: fact.value for seen in run.observations for fact in seen.facts} == expected
            assert not run.complete and "broken off" in str(run.error)
    # No socket may be sent from to a broadcast address: that is our failure and no silence.
    unasked = await vc.collect(replace(ROOM, address="127.255.255.255", affirmed=KNOWN), seconds=0.2)
    assert (unasked.observations, unasked.complete) == ((), False)
    assert "SIP, port 5060" in str(unasked.error)


def _silent(opened: ExitStack, address: str) -> int:
    """A TCP port whose backlog is full: the kernel drops what comes, as if nobody were there."""
    listener = opened.enter_context(socket.socket())
    listener.bind((address, 0))
    listener.listen(0)
    for _ in range(3):
        waiting = opened.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    found: int = listener.getsockname()[1]
    return found


async def test_only_what_the_register_allows_is_asked() -> None:
    elsewhere = replace(ROOM, address="10.0.0.1")
    forbidden = replace(ROOM, network=replace(NETWORK, scan=False))
    for target, why in (
        (elsewhere, "expected an address in 127"),
        (forbidden, "may not be scanned"),
        (replace(ROOM, network=None), "no network"),
        (replace(ROOM, address="phong-hop"), "expected an IP address"),
    ):
        with pytest.raises(InputError, match=why):
            await vc.collect(target)


async def test_words_that_fit_only_general_rules_make_no_phone_of_what_speaks_h323() -> None:
    async with AsyncExitStack() as opened:
        sip_port, _ = await opened.enter_async_context(
            datagram_server(lambda r: [ok(r, text="Nobody XY-200 build 3.14.15")])
        )
        endpoint = await opened.enter_async_context(setup_port(q931(STATUS)))
        ports = replace(closed(), options=sip_port)
        phone = told(await vc.collect(ROOM, ports=ports, seconds=1))
        room = told(await vc.collect(ROOM, ports=replace(ports, setup=endpoint.port), seconds=1))
        server = told(await vc.collect(replace(ROOM, role_known=True), ports=ports, seconds=1))
    assert phone["role"] == "voip"
    assert "role" not in room and "role" not in server
    assert (room["vendor"], room["model"], room["version"]) == ("Nobody", "XY-200", "3.14.15")


# --- codecs -----------------------------------------------------------------------------------------------------------


def cisco() -> Codec:
    return Codec(
        {
            "GET /status.xml": (RECORDINGS / "room_kit.status.xml").read_bytes(),
            "POST /putxml": (RECORDINGS / "room_kit.history.xml").read_bytes(),
        },
        basic=True,
    )


async def pin(credential: Credential, port: int) -> Credential:
    shown, _ = await pinned.certificate("127.0.0.1", port)
    secret = {"port": str(port), "certificates": f"127.0.0.1:{port} {shown}"}
    return replace(credential, secret={**credential.secret, **secret})


async def test_a_cisco_codec_tells_its_state_and_its_calls(tmp_path: Path) -> None:
    with serve_codec(tmp_path, cisco()) as codec:
        target = replace(ROOM, credentials=(await pin(CODEC, codec.port),))
        run = await vc.collect(target, ports=closed(), seconds=0.2)
    facts = told(run)
    assert (run.error, run.complete) == (None, True)
    wanted = {
        "answering": True, "role": "vc_endpoint", "vendor": "Cisco", "model": "Room Kit", "version": "9.15.3.25",
        "serial": "FOC2145P0XY", "uptime": 1810265, "calls": 1, "registered": True, "standby": False,
        "camera_connected": True, "microphone_connected": True,
    }  # fmt: skip
    assert {key: facts[key] for key in wanted} == wanted
    (observation,) = run.observations
    assert observation.asset is not None
    assert observation.asset.identifiers == {("serial", "FOC2145P0XY")}
    history = observation.history
    assert history is not None
    assert (history.whole, history.since) == (True, datetime(2026, 10, 1, 3, 0, tzinfo=UTC))
    assert [(c.begin, c.end, c.direction, c.remote, c.protocol, c.key) for c in history.calls] == [
        (datetime(2026, 10, 5, 1, 2, 10, tzinfo=UTC), datetime(2026, 10, 5, 2, 40, tzinfo=UTC), "outgoing",
         "xa-dao-tru.example", "sip", "92"),
        (datetime(2026, 10, 2, 7, 0, tzinfo=UTC), datetime(2026, 10, 2, 7, 31, tzinfo=UTC), "incoming", "ip", "h323",
         "91"),
    ]  # fmt: skip
    assert "nguyen" not in repr(run).lower() and "Nguyễn" not in repr(run)


async def test_a_poly_system_tells_its_state_and_its_calls(tmp_path: Path) -> None:
    recorded = json.loads((RECORDINGS / "group_500.json").read_text(encoding="utf-8"))
    codec = Codec({name: json.dumps(body).encode() for name, body in recorded.items()})
    with serve_codec(tmp_path, codec):
        credential = await pin(replace(CODEC, kind="poly"), codec.port)
        run = await vc.collect(replace(ROOM, credentials=(credential,)), ports=closed(), seconds=0.2)
    facts = told(run)
    wanted = {
        "vendor": "Polycom", "model": "RealPresence Group 500", "version": "6.2.2-560071", "serial": "8213470F5A1BCV",
        "sysname": "Phòng họp huyện", "uptime": 861235, "calls": 1, "registered": True, "standby": False,
        "camera_connected": False, "microphone_connected": True,
    }  # fmt: skip
    assert {key: facts[key] for key in wanted} == wanted
    history = run.observations[0].history
    assert history is not None
    assert [(c.end - c.begin, c.direction, c.remote, c.protocol) for c in history.calls] == [
        (timedelta(minutes=90), "outgoing", "tinh.example", "sip"),
        (timedelta(minutes=10), "incoming", "021…", "h323"),
    ]
    assert codec.sessions == 0
    assert [name for name, _, _ in codec.asked] == [
        "POST /rest/session", "GET /rest/system", "GET /rest/system/status", "GET /rest/conferences",
        "GET /rest/calllog/entries", "POST /rest/session",
    ]  # fmt: skip


@pytest.mark.parametrize("lacking", ["system/status", "conferences", "calllog/entries"])
async def test_what_a_poly_system_lacks_says_nothing_of_the_rest(tmp_path: Path, lacking: str) -> None:
    recorded = json.loads((RECORDINGS / "group_500.json").read_text(encoding="utf-8"))
    codec = Codec({n: json.dumps(body).encode() for n, body in recorded.items() if n != f"GET /rest/{lacking}"})
    with serve_codec(tmp_path, codec):
        credential = await pin(replace(CODEC, kind="poly"), codec.port)
        run = await vc.collect(replace(ROOM, credentials=(credential,)), ports=closed(), seconds=0.2)
    facts, history = told(run), run.observations[0].history
    found = {"system/status": "registered" in facts, "conferences": "calls" in facts, "calllog/entries": bool(history)}
    assert found == {name: name != lacking for name in found}
    assert "404" in str(run.error) and not run.complete


async def test_no_password_goes_to_a_device_that_is_not_known(tmp_path: Path) -> None:
    """By the runner, as everywhere: also what goes wrong tells no secret."""
    with serve_codec(tmp_path, cisco()) as codec:
        port = {"port": str(codec.port)}
        unpinned = replace(CODEC, secret={**CODEC.secret, **port})
        other = {"certificates": f"127.0.0.1:{codec.port} SHA256:{'0' * 64}"}
        moved = replace(CODEC, secret={**CODEC.secret, **port, **other})
        for credential, why in (
            (unpinned, f"dophu credential pin room 127.0.0.1:{codec.port} --fingerprint SHA256:"),
            (moved, "nothing was sent to it"),
        ):
            target = replace(ROOM, credentials=(credential,))
            reading = runner.run("vc", lambda t: vc.collect(t, ports=closed(), seconds=0.2), [target])
            (run,) = [each async for each in reading]
            assert why in str(run.error)
            assert PASSWORD not in str(run.error) and run.observations == ()
        assert codec.asked == []
        wrong = await pin(replace(CODEC, secret={"user": USER, "password": "sai"}), codec.port)
        run = await vc.collect(replace(ROOM, credentials=(wrong,)), ports=closed(), seconds=0.2)
    assert "refuses credential room" in str(run.error)
    assert "sai" not in str(run.error).replace("refuses", "")


async def test_a_codec_whose_history_is_not_told_still_tells_its_state(tmp_path: Path) -> None:
    codec = cisco()
    codec.bodies["POST /putxml"] = b'<Command><CallHistoryGetResult status="Error"/></Command>'
    with serve_codec(tmp_path, codec):
        target = replace(ROOM, credentials=(await pin(CODEC, codec.port),))
        run = await vc.collect(target, ports=closed(), seconds=0.2)
    assert told(run)["model"] == "Room Kit"
    assert "call_history_read" not in told(run)
    assert (run.complete, run.error) == (False, "/putxml: found no CallHistoryGetResult with the status OK")


async def test_a_codec_that_never_answers_takes_nothing_from_what_sip_says() -> None:
    async with AsyncExitStack() as opened:
        port, _ = await opened.enter_async_context(
            datagram_server(lambda r: [ok(r, text="TANDBERG/529 (ce9.15.3.25)")])
        )
        silent = await opened.enter_async_context(setup_port(lambda _: None))
        pins = {"port": str(silent.port), "certificates": f"127.0.0.1:{silent.port} SHA256:{'0' * 64}"}
        target = replace(ROOM, credentials=(replace(CODEC, secret={**CODEC.secret, **pins}),))
        ports = replace(closed(), options=port)
        reading = runner.run("vc", lambda t: vc.collect(t, ports=ports, seconds=1), [target], deadline=2)
        (run,) = [each async for each in reading]
    assert told(run)["sip_answering"] is True
    assert (run.complete, run.error) == (False, "broken off before all was asked")


def test_calls_of_a_clock_that_is_not_set_say_nothing() -> None:
    entry = "<Entry><StartTimeUTC>{}</StartTimeUTC><Duration>60</Duration></Entry>"
    rows = entry.format("1970-01-01T00:10:00Z") + entry.format("2026-10-05T00:00:00Z") + entry.format("soon")
    found = xapi.read_history(f'<CallHistoryGetResult status="OK">{rows}</CallHistoryGetResult>'.encode(), NOW)
    assert (len(found.calls), found.since) == (1, datetime(2026, 10, 5, tzinfo=UTC))
    poly_found = poly.read_calls([{"startTime": 5, "duration": 60}, {"startTime": 10**300, "duration": 9}, 7], NOW)
    assert (poly_found.calls, poly_found.since) == ((), NOW)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no well-formed XML"),
        (b"<Status><SystemUnit>", "no well-formed XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Status><SystemUnit>&b;</SystemUnit></Status>', "no well-formed XML"),
        (b"<Configuration/>", "expected Status"),
        (b"<Status/>", "no SystemUnit"),
        (b"x" * (LARGEST + 1), "more than 4 MB"),
    ],
)
async def test_a_codec_that_answers_something_else_yields_nothing(tmp_path: Path, body: bytes, why: str) -> None:
    codec = cisco()
    codec.bodies["GET /status.xml"] = body
    with serve_codec(tmp_path, codec):
        target = replace(ROOM, credentials=(await pin(CODEC, codec.port),))
        run = await vc.collect(target, ports=closed(), seconds=0.2)
    assert run.observations == ()
    assert why in str(run.error)


def test_tc_software_and_what_is_not_told() -> None:
    """The older form of the same document, and one that says nearly nothing: absent is not off."""
    told_ = xapi.read_status(
        b"<Status><SystemUnit><ProductId>Cisco TelePresence Codec C40</ProductId><Software><Version>TC7.3.21</Version>"
        b"</Software></SystemUnit><SIP><Profile item='1'><Registration item='1'><Status>Failed</Status></Registration>"
        b"</Profile></SIP><Standby><Active>True</Active></Standby></Status>"
    )
    assert told_ == {
        "role": "vc_endpoint", "vendor": "Cisco", "model": "Cisco TelePresence Codec C40", "version": "TC7.3.21",
        "registered": False, "standby": True,
    }  # fmt: skip
    with pytest.raises(CodecError, match="neither model nor softwareVersion"):
        poly.read_system({"success": True})
    assert "registered" not in poly.read_states([{"name": "system.status.sipserver", "state": ["off"]}])


def test_a_history_that_was_cut_off_reaches_back_no_further_than_its_first_call() -> None:
    entry = "<Entry><StartTimeUTC>2026-10-{:02}T00:00:00Z</StartTimeUTC><Duration>60</Duration></Entry>"
    rows = "".join(entry.format(n % 28 + 1) for n in range(xapi.MOST_CALLS))
    found = xapi.read_history(f'<CallHistoryGetResult status="OK">{rows}</CallHistoryGetResult>'.encode(), NOW)
    assert (found.whole, found.since) == (False, datetime(2026, 10, 1, tzinfo=UTC))
    assert found.calls[0].end - found.calls[0].begin == timedelta(minutes=1)
    empty = xapi.read_history(b'<CallHistoryGetResult status="OK"/>', NOW)
    assert (empty.whole, empty.since, empty.calls) == (True, NOW, ())


@pytest.mark.parametrize(
    ("remote", "kept"),
    [
        ("sip:nguyen.van.a@tinh.example;transport=tls", "tinh.example"),
        ("nguyen.van.a@tinh.example:5061", "tinh.example"),
        ("h323:phong1@10.1.2.3", "ip"),
        ("10.1.2.3##1234", "ip"),
        ("2001:db8::7", "ip"),
        ("+84 912 345 678", "+849…"),
        ("02113861234", "021…"),
        ("7001", "extension"),
        ("Nguyễn Văn A", ""),
        ("nguyenvana", ""),
        ("a@b@nguyen", ""),
        ("", ""),
    ],
)
def test_no_person_is_left_in_the_other_end_of_a_call(remote: str, kept: str) -> None:
    assert shorten_remote(remote) == kept


@given(st.text(max_size=60))
def test_any_text_is_shortened(text: str) -> None:
    assert len(shorten_remote(text)) <= 60
