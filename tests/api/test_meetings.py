"""Calendars and meetings by command line, page and counts; and a round that asks a room and keeps its calls."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection, delete, func, select

from api import meetings, rounds
from api.calendars import read_calendar
from api.config import Config
from api.meetings import Kept
from api.probing import Probed, Watch
from api.workspace import Workspace
from collectors.lines import Heard, State
from collectors.transports import pinned
from inventory.periods import ZONE, Period, year_so_far
from inventory.secrets import KeyRing
from inventory.spans import Span
from inventory.store import counts_told, period_counts, registers, runs
from inventory.store import facts as facts_of
from inventory.store.period_counts import DECLARED, Counted, Origin
from inventory.store.tables import FOREVER, call, call_span, period_count, revision
from inventory.words import Call, CallHistory, Identity, InputError, Link, Network, Observation, Register, Run
from tests.api.pages_server import opened, served
from tests.api.test_cli import dophu
from tests.collectors.vc_servers import PASSWORD, RECORDINGS, USER, Codec, needs_sipp, serve_codec, sipp
from tests.inventory.sample import LEVELS, agency, facts

HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Dophu//test//EN\n"
ZONES = """BEGIN:VTIMEZONE
TZID:SE Asia Standard Time
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0700
TZOFFSETTO:+0700
END:STANDARD
END:VTIMEZONE
"""


def ics(path: Path, *events: str) -> Path:
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    path.write_text(f"{HEAD}{ZONES}{body}END:VCALENDAR\n".replace("\n", "\r\n"), encoding="utf-8")
    return path


def starts(path: Path) -> list[str]:
    return [f"{e.span.begin.astimezone(ZONE):%Y-%m-%d %H:%M}" for e in read_calendar(path).entries]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_times_of_many_zones(tmp_path: Path) -> None:
    path = ics(
        tmp_path / "a.ics",
        "UID:1\nDTSTART;TZID=Asia/Ho_Chi_Minh:20261005T080000\nDTEND;TZID=Asia/Ho_Chi_Minh:20261005T093000",
        "UID:2\nDTSTART;TZID=SE Asia Standard Time:20261005T090000\nDURATION:PT90M",
        "UID:3\nDTSTART:20261005T030000Z\nDTEND:20261005T040000Z",
        "UID:4\nDTSTART:20261005T110000\nDTEND:20261005T120000",
        # Berlin is six hours behind before its clocks change, and seven since 25 October; the meeting keeps its hour.
        "UID:5\nDTSTART;TZID=Europe/Berlin:20261019T080000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2",
    )
    assert starts(path) == [
        "2026-10-05 08:00", "2026-10-05 09:00", "2026-10-05 10:00", "2026-10-05 11:00", "2026-10-19 13:00",
        "2026-10-26 14:00",
    ]  # fmt: skip


def test_repetitions_with_what_was_moved_left_out_or_added(tmp_path: Path) -> None:
    zone = ";TZID=SE Asia Standard Time"
    path = ics(
        tmp_path / "a.ics",
        f"UID:w\nDTSTART{zone}:20261005T080000\nDTEND{zone}:20261005T090000\nRRULE:FREQ=WEEKLY;UNTIL=20261102T010000Z"
        f"\nEXDATE{zone}:20261012T080000\nRDATE{zone}:20261013T080000\nLOCATION:Phòng 1\nSUMMARY:Họp kín",
        f"UID:w\nRECURRENCE-ID{zone}:20261019T080000\nDTSTART{zone}:20261020T140000\nDURATION:PT1H\nLOCATION:Phòng 2",
        f"UID:x\nDTSTART{zone}:20261006T080000\nDURATION:PT1H\nSTATUS:CANCELLED",
        "UID:y\nDTSTART;VALUE=DATE:20261006",
    )
    read = read_calendar(path)
    assert sorted(starts(path)) == [
        "2026-10-05 08:00", "2026-10-13 08:00", "2026-10-20 14:00", "2026-10-26 08:00", "2026-11-02 08:00",
    ]  # fmt: skip
    assert read.left_out == 2
    assert {entry.room for entry in read.entries} == {"Phòng 1", "Phòng 2"}
    assert "Họp kín" not in repr(read)


def test_what_is_to_be_held_online(tmp_path: Path) -> None:
    when = "\nDTSTART:20261005T080000\nDURATION:PT1H"
    path = ics(
        tmp_path / "a.ics",
        f"UID:1{when}\nX-DOPHU-ONLINE:có",
        f"UID:2{when}\nCATEGORIES:Ban chỉ đạo,Họp trực tuyến",
        f"UID:3{when}\nCONFERENCE;VALUE=URI:https://hop.tinh.example/1",
        f"UID:4{when}\nCATEGORIES:Trực tiếp",
        f"UID:5{when}",
    )
    assert [entry.online for entry in read_calendar(path).entries] == [True, True, True, False, None]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("UID:1\nDTSTART:20261005T080000\nDTEND:20261005T070000", "expected an end after the begin"),
        ("UID:1\nDTSTART:20261005T080000\nDTEND:20271005T070000", "at most 7 days later"),
        ("UID:1\nDTSTART:20261005T080000", "neither DTEND with a time nor DURATION"),
        ("UID:1\nDTEND:20261005T080000", "no DTSTART"),
        ("DTSTART:20261005T080000\nDURATION:PT1H", "no UID"),
        ("UID:1\nDTSTART:20261005T250000\nDURATION:PT1H", "expected"),
        ("UID:1\nDTSTART:09991005T080000\nDURATION:PT1H", "the year 999"),
        ("UID:1\nDTSTART:20261005T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY", "a repetition without end"),
        ("UID:1\nDTSTART:20261005T080000\nDURATION:PT1H\nRRULE:FREQ=SECONDLY;COUNT=5", "found SECONDLY"),
        ("UID:1\nDTSTART:20261005T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=29991231T000000Z", "at most ten years"),
        ("UID:1\nDTSTART:20261005T080000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=99999999", "more than 20,000"),
    ],
)
def test_an_event_that_is_not_understood_is_refused(tmp_path: Path, event: str, why: str) -> None:
    good = "UID:0\nDTSTART:20261005T080000\nDURATION:PT1H"
    with pytest.raises(InputError, match=why) as error:
        read_calendar(ics(tmp_path / "lich.ics", good, event))
    assert "lich.ics" in str(error.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no header|no iCalendar|no meeting"),
        (b"\xff\xfe\0x", "found"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no meeting"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "found"),
        (b"not a calendar", "no iCalendar|no meeting"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "lich.ics"
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_calendar(path)


def test_csv_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "lich.csv"
    path.write_text(
        "\ufeffBắt đầu;Kết thúc;Phòng họp;Mã cơ quan;Trực tuyến\n05/10/2026 8h00;05/10/2026 10:30;Phòng 1;A;có\n"
        "2026-10-05T03:00:00Z;2026-10-05T04:00:00Z;Phòng 2;;\n",
        encoding="utf-8",
    )
    read = read_calendar(path)
    assert starts(path) == ["2026-10-05 08:00", "2026-10-05 10:00"]
    assert [(e.agency, e.room, e.online) for e in read.entries] == [("A", "Phòng 1", True), ("", "Phòng 2", None)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("start,end\n", "no header"),
        ("start,end,room,subject\n2026-10-05 08:00,2026-10-05 09:00,1,Họp kín\n", "row 1: found the column 'subject'"),
        ("start,end,room\n5 tháng 10,2026-10-05 09:00,1\n", "row 2, start: found '5 tháng 10', expected a time"),
        ("start,end,room\n2026-02-30 08:00,2026-10-05 09:00,1\n", "row 2, start: .*a time that there is"),
        ("start,end,room\n2026-10-05 08:00,2026-10-05 08:00,1\n", "row 2: found a meeting"),
        ("start,end,room\n2026-10-05 08:00,2026-10-05 09:00,\n", "row 2: found neither a room nor an agency"),
        ("start,end,room,online\n2026-10-05 08:00,2026-10-05 09:00,1,perhaps\n", "row 2, online: found 'perhaps'"),
    ],
)
def test_a_csv_that_is_not_understood_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "lich.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why):
        read_calendar(path)


# --- the whole path ---------------------------------------------------------------------------------------------------

ROOM_AT = "127.77.1.5"


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    (tmp_path / "data").mkdir()
    async with opened(tmp_path / "data") as store:
        workspace = Workspace(Config(data=tmp_path / "data"), store)
        KeyRing.create(workspace.config.keys)
        network = Network("net-a", "A", ip_network("127.77.1.0/24"), "lan", True, ("room",))
        await store.write(registers.replace, Register(LEVELS, (agency("A"), agency("B")), (network,)))
        yield workspace


def last_month() -> Period:
    return year_so_far(datetime.now(UTC))[-1]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    first = last_month().first
    return datetime(first.year, first.month, day, hour, minute, tzinfo=ZONE)


async def tell_calls(workspace: Workspace, *begun: datetime, since: datetime | None = None) -> None:
    """A room in agency A whose history was read after the month had ended."""
    now = datetime.now(UTC)
    said = facts("vc", now, role="vc_endpoint", sysname="Phòng họp 1", answering=True, registered=True, vendor="Cisco",
                 model="Room Kit", version="9.15.3.25", sip_answering=True, call_history_read=now, calls=1)  # fmt: skip
    calls = tuple(Call(b, b + timedelta(minutes=50), "incoming", "tinh.example", "sip") for b in begun)
    history = CallHistory(since or at(1, 0) - timedelta(days=2), calls)
    identity = Identity(frozenset({("serial", "FOC2145P0XY")}), ROOM_AT, "net-a", "A")
    run = Run("vc", "net-a", now, now, (Observation(said, asset=identity, history=history),), True, None, "A")
    await workspace.store.write(runs.record, workspace.vocabulary, run, now)


def calendar_of(path: Path) -> Path:
    """Three meetings of last month: one with a call, one without, one that could not be held online."""
    rows = [(at(5, 8), at(5, 9), "Phòng họp 1", ""), (at(6, 14), at(6, 15), "Phòng họp 1", ""),
            (at(7, 8), at(7, 9), "Phòng họp 1", "không")]  # fmt: skip
    lines = [f"{b:%Y-%m-%d %H:%M},{e:%Y-%m-%d %H:%M},{room},{online}" for b, e, room, online in rows]
    path.write_text("\n".join(["start,end,room,online", *lines]), encoding="utf-8")
    return path


async def counts(workspace: Workspace) -> list[tuple[str, int, bool]]:
    rows, _ = await workspace.store.read(period_counts.listed, agency="A")
    return sorted((row["key"], row["value"], row["measured"]) for row in rows)


async def test_a_calendar_and_the_calls_make_the_counts_of_a_month(workspace: Workspace, tmp_path: Path) -> None:
    await tell_calls(workspace, at(5, 8, 5), at(20, 10))
    path = calendar_of(tmp_path / "lich.csv")
    dry = dophu(tmp_path, "import", "calendar", str(path), "--dry-run", "-l", "en")
    assert "would store 3 meetings (3 new, 0 changed, 0 no longer in it)" in dry.stderr
    assert await counts(workspace) == []
    # What a person declared of the same month stays beside what is measured.
    paper = Origin(DECLARED, "7/BC", "Nguyễn Văn Ân", date(2026, 1, 5))
    told = [Counted("row 1", "A", key, last_month().text, n, paper)
            for key, n in (("meetings", 9), ("meetings_online", 9))]  # fmt: skip
    args = (counts_told.take_in, workspace.vocabulary, workspace.goals, told, datetime.now(UTC))
    await workspace.store.write(*args)
    done = json.loads(dophu(tmp_path, "import", "calendar", str(path), "-o", "json").stdout)
    assert (done["calendar"], done["meetings"], done["new"], done["counts"]) == ("lich", 3, 3, 2)
    assert done["unknown_rooms"] == []
    both = [("meetings", 2, True), ("meetings", 9, False), ("meetings_online", 1, True), ("meetings_online", 9, False)]
    assert await counts(workspace) == both
    again = json.loads(dophu(tmp_path, "import", "calendar", str(path), "-o", "json").stdout)
    assert (again["new"], again["changed"], again["removed"], again["counts"]) == (0, 0, 0, 0)
    assert await counts(workspace) == both

    found = json.loads(dophu(tmp_path, "meetings", "--period", last_month().text, "-o", "json").stdout)
    (one,) = found["agencies"]
    assert (one["agency"], one["meetings"], one["online"], one["share_online"]) == ("A", 2, 1, 0.5)
    (room,) = one["rooms"]
    assert (room["room"], room["meetings_without_call"], room["calls"], room["minutes"]) == ("Phòng họp 1", 1, 2, 100)
    assert (room["calls_without_meeting"], room["history_whole"], found["ended"]) == (1, True, True)
    table = dophu(tmp_path, "meetings", "--period", last_month().text, "-l", "vi").stdout
    assert "Phòng họp 1" in table and "Gọi ngoài lịch họp" in table
    assert dophu(tmp_path, "meetings", "--period", "tháng 10").returncode == 2

    snapshot = await rounds.judge(workspace)
    (tally,) = snapshot.video
    assert (tally.agency, tally.calls, tally.meetings, tally.online) == ("A", 1, 2, 1)


async def test_a_month_of_which_not_all_is_known_is_not_counted(workspace: Workspace, tmp_path: Path) -> None:
    await tell_calls(workspace, at(5, 8, 5), since=at(5, 7))
    done = json.loads(dophu(tmp_path, "import", "calendar", str(calendar_of(tmp_path / "a.csv")), "-o", "json").stdout)
    assert done["counts"] == 2  # both meetings are after the begin of what is known
    await tell_calls(workspace, at(5, 8, 5), since=at(20, 7))
    early = tmp_path / "b.csv"
    early.write_text(f"start,end,agency\n{at(2, 8):%Y-%m-%d %H:%M},{at(2, 9):%Y-%m-%d %H:%M},A\n", encoding="utf-8")
    told = dophu(tmp_path, "import", "calendar", str(early), "-o", "json")
    assert (json.loads(told.stdout)["counts"], json.loads(told.stdout)["withdrawn"]) == (0, 2)
    assert await counts(workspace) == []
    shown = dophu(tmp_path, "meetings", "--period", last_month().text, "-l", "en")
    assert "it is not known whether they were held online" in shown.stderr


async def test_what_a_mended_calendar_no_longer_says_is_withdrawn_and_stays_provable(
    workspace: Workspace, tmp_path: Path
) -> None:
    def changes(connection: Connection) -> int:
        return connection.scalar(select(func.max(revision.c.number))) or 0

    def rows(connection: Connection) -> list[tuple[str, int, bool]]:
        c = period_count.c
        query = select(c.key, c.value, c.replaced).order_by(c.id)
        return [(key, value, replaced == FOREVER) for key, value, replaced in connection.execute(query)]

    await tell_calls(workspace, at(5, 8, 5))
    event = f"UID:1\nDTSTART:{at(5, 8):%Y%m%dT%H%M%S}\nDURATION:PT1H\nLOCATION:Phòng họp 1"
    await meetings.import_calendar(workspace, ics(tmp_path / "lich.ics", event))
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept(2, 0)
    # Calls that are no longer known say nothing new of a month that was measured.
    for table in (call, call_span):
        await workspace.store.write(lambda connection, table=table: connection.execute(delete(table)))
    (told,) = await meetings.read_meetings(workspace, [last_month()], datetime.now(UTC))
    assert [one.unknown for one in told.agencies] == [1]
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept()
    assert await counts(workspace) == [("meetings", 1, True), ("meetings_online", 1, True)]
    before = await workspace.store.read(changes)
    await meetings.import_calendar(workspace, ics(tmp_path / "lich.ics", f"{event}\nSTATUS:CANCELLED"))
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept(0, 2)
    assert await counts(workspace) == []
    assert await workspace.store.read(rows) == [("meetings", 1, False), ("meetings_online", 1, False)]
    assert await workspace.store.read(changes) > before  # what was closed of the month is judged again
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept()

    # Moved to where no call is known of: as many meetings as before, and of one nobody knows.
    await tell_calls(workspace, at(5, 8, 5), since=at(5, 7))
    await meetings.import_calendar(workspace, ics(tmp_path / "lich.ics", event))
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept(2, 0)
    await workspace.store.write(lambda connection: connection.execute(delete(call_span)))
    await tell_calls(workspace, since=at(5, 7))
    moved = event.replace(f"{at(5, 8):%Y%m%d}", f"{at(2, 8):%Y%m%d}")
    await meetings.import_calendar(workspace, ics(tmp_path / "lich.ics", moved))
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept(0, 2)


async def test_a_meeting_of_an_agency_that_was_no_more_keeps_nothing_else_from_being_counted(
    workspace: Workspace, tmp_path: Path
) -> None:
    ended = replace(agency("B"), valid_to=last_month().first - timedelta(days=1))
    network = Network("net-a", "A", ip_network("127.77.1.0/24"), "lan", True, ("room",))
    await workspace.store.write(registers.replace, Register(LEVELS, (agency("A"), ended), (network,)))
    await tell_calls(workspace, at(5, 8, 5))
    path = tmp_path / "lich.csv"
    day = f"{at(5, 8):%Y-%m-%d}"
    path.write_text(f"start,end,agency\n{day} 08:00,{day} 09:00,A\n{day} 08:00,{day} 09:00,B\n", encoding="utf-8")
    await meetings.import_calendar(workspace, path)
    assert await meetings.record_months(workspace, datetime.now(UTC)) == Kept(2, 0)


async def test_what_was_cancelled_or_moved_at_the_edges_of_a_file_is_gone(workspace: Workspace, tmp_path: Path) -> None:
    def event(uid: str, begin: datetime, *more: str) -> str:
        return "\n".join([f"UID:{uid}", f"DTSTART:{begin:%Y%m%dT%H%M%S}", "DURATION:PT1H", *more])

    async def imported(*events: str) -> tuple[int, list[str]]:
        path = ics(tmp_path / "lich.ics", *events)
        done = await meetings.import_calendar(workspace, path, agency="A")
        stand = await workspace.store.read(meetings.calls.meetings, Span(at(1, 0), at(28, 0)))
        return done["removed"], [f"{one.span.begin.astimezone(ZONE):%d %H}" for one in stand]

    weekly = event("w", at(5, 8), "RRULE:FREQ=WEEKLY;COUNT=3")
    assert await imported(weekly, event("x", at(2, 9)), event("y", at(27, 9))) == (
        0, ["02 09", "05 08", "12 08", "19 08", "27 09"],
    )  # fmt: skip
    # The first is cancelled, the last is moved to between the others, and one week is left out at the end.
    cancelled, moved = event("x", at(2, 9), "STATUS:CANCELLED"), event("y", at(7, 9))
    shorter = f"{weekly}\nEXDATE:{at(19, 8):%Y%m%dT%H%M%S}"
    assert await imported(cancelled, shorter, moved) == (3, ["05 08", "07 09", "12 08"])
    # A file may hold nothing but what is over: one week of a series, and a meeting.
    week = event("w", at(12, 8), f"RECURRENCE-ID:{at(12, 8):%Y%m%dT%H%M%S}", "STATUS:CANCELLED")
    assert await imported(week, event("y", at(7, 9), "STATUS:CANCELLED")) == (2, ["05 08"])
    # Weeks that are told as events of their own are those of some days: the others stand.
    assert await imported(*(event("w", at(day, 8)) for day in (19, 26))) == (0, ["05 08", "19 08", "26 08"])


async def test_a_meeting_of_nobody_that_is_known_is_refused_whole(workspace: Workspace, tmp_path: Path) -> None:
    path = ics(
        tmp_path / "lich.ics",
        "UID:1\nDTSTART:20261005T080000\nDURATION:PT1H\nLOCATION:Phòng họp 9",
        "UID:2\nDTSTART:20261005T080000\nDURATION:PT1H\nX-DOPHU-AGENCY:Aa",
    )
    refused = dophu(tmp_path, "import", "calendar", str(path))
    assert refused.returncode == 2
    assert "lich.ics, sự kiện 1, room: gặp 'Phòng họp 9', cần tên" in refused.stderr
    assert "lich.ics, sự kiện 2, agency: gặp 'Aa', cần mã của một cơ quan" in refused.stderr
    assert dophu(tmp_path, "import", "calendar", str(path), "--agency", "Z").returncode == 2
    one = ics(tmp_path / "mot.ics", "UID:1\nDTSTART:20261005T080000\nDURATION:PT1H\nLOCATION:Phòng họp 9")
    done = dophu(tmp_path, "import", "calendar", str(one), "--agency", "B", "-l", "en")
    assert done.returncode == 0
    assert "B/mot: stored 1 meetings" in done.stderr
    assert "1 rooms are no known device" in done.stderr and "Phòng họp 9" in done.stderr


async def test_the_page_in_both_languages(workspace: Workspace, tmp_path: Path) -> None:
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address, timeout=30) as client:
        empty = (await client.get("/video", params={"lang": "en"})).text
        assert "No video-conference device was found yet." in empty
        await tell_calls(workspace, at(5, 8, 5), datetime.now(UTC) - timedelta(hours=1))
        await meetings.import_calendar(workspace, calendar_of(tmp_path / "lich.csv"))
        await rounds.judge(workspace)
    async with served(workspace) as address, httpx2.AsyncClient(base_url=address, timeout=30) as client:
        page = (await client.get("/video", params={"lang": "vi"})).text
        assert 'data-state="up"' in page and "Cisco Room Kit" in page and "9.15.3.25" in page
        row = page.split(f'data-month="{last_month().text}"')[1].split("</tr>")[0]
        assert "50" in row
        assert 'data-room="' in (await client.get("/video", params={"agency": "A", "lang": "en"})).text
        other = (await client.get("/video", params={"agency": "B"})).text
        assert 'data-room="' not in other
        then = (await client.get("/video", params={"as_of": "2020-01-01"})).text
        assert 'data-room="' not in then
        metrics = (await client.get("/metrics")).text
    assert 'dophu_vc_devices_up{agency="A",role="vc_endpoint"} 1.0' in metrics
    assert 'dophu_vc_calls{agency="A"} 1.0' in metrics


@needs_sipp
async def test_a_round_asks_the_rooms_and_keeps_their_calls(workspace: Workspace, tmp_path: Path) -> None:
    """What SNMP said of an address and what SIP and the codec's API say of it is one asset."""
    now = datetime.now(UTC)
    identity = Identity(frozenset(), ROOM_AT, "net-a", "A")
    seen = facts("snmp", now, role="vc_endpoint", model="TelePresence SX20", vendor="Cisco", answering=True)
    other = Identity(frozenset(), "127.77.1.6", "net-a", "A")
    printer = facts("nmap", now, role="printer", answering=True)
    found = (Observation(seen, asset=identity), Observation(printer, asset=other))
    await workspace.store.write(runs.record, workspace.vocabulary, Run("snmp", "x", now, now, found, True), now)
    codec = Codec(
        {"GET /status.xml": (RECORDINGS / "room_kit.status.xml").read_bytes(),
         "POST /putxml": (RECORDINGS / "room_kit.history.xml").read_bytes()}, basic=True,
    )  # fmt: skip
    with serve_codec(tmp_path, codec, ROOM_AT), sipp("udp", ROOM_AT, 5060):
        shown, _ = await pinned.certificate(ROOM_AT, codec.port)
        secret = {"user": USER, "password": PASSWORD, "port": str(codec.port)}
        await workspace.add_credential("room", "xapi", secret)
        await workspace.pin("room", f"{ROOM_AT}:{codec.port}", shown)
        for _ in range(2):
            (done,) = await rounds.collect(workspace, only=["vc"])
            assert (done.targets, done.complete, done.failed) == (1, 1, [])
    (silent,) = await rounds.collect(workspace, only=["vc"])
    assert silent.targets == 1 and "No route" not in str(silent.failed)
    rows = json.loads(dophu(tmp_path, "asset", "list", "--role", "vc_endpoint", "-o", "json").stdout)
    assert [(r["address"], r["serial"], r["version"]) for r in rows] == [(ROOM_AT, "FOC2145P0XY", "9.15.3.25")]
    shown_asset = json.loads(dophu(tmp_path, "asset", "show", str(rows[0]["id"]), "-o", "json").stdout)
    assert shown_asset["facts"]["sip_answering"]["value"] is False
    period = json.loads(dophu(tmp_path, "meetings", "--period", "2026-10", "-o", "json").stdout)
    (one,) = period["agencies"]
    assert (one["rooms"][0]["calls"], one["rooms"][0]["minutes"]) == (2, 128.8)


async def test_behind_a_line_that_does_not_answer_the_silence_of_a_room_says_nothing(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    said = facts("vc", now, role="vc_endpoint", answering=True, sip_answering=True, h323_answering=True)
    seen = Observation(said, asset=Identity(frozenset(), ROOM_AT, "net-a", "A"))
    await workspace.store.write(runs.record, workspace.vocabulary, Run("vc", "x", now, now, (seen,), True), now)

    async def said_of_it() -> set[str]:
        (root,) = {root for root, _, _ in await workspace.store.read(runs.addresses)}
        known = await workspace.store.read(facts_of.read, workspace.vocabulary, "asset", [root], datetime.now(UTC))
        return {f"{f.key}={f.value}" for f in known[root] if f.key.endswith("answering")}

    up = {"answering=True", "sip_answering=True", "h323_answering=True"}
    line = Link("line", "A", "mtslcd", "198.18.0.2")
    for state, expected in (("down", up), (None, up), ("up", {"answering=True"} | {
        "sip_answering=False", "h323_answering=False"})):  # fmt: skip
        heard = {"line": State(state, "via x" if state is None else "silent")}
        watch = Watch(probed=Probed(now, now, time.monotonic(), {"line": line}, heard, Heard({})))
        workspace.lines[:] = [watch]
        (done,) = await rounds.collect(workspace, only=["vc"])
        assert done.targets == 1
        assert await said_of_it() == expected, state
