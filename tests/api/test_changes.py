"""What changed between two days: who fell silent, who came back, who is there no more; and what did not change."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from api.changes import Changes, find_changes
from api.printing import read_instant
from api.workspace import Workspace
from inventory.words import InputError
from tests.api.pages_sample import PLAN, SILENT, fill
from tests.api.pages_server import opened
from tests.api.test_cli import dophu

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Sample:
    """The sample province; the day on which its silent agency still answered."""

    workspace: Workspace
    folder: Path
    day: date


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sample(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sample]:
    folder = tmp_path_factory.mktemp("changes")
    async with opened(folder) as store:
        workspace, day = await fill(store, folder)
        yield Sample(workspace, folder, day)


def of(found: Changes, goal: str) -> dict[str, tuple[str | None, str | None]]:
    return {
        c.agency: (c.before and str(c.before), c.after and str(c.after)) for c in found.changes if c.goal.id == goal
    }


async def test_who_fell_silent_is_told_and_who_did_not_change_is_not(sample: Sample) -> None:
    found = await find_changes(sample.workspace, PLAN, read_instant(sample.day.isoformat()), datetime.now(UTC))
    assert of(found, "agency_firewall") == {SILENT: ("met", "unknown")}
    figures = {(goal.id, c.level): (b.met, c.met) for goal, b, c in found.figures if b is not None and c is not None}
    assert figures["agency_firewall", "district"] == (2, 1)
    moved = {(c.goal.id, c.level) for c in found.changes}
    for goal, before, after in found.figures:
        if before is not None and after is not None and before.level != "all":
            same = (before.met, before.unmet, before.unknown) == (after.met, after.unmet, after.unknown)
            # Figures that moved have members that moved them.
            assert same or (goal.id, after.level) in moved


async def test_before_anything_was_known_everybody_was_unknown(sample: Sample) -> None:
    first = read_instant(sample.day.isoformat()) - timedelta(days=30)
    found = await find_changes(sample.workspace, PLAN, first, datetime.now(UTC), "en")
    changed = of(found, "agency_firewall")
    assert changed["so-tc"] == ("unknown", "unmet") and changed["so-yt"] == ("unknown", "met")
    assert SILENT not in changed


async def test_the_same_day_twice_is_no_comparison(sample: Sample) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InputError, match="expected a time before"):
        await find_changes(sample.workspace, PLAN, now, now)


async def test_the_command(sample: Sample) -> None:
    data = {"DOPHU_DATA": str(sample.folder)}
    given = ("changes", "--plan", PLAN, "--from", sample.day.isoformat())
    told = json.loads(dophu(sample.folder, *given, "-o", "json", **data).stdout)
    assert {(c["goal"], c["agency"]) for c in told["changes"]} >= {("agency_firewall", SILENT)}
    rows = list(csv.reader(io.StringIO(dophu(sample.folder, *given, "-o", "csv", **data).stdout)))
    assert len(rows) == len(told["changes"]) + 1 and rows[1][2] == SILENT
    text = dophu(sample.folder, *given, "--language", "en", "--agency", SILENT, **data).stdout
    assert "Tam Đảo District (huyen-tam-dao): Met → Unknown" in text
    nothing = dophu(sample.folder, *given, "--agency", "so-yt", "-o", "csv", **data).stdout
    assert len(nothing.splitlines()) == 1
    wrong = dophu(sample.folder, "changes", "--plan", PLAN, "--from", "2999-01-01", **data)
    assert (wrong.returncode, "ở tương lai" in wrong.stderr) == (2, True)
