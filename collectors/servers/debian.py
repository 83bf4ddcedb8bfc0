"""What apt says on Debian and Ubuntu: packages that wait, how old its lists are, the last upgrade, a reboot."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from collectors.servers import Answers, Told

FAMILY = ("debian", "ubuntu")
"""Of ID and ID_LIKE in /etc/os-release."""
COMMANDS = {
    "apt": "apt-get -s -o Debug::NoLocking=1 dist-upgrade",
    "apt_lists": "stat -c %Y /var/lib/apt/periodic/update-success-stamp || stat -c %Y /var/lib/apt/lists/partial || "
    "stat -c %Y /var/cache/apt/pkgcache.bin",
    "apt_history": "zcat -f /var/log/apt/history.log.1.gz /var/log/apt/history.log | grep '^End-Date:' | tail -n 1",
    "zone": "date +%z",
    "reboot": "test -e /run/reboot-required && echo yes; test -e /etc/kernel/postinst.d/unattended-upgrades -o "
    "-e /etc/kernel/postinst.d/update-notifier -o -x /usr/share/update-notifier/notify-reboot-required && echo told; "
    "true",
}

_INST = re.compile(r"^Inst (\S+) (?:\[[^\]]*\] )?\(([^)]*)\)", re.M)
_SUMMARY = re.compile(r"^\d+ upgraded, \d+ newly installed, ", re.M)
_END = re.compile(r"End-Date: (\d{4}-\d\d-\d\d)\s+(\d\d:\d\d:\d\d)")


def tell(answers: Answers, told: Told) -> None:
    """Adds to `told` what these answers say."""
    _pending(answers, told)
    if (time := last_upgrade(answers["apt_history"].text, answers["zone"].text)) and time <= told.at:
        told.say({"last_update": time})
    words = answers["reboot"].text.split()
    if "yes" in words:
        told.say({"reboot_needed": True})
    elif "told" in words:
        told.say({"reboot_needed": False})
    else:
        told.say_unknown(("reboot_needed",), "nothing there tells whether a reboot is needed (update-notifier-common)")


def _pending(answers: Answers, told: Told) -> None:
    said, keys = answers["apt"], ("updates_pending", "security_updates_pending")
    # The line with the numbers comes last: without it apt gave up.
    if not said.succeeded or not _SUMMARY.search(said.text):
        told.say_unknown(keys, "apt-get could not work out what it would upgrade")
        return
    stamp = answers["apt_lists"].text.split()
    at = _time(stamp[0], told.at) if stamp else None
    if at is None:
        told.say_unknown(keys, "the age of the package lists could not be read")
        return
    waiting = _INST.findall(said.text)
    security = sum("security" in origin.lower() for _, origin in waiting)
    # As old as the lists: what came out since is not in them.
    told.say({"updates_pending": len(waiting), "security_updates_pending": security}, at=at)


def _time(text: str, now: datetime) -> datetime | None:
    time = datetime.fromtimestamp(int(text), UTC) if re.fullmatch(r"\d{9,10}", text) else None
    return time if time and time <= now else None


def last_upgrade(history: str, zone: str) -> datetime | None:
    """The last End-Date of apt's history, which is in the machine's local time; None where that cannot be known."""
    found = _END.findall(history)
    if not found or not re.fullmatch(r"[+-]\d{4}", zone.strip()):
        return None
    try:
        return datetime.strptime(f"{' '.join(found[-1])} {zone.strip()}", "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None
