"""The register's checks and merging: every mistake is named, and taking in the same twice changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.register import RegisterError, SheetChange, check_register, describe, merge_registers
from inventory.words import Agency, DeclaredCount, Level, Link, Network, Register, Title, Website


def agency(code: str, level: str = "tinh", **others: object) -> Agency:
    return replace(Agency(code, Title(f"Cơ quan {code}", code), level), **others)  # type: ignore[arg-type]


GOOD = Register(
    levels=(Level("tinh", Title("Cấp tỉnh", "Province"), 1), Level("phong", Title("Phòng", "Room"), 2, part=True)),
    agencies=(
        agency("T"),
        agency("H1", parent="T", valid_to=date(2025, 6, 30), successor="X1"),
        agency("X1", parent="T", valid_from=date(2025, 7, 1)),
        agency("P1", "phong", parent="T"),
    ),
    networks=(
        Network("T-LAN", "T", ip_network("192.168.1.0/24"), "lan", scan=True),
        # The same range at another agency is another network.
        Network("X1-LAN", "X1", ip_network("192.168.1.0/24"), "dmz"),
        Network("X1-6", "X1", ip_network("2001:db8::/32"), "data_centre"),
    ),
    links=(Link("T-1", "T", "mtslcd", "10.0.0.1", contracted_mbps=20), Link("T-2", "T", "internet")),
    counts=(DeclaredCount("T", "officials", 12, date(2025, 12, 31), "Báo cáo 1"),),
    websites=(Website("https://t.example.vn/", "T", "Trang T"), Website("http://10.0.0.9:8080/x?y=1", "T")),
)


def told(register: Register, existing: Register | None = None) -> list[str]:
    return [describe(problem, "en") for problem in check_register(register, existing)]


def with_more(**more: tuple[object, ...]) -> Register:
    """The good register with further rows, which are numbered after its own."""
    return replace(GOOD, **{name: getattr(GOOD, name) + rows for name, rows in more.items()})


def test_a_good_register_has_no_problem() -> None:
    assert check_register(GOOD) == []
    assert check_register(Register()) == []


WRONG: dict[str, tuple[Register, list[str]]] = {
    "a level twice": (
        with_more(levels=(Level("tinh", Title("Tỉnh", "Tỉnh"), 3),)),
        ["levels, row 3, column code: found “tinh”, expected each once, it is already in row 1"],
    ),
    "an unknown level": (
        with_more(agencies=(agency("A", "tihn"),)),
        ["agencies, row 5, column level: found “tihn”, expected the code of a level; the nearest is “tinh”"],
    ),
    "an agency twice": (
        with_more(agencies=(agency("T"),)),
        ["agencies, row 5, column code: found “T”, expected each once, it is already in row 1"],
    ),
    "an unknown parent": (
        with_more(agencies=(agency("A", parent="X2"),)),
        ["agencies, row 5, column parent: found “X2”, expected the code of an agency"],
    ),
    "a parent that ended": (
        with_more(agencies=(agency("A", parent="H1", valid_from=date(2020, 1, 1)),)),
        [
            "agencies, row 5, column parent: found “H1”, which is not valid from 2025-07-01 on, "
            "expected a parent valid from 2020-01-01 on, as the row is"
        ],
    ),
    "a parent that begins later": (
        with_more(agencies=(agency("A", parent="X1", valid_to=date(2025, 12, 31)),)),
        [
            "agencies, row 5, column parent: found “X1”, which is not valid from the beginning to 2025-06-30, "
            "expected a parent valid from the beginning to 2025-12-31, as the row is"
        ],
    ),
    "a parent with a gap": (
        with_more(agencies=(agency("X1", valid_to=date(2025, 1, 31)), agency("A", parent="X1"))),
        [
            "agencies, row 6, column parent: found “X1”, which is not valid from 2025-02-01 to 2025-06-30, "
            "expected a parent valid from the beginning on, as the row is"
        ],
    ),
    "its own parent": (
        with_more(agencies=(agency("A", parent="A"),)),
        ["agencies, row 5, column parent: found A → A, expected a tree without a cycle"],
    ),
    "a cycle, told once": (
        with_more(
            agencies=(
                agency("A", parent="B"),
                agency("B", parent="C"),
                agency("C", parent="A"),
                agency("D", parent="A"),
            )
        ),
        ["agencies, row 5, column parent: found A → B → C → A, expected a tree without a cycle"],
    ),
    "a part without a parent": (
        with_more(agencies=(agency("A", "phong"),)),
        ["agencies, row 5, column parent: found an empty cell, expected a parent, for the level phong is a part"],
    ),
    "periods that overlap": (
        with_more(agencies=(agency("X1", valid_from=date(2025, 1, 1), valid_to=date(2025, 7, 1)),)),
        [
            "agencies, row 5, column valid_from: found “X1” from 2025-01-01 to 2025-07-01, "
            "expected a period that does not overlap with row 3 (from 2025-07-01 on)"
        ],
    ),
    "a short period within a long one": (
        with_more(
            agencies=(
                agency("A", valid_to=date(2030, 1, 1)),
                agency("A", valid_from=date(2020, 1, 1), valid_to=date(2020, 2, 1)),
                agency("A", valid_from=date(2029, 1, 1)),
            )
        ),
        [
            "agencies, row 6, column valid_from: found “A” from 2020-01-01 to 2020-02-01, "
            "expected a period that does not overlap with row 5 (from the beginning to 2030-01-01)",
            "agencies, row 7, column valid_from: found “A” from 2029-01-01 on, "
            "expected a period that does not overlap with row 5 (from the beginning to 2030-01-01)",
        ],
    ),
    "a period that ends before it begins": (
        with_more(agencies=(agency("A", valid_from=date(2025, 2, 1), valid_to=date(2025, 1, 31)),)),
        [
            "agencies, row 5, column valid_to: found “2025-01-31”, "
            "expected a day not before the first (from 2025-02-01 on)"
        ],
    ),
    "an unknown successor": (
        with_more(agencies=(agency("A", valid_to=date(2025, 1, 1), successor="B"),)),
        ["agencies, row 5, column successor: found “B”, expected the code of an agency"],
    ),
    "its own successor": (
        with_more(agencies=(agency("A", valid_to=date(2025, 1, 1), successor="A"),)),
        ["agencies, row 5, column successor: found “A”, expected another agency"],
    ),
    "a successor of what has not ended": (
        with_more(agencies=(agency("A", successor="T"),)),
        ["agencies, row 5, column valid_to: found an empty cell, expected the last day, for a successor is named"],
    ),
    "networks": (
        with_more(
            networks=(
                Network("T-LAN", "T", ip_network("10.0.0.0/24"), "lan"),
                Network("N2", "Y1", ip_network("10.0.0.0/24"), "lann"),
                Network("N3", "T", ip_network("0.0.0.0/0"), "wan"),
                Network("N4", "T", ip_network("2000::/3"), "wan"),
            )
        ),
        [
            "networks, row 4, column code: found “T-LAN”, expected each once, it is already in row 1",
            "networks, row 5, column agency: found “Y1”, expected the code of an agency",
            "networks, row 5, column purpose: found “lann”, expected one of lan, wan, data_centre, dmz; "
            "the nearest is “lan”",
            "networks, row 6, column prefix: found “0.0.0.0/0”, expected a range no wider than /8",
            "networks, row 7, column prefix: found “2000::/3”, expected a range no wider than /32",
        ],
    ),
    "links": (
        with_more(
            links=(
                Link("T-1", "T", "wan"),
                Link("L2", "Y1", "mtslc"),
                Link("L3", "T", "wan", "router.example", contracted_mbps=0.0),
                Link("L4", "T", "wan", valid_from=date(2025, 1, 1), valid_to=date(2024, 1, 1)),
                Link("L5", "T", "wan", "224.0.0.1", via="T-11", port=70_000),
                Link("L6", "T", "wan", via="L7"),
                Link("L7", "T", "wan", via="L8"),
                Link("L8", "T", "wan", via="L6"),
                Link("L9", "T", "wan", via="L9"),
                Link("L10", "T", "wan", via="L6"),
                Link("L11", "T", "wan", valid_from=date(2025, 1, 1)),
                Link("L12", "T", "wan", via="L11"),
                Link("L13", "T", "wan", via="L11", valid_from=date(2025, 1, 1), valid_to=date(2025, 6, 1), port=443),
            )
        ),
        [
            "links, row 3, column code: found “T-1”, expected each once, it is already in row 1",
            "links, row 4, column agency: found “Y1”, expected the code of an agency",
            "links, row 4, column kind: found “mtslc”, expected one of internet, mtslcd, wan; the nearest is “mtslcd”",
            "links, row 5, column address: found “router.example”, expected an IP address of one host",
            "links, row 5, column contracted_mbps: found “0.0”, expected a number above zero",
            "links, row 6, column valid_to: found “2024-01-01”, "
            "expected a day not before the first (from 2025-01-01 on)",
            "links, row 7, column address: found “224.0.0.1”, expected an IP address of one host",
            "links, row 7, column port: found “70000”, expected a number from 1 to 65535",
            "links, row 7, column via: found “T-11”, expected the code of a link; the nearest is “T-1”",
            "links, row 8, column via: found L6 → L7 → L8 → L6, expected a way without a loop",
            "links, row 9, column via: found L7 → L8 → L6 → L7, expected a way without a loop",
            "links, row 10, column via: found L8 → L6 → L7 → L8, expected a way without a loop",
            "links, row 11, column via: found L9 → L9, expected a way without a loop",
            "links, row 14, column via: found “L11”, which is valid from 2025-01-01 on, "
            "expected a line valid from the beginning on, as the row is",
        ],
    ),
    "counts": (
        with_more(
            counts=(
                DeclaredCount("T", "officials", 13, date(2025, 12, 31)),
                DeclaredCount("Y1", "oficials", 1, date(2025, 12, 31)),
                DeclaredCount("T", "servers", -1, date(2025, 12, 31)),
                DeclaredCount("T", "servers", 1 << 40, date(2026, 12, 31)),
            )
        ),
        [
            "counts, row 2, column key: found “T officials 2025-12-31”, expected each once, it is already in row 1",
            "counts, row 3, column agency: found “Y1”, expected the code of an agency",
            "counts, row 3, column key: found “oficials”, "
            "expected one of officials, workstations, servers, vc_endpoints; the nearest is “officials”",
            "counts, row 4, column value: found “-1”, expected a number from 0 to 2000000000",
            "counts, row 5, column value: found “1099511627776”, expected a number from 0 to 2000000000",
        ],
    ),
    "websites": (
        with_more(websites=(Website("HTTPS://T.example.vn", "T"), Website("https://a.example.vn/", "Y1"))),
        [
            "websites, row 3, column url: found “HTTPS://T.example.vn”, expected each once, it is already in row 1",
            "websites, row 4, column agency: found “Y1”, expected the code of an agency",
        ],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_named(name: str) -> None:
    register, expected = WRONG[name]
    assert told(register) == expected


@pytest.mark.parametrize(
    "url",
    ["", "t.example.vn", "ftp://t.example.vn/", "https://", "https://a b/", "https://[::1/", "https://h:99999/",
     "https://user:password@h/", "javascript:alert(1)", "https://h/\u202e", 'https://h/"x'],
)  # fmt: skip
def test_malformed_addresses_of_websites(url: str) -> None:
    (problem,) = check_register(replace(GOOD, websites=(Website(url, "T"),)))
    assert (problem.sheet, problem.column) == ("websites", "url")
    assert problem.expected.en == "an address such as https://host.name/"


def test_a_problem_is_told_in_both_languages() -> None:
    (problem,) = check_register(WRONG["a parent that ended"][0])
    assert describe(problem, "vi") == (
        "agencies, dòng 5, cột parent: gặp “H1”, không có hiệu lực từ 01/07/2025 trở đi, "
        "cần cơ quan cha có hiệu lực từ 01/01/2020 trở đi, như dòng này"
    )
    told = RegisterError([problem], "so.xlsx").told
    assert f"{told.vi}\n{told.en}" == (
        "sổ đăng ký so.xlsx: 1 lỗi; chưa nhập dòng nào\n"
        f"- {describe(problem, 'vi')}\n"
        "register so.xlsx: 1 problem; nothing was taken in\n"
        f"- {describe(problem, 'en')}"
    )


def test_a_long_list_is_cut_and_counted() -> None:
    problems = check_register(replace(GOOD, websites=tuple(Website(f"https://w{n}.vn/", "Y") for n in range(300))))
    error = RegisterError(problems)
    assert len(error.problems) == 300
    assert error.text("en").splitlines()[0] == "register: 300 problems; nothing was taken in"
    assert error.text("en").splitlines()[-1] == "- … and 100 more"


# --- against what is stored ------------------------------------------------------------------------------------------


def test_a_part_of_a_register_may_name_what_is_stored() -> None:
    part = Register(networks=(Network("N", "T", ip_network("10.0.0.0/24"), "lan"),))
    assert told(part) == ["networks, row 1, column agency: found “T”, expected the code of an agency"]
    assert told(part, GOOD) == []


def test_a_stored_row_that_becomes_wrong_is_named() -> None:
    ended = Register(agencies=(agency("T", valid_to=date(2025, 12, 31)),))
    assert told(ended, GOOD) == [
        "agencies, stored row X1, column parent: found “T”, which is not valid from 2026-01-01 on, "
        "expected a parent valid from 2025-07-01 on, as the row is",
        "agencies, stored row P1, column parent: found “T”, which is not valid from 2026-01-01 on, "
        "expected a parent valid from the beginning on, as the row is",
    ]


def test_a_new_period_may_not_overlap_with_a_stored_one() -> None:
    later = agency("T", valid_from=date(2026, 1, 1))
    assert told(Register(agencies=(later,)), GOOD) == [
        "agencies, row 1, column valid_from: found “T” from 2026-01-01 on, "
        "expected a period that does not overlap with the stored row T (from the beginning on)"
    ]
    both = Register(agencies=(agency("T", valid_to=date(2025, 12, 31)), later))
    assert told(both, GOOD) == []


def test_a_stored_row_is_replaced_not_doubled() -> None:
    assert check_register(GOOD, GOOD) == []


def test_rows_may_have_the_numbers_of_their_file() -> None:
    part = Register(websites=(Website("x", "T"),))
    (problem,) = check_register(part, GOOD, numbers={"websites": [17]})
    assert problem.row == 17


def test_a_cycle_needs_a_day_on_which_it_is_one() -> None:
    before, after = date(2024, 12, 31), date(2025, 1, 1)
    turned = with_more(
        agencies=(
            agency("A", parent="B", valid_to=before), agency("A", valid_from=after),
            agency("B", valid_to=before), agency("B", parent="A", valid_from=after),
        )
    )  # fmt: skip
    assert told(turned) == []


def test_a_deep_tree_and_a_wide_cycle_end() -> None:
    chain = tuple(agency(f"A{n}", parent=f"A{n - 1}" if n else None) for n in range(3000))
    assert told(replace(GOOD, agencies=GOOD.agencies + chain)) == []
    ring = tuple(agency(f"A{n}", parent=f"A{(n + 1) % 3000}") for n in range(3000))
    assert len(told(replace(GOOD, agencies=GOOD.agencies + ring))) == 1


# --- merging ---------------------------------------------------------------------------------------------------------


def test_merging_takes_new_rows_and_keeps_what_is_not_named() -> None:
    incoming = Register(
        agencies=(agency("T", title=Title("Tên mới", "New name")), agency("Z", parent="T")),
        websites=(Website("https://T.example.vn", "T", "Trang T"),),
    )
    merged, changes = merge_registers(GOOD, incoming)
    assert [a.code for a in merged.agencies] == ["T", "H1", "X1", "P1", "Z"]
    assert merged.agencies[0].title.vi == "Tên mới"
    assert merged.networks == GOOD.networks
    assert len(merged.websites) == 2 and merged.websites[0].url == "https://T.example.vn"
    assert changes["agencies"] == SheetChange(added=("Z",), changed=("T",), unchanged=0)
    assert changes["websites"] == SheetChange(changed=("https://T.example.vn",))
    assert changes["networks"] == SheetChange()
    assert changes["agencies"].counts == {"added": 1, "changed": 1, "unchanged": 0}


def test_merging_the_same_again_changes_nothing() -> None:
    merged, _ = merge_registers(Register(), GOOD)
    again, changes = merge_registers(merged, GOOD)
    assert again == merged == GOOD
    assert {name: (c.added, c.changed, c.unchanged) for name, c in changes.items()} == {
        name: ((), (), len(getattr(GOOD, name))) for name in changes
    }


codes = st.sampled_from("ABC")
days = st.sampled_from([date.min, date(2020, 1, 1), date(2025, 7, 1), date(2025, 12, 31), date.max])
registers = st.builds(
    Register,
    levels=st.just(GOOD.levels),
    agencies=st.lists(
        st.builds(
            Agency, codes, st.just(Title("x", "x")), st.sampled_from(["tinh", "phong", "?"]), st.none() | codes, days,
            st.none() | days, st.none() | codes,
        ),
        max_size=6,
    ).map(tuple),
)  # fmt: skip


@given(registers, registers)
def test_merging_is_idempotent_and_checking_always_ends(one: Register, two: Register) -> None:
    merged, _ = merge_registers(one, two)
    assert merge_registers(merged, two)[0] == merged
    for problem in check_register(two, one):
        assert describe(problem, "vi") and describe(problem, "en")


@given(registers)
def test_a_register_without_problems_is_a_forest_of_disjoint_periods(register: Register) -> None:
    """What the checks promise, stated day by day."""
    if check_register(register):
        return
    for at in (date.min, date(2020, 1, 1), date(2025, 7, 1), date(2025, 12, 31), date.max):
        valid = [a for a in register.agencies if a.valid_on(at)]
        by_code = {a.code: a for a in valid}
        assert len(by_code) == len(valid)
        for row in valid:
            steps, above = 0, row
            while above.parent is not None:
                above = by_code[above.parent]
                steps += 1
                assert steps <= len(valid)
