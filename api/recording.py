"""Records a device with a bar at the terminal, and tells what the recording holds and what to look over."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.commanding import print_json, say
from api.wording import WORDS
from collectors.recording.record import Recording, record
from collectors.recording.saving import check_place, save
from inventory.words import Credential

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
        say(WORDS[language]["record:stopping"])
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
    words, scrubbed = WORDS[language], made.scrubbed
    yield words["record:wrote"].format(rows=f"{len(scrubbed.rows):,}", path=rows, expected=expected)
    if made.partial:
        yield words["record:partial"]
    for problem in made.problems[:_SHOWN]:
        yield "  " + words["record:problem"].format(what=problem)
    if len(made.problems) > _SHOWN:
        yield f"  … +{len(made.problems) - _SHOWN}"
    known = [made.expected[key] for key in ("role", "vendor", "model", "version")]
    yield words["record:is"].format(what=" · ".join(str(value) for value in known if value))
    told = [
        words["record:of"].format(
            kind=words.get(f"scrubbed:{kind}", kind), times=times, different=scrubbed.different[kind]
        )
        for kind, times in scrubbed.replaced.most_common()
    ]
    yield words["record:replaced"].format(what=", ".join(told) or words["record:nothing"])
    for why, count in made.left_out.most_common():
        yield words["record:left_out"].format(rows=count, why=words.get(f"scrubbed:{why}", why))
    for key, (before, after) in made.changed.items():
        yield words["record:changed"].format(field=key, before=before, after=after)
    for key in ("doubtful", "in_indexes", "like_serials", "ports"):
        found: Sequence[str] = getattr(scrubbed, key)
        if found:
            more = [f"… +{len(found) - _SHOWN}"] if len(found) > _SHOWN else []
            yield words[f"record:{key}"].format(what=", ".join([*found[:_SHOWN], *more]))
    yield words["record:look"]
