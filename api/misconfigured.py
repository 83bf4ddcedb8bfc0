"""Says in the two languages that people read what is wrong with a setting."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inventory.refusing import all_of
from inventory.words import Title, ToldError

__all__ = ["tell_settings"]

_SHOWN = 50
_EXPECTED: Mapping[str, str] = {
    "extra_forbidden": "không có thiết lập này",
    "missing": "thiếu thiết lập này",
    "greater_than": "cần lớn hơn {gt}",
    "greater_than_equal": "cần từ {ge} trở lên",
    "less_than": "cần nhỏ hơn {lt}",
    "less_than_equal": "cần không quá {le}",
    "string_type": "cần văn bản",
    "string_too_short": "cần ít nhất {min_length} ký tự",
    "string_too_long": "cần nhiều nhất {max_length} ký tự",
    "string_pattern_mismatch": "cần theo mẫu {pattern}",
    "int_type": "cần số nguyên",
    "int_parsing": "cần số nguyên",
    "int_from_float": "cần số nguyên",
    "float_type": "cần một số",
    "float_parsing": "cần một số",
    "finite_number": "cần một số hữu hạn",
    "bool_type": "cần true hoặc false",
    "bool_parsing": "cần true hoặc false",
    "list_type": "cần một danh sách",
    "tuple_type": "cần một danh sách",
    "dict_type": "cần các tên kèm giá trị",
    "model_type": "cần các tên kèm giá trị",
    "path_type": "cần một đường dẫn",
    "literal_error": "cần {expected}",
    "date_from_datetime_parsing": "cần một ngày như 2026-12-31",
    "too_short": "cần ít nhất {min_length}",
    "too_long": "cần nhiều nhất {max_length}",
}
"""What pydantic finds wrong most often, by its names for it (https://docs.pydantic.dev/latest/errors/validation_errors/)."""


def tell_settings(file: Path | None, error: ValidationError) -> Title:
    """Every wrong setting on a line of its own; never its value, which may be a secret."""
    return all_of([_tell(file, one) for one in error.errors(include_input=False, include_url=False)], _SHOWN)


def _tell(file: Path | None, one: Mapping[str, Any]) -> Title:
    name, context = ".".join(map(str, one["loc"])), one.get("ctx", {})
    own = context.get("error")
    if isinstance(own, ToldError):
        what = Title(own.told.vi, f"Value error, {own.told.en}")
    else:
        known = _EXPECTED.get(one["type"])
        what = Title(known.format(**context) if known else one["msg"], one["msg"])
    place = Title("biến môi trường", "environment") if file is None else Title.same(str(file))
    return Title(f"{place.vi}: {name}: {what.vi}", f"{place.en}: {name}: {what.en}")
