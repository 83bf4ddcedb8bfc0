"""What the commands share: the open workspace, stopping on a signal, and what is printed where."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.helping import spoken

if TYPE_CHECKING:  # imported where it is used: `dophu --help` has to be quick
    from api.config import Config
    from api.workspace import Workspace
    from inventory.words import Credential

Output = Annotated[str, typer.Option("--output", "-o", help="table or json.")]
Language = Annotated[str, typer.Option("--language", "-l", envvar="DOPHU_LANGUAGE", help="vi or en.")]
Agencies = Annotated[list[str] | None, typer.Option("--agency", "-a", help="Only this agency; may be repeated.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="A date (its end) or a time, ISO 8601; now if absent.")]

settings: dict[str, Path | None] = {"config": None, "data": None}
"""Where the configuration and the data are, as the command line says."""


def read_settings() -> Config:
    """The configuration that the command line names."""
    from api.config import read_config

    return read_config(settings["config"], settings["data"])


def run(do: Callable[[Workspace], Awaitable[Any]], *, stoppable: bool = False, fresh: bool = False) -> Any:
    """Run a command's work on the open workspace.

    Args:
        stoppable: the work ends early and keeps what it has once the workspace says stop.
        fresh: the work makes the database, or brings it to this version.
    """

    async def work() -> Any:
        from api.workspace import open_workspace

        async with open_workspace(read_settings()) as workspace:
            if not fresh:
                await workspace.check_version()
            if stoppable:
                # The first Ctrl-C ends a round and keeps what was seen; the second ends the program.
                loop = asyncio.get_running_loop()
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, _stop, workspace, loop)
            return await do(workspace)

    return asyncio.run(work())


def _stop(workspace: Workspace, loop: asyncio.AbstractEventLoop) -> None:
    say(f"dophu: {word('cli:stopping')}")
    workspace.stop.set()
    for again in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(again)


def open_credential(name: str) -> list[Credential]:
    """The SNMP credential stored under a name; InputError where there is none."""
    from inventory.words import InputError, Title

    found: dict[str, Credential] = run(lambda w: w.open_credentials([name]))
    if name not in found:
        raise InputError(
            Title(
                f"--credential: không có thông tin xác thực {name!r}; xem dophu credential list",
                f"--credential: found no credential {name!r}; see dophu credential list",
            )
        )
    if not found[name].kind.startswith("snmp-"):
        raise InputError(
            Title(
                f"--credential: {name!r} thuộc loại {found[name].kind}, cần một loại của SNMP",
                f"--credential: {name!r} is of the kind {found[name].kind}, expected one of SNMP",
            )
        )
    return [found[name]]


def check(output: str, language: str = "vi") -> None:
    """Refuse a form or a language that there is not."""
    from inventory.words import InputError, Title

    if output not in ("table", "json"):
        raise InputError(
            Title(
                f"--output: gặp {output!r}, cần table hoặc json", f"--output: found {output!r}, expected table or json"
            )
        )
    if language not in ("vi", "en"):
        raise InputError(
            Title(f"--language: gặp {language!r}, cần vi hoặc en", f"--language: found {language!r}, expected vi or en")
        )


def say(text: str) -> None:
    """Tell the person who runs the command; results go to standard output instead."""
    print(text, file=sys.stderr)


def word(name: str, /, **places: object) -> str:
    """A word of the catalogues in the language of the command that runs, its places filled in."""
    from api.wording import WORDS

    return WORDS[spoken()][name].format(**places)


def heads(*names: str) -> tuple[str, ...]:
    """The heads of a table in the language of the command that runs, by the keys that JSON has for its columns."""
    return tuple(word(f"head:{name}") for name in names)


def sheet_title(name: str) -> str:
    """What a sheet of the register is called."""
    from inventory.register.columns import SHEET_OF

    return SHEET_OF[name].title.in_language(spoken())


def yes_or_no(value: object) -> object:
    """What people read of true and false; anything else as it is."""
    return {True: word("yes"), False: word("no")}[value] if isinstance(value, bool) else value


def write_file(to: Path, content: bytes, option: str) -> None:
    """Write a file whole or not at all, and tell its size; InputError, naming the option, where it cannot be."""
    from api.wording import number
    from inventory.refusing import cannot

    beside = to.with_name(f".{to.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(to)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise cannot(f"{option} {to}", error) from None
    say(word("cli:written", path=to, size=number(len(content), spoken())))


def print_json(value: object, *, indent: int | None = 1) -> None:
    """Print a result as JSON; escaped where standard output cannot carry all characters."""
    plain = sys.stdout.encoding.lower().replace("-", "") != "utf8"
    print(json.dumps(value, ensure_ascii=plain, indent=indent, default=str), flush=True)


def print_csv(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table as CSV, no text of which a spreadsheet takes for a formula."""
    from api.sheets import csv_text

    # The mark by which Excel knows UTF-8 is for files.
    sys.stdout.write(csv_text(titles, rows).removeprefix("\ufeff"))


def print_rows(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns under their titles, a dash for what is not known; nothing is cut off."""
    cells = [tuple(titles), *(tuple("–" if v is None or v == "" else str(v) for v in row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(titles))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def split_host(text: str, port: int, *, names: bool = False) -> tuple[str, int]:
    """The IP address and the port of "10.1.0.5", "10.1.0.5:2222" or "[2001:db8::5]:2222"; InputError for others.

    Args:
        port: where the text names none; 0 tells that.
        names: a host name is taken as well.
    """
    from inventory.words import InputError, Title

    host, found, number = text.rpartition(":")
    if not found or text.endswith("]") or (":" in host and not host.endswith("]")):
        host, number = text, str(port)
    try:
        address = str(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        if not names or not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", host):
            name = ("tên máy hoặc ", "a host name or ") if names else ("", "")
            example = f"10.1.0.5:{port or 443}"
            raise InputError(
                Title(
                    f"gặp {text!r}, cần {name[0]}địa chỉ IP, hoặc kèm cổng: {example}",
                    f"found {text!r}, expected {name[1]}an IP address, or one with a port: {example}",
                )
            ) from None
        address = host.lower()
    if number != str(port) and (not number.isdecimal() or not 0 < int(number) < 65_536):
        raise InputError(
            Title(
                f"gặp cổng {number!r}, cần số từ 1 đến 65535",
                f"found the port {number!r}, expected a number from 1 to 65535",
            )
        )
    return address, int(number)
