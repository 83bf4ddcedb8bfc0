"""A real OpenSSH server on a free loopback port, which lets in one key, for as long as a block runs."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Sshd:
    """Where it listens, who may log in with which private key (PEM), and its host key's fingerprint."""

    port: int
    user: str
    key: str
    fingerprint: str


def make_key(path: Path) -> str:
    """Makes a key of ed25519; its fingerprint."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    told = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout
    return told.split()[1]


@contextlib.contextmanager
def sshd(folder: Path, *, command: str = "", port: int | None = None) -> Iterator[Sshd]:
    """Starts it with everything it needs in `folder`; with `command`, that runs in the place of whatever is asked."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd is installed (Debian: apt-get install openssh-server)")
    with contextlib.suppress(OSError):
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd drops its rights, when it is root
    folder.mkdir(exist_ok=True)
    fingerprint = make_key(folder / "host")
    make_key(folder / "client")
    forced = f'command="{command}" ' if command else ""
    (folder / "allowed").write_text(forced + (folder / "client.pub").read_text())
    if port is None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
    options = {
        "ListenAddress": f"127.0.0.1:{port}", "HostKey": folder / "host", "AuthorizedKeysFile": folder / "allowed",
        "PidFile": "none", "StrictModes": "no", "UsePAM": "no", "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no", "PermitRootLogin": "yes",
    }  # fmt: skip
    argv = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", "/dev/null", *argv], stderr=log)
    try:
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.02)
        yield Sshd(port, getpass.getuser(), (folder / "client").read_text(), fingerprint)
    finally:
        process.kill()
        process.wait()
