"""What a Veeam server's traps tell of backups: of which machine, by which job, and how it went (VEEAM-MIB)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from collectors.reading.text import as_text
from collectors.transports.snmp_trap_engine import Value
from inventory.backups import LONGEST, WHOLE, Job

SOURCE = "veeam"
_BACKUP = "1.3.6.1.4.1.31023.1.1"
_VM_COMPLETED = f"{_BACKUP}.1.0.2"
"""onVmBackupCompleted."""
_JOB, _VM, _RESULT, _COMMENT = f"{_BACKUP}.102", f"{_BACKUP}.105", f"{_BACKUP}.107", f"{_BACKUP}.108"
_WENT = {"success": True, "warning": True, "failed": False}
"""Results, in small letters: with a warning there is a backup, and what the warning is about is told."""


def tell(oid: str, values: Mapping[str, Value], at: datetime) -> tuple[str, Job] | None:
    """The machine and the job of a notification that came at `at`; None for one that tells of no machine's backup."""
    if oid != _VM_COMPLETED:
        return None
    machine, result = _text(values, _VM), _text(values, _RESULT)
    ok = _WENT.get(result.casefold())
    if not machine or ok is None:
        return None
    comment = _text(values, _COMMENT)
    why = "" if result.casefold() == "success" else f"{result}: {comment}" if comment else result
    return machine, Job(_text(values, _JOB) or WHOLE, at, "Veeam", at, at if ok else None, ok, why[:LONGEST])


def _text(values: Mapping[str, Value], oid: str) -> str:
    found = next((text for name in (oid, f"{oid}.0") if (text := as_text(values.get(name)))), "")
    return " ".join("".join(c if c.isprintable() else " " for c in found).split())[:LONGEST]
