"""Progress of a round of collecting: who wants to hear of it, and a bar for those who sit at a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from inventory.words import Run

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress(Protocol):
    """Who wants to hear how a round goes."""

    def started(self, total: int | None) -> None:
        """A round begins with `total` targets, None when their number is not known yet."""
        ...

    def advanced(self, run: Run) -> None:
        """One target is done."""
        ...

    def finished(self) -> None:
        """The round is over, or was broken off."""
        ...


class TerminalProgress:
    """Progress as a bar on a terminal's standard error; nothing at all in a pipe."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Bar | None = None
        self._failed = 0

    def started(self, total: int | None) -> None:
        """Draw the bar, where there is a terminal to draw it on."""
        if not sys.stderr.isatty():
            return
        # rich takes a tenth of a second to import: only those who see a bar pay for it.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.add_task(self._title, total=total)
        self._bar.start()

    def advanced(self, run: Run) -> None:
        """Move the bar on by one, and count what failed."""
        if self._bar is None:
            return
        self._failed += run.error is not None
        title = f"{self._title} (✗ {self._failed})" if self._failed else self._title
        self._bar.update(self._bar.task_ids[0], advance=1, description=title)

    def finished(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


class ScanProgress:
    """How far a scan is, in addresses swept and hosts read, with the time that it will still take."""

    def __init__(self, title: str, services: str = "services") -> None:
        self._title, self._services = title, services
        self._bar: Bar | None = None

    def started(self, addresses: int, swept: int) -> None:
        """Draw both bars, where there is a terminal to draw them on; `swept` were done before."""
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.add_task(self._title, total=addresses, completed=swept)
        self._bar.add_task(self._services, total=0)
        self._bar.start()

    def advanced(self, swept: int, found: int, read: int) -> None:
        """So many more addresses were swept, hosts found, and hosts' services read."""
        if self._bar is None:
            return
        sweep, services = self._bar.task_ids
        self._bar.update(sweep, advance=swept)
        total = (self._bar.tasks[1].total or 0) + found
        self._bar.update(services, total=total, advance=read)

    def finished(self) -> None:
        """Take the bars away."""
        if self._bar is not None:
            self._bar.stop()
