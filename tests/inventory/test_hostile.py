"""What could make a figure wrong: devices that move, registers that change, late word, and text that is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, func, select

from inventory.store import Store, facts, runs, snapshots
from inventory.store.tables import coverage, metadata, run, target_state
from inventory.vocabulary import instant
from inventory.words import ALL_LEVELS, Control, Fact, Identity, InputError, Observation, Proof, Run, Status
from tests.inventory.sample import ANTIVIRUS, FIREWALL, NOW, device, reading, sweep
from tests.inventory.sample import facts as say
from tests.inventory.test_judge import DAY, KNOWN, TITLE, bring, declare, figure, goals, judge, status_of

HOUR = timedelta(hours=1)
MAC, MAC2 = "00:1b:21:3c:4d:5e", "00:1b:21:aa:bb:cc"


async def answers(store: Store, number: int, at: datetime) -> bool | None:
    said = (await store.read(facts.read, KNOWN, "asset", [number], at))[number]
    taken = facts.take(KNOWN, said, at)
    return bool(taken["answering"].value) if "answering" in taken else None


# --- devices that move ----------------------------------------------------------------------------------------------


async def test_a_device_that_moved_is_not_absent_where_it_was(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, serial="SW99120034", role="firewall")))
    later = NOW + DAY
    await bring(store, sweep("B", device("B", 5, later, serial="SW99120034", role="firewall"), at=later))
    await bring(store, sweep("A", at=later + HOUR))
    assert await answers(store, 1, later + 2 * HOUR) is True
    assert (await status_of(store, FIREWALL, "B", later + 2 * HOUR))[0] is Status.MET
    # A sweep of where it is now does say so.
    await bring(store, sweep("B", at=later + 3 * HOUR))
    assert await answers(store, 1, later + 4 * HOUR) is False


async def test_a_device_whose_address_another_has_now_is_absent(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, serial="FW99120034", role="firewall")))
    later = NOW + HOUR
    await bring(store, sweep("A", device("A", 5, later, serial="PC77120035", role="workstation"), at=later))
    assert await answers(store, 1, later) is False
    assert (await status_of(store, FIREWALL, "A", later))[0] is Status.UNMET


async def test_a_sweep_that_arrives_late_says_nothing_of_what_came_after_it(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5, serial="FW99120034", role="firewall"), at=NOW))
    await bring(store, sweep("A", at=NOW - DAY))
    assert len(await store.read(facts.history, KNOWN, "asset", 1)) == 5
    assert await answers(store, 1, NOW) is True


async def test_the_end_of_a_sweep_looks_only_at_its_own_network(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 5)), sweep("B", device("B", 6)))

    def plans(connection: object) -> str:
        asked: list[str] = []

        def note(_c: object, _k: object, statement: str, values: object, *_: object) -> None:
            if "asset_fact" in statement and statement.startswith("SELECT"):
                plan = connection.connection.cursor()  # type: ignore[attr-defined]
                plan.execute("EXPLAIN QUERY PLAN " + statement, values)
                asked.extend(str(row) for row in plan.fetchall())

        event.listen(connection, "before_cursor_execute", note)
        runs.record(connection, KNOWN, sweep("A", at=NOW + HOUR), NOW + HOUR)  # type: ignore[arg-type]
        event.remove(connection, "before_cursor_execute", note)
        return "\n".join(asked)

    if await store.read(lambda c: c.dialect.name) != "sqlite":
        pytest.skip("the plan is asked of SQLite; on so few rows PostgreSQL reads tables whole whatever its indexes")
    told = await store.write(plans)
    assert "asset_fact_network" in told
    assert "SCAN asset_fact" not in told


async def test_a_run_that_is_delivered_twice_counts_once(store: Store) -> None:
    failed = Run("snmp", "A device", NOW, NOW, (), False, "no answer", "A")
    await bring(store, failed, failed, sweep("A", device("A", 1)), sweep("A", device("A", 1)))
    assert await store.read(lambda c: c.scalar(select(func.count()).select_from(run))) == 2
    assert await store.read(lambda c: c.scalar(select(func.max(target_state.c.failures)))) == 1


# --- text and numbers that are none ---------------------------------------------------------------------------------


async def test_whatever_text_a_device_sends_is_kept_or_refused_and_harms_nobody(store: Store) -> None:
    await declare(store)
    odd = "a\0b\ud800c\\u0000d\uffff\U0001f600 \x1b[31m"
    row: dict[str, object] = {odd: odd, "n": float("nan"), "deep": [{"x": odd}], "path": "C:\\u0000"}
    said = device(
        "A", 1, sysname=odd, description=odd * 2000, serial="SN" + "7A" * 2000, role="workstation"
    )  # fmt: skip
    tables = (Fact("software", row, "nmap", NOW, item=odd), Fact("software", {}, "nmap", NOW, item="x" + odd * 2000))
    identifiers = frozenset({("agent_id", odd), ("agent_id", odd * 2000), ("url", "https://" + odd)})
    named = replace(said.asset or Identity(), identifiers=identifiers)
    run = replace(sweep("A", replace(said, facts=said.facts + tables, asset=named)), error=f"told {odd}")
    for _ in range(2):
        await bring(store, run)
    kept = (await store.read(facts.read, KNOWN, "asset", [1], NOW))[1]
    plain = "ab\ufffdc\\u0000d\uffff\U0001f600 \x1b[31m"
    assert next(f.value for f in kept if f.key == "sysname") == plain
    rows = {f.item: f.value for f in kept if f.key == "software"}
    assert rows[plain] == {plain: plain, "n": None, "deep": [{"x": plain}], "path": "C:\\u0000"}
    assert sorted(len(item) for item in rows) == [len(plain), 318]
    assert figure(await judge(store, goals(ANTIVIRUS))).unknown == 1


@pytest.mark.parametrize(
    "number",
    [10**400, 10**5000, -(2**64), float("inf"), float("nan")],
    ids=lambda n: f"{n:.0g}"[:5] if isinstance(n, float) else "int",
)
async def test_a_number_that_no_device_can_have_is_refused(store: Store, number: float) -> None:
    await declare(store)
    for key in ("interface_count", "memory"):
        if key == "memory" or isinstance(number, int):
            with pytest.raises(InputError, match=f"fact {key}: found .*, expected a value of type"):
                await bring(store, sweep("A", device("A", 1, **{key: number})))
    await bring(store, sweep("A", device("A", 1, interface_count=2**63, memory=1e18, uptime=5e-324)))
    control = Control("many", TITLE, "assets", "interface_count * memory * memory > 0 and uptime < 1")
    assert figure(await judge(store, goals(control))).met == 1


@pytest.mark.parametrize(
    ("key", "row"),
    [("software", {"when": NOW}), ("software", {"raw": b"\0"}), ("service", {"x": {1, 2}})],
)
async def test_a_table_of_what_is_no_json_is_refused(store: Store, key: str, row: dict[str, object]) -> None:
    said = Observation((Fact(key, row, "nmap", NOW),), asset=Identity(frozenset({("serial", "SN12345AB")})))
    with pytest.raises(InputError, match=f"fact {key}: found a .*, expected text, numbers"):
        await bring(store, reading("A", said))


async def test_a_table_nested_without_end_is_refused(store: Store) -> None:
    nested: dict[str, object] = {}
    for _ in range(5000):
        nested = {"x": nested}
    said = Observation((Fact("software", nested, "nmap", NOW),), asset=Identity(frozenset({("serial", "SN12345AB")})))
    with pytest.raises(InputError, match="nested more than 20 deep"):
        await bring(store, reading("A", said))


async def test_times_without_a_zone_or_out_of_time_are_refused(store: Store) -> None:
    await declare(store)
    naive, before = datetime(2026, 3, 1), datetime(1969, 12, 31, tzinfo=UTC)  # noqa: DTZ001
    for time in (naive, before, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InputError, match=r"found the time|which is in the future"):
            await bring(store, reading("A", Observation(say("icmp", time, link_answering=True), link="line-a")))
        with pytest.raises(InputError, match=r"found the time|which is in the future"):
            await bring(store, sweep("A", at=time))
    for time in (naive, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InputError, match="fact boot_time: found"):
            await bring(store, sweep("A", device("A", 1, boot_time=time)))


async def test_facts_of_before_2001_have_fewer_digits_and_the_same_order(store: Store) -> None:
    await declare(store)
    for at in (datetime(1970, 1, 3, tzinfo=UTC), datetime(2001, 9, 9, tzinfo=UTC)):
        early = replace(device("A", 1, at), facts=say("console", at, Proof.CONSOLE, role="switch", answering=True))
        later = at + HOUR * 2
        both = say("nmap", at, role="router") + say("agent", later, Proof.AGENT, role="server", vendor="x")
        await bring(store, reading("A", early, at=at))
        await bring(store, reading("A", replace(device("A", 1, later), facts=both), at=later))
        for role in ("switch", "server", "router"):
            control = Control("role", TITLE, "assets", f"role = '{role}'")
            assert figure(await judge(store, goals(control), later)).met == (role == "router")


# --- late word, and the word of several ------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.sampled_from([True, False, None])), max_size=40)
)
@settings(max_examples=60, deadline=None)
def test_what_is_taken_as_of_a_time_stays_what_was_taken_then(told: list[tuple[int, str, bool | None]]) -> None:
    """Sources of the same proof confirm and contradict each other in turn; ages run out in between."""
    at, then = NOW, {}
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)

        def taken(asked: datetime) -> object:
            said = facts.read(connection, KNOWN, "link", ["L"], asked)["L"]
            fact = facts.take(KNOWN, said, asked).get("link_answering")
            return None if fact is None else fact.value

        for hours, source, value in told:
            at += hours * HOUR
            facts.record(connection, KNOWN, {"link": [("L", Fact("link_answering", value, source, at))]}, at)
            then |= {asked: taken(asked) for asked in (at, at + HOUR / 2)}
        for asked, was in then.items():
            assert taken(asked) == was
    engine.dispose()


async def test_two_sources_that_disagree_by_turns_leave_the_past_as_it_was(store: Store) -> None:
    await declare(store)
    line = Control("line", TITLE, "links", "link_answering", "agency = 'A'")
    kept = []
    for half_hours in range(6):
        at = NOW + half_hours * HOUR / 2
        source, value = ("icmp", True) if half_hours % 2 == 0 else ("probe", False)
        said = Observation((Fact("link_answering", value, source, at),), link="line-a")
        await bring(store, reading("A", said, at=at, collector=source))
        kept.append(await judge(store, goals(line), at + HOUR / 4, keep=True))
    assert [figure(s).met for s in kept] == [1, 0, 1, 0, 1, 0]
    for snapshot in kept:
        assert (await judge(store, goals(line), snapshot.at)).coverage == snapshot.coverage


async def kept(store: Store, at: datetime) -> dict[str, tuple[str, datetime]]:
    rows, _ = await store.read(snapshots.standing, KNOWN, goals(FIREWALL), at, snapshots.Wanted())
    return {f.member: (str(f.status), f.since) for f in rows}


async def test_a_judgement_of_a_time_before_the_newest_one_kept_changes_nothing(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 1, role="firewall")))
    for hours in (0, 4):
        await judge(store, goals(FIREWALL), NOW + hours * HOUR, keep=True)
    told = await kept(store, NOW + 4 * HOUR)
    await bring(store, sweep("B", device("B", 1, NOW + HOUR, role="firewall"), at=NOW + HOUR))
    late = await judge(store, goals(FIREWALL), NOW + 2 * HOUR, keep=True)
    assert figure(late).met == 2
    assert await store.read(snapshots.newest) == NOW + 4 * HOUR
    assert await kept(store, NOW + 4 * HOUR) == told
    assert await store.read(lambda c: len(set(c.scalars(select(coverage.c.at))))) == 2


async def test_judging_one_instant_again_replaces_what_was_kept_of_it(store: Store) -> None:
    await declare(store)
    await bring(store, sweep("A", device("A", 1, role="firewall")))
    await judge(store, goals(FIREWALL), NOW, keep=True)
    at = NOW + HOUR
    await bring(store, sweep("A", at=at), sweep("B", device("B", 1, at, role="firewall"), at=at))
    first = await judge(store, goals(FIREWALL), at, keep=True)
    assert await kept(store, at) == {"A": ("unmet", at), "B": ("met", at), "C": ("unknown", NOW)}
    # What comes in late says that A had its firewall all along.
    await bring(store, reading("A", device("A", 1, at, role="firewall"), at=at))
    again = await judge(store, goals(FIREWALL), at, keep=True)
    assert (figure(first).met, figure(again).met) == (1, 2)
    assert await kept(store, at) == {"A": ("met", NOW), "B": ("met", at), "C": ("unknown", NOW)}
    stored = select(coverage.c.met).where(coverage.c.level == ALL_LEVELS, coverage.c.at == instant(at))
    assert await store.read(lambda c: c.scalar(stored)) == 2
