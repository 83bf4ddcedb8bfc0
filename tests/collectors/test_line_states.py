"""Whose silence counts: every line of a tree, whatever answers and whatever does not."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.lines import Heard, Limits, Line, State, judge_lines, observe
from collectors.transports.echo import Trips
from collectors.transports.icmp import IPAddress
from tests.inventory.sample import NOW

GOOD, SILENT = Trips(20, (0.01,) * 20), Trips(20, ())
GATEWAY, HOP = ip_address("10.0.0.1"), ip_address("10.0.0.2")


def place(number: int) -> IPAddress:
    return ip_address(f"10.1.0.{number}")


#: A centre, a district behind it and a commune behind that; a neighbour behind the centre; one of its own.
TREE = {
    "centre": Line("centre", place(1)),
    "district": Line("district", place(2), via="centre"),
    "commune": Line("commune", place(3), via="district"),
    "neighbour": Line("neighbour", place(4), via="centre"),
    "own": Line("own", place(5)),
}


def told(*up: str, lines: dict[str, Line] = TREE, **more: object) -> dict[str, str]:
    """State and reason of each line when these answer."""
    echoes = {v.address: GOOD if code in up else SILENT for code, v in lines.items() if v.address}
    heard: dict[str, object] = {"loopback": {4: True}} | more
    heard["echoes"] = echoes | heard.pop("others", {})  # type: ignore[operator]
    found = judge_lines(lines, Heard(**heard))  # type: ignore[arg-type]
    return {code: f"{state.state} {state.reason}" for code, state in found.items()}


def test_all_up() -> None:
    assert set(told(*TREE).values()) == {"up icmp"}


def test_the_line_nearest_to_us_is_the_cause() -> None:
    assert told("own") == {
        "centre": "down silent", "district": "None via centre", "commune": "None via centre",
        "neighbour": "None via centre", "own": "up icmp",
    }  # fmt: skip


def test_between_a_good_centre_and_a_commune_the_district_is_the_cause() -> None:
    found = told("centre", "neighbour", "own")
    assert (found["district"], found["commune"]) == ("down silent", "None via district")


def test_a_line_behind_which_another_answers_lets_through() -> None:
    found = told("commune", "own")
    assert (found["centre"], found["district"]) == ("up behind commune", "up behind commune")
    assert found["neighbour"] == "down silent"


def test_our_own_gateway_and_loopback_come_before_all() -> None:
    gateways = {line.address: GATEWAY for line in TREE.values()}
    found = told(gateways=gateways, others={GATEWAY: SILENT})
    assert set(found.values()) == {f"None gateway {GATEWAY}"}
    assert told(gateways=gateways, others={GATEWAY: GOOD})["centre"] == "down silent"
    # One that answers through it shows that it works, whether it answers pings or not.
    assert told("own", gateways=gateways, others={GATEWAY: SILENT})["centre"] == "down silent"
    assert set(told(loopback={4: False}).values()) == {"None loopback"}


def test_a_gateway_that_never_gives_an_echo_says_nothing_by_its_silence() -> None:
    own = {"own": TREE["own"]}
    seen: dict[str, object] = {"gateways": {place(5): GATEWAY}, "others": {GATEWAY: SILENT}}
    assert told(lines=own, answered_before={place(5)}, **seen)["own"] == "down silent"
    # It gave some; or nobody ever answered, so that it is not known whether it lets through.
    assert told(lines=own, answered_before={place(5), GATEWAY}, **seen)["own"] == f"None gateway {GATEWAY}"
    assert told(lines=own, **seen)["own"] == f"None gateway {GATEWAY}"
    refused = Trips(0, (), unsent="No such device")
    assert told(lines=own, **seen | {"others": {GATEWAY: refused}})["own"] == "None unsent No such device"
    # Where all are silent at once our own line is the cause.
    seen["gateways"] = {line.address: GATEWAY for line in TREE.values()}
    assert told(answered_before={place(n) for n in range(9)}, **seen)["own"] == f"None gateway {GATEWAY}"


def test_without_the_right_to_ping_the_silence_of_a_port_is_not_that_of_who_is_in_between() -> None:
    lines = {"door": Line("door", place(1), port=443), "other": Line("other", place(2), port=443)}
    gateways: dict[IPAddress, IPAddress | None] = {place(1): GATEWAY, place(2): GATEWAY}

    def judged(*up: IPAddress, gateways: dict[IPAddress, IPAddress | None]) -> list[str]:
        knocks = {(address, 443): GOOD if address in up else SILENT for address in (place(1), place(2))}
        heard = Heard({}, knocks, gateways, {4: False}, not_permitted="ICMP is not permitted")
        return [f"{state.state} {state.reason}" for state in judge_lines(lines, heard).values()]

    unsent = "None unsent ICMP is not permitted"
    assert judged(gateways=gateways) == [unsent, unsent]
    assert judged(gateways={}) == [unsent, unsent], "the loopback was not asked either"
    assert judged(place(2), gateways=gateways) == ["down silent", "up tcp 443"], "the way is open"


def test_a_learned_router_counts_where_it_is_shared_and_ever_answered() -> None:
    lines = {n: Line(n, place(i), hops=(HOP,)) for i, n in enumerate(("a", "b"), 1)} | {"c": Line("c", place(3))}
    assert told("c", lines=lines)["a"] == "down silent", "a router that never answers says nothing by its silence"
    assert told("c", lines=lines, answered_before={HOP})["a"] == f"None hop {HOP}"
    assert told("b", "c", lines=lines, answered_before={HOP})["a"] == "down silent"
    alone = {"a": lines["a"], "c": lines["c"]}
    assert told("c", lines=alone, answered_before={HOP})["a"] == "down silent", "nobody shares it"


def test_what_could_not_be_sent_is_no_fact() -> None:
    heard = Heard({place(5): Trips(0, (), unsent="No route to host")}, loopback={4: True})
    state = judge_lines({"own": TREE["own"]}, heard)["own"]
    assert (state.state, state.reason, observe("own", state, NOW)) == (None, "unsent No route to host", None)


@pytest.mark.parametrize(
    ("sent", "answered", "seconds", "expected"),
    [
        (50, 48, 0.01, "up"), (50, 47, 0.01, "degraded"), (10, 9, 0.01, "up"), (50, 50, 0.2, "up"),
        (50, 50, 0.201, "degraded"), (20, 0, 0.0, "down"),
    ],
)  # fmt: skip
def test_from_when_on_a_line_is_degraded(sent: int, answered: int, seconds: float, expected: str) -> None:
    line = Line("own", place(5), limits=Limits(0.05, 0.2))
    heard = Heard({place(5): Trips(sent, (seconds,) * answered)}, loopback={4: True})
    assert judge_lines({"own": line}, heard)["own"].state == expected


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), min_size=1, max_size=10),
)
def test_in_any_tree_a_line_is_down_only_where_the_way_to_it_is_open(rows: list[tuple[int, bool, bool]]) -> None:
    lines = {
        str(n): Line(str(n), place(n) if probed else None, via=str(via) if via < n else None)
        for n, (via, probed, _) in enumerate(rows)
    }
    up = [str(n) for n, (_, probed, answers) in enumerate(rows) if probed and answers]
    found = told(*up, lines=lines)
    assert found.keys() == {code for code, line in lines.items() if line.address}
    for code, said in found.items():
        above, via = [], lines[code].via
        while via is not None:
            above.append(via)
            via = lines[via].via
        nearest = next((v for v in above if lines[v].address), None)
        if said == "down silent":
            assert code not in up
            assert (
                nearest is None
                or found[nearest].startswith("up")
                or any(found.get(v, "").startswith("up") for v in above)
            )
        if said.startswith("None via"):
            cause = said.split()[-1]
            assert cause in above and found[cause] == "down silent"


def test_what_a_state_says_of_its_line() -> None:
    observation = observe("own", State(None, "via centre"), NOW)
    assert observation is not None
    said = {fact.key: fact.value for fact in observation.facts}
    assert said.pop("link_reason") == "via centre"
    assert set(said.values()) == {None}
