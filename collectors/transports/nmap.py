"""Runs one nmap process over parsed addresses and yields the hosts of its XML while it is still working."""

from __future__ import annotations

import asyncio
import difflib
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from collectors.transports.nmap_xml import Document, Host, IPAddress, NmapError, Service, clean, reader
from inventory.words import InputError

__all__ = [
    "OPTIONS", "SCRIPTS", "Host", "IPAddress", "NmapError", "OptionValue", "Service", "arguments", "raw_allowed",
    "scan",
]  # fmt: skip

OptionValue = int | tuple[int, ...] | tuple[str, ...] | None

#: The only scripts of nmap that ever run. They read what a service tells anybody; none tries a password, and none
#: that could harm a service is among them.
SCRIPTS = ("http-auth", "http-title", "smb-protocols", "ssl-enum-ciphers")

MOST_ADDRESSES = 1024
_BLOCK = 1 << 16
_CAP_NET_RAW = 13

#: The only options that ever reach nmap, and how each value is written.
OPTIONS: Mapping[str, str] = {
    "-sn": "flag",
    "-Pn": "flag",
    "-sV": "flag",
    "-PE": "flag",
    "--privileged": "flag",
    "--unprivileged": "flag",
    "-PS": "ports",
    "-PA": "ports",
    "-p": "ports",
    "--min-rate": "{}",
    "--max-rate": "{}",
    "--max-retries": "{}",
    "--version-intensity": "{}",
    "--script": "scripts",
    "--script-timeout": "{}s",
    "--host-timeout": "{}s",
    "--max-rtt-timeout": "{}ms",
}


def arguments(options: Mapping[str, OptionValue], addresses: Sequence[IPAddress]) -> list[str]:
    """nmap's argument list: XML on standard output, no name look-ups, a bounded rate, and the addresses.

    Raises InputError for an option outside `OPTIONS`, a value of the wrong kind, no `--max-rate`, no address, too many
    or of both families, or anything that is not a parsed address without a zone (a zone is free text).
    """
    if "--max-rate" not in options:
        raise InputError("nmap: found no --max-rate, expected one on every scan")
    if not 1 <= len(addresses) <= MOST_ADDRESSES:
        raise InputError(f"nmap: found {len(addresses)} addresses, expected 1 to {MOST_ADDRESSES}")
    for address in addresses:
        if not isinstance(address, IPv4Address | IPv6Address) or getattr(address, "scope_id", None) is not None:
            raise InputError(f"nmap: found {address!r}, expected a parsed IP address without a zone")
    versions = {address.version for address in addresses}
    if len(versions) != 1:
        raise InputError("nmap: found IPv4 and IPv6 addresses together, expected one family")
    family = ["-6"] if versions == {6} else []
    written = [word for name, value in options.items() for word in _option(name, value)]
    return [*family, "-n", "--no-stylesheet", "-oX", "-", *written, "--", *map(str, addresses)]


def _option(name: str, value: OptionValue) -> list[str]:
    kind = OPTIONS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, OPTIONS, 1)
        raise InputError(
            f"nmap: found option {name!r}, expected one of the allowed" + (f" ({near[0]}?)" if near else "")
        )
    if kind == "flag":
        if value is not None:
            raise InputError(f"nmap: {name}: found {value!r}, expected no value")
        return [name]
    if kind == "ports":
        if not isinstance(value, tuple) or not value or any(type(p) is not int or not 0 < p < 65536 for p in value):
            raise InputError(f"nmap: {name}: found {value!r}, expected port numbers")
        ports = ",".join(map(str, value))
        return [name, ports] if name == "-p" else [name + ports]
    if kind == "scripts":
        if not isinstance(value, tuple) or not value or any(script not in SCRIPTS for script in value):
            raise InputError(f"nmap: {name}: found {value!r}, expected some of {', '.join(SCRIPTS)}")
        return [name, ",".join(map(str, value))]
    if type(value) is not int or value < 0:
        raise InputError(f"nmap: {name}: found {value!r}, expected a whole number")
    return [name, kind.format(value)]


def raw_allowed() -> bool:
    """Whether nmap, started by this process, may open raw sockets (CAP_NET_RAW, handed on to programs)."""
    # Root hands on what it has; anyone else only what is ambient (capabilities(7)).
    wanted = "CapEff:" if os.geteuid() == 0 else "CapAmb:"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(wanted):
            return bool(int(line.split()[1], 16) >> _CAP_NET_RAW & 1)
    return False


async def scan(addresses: Sequence[IPAddress], options: Mapping[str, OptionValue]) -> AsyncGenerator[Host, None]:
    """Run nmap over `addresses` and yield each host that answers as soon as nmap tells of it.

    Raises NmapError after the hosts seen so far, when nmap is missing, fails, is killed, looked at fewer addresses
    than asked or could not send all its packets. Closing the generator or cancelling its consumer kills the process
    with its process group. Use it with `contextlib.aclosing`.
    """
    wanted = dict.fromkeys(addresses)
    argv = arguments(options, tuple(wanted))
    await asyncio.to_thread(reader)
    process = await _start(argv)
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - both are pipes
    complaints = asyncio.create_task(_first_part(process.stderr))
    document = Document()
    try:
        while block := await process.stdout.read(_BLOCK):
            for host in document.feed(block):
                if host.address not in wanted:
                    raise NmapError(f"nmap told of {host.address}, which it was not asked for")
                yield host
        await process.wait()
        _judge_end(process.returncode, document, len(wanted), await complaints)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        # Read to the end what the dead process left in its pipes: only then does asyncio close them.
        while await process.stdout.read(_BLOCK):
            pass
        await asyncio.wait({complaints})
        await process.wait()


async def _start(argv: Sequence[str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            "nmap",
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Of a session of its own: a Ctrl-C at the terminal is ours to answer, and a group can be killed as a whole.
            start_new_session=True,
            # Nothing of our own environment, where secrets may be, goes to another program.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except OSError as error:
        raise NmapError(f"nmap cannot be started: {error.strerror}") from error


async def _first_part(stream: asyncio.StreamReader, limit: int = 4096) -> str:
    """The beginning of what a stream says; the rest is read and dropped, so that the writer never blocks."""
    kept = b""
    while block := await stream.read(_BLOCK):
        kept += block[: limit - len(kept)]
    return kept.decode(errors="replace")


def _judge_end(code: int | None, document: Document, asked: int, complaints: str) -> None:
    """Raise NmapError unless nmap looked at everything: it ends with code 0 also where it could not send a packet."""
    lines = [clean(line) for line in complaints.splitlines() if line.strip()]
    said = f": {lines[0]}" if lines else ""
    if code is not None and code < 0:
        raise NmapError(f"nmap was ended by signal {-code}")
    if code != 0 or not document.succeeded:
        raise NmapError(f"nmap ended with code {code}{said}")
    if document.looked_at != asked:
        raise NmapError(f"nmap looked at {document.looked_at} of {asked} addresses{said}")
    unsent = next((line for line in lines if line.startswith("sendto in ")), None)
    if unsent:
        raise NmapError(f"nmap could not send its packets: {unsent}")
