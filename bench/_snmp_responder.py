"""Many switches on loopback that answer SNMP v2c from answers made once: a process of its own, faster than its clients.

    python -m bench._snmp_responder DEVICES [DEAD]

Each device has its own address (see `address_of`), and its name, serial and hardware addresses in its answers; every
DEAD-th one takes requests and never answers. Prints the port when all are there, and ends with its standard input.
"""

from __future__ import annotations

import select
import socket
import sys
from pathlib import Path

from tests.lab.snmp_agent import Recording, Request, encode, encode_value, parse_oid, replay

TEMPLATE = Path(__file__).parents[1] / "tests" / "recordings" / "snmp" / "catalyst_9200l.snmprec"
PORTS = 24
_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
_LARGEST = 4_000
#: What is told of every device is the template's but for these, which have the device's number in them.
_NAME, _SERIAL, _HARDWARE = b"sw-tang1", b"JAE2529ZZ9Q", bytes.fromhex("706bb911")


def address_of(number: int) -> str:
    """The address of the device with this number."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


def is_dead(number: int, dead: int) -> bool:
    """Whether this is one of those that never answer."""
    return bool(dead) and number % dead == dead - 1


def table() -> dict[str, str]:
    """ifTable and ifXTable of 24 ports, all columns."""
    rows: dict[str, str] = {}
    for port in range(1, PORTS + 1):
        rows |= {f"{_IF}.{column}.{port}": f"2|{port}" for column in (1, 4, 21)}
        rows |= {f"{_IF}.{column}.{port}": f"65|{port * 1_234_567}" for column in range(10, 21)}
        rows |= {
            f"{_IF}.2.{port}": f"4|GigabitEthernet1/0/{port}", f"{_IF}.3.{port}": "2|6",
            f"{_IF}.5.{port}": "66|1000000000", f"{_IF}.6.{port}": f"4x|706bb91122{port:02x}",
            f"{_IF}.7.{port}": "2|1", f"{_IF}.8.{port}": f"2|{1 + port % 3 // 2}", f"{_IF}.9.{port}": "67|4200",
            f"{_IF}.22.{port}": "6|0.0",
        }  # fmt: skip
        rows |= {f"{_IFX}.{column}.{port}": f"65|{port * 7_654_321}" for column in range(2, 6)}
        rows |= {f"{_IFX}.{column}.{port}": f"70|{port * 9_876_543_210}" for column in range(6, 14)}
        rows |= {
            f"{_IFX}.1.{port}": f"4|Gi1/0/{port}", f"{_IFX}.14.{port}": "2|1", f"{_IFX}.15.{port}": "66|1000",
            f"{_IFX}.16.{port}": "2|2", f"{_IFX}.17.{port}": "2|1", f"{_IFX}.18.{port}": f"4|cong {port}",
            f"{_IFX}.19.{port}": "67|0",
        }  # fmt: skip
    return rows


def recording() -> Recording:
    """The template with this table in the place of its own."""
    known = Recording.read(TEMPLATE)
    tables = parse_oid(_IF), parse_oid(_IFX)
    values = {oid: value for oid, value in known.values.items() if oid[:9] not in tables and oid[:10] not in tables}
    for oid, stated in table().items():
        values[parse_oid(oid)] = encode_value(*stated.split("|", 1))
    return Recording(values)


class Answers:
    """Answers by what follows the request id; made with the first request of its kind."""

    def __init__(self) -> None:
        self._honest = replay(recording(), _LARGEST)
        self._made: dict[bytes, bytes] = {}

    def to(self, message: bytes, number: int) -> bytes:
        """The whole answer of a device."""
        # SEQUENCE, version, community, then the PDU's tag and length, the request id and what is asked.
        at = 2 if message[1] < 0x80 else 2 + (message[1] & 0x7F)
        head_end = at + 5 + message[at + 4]
        head = message[at:head_end]
        length = message[head_end + 1]
        start = head_end + 2 + (length & 0x7F if length & 0x80 else 0)
        end = start + 2 + message[start + 1]
        asked = message[head_end : head_end + 1] + message[end:]
        tail = self._made.get(asked)
        if tail is None:
            tail = self._made[asked] = self._make(message)
        tail = tail.replace(_NAME, b"sw-%05d" % number).replace(_SERIAL, b"JAE2529%04d" % (number % 10_000))
        tail = tail.replace(_HARDWARE, b"\x70\x6b" + number.to_bytes(2, "big"))
        return encode(0x30, head + encode(0xA2, message[start:end] + tail))

    def _make(self, message: bytes) -> bytes:
        answer = self._honest(Request(message)) or b""
        at = answer.index(b"\xa2", 2)
        start = at + 2 + (answer[at + 1] & 0x7F if answer[at + 1] & 0x80 else 0)
        return answer[start + 2 + answer[start + 1] :]


def main() -> None:
    """Serve until standard input ends."""
    count, dead = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    answers, poll, port = Answers(), select.epoll(), 0
    bound: dict[int, tuple[socket.socket, int]] = {}
    silent = []
    for number in range(count):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address_of(number), port))
        one.setblocking(False)
        port = port or one.getsockname()[1]
        if is_dead(number, dead):
            silent.append(one)
        else:
            bound[one.fileno()] = one, number
            poll.register(one, select.EPOLLIN)
    poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
    print(port, flush=True)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor not in bound:
                return
            one, number = bound[descriptor]
            try:
                message, peer = one.recvfrom(4_096)
                one.sendto(answers.to(message, number), peer)
            except OSError:
                continue


if __name__ == "__main__":
    main()
