"""What is refused is told in both languages, in the same words for the same thing."""

from __future__ import annotations

import errno
import os
from typing import get_args, get_type_hints

from inventory.refusing import ODD, all_of, amiss, an_agency, cannot, meant, row_of, sheet_of, why, within
from inventory.register.tables import Cell
from inventory.words import InputError, StoreError, SystemRefusalError, Title, ToldError


def test_an_error_has_its_english_text_and_tells_both() -> None:
    error = InputError(Title("gặp a, cần b", "found a, expected b"))
    assert str(error) == "found a, expected b" and error.told.vi == "gặp a, cần b"
    assert InputError("SQLite: x").told == Title("SQLite: x", "SQLite: x")
    for kind, caught in ((InputError, ValueError), (SystemRefusalError, OSError), (StoreError, ToldError)):
        assert issubclass(kind, caught) and str(kind(Title("vi", "en"))) == "en"


def test_what_the_system_says_is_told_without_its_number_and_unknown_reasons_as_they_are() -> None:
    missing = OSError(errno.ENOENT, os.strerror(errno.ENOENT), "x.csv")
    assert cannot("x.csv", missing).told == Title(
        "x.csv: không có tệp hoặc thư mục này", "x.csv: No such file or directory"
    )
    rare = OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    assert why(rare).vi == why(rare).en == os.strerror(errno.EXDEV)
    assert why(OSError("closed")) == Title("closed", "closed")


def test_places_and_what_was_meant() -> None:
    place = within(row_of(sheet_of("r.xlsx", "levels"), 5), "rank")
    assert place == Title("r.xlsx, trang tính levels, dòng 5, rank", "r.xlsx, sheet levels, row 5, rank")
    assert row_of("r.csv", 2) == Title("r.csv, dòng 2", "r.csv, row 2")
    assert amiss("--agency", "'so-yte'", an_agency("so-yte", ["so-yt", "so-tc"])) == Title(
        "--agency: gặp 'so-yte', cần mã của một cơ quan trong sổ đăng ký; có phải là 'so-yt'?",
        "--agency: found 'so-yte', expected the code of an agency in the register; did you mean 'so-yt'?",
    )
    assert meant("x", ["beta", "alpha"]).vi == "; hiện có alpha, beta"
    assert meant("x", []).en == "; none is known"


def test_every_oddity_of_a_cell_can_be_told() -> None:
    assert {"", *ODD} == {*get_args(get_type_hints(Cell)["odd"])}


def test_a_long_list_of_problems_is_cut_and_counted() -> None:
    problems = [Title(f"lỗi {n}", f"problem {n}") for n in range(5)]
    assert all_of(problems, 2) == Title("lỗi 0\nlỗi 1\n… và 3 lỗi nữa", "problem 0\nproblem 1\n… and 3 more")
    assert all_of(problems, 5).en.splitlines()[-1] == "problem 4"
