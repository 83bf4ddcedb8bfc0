"""Asks a SIP server whether it is alive: one OPTIONS request over UDP, then over TCP (RFC 3261 section 11)."""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass

import sipmessage

FIRST_RESEND = 0.5
"""T1 of RFC 3261 section 17.1.1.1, in seconds; it doubles with each copy sent."""
LARGEST = 65_535


class SipError(Exception):
    """No final answer: nothing came in time, or nothing that is SIP."""


@dataclass(frozen=True, slots=True)
class SipAnswer:
    """A final answer: whatever its status, somebody is there."""

    code: int
    phrase: str
    software: str
    """The User-Agent or Server header; empty where there is none."""
    transport: str
    """"udp" or "tcp"."""


async def ask_options(host: str, port: int, seconds: float) -> SipAnswer:
    """The first final answer to OPTIONS, at most `seconds` for each transport; SipError where there is none."""
    failures = []
    for ask in (_ask_udp, _ask_tcp):
        try:
            async with asyncio.timeout(seconds):
                return await ask(host, port)
        except TimeoutError:
            failures.append(f"{ask.__name__.removeprefix('_ask_').upper()}: no answer within {seconds:g} s")
        except (OSError, SipError) as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            failures.append(f"{ask.__name__.removeprefix('_ask_').upper()}: {text}")
    raise SipError("; ".join(failures))


def _request(host: str, port: int, transport: str, own: tuple[str, int]) -> tuple[bytes, str]:
    """The request, and the Call-ID by which its answer is known."""
    bracketed = f"[{host}]" if ":" in host else host
    here = f"[{own[0]}]:{own[1]}" if ":" in own[0] else f"{own[0]}:{own[1]}"
    call = secrets.token_hex(12)
    uri = f"sip:{bracketed}:{port}" + (";transport=tcp" if transport == "tcp" else "")
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
    """A final answer to the call; None for provisional ones and for what belongs to another."""
    try:
        message = sipmessage.Message.parse(datagram.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    except (ValueError, KeyError, IndexError):
        return None
    if not isinstance(message, sipmessage.Response) or message.code < 200 or message.headers.get("Call-ID") != call:
        return None
    software = message.headers.get("User-Agent") or message.headers.get("Server") or ""
    return SipAnswer(message.code, message.phrase, " ".join(software.split()), transport)


async def _ask_udp(host: str, port: int) -> SipAnswer:
    loop = asyncio.get_running_loop()
    family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        # Connected: the kernel drops what another address sends, and reports a closed port.
        await loop.sock_connect(sender, address)
        request, call = _request(host, port, "udp", sender.getsockname()[:2])
        resend = asyncio.create_task(_send_repeatedly(sender, request))
        try:
            while True:
                if answer := read_answer(await loop.sock_recv(sender, LARGEST), call, "udp"):
                    return answer
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


async def _ask_tcp(host: str, port: int) -> SipAnswer:
    reader, writer = await asyncio.open_connection(host, port, limit=LARGEST)
    try:
        request, call = _request(host, port, "tcp", writer.get_extra_info("sockname")[:2])
        writer.write(request)
        await writer.drain()
        received = b""
        while len(received) < LARGEST:
            part = await reader.read(4096)
            received += part
            # The headers end with an empty line; what OPTIONS may carry behind them says nothing of interest.
            while b"\r\n\r\n" in received:
                head, _, received = received.partition(b"\r\n\r\n")
                if answer := read_answer(head.lstrip() + b"\r\n\r\n", call, "tcp"):
                    return answer
            if not part:
                break
        raise SipError("closed without an answer to OPTIONS")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
