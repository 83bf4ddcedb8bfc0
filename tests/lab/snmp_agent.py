"""Answers SNMP v1 and v2c requests from recordings, or wrongly on purpose, so that tests and the lab need no devices.

    python tests/lab/snmp_agent.py --listen ADDR:PORT=RECORDING [--listen ...] [--community C] [--community-file FILE]

RECORDING is a .snmprec file (lines of `OID|TAG|VALUE`: the tag is the BER type in decimal, with `x` behind it for a
hexadecimal value), or `bad:MODE` with one of MODES. A port of 0 takes a free one. When all sockets are bound, one line
of JSON on standard output maps each --listen as given to the address it got. Ends on SIGTERM or SIGINT. Standard
library only, because it also runs inside network namespaces; GET, GETNEXT and GETBULK of RFC 1157 and RFC 3416,
read-only.
"""

from __future__ import annotations

import argparse
import bisect
import ipaddress
import json
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

OID = tuple[int, ...]

GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
SEQUENCE, INTEGER, OCTETS, NULL, OBJECT = 0x30, 2, 4, 5, 6
IP_ADDRESS, COUNTER64 = 0x40, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB = b"\x80\x00", b"\x81\x00", b"\x82\x00"
TOO_BIG, NO_SUCH_NAME, GEN_ERR = 1, 2, 5
LARGEST = 1472
"""Bytes of an answer that fits one Ethernet frame."""

MODES = {
    "silent": "never answers",
    "empty": "answers with an empty datagram",
    "garbage": "answers with bytes that are no BER",
    "truncated": "answers with the first half of the right message",
    "generr": "answers every request with error-status genErr",
    "generr-walk": "answers GET, but every GETBULK and GETNEXT with genErr",
    "generr-one": "answers with genErr whenever sysLocation is among the objects asked for",
    "toobig": "answers tooBig when more than two objects are asked for",
    "missing": "leaves the last object out of every answer to GET",
    "endless": "answers every walk with ever new rows",
    "loop": "answers every walk with the same row",
    "decreasing": "answers every walk with rows in falling order",
    "oversized": "fills the answers to GETBULK up to 60,000 bytes",
    "stale": "sends an answer to another request before the right one",
    "late": "drops the first copy of each request",
}


def encode(tag: int, content: bytes) -> bytes:
    """One BER value: tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_integer(number: int) -> bytes:
    """The shortest two's complement; a positive number with the top bit set gets its leading zero."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def encode_oid(oid: OID) -> bytes:
    """The content of an OBJECT IDENTIFIER (X.690 section 8.19)."""
    arcs = (40 * oid[0] + oid[1], *oid[2:]) if len(oid) > 1 else (oid[0] * 40 if oid else 0,)
    content = bytearray()
    for arc in arcs:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        content.extend(reversed(groups))
    return bytes(content)


def decode_oid(content: bytes) -> OID:
    """The arcs of an OBJECT IDENTIFIER's content."""
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs:
        return ()
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - 40 * first, *arcs[1:])


class Reader:
    """Takes BER values off the front of a message; ValueError when there is none."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, expected: int | None = None) -> tuple[int, bytes]:
        """The next value's tag and content."""
        if self.at + 2 > len(self.content):
            raise ValueError("truncated")
        tag, size = self.content[self.at], self.content[self.at + 1]
        start = self.at + 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(self.content[start : start + count], "big")
            start += count
        if (expected is not None and tag != expected) or start + size > len(self.content):
            raise ValueError("not the value expected")
        self.at = start + size
        return tag, self.content[start : self.at]

    def integer(self) -> int:
        """The next value, which must be an INTEGER."""
        return int.from_bytes(self.take(INTEGER)[1], "big", signed=True)

    @property
    def left(self) -> bool:
        """Whether anything follows."""
        return self.at < len(self.content)


def encode_value(tag: str, text: str) -> bytes:
    """One value of a recording as BER."""
    kind, hexadecimal = int(tag.rstrip("x")), tag.endswith("x")
    if kind in (OCTETS, 0x44):
        return encode(kind, bytes.fromhex(text) if hexadecimal else text.encode("utf-8", "surrogateescape"))
    if kind == NULL:
        return encode(NULL, b"")
    if kind == IP_ADDRESS:
        return encode(kind, bytes.fromhex(text) if hexadecimal else ipaddress.IPv4Address(text).packed)
    if kind == OBJECT:
        return encode(kind, encode_oid(parse_oid(text)))
    return encode(kind, encode_integer(int(text, 16) if hexadecimal else int(text)))


def parse_oid(text: str) -> OID:
    """The arcs of a dotted OID."""
    return tuple(int(arc) for arc in text.strip(". ").split("."))


class Recording:
    """The objects of one device in the order of their OIDs, values already encoded."""

    def __init__(self, values: Mapping[OID, bytes]) -> None:
        self.oids = sorted(values)
        self.values = dict(values)

    @classmethod
    def read(cls, path: Path, *, strict: bool = True) -> Recording:
        """Reads a .snmprec file; ValueError names the line that is none, unless such lines are to be left out."""
        values: dict[OID, bytes] = {}
        for number, line in enumerate(path.read_text("utf-8", "surrogateescape").split("\n"), 1):
            line = line.rstrip("\r")
            if not line or line.startswith("#"):
                continue
            try:
                oid, tag, text = line.split("|", 2)
                values[parse_oid(oid)] = encode_value(tag, text)
            except (ValueError, OverflowError) as error:
                if strict:
                    raise ValueError(f"{path.name} line {number}: {error}") from None
        return cls(values)

    def after(self, oid: OID) -> OID | None:
        """The first object behind `oid`, or None at the end."""
        at = bisect.bisect_right(self.oids, oid)
        return self.oids[at] if at < len(self.oids) else None

    def absent(self, oid: OID) -> bytes:
        """Which exception says that `oid` is not there: no such object, or only no such instance of it."""
        follower = self.after(oid[:-1])
        return NO_SUCH_INSTANCE if follower and follower[: len(oid) - 1] == oid[:-1] else NO_SUCH_OBJECT


def binding(oid: OID, value: bytes) -> bytes:
    """One variable binding."""
    return encode(SEQUENCE, encode(OBJECT, encode_oid(oid)) + value)


class Request:
    """One decoded request (RFC 3416 section 3)."""

    def __init__(self, message: bytes) -> None:
        outer = Reader(Reader(message).take(SEQUENCE)[1])
        self.version = outer.integer()
        self.community = outer.take(OCTETS)[1]
        self.kind, content = outer.take()
        pdu = Reader(content)
        self.id = pdu.integer()
        self.first, self.second = pdu.integer(), pdu.integer()
        bindings = Reader(pdu.take(SEQUENCE)[1])
        self.oids: list[OID] = []
        while bindings.left:
            name = Reader(bindings.take(SEQUENCE)[1])
            self.oids.append(decode_oid(name.take(OBJECT)[1]))

    def answer(self, bindings: list[bytes], *, status: int = 0, index: int = 0, request_id: int | None = None) -> bytes:
        """The whole response message."""
        numbers = (self.id if request_id is None else request_id, status, index)
        pdu = b"".join(encode(INTEGER, encode_integer(number)) for number in numbers)
        pdu += encode(SEQUENCE, b"".join(bindings))
        head = encode(INTEGER, encode_integer(self.version)) + encode(OCTETS, self.community)
        return encode(SEQUENCE, head + encode(RESPONSE, pdu))

    def refuse(self, status: int, index: int = 0) -> bytes:
        """The response that carries an error and the request's own names."""
        return self.answer([binding(oid, encode(NULL, b"")) for oid in self.oids], status=status, index=index)


Responder = Callable[[Request], bytes | None]


def replay(recording: Recording, largest: int = LARGEST) -> Responder:
    """A device that answers as it was recorded, in messages of at most about `largest` bytes."""

    def respond(request: Request) -> bytes | None:
        if request.kind == GET_BULK and request.version == 1:
            return request.answer(bulk(recording, request, largest))
        if request.kind not in (GET, GET_NEXT):
            return None
        bindings = []
        for number, asked in enumerate(request.oids, 1):
            oid: OID | None = asked
            if request.kind == GET_NEXT:
                oid = recording.after(asked)
                while request.version == 0 and oid and recording.values[oid][0] == COUNTER64:
                    oid = recording.after(oid)
            value = recording.values.get(oid) if oid else END_OF_MIB
            if request.version == 0 and (value is None or value[0] in (COUNTER64, END_OF_MIB[0])):
                return request.refuse(NO_SUCH_NAME, number)
            bindings.append(binding(oid or asked, value or recording.absent(asked)))
        message = request.answer(bindings)
        return message if len(message) <= 65_000 else request.answer([], status=TOO_BIG)

    return respond


def bulk(recording: Recording, request: Request, largest: int) -> list[bytes]:
    """The bindings of an answer to GETBULK (RFC 3416 section 4.2.3), cut before they exceed `largest` bytes."""
    once, repetitions = max(request.first, 0), max(request.second, 0)
    names: list[OID] = list(request.oids)
    found: list[bytes] = []
    size = 60
    for turn in range(max(repetitions, 1)):
        for at in range(len(names)):
            if (at < once and turn) or (at >= once and repetitions == 0):
                continue
            following = recording.after(names[at])
            one = binding(following or names[at], recording.values[following] if following else END_OF_MIB)
            size += len(one)
            if size > largest and found:
                return found
            found.append(one)
            names[at] = following or names[at]
        if all(recording.after(name) is None for name in names):
            break
    return found


SYSTEM = Recording(
    {
        parse_oid("1.3.6.1.2.1.1.1.0"): encode_value("4", "Misbehaving agent"),
        parse_oid("1.3.6.1.2.1.1.2.0"): encode_value("6", "1.3.6.1.4.1.8072.3.2.10"),
        parse_oid("1.3.6.1.2.1.1.3.0"): encode_value("67", "4200"),
        parse_oid("1.3.6.1.2.1.1.4.0"): encode_value("4", ""),
        parse_oid("1.3.6.1.2.1.1.5.0"): encode_value("4", "bad-agent"),
        parse_oid("1.3.6.1.2.1.1.6.0"): encode_value("4", "lab"),
        **{parse_oid(f"1.3.6.1.2.1.2.2.1.2.{n}"): encode_value("4", f"port {n} " + "x" * 200) for n in range(1, 61)},
    }
)
SYS_LOCATION = parse_oid("1.3.6.1.2.1.1.6.0")


def walk_wrongly(mode: str, request: Request) -> bytes:
    """The answer to a GETNEXT or GETBULK of an agent whose walks have no end."""
    base, count = request.oids[0], max(request.second, 1) if request.kind == GET_BULK else 1
    value = encode_value("4", "row")
    if mode == "loop":
        return request.answer([binding((*base[:10], 7), value)] * count)
    if mode == "decreasing":
        return request.answer([binding((*base[:10], 1000 - n), value) for n in range(count)])
    start = base[-1] if len(base) > 10 else 0
    return request.answer([binding((*base[:10], start + n), value) for n in range(1, count + 1)])


def misbehave(mode: str) -> Responder:
    """An agent that is wrong in one way (see MODES)."""
    if mode not in MODES:
        raise ValueError(f"no misbehaviour {mode!r}; there are {', '.join(MODES)}")
    honest = replay(SYSTEM, 60_000 if mode == "oversized" else LARGEST)
    seen: set[int] = set()

    def respond(request: Request) -> bytes | None:
        walking = request.kind in (GET_NEXT, GET_BULK)
        if mode in ("endless", "loop", "decreasing") and walking:
            return walk_wrongly(mode, request)
        if mode == "generr" or (mode == "generr-walk" and walking):
            return request.refuse(GEN_ERR, 1)
        if mode == "generr-one" and SYS_LOCATION in request.oids:
            return request.refuse(GEN_ERR, request.oids.index(SYS_LOCATION) + 1)
        if mode == "toobig" and len(request.oids) > 2:
            return request.answer([], status=TOO_BIG)
        if mode == "late" and request.id not in seen:
            seen.add(request.id)
            # A client that retries with a new id would never be heard: every second request passes.
            return None if len(seen) % 2 else honest(request)
        if mode == "missing" and request.kind == GET:
            request.oids.pop()
        message = honest(request)
        if mode == "truncated" and message:
            return message[: len(message) // 2]
        return {"silent": None, "empty": b"", "garbage": b"\xff\x00 no BER \x30\x84"}.get(mode, message)

    return respond


class Agent:
    """Serves several devices, one socket each, from one thread."""

    def __init__(self, community: str = "public") -> None:
        self.community = community.encode()
        self.vlans: dict[tuple[socket.socket, int], Responder] = {}
        """What a device tells to community@N, by its socket and N, as Cisco's switches do."""
        self.selector = selectors.DefaultSelector()
        self.inward, self.outward = socket.socketpair()
        self.selector.register(self.outward, selectors.EVENT_READ, None)
        self.requests = 0

    def listen(
        self,
        host: str,
        port: int,
        responder: Responder,
        *,
        stale: bool = False,
        vlans: Mapping[int, Responder] | None = None,
    ) -> tuple[str, int]:
        """Binds one device; the address that it got."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        bound.setblocking(False)
        bound.bind((host, port))
        self.selector.register(bound, selectors.EVENT_READ, (responder, stale))
        self.vlans |= {(bound, number): its for number, its in (vlans or {}).items()}
        name = bound.getsockname()
        return name[0], name[1]

    def run(self) -> None:
        """Serves until `stop`."""
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                assert isinstance(key.fileobj, socket.socket)
                self.serve(key.fileobj, *key.data)

    def serve(self, bound: socket.socket, responder: Responder, stale: bool) -> None:
        """Answers one datagram; what cannot be read or has another community is dropped, as devices do."""
        try:
            message, peer = bound.recvfrom(65_535)
            request = Request(message)
        except (ValueError, IndexError, OSError):
            return
        community, _, vlan = request.community.partition(b"@")
        if community != self.community or request.version not in (0, 1):
            return
        if vlan:
            its = self.vlans.get((bound, int(vlan))) if vlan.isdigit() else None
            if its is None:
                return
            responder = its
        self.requests += 1
        if stale:
            bound.sendto(request.answer([], request_id=request.id ^ 1), peer)
        reply = responder(request)
        if reply is not None:
            bound.sendto(reply, peer)

    def stop(self) -> None:
        """Makes `run` return; callable from a signal handler or another thread."""
        self.inward.send(b"x")

    def close(self) -> None:
        """Closes every socket."""
        for key in list(self.selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self.inward.close()
        self.selector.close()


def add_device(agent: Agent, host: str, port: int, what: str, *, strict: bool = True) -> tuple[str, int]:
    """Binds one --listen: `what` is a recording's path or "bad:MODE"."""
    if what.startswith("bad:"):
        mode = what.removeprefix("bad:")
        return agent.listen(host, port, misbehave(mode), stale=mode == "stale")
    path = Path(what)
    # What it tells of one VLAN stands beside it: NAME@10.snmprec.
    beside = {int(p.stem.rpartition("@")[2]): p for p in path.parent.glob(f"{path.stem}@*.snmprec")}
    vlans = {number: replay(Recording.read(p, strict=strict)) for number, p in beside.items()}
    return agent.listen(host, port, replay(Recording.read(path, strict=strict)), vlans=vlans)


@contextmanager
def serving(
    *devices: str, community: str = "public", host: str = "127.0.0.1", strict: bool = True
) -> Iterator[list[int]]:
    """Serves recordings or "bad:MODE" on free ports of `host` while the block runs; yields the ports in order."""
    agent = Agent(community)
    thread = threading.Thread(target=agent.run, daemon=True)
    try:
        ports = [add_device(agent, host, 0, device, strict=strict)[1] for device in devices]
        thread.start()
        yield ports
    finally:
        if thread.is_alive():
            agent.stop()
            thread.join()
        agent.close()


def main() -> None:
    """Serves what the command line says until told to end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", action="append", required=True, metavar="ADDR:PORT=RECORDING")
    parser.add_argument("--community", default="public")
    parser.add_argument("--community-file", type=Path, help="read the community from a file instead")
    options = parser.parse_args()
    community = options.community_file.read_text().strip() if options.community_file else options.community
    agent, bound = Agent(community), {}
    for listen in options.listen:
        address, _, what = listen.partition("=")
        host, _, port = address.rpartition(":")
        try:
            got = add_device(agent, host.strip("[]"), int(port), what)
        except (ValueError, OSError) as error:
            sys.exit(f"--listen {listen}: {error}")
        bound[listen] = f"[{got[0]}]:{got[1]}" if ":" in got[0] else f"{got[0]}:{got[1]}"
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    print(json.dumps(bound), flush=True)
    agent.run()
    agent.close()


if __name__ == "__main__":
    main()
