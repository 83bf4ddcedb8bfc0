"""Folders of backup servers, here and over a real sshd: whose files, of when, and which are no backups."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.backups.folder import MOST_FILES, Listing, Place, command, parse, read_here, read_there, show
from collectors.backups.names import compile_pattern, read_name
from collectors.transports.ssh import Shell, SshError
from inventory.backups import Job
from inventory.periods import ZONE
from inventory.words import Credential, InputError
from tests.collectors.sshd import Sshd, sshd

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def put(folder: Path, name: str, size: int, changed: datetime) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (changed.timestamp(), changed.timestamp()))


def look(place: Place, at: datetime = NOW) -> dict[str, Job]:
    return dict(show(place, read_here(place, at), "nas").jobs)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "system", "job", "at"),
    [
        ("{system}-{date}.bak", "sql01-2026-11-27.bak", "sql01", "", datetime(2026, 11, 27, tzinfo=ZONE)),
        ("{system}_{job}_{date}.tar.gz", "web01_www_20261127-0130.tar.gz", "web01", "www",
         datetime(2026, 11, 27, 1, 30, tzinfo=ZONE)),
        ("{system}/*{date}*", "sql01/full_2026_11_27T013005.dump", "sql01", "",
         datetime(2026, 11, 27, 1, 30, 5, tzinfo=ZONE)),
        ("*-{system}.vbk", "backup/a-b-sql01.vbk", "b-sql01", "", None),
        ("db?.dump", "x/db1.dump", "", "", None),
    ],
)  # fmt: skip
def test_a_name_tells_system_job_and_time(pattern: str, name: str, system: str, job: str, at: datetime | None) -> None:
    named = read_name(pattern, name)
    assert named is not None
    assert (named.system, named.job, named.at) == (system, job, at)


@pytest.mark.parametrize(
    "name", ["sql01-2026-13-01.bak", "sql01-2026-02-30.bak", "sql01.bak", "sql01-2026-11-27.bak.part"]
)
def test_a_name_of_another_form_or_with_no_day_is_none(name: str) -> None:
    assert read_name("{system}-{date}.bak", name) is None


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("", "expected a file's name"), ("/a", "expected a file's name"), ("{host}.bak", "found {host} in the pattern"),
        ("{date}{date}", "each once"), ("*a*b*c*", "at most 3"), ("a\nb", "expected a file's name"),
    ],
)  # fmt: skip
def test_a_pattern_that_is_none_is_told(pattern: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        compile_pattern(pattern)
    assert told in str(refused.value)


@given(st.text(alphabet="ab{}*?[]()+.^$\\-_/ ", max_size=30), st.text(max_size=60))
def test_any_pattern_is_read_or_refused_and_any_name_fits_or_does_not(pattern: str, name: str) -> None:
    try:
        compile_pattern(pattern)
    except InputError:
        return
    read_name(pattern, name)


@given(st.dates(datetime(2000, 1, 1, tzinfo=UTC).date(), datetime(2099, 12, 31, tzinfo=UTC).date()))
def test_every_day_is_read_in_its_three_ways(day: object) -> None:
    for form in ("%Y-%m-%d", "%Y%m%d", "%Y_%m_%d"):
        named = read_name("{system}-{date}.bak", f"a-{day:{form}}.bak")
        assert named is not None and named.at is not None and named.at.date() == day


# --- what is a backup -------------------------------------------------------------------------------------------------


def test_the_newest_file_of_each_system_counts(tmp_path: Path) -> None:
    for day in range(1, 6):
        put(tmp_path, f"sql01-{day}.bak", 1000, NOW - day * DAY)
    put(tmp_path, "web01-1.bak", 10, NOW - 9 * DAY)
    put(tmp_path, "readme.txt", 10, NOW)
    place = Place(str(tmp_path), ("{system}-*.bak",))
    found = look(place)
    assert {name: (job.finished, job.ok, job.size) for name, job in found.items()} == {
        "sql01": (NOW - DAY, True, 1000), "web01": (NOW - 9 * DAY, True, 10),
    }  # fmt: skip
    assert show(place, read_here(place, NOW), "nas").unfit == 1


def test_an_empty_or_shrunken_or_unfinished_file_is_no_backup(tmp_path: Path) -> None:
    place = Place(str(tmp_path), ("{system}-*.bak",))
    for day in range(2, 6):
        put(tmp_path, f"sql01-{day}.bak", 1000, NOW - day * DAY)
    put(tmp_path, "sql01-1.bak", 0, NOW - DAY)
    job = look(place)["sql01"]
    assert (job.ok, job.why, job.tried, job.finished) == (False, "empty", NOW - DAY, NOW - 2 * DAY)
    put(tmp_path, "sql01-1.bak", 499, NOW - DAY)
    assert look(place)["sql01"].why == "shrank"
    assert look(Place(str(tmp_path), place.patterns, shrunk=0))["sql01"].ok is True
    put(tmp_path, "sql01-1.bak", 500, NOW - DAY)
    assert look(place)["sql01"].finished == NOW - DAY
    # What is being written now is not judged; the one before it is.
    put(tmp_path, "sql01-0.bak", 3, NOW - timedelta(seconds=30))
    assert look(place)["sql01"].finished == NOW - DAY
    put(tmp_path, "new-0.bak", 3, NOW - timedelta(seconds=30))
    assert (look(place)["new"].ok, look(place)["new"].why) == (None, "writing")


def test_a_date_in_the_name_stands_before_the_time_of_change(tmp_path: Path) -> None:
    place = Place(str(tmp_path), ("{system}-{date}.bak",))
    put(tmp_path, "sql01-2026-11-20.bak", 9, NOW - DAY)
    assert look(place)["sql01"].finished == datetime(2026, 11, 20, tzinfo=ZONE)
    # On the same day the time of change is the finer one.
    put(tmp_path, "sql01-2026-11-28.bak", 9, NOW - timedelta(hours=1))
    assert look(place)["sql01"].finished == NOW - timedelta(hours=1)
    put(tmp_path, "sql01-2027-01-01.bak", 9, NOW - DAY)
    shown = show(place, read_here(place, NOW), "nas")
    assert dict(shown.jobs)["sql01"].finished == NOW - timedelta(hours=1)
    assert shown.problems == ("nas: 1 files are dated ahead of now and were passed over",)


def test_a_system_without_a_file_is_told_and_folders_below_are_looked_into_as_far_as_asked(tmp_path: Path) -> None:
    put(tmp_path, "a/b/db.dump", 9, NOW - DAY)
    at_top = Place(str(tmp_path), ("db.dump",), "sql01", "dump")
    job = look(at_top)["sql01"]
    assert (job.name, job.ok, job.why, job.finished) == ("dump", False, "none", None)
    assert look(Place(str(tmp_path), ("db.dump",), "sql01", depth=3))["sql01"].ok is True
    assert look(Place(str(tmp_path), ("db.dump",), "sql01", depth=3))["sql01"].name == str(tmp_path)


def test_a_folder_that_is_not_there_is_an_error_and_no_lack_of_backups(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory, expected a folder that can be read"):
        read_here(Place(str(tmp_path / "none"), ("*",), "a"), NOW)


# --- over SSH ---------------------------------------------------------------------------------------------------------


def credential(server: Sshd) -> Credential:
    pinned = f"127.0.0.1:{server.port} {server.fingerprint}"
    return Credential("nas", "ssh", {"user": server.user, "key": server.key, "host_keys": pinned})


async def test_a_folder_of_another_machine_is_read_over_ssh(tmp_path: Path) -> None:
    folder = tmp_path / "sao lưu; touch $HOME 'x'"
    now = datetime.now(UTC).replace(microsecond=0)
    put(folder, "sql01-1.bak", 1000, now - DAY)
    put(folder, "máy chủ-1.bak", 7, now - 2 * DAY)
    put(folder, "deep/web01-1.bak", 7, now - DAY)
    place = Place(str(folder), ("{system}-*.bak",))
    with sshd(tmp_path / "sshd") as server:
        async with Shell("127.0.0.1", server.port, credential(server)) as shell:
            shown = show(place, await read_there(place, shell, now), "nas")
            assert {system: job.finished for system, job in shown.jobs} == {
                "sql01": now - DAY, "máy chủ": now - 2 * DAY,
            }  # fmt: skip
            with pytest.raises(SshError, match="found no folder"):
                await read_there(Place("/nowhere/at/all", ("*",), "a"), shell, now)


def test_the_clock_of_the_machine_is_reckoned_with() -> None:
    text = f"{int((NOW + timedelta(hours=2)).timestamp())}\n9 {int((NOW - DAY).timestamp())} /b/a-1.bak\nrubbish\n"
    place = Place("/b", ("{system}-*.bak",))
    shown = show(place, parse(text, "/b", NOW), "nas")
    assert dict(shown.jobs)["a"].finished == NOW - DAY - timedelta(hours=2)
    assert shown.problems == ("nas: the machine's clock is off by 7200 s; reckoned with",)


def test_a_folder_with_too_many_files_there_is_refused_as_one_here_is() -> None:
    text = "1764298800\n" + "".join(f"9 1764200000 /b/a-{n}.bak\n" for n in range(MOST_FILES + 1))
    assert len(parse(text.rsplit("\n", 2)[0], "/b", NOW).files) == MOST_FILES
    with pytest.raises(SshError, match="/b: found more than 50000 files, expected fewer: name a folder below"):
        parse(text, "/b", NOW)


@given(st.text(max_size=200))
def test_anything_that_a_machine_prints_is_read_or_refused(text: str) -> None:
    for said in (text, f"1764298800\n{text}", f"1764298800\n9 99999999999 /b/{text}\n"):
        try:
            listing = parse(said, "/b", NOW)
        except SshError:
            continue
        assert isinstance(listing, Listing)
        show(Place("/b", ("{system}*{date}*", "{system}*")), listing, "nas")


def test_the_command_holds_the_path_as_one_word() -> None:
    assert "test -d '/b; rm -rf x/'" in command(Place("/b; rm -rf x", ("*",), "a"))
