"""net-snmp's snmptrap and snmpinform: what real devices send, from any loopback address."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMUNITY = "b1-m4t-bay"
PASSWORDS = {"auth_password": "mat-khau-xac-thuc", "priv_password": "mat-khau-ma-hoa"}
#: The credentials of tests by name: SNMPv3's as net-snmp and as our credentials name their algorithms.
USERS = {"sha-aes": ("SHA", "AES", "SHA", "AES"), "sha512-aes256": ("SHA-512", "AES-256", "SHA512", "AES256")}

LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
ON_BATTERY = "1.3.6.1.2.1.33.2.1"


def secret(user: str) -> dict[str, str]:
    """The secret of one of USERS."""
    _, _, auth, priv = USERS[user]
    return {"user": user, "auth": auth, "priv": priv, **PASSWORDS}


@dataclass(frozen=True)
class Device:
    """One device that sends, from an address of its own."""

    folder: Path
    port: int
    source: str = "127.0.0.1"
    engine_id: str = "0x80001f8803aabbccddee01"

    def v2c(self, community: str = COMMUNITY) -> list[str]:
        """The arguments for SNMPv2c."""
        return ["-v2c", "-c", community]

    def v3(self, user: str, password: str = PASSWORDS["auth_password"]) -> list[str]:
        """The arguments for SNMPv3 with authentication and privacy."""
        auth, priv, *_ = USERS[user]
        keys = ["-a", auth, "-A", password, "-x", priv, "-X", PASSWORDS["priv_password"]]
        return ["-v3", "-u", user, "-l", "authPriv", *keys]

    async def trap(self, who: list[str], oid: str, *values: str) -> None:
        """Send a trap; it is gone when this returns, whoever got it."""
        engine = ["-e", self.engine_id] if "-v3" in who else []
        status = await self._run("snmptrap", *who, *engine, self._to, "", oid, *values)
        assert status == 0

    async def trap_v1(self, *arguments: str, community: str = COMMUNITY) -> None:
        """Send an SNMPv1 trap: enterprise, agent address, generic, specific, uptime, values."""
        assert await self._run("snmptrap", "-v1", "-c", community, self._to, *arguments) == 0

    async def inform(self, who: list[str], oid: str, *values: str, tries: int = 1, seconds: float = 5) -> bool:
        """Send an inform; whether it was acknowledged."""
        again = ["-r", str(tries - 1), "-t", str(seconds)]
        return await self._run("snmpinform", *who, *again, self._to, "", oid, *values) == 0

    @property
    def _to(self) -> str:
        return f"udp:127.0.0.1:{self.port}"

    async def _run(self, program: str, *arguments: str) -> int:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} is installed (Debian: apt-get install snmp)")
        process = await asyncio.create_subprocess_exec(
            program,
            f"--clientaddr={self.source}",
            *arguments,
            env={
                "SNMP_PERSISTENT_DIR": str(self.folder),
                "SNMPCONFPATH": str(self.folder),
                "MIBS": "",
                "PATH": "/usr/bin",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await process.communicate()
        return process.returncode or 0
