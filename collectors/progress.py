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
