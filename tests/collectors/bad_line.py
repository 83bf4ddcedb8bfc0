"""Lines that lose and delay: by netem, or where this kernel has none, by a packet filter and a small echo server."""

from __future__ import annotations

import heapq
import select
import socket
import struct
import subprocess
import sys
import time

from tests.collectors.netns import Town


def has_netem(town: Town, namespace: str) -> bool:
    """Whether this kernel can make lines bad by itself."""
    tc = ["ip", "netns", "exec", namespace, "tc", "qdisc"]
    made = subprocess.run([*tc, "add", "dev", "lo", "root", "netem", "loss", "1%"], capture_output=True, check=False)
    subprocess.run([*tc, "del", "dev", "lo", "root"], capture_output=True, check=False)
    return made.returncode == 0


def lose(town: Town, namespace: str, device: str, address: str, percent: int) -> None:
    """Have so many of the echo requests to an address behind a device get lost, at random."""
    if has_netem(town, namespace):
        _netem(namespace, device, "loss", f"{percent}%")
        return
    rule = f"oifname {device} ip daddr {address} icmp type echo-request numgen random mod 100 < {percent} drop"
    chain = f"chain f {{ type filter hook postrouting priority 0; {rule}; }}"
    town.nft(namespace, f"table inet lossy {{\n{chain}\n}}\n")


def delay(town: Town, namespace: str, device: str, far: str, milliseconds: int) -> None:
    """Have echoes from the machine in the namespace `far`, behind a device of `namespace`, come so late."""
    if has_netem(town, namespace):
        _netem(namespace, device, "delay", f"{milliseconds}ms")
        return
    subprocess.run(
        ["ip", "netns", "exec", far, "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"],
        check=True,
        capture_output=True,
    )
    town.start(far, sys.executable, "-m", "tests.collectors.bad_line", str(milliseconds))


def _netem(namespace: str, device: str, *how: str) -> None:
    tc = ["ip", "netns", "exec", namespace, "tc", "qdisc", "add", "dev", device, "root", "netem", *how]
    subprocess.run(tc, check=True, capture_output=True)


def _sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def answer_late(seconds: float) -> None:
    """Answer every echo request to this machine so much later."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    waiting: list[tuple[float, int, bytes, str]] = []
    number = 0
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([wire], [], [], left)[0]:
            packet, (source, _) = wire.recvfrom(2048)
            message = packet[(packet[0] & 15) * 4 :]
            if message[0] == 8:
                body = message[4:]
                reply = struct.pack("!BBH", 0, 0, _sum(b"\0\0\0\0" + body)) + body
                number += 1
                heapq.heappush(waiting, (time.monotonic() + seconds, number, reply, source))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, reply, source = heapq.heappop(waiting)
            wire.sendto(reply, (source, 0))


if __name__ == "__main__":
    answer_late(int(sys.argv[1]) / 1000)
