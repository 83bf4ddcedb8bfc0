"""Tables that are told again as they were, on SQLite and PostgreSQL: their digests follow from the facts."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from inventory import vocabulary
from inventory.store import Store, digests, runs
from inventory.store.tables import FOREVER
from inventory.words import Fact, Identity, Observation, Proof, Run

VOCABULARY = vocabulary.load()
DAY = timedelta(days=1)
T0 = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NOW = T0 + 400 * DAY
PROGRAMS = {f"program {number:02}": "1.0" for number in range(40)}
CHANGES = ("same", "same", "same", "change", "add", "remove", "late", "twice", "pause", "none", "proof")
LONGER = VOCABULARY.max_age("software") + DAY


def report(machine: str, at: datetime, programs: dict[str, str], proof: Proof = Proof.AGENT) -> Run:
    said = [Fact("sysname", machine, "agent", at, Proof.AGENT)]
    said += [
        Fact("software", {"version": version, "publisher": "Hãng", "installed": ""}, "agent", at, proof, name)
        for name, version in programs.items()
    ]
    identity = Identity(frozenset({("agent_id", machine)}))
    seen = Observation(tuple(said), asset=identity, tables_read=frozenset({"software"}))
    return Run("agent", machine, at, at, (seen,), True)


def rows_of(connection: Connection, machine: str) -> list[tuple[object, ...]]:
    query = (
        "SELECT f.key, f.item, f.source, f.first, f.last, f.until, f.proof, f.value FROM asset_fact f "
        "JOIN identifier i ON i.asset = f.subject WHERE i.value = :machine AND f.key = 'software' ORDER BY 2, 4"
    )
    return [tuple(row) for row in connection.execute(text(query), {"machine": machine})]


def kept(connection: Connection) -> dict[tuple[object, ...], digests.Kept]:
    rows = connection.execute(text("SELECT subject, key, source, last, count, digest FROM table_digest"))
    return {tuple(row[:3]): digests.Kept(*row[3:]) for row in rows}


def rebuilt(connection: Connection) -> dict[tuple[object, ...], digests.Kept]:
    """The digests of the same tables, made of the facts alone."""
    query = text(
        "SELECT item, value, proof FROM asset_fact WHERE subject = :subject AND key = :key AND source = :source "
        "AND last = :last AND until = :forever"
    )
    made = {}
    for table, digest in kept(connection).items():
        place = dict(zip(("subject", "key", "source"), table, strict=True)) | {"last": digest.last, "forever": FOREVER}
        rows = connection.execute(query, place).all()
        (proof,) = {row.proof for row in rows}
        found = digests.digest({row.item: row.value for row in rows}, proof)
        made[table] = digests.Kept(digest.last, len(rows), found)
    return made


def forget_of(connection: Connection, machine: str) -> None:
    query = "DELETE FROM table_digest WHERE subject IN (SELECT asset FROM identifier WHERE value = :machine)"
    connection.execute(text(query), {"machine": machine})


async def record(store: Store, run: Run) -> None:
    await store.write(runs.record, VOCABULARY, run, NOW)


async def test_programs_that_are_as_they_were_are_confirmed(store: Store) -> None:
    await record(store, report("PC-1", T0, PROGRAMS))
    before = await store.read(rows_of, "PC-1")
    await record(store, report("PC-1", T0 + DAY, PROGRAMS))
    after = await store.read(rows_of, "PC-1")
    later = vocabulary.instant(T0 + DAY)
    assert after == [(*row[:4], later, *row[5:]) for row in before]
    assert list((await store.read(kept)).values()) == [
        digests.Kept(later, len(PROGRAMS), digests.digest({str(r[1]): str(r[7]) for r in after}, Proof.AGENT))
    ]


async def test_a_row_that_is_missing_is_written_again(store: Store) -> None:
    """The digest is for speed: where it does not agree with the facts, the rows are compared."""
    await record(store, report("PC-1", T0, PROGRAMS))
    lost = "DELETE FROM asset_fact WHERE item = 'program 07'"
    await store.write(lambda connection: connection.execute(text(lost)) and None)
    await record(store, report("PC-1", T0 + DAY, PROGRAMS))
    rows = await store.read(rows_of, "PC-1")
    assert {row[1] for row in rows} == set(PROGRAMS)
    assert {row[4] for row in rows} == {vocabulary.instant(T0 + DAY)}
    assert await store.read(kept) == await store.read(rebuilt)


def told(choose: random.Random) -> list[tuple[datetime, dict[str, str], Proof]]:
    """What a machine tells in a year: mostly the same; else with changes, late, twice, after a pause, or nothing."""
    at, programs, proof, reports = T0, dict(PROGRAMS), Proof.AGENT, []
    for _ in range(24):
        match choose.choice(CHANGES):
            case "change":
                programs |= {choose.choice(sorted(programs)): str(choose.randint(2, 99))}
            case "add":
                programs |= {f"new {choose.randint(1, 99)}": "1"}
            case "remove":
                programs.pop(choose.choice(sorted(programs)))
            case "late":
                reports.append((at - choose.choice((1, 30)) * timedelta(hours=1), dict(PROGRAMS), proof))
                continue
            case "twice":
                reports.append((at, dict(programs), proof))
                continue
            case "pause":
                at += LONGER
            case "none":
                at += DAY
                reports.append((at, {}, proof))
            case "proof":
                proof = Proof.CONSOLE if proof is Proof.AGENT else Proof.AGENT
        at += DAY
        reports.append((at, dict(programs), proof))
    return reports


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_told_digests_change_nothing_but_the_speed(store: Store, seed: int) -> None:
    """A machine whose digests are forgotten before each report is kept in the same rows as one with them."""
    for at, programs, proof in told(random.Random(seed)):
        await record(store, report("PC-1", at, programs, proof))
        await store.write(forget_of, "PC-2")
        await record(store, report("PC-2", at, programs, proof))
        assert await store.read(rows_of, "PC-1") == await store.read(rows_of, "PC-2")
        assert await store.read(kept) == await store.read(rebuilt)
