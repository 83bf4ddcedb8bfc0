"""How a push settles single objects: in portions, refused ones apart, and not for ever where nobody answers.

Before it stands a test server of our own that speaks as NetBox does: what a real one takes is tested in `tests/api`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from collectors.transports.netbox import Wire
from exporters.netbox.wanted import addresses_of, mac_of, names_of, slug_of, told_last, type_of
from exporters.netbox.writing import Want, Writer
from inventory.netbox import FoundDevice, FoundInterface
from inventory.words import Credential

KIND = "dcim/manufacturers"
Answer = Callable[[list[dict[str, Any]]], tuple[int, Any]]


@dataclass
class Server:
    """What it was sent, and how it answers."""

    url: str = ""
    sent: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    answer: Answer = lambda rows: (201, [row | {"id": n} for n, row in enumerate(rows, 1)])


@contextmanager
def serving() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.sent.append((self.command, rows))
            status, answer = told.answer(rows)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PATCH = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """What it was sent is in the list."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def settle(server: Server, wants: list[Want], **more: Any) -> Writer:
    with Wire(server.url, Credential("nb", "netbox", {"token": "nbt_a.b"}), 5) as wire:
        writer = Writer(wire, **more)
        writer.settle(wants)
    return writer


def makers(number: int) -> list[Want]:
    return [Want(KIND, f"m{n}", first={"name": f"m{n}"}) for n in range(number)]


def refusing(*bad: str, named: bool = True) -> Answer:
    """A NetBox that takes none of a request in which one of these is, as its bulk writes do."""

    def answer(rows: list[dict[str, Any]]) -> tuple[int, Any]:
        errors = [{"index": n, "errors": {"name": ["No."]}} for n, row in enumerate(rows) if row["name"] in bad]
        if not errors:
            return 201, [row | {"id": n} for n, row in enumerate(rows, 1)]
        return 400, {"detail": "1 of 2", "errors": errors} if named else {"detail": "No."}

    return answer


def test_a_request_has_at_most_a_hundred_objects(server: Server) -> None:
    writer = settle(server, makers(250))
    assert [len(rows) for _, rows in server.sent] == [100, 100, 50]
    assert len(writer.pushed.changes) == 250 and not writer.pushed.failures


@pytest.mark.parametrize("named", [True, False])
def test_the_good_ones_of_a_refused_request_are_made_without_the_bad(server: Server, named: bool) -> None:
    server.answer = refusing("m1", named=named)
    writer = settle(server, makers(4))
    assert {c.name for c in writer.pushed.changes} == {"m0", "m2", "m3"}
    [failure] = writer.pushed.failures
    assert failure.names == ("m1",) and "No." in failure.why and not failure.lost
    # One that NetBox names is not asked for again, and the rest together; where it names none each is tried.
    assert [len(rows) for _, rows in server.sent] == ([4, 3] if named else [4, 1, 1, 1, 1])


def test_where_nobody_answers_the_rest_is_not_begun(server: Server) -> None:
    server.answer = lambda rows: (502, {"detail": "Bad gateway"})
    writer = settle(server, makers(1000))
    assert len(server.sent) == 3 and writer.pushed.broken_off
    assert [len(f.names) for f in writer.pushed.failures] == [100, 100, 100]
    assert all(f.lost for f in writer.pushed.failures) and not writer.pushed.changes


def test_a_right_that_is_missing_is_asked_for_once(server: Server) -> None:
    server.answer = lambda rows: (403, {"detail": "You do not have permission to perform this action."})
    writer = settle(server, makers(300))
    assert len(server.sent) == 1 and len(writer.pushed.failures) == 3
    assert "expected the right “add” on dcim/manufacturers" in writer.pushed.failures[0].why


def test_a_push_that_is_stopped_begins_nothing_more(server: Server) -> None:
    sent: list[int] = []
    writer = settle(server, makers(300), advance=lambda kind, n: sent.append(n), stopped=lambda: len(sent) >= 2)
    assert sent == [100, 100] and writer.pushed.broken_off and len(writer.pushed.changes) == 200


def test_an_answer_that_tells_of_other_objects_is_not_believed(server: Server) -> None:
    server.answer = lambda rows: (201, [{"id": 1}])
    writer = settle(server, makers(2))
    assert writer.pushed.failures[0].lost and not writer.pushed.changes


def test_only_its_own_and_only_what_differs_is_sent(server: Server) -> None:
    server.answer = lambda rows: (200, rows)
    record = {
        "id": 7, "name": "old", "role": {"id": 3}, "type": {"value": "virtual"}, "custom_fields": {"a": 1, "b": 2},
        "tags": [{"id": 5}], "speed": None,
    }  # fmt: skip
    values = {"name": "new", "role": 3, "type": "virtual", "custom_fields": {"a": 1, "b": 9}, "tags": [6], "speed": 10}
    writer = settle(server, [Want(KIND, "x", values, record=record, own=True), Want(KIND, "y", values, record=record)])
    [(verb, rows)] = server.sent
    assert verb == "PATCH"
    assert rows == [{"id": 7, "name": "new", "custom_fields": {"b": 9}, "tags": [5, 6], "speed": 10}]
    [change] = writer.pushed.changes
    assert change.fields["name"] == ("old", "new") and change.fields["custom_fields"] == ("b 2", "b 9")
    assert writer.pushed.unchanged == 1


def test_a_dry_run_sends_nothing(server: Server) -> None:
    wants = makers(2)
    writer = settle(server, wants, dry=True)
    assert server.sent == [] and len(writer.pushed.changes) == 2
    assert {w.id for w in wants} == {-1, -2}


# --- how what was found is written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "slug"),
    [("Sở Y tế", "so-y-te"), ("Đảng ủy – “xã”", "dang-uy-xa"), ("  --  ", "x-"), ("🏥", "x-"), ("a" * 200, "a" * 100)],
)
def test_slugs_are_of_letters_and_digits(text: str, slug: str) -> None:
    assert slug_of(text).startswith(slug) and len(slug_of(text)) <= 100


@pytest.mark.parametrize(
    ("kind", "speed", "told"),
    [("ethernet", 1_000_000_000, "1000base-t"), ("ethernet", 10_000_000_000, "10gbase-x-sfpp"),
     ("ethernet", 100_000_000, "100base-tx"), ("ethernet", None, "other"), ("vlan", 1_000_000_000, "virtual"),
     ("aggregate", 2_000_000_000, "lag"), (None, None, "other"), ("wireless", 1, "other-wireless")],
)  # fmt: skip
def test_interfaces_have_types_by_kind_and_speed(kind: str | None, speed: int | None, told: str) -> None:
    assert type_of(FoundInterface("x", kind, True, speed, None, "")) == told


def found(asset: int, name: str, address: str | None = None, agency: str = "A", **more: Any) -> FoundDevice:
    return FoundDevice(asset, agency, name, "switch", "", "", "", "", "", address, None, **more)


def test_two_of_one_name_are_told_apart_in_their_agency_alone() -> None:
    devices = [found(1, "SW", "10.0.0.1"), found(2, "sw"), found(3, "sw", agency="B"), found(4, "x" * 80)]
    assert names_of(devices) == {1: "SW (10.0.0.1)", 2: "sw (#2)", 3: "sw", 4: "x" * 64}


def test_one_that_replaced_another_has_its_name_and_address_and_is_told_apart() -> None:
    devices = [found(1, "fw", "10.0.0.1"), found(2, "fw", "10.0.0.1"), found(3, "FW", "10.0.0.3")]
    assert names_of(devices) == {1: "fw (#1)", 2: "fw (#2)", 3: "FW (10.0.0.3)"}
    unnamed = [found(4, "10.0.0.4", "10.0.0.4"), found(5, "10.0.0.4", "10.0.0.4")]
    assert names_of(unnamed) == {4: "10.0.0.4 (#4)", 5: "10.0.0.4 (#5)"}


def test_of_two_that_have_one_address_those_count_that_said_so_lately() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    ages = {1: timedelta(days=3), 2: timedelta(hours=2), 3: timedelta(0), 4: timedelta(days=3)}
    claims = [(found(n, "fw", agency="AAAB"[n - 1], placed=now - age), "10.0.0.1/24") for n, age in ages.items()]
    assert told_last(claims) == {("A", "10.0.0.1"): {2, 3}, ("B", "10.0.0.1"): {4}}
    assert told_last([(found(5, "x"), "10.0.0.1/24"), claims[0]]) == {("A", "10.0.0.1"): {1}}


def test_addresses_of_nobody_are_left_out_and_the_primary_one_has_an_interface() -> None:
    stated = (("127.0.0.1/8", "lo"), ("fe80::1/64", "eth0"), ("10.0.0.5/24", "eth0"), ("10.0.0.5/24", "eth1"))
    assert addresses_of(found(1, "a", "10.0.0.9", addresses=stated), {}) == [
        ("10.0.0.5/24", "eth0", False),
        ("10.0.0.9/32", "primary", True),
    ]
    assert mac_of("00:1b:ab:cd:ef:01") == "00:1B:AB:CD:EF:01"
