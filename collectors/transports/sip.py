"""Asks a SIP server whether it is alive: one OPTIONS request over UDP, TCP or TLS (RFC 3261 section 11)."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import sipmessage

PORT, TLS_PORT = 5060, 5061
"""Of RFC 3261 section 19.1.2."""
TRANSPORTS = ("udp", "tcp", "tls")
PLAIN = ("udp", "tcp")
FIRST_RESEND = 0.5
"""T1 of RFC 3261 section 17.1.1.1, in seconds; it doubles with each copy sent."""
LARGEST = 65_535
MOST_READ = 4 * LARGEST
"""Bytes of a connection that are read for one answer."""
MOST_DATAGRAMS = 200
"""Datagrams that are looked at for one answer: who sends more is no server that answers."""
_FOLDED = re.compile(rb"\n[ \t]+")


class SipError(Exception):
    """No final answer: nothing came in time, or nothing that is SIP and answers us; the text says which.

    `failed` tells whether a question could not be put, for want of a route or a socket: then silence says nothing.
    """

    def __init__(self, text: str, *, failed: bool = False) -> None:
        super().__init__(text)
        self.failed = failed


@dataclass(frozen=True, slots=True)
class SipAnswer:
    """A final answer: whatever its status, somebody is there."""

    code: int
    phrase: str
    software: str
    """The User-Agent or Server header; empty where there is none."""
    transport: str
    """One of TRANSPORTS."""


async def ask_options(host: str, port: int, seconds: float, transports: Sequence[str] = PLAIN) -> SipAnswer:
    """The first final answer to OPTIONS, at most `seconds` for each transport; SipError where there is none.

    Over TLS the certificate is not verified, because devices sign their own: nothing is trusted or sent.
    """
    failures, failed = [], False
    for transport in transports:
        heard = _Heard()
        try:
            async with asyncio.timeout(seconds):
                if transport == "udp":
                    return await _ask_udp(host, port, heard)
                return await _ask_stream(host, port, transport, heard)
        except TimeoutError:
            why = f"no answer within {seconds:g} s{heard.told}"
        except SipError as error:
            why = str(error)
        except ssl.SSLError as error:
            why = f"no TLS ({error.reason or error})"
        except OSError as error:
            # What asyncio says of a connection that failed does not name the reason.
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
            # Who refuses or resets a connection is somebody, and speaks no SIP.
            failed |= not isinstance(error, ConnectionError)
        failures.append(f"{transport.upper()}: {why}")
    raise SipError("; ".join(failures), failed=failed)


@dataclass(slots=True)
class _Heard:
    """What came and was no answer: it is told, so that a server that speaks wrongly is not taken for a silent one."""

    messages: int = 0
    size: int = 0

    @property
    def told(self) -> str:
        if not self.messages and not self.size:
            return ""
        return f", but {self.messages or 'no whole'} messages ({self.size:,} bytes) that do not answer the request"


def _request(host: str, port: int, transport: str, own: tuple[str, int]) -> tuple[bytes, str]:
    """The request, and the Call-ID by which its answer is known."""
    bracketed = f"[{host}]" if ":" in host else host
    here = f"[{own[0]}]:{own[1]}" if ":" in own[0] else f"{own[0]}:{own[1]}"
    call = secrets.token_hex(12)
    uri = f"sip:{bracketed}:{port}" + ("" if transport == "udp" else f";transport={transport}")
    lines = [
        f"OPTIONS {uri} SIP/2.0",
        # rport: the answer comes to the port that asked, through address translation too (RFC 3581).
        f"Via: SIP/2.0/{transport.upper()} {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 70",
        f"From: <sip:dophu@{here}>;tag={secrets.token_hex(6)}",
        f"To: <{uri}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:dophu@{here}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), call


def read_answer(datagram: bytes, call: str, transport: str) -> SipAnswer | None:
    """A final answer to the call; None for provisional ones and for what belongs to another.

    One that was cut short is an answer as long as it has the Call-ID, which nobody else knows; of its last line, which
    may lack its end, nothing is read. Header lines may be folded, and hold what is not UTF-8 (RFC 3261 section 7.3.1).
    """
    head, whole, _ = datagram.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n\n")
    lines = _FOLDED.sub(b" ", head).decode("utf-8", "replace").split("\n")
    first, *fields = lines if whole else lines[:-1] or [""]
    kept = [":".join(part.strip() for part in line.split(":", 1)) for line in fields if ":" in line]
    try:
        message = sipmessage.Message.parse("\r\n".join([first, *kept, "", ""]).encode())
    except (ValueError, KeyError, IndexError):
        return None
    if not isinstance(message, sipmessage.Response) or not 200 <= message.code <= 699:
        return None
    if message.headers.get("Call-ID") != call:
        return None
    software = message.headers.get("User-Agent") or message.headers.get("Server") or ""
    return SipAnswer(message.code, message.phrase, " ".join(software.split()), transport)


async def _ask_udp(host: str, port: int, heard: _Heard) -> SipAnswer:
    loop = asyncio.get_running_loop()
    family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        # Connected: the kernel drops what another address sends, and reports a closed port.
        await loop.sock_connect(sender, address)
        request, call = _request(host, port, "udp", sender.getsockname()[:2])
        resend = asyncio.create_task(_send_repeatedly(sender, request))
        try:
            while heard.messages < MOST_DATAGRAMS:
                received = await loop.sock_recv(sender, LARGEST)
                if answer := read_answer(received, call, "udp"):
                    return answer
                heard.messages, heard.size = heard.messages + 1, heard.size + len(received)
                # What waits already is read without a pause: a flood must not keep the others from their turn.
                await asyncio.sleep(0)
            raise SipError(f"gave up{heard.told}")
        finally:
            resend.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await resend


async def _send_repeatedly(sender: socket.socket, request: bytes) -> None:
    loop, pause = asyncio.get_running_loop(), FIRST_RESEND
    while True:
        await loop.sock_sendall(sender, request)
        await asyncio.sleep(pause)
        pause *= 2


async def _ask_stream(host: str, port: int, transport: str, heard: _Heard) -> SipAnswer:
    context = _tls() if transport == "tls" else None
    reader, writer = await asyncio.open_connection(host, port, limit=LARGEST, ssl=context)
    try:
        request, call = _request(host, port, transport, writer.get_extra_info("sockname")[:2])
        writer.write(request)
        await writer.drain()
        received = b""
        while heard.size < MOST_READ and len(received) < LARGEST:
            part = await reader.read(4096)
            received, heard.size = received + part, heard.size + len(part)
            # The headers end with an empty line; what OPTIONS may carry behind them says nothing of interest.
            while b"\r\n\r\n" in received:
                head, _, received = received.partition(b"\r\n\r\n")
                if answer := read_answer(head.lstrip() + b"\r\n\r\n", call, transport):
                    return answer
                heard.messages += bool(head.strip())
            if not part:
                if answer := read_answer(received.lstrip(), call, transport):
                    return answer
                raise SipError(f"closed without an answer to OPTIONS{heard.told}")
        raise SipError(f"gave up{heard.told}")
    finally:
        # A connection on which more comes than is read would never end its closing by itself.
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # Meeting-room equipment in service for ten years speaks nothing newer; what is asked is no secret.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
