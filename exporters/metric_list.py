"""The list of all metrics for people, docs/metrics.md: made from names, labels, HELP and units as they are exported."""

from __future__ import annotations

from collections.abc import Iterator

from exporters._families import METRICS
from inventory.words import Title

__all__ = ["UNITS", "write_list"]

UNITS = {
    "timestamp_seconds": Title("giây từ 1970-01-01 (UTC)", "seconds since 1970 (UTC)"),
    "seconds": Title("giây", "seconds"),
    "ratio": Title("tỷ lệ 0–1", "ratio 0–1"),
    "info": Title("luôn là 1", "always 1"),
    "code": Title("mã", "code"),
}
"""The unit of a metric by the end of its name, as Prometheus' conventions have it; others count or are 1 and 0."""
_COUNT = Title("số lượng, hoặc 1 và 0", "count, or 1 and 0")

_HEAD = """\
<!-- Made by `dophu metrics`, from exporters/_families.py: change it there. -->
# Chỉ số / Metrics

Dophu xuất các chỉ số sau tại `/metrics` cho Prometheus. Tên, nhãn và đơn vị được giữ ổn định: chỉ số mới được thêm vào,
chỉ số cũ không đổi nghĩa. Chỗ không biết thì không có chuỗi, chứ không phải là 0.
Chỉ số có tên kết thúc bằng `_total` là counter, mọi chỉ số khác là gauge (ở dạng OpenMetrics, `_info` là info).

Dophu exports these metrics at `/metrics` for Prometheus. Names, labels and units are stable: new ones are added, and
none that is there changes its meaning. What is not known has no series, and is not 0.
Those whose names end in `_total` are counters, all others gauges (in OpenMetrics, `_info` are infos).
"""
_COLUMNS = ("Chỉ số / Metric", "Nhãn / Labels", "Đơn vị / Unit", "Nghĩa / HELP")


def write_list() -> str:
    """The whole list as Markdown, in the order in which metrics are kept when the budget of series is short."""
    return "\n".join([_HEAD, _row(_COLUMNS), _row(["---"] * len(_COLUMNS)), *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    for name, (labels, documentation) in METRICS.items():
        unit = next((title for end, title in UNITS.items() if name.endswith(f"_{end}")), _COUNT)
        told = " ".join(f"`{label}`" for label in labels) or "–"
        yield _row((f"`{name}`", told, f"{unit.vi} / {unit.en}", documentation))


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
