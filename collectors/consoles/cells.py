"""What one cell of a console's report says: names, addresses, times, numbers, yes and no."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from inventory.register.columns import plain
from inventory.register.tables import Cell
from inventory.text import nfc, storable
from inventory.words import Title

TEXT_LIMIT = 300
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_ISO = "ISO 8601"
_NAME = re.compile(r"[\w.$-]{1,255}")
_NOTHING = frozenset({"", "na", "none", "null", "khongco", "chuaco", "never", "chuabaogio", "notavailable"})
_UNKNOWN = frozenset({"unknown", "khongxacdinh", "khongro", "chuaro", "notreported", "undefined"})
_YES = frozenset({"yes", "true", "on", "enabled", "co", "bat", "dangbat", "1"})
_NO = frozenset({"no", "false", "off", "disabled", "khong", "tat", "dangtat", "0"})
#: What stands for AM and PM in Vietnamese.
_HALVES = ((re.compile(r"\bSA$"), "AM"), (re.compile(r"\bCH$"), "PM"))
_ZONES = re.compile(r"\s+\(?(?:UTC|GMT)?\s*([+-]\d\d?):?(\d\d)?\)?$|\s+(?:UTC|GMT|Z)$")


class Misread(ValueError):
    """A cell that is not what its column holds."""

    def __init__(self, expected: Title) -> None:
        """Keep what was `expected`; the error's own text is the English one."""
        super().__init__(expected.en)
        self.expected = expected


def text_of(cell: Cell) -> str:
    """The cell's text on one line, empty for what stands for nothing.

    Raises:
        Misread: a formula, an error, or longer than any value is.
    """
    if cell.odd in ("formula", "error"):
        raise Misread(Title("giá trị, không phải công thức hay lỗi", "a value, not a formula or an error"))
    if cell.value is None:
        return ""
    value = cell.value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = nfc(storable("".join(c if c.isprintable() else " " for c in str(value))))
    if len(text) > TEXT_LIMIT:
        raise Misread(Title(f"tối đa {TEXT_LIMIT} ký tự", f"at most {TEXT_LIMIT} characters"))
    return "" if plain(text) in _NOTHING else text


def read_name(text: str) -> str:
    """A host name as it is written; what stands before a backslash is a domain of Windows."""
    name = text.rpartition("\\")[2].rstrip(".")
    if not _NAME.fullmatch(name):
        raise Misread(Title("tên máy", "a host name"))
    return name


def read_address(text: str) -> str | None:
    """The first IP address of a list that can belong to a machine alone."""
    found = []
    for part in re.split(r"[\s,;|]+", text):
        try:
            found.append(ip_address(part.partition("%")[0]))
        except ValueError:
            raise Misread(Title("địa chỉ IP", "an IP address")) from None
    own = [a for a in found if not (a.is_loopback or a.is_link_local or a.is_unspecified or a.is_multicast)]
    return str(next((a for a in own if a.version == 4), own[0])) if own else None


def read_macs(text: str) -> tuple[str, ...]:
    """The hardware addresses of a list, in twelve digits each."""
    found = []
    for part in re.split(r"[\s,;|]+", text):
        digits = re.sub(r"[:.-]", "", part).upper()
        if not re.fullmatch(r"[0-9A-F]{12}", digits):
            raise Misread(Title("địa chỉ MAC", "a MAC address"))
        found.append(digits)
    return tuple(found)


def read_count(cell: Cell, text: str) -> int:
    """A whole number from 0."""
    digits = re.sub(r"(?<=\d)[.,\s](?=\d{3}\b)", "", text) if isinstance(cell.value, str) else text
    if not re.fullmatch(r"\d{1,9}", digits):
        raise Misread(Title("số nguyên từ 0", "a whole number from 0"))
    return int(digits)


def read_flag(text: str, words: Mapping[str, bool | None]) -> bool | None:
    """Yes, no, or stated as unknown."""
    word = plain(text)
    if word in words:
        return words[word]
    if word in _YES or word in _NO:
        return word in _YES
    if word in _UNKNOWN:
        return None
    raise Misread(
        Title(
            "một từ mà mẫu đọc biết là có, không hoặc chưa rõ",
            "one of the words that the profile knows for yes, no and unknown",
        )
    )


def choose_form(values: Iterable[Cell], forms: Iterable[str], latest: datetime) -> str:
    """The form in which most dates of a column can be read without lying after `latest`; the first of equals."""
    texts = Counter(str(c.value) for c in values if isinstance(c.value, str) and not c.empty)
    best, most = _ISO, -1
    for form in (*forms, _ISO):
        count = sum(n for t, n in texts.items() if (at := _parse(t, form)) is not None and at <= latest)
        if count > most:
            best, most = form, count
    return best


def read_time(cell: Cell, form: str) -> datetime | None:
    """An instant (UTC); without a zone it is the time in Vietnam, a day alone its end.

    None for the years before 1980: consoles write 1 January 1970 or 1601 for "never".
    """
    found: datetime | None = None
    if isinstance(cell.value, datetime | date):
        found = _instant(cell.value if isinstance(cell.value, datetime) else _end(cell.value))
    for each in (form, _ISO):
        found = found or _parse(str(cell.value), each)
    if found is None:
        example = datetime(2026, 3, 31, 14, 5, tzinfo=UTC)
        written = example.strftime(form if "%" in form else "%Y-%m-%d %H:%M")
        raise Misread(Title(f"thời gian như {written}", f"a time such as {written}"))
    return found if found.year >= 1980 else None


def _parse(text: str, form: str) -> datetime | None:
    text = nfc(text)
    for pattern, half in _HALVES:
        text = pattern.sub(half, text)
    try:
        if form == _ISO:
            at = datetime.fromisoformat(text)
            return _instant(_end(at.date()) if len(text) == 10 else at)
        shift = None
        if (zone := _ZONES.search(text)) and "%H" in form.replace("%I", "%H"):
            text = text[: zone.start()]
            shift = timedelta(hours=int(zone[1] or 0), minutes=int(zone[2] or 0))
        at = datetime.strptime(text, form)  # noqa: DTZ007
        if "%H" not in form and "%I" not in form:
            return _instant(_end(at.date()))
        return _instant(at) if shift is None else (at - shift).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _end(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59))


def _instant(at: datetime) -> datetime:
    """In UTC; OverflowError at the ends of the calendar."""
    if at.year < 1980:
        return at.replace(tzinfo=UTC)
    return (at if at.tzinfo else at.replace(tzinfo=ZONE)).astimezone(UTC)
