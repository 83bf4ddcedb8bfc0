"""Reads calendars of meetings (iCalendar and CSV): when, whose, in which room, online or not; no titles, no names.

iCalendar is RFC 5545. Times without a zone ("floating") and days are Vietnam's; other zones are those of the IANA
database, by the names that Windows gives them too. Repetitions must end, by UNTIL or COUNT.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from inventory.meetings import Meeting
from inventory.periods import ZONE
from inventory.refusing import all_of, amiss, cannot, meant, row_of, within
from inventory.register.tables import Cell, Row, Unreadable, read_csv
from inventory.spans import Span
from inventory.text import fold, nfc, storable
from inventory.words import InputError, Title

LARGEST = 20 << 20
"""Bytes of a file."""
MOST = 20_000
"""Meetings of a file, each repetition counted."""
LONGEST_MEETING = timedelta(days=7)
LONGEST_ROOM = 120
_SHOWN = 20
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "begin": ("start", "begin", "bat dau", "thoi gian bat dau", "start time"),
    "end": ("end", "ket thuc", "thoi gian ket thuc", "end time"),
    "agency": ("agency", "ma co quan", "ma don vi", "agency code"),
    "room": ("room", "phong", "phong hop", "dia diem", "location"),
    "online": ("online", "truc tuyen", "hop truc tuyen"),
    "uid": ("uid", "ma cuoc hop", "id"),
}
_YES, _NO = ("yes", "co", "x", "true", "1", "truc tuyen", "online"), ("no", "khong", "false", "0", "truc tiep")
_TIME = re.compile(
    r"(?:(\d{4})-(\d\d)-(\d\d)|(\d{1,2})/(\d{1,2})/(\d{4}))[ T]+(\d{1,2})[:h](\d\d)(?::(\d\d))?(Z|[+-]\d\d:?\d\d)?"
)
_TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_CATEGORIES = {"online": True, "truc tuyen": True, "hop truc tuyen": True, "truc tiep": False, "hop truc tiep": False}
"""Categories that say whether a meeting is to be held online, folded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A meeting as the file has it: its agency may still have to be found by its room."""

    place: Title
    """Where it stands, such as "lich.ics, event 3"."""
    uid: str
    """A hash of what the calendar calls it."""
    span: Span
    agency: str
    room: str
    online: bool | None

    def of(self, agency: str) -> Meeting:
        """The meeting, as one of this agency."""
        return Meeting(self.span, agency, self.room, self.online)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a file tells."""

    entries: tuple[Entry, ...]
    left_out: int = 0
    """Events that are no meetings: cancelled, or of whole days."""
    wholes: frozenset[str] = frozenset()
    """The ids of which all that the calendar has stands here, be it nothing: what it said else of them is over."""
    gone: frozenset[tuple[str, datetime]] = frozenset()
    """Ids, and the times at which one repetition was to begin that was moved or cancelled."""

    @property
    def days(self) -> Span | None:
        """From the begin of the first day with a meeting to the end of the last; None where all were cancelled."""
        if not self.entries:
            return None
        first = min(entry.span.begin for entry in self.entries).astimezone(ZONE).date()
        last = max(entry.span.begin for entry in self.entries).astimezone(ZONE).date()
        begin = datetime.combine(first, time(), ZONE)
        return Span(begin, datetime.combine(last + timedelta(days=1), time(), ZONE) - timedelta(milliseconds=1))


def read_calendar(path: Path) -> Calendar:
    """The meetings of a file; a name that ends in .ics is iCalendar, any other CSV.

    Raises:
        InputError: it cannot be read, holds no meeting, or one that is not understood; every problem is named.
    """
    problems: list[Title] = []
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(
                Title(
                    f"{path.name}: gặp hơn {LARGEST >> 20} MB, cần ít hơn",
                    f"{path.name}: found more than {LARGEST >> 20} MB, expected less",
                )
            )
        read = _read_ics if path.suffix.lower() in (".ics", ".ical", ".ifb") else _read_csv
        found = read(path, problems)
    except OSError as error:
        raise cannot(path.name, error) from None
    if problems:
        raise InputError(all_of(problems, _SHOWN))
    if not found.entries and not found.wholes and not found.gone:
        raise InputError(
            Title(
                f"{path.name}: không có cuộc họp nào, cần ít nhất một",
                f"{path.name}: found no meeting, expected at least one",
            )
        )
    return found


def _entry(
    place: Title, uid: str, begin: datetime, end: datetime, agency: str, room: str, online: bool | None
) -> Entry:
    if not timedelta() < end - begin <= LONGEST_MEETING:
        first, last, days = f"{begin:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}", LONGEST_MEETING.days
        raise InputError(
            amiss(
                place,
                Title(f"cuộc họp từ {first} đến {last}", f"a meeting from {first} to {last}"),
                Title(
                    f"kết thúc sau khi bắt đầu, nhiều nhất {days} ngày",
                    f"an end after the begin, at most {days} days later",
                ),
            )
        )
    if not 2000 <= begin.year <= 2100:
        raise InputError(
            Title(
                f"{place.vi}: gặp năm {begin.year}, cần từ 2000 đến 2100",
                f"{place.en}: found the year {begin.year}, expected one from 2000 to 2100",
            )
        )
    plain = "".join(c if c.isprintable() else " " for c in nfc(storable(room)))[:LONGEST_ROOM]
    return Entry(place, _hash(uid), Span(begin, end), agency.strip(), plain, online)


def _hash(uid: str) -> str:
    return hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- CSV --------------------------------------------------------------------------------------------------------------


def _read_csv(path: Path, problems: list[Title]) -> Calendar:
    try:
        table = read_csv(path, path.stem)
    except Unreadable as error:
        raise InputError(
            Title(
                f"{path.name}: gặp {error.found.vi}, cần {error.expected.vi}",
                f"{path.name}: found {error.found.en}, expected {error.expected.en}",
            )
        ) from None
    rows = list(table.rows)
    columns = _columns(rows[0].cells) if rows else {}
    if not {"begin", "end"} <= set(columns.values()) or not {"room", "agency"} & set(columns.values()):
        raise InputError(
            Title(
                f"{path.name}: không có dòng tiêu đề, cần start, end, room hoặc agency, và nếu biết thì online, uid",
                f"{path.name}: found no header, expected start, end, room or agency, and if known online, uid",
            )
        )
    unknown = [str(cell.value) for at, cell in enumerate(rows[0].cells) if not cell.empty and at not in columns]
    if unknown:
        # A title or the names of who takes part are not to be read, and not even to lie beside what is.
        near = meant(fold(unknown[0]), [name for names in _COLUMNS.values() for name in names])
        raise InputError(
            Title(
                f"{path.name}, dòng {rows[0].number}: gặp cột {unknown[0][:60]!r}, chỉ nhận "
                f"{', '.join(_COLUMNS)}{near.vi}",
                f"{path.name}, row {rows[0].number}: found the column {unknown[0][:60]!r}, expected only "
                f"{', '.join(_COLUMNS)}{near.en}",
            )
        )
    entries = []
    for row in rows[1 : MOST + 1]:
        try:
            entries.append(_read_row(row, columns, row_of(path.name, row.number)))
        except InputError as error:
            problems.append(error.told)
    if len(rows) > MOST + 1:
        problems.append(
            Title(
                f"{path.name}: gặp hơn {MOST:,} dòng, cần ít hơn",
                f"{path.name}: found more than {MOST:,} rows, expected fewer",
            )
        )
    return Calendar(tuple(entries))


def _columns(cells: Iterable[Cell]) -> dict[int, str]:
    names = {text: field for field, texts in _COLUMNS.items() for text in texts}
    folded = {at: fold(str(cell.value or "")).replace("*", "").strip() for at, cell in enumerate(cells)}
    return {at: names[text] for at, text in folded.items() if text in names}


def _read_row(row: Row, columns: Mapping[int, str], place: Title) -> Entry:
    cells = {field: str(row.cells[at].value or "").strip() for at, field in columns.items() if at < len(row.cells)}
    begin, end = (_read_time(cells.get(field, ""), within(place, name)) for field, name in _TIMES)
    said = fold(cells.get("online", ""))
    if said and said not in (*_YES, *_NO):
        raise InputError(
            Title(
                f"{place.vi}, online: gặp {said[:40]!r}, cần yes (có), no (không), hoặc để trống",
                f"{place.en}, online: found {said[:40]!r}, expected yes (có), no (không), or nothing",
            )
        )
    online = said in _YES if said else None
    agency, room = cells.get("agency", ""), cells.get("room", "")
    if not agency and not room:
        raise InputError(
            Title(
                f"{place.vi}: không có phòng cũng không có cơ quan, cần một trong hai",
                f"{place.en}: found neither a room nor an agency, expected one of them",
            )
        )
    # Without an id of its own a row is what it says: of two alike one is a repetition.
    uid = cells.get("uid") or f"{agency}|{room}|{end.isoformat()}"
    return _entry(place, uid, begin, end, agency, room, online)


_TIMES = (("begin", "start"), ("end", "end"))


def _read_time(text: str, place: Title) -> datetime:
    """A time in Vietnam, or with its offset: 2026-10-05 08:00, 05/10/2026 8h00, 2026-10-05T08:00:00+07:00."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise InputError(
            Title(
                f"{place.vi}: gặp {text[:60]!r}, cần thời gian như 2026-10-05 08:00 hoặc 05/10/2026 8h00",
                f"{place.en}: found {text[:60]!r}, expected a time such as 2026-10-05 08:00 or 05/10/2026 8h00",
            )
        )
    year, month, day = (int(part) for part in (found.group(1, 2, 3) if found[1] else found.group(6, 5, 4)))
    try:
        zone = datetime.fromisoformat(f"2000-01-01T00:00:00{found[10]}").tzinfo if found[10] else ZONE
        return datetime(year, month, day, int(found[7]), int(found[8]), int(found[9] or 0), tzinfo=zone)
    except ValueError as error:
        raise InputError(
            Title(
                f"{place.vi}: gặp {text[:60]!r}, cần thời gian có thật ({error})",
                f"{place.en}: found {text[:60]!r}, expected a time that there is ({error})",
            )
        ) from None


# --- iCalendar --------------------------------------------------------------------------------------------------------


def _read_ics(path: Path, problems: list[Title]) -> Calendar:
    import icalendar  # costs 0.1 s to import

    try:
        calendars = icalendar.Calendar.from_ical(path.read_bytes(), multiple=True)
    except (ValueError, IndexError, KeyError, AttributeError) as error:
        raise InputError(
            Title(
                f"{path.name}: không phải iCalendar ({str(error)[:120]}), cần theo RFC 5545",
                f"{path.name}: found no iCalendar ({str(error)[:120]}), expected RFC 5545",
            )
        ) from None
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    # One repetition that was moved or cancelled stands as an event of its own, under the time that it had.
    moved = {(str(event.get("UID", "")), _instant_of(event, "RECURRENCE-ID"))
             for event in events if event.get("RECURRENCE-ID") is not None}  # fmt: skip
    entries: list[Entry] = []
    left_out = 0
    for number, event in enumerate(events, 1):
        place = Title(f"{path.name}, sự kiện {number}", f"{path.name}, event {number}")
        try:
            found = list(_read_event(event, place, moved))
        except InputError as error:
            problems.append(error.told)
            continue
        left_out += not found
        entries += found
        if len(entries) > MOST:
            raise InputError(
                Title(
                    f"{path.name}: gặp hơn {MOST:,} cuộc họp, cần ít hơn",
                    f"{path.name}: found more than {MOST:,} meetings, expected fewer",
                )
            )
    # Programs that write each repetition as an event of its own write those of some days, and not the whole.
    alone = Counter(str(event.get("UID", "")) for event in events if event.get("RECURRENCE-ID") is None)
    return Calendar(
        tuple(entries),
        left_out,
        frozenset(_hash(uid) for uid, times in alone.items() if times == 1),
        frozenset((_hash(uid), at) for uid, at in moved if at is not None),
    )


def _read_event(event: Any, place: Title, moved: set[tuple[str, datetime | None]]) -> Iterator[Entry]:
    """The meetings of one event: none where it is cancelled or of whole days."""
    errors = getattr(event, "errors", None)
    if errors:
        name, why = errors[0]
        raise InputError(
            Title(
                f"{place.vi}, {name}: không đọc được ({str(why)[:100]}), cần theo RFC 5545",
                f"{place.en}, {name}: found what cannot be read ({str(why)[:100]}), expected RFC 5545",
            )
        )
    uid = str(event.get("UID", ""))
    start = _value(event, "DTSTART", place)
    if start is None or not uid:
        raise InputError(
            Title(
                f"{place.vi}: không có {'UID' if start is not None else 'DTSTART'}, cần có",
                f"{place.en}: found no {'UID' if start is not None else 'DTSTART'}, expected one",
            )
        )
    if fold(str(event.get("STATUS", ""))) == "cancelled" or not isinstance(start, datetime):
        return
    length = _length(event, start, place)
    own = event.get("RECURRENCE-ID") is not None
    agency, room = str(event.get("X-DOPHU-AGENCY", "")), str(event.get("LOCATION", ""))
    for begin in [start] if own else _repetitions(event, start, place):
        begin_at = _zoned(begin)
        if own or (uid, begin_at) not in moved:
            # Time of day counts in the meeting's own zone, so that it keeps its hour over a change of the clocks.
            yield _entry(place, uid, begin_at, begin_at + length, agency, room, _wanted(event))


def _value(event: Any, name: str, place: Title) -> date | datetime | None:
    try:
        value = event.get(name)
        return None if value is None else value.dt
    except (AttributeError, ValueError):
        raise InputError(
            Title(
                f"{place.vi}, {name}: gặp giá trị không phải thời gian, cần thời gian",
                f"{place.en}, {name}: found what is no time, expected one",
            )
        ) from None


def _instant_of(event: Any, name: str) -> datetime | None:
    value = getattr(event.get(name), "dt", None)
    return _zoned(value) if isinstance(value, datetime) else None


def _zoned(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=ZONE)


def _length(event: Any, start: datetime, place: Title) -> timedelta:
    end, duration = _value(event, "DTEND", place), _value(event, "DURATION", place)
    if isinstance(duration, timedelta):
        return duration
    if isinstance(end, datetime):
        return _zoned(end) - _zoned(start)
    raise InputError(
        Title(
            f"{place.vi}: không có DTEND kèm giờ cũng không có DURATION, cần một trong hai",
            f"{place.en}: found neither DTEND with a time nor DURATION, expected one of them",
        )
    )


def _wanted(event: Any) -> bool | None:
    """Whether it is to be held online: X-DOPHU-ONLINE, a category that says so, or a CONFERENCE (RFC 7986)."""
    said = fold(str(event.get("X-DOPHU-ONLINE", "")))
    if said in _YES or said in _NO:
        return said in _YES
    listed = event.get("CATEGORIES")
    groups = listed if isinstance(listed, list) else [listed] if listed is not None else []
    for word in (fold(str(name)) for group in groups for name in getattr(group, "cats", [])):
        if word in _CATEGORIES:
            return _CATEGORIES[word]
    return True if event.get("CONFERENCE") is not None else None


def _repetitions(event: Any, start: datetime, place: Title) -> list[datetime]:
    """The times at which an event begins, in its own zone."""
    rule = event.get("RRULE")
    if isinstance(rule, list):
        raise InputError(
            Title(
                f"{place.vi}, RRULE: gặp {len(rule)} lần, cần một",
                f"{place.en}, RRULE: found {len(rule)} of them, expected one",
            )
        )
    extra = [dt for dt in _dates(event, "RDATE") if isinstance(dt, datetime)]
    if rule is None:
        return sorted({start, *extra})
    from dateutil.rrule import rrulestr

    frequency = str((rule.get("FREQ") or [""])[0]).upper()
    if frequency in _TOO_OFTEN:
        raise InputError(
            Title(
                f"{place.vi}, RRULE: gặp {frequency}, cần DAILY, WEEKLY, MONTHLY hoặc YEARLY",
                f"{place.en}, RRULE: found {frequency}, expected DAILY, WEEKLY, MONTHLY or YEARLY",
            )
        )
    if not rule.get("UNTIL") and not rule.get("COUNT"):
        raise InputError(
            Title(
                f"{place.vi}, RRULE: lặp lại không có điểm cuối, cần có UNTIL hoặc COUNT",
                f"{place.en}, RRULE: found a repetition without end, expected one with UNTIL or COUNT",
            )
        )
    until = (rule.get("UNTIL") or [None])[0]
    text = rule.to_ical().decode()
    naive = start.replace(tzinfo=None)
    if until is not None:
        # Compared as clocks show it in the event's zone: dateutil wants both ends with a zone, or neither.
        last = until if isinstance(until, datetime) else datetime.combine(until, time(23, 59, 59))
        last = last.astimezone(start.tzinfo or ZONE).replace(tzinfo=None) if last.tzinfo else last
        text = re.sub(r"UNTIL=[^;]*", f"UNTIL={last:%Y%m%dT%H%M%S}", text)
        if last - naive > timedelta(days=366 * 10):
            raise InputError(
                Title(
                    f"{place.vi}, RRULE: kết thúc {last:%Y-%m-%d}, cần trong vòng mười năm",
                    f"{place.en}, RRULE: found one that ends {last:%Y-%m-%d}, expected at most ten years",
                )
            )
    found = []
    try:
        for at in rrulestr(text, dtstart=naive):
            found.append(at.replace(tzinfo=start.tzinfo))
            if len(found) > MOST:
                raise InputError(
                    Title(
                        f"{place.vi}, RRULE: gặp hơn {MOST:,} lần lặp, cần ít hơn",
                        f"{place.en}, RRULE: found more than {MOST:,} repetitions, expected fewer",
                    )
                )
    except (ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            Title(
                f"{place.vi}, RRULE: gặp {text[:80]!r}, cần theo RFC 5545 ({error})",
                f"{place.en}, RRULE: found {text[:80]!r}, expected one of RFC 5545 ({error})",
            )
        ) from None
    without = {_zoned(dt) for dt in _dates(event, "EXDATE") if isinstance(dt, datetime)}
    return [at for at in sorted({*found, *extra}, key=_zoned) if _zoned(at) not in without]


def _dates(event: Any, name: str) -> list[date | datetime]:
    listed = event.get(name)
    groups = listed if isinstance(listed, list) else [listed] if listed is not None else []
    return [each.dt for group in groups for each in getattr(group, "dts", [])]
