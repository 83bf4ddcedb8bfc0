"""Servers over SSH: a real sshd on this machine, recorded answers of the RHEL family, and hosts that are others now."""

from __future__ import annotations

import json
import re
import socket
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import runner, ssh
from collectors.servers import Told, debian, redhat, system
from collectors.transports import ssh as wire
from collectors.transports.ssh import HostKeyError, Said, Shell, SshError, fingerprints
from inventory import vocabulary
from inventory.words import Credential, InputError, Network, Run, Target, Value
from tests.collectors.sshd import Sshd, sshd

RECORDED = Path(__file__).parent.parent / "recordings" / "ssh"
HERE = Network("lo", "so-tc", ip_network("127.0.0.0/8"), "dc", True, ("ssh",), date(2020, 1, 1))
AT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)


def target(server: Sshd, **secret: str) -> Target:
    known = {"user": server.user, "key": server.key, "port": str(server.port)}
    known["host_keys"] = f"127.0.0.1:{server.port} {server.fingerprint}"
    return Target("127.0.0.1", agency="so-tc", network=HERE, credentials=(Credential("ssh", "ssh", known | secret),))


def values(run: Run) -> dict[str, Value]:
    return {fact.key: fact.value for o in run.observations for fact in o.facts}


async def outcome(asked: Target) -> Run:
    """The Run that the runner makes of it, failures included."""
    (run,) = [run async for run in runner.run("ssh", ssh.collect, [asked], deadline=60)]
    return run


async def test_this_machine_over_a_real_sshd(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        run = await outcome(target(server))
    found = values(run)
    assert found["sysname"] == socket.gethostname()
    assert re.search("Debian|Ubuntu", str(found["os_name"]))
    assert isinstance(found["memory"], float) and isinstance(found["boot_time"], datetime)
    assert found["processors"] and found["role"] == "server"
    # Asked of this machine's own apt: numbers where it could say, and said to be unknown where it could not.
    assert {"updates_pending", "security_updates_pending", "reboot_needed", "host_firewall"} <= found.keys()
    assert run.complete == (run.error is None)
    assert {f.key for o in run.observations for f in o.facts} <= set(vocabulary.load().keys)


async def test_a_host_key_that_nobody_pinned_is_named_and_nothing_is_read(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        run = await outcome(target(server, host_keys=""))
    assert run.observations == ()
    assert f"no host key is pinned; it shows {server.fingerprint}" in (run.error or "")
    assert f"dophu credential pin ssh 127.0.0.1:{server.port}" in (run.error or "")


async def test_a_changed_host_key_is_an_error_and_never_facts(tmp_path: Path) -> None:
    with sshd(tmp_path / "before") as before:
        pass
    with sshd(tmp_path / "after", port=before.port) as after:
        run = await outcome(target(after, host_keys=f"127.0.0.1:{before.port} {before.fingerprint}"))
        log = (tmp_path / "after" / "log").read_text()
    assert run.observations == ()
    assert f"shows the host key {after.fingerprint}, pinned is {before.fingerprint}" in (run.error or "")
    assert "Accepted" not in log


async def test_a_key_that_the_server_does_not_know_is_refused(tmp_path: Path) -> None:
    with sshd(tmp_path / "one") as one, sshd(tmp_path / "other") as other:
        run = await outcome(target(one, key=other.key))
    assert run.observations == ()
    assert f"127.0.0.1:{one.port} refuses credential ssh" in (run.error or "")


async def test_what_a_login_prints_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    with sshd(tmp_path, command="echo Welcome; echo 12; eval $SSH_ORIGINAL_COMMAND") as server:
        async with Shell("127.0.0.1", server.port, target(server).credentials[0]) as shell:
            assert await shell.run("uname -s") == Said("Linux\n", 0)
            assert (await shell.run("exit 7")).status == 7


async def test_a_command_that_never_ends_and_one_that_prints_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SECONDS", 1.0)
    with sshd(tmp_path) as server:
        async with Shell("127.0.0.1", server.port, target(server).credentials[0]) as shell:
            assert (await shell.run("sleep 60")).whole is False
            endless = await shell.run("yes")
            assert endless.whole is False and len(endless.text) < 2 * wire.LARGEST
            assert (await shell.run("echo still here")).text == "still here\n"


async def test_a_forced_command_that_says_nothing_yields_no_fact(tmp_path: Path) -> None:
    with sshd(tmp_path, command="true") as server:
        run = await outcome(target(server))
    assert run.observations == ()
    assert "/etc/os-release could not be read" in (run.error or "")


async def test_no_server(tmp_path: Path) -> None:
    with sshd(tmp_path) as server:
        pass
    run = await outcome(target(server))
    assert run.observations == () and "127.0.0.1" in (run.error or "")
    with pytest.raises(SshError):
        await wire.host_key("127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ({"user": "a"}, "expected a user, and a password or a key"),
        ({"user": "a", "key": "nonsense", "host_keys": "127.0.0.1:1 SHA256:x"}, "expected a private key in PEM"),
        ({"user": "a", "password": "b", "host_keys": "127.0.0.1 ssh-ed25519 AAAA"}, "host_keys, line 1"),
    ],
)
async def test_a_credential_that_lacks_something(secret: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        await ssh.collect(Target("127.0.0.1", 1, network=HERE, credentials=(Credential("ssh", "ssh", secret),)))


def test_pinned_keys_by_host() -> None:
    known = "# data centre\n10.1.0.5:22 SHA256:a\n10.1.0.5:22 SHA256:b\n\n[2001:db8::5]:22 SHA256:c\n"
    assert fingerprints(known) == {"10.1.0.5:22": {"SHA256:a", "SHA256:b"}, "[2001:db8::5]:22": {"SHA256:c"}}
    assert issubclass(HostKeyError, SshError)


# --- pure: what answers mean ------------------------------------------------------------------------------------------


def recorded(name: str, **changed: Said) -> dict[str, Said]:
    answers = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return {command: Said(text, status) for command, (status, text) in answers.items()} | changed


def told(answers: dict[str, Said]) -> Told:
    made = Told(AT)
    system.tell(answers, made)
    redhat.tell(answers, made)
    return made


def said(made: Told) -> dict[str, Value]:
    return {fact.key: fact.value for fact in made.facts}


def test_a_recorded_rocky() -> None:
    """No machine of the RHEL family is to be had here: the answers are written as its manuals show them."""
    made = told(recorded("rocky_9"))
    found = said(made)
    assert made.problems == []
    assert (found["updates_pending"], found["security_updates_pending"], found["reboot_needed"]) == (3, 2, True)
    assert found["last_update"] == datetime(2024, 11, 18, 0, 0, tzinfo=UTC)
    assert (found["host_firewall"], found["disk_encrypted"]) == (True, True)
    assert (found["antivirus_installed"], found["antivirus_name"]) == (True, "Kaspersky Endpoint Security for Linux")
    assert "antivirus_enabled" not in found
    assert (found["os_name"], found["model"], found["memory_used"]) == (
        "Rocky Linux 9.4 (Blue Onyx)",
        "PowerEdge R450",
        0.75,
    )
    assert found["boot_time"] == AT - timedelta(days=10)
    assert made.identifiers == {("mac", "d0:8e:79:0a:0b:0c")}


@pytest.mark.parametrize(
    ("command", "answer", "unknown"),
    [
        (
            "check",
            Said("Error: Failed to download metadata for repo 'baseos'", 1),
            ["updates_pending", "security_updates_pending"],
        ),
        ("security", Said("", 1), ["security_updates_pending"]),
        ("restart", Said("", 127), ["reboot_needed"]),
        ("antivirus", Said("", 127), ["antivirus_installed"]),
    ],
)
def test_what_failed_is_unknown_and_the_rest_stands(command: str, answer: Said, unknown: list[str]) -> None:
    made = told(recorded("rocky_9", **{command: answer}))
    assert sorted(key for key, value in said(made).items() if value is None) == sorted(unknown)
    assert len(made.problems) == len(unknown)


NO, ABSENT = Said("", 1), Said("", 127)
INACTIVE = Said("Status: inactive\n", 0)


def chain(hook: str, policy: str, rule: str = "") -> Said:
    text = f"table inet f {{\n chain c {{\n type filter hook {hook} priority 0; policy {policy};\n {rule}\n }}\n}}\n"
    return Said(text, 0)


@pytest.mark.parametrize(
    ("firewalld", "ufw", "nft", "on"),
    [
        (Said("running\n", 0), ABSENT, NO, True),
        (Said("not running\n", 252), ABSENT, NO, None),
        (ABSENT, Said("Status: active\nTo Action\n", 0), NO, True),
        (ABSENT, INACTIVE, NO, None),
        (ABSENT, INACTIVE, chain("input", "drop"), True),
        (ABSENT, ABSENT, chain("input", "accept", "tcp dport 23 drop"), True),
        (ABSENT, ABSENT, chain("input", "accept"), False),
        (ABSENT, INACTIVE, Said("", 0), False),
        (ABSENT, ABSENT, chain("postrouting", "accept"), False),
    ],
)
def test_the_host_firewall_is_off_only_where_all_rules_were_read(
    firewalld: Said, ufw: Said, nft: Said, on: bool | None
) -> None:
    made = told(recorded("rocky_9", firewalld=firewalld, ufw=ufw, nft=nft))
    assert said(made)["host_firewall"] is on


SIMULATED = """\
Reading package lists...
Inst libssl3 [3.0.11-1~deb12u2] (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64])
Inst base-files [12.4+deb12u4] (12.4+deb12u8 Debian:12.8/stable [amd64])
Inst linux-image-6.1.0-28-amd64 (6.1.119-1 Debian-Security:12/stable-security [amd64])
Conf libssl3 (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64])
2 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
"""


def apt(**changed: Said) -> dict[str, Said]:
    known = {
        "apt": Said(SIMULATED, 0),
        "apt_lists": Said(f"{int(AT.timestamp()) - 3600}\n", 0),
        "apt_history": Said("End-Date: 2026-03-01  09:30:00\n", 0),
        "zone": Said("+0700\n", 0),
        "reboot": Said("told\n", 0),
    }
    return known | changed


def test_what_apt_says() -> None:
    made = Told(AT)
    debian.tell(apt(), made)
    found = said(made)
    assert (found["updates_pending"], found["security_updates_pending"], found["reboot_needed"]) == (3, 2, False)
    assert found["last_update"] == datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    counted = next(f for f in made.facts if f.key == "updates_pending")
    assert counted.observed_at == AT - timedelta(hours=1)


@pytest.mark.parametrize(
    ("changed", "unknown"),
    [
        ({"apt": Said("E: Could not open lock file", 100)}, {"updates_pending", "security_updates_pending"}),
        ({"apt": Said(SIMULATED.replace("2 upgraded", "broken"), 0)}, {"updates_pending", "security_updates_pending"}),
        ({"apt": Said(SIMULATED, None, whole=False)}, {"updates_pending", "security_updates_pending"}),
        ({"apt_lists": Said("", 1)}, {"updates_pending", "security_updates_pending"}),
        ({"apt_lists": Said("99999999999", 0)}, {"updates_pending", "security_updates_pending"}),
        ({"reboot": Said("", 0)}, {"reboot_needed"}),
    ],
)
def test_what_apt_cannot_say_is_unknown(changed: dict[str, Said], unknown: set[str]) -> None:
    made = Told(AT)
    debian.tell(apt(**changed), made)
    assert {key for key, value in said(made).items() if value is None} == unknown


def test_an_upgrade_of_the_future_is_none() -> None:
    made = Told(AT)
    debian.tell(apt(apt_history=Said("End-Date: 2031-01-01  00:00:00\n", 0)), made)
    assert "last_update" not in said(made)


COMMANDS = [*system.COMMANDS, *redhat.COMMANDS, *debian.COMMANDS]
SAID = st.tuples(st.text(max_size=300), st.one_of(st.none(), st.integers(0, 255)), st.booleans())


@given(st.dictionaries(st.sampled_from(COMMANDS), SAID))
def test_no_answer_breaks_the_reading(answers: dict[str, tuple[str, int | None, bool]]) -> None:
    everything = recorded("rocky_9") | apt()
    everything |= {name: Said(*answer) for name, answer in answers.items()}
    made = Told(AT)
    for family in (system, redhat, debian):
        family.tell(everything, made)
    known = vocabulary.load().keys
    assert {fact.key for fact in made.facts} <= set(known)
