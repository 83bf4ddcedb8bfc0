"""Network namespaces for tests: small networks that no packet leaves, made by the test and always taken down."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


def why_not() -> str | None:
    """Why no namespace can be made here, else None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if shutil.which("ip") is None:
        return "needs ip (apt-get install iproute2)"
    name = f"dp-t{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return None


def run(*argv: str) -> str:
    """Run a command that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


class Town:
    """Namespaces that end together, and the processes in them."""

    def __init__(self) -> None:
        self._prefix = f"dp-t{os.getpid()}-{next(_numbers)}"
        self._names: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def add(self, name: str) -> str:
        """A new namespace with its loopback up; returns its full name."""
        full = f"{self._prefix}-{name}"
        run("ip", "netns", "add", full)
        self._names.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def join(self, one: str, device: str, other: str, other_device: str, mac: str | None = None) -> None:
        """A cable between two namespaces; `mac` is that of the other end."""
        run("ip", "link", "add", device, "netns", one, "type", "veth", "peer", "name", other_device, "netns", other)
        if mac:
            run("ip", "-n", other, "link", "set", other_device, "address", mac)
        run("ip", "-n", one, "link", "set", device, "up")
        run("ip", "-n", other, "link", "set", other_device, "up")

    def address(self, name: str, device: str, *addresses: str) -> None:
        """Give a device addresses in CIDR form."""
        for address in addresses:
            more = ["nodad"] if ":" in address else []
            run("ip", "-n", name, "addr", "add", address, "dev", device, *more)

    def start(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        """Start a server inside a namespace; it ends with the town."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", name, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    def nft(self, name: str, rules: str) -> None:
        """Load nftables rules inside a namespace."""
        nft = ["ip", "netns", "exec", name, "nft", "-f", "-"]
        done = subprocess.run(nft, input=rules, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def end(self) -> None:
        """Take everything down."""
        for process in self._processes:
            process.kill()
            process.wait()
        for name in self._names:
            run("ip", "netns", "del", name)


@contextlib.contextmanager
def town() -> Iterator[Town]:
    """A town that is taken down whatever happens; skips the test where none can be made."""
    if reason := why_not():
        pytest.skip(reason)
    made = Town()
    try:
        yield made
    finally:
        made.end()


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread, and every socket and process that it opens meanwhile, in the namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(Path("/run/netns") / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(libc, there)
        yield
    finally:
        _enter(libc, home)
        os.close(there)
        os.close(home)


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
