"""Says in the two languages that people read why something is refused: the system's reasons, names misspelt, lists."""

from __future__ import annotations

import errno
from collections.abc import Collection, Sequence

from inventory.words import InputError, Title

__all__ = [
    "NOTHING",
    "ODD",
    "PAST",
    "PLAIN_TEXT",
    "a_count",
    "all_of",
    "amiss",
    "an_agency",
    "both",
    "cannot",
    "meant",
    "row_of",
    "sheet_of",
    "why",
    "within",
]

NOTHING = Title("để trống", "nothing")
PAST = Title("thời gian đã qua", "a time that is past")
PLAIN_TEXT = Title("văn bản không có ký tự điều khiển", "text without control characters")
ODD = {
    "formula": Title("công thức", "a formula"),
    "error": Title("lỗi", "an error"),
    "merged": Title("ô gộp", "a merged cell"),
}
"""What a cell has that is no value."""


_REASONS = {
    errno.ENOENT: "không có tệp hoặc thư mục này",
    errno.EACCES: "không có quyền truy cập",
    errno.EPERM: "không được phép",
    errno.EISDIR: "là thư mục, không phải tệp",
    errno.ENOTDIR: "không phải thư mục",
    errno.EEXIST: "đã có sẵn",
    errno.ENOTEMPTY: "thư mục không rỗng",
    errno.ENOSPC: "hết chỗ trên đĩa",
    errno.EDQUOT: "vượt hạn mức đĩa",
    errno.EROFS: "ổ đĩa chỉ cho đọc",
    errno.ENAMETOOLONG: "tên tệp quá dài",
    errno.ELOOP: "quá nhiều liên kết nối vòng",
    errno.EIO: "lỗi đọc ghi của đĩa",
    errno.EADDRINUSE: "địa chỉ đang có chương trình khác dùng",
    errno.EADDRNOTAVAIL: "máy này không có địa chỉ đó",
    errno.ECONNREFUSED: "từ chối kết nối",
    errno.ECONNRESET: "ngắt kết nối",
    errno.EHOSTUNREACH: "không có đường tới máy",
    errno.ENETUNREACH: "không có đường tới mạng",
    errno.ETIMEDOUT: "quá thời gian chờ",
}
"""What the system says most, in Vietnamese; all else is told in its own words."""


def why(error: OSError) -> Title:
    """What the system says of a failure, without the number and the name of the file."""
    told = error.strerror or str(error)
    return Title(_REASONS.get(error.errno or 0, told), told)


def cannot(place: object, error: OSError) -> InputError:
    """Why what `place` names, such as a file, cannot be opened, read or written."""
    reason, where = why(error), place if isinstance(place, Title) else Title.same(str(place))
    return InputError(Title(f"{where.vi}: {reason.vi}", f"{where.en}: {reason.en}"))


def meant(name: str, known: Collection[str]) -> Title:
    """The end of an error about an unknown name: the nearest known one, or all of them."""
    from inventory.strict_yaml import closest  # with YAML, that most commands do without

    if near := closest(name, known):
        return Title(f"; có phải là {near!r}?", f"; did you mean {near!r}?")
    if not known:
        return Title("; chưa có tên nào", "; none is known")
    names = ", ".join(sorted(known))
    return Title(f"; hiện có {names}", f"; known are {names}")


def an_agency(code: str, codes: Collection[str]) -> Title:
    """The end of "expected": the code of an agency, with the one that was meant."""
    near = meant(code, codes)
    return Title(f"mã của một cơ quan trong sổ đăng ký{near.vi}", f"the code of an agency in the register{near.en}")


def a_count(name: str, known: Collection[str]) -> Title:
    """The end of "expected": the name of a count, with the one that was meant."""
    near = meant(name, known)
    return Title(f"tên của một số đếm{near.vi}", f"the name of a count{near.en}")


def all_of(problems: Sequence[Title], most: int) -> Title:
    """Problems, one a line: the first `most` of them, and how many more there are."""
    more = len(problems) - most
    vi = [problem.vi for problem in problems[:most]] + ([f"… và {more} lỗi nữa"] if more > 0 else [])
    en = [problem.en for problem in problems[:most]] + ([f"… and {more} more"] if more > 0 else [])
    return Title("\n".join(vi), "\n".join(en))


def sheet_of(name: str, sheet: str | None) -> Title:
    """A file, and where it has several which of its sheets."""
    return Title.same(name) if sheet is None else Title(f"{name}, trang tính {sheet}", f"{name}, sheet {sheet}")


def row_of(file: Title | str, number: int) -> Title:
    """Where a row of a file stands, as a spreadsheet counts."""
    of = both(file)
    return Title(f"{of.vi}, dòng {number}", f"{of.en}, row {number}")


def within(place: Title | str, part: str) -> Title:
    """Where a part of a place stands, such as a column of a row."""
    of = both(place)
    return Title(f"{of.vi}, {part}", f"{of.en}, {part}")


def amiss(place: Title | str, found: Title | str, expected: Title | str) -> Title:
    """What stands in one place, and what was expected there."""
    where, is_, shall = both(place), both(found), both(expected)
    return Title(f"{where.vi}: gặp {is_.vi}, cần {shall.vi}", f"{where.en}: found {is_.en}, expected {shall.en}")


def both(text: Title | str) -> Title:
    """A text that is alike in both languages as a title."""
    return text if isinstance(text, Title) else Title.same(text)
