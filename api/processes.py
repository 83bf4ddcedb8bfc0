"""This process by a name that no other has, and whether another one on this machine has ended."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

__all__ = ["is_gone", "own_name"]

_STARTED = 19
"""Where a process's start time stands behind its name in /proc/PID/stat, counted from 0 (proc_pid_stat(5))."""


def own_name() -> str:
    """host:pid:start:token; the token tells two that work in one process apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(4)}"


def is_gone(name: str) -> bool:
    """Whether the process of a name is known to have ended: one of this machine whose number is free or another's."""
    host, *rest = name.rsplit(":", 3)
    if host != socket.gethostname() or len(rest) != 3 or not rest[0].isdecimal():
        return False
    return Path("/proc/self/stat").exists() and _started(int(rest[0])) != rest[1]


def _started(pid: int) -> str:
    """When a process was started, in ticks since the machine was; empty where there is none or nothing tells."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[_STARTED]
