"""Debian's agent reports to the real application twice: what it says, and a history that did not change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from api.config import Config
from api.workspace import Workspace
from inventory.store import facts, registers
from inventory.store.tables import FACTS
from inventory.vocabulary import load
from inventory.words import Agency, Level, Register, Title
from tests.api.pages_server import opened, served
from tests.api.test_agents import run_agent

AGENCY = "so-tc"
Row = tuple[object, ...]


def history(connection: Connection) -> dict[Row, tuple[object, object]]:
    """Every row of history by what it holds and since when, with when it was confirmed last and until when it holds."""
    t = FACTS["asset"]
    kept = [name for name, key in load().keys.items() if key.history]
    rows = connection.execute(select(t).where(t.c.key.in_(kept)))
    return {(r.subject, r.key, r.item, r.source, r.value, r.first): (r.last, r.until) for r in rows}


async def test_its_second_run_changes_no_history_that_did_not_change(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        workspace = Workspace(Config(data=tmp_path), store)
        register = Register(
            (Level("province", Title("Cấp tỉnh", "Province"), 1),),
            (Agency(AGENCY, Title("Sở Tài chính", "Finance"), "province", None, date(2020, 1, 1)),),
        )
        await store.write(registers.replace, register)
        token = await workspace.issue_token("agent", AGENCY)
        async with served(workspace) as address:
            first = await run_agent(f"{address}/agents/{token}", tmp_path)
            assert "[error]" not in first, first
            before = await store.read(history)
            said = await store.read(facts.read, workspace.vocabulary, "asset", [1], datetime.now(UTC), set(load().keys))
            assert "[error]" not in await run_agent(f"{address}/agents/{token}", tmp_path)
            after = await store.read(history)
    taken = {key: fact.value for key, fact in facts.take(load(), said[1], datetime.now(UTC)).items()}
    assert {"os_name", "os_build", "sysname", "role", "memory", "last_report"} <= taken.keys()
    assert "os_support_ends" in taken or "Debian" not in str(taken["os_name"])
    software = {fact.item: fact.value for fact in said[1] if fact.key == "software"}
    assert isinstance(software["fusioninventory-agent"], dict) and software["fusioninventory-agent"]["version"]
    assert {subject for subject, *_ in after} == {1}
    # Nothing began and nothing ended; what holds was confirmed.
    assert after.keys() == before.keys()
    assert {row for row, (_, until) in before.items()} == set(after) and all(
        after[row][1] == until for row, (_, until) in before.items()
    )
    assert all(after[row][0] >= last for row, (last, _) in before.items())  # type: ignore[operator]
