"""Spoils the answers of a recorded device in one way, so that what is read of it can be held against the honest one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.lab.snmp_agent import (
    COUNTER64,
    END_OF_MIB,
    GEN_ERR,
    GET,
    GET_BULK,
    INTEGER,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    OCTETS,
    OID,
    RESPONSE,
    SEQUENCE,
    Agent,
    Reader,
    Recording,
    Request,
    binding,
    decode_oid,
    encode,
    encode_integer,
    encode_value,
    parse_oid,
    replay,
)

COUNTER32, GAUGE32, TIME_TICKS = 0x41, 0x42, 0x43
UNSIGNED = (COUNTER32, GAUGE32, TIME_TICKS, COUNTER64)
SYS_LOCATION = parse_oid("1.3.6.1.2.1.1.6.0")
FOREIGN = b"somebody else"
"""What no honest answer holds, so that it is known again in a fact."""

Binding = tuple[OID, bytes]
Spoiler = Callable[[Request, bytes], list[bytes]]
"""What is sent for a request and its honest answer."""


def bindings(message: bytes) -> list[Binding]:
    """The names and encoded values of an answer."""
    outer = Reader(Reader(message).take(SEQUENCE)[1])
    outer.take(INTEGER)
    outer.take(OCTETS)
    pdu = Reader(outer.take(RESPONSE)[1])
    for _ in range(3):
        pdu.integer()
    rows, found = Reader(pdu.take(SEQUENCE)[1]), []
    while rows.left:
        row = Reader(rows.take(SEQUENCE)[1])
        oid = decode_oid(row.take()[1])
        found.append((oid, row.content[row.at :]))
    return found


def answer(request: Request, rows: list[Binding], *, status: int = 0) -> bytes:
    """An answer of these rows."""
    return request.answer([binding(*row) for row in rows], status=status)


def foreign(request: Request, message: bytes) -> bytes:
    """The answer with every text replaced, as another device would give it."""
    return answer(request, [(oid, encode(OCTETS, FOREIGN) if v[0] == OCTETS else v) for oid, v in bindings(message)])


def each(change: Callable[[OID, bytes], bytes]) -> Spoiler:
    """Every value changed."""
    return lambda request, message: [answer(request, [(oid, change(oid, v)) for oid, v in bindings(message)])]


def unsigned_without_zero(_: OID, value: bytes) -> bytes:
    """Numbers of four or eight octets with the top bit set and no leading zero, as careless encoders send them."""
    tag, content = Reader(value).take()
    return encode(tag, content[1:]) if tag in UNSIGNED and len(content) > 1 and content[0] == 0 else value


def padded(_: OID, value: bytes) -> bytes:
    """Numbers with more leading zeros than they need, but no more octets than their type has."""
    tag, content = Reader(value).take()
    return encode(tag, content.rjust(5, b"\0")) if tag in UNSIGNED and len(content) < 5 else value


def too_wide(_: OID, value: bytes) -> bytes:
    """Counters, gauges and ticks above the 32 or 64 bits of their type."""
    tag, _content = Reader(value).take()
    return encode(tag, b"\x7f" + b"\xa5" * (8 if tag == COUNTER64 else 5)) if tag in UNSIGNED else value


def negative(_: OID, value: bytes) -> bytes:
    """Every INTEGER below zero."""
    return encode(INTEGER, b"\x80\x00\x00\x01") if value[0] == INTEGER else value


def swapped(_: OID, value: bytes) -> bytes:
    """Numbers as texts that are none, texts as numbers."""
    if value[0] == OCTETS:
        return encode(INTEGER, encode_integer(-7))
    return encode(OCTETS, b"\xff\xfe?") if value[0] in (*UNSIGNED, INTEGER) else value


def empty_values(_: OID, value: bytes) -> bytes:
    """Numbers of no octets (X.690 section 8.3.1 wants one)."""
    return bytes((value[0], 0)) if value[0] in (*UNSIGNED, INTEGER) else value


def in_place_of_texts(exception: bytes) -> Callable[[OID, bytes], bytes]:
    """Every text is said not to be there."""
    return lambda _, value: exception if value[0] == OCTETS else value


def one_status(request: Request, message: bytes) -> list[bytes]:
    """genErr for one object, and foreign values along with it."""
    if SYS_LOCATION not in request.oids:
        return [message]
    return [answer(request, [(oid, encode(OCTETS, FOREIGN)) for oid in request.oids], status=GEN_ERR)]


def one_huge(request: Request, message: bytes) -> list[bytes]:
    """One text of 64 KB."""
    rows = [(oid, encode(OCTETS, FOREIGN * 4_900) if oid == SYS_LOCATION else v) for oid, v in bindings(message)]
    return [answer(request, rows)]


def all_huge(request: Request, message: bytes) -> list[bytes]:
    """Nothing but answers of 64 KB, filled up with what was not asked for."""
    filling = ((1, 3, 6, 1, 4, 1, 99999, 1), encode(OCTETS, b"x" * (63_000 - len(message))))
    return [answer(request, [*bindings(message), filling])]


def more(request: Request, message: bytes) -> list[bytes]:
    """An object more than was asked for."""
    if request.kind != GET:
        return [message]
    return [answer(request, [*bindings(message), (parse_oid("1.3.6.1.2.1.1.4.0"), encode(OCTETS, FOREIGN))])]


def others(request: Request, message: bytes) -> list[bytes]:
    """Other objects than were asked for."""
    if request.kind != GET:
        return [message]
    return [answer(request, [((*oid[:-1], oid[-1] + 1), encode(OCTETS, FOREIGN)) for oid in request.oids])]


def twice(request: Request, message: bytes) -> list[bytes]:
    """Every object twice, the second time with a foreign value."""
    if request.kind != GET:
        return [message]
    return [answer(request, [*bindings(message), *bindings(foreign(request, message))])]


def holes(request: Request, message: bytes) -> list[bytes]:
    """endOfMibView in the middle of a walk, and rows behind it."""
    rows = bindings(message)
    if request.kind != GET_BULK or len(rows) < 3:
        return [message]
    return [answer(request, [rows[0], (rows[0][0], END_OF_MIB), *rows[1:]])]


def other_id(request: Request, message: bytes) -> list[bytes]:
    """Never the request's own id."""
    request.id ^= 0x55
    return [foreign(request, message)]


def other_version(request: Request, message: bytes) -> list[bytes]:
    """Always the other version."""
    request.version ^= 1
    return [foreign(request, message)]


def other_community(request: Request, message: bytes) -> list[bytes]:
    """Another community than was asked with."""
    request.community = b"khac"
    return [foreign(request, message)]


def echo(request: Request, message: bytes) -> list[bytes]:
    """The request itself, or what looks like it, instead of a response."""
    at = message.index(bytes((RESPONSE,)), 4)
    return [message[:at] + bytes((request.kind,)) + message[at + 1 :]]


def nulls(request: Request, message: bytes) -> list[bytes]:
    """Every value NULL, and no error-status."""
    return [answer(request, [(oid, encode(NULL, b"")) for oid, _ in bindings(message)])]


def stale(request: Request, message: bytes) -> list[bytes]:
    """A foreign answer to another request before the right one."""
    right, request.id = request.id, request.id ^ 1
    wrong = foreign(request, message)
    request.id = right
    return [wrong, message]


def garbage_first(_: Request, message: bytes) -> list[bytes]:
    """Noise before the right answer."""
    return [b"\xff\x00 no BER \x30\x84", message]


SPOILERS: dict[str, Spoiler] = {
    "honest": lambda _, message: [message],
    "silent": lambda _, message: [],
    "empty": lambda _, message: [b""],
    "garbage": lambda _, message: [b"\xff\x00 no BER \x30\x84"],
    "garbage-first": garbage_first,
    "truncated": lambda _, message: [message[: len(message) // 2]],
    "truncated-late": lambda _, message: [message[:-1]],
    "generr": lambda request, _: [request.refuse(GEN_ERR, 1)],
    "one-status": one_status,
    "one-huge": one_huge,
    "all-huge": all_huge,
    "more": more,
    "others": others,
    "twice": twice,
    "holes": holes,
    "other-id": other_id,
    "other-version": other_version,
    "other-community": other_community,
    "echo": echo,
    "nulls": nulls,
    "stale": stale,
    "duplicated": lambda _, message: [message, message],
    "sloppy": each(unsigned_without_zero),
    "padded": each(padded),
    "too-wide": each(too_wide),
    "negative": each(negative),
    "swapped": each(swapped),
    "empty-values": each(empty_values),
    "no-such-object": each(in_place_of_texts(NO_SUCH_OBJECT)),
    "no-such-instance": each(in_place_of_texts(NO_SUCH_INSTANCE)),
    "end-of-view": each(in_place_of_texts(END_OF_MIB)),
}
"""By name, what can be wrong with an answer."""


class SpoilingAgent(Agent):
    """Serves a recording and sends what a spoiler makes of it; with `stranger`, others' answers from another port."""

    def __init__(self, recording: Recording, spoiler: Spoiler, *, stranger: bool = False) -> None:
        super().__init__()
        self.spoiler = spoiler
        self.respond_honestly = replay(recording, 4_000)
        self.stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if stranger else None

    def serve_one(self, bound: socket.socket) -> None:
        """Answers one datagram."""
        try:
            octets, peer = bound.recvfrom(65_535)
            request = Request(octets)
        except (ValueError, IndexError, OSError):
            return
        self.requests += 1
        message = self.respond_honestly(request)
        if message is None:
            return
        if self.stranger:
            self.stranger.sendto(foreign(request, message), peer)
        for datagram in self.spoiler(request, message):
            bound.sendto(datagram, peer)

    def serve(self, bound: socket.socket, responder: object, stale: bool) -> None:
        """As `Agent.serve`, with as many datagrams as the spoiler gives."""
        self.serve_one(bound)

    def close(self) -> None:
        """Closes every socket."""
        super().close()
        if self.stranger:
            self.stranger.close()


@contextmanager
def spoiling(recording: Recording, spoiler: Spoiler, *, stranger: bool = False) -> Iterator[tuple[SpoilingAgent, int]]:
    """Serves a recording that is spoiled while the block runs; the agent and its port."""
    agent = SpoilingAgent(recording, spoiler, stranger=stranger)
    _, port = agent.listen("127.0.0.1", 0, agent.respond_honestly)
    thread = threading.Thread(target=agent.run, daemon=True)
    thread.start()
    try:
        yield agent, port
    finally:
        agent.stop()
        thread.join()
        agent.close()


def with_top_bits(recording: Recording) -> Recording:
    """The recording with every counter and gauge of 32 bits above 2**31, where careless encoders differ."""
    top = encode_integer(0xF0000000)
    return Recording(
        {oid: encode(v[0], top) if v[0] in (COUNTER32, GAUGE32) else v for oid, v in recording.values.items()}
        | {SYS_LOCATION: encode_value("4", "Tầng 1")}
    )
