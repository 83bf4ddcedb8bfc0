"""What an inventory says of the machine's drives and their encryption."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from collectors import facts
from collectors.agents.rows import SOURCE, Row, flag_of, text_of
from inventory.words import Fact, Proof, Value

_STATES = {"yes": True, "no": False, "partially": False}
_NO_METHOD = frozenset({"none", "aucun", "kein"})


def encryption_facts(rows: Iterable[Row], at: datetime) -> tuple[Fact, ...]:
    """The facts of a section that is there: each drive, and whether the system's is encrypted.

    A drive of which the agent does not say it is unknown: it saw no encryption of the kinds that it can see, or was not
    allowed to look. One that is encrypted in part is not.
    """
    found: dict[str, Value] = {}
    system_drive: list[bool | None] = []
    for row in rows:
        name = text_of(row, "letter") or text_of(row, "type") or text_of(row, "volumn")
        if name is None or name in found:
            continue
        state = (text_of(row, "encrypt_status") or "").lower()
        system = bool(flag_of(row, "systemdrive")) or name == "/"
        found[name] = {"encrypted": _STATES.get(state), "method": _method(row, state), "system": system}
        if system:
            system_drive.append(_STATES.get(state))
    drives = tuple(Fact("drive", drive, SOURCE, at, Proof.AGENT, name) for name, drive in found.items())
    if len(system_drive) != 1:
        return drives
    return (*drives, *facts(SOURCE, at, {"disk_encrypted": system_drive[0]}, proof=Proof.AGENT, keep_none=True))


def _method(row: Row, state: str) -> str:
    algorithm = text_of(row, "encrypt_algo") or ""
    parts = [text_of(row, "encrypt_name") or "", "" if algorithm.lower() in _NO_METHOD else algorithm]
    return " ".join([part for part in parts if part] + (["(partially)"] if state == "partially" else []))
