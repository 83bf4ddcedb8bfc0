"""The words that people read on the command line and on pages, in Vietnamese and English, and how figures look."""

from __future__ import annotations

from datetime import date, datetime

from inventory.store.judge import ZONE

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
        "conflicts": "Mâu thuẫn giữa các nguồn", "history": "Lịch sử", "parts": "Gồm",
        "back": "Trang chính", "address": "Địa chỉ",
        "collectors": "Thu thập",
        "search": "Tìm", "control": "Tiêu chí",
        # The pages.
        "brand": "Độ phủ", "other_language": "English",
        "skip": "Bỏ qua, tới nội dung chính", "nav": "Trang",
        "coverage": "Độ phủ", "show": "Xem", "now": "Xem hiện tại", "choose_plan": "Kế hoạch",
        "as_of_day": "Tính đến hết ngày", "snapshot_at": "Số liệu lúc", "judged_as_of": "Tính lại theo thời điểm",
        "zone": "Giờ Việt Nam", "plan_number": "Số", "issued": "ngày", "summary": "Tổng hợp",
        "goals_of_plan": "chỉ tiêu trong kế hoạch", "no_due": "văn bản không ghi thời hạn",
        "due:written": "ghi trong văn bản", "due:plan-year": "hết năm kế hoạch; văn bản không ghi ngày",
        "due:none": "văn bản không ghi thời hạn", "bar": "Biểu đồ", "all_levels": "Tất cả các cấp",
        "legend": "Cách đọc biểu đồ", "legend_proven": "đã chứng minh: đạt, có chứng cứ",
        "legend_possible": "chưa rõ: có thể đạt", "legend_target": "mục tiêu của kế hoạch",
        "legend_note": "Cơ quan không trả lời được tính là chưa rõ và vẫn nằm trong tổng số.",
        "why_not_measured": "Vì sao", "no_control": "chưa có tiêu chí",
        "nobody": "chưa có đối tượng", "no_number": "không ghi con số", "see_parts": "{n} mức",
        "last_run": "Lần chạy gần nhất", "last_success": "Lần đọc hết gần nhất", "targets": "Đích đã đọc",
        "failed": "Không đọc được", "never": "chưa lần nào", "no_collectors": "Chưa có lần thu thập nào.",
        "within_day": "trong 24 giờ", "collector": "Bộ thu thập", "collected_at": "Thu thập gần nhất",
        "targets_failed": "{failed}/{targets} đích không đọc được", "statement": "Câu trong văn bản",
        "figures": "Số liệu theo cấp", "asked_of": "Hỏi", "asked_of:agencies": "từng cơ quan",
        "asked_of:assets": "từng thiết bị", "asked_of:links": "từng đường truyền", "where": "Chỉ hỏi khi",
        "meets": "Đạt khi", "columns": "Trong đó", "counts_when": "đếm khi",
        "looked": "mạng phải được đọc hết trong {age}", "max_age": "dùng được trong {age}",
        "declared_as": "Số khai báo dùng làm mẫu số", "from_register": "theo sổ đăng ký", "filter": "Lọc danh sách",
        "any": "Tất cả", "members_shown": "{first}–{last} trong {total}", "member": "Đối tượng",
        "no_members": "Không có mục nào như vậy.", "clear": "Bỏ lọc",
        "evidence_more": "và {n} mục nữa, xem trang của cơ quan", "no_evidence": "Không có thông tin nào.",
        "networks_read": "Mạng đã đọc hết",
        "open_evidence": "Mở mọi chứng cứ", "close_evidence": "Thu gọn chứng cứ",
        "not_found": "{n} thiết bị khai báo, chưa tìm thấy",
        "previous": "Trang trước", "next": "Trang sau", "page": "Trang {n}/{of}", "pages": "Các trang",
        "search_agencies": "Tìm theo tên hoặc mã", "search_hint": "Gõ không dấu cũng được.", "found": "{n} cơ quan",
        "code": "Mã", "parent": "Trực thuộc", "children": "Đơn vị trực thuộc", "valid": "Hiệu lực",
        "still": "nay", "successor": "Tiếp nhận bởi", "ended": "Đã kết thúc",
        "ended_agencies": "Cơ quan đã kết thúc", "periods": "Các giai đoạn", "always": "không ghi",
        "findings": "Kết luận theo tiêu chí", "counts_for": "Tính vào chỉ tiêu",
        "counts_for_none": "không tính vào chỉ tiêu nào ở cấp này", "networks": "Mạng", "prefix": "Dải địa chỉ",
        "purpose": "Mục đích", "scan": "Được quét", "last_read": "Đọc hết lần cuối", "kind": "Loại",
        "provider": "Nhà cung cấp", "contracted": "Hợp đồng", "contracted_mbps": "Băng thông hợp đồng",
        "state": "Trạng thái", "state:up": "thông",
        "state:down": "không thông", "state:unknown": "chưa rõ", "purpose:lan": "mạng LAN", "purpose:wan": "mạng WAN",
        "purpose:data_centre": "trung tâm dữ liệu", "purpose:dmz": "vùng DMZ", "kind:internet": "Internet",
        "kind:mtslcd": "mạng truyền số liệu chuyên dùng", "kind:wan": "WAN", "declared_counts": "Số liệu khai báo",
        "document": "Văn bản", "day": "Ngày", "websites": "Trang thông tin điện tử",
        "none_declared": "Sổ đăng ký không ghi.", "no_assets": "Chưa tìm thấy thiết bị nào.",
        "unknown_role": "chưa nhận dạng", "members_of": "{n} đối tượng", "see_all": "Xem cả danh sách",
        "facts": "Thông tin", "proof": "Mức chứng minh", "held_since": "Giữ từ", "proof:measured": "đo trên thiết bị",
        "proof:agent": "tác tử trên máy báo", "proof:console": "hệ thống khác xuất ra", "proof:declared": "khai báo",
        "proof:inferred": "suy ra", "taken": "được dùng", "not_taken": "không dùng",
        "stale_facts": "Thông tin đã quá hạn", "too_old": "quá hạn",
        "stale_note": "Quá hạn nên không dùng để kết luận.",
        "conflicts_note": "Dòng đầu của mỗi mục là giá trị được dùng: mức chứng minh cao hơn, rồi đến mới hơn.",
        "identifiers": "Mã nhận dạng", "shared_identifier": "nhiều máy cùng có, không dùng để nhận dạng",
        "merges": "Các lần gộp", "merged": "Thiết bị {asset} được gộp vào {into}", "undone": "đã tách lại lúc {time}",
        "replaced": "Thay lúc", "still_so": "đang giữ", "first_seen": "Từ lúc", "last_seen": "Xác nhận lần cuối",
        "stated_unknown": "nguồn cho biết là không rõ", "asset_n": "Thiết bị số {n}",
        "item": "Mục", "history_cut": "Chỉ hiện {n} dòng mới nhất.", "history_all": "Xem tất cả",
        "id:serial": "Số sê-ri", "id:uuid": "UUID phần cứng", "id:chassis_mac": "MAC khung máy",
        "id:engine_id": "SNMP engine ID", "id:agent_id": "Mã tác tử", "id:mac": "MAC", "id:url": "URL",
        "same": "cùng {what}", "same:address": "cùng địa chỉ trong cùng mạng", "problem:404": "Không tìm thấy",
        "problem:422": "Yêu cầu chưa đúng", "problem:503": "Chưa đọc được dữ liệu",
        "no_page": "Không có trang nào ở địa chỉ này.", "no_plan": "Không có kế hoạch “{name}”.",
        "no_goal": "Kế hoạch này không có chỉ tiêu “{name}”.",
        "no_agency": "Sổ đăng ký không có cơ quan mã “{name}”.", "no_asset": "Không có thiết bị số “{name}”.",
        "meant": "Có phải ý bạn là:", "known": "Hiện có:",
        "bad_time": "“{text}” không phải là ngày. Cần một ngày như 31/03/2026, viết 2026-03-31.",
        "future": "“{text}” ở tương lai: lúc đó chưa quan sát được gì.",
        "try_again": "Cơ sở dữ liệu chưa trả lời. Hãy thử lại sau ít phút.", "and": "và", "or": "hoặc",
        "not": "không", "in": "thuộc", "like": "giống", "true": "có", "false": "không",
        "days": "{n} ngày", "hours": "{n} giờ", "minutes": "{n} phút", "seconds": "{n} giây",
        "role:router": "bộ định tuyến", "role:switch": "bộ chuyển mạch", "role:firewall": "tường lửa",
        "role:server": "máy chủ", "role:workstation": "máy trạm", "role:hypervisor": "máy chủ ảo hóa",
        "role:storage": "thiết bị lưu trữ", "role:power": "nguồn điện", "role:printer": "máy in",
        "role:wireless": "điểm truy cập không dây", "role:sensor": "cảm biến",
        "role:vc_endpoint": "thiết bị hội nghị truyền hình", "role:mcu": "thiết bị điều khiển đa điểm (MCU)",
        "role:camera": "camera", "role:voip": "điện thoại IP", "role:loadbalancer": "cân bằng tải",
        "role:management": "quản trị từ xa", "role:website": "trang web", "role:other": "khác", "col:index": "Số",
        "col:description": "Mô tả", "col:alias": "Bí danh", "col:type": "Loại", "col:admin": "Bật",
        "col:oper": "Hoạt động", "col:speed": "Tốc độ", "col:mac": "MAC", "col:local_port": "Cổng phía này",
        "col:sysname": "Thiết bị kề", "col:port": "Cổng phía kia", "col:port_description": "Mô tả cổng",
        "col:chassis": "Khung máy", "col:protocol": "Giao thức", "col:name": "Tên", "col:product": "Sản phẩm",
        "col:version": "Phiên bản", "col:publisher": "Nhà phát hành",
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
        "conflicts": "Sources that disagree", "history": "History", "parts": "Parts",
        "back": "First page", "address": "Address",
        "collectors": "Collectors",
        "search": "Search", "control": "Control",
        # The pages.
        "brand": "Dophu", "other_language": "Tiếng Việt",
        "skip": "Skip to the content", "nav": "Pages",
        "coverage": "Coverage", "show": "Show", "now": "Show now", "choose_plan": "Plan",
        "as_of_day": "As of the end of", "snapshot_at": "Figures of", "judged_as_of": "Judged again as of",
        "zone": "Vietnam time", "plan_number": "No.", "issued": "of", "summary": "Summary",
        "goals_of_plan": "goals in the plan", "no_due": "the text gives no date",
        "due:written": "written in the text", "due:plan-year": "end of the plan's year; the text gives no date",
        "due:none": "the text gives no date", "bar": "Chart", "all_levels": "All levels",
        "legend": "How to read the chart", "legend_proven": "proven: met, with evidence",
        "legend_possible": "unknown: possibly met", "legend_target": "target of the plan",
        "legend_note": "An agency that is silent is unknown and stays in the denominator.", "why_not_measured": "Why",
        "no_control": "no control yet", "nobody": "nobody to ask yet",
        "no_number": "no number written", "see_parts": "{n} targets", "last_run": "Last run",
        "last_success": "Last read to the end", "targets": "Targets read", "failed": "Failed", "never": "never",
        "no_collectors": "Nothing was collected yet.", "within_day": "within 24 hours", "collector": "Collector",
        "collected_at": "Last collected", "targets_failed": "{failed} of {targets} targets failed",
        "statement": "Statement", "figures": "Figures by level", "asked_of": "Asked of",
        "asked_of:agencies": "every agency", "asked_of:assets": "every asset", "asked_of:links": "every link",
        "where": "Only where", "meets": "Met when", "columns": "In which", "counts_when": "counted when",
        "looked": "networks read to the end within {age}", "max_age": "good for {age}",
        "declared_as": "Declared number in the denominator", "from_register": "from the register",
        "filter": "Filter the list", "any": "All", "members_shown": "{first}–{last} of {total}",
        "member": "Member", "no_members": "There are none.", "clear": "Clear",
        "evidence_more": "and {n} more, see the agency's page", "no_evidence": "No facts.",
        "networks_read": "Networks read to the end",
        "open_evidence": "Open all evidence", "close_evidence": "Close the evidence",
        "not_found": "{n} assets declared, not found",
        "previous": "Previous page", "next": "Next page", "page": "Page {n}/{of}", "pages": "Pages of the list",
        "search_agencies": "Search by name or code", "search_hint": "Accents may be left out.",
        "found": "{n} agencies", "code": "Code", "parent": "Part of", "children": "Units beneath", "valid": "Valid",
        "still": "now", "successor": "Taken over by", "ended": "Ended",
        "ended_agencies": "Agencies that ended", "periods": "Periods", "always": "not stated",
        "findings": "Findings by control", "counts_for": "Counts for the goal",
        "counts_for_none": "counts for no goal at this level", "networks": "Networks", "prefix": "Address range",
        "purpose": "Purpose", "scan": "May be scanned", "last_read": "Last read to the end", "kind": "Kind",
        "provider": "Provider", "contracted": "Contracted", "contracted_mbps": "Contracted bandwidth",
        "state": "State", "state:up": "up", "state:down": "down",
        "state:unknown": "unknown", "purpose:lan": "LAN", "purpose:wan": "WAN", "purpose:data_centre": "data centre",
        "purpose:dmz": "DMZ", "kind:internet": "Internet", "kind:mtslcd": "specialised data network (MTSLCD)",
        "kind:wan": "WAN", "declared_counts": "Declared numbers", "document": "Document", "day": "Day",
        "websites": "Websites", "none_declared": "None in the register.", "no_assets": "No asset was found yet.",
        "unknown_role": "not identified", "members_of": "{n} members", "see_all": "See the whole list",
        "facts": "Facts", "proof": "Proof", "held_since": "Held since", "proof:measured": "measured on the device",
        "proof:agent": "reported by an agent", "proof:console": "exported by another system",
        "proof:declared": "declared", "proof:inferred": "inferred", "taken": "taken", "not_taken": "not taken",
        "stale_facts": "Stale facts", "too_old": "stale", "stale_note": "Too old to conclude anything from.",
        "conflicts_note": "The first row of each is the value taken: better proof first, then the newer.",
        "identifiers": "Identifiers", "shared_identifier": "several machines have it: identifies nothing",
        "merges": "Merges", "merged": "Asset {asset} was merged into {into}", "undone": "undone {time}",
        "replaced": "Replaced", "still_so": "still so", "first_seen": "From", "last_seen": "Last confirmed",
        "stated_unknown": "the source states that it is unknown", "asset_n": "Asset {n}",
        "item": "Item", "history_cut": "Only the newest {n} rows are shown.", "history_all": "Show all",
        "id:serial": "Serial number", "id:uuid": "Hardware UUID", "id:chassis_mac": "Chassis MAC",
        "id:engine_id": "SNMP engine ID", "id:agent_id": "Agent id", "id:mac": "MAC", "id:url": "URL",
        "same": "same {what}", "same:address": "same address in the same network", "problem:404": "Not found",
        "problem:422": "That cannot be answered", "problem:503": "The data cannot be read now",
        "no_page": "There is no page at this address.", "no_plan": "There is no plan “{name}”.",
        "no_goal": "This plan has no goal “{name}”.",
        "no_agency": "The register has no agency with the code “{name}”.", "no_asset": "There is no asset “{name}”.",
        "meant": "Did you mean:", "known": "There are:",
        "bad_time": "“{text}” is no date. Expected a date such as 2026-03-31.",
        "future": "“{text}” is in the future: nothing was observed then.",
        "try_again": "The database does not answer. Try again in a few minutes.", "and": "and", "or": "or",
        "not": "not", "in": "is one of", "like": "is like", "true": "yes", "false": "no",
        "days": "{n} d", "hours": "{n} h", "minutes": "{n} min", "seconds": "{n} s", "role:router": "router",
        "role:switch": "switch", "role:firewall": "firewall", "role:server": "server",
        "role:workstation": "workstation", "role:hypervisor": "hypervisor", "role:storage": "storage",
        "role:power": "power supply", "role:printer": "printer", "role:wireless": "wireless access point",
        "role:sensor": "sensor", "role:vc_endpoint": "video-conference endpoint",
        "role:mcu": "multipoint control unit (MCU)", "role:camera": "camera", "role:voip": "IP telephone",
        "role:loadbalancer": "load balancer", "role:management": "remote management", "role:website": "website",
        "role:other": "other", "col:index": "Index", "col:description": "Description", "col:alias": "Alias",
        "col:type": "Type", "col:admin": "Enabled", "col:oper": "Works", "col:speed": "Speed", "col:mac": "MAC",
        "col:local_port": "Local port", "col:sysname": "Neighbour", "col:port": "Remote port",
        "col:port_description": "Port description", "col:chassis": "Chassis", "col:protocol": "Protocol",
        "col:name": "Name", "col:product": "Product", "col:version": "Version", "col:publisher": "Publisher",
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


def number(value: float, language: str) -> str:
    """A number as people write it: "1.234,5" in Vietnamese, "1,234.5" in English; at most two decimals."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


def day(value: date, language: str) -> str:
    """A day: "31/03/2026" in Vietnamese, "31 Mar 2026" in English."""
    if language == "vi":
        return f"{value:%d/%m/%Y}"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def clock(value: datetime, language: str) -> str:
    """A time in Vietnam: "14:05 31/03/2026" in Vietnamese, "31 Mar 2026 14:05" in English."""
    here = value.astimezone(ZONE)
    return f"{here:%H:%M} {day(here, language)}" if language == "vi" else f"{day(here, language)} {here:%H:%M}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
