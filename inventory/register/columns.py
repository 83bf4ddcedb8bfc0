"""The sheets and columns of a register file, with the names that people give them in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from inventory.text import fold
from inventory.words import Title

__all__ = ["IGNORED_COLUMNS", "IGNORED_SHEETS", "SHEET_OF", "Column", "Sheet", "plain"]

Kind = Literal["code", "text", "names", "whole", "number", "day", "yes", "prefix", "purpose", "kind"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in code, its header, what its cells hold, and what an empty one means."""

    name: str
    title: Title
    kind: Kind
    empty: Title | None = None
    """What an empty cell or a missing column means; None where a value is required."""
    also: tuple[str, ...] = ()
    """Further headers that are understood."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every header that is understood."""
        return (self.name, self.title.vi, self.title.en, *self.also)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet, or CSV file, of a register: its columns, what it is for, and an example row."""

    name: str
    title: Title
    note: Title
    columns: tuple[Column, ...]
    example: Mapping[str, str | int | float]
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the sheet or file that is understood."""
        return (self.name, self.title.vi, self.title.en, *self.also)


def plain(name: str) -> str:
    """A header or sheet name as it is compared: without accents, case, spaces and marks ("Mã cơ quan *" → macoquan)."""
    return "".join(c for c in fold(name) if c.isalnum())


#: Columns and sheets that people add for themselves.
IGNORED_COLUMNS = frozenset({"stt", "tt", "sothutu", "no", "ghichu", "note", "notes", "remarks"})
IGNORED_SHEETS = frozenset({"huongdan", "guide", "readme", "ghichu", "notes"})

_NONE = Title("không có", "none")
_NO = Title("không", "no")
_BEGINNING = Title("từ đầu", "since the beginning")
_STILL = Title("còn hiệu lực", "still valid")
_SAME_NAME = Title("như tên tiếng Việt", "as the Vietnamese name")

_AGENCY = Column("agency", Title("Mã cơ quan", "Agency"), "code", also=("Cơ quan", "Agency code"))
_NAME_EN = Column("name_en", Title("Tên tiếng Anh", "English name"), "text", _SAME_NAME)
_FROM = Column("valid_from", Title("Từ ngày", "Valid from"), "day", _BEGINNING, ("Hiệu lực từ", "Ngày bắt đầu", "From"))
_TO = Column("valid_to", Title("Đến ngày", "Valid to"), "day", _STILL, ("Hiệu lực đến", "Ngày kết thúc", "To"))

_LEVELS = Sheet(
    "levels",
    Title("Cấp", "Levels"),
    Title(
        "Các cấp hành chính. Đơn vị thuộc cấp “là bộ phận” được tính vào cơ quan cha.",
        "The administrative levels. Units of a level that is a part count as their parent.",
    ),
    (
        Column("code", Title("Mã cấp", "Level code"), "code", also=("Mã", "Level")),
        Column("name_vi", Title("Tên cấp", "Level name"), "text", also=("Tên", "Tên tiếng Việt", "Name")),
        _NAME_EN,
        Column("rank", Title("Thứ bậc", "Rank"), "whole", also=("Thứ tự",)),
        Column("part", Title("Là bộ phận", "Part of its parent"), "yes", _NO),
    ),
    {"code": "tinh", "name_vi": "Cấp tỉnh", "name_en": "Province", "rank": 1, "part": "không"},
    ("cac cap",),
)

_AGENCIES = Sheet(
    "agencies",
    Title("Cơ quan", "Agencies"),
    Title(
        "Mỗi dòng là một thời gian hiệu lực của một mã. Cơ quan giải thể thì ghi “đến ngày”, không xóa dòng.",
        "A row is one period of validity of a code. An agency that ends gets its last day; its row is not deleted.",
    ),
    (
        Column("code", Title("Mã cơ quan", "Agency code"), "code", also=("Mã",)),
        Column("name_vi", Title("Tên cơ quan", "Agency name"), "text", also=("Tên", "Tên tiếng Việt", "Name")),
        _NAME_EN,
        Column("level", Title("Mã cấp", "Level"), "code", also=("Cấp", "Level code")),
        Column("parent", Title("Mã cơ quan cha", "Parent"), "code", _NONE, ("Cơ quan cha", "Cơ quan cấp trên")),
        _FROM,
        _TO,
        Column(
            "successor",
            Title("Mã cơ quan kế thừa", "Successor"),
            "code",
            _NONE,
            ("Cơ quan kế thừa", "Cơ quan tiếp nhận"),
        ),
    ),
    {
        "code": "SO-01",
        "name_vi": "Sở Ví dụ",
        "name_en": "Example department",
        "level": "tinh",
        "valid_from": "2025-07-01",
    },
)

_NETWORKS = Sheet(
    "networks",
    Title("Mạng", "Networks"),
    Title(
        "Dải địa chỉ của từng cơ quan. Chỉ mạng ghi “có” ở cột cho phép quét mới được quét. "
        "Mục đích: lan, wan, data_centre (trung tâm dữ liệu), dmz.",
        "Each agency's address ranges. Only networks with “yes” for leave to scan are ever scanned. "
        "Purpose: lan, wan, data_centre, dmz.",
    ),
    (
        Column("code", Title("Mã mạng", "Network code"), "code", also=("Mã",)),
        _AGENCY,
        Column("prefix", Title("Dải địa chỉ", "Address range"), "prefix", also=("Dải IP", "CIDR")),
        Column("purpose", Title("Mục đích", "Purpose"), "purpose"),
        Column("scan", Title("Cho phép quét", "Leave to scan"), "yes", _NO, ("Được quét",)),
        Column("credentials", Title("Tên thông tin xác thực", "Credentials"), "names", _NONE, ("Thông tin xác thực",)),
        _FROM,
        _TO,
    ),
    {
        "code": "SO-01-LAN", "agency": "SO-01", "prefix": "10.1.1.0/24", "purpose": "lan", "scan": "không",
        "credentials": "snmp-chung",
    },
)  # fmt: skip

_LINKS = Sheet(
    "links",
    Title("Đường truyền", "Links"),
    Title(
        "Loại: internet, mtslcd (mạng truyền số liệu chuyên dùng), wan. “Đi qua đường truyền”: mã của đường mà gói đo "
        "đi qua, ví dụ đường trung tâm; đường đó không thông thì đường này là chưa rõ. “Cổng TCP”: cổng ở đầu xa, "
        "dùng khi đầu xa không trả lời ping.",
        "Kind: internet, mtslcd (the specialised data network), wan. “Via link”: the code of the line that probes go "
        "through, such as the central line; where that one is silent, this one is unknown. “TCP port”: a port at the "
        "far end, for those that answer no ping.",
    ),
    (
        Column("code", Title("Mã đường truyền", "Link code"), "code", also=("Mã",)),
        _AGENCY,
        Column("kind", Title("Loại", "Kind"), "kind", also=("Loại đường truyền",)),
        Column("address", Title("Địa chỉ đầu xa", "Far address"), "text", _NONE, ("Địa chỉ IP", "Địa chỉ")),
        Column("provider", Title("Nhà cung cấp", "Provider"), "text", _NONE, ("Nhà mạng",)),
        Column("contracted_mbps", Title("Băng thông (Mbps)", "Contracted Mbps"), "number", _NONE, ("Băng thông",)),
        _FROM,
        _TO,
        Column("via", Title("Đi qua đường truyền", "Via link"), "code", _NONE, ("Qua đường", "Via")),
        Column("port", Title("Cổng TCP", "TCP port"), "whole", _NONE, ("Cổng", "Port")),
    ),
    {
        "code": "SO-01-TSLCD", "agency": "SO-01", "kind": "mtslcd", "address": "10.255.1.2", "provider": "Nhà mạng A",
        "contracted_mbps": 100, "valid_from": "2025-07-01",
    },
)  # fmt: skip

_COUNTS = Sheet(
    "counts",
    Title("Số khai báo", "Counts"),
    Title(
        "Số do cơ quan khai báo. Chỉ số: officials (cán bộ), workstations (máy trạm), servers (máy chủ), "
        "vc_endpoints (điểm cầu truyền hình).",
        "Numbers that an agency declares of itself. Key: officials, workstations, servers, vc_endpoints.",
    ),
    (
        _AGENCY,
        Column("key", Title("Chỉ số", "Key"), "code", also=("Tên chỉ số",)),
        Column("value", Title("Số lượng", "Value"), "whole", also=("Giá trị",)),
        Column("day", Title("Ngày", "Day"), "day", also=("Ngày khai báo", "Date")),
        Column("document", Title("Văn bản", "Document"), "text", _NONE, ("Số văn bản",)),
    ),
    {"agency": "SO-01", "key": "workstations", "value": 42, "day": "2025-12-31", "document": "Báo cáo 15/BC-SVD"},
)

_WEBSITES = Sheet(
    "websites",
    Title("Trang web", "Websites"),
    Title("Trang và cổng thông tin của cơ quan.", "The agencies' websites and portals."),
    (
        Column("url", Title("Địa chỉ", "URL"), "text", also=("Địa chỉ trang", "Địa chỉ trang web", "Tên miền")),
        _AGENCY,
        Column("title", Title("Tên trang", "Title"), "text", _NONE, ("Tên",)),
        _FROM,
        _TO,
    ),
    {"url": "https://so01.example.vn/", "agency": "SO-01", "title": "Trang thông tin điện tử Sở Ví dụ"},
    ("website", "trang thông tin điện tử"),
)

SHEET_OF: Mapping[str, Sheet] = {
    sheet.name: sheet for sheet in (_LEVELS, _AGENCIES, _NETWORKS, _LINKS, _COUNTS, _WEBSITES)
}
"""Every sheet by its name in code, in the order in which they refer to each other."""
