"""The commands `dophu backup` and `dophu restore`: all of Dophu in one file, and Dophu made from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commanding import Language, Output, check, print_json, read_settings, say

if TYPE_CHECKING:
    from api.backing import Backup

File = Annotated[Path, typer.Argument(metavar="FILE")]


def backup(
    path: File,
    with_key: Annotated[bool, typer.Option("--with-key", help="Put the key ring in as well.")] = False,
    only_check: Annotated[bool, typer.Option("--check", help="Write nothing; check that it is whole.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Back everything up into one file, as of one moment, also while Dophu serves; it is read again before it counts.

    The key ring is left out: who has it and the database reads every stored password. Keep a copy of it elsewhere, and
    use --with-key only where the file is kept as safe as the key.
    """
    check(output, language)
    from api.backing import back_up, check_backup
    from inventory.words import InputError, Title

    if only_check and with_key:
        raise InputError(
            Title(
                "gặp cả --check và --with-key, cần một trong hai", "found --check and --with-key, expected one of them"
            )
        )
    with _telling(language) as advance:
        if only_check:
            done = check_backup(path, advance)
        else:
            done = asyncio.run(_with_store(lambda store, config: back_up(
                store, config, path, with_key=with_key, advance=advance
            )))  # fmt: skip
    if output == "json":
        print_json(_plain(done, path))
        return
    words = _words(language)
    word = "own_backup:intact" if only_check else "own_backup:written"
    say(words[word].format(file=path, bytes=path.stat().st_size, **_figures(done, language)))
    if not done.with_key:
        say(words["own_backup:no_key"])


def restore(
    path: File,
    force: Annotated[bool, typer.Option(help="Although something is there; it is kept aside.")] = False,
    output: Output = "table",
    language: Language = "vi",
) -> None:
    """Make the data folder and the database from a backup, whole or not at all; stop the server first.

    Nothing may be there yet, or --force keeps it aside. Tables of an older version are brought to this one.
    """
    check(output, language)
    from api import backing

    config = read_settings()
    with _telling(language) as advance:
        done = asyncio.run(backing.restore(path, config, force=force, advance=advance))
    if output == "json":
        print_json(_plain(done.backup, path) | {
            "schema_now": done.schema, "aside": list(done.aside), "placed": list(done.placed)
        })  # fmt: skip
        return
    words = _words(language)
    say(words["own_backup:restored"].format(file=path, **_figures(done.backup, language)))
    if done.schema != done.backup.contents.schema:
        say(words["own_backup:migrated"].format(old=done.backup.contents.schema, new=done.schema))
    for kept in done.aside:
        say(words["own_backup:aside"].format(what=kept))
    for placed in done.placed:
        say(words["own_backup:placed"].format(what=placed))
    if not config.keys.exists():
        say(words["own_backup:key_missing"].format(file=config.keys))


async def _with_store(do: Callable[[Any, Any], Any]) -> Any:
    from api.workspace import open_workspace
    from inventory.words import StoreError, Title

    config = read_settings()
    if config.database_file is not None and not config.database_file.exists():
        # Opening it would make an empty one.
        raise StoreError(
            Title(
                f"chưa có cơ sở dữ liệu {config.database_file}: chạy dophu init",
                f"there is no database {config.database_file}: run dophu init",
            )
        )
    async with open_workspace(config) as workspace:
        # The tables may be older than this Dophu: before an upgrade is when one backs up.
        return await do(workspace.store, config)


def _figures(backup: Backup, language: str) -> dict[str, object]:
    from api.wording import number
    from inventory.periods import ZONE

    contents = backup.contents
    return {
        "at": f"{contents.at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}", "version": backup.version, "schema": contents.schema,
        "rows": number(sum(contents.rows.values()), language), "tables": len(contents.rows),
    }  # fmt: skip


def _plain(backup: Backup, path: Path) -> dict[str, object]:
    contents = backup.contents
    return {
        "file": str(path), "bytes": path.stat().st_size, "version": backup.version, "database": contents.kind,
        "schema": contents.schema, "taken_at": contents.at.isoformat(), "with_key": backup.with_key,
        "rows": dict(contents.rows), "files": sorted(backup.files),
    }  # fmt: skip


def _words(language: str) -> Mapping[str, str]:
    from api.wording import WORDS

    return WORDS[language]


@contextmanager
def _telling(language: str) -> Iterator[Callable[[str, int, int], None]]:
    """What is told of how far it is: a bar on a terminal, and only there."""
    if not sys.stderr.isatty():
        yield lambda _, __, ___: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    words = _words(language)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        steps = {
            step: bar.add_task(title, total=None, visible=False)
            for step, title in (
                ("copy", words["own_backup:copying"]), ("pack", words["own_backup:packing"]),
                ("check", words["own_backup:checking"]), ("unpack", words["own_backup:unpacking"]),
            )
        }  # fmt: skip

        def advance(step: str, done: int, whole: int) -> None:
            bar.update(steps[step], completed=done, total=whole or None, visible=True)

        yield advance
