"""What follows from backup jobs: the worst counts, order does not matter, and what is declared stays apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory import vocabulary
from inventory.backups import WHOLE, Job, join, read_row, sum_up, write_row
from inventory.goals import Goals, load_goals
from inventory.store import Store, backups, facts, registers, runs, snapshots
from inventory.store.backups import Told
from inventory.text import storable
from inventory.words import InputError, Proof, Status, Value
from tests.goals.test_systems import ROOT
from tests.inventory.sample import NOW, REGISTER, device, reading

KNOWN = vocabulary.load()
GOALS = load_goals(ROOT / "goals", KNOWN)
DAY = timedelta(days=1)
LATER = NOW + timedelta(seconds=1)
"""Reports that are told at one time are stored one after the other."""
SILENT = KNOWN.max_age("last_backup")


def job(name: str = WHOLE, days: float = 1, *, ok: bool | None = True, tested: float | None = None, **more: Any) -> Job:
    """A job whose newest attempt ended so many days ago; an older good one is known where it failed."""
    tried = None if ok is None else NOW - days * DAY
    finished = None if ok is None or tried is None else tried if ok else tried - DAY
    return Job(
        name, more.pop("seen", NOW), "here", tried, finished, ok, "" if ok is not False else "disk full",
        restore_tested=None if tested is None else NOW - tested * DAY, **more,
    )  # fmt: skip


# --- pure -------------------------------------------------------------------------------------------------------------


def stands(*jobs: tuple[Job, Proof] | Job, at: datetime = NOW) -> dict[str, Value]:
    told = [one if isinstance(one, tuple) else (one, Proof.AGENT) for one in jobs]
    found = sum_up(told, at, SILENT)
    assert found is not None
    return dict(found.values)


def test_the_oldest_backup_counts_and_one_failure_is_one() -> None:
    assert sum_up([], NOW, SILENT) is None
    told = stands(job("a", 1), job("b", 5))
    assert (told["last_backup"], told["last_backup_ok"]) == (NOW - 5 * DAY, True)
    told = stands(job("a", 1), job("b", 1, ok=False))
    assert (told["last_backup"], told["last_backup_ok"]) == (NOW - 2 * DAY, False)
    never = replace(job("b", 1, ok=False), finished=None)
    assert stands(job("a"), never)["last_backup"] is None
    assert "last_restore_test" not in stands(job("a"))


def test_a_restore_test_counts_where_every_job_has_one_or_the_whole_system() -> None:
    assert stands(job("a", tested=10), job("b"))["last_restore_test"] is None
    assert stands(job("a", tested=10), job("b", tested=30))["last_restore_test"] == NOW - 30 * DAY
    whole = (job(WHOLE, ok=None, tested=20), Proof.DECLARED)
    told = stands(job("a", tested=10), job("b"), whole)
    assert (told["last_restore_test"], told["restore_test_declared"]) == (NOW - 20 * DAY, True)
    assert told["last_backup"] == NOW - DAY and told["backup_declared"] is False


def test_what_is_declared_of_backups_counts_only_where_nobody_measured() -> None:
    declared = (job(WHOLE, 90), Proof.DECLARED)
    assert stands(declared) | {"x": 0} == {
        "last_backup": NOW - 90 * DAY, "last_backup_ok": True, "backup_declared": True, "x": 0,
    }  # fmt: skip
    assert stands(declared, job("a", 2))["last_backup"] == NOW - 2 * DAY


def test_a_job_whose_source_fell_silent_makes_it_unknown() -> None:
    old = replace(job("b", 40), seen=NOW - SILENT - DAY)
    told = stands(job("a"), old)
    assert (told["last_backup"], told["last_backup_ok"]) == (None, None)


times = st.integers(1_577_836_800, 1_767_225_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))

# What no database holds is taken out of a text before it is a job's.
texts = st.text(max_size=20).map(storable)


@st.composite
def attempts(draw: st.DrawFn) -> Job:
    ok = draw(st.sampled_from((True, False, None)))
    tried = None if ok is None else draw(times)
    return Job(
        "nightly", draw(times), draw(texts), tried, tried if ok else None, ok,
        draw(texts), draw(st.none() | st.integers(0, 2**60)), draw(st.none() | times),
    )  # fmt: skip


@given(st.lists(attempts(), min_size=1, max_size=6, unique_by=lambda one: one.tried), st.randoms())
def test_attempts_told_in_any_order_and_twice_are_the_same(told: list[Job], random: Any) -> None:
    def joined(order: list[Job]) -> Job:
        known = None
        for one in order:
            known = join(known, one)
        assert known is not None
        return known

    mixed = [*told, *told]
    random.shuffle(mixed)
    one, other = joined(told), joined(mixed)
    assert (one.tried, one.ok, one.finished, one.seen) == (other.tried, other.ok, other.finished, other.seen)
    assert one.restore_tested == other.restore_tested


@given(attempts())
def test_a_row_reads_back_as_it_was_written(told: Job) -> None:
    row = write_row(told)
    key = KNOWN.keys["backup"]
    stored = vocabulary.read_value(key, vocabulary.write_value(key, dict(row)))
    assert isinstance(stored, dict)
    assert read_row(told.name, row, NOW) == told
    assert write_row(read_row(told.name, stored, NOW)).keys() == row.keys()


@given(st.dictionaries(st.sampled_from((*KNOWN.keys["backup"].columns, "x")), st.none() | st.text() | st.integers()))
def test_a_row_of_anything_is_read(row: dict[str, object]) -> None:
    read_row("a", row, NOW)


# --- in the store -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def servers(store: Store) -> AsyncIterator[Store]:
    """Two servers at A and one of the same name as the second at B."""

    def do(connection: Any) -> None:
        registers.replace(connection, REGISTER)
        seen = (
            device("A", 10, role="server", sysname="sql01.tinh.gov.vn", serial="SN-12345-A"),
            device("A", 11, role="server", sysname="web01"),
            device("B", 11, role="server", sysname="web01"),
        )
        for one in seen:
            runs.record(connection, KNOWN, reading("A", one), NOW)

    await store.write(do)
    yield store


def told(system: str, one: Job, agency: str | None = None, **more: Any) -> Told:
    return Told("backups[0]", system, one, agency, **more)


async def take(store: Store, *given: Told, source: str = "push", **more: Any) -> backups.Outcome:
    proof = more.pop("proof", Proof.AGENT)
    return await store.write(backups.take_in, KNOWN, source, proof, given, more.pop("now", NOW), **more)


async def known(store: Store, name: str, agency: str = "A", at: datetime = LATER) -> backups.BackupState:
    found = await store.read(backups.listed, KNOWN, at)
    return next(s for s in found if s.name.startswith(name) and s.agency == agency)


async def answer(store: Store, control: str, at: datetime = LATER) -> dict[str, Status]:
    plan = next(p for p in GOALS.plans.values() if any(g.control == control for g in p.goals))
    asked = Goals({control: GOALS.controls[control]}, {plan.id: plan})
    rows = await store.read(snapshots.members, KNOWN, asked, control, at)
    return {f.member: f.status for f in rows}


async def test_jobs_are_kept_beside_each_other_and_the_worst_one_counts(servers: Store) -> None:
    assert (await take(servers, told("SQL01", job("db", 1)))).new == 1
    assert (await take(servers, told("sql01", job("files", 6, tested=3)))).new == 1
    assert (await take(servers, told("SN-12345-A", job("files", 6, tested=3)))).new == 0
    state = await known(servers, "sql01")
    assert [(one.name, source) for one, _, source in state.jobs] == [("files", "push"), ("db", "push")]
    assert (state.last_backup, state.ok, state.restore_tested) == (NOW - 6 * DAY, True, None)
    number = str(state.asset)
    assert (await answer(servers, "server_backed_up"))[number] is Status.MET
    assert (await answer(servers, "server_restore_tested"))[number] is Status.UNKNOWN
    # A late report of an older attempt changes nothing; a job that ended counts no more.
    assert (await take(servers, told("sql01", job("db", 3, ok=False)))).new == 0
    await take(servers, told("sql01", job("files", 0, ok=None), ended=True))
    assert (await known(servers, "sql01")).last_backup == NOW - DAY
    await take(servers, told("sql01", job("db", 0.1, ok=False)))
    assert (await answer(servers, "server_backed_up"))[number] is Status.UNMET
    await take(servers, told("sql01", job("db", 0, ok=None), ended=True))
    assert (await answer(servers, "server_backed_up"))[number] is Status.UNKNOWN


async def test_what_is_declared_is_told_apart(servers: Store) -> None:
    await take(servers, told("sql01", job(days=2, tested=9)), source="declared", proof=Proof.DECLARED)
    number = str((await known(servers, "sql01")).asset)
    assert (await answer(servers, "server_backed_up"))[number] is Status.DECLARED
    assert (await answer(servers, "server_restore_tested"))[number] is Status.DECLARED
    await take(servers, told("sql01", job("db", 8)))
    assert (await answer(servers, "server_backed_up"))[number] is Status.UNMET
    await take(servers, told("sql01", job("db", 1)))
    assert (await answer(servers, "server_backed_up"))[number] is Status.MET
    assert (await answer(servers, "server_restore_tested"))[number] is Status.DECLARED


async def test_past_days_are_judged_as_they_were(servers: Store) -> None:
    for day in range(10):
        await take(servers, told("sql01", replace(job(days=0), tried=NOW + day * DAY, finished=NOW + day * DAY)),
                   now=NOW + day * DAY)  # fmt: skip
    number = str((await known(servers, "sql01")).asset)
    for day, expected in ((0, Status.MET), (9, Status.MET), (16, Status.MET), (17, Status.UNMET), (45, Status.UNKNOWN)):
        assert (await answer(servers, "server_backed_up", NOW + (day + 0.1) * DAY - DAY * (day == 16)))[
            number
        ] is expected


@pytest.mark.parametrize(
    ("system", "agency", "expected"),
    [
        ("web01", None, "found 'web01', which 2 assets are called; expected one: name its agency or its serial number"),
        ("192.168.1.10", None, "expected the name or serial number of a known asset, or its address together with its"),
        ("192.168.1.99", "A", "expected the name or serial number of a known asset"),
        ("sql01", "B", "expected an asset of the agency B"),
        ("sql0", None, "expected the name or serial number"),
        ("%", None, "expected the name or serial number"),
        (" ", None, "expected the name or serial number"),
    ],
)
async def test_a_system_that_is_not_known_is_told_and_nothing_is_stored(
    servers: Store, system: str, agency: str | None, expected: str
) -> None:
    with pytest.raises(InputError, match="system: found") as refused:
        await take(servers, told("web01", job(), "B"), told(system, job(), agency))
    assert expected in str(refused.value)
    assert (await known(servers, "web01", "B")).jobs == ()


async def test_an_address_counts_inside_its_agency(servers: Store) -> None:
    await take(servers, told("192.168.1.11", job(days=1), "B"))
    await take(servers, told("web01", job(days=2)), agency="A")
    assert (await known(servers, "web01", "B")).last_backup == NOW - DAY
    assert (await known(servers, "web01", "A")).last_backup == NOW - 2 * DAY
    for named in (None, "A"):
        with pytest.raises(InputError, match="the token is for this agency alone"):
            await take(servers, told("sql01", job(), named), agency="B")


async def test_a_folder_that_holds_no_backup_any_more_says_so(servers: Store) -> None:
    both = (told("sql01", replace(job("db"), told="/b")), told("web01", replace(job("db"), told="/b"), "A"))
    await take(servers, *both, source="backups", folder="/b", strict=False)
    done = await take(servers, both[0], told("gone", job()), source="backups", folder="/b", strict=False)
    assert [one.system for one, _ in done.unknown] == ["gone"]
    assert (await known(servers, "sql01")).ok is True
    state = await known(servers, "web01", "A")
    assert (state.ok, state.last_backup, state.jobs[0][0].why) == (False, None, "gone")
    # Another folder's files are no matter of this one.
    await take(servers, source="backups", folder="/other", strict=False)
    assert (await known(servers, "sql01")).ok is True


async def test_a_backup_that_is_being_written_hides_no_failure_before_it(servers: Store) -> None:
    failed = replace(job("db", ok=False), told="/b")
    await take(servers, told("sql01", failed), source="backups", folder="/b", strict=False)
    writing = Job("db", NOW + timedelta(minutes=1), "/b", why="writing")
    await take(servers, told("sql01", writing), source="backups", folder="/b", strict=False)
    state = await known(servers, "sql01")
    assert (state.ok, state.jobs[0][0]) == (False, replace(failed, seen=writing.seen))
    # One of which nothing else is known is being written, and no more.
    await take(servers, told("web01", writing, "A"), source="backups", folder="/b", strict=False)
    assert (await known(servers, "web01", "A")).jobs[0][0].why == "writing"


async def test_what_an_exporter_tells_in_a_run_is_concluded_with_the_rest(servers: Store) -> None:
    await take(servers, told("sql01", job("db", 1)))
    row = write_row(job("borg", 4))
    seen = device("A", 10, role="server", serial="SN-12345-A")
    table = facts_of("backup", "borg", row)
    run = reading("A", replace(seen, facts=(*seen.facts, table), tables_read=frozenset({"backup"})))
    await servers.write(runs.record, KNOWN, run, NOW)
    assert (await known(servers, "sql01")).last_backup == NOW - 4 * DAY


def facts_of(key: str, item: str, row: dict[str, object]) -> facts.Fact:
    return facts.Fact(key, row, "exporter", NOW, item=item)


async def test_a_dry_run_and_too_many_jobs_store_nothing(servers: Store) -> None:
    done = await servers.read(backups.take_in, KNOWN, "declared", Proof.DECLARED, [told("sql01", job())], NOW, dry=True)
    assert (done.jobs, done.new) == (1, 1)
    with pytest.raises(InputError, match="found 201 jobs of sql01, expected at most 200"):
        await take(servers, *(told("sql01", job(f"j{n}")) for n in range(201)))
    with pytest.raises(InputError, match="in the future"):
        await take(servers, told("sql01", job(days=-1)))
    assert (await known(servers, "sql01")).jobs == ()
