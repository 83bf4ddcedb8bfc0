"""Reads a console's report by a profile: each row becomes one line of plain values, problems are named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from openpyxl.utils import get_column_letter

from collectors.consoles import cells
from collectors.consoles.profile import FIELDS, NAMING, TELLING, Profile, load_profiles
from inventory.refusing import cannot
from inventory.register.columns import plain
from inventory.register.tables import Cell, Row, Table, Unreadable, read_csv, read_workbook
from inventory.strict_yaml import closest, nearest
from inventory.words import Fact, InputError, Proof, Title, Value

HEADER_WITHIN = 30
"""The header is looked for in this many rows."""
BETTER = 2
"""So many columns more make another profile the one that was meant."""
SLACK = timedelta(days=1)
"""How far after the report's time a date may lie: consoles' clocks and zones differ."""


_TIME = Title("thời gian trong lịch", "a time of the calendar")
_REPORT = Title("một báo cáo", "a report")
NAMELESS = Title("không có gì để gọi tên máy", "nothing that names the machine")


@dataclass(frozen=True, slots=True)
class Problem:
    """One cell that could not be read."""

    row: int
    """As a spreadsheet counts rows; in CSV records are counted."""
    column: str
    found: Title
    expected: Title


@dataclass(frozen=True, slots=True)
class Line:
    """One machine as its console tells it."""

    row: int
    hostname: str = ""
    address: str | None = None
    macs: tuple[str, ...] = ()
    serial: str = ""
    agency: str = ""
    """What the column of agencies or groups says."""
    last_seen: datetime | None = None
    facts: tuple[Fact, ...] = ()

    @property
    def label(self) -> str:
        """What a person calls the machine by."""
        return self.hostname or self.address or self.serial or (self.macs[0] if self.macs else "")


@dataclass(slots=True)
class Report:
    """One report: what its columns were taken for, its lines, and what could not be read."""

    profile: Profile
    reported_at: datetime
    mapping: dict[str, str] = field(default_factory=dict)
    """Header → field."""
    ignored: list[str] = field(default_factory=list)
    """Headers that say nothing to the profile."""
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def is_fresh(self, now: datetime) -> bool:
        """Whether it is young enough at `now` to say that a machine is missing from it."""
        return now - self.reported_at <= timedelta(days=self.profile.fresh_days)


def read_report(
    path: Path, name: str, now: datetime, *, source: str | None = None, reported_at: datetime | None = None
) -> Report:
    """Read the report at `path` by the profile `name`; its facts are of `source` (default: the profile's name).

    Raises:
        InputError: no such profile, no table, no header of this profile (the one that fits better is named),
            or nothing that says of what time the report is.
        InputError: the file cannot be opened.
    """
    profiles = load_profiles()
    if name not in profiles:
        near = closest(name, profiles) or ", ".join(sorted(profiles))
        told = (
            f"--profile: gặp {name!r}, cần một mẫu đọc như {near}",
            f"--profile: found {name!r}{nearest(name, profiles)}",
        )
        raise InputError(Title(*told))
    profile = profiles[name]
    table, start, columns, headers = _find_header(path, profile)
    _check_profile(path, table, profile, columns)
    rows = table.rows[start + 1 :]
    if not rows:
        raise _refusal(
            path, Title("tiêu đề mà không có dòng nào bên dưới", "a header and no row below it"),
            Title("các máy của báo cáo", "the machines of a report"),
        )  # fmt: skip
    at = reported_at or _report_time(table, start, rows, columns, profile, now)
    if at is None:
        raise _refusal(
            path,
            Title("không có gì cho biết báo cáo được lập khi nào", "nothing that says when the report was made"),
            Title(
                "--reported-at NGÀY, ví dụ 2026-03-31 (ngày của chính tệp không phải là chứng cứ)",
                "--reported-at DATE, such as 2026-03-31 (the file's own date is no evidence)",
            ),
        )
    if at > now + timedelta(minutes=5):
        raise InputError(
            Title(
                f"{path.name}: gặp thời gian lập báo cáo {at.isoformat()}, là ở tương lai",
                f"{path.name}: found the report's time {at.isoformat()}, which is in the future",
            )
        )
    report = Report(profile, at)
    report.mapping = {headers[n]: f for n, f in columns.items()}
    report.ignored = [h for n, h in headers.items() if n not in columns]
    _read_rows(report, rows, columns, headers, source or name)
    return report


def _refusal(path: Path, found: Title, expected: Title) -> InputError:
    told = f"{path.name}: gặp {found.vi}, cần {expected.vi}", f"{path.name}: found {found.en}, expected {expected.en}"
    return InputError(Title(*told))


def shown(value: object) -> Title:
    """What a cell has, as code writes it, cut short."""
    return Title(repr(value)[:80], repr(value)[:80])


# --- file and header --------------------------------------------------------------------------------------------------


def _tables(path: Path) -> Iterator[Table]:
    try:
        if path.stat().st_size == 0:
            raise _refusal(path, Title("tệp rỗng", "an empty file"), _REPORT)
        with path.open("rb") as stream:
            is_zip = stream.read(4) == b"PK\x03\x04"
        if is_zip:
            yield from read_workbook(path, headings=True)
        else:
            for mark in ";,\t":
                try:
                    yield read_csv(path, path.name, delimiter=mark, western=True)
                except Unreadable:
                    # With another mark the quotes may stand where they belong.
                    if mark == "\t":
                        yield read_csv(path, path.name, western=True)
    except Unreadable as error:
        raise _refusal(path, error.found, error.expected) from None
    except OSError as error:
        raise cannot(path, error) from None


def _find_header(path: Path, profile: Profile) -> tuple[Table, int, dict[int, str], dict[int, str]]:
    """The sheet and row that the profile knows most of; by column the field, and the header."""
    best: tuple[int, int, Table, int, dict[int, str]] | None = None
    for table in _tables(path):
        for at in range(min(HEADER_WITHIN, len(table.rows))):
            headers = _headers(table, at)
            score = len(_columns(headers, profile))
            if best is None or (score, len(headers)) > best[:2]:
                best = (score, len(headers), table, at, headers)
    if best is None:
        raise _refusal(path, Title("không có dòng nào", "no row"), _REPORT)
    _, _, table, at, headers = best
    return table, at, _columns(headers, profile), headers


def _headers(table: Table, at: int) -> dict[int, str]:
    """The headers of a row by column; one that is merged across columns stands above each of them with its own."""
    row = table.rows[at]
    above = table.rows[at - 1] if at and table.rows[at - 1].number == row.number - 1 else None
    found: dict[int, str] = {}
    for n, cell in enumerate(row.cells):
        if not cell.empty:
            found[n] = " ".join(str(cell.value).split())
        elif cell.odd == "merged" and above is not None and n < len(above.cells) and not above.cells[n].empty:
            # A header that spans two rows begins in the one above.
            found[n] = " ".join(str(above.cells[n].value).split())
    return found


def _columns(headers: Mapping[int, str], profile: Profile) -> dict[int, str]:
    """By column its field; of several columns for one field the one whose header the profile prefers."""
    known = profile.headers
    taken: dict[str, tuple[int, int]] = {}
    for n, header in headers.items():
        if (meant := known.get(plain(header))) is not None:
            field_name, rank = meant
            taken[field_name] = min(taken.get(field_name, (rank, n)), (rank, n))
    return {n: field_name for field_name, (_, n) in taken.items()}


def _check_profile(path: Path, table: Table, profile: Profile, columns: Mapping[int, str]) -> None:
    found = set(columns.values())
    usable = bool(found & set(NAMING)) and (bool(found & set(TELLING)) or (profile.antivirus and len(found) > 1))
    scores = {}
    for other in load_profiles().values():
        rows = range(min(HEADER_WITHIN, len(table.rows)))
        scores[other.name] = max(len(_columns(_headers(table, at), other)) for at in rows)
    best = max(scores, key=lambda n: (scores[n], n))
    if scores[best] >= max(len(columns) + BETTER, 2) or (not usable and scores[best] > len(columns)):
        raise InputError(
            Title(
                f"{path.name}: gặp {len(columns)} cột của mẫu đọc {profile.name}, và {scores[best]} cột của {best}; "
                f"có phải là --profile {best}?",
                f"{path.name}: found {len(columns)} columns of the profile {profile.name}, "
                f"and {scores[best]} of {best}; expected --profile {best}?",
            )
        )
    if not usable:
        headers = max(
            (list(_headers(table, at).values()) for at in range(min(HEADER_WITHIN, len(table.rows)))), key=len
        )
        listed = ", ".join(h[:40] for h in headers[:12])
        expected = ", ".join(h[0] for h in profile.columns.values() if h)
        raise InputError(
            Title(
                f"{path.name}: gặp các tiêu đề cột {listed}; cần các tiêu đề của {profile.name}: {expected}",
                f"{path.name}: found the headers {listed}; expected those of {profile.name}: {expected}",
            )
        )


# --- time -------------------------------------------------------------------------------------------------------------


def _report_time(
    table: Table, start: int, rows: Sequence[Row], columns: Mapping[int, str], profile: Profile, now: datetime
) -> datetime | None:
    latest = now + timedelta(minutes=5)
    for n, field_name in columns.items():
        if field_name == "reported_at":
            stated = [row.cells[n] for row in rows if n < len(row.cells) and not row.cells[n].empty]
            form = cells.choose_form(stated, profile.dates, latest)
            times = [t for t in (_time_or_none(c, form) for c in stated) if t is not None]
            if times:
                return _capped(max(times), now)
    labels = [plain(label) for label in profile.report_time]
    for row in table.rows[:start]:
        for n, cell in enumerate(row.cells):
            text = "" if cell.value is None else str(cell.value)
            if not any(label in plain(text) for label in labels):
                continue
            beside = [c for c in row.cells[n + 1 :] if not c.empty]
            tail = text[m.end() :] if (m := re.search(r"[:：]\s*|(?=\d)", text)) else ""
            for candidate in [Cell(tail.strip()), *beside[:1]]:
                form = cells.choose_form([candidate], profile.dates, latest)
                if not candidate.empty and (at := _time_or_none(candidate, form)) is not None:
                    return _capped(at, now)
    return None


def _time_or_none(cell: Cell, form: str) -> datetime | None:
    try:
        return cells.read_time(cell, form)
    except (cells.Misread, ValueError, OverflowError):
        return None


def _capped(at: datetime, now: datetime) -> datetime:
    """A report of today that tells only its day is of now at the latest."""
    return now if now < at <= now + timedelta(hours=24) else at


# --- rows -------------------------------------------------------------------------------------------------------------


def _read_rows(
    report: Report, rows: Sequence[Row], columns: Mapping[int, str], headers: Mapping[int, str], source: str
) -> None:
    profile, latest = report.profile, report.reported_at + SLACK
    forms = {
        n: cells.choose_form([r.cells[n] for r in rows if n < len(r.cells)], profile.dates, latest)
        for n, name in columns.items()
        if FIELDS[name] == "time"
    }
    for row in rows:
        values: dict[str, Value | tuple[str, ...]] = {}
        wrong = len(report.problems)
        for n, name in columns.items():
            cell = row.cells[n] if n < len(row.cells) else Cell()
            try:
                value = _read_cell(cell, name, profile, forms.get(n, ""))
                if FIELDS[name] == "time" and isinstance(value, datetime) and value > latest:
                    made = f"{report.reported_at:%Y-%m-%d %H:%M} UTC"
                    late = f"thời gian không sau lúc lập báo cáo, {made}", f"a time not after the report's, {made}"
                    raise cells.Misread(Title(*late))
            except (cells.Misread, OverflowError) as error:
                expected = error.expected if isinstance(error, cells.Misread) else _TIME
                report.problems.append(Problem(row.number, headers[n], shown(cell.value), expected))
                continue
            if value is not None or (FIELDS[name] == "flag" and not cell.empty):
                values[name] = value
        if len(report.problems) > wrong or not values:
            continue
        if not any(values.get(name) for name in NAMING):
            if len(values) > 1:
                expected = Title("tên máy hoặc địa chỉ", "a host name or an address")
                report.problems.append(Problem(row.number, get_column_letter(1), NAMELESS, expected))
            # One value alone is a footer, such as "Total: 300".
            continue
        report.lines.append(line_of(row.number, values, report, source))
    # So is one cell alone below the last machine, whatever its column is.
    last = report.lines[-1].row if report.lines else 0
    footers = {row.number for row in rows if row.number > last and sum(not cell.empty for cell in row.cells) == 1}
    report.problems = [problem for problem in report.problems if problem.row not in footers]


def _read_cell(cell: Cell, name: str, profile: Profile, form: str) -> Value | tuple[str, ...]:
    kind, text = FIELDS[name], cells.text_of(cell)
    if not text:
        return None
    if kind == "time":
        return cells.read_time(cell, form)
    if kind == "flag":
        return cells.read_flag(text, profile.words.get(name, {}))
    if kind == "count":
        return cells.read_count(cell, text)
    if kind == "name":
        return cells.read_name(text)
    if kind == "address":
        return cells.read_address(text)
    return cells.read_macs(text) if kind == "mac" else text


def line_of(row: int, values: dict[str, Value | tuple[str, ...]], report: Report, source: str) -> Line:
    """One machine of a report, from what was read of it by field (see FIELDS); its facts are of `source`."""
    profile = report.profile
    last_seen = values.get("last_seen")
    seen = last_seen if isinstance(last_seen, datetime) else None
    # What a console tells of a machine it knows since the machine last called, however new the report is.
    at = min(seen or report.reported_at, report.reported_at)
    for name, rules in profile.texts.items():
        text = plain(str(values.get(name) or ""))
        for parts, flags in rules:
            if any(part in text for part in parts if part):
                values |= {k: v for k, v in flags.items() if values.get(k) is None}
    found: dict[str, Value] = {}
    if profile.antivirus:
        found = {"antivirus_installed": True, "antivirus_managed": True, "antivirus_name": profile.product or None,
                 "antivirus_console": profile.title}  # fmt: skip
        if values.get("installed") is False:
            found |= {"antivirus_name": None, "antivirus_managed": False}
    for name in ("installed", "enabled", "up_to_date", "managed", "name", "version", "console"):
        if name in values:
            found[f"antivirus_{name}"] = values[name]  # type: ignore[assignment]
    for name in ("signatures_at", "last_scan", "infections", "reboot_needed", "updates_pending"):
        if name in values:
            found[name] = values[name]  # type: ignore[assignment]
    signatures = found.get("signatures_at")
    if "antivirus_up_to_date" not in found and profile.up_to_date_days and isinstance(signatures, datetime):
        found["antivirus_up_to_date"] = at - signatures <= timedelta(days=profile.up_to_date_days)
    stated = {f"antivirus_{n}" for n in ("installed", "enabled", "up_to_date", "managed")} | {"reboot_needed"}
    facts = tuple(
        Fact(k, v, source, report.reported_at if k == "antivirus_managed" else at, Proof.CONSOLE)
        for k, v in found.items()
        if v is not None or k in stated
    )
    macs = values.get("mac")
    return Line(
        row, str(values.get("hostname") or ""), _text(values.get("address")), macs if isinstance(macs, tuple) else (),
        str(values.get("serial") or ""), str(values.get("agency") or ""), seen, facts,
    )  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None else str(value)


__all__ = ["NAMELESS", "Line", "Problem", "Report", "line_of", "read_report", "shown"]
