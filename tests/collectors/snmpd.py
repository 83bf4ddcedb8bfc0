"""A real net-snmp snmpd on a free loopback port, with v2c and v3 users, for as long as a block runs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.snmp_agent import GET_NEXT, INTEGER, NULL, OBJECT, OCTETS, SEQUENCE, encode, encode_integer, encode_oid

COMMUNITY = "b1-m4t"
PASSWORDS = {"auth_password": "mat-khau-xac-thuc", "priv_password": "mat-khau-ma-hoa"}
#: User, authentication and privacy as snmpd.conf and as our credentials name them.
USERS = {
    "sha-aes": ("SHA", "AES", "SHA", "AES"),
    "sha224-aes192": ("SHA-224", "AES-192", "SHA224", "AES192"),
    "sha256-aes256": ("SHA-256", "AES-256", "SHA256", "AES256"),
    "sha384-aes": ("SHA-384", "AES", "SHA384", "AES"),
    "sha512-aes256": ("SHA-512", "AES-256", "SHA512", "AES256"),
    "sha-aes256": ("SHA", "AES-256", "SHA", "AES256"),
    "sha256-only": ("SHA-256", "", "SHA256", ""),
}


def secret(user: str) -> dict[str, str]:
    """The secret of one of USERS."""
    _, _, auth, priv = USERS[user]
    known = {"user": user, "auth": auth, "auth_password": PASSWORDS["auth_password"]}
    return known | ({"priv": priv, "priv_password": PASSWORDS["priv_password"]} if priv else {})


@contextmanager
def snmpd(folder: Path) -> Iterator[int]:
    """Starts snmpd with everything it writes in `folder`; yields its port."""
    binary = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin")
    if binary is None:
        pytest.skip("no snmpd is installed (Debian: apt-get install snmpd)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    lines = [
        f"agentAddress udp:127.0.0.1:{port}",
        f"rocommunity {COMMUNITY} 127.0.0.1",
        "sysName may-chu-01",
        "sysLocation Phòng máy",
        "sysServices 72",
    ]
    for user, (auth, priv, _, _) in USERS.items():
        privacy = f'{priv} "{PASSWORDS["priv_password"]}"' if priv else ""
        lines.append(f'createUser {user} {auth} "{PASSWORDS["auth_password"]}" {privacy}')
        lines.append(f"rouser {user} {'priv' if priv else 'auth'}")
    (folder / "snmpd.conf").write_text("\n".join(lines) + "\n", "utf-8")
    process = subprocess.Popen(
        [binary, "-f", "-Lf", folder / "log", "-C", "-c", folder / "snmpd.conf", "-p", folder / "pid", "-I", "-smux"],
        env={"SNMP_PERSISTENT_DIR": str(folder), "MIBS": "", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, port, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Returns when the agent answers GETNEXT."""
    numbers = b"".join(encode(INTEGER, encode_integer(number)) for number in (1, 0, 0))
    pdu = numbers + encode(SEQUENCE, encode(SEQUENCE, encode(OBJECT, encode_oid((1, 3))) + encode(NULL, b"")))
    head = encode(INTEGER, encode_integer(1)) + encode(OCTETS, COMMUNITY.encode())
    request = encode(SEQUENCE, head + encode(GET_NEXT, pdu))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect(("127.0.0.1", port))
        for _ in range(150):
            if process.poll() is not None:
                raise RuntimeError(f"snmpd ended: {log.read_text('utf-8', 'replace')[-500:]}")
            try:
                asking.send(request)
                asking.recv(2048)
                return
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                time.sleep(0.05)
    raise RuntimeError(f"snmpd does not answer: {log.read_text('utf-8', 'replace')[-500:]}")
