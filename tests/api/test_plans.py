"""Which plans hold: those that the settings name, with the controls that they use; else all, the newest first."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from api.config import Config, read_config
from api.contents import latest
from api.workspace import Workspace
from inventory.store import Store
from inventory.words import InputError, Plan, Title


def plan(name: str, period: str) -> Plan:
    return Plan(name, Title(name, name), "", date(2019, 1, 1), period, ())


@pytest.mark.parametrize(
    ("year", "first"), [(2019, "a-2020"), (2020, "a-2020"), (2024, "b-2021-2025"), (2026, "d-2026"), (2040, "e-2030")]
)
def test_the_plan_whose_period_began_last_comes_first(year: int, first: str) -> None:
    plans = [plan("a-2020", "2020"), plan("b-2021-2025", "2021-2025"), plan("c-2021", "2021"), plan("d-2026", "2026")]
    if year > 2030:
        plans.append(plan("e-2030", "2030-2035"))
    assert latest(plans, datetime(year, 6, 1, tzinfo=UTC)).id == first


def test_the_year_is_vietnams() -> None:
    plans = [plan("a-2020", "2020"), plan("b-2021", "2021")]
    assert latest(plans, datetime(2020, 12, 31, 17, 30, tzinfo=UTC)).id == "b-2021"


async def workspace(folder: Path, text: str) -> Workspace:
    (folder / "dophu.toml").write_text(text, encoding="utf-8")
    return Workspace(read_config(folder / "dophu.toml"), Store.open(f"sqlite:///{folder / 'dophu.db'}"))


async def test_only_the_plans_that_hold_are_judged(tmp_path: Path) -> None:
    opened = await workspace(tmp_path, 'plans = ["vinh-phuc-2020"]\n')
    assert list(opened.goals.plans) == ["vinh-phuc-2020"]
    used = {goal.control for goal in opened.goals.plans["vinh-phuc-2020"].goals if goal.control}
    assert set(opened.goals.controls) == used
    assert Config().plans == []
    await opened.store.close()


async def test_a_plan_that_there_is_not_is_named_with_the_nearest(tmp_path: Path) -> None:
    opened = await workspace(tmp_path, 'plans = ["vinh-phuc-2021"]\n')
    with pytest.raises(InputError, match="plans: unknown plan 'vinh-phuc-2021'; did you mean 'vinh-phuc-2020'"):
        _ = opened.goals
    await opened.store.close()
