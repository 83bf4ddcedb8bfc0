"""Programs across machines, on SQLite and PostgreSQL: what is there, what was removed, as of any day, who has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from inventory import vocabulary
from inventory.store import Store, facts, runs, software
from inventory.store.software import Machine, Version, Wanted, order_of
from inventory.words import Fact, Identity, InputError, Observation, Proof, Run, Value

VOCABULARY = vocabulary.load()
DAY = timedelta(days=1)
T0 = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def report(machine: int, at: datetime, programs: dict[str, str], agency: str = "A", source: str = "agent") -> Run:
    said: list[Fact] = [Fact("sysname", f"PC-{machine:03}", source, at, Proof.AGENT)]
    for name, version in programs.items():
        value: Value = {"version": version, "publisher": f"Hãng {name[:1]}", "installed": ""}
        said.append(Fact("software", value, source, at, Proof.AGENT, name))
    identity = Identity(frozenset({("serial", f"SERIAL{machine:04}")}), agency=agency)
    seen = Observation(tuple(said), asset=identity, tables_read=frozenset({"software"}))
    return Run(source, f"PC-{machine:03}", at, at, (seen,), True, None, agency)


async def record(store: Store, *done: Run) -> None:
    for run in done:
        await store.write(runs.record, VOCABULARY, run, T0 + 30 * DAY)


async def listed(store: Store, at: datetime, wanted: Wanted | None = None, limit: int = 100) -> list[Version]:
    rows, _ = await store.read(software.programs, VOCABULARY, wanted or Wanted(), at, limit)
    return rows


async def who(store: Store, at: datetime, **wanted: object) -> list[Machine]:
    rows, total = await store.read(software.machines, VOCABULARY, Wanted(**wanted), at)  # type: ignore[arg-type]
    assert total == len(rows)
    return rows


def counts(rows: list[Version]) -> dict[tuple[str, str], int]:
    return {(v.name, v.version): v.machines for v in rows}


@pytest.fixture(params=["names wait", "names written", "some of both"])
async def filled(store: Store, request: pytest.FixtureRequest) -> Store:
    """Three machines of two agencies; on the second day one is updated and one loses a program."""
    await record(
        store,
        report(1, T0, {"LibreOffice": "24.2", "UniKey": "4.3", "7-Zip": "19.00"}),
        report(2, T0, {"LibreOffice": "24.2", "UniKey": "4.3"}),
    )
    if request.param == "some of both":
        await store.write(software.note_names)
    await record(
        store,
        report(3, T0, {"libreoffice-core": "7.4.7", "Hóa đơn điện tử": "2.0"}, "B"),
        report(1, T0 + DAY, {"LibreOffice": "24.8", "UniKey": "4.3", "7-Zip": "19.00"}),
        report(2, T0 + DAY, {"LibreOffice": "24.2"}),
    )
    if request.param == "names written":
        await store.write(software.note_names)
    return store


async def test_what_is_there_by_name_and_version(filled: Store) -> None:
    now = T0 + 2 * DAY
    assert counts(await listed(filled, now)) == {
        ("7-Zip", "19.00"): 1,
        ("Hóa đơn điện tử", "2.0"): 1,
        ("LibreOffice", "24.2"): 1,
        ("LibreOffice", "24.8"): 1,
        ("libreoffice-core", "7.4.7"): 1,
        ("UniKey", "4.3"): 1,
    }
    before = await listed(filled, T0 + DAY / 2)
    assert counts(before)["LibreOffice", "24.2"] == 2
    assert ("LibreOffice", "24.8") not in counts(before)
    # Of a day between two reports it is not known on which a program was removed: it is not said to be there.
    assert counts(before)["UniKey", "4.3"] == 1
    newer = next(v for v in await listed(filled, now) if v.version == "24.8")
    assert (newer.first_seen, newer.last_seen, newer.publisher) == (T0 + DAY, T0 + DAY, "Hãng L")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted("hoa don"), {"Hóa đơn điện tử"}),
        (Wanted("DON hoa"), {"Hóa đơn điện tử"}),
        (Wanted("libre"), {"LibreOffice", "libreoffice-core"}),
        (Wanted("libre", version="< 24.8"), {"LibreOffice", "libreoffice-core"}),
        (Wanted("libre", version="<8"), {"libreoffice-core"}),
        (Wanted("libre", version=">= 24.8.0"), {"LibreOffice"}),
        (Wanted("libre", agency="B"), {"libreoffice-core"}),
        (Wanted("", publisher="hãng u"), {"UniKey"}),
        (Wanted("", publisher="100%"), set()),
        (Wanted(name="UniKey"), {"UniKey"}),
        (Wanted(name="unikey"), set()),
        (Wanted("nothing like it"), set()),
        (Wanted(removed=True), {"UniKey"}),
    ],
)
async def test_a_search_finds(filled: Store, wanted: Wanted, found: set[str]) -> None:
    assert {v.name for v in await listed(filled, T0 + 2 * DAY, wanted)} == found


async def test_who_has_it_and_who_had_it(filled: Store) -> None:
    now = T0 + 2 * DAY
    has = await who(filled, now, name="LibreOffice")
    assert [(m.machine, m.agency, m.version, m.removed) for m in has] == [
        ("PC-001", "A", "24.8", False),
        ("PC-002", "A", "24.2", False),
    ]
    older = await who(filled, now, name="LibreOffice", version="24.2")
    assert [(m.machine, m.version) for m in older] == [("PC-002", "24.2")]
    (gone,) = await who(filled, now, text="unikey", removed=True)
    assert (gone.machine, gone.first_seen, gone.last_seen, gone.removed) == ("PC-002", T0, T0, True)
    assert [m.machine for m in await who(filled, T0 + DAY / 2, text="unikey")] == ["PC-001"]


async def test_what_was_not_read_again_is_no_longer_listed(filled: Store) -> None:
    late = T0 + DAY + VOCABULARY.keys["software"].max_age + DAY
    assert await listed(filled, late) == []


async def test_two_assets_that_are_one_count_once(filled: Store) -> None:
    twin = report(9, T0 + DAY, {"UniKey": "4.3"}, source="snmp")
    seen = twin.observations[0]
    same = Identity(frozenset({("serial", "SERIAL0001")}), agency="A")
    run = Run("snmp", "x", twin.started, twin.finished, (Observation(seen.facts, asset=same),), True, None, "A")
    await record(filled, run)
    assert counts(await listed(filled, T0 + 2 * DAY))["UniKey", "4.3"] == 1
    assert len(await who(filled, T0 + 2 * DAY, name="UniKey")) == 2  # both sources are told


async def test_what_is_derived_agrees_with_the_facts(filled: Store) -> None:
    """The same machine's table, read from its facts alone, has the same programs."""
    now = T0 + 2 * DAY
    for asset in (1, 2, 3):
        said = await filled.read(facts.read, VOCABULARY, "asset", [asset], now, {"software"})
        rows = facts.table_rows(VOCABULARY, said[asset], "software", now)
        has = {m.name for name in ("LibreOffice", "UniKey", "7-Zip", "libreoffice-core", "Hóa đơn điện tử")
               for m in await who(filled, now, name=name) if m.asset == asset}  # fmt: skip
        assert has == {fact.item for fact in rows}

    def rebuilt(connection):  # type: ignore[no-untyped-def]
        kept = "SELECT subject, source, last FROM software_read ORDER BY 1, 2"
        made = "SELECT subject, source, MAX(last) FROM asset_fact WHERE key = 'software' GROUP BY 1, 2 ORDER BY 1, 2"
        return [[tuple(row) for row in connection.execute(text(query))] for query in (kept, made)]

    kept, made = await filled.read(rebuilt)
    assert kept == made


async def test_names_are_written_down_once_many_machines_have_new_ones(store: Store) -> None:
    def waiting(connection: Connection) -> tuple[int, int]:
        counts = ("SELECT COUNT(*) FROM software_new", "SELECT COUNT(*) FROM software_name")
        new, names = (connection.scalar(text(count)) for count in counts)
        return new, names

    own = [{"7-Zip": "19.00", f"program {n}": "1"} for n in range(software.WAITING)]
    await record(store, *(report(n, T0, programs) for n, programs in enumerate(own[1:])))
    assert await store.read(waiting) == (software.WAITING - 1, 0)
    # A new version is no new name.
    await record(store, report(0, T0 + DAY, {"7-Zip": "24.08", "program 1": "2"}))
    assert await store.read(waiting) == (software.WAITING - 1, 0)
    await record(store, report(100, T0, own[0]))
    assert await store.read(waiting) == (0, 2 * software.WAITING)
    assert len(await who(store, T0 + DAY, name="7-Zip")) == software.WAITING
    await record(store, report(0, T0 + 2 * DAY, {"7-Zip": "24.09", "program 1": "2"}))
    assert await store.read(waiting) == (0, 2 * software.WAITING)


async def test_pages_of_names(filled: Store) -> None:
    pages = [
        await filled.read(software.programs, VOCABULARY, Wanted(), T0 + 2 * DAY, 2, offset) for offset in (0, 2, 4, 6)
    ]
    assert [sorted({v.name for v in rows}) for rows, _ in pages] == [
        ["7-Zip", "Hóa đơn điện tử"],
        ["LibreOffice", "libreoffice-core"],
        ["UniKey"],
        [],
    ]
    assert {total for _, total in pages} == {5}


@pytest.mark.parametrize("version", ["<", "new", "= "])
async def test_a_version_that_is_none(filled: Store, version: str) -> None:
    with pytest.raises(InputError, match="version: found"):
        await listed(filled, T0 + 2 * DAY, Wanted("a", version=version))


def test_versions_are_in_the_order_that_people_expect() -> None:
    ordered = ["0.9", "1.0-alpha", "1.0-rc1", "1.0", "1.0+deb12u1", "1.0.1", "1.2", "1.10", "2", "2024.1"]
    assert sorted(set(ordered), key=order_of) == ordered
    assert order_of("1.0") == order_of("1.0.0") == order_of("1")
