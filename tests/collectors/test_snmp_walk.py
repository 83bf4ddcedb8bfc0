"""Whole tables over SNMP: as few requests as they fit, every row, and no row too many from agents that are wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import pytest

from collectors.transports.snmp import SnmpAnswerError, SnmpClient, SnmpTimeout
from collectors.transports.snmp_column import Column, ColumnError
from inventory.words import Credential
from tests.collectors.snmpd import COMMUNITY, secret, snmpd
from tests.lab.snmp_agent import (
    GET,
    GET_BULK,
    GET_NEXT,
    Agent,
    Recording,
    Request,
    Responder,
    encode_value,
    misbehave,
    parse_oid,
    replay,
)

IF = "1.3.6.1.2.1.2.2.1"
COLUMNS = [f"{IF}.{number}" for number in (2, 3, 5, 7, 8)]


def table(rows: int, *, text: str = "port", holes: tuple[int, ...] = ()) -> Recording:
    """A table of interfaces; the columns with holes lack some rows."""
    values = {parse_oid("1.3.6.1.2.1.1.5.0"): encode_value("4", "x")}
    for column in (2, 3, 5, 7, 8):
        for row in range(1, rows + 1):
            if column in holes and row % 7 == column % 7:
                continue
            values[parse_oid(f"{IF}.{column}.{row}")] = encode_value(*(("4", text) if column == 2 else ("2", str(row))))
    values[parse_oid(f"{IF}.22.1")] = encode_value("6", "0.0")
    return Recording(values)


@contextmanager
def answering(responder: Responder, community: str = "public") -> Iterator[tuple[Agent, int]]:
    agent = Agent(community)
    _, port = agent.listen("127.0.0.1", 0, responder)
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        yield agent, port
    finally:
        agent.stop()
        thread.join()
        agent.close()


def client(port: int, kind: str = "snmp-v2c", **limits: float) -> SnmpClient:
    wait = limits.get("timeout", 1.0)
    return SnmpClient("127.0.0.1", port, Credential("lab", kind, {"community": "public"}), timeout=wait, tries=2)


@pytest.mark.parametrize("rows", [1, 24, 25, 48, 60])
async def test_a_column_takes_one_request_where_its_rows_fit_one_answer(rows: int) -> None:
    with answering(replay(table(rows), 4000)) as (agent, port):
        async with client(port) as device:
            read = await device.walk_many(COLUMNS)
    assert [len(read[column]) for column in COLUMNS] == [rows] * 5
    assert read[COLUMNS[1]] == {str(n): n for n in range(1, rows + 1)}
    # The first column's rows are not known before, so beyond 24 it takes one request more.
    assert agent.requests == 5 + (rows > 24)


async def test_a_table_at_the_end_of_what_a_device_shows_costs_no_request_more() -> None:
    whole = table(24)
    last = Recording({oid: value for oid, value in whole.values.items() if oid < parse_oid(f"{IF}.22")})
    with answering(replay(last, 4000)) as (agent, port):
        async with client(port) as device:
            read = await device.walk_many(COLUMNS)
    assert [len(rows) for rows in read.values()] == [24] * 5
    assert agent.requests == 5


@pytest.mark.parametrize(
    ("kind", "holes"),
    # Over v1 the first column's rows are the table's.
    [("snmp-v1", ()), ("snmp-v1", (3, 7)), ("snmp-v2c", ()), ("snmp-v2c", (2, 3, 5, 7, 8))],
)
async def test_every_row_is_read_also_of_columns_that_have_others(kind: str, holes: tuple[int, ...]) -> None:
    recording = table(40, holes=holes)
    with answering(replay(recording)) as (_, port):
        async with client(port, kind) as device:
            read = await device.walk_many([*COLUMNS, f"{IF}.10", f"{IF}.22"])
    for column in COLUMNS:
        base = parse_oid(column)
        there = [".".join(map(str, oid[len(base) :])) for oid in recording.oids if oid[: len(base)] == base]
        assert list(read[column]) == there
    assert read[f"{IF}.10"] == {}
    assert read[f"{IF}.22"] == {"1": "0.0"}


async def test_v1_asks_for_many_rows_at_once_where_they_are_known() -> None:
    with answering(replay(table(40))) as (agent, port):
        async with client(port, "snmp-v1") as device:
            await device.walk_many(COLUMNS)
    # 41 for the first column; then one for the first row and two or three for the rest.
    assert agent.requests <= 41 + 4 * 4


async def test_long_rows_are_asked_for_in_lots_that_the_codec_can_read() -> None:
    with answering(replay(table(200, text="x" * 180), 60_000)) as (agent, port):
        async with client(port) as device:
            read = await device.walk_many(COLUMNS)
    assert [len(rows) for rows in read.values()] == [200] * 5
    assert agent.requests < 40


async def test_a_column_that_is_answered_with_an_error_does_not_cost_the_others() -> None:
    honest = replay(table(24))
    bad = parse_oid(COLUMNS[2])

    def respond(request: Request) -> bytes | None:
        walked = request.kind in (GET_BULK, GET_NEXT)
        return request.refuse(5, 1) if walked and request.oids[0][:10] == bad else honest(request)

    with answering(respond) as (_, port):
        async with client(port) as device:
            with pytest.raises(SnmpAnswerError, match="genErr") as caught:
                await device.walk_many(COLUMNS)
    assert caught.value.partial == {COLUMNS[2]}
    assert [len(caught.value.read[column]) for column in COLUMNS] == [24, 24, 0, 24, 24]


async def test_silence_in_the_middle_keeps_what_was_read() -> None:
    honest = replay(table(24))
    bad = parse_oid(COLUMNS[2])

    def respond(request: Request) -> bytes | None:
        return None if request.oids[0][:10] == bad else honest(request)

    with answering(respond) as (_, port):
        async with client(port, timeout=0.1) as device:
            with pytest.raises(SnmpTimeout) as caught:
                await device.walk_many(COLUMNS)
    assert caught.value.partial == set(COLUMNS[2:])
    assert [len(caught.value.read[column]) for column in COLUMNS] == [24, 24, 0, 0, 0]


NUMBERS = COLUMNS[1:]


@pytest.mark.parametrize("kind", ["snmp-v1", "snmp-v2c"])
async def test_numbers_are_read_together_and_are_what_a_walk_of_each_gives(kind: str) -> None:
    requests: list[Request] = []
    honest = replay(table(24))

    def respond(request: Request) -> bytes | None:
        requests.append(request)
        return honest(request)

    with answering(respond) as (_, port):
        async with client(port, kind) as device:
            names = await device.walk_many(COLUMNS[:1])
            requests.clear()
            walked = await device.walk_many(NUMBERS, known=names[COLUMNS[0]])
            alone = len(requests)
            together = await device.walk_many(NUMBERS, known=names[COLUMNS[0]], numbers=NUMBERS)
    assert together == walked
    assert [len(rows) for rows in together.values()] == [24] * len(NUMBERS)
    assert len(requests) - alone == (2 if kind == "snmp-v2c" else alone)


async def test_a_column_that_is_not_there_and_one_with_gaps_are_told_as_by_a_walk() -> None:
    missing = f"{IF}.99"
    with answering(replay(table(24, holes=(5,)))) as (_, port):
        async with client(port) as device:
            known = await device.walk(COLUMNS[0])
            read = await device.walk_many([*NUMBERS, missing], known=known, numbers=[*NUMBERS, missing])
    assert read[missing] == {}
    assert [len(read[column]) for column in NUMBERS] == [24, 21, 24, 24]
    assert not {"5", "12", "19"} & read[NUMBERS[1]].keys()


@pytest.mark.parametrize("fault", ["silence", "tooBig", "genErr", "cut", "twice", "foreign"])
async def test_an_agent_that_cannot_answer_for_several_columns_is_walked(fault: str) -> None:
    honest = replay(table(24))
    asked = []

    def respond(request: Request) -> bytes | None:
        if request.kind != GET or len(request.oids) < 25:
            return honest(request)
        asked.append(len(request.oids))
        spoilt = copy(request)
        spoilt.oids = {
            "cut": request.oids[:20],
            "twice": [*request.oids, request.oids[0]],
            "foreign": [parse_oid(f"{IF}.2.9"), *request.oids[1:]],
        }.get(fault, request.oids)
        errors = {"silence": None, "tooBig": request.refuse(1, 0), "genErr": request.refuse(5, 3)}
        return errors[fault] if fault in errors else honest(spoilt)

    with answering(respond) as (_, port):
        async with client(port, timeout=0.2) as device:
            known = await device.walk(COLUMNS[0])
            await device.get_many([f"{IF}.2.1"])
            read = await device.walk_many(NUMBERS, known=known, numbers=NUMBERS)
            again = await device.walk_many(NUMBERS, known=known, numbers=NUMBERS)
    assert [len(rows) for rows in read.values()] == [24] * len(NUMBERS)
    assert again == read
    # What it could not do once is not tried again; silence may be a lost datagram, so it is asked twice.
    assert len(asked) == (2 if fault == "silence" else 1)


@pytest.mark.parametrize("mode", ["endless", "loop", "decreasing"])
@pytest.mark.parametrize("kind", ["snmp-v1", "snmp-v2c"])
async def test_columns_without_an_end_are_each_an_error(mode: str, kind: str) -> None:
    with answering(misbehave(mode)) as (_, port):
        async with client(port, kind) as device:
            with pytest.raises(SnmpAnswerError) as caught:
                await device.walk_many(COLUMNS, max_rows=300)
    assert caught.value.partial == set(COLUMNS)
    assert all(len(rows) <= 300 for rows in caught.value.read.values())


@pytest.mark.parametrize("user", ["v2c", "sha512-aes256"])
async def test_a_real_agent_gives_the_same_by_column_and_by_table(tmp_path: Path, user: str) -> None:
    credential = (
        Credential("lab", "snmp-v2c", {"community": COMMUNITY})
        if user == "v2c"
        else Credential(user, "snmp-v3", secret(user))
    )
    with snmpd(tmp_path) as port:
        async with SnmpClient("127.0.0.1", port, credential) as device:
            read = await device.walk_many(COLUMNS[:4])
            assert read == {column: await device.walk(column) for column in COLUMNS[:4]}
    assert b"lo" in read[COLUMNS[0]].values()


@pytest.mark.parametrize(
    "answers",
    [
        [{"1.2.3.5": 1, "1.2.3.4": 1}],
        [{"1.2.3.5": 1}, {"1.2.3.5": 1}],
        [{"1.2.3.2.9": 1}, {"1.2.3.2.8": 1}],
        # What follows a column lies behind it.
        [{"1.2.3.5": 1}, {"1.2.2.9": 1}],
        [{"1.2.3": 1}],
        [{"1.2.4.1": 1, "1.2.3.5": 1}],
    ],
)
def test_rows_out_of_order_are_refused(answers: list[dict[str, int]]) -> None:
    column = Column("1.2.3", 100)
    with pytest.raises(ColumnError, match="do not increase"):
        for answer in answers:
            assert not column.take(dict(answer))


def test_rows_that_increase_as_numbers_are_taken() -> None:
    column = Column("1.2.3", 100)
    assert not column.take({"1.2.3.9": 1, "1.2.3.10": 2, "1.2.3.10.1": 3, "1.2.3.11": 4})
    assert column.take({"1.2.3.100": 5, "1.2.30.1": 6})
    assert list(column.rows) == ["9", "10", "10.1", "11", "100"]


def test_known_rows_are_followed_by_rows_behind_them() -> None:
    column = Column("1.2.3", 100, ["1", "2", "5"])
    assert not column.take({"1.2.3.1": 1, "1.2.3.2": 1})
    assert not column.take({"1.2.3.3": 1})
    with pytest.raises(ColumnError):
        column.take({"1.2.3.3": 1})
