"""What dnf or yum says on the RHEL family: packages that wait, security advisories, the last package, a reboot."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from collectors.servers import Answers, Told

FAMILY = ("rhel", "fedora", "centos", "rocky", "almalinux", "ol")
_TOOL = "$(command -v dnf || command -v yum)"
COMMANDS = {
    "check": f"{_TOOL} -q check-update",
    "security": f"{_TOOL} -q updateinfo list --updates security || {_TOOL} -q updateinfo list security",
    "restart": "needs-restarting -r",
    "last": "rpm -qa --qf '%{INSTALLTIME}\\n' | sort -n | tail -n 1",
}

_PACKAGE = re.compile(r"^(\S+)\.(noarch|x86_64|i[3-6]86|aarch64|ppc64le|s390x)\s+(\S+)\s+(\S+)\s*$")
#: "RHSA-2024:0001 Important/Sec. openssl-libs-3.0.7-24.el9.x86_64"; of Rocky and others RLSA-, ALSA-, ELSA-, FEDORA-.
_ADVISORY = re.compile(r"^[A-Z]{2,8}-[\w:.-]+\s+\S*(?:/Sec\.|security)\S*\s+(\S+)\s*$")
_NONE, _SOME, _FAILED = 0, 100, 1
"""What check-update ends with (dnf(8))."""


def tell(answers: Answers, told: Told) -> None:
    """Adds to `told` what these answers say."""
    check = answers["check"]
    if check.whole and check.status in (_NONE, _SOME):
        told.say({"updates_pending": len(waiting(check.text))})
    else:
        told.say_unknown(("updates_pending",), "check-update failed: is the repository out of reach?")
    security = answers["security"]
    if security.succeeded and check.status != _FAILED:
        told.say({"security_updates_pending": len(advised(security.text))})
    else:
        told.say_unknown(("security_updates_pending",), "updateinfo failed")
    # 0 no reboot needed, 1 needed (needs-restarting(1)); anything else: it is not there.
    if answers["restart"].whole and answers["restart"].status in (0, 1):
        told.say({"reboot_needed": answers["restart"].status == 1})
    else:
        told.say_unknown(("reboot_needed",), "needs-restarting is not there (dnf-utils)")
    last = answers["last"].text.split()
    if last and re.fullmatch(r"\d{9,10}", last[-1]):
        time = datetime.fromtimestamp(int(last[-1]), UTC)
        told.say({"last_update": time if time <= told.at else None})


def waiting(text: str) -> list[str]:
    """The packages that check-update lists; those that are only made obsolete come after them and are none."""
    found = []
    for line in text.splitlines():
        if line.startswith("Obsoleting Packages"):
            break
        if match := _PACKAGE.match(line):
            found.append(match[1])
    return found


def advised(text: str) -> set[str]:
    """The packages for which updateinfo lists a security advisory."""
    return {match[1] for line in text.splitlines() if (match := _ADVISORY.match(line))}
