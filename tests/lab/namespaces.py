"""Network namespaces of this machine: whether they can be made, what runs in them, and how they are taken away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

NAMESPACES = Path("/run/netns")
NAMES = Path("/etc/netns")
"""Where `ip netns exec` looks for a namespace's own /etc/hosts."""

NEEDED = ("ip", "nft", "snmpd", "lldpd", "sshd", "tcpdump", "unshare")
TRIAL = "ip link add name v0 type veth peer name v1 && ip link add name v2 type bridge && nft list ruleset"


def why_none() -> str | None:
    """Why no namespaces can be made here, or None when they can."""
    if os.geteuid() != 0:
        return "not root"
    missing = [name for name in NEEDED if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        NAMESPACES.mkdir(parents=True, exist_ok=True)
        command = ["unshare", "--net", "--mount", "sh", "-c", f"mount --make-rprivate / && {TRIAL}"]
        trial = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        return str(error)
    if trial.returncode:
        return trial.stderr.strip().splitlines()[-1] if trial.stderr.strip() else "no namespace can be made"
    return None


def processes(namespaces: Iterable[str]) -> set[int]:
    """The ids of all processes inside these namespaces."""
    inodes = {(NAMESPACES / name).stat().st_ino for name in namespaces if (NAMESPACES / name).exists()}
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            inside = (entry / "ns" / "net").stat().st_ino in inodes
        except OSError:
            continue  # it ended meanwhile
        if inside:
            found.add(int(entry.name))
    return found


def end_processes(namespaces: Iterable[str]) -> None:
    """Ends what runs inside these namespaces: first asked to, after two seconds killed."""
    names = list(namespaces)
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        end = time.monotonic() + patience
        for pid in processes(names):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        while processes(names):
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        else:
            return


def delete(namespaces: Iterable[str]) -> None:
    """Takes namespaces away, with what runs in them and what was written for them."""
    names = [name for name in namespaces if (NAMESPACES / name).exists()]
    end_processes(names)
    batch = "".join(f"netns del {name}\n" for name in names)
    subprocess.run(["ip", "-force", "-batch", "-"], input=batch, text=True, timeout=30, check=True, capture_output=True)
    for name in names:
        shutil.rmtree(NAMES / name, ignore_errors=True)
    if NAMES.is_dir() and not any(NAMES.iterdir()):
        NAMES.rmdir()


def inside(namespace: str, *command: str) -> list[str]:
    """The argument list that runs `command` in a namespace."""
    return ["ip", "netns", "exec", namespace, *command]
