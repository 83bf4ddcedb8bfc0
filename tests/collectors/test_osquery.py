"""What osquery's answers say of a machine, asked with the queries themselves (see `osquery_daemon`)."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.osquery import (
    Told,
    configuration,
    key_for,
    known_by,
    open_message,
    questions,
    read_answers,
    read_enrolment,
    read_log,
)
from collectors.osquery.answers import READERS
from collectors.osquery.queries import load_queries
from inventory.words import InputError, Proof, Value
from tests.collectors.osquery_daemon import Daemon

AT = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def told(daemon: Daemon) -> Told:
    """What the daemon's answers to everything say; none of its queries may have failed."""
    answered = read_answers(daemon.answers(questions()), daemon.identifier, AT)
    assert (daemon.failed, answered.problems) == ({}, ())
    return answered


def values(answered: Told) -> dict[str, Value]:
    return {f.key: f.value for o in answered.observations for f in o.facts if not f.item}


def table(answered: Told, key: str) -> dict[str, Any]:
    return {f.item: f.value for o in answered.observations for f in o.facts if f.key == key and f.item}


def read_tables(answered: Told) -> set[str]:
    return {key for o in answered.observations for key in o.tables_read}


def test_every_query_is_read_and_every_reader_is_asked() -> None:
    assert load_queries().keys() == READERS.keys()


def test_the_workstation() -> None:
    answered = told(Daemon.of("workstation"))
    assert answered.whole
    assert values(answered) == {
        "answering": True,
        "last_report": AT,
        "vendor": "Dell Inc.",
        "model": "OptiPlex 3060",
        "serial": "7XK2QW3",
        "sysname": "PC-TCKH-07",
        "memory": 8080 << 20,
        "role": "workstation",
        "os_name": "Microsoft Windows 10 Pro",
        "os_edition": "Pro",
        "os_build": "19045.3086",
        "version": "10.0.19045",
        "address": "10.20.7.15",
        "antivirus_installed": True,
        "antivirus_enabled": True,
        "antivirus_up_to_date": False,
        "antivirus_name": "Kaspersky Endpoint Security for Windows",
        "host_firewall": False,
        "last_update": datetime(2023, 6, 14, tzinfo=UTC),
        "reboot_needed": True,
        "remote_control_tools": 1,
        "disk_encrypted": False,
        "password_length": 0,
        "password_complex": False,
        "smb1": False,
    }
    assert {k: v["installed"] for k, v in table(answered, "installed_update").items()} == {
        "KB5027215": "2023-06-14",
        "KB5022478": "",
    }
    assert table(answered, "software")["LibreOffice 24.2"] == {
        "version": "24.2.7.2", "publisher": "The Document Foundation", "installed": "2025-03-02",
    }  # fmt: skip
    assert set(table(answered, "remote_control")) == {"ultraviewer"}
    assert {k: v["encrypted"] for k, v in table(answered, "drive").items()} == {"C:": False, "D:": True}
    assert read_tables(answered) == {"software", "installed_update", "remote_control"}
    assert {f.source for o in answered.observations for f in o.facts} == {"osquery"}


def test_the_machine_is_known_by_its_hardware_and_not_by_an_adapter_that_is_carried_about() -> None:
    (names,) = {o.asset.identifiers for o in told(Daemon.of("workstation")).observations if o.asset}
    assert names == {
        ("agent_id", "osquery 8C0B7F2E-2C1D-11EE-9E5A-3C5282000A11"),
        ("uuid", "8c0b7f2e-2c1d-11ee-9e5a-3c5282000a11"),
        ("serial", "7XK2QW3"),
        ("mac", "3c:52:82:00:0a:11"),
    }


def test_the_server() -> None:
    answered = told(Daemon.of("server"))
    found = values(answered)
    assert (found["role"], found["os_name"]) == ("server", "Ubuntu 22.04.4 LTS (Jammy Jellyfish)")
    assert (found["os_build"], found["address"], found["disk_encrypted"]) == ("5.15.0-105-generic", "10.20.0.80", True)
    assert set(table(answered, "software")) == {"openssl", "nginx"}
    # What only Windows has tables of is not asked, and nothing is said of it.
    assert not {"antivirus_installed", "host_firewall", "smb1", "reboot_needed"} & found.keys()


@pytest.mark.parametrize(
    ("units", "role"),
    [
        ({"ssh.service": "active", "gdm.service": "active"}, "workstation"),
        ({"ssh.service": "active", "lightdm.service": "inactive"}, "server"),
        ({}, None),  # without systemd nobody looked
    ],
)
def test_a_linux_on_hardware_is_what_its_screen_is_for(units: dict[str, str], role: str | None) -> None:
    described = Daemon.of("server").tables["system_info"][0] | {
        "hardware_vendor": "Dell Inc.",
        "hardware_model": "R740",
    }
    running = [{"id": unit, "active_state": state} for unit, state in units.items()]
    answered = told(Daemon.of("server", system_info=[described], systemd_units=running))
    stated = [(f.value, f.proof) for o in answered.observations for f in o.facts if f.key == "role"]
    assert stated == ([] if role is None else [(role, Proof.INFERRED)])


def test_a_virtual_machine_is_a_server_whatever_runs_on_it() -> None:
    running = [{"id": "gdm.service", "active_state": "active"}]
    answered = told(Daemon.of("server", systemd_units=running))
    assert [f.value for o in answered.observations for f in o.facts if f.key == "role"] == ["server"]


def test_no_product_is_unknown_and_never_no_antivirus() -> None:
    found = values(told(Daemon.of("workstation", windows_security_products=[])))
    assert [found[key] for key in ("antivirus_installed", "antivirus_enabled", "antivirus_up_to_date")] == [None] * 3


@pytest.mark.parametrize(
    ("state", "expected"),
    [("Good", True), ("Poor", False), ("Snoozed", False), ("Not Monitored", None), ("Error", None)],
)
def test_the_firewall_that_security_center_sees(state: str, expected: bool | None) -> None:
    assert (
        values(told(Daemon.of("workstation", windows_security_center=[{"firewall": state}])))["host_firewall"]
        is expected
    )


def test_without_security_center_nothing_is_said_of_the_firewall() -> None:
    assert "host_firewall" not in values(told(Daemon.of("workstation", windows_security_center=[])))


@pytest.mark.parametrize(
    ("protection", "conversion", "expected"),
    [(1, 1, True), (0, 1, False), (0, 0, False), (1, 2, False), (2, 1, None), (None, None, None)],
)
def test_the_system_drive(protection: int | None, conversion: int | None, expected: bool | None) -> None:
    status = [{"drive_letter": "C:", "protection_status": protection, "conversion_status": conversion}]
    assert values(told(Daemon.of("workstation", bitlocker_info=status)))["disk_encrypted"] is expected


def test_an_empty_list_of_programs_of_the_other_package_manager_takes_nothing_away() -> None:
    assert "software" not in read_tables(told(Daemon.of("server", deb_packages=[])))


def test_a_query_that_failed_says_nothing() -> None:
    daemon = Daemon.of("workstation")
    body = daemon.answers(questions())
    body["statuses"] |= {"programs": 1, "antivirus": "1"}
    answered = read_answers(body, daemon.identifier, AT)
    assert "antivirus_installed" not in values(answered) and "software" not in read_tables(answered)
    assert answered.whole
    body["statuses"]["machine"] = 1
    assert not read_answers(body, daemon.identifier, AT).whole


# --- logs -------------------------------------------------------------------------------------------------------------


def configured(name: str = "workstation", **changes: Any) -> Daemon:
    daemon = Daemon.of(name, **changes)
    daemon.configure(configuration())
    return daemon


@pytest.mark.parametrize("name", ["workstation", "server"])
def test_the_log_of_all_queries_says_what_the_answers_say(name: str) -> None:
    daemon = configured(name)
    logged = read_log(daemon.results(AT.timestamp()), daemon.identifier, AT)
    assert (logged.problems, daemon.failed) == ((), {})
    assert values(logged) == values(told(daemon))
    assert read_tables(logged) == read_tables(told(daemon)) and not logged.whole


def test_a_result_is_dated_by_when_its_query_ran_and_never_later_than_it_came() -> None:
    daemon = configured()
    ran = AT - timedelta(days=2)
    for seconds, expected in ((ran.timestamp(), ran), (AT.timestamp() + 9000, AT)):
        logged = read_log(daemon.results(seconds, "antivirus"), daemon.identifier, AT)
        assert {f.observed_at for o in logged.observations for f in o.facts} == {expected}


def test_each_log_line_names_the_hardware() -> None:
    daemon = configured()
    (observation,) = read_log(daemon.results(AT.timestamp(), "smb1"), daemon.identifier, AT).observations
    assert observation.asset is not None and ("serial", "7XK2QW3") in observation.asset.identifiers


def test_a_copied_disk_brings_another_machines_key_along() -> None:
    daemon = configured()
    copied = read_log(daemon.results(AT.timestamp()), "another", AT)
    assert copied == Told(another=True)


def test_one_line_that_cannot_be_read_takes_no_other_along() -> None:
    daemon = configured()
    body = daemon.results(AT.timestamp(), "antivirus")
    good = body["data"][0]
    body["data"] = [
        7, good | {"name": "all_my_secrets"}, good | {"unixTime": "yesterday"}, good | {"snapshot": [[]]},
        {k: v for k, v in good.items() if k != "snapshot"} | {"action": "added", "columns": {}}, good,
    ]  # fmt: skip
    logged = read_log(body, daemon.identifier, AT)
    assert values(logged)["antivirus_enabled"] is True
    assert logged.problems == (
        "osquery's log, data[0]: found a number, expected an object",
        "osquery's log, data[1].name: found 'all_my_secrets', which was not asked",
        "osquery's log, antivirus, unixTime: found 'yesterday', expected the seconds since 1970",
        "osquery's rows of antivirus[0]: found a list, expected an object",
        "osquery's log, antivirus: found a difference, expected a snapshot",
    )
    assert logged.error == "; ".join(logged.problems)


def test_the_daemons_own_log_is_no_fact() -> None:
    assert read_log({"log_type": "status", "data": [{"severity": "0"}]}, "x", AT) == Told()


# --- keys and bodies --------------------------------------------------------------------------------------------------


def test_a_key_is_good_with_its_token_only() -> None:
    key = key_for("token", "PC-Kế toán")
    assert known_by("token", key) == "PC-Kế toán"
    assert known_by("another", key) is None
    forged = key_for("x", "PC-Kế toán 2").split(".")[0] + "." + key.split(".")[1]
    for wrong in (forged, key[:-1], "", ".", "a.b", "é.é", None, 7):
        assert known_by("token", wrong) is None


def test_bodies_may_be_gzipped_and_are_capped() -> None:
    assert open_message(gzip.compress(b'{"node_key": "k"}')) == {"node_key": "k"}
    for body, word in (
        (gzip.compress(b"\0" * (65 << 20)), "inflates"),
        (b"[]", "a list"),
        (b"{", "mistake"),
        (b"", "mistake"),
    ):
        with pytest.raises(InputError, match=word):
            open_message(body)


@pytest.mark.parametrize("identifier", [None, "", " \n", "x" * 256, {"a": 1}])
def test_who_enrols_has_a_name(identifier: object) -> None:
    with pytest.raises(InputError):
        read_enrolment({"host_identifier": identifier}, AT)


def test_an_enrolment_tells_of_the_machine() -> None:
    identifier, enrolled = read_enrolment(Daemon.of("server").enrolment(), AT)
    assert identifier == "4c4c4544-0051-3510-8052-b4c04f4b3932"
    assert values(enrolled)["os_name"] == "Ubuntu 22.04.4 LTS (Jammy Jellyfish)"
    assert "os_build" not in values(enrolled)
    assert read_enrolment({"host_identifier": "x", "host_details": 7}, AT) == ("x", Told())


def test_a_mistake_in_the_file_of_queries_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "queries.yaml"
    path.write_text("machine:\n  query: SELECT 1\n  interval: often\n  table: os_version\n  plattform: any\n")
    with pytest.raises(InputError, match=r"queries.yaml, line 3.*often(.|\n)*line 5.*plattform"):
        load_queries(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
COLUMNS = sorted({name for rows in Daemon.of("workstation").tables.values() for row in rows for name in row})


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(READERS)),
    st.lists(st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=8) | JSON) | JSON,
)
def test_whatever_rows_hold_they_are_read_or_refused(name: str, rows: object) -> None:
    document = {"data": [{"name": name, "snapshot": rows, "unixTime": 1_795_000_000}]}
    logged = read_log(json.loads(json.dumps(document)), "x", AT)
    assert isinstance(logged.error, str | None)
    read_answers({"queries": {name: rows}, "statuses": rows}, "x", AT)
