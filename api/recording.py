"""Records a device with a bar at the terminal, and tells what the recording holds and what to look over."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.commanding import print_json, say
from collectors.recording.record import Recording, record
from collectors.recording.saving import check_place, save
from inventory.words import Credential

_WORDS: dict[str, dict[str, str]] = {
    "vi": {
        "wrote": "đã ghi {rows} dòng vào {path}; kết quả mong đợi ở {expected}",
        "partial": "CHƯA HẾT: việc đọc bị dừng giữa chừng, giữ lại những gì đã đọc",
        "problem": "không đọc được: {what}",
        "replaced": "đã thay: {what}",
        "of": "{kind} {times} lần ({different} giá trị)",
        "left_out": "bỏ ra {rows} dòng: {why}",
        "changed": "CẢNH BÁO: sau khi thay, nhận dạng khác đi: {field} {before} → {after}",
        "is": "nhận dạng: {what}",
        "doubtful": "xem lại trước khi gửi: giữ nguyên vì giống phiên bản, không giống địa chỉ: {what}",
        "in_indexes": "xem lại trước khi gửi: chữ trong chỉ mục của bảng: {what}",
        "ports": "xem lại trước khi gửi: tên cổng giữ nguyên: {what}",
        "like_serials": "xem lại trước khi gửi: giống số sê-ri mà giữ nguyên: {what}",
        "look": "xem lại trước khi gửi: mở tệp và tìm tên người, tên đơn vị, số điện thoại còn sót",
        "stopping": "dophu: đang dừng; giữ lại những gì đã đọc",
        "nothing": "không có gì",
    },
    "en": {
        "wrote": "wrote {rows} rows to {path}; the expected result is in {expected}",
        "partial": "PARTIAL: broken off before the end; what was read is kept",
        "problem": "not read: {what}",
        "replaced": "replaced: {what}",
        "of": "{kind} {times} times ({different} different)",
        "left_out": "left out {rows} rows: {why}",
        "changed": "WARNING: scrubbed, the device is identified otherwise: {field} {before} → {after}",
        "is": "identified as: {what}",
        "doubtful": "look over before sending: kept as versions, not addresses: {what}",
        "in_indexes": "look over before sending: texts in the indexes of tables: {what}",
        "ports": "look over before sending: names of interfaces, kept: {what}",
        "like_serials": "look over before sending: look like serial numbers and were kept: {what}",
        "look": "look over before sending: open the file and search for names of people and offices that are left",
        "stopping": "dophu: stopping; what was read is kept",
        "nothing": "nothing",
    },
}
_KINDS = {
    "IPv4 address": "địa chỉ IPv4",
    "IPv6 address": "địa chỉ IPv6",
    "hardware address": "địa chỉ MAC",
    "host": "tên máy",
    "domain": "tên miền",
    "contact": "người liên hệ",
    "location": "vị trí",
    "alias": "mô tả cổng",
    "vlan": "tên VLAN",
    "ssid": "tên mạng không dây",
    "user": "người dùng và thư điện tử",
    "url": "địa chỉ web",
    "share": "thư mục chia sẻ",
    "serial number": "số sê-ri",
    "telephone number": "số điện thoại",
    "secret": "mật khẩu SNMP",
    "engine id": "mã SNMP engine",
    "key": "khóa",
    "SNMP users, communities, targets and views": "người dùng, community và đích SNMP",
    "connections": "kết nối mạng",
    "running programs' paths and parameters": "đường dẫn và tham số của chương trình đang chạy",
    "scripts, events and schedules": "kịch bản, sự kiện và lịch chạy",
    "logs": "nhật ký",
    "users and their sessions": "người dùng và phiên của họ",
    "places and telephones": "vị trí và điện thoại",
    "label": "tên ổ đĩa",
    "UUID": "mã UUID",
    "who talks to whom": "ai liên lạc với ai",
}
_SHOWN = 10


def community_credential(version: str, community: str) -> Credential:
    """A community as a credential of SNMP "v1" or "v2c"."""
    return Credential(f"SNMP {version}", f"snmp-{version}", {"community": community})


async def record_target(
    target: str,
    credentials: Sequence[Credential],
    folder: Path,
    *,
    name: str | None,
    seconds: float,
    max_rows: int,
    force: bool,
    output: str,
    language: str,
) -> int:
    """Record a device into a folder and tell of it; the exit status. SnmpError where nothing was read."""
    check_place(folder, name, force=force)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        say(_WORDS[language]["stopping"])
        stop.set()
        # The second Ctrl-C ends the program.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    with _bar(target) as advanced:
        made = await record(target, credentials, seconds=seconds, max_rows=max_rows, stop=stop, advanced=advanced)
    rows, expected = save(made, folder, name, force=force)
    if output == "json":
        print_json(_as_object(made, rows, expected))
    else:
        for line in _tell(made, rows, expected, language):
            say(line)
    return 1 if made.partial else 0


@contextmanager
def _bar(target: str) -> Iterator[Callable[[float, int], None]]:
    """A bar on a terminal's standard error; nothing at all in a pipe."""
    if not sys.stderr.isatty():
        yield lambda share, rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(target, total=1.0, rows="0")
        yield lambda share, rows: bar.update(task, completed=share, rows=f"{rows:,}")


def _as_object(made: Recording, rows: Path, expected: Path) -> dict[str, Any]:
    scrubbed = made.scrubbed
    return {
        "recording": str(rows),
        "expected": str(expected),
        "rows": len(scrubbed.rows),
        "partial": made.partial,
        "problems": list(made.problems),
        "replaced": {
            kind: {"times": times, "different": scrubbed.different[kind]} for kind, times in scrubbed.replaced.items()
        },
        "left_out": dict(made.left_out),
        "changed": {key: {"before": before, "after": after} for key, (before, after) in made.changed.items()},
        "look_over": {
            "kept_as_versions": list(scrubbed.doubtful),
            "texts_in_indexes": list(scrubbed.in_indexes),
            "like_serials": list(scrubbed.like_serials),
            "interface_names": list(scrubbed.ports),
        },
        "identified": dict(made.expected),
    }


def _tell(made: Recording, rows: Path, expected: Path, language: str) -> Iterator[str]:
    words, scrubbed = _WORDS[language], made.scrubbed
    yield words["wrote"].format(rows=f"{len(scrubbed.rows):,}", path=rows, expected=expected)
    if made.partial:
        yield words["partial"]
    for problem in made.problems[:_SHOWN]:
        yield "  " + words["problem"].format(what=problem)
    if len(made.problems) > _SHOWN:
        yield f"  … +{len(made.problems) - _SHOWN}"
    known = [made.expected[key] for key in ("role", "vendor", "model", "version")]
    yield words["is"].format(what=" · ".join(str(value) for value in known if value))
    kinds: Mapping[str, str] = _KINDS if language == "vi" else {}
    told = [
        words["of"].format(kind=kinds.get(kind, kind), times=times, different=scrubbed.different[kind])
        for kind, times in scrubbed.replaced.most_common()
    ]
    yield words["replaced"].format(what=", ".join(told) or words["nothing"])
    for why, count in made.left_out.most_common():
        yield words["left_out"].format(rows=count, why=kinds.get(why, why))
    for key, (before, after) in made.changed.items():
        yield words["changed"].format(field=key, before=before, after=after)
    for key in ("doubtful", "in_indexes", "like_serials", "ports"):
        found: Sequence[str] = getattr(scrubbed, key)
        if found:
            more = [f"… +{len(found) - _SHOWN}"] if len(found) > _SHOWN else []
            yield words[key].format(what=", ".join([*found[:_SHOWN], *more]))
    yield words["look"]
