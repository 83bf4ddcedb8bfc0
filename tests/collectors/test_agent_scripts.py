"""The scripts for machines: that for Linux runs here; of those for Windows, what can be checked without one."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.agent import read_message
from inventory import vocabulary
from tests.collectors.test_agent import RECORDINGS

AGENTS = Path(__file__).parents[2] / "deploy" / "agents"
POSTURE = AGENTS / "dophu-posture.ps1"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def test_the_script_for_linux_runs_and_what_it_writes_become_facts(tmp_path: Path) -> None:
    written = tmp_path / "folder" / "posture.json"
    done = subprocess.run(["sh", AGENTS / "dophu-posture.sh", written], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert written.stat().st_mode & 0o077 == 0
    assert not written.with_name("posture.json.new").exists()
    content = json.loads(written.read_text(encoding="utf-8"))["content"]
    document = json.loads((RECORDINGS / "windows-posture" / "inventory.json").read_bytes())
    document["content"] |= content
    now = datetime.now(UTC)
    message = read_message(json.dumps(document).encode(), now)
    found = {fact.key: fact for added in message.added for fact in added.facts if not fact.item}
    assert set(found) <= set(vocabulary.load().keys)
    looked = datetime.fromisoformat(content["posture"]["checked_at"])
    assert 0 <= (now - looked).total_seconds() < 120
    for key in ("updates_pending", "security_updates_pending", "reboot_needed"):
        stated = content["posture"].get(key)
        assert (found[key].value if key in found else None) == stated, key
    if "updates_pending" in found:
        # As old as the machine's package lists, and not as young as the script's run.
        searched = datetime.fromisoformat(content["posture"]["updates_searched_at"])
        assert abs((found["updates_pending"].observed_at - searched).total_seconds()) < 1
        rows = [f for added in message.added for f in added.facts if f.key == "pending_update"]
        assert len(rows) == min(content["posture"]["updates_pending"], 1000)


def test_what_the_script_for_windows_writes_is_what_is_read() -> None:
    """No PowerShell is to be had here: the names of its fields and its form are compared, it is not run."""
    text = POSTURE.read_text(encoding="utf-8")
    assert text.isascii()  # PowerShell 5.1 reads a file without a mark in the machine's own code page
    fields = set(re.findall(r"\$posture\.(\w+) = ", text)) | {"firewall_domain", "firewall_private", "firewall_public"}
    told = (AGENTS / "README.md").read_text(encoding="utf-8")
    assert fields <= set(re.findall(r"`(\w+)`", told)), fields
    read = "".join((Path(__file__).parents[2] / "collectors" / "agents" / f"{name}.py").read_text("utf-8")
                   for name in ("added", "firewall"))  # fmt: skip
    assert all(f'"{field}"' in read or field.startswith("firewall_") for field in fields)
    rows = set(re.findall(r"^ +(\w+) += ", text, re.M))
    assert {"kb", "title", "severity", "published"} <= rows
    for opened, closed in ("{}", "()", "[]"):
        code = re.sub(r"#.*|'[^']*'", "", re.sub(r"<#.*?#>", "", text, flags=re.S))
        assert code.count(opened) == code.count(closed), opened


def test_it_only_reads() -> None:
    text = POSTURE.read_text(encoding="utf-8")
    called = set(re.findall(r"\b((?:Set|Remove|New|Enable|Disable|Install|Invoke|Start|Stop|Move)-\w+)", text))
    assert called == {"Set-StrictMode", "Remove-Item", "New-Item", "New-Object", "Move-Item"}


def test_the_scheduled_task_is_as_windows_exports_one() -> None:
    root = ET.parse(AGENTS / "dophu-posture.xml").getroot()  # noqa: S314  # our own file
    assert root.tag == f"{TASK}Task" and root.get("version") == "1.2"
    order = [child.tag.removeprefix(TASK) for child in root]
    assert order == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    assert root.findtext(f"{TASK}Principals/{TASK}Principal/{TASK}UserId") == "S-1-5-18"
    trigger = root.find(f"{TASK}Triggers/{TASK}CalendarTrigger")
    assert trigger is not None and trigger.findtext(f"{TASK}RandomDelay") == "PT2H"
    assert "dophu-posture.ps1" in (root.findtext(f"{TASK}Actions/{TASK}Exec/{TASK}Arguments") or "")
    assert "Bypass" not in (AGENTS / "dophu-posture.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["gpo.vi.md", "gpo.en.md"])
def test_the_instructions_name_what_there_is(name: str) -> None:
    text = (AGENTS / name).read_text(encoding="utf-8")
    for file in ("dophu-posture.ps1", "dophu-posture.xml"):
        assert file in text and (AGENTS / file).exists()
    assert "dophu token add" in text and "additional-content" in text and r"ProgramData\Dophu\posture.json" in text
    assert r"Join-Path $env:ProgramData 'Dophu\posture.json'" in POSTURE.read_text(encoding="utf-8")


def test_the_timer_starts_the_script_once_a_day() -> None:
    service = (AGENTS / "dophu-posture.service").read_text(encoding="utf-8")
    timer = (AGENTS / "dophu-posture.timer").read_text(encoding="utf-8")
    assert "ExecStart=/usr/local/sbin/dophu-posture.sh" in service and "StateDirectory=dophu" in service
    assert "OnCalendar=*-*-* 09:30" in timer and "Persistent=true" in timer
