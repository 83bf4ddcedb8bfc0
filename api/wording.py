"""The words that people read on the command line and on pages, in Vietnamese and English."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "vi": {
        "title": "Độ phủ",
        "tagline": "Đo mức độ thực hiện kế hoạch ứng dụng CNTT, có chứng cứ",
        "goal": "Chỉ tiêu", "goals": "Chỉ tiêu", "level": "Cấp", "target": "Mục tiêu", "proven": "Đã chứng minh",
        "possible": "Có thể đạt", "counted": "Tổng số", "due": "Thời hạn", "plan": "Kế hoạch", "agency": "Cơ quan",
        "agencies": "Cơ quan", "assets": "Thiết bị", "asset": "Thiết bị", "links": "Đường truyền",
        "members": "Danh sách",
        "met": "Đạt", "unmet": "Chưa đạt", "unknown": "Chưa rõ", "not_applicable": "Không áp dụng",
        "waived": "Được miễn", "declared": "Khai báo", "status": "Tình trạng", "since": "từ", "reason": "Lý do",
        "evidence": "Chứng cứ", "source": "Nguồn", "observed": "Thời điểm", "value": "Giá trị", "key": "Thông tin",
        "reached": "Đạt mục tiêu", "open": "Chưa kết luận", "not_reached": "Không đạt mục tiêu",
        "no_target": "Không đặt mức", "not_measured": "Chưa đo", "cite": "Căn cứ", "note": "Ghi chú", "role": "Vai trò",
        "level:all": "Tất cả", "level:province": "Tỉnh", "level:district": "Huyện", "level:commune": "Xã",
        "as_of": "Tính đến", "name": "Tên", "answering": "Có trả lời", "yes": "có", "no": "không",
        "measured_goals": "Chỉ tiêu đã đo", "not_measured_goals": "Chỉ tiêu chưa đo", "nothing": "Chưa có số liệu.",
        "conflicts": "Mâu thuẫn giữa các nguồn", "history": "Lịch sử", "conclusion": "Kết luận", "parts": "Gồm",
        "no_snapshot": "Chưa có lần đánh giá nào.", "back": "Trang chính", "address": "Địa chỉ",
        "collectors": "Thu thập",
        "print": "In trang này", "until": "đến", "search": "Tìm", "control": "Tiêu chí",
    },
    "en": {
        "title": "Coverage",
        "tagline": "How far the ICT plan is true on the ground, with evidence",
        "goal": "Goal", "goals": "Goals", "level": "Level", "target": "Target", "proven": "Proven",
        "possible": "Possible", "counted": "Counted", "due": "Due", "plan": "Plan", "agency": "Agency",
        "agencies": "Agencies", "assets": "Assets", "asset": "Asset", "links": "Links", "members": "Members",
        "met": "Met", "unmet": "Unmet", "unknown": "Unknown", "not_applicable": "Not applicable",
        "waived": "Waived", "declared": "Declared", "status": "Status", "since": "since", "reason": "Reason",
        "evidence": "Evidence", "source": "Source", "observed": "Observed", "value": "Value", "key": "Fact",
        "reached": "Reached", "open": "Open", "not_reached": "Not reached",
        "no_target": "No target set", "not_measured": "Not measured", "cite": "Cited", "note": "Note", "role": "Role",
        "level:all": "All", "level:province": "Province", "level:district": "District", "level:commune": "Commune",
        "as_of": "As of", "name": "Name", "answering": "Answers", "yes": "yes", "no": "no",
        "measured_goals": "Measured goals", "not_measured_goals": "Goals not measured", "nothing": "No figures yet.",
        "conflicts": "Sources that disagree", "history": "History", "conclusion": "Conclusion", "parts": "Parts",
        "no_snapshot": "Nothing has been judged yet.", "back": "First page", "address": "Address",
        "collectors": "Collectors",
        "print": "Print this page", "until": "until", "search": "Search", "control": "Control",
    },
}  # fmt: skip


def percent(share: float | None, language: str) -> str:
    """A share as people write it: "66,7 %" in Vietnamese, "66.7 %" in English; a dash where there is none.

    Shares are cut, never rounded up: 99.96 % is not 100 %.
    """
    if share is None:
        return "–"
    tenths = int(share * 1000 + 1e-9)
    text = f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"
    return (text.replace(".", ",") if language == "vi" else text) + " %"
