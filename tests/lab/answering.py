"""Waits until the lab's machines answer, each asked in its own protocol from where the collectors stand.

    python -m tests.lab.answering SECONDS <questions.json

The questions are a JSON list of [name, "udp" or "tcp", address, port, bytes to send in hexadecimal]. Ends with status 0
when all have answered; otherwise prints the names that have not.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time

from tests.lab.declared import CREDENTIALS, Device
from tests.lab.snmp_agent import GET, INTEGER, OCTETS, SEQUENCE, binding, encode, encode_integer, parse_oid

Question = tuple[str, str, str, int, str]


def ask_snmp(credential: str) -> bytes:
    """A request that an agent answers: sysName with a v2c community, or v3's question for the engine (RFC 3414)."""
    kind, secret = CREDENTIALS[credential]
    numbers = [encode(INTEGER, encode_integer(n)) for n in (4711, 0, 0)]
    if kind == "snmp-v2c":
        bindings = encode(SEQUENCE, binding(parse_oid("1.3.6.1.2.1.1.5.0"), b"\x05\x00"))
        pdu = encode(GET, b"".join(numbers) + bindings)
        return encode(SEQUENCE, encode(INTEGER, b"\x01") + encode(OCTETS, secret["community"].encode()) + pdu)
    reportable, user_model, nothing = encode(OCTETS, b"\x04"), encode(INTEGER, b"\x03"), encode(OCTETS, b"")
    head = encode(SEQUENCE, numbers[0] + encode(INTEGER, encode_integer(65507)) + reportable + user_model)
    user = encode(OCTETS, encode(SEQUENCE, nothing + numbers[1] * 2 + nothing * 3))
    scoped = encode(SEQUENCE, nothing * 2 + encode(GET, b"".join(numbers) + encode(SEQUENCE, b"")))
    return encode(SEQUENCE, encode(INTEGER, b"\x03") + head + user + scoped)


PORTS = {"ssh": 22, "http": 80, "https": 443, "xapi": 443}


def questions(device: Device, address: str, *, snmp: int = 161) -> list[Question]:
    """What to ask a device at `address` to know that all of it is up."""
    asked: list[Question] = []
    if device.snmp:
        asked.append((f"{device.name} SNMP", "udp", address, snmp, ask_snmp(device.snmp).hex()))
    asked += [
        (f"{device.name} {service}", "tcp", address, port, "")
        for service, port in PORTS.items()
        if service in device.services
    ]
    return asked


def wait_for_answers(asked: list[Question], seconds: float) -> list[str]:
    """Asks again and again until everyone has answered or the time is over; the names that have not answered."""
    end = time.monotonic() + seconds
    left = {question[0]: question for question in asked}
    while left and time.monotonic() < end:
        for name in [name for name, question in left.items() if question[1] == "tcp" and connects(question)]:
            del left[name]
        for name in answer_datagrams([question for question in left.values() if question[1] == "udp"]):
            del left[name]
    return sorted(left)


def connects(question: Question) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        socket.create_connection((question[2], question[3]), timeout=0.3).close()
    except OSError:
        return False
    return True


def answer_datagrams(asked: list[Question], seconds: float = 0.2) -> set[str]:
    """Sends each datagram once; the names of those that something came back for within `seconds`."""
    answered: set[str] = set()
    with selectors.DefaultSelector() as selector:
        for name, _, address, port, content in asked:
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            selector.register(sender, selectors.EVENT_READ, name)
            try:
                sender.connect((address, port))
                sender.send(bytes.fromhex(content))
            except OSError:
                continue  # no route yet: asked again in the next round
        end = time.monotonic() + seconds
        while len(answered) < len(asked) and (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                try:
                    key.fileobj.recv(2048)
                except OSError:
                    selector.unregister(key.fileobj)  # refused: nothing listens yet
                    key.fileobj.close()
                    continue
                answered.add(key.data)
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return answered


if __name__ == "__main__":
    silent = wait_for_answers([tuple(question) for question in json.load(sys.stdin)], float(sys.argv[1]))
    sys.exit(f"no answer from: {', '.join(silent)}" if silent else 0)
