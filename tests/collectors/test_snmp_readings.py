"""What answers mean: dates, sensors with their scale, single values within what is possible, rows and their names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.reading.dates import as_time
from collectors.reading.readings import joined, rows_of, value_of, values_of_tables
from collectors.reading.sensors import sensor_rows
from collectors.transports.snmp import Answer, SnmpClient
from collectors.vendors import TableRead, ValueRead, load_vendors
from inventory.words import Credential
from tests.collectors.snmpd import COMMUNITY, snmpd

AT = "1.3.6.1.4.1.99999.1.0"
WHOLE = "1.3.6.1.4.1.99999.2.0"
ANSWERS = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40),
    st.integers(-(2**70), 2**70),
    st.floats(),
)


def day(year: int, month: int, date: int) -> datetime:
    return datetime(year, month, date, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (bytes.fromhex("07e8 020f 0a1e 0500"), datetime(2024, 2, 15, 10, 30, 5, tzinfo=UTC)),
        (bytes.fromhex("07e8 020f 0a1e 0500 2b07 00"), datetime(2024, 2, 15, 3, 30, 5, tzinfo=UTC)),
        (bytes.fromhex("07e8 020f 0a1e 3c00 2d03 1e"), datetime(2024, 2, 15, 14, 0, 59, tzinfo=UTC)),
        (bytes.fromhex("07e8 021e 0a1e 0500"), None),  # 30 February
        (bytes.fromhex("0000 0000 0000 0000"), None),
        (1_704_067_200, day(2024, 1, 1)),
        (b"1704067200", day(2024, 1, 1)),
        (0, None),
        (-1, None),
        (365, None),
        (b"2024-03-09", day(2024, 3, 9)),
        (b"20240309", day(2024, 3, 9)),
        (b"until 2024/03/09 00:00", day(2024, 3, 9)),
        (b"9 Mar 2024", day(2024, 3, 9)),
        (b"Fri, 09-March-2024", day(2024, 3, 9)),
        (b"Mar  9 12:00:00 2024 GMT", day(2024, 3, 9)),
        (b"March 9, 2024", day(2024, 3, 9)),
        (b"Mar  9 12:00:00 GMT 2024", day(2024, 3, 9)),
        (b"2024-13-01", None),
        (b"0000-00-00", None),
        (b"9999-12-31", None),
        (b"never", None),
        (b"", None),
    ],
)
def test_a_date_is_read_in_every_form_and_nothing_else_is_one(value: Answer, time: datetime | None) -> None:
    assert as_time(value) == time


@given(ANSWERS)
def test_no_answer_breaks_the_reading_of_a_date(value: Answer) -> None:
    time = as_time(value)
    assert time is None or 1989 <= time.year <= 2201


@pytest.mark.parametrize(
    ("kind", "scale", "precision", "value", "told"),
    [
        (8, 9, 0, 31, 31),  # celsius, units
        (8, 9, 1, 315, 31.5),
        (8, 8, 0, 31_500, 31.5),  # milli
        (4, 8, 0, 12_060, 12.06),
        (6, 10, 1, 15, 1_500),  # kilo
        (9, 9, 0, 45, 0.45),  # percentRH is a share here
        (10, 9, 0, 4_200, 4_200),
        (8, 9, 0, -5, -5),
    ],
)
def test_a_sensor_is_read_in_its_scale(kind: int, scale: int, precision: int, value: int, told: float) -> None:
    columns = {"kind": {"7": kind}, "scale": {"7": scale}, "precision": {"7": precision}, "value": {"7": value}}
    assert sensor_rows(columns, {"7": b"Inlet"})["Inlet"]["value"] == pytest.approx(told)


def test_a_sensor_that_does_not_work_has_no_value_and_keeps_its_row() -> None:
    columns = {
        "kind": dict.fromkeys("1234", 8),
        "state": {"1": 1, "2": 2, "3": 3},
        "precision": {"4": 99},
        "value": dict.fromkeys("1234", 40),
    }
    rows = sensor_rows(columns, {"1": b"CPU", "2": b"CPU"})
    assert {name: (row["state"], row.get("value")) for name, row in rows.items()} == {
        "CPU": ("ok", 40),
        "CPU (2)": ("unavailable", None),
        "3": ("failed", None),
    }


@pytest.mark.parametrize(
    ("read", "said", "value"),
    [
        (ValueRead("temperature", AT), 23, 23),
        (ValueRead("temperature", AT), b"23.5 C", 23.5),
        (ValueRead("temperature", AT, times=0.1), 235, 23.5),
        (ValueRead("temperature", AT), 65_535, None),  # what agents fill in for "unknown"
        (ValueRead("temperature", AT), -2_147_483_648, None),
        (ValueRead("temperature", AT), b"n/a", None),
        (ValueRead("battery_charge", AT, times=0.01), 97, 0.97),
        (ValueRead("battery_charge", AT, times=0.01), -1, None),
        (ValueRead("memory_used", AT, divide=WHOLE), 512, 0.5),
        (ValueRead("sessions", AT), b"1204 sessions", None),  # a unit is at most three letters
        (ValueRead("sessions", AT), 1204, 1204),
    ],
)
def test_a_number_counts_within_what_is_possible(read: ValueRead, said: Answer, value: float | None) -> None:
    assert value_of(read, {AT: said, WHOLE: 1_024}) == (None if value is None else pytest.approx(value))


def test_a_share_of_nothing_is_unknown() -> None:
    assert value_of(ValueRead("memory_used", AT, divide=WHOLE), {AT: 5, WHOLE: 0}) is None
    assert value_of(ValueRead("memory_used", AT, divide=WHOLE), {AT: 5}) is None


@pytest.mark.parametrize(("take", "value"), [("mean", 30), ("max", 50), ("min", 10), ("sum", 90), ("first", 10)])
def test_a_column_is_taken_together(take: str, value: float) -> None:
    assert value_of(ValueRead("temperature", AT, take), {}, [10, b"30 C", b"", 50]) == value


def test_rows_without_a_cell_are_none_and_two_of_one_name_are_told_apart() -> None:
    read = TableRead("sensor", {"value": "1.1", "name": "1.2"}, {"unit": "°C"}, {"value": 0.1})
    columns: dict[str, dict[str, Answer]] = {
        "value": {"1": 215, "2": 220, "3": b"-"},
        "name": {"1": b"Rack", "2": b"Rack", "3": b"Door"},
    }
    assert rows_of(read, columns) == {
        "Rack": {"value": 21.5, "unit": "°C"},
        "Rack (2)": {"value": 22, "unit": "°C"},
        "Door": {"unit": "°C"},
    }


def test_tables_of_one_fact_are_joined_by_name_and_kind() -> None:
    warm: dict[str, dict[str, object]] = {"Rack": {"kind": "temperature", "value": 22}}
    damp: dict[str, dict[str, object]] = {"Rack": {"kind": "humidity", "value": 0.4}}
    assert joined(warm, damp) == {"Rack": warm["Rack"], "Rack (humidity)": damp["Rack"]}
    assert joined(warm, {"Rack": {"kind": "temperature", "value": 99}}) == warm


def test_a_failed_sensor_and_a_full_read_only_disk_add_up_to_nothing() -> None:
    sensors = {"a": {"kind": "temperature", "unit": "°C", "value": 99, "state": "failed"}}
    storage = {"/": {"kind": "disk", "size": 100, "used": 60, "share": 0.6}, "/snap": {"kind": "disk", "size": 1,
               "used": 1, "share": 1}}  # fmt: skip
    found = values_of_tables({"sensor": sensors, "storage": storage})
    assert found == {"storage_used": 0.6}


SOFTWARE = next(t for system in load_vendors().general.systems for t in system.tables if t.key == "software")


@pytest.mark.parametrize(
    ("told", "name", "version"),
    [
        (b"bash_5.2.15-2+b2_amd64", "bash", "5.2.15-2+b2"),
        (b"bsdutils_1:2.38.1-5+deb12u1_amd64", "bsdutils", "1:2.38.1-5+deb12u1"),
        (b"libc6-2.36-9+deb12u7", "libc6", "2.36-9+deb12u7"),
        (b"bash-5.1.8-6.el9", "bash", "5.1.8-6.el9"),
        (b"java-1.8.0-openjdk-1.8.0.362.b09-4.el9", "java-1.8.0-openjdk", "1.8.0.362.b09-4.el9"),
        (b"xorg-x11-fonts-75dpi-7.5-33", "xorg-x11-fonts-75dpi", "7.5-33"),
        (b"Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38", None, None),
        (b"Update for Windows (KB5034441)", None, None),
        (b"7-Zip 23.01", None, None),
    ],
)
def test_a_package_is_split_into_name_and_version(told: bytes, name: str | None, version: str | None) -> None:
    rows = rows_of(SOFTWARE, {"name": {"1": told}})
    assert rows == {name or told.decode(): {"version": version} if version else {}}


def test_two_versions_of_a_package_are_told_apart_by_them() -> None:
    names: dict[str, Answer] = {"5": b"kernel-core-5.14.0-362.el9", "9": b"kernel-core-5.14.0-284.el9"}
    assert list(rows_of(SOFTWARE, {"name": names})) == ["kernel-core", "kernel-core (5.14.0-284.el9)"]


async def test_a_real_agents_packages_have_versions(tmp_path: Path) -> None:
    with snmpd(tmp_path) as port:
        async with SnmpClient("127.0.0.1", port, Credential("lab", "snmp-v2c", {"community": COMMUNITY})) as device:
            names = await device.walk(SOFTWARE.columns["name"])
    if not names:
        pytest.skip("this snmpd is built without a list of packages")
    rows = rows_of(SOFTWARE, {"name": names})
    assert "snmpd" in rows
    assert sum("version" in row for row in rows.values()) > 0.98 * len(rows)
