"""What agents and our script say of a machine's protection: off, unknown and not said stay three things."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.agent import Message, read_message
from inventory.words import Fact, InputError, Observation, Value
from tests.collectors.test_agent import AT, RECORDINGS, assert_sound, recorded, values

WORKSTATION, SERVER = "windows-posture/inventory.json", "windows-server-script/inventory.json"


def changed(name: str, **sections: object) -> Message:
    """The message of a recording with sections put in the place of its own; None takes one away."""
    document = json.loads((RECORDINGS / name).read_bytes())
    for section, content in sections.items():
        document["content"][section] = content
        if content is None:
            del document["content"][section]
    message = read_message(json.dumps(document).encode(), AT)
    assert_sound(message)
    return message


def said(message: Message) -> dict[str, Value]:
    """The values of a message, what the script added included."""
    assert message.observation is not None
    found = values(message.observation)
    for added in message.added:
        found |= values(added)
    return found


def table(observed: Observation | None, key: str) -> dict[str, Any]:
    assert observed is not None
    return {fact.item: fact.value for fact in observed.facts if fact.key == key}


def facts_of(message: Message) -> dict[str, Fact]:
    return {f.key: f for o in message.added for f in o.facts if not f.item}


# --- a workstation with an outdated product, its firewall off and a drive in the clear -------------------------------


def test_the_workstation_that_is_badly_kept() -> None:
    message = changed(WORKSTATION)
    found = said(message)
    assert (found["antivirus_installed"], found["antivirus_enabled"], found["antivirus_up_to_date"]) == (
        True,
        True,
        False,
    )
    assert found["antivirus_name"] == "Kaspersky Endpoint Security for Windows"
    assert found["signatures_at"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert found["antivirus_expires"] == datetime(2027, 3, 31, tzinfo=UTC)
    assert (found["host_firewall"], found["disk_encrypted"], found["remote_control_tools"]) == (False, False, 2)
    assert found["last_update"] == datetime(2023, 8, 10, tzinfo=UTC)
    assert (found["os_build"], found["os_edition"]) == ("19045.3086", "Pro")
    # Nobody filled in the board's fields: what the mainboard says is taken, and no serial.
    assert (found["vendor"], found["model"]) == ("ASUSTeK COMPUTER INC.", "PRIME H510M-K")
    assert "serial" not in found
    assert message.added == ()


def test_its_tables() -> None:
    observed = changed(WORKSTATION).observation
    assert table(observed, "antivirus") == {
        "Windows Defender": {
            "enabled": False, "up_to_date": True, "version": "", "signatures": "1.401.12.0", "expires": "",
        },
        "Kaspersky Endpoint Security for Windows": {
            "enabled": True, "up_to_date": False, "version": "12.6.0.438", "signatures": "2026-02-01",
            "expires": "2027-03-31",
        },
    }  # fmt: skip
    states = {"domain": {"state": "on"}, "public": {"state": "off"}, "private": {"state": "off"}}
    assert table(observed, "firewall_profile") == states
    assert table(observed, "drive") == {
        "C:": {"encrypted": False, "method": "BitLocker", "system": True},
        "D:": {"encrypted": True, "method": "BitLocker XTS_AES_128", "system": False},
        "E:": {"encrypted": None, "method": "", "system": False},
    }
    assert table(observed, "remote_control") == {
        "teamviewer": {"kind": "agent", "id": "123456789"},
        "ultraviewer": {"kind": "software", "id": "UltraViewer version 6.6"},
    }
    # Four ways to write a day; one to come, and one with a thirteenth month, are no days on which it was installed.
    assert table(observed, "installed_update") == {
        "KB5027215": {"category": "security_update", "installed": "2023-06-14"},
        "KB5011651": {"category": "update", "installed": "2022-04-13"},
        "KB5012170": {"category": "security_update", "installed": "2023-08-10"},
        "KB5015684": {"category": "update", "installed": ""},
    }
    programs = {name: row["installed"] for name, row in table(observed, "software").items()}
    assert programs == {"7-Zip 19.00 (x64)": "2021-04-05", "UltraViewer version 6.6": "2024-11-02", "UniKey": ""}
    assert observed is not None and observed.tables_read == {"software", "installed_update", "remote_control"}


@pytest.mark.parametrize("name", [WORKSTATION, "windows-workstation/inventory.json", "linux-notebook/inventory.xml"])
def test_sections_with_secrets_are_dropped_on_arrival(name: str) -> None:
    assert b"recorded-secret" in recorded(name)
    assert "recorded-secret" not in repr(read_message(recorded(name), AT))


# --- off, unknown, not said ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"profile": "DomainProfile", "status": "on"}, {"profile": "PublicProfile", "status": "on"}], True),
        ([{"profile": "DomainProfile", "status": "on"}, {"profile": "PublicProfile"}], None),
        ([{"profile": "DomainProfile", "status": "off"}, {"profile": "PublicProfile"}], False),
        # On Linux only firewalld and ufw are looked at: another program may have set the rules.
        ([{"description": "firewalld", "status": "off"}], None),
        ([{"description": "firewalld", "status": "off"}, {"description": "ufw", "status": "on"}], True),
    ],
)
def test_the_firewall(rows: object, expected: Value) -> None:
    found = said(changed(WORKSTATION, firewalls=rows))
    assert found["host_firewall"] is expected


def test_no_word_of_the_firewall_is_silence() -> None:
    for rows in (None, [], [{"description": "?"}]):
        assert "host_firewall" not in said(changed(WORKSTATION, firewalls=rows))


@pytest.mark.parametrize(
    ("drive", "expected"),
    [
        ({"letter": "C:", "systemdrive": True, "encrypt_status": "Yes"}, True),
        ({"letter": "C:", "systemdrive": True, "encrypt_status": "Partially"}, False),
        ({"letter": "C:", "systemdrive": True}, None),
        ({"type": "/", "volumn": "/dev/vda", "filesystem": "ext4"}, None),
        ({"type": "/", "volumn": "/dev/mapper/root", "encrypt_name": "cryptsetup", "encrypt_status": "Yes"}, True),
    ],
)
def test_the_drive_of_the_system(drive: object, expected: Value) -> None:
    assert said(changed(WORKSTATION, drives=[drive]))["disk_encrypted"] is expected


def test_no_drive_of_the_system_is_silence() -> None:
    assert "disk_encrypted" not in said(changed(WORKSTATION, drives=[{"letter": "D:", "encrypt_status": "No"}]))
    assert "disk_encrypted" not in said(changed(WORKSTATION, drives=None))


def test_a_machine_without_tools_for_remote_control() -> None:
    clean = changed(WORKSTATION, remote_mgmt=None, softwares=[{"name": "Teams"}, {"name": "VNCviewer notes"}])
    assert said(clean)["remote_control_tools"] == 0
    # Without the list of programs nobody looked.
    assert "remote_control_tools" not in said(changed(WORKSTATION, softwares=None))


def test_a_partial_inventory_tells_of_whole_lists_only() -> None:
    document = json.loads(recorded(WORKSTATION)) | {"partial": True}
    programs = [{"name": "7-Zip 24.09", "version": "24.09"}]
    document["content"] = {"hardware": document["content"]["hardware"], "softwares": programs}
    message = read_message(json.dumps(document).encode(), AT)
    assert_sound(message)
    # What the agent itself found of remote control is as before: it was not sent again.
    assert "remote_control_tools" not in said(message)
    assert {"antivirus_installed", "host_firewall", "disk_encrypted", "role", "os_name"}.isdisjoint(said(message))
    assert message.observation is not None and message.observation.tables_read == {"software"}
    document["content"]["softwares"].append({"name": "AnyDesk"})
    assert said(read_message(json.dumps(document).encode(), AT))["remote_control_tools"] == 1


def test_a_partial_inventory_of_a_linux_notebook_does_not_make_it_a_server() -> None:
    content = {"operatingsystem": {"full_name": "Ubuntu 24.04.1 LTS", "name": "Ubuntu"}}
    body = {"action": "inventory", "deviceid": "d", "partial": True, "content": content}
    assert "role" not in said(read_message(json.dumps(body).encode(), AT))


# --- what the script adds --------------------------------------------------------------------------------------------


def test_what_the_script_adds_is_dated_by_when_it_looked() -> None:
    message = changed(SERVER)
    checked, searched = (datetime(2026, 3, 2, 19, 0, second, tzinfo=UTC) for second in (5, 0))
    found = facts_of(message)
    assert {key: (fact.value, fact.observed_at) for key, fact in found.items()} == {
        "reboot_needed": (True, checked),
        "smb1": (False, checked),
        "password_length": (12, checked),
        "password_complex": (True, checked),
        "last_update": (datetime(2026, 2, 27, 20, 10, tzinfo=UTC), checked),
        # With the policies applied it is on, whatever the registry says.
        "host_firewall": (True, checked),
        "updates_pending": (3, searched),
        "security_updates_pending": (1, searched),
    }
    assert table(message.added[1], "pending_update") == {
        "KB5082314": {
            "title": "2026-03 Security Update for Windows Server 2022", "severity": "Critical",
            "published": "2026-03-02",
        },
        "KB890830": {"title": "Windows Malicious Software Removal Tool", "severity": "", "published": "2026-02-10"},
        "HPE - Net - 22.1.1.0": {"title": "HPE - Net - 22.1.1.0", "severity": "", "published": ""},
    }  # fmt: skip
    assert message.observation is not None
    agent = values(message.observation)
    assert agent["os_edition"] == "Standard" and {"host_firewall", "last_update"}.isdisjoint(agent)
    assert table(message.observation, "firewall_profile") == {}
    assert table(message.added[0], "firewall_profile").keys() == {"domain", "private", "public"}


def posture(**change: object) -> dict[str, object]:
    document = json.loads(recorded(SERVER))
    return {k: v for k, v in (document["content"]["posture"] | change).items() if v != "absent"}


def test_what_the_script_could_not_read_is_no_fact() -> None:
    blank = posture(reboot_needed=None, smb1="absent", password_length="many", password_complex="?", last_update="soon")
    found = facts_of(changed(SERVER, posture=blank))
    assert found.keys() == {"host_firewall", "updates_pending", "security_updates_pending"}


def test_a_search_that_failed_says_nothing_of_updates() -> None:
    message = changed(SERVER, posture=posture(updates_searched_at=None))
    assert {"updates_pending", "security_updates_pending"}.isdisjoint(facts_of(message))
    assert all(not table(added, "pending_update") for added in message.added)


def test_nothing_pending_empties_the_list_and_an_absent_list_does_not() -> None:
    none = changed(SERVER, posture=posture(updates_pending=0, security_updates_pending=0), windows_updates=None)
    assert none.added[-1].tables_read == {"pending_update"}
    some = changed(SERVER, windows_updates=None)
    assert some.added[-1].tables_read == frozenset()


@pytest.mark.parametrize("when", ["2027-03-03T02:00:00+07:00", "2026-03-03 02:00:00", "03/03/2026", "", None, 7])
def test_a_script_whose_clock_cannot_be_trusted_says_nothing(when: object) -> None:
    message = changed(SERVER, posture=posture(checked_at=when, updates_searched_at=when))
    assert message.added == ()
    # Then the agent's own word of the firewall is what there is.
    assert said(message)["host_firewall"] is False


def test_a_script_that_no_longer_runs_does_not_stand_in_for_the_agent() -> None:
    old = (AT - timedelta(days=20)).isoformat()
    message = changed(SERVER, posture=posture(checked_at=old, updates_searched_at=old))
    assert message.observation is not None
    assert values(message.observation)["host_firewall"] is False
    assert facts_of(message)["host_firewall"].observed_at == AT - timedelta(days=20)


def test_another_firewall_stands_in_for_that_of_windows() -> None:
    states = {"firewall_domain": False, "firewall_private": False, "firewall_public": False}
    other = changed(SERVER, posture=posture(firewall_product="Kaspersky Endpoint Security", **states))
    assert said(other)["host_firewall"] is True
    assert table(other.added[0], "firewall_profile")["Kaspersky Endpoint Security"] == {"state": "on"}
    assert said(changed(SERVER, posture=posture(**states)))["host_firewall"] is False
    # One profile that could not be read: the script's word is not whole.
    assert said(changed(SERVER, posture=posture(firewall_public=None)))["host_firewall"] is False


def test_more_updates_than_there_are() -> None:
    document = json.loads(recorded(SERVER))
    document["content"]["windows_updates"] = [{"kb": f"KB{n}"} for n in range(1_001)]
    expected = "agent's inventory, windows_updates: found 1001 rows, expected at most 1000"
    with pytest.raises(InputError, match=expected):
        read_message(json.dumps(document).encode(), AT)
