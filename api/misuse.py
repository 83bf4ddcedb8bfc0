"""Says in Vietnamese what Typer says in English of a command that is written wrongly."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["in_vietnamese", "is_misuse"]

_SAID = tuple(
    (re.compile(english), vietnamese)
    for english, vietnamese in (
        (r"^Missing option (.+)\.$", r"Thiếu tùy chọn \1."),
        (r"^Missing argument (.+)\.$", r"Thiếu tham số \1."),
        (r"^Missing command\.$", "Thiếu lệnh."),
        (r"^No such command (.+?)\.", r"Không có lệnh \1."),
        (r"^No such option: (\S+)", r"Không có tùy chọn \1."),
        (r" Did you mean (.+)\?$", r" Có phải là \1?"),
        (r" \(Possible options: (.+)\)$", r" (Có thể là: \1)"),
        (r"^Option (.+) requires an argument\.$", r"Tùy chọn \1 cần một giá trị."),
        (r"^Option (.+) requires (\d+) arguments\.$", r"Tùy chọn \1 cần \2 giá trị."),
        (r"^Option (.+) does not take a value\.$", r"Tùy chọn \1 không nhận giá trị."),
        (r"^Got unexpected extra argument\(s\) \((.*)\)$", r"Thừa tham số: \1"),
        (r"^Invalid value for (.+?): ", r"Giá trị không hợp lệ cho \1: "),
        (r"^Invalid value: ", "Giá trị không hợp lệ: "),
        (r"Input should be a valid integer.*$", "cần số nguyên"),
        (r"Input should be a valid number.*$", "cần một số"),
        (r"Input should be a finite number.*$", "cần một số hữu hạn"),
        (r"Input should be greater than or equal to (\S+)$", r"cần từ \1 trở lên"),
        (r"Input should be less than or equal to (\S+)$", r"cần không quá \1"),
        (r"Input should be greater than (\S+)$", r"cần lớn hơn \1"),
        (r"Input should be less than (\S+)$", r"cần nhỏ hơn \1"),
    )
)
"""What Typer says, and pydantic for it."""


def is_misuse(error: object) -> bool:
    """Whether it is Typer's word for a command that is written wrongly."""
    # Typer has no public name for the class; its groups raise it for each command that there is not.
    return any(kind.__name__ == "UsageError" for kind in type(error).__mro__)


def in_vietnamese(error: Any) -> None:
    """Have an error of Typer's say its message in Vietnamese; what is not known here stays as it is."""
    said = str(error.format_message())
    for english, vietnamese in _SAID:
        said = english.sub(vietnamese, said)
    error.format_message = lambda: said
