"""Which tools for controlling a machine from elsewhere an inventory lists."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from collectors import facts
from collectors.agents.rows import SOURCE, Row, text_of
from inventory.words import Fact, Proof, Value

#: The tools by the beginning of their names among the installed programs. Windows' own Remote Desktop is not one of
#: them: it is part of every Windows, and whether it is on is another question.
TOOLS = {
    "teamviewer": r"teamviewer\b(?!.*meeting)",
    "anydesk": r"any ?desk",
    "ultraviewer": r"ultraviewer",
    "rustdesk": r"rustdesk",
    "ammyy": r"ammyy",
    "supremo": r"supremo\b",
    "radmin": r"radmin\b",
    "dwservice": r"dwagent|dwservice",
    "logmein": r"logmein",
    "splashtop": r"splashtop",
    "screenconnect": r"screenconnect|connectwise control",
    "chrome remote desktop": r"chrome remote desktop",
    "remote utilities": r"remote utilities",
    "aeroadmin": r"aeroadmin",
    "litemanager": r"lite ?manager",
    "vnc": r"(real|ultra|tight|tiger)?vnc\b|x11vnc",
    "parsec": r"parsec\b",
    "todesk": r"todesk",
    "sunlogin": r"sunlogin|aweray",
}
_NAMED = re.compile("|".join(f"(?P<t{n}>{pattern})" for n, pattern in enumerate(TOOLS.values())), re.IGNORECASE)


@functools.lru_cache(maxsize=16_384)
def _tool(program: str) -> str | None:
    """The tool that a program of this name is."""
    match = _NAMED.match(program)
    return list(TOOLS)[int(match.lastgroup[1:])] if match and match.lastgroup else None


def remote_control_facts(
    listed: Sequence[Row] | None, programs: Iterable[Row] | None, at: datetime, *, partial: bool
) -> tuple[Fact, ...]:
    """The facts of the section `remote_mgmt` and of the names of the installed programs, None where one is absent.

    A partial inventory tells of them only where it has both, or a program that is such a tool: else the rest of the
    list, which is as before, would seem to be gone.
    """
    found: dict[str, Value] = {}
    for row in listed or ():
        if kind := (text_of(row, "type") or "").lower():
            found.setdefault(kind, {"kind": "agent", "id": text_of(row, "id") or ""})
    known = len(found)
    for row in programs or ():
        name = text_of(row, "name")
        if name and (tool := _tool(name)):
            found.setdefault(tool, {"kind": "software", "id": name})
    if programs is None or (partial and listed is None and len(found) == known):
        return ()
    tools = tuple(Fact("remote_control", tool, SOURCE, at, Proof.AGENT, kind) for kind, tool in found.items())
    return (*tools, *facts(SOURCE, at, {"remote_control_tools": len(found)}, proof=Proof.AGENT))
