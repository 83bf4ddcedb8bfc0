"""Asks whether a device speaks H.323, by questions that call nobody: Q.931 on the set-up port, RAS of a gatekeeper.

What is sent, and all that is sent:

- to TCP port 1720 one STATUS ENQUIRY (Q.931 section 3.1.15, H.225.0 section 7.3.12) in a TPKT frame (RFC 1006), with a
  call reference that belongs to no call. A device answers it with STATUS or RELEASE COMPLETE (Q.931 section 5.8.3.2).
  Only SETUP begins a call, and it is never sent: nothing rings, and nobody's camera turns on.
- to UDP port 1719 one GatekeeperRequest (H.225.0 section 7.8) to the device itself, never to the multicast group of
  port 1718. A gatekeeper answers with GatekeeperConfirm or GatekeeperReject; whoever asks is not registered by it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address

SETUP_PORT, RAS_PORT = 1720, 1719
LARGEST = 4096
"""Bytes that are looked at: an answer to these questions has a few dozen."""
MOST_DATAGRAMS = 50
RAS_SENDINGS = 2

STATUS_ENQUIRY, STATUS, RELEASE_COMPLETE = 0x75, 0x7D, 0x5A
"""Message types of Q.931 section 4.4."""
_Q931 = 0x08
_PROTOCOL = bytes.fromhex("06 00 08 91 4a 00 04")
"""protocolIdentifier itu-t recommendation h 2250 version 4, with its length."""
#: The first octet without its last two bits: the index of a RasMessage (H.225.0 Annex H) that answers a GRQ.
_RAS_ANSWERS = {1: "GCF", 2: "GRJ", 24: "XRS"}


@dataclass(frozen=True, slots=True)
class H323State:
    """What a device shows of H.323; None where nothing can be said."""

    open: bool | None
    """Whether the set-up port takes connections: None where the question itself failed, or nothing came at all."""
    speaks: bool | None
    """Whether it answered in Q.931 or RAS; None for an open port that says nothing: some stacks wait for SETUP."""
    gatekeeper: bool | None
    """Whether it answers as a gatekeeper; silence over UDP is None."""
    words: str = ""
    """What the answer was, such as "STATUS" or "GCF", or why there was none; for people."""
    failed: bool = False
    """Whether a question could not be put, for want of a route or a socket: then silence says nothing."""


async def ask_h323(address: str, seconds: float, setup: int = SETUP_PORT, ras: int = RAS_PORT) -> H323State:
    """What stands at both ports, asked at once, in at most `seconds` each."""
    shown, answer = await asyncio.gather(_ask_setup(address, setup, seconds), _ask_ras(address, ras, seconds))
    if answer is None:
        return replace(shown, failed=True)
    told = ", ".join(word for word in (shown.words, answer) if word)
    gatekeeper = True if answer in ("GCF", "GRJ") else None
    return replace(shown, speaks=True if answer else shown.speaks, gatekeeper=gatekeeper, words=told)


# --- the set-up port --------------------------------------------------------------------------------------------------


def status_enquiry(reference: int) -> bytes:
    """A STATUS ENQUIRY for a call reference of 15 bits, framed as TPKT."""
    message = bytes([_Q931, 2]) + reference.to_bytes(2, "big") + bytes([STATUS_ENQUIRY])
    return b"\x03\x00" + (len(message) + 4).to_bytes(2, "big") + message


def read_q931(received: bytes, reference: int) -> str | None:
    """The name of the message that answers a call reference; None while it is not whole, ValueError where it is none.

    Whoever answers for the other end of a call reference sets its first bit (Q.931 section 4.3).
    """
    if received[:2] not in (b"\x03\x00"[: len(received)], b"\x03\x00"):
        raise ValueError("not TPKT")
    if len(received) < 4:
        return None
    size = int.from_bytes(received[2:4], "big")
    if not 9 <= size <= LARGEST:
        raise ValueError(f"TPKT of {size} bytes")
    if len(received) < 9:
        return None
    protocol, length, told, kind = received[4], received[5], int.from_bytes(received[6:8], "big"), received[8]
    if protocol != _Q931 or length != 2 or told & 0x7FFF != reference:
        raise ValueError("not Q.931, or of another call")
    return {STATUS: "STATUS", RELEASE_COMPLETE: "RELEASE COMPLETE"}.get(kind, f"message {kind:#04x}")


async def _ask_setup(address: str, port: int, seconds: float) -> H323State:
    """What the set-up port shows: nothing of a gatekeeper."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address, port, limit=LARGEST)
            reference = secrets.randbelow(0x7FFE) + 1
            writer.write(status_enquiry(reference))
            await writer.drain()
            received = b""
            while len(received) < LARGEST and (part := await reader.read(LARGEST)):
                received += part
                if word := read_q931(received, reference):
                    return H323State(True, True, None, word)
            words = "cut short" if received else "closed without a word"
            return H323State(True, False if received else None, None, words)
    except ValueError as error:
        return H323State(True, False, None, f"answers on port {port}, but with {error}")
    except ConnectionRefusedError:
        return H323State(False, False, None)
    except TimeoutError:
        return H323State(True, None, None, "open, and silent") if writer else H323State(None, None, None)
    except OSError as error:
        failed = not isinstance(error, ConnectionError)
        return H323State(True if writer else None, None, None, error.strerror or str(error), failed)
    finally:
        if writer:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


# --- the gatekeeper ---------------------------------------------------------------------------------------------------


def gatekeeper_request(number: int, here: tuple[str, int]) -> bytes:
    """A GatekeeperRequest of a terminal without a name, in aligned PER (H.225.0 Annex H).

    Args:
        number: requestSeqNum, 1 to 65535. here: rasAddress, where the answer is to go, an IPv4 address and a port.
    """
    return b"".join(
        [
            b"\x00\x00",  # gatekeeperRequest; no extension, none of its four optional fields
            (number - 1).to_bytes(2, "big"),
            _PROTOCOL,
            b"\x00" + IPv4Address(here[0]).packed + here[1].to_bytes(2, "big"),  # ipAddress
            b"\x02\x00",  # endpointType: a terminal, without vendor; neither MC nor undefined
        ]
    )


def read_ras(received: bytes, number: int) -> str | None:
    """GCF, GRJ or XRS (unknownMessageResponse) to the request of this number; None for anything else."""
    if len(received) < 3 or received[0] & 0x80:
        return None
    word = _RAS_ANSWERS.get(received[0] >> 2 & 0x1F)
    # Two optional fields of GCF and GRJ fill a second octet before the number, of which XRS has none.
    at = 1 if word == "XRS" else 2
    return word if int.from_bytes(received[at : at + 2], "big") == number - 1 else None


async def _ask_ras(address: str, port: int, seconds: float) -> str | None:
    """The gatekeeper's answer; empty where there is none, or none can be asked (IPv6); None where asking failed."""
    if ip_address(address).version != 4:
        return ""
    try:
        return await _ask_ras_of(address, port, seconds)
    except ConnectionError:
        return ""
    except OSError:
        return None


async def _ask_ras_of(address: str, port: int, seconds: float) -> str:
    loop = asyncio.get_running_loop()
    number = secrets.randbelow(65_535) + 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        await loop.sock_connect(sender, (address, port))
        request = gatekeeper_request(number, sender.getsockname())
        left = MOST_DATAGRAMS
        for _ in range(RAS_SENDINGS):
            await loop.sock_sendall(sender, request)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds / RAS_SENDINGS):
                    while left > 0:
                        if word := read_ras(await loop.sock_recv(sender, LARGEST), number):
                            return word
                        left -= 1
                        await asyncio.sleep(0)
    return ""
